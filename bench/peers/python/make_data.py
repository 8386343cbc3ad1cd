"""Writes the data that every peer reads, and the small model: once, from seeded values.

usage: make_data.py FOLDER ROWS DIGITS
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq

SEED = 20261124
VECTOR_WIDTH = 256
HIDDEN = 32
CLASSES = 10
# Multiples of both batch sizes, so that nobody has to put a batch together from two chunks.
RECORD_BATCH_ROWS = 4096
ROW_GROUP_ROWS = 16_384


def main(folder, rows, digits):
    random = np.random.default_rng(SEED)
    # Multiples of 2^-24 below 1: sums of them in float64 are exact, in whatever order they are added.
    vectors = random.random((rows, VECTOR_WIDTH), dtype=np.float32)
    pixels = pa.ipc.open_file(digits).read_all()["pixels"].combine_chunks()
    images = pixels.values.to_numpy().reshape(-1, pixels.type.list_size)
    write_model(folder / "light.onnx", random)
    manifest = {
        "vectors": write_files(folder / "vectors", vectors),
        "digits": write_files(folder / "digits", images[random.integers(len(images), size=rows)]),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_files(folder, values):
    """A column `x` as Arrow IPC file and stream, and as Parquet; returns what is known of it."""
    rows, width = values.shape
    column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), width)
    table = pa.table({"x": column})
    for format in ("arrow", "arrow-stream", "parquet"):
        (folder / format).mkdir(parents=True)
    with pa.ipc.new_file(folder / "arrow" / "000.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=RECORD_BATCH_ROWS)
    with pa.ipc.new_stream(folder / "arrow-stream" / "000.arrows", table.schema) as writer:
        writer.write_table(table, max_chunksize=RECORD_BATCH_ROWS)
    pq.write_table(table, folder / "parquet" / "000.parquet", row_group_size=ROW_GROUP_ROWS)
    return {
        "rows": rows,
        "width": width,
        "dtype": str(values.dtype),
        "columnSums": values.sum(axis=0, dtype=np.float64).tolist(),
    }


def write_model(path, random):
    """Two dense layers: little to compute for each byte that goes in."""
    helper = onnx.helper

    def weights(name, *shape):
        return onnx.numpy_helper.from_array(random.normal(0, 0.1, shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "w2", "b2"], ["y"]),
    ]
    initializers = [
        weights("w1", VECTOR_WIDTH, HIDDEN),
        weights("b1", HIDDEN),
        weights("w2", HIDDEN, CLASSES),
        weights("b2", CLASSES),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "light",
        [value("x", onnx.TensorProto.FLOAT, ["batch", VECTOR_WIDTH])],
        [value("y", onnx.TensorProto.FLOAT, ["batch", CLASSES])],
        initializers,
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])

"""What the Python peers share: the consumers that a loader is measured with, and the way from batches to written outputs.

A peer is a script that calls `main(batches)`, where `batches(case)` yields a numpy array [rows, width] a batch (a view of
the peer's own tensor), ready to be fed: cast and scaled where `case.scale` is set. It is run as

    python PEER.py CASE.json RESULT.json

once for each measurement. The same is written for Node in ../node/harness.mjs.
"""

import importlib.metadata
import json
import sys
import time
from types import SimpleNamespace

import numpy as np

now = time.perf_counter


def main(batches, packages, end_to_end=None):
    case_path, result_path = sys.argv[1:]
    with open(case_path) as file:
        case = SimpleNamespace(**json.load(file))
    modes = {"check": check, "loader": loader, "end-to-end": end_to_end or run_model}
    result = modes[case.mode](batches, case)
    result["versions"] = {name: importlib.metadata.version(name) for name in packages}
    with open(result_path, "w") as file:
        json.dump(result, file)


def check(batches, case):
    """The sums of all columns: whether every row arrives once and whole."""
    rows = 0
    sums = np.zeros(case.width)
    for batch in batches(case):
        rows += len(batch)
        sums += batch.sum(axis=0, dtype=np.float64)
    return {"rows": rows, "columnSums": sums.tolist()}


def loader(batches, case):
    staging = np.zeros((case.size, case.width), case.dtype)
    # As a device's driver reads a batch that it sends to the device.
    copy = lambda batch: np.copyto(staging[: len(batch)], batch)
    work = Work(case.workSeconds)
    result = {"touch": measure(batches, case, touch), "copy": measure(batches, case, copy)}
    result["work"] = measure(batches, case, work)
    result["work"]["busy"] = work.share()
    return result


def touch(batch):
    return batch[0, 0]


class Work:
    """A device that takes a fixed time for a batch and needs no CPU; tells the share of the time in which it had one."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.spans = []

    def __call__(self, batch):
        touch(batch)
        begin = now()
        time.sleep(self.seconds)
        self.spans.append((begin, now()))

    def share(self):
        # The first half belongs to the start: queues are full then.
        spans = self.spans[len(self.spans) // 2 :]
        return sum(end - begin for begin, end in spans[1:]) / (spans[-1][1] - spans[0][1])


def measure(batches, case, consume):
    """Rows a second from the first batch after `settleSeconds` on, for `seconds` or to the end of the data; from the very
    first on where the data is over before: views of a memory map are had in no time.
    """
    opened = now()
    first = started = None
    rows = all_rows = 0
    iterator = iter(batches(case))
    for batch in iterator:
        consume(batch)
        at = now()
        if first is None:
            first = at
            continue
        all_rows += len(batch)
        if started is None:
            if at - first >= case.settleSeconds:
                started = at
            continue
        rows += len(batch)
        if at - started >= case.seconds:
            break
    close = getattr(iterator, "close", None)
    if close:
        close()
    rate = rows / (at - started) if rows > 0 else all_rows / (at - first)
    return {"rowsPerSecond": rate, "firstBatchSeconds": first - opened}


def session(case):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(case.model, options, providers=["CPUExecutionProvider"])


def run_model(batches, case):
    """Every batch through the model, its outputs into one Arrow IPC file."""
    import pyarrow as pa

    started = now()
    model = session(case)
    (feed,) = model.get_inputs()
    shape = [-1, *feed.shape[1:]]
    classes = model.get_outputs()[0].shape[1]
    schema = pa.schema({"y": pa.list_(pa.float32(), classes)})
    rows = 0
    with pa.ipc.new_file(case.output + "/000.arrow", schema) as writer:
        for batch in batches(case):
            (y,) = model.run(None, {feed.name: batch.reshape(shape)})
            column = pa.FixedSizeListArray.from_arrays(pa.array(y.reshape(-1)), classes)
            writer.write_batch(pa.record_batch([column], schema=schema))
            rows += len(batch)
    return {"rows": rows, "seconds": now() - started}


def scaled(batch, case):
    """The cast that a model of float32 needs; nothing where the data is float32 already."""
    if case.scale is None:
        return batch
    return np.multiply(batch, np.float32(case.scale), dtype=np.float32)

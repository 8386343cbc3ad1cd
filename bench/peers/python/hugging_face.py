"""Hugging Face datasets: `with_format(…)` and `iter(batch_size)`.

https://huggingface.co/docs/datasets/use_with_numpy and use_with_pytorch; `variant` is the format. `arrow` is the format
without a conversion: https://huggingface.co/docs/datasets/use_with_pyarrow.
Arrow: a memory-mapped dataset, Dataset.from_file (https://huggingface.co/docs/datasets/package_reference/main_classes),
which reads the stream format: the same record batches in a stream were written once. Parquet: read as it is, streaming
(https://huggingface.co/docs/datasets/stream); not streaming, it would be converted to Arrow first.
"""

import datasets
import numpy as np
import pyarrow as pa
from chunks import array_of
from harness import main, scaled

datasets.disable_progress_bars()


def batches(case):
    for rows in dataset(case).with_format(case.variant).iter(batch_size=case.size):
        yield scaled(batch_of(rows["x"], case), case)


def dataset(case):
    if case.format == "parquet":
        return datasets.load_dataset("parquet", data_files=case.files, split="train", streaming=True)
    one = datasets.Dataset.from_file(case.arrowStream)
    return datasets.concatenate_datasets([one] * len(case.files))


def batch_of(values, case):
    if case.variant == "numpy":
        return values
    if case.variant == "torch":
        return values.numpy()
    # Without a copy where the batch lies in one chunk.
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    arrays = [array_of(chunk, case) for chunk in chunks]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


main(batches, ["datasets", "torch", "numpy", "pyarrow"])

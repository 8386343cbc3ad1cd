"""MosaicML Streaming: the rows in its own format, MDS, written once, by StreamingDataset and StreamingDataLoader.

https://docs.mosaicml.com/projects/streaming/en/stable/: the data is local, not shuffled, one canonical node; `batch_size`
is told to both, as the documentation wants. The data set is repeated by the stream, which starts no workers anew. Samples
are put together by numpy, which is faster than the default collate function.

With `--write ARROW_FILE FOLDER` it writes the MDS files.
"""

import sys

import numpy as np
import pyarrow as pa
import streaming
import torch
from harness import main, scaled


def write(path, folder):
    table = pa.ipc.open_file(pa.memory_map(path)).read_all()
    column = table["x"].combine_chunks()
    rows = column.values.to_numpy().reshape(-1, column.type.list_size)
    encoding = f"ndarray:{rows.dtype}:{rows.shape[1]}"
    with streaming.MDSWriter(out=folder, columns={"x": encoding}) as writer:
        for row in rows:
            writer.write({"x": row})


def collate(case):
    return lambda samples: torch.from_numpy(scaled(np.stack([sample["x"] for sample in samples]), case))


def batches(case):
    dataset = streaming.StreamingDataset(
        streams=[streaming.Stream(local=case.mds, repeat=len(case.files))],
        batch_size=case.size,
        shuffle=False,
        num_canonical_nodes=1,
    )
    ahead = {"prefetch_factor": max(2, 8 // case.workers), "persistent_workers": True} if case.workers else {}
    loader = streaming.StreamingDataLoader(
        dataset, batch_size=case.size, num_workers=case.workers, collate_fn=collate(case), **ahead
    )
    for batch in loader:
        yield batch.numpy()


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(*sys.argv[2:])
    else:
        # Names in shared memory that a run that was killed left behind.
        streaming.base.util.clean_stale_shared_memory()
        main(batches, ["mosaicml-streaming", "torch", "numpy"])

"""The suite's files through PyTorch's DataLoader, as its documents advise.

Whole batches come from an IterableDataset with `batch_size=None` (https://docs.pytorch.org/docs/stable/data.html,
«Disable automatic batching»: «it is more efficient to … load batched data»); workers share the record batches out
(«Iterable-style datasets», get_worker_info). Files are read through a memory map, which costs no copy
(https://arrow.apache.org/docs/python/ipc.html#efficiently-writing-and-reading-arrow-data).
"""

import warnings

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

# The tensors are views of a read-only memory map, and nobody writes into them.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


def chunks(case, shard=0, shards=1):
    """The column, record batch after record batch: those of this shard."""
    place = 0
    for path in case.files:
        reader = pa.ipc.open_file(pa.memory_map(path))
        for i in range(reader.num_record_batches):
            if place % shards == shard:
                yield reader.get_batch(i).column(case.column)
            place += 1


def forever(case, shard, shards):
    """Over and over; nothing at all where there are more shards than record batches and this one has none."""
    has_any = True
    while has_any:
        has_any = False
        for chunk in chunks(case, shard, shards):
            has_any = True
            yield chunk


def images(columns, case):
    """Batches of exactly `case.batch` rows, of uint8 [side, side, 3]: views where a record batch has them all."""
    shape = [-1, *case.options["shape"]]
    left = None
    for column in columns:
        rows = column.flatten().to_numpy(zero_copy_only=True).reshape(shape)
        if left is not None:
            rows = np.concatenate([left, rows])
        full = len(rows) - len(rows) % case.batch
        for start in range(0, full, case.batch):
            yield (rows[start : start + case.batch],)
        left = rows[full:] if full < len(rows) else None
    if left is not None:
        yield (left,)


def texts(columns, case):
    """Batches of `case.batch` texts of about one length, padded to that of their bucket."""
    buckets = np.array(case.options["buckets"])
    waiting = [[] for _ in buckets]
    for column in columns:
        offsets = column.offsets.to_numpy()
        values = column.values.to_numpy(zero_copy_only=True)
        found = np.searchsorted(buckets, np.diff(offsets))
        for row, bucket in enumerate(found):
            waiting[bucket].append(values[offsets[row] : offsets[row + 1]])
            if len(waiting[bucket]) == case.batch:
                yield padded(waiting[bucket], buckets[bucket])
                waiting[bucket] = []
    for rows, length in zip(waiting, buckets):
        if rows:
            yield padded(rows, length)


def padded(rows, length):
    mask = np.arange(length) < np.array([len(row) for row in rows])[:, None]
    ids = np.zeros(mask.shape, np.int32)
    ids[mask] = np.concatenate(rows)
    return ids, mask


def tensors(batches):
    for batch in batches:
        yield tuple(torch.from_numpy(part) for part in batch)


class Batches(IterableDataset):
    """Without end: whoever measures stops."""

    def __init__(self, case):
        self.case = case

    def __iter__(self):
        worker = get_worker_info()
        shard, shards = (0, 1) if worker is None else (worker.id, worker.num_workers)
        make = {"images": images, "texts": texts}[self.case.kind]
        return tensors(make(forever(self.case, shard, shards), self.case))


def loader(case, workers, is_cuda):
    # https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html: workers, pinned memory, and as many batches
    # ready as Penstock keeps by default, shared out among the workers.
    ahead = {"prefetch_factor": max(2, 8 // workers), "persistent_workers": True} if workers else {}
    return DataLoader(Batches(case), batch_size=None, num_workers=workers, pin_memory=is_cuda, **ahead)


def first_rows(case, count):
    """The first rows of the first file, in its order: for a look at what the model computes."""
    column = pa.ipc.open_file(pa.memory_map(case.files[0])).get_batch(0).column(case.column)[:count]
    if case.kind == "images":
        (rows,) = next(images([column], case))
        return [(torch.from_numpy(row[None]),) for row in rows[:count]]
    rows = [np.asarray(row.values) for row in column]
    return [tuple(torch.from_numpy(part) for part in padded([row], len(row))) for row in rows]

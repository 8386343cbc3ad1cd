"""PyTorch's DataLoader over whole batches.

Whole batches come from an IterableDataset with `batch_size=None`: https://docs.pytorch.org/docs/stable/data.html
(«Disable automatic batching»: «it is more efficient to … load batched data»); workers share the chunks out
(«Iterable-style datasets», get_worker_info). Arrays become tensors without a copy: torch.from_numpy.
"""

import warnings

import torch
from chunks import batches_of
from harness import main, scaled
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

# The tensors are views of a read-only memory map, and nobody writes into them.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


class Batches(IterableDataset):
    def __init__(self, case):
        self.case = case

    def __iter__(self):
        worker = get_worker_info()
        share = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for batch in batches_of(self.case, *share):
            yield torch.from_numpy(scaled(batch, self.case))


def batches(case):
    # As many batches ready as Penstock keeps by default: 7, shared out among the workers.
    ahead = {"prefetch_factor": max(2, 8 // case.workers), "persistent_workers": True} if case.workers else {}
    for batch in DataLoader(Batches(case), batch_size=None, num_workers=case.workers, **ahead):
        yield batch.numpy()


main(batches, ["torch", "numpy", "pyarrow"])

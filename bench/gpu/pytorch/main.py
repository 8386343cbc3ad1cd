"""One of the suite's models in PyTorch, over the suite's files: python main.py CASE.json RESULT.json

Tells what the first rows come to; rows a second of the loader alone, of the device alone and of all together, outputs
written; and what share of that time the device had nothing to do.
"""

import json
import os
import sys
import time
from types import SimpleNamespace

import pyarrow as pa
import torch
from data import first_rows, loader
from models import load

now = time.perf_counter


def main():
    case_path, result_path = sys.argv[1:]
    with open(case_path) as file:
        case = SimpleNamespace(**json.load(file))
    is_cuda = case.device.startswith("cuda")
    if is_cuda:
        if not torch.cuda.is_available():
            raise SystemExit("torch finds no CUDA here")
        # As ONNX Runtime's CUDA provider multiplies by default: TF32.
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    with torch.inference_mode():
        model = load(case).to(case.device)
        result = {
            "torch": torch.__version__,
            "cuda": torch.version.cuda if is_cuda else None,
            "device": torch.cuda.get_device_name(case.device) if is_cuda else "cpu",
            "outputs": check(model, case),
            "settings": settings(is_cuda),
            "loaders": [loader_alone(case, workers, is_cuda) for workers in worker_counts()],
            "deviceAlone": device_alone(model, case, is_cuda),
            "pipelines": [pipeline(model, case, workers, is_cuda) for workers in worker_counts()],
        }
    with open(result_path, "w") as file:
        json.dump(result, file)


def settings(is_cuda):
    told = "workers by cores, whole batches, prefetch_factor, persistent_workers, inference_mode"
    if is_cuda:
        told += ", pin_memory, non_blocking copies, cudnn.benchmark, TF32, channels_last"
    return told + ", eager"


def worker_counts():
    """None, which is the fastest where batches are views of a memory map, and as many as there are cores, or half."""
    cores = len(os.sched_getaffinity(0))
    return sorted({0, max(1, cores // 2), cores})


def check(model, case):
    """What the first rows come to, each in a batch of its own."""
    rows = first_rows(case, case.checkRows)
    return [model(*(part.to(case.device) for part in row))[0].cpu().tolist() for row in rows]


def loader_alone(case, workers, is_cuda):
    """Rows a second of the loader, whose batches nobody takes anywhere."""
    opened = now()
    rows = 0
    started = None
    for batch in loader(case, workers, is_cuda):
        # One element, so that a view of a memory map is more than a promise.
        batch[0].flatten()[0].item()
        at = now()
        if started is None:
            if at - opened >= case.settleSeconds:
                started = at
            continue
        rows += len(batch[0])
        if at - started >= case.loaderSeconds:
            break
    return {"workers": workers, "rowsPerSecond": rows / (at - started)}


def device_alone(model, case, is_cuda):
    """Rows a second of one batch that is on the device already, over and over: of images. Of texts, where batches of
    different length cost differently, a run of them."""
    batches = [to_device(batch, case) for _, batch in zip(range(case.hotBatches), loader(case, 0, is_cuda))]
    run = lambda: [model(*batch) for batch in batches]
    run()
    wait(is_cuda)
    rows = 0
    started = now()
    while rows == 0 or now() - started < case.deviceSeconds:
        run()
        wait(is_cuda)
        rows += sum(len(batch[0]) for batch in batches)
    return {"rowsPerSecond": rows / (now() - started)}


def to_device(batch, case):
    return [part.to(case.device, non_blocking=True) for part in batch]


def wait(is_cuda):
    if is_cuda:
        torch.cuda.synchronize()


class CudaClock:
    """When batches began and ended on the GPU, by its own events: copies to it, kernels, and copies back."""

    def __init__(self):
        self.spans = []

    def begin(self):
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def end(self, begun):
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self.spans.append((begun, event))
        return event

    def busy(self):
        torch.cuda.synchronize()
        (first, _), (_, last) = self.spans[0], self.spans[-1]
        return sum(begun.elapsed_time(ended) for begun, ended in self.spans) / first.elapsed_time(last)


class HostClock:
    """The same where the CPU is the device."""

    def __init__(self):
        self.spans = []

    def begin(self):
        return now()

    def end(self, begun):
        self.spans.append((begun, now()))

    def busy(self):
        (first, _), (_, last) = self.spans[0], self.spans[-1]
        return sum(ended - begun for begun, ended in self.spans) / (last - first)


def pipeline(model, case, workers, is_cuda):
    """All together, outputs in an Arrow file. The GPU gets its next batch before the outputs of the last are written."""
    clock = None
    rows = 0
    opened = now()
    started = None
    written = Output(case.output)
    last = None
    for batch in loader(case, workers, is_cuda):
        if started is None and now() - opened >= case.settleSeconds:
            wait(is_cuda)
            clock = CudaClock() if is_cuda else HostClock()
            started, started_at = now(), time.monotonic_ns() // 1000
        begun = clock and clock.begin()
        output = model(*to_device(batch, case))
        if is_cuda:
            output = output.to("cpu", non_blocking=True)
        if clock:
            clock.end(begun)
            rows += len(batch[0])
        copied = torch.cuda.Event() if is_cuda else None
        if copied:
            copied.record()
        if last:
            written.add(*last)
        last = (output, copied)
        # However long they take: of one alone there is nothing in between.
        if clock and len(clock.spans) >= 3 and now() - started >= case.pipelineSeconds:
            break
    written.add(*last)
    wait(is_cuda)
    ended, ended_at = now(), time.monotonic_ns() // 1000
    written.close()
    return {
        "workers": workers,
        "rowsPerSecond": rows / (ended - started),
        "busy": clock.busy(),
        "window": {"from": started_at, "to": ended_at},
    }


class Output:
    """Rows of outputs in an Arrow IPC file."""

    def __init__(self, path):
        self.path = path
        self.writer = None

    def add(self, output, copied):
        if copied:
            copied.synchronize()
        rows = output.numpy()
        column = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
        if self.writer is None:
            self.writer = pa.ipc.new_file(self.path, pa.schema({"output": column.type}))
        self.writer.write_batch(pa.record_batch([column], schema=pa.schema({"output": column.type})))

    def close(self):
        self.writer.close()


if __name__ == "__main__":
    main()

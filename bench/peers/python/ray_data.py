"""Ray Data: `iter_batches`, and `map_batches` with `write_parquet` from end to end.

Batches are pyarrow tables, which are not copied (https://docs.ray.io/en/latest/data/transforming-data.html, «Configuring
batch format»; numpy batches of list columns are arrays of objects), one batch is prefetched by a thread, which is the
default (https://docs.ray.io/en/latest/data/performance-tips.html; more made no difference). Ray reads Parquet itself; it
has no reader of Arrow files, for which it documents FileBasedDatasource
(https://docs.ray.io/en/latest/data/custom-datasource-example.html).
"""

import logging
import os
import shutil
import tempfile

os.environ["RAY_DEDUP_LOGS"] = "0"

import pyarrow as pa
import ray
from chunks import array_of
from harness import main, now, scaled, session
from ray.data.datasource import FileBasedDatasource


class ArrowFiles(FileBasedDatasource):
    def _read_stream(self, file, path):
        reader = pa.ipc.open_file(pa.memory_map(path))
        for i in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(i)])


def start():
    # Names of sockets have 107 bytes at most, and Ray's part of them is long.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    options = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    ray.init(num_cpus=os.cpu_count(), _temp_dir=folder, object_store_memory=2 * 2**30, **options)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return folder


def dataset(case):
    if case.format == "parquet":
        return ray.data.read_parquet(case.files)
    return ray.data.read_datasource(ArrowFiles(case.files))


def batch_of(table, case):
    column = table["x"]
    chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return array_of(chunk, case)


def batches(case):
    for table in dataset(case).iter_batches(batch_size=case.size, batch_format="pyarrow"):
        yield scaled(batch_of(table, case), case)


class Model:
    """Lives in an actor, which holds the session: https://docs.ray.io/en/latest/data/batch_inference.html"""

    def __init__(self, case):
        self.case = case
        self.session = session(case)
        (self.feed,) = self.session.get_inputs()

    def __call__(self, table):
        batch = scaled(batch_of(table, self.case), self.case)
        (y,) = self.session.run(None, {self.feed.name: batch.reshape([-1, *self.feed.shape[1:]])})
        return pa.table({"y": pa.FixedSizeListArray.from_arrays(pa.array(y.reshape(-1)), y.shape[1])})


def end_to_end(_, case):
    started = now()
    outputs = dataset(case).map_batches(
        Model,
        fn_constructor_args=[case],
        batch_size=case.size,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=1),
        num_cpus=1,
    )
    # By default every batch becomes a file, when batches are small.
    outputs.write_parquet(case.output, min_rows_per_file=100_000)
    return {"rows": case.rows, "seconds": now() - started}


folder = start()
try:
    main(batches, ["ray", "pyarrow", "numpy"], end_to_end)
finally:
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)

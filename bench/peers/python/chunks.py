"""Reading with pyarrow, as the peers do that bring no reader of their own."""

import pyarrow as pa
import pyarrow.parquet as pq


def chunks(case, shard=0, shards=1):
    """Numpy arrays [rows, width], some thousand rows each: views of a memory map, or what Parquet was decoded into."""
    read = {"arrow": arrow_chunks, "parquet": parquet_chunks}[case.format]
    for path in case.files:
        for column in read(path, shard, shards):
            yield array_of(column, case)


def array_of(column, case):
    return column.flatten().to_numpy(zero_copy_only=True).reshape(-1, case.width)


def arrow_chunks(path, shard, shards):
    # https://arrow.apache.org/docs/python/ipc.html#efficiently-writing-and-reading-arrow-data: a memory map is read
    # without a copy.
    reader = pa.ipc.open_file(pa.memory_map(path))
    for i in range(shard, reader.num_record_batches, shards):
        yield reader.get_batch(i).column("x")


def parquet_chunks(path, shard, shards):
    # https://arrow.apache.org/docs/python/parquet.html#reading-parquet-and-memory-mapping: memory_map helps little with
    # what must be decoded, but on some systems it does.
    file = pq.ParquetFile(path, memory_map=True)
    for i in range(shard, file.num_row_groups, shards):
        for chunk in file.read_row_group(i, columns=["x"], use_threads=False).column("x").chunks:
            yield chunk


def batches_of(case, shard=0, shards=1):
    for chunk in chunks(case, shard, shards):
        for start in range(0, len(chunk), case.size):
            yield chunk[start : start + case.size]

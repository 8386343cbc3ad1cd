"""tf.data, fed by pyarrow, with prefetch(AUTOTUNE).

https://www.tensorflow.org/guide/data_performance: prefetch, parallel map, work on whole batches. Whole chunks of some
thousand rows come in and are cut into batches by `rebatch`
(https://www.tensorflow.org/api_docs/python/tf/data/Dataset#rebatch), in C++. `variant`:

- generator: from_generator over chunks;
- map: a parallel map reads chunks, by numpy_function;
- memory: from_tensor_slices over all rows, read into memory before the clock starts.

TensorFlow I/O 0.37.1 was tried and left out: it does not open these Arrow files (InternalError), and reads a list in
Parquet as single numbers.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from chunks import array_of, chunks
from harness import main

AUTOTUNE = tf.data.AUTOTUNE


def batches(case):
    dataset = {"generator": generator, "map": parallel_map, "memory": memory}[case.variant](case)
    if case.scale is not None:
        cast = lambda x: tf.cast(x, tf.float32) * tf.constant(case.scale, tf.float32)
        dataset = dataset.map(cast, num_parallel_calls=AUTOTUNE)
    # as_numpy_iterator hands out views of the tensors.
    return dataset.prefetch(AUTOTUNE).as_numpy_iterator()


def generator(case):
    signature = tf.TensorSpec([None, case.width], case.dtype)
    return tf.data.Dataset.from_generator(lambda: chunks(case), output_signature=signature).rebatch(case.size)


def parallel_map(case):
    readers = [open_file(path, case) for path in case.files]
    places = np.array([(f, i) for f, (count, _) in enumerate(readers) for i in range(count)])

    def read(place):
        file, i = place
        return readers[file][1](i)

    def chunk(place):
        values = tf.numpy_function(read, [place], case.dtype, stateful=False)
        return tf.ensure_shape(values, [None, case.width])

    dataset = tf.data.Dataset.from_tensor_slices(places)
    return dataset.map(chunk, num_parallel_calls=AUTOTUNE).rebatch(case.size)


def open_file(path, case):
    """How many chunks a file has, and what reads one."""
    if case.format == "arrow":
        reader = pa.ipc.open_file(pa.memory_map(path))
        return reader.num_record_batches, lambda i: array_of(reader.get_batch(i).column("x"), case)
    file = pq.ParquetFile(path, memory_map=True)
    read = lambda i: file.read_row_group(i, columns=["x"], use_threads=False)
    return file.num_row_groups, lambda i: array_of(read(i).column("x").combine_chunks(), case)


# Kept from one pass to the next, as it is by those who have the memory.
ALL = None


def memory(case):
    global ALL
    if ALL is None:
        first = type(case)(**{**vars(case), "files": case.files[:1]})
        ALL = tf.constant(np.concatenate(list(chunks(first))))
    rows = tf.data.Dataset.from_tensor_slices(ALL)
    return rows.repeat(len(case.files)).batch(case.size, num_parallel_calls=AUTOTUNE)


main(batches, ["tensorflow-cpu", "numpy", "pyarrow"])

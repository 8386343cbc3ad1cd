"""What is written in a folder: rows, and the sums of the columns of the model's output, as JSON.

usage: check_output.py FOLDER
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def tables(folder):
    for path in sorted(folder.rglob("*.arrow")):
        yield pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    for path in sorted(folder.rglob("*.parquet")):
        yield pq.read_table(path)


rows = 0
sums = 0
for table in tables(Path(sys.argv[1])):
    for chunk in table.column(0).chunks:
        if len(chunk) > 0:
            # Penstock's lists are tensors to pyarrow: https://arrow.apache.org/docs/format/CanonicalExtensions.html
            lists = chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk
            values = lists.flatten().to_numpy(zero_copy_only=False).reshape(len(chunk), -1)
            rows += len(values)
            sums += values.sum(axis=0, dtype=np.float64)
json.dump({"rows": rows, "columnSums": sums.tolist() if rows else []}, sys.stdout)

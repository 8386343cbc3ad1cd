"""Reads what the digits example has written, with pyarrow: `outputs.py FOLDER`."""
import pathlib
import sys

import pyarrow as pa
from pyarrow import ipc

parts = sorted(pathlib.Path(sys.argv[1]).glob("part-*.arrow"))
table = pa.concat_tables(ipc.open_file(part).read_all() for part in parts)
source = ipc.open_file("examples/digits/digits.arrow").read_all()
assert table.num_rows == source.num_rows == 2000, table.num_rows
for name in ["id", "label"]:
    assert table[name].type == source[name].type, table.schema
    assert table[name].to_pylist() == source[name].to_pylist(), name
logits = table["logits"].to_pylist()
assert all(len(row) == 10 for row in logits)
right = sum(row.index(max(row)) == label for row, label in zip(logits, table["label"].to_pylist()))
assert right / 2000 >= 0.975, right
print(f"{len(parts)} parts, {table.num_rows} rows, {right} digits recognised; {table.schema.to_string()}")

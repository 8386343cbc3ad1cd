"""What Penstock writes, as pyarrow and DuckDB see it.

    outputs.py write FOLDER    writes types.arrow, a column of every type that can be kept, for a job to read
    outputs.py read FOLDER     reads what jobs have written to FOLDER/digits/FORMAT-CODEC and FOLDER/types/FORMAT-CODEC
"""

import base64
import datetime
import decimal
import json
import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

command, folder = sys.argv[1], pathlib.Path(sys.argv[2])
ROWS = 40


def some(make):
    """A fifth of the values null."""
    return [None if i % 5 == 3 else make(i) for i in range(ROWS)]


def every_type():
    columns = {"id": pa.array(range(ROWS), pa.int32())}
    for bits in (8, 16, 32, 64):
        columns[f"int{bits}"] = pa.array(some(lambda i: -i), getattr(pa, f"int{bits}")())
        columns[f"uint{bits}"] = pa.array(some(lambda i: i), getattr(pa, f"uint{bits}")())
    columns["big"] = pa.array(some(lambda i: 2**62 + i), pa.int64())
    columns["huge"] = pa.array(some(lambda i: 2**64 - 1 - i), pa.uint64())
    columns["float16"] = pa.array(some(lambda i: i / 4), pa.float16())
    columns["float32"] = pa.array(some(lambda i: i / 8), pa.float32())
    columns["float64"] = pa.array(some(lambda i: i / 3), pa.float64())
    columns["bool"] = pa.array(some(lambda i: i % 3 == 0), pa.bool_())
    columns["decimal"] = pa.array(some(lambda i: decimal.Decimal(i - 7) / 8), pa.decimal128(20, 3))
    columns["decimal256"] = pa.array(some(lambda i: decimal.Decimal(10**40 + i)), pa.decimal256(50, 2))
    for unit in ("s", "ms", "us", "ns"):
        columns[f"timestamp_{unit}"] = pa.array(some(lambda i: 1000 * i - 7), pa.timestamp(unit))
        columns[f"utc_{unit}"] = pa.array(some(lambda i: 10**9 + i), pa.timestamp(unit, "UTC"))
        columns[f"duration_{unit}"] = pa.array(some(lambda i: i - 9), pa.duration(unit))
    columns["time_s"] = pa.array(some(lambda i: 60 * i), pa.time32("s"))
    columns["time_ms"] = pa.array(some(lambda i: 60 * i), pa.time32("ms"))
    columns["time_us"] = pa.array(some(lambda i: 60 * i), pa.time64("us"))
    columns["time_ns"] = pa.array(some(lambda i: 60 * i), pa.time64("ns"))
    columns["date32"] = pa.array(some(lambda i: i * 400), pa.date32())
    columns["date64"] = pa.array(some(lambda i: datetime.date(2026, 1, 1 + i % 28)), pa.date64())
    text = some(lambda i: f"text {i} é \"quoted\"\n" * (i % 4))
    raw = [value if value is None else value.encode() for value in text]
    for name, kind in (("utf8", pa.string()), ("large", pa.large_string()), ("view", pa.string_view())):
        columns[name] = pa.array(text, kind)
    for name, kind in (("binary", pa.binary()), ("large_binary", pa.large_binary()), ("binary_view", pa.binary_view())):
        columns[name] = pa.array(raw, kind)
    columns["fixed"] = pa.array(some(lambda i: bytes([i] * 3)), pa.binary(3))
    lists = some(lambda i: [None if k == 2 else k + i for k in range(i % 4)])
    pairs = some(lambda i: [i, -i])
    columns["list"] = pa.array(lists, pa.list_(pa.float32()))
    columns["large_list"] = pa.array(lists, pa.large_list(pa.int16()))
    columns["vector"] = pa.array(pairs, pa.list_(pa.float64(), 2))
    columns["nested"] = pa.array(some(lambda i: [[i], [], None]), pa.list_(pa.list_(pa.int32())))
    columns["times"] = pa.array(some(lambda i: [i, None]), pa.list_(pa.timestamp("s")))
    columns["words"] = pa.array(some(lambda i: ["a", "b" * i]), pa.list_(pa.string()))
    columns["struct"] = pa.array(
        some(lambda i: {"x": i, "s": f"s{i}", "l": [i]}),
        pa.struct({"x": pa.int64(), "s": pa.string(), "l": pa.list_(pa.int8())}),
    )
    columns["map"] = pa.array(some(lambda i: [(f"k{k}", k) for k in range(i % 3)]), pa.map_(pa.string(), pa.int32()))
    columns["dictionary"] = pa.array(some(lambda i: f"word {i % 4}")).dictionary_encode().cast(
        pa.dictionary(pa.int8(), pa.string())
    )
    columns["nothing"] = pa.nulls(ROWS)
    tensor = pa.fixed_shape_tensor(pa.float32(), [2, 3])
    values = pa.array([[i + k for k in range(6)] for i in range(ROWS)], tensor.storage_type)
    columns["tensor"] = pa.ExtensionArray.from_storage(tensor, values)
    return pa.table(columns)


# Parquet has no seconds, and its dates are days: as pyarrow's own writer has it.
PARQUET = {
    "timestamp_s": pa.timestamp("ms"),
    "utc_s": pa.timestamp("ms", "UTC"),
    "time_s": pa.time32("ms"),
    "date64": pa.date32(),
    "times": pa.list_(pa.timestamp("ms")),
}


def parts(path, extension):
    found = sorted(path.glob(f"part-*.{extension}"))
    assert found and (path / "_SUCCESS").exists(), path
    return found


def read_arrow(path):
    return pa.concat_tables(ipc.open_file(part).read_all() for part in parts(path, "arrow")).unify_dictionaries()


def read_parquet(path, codec):
    files = [pq.ParquetFile(part) for part in parts(path, "parquet")]
    for file in files:
        used = {file.metadata.row_group(g).column(0).compression for g in range(file.metadata.num_row_groups)}
        assert used == {{"none": "UNCOMPRESSED"}.get(codec, codec.upper())}, (path, used)
    return pa.concat_tables(file.read() for file in files).unify_dictionaries()


def read_jsonl(path):
    return [json.loads(line) for part in parts(path, "jsonl") for line in part.read_text().splitlines()]


def same(found, expected, name, where):
    """Values and type, whatever the chunks and dictionaries."""
    assert found.type.equals(expected.type), (where, name, found.type, expected.type)
    if pa.types.is_dictionary(found.type):
        found, expected = found.cast(found.type.value_type), expected.cast(expected.type.value_type)
    assert found.combine_chunks().equals(expected.combine_chunks()), (where, name)


def check_types(path, source):
    form, codec = path.name.split("-")
    if form == "jsonl":
        return check_types_jsonl(path, source)
    table = read_arrow(path) if form == "arrow" else read_parquet(path, codec)
    assert table.column_names == [*source.column_names, "checksum"], table.column_names
    for name in source.column_names:
        expected = source[name]
        if form == "parquet" and name in PARQUET:
            expected = expected.cast(PARQUET[name])
        same(table[name], expected, name, path)
    assert table["tensor"].type == pa.fixed_shape_tensor(pa.float32(), [2, 3])


def check_types_jsonl(path, source):
    rows = read_jsonl(path)
    assert [row["id"] for row in rows] == list(range(ROWS))

    def values(name):
        return [row[name] for row in rows]

    plain = ["int8", "uint64", "float16", "float32", "float64", "bool", "utf8", "large", "view", "list", "large_list"]
    plain += ["vector", "nested", "words", "struct", "dictionary", "nothing"]
    for name in plain:
        assert values(name) == source[name].to_pylist(), name
    for name in ("big", "huge", "decimal", "decimal256"):
        kind = decimal.Decimal if "decimal" in name else int
        assert [v and kind(v) for v in values(name)] == source[name].to_pylist(), name
    for name in ("binary", "large_binary", "binary_view", "fixed"):
        assert [v if v is None else base64.b64decode(v) for v in values(name)] == source[name].to_pylist(), name
    for name in ("timestamp_s", "timestamp_ms", "timestamp_us", "utc_s", "utc_us"):
        read = [v and datetime.datetime.fromisoformat(v.replace("Z", "+00:00")) for v in values(name)]
        assert read == source[name].to_pylist(), (name, read)
    for name, kind in (("date32", datetime.date), ("date64", datetime.date), ("time_us", datetime.time)):
        assert [v and kind.fromisoformat(v) for v in values(name)] == source[name].to_pylist(), name
    assert [v if v is None else list(v.items()) for v in values("map")] == source["map"].to_pylist()
    assert values("tensor") == [[[i, i + 1, i + 2], [i + 3, i + 4, i + 5]] for i in range(ROWS)]


def check_digits(path, source):
    form, codec = path.name.split("-")
    if form == "jsonl":
        rows = read_jsonl(path)
        ids, labels, logits = ([row[name] for row in rows] for name in ("id", "label", "logits"))
    else:
        table = read_arrow(path) if form == "arrow" else read_parquet(path, codec)
        for name in ("id", "label"):
            same(table[name], source[name], name, path)
        assert table["logits"].type == pa.fixed_shape_tensor(pa.float32(), [10]), table.schema
        ids, labels, logits = (table[name].to_pylist() for name in ("id", "label", "logits"))
    assert ids == source["id"].to_pylist() and labels == source["label"].to_pylist()
    assert all(len(row) == 10 for row in logits)
    right = sum(row.index(max(row)) == label for row, label in zip(logits, labels))
    assert right / 2000 >= 0.975, right
    if form == "arrow":
        return right
    # DuckDB finds the largest logit by itself.
    reader = {"parquet": "read_parquet", "jsonl": "read_json"}[form]
    query = f"""SELECT count(*), count(*) FILTER (list_position(logits, list_max(logits)) - 1 = label), min(id), max(id)
        FROM {reader}('{path}/part-*.{form}')"""
    assert duckdb.sql(query).fetchall()[0] == (2000, right, 0, 1999), path
    return right


if command == "write":
    with ipc.new_file(folder / "types.arrow", every_type().schema) as writer:
        for batch in every_type().to_batches(max_chunksize=17):
            writer.write_batch(batch)
else:
    digits = ipc.open_file("examples/digits/digits.arrow").read_all()
    types = ipc.open_file(folder / "types.arrow").read_all()
    for path in sorted((folder / "types").iterdir()):
        check_types(path, types)
        print(f"{path.name}: {len(types.column_names)} types read as they were")
    for path in sorted((folder / "digits").iterdir()):
        print(f"{path.name}: 2000 rows, {check_digits(path, digits)} digits recognised")

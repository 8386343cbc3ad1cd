"""pyarrow alone, in one thread: what it costs to decode Parquet, each batch a view of what was decoded."""

from chunks import batches_of
from harness import main, scaled


def batches(case):
    for batch in batches_of(case):
        yield scaled(batch, case)


main(batches, ["pyarrow", "numpy"])

"""Sums up the Parquet files of a folder, so that the bench can compare them with the source.

usage: check.py FOLDER '["COLUMN", ...]'

A row is the CRC-32 of its values as text, joined by U+001F, null as U+0000; the sum over all rows, modulo 2^64, does
not depend on their order. Values are written as OData V4 writes them in JSON.
"""

import json
import sys
import zlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def texts(column):
    """A column as OData's texts."""
    if pa.types.is_timestamp(column.type):
        # The cast refuses to lose a fraction of a second.
        moments = column.cast(pa.timestamp("s")).cast(pa.string())
        column = pc.binary_join_element_wise(pc.replace_substring(moments, " ", "T"), "Z", "")
    return pc.fill_null(column.cast(pa.string()), "\0").to_pylist()


def main(folder, columns):
    rows, total = 0, 0
    for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        with file.open("rb") as stream:
            table = pq.read_table(stream)
        if sorted(table.column_names) != sorted(columns):
            sys.exit(f"{file} has the columns {table.column_names}, and the source has {columns}")
        for row in zip(*(texts(table[name]) for name in columns)):
            total += zlib.crc32("\x1f".join(row).encode())
        rows += table.num_rows
    print(json.dumps({"rows": rows, "sum": total % 2**64}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))

"""What the flow of the files part does, done by Polars and by DuckDB, and a judge of all results.

usage: peers.py polars|duckdb SOURCE TARGET      one JSON line: seconds without imports, peak memory in MiB
       peers.py check all|sums FOLDER FOLDER...  one JSON line: rows and a sum over all rows, the same for each folder

SOURCE is a CSV file; with S3 in the environment (`S3_ENDPOINT`, `S3_KEY`, `S3_SECRET`), an object's URL. Every column
is read as text, and what is computed is converted as the flow converts it. `all` compares the rows both ways, which
takes memory; `sums` compares a sum of hashes that does not depend on the order.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

GROUP = 131_072


def s3():
    """How Polars reaches an S3 endpoint."""
    if "S3_ENDPOINT" not in os.environ:
        return None
    return {
        "aws_endpoint_url": os.environ["S3_ENDPOINT"], "aws_access_key_id": os.environ["S3_KEY"],
        "aws_secret_access_key": os.environ["S3_SECRET"], "aws_region": "us-east-1", "aws_allow_http": "true",
    }


def polars(source, target):
    """The streaming engine, which is the quicker one for this and takes the least memory."""
    import polars as pl

    begun = time.perf_counter()
    column = pl.col
    price, quantity = column("price").cast(pl.Float64), column("quantity").cast(pl.Float64)
    shown = pl.max_horizontal(column("phone").str.len_chars().cast(pl.Int64) - 4, pl.lit(0))
    frame = pl.scan_csv(source, infer_schema=False, storage_options=s3())
    frame = frame.filter((column("status") != "closed") & (price > 250))
    frame = frame.select(
        column("id").cast(pl.Int64), column("first_name").alias("given_name"), column("last_name"), column("email"),
        (column("phone").str.head(shown) + "****").alias("phone"), column("city"), column("quantity").cast(pl.Int64),
        price.alias("price"), (quantity * price).alias("total"), column("created_at"), column("region"),
    )
    frame.sink_parquet(target, compression="snappy", row_group_size=GROUP, storage_options=s3())
    return time.perf_counter() - begun


def duckdb(source, target):
    import duckdb as db

    begun = time.perf_counter()
    db.connect().execute(f"""
        COPY (SELECT id::BIGINT AS id, first_name AS given_name, last_name, email,
                     left(phone, greatest(length(phone) - 4, 0)) || '****' AS phone, city, quantity::BIGINT AS quantity,
                     price::DOUBLE AS price, quantity::DOUBLE * price::DOUBLE AS total, created_at, region
              FROM read_csv('{source}', all_varchar = true, header = true)
              WHERE status <> 'closed' AND price::DOUBLE > 250)
        TO '{target}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {GROUP})""")
    return time.perf_counter() - begun


def check(how, folders):
    """Compares results; ends with an error where they differ."""
    import duckdb as db

    connection = db.connect()
    columns = ("id::BIGINT, given_name::VARCHAR, last_name::VARCHAR, email::VARCHAR, phone::VARCHAR, city::VARCHAR,"
               "quantity::BIGINT, price::DOUBLE, total::DOUBLE, created_at::VARCHAR, region::VARCHAR")
    tables = []
    for folder in folders:
        files = [str(path) for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        tables.append(f"read_parquet({files})")
    sums = [
        connection.execute(f"SELECT count(*), sum(hash({columns})::HUGEINT) FROM {table}").fetchone()
        for table in tables
    ]
    if len(set(sums)) != 1:
        sys.exit(f"the results differ: {dict(zip(folders, sums))}")
    if how == "all":
        for other in tables[1:]:
            for left, right in ((tables[0], other), (other, tables[0])):
                extra = connection.execute(
                    f"SELECT count(*) FROM (SELECT {columns} FROM {left} EXCEPT ALL SELECT {columns} FROM {right})"
                ).fetchone()[0]
                if extra:
                    sys.exit(f"{extra} rows of {left} are not in {right}")
    return {"rows": sums[0][0], "sum": str(sums[0][1])}


def main(arguments):
    if arguments[0] == "check":
        print(json.dumps(check(arguments[1], arguments[2:])))
        return
    seconds = {"polars": polars, "duckdb": duckdb}[arguments[0]](*arguments[1:])
    print(json.dumps({"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(sys.argv[1:])

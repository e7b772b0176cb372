"""Ten thousand scheduled flows on the whole server: every tick has its run, once, and soon."""

import collections
import json
import sqlite3
import time

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.process import wait_until
from support.schedules import MINUTE, scheduled
from support.server import binary

FLOWS = 10_000
# So many runs are looked at with what they wrote.
WHOLE = 300
# The promise is a second. A build without optimisation, on a machine that is busy with other tests, gets some more.
SECONDS = 1 if "release" in binary().parts else 4


def multiply(server, due):
    """Makes many flows of the one that there is, all of them active and due at once. The server must be down."""
    with sqlite3.connect(server.data_dir / "tidegate.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(flow)")]
        changed = {"name": "'flow-' || printf('%05d', n)", "definition": "json_set(definition, '$.flowName', 'flow-' || printf('%05d', n))",
                   "activated_at_ms": "?1", "next_due_ms": "?1", "status": "'Active'"}
        database.execute(
            f"WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {FLOWS}) "
            f"INSERT INTO flow ({', '.join(columns)}) SELECT {', '.join(changed.get(column, column) for column in columns)} "
            "FROM flow, numbers WHERE name = 'first'", [due])
        database.execute("DELETE FROM flow WHERE name = 'first'")


def reached(server, count, since, seconds):
    """Seconds after a moment (in epoch milliseconds) at which so many runs are there, seen by another process."""
    wait_until(lambda: server.rows("SELECT COUNT(*) FROM run")[0][0] >= count, server, seconds)
    return time.time() - since / 1000


@pytest.fixture
def many(make_server):
    server = make_server("--connection-check", "off")
    Bucket(server, "input").put("a/1.csv", "id\n1\n")
    Bucket(server, "out")
    server.boto().create_flow(**flow("first", s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **scheduled()))
    server.stop()
    return server


def test_ten_thousand_flows_that_are_due_at_once(many, record_property, capfd):
    # How long a start with so many flows takes here, while the tick is an hour away; the real one leaves ample time for it.
    multiply(many, int((time.time() + 3600) * 1000))
    began = time.monotonic()
    many.start()
    took = time.monotonic() - began
    many.kill()
    due = int((time.time() + 4 + 4 * took) * 1000)
    with sqlite3.connect(many.data_dir / "tidegate.db") as database:
        database.execute("UPDATE flow SET next_due_ms = ?1, activated_at_ms = ?1", [due])
    many.start()
    assert many.rows("SELECT COUNT(*) FROM run") == [(0,)]
    assert time.time() * 1000 < due, f"a start that took {took} s before takes more than four times as long"
    lags = {part: reached(many, FLOWS * part // 100, due, 60) for part in (1, 50, 99, 100)}
    for part, lag in lags.items():
        record_property(f"lag_p{part}_seconds", round(lag, 3))
    with capfd.disabled():
        print(f"\n{FLOWS} flows due at once: seconds from the tick to the run's row:", {f"p{k}": round(v, 3) for k, v in lags.items()})
    assert lags[99] < SECONDS, lags
    # Each tick once: that of the beginning in every flow's first run, and no run besides.
    time.sleep(1)
    runs = many.rows("SELECT flow, ticks, trigger FROM run")
    assert len(runs) == FLOWS == len({name for name, *_ in runs})
    assert {(tuple(json.loads(ticks)["listed"]), trigger) for _, ticks, trigger in runs} == {((due,), "Scheduled")}

    # They do what they are there for.
    good = wait_until(lambda: (found := many.rows("SELECT id, flow FROM run WHERE status = 'Successful'")) and len(found) >= WHOLE and found, many, 120)
    assert many.rows("SELECT COUNT(*) FROM run WHERE status IN ('Error', 'Canceled')") == [(0,)]
    out = many.data_dir / "s3" / "out"
    for run, name in good:
        object, = (path for path in (out / name).rglob("*") if path.is_file())
        assert run in str(object) and object.read_text() == '{"id":"1"}\n', (name, run, object)

    # The server dies among them, and is down while two more are due: all that has happened is moved into the past. What was
    # missed is taken in by a run that waits, or is a run behind one that has begun.
    many.kill()
    back = due + 2 * MINUTE - int(time.time() * 1000)
    all_ticks = [due - back, due + MINUTE - back, due + 2 * MINUTE - back]
    with sqlite3.connect(many.data_dir / "tidegate.db") as database:
        database.execute("UPDATE flow SET next_due_ms = next_due_ms - ?1, activated_at_ms = activated_at_ms - ?1", [back])
        database.execute("UPDATE run SET due_at_ms = due_at_ms - ?, ticks = replace(ticks, ?, ?)", [back, str(due), str(due - back)])
    many.start()
    wait_until(lambda: many.rows("SELECT COUNT(*) FROM flow WHERE next_due_ms <= ?", all_ticks[-1]) == [(0,)], many, 60)
    ticks = collections.defaultdict(list)
    for name, text in many.rows("SELECT flow, ticks FROM run WHERE trigger = 'Scheduled' ORDER BY seq"):
        ticks[name] += json.loads(text)["listed"]
    assert len(ticks) == FLOWS
    for name, found in ticks.items():
        assert found[:3] == all_ticks and len(found) == len(set(found)), (name, found)

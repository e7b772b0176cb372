"""The clock on the wall is set while the server runs: each due time has exactly one run, and a flow goes on."""

import json
import time
from pathlib import Path

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.process import wait_until
from support.schedules import MINUTE, scheduled


@pytest.fixture
def clock(tmp_path):
    """What makes a server read another clock (not the steady one, which nobody can set), and a way to set it."""
    library, = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    file = tmp_path / "clock"

    class Clock:
        env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
               "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

        @staticmethod
        def set(minutes):
            # Whole at once: the server may read it at any time.
            new = file.with_suffix(".new")
            new.write_text(f"{minutes * 60:+d}\n")
            new.rename(file)

    Clock.set(0)
    return Clock


def test_each_tick_has_one_run_however_the_clock_jumps(make_server, clock):
    server = make_server("--connection-check", "off", **clock.env)
    Bucket(server, "input").put("a/1.csv", "id\n1\n")
    out = Bucket(server, "output")
    client = server.boto()
    client.create_flow(**flow("f1", s3_source("input", "a"), s3_destination("output"), [map_all("S3")], **scheduled()))
    client.start_flow(flowName="f1")

    def runs(count, seconds=20):
        """All runs of the flow as (ticks, status), oldest first, once there are so many and all have ended."""
        def ended():
            found = server.rows("SELECT ticks, status FROM run ORDER BY seq")
            return len(found) >= count and all(status == "Successful" for _, status in found) and found

        return [json.loads(ticks) for ticks, _ in wait_until(ended, server, seconds)]

    first, = runs(1)
    clock.set(10)
    _, ahead = runs(2)
    assert ahead["count"] == 10 and ahead["first_ms"] == first["last_ms"] + MINUTE, "one run for all that is due at once"

    # Back by less than a day: what has had its run has it, and nothing is due before the clock is there again.
    clock.set(5)
    time.sleep(2.5)
    assert len(runs(2)) == 2
    clock.set(12)
    later = runs(3)[2]
    assert later["first_ms"] == ahead["last_ms"] + MINUTE and later["count"] == 2

    # Back by days: the flow does not wait for days.
    clock.set(-3 * 24 * 60)
    wait_until(lambda: "ticks are counted from now on" in server.log(), server, 20)
    clock.set(-3 * 24 * 60 + 2)
    runs(4)
    assert len(out.keys()) == 4

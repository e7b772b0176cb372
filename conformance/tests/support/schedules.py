"""Scheduled flows in tests: their definitions, their runs, and time that passes in the database."""

import sqlite3
import time

from .process import wait_until

MINUTE = 60_000


def scheduled(expression="rate(1minutes)", **more):
    return {"triggerConfig": {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": {"scheduleExpression": expression, **more}}}}


def incremental(expression="rate(1minutes)", **more):
    return scheduled(expression, dataPullMode="Incremental", **more)


def records(server, name):
    return server.boto().describe_flow_execution_records(flowName=name)["flowExecutions"]


def wait_for_runs(server, name, count, seconds=30):
    """All runs of a flow, newest first, once so many have ended."""
    def ended():
        runs = records(server, name)
        return len(runs) >= count and all(run["executionStatus"] != "InProgress" for run in runs) and runs

    return wait_until(ended, server, seconds)


def make_due(data_dir, name, missed=0):
    """While no server lives: lets so much time pass that the flow's next tick (and `missed` more) is over. The time
    passes in the database: the ticks are moved into the past, and the grid that they lie on with them."""
    with sqlite3.connect(data_dir / "tidegate.db") as database:
        due, = database.execute("SELECT next_due_ms FROM flow WHERE name = ?", [name]).fetchone()
        back = due - int(time.time() * 1000) + missed * MINUTE
        database.execute("UPDATE flow SET next_due_ms = next_due_ms - ?, activated_at_ms = activated_at_ms - ? WHERE name = ?",
                         [back, back, name])
    database.close()


def restart_when_due(server, name, missed=0):
    """Kills the server, lets the flow become due, and starts it again."""
    server.kill()
    make_due(server.data_dir, name, missed)
    server.start()

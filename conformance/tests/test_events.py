"""Flows that are started by events: what is delivered is published once, in order, or waits and is told."""

import csv
import io
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import botocore.exceptions
import pytest
import requests
from support.crash import has_points
from support.flows import Bucket, filter_field, flow, map_all, map_field, s3_destination, s3_source
from support.process import wait_until
from support.profiles import create_input
from support.receiver import Receiver
from support.schedules import wait_for_runs
from support.server import ROOT, Server, binary, error_of

EVENT = {"triggerConfig": {"triggerType": "Event"}}


def salesforce(connection, object="AccountChangeEvent"):
    return {"connectorType": "Salesforce", "connectorProfileName": connection,
            "sourceConnectorProperties": {"Salesforce": {"object": object}}}


class Inbox:
    """An event flow into a bucket of its own, by way of a Salesforce connection."""

    def __init__(self, server, name, tasks=None, kind="JSON", start=True, format=None, **more):
        self.server, self.name = server, name
        self.out = Bucket(server, f"out-{name}")
        self.connection = f"sf-{name}"
        self.client.create_connector_profile(**create_input("Salesforce", self.connection))
        self.definition = flow(name, salesforce(self.connection), s3_destination(self.out.name, "", kind, **(format or {})),
                               tasks or [map_all("Salesforce")], **{**EVENT, **more})
        self.created = self.client.create_flow(**self.definition)
        if start:
            self.started = self.client.start_flow(flowName=name)

    @property
    def client(self):
        """A server that is started again has another address."""
        return self.server.boto()

    def post(self, *events):
        return self.server.raw("/x/deliver-flow-events", {"flowName": self.name, "events": list(events)})

    def deliver(self, *records, ids=True):
        """Records, each identified by its field `n`."""
        events = [{"record": record, **({"id": str(record["n"])} if ids else {})} for record in records]
        answer = self.post(*events)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def numbers(self, *numbers):
        return self.deliver(*({"n": n} for n in numbers))

    def runs(self):
        """All runs, the oldest first."""
        found, more = [], {}
        while True:
            page = self.client.describe_flow_execution_records(flowName=self.name, maxResults=100, **more)
            found += page["flowExecutions"]
            if "nextToken" not in page:
                return found[::-1]
            more = {"nextToken": page["nextToken"]}

    def waits(self):
        """How many events wait, as the metrics of a server with this one flow tell."""
        page = requests.get(f"{self.server.url}/metrics", timeout=10).text
        return int(next(line.split()[1] for line in page.splitlines() if line.startswith("tidegate_events_waiting ")))

    def empty(self, seconds=30):
        """Waits until everything is published."""
        def done():
            runs = self.runs()
            return self.waits() == 0 and runs and all(run["executionStatus"] != "InProgress" for run in runs)

        wait_until(done, self.server, seconds)

    def published(self):
        """The records of all runs that ended well, run by run."""
        found = []
        for run in self.runs():
            keys = [key for key in self.out.keys() if run["executionId"] in key]
            assert not keys or run["executionStatus"] == "Successful", run
            found += [json.loads(line) for key in keys for line in self.out.read(key).decode().splitlines()]
        return found

    def status(self):
        answer = self.client.describe_flow(flowName=self.name)
        return answer["flowStatus"]


def refused(code, call, *arguments, **members):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(*arguments, **members)
    assert error.value.response["Error"]["Code"] == code, error.value
    return error.value.response["Error"]["Message"]


@pytest.fixture
def server(make_server):
    return make_server("--connection-check", "off")


@pytest.fixture
def slow(make_server):
    """A server whose runs take a while, and try again soon after a failure."""
    assert has_points(), "build the program with --features failpoints, as `cargo xtask test` does"
    return make_server("--connection-check", "off", FAILPOINTS="source.opened=sleep(400);event.retry.ms=return(1500)")


# From creation to deletion.


def test_the_life_of_an_event_flow(server, name):
    inbox = Inbox(server, name, start=False)
    assert inbox.created["flowStatus"] == "Draft"
    status, kind, message = error_of(inbox.post({"record": {"n": 1}}))
    assert (status, kind) == (409, "ConflictException") and "is Draft; StartFlow activates it" in message
    started = inbox.client.start_flow(flowName=name)
    assert started["flowStatus"] == "Active" and "executionId" not in started
    assert inbox.runs() == [], "there is nothing to run yet"
    assert inbox.numbers(1, 2) == {"accepted": 2, "duplicates": 0}
    inbox.empty()
    assert inbox.published() == [{"n": 1}, {"n": 2}]
    assert inbox.client.stop_flow(flowName=name)["flowStatus"] == "Suspended"
    status, kind, message = error_of(inbox.post({"record": {"n": 3}}))
    assert (status, kind) == (409, "ConflictException") and "is Suspended; StartFlow" in message
    inbox.client.start_flow(flowName=name)
    inbox.numbers(3)
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 3]
    message = refused("ConflictException", inbox.client.delete_flow, flowName=name)
    assert "forceDelete" in message
    inbox.client.stop_flow(flowName=name)
    inbox.client.delete_flow(flowName=name)
    assert error_of(inbox.post({"record": {"n": 3}}))[:2] == (404, "ResourceNotFoundException")


def test_a_tag_activates_and_the_history_names_the_trigger(server, name):
    inbox = Inbox(server, name, start=False, tags={"tidegate:activate": "true"})
    assert inbox.created["flowStatus"] == "Active"
    inbox.numbers(1)
    inbox.empty()
    run, = server.raw("/x/list-flow-runs", {"flowName": name}).json()["flowRuns"]
    assert (run["trigger"], run["recordsProcessed"], run["executionStatus"]) == ("Event", 1, "Successful")
    described = inbox.client.describe_flow(flowName=name)
    assert described["triggerConfig"] == {"triggerType": "Event", "triggerProperties": {}}
    assert described["lastRunExecutionDetails"]["mostRecentExecutionStatus"] == "Successful"
    listed, = inbox.client.list_flows()["flows"]
    assert (listed["triggerType"], listed["flowStatus"]) == ("Event", "Active")
    inbox.client.stop_flow(flowName=name)
    inbox.client.tag_resource(resourceArn=described["flowArn"], tags={"tidegate:activate": "true"})
    assert inbox.status() == "Active"


def test_what_an_event_flow_needs(server, name):
    client = server.boto()
    Bucket(server, "out")
    to, tasks = s3_destination("out"), [map_all("Salesforce")]
    message = refused("ResourceNotFoundException", client.create_flow, **flow(name, salesforce("nobody"), to, tasks, **EVENT))
    assert "nobody" in message
    bare = {key: value for key, value in salesforce("x").items() if key != "connectorProfileName"}
    assert "connectorProfileName" in refused("ValidationException", client.create_flow, **flow(name, bare, to, tasks, **EVENT))
    client.create_connector_profile(**create_input("Zendesk", "desk"))
    message = refused("ValidationException", client.create_flow, **flow(name, salesforce("desk"), to, tasks, **EVENT))
    assert "of type Zendesk" in message
    # Without events Salesforce is no source of this server yet, and nothing changes that.
    client.create_connector_profile(**create_input("Salesforce", "crm"))
    refused("ValidationException", client.create_flow, **flow(name, salesforce("crm"), to, tasks))
    # What can be no source cannot deliver.
    source = {"connectorType": "LookoutMetrics", "sourceConnectorProperties": {}}
    assert "cannot be started by Event" in refused("ValidationException", client.create_flow, **flow(name, source, to, tasks, **EVENT))


def test_any_source_may_deliver_unless_strict(make_server, server, name):
    strict = make_server("--connection-check", "off", "--compat", "strict")
    for each, accepted in ((server, True), (strict, False)):
        Bucket(each, "out")
        client = each.boto()
        source = s3_source("nowhere", "anything")
        definition = flow(name, source, s3_destination("out"), [map_all("S3")], **EVENT)
        if accepted:
            client.create_flow(**definition)
        else:
            assert "supports Scheduled, OnDemand" in refused("ValidationException", client.create_flow, **definition)
    assert Inbox(strict, f"{name}-sf").started["flowStatus"] == "Active"


def test_only_event_flows_take_events(server, name):
    Bucket(server, "in-put").put("a.csv", "x\n1\n")
    Bucket(server, "out")
    server.boto().create_flow(**flow(name, s3_source("in-put", ""), s3_destination("out"), [map_all("S3")]))
    answer = server.raw("/x/deliver-flow-events", {"flowName": name, "events": [{"record": {"n": 1}}]})
    status, kind, message = error_of(answer)
    assert (status, kind) == (409, "ConflictException") and "triggerType is not Event" in message


def test_bad_deliveries_are_told(server, name):
    inbox = Inbox(server, name)
    for events, says in [
        ([], "1 to 1000 events"), ([{"record": {"n": 1}}] * 1001, "holds 1001"), ([{"record": []}], "wrong JSON type"),
        ([{"id": "1"}], "missing field `record`"), ([{"record": {"n": 1}, "n": 1}], "unknown field `n`"),
        ([{"record": {"n": 1}}, {"id": "", "record": {"n": 1}}], "events[1].id"), ([{"record": {}}], "at least one field"),
    ]:
        status, kind, message = error_of(inbox.post(*events))
        assert (status, kind) == (400, "ValidationException") and says in message, message
    unsigned = server.raw("/x/deliver-flow-events", {"flowName": name, "events": [{"record": {"n": 1}}]}, sign=False)
    assert unsigned.status_code == 403
    assert inbox.post({"record": {"n": "x" * (1 << 20)}}).status_code == 413
    assert inbox.runs() == []


# What is published.

ROWS = [
    {"Id": "001A", "Name": "Ünïcode, \"quoted\"\nline", "Amount": 12345678901234567890.25, "Active": True, "n": 1},
    {"Id": "001B", "Amount": None, "ChangeEventHeader": {"entityName": "Account", "recordIds": ["001B"]}, "n": 2},
    {"n": 3, "Id": "001C", "Name": "", "Amount": -0.5, "Late": [1, {"x": None}]},
]


def as_csv_text(value):
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("kind", ["JSON", "CSV", "PARQUET"])
def test_records_are_what_a_file_of_them_would_be(server, name, kind):
    """The same records through the inbox and through a file of JSON Lines are the same output, byte by byte."""
    lines = "".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in ROWS)
    inbox = Inbox(server, name, kind=kind, format={"preserveSourceDataTyping": True} if kind == "PARQUET" else None)
    inbox.deliver(*ROWS)
    inbox.empty()
    source, out = Bucket(server, f"in-{name}"), Bucket(server, f"file-{name}")
    source.put("a.json", lines)
    more = {"preserveSourceDataTyping": True} if kind == "PARQUET" else {}
    server.boto().create_flow(**flow(f"{name}-file", s3_source(source.name, "", "JSON"), s3_destination(out.name, "", kind, **more), [map_all("S3")]))
    server.run(f"{name}-file")
    (key,), (other,) = inbox.out.keys(), out.keys()
    assert inbox.out.read(key) == out.read(other)
    fields = ["Id", "Name", "Amount", "Active", "n", "ChangeEventHeader", "Late"]
    if kind == "JSON":
        assert inbox.out.json_rows() == [{field: row.get(field) for field in fields} for row in ROWS]
    elif kind == "CSV":
        rows = list(csv.DictReader(io.StringIO(inbox.out.read(key).decode(), newline="")))
        assert [list(row) for row in rows] == [fields] * 3
        for row, want in zip(rows, ROWS):
            assert row["Id"] == want["Id"] and row["Name"] == as_csv_text(want.get("Name")), row
            assert json.loads(row["n"]) == want["n"]
    else:
        table = inbox.out.parquet()
        assert table.column_names == fields
        assert [row["Id"] for row in table.to_pylist()] == ["001A", "001B", "001C"]
        assert [row["Name"] for row in table.to_pylist()] == [row.get("Name") for row in ROWS]


def test_tasks_hold_and_counts_add_up(server, name):
    tasks = [map_field("Salesforce", "n"), map_field("Salesforce", "name", "who"),
             filter_field("Salesforce", "n", "GREATER_THAN", "long", VALUE="2")]
    projection = {"taskType": "Filter", "connectorOperator": {"Salesforce": "PROJECTION"}, "sourceFields": ["n", "name"]}
    inbox = Inbox(server, name, tasks=[projection, *tasks])
    inbox.deliver(*({"n": n, "name": f"name {n}", "more": n} for n in range(1, 6)))
    inbox.empty()
    assert inbox.published() == [{"n": n, "who": f"name {n}"} for n in (3, 4, 5)]
    run, = server.raw("/x/list-flow-runs", {"flowName": name}).json()["flowRuns"]
    assert (run["recordsRead"], run["recordsProcessed"]) == (5, 3)
    assert run["bytesProcessed"] == sum(len(json.dumps({"n": n, "name": f"name {n}", "more": n}, separators=(",", ":"))) + 1 for n in range(1, 6))


# Order, runs, duplicates.


def test_deliveries_join_the_run_that_waits_and_none_that_has_begun(slow, name):
    inbox = Inbox(slow, name)
    inbox.numbers(1)
    wait_until(lambda: inbox.runs() and slow.raw("/x/list-flow-runs", {"flowName": name, "status": ["Queued"]}).json()["total"] == 0, slow)
    for n in range(2, 8):
        inbox.numbers(n)
    assert len(inbox.runs()) == 2, "one that has begun, and one that waits"
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == list(range(1, 8))
    assert [run["executionResult"]["recordsProcessed"] for run in inbox.runs()] == [1, 6]


def test_an_event_that_is_delivered_again_is_left_out(server, name):
    inbox = Inbox(server, name)
    assert inbox.numbers(1, 2, 2) == {"accepted": 2, "duplicates": 1}
    inbox.empty()
    assert inbox.numbers(2, 1) == {"accepted": 0, "duplicates": 2}
    server.restart(kill=True)
    assert inbox.numbers(1, 3) == {"accepted": 1, "duplicates": 1}
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 3]
    # Without identifiers each counts.
    inbox.deliver({"n": 4}, {"n": 4}, ids=False)
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 3, 4, 4]
    page = requests.get(f"{server.url}/metrics", timeout=10).text.splitlines()
    assert {"tidegate_events_accepted_total 3", "tidegate_events_duplicate_total 1"} <= set(page)


def test_many_deliveries_from_many_clients_arrive_once_and_in_their_order(server, name):
    from concurrent.futures import ThreadPoolExecutor

    inbox = Inbox(server, name)

    def client(number):
        for batch in range(10):
            rows = [{"n": f"{number}-{batch}-{i}", "client": number, "at": batch * 20 + i} for i in range(20)]
            for _ in range(2):
                inbox.deliver(*rows)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(client, range(4)))
    inbox.empty()
    rows = inbox.published()
    assert len(rows) == 800
    for number in range(4):
        assert [row["at"] for row in rows if row["client"] == number] == list(range(200))


def test_two_servers_over_one_folder_share_an_inbox(make_server, name):
    """The folder's lock prevents it; here it does not hold, and still each event arrives once and in its client's order."""
    first = make_server("--connection-check", "off", FAILPOINTS="folder.shared=return(1)")
    inbox = Inbox(first, name)
    second = Server(first.data_dir, "--connection-check", "off", env={"FAILPOINTS": "folder.shared=return(1)"})
    try:
        # A start clears the staging area, which is its own where the lock holds.
        time.sleep(1)
        for at in range(20):
            for number, server in enumerate((first, second)):
                # The other one repeats what this one has been told.
                event = {"id": f"{number}-{at}", "record": {"client": number, "at": at}}
                accepted = [each.raw("/x/deliver-flow-events", {"flowName": name, "events": [event]}).json()["accepted"]
                            for each in (server, second if server is first else first)]
                assert accepted == [1, 0]
        inbox.empty()
        rows = inbox.published()
        assert len(rows) == 40
        for number in range(2):
            assert [row["at"] for row in rows if row["client"] == number] == list(range(20))
    finally:
        second.kill()


# Failures.


def test_a_run_that_fails_keeps_its_events_and_is_tried_again(slow, name):
    inbox = Inbox(slow, name)
    away = inbox.out.path.with_name(f"away-{name}")
    inbox.out.path.rename(away)
    inbox.numbers(1, 2)
    run, = wait_for_runs(slow, name, 1)
    assert run["executionStatus"] == "Error" and inbox.waits() == 2
    inbox.numbers(3)
    assert len(inbox.runs()) == 1, "a delivery does not make another run that fails"
    away.rename(inbox.out.path)
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 3]
    assert [run["executionStatus"] for run in inbox.runs()] == ["Error", "Successful"]


@pytest.mark.parametrize("way", ["start", "update", "by hand", "restart"])
def test_whoever_has_mended_it_need_not_wait(make_server, name, way):
    server = make_server("--connection-check", "off")
    inbox = Inbox(server, name)
    shutil.rmtree(inbox.out.path)
    inbox.numbers(1, 2)
    run, = wait_for_runs(server, name, 1)
    assert run["executionStatus"] == "Error"
    inbox.out.path.mkdir()
    if way == "start":
        inbox.client.start_flow(flowName=name)
    elif way == "update":
        definition = {key: value for key, value in inbox.definition.items() if key != "tags"}
        inbox.client.update_flow(**definition)
    elif way == "by hand":
        done = server.tidegate("flow", "run", name, "--wait", "--output", "json")
        assert done.code == 0 and done.json["flowRuns"][0]["recordsProcessed"] == 2, done
    else:
        server.kill()
        # Its time passes while no server lives.
        import sqlite3
        with sqlite3.connect(server.data_dir / "tidegate.db") as database:
            assert database.execute("UPDATE event_inbox SET retry_at_ms = 1 WHERE retry_at_ms > 1").rowcount == 1
        database.close()
        server.start()
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2]


def test_a_run_by_hand_has_no_wishes(server, name):
    Inbox(server, name)
    for wish in ({"mode": "Complete"}, {"window": {"from": 1}}, {"backfill": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z", "every": "rate(1days)"}}):
        status, _, message = error_of(server.raw("/x/start-flow-run", {"flowName": name, **wish}))
        assert status == 400 and "takes all that wait" in message


def test_an_event_flow_is_deactivated_and_told(make_server, name):
    receiver = Receiver()
    try:
        points = "event.retry.ms=return(1);event.errors=return(3);event.report.ms=return(3000)"
        server = make_server("--connection-check", "off", FAILPOINTS=points, **receiver.env())
        inbox = Inbox(server, name)
        shutil.rmtree(inbox.out.path)
        inbox.numbers(1, 2)
        wait_until(lambda: inbox.status() == "Suspended", server)
        told = inbox.client.describe_flow(flowName=name)["flowStatusMessage"]
        assert "its last 3 event runs failed" in told
        assert told in error_of(inbox.post({"record": {"n": 1}}))[2]
        wait_until(lambda: any(e["detail-type"] == "AppFlow Event Flow Report" for e in receiver.events()), server)
        kinds = [e["detail-type"] for e in receiver.events()]
        assert kinds.count("AppFlow End Flow Run Report") == 3 and kinds.count("AppFlow Event Flow Deactivated") == 1
        assert set(kinds) == {"AppFlow End Flow Run Report", "AppFlow Event Flow Deactivated", "AppFlow Event Flow Report"}
        detail = next(e["detail"] for e in receiver.events() if e["detail-type"] == "AppFlow Event Flow Deactivated")
        assert (detail["trigger-type"], detail["deactivation-reason"]) == ("EVENT", told)
        report = next(e["detail"] for e in receiver.events() if e["detail-type"] == "AppFlow Event Flow Report")
        assert report["status-report"] == "Events received: 2, waiting: 2. Runs successful: 0, failed: 3, canceled: 0."
        assert (report["source"], report["source-object"]) == (f"SALESFORCE/{inbox.connection}", "AccountChangeEvent")
        # Whoever activates it again has all of it.
        inbox.out.path.mkdir()
        inbox.client.start_flow(flowName=name)
        inbox.empty()
        assert [row["n"] for row in inbox.published()] == [1, 2]
        wait_until(lambda: len([e for e in receiver.events() if e["detail-type"] == "AppFlow Event Flow Report"]) == 2, server)
        report = [e for e in receiver.events() if e["detail-type"] == "AppFlow Event Flow Report"][1]["detail"]
        assert (report["num-of-records-processed"], report["data-processed"]) == ("2", str(2 * len('{"n":1}\n')))
        assert "error" not in report
        time.sleep(4)
        assert len([e for e in receiver.events() if e["detail-type"] == "AppFlow Event Flow Report"]) == 2, "a flow at rest is not reported"
    finally:
        receiver.stop()


def test_a_full_inbox_refuses_and_loses_nothing(make_server, name):
    server = make_server("--connection-check", "off", "--event-inbox-limit", "1MiB")
    inbox = Inbox(server, name)
    shutil.rmtree(inbox.out.path)
    rows = [{"n": n, "text": "x" * 400_000} for n in range(1, 4)]
    for row in rows[:2]:
        inbox.deliver(row)
    answer = inbox.post({"id": "3", "record": rows[2]})
    status, kind, message = error_of(answer)
    assert (status, kind) == (429, "ThrottlingException") and "--event-inbox-limit" in message and "1048576 may wait" in message
    assert inbox.waits() == 2
    inbox.deliver({"n": 4})
    inbox.out.path.mkdir()
    inbox.client.start_flow(flowName=name)
    inbox.empty()
    inbox.deliver(rows[2])
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 4, 3]


# Stop, cancel, change, delete.


def test_what_waits_outlives_a_stop_and_a_restart(slow, name):
    inbox = Inbox(slow, name)
    inbox.numbers(1)
    wait_until(lambda: slow.raw("/x/list-flow-runs", {"flowName": name, "status": ["Queued"]}).json()["total"] == 0, slow)
    inbox.numbers(2, 3)
    inbox.client.stop_flow(flowName=name)
    slow.restart(kill=True)
    # A run that was queued before is carried out, as that of any flow.
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 3]
    assert inbox.status() == "Suspended"


def test_a_cancelled_run_keeps_its_events(slow, name):
    inbox = Inbox(slow, name)
    inbox.numbers(1, 2)
    wait_until(inbox.runs, slow)
    inbox.client.cancel_flow_executions(flowName=name)
    wait_until(lambda: inbox.runs()[0]["executionStatus"] == "Canceled", slow)
    assert inbox.waits() == 2
    inbox.numbers(3)
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == [1, 2, 3]


def test_events_that_wait_are_not_deleted_unasked(server, name):
    inbox = Inbox(server, name)
    shutil.rmtree(inbox.out.path)
    inbox.numbers(1, 2)
    wait_for_runs(server, name, 1)
    inbox.client.stop_flow(flowName=name)
    message = refused("ConflictException", inbox.client.delete_flow, flowName=name)
    assert "2 events wait" in message and "forceDelete" in message
    inbox.client.delete_flow(flowName=name, forceDelete=True)
    assert inbox.waits() == 0
    inbox.out.path.mkdir()
    inbox.client.create_flow(**inbox.definition)
    inbox.client.start_flow(flowName=name)
    assert inbox.numbers(2) == {"accepted": 1, "duplicates": 0}, "a namesake remembers nothing"
    inbox.empty()
    assert inbox.published() == [{"n": 2}]


def test_a_flow_becomes_an_event_flow_and_ceases_to_be_one(server, name):
    Bucket(server, f"in-{name}").put("a.json", '{"n":"of a file"}\n')
    out = Bucket(server, f"out-{name}")
    client = server.boto()
    definition = flow(name, s3_source(f"in-{name}", "", "JSON"), s3_destination(out.name), [map_all("S3")])
    client.create_flow(**definition)
    assert client.update_flow(**{**definition, **EVENT})["flowStatus"] == "Draft"
    client.start_flow(flowName=name)
    answer = server.raw("/x/deliver-flow-events", {"flowName": name, "events": [{"record": {"n": "delivered"}}]})
    assert answer.status_code == 200
    wait_for_runs(server, name, 1)
    assert out.json_rows() == [{"n": "delivered"}]
    assert client.update_flow(**definition)["flowStatus"] == "Active"
    server.run(name)
    assert sorted(row["n"] for row in out.json_rows()) == ["delivered", "of a file"]


def test_a_changed_flow_publishes_what_waits_as_it_is_now(slow, name):
    inbox = Inbox(slow, name)
    inbox.deliver({"n": 1, "a": "x"})
    wait_until(lambda: inbox.runs() and slow.raw("/x/list-flow-runs", {"flowName": name, "status": ["Queued"]}).json()["total"] == 0, slow)
    inbox.deliver({"n": 2, "a": "y"})
    changed = {**inbox.definition, "tasks": [
        {"taskType": "Filter", "connectorOperator": {"Salesforce": "PROJECTION"}, "sourceFields": ["a"]},
        map_field("Salesforce", "a", "b")]}
    inbox.client.update_flow(**changed)
    inbox.empty()
    assert inbox.published() == [{"n": 1, "a": "x"}, {"b": "y"}]


# The command.


def test_deliver_on_the_command_line(server, name):
    inbox = Inbox(server, name)
    file = server.data_dir.parent / f"{name}.jsonl"
    file.write_text("".join(json.dumps({"n": n, "text": "é" * 100}, ensure_ascii=False) + "\n" for n in range(1, 2501)))
    done = server.tidegate("flow", "deliver", name, str(file), "--id-field", "n")
    assert (done.code, done.out) == (0, "2500 events were delivered, and 0 had been before.\n"), done
    done = server.tidegate("flow", "deliver", name, str(file), "--id-field", "n", "--output", "json")
    assert done.json == {"accepted": 0, "duplicates": 2500}
    done = server.tidegate("flow", "deliver", name, stdin='{"n": 2501}\n\n{"n": 2502}')
    assert (done.code, done.out) == (0, "2 events were delivered, and 0 had been before.\n"), done
    inbox.empty()
    assert [row["n"] for row in inbox.published()] == list(range(1, 2503))
    done = server.tidegate("flow", "deliver", name, "-", stdin='{"n": 1}\n[1]\n')
    assert done.code == 1 and "line 2: this is no JSON object" in done.err and "0 events of the lines before" in done.err
    lines = "".join(f'{{"n": {n}}}\n' for n in range(5001, 6501))
    done = server.tidegate("flow", "deliver", name, "-", stdin=lines + "nope\n")
    assert done.code == 1 and "line 1501: " in done.err and "1000 events of the lines before were delivered" in done.err, done
    done = server.tidegate("flow", "deliver", "nobody", "-", stdin='{"n": 1}\n')
    assert done.code == 1 and "ResourceNotFoundException" in done.err and "0 events were delivered" in done.err
    done = server.tidegate("flow", "deliver", name, "/nowhere")
    assert done.code == 1 and "cannot read /nowhere" in done.err


def test_the_example_of_the_documentation(make_server):
    """docs/events.md, as a shell carries it out."""
    server = make_server()
    text = (ROOT / "docs" / "events.md").read_text()
    block = text.split("```console\n")[1].split("```")[0]
    commands, printed = [], []
    for line in block.splitlines():
        if line.startswith("$ "):
            commands.append(line[2:])
        elif line.startswith("    "):
            commands[-1] += "\n" + line
        else:
            printed.append(line)
    # Its run takes a moment, which people do not notice.
    wait = 'until tidegate flow runs accounts --status Successful | grep -q Successful; do sleep 0.1; done'
    commands = [command if "flow runs" not in command else f"{wait}\n{command}" for command in commands]
    folder = server.data_dir.parent
    (folder / "tidegate-data").symlink_to(server.data_dir)
    tools = f'aws() {{ "{sys.executable}" "{Path(sys.executable).with_name("aws")}" "$@"; }}\ntidegate() {{ "{binary()}" "$@"; }}\n'
    script = "set -e\n" + tools + "\n".join(commands)
    done = subprocess.run(["bash", "-c", script], cwd=folder, env=server.client_env(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done
    for line in printed:
        assert line in done.stdout.splitlines(), done

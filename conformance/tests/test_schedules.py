"""Scheduled flows: ticks, windows, catching up, deactivation, cancelling."""

import datetime
import time

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source, sap_source
from support.schedules import incremental, records, restart_when_due, scheduled, wait_for_runs
from support.tables import table

@pytest.fixture
def server(make_server):
    """A server of the test's own: its database is changed and it is killed."""
    return make_server("--connection-check", "off")


@pytest.fixture
def buckets(server):
    return Bucket(server, "input"), Bucket(server, "out")


def test_the_states_of_a_scheduled_flow(server, buckets):
    source, _ = buckets
    source.put("a/1.csv", "id\n1\n")
    client = server.boto()
    made = client.create_flow(**flow("f1", s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **scheduled("rate(5minutes)")))
    assert made["flowStatus"] == "Draft"
    assert records(server, "f1") == []
    started = client.start_flow(flowName="f1")
    assert started["flowStatus"] == "Active" and "executionId" not in started
    # A rate without a start runs at once; starting again changes nothing.
    run, = wait_for_runs(server, "f1", 1)
    assert run["executionStatus"] == "Successful" and "dataPullStartTime" not in run
    assert client.start_flow(flowName="f1")["flowStatus"] == "Active"
    time.sleep(1.2)
    assert len(records(server, "f1")) == 1
    described = client.describe_flow(flowName="f1")
    assert described["flowStatus"] == "Active" and described["lastRunExecutionDetails"]["mostRecentExecutionStatus"] == "Successful"
    # An active schedule is not deleted by accident.
    with pytest.raises(client.exceptions.ConflictException):
        client.delete_flow(flowName="f1")
    client.delete_flow(flowName="f1", forceDelete=True)


@pytest.mark.parametrize("trigger, words", [
    (scheduled("every day"), "schedule expression 'every day' is not valid"),
    (scheduled("cron(0 10 * * * *)"), "exactly one of the fields"),
    (scheduled("rate(0minutes)"), "at least 1"),
    (scheduled("rate(1minutes)", scheduleStartTime=2_000_000_000, scheduleEndTime=1_900_000_000), "before its start"),
    ({"triggerConfig": {"triggerType": "Scheduled"}}, "TriggerProps is required for Scheduled Trigger Type."),
])
def test_a_schedule_that_cannot_be_carried_out_is_refused(server, buckets, name, trigger, words):
    buckets[0].put("a/1.csv", "id\n1\n")
    client = server.boto()
    with pytest.raises(client.exceptions.ValidationException) as refused:
        client.create_flow(**flow(name, s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **trigger))
    assert words in str(refused.value)


def test_at_runs_once_at_its_time(server, buckets):
    buckets[0].put("a/1.csv", "id\n1\n")
    client = server.boto()
    due = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=4)
    expression = due.strftime("at(%Y-%m-%dT%H:%M:%S)")
    client.create_flow(**flow("once", s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **scheduled(expression)))
    client.start_flow(flowName="once")
    assert records(server, "once") == []
    run, = wait_for_runs(server, "once", 1)
    assert 0 <= (run["startedAt"] - due).total_seconds() < 1
    assert client.describe_flow(flowName="once")["flowStatus"] == "Active"
    # One that is over says why it does nothing.
    client.create_flow(**flow("over", s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **scheduled("at(2020-01-01T00:00:00)")))
    client.start_flow(flowName="over")
    assert "no time left" in client.describe_flow(flowName="over")["flowStatusMessage"]


def test_missed_ticks_are_one_run_that_names_them(server, buckets):
    buckets[0].put("a/1.csv", "id\n1\n")
    client = server.boto()
    client.create_flow(**flow("f1", s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **incremental()))
    client.start_flow(flowName="f1")
    first, = wait_for_runs(server, "f1", 1)
    restart_when_due(server, "f1", missed=4)
    second, _ = wait_for_runs(server, "f1", 2)
    assert second["executionStatus"] == "Successful"
    assert second["dataPullStartTime"] == first["dataPullEndTime"], "the whole gap"
    assert "The run stands for 5 scheduled times" in server.boto().describe_flow(flowName="f1")["lastRunExecutionDetails"]["mostRecentExecutionMessage"]
    # Killed again and again, no tick comes twice.
    for _ in range(3):
        server.restart(kill=True)
    time.sleep(1)
    assert len(records(server, "f1")) == 2


def test_incremental_objects_arrive_exactly_once_over_windows_and_an_error(server, buckets):
    source, destination = buckets
    source.put("a/1.csv", "id\n1\n")
    client = server.boto()
    client.create_flow(**flow("f1", s3_source("input", "a"), s3_destination("out"), [map_all("S3")], **incremental()))
    client.start_flow(flowName="f1")
    wait_for_runs(server, "f1", 1)
    source.put("a/2.csv", "id\n2\n")

    hidden = destination.path.with_name("hidden")
    destination.path.rename(hidden)
    restart_when_due(server, "f1")
    failed, *_ = wait_for_runs(server, "f1", 2)
    assert failed["executionStatus"] == "Error" and "NoSuchBucket" in failed["executionResult"]["errorInfo"]["executionMessage"]
    hidden.rename(destination.path)

    source.put("a/3.csv", "id\n3\n")
    restart_when_due(server, "f1")
    third, second, first = wait_for_runs(server, "f1", 3)
    assert [run["executionStatus"] for run in (first, second, third)] == ["Successful", "Error", "Successful"]
    assert second["dataPullStartTime"] == third["dataPullStartTime"] == first["dataPullEndTime"]
    restart_when_due(server, "f1")
    fourth, *_ = wait_for_runs(server, "f1", 4)
    assert fourth["executionStatus"] == "Successful" and fourth["executionResult"]["recordsProcessed"] == 0
    assert sorted(row["id"] for row in destination.json_rows()) == ["1", "2", "3"]


def test_incremental_windows_over_a_field_of_sap(server, buckets, sap):
    _, destination = buckets
    client = server.boto()
    client.create_connector_profile(**sap.profile("sap"))
    since = datetime.datetime(2013, 1, 5, 12, tzinfo=datetime.timezone.utc)
    source = {**sap_source("sap", "Flights"), "incrementalPullConfig": {"datetimeTypeFieldName": "time_hour"}}
    client.create_flow(**flow("f1", source, s3_destination("out"), [map_all("SAPOData")],
                              **incremental(firstExecutionFrom=since.timestamp(), scheduleOffset=120)))
    seen = len(sap.requests())
    client.start_flow(flowName="f1")
    first, = wait_for_runs(server, "f1", 1)
    assert first["executionStatus"] == "Successful", first
    assert first["dataPullStartTime"] == since
    expected = [row["ID"] for row in table("flights", 20000) if row["time_hour"] >= since.strftime("%Y-%m-%dT%H:%M:%SZ")]
    assert 0 < len(expected) < 20000
    assert sorted(row["ID"] for row in destination.json_rows()) == expected
    assert any("time_hour" in request["url"] and "filter" in request["url"] for request in sap.requests()[seen:]), "pushed down"
    restart_when_due(server, "f1")
    second, _ = wait_for_runs(server, "f1", 2)
    assert second["dataPullStartTime"] == first["dataPullEndTime"]
    assert second["executionStatus"] == "Successful" and second["executionResult"]["recordsProcessed"] == 0


def test_an_incremental_flow_needs_a_field_that_tells_a_time(live, sap, bucket, name):
    client = live.boto()
    client.create_connector_profile(**sap.profile(f"sap-{name}"))
    source = sap_source(f"sap-{name}", "Flights")
    for field, words in ((None, "needs the timestamp field"), ("carrier", "carrier cannot be used"), ("nothing", "nothing cannot be used")):
        source["incrementalPullConfig"] = {"datetimeTypeFieldName": field} if field else {}
        with pytest.raises(client.exceptions.ValidationException, match=words) as refused:
            client.create_flow(**flow(name, source, s3_destination(bucket.name), [map_all("SAPOData")], **incremental()))
        assert "time_hour" in str(refused.value)
    source["incrementalPullConfig"] = {"datetimeTypeFieldName": "time_hour"}
    client.create_flow(**flow(name, source, s3_destination(bucket.name), [map_all("SAPOData")], **incremental()))


def test_errors_in_a_row_deactivate_the_flow(server, buckets):
    source, destination = buckets
    source.put("a/1.csv", "id\n1\n")
    client = server.boto()
    client.create_flow(**flow("f1", s3_source("input", "a"), s3_destination("out"), [map_all("S3")],
                              **scheduled(flowErrorDeactivationThreshold=2)))
    destination.path.rename(destination.path.with_name("hidden"))
    client.start_flow(flowName="f1")
    wait_for_runs(server, "f1", 1)
    assert client.describe_flow(flowName="f1")["flowStatus"] == "Active"
    restart_when_due(server, "f1")
    runs = wait_for_runs(server, "f1", 2)
    assert [run["executionStatus"] for run in runs] == ["Error", "Error"]
    client = server.boto()
    described = client.describe_flow(flowName="f1")
    assert described["flowStatus"] == "Suspended"
    assert "last 2 scheduled runs failed" in described["flowStatusMessage"] and "NoSuchBucket" in described["flowStatusMessage"]
    # It can be started again, and then it is at work.
    destination.path.with_name("hidden").rename(destination.path)
    assert client.start_flow(flowName="f1")["flowStatus"] == "Active"
    runs = wait_for_runs(server, "f1", 3)
    assert runs[0]["executionStatus"] == "Successful"
    assert not client.describe_flow(flowName="f1").get("flowStatusMessage")
    assert [row["id"] for row in destination.json_rows()] == ["1"]

"""Notifications: AppFlow's events on EventBridge and at a webhook, at least once and signed; CloudWatch's metrics."""

import json
import re
import time

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.moto import KEY, SECRET, Moto
from support.process import wait_until
from support.receiver import SECRET as HOOK_SECRET
from support.receiver import Receiver
from support.schedules import incremental
from support.server import ACCOUNT, REGION

START, END, DEACTIVATED = (
    "AppFlow Start Flow Run Report", "AppFlow End Flow Run Report", "AppFlow Scheduled Flow Deactivated")
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\[UTC\]$")


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


def has_metrics(server, *lines):
    """Waits until /metrics says all of these: what is counted may come a moment after what is told."""
    wait_until(lambda: set(lines) <= {" ".join(line) for line in server.metrics().items()}, server)


def nothing_waits(server):
    """Waits until the outbox is empty. What has not been told by then never will be, so that absence can be asserted."""
    wait_until(lambda: server.rows("SELECT COUNT(*) FROM notification") == [(0,)], server)


def run_a_flow(server, name, rows=3):
    source, _ = Bucket(server, "hook-in"), Bucket(server, "hook-out")
    source.put(f"{name}/a.csv", "id\n" + "".join(f"{i}\n" for i in range(rows)))
    server.boto().create_flow(**flow(name, s3_source("hook-in", name), s3_destination("hook-out", "p"), [map_all("S3")]))
    return server.run(name)


def check_pair(events, name, run):
    start, end = events
    assert [e["detail-type"] for e in events] == [START, END]
    arn = f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/{name}"
    for event in events:
        assert event["source"] == "aws.appflow"
        assert re.fullmatch("[0-9a-f]{32}", event["resources"][0]) and event["resources"][1:] == [arn]
        detail = event["detail"]
        assert all(isinstance(value, str) for value in detail.values()), detail
        assert detail["created-by"].startswith("arn:") and MOMENT.match(detail["start-time"])
        assert {k: detail[k] for k in ("flow-name", "flow-arn", "source", "destination", "source-object",
                                       "destination-object", "trigger-type", "execution-id")} == {
            "flow-name": name, "flow-arn": arn, "source": "S3", "destination": "S3", "source-object": f"s3://hook-in/{name}",
            "destination-object": "s3://hook-out/p", "trigger-type": "ONDEMAND", "execution-id": run["executionId"]}
    assert start["resources"] == end["resources"]
    detail, result = end["detail"], run["executionResult"]
    assert detail["status"] == "Execution Successful" and "error" not in detail
    assert detail["num-of-records-processed"] == str(result["recordsProcessed"]) == "3"
    assert detail["data-processed"] == str(result["bytesProcessed"])
    assert (detail["num-of-records-filtered"], detail["num-of-record-failures"], detail["num-of-documents-processed"]) == ("0", "0", "0")
    assert MOMENT.match(detail["end-time"]) and detail["end-time"] >= detail["start-time"]
    assert "status" not in start["detail"]


def test_a_webhook_is_told_of_a_run(make_server, receiver, name):
    server = make_server(**receiver.env())
    run = run_a_flow(server, name)
    events = receiver.wait(2)
    check_pair(sorted(events, key=lambda e: e["detail-type"] == END), name, run)
    assert all(e["version"] == "0" and (e["account"], e["region"]) == (ACCOUNT, REGION) for e in events)
    assert len({e["id"] for e in events}) == 2
    for secret in (HOOK_SECRET, HOOK_SECRET.removeprefix("whsec_"), "in-the-url"):
        assert secret not in server.log()


def test_eventbridge_is_told_of_a_run(make_server, tmp_path, name):
    moto = Moto(tmp_path)
    try:
        events, sqs = moto.client("events"), moto.client("sqs")
        events.create_event_bus(Name="flows")
        queue = sqs.create_queue(QueueName="told")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events.put_rule(Name="all", EventBusName="flows", EventPattern=json.dumps({"source": ["aws.appflow"], "detail-type": [START, END]}))
        events.put_targets(Rule="all", EventBusName="flows", Targets=[{"Id": "queue", "Arn": arn}])
        server = make_server(
            "--eventbridge-bus", "flows", AWS_ENDPOINT_URL_EVENTBRIDGE=moto.url, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
        run = run_a_flow(server, name)
        told = []

        def both():
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
                told.append(json.loads(message["Body"]))
            return len(told) >= 2

        wait_until(both, server)
        check_pair(sorted(told, key=lambda e: e["detail-type"] == END), name, run)
        assert SECRET not in server.log()
    finally:
        moto.stop()


def test_eventbridge_without_keys_is_told_at_the_start(make_server):
    with pytest.raises(RuntimeError, match="no keys for EventBridge"):
        make_server("--eventbridge-bus", "default")
    with pytest.raises(RuntimeError, match="TIDEGATE_WEBHOOK_SECRET"):
        make_server("--webhook-url", "http://127.0.0.1:9/")


def test_a_receiver_that_fails_at_first_gets_the_same_event_again(make_server, name):
    receiver = Receiver(500, 503, 429, 302, 404)
    try:
        server = make_server(**receiver.env())
        run_a_flow(server, name)
        receiver.wait(2)
        # Another run's come after them: what would be told once too often has been told by then, in the log as well.
        run_a_flow(server, f"{name}-after")
        receiver.wait(4)
        nothing_waits(server)
        assert [status for status, *_ in receiver.tries] == [500, 503, 429, 302, 404, 204, 204, 204, 204]
        told = {flow: sorted(e["detail-type"] for e in receiver.events() if e["detail"]["flow-name"] == flow) for flow in (name, f"{name}-after")}
        assert set(map(tuple, told.values())) == {(END, START)}, told
        bodies = {}
        for _, headers, body in receiver.tries:
            bodies.setdefault(headers["webhook-id"], set()).add(body)
        assert len(bodies) == 4 and all(len(same) == 1 for same in bodies.values())
        # Said once, and once more when it is over.
        assert server.log().count("Notifications do not arrive") == 1
        assert server.log().count("Notifications arrive again") == 1
        has_metrics(server, 'tidegate_notification_sink_up{sink="webhook"} 1', 'tidegate_notification_tries_failed_total{sink="webhook"} 5',
                    'tidegate_notifications_delivered_total{sink="webhook"} 4')
    finally:
        receiver.stop()


def test_kill_9_between_the_end_of_a_run_and_its_delivery(make_server, name):
    receiver = Receiver(then=500)
    try:
        server = make_server(**receiver.env())
        began = time.monotonic()
        run = run_a_flow(server, name)
        assert run["executionStatus"] == "Successful" and time.monotonic() - began < 20, "a run waits for no receiver"
        has_metrics(server, 'tidegate_notification_sink_up{sink="webhook"} 0')
        server.kill()
        tried = {headers["webhook-id"] for _, headers, _ in receiver.tries}
        assert tried, "it was told before the kill, in vain"
        receiver.then = 200
        server.start()
        events_before = receiver.wait(2)
        check_pair(sorted(events_before, key=lambda e: e["detail-type"] == END), name, run)
        assert tried <= {e["id"] for e in events_before}, "what is told again has the id that it had"
        # What was delivered is not told again: by the time that a later run's have arrived, it would have been.
        nothing_waits(server)
        server.restart(kill=True)
        run_a_flow(server, f"{name}-after")
        receiver.wait(4)
        nothing_waits(server)
        ids = [e["id"] for e in receiver.events()]
        assert len(ids) == len(set(ids)) == 4 and ids[:2] == [e["id"] for e in events_before], "each once, and the new ones last"
    finally:
        receiver.stop()


def test_runs_that_fail_and_deactivate_their_flow(make_server, receiver, name):
    server = make_server(**receiver.env())
    source, _ = Bucket(server, "hook-in"), Bucket(server, "hook-out")
    source.put(f"{name}/a.csv", "id\n1\n")
    client = server.boto()
    client.create_flow(**flow(name, s3_source("hook-in", name), s3_destination("hook-out"), [map_all("S3")],
                              **incremental(flowErrorDeactivationThreshold=1)))
    (source.path / name / "a.csv").write_bytes(b'id\n"an open quote\n')
    client.start_flow(flowName=name)
    events = {e["detail-type"]: e["detail"] for e in receiver.wait(3)}
    assert set(events) == {START, END, DEACTIVATED}
    assert events[END]["status"] == "Execution Failed" and events[END]["error"]
    assert all(e["trigger-type"] == "SCHEDULED" for e in events.values())
    window = events[START]["incremental-transfer-time-range"]
    assert window == events[END]["incremental-transfer-time-range"]
    assert all(MOMENT.match(each) for each in window.split(" - ")) and window.count(" - ") == 1
    why = client.describe_flow(flowName=name)
    assert why["flowStatus"] == "Suspended" and events[DEACTIVATED]["deactivation-reason"] == why["flowStatusMessage"]
    assert MOMENT.match(events[DEACTIVATED]["deactivation-time"])
    has_metrics(server, f'appflow_flow_executions_failed_total{{flow_name="{name}"}} 1')


def test_cloudwatchs_metrics_by_flow(make_server, name):
    server = make_server("--metrics-flows", "1")
    for each in (name, f"{name}-b", f"{name}-c"):
        run_a_flow(server, each)
    has_metrics(
        server,
        f'appflow_flow_executions_started_total{{flow_name="{name}"}} 1',
        f'appflow_flow_executions_succeeded_total{{flow_name="{name}"}} 1',
        f'appflow_flow_executions_failed_total{{flow_name="{name}"}} 0',
        f'appflow_flow_execution_records_processed_total{{flow_name="{name}"}} 3',
        f'appflow_flow_execution_time_seconds_count{{flow_name="{name}"}} 1',
        'appflow_flow_executions_succeeded_total{flow_name="_other"} 2',
    )
    server.boto().delete_flow(flowName=name)
    assert not any(f'flow_name="{name}"' in series for series in server.metrics())

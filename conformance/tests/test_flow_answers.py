"""Every member that the API's model has for a flow and its runs is told when there is something to tell, and is right.

The members are read from botocore's model, so none is forgotten; those that this file leaves out are named.
"""

import datetime

import boto3
import pytest
from support.flows import Bucket, flow, map_all, map_field, s3_destination, s3_source, sap_source
from support.odp import SERVICE
from support.process import wait_until
from support.schedules import incremental, restart_when_due, wait_for_runs
from support.server import ACCOUNT, REGION

MODEL = boto3.client("appflow", region_name=REGION).meta.service_model
SAP = "SAPOData"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567"
# Only of flows with a Glue catalogue.
CATALOGUE = {"lastRunMetadataCatalogDetails", "metadataCatalogDetails"}


def members(operation, *path):
    """The members of a structure in the answer of an operation."""
    shape = MODEL.operation_model(operation).output_shape
    for name in path:
        shape = shape.members[name]
        shape = getattr(shape, "member", shape)
    return set(shape.members)


def told(structure):
    return set(structure) - {"ResponseMetadata"}


@pytest.fixture
def made(make_server, odp):
    """A server with one flow that uses what a flow can have, and how it was made."""
    server = make_server()
    Bucket(server, "out")
    client = server.boto()
    client.create_connector_profile(**odp.profile("sap"))
    begun = datetime.datetime.now(datetime.timezone.utc)
    definition = flow(
        "f1", sap_source("sap", f"{SERVICE}/FactsOfORDERS", paginationConfig={"maxPageSize": 4}), s3_destination("out", "p"), [map_all(SAP)],
        description="All of it", kmsArn=KEY, tags={"a": "b"}, metadataCatalogConfig={}, **incremental("rate(30days)"))
    answer = client.create_flow(**definition)
    assert told(answer) == members("CreateFlow") and answer["flowStatus"] == "Draft"
    return server, definition, begun


def test_a_flow_tells_everything(made, odp):
    server, definition, begun = made
    client = server.boto()
    fresh = client.describe_flow(flowName="f1")
    later = {"flowStatusMessage", "lastRunExecutionDetails"} | CATALOGUE
    assert members("DescribeFlow") - told(fresh) == later - {"metadataCatalogDetails"}
    assert fresh["flowArn"] == f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/f1" and fresh["kmsArn"] == KEY
    assert fresh["createdBy"] == fresh["lastUpdatedBy"] and fresh["createdBy"].startswith("arn:aws:iam::")
    now = datetime.datetime.now(datetime.timezone.utc)
    assert begun - datetime.timedelta(seconds=1) <= fresh["createdAt"] <= now and fresh["createdAt"] == fresh["lastUpdatedAt"]
    assert (fresh["schemaVersion"], fresh["description"], fresh["tags"]) == (1, "All of it", {"a": "b"})
    summary, = client.list_flows()["flows"]
    labels = {"sourceConnectorLabel", "destinationConnectorLabel"}
    assert members("ListFlows", "flows") - told(summary) == labels | {"lastRunExecutionDetails"}
    assert (summary["sourceConnectorType"], summary["destinationConnectorType"], summary["triggerType"]) == (SAP, "S3", "Scheduled")

    # A run under way.
    odp.held_page = 1
    started = client.start_flow(flowName="f1")
    assert told(started) == members("StartFlow") - {"executionId"}
    assert odp.reached.wait(60)
    run, = client.describe_flow_execution_records(flowName="f1")["flowExecutions"]
    assert run["executionStatus"] == "InProgress" and "errorInfo" not in run["executionResult"]
    details = client.describe_flow(flowName="f1")["lastRunExecutionDetails"]
    assert (details["mostRecentExecutionStatus"], details["mostRecentExecutionTime"]) == ("InProgress", run["startedAt"])
    odp.held_page = None
    odp.released.set()

    run, = wait_for_runs(server, "f1", 1)
    everything = members("DescribeFlowExecutionRecords", "flowExecutions")
    assert everything - told(run) == {"dataPullStartTime", "dataPullEndTime", "metadataCatalogDetails"}, "delta tokens are no window"
    result = run["executionResult"]
    assert members("DescribeFlowExecutionRecords", "flowExecutions", "executionResult") - told(result) == {"errorInfo"}
    assert (run["executionStatus"], result["recordsProcessed"], result["maxPageSize"], result["numParallelProcesses"]) == ("Successful", 10, 4, 1)
    assert result["bytesProcessed"] > 0 and result["bytesWritten"] > 0
    assert begun - datetime.timedelta(seconds=1) <= run["startedAt"] <= run["lastUpdatedAt"]
    described = client.describe_flow(flowName="f1")
    details = described["lastRunExecutionDetails"]
    assert told(details) == members("DescribeFlow", "lastRunExecutionDetails")
    assert details["mostRecentExecutionMessage"] == "Successfully ran the flow" and details["mostRecentExecutionStatus"] == "Successful"
    summary, = client.list_flows()["flows"]
    assert summary["lastRunExecutionDetails"] == details and summary["flowStatus"] == described["flowStatus"] == "Active"

    # A failure.
    odp.put(1)
    odp.torn_page = 0
    restart_when_due(server, "f1")
    failed, _ = wait_for_runs(server, "f1", 2)
    client = server.boto()
    info = failed["executionResult"]["errorInfo"]
    assert told(info) == members("DescribeFlowExecutionRecords", "flowExecutions", "executionResult", "errorInfo")
    assert failed["executionStatus"] == "Error" and info["putFailuresCount"] == 0 and SERVICE in info["executionMessage"]
    details = client.describe_flow(flowName="f1")["lastRunExecutionDetails"]
    assert (details["mostRecentExecutionStatus"], details["mostRecentExecutionMessage"]) == ("Error", info["executionMessage"])
    assert client.stop_flow(flowName="f1").keys() - {"ResponseMetadata"} == members("StopFlow")
    client.delete_flow(flowName="f1")


def test_a_window_is_told_to_the_millisecond(make_server, odp):
    server = make_server()
    bucket = Bucket(server, "out")
    bucket.put("in/a.csv", "id\n1\n")
    client = server.boto()
    since = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    client.create_flow(**flow("f1", s3_source("out", "in"), s3_destination("out", "p"), [map_field("S3", "id")],
                              **incremental("rate(1minutes)", firstExecutionFrom=since.timestamp(), scheduleOffset=60)))
    client.start_flow(flowName="f1")
    run, = wait_for_runs(server, "f1", 1)
    assert members("DescribeFlowExecutionRecords", "flowExecutions") - told(run) == {"metadataCatalogDetails"}
    assert run["dataPullStartTime"] == since
    assert datetime.timedelta(seconds=59) < run["startedAt"] - run["dataPullEndTime"] < datetime.timedelta(seconds=63)
    raw = server.raw("/describe-flow-execution-records", {"flowName": "f1"}).json()["flowExecutions"][0]
    assert raw["dataPullStartTime"] == since.timestamp() and isinstance(raw["startedAt"], (int, float))


def test_records_come_in_pages_newest_first(live, bucket, name):
    bucket.put("in/a.csv", "id\n1\n")
    client = live.boto()
    client.create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3")]))
    runs = [live.run(name)["executionId"] for _ in range(5)][::-1]
    seen, token = [], {}
    while True:
        page = client.describe_flow_execution_records(flowName=name, maxResults=2, **token)
        seen.append([run["executionId"] for run in page["flowExecutions"]])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert seen == [runs[:2], runs[2:4], runs[4:]]


def test_cancelling_names_what_cannot_be_cancelled(made, odp):
    server, *_ = made
    client = server.boto()
    odp.held_page = 0
    client.start_flow(flowName="f1")
    assert odp.reached.wait(60)
    run, = client.describe_flow_execution_records(flowName="f1")["flowExecutions"]
    unknown = "00000000-0000-4000-8000-000000000000"
    answer = client.cancel_flow_executions(flowName="f1", executionIds=[run["executionId"], unknown])
    assert answer["invalidExecutions"] == [unknown]
    odp.held_page = None
    odp.released.set()
    def cancelled():
        status = client.describe_flow_execution_records(flowName="f1")["flowExecutions"][0]["executionStatus"]
        assert status in ("InProgress", "CancelStarted", "Canceled")
        return status == "Canceled"

    wait_until(cancelled, server, 20)
    assert client.describe_flow(flowName="f1")["lastRunExecutionDetails"]["mostRecentExecutionStatus"] == "Canceled"
    again = client.cancel_flow_executions(flowName="f1", executionIds=[run["executionId"]])
    assert again["invalidExecutions"] == [run["executionId"]], "it has ended"
    assert client.describe_flow(flowName="f1")["flowStatus"] == "Active", "a cancelled run takes no activation back"

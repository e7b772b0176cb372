"""What becomes of a flow: every transition of its status, what may change, what comes back."""

import copy
import datetime
import json
import time
import uuid

import pytest
from support import schedules
from support.flows import Bucket, filter_field, flow, map_all, map_field, projection, s3_destination, s3_source, sap_source
from support.process import wait_until
from support.sap import Sap
from support.server import ACCOUNT, REGION, error_of

ON_DEMAND = {"triggerType": "OnDemand"}
TOMORROW = int(time.time()) + 86_400


def scheduled(expression="rate(3hours)", **more):
    return schedules.scheduled(expression, **more)["triggerConfig"]


class Flow:
    """A flow from S3 to S3 on one server."""

    def __init__(self, server, name, trigger=None, tasks=None, **more):
        self.server, self.client, self.name = server, server.boto(), name
        self.bucket = Bucket(server, f"bucket-{name}")
        self.bucket.put("in/a.csv", "id,name\n1,x\n2,y\n")
        self.bucket.put("other/a.csv", "id,name\n3,z\n")
        self.definition = flow(name, s3_source(self.bucket.name, "in"), s3_destination(self.bucket.name, "out"),
                               tasks or [map_all("S3")], triggerConfig=trigger or ON_DEMAND, **more)

    def create(self, **changes):
        self.created = self.client.create_flow(**{**self.definition, **changes})
        return self

    @property
    def arn(self):
        return f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/{self.name}"

    @property
    def now(self):
        return self.client.describe_flow(flowName=self.name)

    @property
    def status(self):
        return self.now["flowStatus"]

    def update(self, **changes):
        self.definition = {**self.definition, **changes}
        body = {k: v for k, v in self.definition.items() if k not in ("tags", "kmsArn")}
        return self.client.update_flow(**body)["flowStatus"]

    def refused(self, operation, **members):
        """(status, name, message) of a call that is refused."""
        return error_of(self.server.raw(f"/{operation}", {"flowName": self.name, **members}))

    def refused_update(self, **changes):
        return self.refused("update-flow", **{**self.definition, **changes})


@pytest.fixture
def make(live, name):
    return lambda *a, **k: Flow(live, name, *a, **k)


@pytest.fixture(scope="session")
def strict(make_server):
    return make_server("--compat", "strict")


# Transitions.

def test_an_on_demand_flow_is_active_and_cannot_be_stopped(make):
    one = make().create()
    assert one.created["flowStatus"] == one.status == "Active"
    status, name, message = one.refused("stop-flow")
    assert (status, name) == (400, "UnsupportedOperationException") and one.name in message
    assert one.status == "Active"
    assert one.client.start_flow(flowName=one.name)["flowStatus"] == "Active"


def test_a_scheduled_flow_is_a_draft_then_active_then_suspended_then_active(make):
    one = make(scheduled(scheduleStartTime=TOMORROW)).create()
    assert one.created["flowStatus"] == one.status == "Draft"
    assert one.refused("stop-flow")[:2] == (409, "ConflictException")
    for _ in range(2):  # The second time there is nothing to do.
        started = one.client.start_flow(flowName=one.name)
        assert started["flowStatus"] == one.status == "Active" and "executionId" not in started
        assert started["flowArn"] == one.arn
    for _ in range(2):
        stopped = one.client.stop_flow(flowName=one.name)
        assert stopped["flowStatus"] == one.status == "Suspended" and stopped["flowArn"] == one.arn
    assert one.client.start_flow(flowName=one.name)["flowStatus"] == one.status == "Active"
    assert one.client.describe_flow_execution_records(flowName=one.name)["flowExecutions"] == []


def test_another_trigger_decides_the_status_anew(make):
    one = make().create()
    assert one.update(triggerConfig=scheduled(scheduleStartTime=TOMORROW)) == one.status == "Draft"
    one.client.start_flow(flowName=one.name)
    assert one.update(triggerConfig=scheduled("rate(6hours)", scheduleStartTime=TOMORROW)) == one.status == "Active"
    one.client.stop_flow(flowName=one.name)
    assert one.update(description="still") == one.status == "Suspended"
    assert one.update(triggerConfig=ON_DEMAND) == one.status == "Active"


def test_other_tasks_leave_a_flow_active(make):
    one = make().create()
    assert one.update(tasks=[map_field("S3", "id")]) == one.status == "Active"


def test_deleting_what_is_active(make):
    one = make(scheduled(scheduleStartTime=TOMORROW)).create()
    one.client.start_flow(flowName=one.name)
    status, name, message = one.refused("delete-flow")
    assert (status, name) == (409, "ConflictException")
    assert message == ("Conflict executing request: Flow is in active state, please set forceDelete to true or "
                       f"deactivate the flow: {one.name}")
    one.client.stop_flow(flowName=one.name)
    one.client.delete_flow(flowName=one.name)
    assert one.refused("describe-flow")[:2] == (404, "ResourceNotFoundException")
    one.create()
    one.client.start_flow(flowName=one.name)
    one.client.delete_flow(flowName=one.name, forceDelete=True)
    assert one.refused("describe-flow")[0] == 404


@pytest.mark.parametrize("operation", ["describe-flow", "start-flow", "stop-flow", "update-flow", "delete-flow",
                                       "cancel-flow-executions", "describe-flow-execution-records"])
def test_a_flow_that_does_not_exist(make, operation):
    one = make()
    members = one.definition if operation == "update-flow" else {}
    status, name, message = one.refused(operation, **members)
    assert (status, name) == (404, "ResourceNotFoundException") and one.name in message


# UpdateFlow.

def test_an_update_replaces_everything_and_counts_for_later_runs(make):
    one = make(description="first", tags={"a": "b"}, kmsArn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k").create()
    before = one.now
    first = one.server.run(one.name)
    one.definition.pop("description")
    assert one.update(tasks=[map_field("S3", "id", "number")]) == "Active"
    second = one.server.run(one.name)
    after = one.now
    assert "description" not in after and after["tasks"] == one.definition["tasks"]
    for kept in ("flowArn", "kmsArn", "tags", "createdAt", "createdBy", "sourceFlowConfig"):
        assert after[kept] == before[kept], kept
    assert after["lastUpdatedAt"] > before["lastUpdatedAt"]
    assert (before["schemaVersion"], after["schemaVersion"]) == (1, 2)
    rows = {run["executionId"]: one.bucket.json_rows(f"out/{one.name}/{run['executionId']}") for run in (first, second)}
    assert rows[first["executionId"]] == [{"id": "1", "name": "x"}, {"id": "2", "name": "y"}]
    assert rows[second["executionId"]] == [{"number": "1"}, {"number": "2"}]


def test_the_schema_version_counts_changes_of_the_schema(make):
    one = make(tasks=[projection("S3", "id", "name"), map_field("S3", "id")]).create()
    tasks = one.definition["tasks"]
    for changed, version in [
        (list(reversed(tasks)), 1),
        ([*tasks, filter_field("S3", "id", "EQUAL_TO", "string", VALUE="1")], 1),
        ([*tasks, map_field("S3", "name")], 2),
        ([*tasks, map_field("S3", "name", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="string")], 3),
        (tasks, 4),
    ]:
        one.update(tasks=changed)
        assert one.now["schemaVersion"] == version, changed


def test_an_update_is_checked_as_a_creation_is(make):
    one = make().create()
    before = one.now
    bucket = one.bucket.name
    for changes, name, says in [
        ({"triggerConfig": {"triggerType": "Scheduled"}}, "ValidationException", "[TriggerProps is required for Scheduled Trigger Type.]"),
        ({"triggerConfig": {"triggerType": "Scheduled", "triggerProperties": {}}}, "ValidationException", "TriggerProps is required"),
        ({"triggerConfig": scheduled("every day")}, "ValidationException", "rate("),
        ({"destinationFlowConfigList": []}, "ValidationException", "exactly one destination"),
        ({"sourceFlowConfig": s3_source(bucket, "nothing")}, "ConnectorServerException", "holds no object"),
        ({"destinationFlowConfigList": [s3_destination("no-such-bucket")]}, "ValidationException", "no-such-bucket"),
        ({"sourceFlowConfig": sap_source("nobody", "Planes"), "tasks": [map_all("SAPOData")]}, "ResourceNotFoundException", "nobody"),
        ({"tasks": [{"taskType": "Filter", "sourceFields": ["a"], "connectorOperator": {"S3": "NO_OP"}}]}, "ValidationException",
         "The operator NO_OP is not valid for filtering tasks"),
    ]:
        status, error, message = one.refused_update(**changes)
        assert error == name and says in message and message.startswith("Update Flow request failed due to:["), (changes, error, message)
    after = one.now
    assert {k: v for k, v in before.items() if k != "ResponseMetadata"} == {k: v for k, v in after.items() if k != "ResponseMetadata"}


def test_an_update_looks_at_the_source_as_it_is(live, sap, make):
    one = make().create()
    live.boto().create_connector_profile(**sap.profile(f"sap-{one.name}"))
    source = sap_source(f"sap-{one.name}", "Planes")
    status, name, message = one.refused_update(sourceFlowConfig=source, tasks=[projection("SAPOData", "wings"), map_field("SAPOData", "wings")])
    assert (status, name) == (400, "ValidationException") and "Planes has no field wings. It has: tailnum, year" in message
    assert one.update(sourceFlowConfig=source, tasks=[map_all("SAPOData")]) == "Active"
    assert one.server.run(one.name)["executionResult"]["recordsProcessed"] == 3322
    used = live.raw("/x/describe-connector-profile-usage", {"connectorProfileName": f"sap-{one.name}"}).json()
    assert [f["flowName"] for f in used["flows"]] == [one.name]


def test_relaxed_lets_source_and_destination_change(make):
    one = make().create()
    one.update(sourceFlowConfig=s3_source(one.bucket.name, "other"), destinationFlowConfigList=[s3_destination(one.bucket.name, "elsewhere")])
    one.server.run(one.name)
    assert one.bucket.json_rows("elsewhere/") == [{"id": "3", "name": "z"}] and not one.bucket.keys("out/")


def test_an_update_is_repeated_by_its_token(make):
    one = make().create()
    token = str(uuid.uuid4())
    assert one.update(description="a", clientToken=token) == "Active"
    first = one.now["lastUpdatedAt"]
    assert one.update(description="a", clientToken=token) == "Active"
    assert one.now["lastUpdatedAt"] == first, "the repetition writes nothing"
    assert one.refused_update(description="b", clientToken=token)[:2] == (409, "ConflictException")
    assert one.now["description"] == "a"


def test_starting_a_scheduled_flow_is_refused_for_a_token_of_another(make):
    one = make(scheduled(scheduleStartTime=TOMORROW)).create()
    token = str(uuid.uuid4())
    for _ in range(2):
        assert one.client.start_flow(flowName=one.name, clientToken=token)["flowStatus"] == "Active"
    one.create(flowName=f"{one.name}-2")
    status, name, _ = error_of(one.server.raw("/start-flow", {"flowName": f"{one.name}-2", "clientToken": token}))
    assert (status, name) == (409, "ConflictException")


# Strict.

def test_strict_keeps_source_and_destination_as_they_are(strict, name):
    one = Flow(strict, name).create()
    bucket = one.bucket.name
    source = "Do not update the object for the flow."
    destination = "Destination object for the destination connector can not be updated"
    for changes, findings in [
        ({"sourceFlowConfig": s3_source(bucket, "other")}, source),
        ({"sourceFlowConfig": s3_source("another-bucket", "in")}, source),
        ({"destinationFlowConfigList": [s3_destination(bucket, "elsewhere")]}, destination),
        ({"sourceFlowConfig": s3_source(bucket, "other"), "destinationFlowConfigList": [s3_destination(bucket)]}, f"{source}, {destination}"),
    ]:
        status, error, message = one.refused_update(**changes)
        assert (status, error, message) == (400, "ValidationException", f"Update Flow request failed due to:[{findings}]")
    changed = {"destinationFlowConfigList": [s3_destination(bucket, "out", "CSV")], "sourceFlowConfig": s3_source(bucket, "in", "CSV"),
               "tasks": [map_field("S3", "id")], "triggerConfig": {**ON_DEMAND, "triggerProperties": {}}}
    assert one.update(**changed) == "Active"


def test_strict_wants_force_for_every_active_flow(strict, name):
    one = Flow(strict, name).create()
    assert one.refused("delete-flow")[:2] == (409, "ConflictException")
    one.client.delete_flow(flowName=name, forceDelete=True)


def test_strict_has_the_services_quotas(make_server, tmp_path, name):
    (tmp_path / "tidegate.toml").write_text('compat = "strict"\n[quotas]\nflows = 2\n')
    server = make_server("--config", str(tmp_path / "tidegate.toml"), "--connection-check", "off")
    for number in range(2):
        Flow(server, f"{name}-{number}").create()
    one = Flow(server, name)
    assert one.refused("create-flow", **one.definition)[:2] == (402, "ServiceQuotaExceededException")
    from support.profiles import create_input
    for number in range(101):
        answer = server.raw("/create-connector-profile", create_input("Singular", f"{name}-{number}"))
    assert error_of(answer)[:2] == (402, "ServiceQuotaExceededException")


# What was sent comes back.

PARQUET = {"prefixConfig": {"prefixType": "PATH_AND_FILENAME", "prefixFormat": "MINUTE", "pathPrefixHierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]},
           "aggregationConfig": {"aggregationType": "None"}, "preserveSourceDataTyping": False}
ODD_TASKS = [
    [map_all("S3")],
    [{"taskType": "Map_all", "sourceFields": [""], "connectorOperator": {"S3": "NO_OP"}, "taskProperties": {}}],
    [{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"}, "destinationField": "",
      "taskProperties": {"EXCLUDE_SOURCE_FIELDS_LIST": "[]"}}],
    [{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"},
      "taskProperties": {"EXCLUDE_SOURCE_FIELDS_LIST": '["name"]', "SOURCE_DATA_TYPE": "CSV", "DESTINATION_DATA_TYPE": "CSV"}}],
    [{"taskType": "Map", "sourceFields": ["id"], "connectorOperator": {"S3": "NO_OP"}, "destinationField": "id"}],
    [map_field("S3", "name"), projection("S3", "name", "id"), filter_field("S3", "id", "EQUAL_TO", "string", VALUES="1,2"), map_field("S3", "id")],
    [{**map_field("S3", "id"), "connectorOperator": {}}],
]
SAME = ("flowName", "description", "kmsArn", "triggerConfig", "sourceFlowConfig", "destinationFlowConfigList", "tasks", "tags", "metadataCatalogConfig")
GLUE = {"glueDataCatalog": {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/glue", "databaseName": "no_such_database", "tablePrefix": "t_"}}


def same(sent, described):
    """The definition comes back as it was sent; only an empty triggerProperties is added."""
    sent = copy.deepcopy(sent)
    sent["triggerConfig"].setdefault("triggerProperties", {})
    sent.setdefault("tags", {})
    return {k: described[k] for k in SAME if k in described} == {k: sent[k] for k in SAME if k in sent}


@pytest.mark.parametrize("tasks", ODD_TASKS)
def test_odd_tasks_come_back_as_they_were_sent(make, tasks):
    one = make(tasks=tasks).create()
    raw = one.server.raw("/describe-flow", {"flowName": one.name}).json()
    assert raw["tasks"] == tasks
    one.update(tasks=list(reversed(tasks)))
    assert one.server.raw("/describe-flow", {"flowName": one.name}).json()["tasks"] == list(reversed(tasks))


@pytest.mark.parametrize("more", [
    {}, {"metadataCatalogConfig": {}}, {"metadataCatalogConfig": GLUE}, {"description": "with blanks, and ?!"}, {"tags": {}},
    {"tags": {"a": "", "b:c/d": "with blanks"}}, {"kmsArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567"},
    {"triggerConfig": {**ON_DEMAND, "triggerProperties": {}}},
    {"triggerConfig": scheduled(dataPullMode="Incremental", scheduleStartTime=TOMORROW, scheduleEndTime=TOMORROW + 9_999_999,
                                timezone="Europe/Berlin", scheduleOffset=0, firstExecutionFrom=1_700_000_000,
                                flowErrorDeactivationThreshold=3)},
    {"triggerConfig": scheduled("rate(1 days)", dataPullMode="Complete")},
])
def test_a_definition_comes_back_as_it_was_sent_and_may_be_sent_again(make, more):
    one = make(**{"trigger": more.get("triggerConfig"), **{k: v for k, v in more.items() if k != "triggerConfig"}})
    one.definition["destinationFlowConfigList"] = [s3_destination(one.bucket.name, "out", "PARQUET", **PARQUET)]
    answer = one.server.raw("/create-flow", one.definition)
    assert answer.status_code == 200, answer.text
    described = one.server.raw("/describe-flow", {"flowName": one.name}).json()
    assert same(one.definition, described), described
    # What is described may be sent back as it is.
    again = {k: described[k] for k in SAME if k in described and k not in ("tags", "kmsArn")}
    answer = one.server.raw("/update-flow", again)
    assert answer.status_code == 200, answer.text
    after = one.server.raw("/describe-flow", {"flowName": one.name}).json()
    assert same(one.definition, after) and after["schemaVersion"] == 1


def test_absent_and_false_are_told_apart(make):
    one = make()
    for typing in ({}, {"preserveSourceDataTyping": False}, {"preserveSourceDataTyping": True}):
        for handling in ({}, {"errorHandlingConfig": {}}, {"errorHandlingConfig": {"failOnFirstDestinationError": False}},
                         {"errorHandlingConfig": {"failOnFirstDestinationError": True, "bucketName": one.bucket.name}}):
            destination = s3_destination(one.bucket.name, "out", "PARQUET", **typing)
            assert not handling or "errorHandlingConfig" not in destination["destinationConnectorProperties"]["S3"]
            one.definition["destinationFlowConfigList"] = [destination]
            one.create() if not hasattr(one, "created") else one.update()
            got = one.now["destinationFlowConfigList"]
            assert got == [destination]


# The requests that Terraform makes, and what it compares.

def normalised(described):
    """A flow as the provider keeps it: tasks are a set, an empty block is none, [""] is []."""
    def tidy(value):
        if isinstance(value, dict):
            return {k: t for k, v in value.items() if (t := tidy(v)) not in ({}, None)}
        if isinstance(value, list):
            return [tidy(v) for v in value]
        return int(value.timestamp()) if isinstance(value, datetime.datetime) else value
    tasks = [{**t, "sourceFields": [f for f in t["sourceFields"] if f], "destinationField": t.get("destinationField", ""),
              "taskProperties": t.get("taskProperties", {})} for t in described["tasks"]]
    trigger = described["triggerConfig"]
    return {
        "description": described.get("description", ""), "kms": described.get("kmsArn"), "name": described["flowName"],
        "source": tidy(described["sourceFlowConfig"]), "destination": tidy(described["destinationFlowConfigList"]),
        "trigger": tidy(trigger if trigger["triggerType"] == "Scheduled" else {"triggerType": trigger["triggerType"]}),
        "tasks": sorted(json.dumps(t, sort_keys=True) for t in tasks), "catalog": tidy(described.get("metadataCatalogConfig", {})), "tags": described.get("tags", {}),
    }


def terraform(name, bucket, **changes):
    destination = s3_destination(bucket, "out", "PARQUET", aggregationConfig={"aggregationType": "None"}, preserveSourceDataTyping=True,
                                 prefixConfig={"prefixType": "PATH", "pathPrefixHierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]})
    return {**flow(name, s3_source(bucket, "in"), destination, [map_field("S3", "id")],
                   triggerConfig=scheduled(dataPullMode="Incremental", scheduleStartTime=TOMORROW)), "tags": {"k": "v"}, **changes}


@pytest.mark.parametrize("change", [
    {"description": "changed", "triggerConfig": scheduled("rate(6hours)", dataPullMode="Complete", scheduleStartTime=TOMORROW)},
    {"tasks": [projection("S3", "id", "name"), map_field("S3", "name"), map_field("S3", "id")]},
    {"tasks": [map_all("S3", SOURCE_DATA_TYPE="id", DESTINATION_DATA_TYPE="id")]},
    {"tasks": [map_field("S3", "id", SOURCE_DATA_TYPE="CSV", DESTINATION_DATA_TYPE="CSV")]},
    {"metadataCatalogConfig": GLUE},
])
def test_a_plan_is_empty_after_create_and_after_change(make, change):
    """create, read, plan; change, read, plan; import; destroy."""
    one = make()
    client, wanted = one.client, terraform(one.name, one.bucket.name)
    assert client.create_flow(**wanted)["flowArn"] == one.arn
    assert normalised(one.now) == normalised(wanted)
    one.definition = {**wanted, **change}
    body = {k: v for k, v in one.definition.items() if k != "tags"}
    client.update_flow(**{"description": "", **body})
    client.tag_resource(resourceArn=one.arn, tags={"k2": "v2"})
    client.untag_resource(resourceArn=one.arn, tagKeys=["k"])
    assert normalised(one.now) == normalised({**one.definition, "tags": {"k2": "v2"}})
    assert client.list_tags_for_resource(resourceArn=one.arn)["tags"] == {"k2": "v2"}
    assert one.status == "Draft"
    assert [f["flowArn"] for f in pages(client) if f["flowName"] == one.name] == [one.arn]
    client.delete_flow(flowName=one.name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_flow(flowName=one.name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_flow(flowName=one.name)


def pages(client):
    token, flows = {}, []
    while True:
        page = client.list_flows(maxResults=100, **token)
        flows += page["flows"]
        if "nextToken" not in page:
            return flows
        token = {"nextToken": page["nextToken"]}


def test_the_list_tells_what_the_description_tells(make):
    one = make(description="d", tags={"a": "b"}).create()
    one.server.run(one.name)
    listed, described = next(f for f in pages(one.client) if f["flowName"] == one.name), one.now
    for member in ("flowArn", "description", "flowName", "flowStatus", "createdAt", "lastUpdatedAt", "createdBy", "lastUpdatedBy", "tags",
                   "lastRunExecutionDetails"):
        assert listed[member] == described[member], member
    assert (listed["sourceConnectorType"], listed["destinationConnectorType"], listed["triggerType"]) == ("S3", "S3", "OnDemand")
    last = described["lastRunExecutionDetails"]
    assert (last["mostRecentExecutionMessage"], last["mostRecentExecutionStatus"]) == ("Successfully ran the flow", "Successful")


# CancelFlowExecutions.

@pytest.fixture(scope="module")
def slow_sap(tmp_path_factory):
    """20,000 flights in 200 pages, each of which takes a quarter of a second."""
    peer = Sap(tmp_path_factory.mktemp("slow") / "requests.jsonl", FLIGHTS="20000", PAGE_SIZE="100", DELAY_MS="250")
    yield peer
    peer.stop()


@pytest.fixture
def running(live, slow_sap, make):
    """A flow with a run under way and one that waits."""
    one = make()
    live.boto().create_connector_profile(**slow_sap.profile(f"slow-{one.name}"))
    one.definition = flow(one.name, sap_source(f"slow-{one.name}", "Flights"), s3_destination(one.bucket.name, "out"), [map_all("SAPOData")])
    one.create()
    asked = len(slow_sap.requests())
    first, second = (one.client.start_flow(flowName=one.name)["executionId"] for _ in range(2))
    wait_until(lambda: len(slow_sap.requests()) >= asked + 3, one.server)
    return one, first, second


def ended(one, execution, within):
    begun = time.monotonic()
    record = one.server.wait_for_run(one.name, execution, seconds=20)
    while record["executionStatus"] == "CancelStarted":
        time.sleep(0.05)
        record = one.server.wait_for_run(one.name, execution, seconds=20)
        assert time.monotonic() - begun < 20
    assert time.monotonic() - begun < within, "it took too long to stop"
    return record["executionStatus"]


def test_runs_are_cancelled_and_leave_nothing(running):
    one, first, second = running
    assert one.refused("delete-flow")[:2] == (409, "ConflictException"), "a run is under way"
    unknown = str(uuid.uuid4())
    answer = one.client.cancel_flow_executions(flowName=one.name, executionIds=[first, unknown, first])
    assert answer["invalidExecutions"] == [unknown]
    assert ended(one, first, 1) == "Canceled"
    answer = one.client.cancel_flow_executions(flowName=one.name)
    assert answer["invalidExecutions"] == []
    assert ended(one, second, 1) == "Canceled"
    assert one.status == "Active", "cancelling does not deactivate"
    assert one.client.cancel_flow_executions(flowName=one.name)["invalidExecutions"] == []
    assert one.client.cancel_flow_executions(flowName=one.name, executionIds=[first])["invalidExecutions"] == [first]
    assert one.bucket.keys("out/") == []


def test_a_definition_may_change_while_it_runs(running):
    one, first, second = running
    assert one.update(sourceFlowConfig=s3_source(one.bucket.name, "in"), tasks=[map_all("S3")]) == "Active"
    one.client.cancel_flow_executions(flowName=one.name, executionIds=[first])
    assert ended(one, second, 20) == "Successful"
    assert one.bucket.json_rows(f"out/{one.name}/{second}") == [{"id": "1", "name": "x"}, {"id": "2", "name": "y"}]


def test_where_the_next_incremental_run_begins(make):
    one = make().create()

    def rows(**wishes):
        answer = one.server.raw("/x/start-flow-run", {"flowName": one.name, "mode": "Incremental", **wishes})
        [execution] = answer.json()["executionIds"]
        assert one.server.wait_for_run(one.name, execution)["executionStatus"] == "Successful"
        return one.bucket.json_rows(f"out/{one.name}/{execution}")

    time.sleep(0.05)
    assert [row["id"] for row in rows()] == ["1", "2"]
    assert rows() == []
    one.bucket.put("in/b.csv", "id,name\n4,u\n5,v\n")
    time.sleep(0.05)
    assert [row["id"] for row in rows(filters=[filter_field("S3", "id", "EQUAL_TO", "string", VALUE="4")])] == ["4"]
    assert [row["id"] for row in rows()] == ["4", "5"], "what the run's own filter left out was still to be read"
    assert one.update(description="the same source") == "Active"
    assert rows() == []
    one.update(sourceFlowConfig=s3_source(one.bucket.name, "other"))
    assert [row["id"] for row in rows()] == ["3"], "another source is read from its beginning"


# Activation by a tag.

def test_a_tag_activates_a_new_flow(make):
    one = make(scheduled(scheduleStartTime=TOMORROW), tags={"tidegate:activate": "true"}).create()
    assert one.created["flowStatus"] == one.status == "Active"
    one.client.stop_flow(flowName=one.name)
    one.client.tag_resource(resourceArn=one.arn, tags={"other": "x"})
    assert one.status == "Suspended", "another tag is no word on the status"
    one.client.tag_resource(resourceArn=one.arn, tags={"tidegate:activate": "true"})
    assert one.status == "Active"


def test_a_tag_activates_a_draft(make):
    one = make(scheduled(scheduleStartTime=TOMORROW), tags={"tidegate:activate": "false"}).create()
    assert one.created["flowStatus"] == "Draft"
    one.client.tag_resource(resourceArn=one.arn, tags={"tidegate:activate": "true"})
    assert one.status == "Active"
    one.client.untag_resource(resourceArn=one.arn, tagKeys=["tidegate:activate"])
    assert one.status == "Active"


def test_a_tagged_flow_is_active_under_its_new_trigger(make):
    one = make(tags={"tidegate:activate": "true"}).create()
    assert one.update(triggerConfig=scheduled(scheduleStartTime=TOMORROW)) == one.status == "Active"


# The cache of entities.

def test_metadata_is_kept_until_it_is_reset(live, sap, name):
    client = live.boto()
    client.create_connector_profile(**sap.profile(name))

    def asked():
        seen = len(sap.requests())
        client.describe_connector_entity(connectorProfileName=name, connectorEntityName="Planes")
        client.list_connector_entities(connectorProfileName=name)
        return len(sap.requests()) - seen

    assert asked() > 0
    assert asked() == 0
    client.reset_connector_metadata_cache(connectorProfileName=name, connectorType="SAPOData")
    assert asked() > 0
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.reset_connector_metadata_cache(connectorProfileName=f"{name}-2")
    with pytest.raises(client.exceptions.ValidationException):
        client.reset_connector_metadata_cache(connectorProfileName=name, connectorType="Slack")
    # A change of the connection is another question.
    profile = sap.profile(name)
    client.update_connector_profile(**{k: profile[k] for k in ("connectorProfileName", "connectionMode", "connectorProfileConfig")})
    assert asked() > 0

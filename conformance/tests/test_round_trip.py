"""What comes back is what was sent: definitions made at random from the API's own model, created and updated.

The model is botocore's. A definition is made of every member that CreateFlow and UpdateFlow know for the built
connectors, each of them absent, empty, false, zero, the longest or anything between; the seed is fixed.
"""

import copy
import json
import random
import re
import time

import boto3
import pytest
from support.flows import Bucket, filter_field, map_field, mask, partition, projection
from support.server import ACCOUNT, REGION

CREATED, UPDATED = 60, 120
SAME = ("flowName", "description", "kmsArn", "triggerConfig", "sourceFlowConfig", "destinationFlowConfigList", "tasks", "tags",
        "metadataCatalogConfig")
MODEL = boto3.client("appflow", region_name=REGION).meta.service_model
# Texts that the server understands, where any text of the pattern would be refused.
KNOWN = {
    "bucketName": ["trip-bucket"], "kmsArn": [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/01234567"],
    "scheduleExpression": ["rate(3hours)", "rate(1 day)", "rate(2days)", "cron(0 12 * * ? *)"],
    "datetimeTypeFieldName": ["t", "", "Last Modified"], "objectPath": ["Things", "/sap/opu/odata/sap/X/Set"],
    "roleArn": [f"arn:aws:iam::{ACCOUNT}:role/glue"], "connectorProfileName": ["trip-sap"], "bucketPrefix": ["in", "in/"],
}
TEXTS = ["", "a", "0", "with blanks, and ?!", "x" * 9, "Zürich 東京", "-", "a.b", "a\tb"]
# Members that have one meaning and are set below.
LEFT_OUT = {"clientToken", "flowName", "tags", "tasks", "Salesforce"}


class Maker:
    """Makes one definition."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def often(self, chance=0.6):
        return self.random.random() < chance

    def any(self, name, shape):
        kind = shape.type_name
        if kind == "structure":
            members = {n: s for n, s in shape.members.items() if n not in LEFT_OUT and (n in shape.required_members or self.often())}
            return {n: self.any(n, s) for n, s in members.items()}
        if kind == "list":
            lengths = [n for n in (0, 1, 2, 3) if shape.metadata.get("min", 0) <= n <= shape.metadata.get("max", 9)]
            return [self.any(name, shape.member) for _ in range(self.random.choice(lengths))]
        if kind == "boolean":
            return self.often(0.5)
        if kind in ("integer", "long"):
            low, high = shape.metadata.get("min", 0), min(shape.metadata.get("max", 2**31), 2**31)
            return self.random.choice([low, high, self.random.randint(low, high)])
        if kind == "timestamp":
            return self.random.choice([int(time.time()) + 86_400, 1_700_000_000, 1_700_000_000.5, 1_700_000_000.123])
        assert kind == "string", f"{name} is a {kind}"
        if getattr(shape, "enum", None):
            return self.random.choice(shape.enum)
        pattern = shape.metadata.get("pattern", ".*")
        # Java writes some ranges as Python does not; what they leave out is no text of ours.
        pattern = re.compile(".*" if "\\p" in pattern or "\\u" in pattern else pattern, re.ASCII)
        fits = lambda text: shape.metadata.get("min", 0) <= len(text) <= shape.metadata.get("max", 2**20) and (  # noqa: E731
            pattern.fullmatch(text) or not text)
        return self.random.choice([text for text in KNOWN.get(name, TEXTS) if fits(text)])

    def definition(self, name):
        shape = MODEL.operation_model("CreateFlow").input_shape
        body = {n: self.any(n, shape.members[n]) for n in ("description", "kmsArn", "metadataCatalogConfig") if self.often(0.5)}
        source, connector = self.source(shape.members["sourceFlowConfig"])
        body |= {"flowName": name, "triggerConfig": self.trigger(shape.members["triggerConfig"], connector), "sourceFlowConfig": source,
                 "destinationFlowConfigList": [self.destination(shape.members["destinationFlowConfigList"].member)],
                 "tasks": self.tasks(connector)}
        if connector == "S3" and self.often(0.15):
            # Lines that go out as they came, which are JSON, and have no other tasks.
            source["sourceConnectorProperties"]["S3"]["s3InputFormatConfig"] = {"s3InputFileType": "JSON"}
            body["tasks"] = [{"taskType": "Passthrough", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"}}]
        if body["destinationFlowConfigList"][0]["connectorType"] == "Upsolver":
            # A catalogue is for what lies in S3.
            body.pop("metadataCatalogConfig", None)
        if self.often(0.5):
            body["tags"] = self.random.choice([{}, {"a": ""}, {"a": "b", "c:d/e": "with blanks"}])
        return body

    def source(self, shape):
        connector = self.random.choice(["S3", "SAPOData"])
        body = {"connectorType": connector}
        union = shape.members["sourceConnectorProperties"].members[connector]
        body["sourceConnectorProperties"] = {connector: self.any(connector, union)}
        if connector == "SAPOData" or self.often(0.2):
            body["connectorProfileName"] = "trip-sap"
        if connector == "SAPOData":
            body["sourceConnectorProperties"][connector]["objectPath"] = self.any("objectPath", union.members["objectPath"])
        for optional in ("apiVersion", "incrementalPullConfig"):
            if self.often(0.3):
                body[optional] = self.any(optional, shape.members[optional])
        return body, connector

    def destination(self, shape):
        connector = "Upsolver" if self.often(0.2) else "S3"
        properties = shape.members["destinationConnectorProperties"].members[connector]
        if connector == "Upsolver":
            made = {n: self.any(n, s) for n, s in properties.members.items() if n != "bucketName"} | {"bucketName": "upsolver-appflow-trip"}
        else:
            made = self.any(connector, properties)
        body = {"connectorType": connector, "destinationConnectorProperties": {connector: made}}
        output = body["destinationConnectorProperties"][connector].get("s3OutputFormatConfig", {})
        if output.get("fileType") != "PARQUET" and output.get("preserveSourceDataTyping"):
            output["preserveSourceDataTyping"] = False
        if self.often(0.3):
            body["apiVersion"] = "v1"
        return body

    def trigger(self, shape, connector):
        kind = self.random.choice(["OnDemand", "Scheduled"])
        if kind == "OnDemand":
            return self.random.choice([{"triggerType": kind}, {"triggerType": kind, "triggerProperties": {}}])
        scheduled = self.any("Scheduled", shape.members["triggerProperties"].members["Scheduled"])
        if scheduled.get("scheduleEndTime", 0) <= scheduled.get("scheduleStartTime", 0):
            scheduled.pop("scheduleEndTime", None)
        return {"triggerType": kind, "triggerProperties": {"Scheduled": scheduled}}

    def tasks(self, connector):
        no_op = {connector: "NO_OP"}
        everything = [
            {"taskType": "Map_all", "sourceFields": fields, "connectorOperator": no_op, **more}
            for fields in ([], [""])
            for more in ({}, {"taskProperties": {}}, {"destinationField": ""}, {"taskProperties": {"EXCLUDE_SOURCE_FIELDS_LIST": "[]"}},
                         {"taskProperties": {"SOURCE_DATA_TYPE": "id", "DESTINATION_DATA_TYPE": "id"}})
        ]
        maps = [map_field(connector, "id"), map_field(connector, "name", "Name", SOURCE_DATA_TYPE="CSV", DESTINATION_DATA_TYPE="CSV"),
                {k: v for k, v in map_field(connector, "t").items() if k != "taskProperties"}]
        others = [
            filter_field(connector, "id", "EQUAL_TO", "string", VALUES="1,2"), filter_field(connector, "name", "NOT_EQUAL_TO", "string", VALUE="x"),
            filter_field(connector, "id", "BETWEEN", "string", LOWER_BOUND="1", UPPER_BOUND="9"),
            mask(connector, "name", "MASK_ALL", MASK_VALUE="*", MASK_LENGTH="5"), mask(connector, "name", "MASK_LAST_N", MASK_VALUE="#", MASK_LENGTH="2"),
            {"taskType": "Truncate", "sourceFields": ["name"], "destinationField": "name", "connectorOperator": no_op, "taskProperties": {"TRUNCATE_LENGTH": "3"}},
            {"taskType": "Validate", "sourceFields": ["id"], "destinationField": "id", "connectorOperator": {connector: "VALIDATE_NON_NULL"},
             "taskProperties": {"VALIDATION_ACTION": "DropRecord"}},
            {"taskType": "Merge", "sourceFields": ["id", "name"], "destinationField": "both", "connectorOperator": no_op,
             "taskProperties": {"CONCAT_FORMAT": self.random.choice(["${id}: ${name}", "id name", " ", "%s-%s"])}},
            {"taskType": "Arithmetic", "sourceFields": ["id", "t"], "destinationField": "computed",
             "connectorOperator": {connector: self.random.choice(["ADDITION", "SUBTRACTION", "MULTIPLICATION", "DIVISION"])}},
            partition(connector, "id", ordered=self.often(0.5)),
        ]
        some = self.random.sample(others, self.random.randint(0, 3))
        if self.often(0.4):
            body = [self.random.choice(everything), *some]
        else:
            fields = [field for task in (*maps, *some) for field in task["sourceFields"]]
            body = [projection(connector, *dict.fromkeys(fields)), *self.random.sample(maps, 2), *some]
            if any(field not in [f for task in body[1:3] for f in task["sourceFields"]] for task in some if task["taskType"] != "Filter"
                   for field in task["sourceFields"]):
                body = [body[0], *maps, *some]
        self.random.shuffle(body)
        return copy.deepcopy(body)


@pytest.fixture(scope="module")
def server(emulation):
    bucket = Bucket(emulation, "trip-bucket")
    Bucket(emulation, "upsolver-appflow-trip")
    bucket.put("in/a.csv", "id,name,t\n1,x,2026-01-01T00:00:00Z\n")
    bucket.put("a.csv", "id,name,t\n1,x,2026-01-01T00:00:00Z\n")
    emulation.boto().create_connector_profile(connectorProfileName="trip-sap", connectorType="SAPOData", connectionMode="Public", connectorProfileConfig={
        "connectorProfileProperties": {"SAPOData": {"applicationHostUrl": "http://localhost", "applicationServicePath": "/s", "portNumber": 1, "clientNumber": "100"}},
        "connectorProfileCredentials": {"SAPOData": {"basicAuthCredentials": {"username": "u", "password": "p"}}}})
    return emulation


def test_all_kinds_are_drawn():
    """What is left out of the definitions above would be tested by nothing."""
    made = [Maker(seed).definition("any") for seed in range(CREATED)]
    assert {task["taskType"] for one in made for task in one["tasks"]} == set(MODEL.shape_for("TaskType").enum)
    assert {one["destinationFlowConfigList"][0]["connectorType"] for one in made} == {"S3", "Upsolver"}
    assert {one["sourceFlowConfig"]["connectorType"] for one in made} == {"S3", "SAPOData"}


def described(server, name):
    answer = server.raw("/describe-flow", {"flowName": name})
    assert answer.status_code == 200, answer.text
    return answer.json()


def as_sent(sent, kept):
    """What has to come back: the definition itself, with the two members that are never left out."""
    want = {name: sent[name] for name in SAME if name in sent} | kept
    trigger = {"triggerProperties": {}, **want["triggerConfig"]}
    return {**want, "triggerConfig": trigger}


def text(value):
    """JSON with sorted members, so that 1 and true and 1.0 are three things; whole seconds are written either way."""
    def tidy(value):
        if isinstance(value, dict):
            return {k: tidy(v) for k, v in value.items()}
        if isinstance(value, list):
            return [tidy(v) for v in value]
        return int(value) if isinstance(value, float) and value.is_integer() else value
    return json.dumps(tidy(value), sort_keys=True, indent=1)


@pytest.mark.parametrize("seed", range(CREATED))
def test_a_new_flow_comes_back_as_it_was_sent(server, seed):
    name = f"trip-{seed}"
    sent = Maker(seed).definition(name)
    answer = server.raw("/create-flow", sent)
    assert answer.status_code == 200, f"{answer.text}\n{text(sent)}"
    found = described(server, name)
    want = as_sent(sent, {"tags": sent.get("tags", {})})
    assert text({member: found[member] for member in SAME if member in found}) == text(want)
    assert found["schemaVersion"] == 1
    assert found["flowStatus"] == answer.json()["flowStatus"] == ("Active" if sent["triggerConfig"]["triggerType"] == "OnDemand" else "Draft")


def test_a_changed_flow_comes_back_as_it_was_sent(server):
    """One flow that becomes one random definition after another; nothing of an earlier one shines through."""
    first = Maker(0).definition("trip-changes")
    assert server.raw("/create-flow", first).status_code == 200
    kept = {"tags": first.get("tags", {}), **({"kmsArn": first["kmsArn"]} if "kmsArn" in first else {})}
    for seed in range(1000, 1000 + UPDATED):
        sent = Maker(seed).definition("trip-changes")
        sent.pop("tags", None), sent.pop("kmsArn", None)
        answer = server.raw("/update-flow", sent)
        assert answer.status_code == 200, f"{answer.text}\n{text(sent)}"
        found = described(server, "trip-changes")
        assert text({member: found[member] for member in SAME if member in found}) == text(as_sent(sent, kept)), seed
        # The same definition again changes nothing but the time: a plan is empty, and so is its application.
        if seed % 10 == 0:
            assert server.raw("/update-flow", sent).status_code == 200
            again = described(server, "trip-changes")
            changing = ("lastUpdatedAt",)
            assert {k: v for k, v in again.items() if k not in changing} == {k: v for k, v in found.items() if k not in changing}

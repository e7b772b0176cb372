"""Terraform's two AppFlow resources, replayed: what the provider sends, reads and compares, step by step.

The provider is not needed. `Flow` and `Profile` send what its resources send: an unset text, number or list is left out,
an unset boolean is sent as false, tasks come in any order, and a create is followed by reads. `state` is what it keeps of
an answer, where an absent member is the type's zero; a plan is empty when that is the configuration.
"""

import datetime
import random
import re

import pytest
from support.flows import Bucket
from support.process import wait_until
from support.profiles import create_input
from support.server import ACCOUNT, REGION

TOMORROW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=1)

# The attributes of the resources' blocks, with their zeros; a dictionary is a block that may be absent.
ERRORS = {"bucket_name": "", "bucket_prefix": "", "fail_on_first_destination_error": False}
OUTPUT = {
    "aggregation_config": {"aggregation_type": "", "target_file_size": 0}, "file_type": "", "preserve_source_data_typing": False,
    "prefix_config": {"prefix_format": "", "prefix_type": "", "prefix_hierarchy": []},
}
S3_DESTINATION = {"bucket_name": "", "bucket_prefix": "", "s3_output_format_config": OUTPUT}
S3_SOURCE = {"bucket_name": "", "bucket_prefix": "", "s3_input_format_config": {"s3_input_file_type": ""}}
SAP_SOURCE = {"object_path": "", "pagination_config": {"max_page_size": 0}, "parallelism_config": {"max_parallelism": 0}}
SCHEDULED = {"data_pull_mode": "", "first_execution_from": "", "flow_error_deactivation_threshold": 0, "schedule_end_time": "",
             "schedule_expression": "", "schedule_offset": 0, "schedule_start_time": "", "timezone": ""}
FLOW = {
    "description": "",
    "destination_flow_config": {"api_version": "", "connector_profile_name": "", "connector_type": "",
                                "destination_connector_properties": {"s3": S3_DESTINATION}},
    "source_flow_config": {"api_version": "", "connector_profile_name": "", "connector_type": "",
                           "incremental_pull_config": {"datetime_type_field_name": ""},
                           "source_connector_properties": {"s3": S3_SOURCE, "sapo_data": SAP_SOURCE}},
    "trigger_config": {"trigger_type": "", "trigger_properties": {"scheduled": SCHEDULED}},
    "metadata_catalog_config": {"glue_data_catalog": {"database_name": "", "role_arn": "", "table_prefix": ""}},
}
REDSHIFT = {"bucket_name": "", "bucket_prefix": "", "cluster_identifier": "", "data_api_role_arn": "", "database_name": "",
            "database_url": "", "role_arn": ""}
SAP = {"application_host_url": "", "application_service_path": "", "client_number": "", "logon_language": "", "port_number": 0,
       "private_link_service_name": ""}


def wire_name(attribute):
    special = {"s3": "S3", "sapo_data": "SAPOData", "redshift": "Redshift", "scheduled": "Scheduled",
               "prefix_hierarchy": "pathPrefixHierarchy"}
    return special.get(attribute) or re.sub(r"_(\w)", lambda found: found[1].upper(), attribute)


def expand(block, schema):
    """A block as the provider sends it."""
    body = {}
    for attribute, zero in schema.items():
        value = block.get(attribute)
        if isinstance(zero, dict):
            if value is not None:
                body[wire_name(attribute)] = expand(value, zero)
        elif isinstance(zero, bool):
            body[wire_name(attribute)] = bool(value)
        elif value:
            is_time = attribute.endswith(("_time", "_from"))
            body[wire_name(attribute)] = datetime.datetime.fromisoformat(value) if is_time else value
    return body


def state(body, schema):
    """An answer as the provider keeps it."""
    block = {}
    for attribute, zero in schema.items():
        value = body.get(wire_name(attribute))
        if isinstance(zero, dict):
            if value:
                block[attribute] = state(value, zero)
        elif isinstance(value, datetime.datetime):
            block[attribute] = value.astimezone(datetime.timezone.utc).isoformat()
        else:
            block[attribute] = zero if value is None else value
    return block


def planned(config, schema):
    """A configuration with all that it leaves unset."""
    block = {}
    for attribute, zero in schema.items():
        value = config.get(attribute)
        if isinstance(zero, dict):
            if value is not None:
                block[attribute] = planned(value, zero)
        else:
            block[attribute] = zero if value is None else value
    return block


def as_set(tasks):
    """Tasks as the provider compares them: in no order, `[""]` like `[]`."""
    return sorted(repr((t["task_type"], [f for f in t.get("source_fields", []) if f], t.get("destination_field") or "",
                        sorted(t.get("task_properties", {}).items()), sorted(t.get("connector_operator", {}).items()))) for t in tasks)


class Flow:
    """The resource aws_appflow_flow."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        # The orders of the tasks are the same ones in each run of the tests.
        self.random = random.Random(name)

    def body(self, config):
        tasks = []
        for task in self.random.sample(config["task"], len(config["task"])):
            sent = {"taskType": task["task_type"], "sourceFields": task.get("source_fields", []),
                    "connectorOperator": {wire_name(k): v for k, v in task.get("connector_operator", {}).items()}}
            if task.get("destination_field") is not None:
                sent["destinationField"] = task["destination_field"]
            if task.get("task_properties"):
                sent["taskProperties"] = task["task_properties"]
            tasks.append(sent)
        body = expand({k: v for k, v in config.items() if k != "description"}, FLOW)
        body["destinationFlowConfigList"] = [body.pop("destinationFlowConfig")]
        return {"flowName": self.name, "tasks": tasks, **body}

    def create(self, config):
        more = {"description": config["description"]} if config.get("description") else {}
        answer = self.client.create_flow(**self.body(config), **more, tags=config.get("tags", {}))
        self.arn = answer["flowArn"]
        return self.read()

    def read(self):
        try:
            found = self.client.describe_flow(flowName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return None
        if found["flowStatus"] == "Deleted":
            return None
        destination, = found["destinationFlowConfigList"]
        trigger = found["triggerConfig"]
        if trigger["triggerType"] != "Scheduled":
            trigger = {"triggerType": trigger["triggerType"]}
        kept = state({**found, "destinationFlowConfig": destination, "triggerConfig": trigger}, FLOW)
        kept["task"] = as_set([
            {"task_type": t["taskType"], "source_fields": t.get("sourceFields", []), "destination_field": t.get("destinationField", ""),
             "task_properties": t.get("taskProperties", {}),
             "connector_operator": {{"S3": "s3", "SAPOData": "sapo_data"}[k]: v for k, v in t.get("connectorOperator", {}).items()}}
            for t in found["tasks"]])
        listed = self.client.list_tags_for_resource(resourceArn=found["flowArn"])["tags"]
        assert listed == found["tags"]
        return {**kept, "tags": listed, "arn": found["flowArn"], "status": found["flowStatus"], "kms_arn": found.get("kmsArn")}

    def update(self, before, after):
        self.client.update_flow(**self.body(after), description=after.get("description", ""))
        old, new = before.get("tags", {}), after.get("tags", {})
        if gone := [key for key in old if key not in new]:
            self.client.untag_resource(resourceArn=self.arn, tagKeys=gone)
        if changed := {key: value for key, value in new.items() if old.get(key) != value}:
            self.client.tag_resource(resourceArn=self.arn, tags=changed)
        return self.read()

    def imported(self):
        """By ARN: the name is found in the list of all flows."""
        token = {}
        while True:
            page = self.client.list_flows(maxResults=100, **token)
            names = [flow["flowName"] for flow in page["flows"] if flow["flowArn"] == self.arn]
            if names:
                return Flow(self.client, names[0]).read()
            token = {"nextToken": page["nextToken"]}

    def destroy(self):
        try:
            self.client.delete_flow(flowName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return
        wait_until(lambda: self.read() is None, seconds=120)


def no_diff(config, kept):
    want = {**planned(config, FLOW), "task": as_set(config["task"]), "tags": config.get("tags", {})}
    return {k: v for k, v in kept.items() if k in want} == want


@pytest.fixture
def bucket(live, name):
    bucket = Bucket(live, f"tf-{name}")
    bucket.put("flow_source.csv", "testField,other\n1,2\n")
    return bucket


@pytest.fixture
def basic(bucket):
    """The configuration of the provider's basic acceptance test, with changes."""
    def basic(**changes):
        return {
            "source_flow_config": {"connector_type": "S3", "source_connector_properties": {"s3": {"bucket_name": bucket.name, "bucket_prefix": "flow"}}},
            "destination_flow_config": {"connector_type": "S3", "destination_connector_properties": {"s3": {
                "bucket_name": bucket.name, "s3_output_format_config": {"prefix_config": {"prefix_type": "PATH"}}}}},
            "task": [{"source_fields": ["testField"], "destination_field": "testField", "task_type": "Map", "connector_operator": {"s3": "NO_OP"}}],
            "trigger_config": {"trigger_type": "Scheduled", "trigger_properties": {"scheduled": {
                "data_pull_mode": "Incremental", "schedule_expression": "rate(3hours)", "schedule_start_time": TOMORROW.isoformat()}}},
            **changes,
        }
    return basic


def output(config, **settings):
    properties = config["destination_flow_config"]["destination_connector_properties"]["s3"]
    properties["s3_output_format_config"] = settings
    return config


def tasks(*given):
    return list(given)


def task(kind, fields, destination=None, operator="NO_OP", **properties):
    return {"task_type": kind, "source_fields": fields, "destination_field": destination, "connector_operator": {"s3": operator},
            "task_properties": properties}


def lives(flow, config, *changes):
    """create, read, plan; for each change: apply, read, plan; import; destroy."""
    kept = flow.create(config)
    assert no_diff(config, kept) and kept["status"] == ("Draft" if config["trigger_config"]["trigger_type"] != "OnDemand" else "Active")
    assert kept["arn"] == f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/{flow.name}"
    for change in changes:
        kept = flow.update(config, change)
        assert no_diff(change, kept), kept
        # What is applied once more changes nothing.
        assert flow.update(change, change) == kept
        config = change
    assert flow.imported() == kept
    flow.destroy()
    assert flow.read() is None
    flow.destroy()


def test_basic_and_update(live, name, basic):
    scheduled = {"data_pull_mode": "Complete", "schedule_expression": "rate(6hours)", "schedule_start_time": TOMORROW.isoformat()}
    lives(Flow(live.boto(), name), basic(),
          basic(description="test description", trigger_config={"trigger_type": "Scheduled", "trigger_properties": {"scheduled": scheduled}}),
          basic(description="", trigger_config={"trigger_type": "OnDemand"}))


def test_every_member_of_the_schedule(live, name, basic):
    scheduled = {
        "data_pull_mode": "Incremental", "schedule_expression": "rate(1days)", "schedule_start_time": TOMORROW.isoformat(),
        "schedule_end_time": (TOMORROW + datetime.timedelta(days=400)).isoformat(), "first_execution_from": "2023-11-14T22:13:20+00:00",
        "schedule_offset": 36_000, "timezone": "Europe/Berlin", "flow_error_deactivation_threshold": 100}
    lives(Flow(live.boto(), name), basic(trigger_config={"trigger_type": "Scheduled", "trigger_properties": {"scheduled": scheduled}}))


def test_parquet_with_and_without_types(live, name, basic):
    path = {"prefix_type": "PATH"}
    lives(Flow(live.boto(), name),
          output(basic(), file_type="PARQUET", preserve_source_data_typing=True, prefix_config=path, aggregation_config={"aggregation_type": "None"}),
          output(basic(), file_type="PARQUET", preserve_source_data_typing=False, prefix_config=path, aggregation_config={"aggregation_type": "None"}),
          output(basic(), file_type="CSV", prefix_config={"prefix_type": "FILENAME", "prefix_format": "HOUR"},
                 aggregation_config={"aggregation_type": "None", "target_file_size": 128}),
          basic(destination_flow_config={"connector_type": "S3", "destination_connector_properties": {"s3": {"bucket_name": f"tf-{name}"}}}))


def test_the_task_sets(live, name, basic):
    project = task("Filter", ["testField", "other"], "", "PROJECTION")
    lives(Flow(live.boto(), name), basic(),
          basic(task=tasks(project, task("Map", ["testField"], "testField"), task("Map", ["other"], "other"))),
          basic(task=tasks(task("Map", ["testField"], "testField", SOURCE_DATA_TYPE="CSV", DESTINATION_DATA_TYPE="CSV"))),
          basic(task=tasks(task("Map_all", [], None, SOURCE_DATA_TYPE="id", DESTINATION_DATA_TYPE="id"))),
          basic(task=tasks(task("Map_all", [""]))),
          basic(task=tasks(task("Map_all", [], None, EXCLUDE_SOURCE_FIELDS_LIST="[]"), task("Mask", ["other"], "other", "MASK_ALL", MASK_LENGTH="5", MASK_VALUE="*"))))


def test_the_catalog_keeps_its_members_and_the_order_of_the_hierarchy(live, name, basic):
    glue = {"glue_data_catalog": {"database_name": "no_such_database", "role_arn": f"arn:aws:iam::{ACCOUNT}:role/glue", "table_prefix": "p"}}
    lives(Flow(live.boto(), name),
          output(basic(metadata_catalog_config=glue), file_type="PARQUET", aggregation_config={"aggregation_type": "None"},
                 prefix_config={"prefix_type": "PATH", "prefix_hierarchy": ["SCHEMA_VERSION", "EXECUTION_ID"]}))


def test_tags(live, name, basic):
    lives(Flow(live.boto(), name), basic(tags={"key1": "value1"}), basic(tags={"key1": "updated", "key2": ""}), basic(tags={"key2": ""}),
          basic(tags={}), basic(tags={"providerkey1": "a", "resourcekey1": "b"}))


def test_an_sap_source_over_a_profile(live, sap, name, bucket, basic):
    live.boto().create_connector_profile(**sap.profile(name))

    def config(**source):
        return basic(
            source_flow_config={"connector_type": "SAPOData", "connector_profile_name": name, "source_connector_properties": {
                "sapo_data": {"object_path": "Planes", **source}}},
            trigger_config={"trigger_type": "OnDemand"},
            task=[{"task_type": "Map_all", "source_fields": [], "destination_field": "", "connector_operator": {"sapo_data": "NO_OP"}}])

    lives(Flow(live.boto(), name), config(), config(pagination_config={"max_page_size": 1000}, parallelism_config={"max_parallelism": 5}), config())


def test_a_flow_that_somebody_else_deleted_is_gone(live, name, basic):
    flow = Flow(live.boto(), name)
    flow.create(basic())
    live.boto().delete_flow(flowName=name)
    assert flow.read() is None


# aws_appflow_connector_profile.


class Profile:
    """The resource; credentials never come back and are kept from the configuration."""

    def __init__(self, client, name, kind, schema, credentials):
        self.client, self.name, self.kind, self.schema = client, name, kind, schema
        self.credentials = credentials

    def config(self, properties):
        key = wire_name({"SAPOData": "sapo_data", "Redshift": "redshift"}[self.kind])
        return {"connectorProfileProperties": {key: expand(properties, self.schema)}, "connectorProfileCredentials": {key: self.credentials}}

    def create(self, properties, mode="Public"):
        self.arn = self.client.create_connector_profile(
            connectorProfileName=self.name, connectorType=self.kind, connectionMode=mode,
            connectorProfileConfig=self.config(properties))["connectorProfileArn"]
        return self.read()

    def update(self, properties, mode="Public"):
        answer = self.client.update_connector_profile(connectorProfileName=self.name, connectionMode=mode,
                                                      connectorProfileConfig=self.config(properties))
        assert answer["connectorProfileArn"] == self.arn
        return self.read()

    def read(self):
        """All profiles, page by page, until the ARN is found."""
        token = {}
        while True:
            page = self.client.describe_connector_profiles(maxResults=100, **token)
            for found in page["connectorProfileDetails"]:
                if found["connectorProfileArn"] == self.arn:
                    key = {"SAPOData": "SAPOData", "Redshift": "Redshift"}[self.kind]
                    return {"mode": found["connectionMode"], "label": found.get("connectorLabel", ""), "type": found["connectorType"],
                            "name": found["connectorProfileName"], "credentials_arn": found["credentialsArn"],
                            "properties": state(found["connectorProfileProperties"][key], self.schema)}
            if "nextToken" not in page:
                return None
            token = {"nextToken": page["nextToken"]}

    def lives(self, *configs):
        kept = None
        for properties in configs:
            kept, before = (self.update(properties) if kept else self.create(properties)), kept
            assert kept["properties"] == planned(properties, self.schema)
            assert (kept["mode"], kept["label"], kept["type"], kept["name"]) == ("Public", "", self.kind, self.name)
            assert before is None or kept["credentials_arn"] == before["credentials_arn"]
            assert self.update(properties) == kept, "the same once more changes nothing"
        assert re.fullmatch(rf"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:appflow!{ACCOUNT}-{self.name}-\d+", kept["credentials_arn"])
        assert self.arn == f"arn:aws:appflow:{REGION}:{ACCOUNT}:connectorprofile/{self.name}"
        self.client.delete_connector_profile(connectorProfileName=self.name)
        assert self.read() is None
        with pytest.raises(self.client.exceptions.ResourceNotFoundException):
            self.client.delete_connector_profile(connectorProfileName=self.name)


def test_redshift_with_another_prefix(live, name):
    base = {"bucket_name": f"tf-{name}", "database_url": "jdbc:redshift://cluster.example.com:5439/dev", "role_arn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    profile = Profile(live.boto(), name, "Redshift", REDSHIFT, {"username": "testusername", "password": "testPassword1!"})
    profile.lives(base, {**base, "bucket_prefix": "prefix"}, base)


def test_sap_odata(live, sap, name):
    config = sap.config()["connectorProfileCredentials"]["SAPOData"]
    base = {"application_host_url": "http://localhost", "application_service_path": "/odata/v4/nycflights", "client_number": "100", "port_number": sap.port}
    Profile(live.boto(), name, "SAPOData", SAP, config).lives(base, {**base, "logon_language": "EN"})


def test_a_profile_among_many_is_found(emulation, name):
    client = emulation.boto()
    for number in range(105):
        client.create_connector_profile(**create_input("Singular", f"a-{name}-{number:03}"))
    profile = Profile(client, f"z-{name}", "Redshift", REDSHIFT, {"username": "u", "password": "p"})
    base = {"bucket_name": "tf-bucket", "database_url": "jdbc:redshift://h:5439/dev", "role_arn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    profile.lives(base)

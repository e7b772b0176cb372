"""Every operation of the model is routed, authenticated and validated, built or not."""

import botocore
import pytest
from support.profiles import MODEL
from support.server import ACCOUNT, REGION, error_of

OPERATIONS = sorted(MODEL.operation_names)
ARN = f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/nobody"
FLOW = {
    "flowName": "nobody", "triggerConfig": {"triggerType": "OnDemand"},
    "sourceFlowConfig": {"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": "no-such-bucket", "bucketPrefix": "a"}}},
    "destinationFlowConfigList": [{"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "no-such-bucket"}}}],
    "tasks": [{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"}, "taskProperties": {}}],
}
# The smallest input that the model accepts; all of it names what does not exist.
INPUTS = {
    "CancelFlowExecutions": {"flowName": "nobody"},
    "CreateConnectorProfile": {
        "connectorProfileName": "nobody", "connectorType": "S3", "connectionMode": "Public",
        "connectorProfileConfig": {"connectorProfileProperties": {}}},
    "CreateFlow": FLOW,
    "DeleteConnectorProfile": {"connectorProfileName": "nobody"},
    "DeleteFlow": {"flowName": "nobody"},
    "DescribeConnector": {"connectorType": "SAPOData"},
    "DescribeConnectorEntity": {"connectorEntityName": "a", "connectorProfileName": "nobody"},
    "DescribeConnectorProfiles": {},
    "DescribeConnectors": {},
    "DescribeFlow": {"flowName": "nobody"},
    "DescribeFlowExecutionRecords": {"flowName": "nobody"},
    "ListConnectorEntities": {"connectorProfileName": "nobody"},
    "ListConnectors": {},
    "ListFlows": {},
    "ListTagsForResource": {"resourceArn": ARN},
    "RegisterConnector": {"connectorLabel": "nobody", "connectorProvisioningType": "LAMBDA", "connectorProvisioningConfig": {
        "lambda": {"lambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:nobody"}}},
    "ResetConnectorMetadataCache": {"connectorProfileName": "nobody", "connectorType": "SAPOData"},
    "StartFlow": {"flowName": "nobody"},
    "StopFlow": {"flowName": "nobody"},
    "TagResource": {"resourceArn": ARN, "tags": {"a": "b"}},
    "UnregisterConnector": {"connectorLabel": "nobody"},
    "UntagResource": {"resourceArn": ARN, "tagKeys": ["a"]},
    "UpdateConnectorProfile": {
        "connectorProfileName": "nobody", "connectionMode": "Public",
        "connectorProfileConfig": {"connectorProfileProperties": {"Singular": {}}}},
    "UpdateConnectorRegistration": {"connectorLabel": "nobody"},
    "UpdateFlow": FLOW,
}
LATER = {"RegisterConnector", "UnregisterConnector", "UpdateConnectorRegistration"}


def route(operation):
    """(method, path) with an ARN in place of a path parameter."""
    http = MODEL.operation_model(operation).http
    return http["method"], http["requestUri"].replace("{resourceArn}", ARN.replace(":", "%3A").replace("/", "%2F"))


def test_this_file_knows_all_operations():
    assert OPERATIONS == sorted(INPUTS) and len(OPERATIONS) == 25


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_routed_and_asks_who_calls(live, operation):
    method, path = route(operation)
    status, name, message = error_of(live.raw(path, b"{}" if method == "POST" else b"", method, sign=False))
    assert (status, name) == (403, "MissingAuthenticationTokenException"), message


def required_in_body(operation):
    shape = MODEL.operation_model(operation).input_shape
    return [m for m in shape.required_members if shape.members[m].serialization.get("location") is None]


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if required_in_body(o)])
def test_an_operation_asks_for_its_required_members_built_or_not(live, operation):
    method, path = route(operation)
    status, name, message = error_of(live.raw(path, {}, method))
    assert (status, name) == (400, "ValidationException"), message
    for member in required_in_body(operation):
        assert f"Value null at '{member}' failed to satisfy constraint: Member must not be null" in message


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if not required_in_body(o)])
def test_an_operation_without_required_members_checks_those_that_came(live, operation):
    method, path = route(operation)
    if method == "POST":
        member = next(iter(MODEL.operation_model(operation).input_shape.members))
        status, name, message = error_of(live.raw(path, {member: {"wrong": ["type"]}}))
        assert (status, name) == (400, "SerializationException") and member in message, message
    else:
        status, name, message = error_of(live.raw("/tags/nonsense", b"", method))
        assert (status, name) == (400, "ValidationException") and "resourceArn" in message, message


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_answers_or_says_that_it_is_not_built_yet(live, operation):
    client = live.boto()
    method = getattr(client, botocore.xform_name(operation))
    try:
        method(**INPUTS[operation])
    except client.exceptions.ClientError as error:
        name, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        message = error.response["Error"]["Message"]
        if name == "UnsupportedOperationException":
            assert operation in LATER and operation in message and status == 400, message
        else:
            assert name in ("ResourceNotFoundException", "ValidationException", "ConnectorServerException"), (name, message)
        assert error.response["ResponseMetadata"]["RequestId"]


def test_an_unknown_operation(live):
    for method, path in (("POST", "/no-such-operation"), ("GET", "/create-flow"), ("POST", "/"), ("PUT", "/list-flows")):
        status, name, _ = error_of(live.raw(path, b"{}", method))
        assert (status, name.removesuffix("Exception")) == (404, "UnknownOperation"), (method, path)


def test_the_catalogue_holds_all_types(live):
    client = live.boto()
    types = MODEL.shape_for("ConnectorType").enum
    seen, token = [], None
    while True:
        page = client.describe_connectors(maxResults=10, **({"nextToken": token} if token else {}))
        seen += page["connectorConfigurations"]
        token = page.get("nextToken")
        if not token:
            break
    assert sorted(seen) == sorted(t for t in types if t != "CustomConnector" or t in seen)
    one = client.describe_connector(connectorType="SAPOData")["connectorConfiguration"]
    assert one["canUseAsSource"] and one["connectorType"] == "SAPOData"
    assert "GREATER_THAN" in str(one["supportedOperators"])
    assert one["authenticationConfig"]["isBasicAuthSupported"]

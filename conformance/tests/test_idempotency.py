"""clientToken: the same request twice is one; another request under the same token is refused."""

import uuid

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.profiles import create_input
from support.server import error_of

CREATE = "/create-connector-profile"


@pytest.fixture
def token():
    return str(uuid.uuid4())


def profile(name, token, key="first-key"):
    data = create_input("Singular", name)
    data["connectorProfileConfig"]["connectorProfileCredentials"]["Singular"]["apiKey"] = key
    return {**data, "clientToken": token}


def test_a_repeated_creation_is_one(emulation, name, token):
    first = emulation.raw(CREATE, profile(name, token))
    again = emulation.raw(CREATE, profile(name, token))
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    # Without the token it is a second creation.
    assert error_of(emulation.raw(CREATE, profile(name, str(uuid.uuid4()))))[:2] == (409, "ConflictException")


def test_the_order_of_members_does_not_matter(emulation, name, token):
    data = profile(name, token)
    assert emulation.raw(CREATE, data).status_code == 200
    assert emulation.raw(CREATE, dict(reversed(data.items()))).status_code == 200


def test_the_same_token_for_another_input(emulation, name, token):
    assert emulation.raw(CREATE, profile(name, token)).status_code == 200
    for other in (profile(f"{name}-other", token), profile(name, token, key="second-key")):
        status, error, message = error_of(emulation.raw(CREATE, other))
        assert (status, error) == (409, "ConflictException"), message
        assert "token" in message.lower() and "second-key" not in message
    found = emulation.boto().describe_connector_profiles(connectorProfileNames=[f"{name}-other"])
    assert found["connectorProfileDetails"] == []


def test_a_refused_creation_does_not_take_the_token(emulation, name, token):
    broken = profile(name, token)
    del broken["connectorProfileConfig"]["connectorProfileCredentials"]
    assert emulation.raw(CREATE, broken).status_code == 400
    assert emulation.raw(CREATE, profile(name, token)).status_code == 200


def test_a_token_outlives_a_crash(make_server, name, token):
    server = make_server("--connection-check", "off")
    assert server.raw(CREATE, profile(name, token)).status_code == 200
    server.restart(kill=True)
    assert server.raw(CREATE, profile(name, token)).status_code == 200
    assert error_of(server.raw(CREATE, profile(name, token, key="second-key")))[1] == "ConflictException"


def test_an_update_is_repeated_too(emulation, name, token):
    assert emulation.raw(CREATE, profile(name, str(uuid.uuid4()))).status_code == 200
    data = profile(name, token, key="third-key")
    update = {k: data[k] for k in ("connectorProfileName", "connectionMode", "connectorProfileConfig", "clientToken")}
    assert emulation.raw("/update-connector-profile", update).status_code == 200
    first = emulation.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"][0]
    assert emulation.raw("/update-connector-profile", update).status_code == 200
    again = emulation.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"][0]
    assert first["lastUpdatedAt"] == again["lastUpdatedAt"], "the repetition must not write"


def test_flows_and_starts_are_repeated_too(emulation, name, token):
    bucket = Bucket(emulation, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    data = flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3")], clientToken=token)
    first = emulation.raw("/create-flow", data)
    assert first.status_code == 200, first.text
    assert emulation.raw("/create-flow", data).json() == first.json()
    assert error_of(emulation.raw("/create-flow", {**data, "description": "other"}))[1] == "ConflictException"

    start = {"flowName": name, "clientToken": str(uuid.uuid4())}
    ran = emulation.raw("/start-flow", start).json()["executionId"]
    assert emulation.raw("/start-flow", start).json()["executionId"] == ran
    # The start of another on-demand flow is not refused for a token that was used before.
    other = {**data, "flowName": f"{name}-other", "clientToken": str(uuid.uuid4())}
    assert emulation.raw("/create-flow", other).status_code == 200
    started = emulation.raw("/start-flow", {**start, "flowName": f"{name}-other"})
    assert started.status_code == 200 and started.json()["executionId"] != ran
    emulation.wait_for_run(name, ran)
    records = emulation.boto().describe_flow_execution_records(flowName=name)["flowExecutions"]
    assert [record["executionId"] for record in records] == [ran]


@pytest.mark.parametrize("bad", ["", "x" * 257, "tab\tinside", "ünicode"])
def test_a_token_that_is_none(emulation, name, bad):
    status, error, message = error_of(emulation.raw(CREATE, profile(name, bad)))
    if bad == "":
        assert status in (200, 400), message
    else:
        assert (status, error) == (400, "ValidationException") and "clientToken" in message

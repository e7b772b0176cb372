"""The AppFlow guide's "Managing connections", step by step, with the unmodified AWS CLI against SAP's server."""

import json

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, sap_source
from support.sap import OTHER_PASSWORD, OTHER_USER, PASSWORD
from support.server import ACCOUNT, REGION


def arn(name):
    return f"arn:aws:appflow:{REGION}:{ACCOUNT}:connectorprofile/{name}"


@pytest.fixture
def create(live, sap, tmp_path):
    """Creates a connection with the CLI, as the guide does: the configuration comes from a file."""

    def create(name, config=None, **how):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(config or sap.config(**how)))
        return live.aws(
            "create-connector-profile", "--connector-profile-name", name, "--connector-type", "SAPOData",
            "--connection-mode", "Public", "--connector-profile-config", f"file://{file}",
        )

    return create


def describe(server, *names):
    done = server.aws("describe-connector-profiles", "--connector-profile-names", *names)
    assert done.code == 0, done.err
    return done.json["connectorProfileDetails"]


def test_a_connection_is_created_and_viewed(live, sap, create, name):
    made = create(name)
    assert made.code == 0, made.err
    assert made.json == {"connectorProfileArn": arn(name)}

    seen = describe(live, name)
    assert [profile["connectorProfileName"] for profile in seen] == [name]
    profile = seen[0]
    assert profile["connectorProfileArn"] == arn(name)
    assert profile["connectorType"] == "SAPOData"
    assert profile["connectionMode"] == "Public"
    assert profile["connectorProfileProperties"] == sap.properties()
    assert profile["credentialsArn"].startswith(f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:appflow!{ACCOUNT}-{name}")
    assert profile["createdAt"] and profile["lastUpdatedAt"]
    assert PASSWORD not in json.dumps(seen) and "connectorProfileCredentials" not in json.dumps(seen)


def test_connections_are_listed_by_connector(live, create, name):
    assert create(name).code == 0
    listed = live.aws("describe-connector-profiles", "--connector-type", "SAPOData", "--max-results", "100")
    assert name in [profile["connectorProfileName"] for profile in listed.json["connectorProfileDetails"]]
    others = live.aws("describe-connector-profiles", "--connector-type", "Slack")
    assert others.json["connectorProfileDetails"] == []


def test_an_unknown_name_is_an_empty_list(live, name):
    assert describe(live, name) == []


def test_the_list_is_paged_and_stable_under_inserts(live, create, sap, name):
    names = {f"{name}-{i}" for i in range(5)}
    for each in names:
        assert create(each).code == 0
    client, seen, token = live.boto(), [], None
    while True:
        page = client.describe_connector_profiles(maxResults=2, **({"nextToken": token} if token else {}))
        assert len(page["connectorProfileDetails"]) <= 2
        seen += [profile["connectorProfileName"] for profile in page["connectorProfileDetails"]]
        token = page.get("nextToken")
        if not token:
            break
        if len(seen) == 2:
            client.create_connector_profile(**sap.profile(f"{name}-later"))
    assert len(seen) == len(set(seen)), "a row came twice"
    assert names <= set(seen)
    answer = live.raw("/describe-connector-profiles", {"maxResults": 2, "nextToken": "made-up"})
    assert answer.status_code == 400 and answer.headers["x-amzn-ErrorType"] == "ValidationException"


def test_the_vendor_is_asked_before_anything_is_stored(live, sap, create, name):
    before = len(sap.requests())
    refused = create(name, password="n0t-the-passw0rd")
    assert refused.code != 0
    assert "ConnectorAuthenticationException" in refused.err and "n0t-the-passw0rd" not in refused.err
    assert len(sap.requests()) > before
    assert describe(live, name) == []


def test_an_unreachable_vendor_is_a_server_error(live, sap, create, name):
    lost = create(name, port=1)
    assert lost.code != 0 and "ConnectorServerException" in lost.err
    assert describe(live, name) == []


def test_a_service_that_is_not_there_is_the_vendors_error_and_not_a_missing_resource(live, sap, name):
    data = sap.profile(name)
    data["connectorProfileConfig"]["connectorProfileProperties"]["SAPOData"]["applicationServicePath"] = "/odata/v4/nothing"
    answer = live.raw("/create-connector-profile", data)
    assert answer.status_code == 400 and answer.headers["x-amzn-ErrorType"] == "ConnectorServerException", answer.text
    assert describe(live, name) == []


def test_a_second_connection_of_the_same_name_is_a_conflict(live, create, name):
    assert create(name).code == 0
    again = create(name)
    assert again.code != 0 and "ConflictException" in again.err


def test_a_connection_is_edited(live, sap, create, name, tmp_path):
    """Update is a full replacement; without credentials the stored ones stay."""
    assert create(name).code == 0
    file = tmp_path / "update.json"
    changed = {"connectorProfileProperties": sap.properties(logonLanguage="DE")}
    file.write_text(json.dumps(changed))
    done = live.aws("update-connector-profile", "--connector-profile-name", name, "--connection-mode", "Public",
                    "--connector-profile-config", f"file://{file}")
    assert done.code == 0, done.err
    assert done.json == {"connectorProfileArn": arn(name)}
    profile = describe(live, name)[0]
    assert profile["connectorProfileProperties"] == sap.properties(logonLanguage="DE")
    assert profile["lastUpdatedAt"] > profile["createdAt"]
    assert live.tidegate("connection", "test", name).code == 0

    # A member that is left out is gone: nothing of the old properties is merged in.
    bare = sap.properties()
    del bare["SAPOData"]["logonLanguage"]
    client = live.boto()
    client.update_connector_profile(
        connectorProfileName=name, connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": bare},
    )
    assert describe(live, name)[0]["connectorProfileProperties"] == bare


def test_an_edit_is_proven_like_a_creation(live, sap, create, name):
    assert create(name).code == 0
    client = live.boto()
    with pytest.raises(client.exceptions.ConnectorAuthenticationException):
        client.update_connector_profile(
            connectorProfileName=name, connectionMode="Public", connectorProfileConfig=sap.config(password="wrong"))
    assert live.tidegate("connection", "test", name).code == 0, "the old password must still be there"
    client.update_connector_profile(
        connectorProfileName=name, connectionMode="Public",
        connectorProfileConfig=sap.config(user=OTHER_USER, password=OTHER_PASSWORD))
    assert live.tidegate("connection", "test", name).code == 0


def test_a_new_destination_needs_the_credentials_anew(live, sap, create, name):
    """Whoever may edit a connection must not be able to send its password elsewhere."""
    assert create(name).code == 0
    answer = live.raw("/update-connector-profile", {
        "connectorProfileName": name, "connectionMode": "Public",
        "connectorProfileConfig": {"connectorProfileProperties": sap.properties(port=1)},
    })
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (400, "ValidationException")
    assert "portNumber" in answer.json()["message"]
    refused = live.tidegate("connection", "copy", name, f"{name}-copy",
                            "--set", "connectorProfileProperties.SAPOData.applicationHostUrl=http://127.0.0.2")
    assert refused.code != 0 and "applicationHostUrl" in refused.err
    assert describe(live, name)[0]["connectorProfileProperties"] == sap.properties()


def test_updating_what_does_not_exist(live, sap, name):
    answer = live.raw("/update-connector-profile", {
        "connectorProfileName": name, "connectionMode": "Public", "connectorProfileConfig": sap.config()})
    assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")


def test_a_connection_is_copied(live, sap, create, name):
    """The console's "Copy to new connection": properties and sealed credentials, never through the caller."""
    assert create(name).code == 0
    copied = live.tidegate("connection", "copy", name, f"{name}-copy",
                           "--set", "connectorProfileProperties.SAPOData.logonLanguage=FR")
    assert copied.code == 0, copied.err
    profile = describe(live, f"{name}-copy")[0]
    assert profile["connectorProfileProperties"] == sap.properties(logonLanguage="FR")
    assert describe(live, name)[0]["connectorProfileProperties"] == sap.properties()
    assert live.tidegate("connection", "test", f"{name}-copy").code == 0
    again = live.tidegate("connection", "copy", name, f"{name}-copy")
    assert again.code != 0 and "ConflictException" in again.err
    missing = live.tidegate("connection", "copy", f"{name}-nowhere", f"{name}-x")
    assert missing.code != 0 and "ResourceNotFoundException" in missing.err


def test_a_copy_takes_new_credentials_from_a_file_or_stdin_never_from_the_command_line(live, create, name, tmp_path):
    assert create(name).code == 0
    given = {"SAPOData": {"basicAuthCredentials": {"username": OTHER_USER, "password": OTHER_PASSWORD}}}
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(given))
    by_file = live.tidegate("connection", "copy", name, f"{name}-file", "--credentials", f"file://{file}")
    assert by_file.code == 0, by_file.err
    by_stdin = live.tidegate("connection", "copy", name, f"{name}-stdin", "--credentials", "-", stdin=json.dumps(given))
    assert by_stdin.code == 0, by_stdin.err
    refused = live.tidegate("connection", "copy", name, f"{name}-set", "--set",
                            "connectorProfileCredentials.SAPOData.basicAuthCredentials.password=hunter2")
    assert refused.code != 0 and "hunter2" not in refused.err + refused.out


def test_a_connection_is_deleted(live, create, name):
    assert create(name).code == 0
    gone = live.aws("delete-connector-profile", "--connector-profile-name", name)
    assert gone.code == 0, gone.err
    assert describe(live, name) == []
    again = live.aws("delete-connector-profile", "--connector-profile-name", name)
    assert again.code != 0 and "ResourceNotFoundException" in again.err


def test_a_connection_in_use_is_not_deleted_without_force(live, create, name):
    assert create(name).code == 0
    Bucket(live, f"bucket-{name}")
    flows = [f"flow-{name}-{i}" for i in range(2)]
    client = live.boto()
    for each in flows:
        client.create_flow(**flow(each, sap_source(name, "Planes"), s3_destination(f"bucket-{name}"), [map_all("SAPOData")]))

    used = live.tidegate("connection", "usage", name)
    assert used.code == 0 and all(each in used.out for each in flows), used.out + used.err
    used = live.tidegate("connection", "usage", name, "--output", "json")
    assert {each["flowName"] for each in used.json["flows"]} == set(flows)

    refused = live.aws("delete-connector-profile", "--connector-profile-name", name)
    assert refused.code != 0 and "ConflictException" in refused.err
    assert f"Connector profile: {name} is associated with one or more flows" in refused.err
    assert all(each in refused.err for each in flows), refused.err
    assert len(describe(live, name)) == 1

    forced = live.aws("delete-connector-profile", "--connector-profile-name", name, "--force-delete")
    assert forced.code == 0, forced.err
    assert describe(live, name) == []
    assert client.describe_flow(flowName=flows[0])["flowName"] == flows[0]


def test_entities_and_fields_are_read_through_a_connection(live, create, name):
    """The steps behind the guide's choice of an object and its fields."""
    assert create(name).code == 0
    listed = live.aws("list-connector-entities", "--connector-profile-name", name, "--connector-type", "SAPOData")
    assert listed.code == 0, listed.err
    entities = [entity["name"] for group in listed.json["connectorEntityMap"].values() for entity in group]
    assert {"Planes", "Flights", "Weather", "Odd"} <= {entity.rsplit("/", 1)[-1] for entity in entities}

    planes = next(entity for entity in entities if entity.rsplit("/", 1)[-1] == "Planes")
    described = live.aws("describe-connector-entity", "--connector-profile-name", name, "--connector-type", "SAPOData",
                         "--connector-entity-name", planes)
    assert described.code == 0, described.err
    fields = {field["identifier"]: field for field in described.json["connectorEntityFields"]}
    assert list(fields) == ["tailnum", "year", "type", "manufacturer", "model", "engines", "seats", "speed", "engine"]
    assert fields["tailnum"]["isPrimaryKey"] is True and not fields["year"].get("isPrimaryKey")
    details = fields["year"]["supportedFieldTypeDetails"]["v1"]
    assert "GREATER_THAN" in details["filterOperators"]
    missing = live.aws("describe-connector-entity", "--connector-profile-name", name, "--connector-type", "SAPOData",
                       "--connector-entity-name", "Nowhere")
    assert missing.code != 0 and "ResourceNotFoundException" in missing.err

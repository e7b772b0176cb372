"""All 19 types that take a profile: a good one round-trips, each missing or ill-formed member is refused.

What a member must satisfy is read from AWS's own model, so no member can be forgotten here.
"""

import re

import pytest
from support.profiles import MODEL, changed, create_input, entries, members, profiles, shapes, union_key
from support.server import ACCOUNT, REGION, error_of

TYPES = sorted(profiles())
NO_PROFILE = ["CustomerProfiles", "EventBridge", "LookoutMetrics", "S3", "Upsolver"]
CREATE = "/create-connector-profile"


def good_variants():
    return [pytest.param(kind, i, id=f"{kind}-{i}") for kind in TYPES for i in range(len(entries(kind)))]


def all_members():
    return [pytest.param(kind, *member, id=f"{kind}-{member[0]}") for kind in TYPES for member in members(kind)]


def cross_rules():
    return [pytest.param(kind, bad, id=f"{kind}-{i}") for kind in TYPES for i, bad in enumerate(profiles()[kind].get("bad", []))]


def test_the_file_covers_every_type_and_every_member():
    assert len(TYPES) == 19
    assert sorted(TYPES + NO_PROFILE) == sorted(MODEL.shape_for("ConnectorType").enum)
    for kind in TYPES:
        for part, shape in shapes(kind).items():
            known = set(profiles()[kind].get(part) or {}) | set(profiles()[kind].get("leave", []))
            assert set(shape.members) <= known, (kind, part, set(shape.members) - known)


@pytest.mark.parametrize("kind,number", good_variants())
def test_a_good_profile_comes_back_without_its_credentials(emulation, name, kind, number):
    data = create_input(kind, name, entries(kind)[number])
    client = emulation.boto()
    made = client.create_connector_profile(**data)
    assert made["connectorProfileArn"] == f"arn:aws:appflow:{REGION}:{ACCOUNT}:connectorprofile/{name}"
    answer = emulation.raw("/describe-connector-profiles", {"connectorProfileNames": [name]}).json()
    profile = answer["connectorProfileDetails"][0]
    assert profile["connectorType"] == kind
    assert profile.get("connectorLabel") == data.get("connectorLabel")
    assert profile["connectorProfileProperties"] == data["connectorProfileConfig"]["connectorProfileProperties"]
    assert "connectorProfileCredentials" not in str(answer)
    assert isinstance(profile["createdAt"], (int, float)) and isinstance(profile["lastUpdatedAt"], (int, float))
    # An update with the same content is accepted, and with nothing but the properties too.
    config = data["connectorProfileConfig"]
    client.update_connector_profile(connectorProfileName=name, connectionMode="Public", connectorProfileConfig=config)
    client.update_connector_profile(
        connectorProfileName=name, connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": config["connectorProfileProperties"]})
    listed = client.describe_connector_profiles(connectorType=kind, maxResults=100)["connectorProfileDetails"]
    assert name in [each["connectorProfileName"] for each in listed]
    client.delete_connector_profile(connectorProfileName=name)


def breakages(shape, required):
    """(bad value, what the answer must say) for each constraint of a shape; None stands for absent."""
    limits = shape.metadata
    if required:
        yield None, "null|blank"
    if shape.type_name == "string":
        if limits.get("enum"):
            yield "NO_SUCH_VALUE", "Member must satisfy enum value set"
            return
        if "max" in limits:
            yield "x" * (limits["max"] + 1), f"Member must have length less than or equal to {limits['max']}"
        if limits.get("pattern") not in (None, ".*"):
            yield "has a space \u0001", "Member must satisfy regular expression pattern"
        yield 12345, "STRING|String"
    elif shape.type_name == "integer":
        yield limits["min"] - 1, f"greater than or equal to {limits['min']}"
        yield limits["max"] + 1, f"less than or equal to {limits['max']}"
        yield "text", "Integer"
    elif shape.type_name == "boolean":
        yield "yes", "Boolean"
    elif shape.type_name == "map":
        yield {"a b": "x"}, "pattern"
        yield {f"k{i}": "x" for i in range(51)}, "less than or equal to 50"
        yield {"k": "x" * 2049}, "less than or equal to 2048"
        yield ["a"], "Map"
    else:
        yield "text", "Structure|List"


@pytest.mark.parametrize("kind,path,shape,required,sensitive", all_members())
def test_a_missing_or_ill_formed_member_is_refused(emulation, name, kind, path, shape, required, sensitive):
    for value, says in breakages(shape, required):
        data = changed(kind, name, drop=[path]) if value is None else changed(kind, name, put={path: value})
        status, error, message = error_of(emulation.raw(CREATE, data))
        assert (status, error) in [(400, "ValidationException"), (400, "SerializationException")], (value, message)
        assert re.search(says, message), (value, message)
        assert path.rsplit(".", 1)[-1].lower() in message.lower(), message
        if sensitive and isinstance(value, str):
            assert value[:300] not in message, "a secret in an error"
    assert emulation.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"] == []


@pytest.mark.parametrize("kind,bad", cross_rules())
def test_a_rule_across_members(emulation, name, kind, bad):
    data = changed(kind, name, bad.get("drop", ()), bad.get("set"))
    status, error, message = error_of(emulation.raw(CREATE, data))
    assert (status, error) == (400, "ValidationException"), message
    assert bad["says"].lower() in message.lower(), message


@pytest.mark.parametrize("kind", NO_PROFILE)
def test_a_type_without_profiles_refuses_one(emulation, name, kind):
    status, error, message = error_of(emulation.raw(CREATE, {
        "connectorProfileName": name, "connectorType": kind, "connectionMode": "Public",
        "connectorProfileConfig": {"connectorProfileProperties": {}}}))
    assert (status, error) == (400, "ValidationException"), message
    assert kind.lower() in message.lower() and "profile" in message.lower()


@pytest.mark.parametrize("kind", TYPES)
def test_the_union_must_hold_the_types_own_member(emulation, name, kind):
    data = create_input(kind, name)
    config = data["connectorProfileConfig"]
    own = config["connectorProfileProperties"].pop(union_key(kind))
    config["connectorProfileProperties"]["Singular" if kind != "Singular" else "Amplitude"] = {}
    status, error, message = error_of(emulation.raw(CREATE, data))
    assert (status, error) == (400, "ValidationException"), (own, message)
    assert union_key(kind).lower() in message.lower(), message


def test_a_custom_connector_needs_a_known_label(emulation, name):
    data = create_input("CustomConnector", name)
    status, error, _ = error_of(emulation.raw(CREATE, {**data, "connectorLabel": "NobodyRegisteredThis"}))
    assert (status, error) == (404, "ResourceNotFoundException")
    del data["connectorLabel"]
    status, error, message = error_of(emulation.raw(CREATE, data))
    assert (status, error) == (400, "ValidationException") and "connectorlabel" in message.lower()


def test_snowflakes_stage_comes_back_with_its_sign(emulation, name):
    data = changed("Snowflake", name, put={"properties.stage": "DB.PUBLIC.STAGE"})
    emulation.boto().create_connector_profile(**data)
    answer = emulation.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"][0]
    assert answer["connectorProfileProperties"]["Snowflake"]["stage"] == "@DB.PUBLIC.STAGE"


@pytest.mark.parametrize("bad", ["", "has space", "ünicode", "x" * 257, "a:b", "a\n"])
def test_a_name_that_is_none(emulation, bad):
    status, error, message = error_of(emulation.raw(CREATE, create_input("Singular", bad)))
    assert (status, error) == (400, "ValidationException") and "connectorProfileName" in message


@pytest.mark.parametrize("good", ["a", "a/b!c@d#e+f=g.h-i_j", "x" * 256, "../../etc/passwd", "%2F".replace("%", "="), "null"])
def test_an_unusual_name_works(emulation, good):
    client = emulation.boto()
    client.create_connector_profile(**create_input("Singular", good))
    found = client.describe_connector_profiles(connectorProfileNames=[good])["connectorProfileDetails"]
    assert [each["connectorProfileName"] for each in found] == [good]
    client.delete_connector_profile(connectorProfileName=good)


def test_an_empty_optional_member_counts_as_absent_and_is_kept(emulation, name):
    """Terraform sends empty texts for what the user left out."""
    data = changed("SAPOData", name, put={"properties.logonLanguage": "", "properties.privateLinkServiceName": ""})
    emulation.boto().create_connector_profile(**data)
    found = emulation.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"][0]
    assert found["connectorProfileProperties"] == data["connectorProfileConfig"]["connectorProfileProperties"]


@pytest.fixture(scope="module")
def strict(make_server):
    return make_server("--compat", "strict", "--connection-check", "off")


SERVICE_NAME = {"SAPOData", "Snowflake"}
PRIVATE_LINK = {"Salesforce", "Singular", "Trendmicro"} | SERVICE_NAME


@pytest.mark.parametrize("kind", sorted(profiles()))
def test_private_mode_where_there_is_no_private_link(strict, emulation, name, kind):
    data = {**create_input(kind, name), "connectionMode": "Private"}
    properties = data["connectorProfileConfig"]["connectorProfileProperties"][union_key(kind)]
    properties.pop("privateLinkServiceName", None)
    assert emulation.raw("/create-connector-profile", data).status_code == 200, "relaxed takes it for a public one"
    answer = strict.raw("/create-connector-profile", data)
    if kind in PRIVATE_LINK - SERVICE_NAME:
        assert answer.status_code == 200, answer.text
        return
    status, error, message = error_of(answer)
    assert (status, error) == (400, "ValidationException") and "connectionMode Private" in message
    if kind in SERVICE_NAME:
        properties["privateLinkServiceName"] = ""
        assert "privateLinkServiceName" in error_of(strict.raw("/create-connector-profile", data))[2]
        properties["privateLinkServiceName"] = "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"
        assert strict.raw("/create-connector-profile", data).status_code == 200
        properties.pop("privateLinkServiceName")
        update = {k: data[k] for k in ("connectorProfileName", "connectionMode", "connectorProfileConfig")}
        assert "privateLinkServiceName" in error_of(strict.raw("/update-connector-profile", update))[2]
        assert strict.raw("/update-connector-profile", {**update, "connectionMode": "Public"}).status_code == 200

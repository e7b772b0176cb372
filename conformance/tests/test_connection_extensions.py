"""What the console needs of connections: the list, the forms, what is set, edit and copy that keep secrets."""

import datetime
import itertools
import json
import re
import subprocess
import time

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, sap_source
from support.profiles import MODEL, create_input, entries, profiles, union_key
from support.sap import OTHER_PASSWORD, OTHER_USER, PASSWORD, USER
from support.server import ROOT, error_of

LIST = "/x/list-connector-profiles"
FORM = "/x/describe-connector-form"
HELD = "/x/describe-connector-profile-credentials"
EDIT = "/x/edit-connector-profile"
COPY = "/x/copy-connector-profile"
TYPES = list(MODEL.shape_for("ConnectorType").enum)


def ask(server, path, data=None):
    answer = server.raw(path, data or {})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(server, path, data, name="ValidationException", code=400):
    status, error, message = error_of(server.raw(path, data))
    assert (status, error) == (code, name), (status, error, message)
    return message


# The list.


@pytest.fixture(scope="module")
def listed(make_server, sap):
    """A server with 300 connections of three types, some used by flows, some tested."""
    server = make_server("--connection-check", "off")
    client, kinds = server.boto(), ["Slack", "CustomConnector", "SAPOData"]
    for i in range(300):
        kind, name = kinds[i % 3], f"{'Blue' if i % 2 else 'red'}-{i:03}"
        data = create_input(kind, name) if kind != "SAPOData" else sap.profile(name)
        client.create_connector_profile(**{**data, "connectionMode": "Private" if i % 5 == 0 else "Public"})
    bucket = Bucket(server, "listed-bucket")
    for name, uses in [("one", "Blue-005"), ("two", "Blue-005"), ("three", "red-002")]:
        client.create_flow(**flow(name, sap_source(uses, "Airlines"), s3_destination(bucket.name), [map_all("SAPOData")]))
    client.update_connector_profile(
        connectorProfileName="red-008", connectionMode="Public", connectorProfileConfig=sap.config(password="wrong"))
    client.update_connector_profile(
        connectorProfileName="Blue-011", connectionMode="Public", connectorProfileConfig=sap.config(port=1))
    for name in ["Blue-005", "red-008", "Blue-011", "red-000"]:
        ask(server, "/x/test-connector-profile", {"connectorProfileName": name})
    return server


def every(server, **query):
    """All pages of a list, each checked against the total."""
    rows = []
    while True:
        page = ask(server, LIST, {**query, "maxResults": 70, "startIndex": len(rows)})
        rows += page["connectorProfiles"]
        if not page["connectorProfiles"] or len(rows) >= page["total"]:
            assert len(rows) == page["total"]
            return rows


def names(rows):
    return [row["connectorProfileName"] for row in rows]


def test_the_list_is_complete_in_every_order(listed):
    keys = {
        "name": lambda row: (),
        "connectorType": lambda row: (row["connectorType"], row.get("connectorLabel") or ""),
        "connectionMode": lambda row: (row["connectionMode"] == "Private",),
        "lastUpdatedAt": lambda row: (datetime.datetime.fromisoformat(row["lastUpdatedAt"]),),
        "health": lambda row: ((row["health"] or {"result": ""})["result"],),
        "usedBy": lambda row: (row["usedBy"],),
    }
    for sort, key in keys.items():
        for descending in (False, True):
            rows = every(listed, sortBy=sort, descending=descending)
            assert len(set(names(rows))) == 300
            by_name = sorted(rows, key=lambda row: row["connectorProfileName"], reverse=descending and sort == "name")
            assert rows == sorted(by_name, key=key, reverse=descending), (sort, descending)


def test_the_list_filters_and_counts(listed):
    assert {row["connectorType"] for row in every(listed, connectorType="Slack")} == {"Slack"}
    assert len(every(listed, connectorType="Slack")) == 100
    label = profiles()["CustomConnector"]["label"]
    assert len(every(listed, connectorLabel=label)) == 100 and every(listed, connectorLabel="nobody") == []
    assert len(every(listed, nameContains="BLUE-0")) == 50
    assert names(every(listed, nameContains="-29", connectorType="SAPOData")) == ["Blue-293", "Blue-299", "red-290", "red-296"]
    assert every(listed, nameContains="%") == [] and every(listed, nameContains="___") == []
    assert names(every(listed, health=["Proved", "Refused"])) == ["Blue-005", "red-008"]
    assert len(every(listed, health=["NotChecked"])) == 296
    assert names(every(listed, health=["Unreachable", "CannotBeTested"])) == ["Blue-011", "red-000"]


def test_the_list_tells_health_and_use(listed):
    rows = {row["connectorProfileName"]: row for row in every(listed)}
    assert {name: rows[name]["usedBy"] for name in ["Blue-005", "red-002", "red-008"]} == {
        "Blue-005": 2, "red-002": 1, "red-008": 0}
    proved = rows["Blue-005"]
    assert proved["health"]["result"] == "Proved" and "$metadata" in proved["health"]["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", proved["health"]["checkedAt"])
    assert proved["connectorProfileArn"].endswith(":connectorprofile/Blue-005")
    assert rows["red-008"]["health"]["result"] == "Refused" and "wrong" not in json.dumps(rows)
    assert rows["Blue-001"]["health"] is None
    assert set(proved) == {
        "connectorProfileName", "connectorProfileArn", "connectorType", "connectionMode", "createdAt", "lastUpdatedAt",
        "health", "usedBy"}


def test_the_list_refuses_what_it_does_not_know(listed):
    for query in [{"sortBy": "age"}, {"health": ["fine"]}, {"maxResults": 0}, {"maxResults": 101},
                  {"connectorType": "Nothing"}, {"startIndex": -1}, {"unknown": 1}]:
        refused(listed, LIST, query)
    assert ask(listed, LIST, {"startIndex": 1000}) == {"connectorProfiles": [], "total": 300}


def test_the_command_line_lists_connections(listed):
    told = listed.tidegate("connection", "list", "--name-contains", "blue-00", "--sort-by", "usedBy", "--descending")
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0].split() == ["NAME", "CONNECTOR", "MODE", "HEALTH", "USED", "BY", "UPDATED"]
    assert lines[1].split()[:5] == ["Blue-005", "SAPOData", "Private", "Proved", "2"] and len(lines) == 6
    everything = listed.tidegate("connection", "list", "--output", "json").json
    assert everything["total"] == 300 and len(everything["connectorProfiles"]) == 300


# Health, as it comes and goes.


def health_of(server, name):
    rows = ask(server, LIST, {"nameContains": name, "maxResults": 100})["connectorProfiles"]
    return next(row["health"] for row in rows if row["connectorProfileName"] == name)


def test_health_follows_creation_update_runs_and_deletion(live, sap, name, bucket):
    client = live.boto()
    client.create_connector_profile(**sap.profile(name))
    assert health_of(live, name)["result"] == "Proved"
    client.create_flow(**flow(name, sap_source(name, "Airlines"), s3_destination(bucket.name), [map_all("SAPOData")]))
    assert live.run(name)["executionStatus"] == "Successful"
    assert health_of(live, name)["message"] == f"A run of the flow {name} read it."
    before = health_of(live, name)["checkedAt"]
    ask(live, EDIT, {"connectorProfileName": name, "connectionMode": "Public",
                     "connectorProfileProperties": sap.properties(),
                     "keepCredentials": ask(live, HELD, {"connectorProfileName": name})["set"]})
    after = health_of(live, name)
    assert after["result"] == "Proved" and "$metadata" in after["message"] and after["checkedAt"] >= before
    client.delete_connector_profile(connectorProfileName=name, forceDelete=True)
    client.create_connector_profile(**create_input("Slack", name))
    assert health_of(live, name) is None, "a namesake starts anew"
    client.delete_connector_profile(connectorProfileName=name, forceDelete=True)


def test_a_run_that_is_refused_tells_on_the_connection(emulation, sap, name):
    client, bucket = emulation.boto(), Bucket(emulation, f"bucket-{name}")
    client.create_connector_profile(**sap.profile(name, password="n0t-the-passw0rd"))
    assert health_of(emulation, name) is None
    client.create_flow(**flow(name, sap_source(name, "Airlines"), s3_destination(bucket.name), [map_all("SAPOData")]))
    assert emulation.run(name)["executionStatus"] == "Error"
    health = health_of(emulation, name)
    assert health["result"] == "Refused" and "n0t-the-passw0rd" not in health["message"]


# The forms.


def fields(form):
    return [(side, field) for side in ("properties", "credentials") for field in form[side]]


def bounds(field):
    """Every set of bounds of a field: its own, its elements', its keys'."""
    return [part for part in (field, field.get("element"), field.get("mapKey")) if part]


@pytest.fixture(scope="module")
def forms(emulation):
    """The form of every type and of every vended label."""
    labels = [c["connectorLabel"] for c in itertools.chain.from_iterable(
        page["connectors"] for page in pages(emulation)) if c.get("connectorLabel")]
    assert len(labels) == 57
    found = {(kind, None): ask(emulation, FORM, {"connectorType": kind}) for kind in TYPES}
    found |= {("CustomConnector", label): ask(emulation, FORM, {"connectorType": "CustomConnector", "connectorLabel": label})
              for label in labels}
    return found


def pages(server):
    token = {}
    while True:
        page = server.boto().list_connectors(maxResults=100, **token)
        yield page
        if not page.get("nextToken"):
            return
        token = {"nextToken": page["nextToken"]}


def test_every_form_has_all_members_with_texts_and_bounds(forms):
    assert len(forms) == 24 + 57
    for (kind, label), form in forms.items():
        assert form["connectorType"] == kind and form.get("connectorLabel") == label
        assert form["unionKey"] == union_key(kind) and form["connectorName"]
        assert form["hasProfile"] == (kind in profiles())
        for side, field in fields(form):
            assert field["label"] and field["help"].endswith("."), field["path"]
            assert field["kind"] in {"text", "url", "integer", "boolean", "secret", "select", "list", "map", "arn"}
            if field["secret"]:
                assert side == "credentials" and field["kind"] in {"secret", "map", "arn"}
        if label or kind not in profiles():
            continue
        for side in ("properties", "credentials"):
            shape = MODEL.shape_for("ConnectorProfileProperties" if side == "properties" else "ConnectorProfileCredentials")
            for field in form[side]:
                at = shape.members[form["unionKey"]]
                for part in field["path"].split("."):
                    at = at.members[part]
                wanted = at.metadata
                if at.type_name == "string" and not wanted.get("enum"):
                    assert field.get("maxLength") == wanted.get("max"), (kind, field["path"])
                    assert field.get("minLength") == wanted.get("min"), (kind, field["path"])
                if at.type_name == "integer":
                    assert (field["minimum"], field["maximum"]) == (wanted["min"], wanted["max"])


def test_every_pattern_means_here_and_in_a_browser_what_the_server_means(forms, emulation):
    patterns = sorted({part["pattern"] for form in forms.values() for _, field in fields(form)
                       for part in bounds(field) if "pattern" in part})
    assert len(patterns) > 5
    for pattern in patterns:
        re.compile(pattern)
    samples = ["", "a", "100", "abc", "https://x.example/y?z=1", "http://x", "ftp://x", "a b", "a\nb", "ä", "arn:aws:x", "\u2028",
               "com.amazonaws.vpce.us-east-1.vpce-svc-1", "a.b.c", "upsolver-appflow-x", "\x0b", "-", "\U0001f600"]
    here = [[bool(re.fullmatch(p, s)) for s in samples] for p in patterns]
    script = ("const [p, s] = JSON.parse(require('fs').readFileSync(0));"
              "console.log(JSON.stringify(p.map(p => s.map(s => new RegExp(`^(?:${p})$`, 'u').test(s)))))")
    browser = subprocess.run(["node", "-e", script], input=json.dumps([patterns, samples]), capture_output=True, text=True,
                             timeout=60, check=True)
    assert json.loads(browser.stdout) == here


def test_the_good_profiles_fit_their_forms(forms):
    for kind in profiles():
        for entry in entries(kind):
            for side in ("properties", "credentials"):
                for field in forms[kind, None][side]:
                    value = entry.get(side) or {}
                    for part in field["path"].split("."):
                        value = (value or {}).get(part)
                    if not isinstance(value, str) or not value:
                        continue
                    assert len(value) <= field.get("maxLength", 10**6)
                    assert re.fullmatch(field.get("pattern", "(?s:.*)"), value), (kind, field["path"], value)
                    assert not field["options"] or value in field["options"]


def test_rules_name_members_and_authorizations_name_addresses(forms):
    ways = set()
    for (kind, label), form in forms.items():
        known = {f"{side}.{field['path']}" for side, field in fields(form)}
        for rule in form["rules"]:
            assert "{connector}" not in rule["message"] and len(rule["check"]) == 1
            if not label:
                for path in re.findall(r'"((?:properties|credentials)\.[^"]+)"', json.dumps([rule["when"], rule["check"]])):
                    assert path in known or any(k.startswith(path + ".") for k in known), (kind, path)
        way = form["authorization"]
        if way:
            ways.add(kind)
            assert {value for key, value in way.items() if key.endswith("Path")} <= known
            assert way["tokenUrls"] or way["tokenUrlPath"]
            assert way["authCodeUrls"] or way["authCodeUrlPath"]
    assert ways == {"SAPOData", "Slack", "Googleanalytics"}


def test_a_form_of_nothing_is_refused(emulation):
    refused(emulation, FORM, {"connectorType": "Nothing"})
    refused(emulation, FORM, {"connectorType": "Slack", "connectorLabel": "Asana"})
    status, error, _ = error_of(emulation.raw(FORM, {"connectorType": "CustomConnector", "connectorLabel": "nobody"}))
    assert (status, error) == (404, "ResourceNotFoundException")


# What is set.


def paths_of(document, form):
    maps = {field["path"] for field in form["credentials"] if field["kind"] == "map"}
    found = []

    def walk(at, path):
        if isinstance(at, dict) and (path in maps or not any(f["path"] == path for f in form["credentials"])):
            for key, value in at.items():
                walk(value, f"{path}.{key}" if path else key)
        else:
            found.append(path)

    walk(document, "")
    return sorted(found)


@pytest.mark.parametrize("kind", sorted(profiles()))
def test_what_is_set_is_told_by_path_and_never_by_value(emulation, forms, name, kind):
    client = emulation.boto()
    for i, entry in enumerate(entries(kind)):
        data = create_input(kind, f"{name}-{i}", entry)
        client.create_connector_profile(**data)
        answer = emulation.raw(HELD, {"connectorProfileName": f"{name}-{i}"})
        told = answer.json()
        credentials = entry.get("credentials") or {}
        assert sorted(told["set"]) == paths_of(credentials, forms[kind, None]), answer.text
        assert told["connectorProfileName"] == f"{name}-{i}" and told["version"] == (1 if credentials else 0)
        for value in re.findall(r'"([^"]*)"', json.dumps(list(texts(credentials)))):
            if len(value) > 6 and not any(value in path for path in told["set"]):
                assert value not in answer.text


def texts(at):
    if isinstance(at, dict):
        for value in at.values():
            yield from texts(value)
    elif isinstance(at, str):
        yield at


def test_what_is_set_of_nothing_is_not_found(emulation):
    assert emulation.raw(HELD, {"connectorProfileName": "nobody"}).status_code == 404


# Edit.


@pytest.fixture
def edit(live, sap, name):
    """Edits the test's own SAP connection."""
    live.boto().create_connector_profile(**sap.profile(name))

    def edit(keep=(), properties=None, credentials=None, mode="Public"):
        data = {"connectorProfileName": name, "connectionMode": mode, "keepCredentials": list(keep),
                "connectorProfileProperties": properties or sap.properties()}
        if credentials is not None:
            data["connectorProfileCredentials"] = {"SAPOData": credentials}
        return data

    return edit


USERNAME, SECRET = "basicAuthCredentials.username", "basicAuthCredentials.password"


def test_an_edit_keeps_what_it_is_told_to(live, sap, edit, name):
    answer = ask(live, EDIT, edit([USERNAME, SECRET], sap.properties(logonLanguage="DE"), mode="Private"))
    assert answer["connectorProfileArn"].endswith(f":connectorprofile/{name}")
    profile = live.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"][0]
    assert profile["connectorProfileProperties"]["SAPOData"]["logonLanguage"] == "DE"
    assert profile["connectionMode"] == "Private"
    assert live.tidegate("connection", "test", name).code == 0

    # One of the two stays, the other is typed anew.
    ask(live, EDIT, edit([USERNAME], credentials={"basicAuthCredentials": {"password": PASSWORD}}))
    assert live.tidegate("connection", "test", name).code == 0
    refused(live, EDIT, edit([USERNAME], credentials={"basicAuthCredentials": {"password": "wrong"}}),
            "ConnectorAuthenticationException", 401)
    assert live.tidegate("connection", "test", name).code == 0, "what was proven stays"
    ask(live, EDIT, edit(credentials={"basicAuthCredentials": {"username": OTHER_USER, "password": OTHER_PASSWORD}}))
    assert live.tidegate("connection", "test", name).code == 0


def test_an_edit_drops_what_is_not_kept(live, emulation, sap, edit, name):
    assert "Credentials cannot be blank" in refused(live, EDIT, edit())
    said = refused(live, EDIT, edit([USERNAME]))
    assert "password" in said
    both = refused(live, EDIT, edit([USERNAME, SECRET], credentials={
        "oAuthCredentials": {"clientId": "i", "clientSecret": "s"}}))
    assert "Exactly one of" in both
    client = emulation.boto()
    client.create_connector_profile(**create_input("Slack", name))
    held = ask(emulation, HELD, {"connectorProfileName": name})["set"]
    data = {"connectorProfileName": name, "connectionMode": "Public",
            "connectorProfileProperties": {"Slack": profiles()["Slack"]["properties"]},
            "keepCredentials": [path for path in held if path != "accessToken"],
            "connectorProfileCredentials": {"Slack": {"oAuthRequest": {"authCode": "c", "redirectUri": "https://x.example/cb"}}}}
    ask(emulation, EDIT, data)
    told = ask(emulation, HELD, {"connectorProfileName": name})
    assert told == {"connectorProfileName": name, "version": 2,
                    "set": ["clientId", "clientSecret", "oAuthRequest.authCode", "oAuthRequest.redirectUri"]}


def test_an_edit_never_sends_a_kept_secret_elsewhere(live, sap, edit, name):
    before = len(sap.requests())
    for change in [{"port": 1}, {"version": 2}, {"applicationHostUrl": "http://127.0.0.1"},
                   {"privateLinkServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1"}]:
        for keep in ([USERNAME, SECRET], [SECRET]):
            credentials = None if len(keep) == 2 else {"basicAuthCredentials": {"username": USER}}
            said = refused(live, EDIT, edit(keep, sap.properties(**change), credentials))
            assert "another destination" in said
    time.sleep(0.2)
    assert len(sap.requests()) == before, "nobody was asked"
    # With everything given anew it may go where it wants.
    ask(live, EDIT, edit(properties=sap.properties(version=2),
                         credentials={"basicAuthCredentials": {"username": USER, "password": PASSWORD}}))
    assert live.tidegate("connection", "test", name).code == 0


def test_an_edit_refuses_what_is_not_there(live, sap, edit, name):
    said = refused(live, EDIT, edit([USERNAME, SECRET, "oAuthCredentials.clientId"]))
    assert "oAuthCredentials.clientId" in said and USERNAME in said
    data = edit([USERNAME, SECRET])
    refused(live, EDIT, {**data, "connectionMode": "Secret"})
    refused(live, EDIT, {**data, "connectorProfileProperties": {"Slack": {"instanceUrl": "https://x.example"}}})
    refused(live, EDIT, {**data, "connectorProfileProperties": []})
    assert "clientNumber" in refused(live, EDIT, edit([USERNAME, SECRET], sap.properties(clientNumber="1")))
    assert live.raw(EDIT, {**data, "connectorProfileName": "nobody"}).status_code == 404


def custom(entries_, **more):
    return {"authenticationType": "CUSTOM", "custom": {"customAuthenticationType": "CUSTOM", "credentialsMap": entries_}, **more}


POSTGRES = {"username": "u", "password": "stored-secret", "driver": "postgresql", "hostname": "db.example", "port": "5432",
            "database": "d"}


@pytest.fixture
def postgres(emulation, name):
    """A connection whose host stands in its map of credentials."""
    emulation.boto().create_connector_profile(
        connectorProfileName=name, connectorType="CustomConnector", connectorLabel="AmazonRDSPostgreSQL",
        connectionMode="Public", connectorProfileConfig={
            "connectorProfileProperties": {"CustomConnector": {}},
            "connectorProfileCredentials": {"CustomConnector": custom(POSTGRES)}})
    return name


def test_a_kept_entry_of_a_map_never_gets_beside_a_new_host(emulation, postgres):
    held = ask(emulation, HELD, {"connectorProfileName": postgres})["set"]
    key = "custom.credentialsMap."

    def attempt(path, keep, given, **more):
        credentials = {"connectorProfileCredentials": {"CustomConnector": given}} if given else {}
        return {**more, **credentials, "keepCredentials": keep}

    edited = {"connectorProfileName": postgres, "connectionMode": "Public",
              "connectorProfileProperties": {"CustomConnector": {}}}
    copied = {"sourceConnectorProfileName": postgres, "connectorProfileName": postgres + "-copy"}
    for path, base in [(EDIT, edited), (COPY, copied)]:
        def but(*left_out):
            return [each for each in held if each.removeprefix(key) not in left_out]

        evil = {"custom": {"credentialsMap": {"hostname": "evil.example"}}}
        for keep, given in [(but("hostname"), evil), (held, evil), (but("hostname"), None), (but("username"), None),
                            (held, {"custom": {"credentialsMap": {"url": "https://evil.example"}}})]:
            assert "may say where the secrets are sent" in refused(emulation, path, attempt(path, keep, given, **base))
        for given in ({"credentialsMap": {"apiKey": "https://evil.example"}}, {"credentialsMap": {"token": "//evil.example"}},
                      {"customAuthenticationType": "OTHER"}):
            assert "may say where the secrets are sent" in refused(emulation, path, attempt(path, held, {"custom": given}, **base))
    # The secret itself may be typed anew beside a kept host, and everything may be kept.
    ask(emulation, EDIT, attempt(EDIT, [p for p in held if p != key + "password"],
                                 {"custom": {"credentialsMap": {"password": "new"}}}, **edited))
    assert sorted(ask(emulation, HELD, {"connectorProfileName": postgres})["set"]) == sorted(held)
    ask(emulation, COPY, attempt(COPY, held, None, **copied))
    assert sorted(ask(emulation, HELD, {"connectorProfileName": postgres + "-copy"})["set"]) == sorted(held)


# Copy.


def test_a_copy_carries_what_it_is_told_to(live, sap, edit, name):
    base = {"sourceConnectorProfileName": name, "connectorProfileName": name + "-copy"}
    assert "Credentials cannot be blank" in refused(live, COPY, {**base, "keepCredentials": []})
    assert "another destination" in refused(live, COPY, {
        **base, "connectorProfileProperties": sap.properties(port=1), "keepCredentials": [USERNAME, SECRET]})
    refused(live, COPY, {**base, "connectorProfileProperties": sap.properties(), "keepCredentials": [USERNAME, SECRET],
                         "set": {"connectorProfileProperties.SAPOData.logonLanguage": "DE"}})
    ask(live, COPY, {**base, "connectorProfileProperties": sap.properties(logonLanguage="DE"), "connectionMode": "Private",
                     "keepCredentials": [USERNAME, SECRET]})
    made = live.boto().describe_connector_profiles(connectorProfileNames=[name + "-copy"])["connectorProfileDetails"][0]
    assert made["connectionMode"] == "Private"
    assert made["connectorProfileProperties"]["SAPOData"]["logonLanguage"] == "DE"
    assert live.tidegate("connection", "test", name + "-copy").code == 0
    ask(live, COPY, {**base, "connectorProfileName": name + "-part", "keepCredentials": [USERNAME],
                     "connectorProfileCredentials": {"SAPOData": {"basicAuthCredentials": {"password": PASSWORD}}}})
    assert live.tidegate("connection", "test", name + "-part").code == 0


def test_a_copy_never_keeps_what_is_oauths(emulation, name):
    emulation.boto().create_connector_profile(**create_input("Slack", name))
    held = ask(emulation, HELD, {"connectorProfileName": name})["set"]
    base = {"sourceConnectorProfileName": name, "connectorProfileName": name + "-copy"}
    said = refused(emulation, COPY, {**base, "keepCredentials": held})
    assert all(path in said for path in held)
    ask(emulation, COPY, {**base, "keepCredentials": [], "connectorProfileCredentials": {
        "Slack": {"clientId": "i", "clientSecret": "s", "accessToken": "t"}}})


def test_the_extensions_are_documented():
    page = (ROOT / "docs" / "extensions.md").read_text()
    for path in (LIST, FORM, HELD, EDIT, COPY):
        assert f"`{path}`" in page

"""Canaries: a credential that was given to the server is found nowhere outside the vault's ciphertext."""

import base64
import itertools
import json
import secrets
from pathlib import Path

import pytest
from support.profiles import MODEL, create_input, entries, profiles, union_key
from support.sap import Sap
from support.server import SECRET

KINDS = sorted(profiles())


class Canaries:
    """Unique texts that can stand in any credential member, and every form to look for them in."""

    def __init__(self):
        self.made = []

    def new(self):
        self.made.append("canary" + secrets.token_hex(12))
        return self.made[-1]

    def forms(self):
        for text in self.made:
            raw = text.encode()
            yield text, raw
            yield text, raw.hex().encode()
            yield text, raw.hex().upper().encode()
            yield text, text[::-1].encode()
            for shift in range(3):
                # Whatever stands around it, the middle of its base64 is one of three texts.
                coded = base64.b64encode(b"\0" * shift + raw)
                middle = coded[4:-4]
                yield text, middle
                yield text, middle.translate(bytes.maketrans(b"+/", b"-_"))


def filled(value, shape, new):
    """The credentials with a canary in every text, of the form that the member wants."""
    if shape.type_name == "structure":
        return {k: filled(v, shape.members[k], new) for k, v in value.items()}
    if shape.type_name == "map":
        return {k: new() for k in value}
    if shape.metadata.get("enum"):
        return value
    pattern = shape.metadata.get("pattern", "")
    if "secretsmanager" in pattern:
        return value + new()
    if r"\." in pattern:
        return ".".join(new() for _ in range(3))
    return new()


@pytest.fixture(scope="module")
def told(make_server, tmp_path_factory):
    """A server that was told a canary in every credential member, and everything it ever said."""
    server = make_server("--connection-check", "off", TIDEGATE_LOG="trace")
    canaries, said = Canaries(), []
    unions = MODEL.shape_for("ConnectorProfileCredentials").members

    def call(path, data):
        answer = server.raw(path, data)
        said.append(answer.content + repr(dict(answer.headers)).encode())
        return answer

    def canary_input(kind, name, entry):
        data = create_input(kind, name, entry)
        given = data["connectorProfileConfig"].get("connectorProfileCredentials")
        if given:
            key = union_key(kind)
            given[key] = filled(given[key], unions[key], canaries.new)
        return data

    def edit(kind, name, stored, new):
        """Edits and copies that keep one stored member, all, or something that is not there."""
        held = call("/x/describe-connector-profile-credentials", {"connectorProfileName": name}).json()["set"]
        parts = {**new["connectorProfileConfig"]}
        properties = {"connectorProfileProperties": stored["connectorProfileConfig"]["connectorProfileProperties"]}
        copied = {"sourceConnectorProfileName": name, "connectorProfileName": name + "-kept"}
        for keep in (held[:1], held, ["no.such.member"]):
            call("/x/edit-connector-profile", {"connectorProfileName": name, "connectionMode": "Public", **parts,
                                               "keepCredentials": keep})
            call("/x/copy-connector-profile", {**copied, "keepCredentials": keep, **parts})
        kept = call("/x/edit-connector-profile", {"connectorProfileName": name, "connectionMode": "Public", **properties,
                                                  "keepCredentials": call("/x/describe-connector-profile-credentials", {
                                                      "connectorProfileName": name}).json()["set"]})
        assert kept.status_code == 200, kept.text

    for kind in KINDS:
        for number, entry in enumerate(entries(kind)):
            name = f"{kind}-{number}"
            assert call("/create-connector-profile", canary_input(kind, name, entry)).status_code == 200
            # Again, with other credentials: the same name, an update, and inputs that are refused in many ways.
            call("/create-connector-profile", canary_input(kind, name, entry))
            data = canary_input(kind, name, entry)
            update = {k: data[k] for k in ("connectorProfileName", "connectionMode", "connectorProfileConfig")}
            assert call("/update-connector-profile", update).status_code == 200
            for breakage in ({"connectionMode": "Sideways"}, {"connectorProfileName": "no such name"}, {"connectionMode": 5}):
                call("/create-connector-profile", {**canary_input(kind, name, entry), **breakage})
            broken = canary_input(kind, name + "-broken", entry)
            broken["connectorProfileConfig"]["connectorProfileProperties"] = {}
            call("/create-connector-profile", broken)
            server.raw("/create-connector-profile", json.dumps(canary_input(kind, name, entry)).encode()[:-3])
            call("/x/copy-connector-profile", {"sourceConnectorProfileName": name, "connectorProfileName": name + "-copy", "set": {}})
            call("/x/test-connector-profile", {"connectorProfileName": name})
            edit(kind, name, data, canary_input(kind, name, entry))
    call("/describe-connector-profiles", {"maxResults": 100})
    call("/x/list-connector-profiles", {"maxResults": 100})
    for kind in KINDS:
        ran = server.tidegate("connection", "test", f"{kind}-0", "--output", "json")
        said.append((ran.out + ran.err).encode())
    said.append(b"".join(Path(p).read_bytes() for p in itertools.chain(
        Path("/proc").glob(f"{server.process.pid}/cmdline"), Path("/proc").glob(f"{server.process.pid}/status"))))
    return server, canaries, said


def search(canaries, places):
    """Every canary that stands in a place. Places hold few bytes beside what is compared, so plain search does."""
    forms = list(canaries.forms())
    return [(where, text) for where, content in places for text, form in forms if form in content]


def everything(server):
    for file in server.data_dir.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(server.data_dir)), file.read_bytes()


def test_the_search_finds_what_is_there(tmp_path):
    """The searcher itself, on a plain, a hex and a base64 leak."""
    canaries = Canaries()
    text = canaries.new()
    for leak in (text, text.encode().hex(), base64.b64encode(f'{{"p":"{text}"}}'.encode()).decode(),
                 base64.urlsafe_b64encode(f"x{text}".encode()).decode()):
        assert search(canaries, [("here", f"before {leak} after".encode())])


def test_no_credential_is_on_disk_while_running(told):
    server, canaries, _ = told
    assert len(canaries.made) > 300
    places = list(everything(server))
    assert any(where.endswith("-wal") or "wal" in where for where, _ in places), "the journal is looked into as well"
    assert search(canaries, places) == []


def test_no_credential_is_in_any_answer_or_in_ps(told):
    _, canaries, said = told
    assert search(canaries, [(f"answer {i}", text) for i, text in enumerate(said)]) == []


def test_no_credential_is_logged(told):
    server, canaries, _ = told
    log = server.log()
    assert len(log) > 1000, "the log is written at its most talkative level"
    assert search(canaries, [("log", log.encode())]) == []
    assert SECRET not in log


def test_no_credential_is_on_disk_after_the_end(told):
    server, canaries, _ = told
    server.restart()
    server.restart(kill=True)
    assert search(canaries, list(everything(server))) == []
    copy = [content for where, content in everything(server) if where == "credentials"]
    assert copy and SECRET.encode() in copy[0], "the convenience copy of the root key is the one exception"
    others = [(where, content) for where, content in everything(server) if where != "credentials"]
    assert [where for where, content in others if SECRET.encode() in content] == []


def test_files_are_the_owners_alone(told):
    server, _, _ = told
    for file in server.data_dir.rglob("*"):
        if file.is_file() and file.name in ("credentials", "keyring"):
            assert file.stat().st_mode & 0o077 == 0, file


def test_a_live_connection_leaves_its_password_nowhere(make_server, sap, name):
    """The same for a password that was really used: in the log, in the database, in what SAP said."""
    server = make_server(TIDEGATE_LOG="trace")
    canaries = Canaries()
    wrong = canaries.new()
    answer = server.raw("/create-connector-profile", sap.profile(name, password=wrong))
    assert answer.headers["x-amzn-ErrorType"] == "ConnectorAuthenticationException"
    assert server.raw("/create-connector-profile", sap.profile(name)).status_code == 200
    assert server.tidegate("connection", "test", name).code == 0
    canaries.made.append("wonder-Land 42")
    assert search(canaries, [("answer", answer.content), ("log", server.log().encode()), *everything(server)]) == []
    assert isinstance(sap, Sap)

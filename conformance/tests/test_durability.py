"""What was acknowledged survives kill -9, and a stored credential is proven by using it."""

import json

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.process import wait_until
from support.profiles import create_input
from support.sap import OTHER_PASSWORD, OTHER_USER
from support.schedules import wait_for_runs

PROVED, REFUSED, UNREACHABLE, CANNOT = 0, 1, 2, 3


def names(server):
    found, token = [], None
    while True:
        page = server.boto().describe_connector_profiles(maxResults=100, **({"nextToken": token} if token else {}))
        found += [each["connectorProfileName"] for each in page["connectorProfileDetails"]]
        token = page.get("nextToken")
        if not token:
            return sorted(found)


def prove(server, name):
    return server.tidegate("connection", "test", name).code


def test_kill_9_right_after_each_acknowledged_write(make_server):
    server = make_server("--connection-check", "off")
    expected = set()
    for i in range(8):
        name = f"written-{i}"
        server.boto().create_connector_profile(**create_input("SAPOData", name))
        expected.add(name)
        server.restart(kill=True)
        assert names(server) == sorted(expected)

        changed = create_input("SAPOData", name)
        changed["connectorProfileConfig"]["connectorProfileProperties"]["SAPOData"]["logonLanguage"] = "FR"
        server.boto().update_connector_profile(
            connectorProfileName=name, connectionMode="Public", connectorProfileConfig=changed["connectorProfileConfig"])
        server.restart(kill=True)
        found = server.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"][0]
        assert found["connectorProfileProperties"]["SAPOData"]["logonLanguage"] == "FR"

        if i % 2:
            server.boto().delete_connector_profile(connectorProfileName=name)
            expected.remove(name)
            server.restart(kill=True)
            assert names(server) == sorted(expected)


def test_kill_9_among_many_writers(make_server):
    """Eight clients write at once; whatever any of them was told is there afterwards."""
    import threading

    server = make_server("--connection-check", "off")
    acknowledged, lock = set(), threading.Lock()

    def write(number):
        client = server.boto()
        for i in range(1000):
            name = f"w{number}-{i}"
            try:
                client.create_connector_profile(**create_input("Singular", name))
            except Exception:
                return
            with lock:
                acknowledged.add(name)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    while len(acknowledged) < 60:
        writers[0].join(0.01)
    server.kill()
    for writer in writers:
        writer.join()
    server.start()
    assert acknowledged <= set(names(server))
    assert len(names(server)) <= len(acknowledged) + 8


def test_a_flow_and_its_start_survive(make_server):
    server = make_server("--connection-check", "off")
    bucket = Bucket(server, "bucket")
    bucket.put("in/a.csv", "id\n" + "\n".join(map(str, range(50_000))) + "\n")
    client = server.boto()
    client.create_flow(**flow("copied", s3_source("bucket", "in"), s3_destination("bucket", "out"), [map_all("S3")]))
    server.restart(kill=True)
    assert server.boto().describe_flow(flowName="copied")["flowStatus"] == "Active"
    execution = server.boto().start_flow(flowName="copied")["executionId"]
    server.restart(kill=True)
    # A worker of the new process takes the run over; it ends once, and its output is whole.
    run = server.wait_for_run("copied", execution)
    assert run["executionStatus"] == "Successful", run
    assert sorted(int(row["id"]) for row in bucket.json_rows("out/")) == list(range(50_000))
    server.boto().delete_flow(flowName="copied")
    server.restart(kill=True)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        server.boto().describe_flow(flowName="copied")


@pytest.fixture(scope="module")
def unchecked(make_server):
    return make_server("--connection-check", "off")


def test_the_four_answers_of_connection_test(unchecked, sap):
    """`test` proves a connection whatever --connection-check says."""
    client = unchecked.boto()
    client.create_connector_profile(**sap.profile("right"))
    client.create_connector_profile(**sap.profile("right-v2", version=2))
    client.create_connector_profile(**sap.profile("other", user=OTHER_USER, password=OTHER_PASSWORD))
    client.create_connector_profile(**sap.profile("wrong", password="not it"))
    client.create_connector_profile(**sap.profile("nobody", user="mallory"))
    client.create_connector_profile(**sap.profile("closed", port=1))
    client.create_connector_profile(**create_input("Slack", "slack"))
    codes = {name: prove(unchecked, name) for name in ("right", "right-v2", "other", "wrong", "nobody", "closed", "slack")}
    assert codes == {"right": PROVED, "right-v2": PROVED, "other": PROVED, "wrong": REFUSED, "nobody": REFUSED,
                     "closed": UNREACHABLE, "slack": CANNOT}
    told = unchecked.tidegate("connection", "test", "right", "--output", "json")
    assert told.json["result"] == "Proved" and told.json["message"]
    missing = unchecked.tidegate("connection", "test", "not-there")
    assert missing.code not in (0, 1, 2, 3) and "ResourceNotFoundException" in missing.err


def test_a_stored_credential_outlives_everything_that_may_happen_to_it(make_server, sap):
    server = make_server("--connection-check", "off")
    client = server.boto()
    client.create_connector_profile(**sap.profile("right"))
    client.create_connector_profile(**sap.profile("wrong", password="not it"))

    def both():
        return prove(server, "right"), prove(server, "wrong")

    assert both() == (PROVED, REFUSED)
    server.restart()
    assert both() == (PROVED, REFUSED), "after a restart"
    server.restart(kill=True)
    assert both() == (PROVED, REFUSED), "after kill -9"

    for name in ("right", "wrong"):
        assert server.tidegate("connection", "copy", name, f"{name}-copy").code == 0
    assert (prove(server, "right-copy"), prove(server, "wrong-copy")) == (PROVED, REFUSED), "a copy"

    server.boto().update_connector_profile(
        connectorProfileName="right", connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": sap.properties(logonLanguage="DE")})
    assert both() == (PROVED, REFUSED), "after an update without credentials"

    rotated = server.tidegate("vault", "rotate")
    assert rotated.code == 0, rotated.err
    assert both() == (PROVED, REFUSED), "after a rotation"
    server.restart(kill=True)
    assert both() == (PROVED, REFUSED), "after a rotation and kill -9"

    server.boto().update_connector_profile(
        connectorProfileName="right", connectionMode="Public", connectorProfileConfig=sap.config(password="not it"))
    server.boto().update_connector_profile(
        connectorProfileName="wrong", connectionMode="Public", connectorProfileConfig=sap.config())
    assert both() == (REFUSED, PROVED), "after an update with credentials"
    assert prove(server, "right-copy") == PROVED, "a copy is its own connection"


def test_a_keyring_that_is_gone_is_never_made_anew(make_server, sap):
    server = make_server("--connection-check", "off")
    server.boto().create_connector_profile(**sap.profile("sealed"))
    server.stop()
    keyring = server.data_dir / "keyring"
    kept = keyring.read_bytes()
    keyring.unlink()
    with pytest.raises(RuntimeError, match="keyring"):
        server.start()
    assert not keyring.exists()
    keyring.write_bytes(kept)
    keyring.chmod(0o600)
    server.start()
    assert prove(server, "sealed") == PROVED


def test_a_keyring_that_others_can_read_is_refused(make_server):
    server = make_server("--connection-check", "off")
    server.stop()
    (server.data_dir / "keyring").chmod(0o644)
    with pytest.raises(RuntimeError, match="keyring"):
        server.start()
    (server.data_dir / "keyring").chmod(0o600)
    server.start()


def test_sigterm_ends_it_cleanly_and_stdout_holds_one_line(make_server):
    server = make_server("--connection-check", "off")
    assert server.stop() == 0
    assert server.outputs[-1].count("\n") == 1
    server.start()
    assert json.loads(server.raw("/list-flows", {}).content) == {"flows": []}


def test_output_that_could_not_be_published_yet_outlives_the_server(make_server):
    server = make_server()
    source, out = Bucket(server, "input"), Bucket(server, "out")
    source.put("in/a.csv", "id\n1\n2\n")
    flows = server.boto()
    flows.create_flow(**flow("held", s3_source(source.name, "in"), s3_destination(out.name, "here"), [map_all("S3")]))
    # A file stands where the output's folder belongs.
    out.put("here", "in the way")
    flows.start_flow(flowName="held")
    wait_until(lambda: "could not be made visible yet" in server.log(), server)
    assert server.stop() == 0
    (out.path / "here").unlink()
    server.start()
    run, = wait_for_runs(server, "held", 1, 60)
    assert run["executionStatus"] == "Successful", run
    assert out.json_rows() == [{"id": "1"}, {"id": "2"}]

"""A peer that echoes secrets, tears pages, throttles, or points elsewhere."""

import time

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, sap_source
from support.hostile import PAGE, PAGES, Hostile
from support.server import error_of

PASSWORD = "s3cret pass+word/äö=42"


@pytest.fixture(scope="module")
def peers():
    """The peer that is called, and another that must never be."""
    other = Hostile(host="127.0.0.2")
    # A link's host is compared, and the names of this machine count as one: SAP behind a proxy names its own.
    peer = Hostile(elsewhere=f"http://127.0.0.2:{other.port}", foreign=f"http://sap.example.invalid:{other.port}")
    yield peer, other
    peer.stop()
    other.stop()


@pytest.fixture(scope="module")
def server(make_server):
    return make_server(TIDEGATE_LOG="trace")


def profile(name, peer, mode):
    return {
        "connectorProfileName": name, "connectorType": "SAPOData", "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": {"SAPOData": {
                "applicationHostUrl": "http://127.0.0.1", "applicationServicePath": f"/{mode}", "portNumber": peer.port,
                "clientNumber": "100"}},
            "connectorProfileCredentials": {"SAPOData": {"basicAuthCredentials": {"username": "user", "password": PASSWORD}}},
        }}


@pytest.fixture
def run(server, peers, name):
    """Creates the connection and a flow of `mode`, runs it, gives (run, bucket)."""

    def run(mode, **source):
        made = server.raw("/create-connector-profile", profile(name, peers[0], mode))
        assert made.status_code == 200, made.text
        bucket = Bucket(server, f"bucket-{name}")
        server.boto().create_flow(**flow(name, sap_source(name, "Rows", **source), s3_destination(bucket.name), [map_all("SAPOData")]))
        return server.run(name), bucket

    return run


def no_secret_in(text):
    for form in (PASSWORD, "s3cret%20pass", "s3cret+pass%2Bword", "czNjcmV0IHBhc3Mrd29yZ"):
        assert form not in text, form


def message_of(run):
    assert run["executionStatus"] == "Error", run
    return run["executionResult"]["errorInfo"]["executionMessage"]


@pytest.mark.parametrize("mode", ["fine", "throttle", "unavailable", "broken"])
def test_what_can_be_retried_is(run, mode):
    started = time.monotonic()
    done, bucket = run(mode)
    assert done["executionStatus"] == "Successful", done
    assert [row["ID"] for row in bucket.json_rows()] == list(range(PAGE * PAGES))
    if mode == "throttle":
        assert time.monotonic() - started >= 2, "Retry-After is honoured, twice"


@pytest.mark.parametrize("mode", ["torn", "cut"])
def test_a_torn_page_fails_the_run_and_publishes_nothing(run, mode):
    done, bucket = run(mode)
    assert message_of(done)
    assert bucket.keys() == []


def test_saps_own_words_are_the_runs_error(run):
    done, bucket = run("failing")
    assert "The posting period is closed" in message_of(done)
    assert bucket.keys() == []


@pytest.mark.parametrize("mode", ["link", "redirect"])
def test_a_link_to_another_host_is_an_error_and_is_not_followed(run, peers, mode):
    done, bucket = run(mode)
    assert message_of(done)
    assert peers[1].seen == [], "the credential went to another host"
    assert bucket.keys() == []


def test_an_echoed_password_is_scrubbed_from_a_refused_creation(server, peers, name):
    answer = server.raw("/create-connector-profile", profile(name, peers[0], "echo"))
    status, error, message = error_of(answer)
    assert (status, error) == (401, "ConnectorAuthenticationException")
    assert "Login refused" in message
    no_secret_in(answer.text)
    no_secret_in(server.log())


def test_an_echoed_password_is_scrubbed_from_a_runs_record(server, run, name):
    done, _ = run("echo-later")
    assert "Login refused" in message_of(done)
    no_secret_in(str(done))
    no_secret_in(str(server.boto().describe_flow(flowName=name)))
    no_secret_in(server.log())
    tested = server.tidegate("connection", "test", name, "--output", "json")
    no_secret_in(tested.out + tested.err)
    for file in server.data_dir.rglob("*"):
        if file.is_file():
            no_secret_in(file.read_bytes().decode("latin-1"))


def test_the_password_was_really_sent(peers):
    """Otherwise there was nothing to scrub."""
    assert any(sent and sent.startswith("Basic ") for _, sent in peers[0].seen)


@pytest.mark.parametrize("host", ["http://169.254.169.254", "http://[fe80::1]", "http://[::ffff:169.254.169.254]", "http://0xa9fea9fe"])
def test_metadata_addresses_are_never_called(server, peers, name, host):
    data = profile(name, peers[0], "fine")
    data["connectorProfileConfig"]["connectorProfileProperties"]["SAPOData"]["applicationHostUrl"] = host
    started = time.monotonic()
    status, error, message = error_of(server.raw("/create-connector-profile", data))
    assert status == 400, (error, message)
    assert time.monotonic() - started < 5, "it is refused, not tried"

"""The server as its operator meets it: start, settings, TLS, pages, keys, quotas, stop."""

import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time

import boto3
import pytest
import requests
from botocore.config import Config
from support.process import Process, wait_until
from support.sap import Sap
from support.server import ACCESS_KEY_ID, REGION, SECRET, Server, binary, error_of


def start(*options, cwd, env=None, seconds=15):
    """Runs `tidegate serve` where it is expected to end by itself; gives (code, stdout, stderr)."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")}
    done = subprocess.run([str(binary()), "serve", *options], cwd=cwd, env={**kept, "HOME": str(cwd), **(env or {})},
                          capture_output=True, text=True, timeout=seconds)
    return done.returncode, done.stdout, done.stderr


def test_one_line_says_that_it_is_ready_and_logs_go_elsewhere(make_server):
    server = make_server("--log-format", "json")
    server.boto().list_flows()
    server.stop()
    assert server.outputs[-1].splitlines() == [f"tidegate listening on {server.url}"]
    lines = [json.loads(line) for line in server.logs[-1].splitlines()]
    assert any(line["fields"]["message"] == "Started." for line in lines)
    assert SECRET not in server.logs[-1] and ACCESS_KEY_ID not in server.logs[-1]


def test_the_version_names_the_commit():
    said = subprocess.run([str(binary()), "--version"], capture_output=True, text=True, check=True).stdout
    name, version, commit = said.split()
    assert name == "tidegate" and version.count(".") == 2
    assert len(commit.strip("()")) == 12 or commit == "(unknown)", said


@pytest.mark.parametrize("options,told", [
    (("--listen", "0.0.0.0:0"), "--tls-cert"),
    (("--account-id", "12"), "twelve digits"),
    (("--tls-cert", "nothing.pem"), "--tls-key"),
    (("--log", "=="), "log filter"),
    (("--config", "nothing.toml"), "nothing.toml"),
    (("--s3-endpoint", "http://192.0.2.1:9000"), "--allow-plain-http"),
])
def test_settings_that_cannot_work_end_it_with_the_way_out(tmp_path, options, told):
    code, out, err = start("--data-dir", "data", *options, cwd=tmp_path, env={"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    assert code != 0 and out == "" and told in err, err


def test_a_settings_file_counts_below_variables_and_options(tmp_path):
    (tmp_path / "tidegate.toml").write_text('region = "eu-central-1"\naccount-id = "111111111111"\n[quotas]\nconnector-profiles = 1\n')
    server = Server(tmp_path / "data", "--connection-check", "off", env={"TIDEGATE_ACCOUNT_ID": "222222222222"})
    try:
        made = server.boto(region="eu-central-1").create_connector_profile(**singular("one"))
        assert made["connectorProfileArn"] == "arn:aws:appflow:eu-central-1:222222222222:connectorprofile/one"
        status, error, message = error_of(server.raw("/create-connector-profile", singular("two"), region="eu-central-1"))
        assert (status, error) == (402, "ServiceQuotaExceededException") and "1" in message
    finally:
        server.process.kill()
    (tmp_path / "tidegate.toml").write_text('regoin = "x"\n')
    code, _, err = start("--data-dir", "data", cwd=tmp_path)
    assert code != 0 and "regoin" in err and "tidegate.toml" in err


def singular(name):
    return {"connectorProfileName": name, "connectorType": "Singular", "connectionMode": "Public",
            "connectorProfileConfig": {"connectorProfileProperties": {"Singular": {}},
                                       "connectorProfileCredentials": {"Singular": {"apiKey": "key"}}}}


def test_quotas_of_flows(tmp_path, name):
    (tmp_path / "tidegate.toml").write_text("[quotas]\nflows = 1\n")
    server = Server(tmp_path / "data", "--connection-check", "off")
    try:
        folder = server.data_dir / "s3" / "bucket"
        folder.mkdir(parents=True)
        (folder / "in.csv").write_text("a\n1\n")
        flow = {"triggerConfig": {"triggerType": "OnDemand"}, "tasks": [{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"}}],
                "sourceFlowConfig": {"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": "bucket", "bucketPrefix": "in.csv"}}},
                "destinationFlowConfigList": [{"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "bucket"}}}]}
        assert server.raw("/create-flow", {**flow, "flowName": "f1"}).status_code == 200
        status, error, _ = error_of(server.raw("/create-flow", {**flow, "flowName": "f2"}))
        assert (status, error) == (402, "ServiceQuotaExceededException")
    finally:
        server.process.kill()


def test_tls(tmp_path):
    ca, cert, key = tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    subprocess.run([*new, "-subj", "/CN=own authority", "-keyout", str(tmp_path / "ca.key"), "-out", str(ca)],
                   check=True, capture_output=True)
    subprocess.run([*new, "-subj", "/CN=localhost", "-CA", str(ca), "-CAkey", str(tmp_path / "ca.key"),
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")}
    process = Process(
        [str(binary()), "serve", "--listen", "0.0.0.0:0", "--data-dir", "data", "--tls-cert", str(cert), "--tls-key", str(key)],
        r"^tidegate listening on (https://\S+)$", {**kept, "HOME": str(tmp_path), "TIDEGATE_ACCESS_KEY_ID": ACCESS_KEY_ID,
                                                     "TIDEGATE_SECRET_ACCESS_KEY": SECRET}, cwd=tmp_path)
    try:
        url = f"https://127.0.0.1:{process.url.rsplit(':', 1)[1]}"
        client = boto3.client("appflow", endpoint_url=url, region_name=REGION, aws_access_key_id=ACCESS_KEY_ID,
                              aws_secret_access_key=SECRET, verify=str(ca), config=Config(retries={"total_max_attempts": 1}))
        assert client.list_flows()["flows"] == []
        assert requests.get(f"{url}/healthz", verify=str(ca), timeout=10).text == "ok\n"
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{url}/healthz", timeout=10)
        own = {**kept, "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET,
               "AWS_ENDPOINT_URL_APPFLOW": url, "AWS_REGION": REGION}
        command = [str(binary()), "key", "list"]
        trusted = subprocess.run(command, env={**own, "AWS_CA_BUNDLE": str(ca)}, capture_output=True, text=True)
        assert trusted.returncode == 0 and ACCESS_KEY_ID in trusted.stdout, trusted.stderr
        assert subprocess.run(command, env=own, capture_output=True, text=True).returncode == 1
    finally:
        process.kill()


def test_pages_for_operators_need_no_key_and_tell_no_names(live):
    live.boto().list_flows()
    assert requests.get(f"{live.url}/healthz", timeout=10).text == "ok\n"
    assert requests.get(f"{live.url}/readyz", timeout=10).status_code == 200
    page = requests.get(f"{live.url}/metrics", timeout=10).text
    assert 'tidegate_requests_total{operation="ListFlows",status="200"}' in page
    assert ACCESS_KEY_ID not in page


def test_the_data_folder_is_private_and_for_one_server(make_server):
    server = make_server()
    assert stat.S_IMODE(server.data_dir.stat().st_mode) == 0o700
    for file in ("credentials", "keyring", "tidegate.db"):
        assert stat.S_IMODE((server.data_dir / file).stat().st_mode) == 0o600, file
    code, _, err = start("--listen", "127.0.0.1:0", "--data-dir", str(server.data_dir), cwd=server.data_dir.parent)
    assert code != 0 and "another tidegate" in err and "--data-dir" in err, err
    assert server.boto().list_flows()["flows"] == []


def test_the_root_key_is_generated_kept_and_replaced_by_the_variables(tmp_path):
    env = {"TIDEGATE_ACCESS_KEY_ID": "", "TIDEGATE_SECRET_ACCESS_KEY": ""}
    server = Server(tmp_path / "data", env=env)
    try:
        first = (server.data_dir / "credentials").read_text()
        values = dict(line.split(" = ") for line in first.splitlines() if " = " in line)
        key, secret = values["aws_access_key_id"], values["aws_secret_access_key"]
        assert key.startswith("AKIA") and len(key) == 20 and len(secret) == 40
        assert server.boto(key=key, secret=secret).list_flows()["flows"] == []
        server.restart()
        assert (server.data_dir / "credentials").read_text() == first
        server.extra = {}
        server.restart()
        assert "replaced" in server.log()
        assert server.boto().list_flows()["flows"] == []
        status, error, _ = error_of(server.raw("/list-flows", key=key, secret=secret))
        assert (status, error) == (403, "UnrecognizedClientException")
        assert secret not in server.log() and SECRET not in server.log()
    finally:
        server.process.kill()


def test_access_keys_are_made_listed_and_disabled(live):
    made = live.tidegate("key", "create", "--output", "json").json
    key, secret = made["accessKeyId"], made["secretAccessKey"]
    assert live.boto(key=key, secret=secret).list_flows()["flows"] is not None
    listed = live.tidegate("key", "list").out
    assert key in listed and "Active" in listed and secret not in listed and ACCESS_KEY_ID in listed
    assert live.tidegate("key", "disable", key).code == 0
    status, error, _ = error_of(live.raw("/list-flows", key=key, secret=secret))
    assert (status, error) == (403, "UnrecognizedClientException"), "from the next request on"
    live.restart()
    assert error_of(live.raw("/list-flows", key=key, secret=secret))[0] == 403
    refused = live.tidegate("key", "disable", ACCESS_KEY_ID)
    assert refused.code == 1 and "root key" in refused.err
    assert live.tidegate("key", "disable", "AKIANOBODY").code == 1
    assert secret not in live.log()


def test_extensions_are_signed_and_refused_like_everything_else(live):
    status, error, _ = error_of(live.raw("/x/list-access-keys", sign=False))
    assert (status, error) == (403, "MissingAuthenticationTokenException")
    status, error, message = error_of(live.raw("/x/disable-access-key", {"id": "x"}))
    assert (status, error) == (400, "ValidationException") and "accessKeyId" in message
    assert error_of(live.raw("/x/nothing"))[:2] == (404, "UnknownOperationException")
    assert error_of(live.raw("/x/list-access-keys", method="GET"))[:2] == (404, "UnknownOperationException")


def answer_to(live, head, seconds=5):
    """What the server says to the beginning of a request that never comes whole."""
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(head)
        return connection.recv(4096).decode()


def test_nobody_without_a_key_makes_it_wait_for_a_body(live):
    head = f"POST /list-flows HTTP/1.1\r\nHost: x\r\nContent-Length: {{}}\r\n\r\n{{{{"
    assert "403" in answer_to(live, head.format(10).encode()).splitlines()[0]
    assert "413" in answer_to(live, head.format(99_999_999).encode()).splitlines()[0]


def test_connections_are_kept_and_idle_ones_do_not_hold_up_the_end(make_server):
    server = make_server()
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as idle, requests.Session() as kept:
        idle.sendall(b"GET /healthz HTTP/1.1\r\n")
        for _ in range(3):
            assert kept.get(f"{server.url}/healthz", timeout=5).text == "ok\n"
        started = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        code = server.process.child.wait(timeout=30)
    assert code == 0 and time.monotonic() - started < 25


def test_the_log_tells_what_was_changed_and_why_something_failed(make_server, name):
    server = make_server("--connection-check", "off")
    server.boto().create_connector_profile(**singular(name))
    server.raw("/create-connector-profile", singular(name))
    # What is written last may be read a moment after its answer.
    wait_until(lambda: "already exists" in server.log(), server)
    log = server.log()
    assert "Done." in log and "CreateConnectorProfile" in log
    assert "key\"" not in log


def test_sigterm_lets_a_request_under_way_finish(make_server, tmp_path, name):
    """A creation that waits for SAP when the server is told to stop is answered, and stored."""
    peer = Sap(tmp_path / "requests.jsonl", FLIGHTS="10", DELAY_MS="1500")
    server = make_server()
    answers = []
    try:
        call = threading.Thread(target=lambda: answers.append(server.raw("/create-connector-profile", peer.profile(name))))
        call.start()
        time.sleep(0.7)
        server.process.child.send_signal(signal.SIGTERM)
        call.join()
        assert server.process.child.wait(timeout=25) == 0
    finally:
        peer.stop()
    assert answers[0].status_code == 200, answers[0].text
    server.start()
    assert len(server.boto().describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"]) == 1

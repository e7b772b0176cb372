"""A proxy in front: clients sign the public URL, and the server knows what they signed."""

import re
import subprocess
import sys
import urllib.parse
from pathlib import Path

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from support.nginx import Nginx
from support.process import free_port
from support.server import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET, error_of

PREFIX = "/some/prefix"
ODD_NAMES = ["with/slash", "a!b@c#d+e=f", "plus+and%2F", "ünicode name"]


class Front:
    """A server and the nginx before it."""

    def __init__(self, server, nginx):
        self.server, self.nginx, self.url = server, nginx, nginx.url
        # The prefix gone and `Host` kept: that is, to the letter, what was signed for the origin alone.
        self.request_comes_as_signed_for_origin = nginx.strips and nginx.passes_host

    def boto(self, key=ACCESS_KEY_ID, secret=SECRET):
        return boto3.client("appflow", endpoint_url=self.url, region_name=REGION, aws_access_key_id=key,
                            aws_secret_access_key=secret, verify=self.nginx.ca,
                            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))

    def get(self, path, **options):
        return requests.get(self.url + path, verify=self.nginx.ca, timeout=20, **options)

    def signed(self, path, method="POST", body=b"{}", *, as_url=None, to_url=None, change=None):
        """Signs for one URL and sends to another."""
        request = AWSRequest(method, (as_url or self.url) + path, data=body, headers={"Content-Type": "application/json"})
        SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET), "appflow", REGION).add_auth(request)
        headers = dict(request.headers.items())
        if change:
            body = change(headers, body)
        return requests.request(method, (to_url or self.url) + path, data=body, headers=headers, verify=self.nginx.ca, timeout=20)


@pytest.fixture(scope="module", params=[(True, True), (True, False), (False, True), (False, False)],
                ids=["stripped-host", "stripped-nohost", "whole-host", "whole-nohost"])
def front(request, make_server, tmp_path_factory):
    strips, passes_host = request.param
    port = free_port()
    server = make_server("--connection-check", "off", "--public-url", f"https://localhost:{port}{PREFIX}/")
    nginx = Nginx(tmp_path_factory.mktemp("nginx"), port, server.url, PREFIX, strips=strips, passes_host=passes_host)
    yield Front(server, nginx)
    nginx.stop()


def singular(name):
    return {"connectorProfileName": name, "connectorType": "Singular", "connectionMode": "Public",
            "connectorProfileConfig": {"connectorProfileProperties": {"Singular": {}},
                                       "connectorProfileCredentials": {"Singular": {"apiKey": "key"}}}}


def test_sdk_and_cli_call_through_it(front, name):
    client = front.boto()
    client.create_connector_profile(**singular(name))
    found = client.describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"]
    assert [profile["connectorProfileName"] for profile in found] == [name]
    cli = Path(sys.executable).with_name("aws")
    env = {**front.server.client_env(), "AWS_ENDPOINT_URL": front.url, "AWS_CA_BUNDLE": front.nginx.ca}
    done = subprocess.run([sys.executable, str(cli), "appflow", "describe-connector-profiles", "--connector-profile-names", name],
                          env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and name in done.stdout, done.stderr


def test_our_own_commands_call_through_it(front):
    env = {"AWS_ENDPOINT_URL": front.url + "/", "AWS_CA_BUNDLE": front.nginx.ca}
    command = [front.server.process.child.args[0], "key", "list"]
    done = subprocess.run(command, env={**front.server.client_env(), **env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and ACCESS_KEY_ID in done.stdout, done.stderr


@pytest.mark.parametrize("odd", ODD_NAMES)
def test_a_value_in_the_path_survives_the_proxy(front, odd):
    """`GET /tags/{resourceArn}`: nginx decodes the path where it takes the prefix off."""
    client = front.boto()
    arn = f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/{odd}"
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(resourceArn=arn)
    path = "/tags/" + urllib.parse.quote(arn, safe="")
    refused = front.signed(path, "GET", b"", change=lambda headers, _: tamper(headers))
    assert error_of(refused)[:2] == (403, "InvalidSignatureException")


def tamper(headers):
    signature = headers["Authorization"]
    headers["Authorization"] = signature[:-1] + ("0" if signature[-1] != "0" else "1")
    return b""


def test_the_consoles_files_load(front):
    page = front.get("/")
    assert page.status_code == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    loads = re.findall(r'(?:src|href)="\./([^"]+)"', page.text)
    assert loads, page.text
    for path in loads:
        answer = front.get(f"/{path}")
        assert answer.status_code == 200 and "Content-Security-Policy" in answer.headers, path
    assert front.get("/oauth/callback").status_code == 200
    assert front.get("/healthz").text == "ok\n"


def test_the_prefix_alone_leads_to_the_console(front):
    bare = requests.get(front.url, verify=front.nginx.ca, timeout=20, allow_redirects=False)
    assert bare.status_code in (301, 308) and bare.headers["Location"].endswith(f"{PREFIX}/")
    own = requests.get(f"{front.server.url}{PREFIX}?a=b", timeout=20, allow_redirects=False)
    assert (own.status_code, own.headers["Location"]) == (308, f"{PREFIX}/?a=b")


def test_without_the_proxy_both_paths_work(front):
    assert front.server.boto().list_flows()["flows"] == []
    assert front.signed("/list-flows", as_url=front.server.url + PREFIX, to_url=front.server.url + PREFIX).status_code == 200
    assert requests.get(f"{front.server.url}{PREFIX}/", timeout=20).status_code == 200


@pytest.mark.parametrize("signed_for", [
    "https://localhost:1/some/prefix", "https://other.test/some/prefix", "PUBLIC/more", "ORIGIN/other/prefix", "ORIGIN",
])
def test_what_was_signed_for_another_url_is_refused(front, signed_for):
    origin = front.url.removesuffix(PREFIX)
    as_url = signed_for.replace("PUBLIC", front.url).replace("ORIGIN", origin)
    for to_url in (front.url, front.server.url):
        if (as_url, to_url) == (origin, front.url) and front.request_comes_as_signed_for_origin:
            continue
        answer = front.signed("/list-flows", as_url=as_url, to_url=to_url)
        assert error_of(answer)[:2] == (403, "InvalidSignatureException"), (as_url, to_url)


def test_a_tampered_request_is_refused(front):
    def body(headers, _):
        return b'{"maxResults":1}'

    def date(headers, sent):
        headers["X-Amz-Date"] = headers["X-Amz-Date"][:-2] + ("0Z" if headers["X-Amz-Date"][-2] != "0" else "1Z")
        return sent

    for change in (body, date, lambda headers, _: tamper(headers)):
        assert error_of(front.signed("/list-flows", change=change))[:2] == (403, "InvalidSignatureException")
    client = front.boto(secret="another")
    with pytest.raises(client.exceptions.ClientError, match="InvalidSignatureException"):
        client.list_flows()


def test_the_log_names_the_consoles_address(front):
    assert f"{front.url}/" in front.server.log() or "not in this build" in front.server.log()


@pytest.mark.parametrize("url,told", [
    ("example.com", "must look like"), ("http://example.com", "https://"), ("https://example.com/x", "/x"),
    ("https://example.com/?a", "a query"),
])
def test_a_public_url_that_cannot_work_is_refused_at_the_start(tmp_path, url, told):
    from test_server import start

    code, out, err = start("--data-dir", "data", "--public-url", url, cwd=tmp_path)
    assert code != 0 and out == "" and told in err, err

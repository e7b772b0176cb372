"""Signing in to the console with an OpenID provider."""

import re
import subprocess
import time
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from support.console import Browser
from support.oidc import CLIENT, SECRET, Oidc
from support.server import ACCOUNT, binary

ALLOW = "ada@example.com,*@open.example,sub:7"


@pytest.fixture(scope="module")
def provider():
    peer = Oidc()
    yield peer
    peer.stop()


@pytest.fixture(autouse=True)
def honest(request):
    """Each test begins with Ada at a provider that tells the truth."""
    yield
    if "provider" in request.fixturenames:
        peer = request.getfixturevalue("provider")
        peer.person = {"sub": "1", "email": "ada@example.com", "email_verified": True}
        peer.lie = peer.deny = None
        peer.in_token, peer.sign_with = True, "RS256"


@pytest.fixture(scope="module")
def server(make_server, provider):
    return make_server("--oidc-issuer", provider.url, "--oidc-client-id", CLIENT, "--oidc-name", "Example ID",
                       "--oidc-allow", ALLOW, TIDEGATE_OIDC_CLIENT_SECRET=SECRET)


class Person(Browser):
    """A browser that follows the flow step by step and keeps both cookies."""

    ticket = None

    def go(self, url, ticket=True):
        headers = {"Cookie": self.ticket} if self.ticket and ticket else {}
        answer = requests.get(url, headers=headers, allow_redirects=False, timeout=60)
        for value in answer.raw.headers.getlist("Set-Cookie"):
            name, _, rest = value.partition("=")
            if name.endswith("tidegate-oidc"):
                self.ticket = f"{name}={rest.split(';')[0]}"
            elif name.endswith("tidegate"):
                self.cookie = f"{name}={rest.split(';')[0]}"
        return answer

    def to_provider(self):
        answer = self.go(f"{self.server.url}/session/oidc/start")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    def to_callback(self):
        answer = requests.get(self.to_provider(), allow_redirects=False, timeout=60)
        return answer.headers["Location"]

    def sign_in_there(self):
        return self.go(self.to_callback())


def refusal(answer):
    """The text that the page shows."""
    assert answer.status_code == 303 and "tidegate=" not in answer.headers.get("Set-Cookie", ""), answer.headers
    found = re.fullmatch(r"/#/sign-in\?error=(.+)", answer.headers["Location"])
    return unquote(found[1])


def test_one_signs_in_with_the_provider_and_signs_requests(server, provider):
    person = Person(server)
    assert person.ask("/session").json()["signIn"]["oidc"] == {"name": "Example ID", "startPath": "session/oidc/start"}
    address = urlsplit(person.to_provider())
    asked = {name: value[0] for name, value in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}" == provider.url
    assert asked["redirect_uri"] == f"{server.url}/session/oidc/callback" and asked["response_type"] == "code"
    assert set(asked["scope"].split()) == {"openid", "email", "profile"}
    assert asked["code_challenge_method"] == "S256" and len(asked["state"]) >= 20 and len(asked["nonce"]) >= 20
    answer = person.sign_in_there()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert any(re.fullmatch(r"__Host-tidegate=[\w-]{43}; Path=/; Secure; HttpOnly; SameSite=Strict", it) for it in cookies)
    assert any(it.startswith("__Host-tidegate-oidc=; Max-Age=0; Path=/;") for it in cookies)
    keys = person.fetch_keys()
    assert (keys["userName"], keys["signIn"]) == ("ada@example.com", "oidc")
    assert person.appflow().list_flows()["flows"] is not None
    changed = person.ask("/session/password", {"currentPassword": "x", "newPassword": "x" * 12})
    assert changed.status_code == 400 and "identity provider" in changed.json()["message"]
    assert person.ask("/session/sign-out", {}).status_code == 200
    assert person.ask("/session/keys", {}).status_code == 401


def test_the_ticket_is_a_short_lax_cookie_that_no_script_reads(server):
    answer = requests.get(f"{server.url}/session/oidc/start", allow_redirects=False, timeout=10)
    cookie = answer.headers["Set-Cookie"]
    assert re.fullmatch(r"__Host-tidegate-oidc=[\w-]+; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax", cookie)
    state = parse_qs(urlsplit(answer.headers["Location"]).query)["state"][0]
    assert state not in cookie, "what it carries is sealed"


def test_only_those_who_are_allowed_come_in(server, provider):
    for person, name in (
        ({"sub": "2", "email": "Bob@Open.Example", "email_verified": True}, "Bob@Open.Example"),
        ({"sub": "7"}, "7"),
        ({"sub": "7", "email": "eve@elsewhere.example", "email_verified": False}, "7"),
    ):
        provider.person = person
        someone = Person(server)
        assert someone.sign_in_there().headers["Location"] == "/"
        assert someone.ask("/session").json()["userName"] == name
    for person, told in (
        ({"sub": "3", "email": "eve@example.com", "email_verified": True}, "eve@example.com may not"),
        ({"sub": "3", "email": "ada@example.com", "email_verified": False}, "not verified"),
        ({"sub": "3", "email": "ada@example.com"}, "not verified"),
        ({"sub": "3", "email": "x@sub.open.example", "email_verified": True}, "may not"),
        ({"sub": "77"}, "not verified"),
    ):
        provider.person = person
        assert told in refusal(Person(server).sign_in_there()), person


def test_the_address_may_come_from_the_userinfo_endpoint(server, provider):
    provider.in_token = False
    person = Person(server)
    assert person.sign_in_there().headers["Location"] == "/"
    assert person.ask("/session").json()["userName"] == "ada@example.com"
    provider.lie = lambda header, claims: claims.update(sub="another")
    assert "e-mail address" in refusal(Person(server).sign_in_there()), "it speaks of somebody else"


def changed(**claims):
    return lambda _, token: token.update(claims)


@pytest.mark.parametrize("lie", [
    changed(nonce="another"), changed(aud="another-client"), changed(iss="http://127.0.0.1:1"), changed(exp=1),
    changed(aud=["x", CLIENT]),
    lambda header, _: header.update(alg="none"), lambda header, _: header.update(alg="HS256"),
    lambda header, _: header.update(kid="unknown"),
], ids=["nonce", "audience", "issuer", "expired", "more-audiences", "unsigned", "signed with our secret", "unknown key"])
def test_a_token_that_is_not_good_signs_nobody_in(server, provider, lie):
    provider.lie = lie
    assert "not good" in refusal(Person(server).sign_in_there())


def test_a_signature_of_another_key_signs_nobody_in(server, provider):
    Person(server).sign_in_there()
    known, kid = provider.key, provider.kid
    provider.new_key()
    fresh = provider.key
    provider.kid = kid
    try:
        person = Person(server)
        callback = person.to_callback()
        answer = person.go(callback)
        assert "not good" in refusal(answer)
    finally:
        provider.key = known
    assert fresh is not known


def test_new_keys_of_the_provider_are_learnt(server, provider):
    Person(server).sign_in_there()
    provider.new_key()
    time.sleep(1.1)
    assert Person(server).sign_in_there().headers["Location"] == "/"


def test_only_the_browser_that_began_it_can_end_it(server, provider):
    ada, eve = Person(server), Person(server)
    callback = ada.to_callback()
    eve.to_provider()
    exchanged = len(provider.exchanges)
    assert "browser has begun" in refusal(eve.go(callback)), "another browser's ticket"
    assert "has not begun" in refusal(Person(server).go(callback)), "no ticket"
    assert "has begun" in refusal(ada.go(callback.replace("state=", "state=x"))), "another state"
    assert len(provider.exchanges) == exchanged, "the code was not even shown to the provider"


def test_a_code_counts_once_and_with_its_verifier(server, provider):
    ada = Person(server)
    callback = ada.to_callback()
    ticket = ada.ticket
    assert ada.go(callback).headers["Location"] == "/"
    ada.ticket = ticket
    assert "not taken the code" in refusal(ada.go(callback))
    bob = Person(server)
    stolen = bob.to_callback()
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    ada = Person(server)
    own = ada.to_callback()
    injected = own.replace(parse_qs(urlsplit(own).query)["code"][0], code)
    assert "not taken the code" in refusal(ada.go(injected)), "PKCE"


def test_the_providers_refusal_is_told(server, provider):
    provider.deny = "The person said <b>no</b> & left"
    assert refusal(Person(server).sign_in_there()) == "The identity provider has refused: The person said <b>no</b> & left"


def test_a_restart_under_other_terms_ends_what_the_provider_vouched_for(make_server, provider):
    options = lambda allow, client=CLIENT: ("--oidc-issuer", provider.url, "--oidc-client-id", client, "--oidc-allow", allow)  # noqa: E731
    server = make_server(*options("ada@example.com,sub:77"), TIDEGATE_OIDC_CLIENT_SECRET=SECRET)

    def session():
        person = Person(server)
        person.sign_in_there()
        person.fetch_keys()
        return person

    def restart(*given):
        server.options = given
        server.restart()

    def counts(person):
        return person.ask("/session/keys", {}).status_code

    ada = session()
    restart(*options("sub:77,ada@example.com"))
    assert counts(ada) == 200, "the same people may come in"
    # Who is no longer let in is out, and with them everybody: they are let in again by a click.
    restart(*options("sub:77"))
    assert counts(ada) == 401
    restart(*options("ada@example.com,sub:77"))
    assert counts(ada) == 401, "an ended session stays ended"
    ada = session()
    restart(*options("ada@example.com,sub:77", client="another"))
    assert counts(ada) == 401
    restart(*options("ada@example.com,sub:77"))
    ada = session()
    restart()
    assert counts(ada) == 401, "there is no provider any more"
    server.stop()


def test_a_public_url_is_where_the_provider_sends_people_back(make_server, provider):
    server = make_server("--oidc-issuer", provider.url, "--oidc-client-id", CLIENT, "--oidc-allow", ALLOW,
                         "--public-url", "https://example.com/tide", TIDEGATE_OIDC_CLIENT_SECRET=SECRET)
    person = Person(server)
    callback = urlsplit(person.to_callback())
    assert (callback.netloc, callback.path) == ("example.com", "/tide/session/oidc/callback")
    assert person.ticket.startswith("__Secure-tidegate-oidc=")
    answer = person.go(f"{server.url}{callback.path}?{callback.query}")
    assert answer.headers["Location"] == "/tide/" and person.cookie.startswith("__Secure-tidegate=")
    server.stop()


def test_a_provider_that_is_away_holds_up_neither_the_start_nor_passwords(make_server):
    server = make_server("--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "x", "--oidc-allow", "sub:1")
    assert "does not say how to sign in" in refusal(Person(server).go(f"{server.url}/session/oidc/start"))
    assert server.tidegate("user", "create", "ada").code == 0
    server.stop()


def test_without_a_provider_there_is_no_flow(live):
    assert "no identity provider" in refusal(Person(live).go(f"{live.url}/session/oidc/start"))
    assert "no identity provider" in refusal(Person(live).go(f"{live.url}/session/oidc/callback?code=x&state=y"))


def test_secrets_of_the_flow_lie_nowhere(make_server, provider):
    server = make_server("--oidc-issuer", provider.url, "--oidc-client-id", CLIENT, "--oidc-allow", ALLOW,
                         TIDEGATE_OIDC_CLIENT_SECRET=SECRET, TIDEGATE_LOG="debug")
    person = Person(server)
    answer = person.sign_in_there()
    token, form = person.cookie.split("=")[1], provider.exchanges[-1]
    found = b"".join(file.read_bytes() for file in server.data_dir.iterdir() if file.is_file() and file.name != "keyring")
    found += server.log().encode() + answer.headers["Location"].encode()
    assert b"ada@example.com" in found
    for secret in (SECRET, token, form["code"], form["code_verifier"]):
        assert secret.encode() not in found
    server.stop()


@pytest.mark.parametrize("options,told", [
    (("--oidc-issuer", "https://id.example.com", "--oidc-client-id", "x"), "--oidc-allow"),
    (("--oidc-issuer", "https://id.example.com", "--oidc-allow", "sub:1"), "--oidc-client-id"),
    (("--oidc-issuer", "http://id.example.com", "--oidc-client-id", "x", "--oidc-allow", "sub:1"), "https://"),
    (("--oidc-issuer", "https://id.example.com", "--oidc-client-id", "x", "--oidc-allow", "everybody"), "everybody"),
])
def test_settings_that_cannot_work_are_told(tmp_path, options, told):
    done = subprocess.run([str(binary()), "serve", "--listen", "127.0.0.1:0", "--data-dir", "data", *options], cwd=tmp_path,
                          env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and told in done.stderr, done.stderr


def test_what_it_makes_bears_the_persons_name(server, name):
    person = Person(server)
    person.sign_in_there()
    folder = server.data_dir / "s3" / "oidc-bucket"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "in.csv").write_text("a\n1\n")
    client = person.appflow()
    client.create_flow(
        flowName=name, triggerConfig={"triggerType": "OnDemand"},
        sourceFlowConfig={"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": "oidc-bucket", "bucketPrefix": "in.csv"}}},
        destinationFlowConfigList=[{"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": "oidc-bucket"}}}],
        tasks=[{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"}}])
    assert client.describe_flow(flowName=name)["createdBy"] == f"arn:aws:iam::{ACCOUNT}:user/ada@example.com"

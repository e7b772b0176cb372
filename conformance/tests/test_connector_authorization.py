"""OAuth's authorization code by a window: state, PKCE, one-time handles; against a server that checks them."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support.console import make_user, signed_in
from support.idp import CLIENT, CLIENT_SECRET, Idp
from support.profiles import create_input
from support.server import REGION, error_of

BEGIN = "/x/begin-connector-authorization"
COMPLETE = "/x/complete-connector-authorization"
HELD = "/x/describe-connector-profile-credentials"


@pytest.fixture
def idp():
    server = Idp()
    yield server
    server.stop()


def begin_input(server, idp, **more):
    return {"connectorType": "SAPOData", "connectorProfileProperties": idp.properties(), "clientId": CLIENT,
            "redirectUri": f"{server.url}/oauth/callback", **more}


def begin(server, idp, **more):
    answer = server.raw(BEGIN, begin_input(server, idp, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


def consent(begun):
    """What the window comes back with."""
    answer = requests.get(begun["authorizationUrl"], allow_redirects=False, timeout=10)
    assert answer.status_code == 303, answer.text
    back = {k: v[0] for k, v in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
    assert back["state"] == begun["state"]
    return back


def complete(server, back, **how):
    data = {"state": back["state"]}
    for theirs, ours in [("code", "code"), ("error", "error"), ("error_description", "errorDescription")]:
        if theirs in back:
            data[ours] = back[theirs]
    return server.raw(COMPLETE, data, **how)


def authorized(server, idp, **more):
    """A finished authorization: its handle."""
    begun = begin(server, idp, **more)
    answer = complete(server, consent(begun))
    assert answer.status_code == 200 and answer.json()["ok"] is True, answer.text
    return begun["authCode"]


def create(server, idp, name, handle, properties=None, **more):
    return server.raw("/create-connector-profile", {
        "connectorProfileName": name, "connectorType": "SAPOData", "connectionMode": "Public",
        "connectorProfileConfig": {"connectorProfileProperties": properties or idp.properties(),
                                   "connectorProfileCredentials": idp.credentials(handle, **more)}})


def refused(answer, says, error="ValidationException"):
    assert error_of(answer)[1] == error and says in error_of(answer)[2], answer.text


def held(server, name):
    return server.raw(HELD, {"connectorProfileName": name}).json()["set"]


def test_the_address_carries_state_and_challenge(live, idp):
    begun = begin(live, idp)
    url = urlsplit(begun["authorizationUrl"])
    asked = parse_qs(url.query)
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{idp.url}/authorize"
    assert asked.pop("realm") == ["a b"], "what the address carried stays"
    challenge = asked.pop("code_challenge")[0]
    assert asked == {"response_type": ["code"], "client_id": [CLIENT], "redirect_uri": [f"{live.url}/oauth/callback"],
                     "scope": ["ONE TWO"], "state": [begun["state"]], "code_challenge_method": ["S256"]}
    other = begin(live, idp)
    assert len(begun["state"]) == 43 == len(challenge) and other["state"] != begun["state"]
    assert begun["authCode"].startswith("tidegate-authorization:") and begun["expiresAt"] > "2020"
    assert begun["state"] not in begun["authCode"]


def test_a_connection_is_created_with_the_tokens_alone(live, idp, name):
    handle = authorized(live, idp)
    answer = create(live, idp, name, handle)
    assert answer.status_code == 200, answer.text
    [(status, form)] = idp.exchanges
    assert status == 200 and 43 <= len(form["code_verifier"]) <= 128
    assert form["redirect_uri"] == f"{live.url}/oauth/callback"
    group = "oAuthCredentials."
    assert held(live, name) == [group + "clientId", group + "clientSecret", group + "accessToken", group + "refreshToken"]
    assert live.tidegate("connection", "test", name).code == 0
    assert len(idp.exchanges) == 1, "the code goes out once"
    secrets = [form["code"], form["code_verifier"], *idp.tokens, CLIENT_SECRET]
    told = live.raw("/x/list-connector-profiles", {"nameContains": name}).text + live.log()
    assert not [secret for secret in secrets if secret in told]

    refused(create(live, idp, name + "-2", handle), "used already")
    assert len(idp.exchanges) == 1


def test_an_answer_is_taken_once_and_from_its_owner(live, idp, name):
    key = json.loads(live.tidegate("key", "create", "--output", "json").out)
    other = {"key": key["accessKeyId"], "secret": key["secretAccessKey"]}
    begun = begin(live, idp)
    back = consent(begun)
    refused(create(live, idp, name, begun["authCode"]), "not finished")
    refused(complete(live, back, **other), "belongs to no authorization")
    refused(complete(live, {**back, "state": begun["state"][:-1] + "x"}), "belongs to no authorization")
    for incomplete in ({}, {"code": ""}, {"error": ""}, {"errorDescription": "x"}):
        refused(complete(live, {"state": back["state"], **incomplete}), "incomplete")
    assert complete(live, back).json()["ok"] is True
    refused(complete(live, back), "belongs to no authorization")
    theirs = live.raw("/create-connector-profile", {
        "connectorProfileName": name, "connectorType": "SAPOData", "connectionMode": "Public",
        "connectorProfileConfig": {"connectorProfileProperties": idp.properties(),
                                   "connectorProfileCredentials": idp.credentials(begun["authCode"])}}, **other)
    refused(theirs, "not begun it in this session")
    refused(create(live, idp, name, "tidegate-authorization:made-up"), "not begun it in this session")
    assert idp.exchanges == []
    assert create(live, idp, name, begun["authCode"]).status_code == 200


def test_a_handle_is_for_one_token_url_and_client(live, idp, name):
    handle = authorized(live, idp)
    evil = idp.properties(oauth={"tokenUrl": f"{idp.url}/other"})
    refused(create(live, idp, name, handle, evil), "another connector, token URL or client id")
    refused(create(live, idp, name, handle, clientId="other"), "another connector, token URL or client id")
    slack = create_input("Slack", name)
    slack["connectorProfileConfig"]["connectorProfileCredentials"]["Slack"] = {
        "clientId": CLIENT, "clientSecret": CLIENT_SECRET, "oAuthRequest": {"authCode": handle}}
    refused(live.raw("/create-connector-profile", slack), "another connector, token URL or client id")
    assert idp.exchanges == [] and create(live, idp, name, handle).status_code == 200


def test_what_can_be_checked_is_checked_before_the_code_is_used(live, idp, name):
    assert create(live, idp, name, authorized(live, idp)).status_code == 200
    handle = authorized(live, idp)
    refused(create(live, idp, name, handle), "already exists", "ConflictException")
    refused(create(live, idp, name + "-2", handle, idp.properties(clientNumber="1")), "clientNumber")
    assert len(idp.exchanges) == 1
    lost = create(live, idp, name + "-2", handle, idp.properties(applicationServicePath="/nothing"))
    refused(lost, "authorize again", "ConnectorServerException")
    refused(create(live, idp, name + "-2", handle), "used already")


def test_a_refusal_is_told(live, idp, name):
    begun = begin(live, idp, connectorProfileProperties=idp.properties(oauth={"oAuthScopes": ["too-much"]}))
    answer = complete(live, consent(begun)).json()
    assert answer["ok"] is False and "access_denied: that is too much" in answer["message"]
    refused(create(live, idp, name, begun["authCode"]), "access_denied: that is too much")
    endless = complete(live, {"state": begin(live, idp)["state"], "code": "c" * 4097}).json()
    assert endless["ok"] is False and "no code that could be used" in endless["message"]


def test_update_edit_and_copy_take_an_authorization(live, idp, name):
    assert create(live, idp, name, authorized(live, idp)).status_code == 200
    config = {"connectorProfileProperties": idp.properties(),
              "connectorProfileCredentials": idp.credentials(authorized(live, idp))}
    update = live.raw("/update-connector-profile", {
        "connectorProfileName": name, "connectionMode": "Public", "connectorProfileConfig": config})
    assert update.status_code == 200, update.text
    # The client's secret stays, the consent is new, and with it the tokens.
    edit = live.raw("/x/edit-connector-profile", {
        "connectorProfileName": name, "connectionMode": "Public", "connectorProfileProperties": idp.properties(),
        "keepCredentials": held(live, name),
        "connectorProfileCredentials": {"SAPOData": {"oAuthCredentials": {
            "oAuthRequest": {"authCode": authorized(live, idp)}}}}})
    assert edit.status_code == 200, edit.text
    assert len(idp.exchanges) == 3 and all(status == 200 for status, _ in idp.exchanges)
    copied = live.raw("/x/copy-connector-profile", {
        "sourceConnectorProfileName": name, "connectorProfileName": name + "-copy", "keepCredentials": [],
        "connectorProfileCredentials": idp.credentials(authorized(live, idp))})
    assert copied.status_code == 200, copied.text
    for each in (name, name + "-copy"):
        assert not [path for path in held(live, each) if "oAuthRequest" in path]
        assert live.tidegate("connection", "test", each).code == 0


def test_a_verifier_is_not_taken_from_a_client(live, emulation, idp, name):
    begun = begin(live, idp)
    back = consent(begun)
    sent = {"authCode": back["code"], "redirectUri": f"{live.url}/oauth/callback", "codeVerifier": "v" * 43}
    refused(create(live, idp, name, "", oAuthRequest=sent), "invalid_grant", "ConnectorAuthenticationException")
    assert "code_verifier" not in idp.exchanges[-1][1]
    # Stored without a check, a code waits with its verifier; a copy carries neither.
    begun = begin(emulation, idp)
    assert complete(emulation, consent(begun)).status_code == 200
    assert create(emulation, idp, name, begun["authCode"]).status_code == 200
    copied = emulation.raw("/x/copy-connector-profile", {
        "sourceConnectorProfileName": name, "connectorProfileName": name + "-copy",
        "connectorProfileCredentials": {"SAPOData": {"oAuthCredentials": {
            "clientId": CLIENT, "clientSecret": CLIENT_SECRET, "accessToken": "t"}}}})
    assert copied.status_code == 200, copied.text
    assert not [path for path in held(emulation, name + "-copy") if "oAuthRequest" in path]
    assert emulation.tidegate("connection", "test", name).code == 0
    assert idp.exchanges[-1][0] == 200 and not [path for path in held(emulation, name) if "oAuthRequest" in path]


def test_what_cannot_be_begun_is_told(live, idp):
    def attempt(says, **more):
        refused(live.raw(BEGIN, begin_input(live, idp, **more)), says)

    for uri in ["https://evil.example/oauth/callback", f"{live.url}/elsewhere", f"{live.url}/oauth/callback?x=1", "",
                live.url.replace("127.0.0.1", "127.0.0.2") + "/oauth/callback"]:
        attempt("redirectUri", redirectUri=uri)
    attempt("must begin with https://", connectorProfileProperties=idp.properties(oauth={"authCodeUrl": "http://idp.example/a"}))
    attempt("must begin with https://", connectorProfileProperties=idp.properties(oauth={"authCodeUrl": "javascript:alert(1)"}))
    attempt("no user", connectorProfileProperties=idp.properties(oauth={"authCodeUrl": "https://u:p@idp.example/a"}))
    attempt("ClientId", clientId="")
    attempt("cannot be authorized in a window", connectorType="Salesforce", connectorProfileProperties={"Salesforce": {}})
    attempt("belong under the key", connectorProfileProperties={"Slack": {"instanceUrl": "https://x.slack.com"}})
    without = idp.properties()
    del without["SAPOData"]["oAuthProperties"]
    attempt("AuthCodeUrl cannot be blank", connectorProfileProperties=without)
    slack = live.raw(BEGIN, begin_input(live, idp, connectorType="Slack", connectorProfileProperties={
        "Slack": {"instanceUrl": "https://x.slack.com"}})).json()
    assert slack["authorizationUrl"].startswith("https://slack.com/oauth/v2/authorize?")
    form = live.raw("/x/describe-connector-form", {"connectorType": "Slack"}).json()["authorization"]
    asked = parse_qs(urlsplit(slack["authorizationUrl"]).query)["scope"]
    assert asked == [" ".join(form["scopes"])] and form["scopes"], "the connector's own, where nobody names others"


# The console: its window has the session's cookie and no key.


class Page:
    """A page of the console that signs extensions with its session's keys, as a server does for `raw`."""

    def __init__(self, server, user):
        self.browser, self.url = signed_in(server, user), server.url

    def raw(self, path, data):
        keys = self.browser.keys or self.browser.fetch_keys()
        body = json.dumps(data).encode()
        request = AWSRequest("POST", self.url + path, data=body, headers={"Content-Type": "application/json"})
        credentials = Credentials(keys["accessKeyId"], keys["secretAccessKey"], keys["sessionToken"])
        SigV4Auth(credentials, "appflow", REGION).add_auth(request)
        headers = {**dict(request.headers.items()), "Cookie": self.browser.cookie}
        return requests.post(self.url + path, data=body, headers=headers, timeout=60)

    def answer(self, back, **how):
        return self.browser.ask("/session/authorization", {"state": back["state"], "code": back["code"]}, **how)


def test_the_consoles_window_answers_with_its_cookie(live, idp, name):
    user = make_user(live, name)
    page, other = Page(live, user), Page(live, user)
    begun = begin(page, idp)
    back = consent(begun)
    refused(other.answer(back), "belongs to no authorization")
    refused(complete(live, back), "belongs to no authorization")
    assert page.answer(back, headers={"Cookie": ""}).status_code == 401
    assert page.answer(back, headers={"Origin": "https://evil.example"}).status_code == 403
    assert page.answer(back, origin=False).status_code == 403
    refused(page.browser.ask("/session/authorization", {"state": back["state"]}), "incomplete")
    answer = page.answer(back)
    assert answer.status_code == 200 and answer.json()["ok"] is True, answer.text
    refused(page.answer(back), "belongs to no authorization")

    refused(create(other, idp, name, begun["authCode"]), "not begun it in this session")
    refused(create(live, idp, name, begun["authCode"]), "not begun it in this session")
    page.browser.fetch_keys()  # Other keys of the same session.
    made = create(page, idp, name, begun["authCode"])
    assert made.status_code == 200, made.text
    assert live.tidegate("connection", "test", name).code == 0

    begun = begin(page, idp)
    denied = page.browser.ask("/session/authorization", {
        "state": begun["state"], "error": "access_denied", "errorDescription": "no\n<b>way</b>"}).json()
    assert denied["ok"] is False and "access_denied" in denied["message"]
    refused(create(page, idp, name + "-2", begun["authCode"]), "access_denied: no<b>way</b>")

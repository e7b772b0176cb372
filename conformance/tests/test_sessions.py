"""The console's sign-in: users, passwords, sessions, and the keys that count with their cookie only."""

import concurrent.futures
import datetime
import re
import time

import pytest
import requests
from botocore.exceptions import ClientError
from support.console import PASSWORD, Browser, make_user, signed_in
from support.server import ACCOUNT, REGION, error_of

OTHER = "canary another horse 77aa"


@pytest.fixture
def user(live, name):
    return make_user(live, name)


def refused(client):
    """The error of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        client.list_flows()
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


UNKNOWN = (403, "UnrecognizedClientException")


def key_rows(server):
    """Keys of sessions that the database still has."""
    return {id for id, in server.rows("SELECT id FROM access_key WHERE kind = 'session'")}


def latest_ends(server):
    """How many milliseconds each session may last, however busy it is."""
    return [length for length, in server.rows("SELECT ends_at_ms - created_at_ms FROM console_session")]


def test_the_page_learns_how_to_sign_in_before_anybody_has(make_server):
    server = make_server()
    before = Browser(server).ask("/session").json()
    assert before == {
        "signedIn": False, "hasUsers": False, "region": REGION, "accountId": ACCOUNT, "oauthRedirectPath": "oauth/callback",
        "signIn": {"password": True, "oidc": None}, "version": before["version"]}
    make_user(server, "ada")
    browser = signed_in(server, "ada")
    after = browser.ask("/session").json()
    assert after == {**before, "signedIn": True, "hasUsers": True, "userName": "ada"}
    server.stop()


def test_a_session_gets_keys_that_sign_only_together_with_its_cookie(live, user, name):
    browser, other = signed_in(live, user), signed_in(live, user)
    keys = browser.fetch_keys()
    assert set(keys) == {"accessKeyId", "secretAccessKey", "sessionToken", "expiration", "region", "accountId", "userName",
                         "signIn", "idleMinutes"}
    assert keys["accessKeyId"].startswith("ASIA") and (keys["userName"], keys["signIn"]) == (user, "password")
    assert (keys["region"], keys["accountId"], keys["idleMinutes"]) == (REGION, ACCOUNT, 30)
    left = datetime.datetime.fromisoformat(keys["expiration"]) - datetime.datetime.now(datetime.UTC)
    assert 14 * 60 < left.total_seconds() <= 15 * 60
    assert {round(age / 1000) for age in latest_ends(live)} == {12 * 3600}, "nobody stays for ever"
    assert browser.appflow().list_flows()["flows"] is not None
    assert refused(browser.appflow(cookie="")) == UNKNOWN
    assert refused(browser.appflow(cookie=other.cookie)) == UNKNOWN
    assert refused(browser.appflow(cookie="__Host-tidegate=nonsense")) == UNKNOWN
    below = browser.cookie.replace("__Host-", "__Secure-")
    assert refused(browser.appflow(cookie=below)) == UNKNOWN, "the other name does not count here"
    assert refused(browser.appflow(cookie=f"{browser.cookie}; __Host-tidegate=planted")) == UNKNOWN, "twice"
    assert refused(browser.appflow({**keys, "sessionToken": "wrong"})) == UNKNOWN
    assert refused(browser.appflow({**keys, "secretAccessKey": "wrong"}))[1] == "InvalidSignatureException"
    assert browser.appflow().list_flows()["flows"] is not None, "no refusal has ended it"


def test_what_a_session_makes_bears_its_users_name(live, user, name, bucket):
    bucket.put("in.csv", "a\n1\n")
    place = {"connectorType": "S3", "sourceConnectorProperties": {"S3": {"bucketName": bucket.name, "bucketPrefix": "in.csv"}}}
    client = signed_in(live, user).appflow()
    client.create_flow(
        flowName=name, triggerConfig={"triggerType": "OnDemand"}, sourceFlowConfig=place,
        destinationFlowConfigList=[{"connectorType": "S3", "destinationConnectorProperties": {"S3": {"bucketName": bucket.name}}}],
        tasks=[{"taskType": "Map_all", "sourceFields": [], "connectorOperator": {"S3": "NO_OP"}}])
    assert client.describe_flow(flowName=name)["createdBy"] == f"arn:aws:iam::{ACCOUNT}:user/{user}"


def test_the_cookie_is_for_this_host_and_no_script(live, user):
    answer = Browser(live).sign_in(user)
    cookie = answer.headers["Set-Cookie"]
    assert re.fullmatch(r"__Host-tidegate=[\w-]{43}; Path=/; Secure; HttpOnly; SameSite=Strict", cookie), cookie
    assert answer.json() == {"userName": user} and answer.headers["Cache-Control"] == "no-store"


def test_below_a_public_url_the_cookie_keeps_to_its_path(make_server):
    server = make_server("--public-url", "https://example.com/tide")
    make_user(server, "ada")
    browser = Browser(server)
    answer = browser.sign_in("ada", headers={"Origin": "https://example.com"})
    assert re.match(r"__Secure-tidegate=[\w-]{43}; Path=/tide/; Secure; HttpOnly; SameSite=Strict$", answer.headers["Set-Cookie"])
    assert browser.ask("/session").json()["signedIn"]
    assert browser.sign_in("ada", headers={"Origin": "https://example.org"}).status_code == 403
    assert browser.ask("/session", headers={"Cookie": browser.cookie.replace("__Secure-", "__Host-")}).json()["signedIn"] is False
    straight = Browser(server).sign_in("ada").headers["Set-Cookie"]
    assert re.match(r"__Secure-tidegate=[\w-]{43}; Path=/; ", straight), "straight at the listener"
    server.stop()


@pytest.mark.parametrize("how", ["sign-out", "another sign-in", "password", "operator's password", "disable"])
def test_what_ends_a_session_ends_its_keys_at_once_and_for_good(live, user, how):
    browser, bystander = signed_in(live, user), signed_in(live, make_user(live, f"{user}-bystander"))
    old, keys = browser.cookie, browser.fetch_keys()
    client = browser.appflow()
    client.list_flows()
    bystander.appflow().list_flows()
    assert keys["accessKeyId"] in key_rows(live)
    if how == "sign-out":
        answer = browser.ask("/session/sign-out", {})
        assert (answer.status_code, answer.json()) == (200, {})
        assert "__Host-tidegate=; Max-Age=0; Path=/;" in answer.headers["Set-Cookie"]
    elif how == "another sign-in":
        assert browser.sign_in(user).status_code == 200
    elif how == "password":
        answer = browser.ask("/session/password", {"currentPassword": PASSWORD, "newPassword": OTHER})
        assert (answer.status_code, answer.json()) == (200, {})
        assert browser.cookie != old
    elif how == "operator's password":
        assert live.tidegate("user", "password", user, "--password", "-", stdin=OTHER).code == 0
    else:
        assert live.tidegate("user", "disable", user).code == 0
    assert refused(client) == UNKNOWN
    assert keys["accessKeyId"] not in key_rows(live)
    stale = Browser(live)
    stale.cookie = old
    assert error_of(stale.ask("/session/keys", {}))[:2] == (401, "AccessDeniedException")
    assert stale.ask("/session").json()["signedIn"] is False
    if how == "password":
        browser.fetch_keys()
        assert browser.appflow().list_flows()["flows"] is not None, "the one who changed it goes on"
    assert bystander.appflow().list_flows()["flows"] is not None
    works = {"sign-out": PASSWORD, "another sign-in": PASSWORD, "disable": None}.get(how, OTHER)
    for password in (PASSWORD, OTHER):
        assert Browser(live).sign_in(user, password).status_code == (200 if password == works else 401), password


def test_an_idle_session_ends_and_use_keeps_it(make_server):
    server = make_server("--session-idle-minutes", "0.05")
    make_user(server, "ada")
    idle, busy = signed_in(server, "ada"), signed_in(server, "ada")
    client, keys = idle.appflow(), idle.keys
    assert keys["idleMinutes"] == pytest.approx(0.05)
    busy.fetch_keys()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        busy.appflow().list_flows()
        time.sleep(0.25)
    assert keys["accessKeyId"] not in key_rows(server), "swept without anybody asking"
    assert refused(client) == UNKNOWN
    assert idle.ask("/session/keys", {}).status_code == 401
    assert busy.appflow().list_flows()["flows"] is not None
    server.stop()


def test_sessions_and_their_keys_outlive_a_restart(make_server):
    server = make_server()
    make_user(server, "ada")
    browser, gone = signed_in(server, "ada"), signed_in(server, "ada")
    browser.fetch_keys()
    gone.fetch_keys()
    gone.ask("/session/sign-out", {})
    server.restart(kill=True)
    assert browser.appflow().list_flows()["flows"] is not None
    assert refused(gone.appflow(cookie=browser.cookie)) == UNKNOWN
    server.stop()


def test_guessing_locks_out_even_the_right_password_for_a_while(make_server):
    server = make_server()
    make_user(server, "ada")
    make_user(server, "bob")
    for name in ("ada", "nobody"):
        wrong = [error_of(Browser(server).sign_in(name, f"wrong password {n}")) for n in range(5)]
        assert set(wrong) == {(401, "AccessDeniedException", "The user name or password is wrong.")}
    for name, password in (("ada", PASSWORD), ("nobody", PASSWORD)):
        answer = Browser(server).sign_in(name, password)
        assert error_of(answer)[:2] == (429, "TooManyRequestsException"), "no telling who exists"
        wait = int(answer.headers["Retry-After"])
        assert 1 <= wait <= 6 and f"{wait} seconds" in answer.json()["message"]
    assert Browser(server).sign_in("bob").status_code == 200, "others are not kept out"
    time.sleep(wait)
    assert Browser(server).sign_in("ada", "wrong once more").status_code == 401
    answer = Browser(server).sign_in("ada")
    assert answer.status_code == 429 and 6 < int(answer.headers["Retry-After"]) <= 11, "each lock is longer"
    time.sleep(int(answer.headers["Retry-After"]))
    assert Browser(server).sign_in("ada").status_code == 200
    assert [Browser(server).sign_in("ada", "wrong password").status_code for _ in range(5)] == [401] * 5, "counted anew"
    server.stop()


def test_right_passwords_at_once_all_sign_in(live, user):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert [answer.status_code for answer in pool.map(lambda _: Browser(live).sign_in(user), range(8))] == [200] * 8


def test_guesses_at_once_are_counted_like_one_after_the_other(make_server):
    server = make_server()
    make_user(server, "ada")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = [answer.status_code for answer in pool.map(lambda n: Browser(server).sign_in("ada", f"wrong guess {n}"), range(16))]
    assert codes.count(401) == 5 and codes.count(429) == 11, codes
    server.stop()


def test_the_current_password_cannot_be_guessed_either(live, user):
    browser = signed_in(live, user)

    def change(current, new=OTHER):
        return error_of(browser.ask("/session/password", {"currentPassword": current, "newPassword": new}))

    status, error, message = change(PASSWORD, "short")
    assert (status, error) == (400, "ValidationException") and "12 characters" in message
    assert "must differ" in change(PASSWORD, PASSWORD)[2]
    assert "over and over" in change(PASSWORD, "x" * 20)[2] and "blanks" in change(PASSWORD, " \t" * 10)[2]
    assert [change("wrong password")[:2] for _ in range(5)] == [(400, "ValidationException")] * 5
    assert change(PASSWORD)[0] == 429


@pytest.mark.parametrize("path", ["/session/sign-in", "/session/keys", "/session/password", "/session/sign-out"])
@pytest.mark.parametrize("headers", [
    {},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "OWN", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "OWN", "Content-Type": "text/plain"},
    {"Origin": "OWN", "Content-Type": "application/x-www-form-urlencoded"},
])
def test_other_sites_pages_can_change_nothing(live, shared_session, path, headers):
    browser, user = shared_session
    headers = {name: live.url if value == "OWN" else value for name, value in headers.items()}
    body = {"userName": user, "password": PASSWORD, "currentPassword": PASSWORD, "newPassword": OTHER}
    answer = browser.ask(path, body, origin=False, headers=headers)
    assert error_of(answer)[:2] == (403, "AccessDeniedException") and "Set-Cookie" not in answer.headers
    assert browser.ask("/session/keys", {}, origin=False, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.fixture(scope="module")
def shared_session(live):
    name = make_user(live, "csrf")
    return signed_in(live, name), name


def test_bodies_that_do_not_fit_are_refused_without_being_quoted(live):
    browser = Browser(live)
    for body in ("{", "[]", "{}", '{"userName": "a"}', '{"userName": 1, "password": "canary-text"}', '"canary-text"'):
        answer = requests.post(live.url + "/session/sign-in", data=body, timeout=10,
                               headers={"Content-Type": "application/json", "Origin": live.url})
        assert error_of(answer)[:2] == (400, "SerializationException") and "canary" not in answer.text, body
    assert browser.ask("/session/sign-in", {"userName": "a", "password": "x" * 20000}).status_code == 413
    assert error_of(browser.ask("/session/sign-in", {"userName": "a", "password": "x" * 20000}))[1] == "RequestEntityTooLargeException"
    assert browser.ask("/session/nothing", {}).status_code in (403, 404)


@pytest.mark.parametrize("path", ["/session/keys", "/session/sign-out"])
def test_what_takes_no_input_refuses_some(live, user, path):
    browser = signed_in(live, user)
    headers = {"Content-Type": "application/json", "Origin": live.url, "Cookie": browser.cookie}
    for body in ('{"a": 1}', "[]", "null", "{", '""'):
        answer = requests.post(live.url + path, data=body, headers=headers, timeout=10)
        assert error_of(answer)[:2] == (400, "SerializationException"), body
    assert requests.post(live.url + path, data="", headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize("operation", [
    "create-access-key", "list-access-keys", "disable-access-key", "create-user", "set-user-password", "list-users",
    "disable-user", "rotate-vault", "describe-vault-rotation"])
def test_what_decides_who_may_come_in_needs_an_access_key(live, shared_session, operation):
    browser, _ = shared_session
    keys = browser.keys or browser.fetch_keys()
    answer = live.raw(f"/x/{operation}", {}, key=keys["accessKeyId"], secret=keys["secretAccessKey"],
                      headers={"Cookie": browser.cookie, "X-Amz-Security-Token": keys["sessionToken"]})
    status, error, message = error_of(answer)
    assert (status, error) == (403, "AccessDeniedException") and "sign with an access key" in message


def test_other_extensions_are_open_to_sessions(live, shared_session):
    browser, _ = shared_session
    keys = browser.keys or browser.fetch_keys()
    answer = live.raw("/x/describe-connector-profile-usage", {"connectorProfileName": "nothing"}, key=keys["accessKeyId"],
                      secret=keys["secretAccessKey"],
                      headers={"Cookie": browser.cookie, "X-Amz-Security-Token": keys["sessionToken"]})
    assert error_of(answer)[1] != "AccessDeniedException"


def test_keys_of_sessions_are_nobodys_to_list_or_disable(live, shared_session):
    browser, _ = shared_session
    key = browser.fetch_keys()["accessKeyId"]
    assert key not in live.tidegate("key", "list").out
    assert live.tidegate("key", "disable", key).code == 1
    first = key
    for _ in range(20):
        browser.fetch_keys()
    assert first not in key_rows(live), "a session has 20 keys at most"
    assert browser.appflow().list_flows()["flows"] is not None


def test_users_are_made_listed_and_disabled_on_the_command_line(live, name):
    made = live.tidegate("user", "create", name)
    assert made.code == 0 and "Shown once" in made.out
    password = re.search(r"^password: (\S+)$", made.out, re.M)[1]
    assert re.fullmatch(r"([a-z2-9]{5}-){3}[a-z2-9]{5}", password)
    assert Browser(live).sign_in(name, password).status_code == 200
    listed = live.tidegate("user", "list", "--output", "json").json["users"]
    entry = next(user for user in listed if user["userName"] == name)
    assert set(entry) == {"userName", "status", "createdAt", "lastSignedInAt"} and entry["status"] == "Active"
    again = live.tidegate("user", "create", name)
    assert again.code == 1 and f"tidegate user password {name}" in again.err
    new = live.tidegate("user", "password", name, "--output", "json").json
    assert new["userName"] == name and new["password"] != password
    assert Browser(live).sign_in(name, new["password"]).status_code == 200
    assert live.tidegate("user", "disable", name).out == f"{name} is disabled.\n"
    assert re.search(rf"^{name} +Disabled ", live.tidegate("user", "list").out, re.M)
    assert Browser(live).sign_in(name, new["password"]).status_code == 401
    assert live.tidegate("user", "password", name, "--password", "-", stdin=PASSWORD).code == 0
    assert Browser(live).sign_in(name).status_code == 200, "an operator's password admits again"
    assert live.tidegate("user", "disable", "nobody-at-all").code == 1


@pytest.mark.parametrize("arguments,stdin,told", [
    (("a b",), None, "1 to 64"),
    (("ada", "--password", "-"), "short\n", "12 characters"),
    (("ada", "--password", "-"), "a good long password\nanother line\n", "more than one line"),
    (("ada", "--password", "-"), "a good long password\n\n", "more than one line"),
    (("ada", "--password", "hunter2-hunter2"), None, "not taken as an argument"),
    (("ada", "--password", "prompt"), "", "no terminal"),
])
def test_users_that_cannot_be_made(live, arguments, stdin, told):
    made = live.tidegate("user", "create", *arguments, stdin=stdin)
    assert made.code == 1 and told in made.err, made.err


def test_passwords_tokens_and_keys_lie_nowhere(make_server):
    server = make_server(TIDEGATE_LOG="debug")
    make_user(server, "ada")
    browser = signed_in(server, "ada")
    keys = browser.fetch_keys()
    browser.appflow().list_flows()
    Browser(server).sign_in("ada", "canary wrong 5d5d")
    Browser(server).sign_in("canary name 6e6e", PASSWORD)
    answers = [browser.ask("/session").text, server.tidegate("user", "list", "--output", "json").out]
    token = browser.cookie.split("=")[1]
    assert browser.ask("/session/password", {"currentPassword": PASSWORD, "newPassword": OTHER}).status_code == 200
    second = browser.cookie.split("=")[1]
    found = b"".join(file.read_bytes() for file in server.data_dir.iterdir() if file.is_file() and file.name != "keyring")
    found += server.log().encode() + "".join(answers).encode()
    assert b"ada" in found
    for secret in (PASSWORD, OTHER, "canary wrong 5d5d", "canary name 6e6e", "$argon2id$", token, second, keys["secretAccessKey"],
                   keys["sessionToken"]):
        assert secret.encode() not in found, secret
    server.stop()

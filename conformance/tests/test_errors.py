"""What a server must survive and answer: broken bodies, foreign signatures, unknown members."""

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest
from support.server import error_of

LIST = "/list-flows"


@pytest.fixture(autouse=True)
def unharmed(live):
    """After each of these the server answers as before."""
    yield
    assert live.boto().list_flows() is not None


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"{'a': 1}", b'{"flowName": }', b"\x00", b'{"a": 1} x',
                                  b"[" * 100_000, b'{"a":' * 100_000])
def test_a_body_that_is_no_json_object(live, body):
    status, name, message = error_of(live.raw("/describe-flow", body))
    assert (status, name) == (400, "SerializationException"), message
    assert message


@pytest.mark.parametrize("value", [1, True, ["a"], {"a": 1}, 1.5])
def test_a_member_of_the_wrong_type(live, value):
    status, name, message = error_of(live.raw("/describe-flow", {"flowName": value}))
    assert (status, name) == (400, "SerializationException"), message
    assert "flowName" in message


@pytest.mark.parametrize("body", [b'{"flowName": "\xff\xfe"}', b'{"flowName": "\xed\xa0\x80"}', b"\xef\xbb\xbf{}\xc0"])
def test_a_body_that_is_not_utf8(live, body):
    status, name, message = error_of(live.raw("/describe-flow", body))
    assert (status, name) == (400, "SerializationException"), message


def test_a_lone_surrogate_does_not_pass(live):
    status, _, _ = error_of(live.raw("/describe-flow", b'{"flowName": "\\ud800"}'))
    assert status == 400


def test_a_null_is_an_absent_member(live):
    status, name, message = error_of(live.raw("/describe-flow", {"flowName": None}))
    assert (status, name) == (400, "ValidationException") and "must not be null" in message


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 3 * 1024 * 1024])
def test_a_body_over_one_mebibyte(live, size):
    body = b'{"a": "' + b"x" * (size - 9) + b'"}'
    assert len(body) == size
    status, name, message = error_of(live.raw(LIST, body))
    assert status == 413 and name.startswith("RequestEntityTooLarge"), message


def test_a_body_of_one_mebibyte_is_read(live):
    body = b'{"a": "' + b"x" * (1024 * 1024 - 9) + b'"}'
    assert live.raw(LIST, body).status_code == 200


def test_unknown_members_are_ignored(live):
    answer = live.raw(LIST, {"maxResults": 5, "somethingNew": {"deep": [1, 2, {"x": None}]}})
    assert answer.status_code == 200


def test_an_empty_body_is_an_empty_object(live):
    assert live.raw(LIST, b"").status_code == 200


@pytest.mark.parametrize("results,rule", [(0, "greater than or equal to 1"), (101, "less than or equal to 100")])
def test_a_page_size_out_of_range(live, results, rule):
    status, name, message = error_of(live.raw(LIST, {"maxResults": results}))
    assert (status, name) == (400, "ValidationException")
    assert f"Value '{results}' at 'maxResults' failed to satisfy constraint: Member must have value {rule}" in message


# Signatures.

def refused(server, **how):
    status, name, message = error_of(server.raw(LIST, **how))
    assert status == 403, message
    return name, message


def test_an_unsigned_request(live):
    assert refused(live, sign=False)[0] == "MissingAuthenticationTokenException"


def test_a_wrong_secret(live):
    name, message = refused(live, secret="wrong")
    assert name == "InvalidSignatureException" and "does not match" in message


def test_an_unknown_key(live):
    assert refused(live, key="AKIANOBODYKNOWSTHIS0")[0] == "UnrecognizedClientException"


@pytest.mark.parametrize("seconds,ok", [(-240, True), (240, True), (-400, False), (400, False), (-86_400, False)])
def test_the_clock_may_differ_by_five_minutes(live, seconds, ok):
    answer = live.raw(LIST, at=seconds)
    if ok:
        assert answer.status_code == 200, answer.text
    else:
        status, name, message = error_of(answer)
        assert (status, name) == (403, "InvalidSignatureException")
        assert ("Signature expired" if seconds < 0 else "not yet current") in message


@pytest.mark.parametrize("how", [{"region": "eu-west-1"}, {"service": "s3"}])
def test_a_signature_for_something_else(live, how):
    name, message = refused(live, **how)
    assert name == "InvalidSignatureException" and "scope" in message.lower()


def test_a_body_changed_on_the_way(live):
    def change(request):
        request.headers["X-Amz-Content-SHA256"] = "0" * 64
    assert live.raw(LIST, change=change).status_code in (200, 403)
    signed = live.raw("/describe-flow", {"flowName": "nobody"})
    assert signed.status_code == 404
    body = json.dumps({"flowName": "somebody"}).encode()

    def other(request):
        del request.headers["Authorization"]
        good = signed.request.headers
        for name in ("Authorization", "X-Amz-Date"):
            request.headers[name] = good[name]
    status, name, _ = error_of(live.raw("/describe-flow", body, change=other))
    assert (status, name) == (403, "InvalidSignatureException")


@pytest.mark.parametrize("text", ["", "AWS4-HMAC-SHA256", "Basic abc", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256 " + "x" * 9000,
                                  "AWS4-HMAC-SHA256 Credential=AKIA/20200101/us-east-1/appflow/aws4_request, SignedHeaders=host, Signature=zz"])
def test_an_authorization_that_cannot_be_read(live, text):
    def change(request):
        del request.headers["Authorization"]
        request.headers["Authorization"] = text
    answer = live.raw(LIST, change=change)
    assert answer.status_code in (400, 403, 431), answer.text


def test_bytes_that_are_no_http(live):
    url = urlsplit(live.url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as line:
        line.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)))
        line.settimeout(10)
        try:
            answer = line.recv(1000)
        except ConnectionResetError:
            answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_a_body_that_never_arrives_whole(live):
    url = urlsplit(live.url)
    half = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    half.putrequest("POST", LIST)
    half.putheader("Content-Length", "1000")
    half.endheaders(b'{"a"')
    half.close()


def test_the_answer_carries_a_request_id_and_the_type(live):
    answer = live.raw("/describe-flow", {"flowName": "nobody"})
    assert answer.status_code == 404
    assert answer.headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert answer.headers["x-amzn-RequestId"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert list(answer.json()) == ["message"]


def test_the_operators_pages(live):
    import requests
    for page in ("/healthz", "/readyz", "/metrics"):
        assert requests.get(live.url + page, timeout=10).status_code == 200, page

"""What botocore signs is let in; changed in one place on its way, it is refused.

The requests go out through `http.client` exactly as they were signed: a client library
would tidy up paths and headers. Cases are drawn from a fixed seed, so a failure repeats.
"""

import hashlib
import http.client
import json
import random
import string
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from support.server import ACCESS_KEY_ID, REGION, SECRET

CASES = 300
SEED = 20200823
# Reading operations only, so that no case changes what another one sees.
POSTS = ["/list-flows", "/list-connectors", "/describe-connectors", "/describe-connector-profiles"]
REFUSALS = {
    "IncompleteSignatureException", "InvalidSignatureException", "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
}


@dataclass
class Wire:
    """A request as it goes over the wire."""

    method: str
    path: str
    query: str = ""
    headers: list = field(default_factory=list)
    body: bytes = b""

    @property
    def target(self):
        return self.path + ("?" + self.query if self.query else "")

    def value(self, name):
        return next(value for key, value in self.headers if key.lower() == name)

    def with_header(self, name, value):
        """This request with one header replaced, or left out if the value is None."""
        kept = [(key, old) for key, old in self.headers if key.lower() != name]
        return replace(self, headers=kept if value is None else [*kept, (name, value)])

    def shuffled(self, rng):
        """The same headers in another order; values of one name keep theirs."""
        names = sorted({name for name, _ in self.headers})
        rng.shuffle(names)
        return replace(self, headers=sorted(self.headers, key=lambda header: names.index(header[0])))

    def send(self, url):
        """(status, error name, message) of the answer."""
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        try:
            connection.putrequest(self.method, self.target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers:
                connection.putheader(name, value)
            connection.putheader("content-length", str(len(self.body)))
            connection.endheaders(self.body)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        name = (answer.getheader("x-amzn-errortype") or "").split(":")[0]
        return answer.status, name, text.decode("utf-8", "replace")


def sign(wire, url, *, key=ACCESS_KEY_ID, secret=SECRET, token=None, region=REGION, service="appflow", sign_body=True):
    """The request with botocore's headers; its own `host` is among the signed ones."""
    request = AWSRequest(wire.method, url + wire.target, data=wire.body)
    for name, value in wire.headers:
        request.headers.add_header(name, value)
    request.context["payload_signing_enabled"] = sign_body
    SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    return replace(wire, headers=[*request.headers.items(), ("host", urlsplit(url).netloc)])


def text(rng, letters, least, most):
    return "".join(rng.choices(letters, k=rng.randint(least, most)))


def any_text(rng):
    """Text as people write it: letters, reserved characters, other scripts."""
    return text(rng, string.ascii_letters + string.digits + " -_.~:/?#[]@!$&'()*+,;=%\"<>äß€漢🦀", 1, 12)


def encoded(value):
    return quote(value, safe="-_.~")


def a_path(rng):
    if rng.random() < 0.5:
        return "POST", rng.choice(POSTS)
    name = any_text(rng).strip(".") or "a"
    arn = f"arn:aws:appflow:{REGION}:000000000000:flow/{name}"
    # botocore encodes the whole ARN; other clients leave the colons as they are.
    segment = encoded(arn) if rng.random() < 0.5 else quote(arn, safe="-_.~:")
    return "GET", f"/tags/{segment}"


def a_query(rng):
    pairs = [encoded(any_text(rng)) + rng.choice(["", "=", "=" + encoded(any_text(rng))]) for _ in range(rng.randint(0, 4))]
    return "&".join(pairs)


def a_header(rng):
    name = rng.choice(["X-Amz-Meta-" + text(rng, string.ascii_letters, 1, 4), "My-" + text(rng, string.ascii_letters, 1, 4),
                       "X-Amz-User-Agent", "amz-sdk-request", "Accept"])
    return name, text(rng, string.ascii_letters + string.digits + "   ,;=/+\"", 0, 20)


def a_body(rng):
    return rng.choice([b"", b"{}", json.dumps({"maxResults": 1, any_text(rng): any_text(rng)}).encode(), rng.randbytes(40)])


@dataclass
class Case:
    wire: Wire
    sign_body: bool


def cases():
    rng = random.Random(SEED)
    for _ in range(CASES):
        method, path = a_path(rng)
        headers = [("Content-Type", "application/json"), *(a_header(rng) for _ in range(rng.randint(0, 4)))]
        wire = Wire(method, path, a_query(rng), headers, a_body(rng))
        sign_body = rng.random() < 0.75
        if sign_body and rng.random() < 0.3:
            wire.headers.append(("X-Amz-Content-SHA256", hashlib.sha256(wire.body).hexdigest()))
        yield Case(wire, sign_body)


def flipped(rng, value):
    """A hexadecimal text with one digit changed."""
    at = rng.randrange(len(value))
    return value[:at] + rng.choice([c for c in "0123456789abcdef" if c != value[at]]) + value[at + 1:]


def changes(rng, case, signed, url):
    """All ways to spoil this request, each one still leading to an operation."""
    authorization = signed.value("authorization")
    before, signature = authorization.split("Signature=")
    other_path = signed.path + "x" if signed.path.startswith("/tags/") else rng.choice([p for p in POSTS if p != signed.path])
    date = signed.value("x-amz-date")
    second = str((int(date[13:15]) + 1) % 60).zfill(2)
    name = rng.choice([key for key, _ in case.wire.headers]).lower()
    query = f"{signed.query}&x=1" if signed.query else "x"
    yield "path", replace(signed, path=other_path)
    yield "query", replace(signed, query=query)
    if signed.method == "GET":
        yield "method", replace(signed, method="DELETE")
    if case.sign_body:
        yield "body", replace(signed, body=signed.body + b" ")
    yield "date", signed.with_header("x-amz-date", date[:13] + second + "Z")
    yield "no date", signed.with_header("x-amz-date", None)
    yield f"header {name}", signed.with_header(name, signed.value(name) + "x")
    yield f"no header {name}", signed.with_header(name, None)
    yield "header twice", replace(signed, headers=[*signed.headers, (name, "x")])
    yield "host", signed.with_header("host", "elsewhere.test")
    yield "added x-amz- header", replace(signed, headers=[*signed.headers, ("x-amz-added", "x")])
    yield "added session token", replace(signed, headers=[*signed.headers, ("x-amz-security-token", "x")])
    yield "signature", signed.with_header("authorization", f"{before}Signature={flipped(rng, signature)}")
    yield "signed headers", signed.with_header("authorization", authorization.replace("content-type;", ""))
    yield "key id", signed.with_header("authorization", authorization.replace(ACCESS_KEY_ID, "AKIASOMEBODYELSE0000"))
    yield "no authorization", signed.with_header("authorization", None)
    yield "secret", sign(case.wire, url, secret=SECRET + "x", sign_body=case.sign_body)
    yield "token", sign(case.wire, url, token="permanent keys have none", sign_body=case.sign_body)
    yield "region", sign(case.wire, url, region="eu-west-1", sign_body=case.sign_body)
    yield "service", sign(case.wire, url, service="s3", sign_body=case.sign_body)


def test_what_botocore_signs_is_accepted(live):
    for number, case in enumerate(cases()):
        signed = sign(case.wire, live.url, sign_body=case.sign_body)
        status, name, message = signed.shuffled(random.Random(number)).send(live.url)
        assert status != 403 and name not in REFUSALS, f"case {number}: {case} got {status} {name}: {message}"


def test_one_change_and_it_is_refused(live):
    """Three of the changes for each case, which makes nine hundred requests."""
    seen = set()
    for number, case in enumerate(cases()):
        signed = sign(case.wire, live.url, sign_body=case.sign_body)
        rng = random.Random(number)
        for what, changed in rng.sample(list(changes(rng, case, signed, live.url)), 3):
            status, name, message = changed.send(live.url)
            assert status == 403 and name in REFUSALS, f"case {number}, {what}: {changed} got {status} {name}: {message}"
            assert signed.value("authorization").split("Signature=")[1] not in message
            seen.add(what.split(" ")[0])
    assert {"path", "query", "method", "body", "date", "header", "host", "signature", "key", "secret", "token"} <= seen


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        ({"secret": "x"}, "InvalidSignatureException", "The request signature we calculated does not match"),
        ({"region": "eu-west-9"}, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-west-9'."),
        ({"service": "s3"}, "InvalidSignatureException", "Credential should be scoped to correct service: 'appflow'."),
        ({"key": "AKIANOBODY0000000000"}, "UnrecognizedClientException", "The security token included in the request is invalid."),
        ({"token": "x"}, "UnrecognizedClientException", "The security token included in the request is invalid."),
    ],
)
def test_a_refusal_says_why(live, change, name, message):
    wire = sign(Wire("POST", "/list-flows", body=b"{}"), live.url, **change)
    status, got, answer = wire.send(live.url)
    assert (status, got) == (403, name)
    assert message in json.loads(answer)["message"]

"""A proxy in front of an S3 endpoint that lets chosen requests go wrong."""

import http.client
import threading
from urllib.parse import parse_qs, urlsplit

from .peer import Peer, body_of

SLOW_DOWN = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
INTERNAL = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>'
DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
NO_UPLOAD = b'<?xml version="1.0"?><Error><Code>NoSuchUpload</Code><Message>The specified upload does not exist.</Message></Error>'


def kind_of(method, path):
    """What a request wants, by the names that faults go by."""
    asked = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if method == "GET":
        return "list" if "list-type" in asked else "get"
    if method == "POST":
        return "create" if "uploads" in asked else "complete"
    if method == "PUT":
        return "part" if "partNumber" in asked else "put"
    return {"HEAD": "head", "DELETE": "abort"}.get(method, method)


class Faulty(Peer):
    """Passes every request on to `upstream` (host, port), unless a fault of `faults` is for it.

    A fault is a dictionary: `of`, a text in the request's target; `kind`; `do`; `times`, after which it is over (None
    never ends); `skip`, how many such requests go well before. `do` is one of
      busy (503 SlowDown), broken (500), denied (403), cut (no answer at all), hang (no answer, and the connection stays);
      told-broken, told-cut: it is carried out, and the answer is 500 or none;
      error-in-200: it is not carried out, and S3's odd answer of status 200 with an error in it;
      torn: the answer's body ends half way; stall: it stays away from there on, and the connection stays; etag: the answer has another ETag."""

    def __init__(self, upstream):
        self.upstream, self.faults, self.seen, self.turns = upstream, [], [], {}
        self.lock = threading.Lock()
        super().__init__()

    def fault(self, of, kind, do, times=None, skip=0):
        with self.lock:
            self.faults.append({"of": of, "kind": kind, "do": do, "times": times, "skip": skip, "met": 0})
            return self.faults[-1]

    def clear(self):
        with self.lock:
            self.faults.clear()

    def _next(self, target, kind):
        with self.lock:
            self.seen.append((kind, target))
            for fault in self.faults:
                if fault["kind"] != kind or fault["of"] not in target or fault["times"] == 0:
                    continue
                if fault["skip"]:
                    fault["skip"] -= 1
                    continue
                fault["met"] += 1
                if fault["times"] is not None:
                    fault["times"] -= 1
                return fault["do"]
        return None

    def handle(self, http_):
        try:
            self.carry_out(http_)
        except OSError:
            # The caller is gone; what it has asked for is carried out.
            http_.close_connection = True

    def carry_out(self, http_):
        body = body_of(http_)
        do = self._next(http_.path, kind_of(http_.command, http_.path))
        if do in ("busy", "broken", "denied", "error-in-200"):
            status, text = {"busy": (503, SLOW_DOWN), "broken": (500, INTERNAL), "denied": (403, DENIED), "error-in-200": (200, INTERNAL)}[do]
            return self.answer(http_, status, [("Content-Type", "application/xml")], text)
        if do == "cut":
            return self.cut(http_)
        if do == "hang":
            return self.wait_for_the_caller_to_go(http_)
        # The signature covers the host that the client saw, so that header stays as it is.
        upload = parse_qs(urlsplit(http_.path).query).get("uploadId", [http_])[0]
        with self.lock:
            turn = self.turns.setdefault(upload, threading.Lock()) if isinstance(upload, str) else threading.Lock()
        # One after the other: a part that comes while its upload is aborted would otherwise outlive it at this endpoint.
        with turn:
            answer, content = self.pass_on(http_, body)
        if answer.status == 403 and "uploadId=" in http_.path:
            # This endpoint's word for an upload that is not there; S3 has another.
            return self.answer(http_, 404, [("Content-Type", "application/xml")], NO_UPLOAD)
        if do == "told-broken":
            return self.answer(http_, 500, [("Content-Type", "application/xml")], INTERNAL)
        if do == "told-cut":
            return self.cut(http_)
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in ("transfer-encoding", "connection", "content-length")]
        if do == "etag":
            kept = [(n, '"0123456789abcdef0123456789abcdef"' if n.lower() == "etag" else v) for n, v in kept]
        length = answer.getheader("Content-Length") if http_.command == "HEAD" else str(len(content))
        self.answer(http_, answer.status, kept, content[: len(content) // 2] if do in ("torn", "stall") else content, length)
        if do == "torn":
            self.cut(http_)
        if do == "stall":
            self.wait_for_the_caller_to_go(http_)

    def pass_on(self, http_, body):
        client = http.client.HTTPConnection(*self.upstream, timeout=60)
        headers = {name: value for name, value in http_.headers.items() if name.lower() != "connection"}
        client.request(http_.command, http_.path, body=body, headers=headers)
        answer = client.getresponse()
        content = answer.read()
        client.close()
        return answer, content

    @staticmethod
    def answer(http_, status, headers, content, length=None):
        http_.send_response(status)
        for name, value in headers:
            if name.lower() not in ("server", "date"):
                http_.send_header(name, value)
        http_.send_header("Content-Length", length or str(len(content)))
        http_.end_headers()
        if http_.command != "HEAD":
            http_.wfile.write(content)

    @staticmethod
    def wait_for_the_caller_to_go(http_):
        """Says nothing more until whoever has asked gives up; longer than any test waits if nobody does."""
        http_.close_connection = True
        http_.wfile.flush()
        http_.connection.settimeout(600)
        http_.connection.recv(1)

    @staticmethod
    def cut(http_):
        http_.close_connection = True
        http_.wfile.flush()
        http_.connection.close()

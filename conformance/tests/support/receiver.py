"""A webhook receiver: keeps what is posted to it, and answers as it is told to."""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "whsec_" + base64.b64encode(b"a secret of the receiver's, 32 b").decode()


class Receiver:
    """Each request takes the next status of `answers`; after the last of them, `then`."""

    def __init__(self, *answers, then=204, port=0):
        self.answers, self.then = list(answers), then
        self.tries = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    status = receiver.answers.pop(0) if receiver.answers else receiver.then
                    receiver.tries.append((status, dict(self.headers.items()), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.lock = threading.Lock()
        self.http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook?token=in-the-url"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def env(self):
        return {"TIDEGATE_WEBHOOK_URL": self.url, "TIDEGATE_WEBHOOK_SECRET": SECRET}

    def events(self):
        """What it has accepted, each checked to be signed, and by its time."""
        for _, headers, body in self.tries:
            check(headers, body)
        return [json.loads(body) for status, _, body in self.tries if status < 300]

    def wait(self, count, seconds=30):
        end = time.monotonic() + seconds
        while len(self.events()) < count:
            assert time.monotonic() < end, f"{len(self.tries)} tries, {len(self.events())} of {count} accepted"
            time.sleep(0.02)
        return self.events()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()


def check(headers, body):
    """As any library of Standard Webhooks does it."""
    given = {name.lower(): value for name, value in headers.items()}
    assert abs(int(given["webhook-timestamp"]) - time.time()) < 300
    signed = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{right}" in given["webhook-signature"].split(" ")
    assert given["webhook-id"] == json.loads(body)["id"]

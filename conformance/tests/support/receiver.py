"""A webhook receiver: keeps what is posted to it, and answers as it is told to."""

import base64
import hashlib
import hmac
import json
import threading
import time

from .peer import Peer, body_of
from .process import wait_until

SECRET = "whsec_" + base64.b64encode(b"a secret of the receiver's, 32 b").decode()


class Receiver(Peer):
    """Each request takes the next status of `answers`; after the last of them, `then`."""

    def __init__(self, *answers, then=204):
        self.answers, self.then = list(answers), then
        self.tries = []
        self.lock = threading.Lock()
        super().__init__()
        self.url += "/hook?token=in-the-url"

    def handle(self, http):
        body = body_of(http)
        with self.lock:
            status = 405 if http.command != "POST" else self.answers.pop(0) if self.answers else self.then
            self.tries.append((status, dict(http.headers.items()), body))
        http.send_response(status)
        http.send_header("Content-Length", "0")
        http.end_headers()

    def env(self):
        return {"TIDEGATE_WEBHOOK_URL": self.url, "TIDEGATE_WEBHOOK_SECRET": SECRET}

    def events(self):
        """What it has accepted, each checked to be signed, and by its time."""
        for _, headers, body in self.tries:
            check(headers, body)
        return [json.loads(body) for status, _, body in self.tries if status < 300]

    def wait(self, count, seconds=30):
        wait_until(lambda: len(self.events()) >= count, seconds=seconds)
        return self.events()


def check(headers, body):
    """As any library of Standard Webhooks does it."""
    given = {name.lower(): value for name, value in headers.items()}
    assert abs(int(given["webhook-timestamp"]) - time.time()) < 300
    signed = f"{given['webhook-id']}.{given['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert f"v1,{right}" in given["webhook-signature"].split(" ")
    assert given["webhook-id"] == json.loads(body)["id"]

"""A browser of the console, as far as the server can tell: its cookie, its origin, its keys."""

import json
import re

import boto3
import requests
from botocore.config import Config

from .server import REGION

PASSWORD = "canary correct horse 41c9"


class Browser:
    """Keeps the cookie that the server sets; Python's own jar would not send it over http."""

    def __init__(self, server):
        self.server, self.cookie, self.keys = server, None, None

    def ask(self, path, body=None, method=None, headers=None, origin=True):
        given = {"Content-Type": "application/json"} if body is not None else {}
        if body is not None and origin:
            given["Origin"] = self.server.url
        if self.cookie:
            given["Cookie"] = f"theme=dark; {self.cookie}"
        given.update(headers or {})
        answer = requests.request(method or ("GET" if body is None else "POST"), self.server.url + path,
                                  data=None if body is None else json.dumps(body), headers=given, timeout=60,
                                  allow_redirects=False)
        for value in answer.raw.headers.getlist("Set-Cookie"):
            found = re.match(r"(__Host-tidegate|__Secure-tidegate)=([^;]*)", value)
            if found:
                self.cookie = f"{found[1]}={found[2]}" if found[2] else None
        return answer

    def sign_in(self, name, password=PASSWORD, **how):
        return self.ask("/session/sign-in", {"userName": name, "password": password}, **how)

    def fetch_keys(self):
        answer = self.ask("/session/keys", {})
        assert answer.status_code == 200, answer.text
        self.keys = answer.json()
        return self.keys

    def appflow(self, keys=None, cookie=None):
        """The SDK with the session's keys; `cookie` is sent as it is, none if it is empty."""
        keys = keys or self.keys or self.fetch_keys()
        client = boto3.client(
            "appflow", endpoint_url=self.server.url, region_name=REGION, aws_access_key_id=keys["accessKeyId"],
            aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys["sessionToken"],
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
        sent = self.cookie if cookie is None else cookie

        def add(request, **_):
            if sent:
                request.headers["Cookie"] = sent

        client.meta.events.register("before-sign.appflow.*", add)
        return client


def make_user(server, name, password=PASSWORD):
    made = server.tidegate("user", "create", name, "--password", "-", stdin=password + "\n")
    assert made.code == 0, made.err
    return name


def signed_in(server, name, password=PASSWORD):
    browser = Browser(server)
    answer = browser.sign_in(name, password)
    assert answer.status_code == 200, answer.text
    return browser

"""A running tidegate, and the clients that talk to it."""

import contextlib
import datetime
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import boto3
import botocore.auth
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from .process import Process, wait_until

ROOT = Path(__file__).resolve().parents[3]
ACCESS_KEY_ID = "AKIACONFORMANCETEST0"
SECRET = "conformance/secret+access=key/0123456789"
REGION = "us-east-1"
ACCOUNT = "000000000000"


def binary():
    """The program under test."""
    named = os.environ.get("TIDEGATE_BIN")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return Path(named) if named else target / "debug" / "tidegate"


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


class Server:
    """`tidegate serve` on a free port over one data folder; it can be restarted over the same."""

    def __init__(self, data_dir, *options, env=None):
        self.data_dir = Path(data_dir)
        self.options = options
        self.extra = env or {}
        self.logs, self.outputs = [], []
        self.process = None
        self.start()

    def env(self):
        """A clean environment: nothing of the user's AWS set-up leaks in."""
        home = self.data_dir.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TMPDIR", "LLVM_PROFILE_FILE")}
        return {**kept, "HOME": str(home), "LANG": kept.get("LANG", "C.UTF-8")}

    def client_env(self):
        return {
            **self.env(), "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
            "AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
        }

    # Its life.

    def start(self):
        command = [str(binary()), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(self.data_dir), *self.options]
        env = {**self.env(), "TIDEGATE_ACCESS_KEY_ID": ACCESS_KEY_ID, "TIDEGATE_SECRET_ACCESS_KEY": SECRET, **self.extra}
        self.process = Process(command, r"^tidegate listening on (http://\S+)$", env, cwd=self.data_dir.parent)
        self.url = self.process.url

    def _ended(self):
        self.logs.append(self.process.log())
        self.outputs.append("".join(self.process.lines))

    def stop(self):
        code = self.process.terminate()
        self._ended()
        return code

    def kill(self):
        self.process.kill()
        self._ended()

    def restart(self, kill=False):
        self.kill() if kill else self.stop()
        self.start()

    def log(self):
        """All it ever wrote to stderr."""
        return "".join(self.logs) + self.process.log()

    # Its clients.

    def boto(self, service="appflow", key=ACCESS_KEY_ID, secret=SECRET, region=REGION, **config):
        """A boto3 client that sends whatever it is told to, once."""
        return boto3.client(
            service, endpoint_url=self.url, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret,
            config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, **config),
        )

    def aws(self, *arguments):
        """The AWS CLI, as a user calls it."""
        cli = Path(sys.executable).with_name("aws")
        return self._run([sys.executable, str(cli), "appflow", *arguments])

    def tidegate(self, *arguments, stdin=None):
        """Tidegate's own client commands."""
        return self._run([str(binary()), *arguments], stdin)

    def _run(self, command, stdin=None):
        done = subprocess.run(
            command, env=self.client_env(), input=stdin, capture_output=True, text=True, timeout=120,
            cwd=self.data_dir.parent,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def raw(self, path, body=b"{}", method="POST", *, sign=True, key=ACCESS_KEY_ID, secret=SECRET,
            region=REGION, service="appflow", at=None, headers=None, change=None):
        """One request, signed by botocore. `at` shifts the clock; `change(request)` tampers after signing."""
        if not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
        request = AWSRequest(method, self.url + path, data=body, headers={"Content-Type": "application/json", **(headers or {})})
        if sign:
            auth = SigV4Auth(Credentials(key, secret), service, region)
            if at is None:
                auth.add_auth(request)
            else:
                _signed_at(auth, request, at)
        if change:
            change(request)
        return requests.request(
            method, self.url + path, data=body, headers=dict(request.headers.items()), timeout=60
        )

    # What tests ask for again and again.

    def wait_for_run(self, flow, execution, seconds=120):
        """The record of a run that has ended."""
        client = self.boto()

        def ended():
            for run in client.describe_flow_execution_records(flowName=flow)["flowExecutions"]:
                if run["executionId"] == execution and run["executionStatus"] != "InProgress":
                    return run

        return wait_until(ended, self, seconds, pause=0.1)

    def metrics(self):
        """The lines of /metrics: what is counted, by its series."""
        lines = requests.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    def rows(self, sql, *values):
        """What the store says, read beside the server."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data_dir}/tidegate.db?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(sql, values).fetchall()

    def run(self, flow):
        return self.wait_for_run(flow, self.boto().start_flow(flowName=flow)["executionId"])


def _signed_at(auth, request, seconds):
    """Signs as a client whose clock is off by `seconds`."""
    moment = botocore.auth.get_current_datetime() + datetime.timedelta(seconds=seconds)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: moment):
        auth.add_auth(request)


def error_of(response):
    """(status, name, message) of an error answer."""
    name = response.headers.get("x-amzn-ErrorType", "").split(":")[0]
    try:
        message = response.json().get("message", "")
    except ValueError:
        message = response.text
    return response.status_code, name, message

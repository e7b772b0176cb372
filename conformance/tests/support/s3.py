"""An S3 endpoint that is not ours: s3s-fs, over a folder."""

import os
import shutil
import socket

import boto3
from botocore.config import Config

from .process import begin, free_port
from .server import ROOT

KEY, SECRET = "AKIAS3ENDPOINT000000", "s3/secret+key=0123456789"


def program():
    """The program, from PATH or from where `cargo xtask test` puts it."""
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    return shutil.which("s3s-fs", path=os.pathsep.join([str(target / "tools" / "bin"), os.environ.get("PATH", "")]))


class S3:
    """The endpoint on a free port, and a client that has its keys."""

    def __init__(self, folder):
        self.folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(folder.parent / "s3s.log", "wb")
        self.child = begin(
            [program(), "--host", "127.0.0.1", "--port", str(port), "--access-key", KEY, "--secret-key", SECRET, str(folder)],
            self.log, lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close())

    def env(self, secret=SECRET):
        """What tells a server to use it."""
        return {"TIDEGATE_S3_ENDPOINT": self.url, "TIDEGATE_S3_ACCESS_KEY_ID": KEY, "TIDEGATE_S3_SECRET_ACCESS_KEY": secret}

    def client(self):
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=KEY,
                            aws_secret_access_key=SECRET, config=Config(s3={"addressing_style": "path"}))

    def stop(self):
        self.child.terminate()
        self.child.wait(10)
        self.log.close()

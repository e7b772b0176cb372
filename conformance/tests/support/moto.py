"""AWS services that are not ours: `moto_server`, with S3, EventBridge and Glue, which forgets everything at its end."""

import os
import sys
from pathlib import Path

import boto3
import requests
from botocore.config import Config

from .process import begin, free_port

KEY, SECRET = "AKIAMOTOENDPOINT0000", "moto/secret+key=0123456789"


class Moto:
    """The services on a free port."""

    def __init__(self, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = Path(folder) / "moto.log"
        self.log = open(self.log_file, "wb")
        self.child = begin(
            [sys.executable, str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)],
            self.log, lambda: requests.get(f"{self.url}/moto-api/data.json", timeout=5),
            env={**os.environ, "MOTO_EVENTS_INVOKE_HTTP": "false", "AWS_DEFAULT_REGION": "us-east-1"})

    def env(self):
        """What tells a server to use its S3."""
        return {"TIDEGATE_S3_ENDPOINT": self.url, "TIDEGATE_S3_ACCESS_KEY_ID": KEY, "TIDEGATE_S3_SECRET_ACCESS_KEY": SECRET}

    def client(self, service="s3"):
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=KEY,
                            aws_secret_access_key=SECRET, config=Config(s3={"addressing_style": "path"}))

    def requests(self):
        """The request lines it has seen, such as `POST /bucket/key?uploads HTTP/1.1`."""
        return [line.split('"')[1] for line in self.log_file.read_text("utf-8", "replace").splitlines() if line.count('"') >= 2]

    def stop(self):
        self.child.terminate()
        self.child.wait(10)
        self.log.close()

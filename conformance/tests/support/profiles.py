"""The good profiles of data/profiles.yaml, and the model's view of their members."""

import copy
import functools
import json

import yaml
from botocore.model import ServiceModel

from .server import ROOT

# The API as this repository pins it; the installed AWS CLI may be newer.
MODEL = ServiceModel(json.loads((ROOT / "spec" / "appflow-2020-08-23.json").read_text()))
# The enum of connector types and the unions' keys are spelled differently.
KEYS = {"Servicenow": "ServiceNow", "Googleanalytics": "GoogleAnalytics", "Infornexus": "InforNexus"}


@functools.cache
def profiles():
    return yaml.safe_load((ROOT / "conformance" / "data" / "profiles.yaml").read_text())


def union_key(kind):
    return KEYS.get(kind, kind)


def create_input(kind, name, entry=None):
    """The input of CreateConnectorProfile for an entry of the file (the type's own by default)."""
    entry = entry or profiles()[kind]
    key = union_key(kind)
    config = {"connectorProfileProperties": {key: copy.deepcopy(entry.get("properties", {}))}}
    if entry.get("credentials") is not None:
        config["connectorProfileCredentials"] = {key: copy.deepcopy(entry["credentials"])}
    label = {"connectorLabel": entry["label"]} if "label" in entry else {}
    return {"connectorProfileName": name, "connectorType": kind, "connectionMode": "Public",
            "connectorProfileConfig": config, **label}


def entries(kind):
    """The type's own entry and its variants."""
    return [profiles()[kind], *profiles()[kind].get("also", [])]


def side(data, path, kind):
    """(container, last name) of a path such as credentials.basicAuthCredentials.password."""
    names = path.split(".")
    config = data["connectorProfileConfig"]
    names[0] = {"properties": "connectorProfileProperties", "credentials": "connectorProfileCredentials"}[names[0]]
    names.insert(1, union_key(kind))
    if len(names) == 2:  # the whole side
        return config, names[0]
    at = config
    for name in names[:-1]:
        at = at[name]
    return at, names[-1]


def changed(kind, name, drop=(), put=None):
    """A good input without some members and with others."""
    data = create_input(kind, name)
    for path in drop:
        at, last = side(data, path, kind)
        del at[last]
    for path, value in (put or {}).items():
        at, last = side(data, path, kind)
        at[last] = value
    return data


def shapes(kind):
    """The structure shapes of the type's properties and credentials."""
    key = union_key(kind)
    return {
        "properties": MODEL.shape_for("ConnectorProfileProperties").members[key],
        "credentials": MODEL.shape_for("ConnectorProfileCredentials").members[key],
    }


def members(kind):
    """(path, shape, required, sensitive) of every member that the good profile holds, at any depth."""
    found = []

    def walk(path, shape, value):
        for name, member in shape.members.items():
            if name not in value:
                continue
            here = f"{path}.{name}"
            found.append((here, member, name in shape.required_members, bool(member.metadata.get("sensitive"))))
            if member.type_name == "structure":
                walk(here, member, value[name])

    for part, shape in shapes(kind).items():
        walk(part, shape, profiles()[kind].get(part) or {})
    return found

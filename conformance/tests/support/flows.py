"""Flow definitions in few words, and reading back what a flow wrote."""

import csv
import io
import json

NO_OP = "NO_OP"


def operator(source, value):
    return {source: value}


def projection(source, *fields):
    return {"taskType": "Filter", "connectorOperator": {source: "PROJECTION"}, "sourceFields": list(fields), "destinationField": ""}


def map_all(source, **properties):
    return {"taskType": "Map_all", "connectorOperator": {source: NO_OP}, "sourceFields": [], "taskProperties": properties}


def map_field(source, field, to=None, **properties):
    return {"taskType": "Map", "connectorOperator": {source: NO_OP}, "sourceFields": [field], "destinationField": to or field,
            "taskProperties": properties}


def filter_field(source, field, op, data_type, **properties):
    return {"taskType": "Filter", "connectorOperator": {source: op}, "sourceFields": [field], "destinationField": "",
            "taskProperties": {"DATA_TYPE": data_type, **properties}}


def mask(source, field, op, **properties):
    return {"taskType": "Mask", "connectorOperator": {source: op}, "sourceFields": [field], "destinationField": field,
            "taskProperties": properties}


def partition(source, *keys, ordered=True):
    """Objects by the values of these fields; their order is said, or that of the fields."""
    properties = {"taskProperties": {"ORDERED_PARTITION_KEYS_LIST": json.dumps(keys)}} if ordered else {}
    return {"taskType": "Partition", "connectorOperator": {source: NO_OP}, "sourceFields": list(keys), **properties}


def sap_source(connection, path, **more):
    return {"connectorType": "SAPOData", "connectorProfileName": connection,
            "sourceConnectorProperties": {"SAPOData": {"objectPath": path, **more}}}


def s3_source(bucket, prefix, kind="CSV"):
    return {"connectorType": "S3", "sourceConnectorProperties": {"S3": {
        "bucketName": bucket, "bucketPrefix": prefix, "s3InputFormatConfig": {"s3InputFileType": kind}}}}


def s3_destination(bucket, prefix="", kind="JSON", **more):
    return {"connectorType": "S3", "destinationConnectorProperties": {"S3": {
        "bucketName": bucket, "bucketPrefix": prefix, "s3OutputFormatConfig": {"fileType": kind, **more}}}}


def flow(name, source, destination, tasks, **more):
    """The whole input of CreateFlow."""
    return {"flowName": name, "triggerConfig": {"triggerType": "OnDemand"}, "sourceFlowConfig": source,
            "destinationFlowConfigList": [destination], "tasks": tasks, **more}


class Bucket:
    """A bucket of the embedded default: a folder."""

    def __init__(self, server, name):
        self.name = name
        self.path = server.data_dir / "s3" / name
        self.path.mkdir(parents=True, exist_ok=True)

    def put(self, key, text):
        file = self.path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def keys(self, prefix=""):
        """Every object below the prefix, by key."""
        files = (f for f in self.path.rglob("*") if f.is_file())
        keys = sorted(str(f.relative_to(self.path)) for f in files)
        return [k for k in keys if k.startswith(prefix)]

    def read(self, key):
        return (self.path / key).read_bytes()

    def json_rows(self, prefix=""):
        return [json.loads(line) for k in self.keys(prefix) for line in self.read(k).decode().splitlines() if line]

    def csv_rows(self, prefix=""):
        """Rows as dictionaries of texts. Every object has its own header."""
        rows = []
        for key in self.keys(prefix):
            rows += csv.DictReader(io.StringIO(self.read(key).decode(), newline=""))
        return rows

    def parquet(self, prefix=""):
        """One Arrow table of all objects."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        return pa.concat_tables(pq.read_table(pa.BufferReader(self.read(k))) for k in self.keys(prefix))

"""The data catalog: tables and partitions in Glue (moto's), and that a Glue that fails never fails a run."""

import socket

import pytest
from support.flows import Bucket, flow, map_all, map_field, partition, projection, s3_destination, s3_source, sap_source
from support.moto import KEY, SECRET, Moto
from support.server import error_of

DATABASE = "lake"


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    services = Moto(tmp_path_factory.mktemp("moto"))
    services.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    yield services
    services.stop()


@pytest.fixture(scope="module")
def server(make_server, moto):
    return make_server("--glue-endpoint", moto.url, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)


def catalog(database=DATABASE, prefix="pre"):
    return {"metadataCatalogConfig": {"glueDataCatalog": {
        "roleArn": "arn:aws:iam::000000000000:role/glue", "databaseName": database, "tablePrefix": prefix}}}


def ran(server, name):
    run = server.run(name)
    assert run["executionStatus"] == "Successful", run
    return run


def tables(moto):
    return {table["Name"]: table for table in moto.client("glue").get_tables(DatabaseName=DATABASE)["TableList"]}


def partitions(moto, table):
    found = moto.client("glue").get_partitions(DatabaseName=DATABASE, TableName=table)["Partitions"]
    return {tuple(p["Values"]): p["StorageDescriptor"]["Location"] for p in found}


def details(run):
    return {d["tableName"]: (d["tableRegistrationOutput"], d["partitionRegistrationOutput"]) for d in run["metadataCatalogDetails"]}


OK = {"status": "Successful"}


def test_tables_and_partitions_follow_the_runs(server, moto, name):
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id,region,Amount\n1,north,2.50\n2,,1.00\n3,a/b,0\n")
    tasks = [map_field("S3", "id"), map_field("S3", "region", "Region"), map_field(
        "S3", "Amount", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="decimal(10,2)"), partition("S3", "Region", ordered=False)]
    prefix = {"prefixType": "PATH", "prefixFormat": "YEAR", "pathPrefixHierarchy": ["EXECUTION_ID", "SCHEMA_VERSION"]}
    server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(
        bucket.name, "out", "PARQUET", preserveSourceDataTyping=True, prefixConfig=prefix), tasks, **catalog()))
    first = ran(server, name)
    made = {key: table for key, table in tables(moto).items() if key.startswith(f"pre_appflow_{name}_")}
    [latest] = [key for key in made if key.endswith("_latest")]
    version, single = f"pre_appflow_{name}_1", f"pre_appflow_{name}_1_{first['executionId']}"
    assert set(made) == {latest, version, single}
    assert latest.removeprefix(f"pre_appflow_{name}_").removesuffix("_latest").isdigit()
    year = first["startedAt"].year
    base = f"s3://{bucket.name}/out/{name}/schemaVersion_1/"
    folder = f"{base}{year}/{first['executionId']}/"
    for key, location in ((latest, folder), (version, base), (single, folder)):
        storage = made[key]["StorageDescriptor"]
        assert storage["Location"] == location
        assert [(c["Name"], c["Type"]) for c in storage["Columns"]] == [("id", "string"), ("amount", "decimal(10,2)")]
        assert "ParquetHiveSerDe" in storage["SerdeInfo"]["SerializationLibrary"]
        assert made[key]["Parameters"]["classification"] == "parquet" and made[key]["TableType"] == "EXTERNAL_TABLE"
    assert [k["Name"] for k in made[latest]["PartitionKeys"]] == ["region"]
    assert [k["Name"] for k in made[version]["PartitionKeys"]] == ["year", "execution_id", "region"]
    spelled = {"north": "north", "__HIVE_DEFAULT_PARTITION__": "null", "a/b": "a%2Fb"}
    assert partitions(moto, latest) == {(v,): f"{folder}Region={s}/" for v, s in spelled.items()}
    assert partitions(moto, version) == {(str(year), first["executionId"], v): f"{folder}Region={s}/" for v, s in spelled.items()}
    assert details(first) == {key: ({**OK, "result": "1"}, {**OK, "result": "3"}) for key in (latest, version, single)}
    assert [d["tableName"] for d in first["metadataCatalogDetails"]] == [latest, version, single]
    assert all(d["catalogType"] == "GLUE" for d in first["metadataCatalogDetails"])
    assert server.boto().describe_flow(flowName=name)["lastRunMetadataCatalogDetails"] == first["metadataCatalogDetails"]

    # The next run: the latest table is the same one, and of that run alone.
    bucket.put("in/a.csv", "id,region,Amount\n4,north,2\n5,south,3\n")
    second = ran(server, name)
    folder = folder.replace(first["executionId"], second["executionId"])
    assert [key for key in tables(moto) if key.startswith(f"pre_appflow_{name}_") and key.endswith("_latest")] == [latest]
    assert tables(moto)[latest]["StorageDescriptor"]["Location"] == folder
    assert partitions(moto, latest) == {(v,): f"{folder}Region={v}/" for v in ("north", "south")}
    assert len(partitions(moto, version)) == 5 and len(partitions(moto, single)) == 3


def test_text_formats_and_runs_in_one_folder(server, moto, name):
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.json", '{"n":1,"t":"x"}\n')
    for kind, serde in (("CSV", "OpenCSVSerde"), ("JSON", "JsonSerDe")):
        flow_name = f"{name}.{kind}"
        server.boto().create_flow(**flow(flow_name, s3_source(bucket.name, "in", "JSON"), s3_destination(bucket.name, "out", kind),
                                         [map_all("S3")], **catalog(prefix="P.x")))
        run = ran(server, flow_name)
        table = tables(moto)[f"p_x_appflow_{name}_{kind.lower()}_1"]
        assert serde in table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] and table["PartitionKeys"] == []
        assert table["StorageDescriptor"]["Location"] == f"s3://{bucket.name}/out/{flow_name}/"
        assert table["Parameters"].get("skip.header.line.count") == ("1" if kind == "CSV" else None)
        assert len(run["metadataCatalogDetails"]) == 2
        # Again: everything is there, and is updated.
        assert details(ran(server, flow_name)) == details(run)


def test_columns_carry_the_vendors_words(server, moto, sap, name):
    server.boto().create_connector_profile(**sap.profile(name))
    bucket = Bucket(server, f"bucket-{name}")
    server.boto().create_flow(**flow(name, sap_source(name, "Planes"), s3_destination(bucket.name), [
        projection("SAPOData", "tailnum", "seats"), map_field("SAPOData", "tailnum", "tail"), map_field("SAPOData", "seats")], **catalog()))
    ran(server, name)
    told = server.boto().describe_connector_entity(connectorProfileName=name, connectorType="SAPOData", connectorEntityName="Planes")
    labels = {f["identifier"]: f["label"] for f in told["connectorEntityFields"]}
    columns = {c["Name"]: c for c in tables(moto)[f"pre_appflow_{name}_1"]["StorageDescriptor"]["Columns"]}
    assert columns["tail"]["Parameters"]["AppFlowLabel"] == labels["tailnum"]
    assert columns["seats"]["Type"] == "int" and columns["seats"]["Parameters"]["AppFlowLabel"] == labels["seats"]


def test_many_partitions_are_registered_in_batches_and_again(server, moto, name):
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id,key\n" + "".join(f"{n},{n}\n" for n in range(230)))
    server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name), [map_all("S3"), partition("S3", "key", ordered=False)], **catalog()))
    for _ in range(2):
        run = ran(server, name)
        assert all(output == ({**OK, "result": "1"}, {**OK, "result": "230"}) for output in details(run).values())
    assert len(partitions(moto, f"pre_appflow_{name}_1")) == 230


def test_a_table_of_another_flow_is_left_alone(server, moto, name):
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    for flow_name in (f"{name}.x", f"{name}_x"):
        server.boto().create_flow(**flow(flow_name, s3_source(bucket.name, "in"), s3_destination(bucket.name), [map_all("S3")], **catalog()))
    ran(server, f"{name}.x")
    before = tables(moto)[f"pre_appflow_{name}_x_1"]
    run = ran(server, f"{name}_x")
    assert all("another flow" in table["message"] and table["status"] == "Error" for table, _ in details(run).values())
    assert tables(moto)[f"pre_appflow_{name}_x_1"] == before


def test_a_glue_that_refuses_fails_no_run(server, name):
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3")], **catalog("no-such-database")))
    run = ran(server, name)
    assert bucket.json_rows("out/") == [{"id": "1"}]
    for table, partitions_ in details(run).values():
        assert table["status"] == partitions_["status"] == "Error" and table["result"] == "0"
        assert "EntityNotFoundException" in table["message"] and "no-such-database" in table["message"]
    said = server.boto().describe_flow(flowName=name)["lastRunExecutionDetails"]
    assert said["mostRecentExecutionStatus"] == "Successful" and "data catalog" in said["mostRecentExecutionMessage"]


@pytest.mark.parametrize("env,says", [({}, "no keys for Glue"), ({"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}, "")])
def test_a_glue_that_is_not_there_fails_no_run(make_server, name, env, says):
    server = make_server(AWS_ENDPOINT_URL_GLUE="http://127.0.0.1:9", **env)
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3")], **catalog()))
    run = ran(server, name)
    assert bucket.json_rows("out/") == [{"id": "1"}]
    outputs = [d["tableRegistrationOutput"] for d in run["metadataCatalogDetails"]]
    assert outputs and all(o["status"] == "Error" and says in o["message"] for o in outputs)
    assert SECRET not in server.log()


def test_a_crash_while_it_registers_is_made_good(make_server, moto, name):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = make_server(AWS_ENDPOINT_URL_GLUE=f"http://127.0.0.1:{silent.getsockname()[1]}", AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET)
        bucket = Bucket(server, f"bucket-{name}")
        bucket.put("in/a.csv", "id,key\n1,a\n2,b\n")
        server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name, "out"), [map_all("S3"), partition("S3", "key", ordered=False)], **catalog()))
        execution = server.boto().start_flow(flowName=name)["executionId"]
        silent.settimeout(30)
        silent.accept()
        # The output is visible before Glue is asked, and the run has not ended.
        assert len(bucket.keys("out/")) == 2
        assert server.boto().describe_flow_execution_records(flowName=name)["flowExecutions"][0]["executionStatus"] == "InProgress"
        server.kill()
    server.extra["AWS_ENDPOINT_URL_GLUE"] = moto.url
    server.start()
    run = server.wait_for_run(name, execution)
    assert run["executionStatus"] == "Successful" and run["executionResult"]["recordsProcessed"] == 2
    assert all(output == ({**OK, "result": "1"}, {**OK, "result": "2"}) for output in details(run).values())
    assert len(bucket.keys("out/")) == 2 and f"pre_appflow_{name}_1" in tables(moto)


def test_only_s3_has_a_catalog(server, name):
    bucket = Bucket(server, f"upsolver-appflow-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    destination = {"connectorType": "Upsolver", "destinationConnectorProperties": {"Upsolver": {
        "bucketName": bucket.name, "s3OutputFormatConfig": {"prefixConfig": {}}}}}
    status, kind, message = error_of(server.raw("/create-flow", flow(name, s3_source(bucket.name, "in"), destination, [map_all("S3")], **catalog())))
    assert (status, kind) == (400, "ValidationException") and "metadataCatalogConfig" in message


def test_the_same_definition_comes_back(server, name):
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    given = catalog("no-such-database", "x")
    server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name), [map_all("S3")], **given))
    described = server.boto().describe_flow(flowName=name)
    assert described["metadataCatalogConfig"] == given["metadataCatalogConfig"] and "lastRunMetadataCatalogDetails" not in described


def test_a_table_that_nobodys_flow_made_is_left_alone(server, moto, name):
    """One of AppFlow itself, or of a crawler: its name is the same, and it tells no flow."""
    glue = moto.client("glue")
    table = {"Name": f"pre_appflow_{name}_1", "PartitionKeys": [{"Name": "day", "Type": "string"}],
             "StorageDescriptor": {"Columns": [{"Name": "old", "Type": "string"}], "Location": "s3://elsewhere/"}}
    glue.create_table(DatabaseName=DATABASE, TableInput=table)
    before = tables(moto)[table["Name"]]
    bucket = Bucket(server, f"bucket-{name}")
    bucket.put("in/a.csv", "id\n1\n")
    server.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name), [map_all("S3")], **catalog()))
    run = ran(server, name)
    assert run["executionStatus"] == "Successful"
    assert any("not made by this flow" in table.get("message", "") for table, _ in details(run).values())
    assert tables(moto)[table["Name"]] == before

"""Tags of flows: merged, removed, bounded; nothing else can have any."""

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.server import ACCOUNT, REGION, error_of


@pytest.fixture
def make(live, name):
    """Makes a flow with these tags and gives its ARN."""

    def make(tags=None):
        bucket = Bucket(live, f"bucket-{name}")
        bucket.put("in/a.csv", "id\n1\n")
        more = {} if tags is None else {"tags": tags}
        return live.boto().create_flow(**flow(name, s3_source(bucket.name, "in"), s3_destination(bucket.name), [map_all("S3")], **more))["flowArn"]

    return make


def tags_of(server, arn):
    return server.boto().list_tags_for_resource(resourceArn=arn)["tags"]


@pytest.mark.parametrize("kind", ["flow", "connector"])
@pytest.mark.parametrize("part", ["nobody", "with/slash", "with%percent", "ünicode+plus"])
def test_the_tags_of_what_does_not_exist(live, kind, part):
    client = live.boto()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.list_tags_for_resource(resourceArn=f"arn:aws:appflow:{REGION}:{ACCOUNT}:{kind}/{part}")


def test_an_arn_that_is_none_is_refused(live):
    status, name, _ = error_of(live.raw("/tags/not-an-arn", b"", "GET"))
    assert (status, name) == (400, "ValidationException")


@pytest.mark.parametrize("operation", ["tag_resource", "untag_resource"])
@pytest.mark.parametrize("arn", [f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/nobody", f"arn:aws:appflow:{REGION}:{ACCOUNT}:connector/nobody",
                                 f"arn:aws:appflow:eu-west-1:{ACCOUNT}:flow/nobody"])
def test_tagging_what_does_not_exist(live, operation, arn):
    client = live.boto()
    more = {"tags": {"a": "b"}} if operation == "tag_resource" else {"tagKeys": ["a", "b c", "d+e"]}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        getattr(client, operation)(resourceArn=arn, **more)


def test_a_connection_has_no_tags(emulation, name):
    from support.profiles import create_input
    arn = emulation.raw("/create-connector-profile", create_input("Singular", name)).json()["connectorProfileArn"]
    client = emulation.boto()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.tag_resource(resourceArn=arn, tags={"a": "b"})


def test_tags_are_merged_and_removed(live, make):
    client, arn = live.boto(), make({"a": "1", "b": "2"})
    before = client.describe_flow(flowName=arn.rsplit("/", 1)[1])
    client.tag_resource(resourceArn=arn, tags={"b": "", "c:d/e": "with blanks, ünicode"})
    assert tags_of(live, arn) == {"a": "1", "b": "", "c:d/e": "with blanks, ünicode"}
    for _ in range(2):  # A key that is not there is nothing to remove.
        client.untag_resource(resourceArn=arn, tagKeys=["a", "c:d/e", "never+there"])
        assert tags_of(live, arn) == {"b": ""}
    after = client.describe_flow(flowName=before["flowName"])
    assert after["tags"] == {"b": ""} and after["lastUpdatedAt"] == before["lastUpdatedAt"]
    client.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert tags_of(live, arn) == {}


def test_a_flow_without_tags(live, make):
    assert tags_of(live, make()) == {}


def test_fifty_tags_and_no_more(live, make):
    client, arn = live.boto(), make({f"k{n}": "v" for n in range(49)})
    client.tag_resource(resourceArn=arn, tags={"k0": "changed", "k49": "v"})
    with pytest.raises(client.exceptions.ValidationException, match="at most 50 tags"):
        client.tag_resource(resourceArn=arn, tags={"k50": "v"})
    assert len(tags_of(live, arn)) == 50 and tags_of(live, arn)["k0"] == "changed"
    path = f"/tags/{arn.replace(':', '%3A').replace('/', '%2F')}"
    status, name, _ = error_of(live.raw(path, {"tags": {f"n{n}": "" for n in range(51)}}))
    assert (status, name) == (400, "ValidationException")


@pytest.mark.parametrize("tags", [{"aws:reserved": "x"}, {"": "x"}, {"k" * 129: "x"}, {"a": "v" * 257}])
def test_a_tag_that_is_none(live, make, tags):
    arn = make()
    path = f"/tags/{arn.replace(':', '%3A').replace('/', '%2F')}"
    status, name, message = error_of(live.raw(path, {"tags": tags}))
    assert (status, name) == (400, "ValidationException"), message
    assert tags_of(live, arn) == {}


def test_a_tag_that_decides_something_is_read(live, make):
    """What becomes of values that do not convert is a tag's word; one that means nothing is refused."""
    client, arn = live.boto(), make({"tidegate:on-bad-value": "drop"})
    with pytest.raises(client.exceptions.ValidationException, match="must be fail, drop or null"):
        client.tag_resource(resourceArn=arn, tags={"tidegate:on-bad-value": "ignore"})
    assert tags_of(live, arn) == {"tidegate:on-bad-value": "drop"}


def test_tags_outlive_an_update_and_a_restart(make_server, name):
    server = make_server()
    bucket = Bucket(server, "bucket")
    bucket.put("in/a.csv", "id\n1\n")
    definition = flow(name, s3_source("bucket", "in"), s3_destination("bucket"), [map_all("S3")])
    arn = server.boto().create_flow(**definition, tags={"a": "b"})["flowArn"]
    server.boto().update_flow(**definition)
    server.restart(kill=True)
    assert tags_of(server, arn) == {"a": "b"}

"""Tags: what can be said of them before tagging is built, and what stays true after."""

import pytest
from support.server import ACCOUNT, REGION, error_of


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
def test_tagging_what_does_not_exist(live, operation):
    client = live.boto()
    more = {"tags": {"a": "b"}} if operation == "tag_resource" else {"tagKeys": ["a", "b c", "d+e"]}
    with pytest.raises((client.exceptions.ResourceNotFoundException, client.exceptions.UnsupportedOperationException)):
        getattr(client, operation)(resourceArn=f"arn:aws:appflow:{REGION}:{ACCOUNT}:flow/nobody", **more)

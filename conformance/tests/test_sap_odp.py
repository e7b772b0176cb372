"""SAP ODP through the whole server: a full load, then nothing but changes, whatever happens on the way.

The service is a stand-in written from SAP's documents (support/odp.py); SAP's own OData client, `pyodata`, reads it
first, so that it is no stand-in that only Tidegate understands.
"""

import json
import time

import pyodata
import pytest
import requests
from support.flows import Bucket, filter_field, flow, map_all, map_field, projection, s3_destination, sap_source
from support.odp import PASSWORD, SERVICE, SETS
from support.process import wait_until
from support.schedules import incremental, records, restart_when_due, wait_for_runs
from support.server import error_of

SAP = "SAPOData"
ORDERS, RETURNS = SETS
PATH = f"{SERVICE}/{ORDERS}"


@pytest.fixture
def server(make_server, odp):
    """A server of the test's own, with the connection `sap`, which was proven."""
    server = make_server()
    server.boto().create_connector_profile(**odp.profile("sap"))
    return server


@pytest.fixture
def out(server):
    return Bucket(server, "out")


def create(server, name="f1", trigger=None, path=PATH, connection="sap", tasks=None, page=4, **source):
    source = {**sap_source(connection, path, paginationConfig={"maxPageSize": page}), **source}
    definition = flow(name, source, s3_destination("out"), tasks or [map_all(SAP)], **(trigger or {}))
    server.boto().create_flow(**definition)
    return definition


def ask(server, name="f1", mode="Incremental", **wishes):
    """Asks for a run, and gives its id."""
    answer = server.raw("/x/start-flow-run", {"flowName": name, "mode": mode, **wishes})
    assert answer.status_code == 200, answer.text
    [execution] = answer.json()["executionIds"]
    return execution


def run(server, name="f1", mode="Incremental"):
    return server.wait_for_run(name, ask(server, name, mode))


def changes(bucket, record, name="f1"):
    """What a run wrote: order, change mode and the rest that matters."""
    assert record["executionStatus"] == "Successful", record
    rows = bucket.json_rows(f"{name}/{record['executionId']}")
    assert len(rows) == record["executionResult"]["recordsProcessed"]
    return [(int(row["ORDERNO"]), row["ODQ_CHANGEMODE"]) for row in rows]


EVERYTHING = [(order, "") for order in range(1, 11)]


# The stand-in, read by SAP's own client.


def test_saps_own_client_follows_the_changes(odp):
    session = requests.Session()
    session.auth = ("ALICE", PASSWORD)
    client = pyodata.Client(odp.url + SERVICE, session)
    orders = client.entity_sets.FactsOfORDERS

    def call(function):
        """A function's complex value, which pyodata gives in JSON's own wrapping."""
        return getattr(client.functions, function).execute()[function]

    def subscribed():
        return call(f"SubscribedTo{ORDERS}")["SubscribedFlag"]

    assert subscribed() is False

    def read(request):
        """All pages, and the link behind the last one, which pyodata gives for JSON's `__next` alone."""
        request.add_headers({"Prefer": "odata.track-changes,odata.maxpagesize=4"})
        rows = []
        while True:
            page = request.execute()
            rows += [(row.ORDERNO, row.ODQ_CHANGEMODE, row.AMOUNT) for row in page]
            if page.next_url is None:
                return rows
            request = orders.get_entities().next_url(page.next_url)
            request.add_headers({"Prefer": "odata.maxpagesize=4"})

    rows = read(orders.get_entities())
    assert [row[0] for row in rows] == [f"{order:05}" for order in range(1, 11)] and str(rows[0][2]) in ("10", "10.00")
    assert subscribed() is True
    odp.put(3, AMOUNT="99.50")
    odp.delete(4)
    link, = client.entity_sets.DeltaLinksOfFactsOfORDERS.get_entities().execute()
    assert link.IsInitialLoad is True
    for _ in range(2):
        # The same token gives the same changes as often as it is asked for.
        request = orders.get_entities().custom("!deltatoken", f"'{link.DeltaToken}'")
        rows = read(request)
        assert [(row[0], row[1]) for row in rows] == [("00003", "U"), ("00004", "D")]
    assert len(client.entity_sets.DeltaLinksOfFactsOfORDERS.get_entities().execute()) == 2
    assert call(f"TerminateDeltasFor{ORDERS}")["ResultFlag"] is True
    assert subscribed() is False
    with pytest.raises(pyodata.exceptions.HttpError, match="(?i)gone|410|HTTP GET"):
        orders.get_entities().custom("!deltatoken", f"'{link.DeltaToken}'").execute()


# Flows.


def test_the_connection_lists_the_service_and_its_sets(server):
    client = server.boto()
    services = client.list_connector_entities(connectorProfileName="sap", connectorType=SAP)["connectorEntityMap"]
    assert SERVICE in json.dumps(services)
    sets = client.list_connector_entities(connectorProfileName="sap", connectorType=SAP, entitiesPath=SERVICE)["connectorEntityMap"]
    assert PATH in json.dumps(sets)
    fields = client.describe_connector_entity(connectorProfileName="sap", connectorType=SAP, connectorEntityName=PATH)["connectorEntityFields"]
    key = next(field for field in fields if field["identifier"] == "ORDERNO")
    assert key["customProperties"]["changeTracking"] == "odp"


def test_a_scheduled_flow_reads_everything_once_and_then_the_changes(server, odp, out):
    create(server, trigger=incremental())
    odp.reads()
    client = server.boto()
    client.start_flow(flowName="f1")
    first, = wait_for_runs(server, "f1", 1)
    assert changes(out, first) == EVERYTHING
    assert odp.reads() == ["full+track", "page", "page"]
    assert odp.subscriptions() == [("ALICE", ORDERS)]

    odp.put(11, CUSTOMER="NEW")
    odp.put(3, AMOUNT="99.99")
    odp.delete(4)
    restart_when_due(server, "f1")
    second, _ = wait_for_runs(server, "f1", 2)
    assert changes(out, second) == [(11, "C"), (3, "U"), (4, "D")]
    assert odp.reads() == ["delta"]
    row = out.json_rows(f"f1/{second['executionId']}")[2]
    assert (row["CUSTOMER"], row["CHANGED_AT"], row["ODQ_ENTITYCNTR"]) == ("", None, -1), "only the key is known"

    # Nothing has changed: a run without records, and the old token goes on.
    restart_when_due(server, "f1")
    third, *_ = wait_for_runs(server, "f1", 3)
    assert changes(out, third) == []
    odp.delete(11)
    restart_when_due(server, "f1", missed=3)
    fourth, *_ = wait_for_runs(server, "f1", 4)
    assert changes(out, fourth) == [(11, "D")]
    assert odp.subscriptions() == [("ALICE", ORDERS)]

    server.boto().delete_flow(flowName="f1", forceDelete=True)
    wait_until(lambda: odp.subscriptions() == [])


def test_an_on_demand_flow_may_be_asked_for_changes(server, odp, out):
    create(server)
    assert changes(out, run(server)) == EVERYTHING
    odp.delete(1)
    # A run as on-demand runs are: everything, and nothing of it is about the subscription.
    plain = server.run("f1")
    assert len(changes(out, plain)) == 9
    assert changes(out, run(server)) == [(1, "D")]
    first, *plain, last = [kind for kind in odp.reads() if kind != "page"]
    assert (first, last) == ("full+track", "delta") and set(plain) == {"full"}
    # A full load that is asked for begins anew.
    odp.put(1, CUSTOMER="AGAIN")
    assert len(changes(out, run(server, mode="Complete"))) == 10
    assert changes(out, run(server)) == []
    odp.put(2, AMOUNT="1.00")
    assert changes(out, run(server)) == [(2, "U")]
    assert odp.subscriptions() == [("ALICE", ORDERS)]
    server.boto().delete_flow(flowName="f1")
    wait_until(lambda: odp.subscriptions() == [])


@pytest.mark.parametrize("torn", [0, 1, 2])
def test_a_run_that_breaks_moves_nothing(server, odp, out, torn):
    create(server)
    odp.torn_page = torn
    failed = run(server)
    assert failed["executionStatus"] == "Error" and "cannot be read" in failed["executionResult"]["errorInfo"]["executionMessage"]
    odp.torn_page = None
    assert changes(out, run(server)) == EVERYTHING, "a first load that broke is a first load again"
    for order in range(1, 11):
        odp.put(order, AMOUNT="5.00")
    odp.torn_page = torn
    for _ in range(2):
        assert run(server)["executionStatus"] == "Error"
    odp.torn_page = None
    # What changes after the package was cut comes with the next run.
    odp.delete(7)
    assert changes(out, run(server)) == [(order, "U") for order in range(1, 11)]
    assert changes(out, run(server)) == [(7, "D")]
    assert len(out.keys("f1")) == 3, "nothing of the runs that broke"


@pytest.mark.parametrize("held", [0, 1, 2])
def test_a_kill_in_the_middle_neither_loses_nor_skips_changes(server, odp, out, held):
    create(server)
    assert changes(out, run(server)) == EVERYTHING
    for order in range(1, 11):
        odp.put(order, AMOUNT="5.00")
    odp.held_page = held
    execution = ask(server)
    assert odp.reached.wait(60), "the page was never asked for"
    odp.held_page = None
    server.kill()
    odp.released.set()
    odp.delete(7)
    server.start()
    again = server.wait_for_run("f1", execution)
    assert changes(out, again) == [(order, "U") for order in range(1, 11)], "the run is carried out again, and whole"
    assert changes(out, run(server)) == [(7, "D")]
    assert len(out.keys("f1")) == 3


def test_a_cancelled_run_moves_nothing(server, odp, out):
    create(server)
    run(server)
    odp.delete(1)
    odp.held_page = 0
    execution = ask(server)
    assert odp.reached.wait(60)
    server.boto().cancel_flow_executions(flowName="f1", executionIds=[execution])
    cancelled = server.wait_for_run("f1", execution)
    odp.held_page = None
    odp.released.set()
    wait_until(lambda: records(server, "f1")[0]["executionStatus"] == "Canceled")
    assert cancelled["executionId"] == execution
    assert changes(out, run(server)) == [(1, "D")]


def test_a_token_that_has_expired_is_told_and_a_full_load_begins_anew(server, odp, out):
    for name, trigger in (("demand", None), ("schedule", incremental("rate(30days)"))):
        create(server, name, trigger)
        assert len(changes(out, run(server, name), name)) == 10
        odp.put(1, AMOUNT="7.00")
        odp.reorganise()
        for _ in range(2):
            failed = run(server, name)
            message = failed["executionResult"]["errorInfo"]["executionMessage"]
            assert not [key for key in out.keys() if failed["executionId"] in key]
            for part in ("no longer knows the flow's delta token", "is not available", "full load", "ODQMON"):
                assert part in message, message
        assert len(changes(out, run(server, name, mode="Complete"), name)) == 10
        odp.put(2, AMOUNT="8.00")
        assert changes(out, run(server, name), name) == [(2, "U")]
        server.boto().delete_flow(flowName=name)
        wait_until(lambda: odp.subscriptions() == [])


def test_another_object_ends_the_subscription_and_begins_anew(server, odp, out):
    odp.put(21, of=RETURNS)
    definition = create(server)
    run(server)
    assert odp.subscriptions() == [("ALICE", ORDERS)]
    definition["sourceFlowConfig"]["sourceConnectorProperties"][SAP]["objectPath"] = f"{SERVICE}/{RETURNS}"
    server.boto().update_flow(**definition)
    wait_until(lambda: odp.subscriptions() == [])
    assert changes(out, run(server)) == [(21, "")]
    odp.delete(21, of=RETURNS)
    assert changes(out, run(server)) == [(21, "D")]
    assert odp.subscriptions() == [("ALICE", RETURNS)]
    # A change of anything else ends nothing.
    definition["description"] = "The same object"
    server.boto().update_flow(**definition)
    odp.put(22, of=RETURNS)
    assert changes(out, run(server)) == [(22, "C")]
    # By a field the flow follows no changes any more.
    definition["sourceFlowConfig"]["incrementalPullConfig"] = {"datetimeTypeFieldName": "CHANGED_AT"}
    server.boto().update_flow(**definition)
    wait_until(lambda: odp.subscriptions() == [])


def test_a_flow_that_never_ran_ends_nobodys_subscription(server, odp, out):
    create(server, "first", incremental("rate(30days)"))
    run(server, "first")
    create(server, "second", incremental("rate(30days)"))
    server.boto().delete_flow(flowName="second")
    # Whoever ends a subscription does so at once: other tests see it well within this time.
    time.sleep(2)
    assert f"TerminateDeltasFor{ORDERS}" not in [path for _, path, *_ in odp.seen]
    odp.put(1, AMOUNT="2.00")
    assert changes(out, run(server, "first"), "first") == [(1, "U")]
    assert odp.subscriptions() == [("ALICE", ORDERS)]


def test_a_flow_whose_first_load_broke_ends_what_it_began(server, odp, out):
    create(server, trigger=incremental("rate(30days)"))
    odp.torn_page = 1
    assert run(server)["executionStatus"] == "Error"
    assert odp.subscriptions() == [("ALICE", ORDERS)]
    server.boto().delete_flow(flowName="f1")
    wait_until(lambda: odp.subscriptions() == [])


def test_users_have_queues_of_their_own_and_one_user_has_one(server, odp, out):
    server.boto().create_connector_profile(**odp.profile("bob", user="BOB"))
    create(server, "alices")
    create(server, "bobs", connection="bob")
    for name in ("alices", "bobs"):
        run(server, name)
    assert odp.subscriptions() == [("ALICE", ORDERS), ("BOB", ORDERS)]
    odp.delete(1)
    for name in ("alices", "bobs"):
        assert changes(out, run(server, name), name) == [(1, "D")]
    # A second flow of the same user takes the subscription over: the first one is told.
    create(server, "taker")
    run(server, "taker")
    message = run(server, "alices")["executionResult"]["errorInfo"]["executionMessage"]
    assert "another flow with the same user" in message
    # And it does not end what is not its own any more.
    server.boto().delete_flow(flowName="alices")
    server.boto().delete_flow(flowName="bobs")
    wait_until(lambda: odp.subscriptions() == [("ALICE", ORDERS)])
    odp.delete(2)
    assert changes(out, run(server, "taker"), "taker") == [(2, "D")]


def test_filters_and_fields_belong_to_the_subscription(server, odp, out):
    fields = [projection(SAP, "ORDERNO", "ODQ_CHANGEMODE"), map_field(SAP, "ORDERNO"), map_field(SAP, "ODQ_CHANGEMODE")]
    even = filter_field(SAP, "CUSTOMER", "EQUAL_TO", "Edm.String", VALUE="EVEN")
    definition = create(server, tasks=[*fields, even])
    assert changes(out, run(server)) == [(order, "") for order in (2, 4, 6, 8, 10)]
    full = next(query for _, path, query, _ in odp.seen if path == ORDERS)
    assert full["$filter"] == "CUSTOMER eq 'EVEN'" and "ORDERNO" in full["$select"].split(",")
    odp.put(1, AMOUNT="3.00")
    odp.put(2, AMOUNT="3.00")
    odp.put(12, CUSTOMER="EVEN")
    assert changes(out, run(server)) == [(2, "U"), (12, "C")]
    # A deleted record has no customer, so the filter leaves it out, and the run says so.
    odp.delete(2)
    assert changes(out, run(server)) == []
    message = server.boto().describe_flow(flowName="f1")["lastRunExecutionDetails"]["mostRecentExecutionMessage"]
    assert "filter on CUSTOMER leaves them out" in message
    # Other filters need a full load.
    server.boto().update_flow(**{**definition, "tasks": fields})
    message = run(server)["executionResult"]["errorInfo"]["executionMessage"]
    assert "filters on the source have changed" in message and "full load" in message
    assert len(changes(out, run(server, mode="Complete"))) == 10
    odp.delete(3)
    assert changes(out, run(server)) == [(3, "D")]
    # A field more, too; a field less is fine.
    server.boto().update_flow(**{**definition, "tasks": [*fields, map_field(SAP, "AMOUNT"), projection(SAP, "AMOUNT")]})
    assert "the field AMOUNT" in run(server)["executionResult"]["errorInfo"]["executionMessage"]
    # Filters of one run would make changes vanish.
    answer = server.raw("/x/start-flow-run", {"flowName": "f1", "mode": "Incremental", "filters": [even]})
    status, _, message = error_of(answer)
    assert status == 400 and "filters of its own" in message

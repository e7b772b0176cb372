"""/metrics: counters only ever go up, gauges tell what is, and a flow that is deleted leaves no series behind."""

import pytest
from support.flows import Bucket, flow, map_all, s3_destination, s3_source
from support.process import wait_until


def make_flow(server, name, rows=3):
    source, _ = Bucket(server, "counted"), Bucket(server, "counted-out")
    source.put(f"{name}/a.csv", "id\n" + "".join(f"{i}\n" for i in range(rows)))
    server.boto().create_flow(**flow(name, s3_source("counted", name), s3_destination("counted-out"), [map_all("S3")]))


def of(server, name):
    """The series of a flow, without the buckets of its histogram."""
    series = server.metrics().items()
    return {key.partition("{")[0].removeprefix("appflow_flow_"): float(value) for key, value in series
            if f'flow_name="{name}"' in key and "_bucket{" not in key}


def totals(server):
    """What the server has counted, of whatever flow."""
    return {key: float(value) for key, value in server.metrics().items()
            if key.startswith(("tidegate_runs_ended_total{", "tidegate_records_processed_total", "tidegate_run_seconds_count"))}


def test_counters_go_up_with_each_run_and_stay_when_their_flow_goes(make_server, name):
    server = make_server("--connection-check", "off")
    make_flow(server, name)
    for runs in (1, 2, 3):
        server.run(name)
        # What is counted may come a moment after what is told.
        wait_until(lambda: of(server, name).get("execution_time_seconds_count") == runs, server)
        found = of(server, name)
        assert found.pop("execution_time_seconds_sum") > 0
        assert found == {"executions_started_total": runs, "executions_succeeded_total": runs, "executions_failed_total": 0,
                         "execution_records_processed_total": 3 * runs, "execution_time_seconds_count": runs}
        assert totals(server) == {'tidegate_runs_ended_total{status="Successful"}': runs, "tidegate_records_processed_total": 3 * runs,
                                  "tidegate_run_seconds_count": runs}
    before = totals(server)
    server.boto().delete_flow(flowName=name)
    assert of(server, name) == {} and totals(server) == before
    # The name begins at zero when another flow takes it, and what the server counts goes on.
    make_flow(server, name)
    server.run(name)
    wait_until(lambda: of(server, name).get("executions_succeeded_total") == 1, server)
    assert totals(server)['tidegate_runs_ended_total{status="Successful"}'] == 4


def test_gauges_of_runs_tell_what_is(make_server, name):
    """A state that the last run has left is at zero, and does not keep what it was."""
    server = make_server("--max-concurrent-runs", "1", FAILPOINTS="batch.read=sleep(2000)")
    for each in (name, f"{name}-waits"):
        make_flow(server, each)
    gauge = lambda status: server.metrics()[f'tidegate_runs{{status="{status}"}}']
    runs = [(each, server.boto().start_flow(flowName=each)["executionId"]) for each in (name, f"{name}-waits")]
    wait_until(lambda: (gauge("Running"), gauge("Queued"), gauge("Successful")) == ("1", "1", "0"), server)
    for run in runs:
        server.wait_for_run(*run)
    assert (gauge("Running"), gauge("Queued"), gauge("Publishing"), gauge("Successful")) == ("0", "0", "0", "2")
    for each in (name, f"{name}-waits"):
        server.boto().delete_flow(flowName=each)
    assert gauge("Successful") == "0"


@pytest.mark.parametrize("point, status", [("run.claimed", "Running"), ("end.written", "Successful")])
def test_a_flow_that_is_deleted_just_before_its_run_is_counted_leaves_nothing(make_server, name, point, status):
    """The worker has the run in hand, or has just ended it, when the flow and its series go; what it counts then goes, too."""
    server = make_server(FAILPOINTS=f"{point}=1*sleep(3000)")
    make_flow(server, name)
    id = server.boto().start_flow(flowName=name)["executionId"]
    wait_until(lambda: server.rows("SELECT status FROM run WHERE id = ?", id) == [(status,)], server)
    server.boto().delete_flow(flowName=name, forceDelete=True)
    # By now it has been counted, after its flow was gone.
    if status == "Running":
        wait_until(lambda: any(id in line and "has gone to another worker" in line for line in server.log().splitlines()), server)
    else:
        assert not totals(server).get('tidegate_runs_ended_total{status="Successful"}'), "it was deleted too late for this test"
        wait_until(lambda: totals(server).get('tidegate_runs_ended_total{status="Successful"}') == 1, server)
    wait_until(lambda: of(server, name) == {}, server, 10)
    # The name is not lost to a flow that comes after.
    make_flow(server, name)
    server.run(name)
    wait_until(lambda: of(server, name).get("executions_succeeded_total") == 1, server)
    assert of(server, name)["executions_started_total"] == 1

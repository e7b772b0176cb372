"""The process ends at every named point, and at any moment: nothing is lost, doubled or half there afterwards.

The points are those of `tidegate_core::fault`. `CRASH_SEEDS` asks for more lives that end anywhere than the few of an
ordinary run; a failing one names its seed.
"""

import contextlib
import os
import random
import re
import signal
import sqlite3
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support import s3
from support.crash import BY_HAND, World, has_points
from support.faulty import Faulty
from support.process import wait_until
from support.server import ROOT

END = "return(end)"
SEEDS = int(os.environ.get("CRASH_SEEDS", "4"))
FIRST_SEED = int(os.environ.get("CRASH_FIRST_SEED", "1"))
LIVES = 8

# Where the process ends: (point, which time it is reached), by what is going on. A slow batch leaves time for what comes
# from outside.
SLOW = "batch.read=sleep(400)"
# A start commits about twice on its own, the last time perhaps a moment after it is ready.
COMMITS, FIRST_OF_RUN = ("commit.begin", "commit.end"), 3
BOTH = {
    "copy": [("run.queueing", 1), ("run.queued", 1), ("commit.begin", FIRST_OF_RUN), ("commit.end", FIRST_OF_RUN), ("run.claiming", 1),
             ("run.claimed", 1), ("lease.renewing", 1), ("window.fixed", 1), ("source.opened", 1), ("batch.read", 1),
             ("batch.read", 2), ("errors.written", 1), ("errors.ending", 1), ("output.staged", 1), ("list.recording", 1),
             ("list.writing", 1), ("list.recorded", 1), ("object.publishing", 1), ("object.visible", 1),
             ("object.publishing", 2), ("object.visible", 2), ("output.visible", 1), ("attempt.discarding", 1),
             ("folders.cleared", 1), ("run.closing", 1), ("end.beginning", 1), ("end.writing", 1), ("cursor.moving", 1),
             ("end.written", 1)],
    "news": [("tick.writing", 1), ("tick.written", 1), ("window.fixed", 1), ("list.recorded", 1), ("object.visible", 1),
             ("end.writing", 1), ("cursor.moving", 1), ("end.written", 1)],
    "parts": [("object.visible", 3), ("object.publishing", 5), ("output.visible", 1)],
    "bad": [("attempt.discarding", 1), ("run.closing", 1), ("end.beginning", 1), ("end.writing", 1), ("end.written", 1)],
    "cancel": [("cancel.writing", 1), ("cancel.written", 1), ("attempt.discarding", 1), ("end.beginning", 1), ("end.writing", 1)],
    "stop": [("run.released", 1)],
    "events": [("events.storing", 1), ("events.storing", 2), ("events.stored", 1), ("run.claiming", 1), ("run.claimed", 1),
               ("source.opened", 1), ("batch.read", 1), ("output.staged", 1), ("list.recorded", 1), ("object.publishing", 1),
               ("object.visible", 1), ("output.visible", 1), ("end.writing", 1), ("events.clearing", 1), ("events.clearing", 2),
               ("cursor.moving", 1), ("end.written", 1), ("end.written", 2)],
    "retry": [("events.retrying", 1), ("run.claiming", 1), ("list.recorded", 1), ("events.clearing", 1)],
    "report": [("report.writing", 1)],
}
INBOX = ("events", "retry", "report")
LOCAL = {"copy": [("file.begun", 1), ("file.synced", 1), ("object.renamed", 1), ("object.renamed", 2)],
         # What it has staged is its next attempt's to clear away, which then fails.
         "bad": [("file.begun", 1)]}
# With an endpoint: what is of its own, and what it does otherwise.
S3 = {"copy": [("upload.begun", 1), ("upload.noted", 1), ("part.arrived", 1), ("part.arrived", 2), ("batch.read", 2),
               ("list.writing", 1), ("list.recorded", 1), ("object.publishing", 1), ("object.visible", 1),
               ("object.publishing", 2), ("object.visible", 2), ("output.visible", 1), ("end.writing", 1)],
      "parts": [("part.arrived", 3), ("object.visible", 1), ("object.visible", 4)],
      "news": [("window.fixed", 1), ("object.visible", 1), ("cursor.moving", 1)],
      "bad": [("upload.aborting", 1), ("end.beginning", 1)],
      "cancel": [("upload.aborting", 1), ("end.beginning", 1)],
      "events": [("list.recorded", 1), ("object.visible", 1), ("events.clearing", 1)]}


def cases(*tables):
    """A line a point and situation, by a name that tells both."""
    all = [(what, point, nth) for table in tables for what, points in table.items() for point, nth in points]
    return [pytest.param(*case, id="-".join(map(str, case))) for case in all]


def at(point, nth):
    return f"{point}={nth - 1}*off->{END}" if nth > 1 else f"{point}={END}"


@pytest.fixture(scope="module", autouse=True)
def points():
    assert has_points(), "the program has no points to end at: build it with --features failpoints, as `cargo xtask test` does"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crashes-s3") / "root"
    folder.mkdir()
    endpoint = s3.S3(folder)
    # S3 carries out what it has begun, also when its caller is gone; this endpoint drops it half done. The proxy does not.
    address = urlsplit(endpoint.url)
    proxy = Faulty((address.hostname, address.port))
    endpoint.url = proxy.url
    yield endpoint
    proxy.stop()
    endpoint.stop()


@pytest.fixture(scope="module")
def worlds(tmp_path_factory, endpoint):
    """The world of a place and of the flows that a situation is about, so that each life is short."""
    made = {}

    def world(place, what):
        flows = ("news",) if what == "news" else ("inbox",) if what in INBOX else ("copy", "parts", "bad")
        if (place, flows) not in made:
            folder = tmp_path_factory.mktemp("crashes")
            made[place, flows] = World(folder, endpoint if place == "remote" else None, flows, prefix=f"{flows[0]}-")
        return made[place, flows]

    yield world
    for each in made.values():
        each.kill()


def staged(world):
    """The attempts that have something in the staging area."""
    staging = world.data / "s3" / ".staging"
    return sorted(path.name for path in staging.iterdir()) if staging.exists() else []


def wait_until_staged(world):
    wait_until(lambda: staged(world), world.server, 20)


def bring_news(world):
    """Another object, and a tick for it. An endpoint tells the time of objects in seconds."""
    world.publish_news()
    time.sleep(1.1 if world.s3 else 0.01)
    world.make_due()


def end_at(world, what, point, nth):
    """Brings the process to its end at a point; False when it did not come there."""
    points = at(point, nth)
    if what in ("cancel", "stop") or point == "lease.renewing":
        points += f";{SLOW}"
    if what == "news":
        bring_news(world)
    if what == "retry":
        fail_once(world)
    if what == "report":
        report_something(world)
    if not world.start(points):
        assert what in ("news", "retry", "report"), f"{point} was reached {nth} times by the start alone, without a run"
        return True
    if what in ("copy", "parts", "bad"):
        world.ask(what)
    elif what == "events":
        world.deliver()
        if (point, nth) in (("events.clearing", 2), ("end.written", 2)):
            wait_until(lambda: world.rows("SELECT 1 FROM run WHERE event_mark = ?", world.delivered), world.server)
        world.deliver(2)
    elif what == "report":
        time.sleep(1.5)
    elif what in ("cancel", "stop"):
        token = world.ask("copy")
        wait_until_staged(world)
        if what == "cancel":
            world.cancel("copy", world.asked[token][1])
        else:
            world.server.process.child.send_signal(signal.SIGTERM)
    return world.died()


def end_at_the_commit(world, what, point, nth, tries=6):
    """The same at the commit that holds the run. Writes that come together are one commit, so how many the start makes is not
    always the same; when it was another commit, all begins again with the next one or the one before."""
    for _ in range(tries):
        is_early = True
        if world.start(at(point, nth)):
            time.sleep(0.5)
            if world.alive():
                before = world.count()
                token = world.ask(what)
                assert world.died()
                is_answered = world.asked[token][1] is not None
                if not is_answered and world.count() == before + (point == "commit.end"):
                    return True
                is_early = not is_answered and world.count() == before
        nth += 1 if is_early else -1
        world.kill()
        world.settle()
    return False


def fail_once(world):
    """A life in which the events of a delivery cannot be published; they wait for the next try."""
    assert world.start("event.retry.ms=return(3000)")
    away = world.out.path.with_name("away")
    world.out.path.rename(away)
    world.deliver()
    wait_until(lambda: world.rows("SELECT 1 FROM event_inbox WHERE retry_at_ms IS NOT NULL"), world.server, 20)
    world.kill()
    away.rename(world.out.path)
    time.sleep(3)


def report_something(world):
    """A life after which the time for a report has come."""
    assert world.start()
    world.deliver()
    world.idle()
    world.kill()
    with contextlib.closing(sqlite3.connect(world.data / "tidegate.db")) as database, database:
        assert database.execute("UPDATE event_inbox SET report_at_ms = 1").rowcount == 1


def crash(world, what, point, nth):
    try:
        end = end_at_the_commit if point in COMMITS else end_at
        assert end(world, what, point, nth), f"{point} was not reached {nth} times\n{world.server.log()[-3000:]}"
    finally:
        world.kill()
    pending = [token for token, (name, id) in world.asked.items() if name == "copy"]
    world.settle()
    if (what, point) != ("cancel", "cancel.writing") and what == "cancel":
        # It was cancelled before the end, so it is cancelled after.
        _, execution = world.asked[pending[-1]]
        assert world.rows("SELECT status FROM run WHERE id = ?", execution) == [("Canceled",)]


@pytest.mark.parametrize("what, point, nth", cases(BOTH, LOCAL))
def test_an_end_at_each_point(worlds, what, point, nth):
    crash(worlds("local", what), what, point, nth)


@pytest.mark.parametrize("what, point, nth", cases(S3))
def test_an_end_at_each_point_with_an_endpoint(worlds, what, point, nth):
    crash(worlds("remote", what), what, point, nth)


@pytest.mark.parametrize("place", ["local", "remote"])
@pytest.mark.parametrize("point", ["output.staged", "list.writing"])
def test_an_attempt_clears_away_what_the_one_before_it_has_staged(worlds, place, point):
    """While it is under way, and not only when the run is over."""
    world = worlds(place, "copy")
    uploads = lambda: {path.name for path in world.s3.folder.iterdir() if path.name.startswith(".upload") and "part" in path.name} if world.s3 else set()
    try:
        world.start(at(point, 1))
        execution = world.asked[world.ask("copy")][1]
        assert world.died()
        of_the_first = uploads()
        assert staged(world) == [f"{execution}-1"] and bool(of_the_first) == (place == "remote")
        world.start("output.staged=sleep(3000)")
        wait_until(lambda: f"{execution}-2" in staged(world) and len(uploads() - of_the_first) >= len(of_the_first), world.server)
        assert world.rows("SELECT status, attempt FROM run WHERE id = ?", execution) == [("Running", 2)], "the attempt is over too soon for this test"
        assert staged(world) == [f"{execution}-2"] and not uploads() & of_the_first
    finally:
        world.kill()
    world.settle()


@pytest.mark.parametrize("point", ["window.fixed", "output.staged", "list.recording", "list.writing"])
def test_the_cursor_stays_when_a_run_is_cancelled_after_an_end(worlds, point):
    """The first attempt comes as far as its list, the second one is cancelled: the next run brings what they did not."""
    world = worlds("local", "news")
    bring_news(world)
    cursor = world.rows("SELECT cursor FROM flow WHERE name = 'news'")
    try:
        world.start(at(point, 1))
        assert world.died()
        world.start("window.fixed=sleep(2000)")
        execution, = wait_until(lambda: world.rows("SELECT id FROM run WHERE flow = 'news' AND status = 'Running' AND attempt = 2"), world.server)[0]
        world.cancel_scheduled(execution)
        world.idle()
        assert world.rows("SELECT status FROM run WHERE id = ?", execution) == [("Canceled",)]
        assert world.rows("SELECT cursor FROM flow WHERE name = 'news'") == cursor, "nothing that it stands for has arrived"
    finally:
        world.kill()
    world.settle()


def test_an_answer_comes_after_its_commit(worlds):
    """Commits are slow, and the process ends as soon as it has answered."""
    world = worlds("local", "copy")
    assert world.start("commit.begin=sleep(200)")
    token = world.ask("copy")
    world.kill()
    assert world.asked[token][1], "it was answered"
    world.settle()


def test_every_point_of_the_code_is_in_the_tables():
    named = {point for table in (BOTH, LOCAL, S3) for points in table.values() for point, _ in points}
    sources = (ROOT / "crates").glob("*/src/**/*.rs")
    found = {point for path in sources for point in re.findall(r'fault::point\(\s*"([^"]+)"', path.read_text())}
    assert found == named


def test_every_number_of_the_code_is_another_one_in_some_test():
    find = lambda folder, pattern, what: {name for path in (ROOT / folder).glob(pattern) for name in re.findall(what, path.read_text())}
    assert find("crates", "*/src/**/*.rs", r'fault::number\(\s*"([^"]+)"') == find("conformance/tests", "**/*.py", r"([a-z0-9.]+)=return\([{0-9]")


# Where a server stands still while another one takes its run over.
STOPS = [("source.opened", 1), ("batch.read", 2), ("output.staged", 1), ("list.recording", 1), ("list.recorded", 1),
         ("object.publishing", 2), ("object.visible", 1), ("output.visible", 1), ("end.beginning", 1)]


def paused(process, seconds=20):
    """Waits until the process stands still."""
    wait_until(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", process, seconds)


def stopped(world, what, point, nth, others, tries=5):
    """A server that stands still at a point while another one lives over its data folder: the first, the id of its run, and
    who has it. One that stands still while it holds the database keeps everybody out; then all begins again."""
    # Signs of life are rare enough that none is being written when the first one stops: that would hold up everybody.
    shared = "folder.shared=return(1);heartbeat.ms=return(1000)"
    for _ in range(tries):
        assert world.start(f"{shared};{at(point, nth).replace(END, '1*return(stop)')}")
        first = world.server.process
        try:
            token = world.ask(what)
            execution = world.asked[token][1]
            paused(first)
            worker, = world.rows("SELECT worker FROM run WHERE id = ?", execution)
            assert world.start(f"{shared};{others}")
            return first, execution, worker
        except BaseException as error:
            first.kill()
            world.kill()
            if not isinstance(error, RuntimeError) or "another process holds the database" not in str(error):
                raise
        world.settle()
    pytest.fail(f"at {point} the first server held the database {tries} times")


def overtake(world, what, point, nth, others, woken_when):
    """A server stands still at a point, as a machine that is paused; another one takes its run over; the first wakes."""
    first, execution, worker = stopped(world, what, point, nth, others)
    try:
        woken_when(execution, worker)
        first.child.send_signal(signal.SIGCONT)

        def too_late():
            assert first.child.poll() is None, f"{first.log()[-2000:]}\n{world.server.log()[-3000:]}"
            return "has gone to another worker" in first.log() or "end could not be written" in first.log()

        wait_until(too_late, first, 20)
        yield
        world.idle()
    finally:
        first.kill()
        world.kill()
        world.settle()


@pytest.mark.parametrize("place, point, nth", [("local", *stop) for stop in STOPS] + [
    ("remote", "output.staged", 1), ("remote", "list.recorded", 1), ("remote", "object.publishing", 2)])
def test_two_servers_never_both_publish(worlds, place, point, nth):
    """Two servers over one data folder is what its lock prevents; here it does not hold, and the first is too late."""
    world = worlds(place, "copy")
    before = []

    def state():
        return world.rows("SELECT id, status, attempt, counts FROM run ORDER BY id"), world.out.keys(), world.errors.keys()

    def ended(*_):
        world.idle()
        before.append(state())

    for _ in overtake(world, "copy", point, nth, "", ended):
        assert [state()] == before, "whoever is too late changes nothing"


@pytest.mark.parametrize("place, what, point", [
    ("local", "copy", "output.staged"), ("local", "copy", "list.recording"), ("remote", "copy", "list.recording"), ("local", "bad", "end.beginning")])
def test_a_server_that_wakes_while_another_has_its_run_writes_nothing(worlds, place, what, point):
    """Both have the same run in hand, and only the number of the attempt tells whose it is: neither the list nor the end of
    the one that is too late is written."""
    world = worlds(place, "copy")

    def begun(execution, worker):
        wait_until(lambda: world.rows("SELECT worker FROM run WHERE id = ? AND status = 'Running'", execution) not in ([], [worker]), world.server, 20)

    for _ in overtake(world, what, point, 1, "batch.read=sleep(1000)", begun):
        pass


def test_a_run_whose_lease_is_over_is_taken_over(worlds):
    """Its worker lives and gives no sign of it; when it goes on it is too late."""
    world = worlds("local", "copy")
    try:
        assert world.start("lease.ms=return(1000);heartbeat.ms=return(60000);output.staged=1*sleep(5000)")
        execution = world.asked[world.ask("copy")][1]
        wait_until(lambda: f"The run has gone to another worker. run={execution}" in world.server.log(), world.server)
        assert world.rows("SELECT status, attempt FROM run WHERE id = ?", execution) == [("Successful", 2)]
    finally:
        world.kill()
    world.settle()


def live(world, chance, points):
    """One life that is asked for this and that, and ends at a point or at a moment."""
    if "news" in world.flows and chance.random() < 0.5:
        world.publish_news()
        world.make_due()
    point = chance.choice(points)
    nth = chance.choice((3, 4, 5, 6) if point in COMMITS else (1, 1, 2, 3))
    plan = f"{point}#{nth}"
    if not world.start(at(point, nth)):
        return plan + " at the start"
    for name in chance.sample(BY_HAND, chance.randint(0, 3)):
        world.ask(name)
        plan += f" {name}"
    for _ in range(chance.randint(0, 2)):
        world.deliver(chance.choice((1, 5, 400)))
        plan += " deliver"
    if world.alive() and chance.random() < 0.2:
        flow = chance.choice(BY_HAND)
        world.cancel(flow)
        plan += f" cancel {flow}"
    if not world.died(chance.choice((0.02, 0.1, 0.3, 1.0))):
        world.kill()
        plan += " kill"
    return plan


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + SEEDS))
def test_lives_that_end_anywhere(tmp_path, endpoint, seed):
    """Life after life over one data folder, also in the middle of making good what the last one left."""
    chance = random.Random(seed)
    points = sorted({point for table in (BOTH, S3 if seed % 2 else LOCAL) for points in table.values() for point, _ in points})
    world = World(tmp_path / "world", endpoint if seed % 2 else None, prefix=f"s{seed}-" if seed % 2 else "")
    lives = []
    try:
        lives = [live(world, chance, points) for _ in range(LIVES)]
        world.settle()
    except BaseException:
        print(f"seed {seed}: " + "\n  ".join(lives))
        raise
    finally:
        world.kill()

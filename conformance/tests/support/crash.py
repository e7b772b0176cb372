"""A data folder with flows of several kinds, lives of a server that end anywhere, and what must hold after them."""

import contextlib
import hashlib
import json
import resource
import signal
import time

import botocore.exceptions
import requests.exceptions

from .flows import Bucket, filter_field, flow, map_all, map_field, mask, partition, s3_destination, s3_source
from .process import wait_until
from .schedules import incremental, make_due
from .server import Server, binary

MINUTE = 60_000
# A process that ends at a point leaves no core file behind.
resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

OPEN = "status NOT IN ('Successful', 'Error', 'Canceled')"
ROWS, BAD, SMALL, PARTS = 8_300, (17, 4_000, 8_299), 10, 5
# Signs of life are given often, so that each short run gives one, and a server that stops gives its runs back soon.
# What failed is tried again at once.
PACE = "heartbeat.ms=return(50);drain.ms=return(100);event.retry.ms=return(1)"


def has_points():
    """Whether the program under test has the points; the build of `cargo xtask test` does."""
    return b"FAILPOINTS" in binary().read_bytes()


def task(kind, fields, to="", op="NO_OP", **properties):
    return {"taskType": kind, "connectorOperator": {"S3": op}, "sourceFields": fields, "destinationField": to,
            "taskProperties": properties}


class Folder(Bucket):
    """A bucket by its folder, be it a local one or that of an endpoint."""

    def __init__(self, root, name):
        self.name, self.path = name, root / name
        self.path.mkdir(parents=True, exist_ok=True)
        self.digests = {}

    def digest(self, key):
        """What is in an object; it is read again only where its file is another one or was written to."""
        file = (self.path / key).stat()
        state = file.st_ino, file.st_mtime_ns, file.st_size
        if self.digests.get(key, (None,))[0] != state:
            self.digests[key] = state, hashlib.sha256(self.read(key)).hexdigest()
        return self.digests[key][1]


def copied():
    """Two files with numbers, three of which are none: filtered, written and failed records, two objects to publish."""
    amount = lambda i: "none" if i in BAD else f"{i}.50"
    rows = [f"{i},name {i},{amount(i)}" for i in range(ROWS)]
    return {f"{n}.csv": "id,name,amount\n" + "\n".join(part) + "\n" for n, part in enumerate((rows[:5000], rows[5000:]))}


def lake():
    return {"a.json": "".join(json.dumps({"id": i, "on": i % 5 or None}) + "\n" for i in range(50))}


def sheet():
    return {"a.csv": "id,phone\n" + "".join(f"{i},{1000 + i}\n" for i in range(20))}


def bad():
    """Good but for its last record, which ends the run when everything else is staged."""
    return {"a.csv": "id\n" + "".join(f"{i}\n" for i in range(8_200)) + "x\n"}


def parts():
    return {"a.csv": "id,region\n" + "".join(f"{i},r{i % PARTS}\n" for i in range(50))}


FLOWS = {
    "copy": (copied, "CSV", "JSON", {}, [
        map_field("S3", "id"), map_field("S3", "name"),
        map_field("S3", "amount", SOURCE_DATA_TYPE="string", DESTINATION_DATA_TYPE="decimal"),
        filter_field("S3", "id", "GREATER_THAN_OR_EQUAL_TO", "long", VALUE=str(SMALL))]),
    "lake": (lake, "JSON", "PARQUET", {"preserveSourceDataTyping": True}, [
        map_all("S3"), task("Validate", ["on"], op="VALIDATE_NON_NULL", VALIDATION_ACTION="DropRecord")]),
    "sheet": (sheet, "CSV", "CSV", {"aggregationConfig": {"aggregationType": "SingleFile"},
                                    "prefixConfig": {"prefixType": "PATH_AND_FILENAME", "prefixFormat": "DAY"}}, [
        map_field("S3", "id"), map_field("S3", "phone"), mask("S3", "phone", "MASK_FIRST_N", MASK_LENGTH="3", MASK_VALUE="*")]),
    "bad": (bad, "CSV", "JSON", {}, [map_all("S3"), task("Validate", ["id"], op="VALIDATE_NUMERIC", VALIDATION_ACTION="DropDataset")]),
    "parts": (parts, "CSV", "JSON", {}, [
        map_all("S3"), partition("S3", "region")]),
    "news": (None, "CSV", "JSON", {}, [map_all("S3")]),
    "inbox": (None, "JSON", "JSON", {}, [map_all("S3")]),
}
BY_HAND = ("copy", "lake", "sheet", "parts", "bad")
# What a run may have in the making at one moment: an output and an error file, or the files of a partition each.
UPLOADS = {"copy": 2, "parts": PARTS}
# read, filtered, dropped, failed
COUNTS = {"copy": (ROWS, SMALL, 0, len(BAD)), "lake": (50, 0, 10, 0), "sheet": (20, 0, 0, 0), "parts": (50, 0, 0, 0)}


class World:
    """One data folder, its buckets, and the flows above; servers come and go."""

    def __init__(self, folder, s3=None, flows=tuple(FLOWS), prefix=""):
        folder.mkdir(exist_ok=True)
        self.s3, self.flows, self.server = s3, flows, None
        self.data = folder / "data"
        root = s3.folder if s3 else self.data / "s3"
        self.source, self.out, self.errors = (Folder(root, prefix + name) for name in ("input", "output", "errors"))
        self.asked, self.published, self.unknown = {}, 0, 0
        self.delivered, self.answered = 0, 0
        self.confirmed, self.checked = set(), set()
        self.cancelled, self.published_by = set(), {}
        for name in flows:
            make = FLOWS[name][0]
            for key, text in (make() if make else {}).items():
                self.source.put(f"{name}/{key}", text)
        self.start()
        client = self.server.boto()
        for name in flows:
            _, kind, to, format, tasks = FLOWS[name]
            more = {"tags": {"tidegate:error-bucket": self.errors.name}} if name == "copy" else {}
            if name == "news":
                self.publish_news()
                more |= incremental()
            if name == "inbox":
                more = {"triggerConfig": {"triggerType": "Event"}, "tags": {"tidegate:activate": "true"}}
            client.create_flow(**flow(name, s3_source(self.source.name, f"{name}/", kind), s3_destination(self.out.name, to.lower(), to, **format), tasks, **more))
        if "news" in flows:
            client.start_flow(flowName="news")
            self.idle()
        self.kill()

    # Lives.

    def start(self, points="", **env):
        """A new life. False when it ended before it was ready, as a point may have asked for."""
        # A later word on a point is the one that counts.
        env = {**(self.s3.env() if self.s3 else {}), "FAILPOINTS": f"{PACE};{points}" if points else PACE, **env}
        if self.server:
            self.server.extra = env
        try:
            if self.server:
                self.server.start()
            else:
                self.server = Server(self.data, "--connection-check", "off", env=env)
        except RuntimeError as error:
            if "(exit -6)" not in str(error):
                raise
            return False
        return True

    def kill(self):
        self.server.kill()
        self.count_unknown()

    def count_unknown(self):
        """After an end: of an upload that the endpoint has just begun nobody may know yet, for each run that was at work."""
        running = self.rows("SELECT flow FROM run WHERE status IN ('Running', 'CancelStarted')") if self.s3 else []
        self.unknown += sum(UPLOADS.get(name, 1) for name, in running)

    def alive(self):
        return self.server.process.child.poll() is None

    def died(self, seconds=30):
        """Waits for the end that a point brings; False when nothing ends and nothing is left to do."""
        end, quiet = time.monotonic() + seconds, 0
        while time.monotonic() < end and quiet < 5:
            if not self.alive():
                self.kill()
                code = self.server.process.child.returncode
                assert code in (0, -signal.SIGABRT), f"it ended by itself ({code})\n{self.server.log()[-3000:]}"
                return code != 0
            quiet = quiet + 1 if self.open() == 0 else 0
            time.sleep(0.02)
        return False

    def idle(self, seconds=60):
        """Waits until no run is left."""
        def none():
            if self.open() == 0:
                return True
            assert self.alive(), f"the server has ended\n{self.server.log()[-3000:]}"

        wait_until(none, self.server, seconds)

    def ask(self, name, token=None):
        """Asks for a run; the answer may be lost, and then the same is asked again later."""
        token = token or f"token-{name}-{len(self.asked)}"
        self.asked[token] = (name, None)
        with self.lost():
            self.asked[token] = (name, self.start_flow(name, token))
        return token

    def cancel(self, name, *executions):
        """Cancels these runs, or all of a flow; the answer may be lost. Each run that was asked for by now may be meant."""
        self.cancelled |= {token for token, (flow, id) in self.asked.items() if flow == name and (not executions or id in executions)}
        with self.lost():
            self.server.boto().cancel_flow_executions(flowName=name, **({"executionIds": list(executions)} if executions else {}))

    def cancel_scheduled(self, execution):
        """Cancels a run that nobody asked for; it has not begun to publish."""
        token = f"scheduled-{execution}"
        self.asked[token] = ("news", execution)
        self.confirmed.add(token)
        self.cancelled.add(token)
        assert self.server.boto().cancel_flow_executions(flowName="news", executionIds=[execution])["invalidExecutions"] == []

    def start_flow(self, name, token):
        answer = self.server.raw("/start-flow", {"flowName": name, "clientToken": token})
        assert answer.status_code == 200, answer.text
        return answer.json()["executionId"]

    def ask_again(self):
        """Repeats every request whose answer was lost; AppFlow's client token makes it the same run."""
        for token, (name, execution) in list(self.asked.items()):
            if token in self.confirmed:
                continue
            answer = self.start_flow(name, token)
            assert execution in (None, answer), "one token, one run"
            self.asked[token] = (name, answer)
            self.confirmed.add(token)
        if self.delivered:
            # Whoever does not know whether they arrived delivers all of them again.
            self.answered = 0
            self.deliver(0)

    @staticmethod
    def lost():
        """The server may end before it answers."""
        return contextlib.suppress(botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError,
                                   botocore.exceptions.ClientError, requests.exceptions.RequestException)

    def deliver(self, count=3):
        """Events of the event flow, numbered on; before them those again whose answer was lost."""
        self.delivered += count
        with self.lost():
            while self.answered < self.delivered:
                last = min(self.answered + 1000, self.delivered)
                self.deliver_numbers(range(self.answered + 1, last + 1))
                self.answered = last

    def deliver_numbers(self, numbers):
        events = [{"id": str(n), "record": {"n": n, "text": f"event {n}"}} for n in numbers]
        answer = self.server.raw("/x/deliver-flow-events", {"flowName": "inbox", "events": events})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def publish_news(self):
        """One more object at the source of the incremental flow."""
        self.published += 1
        self.source.put(f"news/{self.published}.csv", f"id\n{self.published}\n")

    def make_due(self):
        """While no server lives: makes the incremental flow's next tick this moment's."""
        make_due(self.data, "news")

    # What the store says.

    def rows(self, sql, *values):
        return self.server.rows(sql, *values)

    def count(self):
        """How many runs there are, ended or not."""
        return self.rows("SELECT COUNT(*) FROM run")[0][0]

    def open(self):
        """How many runs have not ended, or will begin because their tick is over or events wait."""
        due = self.rows("SELECT COUNT(*) FROM event_inbox WHERE waiting > 0")[0][0]
        due += self.rows("SELECT COUNT(*) FROM flow WHERE next_due_ms <= ?", int(time.time() * 1000))[0][0]
        return due + self.rows(f"SELECT COUNT(*) FROM run WHERE {OPEN}")[0][0]

    # What must hold.

    def check(self):
        """Every promise, once no run is left: see docs/durability.md."""
        runs = self.rows("SELECT id, flow, status, counts, error, window_start_ms, window_end_ms FROM run ORDER BY seq")
        assert {status for _, _, status, *_ in runs} <= {"Successful", "Error", "Canceled"}
        by_id = {id: (flow, status) for id, flow, status, *_ in runs}
        for token, (name, execution) in self.asked.items():
            assert execution in by_id, f"the run of {token} is lost"
        assert len(by_id) == len(runs)
        self.check_visible(by_id)
        cancelled = {self.asked[token][1] for token in self.cancelled}
        for id, name, status, counts, error, *_ in runs:
            where = f"{name} {id} {status} {error}"
            if status == "Canceled":
                assert id in cancelled, f"nobody has cancelled {where}"
            else:
                assert (status == "Error") == (name == "bad") or name == "inbox", where
            if status != "Successful":
                continue
            counts = json.loads(counts)
            parts = [counts[f"records_{part}"] for part in ("filtered", "dropped", "failed")]
            assert counts["records_read"] == counts["records_written"] + sum(parts), where
            if name in COUNTS and id not in self.checked:
                self.checked.add(id)
                assert [counts["records_read"], *parts] == list(COUNTS[name]), where
                self.check_output(name, id, where)
        if "inbox" in self.flows:
            self.check_inbox([run for run in runs if run[1:3] == ("inbox", "Successful")])
        if "news" in self.flows:
            self.check_news([run for run in runs if run[1] == "news"])
        staging = self.data / "s3" / ".staging"
        assert not staging.exists() or list(staging.iterdir()) == [], "what was staged is cleared away"
        if self.s3:
            left = [path for path in self.s3.folder.iterdir() if path.name.startswith(".upload")]
            # One that nobody knows of holds nothing.
            assert not any("part" in path.name for path in left), "uploads are completed or aborted"
            assert len(left) <= self.unknown, f"{len(left)} uploads are left, and {self.unknown} may have been unknown at an end"
            for path in left:
                path.unlink()
            self.unknown = 0

    def check_visible(self, by_id):
        """Each object is of one run, and that one has ended well; what a run has made visible once stays as it is."""
        found = {id: {} for id, (_, status) in by_id.items() if status == "Successful"}
        for bucket in (self.out, self.errors):
            for key in bucket.keys():
                owners = [id for id in by_id if id in key]
                assert len(owners) == 1, f"{key} is nobody's"
                assert by_id[owners[0]][1] == "Successful", f"{key} is visible, and its run is {by_id[owners[0]]}"
                found[owners[0]][bucket.name, key] = bucket.digest(key)
        for id, before in self.published_by.items():
            assert found.get(id) == before, f"what the run {by_id.get(id)} {id} has published is another or gone"
        self.published_by = found

    def check_output(self, name, id, where):
        keys = [key for key in self.out.keys() if id in key]
        if name == "copy":
            lines = b"".join(self.out.read(key) for key in keys).splitlines()
            rows = json.loads(b"[" + b",".join(lines) + b"]")
            want = [i for i in range(SMALL, ROWS) if i not in BAD]
            assert [int(row["id"]) for row in rows] == want, where
            assert all(row["name"] == f"name {row['id']}" and float(row["amount"]) == int(row["id"]) + 0.5 for row in rows), where
            failed = [json.loads(line) for line in self.errors.read(f"copy/errors/{id}").splitlines()]
            assert [int(line["source"]["id"]) for line in failed] == list(BAD), where
        elif name == "lake":
            table = self.out.parquet(keys[0]).to_pylist()
            assert len(keys) == 1 and [int(row["id"]) for row in table] == [i for i in range(50) if i % 5], where
        elif name == "parts":
            found = {key.split("region=")[1][:2]: [json.loads(line)["id"] for line in self.out.read(key).splitlines()] for key in keys}
            want = {f"r{part}": [str(i) for i in range(50) if i % PARTS == part] for part in range(PARTS)}
            assert len(keys) == PARTS and found == want, where
        else:
            rows = self.out.csv_rows(keys[0])
            assert len(keys) == 1 and rows == [{"id": str(i), "phone": f"***{(1000 + i) % 10}"} for i in range(20)], where

    def check_inbox(self, runs):
        """Each event arrives once, in the order in which they were delivered, and the inbox is empty."""
        found = []
        for id, *_ in runs:
            for key in (key for key in self.out.keys() if id in key):
                found += [json.loads(line) for line in self.out.read(key).splitlines()]
        assert found == [{"n": n, "text": f"event {n}"} for n in range(1, self.delivered + 1)]
        assert self.rows("SELECT COUNT(*) FROM event_batch") == [(0,)]
        assert self.rows("SELECT last_seq, waiting, waiting_bytes FROM event_inbox") in ([], [(self.delivered, 0, 0)])

    def check_news(self, runs):
        """Each record arrives once; the windows join; the cursor is where the last success ended."""
        good = [run for run in runs if run[2] == "Successful"]
        keys = [key for key in self.out.keys() if any(run[0] in key for run in good)]
        ids = sorted(json.loads(line)["id"] for key in keys for line in self.out.read(key).splitlines())
        assert ids == sorted(map(str, range(1, self.published + 1))), f"each object once: {ids} of {self.published}, {runs}"
        for before, after in zip(good, good[1:]):
            assert after[5] == before[6], f"a window begins where the one before ended: {runs}"
        cursor = json.loads(self.rows("SELECT cursor FROM flow WHERE name = 'news'")[0][0] or "{}")
        assert cursor["windowEndMs"] == good[-1][6], "the cursor moves with its data"

    def settle(self):
        """A last life that ends nowhere: everything is carried out, and everything is checked."""
        if "news" in self.flows:
            # What was put last lies before the next tick.
            time.sleep(0.01)
            self.make_due()
        assert self.start()
        self.ask_again()
        self.idle()
        self.kill()
        self.check()

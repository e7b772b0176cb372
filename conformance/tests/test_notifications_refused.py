"""An event that EventBridge refuses holds no other one back."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.moto import KEY, SECRET
from support.process import wait_until
from test_notifications import END, START, run_a_flow


class Bus(ThreadingHTTPServer):
    """Takes events of all flows but those of `bad`: a request that has one of those is refused as a whole, as the real
    one refuses an entry that is not valid. Until `is_up` it takes none, so that many wait."""

    daemon_threads = True

    def __init__(self, bad):
        self.bad, self.is_up, self.taken, self.sizes = bad, False, [], []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        bus = self.server
        entries = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["Entries"]
        told = [(json.loads(entry["Detail"])["flow-name"], entry["DetailType"]) for entry in entries]
        status, answer = 200, {"FailedEntryCount": 0, "Entries": [{"EventId": str(at)} for at, _ in enumerate(entries)]}
        if bus.is_up:
            bus.sizes.append(len(entries))
        if not bus.is_up:
            status, answer = 503, {"__type": "ServiceUnavailable"}
        elif any(flow == bus.bad for flow, _ in told):
            status, answer = 400, {"__type": "ValidationException", "message": "one entry is not valid"}
        else:
            bus.taken += told
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def bus(name):
    bus = Bus(f"{name}-bad")
    yield bus
    bus.shutdown()
    bus.server_close()


def test_a_refused_event_holds_no_other_back(make_server, bus, name):
    env = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    server = make_server("--eventbridge-bus", "flows", "--eventbridge-endpoint", bus.url, **env)
    flows = [f"{name}-one", bus.bad, f"{name}-two"]
    for flow in flows:
        run_a_flow(server, flow)
    bus.is_up = True
    expected = {(flow, kind) for flow in flows if flow != bus.bad for kind in (START, END)}
    wait_until(lambda: set(bus.taken) >= expected, server, 60)
    assert max(bus.sizes) > 1, "they came together"
    # Later ones arrive as well; by then each of the others would have come a second time that ever does.
    run_a_flow(server, f"{name}-after")
    expected |= {(f"{name}-after", kind) for kind in (START, END)}
    only_the_bad_wait = lambda: server.rows("SELECT COUNT(*) FROM notification") == [(2,)]
    wait_until(lambda: set(bus.taken) >= expected and only_the_bad_wait(), server, 60)
    assert sorted(bus.taken) == sorted(expected), "each came once, and none of the bad flow's"

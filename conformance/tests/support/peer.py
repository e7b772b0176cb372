"""What the small HTTP servers of the tests share: a free port, a thread, no log."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class Peer:
    """Serves on a free port until `stop`. Subclasses have `get(http)` and, if they take forms, `post(http, form)`, or
    `handle(http)` for requests of any kind; what these need must be there before this class's `__init__`, since requests
    may come at once."""

    def __init__(self, host="127.0.0.1"):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                outer.handle(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        self.server = ThreadingHTTPServer((host, 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, http):
        body = body_of(http)
        if http.command == "GET":
            self.get(http)
        elif http.command == "POST":
            self.post(http, first_of(body.decode()))
        else:
            send(http, 405, b"")

    def post(self, http, form):
        send(http, 405, b"")


def body_of(http):
    return http.rfile.read(int(http.headers.get("Content-Length", 0)))


def first_of(query):
    """The first value of each name in a query or a form."""
    return {name: values[0] for name, values in parse_qs(query).items()}


def send(http, status, body, kind="application/json", length=None, **headers):
    """Answers; `length` lies about the body's."""
    http.send_response(status)
    http.send_header("Content-Type", kind)
    http.send_header("Content-Length", str(length or len(body)))
    for name, value in headers.items():
        http.send_header(name.replace("_", "-"), value)
    http.end_headers()
    http.wfile.write(body)

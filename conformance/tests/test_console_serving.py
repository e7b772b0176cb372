"""The console's files over HTTP: headers, caching, encodings, and nothing but files."""

import gzip
import re

import pytest
import requests
from support.server import error_of

POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data:",
    "font-src": "'self' data:", "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
    "frame-ancestors": "'none'",
}


def get(server, path, method="GET", **headers):
    """One request whose body stays as it came over the wire."""
    headers = {"Accept-Encoding": "identity", **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = requests.request(method, server.url + path, headers=headers, timeout=20, stream=True, allow_redirects=False)
    answer.body = answer.raw.read(decode_content=False)
    return answer


def files(server):
    """What the index loads."""
    return re.findall(r'(?:src|href)="\.(/[^"]+)"', get(server, "/").body.decode())


def has_console(server):
    return "no console" not in get(server, "/").body.decode()


@pytest.mark.parametrize("path", ["/", "/oauth/callback", "/oauth/callback.js", "/pages.css", "/icon.svg", "/favicon.ico"])
def test_every_answer_has_the_headers_that_keep_it_safe(live, path):
    answer = get(live, path)
    assert answer.status_code == 200
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == POLICY and "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Set-Cookie" not in answer.headers
    known = get(live, path, If_None_Match=answer.headers["ETag"])
    assert known.status_code == 304 and known.body == b""
    assert known.headers["Content-Security-Policy"] == answer.headers["Content-Security-Policy"]


def test_pages_load_nothing_inline_and_nothing_from_elsewhere(live):
    for path in ("/", "/oauth/callback"):
        page = get(live, path).body.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", page), page


def test_an_index_is_asked_for_each_time_and_assets_never_again(live):
    index = get(live, "/")
    assert index.headers["Cache-Control"] == "no-cache" and index.headers["Content-Type"] == "text/html; charset=utf-8"
    loads = files(live)
    assert loads
    for path in loads:
        answer = get(live, path)
        forever = path.startswith("/assets/")
        assert answer.headers["Cache-Control"] == ("public, max-age=31536000, immutable" if forever else "no-cache"), path
    assert any(path.startswith("/assets/") for path in loads) == has_console(live)


def test_each_encoding_is_the_same_content_under_a_tag_of_its_own(live):
    for path in files(live):
        forms = {coding: get(live, path, Accept_Encoding=coding) for coding in ("identity", "gzip", "br", "gzip;q=0, br;q=0")}
        plain = forms["identity"]
        assert "Content-Encoding" not in plain.headers and forms["gzip;q=0, br;q=0"].body == plain.body
        for coding in ("gzip", "br"):
            answer = forms[coding]
            assert answer.headers["Vary"].lower() == "accept-encoding"
            assert answer.headers["Content-Length"] == str(len(answer.body))
            if "Content-Encoding" not in answer.headers:
                assert not path.startswith("/assets/"), path
                continue
            assert answer.headers["Content-Encoding"] == coding
            assert len(answer.body) < len(plain.body) and answer.headers["ETag"] != plain.headers["ETag"]
            if coding == "gzip":
                assert gzip.decompress(answer.body) == plain.body
        both = get(live, path, Accept_Encoding="gzip, deflate, br, zstd")
        assert both.headers["ETag"] == forms["br"].headers["ETag"], "brotli is preferred"
        assert get(live, path, Accept_Encoding="br", If_None_Match=plain.headers["ETag"]).status_code == (
            200 if "Content-Encoding" in forms["br"].headers else 304)


def test_head_tells_what_get_would(live):
    for path in ["/", *files(live)]:
        head, full = get(live, path, "HEAD"), get(live, path)
        assert (head.status_code, head.body) == (200, b"")
        for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control", "Content-Security-Policy"):
            assert head.headers[name] == full.headers[name], (path, name)


@pytest.mark.parametrize("path", [
    "/assets/", "/assets", "/assets/nothing.js", "/assets/%2e%2e/", "/%2e%2e/%2e%2e/etc/passwd", "/index.html", "//", "/.git/HEAD",
    "/oauth/", "/oauth/callback/", "/assets/..%2f..%2fetc/passwd",
])
def test_nothing_but_files_of_the_table_is_served(live, path):
    # `requests` would tidy the path up, so the request is written by hand.
    import http.client
    host, port = live.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 404 and answer.headers["x-amzn-errortype"] == "UnknownOperationException"
    connection.request("GET", "/assets/../" + path.lstrip("/"))
    answer = connection.getresponse()
    assert answer.status == 404 and b"root:" not in answer.read()


def test_a_person_who_is_lost_gets_a_page_and_a_program_its_error(live):
    page = get(live, "/nothing", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.status_code == 404 and page.headers["Content-Type"].startswith("text/html") and b"console" in page.body
    assert "Content-Security-Policy" in page.headers
    assert error_of(live.raw("/nothing", method="GET", sign=False))[:2] == (404, "UnknownOperationException")
    assert error_of(live.raw("/", method="POST", sign=False))[:2] == (404, "UnknownOperationException")
    assert error_of(live.raw("/oauth/callback", method="POST", sign=False))[:2] == (404, "UnknownOperationException")
    unsigned = requests.get(live.url + "/tags/arn", headers={"Accept": "text/html"}, timeout=20)
    assert error_of(unsigned)[:2] == (403, "MissingAuthenticationTokenException")


def test_the_callback_page_takes_any_query_and_repeats_none_of_it(live):
    answer = get(live, "/oauth/callback?code=CANARY&state=CANARY&error=<script>CANARY")
    assert answer.status_code == 200 and b"CANARY" not in answer.body
    assert get(live, "/oauth/callback.js").headers["Content-Type"].startswith("text/javascript")


def test_a_build_without_the_console_says_how_to_get_it(live):
    """Runs in both kinds of build: one has the console, the other this page."""
    page = get(live, "/").body.decode()
    if has_console(live):
        assert 'id="root"' in page
    else:
        assert "TIDEGATE_CONSOLE=on" in page and "Node 20" in page

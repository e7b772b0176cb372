"""A small OAuth server that checks PKCE, and an OData service that takes nothing but its tokens."""

import base64
import hashlib
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from .hostile import METADATA

CLIENT, CLIENT_SECRET = "tidegate+client/1", "s3cret%of+the:client"


class Idp:
    """Both on one free port. `exchanges` keeps (status, form) of every request to the token endpoint."""

    def __init__(self):
        self.codes, self.tokens, self.exchanges = {}, set(), []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                url = urlsplit(self.path)
                if url.path == "/authorize":
                    return outer.consent(self, {k: v[0] for k, v in parse_qs(url.query).items()})
                bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                if bearer not in outer.tokens:
                    return outer.send(self, 401, {"error": {"message": "no good token"}})
                if not url.path.startswith("/odata/"):
                    return outer.send(self, 404, {"error": {"message": "no such service"}})
                if url.path.endswith("/$metadata"):
                    return outer.send(self, 200, METADATA, "application/xml")
                return outer.send(self, 200, {"value": []})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {k: v[0] for k, v in parse_qs(body).items()}
                status, answer = outer.exchange(self.headers.get("Authorization") or "", form)
                outer.exchanges.append((status, form))
                outer.send(self, status, answer)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def send(http, status, body, kind="application/json", **headers):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        http.send_response(status)
        http.send_header("Content-Type", kind)
        http.send_header("OData-Version", "4.0")
        http.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            http.send_header(name, value)
        http.end_headers()
        http.wfile.write(body)

    def consent(self, http, asked):
        """A person who says yes at once, or no when the scope asks for too much."""
        if asked.get("scope") == "too-much":
            back = {"error": "access_denied", "error_description": "that is too much", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        self.send(http, 303, "", Location=f"{asked['redirect_uri']}?{urlencode(back)}")

    def exchange(self, authorization, form):
        scheme, _, given = authorization.partition(" ")
        client, _, secret = base64.b64decode(given or "Og==").decode().partition(":")
        if scheme != "Basic" or (unquote(client), unquote(secret)) != (CLIENT, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}
        asked = self.codes.pop(form.get("code"), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        good = asked and asked["redirect_uri"] == form.get("redirect_uri") and asked["code_challenge_method"] == "S256"
        if not good or asked["code_challenge"] != challenge or asked["client_id"] != CLIENT:
            return 400, {"error": "invalid_grant"}
        token = "access-" + secrets.token_urlsafe(16)
        self.tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-" + token}

    def properties(self, **more):
        """The properties of an SAP OData connection to this server."""
        oauth = {"tokenUrl": f"{self.url}/token", "authCodeUrl": f"{self.url}/authorize?realm=a+b&state=mine",
                 "oAuthScopes": ["ONE", "TWO"]}
        oauth.update(more.pop("oauth", {}))
        return {"SAPOData": {"applicationHostUrl": "http://127.0.0.1", "applicationServicePath": "/odata/service",
                             "portNumber": self.port, "clientNumber": "100", "oAuthProperties": oauth, **more}}

    @staticmethod
    def credentials(code, **more):
        return {"SAPOData": {"oAuthCredentials": {
            "clientId": CLIENT, "clientSecret": CLIENT_SECRET, "oAuthRequest": {"authCode": code}, **more}}}


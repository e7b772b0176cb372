"""A small OAuth server that checks PKCE, and an OData service that takes nothing but its tokens."""

import base64
import hashlib
import json
import secrets
from urllib.parse import unquote, urlencode, urlsplit

from .hostile import METADATA
from .peer import Peer, first_of, send

CLIENT, CLIENT_SECRET = "tidegate+client/1", "s3cret%of+the:client"


class Idp(Peer):
    """Both on one free port. `exchanges` keeps (status, form) of every request to the token endpoint."""

    def __init__(self):
        self.codes, self.tokens, self.exchanges = {}, set(), []
        super().__init__()

    def get(self, http):
        url = urlsplit(http.path)
        if url.path == "/authorize":
            return self.consent(http, first_of(url.query))
        bearer = (http.headers.get("Authorization") or "").removeprefix("Bearer ")
        if bearer not in self.tokens:
            return self.answer(http, 401, {"error": {"message": "no good token"}})
        if not url.path.startswith("/odata/"):
            return self.answer(http, 404, {"error": {"message": "no such service"}})
        if url.path.endswith("/$metadata"):
            return send(http, 200, METADATA.encode(), "application/xml", OData_Version="4.0")
        return self.answer(http, 200, {"value": []})

    def post(self, http, form):
        status, answer = self.exchange(http.headers.get("Authorization") or "", form)
        self.exchanges.append((status, form))
        self.answer(http, status, answer)

    @staticmethod
    def answer(http, status, body):
        send(http, status, json.dumps(body).encode(), OData_Version="4.0")

    def consent(self, http, asked):
        """A person who says yes at once, or no when the scope asks for too much."""
        if asked.get("scope") == "too-much":
            back = {"error": "access_denied", "error_description": "that is too much", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        send(http, 303, b"", Location=f"{asked['redirect_uri']}?{urlencode(back)}")

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

"""An OpenID provider that lies on request: signs in whoever it is told to, at once."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from urllib.parse import unquote, urlencode, urlsplit

import rsa

from .peer import Peer, first_of, send

CLIENT, SECRET = "tidegate-console", "canary client+secret/of=the provider"


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(value):
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


class Oidc(Peer):
    """`person` has the claims of whoever signs in; `lie(header, claims)` changes the next tokens."""

    def __init__(self):
        self.person = {"sub": "1", "email": "ada@example.com", "email_verified": True}
        self.codes, self.tokens, self.seen, self.exchanges = {}, {}, [], []
        self.lie, self.deny, self.in_token, self.sign_with = None, None, True, "RS256"
        self.new_key()
        super().__init__()

    def new_key(self):
        """The provider gets another key; the old one is told no more."""
        _, self.key = rsa.newkeys(2048)
        self.kid = secrets.token_hex(4)

    @staticmethod
    def answer(http, status, body):
        send(http, status, json.dumps(body).encode())

    def get(self, http):
        self.seen.append(http.path)
        url = urlsplit(http.path)
        if url.path == "/.well-known/openid-configuration":
            return self.answer(http, 200, {
                "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks", "userinfo_endpoint": f"{self.url}/userinfo",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]})
        if url.path == "/jwks":
            return self.answer(http, 200, {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
                                                   "n": number(self.key.n), "e": number(self.key.e)}]})
        if url.path == "/userinfo":
            token = (http.headers.get("Authorization") or "").removeprefix("Bearer ")
            return self.answer(http, 200, self.tokens[token]) if token in self.tokens else self.answer(http, 401, {})
        asked = first_of(url.query)
        if self.deny:
            back = {"error": "access_denied", "error_description": self.deny, "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        return send(http, 303, b"", Location=f"{asked['redirect_uri']}?{urlencode(back)}")

    def post(self, http, form):
        given = (http.headers.get("Authorization") or "").removeprefix("Basic ")
        client, _, secret = base64.b64decode(given or "Og==").decode().partition(":")
        self.exchanges.append(form)
        if (unquote(client), unquote(secret.replace("+", " "))) != (CLIENT, SECRET):
            return self.answer(http, 401, {"error": "invalid_client"})
        asked = self.codes.pop(form.get("code"), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if not asked or asked["redirect_uri"] != form["redirect_uri"] or (asked["code_challenge_method"], asked["code_challenge"]) != ("S256", challenge):
            return self.answer(http, 400, {"error": "invalid_grant"})
        token = secrets.token_urlsafe(16)
        self.tokens[token] = dict(self.person)
        return self.answer(http, 200, {"access_token": token, "token_type": "Bearer", "expires_in": 60,
                                     "id_token": self.id_token(asked)})

    def id_token(self, asked):
        now = int(time.time())
        header = {"alg": self.sign_with, "kid": self.kid}
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"], "sub": self.person["sub"],
                  **(self.person if self.in_token else {})}
        if self.lie:
            self.lie(header, claims)
        text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
        if header["alg"] == "HS256":
            signature = hmac.digest(SECRET.encode(), text.encode(), "sha256")
        else:
            signature = b"" if header["alg"] == "none" else rsa.sign(text.encode(), self.key, "SHA-256")
        return f"{text}.{b64(signature)}"

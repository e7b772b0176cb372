"""An OData V4 service that misbehaves on purpose; the first part of the path says how."""

import base64
import json
import urllib.parse

from .peer import Peer, send

METADATA = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="T" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Row"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32" Nullable="false"/>
<Property Name="name" Type="Edm.String"/></EntityType>
<EntityContainer Name="C"><EntitySet Name="Rows" EntityType="T.Row"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>"""
PAGE, PAGES = 100, 5


class Hostile(Peer):
    """The service on a free port; `seen` keeps (path with query, Authorization) of every request."""

    def __init__(self, elsewhere=None, foreign=None, host="127.0.0.1"):
        self.foreign = foreign
        self.seen, self.elsewhere, self.times = [], elsewhere, {}
        super().__init__(host)

    def get(self, http):
        self.seen.append((http.path, http.headers.get("Authorization")))
        self.answer(http)

    def asked(self, mode):
        return [path for path, _ in self.seen if path.startswith(f"/{mode}/")]

    def _nth(self, what):
        self.times[what] = self.times.get(what, 0) + 1
        return self.times[what]

    @staticmethod
    def send(http, status, body, kind="application/json", **more):
        send(http, status, body.encode(), kind, OData_Version="4.0", **more)

    def echo(self, http):
        """An error that repeats the caller's secret in every form it can think of."""
        _, password = base64.b64decode(http.headers["Authorization"].split()[1]).decode().split(":", 1)
        forms = [password, urllib.parse.quote(password), urllib.parse.quote_plus(password), http.headers["Authorization"],
                 base64.b64encode(password.encode()).decode()]
        self.send(http, 401, json.dumps({"error": {"code": "401", "message": "Login refused. " + " | ".join(forms)}}))

    def answer(self, http):
        mode, _, rest = http.path.lstrip("/").partition("/")
        path, _, query = rest.partition("?")
        if mode == "echo" or (mode == "echo-later" and path.startswith("Rows")):
            return self.echo(http)
        if path == "$metadata":
            return self.send(http, 200, METADATA, "application/xml")
        if path == "Rows/$count":
            return self.send(http, 200, str(PAGE * PAGES), "text/plain")
        if path != "Rows":
            return self.send(http, 200, json.dumps({"value": [{"name": "Rows", "kind": "EntitySet", "url": "Rows"}]}))
        return self.page(http, mode, query)

    def page(self, http, mode, query):
        options = urllib.parse.parse_qs(query)
        skip = int((options.get("$skiptoken") or options.get("$skip") or ["0"])[0])
        late = skip >= 2 * PAGE
        if mode == "redirect" and late:
            return self.send(http, 302, "", Location=f"{self.elsewhere}/redirect/Rows?{query}")
        if mode == "throttle" and late and self._nth("throttle") < 3:
            return self.send(http, 429, '{"error": {"message": "slow down"}}', Retry_After="1")
        if mode == "unavailable" and late and self._nth("unavailable") < 3:
            return self.send(http, 503, "busy", "text/plain")
        if mode == "broken" and late and self._nth("broken") < 3:
            http.close_connection = True
            return http.connection.close()
        if mode == "failing" and late:
            return self.send(http, 400, json.dumps({"error": {"code": "X/1", "message": "The posting period is closed"}}))
        rows = [{"ID": i, "name": f"row {i}"} for i in range(skip, min(skip + PAGE, PAGE * PAGES))]
        body = {"value": rows}
        if skip + PAGE < PAGE * PAGES:
            link = f"Rows?$skiptoken={skip + PAGE}"
            body["@odata.nextLink"] = f"{self.foreign}/link/{link}" if mode == "link" and late else link
        text = json.dumps(body)
        if mode == "torn" and late:
            http.close_connection = True
            return self.send(http, 200, text[: len(text) // 2], length=len(text))
        if mode == "cut" and late:
            return self.send(http, 200, text[: len(text) // 2])
        return self.send(http, 200, text)

"""A service for operational data provisioning (ODP) behind a SAP Gateway, as far as clients of its deltas see it.

Written from SAP's documents ("ODP-Based Data Extraction via OData", "Using the OData Service for Extracting ODP Data",
"OData Artefacts Available for Extraction of ODP Data", OData V2): a catalogue that lists the service; one queue for each
user and entity set; `Prefer: odata.track-changes` begins to track, and `Preference-Applied` says so; pages are linked by
`$skiptoken`, and the last one has the link with `!deltatoken`; what a token leads to may be asked for again until it is
reorganised; `DeltaLinksOf…`, `SubscribedTo…` and `TerminateDeltasFor…`; `ODQ_CHANGEMODE` is empty, C, U or D.
"""

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from .peer import Peer, send

CATALOGUE = "/sap/opu/odata/iwfnd/catalogservice;v=2"
SERVICE = "/sap/opu/odata/sap/ZORDERS_SRV"
SPACE = "ZORDERS_SRV"
SETS = ("FactsOfORDERS", "FactsOfRETURNS")
FIELDS = ("ORDERNO", "CUSTOMER", "AMOUNT", "CHANGED_AT")
PASSWORD = "odq"
# Texts are empty and numbers 0 where ABAP has nothing to say; a date is null.
INITIAL = {"CUSTOMER": "", "AMOUNT": "0.00", "CHANGED_AT": None}


@dataclass
class Queue:
    """What one user has subscribed to of one entity set."""

    options: dict
    links: list = field(default_factory=list)  # (token, whether it is of a full load), oldest first
    packages: dict = field(default_factory=dict)  # token -> (records, the token after them)
    pending: list = field(default_factory=list)

    def wants(self, row):
        found = re.fullmatch(r"\(?(\w+) eq '([^']*)'\)?", self.options.get("$filter", ""))
        return not found or row[found[1]] == found[2]


class Odp(Peer):
    """The gateway. Its orders change by `put` and `delete`; what goes wrong is set by the fields below."""

    def __init__(self, orders=0):
        self.lock = threading.RLock()
        self.rows = {name: {} for name in SETS}
        self.queues = {}  # (user, set) -> Queue
        self.made = 0
        self.seen = []  # (user, path below the service, query, Prefer)
        self.torn_page = None  # the number of a page that ends in its middle
        self.held_page = None  # the number of a page that is not sent before `released`
        self.reached, self.released = threading.Event(), threading.Event()
        self.may_terminate = True
        for number in range(1, orders + 1):
            self.put(number, CUSTOMER="EVEN" if number % 2 == 0 else "ODD")
        super().__init__()

    # What happens in the application.

    def put(self, number, of=SETS[0], **values):
        key = f"{number:05}"
        with self.lock:
            old = self.rows[of].get(key)
            row = {"ORDERNO": key, "CUSTOMER": "", "AMOUNT": "10.00", "CHANGED_AT": 1_757_548_800_000, **(old or {}), **values}
            self.rows[of][key] = row
            self._note(of, row, {**row, "ODQ_CHANGEMODE": "U" if old else "C", "ODQ_ENTITYCNTR": "1"})

    def delete(self, number, of=SETS[0]):
        with self.lock:
            old = self.rows[of].pop(f"{number:05}")
            self._note(of, old, {"ORDERNO": old["ORDERNO"], **INITIAL, "ODQ_CHANGEMODE": "D", "ODQ_ENTITYCNTR": "-1"})

    def _note(self, of, row, record):
        for (_, name), queue in self.queues.items():
            if name == of and queue.wants(row):
                queue.pending.append(record)

    def reorganise(self):
        """Drops what was delivered and what waits, as SAP's job does after the time it keeps them."""
        with self.lock:
            for queue in self.queues.values():
                queue.links, queue.packages, queue.pending = [], {}, []

    # What tests look at.

    def subscriptions(self):
        with self.lock:
            return sorted(self.queues)

    def reads(self, of=SETS[0]):
        """What was asked of an entity set's data since the last call: "full", "delta" or "page"."""
        with self.lock:
            asked = [(query, prefer) for _, path, query, prefer in self.seen if path == of]
            self.seen = [entry for entry in self.seen if entry[1] != of]
        kind = lambda query: "page" if "$skiptoken" in query else "delta" if "!deltatoken" in query else "full"  # noqa: E731
        return [kind(query) + ("+track" if "track-changes" in prefer else "") for query, prefer in asked]

    def profile(self, name, user="ALICE", path=CATALOGUE):
        """The whole input of CreateConnectorProfile."""
        return {
            "connectorProfileName": name, "connectorType": "SAPOData", "connectionMode": "Public",
            "connectorProfileConfig": {
                "connectorProfileProperties": {"SAPOData": {
                    "applicationHostUrl": "http://localhost", "applicationServicePath": path, "portNumber": self.port,
                    "clientNumber": "100", "logonLanguage": "EN"}},
                "connectorProfileCredentials": {"SAPOData": {"basicAuthCredentials": {"username": user, "password": PASSWORD}}},
            },
        }

    # HTTP.

    def get(self, http):
        path, _, query = http.path.partition("?")
        user = self._user(http)
        if user is None:
            return send(http, 401, b"", WWW_Authenticate='Basic realm="SAP NetWeaver Application Server"')
        options = {unquote(name): unquote(value) for name, _, value in (part.partition("=") for part in query.split("&") if part)}
        path = unquote(path)
        if path.startswith(CATALOGUE):
            return self._catalogue(http, path[len(CATALOGUE):].strip("/"))
        if not path.startswith(SERVICE):
            return self._error(http, 404, "No service found")
        name = path[len(SERVICE):].strip("/")
        with self.lock:
            self.seen.append((user, name, options, http.headers.get("Prefer", "")))
        if name == "":
            return self._json(http, {"EntitySets": [*SETS, *(f"DeltaLinksOf{s}" for s in SETS)]})
        if name == "$metadata":
            return send(http, 200, metadata().encode(), "application/xml", DataServiceVersion="2.0")
        if name in SETS:
            return self._page(http, user, name, options)
        for of in SETS:
            with self.lock:
                queue = self.queues.get((user, of))
                if name == f"DeltaLinksOf{of}":
                    return self._json(http, {"results": [link(of, *entry) for entry in queue.links] if queue else []})
                if name == f"SubscribedTo{of}":
                    return self._json(http, {name: {"__metadata": {"type": f"{SPACE}.ChangeTrackingDetails"}, "SubscribedFlag": queue is not None}})
                if name == f"TerminateDeltasFor{of}":
                    ended = self.may_terminate and self.queues.pop((user, of), None) is not None
                    return self._json(http, {name: {"__metadata": {"type": f"{SPACE}.SubscriptionTerminationDetails"}, "ResultFlag": ended}})
        self._error(http, 404, f"Resource not found for the segment '{name}'")

    @staticmethod
    def _user(http):
        kind, _, text = http.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(text).decode().partition(":") if kind == "Basic" else ("", "", "")
        return user if user and password == PASSWORD else None

    def _catalogue(self, http, name):
        if name in ("", "ServiceCollection"):
            service = {"ID": f"{SPACE}_0001", "Title": SPACE, "TechnicalServiceName": SPACE, "ServiceUrl": f"http://sap.example:8000{SERVICE}"}
            return self._json(http, {"results": [service]} if name else {"EntitySets": ["ServiceCollection"]})
        if name == "$metadata":
            return send(http, 200, CATALOGUE_METADATA.encode(), "application/xml", DataServiceVersion="2.0")
        self._error(http, 404, "Resource not found")

    def _page(self, http, user, of, options):
        wishes = http.headers.get("Prefer", "")
        size = re.search(r"odata\.maxpagesize=(\d+)", wishes)
        size = int(size[1]) if size else 1_000_000
        start, number = options.get("$skiptoken", "").strip("'"), 0
        with self.lock:
            if start:
                start, number = start.rsplit(",", 1)
                number = int(number)
            else:
                start = options.get("!deltatoken", "").strip("'")
            if start:
                queue = self.queues.get((user, of))
                if queue is None or not (start in queue.packages or start in [token for token, _ in queue.links]):
                    return self._error(http, 410, f"Delta token {start} is not available")
                self._cut(queue, start)
            elif "odata.track-changes" in wishes:
                start, queue = self._subscribe(user, of, options)
            else:
                return self._plain(http, of, options)
            records, after = queue.packages.get(start, ([], start))
            records, more = records[number * size:(number + 1) * size], len(records) > (number + 1) * size
            page = {"results": self._shown(of, records, queue)}
            kept = "".join(f"{name}={quote(value)}&" for name, value in queue.options.items())
            here = f"http://{http.headers['Host']}{SERVICE}/{of}?{kept}"
            if more:
                page["__next"] = f"{here}$skiptoken='{start},{number + 1}'"
            elif after:
                page["__delta"] = f"{here}!deltatoken='{after}'"
        if number == self.held_page:
            self.reached.set()
            self.released.wait(60)
        body = json.dumps({"d": page}).encode()
        if number == self.torn_page:
            body = body[: len(body) // 2]
        applied = {"Preference_Applied": "odata.track-changes"} if "track-changes" in wishes else {}
        self._send(http, body, **applied)

    def _token(self):
        self.made += 1
        return f"D20260911{self.made:06}_{self.made:06}000"

    def _subscribe(self, user, of, options):
        """A full load that tracks; it takes the place of the user's last subscription to the set."""
        queue = Queue({name: options[name] for name in ("$select", "$filter") if name in options})
        start, after = f"F{self._token()}", self._token()
        queue.packages[start] = (self._all(of, queue), after)
        queue.links.append((after, True))
        self.queues[user, of] = queue
        return start, queue

    def _plain(self, http, of, options):
        """A load that nothing follows."""
        queue = Queue(options)
        first = int(options.get("$skip", 0))
        records = self._all(of, queue)[first:][: int(options.get("$top", 1_000_000))]
        self._json(http, {"results": self._shown(of, records, queue)})

    def _all(self, of, queue):
        return [{**row, "ODQ_CHANGEMODE": "", "ODQ_ENTITYCNTR": "1"} for row in self.rows[of].values() if queue.wants(row)]

    @staticmethod
    def _shown(of, records, queue):
        chosen = queue.options.get("$select", "").split(",")
        return [of_fields(of, record, chosen) for record in records]

    def _cut(self, queue, start):
        """Makes a package of what waits, for the newest token; an older one leads to what it led to."""
        if start not in queue.packages and queue.pending:
            after = self._token()
            queue.packages[start] = (queue.pending, after)
            queue.links.append((after, False))
            queue.pending = []

    @staticmethod
    def _send(http, body, **headers):
        try:
            send(http, 200, body, DataServiceVersion="2.0", **headers)
        except OSError:
            pass  # Whoever asked is gone.

    def _json(self, http, document):
        self._send(http, json.dumps({"d": document}).encode())

    @staticmethod
    def _error(http, status, text):
        document = {"error": {"code": "/IWBEP/CX_MGW_BUSI_EXCEPTION", "message": {"lang": "en", "value": text}}}
        send(http, status, json.dumps(document).encode())


def of_fields(of, record, chosen):
    body = {name: value for name, value in record.items() if chosen == [""] or name in chosen}
    if body.get("CHANGED_AT") is not None:
        body["CHANGED_AT"] = f"/Date({body['CHANGED_AT']})/"
    return {"__metadata": {"id": f"{of}('{record['ORDERNO']}')", "uri": f"{of}('{record['ORDERNO']}')", "type": f"{SPACE}.{of}"}, **body}


def link(of, token, initial):
    created = f"/Date({1_757_548_800_000 + 1000 * int(token[9:15])})/"
    return {"__metadata": {"type": f"{SPACE}.DeltaLinksOf{of}", "uri": f"DeltaLinksOf{of}('{token}')"}, "DeltaToken": token,
            "CreatedAt": created, "IsInitialLoad": initial,
            "ChangesAfter": {"__deferred": {"uri": f"DeltaLinksOf{of}('{token}')/ChangesAfter"}}}


EDMX = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData">
<edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="%s" xml:lang="en" sap:schema-version="1" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">
%s</Schema></edmx:DataServices></edmx:Edmx>"""

CATALOGUE_METADATA = EDMX % ("CATALOGSERVICE", """<EntityType Name="Service"><Key><PropertyRef Name="ID"/></Key>
<Property Name="ID" Type="Edm.String" Nullable="false"/><Property Name="Title" Type="Edm.String"/>
<Property Name="TechnicalServiceName" Type="Edm.String"/><Property Name="ServiceUrl" Type="Edm.String"/></EntityType>
<EntityContainer Name="CATALOGSERVICE" m:IsDefaultEntityContainer="true">
<EntitySet Name="ServiceCollection" EntityType="CATALOGSERVICE.Service"/></EntityContainer>""")


def metadata():
    types, sets = "", ""
    for of in SETS:
        types += f"""<EntityType Name="{of}"><Key><PropertyRef Name="ORDERNO"/></Key>
<Property Name="ORDERNO" Type="Edm.String" Nullable="false" MaxLength="5" sap:label="Order"/>
<Property Name="CUSTOMER" Type="Edm.String" MaxLength="10" sap:label="Customer"/>
<Property Name="AMOUNT" Type="Edm.Decimal" Precision="15" Scale="2" sap:filterable="false"/>
<Property Name="CHANGED_AT" Type="Edm.DateTime" Precision="0"/>
<Property Name="ODQ_CHANGEMODE" Type="Edm.String" MaxLength="1" sap:filterable="false"/>
<Property Name="ODQ_ENTITYCNTR" Type="Edm.Decimal" Precision="19" Scale="0" sap:filterable="false"/></EntityType>
<EntityType Name="DeltaLinksOf{of}"><Key><PropertyRef Name="DeltaToken"/></Key>
<Property Name="DeltaToken" Type="Edm.String" Nullable="false"/><Property Name="CreatedAt" Type="Edm.DateTime" Precision="0"/>
<Property Name="IsInitialLoad" Type="Edm.Boolean"/>
<NavigationProperty Name="ChangesAfter" Relationship="{SPACE}.Changes{of}" FromRole="FromRole" ToRole="ToRole"/></EntityType>
<Association Name="Changes{of}"><End Type="{SPACE}.DeltaLinksOf{of}" Multiplicity="1" Role="FromRole"/>
<End Type="{SPACE}.{of}" Multiplicity="*" Role="ToRole"/></Association>
"""
        sets += f"""<EntitySet Name="{of}" EntityType="{SPACE}.{of}" sap:creatable="false" sap:updatable="false" sap:deletable="false" sap:change-tracking="true"/>
<EntitySet Name="DeltaLinksOf{of}" EntityType="{SPACE}.DeltaLinksOf{of}" sap:creatable="false"/>
<AssociationSet Name="Changes{of}Set" Association="{SPACE}.Changes{of}"><End EntitySet="DeltaLinksOf{of}" Role="FromRole"/><End EntitySet="{of}" Role="ToRole"/></AssociationSet>
<FunctionImport Name="SubscribedTo{of}" ReturnType="{SPACE}.ChangeTrackingDetails" m:HttpMethod="GET"/>
<FunctionImport Name="TerminateDeltasFor{of}" ReturnType="{SPACE}.SubscriptionTerminationDetails" m:HttpMethod="GET"/>
"""
    types += """<ComplexType Name="ChangeTrackingDetails"><Property Name="SubscribedFlag" Type="Edm.Boolean" Nullable="false"/></ComplexType>
<ComplexType Name="SubscriptionTerminationDetails"><Property Name="ResultFlag" Type="Edm.Boolean" Nullable="false"/></ComplexType>
"""
    return EDMX % (SPACE, f'{types}<EntityContainer Name="{SPACE}_Entities" m:IsDefaultEntityContainer="true">\n{sets}</EntityContainer>')

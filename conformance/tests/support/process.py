"""Starts a program, waits for its ready line, and ends it again."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


def wait_until(what, server=None, seconds=30, pause=0.02):
    """Asks until the answer is true, and gives it; then it is too late, and the server's last words are told."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, f"it did not come to pass in {seconds} s: {answer!r}\n{server.log()[-3000:] if server else ''}"
        time.sleep(pause)
    return answer


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def begin(command, log, try_it, env=None, seconds=60):
    """Starts a program that does not say when it is ready: `try_it` asks it, and raises OSError until then. What the program
    says goes to the file `log`."""
    child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready():
        assert child.poll() is None, f"{command[0]} has ended ({child.returncode})\n{Path(log.name).read_text('utf-8', 'replace')[-3000:]}"
        with contextlib.suppress(OSError):
            try_it()
            return True

    try:
        wait_until(ready, seconds=seconds)
    except BaseException:
        child.kill()
        raise
    return child


class Process:
    """One child process whose output is kept."""

    def __init__(self, command, ready, env, cwd=None, seconds=60):
        self.lines, self.errors = [], []
        self.child = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream, kept), daemon=True)
            for stream, kept in ((self.child.stdout, self.lines), (self.child.stderr, self.errors))
        ]
        for reader in self._readers:
            reader.start()
        self.url = self._wait(re.compile(ready), command, seconds)

    @staticmethod
    def _read(stream, kept):
        for line in stream:
            kept.append(line.decode("utf-8", "replace"))

    def _wait(self, ready, command, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in list(self.lines):
                found = ready.search(line)
                if found:
                    return found.group(1)
            if self.child.poll() is not None:
                break
            time.sleep(0.005)
        self.kill()
        raise RuntimeError(
            f"{command[0]} was not ready after {seconds} s (exit {self.child.returncode})\n"
            + "".join(self.lines + self.errors)[-4000:]
        )

    @property
    def pid(self):
        return self.child.pid

    def log(self):
        return "".join(self.errors)

    def terminate(self, seconds=30):
        """SIGTERM; gives the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self._drain()
        return self.child.returncode

    def kill(self):
        """SIGKILL, and no mercy."""
        if self.child.poll() is None:
            os.kill(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self._drain()

    def _drain(self):
        for reader in self._readers:
            reader.join(5)

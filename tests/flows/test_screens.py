"""The live screens in a terminal of their own, as they are met by a person."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from dataclasses import dataclass, field

import pytest

from tests.flows.desk import ROOT

pytestmark = pytest.mark.slow

LEAVES = b"\x1b[?1049l"  # the alternate screen is closed


@dataclass
class Terminal:
    """A verb in a terminal of 80 columns and 24 lines, and all it has printed."""

    process: subprocess.Popen
    master: int
    printed: bytes = field(default=b"")

    def until(self, pattern, seconds=30):
        """Read until the pattern is printed; what was before it is forgotten."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.printed, re.S)):
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern} is not in {self.printed[-3000:]}"
            if select.select([self.master], [], [], left)[0]:
                self.printed += os.read(self.master, 65536)
        self.printed = self.printed[found.end() :]

    def end(self, number):
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        self.until(re.escape(LEAVES))
        return self.process.wait(timeout=20)


@pytest.fixture
def terminal(desk):
    """Starts a verb in a terminal; whatever happens, it does not outlive the test."""
    started = []

    def start(*words):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        process = subprocess.Popen(
            desk.command(*words),
            env={**desk.variables(), "TERM": "xterm-256color"},
            cwd=ROOT,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        started.append(Terminal(process=process, master=master))
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()
        os.close(each.master)


def test_watch_lives_through_an_outage_and_ends_cleanly(desk, terminal):
    desk("deploy")
    watching = terminal("watch", "--interval", "1s")
    watching.until(rb"Succeeded.*blue.*100%")

    desk("cloud.down")
    watching.until(rb"no answer since \d\d:\d\d:\d\d: localcloud is down")
    desk("status")  # this starts it again
    watching.until(rb"iris.* on local")

    assert watching.end(signal.SIGINT) == 0


def test_sigterm_gives_the_terminal_back(desk, terminal):
    watching = terminal("watch", "--interval", "1s")
    watching.until(rb"last 15 min")

    assert watching.end(signal.SIGTERM) == 128 + signal.SIGTERM


def test_a_new_size_is_drawn_at_once(desk, terminal):
    watching = terminal("watch", "--interval", "1h")
    watching.until(rb"changes")

    size = struct.pack("HHHH", 40, 120, 0, 0)
    fcntl.ioctl(watching.master, termios.TIOCSWINSZ, size)
    watching.process.send_signal(signal.SIGWINCH)  # it has no session of its own

    watching.until(rb"changes")
    assert watching.end(signal.SIGINT) == 0


# Two different times of its heading, with nothing told between them.
FRESH = rb"to (\d\d:\d\d:\d\d) UTC(?:(?!no answer).)*to (?!\1)\d\d:\d\d:\d\d UTC"


def test_metrics_repaints_in_place_through_an_outage_until_ctrl_c(desk, terminal):
    desk("score", "-n", "30")
    watching = terminal("metrics", "--watch", "--interval", "1s")

    watching.until(FRESH)
    desk("cloud.down")
    watching.until(rb"no answer since \d\d:\d\d:\d\d: localcloud is down")
    desk("status")  # this starts it again
    watching.until(FRESH)
    watching.process.send_signal(signal.SIGINT)

    assert watching.process.wait(timeout=20) == 0


def test_a_live_screen_is_refused_without_a_terminal(desk):
    assert "needs a terminal" in desk("watch", status=2)


def test_metrics_agree_with_what_was_sent(desk):
    desk("deploy")
    desk("diagnostics.on")
    before = requests_of(desk)
    desk("score", "-n", "40")

    deadline = time.monotonic() + 30
    while requests_of(desk) < before + 40:
        assert time.monotonic() < deadline
    # The deploy sends a request of its own, whose row may come after the others.
    assert requests_of(desk) - before in (40, 41)
    blue = measured(desk)

    assert blue["errors"] == 0
    assert 0 < blue["p50"] <= blue["p90"] <= blue["p95"]
    assert "blue" in desk("metrics", "--csv", "--since", "5m")


def measured(desk):
    found = desk.json("metrics", "--since", "15m")
    assert found["source"] == "requests"
    return next(each for each in found["deployments"] if each["deployment"] == "blue")


def requests_of(desk):
    return measured(desk)["requests"]

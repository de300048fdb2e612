"""Record the pictures of the README from a real run; nothing in them is edited.

`python docs/pictures/record.py` takes three minutes. In a state directory of its own it
deploys blue and green, sends them good and bad requests, and writes what the verbs
print into a terminal as SVG. The user is LOGNAME, here `ana`; the host is this one.
"""

import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import requests
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TRAFFIC_SECONDS = 120  # before the first picture, so that the charts have some points
GOOD = {"data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}
BAD = ({"data": [[5.1, 3.5, "x", 0.2]]}, {"data": []}, {"data": [[1.0]]})
# No font from the network: a page that shows the picture may not load one.
FONT = re.compile(r"@font-face \{.*?\}\n\s*", re.DOTALL)


class Desk:
    """Runs verbs as `ana`, on a localcloud of its own."""

    def __init__(self, state: str) -> None:
        own = {"AML_OPS_STATE": state, "LOGNAME": "ana", "TERM": "xterm-256color"}
        self.environment = {**os.environ, **own}

    def __call__(self, *words: str) -> str:
        command = [sys.executable, "-m", "invoke", *words]
        return subprocess.check_output(
            command, env=self.environment, cwd=ROOT, text=True
        )

    def typed(self, *words: str, columns: int, lines: int, seconds: float) -> str:
        """What a terminal of that size gets of a verb that is left after `seconds`."""
        master, slave = pty.openpty()
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        process = subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            env=self.environment,
            cwd=ROOT,
            start_new_session=True,
            **dict.fromkeys(("stdin", "stdout", "stderr"), slave),
        )
        os.close(slave)
        printed, until = b"", time.monotonic() + seconds
        with suppress(OSError):  # the verb has ended
            while time.monotonic() < until:
                if select.select([master], [], [], 0.1)[0]:
                    printed += os.read(master, 65536)
        process.send_signal(signal.SIGKILL)  # with the picture as it stands
        process.wait()
        os.close(master)
        return printed.decode(errors="replace").replace("\r\n", "\n")


def traffic(desk: Desk, ended: threading.Event) -> None:
    """Some seven requests a second until `ended`, every twelfth a bad one."""
    uri = json.loads(desk("status", "--json"))["scoring_uri"]
    name, _, value = desk("keys", "--header").strip().partition(": ")
    for number in count():
        body = GOOD if number % 12 else BAD[number // 12 % len(BAD)]
        requests.post(uri, json=body, headers={name: value}, timeout=10)
        if ended.wait(0.08 + 0.06 * (number // 150 % 3)):
            return


def picture(name: str, words: str, printed: str, columns: int) -> None:
    """The command and what it has printed, as docs/pictures/NAME.svg."""
    from rich.console import CONSOLE_SVG_FORMAT

    console = Console(
        record=True, width=columns, file=io.StringIO(), force_terminal=True
    )
    console.print(f"$ invoke {words}", highlight=False)
    console.print(Text.from_ansi(printed.rstrip()))
    svg = FONT.sub("", CONSOLE_SVG_FORMAT).replace("arial", "sans-serif")
    console.save_svg(
        str(HERE / f"{name}.svg"),
        title=f"invoke {words.split()[0]}",
        code_format=svg.replace("Fira Code", "'DejaVu Sans Mono', Menlo, Consolas"),
        unique_id=f"aml-ops-{name}",
    )


def last_screen(printed: str) -> str:
    """The last whole picture of a screen that is painted again and again."""
    *_, last, _ = printed.split("\x1b[H")  # the one behind it may be half painted
    return re.sub(r"\x1b\[\?\d+[hl]", "", last)


def main() -> None:
    ended = threading.Event()
    with tempfile.TemporaryDirectory() as state:
        desk = Desk(state)
        try:
            desk("train", "deploy", "--reason", "first deploy")
            desk("deploy", "--deployment", "green", "--reason", "better on virginica")
            desk("shift-traffic", "--green", "20", "--reason", "canary looks good")
            threading.Thread(target=traffic, args=(desk, ended), daemon=True).start()
            time.sleep(TRAFFIC_SECONDS)
            record(desk)
        finally:
            ended.set()
            desk("cloud.down")


def record(desk: Desk) -> None:
    words = "logs --follow --requests --highlight 424 --lines 4"
    printed = desk.typed(*words.split(), columns=136, lines=30, seconds=4)
    picture("logs", words, "\n".join(printed.splitlines()[:16]), 136)
    words = "metrics --since 5m"
    printed = desk.typed(*words.split(), columns=100, lines=28, seconds=30)
    picture("metrics", words, printed, 100)
    words = "watch --since 5m"
    printed = desk.typed(*words.split(), columns=80, lines=24, seconds=12)
    picture("watch", words, last_screen(printed), 80)


if __name__ == "__main__":
    main()

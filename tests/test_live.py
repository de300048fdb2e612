"""What a signal does to a verb that runs until it is stopped."""

import subprocess
import sys

from ops.settings import ROOT

INTERRUPTED = """
import signal
from threading import Event
from ops.views.live import stoppable

stop, wake = Event(), Event()
with stoppable(stop, wake, "stopping"):
    with stop._cond, wake._cond:  # as while wait() begins
        signal.raise_signal(signal.SIGINT)
    assert wake.wait(10) and stop.is_set()
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("ended at once")
"""


def test_a_signal_waits_for_no_lock_that_it_interrupts():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=20,
        cwd=ROOT,
    )

    assert (done.stdout, done.stderr) == ("ended at once\n", "stopping\n")

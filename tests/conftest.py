"""What tests of any kind may ask for: a localcloud of their own."""

import os
import signal
import sys

import pytest
from cloud_rig import Cloud

from model import train
from ops import hints

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them
# every process that they would interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Where Python is told to keep no bytecode, each of the hundreds of verbs that the tests
# start would compile the toolkit anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show localcloud's log beside a failure that it may explain."""
    report = yield
    cloud = item.funcargs.get("cloud") if hasattr(item, "funcargs") else None
    if report.failed and isinstance(cloud, Cloud) and cloud.log.exists():
        said = cloud.log.read_text(errors="replace")[-8000:]
        report.sections.append(("localcloud's log", said))
    return report


@pytest.fixture(scope="session", autouse=True)
def _trained():
    """The example's models are there, whoever needs them; made anew where stale."""
    if train.stale(train.OUT):
        train.train(train.OUT)


@pytest.fixture
def cloud(tmp_path):
    """A localcloud that serves; whatever the test does, nothing of it is left."""
    cloud = Cloud(tmp_path / "state")
    try:
        yield cloud.up()
    finally:
        cloud.down()


@pytest.fixture(autouse=True)
def _nowhere():
    """Remedies act where no verb of another test has been."""
    hints.act_at()
    hints.typed([])

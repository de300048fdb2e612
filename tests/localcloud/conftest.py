"""A gateway for the tests of a file, and servers that stand in for instances."""

import pytest
from gateway_rig import running, standing_in


@pytest.fixture(scope="module")
def shared_gateway(tmp_path_factory):
    with running(tmp_path_factory.mktemp("state")) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared_gateway):
    """One process for the tests of a file; the log begins empty for each."""
    shared_gateway.begin_log()
    return shared_gateway


@pytest.fixture
def blue():
    with standing_in() as stub:
        yield stub


@pytest.fixture
def green():
    with standing_in() as stub:
        yield stub

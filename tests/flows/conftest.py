"""A desk for each file of flows."""

import pytest

from tests.flows.desk import make_desk, running


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with running(make_desk(tmp_path_factory.mktemp("desk"))) as desk:
        yield desk

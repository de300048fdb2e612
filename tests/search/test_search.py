"""CI's share of the search; `python -m tests.search` goes on as long as you like."""

import pytest
from search_rig import here

from tests.search.searching import Found, search, shortened

# A thread that is killed ends with SystemExit, which threading itself passes over.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)
SHARE = 26_000  # requests of one seed


@pytest.mark.parametrize("seed", ["first", "second", "third", "fourth"])
def test_nothing_is_lost_whoever_does_what(seed, monkeypatch):
    here(monkeypatch)

    found = search(seed, SHARE)

    if isinstance(found, Found):
        pytest.fail(str(shortened(found)))
    assert found >= SHARE

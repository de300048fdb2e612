"""The search: a short one always, CI's share; `python -m tests.search` goes on."""

import pytest
from search_rig import here

from tests.search.searching import Found, search, shortened

# A thread that is killed ends with SystemExit, which threading itself passes over.
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)
SHORT = 2_000  # requests
SHARE = 25_000  # of one seed of CI's


@pytest.mark.parametrize(
    ("seed", "requests"),
    [
        pytest.param("short", SHORT, id="short"),
        *(
            pytest.param(seed, SHARE, id=seed, marks=pytest.mark.long)
            for seed in ("first", "second", "third", "fourth")
        ),
    ],
)
def test_nothing_is_lost_whoever_does_what(seed, requests, monkeypatch):
    here(monkeypatch)

    found = search(seed, requests)

    if isinstance(found, Found):
        pytest.fail(str(shortened(found)))
    assert found >= requests

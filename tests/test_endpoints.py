"""What is live, read as plain facts."""

import pytest

from ops import endpoints
from ops.errors import UsageError


@pytest.mark.parametrize("name", ["../computes/one", "..", "a/b", "a?b", "a b", ""])
def test_no_name_leads_to_another_kind_of_resource(name):
    with pytest.raises(UsageError):
        endpoints.path(name)
    with pytest.raises(UsageError):
        endpoints.path("iris", name or "?")

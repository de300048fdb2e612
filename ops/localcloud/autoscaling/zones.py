"""Time zones by the names that Windows gives them, which are those of autoscale.

The mapping is Unicode CLDR's windowsZones, as the package tzlocal carries it.
"""

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

NAMES = {name.lower(): iana for name, iana in win_tz.items()}


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of a Windows name; KeyError for none of that name."""
    return ZoneInfo(NAMES[name.lower()])


def is_zone(name: Any) -> bool:
    return isinstance(name, str) and name.lower() in NAMES

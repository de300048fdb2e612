"""Time zones: people name them as IANA does, autoscale settings as Windows does.

The mapping is Unicode CLDR's windowsZones, as the package tzlocal carries it.
"""

import difflib
from typing import Any


def windows(zone: str) -> str:
    """The Windows name of an IANA zone; KeyError for none."""
    from tzlocal.windows_tz import tz_win

    return str(tz_win[zone])


def iana(windows_zone: str) -> str:
    """The IANA zone that stands for a Windows one; its own name where unknown."""
    from tzlocal.windows_tz import win_tz

    return str(win_tz.get(windows_zone, windows_zone))


def read(value: Any) -> str:
    """A field that names a zone; raise ValueError with the nearest that there is."""
    from tzlocal.windows_tz import tz_win

    if isinstance(value, str) and value in tz_win:
        return value
    near = difflib.get_close_matches(str(value), tz_win, n=1)
    hint = f": did you mean {near[0]}?" if near else ", such as Europe/Berlin or UTC"
    raise ValueError(f"must be a time zone of IANA{hint}")

"""Which colour a line has: the same in light and in dark, and for all panels.

Each stands out 3 to 1 against either background (WCAG 2.2, 1.4.11). Red is none of
them: on this page it only ever means that something is bad.
"""

from collections.abc import Iterable, Mapping

OWN = {"blue": "#3b82d6", "green": "#2a9d5c"}
OTHERS = ("#9a6ad6", "#c07a1e", "#1d96a3", "#c85a9c", "#7d8597", "#7f8f18")
BAD, UNEASY = "#e0474c", "#b9821b"
MARK = "#7d8597"  # what happened, behind the lines
DASHES = ("solid", "dash", "dot", "dashdot")
MOST = 8  # lines of a panel that can be told apart


def colours(names: Iterable[str]) -> Mapping[str, str]:
    """A colour for each name: its own where it is one, the others in their order."""
    others = sorted(set(names) - OWN.keys())
    return OWN | {name: OTHERS[i % len(OTHERS)] for i, name in enumerate(others)}

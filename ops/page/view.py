"""What the page shows, as its address says: so that a view can be shared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

from ops import times
from ops.boards import tables
from ops.boards.model import Dashboard
from ops.errors import UsageError
from ops.measures import Window

FIRST = "overview"
RANGES = ("15m", "1h", "3h", "6h", "1d", "7d", "30d")
LONGEST = timedelta(days=90)  # as long as Azure keeps metrics
KEYS = ("board", "range", "from", "to", "deployment")


@dataclass(frozen=True, kw_only=True)
class View:
    """A dashboard over some time, for some deployments."""

    board: Dashboard
    range: str = ""  # up to now; "" where it lies between two moments
    since: datetime | None = None
    until: datetime | None = None
    deployments: tuple[str, ...] = ()  # () is all

    @property
    def length(self) -> timedelta:
        if self.since and self.until:
            return self.until - self.since
        return times.duration(self.range, "range")

    def window(self, now: datetime) -> Window:
        """Its time, in points that are few enough to be drawn."""
        until = self.until or now
        return tables.window(self.since or until - self.length, until)

    @property
    def address(self) -> str:
        return f"/?{self.query}"

    @property
    def query(self) -> str:
        """What comes behind the ? of an address."""
        return urlencode(
            [
                ("board", self.board.name),
                *([("range", self.range)] if self.range else []),
                *([("from", stamp(self.since))] if self.since else []),
                *([("to", stamp(self.until))] if self.until else []),
                *(("deployment", each) for each in self.deployments),
            ]
        )

    def over(self, range: str) -> "View":
        return replace(self, range=range, since=None, until=None)

    def between(self, window: Window) -> "View":
        """The same view of the very same moments, whenever it is opened."""
        return replace(self, range="", since=window.since, until=window.until)

    def toggled(self, deployment: str, there: Iterable[str]) -> "View":
        """With a deployment shown that was not, or the other way round."""
        known = sorted(there)
        shown = set(self.deployments or known) ^ {deployment}
        every = shown >= set(known) or not shown
        return replace(self, deployments=() if every else tuple(sorted(shown)))


def parse(search: str, boards: Mapping[str, Dashboard], now: datetime) -> View:
    """The view of an address; raise UsageError for what can't be meant."""
    given = parse_qs(search.removeprefix("?"))
    name = given.get("board", [FIRST if FIRST in boards else next(iter(boards))])[0]
    if name not in boards:
        there = ", ".join(boards)
        raise UsageError(f"There is no dashboard {name!r} (there are: {there}).")
    board = boards[name]
    deployments = given.get("deployment", board.variables.deployments)
    view = View(board=board, deployments=tuple(sorted(set(deployments))))
    if "from" in given:
        since = times.moment(given["from"][0], "from", now)
        until = times.moment(given["to"][0], "to", now) if "to" in given else now
        view = replace(view, since=since, until=until)
        if since >= until:
            raise UsageError(
                f"from {since:%F %T} does not lie before to {until:%F %T}."
            )
    else:
        usual = short(board.variables.range)
        view = replace(view, range=given.get("range", [usual])[0])
    if view.length > LONGEST:
        raise UsageError(f"At most {LONGEST.days} days are shown at a time.")
    return view


def short(length: timedelta) -> str:
    """`15m`, `3h`, `1d`: as a person types it."""
    minutes = round(length.total_seconds() / 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def stamp(moment: datetime | None) -> str:
    """A moment in an address: UTC, without what needs to be quoted."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}" if moment else ""

"""dashboards/*.yaml: its keys, and all that is wrong with all files at once.

What each key does is told in docs/dashboards.md.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import fields, suggestions
from ops.boards import panelfile
from ops.boards.model import Dashboard, Panel, Row, Variables
from ops.errors import InvalidSpec, NotFound
from ops.fields import Known, Mistake
from ops.settings import ROOT, shown
from ops.yaml_file import parse_yaml, read_text

FOLDER = ROOT / "dashboards"
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
SHORTEST_REFRESH_SECONDS = 5.0


def load(folder: Path = FOLDER) -> dict[str, Dashboard]:
    """Every dashboard by its name; raise NotFound, or InvalidSpec with all problems."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise NotFound(f"There is no dashboard in {shown(folder)}.")
    documents, unread, problems = {}, [], []
    for path in paths:
        try:
            documents[path.stem] = parse_yaml(read_text(path), shown(path))
        except InvalidSpec as error:
            unread.append(path.stem)
            problems += error.problems
    boards, mistakes = check(documents, unread)
    problems += [
        f"{shown(folder / f'{name}.yaml')}: {mistake}" for name, mistake in mistakes
    ]
    if problems:
        raise InvalidSpec(problems)
    return boards


def named(name: str, folder: Path = FOLDER) -> Dashboard:
    """One dashboard; raise NotFound with the names there are."""
    boards = load(folder)
    if name not in boards:
        there = ", ".join(boards)
        raise NotFound(
            f"There is no dashboard {name!r} (there are: {there}).",
            *suggestions.remedies(name, boards),
        )
    return boards[name]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The panels of all files: any dashboard may show them."""

    panels: Mapping[str, Panel]
    names: Collection[str]  # of those that are wrong, too
    unread: Collection[str] = ()  # files of which nothing is known

    def knows(self, id: str) -> bool:
        return id in self.names or id.partition(".")[0] in self.unread


def check(
    documents: Mapping[str, Any], unread: Collection[str] = ()
) -> tuple[dict[str, Dashboard], list[tuple[str, Mistake]]]:
    """The dashboards of some files, and (file, mistake) for all that is wrong.

    `unread` are the files that can't be read: any panel may be in them.
    """
    mistakes: list[tuple[str, Mistake]] = []
    panels: dict[str, Panel] = {}
    names: set[str] = set()
    for name, data in documents.items():
        own: list[Mistake] = []
        found, ids = panelfile.defined(name, data, own)
        panels |= found
        names |= ids
        mistakes += [(name, each) for each in own]
    shelf = Shelf(panels=panels, names=names, unread=unread)
    boards = {}
    for name, data in documents.items():
        own = []
        boards[name] = _dashboard(name, data, shelf, own)
        mistakes += [(name, each) for each in own]
    return boards, mistakes


def _dashboard(
    name: str, data: Any, shelf: Shelf, mistakes: list[Mistake]
) -> Dashboard:
    if not NAME.fullmatch(name):
        text = "a file's name is small letters, digits and -, up to 31"
        mistakes.append(Mistake(field=name, text=text))
    values = fields.read(data, "", KEYS, mistakes)
    mistakes += [
        Mistake(field=key, text="must be given")
        for key in ("title", "about", "rows")
        if isinstance(data, dict) and key not in data
    ]
    variables = {key: values[key] for key in VARIABLES if key in values}
    return Dashboard(
        name=name,
        title=values.get("title", name),
        about=values.get("about", ""),
        variables=Variables(**variables),
        rows=tuple(
            _row(name, f"rows[{number}]", row, shelf, mistakes)
            for number, row in enumerate(values.get("rows", ()), 1)
        ),
    )


def _row(name: str, at: str, data: Any, shelf: Shelf, mistakes: list[Mistake]) -> Row:
    values = fields.read(data, at, ROW, mistakes)
    ids = []
    for place, item in enumerate(values.get("panels", ()), 1):
        own = isinstance(item, dict)
        ids.append(f"{name}.{item.get('id')}" if own else str(item))
        if not own and not shelf.knows(ids[-1]):
            hint = fields.near(ids[-1], sorted(shelf.names), "named dashboard.panel")
            field = f"{at}.panels[{place}] {ids[-1]!r}"
            mistakes.append(Mistake(field=field, text=f"is no panel ({hint})"))
    panels = tuple(shelf.panels[id] for id in ids if id in shelf.panels)
    return Row(title=values.get("title", ""), panels=panels)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list with something in it")
    return value


def _refresh(value: Any) -> Any:
    found = panelfile.length(value)
    if found.total_seconds() < SHORTEST_REFRESH_SECONDS:
        raise ValueError(f"must be at least {SHORTEST_REFRESH_SECONDS:.0f}s")
    return found


def _names(value: Any) -> tuple[str, ...]:
    if value == "all":
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("must be all, or a list of deployments' names")
    return tuple(value)


VARIABLES: Known = {
    "range": ("range", panelfile.length),
    "refresh": ("refresh", _refresh),
    "deployments": ("deployments", _names),
}
KEYS: Known = {
    "title": ("title", panelfile.text),
    "about": ("about", panelfile.text),
    "variables": VARIABLES,
    "rows": ("rows", _list),
}
ROW: Known = {
    "title": ("title", panelfile.text),
    "panels": ("panels", _list),
}

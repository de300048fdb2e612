"""The KQL of a panel for who shows it elsewhere: time, filter and grain are theirs.

Rows are those of one endpoint, told by their _ResourceId: a workbook and Grafana ask
the whole log workspace. (Azure: standard columns in Azure Monitor logs.)
"""

import re
from dataclasses import dataclass

from ops import kql
from ops.boards import objectives
from ops.boards.model import Panel
from ops.boards.sources import SOURCES
from ops.boards.subject import Subject
from ops.kql import Column
from ops.slo import Slo

TABLE = re.compile(r"\b(Aml\w+|App[A-Z]\w+)$", re.MULTILINE)
PROMISED = ("budgets", "burn")
FILTER = """
| where array_length(deployments) == 0 or DeploymentName in (deployments)"""
ONE = """
| project {time}, Series = {name}, Value = todouble({value})
| order by {time} asc, Series asc"""
SEVERAL = """
| mv-expand with_itemindex = Place Value = pack_array({values}) to typeof(real)
| project {time}, Series = {name}, Value
| order by {time} asc, Series asc"""


@dataclass(frozen=True, kw_only=True)
class Words:
    """How one of them says what changes while people look."""

    grain: str  # a timespan: the length of a point
    deployments: str  # the names that are chosen, each in quotes, commas between
    time: str  # a condition of the time shown; "" where it is asked for beside the KQL


def text(panel: Panel, subject: Subject, words: Words) -> str:
    """The query whose rows a panel shows, under the names of columns()."""
    body, given = _body(panel, subject.promised, words)
    lets, _, rest = body.rpartition(";\n")
    names = {each.name for each in given}
    if "DeploymentName" in names and "let deployments" not in body:
        lets = f"{lets};\n" if lets else ""
        body = f"{_deployments(words)};\n{lets}{rest}{FILTER}"
    body = TABLE.sub(rf"\1{_where(subject.endpoint_id, words)}", body)
    return body + _shape(panel)


def columns(panel: Panel) -> tuple[str, ...]:
    """What a query of text() gives: a timeseries has one value, by series."""
    if panel.kind == "timeseries":
        return (panel.time, "Series", "Value")
    if panel.kind == "histogram":
        return tuple(filter(None, ("Band", panel.by, *panel.show)))
    named = tuple(filter(None, (*panel.axis, panel.by, *panel.show)))
    return named or tuple(each.name for each in _given(panel))


def instead(panel: Panel, subject: Subject) -> str:
    """What stands, in Markdown, for a panel that has no query; "" for one that has."""
    if panel.source == "text":
        return panel.text
    if panel.source in PROMISED:
        told = "" if subject.promised else f"{subject.endpoint} has no slo.yaml."
    else:
        known = SOURCES.get(panel.source)
        at = f"--endpoint {subject.endpoint} --stage {subject.stage}"
        told = known.instead.format(at=at) if known else ""
    return f"**{panel.title}**\n\n{told}" if told else ""


def _body(
    panel: Panel, promised: Slo | None, words: Words
) -> tuple[str, tuple[Column, ...]]:
    if panel.source in PROMISED:
        assert promised is not None, "without an slo.yaml there is a word instead"
        if panel.source == "budgets":
            return objectives.budgets(promised), _given(panel)
        grain = f"let grain = {words.grain};\n"
        return grain + objectives.burn(promised), _given(panel)
    bound = kql.bind(kql.named(panel.query), panel.params)
    for name, value in (
        ("grain", f"let grain = {words.grain};"),
        ("deployments", f"{_deployments(words)};"),
    ):
        bound = re.sub(rf"^let {name} = .*;$", value, bound, flags=re.MULTILINE)
    return bound, _given(panel)


def _given(panel: Panel) -> tuple[Column, ...]:
    if panel.source in SOURCES:
        return SOURCES[panel.source].columns
    return kql.named(panel.query).gives


def _deployments(words: Words) -> str:
    return f"let deployments = dynamic([{words.deployments}])"


def _where(endpoint_id: str, words: Words) -> str:
    time = f"\n| where {words.time}" if words.time else ""
    return f'{time}\n| where _ResourceId =~ "{endpoint_id}"'


def _shape(panel: Panel) -> str:
    """The columns of one kind of picture out of all that the query gives."""
    if panel.kind == "timeseries":
        return _lines(panel)
    if panel.kind == "histogram":
        low, high = panel.axis
        band = f'\n| extend Band = strcat({low}, " - ", {high})'
        return f"{band}\n| project {_listed(panel)}"
    if panel.kind == "table" and not panel.show:
        return ""
    return f"\n| project {_listed(panel)}"


def _listed(panel: Panel) -> str:
    """In brackets, since some names (latest) are words of KQL too."""
    return ", ".join(f"['{name}']" for name in columns(panel))


def _lines(panel: Panel) -> str:
    """One value a row, by a name: of whom it is, and which if there are several."""
    own = f'iff({panel.by} == "", "(none)", {panel.by})' if panel.by else ""
    if len(panel.show) == 1:
        (value,) = panel.show
        return ONE.format(time=panel.time, value=value, name=own or f'"{value}"')
    listed = ", ".join(f'"{each}"' for each in panel.show)
    value = f"tostring(dynamic([{listed}])[Place])"
    return SEVERAL.format(
        time=panel.time,
        values=", ".join(f"todouble({each})" for each in panel.show),
        name=f'strcat({own}, " ", {value})' if own else value,
    )

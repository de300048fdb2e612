"""How drift is shown: which column moved, where, since when, and by how much."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ops.views import render
from ops.views.render import safe

if TYPE_CHECKING:
    from ops.drift import ColumnDrift, Drift

BLOCKS = "▁▂▃▄▅▆▇█"
METRICS = (
    ("PSI", "PopulationStabilityIndex"),
    ("JSD", "JensenShannonDistance"),
    ("W1", "NormalizedWassersteinDistance"),
)
STATES = {
    "drift": "bold red",
    "vanished": "bold red",
    "bad": "bold red",
    "steady": "green",
    "too few": "yellow",
}
TINY = 1e-9


def show(found: Sequence["Drift"]) -> None:
    """Every deployment that was measured, one below the other."""
    out = render.console()
    for index, each in enumerate(found):
        if index:
            out.print()
        _one(each)


def seen(column: "ColumnDrift") -> str:
    """A column's state; what is spread as ever but has bad values is not steady."""
    return "bad" if column.quality and column.state == "steady" else column.state


def _one(found: "Drift") -> None:
    out = render.console()
    out.print(safe(heading(found)), style="bold")
    if not found.rows:
        out.print(f"[yellow]{safe(nothing(found))}[/]")
        return
    columns = ("column", "state", "PSI", "JSD", "W1", "p", "before", "now")
    table = render.grid(*columns, below=("JSD", "W1"))
    for column in found.columns:
        state = seen(column)
        style = STATES[state]
        table.add_row(
            safe(column.name),
            f"[{style}]{state}[/]",
            *(_distance(column, name) for _, name in METRICS),
            chance(_test(column)),
            histogram(column.measured.baseline_counts),
            histogram(column.measured.counts),
        )
    out.print(table)
    for line in moved(found):
        out.print(f"[red]{safe(line)}[/]")
    for line in notes(found):
        out.print(safe(line))


def heading(found: "Drift") -> str:
    """Whose rows these are, and what they are measured against."""
    against = (
        f"the {found.baseline_rows:,} rows that {found.model} was trained on"
        if found.against == "baseline"
        else f"{found.baseline_rows:,} rows of {found.against}"
    )
    return (
        f"{found.endpoint}/{found.deployment}  {found.rows:,} rows since "
        f"{found.span.start:%d %b %H:%M} UTC against {against}"
    )


def nothing(found: "Drift") -> str:
    text = "no row with features was logged: nothing can be told"
    if found.strange_rows:
        text += f" ({found.strange_rows:,} rows are of another version of the model)"
    if found.odd_rows:
        text += (
            f" ({found.odd_rows:,} rows have another number of values than "
            f"{found.model} has features: one is new or has vanished)"
        )
    return text


def moved(found: "Drift") -> list[str]:
    """One line for each column that moved, and for each whose values are faulty."""
    lines = []
    for column in found.columns:
        if column.state == "drift":
            lines.append(
                f"{column.name}: {100 * column.share:.3g} % are {column.where}, were "
                f"{100 * column.baseline_share:.3g} %{_days(column)}"
            )
        lines += [f"{column.name}: {text}" for text in column.quality]
    return lines


def notes(found: "Drift") -> list[str]:
    """What could have been seen, and what was left out."""
    lines = []
    if not moved(found):
        few = all(each.state == "too few" for each in found.columns)
        lines.append(
            f"{found.rows:,} rows are too few to tell whether anything moved"
            if few
            else "nothing moved that these rows can show"
        )
    if found.effective < 0.9 * found.rows:
        lines.append(
            f"rows of one request are alike: {found.rows:,} count as "
            f"{found.effective:,.0f}"
        )
    if found.strange_rows:
        lines.append(f"left out: {found.strange_rows:,} rows of another model version")
    if found.odd_rows:
        lines.append(
            f"left out: {found.odd_rows:,} rows with another number of values: a "
            "feature is new or has vanished"
        )
    lines.append(sensitivity(found))
    lines.append(
        "in brackets: what 99 of 100 such windows have by chance; at most 5 % of a "
        "year's flags are false"
    )
    return lines


def sensitivity(found: "Drift") -> str:
    """Which shift is seen from how many rows on."""
    seen = [f"{s:g} sd from {n:,} rows" for s, n in found.needed.items() if n]
    never = [f"{shift:g}" for shift, rows in found.needed.items() if not rows]
    text = f"a shift shows: {', '.join(seen) or 'none'}"
    if never:
        text += f"; {', '.join(never)} sd never, of {found.baseline_rows:,} rows"
    return text


def histogram(counts: Sequence[int]) -> str:
    """A bar for each cell, the highest as high as can be."""
    most = max(counts, default=0)
    if not most:
        return "-"
    return "".join(
        BLOCKS[round((len(BLOCKS) - 1) * count / most)] if count else "·"
        for count in counts
    )


def chance(value: float | None) -> str:
    """A p-value in few characters."""
    if value is None:
        return "-"
    return f"<{TINY:.0e}" if value < TINY else f"{value:.2g}"


def _distance(column: "ColumnDrift", metric: str) -> str:
    value = column.measured.metrics[metric]
    if value is None or not column.measured.rows:
        return "-"
    limit = column.by_chance.get(metric)
    shown = f"{value:.2f}" + (f" ({limit:.2f})" if limit is not None else "")
    return f"[bold]{shown}[/]" if column.state == "drift" else shown


def _test(column: "ColumnDrift") -> float | None:
    """Kolmogorov and Smirnov's p-value of numbers, Pearson's of classes."""
    found = column.measured.metrics
    test = found["TwoSampleKolmogorovSmirnovTest"]
    return found["PearsonsChiSquaredTest"] if test is None else test


def _days(column: "ColumnDrift") -> str:
    if not column.first_day or not column.last_day:
        return ""
    if column.first_day == column.last_day:
        return f", on {column.first_day:%d %b}"
    return f", since {column.first_day:%d %b} (last on {column.last_day:%d %b})"

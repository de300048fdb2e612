"""How a load is shown: a line while it runs, a table when it has ended."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ops.tally import Report, Summary
from ops.views import panels, render

if TYPE_CHECKING:
    from rich.table import Table

    from ops.openloop import Plan

PLAIN_SECONDS = 10.0  # between two lines where there is no terminal to repaint


def plan(plan: "Plan") -> None:
    """What would be sent, without sending it."""
    sizes = [len(body) for body in plan.bodies]
    count = "one body" if len(sizes) == 1 else f"{len(sizes):,} bodies in turn"
    how = "evenly spaced" if plan.steady else "as they happen to come (Poisson)"
    to = f", straight to {plan.deployment}" if plan.deployment else ""
    render.line(
        f"about {plan.rate * plan.seconds:,.0f} requests to {plan.uri}{to}\n"
        f"{plan.rate:g} a second for {plan.seconds:g} s, {how}\n"
        f"{count}, the largest of {max(sizes):,} bytes\n"
        f"{plan.timeout_seconds:g} s for an answer, {plan.retries} retries"
    )


def follow(reports: Iterable[Report]) -> Report:
    """Show on stderr how a load goes; return how it went."""
    from rich.live import Live

    console = render.console(stderr=True)
    last, told = None, time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for report in reports:
            last = report
            if console.is_terminal:
                live.update(progress(report), refresh=True)
            elif time.monotonic() - told >= PLAIN_SECONDS:
                told = time.monotonic()
                render.note(progress(report))
    assert last is not None, "a load ends with a report"
    return last


def progress(report: Report) -> str:
    """One line of a load that runs."""
    minutes, seconds = divmod(int(report.elapsed_seconds), 60)
    p95 = _milliseconds(report.latency.p95_ms)
    stopping = "  stopping, Ctrl-C again cuts off" if report.interrupted else ""
    return (
        f"{minutes}:{seconds:02}  {report.per_second:.1f}/s  {report.sent:,} sent  "
        f"{report.in_flight:,} in flight  {report.failed:,} failed  "
        f"{report.lost_count:,} lost  p95 {p95} ms{stopping}"
    )


def report(report: Report) -> None:
    """By deployment and status; then that nothing is missing, and what to mistrust."""
    out = render.console()
    titles = ("deployment", "status", "answers", "share")
    table = render.grid(*titles, "p50 ms", "p95 ms", "p99 ms", "max ms")
    for each in report.answers:
        colour = "green" if 200 <= each.status < 300 else "red"
        table.add_row(
            panels.name(each.deployment or "-"),
            f"[{colour}]{each.status}[/]",
            f"{each.latency.count:,}",
            f"{100 * each.latency.count / report.sent:.1f}%",
            *_columns(each.latency),
        )
    if len(report.answers) > 1 or report.retries:
        table.add_row("", "", "", "", *_columns(report.latency))
    out.print(table)
    out.print(_balance(report))
    for warning in report.warnings:
        out.print(f"[yellow]warning[/]   {render.safe(warning)}")


def _balance(report: Report) -> "Table":
    """What was sent is what was answered and what was lost: nothing is missing."""
    again = f" ({report.retries:,} of them retries)" if report.retries else ""
    unsent = f"; {report.unsent:,} due and never sent" if report.unsent else ""
    table = render.grid("", "")
    table.show_header = False
    table.add_row(
        "requests",
        f"{report.requests:,}: {report.succeeded:,} succeeded, "
        f"{report.failed:,} failed{unsent}; {report.per_second:.1f} a second "
        f"({report.asked_per_second:g} asked for)",
    )
    table.add_row(
        "sent",
        f"{report.sent:,}{again} = {report.answered:,} answered "
        f"+ {report.lost_count:,} lost",
    )
    for what, count in sorted(report.lost.items()):
        table.add_row("[red]lost[/]", f"{count:,} {render.safe(what)}")
    table.add_row("request ids", f"{report.run}-0, -1, -2...")
    return table


def _columns(latency: Summary) -> list[str]:
    found = (latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.max_ms)
    return [_milliseconds(each) for each in found]


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"

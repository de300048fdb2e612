"""What the verbs print: the one place that knows the terminal.

Every function takes what a capability returned and prints it, with colour by meaning
where there is a terminal to show it; NO_COLOR and pipes get plain text.
"""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ops.cloud import LocalCloud
    from ops.deploy import Phase, Plan
    from ops.deployments import Scaling
    from ops.endpoints import Endpoint
    from ops.keys import Keys
    from ops.scoring import Answer
    from ops.tails import Tail
    from ops.validate import Problem
    from ops.views.grid import Grid

COLOURS = {"blue": "blue", "green": "green"}
OUTCOMES = {"done": "green", "failed": "red", "not done": "red"}
STATES = {"Succeeded": "green", "Failed": "red", "Creating": "yellow"}
CODES = {  # of our markup, for a terminal
    "/": "\x1b[0m",
    "bold": "\x1b[1m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "blue": "\x1b[34m",
    "cyan": "\x1b[36m",
}
# The SDK names what a deployment's own file describes by a hash of its contents.
ANONYMOUS = re.compile(r"(?:CliV2Anonymous\w+:)?([0-9a-f]{8})[0-9a-f]{24,56}(?::\d+)?")
MARKS = re.compile(rf"\[({'|'.join(CODES)})\]")
# All that could drive a terminal: C0 and C1 controls but tab, escape sequences, and
# marks that turn the direction of writing.
CONTROLS = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links
    r"|\x1b.|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def console(*, stderr: bool = False) -> "Console":
    """Rich on stdout or stderr: our markup, and nothing that names could spell."""
    from rich.console import Console

    # Piped output has no width of its own: never wrap a line that grep will read.
    out = sys.stderr if stderr else sys.stdout
    width = None if out.isatty() else 10_000
    # The SDK's output is diverted while it works: hold on to the real stdout. Rich
    # itself would still print bold and dim under NO_COLOR.
    return Console(
        file=out,
        highlight=False,
        emoji=False,  # azureml:cancer:1 is a model
        width=width,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


def line(text: str) -> None:
    """One plain line on stdout, without any markup."""
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """A line with our markup, without Rich: it takes longer to load than to shift."""
    bare = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    plain = bare or not sys.stdout.isatty()
    line(MARKS.sub(lambda mark: "" if plain else CODES[mark[1]], text))


def note(text: str) -> None:
    """A line beside the answer: stderr, so that --json and pipes stay clean."""
    sys.stderr.write(text + "\n")


def as_json(value: Any) -> None:
    line(json.dumps(plain(value), indent=2, default=str))


def plain(value: Any) -> Any:
    """Dataclasses as dicts, all the way down, without what they don't show of them."""
    if is_dataclass(value) and not isinstance(value, type):
        shown = (each.name for each in fields(value) if each.repr)
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value


def verbs(groups: Mapping[str, list[tuple[str, str]]]) -> None:
    """Every verb below what it is for."""
    out = console()
    for title, listed in groups.items():
        out.print(f"[bold]{title}[/]")
        for name, says in listed:
            out.print(f"  {name:<20}{says}")
    out.print("[dim]More of one: invoke VERB --help[/]")


def status(endpoint: "Endpoint") -> None:
    """The endpoint, then its deployments with their share of live traffic."""
    out = console()
    out.print(
        f"[bold]{safe(endpoint.name)}[/]  {_state(endpoint.state)}  "
        f"auth {safe(endpoint.auth_mode)}  {safe(endpoint.scoring_uri)}"
    )
    if not endpoint.deployments:
        out.print("no deployments")
        return
    columns = ("deployment", "traffic", "", "state", "instances", "model")
    table = grid(*columns, "environment", "type")
    for name, each in sorted(endpoint.deployments.items()):
        share = endpoint.traffic.get(name, 0)
        mirrored = endpoint.mirror.get(name)
        table.add_row(
            deployment(name),
            f"{share}%" + (f" (mirror {mirrored}%)" if mirrored else ""),
            _bar(share),
            _state(each.state),
            str(each.instances),
            safe(asset(each.model)),
            safe(asset(each.environment)),
            safe(each.instance_type),
        )
    out.print(table)


def asset(name: str) -> str:
    """A model's or environment's name; an inline one by the start of its hash."""
    anonymous = ANONYMOUS.fullmatch(name)
    return f"inline {anonymous[1]}" if anonymous else name


def plan(plan: "Plan") -> None:
    """The steps of a deploy, without taking them."""
    table = grid("step", "what", "would", "because", prose=["because"])
    for step in plan.steps:
        colour = "dim" if step.action == "skip" else "yellow"
        table.add_row(
            step.kind,
            safe(step.target),
            f"[{colour}]{step.action}[/]",
            safe(step.reason),
        )
    console().print(table)


def phases(phases: "Iterable[Phase]") -> None:
    """Each phase as it ends, with a clock while it runs."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console(), transient=True) as progress:
        task = None
        for phase in phases:
            step = phase.step
            title = safe(f"{step.kind:<12}{step.target:<16}  ")
            if phase.outcome == "running":
                task = progress.add_task(f"{title}{step.action}: {safe(step.reason)}")
                continue
            if phase.outcome == "waiting":
                note = hanging("[yellow]![/]", f"{title}{safe(phase.note)}")
                progress.console.print(note)
                continue
            if task is not None:
                progress.remove_task(task)
                task = None
            progress.console.print(hanging(*_phase(title, phase)))


def how_to_call(endpoint: "Endpoint", sample: str, flags: str) -> None:
    """The request any client can send, with the key kept out of argv."""
    line(f"Call it:\n  invoke keys --header{flags} | curl -s -H @- \\")
    line(f"    -H 'Content-Type: application/json' -d @{sample} \\")
    line(f"    {endpoint.scoring_uri}")


def answers(answers: "list[Answer]") -> None:
    """One answer whole, or a summary of many."""
    if len(answers) == 1:
        _answer(answers[0])
    else:
        _summary(answers)


def problems(problems: "list[Problem]", checked: str) -> None:
    out = console()
    for problem in problems:
        mark = "[red]error[/]  " if problem.fatal else "[yellow]warning[/]"
        out.print(hanging(mark, safe(str(problem))))
    if not problems:
        out.print(f"[green]ok[/]  {checked}")


def tails(tails: "list[Tail]") -> None:
    """Log lines as they were written, but for what would drive the terminal."""
    for tail in tails:
        if len(tails) > 1:
            container = safe(tail.container)
            console().print(f"[bold]{deployment(tail.deployment)}[/]  {container}")
        for text in tail.lines:
            line(clean(text))
        if not tail.lines:
            note(f"{tail.deployment}: the {tail.container} log is empty")


def scaling(change: "Scaling") -> None:
    arrow = f"{change.before} -> [bold]{change.after}[/]"
    text = arrow if change.before != change.after else f"unchanged {change.after}"
    console().print(f"{deployment(change.deployment)}  instances  {text}")


def keys(keys: "Keys") -> None:
    line(f"primary    {keys.primary}\nsecondary  {keys.secondary}")
    if keys == keys.masked():
        note("Whole with --show-keys; as a header for curl -H @- with --header.")


def cloud(found: "LocalCloud | None") -> None:
    if found is None:
        line("localcloud is down; any verb on a local stage starts it")
        return
    table = grid("localcloud", "")
    table.add_row("control plane", f"{found.url}  (process {found.pid})")
    table.add_row("gateway", found.gateway_url)
    table.add_row("directory", safe(str(found.directory)))
    console().print(table)


def ago(moment: datetime, now: datetime | None = None) -> str:
    """A time of day for today, else the date too; UTC."""
    now = now or datetime.now(UTC)
    form = "%H:%M:%S" if moment.date() == now.date() else "%Y-%m-%d %H:%M"
    return moment.strftime(form)


def clean(text: str) -> str:
    """A log line without anything that could drive the reader's terminal.

    What was to be written over, as progress bars are, stands one after the other.
    """
    lines = text.rstrip("\r").replace("\r\n", "\n")
    return CONTROLS.sub("", lines.replace("\r", " "))


def _answer(answer: "Answer") -> None:
    colour = "green" if answer.status == 200 else "red"
    head = f"[{colour}]{answer.status}[/]  {deployment(answer.deployment or '-')}"
    console().print(f"{head}  {answer.duration_ms:.1f} ms  request {answer.request_id}")
    body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    line(clean(body) if answer.status == 200 else clean(answer.reason))


def _summary(answers: "list[Answer]") -> None:
    table = grid("deployment", "status", "requests", "share", "p50 ms", "p95 ms")
    groups: dict[tuple[str, int], list[float]] = {}
    for each in answers:
        key = (each.deployment or "-", each.status)
        groups.setdefault(key, []).append(each.duration_ms)
    for (name, code), durations in sorted(groups.items()):
        ordered = sorted(durations)
        colour = "green" if code == 200 else "red"
        table.add_row(
            deployment(name),
            f"[{colour}]{code}[/]",
            str(len(ordered)),
            f"{100 * len(ordered) / len(answers):.0f}%",
            f"{ordered[len(ordered) // 2]:.1f}",
            f"{ordered[int(len(ordered) * 0.95)]:.1f}",
        )
    console().print(table)
    for reason in {each.reason for each in answers if each.reason}:
        line(clean(reason))


def _phase(title: str, phase: "Phase") -> tuple[str, str]:
    """A mark, and what became of a step."""
    if phase.outcome == "skipped":
        return "[dim]-[/]", f"[dim]{title}{safe(phase.step.reason)}[/]"
    said = phase.step.action + "d" if phase.step.action != "test" else "answered"
    if phase.answer:
        said = f"{phase.answer.status} in {phase.answer.duration_ms:.0f} ms"
    elif phase.step.action == "test":
        said = "no sample request to send"
    reason = safe(phase.step.reason)
    return "[green]+[/]", f"{title}{said} ({reason})  {phase.seconds:.1f} s"


def grid(*columns: str, prose: Iterable[str] = (), below: Iterable[str] = ()) -> "Grid":
    """A table for any width: `prose` wraps; `below`, then the last, move beneath."""
    from ops.views.grid import Grid

    return Grid(*columns, prose=prose, below=below)


def hanging(mark: str, text: str) -> "Table":
    """Our markup behind a mark; what goes on below begins where the text does."""
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(mark, text)
    return table


def deployment(name: str) -> str:
    colour = COLOURS.get(name, "cyan")
    shown = name if name.replace("-", "").isalnum() else safe(name)
    return f"[{colour}]{shown}[/]"


def _state(state: str) -> str:
    return f"[{STATES.get(state, 'yellow')}]{safe(state)}[/]"


def _bar(share: int) -> str:
    return "█" * round(share / 10) if share else ""


def safe(text: str) -> str:
    """Text of others inside our markup: brackets escaped, controls removed."""
    from rich.markup import escape

    return escape(clean(text))

"""How it looks who was told what."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ops.views import render
from ops.views.render import MARKS, say

if TYPE_CHECKING:
    from ops.alerting.relaying import Told
    from ops.alerting.targets import Group
    from ops.alerting.telling import Tried


def groups(groups: "Iterable[Group]") -> None:
    """Who would be sent a test, and how."""
    for each in groups:
        ways = [
            *("a webhook" for _ in each.webhooks),
            *each.emails,
            *(["slack"] if each.slack else []),
            *(["teams"] if each.teams else []),
        ]
        render.line(f"{each.name}: {', '.join(ways)} would be sent a test")


def tried(tests: "Iterable[Tried]") -> "list[Tried]":
    """`ok      on-call/webhook-1  a made-up alert  200, 84 ms`, each as it is known."""
    done = []
    for each in tests:
        done.append(each)
        mark = "[red]failed[/]" if each.failed else "[green]ok[/]    "
        ms = 1000 * each.seconds
        lasted = f"{ms:,.0f} ms" if ms < 10_000 else f"{each.seconds:.0f} s"
        answer = _plain(each.answer) or "no answer is told"
        say(f"{mark}  {each.target:<22}  {each.sent}: {answer}, {lasted}")
    return done


def relayed(messages: "Iterable[Told]") -> "list[Told]":
    """`12:31:05  team/slack  fired errors on green: 200 ok, 84 ms`."""
    done = []
    for each in messages:
        done.append(each)
        said = f"[red]{_plain(each.said)}[/]" if each.failed else _plain(each.said)
        say(f"{each.at:%H:%M:%S}  {each.target:<14}  {_plain(each.what)}: {said}")
    return done


def _plain(text: str) -> str:
    """What others wrote, without controls and without what would be our markup."""
    return MARKS.sub("", render.clean(text))

"""An alert as a message that a person can read: Slack blocks, a Teams card, text.

What a rule, a log line or a deployment is called comes from others, so none of it may
mention anybody, link anywhere or look like our own words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.alerting.fired import GRAVE, Alert
from ops.times import length
from ops.views.render import clean

BLOCKS = "▁▂▃▄▅▆▇█"
MOST = 300  # characters of what others wrote, in one place
COLOURS = {True: "#c62828", False: "#2e7d32"}  # fired, resolved
ADAPTIVE = "application/vnd.microsoft.card.adaptive"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a message says, whatever shows it. All of it is plain text."""

    title: str
    fired: bool
    grave: bool = False  # shown as such
    summary: str = ""
    facts: tuple[tuple[str, str], ...] = ()  # label and value, in order
    runbook: str = ""
    command: str = ""  # to be typed next

    @property
    def text(self) -> str:
        """Plain lines, for what shows nothing else, and for notifications."""
        lines = [self.title, self.summary, *(f"{k}: {v}" for k, v in self.facts)]
        lines += [f"runbook: {self.runbook}"] if self.runbook else []
        lines += [f"next: {self.command}"] if self.command else []
        return "\n".join(filter(None, lines))


def card(
    alert: Alert, stage: str, now: datetime, recent: Sequence[float | None] = ()
) -> Card:
    """An alert, fired or resolved; `recent` are values of the rule, oldest first."""
    whose = f"{_one_line(alert.rule)} on {_one_line(alert.subject)}"
    if alert.fired:
        title = f"Sev {alert.severity}: {whose}"
        since = f"{alert.started:%F %T} UTC ({length(now - alert.started)})"
    else:
        lasted = length((alert.resolved or now) - alert.started)
        title = f"Resolved: {whose}, after {lasted}"
        since = f"{alert.started:%F %T} UTC"
    facts = {
        "endpoint": f"{_one_line(alert.endpoint)} on {stage}",
        "value": _one_line(alert.measured),
        "recent": sparkline(recent),
        "since": since,
        "state": f"{alert.state} by {_one_line(alert.by)}" if alert.by else "",
        "alert": alert.id[:8],
    }
    return Card(
        title=title,
        fired=alert.fired,
        grave=alert.severity <= GRAVE,
        summary=_one_line(alert.summary),
        facts=tuple((label, value) for label, value in facts.items() if value),
        runbook=_one_line(alert.runbook),
        command=_one_line(alert.next) if alert.fired else "",
    )


def trial(group: str, stage: str, who: str, now: datetime) -> Card:
    """The message of `invoke alerts.notify-test`."""
    return Card(
        title=f"Test: {group} on {stage} is told by this",
        fired=False,
        summary="Nothing is wrong; nobody has to do anything.",
        facts=(("by", _one_line(who)), ("at", f"{now:%F %T} UTC")),
    )


def slack(card: Card) -> dict[str, Any]:
    """Text and blocks of chat.postMessage, or of an incoming webhook."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(card.title[:150])},
    ]
    if card.summary:
        blocks.append({"type": "section", "text": _plain(card.summary)})
    if card.facts:
        fields = [
            {"type": "mrkdwn", "text": f"*{label}*\n{_mrkdwn(value)}"}
            for label, value in card.facts
        ]
        blocks.append({"type": "section", "fields": fields})
    for label, value in (("next", card.command), ("runbook", card.runbook)):
        if value:
            text = f"*{label}*  `{_mrkdwn(value)}`"
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    return {
        "text": _mrkdwn(card.title),  # of the notification
        "attachments": [{"color": COLOURS[card.fired], "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def teams(card: Card) -> dict[str, Any]:
    """What a Teams workflow takes: a message with one adaptive card."""
    style = "attention" if card.fired and card.grave else "warning"
    body: list[dict[str, Any]] = [
        _runs(card.title, weight="bolder", size="medium", color=style)
        if card.fired
        else _runs(card.title, weight="bolder", size="medium", color="good")
    ]
    if card.summary:
        body.append(_runs(card.summary))
    body += [_labelled(label, value) for label, value in card.facts]
    for label, value in (("next", card.command), ("runbook", card.runbook)):
        if value:
            body.append(_labelled(label, value, fontType="monospace"))
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    attachment = {"contentType": ADAPTIVE, "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def sparkline(values: Sequence[float | None]) -> str:
    """Recent values, the latest on the right; where there is none is a space."""
    known = [each for each in values if each is not None]
    if not known:
        return ""
    low, top = min(0.0, *known), max(known)
    span = (top - low) or 1.0
    steps = len(BLOCKS) - 1
    return "".join(
        " " if each is None else BLOCKS[round((each - low) / span * steps)]
        for each in values
    ).strip(" ")


def _one_line(text: str) -> str:
    shown = " ".join(clean(text).split())
    return shown if len(shown) <= MOST else shown[: MOST - 1] + "…"


def _plain(text: str) -> dict[str, Any]:
    """Text in which Slack looks for nothing."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _mrkdwn(text: str) -> str:
    """Text in which Slack finds no mention, no link and no code.

    Slack: formatting-message-text: three characters are escaped, and whatever is
    special stands between < and >.
    """
    for char, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("`", "'")):
        text = text.replace(char, escaped)
    return text


def _runs(text: str, **look: Any) -> dict[str, Any]:
    """A line of a card. Unlike a TextBlock, a TextRun knows no Markdown."""
    return {"type": "RichTextBlock", "inlines": [_run(text, **look)]}


def _labelled(label: str, value: str, **look: Any) -> dict[str, Any]:
    inlines = [_run(f"{label}  ", isSubtle=True), _run(value, **look)]
    return {"type": "RichTextBlock", "spacing": "small", "inlines": inlines}


def _run(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": text, **look}

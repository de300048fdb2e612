"""Post a card to Slack or Teams, and edit it later where the target can.

Slack: chat.postMessage and chat.update with a bot's token; an incoming webhook and a
Teams workflow take messages and give nothing back to edit them by. No error tells a
URL: whoever knows it can post.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ops.alerting import cards, targets
from ops.alerting.cards import Card
from ops.alerting.targets import Group
from ops.errors import OpsError

SECONDS = 10.0  # for a target to connect, and to answer
MOST_ANSWER = 65536  # bytes that are read of what a target says
MOST_SAID = 120  # characters of it that are told
GONE = ("message_not_found", "cant_update_message", "edit_window_closed")


class NotPosted(OpsError):
    """Why a message did not arrive; where that isn't `certain`, it may have."""

    def __init__(self, problem: str, *, certain: bool = True) -> None:
        self.certain = certain
        unsure = "" if certain else "; it may have arrived, and isn't sent again"
        super().__init__(problem + unsure)


class Gone(NotPosted):
    """The message that was to be edited is no more, or is too old to be."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One place where cards go, with its secrets read."""

    name: str  # team/slack
    group: str
    kind: str  # slack, slack webhook, teams
    url: str = field(repr=False)
    token: str = field(default="", repr=False)
    channel: str = ""

    @property
    def edits(self) -> bool:
        return bool(self.token)


@dataclass(frozen=True, kw_only=True)
class Posted:
    """A message that has arrived, and what it is edited by."""

    answer: str  # "200 ok"
    seconds: float
    channel: str = ""
    ts: str = ""


def of(group: Group) -> list[Target]:
    """Where the cards of a group go; raise Refused where a secret can't be read."""
    return [target for make in (slack, teams) if (target := make(group))]


def slack(group: Group) -> Target | None:
    found, name = group.slack, f"{group.name}/slack"
    if found and found.token:
        return Target(
            name=name,
            group=group.name,
            kind="slack",
            url=found.api,
            token=found.token.read(),
            channel=found.channel,
        )
    if found and found.url:
        url, kind = targets.url(found.url), "slack webhook"
        return Target(name=name, group=group.name, kind=kind, url=url)
    return None


def teams(group: Group) -> Target | None:
    if group.teams is None:
        return None
    name, url = f"{group.name}/teams", targets.url(group.teams.url)
    return Target(name=name, group=group.name, kind="teams", url=url)


def post(target: Target, card: Card, place: tuple[str, str] = ("", "")) -> Posted:
    """Post a card, or put it where an earlier one stands (channel, ts).

    Raise NotPosted.
    """
    if target.kind == "teams":
        return _sent(target.url, cards.teams(card))
    body = cards.slack(card)
    if not target.token:
        return _sent(target.url, body)
    channel, ts = place
    if ts:
        with suppress(Gone):  # by hand: then it is posted anew
            return _called(
                target, "chat.update", {**body, "channel": channel, "ts": ts}
            )
    return _called(target, "chat.postMessage", {**body, "channel": target.channel})


def _called(target: Target, method: str, body: dict[str, Any]) -> Posted:
    """One method of Slack's API: it answers 200 even where it refuses."""
    headers = {"Authorization": f"Bearer {target.token}"}
    status, text, seconds = _exchange(f"{target.url}/{method}", body, headers)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    if status != 200 or not (isinstance(answer, dict) and answer.get("ok")):
        said = _short(str(answer.get("error") if isinstance(answer, dict) else ""))
        kind = Gone if said in GONE else NotPosted
        raise kind(f"Slack's {method} answered {status} {said}")
    return Posted(
        answer=f"{status} ok",
        seconds=seconds,
        channel=str(answer.get("channel") or ""),
        ts=str(answer.get("ts") or ""),
    )


def _sent(url: str, body: dict[str, Any]) -> Posted:
    status, text, seconds = _exchange(url, body, {})
    if not 200 <= status < 300:
        raise NotPosted(f"it answered {status} {_short(text)}")
    return Posted(answer=f"{status} {_short(text)}".strip(), seconds=seconds)


def _exchange(
    url: str, body: dict[str, Any], headers: Mapping[str, str]
) -> tuple[int, str, float]:
    """POST as JSON; no redirect is followed: it would carry the message elsewhere."""
    import http.client

    parts = urlsplit(url)
    kind = (
        http.client.HTTPSConnection
        if parts.scheme == "https"
        else http.client.HTTPConnection
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    told = {"Content-Type": "application/json; charset=utf-8", **headers}
    began = time.monotonic()
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    sent = False
    try:
        connection.connect()
        sent = True
        connection.request("POST", path, json.dumps(body).encode(), told)
        answer = connection.getresponse()
        text = answer.read(MOST_ANSWER).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NotPosted(f"no answer: {_reason(error)}", certain=not sent) from None
    finally:
        connection.close()
    return answer.status, text, time.monotonic() - began


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing within {SECONDS:g} s"
    return getattr(error, "strerror", None) or type(error).__name__


def _short(text: str) -> str:
    from ops.views.render import clean

    return " ".join(clean(text).split())[:MOST_SAID]

"""Whom alerts tell: the `notify` key of a stage file, checked as a whole.

Each name below it is one action group on Azure (webhooks, e-mail) and perhaps cards in
Slack and Teams, which `invoke alerts.relay` posts. No message shows a value that might
be a secret.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ops import fields, suggestions
from ops.alerting.secret import Secret
from ops.errors import InvalidSpec, NotFound, Refused
from ops.fields import Mistake

if TYPE_CHECKING:
    from ops.settings import Stage

PREFIX = "aml-ops-"
MOST_SHORT = 12  # characters of an action group's short name; Azure's limit
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SLACK_API = "https://slack.com/api"


@dataclass(frozen=True, kw_only=True)
class Slack:
    """A channel, by a bot's token (messages are edited) or an incoming webhook."""

    channel: str = ""
    token: Secret | None = None
    url: Secret | None = None
    api: str = SLACK_API


@dataclass(frozen=True, kw_only=True)
class Teams:
    """A channel, by the URL of its workflow "when a webhook request is received"."""

    url: Secret


@dataclass(frozen=True, kw_only=True)
class Group:
    """One name under `notify`, and everybody it tells."""

    name: str
    webhooks: tuple[Secret, ...] = ()
    emails: tuple[str, ...] = ()
    slack: Slack | None = None
    teams: Teams | None = None

    @property
    def resource_name(self) -> str:
        """Of its action group on Azure."""
        return PREFIX + self.name

    @property
    def short_name(self) -> str:
        return self.name[:MOST_SHORT].rstrip("-")

    @property
    def has_receivers(self) -> bool:
        """Whether Azure itself tells somebody; cards are the relay's."""
        return bool(self.webhooks or self.emails)


def of(stage: "Stage") -> tuple[Group, ...]:
    """The groups of a stage, in the file's order; raise InvalidSpec."""
    found, mistakes = check(stage.notify, local=stage.local)
    if mistakes:
        raise InvalidSpec(f"{stage.path.name}: {mistake}" for mistake in mistakes)
    return found


def named(stage: "Stage", name: str) -> Group:
    """The group of this name; raise NotFound, which tells of those there are."""
    groups = {each.name: each for each in of(stage)}
    if name in groups:
        return groups[name]
    names = ", ".join(groups) or "none"
    raise NotFound(
        f"{stage.path.name} notifies no {name!r} (there are: {names}).",
        *suggestions.remedies(name, groups),
    )


def url(secret: Secret) -> str:
    """The URL that a secret is; raise Refused."""
    text = secret.read()
    if reason := wrong_url(text):
        raise Refused(f"{secret.where}: what it points at {reason}.")
    return text


def check(data: Any, *, local: bool) -> tuple[tuple[Group, ...], list[Mistake]]:
    """What `notify` means, and all that is wrong with it."""
    mistakes: list[Mistake] = []
    groups = [
        _group(name, value, mistakes, local=local)
        for name, value in _keys(data, "notify", (), mistakes).items()
    ]
    return tuple(groups), mistakes


def _group(name: Any, data: Any, mistakes: list[Mistake], *, local: bool) -> Group:
    at = f"notify.{name}"
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        text = "a name has small letters, digits and dashes, 40 at most"
        mistakes.append(Mistake(field=at, text=text))
    found = _keys(data, at, ("webhook", "email", "slack", "teams"), mistakes)
    if isinstance(data, dict) and not data:
        mistakes.append(Mistake(field=at, text="tells nobody"))
    hooks = [
        _webhook(each, where, mistakes)
        for each, where in _listed(found.get("webhook"), f"{at}.webhook")
    ]
    for hook in hooks:
        if hook and not local and _is_loopback(hook.text):
            text = "Azure can't reach this machine's loopback"
            mistakes.append(Mistake(field=hook.where, text=text))
    return Group(
        name=str(name),
        webhooks=tuple(hook for hook in hooks if hook),
        emails=tuple(_emails(found.get("email"), f"{at}.email", mistakes)),
        slack=_slack(found["slack"], f"{at}.slack", mistakes)
        if "slack" in found
        else None,
        teams=_teams(found["teams"], f"{at}.teams", mistakes)
        if "teams" in found
        else None,
    )


def _webhook(data: Any, at: str, mistakes: list[Mistake]) -> Secret | None:
    if isinstance(data, str):
        data = {"url": data}
    known = ("url", "url_file", "url_env")
    return _secret(_keys(data, at, known, mistakes), at, "url", mistakes, plain=True)


def _emails(data: Any, at: str, mistakes: list[Mistake]) -> Iterator[str]:
    for each, where in _listed(data, at):
        if isinstance(each, str) and EMAIL.fullmatch(each):
            yield each
        else:
            text = f"{each!r} is no e-mail address"
            mistakes.append(Mistake(field=where, text=text))


def _slack(data: Any, at: str, mistakes: list[Mistake]) -> Slack:
    known = (
        *("channel", "token_file", "token_env"),
        *("url_file", "url_env", "api"),
    )
    found = _keys(data, at, known, mistakes)
    if not isinstance(data, dict):
        return Slack()
    by_url = "url_file" in found or "url_env" in found
    if by_url:
        for key in ("channel", "token_file", "token_env", "api"):
            if key in found:
                text = "goes with a token; an incoming webhook has a channel of its own"
                mistakes.append(Mistake(field=f"{at}.{key}", text=text))
        return Slack(url=_secret(found, at, "url", mistakes))
    channel, api = found.get("channel"), found.get("api", SLACK_API)
    if not (isinstance(channel, str) and re.fullmatch(r"#?[\w.-]+", channel)):
        text = 'must name a channel with its token: "#ml-ops", or C0123456789'
        mistakes.append(Mistake(field=f"{at}.channel", text=text))
    if reason := wrong_url(api):
        mistakes.append(Mistake(field=f"{at}.api", text=reason))
    return Slack(
        channel=str(channel),
        token=_secret(found, at, "token", mistakes),
        api=str(api).rstrip("/"),
    )


def _teams(data: Any, at: str, mistakes: list[Mistake]) -> Teams | None:
    found = _keys(data, at, ("url_file", "url_env"), mistakes)
    url = _secret(found, at, "url", mistakes) if isinstance(data, dict) else None
    return Teams(url=url) if url else None


def _secret(
    found: Mapping[str, Any],
    at: str,
    what: str,
    mistakes: list[Mistake],
    *,
    plain: bool = False,
) -> Secret | None:
    """Exactly one of url, url_file, url_env (or of a token's); never its value."""
    checks: dict[str, Callable[[Any], str]] = {
        f"{what}_file": _wrong_path,
        f"{what}_env": _wrong_variable,
        **({what: wrong_url} if plain else {}),
    }
    given = [key for key in checks if key in found]
    if len(given) != 1:
        text = f"needs one of {', '.join(sorted(checks))}"
        mistakes.append(Mistake(field=at, text=text))
        return None
    key = given[0]
    if reason := checks[key](found[key]):
        mistakes.append(Mistake(field=f"{at}.{key}", text=reason))
        return None
    kind = key.removeprefix(what).removeprefix("_") or "text"
    value = {"text": "", "file": "", "env": "", kind: str(found[key])}
    return Secret(where=f"{at}.{what}", **value)


def wrong_url(value: Any) -> str:
    """Why nothing may be posted there; "" where it may."""
    text = "must be an https:// URL, or http:// to this machine's loopback"
    if not (isinstance(value, str) and re.fullmatch(r"[!-~]+", value)):
        return text
    try:
        parts = urlsplit(value)
        secure = parts.scheme == "https" and bool(parts.hostname)
        _ = parts.port  # raises where it is none
    except ValueError:
        return text
    return "" if secure or (parts.scheme == "http" and _is_loopback(value)) else text


def _is_loopback(url: str) -> bool:
    return bool(url) and urlsplit(url).hostname in LOOPBACK


def _wrong_path(value: Any) -> str:
    absolute = isinstance(value, str) and value.startswith(("/", "~/"))
    return "" if absolute else "must be a path that begins with / or ~/"


def _wrong_variable(value: Any) -> str:
    named = isinstance(value, str) and VARIABLE.fullmatch(value)
    return "" if named else "must be the name of an environment variable"


def _listed(data: Any, at: str) -> list[tuple[Any, str]]:
    """One or several, each with its place."""
    if data is None:
        return []
    if not isinstance(data, list):
        return [(data, at)]
    return [(each, f"{at}[{index}]") for index, each in enumerate(data)]


def _keys(
    data: Any, at: str, known: Iterable[str], mistakes: list[Mistake]
) -> dict[str, Any]:
    """The known keys of a mapping; all of them where none are named."""
    known = tuple(known)
    if not isinstance(data, dict):
        names = f" ({', '.join(known)})" if known else ""
        mistakes.append(Mistake(field=at, text=f"must hold keys and values{names}"))
        return {}
    mistakes += [
        Mistake(field=f"{at}.{key}", text=fields.unknown(str(key), known))
        for key in data
        if known and key not in known
    ]
    return {key: value for key, value in data.items() if not known or key in known}

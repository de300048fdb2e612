"""Alert rules as the files want them beside those that are live.

Only what carries our tag is ever changed. A live rule of ours that no file wants is
removed, if its endpoint is one of specs/: another checkout's rules are its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops import endpoints, specs, suggestions
from ops.alerting import compiling, grouping, rulefile, targets, wanting
from ops.alerting.compiling import Wanted
from ops.alerting.monitor import GROUPS, NOTIFY, Live, Monitor, carry, edited, same
from ops.alerting.places import Place, place_of, settings
from ops.alerting.steps import (
    CREATE,
    DELETE,
    FOREIGN,
    UNCHANGED,
    UPDATE,
    Step,
    compared,
)
from ops.alerting.wording import described
from ops.errors import NotFound
from ops.hints import hint
from ops.settings import shown

if TYPE_CHECKING:
    from ops.clients import Workspace

NOBODY = "{path} has no `notify`: rules tell nobody, {alerts} shows what fires"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Every step, groups first and what is to be removed last, and what is live."""

    steps: tuple[Step, ...]
    places: Mapping[str, Place]  # by endpoint, those that are deployed
    live: tuple[Live, ...]
    notes: tuple[str, ...] = ()


def compare(
    workspace: "Workspace", rule: str | None = None, endpoint: str | None = None
) -> Comparison:
    """The files beside what is live, for every endpoint or one, every rule or one.

    Raise InvalidSpec with all that is wrong with the files, before the network is used;
    and after it for what is wrong only for an endpoint that is there.
    """
    rules, groups = rulefile.load(), targets.of(workspace.stage)
    path = shown(workspace.stage.path)
    wanting.require_known(rules.values(), groups, path)
    names = _endpoints(endpoint)
    scaled = any(map(wanting.is_of_autoscale, rules.values()))
    places = _places(workspace, names, groups, scaled=scaled)
    live = Monitor(workspace).list()
    chosen = wanting.chosen(rules, live, rule)
    wanted, skips = wanting.resources(chosen, names, places)
    if places:
        told, unread = grouping.wanted(groups, chosen)
        wanted, skips = [*told, *wanted], [*unread, *skips]
    wanting.require_whole(wanted)
    there = {_key(each): each for each in live}
    steps = [_step(each, there.get(_key(each))) for each in wanted]
    kept = {_key(each) for each in wanted}
    surplus = [each for each in live if _key(each) not in kept]
    whole = rule is None and endpoint is None
    mine = [each for each in surplus if _ours(each, names, rule, whole=whole)]
    return Comparison(
        steps=(*steps, *skips, *_removed(mine, skips)),
        places=places,
        live=tuple(live),
        notes=() if groups else (NOBODY.format(path=path, alerts=hint("alerts")),),
    )


def _key(resource: Wanted | Live) -> tuple[str, str]:
    """Azure's names are the same in any case."""
    return resource.kind, resource.name.lower()


def _places(
    workspace: "Workspace",
    names: list[str],
    groups: tuple[targets.Group, ...],
    *,
    scaled: bool,
) -> dict[str, Place]:
    """Of each endpoint that is there."""
    ids = {each.name: grouping.id_of(workspace, each) for each in groups}
    places = {}
    for name in names:
        if found := endpoints.find(workspace, name):
            known = settings(workspace, name) if scaled else {}
            places[name] = place_of(workspace, found, ids, known)
    return places


def _endpoints(only: str | None) -> list[str]:
    names = specs.names()
    if only and only not in names:
        raise NotFound(
            f"There is no endpoint {only!r} in specs (there are: {', '.join(names)}).",
            *suggestions.remedies(only, names),
        )
    return [only] if only else names


def _step(wanted: Wanted, live: Live | None) -> Step:
    """One resource that shall be there beside the one that is."""
    new = described(wanted.kind, wanted.body)
    base = {name: getattr(wanted, name) for name in ("endpoint", "rule", "kind")}
    base |= {"name": wanted.name, "deployment": wanted.deployment, "body": wanted.body}
    if live is None:
        return Step(
            **base, action=CREATE, changes=tuple(compared({}, new)), notes=wanted.notes
        )
    if live.owner != wanted.body["tags"][compiling.OWNER]:
        whose = f"is {live.owner}'s" if live.owner else "was not made by this toolkit"
        note = f"{live.name} {whose}: it is left as it is"
        return Step(**base, action=FOREIGN, notes=(note,), live=live)
    carry(wanted.body, live)
    if same(live.body, wanted.body):
        return Step(**base, action=UNCHANGED, live=live)
    changes = tuple(compared(described(live.kind, live.body), new))
    notes = (
        ("it was changed since by somebody else",) if edited(live, wanted.body) else ()
    )
    return Step(
        **base,
        action=UPDATE,
        changes=changes or ("details that no words here tell",),
        notes=notes,
        live=live,
    )


def _ours(live: Live, names: Collection[str], rule: str | None, *, whole: bool) -> bool:
    """Whether it is for us to remove what nothing wants."""
    if _is_group(live):
        return whole
    return live.endpoint in names and rule in (None, live.rule)


def _is_group(live: Live) -> bool:
    return live.kind == GROUPS and live.endpoint == NOTIFY


def _removed(surplus: list[Live], skips: list[Step]) -> list[Step]:
    """What nothing wants any more, action groups last; what a skip keeps is left."""
    stay = {(each.endpoint, each.rule) for each in skips if each.keeps}
    reasons = {(each.endpoint, each.rule): each.notes[0] for each in skips}
    return [
        _removal(each, reasons)
        for each in sorted(surplus, key=_is_group)
        if ("" if _is_group(each) else each.endpoint, each.rule) not in stay
    ]


def _removal(live: Live, reasons: Mapping[tuple[str, str], str]) -> Step:
    why = reasons.get((live.endpoint, ""), "no file wants it any more")
    if _is_group(live):
        why = "the stage file notifies nobody by this name any more"
    return Step(
        endpoint="" if _is_group(live) else live.endpoint,
        rule=live.rule,
        kind=live.kind,
        name=live.name,
        action=DELETE,
        notes=(reasons.get((live.endpoint, live.rule), why),),
        live=live,
    )

"""Alert rules as the files want them beside those that are live: what differs, and how.

Only what carries our tag is ever changed. A live rule of ours that no file wants is
removed, if its endpoint is one of specs/: another checkout's rules are its own.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ops import endpoints, specs
from ops.alerting import compiling, grouping, rulefile, targets
from ops.alerting.compiling import Wanted
from ops.alerting.monitor import GROUPS, NOTIFY, Live, Monitor, carry, edited, same
from ops.alerting.places import Place, place_of, settings
from ops.alerting.resolving import resolved
from ops.alerting.rules import Block, Metric, Rule
from ops.alerting.wording import described
from ops.errors import InvalidSpec, NotFound
from ops.settings import shown

if TYPE_CHECKING:
    from ops.clients import Workspace

CREATE, UPDATE, DELETE = "create", "update", "delete"
UNCHANGED, SKIP, FOREIGN = "unchanged", "skip", "foreign"


@dataclass(frozen=True, kw_only=True)
class Step:
    """What apply would do about one resource, and why."""

    endpoint: str  # "" for an action group
    rule: str  # or the action group's name
    kind: str
    name: str
    action: str
    deployment: str = ""
    changes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    keeps: bool = False  # of one that is skipped: what is live stays as it is
    body: dict[str, Any] = field(default_factory=dict, repr=False)
    live: Live | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """`errors`, `cpu/blue`, `group on-call`."""
        if not self.endpoint:
            return f"group {self.rule}"
        return f"{self.rule}/{self.deployment}" if self.deployment else self.rule

    @property
    def writes(self) -> bool:
        return self.action in (CREATE, UPDATE, DELETE)


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

    Raise InvalidSpec with all that is wrong with the files, before the network is used.
    """
    rules, groups = rulefile.load(), targets.of(workspace.stage)
    _require_known(rules.values(), groups, shown(workspace.stage.path))
    names = _endpoints(endpoint)
    found = {name: endpoints.find(workspace, name) for name in names}
    ids = {each.name: grouping.id_of(workspace, each) for each in groups}
    scaled = any(_is_of_autoscale(each) for each in rules.values())
    places = {
        name: place_of(
            workspace, each, ids, settings(workspace, name) if scaled else {}
        )
        for name, each in found.items()
        if each
    }
    live = Monitor(workspace).list()
    chosen = _chosen(rules, live, rule)
    wanted, skips = _wanted(chosen, names, places)
    there = {(each.kind, each.name.lower()): each for each in live}
    made = [*grouping.wanted(groups, chosen), *wanted] if places else wanted
    _require_whole(made)
    steps = [_step(each, there.get((each.kind, each.name.lower()))) for each in made]
    kept = {(each.kind, each.name.lower()) for each in made}
    surplus = [each for each in live if (each.kind, each.name.lower()) not in kept]
    whole = rule is None and endpoint is None
    stay = {(each.endpoint, each.rule) for each in skips if each.keeps}
    reasons = {(each.endpoint, each.rule): each.notes[0] for each in skips}
    removed = [
        _removal(each, reasons)
        for each in sorted(surplus, key=lambda each: each.kind == GROUPS)
        if _ours(each, names, rule, whole=whole)
        and (each.endpoint, each.rule) not in stay
    ]
    notes = () if groups else (NOBODY.format(path=shown(workspace.stage.path)),)
    return Comparison(
        steps=(*steps, *skips, *removed), places=places, live=tuple(live), notes=notes
    )


NOBODY = "{path} has no `notify`: rules tell nobody, `invoke alerts` shows what fires"


def _endpoints(only: str | None) -> list[str]:
    names = specs.names()
    if only and only not in names:
        raise NotFound(
            f"There is no endpoint {only!r} in specs (there are: {', '.join(names)})."
        )
    return [only] if only else names


def _require_known(
    rules: Iterable[Rule], groups: Iterable[targets.Group], stage: str
) -> None:
    """Raise InvalidSpec for rules that tell somebody the stage does not know.

    A stage that knows nobody at all may have every rule.
    """
    known = [each.name for each in groups]
    problems = []
    for rule in rules:
        for name in rule.notify or ():
            if known and name not in known:
                near = difflib.get_close_matches(name, known, n=1) or known
                text = f"{name!r} is not under notify in {stage} ({', '.join(near)} is)"
                problems.append(f"{shown(rule.path)}: notify: {text}")
    if problems:
        raise InvalidSpec(problems)


def _chosen(
    rules: Mapping[str, Rule], live: Iterable[Live], only: str | None
) -> list[Rule]:
    """The rules to compare; raise NotFound for one that is in no file and not live."""
    if only is None:
        return list(rules.values())
    if only in rules:
        return [rules[only]]
    if any(each.owner and each.rule == only for each in live):
        return []
    near = difflib.get_close_matches(only, rules, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(rules)}"
    raise NotFound(f"No file in alerts/ is the rule {only!r} ({hint}).")


def _wanted(
    rules: Iterable[Rule], names: Iterable[str], places: Mapping[str, Place]
) -> tuple[list[Wanted], list[Step]]:
    """What shall be there, and what can't be; raise InvalidSpec with all problems."""
    wanted: list[Wanted] = []
    skips: list[Step] = []
    problems: list[str] = []
    for name in names:
        if name not in places:
            note = f"{name} is not deployed here: it has no rules"
            skips.append(_skip(name, "", note))
            continue
        for rule in rules:
            if rule.endpoints and name not in rule.endpoints:
                continue
            try:
                meant, notes = resolved(rule, name)
            except NotFound as error:
                note = error.problem
                skips.append(_skip(name, rule.name, note, keeps=_is_of_drift(rule)))
                continue
            except InvalidSpec as error:
                if _is_of_drift(rule):
                    skips.append(_skip(name, rule.name, _first(error), keeps=True))
                    continue
                lines = error.problem.splitlines()[1:]
                problems += [f"{shown(rule.path)}: {line[4:]}" for line in lines]
                continue
            made = compiling.compiled(meant, places[name], notes)
            if not made:
                skips.append(_skip(name, rule.name, _lacking(rule, name)))
            wanted += made
    if problems:
        raise InvalidSpec(dict.fromkeys(problems))
    return wanted, skips


def _lacking(rule: Rule, endpoint: str) -> str:
    if _is_of_autoscale(rule):
        return f"no deployment of {endpoint} is autoscaled"
    return f"{endpoint} has no deployments yet"


def _is_of_autoscale(rule: Rule) -> bool:
    return isinstance(rule.condition, Metric) and rule.condition.of == "autoscale"


def _is_of_drift(rule: Rule) -> bool:
    """Such a rule needs what training wrote, which a fresh clone has not.

    That is no reason to remove it, nor to leave the other rules as they are.
    """
    return isinstance(rule.condition, Block) and rule.condition.kind == "drift"


def _first(error: InvalidSpec) -> str:
    """The first of several problems, and how many more there are."""
    first, *more = (
        line.removeprefix("  - ") for line in error.problem.splitlines()[1:]
    )
    return f"{first} (and {len(more)} more)" if more else first


def _skip(endpoint: str, rule: str, note: str, *, keeps: bool = False) -> Step:
    return Step(
        endpoint=endpoint,
        rule=rule,
        kind="",
        name="",
        action=SKIP,
        notes=(note,),
        keeps=keeps,
    )


def _require_whole(wanted: Iterable[Wanted]) -> None:
    """Raise InvalidSpec for what Azure takes in no form, and for names that clash."""
    found: dict[tuple[str, str], Wanted] = {}
    problems = []
    for each in wanted:
        problems += list(compiling.problems(each))
        first = found.setdefault((each.kind, each.name.lower()), each)
        if first is not each:
            one, two = (f"{e.rule!r} of {e.endpoint}" for e in (first, each))
            problems.append(f"rules {one} and {two} would both be named {each.name}")
    if problems:
        raise InvalidSpec(problems)


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


def compared(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """`~ severity: 2 -> 1` for each field that differs; a query line by line."""
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if old is not None and new is not None and "\n" in old + new:
            yield f"~ {key}:"
            lines = difflib.ndiff(old.splitlines(), new.splitlines())
            yield from (f"    {each}" for each in lines if each[0] in "+-")
        elif old is None:
            yield f"+ {key}: {new}"
        elif new is None:
            yield f"- {key}: {old}"
        else:
            yield f"~ {key}: {old} -> {new}"

"""What the files of alerts/ want of a workspace, and what of it can't be."""

import difflib
from collections.abc import Iterable, Mapping

from ops import suggestions
from ops.alerting import compiling, targets
from ops.alerting.compiling import Wanted
from ops.alerting.monitor import Live
from ops.alerting.places import Place
from ops.alerting.resolving import resolved
from ops.alerting.rules import Block, Metric, Rule
from ops.alerting.steps import Step, skipped
from ops.errors import InvalidSpec, NotFound
from ops.settings import shown

MOST_EVERY_MINUTE = 100  # Azure: service-limits, log search alert rules


def require_known(
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


def chosen(
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
    raise NotFound(
        f"No file in alerts/ is the rule {only!r} ({hint}).",
        *suggestions.remedies(only, rules, "invoke alerts.show"),
    )


def resources(
    rules: Iterable[Rule], names: Iterable[str], places: Mapping[str, Place]
) -> tuple[list[Wanted], list[Step]]:
    """What shall be there, and what can't be; raise InvalidSpec with all problems."""
    wanted: list[Wanted] = []
    skips: list[Step] = []
    problems: list[str] = []
    for name in names:
        if name not in places:
            note = f"{name} is not deployed here: it has no rules"
            skips.append(skipped(name, "", note))
            continue
        for rule in rules:
            if rule.endpoints and name not in rule.endpoints:
                continue
            try:
                meant, notes = resolved(rule, name)
            except NotFound as error:
                note = error.problem
                skips.append(skipped(name, rule.name, note, keeps=_is_of_drift(rule)))
                continue
            except InvalidSpec as error:
                if _is_of_drift(rule):
                    skips.append(skipped(name, rule.name, _first(error), keeps=True))
                    continue
                lines = error.problem.splitlines()[1:]
                problems += [f"{shown(rule.path)}: {line[4:]}" for line in lines]
                continue
            made = compiling.compiled(meant, places[name], notes)
            if not made:
                skips.append(skipped(name, rule.name, _lacking(rule, name)))
            wanted += made
    if problems:
        raise InvalidSpec(dict.fromkeys(problems))
    return wanted, skips


def _lacking(rule: Rule, endpoint: str) -> str:
    if is_of_autoscale(rule):
        return f"no deployment of {endpoint} is autoscaled"
    return f"{endpoint} has no deployments yet"


def is_of_autoscale(rule: Rule) -> bool:
    """Whether a rule is about what autoscale does."""
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


def require_whole(wanted: Iterable[Wanted]) -> None:
    """Raise InvalidSpec for what Azure takes in no form, and for names that clash."""
    found: dict[tuple[str, str], Wanted] = {}
    problems = []
    for each in wanted:
        problems += list(compiling.problems(each))
        first = found.setdefault((each.kind, each.name.lower()), each)
        if first is not each:
            one, two = (f"{e.rule!r} of {e.endpoint}" for e in (first, each))
            problems.append(f"rules {one} and {two} would both be named {each.name}")
    hurried = [each for each in found.values() if compiling.every_minute(each)]
    if len(hurried) > MOST_EVERY_MINUTE:
        count = f"{len(hurried)} log rules are evaluated every minute"
        most = f"Azure takes {MOST_EVERY_MINUTE} a subscription"
        problems.append(f"{count}; {most}: say every: 5m in the mildest")
    if problems:
        raise InvalidSpec(problems)

"""What a rule means for one endpoint: its blocks expanded, its promises looked up."""

from dataclasses import replace

from ops import slo
from ops.alerting import burnrates, rulefile
from ops.alerting.rules import ELSEWHERE, Block, Expanded, Log, Metric, Rule
from ops.drifting import alerting
from ops.errors import InvalidSpec, NotFound
from ops.settings import alerts_directory, shown

EXPAND = {  # by the kind of a block
    "burn": burnrates.expand,
    "drift": alerting.expand,
}


def resolved(rule: Rule, endpoint: str) -> tuple[Rule, tuple[str, ...]]:
    """The rule with a query or a metric as its condition, and what is to be said of it.

    Raise NotFound where the endpoint lacks what the rule goes by, InvalidSpec where
    that is wrong.
    """
    if isinstance(rule.condition, Block):
        found = expanded(rule.condition, endpoint)
        return _of_block(rule, found), found.notes
    if rule.condition.threshold != ELSEWHERE or _is_autoscale(rule.condition):
        return rule, ()
    latency = slo.load(endpoint).latency_ms
    if latency is None:
        raise NotFound(f"{slo.FILE} of {endpoint} promises no latency")
    return replace(rule, condition=_limited(rule.condition, latency)), ()


def problems(endpoint: str) -> list[tuple[str, str]]:
    """What is wrong with the rules of one endpoint: the file, and what it is."""
    directory = alerts_directory()
    if not directory.is_dir():
        return []
    rules, wrong = rulefile.read(directory)
    found = [
        (where, text) for where, _, text in (each.partition(": ") for each in wrong)
    ]
    for rule in rules.values():
        if rule.endpoints and endpoint not in rule.endpoints:
            continue
        try:
            resolved(rule, endpoint)
        except NotFound:
            continue  # said when it is applied: the endpoint goes without this rule
        except InvalidSpec as error:
            lines = error.problem.splitlines()[1:]
            found += [(shown(rule.path), line.removeprefix("  - ")) for line in lines]
    return found


def expanded(block: Block, endpoint: str) -> Expanded:
    return EXPAND[block.kind](endpoint, block.given)


def _of_block(rule: Rule, block: Expanded) -> Rule:
    condition = Log(
        query=block.query,
        name="",
        measure=block.measure,
        aggregate=block.aggregate,
        operator=block.operator,
        threshold=block.threshold,
        unit=block.unit,
    )
    return replace(
        rule,
        condition=condition,
        by=block.dimensions,
        window=rule.window or block.window,
        every=rule.every or block.every,
    )


def _is_autoscale(condition: Log | Metric) -> bool:
    """Whether its threshold is in the live settings, one for each deployment."""
    return isinstance(condition, Metric) and condition.of == "autoscale"


def _limited(condition: Log | Metric, limit: float) -> Log | Metric:
    return replace(condition, threshold=limit)

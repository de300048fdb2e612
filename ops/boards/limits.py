"""Where a panel's values begin to be bad: each endpoint has objectives of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ops import slo
from ops.boards.model import Panel, Threshold
from ops.settings import specs_directory
from ops.slo import Objective


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A value from which on a panel is yellow (warning) or red (critical)."""

    value: float
    level: str
    over: bool = True  # False: what is below it is bad
    label: str = ""  # the objective it is of

    def crossed(self, value: float) -> bool:
        return value > self.value if self.over else value < self.value


def of(panel: Panel, endpoint: str) -> list[Limit]:
    """The limits of a panel; an objective that the endpoint hasn't got sets none.

    Raise InvalidSpec for an slo.yaml that is wrong.
    """
    asked = any(each.objective for each in panel.thresholds)
    promised = slo.find(endpoint) if asked else None
    objectives = promised.objectives if promised else {}
    found = [_limit(each, panel.unit, objectives) for each in panel.thresholds]
    return [each for each in found if each is not None]


def level(limits: Iterable[Limit], value: float | None) -> str:
    """The worst level that a value has; "" where it is good, or there is none."""
    crossed = {
        each.level for each in limits if value is not None and each.crossed(value)
    }
    return next((word for word in ("critical", "warning") if word in crossed), "")


def objectives() -> set[str]:
    """The names of all objectives of all endpoints; raise InvalidSpec."""
    folders = sorted(path.parent.name for path in specs_directory().glob("*/slo.yaml"))
    return {name for each in folders for name in slo.load(each).objectives}


def _limit(
    threshold: Threshold, unit: str, promised: Mapping[str, Objective]
) -> Limit | None:
    if not threshold.objective:
        over = threshold.over is not None
        value = threshold.over if threshold.over is not None else threshold.under
        assert value is not None, "a threshold is over, under or of an objective"
        return Limit(value=value, level=threshold.level, over=over)
    objective = promised.get(threshold.objective)
    if objective is None:
        return None
    values = {
        "ms": objective.latency_ms,
        "percent": 100 * objective.budget_ratio,
        "times": 1.0,  # of the pace that just uses up the budget
    }
    limit = values[unit]
    if limit is None:
        return None
    return Limit(value=limit, level=threshold.level, label=objective.name)

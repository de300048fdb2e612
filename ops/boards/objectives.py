"""What is left of an endpoint's error budgets, and how fast they burn, in KQL.

What no caller sees is no part of a promise: copies of requests, probes of rollouts.
"""

from collections.abc import Iterable

from ops.slo import Objective, Slo

CALLERS = """let callers = AmlOnlineEndpointTrafficLog
| where OperationName !~ "mirror" and UserAgent !startswith "aml-ops-probe";
"""
BUDGET = """(callers{counted}
| summarize Requests = count(), Bad = countif({bad})
| extend Objective = "{name}", Allowed = {budget})"""
BUDGETS = """
| extend BadPercent = iff(Requests == 0, 0.0, 100.0 * Bad / Requests)
| project Objective, TargetPercent = 100.0 * (1.0 - Allowed), Requests, Bad,
    GoodPercent = 100.0 - BadPercent, BudgetLeftPercent = 100.0 - BadPercent / Allowed
| order by Objective asc"""
RATE = """(callers{counted}
| summarize Requests = count(), Bad = countif({bad}) by At = bin(TimeGenerated, grain)
| extend Objective = "{name}", Allowed = {budget})"""
RATES = """
| project At, Objective, BurnRate = Bad / (Requests * Allowed)
| order by At asc, Objective asc"""


def budgets(promised: Slo) -> str:
    """A row for each objective, over whatever time the query is asked for."""
    return CALLERS + _union(BUDGET, promised.objectives.values()) + BUDGETS


def burn(promised: Slo) -> str:
    """The burn rate of each objective over time; `grain` is for the asker to let."""
    return CALLERS + _union(RATE, promised.objectives.values()) + RATES


def _union(part: str, objectives: Iterable[Objective]) -> str:
    parts = [
        part.format(
            name=each.name,
            counted=f"\n| where {each.counted_kql}" if each.counted_kql else "",
            bad=each.bad_kql,
            budget=f"{each.budget_ratio:.10g}",
        )
        for each in objectives
    ]
    return "union " + ",\n".join(parts)

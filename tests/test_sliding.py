"""One query for many evaluations answers as the rule's own does at each of them."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from ops.alerting import burnrates, sliding
from ops.alerting.sliding import CannotSlide, Measured
from ops.localcloud.alerting.given import fill, in_memory

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TRAFFIC = "AmlOnlineEndpointTrafficLog"
SUMMED = f"""
// title: failures | by deployment
let least = 400;
{TRAFFIC}
| where OperationName != "a|b; by (" and ResponseCode >= 200
| summarize Failed = countif(ResponseCode >= least), All = count() by DeploymentName
| where All > 0
| project DeploymentName, Percent = 100.0 * Failed / All
| order by Percent desc
"""
BINNED = f"""{TRAFFIC}
| where TimeGenerated > ago(2m + 30s) or TimeGenerated < now() - 4m
| summarize P95 = percentile(TotalDurationMs, 95)
    by bin(TimeGenerated, 1m), DeploymentName
"""
JOINED = f"""{TRAFFIC}
| summarize Answered = count() by DeploymentName
| join kind=leftouter (
    {TRAFFIC} | where ResponseCode == 500 and OperationName == "mirror"
    | summarize Failed = count() by DeploymentName
) on DeploymentName
| project DeploymentName, Percent = 100.0 * coalesce(Failed, 0) / Answered
"""
NAMED = f"""let Good = {TRAFFIC}
| where ResponseCode == 200 | summarize Last = max(TimeGenerated) by DeploymentName;
let Bad = {TRAFFIC} | where ResponseCode == 500;
Bad | join kind=leftouter Good on DeploymentName
| where TimeGenerated < Last
| summarize Since = min(TimeGenerated) by DeploymentName
| where Since <= ago(10s)
"""


@pytest.fixture(scope="module")
def store():
    draw = random.Random(7)
    rows = [
        {
            "TimeGenerated": (
                NOON + timedelta(seconds=draw.randrange(2400))
            ).isoformat(),
            "DeploymentName": draw.choice(("blue", "green")),
            "ResponseCode": draw.choice((200, 200, 500)),
            "TotalDurationMs": draw.randrange(400),
            "OperationName": draw.choice(("score", "mirror")),
        }
        for _ in range(900)
    ]
    on_edges = [
        {**rows[0], "TimeGenerated": (NOON + n * MINUTE).isoformat()} for n in (5, 9)
    ]
    found = in_memory()
    fill(found, {TRAFFIC: [*rows, *on_edges]}, ())
    yield found
    found.close()


def rule(
    query, measure="", aggregate="Count", by=("DeploymentName",), window=5, every=1
):
    return Measured(
        query=query,
        measure=measure,
        aggregate=aggregate,
        dimensions=by,
        window=window * MINUTE,
        every=every * MINUTE,
    )


def burn(objective, **more):
    found = burnrates.expand("iris", {"objective": objective, "speed": "fast", **more})
    return rule(
        found.query, found.measure, found.aggregate, found.dimensions, window=15
    )


@pytest.mark.parametrize(
    "asked",
    [
        rule(SUMMED, "Percent", "Maximum"),
        rule(BINNED, "P95", "Average", window=5, every=5),
        rule(JOINED, "Percent", "Maximum"),
        rule(NAMED, "Since", "Count"),
        rule(TRAFFIC),
        rule(f"{TRAFFIC} | where ResponseCode == 500 | count", "Count", "Total", ()),
        rule(f"{TRAFFIC} | distinct XRequestId, DeploymentName"),
        burn("availability"),
        burn("latency", per="endpoint"),
    ],
    ids=[
        "summed",
        "binned",
        "joined",
        "named",
        "rows",
        "count",
        "distinct",
        "burn",
        "burn of endpoint",
    ],
)
def test_one_query_answers_as_each_evaluation_would(store, asked):
    until = NOON + 12 * MINUTE
    read = sliding.asked(asked, NOON, until)
    (table,) = store.query(
        sliding.slid(asked), now=until, timespan=(read.start, read.end)
    ).tables
    names = [name for name, _ in table.columns]
    at_once = {}
    for row in table.rows:
        told = dict(zip(names, row, strict=True))
        own = tuple(told[name] for name in asked.dimensions)
        if NOON < datetime.fromisoformat(told[sliding.AT]) <= until:
            at_once[told[sliding.AT], own] = pytest.approx(told[sliding.VALUE])

    one_by_one = {}
    at = NOON + asked.every
    while at <= until:
        (table,) = store.query(
            sliding.at_once(asked, at), now=until, timespan=(at - asked.window, at)
        ).tables
        names = [name for name, _ in table.columns]
        for row in table.rows:
            told = dict(zip(names, row, strict=True))
            own = tuple(told[name] for name in asked.dimensions)
            one_by_one[f"{at:%Y-%m-%dT%H:%M:%SZ}", own] = told[sliding.VALUE]
        at += asked.every

    nothing = {key for key, value in one_by_one.items() if not value} - at_once.keys()
    assert len(at_once) > 2
    # A count of no rows is told by a query that asks once, and is added by who slides.
    assert {k: v for k, v in one_by_one.items() if k not in nothing} == at_once


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (f"{TRAFFIC} | take 5", "it has a take"),
        (f"{TRAFFIC} | where XRequestId in (AppTraces | project Id)", "a second table"),
        (
            f"{TRAFFIC} | join kind=fullouter (AppTraces) on OperationId",
            "fullouter join",
        ),
        (f"union {TRAFFIC}, AppTraces | count", "begins with union"),
        (
            f"let since = ago(1h); {TRAFFIC} | where TimeGenerated > since",
            "on the time",
        ),
        (f"let f = (n: long) {{ {TRAFFIC} | take n }}; f(1) | count", "begins with f"),
        (f"let T = {TRAFFIC}; T | extend T = 1", "where no table stands"),
        (f"{TRAFFIC} | extend Before = prev(ResponseCode)", "it calls prev"),
    ],
)
def test_a_query_that_cannot_slide_says_why(query, why):
    with pytest.raises(CannotSlide, match=why):
        sliding.slid(rule(query))


def test_a_rule_of_many_windows_a_row_is_not_slid():
    with pytest.raises(CannotSlide, match="2880 windows"):
        sliding.slid(rule(TRAFFIC, window=2880))

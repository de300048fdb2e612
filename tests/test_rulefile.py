"""alerts/*.yaml means what it says; all that can't be meant is told at once."""

from datetime import timedelta

import pytest

from ops.alerting import rulechecks, rulefile
from ops.alerting.rules import Block, Dynamic, Failing, iso, plain
from ops.errors import InvalidSpec, NotFound

LOG = "log: {query: error_ratio, measure: percent, over: 5}"
CPU = "metric: {name: CpuUtilizationPercentage, over: 90}"
RATE = "metric: {name: RequestsPerMinute, of: endpoint, under: 1}"


@pytest.fixture
def alerts(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_ALERTS", str(tmp_path))
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/errors.md").write_text("Roll back.\n")
    return tmp_path


@pytest.fixture
def written(alerts):
    """Write a rule: lines that replace or add to those of a good one."""

    def write(*lines, name="errors"):
        keys = {
            "summary": "summary: too many errors",
            "severity": "severity: 2",
            "runbook": "runbook: errors",
        }
        keys |= {line.partition(":")[0]: line for line in lines}
        if not any(key in keys for key in rulechecks.CONDITIONS):
            keys["log"] = LOG
        text = "\n".join(line for line in keys.values() if ": -" not in line)
        (alerts / f"{name}.yaml").write_text(text)

    return write


def read(name="errors"):
    return rulefile.load()[name]


def test_a_log_rule_says_what_to_count_and_how_often(written):
    written(
        "summary: '{deployment} fails'",
        "window: 15m",
        "failing: 2 of 3",
        "by: [deployment, Feature]",
        "resolve: never",
        "notify: [on-call]",
        "log: {query: error_ratio, params: {lowest: 500}, measure: percent, "
        "at_least: 5, aggregate: maximum}",
    )

    rule = read()

    assert rule.window == timedelta(minutes=15)
    assert rule.failing == Failing(count=2, of=3)
    assert rule.by == ("DeploymentName", "Feature")
    assert (rule.resolves, rule.notify) == (False, ("on-call",))
    assert rule.condition.operator == "GreaterThanOrEqual"
    assert "let lowest = int(500);" in rule.condition.query
    assert rule.condition.aggregate == "Maximum"


def test_an_inline_query_takes_parameters_too(written):
    written(
        "log:\n  query: |\n    // param text: string = a\n    AppTraces\n"
        "    | where Message has text\n"
        "  params:\n    text: '\" | take 1'\n  over: 0"
    )

    condition = read().condition

    assert condition.query.startswith(r'let text = "\" | take 1";')
    assert (condition.name, condition.aggregate) == ("", "Count")


def test_words_in_quotes_are_no_operators(written):
    written(
        """log: {query: 'AppTraces | where Message has "ago(x) | union"', over: 1}"""
    )

    assert read().name == "errors"


def test_a_metric_may_have_a_threshold_that_azure_learns(written):
    written(
        "metric: {name: CpuUtilizationPercentage, "
        "dynamic: {sensitivity: high, direction: both}}",
        "failing: 3 of 4",
    )

    condition = read().condition

    assert condition.of == "deployment"
    assert condition.dynamic == Dynamic(
        sensitivity="High", operator="GreaterOrLessThan"
    )


def test_a_burn_block_is_kept_for_each_endpoint_to_expand(written):
    written("burn: {objective: availability, speed: fast}", "every: 15m")

    given = {"objective": "availability", "speed": "fast"}
    assert read().condition == Block(kind="burn", given=given)


MISTAKES = {
    "an unknown key": (["sevrity: 2"], "sevrity: unknown key (did you mean severity?"),
    "a severity of 5": (["severity: 5"], "severity: 5 must be a whole number"),
    "no runbook": (["runbook: -"], "runbook: is missing"),
    "a missing runbook": (["runbook: erors"], "did you mean errors?"),
    "a runbook elsewhere": (["runbook: ../../README"], "'../../README' names no file"),
    "a runbook of 20,000 letters": ([f"runbook: {'a' * 20_000}"], "names no file of"),
    "a list for a threshold": (
        ["log: {query: error_ratio, measure: a, over: [1]}"],
        "log.over: [1] must be a number, or one of: slo, maximum",
    ),
    "a mapping to split by": (["by: [{a: 1}]"], "by: [{'a': 1}] must be a list"),
    "a window of a burn": (
        ["burn: {objective: availability, speed: fast}", "window: 5m"],
        "window: a burn block says itself how far it looks back",
    ),
    "no summary": (["summary: ''"], "summary: '' must be text"),
    "an unknown placeholder": (
        ["summary: '{deployment} fails'"],
        "the rule is not split by it: by: [deployment]",
    ),
    "a broken placeholder": (["summary: '{deployment fails'"], "summary: "),
    "an unknown endpoint": (["endpoints: [irs]"], "there is iris"),
    "frequency over window": (
        ["window: 5m", "every: 10m"],
        "every: 10m is longer than the window of 5m",
    ),
    "a window azure has not": (["window: 7m"], "window: 7m is none that Azure knows"),
    "a window of seconds": (["window: 90s"], "window: 90s is none that Azure knows"),
    "a metric's window": ([CPU, "window: 10m"], "(1m, 5m, 15m, 30m, 1h, 6h, 12h, 1d)"),
    "a metric every 6h": ([CPU, "window: 1d", "every: 6h"], "every: 6h is none"),
    "a log rule every 2d": (["window: 2d", "every: 2d"], "every: 2d is none"),
    "3 of 2": (["failing: 3 of 2"], "failing: '3 of 2' must be"),
    "7 periods": (["failing: 1 of 7"], "failing: '1 of 7' must be"),
    "periods of a fixed metric": ([CPU, "failing: 2 of 3"], "take a longer window"),
    "seven dimensions": (["by: [a, b, c, d, e, f, g]"], "by: 7 dimensions"),
    "a dimension twice": (["by: [deployment, DeploymentName]"], "DeploymentName twice"),
    "a dimension the metric has not": (
        [RATE, "by: [instance]"],
        "RequestsPerMinute has no dimension 'instance'",
    ),
    "no such way to resolve": (["resolve: maybe"], "must be one of: auto, never"),
    "no condition": (["log: {}"], "log: needs a query"),
    "two conditions": ([LOG, CPU], "needs exactly one of log, metric, burn, drift"),
    "an unknown query": (
        ["log: {query: eror_ratio, measure: a, over: 1}"],
        "log.query: no query in ops/queries is named 'eror_ratio' (did you mean",
    ),
    "an unknown parameter": (
        ["log: {query: error_ratio, params: {least: 1}, measure: a, over: 1}"],
        "log.params.least: error_ratio has no such parameter (it takes: grain",
    ),
    "a parameter of another type": (
        ["log: {query: error_ratio, params: {lowest: x}, measure: a, over: 1}"],
        "log.params.lowest: the value takes a whole number, not 'x'",
    ),
    "an operator azure refuses": (
        ["log: {query: AppTraces | evaluate bag_unpack(Properties), over: 1}"],
        "log.query: Azure takes no alert rule with bag_unpack",
    ),
    "an ago() that azure can't read": (
        ["log: {query: 'let a = 1h; AppTraces | where At > ago(a)', over: 1}"],
        "log.query: Azure's rules take nothing but a length of time in ago()",
    ),
    "a union every minute": (
        ["log: {query: 'union AppTraces, AppRequests', over: 1}", "every: 1m"],
        "every: Azure runs no query with union every minute",
    ),
    "a column the query has not": (
        ["log: {query: latency_p95, measure: P96, over: 1}"],
        "log.measure: latency_p95 has no column 'P96' (did you mean P95?)",
    ),
    "a split the query has not": (
        ["log: {query: latency_p95, measure: P95, over: 1}", "by: [instance]"],
        "by: latency_p95 has no column 'InstanceId'",
    ),
    "a column of text": (
        ["log: {query: latency_p95, measure: DeploymentName, over: 1}"],
        "log.measure: DeploymentName is string: only numbers are compared",
    ),
    "a promise that is no latency": (
        ["log: {query: status_share, measure: Percent, over: slo}"],
        "log.over: slo is a latency",
    ),
    "a command of nobody": (["next: rm -r ."], "next: 'rm -r .' must be a command"),
    "a burn of nothing": (["burn: {speed: fast}"], "burn.objective: must be given"),
    "two thresholds": (
        ["log: {query: error_ratio, measure: a, over: 1, under: 2}"],
        "log: needs exactly one of over, at_least, under, at_most, not over and under",
    ),
    "a threshold in words": (
        ["log: {query: error_ratio, measure: a, over: many}"],
        "log.over: 'many' must be a number",
    ),
    "an average of nothing": (
        ["log: {query: error_ratio, aggregate: average, over: 1}"],
        "log.aggregate: needs a measure",
    ),
    "a measure that is no column": (
        ["log: {query: error_ratio, measure: 'a | b', over: 1}"],
        "log.measure: 'a | b' must be the name of one of",
    ),
    "an unknown metric": (
        ["metric: {name: CpuUtilisationPercentage, of: deployment, over: 1}"],
        "did you mean CpuUtilizationPercentage?",
    ),
    "a metric of the other": (
        ["metric: {name: ConnectionsActive, of: deployment, over: 1}"],
        "say of: endpoint",
    ),
    "a maximum of averages": (
        ["metric: {name: RequestLatency_P95, aggregate: maximum, over: 1}"],
        "metric.aggregate: RequestLatency_P95 has only an average",
    ),
    "a learned threshold where azure has none": (
        ["metric: {name: RequestsPerMinute, of: endpoint, dynamic: {}}"],
        "metric.dynamic: Azure learns no threshold",
    ),
    "a learned and a given threshold": (
        ["metric: {name: CpuUtilizationPercentage, dynamic: {}, over: 1}"],
        "metric: either dynamic or over",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_field(written, mistake):
    lines, told = MISTAKES[mistake]
    written(*lines)

    with pytest.raises(InvalidSpec) as caught:
        rulefile.load()

    assert told in caught.value.problem


def test_all_mistakes_of_all_files_are_told_at_once(written):
    written("severity: 9", "window: 7m", "by: [a, b, c, d, e, f, g]")
    written("sumary: x", name="latency")

    with pytest.raises(InvalidSpec) as caught:
        rulefile.load()

    told = ("errors.yaml: severity", "errors.yaml: window", "latency.yaml: sumary")
    assert all(each in caught.value.problem for each in told)


def test_two_files_cannot_be_one_rule(written, alerts):
    written()
    (alerts / "errors.yml").write_text((alerts / "errors.yaml").read_text())

    with pytest.raises(InvalidSpec, match="a name means one rule"):
        rulefile.load()


def test_what_is_no_yaml_spoils_only_its_own_file(written, alerts):
    written()
    (alerts / "latency.yaml").write_text("a: [")

    found, problems = rulefile.read(alerts)

    assert list(found) == ["errors"]
    assert "latency.yaml: can't be read as YAML" in problems[0]


def test_a_name_must_do_for_a_resource(written):
    written(name="Errors_2")

    with pytest.raises(InvalidSpec, match="lower-case letters, digits and -"):
        rulefile.load()


def test_no_directory_is_not_the_same_as_no_rules(alerts, monkeypatch):
    assert rulefile.load() == {}
    monkeypatch.setenv("AML_OPS_ALERTS", str(alerts / "gone"))

    with pytest.raises(NotFound, match="gone does not exist"):
        rulefile.load()


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(1, "PT1M"), (45, "PT45M"), (60, "PT1H"), (360, "PT6H"), (2880, "P2D")],
)
def test_lengths_are_written_as_azure_does(minutes, told):
    assert iso(timedelta(minutes=minutes)) == told
    assert plain(timedelta(minutes=minutes)) == told.lstrip("PT").lower()

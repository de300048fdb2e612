"""What slo.yaml may say, and what its objectives count."""

from datetime import timedelta

import pytest

from ops import slo, specs, validate
from ops.errors import InvalidSpec, NotFound

GOOD = {"target": 0.99, "indicator": {"within": "250ms"}}


def mistakes(**data):
    given = {"time_window": "30d", "objectives": {"latency": GOOD}, **data}
    return [str(each) for each in slo.check(given, "iris")[1]]


def test_the_shipped_objectives_can_be_read():
    found = slo.load("iris")

    assert found.time_window == timedelta(days=30)
    assert found.objective("availability").target_ratio == 0.999
    assert found.objective("latency").latency_ms == found.latency_ms == 250


def test_all_problems_of_a_file_are_told_at_once():
    wrong = {"target": 99.9, "indicater": {}, "indicator": {"bad": ["6xx"]}}
    both = {"target": 0.9, "indicator": {"bad": ["5xx"], "within": "1h"}}

    found = mistakes(time_window="1h", objectives={"a": wrong, "b": both, "C": GOOD})

    assert found == [
        "time_window: '1h' must be from 1d to 90d, such as 30d",
        "objectives.a.target: 99.9 must be a ratio from 0.5 to 0.99999 "
        "(99.9 % is 0.999)",
        "objectives.a.indicater: unknown key (did you mean indicator?)",
        "objectives.a.indicator.bad: ['6xx'] must list statuses or their classes, "
        "such as [5xx, 408]",
        "objectives.b.indicator.within: '1h' must be from 1ms to 180s, such as 250ms",
        "objectives.b.indicator: must tell good requests in one way: by bad, "
        "or by within",
        "objectives.C: a name is small letters, digits, - and _, up to 31",
    ]


@pytest.mark.parametrize("data", [[], None, "99.9%", {}, {"a": None}, {"a": {}}])
def test_objectives_that_are_none_are_told(data):
    assert mistakes(objectives=data)


def test_validate_reads_it(monkeypatch, tmp_path):
    path = tmp_path / "slo.yaml"
    path.write_text("time_windw: 30d\nobjectives: {}\n")
    monkeypatch.setattr(slo, "path_of", lambda endpoint: path)

    found = [str(each) for each in validate.check(specs.load("iris"))]

    assert any(
        "time_windw: unknown key (did you mean time_window?)" in f for f in found
    )
    with pytest.raises(InvalidSpec, match="3 problems"):
        slo.load("iris")


def test_an_endpoint_without_a_promise_is_told_how_to_make_one(monkeypatch, tmp_path):
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path))

    with pytest.raises(NotFound, match="try: cp"):
        slo.load("iris")


def test_an_objective_names_the_rows_it_counts():
    found = slo.load("iris")

    assert found.objective("availability").bad_kql == (
        "ResponseCode between (500 .. 599) or ResponseCode == 408 or "
        "ResponseCode == 424 or ResponseCode == 429"
    )
    assert found.objective("latency").bad_kql == "TotalDurationMs > 250"

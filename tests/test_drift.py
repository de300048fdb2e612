"""Drift: the log engine computes what NumPy does, and what is judged by it."""

import json
import math
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from ops import drift
from ops.drifting import asking, judging
from ops.drifting.asking import Question
from ops.errors import Unhealthy
from ops.times import Span
from ops.views import driftview
from tests import drift_rig
from tests.drift_rig import NOW, Log, line

SPAN = Span(start=NOW - timedelta(days=7), end=NOW)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return drift_rig.baseline(tmp_path_factory.mktemp("baseline"))


@pytest.fixture
def log():
    return Log()


def question(base, **more):
    asked = {"deployments": ("green",), "versions": ("2",), **more}
    return Question(baseline=base, **asked)


def sent(rows, batch=1, **more):
    values = [[round(float(v), 3) for v in row] for row in rows]
    return [line(values[i : i + batch], **more) for i in range(0, len(values), batch)]


def normal(count, shift=0.0, seed=5):
    random = np.random.default_rng(seed)
    return random.normal(0, 1, (count, 2)).round(3) + np.array([shift, 0.0])


def judged(log, base, **more):
    asked = question(base, **more)
    return drift.judge(base, log.measured(asked), "iris", asked.against, SPAN)


def column(found, name):
    return next(each for each in found.columns if each.name == name)


@pytest.mark.parametrize(
    ("count", "batch", "shift"),
    [pytest.param(60, 1, 0.3, marks=pytest.mark.long), (400, 4, 1.5)],
)
def test_the_engine_computes_what_numpy_does(log, base, count, batch, shift):
    rows = normal(count, shift)
    random = np.random.default_rng(3)
    scores = random.dirichlet(np.ones(3), count).round(6)
    labels = [drift_rig.CLASSES[i] for i in scores.argmax(1)]
    log.write(
        line(
            rows[i : i + batch].tolist(),
            scores=scores[i : i + batch].tolist(),
            labels=labels[i : i + batch],
        )
        for i in range(0, count, batch)
    )
    values = {
        "prediction": scores.argmax(1),
        **dict(zip([f"p({c})" for c in drift_rig.CLASSES], scores.T, strict=True)),
        **dict(zip(drift_rig.NAMES, rows.T, strict=True)),
    }

    found = {each.column: each for each in log.measured(question(base, by_day=False))}

    assert set(values) == set(found)
    for each in base.columns:
        wanted = drift_rig.metrics(values[each.name], each, batch)
        told = {k: v for k, v in found[each.name].metrics.items() if v is not None}
        assert told == pytest.approx(wanted, rel=1e-9, abs=1e-9)


def test_its_evidence_is_a_bound_on_the_exact_p_value_and_close_to_it(log, base):
    rows = normal(300, 0.4)
    log.write(sent(rows))

    found = {each.column: each for each in log.measured(question(base, by_day=False))}

    for name, values in zip(drift_rig.NAMES, rows.T, strict=True):
        own = next(each for each in base.columns if each.name == name)
        exact = drift_rig.evidence(values, own)
        assert found[name].evidence <= exact + 1e-9
        assert found[name].evidence == pytest.approx(exact, abs=0.3)


def test_what_moved_where_and_since_when_is_told(log, base):
    for day in range(5, 0, -1):
        moved = 1.5 if day <= 2 else 0.0
        log.write(sent(normal(80, moved, seed=day)), before=timedelta(days=day))

    found = judged(log, base)

    moved = column(found, "length")
    assert [each.name for each in found.drifted if each.kind == "feature"] == ["length"]
    assert moved.where.startswith("above")
    assert moved.share > 2 * moved.baseline_share
    assert moved.first_day.date() == (NOW - timedelta(days=2)).date()


def test_rows_like_the_baseline_s_are_steady(log, base):
    log.write(sent(normal(500)))

    found = judged(log, base)

    assert {column(found, name).state for name in drift_rig.NAMES} == {"steady"}


def test_too_few_rows_are_said_and_not_guessed(log, base):
    log.write(sent(normal(8)))

    found = judged(log, base)

    assert column(found, "length").state == "too few"
    alone = replace(found, columns=(column(found, "length"),))
    assert driftview.notes(alone)[0].startswith("8 rows are too few to tell")
    assert found.needed[2.0] > 8
    assert found.needed[0.25] is None  # no number of rows makes up for 150


def test_rows_of_one_request_do_not_count_as_many(log, base):
    repeated = [[round(float(v), 3) for v in normal(1, 1.0)[0]]] * 20
    log.write([line(repeated)] * 3)

    found = judged(log, base)

    assert found.rows == 60
    assert found.effective == pytest.approx(3)
    assert not [each for each in found.drifted if each.kind == "feature"]


def test_values_that_are_missing_or_no_numbers_are_told_apart(log, base):
    rows = normal(200).tolist()
    for row in rows[:60]:
        row[0] = None
    lines = [line([row]) for row in rows]
    lines[100:160] = [line([[math.nan, 0.1]]), line([[-math.inf, 0.1]])] * 30
    log.write(lines)

    found = column(judged(log, base), "length")

    assert (found.measured.missing, found.measured.not_numbers) == (60, 60)
    assert found.quality == ("30 % missing", "30 % NaN or infinite")
    assert driftview.seen(found) != "steady"
    assert found.measured.rows == 80


def test_values_beyond_all_that_training_saw_are_told(log, base):
    log.write(sent(normal(200, 3.0)))

    (told,) = column(judged(log, base), "length").quality

    assert "outside of" in told


def test_a_feature_that_vanished_is_told(log, base):
    log.write([line([[0.1 * (i % 9), None]]) for i in range(100)])

    found = column(judged(log, base), "width")

    assert found.state == "vanished"
    assert found.quality == ("vanished: none of 100 rows has a value",)


def test_rows_with_another_number_of_values_are_left_out(log, base):
    log.write(sent(normal(50)))
    log.write([line([[0.1, 0.2, 0.3]])] * 7)

    found = judged(log, base)

    assert (found.rows, found.odd_rows) == (50, 7)


def test_a_feature_that_vanished_from_every_row_is_no_silence(log, base):
    log.write([line([[0.1, 0.2, 0.3]])] * 7)

    with pytest.raises(Unhealthy, match="a feature has vanished from its logs"):
        drift.require_steady([judged(log, base)])


def test_rows_of_another_version_and_probes_are_left_out(log, base):
    log.write(sent(normal(50)))
    log.write(sent(normal(30), version="1"))
    log.write(sent(normal(20), id="aml-ops-probe-1-2"))

    found = judged(log, base)

    assert (found.rows, found.strange_rows) == (50, 30)


def test_green_is_measured_against_blue(log, base):
    log.write(sent(normal(300, 1.0, seed=1)), deployment="green")
    log.write(sent(normal(300, 1.0, seed=2), version="1"), deployment="blue")

    alike = judged(log, base, against="blue", versions=("1", "2"))
    log.write(sent(normal(300, -1.0, seed=3), version="1"), deployment="blue")
    apart = judged(log, base, against="blue", versions=("1", "2"))

    assert column(alike, "length").state == "steady"
    assert column(apart, "length").state == "drift"
    assert apart.baseline_rows == 600


def test_a_distance_is_shown_beside_what_chance_does_at_that_size(log, base):
    log.write(sent(normal(30)))
    few = column(judged(log, base), "length")
    log.write(sent(normal(3000, seed=9)))
    many = column(judged(log, base), "length")

    for name in asking.METRICS[:3]:
        assert few.by_chance[name] > many.by_chance[name] > 0


def test_the_procedure_flags_no_more_than_benjamini_and_yekutieli_would():
    strong, weak = {f"s{i}": 9.0 for i in range(3)}, {f"w{i}": 1.0 for i in range(7)}

    assert judging.discoveries(strong | weak, 0.05) == set(strong)
    assert judging.discoveries(weak, 0.05) == set()


def test_more_rows_show_a_smaller_shift():
    needed = [judging.rows_needed(s, 10_000, 48, 5.0) for s in judging.SHIFTS]

    assert needed == sorted(needed)
    assert judging.rows_needed(0.25, 150, 48, 5.0) is None


def test_python_and_the_engine_have_the_same_surprise(log, base):
    lets = asking.lets(question(base))
    text = lets + "\nprint s = surprise(40.0, 100.0, 30.0, 150.0)"

    (row,) = log.records(text)

    assert row["s"] == pytest.approx(judging.surprise(40, 100, 30, 150), rel=1e-9)


def test_a_baseline_that_cannot_be_used_is_refused_with_all_that_is_wrong(tmp_path):
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps({"model": "m", "features": {"a": {"std": 1}}}))

    with pytest.raises(Exception, match="2 problems") as refused:
        drift_rig.read(path)

    assert "version: must be text" in str(refused.value)
    assert "features.a: must have std and cells" in str(refused.value)


def test_what_moved_is_seen_at_a_glance_at_100_columns(log, base, capsys):
    log.write(sent(normal(200, 1.5)))

    driftview.show([judged(log, base)])

    out = capsys.readouterr().out
    rows = [each.rstrip() for each in out.splitlines()]
    assert max(map(len, rows)) <= 100
    (moved,) = [each for each in rows if each.startswith("length ")]
    assert "drift" in moved
    assert moved.count("·") >= 1
    assert any(each.startswith("length: ") and "were" in each for each in rows)
    assert any(each.startswith("a shift shows: 2 sd from") for each in rows)


def test_no_rows_at_all_are_said(log, base, capsys):
    log.write(sent(normal(5), version="7"))

    driftview.show([judged(log, base)])

    said = capsys.readouterr().out
    assert "nothing can be told (5 rows are of another version" in said

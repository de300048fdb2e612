"""The rules of the runbook, one by one and in their order."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.errors import InvalidSpec
from ops.rollouts import decisions, evidence, observed, policyfile
from ops.rollouts.evidence import Bin, Side
from ops.rollouts.observed import Alert, Asked, Edit, Health, Observed

START = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
POLICY = policyfile.parse(
    """
steps:
- {weight: 10, bake: 10m, requests: 200}
- {weight: 50, bake: 10m, pause: look at the answers}
- {weight: 100, bake: 10m}
guardrails: {errors_percent: 5, latency: {over_ms: 800, at_most_percent: 5}}
"""
)
GOOD = ((60, 0), (540, 1))
WORSE = ((60, 3), (540, 1))


def minutes(count):
    return timedelta(minutes=count)


def counted(*rows):
    """One bin a minute of (requests, errors) on each side."""
    return evidence.of(
        Bin(
            at=START + minutes(index + 1),
            canary=Side(requests=canary[0], errors=canary[1]),
            stable=Side(requests=stable[0], errors=stable[1]),
        )
        for index, (canary, stable) in enumerate(rows)
    )


def equal(requests, count):
    """Bins of a canary just as good, with events to compare."""
    slow = (requests // 2, requests // 10, requests // 100)
    side = Side(requests=requests, errors=requests // 200, slow=slow)
    return evidence.of(
        Bin(at=START + minutes(index + 1), canary=side, stable=side)
        for index in range(count)
    )


def seen(after=5, rows=None, **facts):
    """What a healthy rollout shows so many minutes after its start."""
    usual = {
        "canary": "green",
        "stable": "blue",
        "started": START,
        "step": 0,
        "step_since": START,
        "evidence": counted(*(rows or [GOOD] * after)),
        "watermark": START + minutes(after),
    }
    return Observed(**{**usual, **facts})


def decide(facts, after=5, policy=POLICY):
    return decisions.decide(policy, facts, START + minutes(after))


def told(found):
    return found.action, found.rule


def test_a_worse_canary_goes_back_with_the_numbers():
    found = decide(seen(rows=[GOOD] * 20 + [WORSE] * 3), 23)

    assert told(found) == ("roll_back", "canary_is_worse")
    assert found.reason == (
        "errors 5% of 180 against blue's 0.19% of 1,620 since 14:22; "
        f"evidence {found.verdict.evidence:,.0f} of 100"
    )
    assert found.counts["canary_requests"] == 1380
    assert found.counts["canary_errors"] == 9


def test_a_slow_canary_goes_back_with_the_numbers():
    sides = {
        "canary": Side(requests=60, slow=(50, 30, 2)),
        "stable": Side(requests=540, slow=(270, 54, 5)),
    }
    rows = evidence.of([Bin(at=START + minutes(1), **sides)] * 3)

    found = decide(seen(evidence=rows))

    assert told(found) == ("roll_back", "canary_is_worse")
    assert found.reason.startswith(
        "slower than blue's p90 was, 50% of 180 against blue's 10% of 1,620 since 14:02"
    )


def test_a_canary_beyond_a_limit_goes_back_though_stable_has_no_traffic():
    facts = seen(rows=[((600, 90), (0, 0))] * 2, step=2)

    found = decide(facts)

    assert told(found) == ("roll_back", "canary_is_worse")
    assert found.reason.startswith("errors 15% of 1,200 since 14:02, limit 5%")


def test_a_dead_canary_is_known_by_its_probes_alone():
    bins = [
        Bin(
            at=START + timedelta(seconds=second),
            canary=Side(requests=2, errors=2),
            stable=Side(requests=2),
        )
        for second in range(1, 8)
    ]

    sixth = decide(seen(probes=evidence.of(bins[:5])))
    last = decide(seen(probes=evidence.of(bins)))

    assert sixth.action == "hold"
    assert told(last) == ("roll_back", "canary_is_worse")
    assert "failed probes 100% of 14 against blue's 0% of 14" in last.reason


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        (Health(state="Failed"), "green is Failed"),
        (Health(instances=0), "green has no live instance"),
        (Health(state="", instances=0), "there is no green"),
    ],
)
def test_a_canary_that_is_down_goes_back(health, reason):
    found = decide(seen(canary_health=health))

    assert told(found) == ("roll_back", "canary_is_down")
    assert found.reason == reason


def test_where_both_are_down_a_person_must_decide():
    down = Health(state="Failed")

    found = decide(seen(canary_health=down, stable_health=down))

    assert (found.action, found.page) == ("hold", True)
    assert found.reason == "green is Failed; not rolled back, because blue is Failed"


@pytest.mark.parametrize("state", ["Updating", "Scaling"])
def test_a_canary_that_is_scaled_still_serves(state):
    assert decide(seen(canary_health=Health(state=state))).action == "hold"


def test_an_alert_since_the_start_takes_it_back():
    alert = Alert(name="fast-burn", severity=1, fired_at=START + minutes(2))

    found = decide(seen(alerts=(alert,)))

    assert told(found) == ("roll_back", "alert_has_fired")
    assert found.reason == "fast-burn fired at 14:04"


def test_an_alert_may_also_stop_it_for_a_person_or_be_ignored():
    alert = Alert(name="fast-burn", severity=1, fired_at=START + minutes(2))

    def decided(then):
        rules = replace(POLICY.guardrails, on_alert=then)
        return decide(seen(alerts=(alert,)), policy=replace(POLICY, guardrails=rules))

    assert [decided(then).action for then in ("pause", "ignore")] == ["pause", "hold"]
    assert decided("pause").page


@pytest.mark.parametrize("change", [{"severity": 3}, {"fired_at": START - minutes(1)}])
def test_a_minor_or_an_older_alert_does_not(change):
    alert = Alert(name="disk", severity=2, fired_at=START + minutes(2))

    assert decide(seen(alerts=(replace(alert, **change),))).action == "hold"


def test_a_full_canary_is_held():
    full = Health(saturation_percent=97.0)

    found = decide(seen(15, canary_health=full), 15)

    assert told(found) == ("hold", "canary_is_saturated")
    assert found.reason == "green uses 97% of its CPU or memory, limit 90%"


SICK_STABLE = [
    ({"stable_health": Health(state="Failed")}, "blue is Failed"),
    ({"stable_health": Health(instances=0)}, "blue has no live instance"),
    (
        {"evidence": counted(*[((540, 1), (60, 9))] * 5)},
        "blue is no better: errors 15% of 300 against green's 0.19% of 2,700",
    ),
    (
        {"evidence": counted(*[((540, 81), (540, 90))] * 5)},
        "blue is no better: errors 17% of 2,700 since 14:02, limit 5%",
    ),
]


@pytest.mark.parametrize(("facts", "why"), SICK_STABLE)
def test_nothing_goes_back_to_a_stable_that_is_sicker(facts, why):
    alert = Alert(name="fast-burn", severity=1, fired_at=START + minutes(2))

    found = decide(seen(alerts=(alert,), **facts))

    assert found.action == "hold"
    assert found.page
    assert "not rolled back, because " + why in found.reason


def test_only_force_goes_back_to_a_stable_that_is_sicker():
    asked = Asked(command="abort", who="ada@desk", reason="wrong model")
    facts = seen(stable_health=Health(instances=0), asked=asked)

    held = decide(facts)
    forced = decide(replace(facts, asked=replace(asked, force=True)))

    assert (held.action, held.page) == ("hold", True)
    assert forced.action == "roll_back"
    assert forced.reason == "ada@desk asked for it: wrong model"


def test_a_sicker_stable_does_not_stop_a_good_canary():
    facts = seen(12, rows=[((60, 0), (540, 54))] * 12)

    assert decide(facts, 12).action == "advance"


def test_weights_that_others_changed_pause_it_and_name_them():
    at = START + minutes(4)
    edit = Edit(who="bob@lap", at=at, found="blue 50%", expected="blue 90%")

    found = decide(seen(edit=edit, canary_health=Health(state="Failed")))

    assert told(found) == ("pause", "edited_by_others")
    assert found.page
    assert found.reason.startswith("bob@lap set blue 50% at 14:06:00")


@pytest.mark.parametrize("then", ["hold", "pause", "roll_back"])
def test_stale_rows_decide_what_the_policy_says(then):
    rules = replace(POLICY.missing_data, then=then)
    policy = replace(POLICY, missing_data=rules)
    facts = seen(rows=[GOOD] * 6, watermark=START + minutes(6))

    found = decide(facts, 12, policy)

    assert told(found) == (then, "data_is_missing")
    assert found.reason == "no complete request rows: none since 14:08:00, 6m ago"


def test_no_rows_at_all_are_missing_too():
    found = decide(seen(rows=[((0, 0), (0, 0))], watermark=None), 20)

    assert told(found) == ("hold", "data_is_missing")


def test_stale_rows_do_not_hide_what_they_have_shown():
    facts = seen(rows=[WORSE] * 5, watermark=START + minutes(5))

    assert told(decide(facts, 60)) == ("roll_back", "canary_is_worse")


def test_a_step_is_held_for_its_bake_time():
    found = decide(seen(), 5)

    assert told(found) == ("hold", "still_baking")
    assert found.reason == (
        "baking 10%, 5m left; errors 0% of 300 against blue's 0.19% of 2,700"
    )


def test_too_few_requests_are_inconclusive():
    found = decide(
        seen(rows=[((3, 0), (30, 0))] * 12, watermark=START + minutes(12)), 12
    )

    assert told(found) == ("hold", "too_few_requests")
    assert found.reason == "inconclusive: 36 of 200 requests needed at 10%"


def test_requests_of_the_step_before_do_not_count():
    facts = seen(30, step=1, step_since=START + minutes(29))

    found = decide(replace(facts, watermark=START + minutes(40)), 40)

    assert found.reason == "inconclusive: 60 of 100 requests needed at 50%"


def test_patience_ends_with_a_person():
    facts = seen(rows=[((1, 0), (9, 0))] * 131, watermark=START + minutes(131))

    found = decide(facts, 131)

    assert told(found) == ("pause", "too_few_requests")
    assert found.page
    assert found.reason.startswith("inconclusive for 2h 1m: 131 of 200 requests")


def test_the_last_comparison_waits_for_proof_and_says_how_long():
    facts = seen(11, step=1, evidence=equal(300, 11), released=True)

    found = decide(facts, 11)

    assert told(found) == ("hold", "not_proven_yet")
    assert found.verdict.outcome == "inconclusive"
    assert found.verdict.requests_needed > 1000
    more = f"about {found.verdict.requests_needed:,} more requests of green"
    assert found.reason.startswith(f"inconclusive: {more} (proof: errors ")


def test_as_many_requests_as_were_needed_prove_it():
    count = 11
    needed = judged(count).requests_needed

    while judged(count).outcome != "not worse":
        count += 1

    assert (count - 11) * 300 == pytest.approx(needed, rel=0.15)


def judged(count):
    facts = seen(count, step=1, evidence=equal(300, count))
    return decide(facts, count).verdict


def test_each_of_the_two_proofs_of_few_errors_counts_half():
    found = judged(11).proofs["errors"]

    rows = equal(300, 11)
    n, errors, limit = rows.canary.requests, rows.canary.errors, 0.005
    below = [
        odds**errors / (1 - limit + odds * limit) ** n
        for odds in (0.1, 0.25, 0.5, 0.75)
    ]
    by_hand = (rows.errors_proof.evidence + sum(below) / 4) / 2
    assert found == pytest.approx(by_hand, rel=1e-5)


def test_a_proven_canary_waits_for_the_person_and_then_goes_on():
    facts = seen(11, step=1, evidence=equal(3000, 11), watermark=START + minutes(11))

    waiting = decide(facts, 11)
    released = decide(replace(facts, released=True), 11)

    assert told(waiting) == ("pause", "person_must_look")
    assert waiting.reason == "waiting for a person: look at the answers"
    assert waiting.verdict.outcome == "not worse"
    assert told(released) == ("advance", "go_on")


def test_the_last_step_baked_promotes():
    facts = seen(11, step=2, evidence=equal(3000, 11), watermark=START + minutes(11))

    found = decide(facts, 11)

    assert told(found) == ("promote", "all_steps_done")
    assert found.reason.startswith("green is proven not worse; errors 0.5% of 33,000")


def test_a_person_pauses_and_promotes_but_not_past_a_guardrail():
    for command, action in (("pause", "pause"), ("promote", "promote")):
        asked = Asked(command=command, who="ada@desk")

        assert decide(seen(asked=asked)).action == action
        assert decide(seen(rows=[WORSE] * 5, asked=asked)).action == "roll_back"


def test_every_decision_can_be_made_again_from_what_was_kept():
    alert = Alert(name="fast-burn", severity=3, fired_at=START + minutes(2))
    facts = seen(
        25,
        rows=[GOOD] * 20 + [WORSE] * 5,
        alerts=(alert,),
        asked=Asked(command="pause", who="ada@desk"),
        edit=Edit(who="bob@lap", at=START, found="a", expected="b"),
        probes=counted(((1, 0), (1, 0))),
    )
    facts = replace(facts, edit=None)
    decision = decide(facts, 25)

    kept = json.loads(json.dumps([facts.to_json(), decision.to_json()]))

    assert observed.from_json(kept[0]) == facts
    assert decisions.from_json(kept[1]) == decision
    assert decide(observed.from_json(kept[0]), 25) == decision


def test_a_look_keeps_only_what_the_look_before_has_not():
    before = seen(4, edit=Edit(who="bob", at=START, found="a", expected="b"))
    after = seen(5, probes=counted(((1, 0), (1, 0))))

    kept = json.loads(json.dumps(after.to_json(before)))

    assert len(kept["evidence"]) == 1
    assert observed.from_json(kept, before) == after
    assert observed.from_json(before.to_json()) == before


def test_evidence_on_other_terms_than_the_policys_decides_the_same():
    rows = [((600, 90), (0, 0))] * 2
    policy_terms = POLICY.terms(START)

    plain = decide(seen(rows=rows, step=2))
    ready = decide(seen(step=2, evidence=counted(*rows).under(policy_terms)))

    assert plain.verdict == ready.verdict


DRIFTED = ("sepal_length: 52% are above 6.95, of blue's 9%",)


@pytest.mark.parametrize("action", ["hold", "roll_back", "pause"])
def test_a_canary_that_drifts_from_stable_is_treated_as_the_policy_says(action):
    policy = guarded(f"drift: {{of: features, then: {action}}}")

    found = decide(seen(drifted=DRIFTED), policy=policy)

    assert told(found) == (action, "canary_has_drifted")
    assert found.reason == f"green drifts from blue: {DRIFTED[0]}"


def test_drift_is_not_looked_at_unless_the_policy_asks_for_it():
    found = decide(seen(drifted=DRIFTED))

    assert found.rule != "canary_has_drifted"


def test_what_to_do_about_drift_needs_what_is_looked_at():
    with pytest.raises(InvalidSpec, match="needs `of`"):
        guarded("drift: {then: hold}")


def test_drift_survives_being_kept():
    facts = seen(drifted=DRIFTED)

    kept = json.loads(json.dumps(facts.to_json()))

    assert observed.from_json(kept) == facts
    del kept["drifted"]
    assert observed.from_json(kept).drifted == ()


def guarded(line):
    """The policy with one guardrail."""
    return policyfile.parse(f"steps: [{{weight: 10}}]\nguardrails: {{{line}}}")

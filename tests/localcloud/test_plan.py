"""What is planned for a deployment, from given facts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud.plan import Facts, Serving, plan
from ops.localcloud.records import Instance, text

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def instance(id_, state="Ready", fingerprint="new", **detail):
    proven = {"proven": True} if state in {"Ready", "NotReady", "Draining"} else {}
    return Instance(
        id=id_,
        deployment="/d",
        fingerprint=fingerprint,
        state=state,
        port=1000 + ord(id_),
        detail={**proven, **detail},
    )


def serving(*instances, in_flight=None, **facts):
    ports = {i.id: i.port for i in instances}
    return Serving(confirmed=True, round=9, ports=ports, in_flight=in_flight or {})


def facts(*instances, capacity=1, template="new", operation="op", **others):
    return Facts(
        instances=instances,
        capacity=capacity,
        template=template,
        operation=operation,
        **others,
    )


def done(*given, **others):
    return [(a.do, a.instance) for a in plan(facts(*given, **others), NOW)]


A, B, C = instance("a"), instance("b"), instance("c")
OLD = instance("o", fingerprint="old")
PASSED = instance("p", "Starting", passed=True)
STARTING = instance("s", "Starting")


def test_what_is_missing_is_started():
    assert done(A, capacity=3) == [("start", None)] * 2


def test_nothing_is_done_while_a_preparation_lasts():
    assert done(OLD, capacity=3, template=None, preparing=True) == []


def test_what_passes_its_probe_is_let_in_without_waiting_for_the_others():
    assert done(PASSED, STARTING, capacity=2) == [("promote", "p")]


def test_success_waits_for_the_gateway():
    assert done(A) == []
    assert done(A, serving=serving(A)) == [("succeed", None)]


def test_success_waits_for_the_instances_present_port():
    moved = replace(A, port=1)

    assert done(moved, serving=serving(A)) == []


def test_success_needs_the_last_published_table():
    behind = replace(serving(A), confirmed=False)

    assert done(A, serving=behind) == []


def test_success_waits_until_what_drains_is_out_of_the_table():
    draining = instance("b", "Draining", until=text(NOW + timedelta(seconds=9)))

    assert done(A, draining, serving=serving(A, B)) == []
    assert ("succeed", None) in done(A, draining, serving=serving(A))


def test_the_newest_goes_when_fewer_are_asked_for():
    assert done(A, B, C, capacity=1) == [("drain", "c"), ("drain", "b")]


def test_what_does_not_serve_goes_before_what_does():
    assert done(STARTING, A, capacity=1) == [("stop", "s")]


def test_the_old_stays_until_all_of_the_new_have_passed():
    assert done(OLD, PASSED, STARTING, capacity=2) == []


def test_the_new_replaces_the_old_at_one_stroke():
    assert done(OLD, PASSED) == [("promote", "p"), ("drain", "o")]


def test_an_update_starts_as_many_as_asked_for_beside_the_old():
    assert done(OLD, capacity=2) == [("start", None)] * 2


def test_a_failed_update_stops_the_new_and_keeps_the_old():
    gave_up = instance("g", "Stopped", gave_up="no weights", operation="op")

    assert done(OLD, PASSED, gave_up) == [("stop", "p"), ("fail", None)]


def test_a_failure_of_an_earlier_operation_is_no_failure_of_this_one():
    gave_up = instance("g", "Stopped", gave_up="no weights", operation="before")

    assert done(gave_up) == [("start", None)]


def test_a_refusal_fails_the_deployment_with_its_reason():
    [action] = plan(facts(template=None, refusal="no such package"), NOW)

    assert (action.do, action.reason) == ("fail", "no such package")


def test_a_failed_deployment_starts_nothing_until_asked():
    assert done(A, capacity=2, operation=None, failed=True) == []
    assert done(A, capacity=2, failed=True) == [("start", None)]


def test_a_draining_instance_is_stopped_when_its_last_request_is_done():
    draining = instance("b", "Draining", until=text(NOW + timedelta(seconds=9)))
    busy = serving(A, in_flight={"b": 1})

    assert ("stop", "b") not in done(A, draining, serving=busy)
    assert ("stop", "b") in done(A, draining, serving=serving(A))


def test_a_draining_instance_is_stopped_at_its_deadline():
    draining = instance("b", "Draining", until=text(NOW))

    assert ("stop", "b") in done(A, draining, serving=serving(A, in_flight={"b": 1}))


def test_an_answer_from_before_the_drain_began_proves_nothing():
    draining = instance("b", "Draining", until=text(NOW + timedelta(seconds=9)))
    known = {"serving": serving(A), "drained_since": {"b": 9}}

    assert ("stop", "b") not in done(A, draining, **known)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([A, STARTING], [("drain", "a"), ("stop", "s")]),
        ([instance("x", "Stopping")], []),
        ([instance("x", "Stopped")], [("forget", None)]),
        ([], [("forget", None)]),
    ],
    ids=["live", "ending", "ended", "never was"],
)
def test_a_deletion_drains_stops_and_then_forgets(given, expected):
    assert done(*given, deleting=True) == expected

"""Each rule names its case from the facts, and stays silent without it."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from ops import diagnose
from ops.diagnose import Diagnosis
from ops.diagnosis import provisioning, rules, scripts
from ops.diagnosis.facts import Facts
from ops.endpoints import to_deployment, to_endpoint
from ops.errors import Unhealthy
from ops.journal import Entry
from ops.measures import Event, Latency, Outcome, Point, Usage, window
from ops.views import render, screen
from tests.test_firedview import ERRORS

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
HOUR = window("1h", "1m", NOW)
CHAIN = """
The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/e/azureml_inference_server_http/server/user_script.py", line 9, in {caller}
    raise UserScriptException(ex) from ex
azureml_inference_server_http.server.user_script.UserScriptException: Caught an error
"""


def console(caller, raised, where="in run"):
    """What the inference server prints when a script raises."""
    return f"""2026-11-23 11:19:48,573 E [1] azmlinfsrv - Encountered Exception: \
Traceback (most recent call last):
  File "/e/azureml_inference_server_http/server/user_script.py", line 1, in {caller}
    self._user()
    ^^^^^^^^^^^^
  File "/code/scoring/score.py", line 76, {where}
    event = 1 / 0
            ~~^~~
{raised}
{CHAIN.format(caller=caller)}""".splitlines()


def deployment(name="blue", state="Succeeded", instances=1, **settings):
    properties = {"provisioningState": state, "requestSettings": settings}
    body = {"name": name, "sku": {"capacity": instances}, "properties": properties}
    return to_deployment(body)


def facts(*deployments, traffic=None, mirror=None, state="Succeeded", **more):
    live = deployments or (deployment(),)
    traffic = {live[0].name: 100} if traffic is None else traffic
    properties = {
        "provisioningState": state,
        "traffic": traffic,
        "mirrorTraffic": mirror or {},
    }
    endpoint = to_endpoint(
        {"name": "iris", "properties": properties}, {each.name: each for each in live}
    )
    known = {"outcomes": [outcome(count=1000)], "diagnostics": True}
    return Facts(endpoint=endpoint, window=HOUR, **{**known, **more})


def outcome(status=200, count=1, name="blue", **more):
    return Outcome(deployment=name, status=status, count=count, **more)


def entry(verb="deploy", outcome="failed", minutes=5, **more):
    known = {"before": {"traffic": {}, "blue": None}, "reason": "", "who": "ana@desk"}
    return Entry(
        id="1",
        verb=verb,
        stage="local",
        endpoint="iris",
        at=NOW - timedelta(minutes=minutes),
        outcome=outcome,
        **{**known, **more},
    )


def event(name, minutes=1, instance="blue-1", message="said"):
    at = NOW - timedelta(minutes=minutes)
    return Event(
        at=at, deployment="blue", instance=instance, name=name, message=message
    )


def only(found):
    (finding,) = rules.findings(found)
    return finding


def text(finding):
    return "\n".join([finding.title, *finding.evidence, finding.cause, *finding.next])


def test_a_healthy_endpoint_has_no_findings():
    assert rules.findings(facts()) == []


@pytest.mark.parametrize("code", provisioning.CODES)
def test_every_documented_error_code_has_a_rule(code):
    failed = entry(detail=f"{code}: something was wrong")
    found = facts(deployment(state="Failed"), traffic={}, history=[failed])

    first = rules.findings(found)[0]

    assert first.severity == "serious"
    assert provisioning.CODES[code].means in first.title
    assert f"{code}: something was wrong" in text(first)
    assert first.cause
    assert first.next


def test_a_code_further_down_the_refusal_is_found():
    nested = entry(detail="BadRequest: no\n  OutOfQuota: 4 cores needed")
    found = facts(deployment(state="Failed"), traffic={}, history=[nested])

    assert "no quota" in rules.findings(found)[0].title


def test_a_failure_that_another_machine_has_journalled_is_told_all_the_same():
    died = console("invoke_init", "ValueError: no model", "in init")
    found = facts(
        deployment(state="Failed"), traffic={"green": 100}, consoles={"blue": died}
    )

    finding = rules.findings(found)[0]

    assert "never became ready" in finding.title
    assert "no code in this journal" in finding.evidence[0]
    assert "ValueError: no model" in finding.cause


def test_deployments_without_any_traffic_are_told():
    finding = only(facts(traffic={}, outcomes=[]))

    assert finding.title == "no deployment has traffic"
    assert finding.next == ["invoke shift-traffic --set blue=100"]


def test_a_failure_that_was_mended_since_is_not_told():
    mended = [entry(outcome="done"), entry(detail="OutOfQuota: x", minutes=9)]

    assert rules.findings(facts(history=mended)) == []


def test_a_failure_of_the_other_deployment_is_not_this_ones():
    green = entry(detail="OutOfQuota: x", before={"traffic": {}, "green": None})
    found = facts(deployment(state="Failed"), traffic={}, history=[green])

    assert "no quota" not in rules.findings(found)[0].title


@pytest.mark.parametrize(
    ("caller", "says"),
    [("load_script", "while it is imported"), ("invoke_init", "init() raises")],
)
def test_a_script_that_does_not_start_is_named_with_its_line(caller, says):
    died = console(caller, "ValueError: no model", "in init")
    found = facts(
        deployment(state="Failed"),
        traffic={},
        history=[entry(detail="ResourceNotReady: exited 3 times")],
        consoles={"blue": died},
    )

    cause = rules.findings(found)[0].cause

    assert says in cause
    assert "ValueError: no model (score.py line 76, in init)" in cause


def test_a_missing_package_is_named():
    died = console("load_script", "ModuleNotFoundError: No module named 'torch'")

    failure = scripts.last(died, "import")

    assert failure.hint.startswith("the environment has no torch")


def test_the_servers_own_exception_is_not_taken_for_the_scripts():
    found = list(scripts.failures(console("invoke_run", "KeyError: 'x'") * 2))

    assert [each.raised for each in found] == ["KeyError: 'x'"] * 2


def test_a_request_that_was_too_slow_is_no_failure_of_the_script():
    slow = """azmlinfsrv - Encountered Exception: Traceback (most recent call last):
  File "/e/azureml_inference_server_http/server/user_script.py", line 137, in invoke_run
    raise UserScriptTimeout(timeout_ms, elapsed_ms) from None
azureml_inference_server_http.server.user_script.UserScriptTimeout: Script failed to \
finish execution within the allocated time: 5000ms""".splitlines()

    failure = scripts.last([*console("invoke_run", "KeyError: 'x'"), *slow], "run")

    assert failure is not None
    assert failure.raised == "KeyError: 'x'"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["Traceback (most recent call last):"],
        ["Traceback (most recent call last):", "no frame"],
        ["ValueError: alone", "  File"],
        ['  File "x", line 1, in invoke_run', "ValueError: no head"],
    ],
)
def test_what_is_no_traceback_of_the_script_is_no_failure(lines):
    assert list(scripts.failures(lines)) == []


def test_a_failed_build_is_named_by_its_last_complaint():
    build = ["Resolving", "error: no-such-package was not found in the registry", "."]
    found = facts(
        deployment(state="Failed"),
        traffic={},
        history=[entry(detail="ImageBuildFailure: failed")],
        builds={"blue": build},
    )

    assert "build: error: no-such-package was not found" in text(
        rules.findings(found)[0]
    )


def test_run_raising_is_told_from_bad_requests():
    raised = [outcome(count=90), outcome(424, 10, model_status=500, request_id="r1")]
    crash = console("invoke_run", "ZeroDivisionError: division by zero")
    finding = only(facts(outcomes=raised, consoles={"blue": crash}))

    assert finding.severity == "serious"
    assert "10 of 100 requests (10%)" in finding.title
    assert "ZeroDivisionError: division by zero" in finding.cause
    assert "invoke logs --request-id r1" in finding.next

    refused = [outcome(count=90), outcome(424, 10, model_status=400)]
    finding = only(facts(outcomes=refused))

    assert finding.severity == "warning"
    assert "bad requests" in finding.title


def test_what_fails_with_live_traffic_is_led_away_from_it():
    ended = [outcome(count=900), outcome(424, 100, name="green", model_status=500)]

    finding = rules.findings(both(outcomes=ended))[0]

    assert "invoke shift-traffic --set blue=100,green=0" in finding.next


def test_too_many_pending_requests_come_with_the_arithmetic():
    busy = deployment(instances=3, maxConcurrentRequestsPerInstance=2)
    ended = [outcome(count=50), outcome(429, 50)]

    finding = only(facts(busy, outcomes=ended))

    assert "2 x max_concurrent_requests_per_instance 2 x instance_count 3 = 12" in text(
        finding
    )
    assert "invoke scale --deployment blue --instances 4" in finding.next


def test_the_instances_asked_for_are_those_the_rate_needs():
    ended = [outcome(count=36_000), outcome(429, 3600)]
    slow = {"blue": Latency(count=36_000, percentiles={50: 500.0})}

    finding = only(facts(outcomes=ended, latencies=slow))

    # 11 a second x 0.5 s = 5.5 busy, at 70 % use
    assert "invoke scale --deployment blue --instances 8" in finding.next


@pytest.mark.parametrize(
    ("status", "model_status", "says"),
    [
        (408, 0, "request_timeout_ms (5000)"),
        (424, 502, "died in the middle of a request"),
        (424, 0, "died in the middle of a request"),
        (500, 0, "Azure's own front end failed"),
        (503, 0, "had no ready instance"),
        (499, 0, "callers' own timeout"),
    ],
)
def test_each_status_has_its_meaning(status, model_status, says):
    ended = [outcome(count=50), outcome(status, 50, model_status=model_status)]

    assert says in text(only(facts(outcomes=ended)))


@pytest.mark.parametrize(
    ("status", "traffic", "says"),
    [
        (401, None, "had a wrong key"),
        (404, {}, "invoke shift-traffic --set blue=100"),
        (404, None, "named a deployment that isn't there"),
        (413, None, "too large a body"),
    ],
)
def test_what_never_got_to_a_deployment_is_told(status, traffic, says):
    ended = [outcome(count=50), outcome(status, 5, name="")]

    assert says in text(only(facts(outcomes=ended, traffic=traffic)))


def test_wrong_keys_after_a_rotation_are_the_rotations():
    ended = [outcome(count=5), outcome(401, 50, name="")]
    rotated = entry(verb="rotate", outcome="done", before=None)

    finding = only(facts(outcomes=ended, history=[rotated]))

    assert finding.severity == "serious"
    assert "a key that was replaced" in finding.cause


def test_one_failure_in_a_thousand_is_a_warning():
    ended = [outcome(count=9999), outcome(408, 1)]

    assert only(facts(outcomes=ended)).severity == "warning"


def test_what_was_before_the_last_good_deploy_is_only_noted():
    last = NOW - timedelta(minutes=9)
    ended = [outcome(count=50), outcome(424, 50, model_status=500, last=last)]
    mended = entry(outcome="done", minutes=5)

    finding = only(facts(outcomes=ended, history=[mended]))

    assert finding.severity == "note"
    assert finding.title.endswith("before the last deploy")


def test_what_befell_another_deployment_of_the_name_is_not_this_ones():
    body = {
        "name": "blue",
        "properties": {"provisioningState": "Succeeded"},
        "systemData": {"createdAt": (NOW - timedelta(minutes=5)).isoformat()},
    }
    old = NOW - timedelta(minutes=9)
    ended = [outcome(408, 9, last=old), outcome(count=10, last=NOW)]
    found = facts(
        to_deployment(body), outcomes=ended, events=[event("BackOff", minutes=9)]
    )

    assert rules.findings(found) == []


def test_crashes_before_the_last_good_deploy_are_over():
    loops = [event("BackOff", 9), event("LivenessProbeFailed", 9)]

    found = facts(events=loops, history=[entry(outcome="done", minutes=5)])

    assert rules.findings(found) == []


def test_a_crash_loop_is_told_with_what_the_script_said():
    loops = [event("BackOff", minutes) for minutes in (3, 2, 1)]
    died = console("invoke_init", "MemoryError")

    finding = only(facts(events=loops, consoles={"blue": died}))

    assert finding.title == "blue keeps crashing: 3 restarts"
    assert "too little memory" in finding.cause


def test_what_run_raises_is_not_what_a_process_died_of():
    raised = console("invoke_run", "ValueError: no")

    finding = only(facts(events=[event("BackOff")], consoles={"blue": raised}))

    assert finding.title == "blue crashed: 1 restart"
    assert "exits by itself" in finding.cause


def test_one_failed_readiness_probe_is_how_an_instance_starts():
    assert rules.findings(facts(events=[event("ReadinessProbeFailed")])) == []


@pytest.mark.parametrize("name", ["ReadinessProbeFailed", "LivenessProbeFailed"])
def test_probes_fail_while_a_server_starts_and_are_told_later(name):
    started = event("Started", minutes=2)

    soon = facts(events=[started, *[event(name, minutes=1.8)] * 3])
    assert rules.findings(soon) == []
    late = facts(events=[started, *[event(name, minutes=1)] * 3])
    assert only(late).title == "blue: 3 probe failures"
    other = facts(events=[started, *[event(name, minutes=1.8, instance="blue-2")] * 3])
    assert only(other).title == "blue: 3 probe failures"


@pytest.mark.parametrize(
    ("names", "severity"),
    [
        (["ReadinessProbeFailed"] * 2, "warning"),
        (["LivenessProbeFailed"], "serious"),
    ],
)
def test_probes_that_fail_are_told(names, severity):
    finding = only(facts(events=[event(name) for name in names]))

    assert finding.severity == severity
    assert "probe" in finding.title


def test_weight_on_what_is_not_ready_is_serious_and_led_away():
    found = facts(
        deployment("blue"),
        deployment("green", "Failed"),
        traffic={"blue": 80, "green": 20},
    )
    titles = {each.title: each for each in rules.findings(found)}

    finding = titles["green has 20% of the traffic and is Failed"]
    assert "invoke shift-traffic --set blue=100,green=0" in finding.next


@pytest.mark.parametrize(
    ("usage", "severity", "says"),
    [
        (Usage(cpu=91.0, memory=10.0), "warning", "CPU 91%"),
        (Usage(cpu=99.0), "serious", "--instances 3"),
        (Usage(cpu=1.0, memory=97.0), "serious", "instance_type"),
    ],
)
def test_saturation_is_told_before_it_hurts(usage, severity, says):
    finding = only(facts(deployment(instances=2), usage={"blue": usage}))

    assert finding.severity == severity
    assert says in text(finding)


def test_instances_that_are_missing_are_counted():
    finding = only(
        facts(deployment(instances=3), usage={"blue": Usage(cpu=1, instances_lately=1)})
    )

    assert finding.title == "blue runs 1 of 3 instances"


def test_no_traffic_where_there_are_weights_is_said_only_if_it_was_read():
    assert "no request came" in only(facts(outcomes=[])).title
    assert rules.findings(facts(outcomes=[], unread=["requests: no"])) == []


def both(**more):
    split = {"blue": 80, "green": 20}
    return facts(deployment("blue"), deployment("green"), traffic=split, **more)


def points(blue, green):
    at = NOW - timedelta(minutes=2)
    return [
        Point(at=at, deployment=name, requests=count, live=count, errors=0)
        for name, count in (("blue", blue), ("green", green))
    ]


def test_a_split_that_chance_explains_is_no_finding():
    assert rules.findings(both(points=points(790, 210))) == []


def test_a_split_that_chance_does_not_explain_is_told_with_counts():
    finding = only(both(points=points(500, 500)))

    assert "green: weight 20%, observed 50.0% (500 of 1,000)" in finding.evidence


def test_requests_from_before_a_shift_say_nothing_of_the_weights():
    shifted = entry(
        verb="shift-traffic", outcome="done", before={"blue": 100}, minutes=1.5
    )

    assert rules.findings(both(points=points(1000, 0), history=[shifted])) == []


def test_green_much_slower_is_told_with_counts():
    ended = [outcome(count=900), outcome(count=100, name="green")]
    slow = {
        "blue": Latency(count=900, percentiles={95: 20.0}),
        "green": Latency(count=100, percentiles={95: 95.0}),
    }

    finding = only(both(outcomes=ended, latencies=slow))

    assert finding.title == "green does worse than blue"
    assert finding.evidence == [
        "p95 95 ms (100 requests), blue 20 ms (900 requests)",
    ]


def test_green_with_too_few_requests_is_not_compared():
    ended = [outcome(count=900), outcome(count=10, name="green")]
    slow = {
        "blue": Latency(count=900, percentiles={95: 20.0}),
        "green": Latency(count=10, percentiles={95: 950.0}),
    }

    assert rules.findings(both(outcomes=ended, latencies=slow)) == []


def test_a_mirror_left_on_says_since_when():
    on = entry(verb="mirror", outcome="done", before={}, minutes=3 * 24 * 60)
    found = facts(deployment(), deployment("green"), mirror={"green": 10}, history=[on])

    finding = only(found)

    assert finding.severity == "warning"
    assert "2026-11-20" in text(finding)
    assert "invoke mirror --off" in finding.next


def test_diagnostics_that_are_off_are_told_and_unknown_ones_are_not():
    assert "invoke diagnostics.on" in only(facts(diagnostics=False)).next
    assert rules.findings(facts(diagnostics=None)) == []


def test_a_change_right_before_the_trouble_is_named():
    onset = NOW - timedelta(minutes=4)
    ended = [outcome(count=90), outcome(424, 10, model_status=500, first=onset)]
    deployed = entry(outcome="done", reason="new model")

    finding = rules.findings(facts(outcomes=ended, history=[deployed]))[-1]

    assert finding.title == "requests began to fail 1m after deploy"
    assert "new model" in text(finding)


def test_trouble_older_than_the_window_is_blamed_on_no_change():
    ended = [outcome(424, 10, model_status=500, first=HOUR.since)]
    found = facts(outcomes=ended, history=[entry(outcome="done", minutes=61)])

    assert "began to fail" not in " ".join(e.title for e in rules.findings(found))


@pytest.mark.parametrize("state", ["Creating", "Updating", "Scaling"])
def test_an_operation_in_progress_is_noted(state):
    found = facts(deployment("green", state), traffic={"blue": 100})

    assert f"green is {state}" in [each.title for each in rules.findings(found)]


def test_a_change_that_was_cut_off_is_told():
    finding = only(facts(history=[entry(outcome="interrupted")]))

    assert "was interrupted" in finding.title


def test_an_endpoint_that_failed_is_told():
    assert "iris is Failed" in only(facts(state="Failed")).title


def test_the_worst_comes_first_and_within_it_what_has_weight():
    ended = [outcome(408, 50), outcome(408, 50, name="green"), outcome(count=1)]
    found = both(outcomes=ended, diagnostics=False)
    found = replace(found, endpoint=replace(found.endpoint, traffic={"green": 100}))

    severities = [each.severity for each in rules.findings(found)]
    names = [each.deployment for each in rules.findings(found)]

    assert severities == sorted(severities, key=rules.ORDER.index)
    assert names[:2] == ["green", "blue"]


def diagnosis(found):
    return Diagnosis(
        endpoint="iris",
        since=HOUR.since,
        until=HOUR.until,
        findings=rules.findings(found),
        unread=["metrics: gone"],
    )


def test_a_serious_finding_is_exit_status_3_and_a_warning_is_not():
    diagnose.require_healthy(replace(diagnosis(facts(diagnostics=False)), unread=[]))
    with pytest.raises(Unhealthy, match="1 serious finding") as refusal:
        diagnose.require_healthy(diagnosis(facts(state="Failed")))

    assert refusal.value.code == 3


def test_not_knowing_is_not_healthy(monkeypatch):
    out = Console(file=io.StringIO(), width=100)
    monkeypatch.setattr(render, "console", lambda: out)
    blind = replace(diagnosis(facts()), findings=[], unread=["requests: no store"])

    screen.findings(blind)
    with pytest.raises(Unhealthy, match="1 source could not be looked at") as refusal:
        diagnose.require_healthy(blind)

    said = out.file.getvalue()
    assert said.startswith("not known  requests: no store")
    assert "healthy" not in said
    assert refusal.value.code == 3


def test_what_a_model_printed_cannot_drive_the_terminal(monkeypatch):
    out = Console(file=io.StringIO(), width=100)
    monkeypatch.setattr(render, "console", lambda: out)
    evil = "\x1b[2J[bold]\x07"

    screen.findings(
        diagnosis(facts(events=[event("LivenessProbeFailed", message=evil)]))
    )

    said = out.file.getvalue()
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[bold]" in said
    assert "not known  metrics: gone" in said


def test_alerts_that_are_fired_are_told_with_value_and_who_is_at_it():
    taken = replace(ERRORS, state="acknowledged", by="ana@desk")
    found = only(facts(alerts=[taken]))

    assert (found.severity, found.title) == ("warning", "1 alert fired")
    (line,) = found.evidence
    assert line.startswith("severity 1: errors on green, 12.4% over 5%, since 11:53")
    assert line.endswith("acknowledged by ana@desk")
    assert only(facts(alerts=[replace(ERRORS, severity=3)])).severity == "note"


def test_commands_lead_to_the_same_stage():
    found = facts(outcomes=[outcome(429, 5)], flags=" --stage prod")

    assert all(
        "--stage prod" in each for each in only(found).next if each.startswith("invoke")
    )


@pytest.mark.parametrize(
    ("raised", "hint"),
    [
        ("ModuleNotFoundError: No module named 'numpy._core'", "saved with numpy 2"),
        (
            "ModuleNotFoundError: No module named 'sklearn.ensemble._gb_losses'",
            "another version of sklearn",
        ),
        (
            "ModuleNotFoundError: No module named 'pandas.core.indexes.numeric'",
            "of pandas",
        ),
        (
            "ModuleNotFoundError: No module named 'azure.identity'",
            "has no azure.identity",
        ),
        ("ModuleNotFoundError: No module named 'lightgbm'", "has no lightgbm: add it"),
        (
            "AttributeError: Can't get attribute '_PredictScorer' on <module 'sklearn'",
            "another version of sklearn",
        ),
        (
            "AttributeError: Can't get attribute 'Scale' on <module '__main__'",
            "class or function of the training script",
        ),
        (
            "ImportError: cannot import name 'Bunch' from 'sklearn.datasets.base'",
            "another version of sklearn",
        ),
        ("ValueError: unsupported pickle protocol: 5", "another version of Python"),
    ],
)
def test_a_model_of_another_version_is_not_told_as_a_missing_package(raised, hint):
    (failure,) = scripts.failures(console("invoke_init", raised, "in init"))

    assert hint in failure.hint


NOT_JSON = """azmlinfsrv Encountered Exception: Traceback (most recent call last):
  File "/e/flask/app.py", line 917, in full_dispatch_request
    rv = self.dispatch_request()
  File "/e/azureml_inference_server_http/server/routes.py", line 200, in handle_score
    response = wrap_response(response)
  File "/e/azureml_inference_server_http/server/routes.py", line 90, in wrap_response
    return AMLResponse(response_body, response_status_code, json_str=True)
  File "/usr/lib/python3.11/json/encoder.py", line 180, in default
    raise TypeError(f'Object of type {o.__class__.__name__} '
TypeError: Object of type %s is not JSON serializable
""".splitlines()


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("ndarray", ".tolist()"), ("set", "as a list"), ("datetime", ".isoformat()")],
)
def test_what_run_returns_and_json_cannot_hold_is_named(kind, hint):
    lines = [line.replace("%s", kind) for line in NOT_JSON]
    blue = deployment()
    outcome = Outcome(deployment="blue", status=424, model_status=500, count=3)

    (finding,) = [
        each
        for each in rules.findings(
            facts(blue, outcomes=[outcome], consoles={"blue": lines})
        )
        if "scoring script" in each.title
    ]

    assert f"Object of type {kind} is not JSON serializable" in finding.cause
    assert hint in finding.cause


def slow(seconds, *console):
    """Green, whose liveness probe fails so long after each of its starts."""
    probe = {"initialDelay": "PT10S", "period": "PT5S", "failureThreshold": 2}
    green = deployment("green")
    green.body["properties"]["livenessProbe"] = probe
    start = NOW - timedelta(minutes=5)
    named = {"deployment": "green", "instance": "green-1"}
    events = [
        Event(at=start, name="Started", message="", **named),
        Event(
            at=start + timedelta(seconds=seconds),
            name="LivenessProbeFailed",
            message="no answer",
            **named,
        ),
        Event(
            at=start + timedelta(seconds=seconds + 1),
            name="BackOff",
            message="Back-off 10s restarting",
            **named,
        ),
    ]
    return facts(green, events=events, consoles={"green": list(console)})


def test_a_start_that_its_liveness_probe_ends_is_told_with_the_field_to_raise():
    found = slow(20, "user_script Invoking user's init function")

    (finding,) = [e for e in rules.findings(found) if "green crashed" in e.title]

    assert "init() takes longer than the liveness probe allows, 20 s" in finding.cause
    assert "LivenessProbeFailed, 20 s after its start" in " ".join(finding.evidence)
    assert finding.next[0].startswith("liveness_probe.initial_delay of green")


@pytest.mark.parametrize(
    "console",
    [
        ["Invoking user's init function", "Users's init has completed successfully"],
        [
            "Invoking user's init function",
            *console("invoke_init", "ValueError: no model"),
        ],
        [],
    ],
)
def test_a_liveness_probe_that_fails_after_init_is_no_slow_start(console):
    (finding,) = [e for e in rules.findings(slow(20, *console)) if "crashed" in e.title]

    assert "liveness" not in finding.cause


def named_nobody(last_seconds_ago, emptied_seconds_ago):
    emptied = Entry(
        id="1",
        verb="shift-traffic",
        stage="local",
        endpoint="iris",
        at=NOW - timedelta(seconds=emptied_seconds_ago),
        who="me@here",
        reason="",
        before={"traffic": {"blue": 100}},
        after={"traffic": {}},
        outcome="done",
    )
    last = NOW - timedelta(seconds=last_seconds_ago)
    outcome = Outcome(deployment="", status=404, count=3, first=last, last=last)
    found = facts(deployment(), traffic={}, outcomes=[outcome], history=[emptied])
    return [each.title for each in rules.findings(found)]


def test_a_wrong_header_stays_one_when_the_weights_are_taken_away_later():
    assert "3 requests named a deployment that isn't there" in named_nobody(60, 10)
    assert "no deployment has traffic" in named_nobody(60, 10)
    (title,) = [each for each in named_nobody(10, 60) if "404" in each]
    assert title == "no deployment has traffic: 3 requests answered 404"


def test_a_rollout_that_went_back_lately_is_told():
    from endpoint_rig import change, ring

    from ops.rollouts import standing
    from ops.rollouts.standing import Standing

    ended = standing.written(
        Standing(
            id="20261123-115900-6cc0",
            canary="green",
            stable="blue",
            step=1,
            state="rolled back",
            since=NOW,
            by="policy:canary_is_worse",
        )
    )
    back = change(
        7,
        {"blue": 80, "green": 20},
        {"blue": 100},
        verb="rollout",
        reason="errors 40% of 100",
        at=NOW - timedelta(minutes=2),
    )
    tags = ring(back) | {name: text for name, text in ended.items() if text}
    found = facts(deployment(), deployment("green"))
    found = replace(found, endpoint=replace(found.endpoint, tags=tags))

    (finding,) = [e for e in rules.findings(found) if "rolled back" in e.title]

    assert finding.title == "the rollout of green was rolled back at 11:58:30 UTC"
    assert "errors 40% of 100" in finding.evidence[0]


def test_answers_of_the_version_before_a_deploy_are_told_apart():
    from ops.diagnosis import versions

    outcome = Outcome(
        deployment="green", status=424, count=9, first=NOW - timedelta(minutes=9)
    )
    deploy = Entry(
        id="1",
        verb="deploy",
        stage="local",
        endpoint="iris",
        at=NOW - timedelta(minutes=5),
        who="me@here",
        reason="",
        after={"traffic": {}, "green": {"model": "iris:2"}},
        outcome="done",
    )
    green = deployment("green")

    (line,) = versions.before(facts(green, history=[deploy]), green, [outcome])

    assert line.startswith("green was deployed anew at 11:55:30 UTC")
    assert versions.before(facts(green), green, [outcome]) == []

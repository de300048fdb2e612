"""What Azure adds to resources and spells anew is no difference to what was asked for.

Everything that the toolkit applies is applied twice, while localcloud answers with
what Azure is known to add: the second time nothing is written and nothing journalled.
"""

import copy
import dataclasses
import json
import random

import pytest
from local_transport import InProcess

from ops import alerts, autoscale, dashboards, diagnostics, drills, journal, specs
from ops.alerting import monitor
from ops.autoscaling import deployed
from ops.boards import published
from ops.errors import ServiceError, UsageError
from ops.likeness import DEFAULTS
from ops.localcloud.decoration import ADDITIONS, decorated

NOTIFY = {"on-call": {"email": "on-call@example.com", "webhook": "http://localhost/h"}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = InProcess(tmp_path_factory.mktemp("cloud"))
    made.put_endpoint()
    yield made
    made.close()


@pytest.fixture(scope="module")
def applied(cloud, tmp_path_factory):
    """Where all was applied once under decorations, and what that came to."""
    made = cloud.workspace()
    made.stage = dataclasses.replace(made.stage, notify=NOTIFY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AML_OPS_STATE", str(tmp_path_factory.mktemp("state")))
        drills.switch(made, on=True, off=False, decorate="on")
        yield made, settle(made)


@pytest.fixture
def workspace(applied):
    """The same, in a drill with decorations."""
    made, _ = applied
    drills.switch(made, on=True, off=False, decorate="on")
    return made


def settle(workspace):
    """Apply everything; return what that came to, by what it is about."""
    scaled = autoscale.plan(workspace, specs.load("iris"))
    list(autoscale.apply(workspace, "iris", scaled))
    ruled = alerts.plan(workspace)
    list(alerts.apply(workspace, ruled))
    boards = dashboards.plan(workspace, "iris")
    list(dashboards.apply(workspace, "iris", boards))
    flow = diagnostics.turn_on(workspace, "iris")
    return {
        "autoscale": {each.action for each in scaled},
        "alerts": {each.action for each in ruled.steps},
        "dashboards": {each.action for each in boards},
        "diagnostics": {"unchanged" if "already" in flow else "created"},
    }


def resources(workspace):
    """All that was applied and is compared, by what compares it."""
    found = [(monitor.same, each.body) for each in monitor.Monitor(workspace).list()]
    settings = deployed.live(workspace, "iris").values()
    return found + [(deployed.same, each.body) for each in settings]


def test_a_second_apply_of_everything_writes_and_journals_nothing(applied):
    workspace, first = applied
    before = journal.entries("local", "iris")

    second = settle(workspace)

    assert all("create" in each or "created" in each for each in first.values())
    assert all(each <= {"unchanged", "skip"} for each in second.values()), second
    assert journal.entries("local", "iris") == before


def test_whatever_of_it_azure_adds_is_no_difference(workspace):
    drills.switch(workspace, on=False, off=False, decorate="off")
    found = resources(workspace)

    for seed in range(30):
        dice = random.Random(seed)
        for same, body in found:
            shown = decorated(body, lambda name, dice=dice: dice.random() < 0.5)
            assert same(shown, body), (seed, body["id"])
    assert {body["type"].rsplit("/", 1)[1].lower() for _, body in found} == {
        *("autoscalesettings", "metricalerts", "scheduledqueryrules", "actiongroups")
    }


def fields(value):
    """Every map of a body with a name in it that says something of its own."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if says(inner, name):
                yield value, name
            yield from fields(inner)
    elif isinstance(value, list):
        for each in value:
            yield from fields(each)


def says(value, key):
    """Whether it is neither empty nor what Azure fills in."""
    if isinstance(value, dict):
        return any(says(inner, name) for name, inner in value.items())
    if isinstance(value, list):
        return bool(value)
    return bool(value) and DEFAULTS.get(key) != value


def test_each_field_that_is_taken_out_of_a_file_is_a_difference(workspace):
    tried = 0
    for same, body in resources(workspace):
        plain = {"name": "", **body["properties"]}
        plain.pop("name")  # of a setting: its own
        sent = {**body, "properties": plain}
        known = deployed.FIELDS if same is deployed.same else monitor.FIELDS
        count = len(list(fields(plain)))
        for number in range(count):
            wanted = copy.deepcopy(sent)
            place, name = list(fields(wanted["properties"]))[number]
            if name in known:
                del place[name]
                assert not same(body, wanted), (body["id"], name)
                tried += 1
    assert tried > 100


def test_a_workbook_whose_json_is_spelt_anew_is_unchanged(workspace):

    book = published.live(workspace)[0]

    text = book.body["properties"]["serializedData"]
    assert text != json.dumps(json.loads(text))
    assert book.body["properties"]["revision"]


def test_an_edit_from_outside_is_noticed_under_decorations(workspace):
    there = deployed.live(workspace, "iris")["blue"]
    body = copy.deepcopy(there.body)
    body["properties"]["profiles"][0]["capacity"]["maximum"] = "9"
    workspace.put(deployed.url(workspace, there.name), body)

    plan = autoscale.plan(workspace, specs.load("iris"))
    assert "update" in {each.action for each in plan}
    list(autoscale.apply(workspace, "iris", plan))
    after = autoscale.plan(workspace, specs.load("iris"))
    assert "update" not in {each.action for each in after}


def test_every_kind_that_is_applied_is_decorated(workspace):
    told = workspace.get(
        f"{workspace.base_url}{workspace.id}/onlineEndpoints/iris"
        "?api-version=2023-04-01-preview"
    )

    assert "swaggerUri" in told["properties"]
    assert list(told)[-1] == "id"
    assert {"workbooks", "diagnosticsettings", "deployments"} <= set(ADDITIONS)


def test_decorations_are_of_a_drill_and_end_with_it(workspace):
    assert drills.show(workspace).decorate

    drills.switch(workspace, on=False, off=True)
    assert not drills.switch(workspace, on=True, off=False).decorate

    drills.switch(workspace, on=False, off=True)
    with pytest.raises(ServiceError, match="switched off"):
        drills.switch(workspace, on=False, off=False, decorate="on")


@pytest.mark.parametrize(("off", "word"), [(False, "yes"), (True, "on")])
def test_what_can_not_be_meant_of_decorations_is_refused(workspace, off, word):
    with pytest.raises(UsageError, match="--decorate"):
        drills.switch(workspace, on=False, off=off, decorate=word)

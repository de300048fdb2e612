"""What every verb takes and how it meets the person, without any cloud."""

import io
import signal
import sys
from pathlib import Path
from threading import Event

import pytest

import tasks
from ops.errors import Refused
from ops.settings import Stage
from ops.verbs import GROUPS, Call, by_kind, said_again

# Asking a task for its arguments takes its help away: once is enough.
FLAGS = {name: tasks.ns[name].get_arguments() for name in tasks.ns.task_names}


def call(*, protected=False, **flags):
    found = Call("scale", {"stage": "prod", "endpoint": "iris"}, flags)
    vars(found)["stage"] = Stage(
        name="prod", cloud="azure", path=Path("prod.yaml"), protected=protected
    )
    return found


def test_every_verb_belongs_to_a_group_and_says_what_it_does():
    groups = by_kind(tasks.ns)

    listed = [name for verbs in groups.values() for name, says in verbs if says]

    assert list(groups) == list(GROUPS.values())
    assert sorted(listed) == sorted(tasks.ns.task_names)


@pytest.mark.parametrize("name", sorted(tasks.ns.task_names))
def test_every_verb_has_help_for_every_flag(name):
    verb = tasks.ns[name]

    assert all(argument.help for argument in FLAGS[name])
    assert len((verb.__doc__ or "").split("\n")[0]) <= 55, "it wraps in `invoke --list`"


@pytest.mark.parametrize("name", sorted(tasks.ns.task_names))
def test_what_changes_takes_dry_run_and_reason(name):
    verb = tasks.ns[name]
    flags = {argument.attr_name or argument.name for argument in FLAGS[name]}

    assert ({"dry_run", "reason"} <= flags) == (verb.body.kind == "change")


def test_an_unprotected_stage_does_not_ask():
    call().approve("scale blue")


def test_a_protected_stage_needs_a_reason_of_automation(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    with pytest.raises(Refused, match=r'needs --yes --reason "\.\.\."'):
        call(protected=True).approve("scale blue")
    with pytest.raises(Refused, match="needs --yes --reason"):
        call(protected=True, yes=True).approve("scale blue")
    call(protected=True, yes=True, reason="load").approve("scale blue")


def test_what_cannot_be_undone_asks_everywhere(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    with pytest.raises(Refused, match="needs --yes"):
        call().approve("delete blue", always=True)
    call(yes=True).approve("delete blue", always=True)


def test_a_dry_run_is_not_asked_for():
    call(protected=True, dry_run=True).approve("delete blue", always=True)


@pytest.mark.parametrize(("typed", "passes"), [("iris\n", True), ("isri\n", False)])
def test_a_person_types_the_endpoints_name(monkeypatch, typed, passes):
    terminal = io.StringIO(typed)
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)

    if passes:
        call(protected=True).approve("scale blue")
    else:
        with pytest.raises(Refused, match="nothing was changed"):
            call(protected=True).approve("scale blue")


def test_remedies_lead_to_the_same_place():
    """`call` has the stage prod of the person's own settings, not of invoke.yaml."""
    assert call(stage="dev", endpoint="wine").flags == " --stage dev --endpoint wine"
    assert call(stage="local", endpoint="iris").flags == " --stage local"


class Tidied:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def test_a_ctrl_c_while_something_is_tidied_away_is_heard(monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", said_again)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    Tidied()

    with pytest.raises(KeyboardInterrupt):
        Event().wait(10)
    signal.signal(signal.SIGINT, before)

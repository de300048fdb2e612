"""What becomes of a line before any verb runs: Invoke's own flags, and typos."""

import pytest
from invoke import Program
from invoke import __version__ as version

import tasks
from ops import commandline
from ops.commandline import NO_SHELL, TOO_LATE, CommandLine

KINDS = {name: tasks.ns[name].body.kind for name in tasks.ns.task_names}
NEEDS = {"alerts.ack": ["--all"], "alerts.close": ["--all"]}
CHANGING = sorted(name for name, kind in KINDS.items() if kind == "change")
WITHOUT = sorted(name for name, kind in KINDS.items() if kind in ("localcloud", "send"))
WORKS = {
    "complete",
    "config",
    "dry",
    "help",
    "list",
    "list-depth",
    "list-format",
    "no-dedupe",
}


class Typed:
    """Lines as `invoke` reads them; what verbs do is to note that they were called."""

    def __init__(self, monkeypatch, capsys):
        self.capsys, self.calls = capsys, []
        for name in KINDS:
            body = tasks.ns[name].body
            place = body.__code__.co_freevars.index("function")
            monkeypatch.setattr(body.__closure__[place], "cell_contents", self.noted)

    def noted(self, call, **flags):
        self.calls.append((call, flags))

    def __call__(self, *words):
        """Run a line; return its exit status and what it said on stderr."""
        self.calls.clear()
        try:
            CommandLine(name="Invoke", binary="invoke", version=version).run(
                ["invoke", *words]
            )
        except SystemExit as end:
            return end.code or 0, self.capsys.readouterr().err
        return 0, self.capsys.readouterr().err


@pytest.fixture
def typed(monkeypatch, capsys):
    return Typed(monkeypatch, capsys)


@pytest.mark.parametrize("verb", CHANGING)
def test_invokes_own_dry_run_reaches_every_verb_that_changes(verb, typed, monkeypatch):
    line = [verb, *NEEDS.get(verb, [])]

    def dry(*words):
        assert typed(*words)[0] == 0
        return [call.dry_run for call, _ in typed.calls]

    assert dry(*line) == [False]
    assert dry("-R", *line) == dry("--dry", *line) == [True]
    assert dry(*line, "-R") == dry(*line, "--dry") == dry(*line, "--dry-run") == [True]
    assert dry(*line, "status", "-R")[0] is True
    monkeypatch.setenv("INVOKE_RUN_DRY", "1")
    assert dry(*line) == [True]


@pytest.mark.parametrize("verb", WITHOUT)
def test_what_has_no_dry_run_refuses_to_run_under_one(verb, typed):
    for line in (["-R", verb], [verb, "--dry"]):
        status, said = typed(*line)

        assert (status, typed.calls) == (2, [])
        assert f"{verb} has no dry run. Nothing was done." in said


def test_a_page_that_may_change_something_has_no_dry_run(typed):
    assert typed("-R", "dashboard")[0] == 0
    assert typed("-R", "dashboard", "--allow-changes")[0] == 2
    assert not typed.calls


def test_each_of_invokes_own_flags_works_or_is_refused():
    own = {each.names[0] for each in [*Program().core_args(), *Program().task_args()]}

    assert own == {*NO_SHELL, *TOO_LATE, *WORKS}


@pytest.mark.parametrize("flag", NO_SHELL)
def test_flags_about_shell_commands_are_refused_wherever_they_stand(flag, typed):
    value = {"hide": ["out"], "command-timeout": ["30"]}.get(flag, [])

    for line in ([f"--{flag}", *value, "scale"], ["scale", f"--{flag}", *value]):
        status, said = typed(*line)

        assert (status, typed.calls) == (2, [])
        assert f"--{flag} is about shell commands" in said
        assert "Nothing was done." in said


@pytest.mark.parametrize("flag", TOO_LATE)
def test_flags_that_come_too_late_behind_a_verb_are_refused(flag, typed):
    takes = ("collection", "search-root", "print-completion-script")
    status, said = typed("scale", f"--{flag}", *(["x"] if flag in takes else []))

    assert (status, typed.calls) == (2, [])
    assert (
        f"--{flag} is Invoke's own and goes before the verb. Nothing was done" in said
    )


def test_a_config_file_that_cannot_be_read_is_refused(typed, tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")

    for path in ("none.yaml", tmp_path / "bad.yaml", tmp_path):
        for line in (["-f", str(path), "scale"], ["scale", "-f", str(path)]):
            status, said = typed(*line)

            assert (status, typed.calls) == (2, [])
            assert f"--config {path} can't be read" in said


def test_a_config_file_names_the_default_and_remedies_say_so(typed, tmp_path):
    (tmp_path / "mine.yaml").write_text("endpoint: wine\nstage: dev\n")
    typed("-f", str(tmp_path / "mine.yaml"), "status")

    ((call, _),) = typed.calls
    assert (call.stage_name, call.endpoint) == ("dev", "wine")
    assert call.flags == " --stage dev --endpoint wine"


def test_the_same_verb_runs_as_often_as_it_is_typed(typed):
    typed("status", "score", "status")
    assert [call.verb for call, _ in typed.calls] == ["status", "score", "status"]
    typed("--no-dedupe", "status", "status")
    assert len(typed.calls) == 2


@pytest.mark.parametrize(
    "line",
    [
        "scale -- --dry-run",
        "scale --reason --dry",
        "scale --reason --because",
        "scale --reason -R",
        "alerts.ack --comment --yes",
        "alerts.ack --alll",
    ],
)
def test_no_flag_is_dropped_or_taken_for_a_value(line, typed):
    status, said = typed(*line.split())

    assert (status, typed.calls) == (2, [])
    assert "Nothing was done." in said


def test_a_value_that_looks_like_a_flag_can_be_meant(typed):
    typed("logs", "--include=--foo", "--exclude", "-x")

    ((_, flags),) = typed.calls
    assert flags["include"] == ["--foo"]


MENDED = {
    "shfit-traffic --green 20": "shift-traffic --green 20",
    "shift_traffic --green 20": "shift-traffic --green 20",
    "shift-traffic --gren 20": "shift-traffic --green 20",
    "shift-traffic --gren=20": "shift-traffic --green=20",
    "shift-traffic --dry_run": "shift-traffic --dry-run",
    "shift-traffic 30": "shift-traffic --green 30",
    "mirror 10%": "mirror --green 10",
    "score 5": "score -n 5",
    "capacity 50": "capacity --rps 50",
    "status prod": "status --stage prod",
    "status prd": "status --stage prod",
    "logs green": "logs --deployment green",
    "logs gren --level error": "logs --deployment green --level error",
    "status irsi": "status --endpoint iris",
    "alert": "alerts",
    "alerts.lst": "alerts.list",
    "patterns": "logs.patterns",
    "deploy socre status": "deploy score status",
    "query --nam errors": "query --name errors",
    "--stage prod status": "status --stage prod",
    "--gren 20 shift-traffic": "shift-traffic --green 20",
    "status -e iris": "status --endpoint iris",
    "status -s": "status --stage",
    "scale -r full": "scale --reason full",
    "--help lgos": "--help logs",
}


@pytest.mark.parametrize("line", MENDED)
def test_what_is_mistyped_is_told_with_the_line_that_is_likely_meant(line, typed):
    status, said = typed(*line.split())

    assert (status, typed.calls) == (2, [])
    assert said.splitlines()[1:] == [f"  try: invoke {MENDED[line]}"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("frobnicate", "There is no verb 'frobnicate'. Nothing was done."),
        ("scale --zzz", "scale has no flag --zzz. Nothing was done."),
        ("scale --instances 1 --instances 2", "scale: --instances is given twice"),
        ("scale --instances", "--instances needs a value. Nothing was done."),
        ("alerts.ack", "alerts.ack needs a word: alert. Nothing was done."),
        ("--zzz scale", "scale has no flag --zzz. Nothing was done."),
        ("--zzz", "Invoke has no flag --zzz."),
        ("status -f", "status has no flag -f. Nothing was done."),
        ("logs --request-id", "--request-id needs a value. Nothing was done."),
        ("logs --zzz", "logs has no flag --zzz. Nothing was done."),
    ],
)
def test_what_resembles_nothing_leads_to_the_help(line, problem, typed):
    status, said = typed(*line.split())

    assert (status, typed.calls) == (2, [])
    assert problem in said
    assert "try: invoke --" in said


@pytest.mark.parametrize(
    ("line", "flag", "value"),
    [
        ("logs -f", "follow", True),
        ("logs -n 5", "lines", "5"),
        ("logs --n 5", "lines", "5"),
        ("logs --n=5", "lines", "5"),
        ("logs -o json", "output", "json"),
        ("history -n 5", "most", "5"),
        ("history --n 5", "most", "5"),
        ("autoscale.history --n 5", "most", "5"),
        ("score -n 5", "n", "5"),
        ("score --n 5", "n", "5"),
        ("score -n5", "n", "5"),
    ],
)
def test_short_flags_mean_the_same_everywhere(line, flag, value, typed):
    assert typed(*line.split())[0] == 0

    ((_, flags),) = typed.calls
    assert flags[flag] == value


@pytest.mark.parametrize("line", ["scale --help", "alerts.ack -h", "logs -n 5 --help"])
def test_help_is_shown_behind_a_verb_too(line, typed):
    typed(*line.split())

    assert not typed.calls


def test_every_verb_knows_the_name_by_which_it_is_typed():
    known = set(commandline.names(tasks.ns))

    assert {tasks.ns[name].body.verb for name in KINDS} <= known
    assert tasks.ns["logs.show"].body.verb == "logs"

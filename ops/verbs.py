"""What every verb takes, and how it meets the person who typed it.

`@reads` and `@changes` turn a function of a Call into an Invoke task: they add the
flags that all verbs share, ask before a change on a protected stage, and end a Ctrl-C
with what is left behind.
"""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any

from invoke import Argument, Collection, Context, Exit, Task, task

from ops.errors import Interrupted, OpsError, Refused, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from ops.clients import Workspace
    from ops.settings import Stage
    from ops.specs import EndpointSpec

AGAIN_SECONDS = 0.02  # enough for a finalizer to be over
GROUPS = {
    "look": "Look (changes nothing; --json)",
    "change": "Change (journalled; --dry-run, --reason)",
    "localcloud": "localcloud (this machine)",
}
READING = {
    "stage": (None, "Where: a file in specs/stages/. Default: local."),
    "endpoint": (None, "Which endpoint: a folder in specs/. Default: iris."),
    "json": (False, "Print JSON instead of a table."),
}
CHANGING = {
    "stage": READING["stage"],
    "endpoint": READING["endpoint"],
    "dry_run": (False, "Print what would be done and change nothing."),
    "yes": (False, "Do not ask on a protected stage; needs --reason."),
    "reason": (None, "Why, for the journal."),
}


class Unless:
    """A default that says: a value without a flag, needed unless one of these is given.

    Invoke itself knows only words that must always be there.
    """

    def __init__(self, *flags: str) -> None:
        self.flags = flags


class Word(Argument):  # type: ignore[misc]  # invoke ships no usable types
    """An argument without a flag that isn't missing once another is there."""

    others: tuple[Argument, ...] = ()

    @property
    def value(self) -> Any:
        given = any(other.got_value for other in self.others)
        return "" if self._value is None and given else self._value

    @value.setter
    def value(self, text: str) -> None:
        self.set_value(text)


class Verb(Task):  # type: ignore[misc]
    """A task whose words may have an Unless."""

    def __deepcopy__(self, memo: object) -> "Verb":
        """Itself, for it never changes: Invoke copies its collection at each start."""
        return self

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        found = super().get_arguments(ignore_unknown_help)
        unless = vars(self.body).get("unless", {})
        by_name = {each.name: each for each in found}
        for name, each in unless.items():
            word = Word(names=(name,), help=by_name[name].help, positional=True)
            word.others = tuple(by_name[flag] for flag in each.flags)
            found[found.index(by_name[name])] = word
        return list(found)


class Call:
    """One verb as it was typed: where it acts and how."""

    def __init__(self, verb: str, defaults: Any, flags: dict[str, Any]) -> None:
        self.verb = verb
        self.stage_name: str = flags.get("stage") or defaults.get("stage", "local")
        self.endpoint: str = flags.get("endpoint") or defaults.get("endpoint", "iris")
        self.only: str | None = flags.get("endpoint")  # for verbs about all of them
        self.json: bool = flags.get("json", False)
        self.dry_run: bool = flags.get("dry_run", False)
        self.yes: bool = flags.get("yes", False)
        self.reason: str = flags.get("reason") or ""

    @property
    def flags(self) -> str:
        """The flags that lead another verb to the same place, for remedies."""
        stage = f" --stage {self.stage_name}" if self.stage_name != "local" else ""
        return (
            f"{stage} --endpoint {self.endpoint}" if self.endpoint != "iris" else stage
        )

    @property
    def how(self) -> dict[str, Any]:
        """What every changing function takes beside what it changes."""
        return {"dry_run": self.dry_run, "reason": self.reason}

    @cached_property
    def stage(self) -> "Stage":
        from ops import settings

        return settings.load_stage(self.stage_name)

    @property
    def now(self) -> "datetime":
        """What --since counts back from: the time of the stage's service."""
        from ops import cloud

        return cloud.clock_of(self.stage).now()

    @cached_property
    def workspace(self) -> "Workspace":
        from ops import clients
        from ops.views import render

        workspace = clients.connect(self.stage)
        if workspace.local and workspace.local.just_started:
            render.note(f"localcloud started at {workspace.local.url}")
        return workspace

    @cached_property
    def spec(self) -> "EndpointSpec":
        from ops import specs

        return specs.load(self.endpoint, self.stage)

    def show(self, value: Any, renderer: Callable[[Any], Any]) -> None:
        """Print a value for a person, or as JSON where --json asks for it."""
        from ops.views import render

        if self.json:
            render.as_json(value)
        else:
            renderer(value)

    def tell(self) -> None:
        """Say what was found on the way, on stderr."""
        for text in self.workspace.notes if "workspace" in vars(self) else ():
            sys.stderr.write(f"{text}\n")

    def approve(
        self, what: str, *, always: bool = False, word: str | None = None
    ) -> None:
        """Have the person confirm on a protected stage; raise Refused otherwise.

        `always` asks on every stage: for what can't be undone. What is to be typed is
        the endpoint's name, or `word`.
        """
        word = word or self.endpoint
        if self.dry_run or not (always or self.stage.protected):
            return
        if self.yes and (self.reason or not self.stage.protected):
            return
        if self.yes or not sys.stdin.isatty():
            needed = '--yes --reason "..."' if self.stage.protected else "--yes"
            raise Refused(
                f"{self.verb} would {what} on {self.stage_name}: that needs {needed}."
            )
        sys.stderr.write(
            f"{self.verb} will {what} on {self.stage_name}.\nType {word} to go on: "
        )
        sys.stderr.flush()
        if sys.stdin.readline().strip() != word:
            raise Refused("Not confirmed: nothing was changed.")


def reads(**help: str) -> Callable[[Callable[..., Any]], Task[Any]]:
    """A verb that never changes anything. `help` explains its own flags."""
    return lambda function: _verb(function, "look", READING, help)


def changes(**help: str) -> Callable[[Callable[..., Any]], Task[Any]]:
    """A verb that changes something."""
    return lambda function: _verb(function, "change", CHANGING, help)


def local(**help: str) -> Callable[[Callable[..., Any]], Task[Any]]:
    """A verb about localcloud itself."""
    shared = {"stage": READING["stage"]}
    return lambda function: _verb(function, "localcloud", shared, help)


def by_kind(verbs: Collection) -> dict[str, list[tuple[str, str]]]:
    """Every verb's full name and first line, below the title of its group."""
    found: dict[str, list[tuple[str, str]]] = {title: [] for title in GROUPS.values()}
    for name in sorted(verbs.task_names):
        verb = verbs[name]
        found[GROUPS[vars(verb.body)["kind"]]].append(
            (name, (verb.__doc__ or "").split("\n")[0])
        )
    return found


def _require_word(verb: str, text: str) -> None:
    """Invoke takes whatever comes first for a verb's word, --help and typos too."""
    if text in ("--help", "-h"):
        os.execv(sys.executable, [sys.executable, "-m", "invoke", "--help", verb])
    if text.startswith("--"):
        raise UsageError(
            f"{verb} has no flag {text.split()[0]!r}.", f"invoke --help {verb}"
        )


def said_again(lost: "sys.UnraisableHookArgs") -> None:
    """Have a Ctrl-C heard that came while an object was tidied away.

    What a finalizer raises goes nowhere, and a KeyboardInterrupt may be raised there as
    anywhere else. Said again at once, it would be raised in here and lost as well.
    """
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(_interrupt, ())
    else:
        sys.__unraisablehook__(lost)


def _interrupt() -> None:
    time.sleep(AGAIN_SECONDS)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _plain(parameter: Parameter) -> Parameter:
    """As Invoke takes it: a flag that may be repeated has (), a word an Unless."""
    if parameter.default == () or isinstance(parameter.default, Unless):
        return parameter.replace(default=None)
    return parameter


def _verb(
    function: Callable[..., Any],
    kind: str,
    shared: Mapping[str, tuple[object, str]],
    help: dict[str, str],
) -> Task[Any]:
    _, *taken = signature(function).parameters.values()  # the first is the Call
    own = [_plain(each) for each in taken]
    written = {each.name: each.default for each in taken}
    name = function.__name__.rstrip("_").replace("_", "-")

    def body(c: Context, **given: Any) -> None:
        # As the default verb, without any words, a body is called with no flag at all.
        flags = {each.name: each.default for each in (*own, *common)} | given
        for word in vars(body)["unless"]:
            _require_word(name, str(flags[word]))
        call = Call(name, c.config, flags)
        sys.unraisablehook = said_again
        try:
            function(call, **{each.name: flags[each.name] for each in own})
        except KeyboardInterrupt:
            raise Interrupted(
                f"{name} was stopped; what it had sent to the service goes on there.",
                f"invoke status{call.flags}",
                f"invoke history{call.flags}",
            ) from None
        except BrokenPipeError:  # `| head` has seen enough; Python would flush again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=141) from None
        except OpsError as refusal:
            refusal.lead_to(call.flags)
            raise
        finally:
            call.tell()
        if call.dry_run:
            sys.stderr.write("dry run: nothing was changed\n")

    place = Parameter.POSITIONAL_OR_KEYWORD
    common = [
        Parameter(name, place, default=default) for name, (default, _) in shared.items()
    ]
    context = Parameter("c", place)
    body.__doc__, body.__name__ = function.__doc__, function.__name__
    vars(body)["__signature__"] = Signature([context, *own, *common])
    vars(body)["kind"] = kind
    vars(body)["unless"] = {
        name: default
        for name, default in written.items()
        if isinstance(default, Unless)
    }
    explained = {name: text for name, (_, text) in shared.items()} | help
    return task(
        body,
        klass=Verb,
        help=explained,
        auto_shortflags=False,
        iterable=[name for name, default in written.items() if default == ()],
        positional=list(vars(body)["unless"]),
    )

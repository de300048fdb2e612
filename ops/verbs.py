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

from invoke import Collection, Context, Exit, Task, task

from ops import hints
from ops.commandline import Unless, Verb
from ops.errors import Interrupted, Refused, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from ops.clients import Workspace
    from ops.settings import Stage
    from ops.specs import EndpointSpec

AGAIN_SECONDS = 0.02  # enough for a finalizer to be over
# Where invoke.yaml names none: the example's.
FALLBACK = {"stage": "local", "endpoint": "iris"}
GROUPS = {
    "look": "Look (changes nothing; --json)",
    "send": "Send requests (changes nothing; --json)",
    "change": "Change (journalled; --dry-run, --reason)",
    "localcloud": "localcloud (this machine)",
}
READING = {
    "stage": (None, "Where: a file in specs/stages/. Default: that of invoke.yaml."),
    "endpoint": (
        None,
        "Which endpoint: a folder in specs/. Default: that of invoke.yaml.",
    ),
    "json": (False, "Print JSON instead of a table."),
}
CHANGING = {
    "stage": READING["stage"],
    "endpoint": READING["endpoint"],
    "dry_run": (False, "Print what would be done and change nothing."),
    "yes": (False, "Do not ask on a protected stage; needs --reason."),
    "reason": (None, "Why, for the journal."),
}


def place(where: Mapping[str, str], effective: Mapping[str, str]) -> dict[str, str]:
    """The flags that lead a pasted command there, whoever pastes it, and in what shell.

    A flag is left out only if invoke.yaml says the same and nothing here says otherwise
    (INVOKE_STAGE, INVOKE_ENDPOINT, a file of the person's own).
    """
    from ops import settings

    filed = FALLBACK | settings.defaults()
    return {
        name: value
        for name, value in where.items()
        if not value == filed[name] == effective[name]
    }


class Call:
    """One verb as it was typed: where it acts and how."""

    def __init__(self, verb: str, defaults: Any, flags: dict[str, Any]) -> None:
        self.verb = verb
        effective = {name: defaults.get(name, each) for name, each in FALLBACK.items()}
        self.stage_name: str = flags.get("stage") or effective["stage"]
        self.endpoint: str = flags.get("endpoint") or effective["endpoint"]
        self.place = place(
            {"stage": self.stage_name, "endpoint": self.endpoint}, effective
        )
        self.only: str | None = flags.get("endpoint")  # for verbs about all of them
        self.json: bool = flags.get("json", False)
        self.dry_run: bool = flags.get("dry_run", False)
        self.yes: bool = flags.get("yes", False)
        self.reason: str = flags.get("reason") or ""

    @property
    def flags(self) -> str:
        """What leads another verb to the same place."""
        return hints.written(self.place)

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

    @property
    def localcloud(self) -> "Workspace":
        """The workspace where it is localcloud's; raise Refused for one on Azure."""
        if self.stage.local:
            return self.workspace
        from ops import settings

        local = (each for each in settings.stages() if settings.local(each))
        raise Refused(
            f"{self.verb} is about localcloud, and {self.stage_name} is on Azure.",
            *(f"invoke {self.verb} --stage {each}" for each in local),
        )

    def sign_in(self) -> None:
        """Raise NotSignedIn now rather than on a screen that goes on."""
        if not self.stage.local:
            _ = self.workspace

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


def sends(**help: str) -> Callable[[Callable[..., Any]], Task[Any]]:
    """A verb that changes nothing, but has the endpoint do something."""
    return lambda function: _verb(function, "send", READING, help)


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


def said_again(lost: "sys.UnraisableHookArgs") -> None:
    """Have a Ctrl-C heard that came while an object was tidied away.

    What a finalizer raises goes nowhere, and a KeyboardInterrupt may be raised there as
    anywhere else. Said again at once, it would be raised in here and lost as well.
    """
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(_interrupt, ())
    else:
        sys.__unraisablehook__(lost)


def _dry(verb: str, kind: str, flags: dict[str, Any]) -> dict[str, Any]:
    """The flags under Invoke's own `-R`: those of a dry run, if the verb has one."""
    if kind == "change":
        return flags | {"dry_run": True}
    if kind == "look" and not flags.get("allow_changes"):
        return flags
    raise UsageError(
        f"{verb} has no dry run. Nothing was done.", f"invoke --help {verb}"
    )


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
        verb = vars(body)["verb"]
        if c.config.run.dry:
            flags = _dry(verb, kind, flags)
        call = Call(verb, c.config, flags)
        hints.act_at(**call.place)
        sys.unraisablehook = said_again
        try:
            function(call, **{each.name: flags[each.name] for each in own})
        except KeyboardInterrupt:
            raise Interrupted(
                f"{verb} was stopped; what it had sent to the service goes on there.",
                "invoke status",
                "invoke history",
            ) from None
        except BrokenPipeError:  # `| head` has seen enough; Python would flush again
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=141) from None
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
    vars(body)["kind"], vars(body)["verb"] = kind, name
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

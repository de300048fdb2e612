"""Lines typed one after another; each command that they lead to is tried at once."""

import io
import re
import shlex
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field

from invoke import __version__ as version

import tasks
from ops.commandline import CommandLine
from ops.settings import ROOT

PLACE = ["--endpoint", "wine", "--stage", "lab"]
# In a refusal, a sentence, behind a colon: up to a comment or the line's end.
PRINTED = re.compile(
    r"`(invoke [^`]+)`|(?:try: |: |  |\()(invoke [^\n`#|)]*[^\s\n`#|).])", re.MULTILINE
)
# They stay until Ctrl-C, open a browser, or take away what is looked at.
STAYS = {"dashboard", "rollout.watch", "watch", "dashboards.open", "cloud.reset"}
KINDS = {
    each: tasks.ns[name].body.kind
    for name, aliases in tasks.ns.task_names.items()
    for each in (name, *aliases)
}


def specs(folder):
    """The example as `wine`, of alpha and beta, beside iris, which is not deployed."""
    shutil.copytree(ROOT / "specs", folder / "specs")
    wine = folder / "specs/wine"
    shutil.copytree(ROOT / "specs/iris", wine)
    for name in ("model", "scoring"):
        (folder / name).symlink_to(ROOT / name)
    for path in wine.glob("*.yaml"):
        text = path.read_text()
        text = re.sub(r"(?m)^(endpoint_name: |name: )iris$", r"\1wine", text)
        text = re.sub(r"\bblue\b", "alpha", re.sub(r"\bgreen\b", "beta", text))
        path.write_text(re.sub(r"azureml:iris:", "azureml:wine:", text))
    (wine / "blue.yaml").rename(wine / "alpha.yaml")
    (wine / "green.yaml").rename(wine / "beta.yaml")
    (folder / "specs/stages/lab.yaml").write_text("cloud: localcloud\n")
    return folder / "specs"


@dataclass
class Told:
    """What a line came to: its exit status and all that it printed."""

    line: str
    status: int
    said: str

    @property
    def hints(self):
        found = (a or b for a, b in PRINTED.findall(self.said))
        return list(dict.fromkeys(each.strip() for each in found))


@dataclass
class Trail:
    """Types lines, tries what they lead to, and keeps what didn't hold."""

    tried: dict = field(default_factory=dict)  # by command: what came of it
    broken: list = field(default_factory=list)
    told: set = field(default_factory=set)  # every command, once
    ran: set = field(default_factory=set)  # those that were typed

    def type(self, *words):
        out = io.StringIO()
        status = 0
        with redirect_stdout(out), redirect_stderr(out):
            try:
                CommandLine(name="Invoke", version=version).run(["invoke", *words])
            except SystemExit as end:
                status = end.code or 0
        return Told(shlex.join(words), status, out.getvalue())

    def __call__(self, line, *, place=PLACE, depth=2):
        """Type a line; try what it leads to in the state that it leaves."""
        told = self.type(*shlex.split(line), *place)
        self.follow(told, depth)
        return told

    def follow(self, told, depth):
        for hint in told.hints:
            if depth and (told.status, hint) not in self.tried:
                self.tried[told.status, hint] = None
                self.attempt(told, hint, depth)

    def attempt(self, told, hint, depth):
        self.told.add(hint)
        words = shlex.split(hint, comments=True)[1:]
        verb = next((each for each in words if each in KINDS), "")
        if wrong := misplaced(verb, words):
            self.broken.append(f"{told.line} -> {hint}: {wrong}")
        if wrong or verb in STAYS:
            return
        dry = KINDS[verb] == "change" and not {"--dry-run", "--help"} & set(words)
        found = self.type(*words, *(["--dry-run"] if dry else []))
        self.tried[told.status, hint] = found
        self.ran.add(hint)
        same = told.status and (found.status, found.said) == (told.status, told.said)
        if found.status == 2 or same or "Traceback" in found.said:
            self.broken.append(f"{told.line} -> {hint}: {found.status}, {found.said}")
        if "--help" not in words:  # which has examples, for any endpoint
            self.follow(found, depth - 1)


def misplaced(verb, words):
    """Why a command does not act where it was printed; "" where it does."""
    if not verb:
        return "there is no such verb"
    if "--help" in words or verb == "verbs":
        return ""
    local = KINDS[verb] == "localcloud"
    needed = ["--stage lab"] if local else ["--endpoint wine", "--stage lab"]
    lost = [each for each in needed if each not in " ".join(words)]
    return f"loses {', '.join(lost)}" if lost else ""

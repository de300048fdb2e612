"""Every command that the toolkit or its documents tell people to type."""

import ast
import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
# `invoke` and a verb, up to the end of the command: a quote, a comment, a new line.
COMMAND = re.compile(
    r"\binvoke ((?:--help )?[a-z][a-z-]*(?:\.[a-z-]+)?)(?![\w.-]*:)([^`#\n;|&<>]*)"
)
WRAPPED = re.compile(r"(?<!`)`[^`\n]+\n[^`\n]+`(?!`)")  # code on two lines
HOLE = "HOLE"  # what stands for the value of an f-string
GIVES_PLACE = {"led", "hint", "remedies", "missing"}  # and every kind of OpsError
HELP = {"reads", "changes", "local", "sends"}


@dataclass(frozen=True)
class Hint:
    """A command as it is written, and where."""

    where: str
    text: str  # of the whole literal or line
    verb: str
    rest: str
    around: tuple[str, ...] = ()  # the functions that it is handed to

    @property
    def words(self):
        """What is typed behind `invoke`, with 5 for what a value is put in for.

        The end of a sentence is left away, what may stand there, and flags that are
        put in as a whole.
        """
        rest = re.sub(r"[.,:)]+(\s.*)?$", "", re.sub(r"\[.*", "", self.rest))
        try:
            found = [*self.verb.split(), *shlex.split(rest)]
        except ValueError:
            found = [*self.verb.split(), *rest.split()]
        whole = [
            word
            for before, word in pairwise(["", *found])
            if word.replace(HOLE, "") or before.startswith(("--", "alerts.ack"))
        ]
        ended = [re.sub(rf"^(--.*?){HOLE}$", r"\1", word) for word in whole]
        return [word.replace(HOLE, "5") for word in ended]


def in_code():
    """The hints in string literals of ops/ and verbs/, but for docstrings."""
    for path in [*sorted(ROOT.glob("ops/**/*.py")), *sorted(ROOT.glob("verbs/*.py"))]:
        if "localcloud" not in path.parts:
            yield from _of_module(ast.parse(path.read_text()), path.relative_to(ROOT))


def in_documents():
    """Those in what is read: documents, runbooks, what stands in YAML files."""
    names = (
        "*.md",
        "docs/*.md",
        "alerts/**/*.md",
        "alerts/**/*.yaml",
        "specs/**/*.yaml",
    )
    more = ("dashboards/*", "ops/localcloud/README.md", "ops/queries/*")
    for path in sorted({each for name in names + more for each in ROOT.glob(name)}):
        text = WRAPPED.sub(lambda code: code[0].replace("\n", " "), path.read_text())
        for number, line in enumerate(text.splitlines(), 1):
            for found in COMMAND.finditer(line):
                where = f"{path.relative_to(ROOT)}:{number}"
                yield Hint(where, line, found[1], found[2])


def _of_module(tree, path):
    parents = {
        id(inner): node
        for node in ast.walk(tree)
        for inner in ast.iter_child_nodes(node)
    }
    for node in ast.walk(tree):
        above = parents.get(id(node))
        if _is_text(node) and not isinstance(above, ast.JoinedStr | ast.Expr):
            text, around = _text(node), tuple(_around(node, parents))
            command = f"invoke {text}" if around[:1] == ("hint",) else text
            for found in COMMAND.finditer(command):
                where = f"{path}:{node.lineno}"
                yield Hint(where, text, found[1], found[2], around)


children = ast.iter_child_nodes


def _is_text(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _text(node):
    if isinstance(node, ast.Constant):  # perhaps for str.format
        placed = re.sub(r" ?\{(flags|at)\}", " --endpoint HOLE", node.value)
        return re.sub(r"\{\w*\}", HOLE, placed)
    return "".join(
        part.value if isinstance(part, ast.Constant) else _hole(part)
        for part in node.values
    )


def _hole(part):
    return " --endpoint HOLE" if "flags" in ast.unparse(part) else HOLE


def _around(node, parents):
    while node := parents.get(id(node)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2]

"""What can be told of a scoring script without running it.

The inference server loads the script as a file, calls init() once and run(data) for
each request; it ends at a script that can't be imported or whose init() raises.
"""

import ast
import builtins
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Import names that differ from the name to install.
PACKAGES = {
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "bs4": "beautifulsoup4",
    "jwt": "pyjwt",
    "attr": "attrs",
    "google.protobuf": "protobuf",
    "azureml_inference_server_http": "azureml-inference-server-http",
    "azureml.contrib.services": "azureml-inference-server-http",
    "azureml.ai.monitoring": "azureml-ai-monitoring",
    "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob",
}

# What a package always brings along, so that it need not be listed as well.
COMES_WITH = {
    "azureml-inference-server-http": {"flask", "werkzeug", "pydantic"},
    "scikit-learn": {"numpy", "scipy", "joblib", "threadpoolctl"},
    "pandas": {"numpy", "python-dateutil"},
    "scipy": {"numpy"},
    "onnxruntime": {"numpy"},
    "xgboost": {"numpy", "scipy"},
    "lightgbm": {"numpy", "scipy"},
    "transformers": {"numpy", "pyyaml", "requests", "tokenizers"},
    "mlflow": {"numpy", "pandas", "scikit-learn", "pyyaml", "requests"},
}

AUTHORS_PATH = re.compile(r"^(/home/|/Users/|/mnt/|[A-Za-z]:[\\/])")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a script, with its place; `fatal` if it can't work so."""

    path: Path
    line: int
    text: str
    fatal: bool


@dataclass(frozen=True, kw_only=True)
class Import:
    """One imported module; `optional` inside a try."""

    module: str
    line: int
    optional: bool
    relative: bool


def findings(script: Path, code: Path, installed: set[str]) -> Iterator[Finding]:
    """All that is wrong with a script and the modules beside it that it imports.

    `installed` holds the normalised names of the conda file's packages.
    """
    seen: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or str(error)
            yield _fatal(path, line, f"is not valid Python: {reason}")
            continue
        if path == script:
            yield from _entry_points(path, tree)
            yield from _lost_globals(path, tree)
        yield from _paths(path, tree)
        for each in imports(tree):
            beside = _beside(code, path, each.module)
            if each.relative:
                text = "relative import: the script is loaded as a file, not a package"
                yield _fatal(path, each.line, text)
            elif beside:
                waiting.append(beside)
            elif lacking := missing(each.module, installed):
                yield Finding(
                    path=path, line=each.line, text=lacking, fatal=not each.optional
                )


def imports(tree: ast.Module) -> Iterator[Import]:
    """Every import of a module's code, wherever it stands."""
    tried = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and node.handlers
        for part in node.body
        for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        optional = id(node) in tried
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(
                    module=alias.name,
                    line=node.lineno,
                    optional=optional,
                    relative=False,
                )
        elif isinstance(node, ast.ImportFrom):
            yield Import(
                module=node.module or "",
                line=node.lineno,
                optional=optional,
                relative=node.level > 0,
            )


def missing(module: str, installed: set[str]) -> str | None:
    """Why a module won't be found in an environment of these packages, or None."""
    top = module.split(".")[0]
    if top in sys.stdlib_module_names:
        return None
    package = package_of(module)
    brought = set().union(*(COMES_WITH.get(name, set()) for name in installed))
    if package in installed | brought:
        return None
    return f"imports {module}, but the conda file does not install {package}"


def package_of(module: str) -> str:
    """The name to install for an import, by the longest known prefix."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        prefix = ".".join(parts[:length])
        if prefix in PACKAGES:
            return PACKAGES[prefix]
    return normal(parts[0])


def normal(package: str) -> str:
    """A package name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _entry_points(path: Path, tree: ast.Module) -> Iterator[Finding]:
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assigned = {name for node in tree.body for name in _stored(node)}
    for name, wanted in (("init", 0), ("run", 1)):
        node = functions.get(name)
        if node is None:
            if name not in assigned:
                yield _fatal(path, 1, f"has no {name}() at its top level")
            continue
        if isinstance(node, ast.AsyncFunctionDef):
            yield _fatal(path, node.lineno, f"{name}() is async: the server calls it")
        required = len(node.args.args) - len(node.args.defaults)
        takes_any = node.args.vararg is not None
        if required > wanted or (len(node.args.args) < wanted and not takes_any):
            says = "no argument" if wanted == 0 else "one argument, the request's data"
            yield _fatal(path, node.lineno, f"{name}() must take {says}")


def _lost_globals(path: Path, tree: ast.Module) -> Iterator[Finding]:
    """Names that init() sets only for itself, and that another function then reads."""
    init = _function(tree, "init")
    if init is None:
        return
    declared = {
        name
        for node in ast.walk(init)
        if isinstance(node, ast.Global)
        for name in node.names
    }
    local = {name: line for name, line in _stores(init) if name not in declared}
    known = {name for node in tree.body for name in _stored(node)} | set(dir(builtins))
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node is init:
            continue
        own = {name for name, _ in _stores(node)} | {a.arg for a in node.args.args}
        for inner in ast.walk(node):
            if not (isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)):
                continue
            name = inner.id
            if name in local and name not in own | known:
                yield _fatal(
                    path,
                    local[name],
                    f"init() sets {name} without `global {name}`, so "
                    f"{node.name}() won't find it",
                )
                del local[name]


def _paths(path: Path, tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if AUTHORS_PATH.match(node.value):
            text = f"names a path of one machine: {node.value!r}"
            yield Finding(path=path, line=node.lineno, text=text, fatal=False)


def _beside(code: Path, importer: Path, module: str) -> Path | None:
    """The file of a module that is shipped with the script, if there is one."""
    parts = module.split(".")
    for root in (importer.parent, code):
        base = root.joinpath(*parts)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file() and candidate.is_relative_to(code):
                return candidate
    return None


def _function(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    return None


def _stores(node: ast.AST) -> Iterator[tuple[str, int]]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id, inner.lineno


def _stored(node: ast.stmt) -> Iterator[str]:
    """The names that a top-level statement binds."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
        return
    for inner in ast.walk(node):
        if isinstance(inner, ast.alias):
            yield (inner.asname or inner.name).split(".")[0]
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


def _fatal(path: Path, line: int, text: str) -> Finding:
    return Finding(path=path, line=line, text=text, fatal=True)

"""What a deployment's model and environment mean at the moment of a deploy.

An inline one is what its files hold, one by @latest the version that is newest.
"""

from dataclasses import dataclass
from typing import Any

from ops import specs, uploads
from ops.clients import API_VERSION, Workspace
from ops.endpoints import Deployment
from ops.errors import NotFound
from ops.specs import EndpointSpec, SpecFile

KINDS = ("model", "environment")
CONTENT_TAGS = {"model": "aml-ops.model", "environment": "aml-ops.environment"}
INLINE = {
    "model": (("path",),),
    "environment": (("conda_file",), ("build", "path")),
}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a deployment's model or environment means at this moment.

    An inline one has a hash of its files, one by @latest the version that is newest.
    """

    kind: str  # model, environment
    value: Any  # as the file has it
    content: str = ""
    latest: str = ""  # "iris:2"

    def changed(self, live: Deployment) -> str:
        """What makes it differ from a live deployment's; "" for nothing."""
        there = live.model if self.kind == "model" else live.environment
        if self.latest and there != self.latest:
            before, now = (each.rpartition(":")[2] for each in (there, self.latest))
            return f"{self.kind} {self.value}: {before or 'none'} -> {now}"
        if self.content != live.tags.get(CONTENT_TAGS[self.kind], ""):
            return f"{self.kind} {named_inline(self.value)}: contents changed"
        return ""


def named_inline(value: Any) -> str:
    """What a person calls an inline model or environment."""
    fields = value if isinstance(value, dict) else {}
    build = fields.get("build")
    known = (fields.get("name"), fields.get("path"), fields.get("conda_file"))
    path = build.get("path") if isinstance(build, dict) else None
    named = [each for each in (*known, path) if isinstance(each, str)]
    return named[0] if named else "inline"


def of(workspace: Workspace, spec: EndpointSpec, file: SpecFile, kind: str) -> Contents:
    """What a deployment's model or environment means now; raise NotFound for a label
    of what is not registered."""
    value = file.data.get(kind)
    if not (name := specs.latest_of(value)):
        return Contents(kind=kind, value=value, content=inline(file, kind))
    version = latest(workspace, kind, name)
    if not version:
        raise NotFound(
            f"{file.shown}: {kind}: {value}: no version of {name} is registered."
        )
    return Contents(kind=kind, value=value, latest=f"{name}:{version}")


def latest(workspace: Workspace, kind: str, name: str) -> str:
    """The version that was registered last: what @latest means; "" for none.

    Azure has labels resolved by who deploys (azure.ai.ml: _get_latest).
    """
    newest = "$orderBy=createdtime%20desc&$top=1"
    path = f"{kind}s/{name}/versions?api-version={API_VERSION}&{newest}"
    rows = (workspace.find(path) or {}).get("value") or []
    return str(rows[0]["name"]) if rows else ""


def inline(file: SpecFile, kind: str) -> str:
    """A hash of what a deployment's own model or environment is made of; "" for none.

    Its fields count by the fingerprint of the file, and here the files that they name.
    """
    if not isinstance(file.data.get(kind), dict):
        return ""
    named = (file.file(kind, *keys) for keys in INLINE[kind])
    paths = [path for path in named if path is not None and path.exists()]
    return specs.fingerprint([uploads.content(path) for path in paths])

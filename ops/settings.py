"""Which cloud a stage means, and where this checkout keeps its files.

A stage is a file in specs/stages/. `cloud: localcloud` needs nothing else; `cloud:
azure` names a subscription, a resource group and a workspace.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import suggestions
from ops.errors import InvalidSpec, NotFound, OpsError

ROOT = Path(__file__).resolve().parents[1]
TRAINED = ROOT / "model/iris"  # what model/train.py writes: the example's models


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the verbs act: one workspace on Azure, or localcloud."""

    name: str
    cloud: str
    path: Path
    subscription_id: str = ""
    resource_group: str = ""
    workspace_name: str = ""
    tenant_id: str = ""  # where to sign in; "" for the tenant that az has chosen
    log_analytics_workspace_id: str = ""  # the workspace's customer id, a GUID
    log_analytics_resource_id: str = ""  # its ARM id: where diagnostics write to
    protected: bool = False  # changing verbs ask for the endpoint's name
    port: int = 0  # localcloud: 0 takes any free port
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Fields to set in deployment files here, by deployment name or "*"."""
    notify: dict[str, Any] = field(default_factory=dict)
    """Whom alerts tell, by name; ops/alerting/targets.py says what it means."""

    @property
    def local(self) -> bool:
        return self.cloud == "localcloud"


def specs_directory() -> Path:
    """The folder of endpoint folders: specs/, or what AML_OPS_SPECS names."""
    return Path(os.environ.get("AML_OPS_SPECS") or ROOT / "specs").resolve()


def alerts_directory() -> Path:
    """The folder of alert rules: alerts/, or what AML_OPS_ALERTS names."""
    return Path(os.environ.get("AML_OPS_ALERTS") or ROOT / "alerts").resolve()


def state_directory() -> Path:
    """Where the journal and localcloud live: .aml-ops/, or AML_OPS_STATE."""
    return Path(os.environ.get("AML_OPS_STATE") or ROOT / ".aml-ops").resolve()


def defaults() -> dict[str, str]:
    """What invoke.yaml alone says, stage and endpoint among it."""
    from ops.yaml_file import read_yaml

    path = ROOT / "invoke.yaml"
    return read_yaml(path) if path.exists() else {}


def trains(path: Path | None, comment: str = "") -> tuple[str, ...]:
    """`invoke train` as a remedy, where that makes a file; else none."""
    made = path is not None and path.resolve().is_relative_to(TRAINED)
    return (f"invoke train{comment}",) if made else ()


def who() -> str:
    """Who is at work, as the journal and the activity log of localcloud name them."""
    import getpass
    import socket

    return f"{getpass.getuser()}@{socket.gethostname()}"


def shown(path: Path) -> str:
    """A path as a person in this checkout would type it."""
    for start in (Path.cwd(), ROOT):
        if path.is_relative_to(start):
            return str(path.relative_to(start))
    return str(path)


def stages() -> list[str]:
    """The stages that have a file."""
    return sorted(path.stem for path in (specs_directory() / "stages").glob("*.yaml"))


def local(stage: str) -> bool:
    """Whether a stage is localcloud, as far as its file can be read."""
    try:
        return load_stage(stage).local
    except OpsError:
        return False


def load_stage(name: str) -> Stage:
    """Read specs/stages/<name>.yaml; raise NotFound or InvalidSpec."""
    from ops.yaml_file import read_yaml

    folder, known = specs_directory() / "stages", stages()
    if name not in known:
        names = ", ".join(known) or "none"
        raise NotFound(
            f"There is no stage {name!r} in {shown(folder)} (there are: {names}).",
            *suggestions.remedies(name, known),
        )
    path = folder / f"{name}.yaml"
    data = read_yaml(path)
    if problems := list(_stage_problems(path, data)):
        raise InvalidSpec(problems)
    return Stage(name=name, path=path, **data)


FIELDS: dict[str, type] = {
    "cloud": str,
    "subscription_id": str,
    "resource_group": str,
    "workspace_name": str,
    "tenant_id": str,
    "log_analytics_workspace_id": str,
    "log_analytics_resource_id": str,
    "protected": bool,
    "port": int,
    "overrides": dict,
    "notify": dict,
}


def _stage_problems(path: Path, data: dict[str, Any]) -> list[str]:
    problems = []
    where = shown(path)
    for key, value in data.items():
        if key not in FIELDS:
            allowed = ", ".join(FIELDS)
            problems.append(f"{where}: {key}: unknown key (allowed: {allowed})")
        elif type(value) is not FIELDS[key] and key != "notify":
            wanted = FIELDS[key].__name__
            problems.append(f"{where}: {key}: {value!r} is not a {wanted}")
    cloud = data.get("cloud")
    if cloud not in ("localcloud", "azure"):
        problems.append(f"{where}: cloud: {cloud!r} is neither localcloud nor azure")
    if cloud == "azure":
        problems += [
            f"{where}: {key}: must be filled in for a stage on Azure"
            for key in ("subscription_id", "resource_group", "workspace_name")
            if not data.get(key) or "<" in str(data[key])
        ]
    return problems + _notify_problems(where, data)


def _notify_problems(where: str, data: dict[str, Any]) -> list[str]:
    if "notify" not in data:
        return []
    from ops.alerting import targets

    local = data.get("cloud") == "localcloud"
    _, mistakes = targets.check(data["notify"], local=local)
    return [f"{where}: {mistake}" for mistake in mistakes]

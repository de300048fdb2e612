"""Everything that can be known of an endpoint's files before they are deployed."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import conda, creating, script, slo
from ops.alerting import resolving
from ops.autoscaling import scalefile
from ops.endpoints import MOST_INSTANCES
from ops.errors import InvalidSpec, NotFound, OpsError, bounded
from ops.fields import Mistake
from ops.hints import led
from ops.rollouts import policyfile
from ops.settings import shown, trains
from ops.specs import EndpointSpec, SpecFile, reference
from ops.yaml_file import read_yaml

# Azure: how-to-manage-quotas, and the CLI's own pattern.
NAME = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9]|-(?!-))*[a-zA-Z0-9]")
LONGEST_TIMEOUT_MS = 180_000
PROBES = ("liveness_probe", "readiness_probe", "startup_probe")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong, and where. One that isn't fatal is a warning."""

    where: str  # file, and line or field
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        return bounded(f"{self.where}: {self.text}")


def check(spec: EndpointSpec, name: str | None = None) -> list[Problem]:
    """All problems of an endpoint's files, or of those that one deployment uses.

    Fast: nothing of Azure's is imported. check_schema() adds the SDK's own opinion.
    """
    chosen = [name] if name else list(spec.deployments)
    problems = [*_endpoint(spec), *_rollout(spec), *_autoscale(spec), *_slo(spec)]
    if not spec.deployments:
        problems.append(_problem(spec.endpoint, "", "no file describes a deployment"))
    for file in (*spec.models.values(), *spec.environments.values()):
        if not file.version:
            text = "must be given: deployments name it"
            problems.append(_problem(file, "version", text))
    for each in chosen:
        problems += _deployment(spec, spec.deployment(each))
    return list(dict.fromkeys(problems))


def check_schema(spec: EndpointSpec, found: list[Problem]) -> list[Problem]:
    """What azure.ai.ml's own schema adds to what was found. Imports it: seconds."""
    problems, told = [], {problem.where for problem in found}
    files = [
        spec.endpoint,
        *spec.models.values(),
        *spec.environments.values(),
        *spec.deployments.values(),
    ]
    for file in files:
        try:
            creating.entity(file)
        except InvalidSpec as error:
            for line in error.problem.splitlines()[1:]:
                field, _, text = line.removeprefix(f"  - {file.shown}: ").partition(
                    ": "
                )
                problems.append(Problem(where=f"{file.shown}: {field}", text=text))
    return [problem for problem in problems if problem.where not in told]


def check_alerts(spec: EndpointSpec) -> list[Problem]:
    """What is wrong with the files of alerts/ that are about this endpoint.

    Nothing of it stands in the way of a deployment.
    """
    found = resolving.problems(spec.folder.name)
    return [Problem(where=where, text=text) for where, text in found]


def require_sound(problems: list[Problem]) -> None:
    """End with a failure if a problem is fatal; the problems have been shown."""
    if fatal := sum(problem.fatal for problem in problems):
        raise OpsError(f"{fatal} of {len(problems)} findings must be mended first.")


def _endpoint(spec: EndpointSpec) -> Iterator[Problem]:
    file = spec.endpoint
    yield from _name(file)
    for field, most in (("traffic", 100), ("mirror_traffic", 50)):
        weights = file.data.get(field)
        if weights is None:
            continue
        if not isinstance(weights, dict) or not all(
            type(share) is int for share in weights.values()
        ):
            text = "must map deployments to whole percentages"
            yield _problem(file, field, text)
            continue
        total = sum(weights.values())
        allowed = (0, 100) if field == "traffic" else range(most + 1)
        if total not in allowed or min(weights.values(), default=0) < 0:
            listed = " + ".join(f"{name} {share}" for name, share in weights.items())
            rule = "sum to 0 or 100" if field == "traffic" else f"be at most {most}"
            yield _problem(file, field, f"must {rule}, not {listed} = {total}")
        text = "is not applied by deploy, which leaves live weights alone"
        yield _problem(file, field, text, fatal=False)


def _rollout(spec: EndpointSpec) -> Iterator[Problem]:
    path = policyfile.path_of(spec.folder.name)
    yield from _ours(path, lambda data: policyfile.check(data)[1])


def _slo(spec: EndpointSpec) -> Iterator[Problem]:
    name = spec.folder.name
    yield from _ours(slo.path_of(name), lambda data: slo.check(data, name)[1])


def _autoscale(spec: EndpointSpec) -> Iterator[Problem]:
    def mistakes(data: dict[str, Any]) -> list[Mistake]:
        found, wrong = scalefile.check(data, spec.deployments)
        flaps = [
            Mistake(field=f"deployments.{name}.rules", text=text)
            for name, scaling in found.items()
            for text in scaling.flaps()
        ]
        return wrong + flaps

    yield from _ours(scalefile.path_of(spec.folder.name), mistakes)


def _ours(
    path: Path, mistakes: Callable[[dict[str, Any]], list[Mistake]]
) -> Iterator[Problem]:
    """What is wrong with a file that Azure has none for, where there is one."""
    if not path.is_file():
        return
    try:
        found = mistakes(read_yaml(path))
    except InvalidSpec as error:
        for problem in error.problems:
            yield Problem(where=shown(path), text=_without(shown(path), problem))
        return
    for each in found:
        yield Problem(where=f"{shown(path)}: {each.field}", text=each.text)


def _without(where: str, problem: str) -> str:
    """A problem's text without the file that it names in front."""
    return problem.removeprefix(f"{where}: ")


def _deployment(spec: EndpointSpec, file: SpecFile) -> Iterator[Problem]:
    yield from _name(file)
    if file.data.get("endpoint_name") != spec.folder.name:
        found = file.data.get("endpoint_name")
        text = f"{found!r} must be the folder's name, {spec.folder.name!r}"
        yield _problem(file, "endpoint_name", text)
    yield from _inside(spec, file, "code_configuration", "code")
    if model := spec.model_of(file):
        yield from _inside(spec, model, "path")
    yield from _limits(file)
    yield from _variables(file)
    yield from _model(spec, file)
    yield from _environment(spec, file)
    yield from _code(spec, file)


def _inside(spec: EndpointSpec, file: SpecFile, *keys: str) -> Iterator[Problem]:
    """A warning where a file has something uploaded from outside its project."""
    path = file.file(*keys)
    project = spec.folder.parent.parent
    if path and not path.is_relative_to(project):
        text = f"uploads {path}, which lies outside the checkout"
        yield _problem(file, ".".join(keys), text, fatal=False)


def _name(file: SpecFile) -> Iterator[Problem]:
    if not (3 <= len(file.name) <= 32 and NAME.fullmatch(file.name)):
        yield _problem(
            file,
            "name",
            f"{file.name!r} must be 3 to 32 letters, digits or single hyphens, begin "
            "with a letter and not end with a hyphen",
        )


def _limits(file: SpecFile) -> Iterator[Problem]:
    count = file.data.get("instance_count")
    if count is not None and not _whole(count, 1, MOST_INSTANCES):
        text = f"{count!r} must be a whole number from 1 to {MOST_INSTANCES}"
        yield _problem(file, "instance_count", text)
    settings = file.data.get("request_settings") or {}
    timeout = settings.get("request_timeout_ms") if isinstance(settings, dict) else None
    if timeout is not None and not _whole(timeout, 1, LONGEST_TIMEOUT_MS):
        text = f"{timeout!r} must be from 1 to {LONGEST_TIMEOUT_MS} (Azure's limit)"
        yield _problem(file, "request_settings.request_timeout_ms", text)
    for probe in PROBES:
        fields = file.data.get(probe) or {}
        for field, value in fields.items() if isinstance(fields, dict) else ():
            if type(value) is int and value < (0 if field == "initial_delay" else 1):
                yield _problem(file, f"{probe}.{field}", f"{value} is too small")


def _variables(file: SpecFile) -> Iterator[Problem]:
    """Names that no process can have in its environment (POSIX: environment)."""
    variables = file.data.get("environment_variables")
    for name in variables if isinstance(variables, dict) else ():
        if not str(name) or any(each in str(name) for each in "=\0"):
            text = f"{name!r} is no name of a variable (not empty, no = in it)"
            yield _problem(file, "environment_variables", text)


def _model(spec: EndpointSpec, file: SpecFile) -> Iterator[Problem]:
    value = file.data.get("model")
    if value is None:
        text = "names no model; a script that needs none is served all the same"
        yield _problem(file, "model", text, fatal=False)
        return
    model = spec.model_of(file)
    if model is None:
        yield from _unfiled(file, "model", value, "model.yaml")
        return
    path = model.file("path")
    if path and not path.exists():
        hint = f" ({led('invoke train')} makes it)" if trains(path) else ""
        text = f"{model.data['path']} does not exist{hint}"
        yield _problem(model, "path", text)


def _environment(spec: EndpointSpec, file: SpecFile) -> Iterator[Problem]:
    value = file.data.get("environment")
    if value is None:
        text = "is missing: a model can't be served without an environment"
        yield _problem(file, "environment", text)
        return
    environment = spec.environment_of(file)
    if environment is None:
        yield from _unfiled(file, "environment", value, "environment.yaml")
        return
    if not environment.data.get("image") and not environment.data.get("build"):
        yield _problem(environment, "image", "is missing: Azure builds on an image")
    wanted, where = _conda(environment)
    if isinstance(wanted, Problem):
        yield wanted
        return
    for text in wanted.problems:
        yield Problem(where=where, text=text)
    for text in conda.mismatches(wanted, _needed(spec.model_of(file))):
        yield Problem(where=where, text=text)


def _code(spec: EndpointSpec, file: SpecFile) -> Iterator[Problem]:
    folder = file.file("code_configuration", "code")
    configuration = file.data.get("code_configuration")
    name = configuration.get("scoring_script") if isinstance(configuration, dict) else 0
    if folder is None or not isinstance(name, str) or configuration is None:
        text = "needs code (a folder) and scoring_script (a file in it)"
        if spec.model_of(file) is None or not _mlflow(spec, file):
            yield _problem(file, "code_configuration", text)
        return
    path = (folder / name).resolve()
    if not folder.is_dir():
        text = f"{configuration['code']} is not a folder"
        yield _problem(file, "code_configuration.code", text)
    elif not path.is_relative_to(folder) or not path.is_file():
        text = f"{name} is not a file in {shown(folder)}"
        yield _problem(file, "code_configuration.scoring_script", text)
    else:
        yield from _script(spec, file, path, folder)


def _script(
    spec: EndpointSpec, file: SpecFile, path: Path, folder: Path
) -> Iterator[Problem]:
    environment = spec.environment_of(file)
    wanted = _conda(environment)[0] if environment else None
    installed = wanted.packages if isinstance(wanted, conda.Conda) else None
    for finding in script.findings(path, folder, installed or set()):
        if installed is None and "conda file" in finding.text:
            continue  # the environment is kept elsewhere: nothing to compare with
        where = f"{shown(finding.path)}:{finding.line}"
        yield Problem(where=where, text=finding.text, fatal=finding.fatal)
    text = path.read_text(encoding="utf-8", errors="replace")
    if file.data.get("model") and "AZUREML_MODEL_DIR" not in text:
        text = "does not mention AZUREML_MODEL_DIR, where the model is found"
        yield Problem(where=shown(path), text=text, fatal=False)


def _conda(environment: SpecFile) -> tuple[conda.Conda | Problem, str]:
    """What the conda file asks for, and its name for messages."""
    path = environment.file("conda_file")
    where = shown(path) if path else f"{environment.shown}: conda_file"
    try:
        data = conda.load(environment)
    except NotFound as error:
        text = error.problem.removeprefix(f"{environment.shown}: ")
        return Problem(where=environment.shown, text=text), where
    except InvalidSpec as error:
        return Problem(where=where, text=_without(where, error.problems[0])), where
    if data is None:
        text = "has no conda_file, so nothing says what the script runs on"
        return Problem(where=environment.shown, text=text, fatal=False), where
    return conda.read(data), where


def _needed(model: SpecFile | None) -> dict[str, str]:
    """The library versions recorded beside a model, for scoring."""
    path = model.file("path") if model else None
    if path is None or not (path / "versions.json").is_file():
        return {}
    file = path / "versions.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")).get("scoring", {}))
    except (ValueError, AttributeError, TypeError):
        text = f"{shown(file)}: does not hold the versions that training writes"
        raise InvalidSpec([text], *trains(file)) from None


def _unfiled(file: SpecFile, field: str, value: Any, example: str) -> Iterator[Problem]:
    if isinstance(value, str) and reference(value) == ("", ""):
        if not value.startswith("azureml:"):
            text = f"{value!r} must read azureml:NAME:VERSION"
            yield _problem(file, field, text)
    elif isinstance(value, str):
        text = f"{value} has no file here, like {example}: it must be registered"
        yield _problem(file, field, text, fatal=False)


def _mlflow(spec: EndpointSpec, file: SpecFile) -> bool:
    model = spec.model_of(file)
    return bool(model and model.data.get("type") == "mlflow_model")


def _whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _problem(file: SpecFile, field: str, text: str, *, fatal: bool = True) -> Problem:
    where = f"{file.shown}: {field}" if field else file.shown
    return Problem(where=where, text=text, fatal=fatal)

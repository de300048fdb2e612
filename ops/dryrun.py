"""A deployment's script, tried in its own environment before anything is deployed.

localcloud does it, as it would for a deployment: the environment is built, the real
inference server starts the script, and the model's sample request is sent.
"""

import json
from collections.abc import Iterator
from typing import Any

from ops import cloud, payloads
from ops.errors import NotFound
from ops.settings import shown
from ops.specs import EndpointSpec, SpecFile
from ops.validate import Problem

# Azure: the defaults of a managed deployment's probes.
PROBE = {"initial_delay": 10, "period": 10, "failure_threshold": 30}
SPARE_RATIO = 0.8  # of what a probe allows: another machine may be slower
MEANINGS = {
    "environment": "can't be built",
    "start": "does not start",
    "request": "does not answer the sample request",
}


def check(spec: EndpointSpec) -> list[Problem]:
    """Try each deployment; what goes wrong is a problem with the server's own words."""
    found = [
        problem
        for file in spec.deployments.values()
        for problem in _deployment(spec, file)
    ]
    return list(dict.fromkeys(found))  # what they share is told once


def _deployment(spec: EndpointSpec, file: SpecFile) -> Iterator[Problem]:
    play = _play(spec, file)
    if play is None:
        text = "can't be tried: its environment or its code is kept elsewhere"
        yield Problem(where=file.shown, text=text, fatal=False)
        return
    if play["payload"] is None:
        text = "no sample_request.json beside its model: run() is not tried"
        yield Problem(where=file.shown, text=text, fatal=False)
    outcome = json.loads(cloud.run("rehearse", text=json.dumps(play)))
    if outcome["stage"] != "done":
        status = f" ({outcome['status']})" if outcome["status"] else ""
        said = outcome["problem"].replace("\n", "\n      ")
        meaning = MEANINGS[outcome["stage"]]
        yield Problem(
            where=_where(spec, file, outcome), text=f"{meaning}{status}: {said}"
        )
        return
    yield from _slow(file, outcome)


def _slow(file: SpecFile, outcome: dict[str, Any]) -> Iterator[Problem]:
    """A warning where a probe would end a start that takes as long as this one did."""
    seconds, memory = outcome["start_seconds"], outcome["memory_mb"]
    for name in ("liveness_probe", "readiness_probe"):
        probe = file.data.get(name)
        fields = PROBE | (probe if isinstance(probe, dict) else {})
        allowed = (
            fields["initial_delay"] + fields["period"] * fields["failure_threshold"]
        )
        if seconds > SPARE_RATIO * allowed:
            text = (
                f"allows {allowed:g} s until the first answer; the start took "
                f"{seconds:.1f} s here, {memory:,.0f} MB of memory: raise initial_delay"
            )
            yield Problem(where=f"{file.shown}: {name}", text=text, fatal=False)


def _play(spec: EndpointSpec, file: SpecFile) -> dict[str, Any] | None:
    """What localcloud needs to know, or None where the files don't say it all."""
    environment, model = spec.environment_of(file), spec.model_of(file)
    conda = environment.file("conda_file") if environment else None
    code = file.file("code_configuration", "code")
    if conda is None or code is None:
        return None
    path = model.file("path") if model else None
    variables = file.data.get("environment_variables") or {}
    try:
        payload = payloads.sample(spec, file.name).read_text(encoding="utf-8")
    except NotFound:
        payload = None
    return {
        "conda": conda.read_text(encoding="utf-8"),
        "code": str(code),
        "script": str(code / file.data["code_configuration"]["scoring_script"]),
        "model": str(path) if path else None,
        "variables": {name: str(value) for name, value in variables.items()},
        "payload": payload,
    }


def _where(spec: EndpointSpec, file: SpecFile, outcome: dict[str, Any]) -> str:
    """The file that is to be mended."""
    environment = spec.environment_of(file)
    conda = environment.file("conda_file") if environment else None
    if outcome["stage"] == "environment" and conda:
        return shown(conda)
    code = file.file("code_configuration", "code")
    script = file.data["code_configuration"]["scoring_script"]
    return f"{file.name}: {shown(code / script)}" if code else file.shown

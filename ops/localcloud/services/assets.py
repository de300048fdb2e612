"""Models, environments and codes: named containers of versions that do not change."""

import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ops.localcloud import sas
from ops.localcloud.blobstore import locate
from ops.localcloud.materials import containers
from ops.localcloud.records import Resource
from ops.localcloud.wire import (
    PROVIDER,
    Answer,
    AzureError,
    Call,
    document,
    invalid,
    new_guid,
    page,
)

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}")
VIEWS = {"activeonly": (False,), "archivedonly": (True,), "all": (False, True)}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What tells one kind of asset from another."""

    word: str  # "Model", as error messages and codes have it
    defaults: dict[str, Any]
    content: tuple[str, ...]  # what makes a version: needed, and never changed


KINDS = {
    "models": Kind(
        word="Model",
        defaults={"modelType": "custom_model", "flavors": {}, "stage": None},
        content=("modelUri",),
    ),
    "environments": Kind(
        word="Environment",
        defaults={"environmentType": "UserCreated", "osType": "Linux"},
        content=("image", "build", "condaFile"),
    ),
    "codes": Kind(word="Code", defaults={}, content=("codeUri",)),
}


def get_container(call: Call) -> Answer:
    return Answer(body=_container(call, _find(call, _container_id(call))))


def list_containers(call: Call) -> Answer:
    found = call.state.children(call.cloud.workspace, _kind(call))
    shown = [_container(call, each) for each in found if _in_view(call, each)]
    return page(call, shown, newest_first=True)


def put_container(call: Call) -> Answer:
    """Create a container, or change its tags and whether it is archived."""
    _check_names(call)
    known = call.state.resource(call.id) is not None
    properties = _sent_properties(call)
    for computed in ("latestVersion", "nextVersion"):
        properties.pop(computed, None)
    resource = _keep_container(call, properties)
    body = _container(call, resource)
    return Answer(status=200 if known else 201, body=body)


def delete(call: Call) -> Answer:
    """Delete a version, or a container and all its versions."""
    return Answer(status=200 if call.state.delete(call.id) else 204)


def get_version(call: Call) -> Answer:
    return Answer(body=document(_find(call, call.id)))


def list_versions(call: Call) -> Answer:
    """The versions of a container, newest first; codes also by their hash.

    A hash is looked for in the whole workspace: the SDK asks under a name that it has
    just made up, to find out whether it must upload at all.
    """
    if "hash" in call.query:
        return page(call, [document(code) for code in _codes_by_hash(call)])
    container = call.state.resource(_container_id(call))
    if container is None:
        return page(call, [])
    found = call.state.children(container.id, "versions")
    shown = [document(each) for each in found if _in_view(call, each)]
    return page(call, shown, newest_first=True)


def put_version(call: Call) -> Answer:
    """Register a version. Its content is fixed from then on; its tags are not."""
    _check_names(call)
    kind = KINDS[_kind(call)]
    before = call.state.resource(call.id)
    properties = {**kind.defaults, "isArchived": False, **_sent_properties(call)}
    if before:
        _refuse_change(call, kind, before, properties)
    else:
        _require_content(kind, properties)
    with call.state.transaction():
        if call.state.resource(_container_id(call)) is None:
            _keep_container(call, {})
        resource = call.state.put(
            {
                "id": before.body["id"] if before else call.id,
                "name": before.name if before else call.names["version"],
                "type": f"{PROVIDER}/workspaces/{_kind(call)}/versions",
                "properties": {**properties, "provisioningState": "Succeeded"},
            },
            by=call.caller,
        )
    headers = {} if before else {"Location": call.cloud.url + call.id}
    return Answer(
        status=200 if before else 201, body=document(resource), headers=headers
    )


def start_pending_upload(call: Call) -> Answer:
    """A fresh container to upload to, with a signature that is good for an hour."""
    _check_names(call)
    container = f"{call.cloud.workspace_id[:8]}-{secrets.token_hex(10)}"
    now, lasts = call.now, timedelta(hours=1)
    signature = sas.issue(call.cloud.sas_key, container, now=now, lasts=lasts)
    uri = f"{call.cloud.url}/devstore.blob.azlocal/{container}"
    storage = f"{call.cloud.group}/providers/Microsoft.Storage/storageAccounts/devstore"
    return Answer(
        body={
            "pendingUploadId": new_guid(),
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": uri,
                "storageAccountArmId": storage,
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": f"{uri}?{signature}",
                },
            },
        }
    )


def _kind(call: Call) -> str:
    """The kind in the call's path: what follows the workspace's id."""
    return call.id.removeprefix(call.cloud.workspace).split("/")[1]


def _container_id(call: Call) -> str:
    return f"{call.cloud.workspace}/{_kind(call)}/{call.names['name']}"


def _keep_container(call: Call, properties: dict[str, Any]) -> Resource:
    return call.state.put(
        {
            "id": _container_id(call),
            "name": call.names["name"],
            "type": f"{PROVIDER}/workspaces/{_kind(call)}",
            "properties": {
                "isArchived": False,
                "tags": {},
                "properties": {},
                **properties,
                "provisioningState": "Succeeded",
            },
        },
        by=call.caller,
    )


def _container(call: Call, resource: Resource) -> dict[str, Any]:
    """A container as a GET shows it, with the newest version and the next number."""
    versions = [each.name for each in call.state.children(resource.id, "versions")]
    numbers = [int(name) for name in versions if name.isdecimal()]
    return document(
        resource,
        latestVersion=versions[-1] if versions else None,
        nextVersion=str(max(numbers, default=0) + 1),
    )


def _find(call: Call, id_: str) -> Resource:
    if resource := call.state.resource(id_):
        return resource
    word = KINDS[_kind(call)].word
    if "version" in call.names:
        what = f"{word} with name: {call.names['name']}, version: "
        what += call.names["version"]
    else:
        what = f"{word} container with name: {call.names['name']}"
    raise AzureError(
        404,
        "UserError",
        f"The specified resource was not found. {what} not found.",
        [(f"{word}NotFound", f"{what} not found.")],
    )


def _in_view(call: Call, resource: Resource) -> bool:
    view = call.query.get("listViewType", "ActiveOnly")
    if view.lower() not in VIEWS:
        raise AzureError(400, "BadRequest", f"There is no listViewType '{view}'.")
    return bool(resource.properties["isArchived"]) in VIEWS[view.lower()]


def _codes_by_hash(call: Call) -> list[Resource]:
    start = f"{call.cloud.workspace}/codes/".lower()
    wanted = call.query["hash"], call.query.get("hashVersion")
    found = []
    for code in call.state.of_type("versions"):
        if code.id.startswith(start):
            facts = code.properties.get("properties") or {}
            known = facts.get("hash_sha256"), facts.get("hash_version")
            if known == wanted and _is_there(call, code):
                found.append(code)
    return found


def _is_there(call: Call, code: Resource) -> bool:
    """Whether what was uploaded is still there: if not, it is uploaded again."""
    places = containers(call.state, call.cloud.workspace)
    try:
        container, prefix = locate(str(code.properties.get("codeUri")), places)
    except ValueError:
        return False
    return bool(call.state.blobs(container, prefix))


def _check_names(call: Call) -> None:
    names = [call.names[key] for key in ("name", "version") if key in call.names]
    invalid(
        [
            f"'{name}' is no name of an asset or version: up to 255 letters, digits, "
            "'-', '_' and '.', beginning with a letter or digit."
            for name in names
            if not NAME.fullmatch(name)
        ]
    )


def _sent_properties(call: Call) -> dict[str, Any]:
    sent = call.body.get("properties")
    if not isinstance(sent, dict):
        raise AzureError(400, "BadRequest", "properties must be an object.")
    facts = sent.get("properties")
    if isinstance(facts, dict):  # Azure keeps texts alone: a code's hash_version too
        texts = {name: _text(value) for name, value in facts.items()}
        sent = {**sent, "properties": texts}
    return {**sent, "isArchived": sent.get("isArchived") is True}


def _text(value: Any) -> Any:
    """A number or truth value as the text that Azure keeps of it."""
    return str(value) if isinstance(value, bool | int | float) else value


def _require_content(kind: Kind, properties: dict[str, Any]) -> None:
    content = {name: properties.get(name) for name in kind.content}
    problems = []
    if kind.word == "Environment":
        if not content["image"] and not content["build"]:
            problems.append("An environment needs an image or a build context.")
        if not isinstance(content["condaFile"], str | None):
            problems.append("condaFile must be the text of a conda file.")
    elif not all(isinstance(value, str) and value for value in content.values()):
        problems.append(f"{kind.content[0]} is required.")
    invalid(problems)


def _refuse_change(
    call: Call, kind: Kind, before: Resource, properties: dict[str, Any]
) -> None:
    """Only a version's description, tags and properties can be updated, as on Azure."""
    old, new = before.properties, properties
    changed = [name for name in kind.content if old.get(name) != new.get(name)]
    if not changed:
        return
    if kind.word != "Environment":
        raise AzureError(400, "UserError", "Asset paths cannot be updated.")
    what = f"{call.names['name']}:{call.names['version']}"
    raise AzureError(
        400,
        "UserError",
        f"Environment {what} exists and its {', '.join(changed)} can't be changed: "
        "register a new version.",
    )

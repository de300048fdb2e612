"""Microsoft.MachineLearningServices: the workspace, its datastores, operations."""

from datetime import timedelta
from typing import Any

from ops.localcloud import sas
from ops.localcloud.records import Operation, Resource, normal_id
from ops.localcloud.wire import (
    PROVIDER,
    Answer,
    AzureError,
    Call,
    Cloud,
    document,
    existing,
    operation_path,
    page,
    retry_after,
)

DATASTORE = "workspaceblobstore"
NEVER = "0001-01-01T00:00:00+00:00"  # what the service says while an end is open


def furnish(cloud: Cloud) -> None:
    """Write the workspace and its datastore, which nobody creates, into the state."""
    if cloud.state.resource(cloud.workspace):
        return
    storage = f"{cloud.group}/providers/Microsoft.Storage/storageAccounts/devstore"
    cloud.state.put(
        {
            "id": cloud.workspace,
            "name": cloud.workspace_name,
            "type": f"{PROVIDER}/workspaces",
            "location": cloud.location,
            "tags": {},
            "kind": "Default",
            "sku": {"name": "Basic", "tier": "Basic"},
            "identity": {"type": "SystemAssigned", "principalId": cloud.workspace_id},
            "properties": {
                "friendlyName": cloud.workspace_name,
                "provisioningState": "Succeeded",
                "workspaceId": cloud.workspace_id,
                "storageAccount": storage,
            },
        }
    )
    cloud.state.put(
        {
            "id": f"{cloud.workspace}/datastores/{DATASTORE}",
            "name": DATASTORE,
            "type": f"{PROVIDER}/workspaces/datastores",
            "properties": {
                "datastoreType": "AzureBlob",
                "containerName": f"azureml-blobstore-{cloud.workspace_id}",
                "protocol": "https",
                "isDefault": True,
                "credentials": {"credentialsType": "Sas"},
                "serviceDataAccessAuthIdentity": "None",
                "tags": {},
                "properties": {},
                "description": None,
            },
        }
    )


def get_workspace(call: Call) -> Answer:
    return Answer(body=_workspace(call))


def list_workspaces(call: Call) -> Answer:
    return page(call, [_workspace(call)])


def _workspace(call: Call) -> dict[str, Any]:
    resource = call.state.resource(call.cloud.workspace)
    assert resource is not None
    host = call.cloud.url.removeprefix("https://")
    return document(
        resource,
        discoveryUrl=f"{call.cloud.url}/discovery",
        mlFlowTrackingUri=f"azureml://{host}/mlflow/v1.0{call.cloud.workspace}",
    )


def get_datastore(call: Call) -> Answer:
    return Answer(body=_datastore(call, existing(call, "datastores")))


def list_datastores(call: Call) -> Answer:
    """All datastores, or with `isDefault=true` the default one."""
    wanted = call.query.get("isDefault", "").lower()
    found = [
        resource
        for resource in call.state.children(call.cloud.workspace, "datastores")
        if not wanted or str(resource.properties["isDefault"]).lower() == wanted
    ]
    return page(call, [_datastore(call, resource) for resource in found])


def list_secrets(call: Call) -> Answer:
    """A signature for the datastore's container, for `expireAfterHours`, else one."""
    container = existing(call, "datastores").properties["containerName"]
    hours = call.body.get("expireAfterHours") or 1
    if not isinstance(hours, int) or not 0 < hours <= 24:
        raise AzureError(400, "BadRequest", "expireAfterHours must be 1 to 24.")
    now, lasts = call.now, timedelta(hours=hours)
    token = sas.issue(call.cloud.sas_key, container, now=now, lasts=lasts)
    return Answer(body={"secretsType": "Sas", "sasToken": token})


def _datastore(call: Call, resource: Resource) -> dict[str, Any]:
    # The SDK makes https://{accountName}.blob.{endpoint} of these two. With a path in
    # the account's name that is this very server, and no name needs resolving.
    host = call.cloud.url.removeprefix("https://")
    return document(resource, accountName=f"{host}/devstore", endpoint="azlocal")


def operation_status(call: Call) -> Answer:
    """What Azure-AsyncOperation points to; status `Updating` until it has ended."""
    operation = _operation(call)
    running = operation.status == "InProgress"
    body: dict[str, Any] = {
        "id": operation_path(call.cloud, operation, "mfeOperationsStatus"),
        "name": call.names["operation"],
        "status": "Updating" if running else operation.status,
        "startTime": operation.started.isoformat(),
        "endTime": operation.ended.isoformat() if operation.ended else NEVER,
        "percentComplete": 0.0 if running else 100.0,
    }
    if error := _error(operation):
        body["error"] = error
    return Answer(
        body=body, headers=retry_after(operation, call.now) if running else {}
    )


def operation_result(call: Call) -> Answer:
    """What Location points to: 202 while it runs, then 204, or the error it met."""
    operation = _operation(call)
    if operation.status == "InProgress":
        return Answer(status=202, headers=retry_after(operation, call.now))
    if error := _error(operation):
        details = [(part["code"], part["message"]) for part in error["details"]]
        raise AzureError(400, error["code"], error["message"], details)
    return Answer(status=204)


def _operation(call: Call) -> Operation:
    operation = call.state.operation(call.names["operation"].rsplit(":", 1)[-1])
    if operation is None:
        message = f"The operation '{call.names['operation']}' was not found."
        raise AzureError(404, "ResourceNotFound", message)
    return operation


def _error(operation: Operation) -> dict[str, Any] | None:
    if operation.status == "Canceled":
        name = normal_id(operation.resource).rsplit("/", 1)[1]
        return {
            "code": "OperationCanceled",
            "message": f"A later operation on '{name}' has taken this one's place.",
            "details": [],
        }
    if operation.error is None:
        return None
    return {"details": [], **operation.error}

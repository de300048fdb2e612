"""What the changes of endpoints and of deployments have in common."""

from typing import Any

from ops.localcloud.records import Operation, Resource
from ops.localcloud.wire import Answer, AzureError, Call, begun, deleting


def begin(call: Call, body: dict[str, Any], kind: str) -> tuple[Resource, Operation]:
    """Write a resource and open the operation that makes it true."""
    with call.state.transaction():
        resource = call.state.put(body, by=call.caller)
        operation = call.state.begin(kind, resource)
    call.cloud.ring()
    return resource, operation


def delete(call: Call, resource: Resource, kind: str) -> Answer:
    """Have a resource go; one that goes already keeps its operation."""
    with call.state.transaction():
        operation = call.state.open_operation(resource.id)
        if operation is None or not deleting(resource):
            call.state.observe(resource.id, provisioningState="Deleting")
            operation = call.state.begin(kind, resource)
    call.cloud.ring()
    return begun(call, operation, status=202)


def patches_only(call: Call, *keys: str) -> None:
    """Refuse a PATCH of anything but these."""
    if unknown := sorted(set(call.body) - set(keys)):
        problem = f"PATCH takes {' and '.join(keys)} only, not {', '.join(unknown)}."
        raise AzureError(400, "BadRequest", problem)

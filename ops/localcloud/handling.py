"""From a call to its answer: what is kept of a change, and what faults make of it."""

import logging
import sqlite3
from collections.abc import Callable, Sequence

from ops.localcloud.faults import READS, Fault
from ops.localcloud.services import activitylogs
from ops.localcloud.wire import Answer, AzureError, Call

log = logging.getLogger(__name__)

Handler = Callable[[Call], Answer]


def answered(
    call: Call,
    handler: Handler,
    struck: Sequence[Fault],
    reader: Callable[[], Handler | None],
) -> Answer:
    """What the handler answers; `reader` finds who answers a GET of the same."""
    faults = call.cloud.faults
    if call.method in READS:
        return faults.stale(call.id) or handler(call)
    if not faults.quiet and (read := reader()):
        faults.before_write(call.id, lambda: _seen(call, read))
    if not activitylogs.is_change(call):
        return handler(call)
    began = call.now
    try:
        # No change is made without its events, nor are there events without it.
        with call.state.transaction():
            failing = next((fault for fault in struck if fault.do == "fail"), None)
            answer = _failed(call, handler, failing) if failing else handler(call)
            activitylogs.record(call, began, answer)
            return answer
    except AzureError as refusal:
        activitylogs.record(call, began, refusal)
        raise
    except sqlite3.OperationalError:
        # Who reads a key where the disk is full is not refused for want of an event.
        if not activitylogs.only_tells(call):
            raise
        log.warning("no event of POST %s could be kept", call.id)
        return handler(call)


def _seen(call: Call, read: Handler) -> Answer | None:
    """What a GET shows before the write; None where there is nothing yet."""
    try:
        return read(call)
    except AzureError:
        return None


def _failed(call: Call, handler: Handler, fault: Fault) -> Answer:
    """A write that is accepted, and of which the operation then fails.

    What there was stays, in the state Failed; what there was not stays behind as such.
    """
    before = call.state.resource(call.id)
    answer = handler(call)
    operation = call.state.open_operation(call.id)
    code = fault.code or "InternalServerError"
    message = f"Fault {fault.number} of a drill has failed this operation."
    if operation is None:  # nothing is accepted that could fail later
        raise AzureError(500, code, message)
    call.state.finish(operation.id, {"code": code, "message": message, "details": []})
    if before:
        properties = {**before.properties, "provisioningState": "Failed"}
        call.state.put({**before.body, "properties": properties}, by=call.caller)
    else:
        call.state.observe(call.id, provisioningState="Failed")
    return answer

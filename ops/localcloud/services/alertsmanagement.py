"""Microsoft.AlertsManagement: alerts that have fired, listed, shown, acknowledged.

Azure: Alerts_GetAll, Alerts_GetById, Alerts_ChangeState (2019-05-05-preview).
"""

from datetime import datetime

from ops.localcloud import alerts
from ops.localcloud.alerts import PROVIDER as PROVIDER
from ops.localcloud.alerts import STATES, essentials
from ops.localcloud.intervals import timespan
from ops.localcloud.records import Resource
from ops.localcloud.wire import Answer, AzureError, Call

RANGES = {"1h": "PT1H", "1d": "P1D", "7d": "P7D", "30d": "P30D"}
FILTERS = (
    *("targetResource", "targetResourceName", "targetResourceGroup"),
    *("targetResourceType", "monitorService", "monitorCondition", "severity"),
    *("alertState", "alertRule"),
)
UNUSED = {"includeContext", "includeEgressConfig", "pageCount", "select"}
ORDERS = (*FILTERS, "startDateTime", "lastModifiedDateTime")


def list_all(call: Call) -> Answer:
    """The alerts of a time, of the last day if none is named, newest change first."""
    known = {*FILTERS, *UNUSED, "timeRange", "customTimeRange", "sortBy", "sortOrder"}
    if unknown := sorted(set(call.query) - known - {"api-version"}):
        message = f"localcloud can't list alerts by {', '.join(unknown)}."
        raise AzureError(501, "NotImplemented", message)
    start, end = _range(call)
    found = [
        alert
        for alert in alerts.kept(call.state)
        if start <= alerts.started(alert) <= end
        and all(
            _has(alert, name, call.query[name])
            for name in FILTERS
            if name in call.query
        )
    ]
    order = call.query.get("sortBy", "lastModifiedDateTime")
    if order not in ORDERS:
        raise AzureError(400, "BadRequest", f"Alerts can't be sorted by '{order}'.")
    found.sort(
        key=lambda alert: str(essentials(alert)[order]),
        reverse=call.query.get("sortOrder", "desc") != "asc",
    )
    return Answer(body={"value": [alert.body for alert in found]})


def get(call: Call) -> Answer:
    return Answer(body=_existing(call).body)


def change_state(call: Call) -> Answer:
    """What a person says of an alert; whether it is fired is not theirs to say."""
    wanted = call.query.get("newState", "")
    if wanted not in STATES:
        message = f"newState must be one of {', '.join(STATES)}, not '{wanted}'."
        raise AzureError(400, "BadRequest", message)
    alert = alerts.change_state(
        call.state, _existing(call), wanted, call.now, call.caller, ""
    )
    return Answer(body=alert.body)


def _existing(call: Call) -> Resource:
    alert = alerts.named(call.state, call.names["alert"])
    if alert is None:
        message = f"The alert '{call.names['alert']}' was not found."
        raise AzureError(404, "AlertNotFound", message)
    return alert


def _has(alert: Resource, name: str, wanted: str) -> bool:
    if name == "alertRule":
        return alerts.of_rule(alert, wanted)
    return str(essentials(alert)[name]).lower() == wanted.lower()


def _range(call: Call) -> tuple[datetime, datetime]:
    asked = call.query.get("timeRange", "1d")
    if asked not in RANGES:
        message = f"timeRange must be one of {', '.join(RANGES)}, not '{asked}'."
        raise AzureError(400, "BadRequest", message)
    try:
        span = timespan(call.query.get("customTimeRange") or RANGES[asked], call.now)
    except ValueError as problem:
        raise AzureError(400, "BadRequest", str(problem)) from None
    start, end = span or (None, None)
    if start is None or end is None:
        raise AzureError(400, "BadRequest", "customTimeRange must be start/end.")
    return start, end

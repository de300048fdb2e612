"""All of Azure that is spoken, and the drill channel: each route and who answers it."""

from functools import partial

from ops.localcloud.dispatch import DRILLS, Route
from ops.localcloud.services import (
    actiongroups,
    activitylogs,
    alertsmanagement,
    assets,
    autoscale,
    deployments,
    diagnostics,
    drills,
    endpoints,
    insights,
    keys,
    machinelearning,
    metricalerts,
    operationalinsights,
    processingrules,
    queryrules,
    tracked,
    workbooks,
)
from ops.localcloud.wire import PROVIDER

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}"
WORKSPACES = f"providers/{PROVIDER}/workspaces"
WORKSPACE = f"{GROUP}/{WORKSPACES}/{{workspace}}"
OPERATION = f"{SUBSCRIPTION}/providers/{PROVIDER}/locations/{{location}}"
DATASTORE = f"{WORKSPACE}/datastores/{{datastore}}"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/{{endpoint}}"
DEPLOYMENT = f"{ENDPOINT}/deployments/{{deployment}}"
INSIGHTS = "providers/Microsoft.Insights"
AUTOSCALE = f"{INSIGHTS}/autoscaleSettings"
EVENTS = f"{SUBSCRIPTION}/{INSIGHTS}/eventtypes/management/values"
WORKBOOKS = f"{INSIGHTS}/workbooks"
ALERTS = f"{SUBSCRIPTION}/providers/{alertsmanagement.PROVIDER}/alerts"
SETTINGS = f"{ENDPOINT}/{INSIGHTS}/diagnosticSettings"
LOG_WORKSPACES = f"{GROUP}/providers/{operationalinsights.TYPE}"
LOG_WORKSPACE = f"{LOG_WORKSPACES}/{{logs}}"

METRIC_RULE = f"{GROUP}/providers/{metricalerts.KIND.type}/{{name}}"
ACTION_GROUP = f"{GROUP}/providers/{actiongroups.KIND.type}/{{name}}"

ROUTES = [
    Route("GET", f"{SUBSCRIPTION}/{WORKSPACES}", machinelearning.list_workspaces),
    Route("GET", f"{GROUP}/{WORKSPACES}", machinelearning.list_workspaces),
    Route("GET", WORKSPACE, machinelearning.get_workspace),
    Route("GET", f"{WORKSPACE}/datastores", machinelearning.list_datastores),
    Route("GET", DATASTORE, machinelearning.get_datastore),
    Route("POST", f"{DATASTORE}/listSecrets", machinelearning.list_secrets),
    Route(
        "GET",
        f"{OPERATION}/mfeOperationsStatus/{{operation}}",
        machinelearning.operation_status,
    ),
    Route(
        "GET",
        f"{OPERATION}/mfeOperationResults/{{operation}}",
        machinelearning.operation_result,
    ),
    Route("GET", f"{WORKSPACE}/onlineEndpoints", endpoints.list_all),
    Route("GET", ENDPOINT, endpoints.get),
    Route("PUT", ENDPOINT, endpoints.put),
    Route("PATCH", ENDPOINT, endpoints.patch),
    Route("DELETE", ENDPOINT, endpoints.delete),
    Route("POST", f"{ENDPOINT}/listKeys", keys.list_keys),
    Route("POST", f"{ENDPOINT}/regenerateKeys", keys.regenerate_keys),
    Route("POST", f"{ENDPOINT}/token", keys.token),
    Route("GET", f"{ENDPOINT}/deployments", deployments.list_all),
    Route("GET", DEPLOYMENT, deployments.get),
    Route("PUT", DEPLOYMENT, deployments.put),
    Route("PATCH", DEPLOYMENT, deployments.patch),
    Route("DELETE", DEPLOYMENT, deployments.delete),
    Route("POST", f"{DEPLOYMENT}/getLogs", deployments.get_logs),
    Route("GET", f"{DEPLOYMENT}/skus", deployments.list_skus),
    Route("GET", SETTINGS, diagnostics.list_all),
    Route("GET", f"{SETTINGS}/{{setting}}", diagnostics.get),
    Route("PUT", f"{SETTINGS}/{{setting}}", diagnostics.put),
    Route("DELETE", f"{SETTINGS}/{{setting}}", diagnostics.delete),
    Route("GET", f"{SETTINGS}Categories", diagnostics.list_categories),
    Route("GET", f"{SETTINGS}Categories/{{category}}", diagnostics.get_category),
    *(
        Route("GET", f"{resource}/{INSIGHTS}/{noun}", handler, slow=True)
        for resource in (ENDPOINT, DEPLOYMENT, f"{GROUP}/{AUTOSCALE}/{{setting}}")
        for noun, handler in (
            ("metrics", insights.list_metrics),
            ("metricDefinitions", insights.list_definitions),
            ("metricNamespaces", insights.list_namespaces),
        )
    ),
    Route("GET", f"{SUBSCRIPTION}/{AUTOSCALE}", autoscale.list_all),
    Route("GET", f"{GROUP}/{AUTOSCALE}", autoscale.list_all),
    *(
        Route(method, f"{GROUP}/{AUTOSCALE}/{{setting}}", handler)
        for method, handler in (
            ("GET", autoscale.get),
            ("PUT", autoscale.put),
            ("PATCH", autoscale.patch),
            ("DELETE", autoscale.delete),
        )
    ),
    *(
        Route(method, f"{where}/providers/{kind.type}{path}", partial(handler, kind))
        for kind in (
            *(queryrules.KIND, metricalerts.KIND),
            *(actiongroups.KIND, processingrules.KIND),
        )
        for method, where, path, handler in (
            ("GET", SUBSCRIPTION, "", tracked.list_all),
            ("GET", GROUP, "", tracked.list_all),
            ("GET", GROUP, "/{name}", tracked.get),
            ("PUT", GROUP, "/{name}", tracked.put),
            ("PATCH", GROUP, "/{name}", tracked.patch),
            ("DELETE", GROUP, "/{name}", tracked.delete),
        )
    ),
    Route("GET", f"{SUBSCRIPTION}/{WORKBOOKS}", workbooks.list_all),
    Route("GET", f"{GROUP}/{WORKBOOKS}", workbooks.list_all),
    *(
        Route(method, f"{GROUP}/{WORKBOOKS}/{{name}}", handler)
        for method, handler in (
            ("GET", workbooks.get),
            ("PUT", workbooks.put),
            ("PATCH", workbooks.patch),
            ("DELETE", workbooks.delete),
        )
    ),
    Route("GET", f"{METRIC_RULE}/status", metricalerts.list_statuses),
    Route("GET", f"{METRIC_RULE}/status/{{status}}", metricalerts.get_status),
    Route("POST", f"{ACTION_GROUP}/subscribe", actiongroups.enable_receiver),
    Route(
        "POST",
        f"{ACTION_GROUP}/createNotifications",
        actiongroups.create_notifications,
    ),
    Route(
        "GET",
        f"{ACTION_GROUP}/notificationStatus/{{notification}}",
        actiongroups.get_notifications,
    ),
    Route("GET", EVENTS, activitylogs.list_events),
    Route("GET", ALERTS, alertsmanagement.list_all),
    Route("GET", f"{ALERTS}Summary", alertsmanagement.summarize),
    Route("GET", f"{ALERTS}/{{alert}}", alertsmanagement.get),
    Route("GET", f"{ALERTS}/{{alert}}/history", alertsmanagement.get_history),
    Route("POST", f"{ALERTS}/{{alert}}/changestate", alertsmanagement.change_state),
    Route("GET", DRILLS, drills.show),
    Route("PUT", DRILLS, drills.switch),
    Route("POST", f"{DRILLS}/clock", drills.set_clock),
    Route("POST", f"{DRILLS}/faults", drills.add_fault),
    Route("DELETE", f"{DRILLS}/faults", drills.clear),
    Route("DELETE", f"{DRILLS}/faults/{{number}}", drills.clear),
    Route("POST", f"{DRILLS}/alerts", drills.alert),
    Route("GET", LOG_WORKSPACES, operationalinsights.list_workspaces),
    Route("GET", LOG_WORKSPACE, operationalinsights.get_workspace),
    Route("POST", "/v1/$batch", operationalinsights.batch, slow=True),
    Route(
        "POST",
        "/v1/workspaces/{customer}/query",
        operationalinsights.query_workspace,
        slow=True,
    ),
    *(
        Route(
            "POST",
            f"/v1{resource}/query",
            operationalinsights.query_resource,
            slow=True,
        )
        for resource in (
            *(SUBSCRIPTION, GROUP, LOG_WORKSPACE),
            *(WORKSPACE, ENDPOINT, DEPLOYMENT),
        )
    ),
    *(
        Route(method, f"{WORKSPACE}/{kind}{path}", handler)
        for kind in assets.KINDS
        for method, path, handler in (
            ("GET", "", assets.list_containers),
            ("GET", "/{name}", assets.get_container),
            ("PUT", "/{name}", assets.put_container),
            ("DELETE", "/{name}", assets.delete),
            ("GET", "/{name}/versions", assets.list_versions),
            ("GET", "/{name}/versions/{version}", assets.get_version),
            ("PUT", "/{name}/versions/{version}", assets.put_version),
            ("DELETE", "/{name}/versions/{version}", assets.delete),
            (
                "POST",
                "/{name}/versions/{version}/startPendingUpload",
                assets.start_pending_upload,
            ),
        )
    ),
]

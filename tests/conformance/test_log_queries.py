"""azure-monitor-query's own client over what a real deployment has written."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cloud_rig import until
from sdk import StaticCredential, score

HOUR = timedelta(hours=1)
CONSOLE = "AmlOnlineEndpointConsoleLog"
TRAFFIC = "AmlOnlineEndpointTrafficLog"
EVENTS = "AmlOnlineEndpointEventLog"
SETTING = "providers/Microsoft.Insights/diagnosticSettings"


@pytest.fixture(scope="session")
def logs(cloud, ml):
    from azure.monitor.query import LogsQueryClient

    with LogsQueryClient(
        StaticCredential(cloud.token), endpoint=cloud.url, retry_total=0
    ) as client:
        yield client


@pytest.fixture(scope="session")
def customer(cloud):
    return cloud.facts["log_customer_id"]


def send(monitor, method, path, body=None):
    """A request that this version of the SDK has no operation for."""
    from azure.core.rest import HttpRequest

    return monitor._send_request(HttpRequest(method, path, json=body))


def wish(cloud, *categories, metrics=True):
    return {
        "properties": {
            "workspaceId": cloud.facts["log_workspace_id"],
            "logs": [{"category": name, "enabled": True} for name in categories],
            "metrics": [{"category": "AllMetrics", "enabled": metrics}],
        }
    }


@pytest.fixture(scope="session")
def told(cloud, ml, monitor, endpoint, model, environment, code):
    """An endpoint whose logs flow from before its first deployment on."""
    from azure.ai.ml.entities import ManagedOnlineEndpoint
    from sdk import deployment_of

    endpoint = ml.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name="told", auth_mode="key")
    ).result()
    path = f"{endpoint.id}/{SETTING}/all"
    answer = send(monitor, "PUT", path, wish(cloud, CONSOLE, TRAFFIC, EVENTS))
    assert answer.status_code == 200, answer.text()
    ml.online_deployments.begin_create_or_update(
        deployment_of(
            "blue", "told", model, environment, code, app_insights_enabled=True
        )
    ).result()
    endpoint.traffic = {"blue": 100}
    endpoint = ml.online_endpoints.begin_create_or_update(endpoint).result()
    assert score(ml, endpoint, **{"x-ms-client-request-id": "mine"}) == 200
    assert score(ml, endpoint, body=b"not JSON") == 424
    return endpoint


@pytest.fixture(scope="session")
def rows(logs, customer):
    """Ask until there is an answer with rows in it: a line takes a moment to arrive."""

    def ask(query, least=1):
        def found():
            table = logs.query_workspace(customer, query, timespan=HOUR).tables[0]
            rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
            return rows if len(rows) >= least else None

        return until(found, seconds=5)

    return ask


def test_a_request_has_its_row(told, rows):
    query = f"{TRAFFIC} | where EndpointName == 'told' | order by TimeGenerated asc"
    good, bad = rows(query, least=2)

    assert (good["DeploymentName"], good["ResponseCode"]) == ("blue", 200)
    assert (good["XMSClientRequestId"], good["Type"]) == ("mine", TRAFFIC)
    assert good["_ResourceId"] == told.id.lower()
    assert (bad["ResponseCode"], bad["ModelStatusCode"]) == (424, 500)
    assert abs(datetime.now(UTC) - good["TimeGenerated"]) < HOUR


def test_what_a_script_prints_is_a_row_a_line(told, rows):
    query = f"{CONSOLE} | where _ResourceId endswith 'told' and Message has 'model is'"
    (row,) = rows(query)

    assert "azmlinfsrv.print - the model is at /" in row["Message"]
    assert row["ContainerName"] == "inference-server"
    assert row["InstanceId"].startswith("blue-")
    assert row["ContainerImageName"].startswith("mcr.microsoft.com/")


def test_the_builder_has_rows_too(told, rows):
    rows(f"{CONSOLE} | where ContainerName == 'storage-initializer'")


def test_events_tell_the_life_of_an_instance(told, rows):
    query = f"{EVENTS} | where _ResourceId endswith 'told' | order by TimeGenerated asc"
    names = [row["Name"] for row in rows(query, least=3)]

    assert names[:3] == ["Pulled", "Created", "Started"]


def test_a_traceback_keeps_its_order(told, rows):
    first = f"{CONSOLE} | where Message has 'Traceback' | take 1"
    instance = rows(first)[0]["InstanceId"]
    query = f"{CONSOLE} | where InstanceId == '{instance}' | order by TimeGenerated asc"
    lines = rows(query)
    times = [line["TimeGenerated"] for line in lines]
    at = next(i for i, row in enumerate(lines) if "Traceback" in row["Message"])

    assert lines[at + 1]["Message"].startswith('  File "')
    assert len(set(times)) == len(times)


def test_application_insights_is_told_when_the_deployment_wishes(told, rows):
    good, bad = rows("AppRequests | order by TimeGenerated asc", least=2)
    (exception, *_) = rows("AppExceptions")

    assert (good["Success"], good["ResultCode"]) == (True, "200")
    assert (bad["Success"], bad["ResultCode"]) == (False, "500")
    assert exception["ExceptionType"].endswith("JSONDecodeError")
    assert rows("AppTraces | where SeverityLevel == 3")


def test_an_endpoint_without_a_setting_tells_nothing(deployed, ml, told, rows, logs):
    assert score(ml, deployed) == 200
    assert score(ml, told) == 200
    rows(f"{TRAFFIC} | where EndpointName == 'told'", least=3)

    found = logs.query_resource(
        deployed.id, f"union {TRAFFIC}, {CONSOLE}", timespan=None
    )

    assert found.tables[0].rows == []


def test_a_resource_query_sees_its_rows_only(told, logs, rows):
    rows(TRAFFIC)
    query = f"{TRAFFIC} | distinct _ResourceId"

    def seen(resource):
        table = logs.query_resource(resource, query, timespan=HOUR).tables[0]
        return [row[0] for row in table.rows]

    assert seen(told.id) == [told.id.lower()]
    assert told.id.lower() in seen(told.id.split("/onlineEndpoints/")[0])
    assert seen(f"{told.id}x") == []


def test_a_timespan_bounds_what_is_read(told, logs, customer, rows):
    rows(TRAFFIC)
    day = timedelta(days=1)
    past = (datetime.now(UTC) - 3 * day, day)

    found = logs.query_workspace(customer, f"{TRAFFIC} | count", timespan=past)

    assert found.tables[0].rows[0][0] == 0


def test_types_are_the_services(told, logs, customer):
    query = "print a=1, b=1.5, c=true, d=datetime(2026-01-01), e='x', f=dynamic([1])"

    table = logs.query_workspace(customer, query, timespan=None).tables[0]

    kinds = ["long", "real", "bool", "datetime", "string", "dynamic"]
    assert table.columns_types == kinds
    assert list(table.rows[0]) == [
        *(1, 1.5, True, datetime(2026, 1, 1, tzinfo=UTC), "x", "[1]")
    ]


def test_statistics_and_visualization_come_when_asked_for(logs, customer):
    query = "print x=1 | render piechart"

    plain = logs.query_workspace(customer, query, timespan=None)
    full = logs.query_workspace(
        customer,
        query,
        timespan=None,
        include_statistics=True,
        include_visualization=True,
    )

    assert not plain.statistics
    assert not plain.visualization
    assert full.statistics["query"]["executionTime"] > 0
    assert full.visualization["visualization"] == "piechart"


@pytest.mark.parametrize(
    ("query", "inner"),
    [
        (f"{TRAFFIC} | where <", "SyntaxError"),
        (f"{TRAFFIC} | where Nothing == 1", "SemanticError"),
        ("NoSuchTable | take 1", "SemanticError"),
        (f"{TRAFFIC} | evaluate python('')", "SemanticError"),
    ],
)
def test_a_wrong_query_is_refused_in_azures_words(logs, customer, query, inner):
    from azure.core.exceptions import HttpResponseError

    with pytest.raises(HttpResponseError) as raised:
        logs.query_workspace(customer, query, timespan=None)

    error = json.loads(raised.value.response.text())["error"]
    assert (raised.value.status_code, error["code"]) == (400, "BadArgumentError")
    assert error["innererror"]["code"] == inner
    assert error["innererror"]["innererror"]["message"] in str(raised.value)


def test_a_query_that_takes_too_long_is_ended(logs, customer):
    from azure.core.exceptions import HttpResponseError

    million = "range x from 1 to 1000000 step 1 | extend all=1"
    query = f"{million} | join kind=inner ({million}) on all | summarize max(x * x1)"
    with pytest.raises(HttpResponseError) as raised:
        logs.query_workspace(customer, query, timespan=None, server_timeout=1)

    assert raised.value.status_code == 504


def test_a_batch_answers_each_query_on_its_own(logs, customer):
    from azure.monitor.query import LogsBatchQuery, LogsQueryStatus

    queries = ("print x=7", "nothing |", "print x=8")
    first, wrong, last = logs.query_batch(
        [LogsBatchQuery(customer, query, timespan=None) for query in queries]
    )

    assert (first.tables[0].rows[0][0], last.tables[0].rows[0][0]) == (7, 8)
    assert (wrong.status, wrong.code) == (LogsQueryStatus.FAILURE, "BadArgumentError")


def test_an_unknown_workspace_is_not_found(logs):
    from azure.core.exceptions import HttpResponseError

    with pytest.raises(HttpResponseError) as raised:
        logs.query_workspace(
            "11111111-0000-4000-8000-000000000000", "print 1", timespan=None
        )

    assert raised.value.status_code == 404

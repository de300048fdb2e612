"""Diagnostic settings: the SDK lacks operations for them, its pipeline has not."""

import pytest
from sdk import StaticCredential

LOGS = ("Console", "Traffic", "Event")
CATEGORIES = [f"AmlOnlineEndpoint{name}Log" for name in LOGS]


@pytest.fixture(scope="module")
def send(cloud, ml):
    """A request through MonitorManagementClient; its answer."""
    from azure.core.rest import HttpRequest
    from azure.mgmt.monitor import MonitorManagementClient

    client = MonitorManagementClient(
        StaticCredential(cloud.token),
        cloud.facts["subscription_id"],
        base_url=cloud.url,
        credential_scopes=[f"{cloud.url}/.default"],
        retry_total=0,
    )

    def send(method, path, body=None):
        version = "?api-version=2021-05-01-preview"
        return client._send_request(HttpRequest(method, path + version, json=body))

    with client:
        yield send


@pytest.fixture(scope="module")
def place(ml):
    """Where the settings of an endpoint of its own are."""
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    endpoint = ManagedOnlineEndpoint(name="watched", auth_mode="key")
    made = ml.online_endpoints.begin_create_or_update(endpoint).result()
    return f"{made.id}/providers/Microsoft.Insights/diagnosticSettings"


@pytest.fixture
def setting(cloud, send, place):
    """The body of a setting; whatever the test has made is deleted."""
    logs = [{"category": name, "enabled": True} for name in CATEGORIES]
    workspace = cloud.facts["log_workspace_id"]
    yield {"properties": {"workspaceId": workspace, "logs": logs, "metrics": []}}
    for made in send("GET", place).json()["value"]:
        send("DELETE", f"{place}/{made['name']}")


def test_a_setting_is_kept_shown_listed_and_deleted(send, place, setting):
    made = send("PUT", f"{place}/all", setting)
    shown = send("GET", f"{place}/ALL")
    listed = send("GET", place).json()["value"]
    gone = [send("DELETE", f"{place}/all").status_code for _ in range(2)]

    assert (made.status_code, shown.status_code) == (200, 200)
    assert [item["name"] for item in listed] == ["all"]
    logs = shown.json()["properties"]["logs"]
    assert {(log["category"], log["enabled"]) for log in logs} == {
        (name, True) for name in CATEGORIES
    }
    assert gone == [200, 204]
    assert send("GET", f"{place}/all").status_code == 404


def test_categories_are_azures(send, place):
    found = send("GET", f"{place}Categories").json()["value"]

    kinds = {item["name"]: item["properties"]["categoryType"] for item in found}
    assert kinds == {**dict.fromkeys(CATEGORIES, "Logs"), "AllMetrics": "Metrics"}


def test_a_group_of_categories_stands_for_all_logs(send, place, setting):
    setting["properties"]["logs"] = [{"categoryGroup": "allLogs", "enabled": True}]

    assert send("PUT", f"{place}/all", setting).status_code == 200


def test_the_same_logs_flow_to_a_place_once(send, place, setting):
    send("PUT", f"{place}/one", setting)
    answer = send("PUT", f"{place}/two", setting)

    assert answer.status_code == 409
    assert "already used in diagnostic setting 'one'" in answer.text()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"workspaceId": None}, 400),
        ({"workspaceId": "/subscriptions/elsewhere"}, 404),
        ({"storageAccountId": "/subscriptions/s/storage"}, 501),
        ({"logs": [{"category": "Everything", "enabled": True}]}, 400),
        ({"logs": [{"category": CATEGORIES[0], "enabled": "yes"}]}, 400),
        ({"logs": [{"enabled": True}]}, 400),
        ({"logs": "all"}, 400),
    ],
)
def test_a_wrong_setting_is_refused(send, place, setting, change, status):
    setting["properties"] |= change

    assert send("PUT", f"{place}/wrong", setting).status_code == status
    assert send("GET", f"{place}/wrong").status_code == 404


def test_an_endpoint_that_is_not_there_has_no_settings(send, place):
    assert send("GET", place.replace("watched", "unheard")).status_code == 404


def test_the_log_workspace_tells_its_customer_id(send, cloud):
    found = send("GET", cloud.facts["log_workspace_id"]).json()

    assert found["properties"]["customerId"] == cloud.facts["log_customer_id"]

"""The toolkit and localcloud in one process: as over HTTPS, only faster."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.transport import HttpRequest as Sent
from azure.core.pipeline.transport import HttpResponse
from azure.core.rest import HttpRequest
from local_transport import TOKEN, URL_, InProcess, Transport

from ops import endpoints, lease
from ops.errors import NotFound, ServiceError
from ops.pipeline import LocalCredential, pipeline, questions

IRIS = "onlineEndpoints/iris"


@pytest.fixture
def cloud(tmp_path):
    cloud = InProcess(tmp_path)
    cloud.put_endpoint(traffic={"blue": 100})
    yield cloud
    cloud.close()


def weights(workspace, **traffic):
    body = workspace.get(IRIS)
    body["properties"]["traffic"] = traffic
    return workspace.put(IRIS, body)["properties"]["traffic"]


def test_two_engineers_work_on_one_endpoint(cloud):
    ana, ben = cloud.workspace("ana@laptop"), cloud.workspace("ben@ci")

    assert weights(ana, blue=80, green=20) == {"blue": 80, "green": 20}
    assert ben.get(IRIS)["systemData"]["lastModifiedBy"] == "ana@laptop"
    assert endpoints.get(ben, "iris").traffic == {"blue": 80, "green": 20}


def test_a_refusal_is_told_as_over_https(cloud):
    with pytest.raises(ServiceError, match="sum to 0 or 100, not 90"):
        weights(cloud.workspace(), blue=90)
    with pytest.raises(NotFound):
        cloud.workspace().get("onlineEndpoints/none")


def test_logs_can_be_queried_and_the_clock_moved(cloud):
    ana = cloud.workspace()
    before = ana.now()
    cloud.clock.move(advance=36_000)

    assert ana.now() - before > timedelta(hours=10)
    ((now,),) = ana.query_logs("print now()").tables[0].rows
    assert now - before > timedelta(hours=10)


def test_an_operation_may_stay_open(cloud):
    cloud.prompt = False
    body = {"location": "local", "properties": {"authMode": "Key"}}
    path = f"{cloud.cloud.workspace}/{IRIS}"
    cloud.ask("PUT", path, body)
    open_ = cloud.state.open_operation(path)

    assert endpoints.get(cloud.workspace(), "iris").state == "Updating"
    cloud.settle(open_.id)
    assert endpoints.get(cloud.workspace(), "iris").state == "Succeeded"


def test_the_lock_of_an_endpoint_is_a_lease_here_too(cloud, tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "ana"))
    ana, ben = cloud.workspace("ana@laptop"), cloud.workspace("ben@ci")
    ben.container.put("aml-ops/iris.lock", b"")

    with lease.hold(ana, "iris", "shift-traffic") as held:
        reply = ben.container.send("DELETE", "aml-ops/iris.lock")

    assert held.fence == 1
    assert reply.code == "LeaseIdMissing"


def test_the_date_of_an_answer_is_heard(cloud):
    heard = []
    line = pipeline(
        URL_,
        LocalCredential(TOKEN, "ana"),
        retries=0,
        heard=lambda *told: heard.append(told),
        transport=Transport(cloud),
    )
    line.send_request(HttpRequest("GET", f"{URL_}{cloud.cloud.workspace}"))

    ((date, asked, came),) = heard
    assert asked <= came
    assert abs(parsedate_to_datetime(date).timestamp() - asked) < 2


@pytest.mark.parametrize(("status", "again"), [(503, True), (504, False), (200, False)])
def test_a_query_that_took_too_long_is_not_asked_again(status, again):
    policy = questions(3)
    request = Sent("POST", "https://logs/query")
    answer = HttpResponse(request, None)
    answer.status_code, answer.headers = status, {}
    told = PipelineResponse(request, answer, None)

    assert policy.is_retry(policy.configure_retries({}), told) == again

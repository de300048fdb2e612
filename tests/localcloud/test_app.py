"""What the control plane answers over HTTPS, and what it refuses."""

import asyncio
import concurrent.futures
import re
import socket
import sqlite3

import pytest
from aiohttp import web

from ops.localcloud import app, identity

ENDPOINT = {"location": "local", "properties": {"authMode": "Key"}}
FIELDS = {"code", "message", "details", "additionalInfo"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    from cloud_rig import Cloud

    cloud = Cloud(tmp_path_factory.mktemp("app") / "state")
    try:
        yield cloud.up()
    finally:
        cloud.down()


def create_endpoint(cloud, name, **properties):
    body = {**ENDPOINT, "properties": {**ENDPOINT["properties"], **properties}}
    reply = cloud.call("PUT", f"onlineEndpoints/{name}", body)
    assert cloud.settled(reply)["status"] == "Succeeded"


def deployment_body(**properties):
    return {
        "location": "local",
        "sku": {"name": "Default", "capacity": 1},
        "properties": {"endpointComputeType": "Managed", **properties},
    }


@pytest.mark.parametrize("token", ["", "wrong", "Bearer"])
def test_without_the_token_nobody_gets_in(cloud, token):
    reply = cloud.call("GET", "", token=token)

    assert reply.status == 401
    assert reply.error["code"] == "InvalidAuthenticationToken"
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert cloud.token.encode() not in reply.content


def test_an_error_has_azures_envelope_and_headers(cloud):
    reply = cloud.call("GET", "onlineEndpoints/nobody")

    assert reply.status == 404
    assert set(reply.error) == FIELDS
    assert reply.headers["x-ms-response-type"] == "error"
    assert reply.headers["x-ms-request-id"]
    assert reply.headers["x-ms-correlation-request-id"]


def test_what_localcloud_does_not_speak_it_refuses_by_name(cloud):
    for method, path in (("GET", "schedules"), ("PUT", ""), ("GET", "/favicon.ico")):
        reply = cloud.call(method, path)

        assert reply.status == 501
        assert f"does not speak {method}" in reply.error["message"]


@pytest.mark.parametrize("part", ["subscriptions", "resourceGroups", "workspaces"])
def test_another_place_is_not_found(cloud, part):
    path = re.sub(rf"(?<=/{part}/)[^/]+", "elsewhere", cloud.workspace)

    reply = cloud.call("GET", path)

    assert (reply.status, reply.error["code"]) == (404, "ResourceNotFound")


def test_paths_are_compared_without_regard_to_case(cloud):
    reply = cloud.call("GET", cloud.workspace.lower())

    assert reply.status == 200
    assert reply.body["id"] == cloud.workspace


@pytest.mark.parametrize(
    "content",
    [
        *(
            b"no json",
            b"[]",
            b'"text"',
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b'{"a": -1e999}',
        ),
        b'{"a": %s}' % (b"9" * 400),
        b'{"a": %s}' % (b"9" * 5000),
        *(rb'{"a": "\ud800"}', b'{"a": "\xed\xa0\x80"}', b'{"a": "\xff"}'),
        *(b"[" * 100_000, b'{"a":' * 970 + b"1" + b"}" * 970),
        b'{"tags": {"a": %s}}' % (b"[" * 900 + b"]" * 900),
        b'{"a": %s}' % (b"[" * 201 + b"]" * 201),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(cloud, content):
    reply = cloud.call("PUT", "onlineEndpoints/body", content)

    assert (reply.status, reply.error["code"]) == (400, "InvalidRequestContent")
    assert set(reply.error) == FIELDS
    assert "Traceback" not in cloud.log.read_text()


@pytest.mark.parametrize("depth", [1, 60, 190])
def test_what_is_taken_can_be_read_back(cloud, depth):
    path = f"environments/deep/versions/{depth}"
    nested = b"[" * depth + b"1e308" + b"]" * depth
    body = b'{"properties": {"image": "first", "image": "last", "x": %s}}' % nested

    assert cloud.call("PUT", path, body).status == 201
    reply = cloud.call("GET", path)

    assert reply.status == cloud.call("GET", "environments").status == 200
    assert b"[" * depth + b"1e+308" in reply.content.replace(b" ", b"")
    assert reply.body["properties"]["image"] == "last"  # of a key that is given twice


@pytest.mark.parametrize(
    "query",
    [
        "print " + "(" * 970 + "1" + ")" * 970,
        "print x=dynamic(" + "[" * 970 + "]" * 970 + ")",
        "print " + "not(" * 500 + "true" + ")" * 500,
        "print x=1" + " | where x==1" * 300,
        "print 1" + "+1" * 3000,
    ],
    ids=["parentheses", "dynamic", "calls", "pipes", "sums"],
)
def test_deep_kql_is_answered_or_refused(cloud, query):
    where = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"

    reply = cloud.call("POST", where, {"query": query})

    assert reply.status in (200, 400)
    assert cloud.call("POST", where, {"query": "print 1"}).status == 200


def test_a_body_of_20_mb_is_refused(cloud):
    body = (b" " * 1_000_000 for _ in range(20))  # without a Content-Length

    reply = cloud.call("PUT", "onlineEndpoints/body", body)

    assert (reply.status, reply.error["code"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "name", ["ab", "a" * 33, "1st", "under_score", "two--hyphens", "end-", "Ünder"]
)
def test_names_that_azure_refuses_are_refused(cloud, name):
    from urllib.parse import quote

    reply = cloud.call("PUT", f"onlineEndpoints/{quote(name)}", ENDPOINT)

    assert (reply.status, reply.error["code"]) == (400, "BadRequest")
    assert "name" in reply.error["message"]


def test_every_problem_is_named_at_once(cloud):
    create_endpoint(cloud, "problems")
    body = deployment_body(
        model=f"{cloud.workspace}/models/none/versions/1",
        environmentId="azureml:none:1",
        requestSettings={"requestTimeout": "PT181S"},
        livenessProbe={"period": "soon", "failureThreshold": 0},
        environmentVariables={"A": 1},
    ) | {"sku": {"capacity": 51}}

    reply = cloud.call("PUT", "onlineEndpoints/problems/deployments/blue", body)

    assert reply.status == 400
    named = " ".join(detail["message"] for detail in reply.error["details"])
    for word in (
        *("models", "environments", "requestTimeout", "livenessProbe.period"),
        *("livenessProbe.failureThreshold", "environmentVariables", "50 instances"),
    ):
        assert word in named


def test_a_patch_of_an_endpoint_takes_tags_only(cloud):
    create_endpoint(cloud, "patched")

    refused = cloud.call(
        "PATCH", "onlineEndpoints/patched", {"properties": {"traffic": {}}}
    )
    taken = cloud.call("PATCH", "onlineEndpoints/patched", {"tags": {"a": "b"}})

    assert refused.status == 400
    assert cloud.settled(taken)["status"] == "Succeeded"
    assert cloud.call("GET", "onlineEndpoints/patched").body["tags"] == {"a": "b"}


def test_the_long_running_headers_are_azures(cloud):
    reply = cloud.call("PUT", "onlineEndpoints/headers", ENDPOINT)

    assert reply.status == 201
    assert "/mfeOperationsStatus/oe:" in reply.headers["azure-asyncoperation"]
    assert "/onlineEndpoints/headers?" in reply.headers["location"]
    assert reply.headers["x-ms-retry-after-ms"] == "50"
    assert "retry-after" not in reply.headers
    assert reply.body["properties"]["provisioningState"] == "Creating"
    assert reply.body["properties"]["scoringUri"] is None
    assert cloud.settled(reply)["percentComplete"] == 100


def test_an_operation_result_is_empty_once_it_is_there(cloud):
    create_endpoint(cloud, "results")
    reply = cloud.call(
        "POST", "onlineEndpoints/results/regenerateKeys", {"keyType": "Primary"}
    )
    cloud.settled(reply)

    path = reply.headers["location"].removeprefix(cloud.url)

    assert reply.status == 202
    assert cloud.call("GET", path).status == 204


def test_what_is_not_there_is_deleted_already(cloud):
    for path in (
        *("onlineEndpoints/none", "models/none", "models/none/versions/1"),
        "onlineEndpoints/none/deployments/blue",
    ):
        assert cloud.call("DELETE", path).status == 204


def test_a_chosen_key_is_kept_and_a_present_one_replaced(cloud):
    create_endpoint(cloud, "chosen", keys={"primaryKey": "first", "secondaryKey": "2"})
    path = "onlineEndpoints/chosen"

    def regenerate(**value):
        body = {"keyType": "Primary", **value}
        cloud.settled(cloud.call("POST", f"{path}/regenerateKeys", body))
        return cloud.call("POST", f"{path}/listKeys").body["primaryKey"]

    assert cloud.call("POST", f"{path}/listKeys").body["primaryKey"] == "first"
    assert regenerate(keyValue="mine") == "mine"
    assert regenerate(keyValue="mine") != "mine"
    assert b"keys" not in cloud.call("GET", path).content


@pytest.mark.parametrize(("mode", "verb"), [("AMLToken", "listKeys"), ("Key", "token")])
def test_each_auth_mode_has_its_own_credentials(cloud, mode, verb):
    name = f"mode-{mode.lower()}"
    create_endpoint(cloud, name, authMode=mode)

    reply = cloud.call("POST", f"onlineEndpoints/{name}/{verb}")

    assert reply.status == 400
    assert mode in reply.error["message"]


def test_the_21st_deployment_is_refused(cloud):
    create_endpoint(cloud, "crowded")
    path = "onlineEndpoints/crowded/deployments"
    for number in range(20):
        reply = cloud.call("PUT", f"{path}/number{number}", deployment_body())
        assert reply.status == 201

    reply = cloud.call("PUT", f"{path}/number20", deployment_body())

    assert (reply.status, reply.error["code"]) == (400, "OutOfQuota")
    cloud.settled(cloud.call("DELETE", "onlineEndpoints/crowded"))
    assert cloud.call("GET", f"{path}/number0").status == 404


def test_a_deployment_of_no_endpoint_is_not_found(cloud):
    reply = cloud.call(
        "PUT", "onlineEndpoints/none/deployments/blue", deployment_body()
    )

    assert reply.status == 404


def test_a_put_without_traffic_takes_the_weights_away(cloud):
    create_endpoint(cloud, "wiped")
    path = "onlineEndpoints/wiped"
    cloud.call("PUT", f"{path}/deployments/blue", deployment_body())
    create_endpoint(cloud, "wiped", traffic={"blue": 100})
    assert cloud.call("GET", path).body["properties"]["traffic"] == {"blue": 100}

    create_endpoint(cloud, "wiped")

    assert cloud.call("GET", path).body["properties"]["traffic"] == {}


def test_simultaneous_puts_leave_one_wish_and_end_all_operations(cloud):
    create_endpoint(cloud, "race")

    def put(number):
        body = {**ENDPOINT, "tags": {"number": str(number)}}
        return cloud.call("PUT", "onlineEndpoints/race", body)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(put, range(8)))

    assert {reply.status for reply in replies} == {200}
    ends = [cloud.settled(reply) for reply in replies]
    assert {end["status"] for end in ends} <= {"Succeeded", "Canceled"}
    assert "Succeeded" in {end["status"] for end in ends}
    for end in ends:
        if end["status"] == "Canceled":
            assert end["error"]["code"] == "OperationCanceled"
    state = cloud.call("GET", "onlineEndpoints/race").body["properties"]
    assert state["provisioningState"] == "Succeeded"


def test_lists_page_by_top_and_skip(cloud):
    for version in range(1, 6):
        body = {"properties": {"image": "image"}}
        cloud.call("PUT", f"environments/paging/versions/{version}", body)
    found = []
    path = "environments/paging/versions?$top=2&$orderBy=createdtime%20asc"

    while path:
        page = cloud.call("GET", path).body
        found.append([each["name"] for each in page["value"]])
        path = page.get("nextLink", "").removeprefix(cloud.url)

    assert found == [["1", "2"], ["3", "4"], ["5"]]


def test_a_filter_that_is_not_spoken_is_refused(cloud):
    reply = cloud.call("GET", "onlineEndpoints?tags=team")

    assert reply.status == 501
    assert "tags" in reply.error["message"]


def test_the_last_page_has_no_next_link_and_a_wrong_token_is_refused(cloud):
    assert "nextLink" not in cloud.call("GET", "datastores").body
    assert cloud.call("GET", "models?$skip=nonsense").status == 400
    assert cloud.call("GET", "models?$top=none").status == 400


def test_the_default_datastore_is_found(cloud):
    found = cloud.call("GET", "datastores?isDefault=true").body["value"]

    assert [each["name"] for each in found] == ["workspaceblobstore"]
    assert cloud.call("GET", "datastores?isDefault=false").body["value"] == []


def test_names_never_leave_their_place(cloud):
    for name in ("..", "%2e%2e", "a%2fb", "%2fetc", "a%00b"):
        body = {"properties": {"image": "image"}}
        reply = cloud.call("PUT", f"environments/{name}/versions/1", body)

        assert reply.status in (400, 404, 501)


def test_a_bug_shows_in_the_log_and_not_in_the_answer(cloud):
    # A row that no handler can have written.
    with sqlite3.connect(cloud.directory / "state.db") as db:
        db.execute(
            "INSERT INTO resources (id, parent, type, body, generation, created, "
            "modified) VALUES (?, ?, 'models', '{}', 1, '2026', '2026')",
            (f"{cloud.workspace}/models/bug".lower(), cloud.workspace.lower()),
        )
    db.close()

    reply = cloud.call("GET", "models/bug")

    assert (reply.status, reply.error["code"]) == (500, "InternalServerError")
    correlation = reply.headers["x-ms-correlation-request-id"]
    assert correlation in reply.error["message"]
    assert b"Traceback" not in reply.content
    log = cloud.log.read_text()
    assert correlation in log
    assert "Traceback" in log
    assert cloud.call("DELETE", "models/bug").status == 200


def test_plain_http_is_not_served(cloud):
    with socket.create_connection(("127.0.0.1", cloud.port), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")

        assert not plain.recv(100).startswith(b"HTTP/")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_who_sends_no_complete_head_is_hung_up_on(sent):
    async def left():
        runner = app.server(web.Application(), idle_seconds=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            _, port = runner.addresses[0]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            said = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return said
        finally:
            await runner.cleanup()

    assert asyncio.run(left()) == b""


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01"])
def test_who_does_not_finish_the_tls_handshake_is_hung_up_on(tmp_path, sent):
    async def left():
        runner = app.server(web.Application())
        await runner.setup()
        plain = socket.create_server(("127.0.0.1", 0))
        context = identity.server_context(tmp_path)
        server = await app.listen(runner, plain, context, idle_seconds=0.2)
        try:
            reader, writer = await asyncio.open_connection(*plain.getsockname())
            writer.write(sent)
            said = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return said
        finally:
            server.close()
            await runner.cleanup()

    assert asyncio.run(left()) == b""

"""localcloud's clock, and that what people read follows it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import jwt
import pytest
from gateway_rig import endpoint, running
from log_rig import SETTING, LogRig

from ops.localcloud.clock import Clock
from ops.localcloud.flows import CONSOLE
from ops.localcloud.state import State

HOURS = timedelta(hours=2)


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def ahead(clock):
    return clock.now() - datetime.now(UTC)


def close(found, wanted, seconds=1.0):
    return abs((found - wanted).total_seconds()) < seconds


def test_it_is_real_time_until_it_is_moved(clock):
    assert close(ahead(clock), timedelta(0))

    clock.move(advance=7200)

    assert close(ahead(clock), HOURS)


def test_every_process_reads_the_same_clock(clock, tmp_path):
    other = Clock(tmp_path)
    clock.move(advance=7200)
    clock.move(advance=7200)

    assert close(other.now(), clock.now(), 0.1)


def test_a_rate_lasts_until_another_is_set(clock):
    clock.move(rate=0)
    stopped = clock.now()
    clock.move(advance=60)

    assert clock.now() - stopped == timedelta(minutes=1)
    assert clock.setting().rate == 0


def test_it_never_goes_back(clock):
    with pytest.raises(ValueError, match="never goes back"):
        clock.move(advance=-1)
    clock.move(advance=3600, rate=600)
    before = clock.now()
    clock.move(rate=1)

    assert clock.now() >= before


def test_what_was_written_before_a_move_is_dated_before_it(clock):
    real = datetime.now(UTC)
    clock.move(advance=7200)
    later = datetime.now(UTC) + timedelta(seconds=1)

    assert clock.shown(real) == real
    assert close(clock.shown(later), later + HOURS, 0.01)


def test_what_is_stamped_follows_it(clock, tmp_path):
    state = State(tmp_path / "state.db")
    clock.move(advance=7200)

    resource = state.put({"id": "/a/b/c/iris", "name": "iris", "properties": {}})
    operation = state.begin("oe", resource)
    state.record(resource.id, "", "Created", "")
    at = datetime.fromisoformat(state.events(resource.id)[0]["at"])
    state.close()

    for stamp in (resource.modified, operation.started, at):
        assert close(stamp, datetime.now(UTC) + HOURS)


def test_console_lines_have_the_time_that_the_clock_showed(tmp_path, clock):
    rig = LogRig(tmp_path)
    rig.let_flow()
    rig.instance()
    clock.move(advance=7200)
    later = datetime.now(UTC)
    while datetime.now(UTC) == later:
        pass
    rig.prints(f"{datetime.now(UTC).isoformat()} its own time\nno time\n".encode())
    rig.step()

    own, none = rig.column("TimeGenerated", CONSOLE)
    rig.close()

    for stamp in (own, none):
        assert close(stamp.replace(tzinfo=UTC), later + HOURS)


def test_an_instance_that_begins_after_the_diagnostics_is_read_whole(tmp_path, clock):
    rig = LogRig(tmp_path)
    clock.move(advance=7200)
    setting = {"id": SETTING, "name": "all", "properties": {}}
    rig.state.put({**setting, "since": {CONSOLE: clock.now().isoformat()}})
    rig.instance()
    rig.prints(b"its first line\n")
    rig.step()
    found = rig.column("Message", CONSOLE)
    rig.close()

    assert found == ["its first line"]


def test_the_gateway_dates_requests_and_tokens_by_it(tmp_path, clock):
    with running(tmp_path) as gateway:
        gateway.publish(iris=endpoint(auth_mode="AMLToken", deployments={}))
        clock.move(advance=7200)
        claims = {"endpointName": "iris", "aud": "azureml", "iss": "azureml"}
        for hours in (1, 3):
            expiry = datetime.now(UTC) + timedelta(hours=hours)
            token = jwt.encode({**claims, "exp": expiry}, "5a" * 32, algorithm="HS256")
            gateway.ask(key=token)
        expired, valid = gateway.rows(2)

    assert (expired["ResponseCode"], valid["ResponseCode"]) == (401, 503)
    at = datetime.fromisoformat(valid["TimeGenerated"])
    assert close(at, datetime.now(UTC) + HOURS)


def test_queries_metrics_and_dates_are_asked_at_its_time(cloud):
    body = {"location": "local", "properties": {"authMode": "Key"}}
    cloud.settled(cloud.call("PUT", "onlineEndpoints/iris", body))
    Clock(cloud.directory).move(advance=7200)
    wanted = datetime.now(UTC) + HOURS

    query = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"
    answer = cloud.call("POST", query, {"query": "print now()"})
    metrics = "onlineEndpoints/iris/providers/Microsoft.Insights/metrics"
    span = cloud.call("GET", metrics).body["timespan"]

    (row,) = answer.body["tables"][0]["rows"]
    for text in (row[0], span.split("/")[1]):
        assert close(datetime.fromisoformat(text), wanted, 5)
    assert close(parsedate_to_datetime(answer.headers["date"]), wanted, 5)

"""What waits in the outbox is sent once to each receiver, whatever the others do."""

import base64
import itertools
import logging
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta

import pytest

from ops.localcloud import notifications, outbox, webhooks
from ops.localcloud.notifications import Message
from ops.localcloud.notifier import PAUSES, Notifier
from ops.localcloud.outbox import MOST_WAITING
from ops.localcloud.state import State
from tests.alert_rig import INSIGHTS, NOON
from tests.webhook_rig import webhook

GROUP = f"{INSIGHTS}/actionGroups/on-call"


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


def group(state, *hooks, **more):
    receivers = [
        {"name": f"hook{number}", "serviceUri": url, "useCommonAlertSchema": True}
        for number, url in enumerate(hooks)
    ]
    properties = {"enabled": True, "webhookReceivers": receivers, **more}
    state.put({"id": GROUP, "name": "on-call", "properties": properties})


def tell(state, about="alert", event="Fired"):
    message = Message(about=about, event=event, common={"is": event}, older={"old": 1})
    notifications.tell(state, [GROUP], message, NOON)


def settle(state, notifier, seconds=10):
    """Let the notifier work until nothing waits any more."""
    deadline = time.monotonic() + seconds
    while True:
        notifier.step(NOON)
        notifier.close(seconds)
        waiting = state.outbox.next_of_each(float("inf"))
        if not waiting:
            return
        assert time.monotonic() < deadline


def became(state, about="alert"):
    return [(each.receiver, each.state) for each in state.outbox.of(about)]


def test_each_webhook_of_a_group_is_told_once(state):
    with webhook() as first, webhook() as second:
        group(state, first.url, second.url)
        tell(state)
        settle(state, Notifier(state))
        tell(state)  # nothing is queued twice, nor sent anew
        settle(state, Notifier(state))

    assert (len(first.heard), len(second.heard)) == (1, 1)
    assert became(state) == [("hook0", "Sent"), ("hook1", "Sent")]


def test_a_webhook_that_answers_500_is_tried_again_by_the_same_id(state):
    with webhook(500, 503, 200) as hook:
        group(state, hook.url)
        tell(state)
        settle(state, Notifier(state, pace=0))

    assert len(hook.ids) == 3
    assert len(set(hook.ids)) == 1
    assert became(state) == [("hook0", "Sent")]


def test_the_pauses_between_attempts_are_azures(state):
    with webhook(500) as hook:
        group(state, hook.url)
        tell(state)
        notifier = Notifier(state)
        notifier.step(NOON)
        notifier.close(10)

    assert not state.outbox.next_of_each(state.clock.real() + PAUSES[0] - 1)
    assert state.outbox.next_of_each(state.clock.real() + PAUSES[0])


def test_after_six_attempts_it_is_given_up_and_the_address_rests(state):
    with webhook(500) as hook:
        group(state, hook.url)
        tell(state)
        notifier = Notifier(state, pace=0.001)  # so that it rests for 0.9 s
        settle(state, notifier)
        tell(state, "another")
        notifier.step(NOON)
        notifier.close(10)

    assert len(hook.heard) == 6
    assert became(state) == [("hook0", "Failed")]
    assert became(state, "another") == [("hook0", "Waiting")]


@pytest.mark.parametrize("status", [301, 307, 400, 404])
def test_a_redirect_or_a_refusal_is_final(state, status):
    with webhook(status) as hook:
        group(state, hook.url)
        tell(state)
        settle(state, Notifier(state, pace=0))

    assert len(hook.heard) == 1
    (delivery,) = state.outbox.of("alert")
    assert delivery.state == "Failed"
    assert str(status) in delivery.detail


def test_a_webhook_that_hangs_delays_nobody_else(state):
    with webhook(0) as hung, webhook() as good:
        group(state, hung.url, good.url)
        notifier = Notifier(state)
        for about in ("one", "two", "three"):
            tell(state, about)
            notifier.step(NOON)
            good.wait_for(1)
        deadline = time.monotonic() + 5
        while len(good.heard) < 3 and time.monotonic() < deadline:
            notifier.step(NOON)
        assert len(good.heard) == 3
        assert len(hung.heard) <= 1
        hung.open.set()
        notifier.close(10)


def test_a_webhook_that_hangs_is_left_in_time(state):
    with webhook(0) as hook:
        group(state, hook.url)
        tell(state)
        notifier = Notifier(state, seconds=0.2)
        notifier.step(NOON)
        notifier.close(10)

        (delivery,) = state.outbox.of("alert")
        assert (delivery.state, delivery.attempts) == ("Waiting", 1)
        assert delivery.detail


def test_an_answer_that_trickles_in_is_cut_off():
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def trickle():
        client, _ = listener.accept()
        with client, suppress(OSError):  # until the other side has had enough
            for letter in itertools.cycle(b"HTTP"):
                client.sendall(bytes([letter]))
                if ended.wait(0.02):
                    break

    thread = threading.Thread(target=trickle)
    thread.start()
    began = time.monotonic()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    outcome = webhooks.post(url, b"{}", {}, seconds=0.3)
    took = time.monotonic() - began
    ended.set()
    thread.join()
    listener.close()

    assert (outcome.sent, outcome.again) == (False, True)
    assert took < 5


def test_one_address_is_told_in_order(state):
    with webhook(500, 200) as hook:
        group(state, hook.url)
        tell(state, event="Fired")
        tell(state, event="Resolved")
        settle(state, Notifier(state, pace=0))

    assert [body["is"] for _, body in hook.heard] == ["Fired", "Fired", "Resolved"]


def test_what_was_being_sent_when_localcloud_went_is_sent_again_by_its_id(state):
    with webhook() as hook:
        group(state, hook.url)
        tell(state)
        (delivery,) = state.outbox.of("alert")
        state.outbox.begin(delivery)  # and then it was killed
        settle(state, Notifier(state))

    assert hook.ids == [delivery.id]


def test_receivers_that_can_not_be_told_are_recorded_as_not_sent(state):
    mail = [{"name": "ana", "emailAddress": "ana@example.com"}]
    secure = [{"name": "aad", "serviceUri": "https://example.com", "useAadAuth": True}]
    group(state, emailReceivers=mail, webhookReceivers=secure)
    tell(state)
    notifications.tell(
        state, ["/gone"], Message(about="x", event="Fired", common={}, older={}), NOON
    )

    assert became(state) == [("aad", "NotSent"), ("ana", "NotSent")]
    assert became(state, "x") == [("gone", "NotSent")]


def test_a_receiver_without_the_common_schema_gets_the_older_one(state):
    with webhook() as hook:
        receiver = {"name": "old", "serviceUri": hook.url}
        group(state, webhookReceivers=[receiver])
        tell(state)
        settle(state, Notifier(state))

    assert hook.wait_for(1) == [{"old": 1}]


def test_a_dead_address_queues_so_much_and_no_more(state):
    group(state, "http://127.0.0.1:1/")
    for number in range(MOST_WAITING + 1):
        tell(state, str(number))

    assert became(state, str(MOST_WAITING)) == [("hook0", "Failed")]


def test_a_test_notification_is_sent_and_its_outcome_can_be_read(state):
    with webhook() as hook:
        receivers = [
            {"name": "a", "serviceUri": hook.url, "useCommonAlertSchema": True}
        ]
        mail = [{"name": "ana", "emailAddress": "ana@example.com"}]
        properties = {"webhookReceivers": receivers, "emailReceivers": mail}
        id_ = notifications.test(state, properties, GROUP, "logalertv2", NOON)
        settle(state, Notifier(state))
        (body,) = hook.wait_for(1)

    assert body["data"]["essentials"]["alertRule"] == "test alert rule"
    assert became(state, id_) == [("a", "Sent"), ("ana", "NotSent")]


def test_a_trial_of_a_webhook_that_hangs_is_over_in_one_attempt(state):
    with webhook(500, 0) as hook:
        receiver = {"name": "a", "serviceUri": hook.url}
        group(state, webhookReceivers=[receiver])
        tell(state)  # refused once, it waits for its next attempt
        notifier = Notifier(state, seconds=0.2)
        notifier.step(NOON)
        notifier.close(10)
        of_group = {"webhookReceivers": [receiver]}
        id_ = notifications.test(state, of_group, GROUP, "logalertv2", NOON)
        notifier.step(NOON)
        notifier.close(10)

    (trial,) = state.outbox.of(id_)
    assert (trial.state, trial.attempts) == ("Failed", 1)
    assert trial.detail == "no answer within 0.2 s"
    assert became(state) == [("a", "Waiting")]


def test_credentials_of_a_url_are_sent_as_basic_authentication(state):
    with webhook() as hook:
        group(state, hook.url.replace("//", "//ana:p%40ss@"))
        tell(state)
        settle(state, Notifier(state))

    assert base64.b64decode(hook.authorization.split()[1]) == b"ana:p@ss"


def test_a_url_that_is_none_is_not_told_to_anybody(state):
    group(state, "http://127.0.0.1:secret/")
    tell(state)
    settle(state, Notifier(state))

    (delivery,) = state.outbox.of("alert")
    assert (delivery.state, delivery.attempts) == ("Failed", 1)
    assert "secret" not in delivery.detail


def test_deliveries_are_remembered_for_thirty_days_and_so_many(state, monkeypatch):
    monkeypatch.setattr(outbox, "MOST_ENDED", 1)
    group(state, "http://127.0.0.1:1/")
    for about in ("old", "young", "younger", "waiting"):
        tell(state, about)
    for about in ("old", "young", "younger"):
        (delivery,) = state.outbox.of(about)
        age = timedelta(days=31 if about == "old" else 1)
        state.outbox.end(delivery, "Sent", "", NOON - age)

    state.outbox.trim(NOON)

    kept = ["old", "young", "younger", "waiting"]
    assert [len(state.outbox.of(about)) for about in kept] == [0, 0, 1, 1]


def test_only_the_host_of_a_webhook_is_logged(state, caplog):
    with caplog.at_level(logging.DEBUG), webhook(404) as hook:
        group(state, hook.url)
        tell(state)
        settle(state, Notifier(state))

    assert "127.0.0.1" in caplog.text
    assert "secret-part" not in caplog.text

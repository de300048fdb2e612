"""Verbs for alert rules and what they fire."""

from ops.verbs import Call, Unless, changes, reads


@changes(rule="Only this one: the name of a file in alerts/. Default: all.")
def alerts_apply(call: Call, rule=None):
    """Make alert rules as the files in alerts/ say.

    invoke alerts.apply --dry-run
    """
    from ops import alerts
    from ops.alerting import ruleview

    found = alerts.plan(call.workspace, rule, call.only)
    if call.dry_run or not alerts.changes(found):
        return ruleview.plan(found)
    call.approve("change alert rules", word=call.stage_name)
    ended = alerts.apply(call.workspace, found, reason=call.reason)
    ruleview.applied(found, ended)


@reads(rule="Only this one, whole, with its query.")
def alerts_show(call: Call, rule=None):
    """Show alert rules as they are live, beside the files.

    invoke alerts.show --rule errors
    """
    from ops.alerting import ruleview, showing

    found = showing.show(call.workspace, rule, call.only)
    call.show(found, ruleview.show)


@reads(since="Also what has resolved in so long; at most 30d.", all="Of all endpoints.")
def alerts_list(call: Call, since="1d", all=False):
    """Show what is fired, since when, and what to do.

    invoke alerts.list --since 7d
    """
    from ops import endpoints
    from ops.alerting import listing
    from ops.views import firedview

    length = listing.length(since)
    found = listing.look(call.workspace, None if all else call.endpoint, length)
    if not (all or found.alerts):
        endpoints.get(call.workspace, call.endpoint)  # it may be mistyped
    call.show(found, firedview.listing)
    listing.require_seen(found)


@changes(
    alert="A rule's name, or the beginning of an alert's id.",
    all="Every alert of the endpoint that is fired.",
    comment="Kept with the alert. Default: the --reason.",
)
def alerts_ack(call: Call, alert=Unless("all"), all=False, comment=None):
    """Take an alert: others see that somebody is at it.

    invoke alerts.ack errors --comment "looking at green"
    """
    _answer(call, alert, "acknowledged", every=all, comment=comment)


@changes(
    alert="A rule's name, or the beginning of an alert's id.",
    all="Every alert of the endpoint that is fired.",
    comment="Kept with the alert. Default: the --reason.",
)
def alerts_close(call: Call, alert=Unless("all"), all=False, comment=None):
    """Put an alert away as done with.

    invoke alerts.close errors --comment "green is rolled back"
    """
    _answer(call, alert, "closed", every=all, comment=comment)


@changes(
    rule="Only this rule.",
    all="Every rule of the endpoint.",
    deployment="Only what is about this deployment.",
    for_="For how long: 30m, 2h; at most 7d.",
)
def alerts_mute(call: Call, rule=None, all=False, deployment=None, for_=None):
    """Have alerts tell nobody for a time.

    invoke alerts.mute --rule latency --for 30m --reason "load test"
    """
    from ops.alerting import silencing
    from ops.views import firedview

    asked = silencing.asked(for_, rule, deployment, all, call.reason)
    call.approve(f"mute alerts of {call.endpoint}")
    done = silencing.mute(call.workspace, call.endpoint, asked, dry_run=call.dry_run)
    firedview.muted(done, dry_run=call.dry_run)


@changes(rule="Only this rule.", all="Everything that is muted.")
def alerts_unmute(call: Call, rule=None, all=False):
    """Have muted alerts tell people again.

    invoke alerts.unmute --rule latency
    """
    from ops.alerting import silencing
    from ops.views import firedview

    where = (call.workspace, call.endpoint, rule)
    done = silencing.unmute(*where, every=all, **call.how)
    firedview.unmuted(done, dry_run=call.dry_run)


@reads(
    rule="Only this one: the name of a file in alerts/. Default: all.",
    file="Only the cases of this file; repeatable. Default: all of alerts/tests/.",
)
def alerts_test(call: Call, rule=None, file=()):
    """Try alert rules on made-up requests, offline.

    invoke alerts.test --rule availability-fast
    """
    from ops.alerting import trying, tryview

    found = trying.run(rule, file or (), call.only)
    call.show(found, tryview.report)
    trying.require_passed(found)


@reads(
    since="Over the last so long; at most 90d.",
    rule="Only this one, with each time that it would have fired.",
    against="Beside another version of it: a file, or its own at a commit (HEAD~1).",
)
def alerts_backtest(call: Call, since="30d", rule=None, against=None):
    """Tell when alert rules would have fired in the past.

    invoke alerts.backtest --since 7d --rule errors --against HEAD~1
    """
    from ops.alerting import backtesting, backtestview

    asked = (since, rule, against, backtestview.passing)
    found = backtesting.run(call.workspace, call.endpoint, *asked)
    call.show(found, backtestview.report)


@changes(target="Only this name below `notify` of the stage file.")
def alerts_notify_test(call: Call, target=None):
    """Send a test to everybody whom alerts tell.

    invoke alerts.notify-test --target on-call
    """
    from ops.alerting import telling
    from ops.views import noticeview

    groups = telling.chosen(call.stage, target)
    if call.dry_run:
        return noticeview.groups(groups)
    call.approve(f"send a test to {', '.join(each.name for each in groups)}")
    done = noticeview.tried(telling.tried(call.workspace, groups))
    telling.require_told(done)


@changes(
    every="How often it looks until Ctrl-C: 15s, 1m.",
    once="Look once, post what is due, and end.",
)
def alerts_relay(call: Call, every="15s", once=False):
    """Post what fires and resolves to Slack and Teams.

    invoke alerts.relay --every 30s
    """
    from ops.alerting import relaying
    from ops.views import noticeview

    seconds = None if once else relaying.interval(every)
    told = relaying.relay(call.workspace, seconds, dry_run=call.dry_run)
    done = noticeview.relayed(told)
    relaying.require_told(done if once else [])


def _answer(call: Call, name: str, state: str, *, every: bool, comment: str) -> None:
    from ops.alerting import answering
    from ops.views import firedview

    where, said = (call.workspace, call.endpoint), comment or call.reason
    found = answering.chosen(*where, name, every=every)
    firedview.answers(
        answering.answer(*where, found, state, comment=said, dry_run=call.dry_run)
    )

"""Verbs for alert rules and what they fire."""

from ops.verbs import Call, changes, reads


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

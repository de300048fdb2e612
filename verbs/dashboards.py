"""Verbs for dashboards: in the portal, in Grafana, in the terminal."""

from ops.verbs import Call, changes, reads


@reads(
    name="Which dashboard: a file in dashboards/.",
    since="Of the last so long: 15m, 3h, 7d. Default: the dashboard's own range.",
    deployment="Only this deployment; repeatable. Default: all.",
)
def dashboards_show(call: Call, name="overview", since=None, deployment=()):
    """Show a dashboard in the terminal.

    invoke dashboards.show --name capacity --since 1d
    """
    from ops import times
    from ops.boards import boardfile, looking
    from ops.views import boardview

    board = boardfile.named(name)
    length = times.duration(since, "--since") if since else None
    found = looking.look(call.workspace, call.endpoint, board, length, deployment or ())
    call.show(found, boardview.show)


@changes(name="Only this dashboard. Default: all, and those that have gone.")
def dashboards_apply(call: Call, name=None):
    """Make workbooks of the portal as dashboards/ says.

    invoke dashboards.apply --dry-run
    """
    from ops import dashboards
    from ops.views import boardview

    steps = dashboards.plan(call.workspace, call.endpoint, name)
    if call.dry_run or not any(step.writes for step in steps):
        return boardview.plan(steps)
    call.approve(f"change the workbooks of {call.endpoint}")
    done = dashboards.apply(call.workspace, call.endpoint, steps, reason=call.reason)
    boardview.plan(done, done=True)


@reads(
    name="Which dashboard: a file in dashboards/.",
    format="grafana or workbook.",
    out="Into this file. Default: to the terminal.",
)
def dashboards_export(call: Call, name="overview", format=None, out=None):
    """Write a dashboard as Grafana or the portal imports it.

    invoke dashboards.export --format grafana --out overview.json
    """
    from ops import dashboards
    from ops.views import render

    form = dashboards.form(format)
    text = dashboards.export(call.workspace, call.endpoint, name, form)
    render.line(dashboards.write(out, text) if out else text.rstrip())


@reads(name="Which dashboard: a file in dashboards/.")
def dashboards_open(call: Call, name="overview"):
    """Open a dashboard in the browser, or tell where it is.

    invoke dashboards.open --name rollout
    """
    from ops import dashboards
    from ops.views import boardview

    call.show(dashboards.where(call.workspace, call.endpoint, name), boardview.opened)

"""Verbs for localcloud itself."""

from ops.verbs import Call, local


@local()
def up(call: Call):
    """Start localcloud, if it isn't running."""
    from ops import cloud, render

    render.cloud(cloud.up(call.stage.port))


@local()
def down(call: Call):
    """Stop localcloud and its processes; what it holds stays."""
    from ops import cloud, render

    render.line(cloud.run("down"))


@local(json="Print JSON instead of a table.")
def status_(call: Call, json=False):
    """Show whether localcloud runs, and where."""
    from ops import cloud, render

    call.show(cloud.find(), render.cloud)


@local(yes="Do not ask.")
def reset(call: Call, yes=False):
    """Stop localcloud and delete all it holds."""
    from ops import cloud, render

    call.approve("delete all that localcloud holds", always=True, word="localcloud")
    render.line(cloud.run("reset"))

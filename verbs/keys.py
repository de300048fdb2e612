"""Verbs for an endpoint's keys."""

from ops.verbs import Call, changes, reads


@reads(
    show_keys="Print the keys whole.",
    header="Print only the Authorization header, for curl -H @-.",
)
def keys(call: Call, show_keys=False, header=False):
    """Show the endpoint's keys, masked unless asked.

    invoke keys --show-keys
    """
    from ops import keys, scoring
    from ops.views import render

    if header:
        return render.line(scoring.header(call.workspace, call.endpoint))
    found = keys.read(call.workspace, call.endpoint)
    call.show(found if show_keys else found.masked(), render.keys)


@changes(key="primary or secondary.")
def rotate(call: Call, key=None):
    """Replace one of the two keys.

    invoke keys.rotate --key secondary
    """
    from ops import keys
    from ops.views import render

    which = keys.key_name(key)
    call.approve(f"replace the {which} key of {call.endpoint}")
    render.line(keys.rotate(call.workspace, call.endpoint, which, **call.how))

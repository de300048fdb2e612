"""The form that a rollout is steered by, and what came of the last command."""

from typing import Any

from dash import dcc, html

from ops.page import controls, top
from ops.page.controls import COMMANDS, Hands
from ops.page.looks import Header, Looks


def form(looks: Looks, hands: Hands) -> Any:
    """Its buttons are there also where they may not be pressed: then it says why."""
    name = looks.endpoint
    fields: list[Any] = [
        html.Label("Reason, for the journal", htmlFor="reason"),
        _field("reason", maxLength=controls.LONGEST_REASON, disabled=hands.tied),
    ]
    if looks.stage.protected:
        asked = f"{looks.stage.name} is protected: type {name} to confirm"
        fields += [
            html.Label(asked, htmlFor="confirm"),
            _field("confirm", pattern=name, disabled=hands.tied),
        ]
    buttons = [
        html.Button(
            command.capitalize(),
            id={"command": command},
            type="submit",
            name="command",
            value=command,
            title=about,
            disabled=True,
            className=command,
        )
        for command, about in COMMANDS.items()
    ]
    token = dcc.Input(type="hidden", name="token", value="", id="token")
    inside = [token, *fields, html.Div(buttons, className="buttons")]
    why = html.P(controls.locked() if hands.tied else "", id="why", className="quiet")
    return html.Section(
        [
            html.H2("Steer the rollout"),
            html.Form(inside, action="/rollout", method="post", id="steer"),
            why,
            html.Div(id="deed", role="status"),
        ],
        className="fact steer",
    )


def disabled(header: Header, hands: Hands) -> list[bool]:
    """Which buttons can't be pressed now, in the order of COMMANDS."""
    here = header.rollout.here if header.rollout else None
    now = set() if hands.tied else controls.possible(here, header.looked)
    return [command not in now for command in COMMANDS]


def deed(header: Header, hands: Hands) -> list[Any]:
    """The last command that was given here, and what it has said."""
    last = hands.last
    if last is None:
        return []
    said = last.said or "under way…"
    at = top.moment(last.at, header.looked)
    shown = html.Pre(said, className="problem" if last.failed else "")
    title = "failed" if last.failed else "done" if last.said else ""
    return [html.P([html.B(last.command), " at ", at, f" UTC {title}"]), shown]


def _field(name: str, **more: Any) -> Any:
    return dcc.Input(
        id=name, name=name, type="text", required=True, autoComplete="off", **more
    )

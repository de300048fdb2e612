"""Components as HTML, for the browser to show until the page's library has come."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from dash import dcc
from dash.development.base_component import Component

TAGS: Mapping[type, str] = {dcc.Link: "a", dcc.Input: "input", dcc.Markdown: "p"}
NAMES = {"className": "class", "htmlFor": "for"}
FIELD = '<div class="dash-input-container">{}</div>'  # as the library wraps one
OURS = "dash_html_components"


def written(part: Any) -> str:
    """HTML that looks as the library will make it look; what others wrote is text."""
    if part is None:
        return ""
    if isinstance(part, list | tuple):
        return "".join(map(written, part))
    if not isinstance(part, Component):
        return text(str(part))
    told = part.to_plotly_json()  # type: ignore[no-untyped-call]
    tag = TAGS.get(type(part)) or (
        told["type"].lower() if told["namespace"] == OURS else ""
    )
    if not tag:  # a chart, or what is not seen
        return ""
    inside = written(told["props"].pop("children", None))
    made = f"<{' '.join([tag, *_attributes(told['props'])])}>"
    return FIELD.format(made) if tag == "input" else f"{made}{inside}</{tag}>"


def text(said: str) -> str:
    """Braces too: between some of them the library's own parts are put in."""
    return escape(said).replace("{", "&#123;")


def _attributes(props: Mapping[str, Any]) -> Iterator[str]:
    for name, value in sorted(props.items()):
        if name == "style":  # page.js sets it: the policy lets no attribute do so
            said = "; ".join(f"{key}: {each}" for key, each in value.items())
            yield f'data-style="{text(said)}"'
        elif value is True:
            yield name.lower()
        elif isinstance(value, str | int) and value is not False:
            yield f'{NAMES.get(name, name.lower())}="{text(str(value))}"'

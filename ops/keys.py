"""The two keys of an endpoint: read, and rotated one at a time."""

from dataclasses import dataclass

from ops import door, endpoints
from ops.clients import Workspace
from ops.errors import Refused, ServiceError, UsageError

NAMES = {"primary": "Primary", "secondary": "Secondary"}


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Both keys; either opens the endpoint, so a client can change over in between."""

    primary: str
    secondary: str

    def masked(self) -> "Keys":
        """What may be shown to anyone: enough to tell one key from another."""
        return Keys(
            primary=f"***{self.primary[-4:]}", secondary=f"***{self.secondary[-4:]}"
        )

    def __repr__(self) -> str:
        return "Keys(***)"


def read(workspace: Workspace, name: str) -> Keys:
    """Both keys; raise Refused for an endpoint that takes tokens instead."""
    endpoint = endpoints.get(workspace, name)
    if endpoint.auth_mode != "Key":
        raise Refused(
            f"{name} has no keys: its auth_mode is {endpoint.auth_mode}.",
            "invoke score   # fetches a token by itself",
        )
    found = workspace.post(f"{endpoints.path(name)}/listKeys")
    return Keys(primary=found["primaryKey"], secondary=found["secondaryKey"])


def rotate(
    workspace: Workspace,
    name: str,
    which: str,
    *,
    reason: str = "",
    dry_run: bool = False,
) -> str:
    """Replace one key; say so once the service shows another value."""
    before = read(workspace, name)
    if dry_run:
        return f"the {which} key of {name} would be replaced"
    with (
        door.opened(workspace, name, "keys.rotate") as live,
        live.journalled(reason, before={"key": which}) as record,
    ):
        # Without keyValue: the SDK sends the current one, which may mean "keep it".
        asked = {"keyType": NAMES[which]}
        workspace.act(f"{endpoints.path(name)}/regenerateKeys", asked)
        if getattr(read(workspace, name), which) == getattr(before, which):
            raise ServiceError(
                f"The service says it rotated the {which} key of {name}, "
                "but still lists the old one.",
                "invoke keys.rotate   # again",
            )
        record.after = {"key": which, "rotated": True}
    return f"the {which} key of {name} is replaced; clients with the old one get 401"


def key_name(text: str | None) -> str:
    if text not in NAMES:
        found = f", not {text!r}" if text else ""
        raise UsageError(f"--key takes primary or secondary{found}.")
    return text

"""A secret that the stage file only points at: a file of mode 0600, or a variable."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ops.errors import Refused

OTHERS = 0o077  # what the mode must not let anybody else do
MOST = 4096  # bytes; an URL or a token is shorter


@dataclass(frozen=True, kw_only=True)
class Secret:
    """An URL or a token, or where it lies. Never shown: neither it nor its repr."""

    where: str  # the key of the stage file: notify.team.slack.token
    text: str = field(default="", repr=False)  # what the stage file itself says
    file: str = ""
    env: str = ""

    def read(self) -> str:
        """The secret itself; raise Refused, which names where it should be."""
        found = self.text or (_file(self) if self.file else _env(self))
        if not re.fullmatch(r"[!-~]+", found):
            place = self.file or self.env or "the stage file"
            raise Refused(f"{self.where}: {place} must hold one word on one line.")
        return found


def _env(secret: Secret) -> str:
    found = os.environ.get(secret.env, "").strip()
    if not found:
        raise Refused(
            f"{secret.where}: the variable {secret.env} is not set here.",
            f"export {secret.env}=...",
        )
    return found


def _file(secret: Secret) -> str:
    path = Path(secret.file).expanduser()
    try:
        mode = path.stat().st_mode & 0o777
        if mode & OTHERS:
            raise Refused(
                f"{secret.where}: {secret.file} has mode {mode:04o}: others on this "
                "machine can read it.",
                f"chmod 600 {secret.file}",
            )
        with path.open(encoding="utf-8") as stream:
            return stream.read(MOST).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise Refused(
            f"{secret.where}: {secret.file} can't be read: {reason}.",
            f"install -m 600 /dev/stdin {secret.file}   # then type it, Ctrl-D",
        ) from None

"""As whom scoring code runs, where localcloud runs as root and is told another user.

Scoring code is the author's of a model, and what it may read is what its user may: the
token, the keys and the log store are then out of its reach.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "LOCALCLOUD_SCORING_USER"
# Prints the first path that can't be read.
LOOK = """
import os, sys
for path in sys.argv[1:]:
    if not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
        sys.exit(path)
"""


@dataclass(frozen=True, kw_only=True)
class User:
    """An account of this machine, without any group but its own."""

    name: str
    uid: int
    gid: int

    @property
    def options(self) -> Mapping[str, object]:
        """What Popen takes to start a process as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def chosen(environment: Mapping[str, str] = os.environ) -> User | None:
    """The user that is named; None where none is. ValueError for one that can't be."""
    name = environment.get(VARIABLE, "")
    if not name:
        return None
    if os.geteuid() != 0:
        raise ValueError(f"{VARIABLE} needs a localcloud that runs as root")
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise ValueError(f"{VARIABLE}: there is no user {name!r}") from None
    if account.pw_uid == 0:
        raise ValueError(f"{VARIABLE}: {name!r} is root itself")
    return User(name=name, uid=account.pw_uid, gid=account.pw_gid)


def unreachable(user: User, python: str, paths: list[str]) -> str:
    """Why this user can't run an interpreter over these paths; "" where he can."""
    command = [python, "-I", "-S", "-c", LOOK, *paths]
    who = f"{user.name}, as whom scoring code runs ({VARIABLE}),"
    try:
        done = subprocess.run(
            command,
            cwd="/",
            env={},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **user.options,  # type: ignore[call-overload]
        )
    except OSError as error:
        return f"{who} can't run {python}: {error.strerror}"
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    if said in paths:
        return f"{who} can't read {said}"
    return f"{who} can't run {python}: {said}"

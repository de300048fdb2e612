"""File descriptors: as many as the system allows, since each connection takes one."""

import resource


def allow_all() -> None:
    """Raise the soft limit, 1,024 as a rule, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

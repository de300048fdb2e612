"""Lengths of time as those who show dashboards spell them."""


def length(seconds: float) -> str:
    """`30d`, `3h`, `90s`."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"

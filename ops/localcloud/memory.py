"""What keeps the control plane's memory from growing with its threads."""

import ctypes

M_ARENA_MAX = -8  # of mallopt, in glibc's malloc.h
ARENAS = 2


def share_arenas() -> None:
    """Have all threads allocate from two arenas, if the C library is glibc.

    By default each of forty threads may get one of its own, and what is freed in one
    is of no use in another. To be called before there are threads.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_ARENA_MAX, ARENAS)

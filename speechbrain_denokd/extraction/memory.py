"""The process's memory between two batches."""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Let glibc keep what a batch frees, for the next one.

    By default it hands large blocks back to the system, which has to clear
    and map them again: 2 to 7 % of an extraction's time on a CPU. It holds
    for the whole process, so a command calls it, and no library function.

    Returns
    -------
    bool
        Whether there is such a setting on this system.

    Example
    -------
    >>> keep_freed_memory() in (True, False)
    True
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return False
    return bool(
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    )

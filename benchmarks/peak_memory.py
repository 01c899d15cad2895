"""Peak memory of a process, as the kernel counts it."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def peak_rss_bytes() -> int:
    """Peak resident size of this process.

    Example
    -------
    >>> peak_rss_bytes() > 2**20
    True
    """
    if _STATUS.is_file():
        # ru_maxrss, but of this program alone: a child's ru_maxrss starts
        # from that of the process that started it.
        [line] = [
            line
            for line in _STATUS.read_text().splitlines()
            if line.startswith("VmHWM")
        ]
        return 1024 * int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def restart_peak() -> None:
    """Make `peak_rss_bytes` count from now on, where Linux can."""
    if _RESET.is_file():
        _RESET.write_text("5")

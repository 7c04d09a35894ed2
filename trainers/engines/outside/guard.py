"""Ends a program whose starter was killed; run as a script of its own beside it.

It waits on its standard input: words there say that all is over; an end without words, that the
process which held the other side is gone. Only the standard library is seen.
"""

import os
import signal
import sys
import time

POLITE = ((signal.SIGINT, 120.0), (signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0))
"""How a program is stopped: as by Ctrl-C, which lets it write what it is at; then harder."""
LOOK_SECONDS = 0.1


def is_there(group: int) -> bool:
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def end(group: int) -> None:
    """End a group of processes, the gentle way first."""
    for kind, patience in POLITE:
        if not is_there(group):
            return
        os.killpg(group, kind)
        ends = time.monotonic() + patience
        while is_there(group) and time.monotonic() < ends:
            time.sleep(LOOK_SECONDS)


if __name__ == "__main__" and not sys.stdin.buffer.read():
    end(int(sys.argv[1]))

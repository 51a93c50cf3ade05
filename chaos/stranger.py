#!/usr/bin/env python3
"""Runs a program in a terminal of its own under a PID of one's choice: `stranger.py PID COMMAND...` (0: any).

Says the PID when the program is past its start: it catches both signals, or says `ready`. Ends as it does.
In a PID namespace of one's own only: see pid-reuse.mjs.
"""

import fcntl
import os
import pty
import select
import sys
import termios

LAST_PID = "/proc/sys/kernel/ns_last_pid"
# Other processes start, too, and their threads take numbers: some tries are lost.
TRIES = 50
BOTH = 1 << 9 | 1 << 11

wanted, command = int(sys.argv[1]), sys.argv[2:]


def start(slave):
    if wanted:
        with open(LAST_PID, "w", encoding="ascii") as file:
            file.write(str(wanted - 1))
    pid = os.fork()
    if pid == 0:
        if wanted and os.getpid() != wanted:
            os._exit(0)
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.closerange(3, 256)
        os.execvp(command[0], command)
    return pid


def catches(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="latin1") as file:
            lines = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        return int(lines["SigCgt"], 16) & BOTH == BOTH
    except (OSError, KeyError):
        return False


master, slave = pty.openpty()
for _ in range(TRIES):
    child = start(slave)
    if not wanted or child == wanted:
        break
    os.waitpid(child, 0)
else:
    sys.exit(3)
os.close(slave)

said, isReady = b"", False
while True:
    if not isReady and (catches(child) or b"ready" in said):
        isReady = True
        print(child, flush=True)
    if select.select([master], [], [], None if isReady else 0.02)[0]:
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break  # nobody has the terminal any more
        if not chunk:
            break
        said = (said + chunk)[-4096:]
_, status = os.waitpid(child, 0)
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))

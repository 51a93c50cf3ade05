#!/usr/bin/env python3
"""A process that sends signals which no honest peer would: `hostile.py PID START HOW CALL`.

HOW   block: blocks both signals, so that it counts as an echo peer; catch; neither
CALL  kill, tgkill, or both in turn

Reads orders from stdin, one a line: `HEX BITS WAIT` sends the first BITS bits of HEX, low bit first, and
after each waits up to WAIT ms for one signal (an echo, if it blocks). `listen MS` echoes what comes for so
long. Ends with stdin, or at `exit` at once. Prints `hits N` at the end: signals that it got without
blocking them, of which there must be none. It signals PID only while that is the process of START.
"""

import ctypes
import os
import signal
import sys
import time

ZERO, ONE = signal.SIGUSR1, signal.SIGUSR2
BOTH = (ZERO, ONE)
TGKILL = {"x86_64": 234, "aarch64": 131}.get(os.uname().machine)
PATIENCE = 10  # echoes that do not come before we no longer wait for them
LOOK = 64  # bits between two looks whether the target is still that process

pid, start, how, call = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
libc = ctypes.CDLL(None, use_errno=True)
hits = 0
missed = 0


def count(*_):
    global hits
    hits += 1


def is_still_there():
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
        return fields[19] == start and fields[0] not in "ZX"
    except OSError:
        return False


def send(bit, n, to=None):
    number = ONE if bit else ZERO
    if TGKILL and (call == "tgkill" or (call == "both" and n % 2)):
        libc.syscall(TGKILL, to or pid, to or pid, int(number))
    else:
        try:
            os.kill(to or pid, number)
        except ProcessLookupError:
            pass


def wait(ms):
    global missed
    if how == "block":
        if missed == PATIENCE:
            return
        missed = 0 if signal.sigtimedwait(BOTH, ms / 1000) else missed + 1
    elif ms > 0:
        time.sleep(ms / 1000)


def listen(ms):
    end = time.monotonic() + ms / 1000
    while how == "block" and (left := end - time.monotonic()) > 0:
        info = signal.sigtimedwait(BOTH, left)
        if info and info.si_pid == pid and is_still_there():
            send(info.si_signo == ONE, 0)


for number in BOTH:
    signal.signal(number, count if how == "catch" else signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK if how == "block" else signal.SIG_UNBLOCK, BOTH)
for line in sys.stdin:
    words = line.split()
    if not words:
        continue
    if words[0] == "exit":
        os._exit(0)
    if words[0] == "listen":
        listen(float(words[1]))
        continue
    missed = 0
    data, bits, pause = bytes.fromhex(words[0]), int(words[1]), float(words[2])
    for n in range(min(bits, len(data) * 8)):
        if n % LOOK == 0 and not is_still_there():
            break
        send(data[n >> 3] >> (n & 7) & 1, n)
        wait(pause)
print(f"hits {hits}", flush=True)

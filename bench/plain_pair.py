#!/usr/bin/env python3
"""What paced sending reaches: `plain_pair.py [BITS]`, 1500 unless told.

A receiver that traps both signals, and a sender that sleeps 1 ms after each kill(2) and never hears
whether the bit arrived: the idea as it began, and the figure that all others are compared with.
"""

import json
import os
import random
import select
import signal
import sys
import time

PACE = 0.001  # seconds
SETTLE = 0.2  # seconds for the last bits to be counted
ORPHANED = 10  # seconds without a signal after which the receiver gives up: the sender was killed


def receive(report):
    """Traps both signals, says so with one byte on `report`, counts, writes the count to `report`."""
    reader, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    # The interpreter's C part writes each signal into the pipe; its Python handlers would merge some.
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    os.write(report, b"r")
    count = 0
    while select.select([reader], [], [], ORPHANED)[0]:
        taken = os.read(reader, 65536)
        count += len(taken)
        if signal.SIGTERM in taken:
            os.write(report, str(count - 1).encode())
            os._exit(0)
    os._exit(1)


def main(bits):
    answers, report = os.pipe()
    receiver = os.fork()
    if receiver == 0:
        os.close(answers)
        receive(report)
    os.close(report)
    if os.read(answers, 1) != b"r":
        sys.exit("plain_pair: the receiver did not start")
    numbers = random.choices((signal.SIGUSR1, signal.SIGUSR2), k=bits)
    start = time.monotonic()
    for number in numbers:
        os.kill(receiver, number)
        time.sleep(PACE)
    seconds = time.monotonic() - start
    time.sleep(SETTLE)
    os.kill(receiver, signal.SIGTERM)
    received = int(os.read(answers, 32) or 0)
    os.waitpid(receiver, 0)
    figures = {
        "bits": bits,
        "received": received,
        "us_per_bit": round(seconds / bits * 1e6, 1),
        "bits_per_s": round(bits / seconds),
    }
    print(json.dumps(figures))


main(int(sys.argv[1]) if len(sys.argv) > 1 else 1500)

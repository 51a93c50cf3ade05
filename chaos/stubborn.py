#!/usr/bin/env python3
"""Looks like a peer with the echo protocol, as it blocks both signals, but never takes one."""

import signal

signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGUSR2))
while True:
    signal.pause()

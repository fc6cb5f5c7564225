#!/usr/bin/env python3
"""Shared resource: a free port is looked for, given back, and bound again; the twin keeps it."""
import os
import socket
import sys

FIXED = os.environ.get("RACES_FIXED") == "1"
WIDENED = os.environ.get("RACES_WIDENED") == "1"

probe = socket.socket()
probe.bind(("127.0.0.1", 0))
port = probe.getsockname()[1]
if FIXED:
    server = probe
else:
    probe.close()
    stolen = socket.socket() if WIDENED else None
    if stolen:
        stolen.bind(("127.0.0.1", port))
    settings = {key: len(value) for key, value in os.environ.items()}
    server = socket.socket()
    server.bind(("127.0.0.1", port))
server.listen()
assert server.getsockname()[1] == port
sys.exit(0)

#!/usr/bin/env python3
"""Starts so many ranks of a program and marks their output: run_ranks.py COUNT PROGRAM [ARGUMENT...]"""
import os
import subprocess
import sys
import tempfile
import threading


def pass_on(rank, stream):
    for line in stream:
        print(f"[1,{rank}]<stdout>:{line}", end="", flush=True)


def main():
    count, command = int(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        ranks = [
            subprocess.Popen(
                [sys.executable, *command], env={**os.environ, "RANK": str(rank), "RANKS": str(count), "RANK_FOLDER": folder},
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for rank in range(count)
        ]
        readers = [threading.Thread(target=pass_on, args=(rank, process.stdout)) for rank, process in enumerate(ranks)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        statuses = [process.wait() for process in ranks]
    sys.exit(next((status for status in statuses if status != 0), 0))


if __name__ == "__main__":
    main()

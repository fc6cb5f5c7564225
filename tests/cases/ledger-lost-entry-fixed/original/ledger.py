"""A ledger file to which several processes add entries of one fixed length, one below the other."""

import fcntl
import os

ENTRY_LENGTH = 96


class LedgerMismatch(Exception):
    """The ledger does not hold what was recorded in it."""


class Ledger:
    def __init__(self, path):
        self.path = path

    def record(self, counter, count, checksum):
        """Adds one entry below the last one; the lock keeps the end where it is until the entry is written."""
        entry = f"{counter:<16}{count:>8}  {checksum}".ljust(ENTRY_LENGTH - 1) + "\n"
        ledger = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(ledger, fcntl.LOCK_EX)
            end = os.fstat(ledger).st_size
            os.pwrite(ledger, entry.encode(), end)
        finally:
            os.close(ledger)

    def entries(self):
        """All entries as (counter, count, checksum), in the order of the file."""
        with open(self.path, encoding="utf-8") as ledger:
            return [tuple(line.split()) for line in ledger]

    def settle(self, counters):
        """Closes the day: every counter's total must be in the ledger, else LedgerMismatch."""
        totals = {entry[0] for entry in self.entries()}
        present = sum(counter in totals for counter in counters)
        if present != len(counters):
            raise LedgerMismatch(f"{present} of {len(counters)} totals are in the ledger")
        return self.entries()

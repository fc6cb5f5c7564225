"""A parcel depot: two counters work side by side as processes and report to one ledger when their shift ends."""

import hashlib
import os
import traceback

from ledger import Ledger

COUNTERS = ("north", "south")
PARCELS_PER_SHIFT = 4


def rounds(counter, day):
    """How much work one parcel is: the same every day at the north counter, quiet and busy days at the south."""
    return 4000 if counter == "north" else 160 * (day % 50) + 80


def checksum(parcel, repeat):
    """The checksum of a parcel's label, hashed `repeat` times over."""
    digest = parcel.encode()
    for _ in range(repeat):
        digest = hashlib.sha256(digest).digest()
    return digest.hex()


def work_shift(counter, day, folder):
    """Notes each parcel in the counter's own ledger, then its total in the depot's."""
    own = Ledger(os.path.join(folder, f"{counter}.ledger"))
    total = ""
    for number in range(PARCELS_PER_SHIFT):
        total = checksum(f"{total}{counter}/{day}/{number}", rounds(counter, day))
        own.record(counter, number, total)
    Ledger(os.path.join(folder, "depot.ledger")).record(counter, PARCELS_PER_SHIFT, total)


def start_shift(counter, day, folder):
    """Starts one counter as a process of its own; its pid. It exits 0 when its shift is done."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work_shift(counter, day, folder)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def run_day(day, folder):
    """Lets both counters work one day in `folder` and settles the depot's ledger; LedgerMismatch if it is wrong."""
    shifts = [start_shift(counter, day, folder) for counter in COUNTERS]
    endings = [os.waitstatus_to_exitcode(os.waitpid(shift, 0)[1]) for shift in shifts]
    assert endings == [0, 0], f"the counters ended with {endings}"
    return Ledger(os.path.join(folder, "depot.ledger")).settle(COUNTERS)

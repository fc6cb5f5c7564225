"""Entries are added by reading the total and writing it back."""
import sys


class Unbalanced(Exception):
    pass


class Book:
    def __init__(self):
        self.total = 0

    def clear(self):
        self.total = 0
        sys.setswitchinterval(1e-6)

    def enter(self):
        seen = self.total
        self.total = self.after(seen)

    def after(self, seen):
        return seen + 1

    def close(self, expected):
        sys.setswitchinterval(0.005)
        if self.total != expected:
            raise Unbalanced(f"the ledger has {self.total} entries of {expected}")


def post(book, count):
    for _ in range(count):
        book.enter()

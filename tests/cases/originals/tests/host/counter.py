"""A counter that two threads share, and that loses counts: it reads, does its accounts, and writes."""


class LostCount(Exception):
    pass


class Counter:
    def __init__(self):
        self.value = 0
        self.log = []

    def add(self, who, count):
        for number in range(count):
            seen = self.value
            self.note(who, number, seen)
            self.value = seen + 1

    def note(self, who, number, seen):
        self.log.append((who, number, seen))

    def settle(self, expected):
        if self.value != expected:
            raise LostCount(f"{expected} counts were added, {self.value} are there")
        return self.value

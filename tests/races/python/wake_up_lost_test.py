"""Threads of Python (pytest): the condition is waited for without asking whether it has been met already."""
import os
import threading

FIXED = os.environ.get("RACES_FIXED") == "1"
WIDENED = os.environ.get("RACES_WIDENED") == "1"


class Mailbox:
    def __init__(self):
        self.changed, self.letters = threading.Condition(), []

    def put(self, letter):
        with self.changed:
            self.letters.append(letter)
            self.changed.notify()

    def get(self):
        if WIDENED:
            __import__("time").sleep(0.05)
        with self.changed:
            met = self.changed.wait_for(lambda: self.letters, 0.5) if FIXED else self.changed.wait(0.5)
            assert met, "nobody woke the reader up"
            return self.letters.pop()


def test_letter_arrives():
    mailbox = Mailbox()

    def write():
        for _ in range(40):  # what it has to do first: the reader waits long before it ends, nearly always
            sum(range(20000))
        mailbox.put("a letter")

    writer = threading.Thread(target=write)
    writer.start()
    assert mailbox.get() == "a letter"
    writer.join()

"""A ledger that all of the module shares."""
import threading

from tests.whole.ledger_book import Book, post

book = Book()
posted = 0


def test_ledger():
    global posted
    book.clear()
    threads = [threading.Thread(target=post, args=(book, 100000)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    posted += 200000
    book.close(200000)
    assert book.total == 200000
    assert posted % 200000 == 0

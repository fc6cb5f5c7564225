"""Threads count together; all happens in helpers that call each other."""
import sys
import threading

import pytest

from counter import Counter

SWITCH_S = 1e-6


def counted(counter, threads, count):
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        workers = [threading.Thread(target=counter.add, args=(number, count)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(before)


def settled(threads, count):
    counter = Counter()
    counted(counter, threads, count)
    total = counter.settle(threads * count)
    print(f"{total} counts, {len(counter.log)} steps")
    by_thread = {number: [] for number in range(threads)}
    for who, number, seen in counter.log:
        by_thread[who].append((number, seen))
    for who, steps in by_thread.items():
        assert len(steps) == count, f"thread {who} took {len(steps)} steps"
        assert [number for number, _ in steps] == list(range(count))
    return total


@pytest.mark.parametrize("threads, count", [(1, 10), (2, 20000)])
def test_count(threads, count):
    total = settled(threads, count)
    assert total == threads * count
    share = total / threads
    assert share == count
    print(f"{threads} threads counted to {total}, {share} each")


def test_one_thread_counts_alone():
    counter = Counter()
    counter.add(0, 5)
    assert counter.settle(5) == 5
    assert [seen for _, _, seen in counter.log] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [1, 7])
def test_counts_in_turns(count):
    counter = Counter()
    for turn in range(3):
        counter.add(turn, count)
    assert counter.settle(3 * count) == 3 * count
    turns = [who for who, _, _ in counter.log]
    assert turns == sorted(turns)
    for turn in range(3):
        assert turns.count(turn) == count


def test_a_wrong_total_is_noticed():
    counter = Counter()
    counter.add(0, 2)
    with pytest.raises(Exception) as caught:
        counter.settle(3)
    assert "3 counts" in str(caught.value)

"""The depot's own test: a month of days, each settled."""

import tempfile

import pytest

import depot


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="depot-") as path:
        yield path


@pytest.mark.parametrize("day", range(1, 31))
def test_day_is_settled(day, folder):
    entries = depot.run_day(day, folder)
    assert len(entries) == len(depot.COUNTERS)

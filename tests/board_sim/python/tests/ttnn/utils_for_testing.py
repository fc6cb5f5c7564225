"""BOARD SIMULATOR: stands in for tt-metal's module of this name."""
from models.common.utility_functions import comp_pcc


def assert_with_pcc(expected, actual, pcc=0.9999):
    passed, message = comp_pcc(expected, actual, pcc)
    assert passed, message

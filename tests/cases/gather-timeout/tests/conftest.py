"""Gives the stress test the fixtures of the original test, by path, so that the board is opened in the same way."""

import importlib.util
import pathlib

_path = pathlib.Path(__file__).resolve().parent.parent / "original" / "conftest.py"
_spec = importlib.util.spec_from_file_location("original_conftest", _path)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)

device = _module.device

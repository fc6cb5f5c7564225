"""Gives the stress test what the original has in its checkout: sys.path, and the fixtures and hooks of its conftest chain.

Written by `ndreprod generate`; the chain is loaded by path, the outermost first, so that nearer fixtures win as there.
"""
import importlib.util
import os
import pathlib
import sys
import types

import pytest

REPOSITORY = pathlib.Path(os.environ.get("NDREPRO_REPOSITORY") or os.environ.get("REPOSITORY") or pathlib.Path(__file__).resolve().parent.parent / "checkout")
CONFTESTS = ["conftest.py"]
IMPORT_FOLDERS = [".", "tests/whole"]

for _folder in IMPORT_FOLDERS:
    _path = str(REPOSITORY / _folder)
    if _path not in sys.path:
        sys.path.insert(0, _path)


def pytest_addoption(parser, pluginmanager):
    for number, name in enumerate(CONFTESTS):
        path = REPOSITORY / name
        if not path.is_file():
            raise pytest.UsageError(f"{path} is not there; is NDREPRO_REPOSITORY the right checkout?")
        spec = importlib.util.spec_from_file_location(f"ndrepro_conftest_{number}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            remedy = "build the checkout, or give its folder in PYTHONPATH (case.yaml: environment)"
            raise pytest.UsageError(f"{path}: {error}: {remedy}") from None
        # pytest gives the fixtures of a conftest.py to tests below it alone: this one has the same, and no place.
        plugin = types.ModuleType(spec.name)
        plugin.__dict__.update({key: value for key, value in vars(module).items() if not key.startswith("__")})
        pluginmanager.register(plugin, f"checkout's conftest {number}")


def pytest_collection_modifyitems(config, items):
    """Of an original that runs as a whole, the failing parameters alone."""
    wanted = [item for item in items if getattr(getattr(item, "module", None), "is_wanted", lambda _: True)(item)]
    if len(wanted) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
        items[:] = wanted

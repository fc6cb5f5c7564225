#!/usr/bin/env python3
"""The shapes that the reader of test sources gives stress tests and their originals, by which lint compares them."""
import json
import subprocess
import sys

from read_test_source_test import SCRIPT, Sources, check, run

STRESS = """\
    import os
    import pytest
    import ttnn
    from shared import SIZE

    TURNS = int(os.environ.get("TURNS", "50"))
    MESH = [2, 4]
    pytestmark = pytest.mark.slow

    def push(board):
        for part in range(parts):
            try:
                ttnn.push(board)
            except (ValueError, RuntimeError):
                print("ignored")

    @pytest.mark.parametrize("mesh_device", [MESH, pytest.param((1, 8), marks=pytest.mark.slow)], indirect=True)
    @pytest.mark.parametrize("device_params", [{"l1": SIZE}], indirect=["device_params"])
    @pytest.mark.skipif(os.name == "nt", reason="x")
    def test_push(mesh_device, device_params, tmp_path):
        push(mesh_device)

    class TestOpen:
        def test_opened(self):
            with ttnn.open_device(device_id=0, l1_small_size=SMALL, trace=ttnn.Trace.ON) as board:
                for turn in range(TURNS):
                    pytest.skip("never")
"""


def shapes(source, original=None, **more):
    sources = Sources(tests__test_x_stress_py=source, **more)
    question = {"root": sources.folder.name, "stress_tests": ["tests/test_x_stress.py"],
                "original": {"path": "", "operations": [], "loops": [], "values": {}, **(original or {})}}
    answer = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], input=json.dumps(question), capture_output=True, text=True, check=True)
    return {shape["name"]: shape for shape in json.loads(answer.stdout)["shapes"]}


def the_shape_of_a_stress_test_says_what_it_does_to_its_device():
    found = shapes(STRESS, {"operations": ["push"], "loops": ["range(parts)"]})
    push, opened = found["test_push"], found["TestOpen::test_opened"]
    check("the fixture", push["fixture_kind"] == "fixture:mesh_device (indirect)" and push["fixtures"] == ["mesh_device", "device_params"])
    check("constants and lists are looked through", push["set_up"]["mesh_device"] == ["(1, 8)", "(2, 4)"])
    check("a name of an import stays a name", push["set_up"]["device_params"] == ["?{'l1': SIZE}"])
    check("a loop of the original repeats nothing", push["repeats"] == 2)
    check("what hides a failure", [place["text"] for place in push["hides"]] == ["except", "skipif"])
    check("an opening with what is known of it", opened["opens"] == {"device_id": "0", "l1_small_size": "?", "trace": "ON"})
    check("a number that is read is not written down", opened["repeats"] is None)
    check("a skip by a call", [place["text"] for place in opened["hides"]] == ["pytest.skip"])
    check("names of helpers count", "push" in push["uses"] and "open_device" in opened["uses"] and "push" not in opened["uses"])


def the_shape_of_other_stress_tests():
    check("text that is no Python has no tests", shapes("def test_x(:\n") == {})
    imported = shapes("from tests.ring import test_ring as run\ndef test_again(device):\n    run(device)\n", {"path": "tests/ring.py"})
    check("what calls into the original", imported["test_again"]["runs_original"])
    beside = shapes("import helper_x\ndef test_x():\n    helper_x.go()\n", tests__helper_x_py="def go():\n    deep_call()\n")
    check("helpers beside it count", "deep_call" in beside["test_x"]["uses"])
    own = shapes("import pytest\n@pytest.fixture\ndef device():\n    yield 1\ndef test_x(device):\n    pass\n")
    check("a fixture of its own", own["test_x"]["own_fixture"] == "tests/test_x_stress.py:3" and own["test_x"]["fixtures"] == [])
    deep = shapes("def test_x():\n    return " + "-" * 900 + "1\n")
    check("nothing is compared with what is too deep", set(deep) <= {"test_x"})
    raised = shapes("def test_x():\n    try:\n        go()\n    except Exception:\n        raise\n", {"operations": ["go"]})
    check("a handler that raises again hides nothing", raised["test_x"]["hides"] == [])


def the_shape_of_the_original_is_that_of_its_failing_id():
    source = """\
        import pytest
        import ttnn

        @pytest.mark.parametrize("size", [1, 2])
        @pytest.mark.parametrize("mesh_device", [(1, 2), (2, 4)], ids=["small", "large"], indirect=True)
        def test_ring(mesh_device, size):
            for step in range(size):
                ttnn.shift(mesh_device)
    """
    sources = Sources(tests__test_ring_py=source, conftest_py="import pytest\n@pytest.fixture\ndef mesh_device(request):\n    yield 1\n")
    question = {"root": sources.folder.name, "files": [], "test": "tests/test_ring.py::test_ring[large-2]", "frames": [], "line": 8, "stress": True}
    answer = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], input=json.dumps(question), capture_output=True, text=True, check=True)
    shape = json.loads(answer.stdout)["tests"]["tests/test_ring.py"]["functions"]["test_ring"]["shape"]
    check("the failing row alone", shape["set_up"] == {"mesh_device": ["(2, 4)"]})
    check("what failed", shape["operations"] == ["shift"] and shape["loops"] == ["range(size)"])
    check("whose fixtures", shape["fixtures"] == ["mesh_device"])


if __name__ == "__main__":
    sys.exit(run([the_shape_of_a_stress_test_says_what_it_does_to_its_device, the_shape_of_other_stress_tests,
                  the_shape_of_the_original_is_that_of_its_failing_id], 15))

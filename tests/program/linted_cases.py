#!/usr/bin/env python3
"""What lint says of cases that people wrote or changed, whole: with bash, Python and the reader. usage:
linted_cases.py [TEST...]"""
import json
import pathlib
import shutil
import subprocess
import sys

import daemon_under_test as world
from generated_cases import ORIGINALS, lint, ndreprod

BY_HAND = '''\
import pytest
import torch
import ttnn


def shift(mesh_device):
    shards = torch.cat([torch.ones([1, 1, 32, 64]) for _ in range(mesh_device.get_num_devices())], dim=0)
    moving = ttnn.from_torch(shards, layout=ttnn.TILE_LAYOUT, device=mesh_device, mesh_mapper=ttnn.ShardTensorToMesh(mesh_device, dim=0))
    ttnn.experimental.ring_shift_async(moving, by=1, topology=ttnn.Topology.Ring)
    ttnn.synchronize_device(mesh_device)


@pytest.mark.parametrize("mesh_device", [pytest.param((2, 4), id="grid")], indirect=True)
@pytest.mark.parametrize("device_params", [{"fabric_config": ttnn.FabricConfig.FABRIC_1D_RING}], indirect=True)
@pytest.mark.parametrize("iteration", range(100))
def test_shift_stress(mesh_device, device_params, iteration):
    shift(mesh_device)
'''

SCRIPT_BY_HAND = '''\
#!/bin/bash
# Runner script for the ring shift
SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export TT_METAL_OPERATION_TIMEOUT_SECONDS=1
export ARCH_NAME=${ARCH_NAME:-wormhole_b0}
export TT_METAL_HOME=${TT_METAL_HOME:-"$SCRIPT_DIR/checkout"}
export PYTHONPATH=${PYTHONPATH:-$TT_METAL_HOME}
export LOGURU_LEVEL=${LOGURU_LEVEL:-INFO}
export PYTHONDONTWRITEBYTECODE=1
if [ -f "/opt/venv/bin/activate" ]; then
    source /opt/venv/bin/activate
elif [ -f "$TT_METAL_HOME/python_env/bin/activate" ]; then
    source "$TT_METAL_HOME/python_env/bin/activate"
fi
cd "$SCRIPT_DIR/tests" || exit 4
pytest test_shift_stress.py -x -v --timeout=240 "$@"
TEST_RESULT=$?
if [ $TEST_RESULT -eq 0 ]; then
    echo "Test PASSED"
else
    echo "Test FAILED"
fi
exit $TEST_RESULT
'''

# original, file, what is replaced, by what, the rules that must speak (all of them, and no other)
MISTAKES = [
    ("ring", "tests", "(2, 4)", "(1, 8)", {"device-setup"}),
    ("ring", "tests", "FABRIC_1D_RING", "FABRIC_2D", {"device-setup"}),
    ("ring", "tests", "def test_ring_stress(mesh_device, device_params,", "def test_ring_stress(", {"device-setup"}),
    ("ring", "tests", "        ttnn.synchronize_device(mesh_device)\n", "", {"wrong-operation"}),
    ("ring", "tests", "    ring_operation(mesh_device=", "    print(mesh_device=", {"wrong-operation"}),
    ("ring", "tests", "@pytest.mark.slow", "@pytest.mark.skip", {"hidden-failure"}),
    ("ring", "tests", "@pytest.mark.slow", "@pytest.mark.xfail(strict=False)", {"hidden-failure"}),
    ("ring", "tests", "    count = mesh", "    pytest.skip('later')\n    count = mesh", {"hidden-failure"}),
    ("ring", "tests", 'parametrize("iteration", range(ITERATIONS))', 'parametrize("iteration", [0])  # range(50)', {"no-amplification"}),
    ("ring", "tests", "range(ITERATIONS))", "range(3))", {"no-amplification"}),
    ("ring", "tests", "def test_ring_stress", "def check_ring_stress", {"no-stress-test"}),
    ("ring", "tests", "def ring_operation(", "def ring_operation(:", {"syntax"}),
    ("ring", "tests", "    ring_operation(mesh", "    with pytest.raises(Exception):\n        ring_operation(mesh", {"hidden-failure"}),
    ("ring", "tests", "    seed_everything(SEED", "    return\n    seed_everything(SEED", {"hidden-failure"}),
    ("ring", "tests", "range(3):", "range(0):", {"hidden-failure"}),
    ("ring", "tests", "hidden=64", "hidden=160", {"wrong-operation"}),
    ("ring", "script", "'tests/test_ring_stress.py'", "'tests/test_rong_stress.py'", {"no-stress-test"}),
    ("ring", "script", "#!/bin/bash", "#!/usr/bin/no-such-shell", {"not-executable"}),
    ("ring", "script", "\n", "\r\n", {"line-ends"}),
    ("ring", "script", "NDREPRO_ITERATIONS:-", "NDREPRO_ITERATIONS:-1}${MORE:-", {"no-amplification"}),
    ("ring", "script", "TT_METAL_HOME=\"$REPOSITORY\"", "TT_METAL_HOME=/project", {"missing-path"}),
    ("ring", "script", "REPOSITORY=\"$SCRIPT_DIR\"'/checkout'", "REPOSITORY='/no/such/checkout'", {"missing-path"}),
    ("count", "tests", "    total = counter.settle(threads * count)", "    pass", {"wrong-operation"}),
    ("count", "tests", "threads=2", "threads=1", {"wrong-operation"}),
    ("queue-test", "script", "NDREPRO_FILTER='TakeQueue.TwoThreadsEmptyIt'", "NDREPRO_FILTER='*'", {"whole-suite"}),
    ("ring", "conftest", None, "", {"device-setup"}),
    ("blocks", "tests", "test_blocks_stress(device, ", "test_blocks_stress(", {"device-setup"}),
    ("reopen", "tests", "l1_small_size=16384", "l1_small_size=32768", {"device-setup"}),
    ("reopen", "tests", 'parametrize("iteration", range(ITERATIONS))', 'parametrize("iteration", [0])', {"no-amplification"}),
    ("reopen", "tests", "        finally:\n", "        except Exception:\n            pass\n        finally:\n", {"hidden-failure"}),
    ("reopen", "script", "export ARCH_NAME='wormhole_b0'", "export ARCH_NAME='blackhole'", {"wrong-environment"}),
    ("reopen", "script", "export ARCH_NAME='wormhole_b0'", "export ARCH_NAME='wormhole_b0'; unset ARCH_NAME", {"missing-environment"}),
    ("reopen", "script", '"${options[@]}" "$@"', '"${options[@]}" "$@" || true', {"exit-status"}),
    ("reopen", "script", '"${options[@]}" "$@"', '"${options[@]}" "$@" &', {"exit-status"}),
    ("reopen", "script", 'exit "$test_result"', "exit 0", {"exit-status"}),
    ("queue-test", "script", 'exit "$test_result"', "exit 0", {"exit-status"}),
    ("queue-test", "tests", '|| return "$status"', "|| true", {"hidden-failure"}),
    ("queue-test", "tests", '"--gtest_filter=$NDREPRO_FILTER" "--gtest', '"--gtest', {"whole-suite"}),
    ("ranks", "tests", "for ((ran = 1; ran <= NDREPRO_ITERATIONS; ran++)); do", "for ran in 1; do", {"no-amplification", "shellcheck"}),
]


class Cases:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.made = folder, 0

    def generated(self, name: str) -> pathlib.Path:
        case = self.folder / f"{name}{self.made}"
        self.made += 1
        (case / "logs").mkdir(parents=True)
        shutil.copy(ORIGINALS / "logs" / f"{name}.log", case / "logs")
        shutil.copytree(ORIGINALS, case / "checkout", ignore=shutil.ignore_patterns("build", "__pycache__", "logs"))
        (case / "case.yaml").write_text("repository: checkout\n")
        ndreprod(0, "generate", str(case))
        return case


def findings_of(case: pathlib.Path) -> list[dict]:
    program = [str(world.BIN / "ndreprod"), "lint", "--json", str(case)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode in (0, 1), ended.stderr
    return [f for f in json.loads(ended.stdout)["findings"] if f["rule"] != "no-run-log"]


def each_mistake_is_found_and_nothing_else():
    with world.Daemon() as daemon:
        cases = Cases(daemon.folder / "linted")
        wrong = []
        for name, which, old, new, rules in MISTAKES:
            case = cases.generated(name)
            path = {"script": case / "run_test.sh", "conftest": case / "tests" / "conftest.py"}.get(which)
            path = path or next((case / "tests").glob("*_stress.*"))
            text = path.read_text()
            assert old is None or old in text, (name, old)
            path.write_text(new if old is None else text.replace(old, new, 1))
            found = findings_of(case)
            if {f["rule"] for f in found} != rules:
                wrong.append((name, which, new, rules, found))
        assert not wrong, "\n".join(map(str, wrong))


def what_is_written_by_hand_as_the_procedure_says_has_no_errors():
    with world.Daemon() as daemon:
        case = Cases(daemon.folder / "linted").generated("ring")
        next((case / "tests").glob("*_stress.py")).unlink()
        (case / "tests" / "test_shift_stress.py").write_text(BY_HAND)
        (case / "run_test.sh").write_text(SCRIPT_BY_HAND)
        found = lint(case)
        assert {f["rule"] for f in found} <= {"no-contract"}, found


def a_variable_that_only_the_workflow_names_is_demanded():
    with world.Daemon() as daemon:
        case = Cases(daemon.folder / "linted").generated("ring")
        workflow = case / "checkout" / ".github" / "workflows" / "originals.yaml"
        text = workflow.read_text()
        workflow.write_text(text.replace("      LOGURU_LEVEL: INFO\n", "      LOGURU_LEVEL: INFO\n      TT_METAL_WATCHER: 10\n"))
        found = findings_of(case)
        assert [f["rule"] for f in found] == ["missing-environment"], found
        assert "TT_METAL_WATCHER" in found[0]["text"] and "originals.yaml:" in found[0]["text"], found
        assert "updated run_test.sh" in ndreprod(0, "generate", str(case))
        assert lint(case) == [], lint(case)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    world.main([each_mistake_is_found_and_nothing_else, what_is_written_by_hand_as_the_procedure_says_has_no_errors,
                a_variable_that_only_the_workflow_names_is_demanded])

#!/bin/bash

# Runner script for the gather device timeout stress test.
# Sets up the environment and runs the test; every argument goes to pytest, for example -k 'timeout and 7'.

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

echo "=========================================="
echo "Gather Device Timeout Stress Test"
echo "=========================================="
echo ""

echo "Setting up environment..."

# As the CI job had them
export TT_METAL_OPERATION_TIMEOUT_SECONDS=${TT_METAL_OPERATION_TIMEOUT_SECONDS:-1}
export ARCH_NAME=${ARCH_NAME:-wormhole_b0}
export LOGURU_LEVEL=${LOGURU_LEVEL:-INFO}
export PYTHONDONTWRITEBYTECODE=1 # also leaves this folder as it is

# Iterations: 50 keep a run near one second
export NDREPRO_ITERATIONS=${NDREPRO_ITERATIONS:-50}

# ttnn, torch and the board: the simulator's, from the environment or from the repository that this case lies in
SIMULATOR="$SCRIPT_DIR/../../board_sim"
if [ -z "$PYTHONPATH" ] && [ -d "$SIMULATOR/python" ]; then
    export PYTHONPATH="$SIMULATOR/python"
fi
if [ -z "$BOARD_SIM_ROOT" ]; then
    BOARD_SIM_ROOT="${TMPDIR:-/tmp}/board_sim-$(id -u)"
    export BOARD_SIM_ROOT
    if [ ! -e "$BOARD_SIM_ROOT" ] && [ -x "$SIMULATOR/bin/board_sim" ]; then
        (umask 077 && "$SIMULATOR/bin/board_sim" init "$BOARD_SIM_ROOT")
    fi
fi
if [ -z "$PYTHONPATH" ] || [ ! -O "$BOARD_SIM_ROOT" ]; then
    echo "ERROR: this case runs on the board simulator: set PYTHONPATH to tests/board_sim/python of the ndrepro" \
        "sources and BOARD_SIM_ROOT to a host of your own, made by tests/board_sim/bin/board_sim init ROOT" >&2
    exit 4
fi

for NAME in TT_METAL_OPERATION_TIMEOUT_SECONDS ARCH_NAME NDREPRO_ITERATIONS PYTHONPATH BOARD_SIM_ROOT; do
    echo "  $NAME=${!NAME}"
done
echo ""

# The interpreter of the pytest on PATH (an activated environment's), unless it lacks the plugins
has_plugins() {
    "$@" -c 'import sys, importlib.util as u
sys.exit(not all(map(u.find_spec, ("pytest", "xdist", "pytest_timeout"))))' 2>/dev/null
}
PYTHON=()
if PYTEST="$(command -v pytest)" && IFS= read -r SHEBANG <"$PYTEST"; then
    read -r -a PYTHON <<<"${SHEBANG#\#!}"
fi
if [ ${#PYTHON[@]} -eq 0 ] || ! has_plugins "${PYTHON[@]}"; then
    PYTHON=(/usr/bin/python3)
fi

echo "Running stress test..."
echo "=========================================="
echo ""

cd "$SCRIPT_DIR" || exit 4

# No `set -e` above and no pipe here: the exit status is pytest's
"${PYTHON[@]}" -m pytest tests/test_gather_timeout_stress.py -c /dev/null --rootdir="$SCRIPT_DIR" -p no:cacheprovider \
    -x -v --timeout=60 "$@"

TEST_RESULT=$?

echo ""
echo "=========================================="
if [ $TEST_RESULT -eq 0 ]; then
    echo "Test PASSED (no failure reproduced)"
else
    echo "Test FAILED with exit status $TEST_RESULT"
fi
echo "=========================================="

exit $TEST_RESULT

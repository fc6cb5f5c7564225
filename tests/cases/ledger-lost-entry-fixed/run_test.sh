#!/bin/bash

# Runner script for the depot ledger stress test.
# Sets up the environment and runs the test; every argument goes to pytest, for example -n 4 or -k 'stress and 7'.

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

echo "=========================================="
echo "Depot Ledger Stress Test"
echo "=========================================="
echo ""

echo "Setting up environment..."

# As the CI job had them
export PYTHONFAULTHANDLER=${PYTHONFAULTHANDLER:-1}
export PYTHONDONTWRITEBYTECODE=1 # also leaves this folder as it is

# Days to run, not 50: with those half of all runs fail, and then nobody could tell a rare failure from a certain one
export NDREPRO_ITERATIONS=${NDREPRO_ITERATIONS:-5}

echo "  PYTHONFAULTHANDLER=$PYTHONFAULTHANDLER"
echo "  NDREPRO_ITERATIONS=$NDREPRO_ITERATIONS"
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
"${PYTHON[@]}" -m pytest tests/test_ledger_stress.py -c /dev/null --rootdir="$SCRIPT_DIR" -p no:cacheprovider \
    -x -v --timeout=300 "$@"

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

#!/bin/bash
# ndrepro-contract: 1

# Runner script for the work queue stress test.
#   ./run_test.sh [--iterations N] [--workers N] [--timeout S] [--seed S] [--filter EXPR] [-- ARGUMENT…]
# Each option has an environment twin (NDREPRO_ITERATIONS, …); what follows -- goes to the test binary.
# With N workers, N copies run at once; the exit status is 0 only if every copy passed.

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

# As many iterations as take about half a second, not 240 s: a run with all of those would nearly always fail, and
# then nobody could tell a rare failure from a certain one.
ITERATIONS=${NDREPRO_ITERATIONS:-100}
WORKERS=${NDREPRO_WORKERS:-1}
TIMEOUT=${NDREPRO_TIMEOUT:-240}
SEED=${NDREPRO_SEED:-0} # printed only: the test draws nothing, what differs between runs is the order of its threads
FILTER=${NDREPRO_FILTER:-WorkQueue.TwoThreadsEmptyIt}

usage_error() {
    echo "run_test.sh: $1" >&2
    exit 4
}
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    [ $# -ge 2 ] || usage_error "$1 needs a value"
    case $1 in
    --iterations) ITERATIONS=$2 ;;
    --workers) WORKERS=$2 ;;
    --timeout) TIMEOUT=$2 ;;
    --seed) SEED=$2 ;;
    --filter) FILTER=$2 ;;
    *) usage_error "unknown option $1" ;;
    esac
    shift 2
done
[ "$1" = -- ] && shift
[[ $ITERATIONS =~ ^[1-9][0-9]*$ ]] || usage_error "--iterations must be a number above 0"
[[ $WORKERS =~ ^[1-9][0-9]*$ ]] || usage_error "--workers must be a number above 0"
[[ $TIMEOUT =~ ^[1-9][0-9]*$ ]] || usage_error "--timeout must be whole seconds above 0"

echo "=========================================="
echo "Work Queue Stress Test"
echo "=========================================="
echo "  iterations $ITERATIONS, workers $WORKERS, timeout $TIMEOUT s, seed $SEED, filter $FILTER"

# As the CI job had it
export GTEST_COLOR=${GTEST_COLOR:-no}

BINARY="$("$SCRIPT_DIR/tests/queue_stress.sh" build)" || usage_error "the test could not be built"
[[ $BINARY == "$SCRIPT_DIR"/* ]] || trap 'rm -r "${BINARY%/*}"' EXIT

COMMAND=(timeout --foreground --kill-after=5 "$TIMEOUT"
    "$SCRIPT_DIR/tests/queue_stress.sh" "$BINARY" "$ITERATIONS" "$FILTER" "$@")

# No `set -e` above and no pipe here: the exit status is the test's
if [ "$WORKERS" -eq 1 ]; then
    "${COMMAND[@]}"
    TEST_RESULT=$?
else
    TEST_RESULT=0
    COPIES=()
    trap 'kill -TERM "${COPIES[@]}" 2>/dev/null' INT TERM
    for ((copy = 0; copy < WORKERS; copy++)); do
        "${COMMAND[@]}" &
        COPIES+=($!)
    done
    for copy in "${COPIES[@]}"; do
        wait "$copy" || TEST_RESULT=$?
    done
fi

echo "=========================================="
if [ $TEST_RESULT -eq 0 ]; then
    echo "Test PASSED (no failure reproduced)"
else
    echo "Test FAILED with exit status $TEST_RESULT"
fi
echo "=========================================="

exit $TEST_RESULT

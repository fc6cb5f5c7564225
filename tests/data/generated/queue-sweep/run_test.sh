#!/bin/bash
# ndrepro-contract: 1
#
# Reproduces exception of Threads/QueueSweep.ThreadsEmptyIt/1
#   TakeQueue::take: the queue is empty
# Written by `ndreprod generate` from the logs of CI; a comment behind a variable names the line that it was read from.
# Once it has been edited it is not written over: a new one becomes run_test.sh.new.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"

# Up to the test this script starts no program, not for a path either: each takes as long as many a test.
SCRIPT_DIR="${BASH_SOURCE[0]}"
[ ! -L "$SCRIPT_DIR" ] || SCRIPT_DIR="$(readlink -f "$SCRIPT_DIR")"
[[ $SCRIPT_DIR == */* ]] || SCRIPT_DIR="./$SCRIPT_DIR"
CDPATH='' cd -P "${SCRIPT_DIR%/*}/" || exit 4
SCRIPT_DIR="$PWD"
REPOSITORY="$SCRIPT_DIR"'/checkout'
export REPOSITORY="${NDREPRO_REPOSITORY:-$REPOSITORY}"

# CI's failing run took 0.015 s until it failed: as many as fit 240 s, at most 1000
export NDREPRO_ITERATIONS="${NDREPRO_ITERATIONS:-1000}"
export NDREPRO_WORKERS="${NDREPRO_WORKERS:-1}"
export NDREPRO_TIMEOUT="${NDREPRO_TIMEOUT:-240}"
export NDREPRO_SEED="${NDREPRO_SEED:-0}"
[ -n "${NDREPRO_FILTER+set}" ] || NDREPRO_FILTER='Threads/QueueSweep.ThreadsEmptyIt/1'
export NDREPRO_FILTER

usage() {
    cat <<'USAGE'
./run_test.sh [--iterations N] [--workers N] [--timeout S] [--seed S] [--filter EXPR] [--set N=VALUE]…
              [-- ARGUMENT…]
  --iterations N  how often the failing operation runs          (NDREPRO_ITERATIONS, 1000)
  --workers N     copies beside each other                      (NDREPRO_WORKERS, 1)
  --timeout S     limit of one process, in seconds              (NDREPRO_TIMEOUT, 240)
  --seed S        of random numbers in the test                 (NDREPRO_SEED, 0)
  --filter EXPR   --gtest_filter; the failing test               (NDREPRO_FILTER)
  --set N=VALUE   another value than CI's for variable N        (NDREPRO_SET_N)
  -- ARGUMENT…    go to the program
The exit status is the test's own; 4: this script was called wrongly, or something that it needs is missing.
NDREPRO_REPOSITORY names another checkout.
USAGE
}
usage_error() {
    echo "run_test.sh: cannot run: $1" >&2
    exit 4
}
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    [[ $1 != --*=* ]] || set -- "${1%%=*}" "${1#*=}" "${@:2}"
    case $1 in
    -h | --help)
        usage
        exit 0
        ;;
    --iterations | --workers | --timeout | --seed | --filter)
        [ $# -ge 2 ] || usage_error "$1 needs a value"
        name="${1#--}"
        export "NDREPRO_${name^^}=$2"
        shift 2
        ;;
    --set)
        [[ ${2:-} =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || usage_error "--set needs a variable and its value: --set NAME=VALUE"
        export "NDREPRO_SET_$2"
        shift 2
        ;;
    *) usage_error "unknown option $1; see --help" ;;
    esac
done
[ "${1:-}" = -- ] && shift
for name in ITERATIONS WORKERS TIMEOUT; do
    variable="NDREPRO_$name"
    [[ ${!variable} =~ ^[1-9][0-9]{0,8}$ ]] || usage_error "--${name,,} must be a whole number above 0"
done
[[ $NDREPRO_SEED =~ ^(0|[1-9][0-9]{0,17})$ ]] || usage_error "--seed must be a whole number"
[[ $REPOSITORY == /* ]] || REPOSITORY="$OLDPWD/$REPOSITORY"
[ -d "$REPOSITORY" ] || usage_error "there is no checkout at $REPOSITORY: set NDREPRO_REPOSITORY"
# As CI: from the root of the checkout
cd "$REPOSITORY" || usage_error "cannot enter $REPOSITORY"
REPOSITORY="$PWD"
export NDREPRO_REPOSITORY="$REPOSITORY"

echo "=========================================="
echo 'Stress test: exception of Threads/QueueSweep.ThreadsEmptyIt/1'
echo "=========================================="

# --- the environment of CI -------------------------------------------------------------------------------------------
export TT_METAL_OPERATION_TIMEOUT_SECONDS='1'  # logs/queue-sweep.log:11
export ARCH_NAME='wormhole_b0'  # logs/queue-sweep.log:10
export LOGURU_LEVEL='INFO'  # logs/queue-sweep.log:12
export PYTHONDONTWRITEBYTECODE='1'  # logs/queue-sweep.log:13
export PYTHONPATH="$REPOSITORY"':'"$REPOSITORY"'/build/simulator'"${PYTHONPATH:+:$PYTHONPATH}"  # logs/queue-sweep.log:9
export TT_METAL_HOME="$REPOSITORY"  # logs/queue-sweep.log:8
# ---------------------------------------------------------------------------------------------------------------------

for variable in "${!NDREPRO_SET_@}"; do
    name="${variable#NDREPRO_SET_}"
    case $name in
    '' | [0-9]* | UID | EUID | PPID | BASH* | SHELLOPTS | SCRIPT_DIR | REPOSITORY | NDREPRO_* | name | variable | options)
        usage_error "--set $name: this script needs that name itself"
        ;;
    esac
    export "$name=${!variable}"
    printf '  set by the caller: %s=%q\n' "$name" "${!variable}"
done
for name in TT_METAL_OPERATION_TIMEOUT_SECONDS ARCH_NAME LOGURU_LEVEL PYTHONDONTWRITEBYTECODE PYTHONPATH TT_METAL_HOME NDREPRO_ITERATIONS NDREPRO_WORKERS NDREPRO_TIMEOUT NDREPRO_SEED NDREPRO_FILTER REPOSITORY; do
    printf '  %s=%q\n' "$name" "${!name}"
done

# What the same process ran before it in CI, the last one last. NDREPRO_PREDECESSORS says how many of them run before it
# here (0), in the order in which the binary has them.
predecessors=(
    'Threads/QueueSweep.ThreadsEmptyIt/0'
)
if [[ ${NDREPRO_PREDECESSORS:-0} =~ ^[1-9][0-9]{0,3}$ ]]; then
    first=$((NDREPRO_PREDECESSORS < ${#predecessors[@]} ? ${#predecessors[@]} - NDREPRO_PREDECESSORS : 0))
    NDREPRO_FILTER="$(IFS=: && echo "${predecessors[*]:first}:$NDREPRO_FILTER")"
fi
# No `set -e` and no pipe: the exit status is the test's. The loop is read into this shell: to start another would take
# longer than many a test.
if [ "$NDREPRO_WORKERS" -eq 1 ]; then
    # shellcheck source=/dev/null
    . "$SCRIPT_DIR"/'tests/threads_queuesweep_threadsemptyit_1_stress.sh' "$@"
    test_result=$?
else
    # Copies beside each other: the first that fails counts.
    copies=()
    trap 'kill -TERM "${copies[@]}" 2>/dev/null' INT TERM
    for ((copy = 0; copy < NDREPRO_WORKERS; copy++)); do
        # shellcheck source=/dev/null
        (. "$SCRIPT_DIR"/'tests/threads_queuesweep_threadsemptyit_1_stress.sh' "$@") &
        copies+=($!)
    done
    for copy in "${copies[@]}"; do
        wait -n
        test_result=$?
        if [ "$test_result" -ne 0 ]; then
            kill -TERM "${copies[@]}" 2>/dev/null
            break
        fi
    done
    wait
fi

echo "=========================================="
if [ "$test_result" -eq 0 ]; then
    echo "Test PASSED (no failure reproduced)"
else
    echo "Test FAILED with exit status $test_result"
fi
echo "=========================================="

exit "$test_result"

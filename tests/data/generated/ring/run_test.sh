#!/bin/bash
# ndrepro-contract: 1
#
# Reproduces device_timeout of test_ring
#   TIMEOUT: device timeout, potential hang detected, the device is unrecoverable
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

# CI's failing run took 0.051 s until it failed: as many as fit 240 s, at most 1000
export NDREPRO_ITERATIONS="${NDREPRO_ITERATIONS:-1000}"
export NDREPRO_WORKERS="${NDREPRO_WORKERS:-1}"
export NDREPRO_TIMEOUT="${NDREPRO_TIMEOUT:-60}"
export NDREPRO_SEED="${NDREPRO_SEED:-0}"
[ -n "${NDREPRO_FILTER+set}" ] || NDREPRO_FILTER=''
export NDREPRO_FILTER

usage() {
    cat <<'USAGE'
./run_test.sh [--iterations N] [--workers N] [--timeout S] [--seed S] [--filter EXPR] [--set N=VALUE]…
              [-- ARGUMENT…]
  --iterations N  how often the failing operation runs          (NDREPRO_ITERATIONS, 1000)
  --workers N     processes of pytest-xdist, on the same boards (NDREPRO_WORKERS, 1)
  --timeout S     limit of one test, in seconds                 (NDREPRO_TIMEOUT, 60)
  --seed S        of random numbers in the test                 (NDREPRO_SEED, 0)
  --filter EXPR   pytest -k                                     (NDREPRO_FILTER)
  --set N=VALUE   another value than CI's for variable N        (NDREPRO_SET_N)
  -- ARGUMENT…    go to pytest
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
echo 'Stress test: device_timeout of test_ring'
echo "=========================================="

# --- the environment of CI -------------------------------------------------------------------------------------------
export TT_METAL_OPERATION_TIMEOUT_SECONDS='1'  # logs/ring.log:11
export ARCH_NAME='wormhole_b0'  # logs/ring.log:10
export LOGURU_LEVEL='INFO'  # logs/ring.log:12
export PYTHONDONTWRITEBYTECODE='1'  # logs/ring.log:13
export PYTHONPATH="$REPOSITORY"':'"$REPOSITORY"'/build/simulator'"${PYTHONPATH:+:$PYTHONPATH}"  # logs/ring.log:9
export TT_METAL_HOME="$REPOSITORY"  # logs/ring.log:8
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

# The virtual environment, unless one is active
if [ -z "${VIRTUAL_ENV:-}" ]; then
    for activate in /opt/venv/bin/activate "$REPOSITORY/python_env/bin/activate" "$REPOSITORY/.venv/bin/activate"; do
        if [ -f "$activate" ]; then
            echo "  virtual environment: $activate"
            # shellcheck disable=SC1090
            source "$activate"
            break
        fi
    done
fi
# One question for all modules: to start Python takes as long as many a test.
ask_modules='from importlib.util import find_spec; print(*filter(find_spec, ("pytest", "pytest_timeout", "xdist")))'
has_module() {
    [[ " $modules " == *" $1 "* ]]
}
for python in "${NDREPRO_PYTHON:-python3}" python3 /usr/bin/python3; do
    modules="$("$python" -c "$ask_modules" 2>/dev/null)"
    has_module pytest && break
done
has_module pytest || usage_error "no Python here has pytest: install it, or name an interpreter in NDREPRO_PYTHON"

options=()
if has_module pytest_timeout; then
    options+=("--timeout=$NDREPRO_TIMEOUT")
else
    echo "  note: pytest-timeout is not installed: no limit for a single test"
fi
if [ "$NDREPRO_WORKERS" -gt 1 ]; then
    has_module xdist || usage_error "--workers above 1 needs pytest-xdist"
    options+=(-n "$NDREPRO_WORKERS" --max-worker-restart=0)
fi
[ -z "$NDREPRO_FILTER" ] || options+=(-k "$NDREPRO_FILTER")

export PYTHONDONTWRITEBYTECODE=1

# What the same process ran before it in CI, the last one last. NDREPRO_PREDECESSORS says how many of them run before it
# here (0): in its process, but as a session of their own, so that no failure of theirs ends it.
predecessors=(
    'tests/mesh/test_ring.py::test_ring[64-1-ring-line4]'
)
in_one_process='
import sys, pytest
at = sys.argv.index("--")
if at > 1:
    pytest.main(["-p", "no:cacheprovider", *sys.argv[1:at]])
sys.exit(pytest.main(sys.argv[at + 1:]))
'
function pytest {
    local count="${NDREPRO_PREDECESSORS:-0}" before=()
    if [[ $count =~ ^[1-9][0-9]{0,3}$ ]] && [ "$NDREPRO_WORKERS" -eq 1 ]; then
        [ "$count" -le ${#predecessors[@]} ] || count=${#predecessors[@]}
        before=("${predecessors[@]: -count}")
    fi
    "$python" -c "$in_one_process" "${before[@]}" -- "$@"
}

# No `set -e` and no pipe: the exit status is pytest's; with the settings that pytest has in CI
pytest "$SCRIPT_DIR"/'tests/test_ring_stress.py' -c "$REPOSITORY"'/pytest.ini' --rootdir="$SCRIPT_DIR" -p no:cacheprovider \
    -x -v "${options[@]}" "$@"
test_result=$?

echo "=========================================="
if [ "$test_result" -eq 0 ]; then
    echo "Test PASSED (no failure reproduced)"
else
    echo "Test FAILED with exit status $test_result"
fi
echo "=========================================="

exit "$test_result"

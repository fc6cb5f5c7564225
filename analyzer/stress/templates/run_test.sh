#!/bin/bash
# ndrepro-contract: 1
#
# Reproduces @TITLE@
#   @ERROR@
# Written by `ndreprod generate` from the logs of CI; a comment behind a variable names the line that it was read from.
# Once it has been edited it is not written over: a new one becomes run_test.sh.new.

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
REPOSITORY=@REPOSITORY@
export REPOSITORY="${NDREPRO_REPOSITORY:-$REPOSITORY}"

# @ITERATIONS_REASON@
export NDREPRO_ITERATIONS="${NDREPRO_ITERATIONS:-@ITERATIONS@}"
export NDREPRO_WORKERS="${NDREPRO_WORKERS:-@WORKERS@}"
export NDREPRO_TIMEOUT="${NDREPRO_TIMEOUT:-@TIMEOUT@}"
export NDREPRO_SEED="${NDREPRO_SEED:-0}"
[ -n "${NDREPRO_FILTER+set}" ] || NDREPRO_FILTER=@FILTER@
export NDREPRO_FILTER

usage() {
    cat <<'USAGE'
./run_test.sh [--iterations N] [--workers N] [--timeout S] [--seed S] [--filter EXPR] [-- ARGUMENT…]
  --iterations N  how often the failing operation runs          (NDREPRO_ITERATIONS, @ITERATIONS@)
  --workers N     @WORKERS_HELP@ (NDREPRO_WORKERS, @WORKERS@)
  --timeout S     @TIMEOUT_HELP@ (NDREPRO_TIMEOUT, @TIMEOUT@)
  --seed S        of random numbers in the test                 (NDREPRO_SEED, 0)
  --filter EXPR   @FILTER_HELP@ (NDREPRO_FILTER)
  -- ARGUMENT…    @ARGUMENTS_HELP@
The exit status is the test's own; 4: this script was called wrongly, or something that it needs is missing.
NDREPRO_REPOSITORY names another checkout.
USAGE
}
usage_error() {
    echo "run_test.sh: $1" >&2
    exit 4
}
while [ $# -gt 0 ] && [ "$1" != -- ]; do
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
    *) usage_error "unknown option $1; see --help" ;;
    esac
done
[ "${1:-}" = -- ] && shift
for name in ITERATIONS WORKERS TIMEOUT; do
    variable="NDREPRO_$name"
    [[ ${!variable} =~ ^[1-9][0-9]{0,8}$ ]] || usage_error "--${name,,} must be a whole number above 0"
done
[[ $NDREPRO_SEED =~ ^(0|[1-9][0-9]{0,17})$ ]] || usage_error "--seed must be a whole number"
[ -d "$REPOSITORY" ] || usage_error "there is no checkout at $REPOSITORY: set NDREPRO_REPOSITORY"

echo "=========================================="
echo @HEADING@
echo "=========================================="

# --- the environment of CI -------------------------------------------------------------------------------------------
@EXPORTS@
# ---------------------------------------------------------------------------------------------------------------------

for name in@NAMES@ NDREPRO_ITERATIONS NDREPRO_WORKERS NDREPRO_TIMEOUT NDREPRO_SEED NDREPRO_FILTER REPOSITORY; do
    printf '  %s=%q\n' "$name" "${!name}"
done

@RUN@

echo "=========================================="
if [ "$test_result" -eq 0 ]; then
    echo "Test PASSED (no failure reproduced)"
else
    echo "Test FAILED with exit status $test_result"
fi
echo "=========================================="

exit "$test_result"

#!/bin/bash

# Measures how often a case fails: measure.sh NAME [RUNS] [-- ARGUMENT…]
#
# Runs NAME/run_test.sh RUNS times (500 by default), one after the other, with the ARGUMENTs given to each. Prints how
# many runs showed the case's own failure (failures.tsv), with the 95 % Clopper-Pearson interval of that share, how many
# failed otherwise, the run's median duration and how busy the machine was. For a twin (NAME-fixed) the failure is that
# of NAME. A board of the simulator is reset after each failed run. SIGINT and SIGTERM end it after the run at hand, with
# the figures so far. Exit status 1 if any run failed otherwise.

CASES="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

NAME=${1:?usage: measure.sh NAME [RUNS] [-- ARGUMENT…]}
shift
RUNS=500
if [ $# -gt 0 ] && [ "$1" != -- ]; then
    RUNS=$1
    shift
fi
[ "$1" = -- ] && shift
[[ $RUNS =~ ^[1-9][0-9]*$ ]] || { echo "measure.sh: RUNS must be a number above 0" >&2; exit 2; }
[ -x "$CASES/$NAME/run_test.sh" ] || { echo "measure.sh: no case $CASES/$NAME" >&2; exit 2; }
LITERAL="$(awk -F'\t' -v name="${NAME%-fixed}" '$1 == name {print $2}' "$CASES/failures.tsv")"
[ -n "$LITERAL" ] || { echo "measure.sh: failures.tsv does not know ${NAME%-fixed}" >&2; exit 2; }

FOLDER="$(mktemp -d)"
trap 'rm -r "$FOLDER"' EXIT
if [ -f "$CASES/$NAME/case.yaml" ] && grep -q '^boards:' "$CASES/$NAME/case.yaml"; then
    SIMULATOR="$CASES/../board_sim"
    export BOARD_SIM_ROOT="$FOLDER/boards" PYTHONPATH="$SIMULATOR/python"
    "$SIMULATOR/bin/board_sim" init "$BOARD_SIM_ROOT" || exit 2
fi

matched=0 other=0 run=0 stopped=
trap 'stopped=yes' INT TERM
while [ $run -lt "$RUNS" ] && [ -z "$stopped" ]; do
    run=$((run + 1))
    start=$EPOCHREALTIME
    "$CASES/$NAME/run_test.sh" "$@" >"$FOLDER/output" 2>&1
    status=$?
    end=$EPOCHREALTIME
    echo $((${end/./} - ${start/./})) >>"$FOLDER/durations"
    cut -d' ' -f1 /proc/loadavg >>"$FOLDER/loads"
    [ $status -eq 0 ] && continue
    if grep -qF -- "$LITERAL" "$FOLDER/output"; then
        matched=$((matched + 1))
    else
        other=$((other + 1))
        cp "$FOLDER/output" "${TMPDIR:-/tmp}/$NAME.other-failure.log"
    fi
    [ -z "$SIMULATOR" ] || "$SIMULATOR/bin/tt-smi" -r >/dev/null || exit 2
done

/usr/bin/python3 - "$matched" "$run" "$FOLDER" <<'PYTHON'
import math
import os
import statistics
import sys

matched, runs, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


def at_least(count, share):
    """P(X >= count) for X binomial in (runs, share)."""
    if share <= 0:
        return 1.0 if count == 0 else 0.0
    if share >= 1:
        return 1.0
    log = [
        math.lgamma(runs + 1) - math.lgamma(k + 1) - math.lgamma(runs - k + 1)
        + k * math.log(share) + (runs - k) * math.log1p(-share)
        for k in range(count, runs + 1)
    ]
    return min(1.0, math.fsum(map(math.exp, log)))


def share_where(rising, level):
    """The share at which the rising function of it reaches `level`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < level else (low, middle)
    return (low + high) / 2


lower = 0.0 if matched == 0 else share_where(lambda share: at_least(matched, share), 0.025)
upper = 1.0 if matched == runs else share_where(lambda share: at_least(matched + 1, share), 0.975)


def numbers(name):
    return [float(line) for line in open(f"{folder}/{name}")]


print(
    f"k = {matched}, n = {runs}: p = {matched / runs:.2%}, 95 % interval (Clopper-Pearson) {lower:.2%} to {upper:.2%}; "
    f"median run {statistics.median(numbers('durations')) / 1e6:.2f} s, median load {statistics.median(numbers('loads')):.1f} "
    f"on {os.cpu_count()} cores"
)
PYTHON
[ $other -eq 0 ] || { echo "$other runs failed otherwise: see ${TMPDIR:-/tmp}/$NAME.other-failure.log"; exit 1; }

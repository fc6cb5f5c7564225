#!/bin/bash
# Runs the command of CI again and again until it fails: exchange_test_stress.sh [ARGUMENT OF THE COMMAND…]
# MissingPart: the neighbour's part is not there yet
# NDREPRO_ITERATIONS times, a process of its own each; read by ../run_test.sh, which sets the environment.
[ "${BASH_SOURCE[0]}" != "$0" ] || { echo "exchange_test_stress.sh: cannot run: it is for run_test.sh to read in" >&2; exit 4; }

command=('python3' 'scripts/run_ranks.py' '2' 'ranks/exchange_test.py')
limit=(timeout --kill-after=10 "$NDREPRO_TIMEOUT")
# Who starts it many times in a second holds it to a limit of theirs, in seconds.
[ "${NDREPRO_RUN_LIMIT:-$NDREPRO_TIMEOUT}" -ge "$NDREPRO_TIMEOUT" ] || limit=()
child=
trap 'trap - TERM; [ -z "$child" ] || kill -TERM "$child"; wait; exit 143' INT TERM

for ((ran = 1; ran <= NDREPRO_ITERATIONS; ran++)); do
    "${limit[@]}" "${command[@]}" "$@" &
    child=$!
    wait "$child"
    status=$?
    [ "$status" -eq 0 ] || return "$status"
    echo "PASS iteration $ran/$NDREPRO_ITERATIONS"
done

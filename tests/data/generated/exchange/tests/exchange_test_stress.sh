#!/bin/bash
# Runs the command of CI again and again until it fails: exchange_test_stress.sh [ARGUMENT OF THE COMMAND…]
# exchange_test.sh: FATAL: the entry of one side is lost in the book
# NDREPRO_ITERATIONS times, a process of its own each; started by ../run_test.sh, which sets the environment.

command=('./scripts/exchange_test.sh')
child=
trap 'trap - TERM; [ -z "$child" ] || kill -TERM "$child"; wait; exit 143' INT TERM

for ((ran = 1; ran <= NDREPRO_ITERATIONS; ran++)); do
    timeout --kill-after=10 "$NDREPRO_TIMEOUT" "${command[@]}" "$@" &
    child=$!
    wait "$child"
    status=$?
    [ "$status" -eq 0 ] || exit "$status"
    echo "PASS iteration $ran/$NDREPRO_ITERATIONS"
done

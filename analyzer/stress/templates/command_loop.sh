#!/bin/bash
# Runs the command of CI again and again until it fails: @LOOP_FILE@ [ARGUMENT OF THE COMMAND…]
# @ERROR@
# NDREPRO_ITERATIONS times, a process of its own each; started by ../run_test.sh, which sets the environment.

command=(@COMMAND@)

for ((ran = 1; ran <= NDREPRO_ITERATIONS; ran++)); do
    timeout --foreground --kill-after=10 "$NDREPRO_TIMEOUT" "${command[@]}" "$@"
    status=$?
    [ "$status" -eq 0 ] || exit "$status"
    echo "PASS iteration $ran/$NDREPRO_ITERATIONS"
done

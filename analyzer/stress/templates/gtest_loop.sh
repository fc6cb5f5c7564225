#!/bin/bash
# Runs @TEST@ again and again until it fails: @LOOP_FILE@ [ARGUMENT OF THE BINARY…]
# @ERROR@
# NDREPRO_ITERATIONS times, each in a process of its own where NDREPRO_PROCESS_PER_ITERATION=1, else by --gtest_repeat
# in as few processes as there are blocks of @BLOCK@ iterations; started by ../run_test.sh, which sets the environment.

binary="$REPOSITORY"/@BINARY@
binary="${NDREPRO_BINARY:-$binary}"
if [ ! -x "$binary" ]; then
    echo "@LOOP_FILE@: $binary is no program: build it, or name it in NDREPRO_BINARY" >&2
    exit 4
fi
block=@BLOCK@
[ "${NDREPRO_PROCESS_PER_ITERATION:-0}" = 0 ] || block=1

for ((ran = 0; ran < NDREPRO_ITERATIONS; ran += count)); do
    count=$((NDREPRO_ITERATIONS - ran < block ? NDREPRO_ITERATIONS - ran : block))
    GTEST_FAIL_FAST=1 GTEST_COLOR=no timeout --foreground --kill-after=10 "$NDREPRO_TIMEOUT" \
        "$binary" "--gtest_filter=$NDREPRO_FILTER" "--gtest_repeat=$count" "--gtest_random_seed=$((NDREPRO_SEED % 99999 + 1))" "$@"
    status=$?
    [ "$status" -eq 0 ] || exit "$status"
    echo "PASS iteration $((ran + count))/$NDREPRO_ITERATIONS"
done

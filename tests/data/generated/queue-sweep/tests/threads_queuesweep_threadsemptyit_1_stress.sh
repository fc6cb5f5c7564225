#!/bin/bash
# Runs Threads/QueueSweep.ThreadsEmptyIt/1 again and again until it fails: threads_queuesweep_threadsemptyit_1_stress.sh [ARGUMENT OF THE BINARY…]
# TakeQueue::take: the queue is empty
# NDREPRO_ITERATIONS times, by --gtest_repeat in blocks of 10, the last of which is the one with a failure; each in a
# process of its own where NDREPRO_PROCESS_PER_ITERATION=1. Read by ../run_test.sh, which sets the environment.
[ "${BASH_SOURCE[0]}" != "$0" ] || { echo "threads_queuesweep_threadsemptyit_1_stress.sh: cannot run: it is for run_test.sh to read in" >&2; exit 4; }

binary="$REPOSITORY"/'build/test/take_queue_tests'
binary="${NDREPRO_BINARY:-$binary}"
if [ ! -x "$binary" ]; then
    echo "threads_queuesweep_threadsemptyit_1_stress.sh: cannot run: $binary is no program: build it, or name it in NDREPRO_BINARY" >&2
    return 4
fi
# A program whose filter fits nothing passes. Of many runs the first one asks.
if [ "${NDREPRO_RUN:-1}" = 1 ] &&
    listed="$("$binary" "--gtest_filter=$NDREPRO_FILTER" --gtest_list_tests 2>/dev/null)" && [[ $listed != *$'\n  '* ]]; then
    echo "threads_queuesweep_threadsemptyit_1_stress.sh: cannot run: $binary has no test $NDREPRO_FILTER: is it the commit that CI ran?" >&2
    return 4
fi
block=10
limit=(timeout --kill-after=10 "$NDREPRO_TIMEOUT")
# Who starts it many times in a second holds it to a limit of theirs, in seconds.
[ "${NDREPRO_RUN_LIMIT:-$NDREPRO_TIMEOUT}" -ge "$NDREPRO_TIMEOUT" ] || limit=()
child=
trap 'trap - TERM; [ -z "$child" ] || kill -TERM "$child"; wait; exit 143' INT TERM
[ "${NDREPRO_PROCESS_PER_ITERATION:-0}" = 0 ] || block=1

for ((ran = 0; ran < NDREPRO_ITERATIONS; ran += count)); do
    count=$((NDREPRO_ITERATIONS - ran < block ? NDREPRO_ITERATIONS - ran : block))
    GTEST_RANDOM_SEED=$((NDREPRO_SEED % 99999 + 1)) GTEST_FAIL_FAST=1 GTEST_COLOR=no \
        "${limit[@]}" "$binary" "--gtest_filter=$NDREPRO_FILTER" "--gtest_repeat=$count" "$@" &
    child=$!
    wait "$child"
    status=$?
    [ "$status" -eq 0 ] || return "$status"
    echo "PASS iteration $((ran + count))/$NDREPRO_ITERATIONS"
done

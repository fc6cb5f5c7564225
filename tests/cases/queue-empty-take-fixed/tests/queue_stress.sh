#!/bin/bash

# Stress test to reproduce: std::logic_error, WorkQueue::take on an empty queue
#
# Runs only the failing test of original/work_queue_test.cpp, in one process, over and over:
#   queue_stress.sh build                             builds the test unless it is there; prints where it is
#   queue_stress.sh BINARY ITERATIONS FILTER [ARG…]   runs it; ARGs go to the binary

CASE_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# True if the binary is newer than every source.
is_current() {
    local source
    [ -x "$1" ] || return 1
    for source in "$CASE_DIR"/original/*.?pp; do
        [ "$1" -nt "$source" ] || return 1
    done
}

# Prints the path of an up-to-date binary: in tests/build/, or in a new folder in /tmp where that cannot be written
# (the caller removes it). Built under another name first, so that copies which build at once never run half a file.
build() {
    local folder="$CASE_DIR/tests/build" draft
    if ! is_current "$folder/work_queue_test"; then
        if ! mkdir -p "$folder" 2>/dev/null || [ ! -w "$folder" ]; then
            folder="$(mktemp -d "${TMPDIR:-/tmp}/queue-build.XXXXXX")" || return
        fi
        draft="$folder/work_queue_test.$$"
        # From the case folder, so that messages name original/… wherever the case lies
        if ! (cd "$CASE_DIR" && "${CXX:-g++}" -std=c++20 -O1 -g -pthread original/work_queue_test.cpp -o "$draft"); then
            rm -f "$draft"
            return 1
        fi
        mv -f "$draft" "$folder/work_queue_test" || return
    fi
    echo "$folder/work_queue_test"
}

if [ "$1" = build ]; then
    build
    exit
fi
BINARY="$1" ITERATIONS="$2" FILTER="$3"
shift 3
exec "$BINARY" --gtest_filter="$FILTER" --gtest_repeat="$ITERATIONS" --gtest_fail_fast "$@"

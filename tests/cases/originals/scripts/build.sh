#!/bin/bash
# Builds the C++ tests into build/test, where they are newer than what is there.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 4
mkdir -p build/test || exit 4
target=build/test/take_queue_tests
if [ ! -e $target ] || [ tests/cpp/take_queue_test.cpp -nt $target ] || [ tests/cpp/take_queue.hpp -nt $target ]; then
    "${CXX:-g++}" -std=c++17 -O1 -pthread tests/cpp/take_queue_test.cpp -o $target.new -lgtest -lgtest_main && mv $target.new $target
fi

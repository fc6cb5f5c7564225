#!/bin/bash
# Builds the native programs of the zoo, or those that are named: build.sh FOLDER [-DFIXED | -DWIDENED] [NAME…]
# Plain g++ -O0 -g, as test programs are; the compiler sees the sources by relative paths, so that what an assertion
# prints is the same in each checkout.
set -eu
mkdir -p "$1"
OUT="$(cd "$1" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")"
options=() names=' '
for argument in "${@:2}"; do
    case $argument in
    -*) options+=("$argument") ;;
    *) names+="$argument " ;;
    esac
done
while IFS=$'\t' read -r name kind _; do
    [[ $names == ' ' || $names == *" $name "* ]] || continue
    libraries=(-pthread)
    case $kind in
    gtest) libraries=(-lgtest_main -lgtest -pthread) ;;
    static) libraries=(-static) ;;
    native) ;;
    *) continue ;;
    esac
    g++ -std=c++20 -O0 -g -Wall -Wextra -Wconversion -Wshadow -Werror "${options[@]}" "native/$name.cpp" -o "$OUT/$name" "${libraries[@]}"
done < <(grep -v '^#' races.tsv)

#!/bin/bash
# Two writers append to one file at the end that each of them saw; both lines must be there.
folder="$(mktemp -d)" || exit 4
trap 'rm -r "$folder"' EXIT

append() {
    local text
    text="$(cat "$folder/book")"
    printf '%s\n%s\n' "$text" "$1" >"$folder/book.$1"
    mv "$folder/book.$1" "$folder/book"
}

for ((round = 1; round <= 2; round++)); do
    echo begin >"$folder/book"
    append left &
    seq 240000 >"$folder/numbers" # meanwhile
    append right &
    wait
    for side in left right; do
        if ! grep -q "$side" "$folder/book"; then
            echo "exchange_test.sh: FATAL: the entry of one side is lost in the book" >&2
            exit 1
        fi
    done
done
echo "2 exchanges"

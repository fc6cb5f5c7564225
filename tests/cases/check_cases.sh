#!/bin/bash

# Checks the example cases: complete folders, sound scripts, logs that show their failure, twins that pass, and the
# fake board's promises. Prints one line per failed check; exit status 1 if there is any. Takes less than a minute.

CASES="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SUPPORT="$CASES/../support"
failures=0 checks=0

# check WHAT COMMAND…: the command must succeed
check() {
    local what=$1
    shift
    checks=$((checks + 1))
    "$@" >/dev/null 2>&1 || {
        failures=$((failures + 1))
        echo "FAILED: $what"
    }
}

has_ci_log() { compgen -G "$1/logs/ci_*.log"; }
has_stress_test() { compgen -G "$1/tests/test_*_stress.py" || compgen -G "$1/tests/*_stress.sh"; }
only_differs_in() { # FOLDER TWIN FILE: nothing but this file and the README differs between the tracked parts
    local differing
    differing="$(diff -rq --exclude=build --exclude=__pycache__ --exclude=README.md --exclude='run_*.log' \
        --exclude=.ndrepro "$1" "$2")"
    [ "$differing" = "Files $1/$3 and $2/$3 differ" ]
}
framed_by_us() { grep -q 'framed as a GitHub Actions log by record_as_actions' "$1"/logs/ci_*.log; }
stamped() { # every line but the mark at the beginning
    local log
    for log in "$1"/logs/ci_*.log; do
        [ "$(head -c 3 "$log" | od -An -tx1 | tr -d ' ')" = efbbbf ] || return 1
        ! tail -c +4 "$log" | grep -qvE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{7}Z ' || return 1
    done
}
ends_with_exit_code() { tail -n 1 "$1"/logs/ci_*.log | grep -q '##\[error\]Process completed with exit code [1-9]'; }
lets_tests_fail() { ! grep -qE '^ *set -[a-z]*e' "$1"; }
marks_the_contract() { head -n 5 "$1/run_test.sh" | grep -qx '# ndrepro-contract: 1'; }
passes_thrice() { # TWIN, run from elsewhere
    (cd / && "$1/run_test.sh" && "$1/run_test.sh" && "$1/run_test.sh")
}
refuses_nonsense() {
    "$1/run_test.sh" --nonsense 1
    [ $? -eq 4 ]
}

check_folder() {
    local folder=$1
    check "$folder has a CI log" has_ci_log "$folder"
    check "$folder has a stress test" has_stress_test "$folder"
    check "$folder has its original test" test -d "$folder/original"
    check "$folder has a README" test -s "$folder/README.md"
    check "$folder/run_test.sh is executable" test -x "$folder/run_test.sh"
    check "$folder/run_test.sh parses" bash -n "$folder/run_test.sh"
    check "$folder/run_test.sh has no set -e" lets_tests_fail "$folder/run_test.sh"
    check "$folder: its log is stamped" stamped "$folder"
    check "$folder: its log says how it was made" framed_by_us "$folder"
}

while IFS=$'\t' read -r name literal twin; do
    [[ $name == \#* ]] && continue
    check_folder "$CASES/$name"
    check "$name: the CI log shows '$literal'" grep -rqF --include='ci_*.log' -- "$literal" "$CASES/$name/logs"
    check "$name: the CI log ends with the exit code" ends_with_exit_code "$CASES/$name"
    [ "$twin" = - ] && continue
    check_folder "$CASES/$twin"
    case $name in
    ledger-lost-entry) fixed=original/ledger.py ;;
    *) fixed=original/work_queue.hpp ;;
    esac
    check "$twin differs from $name in $fixed alone" only_differs_in "$CASES/$name" "$CASES/$twin" "$fixed"
    check "$twin passes three runs" passes_thrice "$CASES/$twin"
done <"$CASES/failures.tsv"

check "the contract form refuses an unknown option" refuses_nonsense "$CASES/queue-empty-take"
check "the contract form is marked" marks_the_contract "$CASES/queue-empty-take"
check "shellcheck finds nothing" shellcheck "$CASES"/*.sh "$CASES"/*/run_test.sh "$CASES"/*/tests/*.sh
check "record_as_actions explains itself" "$SUPPORT/record_as_actions" --help

echo "$((checks - failures)) passed, $failures failed"
[ $failures -eq 0 ]

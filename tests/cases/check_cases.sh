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

# The board simulator, on hosts of its own

SIMULATOR="$CASES/../board_sim"
SMI="$SIMULATOR/bin/tt-smi"
FOLDER="$(mktemp -d)"
trap 'rm -rf "$FOLDER"' EXIT
export BOARD_SIM_ROOT="$FOLDER/host" PYTHONPATH="$SIMULATOR/python" PYTHONDONTWRITEBYTECODE=1
unset TT_METAL_OPERATION_TIMEOUT_SECONDS
board_sim() { "$SIMULATOR/bin/board_sim" "$@"; }
python() { /usr/bin/python3 -c "$1"; }
wedged() { [ "$(board_sim show | jq -r "select(.board == $1).wedged")" = true ]; }
node() { [ -e "$BOARD_SIM_ROOT/dev/tenstorrent/$1" ]; }

# resets MODE STATUS PATTERN AFTER: a reset of the wedged board 1 in this mode exits and prints so; then it is AFTER
resets() {
    local status
    board_sim restore 1
    wedge 1
    board_sim mode 1 "$1"
    "$SMI" -r /dev/tenstorrent/1 >"$FOLDER/reset" 2>&1
    status=$?
    [ $status -eq "$2" ] && grep -qE "$3" "$FOLDER/reset" || return 1
    case $4 in
    well) ! wedged 1 && node 1 ;;
    wedged) wedged 1 && node 1 ;;
    gone) ! node 1 && ! "$SMI" -r 1 ;;
    esac
}
wedge() { # BOARD, by a read-back that surely hangs; TIMEOUT is what it must say
    board_sim chance "$1" 1
    TT_METAL_OPERATION_TIMEOUT_SECONDS=0.1 python "import ttnn, torch
d = ttnn.open_device(device_id=$1)
ttnn.to_torch(ttnn.from_torch(torch.randn([4, 4]), device=d))" >"$FOLDER/wedge" 2>&1
    board_sim chance "$1" 0
    wedged "$1"
}
times_out_as_metal_does() {
    wedge 0 && grep -q 'RuntimeError: TT_THROW @ .*system_memory_manager.cpp:[0-9]*: tt::exception$' "$FOLDER/wedge" &&
        grep -qx 'TIMEOUT: device timeout, potential hang detected, the device is unrecoverable' "$FOLDER/wedge" &&
        grep -q '| critical |          Always | TT_THROW: TIMEOUT: device timeout.*(assert.hpp:104)$' "$FOLDER/wedge" &&
        grep -q '^ --- ' "$FOLDER/wedge"
}
opens() { python "import ttnn; ttnn.close_device(ttnn.open_device(device_id=$1))" >"$FOLDER/open" 2>&1; }
stays_wedged_until_reset() {
    ! opens 0 && grep -q 'Timed out while waiting for active ethernet core' "$FOLDER/open" && ! opens 0 &&
        "$SMI" -r 0 && opens 0
}
waits_without_limit() { # 0 means no watchdog: still waiting when timeout ends it
    board_sim chance 0 1
    timeout 1 /usr/bin/python3 -c "import ttnn; ttnn.synchronize_device(ttnn.open_device(device_id=0))" 2>/dev/null
    local status=$?
    board_sim chance 0 0
    [ $status -eq 124 ] && "$SMI" -r 0
}
two_processes_contend() { # a holder, listed in pids, until its input ends; then a second process, then the holder again
    local holder status=0
    coproc python 'import sys, ttnn
d = ttnn.open_device(device_id=0)
print("open", flush=True)
sys.stdin.read()
try:
    ttnn.synchronize_device(d)
except RuntimeError as error:
    sys.exit("run_mailbox" not in str(error))
sys.exit(2)' 2>/dev/null
    holder=$COPROC_PID
    read -r _ <&"${COPROC[0]}"
    [ -s "$BOARD_SIM_ROOT/proc/driver/tenstorrent/0/pids" ] || status=1
    opens 0 && status=1
    grep -qx 'Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)' "$FOLDER/open" || status=1
    grep -q 'RuntimeError: TT_FATAL @ ' "$FOLDER/open" || status=1
    eval "exec ${COPROC[1]}>&-"
    wait "$holder" || status=1
    [ ! -s "$BOARD_SIM_ROOT/proc/driver/tenstorrent/0/pids" ] && opens 0 && [ $status -eq 0 ]
}
forgets_the_killed() {
    python 'import os, signal, ttnn
d = ttnn.open_device(device_id=0)
os.kill(os.getpid(), signal.SIGKILL)'
    [ -s "$BOARD_SIM_ROOT/proc/driver/tenstorrent/0/pids" ] && opens 0 &&
        [ ! -s "$BOARD_SIM_ROOT/proc/driver/tenstorrent/0/pids" ]
}
replays() { # the same seed and draw: the same operation hangs
    local first second
    first="$(hang_at)" && second="$(hang_at)" && [ "$first" -gt 0 ] && [ "$first" = "$second" ]
}
hang_at() {
    board_sim seed 0 7 && board_sim chance 0 0.05
    TT_METAL_OPERATION_TIMEOUT_SECONDS=0.01 python 'import ttnn
d = ttnn.open_device(device_id=0)
for i in range(1000):
    try:
        ttnn.synchronize_device(d)
    except RuntimeError:
        print(i)
        break' 2>/dev/null
    board_sim chance 0 0
    "$SMI" -r 0 >/dev/null
}
snapshot_has() { [ "$("$SMI" -s | jq '.device_info | length')" -eq "$1" ]; }
hangs_on_reset() {
    board_sim mode 1 hang
    timeout 1 "$SMI" -r 1
    [ $? -eq 124 ]
}

board_sim init --boards 2 --chance 0 "$BOARD_SIM_ROOT" >/dev/null
check "the simulated host is not made twice" bash -c "! '$SIMULATOR/bin/board_sim' init '$BOARD_SIM_ROOT'"
check "a hung read-back times out as tt-metal does" times_out_as_metal_does
check "a wedged board stays so until it is reset" stays_wedged_until_reset
check "without a watchdog a read-back waits for ever" waits_without_limit
check "two processes on one board contend" two_processes_contend
check "a killed holder is forgotten at the next use" forgets_the_killed
check "a seed replays" replays
check "reset ok" resets ok 0 'Re-initializing boards after reset' well
check "reset slow" resets slow:0.3 0 'Re-initializing boards after reset' well
check "reset fail" resets fail 1 'Reset failed\.' wedged
check "reset lying" resets lying 0 'Reset failed\.' wedged
check "the snapshot has two boards" snapshot_has 2
check "reset gone" resets gone 0 'Re-initializing boards after reset' gone
check "the snapshot has one board" snapshot_has 1
check "-ls lists" "$SMI" -ls
board_sim restore 1
check "reset hang" hangs_on_reset
check "reset.log tells of each" grep -qE 'board=1 mode=lying lied$' "$BOARD_SIM_ROOT/reset.log"
check "gather-timeout asks for its simulator" bash -c "cd / && env -u PYTHONPATH BOARD_SIM_ROOT=/nonexistent \
    '$CASES/gather-timeout/run_test.sh'; [ \$? -eq 4 ]"
check "gather-timeout passes on a board that never hangs" "$CASES/gather-timeout/run_test.sh"

echo "$((checks - failures)) passed, $failures failed"
[ $failures -eq 0 ]

#!/usr/bin/env bash
# One attempt each on small cases with the real shim; usage: one_attempt.sh ONE_ATTEMPT SHIM [TEST...]
# A test runs a script of its own as the case's run_test.sh and looks at the row that comes out.
# Tests are called by their names, and scripts are quoted for the shell that runs them later:
# shellcheck disable=SC2317,SC2016
set -euo pipefail
one_attempt=$1 shim=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ulimit -c 0

ci_log='============================= test session starts ==============================
collected 1 item

tests/test_counter.py::test_counter FAILED                               [100%]

=================================== FAILURES ===================================
_________________________________ test_counter _________________________________

    def test_counter():
>       assert count() == 400
E       assert 399 == 400
E        +  where 399 = count()

tests/test_counter.py:12: AssertionError
=========================== short test summary info ============================
FAILED tests/test_counter.py::test_counter - assert 399 == 400
============================== 1 failed in 0.12s ==============================='

# new_case NAME: a case folder with the CI log; run_test.sh is what follows on standard input.
new_case() {
  folder=$work/$1
  rm -rf "$folder" "$folder.state"
  mkdir -p "$folder/logs" "$folder.state"
  printf '%s\n' "$ci_log" >"$folder/logs/ci.log"
  { printf '#!/bin/bash\n# ndrepro-contract: 1\ncd "$(dirname "$0")" || exit 9\n'; cat; } >"$folder/run_test.sh"
  chmod +x "$folder/run_test.sh"
}

# run [NAME=VALUE...]: one attempt; the row is in $row.
run() { row=$("$one_attempt" "$shim" "$folder" "$folder.state" "$@"); }

# is FILTER: the row fulfils it.
is() {
  jq -e "$1" <<<"$row" >/dev/null || { printf 'not so: %s\n%s\n' "$1" "$(jq . <<<"$row")"; return 1; }
}

# Every process of a run has the case's name in its environment, daemonised or not; zombies have none.
none_left() {
  local left
  left=$(grep -lazx "NDREPRO_CASE=${folder##*/}" /proc/[0-9]*/environ 2>/dev/null || true)
  [[ -z $left ]] || { printf 'processes are left: %s\n' "$left"; return 1; }
}

test_pass() {
  new_case pass <<<'for i in 1 2 3; do echo "PASS iteration $i/3"; done'
  run
  is '.verdict == "passed" and .reason == "" and .exit_code == 0 and .runs == 1'
  is '.matched + .different + .infrastructure == 0 and .iterations == 3'
  is '.spawned_at_ms <= .ended_at_ms and .log_bytes == 57 and .log_offset == 57 and .failure == null'
}

test_match() {
  new_case match <<<'cat logs/ci.log; exit 1'
  run
  is '.verdict == "reproduced" and .match_grade == "exact" and .matched == 1 and .failure.test_name == "test_counter"'
  is '.match_reasons | length > 3'
}

test_match_with_exit_status_0() {
  new_case swallowed <<<'cat logs/ci.log'
  run
  is '.verdict == "reproduced" and .exit_code == 0'
}

test_different_failure() {
  new_case different <<<"sed -e 's/assert 399 == 400/ZeroDivisionError: division by zero/; s/AssertionError/ZeroDivisionError/; s/assert count() == 400/1 \\/ 0/' logs/ci.log; exit 1"
  run
  is '.verdict == "different_failure" and .different == 1 and .match_grade != "exact"'
}

test_contention_stops_at_once() {
  new_case contention <<'END'
echo "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)"
sleep 60
END
  run uses_board=1
  is '.verdict == "contention" and .infrastructure == 1 and .exposure_ms < 5000 and .board_suspect'
  none_left
}

test_failure_lets_the_run_end() {
  new_case let_end <<'END'
trap 'echo interrupted; exit 3' INT
echo "tests/test_counter.py::test_counter FAILED"
sleep 0.3
echo "the report"
END
  run let_end_ms=20000
  is '.exit_code == 0 and .exposure_ms < 10000'
  grep -q "the report" "$folder/logs/run_1.log"
}

test_failure_that_does_not_end_is_stopped() {
  new_case endless <<'END'
cat logs/ci.log
while :; do echo more; sleep 0.05; done
END
  run let_end_ms=300
  is '.verdict == "reproduced" and .exposure_ms >= 300 and .exposure_ms < 10000'
  none_left
}

test_silence_is_a_hang() {
  new_case hang <<'END'
echo "PASS iteration 1/50"
sleep 60
END
  run mid_run_ms=300 interrupt_ms=2000
  is '.verdict == "hang" and .reason == "mid_run" and .different == 1 and .iterations == 1'
  is '.exposure_ms >= 300 and .exposure_ms < 10000'
  none_left
}

test_silence_at_start_up() {
  new_case start_up <<<'sleep 60'
  run start_up_ms=300
  is '.verdict == "hang" and .reason == "start_up"'
}

test_busy_silence_waits_longer() {
  new_case busy <<'END'
echo "PASS iteration 1/2"
end=$((SECONDS + 2)); while ((SECONDS < end)); do :; done
echo "PASS iteration 2/2"
END
  run mid_run_ms=800
  is '.verdict == "passed" and .iterations == 2'
}

test_deadline() {
  new_case deadline <<'END'
i=0
while :; do echo "PASS iteration $((++i))/9999"; sleep 0.02; done
END
  run deadline_ms=500
  is '.verdict == "timed_out" and .reason == "deadline" and .iterations > 3 and .different == 0'
  none_left
}

test_failure_before_the_deadline() {
  new_case deadline_match <<'END'
cat logs/ci.log
while :; do echo more; sleep 0.05; done
END
  run deadline_ms=500
  is '.verdict == "reproduced"'
}

test_failure_made_by_the_deadline() {
  new_case deadline_fallout <<'END'
trap 'cat logs/ci.log; exit 1' INT
while :; do echo more; sleep 0.02; done
END
  run deadline_ms=500
  is '.verdict == "timed_out" and .matched == 0'
}

test_deaf_to_signals() {
  new_case deaf <<'END'
trap '' INT TERM
echo "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)"
(setsid bash -c 'trap "" INT TERM; sleep 60 & sleep 60' &)
while :; do sleep 0.05; done
END
  run interrupt_ms=200 terminate_ms=200
  is '.verdict == "contention" and .exposure_ms < 5000'
  none_left
}

test_script_that_cannot_run() {
  new_case exec <<<''
  printf '#!/no/such/interpreter\n' >"$folder/run_test.sh"
  run
  is '.verdict == "setup_error" and .reason == "exec" and .runs == 0 and .spawned_at == null'
  rm "$folder/run_test.sh"
  run
  is '.verdict == "setup_error" and .number == 2'
}

test_missing_program() {
  new_case missing <<<'no-such-program-at-all'
  run
  is '.verdict == "setup_error" and .reason == "exec" and .exit_code == 127'
}

test_nothing_collected() {
  new_case collected <<<'echo "collected 0 items"; exit 5'
  run
  is '.verdict == "setup_error" and .reason == "nothing_to_test"'
}

test_unfilled_script() {
  new_case unfilled <<<'echo "run_test.sh: not filled in yet: no test is named" >&2; exit 9'
  run
  is '.verdict == "setup_error" and .reason == "nothing_to_test"'
  is '.explanation == "nothing could be tested: run_test.sh: not filled in yet: no test is named (ndrepro.not_filled_in)"'
}

test_no_pytest() {
  new_case no_pytest <<<'exec python3 -m no_such_module'
  run
  is '.verdict == "setup_error" and (.explanation | test("python3: No module named no_such_module"))'
}

test_crash_without_a_word() {
  new_case crash <<<'exec /bin/bash -c "kill -SEGV \$\$"'
  run
  is '.verdict == "different_failure" and .term_signal == 11 and .failure.exception == "SIGSEGV"'
}

test_killed_by_others() {
  new_case killed <<<'kill -9 $$'
  run
  is '.verdict == "infrastructure" and .reason == "killed"'
}

test_cancel() {
  new_case cancel <<<'echo "PASS iteration 1/9"; exec sleep 60'
  run cancel_after_ms=300
  is '.verdict == "cancelled" and .infrastructure == 1 and .exposure_ms < 10000'
  none_left
}

test_lost_shim() {
  new_case lost <<<'trap "" HUP INT TERM; kill -9 $PPID; while :; do echo alive; sleep 0.02; done'
  run
  is '.verdict == "lost" and .reason == "shim_lost" and .infrastructure == 1'
  none_left
}

test_lost_shim_whose_lock_the_run_took() {
  new_case lost_lock <<'END'
trap "" HUP INT TERM
flock .ndrepro/attempts/1/shim.lock sleep 60 &
until grep -q -e '-> FLOCK' /proc/locks; do sleep 0.01; done # until it waits for the lock
kill -9 $PPID
wait
END
  run
  is '.verdict == "lost" and .reason == "shim_lost"'
  none_left
}

test_spoilt_control() {
  new_case spoilt <<'END'
rm .ndrepro/attempts/1/control
echo "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)"
sleep 60
END
  run
  is '.verdict == "contention" and .exposure_ms < 5000'
  none_left
}

test_numbers_go_on() {
  new_case numbers <<<'echo fine'
  touch "$folder/logs/run_4.log"
  run attempts=2
  row=$(jq -s . <<<"$row")
  is 'map(.number) == [5, 6] and all(.verdict == "passed")'
}

# die PLACE [NAME=VALUE...]: the supervisor is killed at that failpoint, and does not end in any other way.
die() {
  local place=$1 status=0
  shift
  NDREPRO_FAILPOINT=$place "$one_attempt" "$shim" "$folder" "$folder.state" "$@" >/dev/null || status=$?
  ((status == 128 + 9)) || { printf 'ended with %d, not killed at %s\n' "$status" "$place"; return 1; }
}

# die_and_resume PLACE [NAME=VALUE...]: then the attempt is taken up.
die_and_resume() {
  die "$@"
  run resume=1 "${@:2}"
}

test_resume_after_spawn() {
  new_case resume_spawn <<<'echo begin >>starts; for i in 1 2 3; do echo "PASS iteration $i/3"; sleep 0.1; done; cat logs/ci.log; exit 1'
  die_and_resume attempt.after_spawn
  is '.verdict == "reproduced" and .iterations == 3 and .spawned_at != null'
  [[ $(wc -l <"$folder/starts") == 1 ]]
}

test_resume_in_mid_output() {
  new_case resume_output <<<'for i in {1..20}; do echo "PASS iteration $i/20"; sleep 0.03; done; cat logs/ci.log; exit 1'
  die_and_resume attempt.mid_output@3
  is '.verdict == "reproduced" and .iterations == 20'
}

test_resume_at_a_signal() {
  new_case resume_signal <<'END'
trap '' INT
echo "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)"
while :; do sleep 0.05; done
END
  die_and_resume attempt.at_signal interrupt_ms=300 terminate_ms=300
  is '.verdict == "contention"'
  new_case resume_stop <"$folder/run_test.sh"
  die_and_resume attempt.in_stop interrupt_ms=300 terminate_ms=300
  is '.verdict == "contention"'
  none_left
}

test_resume_of_a_stall() {
  new_case resume_stall <<<'trap "" INT; echo "PASS iteration 1/9"; while :; do sleep 0.05; done'
  die_and_resume attempt.in_stop mid_run_ms=300 interrupt_ms=500
  is '.verdict == "hang" and .reason == "mid_run"'
}

# The shim keeps to its deadline while no supervisor is there, so only it knows what is fallout of that.
test_resume_after_the_deadline() {
  new_case resume_deadline <<'END'
trap 'cat logs/ci.log; exit 1' INT
while :; do echo more; sleep 0.02; done
END
  die attempt.mid_output@3 deadline_ms=500
  flock -s "$folder/.ndrepro/attempts/1/shim.lock" true # until the shim has ended
  run resume=1 deadline_ms=500
  is '.verdict == "timed_out" and .matched == 0'
}

test_resume_keeps_the_deadline_of_the_spec() {
  new_case resume_spec <<<'for i in {1..20}; do echo "PASS iteration $i/20"; sleep 0.1; done'
  die attempt.mid_output@3
  run resume=1 deadline_ms=-20000 # the order's is long over
  is '.verdict == "passed" and .iterations == 20'
}

test_resume_after_the_clock_was_set() {
  new_case resume_clock <<<'for i in {1..20}; do echo "PASS iteration $i/20"; sleep 0.1; done; sleep 1'
  die attempt.mid_output@3
  python3 -c 'import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("UPDATE attempts SET spawned_at_ms = spawned_at_ms - 3600000")' "$folder.state/ndreprod.sqlite"
  run resume=1
  is '.verdict == "passed" and .iterations == 20'
}

test_resume_keeps_a_stop_that_was_planned() {
  new_case resume_plan <<'END'
echo "PASS iteration 1/9"
echo "E   TIMEOUT: device timeout, potential hang detected, the device is unrecoverable"
for i in {1..10}; do echo "backtrace $i"; sleep 0.05; done
exec sleep 60
END
  die_and_resume attempt.mid_output@6 triage_ms=1500 interrupt_ms=2000
  is '.verdict == "different_failure" and .exposure_ms >= 1500 and .exposure_ms < 10000'
  none_left
}

test_resume_is_in_the_phase_where_the_run_was() {
  new_case resume_phase <<'END'
echo "PASS iteration 1/9"
echo "collected 1 item" # a signal, which is stored with how far the log was read
for i in {1..10}; do echo "line $i"; sleep 0.05; done
exec sleep 60
END
  die_and_resume attempt.mid_output@6 mid_run_ms=600 interrupt_ms=2000
  is '.verdict == "hang" and .reason == "mid_run" and .iterations == 1 and .exposure_ms < 10000'
  none_left
}

test_resume_knows_that_the_run_had_begun() {
  new_case resume_began <<'END'
echo "tests/test_counter.py::test_counter "
echo "collected 1 item" # a signal, which is stored with how far the log was read
for i in {1..10}; do echo "line $i"; sleep 0.05; done
exit 5
END
  die_and_resume attempt.mid_output@6
  is '.verdict == "different_failure" and .reason == "unrecognised"'
}

test_resume_of_what_was_never_started() {
  new_case resume_absent <<<'echo begin >>starts; echo fine'
  local path=$folder
  PATH=/nonexistent "$one_attempt" /nonexistent/shim "$path" "$path.state" >/dev/null 2>&1 && return 1
  run resume=1
  is '.verdict == "passed"'
  [[ $(wc -l <"$folder/starts") == 1 ]]
}

test_resume_of_a_lost_run() {
  new_case resume_lost <<<'trap "" HUP INT TERM; while :; do echo alive; sleep 0.02; done'
  die attempt.mid_output@3
  kill -9 "$(cut -d' ' -f2 "$folder/.ndrepro/attempts/1/shim.lock" | head -1)"
  run resume=1
  is '.verdict == "lost" and .reason == "shim_lost"'
  none_left
}

test_resume_of_a_lost_run_that_took_the_lock() {
  new_case resume_lock <<<'for i in {1..20}; do echo alive; sleep 0.02; done
exec flock .ndrepro/attempts/1/shim.lock sleep 60'
  local lock=$folder/.ndrepro/attempts/1/shim.lock
  die attempt.mid_output@3
  kill -9 "$(cut -d' ' -f2 "$lock" | head -1)"
  while flock -ns "$lock" true; do sleep 0.01; done # until the run has it
  run resume=1
  is '.verdict == "lost" and .reason == "shim_lost"'
  none_left
}

if (($#)); then tests=("$@"); else mapfile -t tests < <(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p'); fi
failed=0
for name in "${tests[@]}"; do
  begin=$(date +%s%N)
  set +e # a test in an `if` would go on after what fails in it
  (set -e; "$name") >"$work/output" 2>&1
  status=$?
  set -e
  result=ok
  ((status == 0)) || result=FAILED failed=$((failed + 1))
  printf '%-6s %s (%d ms)\n' "$result" "$name" $((($(date +%s%N) - begin) / 1000000))
  [[ $result == ok ]] || sed 's/^/       /' "$work/output"
done
printf '%d tests, %d failed\n' "${#tests[@]}" "$failed"
exit $((failed > 0))

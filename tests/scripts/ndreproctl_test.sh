#!/usr/bin/env bash
# Holds the client to what it promises, against answers from a file: ndreproctl_test.sh CLIENT
# An analysis is what the ndreprod beside the client makes of a log. What the real daemon answers is tested in tests/api
# and tests/program.
set -uo pipefail
client=${1:?which ndreproctl}
daemon=$(realpath "$(dirname "$client")")/ndreprod
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(mktemp -d "${TMPDIR:-/tmp}/ndreproctl-test.XXXXXX")
export NDREPROD_SOCKET=$folder/api.sock TERM=xterm
unset NDREPROD_HOST NDREPROD_CURL_HEADER NO_COLOR XDG_RUNTIME_DIR
echo '{}' >"$folder/answers"
coproc server { exec python3 "$here/canned_api.py" "$folder/api.sock" "$folder/answers" "$folder/requests"; }
# shellcheck disable=SC2154
server_pid=$server_PID
trap 'kill "$server_pid"; rm -rf "$folder"' EXIT
read -r _ port <&"${server[0]}" || exit 1

passed=0 failed=0
good() { passed=$((passed + 1)); }
bad() { failed=$((failed + 1)); printf 'FAILED  %s\n        %s\n' "$test" "$1"; sed 's/^/        | /' "$folder/out" "$folder/err"; }

# Sets what is answered: pairs of "METHOD TARGET", with "STATUS " before it if not 200, and JSON.
can() {
  local all='{}' key status
  while [[ $# -gt 0 ]]; do
    key=$1 status=200
    [[ $key != [0-9][0-9][0-9]' '* ]] || { status=${key%% *}; key=${key#* }; }
    all=$(jq -n --argjson all "$all" --arg key "$key" --argjson status "$status" --argjson body "$2" '$all + {($key): {status: $status, body: $body}}')
    shift 2
  done
  printf '%s' "$all" >"$folder/answers"
  : >"$folder/requests"
}

# EXPECTED_STATUS ARGUMENTS...: runs the client, its output in a pipe.
ctl() {
  local expected=$1 status=0
  shift
  timeout 60 "$client" "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
  if [[ $status -eq $expected ]]; then good; else bad "exit $status, expected $expected: ndreproctl $*"; fi
}
# The same on a terminal.
ctl_tty() {
  local expected=$1 status=0
  shift
  : >"$folder/err"
  script -qec "$(printf '%q ' "$client" "$@")" /dev/null >"$folder/out" 2>&1 </dev/null || status=$?
  if [[ $status -eq $expected ]]; then good; else bad "exit $status, expected $expected: ndreproctl $* (terminal)"; fi
}
says() { if grep -qaF -- "$1" "$folder/out"; then good; else bad "stdout lacks: $1"; fi; }
says_not() { if grep -qaF -- "$1" "$folder/out"; then bad "stdout holds: $1"; else good; fi; }
tells() { if grep -qaF -- "$1" "$folder/err"; then good; else bad "stderr lacks: $1"; fi; }
tells_not() { if grep -qaF -- "$1" "$folder/err"; then bad "stderr holds: $1"; else good; fi; }
is() { if [[ $(<"$folder/out") == "$1" ]]; then good; else bad "stdout is not: $1"; fi; }
# FILTER: holds for the last request.
asked() { if tail -1 "$folder/requests" | jq -e "$1" >/dev/null; then good; else bad "the last request is not $1: $(tail -1 "$folder/requests")"; fi; }

campaign='{"id":"7","case_name":"gather","state":"finished","outcome":"not_reproduced","reason":"no match","mode":"quick",
  "boards":["host"],"seed":"18446744073709551615","spent_ms":52000,"budget_ms":300000,"report":{"plain":{"runs":10,"matched":0,"rate":0,
  "low":0,"high":0.2589,"bound":0.2589},"amplified":[{"arm":"workers","parameters":{"workers":4},"runs":4,"matched":1,"rate":0.25,
  "low":0.0063,"high":0.806}],"different_before_match":0,"first_match":null,"next_command":"ndreproctl run gather --budget 1h"}}'
changed() { jq -c "$1" <<<"$campaign"; }
case='{"name":"gather","folder":"/cases/gather","owner":"uid:1","analyzed_at":"2025-01-01T00:00:00.000Z","signature":{"failure_type":"crash"}}'
problem='{"code":"odd","detail":"there is no case x","hint":"look again","status":404}'

test='help fits a screen and has examples'
ctl 0 help; says 'Examples:'
if [[ $(wc -l <"$folder/out") -lt 25 ]]; then good; else bad 'help has 25 lines or more'; fi
ctl 0; says 'ndreproctl COMMAND'
ctl 0 --help

test='a misspelt command is told the one that was meant'
ctl 2 stauts; tells 'did you mean status?'
ctl 2 frobnicate; tells 'ndreproctl help'
ctl 2 case; ctl 2 run; ctl 2 run a b; ctl 2 run --colour red; ctl 2 logs; ctl 2 logs gather; ctl 2 wait; ctl 2 stop
ctl 2 board reset; ctl 2 events --since now; ctl 2 ps x; ctl 2 logs --tail x gather/1; ctl 2 wait --timeout soon 7

test='an option without its value is bad usage'
for option in --budget --mode --seed --board; do ctl 2 run gather "$option"; tells "$option needs a value"; done
ctl 2 run gather --confirmations; ctl 2 logs gather/1 --tail; ctl 2 events --after; ctl 2 events --campaign
ctl 2 wait 7 --timeout; tells 'needs a value'
ctl 2 wait-ready --timeout; tells 'needs a value'
ctl 2 wait-ready --soon; ctl 2 wait 7 8; ctl 2 status 7 8; ctl 2 status --all; ctl 2 case add ''

test='help is a word away wherever one is'
for command in case 'case add x' run ps status logs wait stop board 'board reset 0' events wait-ready version; do
  # shellcheck disable=SC2086
  ctl 0 $command --help; says 'Examples:'
done
ctl 0 run gather -h; says 'Examples:'

test='no daemon is status 3 and says what to do'
NDREPROD_SOCKET=$folder/none.sock ctl 3 ps; tells 'ndreprod serve'; tells "answer at $folder/none.sock: "
NDREPROD_SOCKET='' HOME=$folder XDG_STATE_HOME='' ctl 3 ps; tells "$folder/.local/state/ndreprod/run/api.sock"

test='the status of a problem becomes the exit status'
for pair in 404=4 401=5 403=5 421=5 409=6 400=2 422=2 500=7 507=7 503=7; do
  can "${pair%=*} GET /v1/cases/x" "$problem"
  ctl "${pair#*=}" case show x; tells 'there is no case x'; tells 'look again'
done
for pair in 'no_such_case=case list' 'no_such_campaign=ps -a' 'no_such_attempt=status CAMPAIGN' 'no_such_board=board list'; do
  can "404 GET /v1/cases/x" "$(jq --arg code "${pair%=*}" '.code = $code' <<<"$problem")"
  ctl 4 case show x; tells "ndreproctl ${pair#*=} has those there are"; tells_not 'look again'
done
can "422 POST /v1/cases/x/campaigns" '{"code":"refused","detail":"run_test.sh: is not executable","hint":"chmod +x run_test.sh"}'
ctl 9 run x; tells 'chmod +x run_test.sh'

test='rows are tab-separated in a pipe, even columns with a header on a terminal, JSON on demand'
can 'GET /v1/cases?limit=500' "{\"cases\":[$case],\"next\":null}"
ctl 0 case list; is $'gather\t2025-01-01T00:00:00.000Z\t/cases/gather'
ctl_tty 0 case list; says 'CASE    ANALYZED'; says 'gather  2025-01-01'
ctl 0 case list --json; says '"folder": "/cases/gather"'

test='a list is read to its last page'
second='/v1/cases?limit=500&after=gather' third='/v1/cases?limit=500&after=ring'
can 'GET /v1/cases?limit=500' "{\"cases\":[$case],\"next\":\"$second\"}" \
  "GET $second" "{\"cases\":[$(jq '.name = "ring"' <<<"$case")],\"next\":\"$third\"}" "GET $third" '{"cases":[],"next":null}'
ctl 0 case list; if [[ $(cut -f1 "$folder/out") == $'gather\nring' ]]; then good; else bad 'not both'; fi
ctl 0 case list --json; if [[ $(jq -c '[(.cases | length), .next]' "$folder/out") == '[2,null]' ]]; then good; else bad 'not one list'; fi
can 'GET /v1/cases?limit=500' "{\"cases\":[],\"next\":null}"
ctl 0 case list; is ''

test='names are encoded and bodies are built, whatever they hold'
can 'GET /v1/cases/a%2F..%2Fb%3Fc' "$case" '201 POST /v1/cases' "$case"
ctl 0 case show 'a/../b?c'; says 'crash'
ctl 0 case add $'/cases/a"b\\c$(id)'
# shellcheck disable=SC2016
asked '.body | fromjson.folder == "/cases/a\"b\\c$(id)"'
asked '.headers["Content-Type"] == "application/json"'
ctl 0 case add gather; asked ".body | fromjson.folder == \"$PWD/gather\""
for path in ./gather/ gather/../gather "$PWD//gather/." gather/logs/..; do
  ctl 0 case add "$path"; asked ".body | fromjson.folder == \"$PWD/gather\""
done
tells_not 'to be mended'
can '201 POST /v1/cases' "$(jq '.note = "run_test.sh: is not executable; chmod +x run_test.sh\u009b2J"' <<<"$case")"
ctl 0 case add gather; is $'gather\t/cases/gather'; tells 'to be mended before it can run: run_test.sh: is not executable; chmod +x'
tells_not $'\xc2\x9b'
ctl 0 case add .; asked ".body | fromjson.folder == \"$PWD\""

test='a campaign is ordered with its options'
can '202 POST /v1/cases/gather/campaigns' "$campaign"
ctl 0 run gather --budget 90s --mode soak --seed 18446744073709551615 --confirmations 5 --board 0 --board 1; is $'7\tgather\tfinished'
asked '.body | fromjson == {budget: "90s", mode: "soak", seed: "18446744073709551615", confirmations: 5, boards: ["0", "1"]}'

test='how a campaign ended is the exit status of wait'
for pair in reproduced=0 deterministic=0 margin=0 not_reproduced=1 board_unusable=7 setup_error=9 cancelled=130 \
  fixed=0 still_failing=1 undecided=10; do
  outcome=${pair%=*}
  can 'GET /v1/campaigns/7?until=finished&wait=300s' "$(changed ".outcome = \"$outcome\"")" \
    'GET /v1/campaigns/7' "$(changed ".outcome = \"$outcome\"")" 'GET /v1/cases/gather' "$case"
  ctl "${pair#*=}" wait 7; says "$(tr '[:lower:]_' '[:upper:] ' <<<"$outcome")"; says '/cases/gather/README.md'
done
says 'unamplified: 0 of 10 runs: at most 25.9 % (95 %)'
says 'workers workers=4: 1 of 4 runs: 25 % (95 %: 0.63 % to 80.6 %)'
says 'next: ndreproctl run gather --budget 1h'
can 'GET /v1/campaigns/7?until=finished&wait=300s' "$campaign" 'GET /v1/cases/gather' "$case" \
  'GET /v1/campaigns/7' "$(changed '.report.different_before_match = 2')"
ctl 8 wait 7; says 'DIFFERENT FAILURE  gather'
can 'GET /v1/campaigns/7?until=finished&wait=300s' "$campaign" 'GET /v1/cases/gather' "$case" \
  'GET /v1/campaigns/7' "$(changed '.outcome = "not_reproduced" | .report.different_before_match = 6
    | .report.comparison = "in CI: crash; here: exception" | .report.next_command = "ndreproctl logs gather/6"')"
ctl 8 wait 7; says 'DIFFERENT FAILURE  gather'; says 'in CI: crash; here: exception'; says 'next: ndreproctl logs gather/6'
ctl 8 wait 7 --json; says '"different_before_match": 6'

test='the end of a campaign tells where it races, and what failed otherwise'
can 'GET /v1/campaigns/7?until=finished&wait=300s' "$campaign" 'GET /v1/cases/gather' "$case" \
  'GET /v1/campaigns/7' "$(changed '.outcome = "reproduced" | .report.amplified = [
      {arm: "noise", words: "4 delays a run", runs: 900, matched: 3, rate: 0.0033, low: 0.0005, high: 0.01, per_minute: 12.34},
      {arm: "hold", words: "a", runs: 10, matched: 0, rate: 0, low: 0, high: 0.3, bound: 0.3, exposure_ms: 1000},
      {arm: "hold", words: "b", runs: 20, matched: 0, rate: 0, low: 0, high: 0.2, bound: 0.2, exposure_ms: 61000}]
    | .report.where = {matched: 9, passed: 900, sites: [{file: "src/tank.cpp", line: 41, function: "Tank::take", ratio: 9.31, low: 4, high: 21.2}]}
    | .report.other_failures = [{text: "KeyError", runs: 2, first: {log: "logs/run_7.log run 12"}}]
    | .report.differences = [{what: "variable ARCH", in_ci: "x", here: null}] | .report.next_reason = "it is so"')"
ctl 0 wait 7; says 'noise (4 delays a run): 3 of 900 runs: 0.33 % (95 %: 0.05 % to 1 %), 12.3 a minute'
says 'hold, 2 settings: 0 of 30 runs in 1:02'; says 'src/tank.cpp:41 in Tank::take: 9.3 times as often (95 %: 4 to 21.2)'
says '2 other failures seen: 2 x KeyError, first in logs/run_7.log run 12'; says 'CI had variable ARCH x, here none'; says 'since it is so'

test='waiting has an end'
can 'GET /v1/campaigns/7?until=finished&wait=1s' "$(changed '.state = "running"')" \
  'GET /v1/campaigns/7?until=finished&wait=0s' "$(changed '.state = "running"')"
ctl 124 wait --timeout 1s 7; tells 'has not finished'

events='{"id":"1","at_ms":1000,"type":"campaign.state","campaign_id":"7","attempt_id":null,"subject":"gather","body":{"state":"running"}}
{"id":"2","at_ms":2000,"type":"campaign.step","campaign_id":"7","attempt_id":null,"subject":"gather","body":{"step":"attempt","number":4,"phase":"search","arm":"workers","parameters":{"workers":4}}}
{"id":"3","at_ms":3000,"type":"attempt.state","campaign_id":"7","attempt_id":"31","subject":"gather","body":{"number":4,"verdict":null,"spawned_at_ms":3000}}
{"id":"4","at_ms":4000,"type":"attempt.signal","campaign_id":"7","attempt_id":"31","subject":"gather","body":{"signal_class":"device_timeout","offset":48211,"line":"\u001b[31mTIMEOUT\u001b[0m \u009b2J"}}
{"id":"4","at_ms":5000,"type":"attempt.signal","campaign_id":"7","attempt_id":"31","subject":"gather","body":{"signal_class":"device_timeout","offset":48211,"line":"\u001b[31mTIMEOUT\u001b[0m \u009b2J"}}
{"id":"4","at_ms":4000,"type":"attempt.signal","campaign_id":"7","attempt_id":"31","subject":"gather","body":{"signal_class":"device_timeout","offset":48300,"line":"\u001b[31mTIMEOUT\u001b[0m \u009b2J"}}

{"id":"5","at_ms":5000,"type":"attempt.state","campaign_id":"7","attempt_id":"31","subject":"gather","body":{"number":4,"verdict":"reproduced","explanation":"as wanted","spawned_at_ms":3000}}
{"id":"6","at_ms":6000,"type":"reset.state","campaign_id":"7","attempt_id":null,"subject":"0","body":{"result":"verified","reason":"ok"}}
{"id":"7","at_ms":7000,"type":"board.state","campaign_id":"7","attempt_id":null,"subject":"0","body":{"state":"clean","reason":""}}
{"id":"8","at_ms":8000,"type":"site.extra","campaign_id":"7","attempt_id":null,"subject":"x","body":{}}
{"id":"9","at_ms":9000,"type":"campaign.state","campaign_id":"7","attempt_id":null,"subject":"gather","body":{"state":"finished","outcome":"reproduced","reason":"4 of 9"}}
'
can_events() { # TARGET, then more pairs
  can "GET $1" "$(jq -Rs . <<<"$events")" "${@:2}"
}

test='a campaign is followed to its end, as plain lines in a pipe'
can_events '/v1/events?campaign=7&after=0' '202 POST /v1/cases/gather/campaigns' "$campaign" \
  'GET /v1/campaigns/7' "$(changed '.outcome = "reproduced"')" 'GET /v1/cases/gather' "$case" \
  'GET /v1/attempts/31' '{"number":4,"arm":"workers","iterations":214,"log_offset":19083000}'
ctl 0 run gather -f
says 'attempt 4: search, workers workers=4'; says 'attempt 4: runs, logs/run_4.log'; says '! device_timeout  byte 48211'
says 'attempt 4: reproduced - as wanted'; says 'board 0: reset verified, ok'; if grep -q 'board 0: clean$' "$folder/out"; then good; else bad 'no board'; fi
for offset in 48211 48300; do if [[ $(grep -c "byte $offset" "$folder/out") == 1 ]]; then good; else bad "not one line of $offset"; fi; done
says 'campaign 7 of gather: reproduced - 4 of 9'
says 'REPRODUCED  gather  campaign 7  0:52'; says_not $'\e'; says_not $'\r'
ctl 0 run gather -f --json; if [[ $(jq -s length "$folder/out") == 1 ]]; then good; else bad 'more than one JSON value'; fi

test='colour is for terminals without NO_COLOR, and a run never gets its escape sequences through'
ctl_tty 0 run gather -f; says $'\e[1;32mREPRODUCED'; says_not $'\e[31mTIMEOUT'; says 'TIMEOUT'; says_not $'\xc2\x9b'
NO_COLOR=1 ctl_tty 0 run gather -f; says_not $'\e[1;32m'; says 'REPRODUCED'

test='a lost stream is taken up where it was'
can_events '/v1/events?campaign=7&after=0' '202 POST /v1/cases/gather/campaigns' "$campaign" \
  'GET /v1/campaigns/7' "$(changed '.outcome = "reproduced"')" 'GET /v1/cases/gather' "$case"
jq --arg rest "$(tail -1 <<<"${events%$'\n'}")" --arg first "$(head -3 <<<"$events")"$'\n' \
  '.["GET /v1/events?campaign=7&after=0"].body = $first | .["GET /v1/events?campaign=7&after=3"] = {status: 200, body: ($rest + "\n")}' \
  "$folder/answers" >"$folder/more" && mv "$folder/more" "$folder/answers"
ctl 0 run gather -f; says 'attempt 4: runs'; says 'campaign 7 of gather: reproduced'

# PATTERN: returns when a line of the server's record holds it.
recorded() { if grep -qm1 -- "$1" < <(timeout 30 tail -n +1 -f "$folder/requests"); then good; else bad "no request $1"; fi; }
# A campaign that is followed in the background, as $following, while the stream of its events hangs. SIGINT reaches it,
# which bash keeps from what it starts in the background.
follow_hanging() {
  can '202 POST /v1/cases/gather/campaigns' "$campaign"
  printf '%s' "$(jq '.["GET /v1/events?campaign=7&after=0"] = {hang: true}' "$folder/answers")" >"$folder/answers"
  env --default-signal=INT timeout --foreground 60 "$client" run gather -f >"$folder/out" 2>"$folder/err" </dev/null &
  following=$!
  recorded '"request": "GET /v1/events?campaign=7&after=0"'
}
interrupt() { # EXPECTED_STATUS [SIGNAL]
  local status=0
  kill "-${2-INT}" "$following"
  wait "$following" || status=$?
  if [[ $status -eq $1 ]]; then good; else bad "exit $status, expected $1"; fi
}

test='a signal to the client alone ends what it waits for'
# TARGET COMMAND...: which is interrupted while TARGET hangs.
interrupted() {
  local target=$1 signal
  shift
  for signal in INT TERM; do
    can 'GET /healthz' '{}' "GET $target" '{}'
    printf '%s' "$(jq --arg key "GET $target" '.[$key] = {hang: true}' "$folder/answers")" >"$folder/answers"
    env --default-signal=INT "$client" "$@" >"$folder/out" 2>"$folder/err" </dev/null &
    following=$!
    recorded "\"request\": \"GET $target\""
    interrupt 130 "$signal"
    recorded "\"left\": \"GET $target\""
  done
}
interrupted '/v1/attempts/31/log?follow=1' logs -f 31
interrupted '/v1/events?follow=1' events -f
interrupted '/v1/cases/gather' case show gather
interrupted '/v1/campaigns/7?until=finished&wait=300s' wait 7; tells 'ndreproctl stop 7'

test='Ctrl-C detaches and says how to end the campaign'
follow_hanging
interrupt 130
tells 'ndreproctl stop 7'
recorded '"left": "GET /v1/events?campaign=7&after=0"' # its curl lets go
if pgrep -f -- "--unix-socket $folder/api.sock" >/dev/null; then bad 'a curl is left behind'; else good; fi

test='a daemon that does not come back is told, not waited for'
can '202 POST /v1/cases/gather/campaigns' "$campaign"
printf '%s' "$(jq '.["POST /v1/cases/gather/campaigns"].gone = true' "$folder/answers")" >"$folder/answers"
mkdir "$folder/hasty"
ln -s "$(type -P true)" "$folder/hasty/sleep" # its pauses are not what is asked here
PATH=$folder/hasty:$PATH ctl 3 run gather -f; tells 'the daemon is gone; campaign 7'; says 'trying again'
mv "$folder/api.sock.gone" "$folder/api.sock"

test='events are read, lines by themselves or JSON'
can_events '/v1/events?follow=0' 'GET /healthz' '{"alive":true}'
ctl 0 events; says 'attempt 4: reproduced'
ctl 0 events --json; if [[ $(jq -s length "$folder/out") == 11 ]]; then good; else bad 'not eleven events'; fi
printf '%s' "$(jq '.["GET /v1/events?follow=1&after=5&campaign=7"] = .["GET /v1/events?follow=0"]' "$folder/answers")" >"$folder/answers"
ctl 0 events -f --after 5 --campaign 7

test='a log comes byte for byte in a pipe, without escape sequences on a terminal'
log=$'one \e[31mred\e[0m \e]0;title\a\x9b two\rthree\e[2J \xc2\xc2\x9b\x9b4m \xc2\x07\x9b5m\n'
can 'GET /v1/cases/gather/attempts/3' '{}' 'GET /v1/cases/gather/attempts/3/log' "$(jq -Rs . <<<"$log")" \
  'GET /v1/cases/gather/attempts/3/log?tail=5' '"tail\n"' 'GET /v1/attempts/31' '{}' 'GET /v1/attempts/31/log?follow=1' '"followed\n"' \
  'GET /v1/cases/gather/attempts/3/signals?limit=500' '{"signals":[{"offset":12,"signal_class":"crash","rule":"sigsegv","line":"a\u001b[2J"}],
  "next":"/v1/cases/gather/attempts/3/signals?limit=500&after=1"}' 'GET /v1/cases/gather/attempts/3/signals?limit=500&after=1' \
  '{"signals":[{"offset":90,"signal_class":"crash","rule":"sigabrt","line":"b"}],"next":null}'
ctl 0 logs gather/3; says $'\e[31mred'
ctl_tty 0 logs gather/3; says 'one red'; says_not $'\e[31m'; says_not 'title'; says_not $'\e[2J'; says_not $'\xc2\x9b'
ctl_tty 0 logs --raw gather/3; says $'\e[31mred'
ctl 0 logs --tail 5 gather/3; is tail
ctl 0 logs -f 31; is followed
ctl 0 logs --signals gather/3; is $'12\tcrash\tsigsegv\ta [2J\n90\tcrash\tsigabrt\tb'
ctl 4 logs gather/9

test='what is at work, in full on demand'
can 'GET /v1/campaigns?state=running&limit=500' "{\"campaigns\":[$(changed '.state = "running" | .outcome = null')]}" \
  'GET /v1/campaigns?state=queued&limit=500' '{"campaigns":[]}' 'GET /v1/campaigns?state=finished&limit=500' "{\"campaigns\":[$campaign]}" \
  'GET /v1/campaigns?limit=1' "{\"campaigns\":[$campaign]}" 'GET /v1/campaigns/7' "$campaign" \
  'GET /v1/campaigns/7/attempts?limit=500' '{"attempts":[{"name":"gather/3","phase":"screen","arm":"plain","parameters":{},"verdict":"passed",
    "runs":1,"matched":0,"exposure_ms":61000,"explanation":""}]}'
ctl 0 ps; is $'7\tgather\tquick\trunning\t0:52\t5:00\t-'
ctl 0 ps -a; says $'finished\t0:52\t5:00\tnot_reproduced'
ctl 0 status; says 'campaign 7 of gather: not_reproduced - no match'; says $'gather/3\tscreen\tplain\t-\tpassed\t1\t0\t1:01\t-'
says 'seed 18446744073709551615'
ctl 0 status 7 --json; if [[ $(jq -r '.attempts[0].name + .id' "$folder/out") == gather/37 ]]; then good; else bad 'not one object'; fi

test='one attempt is shown with its failure beside that of CI'
attempt='{"name":"gather/3","number":3,"campaign_id":"7","phase":"search","arm":"workers","parameters":{"workers":4},
  "verdict":"different_failure","reason":"exited","explanation":"another failure","exposure_ms":61000,"runs":1,"matched":0,
  "exit_code":1,"term_signal":null,"log_bytes":4211,"match_grade":"same_class",
  "match_reasons":["failure type: crash = crash","exception: RuntimeError ≠ Key\u001b[2JError","message: unknown ? x"]}'
can 'GET /v1/cases/gather/attempts/3' "$attempt" 'GET /v1/cases/gather/attempts/4' \
  '{"name":"gather/4","number":4,"verdict":null,"runs":0,"matched":0,"log_bytes":0,"match_reasons":null}'
ctl 0 status gather/3; says $'verdict\tdifferent_failure'; says $'reason\texited'; says $'arm\tworkers'; says $'parameters\tworkers=4'
says $'time\t1:01'; says $'exit\t1'; says $'log\tlogs/run_3.log, 4211 bytes'; says $'match\tsame_class'
says $'CI, here\tfailure type: crash = crash'; says $'CI, here\texception: RuntimeError ≠ Key [2JError'
ctl 0 status gather/3 --json; if [[ $(jq -c . "$folder/out") == "$(jq -c . <<<"$attempt")" ]]; then good; else bad 'not as it came'; fi
ctl 0 status gather/4; says $'verdict\tnone yet'; says $'time\t-'
ctl 4 status gather/9

test='failures of a campaign are those of single runs and of the runs of slices, each with its place in the log'
can 'GET /v1/campaigns/7/attempts?limit=500' '{"attempts":[
    {"id":"4","name":"gather/3","arm":"plain","seed":"5","verdict":"different_failure","explanation":"odd \u001b[31m","slice":null,"exposure_ms":61000,"match_grade":"other","log_bytes":9},
    {"id":"5","name":"gather/4","arm":"noise","seed":"6","verdict":"reproduced","explanation":"as wanted","slice":{"runs":90},"exposure_ms":1000}],"next":null}' \
  'GET /v1/campaigns/7/failures?limit=500' '{"failures":[{"id":"1","attempt_id":"5","run":12,"copy":2,"seed":"99","verdict":"reproduced",
    "explanation":"lost 3","match_grade":"exact","duration_us":2600,"log_offset":48}],"next":null}' \
  'GET /v1/cases/gather/campaigns?limit=1' '{"campaigns":[{"id":"7"}],"next":null}' \
  'GET /v1/cases/ring/campaigns?limit=1' '{"campaigns":[],"next":null}'
ctl 0 failures 7; says $'gather/3\t-\t-\t5\tplain\tdifferent_failure\tother\t61000 ms\tbyte 0\todd'
says $'gather/4\t12\t2\t99\tnoise\treproduced\texact\t3 ms\tbyte 48\tlost 3'; says_not $'\e'
ctl 0 failures gather; says $'gather/4\t12'
ctl 0 failures 7 --json; if [[ $(jq '.failures | length' "$folder/out") == 2 ]]; then good; else bad 'not two'; fi
ctl 4 failures ring; tells 'no campaign yet'
ctl 2 failures; ctl 2 failures 7 8

test='arms are told with the reason of those that do not work'
can 'GET /v1/arms' '{"arms":[{"name":"plain","available":true,"does":"as in CI","why":""},{"name":"hold","available":false,"does":"holds","why":"not installed"}]}'
ctl 0 arms; says $'plain\tyes\tas in CI\t-'; says $'hold\tno\tholds\tnot installed'; ctl 2 arms 1

test='boards are listed and reset, and a bad reset is status 7'
can 'GET /v1/boards' '{"boards":[{"name":"0","state":"clean","reason":"","leased_by":null}]}' \
  '202 POST /v1/boards/0/resets' '{"id":"3","board":"0","result":null}' \
  'GET /v1/resets/3?wait=300s&until=finished' '{"id":"3","board":"0","result":"verified","duration_ms":11800,"reason":""}'
ctl 0 board list; is $'0\tclean\t-\t-'
ctl 0 board reset 0; is $'0\tverified\t0:11\t-'
ctl 0 board reset 0 --force; if [[ $(jq -s '[.[] | select(.request == "POST /v1/boards/0/resets")] | last | .body' "$folder/requests") == *force* ]]; then good; else bad 'not forced'; fi
can '202 POST /v1/boards/0/resets' '{"id":"3","board":"0","result":"failed","duration_ms":5,"reason":"gone"}'
ctl 7 board reset 0

test='stop, version and readiness'
can '202 POST /v1/campaigns/7/cancel' "$(changed '.state = "running"')" 'GET /v1/' '{"name":"ndreprod","version":"9.9"}' \
  'GET /readyz' '{"ready":true}'
ctl 0 stop 7; is $'7\tstopping'
ctl 0 version; says 'ndreprod 9.9'; says "ndreproctl $(sed -n 's/^version=//p' "$client")"
ctl 0 version --json; if [[ $(jq -r .version "$folder/out") == 9.9 ]]; then good; else bad 'not JSON alone'; fi
ctl 0 wait-ready
can '503 GET /readyz' '{"ready":false}'
ctl 124 wait-ready --timeout 1s

test='an analysis shows each fact with the file and line that it was read from'
whole=$(cd "$here/../cases/gather-timeout" && "$daemon" analyze --json logs/ci_gather.log)
findings='{checklist, hypotheses, not_replicable, jobs, test_configurations, test, problems}'
evidence=$(jq "del(.signature) | with_entries(select(.key as \$k | ($findings | has(\$k)) | not))" <<<"$whole")
analysis() { # FILTER for the evidence
  can 'POST /v1/cases/gather/analysis' "$(jq --argjson whole "$whole" \
    "{case_name: \"gather\", signature: {}, evidence: ($1), findings: ((\$whole | $findings) as \$found | if ($1) == null then null else \$found end)}" <<<"$evidence")"
}
analysis .
ctl 0 case analyze gather; says $'case\t-\tgather'
says $'exception\tlogs/ci_gather.log:61\tRuntimeError'; says $'test_line\tlogs/ci_gather.log:44\t18'
says $'env.TT_METAL_OPERATION_TIMEOUT_SECONDS\tlogs/ci_gather.log:9\t1'; says $'timeouts.pytest_s\tlogs/ci_gather.log:17\t300'
says $'python_stack\tlogs/ci_gather.log:44\toriginal/test_gather.py:18 test_gather'
says $'native_stack\tlogs/ci_gather.log:57\t--- tt::tt_metal::distributed'
says $'predecessors\tlogs/ci_gather.log:26\t'; says $'logs\tlogs/ci_gather.log:54\tlogs/ci_gather.log, '; says ': this failure'
says $'done\tlogs/ci_gather.log:54\tthe type of the failure is identified: device_timeout'
says $'missing\t-\tthe CI configuration of the failing job is found and read: there is no checkout'; says 'may be'
for absent in origins files runner conflicts offset null; do says_not "$absent"; done
ctl 0 case analyze gather --json
if jq -e --argjson evidence "$evidence" '.evidence == $evidence' "$folder/out" >/dev/null; then good; else bad 'not as it came'; fi
analysis '.conflicts = [{field: "arch", kept: {value: "wormhole_b0", origin: {file: 0, line: 10, offset: 911}},
  other: {value: "\u001b[2Jblackhole", origin: {file: 0, line: 77, offset: 5000}}}]'
ctl 0 case analyze gather; says $'conflicts\tlogs/ci_gather.log:77\tarch: wormhole_b0, elsewhere  [2Jblackhole'
tells_not 'no failure'
analysis '{is_failure: false}'
ctl 0 case analyze gather; says $'is_failure\t-\tfalse'; tells 'no failure was found'; tells 'log of the CI job that failed'
analysis null
ctl 0 case analyze gather; is $'case\t-\tgather'

ctl 2 case show "$folder"; tells 'is a folder, no name of a case'

test='what was generated, what lint finds, the brief, an approval'
generated='{"case_name":"gather","files":[{"path":"run_test.sh","outcome":"created"},
  {"path":"tests/a\u001b[2J.py.new","outcome":"kept"}],"variables_not_exported":[{"name":"LD_PRELOAD","fate":"quarantined",
  "reason":"a loader acts on it","place":"logs/ci.log:7"}]}'
can 'POST /v1/cases/gather/artifacts' "$generated"
ctl 0 case generate gather; says $'created\trun_test.sh'; says $'quarantined\tLD_PRELOAD\ta loader acts on it (logs/ci.log:7)'
says 'edited by hand'; says_not $'\e'
can 'GET /v1/cases/gather/lint' '{"case_name":"gather","findings":[{"rule":"set-e","severity":"error","file":"run_test.sh","line":2,
  "text":"ends the script","remedy":"leave set -e out"}],"errors":1,"rules":[],"skipped":[]}'
ctl 1 case lint gather; is $'error\tset-e\trun_test.sh:2\tends the script\tleave set -e out'
can 'GET /v1/cases/gather/lint' '{"case_name":"gather","findings":[],"errors":0,"rules":[],"skipped":[]}'
ctl 0 case lint gather; is ''
can 'GET /v1/cases/gather/brief' '"# Brief\u001b[31m\n"'
ctl 0 case brief gather; says 'Brief'; says_not $'\e'
can 'POST /v1/cases/gather/approved-environment' '{"case_name":"gather","name":"LD_PRELOAD"}'
ctl 0 case approve-env gather LD_PRELOAD; is $'gather\tLD_PRELOAD'
ctl 2 case approve-env gather; ctl 2 case generate; ctl 2 run gather --repository /r

test='a campaign begins with what lint finds, and --generate with the files'
can 'GET /v1/cases/gather/lint' '{"case_name":"gather","findings":[{"rule":"pipe","severity":"error","file":"run_test.sh","line":9,
  "text":"the status is lost","remedy":"leave the pipe out"}],"errors":1,"rules":[],"skipped":[]}' \
  'POST /v1/cases/gather/artifacts' "$generated" '202 POST /v1/cases/gather/campaigns' "$campaign"
ctl 0 run gather --generate; tells 'error: run_test.sh:9: the status is lost [pipe]; leave the pipe out'
says 'created run_test.sh'

test='a new case has the folders and files of one, and is not made twice'
ctl 0 case new "$folder/ring-timeout"; says 'ndreproctl case add'
for made in logs tests README.md run_test.sh; do if [[ -e $folder/ring-timeout/$made ]]; then good; else bad "no $made"; fi; done
status=0
"$folder/ring-timeout/run_test.sh" >"$folder/out" 2>&1 || status=$?
if [[ $status -eq 9 ]]; then good; else bad 'the skeleton does not say that it is one'; fi
says 'not filled in'
for option in --iterations --workers --timeout --seed --filter; do
  status=0
  timeout 10 "$folder/ring-timeout/run_test.sh" "$option" >"$folder/out" 2>&1 || status=$?
  if [[ $status -eq 2 ]]; then good; else bad "exit $status of run_test.sh $option"; fi
  says "$option needs a value"
done
# shellcheck disable=SC2016
sed '/not filled in/d; s/^exec .*/echo "$iterations $workers $timeout $seed $filter|$*"/' "$folder/ring-timeout/run_test.sh" >"$folder/filled_in.sh"
bash "$folder/filled_in.sh" --iterations 7 --workers 2 --timeout 9 --seed 3 --filter 'a b' -- -k x >"$folder/out" 2>&1
is '7 2 9 3 a b|-k x'
sed '/not filled in/d; s/^exec python3 -m pytest/echo/' "$folder/ring-timeout/run_test.sh" >"$folder/filled_in.sh"
bash "$folder/filled_in.sh" --workers 1 -- -k x >"$folder/out" 2>&1; is 'tests/test_stress.py -x -v --timeout=240 -k x'
bash "$folder/filled_in.sh" --workers 3 >"$folder/out" 2>&1; says '-n 3 --max-worker-restart=0'
if shellcheck -S warning -e SC2317 "$folder/ring-timeout/run_test.sh" >"$folder/out" 2>&1; then good; else bad shellcheck; fi
ctl 0 case new "$folder/./gather" --json
if jq -e --arg folder "$folder/gather" '. == {folder: $folder}' "$folder/out" >/dev/null; then good; else bad 'not JSON alone'; fi
ctl 6 case new "$folder/ring-timeout"; ctl 2 case new "$folder/Ring Timeout"

test='verify orders a verification and tells its numbers'
verified=$(changed '.outcome = "fixed" | .reason = "63 clean runs" | .mode = "verify" | .report.verification = {against: "4", arm: "noise",
  risk: 0.01, before: {clean: 47, matched: 3, different: 0, unjudged: 0}, fixed: {clean: 63, matched: 0, different: 2, unjudged: 1},
  broken: {clean: 5, matched: 2, different: 0, unjudged: 0}}')
can '202 POST /v1/cases/gather/verifications' "$verified"
ctl 0 verify gather --detach --risk 1% --broken "$folder/./before" --against 4 --budget 1h
asked '.body | fromjson | .risk == 0.01 and .against == "4" and .budget == "1h" and (.broken | endswith("/before") and startswith("/"))'
can '202 POST /v1/cases/gather/verifications' "$verified"
ctl 0 verify gather --detach --risk 0.2; asked '.body | fromjson == {risk: 0.2}'
can 'GET /v1/campaigns/7?until=finished&wait=300s' "$verified" 'GET /v1/campaigns/7' "$verified" 'GET /v1/cases/gather' "$case"
ctl 0 wait 7; says 'before (campaign 4, noise): 47 clean, 3 matched'
says 'now: 63 clean, 0 matched, 2 failed otherwise, 1 not judged'; says 'control on the broken build: 5 clean, 2 matched'
ctl 2 verify; ctl 2 verify gather --risk much; ctl 2 verify gather --loud

test='over TCP the token comes from a file, never from the command line'
mkdir -p "$folder/own/ndreprod/run"
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s' "$token" >"$folder/token"
printf 'Authorization: Bearer %s\n' "$token" >"$folder/own/ndreprod/run/curl-header"
printf 'Authorization: Bearer of-another\n' >"$folder/curl-header"
export NDREPROD_SOCKET='' NDREPROD_HOST=127.0.0.1:$port XDG_STATE_HOME=$folder/own
can 'GET /v1/boards' '{"boards":[]}'
ctl 0 board list; asked ".headers.Authorization == \"Bearer $token\""
NDREPROD_CURL_HEADER=$folder/curl-header ctl 0 board list; asked '.headers.Authorization == "Bearer of-another"'
follow_hanging
if pgrep -f -- "http://127.0.0.1:$port/v1/events" >/dev/null; then good; else bad 'no curl to look at'; fi
shown=$(grep -slF -f "$folder/token" /proc/[0-9]*/cmdline)
if [[ -z $shown ]]; then good; else bad "the token is in $shown"; fi
interrupt 130
recorded '"left": "GET /v1/events?campaign=7&after=0"'
XDG_STATE_HOME=$folder ctl 5 ps; tells 'NDREPROD_CURL_HEADER'
export NDREPROD_SOCKET=$folder/api.sock
unset NDREPROD_HOST XDG_STATE_HOME

test='the demo empties no folder but its own'
mkdir "$folder/home"
echo kept >"$folder/home/thesis"
status=0
(cd "$folder" && "$here/../../scripts/demo" --state home) >"$folder/out" 2>"$folder/err" || status=$?
if [[ $status -eq 2 ]]; then good; else bad "exit $status"; fi
tells "home holds something"
if [[ $(<"$folder/home/thesis") == kept ]]; then good; else bad 'it is gone'; fi

printf '%d checks passed, %d failed\n' "$passed" "$failed"
[[ $failed -eq 0 ]]

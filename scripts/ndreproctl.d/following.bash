# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: a campaign as it happens, and how it ended.

# --- following ----------------------------------------------------------------------------------------------------

# TARGET: opens a stream of events whose lines come on fd 3: id, attempt, what happened, text.
open_events() {
  local child
  rm -f "$scratch/raw" "$scratch/lines"
  mkfifo "$scratch/raw" "$scratch/lines"
  # Opened by the shell: curl would open its -o at the first byte only, so that a refused connection left jq waiting.
  "${curl[@]}" -N -f -H 'Accept: application/x-ndjson' "$base$1" >"$scratch/raw" 2>/dev/null &
  children=($!)
  # shellcheck disable=SC2016
  jq --unbuffered -r "$shared $event_text"' [.id, .attempt_id // "-",
    (if .type == "attempt.signal" then "signal \(.body.offset)" elif .type == "campaign.state" then .body.state
     elif .type == "campaign.step" and .body.step == "trial" then "trial \(.body.clean_runs_to_go)" else "-" end),
    # Lines that only say where a log is, and not what is wrong, stay in the log.
    (if .type == "attempt.signal" and (.body.signal_class | IN("note", "run_ending", "progress")) then ""
     else [event_line] | first // "" end)] | @tsv' <"$scratch/raw" >"$scratch/lines" 2>/dev/null &
  child=$!
  children+=("$child")
  exec 3<"$scratch/lines"
}
close_events() {
  exec 3<&-
  [[ ${#children[@]} -eq 0 ]] || kill "${children[@]}" 2>/dev/null || true
  wait 2>/dev/null || true
  children=()
}

say() { # a line above the live one
  [[ $json == no ]] || return 0
  [[ $tty == no ]] || printf '\r\e[K'
  printf '%s\n' "$1"
}

# CAMPAIGN ATTEMPT SIGNALS BEGIN CLEAN_RUNS_TO_GO: one line that is written over each second, on a terminal only.
live_line() {
  [[ $json == no ]] || return 0
  local text='' passed=$((EPOCHSECONDS - $4))
  # In a subshell: a daemon that restarts at this moment is no reason to end.
  if [[ -n $2 ]] && (ask_for GET "/v1/attempts/$2") 2>/dev/null; then
    text=$(jq -r "$shared"' "attempt \(.number) (\(.arm | safe))   \(.iterations) iterations   log \(.log_offset / 10485.76 | floor / 100) MiB"' "$answer") || text=''
  fi
  printf '\r\e[K%.*s' "$((${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - 1))" \
    "$(printf '%d:%02d   campaign %s   %s   %s signals%s' $((passed / 60)) $((passed % 60)) "$1" "${text:-waiting}" "$3" "${5:+   $5 clean runs to go}")"
}

detach() {
  [[ $tty == no ]] || printf '\r\e[K'
  printf 'detached: campaign %s goes on. See it: ndreproctl status %s; end it: ndreproctl stop %s\n' "$1" "$1" "$1" >&2
  exit 130
}

# CAMPAIGN: tells its events from the first on until it has finished, also across a restart of the daemon.
follow() {
  local id=$1 after=0 line='' part='' got attempt='' signal='' signals=0 to_go='' begin=$EPOCHSECONDS event which kind text lost=0
  trap 'detach "$id"' INT TERM
  while :; do
    open_events "/v1/events?campaign=$id&after=$after"
    while :; do
      got=0
      IFS= read -r -t 1 -u 3 part || got=$?
      line+=$part
      if [[ $got -gt 128 ]]; then
        [[ $tty == no ]] || live_line "$id" "$attempt" "$signals" "$begin" "$to_go"
        continue
      fi
      [[ $got -eq 0 ]] || break
      IFS=$'\t' read -r event which kind text <<<"$line"
      line='' after=$event lost=0
      [[ $which == - ]] || attempt=$which
      if [[ $kind == signal\ * ]]; then # one for each rule that the line fits
        [[ $signal != "$which $kind" ]] || continue
        signal="$which $kind" signals=$((signals + 1))
      fi
      [[ $kind != trial\ * ]] || to_go=${kind#trial }
      [[ -z $text ]] || say "$text"
      if [[ $kind == finished ]]; then
        close_events
        trap 'exit 130' INT TERM
        [[ $tty == no ]] || printf '\r\e[K'
        return 0
      fi
    done
    close_events
    line=''
    lost=$((lost + 1))
    [[ $lost -le 30 ]] || die 3 "the daemon is gone; campaign $id is taken up when it starts again"
    [[ $lost -ne 2 ]] || say 'the daemon does not answer; trying again'
    sleep 1
  done
}

# CAMPAIGN: prints how it ended, from $answer, and exits with the status for it.
conclude() {
  local outcome title code colour=$red
  ask GET "/v1/campaigns/$1"
  outcome=$(jq -r '.outcome' "$answer")
  title=$outcome
  case $outcome in
    reproduced | deterministic | margin | fixed) code=0 colour=$green ;;
    still_failing) code=1 ;; undecided) code=10 ;;
    not_reproduced) code=1; jq -e '(.report.different_before_match? // 0) > 0' "$answer" >/dev/null && code=8 title=different_failure ;;
    board_unusable) code=7 ;; setup_error) code=9 ;; cancelled) code=130 ;; *) code=7 ;;
  esac
  if [[ $json == yes ]]; then cat "$answer"; exit "$code"; fi
  printf '%s%s%s' "$colour" "$(tr '[:lower:]_' '[:upper:] ' <<<"$title")" "$reset"
  jq -r "$shared"'"  \(.case_name)  campaign \(.id)  \(.spent_ms | span)",
    (.reason | select(. != "") | "  " + safe),
    (.report | objects | (.verification | objects | verified), (.plain | select(.runs > 0) | "  unamplified: \(rated)"), rates,
      (.other_failures // [] | select(length > 0) | "  \(map(.runs) | add) other failures seen: "
        + (.[:3] | map("\(.runs) x \(.text | safe), first in \(.first.log)") | join("; ")) + if length > 3 then "; …" else "" end),
      raced,
      (.dropped[]? | "  given up: \(.arm), \(.why | safe)"),
      (.first_match | objects | "  first match: \(.attempt | safe)\(if .run then " run \(.run) (copy \(.copy), seed \(.run_seed))" else "" end), \(.log | safe)" + if .offset then " at byte \(.offset)" else "" end),
      (.differences[:4][]? | "  CI had \(.what | safe) \(.in_ci | safe), here \(.here // "none" | safe)"),
      (.comparison | strings | select(. != "") | "  " + safe),
      (.next_command | strings | select(. != "") | "  next: \(safe)"),
      (.next_reason | strings | select(. != "") | "    since \(safe)"))' "$answer"
  local name
  name=$(jq -r '.case_name' "$answer")
  ask GET "/v1/cases/$name"
  jq -r "$shared"'"  results: \(.folder | safe)/README.md"' "$answer"
  exit "$code"
}

# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: how runs failed, and what can be amplified here.

# CAMPAIGN | CASE: the number of the campaign, or of the newest of that case.
known_campaign() {
  [[ $1 =~ [^0-9] ]] || { printf '%s' "$1"; return; }
  ask GET "/v1/cases/$(encode "$1")/campaigns?limit=1"
  local id
  id=$(jq -r '.campaigns[0].id // ""' "$answer")
  [[ -n $id ]] || die 4 "case $1 has had no campaign yet" "ndreproctl run $1"
  printf '%s' "$id"
}

failures_command() {
  local id target
  [[ $# -eq 1 && $1 != -* ]] || usage "failures of which campaign?" "name it, or its case, or an attempt CASE/N"
  if [[ $1 == */* ]]; then
    target=$(attempt_target "$1")
    ask GET "$target"
    jq '{attempts: [.]}' "$answer" >"$scratch/attempts"
  else
    id=$(known_campaign "$1") || exit
    target=/v1/campaigns/$(encode "$id")
    ask_all "$target/attempts?limit=500" attempts
    cp "$answer" "$scratch/attempts"
  fi
  ask_all "$target/failures?limit=500" failures
  # A run by itself is its own attempt; those of slices are rows of their own.
  # shellcheck disable=SC2016
  jq -c --slurpfile attempts "$scratch/attempts" '($attempts[0].attempts | map({key: .id, value: .}) | from_entries) as $of
    | {failures: ([.failures[] | . + {attempt: $of[.attempt_id].name, arm: $of[.attempt_id].arm}]
        + [$attempts[0].attempts[] | select(.slice == null and (.verdict | IN("reproduced", "different_failure", "hang")))
           | {attempt: .name, attempt_id: .id, arm, run: null, copy: null, seed, verdict, explanation, match_grade,
              match_reasons, failure, exit_code, term_signal, duration_us: (.exposure_ms * 1000), log_offset: 0,
              log_bytes, places: []}]
        | sort_by(.attempt_id | tonumber))}' "$answer" >"$scratch/joined"
  cp "$scratch/joined" "$answer"
  show 'ATTEMPT RUN COPY SEED ARM VERDICT GRADE TIME LOG EXPLANATION' \
    '.failures[] | [.attempt, (.run | word), (.copy | word), .seed, .arm, .verdict, (.match_grade | word),
      "\(.duration_us / 1000 | round) ms", "byte \(.log_offset)", (.explanation | word)] | map(safe)'
}

arms_command() {
  [[ $# -eq 0 ]] || usage "arms takes no argument"
  ask GET /v1/arms
  show 'ARM WORKS DOES WHY' '.arms[] | [.name, (if .available then "yes" else "no" end), .does, (.why | word)] | map(safe)'
}

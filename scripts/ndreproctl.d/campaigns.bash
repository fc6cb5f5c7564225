# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: run, ps, status, wait, stop.

run_command() {
  local name='' live=no body='{}' id generates=no repository=''
  while [[ $# -gt 0 ]]; do
    case $1 in
      -f | --follow) live=yes ;;
      --generate) generates=yes ;;
      --repository) needs_value "$1" $#
        repository=$(realpath -ms -- "$2"); shift ;;
      --budget | --mode | --seed) needs_value "$1" $#
        body=$(jq -n --argjson body "$body" --arg key "${1#--}" --arg value "$2" '$body + {($key): $value}'); shift ;;
      --confirmations) [[ ${2-} =~ ^[0-9]+$ ]] || usage "--confirmations needs a number"
        body=$(jq -n --argjson body "$body" --argjson n "$2" '$body + {confirmations: $n}'); shift ;;
      --board) needs_value "$1" $#
        body=$(jq -n --argjson body "$body" --arg b "$2" '$body | .boards += [$b]'); shift ;;
      -*) usage "run does not know $1" ;;
      *) [[ -z $name ]] || usage "run takes one case"; name=$1 ;;
    esac
    shift
  done
  [[ -n $name ]] || usage "run which case?" "ndreproctl case list"
  [[ $generates == yes || -z $repository ]] || usage "--repository goes with --generate"
  name=$(known_case "$name") || exit
  if [[ $generates == yes ]]; then
    ask POST "/v1/cases/$(encode "$name")/artifacts" \
      "$(jq -n --arg path "$repository" 'if $path == "" then {} else {repository: $path} end')"
    jq -r "$shared"'.files[] | "\(.outcome) \(.path | safe)"' "$answer" | while IFS= read -r line; do say "$line"; done
  fi
  check_files "$name"
  ask POST "/v1/cases/$(encode "$name")/campaigns" "$body"
  id=$(jq -r .id "$answer")
  if [[ $live == no ]]; then
    show 'CAMPAIGN CASE STATE' '[.id, .case_name, .state] | map(safe)'
    return
  fi
  say "${bold}campaign $id of $name${reset}; Ctrl-C detaches, it goes on"
  follow "$id"
  conclude "$id"
}

# What lint finds before a campaign is told and stops nothing: whoever starts it may know better.
check_files() { # CASE
  (ask GET "/v1/cases/$(encode "$1")/lint") >/dev/null 2>&1 || return 0 # what is wrong with the case, the campaign says
  jq -r "$shared"'.findings[] | select(.severity != "note")
    | "\(.severity): \(.file | safe)\(if .line then ":\(.line)" else "" end): \(.text | safe) [\(.rule)]; \(.remedy | safe)"' "$answer" >&2
}

ps_command() {
  local states=(running queued)
  case ${1-} in
    '') ;;
    -a | --all) states=(running queued finished) ;;
    *) usage "ps takes -a or nothing" ;;
  esac
  local state
  for state in "${states[@]}"; do
    ask_all "/v1/campaigns?state=$state&limit=500" campaigns
    cat "$answer" >>"$scratch/all"
  done
  jq -s '{campaigns: map(.campaigns) | add}' "$scratch/all" >"$answer"
  show 'CAMPAIGN CASE MODE STATE SPENT BUDGET OUTCOME' \
    '.campaigns[] | [.id, .case_name, .mode, .state, (.spent_ms | span), (.budget_ms | span), (.outcome | word)] | map(safe)'
}

status_command() {
  local id=${1-}
  [[ $# -le 1 && $id != -* ]] || usage "status takes one campaign or attempt, or none for the newest"
  if [[ $id == */* ]]; then attempt_status "$id"; return; fi
  if [[ -z $id ]]; then
    ask GET '/v1/campaigns?limit=1'
    id=$(jq -r '.campaigns[0].id // ""' "$answer")
    [[ -n $id ]] || die 4 "there is no campaign yet" "ndreproctl run CASE"
  fi
  id=$(encode "$id")
  ask GET "/v1/campaigns/$id"
  cp "$answer" "$scratch/campaign"
  ask_all "/v1/campaigns/$id/attempts?limit=500" attempts
  if [[ $json == yes ]]; then jq --slurpfile campaign "$scratch/campaign" '$campaign[0] + {attempts: .attempts}' "$answer"; return; fi
  jq -r "$shared"'"campaign \(.id) of \(.case_name): " + (.outcome // .state) + (if .reason == "" then "" else " - " + (.reason | safe) end),
    "spent \(.spent_ms | span) of \(.budget_ms | span), boards \(.boards | join(" ") | safe), seed \(.seed)"' "$scratch/campaign"
  show 'ATTEMPT PHASE ARM PARAMETERS VERDICT RUNS MATCHED TIME EXPLANATION' \
    '.attempts[] | [.name, .phase, .arm, (.parameters // {} | values | word), (.verdict | word), .runs, .matched,
      (.exposure_ms | span), (.explanation | word)] | map(safe)'
}

wait_command() {
  local id='' end='' left=300
  while [[ $# -gt 0 ]]; do
    case $1 in
      --timeout) needs_value "$1" $#
        left=$(seconds_of "$2") || exit; end=$((EPOCHSECONDS + left)); shift ;;
      -*) usage "wait does not know $1" ;;
      *) [[ -z $id ]] || usage "wait takes one campaign"; id=$(encode "$1") ;;
    esac
    shift
  done
  [[ -n $id ]] || usage "wait for which campaign?"
  trap 'detach "$id"' INT TERM
  while :; do
    [[ -z $end ]] || left=$((end - EPOCHSECONDS))
    ask GET "/v1/campaigns/$id?until=finished&wait=$((left > 300 ? 300 : left < 0 ? 0 : left))s"
    [[ $(jq -r .state "$answer") != finished ]] || conclude "$id"
    [[ -z $end || $EPOCHSECONDS -lt $end ]] || die 124 "campaign $id has not finished yet" "it goes on"
  done
}

stop_command() {
  [[ $# -eq 1 ]] || usage "stop which campaign?" "ndreproctl ps lists them"
  ask POST "/v1/campaigns/$(encode "$1")/cancel" '{}'
  show 'CAMPAIGN STATE' '[.id, (if .state == "finished" then .state else "stopping" end)]'
}

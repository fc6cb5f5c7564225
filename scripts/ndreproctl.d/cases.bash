# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: case new, add, list, show, analyze, generate, lint, brief, approve-env.

# Files of a case that are made once, for a person to fill in.
new_case() {
  local folder=$1 name
  name=$(basename "$folder")
  [[ $name =~ ^[a-z0-9][a-z0-9._-]{0,63}$ ]] || usage "\"$name\" is no name of a case" "use a-z, 0-9, dot, dash and underscore"
  [[ ! -e $folder/run_test.sh && ! -e $folder/README.md ]] || die 6 "$folder is a case already" "ndreproctl case add $folder"
  mkdir -p "$folder/logs" "$folder/tests"
  cat >"$folder/README.md" <<END
# $name

## Original failure

What failed, where and when: link the CI job. Its logs belong into logs/.

## Run

\`./run_test.sh --iterations 100\`; everything after \`--\` goes to pytest.

<!-- ndrepro:results:begin -->
<!-- ndrepro:results:end -->
END
  cat >"$folder/run_test.sh" <<'END'
#!/usr/bin/env bash
# ndrepro-contract: 1
# Runs the failing test once and gives its exit status. To be filled in at the three places marked EDIT.
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 9

iterations=${NDREPRO_ITERATIONS:-50} workers=${NDREPRO_WORKERS:-1} timeout=${NDREPRO_TIMEOUT:-240} seed=${NDREPRO_SEED:-0}
filter=${NDREPRO_FILTER:-}
while [[ $# -gt 0 ]]; do
  case $1 in
    --iterations | --workers | --timeout | --seed | --filter)
      [[ $# -gt 1 ]] || { echo "run_test.sh: $1 needs a value" >&2; exit 2; }
      printf -v "${1#--}" %s "$2"
      shift 2 ;;
    --) shift; break ;;
    *) echo "run_test.sh: unknown option $1" >&2; exit 2 ;;
  esac
done

# EDIT 1: every variable that CI sets for this job, as in its workflow and its log.
# export TT_METAL_OPERATION_TIMEOUT_SECONDS=5
export NDREPRO_ITERATIONS=$iterations NDREPRO_SEED=$seed

# EDIT 2: CI's virtual environment, if it has one.
# source /opt/venv/bin/activate

# EDIT 3: the test, in tests/. It must loop NDREPRO_ITERATIONS times itself, else the arm "iterations" has no effect.
# Then take this line away, by which the case says that it is not ready.
echo "run_test.sh: not filled in yet: no test is named" >&2; exit 9

# One worker is none: a test that CI ran without xdist runs without it. A restarted worker would hide the first fault.
parallel=()
[[ $workers -le 1 ]] || parallel=(-n "$workers" --max-worker-restart=0)
exec python3 -m pytest tests/test_stress.py -x -v "${parallel[@]}" --timeout="$timeout" ${filter:+-k "$filter"} "$@"
END
  chmod +x "$folder/run_test.sh"
  if [[ $json == yes ]]; then jq -n --arg folder "$(realpath -ms -- "$folder")" '{folder: $folder}'; return; fi
  cat <<END
made $folder. Next:
  1. copy the CI logs into $folder/logs/
  2. fill in $folder/run_test.sh: CI's variables, and the one line that runs the test
  3. ndreproctl case add $folder && ndreproctl case analyze $name
END
}

# Each fact with the place in the logs that it was read from; of conflicts the place that says otherwise.
# shellcheck disable=SC2016
analysis_rows='
def place($files): if . == null then "-" else "\($files[.file] // "?"):\(.line)" end;
def facts: .files as $files | .origins as $origins | del(.files, .origins) | to_entries[] | .key as $key | .value
  | if . == null then empty
    elif $key == "conflicts" then
      .[] | [$key, (.other.origin | place($files)), "\(.field): \(.kept.value), elsewhere \(.other.value)"]
    elif $key == "logs" then
      .[] | [$key, (.error_line // .test_id | .origin? | place($files)),
             "\($files[.file] // "?")\(if .job then ", " + .job.value else "" end): \(if .same_failure then "this failure" elif .is_failure then "another failure: " + .failure_type
             else "no failure" end)"]
    elif type == "array" and (.[0] | type == "object" and (has("value") or has("name"))) then
      .[] | [$key, (.origin | place($files)), (.value // .name)]
    elif type == "array" then
      .[] | [$key, (.origin | place($files)), if .file == "" then .text else "\(.file):\(.line) \(.function)" end]
    elif type == "object" then
      to_entries[] | "\($key).\(.key)" as $name | [$name, ($origins[$name] | place($files)), .value]
    else [$key, ($origins[$key] | place($files)), .] end;
def found: (.checklist[] | [(if .done then "done" else "missing" end), (.place | if . == "" then "-" else . end), "\(.text): \(.note)"]),
  (.hypotheses[] | ["may be", (.reasons[0].place // "-"), "\(.cause), \(.weight * 100 | round) %"]),
  (.not_replicable[] | ["not here", (.place | if . == "" then "-" else . end), "\(.what): \(.substitute), \(.reason)"]),
  (.problems[] | ["problem", "-", "\(.where): \(.reason); \(.remedy)"]);
["case", "-", .case_name], (.evidence | objects | facts), (.findings | objects | found) | map(safe)'

# shellcheck disable=SC2016
artifact_rows='(.files[] | [.outcome, .path, (if .outcome == "kept" then "edited by hand, so this is beside it" else "" end)]),
  (.variables_not_exported[] | [.fate, .name, "\(.reason) (\(.place))"]) | map(safe)'
# shellcheck disable=SC2016
lint_rows='.findings[] | [.severity, .rule, .file + (if .line then ":\(.line)" else "" end), .text, .remedy] | map(safe)'

# A case that the daemon does not know yet may be named by its folder.
known_case() { # NAME_OR_FOLDER
  # A folder's bare name is taken for a case's where the daemon knows one.
  if [[ $1 == */* ]] || { [[ -d $1/logs ]] && ! (ask GET "/v1/cases/$(encode "$1")") >/dev/null 2>&1; }; then
    ask POST /v1/cases "$(jq -n --arg folder "$(realpath -ms -- "$1")" '{folder: $folder}')"
    jq -r .name "$answer"
  else
    printf '%s\n' "$1"
  fi
}

case_command() {
  local what=${1-} folder note name
  shift || true
  case $what in
    list) ask_all '/v1/cases?limit=500' cases
      show 'CASE ANALYZED FOLDER' '.cases[] | [.name, (.analyzed_at | word), .folder] | map(safe)' ;;
    new) [[ $# -eq 1 ]] || usage "case new takes one folder"; new_case "${1%/}" ;;
    add) [[ $# -eq 1 && -n $1 ]] || usage "case add takes one folder"
      folder=$(realpath -ms -- "$1") # without its dots; links are the daemon's to judge
      ask POST /v1/cases "$(jq -n --arg folder "$folder" '{folder: $folder}')"
      show 'CASE FOLDER' '[.name, .folder] | map(safe)'
      note=$(jq -r '.note // ""' "$answer")
      [[ -z $note ]] || printf 'ndreproctl: to be mended before it can run: %s\n' "$note" | plain >&2 ;;
    show) [[ $# -eq 1 ]] || usage "case show takes one case"
      [[ $1 != */* || ! -d $1 ]] || usage "\"$1\" is a folder, no name of a case" "ndreproctl case list names them all"
      ask GET "/v1/cases/$(encode "$1")"
      show 'FIELD VALUE' '[["name", .name], ["folder", .folder], ["owner", .owner], ["analyzed", (.analyzed_at | word)],
        ["failure", (.signature.failure_type? | word)], ["exception", (.signature.exception? | word)],
        ["message", (.signature.message_template? | word)], ["test", (.signature.test_name? | word)]] | .[] | map(safe)' ;;
    analyze) [[ $# -eq 1 ]] || usage "case analyze takes one case"
      name=$(known_case "$1") || exit
      ask POST "/v1/cases/$(encode "$name")/analysis" '{}'
      show 'FIELD PLACE VALUE' "$analysis_rows"
      ! jq -e '.evidence.is_failure == false' "$answer" >/dev/null || printf 'ndreproctl: %s\n  %s\n' \
        "no failure was found in the case's logs, so there is none to reproduce" \
        "put the log of the CI job that failed into the case's logs/, then analyze again" >&2 ;;
    generate) [[ $# -eq 1 || ( $# -eq 3 && $2 == --repository ) ]] || usage "case generate takes one case, and --repository DIR"
      name=$(known_case "$1") || exit
      note='{}'
      [[ $# -eq 1 ]] || note=$(jq -n --arg path "$(realpath -ms -- "$3")" '{repository: $path}')
      ask POST "/v1/cases/$(encode "$name")/artifacts" "$note"
      show 'OUTCOME WHAT WHY' "$artifact_rows" ;;
    lint) [[ $# -eq 1 ]] || usage "case lint takes one case"
      name=$(known_case "$1") || exit
      ask GET "/v1/cases/$(encode "$name")/lint"
      show 'SEVERITY RULE PLACE FINDING REMEDY' "$lint_rows"
      [[ $(jq -r .errors "$answer") == 0 ]] || exit 1 ;;
    brief) [[ $# -eq 1 ]] || usage "case brief takes one case"
      name=$(known_case "$1") || exit
      ask GET "/v1/cases/$(encode "$name")/brief"
      plain <"$answer" ;;
    approve-env) [[ $# -eq 2 ]] || usage "case approve-env takes a case and a variable"
      name=$(known_case "$1") || exit
      ask POST "/v1/cases/$(encode "$name")/approved-environment" "$(jq -n --arg name "$2" '{name: $name}')"
      show 'CASE APPROVED' '[.case_name, .name] | map(safe)' ;;
    *) usage "case new, add, list, show, analyze, generate, lint, brief or approve-env" ;;
  esac
}

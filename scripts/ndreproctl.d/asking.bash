# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: how the daemon is found and asked.

curl=() base='' place=''
find_daemon() {
  [[ -z $base ]] || return 0
  local own=${XDG_STATE_HOME:-${HOME-}/.local/state}/ndreprod/run folder
  [[ -z ${XDG_RUNTIME_DIR-} ]] || own=$XDG_RUNTIME_DIR/ndreprod
  local socket=${NDREPROD_SOCKET-} header=${NDREPROD_CURL_HEADER-}
  curl=(curl -q -sS --noproxy '*' --proto '=http')
  if [[ -z $socket && -n ${NDREPROD_HOST-} ]]; then
    base=http://${NDREPROD_HOST#http://}
    for folder in "$own" /run/ndreprod; do
      [[ -n $header || ! -r $folder/curl-header ]] || header=$folder/curl-header
    done
    [[ -r $header ]] || die 5 "no token for $NDREPROD_HOST" "set NDREPROD_CURL_HEADER to the daemon's file curl-header"
    curl+=(-H "@$header") place=$base
    return 0
  fi
  for folder in "$own" /run/ndreprod; do
    [[ -n $socket || ! -S $folder/api.sock ]] || socket=$folder/api.sock
  done
  [[ -n $socket ]] || die 3 "no daemon: neither $own/api.sock nor /run/ndreprod/api.sock is there" \
    "start your own with: ndreprod serve"
  [[ ! -S $socket || -w $socket ]] || die 5 "you may not use $socket" "join its group: $(stat -c %G "$socket")"
  curl+=(--unix-socket "$socket") base=http://ndreprod place=$socket
}

# INPUT OUTPUT COMMAND...: runs it beside this process, which waits: bash would obey a signal only after what it runs in
# front of itself has ended. The files are the command's alone: what is said at a signal goes where it always does.
attend() {
  local failed=0
  "${@:3}" <"$1" >"$2" 2>"$scratch/curl" &
  children+=($!)
  wait $! || failed=$?
  unset 'children[-1]'
  return "$failed"
}

# METHOD TARGET [BODY]: leaves the answer in $answer and its status in $status. Bodies never stand in an argument list.
ask_for() {
  find_daemon
  local sends=() failed=0
  [[ $# -lt 3 ]] || sends=(-H 'Content-Type: application/json' --data-binary @-)
  printf '%s' "${3-}" >"$scratch/body"
  attend "$scratch/body" "$scratch/status" "${curl[@]}" "${sends[@]}" -X "$1" -o "$answer" -w '%{http_code}' \
    "$base$2" || failed=$?
  status=$(<"$scratch/status")
  [[ $failed -eq 0 ]] || die 3 "the daemon does not answer at $place: $(<"$scratch/curl")" "is it running? ndreprod serve"
}
ask() {
  ask_for "$@"
  [[ $status == 2* ]] || refused
}

# TARGET NAME: the list at TARGET with all its pages, as one {NAME: [...]} in $answer.
ask_all() {
  local next=$1
  : >"$scratch/pages"
  while [[ -n $next ]]; do
    ask GET "$next"
    cat "$answer" >>"$scratch/pages"
    next=$(jq -r '.next // ""' "$answer")
  done
  jq -s --arg name "$2" '{($name): map(.[$name]) | add, next: null}' "$scratch/pages" >"$answer"
}

# The daemon's hints name paths of the API; where a command shows the same, it is named instead.
# shellcheck disable=SC2016
client_hints='{no_such_case: "ndreproctl case list has those there are", no_such_campaign: "ndreproctl ps -a has those there are",
  no_such_attempt: "ndreproctl status CAMPAIGN has those there are", no_such_board: "ndreproctl board list has those there are",
  bad_target: "a name is like ring-timeout, an attempt like ring-timeout/3"} as $hints |'
refused() {
  local code=7
  case $status in
    404) code=4 ;; 401 | 403 | 421) code=5 ;; 409) code=6 ;; 4*) code=2 ;;
  esac
  [[ $(jq -r '.code // ""' "$answer" 2>/dev/null) != refused ]] || code=9
  [[ $json == no ]] || cat "$answer"
  die "$code" "$(jq -r '.detail // "status \(.status)"' "$answer" 2>/dev/null || echo "status $status")" \
    "$(jq -r "$client_hints"' $hints[.code // ""] // .hint // ""' "$answer" 2>/dev/null)"
}

# TARGET FILTER [CURL_OPTION]...: the body of TARGET through the command FILTER, as it comes. Fails if it was cut off.
stream() {
  local target=$1 filter=$2 failed=0 reader
  shift 2
  mkfifo "$scratch/stream"
  "$filter" <"$scratch/stream" &
  reader=$!
  children+=("$reader")
  attend /dev/null "$scratch/stream" "${curl[@]}" -N -f "$@" "$base$target" || failed=$?
  wait "$reader" || failed=$((failed ? failed : $?))
  [[ $failed -ne 22 ]] || ask GET "$target"
  return "$failed"
}

encode() { jq -rn --arg text "$1" '$text | @uri'; }

seconds_of() {
  [[ $1 =~ ^([0-9]+)(s|m|h|)$ ]] || usage "\"$1\" is not a time" "give one such as 30s or 5m"
  case ${BASH_REMATCH[2]} in m) echo $((BASH_REMATCH[1] * 60)) ;; h) echo $((BASH_REMATCH[1] * 3600)) ;; *) echo "${BASH_REMATCH[1]}" ;; esac
}

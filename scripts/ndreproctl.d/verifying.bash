# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: verify, replay.

verify_command() {
  local name='' live=yes body='{}' id share
  while [[ $# -gt 0 ]]; do
    case $1 in
      -d | --detach) live=no ;;
      -f | --follow) ;;
      --budget | --seed | --against) needs_value "$1" $#
        body=$(jq -n --argjson body "$body" --arg key "${1#--}" --arg value "$2" '$body + {($key): $value}'); shift ;;
      --fixed | --broken) needs_value "$1" $#
        body=$(jq -n --argjson body "$body" --arg key "${1#--}" --arg path "$(realpath -ms -- "$2")" '$body + {($key): $path}'); shift ;;
      --risk) [[ ${2-} =~ ^[0-9]*\.?[0-9]+%?$ ]] || usage "--risk needs a share such as 5% or 0.05"
        share=${2%\%}
        body=$(jq -n --argjson body "$body" --arg share "$share" --arg given "$2" \
          '$body + {risk: (($share | tonumber) / if $given == $share then 1 else 100 end)}'); shift ;;
      -*) usage "verify does not know $1" ;;
      *) [[ -z $name ]] || usage "verify takes one case"; name=$1 ;;
    esac
    shift
  done
  [[ -n $name ]] || usage "verify which case?" "ndreproctl case list"
  name=$(known_case "$name") || exit
  ask POST "/v1/cases/$(encode "$name")/verifications" "$body"
  id=$(jq -r .id "$answer")
  if [[ $live == no ]]; then
    show 'CAMPAIGN CASE STATE' '[.id, .case_name, .state] | map(safe)'
    return
  fi
  say "${bold}campaign $id verifies $name${reset}; Ctrl-C detaches, it goes on"
  follow "$id"
  conclude "$id"
}

replay_command() {
  local name='' live=yes times=1 id
  while [[ $# -gt 0 ]]; do
    case $1 in
      -d | --detach) live=no ;;
      -f | --follow) ;;
      --times) [[ ${2-} =~ ^[0-9]+$ ]] || usage "--times needs a number"
        times=$2; shift ;;
      -*) usage "replay does not know $1" ;;
      *) [[ -z $name ]] || usage "replay takes one attempt"; name=$1 ;;
    esac
    shift
  done
  [[ $name == ?*/?* ]] || usage "replay which attempt? CASE/N" "ndreproctl status lists them"
  ask POST "/v1/cases/$(encode "${name%/*}")/attempts/$(encode "${name##*/}")/replays" "$(jq -n --argjson n "$times" '{times: $n}')"
  id=$(jq -r .id "$answer")
  if [[ $live == no ]]; then
    show 'CAMPAIGN CASE STATE' '[.id, .case_name, .state] | map(safe)'
    return
  fi
  say "${bold}campaign $id replays $name${reset}; Ctrl-C detaches, it goes on"
  follow "$id"
  conclude "$id"
}

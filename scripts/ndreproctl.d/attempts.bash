# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: logs, and status of one attempt.

# CASE/N
attempt_target() { printf '/v1/cases/%s/attempts/%s' "$(encode "${1%/*}")" "$(encode "${1##*/}")"; }

# CASE/N: what became of it; its failure beside that of the CI log, field by field: "field: CI's = here", or with ≠ or ?.
attempt_status() {
  ask GET "$(attempt_target "$1")"
  # shellcheck disable=SC2016
  show 'FIELD VALUE' '[["attempt", .name], ["campaign", .campaign_id], ["phase", .phase], ["arm", .arm],
    ["parameters", (.parameters // {} | values | word)], ["verdict", .verdict // "none yet"], ["reason", (.reason | word)],
    ["explanation", (.explanation | word)], ["time", (.exposure_ms | span)], ["runs", "\(.runs), \(.matched) matched"],
    ["exit", if .term_signal then "signal \(.term_signal)" else (.exit_code | word) end],
    ["log", "logs/run_\(.number).log, \(.log_bytes) bytes"], ["match", (.match_grade | word)],
    (.match_reasons[]? | ["CI, here", .])] | .[] | map(safe)'
}

logs_command() {
  local name='' target query='' signals=no raw=no filter=cat
  while [[ $# -gt 0 ]]; do
    case $1 in
      -f | --follow) query+='&follow=1' ;;
      --tail) [[ ${2-} =~ ^[0-9]+$ ]] || usage "--tail needs a number"; query+="&tail=$2"; shift ;;
      --signals) signals=yes ;;
      --raw) raw=yes ;;
      -*) usage "logs does not know $1" ;;
      *) [[ -z $name ]] || usage "logs takes one attempt"; name=$1 ;;
    esac
    shift
  done
  case $name in
    */*) target=$(attempt_target "$name") ;;
    '') usage "logs of which attempt?" "name it CASE/N; ndreproctl status lists them" ;;
    *[!0-9]*) usage "\"$name\" names no attempt" "name it CASE/N; ndreproctl status lists them" ;;
    *) target=/v1/attempts/$name ;;
  esac
  if [[ $signals == yes ]]; then
    ask_all "$target/signals?limit=500" signals
    show 'OFFSET CLASS RULE LINE' '.signals[] | [.offset, .signal_class, .rule, .line] | map(safe)'
    return
  fi
  find_daemon
  target+=/log${query:+?${query#&}}
  [[ $tty == no || $raw == yes ]] || filter=plain
  stream "$target" "$filter" || die 3 "the log was cut off: $(<"$scratch/curl")"
}

# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: logs.

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
    */*) target=/v1/cases/$(encode "${name%/*}")/attempts/$(encode "${name##*/}") ;;
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

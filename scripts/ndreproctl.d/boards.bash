# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: boards and events.

board_command() {
  local what=${1-} body='{}' id
  shift || true
  case $what in
    list) ask GET /v1/boards
      show 'BOARD STATE CAMPAIGN REASON' '.boards[] | [.name, .state, (.leased_by | word), (.reason | word)] | map(safe)' ;;
    reset) [[ ${2-} != --force ]] || body='{"force":true}'
      [[ -n ${1-} && $# -le 2 && $1 != -* ]] || usage "board reset takes one board, and --force"
      ask POST "/v1/boards/$(encode "$1")/resets" "$body"
      id=$(jq -r .id "$answer")
      until jq -e .result "$answer" >/dev/null; do ask GET "/v1/resets/$id?wait=300s&until=finished"; done
      show 'BOARD RESULT TIME REASON' '[.board, .result, (.duration_ms | span), (.reason | word)] | map(safe)'
      jq -e '.result == "verified"' "$answer" >/dev/null || exit 7 ;;
    *) usage "board list or board reset BOARD" ;;
  esac
}

events_command() {
  local query='' follow=0
  while [[ $# -gt 0 ]]; do
    case $1 in
      -f | --follow) follow=1 ;;
      --after | --campaign) [[ ${2-} =~ ^[0-9]+$ ]] || usage "$1 needs a number"; query+="&${1#--}=$2"; shift ;;
      *) usage "events does not know $1" ;;
    esac
    shift
  done
  ask GET /healthz
  stream "/v1/events?follow=$follow$query" event_lines -H 'Accept: application/x-ndjson' ||
    die 3 "the events were cut off: $(<"$scratch/curl")"
}
event_lines() {
  local filter=.
  [[ $json == yes ]] || filter="$shared $event_text event_line"
  jq --unbuffered -r -c "$filter"
}

# shellcheck shell=bash disable=SC2154
# Part of ndreproctl: tables, and events as lines.

shared='
def safe: tostring | gsub("[\u0001-\u001f\u007f-\u009f]"; " ");
def span: if . == null then "-" else (. / 1000 | floor) | "\(. / 60 | floor):\(. % 60 | tostring | if length < 2 then "0" + . else . end)" end;
def word: if . == null or . == "" then "-" else safe end;
def percent: . * 100 | (if . < 1 then . * 1000 | round / 1000 else . * 10 | round / 10 end) | "\(.) %";
def rated: "\(.matched) of \(.runs) runs" + if .rate == null then "" elif .bound then ": at most \(.bound | percent) (95 %)"
  else ": \(.rate | percent) (95 %: \(.low | percent) to \(.high | percent))" end;
def counted: "\(.clean) clean, \(.matched) matched" + if .different > 0 then ", \(.different) failed otherwise" else "" end
  + if .unjudged > 0 then ", \(.unjudged) not judged" else "" end;
def verified: "  before (campaign \(.against), \(.arm | safe)): \(.before | counted)", "  now: \(.fixed | counted)",
  (.broken | objects | "  control on the broken build: \(counted)"), "  stated risk: \(.risk | percent)";
def values: to_entries | map("\(.key)=\(.value)") | join(" ");
def described: "  \(.arm)\(if .words then " (\(.words | safe))" else " \(.parameters | values)" end): \(rated)"
  + if .per_minute then ", \(.per_minute * 10 | round / 10) a minute" else "" end;
def raced: .where | objects | if (.sites | length) == 0
  then "  where it races: nothing stands out (\(.matched) matched and \(.passed) passed runs looked at)"
  else "  where it races:", (.sites[:3][] | "    \(if .file == "" then "\(.module)+\(.offset)" else "\(.file):\(.line)" end | safe)"
    + (if .function == "" then "" else " in \(.function | safe)" end)
    + ": \(.ratio * 10 | round / 10) times as often (95 %: \(.low * 10 | round / 10) to \(.high * 10 | round / 10))") end;
# Settings that matched one by one, those that ran in vain by arm.
def rates: (.amplified[]? | select(.matched > 0) | described),
  ([.amplified[]? | select(.runs > 0 and .matched == 0)] | group_by(.arm)[] | if length == 1 then .[0] | described
    else "  \(.[0].arm), \(length) settings: 0 of \(map(.runs) | add) runs in \(map(.exposure_ms // 0) | add | span)" end);'

# Tab-separated rows on stdin. On a terminal they get the header given and even columns.
table() {
  if [[ $tty == no ]]; then cat; return; fi
  { printf '%s\n' "$1" | tr ' ' '\t'; cat; } | awk -F'\t' '
    { rows[NR] = $0; for (i = 1; i <= NF; i++) if (length($i) > wide[i]) wide[i] = length($i) }
    END { for (r = 1; r <= NR; r++) { n = split(rows[r], cell, "\t"); line = ""
      for (i = 1; i <= n; i++) line = line sprintf(i < n ? "%-" (wide[i] + 2) "s" : "%s", cell[i])
      print line } }'
}

# HEADER FILTER: rows of $answer, or all of it for --json.
show() {
  if [[ $json == yes ]]; then cat "$answer"; else jq -r "$shared $2 | @tsv" "$answer" | table "$1"; fi
}

# An event as a line: its time and what it says; nothing for one that says nothing new.
# shellcheck disable=SC2016,SC2034
event_text='
def because: .reason | if . == null or . == "" then "" else ", " + . end;
def event_text: .body as $b | if .type == "campaign.state" then
    "campaign \(.campaign_id) of \(.subject): " + ($b.outcome // $b.state) + (if $b.outcome then " - \($b.reason)" else "" end)
  elif .type == "campaign.step" and $b.step == "attempt" then
    "attempt \($b.number): \($b.phase), \($b.arm) \($b.parameters // {} | values)"
  elif .type == "campaign.step" and $b.step == "reset" then "resetting board \($b.boards | join(", "))"
  elif .type == "campaign.step" and $b.step == "finish" then empty
  elif .type == "campaign.step" then $b.text // empty
  elif .type == "attempt.signal" then "! \($b.signal_class)  byte \($b.offset)  \($b.line)"
  elif .type == "attempt.state" and $b.verdict then
    "attempt \($b.number): \($b.verdict)" + (if $b.explanation == "" then "" else " - \($b.explanation)" end)
  elif .type == "attempt.state" and $b.stopping then "attempt \($b.number): stopping it (\($b.stopping))"
  elif .type == "attempt.state" and $b.spawned_at_ms then "attempt \($b.number): runs, logs/run_\($b.number).log"
  elif .type == "attempt.state" then empty
  elif .type == "board.state" then "board \(.subject): \($b.state)" + ($b | because)
  elif .type == "reset.state" then "board \(.subject): reset " + ($b.result // "begun") + ($b | because)
  else "\(.type) \(.subject)" end;
def event_line: . as $e | event_text | "\($e.at_ms / 1000 | floor | strflocaltime("%H:%M:%S"))  \(safe)";'

#!/bin/bash
# Records the CI logs of the zoo anew: record.sh [NAME…]
# The programs are copied to CI_ROOT (default /project), so that the logs show a checkout that is elsewhere than yours.
# Most of the failures are too rare to wait for: the wrong place sleeps (-DWIDENED, RACES_WIDENED=1), and the log says so.
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
WORK="${CI_ROOT:-/project}"
mkdir -p "$WORK" && cp -r "$HERE/python" "$HERE/native" "$WORK" && "$HERE/build.sh" "$WORK" -DWIDENED && mkdir -p "$HERE/logs" || exit 1
cd "$WORK" || exit 1
export PYTHONDONTWRITEBYTECODE=1 PATH="/usr/bin:$PATH"
while IFS=$'\t' read -r name _ _ command; do
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    RACES_WIDENED=1 "$HERE/../support/record_as_actions" --workflow races.yaml --job "races / $name" \
        --notice "The wrong place of the program slept while this was recorded, so that it failed." \
        --until-failure 500 --output "$HERE/logs/$name.log" -- "$command" || echo "record.sh: $name never failed" >&2
done < <(grep -v '^#' "$HERE/races.tsv")

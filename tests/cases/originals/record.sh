#!/bin/bash
# Records the CI logs of the originals anew, from real failing runs: record.sh [NAME…]
# The repository is copied to CI_ROOT (default /project), so that the logs show a checkout that is elsewhere than yours.
# Boards are the simulator's; a read-back hangs with a chance of 0.2 until TT_METAL_OPERATION_TIMEOUT_SECONDS.

HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
ROOT="${CI_ROOT:-/project}"
SIMULATOR="$HERE/../../board_sim"
mkdir -p "$ROOT/build" && cp -r "$HERE"/. "$ROOT" && cp -r "$SIMULATOR/python" "$ROOT/build/simulator" || exit 1
"$ROOT/scripts/build.sh" || exit 1
PATH="/usr/bin:$PATH"
BOARD_SIM_ROOT="$(mktemp -d)/host"
export BOARD_SIM_ROOT
cd "$ROOT" || exit 1

while IFS=$'\t' read -r name chance command; do
    case $name in '#'* | '') continue ;; esac
    [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
    rm -rf "$BOARD_SIM_ROOT"
    "$SIMULATOR/bin/board_sim" init --boards 1 --chance "$chance" "$BOARD_SIM_ROOT" >/dev/null
    # A wedged board is reset before each further try: the first failure is what is recorded.
    "$HERE/../../support/record_as_actions" --workflow originals.yaml --job "originals / $name" \
        --env TT_METAL_HOME="$ROOT" --env PYTHONPATH="$ROOT:$ROOT/build/simulator" --env ARCH_NAME=wormhole_b0 \
        --env TT_METAL_OPERATION_TIMEOUT_SECONDS=1 --env LOGURU_LEVEL=INFO --env PYTHONDONTWRITEBYTECODE=1 \
        --until-failure 500 --output "$HERE/logs/$name.log" -- \
        "$command" || echo "record.sh: $name never failed" >&2
done <"$HERE/cases.tsv"

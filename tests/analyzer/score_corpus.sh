#!/bin/sh
# Scores the log analyser on a labelled corpus: score_corpus.sh PROGRAM [MIN]
# NDREPRO_CORPUS names a folder with score.py and dev/labels.json; without it there is nothing to score (exit 77).
set -u
program=$1
min=${2:-0.99}
if [ -z "${NDREPRO_CORPUS:-}" ]; then
  echo "skipped: NDREPRO_CORPUS is not set"
  exit 77
fi
exec python3 "$NDREPRO_CORPUS/score.py" "$NDREPRO_CORPUS/dev" --cmd "'$program' analyze --json {files}" --min "$min" --min-present "$min" --errors

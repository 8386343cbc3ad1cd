#!/bin/sh
# Scores every day below days/ that is not done yet, the oldest first, until the night is over.
#
#   NIGHT=14400 sh nightly.sh      (seconds; four hours by default)
#
# A run that is stopped by the end of the night, or by a crash, goes on the next night: what is written stays and counts.
set -u
cd "$(dirname "$0")" || exit 1
ends=$(($(date +%s) + ${NIGHT:-14400}))
failed=0 cut=0 bad=0
mkdir -p reports
for folder in days/*/; do
  day=$(basename "$folder")
  [ -e "out/$day/_SUCCESS" ] && continue
  left=$((ends - $(date +%s)))
  if [ "$left" -le 0 ]; then
    cut=1
    break
  fi
  # INT is what Ctrl-C sends: batches in flight are finished, and the exit code is 130.
  timeout --preserve-status --signal=INT "$left" penstock run job.yaml \
    --set "source.uri=days/$day" --set "sink.uri=out/$day" --json > "reports/$day.json"
  code=$?
  case $code in
    0) echo "$day: done" ;;
    3) bad=1 && echo "$day: done, with bad rows in out/$day/_dead_letters" ;;
    130) cut=1 && echo "$day: the night is over; the next one goes on" ;;
    *) failed=1 && echo "$day: failed with exit code $code: reports/$day.json says why" ;;
  esac
done
[ $failed = 1 ] && exit 1
[ $cut = 1 ] && exit 130
[ $bad = 1 ] && exit 3
exit 0

#!/bin/sh
# Reference program for Muster's exec hooks: POSIX sh, and flock from util-linux.
#
#     receiver.sh STATE-FOLDER [WORK-SECONDS]
#
# It shows everything a program must get right, and carries out nothing but a line in a file. To make it yours, change
# `carry_out` and `is_safe`; the rest can stay. The contract is in HOOKS.md. What a step is about comes in MUSTER_…
# variables, and as JSON on stdin for those who need more.
#
#   exactly once  the line of the effect is the memory of the key: one write, on disk             record
#   fenced        a token lower than one acted on is refused, when asked and again when done      overtaken
#   drills        take the same way; their effects stand in a file of their own                   $effects
#   one at a time a key that is under way is not begun again; the lock goes with the process      flock
set -u
export LC_ALL=C

state=${1:?usage: receiver.sh STATE-FOLDER [WORK-SECONDS]}
work_s=${2:-0}
effects=$state/$MUSTER_MODE.effects
fence=$state/$MUSTER_MODE.$MUSTER_WORKLOAD.fence

# YOURS: move, fail over, stop. It may be begun again for the same key after a crash, so it must bear that.
carry_out() {
  i=0
  while [ "$i" -lt "$work_s" ]; do
    printf '{"state":"running","percent":%d}\n' $((100 * i / work_s))
    sleep 1
    i=$((i + 1))
  done
}

# YOURS: ask the world, not your own notes, whether the evacuation or the restore with this key took place.
is_safe() { known "$1"; }

not_now() { echo "$1" >&2 && exit 75; }
cannot() { echo "$1" >&2 && exit 65; }
refuse() { echo '{"state":"refused"}' && echo "token $MUSTER_FENCE is too low" >&2 && exit 1; }

known() { [ -f "$effects" ] && grep -qxF -- "$1" "$effects"; }

# Tokens have 64 bits, more than sh can count in: as 20 digits they compare as text.
padded() {
  digits=00000000000000000000$1
  echo "${digits#"${digits%????????????????????}"}"
}
token=$(padded "$MUSTER_FENCE")
overtaken() { [ -f "$fence" ] && [ "$(expr "x$token" '<' "x$(cat "$fence")")" = 1 ]; }

on_disk() { sync "$1" || not_now "$1 cannot be written"; }
record() { printf '%s\n' "$MUSTER_ID" >>"$effects" && on_disk "$effects"; }
raise() { echo "$token" >"$fence.new" && on_disk "$fence.new" && mv "$fence.new" "$fence"; }

mkdir -p "$state" || not_now "no folder $state"

if [ "$MUSTER_PHASE" = verify ]; then
  step=$MUSTER_WORKLOAD.$MUSTER_RUNG
  step=${MUSTER_ID%".$step.verify"*}.$step
  evacuation=$step.evacuate${MUSTER_DESTINATION:+.$MUSTER_DESTINATION}
  is_safe "$evacuation" && exit 0
  # Neither yes nor no while it is under way, there or back.
  for lock in "$state/$evacuation.lock" "$state/$step.restore.lock" "$state/$step.restore."*.lock; do
    [ -e "$lock" ] && ! flock -n "$lock" true && not_now "not yet"
  done
  # Nothing was evacuated to this very site: is it home again? Then the last that was done to it is a restore.
  if [ ! -e "$state/$evacuation.lock" ] && [ -f "$effects" ]; then
    last=$(grep -F -- "$step." "$effects" | tail -n 1)
    case $last in "$step.restore" | "$step.restore."*) is_safe "$last" && exit 0 ;; esac
  fi
  cannot "neither evacuated nor restored"
fi

exec 8>"$state/$MUSTER_ID.lock" 9>"$state/lock"
flock -n 8 || not_now "already under way"

flock 9
known "$MUSTER_ID" && exit 0
overtaken && refuse
raise
flock -u 9

carry_out

flock 9
overtaken && refuse
record || not_now "$effects cannot be written"

#!/bin/bash
# demo.sh SLIPWAY [--keep]: jobs go from a queue through the agent to (emulated) Vertex AI, run, log and end, on loopback.
set -euo pipefail

slipway=$(realpath "$1")
keep=${2:-}
if [ -n "$keep" ] && [ "$keep" != --keep ] || [ $# -gt 2 ]; then
    echo "usage: ./dev demo [--keep]" >&2
    exit 2
fi
here=$(realpath "$(dirname "$0")/..")
image=us-docker.pkg.dev/slipway/demo/train:1
data=$(mktemp -d "${TMPDIR:-/tmp}/slipway-demo-XXXXXX")
up_pid=""
unset WANDB_BASE_URL WANDB_API_KEY WANDB_ENTITY SLIPWAY_GOOGLE_ENDPOINT GOOGLE_CLOUD_REGION # the demo has its own

say() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }

finish() {
    status=$?
    trap '' INT TERM HUP # once is enough
    if [ -n "$up_pid" ]; then
        kill -TERM "$up_pid" 2>/dev/null || true
        wait "$up_pid" || true
    fi
    if [ $status -eq 0 ]; then
        say "done; nothing is left running and $data is removed"
    elif [ $status -lt 128 ]; then
        echo "the demo failed; the log of 'slipway up' was:"
        tail -n 60 "$data/up.log" 2>/dev/null || true
    fi
    rm -rf "$data"
    exit $status
}
trap finish EXIT

say "slipway up: queue server, emulator and agent, in $data"
"$slipway" up --data "$data/state" --queue demo --queue demo-two-pools --speed 200 --images "$here/images.yaml" \
    >"$data/up.out" 2>"$data/up.log" &
up_pid=$!
for _ in $(seq 100); do
    grep -q /env "$data/up.out" && break
    kill -0 "$up_pid" 2>/dev/null || exit 1
    sleep 0.1
done
cat "$data/up.out"
# shellcheck disable=SC1091 # made a moment ago
. "$data/state/env"

say "two queues, from examples/queues"
"$slipway" queue create demo --config "$here/queues/minimal.yaml"
"$slipway" queue create demo-two-pools --config "$here/queues/two-pools.yaml"

say "a training job: pushed, taken, submitted, running; its log as it comes"
"$slipway" launch --queue demo --image $image --project demo --name first --follow

say "a job with two worker pools: every replica reads its place from CLUSTER_SPEC"
"$slipway" launch --queue demo-two-pools --image $image --project demo --name pools --follow -- --epochs 3

say "a job that fails on purpose: the reason a user is told"
if "$slipway" launch --queue demo --image $image --project demo --name broken --wait -- --fail; then
    echo "it was meant to fail"
    exit 1
fi

say "the queue"
"$slipway" items demo

if [ "$keep" = --keep ]; then
    say "still up, until Ctrl-C; from another terminal:"
    cat <<TEXT
  . $data/state/env             # where things are, and the key
  alias slipway=$slipway
  slipway items demo
  slipway launch -q demo -d $image --follow -- --epochs 20
  tail -f $data/up.log          # what server, emulator and agent say
TEXT
    trap 'exit 0' INT TERM HUP
    wait "$up_pid"
    echo "slipway up has ended by itself"
    exit 1
fi

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `make demo` shows: a workflow runs, is killed with SIGKILL half way, and goes on without repeating what was done.
# A real local model server takes part if it can be fetched; otherwise the variant without a model runs.
# usage: demo.sh PROGRAM [FOLDER]
set -euo pipefail

program=$(realpath "${1:?the hillstar-actors binary}")
source_tree=$(cd "$(dirname "$0")/../.." && pwd)
folder=${2:-$source_tree/out/demo}
server_folder=${MODEL_SERVER_FOLDER:-$source_tree/build/model_server}
fits_before_kill=4
server_pid=

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' faint=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' faint='' green='' red='' plain=''
fi

end_server() {
  if [ -n "$server_pid" ]; then kill "$server_pid" 2>/dev/null || true; fi
}
trap end_server EXIT

title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s\n' "$*"; }
give_up() {
  printf '%s%s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}
typed() { printf '%s$ %s%s\n' "$faint" "$*" "$plain"; }
# Shows a command as a person would type it, and runs it.
show() {
  typed "hillstar-actors $*"
  timeout 120 "$program" "$@" 2>&1 | sed 's/^/  /'
}

start_model_server() {
  local scripts=$source_tree/tests/support/model_server log port
  log=$folder/model_server.log
  note "Starting a local model server (llama.cpp with a model of 1.5 MB; the first time it is fetched, 12 MB) ..."
  timeout 180 "$scripts/get_llama_server.sh" "$server_folder" >"$log" 2>&1 || return 1
  [ -f "$server_folder/tiny.gguf" ] || python3 "$scripts/make_tiny_gguf.py" "$server_folder/tiny.gguf" \
    --text 'I am a tiny model that always gives this answer .' >>"$log" 2>&1 || return 1
  timeout 120 "$scripts/run_model_server.sh" "$server_folder" "$folder/model_server.port" -np 1 >>"$log" 2>&1 || return 1
  read -r port server_pid <"$folder/model_server.port"
  export HILLSTAR_ROUTER_URL=http://127.0.0.1:$port
  note "It listens on $HILLSTAR_ROUTER_URL. It is a real engine and a real protocol; the model itself knows one sentence."
}

# Runs the workflow, and kills it when enough fits are recorded. Lines are printed only after their events are durable.
run_and_kill() {
  local lines=$folder/lines pid line fits=0
  mkfifo "$lines"
  typed "hillstar-actors run $workflow"
  "$program" run "$workflow" 2>"$lines" >/dev/null &
  pid=$!
  while IFS= read -r line; do
    printf '  %s\n' "$line"
    printf '%s\n' "$line" >>"$folder/before_kill.log"
    if [[ $line == *'fit['*'completed'* ]] && [ $((fits += 1)) -eq "$fits_before_kill" ]; then
      kill -KILL "$pid"
      printf '  %skill -9 %s%s\n' "$red" "$pid" "$plain"
    fi
  done <"$lines"
  { wait "$pid" || true; } 2>/dev/null
  [ "$fits" -ge "$fits_before_kill" ] || give_up "The run ended before it could be killed; its lines are above."
}

# The ledger has a line for each script that came to its end; what was recorded before the kill must be there once.
prove() {
  local node times repeated=0 kept=0
  while IFS= read -r node; do
    times=$(grep -cxF -- "$node" "$GROWTH_LEDGER" || true)
    kept=$((kept + 1))
    [ "$times" -eq 1 ] || { repeated=$((repeated + 1)); note "  $node ran $times times"; }
  done < <(sed -nE 's/^\[[^]]*\] ([^ ]+) completed.*/\1/p' "$folder/before_kill.log" | grep -E '^(samples|line|review|fit\[)')
  [ "$kept" -gt 0 ] || give_up "No script was recorded before the kill."
  [ "$repeated" -eq 0 ] || give_up "$repeated finished scripts ran again."
  note "  scripts recorded before the kill: $kept; of them ran again: ${green}0${plain}"
  note "  lines in the ledger that each script writes at its end: $(wc -l <"$GROWTH_LEDGER")"
}

rm -rf "$folder"
mkdir -p "$folder"
cp -r "$source_tree/examples" "$folder/"
cd "$folder"
export GROWTH_LEDGER=$folder/ledger
: >"$GROWTH_LEDGER"
unset HILLSTAR_STORE

title "A workflow: plate readings, a review loop, a fit of every sample, a model, a report"
if start_model_server; then
  workflow=examples/first_run.json
else
  workflow=examples/first_run_no_model.json
  note "The model server cannot be fetched here (no network?), so the variant without a model runs. Its log:"
  tail -n 3 model_server.log | sed 's/^/  /'
fi
show validate "$workflow"

title "Run it, and pull the plug after $fits_before_kill of 8 fits"
run_and_kill

title "What is on disk"
show ls
show show latest

title "Go on: finished nodes are read, not run"
show resume latest

title "The result, the history, and the proof"
show show latest
typed "cat growth_report.md"
sed 's/^/  /' growth_report.md
show verify latest
show replay latest
prove

title "Done"
note "Everything is in $folder; try there:"
note "  $program events latest | less"
note "  $program fork latest --from fit"

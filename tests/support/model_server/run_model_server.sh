#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Starts llama-server with the tiny model, or that of an option `-m`, on a free loopback port and waits until it is healthy.
# Prints its URL, and writes "PORT PID" to PORTFILE; the server runs on until PID is ended.
# Usage: run_model_server.sh PREFIX PORTFILE [llama-server option ...]
# Exit: 0 running; 3, 4, 5 as get_llama_server.sh (the network is missing, ...); 6 the server did not become healthy.
set -eu

prefix=${1:?usage: run_model_server.sh PREFIX PORTFILE [option ...]}
port_file=${2:?usage: run_model_server.sh PREFIX PORTFILE [option ...]}
shift 2
here=$(cd "$(dirname "$0")" && pwd)
"$here/get_llama_server.sh" "$prefix" || exit $?
prefix=$(cd "$prefix" && pwd)
case " $* " in
  *" -m "*) ;;
  *)
    [ -f "$prefix/tiny.gguf" ] || python3 "$here/make_tiny_gguf.py" "$prefix/tiny.gguf"
    set -- -m "$prefix/tiny.gguf" "$@"
    ;;
esac

free_port='import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
healthy='import sys, urllib.request; urllib.request.urlopen(sys.argv[1] + "/health", timeout=1)'

# Another program may take the port between finding and using it: then the server ends, and the next port is tried.
for attempt in 1 2 3; do
  port=$(python3 -c "$free_port")
  "$prefix/llama-server" --host 127.0.0.1 --port "$port" --alias tiny --jinja -c 4096 -np 4 -t 1 \
    --seed 1 --no-ui "$@" < /dev/null > "$prefix/server-$port.log" 2>&1 &
  pid=$!
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 300 ]; do
    if python3 -c "$healthy" "http://127.0.0.1:$port" 2>/dev/null; then
      echo "$port $pid" > "$port_file.new"
      mv "$port_file.new" "$port_file"
      echo "http://127.0.0.1:$port"
      exit 0
    fi
    tries=$((tries + 1))
    sleep 0.1
  done
  kill "$pid" 2>/dev/null || true
done
echo "run_model_server.sh: llama-server did not become healthy; its last words:" >&2
tail -n 5 "$prefix/server-$port.log" >&2
exit 6

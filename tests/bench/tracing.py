#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What tracing costs: the same run with a collector and without one, in turns; wall and CPU seconds of the program.

The collector reads and forgets, in a process of its own. usage: tracing.py BINARY [FOLDER] [TURNS]"""
import http.server
import json
import multiprocessing
import os
import shutil
import socketserver
import statistics
import subprocess
import sys
import tempfile
import time

LOADS = {
    '4,000 steps in the process (state), a map': {'tool': 'state', 'for_each': list(range(4000)), 'parallel': 8,
                                                  'parameters': {'op': 'add', 'scope': 'run', 'key': 'n'}},
    '300 scripts (true), a map': {'tool': 'script_run', 'for_each': list(range(300)), 'parallel': 2,
                                  'parameters': {'script': 'true'}},
}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_POST(self):
        self.rfile.read(int(self.headers.get('content-length', '0')))
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'{}')

    def log_message(self, *_):
        pass


def once(binary, folder, node, address):
    """Wall and CPU seconds of one run in a new store."""
    with open(os.path.join(folder, 'flow.json'), 'w') as file:
        json.dump({'id': 'flow', 'graph': {'nodes': {'n': node}, 'edges': []}}, file)
    store = os.path.join(folder, 'store')
    environment = {name: value for name, value in os.environ.items() if not name.startswith('OTEL_')}
    if address:
        environment['OTEL_EXPORTER_OTLP_ENDPOINT'] = address
    began = time.monotonic()
    process = subprocess.Popen([binary, '--store', store, 'run', 'flow.json', '--quiet'], cwd=folder, env=environment,
                               stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    if status != 0:
        raise SystemExit(f'the run ended with {status}')
    shutil.rmtree(store)
    shutil.rmtree(os.path.join(folder, '.hillstar'), ignore_errors=True)
    return wall, used.ru_utime + used.ru_stime


def main():
    binary = os.path.abspath(sys.argv[1])
    turns = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    server = Server(('127.0.0.1', 0), Handler)
    collector = multiprocessing.get_context('fork').Process(target=server.serve_forever, daemon=True)
    collector.start()
    address = 'http://127.0.0.1:%d' % server.server_address[1]
    folder = tempfile.mkdtemp(prefix='hillstar-bench-', dir=sys.argv[2] if len(sys.argv) > 2 else '.')
    try:
        for name, node in LOADS.items():
            told = {'': [], address: []}
            for _ in range(turns):
                for where, found in told.items():
                    found.append(once(binary, folder, node, where))
            print(name)
            for part, what in enumerate(('wall', 'CPU')):
                off, on = (statistics.median(one[part] for one in told[where]) for where in ('', address))
                print(f'  {what:<5} off {off:7.3f} s   on {on:7.3f} s   {100 * (on / off - 1):+6.1f} %')
    finally:
        collector.terminate()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()

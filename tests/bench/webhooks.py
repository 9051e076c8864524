#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many signed webhooks a second `serve` accepts durably on loopback, beside what wrk gets from a page that needs no store.

Each delivery is signed as GitHub does and has an id of its own, so that each is a run. The stream is held: accepting is
measured, and not what the runs do. usage: webhooks.py BINARY [FOLDER] [SECONDS]   (needs wrk)"""
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

SECRET = 'a secret of this measurement'
BODY = json.dumps({'issue': {'title': 'bench', 'number': 7}, 'action': 'opened'})
CONNECTIONS = 64

SCRIPT = '''
local thread_count = 0
function setup(thread)
  thread_count = thread_count + 1
  thread:set('number', thread_count)
end
local count = 0
local body = %s
request = function()
  count = count + 1
  return wrk.format('POST', '/hooks/bench/hook', {
    ['Content-Type'] = 'application/json',
    ['X-Hub-Signature-256'] = 'sha256=%s',
    ['X-GitHub-Delivery'] = '%s-' .. number .. '-' .. count,
  }, body)
end
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  print(string.format('RESULT %%f %%d %%f %%f', summary.requests / (summary.duration / 1e6), failed,
                      latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
'''
PLAIN = SCRIPT[SCRIPT.index('function done'):].replace('%%', '%')


def wrk(url, script, seconds, connections):
    with tempfile.NamedTemporaryFile('w', suffix='.lua') as file:
        file.write(script)
        file.flush()
        said = subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '-s', file.name, url],
                              stdout=subprocess.PIPE, check=True, text=True, timeout=seconds + 60).stdout
    rate, failed, p50, p99 = re.search(r'RESULT (\S+) (\S+) (\S+) (\S+)', said).groups()
    return float(rate), int(failed), float(p50), float(p99)


def line(what, told):
    print(f'  {what:<42} {told[0]:>8.0f} /s   p50 {told[2]:6.2f} ms   p99 {told[3]:6.2f} ms   failed {told[1]}')


def main():
    binary = os.path.abspath(sys.argv[1])
    folder = tempfile.mkdtemp(prefix='webhooks-', dir=sys.argv[2] if len(sys.argv) > 2 else None)
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    flow = {'id': 'bench', 'graph': {'nodes': {'a': {'tool': 'file_read', 'input': 'x'}}, 'edges': []},
            'entry_points': [{'id': 'hook', 'webhook': {'scheme': 'github', 'secrets': ['BENCH_SECRET']},
                              'max_queued': 1000000}]}
    with open(os.path.join(folder, 'flow.json'), 'w', encoding='utf-8') as file:
        json.dump(flow, file)
    environment = dict(os.environ, BENCH_SECRET=SECRET, HOME=folder)
    serve = subprocess.Popen([binary, 'serve', 'flow.json', '--listen', '127.0.0.1:0', '--rate-limit', '0'], cwd=folder,
                             env=environment, stdout=subprocess.PIPE, text=True)
    try:
        url = re.search(r'http://\S+', serve.stdout.readline()).group().rstrip('.')
        token = subprocess.run([binary, 'token', 'create', '--scope', 'admin', '--name', 'bench', '--expires', '1h'],
                               cwd=folder, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
        hold = urllib.request.Request(f'{url}/v1/streams/bench/hook/hold', b'{}',
                                      {'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
        urllib.request.urlopen(hold, timeout=60).close()
        signature = hmac.new(SECRET.encode(), BODY.encode(), hashlib.sha256).hexdigest()

        def hook(name):
            return SCRIPT % (json.dumps(BODY), signature, name)

        line('GET /healthz', wrk(url + '/healthz', PLAIN, seconds, CONNECTIONS))
        full = wrk(url, hook('full'), seconds, CONNECTIONS)
        line(f'webhooks, {CONNECTIONS} connections', full)
        few = max(1, round(CONNECTIONS / 8))
        line(f'webhooks, {few} connections', wrk(url, hook('some'), seconds, few))
        line('GET /healthz, again', wrk(url + '/healthz', PLAIN, seconds, CONNECTIONS))
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()

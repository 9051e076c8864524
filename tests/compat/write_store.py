#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a store that has a run in every state in which a host can be stopped, for tests of later programs.

usage: write_store.py BINARY ARCHIVE    (upgrade_test.py reads it; docs/internals/testing.md says when to write a new one)
The runs' workspace is PLACE, wherever the store is read later."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.request

PLACE = '/tmp/hillstar-actors-compat'
HOLD = '[ -e go ] || { : > up; sleep 600; }'


def script(text, **more):
    return {'tool': 'script_run', 'parameters': {'script': text}, **more}


FLOWS = {
    'done': {'nodes': {'a': script('echo made'), 'b': script('cat', input='{{ a.output }}')}, 'edges': [['a', 'b']]},
    'broken': {'nodes': {'a': script('echo no >&2; exit 3')}},
    'approve': {'nodes': {'a': script('echo shipped')}, 'top': {'permissions': {'a': 'ask'}}},
    'ask': {'nodes': {'a': {'tool': 'input', 'parameters': {'prompt': 'Which?'}},
                      'b': script('cat', input='told {{ a.output }}')}},
    'listen': {'nodes': {'a': {'tool': 'signal', 'parameters': {'name': 'go'}}}},
    'mapped': {'nodes': {'a': script('cat', input='{{ item }}', for_each=['x', 'y', 'z'])}},
    'killed': {'nodes': {'a': script('echo first'), 'b': script(HOLD), 'c': script('cat', input='{{ a.output }}')},
               'edges': [['a', 'b'], ['b', 'c']]},
    'queue': {'nodes': {'a': script('cat', input='{{ inputs.n }}')},
              'top': {'inputs': {'n': {'type': 'integer', 'default': 0}},
                      'entry_points': [{'id': 'api', 'max_concurrent': 1}]}},
}


def write_flows():
    for name, flow in FLOWS.items():
        edges = [{'from': a, 'to': b} for a, b in flow.get('edges', [])]
        document = {'id': name, 'graph': {'nodes': flow['nodes'], 'edges': edges}, **flow.get('top', {})}
        with open(f'{name}.json', 'w', encoding='utf-8') as file:
            json.dump(document, file)


def until(true):
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            raise SystemExit('waited in vain')
        time.sleep(0.02)


def ask(url, token, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {'Authorization': f'Bearer {token}',
                                                                              'Content-Type': 'application/json'})
    urllib.request.urlopen(request, timeout=60).close()


def main():
    binary, archive = (os.path.abspath(path) for path in sys.argv[1:3])
    os.mkdir(PLACE)
    os.chdir(PLACE)
    try:
        write_flows()

        def hill(*arguments):
            return subprocess.run([binary, *arguments], stdout=subprocess.PIPE, check=False, text=True).stdout

        for name in ('done', 'broken', 'approve', 'ask', 'listen', 'mapped'):
            hill('run', f'{name}.json', '--label', f'kind={name}')
        serve = subprocess.Popen([binary, 'serve', 'queue.json', '--listen', '127.0.0.1:0'], stdout=subprocess.PIPE, text=True)
        url = serve.stdout.readline().split()[2].rstrip('.')
        token = hill('token', 'create', '--scope', 'admin', '--name', 'compat', '--expires', '1h').strip()
        ask(url, token, '/v1/streams/queue/api/trigger', {'inputs': {'n': 1}, 'key': 'one'})
        hill('wait', '--any')
        ask(url, token, '/v1/streams/queue/api/hold', {'reason': 'for later'})
        for n in (2, 3, 4):
            ask(url, token, '/v1/streams/queue/api/trigger', {'inputs': {'n': n}, 'key': f'key {n}'})
        serve.send_signal(signal.SIGTERM)
        serve.wait()
        host = subprocess.Popen([binary, 'run', 'killed.json'])
        until(lambda: os.path.exists('up'))
        host.kill()
        host.wait()
        os.remove('.hillstar/store/tokens.json')
        with tarfile.open(archive, 'w:xz') as tar:
            tar.add('.hillstar/store', 'store')
        print(hill('ls'))
    finally:
        os.chdir('/')
        shutil.rmtree(PLACE)


if __name__ == '__main__':
    main()

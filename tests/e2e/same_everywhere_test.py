#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same commands on a store of this machine, beside its host, and through a service: the same words, the same exit codes.
And what `verify` finds out about a service that does not tell the truth."""
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import threading

import harness
from harness import script
from serve_test import Served, asking
from workers_test import Workers

READING = [
    ['ls'], ['ls', '--status', 'failed'], ['ls', '-o', 'json'], ['ls', '-o', 'jsonl'], ['show', 'good'], ['show', 'good', '-o', 'json'],
    ['show', 'good', '--node', 'a'], ['show', 'good', '--rules'], ['why', 'bad'], ['why', 'bad', 'b', '-o', 'json'], ['events', 'good'],
    ['events', 'good', '-o', 'json'], ['events', 'good', '--from', '3'], ['events', 'good', '--follow'], ['logs', 'good'],
    ['logs', 'good', 'a'], ['result', 'good'], ['result', 'good', 'a', '--raw'], ['result', 'good', '--key', 'return_code'],
    ['result', 'bad'], ['result', 'good', '--wait'], ['replay', 'good'], ['replay', '--all'], ['replay', '--all', '-o', 'jsonl'],
    ['replay', 'good', '--offline'], ['replay', 'good', '--offline', '-o', 'json'], ['export', 'good', '--jsonl'],
    ['export', 'jobs/in', '--jsonl'], ['export', 'good', '--otlp'], ['report', 'good'], ['report', 'good', '--format', 'html'],
    ['verify'], ['verify', '-o', 'json'], ['verify', 'good'], ['verify', 'jobs/in'], ['stats'], ['stats', '-o', 'json'],
    ['providers', 'usage'], ['ps'], ['ps', '-o', 'json'], ['wait', 'good', 'bad'], ['stream', 'ls'], ['state', 'ls'],
    ['state', 'scopes', '-o', 'json'], ['state', 'history', '-o', 'json'], ['state', 'get', 'n', '-o', 'json'], ['enforce', 'status', '-o', 'json'],
    # What is wrong with the question is said alike, too.
    ['show', 'nobody'], ['show', '01J0000000000000000000000X'], ['show', '01J'], ['show', ''], ['why', 'good', 'nobody'], ['logs', 'good', 'nobody'],
    ['result', 'good', 'nobody'], ['result', 'good', '--key', 'nothing'], ['events', 'nobody'], ['replay', 'nobody'], ['verify', 'nobody'],
    ['verify', 'nobody.jsonl'], ['export', 'nobody', '--jsonl'], ['report', 'nobody'], ['wait', 'nobody'], ['ls', '--status', 'odd'],
    ['ls', '--since', 'odd'], ['stream', 'show', 'no/such'], ['state', 'get', 'nothing'], ['fork', 'nobody', '--from', 'a'],
    ['cancel', 'nobody'], ['cancel', 'good'], ['approve', 'good', 'a'], ['approve', 'good', 'nobody'], ['reject', 'nobody', 'a'],
    ['pause', 'good'], ['resume', 'nobody'], ['signal', 'good', 'x'], ['signal', 'nobody', 'x'], ['input', 'good'], ['input', 'good', 'x', '1'],
    ['input', 'good', 'x', '{'], ['gc', '--older-than', 'odd'],
]


def plain(text):
    """Without what differs from one moment to the next."""
    text = re.sub(r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z', 'TIME', text)
    text = re.sub(r'"host_process":\d+,', '', text)
    text = re.sub(r'"(host|age_ms|time_ms|pid)":("service"|\w+)', r'"\1":0', text)
    return re.sub(r'\b\d+(\.\d+)? (ms|s|min|h)\b', 'SPAN', text)


def unnamed(text):
    """Nor with the names of runs and the hashes of what happened then."""
    text = re.sub(r'"trigger":{"depth":0,[^}]*"kind":"api"},', '', text)  # a service says how it was asked
    text = re.sub(r'\b01[0-9A-HJKMNP-TV-Z]{24}\b', 'RUN', text)
    text = re.sub(r'\(\d+ bytes\)(, \d+ blobs)?', 'BYTES', text)
    return re.sub(r'\b[0-9a-f]{64}\b', 'HASH', plain(text))


class Same(Served):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo one'), 'b': script('head -c 200000 /dev/zero | tr "\\0" x')}, [('a', 'b')], name='good.json', id='good')
        self.flow({'a': script('echo one'), 'b': script('exit 3')}, [('a', 'b')], name='bad.json', id='bad')
        self.flow({'a': script('echo job')}, name='jobs.json', id='jobs', entry_points=[{'id': 'in'}])

    def ways(self):
        """By name: what goes before a command. The service hosts the store from here on."""
        self.environment['HILLSTAR_TOKEN'] = self.token('admin', 'admin')
        self.service = self.serve()
        return {'joined': [], 'remote': ['--server', self.url]}

    def told(self, where, command):
        done = self.hill(*where, *command, code=None)
        return done.code, plain(done.out), plain(done.err)

    def test_what_is_read(self):
        self.hill('run', 'good.json')
        self.hill('run', 'bad.json', code=1)
        self.hill('stream', 'declare', 'jobs.json')
        self.hill('stream', 'trigger', 'jobs/in')
        self.hill('state', 'put', 'n', '1')
        self.hill('run', 'good.json')
        self.hill('gc', '--keep-last', '1', '--workflow', 'good')
        alone = [self.told([], command) for command in READING]
        self.assertEqual({code for code, _, _ in alone} & {70, 71, 74, 10}, set())
        for name, where in self.ways().items():
            for command, expected in zip(READING, alone):
                with self.subTest(command=command, way=name):
                    self.assertEqual(self.told(where, command), expected)
        # Files, too.
        for name, where in (('here', []), ('far', ['--server', self.url])):
            self.hill(*where, 'export', 'good', '--dir', name)
            self.hill(*where, 'report', 'good', '--to', name + '/report.html')
        names = sorted(os.path.relpath(os.path.join(at, file), self.path('here'))
                       for at, _, files in os.walk(self.path('here')) for file in files)
        self.assertGreater(len(names), 3)
        for name in names:
            if name != 'report.html':  # it says when it was made
                self.assertEqual(self.read('here/' + name), self.read('far/' + name), name)
        self.assertEqual(plain(self.read('here/report.html')), plain(self.read('far/report.html')))


class Deeds(Same):
    """What changes something: done on a store of its own each way, and told alike."""

    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo one'), 'b': script(f"[ -e {self.path('may')} ]", '{{ a.output }}')}, [('a', 'b')],
                  name='part.json', id='part', state={'checkpoints': ['a']})
        self.flow({'a': script('echo one')}, name='ask.json', id='ask', permissions={'a': 'ask'})
        self.flow({'q': {'tool': 'input', 'parameters': {'request': 'size', 'prompt': 'How many?', 'schema': {'type': 'integer'}}},
                   's': {'tool': 'signal', 'parameters': {'name': 'go'}}}, name='talk.json', id='talk')

    def deeds(self, way):
        """Pairs of a command and what was told."""
        os.makedirs(self.path(way))
        store = {} if way == 'remote' else {'HILLSTAR_STORE': self.path(way, 'store')}
        if way == 'joined':
            self.serve(env=store)
        if way == 'remote':
            # Histories name whoever asks a service by the name of the token.
            token = self.hill('token', 'create', '--name', self.person, '--scope', 'admin', env={'HILLSTAR_STORE': self.path(way, 'store')}).out
            self.serve(env={'HILLSTAR_STORE': self.path(way, 'store')})
            store = {'HILLSTAR_SERVER': self.url, 'HILLSTAR_TOKEN': token.strip()}
        told = []

        def do(*command):
            done = self.hill(*command, code=None, env=store)
            told.append((command, done.code, unnamed(done.out).replace(self.path(way, 'store'), 'STORE'), unnamed(done.err)))
        if os.path.exists(self.path('may')):
            os.remove(self.path('may'))
        do('run', 'part.json', '-o', 'jsonl', '-q')
        self.write('may', '')
        do('fork', 'part', '--from', 'zz')
        do('fork', 'part', '--from', '99')
        do('fork', 'part', '--from', 'b', '--set', 'b.output=x')
        do('fork', 'part', '--from', 'b', '--set', 'a.output=other', '-q')
        do('result', 'part', 'a')
        do('resume', 'part', '-q')
        do('fork', 'part', '--from', 'a', '-q')
        do('run', 'part.json', '--resume-from', 'a', '-q')
        do('run', 'part.json', '--resume-from', 'b', '-q')
        do('execute-node', 'part.json', 'b', '-q')
        do('execute-node', 'part.json', 'b', '--set', 'a.output=mine', '-q')
        do('execute-node', 'part.json', 'b', '--from-run', 'latest', '-q')
        do('run', 'ask.json', '-q')
        do('approve', 'ask', 'zz')
        do('resume', 'ask', '--budget', 'odd')
        do('pause', 'ask')
        do('pause', 'ask')
        do('resume', 'ask', '-q')
        do('reject', 'ask', 'a', '--reason', 'no', '-o', 'json')
        do('why', 'ask')
        do('reject', 'ask', 'a')
        do('run', 'ask.json', '-q')
        do('cancel', 'ask', '--reason', 'enough')
        do('cancel', 'ask')
        do('run', 'talk.json', '-q')
        do('input', 'talk')
        do('input', 'talk', 'size', '"many"')
        do('input', 'talk', 'size', '3', '-o', 'json', '-q')
        do('signal', 'talk', 'no')
        do('state', 'put', 'n', '1')
        do('state', 'add', 'n')
        do('state', 'put', 'n', '5', '--if-version', '9')
        do('state', 'get', 'n', '-o', 'json')
        do('stream', 'declare', 'jobs.json')
        do('stream', 'hold', 'jobs/in', '--reason', 'why not')
        do('stream', 'release', 'jobs/in')
        do('stream', 'trigger', 'jobs/in', '--wait')
        do('stream', 'hold', 'no/such')
        do('gc', '--keep-last', '2', '--dry-run')
        do('gc', '--keep-last', '2', '--workflow', 'part')
        do('verify')
        do('replay', '--all', '-q')
        do('ls', '--status', 'odd')
        return told

    def test_what_is_done(self):
        self.hill('run', 'good.json', '-q')
        self.person = self.status()['started_by']
        told = {way: self.deeds(way) for way in ('alone', 'joined', 'remote')}
        self.assertEqual({code for _, code, _, _ in told['alone']} & {70, 71, 74}, set())
        for alone, joined, remote in zip(*told.values()):
            with self.subTest(command=joined[0]):
                self.assertEqual(remote, joined)
                # Who finds no host is the host, and goes on with the run here.
                if joined[0][:2] not in (('reject', 'ask'), ('input', 'talk'), ('stream', 'trigger')):
                    self.assertEqual(joined, alone)


class Rights(Served):
    """Who may do what through a service, and what is said to the others."""

    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo one')})
        self.hill('run', 'flow.json')
        self.tokens = {scope: self.token(scope, scope) for scope in ('read', 'operate', 'admin')}
        os.mkdir(self.path('backups'))
        self.service = self.serve('--backups', 'backups')

    def far(self, scope, *command, code):
        token = {'HILLSTAR_TOKEN': self.tokens[scope]} if scope else {}
        done = self.hill('--server', self.url, *command, code=code, env=token)
        if code in (2, 4, 6, 10):
            self.assertRegex(done.err, '^error HS[0-9]{3}', done)
            self.assertEqual(done.out, '', done)
        return done

    def test_scopes(self):
        for command in (['verify'], ['ls'], ['export', '--jsonl'], ['workers'], ['replay', '--all'], ['stats']):
            self.assertIn('HS804', self.far(None, *command, code=10).err)
            self.far('read', *command, code=0)
        for command in (['fork', 'latest', '--from', 'a'], ['state', 'put', 'x', '1']):
            self.assertIn('HS805', self.far('read', *command, code=6).err)
            self.far('operate', *command, code=0)
        self.far('read', 'workers', 'drain', 'w', code=6)
        self.far('operate', 'workers', 'drain', 'w', code=4)
        for command in (['run', 'flow.json'], ['execute-node', 'flow.json', 'a'], ['gc', '--keep-last', '9'], ['backup', 'one']):
            for scope in ('read', 'operate'):
                self.assertIn('HS805', self.far(scope, *command, code=6).err)
            self.far('admin', *command, code=0)

    def test_backups(self):
        made = self.far('admin', 'backup', 'one', '-o', 'json', code=0).json
        self.assertEqual(made['folder'], self.path('backups', 'one'))
        self.assertTrue(made['ok'])
        here = self.hill('backup', 'backups/one', '--verify', '-o', 'json').json
        self.assertEqual(here, made)
        self.assertEqual(self.far('admin', 'backup', 'one', '--verify', '-o', 'json', code=0).json, made)
        self.far('admin', 'backup', 'one', code=2)
        self.far('admin', 'backup', 'none', '--verify', code=4)
        for name in ('../out', '/tmp/out', 'a/b', '..', '.', '.hidden', '', 'x' * 101, 'a b', 'a\nb'):
            with self.subTest(name=name):
                self.far('admin', 'backup', name, code=2)
        for name in ('../out', 'a/../../b', '..'):
            answer = self.ask('/v1/backups', 'POST', self.tokens['admin'], json.dumps({'name': name}).encode(),
                              Content_Type='application/json')
            self.assertEqual(answer.status, 400, answer.body)
        self.assertEqual(sorted(os.listdir(self.path('backups'))), ['one'])
        self.hill('verify', '--store', 'backups/one/store')
        # The store goes on.
        self.far('admin', 'run', 'flow.json', code=0)
        self.service.send(15).end(0)
        self.holds()
        self.hill('serve', '--backups', 'nowhere', '--listen', '127.0.0.1:0', code=4)
        self.serve()
        self.far('admin', 'backup', 'two', code=6)

    def test_the_folder_of_a_store_is_not_taken_for_that_of_a_service(self):
        known = {'HILLSTAR_SERVER': self.url, 'HILLSTAR_TOKEN': self.tokens['admin']}
        for command in (['repair'], ['restore', 'x'], ['serve'], ['token']):
            self.assertIn('HILLSTAR_SERVER', self.hill(*command, code=2, env=known).err)
            self.assertIn('--server', self.far('admin', *command, code=2).err)
        self.hill('token', '--store', '.hillstar/store', env=known)
        self.hill('--server', self.url, '--store', 'x', 'ls', code=2, env=known)
        self.hill('validate', 'flow.json', env=known)
        self.assertIn('answers', self.hill('doctor', code=None, env=known).out)
        self.service.send(15).end(0)
        self.hill('validate', 'flow.json', env=known)
        for command in (['ls'], ['verify'], ['backup', 'x'], ['run', 'flow.json'], ['workers'], ['watch'], ['gc', '--keep-last', '1']):
            self.assertIn('HS702', self.hill(*command, code=10, env=known).err)

    def test_every_command_is_known(self):
        lines = self.hill('--help').out.split('Subcommands:')[1].splitlines()
        commands = {re.match(r'  ([a-z-]+)', line)[1] for line in lines if re.match(r'  [a-z]', line)}
        told = open(os.path.join(os.path.dirname(__file__), '../../docs/reference/http.md')).read().split('## From the command line')[1]
        self.assertEqual({name for name in commands if f'`{name}' not in told}, set())


class Throttled(Served):
    def test_who_is_asked_to_wait_waits(self):
        self.flow({'a': script('echo one')})
        for _ in range(8):
            self.hill('run', 'flow.json')
        here = self.hill('verify').out
        env = {'HILLSTAR_TOKEN': self.token('r')}
        self.serve('--rate-limit', '15')
        self.assertEqual(self.hill('--server', self.url, 'verify', env=env).out, here)
        self.assertEqual(self.hill('--server', self.url, 'replay', '--all', env=env).out, self.hill('replay', '--all').out)
        one = asking('/v1/runs', f"Authorization: Bearer {env['HILLSTAR_TOKEN']}")
        last = asking('/v1/runs', f"Authorization: Bearer {env['HILLSTAR_TOKEN']}", 'Connection: close')
        self.assertIn(b'HTTP/1.1 429', self.raw(one * 60 + last))


class Pieces(Served):
    """What nodes say while they run is seen through a service as it is elsewhere."""

    def test_live(self):
        self.environment['HILLSTAR_TOKEN'] = self.token('admin', 'admin')
        self.serve()
        self.flow({'a': script(f"echo first; while [ ! -e {self.path('go')} ]; do sleep 0.02; done; echo last")})
        run = self.start('--server', self.url, '-v', 'run', 'flow.json')
        run.wait_for('first')
        watching = self.start('--server', self.url, '-v', 'watch')
        watching.wait_for('first')
        beside = self.start('-v', 'watch')
        beside.wait_for('first')
        self.write('go', '')
        told = run.end(0).err
        self.assertIn('last', told)
        self.assertLess(told.index('last'), told.index('completed'))
        self.assertEqual(plain(watching.end(0).err), plain(beside.end(0).err))

    def test_who_is_slow_loses_pieces_and_no_facts(self):
        self.environment['HILLSTAR_TOKEN'] = self.token('admin', 'admin')
        self.serve()
        self.flow({f'n{i}': script(f"while [ ! -e {self.path('go')} ]; do sleep 0.02; done; "
                                   "for i in $(seq 60); do head -c 100000 /dev/zero | tr '\\0' x; sleep 0.01; done") for i in range(4)})
        run = self.start('--server', self.url, 'run', 'flow.json', '-q')
        self.until(lambda: self.hill('ls', '-o', 'json').json, 'the run')
        connection = self.stream(self.environment['HILLSTAR_TOKEN'], f"/v1/runs/{self.runs()[0]['run']}/events?pieces=1")
        self.write('go', '')
        run.end(0)
        # Only now somebody reads.
        text = b''
        while not text.endswith(b'0\r\n\r\n'):
            piece = connection.recv(1 << 20)
            self.assertTrue(piece, text[-200:])
            text += piece
        # What the head of the answer took along is at most the first event.
        ids = [int(number) for number in re.findall(rb'\nid: (\d+)\n', b'\n' + text)]
        self.assertEqual(ids, list(range(ids[0], self.runs()[0]['version'] + 1)))
        self.assertLess(len(text), 24_000_000)


class Elsewhere(Workers):
    """Workers of a service, asked about and told through it."""

    def test_workers(self):
        tokens = {scope: self.token(scope, scope) for scope in ('read', 'operate')}
        self.host()
        worker = self.worker('a', '--label', 'gpu')
        self.joined('a')

        def far(scope, *command, code=0):
            return self.hill('--server', self.url, 'workers', *command, code=code, env={'HILLSTAR_TOKEN': tokens[scope]})

        def still(rows):
            return [{name: row[name] for name in ('name', 'fingerprint', 'labels', 'slots', 'connected', 'cordoned')} for row in rows]
        self.assertEqual(still(far('read', '-o', 'json').json), still(self.hill('workers', '-o', 'json').json))
        self.assertIn('gpu', far('read', 'show', 'a').out)
        far('read', 'cordon', 'a', code=6)
        self.assertTrue(far('operate', 'cordon', 'a', '-o', 'json').json['cordoned'])
        self.assertIn('cordoned', self.hill('workers').out)
        self.assertFalse(far('operate', 'uncordon', 'a', '-o', 'json').json['cordoned'])
        for command in (('show', 'b'), ('drain', 'b')):
            there, here = far('operate', *command, code=4), self.hill('workers', *command, code=4)
            self.assertEqual(there.err, here.err)
        far('operate', 'drain', 'a')
        worker.end(0)


class Honest(Served):
    """Between the program and a service stands somebody who changes what it says."""

    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo one'), 'b': script('head -c 200000 /dev/zero | tr "\\0" x')}, [('a', 'b')])
        for _ in range(3):
            self.hill('run', 'flow.json')
        self.hill('gc', '--keep-last', '2')
        self.environment['HILLSTAR_TOKEN'] = self.token('r', 'read')
        self.serve()
        self.runs_now = [row['run'] for row in self.runs()]
        test = self

        class Between(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                connection = http.client.HTTPConnection('127.0.0.1', test.port, timeout=60)
                connection.request('GET', self.path, headers={'Authorization': self.headers.get('Authorization', '')})
                answer = connection.getresponse()
                status, body = test.lie(self.path, answer.status, answer.read())
                self.send_response(status)
                for name in ('Content-Type', 'Link'):
                    if answer.getheader(name):
                        self.send_header(name, answer.getheader(name))
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            def log_message(self, *_):
                pass

        self.between = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Between)
        self.addCleanup(self.between.server_close)
        self.addCleanup(self.between.shutdown)
        threading.Thread(target=self.between.serve_forever, daemon=True).start()
        self.lie = lambda path, status, body: (status, body)

    def verify(self, code, lie=None):
        self.lie = lie or (lambda path, status, body: (status, body))
        return self.hill('--server', f'http://127.0.0.1:{self.between.server_address[1]}', 'verify', '-o', 'json', code=code).json

    def test_what_is_true_holds(self):
        said = self.verify(0)
        self.assertEqual((said['ok'], said['runs'], said['removed_runs'], said['blobs']), (True, 2, 1, 3))

    def test_a_changed_record(self):
        run = self.runs_now[0]
        said = self.verify(9, lambda path, status, body: (
            status, body.replace(b'"workflow":"flow"', b'"workflow":"glow"') if path.startswith(f'/v1/runs/{run}/records') else body))
        self.assertEqual([(damage['run'], damage['from_seq']) for damage in said['damaged']], [(run, 1)])

    def test_a_record_that_was_taken_out_and_chained_again(self):
        run = self.runs_now[0]

        def lie(path, status, body):
            if not path.startswith(f'/v1/runs/{run}/records'):
                return status, body
            lines = body.splitlines(keepends=True)
            return status, b''.join(lines[:2] + lines[3:])
        said = self.verify(9, lie)
        self.assertEqual([(damage['run'], damage['from_seq']) for damage in said['damaged']], [(run, 3)])

    def test_a_history_that_ends_early(self):
        run = self.runs_now[0]

        def lie(path, status, body):
            if path.startswith(f'/v1/runs/{run}/records'):
                return status, b''.join(body.splitlines(keepends=True)[:-1])
            return status, body
        said = self.verify(9, lie)
        self.assertEqual([damage['run'] for damage in said['damaged']], [run])

    def test_another_row(self):
        run = self.runs_now[0]
        said = self.verify(9, lambda path, status, body: (
            status, body.replace(b'"completed"', b'"failed"') if path == f'/v1/runs/{run}' else body))
        self.assertEqual([damage['run'] for damage in said['damaged']], [run])

    def test_other_bytes_in_a_blob(self):
        said = self.verify(9, lambda path, status, body: (
            status, body.replace(b'xx', b'xy') if path.startswith('/v1/blobs/') and len(body) > 100000 else body))
        self.assertEqual(len(said['blob_problems']), 1)

    def test_a_run_that_is_kept_back(self):
        run = self.runs_now[0]

        def lie(path, status, body):
            if path.startswith('/v1/runs?'):
                return status, json.dumps([row for row in json.loads(body) if row['run'] != run]).encode()
            if path.startswith(f'/v1/runs/{run}'):
                return 404, json.dumps({'code': 'HS220', 'title': 'there is no such run'}).encode()
            return status, body
        said = self.verify(9, lie)
        self.assertEqual([damage['run'] for damage in said['damaged']], [run])
        self.assertIn('hands out none', said['damaged'][0]['problem'])

    def test_a_log_without_a_run(self):
        run = self.runs_now[0]

        def lie(path, status, body):
            if not path.startswith('/v1/log'):
                return status, body
            log = json.loads(body)
            log['entries'] = [entry for entry in log['entries'] if entry[0] != run]
            return status, json.dumps(log).encode()
        self.assertTrue(self.verify(9, lie)['log_problem'])

    def test_a_record_that_stands_in_the_log_twice_in_place_of_another(self):
        run = self.runs_now[0]

        def lie(path, status, body):
            if not path.startswith('/v1/log'):
                return status, body
            log = json.loads(body)
            places = [place for place, entry in enumerate(log['entries']) if entry[0] == run]
            log['entries'][places[2]] = log['entries'][places[1]]
            chain = bytes(32)
            for entry in log['entries']:
                chain = hashlib.sha256(b'hslog1\0' + chain + bytes.fromhex(entry[2])).digest()
            return status, json.dumps({**log, 'chain': chain.hex()}).encode()
        self.assertIn(f'is not event 3 of {run}', self.verify(9, lie)['log_problem'])

    def test_a_run_that_is_removed_meanwhile(self):
        run = self.runs_now[0]
        records = len(self.events(run))
        asked = []

        def lie(path, status, body):
            if path.startswith(f'/v1/runs/{run}'):
                return 404, json.dumps({'code': 'HS220', 'title': 'there is no such run'}).encode()
            if path.startswith('/v1/removed'):
                asked.append(path)
                if asked.count('/v1/removed') > 1 and path == '/v1/removed':
                    rows = json.loads(body) + [{'run': run, 'records': records, 'removed_at': '2026-01-01T00:00:00.000000Z'}]
                    return status, json.dumps(sorted(rows, key=lambda row: row['run'])).encode()
            return status, body
        said = self.verify(0, lie)
        self.assertEqual((said['ok'], said['runs'], said['removed_runs']), (True, 1, 2))

    def test_a_list_of_removals_that_never_ends(self):
        first = []

        def lie(path, status, body):
            if not path.startswith('/v1/removed'):
                return status, body
            first.append(body)
            return status, first[0]
        self.lie = lie
        said = self.hill('--server', f'http://127.0.0.1:{self.between.server_address[1]}', 'verify', code=None)
        self.assertNotEqual(said.code, 0)
        self.assertIn('another version', said.err)

    def test_a_removal_that_is_denied(self):
        said = self.verify(9, lambda path, status, body: (status, b'[]' if path.startswith('/v1/removed') else body))
        self.assertIn('hands out none', said['damaged'][0]['problem'])


if __name__ == '__main__':
    harness.main()

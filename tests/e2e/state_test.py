# SPDX-License-Identifier: Apache-2.0
"""State that runs share: a change happens once, whatever happens to the process; people and programs see the same."""
import json
import random
import signal

import harness
from harness import EndToEnd
from serve_test import Served

KILLS = 6
ENDED = {'completed', 'failed', 'cancelled', 'timed_out'}


def state(op, scope='store', source=None, **parameters):
    node = {'tool': 'state', 'parameters': {'op': op, 'scope': scope, **parameters}}
    if source is not None:
        node['input'] = source
    return node


class ByHand(EndToEnd):
    def get(self, key, *where):
        return self.hill('state', 'get', key, *where, '-o', 'json').json

    def test_a_run_has_state_of_its_own(self):
        self.flow({'a': state('add', 'run', key='n', by=2), 'b': state('add', 'run', key='n', by=3),
                   'c': state('put', 'run', '{{ b.value }}', key='copy', json=True)}, [('a', 'b')])
        self.hill('run', 'flow.json')
        cells = self.hill('state', 'ls', '--run', 'latest', '-o', 'json').json
        self.assertEqual(cells, [{'key': 'copy', 'value': 5, 'version': 1}, {'key': 'n', 'value': 5, 'version': 2}])
        kinds = [event['type'] for event in self.events()]
        for index, kind in enumerate(kinds):
            if kind == 'state_changed':
                self.assertEqual(kinds[index + 1], 'node_completed')
        self.holds()
        self.hill('replay', 'latest', '--offline')
        self.hill('state', 'put', 'n', '1', '--run', 'latest', code=2)

    def test_a_fork_begins_with_what_was_kept(self):
        self.flow({'a': state('add', 'run', key='n', by=2), 'b': state('add', 'run', key='n', by=3)}, [('a', 'b')])
        self.hill('run', 'flow.json')
        parent = self.status()['run']
        self.hill('fork', parent, '--from', 'b')
        fork = self.status()['run']
        self.assertNotEqual(fork, parent)
        self.assertEqual(self.hill('state', 'ls', '--run', fork, '-o', 'json').json,
                         [{'key': 'n', 'value': 5, 'version': 2}])
        self.holds(fork)

    def test_isolation_is_asked_before_anything_runs(self):
        self.flow({'a': state('add', key='n')})
        refused = self.hill('run', 'flow.json', code=3)
        self.assertIn('/graph/nodes/a/parameters/scope', refused.err)
        self.assertIn('--isolation', refused.err)
        self.hill('run', 'flow.json', '--isolation', 'shared')
        self.hill('run', 'flow.json', '--isolation', 'synchronized')
        self.assertEqual(self.get('n'), {'key': 'n', 'value': 2, 'version': 2})
        self.flow({'a': state('put', key='n', value=1)})
        self.hill('run', 'flow.json', '--isolation', 'synchronized', code=3)
        self.flow({'a': state('add', 'stream', key='n')})
        self.hill('run', 'flow.json', '--isolation', 'shared', code=3)
        self.hill('run', 'flow.json', '--state-of', 'x/y', code=2)
        self.flow({'a': state('add', key='n')}, entry_points=[{'id': 'e'}])
        self.assertIn('/entry_points/0', self.hill('validate', 'flow.json', code=3).err)
        self.flow({'a': state('add', key='n')}, entry_points=[{'id': 'e', 'isolation': 'shared'}])
        self.hill('validate', 'flow.json')

    def part(self, file='sub.json', **more):
        return {'tool': 'workflow_run', 'parameters': {'workflow': file}, **more}

    def test_runs_inside_see_what_the_run_sees_that_they_are_a_part_of(self):
        self.flow({'own': state('add', 'run', key='n', by=5), 'count': state('add', key='total', by=10)},
                  [('own', 'count')], name='sub.json', id='sub')
        self.flow({'own': state('add', 'run', key='n'), 'count': state('add', key='total'),
                   'part': self.part(), 'again': self.part(for_each=[1, 2, 3])},
                  [('own', 'count'), ('count', 'part'), ('part', 'again')])
        self.hill('run', 'flow.json', '--isolation', 'shared')
        rows = self.runs()
        top = next(row['run'] for row in rows if 'above' not in row)
        parts = [row['run'] for row in rows if 'above' in row]
        self.assertEqual(len(parts), 4)
        # The state of the store is one; that of a run is its own.
        self.assertEqual(self.get('total'), {'key': 'total', 'value': 41, 'version': 5})
        for run, value in (top, 1), *((run, 5) for run in parts):
            cells = self.hill('state', 'ls', '--run', run, '-o', 'json').json
            self.assertEqual(cells, [{'key': 'n', 'value': value, 'version': 1}])
        changes = self.hill('state', 'history', 'total', '-o', 'json').json
        self.assertEqual({change['run'] for change in changes}, {top, *parts})
        for run in top, *parts:
            self.hill('replay', run, '--offline')
            self.holds(run)
        self.assertEqual(self.get('total')['value'], 41)

    def test_what_does_not_fit_inside_is_refused_before_anything_runs(self):
        self.flow({'put': state('put', key='n', value=1)}, name='lib/inner.json', id='inner')
        self.flow({'deeper': self.part('inner.json')}, name='lib/sub.json', id='sub')
        nodes = {'first': {'tool': 'script_run', 'parameters': {'script': 'touch ran'}},
                 'part': self.part('lib/sub.json')}
        self.flow(nodes, [('first', 'part')])
        for isolation in (), ('--isolation', 'synchronized'):
            refused = self.hill('run', 'flow.json', *isolation, code=3)
            self.assertIn('lib/inner.json', refused.err)
            self.assertIn("node 'put'", refused.err)
        self.hill('ls', code=4)
        self.hill('run', 'flow.json', '--isolation', 'shared')
        self.assertEqual(self.get('n')['value'], 1)
        # An entry point says it beforehand.
        for isolation, code in ('isolated', 3), ('synchronized', 3), ('shared', 0):
            self.flow(nodes, [('first', 'part')], entry_points=[{'id': 'e', 'isolation': isolation}])
            checked = self.hill('validate', 'flow.json', '-o', 'json', code=code)
            wrong = [one for one in checked.json['diagnostics'] if one['severity'] == 'error']
            self.assertEqual([one['file'] for one in wrong], ['lib/inner.json'] if code else [])
            if code:
                self.assertTrue(wrong[0]['pointer'].startswith('/graph/nodes/put/parameters/'))
                self.assertIn("entry point 'e'", wrong[0]['message'])

    def test_people_read_and_write(self):
        self.hill('state', 'put', 'a/b', '{"x": 1}')
        self.hill('state', 'put', 'a/c', '--text', 'as it stands')
        self.hill('state', 'add', 'n')
        self.hill('state', 'add', 'n', '41')
        self.assertEqual(self.hill('state', 'get', 'n').out, '42\n')
        self.assertEqual(self.get('a/c')['value'], 'as it stands')
        self.hill('state', 'put', 'n', '0', '--if-version', '1', code=5)
        self.hill('state', 'put', 'n', '0', '--if-version', '2')
        self.hill('state', 'rm', 'n', '--if-version', '3')
        self.hill('state', 'get', 'n', code=4)
        self.hill('state', 'put', 'n', '7', '--if-version', '0')
        self.assertEqual(self.get('n'), {'key': 'n', 'value': 7, 'version': 5})
        changes = self.hill('state', 'history', 'n', '-o', 'json').json
        self.assertEqual([change['version'] for change in changes], [1, 2, 3, 4, 5])
        self.assertTrue(changes[3]['removed'] and changes[0]['who'])
        self.assertEqual(self.hill('state', 'ls', 'a/').out.count('\n'), 2)
        scopes = self.hill('state', 'scopes', '-o', 'json').json
        self.assertEqual([scope['scope'] for scope in scopes], ['store'])
        self.assertIn('1 histories of shared state', self.hill('verify').out)
        self.assertIn('state of the store', self.hill('replay', '--all').out)
        self.hill('replay', scopes[0]['history'])

    def test_bad_words(self):
        for words, code in ((['get'], 2), (['fetch', 'a'], 2), (['put', 'a'], 2), (['put', 'a', '{'], 3),
                            (['put', 'a', '1', '--if-version', 'x'], 2), (['rm', 'a', '1'], 2),
                            (['add', 'a', '"x"'], 3), (['ls', '--if-version', '1'], 2),
                            (['put', 'a', '1', '--stream', 'no/such'], 4),
                            (['put', 'k' * 257, '1'], 3), (['put', 'a', '"' + 'x' * 70000 + '"'], 3)):
            refused = self.hill('state', *words, code=code)
            self.assertTrue(refused.err.strip(), words)
        self.assertEqual(self.hill('state', 'scopes', code=None).out.count('{'), 0)

    def test_values_of_templates_and_a_conflict_as_a_result(self):
        self.hill('state', 'put', 'cursor', '{"at": 10}')
        self.flow({'read': state('get', key='cursor'),
                   'write': state('cas', source={'value': '{{ inputs.next }}', 'expected_version': '{{ read.version }}'},
                                  key='cursor', on_conflict='result'),
                   'late': state('cas', source={'value': 'x', 'expected_version': '{{ read.version }}'},
                                 key='cursor', on_conflict='result')},
                  [('write', 'late')], inputs={'next': {'type': 'object'}})
        self.hill('run', 'flow.json', '--isolation', 'synchronized', '-p', 'next={"at": 20}')
        self.assertEqual(self.get('cursor'), {'key': 'cursor', 'value': {'at': 20}, 'version': 2})
        late = self.node('late')
        self.assertEqual(late['status'], 'completed')
        changes = self.hill('state', 'history', 'cursor', '-o', 'json').json
        self.assertEqual(changes[1]['node'], 'write')


class Inside(Served):
    def test_runs_inside_share_the_state_of_the_stream(self):
        operate = self.token('o', 'operate')
        part = {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}}
        self.flow({'count': state('add', 'stream', key='n', by=10)}, name='sub.json', id='sub')
        self.flow({'own': state('add', 'stream', key='n'), 'part': part}, name='jobs.json', id='jobs',
                  entry_points=[{'id': name, 'isolation': 'shared'} for name in ('in', 'other')])
        serve = self.serve('jobs.json')
        started = []
        for stream in 3 * ['jobs/in'] + ['jobs/other']:
            answer = self.ask(f'/v1/streams/{stream}/trigger', 'POST', operate, b'{}', content_type='application/json')
            self.assertEqual(answer.status, 202, answer.body)
            started.append(answer.json['run'])
        for run in started:
            self.until(lambda: self.status(run)['status'] in ENDED, 'the end of the run')
            self.assertEqual(self.status(run)['status'], 'completed')
        for stream, value, version in ('jobs/in', 33, 6), ('jobs/other', 11, 2):
            cell = self.ask(f'/v1/state/streams/{stream}/n', token=operate).json
            self.assertEqual((cell['value'], cell['version']), (value, version))
        serve.send(signal.SIGTERM).end(0)
        self.hill('replay', '--all')
        for run in started:
            self.hill('replay', run, '--offline')


class Service(Served):
    def setUp(self):
        super().setUp()
        self.operate = self.token('o', 'operate')
        self.reader = self.token('r', 'read')

    def call(self, method, target, body=None, token=None, **fields):
        if body is not None:
            fields['Content_Type'] = 'application/json'
        reply = self.ask(target, method, token or self.operate, None if body is None else json.dumps(body).encode(),
                         **fields)
        return reply

    def rows(self, **asked):
        rows, before = [], None
        while True:
            query = '&'.join(f'{name}={value}' for name, value in {**asked, 'limit': 500}.items())
            page = json.loads(self.call('GET', f'/v1/runs?{query}' + (f'&before={before}' if before else '')).body)
            rows += page
            if len(page) < 500:
                return rows
            before = page[-1]['run']

    def test_the_version_is_the_etag(self):
        self.serve()
        made = self.call('PUT', '/v1/state/store/a', {'x': 1}, If_None_Match='*')
        self.assertEqual(made.status, 200)
        self.assertEqual(made.fields['etag'], '"1"')
        self.assertEqual(self.call('PUT', '/v1/state/store/a', 2, If_None_Match='*').status, 412)
        self.assertEqual(self.call('PUT', '/v1/state/store/a', 2, If_Match='"1"').status, 200)
        self.assertEqual(self.call('PUT', '/v1/state/store/a', 2, If_Match='"1"').status, 412)
        self.assertEqual(self.call('PUT', '/v1/state/store/a', 2, If_Match='1').status, 400)
        got = self.call('GET', '/v1/state/store/a')
        self.assertEqual((json.loads(got.body), got.fields['etag']), ({'key': 'a', 'value': 2, 'version': 2}, '"2"'))
        self.assertEqual(self.call('PUT', '/v1/state/store/a', 3, token=self.reader).status, 403)
        batch = {'op': 'batch', 'operations': [{'op': 'add', 'key': 'n'}, {'op': 'put', 'key': 'b', 'value': None}]}
        self.assertEqual(json.loads(self.call('POST', '/v1/state/store', batch).body)['versions'], {'b': 1, 'n': 1})
        self.assertEqual(self.call('POST', '/v1/state/store', {'op': 'set'}).status, 422)
        self.assertEqual(len(json.loads(self.call('GET', '/v1/state/store').body)), 3)
        self.assertEqual(self.call('DELETE', '/v1/state/store/a', If_Match='"1"').status, 412)
        self.assertEqual(self.call('DELETE', '/v1/state/store/a').status, 204)
        self.assertEqual(self.call('GET', '/v1/state/store/a').status, 404)
        self.assertEqual(self.call('GET', '/v1/state/streams/no/such').status, 404)
        changes = json.loads(self.call('GET', '/v1/state-history/store?key=a').body)
        self.assertEqual([change['version'] for change in changes], [1, 2, 3])
        # The same from a terminal that asks the service, and from one that joins the store.
        with_token = {'env': {'HILLSTAR_TOKEN': self.operate}}
        self.hill('--server', self.url, 'state', 'add', 'n', '9', **with_token)
        self.assertEqual(self.hill('--server', self.url, 'state', 'get', 'n', **with_token).out, '10\n')
        self.assertEqual(len(self.hill('--server', self.url, 'state', 'history', 'n', '-o', 'json',
                                       **with_token).json), 2)
        self.hill('state', 'add', 'n', '1')
        self.assertEqual(self.hill('state', 'get', 'n').out, '11\n')

    def test_killed_again_and_again_every_add_counts_once(self):
        """Runs of a stream count in both shared scopes while the service is killed at random moments."""
        self.flow({'one': state('add', 'stream', key='count'), 'two': state('add', 'store', key='count'),
                   'both': state('batch', 'store', operations=[{'op': 'add', 'key': 'x'}, {'op': 'add', 'key': 'y'}])},
                  [('one', 'two'), ('two', 'both')], name='jobs.json', id='jobs',
                  entry_points=[{'id': 'in', 'max_concurrent': 8, 'isolation': 'synchronized'}])
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        keys, told = [f'key-{n}' for n in range(150)], {}
        kills = 0
        while len(told) < len(keys):
            service = self.serve('jobs.json')
            stop = chance.randrange(5, 40) if kills < KILLS else len(keys)
            for key in keys:
                if key in told:
                    continue
                status = self.call('POST', '/v1/streams/jobs/in/trigger', {'key': key})
                self.assertEqual(status.status, 202, seed)
                told[key] = json.loads(status.body)['run']
                stop -= 1
                if stop <= 0:
                    break
            if kills < KILLS:
                service.send(signal.SIGKILL)
                kills += 1
                service.process.wait()
                service.close()
        for _ in range(2):  # while what was accepted is worked off
            service.close()
            service = self.serve('jobs.json')
            self.until(lambda: any(row['status'] in ENDED for row in self.rows(stream='jobs/in')), 'some run ended')
            service.send(signal.SIGKILL)
            service.process.wait()
            kills += 1
        service.close()
        self.serve('jobs.json')
        self.until(lambda: all(row['status'] in ENDED for row in self.rows(stream='jobs/in')), 'every run has its end')
        rows = self.rows(stream='jobs/in')
        print(f'seed {seed}: {kills} kills, {len(rows)} runs')
        self.assertEqual(sorted(row['run'] for row in rows), sorted(told.values()), seed)
        self.assertEqual({row['status'] for row in rows}, {'completed'}, seed)
        total = len(rows)
        for where, key in (('store', 'count'), ('store', 'x'), ('store', 'y'), ('streams/jobs/in', 'count')):
            cell = json.loads(self.call('GET', f'/v1/state/{where}/{key}').body)
            self.assertEqual((cell['value'], cell['version']), (total, total), (seed, where, key))
        self.assertIn('2 histories of shared state', self.hill('verify').out)
        self.hill('replay', '--all')


if __name__ == '__main__':
    raise SystemExit(harness.main())

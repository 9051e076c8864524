#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams from a terminal: without a host, beside one, and through a service; quotas and what becomes of them."""
import json
import os
import time

import harness
from harness import script
from serve_test import Served

WAIT = 'for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done; exit 1'


class StreamCommands(Served):
    def jobs(self, line='echo "got $1"', **entry):
        self.flow({'a': script(line, '{{ inputs.n }}')}, name='jobs.json', id='jobs',
                  inputs={'n': {'type': 'number', 'default': 7}, 'word': {'type': 'string', 'default': 'x'}},
                  entry_points=[{'id': 'in', **entry},
                                {'id': 'nightly', 'timer': {'cron': '30 2 * * *', 'time_zone': 'Europe/Berlin'}}])

    def shown(self, stream='jobs/in', **more):
        return self.hill('-o', 'json', 'stream', 'show', stream, **more).json

    def traces_of(self, run):
        return [name for name in os.listdir(os.path.join(self.folder, '.hillstar', 'traces')) if run in name]

    def check_all(self, where):
        """The same words, wherever the host is."""
        hill = lambda *arguments, **more: self.hill(*where, 'stream', *arguments, **more)
        listed = hill('ls')
        self.assertIn('jobs/in', listed.out)
        self.assertRegex(listed.out, r'jobs/nightly +timer +0 +0 +open +20\d\d-')
        shown = hill('show', 'jobs/nightly')
        self.assertIn('timer 30 2 * * * (Europe/Berlin)', shown.out)
        self.assertEqual(shown.out.count('next firing'), 3)
        self.assertIn('HS701', hill('show', 'jobs/none', code=4).err)
        self.assertIn('HS701', hill('trigger', 'jobs/none', code=4).err)
        held = json.loads(self.hill(*where, '-o', 'json', 'stream', 'hold', 'jobs/in', '--reason', 'disk').out)
        self.assertEqual((held['held'], held['reason']), (True, 'disk'))
        self.assertIn('held: disk', hill('show', 'jobs/in').out)
        hill('release', 'jobs/in')
        done = hill('trigger', 'jobs/in', '--input', 'n=3', '--input', 'word=5', '--key', 'k', '--label', 'a=b', '--wait')
        run = done.out.split()[0]
        self.assertEqual(self.status(run)['status'], 'completed')
        self.assertEqual(json.loads(self.hill('show', run, '-o', 'json').out)['inputs'], {'n': 3, 'word': '5'})
        again = json.loads(self.hill(*where, '-o', 'json', 'stream', 'trigger', 'jobs/in', '--key', 'k').out)
        self.assertEqual((again['run'], again['repeated']), (run, True))
        self.assertIn('HS113', hill('trigger', 'jobs/in', '--input', 'n=many', code=3).err)
        hill('trigger', 'jobs/in', '--event', '{', code=2)
        hill('show', code=2)

    def test_without_a_host(self):
        self.jobs()
        self.hill('stream', 'ls', code=4)
        declared = self.hill('stream', 'declare', 'jobs.json')
        self.assertEqual(declared.out, 'declared jobs/in\ndeclared jobs/nightly\n')
        self.check_all([])
        self.hill('stream', 'declare', 'jobs.json', '--entry', 'none', code=4)
        self.hill('stream', 'rm', 'jobs/nightly')
        self.assertNotIn('nightly', self.hill('stream', 'ls').out)
        self.hill('verify')
        self.hill('replay', '--all')

    def test_beside_the_host_and_through_it(self):
        admin = self.token('a', 'admin')
        read = self.token('r', 'read')
        self.jobs()
        service = self.serve('jobs.json')
        self.check_all([])
        where = ['--server', self.url]
        self.environment['HILLSTAR_TOKEN'] = admin
        listed = self.hill(*where, '-o', 'json', 'stream', 'ls').json
        self.assertEqual(listed, self.hill('-o', 'json', 'stream', 'ls').json)
        self.flow({'b': script('echo more')}, name='more.json', id='more', entry_points=[{'id': 'x'}])
        self.hill(*where, 'stream', 'declare', 'more.json')
        run = self.hill(*where, 'stream', 'trigger', 'more/x', '--wait').out.split()[0]
        self.assertEqual(self.status(run)['status'], 'completed')
        self.hill(*where, 'stream', 'hold', 'more/x')
        waiting = self.hill(*where, 'stream', 'trigger', 'more/x')
        self.assertIn('waits its turn', waiting.err)
        self.assertEqual(self.traces_of(waiting.out.split()[0]), [])
        self.hill(*where, 'stream', 'release', 'more/x')
        self.hill('wait', waiting.out.split()[0])
        self.until(lambda: self.traces_of(waiting.out.split()[0]), 'the files of the run whose turn has come')
        self.hill(*where, 'stream', 'rm', 'more/x')
        self.environment['HILLSTAR_TOKEN'] = read
        self.assertIn('HS805', self.hill(*where, 'stream', 'hold', 'jobs/in', code=6).err)
        self.assertIn('jobs/in', self.hill(*where, 'stream', 'ls').out)
        del self.environment['HILLSTAR_TOKEN']
        service.send(15).end(0)
        self.hill('verify')

    def test_a_quota_holds_over_restarts(self):
        admin = self.token('a', 'admin')
        self.jobs(max_queued=0, quota={'runs_per_hour': 2, 'stored_bytes': 1000000000})
        for start in range(2):
            service = self.serve('jobs.json')
            if start == 0:
                for _ in range(2):
                    self.hill('stream', 'trigger', 'jobs/in', '--wait')
            refused = self.hill('stream', 'trigger', 'jobs/in', code=10)
            self.assertIn('HS807', refused.err)
            self.assertIn('runs_per_hour', refused.err)
            over = self.ask('/v1/streams/jobs/in/trigger', 'POST', admin, b'{}', Content_Type='application/json')
            self.assertEqual(over.status, 429)
            self.assertGreater(int(over.fields['retry-after']), 3000)
            shown = self.shown()
            self.assertEqual(shown['quota_used']['runs_per_hour'], 2)
            self.assertGreater(shown['quota_used']['stored_bytes'], 1000)
            self.assertEqual([refusal['trigger'] for refusal in shown['refusals']], ['manual', 'api'])
            text = self.hill('stream', 'show', 'jobs/in').out
            self.assertIn('runs_per_hour: 2 of 2', text)
            self.assertIn('0 queued', text)
            self.assertIn('outcome="refused"} 2', self.ask('/metrics', token=admin).body.decode())
            service.send(15).end(0)

    def test_a_timer_beyond_its_quota_is_skipped_and_says_why(self):
        self.flow({'a': script('echo tick')}, name='tick.json', id='tick', entry_points=[
            {'id': 't', 'timer': {'every': 0.2}, 'quota': {'runs_per_hour': 1}}])
        self.serve('tick.json')
        fired = lambda: [event['data'] for event in self.hill('-o', 'jsonl', 'export', 'tick/t', '--jsonl').out.splitlines()
                         for event in [json.loads(event)['event']] if event['type'] == 'timer_fired']
        self.until(lambda: len(fired()) >= 3, 'three firings')
        facts = fired()
        self.assertEqual(sum('run' in fact and fact['run'] is not None for fact in facts), 1, facts)
        self.assertTrue(all('runs_per_hour' in fact['skipped'] for fact in facts if fact.get('skipped')), facts)
        self.assertEqual(len(self.runs()), 1)

    def test_no_queue_at_all(self):
        self.jobs(line=WAIT, max_concurrent=1, max_queued=0)
        self.addCleanup(self.write, 'go', '')
        self.serve('jobs.json')
        self.hill('stream', 'trigger', 'jobs/in')
        self.assertIn('HS800', self.hill('stream', 'trigger', 'jobs/in', code=5).err)

    def test_a_chain_that_ends_is_seen(self):
        read = self.token('r', 'read')
        self.flow({'a': script('echo again')}, name='loop.json', id='loop', entry_points=[
            {'id': 'e', 'event': {'types': ['run_completed'], 'workflow': 'loop', 'depth': 2}}])
        self.serve('loop.json')
        self.hill('run', 'loop.json')
        self.until(lambda: self.shown('loop/e')['chains_ended'] == 1, 'the chain to end')
        self.assertEqual(len(self.runs()), 3)
        self.assertIn('1 chains ended', self.hill('stream', 'show', 'loop/e').out)
        self.assertIn('outcome="chain_ended"} 1', self.ask('/metrics', token=read).body.decode())

    def test_what_a_service_would_drop_is_refused(self):
        self.environment['HILLSTAR_TOKEN'] = self.token('a', 'admin')
        self.flow({'a': script('echo one')})
        self.serve()
        where = ['--server', self.url]
        for extra in (['out'], ['--allow-path', '/tmp'], ['--max-concurrency', '2'], ['--env-file', 'x'], ['--ephemeral']):
            refused = self.hill(*where, 'run', 'flow.json', *extra, code=2)
            self.assertIn('HS700', refused.err)
        done = self.hill(*where, '-o', 'json', 'run', 'flow.json', '--label', 'team=x', '--correlation', 'c1',
                         '--timeout', '1h').json
        row = self.hill('-o', 'json', 'ls', '--label', 'team=x', '--correlation', 'c1').json
        self.assertEqual([one['run'] for one in row], [done['run']])


if __name__ == '__main__':
    raise SystemExit(harness.main())

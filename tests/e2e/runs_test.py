#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a run does and what can be done with one: conditions, loops, maps, retries, approvals, forks, checkpoints.

Usage: runs_test.py --binary PROGRAM
"""
import glob
import json
import os
import signal
import sys

from harness import EndToEnd, main, script


class Rules(EndToEnd):
    def test_conditions_skip(self):
        self.flow({'a': script('echo OK'), 'b': script('echo b', when={'node': 'a', 'contains': 'ok'}),
                   'c': script('echo c', skip_if={'node': 'a', 'contains': 'ok'}),
                   'd': script('cat -', '[{{ b.output }}{{ c.output }}]'),
                   'e': script('touch ran', when={'input': 'mode', 'equals': 'fast'})},
                  inputs={'mode': {'type': 'string', 'default': 'slow'}})
        self.assertIn('[b\n]', self.hill('run', 'flow.json').out)
        self.assertEqual([self.node(name)['status'] for name in 'abcde'],
                         ['completed', 'completed', 'skipped', 'completed', 'skipped'])
        self.hill('run', 'flow.json', '-p', 'mode=fast')
        self.assertTrue(os.path.exists(self.path('ran')))

    def test_what_a_failure_means(self):
        for rule, code, after, other in (('fail', 1, 'not_run', 'not_run'), ('continue', 0, 'completed', 'completed'),
                                         ('skip_dependents', 0, 'skipped', 'completed')):
            with self.subTest(rule):
                self.flow({'a': script('echo left; exit 3', on_error=rule), 'b': script('cat -', '{{ a.output }}'),
                           'z': script('for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done'),
                           'y': script('true', '{{ z.output }}')}, max_concurrency=2)
                run = self.start('run', 'flow.json', '-o', 'jsonl').wait_for('"node_failed"', 0)
                self.write('go', '')
                run.end(code)
                os.remove(self.path('go'))
                self.assertEqual([self.node(name)['status'] for name in 'abzy'], ['failed', after, 'completed', other])
                self.assertEqual(self.status()['nodes_failed'], 1)
                self.holds()
        self.flow({'a': script('exit 3', on_error='continue'),
                   'clean': script('echo cleaned', when={'node': 'a', 'status': 'failed'})})
        self.assertEqual(self.hill('run', 'flow.json').out, 'cleaned\n')

    def test_retries_are_counted(self):
        self.flow({'a': script('echo x >> tries; [ $HILLSTAR_ATTEMPT = 3 ]',
                               retry={'attempts': 4, 'backoff': 0.02, 'jitter': False})})
        done = self.hill('run', 'flow.json')
        self.assertIn('attempt 2 failed, again in', done.err)
        self.assertEqual(self.read('tries'), 'x\nx\nx\n')
        self.assertEqual(len(self.events(kind='node_attempt_failed')), 2)
        self.assertEqual(self.node('a')['attempt'], 3)
        self.flow({'a': script('echo y >> tries; exit 1', retry={'attempts': 2, 'backoff': 0.02})})
        self.hill('run', 'flow.json', code=1)
        self.assertEqual(self.read('tries').count('y'), 2)
        self.flow({'a': script('echo z >> tries; exit 1', retry={'attempts': 5, 'backoff': 0, 'on': ['timeout']})})
        self.hill('run', 'flow.json', code=1)
        self.assertEqual(self.read('tries').count('z'), 1)

    def test_loops(self):
        self.flow({'draft': script('cat -; echo x >> tries', '{{ prev.review.output }}+'),
                   'review': script('tee seen; [ $(wc -l < tries) -lt 3 ] || echo APPROVED', '{{ draft.output }}'),
                   'after': script('cat -', '{{ draft.output }}')},
                  loops=[{'id': 'w', 'body': ['draft', 'review'], 'max_attempts': 5,
                          'until': {'node': 'review', 'contains': 'approved'}, 'on_exhausted': 'fail'}])
        self.assertEqual(self.hill('run', 'flow.json').out, '+++\n')
        self.assertEqual(self.read('tries').count('x'), 3)
        self.flow({'a': script('echo no')}, loops=[{'id': 'w', 'body': ['a'], 'max_attempts': 2, 'on_exhausted': 'fail',
                                                    'until': {'node': 'a', 'contains': 'yes'}}])
        self.assertIn('loop w used up its 2 attempts', self.hill('run', 'flow.json', code=1).err)

    def test_maps(self):
        work = script('cat -; [ "$(cat -)" != x ] && case $HILLSTAR_NODE_ID in *[13]*) exit 1;; esac', '{{ item }}')
        self.flow({'list': script('printf "a\\nb\\n\\nc\\nd\\n"'),
                   'each': {**work, 'for_each': '{{ list.output }}', 'parallel': 2, 'min_success': 2},
                   'sum': script('cat -', '{{ each.output }} {{ each.failed }} of {{ each.count }}')})
        self.assertEqual(self.hill('run', 'flow.json').out, '["a",null,"c",null] 2 of 4\n')
        self.flow({'each': {**work, 'for_each': ['a', 'b', 'c', 'd'], 'min_success': 3}})
        self.hill('run', 'flow.json', code=1)
        self.flow({'each': {**work, 'for_each': []}, 'after': script('cat -', '{{ each.output }}')})
        self.assertEqual(self.hill('run', 'flow.json').out, '[]\n')
        self.holds()

    def test_timeouts_and_retries_together(self):
        self.flow({'a': script('[ $HILLSTAR_ATTEMPT = 2 ] || sleep 60', timeout=3,
                               retry={'attempts': 2, 'backoff': 0})})
        self.hill('run', 'flow.json')
        self.assertEqual(self.events(kind='node_attempt_failed')[0]['data']['failure']['kind'], 'timeout')

    def test_one_at_a_time(self):
        node = script('echo $HILLSTAR_NODE_ID in >> log; sleep 0.05; echo $HILLSTAR_NODE_ID out >> log')
        self.flow({name: node for name in 'abcd'})
        self.hill('run', 'flow.json', '--max-concurrency', '1')
        words = self.read('log').split()
        self.assertEqual(words[1::2], ['in', 'out'] * 4)
        self.flow({name: {**node, 'singleClient': True, 'backend_id': 'lab'} for name in 'abcd'})
        os.unlink(self.path('log'))
        self.hill('run', 'flow.json')
        self.assertEqual(self.read('log').split()[1::2], ['in', 'out'] * 4)

    def test_ephemeral_runs_leave_no_store(self):
        self.flow({'a': script('echo hi')})
        self.assertEqual(self.hill('run', 'flow.json', '--ephemeral').out, 'hi\n')
        self.assertFalse(os.path.exists(self.path('.hillstar/store')))


class Approvals(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo a >> ran'), 'ship': script('echo shipped | tee -a ran', '{{ a.output }}')},
                  permissions={'ship': 'ask'})

    def test_asks_and_goes_on_when_approved(self):
        done = self.hill('run', 'flow.json', code=8)
        run = self.status()['run']
        self.assertIn(f'hillstar-actors approve {run} ship', done.err)
        self.assertEqual(self.status()['status'], 'waiting')
        self.hill('approve', run, 'a', code=5)
        self.hill('approve', run, 'none', code=4)
        self.hill('resume', run, code=8)
        done = self.hill('approve', run, 'ship', '--reason', 'looks fine')
        self.assertEqual(done.out, 'shipped\n')
        answer = self.events(run, 'approval_answered')[0]['data']
        self.assertEqual((answer['approved'], answer['reason']), (True, 'looks fine'))
        self.assertEqual(self.read('ran'), 'a\nshipped\n')
        self.hill('approve', run, 'ship', code=5)
        self.holds()

    def test_rejected_and_never(self):
        self.hill('run', 'flow.json', code=8)
        done = self.hill('reject', 'latest', 'ship', '--reason', 'not today', code=1)
        self.assertIn('not today', done.err)
        self.assertEqual(self.read('ran'), 'a\n')
        self.flow({'wipe': script('touch wiped')}, permissions={'wipe': 'never'})
        self.hill('run', 'flow.json', code=6)
        self.assertFalse(os.path.exists(self.path('wiped')))

    def test_a_waiting_run_can_be_cancelled(self):
        self.hill('run', 'flow.json', code=8)
        self.hill('cancel', 'latest', '--reason', 'old')
        self.assertEqual(self.status()['status'], 'cancelled')
        self.hill('cancel', 'latest', code=5)
        self.hill('approve', 'latest', 'ship', code=5)


class Again(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo a >> ran; echo A'), 'b': script('echo b >> ran; cat -', '{{ a.output }}b'),
                   'c': script('echo c >> ran; cat -; [ ! -e broken ]', '{{ b.output }}c')},
                  state={'checkpoints': ['b']})

    def test_fork_runs_the_rest_again(self):
        self.hill('run', 'flow.json')
        first = self.status()['run']
        done = self.hill('fork', first, '--from', 'c', '--set', 'b.output=edited')
        self.assertEqual(done.out, 'editedc\n')
        self.assertEqual(self.read('ran'), 'a\nb\nc\nc\n')
        self.assertEqual(self.status()['parent']['run'], first)
        inherited = {event['data']['node']: event['data'].get('edited', False)
                     for event in self.events(kind='node_inherited')}
        self.assertEqual(inherited, {'a': False, 'b': True})
        self.assertEqual(self.hill('fork', first, '--from', 'b').out, 'A\nbc\n')
        self.assertEqual(self.read('ran'), 'a\nb\nc\nc\nb\nc\n')
        self.hill('fork', first, '--from', '1')
        self.assertEqual(self.read('ran').split()[-3:], ['a', 'b', 'c'])
        self.hill('replay', '--all')
        self.hill('verify')

    def test_forks_that_cannot_be(self):
        self.hill('run', 'flow.json')
        self.hill('fork', 'latest', '--from', 'nope', code=4)
        self.hill('fork', 'latest', '--from', '999', code=2)
        self.hill('fork', 'latest', '--from', 'c', '--set', 'nope.output=x', code=4)
        self.hill('fork', 'latest', '--from', 'c', '--set', 'b', code=2)
        self.hill('fork', 'latest', '--from', 'b', '--set', 'c.output=x', code=None)
        self.hill('fork', 'latest', code=2)
        self.hill('fork', 'nope', '--from', 'c', code=4)

    def test_a_failed_run_is_resumed_as_a_new_one(self):
        self.write('broken', '')
        self.hill('run', 'flow.json', code=1)
        first = self.status()['run']
        os.unlink(self.path('broken'))
        done = self.hill('resume')
        self.assertIn('2 of 3 results are taken over', done.err)
        self.assertEqual(self.read('ran'), 'a\nb\nc\nc\n')
        self.assertEqual(self.status()['parent']['run'], first)
        self.assertEqual(self.status(first)['status'], 'failed', 'a run that ended is never changed')
        self.assertIn('has completed already', self.hill('resume').err)
        self.holds()

    def test_resume_from_a_checkpoint(self):
        self.hill('run', 'flow.json')
        done = self.hill('run', 'flow.json', '--resume-from', 'b')
        self.assertEqual(done.out, 'A\nbc\n')
        self.assertEqual(self.read('ran'), 'a\nb\nc\nc\n')
        self.hill('export', 'latest')
        first = self.runs()[-1]['run']
        self.hill('export', first, '--dir', 'files')
        file, = glob.glob(self.path('files/checkpoints/checkpoint_b_*.json'))
        self.hill('run', 'flow.json', '--resume-from', file)
        self.assertEqual(self.read('ran'), 'a\nb\nc\nc\nc\n')
        self.hill('run', 'flow.json', '--store', 'another', '--resume-from', file)
        done = self.hill('run', 'flow.json', '--resume-from', 'c', code=4)
        self.assertIn('Checkpoint not found: c', done.err)
        self.hill('run', 'flow.json', '--resume-from', 'none.json', code=4)

    def test_checkpoints_that_do_not_fit(self):
        self.hill('run', 'flow.json')
        self.hill('export', 'latest', '--dir', 'files')
        file, = glob.glob(self.path('files/checkpoints/checkpoint_b_*.json'))
        checkpoint = json.loads(self.read(file))
        runs = len(self.runs())
        checkpoint['state']['workflow_id'] = 'another'
        for name, text in (('foreign', json.dumps(checkpoint)), ('broken', '{"state":'), ('empty', '{}'),
                           ('list', '[]')):
            with self.subTest(name):
                self.write(name, text)
                done = self.hill('run', 'flow.json', '--resume-from', name, code=None)
                self.assertIn(done.code, (2, 3, 5), done)
                self.assertIn(name, done.err)
        self.assertEqual(len(self.runs()), runs)

    def test_a_lost_attempt_that_must_not_be_repeated(self):
        self.flow({'a': script('echo pay >> ran; [ -e second ] || { touch second; sleep 60; }',
                               effect='once'),
                   'b': script('echo b', '{{ a.output }}')})
        started = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('second')), 'the script to have begun')
        started.send(signal.SIGKILL).end(-signal.SIGKILL)
        done = self.hill('resume', code=8)
        run = self.status()['run']
        self.assertIn(f"hillstar-actors resume {run} --settle 'a=run-again'", done.err)
        self.assertEqual(self.read('ran'), 'pay\n')
        self.hill('resume', '--settle', 'a=maybe', code=2)
        self.hill('resume', '--settle', 'b=failed', code=5)
        self.assertEqual(self.hill('resume', '--settle', 'a=run-again', '--reason', 'checked').out, 'b\n')
        self.assertEqual(self.read('ran'), 'pay\npay\n')
        self.holds()


if __name__ == '__main__':
    sys.exit(main())

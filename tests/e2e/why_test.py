#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""why: what it says about real runs, that its commands can be taken as they are, and what it says to bad input.

Usage: why_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import os
import shlex
import signal
import subprocess
import sys

from harness import EndToEnd, main, script, settings

BROKEN = {'retry': {'attempts': 2, 'backoff': 0.01}}


class Why(EndToEnd):
    def why(self, *arguments):
        """The answer as JSON, after a look at the same as text."""
        answer = self.hill('why', *arguments, '-o', 'json').json
        text = self.hill('why', *arguments).out
        self.assertLessEqual(len(text.splitlines()), 40, text)
        for command in answer['next']:
            self.assertIn(command['command'], text)
        answer['all'] = '\n'.join(reason['text'] for reason in answer['reasons'])
        answer['kinds'] = [reason['kind'] for reason in answer['reasons']]
        answer['remedies'] = {command['remedy']: command['command'] for command in answer['next']}
        return answer

    def take(self, command, code=0):
        """Runs a command as it was offered."""
        program, *arguments = shlex.split(command)
        self.assertEqual(program, 'hillstar-actors')
        return self.hill(*arguments, code=code)

    def serve(self):
        server = subprocess.Popen([settings.server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        return 'http://127.0.0.1:' + server.stdout.readline().strip()

    def providers(self, **addresses):
        prices = {'pricing': {'input_per_1m_usd': 1000, 'output_per_1m_usd': 2000}}
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {
            name: {'type': 'local', 'adapter': 'openai_compatible', 'endpoint': address, 'models': {'tiny': prices}}
            for name, address in addresses.items()}}))

    def test_a_run_that_waits_for_approval(self):
        self.flow({'a': script('true'), 'ship it': script('echo shipped'), 'b': script('true'), 'last': script('true')},
                  [('a', 'ship it'), ('ship it', 'b'), ('b', 'last')], permissions={'ship it': 'ask'})
        self.hill('run', 'flow.json', code=8)
        answer = self.why()
        self.assertEqual((answer['status'], answer['kinds'][:2]), ('waiting', ['waiting', 'held']))
        self.assertIn('permissions.ship it of the workflow says ask', answer['all'])
        self.assertIn('0 of 1 approval given', answer['all'])
        last = self.why('latest', 'last')
        self.assertEqual((last['status'], last['kinds'][:3]), ('waiting', ['waiting', 'blocker', 'held']))
        self.assertIn("by way of 'b'", last['all'])
        self.assertEqual(last['remedies'], answer['remedies'])
        self.take(last['remedies']['approve'])
        done = self.why()
        self.assertEqual((done['status'], done['kinds']), ('completed', ['completed']))
        self.take(done['remedies']['result'])
        ran = self.why('latest', 'ship it')
        self.assertIn('approved it', ran['all'])
        self.take(ran['remedies']['result'])

    def test_skips_and_the_failure_behind_them(self):
        self.flow({'a': script('echo verdict: bad'), 'pick': script('true', when={'node': 'a', 'contains': 'good'}),
                   'flaky': script('echo nope >&2; exit 3', on_error='skip_dependents', **BROKEN),
                   'after': script('true'), 'later': script('true')},
                  [('a', 'pick'), ('flaky', 'after'), ('after', 'later')])
        self.hill('run', 'flow.json')
        pick = self.why('latest', 'pick')
        self.assertEqual(pick['kinds'], ['condition', 'question'])
        self.assertIn('contains "good"? no; it is "verdict: bad"', pick['all'])
        later = self.why('latest', 'later')
        self.assertEqual(later['kinds'][:3], ['dependency', 'dependency', 'failed'])
        self.assertEqual([reason['depth'] for reason in later['reasons'][:3]], [0, 1, 2])
        self.assertIn('nope', later['all'])
        self.assertIn('all 2 of its retry policy are used up', later['all'])
        whole = self.why()
        self.assertEqual(whole['status'], 'completed')
        self.assertIn("3 nodes skipped: 'pick', 'after', 'later'", whole['all'])
        self.take(whole['remedies']['why'])

    def test_a_run_that_failed_after_retries(self):
        self.flow({'a': script('[ -e mended ] || { echo no >&2; exit 7; }', **BROKEN), 'b': script('echo b')},
                  [('a', 'b')])
        self.hill('run', 'flow.json', code=1)
        answer = self.why()
        self.assertEqual(answer['kinds'][:4], ['failed', 'failed', 'node_attempt_failed', 'node_attempt_failed'])
        self.assertEqual(answer['reasons'][1]['node'], 'a')
        events = {event['seq']: event['type'] for event in self.events()}
        for reason in answer['reasons']:
            self.assertIn(reason.get('seq', 1), events)
        self.assertEqual(events[answer['reasons'][1]['seq']], 'node_failed')
        self.assertIn("'b' was never started: the run ended first", self.why('latest', 'b')['all'])
        self.take(answer['remedies']['log'])
        self.write('mended', '')
        self.take(answer['remedies']['new_run'])
        self.take(answer['remedies']['run_again_from'])
        self.assertIn('completed', self.why('latest')['status'])

    def test_a_taken_over_result(self):
        self.flow({'a': script('echo a'), 'b': script('echo b')}, [('a', 'b')])
        self.hill('run', 'flow.json')
        first = self.status()['run']
        self.hill('fork', 'latest', '--from', 'b')
        self.assertIn(f"'a' did not run: its result was taken over from run {first}", self.why('latest', 'a')['all'])

    def test_refused(self):
        self.flow({'wipe': script('true')}, permissions={'wipe': 'never'})
        self.hill('run', 'flow.json', code=None)
        self.assertIn('permissions.wipe of the workflow says never; its author may change that', self.why()['all'])

    def test_lost_and_settled(self):
        self.flow({'a': script('[ -e second ] || { touch second; sleep 60; }', effect='once')})
        started = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('second')), 'the script to have begun')
        alive = self.why('latest', 'a')
        self.assertEqual((alive['kinds'], alive['host_process']), (['running'], started.process.pid))
        self.assertIn('attempt 1 since 20', alive['all'])
        self.assertIn('--follow', self.why()['remedies']['resume'])
        started.send(signal.SIGKILL).end(-signal.SIGKILL)
        dead = self.hill('why').out
        self.assertIn('No process has the store open', dead)
        self.take(self.why()['remedies']['resume'], code=8)
        answer = self.why()
        self.assertEqual(answer['kinds'], ['paused', 'lost'])
        self.assertEqual(set(answer['remedies']), {'settle_run_again', 'settle_failed'})
        self.take(answer['remedies']['settle_run_again'])
        again = self.why('latest', 'a')
        self.assertEqual(again['kinds'], ['completed', 'node_attempt_lost', 'node_resolved'])

    def test_paused_by_hand(self):
        self.flow({'a': script('touch begun; [ -e go ] || sleep 60'), 'b': script('true')}, [('a', 'b')])
        started = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('begun')), 'the script to have begun')
        started.handles(signal.SIGINT).send(signal.SIGINT).end(130)
        answer = self.why()
        self.assertEqual((answer['status'], answer['kinds'][0]), ('paused', 'paused'))
        self.assertIn('what ran was stopped', answer['all'])
        self.assertIn('the run is paused', self.why('latest', 'b')['all'])
        self.write('go', '')
        self.take(answer['remedies']['resume'])
        self.assertIn('Attempt 1 was stopped', self.why('latest', 'a')['all'])

    def test_a_budget(self):
        self.providers(lab=self.serve())
        node = {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'one', 'parameters': {'max_tokens': 50}}
        self.flow({'a': node}, model_config={'budget': {'max_workflow_usd': 0.1, 'on_exhausted': 'pause'}})
        self.hill('run', 'flow.json', code=8)
        answer = self.why()
        self.assertEqual(answer['kinds'][:2], ['paused', 'budget'])
        self.assertIn('may cost 0.632 USD', answer['all'])
        self.assertIn('--budget 0.632', answer['remedies']['raise_budget'])
        self.take(answer['remedies']['raise_budget'])
        self.assertEqual(self.why()['status'], 'completed')

    def test_another_place(self):
        self.providers(lab='http://127.0.0.1:9', other=self.serve())
        self.flow({'a': {'tool': 'model_call', 'model': 'tiny', 'input': 'one', 'retry': {'attempts': 2, 'backoff': 0}}},
                  model_config={'mode': 'auto', 'provider_preference': ['lab', 'other']})
        self.hill('run', 'flow.json')
        answer = self.why('latest', 'a')
        self.assertEqual(answer['kinds'], ['completed', 'node_attempt_failed', 'node_attempt_failed'])
        self.assertIn('(retry)', answer['reasons'][1]['text'])
        self.assertIn('the next attempt went to other (fallback)', answer['reasons'][2]['text'])

    def test_data_that_only_others_may_release(self):
        self.write('.config/hillstar/policy.json', json.dumps(
            {'data': {'clearance': {'near': 'public'}, 'approvers': ['nobody-of-this-name']}}))
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'm', 'input': '{{ inputs.patients }}',
                           'release': 'ask'}},
                  inputs={'patients': {'data': 'restricted', 'default': 'p1'}},
                  model_config={'custom_providers': {'lab': {'endpoint': self.serve(), 'type': 'custom',
                                                             'model_name': 'm'}}})
        self.hill('run', 'flow.json', code=8)
        answer = self.why()
        self.assertIn("data of class 'restricted' would go to provider 'lab'", answer['all'])
        self.assertIn('inputs.patients -> ask', answer['all'])
        self.assertIn('May answer (data.approvers of the policy): nobody-of-this-name', answer['all'])
        self.assertEqual(answer['remedies'], {})

    def test_a_wait_before_another_attempt(self):
        self.flow({'a': script('touch begun; exit 3', retry={'attempts': 3, 'backoff': 50, 'cap': 50, 'jitter': False}),
                   'b': script('true')}, [('a', 'b')])
        self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('begun')), 'the script to have begun')
        self.until(lambda: self.events(kind='node_attempt_failed'), 'the first attempt to fail')
        answer = self.why('latest', 'b')
        self.assertEqual(answer['kinds'], ['waiting', 'retrying', 'node_attempt_failed'])
        self.assertIn('1 of 3 attempts of its retry policy used', answer['all'])

    def test_items_of_a_map(self):
        self.flow({'each': script('[ $(cat) != 2 ] || exit 4', '{{ item }}', for_each=[1, 2, 3])})
        self.hill('run', 'flow.json', code=1)
        self.assertIn("'each[1]' failed after 1 attempt: exit_code", self.why()['all'])
        self.assertEqual(self.why('latest', 'each[1]')['item'], 1)
        self.assertEqual(self.why('latest', 'each[0]')['status'], 'completed')
        self.flow({'one': script('exit 4', for_each=[1, 2, 3, 4, 5, 6]), 'two': script('exit 5')},
                  model_config={'max_concurrency': 1})
        self.hill('run', 'flow.json', code=1)
        last = self.why('latest', 'one[5]')
        self.assertEqual((last['status'], last['kinds'][0]), ('not_run', 'not_run'))
        self.flow({'each': script('true', for_each=[1, 2, 3])})
        self.hill('run', 'flow.json')
        for bad in ('each[3]', 'each[]', 'each[-1]', 'each[x]', 'each]', '[0]'):
            self.assertIn('HS701', self.hill('why', 'latest', bad, code=4).err)

    def test_bad_input(self):
        self.hill('why', code=4)
        self.flow({'a': script("printf 'x\\033[2Jy' >&2; exit 1")})
        self.hill('run', 'flow.json', code=1)
        self.assertIn('No run', self.hill('why', '01ZZZZ', code=4).err)
        done = self.hill('why', 'latest', 'nope', code=4)
        self.assertIn("The run has no node 'nope'. Nodes are a.", done.err)
        self.assertIn('it is no map', self.hill('why', 'latest', 'a[0]', code=4).err)
        self.hill('why', 'latest', 'a', 'more', code=2)
        self.assertNotIn('\x1b', self.hill('why').out)


if __name__ == '__main__':
    sys.exit(main())

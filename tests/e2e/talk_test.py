#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs that ask people and wait for signals: from any terminal, early and late, across deaths of the program.

Usage: talk_test.py --binary PROGRAM
"""
import os
import signal
import sys

from harness import EndToEnd, main, script

WAIT = 'echo here >> ran; for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done; exit 1'
SIZE = {'type': 'object', 'properties': {'w': {'type': 'integer'}, 'h': {'type': 'integer'}}, 'required': ['w']}


def ask(prompt='Which one?', **parameters):
    return {'tool': 'input', 'parameters': {'prompt': prompt, **parameters}}


def listen(name='go', **parameters):
    return {'tool': 'signal', 'parameters': {'name': name, **parameters}}


class Talk(EndToEnd):
    def asking(self, **parameters):
        self.flow({'before': script('echo made'), 'ask': ask('Which one of them?', **parameters),
                   'after': script('cat', 'told {{ ask.output }}')}, [('before', 'ask')])
        return self.hill('run', 'flow.json', code=8)

    def test_a_question_is_held_and_an_answer_goes_on(self):
        done = self.asking()
        self.assertIn('Which one of them?', done.err)
        self.assertIn('hillstar-actors input', done.err)
        self.assertEqual(self.status()['status'], 'waiting')
        self.assertEqual(self.node('ask')['status'], 'asking')
        self.assertIn('Which one of them?', self.hill('show').out)
        self.assertIn('Which one of them?', self.hill('why').out)
        self.assertEqual(self.hill('input', 'latest').out, 'ask  Which one of them?\n')
        asked = self.hill('input', 'latest', '-o', 'json').json['waits']
        self.assertEqual([(one['kind'], one['request'], one['node']) for one in asked], [('input', 'ask', 'ask')])
        waited = self.hill('wait', 'latest', '-o', 'json', code=8).json
        self.assertEqual(waited[0]['waits'][0]['prompt'], 'Which one of them?')
        self.assertEqual(self.hill('input', 'latest', 'ask', '--text', 'the blue').out, 'told the blue\n')
        self.assertEqual(len(self.attempts('ask')), 0)
        self.assertEqual(self.hill('result', 'latest', 'ask').out, 'the blue\n')
        self.holds()

    def test_an_answer_that_does_not_fit_is_refused_with_every_place(self):
        self.asking(schema=SIZE, request='size')
        refused = self.hill('input', 'latest', 'size', '{"h":"tall","w":"wide"}', code=3).err
        self.assertIn('/h', refused)
        self.assertIn('/w', refused)
        self.assertIn('HS113', refused)
        self.assertIn("'size'", self.hill('input', 'latest', 'ask', '1', code=5).err)
        self.assertIn('no JSON', self.hill('input', 'latest', 'size', '{w:1}', code=3).err)
        self.hill('input', 'latest', 'size', code=2)
        self.hill('input', 'latest', 'size', '"' + 'x' * 70000 + '"', code=2)
        self.assertEqual(self.hill('input', 'latest', 'size', '-', stdin=b'{"w": 3}').out, 'told {"w":3}\n')
        self.hill('input', 'latest', 'size', '{"w":4}', code=5)
        self.assertEqual(len(self.events(kind='input_provided')), 1)

    def test_an_answer_before_the_question_and_a_second_one(self):
        self.flow({'wait': script(WAIT), 'ask': ask(), 'after': script('cat', '{{ ask.output }}')}, [('wait', 'ask')])
        running = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        self.assertIn('answered ask', self.hill('input', 'latest', 'ask', '"first"').err)
        self.assertIn('already', self.hill('input', 'latest', 'ask', '"second"').err)
        told = self.hill('input', 'latest', 'ask', '"third"', '-o', 'json').json
        self.assertEqual((told['request'], told['accepted']), ('ask', False))
        self.write('go', '')
        self.assertEqual(running.end(0).out, 'first\n')
        self.holds()

    def test_nothing_is_lost_when_the_program_is_killed_after_an_answer(self):
        self.flow({'ask': ask(), 'signal': listen(), 'wait': script(WAIT, '{{ ask.output }} {{ signal.output }}'),
                   'after': script('cat', '{{ ask.output }} and {{ signal.output }}{{ wait.output }}')})
        self.hill('run', 'flow.json', code=8)
        self.hill('signal', 'latest', 'go', '{"n":1}', '--key', 'a', code=8)
        answering = self.start('input', 'latest', 'ask', '"kept"')
        answering.wait_for('answered ask')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        answering.send(signal.SIGKILL).end(-9)
        self.write('go', '')
        self.assertIn('already', self.hill('input', 'latest', 'ask', '"other"').err)
        self.until(lambda: self.status()['status'] != 'running' or self.hill('resume', 'latest', code=None).code == 0,
                   'the run to end')
        self.assertEqual(self.hill('result', 'latest', '--wait').out, 'kept and {"n":1}\n')
        self.assertEqual(len(self.events(kind='input_provided')), 1)
        self.assertEqual(len(self.events(kind='signal_received')), 1)
        self.assertEqual(len(self.events(kind='run_completed')), 1)
        self.holds()

    def test_signals_in_order_early_and_once_for_each_key(self):
        self.flow({'wait': script(WAIT), 'one': listen(), 'two': listen(),
                   'after': script('cat', '{{ one.output }} {{ two.output }}')}, [('wait', 'one'), ('one', 'two')])
        running = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        self.assertIn('signal go given', self.hill('signal', 'latest', 'go', '"x"', '--key', '1').err)
        self.assertIn('already', self.hill('signal', 'latest', 'go', '"y"', '--key', '1').err)
        self.assertTrue(self.hill('signal', 'latest', 'go', '-', '-o', 'json', stdin=b'"z"').json['accepted'])
        self.assertIn("'go'", self.hill('signal', 'latest', 'gone', code=5).err)
        self.write('go', '')
        self.assertEqual(running.end(0).out, 'x z\n')
        self.hill('signal', 'latest', 'go', code=5)
        self.holds()

    def test_a_question_has_its_time(self):
        self.flow({'ask': ask(timeout=3)})
        self.hill('run', 'flow.json', code=8)
        self.assertIsNotNone(self.status()['due'])
        self.until(lambda: self.hill('resume', 'latest', code=None).code == 124, 'the time to be over')
        self.assertEqual(self.status()['status'], 'failed')
        self.assertEqual(self.events(kind='node_failed')[0]['data']['failure']['kind'], 'timeout')
        self.holds()

    def test_a_node_has_its_whole_time(self):
        slow = script('sleep 60', timeout={'schedule_to_close': 0.3}, retry=5, on_error='continue')
        again = script('exit 1', timeout={'schedule_to_close': 0.3}, on_error='continue',
                       retry={'attempts': 1000, 'backoff': 0.05, 'jitter': False, 'factor': 1})
        self.flow({'slow': slow, 'again': again, 'after': script('echo done')}, [('slow', 'after'), ('again', 'after')])
        self.assertEqual(self.hill('run', 'flow.json').out, 'done\n')
        failed = {event['data']['node']: event['data']['failure']['kind'] for event in self.events(kind='node_failed')}
        self.assertEqual(failed, {'slow': 'timeout', 'again': 'timeout'})
        self.holds()

    def test_a_run_has_its_time_labels_and_a_correlation(self):
        self.flow({'slow': script('sleep 60')})
        started = self.hill('run', 'flow.json', '--timeout', '500ms', '--label', 'team=blue', '--label', 'tier=1',
                            '--correlation', 'order-7', code=124)
        self.assertIn('time', started.err)
        shown = self.status()
        self.assertEqual((shown['status'], shown['labels'], shown['correlation']),
                         ('timed_out', {'team': 'blue', 'tier': '1'}, 'order-7'))
        for wrong in ('soon', '2w', '90'):
            self.hill('run', 'flow.json', '--timeout', wrong, code=2)
        self.hill('run', 'flow.json', '--label', 'none', code=2)

    def test_a_loop_that_ended_unmet_leaves_a_mark(self):
        self.flow({'try': script('echo no')}, loops=[
            {'id': 'l', 'body': ['try'], 'max_attempts': 2, 'until': {'node': 'try', 'equals': 'yes'}}])
        done = self.hill('run', 'flow.json')
        self.assertIn('Cut short', done.err)
        self.assertEqual((self.status()['status'], self.status()['truncated']), ('completed', 1))
        self.assertIn('Cut short', self.hill('show').out)

    def test_items_of_a_map_are_asked_one_by_one(self):
        self.flow({'ask': {**ask('Is it good?'), 'for_each': ['a', 'b']},
                   'after': script('cat', '{{ ask.output }}')})
        self.hill('run', 'flow.json', code=8)
        self.assertEqual([one['request'] for one in self.hill('input', 'latest', '-o', 'json').json['waits']],
                         ['ask[0]', 'ask[1]'])
        self.hill('input', 'latest', 'ask[1]', 'true', code=8)
        self.assertEqual(self.hill('input', 'latest', 'ask[0]', 'false').out, '[false,true]\n')
        self.holds()

    def test_mistakes_of_the_author(self):
        def errors(node):
            self.flow({'a': node})
            return self.hill('validate', 'flow.json', code=3).err
        self.assertIn('prompt', errors({'tool': 'input'}))
        self.assertIn('/parameters/schema', errors(ask(schema={'type': 'nonsense'})))
        self.assertIn('/parameters/schema', errors(ask(schema='string')))
        self.assertIn('request', errors(ask(request='a b')))
        self.assertIn('twice', errors({**ask(timeout=5), 'timeout': 6}))
        self.assertIn('name', errors(listen(name='a[1]')))
        self.flow({'a': ask(request='b'), 'b': ask()})
        self.assertIn('asks under this name', self.hill('validate', 'flow.json', code=3).err)


if __name__ == '__main__':
    sys.exit(main())

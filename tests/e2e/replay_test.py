#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Model calls are recorded, and a run is replayed from what was recorded.

Usage: replay_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import os
import subprocess
import sys
import time

from harness import EndToEnd, main, script, settings
from models_test import ANSWER, STREAM_HEAD, Server, reply, stream

SECRET = 'sk-nobody-may-read-this-0123456789'


class Dripping(Server):
    """Streams a line again and again until somebody hangs up."""

    def answer(self, connection):
        super().answer(connection)
        while True:
            connection.sendall(stream('half\n', done=False))
            time.sleep(0.01)


class Recorded(EndToEnd):
    def serve(self, *replies, hold=False, kind=Server):
        self.server = kind(*replies, hold=hold)
        self.serves = True
        self.addCleanup(self.stop_serving)
        return {'custom_providers': {'lab': {'endpoint': self.server.address, 'type': 'custom'}}}

    def stop_serving(self):
        if self.serves:
            self.serves = False
            self.server.close()

    @staticmethod
    def call(prompt='a question', attempts=1, **more):
        return {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': prompt,
                'retry': {'attempts': attempts, 'backoff': 0.05, 'cap': 0.05}, **more}

    def kept(self, node, which, *more):
        return self.hill('show', 'latest', '--node', node, '--' + which, '-o', 'json', *more).json


class Calls(Recorded):
    def test_what_was_sent_and_what_came_back(self):
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.call(parameters={'system': 'be brief'})}, model_config=config)
        self.hill('run', 'flow.json')
        request = self.kept('ask', 'request')
        self.assertEqual(request['url'], self.server.address + '/v1/chat/completions')
        self.assertEqual(request['method'], 'POST')
        self.assertEqual(request['body'], self.server.requests[0])
        self.assertEqual(self.kept('ask', 'reply')['reply']['text'], 'an answer')
        shown = self.hill('show', 'latest', '--node', 'ask', '--request').out
        self.assertIn('POST ' + request['url'], shown)
        self.assertIn('"content": "a question"', shown)
        detail = self.events(kind='node_completed')[0]['data']['detail']
        self.assertEqual(len(detail['request_sha256']), 64)
        self.assertEqual(len(detail['reply_sha256']), 64)
        self.holds()
        self.write('run.jsonl', self.hill('export', '--jsonl').raw)
        self.hill('verify', 'run.jsonl')

    def test_a_failed_attempt_and_a_cut_stream_are_kept(self):
        config = self.serve(reply({'error': {'message': 'later'}}, '503 Service Unavailable'),
                            STREAM_HEAD + stream('half ', 'an ans', done=False), reply(ANSWER))
        self.flow({'ask': self.call(attempts=3)}, model_config=config)
        self.hill('run', 'flow.json')
        first = self.kept('ask', 'reply', '--attempt', '1')
        self.assertEqual((first['failure']['kind'], first['status']), ('overloaded', 503))
        self.assertEqual(self.kept('ask', 'reply', '--attempt', '2')['partial'], 'half an ans')
        self.assertEqual(self.kept('ask', 'reply')['reply']['text'], 'an answer')
        for attempt in '123':
            self.assertEqual(self.kept('ask', 'request', '--attempt', attempt)['body'], self.server.requests[0])

    def test_a_call_that_was_interrupted_keeps_what_it_had(self):
        config = self.serve(STREAM_HEAD, kind=Dripping, hold=True)
        self.flow({'ask': self.call()}, model_config=config)
        self.start('run', 'flow.json', '-v').wait_for('half').handles(2).send(2).end(130)
        kept = self.kept('ask', 'reply')
        self.assertTrue(kept['cancelled'])
        self.assertTrue(kept['partial'].startswith('half\n'), kept)

    def test_secrets_are_in_no_blob(self):
        answer = json.loads(json.dumps(ANSWER))
        answer['choices'][0]['message']['content'] = f'your key is {SECRET}'
        config = self.serve(reply(answer))
        config['custom_providers']['lab']['api_key_env'] = 'LAB_KEY'
        self.flow({'ask': self.call()}, model_config=config)
        self.hill('run', 'flow.json', env={'LAB_KEY': SECRET})
        for which in ('request', 'reply'):
            self.assertNotIn(SECRET, json.dumps(self.kept('ask', which)))
        self.assertIn('[REDACTED:known_secret]', self.kept('ask', 'reply')['reply']['text'])

    def test_what_cannot_be_shown(self):
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.call(), 'use': script('cat -', '{{ ask.output }}')}, model_config=config)
        self.hill('run', 'flow.json')
        self.assertIn('No recorded call', self.hill('show', '--node', 'use', '--reply', code=4).err)
        self.assertIn('attempt 7', self.hill('show', '--node', 'ask', '--reply', '--attempt', '7', code=4).err)
        self.hill('show', '--node', 'nobody', '--reply', code=4)
        for wrong in (['--request'], ['--node', 'ask', '--request', '--reply'], ['--attempt', '1']):
            self.hill('show', *wrong, code=2)


class Offline(Recorded):
    def run_everything(self):
        """A failed attempt, a map, scripts, an approval, a tolerated failure; its server is gone afterwards."""
        config = self.serve(reply({'error': {'message': 'later'}}, '503 Service Unavailable'), reply(ANSWER))
        self.flow({'ask': self.call(attempts=2),
                   'list': script(r"printf 'a\nb\nc\n'"),
                   'each': self.call('about {{ item }}', for_each='{{ list.output }}'),
                   'count': script('echo x >> ran; wc -l < ran', '{{ ask.output }}'),
                   'bad': script('exit 3', on_error='continue')},
                  [('ask', 'list'), ('list', 'each'), ('each', 'count'), ('count', 'bad')], model_config=config,
                  permissions={'count': 'ask'})
        self.hill('run', 'flow.json', code=8)
        self.hill('approve', 'latest', 'count')
        self.assertEqual(self.status()['status'], 'completed')
        self.stop_serving()

    def test_a_run_comes_about_again_without_its_server(self):
        self.run_everything()
        before = self.events()
        done = self.hill('replay', '--offline', '-o', 'json').json
        self.assertEqual((done['ok'], done['differences'], done['unrecorded']), (True, [], []))
        self.assertEqual((done['model_calls'], done['tools_run']), (5, 0))
        self.assertEqual(self.hill('replay', '--offline', '-o', 'json').json['results_sha256'], done['results_sha256'])
        self.assertIn('equal', self.hill('replay', 'latest', '--offline').out)
        self.assertEqual(self.read('ran'), 'x\n', 'no tool ran again')
        self.assertEqual(self.events(), before, 'the history did not grow')
        self.assertEqual(len(self.runs()), 1)
        self.holds()

    def test_tools_run_again_in_a_copy_or_where_they_are_told(self):
        self.run_everything()
        os.remove(self.path('ran'))     # as it was before the run
        done = self.hill('replay', '--offline', '--run-tools', '-o', 'json').json
        self.assertEqual((done['ok'], done['tools_run']), (True, 3))
        self.assertFalse(os.path.exists(self.path('ran')))
        os.mkdir(self.path('other'))
        self.write('other/ran', 'x\n')
        done = self.hill('replay', '--offline', '--run-tools', '--workspace', 'other', code=9)
        self.assertIn('count, attempt 1: the result differs', done.out)
        self.assertIn('    -    "output": "1', done.out)
        self.assertEqual(self.read('other/ran'), 'x\nx\n')
        self.assertIn('own workspace', self.hill('replay', '--offline', '--run-tools', '--workspace', '.', code=2).err)
        self.hill('replay', '--offline', '--run-tools', '--workspace', 'nowhere', code=4)

    def test_failed_and_cut_attempts_fail_again_without_waiting(self):
        config = self.serve(STREAM_HEAD + stream('half', done=False))
        node = self.call(attempts=2)
        self.flow({'ask': node, 'use': script('cat -', '{{ ask.output }}')}, [('ask', 'use')], model_config=config)
        self.hill('run', 'flow.json', code=1)
        self.stop_serving()
        done = self.hill('replay', '--offline', '-o', 'json').json
        self.assertEqual((done['ok'], done['status'], done['model_calls']), (True, 'failed', 2))

    def test_another_address_is_another_request(self):
        self.serve(reply(ANSWER))
        self.flow({'ask': {'tool': 'model_call', 'provider': 'router', 'model': 'router-any', 'input': 'a question'}})
        self.hill('run', 'flow.json', env={'HILLSTAR_ROUTER_URL': self.server.address})
        self.stop_serving()
        self.hill('replay', '--offline', env={'HILLSTAR_ROUTER_URL': self.server.address})
        done = self.hill('replay', '--offline', code=9, env={'HILLSTAR_ROUTER_URL': 'http://127.0.0.1:9'})
        self.assertIn('ask, attempt 1: the request differs', done.out)
        self.assertIn('http://127.0.0.1:9/', done.out)

    def test_a_fork_comes_about_again(self):
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.call(), 'use': script('cat -', '{{ ask.output }}')}, model_config=config)
        self.hill('run', 'flow.json')
        self.hill('fork', 'latest', '--from', 'use', '--set', 'ask.output=edited')
        self.assertEqual(self.hill('result').out, 'edited\n')
        self.stop_serving()
        done = self.hill('replay', '--offline', '-o', 'json').json
        self.assertEqual((done['ok'], done['attempts'], done['model_calls']), (True, 1, 0))

    def test_an_interrupted_run_comes_about_again(self):
        config = self.serve(STREAM_HEAD, kind=Dripping, hold=True)
        self.flow({'ask': self.call()}, model_config=config)
        self.start('run', 'flow.json', '-v').wait_for('half').handles(2).send(2).end(130)
        self.stop_serving()
        done = self.hill('replay', '--offline', '-o', 'json').json
        self.assertEqual((done['ok'], done['unseen'], done['status']), (True, 1, 'paused'))

    def test_a_key_is_not_needed(self):
        config = self.serve(reply(ANSWER))
        config['custom_providers']['lab']['api_key_env'] = 'LAB_KEY'
        self.flow({'ask': self.call()}, model_config=config)
        self.hill('run', 'flow.json', env={'LAB_KEY': SECRET})
        self.stop_serving()
        self.hill('replay', '--offline')

    def test_a_blob_that_was_changed(self):
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.call()}, model_config=config)
        self.hill('run', 'flow.json')
        subprocess.run([settings.tamper, self.path('.hillstar/store'), 'replace', '"fingerprint":""',
                        'an answer', 'AN ANSWER'], check=True, timeout=60)
        done = self.hill('replay', '--offline', code=9)
        self.assertIn('node ask, attempt 1', done.err)
        self.assertIn('blob', self.hill('verify', code=9).out)

    def test_words_that_do_not_go_together(self):
        for wrong in (['--offline', '--live'], ['--offline', '--all'], ['--run-tools'], ['--diff'],
                      ['--live', '--run-tools'], ['--offline', '--workspace', '.']):
            self.hill('replay', *wrong, code=2)
        self.hill('replay', '--offline', code=4)


class Live(Recorded):
    @staticmethod
    def saying(text, tokens=12):
        answer = json.loads(json.dumps(ANSWER))
        answer['choices'][0]['message']['content'] = text
        answer['model'] = 'tiny-2'
        answer['usage'] = {'prompt_tokens': 7, 'completion_tokens': tokens - 7, 'total_tokens': tokens}
        return reply(answer)

    def test_what_changed_is_shown_and_nothing_is_kept(self):
        config = self.serve(self.saying('one\ntwo\nthree'), self.saying('one\nTWO\nthree', 20))
        self.flow({'ask': self.call(outputs={'output': 'answer.txt'}),
                   'gate': {'tool': 'checkpoint'},
                   'use': script('cat -; echo x >> ran', '{{ ask.output }}')},
                  [('ask', 'gate'), ('gate', 'use')], model_config=config, permissions={'gate': 'ask'})
        self.hill('run', 'flow.json', code=8)
        self.hill('approve', 'latest', 'gate')
        before = self.events()
        done = self.hill('replay', '--live', '--diff')
        for line in ('  -two', '  +TWO', '@@ -1,3 +1,3 @@'):
            self.assertIn(line, done.out)
        self.assertEqual(self.read('ran'), 'x\n')
        self.assertEqual(self.read('answer.txt'), 'one\ntwo\nthree')
        self.assertEqual(self.events(), before)
        self.assertEqual(len(self.runs()), 1)
        self.assertEqual(len(self.server.requests), 2)
        change, = self.hill('replay', '--live', '--diff', '-o', 'json').json['nodes']
        self.assertEqual((change['node'], change['changed']), ('ask', True))
        self.assertEqual((change['before']['tokens'], change['now']['tokens']), (12, 20))
        self.assertIn('+TWO', change['diff'])
        self.assertNotIn('diff', self.hill('replay', '--live', '-o', 'json').json['nodes'][0])

    def test_a_server_that_is_gone_is_no_error_of_the_command(self):
        config = self.serve(self.saying('one'))
        self.flow({'ask': self.call()}, model_config=config)
        self.hill('run', 'flow.json')
        self.stop_serving()
        change, = self.hill('replay', '--live', '--diff', '-o', 'json').json['nodes']
        self.assertEqual(change['now']['status'], 'failed: network')

    def test_an_approval_that_nobody_gave_ends_it(self):
        config = self.serve(self.saying('one'))
        self.flow({'ask': self.call(), 'gate': {'tool': 'checkpoint'}}, [('ask', 'gate')],
                  model_config=config, permissions={'gate': 'ask'})
        self.hill('run', 'flow.json', code=8)
        self.assertIn('now waiting', self.hill('replay', '--live').err)


if __name__ == '__main__':
    sys.exit(main())

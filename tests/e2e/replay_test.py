#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Model calls are recorded, and a run is replayed from what was recorded.

Usage: replay_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import sys

from harness import EndToEnd, main, script
from models_test import ANSWER, STREAM_HEAD, Server, reply, stream

SECRET = 'sk-nobody-may-read-this-0123456789'


class Recorded(EndToEnd):
    def serve(self, *replies, hold=False):
        self.server = Server(*replies, hold=hold)
        self.addCleanup(self.server.close)
        return {'custom_providers': {'lab': {'endpoint': self.server.address, 'type': 'custom'}}}

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
        config = self.serve(STREAM_HEAD + stream('half ', 'an ans\n', done=False), hold=True)
        self.flow({'ask': self.call()}, model_config=config)
        running = self.start('run', 'flow.json', '-v')
        running.wait_for('an ans')
        running.send(2).end(130)
        self.assertEqual(self.kept('ask', 'reply'), {'cancelled': True, 'partial': 'half an ans\n'})

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


if __name__ == '__main__':
    sys.exit(main())

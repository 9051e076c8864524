#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tools, conversations and replies by a schema with a real inference engine, in each protocol that it speaks.

Usage: real_model_test.py --binary PROGRAM
The engine is fetched once (tests/support/model_server); where it cannot be, the tests are skipped and say so. Its
models are made here: one calls a tool and then says a sentence, one says gibberish.
"""
import functools
import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

from harness import EndToEnd, is_alive, main, script

SOURCE_TREE = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = SOURCE_TREE / 'tests' / 'support' / 'model_server'
FOLDER = pathlib.Path(os.environ.get('MODEL_SERVER_FOLDER', SOURCE_TREE / 'build' / 'model_server'))
FETCH_SECONDS, START_SECONDS = 150, 60
CALLS = ('calls', ['--tool', 'get_weather', '--arguments', '{"city": "Oslo"}', '--after-tool', 'It is sunny in Oslo .'])
GIBBERISH = ('gibberish', ['--random'])
PROTOCOLS = ('openai_compatible', 'openai_responses', 'anthropic')
TOOLS = [{'name': 'get_weather', 'description': 'Tells the weather.', 'parameters': {
    'type': 'object', 'properties': {'city': {'type': 'string'}}, 'required': ['city'], 'additionalProperties': False}}]
QUESTION = {'role': 'user', 'content': 'How is the weather in Oslo?'}
SCHEMA = {'type': 'object', 'required': ['gene', 'strains', 'lost'], 'additionalProperties': False, 'properties': {
    'gene': {'type': 'string', 'minLength': 1, 'maxLength': 8}, 'strains': {'type': 'integer', 'minimum': 3, 'maximum': 9},
    'lost': {'type': 'boolean'}}}


class Engine:
    """One server for each model, started when it is first needed. Ended by `stop`."""

    missing = None   # why there is no engine
    running = {}     # model name -> (address, process id)

    @classmethod
    def address(cls, model):
        name, options = model
        if name not in cls.running:
            cls.start(name, options)
        return cls.running[name][0]

    @classmethod
    def fetch(cls):
        if cls.missing is None:
            try:
                fetched = subprocess.run([SCRIPTS / 'get_llama_server.sh', FOLDER], stdin=subprocess.DEVNULL,
                                         capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
                cls.missing = '' if fetched.returncode == 0 else (fetched.stderr.strip().splitlines() or ['?'])[-1]
            except subprocess.TimeoutExpired:
                cls.missing = f'fetching took more than {FETCH_SECONDS} s'
        if cls.missing:
            raise unittest.SkipTest('there is no llama-server: ' + cls.missing)

    @classmethod
    def start(cls, name, options):
        model, port_file = FOLDER / f'{name}.{os.getpid()}.gguf', FOLDER / f'{name}.{os.getpid()}.port'
        subprocess.run([sys.executable, SCRIPTS / 'make_tiny_gguf.py', model, *options], check=True)
        try:
            # The server keeps the pipes of its parent, so its words go to files and none is waited for.
            subprocess.run([SCRIPTS / 'run_model_server.sh', FOLDER, port_file, '-m', model], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, timeout=START_SECONDS, check=True)
            port, process = port_file.read_text().split()
            cls.running[name] = (f'http://127.0.0.1:{port}', int(process))
        finally:
            for path in (model, port_file):   # the server has the model in its memory
                path.unlink(missing_ok=True)

    @classmethod
    def stop(cls):
        for address, process in cls.running.values():
            if is_alive(process):
                os.kill(process, signal.SIGTERM)
            (FOLDER / f'server-{address.rsplit(":", 1)[1]}.log').unlink(missing_ok=True)


def in_each_protocol(test):
    @functools.wraps(test)
    def tests(self):
        for adapter in PROTOCOLS:
            with self.subTest(adapter=adapter):
                test(self, adapter)
    return tests


class RealModel(EndToEnd):
    def setUp(self):
        Engine.fetch()
        super().setUp()

    def ask(self, input, **parameters):
        return {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': input,
                'parameters': {'temperature': 0, 'max_tokens': 200, **parameters}, 'retry': {'attempts': 1}}

    def asks(self, adapter, nodes, model=CALLS, edges=(), code=0, **graph):
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {'lab': {
            'type': 'local', 'adapter': adapter, 'endpoint': Engine.address(model), 'default_model': 'tiny'}}}))
        self.flow(nodes, edges, **graph)
        self.hill('validate', 'flow.json')
        return self.hill('run', 'flow.json', code=code)

    def tool_loop(self, **choice):
        return {'ask': self.ask({'messages': [QUESTION]}, tools=TOOLS, **choice),
                'look': script('python3 -c "print(input().upper() + \': sunny\', end=str())"',
                               '{{ ask.tool_calls.0.arguments.city }}'),
                'answer': self.ask({'messages': [QUESTION, '{{ ask.message }}', {
                    'role': 'tool', 'tool_call_id': '{{ ask.tool_calls.0.id }}', 'content': '{{ look.output }}'}]},
                    tools=TOOLS)}

    @in_each_protocol
    def test_a_loop_of_tools(self, adapter):
        done = self.asks(adapter, self.tool_loop())
        self.assertEqual(done.out, 'It is sunny in Oslo .\n')
        ask = self.hill('result', 'latest', 'ask', '-o', 'json').json
        call, = ask['tool_calls']
        self.assertEqual((call['name'], call['arguments']), ('get_weather', {'city': 'Oslo'}))
        self.assertTrue(call['id'])
        self.assertEqual(ask['message']['tool_calls'], ask['tool_calls'])
        self.assertEqual(self.hill('result', 'latest', 'look').out, 'OSLO: sunny\n')
        answer = self.hill('result', 'latest', 'answer', '-o', 'json').json
        self.assertNotIn('tool_calls', answer)
        self.assertEqual(answer['output_tokens'], 7)   # six words and the end of the turn
        self.assertGreater(answer['input_tokens'], ask['input_tokens'])
        self.holds()

    @in_each_protocol
    def test_a_loop_that_ends_when_the_model_calls_nothing_more(self, adapter):
        self.write('look.py', 'import json, sys\n'
                              'calls = json.loads(sys.stdin.read() or "[]")\n'
                              'print(json.dumps([{"role": "tool", "tool_call_id": call["id"], "name": call["name"],\n'
                              '                   "content": call["arguments"]["city"] + ": sun"} for call in calls]))\n')
        nodes = {'ask': self.ask({'messages': [QUESTION, '{{ prev.ask.message }}', '{{ prev.look.output }}']}, tools=TOOLS),
                 'look': script('python3 look.py', '{{ ask.tool_calls }}'),
                 'tell': script('cat -', '{{ ask.output }}')}
        done = self.asks(adapter, nodes, edges=(('ask', 'look'), ('look', 'tell')), loops=[
            {'id': 'talk', 'body': ['ask', 'look'], 'max_attempts': 4, 'until': {'node': 'ask', 'contains': 'sunny'},
             'on_exhausted': 'fail'}])
        self.assertEqual(done.out, 'It is sunny in Oslo .\n')
        self.assertEqual([len(json.loads(self.hill('result', 'latest', node).out)) for node in ('look', 'look@2')], [1, 0])
        self.assertEqual(self.node('ask@3')['status'], 'skipped')
        self.holds()

    @in_each_protocol
    def test_a_call_that_is_required(self, adapter):
        nodes = {'ask': self.ask('How is the weather?', tools=TOOLS, tool_choice='required')}
        self.asks(adapter, nodes)
        call, = json.loads(self.hill('result', 'latest', 'ask', '--key', 'tool_calls').out)
        self.assertEqual(call['arguments'], {'city': 'Oslo'})

    @in_each_protocol
    def test_the_whole_conversation_written_by_hand(self, adapter):
        """What another program recorded: no part of it was made by the adapter that sends it."""
        turns = [QUESTION, {'role': 'assistant', 'content': 'Let me see.', 'tool_calls': [
            {'id': 'call12345', 'name': 'get_weather', 'arguments': {'city': 'Oslo'}}]},
            {'role': 'tool', 'tool_call_id': 'call12345', 'content': 'no thermometer', 'is_error': True}]
        self.assertEqual(self.asks(adapter, {'ask': self.ask({'messages': turns}, tools=TOOLS)}).out,
                         'It is sunny in Oslo .\n')

    @in_each_protocol
    def test_a_call_that_is_cut_off(self, adapter):
        """Two tokens are too few for a call: what is there is data, and no city."""
        nodes = self.tool_loop()
        nodes['ask']['parameters']['max_tokens'] = 2
        self.asks(adapter, nodes, code=1)
        ask = self.hill('result', 'latest', 'ask', '-o', 'json').json
        self.assertEqual([call['arguments'] for call in ask['tool_calls']], ['{'])
        if adapter != 'openai_responses':   # this server says `completed` there
            self.assertIn(ask['finish_reason'], ('length', 'max_tokens'))
        self.assertEqual(self.node('look')['status'], 'failed')
        self.holds()

    def test_a_reply_by_a_schema(self):
        """The server's grammar makes JSON of gibberish."""
        nodes = {'ask': self.ask('Which gene is lost?', schema=SCHEMA),
                 'use': script('cat -', '{{ ask.json.strains }} {{ ask.json.lost }} {{ ask.json }}')}
        strains, lost, reply = self.asks('openai_compatible', nodes, GIBBERISH).out.split(' ', 2)
        reply = json.loads(reply)
        self.assertEqual(set(reply), {'gene', 'strains', 'lost'})
        self.assertEqual((strains, lost), (str(reply['strains']), json.dumps(reply['lost'])))
        self.assertIn(reply['strains'], range(3, 10))
        self.assertLessEqual(len(reply['gene']), 8)
        self.holds()

    def test_a_schema_that_the_server_ignores(self):
        """It takes schemas for chat completions only: in the other protocols gibberish comes back, and is caught."""
        for adapter in ('openai_responses', 'anthropic'):
            with self.subTest(adapter=adapter):
                nodes = {'ask': self.ask('Which gene is lost?', schema=SCHEMA), 'use': script('cat -', '{{ ask.json }}')}
                done = self.asks(adapter, nodes, GIBBERISH, code=1)
                self.assertEqual(done.err.count('schema_mismatch: The reply is not JSON'), 2, done)   # once to mend it
                self.assertNotEqual(self.node('use')['status'], 'completed')


if __name__ == '__main__':
    try:
        code = main()
    finally:
        Engine.stop()
    sys.exit(code)

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tools, conversations, images and replies by a schema: what a workflow asks, what the server sees, what comes back.

Usage: structured_test.py --binary PROGRAM
"""
import base64
import json
import sys

from harness import ACCEPTED, EndToEnd, main, script
from models_test import Server, reply

USAGE = {'prompt_tokens': 7, 'completion_tokens': 5, 'total_tokens': 12}
PNG = b'\x89PNG\r\n\x1a\n' + bytes(20)
JPEG = b'\xff\xd8\xff\xe0' + bytes(20)
SCHEMA = {'type': 'object', 'properties': {'gene': {'type': 'string'}, 'count': {'type': 'integer', 'minimum': 0}},
          'required': ['gene', 'count'], 'additionalProperties': False}


def says(text, finish='stop', **message):
    return reply({'id': 'x', 'model': 'tiny-1', 'usage': USAGE, 'choices': [
        {'index': 0, 'finish_reason': finish, 'message': {'role': 'assistant', 'content': text, **message}}]})


def calls(*wanted):
    return says(None, 'tool_calls', tool_calls=[
        {'id': key, 'type': 'function', 'function': {'name': name, 'arguments': json.dumps(arguments)}}
        for key, name, arguments in wanted])


def ask(input, **more):
    parameters = more.pop('parameters', {})
    return {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': input, 'parameters': parameters,
            'retry': {'attempts': 1}, **more}


TOOLS = [{'name': 'weigh', 'description': 'Weighs a sample.',
          'parameters': {'type': 'object', 'properties': {'sample': {'type': 'string'}}, 'required': ['sample']}}]


class Structured(EndToEnd):
    def run_with(self, nodes, *replies, code=0, more=()):
        self.server = Server(*replies)
        self.addCleanup(self.server.close)
        self.flow(nodes, model_config={'custom_providers': {'lab': {'endpoint': self.server.address, 'type': 'custom'}}})
        return self.hill('run', 'flow.json', *more, code=code)

    def refused(self, node, *pieces, code=3):
        self.flow({'ask': node}, model_config={'custom_providers': {'lab': {'endpoint': 'http://127.0.0.1:9'}}},
                  provider_config=ACCEPTED)
        done = self.hill('validate', 'flow.json', code=code)
        for piece in pieces:
            self.assertIn(piece, done.err)

    def test_a_reply_that_was_cut_at_its_limit_is_taken_and_said(self):
        done = self.run_with({'ask': ask('Tell me all.', parameters={'max_tokens': 5})}, says('It began', 'length'))
        self.assertIn('Cut short', done.err)
        self.assertEqual((self.status()['status'], self.status()['truncated']), ('completed', 1))
        self.assertEqual(self.hill('ls', '-o', 'json').json[0].get('truncated'), 1)
        self.assertEqual(self.hill('result').out, 'It began\n')

    def test_a_loop_of_tools_written_with_nodes(self):
        question = {'role': 'user', 'content': 'How heavy is S1?'}
        nodes = {
            'ask': ask({'messages': [question]}, parameters={'tools': TOOLS, 'tool_choice': 'auto', 'system': 'brief'}),
            'weigh': script('python3 -c "import json, sys; print(len(json.load(sys.stdin)), end=str())"',
                            '{{ ask.tool_calls }}'),
            'answer': ask({'messages': [question, '{{ ask.message }}',
                                        {'role': 'tool', 'tool_call_id': '{{ ask.tool_calls.0.id }}',
                                         'content': '{{ weigh.output }} g'}]}, parameters={'tools': TOOLS})}
        self.run_with(nodes, calls(('c1', 'weigh', {'sample': 'S1'})), says('One gram.'))
        first, second = self.server.requests
        self.assertEqual(first['tools'][0], {'type': 'function', 'function': TOOLS[0]})
        self.assertEqual(first['tool_choice'], 'auto')
        self.assertEqual([turn['role'] for turn in first['messages']], ['system', 'user'])
        self.assertEqual([turn['role'] for turn in second['messages']], ['user', 'assistant', 'tool'])
        call, = second['messages'][1]['tool_calls']
        self.assertEqual((call['id'], json.loads(call['function']['arguments'])), ('c1', {'sample': 'S1'}))
        self.assertEqual(second['messages'][2]['tool_call_id'], 'c1')
        self.assertEqual(second['messages'][2]['content'], '1 g')
        self.assertEqual(self.hill('result', 'latest', 'answer').out, 'One gram.\n')
        self.assertEqual(json.loads(self.hill('result', 'latest', 'ask', '--key', 'tool_calls').out),
                         [{'id': 'c1', 'name': 'weigh', 'arguments': {'sample': 'S1'}}])
        self.holds()

    def test_answers_to_several_calls_come_from_one_script(self):
        turns = "import json, sys; print(json.dumps([{'role': 'tool', 'tool_call_id': c['id'], " \
                "'content': c['arguments']['sample'] + ' 2 g'} for c in json.load(sys.stdin)]))"
        self.write('weigh.py', turns)
        nodes = {'ask': ask('Weigh all.', parameters={'tools': TOOLS}),
                 'weigh': script('python3 weigh.py', '{{ ask.tool_calls }}'),
                 'answer': ask({'messages': [{'role': 'user', 'content': 'Weigh all.'}, '{{ ask.message }}',
                                             '{{ weigh.output }}'], 'prompt': 'Sum up.'}, parameters={'tools': TOOLS})}
        self.run_with(nodes, calls(('a', 'weigh', {'sample': 'S1'}), ('b', 'weigh', {'sample': 'S2'})), says('4 g'))
        self.assertEqual([(turn['role'], turn.get('content')) for turn in self.server.requests[1]['messages'][2:]],
                         [('tool', 'S1 2 g'), ('tool', 'S2 2 g'), ('user', 'Sum up.')])

    def test_a_loop_keeps_the_whole_conversation(self):
        self.write('talk.py', """import json, sys
given = json.load(sys.stdin)
talk = json.loads(given['so_far'] or '[]') + [given['turn']]
for call in talk[-1].get('tool_calls', []):
    talk.append({'role': 'tool', 'tool_call_id': call['id'], 'content': call['arguments']['sample'] + ' 2 g'})
print(json.dumps(talk))
""")
        for messages in ([{'role': 'user', 'content': 'Weigh all.'}, '{{ prev.talk.output }}'], '{{ prev.talk.output }}'):
            with self.subTest(messages=messages):
                talk = {'messages': messages}
                if isinstance(messages, str):
                    talk['prompt'] = 'Weigh all.'
                nodes = {'ask': ask(talk, parameters={'tools': TOOLS}),
                         'talk': script('python3 talk.py',
                                        {'so_far': '{{ prev.talk.output }}', 'turn': '{{ ask.message }}'}),
                         'tell': script('cat -', '{{ ask.output }}')}
                self.server = Server(calls(('a', 'weigh', {'sample': 'S1'})), calls(('b', 'weigh', {'sample': 'S2'})),
                                     says('Done: 4 g'))
                self.addCleanup(self.server.close)
                self.flow(nodes, (('ask', 'talk'), ('talk', 'tell')), loops=[
                    {'id': 'weighing', 'body': ['ask', 'talk'], 'max_attempts': 5,
                     'until': {'node': 'ask', 'contains': 'done'}, 'on_exhausted': 'fail'}],
                    model_config={'custom_providers': {'lab': {'endpoint': self.server.address, 'type': 'custom'}}})
                self.hill('validate', '--strict', 'flow.json')
                self.assertEqual(self.hill('run', 'flow.json').out, 'Done: 4 g\n')
                self.assertEqual(len(self.server.requests), 3)
                said = [(turn['role'], turn.get('content')) for turn in self.server.requests[2]['messages']]
                turns = [('assistant', None), ('tool', 'S1 2 g'), ('assistant', None), ('tool', 'S2 2 g')]
                user = [('user', 'Weigh all.')]
                self.assertEqual(said, turns + user if isinstance(messages, str) else user + turns)
                self.holds()

    def test_a_reply_by_a_schema(self):
        nodes = {'ask': ask('Which gene?', parameters={'schema': SCHEMA}),
                 'use': script('cat -', '{{ ask.json.gene }}={{ ask.json.count }} {{ ask.json }}')}
        done = self.run_with(nodes, says('{"gene": "acrB", "count": 3}'))
        self.assertEqual(done.out, 'acrB=3 {"count":3,"gene":"acrB"}\n')
        asked = self.server.requests[0]['response_format']
        self.assertEqual(asked, {'type': 'json_schema',
                                 'json_schema': {'name': 'reply', 'strict': True, 'schema': SCHEMA}})
        self.assertEqual(self.hill('result', 'latest', 'ask').out, '{"gene": "acrB", "count": 3}\n')
        self.holds()

    def test_a_large_reply_by_a_schema(self):
        words = json.dumps({'words': ['word'] * 30_000})
        nodes = {'ask': ask('Many', parameters={'schema': {'type': 'object', 'properties': {'words': {'type': 'array'}}}}),
                 'use': script('wc -c', '{{ ask.json.words }}')}
        self.assertEqual(self.run_with(nodes, says(words)).out.strip(), str(30_000 * 7 + 1))

    def test_a_reply_that_does_not_fit(self):
        for text, piece in (('Three.', 'not JSON'), ('{"gene": 1, "count": 3}', '/gene: expected string, found 1'),
                            ('{"gene": "a", "count": -1}', '/count: expected at least 0'), ('[]', 'expected object'),
                            ('{"gene": "a", "count": 1, "x": 2}', "'x' is not allowed"), ('', None)):
            with self.subTest(text):
                done = self.run_with({'ask': ask('x', parameters={'schema': SCHEMA, 'repair': 0})}, says(text), code=1)
                failure, = [event['data']['failure'] for event in self.events(kind='node_attempt_failed')]
                self.assertEqual(failure['kind'], 'schema_mismatch' if piece else 'empty_reply')
                if piece:
                    self.assertIn(piece, failure['message'])
                    self.assertIn(piece, done.err)
                    self.assertEqual(self.status()['tokens'], 12)
                self.holds()

    def test_a_reply_is_mended(self):
        nodes = {'ask': ask('Which gene?', parameters={'schema': SCHEMA, 'system': 'brief'}),
                 'use': script('cat -', '{{ ask.json.gene }}')}
        done = self.run_with(nodes, says('The gene is acrB.'), says('{"gene": "acrB", "count": 3}'))
        self.assertEqual(done.out, 'acrB\n')
        first, second = (request['messages'] for request in self.server.requests)
        self.assertEqual(second[:2], first)
        self.assertEqual(second[2], {'role': 'assistant', 'content': 'The gene is acrB.'})
        self.assertIn('not JSON', second[3]['content'])
        self.assertEqual(self.server.requests[1]['response_format'], self.server.requests[0]['response_format'])
        failed, = self.events(kind='node_attempt_failed')
        self.assertTrue(failed['data']['repair'])
        self.assertEqual(self.status()['tokens'], 24)
        self.holds()

    def test_a_reply_is_mended_no_more_often_than_said(self):
        for repairs, requests in ((None, 2), (0, 1), (3, 4)):
            with self.subTest(repairs):
                parameters = {'schema': SCHEMA} if repairs is None else {'schema': SCHEMA, 'repair': repairs}
                done = self.run_with({'ask': ask('x', parameters=parameters)}, says('no'), says('{}'), code=1)
                self.assertEqual(len(self.server.requests), requests)
                kinds = {event['data']['failure']['kind'] for event in self.events(kind='node_attempt_failed')}
                self.assertEqual(kinds, {'schema_mismatch'})
                self.assertIn("'gene' is missing" if requests > 1 else 'not JSON', done.err)
                self.holds()

    def test_a_long_reply_with_images_is_mended(self):
        """The rejected text is a blob, and the images go again."""
        self.write('a.png', PNG)
        self.run_with({'ask': ask('x', parameters={'schema': SCHEMA, 'images': ['a.png']})}, says('no ' * 50_000),
                      says('{"gene": "a", "count": 1}'))
        turns = self.server.requests[1]['messages']
        self.assertEqual(turns[0], self.server.requests[0]['messages'][0])
        self.assertEqual(len(turns[1]['content'].strip()), 149_999)

    def test_what_is_reserved_is_enough_for_all_of_it(self):
        """A call that might cost more than was reserved for it would not be sent."""
        self.write('a.png', PNG)
        server = Server(calls(('c1', 'weigh', {'sample': 'S1'})), says('no'), says('{"gene": "a", "count": 1}'))
        self.addCleanup(server.close)
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {'lab': {
            'type': 'local', 'adapter': 'openai_compatible', 'endpoint': server.address,
            'models': {'tiny': {'pricing': {'input_per_1m_usd': 1000, 'output_per_1m_usd': 2000}}}}}}))
        turn = {'role': 'user', 'content': [{'type': 'text', 'text': '{{ inputs.x }}'}, {'type': 'image', 'path': 'a.png'}]}
        weigh = {'role': 'tool', 'tool_call_id': '{{ ask.tool_calls.0.id }}', 'content': '1 g'}
        told = {'tools': TOOLS, 'schema': SCHEMA, 'images': ['a.png'], 'extra': {'min_p': 0.1}, 'system': 's', 'max_tokens': 50}
        nodes = {'ask': ask({'messages': [turn], 'prompt': 'p'}, parameters=told),
                 'answer': ask({'messages': [turn, '{{ ask.message }}'] + [weigh] * 50, 'prompt': 'p'}, parameters=told)}
        self.flow(nodes, inputs={'x': {'default': 'word ' * 100}}, model_config={'budget': {'max_workflow_usd': 500}})
        self.hill('run', 'flow.json')
        self.assertEqual(len(server.requests), 3)
        self.holds()

    def test_any_object(self):
        nodes = {'ask': ask('x', parameters={'response_format': {'type': 'json_object'}, 'repair': 0})}
        self.run_with(nodes, says('```json\n{"a": [1]}\n```'))
        self.assertEqual(self.hill('result', 'latest', 'ask', '--key', 'json').json, {'a': [1]})
        self.run_with(nodes, says('[1]'), code=1)

    def test_images_of_files(self):
        self.write('figures/a.png', PNG)
        self.write('b.dat', JPEG)
        self.run_with({'ask': ask('What is it?', parameters={
            'images': ['figures/a.png', {'path': 'b.dat', 'detail': 'low'}]})}, says('A cell.'))
        text, first, second = self.server.requests[0]['messages'][0]['content']
        self.assertEqual(text, {'type': 'text', 'text': 'What is it?'})
        self.assertEqual(first['image_url']['url'], 'data:image/png;base64,' + base64.b64encode(PNG).decode())
        self.assertEqual(second['image_url'], {'url': 'data:image/jpeg;base64,' + base64.b64encode(JPEG).decode(),
                                               'detail': 'low'})

    def test_an_image_for_each_item(self):
        self.write('a.png', PNG)
        self.write('b.png', PNG + b'b')
        node = ask({'messages': [{'role': 'user', 'content': [{'type': 'text', 'text': 'What is {{ item }}?'},
                                                              {'type': 'image', 'path': '{{ item }}'}]}]},
                   for_each=['a.png', 'b.png'], parallel=1)
        self.run_with({'ask': node}, says('A cell.'))
        self.assertEqual([request['messages'][0]['content'][0]['text'] for request in self.server.requests],
                         ['What is a.png?', 'What is b.png?'])
        self.assertTrue(self.server.requests[1]['messages'][0]['content'][1]['image_url']['url'].endswith(
            base64.b64encode(PNG + b'b').decode()))

    def test_images_that_cannot_be_shown(self):
        self.write('text.png', 'no image')
        self.write('huge.png', PNG + bytes(21 << 20))
        self.write('folder.png/x', 'x')
        for path, kind, piece in (('none.png', 'not_found', 'none.png'), ('/etc/passwd', 'path_refused', 'allow'),
                                  ('../a.png', 'path_refused', ''), ('text.png', 'invalid_request', 'PNG, JPEG'),
                                  ('huge.png', 'output_limit', '20 MiB'), ('folder.png', 'io', 'folder.png')):
            with self.subTest(path):
                done = self.run_with({'ask': ask('x', parameters={'images': [path]})}, says('x'),
                                     code=6 if kind == 'path_refused' else 1)
                failure, = [event['data']['failure'] for event in self.events(kind='node_attempt_failed')]
                self.assertEqual((failure['kind'], self.server.requests), (kind, []))
                self.assertIn(piece, done.err)

    def test_text_of_a_model_opens_no_file(self):
        self.write('secret.png', PNG)
        evil = json.dumps({'role': 'user', 'content': [{'type': 'image', 'path': 'secret.png'}]})
        nodes = {'ask': ask('x', parameters={'response_format': {'type': 'json_object'}}),
                 'again': ask({'messages': [{'role': 'user', 'content': '{{ ask.json.content }}'}]})}
        self.run_with(nodes, says(evil), says('fine'))
        self.assertEqual(self.server.requests[1]['messages'][0]['content'], '[{"path":"secret.png","type":"image"}]')
        nodes['again'] = ask({'messages': ['{{ ask.json }}']})
        self.run_with(nodes, says(evil), code=1)
        self.assertEqual(len(self.server.requests), 1)

    def test_mistakes_are_found_before_a_run(self):
        self.refused(ask('x', parameters={'tools': [{'name': 'a', 'parameters': {'type': 'objekt'}}]}),
                     '/graph/nodes/ask/parameters/tools/0/parameters/type', "did you mean 'object'?")
        self.refused(ask('x', parameters={'schema': {'$ref': 'http://h/x'}}), 'nothing is fetched')
        self.refused(ask('x', parameters={'tool_choice': {'name': 'b'}, 'tools': TOOLS}), "no tool 'b'")
        self.refused(ask('x', parameters={'tool_choice': 'required'}), 'no tools to choose from')
        self.refused(ask({'messages': [{'role': 'robot', 'content': 'x'}]}), '/input/messages/0/role')
        self.refused(ask({'messages': [{'role': 'tool', 'content': 'x'}]}), 'names no call')
        self.refused(ask('x', parameters={'repair': 6}), '/parameters/repair')
        self.refused(ask('x', parameters={'max_token': 5}), "did you mean 'max_tokens'?", code=0)
        self.refused(ask('x', provider='anthropic', model='opus', parameters={'seed': 1}), '/parameters/seed')
        self.refused(ask('x', provider='anthropic', model='opus', parameters={'response_format': {'type': 'json_object'}}),
                     '/parameters/response_format', 'Give a schema')
        self.refused(ask('x', provider='anthropic', model='opus', parameters={'top_p': 0.5}), 'takes no top_p', code=0)
        self.refused(ask('{{ ask2.output }}'), 'ask2')


if __name__ == '__main__':
    sys.exit(main())

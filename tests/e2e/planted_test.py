#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A secret of each kind goes in by every door: files, prompts, replies, scripts, errors, file names, headers.
None of them is anywhere at rest afterwards, nor on the terminal.

Usage: planted_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import base64
import http.server
import json
import os
import sys
import threading

from harness import EndToEnd, main, script

ALNUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
HEX = '0123456789abcdef'
BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'


def made(count, alphabet=ALNUM, salt=5):
    """No key of anybody, and nothing that a scanner of this file finds."""
    return ''.join('7' if i == 1 and '7' in alphabet else alphabet[(i * 17 + salt) % len(alphabet)]
                   for i in range(count))


def block(kind):
    dashes = '-' * 5
    return f'{dashes}BEGIN {kind}{dashes}\n{made(64)}\n{made(64)}\n{made(20)}==\n{dashes}END {kind}{dashes}'


# Kind -> the line that holds it, with the secret itself in braces.
PLANTED = {
    'aws id': '{' + 'AK' + 'IA' + made(16, BASE32) + '}',
    'aws secret': 'aws_secret_access_key = {' + made(38) + '/+}',
    'google': '{' + 'AI' + 'za' + made(35) + '}',
    'azure': 'client {' + made(3) + '8' + 'Q~' + made(34) + '}',
    'github': '{' + 'gh' + 'p_' + made(36) + '}',
    'github fine': '{' + 'github' + '_pat_' + made(82) + '}',
    'gitlab': '{' + 'gl' + 'pat-' + made(20) + '}',
    'anthropic': '{' + 'sk-' + 'ant-api03-' + made(90) + '}',
    'openai': '{' + 'sk-' + 'proj-' + made(70) + '}',
    'hugging face': '{' + 'hf' + '_' + made(34) + '}',
    'slack': '{' + 'xo' + 'xb-' + made(12, '0123456789') + '-' + made(24) + '}',
    'stripe': '{' + 'sk' + '_live_' + made(24) + '}',
    'npm': '{' + 'np' + 'm_' + made(36) + '}',
    'sendgrid': '{' + 'S' + 'G.' + made(22) + '.' + made(43) + '}',
    'jwt': '{' + 'ey' + 'JhbGciOiJIUzI1NiJ9.ey' + 'JzdWIiOiIxMjM0In0.' + made(43) + '}',
    'bearer': 'Authorization: Bearer {' + made(40, salt=9) + '}',
    'basic': 'Authorization: Basic {' + base64.b64encode(b'lab:' + made(20, salt=3).encode()).decode() + '}',
    'url': 'postgres://lab:{' + made(18, salt=7) + '}@db.example.org/results',
    'assignment': 'password = "{' + made(16, salt=11) + '}"',
    'environment': 'SERVICE_TOKEN={' + made(24, salt=13) + '}',
}
LINES = {kind: line.replace('{', '').replace('}', '') for kind, line in PLANTED.items()}
SECRETS = {kind: line[line.index('{') + 1:line.index('}')] for kind, line in PLANTED.items()}
KEY_BLOCK = block('RSA PRIVATE KEY')


class Model(http.server.BaseHTTPRequestHandler):
    """Says back what it was asked; a prompt with `fail` is refused in the same words."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        prompt = body['messages'][-1]['content']
        failing = 'fail' in prompt
        text = json.dumps({'error': {'message': 'I cannot: ' + prompt, 'type': 'invalid_request_error'}} if failing else {
            'id': SECRETS['github'], 'object': 'chat.completion', 'model': 'm',
            'choices': [{'index': 0, 'finish_reason': 'stop', 'message': {'role': 'assistant', 'content': prompt}}],
            'usage': {'prompt_tokens': 1, 'completion_tokens': 1, 'total_tokens': 2}}).encode()
        self.send_response(400 if failing else 200)
        self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(text)))
        self.send_header('x-request-id', SECRETS['gitlab'])
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Planted(EndToEnd):
    def setUp(self):
        super().setUp()
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Model)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.endpoint = f'http://127.0.0.1:{server.server_port}'
        self.write('keys.txt', '\n'.join(LINES.values()) + '\n' + KEY_BLOCK + '\n')
        self.write('list.json', json.dumps(list(LINES.values())))

    def everything_said(self):
        nodes = ('read', 'ask', 'print', 'next', 'names', 'each', 'refused', 'fails')
        said = ''
        for command in (('events',), ('logs',), ('show',), ('show', '-o', 'json'), ('result',),
                        ('export', 'latest', '--jsonl'), ('export', 'latest', '--dir', self.path('out')),
                        *(('result', 'latest', node) for node in nodes),
                        *(('show', 'latest', '--node', node, what) for node in ('ask', 'refused')
                          for what in ('--request', '--reply'))):
            done = self.hill(*command, code=None)
            said += done.out + done.err
        return said

    def test_nothing_planted_is_at_rest(self):
        ask = {'tool': 'model_call', 'provider': 'lab', 'model': 'm', 'retry': 1, 'on_error': 'continue'}
        self.flow({
            'read': {'tool': 'file_read', 'parameters': {'path': 'keys.txt'}},
            'ask': {**ask, 'input': 'say it back:\n{{ read.output }}', 'outputs': {'reply': 'reply.txt'}},
            'print': script('cat keys.txt; cat keys.txt >&2'),
            'next': script('cat; cat >&2; exit 3', '{{ ask.output }}', on_error='continue'),
            'names': script('mkdir -p named && head -17 keys.txt | tr -d "/" | while read -r l; do : > "named/$l"; done; '
                            'ls named; cat named/*/none; exit 1', on_error='continue'),
            'list': {'tool': 'file_read', 'parameters': {'path': 'list.json'}},
            'each': script('cat', '{{ item }}', for_each='{{ list.output }}'),
            'refused': {**ask, 'input': 'fail with {{ inputs.path }}: {{ print.output }}'},
            'fails': script('python3 -c "import sys; sys.exit(open(\'keys.txt\').read())"', on_error='continue'),
        }, inputs={'path': {'default': 'keys.txt'}},
            model_config={'custom_providers': {'lab': {'endpoint': self.endpoint, 'type': 'custom', 'model_name': 'm'}}})
        done = self.hill('run', 'flow.json', '-v')
        said = done.out + done.err + self.everything_said()
        self.assertEqual(self.status()['status'], 'completed')
        # The doors were really used.
        for node in ('read', 'ask', 'print', 'each'):
            self.assertIn('[REDACTED:', self.hill('result', 'latest', node).out, node)
        self.assertIn('[REDACTED:', json.dumps(self.node('refused')))
        held = [said.encode(), *self.files()]
        for kind, secret in {**SECRETS, 'key block': KEY_BLOCK.split('\n')[1]}.items():
            with self.subTest(kind=kind):
                for form in (secret, base64.b64encode(secret.encode()).decode().rstrip('=')[:-2]):
                    for text in held:
                        where = text.find(form.encode())
                        self.assertEqual(where, -1, text[max(0, where - 80):where + len(form) + 20])

    def files(self):
        """All that the run has left behind, but for the workspace's own files."""
        for root in ('.hillstar', 'out', 'reply.txt'):
            path = self.path(root)
            for folder, _, names in os.walk(path) if os.path.isdir(path) else [(self.folder, [], [root])]:
                for name in names:
                    with open(os.path.join(folder, name), 'rb') as file:
                        yield file.read()


if __name__ == '__main__':
    sys.exit(main())

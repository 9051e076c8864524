#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Model servers that answer, and model servers that do not: attempts, usage, and failures in words.

Usage: models_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading

from harness import EndToEnd, main, script, settings

ANSWER = {'id': 'x', 'object': 'chat.completion', 'model': 'tiny-1',
          'choices': [{'index': 0, 'finish_reason': 'stop', 'message': {'role': 'assistant', 'content': 'an answer'}}],
          'usage': {'prompt_tokens': 7, 'completion_tokens': 5, 'total_tokens': 12}}


def reply(body, status='200 OK', kind='application/json', fields=''):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f'HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{fields}Content-Length: {len(body)}\r\n'
            'Connection: close\r\n\r\n').encode() + body


def stream(*texts, done=True):
    chunks = [{'model': 'tiny-1', 'choices': [{'index': 0, 'delta': {'content': text}}]} for text in texts]
    if done:
        chunks += [{'model': 'tiny-1', 'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]},
                   {'model': 'tiny-1', 'choices': [], 'usage': ANSWER['usage']}]
    text = ''.join(f'data: {json.dumps(chunk)}\n\n' for chunk in chunks) + ('data: [DONE]\n\n' if done else '')
    return text.encode()


STREAM_HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'


class Server:
    """Answers the n-th request with the n-th of `replies`, the last one again and again.

    A reply is bytes; `hold` after it keeps the connection open and silent until the server closes.
    """

    def __init__(self, *replies, hold=False):
        self.replies, self.hold, self.requests, self.open = replies, hold, [], []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.address = 'http://127.0.0.1:%d' % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            try:
                self.answer(connection)
            except OSError:
                pass

    def answer(self, connection):
        connection.settimeout(20)
        data = b''
        while b'\r\n\r\n' not in data:
            data += self.more(connection)
        head, body = data.split(b'\r\n\r\n', 1)
        length = next(int(line.split(b':')[1]) for line in head.lower().split(b'\r\n')
                      if line.startswith(b'content-length'))
        while len(body) < length:
            body += self.more(connection)
        number = len(self.requests)
        self.requests.append(json.loads(body))
        connection.sendall(self.replies[min(number, len(self.replies) - 1)])
        if not self.hold:
            connection.close()

    @staticmethod
    def more(connection):
        data = connection.recv(65536)
        if not data:
            raise OSError('closed')
        return data

    def close(self):
        # Wakes accept, which a mere close does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            connection.close()
        self.thread.join(20)


class Models(EndToEnd):
    def ask(self, *replies, code=0, hold=False, timeout=None, attempts=2, **parameters):
        self.server = Server(*replies, hold=hold)
        self.addCleanup(self.server.close)
        return self.ask_at(self.server.address, code, attempts, timeout, **parameters)

    def ask_at(self, address, code, attempts=2, timeout=None, **parameters):
        node = {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question',
                'parameters': parameters, 'retry': {'attempts': attempts, 'backoff': 0.05, 'cap': 0.05}}
        if timeout is not None:
            node['timeout'] = timeout
        self.flow({'ask': node, 'use': script('cat -', '<{{ ask.output }}> {{ ask.tokens_used }} {{ ask.model }}')},
                  model_config={'custom_providers': {'lab': {'endpoint': address, 'type': 'custom'}}})
        return self.hill('run', 'flow.json', code=code)

    def kinds(self):
        return [event['data']['failure']['kind'] for event in self.events(kind='node_attempt_failed')]

    def answered(self, done):
        self.assertEqual(done.out, '<an answer> 12 tiny-1\n')
        self.assertEqual(self.hill('result', 'latest', 'ask').out, 'an answer\n')
        self.assertEqual(self.hill('result', 'latest', 'ask', '--key', 'input_tokens').out, '7\n')
        self.assertEqual(self.status()['tokens'], 12)
        self.assertIn('Tokens', self.hill('show').out)
        self.holds()

    def test_an_answer(self):
        self.answered(self.ask(reply(ANSWER), system='be brief'))
        request, = self.server.requests
        self.assertEqual(request['model'], 'tiny')
        self.assertEqual([message['content'] for message in request['messages']], ['be brief', 'a question'])

    def test_a_stream(self):
        self.answered(self.ask(STREAM_HEAD + stream('an ', 'ans', 'wer')))

    def test_a_server_error_and_then_an_answer(self):
        for status, kind in (('500 Internal Server Error', 'server'), ('503 Service Unavailable', 'overloaded'),
                             ('429 Too Many Requests', 'rate_limited')):
            with self.subTest(status):
                self.answered(self.ask(reply({'error': {'message': 'later'}}, status), reply(ANSWER)))
                self.assertEqual(self.kinds(), [kind])
                self.assertEqual(self.node('ask')['attempt'], 2)
                self.assertEqual(len(self.server.requests), 2)

    def test_wrong_keys_are_not_tried_again(self):
        done = self.ask(reply({'error': {'message': 'no such key'}}, '401 Unauthorized'), code=1)
        self.assertEqual(self.kinds(), ['auth'])
        self.assertIn('no such key', done.err)
        self.assertEqual(len(self.server.requests), 1)

    def test_nobody_listens(self):
        with socket.socket() as unused:
            unused.bind(('127.0.0.1', 0))   # bound and not listening: connections are refused
            done = self.ask_at('http://127.0.0.1:%d' % unused.getsockname()[1], 1)
        self.assertEqual(self.kinds(), ['network', 'network'])
        self.assertIn('refused', done.err)

    def test_silence(self):
        self.ask(b'', code=124, hold=True, timeout=0.4)
        self.assertEqual(self.kinds(), ['timeout', 'timeout'])

    def test_half_a_stream_and_silence(self):
        self.ask(STREAM_HEAD + stream('half', done=False), code=124, hold=True, timeout=0.4, attempts=1)
        self.assertEqual(self.kinds(), ['timeout'])

    def test_half_an_answer(self):
        whole = reply(ANSWER)
        for half in (whole[:-20], STREAM_HEAD + stream('an ', done=False), STREAM_HEAD + stream('an answer')[:60],
                     b'HTTP/1.1 200', b''):
            with self.subTest(half=half[-40:]):
                self.answered(self.ask(half, whole))
                self.assertIn(self.kinds(), (['network'], ['malformed_reply']))

    def test_garbage(self):
        for garbage in (b'\x00\xff\xfe garbage\r\n\r\n', b'SSH-2.0-server\r\n\r\n', reply(b'<html>not me</html>'),
                        reply({'choices': []}), reply([1, 2]), STREAM_HEAD + b'data: {"choices": \n\n',
                        reply({'choices': [{'message': {'content': 7}}]})):
            with self.subTest(garbage=garbage[-40:]):
                self.ask(garbage, code=1)
                kinds = self.kinds()
                self.assertEqual(len(kinds), 2)
                self.assertLessEqual(set(kinds), {'network', 'malformed_reply', 'empty_reply'})

    def test_an_endless_answer(self):
        chunk = stream('x' * 1_000_000, done=False)
        self.ask(STREAM_HEAD + chunk * 70, code=1, attempts=1)
        self.assertEqual(len(self.kinds()), 1)

    def test_a_proxy_and_certificates_of_the_environment(self):
        """No such host: only the proxy can have answered. Each run is asked by its own variables."""
        proxy = Server(reply(ANSWER))
        self.addCleanup(proxy.close)
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question',
                           'retry': {'attempts': 1}}},
                  model_config={'custom_providers': {'lab': {'endpoint': 'http://model.invalid/v1', 'type': 'custom'}}})
        through = {'http_proxy': proxy.address.replace('://', '://me:pass-of-the-proxy@')}
        self.hill('run', 'flow.json', env=through)
        self.assertEqual(self.hill('result', 'latest', 'ask').out, 'an answer\n')
        self.assertEqual(len(proxy.requests), 1)
        for refused in ({**through, 'NO_PROXY': '.invalid'}, {'http_proxy': 'socks5://me:pass-of-the-proxy@h'}):
            with self.subTest(refused):
                done = self.hill('run', 'flow.json', env=refused, code=1)
                self.assertNotIn('pass-of-the-proxy', done.err)
        self.assertIn('http_proxy', done.err)
        self.assertEqual(len(proxy.requests), 1)
        self.assertEqual(subprocess.run(['grep', '-rl', 'pass-of-the-proxy', self.folder]).returncode, 1)

    def test_certificates_that_are_missing_are_named(self):
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'x',
                           'retry': {'attempts': 1}}},
                  model_config={'custom_providers': {'lab': {'endpoint': 'https://model.invalid', 'type': 'custom'}}})
        done = self.hill('run', 'flow.json', env={'SSL_CERT_FILE': '/nonexistent/ca.pem'}, code=1)
        self.assertIn('/nonexistent/ca.pem', done.err)

    def test_no_key_is_ever_stored(self):
        self.server = Server(reply(ANSWER))
        self.addCleanup(self.server.close)
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'x'}},
                  model_config={'custom_providers': {'lab': {'endpoint': self.server.address, 'type': 'custom',
                                                             'auth_token': '${LAB_KEY}'}}})
        self.hill('run', 'flow.json', env={'LAB_KEY': 'sk-very-secret-1234'})
        self.assertEqual(subprocess.run(['grep', '-rl', 'very-secret', self.folder]).returncode, 1)

    def dumps_after(self, **environment):
        """Core dumps that a run leaves which dies with a key in its hands."""
        server = Server(b'', hold=True)
        self.addCleanup(server.close)
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question'}},
                  model_config={'custom_providers': {'lab': {'endpoint': server.address, 'auth_token': '${LAB_KEY}'}}})
        where = self.path('dumps' + str(len(environment)))
        os.mkdir(where)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        run = self.start('--store', self.path('store'), 'run', '../flow.json', cwd=where,
                         env={'LAB_KEY': 'canary-key-of-the-lab', **environment},
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited))
        self.until(lambda: len(server.requests) == 1, 'the call')
        for process in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{process}/cmdline', 'rb') as file:
                    self.assertNotIn(b'canary-key-of-the-lab', file.read())
            except OSError:
                pass
        run.send(signal.SIGQUIT).end(-signal.SIGQUIT)
        return [name for name in os.listdir(where) if name.startswith('core')]

    def test_a_key_is_in_no_argument_and_in_no_core_dump(self):
        self.assertEqual(self.dumps_after(), [])
        with open('/proc/sys/kernel/core_pattern', encoding='utf-8') as pattern:
            if pattern.read().strip() == 'core':   # else dumps go elsewhere
                self.assertEqual(len(self.dumps_after(HILLSTAR_CORE_DUMPS='1')), 1)

    def test_the_mock_server_at_once_and_many_times(self):
        server = subprocess.Popen([settings.server, '--delay-ms', '20', '--fail-first', '3'], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            address = 'http://127.0.0.1:' + server.stdout.readline().strip()
            self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': '{{ item }}',
                               'for_each': list(range(64)), 'parallel': 64, 'retry': {'attempts': 5, 'backoff': 0.05}},
                       'use': script('cat -', '{{ ask.count }} {{ ask.failed }}')}, max_concurrency=64,
                      model_config={'custom_providers': {'lab': {'endpoint': address, 'type': 'custom'}}})
            self.assertEqual(self.hill('run', 'flow.json').out, '64 0\n')
            self.assertEqual(len(self.events(kind='node_attempt_failed')), 3)
            self.holds()
        finally:
            server.kill()
            server.communicate()


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A backend that misbehaves in every way at once, and one that is down for a while: runs end well, limits hold, and
the history agrees with what the server saw.

Usage: chaos_test.py --binary PROGRAM
"""
import json
import random
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness import EndToEnd, main


def events(text, done=True):
    chunks = [{'model': 'tiny-1', 'choices': [{'index': 0, 'delta': {'content': word + ' '}}]} for word in text.split()]
    if done:
        chunks += [{'model': 'tiny-1', 'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'stop'}]},
                   {'model': 'tiny-1', 'choices': [], 'usage': {'prompt_tokens': 7, 'completion_tokens': 3}}]
    return ''.join(f'data: {json.dumps(chunk)}\n\n' for chunk in chunks) + ('data: [DONE]\n\n' if done else '')


class Chaos(BaseHTTPRequestHandler):
    """The server's `plan` says what happens to a request; it counts what it saw."""

    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        with server.lock:
            server.seen.append(time.monotonic())
            server.open += 1
            server.most_open = max(server.most_open, server.open)
            fault = server.plan(len(server.seen), body)
        time.sleep(0.005)
        # Before the reply: who has it may ask again at once.
        with server.lock:
            server.open -= 1
        try:
            getattr(self, 'do_' + fault)()
        except OSError:
            pass

    def send(self, status, kind, body, close=False, **fields):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for name, value in fields.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = close

    def stream(self, text, close):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(text.encode())
        self.close_connection = close

    def do_answer(self):
        self.stream(events('a short answer'), True)

    def do_busy(self):
        self.send(429, 'application/json', '{"error":{"message":"slow down"}}', Retry_After='0')

    def do_busy_silent(self):
        self.send(429, 'application/json', '{}')

    def do_error(self):
        self.send(500, 'text/html', '<html><body><h1>Internal Server Error</h1></body></html>')

    def do_unavailable(self):
        self.send(503, 'text/plain', 'upstream connect error')

    def do_overloaded(self):
        self.send(529, 'application/json', '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')

    def do_garbage(self):
        self.send(200, 'application/json', b'{"choices": [\xff\xfe')

    def do_cut(self):
        self.stream(events('half an', done=False), True)

    def do_reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()
        self.close_connection = True

    def do_reset_within(self):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.end_headers()
        self.wfile.write(events('half', done=False).encode())
        self.wfile.flush()
        self.do_reset()


# `busy_silent` comes once where it is tested: it makes everybody wait for some seconds.
FAULTS = ['busy', 'error', 'unavailable', 'overloaded', 'garbage', 'cut', 'reset', 'reset_within']


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, plan):
        super().__init__(('127.0.0.1', 0), Chaos)
        self.plan, self.lock, self.seen, self.open, self.most_open = plan, threading.Lock(), [], 0, 0
        self.address = 'http://127.0.0.1:%d' % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class Chaotic(EndToEnd):
    def serve(self, plan):
        server = Server(plan)
        self.addCleanup(lambda: (server.shutdown(), server.server_close()))
        return server

    def backend(self, server, **limits):
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {'lab': {
            'type': 'local', 'adapter': 'openai_compatible', 'endpoint': server.address, 'limits': limits,
            'models': {'tiny': {'pricing': {'input_per_1m_usd': 1, 'output_per_1m_usd': 2}}}}}}))

    def calls(self, count, attempts, budget=None):
        node = {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'one', 'timeout': 20,
                'parameters': {'max_tokens': 50}, 'retry': {'attempts': attempts, 'backoff': 0.02, 'cap': 0.1}}
        self.flow({f'n{i:02}': node for i in range(count)},
                  model_config={'max_concurrency': count, 'budget': budget or {}})

    def test_every_kind_of_fault_at_once(self):
        seed = random.SystemRandom().randrange(1 << 30)
        dice = random.Random(seed)
        faults = []

        def plan(_, __):
            fault = dice.choice(FAULTS) if dice.random() < 0.4 else 'answer'
            if len(faults) == 5:
                fault = 'busy_silent'
            faults.append(fault)
            return fault
        server = self.serve(plan)
        self.backend(server, concurrency=6)
        self.calls(30, 60)
        with self.subTest(seed=seed):
            self.hill('run', 'flow.json')
            self.assertEqual(faults.count('answer'), 30)
            self.assertLessEqual(server.most_open, 6)
            # Every request that the server saw is an attempt of the history, and every attempt had its request.
            attempts = self.events(kind='node_scheduled')
            self.assertEqual(len(attempts), len(server.seen))
            failed = self.events(kind='node_attempt_failed')
            self.assertEqual(len(failed), len(faults) - 30)
            kinds = {event['data']['failure']['kind'] for event in failed}
            self.assertLessEqual(kinds, {'rate_limited', 'server', 'overloaded', 'malformed_reply', 'network'})
            self.holds()

    def test_a_backend_that_is_down_costs_probes_and_no_run(self):
        began = time.monotonic()
        is_up = threading.Event()
        server = self.serve(lambda _, __: 'answer' if is_up.is_set() else 'unavailable')
        self.backend(server)
        self.calls(30, 20)
        other = self.serve(lambda _, __: 'answer')
        run = self.start('run', 'flow.json').wait_for('Executing')  # the host: the other does not stay for it
        # Meanwhile another backend is asked as if nothing were.
        self.write('other.json', json.dumps({'id': 'other', 'graph': {'nodes': {'a': {
            'tool': 'model_call', 'provider': 'near', 'model': 'tiny', 'input': 'one'}}, 'edges': []},
            'model_config': {'custom_providers': {'near': {'endpoint': other.address}}}}))
        self.hill('run', 'other.json')
        self.assertIsNone(run.process.poll())
        time.sleep(max(0, began + 4 - time.monotonic()))
        before = len(server.seen)
        is_up.set()
        run.end(0)
        # One attempt each at most before the breaker opened, and then a probe now and then.
        self.assertLess(before, 45)
        self.holds()

    def test_limits_hold_while_calls_fail(self):
        dice = random.Random(7)
        server = self.serve(lambda _, __: dice.choice(FAULTS) if dice.random() < 0.3 else 'answer')
        self.backend(server, requests_per_minute=25, concurrency=3)
        self.calls(20, 60, {'max_workflow_usd': 0.05})
        run = self.start('run', 'flow.json')
        self.until(lambda: len(server.seen) >= 25, 'as many requests as a minute allows')
        time.sleep(1)
        self.assertEqual(len(server.seen), 25)
        self.assertLessEqual(server.most_open, 3)
        run.process.kill()
        run.end()
        # The next process remembers the minute.
        run = self.start('resume', 'latest')
        time.sleep(1.5)
        self.assertEqual(len(server.seen), 25)
        run.process.kill()
        run.end()


if __name__ == '__main__':
    sys.exit(main())

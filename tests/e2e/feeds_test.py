# SPDX-License-Identifier: Apache-2.0
"""Many WebSocket clients at once: each gets everything, in order; those that never read are cut, and slow nobody."""
import base64
import json
import os
import re
import selectors
import signal
import socket
import time

import harness
from harness import PATIENCE, script
from serve_test import Served

CLIENTS = 200
DEAF = 20
RUNS = 3
ITEMS = 100
PIECE = 16 << 10   # bytes of each result: together several times what may wait for one client
ENDED = {'completed', 'failed', 'cancelled', 'timed_out'}


class Client:
    """A WebSocket that is read whenever there is something; events are kept as (run, seq, type)."""

    def __init__(self, port, token, target, deaf=False):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if deaf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(('127.0.0.1', port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall('\r\n'.join([
            f'GET {target} HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket',
            'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {key}', f'Authorization: Bearer {token}',
            '', '']).encode())
        self.target, self.buffer, self.events, self.closed, self.message = target, bytearray(), [], None, b''
        while b'\r\n\r\n' not in self.buffer:
            piece = self.socket.recv(1)
            if not piece:
                raise ConnectionError(self.buffer)
            self.buffer += piece
        self.head, self.buffer = bytes(self.buffer), bytearray()

    def read(self):
        """False once there is nothing more to come."""
        try:
            piece = self.socket.recv(1 << 18)
        except ConnectionError:
            piece = b''
        self.buffer += piece
        at = 0
        while (size := self.frame(at)) is not None:
            at += size
        del self.buffer[:at]
        return bool(piece) and self.closed is None

    def frame(self, at):
        """Takes the frame that begins here, and returns its length; None if it is not whole yet."""
        if len(self.buffer) < at + 2:
            return None
        kind, length, head = self.buffer[at], self.buffer[at + 1], 2
        if length == 126:
            head, length = 4, int.from_bytes(self.buffer[at + 2:at + 4], 'big')
        elif length == 127:
            head, length = 10, int.from_bytes(self.buffer[at + 2:at + 10], 'big')
        if len(self.buffer) < at + head + length:
            return None
        payload = bytes(self.buffer[at + head:at + head + length])
        if kind & 0x0f in (0, 1):   # a message, in one frame or in several
            self.message += payload
            if kind & 0x80:
                self.take(json.loads(self.message))
                self.message = b''
        elif kind == 0x88:
            self.closed = int.from_bytes(payload[:2], 'big')
            try:
                self.socket.sendall(b'\x88\x80\0\0\0\0')
            except OSError:
                pass
        elif kind == 0x89:
            self.socket.sendall(b'\x8a\x80\0\0\0\0')
        return head + length

    def take(self, message):
        event = json.loads(message['data'])
        self.events.append((event.get('run'), event['seq'], event['type']))
        if 'id' in message and int(message['id']) != event['seq']:
            raise AssertionError(f'{self.target}: id {message["id"]} of event {event["seq"]}')


class Feeds(Served):
    def begin(self):
        answer = self.ask('/v1/runs', 'POST', self.operate, b'{"workflow": "flow"}')
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json['run']

    def connect_to(self, target, deaf=False):
        client = Client(self.port, self.operate, target, deaf)
        self.addCleanup(client.socket.close)
        self.assertIn(b' 101 ', client.head)
        return client

    def follow(self, clients, done):
        """Reads all of them until `done` says so."""
        with selectors.DefaultSelector() as selector:
            for client in clients:
                selector.register(client.socket, selectors.EVENT_READ, client)
            end = time.monotonic() + 2 * PATIENCE
            while not done():
                if time.monotonic() > end:
                    stand = sorted({(client.target, len(client.events), client.closed) for client in clients}, key=str)
                    self.fail(f'waited in vain for the clients: {stand}')
                for key, _ in selector.select(0.2):
                    if not key.data.read():
                        selector.unregister(key.fileobj)

    def open(self):
        return int(re.search(r'(?m)^hillstar_http_streams (\d+)', self.ask('/metrics', token=self.operate)
                             .body.decode())[1])

    def test_many_clients_follow_and_some_never_read(self):
        self.operate = self.token('o', 'operate')
        self.flow({'wait': script('while [ ! -e go ]; do sleep 0.02; done'),
                   'each': {**script(f'head -c {PIECE} /dev/zero | tr "\\0" x'), 'for_each': list(range(ITEMS)),
                            'parallel': 8},
                   'last': script('echo done')}, [('wait', 'each'), ('each', 'last')])
        serve = self.serve('flow.json', '--rate-limit', '0')
        deaf = [self.connect_to('/v1/events', deaf=True) for _ in range(DEAF)]
        of_store = [self.connect_to('/v1/events') for _ in range((CLIENTS - DEAF) // 2)]
        runs = [self.begin() for _ in range(RUNS)]
        of_run = [self.connect_to(f'/v1/runs/{runs[i % RUNS]}/events')
                  for i in range(CLIENTS - DEAF - len(of_store))]
        began = time.monotonic()
        self.write('go', '')
        wanted = {run: None for run in runs}

        def ended():
            """Every run has its end, and every client has been told of all of it."""
            for run, length in wanted.items():
                if length is None:
                    row = self.ask(f'/v1/runs/{run}', token=self.operate).json
                    if row['status'] not in ENDED:
                        return False
                    wanted[run] = row['version']
            total = sum(wanted.values())
            return (all(client.closed is not None for client in of_run) and
                    all(len(client.events) >= total for client in of_store))

        self.follow(of_store + of_run, ended)
        took = time.monotonic() - began
        for run in runs:
            self.assertEqual(self.status(run)['status'], 'completed')
        for i, client in enumerate(of_run):
            run = runs[i % RUNS]
            self.assertEqual([seq for _, seq, _ in client.events], list(range(1, wanted[run] + 1)))
            self.assertEqual(client.events[-1][2], 'run_completed')
        for client in of_store:
            for run in runs:
                seqs = [seq for of, seq, _ in client.events if of == run]
                self.assertEqual(seqs, list(range(1, wanted[run] + 1)))
        # For what waits for them, or because they do not answer either.
        self.until(lambda: self.open() == len(of_store), 'those that never read to be cut')
        print(f'{CLIENTS} clients, {sum(wanted.values())} events: {took:.1f} s')
        # Nobody is kept by them at the end either.
        serve.send(signal.SIGTERM)
        self.follow(of_store, lambda: all(client.closed is not None for client in of_store))
        serve.end(0)


if __name__ == '__main__':
    raise SystemExit(harness.main())

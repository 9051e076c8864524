# SPDX-License-Identifier: Apache-2.0
"""serve and token, over real sockets: who may ask, what is refused, how it ends, and how much it bears."""
import base64
import json
import os
import random
import resource
import signal
import socket
import ssl
import subprocess
import time

import harness
from harness import EndToEnd, script


def asking(target, *fields):
    lines = [f'GET {target} HTTP/1.1', 'Host: localhost', *fields]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n'


def asking_for_events(token, target='/v1/events'):
    return asking(target, f'Authorization: Bearer {token}', 'Accept: text/event-stream')


class Reply:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split()[1]) if lines[0].startswith('HTTP/1.1 ') else 0
        self.fields = dict(line.lower().split(': ', 1) for line in lines[1:] if ': ' in line)

    @property
    def json(self):
        return json.loads(self.body)


class Served(EndToEnd):
    def serve(self, *arguments, **more):
        command = self.start('serve', '--listen', '127.0.0.1:0', *arguments, **more)
        command.wait_for('Listening on ', 0)
        self.until(lambda: b'\n' in command.read(0), 'the address')
        self.url = command.read(0).decode().split()[2]
        self.port = int(self.url.rsplit(':', 1)[1])
        return command

    def token(self, name='t', scope='read', *more):
        return self.hill('token', 'create', '--name', name, '--scope', scope, *more).out.strip()

    def connect(self):
        connection = socket.create_connection(('127.0.0.1', self.port), timeout=30)
        self.addCleanup(connection.close)
        return connection

    def raw(self, data, connection=None):
        """Sends bytes and reads to the end of the connection."""
        connection = connection or self.connect()
        answer = b''
        try:
            connection.sendall(data)
            while True:
                piece = connection.recv(65536)
                if not piece:
                    break
                answer += piece
        except ConnectionError:
            pass
        return answer

    def ask(self, target, method='GET', token=None, body=None, host='localhost', **fields):
        lines = [f'{method} {target} HTTP/1.1', f'Host: {host}', 'Connection: close']
        if token:
            lines.append(f'Authorization: Bearer {token}')
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        if body is not None:
            lines.append(f'Content-Length: {len(body)}')
        return Reply(self.raw('\r\n'.join(lines).encode() + b'\r\n\r\n' + (body or b'')))

    def stream(self, token, target='/v1/events'):
        """A connection on which an event stream has begun."""
        connection = self.connect()
        connection.sendall(asking_for_events(token, target))
        head = b''
        while b'\r\n\r\n' not in head:
            piece = connection.recv(4096)
            self.assertTrue(piece, head)
            head += piece
        self.assertIn(b' 200 ', head)
        self.assertIn(b'text/event-stream', head)
        return connection


class Tokens(Served):
    def test_scopes_and_what_is_missing(self):
        read, admin = self.token('r', 'read'), self.token('a', 'admin')
        self.serve()
        for target in '/', '/healthz', '/readyz':
            self.assertEqual(self.ask(target).status, 200, target)
        none = self.ask('/v1/runs')
        self.assertEqual((none.status, none.json['code']), (401, 'HS804'))
        self.assertEqual(none.fields['www-authenticate'], 'bearer')
        self.assertEqual(self.ask('/v1/runs', token='hsa_' + 'A' * 43).status, 401)
        self.assertEqual(self.ask('/v1/runs?token=' + read).status, 401)
        self.assertEqual(self.ask('/v1/runs', token=read).status, 200)
        self.assertEqual(self.ask('/metrics', token=read).status, 200)
        small = self.ask('/v1/runs/x/cancel', 'POST', read, b'{}')
        self.assertEqual((small.status, small.json['code']), (403, 'HS805'))
        self.assertEqual(self.ask('/v1/runs/x/cancel', 'POST', admin, b'{}').status, 404)

    def test_a_token_ends_by_time_and_by_revocation(self):
        short, long = self.token('short', 'read', '--expires', '3s'), self.token('long', 'read', '--expires', 'never')
        serve = self.serve()
        self.until(lambda: self.ask('/v1/runs', token=short).status == 401, 'the token to expire')
        self.assertEqual(self.ask('/v1/runs', token=long).status, 200)
        self.hill('token', 'revoke', 'long')
        self.assertEqual(self.ask('/v1/runs', token=long).status, 401)
        new = self.token('new')
        self.assertEqual(self.ask('/v1/runs', token=new).status, 200)
        said = serve.send(signal.SIGTERM).end(0)
        for token in short, long, new:
            self.assertNotIn(token[4:], said.out + said.err)
            self.assertNotIn(token[4:], self.read('.hillstar/store/tokens.json'))

    def test_the_file_is_private_and_odd_files_are_refused(self):
        self.token()
        path = self.path('.hillstar/store/tokens.json')
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        os.chmod(path, 0o644)
        self.assertIn('chmod 600', self.hill('serve', '--listen', '127.0.0.1:0', code=6).err)
        os.chmod(path, 0o600)
        with open(path, 'w') as file:
            file.write('{"tokens": 5}')
        self.hill('serve', '--listen', '127.0.0.1:0', code=74)
        self.hill('token', 'ls', code=74)

    def test_bad_words(self):
        self.token('x')
        for arguments in (['create'], ['create', '--name', 'a b'], ['create', '--name', 'x'],
                          ['create', '--name', 'y', '--expires', 'soon'], ['create', '--name', 'y', '--expires', '0s'],
                          ['create', '--name', 'y', '--scope', 'root'], ['revoke'], ['make']):
            self.hill('token', *arguments, code=2)
        self.hill('token', 'revoke', 'nobody', code=4)
        rows = self.hill('token', 'ls', '-o', 'json').json
        self.assertEqual([row['name'] for row in rows], ['x'])
        self.assertNotIn('sha256', rows[0])


class Places(Served):
    def test_names_and_origins(self):
        self.serve('--allow-host', 'hill.example', '--allow-origin', 'https://page.example')
        own = f'localhost:{self.port}'
        self.assertEqual(self.ask('/', host='evil.example').status, 403)
        self.assertEqual(self.ask('/', host='hill.example').status, 200)
        self.assertEqual(self.ask('/', host=own, origin=f'http://{own}').status, 200)
        self.assertEqual(self.ask('/', host=own, origin='http://evil.example').status, 403)
        self.assertEqual(self.ask('/', host=own, origin='https://page.example').status, 200)
        self.assertEqual(self.ask('/', host=own, sec_fetch_site='cross-site').status, 403)
        self.assertEqual(Reply(self.raw(b'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).status, 400)
        answer = self.ask('/', host=own, origin=f'http://{own}')
        self.assertNotIn('access-control-allow-origin', answer.fields)

    def test_flags_that_cannot_be(self):
        for arguments in (['--listen', 'x'], ['--listen', '127.0.0.1'], ['--listen', '127.0.0.1:99999'],
                          ['--tls-cert', 'a.pem'], ['--drain-timeout', 'soon'], ['--max-connections', '0'],
                          ['--allow-host', 'a b'], ['--listen', 'example.org:80']):
            done = self.hill('serve', *arguments, code=2)
            self.assertEqual(done.err.count('error'), 1, done)
        self.hill('serve', 'absent.json', code=4)
        self.write('broken.json', '{"id": 5}')
        self.hill('serve', 'broken.json', code=3)
        self.hill('serve', '--listen', '127.0.0.1:0', '--tls-cert', 'no.pem', '--tls-key', 'no.pem', code=74)

    def test_one_address_and_one_store_have_one_service(self):
        self.serve()
        other = self.hill('--store', 'other', 'serve', '--listen', f'127.0.0.1:{self.port}', code=10)
        self.assertIn('in use', other.err)
        self.assertFalse(os.path.exists(self.path('other')))
        self.assertIn('owns the store', self.hill('serve', '--listen', '127.0.0.1:0', code=10).err)


class Bytes(Served):
    def test_what_is_no_request_is_refused(self):
        token = self.token('o', 'operate')
        self.serve()
        host = b'Host: localhost\r\n'
        post = b'POST /v1/runs/x/cancel HTTP/1.1\r\n' + host + b'Authorization: Bearer ' + token.encode() + b'\r\n'
        for expected, data in (
                (400, b'HELLO\r\n\r\n'), (400, b'GET / HTTP/3.0\r\n' + host + b'\r\n'),
                (400, b'GET /%zz HTTP/1.1\r\n' + host + b'Connection: close\r\n\r\n'),
                (400, b'GET /%00 HTTP/1.1\r\n' + host + b'Connection: close\r\n\r\n'),
                (400, b'GET / HTTP/1.1\r\n' + host + host + b'Connection: close\r\n\r\n'),
                (414, b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\n' + host + b'\r\n'),
                (431, b'GET / HTTP/1.1\r\n' + host + b'X: ' + b'a' * 20000 + b'\r\n\r\n'),
                (400, post + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}'),
                (400, post + b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
                (400, post + b'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n'),
                (400, post + b'Content-Length: -1\r\n\r\n'),
                (400, post + b'Transfer-Encoding: chunked\r\n\r\nxx\r\n'),
                (413, post + b'Content-Length: 99999999999\r\n\r\n'),
                (413, b'GET / HTTP/1.1\r\n' + host + b'Content-Length: 5\r\n\r\nhello'),
                (417, post + b'Expect: tea\r\nContent-Length: 2\r\n\r\n{}')):
            self.assertEqual(Reply(self.raw(data)).status, expected, data[:80])
        self.assertEqual(self.ask('/').status, 200)

    def test_chunked_bodies_and_continue(self):
        token = self.token('o', 'operate')
        self.serve()
        post = ('POST /v1/runs/x/cancel HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n'
                f'Authorization: Bearer {token}\r\n')
        chunked = post.encode() + b'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n'
        self.assertEqual(Reply(self.raw(chunked)).status, 404)
        endless = post.encode() + b'Transfer-Encoding: chunked\r\n\r\n' + b'fff0\r\n' + b' ' * 0xfff0 + b'\r\n'
        self.assertEqual(Reply(self.raw(endless + (b'fff0\r\n' + b' ' * 0xfff0 + b'\r\n') * 40)).status, 413)
        connection = self.connect()
        connection.sendall(post.encode() + b'Expect: 100-continue\r\nContent-Length: 2\r\n\r\n')
        self.assertIn(b'100 Continue', connection.recv(100))
        self.assertEqual(Reply(self.raw(b'{}', connection)).status, 404)

    def test_pipelined_requests_are_answered_in_order(self):
        self.serve()
        one = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
        two = b'HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n'
        last = b'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
        answer = self.raw((one + two) * 50 + last)
        self.assertEqual(answer.count(b'HTTP/1.1 200 OK'), 101)
        self.assertEqual(answer.count(b'"status":"ok"'), 50)
        self.assertTrue(answer.endswith(b'"version":' + answer.rsplit(b'"version":', 1)[1]))
        self.assertEqual(answer.count(b'"name"'), 1)

    def test_whoever_sends_slowly_is_cut_and_others_do_not_wait(self):
        self.serve()
        slow = [self.connect() for _ in range(50)]
        for connection in slow:
            connection.sendall(b'GET / HT')
        begin = time.monotonic()
        self.assertEqual(self.ask('/').status, 200)
        ends = begin + 40
        for connection in slow:
            connection.settimeout(max(1, ends - time.monotonic()))
            try:
                self.assertEqual(connection.recv(100), b'')
            except ConnectionError:
                pass
        self.assertGreater(time.monotonic() - begin, 5)

    def test_any_bytes_leave_it_answering(self):
        seed = random.randrange(1 << 32)
        print('seed', seed)
        dice = random.Random(seed)
        serve = self.serve()
        good = (b'POST /v1/runs?a=%41 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n'
                b'Transfer-Encoding: x\r\n\r\nabc')
        for _ in range(1500):
            data = bytearray(good * dice.randrange(1, 3))
            for _ in range(dice.randrange(1, 8)):
                where = dice.randrange(len(data))
                data[where:where + dice.randrange(3)] = bytes(dice.randrange(256) for _ in range(dice.randrange(4)))
            with socket.create_connection(('127.0.0.1', self.port), timeout=30) as connection:
                try:
                    connection.sendall(bytes(data))
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass
        self.assertEqual(self.ask('/healthz').status, 200)
        serve.send(signal.SIGTERM).end(0)


class Limits(Served):
    def test_too_many_requests(self):
        self.serve('--rate-limit', '1')
        replies = [self.ask('/') for _ in range(10)]
        late = [reply for reply in replies if reply.status == 429]
        self.assertTrue(late)
        self.assertEqual(late[0].json['code'], 'HS807')
        self.assertGreaterEqual(int(late[0].fields['retry-after']), 1)

    def test_connections_have_a_number_and_a_share(self):
        token = self.token()
        self.serve('--max-connections', '8')
        held = [self.connect() for _ in range(6)]
        self.until(lambda: self.raw(b'').startswith(b'HTTP/1.1 503'), 'the house to be full')
        for connection in held:
            connection.close()
        self.until(lambda: self.ask('/').status == 200, 'room')
        self.assertIn(b'hillstar_http_connections_refused_total', self.ask('/metrics', token=token).body)

    def test_a_full_disk_is_no_time_to_begin(self):
        token = self.token('o', 'operate')
        self.serve('--disk-reserve', str(1 << 40))
        ready = self.ask('/readyz')
        self.assertEqual(ready.status, 503)
        self.assertIn('HS808', [reason['code'] for reason in ready.json['reasons']])
        self.assertEqual(self.ask('/healthz').status, 200)
        self.assertEqual(self.ask('/v1/runs', token=token).status, 200)


class Tls(Served):
    def certificate(self, name):
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-keyout', self.path('key.pem'), '-out', self.path('cert.pem'), '-days', '2', '-subj',
                        '/CN=' + name, '-addext', 'subjectAltName=DNS:localhost'], check=True, capture_output=True)

    def handshake(self, **more):
        context = ssl.create_default_context(cafile=self.path('cert.pem'))
        for name, value in more.items():
            setattr(context, name, value)
        return context.wrap_socket(self.connect(), server_hostname='localhost')

    def test_https_and_a_new_certificate(self):
        self.certificate('one')
        serve = self.serve('--tls-cert', 'cert.pem', '--tls-key', 'key.pem')
        self.assertTrue(self.url.startswith('https://'))
        with self.handshake() as secure:
            secure.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertIn(b'200 OK', secure.recv(4096))
        # Plain HTTP gets nothing, and old TLS neither.
        self.assertNotIn(b'HTTP/1.1 200', self.raw(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
        self.certificate('two')
        serve.send(signal.SIGHUP).wait_for('read again')
        with self.handshake() as secure:
            self.assertEqual(dict(pair[0] for pair in secure.getpeercert()['subject'])['commonName'], 'two')
        self.write('cert.pem', 'nothing')
        serve.send(signal.SIGHUP).wait_for('error HS504')
        serve.send(signal.SIGTERM).end(0)


class Ends(Served):
    def test_a_stream_and_a_request_end_in_order(self):
        token = self.token()
        serve = self.serve('--drain-timeout', '20s')
        stream, idle = self.stream(token), self.connect()
        begin = time.monotonic()
        serve.send(signal.SIGTERM)
        end = b''
        while piece := stream.recv(4096):
            end += piece
        self.assertTrue(end.endswith(b'0\r\n\r\n'), end)
        self.assertEqual(idle.recv(10), b'')
        serve.end(0)
        self.assertLess(time.monotonic() - begin, 15)

    def test_killed_it_goes_on_with_every_run(self):
        self.flow({'a': script('for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done'),
                   'b': script('echo done', 'a')}, [('a', 'b')])
        self.addCleanup(self.write, 'go', '')
        run = self.start('run', 'flow.json')
        self.until(lambda: self.hill('ls', '-o', 'json', code=None).code == 0 and self.runs() and
                   self.status()['status'] == 'running', 'the run')
        run.send(signal.SIGKILL).end()
        serve = self.serve()
        self.until(lambda: self.status()['nodes_running'] > 0, 'recovery')
        serve.send(signal.SIGKILL).end()
        self.write('go', '')
        serve = self.serve()
        self.until(lambda: self.status()['status'] == 'completed', 'the run to complete')
        self.holds()
        serve.send(signal.SIGTERM).end(0)

    def test_terminals_join_it(self):
        self.serve()
        self.flow({'a': script('echo hello')})
        self.hill('run', 'flow.json')
        self.assertEqual(self.status()['status'], 'completed')

    def test_systemd_is_told(self):
        path = self.path('notify')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(30)
            serve = self.serve(env={'NOTIFY_SOCKET': path, 'WATCHDOG_USEC': '300000'})
            told = [manager.recv(4096).decode()]
            while not any('WATCHDOG=1' in text for text in told) or not any('READY=1' in text for text in told):
                told.append(manager.recv(4096).decode())
            serve.send(signal.SIGTERM).end(0)
            while not any('STOPPING=1' in text for text in told):
                told.append(manager.recv(4096).decode())


class Streams(Served):
    def test_a_file_on_the_command_line_is_a_stream(self):
        token = self.token('o', 'operate')
        self.flow({'a': script('echo hello')})
        serve = self.serve('flow.json')
        streams = self.ask('/v1/streams', token=token).json
        self.assertEqual([stream['stream'] for stream in streams], ['flow/default'])
        accepted = self.ask('/v1/streams/flow/default/trigger', 'POST', token, b'{}', content_type='application/json')
        self.assertEqual(accepted.status, 202, accepted.body)
        self.until(lambda: b'hillstar_runs_ended_total{status="completed"} 1' in self.ask('/metrics', token=token).body,
                   'the run to be counted')
        self.assertIn(b'outcome="accepted"} 1', self.ask('/metrics', token=token).body)
        serve.send(signal.SIGTERM).end(0)

    def test_a_websocket(self):
        token = self.token()
        serve = self.serve()
        connection = self.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(asking('/v1/events', 'Connection: Upgrade', 'Upgrade: websocket',
                                  'Sec-WebSocket-Version: 13', f'Sec-WebSocket-Key: {key}',
                                  f'Sec-WebSocket-Protocol: hillstar, bearer.{token}'))
        head = connection.recv(4096)
        self.assertIn(b' 101 ', head)
        self.assertIn(b'hillstar\r\n', head)
        self.assertNotIn(token.encode(), head)
        self.flow({'a': script('echo hello')})
        self.hill('run', 'flow.json')
        frame = connection.recv(65536)
        self.assertEqual(frame[0], 0x81)
        self.assertIn(b'{"data":', frame)
        serve.send(signal.SIGTERM)
        rest = b''
        while (piece := connection.recv(65536)) and b'\x03\xe9' not in rest + piece:
            rest += piece
        connection.sendall(b'\x88\x82\0\0\0\0\x03\xe9')
        serve.end(0)

    def test_thousands_of_idle_clients(self):
        many = 10_000
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 2 * many:
            many = hard // 2 - 2_000
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        token = self.token()
        serve = self.serve('--rate-limit', '0')
        before = self.memory(serve.process.pid)
        request = asking_for_events(token)
        clients = []
        try:
            for _ in range(many):
                clients.append(socket.create_connection(('127.0.0.1', self.port), timeout=60))
                clients[-1].sendall(request)
            for client in clients:
                self.assertIn(b' 200 ', client.recv(1024))
            used = self.memory(serve.process.pid) - before
            begin = time.process_time(), self.seconds(serve.process.pid), time.monotonic()
            self.flow({'a': script('echo hello')})
            self.hill('run', 'flow.json')
            for client in clients:
                self.assertTrue(client.recv(65536))
            work = self.seconds(serve.process.pid) - begin[1]
            print(f'{many} idle clients: {used / many:.1f} KiB each; events to all: {work:.2f} s of CPU')
            self.assertLess(used / many, 64)
            self.assertEqual(self.ask('/').status, 200)
        finally:
            for client in clients:
                client.close()
        serve.send(signal.SIGTERM).end(0)

    @staticmethod
    def memory(pid):
        with open(f'/proc/{pid}/status') as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))

    @staticmethod
    def seconds(pid):
        with open(f'/proc/{pid}/stat') as file:
            parts = file.read().rsplit(')', 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf('SC_CLK_TCK')


if __name__ == '__main__':
    raise SystemExit(harness.main())

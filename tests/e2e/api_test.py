# SPDX-License-Identifier: Apache-2.0
"""The HTTP API as programs use it, and as careless or hostile ones do: the service never answers 500 and never dies."""
import hashlib
import hmac
import http.client
import json
import os
import random
import time

import harness
from harness import EndToEnd, script

SECRET = 'a secret that is long enough for anybody'
FLOW = {'workflow': {'id': 'flow', 'graph': {'nodes': {'hello': script('echo hello')}, 'edges': []}}}


class Service(EndToEnd):
    def serve(self, *arguments, **more):
        self.tokens = {scope: self.hill('token', 'create', '--name', scope, '--scope', scope).out.strip()
                       for scope in ('read', 'operate', 'admin')}
        command = self.start('serve', '--listen', '127.0.0.1:0', *arguments, **more)
        command.wait_for('Listening on ', 0)
        self.until(lambda: b'\n' in command.read(0), 'the address')
        self.port = int(command.read(0).decode().split()[2].rsplit(':', 1)[1])
        self.service = command
        return command

    def ask(self, method, target, body=None, scope='admin', headers=(), timeout=60):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            fields = {'Authorization': 'Bearer ' + self.tokens[scope]} if scope else {}
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                fields['Content-Type'] = 'application/json'
            fields.update(headers)
            connection.request(method, target, body=body, headers=fields)
            response = connection.getresponse()
            response.fields = {name.lower(): value for name, value in response.getheaders()}
            stream = response.fields.get('content-type', '').startswith('text/event-stream')
            response.bytes = b'' if stream else response.read()
            return response
        finally:
            connection.close()

    def json(self, method, target, body=None, status=200, **more):
        response = self.ask(method, target, body, **more)
        self.assertEqual(response.status, status, response.bytes)
        return json.loads(response.bytes)

    def ended(self, run):
        self.until(lambda: self.json('GET', '/v1/runs/' + run)['status'] in ('completed', 'failed', 'cancelled'),
                   'the run to end')
        return self.json('GET', '/v1/runs/' + run)


class Api(Service):
    def test_a_run_from_start_to_result(self):
        self.serve()
        accepted = self.json('POST', '/v1/runs', {**FLOW, 'labels': {'team': 'x'}}, 202,
                             headers={'Idempotency-Key': 'k1'})
        again = self.json('POST', '/v1/runs', {**FLOW, 'labels': {'team': 'x'}}, 202,
                          headers={'Idempotency-Key': 'k1'})
        self.assertEqual((again['run'], again['repeated']), (accepted['run'], True))
        run = self.ended(accepted['run'])
        self.assertEqual((run['status'], run['started_by']), ('completed', 'admin'))
        self.assertIn('hello', self.json('GET', f"/v1/runs/{run['run']}/result")['output'])
        self.assertEqual([row['run'] for row in self.json('GET', '/v1/runs?label=team%3Dx')], [run['run']])
        # The shapes are those of the command line.
        for target, command in ((f"/v1/runs/{run['run']}", ('show', run['run'])),
                                (f"/v1/runs/{run['run']}/result", ('result', run['run'])),
                                (f"/v1/runs/{run['run']}/events", ('events', run['run'])), ('/v1/runs', ('ls',))):
            self.assertEqual(self.json('GET', target), self.hill('-o', 'json', *command).json, target)
        lines = self.ask('GET', f"/v1/runs/{run['run']}/records").bytes
        self.write('export.jsonl', lines.decode())
        self.hill('verify', self.path('export.jsonl'))

    def test_a_live_run_is_watched_to_its_end(self):
        self.serve()
        run = self.json('POST', '/v1/runs', {'workflow': {
            'id': 'slow', 'graph': {'nodes': {'wait': script('sleep 1')}, 'edges': []}}}, 202)['run']
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        self.addCleanup(connection.close)
        connection.request('GET', f'/v1/runs/{run}/events', headers={
            'Authorization': 'Bearer ' + self.tokens['read'], 'Accept': 'text/event-stream'})
        text = connection.getresponse().read().decode()
        ids = [int(line.split(': ')[1]) for line in text.splitlines() if line.startswith('id: ')]
        self.assertEqual(ids, list(range(1, len(ids) + 1)))
        self.assertIn('event: run_completed', text)
        after = self.ask('GET', f'/v1/runs/{run}/events', headers={
            'Accept': 'text/event-stream', 'Last-Event-ID': str(ids[-1])})
        self.assertEqual(after.status, 204)

    def test_scopes(self):
        self.serve()
        self.assertEqual(self.ask('POST', '/v1/runs', FLOW, scope='operate').status, 403)
        self.assertEqual(self.ask('POST', '/v1/runs', FLOW, scope='read').status, 403)
        self.assertEqual(self.ask('GET', '/v1/runs', scope='read').status, 200)
        self.assertEqual(self.ask('GET', '/v1/runs', scope=None).status, 401)
        self.assertEqual(self.ask('GET', '/v1/openapi.json', scope=None).status, 200)


class Remote(Service):
    def remote(self, *arguments, code=0, token='admin', **more):
        environment = {'HILLSTAR_TOKEN': self.tokens[token] if token else ''}
        return self.hill('--server', f'http://127.0.0.1:{self.port}', *arguments, code=code, env=environment, **more)

    def test_commands_work_as_with_a_store(self):
        self.serve()
        self.write('flow.json', json.dumps({'id': 'far', 'graph': {
            'nodes': {'hello': script('echo hello')}, 'edges': []}}))
        told = self.remote('run', 'flow.json')
        self.assertIn('hello', told.out)
        for command in (('ls',), ('show', 'latest'), ('result', 'latest'), ('events', 'latest'), ('logs', 'latest')):
            self.assertEqual(self.remote('-o', 'json', *command, token='read').json,
                             self.hill('-o', 'json', *command).json, command)
        self.assertIn('completed', self.remote('why', 'latest', token='read').out)
        self.remote('wait', 'latest', token='read')
        self.assertIn('hello', self.remote('events', 'latest', '--follow', token='read').out)
        self.remote('cancel', 'latest', code=5)

    def test_a_run_is_approved_and_another_cancelled(self):
        self.serve()
        asking = {'workflow': {'id': 'ask', 'graph': {
            'nodes': {'hello': script('echo hello')}, 'edges': []}, 'permissions': {'hello': 'ask'}}}
        run = self.json('POST', '/v1/runs', asking, 202)['run']
        self.until(lambda: self.json('GET', '/v1/runs/' + run)['status'] == 'waiting', 'the question')
        self.assertIn(run, self.remote('ps', token='read').out)
        self.remote('approve', run, 'hello', token='read', code=6)
        self.remote('approve', run, 'hello', token='operate')
        self.assertEqual(self.ended(run)['status'], 'completed')
        run = self.json('POST', '/v1/runs', asking, 202)['run']
        self.remote('pause', run, token='operate', code=None)
        self.remote('cancel', run, token='operate')
        self.assertEqual(self.ended(run)['status'], 'cancelled')

    def test_one_clear_error(self):
        service = self.serve()
        self.assertIn('HS804', self.remote('ls', token=None, code=10).err)
        self.tokens['wrong'] = 'hsa_' + 'A' * 43
        self.assertIn('HS804', self.remote('ls', token='wrong', code=10).err)
        self.assertIn('HS700', self.remote('repair', code=2).err)
        self.assertIn('unencrypted', self.hill('--server', 'http://example.com:1', 'ls', code=2).err)
        service.send(15).end(0)
        gone = self.remote('ls', code=10)
        self.assertIn('HS702', gone.err)
        self.assertNotIn(self.tokens['admin'], gone.out + gone.err)


class Fuzz(Service):
    """Every operation of the description, with what fits and what does not."""
    ROUNDS = int(os.environ.get('FUZZ_ROUNDS', 12))

    def value(self, schema, depth=0):
        """Something that fits the schema, or now and then something else."""
        odd = [None, True, -1, 0, 2 ** 63, 1e300, '', 'x' * 3000, '\x00\u202e', [], {}, [[[]]], {'a': {'b': 1}}]
        if depth > 3 or self.random.random() < 0.25:
            return self.random.choice(odd)
        if '$ref' in schema:
            return self.value(self.document['components']['schemas'][schema['$ref'].rsplit('/', 1)[1]], depth)
        if 'enum' in schema:
            return self.random.choice(schema['enum'])
        kind = schema.get('type')
        kind = self.random.choice(kind) if isinstance(kind, list) else kind
        if kind == 'object':
            names = list(schema.get('properties', {}))
            made = {name: self.value(schema['properties'][name], depth + 1) for name in names
                    if name in schema.get('required', ()) or self.random.random() < 0.5}
            if self.random.random() < 0.1:
                made['unknown'] = 1
            return made
        if kind == 'array':
            return [self.value(schema.get('items', {}), depth + 1) for _ in range(self.random.randrange(3))]
        if kind == 'integer':
            return self.random.choice([1, 7, 100, schema.get('minimum', 0), schema.get('maximum', 9) + 1])
        if kind == 'boolean':
            return self.random.random() < 0.5
        return self.random.choice(['flow', 'hello', 'completed', '2026-11-22T03:04:05Z', 'a=b', '%', 'é', '{{ x }}'])

    def part(self, name):
        if name == 'run' and self.random.random() < 0.7:
            return self.run_id
        return self.random.choice(['flow', 'default', 'latest', '%2e%2e', '%00', 'x' * 300, '%F0%9F%98%80', '01' * 13])

    def request(self, path, method, operation):
        target, query, headers = path, [], {}
        for parameter in operation.get('parameters', ()):
            if parameter['in'] == 'path':
                target = target.replace('{' + parameter['name'] + '}', self.part(parameter['name']))
            elif self.random.random() < 0.4:
                said = str(self.value(parameter['schema'], 3 if self.random.random() < 0.2 else 0))
                said = ''.join(c if c.isascii() and c.isalnum() else ''.join(f'%{b:02x}' for b in c.encode()) for c in said)[:2000]
                if parameter['in'] == 'query':
                    query.append(parameter['name'] + '=' + said)
                else:
                    headers[parameter['name']] = said or 'x'
        if self.random.random() < 0.05:
            query.append('unknown=1')
        body = None
        if 'requestBody' in operation:
            schema = operation['requestBody']['content']['application/json']['schema']
            made = self.value(schema)
            if operation['operationId'] in ('startRun', 'declareStream') and self.random.random() < 0.5:
                made = json.loads(json.dumps(FLOW))
                here = made['workflow']
                while self.random.random() < 0.6 and isinstance(here, dict) and here:
                    inner = here[self.random.choice(list(here))]
                    if not isinstance(inner, dict):
                        here[self.random.choice(list(here))] = self.value({})
                    here = inner
            body = json.dumps(made).encode()
            headers['Content-Type'] = 'application/json'
            harm = self.random.random()
            if harm < 0.1:
                body = body[:-1]
            elif harm < 0.15:
                body = bytes(self.random.randrange(256) for _ in range(50))
            elif harm < 0.2:
                body = b'[' * 5000
            elif harm < 0.25:
                headers['Content-Type'] = 'text/plain'
        return target + ('?' + '&'.join(query) if query else ''), body, headers

    def test_no_request_makes_it_fail(self):
        seed = int(os.environ.get('FUZZ_SEED', 1))
        print(f'FUZZ_SEED={seed}')
        self.random = random.Random(seed)
        service = self.serve()
        self.document = self.json('GET', '/v1/openapi.json')
        self.run_id = self.json('POST', '/v1/runs', FLOW, 202)['run']
        self.ended(self.run_id)
        statuses = {}
        for _ in range(self.ROUNDS):
            for path, methods in self.document['paths'].items():
                for method, operation in methods.items():
                    target, body, headers = self.request(path, method, operation)
                    scope = self.random.choice(['admin', 'admin', 'admin', 'operate', 'read', None])
                    told = f'{method} {target[:300]} {(body or b"")[:300]} {headers} as {scope}'
                    answer = self.ask(method.upper(), target, body, scope, headers)
                    statuses[answer.status] = statuses.get(answer.status, 0) + 1
                    self.assertNotIn(answer.status, (500, 501, 502, 504), f'{told}: {answer.bytes}')
                    if answer.status >= 400:
                        self.assertEqual(answer.fields.get('content-type'), 'application/problem+json', told)
                        problem = json.loads(answer.bytes)
                        self.assertEqual(problem['status'], answer.status, told)
                        self.assertRegex(problem['code'], '^HS[0-9]{3}$', told)
                    self.assertIsNone(service.process.poll(), told)
        self.assertTrue(any(status < 300 for status in statuses), statuses)
        self.assertTrue(any(status >= 400 for status in statuses), statuses)
        later = self.json('POST', '/v1/runs', FLOW, 202)['run']
        self.assertEqual(self.ended(later)['status'], 'completed')


if __name__ == '__main__':
    harness.main()

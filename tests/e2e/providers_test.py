#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether providers answer, and what was used of them: `providers test`, `providers usage`, `run --priority`.

Usage: providers_test.py --binary PROGRAM
"""
import http.server
import json
import sys
import threading

from harness import EndToEnd, main, script

KEY = 'canary-key-canary'


class Server(http.server.ThreadingHTTPServer):
    """Lists models and answers calls; wants a key if it is given one."""

    daemon_threads = True

    def __init__(self, key=None):
        self.key, self.asked = key, []
        super().__init__(('127.0.0.1', 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self.server_address[1]}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, body, status=200):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def allowed(self):
        if self.server.key is None or self.headers.get('Authorization') == 'Bearer ' + self.server.key:
            return True
        self.answer({'error': {'message': 'wrong key ' + str(self.headers.get('Authorization'))}}, 401)
        return False

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.allowed():
            self.answer({'object': 'list', 'data': [{'id': 'tiny'}, {'id': 'large'}],
                         'models': [{'model': 'glm-5:cloud'}, {'model': 'llama:8b'}, {'model': 'qwen3:4b'}]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.server.asked.append(request['model'])
        if self.allowed():
            self.answer({'id': 'x', 'object': 'chat.completion', 'model': request['model'],
                         'choices': [{'index': 0, 'finish_reason': 'stop',
                                      'message': {'role': 'assistant', 'content': 'ok'}}],
                         'usage': {'prompt_tokens': 7, 'completion_tokens': 5, 'total_tokens': 12}})

    def log_message(self, *_):
        pass


class Providers(EndToEnd):
    def setUp(self):
        super().setUp()
        for name in list(self.environment):
            if name.endswith('_API_KEY'):
                del self.environment[name]

    def server(self, key=None):
        server = Server(key)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def registry(self, **providers):
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': providers}))

    def lab(self, server, **more):
        return {'type': 'local', 'adapter': 'openai_compatible', 'endpoint': server.url, 'default_model': 'tiny', **more}

    def one(self, *arguments, code=0, **more):
        done = self.hill('providers', 'test', *arguments, '-o', 'json', code=code, **more)
        self.assertNotIn('canary', done.out + done.err)
        return done.json[0]

    def test_one_that_answers(self):
        server = self.server(KEY)
        self.registry(lab=self.lab(server, env_vars=['LAB_KEY']))
        env = {'LAB_KEY': KEY}
        found = self.one('lab', env=env)
        self.assertEqual((found['state'], found['models'], found['has_model']), ('ok', 2, True))
        self.assertEqual(server.asked, ['/v1/models'])
        self.assertTrue(self.one('lab', '--model', 'large', env=env)['has_model'])
        self.assertFalse(self.one('lab', '--model', 'huge', code=10, env=env)['has_model'])
        self.assertEqual(self.one('lab', '--call', env=env)['reply'], 'ok')
        self.assertIn('2 models; has tiny', self.hill('providers', 'test', 'lab', env=env).out)

    def test_keys_that_are_wrong_or_missing(self):
        server = self.server('another')
        self.registry(lab=self.lab(server, env_vars=['LAB_KEY']))
        self.assertEqual(self.one('lab', code=10, env={'LAB_KEY': KEY})['state'], 'not authorised')
        missing = self.one('lab', code=10)
        self.assertEqual(missing['state'], 'not set up')
        self.assertIn('LAB_KEY', missing['failure']['message'])

    def test_what_is_not_there(self):
        server = self.server()
        server.shutdown()
        server.server_close()
        self.registry(lab=self.lab(server))
        self.assertEqual(self.one('lab', code=10)['state'], 'unreachable')
        self.hill('providers', 'test')   # nobody named it, and it needs no key
        self.hill('providers', 'test', 'labb', code=4)

    def test_programs(self):
        self.write('ask', '#!/bin/sh\necho \'{"text":"ok"}\'\n', 0o755)
        self.registry(mine={'type': 'script', 'command': ['./ask']}, gone={'type': 'script', 'command': ['./gone']})
        self.assertEqual(self.one('mine', '--call')['reply'], 'ok')
        self.assertEqual(self.one('gone', code=10)['state'], 'not installed')
        self.assertEqual(self.one('codex', code=10, env={'PATH': '/nowhere'})['state'], 'not installed')
        for code, state in ((0, 'ok'), (1, 'not authorised')):
            self.write('bin/codex', f'#!/bin/sh\n[ "$1 $2" = "login status" ] && exit {code}\nexit 7\n', 0o755)
            found = self.one('codex', code=10 * code, env={'PATH': self.path('bin') + ':' + self.environment['PATH']})
            self.assertEqual(found['state'], state)

    def test_usage_adds_up_what_the_histories_say(self):
        server = self.server()
        self.registry(lab=self.lab(server, limits={'usd_per_day': '1'}, models={'tiny': {'pricing': {
            'input_per_1m_usd': '1000', 'output_per_1m_usd': '2000'}}}))
        self.hill('providers', 'usage', code=4)   # there is no store yet
        self.flow({'a': {'tool': 'model_call', 'provider': 'lab', 'input': 'x', 'parameters': {'max_tokens': 10}},
                   'b': {'tool': 'model_call', 'provider': 'lab', 'input': 'y', 'parameters': {'max_tokens': 10}},
                   's': script('true')})
        self.hill('run', 'flow.json')
        self.flow({'a': {'tool': 'model_call', 'provider': 'gone', 'input': 'x', 'retry': 1}},
                  model_config={'custom_providers': {'gone': {'type': 'script', 'command': ['./gone']}}})
        self.hill('run', 'flow.json', code=1)
        found = self.hill('providers', 'usage', '-o', 'json').json
        gone, lab = found['used']
        self.assertEqual((gone['provider'], gone['calls'], gone['failed']), ('gone', 1, 1))
        self.assertEqual((lab['provider'], lab['model'], lab['calls'], lab['failed']), ('lab', 'tiny', 2, 0))
        self.assertEqual((lab['input_tokens'], lab['output_tokens'], lab['cost_micros']), (14, 10, 34_000))
        left, = found['left_today']
        self.assertEqual((left['spent_micros'], left['left_micros']), (34_000, 966_000))
        text = self.hill('providers', 'usage', 'lab', '--since', 'today').out
        self.assertIn('Today lab: $0.0340 of $1.0000 spent', text)
        self.assertNotIn('gone', text)
        self.assertEqual(self.hill('providers', 'usage', '--since', '2999-01-01', '-o', 'json').json['used'], [])
        for wrong in ('yesterday', '0d', '7', '2026-13-01', ''):
            self.hill('providers', 'usage', '--since', wrong, code=2)

    def seat(self, model='router-planner', run_code=0, provider=None, **config):
        self.flow({'a': {'tool': 'model_call', 'model': model, 'input': 'x', 'retry': 1,
                         **({'provider': provider} if provider else {})}}, model_config=config)
        return self.hill('run', 'flow.json', code=run_code)

    def test_a_seat_that_nobody_pinned_is_filled_by_a_model_of_this_machine(self):
        server = self.server()
        self.registry(ollama={'endpoint': server.url})
        self.assertEqual(self.seat().out.strip(), 'ok')
        self.assertEqual(server.asked, ['/api/tags', 'qwen3:4b'])
        completed, = self.events(kind='node_completed')
        detail = completed['data']['detail']
        self.assertEqual((detail['source'], detail['provider'], detail['model'], detail['model_asked']),
                         ('local-discovery', 'ollama', 'qwen3:4b', 'router-planner'))
        self.assertIn('a model that Ollama has here is taken', self.hill('plan', 'flow.json').out)
        self.seat(preset='local_only')
        self.seat(run_code=3, provider_preferences={'blocklist': ['ollama']})
        self.seat(run_code=1, provider='router')
        self.seat('router-embedding', run_code=1)
        self.assertIn('no model of its own', self.node('a')['failure']['message'])

    def test_a_seat_that_nothing_fills(self):
        server = self.server()
        server.shutdown()
        server.server_close()
        self.registry(ollama={'endpoint': server.url})
        self.seat(run_code=1)
        failure = self.node('a')['failure']
        self.assertEqual(failure['kind'], 'auth')
        for part in ("no backend for seat 'router-planner'", 'HILLSTAR_ROUTER_URL', 'does not answer'):
            self.assertIn(part, failure['message'])
        self.assertEqual(len(self.attempts('a')), 1)

    def test_priority_is_recorded(self):
        self.flow({'s': script('true')})
        for given, recorded in (('low', 3), ('high', 30), ('77', 77), ('normal', None)):
            self.hill('run', 'flow.json', '--priority', given)
            started, = self.events(kind='run_started')
            self.assertEqual(started['data'].get('priority'), recorded)
        for wrong in ('0', '101', 'urgent', '1.5', '-1'):
            self.hill('run', 'flow.json', '--priority=' + wrong, code=2)


if __name__ == '__main__':
    sys.exit(main())

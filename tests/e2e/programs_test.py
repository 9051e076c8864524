#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backends that are programs: wrappers of one's own, codex, and what is left of them when things go wrong.

Usage: programs_test.py --binary PROGRAM
"""
import json
import os
import signal
import sys

from harness import EndToEnd, is_alive, main, script

GOOD = '''import json, os, sys
request = json.load(sys.stdin)
json.dump(request, open('request.json', 'w'))
json.dump(dict(os.environ), open('environment.json', 'w'))
json.dump(sys.argv, open('argv.json', 'w'))
'''
SAY = "print(json.dumps({'text': 'four', 'usage': {'input_tokens': 3, 'output_tokens': 1}}))\n"

CODEX = '''#!/usr/bin/env python3
import json, sys
json.dump({'argv': sys.argv[1:], 'stdin': sys.stdin.read()}, open('codex.json', 'w'))
'''
TURN = ('''for line in ({'type': 'thread.started', 'thread_id': 't-1'}, {'type': 'turn.started'},
             {'type': 'item.completed', 'item': {'id': '0', 'type': 'reasoning', 'text': 'hm'}},
             {'type': 'item.completed', 'item': {'id': '1', 'type': 'agent_message', 'text': 'I look.'}},
             {'type': 'novelty', 'x': 1},
             {'type': 'item.completed', 'item': {'id': '2', 'type': 'agent_message', 'text': 'It is four.'}},
             {'type': 'turn.completed', 'usage': {'input_tokens': 20, 'cached_input_tokens': 16,
                                                  'output_tokens': 4}}):
    print(json.dumps(line), flush=True)
''')


class Programs(EndToEnd):
    def ask(self, code, run_code=0, node=None, provider=None, env=None, **config):
        """A run whose one node asks a wrapper of this code."""
        self.write('wrap.py', code)
        entry = {'type': 'script', 'command': ['python3', 'wrap.py', 'one "argument"'], **(provider or {})}
        self.flow({'a': {'tool': 'model_call', 'provider': 'mine', 'model': 'm-1', 'input': 'two and two',
                         **(node or {})}}, model_config={'custom_providers': {'mine': entry}, **config})
        return self.hill('run', 'flow.json', code=run_code, env=env or {})

    def failure(self, code, run_code=1, **more):
        self.ask(code, run_code, **more)
        return self.node('a')['failure']

    def test_the_contract(self):
        done = self.ask(GOOD + SAY, node={'parameters': {'system': 'be brief', 'max_tokens': 50, 'temperature': 0.5}},
                        provider={'auth_token': '${LAB_KEY}'}, env={'LAB_KEY': 'canary-key-canary'})
        self.assertEqual(done.out.strip(), 'four')
        request = json.loads(self.read('request.json'))
        run = self.status()['run']
        for name, value in {'version': 1, 'run': run, 'node': 'a', 'attempt': 1, 'idempotency_key': run + '/a',
                            'model': 'm-1', 'system': 'be brief', 'prompt': 'two and two', 'messages': [],
                            'max_tokens': 50, 'temperature': 0.5}.items():
            self.assertEqual(request[name], value, name)
        environment = json.loads(self.read('environment.json'))
        self.assertEqual(environment['LAB_KEY'], 'canary-key-canary')
        self.assertEqual(environment['HILLSTAR_RUN_ID'], run)
        self.assertEqual(json.loads(self.read('argv.json')), ['wrap.py', 'one "argument"'])
        self.assertNotIn('canary', self.read('request.json') + json.dumps(self.events()))
        completed, = self.events(kind='node_completed')
        self.assertEqual(completed['data']['usage']['input_tokens'], 3)
        self.assertEqual(completed['data']['detail']['provider'], 'mine')
        self.holds()

    def test_a_stream_and_a_document_over_many_lines(self):
        self.assertEqual(self.ask(GOOD + "print('{\"delta\":\"fo\"}')\nprint('{\"delta\":\"ur\"}')\nprint('{\"model\":\"x\"}')\n")
                         .out.strip(), 'four')
        self.assertEqual(self.ask("import json; print(json.dumps({'text': 'four'}, indent=2))").out.strip(), 'four')

    def test_how_wrappers_fail(self):
        for code, kind, words in (
                ('import sys; sys.exit("no such luck")', 'exit_code', 'no such luck'),
                ('import os; os.kill(os.getpid(), 11)', 'signal', 'signal 11'),
                ('print("hello")', 'malformed_reply', 'no JSON'),
                ('', 'malformed_reply', 'wrote no reply'),
                ('print("{\\"text\\": 7}")', 'malformed_reply', 'is no text'),
                ('print("[1]")', 'malformed_reply', 'no object'),
                ('print("{\\"text\\": \\"a")', 'malformed_reply', 'no JSON'),
                ('print("{}")', 'malformed_reply', 'neither'),
                ('print("{\\"delta\\": \\"a\\"}")', 'malformed_reply', 'before its reply was complete'),
                ('print("{\\"text\\": \\"a\\"}\\n{\\"text\\": \\"b\\"}")', 'malformed_reply', 'after its reply'),
                ('print("{\\"text\\": \\" \\"}")', 'empty_reply', 'no text'),
                ('import sys; sys.stdout.buffer.write(b"{\\"text\\": \\"\\xff\\"}")', 'malformed_reply', 'no JSON'),
                ('print("{\\"error\\": {\\"class\\": \\"quota\\", \\"message\\": \\"all used up\\"}}"); exit(3)', 'quota',
                 'all used up'),
                ('print("{\\"error\\": {\\"class\\": \\"lost\\", \\"message\\": \\"eh\\"}}")', 'server', 'eh'),
                ('print("{\\"text\\": \\"a\\"}"); exit(3)', 'exit_code', 'exit code 3')):
            with self.subTest(code):
                failure = self.failure(code, 7 if kind == 'quota' else 1, node={'retry': 1})
                self.assertEqual(failure['kind'], kind, failure)
                self.assertIn(words, failure['message'])

    def test_secrets_in_its_last_words_are_not_kept(self):
        self.failure('import os, sys; sys.exit("key " + os.environ["LAB_KEY"])', node={'retry': 1},
                     env={'LAB_KEY': 'canary-key-canary'})
        self.assertNotIn('canary', json.dumps(self.events()))

    def test_a_program_that_is_not_there(self):
        failure = self.failure('', provider={'command': ['./not_there']})
        self.assertEqual(failure['kind'], 'spawn')
        self.assertIn('not_there', failure['message'])

    def test_a_wait_that_the_wrapper_asks_for(self):
        code = ("import json, os\nif os.path.exists('second'): print('{\"text\": \"at last\"}')\nelse:\n"
                " open('second', 'w')\n"
                " print(json.dumps({'error': {'class': 'rate_limited', 'message': 'slow', 'retry_after_s': 0.2}}))\n")
        done = self.ask(code, node={'retry': {'attempts': 2, 'backoff': 0.01}})
        self.assertEqual(done.out.strip(), 'at last')
        self.assertEqual(len(self.attempts('a')), 2)

    def test_a_timeout_ends_the_whole_group(self):
        failure = self.failure('import os, subprocess, time\nchild = subprocess.Popen(["sleep", "300"])\n'
                               'print(os.getpid(), child.pid, file=open("pids", "w"), flush=True)\ntime.sleep(300)\n',
                               run_code=124, node={'timeout': 4, 'retry': 1})
        self.assertEqual(failure['kind'], 'timeout')
        self.until(lambda: not any(is_alive(pid) for pid in self.read('pids').split()), 'the group to be gone')

    SLOW = ('import os, subprocess, time\nchild = subprocess.Popen(["sleep", "300"])\n'
            'open("pids.new", "w").write(f"{os.getpid()} {child.pid}")\nos.rename("pids.new", "pids")\ntime.sleep(300)\n')

    def begin(self):
        self.write('wrap.py', self.SLOW)
        self.flow({'a': {'tool': 'model_call', 'provider': 'mine', 'input': 'x'}},
                  model_config={'custom_providers': {'mine': {'type': 'script', 'command': ['python3', 'wrap.py']}}})
        started = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('pids')), 'the program to start')
        return started, self.read('pids').split()

    def test_cancel_ends_it(self):
        started, pids = self.begin()
        self.hill('cancel', 'latest', code=None)
        started.end(11)
        self.until(lambda: not any(is_alive(pid) for pid in pids), 'the group to be gone')

    def test_kill_of_the_host_leaves_nothing_behind(self):
        started, pids = self.begin()
        started.send(signal.SIGKILL).end()
        self.until(lambda: not any(is_alive(pid) for pid in pids), 'the group to be gone')

    def test_bad_entries_are_found_before_anything_runs(self):
        for entry, number in (({}, 'HS110'), ({'command': 'wrap.py'}, 'HS105'), ({'command': []}, 'HS110'),
                              ({'command': ['python3', 7]}, 'HS105'), ({'command': ['']}, 'HS110')):
            with self.subTest(entry=entry):
                self.flow({'a': {'tool': 'model_call', 'provider': 'mine', 'input': 'x'}},
                          model_config={'custom_providers': {'mine': {'type': 'script', **entry}}})
                self.assertIn(number, self.hill('validate', 'flow.json', code=3).err)

    def test_local_only_wants_a_promise(self):
        self.ask(GOOD + SAY, run_code=3, preset='local_only')
        self.assertFalse(os.path.exists(self.path('request.json')))
        self.ask(GOOD + SAY, provider={'local': True}, preset='local_only')
        self.flow({'a': {'tool': 'model_call', 'provider': 'codex', 'input': 'x'}},
                  model_config={'preset': 'local_only'})
        self.assertIn('HS300', self.hill('validate', 'flow.json', code=3).err)

    def test_a_person_may_be_asked_first(self):
        self.write('wrap.py', GOOD + SAY)
        self.flow({'a': {'tool': 'model_call', 'provider': 'mine', 'input': 'x'}}, permissions={'a': 'never'},
                  model_config={'custom_providers': {'mine': {'type': 'script', 'command': ['python3', 'wrap.py']}}})
        self.hill('run', 'flow.json', code=6)
        self.assertFalse(os.path.exists(self.path('request.json')))

    def test_plan_shows_the_command_and_registries_may_name_one(self):
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {'lab': {
            'type': 'script', 'command': ['python3', 'wrap.py'], 'default_model': 'm', 'limits': {'concurrency': 1},
            'models': {'m': {'pricing': {'input_per_1m_usd': '1000', 'output_per_1m_usd': '1000'}}}}}}))
        self.write('wrap.py', GOOD + SAY)
        self.flow({'a': {'tool': 'model_call', 'provider': 'lab', 'input': 'x'}, 's': script('true')})
        node = next(node for node in self.hill('plan', 'flow.json', '-o', 'json').json['nodes'] if node['node'] == 'a')
        self.assertEqual(node['backend']['address'], 'program:["python3","wrap.py"]')
        self.assertIn('wrap.py', self.hill('plan', 'flow.json').out)
        self.hill('run', 'flow.json')
        self.assertEqual(self.status()['cost_micros'] if 'cost_micros' in self.status() else 4000, 4000)
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {'lab': {'type': 'script'}}}))
        self.assertIn('HS401', self.hill('plan', 'flow.json', code=None).err)

    def codex(self, code, run_code=0, **node):
        self.write('bin/codex', CODEX + code, 0o755)
        self.flow({'a': {'tool': 'model_call', 'provider': 'codex_messages', 'input': 'two and two', **node}})
        return self.hill('run', 'flow.json', code=run_code,
                         env={'PATH': self.path('bin') + ':' + self.environment['PATH']})

    def test_codex(self):
        done = self.codex(TURN, model='gpt-5', parameters={'system': 'be brief', 'reasoning_effort': 'high'})
        self.assertEqual(done.out.strip(), 'It is four.')
        seen = json.loads(self.read('codex.json'))
        self.assertEqual(seen['stdin'], 'be brief\n\ntwo and two')
        self.assertEqual(seen['argv'][:2], ['exec', '--json'])
        self.assertEqual(seen['argv'][-1], '-')
        self.assertIn('read-only', seen['argv'])
        self.assertIn('--model=gpt-5', seen['argv'])
        self.assertIn('--config=model_reasoning_effort="high"', seen['argv'])
        completed, = self.events(kind='node_completed')
        self.assertEqual(completed['data']['usage']['input_tokens'], 20)
        self.assertEqual(completed['data']['usage']['cached_tokens'], 16)
        self.assertEqual(completed['data']['detail']['request_id'], 't-1')

    def test_how_codex_fails(self):
        for code, kind, words in (
                ('sys.exit("error: unexpected argument --json found")', 'invalid_request', 'too old'),
                ('sys.exit("Not logged in. Please run codex login")', 'auth', 'codex login'),
                ("print(json.dumps({'type': 'turn.failed', 'error': {'message': 'You have hit your usage limit.'}}))\n"
                 'sys.exit(1)', 'quota', 'usage limit'),
                ("print(json.dumps({'type': 'error', 'message': 'unexpected status 401 Unauthorized'}))\nsys.exit(1)",
                 'auth', '401'),
                ('', 'malformed_reply', 'without an answer'),
                ("print(json.dumps({'type': 'turn.completed'}))", 'empty_reply', 'no text')):
            with self.subTest(code):
                self.codex(code, 7 if kind == 'quota' else 1, retry=1)
                failure = self.node('a')['failure']
                self.assertEqual(failure['kind'], kind, failure)
                self.assertIn(words, failure['message'])

    def test_codex_that_is_not_installed(self):
        self.flow({'a': {'tool': 'model_call', 'provider': 'codex_mcp', 'input': 'x'}})
        self.hill('run', 'flow.json', code=1, env={'PATH': '/nowhere'})
        failure = self.node('a')['failure']
        self.assertEqual(failure['kind'], 'auth')
        self.assertIn('not installed', failure['message'])
        self.assertEqual(len(self.attempts('a')), 1)

    def test_others_say_what_is_missing(self):
        for name, words in (('anthropic_mcp', "Use 'anthropic'"), ('xai', 'decision'), ('palantir-aip', 'decision')):
            self.flow({'a': {'tool': 'model_call', 'provider': name, 'input': 'x'}})
            self.assertIn(words, self.hill('validate', 'flow.json', code=3).err)


if __name__ == '__main__':
    sys.exit(main())

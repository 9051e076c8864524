#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of whoever runs workflows: policy files, terms, classes of data, people who approve, the air gap.

Usage: rules_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import ACCEPTED, EndToEnd, main, script, settings

USER = '.config/hillstar/policy.json'
PROJECT = '.hillstar/governance_policy.json'


class Rules(EndToEnd):
    def setUp(self):
        super().setUp()
        for name in list(self.environment):
            if name.startswith(('ANTHROPIC', 'GOOGLE', 'GEMINI')):
                del self.environment[name]

    def policy(self, rules, name=USER):
        self.write(name, rules if isinstance(rules, str) else json.dumps(rules))

    def server(self):
        server = subprocess.Popen([settings.server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.wait)
        self.addCleanup(server.stdin.close)
        self.addCleanup(server.stdout.close)
        return int(server.stdout.readline())


class Policies(Rules):
    def test_a_policy_that_cannot_be_read_stops_everything(self):
        self.flow({'a': script('true')})
        for name in (USER, PROJECT):
            for text, place in (('{', name), ('{"sandbox": {"allow_non": true}}', '/sandbox'),
                                ('{\n "data": {"approvals": "two"}}', ':2:')):
                with self.subTest(name=name, text=text):
                    self.policy(text, name)
                    for command in ('validate', 'run'):
                        done = self.hill(command, 'flow.json', code=6)
                        self.assertIn('HS303', done.err)
                        self.assertIn(place, done.err)
                    os.remove(self.path(name))
        self.hill('ls', code=4)   # nothing was stored
        self.hill('run', 'flow.json')

    @unittest.skipIf(os.geteuid() == 0, 'root reads everything')
    def test_a_policy_that_may_not_be_read_stops_everything(self):
        self.flow({'a': script('true')})
        self.policy({})
        os.chmod(self.path(USER), 0)
        self.assertIn('HS303', self.hill('run', 'flow.json', code=6).err)

    def test_a_project_cannot_allow_itself_anything(self):
        self.flow({'a': script('true', sandbox='none')})
        self.assertIn('sandbox.allow_none', self.hill('validate', 'flow.json', code=3).err)
        self.policy({'sandbox': {'allow_none': True}}, PROJECT)
        done = self.hill('run', 'flow.json', code=6)
        self.assertIn('HS303', done.err)
        self.assertIn(USER.split('/', 1)[1], done.err)

    def test_the_rules_are_recorded_with_the_run(self):
        self.flow({'a': script('true')})
        self.hill('run', 'flow.json')
        self.assertNotIn('rules_sha256', self.events(kind='run_started')[0]['data'])
        self.policy({'data': {'approvals': 2}})
        self.hill('run', 'flow.json')
        self.assertIn('rules_sha256', self.events(kind='run_started')[0]['data'])
        shown = self.hill('show', '--rules', '-o', 'json').json['rules']
        self.assertEqual((shown['data']['approvals'], shown['files']), (2, [self.path(USER)]))
        self.policy({'data': {'approvals': 5}})   # what held is told, not what holds now
        self.assertIn('data.approvals', self.hill('show', '--rules').out)
        self.assertEqual(self.hill('show', '--rules', '-o', 'json').json['rules']['data']['approvals'], 2)

    def test_personal_data_is_masked_once_a_rule_is_on(self):
        self.flow({'a': script('echo ada@example.org')})
        self.hill('run', 'flow.json')
        self.assertIn('ada@', self.hill('result', 'latest', 'a').out)
        self.policy({'redaction': {'on': ['email_address']}})
        self.hill('run', 'flow.json')
        self.assertIn('[REDACTED:email_address]', self.hill('result', 'latest', 'a').out)


class Terms(Rules):
    def test_terms_are_asked_for_at_validate_and_by_the_engine(self):
        ask = {'tool': 'model_call', 'provider': 'anthropic', 'model': 'opus', 'input': 'x'}
        self.flow({'a': ask})
        done = self.hill('validate', 'flow.json', code=3)
        for part in ('HS304', 'tos_accepted', 'https://', 'registry'):
            self.assertIn(part, done.err)
        self.flow({'a': ask}, provider_config=ACCEPTED)
        self.hill('validate', 'flow.json')
        for word in ('tos_accepted', 'audit_enabled', 'restricted_use_acknowledged'):
            said = {'anthropic': {**ACCEPTED['anthropic'], word: False}}
            self.flow({'a': ask}, provider_config=said)
            self.assertIn(word, self.hill('validate', 'flow.json', code=3).err)

    def test_a_provider_on_this_machine_needs_no_word(self):
        port = self.server()
        self.flow({'a': {'tool': 'model_call', 'provider': 'anthropic', 'model': 'm', 'input': 'x'}},
                  model_config={'custom_providers': {'anthropic': {
                      'endpoint': f'http://127.0.0.1:{port}', 'type': 'custom', 'model_name': 'm'}}})
        self.hill('run', 'flow.json')


class Data(Rules):
    def ask(self, **more):
        return {'tool': 'model_call', 'provider': 'lab', 'model': 'm', 'input': '{{ sum.output }}', 'retry': 1, **more}

    def patients(self, endpoint, **more):
        return self.flow({'sum': script('cat', '{{ inputs.patients }}'), 'ask': self.ask(**more)},
                         inputs={'patients': {'data': 'restricted', 'default': 'p1'}},
                         model_config={'custom_providers': {'lab': {'endpoint': endpoint, 'type': 'custom',
                                                                    'model_name': 'm'}}})

    def test_restricted_data_does_not_leave_and_the_way_is_told(self):
        self.patients('http://192.0.2.1:9')
        done = self.hill('validate', 'flow.json', code=3)
        self.assertIn('inputs.patients -> sum -> ask', done.err)
        self.hill('run', 'flow.json', code=3)
        self.hill('ls', code=4)

    def inside(self, endpoint, source, **more):
        """A run that hands something on to a run inside another one, which asks a model."""
        part = {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}}
        lab = {'custom_providers': {'lab': {'endpoint': endpoint, 'type': 'custom', 'model_name': 'm'}}}
        self.flow({'ask': self.ask(input='{{ inputs.text }}')}, name='ask.json', id='ask',
                  inputs={'text': {'type': 'string'}}, model_config=lab)
        deep = {**part, 'parameters': {'workflow': 'ask.json'}, 'input': {'text': '{{ inputs.text }}'}}
        self.flow({'deep': deep}, name='sub.json', id='sub', inputs={'text': {'type': 'string'}})
        return self.flow({'first': script('touch ran; echo p1'), 'part': {**part, 'input': {'text': source}}},
                         [('first', 'part')], **more)

    def test_restricted_data_does_not_leave_through_a_run_inside(self):
        patients = {'patients': {'data': 'restricted', 'default': 'p1'}}
        self.inside('http://192.0.2.1:9', '{{ inputs.patients }}', inputs=patients)
        done = self.hill('validate', 'flow.json', code=3)
        self.assertIn('HS305', done.err)
        self.assertIn('ask.json', done.err)
        self.assertIn('inputs.text -> ask', done.err)
        self.hill('run', 'flow.json', code=3)
        self.hill('ls', code=4)
        self.inside(f'http://127.0.0.1:{self.server()}', '{{ inputs.patients }}', inputs=patients)
        self.hill('run', 'flow.json')

    def test_a_rule_that_comes_later_holds_for_runs_inside(self):
        """What was checked by another program, or before the rule, is looked at again by the engine."""
        self.inside(f'http://127.0.0.1:{self.server()}', '{{ inputs.patients }}',
                    inputs={'patients': {'data': 'restricted', 'default': 'p1'}})
        wait = 'touch ran; for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done; exit 1'
        text = json.loads(self.read('flow.json'))
        text['graph']['nodes']['first']['parameters']['script'] = wait
        self.write('flow.json', json.dumps(text))
        running = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        self.policy({'data': {'clearance': {'near': 'public'}}})
        self.write('go', '')
        done = running.end(1)
        self.assertIn('HS305', done.err)
        runs = {row['workflow']: row['run'] for row in self.runs()}
        self.assertEqual(sorted(runs), ['flow', 'sub'])   # `ask` was never started
        failed = self.events(runs['sub'], 'node_attempt_failed')[-1]['data']['failure']
        self.assertEqual(failed['kind'], 'permission')

    def test_what_a_run_inside_gives_is_of_its_class(self):
        lab = {'custom_providers': {'lab': {'endpoint': 'http://192.0.2.1:9', 'type': 'custom', 'model_name': 'm'}}}
        self.flow({'measure': script('echo p1', data='restricted')}, name='sub.json', id='sub')
        nodes = {'part': {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}},
                 'ask': self.ask(input='{{ part.output }}')}
        self.flow(nodes, model_config=lab)
        for command in 'validate', 'run':
            done = self.hill(command, 'flow.json', code=3)
            self.assertEqual(done.err.count('HS305'), 1, done)
            self.assertIn('part -> ask', done.err)
        self.flow(nodes, name='lib/mid.json', id='mid', model_config=lab)
        self.flow({'measure': script('echo p1', data='restricted')}, name='lib/sub.json', id='sub')
        self.flow({'mid': {'tool': 'workflow_run', 'parameters': {'workflow': 'lib/mid.json'}}})
        done = self.hill('validate', 'flow.json', code=3)
        self.assertIn('lib/mid.json', done.err)
        self.assertEqual(done.err.count('part -> ask'), 1, done)
        self.hill('ls', code=4)

    def test_restricted_data_goes_to_a_model_here(self):
        self.patients(f'http://127.0.0.1:{self.server()}')
        self.hill('run', 'flow.json')

    def test_the_operator_clears_a_provider_and_a_project_cannot(self):
        self.patients('http://192.0.2.1:9')
        clear = {'data': {'clearance': {'providers': {'lab': 'restricted'}}}}
        self.policy(clear, PROJECT)
        self.hill('validate', 'flow.json', code=3)
        self.policy(clear)
        self.hill('validate', 'flow.json')
        self.policy({'data': {'clearance': {'providers': {'lab': 'internal'}}}}, PROJECT)
        self.hill('validate', 'flow.json', code=3)   # a project may make it stricter
        os.remove(self.path(PROJECT))
        self.hill('validate', 'flow.json')

    def test_people_let_it_go_and_it_is_recorded(self):
        self.policy({'data': {'clearance': {'near': 'public'}}})
        self.patients(f'http://127.0.0.1:{self.server()}', release='ask')
        self.assertIn('people will be asked', self.hill('validate', 'flow.json').err)
        self.hill('run', 'flow.json', code=8)
        asked, = self.events(kind='approval_requested')
        self.assertEqual(asked['data']['release'], {'data': 'restricted', 'clearance': 'public', 'to': "provider 'lab'",
                                                    'path': ['inputs.patients', 'sum', 'ask']})
        self.assertEqual(self.attempts('ask'), [])
        self.hill('approve', 'latest', 'ask', '--reason', 'ethics board 12')
        answered, = self.events(kind='approval_answered')
        self.assertEqual((answered['data']['who'], answered['data']['reason']),
                         (pwd.getpwuid(os.geteuid()).pw_name, 'ethics board 12'))
        self.assertEqual(self.status()['status'], 'completed')

    def test_who_is_not_named_may_not_let_it_go(self):
        self.policy({'data': {'clearance': {'near': 'public'}, 'approvers': ['nobody-of-this-name']}})
        self.patients(f'http://127.0.0.1:{self.server()}', release='ask')
        self.hill('run', 'flow.json', code=8)
        done = self.hill('approve', 'latest', 'ask', code=6)
        self.assertIn('data.approvers names nobody-of-this-name', done.err)
        self.assertEqual(self.events(kind='approval_answered'), [])


class People(Rules):
    def two(self):
        self.flow({'a': script('echo first'), 'b': script('echo second', approvals=2)}, [('a', 'b')],
                  permissions={'a': 'always', 'b': 'ask'})

    def test_nobody_counts_twice(self):
        self.two()
        self.hill('run', 'flow.json', code=8)
        self.assertTrue(self.attempts('a')[0]['data']['granted'])
        self.assertIn('1 of 2', self.hill('approve', 'latest', 'b', code=8).err)
        self.assertIn('has approved', self.hill('approve', 'latest', 'b', code=5).err)
        self.hill('reject', 'latest', 'b', '--reason', 'changed my mind', code=1)
        self.assertEqual(self.status()['status'], 'failed')

    @unittest.skipIf(os.geteuid() != 0, 'takes two accounts, which root can be')
    def test_two_different_people_let_it_run(self):
        # The owner of the store hosts the run; somebody else joins.
        home = tempfile.mkdtemp(prefix='hillstar-e2e-people-')
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        nobody = pwd.getpwnam('nobody')
        program = os.path.join(home, 'hillstar-actors')
        shutil.copy(settings.binary, program)
        self.two()
        shutil.copy(self.path('flow.json'), home)
        for path in (home, os.path.join(home, 'flow.json')):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        os.chmod(home, 0o750)
        store = os.path.join(home, 'store')
        environment = dict(self.environment, HOME=home)
        def as_owner(*arguments):
            return subprocess.Popen(['setpriv', '--reuid', str(nobody.pw_uid), '--regid', str(nobody.pw_gid),
                                     '--clear-groups', program, *arguments, '--store', store],
                                    cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        first = as_owner('run', 'flow.json')
        self.assertEqual(first.wait(60), 8, first.communicate())
        second = as_owner('approve', 'latest', 'b', '--reason', 'one')
        self.assertEqual(second.wait(60), 8, second.communicate())
        # A host of the owner's while another account answers.
        self.write_wait(home, nobody)
        follower = as_owner('run', 'wait.json')
        self.until(lambda: os.path.exists(os.path.join(store, 'host.sock')), 'the host')
        run = self.run_of(store, 'flow')
        # Nobody joins a host of another account: this waits until it has ended.
        approve = self.start('approve', run, 'b', '--store', store, '--reason', 'two', env={'HOME': home})
        with open(os.path.join(home, 'go'), 'w'):
            pass
        done = approve.end()
        for process in (first, second, follower):
            process.stdout.close()
            process.stderr.close()
        who = [event['data']['who'] for event in self.hill(
            'events', run, '--store', store, '-o', 'json').json
            if event['type'] == 'approval_answered']
        follower.kill()
        follower.wait()
        self.assertEqual(who, ['nobody', 'root'], done)

    def write_wait(self, home, owner):
        path = os.path.join(home, 'wait.json')
        with open(path, 'w') as file:
            json.dump({'id': 'wait', 'graph': {'nodes': {'w': script('for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done')},
                                           'edges': []}}, file)
        os.chown(path, owner.pw_uid, owner.pw_gid)

    def run_of(self, store, workflow):
        rows = self.hill('ls', '--store', store, '-o', 'json').json
        return next(row['run'] for row in rows if row['workflow'] == workflow)


class AirGap(Rules):
    def lab(self, endpoint, **more):
        return self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'm', 'input': 'x', 'retry': 1}},
                         model_config={'custom_providers': {'lab': {'endpoint': endpoint, 'type': 'custom',
                                                                    'model_name': 'm'}}, **more})

    def test_an_air_gapped_run_reaches_what_is_here_and_says_so(self):
        port = self.server()
        self.lab(f'http://localhost:{port}')
        self.hill('run', 'flow.json', '--air-gapped')
        made, = self.events(kind='connection_attempted')
        self.assertEqual(made['data']['endpoint'], f'localhost:{port}')
        self.assertTrue(made['data']['allowed'])
        self.assertIn(str(port), made['data']['address'])
        shown = self.hill('show').out
        self.assertIn('it reached these endpoints and no others', shown)
        self.assertIn(f'localhost:{port}', shown)
        self.assertTrue(self.status()['air_gapped'])

    def test_an_ordinary_run_tells_where_its_calls_went(self):
        port = self.server()
        self.lab(f'http://127.0.0.1:{port}')
        self.hill('run', 'flow.json')
        self.assertEqual(self.events(kind='connection_attempted'), [])
        self.assertEqual(self.status()['endpoints'][0]['endpoint'], f'http://127.0.0.1:{port}')

    def test_a_cloud_is_refused_before_anything_runs(self):
        self.lab('https://192.0.2.1')
        self.assertIn('HS306', self.hill('run', 'flow.json', '--air-gapped', code=3).err)
        self.hill('ls', code=4)
        self.policy({'air_gap': {'always': True}})
        self.hill('run', 'flow.json', code=3)
        self.hill('validate', 'flow.json', code=3)

    def test_only_listed_endpoints_are_reached_if_there_is_a_list(self):
        port = self.server()
        self.lab(f'http://127.0.0.1:{port}')
        self.policy({'air_gap': {'endpoints': ['127.0.0.1:1']}})
        self.hill('run', 'flow.json', '--air-gapped', code=3)
        self.policy({'air_gap': {'endpoints': [f'127.0.0.1:{port}']}})
        self.hill('run', 'flow.json', '--air-gapped')

    def test_no_proxy_is_asked(self):
        port = self.server()
        self.lab(f'http://127.0.0.1:{port}')
        self.hill('run', 'flow.json', '--air-gapped',
                  env={'http_proxy': 'http://127.0.0.1:1', 'HTTP_PROXY': 'http://127.0.0.1:1', 'no_proxy': ''})

    def test_the_preset_local_only_is_an_air_gap(self):
        port = self.server()
        self.lab(f'http://127.0.0.1:{port}', preset='local_only')
        self.hill('run', 'flow.json')
        self.assertTrue(self.status()['air_gapped'])
        self.assertEqual(len(self.events(kind='connection_attempted')), 1)

    def test_a_program_that_answers_calls_has_no_network(self):
        port = self.server()
        self.write('answer.py', '''import json, socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    print(json.dumps({"text": "connected"}))
except OSError:
    print(json.dumps({"text": "shut in"}))
''')
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'm', 'input': 'x', 'retry': 1}},
                  model_config={'custom_providers': {'lab': {'type': 'script', 'local': True, 'model_name': 'm',
                                                             'command': ['python3', 'answer.py', str(port)]}}})
        self.hill('run', 'flow.json', '--air-gapped')
        self.assertIn('shut in', self.hill('result', 'latest', 'ask').out)
        self.hill('run', 'flow.json')
        self.assertIn('connected', self.hill('result', 'latest', 'ask').out)
        self.policy({'air_gap': {'allow_script_network': True}})
        self.hill('run', 'flow.json', '--air-gapped')
        self.assertIn('connected', self.hill('result', 'latest', 'ask').out)

    def test_a_resumed_run_keeps_its_gap(self):
        port = self.server()
        self.flow({'b': {'tool': 'checkpoint', 'parameters': {'prompt': 'go on?'}},
                   'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'm', 'input': 'x'}}, [('b', 'ask')],
                  model_config={'custom_providers': {'lab': {'endpoint': f'http://127.0.0.1:{port}', 'type': 'custom',
                                                             'model_name': 'm'}}})
        self.hill('run', 'flow.json', '--air-gapped', code=8)
        self.hill('approve', 'latest', 'b')
        self.assertEqual(len(self.events(kind='connection_attempted')), 1)


class Credentials(Rules):
    KEY = 'ghp_' + 'Ab3dEf6hIj9lMn2pQr5tUv8xYz1B4d7F0hJk'

    def test_a_workflow_that_holds_a_credential_is_not_stored(self):
        self.flow({'a': script('echo ' + self.KEY)})
        done = self.hill('run', 'flow.json', code=6)
        self.assertIn('github_pat_classic', done.err)
        self.assertIn('/graph/nodes/a/parameters/script', done.err)
        self.assertNotIn(self.KEY, done.err)
        self.nowhere()
        self.flow({'a': script('cat', '{{ inputs.x }}')}, inputs={'x': {}})
        self.assertIn('The inputs hold', self.hill('run', 'flow.json', '-p', 'x=' + self.KEY, code=6).err)
        self.nowhere()
        self.hill('run', 'flow.json', '-p', 'x=' + self.KEY, env={'HILLSTAR_REDACT_OFF': 'github_pat_classic'})

    def test_a_message_does_not_quote_a_credential(self):
        self.flow({'a': {'tool': 'model_call', 'provider': self.KEY, 'input': 'x'}})
        for command in (('validate', 'flow.json'), ('validate', 'flow.json', '-o', 'json'), ('show', self.KEY),
                        ('run', 'flow.json', '-p', self.KEY), ('run', 'flow.json', '--priority', self.KEY)):
            done = self.hill(*command, code=None)
            self.assertNotEqual(done.code, 0, done)
            self.assertNotIn(self.KEY, done.out + done.err)

    def nowhere(self):
        for folder, _, files in os.walk(self.path('.hillstar')):
            for name in files:
                with open(os.path.join(folder, name), 'rb') as file:
                    self.assertNotIn(self.KEY.encode(), file.read(), name)


if __name__ == '__main__':
    sys.exit(main())

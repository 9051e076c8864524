# SPDX-License-Identifier: Apache-2.0
"""Commands about a project's files: discover, presets, diagram, project-init, json-view."""
import json
import os
import sys

import harness
from harness import EndToEnd, script

EMPTY = {'nodes': {}, 'edges': []}


class Discover(EndToEnd):
    def put(self, path, document):
        self.write(path, document if isinstance(document, str) else json.dumps(document))

    def tree(self):
        self.put('workflow.json', {'id': 'top', 'graph': {'nodes': {'a': {}, 'b': {}}, 'edges': [{}]},
                                   'model_config': {'mode': 'preset', 'preset': 'balanced', 'budget': {},
                                                    'custom_providers': {'x': {}}}})
        self.put('a/step_1.json', {'id': 's', 'graph': EMPTY})
        self.put('a/phase_1.json', {'id': 'p', 'graph': EMPTY})
        self.put('a/pre_phase_1.json', {'id': 'pp', 'graph': EMPTY})
        self.put('a/other.json', {'id': 'no', 'graph': EMPTY})
        self.put('a/step_bad.json', '{')
        self.put('a/step_array.json', '[1]')
        self.put('a/step_noid.json', {'graph': {}})
        self.put('.hidden/workflow.json', {'id': 'hidden', 'graph': EMPTY})
        self.put('1/2/3/4/workflow.json', {'id': 'd4', 'graph': EMPTY})
        self.put('1/2/3/4/5/workflow.json', {'id': 'd5', 'graph': EMPTY})
        os.symlink(self.path('a'), self.path('link'))
        os.symlink(self.path('workflow.json'), self.path('a/workflow.json'))
        os.mkdir(self.path('step_folder.json'))

    def test_what_is_found(self):
        self.tree()
        done = self.hill('discover')
        self.assertTrue(done.out.startswith(f'[SEARCH] Discovering workflows in: {self.folder}\n  Found 5 workflow(s):\n'))
        self.assertIn(f'  top\n    Path: {self.folder}/workflow.json\n    Nodes: 2 nodes, 1 edges\n    Mode: preset\n'
                      '    Preset: balanced\n    Budget: [x] configured\n    Custom: [x] uses custom providers\n\n', done.out)
        self.assertIn('step_bad.json', done.err)
        found = self.hill('discover', '-o', 'json').json
        self.assertEqual([flow['id'] for flow in found], ['d4', 'p', 'pp', 's', 'top'])
        self.assertEqual((found[4]['node_count'], found[4]['has_budget'], found[0]['mode']), (2, True, 'explicit'))
        lines = self.hill('discover', 'a', '-o', 'jsonl').out.splitlines()
        self.assertEqual([json.loads(line)['filename'] for line in lines],
                         ['phase_1.json', 'pre_phase_1.json', 'step_1.json'])
        self.assertIn('Found 1 workflow', self.hill('discover', '.hidden').out)

    def test_nothing_is_found(self):
        os.mkdir(self.path('empty'))
        for folder in ('empty', 'nowhere'):
            self.assertIn('No workflows found', self.hill('discover', folder, code=1).out)
        self.assertEqual(self.hill('discover', 'empty', '-o', 'json', code=1).json, [])
        self.hill('discover', 'a', 'b', code=2)

    def test_hostile_names_stay_text(self):
        self.put('step_1.json', {'id': '\x1b[31mred\n  Found', 'graph': {'nodes': [1], 'edges': 7}, 'model_config': 3})
        self.assertNotIn('\x1b', self.hill('discover').out)

    def test_presets(self):
        out = self.hill('presets').out
        for name in ('minimize_cost', 'balanced', 'maximize_quality', 'local_only'):
            self.assertIn(name, out)
        self.assertEqual(out.count('Use case: '), 4)
        self.assertEqual(len(self.hill('presets', '-o', 'json').json), 4)


class Diagram(EndToEnd):
    def test_a_workflow_is_drawn(self):
        self.flow({'end': {'tool': 'file_read', 'parameters': {'path': 'x'}},
                   'ask "me"': {'tool': 'model_call', 'provider': 'ollama', 'model': 'm', 'complexity': 'simple'},
                   'go': script('true')}, [('end', 'ask "me"'), ('ask "me"', 'go')])
        drawn = self.hill('diagram', 'flow.json').out
        self.assertEqual(drawn.splitlines()[0], 'graph TD')
        self.assertIn('    n0["end<br/>(file_read)"]\n    style n0 fill:#9C27B0,stroke:#6A1B9A,', drawn)
        self.assertIn('n1["ask #34;me#34;<br/>(model#95;call, simple)"]'.replace('#95;', '_'), drawn)
        self.assertIn('    n0 --> n1\n    n1 --> n2\n', drawn)
        self.assertEqual(self.hill('diagram', 'flow.json', '-o', 'json').json['diagram'], drawn)
        self.assertTrue(self.hill('validate', 'flow.json', '--diagram').out.endswith('\n\n' + drawn))
        self.assertEqual(self.hill('validate', 'flow.json', '--diagram', '-o', 'json').json['diagram'], drawn)

    def test_what_is_no_workflow_is_refused(self):
        self.hill('diagram', 'gone.json', code=4)
        self.write('bad.json', '{"id": 1}')
        self.hill('diagram', 'bad.json', code=3)
        self.hill('diagram', code=2)


class Init(EndToEnd):
    def test_it_is_made_once_and_what_is_there_stays(self):
        self.write('.gitignore', '*.o\n.hillstar/logs/')
        made = self.hill('project-init', '-o', 'json').json
        self.assertEqual(made['status'], 'success')
        self.assertEqual(len(made['created_directories']), 7)
        self.assertTrue(os.path.isdir(self.path('workflows/infrastructure')))
        text = self.read('.gitignore')
        self.assertTrue(text.startswith('*.o\n.hillstar/logs/\n\n# '))
        self.assertEqual(text.count('.hillstar/logs/'), 1)
        again = self.hill('project-init', '-o', 'json').json
        self.assertEqual((again['created_directories'], again['gitignore_added']), ([], []))
        self.assertEqual(self.read('.gitignore'), text)
        self.assertIn('already', self.hill('project-init').out)

    def test_a_folder_that_is_ignored_as_a_whole_needs_no_lines(self):
        self.write('.gitignore', '/.hillstar/\n')
        self.hill('project-init')
        self.assertEqual(self.read('.gitignore'), '/.hillstar/\n')

    def test_bad_places(self):
        self.hill('project-init', 'nowhere', code=4)
        self.write('file', '')
        self.hill('project-init', 'file', code=74)
        os.mkdir(self.path('p'))
        self.write('p/workflows', 'in the way')
        self.assertIn('workflows', self.hill('project-init', 'p', code=None).err)
        os.mkdir(self.path('q'))
        os.symlink('/etc/hostname', self.path('q/.gitignore'))
        before = open('/etc/hostname').read()
        self.hill('project-init', 'q', code=6)
        self.assertEqual(open('/etc/hostname').read(), before)


class ExecuteNode(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo a >> ran; echo A'), 'other': script('echo other >> ran'),
                   'b': script('echo b >> ran; sed s/^/b:/', '{{ a.output }}'),
                   'c': script('echo c >> ran; cat', '{{ b.output }}{{ inputs.who }}'),
                   'asked': script('true'), 'last': script('echo last >> ran')},
                  [('a', 'b'), ('b', 'c'), ('c', 'asked'), ('asked', 'last')], permissions={'asked': 'ask'},
                  inputs={'who': {'type': 'string', 'default': 'x'}})

    def only(self, *arguments, code=0):
        return self.hill('execute-node', 'flow.json', *arguments, code=code)

    def ran(self):
        return self.read('ran').split() if os.path.exists(self.path('ran')) else []

    def test_a_node_runs_alone_on_results_given_by_hand(self):
        done = self.only('b', '--set', 'a.output=hand')
        self.assertEqual(done.out, 'b:hand\n')
        self.assertEqual(self.ran(), ['b'])
        taken, = self.events(kind='node_inherited')
        self.assertEqual((taken['data']['edited'], taken['data'].get('origin')), (True, None))
        self.assertFalse(os.path.exists(self.path('.hillstar/commit_ready.json')))
        self.assertFalse(os.path.exists(self.path('.hillstar/traces')))
        self.holds()
        self.hill('replay', 'latest', '--offline')
        self.assertEqual(self.only('a', '-o', 'json').json['status'], 'completed')

    def test_results_of_a_run_are_taken_over_and_may_be_changed(self):
        self.hill('run', 'flow.json', '-q', code=8)
        run = self.runs()[0]['run']
        self.hill('reject', run, 'asked', code=1)
        before = self.ran()
        self.assertEqual(self.only('c', '--from-run', run, '-p', 'who=me').out, 'b:A\nme\n')
        self.assertEqual(self.events(kind='run_started')[0]['data']['parent']['run'], run)
        self.assertEqual(self.only('c', '--from-run', run, '--set', 'b.output=z').out, 'zx\n')
        self.assertEqual(self.ran(), before + ['c', 'c'])
        self.holds()

    def test_permissions_hold(self):
        self.only('asked', code=8)
        self.assertEqual(self.ran(), [])
        self.hill('approve', 'latest', 'asked')
        refused = self.only('last', '--set', 'asked.output=fine', code=6)
        self.assertIn("'asked', before 'last', asks for approval", refused.err)
        self.hill('run', 'flow.json', '-q', code=8)
        self.only('last', '--from-run', 'flow', code=6)
        self.hill('approve', 'flow', 'asked', '-q')
        self.only('last', '--from-run', 'flow')
        self.assertEqual(self.ran().count('last'), 2)

    def test_what_is_missing_is_named(self):
        self.assertIn("--set a.output=VALUE", self.only('b', code=3).err)
        self.assertIn("'b'", self.only('c', '--set', 'a.output=1', code=3).err)
        self.assertIn('Nodes are', self.only('zzz', code=4).err)
        self.only('b', '--set', 'a.output=1', '--set', 'c.output=1', code=4)
        self.only('b', '--set', 'nonsense', code=3)
        self.only('b', '--set', 'a.output=1', '-p', 'whom=1', code=3)
        self.only('b', '--from-run', '01KAMV', code=4)
        self.hill('execute-node', 'gone.json', 'b', code=4)
        self.only(code=2)
        self.assertEqual(self.ran(), [])
        self.only('a')
        self.only('b', '--from-run', 'flow')
        self.write('other.json', self.read('flow.json').replace('"flow"', '"other"', 1))
        self.assertIn('of workflow', self.hill('execute-node', 'other.json', 'b', '--from-run', 'flow', code=5).err)

    def test_a_node_of_a_loop(self):
        self.flow({'w': script('echo w'), 'r': script('cat', '{{ w.output }}')}, [('w', 'r')], name='loop.json',
                  loops=[{'id': 'l', 'body': ['w', 'r'], 'max_attempts': 2, 'until': {'node': 'r', 'contains': 'never'}}])
        done = self.hill('execute-node', 'loop.json', 'r@2', '--set', 'w@2.output=second', '--set', 'r.output=no')
        self.assertEqual(done.out, 'second\n')


class JsonView(EndToEnd):
    def setUp(self):
        super().setUp()
        self.write('v.json', json.dumps({'text': 'one\ntwo\n', 'list': [1, {'a': None}], 'long': 'é' * 101}))

    def view(self, *arguments, code=0):
        return self.hill('json-view', 'v.json', *arguments, code=code)

    def test_all_members_and_one(self):
        self.assertIn('== text\none\ntwo\n== list\n[\n  1,\n', self.view().out)
        self.assertEqual(self.view('--key', 'text').out, 'one\ntwo\n')
        self.assertEqual(self.view('--key', 'text', '--lines').out, '1  one\n2  two\n')
        self.assertEqual(self.view('--key', 'list', '-o', 'json').json, [1, {'a': None}])
        self.assertIn('text, list, long', self.view('--key', 'gone', code=4).err)
        self.assertEqual(self.view('--raw').out, self.read('v.json'))

    def test_summary(self):
        text, _, long = self.view('--summary', '-o', 'json').json
        self.assertEqual((text['type'], text['characters'], text['lines']), ('string', 8, 2))
        self.assertEqual((long['characters'], len(long['preview'])), (101, 103))
        self.assertIn('array, ', self.view('--summary').out)

    def test_markdown(self):
        self.write('v.json', json.dumps({'a': '```\nx', 'b': 1}))
        self.view('--markdown')
        text = self.read('outputs.md')
        self.assertIn('## a\n\n````text\n```\nx\n````\n', text)
        self.view('--markdown', 'x.md', '--validate')       # markdown wins
        self.assertEqual(self.read('x.md'), text)
        self.view('--markdown', 'no/such/x.md', code=4)

    def test_what_is_no_object_is_1(self):
        for text in ('', '{', '[1]', '"x"', '{"a":1,"a":2}', '{"a":1} x'):
            with self.subTest(text=text):
                self.write('v.json', text)
                self.assertIn('v.json', self.view(code=1).err)
                self.view('--validate', code=1)
                self.view('--markdown', code=1)
        self.hill('json-view', 'gone.json', code=4)
        self.write('v.json', '{}')
        self.assertEqual(self.view('--validate').out, 'Valid JSON: 0 keys\n')
        self.assertEqual(self.view().out, '')


if __name__ == '__main__':
    sys.exit(harness.main())

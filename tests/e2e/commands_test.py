#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command, its data as JSON, and what it says when it is used wrongly.

Usage: commands_test.py --binary PROGRAM
"""
import json
import os
import re
import shutil
import subprocess
import sys

from harness import EndToEnd, main, script

COMMANDS = ('run', 'resume', 'cancel', 'approve', 'reject', 'fork', 'ls', 'show', 'events', 'logs', 'result', 'replay',
            'export', 'verify', 'repair', 'validate', 'graph', 'enforce', 'mode', 'diagram', 'discover',
            'presets', 'project-init', 'json-view', 'agent-scan', 'execute-node', 'explain', 'version', 'completion',
            'config', 'secrets', 'doctor', 'wizard')


class WithoutRuns(EndToEnd):
    def test_help_names_every_command(self):
        text = self.hill('--help').out
        self.assertEqual(self.hill().out, text)
        for command in COMMANDS:
            self.assertRegex(text, rf'(?m)^  {command}\b')
            self.assertIn('Usage: hillstar-actors ' + command, self.hill(command, '--help').out)
        self.assertEqual(os.listdir(self.folder), [])

    def test_wrong_use_is_2_and_says_where_help_is(self):
        for arguments in (['frobnicate'], ['run'], ['run', '--frob', 'x.json'], ['ls', '-o', 'xml'],
                          ['ls', '--limit', '0'], ['ls', '--status', 'odd'], ['graph', 'x', '--format', 'png'],
                          ['completion', 'tcsh'],
                          ['approve', 'latest'], ['replay', 'x', '--all'], ['events', '--from', 'x']):
            with self.subTest(arguments=arguments):
                done = self.hill(*arguments, code=2)
                self.assertIn('error HS700', done.err)
                self.assertIn('--help', done.err)
                self.assertEqual(done.out, '')

    def test_without_a_store_there_is_nothing(self):
        for command in (['ls'], ['show'], ['events'], ['logs'], ['result'], ['resume'], ['cancel', 'latest'],
                        ['replay'], ['export'], ['verify'], ['repair'], ['fork', 'latest', '--from', 'a'],
                        ['approve', 'latest', 'a']):
            with self.subTest(command=command):
                self.assertIn('HS701', self.hill(*command, code=4).err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_version(self):
        version = self.hill('version', '-o', 'json').json
        self.assertEqual(version['name'], 'hillstar-actors')
        self.assertRegex(version['version'], r'^\d+\.\d+\.\d+')
        self.assertIn(version['version'], self.hill('--version').out)
        self.assertIn(version['version'], self.hill('version').out)

    def test_explain(self):
        page = self.hill('explain', 'HS112').out
        self.assertIn('HS112', page)
        self.assertEqual(self.hill('explain', 'HS112', '-o', 'json').json['page'].strip(), page.strip())
        self.hill('explain', 'hs112')
        self.hill('explain', 'HS999', code=4)

    def test_completion_is_a_script(self):
        for shell in ('bash', 'zsh', 'fish'):
            text = self.hill('completion', shell).raw
            for command in COMMANDS:
                self.assertIn(command.encode(), text)
            if shutil.which(shell):
                subprocess.run([shell, '-n'], input=text, check=True, timeout=60)

    def test_completion_knows_fixed_words(self):
        text = self.hill('completion', 'bash').out
        for command, words in (('enforce', 'check status install uninstall'), ('mode', 'dev normal'),
                               ('providers', 'ls models test usage')):
            line = next(line for line in text.splitlines() if line.startswith(f'    {command})'))
            self.assertIn(words, line)
            self.assertNotIn('compgen -f', line)

    def test_validate_and_graph(self):
        self.flow({'a': script('true'), 'b<"&': script('true', '{{ a.output }}')},
                  description='A <b>"test"</b>')
        self.assertIn('Workflow is valid', self.hill('validate', 'flow.json').out)
        told = self.hill('validate', 'flow.json', '-o', 'json').json
        self.assertEqual((told['valid'], told['id'], told['nodes'], told['planned_nodes']), (True, 'flow', 2, 2))
        start = {'mermaid': 'graph TD', 'dot': 'digraph', 'json': '{', 'tree': 'flow: 2 nodes'}
        for form, text in start.items():
            self.assertTrue(self.hill('graph', 'flow.json', '--format', form).out.startswith(text), form)
        self.assertEqual(self.hill('graph', 'flow.json', '-o', 'json').json['edges'], [{'from': 'a', 'to': 'b<"&'}])
        self.assertNotIn('b<"', self.hill('graph', 'flow.json').out, 'escaped for Mermaid')
        if shutil.which('dot'):
            subprocess.run(['dot', '-Tsvg', '-o', '/dev/null'], check=True, timeout=60,
                           input=self.hill('graph', 'flow.json', '--format', 'dot').raw)


class WithRuns(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo A; echo note >&2'),
                   'b': script('cat -; exit 3', '{{ a.output }}', on_error='continue')})
        self.write('other.json', json.dumps({'id': 'other', 'graph': {'nodes': {'x': script('echo X')}, 'edges': []}}))
        self.run_id = self.hill('run', 'flow.json', '-o', 'json').json['run']

    def test_run_as_json(self):
        told = self.hill('run', 'other.json', '-o', 'json').json
        self.assertEqual(told['status'], 'completed')
        self.assertEqual(told['outputs']['x']['output'], 'X\n')
        lines = [json.loads(line) for line in self.hill('run', 'other.json', '-o', 'jsonl').out.splitlines()]
        self.assertEqual([line['seq'] for line in lines], list(range(1, len(lines) + 1)))
        self.assertEqual(lines, self.events())
        told = self.hill('run', 'flow.json', '-o', 'json').json
        self.assertEqual(told['failures']['b']['kind'], 'exit_code')
        self.assertEqual(self.hill('run', 'other.json', '-q').err, '')

    def test_ls(self):
        other = self.hill('run', 'other.json', '-o', 'json').json['run']
        self.assertEqual([run['run'] for run in self.runs()], [other, self.run_id])
        self.assertEqual([json.loads(line)['run'] for line in self.hill('ls', '-o', 'jsonl').out.splitlines()],
                         [other, self.run_id])
        self.assertEqual(len(self.hill('ls', '--workflow', 'flow', '-o', 'json').json), 1)
        self.assertEqual(self.hill('ls', '--status', 'failed', '-o', 'json').json, [])
        self.assertEqual(len(self.hill('ls', '--limit', '1').out.splitlines()), 2)

    def test_selecting_a_run(self):
        self.hill('run', 'other.json')
        for name in (self.run_id, self.run_id[:-1], 'flow'):
            self.assertEqual(self.status(name)['run'], self.run_id)
        self.assertNotEqual(self.status('latest')['run'], self.run_id)
        done = self.hill('show', self.run_id[:2], code=2)
        self.assertIn('HS221', done.err)
        self.assertIn('HS220', self.hill('show', 'ZZZ', code=4).err)

    def test_looking_at_a_run(self):
        told = self.status(self.run_id)
        self.assertEqual([(node['node'], node['status']) for node in told['nodes_detail']],
                         [('a', 'completed'), ('b', 'failed')])
        text = self.hill('show').out
        for word in ('completed', 'failed', 'exit_code', self.run_id):
            self.assertIn(word, text)
        self.assertEqual(len(self.hill('events', '--from', '3').out.splitlines()), told['version'] - 2)
        logs = self.hill('logs', '-o', 'json').json
        self.assertEqual(logs[0]['seq'], 1)
        self.assertIn('| A', self.hill('logs', 'latest', 'a').out)
        self.assertNotIn('b failed', self.hill('logs', 'latest', 'a').out)
        self.hill('logs', 'latest', 'nope', code=4)

    def test_results(self):
        self.assertEqual(self.hill('result', 'latest', 'a').out, 'A\n')
        self.assertEqual(self.hill('result', 'latest', 'a', '--raw').raw, b'A\n')
        self.assertEqual(self.hill('result', 'latest', 'a', '--key', 'return_code').out, '0\n')
        self.assertEqual(self.hill('result', 'latest', 'a', '-o', 'json').json['output'], 'A\n')
        done = self.hill('result', 'latest', 'a', '--key', 'nope', code=4)
        self.assertIn('return_code', done.err)
        self.hill('result', 'latest', 'nope', code=4)

    def test_auditing_a_run(self):
        self.assertEqual(self.hill('replay', '-o', 'json').json[0]['ok'], True)
        self.assertEqual(len(self.hill('replay', '--all', '-o', 'jsonl').out.splitlines()), 1)
        self.assertTrue(self.hill('verify', '-o', 'json').json['ok'])
        self.write('export.jsonl', self.hill('export', '--jsonl').raw)
        self.assertEqual(self.hill('verify', 'export.jsonl', '-o', 'json').json['run'], self.run_id)
        self.hill('export', '--dir', 'files', '-o', 'json').json
        self.assertTrue(os.listdir(self.path('files/traces')))
        self.assertEqual(self.hill('repair', '-o', 'json').json['records_lost'], 0)
        self.assertEqual(self.hill('repair').code, 0)

    def test_errors_are_data_too(self):
        told = self.hill('show', 'nope', '-o', 'json', code=4).json
        self.assertEqual(told['error']['code'], 'HS220')
        self.assertEqual(sorted(told['error']), ['code', 'hint', 'message'])

    def test_commands_of_control_as_json(self):
        self.assertEqual(self.hill('fork', 'latest', '--from', 'b', '-o', 'json').json['parent']['run'], self.run_id)
        self.flow({'a': script('echo A'), 'b': script('cat -', '{{ a.output }}')}, name='ask.json',
                  permissions={'b': 'ask'})
        self.hill('run', 'ask.json', '-o', 'json', code=8).json
        self.assertEqual(self.hill('resume', '-o', 'json', code=8).json['status'], 'waiting')
        self.assertEqual(self.hill('approve', 'latest', 'b', '-o', 'json').json['status'], 'completed')
        self.hill('run', 'ask.json', code=8)
        self.assertEqual(self.hill('cancel', 'latest', '-o', 'json').json['status'], 'cancelled')
        self.hill('run', 'ask.json', code=8)
        self.assertEqual(self.hill('reject', 'latest', 'b', '-o', 'json', code=1).json['status'], 'failed')

    def test_another_place_for_the_store(self):
        named = {'HILLSTAR_STORE': self.path('.hillstar/store')}
        self.assertEqual(self.hill('ls', '-o', 'json', env=named, cwd='/').json, self.runs())
        self.hill('run', 'other.json', '--store', 'elsewhere')
        self.assertEqual(len(self.hill('ls', '-o', 'json', '--store', 'elsewhere').json), 1)
        self.assertEqual(len(self.runs()), 1)
        self.assertEqual(oct(os.stat(self.path('elsewhere')).st_mode & 0o777), '0o700')

    def test_no_colours_in_pipes(self):
        for command in (['ls'], ['show'], ['events'], ['logs'], ['run', 'other.json']):
            done = self.hill(*command, env={'NO_COLOR': ''})
            self.assertFalse(re.search('\x1b', done.out + done.err), command)


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""migrate: what files made for Hillstar will do here. Nothing is changed."""
import hashlib
import json
import os
import pathlib
import sys

import harness
from harness import EndToEnd, script

MARKER = {'workflow_id': 'flow', 'workflow_file': 'flow.json', 'executed_at': '2026-01-01T00:00:00.000000+00:00',
          'summary': '2 nodes executed'}


def checkpoint(outputs, workflow='flow', node='b'):
    return json.dumps({'timestamp': '2026-01-01T00:00:00', 'node_id': node,
                       'state': {'workflow_id': workflow, 'node_outputs': outputs, 'trace': [],
                                 'execution_order': list(outputs)}})


class Migrate(EndToEnd):
    def hashes(self):
        return {str(p): hashlib.sha256(p.read_bytes()).hexdigest()
                for p in sorted(pathlib.Path(self.folder).rglob('*')) if p.is_file()}

    def rules(self, target='.', code=0):
        done = self.hill('migrate', target, '-o', 'json', code=code).json
        return {(pathlib.Path(file['file']).name, finding['rule']): finding
                for file in done['files'] for finding in file['findings']}

    def old_project(self):
        self.flow({'a': script('date; echo $ZENODO_TOKEN'), 'b': script('cat', source='a')}, [('a', 'b')],
                  permissions={'b': 'ask'}, state={'checkpoints': ['b']})
        self.write('.hillstar/commit_ready.json', json.dumps(MARKER))
        self.write('.hillstar/governance_policy.json', json.dumps({'max_age_seconds': 60}))
        self.write('.hillstar/dev_mode_active', '')
        self.write('.hillstar/checkpoints/checkpoint_b_20260101_000000.json',
                   checkpoint({'a': {'output': 'x', 'error': None, 'return_code': 0},
                               'b': {'output': None, 'error': 'no', 'return_code': 1}}))
        self.write('.hillstar/checkpoints/checkpoint_c_20260101_000000.json', checkpoint({}, workflow='other'))
        self.write('.hillstar/checkpoints/checkpoint_d_20260101_000000.json', '{"node_id": "d", "sta')
        self.write('.hillstar/traces/trace_20260101_000000.jsonl', '{}\n')

    def test_a_project(self):
        self.old_project()
        before = self.hashes()
        rules = self.rules(code=3)
        self.assertEqual(self.hashes(), before)
        self.assertEqual({rule for _, rule in rules},
                         {'script-key', 'permission-ask', 'marker-old', 'policy-max_age_seconds',
                          'policy-allow_force_override', 'dev-mode', 'checkpoint-failed', 'checkpoint-foreign',
                          'checkpoint-broken'})
        key = rules['flow.json', 'script-key']
        self.assertEqual((key['level'], key['pointer']), ('must_change', '/graph/nodes/a/parameters/script'))
        self.assertEqual(self.read('flow.json').splitlines()[key['line'] - 1][key['column'] - 1], '"')
        text = self.hill('migrate', '.', code=3).out
        self.assertIn('must change [script-key] at /graph/nodes/a/parameters/script\n', text)
        self.assertIn('    change    "sandbox": {"env": ["ZENODO_TOKEN"]} at \'a\', if it shall see it\n', text)
        self.assertIn('1 of 2 results; `hillstar-actors run flow.json --resume-from '
                      '.hillstar/checkpoints/checkpoint_b_20260101_000000.json`', text)
        self.assertTrue(text.endswith('1 must change, 7 differ, 1 to look at. Nothing was changed.\n'), text)

    def test_what_it_says_is_true(self):
        self.old_project()
        # The key is kept from the script, a person is asked, and the checkpoint is gone on from.
        self.hill('run', 'flow.json', '-q', code=8, env={'ZENODO_TOKEN': 'geheim123456'})
        self.assertNotIn('geheim', self.hill('result', 'latest', 'a').out)
        self.hill('run', 'flow.json', '-q', '--resume-from',
                  '.hillstar/checkpoints/checkpoint_b_20260101_000000.json', code=8)
        self.assertEqual(self.hill('result', 'latest', 'a').out, 'x\n')

    def test_a_clean_file(self):
        self.flow({'a': script('date'), 'b': script('cat', source='a')}, [('a', 'b')])
        text = self.hill('migrate', 'flow.json').out
        self.assertTrue(text.startswith('flow.json (workflow): nothing to change\n    stays     Nodes: 2'), text)
        self.assertEqual(self.rules('flow.json'), {})

    def test_own_files(self):
        home = self.path('home')
        self.write('home/.hillstar/provider_registry.json',
                   json.dumps({'providers': {'anthropic': {'api_key': 'sk-ant-0123456789abcdef'}}, 'mode': 'auto'}))
        self.write('home/.config/hillstar/secrets.env', 'export OPENAI_API_KEY="sk-0123456789abcdef"\n', 0o600)
        os.mkdir(self.path('empty'))
        done = self.hill('migrate', 'empty', '-o', 'json', code=3, env={'HOME': home})
        self.assertNotIn('0123456789', done.out + done.err)
        rules = {finding['rule'] for file in done.json['files'] for finding in file['findings']}
        self.assertLessEqual({'registry-deep', 'plain-key', 'registry-model-config', 'secrets-export',
                              'secrets-quotes'}, rules)
        # A registry that cannot be read is a finding, and workflows are looked at all the same.
        self.write('home/.hillstar/provider_registry.json', '{')
        self.flow({'a': script('date')}, name='empty/flow.json')
        done = self.hill('migrate', 'empty', '-o', 'json', code=3, env={'HOME': home})
        self.assertEqual([file['kind'] for file in done.json['files'] if file['must_change']], ['registry'])

    def test_a_project_s_variables(self):
        self.write('.env', 'A_NAME=file\nHTTPS_PROXY=http://stranger\nOTHER=1\nSAME=x\n')
        done = self.hill('migrate', '.', '-o', 'json', code=3, env={'A_NAME': 'mine', 'SAME': 'x'})
        found = {finding['rule']: finding['here'] for finding in done.json['files'][0]['findings']}
        self.assertEqual(found['env-adds'], "what is set outside counts: 'A_NAME'")
        self.assertIn('HTTPS_PROXY of', found['env-refused'])
        self.assertNotIn('stranger', done.out)

    def test_a_credential_in_a_file(self):
        key = 'ghp_' + 'a1B2c3D4e5F6' * 3
        self.flow({'a': script('cat', source=key)})
        done = self.hill('migrate', 'flow.json', code=3)
        self.assertIn('must change [HS308] at /graph/nodes/a/input', done.out)
        self.assertNotIn(key, done.out)
        self.assertIn('HS308', self.hill('run', 'flow.json', code=6).err)

    def test_bad_targets(self):
        self.assertIn('HS701', self.hill('migrate', 'nowhere', code=4).err)
        self.hill('migrate', code=2)
        os.mkfifo(self.path('pipe'))
        self.assertIn('no regular file', self.hill('migrate', 'pipe', code=3).err)
        self.write('broken.json', '{"id": ')
        self.assertIn('must change [HS100]', self.hill('migrate', 'broken.json', code=3).out)
        self.write('list.json', '[1]')
        self.hill('migrate', 'list.json', code=3)
        self.write('bytes.json', '\x00\x01')
        self.hill('migrate', 'bytes.json', code=3)
        self.write('odd.json', json.dumps({'id': 7, 'graph': {'nodes': {'a': 3, 'b': {'tool': []}}, 'edges': [1, {}],
                                                              'loops': [1, {'body': 3}]}, 'model_config': 3,
                                           'permissions': [], 'provider_config': 1}))
        self.hill('migrate', 'odd.json', code=3)
        os.mkdir(self.path('nothing'))
        self.assertIn('0 files: 0 must change', self.hill('migrate', 'nothing').out)

    def test_hostile_names_stay_text(self):
        self.write('step_1.json', json.dumps({'id': 'x', 'graph': {'nodes': {'\x1b[31mred': {
            'tool': 'file_write', 'parameters': {'path': '/\x1b[31m'}, 'input': {'a': 1}}}, 'edges': []}}))
        done = self.hill('migrate', 'step_1.json', code=3)
        self.assertNotIn('\x1b', done.out + done.err)


if __name__ == '__main__':
    sys.exit(harness.main())

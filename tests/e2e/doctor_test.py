#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doctor: what it finds when all is well, and when it is not.

Usage: doctor_test.py --binary PROGRAM
"""
import json
import os
import resource
import sys

from harness import main, script
from secrets_test import FILE, KEY, REGISTRY, WithKeys


class Doctor(WithKeys):
    def examine(self, *arguments, code=0, **more):
        """(area, name) -> (state, what, mend); of several, the worst."""
        report = self.hill('doctor', '-o', 'json', *arguments, code=code, **more).json
        self.assertEqual(report['ok'], code == 0)
        self.assertEqual(report['failed'], sum(one['state'] == 'fail' for one in report['checks']))
        worst = {}
        for one in sorted(report['checks'], key=lambda one: ('ok', 'warn', 'fail').index(one['state'])):
            worst[one['area'], one['name']] = one['state'], one['what'], one['mend']
        for state, what, mend in worst.values():
            self.assertTrue(mend or state != 'fail', what)
        return worst

    def test_a_new_place(self):
        found = self.examine()
        for name in ('kernel', 'sh', 'git', 'python3', 'sandbox', 'open files', 'threads', 'clock'):
            self.assertIn(('system', name), found)
        self.assertIn('not there yet', found['store', 'folder'][1])
        self.assertEqual(found['keys', 'none'][0], 'warn')
        self.assertEqual(os.listdir(self.folder), [])
        text = self.hill('doctor').out
        self.assertRegex(text, r'(?m)^ok    system    kernel')
        self.assertIn('-> hillstar-actors secrets set', text)

    def test_a_store_that_is_used(self):
        self.flow({'a': script('true')})
        self.hill('run', 'flow.json')
        found = self.examine()
        self.assertEqual(found['store', 'opening'][:2], ('ok', '1 runs, 4 records'))
        self.assertIn('ms for a synced write', found['store', 'sync'][1])
        self.flow({'a': script('sleep 30')})
        running = self.start('run', 'flow.json').wait_for('Executing')
        self.until(lambda: ('store', 'host') in self.examine(), 'the host to be seen')
        self.assertIn(f'process {running.process.pid} ', self.examine()['store', 'host'][1])
        running.send(2).end()
        os.chmod(self.path('.hillstar/store'), 0o755)
        self.assertEqual(self.examine()['store', 'folder'][0], 'warn')
        self.write('.hillstar/store/db/CURRENT', 'nonsense\n')
        self.assertEqual(self.examine(code=1)['store', 'opening'][0], 'fail')

    def test_places_that_are_no_store(self):
        self.write('file', '')
        self.assertEqual(self.examine('--store', self.path('file'), code=1)['store', 'opening'][0], 'fail')
        self.examine('--store', self.path('file/below'), code=1)

    def test_settings_that_are_broken(self):
        self.write('.config/hillstar/config.json', '{"quiet": 7}')
        self.write(REGISTRY, '{"providers": []}')
        found = self.examine(code=1)
        self.assertIn('config.json:1', found['settings', 'error'][1])
        self.assertIn('provider_registry.json', found['settings', 'registry'][1])
        self.assertEqual(self.examine(code=1, env={'HILLSTAR_STRICT': 'x'})['settings', 'error'][0], 'fail')

    def test_keys_are_named_not_shown_and_guarded(self):
        self.keep('anthropic')
        self.write('.env', f'OPENAI_API_KEY={KEY}\n')
        found = self.examine(env={'MISTRAL_API_KEY': KEY})
        self.assertEqual({name: what[1] for (area, name), what in found.items() if name.endswith('_KEY')},
                         {'ANTHROPIC_API_KEY': self.path(FILE), 'OPENAI_API_KEY': self.path('.env'),
                          'MISTRAL_API_KEY': 'environment'})
        os.chmod(self.path(FILE), 0o644)
        self.assertIn('chmod 600', self.examine(code=1)['keys', 'file'][2])
        os.remove(self.path(FILE))
        self.lab()
        entries = json.loads(self.read(REGISTRY))
        entries['providers']['lab']['api_key'] = KEY
        self.write(REGISTRY, json.dumps(entries), 0o644)
        self.assertIn('chmod 600', self.examine(code=1)['keys', 'file'][2])

    def test_providers_are_asked_if_they_are_to_be(self):
        server = self.lab()
        self.examine(env={'LAB_KEY': KEY})
        self.assertEqual(server.asked, [])
        self.assertEqual(self.examine('--online', env={'LAB_KEY': KEY})['providers', 'lab'][0], 'ok')
        wrong = self.examine('--online', code=1, env={'LAB_KEY': 'wrong-canary-9'})['providers', 'lab']
        self.assertEqual(wrong[0], 'fail')
        self.assertIn('not authorised', wrong[1])

    def test_a_poor_machine(self):
        found = self.examine(code=1, env={'PATH': self.folder})
        self.assertEqual((found['system', 'sh'][0], found['system', 'git'][0]), ('fail', 'warn'))
        self.assertIn('apt install', found['system', 'git'][2])
        low = self.examine(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
        self.assertEqual(low['system', 'open files'][0], 'warn')


if __name__ == '__main__':
    sys.exit(main())

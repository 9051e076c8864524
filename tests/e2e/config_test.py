#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Settings: where they come from, who wins, what a project may not say, and how files are written.

Usage: config_test.py --binary PROGRAM
"""
import json
import os
import stat
import subprocess
import sys
import threading

from harness import EndToEnd, main, script, settings

USER = '.config/hillstar/config.json'
PROJECT = 'project/.hillstar/config.json'
PAGE = os.path.join(os.path.dirname(__file__), '..', '..', 'docs', 'reference', 'configuration.md')


class Config(EndToEnd):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path('project/.git'))
        os.makedirs(self.path('project/sub'))

    def hill(self, *arguments, **more):
        more.setdefault('cwd', self.path('project/sub'))
        return super().hill(*arguments, **more)

    def value(self, name, *options, **more):
        found, = self.hill('config', 'view', name, '-o', 'json', *options, **more).json['settings']
        return found['value'], found['origin'], found['where']

    def project(self, **members):
        self.write(PROJECT, json.dumps(members))

    def user(self, **members):
        self.write(USER, json.dumps(members))

    def test_option_variable_project_user_default(self):
        self.assertEqual(self.value('priority'), ('normal', 'default', None))
        self.user(priority='low')
        self.assertEqual(self.value('priority'), ('low', 'user', self.path(USER) + ':1'))
        self.write(PROJECT, '{\n\n "priority": 7}')
        self.assertEqual(self.value('priority'), ('7', 'project', self.path(PROJECT) + ':3'))
        self.assertEqual(self.value('priority', env={'HILLSTAR_PRIORITY': '8'}), ('8', 'environment', 'HILLSTAR_PRIORITY'))
        self.assertEqual(self.value('verbose', '-v', env={'HILLSTAR_VERBOSE': 'no'}), ('true', 'option', '--verbose'))
        self.assertEqual(self.value('priority', env={'HILLSTAR_PRIORITY': ''})[1], 'project')

    def test_what_is_set_is_what_happens(self):
        self.flow({'a': script('true')}, name='project/sub/flow.json')
        self.project(store='kept/store', output_dir='made', max_concurrency=3)
        self.user(output='json', store='/nowhere')
        self.hill('run', 'flow.json')
        self.assertTrue(os.listdir(self.path('project/kept/store')))
        self.assertTrue(os.path.exists(self.path('project/made/traces')))
        self.assertFalse(os.path.exists(self.path('project/sub/.hillstar')))
        self.assertEqual(len(self.hill('ls').json), 1)
        self.assertIn('flow', self.hill('ls', '-o', 'text').out)
        self.hill('run', 'flow.json', 'there', '--store', 'here')
        self.assertEqual(sorted(os.listdir(self.path('project/sub'))), ['flow.json', 'here', 'there'])
        self.flow({'a': script('true')}, name='project/sub/odd.json', oddity=1)
        self.hill('validate', 'odd.json')
        self.hill('validate', 'odd.json', code=3, env={'HILLSTAR_STRICT': '1'})
        self.project(strict=True)
        self.hill('validate', 'odd.json', code=3)
        self.user(air_gapped=True)
        self.hill('run', 'flow.json')
        self.assertTrue(self.hill('show', '-o', 'json').json['air_gapped'])
        self.hill('run', 'flow.json', env={'HILLSTAR_AIR_GAPPED': 'no'})
        self.assertFalse(self.hill('show', '-o', 'json').json['air_gapped'])

    def test_registry_and_router_of_the_persons_file(self):
        self.write('lab.json', json.dumps({'providers': {'lab': {'adapter': 'openai_compatible', 'type': 'local',
                                                                 'endpoint': 'http://localhost:1'}}}))
        self.user(registry='~/lab.json', router_url='http://localhost:2')
        self.assertIn('lab', [one['name'] for one in self.hill('providers', '-o', 'json').json])
        self.flow({'a': {'tool': 'model_call', 'model': 'router-planner', 'provider': 'router', 'input': 'x'}},
                  name='project/sub/flow.json')
        self.assertIn('http://localhost:2', self.hill('plan', 'flow.json', '-o', 'json').out)

    def test_a_project_may_not_redirect(self):
        for name, value in (('registry', 'x.json'), ('router_url', 'http://evil'), ('anthropic_base_url', 'http://evil'),
                            ('env_file', '.env'), ('keyring', 'never'), ('redact_off', 'openai_key'), ('air_gapped', 'no')):
            self.project(**{name: value})
            refused = self.hill('ls', code=6)
            self.assertIn(f'{self.path(PROJECT)}:1: A project\'s file may not hold the setting {name}', refused.err)
            self.hill('config', 'set', name, value, '--project', code=6)
            self.hill('config', 'unset', name, '--project')
            self.hill('ls', code=4)
        os.symlink(self.folder, self.path('project/out'))
        for path in ('/etc', '../x', 'a/../../x', 'out/x', '.', ''):
            self.project(store=path)
            self.assertIn(self.path(PROJECT) + ':1', self.hill('ls', code=None).err)
            self.assertIn(self.hill('config', 'view', code=None).code, (3, 6))

    def test_whose_project_it_is(self):
        self.write('.hillstar/config.json', '{"priority": "low"}')   # home is no project
        self.assertEqual(self.value('priority')[1], 'default')
        self.project(priority='high')
        os.makedirs(self.path('project/inner/.git'))
        self.assertEqual(self.value('priority', cwd=self.path('project/inner'))[1], 'default')
        if os.geteuid() == 0:
            os.chown(self.path(PROJECT), 12345, -1)
            self.assertEqual(self.value('priority')[1], 'default')
            self.assertIn('belongs to somebody else', self.hill('ls', code=4).err)

    def test_set_and_unset(self):
        self.hill('config', 'set', 'priority', 'low')
        self.assertEqual(self.read(USER), '{\n  "priority": "low"\n}\n')
        for path, mode in ((USER, 0o600), ('.config/hillstar', 0o700)):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(path)).st_mode), mode)
        self.write(USER, '{"mine": {"b": 1.5, "a": [1, null]}, "priority": 3, "last": true}')
        self.hill('config', 'set', 'quiet', 'on')
        self.hill('config', 'set', 'priority', '9')
        self.assertEqual(json.loads(self.read(USER)),
                         {'mine': {'b': 1.5, 'a': [1, None]}, 'priority': 9, 'last': True, 'quiet': True})
        self.assertEqual(list(json.loads(self.read(USER))), ['mine', 'priority', 'last', 'quiet'])
        self.hill('config', 'unset', 'quiet')
        self.hill('config', 'unset', 'mine')
        self.assertIn('is not set', self.hill('config', 'unset', 'quiet').err)
        self.assertEqual(json.loads(self.read(USER)), {'priority': 9, 'last': True})
        self.hill('config', 'set', 'store', 'kept', '--project')
        self.assertEqual(self.value('store')[0], self.path('project/kept'))
        noted = self.hill('config', 'set', 'priority', '8', env={'HILLSTAR_PRIORITY': '9'})
        self.assertIn('HILLSTAR_PRIORITY goes before it', noted.err)

    def test_wrong_use(self):
        self.assertIn("Did you mean 'priority'?", self.hill('config', 'set', 'priorty', 'low', code=4).err)
        for arguments in (['set', 'priority', 'urgent'], ['set', 'priority'], ['set'], ['unset'], ['odd'],
                          ['unset', 'priority', 'low'], ['set', 'quiet', 'maybe'], ['set', 'max_concurrency', '0'],
                          ['set', 'priority', 'low', '--user', '--project']):
            with self.subTest(arguments=arguments):
                self.hill('config', *arguments, code=2)
        self.assertFalse(os.path.exists(self.path('.config')))
        self.hill('ls', code=2, env={'HILLSTAR_QUIET': 'perhaps'})
        self.hill('config', 'view', 'stor', code=4)

    def test_files_that_are_broken_are_never_passed_over(self):
        self.write(USER, '{\n "store": ]}')
        for arguments in (['ls'], ['config'], ['config', 'set', 'quiet', 'on']):
            self.assertIn(self.path(USER) + ':2:', self.hill(*arguments, code=3).err)
        self.assertEqual(self.read(USER), '{\n "store": ]}')
        self.hill('version')
        for text in ('[]', '{"quiet": "yes"}', '{"max_concurrency": 0}', '{"a": 1, "a": 2}', '', '\ufeff{}'):
            self.write(USER, text)
            self.assertIn(self.path(USER), self.hill('ls', code=3).err)
        self.write(USER, '{"prority": "low", "_mine": 1, "$schema": "x"}')
        warned = self.hill('ls', code=4).err
        self.assertIn("Did you mean 'priority'?", warned)
        self.assertEqual(warned.count('warning'), 1)
        os.remove(self.path(USER))
        os.mkdir(self.path(USER))
        self.hill('ls', code=74)

    def test_a_link_stays_a_link_and_xdg_is_heard(self):
        self.write('dotfiles/config.json', '{}')
        os.makedirs(self.path('.config/hillstar'))
        os.symlink(self.path('dotfiles/config.json'), self.path(USER))
        self.hill('config', 'set', 'quiet', 'on')
        self.assertTrue(os.path.islink(self.path(USER)))
        self.assertIn('quiet', self.read('dotfiles/config.json'))
        self.hill('config', 'set', 'quiet', 'on', env={'XDG_CONFIG_HOME': self.path('xdg')})
        self.assertIn('quiet', self.read('xdg/hillstar/config.json'))

    def test_many_at_once_lose_nothing(self):
        names = ('quiet', 'verbose', 'strict')
        threads = [threading.Thread(target=self.hill, args=('config', 'set', name, 'on')) for name in names * 5]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(json.loads(self.read(USER)), dict.fromkeys(names, True))
        self.assertEqual(os.listdir(self.path('.config/hillstar')), ['config.json'])

    def test_the_page_says_what_the_program_says(self):
        rows = []
        for one in self.hill('config', 'view', '-o', 'json').json['settings']:
            options = [name if name.isupper() else '--' + name for name in one['options'].split()]
            rows.append('| `{}` | {} | {} | {} | {} | {} | {} |'.format(
                one['name'], one['expected'], ' '.join(f'`{name}`' for name in options),
                f"`{one['variable']}`" if one['variable'] else '', f"`{one['default']}`" if one['default'] else '',
                one['project_may'], one['meaning']))
        with open(PAGE) as page:
            lines = page.read().splitlines()
        self.assertEqual([line for line in lines if line.startswith('| `')][:len(rows)], rows)

    def test_completion_knows_the_settings(self):
        done = subprocess.run(['bash', '-c', f'eval "$({settings.binary} completion bash)"; COMP_WORDS=(x config set max);'
                               'COMP_CWORD=3; _hillstar_actors; echo "${COMPREPLY[@]}"'], stdout=subprocess.PIPE)
        self.assertEqual(done.stdout.decode().strip(), 'max_concurrency')


if __name__ == '__main__':
    sys.exit(main())

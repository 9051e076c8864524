#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys: where they are kept, in which order they are looked for, and that nobody sees them.

Usage: secrets_test.py --binary PROGRAM
"""
import json
import os
import pty
import select
import shutil
import socket
import stat
import subprocess
import sys
import time
import unittest

from harness import EndToEnd, PATIENCE, main, script, settings
from providers_test import Server

KEY = 'canary-0123-canary'
FILE = '.config/hillstar/secrets.env'
REGISTRY = '.hillstar/provider_registry.json'


class WithKeys(EndToEnd):
    def setUp(self):
        super().setUp()
        for name in list(self.environment):
            if name.endswith('_KEY') or name.startswith('SSL_CERT') or name.lower().endswith('_proxy'):
                del self.environment[name]

    def hill(self, *arguments, **more):
        done = super().hill(*arguments, **more)
        self.assertNotIn('canary', done.out + done.err, 'a key was shown')
        return done

    def keep(self, name, value=KEY, *arguments, **more):
        return self.hill('secrets', 'set', name, *arguments, stdin=value.encode() + b'\n', **more)

    def kept(self, **more):
        return {one['name']: one['place'] for one in self.hill('secrets', '-o', 'json', **more).json
                if 'not used' not in one['note']}

    def lab(self, key=KEY, **more):
        """A provider that wants a key, and a workflow that asks it."""
        server = Server(key)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.write(REGISTRY, json.dumps({'providers': {'lab': {
            'type': 'cloud_api', 'adapter': 'openai_compatible', 'endpoint': server.url, 'default_model': 'tiny',
            'env_vars': ['LAB_KEY'], **more}}}))
        self.flow({'a': {'tool': 'model_call', 'provider': 'lab', 'input': 'x', 'retry': 1}})
        return server


class InFiles(WithKeys):
    def test_set_ls_rm(self):
        self.assertIn('No keys', self.hill('secrets').err)
        self.keep('anthropic')
        self.keep('LAB_TOKEN', 'canary-token-canary')
        self.assertEqual(self.read(FILE), f'ANTHROPIC_API_KEY={KEY}\nLAB_TOKEN=canary-token-canary\n')
        for path, mode in ((FILE, 0o600), ('.config/hillstar', 0o700)):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(path)).st_mode), mode)
        self.assertEqual(self.kept(), dict.fromkeys(('ANTHROPIC_API_KEY', 'LAB_TOKEN'), self.path(FILE)))
        self.write(FILE, f'# mine\nexport ANTHROPIC_API_KEY = old\nOTHER=1\nANTHROPIC_API_KEY=older', 0o644)
        self.keep('ANTHROPIC_API_KEY')
        self.assertEqual(self.read(FILE), f'# mine\nANTHROPIC_API_KEY={KEY}\nOTHER=1\n')
        self.assertEqual(stat.S_IMODE(os.stat(self.path(FILE)).st_mode), 0o600)
        self.hill('secrets', 'rm', 'anthropic')
        self.assertEqual(self.read(FILE), '# mine\nOTHER=1\n')
        self.hill('secrets', 'rm', 'anthropic', code=4)

    def test_wrong_keys_and_names(self):
        for name, value in (('openai', 'short'), ('openai', 'with blank inside'), ('openai', ''), ('openai', '/a/path/to/x'),
                            ('openai', 'abcdefghij'), ('openai', 'x' * 70_000), ('openai', 'tab\tinside-it')):
            with self.subTest(value=value[:20]):
                self.keep(name, value, code=2)
        self.hill('secrets', 'set', 'openai', code=2)   # nothing on stdin
        self.assertIn("Did you mean 'openai'?", self.keep('opena', code=4).err)
        for name in ('PATH', 'LAB', 'A B_KEY', '=KEY', 'lab-key'):
            self.keep(name, code=4)
        self.keep('ollama', code=2)
        self.hill('secrets', 'set', code=2)
        self.hill('secrets', 'ls', 'x', code=2)
        self.keep('openai', KEY, '--in', 'keyring', code=4)
        self.assertFalse(os.path.exists(self.path('.config')))

    def test_a_key_that_is_kept_is_used_and_masked(self):
        self.lab()
        self.assertIn('secrets set LAB_KEY', self.hill('run', 'flow.json', code=1).err)
        self.keep('LAB_KEY')
        self.hill('run', 'flow.json')
        self.flow({'a': script(f'cat {self.path(FILE)}')})
        self.hill('run', 'flow.json')
        self.assertIn('REDACTED', self.hill('result', 'latest', 'a').out)

    def test_who_wins(self):
        self.lab()
        self.write(FILE, 'LAB_KEY=wrong-secrets-env-9\n', 0o644)
        self.assertIn('chmod 600', self.hill('run', 'flow.json', code=1).err)
        self.write('.env', f'LAB_KEY={KEY}\n')
        self.hill('run', 'flow.json')
        self.hill('run', 'flow.json', code=1, env={'LAB_KEY': 'wrong-environment-9'})
        self.write('.env', '')
        self.hill('run', 'flow.json', code=1)
        self.hill('run', 'flow.json', env={'LAB_KEY': KEY})
        noted = self.keep('LAB_KEY', env={'LAB_KEY': 'another-value-9'})
        self.assertIn('goes before it', noted.err)

    def test_a_project_does_not_say_where_keys_go(self):
        evil = self.lab('no key fits')
        self.write('.env', f'HILLSTAR_ROUTER_URL={evil.url}\nSSL_CERT_FILE=/x\nHTTPS_PROXY={evil.url}\nLD_PRELOAD=/x\n'
                           f'TMPDIR=/x\nGIT_SSH_COMMAND=x\nHILLSTAR_STORE=/x\nANTHROPIC_BASE_URL={evil.url}\nMINE=1\n')
        self.flow({'a': {'tool': 'model_call', 'provider': 'router', 'model': 'router-planner', 'input': 'x', 'retry': 1}})
        refused = self.hill('run', 'flow.json', code=1, env={'HILLSTAR_ROUTER_KEY': 'canary-router-canary'})
        for name in ('HILLSTAR_ROUTER_URL', 'SSL_CERT_FILE', 'HTTPS_PROXY', 'LD_PRELOAD', 'TMPDIR', 'GIT_SSH_COMMAND',
                     'HILLSTAR_STORE', 'ANTHROPIC_BASE_URL'):
            self.assertIn(name, refused.err)
        self.assertNotIn('MINE', refused.err)
        self.assertEqual(evil.asked, [])
        # With a key of its own, or if the operator names the file, it may.
        self.write('.env', f'HILLSTAR_ROUTER_URL={evil.url}\nHILLSTAR_ROUTER_KEY=its-own-router-key\n')
        self.hill('run', 'flow.json', code=1)
        self.assertEqual(len(evil.asked), 1)
        self.hill('run', 'flow.json', code=1, env={'HILLSTAR_ROUTER_KEY': 'canary-router-canary'})
        self.assertEqual(len(evil.asked), 1)
        self.hill('run', 'flow.json', '--env-file', '.env', code=1)
        self.assertEqual(len(evil.asked), 2)

    def test_a_project_does_not_name_the_bus(self):
        self.lab()
        touched = self.path('touched')
        self.write('.env', f'DBUS_SESSION_BUS_ADDRESS=unixexec:path=/usr/bin/touch,argv1={touched}\nXDG_RUNTIME_DIR=/x\n')
        planned = self.hill('plan', 'flow.json', code=1)
        self.assertIn('DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR of', planned.err)
        self.assertFalse(os.path.exists(touched))

    def test_keys_in_hillstars_registry_are_used_warned_of_and_moved(self):
        for nested in (False, True):
            with self.subTest(nested=nested):
                self.lab()
                entries = json.loads(self.read(REGISTRY))
                if nested:
                    entries['user_overrides'] = {'providers': {'lab': {'api_key': KEY}}}
                else:
                    entries['providers']['lab'].update(api_key=KEY, note_of_mine={'kept': True})
                self.write(REGISTRY, json.dumps(entries), 0o644)
                self.assertIn('secrets move', self.hill('run', 'flow.json').err)
                self.assertEqual(self.kept(), {'LAB_KEY': self.path(REGISTRY)})
                self.hill('secrets', 'move')
                self.assertEqual(self.kept(), {'LAB_KEY': self.path(FILE)})
                self.assertNotIn('canary', self.read(REGISTRY))
                self.assertEqual(stat.S_IMODE(os.stat(self.path(REGISTRY)).st_mode), 0o600)
                if not nested:
                    self.assertEqual(json.loads(self.read(REGISTRY))['providers']['lab']['note_of_mine'], {'kept': True})
                self.assertNotIn('secrets move', self.hill('run', 'flow.json').err)
                self.hill('secrets', 'rm', 'LAB_KEY')
        self.assertIn('No keys', self.hill('secrets', 'move').err)
        # A file with a key alone takes neither models nor terms away, as it did in Hillstar.
        self.write(REGISTRY, json.dumps({'version': '9.9', 'providers': {'anthropic': {'api_key': KEY}}}))
        self.flow({'a': {'tool': 'model_call', 'provider': 'anthropic', 'model': 'claude-opus-4-6', 'input': 'x'}})
        self.assertIn('terms', self.hill('validate', 'flow.json', code=3).err)
        self.assertIn('claude-opus-4-6', self.hill('providers', 'models', 'anthropic').out)
        self.write(REGISTRY, json.dumps({'providers': {'nameless': {'api_key': KEY}}}))
        self.hill('secrets', 'move', code=1)
        self.assertIn('canary', self.read(REGISTRY))

    def test_on_a_terminal_the_key_is_not_shown(self):
        for typed, code in ((KEY.encode() + b'\n', 0), (b'\x03', 130), (b'\x04', 2)):
            with self.subTest(typed=typed):
                child, terminal = pty.fork()
                if child == 0:
                    os.chdir(self.folder)
                    os.execve(settings.binary, ['hillstar-actors', 'secrets', 'set', 'openai'], self.environment)
                shown = b''
                end = time.monotonic() + PATIENCE
                while time.monotonic() < end:
                    if terminal in select.select([terminal], [], [], 1)[0]:
                        try:
                            piece = os.read(terminal, 4096)
                        except OSError:
                            break
                        if not piece:
                            break
                        shown += piece
                    if b'not shown' in shown and typed:
                        os.write(terminal, typed)
                        typed = b''
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), code, shown)
                os.close(terminal)
                self.assertNotIn(b'canary', shown)
                self.assertEqual(os.path.exists(self.path(FILE)), code == 0)
                if code == 0:
                    os.remove(self.path(FILE))


class InTheKeyring(WithKeys):
    @unittest.skipUnless(all(map(shutil.which, ('dbus-run-session', 'gnome-keyring-daemon', 'secret-tool'))),
                         'needs the packages dbus-daemon, gnome-keyring and libsecret-tools')
    def test_a_real_keyring(self):
        os.makedirs(self.path('run'), mode=0o700)
        self.environment['XDG_RUNTIME_DIR'] = self.path('run')
        session = subprocess.Popen(
            ['dbus-run-session', '--', 'sh', '-c', 'printf "\\n" | gnome-keyring-daemon --unlock --components=secrets '
             '>/dev/null && echo "$DBUS_SESSION_BUS_ADDRESS" || echo; cat'], env=self.environment, cwd=self.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(session.wait, PATIENCE)
        self.addCleanup(session.stdin.close)
        self.addCleanup(session.stdout.close)
        self.environment['DBUS_SESSION_BUS_ADDRESS'] = session.stdout.readline().decode().strip()
        if not self.environment['DBUS_SESSION_BUS_ADDRESS']:
            self.skipTest('gnome-keyring-daemon does not start here (containers without CAP_IPC_LOCK refuse it)')

        def tool(*arguments, **more):
            return subprocess.run(['secret-tool', *arguments, 'service', 'hillstar-orchestrator'], timeout=PATIENCE,
                                  env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                  **more).stdout.decode()

        self.lab()
        self.write(FILE, 'LAB_KEY=an-older-one-9\n')
        self.keep('LAB_KEY')
        self.assertEqual(self.kept(), {'LAB_KEY': 'keyring'})
        self.assertEqual(self.read(FILE), '')
        self.assertEqual(tool('lookup', 'username', 'LAB_KEY'), KEY)
        self.hill('run', 'flow.json')
        self.hill('run', 'flow.json', code=1, env={'HILLSTAR_KEYRING': 'never'})
        self.hill('run', 'flow.json', code=1, env={'LAB_KEY': 'environment-goes-first'})
        self.write('leak.txt', f'it is {KEY}')
        self.flow({'a': {'tool': 'model_call', 'provider': 'lab', 'input': 'x', 'retry': 1},
                   'b': {'tool': 'file_read', 'parameters': {'path': 'leak.txt'}}}, name='leak.json')
        self.hill('run', 'leak.json')
        self.assertIn('it is [REDACTED:known_secret]', self.hill('result', 'latest', 'b').out)
        # What Hillstar's wizard keeps is found, and what is kept here is found by it.
        tool('store', '--label', 'x', 'username', 'mistral', 'application', 'Python keyring library', input=b'sk-mistral-1')
        self.assertEqual(self.kept()['MISTRAL_API_KEY'], 'keyring')
        self.keep('mistral', KEY)
        self.assertEqual(tool('lookup', 'username', 'mistral'), KEY)
        known = {one['name']: one['key_set'] for one in self.hill('providers', '-o', 'json').json}
        self.assertEqual((known['mistral'], known['openai']), (True, False))
        self.hill('secrets', 'rm', 'mistral')
        self.assertEqual(tool('lookup', 'username', 'mistral'), '')
        self.keep('LAB_KEY', KEY, '--in', 'file')
        self.hill('secrets', 'rm', 'LAB_KEY')
        self.assertEqual(self.kept(), {})

    def test_a_bus_that_does_not_answer_holds_nothing_up(self):
        self.lab()
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(self.path('bus'))
            silent.listen()
            env = {'DBUS_SESSION_BUS_ADDRESS': 'unix:path=' + self.path('bus')}
            begin = time.monotonic()
            self.hill('run', 'flow.json', code=1, env=env)
            self.assertLess(time.monotonic() - begin, 30)
            # Nothing is asked where no key is missing.
            self.assertNotIn('keyring', self.hill('run', 'flow.json', env={'LAB_KEY': KEY, **env}).err)
            self.flow({'a': script('true')})
            self.assertNotIn('keyring', self.hill('run', 'flow.json', env=env).err)

    def test_without_a_service_the_file_is_taken(self):
        self.lab()
        env = {'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent'}
        self.keep('LAB_KEY', env=env)
        self.assertEqual(self.kept(env=env), {'LAB_KEY': self.path(FILE)})
        self.hill('run', 'flow.json', env=env)


if __name__ == '__main__':
    sys.exit(main())

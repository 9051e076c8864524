#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""wizard: answers from a pipe and from a terminal, keys that are tried for real, and nothing half-written.

Usage: wizard_test.py --binary PROGRAM
"""
import json
import os
import pty
import select
import socket
import stat
import sys
import time

from harness import PATIENCE, main, settings
from providers_test import Server
from secrets_test import FILE, KEY, REGISTRY, WithKeys

SHIPPED = ('anthropic', 'openai', 'google', 'google_ai_studio', 'mistral', 'ollama', 'anthropic_ollama', 'devstral',
           'devstral_local', 'jan_code', 'jan_code_local')


class Wizard(WithKeys):
    def setUp(self):
        super().setUp()
        self.server = self.serve(KEY)
        # One cloud, which wants the key, and one server of this machine, which is not where it should be.
        lab = {'type': 'cloud_api', 'adapter': 'openai_compatible', 'endpoint': self.server.url, 'env_vars': ['LAB_KEY'],
               'default_model': 'tiny', 'display_name': 'The Lab'}
        self.write('only.json', json.dumps({'providers': {**dict.fromkeys(SHIPPED), 'lab': lab}}))
        self.write(REGISTRY, json.dumps({'providers': {'local': {'endpoint': 'http://127.0.0.1:1'}}, 'mine': [1]}))
        self.before = self.read(REGISTRY)
        self.environment['HILLSTAR_REGISTRY'] = self.path('only.json')

    def serve(self, key=None):
        server = Server(key)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def answer(self, *lines, code=0, arguments=(), **more):
        return self.hill('wizard', *arguments, code=code, stdin=''.join(line + '\n' for line in lines).encode(), **more)

    def untouched(self):
        self.assertFalse(os.path.exists(self.path('.config')))
        self.assertEqual(self.read(REGISTRY), self.before)
        self.assertEqual(os.listdir(self.path('.hillstar')), ['provider_registry.json'])

    def talk(self, *steps, code):
        """On a terminal: waits for each text, then types."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execve(settings.binary, ['hillstar-actors', 'wizard'], self.environment)
        shown, seen, left = b'', 0, list(steps)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if left and left[0][0].encode() in shown[seen:]:
                seen = len(shown)
                os.write(terminal, left.pop(0)[1].encode())
            if terminal in select.select([terminal], [], [], 0.2)[0]:
                try:
                    piece = os.read(terminal, 4096)
                except OSError:
                    break
                if not piece:
                    break
                shown += piece
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), code, shown.decode())
        os.close(terminal)
        self.assertEqual(left, [], shown.decode())
        self.assertNotIn(b'canary', shown)
        return shown.decode()

    def test_a_key_and_a_server_from_a_pipe(self):
        near = self.serve()
        done = self.answer('', KEY, near.url + '/', 'y', arguments=['-o', 'json'])
        self.assertEqual(done.json, {'keys': {'LAB_KEY': self.path(FILE)}, 'addresses': {'local': near.url}})
        self.assertIn('It works: 2 models; has tiny', done.err)
        self.assertEqual(self.read(FILE), f'LAB_KEY={KEY}\n')
        self.assertEqual(stat.S_IMODE(os.stat(self.path(FILE)).st_mode), 0o600)
        kept = json.loads(self.read(REGISTRY))
        self.assertEqual(kept['mine'], [1])
        self.assertEqual(kept['user_overrides']['providers'], {'local': {'endpoint': near.url, 'tested': True}})
        states = {one['provider']: one['state'] for one in self.hill('providers', 'test', '-o', 'json').json}
        self.assertEqual((states['lab'], states['local']), ('ok', 'ok'))
        again = self.answer('', '', 'y')   # what works is kept, and nothing is asked about it
        self.assertIn('works: 2 models', again.err)
        self.assertIn('nothing to write', again.err)

    def test_keys_that_do_not_work(self):
        done = self.answer('', 'short', 'wrong-key-0123', 't', KEY, '', 'y')
        self.assertIn('shorter than 8', done.err)
        self.assertIn('not authorised', done.err)
        self.assertEqual(self.read(FILE), f'LAB_KEY={KEY}\n')
        os.remove(self.path(FILE))
        self.assertIn('nothing to write', self.answer('', 'wrong-key-0123', 's', '').err)
        self.server.shutdown()
        self.server.server_close()
        self.assertIn('unreachable', self.answer('', KEY, 'k', '', 'y').err)
        self.assertEqual(self.read(FILE), f'LAB_KEY={KEY}\n')

    def test_a_file_is_taken_over(self):
        self.write('keys/old.env', f'# of mine\nexport LAB_KEY="{KEY}"\nOTHER=1\n')
        done = self.answer('~/keys/gone.env', '~/keys/old.env', '', '', 'y')
        self.assertIn('HS701', done.err)
        self.assertIn('Found LAB_KEY.', done.err)
        self.assertEqual(self.read(FILE), f'LAB_KEY={KEY}\n')
        self.assertIn('no key of a known provider', self.answer('only.json', '', '').err)
        self.write('old.env', 'LAB_KEY=wrong-key-0123')
        self.write(FILE, 'OTHER=stays\n')
        self.answer('old.env', 'c', KEY, '', 'y')
        self.assertEqual(self.read(FILE), f'OTHER=stays\nLAB_KEY={KEY}\n')

    def test_keys_in_plain_text_are_moved(self):
        self.write(REGISTRY, json.dumps({'providers': {'lab': {'api_key': KEY}, 'local': {'endpoint': 'http://127.0.0.1:1'}}}))
        self.answer('', 'y', '', '', 'y')
        self.assertNotIn('canary', self.read(REGISTRY))
        self.assertEqual(self.read(FILE), f'LAB_KEY={KEY}\n')

    def test_who_stops_changes_nothing(self):
        for lines in ([], [''], ['', KEY], ['', KEY, ''], ['', KEY, '', 'n'], ['', KEY, '', 'x', 'x', 'x', 'x', 'x']):
            with self.subTest(lines=lines):
                self.assertIn('Nothing was changed', self.answer(*lines, code=1).err)
                self.untouched()

    def test_on_a_terminal(self):
        shown = self.talk(('take over', '\n'), ('not shown', KEY + '\n'), ('Another address', '\n'), ('Write it', 'y\n'),
                          code=0)
        self.assertIn('It works', shown)
        self.assertEqual(self.read(FILE), f'LAB_KEY={KEY}\n')

    def test_ctrl_c_and_the_end_of_input_on_a_terminal(self):
        for key, code in (('\x03', 130), ('\x04', 1)):
            for steps in ([], [('take over', '\n')], [('take over', '\n'), ('not shown', KEY + '\n')],
                          [('take over', '\n'), ('not shown', KEY + '\n'), ('Another address', '\n')]):
                question = ('take over', 'not shown', 'Another address', 'Write it')[len(steps)]
                with self.subTest(key=key, question=question):
                    self.talk(*steps, (question, key), code=code)
                    self.untouched()

    def test_ctrl_c_while_a_provider_does_not_answer(self):
        with socket.socket() as silent:
            silent.bind(('127.0.0.1', 0))
            silent.listen()
            entries = json.loads(self.read('only.json'))
            entries['providers']['lab']['endpoint'] = f'http://127.0.0.1:{silent.getsockname()[1]}'
            self.write('only.json', json.dumps(entries))
            begin = time.monotonic()
            self.talk(('take over', '\n'), ('not shown', KEY + '\n'), ('Asking', '\x03'), code=130)
            self.assertLess(time.monotonic() - begin, 14)   # the list of models may take 15
            self.untouched()

    def test_what_is_broken_is_said_first(self):
        self.write(REGISTRY, '{\n"providers": ')
        self.assertIn('provider_registry.json:2:', self.answer(code=1).err)
        self.assertEqual(self.read(REGISTRY), '{\n"providers": ')
        self.answer(code=2, env={'HOME': ''})


if __name__ == '__main__':
    sys.exit(main())

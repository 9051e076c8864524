#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program in poor surroundings: limits, closed streams, folders that are gone, readers that leave, odd variables.

Usage: surroundings_test.py --binary PROGRAM
"""
import os
import resource
import subprocess
import sys

from harness import EndToEnd, main, script, settings

NOBODY = 65534


def limited(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


class Surroundings(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('for i in $(seq 3000); do echo line $i; done')})

    def spawned(self, *arguments, **options):
        """Runs the program with the streams that the test gives; returns its exit code."""
        return subprocess.run([settings.binary, *arguments], timeout=60, **self.options(**options)).returncode

    def in_shell(self, line):
        """A line of sh; `hill` is the program. Returns (exit code, stdout, stderr)."""
        done = subprocess.run(['bash', '-c', 'hill() { "$BINARY" "$@"; }; ' + line], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, **self.options(env={'BINARY': settings.binary}))
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def completed(self, runs=1):
        self.assertEqual([run['status'] for run in self.runs()], ['completed'] * runs)
        self.holds()


class Limits(Surroundings):
    def test_few_descriptors(self):
        done = self.hill('run', 'flow.json', preexec_fn=limited(resource.RLIMIT_NOFILE, 64))
        self.assertEqual(done.out.count('\n'), 3000)
        self.completed()

    def test_too_few_descriptors_are_named_and_the_run_can_go_on(self):
        codes = set()
        for most in range(6, 40, 3):
            done = self.hill('run', 'flow.json', code=None, preexec_fn=limited(resource.RLIMIT_NOFILE, most))
            codes.add(done.code)
            self.assertIn(done.code, (0, 1, 10, 71, 74, 127), done)
            if done.code not in (0, 127):
                self.assertRegex(done.err.lower(), 'too many (open files|files are open)', done)
            self.assertNotIn('HS900', done.err)
        self.assertTrue(codes & {71, 74})
        for run in self.runs():
            if run['status'] != 'completed':
                self.hill('resume', run['run'])
        self.hill('verify')

    def test_little_memory(self):
        self.hill('run', 'flow.json')
        for megabytes in (200, 300, 500, 600, 700, 900):
            with self.subTest(megabytes):
                done = self.hill('run', 'flow.json', code=None,
                                 preexec_fn=limited(resource.RLIMIT_AS, megabytes << 20))
                self.assertIn(done.code, (0, 71), done)
                if done.code == 71:
                    self.assertIn('error HS901', done.err)
        for megabytes in (200, 300):
            done = self.hill('show', code=None, preexec_fn=limited(resource.RLIMIT_AS, megabytes << 20))
            self.assertIn(done.code, (0, 71), done)
        self.hill('verify')


class Streams(Surroundings):
    def test_closed_stdin(self):
        code, out, _ = self.in_shell('hill run flow.json <&-')
        self.assertEqual((code, out.count('\n')), (0, 3000))
        self.completed()

    def test_closed_stdout_is_no_success_and_the_run_is_unharmed(self):
        code, _, err = self.in_shell('hill run flow.json >&-')
        self.assertEqual(code, 74)
        self.assertIn('error', err)
        self.completed()

    def test_closed_stderr(self):
        code, out, _ = self.in_shell('hill run flow.json 2>&-')
        self.assertEqual((code, out.count('\n')), (0, 3000))
        self.completed()

    def test_all_closed_and_nothing_that_is_said_lands_in_the_store(self):
        code, _, _ = self.in_shell('hill run flow.json <&- >&- 2>&-')
        self.assertEqual(code, 74)
        self.completed()
        for folder, _, names in os.walk(self.path('.hillstar/store')):
            for name in names:
                with open(os.path.join(folder, name), 'rb') as file:
                    self.assertNotIn(b'Executing flow', file.read(), name)

    def test_readers_that_leave(self):
        self.hill('run', 'flow.json')
        for command in ('events latest', 'events latest -o jsonl', 'logs latest', 'result latest', 'show latest',
                        'result latest --raw', 'export --jsonl'):
            with self.subTest(command):
                code, out, err = self.in_shell(f'{{ hill {command}; echo $? >code; }} | head -1')
                self.assertEqual((code, err, self.read('code')), (0, '', '0\n'))
                self.assertEqual(out.count('\n'), 1)
        for options in ('-o jsonl', '', '-o json'):
            self.in_shell(f'{{ hill run flow.json {options}; echo $? >code; }} | head -1')
            self.assertEqual(self.read('code'), '0\n')
        self.completed(4)

    def test_a_watcher_whose_reader_leaves_ends_before_the_run_does(self):
        self.flow({'a': script('echo a'), 'b': script('[ -e go ] || { touch b; for i in $(seq 3000); do '
                                                      '[ -e go ] && exit 0; sleep 0.02; done; exit 1; }',
                                                      '{{ a.output }}')}, name='slow.json')
        run = self.start('run', 'slow.json')
        self.until(lambda: os.path.exists(self.path('b')), 'the second node')
        code, out, _ = self.in_shell('hill events latest --follow | head -1')
        self.assertEqual((code, out.count('\n')), (0, 1))
        self.assertIsNone(run.process.poll(), 'the run still goes on')
        self.write('go', '')
        run.end(0)


class Folders(Surroundings):
    def test_the_current_folder_is_gone(self):
        self.hill('run', 'flow.json')
        for command in ('run ../flow.json', 'ls', 'show', 'cancel latest', 'verify', 'repair'):
            with self.subTest(command):
                code, _, err = self.in_shell(f'mkdir gone; cd gone; rmdir ../gone; hill {command}')
                self.assertEqual(code, 74)
                self.assertIn('error HS504: The current folder cannot be used', err)
        store = self.path('.hillstar/store')
        code, out, _ = self.in_shell(f'mkdir gone; cd gone; rmdir ../gone; hill --store {store} ls')
        self.assertEqual(code, 0)
        self.assertIn('completed', out)

    def test_no_rights(self):
        if os.geteuid() != 0:
            self.skipTest('only root can become nobody')
        os.chmod(self.folder, 0o755)
        denied = {'user': NOBODY, 'group': NOBODY, 'extra_groups': []}
        if subprocess.run([settings.binary, '--version'], stdout=subprocess.DEVNULL, **denied).returncode != 0:
            self.skipTest('nobody may not run the program')
        done = self.hill('run', 'flow.json', code=74, **denied)
        self.assertIn('error HS200', done.err)
        self.assertIn('Permission denied', done.err)
        self.hill('ls', code=4, **denied)
        self.hill('run', 'flow.json')
        os.chmod(self.path('.hillstar'), 0o700)
        for command in ('ls', 'show', 'verify'):
            done = self.hill(command, code=74, **denied)
            self.assertIn('error HS200', done.err)
            self.assertIn('Permission denied', done.err)


class Variables(Surroundings):
    def test_none_at_all(self):
        done = subprocess.run([settings.binary, 'run', 'flow.json', '-q'], cwd=self.folder, env={}, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        self.completed()

    def test_odd_ones(self):
        self.hill('run', 'flow.json')
        first = self.status()['run']
        plain = self.hill('show', first).out
        for variables in ({'TZ': ':no/such'}, {'TZ': '../../etc/passwd'}, {'TZ': 'x' * 5000}, {'LC_ALL': 'C'},
                          {'LC_ALL': 'xx_YY.UTF-99'}, {'LANG': '\n'}, {'HOME': '/no/such'}, {'HOME': ''}, {'TERM': ''},
                          {'COLUMNS': '-1'}, {'PATH': ''}):
            with self.subTest(variables):
                self.assertEqual(self.hill('show', first, env=variables).out, plain)
                self.hill('run', 'flow.json', '-q', env=variables, code=None if 'PATH' in variables else 0)


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is seen live: the first words of a script, also by those who come late; top and watch on real terminals."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import harness
from harness import script, settings
from serve_test import Served

TALKS = ('echo first; echo second; echo $$ > up; for i in $(seq 3000); do [ -e go ] && break; sleep 0.02; done; '
         'echo third')


class Terminal:
    """A program on a terminal of some size."""

    def __init__(self, test, arguments, columns, rows=24, **env):
        self.test = test
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
        self.before = termios.tcgetattr(side)
        self.side = side
        environment = dict(test.environment, TERM='xterm', **env)
        self.process = subprocess.Popen([settings.binary, *arguments], stdin=side, stdout=side, stderr=side,
                                        cwd=test.folder, env={k: v for k, v in environment.items() if v is not None},
                                        start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.text = ''
        test.addCleanup(self.close)

    def more(self):
        while select.select([self.main], [], [], 0)[0]:
            try:
                self.text += os.read(self.main, 65536).decode('utf-8', 'replace')
            except OSError:
                return

    def wait_for(self, true, what):
        def look():
            self.more()
            return true(self.text)
        self.test.until(look, what)
        return self

    def press(self, keys):
        os.write(self.main, keys.encode())

    def end(self):
        def gone():
            self.more()
            return self.process.poll() is not None
        self.test.until(gone, 'the program to end: ' + self.text[-500:])
        self.more()
        return self.process.returncode

    def lines(self):
        """Of what was drawn, without what moves the cursor."""
        plain = re.sub(r'\x1b\[[0-9;?]*[A-Za-z]', '', self.text)
        return [line for line in plain.replace('\r', '').split('\n')]

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for descriptor in (self.main, self.side):
            try:
                os.close(descriptor)
            except OSError:
                pass


class Live(Served):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.write, 'go', '')
        self.flow({'talk': script(TALKS)}, name='talk.json', id='talk')

    def up(self):
        self.until(lambda: os.path.exists(self.path('up')) and self.read('up').strip(), 'the script to have spoken')

    def said(self, text):
        return [line.split('| ')[1] for line in text.splitlines() if line.strip().startswith('talk | ')]

    def test_the_first_words_of_a_script_are_shown_once(self):
        for _ in range(5):
            run = self.start('-v', 'run', 'talk.json')
            self.up()
            run.wait_for('second')
            self.write('go', '')
            self.assertEqual(self.said(run.end(0).err), ['first', 'second', 'third'])
            os.remove(self.path('go'))
            os.remove(self.path('up'))

    def test_who_comes_late_is_told_what_was_said(self):
        run = self.start('-v', 'run', 'talk.json')
        self.up()
        watchers = [self.start('-v', 'watch') for _ in range(3)]
        for watcher in watchers:
            watcher.wait_for('second')
        self.write('go', '')
        for watcher in watchers:
            done = watcher.end(0)
            self.assertEqual(self.said(done.err), ['first', 'second', 'third'])
            self.assertIn('Workflow completed: talk', done.err)
        self.assertEqual(self.said(run.end(0).err), ['first', 'second', 'third'])
        self.assertIn('Workflow completed', self.hill('watch').err)
        self.hill('watch', 'none', code=4)

    def test_watch_ends_as_the_run_does(self):
        self.flow({'a': script('exit 3')}, name='bad.json', id='bad')
        self.hill('run', 'bad.json', code=1)
        self.hill('watch', code=1)
        events = self.hill('-o', 'jsonl', 'watch', code=1)
        self.assertEqual(events.out, '')

    def test_watch_on_a_terminal_and_ctrl_c_leaves_the_run_alone(self):
        run = self.start('run', 'talk.json')
        self.up()
        for columns in (80, 40):
            terminal = Terminal(self, ['watch'], columns)
            terminal.wait_for(lambda text: 'second' in text, 'the board')
            terminal.press('\x03')
            self.assertEqual(terminal.end(), 130)
            self.assertLessEqual(max(len(line) for line in terminal.lines()), columns)
        self.assertEqual(self.status()['status'], 'running')
        self.write('go', '')
        run.end(0)

    def test_top_on_terminals(self):
        self.flow({'talk': script(TALKS)}, name='talk.json', id='talk', entry_points=[
            {'id': 'hand', 'max_concurrent': 1}, {'id': 'nightly', 'timer': {'cron': '0 3 * * *'}}])
        self.serve('talk.json')
        for _ in range(3):
            self.hill('stream', 'trigger', 'talk/hand')
        self.up()
        for columns, env in ((80, {}), (40, {}), (80, {'NO_COLOR': None})):
            terminal = Terminal(self, ['top', '--every', '200ms'], columns, **env)
            terminal.wait_for(lambda text: text.count('today 3 runs') >= 2 or columns == 40 and text.count('STREAM') >= 2,
                              'two tables')
            terminal.press('q')
            self.assertEqual(terminal.end(), 0)
            self.assertLess(max(len(line) for line in terminal.lines()), columns)
            self.assertEqual('\x1b[1m' in terminal.text or '\x1b[2m' in terminal.text, env == {'NO_COLOR': None})
            self.assertEqual(terminal.before, termios.tcgetattr(terminal.side), 'the terminal is as it was')
            self.assertTrue(terminal.text.rstrip().endswith('\x1b[?1049l'), repr(terminal.text[-40:]))
            shown = '\n'.join(terminal.lines())
            for word in ('talk', 'running', 'talk/hand', 'talk/nightly', '2'):
                self.assertIn(word, shown)
        terminal = Terminal(self, ['top'], 80, rows=6)
        terminal.wait_for(lambda text: 'more lines' in text, 'a small table')
        terminal.press('\x03')
        self.assertEqual(terminal.end(), 130)

    def test_top_for_programs(self):
        self.hill('top', code=4)
        self.flow({'a': script('echo one')})
        self.hill('run', 'flow.json')
        alone = self.hill('-o', 'json', 'top').json
        self.assertEqual((alone['host'], alone['live'], alone['today']['started']), (None, [], 1))
        self.assertIn('nobody hosts the store', self.hill('top').out)
        self.environment['HILLSTAR_TOKEN'] = self.token('r', 'read')
        service = self.serve()
        for where in ([], ['--server', self.url]):
            told = [json.loads(line) for line in
                    self.hill(*where, '-o', 'jsonl', 'top', '--count', '2', '--every', '100ms').out.splitlines()]
            self.assertEqual([one['host'] for one in told], [service.process.pid] * 2)
            self.assertLess(told[0]['at'], told[1]['at'])
        self.hill('top', '--every', '1ms', code=2)


if __name__ == '__main__':
    raise SystemExit(harness.main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How runs end, and are brought to their end: out of time, in loops, killed in the middle or in the very last moment.

Usage: endings_test.py --binary PROGRAM
"""
import glob
import os
import pty
import signal
import subprocess
import sys
import threading

from harness import EndToEnd, is_alive, main, script, settings
from models_test import ANSWER, Server, reply


class OutOfTime(EndToEnd):
    def kinds(self):
        return [event['data']['failure']['kind'] for event in self.events(kind='node_attempt_failed')]

    def test_in_the_queue(self):
        cores = 8 * (os.cpu_count() or 1)
        self.flow({**{f'hold{i}': script('for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done')
                      for i in range(cores)},
                   'late': script('touch ran', timeout={'queue': 0.3})}, max_concurrency=cores + 1)
        run = self.start('run', 'flow.json')
        run.wait_for('queue_timeout: no slot became free within 300 milliseconds')
        self.write('go', '')
        run.end(124)
        self.assertFalse(os.path.exists(self.path('ran')))
        self.assertEqual(self.kinds(), ['queue_timeout'])
        self.holds()

    def test_in_the_queue_and_tried_again(self):
        cores = 8 * (os.cpu_count() or 1)
        self.flow({**{f'hold{i}': script('for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done')
                      for i in range(cores)},
                   'late': script('echo late', timeout={'queue': 0.2},
                                  retry={'attempts': 1000, 'backoff': 0.05, 'cap': 0.05})}, max_concurrency=cores + 1)
        run = self.start('run', 'flow.json')
        run.wait_for('late attempt 2 failed')
        self.write('go', '')
        self.assertIn('late\n', run.end(0).out)
        self.assertEqual(set(self.kinds()), {'queue_timeout'})

    def test_a_commit_whose_hook_hangs(self):
        for command in (['init', '-q', '.'], ['config', 'user.email', 'a@b.c'], ['config', 'user.name', 'a']):
            subprocess.run(['git', *command], check=True, **self.options())
        self.write('.git/hooks/pre-commit', '#!/bin/sh\necho $$ > pid\nsleep 300 &\necho $! >> pid\nwait\n', 0o755)
        self.write('file', 'text')
        subprocess.run(['git', 'add', 'file'], check=True, **self.options())
        self.flow({'commit': {'tool': 'git_commit', 'parameters': {'message': 'a message'}, 'timeout': 4}})
        done = self.hill('run', 'flow.json', code=124)
        self.assertEqual(self.kinds(), ['timeout'], done)
        pids = self.read('pid').split()
        self.until(lambda: not any(is_alive(pid) for pid in pids), 'the hook and what it started to be gone')
        self.assertEqual(glob.glob(self.path('.git/*.lock')), [])

    def test_a_model_that_is_silent_is_hung_up_on(self):
        server = Server(b'', hold=True)
        self.addCleanup(server.close)
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question',
                           'timeout': 0.5, 'retry': {'attempts': 2, 'backoff': 0}}},
                  model_config={'custom_providers': {'lab': {'endpoint': server.address, 'type': 'custom'}}})
        self.hill('run', 'flow.json', code=124)
        self.assertEqual(self.kinds(), ['timeout', 'timeout'])
        self.until(lambda: len(server.open) == 2, 'both connections')
        for connection in server.open:
            self.assertEqual(connection.recv(100), b'', 'the connection is closed from the other side')

    def test_a_tolerated_timeout_is_no_failure(self):
        self.flow({'a': script('echo begun; sleep 300', timeout=2, on_error='continue'),
                   'b': script('cat -', '{{ a.output }}')})
        self.assertEqual(self.hill('run', 'flow.json').out, 'begun\n')


class Models(EndToEnd):
    def ask(self, code=0, **more):
        server = Server(reply(ANSWER))
        self.addCleanup(server.close)
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question', **more}},
                  model_config={'custom_providers': {'lab': {'endpoint': server.address, 'type': 'custom'}}})
        return self.hill('run', 'flow.json', code=code)

    def test_an_answer_in_files(self):
        self.write('old.txt', 'something longer than the answer')
        self.ask(outputs={'main': 'deep/er/answer.txt', 'again': 'old.txt'})
        self.assertEqual(self.read('deep/er/answer.txt'), 'an answer')
        self.assertEqual(self.read('old.txt'), 'an answer')

    def test_files_that_cannot_be_written_are_recorded_and_fail_nothing(self):
        self.write('blocked', '')
        done = self.ask(outputs={'bad': 'blocked/answer.txt', 'out': '/outside/answer.txt', 'good': 'answer.txt'})
        self.assertEqual(done.out, 'an answer\n')
        self.assertEqual(self.read('answer.txt'), 'an answer')
        self.assertFalse(os.path.exists('/outside'))
        detail = self.events(kind='node_completed')[0]['data']['detail']['files']
        self.assertEqual(len(detail), 3)
        self.assertEqual(sum('error' in file for file in detail), 2, detail)


class Loops(EndToEnd):
    def loop(self, until, on_exhausted=None, attempts=4, **nodes):
        more = {} if on_exhausted is None else {'on_exhausted': on_exhausted}
        self.flow(nodes, loops=[{'id': 'w', 'body': [name for name in nodes if name != 'after'],
                                 'max_attempts': attempts, 'until': until, **more}])

    def test_a_single_node(self):
        self.loop({'node': 'a', 'equals': '3'}, a=script('echo x >> tries; wc -l < tries'),
                  after=script('cat -', '{{ a.output }}'))
        self.assertEqual(self.hill('run', 'flow.json').out.split(), ['3'])
        self.assertEqual(self.read('tries').count('x'), 3)
        self.holds()

    def test_all_of(self):
        self.loop({'all_of': [{'node': 'a', 'contains': 'ok'}, {'node': 'b', 'contains': 'ok'}]}, attempts=6,
                  a=script('echo x >> tries; [ $(wc -l < tries) -lt 2 ] || echo ok'),
                  b=script('[ $(wc -l < tries) -lt 4 ] || echo ok', '{{ a.output }}'),
                  after=script('echo after', '{{ b.output }}'))
        self.assertEqual(self.hill('run', 'flow.json').out, 'after\n')
        self.assertEqual(self.read('tries').count('x'), 4)

    def test_the_attempt_before(self):
        self.loop({'node': 'a', 'contains': '....'}, attempts=9, a=script('printf "$(cat -)."', '{{ prev.a.output }}'),
                  after=script('cat -', '[{{ a.output }}]'))
        self.assertEqual(self.hill('run', 'flow.json').out, '[....]\n')

    def test_exhausted(self):
        for rule, code, out in ((None, 0, 'no 2\n'), ('continue', 0, 'no 2\n'), ('fail', 1, '')):
            with self.subTest(rule):
                if os.path.exists(self.path('tries')):
                    os.unlink(self.path('tries'))
                self.loop({'node': 'a', 'contains': 'yes'}, rule, 2,
                          a=script('echo x >> tries; echo no $(wc -l < tries)'), after=script('cat -', '{{ a.output }}'))
                done = self.hill('run', 'flow.json', code=code)
                self.assertEqual(done.out, out)
                self.assertIn('loop w used up its 2 attempts', done.err)
                self.holds()

    def test_killed_in_the_middle(self):
        self.loop({'node': 'check', 'contains': 'good'}, attempts=5,
                  draft=script('echo draft >> ran; cat -; echo +', '{{ prev.check.output }}'),
                  check=script('echo check >> ran; cat -; n=$(grep -c check ran); '
                               'if [ $n = 2 ]; then touch second; for i in $(seq 3000); do [ -e go ] && break; '
                               'sleep 0.02; done; fi; [ $n -lt 4 ] || echo good', '{{ draft.output }}'),
                  after=script('cat -; echo after >> ran', '{{ check.output }}'))
        run = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('second')), 'the second attempt of the loop')
        run.send(signal.SIGKILL).end(-signal.SIGKILL)
        self.write('go', '')
        done = self.hill('resume')
        # Attempts 1 and 3 in whole, attempt 2 with a check that was lost and made again.
        self.assertEqual(self.read('ran').split(), ['draft', 'check', 'draft', 'check', 'check', 'draft', 'check', 'after'])
        self.assertEqual(done.out.split(), ['+', '+', '+', 'good'])
        self.assertEqual(len(self.events(kind='node_attempt_lost')), 1)
        self.holds()


class LastMoment(EndToEnd):
    """The process dies when its run has just ended: everything is recorded, and some files are missing."""

    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo a'), 'b': script('cat -', '{{ a.output }}b')})

    def ours(self):
        run = self.status()['run']
        return sorted(name for name in glob.glob(self.path('.hillstar/**/*'), recursive=True)
                      if run in name and '/store' not in name)

    def test_a_resume_of_a_completed_run_writes_what_is_missing(self):
        self.hill('run', 'flow.json')
        name = self.status()['run']
        files = {path: open(path).read() for path in self.ours()}
        self.assertEqual(len(files), 5, files)
        history = self.events()
        # As a kill in the middle of the last files leaves it.
        for path in files:
            if '/audit/' in path:
                os.unlink(path)
            else:
                os.truncate(path, os.path.getsize(path) // 2)
        for path in (self.path('.hillstar/commit_ready.json'), self.path('.hillstar/audit/step_00/metadata.json')):
            os.unlink(path)
        done = self.hill('resume')
        self.assertEqual(done.out, 'a\nb\n')
        self.assertIn('wrote the files that were missing', done.err)
        self.assertEqual({path: open(path).read() for path in self.ours()}, files)
        self.assertIn(name, self.read('.hillstar/commit_ready.json'))
        self.assertEqual(self.events(), history, 'a run that ended is never changed')
        # Once is enough, and a marker that was used up stays so.
        os.unlink(self.path('.hillstar/commit_ready.json'))
        self.assertNotIn('missing', self.hill('resume').err)
        self.assertFalse(os.path.exists(self.path('.hillstar/commit_ready.json')))
        self.assertEqual(len(self.runs()), 1)

    def test_killed_when_its_end_is_shown(self):
        for _ in range(5):
            run = self.start('run', 'flow.json', '-o', 'jsonl')
            self.until(lambda: b'"run_completed"' in run.read(0) or run.process.poll() is not None, 'the end')
            run.send(signal.SIGKILL)
            run.process.wait()
            self.assertEqual(self.status()['status'], 'completed')
            self.assertEqual(self.hill('resume').out, 'a\nb\n')
            self.assertEqual(len(self.ours()), 5)
            trace, = [path for path in self.ours() if '/traces/' in path]
            self.assertEqual(len(open(trace).readlines()), len(self.events()))
        self.hill('verify')

    def test_a_failed_run_too(self):
        self.flow({'a': script('exit 1'), 'b': script('true', '{{ a.output }}')})
        self.hill('run', 'flow.json', code=1)
        first = self.ours()
        for path in first:
            os.unlink(path)
        self.hill('resume', code=1)
        self.assertTrue(all(os.path.exists(path) for path in first))
        self.assertEqual(len(self.runs()), 2)


class TakenOver(EndToEnd):
    def test_a_followers_run_goes_on_and_nothing_is_repeated(self):
        wait = 'echo $HILLSTAR_NODE_ID >> ran; for i in $(seq 3000); do [ -e %s ] && exit 0; sleep 0.02; done; exit 1'
        self.flow({'hosted': script(wait % 'never')}, name='host.json')
        self.flow({'one': script('echo one >> ran; echo 1'), 'two': script(wait % 'go', '{{ one.output }}'),
                   'three': script('echo three >> ran; echo 3', '{{ two.output }}')}, name='joined.json')
        host = self.start('run', 'host.json')
        self.until(lambda: os.path.exists(self.path('ran')), 'the host')
        joined = self.start('run', 'joined.json', '-o', 'jsonl')
        self.until(lambda: 'two' in self.read('ran'), 'the second node of the joined run')
        host.send(signal.SIGKILL).end(-signal.SIGKILL)
        joined.wait_for('this terminal is the host now')
        self.write('go', '')
        done = joined.end(0)
        ran = self.read('ran').split()
        # The attempt that was lost with the host is made again, and nothing else.
        self.assertEqual((ran.count('one'), ran.count('two'), ran.count('three')), (1, 2, 1))
        run = next(row['run'] for row in self.runs() if row['workflow_file'] == 'joined.json')
        history = [line for line in self.hill('events', run, '-o', 'jsonl').out.splitlines()]
        self.assertEqual(done.out.splitlines(), history, 'what was shown is the history, without gap or repetition')
        other = next(row for row in self.runs() if row['workflow_file'] == 'host.json')
        self.assertEqual(ran.count('hosted'), 1, 'the run of the one that died waits until somebody asks for it')
        self.assertEqual(other['status'], 'running')
        self.hill('replay', '--all')
        self.hill('verify')


class Boards(EndToEnd):
    def test_warnings_of_the_engine_do_not_tear_the_board(self):
        self.flow({'a': script('sleep 0.5'), 'b': script('sleep 0.5', '{{ a.output }}')})
        self.write('out/traces', 'a file where a folder should be')
        ours, theirs = pty.openpty()
        process = subprocess.Popen([settings.binary, 'run', 'flow.json', 'out'], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=theirs, **self.options(env={'TERM': 'xterm'}))
        os.close(theirs)
        seen = []

        def read():
            try:
                while piece := os.read(ours, 65536):
                    seen.append(piece)
            except OSError:     # the other side is closed
                pass
        reader = threading.Thread(target=read)
        reader.start()
        self.assertEqual(process.wait(60), 0)
        reader.join(20)
        os.close(ours)
        text = b''.join(seen).decode()
        lines = text.replace('\r\n', '\n').split('\n')
        warnings = [line for line in lines if 'cannot be written' in line]
        self.assertEqual(len(warnings), 1, text)
        # On a line of its own: behind it the board is drawn anew, before it the old one is erased.
        self.assertRegex(warnings[0], r'^(\x1b\[\d+F\x1b\[J)?warning: the files of run .*later\.$')


if __name__ == '__main__':
    sys.exit(main())

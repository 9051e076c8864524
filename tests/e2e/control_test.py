#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pause, wait, ps: runs of other terminals seen and steered, also while their host is killed.

Usage: control_test.py --binary PROGRAM
"""
import getpass
import json
import os
import signal
import sys

from harness import EndToEnd, is_alive, main, script, settings

# Waits until somebody makes the file `go`, in a way that a killed program leaves no process behind for long.
WAIT = 'echo $HILLSTAR_NODE_ID $$ >> ran; for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done; exit 1'
NOBODY = '01ARZ3NDEKTSV4RRFFQ69G5FAV'


class Slow(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'first': script('echo one'), 'wait': script(WAIT, '{{ first.output }}'),
                   'last': script('echo last >> ran; echo done', '{{ wait.output }}')}, name='slow.json')
        self.flow({'a': script('echo quick')}, name='quick.json')
        self.flow({'a': script('exit 3')}, name='bad.json')
        self.flow({'ship': script('echo shipped')}, permissions={'ship': 'ask'}, name='ask.json')
        self.addCleanup(self.go)

    def go(self):
        self.write('go', '')

    def ran(self):
        return self.read('ran').splitlines() if os.path.exists(self.path('ran')) else []

    def started(self):
        """A host whose run waits for `go`."""
        before = len(self.ran())
        running = self.start('run', 'slow.json')
        self.until(lambda: len(self.ran()) > before, 'the script to wait')
        return running

    def killed(self):
        """The id of a run whose host was killed."""
        self.started().send(signal.SIGKILL).end(-signal.SIGKILL)
        return self.runs()[0]['run']

    def run_of(self, *arguments, code=0):
        self.hill('run', *arguments, code=code)
        return self.runs()[0]['run']


class Pause(Slow):
    def test_at_the_next_boundary(self):
        slow = self.started()
        done = self.hill('pause', 'latest', '--reason', 'lunch')
        self.assertIn('1 attempt is still in flight', done.err)
        self.assertIn('hillstar-actors resume', done.err)
        paused = self.events(kind='run_paused')
        self.assertEqual([event['data']['reason'] for event in paused], [f'paused by {getpass.getuser()}: lunch'])
        self.assertEqual(self.status()['nodes_running'], 1)
        self.go()
        self.assertIn('lunch', slow.end(8).err)
        self.assertEqual(self.node('wait')['status'], 'completed')
        self.assertNotIn('last', self.ran())
        self.assertEqual(self.hill('resume').out, 'done\n')
        self.assertEqual(len(self.attempts('wait')), 1)
        self.holds()

    def test_now_stops_what_runs(self):
        slow = self.started()
        pid = self.ran()[-1].split()[-1]
        row = self.hill('pause', 'latest', '--now', '-o', 'json').json
        self.assertEqual((row['status'], row['nodes_running']), ('paused', 0))
        self.assertFalse(is_alive(pid))
        slow.end(8)
        self.go()
        self.assertEqual(self.hill('resume').out, 'done\n')
        self.assertEqual(len(self.attempts('wait')), 2)
        self.holds()

    def test_now_after_a_boundary_pause(self):
        slow = self.started()
        self.hill('pause', 'latest')
        self.assertIn('--now', self.hill('pause', 'latest', code=5).err)
        self.hill('pause', 'latest', '--now')
        slow.end(8)
        self.assertIn('paused already', self.hill('pause', 'latest', '--now', code=5).err)
        self.holds()

    def test_a_run_that_nobody_hosts(self):
        run = self.killed()
        pid = self.ran()[-1].split()[-1]
        done = self.hill('pause', run)
        self.assertIn('paused ' + run, done.err)
        status = self.status(run)
        self.assertEqual((status['status'], status['nodes_running']), ('paused', 0))
        # It did not go on for a moment first: the attempt that nobody saw end is lost, and none was made after it.
        self.assertEqual(len(self.attempts('wait', run)), 1)
        self.assertEqual([event['type'] for event in self.events(run)[-2:]], ['run_paused', 'node_attempt_lost'])
        self.go()
        self.until(lambda: not is_alive(pid), 'the first script to end')
        self.hill('resume', run)
        self.assertEqual(self.ran().count('last'), 1)
        self.holds()

    def test_cancel_of_a_run_that_nobody_hosts(self):
        run = self.killed()
        self.hill('cancel', run)
        self.assertEqual(len(self.attempts('wait', run)), 1)
        self.assertEqual(self.status(run)['status'], 'cancelled')

    def test_a_run_that_its_store_has_a_host_for_but_not_in_hand(self):
        run = self.killed()
        other = self.started()
        self.hill('pause', run)
        self.assertEqual(self.status(run)['status'], 'paused')
        self.go()
        other.end(0)
        self.hill('resume', run)
        self.hill('replay', '--all')

    def test_a_run_that_waits_for_a_person(self):
        run = self.run_of('ask.json', code=8)
        self.hill('pause', run, '--reason', 'not today')
        self.assertIn('not today', self.status(run)['reason'])
        self.holds()

    def test_what_cannot_be_paused(self):
        self.hill('pause', 'latest', code=4)
        run = self.run_of('quick.json')
        self.assertIn('completed', self.hill('pause', run, code=5).err)
        self.assertIn('nothing to pause', self.hill('pause', run, '--now', code=5).err)
        self.hill('pause', NOBODY, code=4)
        self.hill('pause', code=2)
        self.hill('pause', run, '--later', code=2)
        self.assertEqual(self.events(run, 'run_paused'), [])


class Wait(Slow):
    def test_for_runs_that_have_ended(self):
        self.hill('wait', code=4)
        good, bad = self.run_of('quick.json'), self.run_of('bad.json', code=1)
        self.assertIn('completed', self.hill('wait', good).out)
        rows = self.hill('wait', good, bad, good, '-o', 'json', code=1).json
        self.assertEqual([(row['run'], row['status'], row['exit']) for row in rows],
                         [(good, 'completed', 0), (bad, 'failed', 1)])
        self.hill('wait', bad, good, '--any', code=1)
        lines = self.hill('wait', good, bad, '-o', 'jsonl', code=1).out.splitlines()
        self.assertEqual([json.loads(line)['run'] for line in lines], [good, bad])

    def test_until_the_end(self):
        slow = self.started()
        waiting = self.start('wait', 'latest', '--timeout', '50')
        self.hill('wait', '--timeout', '0', code=124)
        self.go()
        done = waiting.end(0)
        self.assertIn('completed  3/3  flow', done.out)
        slow.end(0)

    def test_any_of_them(self):
        slow = self.started()
        moving = self.runs()[0]['run']
        quick = self.run_of('quick.json')
        done = self.hill('wait', moving, quick, '--any')
        self.assertIn(quick, done.out)
        self.assertNotIn(moving, done.out)
        self.assertIn(moving, self.hill('wait', moving, quick, '--timeout', '0.2', code=124).out)
        self.go()
        slow.end(0)

    def test_timeout_and_interrupt_leave_the_run_alone(self):
        slow = self.started()
        done = self.hill('wait', '--timeout', '0.1', '-o', 'json', code=124)
        self.assertEqual([(row['status'], row['exit']) for row in done.json], [('running', None)])
        for number in (signal.SIGINT, signal.SIGTERM):
            waiting = self.start('wait')
            waiting.handles(number).send(number).end(128 + number)
        self.go()
        self.assertEqual(slow.end(0).out, 'done\n')
        self.assertEqual(self.events(kind='run_paused'), [])

    def test_a_pause_ends_the_wait(self):
        slow = self.started()
        waiting = self.start('wait', '--timeout', '50')
        self.hill('pause', 'latest', '--now')
        done = waiting.end(8)
        self.assertIn('paused', done.out)
        self.assertIn('hillstar-actors resume', done.err)
        slow.end(8)

    def test_a_run_that_waits_for_a_person(self):
        run = self.run_of('ask.json', code=8)
        done = self.hill('wait', run, '--timeout', '50', code=8)
        self.assertIn('waiting', done.out)
        self.assertIn('waits for a person', done.err)

    def test_a_cancelled_run(self):
        slow = self.started()
        waiting = self.start('wait', '--timeout', '50')
        self.hill('cancel', 'latest')
        waiting.end(11)
        slow.end(11)

    def test_a_run_that_nobody_hosts(self):
        run = self.killed()
        done = self.hill('wait', run, '--timeout', '50', code=8)
        self.assertIn('nobody hosts it', done.out)
        self.assertIn('hillstar-actors resume ' + run, done.err)
        # Another host does not have it in hand.
        other = self.started()
        done = self.hill('wait', run, '--timeout', '50', '-o', 'json', code=8)
        self.assertEqual([(row['exit'], row['hosted']) for row in done.json], [(8, False)])
        self.go()
        other.end(0)

    def test_the_host_is_killed_meanwhile(self):
        host = self.started()
        waiting = self.start('wait', '--timeout', '50')
        waiting.handles(signal.SIGINT)
        host.send(signal.SIGKILL).end(-signal.SIGKILL)
        self.assertIn('will not go on by itself', waiting.end(8).err)
        self.assertEqual(self.events(kind='run_paused'), [])

    def test_the_host_is_killed_and_another_takes_over(self):
        host = self.started()
        self.flow({'hold': script('for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done'),
                   'after': script('echo joined done', '{{ hold.output }}')}, name='joined.json')
        joined = self.start('run', 'joined.json', '-o', 'jsonl')
        joined.wait_for('"node":"hold"', 0)
        run = self.runs()[0]['run']
        waiting = self.start('wait', run, '--timeout', '50')
        host.send(signal.SIGKILL).end(-signal.SIGKILL)
        joined.wait_for('another takes over')
        self.go()
        self.assertIn(run + '  completed', waiting.end(0).out)
        joined.end(0)

    def test_wrong_use(self):
        run = self.run_of('quick.json')
        for wrong in ('-1', 'nan', 'inf', 'soon', '1e30', ''):
            self.hill('wait', run, '--timeout', wrong, code=2)
        self.hill('wait', run, NOBODY, code=4)
        self.hill('wait', '--all', code=2)


class Ps(Slow):
    def test_what_is_live(self):
        self.hill('ps', code=4)
        self.run_of('quick.json')
        self.assertIn('No run is live', self.hill('ps').err)
        self.assertEqual(self.hill('ps', '-o', 'json').json, [])
        asked = self.run_of('ask.json', code=8)
        slow = self.started()
        rows = {row['run']: row for row in self.hill('ps', '-o', 'json').json}
        moving = self.runs()[0]['run']
        self.assertEqual(set(rows), {asked, moving})
        self.assertEqual((rows[moving]['status'], rows[moving]['host'], rows[moving]['nodes_running']),
                         ('running', slow.process.pid, 1))
        self.assertEqual((rows[asked]['status'], rows[asked]['host']), ('waiting', None))
        head, *lines = self.hill('ps').out.splitlines()
        self.assertEqual(head.split(), 'RUN WORKFLOW STATUS NODES IN FLIGHT SINCE COST HOST'.split())
        self.assertEqual(len(lines), 2)
        self.assertIn(str(slow.process.pid), lines[0])
        self.assertEqual(len(self.hill('ps', '-o', 'jsonl').out.splitlines()), 2)
        self.go()
        slow.end(0)

    def test_what_was_left_alone(self):
        run = self.killed()
        done = self.hill('ps')
        self.assertIn('nobody hosts it', done.out)
        self.assertIn('resume', done.err)
        other = self.started()
        rows = {row['run']: row['host'] for row in self.hill('ps', '-o', 'json').json}
        self.assertIsNone(rows.pop(run))
        self.assertEqual(list(rows.values()), [other.process.pid])
        self.go()
        other.end(0)

    def test_from_a_script(self):
        """A script may look on, and pause."""
        self.flow({'a': script(settings.binary + ' ps -o json')}, name='in.json')
        rows = json.loads(self.hill('run', 'in.json').out)
        self.assertEqual([row['status'] for row in rows], ['running'])

    def test_wrong_use(self):
        self.hill('ps', 'latest', code=2)
        self.hill('ps', '--store', 'nowhere', code=4)


if __name__ == '__main__':
    sys.exit(main())

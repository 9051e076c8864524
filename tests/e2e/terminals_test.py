#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several terminals at one store, and signals: who hosts, who follows, who takes over, and what is never repeated.

Usage: terminals_test.py --binary PROGRAM
"""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

from harness import EndToEnd, is_alive, main, script, settings

# Waits until somebody makes the file `go`, in a way that a killed program leaves no process behind for long.
WAIT = 'echo $HILLSTAR_NODE_ID $$ >> ran; for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done; exit 1'


class Slow(EndToEnd):
    """Runs that wait until they are told to go on."""

    def setUp(self):
        super().setUp()
        self.flow({'first': script('echo first >> ran; echo one'), 'wait': script(WAIT, '{{ first.output }}'),
                   'last': script('echo last >> ran; echo done', '{{ wait.output }}')}, name='slow.json')
        self.flow({'a': script('echo quick')}, name='quick.json')
        self.addCleanup(self.go)

    def go(self):
        self.write('go', '')

    def reached(self):
        self.until(lambda: os.path.exists(self.path('ran')) and 'wait ' in self.read('ran'), 'the script to wait')

    def ran(self):
        return [line.split()[0] for line in self.read('ran').splitlines()]

    def started(self, name='slow.json'):
        running = self.start('run', name)
        running.wait_for('Executing')
        self.reached()
        return running


class Terminals(Slow):
    def test_a_second_run_joins_the_host(self):
        slow = self.started()
        self.assertEqual(self.hill('run', 'quick.json').out, 'quick\n')
        self.assertEqual([run['status'] for run in self.runs()], ['completed', 'running'])
        self.hill('show', 'latest')
        self.go()
        self.assertEqual(slow.end(0).out, 'done\n')
        self.hill('verify')

    def test_many_terminals_at_once(self):
        running = [self.start('run', 'quick.json') for _ in range(8)]
        for one in running:
            self.assertEqual(one.end(0).out, 'quick\n')
        self.assertEqual([run['status'] for run in self.runs()], ['completed'] * 8)
        self.hill('replay', '--all')
        self.hill('verify')

    def test_cancel_from_another_terminal(self):
        slow = self.started()
        pid = self.read('ran').split()[-1]
        self.hill('cancel', 'slow.json', code=4)
        done = self.hill('cancel', 'latest', '--reason', 'a better idea')
        self.assertIn('cancelled', done.err)
        self.assertIn('a better idea', slow.end(11).err)
        self.until(lambda: not is_alive(pid), 'the script to be gone')
        self.assertEqual(self.status()['status'], 'cancelled')
        self.assertEqual(self.ran(), ['first', 'wait'])
        self.holds()

    def test_follow_from_another_terminal(self):
        slow = self.started()
        follower = self.start('events', 'latest', '--follow', '-o', 'jsonl')
        follower.wait_for('"node":"wait"', 0)
        self.go()
        slow.end(0)
        shown = [json.loads(line) for line in follower.end(0).out.splitlines()]
        self.assertEqual(shown, self.events())

    def test_approve_from_another_terminal(self):
        self.flow({'wait': script(WAIT), 'ship': script('echo shipped')}, permissions={'ship': 'ask'}, name='ask.json')
        run = self.start('run', 'ask.json', '-o', 'jsonl')
        run.wait_for('approval_requested', 0)
        self.hill('approve', 'latest', 'ship')
        self.go()
        run.end(0)
        self.assertEqual(self.hill('result', 'latest', 'ship').out, 'shipped\n')

    def test_the_host_is_killed_and_another_takes_over(self):
        host = self.started()
        self.flow({'hold': script('for i in $(seq 3000); do [ -e end ] && exit 0; sleep 0.02; done'),
                   'after': script('echo joined done', '{{ hold.output }}')}, name='joined.json')
        joined = self.start('run', 'joined.json', '-o', 'jsonl')
        joined.wait_for('"node":"hold"', 0)
        host.send(signal.SIGKILL).end(-signal.SIGKILL)
        joined.wait_for('another takes over')
        self.write('end', '')
        self.go()
        done = joined.end(0)
        self.assertIn('run_completed', done.out)
        runs = {run['workflow_file']: run['run'] for run in self.runs()}
        self.assertEqual(self.hill('result', runs['joined.json']).out, 'joined done\n')
        # The killed terminal's run was recovered by the new host, and can be gone on with.
        if self.status(runs['slow.json'])['status'] != 'completed':
            self.hill('resume', runs['slow.json'])
        self.assertEqual(self.ran().count('first'), 1)
        self.assertEqual(self.ran().count('last'), 1)
        self.hill('replay', '--all')
        self.hill('verify')

    def test_a_store_is_read_beside_its_host(self):
        slow = self.started()
        for command in (['ls'], ['show'], ['events'], ['logs'], ['replay'], ['verify'], ['export']):
            self.hill(*command)
        self.hill('result', code=5)
        self.assertEqual(self.hill('result', 'latest', 'first').out, 'one\n')
        self.go()
        slow.end(0)


class Comings(EndToEnd):
    """Hosts end all the time, while others begin runs: none is interrupted by that, and every terminal finds a host or is it."""

    ROUNDS = 12

    def setUp(self):
        super().setUp()
        # An attempt that was interrupted would not be repeated: its run would wait for a person, as one that was paused.
        self.flow({'a': script('echo a', effect='once')}, name='once.json')
        self.flow({'a': script('echo inside', effect='once')}, name='inside.json')
        self.flow({'sub': {'tool': 'workflow_run', 'parameters': {'workflow': 'inside.json'}}}, name='outside.json')
        self.seed = random.SystemRandom().randrange(1 << 30)
        self.dice = random.Random(self.seed)

    def rounds(self, *commands):
        """Commands of a round begin one shortly after the other, so that some come as the host of the others ends."""
        print(f'seed {self.seed}', end=' ', flush=True)
        for _ in range(self.ROUNDS):
            started = []
            for command in commands:
                started.append(self.start(*command))
                time.sleep(self.dice.random() * self.dice.choice((0, 0.05, 0.2)))
            for one in started:
                one.end(0)
                one.close()

    def check(self, runs):
        rows = self.hill('ls', '--limit', '10000', '-o', 'json').json
        self.assertEqual([row['status'] for row in rows], ['completed'] * runs)
        self.hill('verify')

    def test_short_runs_of_many_terminals(self):
        self.rounds(*[('run', 'once.json', '-q')] * 6)
        self.check(6 * self.ROUNDS)

    def test_beside_commands_that_are_hosts_for_a_moment(self):
        self.rounds(*[('state', 'add', 'k'), ('run', 'once.json', '-q')] * 3)
        self.check(3 * self.ROUNDS)
        self.assertEqual(self.hill('state', 'get', 'k').out.strip(), str(3 * self.ROUNDS))

    def test_runs_inside_runs(self):
        self.rounds(*[('run', 'outside.json', '-q'), ('state', 'add', 'k')] * 2)
        self.check(2 * 2 * self.ROUNDS)

    def test_paused_and_taken_up_again(self):
        """Each run is paused by another terminal and resumed by a third, through whoever is the host by then."""
        failed = []

        def told(code, *command):
            done = self.hill(*command, code=None)
            self.assertEqual(done.code, code, done)
            return done

        def go(name):
            try:
                for _ in range(4):
                    run = told(8, 'run', name, '-q', '-o', 'json').json['run']
                    told(0, 'pause', run)
                    told(8, 'resume', run, '-q')
                    told(0, 'approve', run, 'ask')
                    # What is approved through a host goes on there; if that ends before, it is paused.
                    if self.hill('wait', run, code=None).code == 8:
                        told(0, 'resume', run, '-q')
            except Exception as error:  # pylint: disable=broad-except
                failed.append(error)

        for i in range(4):
            self.flow({'a': script('echo a'), 'ask': script('echo done', '{{ a.output }}')}, permissions={'ask': 'ask'}, name=f'{i}.json')
        threads = [threading.Thread(target=go, args=(f'{i}.json',)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual([row['status'] for row in self.runs()], ['completed'] * 16)
        self.hill('verify')


class HandedOver(Slow):
    def test_what_a_followed_run_waits_for_is_not_paused(self):
        """The host is interrupted while it hosts others: a part of a run that somebody follows is not left alone."""
        self.flow({'wait': script(WAIT)}, name='inside.json')
        self.flow({'sub': {'tool': 'workflow_run', 'parameters': {'workflow': 'inside.json'}}}, name='outside.json')
        host = self.start('run', 'slow.json')
        self.reached()
        os.unlink(self.path('ran'))
        joined = self.start('run', 'outside.json')
        self.reached()
        first = next(row['run'] for row in self.runs() if row['workflow_file'] == 'slow.json')
        self.hill('cancel', first)
        host.wait_for('hosting 1 run of other terminals').send(signal.SIGINT).end(11)
        joined.wait_for('another takes over')
        self.go()
        joined.end(0)
        for row in self.runs():
            self.assertEqual(self.events(row['run'], 'run_paused'), [])
        self.hill('verify')

    def test_a_run_that_nobody_follows_stands_still_when_its_host_has_ended(self):
        """A run is approved, goes on in a host that follows another one, and that host ends: paused, and nothing is lost."""
        self.flow({'ship': script(WAIT, effect='once')}, permissions={'ship': 'ask'}, name='ask.json')
        self.flow({'a': script('for i in $(seq 3000); do [ -e end ] && exit 0; sleep 0.02; done')}, name='other.json')
        self.hill('run', 'ask.json', code=8)
        run = self.status()['run']
        host = self.start('run', 'other.json').wait_for('Executing')
        self.until(lambda: self.runs()[0]['nodes_running'] == 1, 'the host to run')
        self.hill('approve', run, 'ship')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        self.write('end', '')
        self.assertIn('paused ' + run, host.end(0).err)
        self.assertEqual((self.status(run)['status'], self.status(run)['nodes_running']), ('paused', 0))
        self.assertEqual(self.events(run, 'node_attempt_lost'), [])
        self.go()
        self.hill('resume', run)
        self.assertEqual(self.events(run, 'node_attempt_lost'), [])
        self.assertEqual(self.status(run)['status'], 'completed')


class Signals(Slow):
    def interrupted(self, number, code):
        run = self.started()
        pid = self.read('ran').split()[-1]
        done = run.handles(number).send(number).end(code)
        name = self.status()['run']
        self.assertIn('hillstar-actors resume ' + name, done.err)
        self.assertEqual(self.status()['status'], 'paused')
        self.until(lambda: not is_alive(pid), 'the script to be gone')
        self.go()
        self.assertEqual(self.hill('resume').out, 'done\n')
        self.assertEqual(self.status()['run'], name, 'the same run goes on')
        self.assertEqual(self.ran(), ['first', 'wait', 'wait', 'last'])
        self.holds()

    def test_interrupt(self):
        self.interrupted(signal.SIGINT, 130)

    def test_terminate(self):
        self.interrupted(signal.SIGTERM, 143)

    def test_hang_up(self):
        self.interrupted(signal.SIGHUP, 129)

    def test_twice_ends_at_once(self):
        # A script that takes its time to go: the first signal waits for it, the second does not.
        self.flow({'a': script('trap "" TERM; echo a 1 >> ran; echo wait 1 >> ran; '
                               'for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done')}, name='stubborn.json')
        run = self.started('stubborn.json')
        run.handles(signal.SIGINT).send(signal.SIGINT).wait_for('once more ends at once')
        done = run.send(signal.SIGINT).end(130)
        self.assertIn('ended at once', done.err)
        self.go()
        self.hill('resume')
        self.assertEqual(self.status()['status'], 'completed')
        self.holds()

    def test_killed_and_resumed(self):
        run = self.started()
        run.send(signal.SIGKILL).end(-signal.SIGKILL)
        self.go()
        self.assertEqual(self.hill('resume').out, 'done\n')
        self.assertEqual(self.ran(), ['first', 'wait', 'wait', 'last'])
        self.assertEqual(len(self.events(kind='node_attempt_lost')), 1)
        self.holds()

    def test_a_reader_that_goes_away(self):
        self.go()
        read, write = os.pipe()
        os.close(read)
        try:
            self.hill_to(write, 0, 'run', 'slow.json')
        finally:
            os.close(write)
        self.assertEqual(self.status()['status'], 'completed')

    def test_a_full_standard_output(self):
        if not os.path.exists('/dev/full'):
            self.skipTest('there is no /dev/full')
        with open('/dev/full', 'wb') as full:
            self.hill_to(full, 74, 'run', 'quick.json')
        self.assertEqual(self.status()['status'], 'completed')

    def hill_to(self, out, code, *arguments):
        process = subprocess.run([settings.binary, *arguments], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.PIPE, timeout=60, **self.options())
        self.assertEqual(process.returncode, code, process.stderr)


if __name__ == '__main__':
    sys.exit(main())

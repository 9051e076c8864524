#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attempts as jobs of a real cluster of one machine: their ends, their losses, and hosts that die in between."""
import glob
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import unittest

import harness
from harness import is_alive, script
from serve_test import Served

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'support'))
import slurm_cluster  # noqa: E402

cluster = None
missing = ''


def setUpModule():
    global cluster, missing
    missing = slurm_cluster.missing()
    if missing:
        return
    cluster = slurm_cluster.Cluster(tempfile.mkdtemp(prefix='hillstar-slurm-'))
    try:
        cluster.start()
    except RuntimeError as error:
        missing = str(error)


def tearDownModule():
    if cluster:
        cluster.close()
        shutil.rmtree(cluster.folder, ignore_errors=True)


class Slurm(harness.Held, Served):
    def setUp(self):
        if missing:
            self.skipTest('no cluster can be had here: ' + missing)
        super().setUp()
        self.environment['SLURM_CONF'] = cluster.conf
        self.before = set(cluster.jobs())

    def job(self, line, **more):
        return script(line, placement={'slurm': more.pop('slurm', {})}, **more)

    def hold(self, name, **more):
        return self.job(self.holding(name), **more)

    def until(self, true, what):
        try:
            super().until(true, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{cluster.ask('squeue', '-a', '-t', 'all')}{cluster.said()}") from error

    def jobs(self):
        """Of this test alone."""
        return {job: state for job, state in cluster.jobs().items() if job not in self.before}

    def begin(self, name='flow.json', **more):
        self.running = self.start('run', name, **more)
        self.running.wait_for('as run ', 1)
        return self.running.read(1).decode().split('as run ')[1].split()[0]

    def spooled(self):
        return glob.glob(self.path('.hillstar', 'slurm', '*'))

    def made(self, run='latest'):
        return [event['data'].get('made_by') for event in self.events(run, 'node_completed')]


class Jobs(Slurm):
    def test_a_job_gets_its_input_and_feeds_the_next_node(self):
        self.flow({'a': script('echo from the host'),
                   'b': self.job('cat; pwd; echo $SLURM_JOB_ID > job.id; echo "and from the job"', source='{{ a.output }}'),
                   'c': script('cat', source='{{ b.output }}')}, [('a', 'b'), ('b', 'c')])
        self.hill('run', 'flow.json')
        output = self.hill('result', 'latest', 'c').out
        self.assertIn('from the host', output)
        self.assertIn(self.folder, output)
        self.assertIn('and from the job', output)
        job = self.read('job.id').strip()
        self.assertEqual(self.made(), [None, {'worker': 'slurm', 'job': job}, None])
        self.assertEqual(list(self.jobs()), [job])
        self.holds()
        self.assertEqual(self.spooled(), [])

    def test_a_result_and_an_input_that_are_large(self):
        self.flow({'a': script('head -c 700000 /dev/zero | tr "\\0" x'),
                   'b': self.job('cat; head -c 300000 /dev/zero | tr "\\0" y', source='{{ a.output }}'),
                   'c': script('wc -c', source='{{ b.output }}')}, [('a', 'b'), ('b', 'c')])
        self.hill('run', 'flow.json')
        self.assertEqual(self.hill('result', 'latest', 'c', '--key', 'output').out.strip(), '1000000')
        self.holds()

    def test_a_script_that_fails_fails_as_on_the_host(self):
        self.flow({'a': self.job('echo wrong >&2; exit 3')})
        self.hill('run', 'flow.json', code=1)
        failure = self.events(kind='node_failed')[0]['data']['failure']
        self.assertEqual((failure['kind'], failure['message'].strip()), ('exit_code', 'wrong'))

    def test_items_of_a_map_are_jobs_of_their_own(self):
        self.flow({'a': script('echo "[1,2,3]"'),
                   'b': self.job('cat', source='{{ item }}', for_each='{{ a.output }}')}, [('a', 'b')])
        self.hill('run', 'flow.json')
        self.assertEqual(len(self.jobs()), 3)

    def test_no_key_rests_in_the_folder_or_the_job(self):
        self.write('.env', 'OTHER_API_KEY=sk-other-0123456789abcdef0123456789\n')
        secret = 'sk-proj-0123456789abcdef0123456789abcdef'
        self.flow({'a': self.hold('a', slurm={}, sandbox={'env': ['OTHER_API_KEY']})})
        nodes = json.loads(self.read('flow.json'))
        nodes['graph']['nodes']['a']['parameters']['script'] += (
            '; [ -z "$OPENAI_API_KEY" ] && echo none; [ -n "$OTHER_API_KEY" ] && echo other; echo $PLAIN_WORD')
        self.write('flow.json', json.dumps(nodes))
        run = self.begin(env={'OPENAI_API_KEY': secret, 'PLAIN_WORD': 'as-on-the-host'})
        self.pid_of('a')
        job = list(self.jobs())[0]
        texts = [cluster.ask('scontrol', 'show', 'job', job), cluster.ask('scontrol', 'write', 'batch_script', job, '-')]
        for folder, _, files in os.walk(self.path('.hillstar', 'slurm')):
            self.assertEqual(os.stat(folder).st_mode & 0o77, 0, folder)
            for name in files:
                if name != 'job.log':  # Slurm's own
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o77, 0, name)
                with open(os.path.join(folder, name), errors='replace') as file:
                    texts.append(file.read())
        for folder, _, files in os.walk(os.path.join(cluster.folder, 'state')):
            for name in files:
                with open(os.path.join(folder, name), errors='replace') as file:
                    texts.append(file.read())
        self.assertGreater(len(texts), 5)
        for text in texts:
            self.assertNotIn('0123456789abcdef', text)
        self.go('a')
        self.running.end(0)
        output = self.hill('result', run, 'a').out
        self.assertIn('none\nother\nas-on-the-host', output)


class Refusals(Slurm):
    def test_a_partition_that_there_is_not(self):
        self.flow({'a': self.job('echo x', slurm={'partition': 'nope'})})
        done = self.hill('run', 'flow.json', code=1)
        self.assertIn('HS604', done.err)
        self.assertIn('invalid partition specified: nope', done.err)
        self.assertIn('sinfo', self.hill('why', 'latest', 'a').out + done.err)
        self.assertEqual(self.spooled(), [])

    def test_more_than_any_machine_has(self):
        self.flow({'a': self.job('echo x', slurm={'mem': '900G'})})
        self.assertIn('Memory specification', self.hill('run', 'flow.json', code=1).err)

    def test_a_machine_without_slurm(self):
        self.flow({'a': self.job('echo x')})
        done = self.hill('run', 'flow.json', code=1, env={'PATH': '/nonexistent'})
        self.assertIn('HS604', done.err)
        self.assertIn('no sbatch', done.err)
        self.assertEqual(self.spooled(), [])

    def test_a_program_that_the_job_does_not_find(self):
        self.flow({'a': self.job('echo x')})
        done = self.hill('run', 'flow.json', code=1, env={'HILLSTAR_SLURM_PROGRAM': '/no/such/program'})
        self.assertIn('FAILED', done.err)
        self.assertIn('/no/such/program', done.err)

    def test_why_says_what_a_job_waits_for_and_a_cancelled_one_never_runs(self):
        cluster.ask('scontrol', 'update', 'PartitionName=main', 'State=DOWN')
        self.addCleanup(cluster.ask, 'scontrol', 'update', 'PartitionName=main', 'State=UP')
        self.serve()
        self.flow({'a': self.job('echo ran > ran')})
        run = self.begin()
        self.until(lambda: self.events(run, 'node_waits_for_place'), 'the reason')
        job, state = list(self.jobs().items())[0]
        self.assertEqual(state, 'PENDING')
        why = self.hill('why', run, 'a').out
        self.assertIn(f'job {job} of Slurm waits: PartitionDown', why)
        self.hill('cancel', run)
        self.running.end(11)
        self.until(lambda: self.jobs()[job] == 'CANCELLED', 'the job to be taken out of the queue')
        cluster.ask('scontrol', 'update', 'PartitionName=main', 'State=UP')
        self.assertFalse(os.path.exists(self.path('ran')))
        self.until(lambda: not self.spooled(), 'the folder to go')

    def test_a_queue_timeout(self):
        cluster.ask('scontrol', 'update', 'PartitionName=main', 'State=DOWN')
        self.addCleanup(cluster.ask, 'scontrol', 'update', 'PartitionName=main', 'State=UP')
        self.flow({'a': self.job('echo x', timeout={'queue': 1})})
        self.assertEqual(self.hill('run', 'flow.json', code=None).code, 124)
        self.assertEqual(self.events(kind='node_failed')[0]['data']['failure']['kind'], 'queue_timeout')
        self.until(lambda: set(self.jobs().values()) == {'CANCELLED'}, 'the job to go')


class Ends(Slurm):
    def test_a_job_that_somebody_ended_is_lost_and_made_again(self):
        self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        self.pid_of('a')
        job = list(self.jobs())[0]
        os.unlink(self.path('a.pid'))
        cluster.ask('scancel', job)
        self.pid_of('a')
        self.go('a')
        self.running.end(0)
        lost = self.events(run, 'node_attempt_lost')
        self.assertEqual([event['data']['made_by'] for event in lost], [{'worker': 'slurm', 'job': job}])
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['attempt'], 2)
        self.holds(run)

    def test_one_that_must_not_run_twice_waits_for_a_person(self):
        self.serve()
        self.flow({'a': self.hold('a', effect='once')})
        run = self.begin()
        pid = self.pid_of('a')
        cluster.ask('scancel', list(self.jobs())[0])
        self.until(lambda: self.events(run, 'node_attempt_lost'), 'the attempt to be lost')
        self.until(lambda: self.status(run)['status'] not in ('running', 'queued'), 'the run to stop')
        self.assertIn('once', self.hill('why', run, 'a').out)
        self.assertEqual(len(self.attempts('a', run)), 1)
        self.until(lambda: not is_alive(pid), 'the script to end')

    @unittest.skipUnless(os.environ.get('HILLSTAR_SLOW_TESTS'), 'Slurm looks at limits twice a minute: HILLSTAR_SLOW_TESTS=1')
    def test_a_job_that_has_had_its_time_fails_as_a_timeout(self):
        self.serve()
        self.flow({'a': self.hold('a', slurm={'time': '1'})})
        run = self.begin()
        self.pid_of('a')
        cluster.ask('scontrol', 'update', 'JobId=' + list(self.jobs())[0], 'EndTime=now+1')
        self.running.end(124)
        self.assertEqual(self.events(run, 'node_failed')[0]['data']['failure']['kind'], 'timeout')

    def test_a_machine_that_fails_loses_the_attempt(self):
        self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        self.pid_of('a')
        os.unlink(self.path('a.pid'))
        cluster.ask('scontrol', 'update', 'NodeName=n1', 'State=DOWN', 'Reason=test')
        self.until(lambda: 'NODE_FAIL' in self.jobs().values(), 'the job to fail')
        cluster.ask('scontrol', 'update', 'NodeName=n1', 'State=RESUME')
        self.pid_of('a')
        self.go('a')
        self.running.end(0)
        self.assertEqual(len(self.events(run, 'node_attempt_lost')), 1)
        self.holds(run)

    def test_a_cancelled_run_ends_its_job(self):
        self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        pid = self.pid_of('a')
        self.hill('cancel', run)
        self.running.end(11)
        self.until(lambda: not is_alive(pid), 'the script to end')
        self.until(lambda: set(self.jobs().values()) == {'CANCELLED'}, 'the job to end')
        self.assertEqual(self.status(run)['status'], 'cancelled')
        self.until(lambda: not self.spooled(), 'the folder to go')

    def test_a_controller_that_is_away_for_a_while_costs_nothing(self):
        self.serve()
        self.flow({'a': self.hold('a'), 'b': self.job('echo b', source='{{ a.output }}')}, [('a', 'b')])
        run = self.begin()
        self.pid_of('a')
        cluster.end('slurmctld')
        self.go('a')
        # Its report is seen without Slurm; the next job waits for it.
        self.until(lambda: self.events(run, 'node_completed'), 'the first job')
        self.until(lambda: self.events(run, 'node_waits_for_place'), 'the reason')
        self.assertIn('Slurm takes no job at the moment', self.hill('why', run, 'b').out)
        cluster.start_controller()
        self.running.end(0)
        self.assertEqual(self.events(run, 'node_attempt_lost'), [])
        self.assertEqual(len(self.jobs()), 2)


    def test_a_paused_run_ends_its_job_and_goes_on_with_another(self):
        self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        pid = self.pid_of('a')
        self.hill('pause', run, '--now')
        self.until(lambda: not is_alive(pid), 'the script to end')
        self.until(lambda: self.status(run)['status'] == 'paused', 'the run to pause')
        os.unlink(self.path('a.pid'))
        self.go('a')
        self.hill('resume', run)
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by'], {'worker': 'slurm', 'job': list(self.jobs())[-1]})
        self.assertEqual(len(self.jobs()), 2)
        self.until(lambda: not self.spooled(), 'the folders to go')
        self.holds(run)

    def test_what_a_script_says_is_shown_while_it_runs(self):
        self.flow({'a': self.job(f'echo early-words; for i in $(seq 3000); do [ -e {self.path("go")} ] && break; sleep 0.02; done')})
        run = self.start('run', 'flow.json', '--verbose')
        run.wait_for('early-words', 1)
        self.write('go', '')
        run.end(0)


class Hosts(Slurm):
    def test_a_killed_host_takes_its_job_up_again(self):
        host = self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        pid = self.pid_of('a')
        self.end_host(host, signal.SIGKILL).process.wait()
        self.serve()
        self.go('a')
        self.hill('wait', run)
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.events(run, 'node_attempt_lost'), [])
        self.assertEqual(len(self.attempts('a', run)), 1)
        self.assertEqual(self.made(run), [{'worker': 'slurm', 'job': list(self.jobs())[0]}])
        self.assertEqual(len(self.jobs()), 1)
        self.holds(run)
        self.until(lambda: not self.spooled(), 'the folder to go')

    def test_a_job_that_ends_while_nobody_looks(self):
        self.flow({'a': self.hold('a'), 'b': script('cat', source='{{ a.output }}')}, [('a', 'b')])
        run = self.begin()
        pid = self.pid_of('a')
        self.running.send(signal.SIGKILL).end()
        self.go('a')
        self.until(lambda: not is_alive(pid), 'the script to end')
        self.until(lambda: 'COMPLETED' in self.jobs().values(), 'the job to end')
        self.hill('resume', run)
        self.assertIn('made', self.hill('result', run, 'b').out)
        self.assertEqual(len(self.attempts('a', run)), 1)
        self.assertEqual(len(self.jobs()), 1)
        self.holds(run)

    def test_a_folder_that_a_host_left_behind_goes_when_there_is_the_next_job(self):
        self.flow({'a': self.hold('a')})
        run = self.begin()
        self.pid_of('a')
        folder = self.spooled()[0]
        shutil.copytree(folder, self.path('kept'))
        self.go('a')
        self.running.end(0)
        self.assertEqual(self.spooled(), [])
        # As if the host had died between the record of the end and the removal; and one that is nobody's.
        shutil.copytree(self.path('kept'), folder)
        os.mkdir(self.path('.hillstar', 'slurm', 'other'), 0o700)
        self.flow({'b': self.hold('b')})
        self.begin()
        self.pid_of('b')
        self.until(lambda: not os.path.exists(folder), 'the folder to go')
        self.go('b')
        self.running.end(0)
        self.assertEqual(self.spooled(), [self.path('.hillstar', 'slurm', 'other')])
        self.holds(run)

    def ended_without_host(self, line):
        """A run whose job has ended while nobody looked; with the folder of its attempt."""
        self.flow({'a': self.job(f'touch {self.path("begun")}; while [ ! -e {self.path("go")} ]; do sleep 0.02; done; {line}')})
        run = self.begin()
        self.until(lambda: os.path.exists(self.path('begun')), 'the job to begin')
        self.running.send(signal.SIGKILL).end()
        self.write('go', '')
        self.until(lambda: 'COMPLETED' in self.jobs().values(), 'the job to end')
        return run, self.spooled()[0]

    def test_a_report_that_is_none_fails_the_attempt(self):
        run, folder = self.ended_without_host('echo made')
        self.write(os.path.join(folder, 'report.json'), '{"ending": "succeeded", "result')
        self.hill('resume', run, code=1)
        self.assertEqual(self.events(run, 'node_failed')[0]['data']['failure']['kind'], 'io')
        self.assertEqual(len(self.jobs()), 1)
        self.holds(run)

    def test_a_result_with_other_bytes_fails_the_attempt(self):
        run, folder = self.ended_without_host('head -c 300000 /dev/zero | tr "\\0" y')
        blobs = glob.glob(os.path.join(folder, 'blobs', '*'))
        self.assertEqual(len(blobs), 1)
        self.write(blobs[0], 'forged')
        self.hill('resume', run, code=1)
        self.assertIn('does not have its hash', self.events(run, 'node_failed')[0]['data']['failure']['message'])
        self.holds(run)

    def test_a_host_that_ends_in_good_order_leaves_its_job(self):
        host = self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        pid = self.pid_of('a')
        self.end_host(host, signal.SIGTERM)
        host.end()
        self.assertTrue(is_alive(pid))
        self.serve()
        self.go('a')
        self.hill('wait', run)
        self.assertEqual(len(self.attempts('a', run)), 1)
        self.assertEqual(len(self.jobs()), 1)

    def test_a_host_that_dies_before_it_hears_sbatch_submits_nothing_twice(self):
        # Hands the job over, and never says so.
        real = shutil.which('sbatch')
        self.write('bin/sbatch', f'#!/bin/sh\n{real} "$@" > {self.path("submitted.new")}\n'
                                 f'mv {self.path("submitted.new")} {self.path("submitted")}\nexec sleep 60\n', mode=0o755)
        host = self.serve(env={'PATH': self.path('bin') + ':' + self.environment['PATH']})
        self.flow({'a': self.hold('a')})
        run = self.begin()
        self.until(lambda: os.path.exists(self.path('submitted')), 'the job to be submitted')
        self.end_host(host, signal.SIGKILL).process.wait()
        self.serve()
        self.pid_of('a')
        self.go('a')
        self.hill('wait', run)
        self.assertEqual(list(self.jobs()), [self.read('submitted').strip()])
        self.assertEqual(self.made(run), [{'worker': 'slurm', 'job': self.read('submitted').strip()}])
        self.assertEqual(len(self.attempts('a', run)), 1)

    def test_a_host_that_dies_before_sbatch_begins_the_attempt_later(self):
        self.write('bin/sbatch', f'#!/bin/sh\ntouch {self.path("asked")}\nexec sleep 60\n', mode=0o755)
        host = self.serve(env={'PATH': self.path('bin') + ':' + self.environment['PATH']})
        self.flow({'a': self.job('echo made')})
        run = self.begin()
        self.until(lambda: os.path.exists(self.path('asked')), 'sbatch')
        self.end_host(host, signal.SIGKILL).process.wait()
        self.serve()
        self.hill('wait', run)
        self.assertEqual(len(self.jobs()), 1)
        self.assertEqual(len(self.attempts('a', run)), 1)

    def test_hosts_that_are_killed_at_any_moment_make_every_item_once(self):
        seed = random.randrange(1 << 32)
        print(f'seed {seed}', end=' ', flush=True)
        chance = random.Random(seed)
        self.flow({'a': script('echo "[1,2,3,4,5]"'),
                   'b': self.job(f'i=$(cat); echo $i >> {self.path("made")}; sleep 0.3; echo item $i', source='{{ item }}',
                                 for_each='{{ a.output }}')}, [('a', 'b')])
        run = self.begin()
        for _ in range(6):
            time.sleep(chance.uniform(0.0, 1.2))
            self.running.send(signal.SIGKILL).end()
            self.running = self.start('resume', run)
        self.running.end(0)
        self.assertEqual(sorted(self.read('made').split()), ['1', '2', '3', '4', '5'])
        self.assertEqual(self.events(run, 'node_attempt_lost'), [])
        self.assertEqual(len(self.events(run, 'node_completed')), 7)
        self.holds(run)

    def test_a_run_that_is_cancelled_while_its_host_is_away_ends_its_job(self):
        host = self.serve()
        self.flow({'a': self.hold('a')})
        run = self.begin()
        pid = self.pid_of('a')
        self.end_host(host, signal.SIGKILL).process.wait()
        self.serve()
        self.hill('cancel', run)
        self.until(lambda: not is_alive(pid), 'the script to end')
        self.until(lambda: set(self.jobs().values()) <= {'CANCELLED', 'COMPLETED'}, 'the job to end')


if __name__ == '__main__':
    harness.main()

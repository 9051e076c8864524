#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Attempts on other machines: a host and real workers over mutual TLS on loopback; what becomes of attempts when either ends."""
import hashlib
import json
import os
import signal
import time

import harness
from harness import is_alive, script
from serve_test import Served


class Workers(Served):
    ADDRESSES = ('127.0.0.1',)

    def setUp(self):
        super().setUp()
        self.hill('ca', 'init')
        self.hill('ca', 'issue-host', 'lab', *(word for address in self.ADDRESSES for word in ('--address', address)))

    def host(self, *arguments, at='127.0.0.1:0', **more):
        service = self.serve('--workers', at, *arguments, **more)
        service.wait_for('Workers join at port ', 1)
        text = service.read(1).decode().split('Workers join at port ')[1]
        self.workers_port = int(text.split('.')[0])
        return service

    def identity(self, name):
        folder = self.path('id-' + name)
        if not os.path.exists(folder):
            self.hill('ca', 'issue-worker', name, '--out', folder)
        return folder

    def worker(self, name, *arguments, port=None, at='127.0.0.1', **more):
        worker = self.start('worker', '--join', f'{at}:{port or self.workers_port}', '--identity', self.identity(name),
                            '--workspace', self.path('work-' + name), *arguments, **more)
        return worker

    def listed(self):
        return {row['name']: row for row in self.hill('workers', 'ls', '-o', 'json').json}

    def joined(self, *names):
        self.until(lambda: all(self.listed().get(name, {}).get('connected') for name in names), f'{names} to join')

    def run_flow(self, name='flow.json', *more):
        return self.hill('run', name, '-o', 'json', '--quiet', *more, code=None)

    def begin(self, name='flow.json'):
        """Starts a run through the host, and returns its id."""
        self.running = self.start('run', name)
        self.running.wait_for('as run ', 1)
        return self.running.read(1).decode().split('as run ')[1].split()[0]

    def placed(self, line, **more):
        return script(line, placement={'labels': more.pop('labels', {})}, **more)


class Placed(Workers):
    def test_a_node_runs_where_its_label_is(self):
        self.host()
        self.worker('a', '--label', 'site=one')
        self.worker('b', '--label', 'gpu', '--label', 'site=two')
        self.joined('a', 'b')
        self.flow({'here': script('echo here; pwd'),
                   'gpu': self.placed('pwd; cat', labels={'gpu': True}, source='{{ here.output }}'),
                   'one': self.placed('pwd', labels={'site': 'one'})}, [('here', 'gpu')])
        self.hill('run', 'flow.json')
        made = {event['data']['node']: event['data'].get('made_by', {}).get('worker')
                for event in self.events(kind='node_completed')}
        self.assertEqual(made, {'here': None, 'gpu': 'b', 'one': 'a'})
        output = self.hill('result', 'latest', 'gpu').out
        self.assertIn('work-b', output)
        self.assertIn('here', output)
        self.holds()
        # Nothing of it stays there.
        self.until(lambda: not os.listdir(self.path('work-b', 'attempts')), 'the folder of the attempt to go')

    def test_large_inputs_outputs_and_files_cross(self):
        self.host()
        self.worker('a', '--label', 'big')
        self.joined('a')
        self.write('data/in.bin', os.urandom(3_000_000))
        self.write('data/tool.sh', '#!/bin/sh\nwc -c < data/in.bin\n', mode=0o755)
        self.flow({'many': script('head -c 500000 /dev/zero | tr "\\0" x'),
                   'far': self.placed('cat > got.txt; ./data/tool.sh > out/size.txt 2>/dev/null || (mkdir -p out; ./data/tool.sh > out/size.txt);'
                                      'cp data/in.bin out/copy.bin; head -c 400000 /dev/zero | tr "\\0" y; wc -c < got.txt >&2',
                                      labels={'big': True}, source='{{ many.output }}',
                                      files_in=['data/**'], files_out=['out/*'])}, [('many', 'far')])
        self.hill('run', 'flow.json')
        self.assertEqual(self.read('out/size.txt').strip(), '3000000')
        with open(self.path('data/in.bin'), 'rb') as a, open(self.path('out/copy.bin'), 'rb') as b:
            self.assertEqual(hashlib.sha256(a.read()).digest(), hashlib.sha256(b.read()).digest())
        self.assertEqual(len(self.hill('result', 'latest', 'far', '--key', 'output').out.strip()), 400_000)
        self.holds()

    def test_a_worker_keeps_no_more_of_what_crossed_than_it_may(self):
        self.host()
        self.worker('a', '--label', 'big', '--cache', '1M')
        self.joined('a')

        def kept():
            return sum(os.path.getsize(self.path('work-a', 'cache', name)) for name in os.listdir(self.path('work-a', 'cache')))
        for turn in range(3):
            self.write('data/in.bin', os.urandom(3_000_000))
            self.flow({'far': self.placed('cat data/in.bin > out.bin', labels={'big': True}, files_in=['data/*'], files_out=['out.bin'])})
            self.hill('run', 'flow.json')
            with open(self.path('data/in.bin'), 'rb') as sent, open(self.path('out.bin'), 'rb') as got:
                self.assertEqual(sent.read(), got.read())
        self.until(lambda: kept() <= 1 << 20, 'the cache to fit')
        self.holds()
        self.assertIn('--cache', self.hill('worker', '--join', 'h:1', '--cache', 'much', code=2).err)

    def test_a_node_that_nobody_can_make_waits_and_says_why(self):
        self.host()
        self.worker('a')
        self.joined('a')
        self.flow({'far': self.placed('echo x', labels={'gpu': True})})
        run = self.begin()
        self.until(lambda: self.events(run, 'node_waits_for_place'), 'the reason')
        self.assertIn('gpu', self.events(run, 'node_waits_for_place')[0]['data']['reason'])
        self.assertIn('gpu', self.hill('why', run, 'far').out)
        self.worker('b', '--label', 'gpu')
        self.hill('wait', run)
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by']['worker'], 'b')
        self.flow({'far': self.placed('echo x', labels={'nobody': True}, timeout={'queue': 2})}, name='late.json')
        self.assertEqual(self.hill('run', 'late.json', code=None).code, 124)
        self.assertEqual(self.events(kind='node_failed')[0]['data']['failure']['kind'], 'queue_timeout')

    def test_a_worker_that_rested_begins_with_a_beat_that_is_seen(self):
        # It beats every second while it rests, and would stop what it makes 800 ms after the last beat that was seen.
        self.host('--worker-lost-after', '1s')
        self.worker('a', '--label', 'gpu')
        self.joined('a')
        self.flow({'first': script('sleep 3'), 'far': self.placed('sleep 1.5; echo made', labels={'gpu': True})}, [('first', 'far')])
        for _ in range(5):
            with harness.Stalls() as stalls:
                self.hill('run', 'flow.json')
            if not self.events(kind='node_attempt_lost') or stalls.longest < 0.2:
                break  # else this machine stood still, and nobody could have beaten in time
        self.assertEqual(self.events(kind='node_completed')[1]['data']['attempt'], 1)
        self.assertFalse(self.events(kind='node_attempt_lost'))
        self.until(lambda: self.listed()['a']['connected'], 'the worker to be there')
        self.holds()

    def test_without_workers_it_says_so_at_once(self):
        self.flow({'far': self.placed('echo x', labels={'gpu': True})})
        self.assertIn('HS604', self.hill('run', 'flow.json', code=1).err)

    def test_a_run_takes_workers_by_itself(self):
        self.flow({'far': self.placed('echo x', labels={'gpu': True})})
        run = self.start('run', 'flow.json', '--workers', '127.0.0.1:0')
        run.wait_for('Workers join at port ', 1)
        port = int(run.read(1).decode().split('Workers join at port ')[1].split('.')[0])
        self.worker('a', '--label', 'gpu', port=port)
        run.end(0)

    def test_a_machine_joins_with_a_token_once(self):
        self.host()
        token = self.hill('ca', 'issue-worker', 'new', '--token').out.strip()
        arguments = ('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', self.path('new'), '--workspace',
                     self.path('work-new'))
        self.start(*arguments, env={'HILLSTAR_JOIN_TOKEN': token})
        self.joined('new')
        other = (*arguments[:4], self.path('other'), *arguments[5:])
        self.assertIn('HS602', self.hill(*other, env={'HILLSTAR_JOIN_TOKEN': token}, code=None).err)
        self.assertIn('HS601', self.hill(*other, code=None).err)


class Holding(harness.Held, Workers):
    def hold(self, name, **more):
        return self.placed(self.holding(name), sandbox={'write': [self.folder]}, **more)

    def is_made_once(self, run):
        """The attempt was not lost with its host: it went on at the worker, and was recorded once."""
        self.assertEqual(self.events(run, 'node_attempt_lost'), [])
        self.assertEqual(len(self.attempts('far', run)), 1)
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by']['worker'], 'a')
        self.holds(run)


class Ends(Holding):
    def test_a_killed_worker_loses_its_attempt_and_another_makes_it(self):
        self.host()
        a = self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        self.pid_of('far')
        a.send(signal.SIGKILL)
        os.unlink(self.path('far.pid'))
        self.worker('b')
        self.pid_of('far')
        self.go('far')
        self.hill('wait', run)
        lost = self.events(run, 'node_attempt_lost')
        self.assertEqual([event['data']['made_by']['worker'] for event in lost], ['a'])
        done = self.events(run, 'node_completed')[0]['data']
        self.assertEqual((done['made_by']['worker'], done['attempt']), ('b', 2))
        self.holds(run)

    def test_a_killed_host_finds_the_attempt_still_under_way(self):
        host = self.host()
        port = self.workers_port
        self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        pid = self.pid_of('far')
        self.end_host(host, signal.SIGKILL).process.wait()
        self.serve('--workers', f'127.0.0.1:{port}')
        self.joined('a')
        self.assertTrue(is_alive(pid))
        self.go('far')
        self.hill('wait', run)
        self.is_made_once(run)

    def test_a_stopped_worker_is_lost_in_time_and_stops_what_it_made(self):
        self.host('--worker-lost-after', '2s')
        a = self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        pid = self.pid_of('far')
        a.send(signal.SIGSTOP)
        self.addCleanup(lambda: a.process.poll() is None and a.send(signal.SIGCONT))
        self.until(lambda: self.events(run, 'node_attempt_lost'), 'the attempt to be lost')
        os.unlink(self.path('far.pid'))
        self.worker('b')
        self.pid_of('far')
        a.send(signal.SIGCONT)
        self.until(lambda: not is_alive(pid), 'the fenced attempt to stop')
        self.go('far')
        self.hill('wait', run)
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by']['worker'], 'b')
        self.assertEqual(len(self.events(run, 'node_completed')), 1)
        self.holds(run)

    def test_cancel_reaches_the_script(self):
        self.host()
        self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        pid = self.pid_of('far')
        self.hill('cancel', run, '-y')
        self.until(lambda: not is_alive(pid), 'the script to end')
        self.assertEqual(self.status(run)['status'], 'cancelled')
        self.holds(run)

    def test_a_drained_worker_ends_when_it_is_done(self):
        self.host()
        a = self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        self.pid_of('far')
        a.send(signal.SIGTERM)
        self.until(lambda: self.listed()['a']['draining'], 'the host to hear of it')
        self.go('far')
        self.hill('wait', run)
        a.end(0)
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by']['worker'], 'a')

    def test_people_cordon_and_drain(self):
        self.host()
        a = self.worker('a')
        self.joined('a')
        self.hill('workers', 'cordon', 'a')
        self.assertTrue(self.listed()['a']['cordoned'])
        self.assertIn('cordoned', self.hill('workers').out)
        self.flow({'far': self.placed('echo x')})
        run = self.begin()
        self.until(lambda: self.events(run, 'node_waits_for_place'), 'the reason')
        self.assertIn('cordoned', self.events(run, 'node_waits_for_place')[0]['data']['reason'])
        self.hill('workers', 'uncordon', 'a')
        self.hill('wait', run)
        self.assertIn('a', self.hill('workers', 'show', 'a').out)
        self.assertIn('HS701', self.hill('workers', 'show', 'nobody', code=4).err)
        self.hill('workers', 'drain', 'a')
        a.end(0)

    def test_a_stranger_gets_nothing(self):
        self.host()
        away = self.path('elsewhere')
        self.hill('ca', 'init', '--folder', away)
        self.hill('ca', 'issue-worker', 'a', '--out', self.path('strange'), '--folder', away)
        stranger = self.start('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', self.path('strange'),
                              '--workspace', self.path('work-s'))
        stranger.wait_for('trying again', 1)
        self.assertEqual(self.listed(), {})
        self.hill('ca', 'issue-worker', 'r', '--out', self.path('id-r'))
        self.hill('ca', 'revoke', 'r')
        self.worker('r')
        self.until(lambda: not self.listed().get('r', {}).get('connected'), 'the revoked one to be sent away')


if __name__ == '__main__':
    harness.main()

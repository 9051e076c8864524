#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What workers make besides single scripts, how a host that ends in order treats what they make, and what a person is
told who gave a worker too little: a folder, a disk, slots, labels."""
import json
import os
import signal
import subprocess
import time

import harness
from harness import is_alive, script
from models_test import ANSWER, Server, reply
from raw_worker import ATTEMPT, BEAT, BEAT_SEEN, OUTCOME, OUTCOME_KEPT, RawHost, RawWorker
from workers_test import Holding, Workers


class Kinds(Workers):
    def setUp(self):
        super().setUp()
        self.host()

    def makers(self, run='latest'):
        return [event['data'].get('made_by', {}).get('worker') for event in self.events(run, 'node_completed')]

    def test_items_of_a_map(self):
        self.worker('a', '--slots', '2')
        self.worker('b', '--slots', '2')
        self.joined('a', 'b')
        self.flow({'each': {**self.placed('cat; echo " by $HILLSTAR_NODE_ID"', source='{{ item }}'),
                            'placement': {'labels': {}, 'spread': True}, 'for_each': [f'item {i}' for i in range(20)],
                            'parallel': 8},
                   'join': script('cat', source='{{ each.output }}')}, [('each', 'join')])
        self.hill('run', 'flow.json')
        makers = [event['data']['made_by']['worker'] for event in self.events(kind='node_completed')
                  if event['data'].get('item') is not None]
        self.assertEqual((len(makers), set(makers)), (20, {'a', 'b'}))
        output = self.hill('result', 'latest', 'join').out
        for i in range(20):
            self.assertIn(f'item {i} by each[{i}]', output)
        self.holds()

    def test_the_body_of_a_loop(self):
        self.worker('a')
        self.joined('a')
        self.flow({'draft': self.placed('echo "$HILLSTAR_NODE_ID"'),
                   'review': self.placed('case "$HILLSTAR_NODE_ID" in *@3) echo sign-off;; *) echo "not yet";; esac')},
                  [('draft', 'review')], loops=[{'id': 'rounds', 'body': ['draft', 'review'], 'max_attempts': 5,
                                                 'until': {'node': 'review', 'contains': 'sign-off'}}])
        done = self.hill('run', 'flow.json', code=None)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.makers(), ['a'] * 6)
        self.holds()

    def test_a_model_call_is_made_from_the_worker(self):
        here, there = Server(reply(ANSWER)), Server(reply(ANSWER))
        self.addCleanup(here.close)
        self.addCleanup(there.close)
        name = '.hillstar/provider_registry.json'

        def registry(address):
            return json.dumps({'providers': {'lab': {'type': 'local', 'adapter': 'openai_compatible', 'endpoint': address,
                                                     'models': {'tiny': {}}}}})

        self.write(name, registry(here.address))
        self.write('there.json', registry(there.address))
        self.worker('a', env={'HILLSTAR_REGISTRY': self.path('there.json')})
        self.joined('a')
        self.flow({'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question',
                           'placement': {'labels': {}}},
                   'use': script('cat', source='<{{ ask.output }}> {{ ask.tokens_used }}')}, [('ask', 'use')])
        done = self.hill('run', 'flow.json', code=None)
        self.assertEqual(done.code, 0, done)
        self.assertEqual(done.out, '<an answer> 12\n')
        self.assertEqual((len(here.requests), len(there.requests)), (0, 1))
        self.assertEqual(self.makers(), ['a', None])
        self.assertEqual(self.status()['tokens'], 12)
        self.holds()


class InOrder(Holding):
    def test_a_host_that_is_ended_in_order_leaves_the_attempt_to_the_next(self):
        host = self.host()
        port = self.workers_port
        self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        pid = self.pid_of('far')
        self.end_host(host, signal.SIGTERM).end(0)
        self.assertTrue(is_alive(pid))
        self.serve('--workers', f'127.0.0.1:{port}')
        self.joined('a')
        self.assertTrue(is_alive(pid))
        self.go('far')
        self.hill('wait', run)
        self.is_made_once(run)

    def test_a_host_that_does_not_come_back_leaves_no_script_behind(self):
        host = self.host('--worker-lost-after', '2s')
        worker = self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        self.begin()
        pid = self.pid_of('far')
        self.end_host(host, signal.SIGTERM).end(0)
        self.until(lambda: not is_alive(pid), 'the script to be stopped')
        self.until(lambda: not os.listdir(self.path('work-a', 'attempts')), 'its folder to go')
        self.assertIn('attempts are stopped: the host has not seen', worker.read(1).decode())
        worker.send(signal.SIGTERM).end(0)

    def test_one_that_was_revoked_does_not_join_for_a_moment(self):
        host = self.host()
        identity = self.identity('r')
        self.hill('ca', 'revoke', 'r')
        away = self.start('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', identity, '--workspace',
                          self.path('work-r'))
        away.wait_for('trying again', 1)
        self.assertNotIn('r', self.listed())
        said = host.send(signal.SIGTERM).end(0).err
        self.assertNotIn('has joined', said)
        self.assertIn('revoked', said)


class Unseen(Holding):
    """A real worker, and a host that answers no beat."""

    def order(self, line=None):
        """An attempt as a real host sends it."""
        host = self.host()
        peer = RawWorker(self.workers_port, self.identity('raw')).hello()
        self.flow({'far': self.placed(line, sandbox={'write': [self.folder]}) if line else self.hold('far')})
        self.begin()
        order = peer.hear(ATTEMPT)[1]
        peer.close()
        self.running.close()
        host.close()
        return order

    def raw_host(self):
        """A host of our own, with a worker that has come to it."""
        authority = self.path('.config/hillstar-actors/ca')
        host = RawHost(authority + '/hosts/lab', authority + '/authority.pem')
        self.addCleanup(host.close)
        self.worker('a', port=host.port)
        peer = host.accept()
        return host, peer

    def test_one_that_stopped_what_it_made_is_another_when_it_comes_back(self):
        order = self.order()
        host, peer = self.raw_host()
        first = host.welcome(peer, 100, 1_000)
        peer.say(ATTEMPT, order)
        pid = self.pid_of('far')
        # Nothing is heard of the host: it must have given the attempt up, and may not send it a second time.
        self.until(lambda: not is_alive(pid), 'the script to be stopped')
        again = host.welcome(host.accept(), 100, 60_000)
        self.assertNotEqual(first['session'], again['session'])
        self.assertEqual(again.get('attempts', []), [])

    def test_a_script_that_hears_no_request_to_end_is_dead_before_its_lease_is_over(self):
        lease = 5.0
        mark = self.path('mark')
        order = self.order('trap "" TERM HUP INT; while :; do date +%s.%N > {0}.new; mv {0}.new {0}; done'.format(mark))
        host, peer = self.raw_host()
        host.welcome(peer, 500, int(lease * 800))
        self.assertEqual(peer.hear(BEAT)[0], BEAT)
        kind, beat, _ = peer.hear(BEAT)
        heard = time.time()  # no earlier than it was sent: the lease that the worker knows of is over by then
        peer.say(BEAT_SEEN, {**beat, 'attempts': 0, 'load_percent': 0, 'memory_free_bytes': 0, 'disk_free_bytes': 0})
        peer.say(ATTEMPT, order)
        self.until(lambda: os.path.exists(mark) and self.read('mark').strip(), 'the script to begin')
        folder = self.path('work-a', 'attempts')
        self.until(lambda: not os.listdir(folder), 'the attempt to be over')
        last = float(self.read('mark'))
        self.assertGreater(last, heard + lease * 0.75)  # it had its time,
        self.assertLess(last, heard + lease)            # and no more

    def test_one_that_lost_its_connection_for_a_moment_is_the_same(self):
        order = self.order()
        host, peer = self.raw_host()
        first = host.welcome(peer, 100, 60_000)
        peer.say(ATTEMPT, order)
        pid = self.pid_of('far')
        peer.close()
        peer = host.accept()
        again = host.welcome(peer, 100, 60_000)
        self.assertEqual(first['session'], again['session'])
        self.assertEqual(again['attempts'], [order['key']])
        self.go('far')
        self.assertEqual(peer.hear(OUTCOME)[1]['key'], order['key'])
        self.assertFalse(is_alive(pid))
        peer.say(OUTCOME_KEPT, {'key': order['key'], 'fenced': False})
        self.until(lambda: not os.listdir(self.path('work-a', 'attempts')), 'its folder to go')


class TooLittle(Workers):
    def setUp(self):
        super().setUp()
        self.host()

    def small_disk(self, size='8m', options=''):
        folder = self.path('small')
        os.makedirs(folder)
        if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}{options}', 'tmpfs', folder],
                                               stderr=subprocess.DEVNULL, check=False).returncode != 0:
            self.skipTest('needs to mount a small disk')
        self.addCleanup(subprocess.run, ['umount', '-l', folder], check=False)
        return folder

    def worker_in(self, folder, *arguments):
        return self.start('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', self.identity('a'),
                          '--workspace', folder, *arguments)

    def test_more_slots_than_any_worker_has(self):
        self.worker('a', '--slots', '2')
        self.joined('a')
        self.flow({'far': {**self.placed('echo x', timeout={'queue': 2}), 'placement': {'labels': {}, 'slots': 3}}})
        run = self.begin()
        self.until(lambda: self.events(run, 'node_waits_for_place'), 'the reason')
        self.assertIn('asks for 3', self.hill('why', run, 'far').out)
        self.hill('wait', run, code=None)
        failure = self.events(run, 'node_failed')[0]['data']['failure']
        self.assertEqual(failure['kind'], 'queue_timeout')
        self.assertIn('asks for 3', failure['message'])

    def test_labels_that_are_none(self):
        for label in 'two words', '=x', 'a\nb', 'x' * 65, 'gpu=a b', '-gpu':
            done = self.hill('worker', '--join', '127.0.0.1:1', '--identity', self.identity('a'), f'--label={label}', code=2)
            self.assertIn('label', done.err)
            self.assertIn('gpu or site=lab2', done.err)

    def test_a_folder_that_cannot_be_used(self):
        self.write('file', '')
        done = self.worker_in(self.path('file', 'below')).end(74)
        self.assertIn('HS606', done.err)
        self.assertIn('--workspace', done.err)
        done = self.worker_in(self.small_disk(options=',ro')).end(74)
        self.assertIn('HS606', done.err)
        self.assertIn('ead-only', done.err)
        self.assertEqual(self.listed(), {})

    def test_a_disk_that_an_attempt_fills(self):
        worker = self.worker_in(self.small_disk())
        self.joined('a')
        self.flow({'far': self.placed('head -c 30000000 /dev/zero > big')})
        done = self.run_flow()
        self.assertEqual(done.code, 1, done)
        self.assertIn('No space left', json.dumps(self.events(kind='node_failed')))
        # What it wrote is gone, and the next one has room.
        self.flow({'far': self.placed('head -c 1000000 /dev/zero > big; wc -c < big')})
        self.until(lambda: self.run_flow().code == 0, 'the next attempt to have room')
        self.assertIsNone(worker.process.poll())

    def test_a_disk_that_what_crosses_fills(self):
        worker = self.worker_in(self.small_disk())
        self.joined('a')
        self.write('data/in.bin', os.urandom(20_000_000))
        self.flow({'far': self.placed('wc -c < data/in.bin', files_in=['data/*'], timeout={'queue': 20})})
        run = self.begin()
        self.until(lambda: self.status(run)['status'] == 'failed', f'the run to fail: {worker.read(1).decode()}')
        self.assertIn('no space left', json.dumps(self.events(run, 'node_failed')))
        self.holds(run)
        # It takes nothing more, and says why to whoever looks after it.
        done = worker.end(74)
        self.assertIn('HS606', done.err)
        self.assertIn('no space left', done.err)
        self.until(lambda: 'a' not in self.listed(), 'the worker to be gone')
        self.worker_in(self.path('roomy'))
        self.joined('a')
        self.hill('run', 'flow.json')


if __name__ == '__main__':
    harness.main()

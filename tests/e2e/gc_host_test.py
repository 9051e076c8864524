#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""gc inside the host of a store: beside everything else, by the retention of streams, through a service; killed too."""
import json
import os
import signal
import threading
import time

import harness
from harness import script
from serve_test import Served


class GcHost(Served):
    def many(self, count, entry='in', key=''):
        for n in range(count):
            self.hill('stream', 'trigger', 'jobs/' + entry, '--key', f'{key}{n}', '--wait')

    def declared(self, **retention):
        self.flow({'a': script('echo done')}, name='jobs.json', id='jobs',
                  entry_points=[{'id': 'in', 'retention': retention}, {'id': 'all'}])

    def of_stream(self, stream):
        return len(self.hill('-o', 'json', 'ls', '--stream', stream).json)

    def test_by_the_retention_of_streams(self):
        self.declared(runs=2)
        self.assertIn('HS', self.hill('gc', code=None).err)
        service = self.serve('jobs.json')
        self.many(5)
        self.many(3, 'all')
        dry = self.hill('-o', 'json', 'gc', '--dry-run').json
        self.assertEqual((dry['runs'], dry['dry_run']), (3, True))
        self.assertEqual(self.of_stream('jobs/in'), 5)
        self.assertEqual(self.hill('-o', 'json', 'gc').json['runs'], 3)
        self.assertEqual((self.of_stream('jobs/in'), self.of_stream('jobs/all')), (2, 3))
        self.assertEqual(self.hill('-o', 'json', 'gc').json['runs'], 0)
        self.assertEqual(self.hill('-o', 'json', 'gc', '--keep-last', '1', '--stream', 'jobs/all').json['runs'], 2)
        self.many(1, key='later')
        service.send(15).end(0)
        self.assertTrue(self.hill('-o', 'json', 'verify').json['ok'])
        self.assertEqual(self.hill('-o', 'json', 'gc').json['runs'], 1)
        self.hill('replay', '--all')

    def test_through_a_service_and_by_itself(self):
        admin, read = self.token('a', 'admin'), self.token('r', 'read')
        self.declared(runs=1)
        service = self.serve('jobs.json', '--gc-every', '1s')
        self.many(4)
        self.until(lambda: self.of_stream('jobs/in') == 1, 'the service to remove what nothing keeps')
        service.send(15).end(0)
        service = self.serve('jobs.json')
        self.many(3, 'all')
        self.environment['HILLSTAR_TOKEN'] = read
        self.assertIn('HS805', self.hill('--server', self.url, 'gc', '--keep-last', '0', code=6).err)
        self.environment['HILLSTAR_TOKEN'] = admin
        self.assertIn('removed 3 runs', self.hill('--server', self.url, 'gc', '--keep-last', '0', '--stream', 'jobs/all').out)
        bad = self.ask('/v1/gc', 'POST', admin, b'{"older": 3}', Content_Type='application/json')
        self.assertEqual(bad.status, 400)
        self.hill('serve', '--gc-every', 'often', code=2)
        service.send(15).end(0)
        self.assertTrue(self.hill('-o', 'json', 'verify').json['ok'])

    def test_what_a_quota_counts_stays(self):
        self.flow({'a': script('echo done')}, name='jobs.json', id='jobs', entry_points=[
            {'id': 'in', 'retention': {'runs': 0}, 'quota': {'runs_per_day': 2}}])
        self.serve('jobs.json')
        self.many(2)
        self.assertEqual(self.hill('-o', 'json', 'gc').json['runs'], 0)
        self.assertIn('HS807', self.hill('stream', 'trigger', 'jobs/in', code=10).err)

    def test_room_for_bytes_is_made(self):
        self.flow({'a': script('echo done')}, name='jobs.json', id='jobs', entry_points=[
            {'id': 'in', 'retention': {'runs': 0}, 'quota': {'stored_bytes': 1000}}])
        self.serve('jobs.json')
        self.many(1)
        self.assertIn('stored_bytes', self.hill('stream', 'trigger', 'jobs/in', code=10).err)
        self.assertEqual(self.hill('-o', 'json', 'gc').json['runs'], 1)
        self.many(1, key='again')

    def test_killed_while_it_removes(self):
        self.declared(runs=0)
        self.serve('jobs.json').send(15).end(0)
        base = self.hill('-o', 'json', 'verify').json['runs']
        for kill in range(3):
            service = self.serve('jobs.json')
            self.many(6, key=f'{kill}-')
            gc = self.start('gc')
            time.sleep(0.02 * kill)
            service.send(signal.SIGKILL)
            service.end()
            gc.end()
            told = self.hill('-o', 'json', 'verify').json
            self.assertTrue(told['ok'])
            self.assertEqual(told['runs'] + told['removed_runs'], base + 6 * (kill + 1), told)
            service.close()
        self.hill('gc')
        self.assertEqual(self.hill('-o', 'json', 'ls').json, [])

    def test_runs_go_on_meanwhile(self):
        """Commits are not held up: what a trigger takes while gc runs is compared with what it takes without."""
        token = self.token('o', 'operate')
        self.flow({'a': {'tool': 'checkpoint'}}, name='jobs.json', id='jobs',
                  entry_points=[{'id': 'in', 'retention': {'runs': 0}, 'max_concurrent': 50, 'max_queued': 100000}])
        self.serve('jobs.json')

        def trigger():
            began = time.monotonic()
            answer = self.ask('/v1/streams/jobs/in/trigger', 'POST', token, b'{}', Content_Type='application/json')
            self.assertEqual(answer.status, 202, answer.body)
            return time.monotonic() - began

        alone = sorted(trigger() for _ in range(300))
        self.until(lambda: not self.hill('-o', 'json', 'ps').json, 'all to end')
        done = []
        gc = threading.Thread(target=lambda: done.append(self.hill('-o', 'json', 'gc').json))
        gc.start()
        beside = []
        while gc.is_alive():
            beside.append(trigger())
        gc.join()
        beside.sort()
        self.assertGreaterEqual(done[0]['runs'], 300)
        print(f'a trigger alone: median {alone[len(alone) // 2]:.4f} s, worst {alone[-1]:.4f} s; beside gc of '
              f"{done[0]['runs']} runs: median {beside[len(beside) // 2]:.4f} s, worst {beside[-1]:.4f} s, {len(beside)} of them")


if __name__ == '__main__':
    raise SystemExit(harness.main())

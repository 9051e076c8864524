# SPDX-License-Identifier: Apache-2.0
"""Streams of a service: what was accepted is kept, once, in order, whatever happens to the process."""
import http.client
import json
import random
import signal
import threading

import harness
from harness import script
from serve_test import Served

# Fewer, with the end of the load, than the attempts of a node that may be lost before it counts as what kills hosts.
KILLS = 3
ENDED = {'completed', 'failed', 'cancelled', 'timed_out'}


class Streams(Served):
    def setUp(self):
        super().setUp()
        self.operate = self.token('o', 'operate')

    def call(self, method, target, body=None, connection=None):
        """Status and document; ConnectionError if the service went away."""
        connection = connection or http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            connection.request(method, target, None if body is None else json.dumps(body),
                               {'Authorization': f'Bearer {self.operate}', 'Content-Type': 'application/json'})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or b'null')
        except (OSError, http.client.HTTPException) as gone:
            raise ConnectionError(str(gone)) from gone

    def trigger(self, stream, **body):
        return self.call('POST', f'/v1/streams/{stream}/trigger', body)

    def rows(self, **asked):
        rows, before = [], None
        while True:
            query = '&'.join(f'{name}={value}' for name, value in {**asked, 'limit': 500}.items())
            status, page = self.call('GET', f'/v1/runs?{query}' + (f'&before={before}' if before else ''))
            self.assertEqual(status, 200, page)
            found = page
            rows += found
            if len(found) < 500:
                return rows
            before = found[-1]['run']

    def declare(self, *entries):
        self.flow({'a': script('echo $HILLSTAR_RUN_ID >> ran')}, name='jobs.json', id='jobs',
                  entry_points=list(entries))

    def test_limits_of_a_stream(self):
        self.flow({'a': script('while [ ! -e go ]; do sleep 0.02; done')}, name='jobs.json', id='jobs',
                  entry_points=[{'id': 'in', 'max_concurrent': 1, 'max_queued': 2}])
        self.addCleanup(self.write, 'go', '')
        self.serve('jobs.json')
        answers = [self.trigger('jobs/in') for _ in range(4)]
        self.assertEqual([status for status, _ in answers], [202, 202, 202, 429], answers)
        self.assertEqual([answer['queued'] for _, answer in answers[:3]], [False, True, True])
        self.assertEqual(answers[3][1]['code'], 'HS800')
        self.assertEqual(self.trigger('jobs/other')[0], 404)
        status, streams = self.call('GET', '/v1/streams')
        self.assertEqual(status, 200, streams)
        self.hill('cancel', answers[1][1]['run'])
        self.until(lambda: self.status(answers[1][1]['run'])['status'] == 'cancelled', 'the waiting run has its end')
        self.write('go', '')
        self.until(lambda: self.status(answers[2][1]['run'])['status'] == 'completed', 'the last one ran')

    def test_a_key_is_one_run(self):
        self.declare({'id': 'in'})
        self.serve('jobs.json')
        first = self.trigger('jobs/in', key='order-7')
        again = self.trigger('jobs/in', key='order-7')
        self.assertEqual((first[0], again[0]), (202, 202))
        self.assertEqual(first[1]['run'], again[1]['run'])
        self.assertTrue(again[1]['repeated'])

    def test_killed_again_and_again_under_load(self):
        self.declare({'id': 'in', 'max_concurrent': 3, 'max_queued': 100000})
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        told, lock = {}, threading.Lock()

        def load(keys):
            for key in keys:
                with lock:
                    if key in told:
                        continue
                try:
                    status, answer = self.trigger('jobs/in', key=key)
                except ConnectionError:
                    return
                self.assertEqual(status, 202, (seed, answer))
                with lock:
                    told[key] = answer['run']

        keys = [[f'{who}-{n}' for n in range(60)] for who in range(4)]
        kills = 0
        while len(told) < 240:
            service = self.serve('jobs.json')
            clients = [threading.Thread(target=load, args=(part,)) for part in keys]
            for client in clients:
                client.start()
            if kills < KILLS:
                clients[0].join(chance.uniform(0.02, 0.6))
                service.send(signal.SIGKILL)
                kills += 1
            for client in clients:
                client.join()
            service.close()
        self.serve('jobs.json')
        self.until(lambda: all(row['status'] in ENDED for row in self.rows(stream='jobs/in')), 'every run has its end')
        rows = self.rows(stream='jobs/in')
        print(f'seed {seed}: {kills} kills, {len(rows)} runs')
        self.assertEqual(sorted(row['run'] for row in rows), sorted(told.values()), seed)
        bad = [(row['status'], row['reason']) for row in rows if row['status'] != 'completed']
        self.assertEqual(bad, [], seed)
        self.hill('verify')


if __name__ == '__main__':
    raise SystemExit(harness.main())

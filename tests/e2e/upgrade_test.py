#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stores that earlier programs wrote open, verify and go on: one archive for each, by tests/compat/write_store.py."""
import fcntl
import glob
import http.client
import json
import os
import shutil
import sys
import tarfile

import harness
from harness import EndToEnd

COMPAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'compat')
sys.path.insert(0, COMPAT)
from write_store import PLACE  # noqa: E402  pylint: disable=wrong-import-position


class Upgrade(EndToEnd):
    def setUp(self):
        super().setUp()
        # The runs' workspace, as their histories say; one test at a time on this machine. What holds the lock is alive:
        # a folder that a killed test has left behind is in nobody's way.
        self.lock = open(PLACE + '.lock', 'w', encoding='utf-8')  # pylint: disable=consider-using-with
        self.addCleanup(self.lock.close)
        self.until(self.take_place, f'{PLACE} to be free')
        self.addCleanup(shutil.rmtree, PLACE)
        shutil.rmtree(PLACE, ignore_errors=True)
        os.mkdir(PLACE)

    def take_place(self):
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False

    def opened(self, archive):
        with tarfile.open(archive) as tar:
            tar.extractall(self.path('.hillstar'))
        with open(os.path.join(PLACE, 'go'), 'w', encoding='utf-8'):
            pass
        rows = self.runs()
        return {row['workflow']: row for row in rows}, [row['run'] for row in rows if row['workflow'] == 'queue'][::-1]

    def ask(self, port, token, path, body):
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        try:
            connection.request('POST', path, json.dumps(body), {'Authorization': 'Bearer ' + token,
                                                                'Content-Type': 'application/json'})
            response = connection.getresponse()
            said = response.read()
            self.assertLess(response.status, 300, said)
            return json.loads(said)
        finally:
            connection.close()

    def serve(self):
        token = self.hill('token', 'create', '--name', 'admin', '--scope', 'admin').out.strip()
        serve = self.start('serve', '--listen', '127.0.0.1:0')
        serve.wait_for('Listening on ', 0)
        self.until(lambda: b'\n' in serve.read(0), 'the address')
        return serve, int(serve.read(0).decode().split()[2].rsplit(':', 1)[1]), token

    def goes_on(self, archive):
        rows, queue = self.opened(archive)
        self.assertEqual({name: row['status'] for name, row in rows.items() if name != 'queue'},
                         {'done': 'completed', 'broken': 'failed', 'approve': 'waiting', 'ask': 'waiting',
                          'listen': 'waiting', 'mapped': 'completed', 'killed': 'running'})
        before = self.hill('verify', '-o', 'json').json
        self.assertEqual((before['ok'], before['runs']), (True, 11))
        self.hill('replay', '--all')
        self.assertEqual([row['run'] for row in self.hill('ls', '--label', 'kind=done', '-o', 'json').json],
                         [rows['done']['run']])
        self.assertEqual(self.hill('result', rows['done']['run']).out, 'made\n')

        self.hill('approve', rows['approve']['run'], 'a')
        self.hill('input', rows['ask']['run'], 'a', '--text', 'this')
        self.hill('signal', rows['listen']['run'], 'go')
        self.hill('resume', rows['killed']['run'])
        self.assertEqual(self.hill('result', rows['ask']['run']).out, 'told this\n')
        self.assertEqual(len(self.attempts('a', rows['killed']['run'])), 1)
        self.assertEqual(len(self.attempts('b', rows['killed']['run'])), 2)
        self.assertEqual(len(self.events(rows['killed']['run'], 'node_attempt_lost')), 1)

        serve, port, token = self.serve()
        again = self.ask(port, token, '/v1/streams/queue/api/trigger', {'inputs': {'n': 9}, 'key': 'key 3'})
        self.assertEqual((again['run'], again['repeated'], again['queued']), (queue[2], True, True))
        self.ask(port, token, '/v1/streams/queue/api/release', {})
        for run in queue[1:]:
            self.hill('wait', run)
        new = self.ask(port, token, '/v1/streams/queue/api/trigger', {'inputs': {'n': 5}, 'key': 'five'})
        self.assertFalse(new['repeated'])
        self.hill('wait', new['run'])
        self.environment['HILLSTAR_TOKEN'] = token
        outside = self.hill('--server', f'http://127.0.0.1:{port}', 'verify', '-o', 'json').json
        self.assertEqual((outside['ok'], outside['runs']), (True, 12))
        serve.send(15).end(0)
        self.assertEqual([self.hill('result', run).out for run in queue], ['1\n', '2\n', '3\n', '4\n'])
        ends = [self.events(run, 'run_completed')[0]['at'] for run in queue]
        self.assertEqual(ends, sorted(ends))

        self.assertEqual({row['status'] for row in self.runs()}, {'completed', 'failed'})
        after = self.hill('verify', '-o', 'json').json
        self.assertEqual((after['ok'], after['runs']), (True, 12))
        self.hill('replay', '--all')

    def test_every_store_of_an_earlier_program_goes_on(self):
        archives = sorted(glob.glob(os.path.join(COMPAT, 'store_*.tar.xz')))
        self.assertTrue(archives)
        for archive in archives:
            with self.subTest(os.path.basename(archive)):
                shutil.rmtree(self.path('.hillstar'), ignore_errors=True)
                self.goes_on(archive)


if __name__ == '__main__':
    raise SystemExit(harness.main())

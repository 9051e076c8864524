#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates of workers that hold for seconds: they are renewed in time, over the worker's own connection, and by nobody else."""
import os
import signal

import harness
from harness import is_alive
from raw_worker import RENEW, RENEWED, RawHost, RawWorker, WELCOME
from workers_test import Holding

HOLDS = 20  # seconds: it is asked for a new one after eleven to thirteen of them
PROTOCOL = 3


class Renewal(Holding):
    def short_lived(self, name, holds=HOLDS):
        self.hill('ca', 'issue-worker', name, '--out', self.path('id-' + name), '--holds', f'{holds}s')
        return self.path('id-' + name)

    def issued(self, name):
        return [row for row in self.hill('ca', 'ls', '-o', 'json').json if row['name'] == name]

    def until_renewed(self, name):
        self.until(lambda: len(self.issued(name)) > 1, 'the certificate to be renewed')

    def files(self, name):
        return {file: self.read('id-' + name + '/' + file) for file in sorted(os.listdir(self.path('id-' + name)))}


class InTime(Renewal):
    def test_it_is_renewed_for_a_new_key_and_what_is_under_way_goes_on(self):
        host = self.host()
        before = (self.short_lived('a'), self.files('a'))[1]
        worker = self.worker('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        run = self.begin()
        pid = self.pid_of('far')
        old = self.listed()['a']['fingerprint']
        self.until_renewed('a')
        worker.wait_for('was renewed, until', 1)
        rows = self.issued('a')
        self.assertEqual([row['status'] for row in rows], ['renewed', 'valid'])
        self.assertEqual(rows[0]['renewed_by'], rows[1]['serial'])
        self.assertEqual(rows[0]['fingerprint'], old)
        self.assertIn('renewed', self.hill('ca').out)
        after = self.files('a')
        self.assertEqual(list(after), list(before))  # nothing of it stays besides
        self.assertNotEqual(after['worker.key'], before['worker.key'])
        self.assertNotEqual(after['worker.pem'], before['worker.pem'])
        self.assertEqual(after['authority.pem'], before['authority.pem'])
        self.assertEqual(os.stat(self.path('id-a/worker.key')).st_mode & 0o777, 0o600)
        # The connection keeps the old one until that ends; the same process comes back with the new one, at once.
        self.until(lambda: self.listed()['a']['fingerprint'] == rows[1]['fingerprint'], 'the new certificate to be shown')
        self.assertTrue(is_alive(pid))
        self.go('far')
        self.hill('wait', run)
        self.is_made_once(run)
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by']['fingerprint'], rows[1]['fingerprint'])
        self.assertNotIn('PRIVATE', host.read(1).decode() + worker.read(1).decode())

    def test_one_that_makes_nothing_shows_the_new_one_at_once_and_again_after_a_restart(self):
        self.host()
        self.short_lived('a')
        worker = self.worker('a')
        self.joined('a')
        self.until_renewed('a')
        renewed = self.issued('a')[1]['fingerprint']
        self.until(lambda: self.listed().get('a', {}).get('fingerprint') == renewed, 'the new certificate to be shown')
        worker.send(signal.SIGTERM).end(0)
        self.worker('a')
        self.until(lambda: self.listed().get('a', {}).get('connected'), 'it to join again')

    def test_one_that_was_killed_in_the_middle_asks_again_and_mends_its_files(self):
        self.host()
        self.short_lived('a', 600)
        self.worker('a')
        self.joined('a')
        # As a crash leaves it after the new key took its place, and before the certificate did.
        folder = self.files('a')
        self.hill('ca', 'issue-worker', 'a', '--out', self.path('next'))
        self.write('id-a/next.pem', self.read('next/worker.pem'))
        self.write('id-a/next.key', self.read('next/worker.key'), mode=0o600)
        self.write('id-a/worker.key', self.read('next/worker.key'), mode=0o600)
        twin = self.start('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', self.path('id-a'),
                          '--workspace', self.path('work-twin'))
        twin.wait_for('another certificate', 1)  # the first is still there
        self.assertEqual(sorted(self.files('a')), sorted(folder))
        self.assertEqual(self.read('id-a/worker.pem'), self.read('next/worker.pem'))


class NotForAll(Renewal):
    def test_who_is_cordoned_is_told_so_and_gets_one_later(self):
        self.host()
        self.short_lived('a', 40)
        worker = self.worker('a')
        self.joined('a')
        self.hill('workers', 'cordon', 'a')
        worker.wait_for('is not renewed: the worker is cordoned', 1)
        self.assertEqual(len(self.issued('a')), 1)
        self.hill('workers', 'uncordon', 'a')
        self.until_renewed('a')

    def test_who_was_revoked_gets_none(self):
        self.host()
        self.short_lived('a')
        worker = self.worker('a')
        self.joined('a')
        self.hill('ca', 'revoke', 'a')
        self.until(lambda: not self.listed().get('a', {}).get('connected'), 'it to be sent away')
        self.until(lambda: self.issued('a')[0]['status'] != 'valid', 'its end')
        worker.send(signal.SIGTERM).end(0)
        self.assertEqual(len(self.issued('a')), 1)

    def test_a_host_without_the_authority_says_so_in_time(self):
        folder = self.path('.config/hillstar-actors/ca')
        for file in 'authority.pem', 'revoked.pem':
            self.assertTrue(os.path.exists(f'{folder}/hosts/lab/{file}'))
        self.host('--workers-identity', folder + '/hosts/lab', env={'XDG_CONFIG_HOME': self.path('elsewhere')})
        self.short_lived('a')
        worker = self.worker('a')
        worker.wait_for('joined', 1)
        worker.wait_for('is not renewed: the host has no authority at hand', 1)
        self.assertIn('ca issue-worker', worker.read(1).decode())
        # A person does it: the next connection is one with those files.
        self.hill('ca', 'issue-worker', 'a', '--out', self.path('by-hand'))
        for file in 'worker.key', 'worker.pem':
            os.replace(self.path('by-hand', file), self.path('id-a', file))
        fingerprint = self.issued('a')[1]['fingerprint']
        self.until(lambda: self.listed().get('a', {}).get('fingerprint') == fingerprint, 'it to be used')

    def test_a_host_that_is_too_old_is_not_asked(self):
        authority = self.path('.config/hillstar-actors/ca')
        host = RawHost(authority + '/hosts/lab', authority + '/authority.pem')
        self.addCleanup(host.close)
        self.short_lived('a')
        worker = self.worker('a', port=host.port)
        peer = host.accept()
        host.welcome(peer, 1_000, 60_000)
        worker.wait_for("is not renewed: the host's program is too old", 1)

    def test_who_asks_too_early_too_often_or_for_nonsense_gets_none(self):
        host = self.host()
        peer = RawWorker(self.workers_port, self.identity('bad'))
        self.addCleanup(peer.close)
        peer.hello(protocol=PROTOCOL).hear(WELCOME)
        for request in 'nonsense', '', 'x' * 100_000:
            peer.say(RENEW, {'request': request})
            told = peer.hear(RENEWED)[1]
            self.assertEqual(told['certificate'], '')
            self.assertIn(told['reason'], ('The request for a certificate cannot be used.', 'it asks too often'))
        for _ in range(2_000):
            peer.say(RENEW, {'request': 'x'})
        for _ in range(2_000):
            self.assertEqual(peer.hear(RENEWED)[1]['certificate'], '')
        peer.say(RENEW, {'nonsense': 1})
        self.assertTrue(peer.is_closed())
        self.assertEqual(len(self.issued('bad')), 1)
        self.assertLess(host.read(1).count(b'\n'), 200)


if __name__ == '__main__':
    harness.main()

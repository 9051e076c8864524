#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host that was killed and started anew: it finds what its workers still make, and believes nobody who cannot show that it was
given it."""
import json
import signal

import harness
from harness import is_alive
from raw_worker import ATTEMPT, CLAIMS, ENDS_KEPT, OUTCOME, OUTCOME_KEPT, REFUSED, WELCOME, RawWorker, success
from workers_test import Holding

CLAIMS_SINCE = 3


class Restarted(Holding):
    """A real worker `a` makes `far` of a run, and a raw one `bad` makes `own` of another; then the host is killed."""

    def setUp(self):
        super().setUp()
        self.service = self.host('--worker-lost-after', '30s')
        self.a = self.worker('a', '--label', 'good')
        self.joined('a')
        self.flow({'far': self.hold('far', labels={'good': True})})
        self.run_of_a = self.begin()
        terminals = [self.running]
        self.pid = self.pid_of('far')
        peer = self.raw().hello(protocol=CLAIMS_SINCE)
        self.assertEqual(peer.hear(WELCOME)[1]['protocol'], CLAIMS_SINCE)
        self.flow({'own': self.placed('echo x', labels={'bad': True})}, name='own.json')
        self.run_of_bad = self.begin('own.json')
        for terminal in *terminals, self.running:
            terminal.send(signal.SIGKILL).process.wait()  # neither is to be a host itself
        self.order = peer.hear(ATTEMPT)[1]
        self.log = ''

    def raw(self):
        peer = RawWorker(self.workers_port, self.identity('bad'))
        self.addCleanup(peer.close)
        return peer

    def restart(self, *more):
        self.a.send(signal.SIGSTOP)  # the other one comes first
        self.addCleanup(lambda: self.a.process.poll() is None and self.a.send(signal.SIGCONT))
        self.service.send(signal.SIGKILL).process.wait()
        self.log += self.service.read(1).decode()
        self.service = self.host('--worker-lost-after', '30s', *more, at=f'127.0.0.1:{self.workers_port}')

    def come(self, protocol, attempts, claims):
        peer = self.raw().hello(protocol=protocol, attempts=attempts)
        peer.hear(WELCOME, REFUSED)
        if claims is not None:
            peer.say(CLAIMS, {'claims': claims, 'last': True})
        return peer

    def gets_nothing(self, peer, key):
        """Neither what it named nor what it says of it is taken."""
        for said in False, True:
            if said:
                peer.say(OUTCOME, {'key': key, 'report': success()})
            self.assertEqual(peer.hear(OUTCOME_KEPT)[1], {'key': key, 'fenced': True})
        peer.close()

    def goes_on(self):
        self.a.send(signal.SIGCONT)
        self.joined('a')
        self.assertTrue(is_alive(self.pid))
        self.go('far')
        self.hill('wait', self.run_of_a)
        self.is_made_once(self.run_of_a)
        history = json.dumps(self.events(self.run_of_a))
        self.assertNotIn('I say so', history)
        self.assertNotIn('bad', history)

    def test_a_claim_to_what_another_makes_gets_nothing(self):
        far = f'{self.run_of_a}/far/1'
        claim = self.order['claim']
        self.restart()
        for claims in (None, {}, {far: ''}, {far: claim}, {far: 'A' * len(claim)}, {self.order['key']: claim}):
            self.gets_nothing(self.come(CLAIMS_SINCE, [far], claims if claims is not None else {}), far)
        # Even one that says nothing of it, and one that is too old to.
        self.gets_nothing(self.come(CLAIMS_SINCE - 1, [far], None), far)
        peer = self.come(CLAIMS_SINCE, [far], None)
        peer.say(OUTCOME, {'key': far, 'report': success()})
        self.assertEqual(peer.hear(OUTCOME_KEPT)[1], {'key': far, 'fenced': True})
        self.goes_on()
        log = self.log + self.service.read(1).decode()
        self.assertIn('worker bad names 1 attempts', log)
        self.assertIn(far, log)
        self.assertNotIn(claim, log)

    def test_what_it_was_given_it_may_show_with_any_certificate_of_its_name(self):
        self.restart()
        self.hill('ca', 'issue-worker', 'bad', '--out', self.path('id-renewed'))
        key, claim = self.order['key'], self.order['claim']
        # Of another process, it is not the one that was given it.
        other = self.raw().hello(protocol=CLAIMS_SINCE, attempts=[key], session='another')
        other.hear(WELCOME)
        other.say(CLAIMS, {'claims': {key: claim}, 'last': True})
        self.gets_nothing(other, key)
        self.until(lambda: not self.listed()['bad']['connected'], 'it to be away')
        peer = RawWorker(self.workers_port, self.path('id-renewed')).hello(protocol=CLAIMS_SINCE, attempts=[key])
        self.addCleanup(peer.close)
        peer.hear(WELCOME)
        peer.say(CLAIMS, {'claims': {key: claim}, 'last': True})
        peer.say(OUTCOME, {'key': key, 'report': success()})
        self.assertEqual(peer.hear(ENDS_KEPT)[1], {'keys': [key]})
        self.hill('wait', self.run_of_bad)
        done = self.events(self.run_of_bad, 'node_completed')[0]['data']
        self.assertEqual((done['made_by']['worker'], done['attempt']), ('bad', 1))
        self.assertIn('I say so', json.dumps(done))
        self.goes_on()
        # A secret between the two.
        self.assertNotIn(claim, self.log + self.service.read(1).decode())
        self.assertNotIn(claim, json.dumps(self.events(self.run_of_bad)))

    def test_a_host_with_another_key_knows_no_claim_and_the_effect_decides(self):
        self.hill('ca', 'issue-host', 'other', '--address', '127.0.0.1')
        self.restart('--workers-identity', self.path('.config/hillstar-actors/ca/hosts/other'))
        self.a.send(signal.SIGCONT)
        self.until(lambda: not is_alive(self.pid), 'what was made to be stopped')
        self.a.wait_for('joined', 1)
        self.until(lambda: 'worker a names 1 attempts' in self.service.read(1).decode(), 'the host to say why')
        self.assertEqual(self.events(self.run_of_a, 'node_completed'), [])


if __name__ == '__main__':
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A worker with a good certificate that says whatever it likes, against a whole host: the host stays up and small, an
honest worker's run completes meanwhile, and nothing that is not so gets into a history."""
import hashlib
import json
import os
import re
import signal
import struct
import threading
import time

import harness
from harness import script, settings
from raw_worker import (ATTEMPT, BEAT, BEAT_SEEN, BLOB_CHUNK, BLOB_NONE, BLOB_WANT, CANCEL, DRAIN, ENDS_KEPT, HELLO, LOG, OUTCOME,
                        OUTCOME_KEPT, PROGRESS, REFUSED, WELCOME, RawWorker, now, success)
from workers_test import Workers

MEMORY_MAX = (400 << 20) * (4 if 'ASAN_OPTIONS' in os.environ else 1)


class Hostile(Workers):
    def setUp(self):
        super().setUp()
        self.service = self.host()
        self.worker('good', '--label', 'good')
        self.joined('good')

    def raw(self, name='bad'):
        peer = RawWorker(self.workers_port, self.identity(name))
        self.addCleanup(peer.close)
        return peer

    def bad(self, **other):
        peer = self.raw().hello(**other)
        peer.hear(WELCOME)
        return peer

    def log(self):
        return self.service.read(1).decode('utf-8', 'replace')

    def memory(self):
        with open(f'/proc/{self.service.process.pid}/status') as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith('VmHWM'))

    def healthy(self):
        """An honest worker's run completes, and nothing of another's gets into it."""
        self.flow({'far': self.placed('echo well', labels={'good': True})}, name='good.json')
        done = self.run_flow('good.json')
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.events(kind='node_completed')[0]['data']['made_by']['worker'], 'good')
        self.assertLess(self.memory(), MEMORY_MAX)

    def given(self, peer, **node):
        """Starts a run whose only node is made by `peer`; the attempt that it gets."""
        self.flow({'far': self.placed('echo x', labels={'bad': True}, **node)})
        run = self.begin()
        return run, peer.hear(ATTEMPT)[1]

    def told(self, report, status, words, **node):
        peer = self.bad()
        run, order = self.given(peer, **node)
        peer.say(OUTCOME, {'key': order['key'], 'report': report})
        self.hill('wait', run, code=None)
        self.assertEqual(self.status(run)['status'], status, report)
        if words:
            self.assertIn(words, json.dumps(self.events(run, 'node_failed')), report)
        peer.close()
        return run


class Words(Hostile):
    def test_frames_that_are_not_its_turn(self):
        for kind in BEAT, OUTCOME, WELCOME, ATTEMPT, BLOB_WANT, LOG:
            peer = self.raw()
            peer.say(kind)
            self.assertTrue(peer.is_closed(), kind)
        self.assertIn('does not begin with hello', self.log())
        for kind in HELLO, WELCOME, REFUSED, BEAT_SEEN, ATTEMPT, OUTCOME_KEPT, CANCEL, ENDS_KEPT, 99:
            peer = self.bad()
            peer.say(kind)
            self.assertTrue(peer.is_closed(), kind)
        for kind, body in ((BEAT, {'number': -1}), (BEAT, {'nonsense': 1}), (OUTCOME, {}), (PROGRESS, {'key': 1}),
                           (OUTCOME, {'key': 'k' * 500_000, 'report': {}}), (LOG, {'text': 5}), (BLOB_WANT, {'sha256': '..'}),
                           (BLOB_WANT, {'sha256': 'x' * 900_000, 'from': 0, 'upto': 9})):
            peer = self.bad()
            peer.say(kind, body)
            self.assertTrue(peer.is_closed(), (kind, str(body)[:80]))
        self.healthy()

    def test_who_may_not_work_is_told_why(self):
        week = now().replace('20', '19', 1)
        for words, other in (('protocol 9 to 9', {'protocol': 9, 'oldest': 9}), ('protocol 0 to 0', {'protocol': 0, 'oldest': 0}),
                             ('of version 7.0.0', {'program': '7.0.0'}), ('of version ?evil', {'program': '\nevil'}),
                             ('clocks', {'clock': week}), ('slots', {'slots': 0}), ('slots', {'slots': 4_000_000_000}),
                             ('label', {'labels': {'a\n\x1b[2Jb': ''}}), ('label', {'labels': {'gpu': 'two words'}}),
                             ('more than 64 labels', {'labels': {f'l{i}': '' for i in range(65)}}),
                             ('session', {'session': ''}), ('session', {'session': 'x' * 65}),
                             ('more than a worker can', {'attempts': ['k'] * 10_001}),
                             ('more than a worker can', {'attempts': ['k' * 2_000]})):
            peer = self.raw().hello(**other)
            refused = peer.hear(REFUSED)[1]
            self.assertIn(words, refused['reason'])
            self.assertTrue(refused.get('for_good'))
            self.assertTrue(peer.is_closed())
        self.assertNotIn('\nevil', self.log())
        self.assertNotIn('bad', self.listed())
        self.healthy()

    def test_an_older_and_a_newer_worker_speak_the_older_protocol(self):
        with self.assertRaises(ConnectionError):
            self.raw().hello(protocol=99, oldest=99).hear(WELCOME)
        newest = int(re.search(r'and the host 1 to (\d+)', self.log()).group(1))
        for theirs in 1, newest, newest + 1, 60_000:
            peer = self.raw().hello(protocol=theirs, oldest=1)
            self.assertEqual(peer.hear(WELCOME)[1]['protocol'], min(theirs, newest))
            peer.say(BEAT, {'number': 5, 'attempts': 0, 'load_percent': 0, 'memory_free_bytes': 0, 'disk_free_bytes': 0})
            self.assertEqual(peer.hear(BEAT_SEEN)[1]['number'], 5)
            run, order = self.given(peer)
            peer.say(OUTCOME, {'key': order['key'], 'report': success()})
            self.hill('wait', run)
            peer.close()

    def test_one_name_and_two_certificates(self):
        self.hill('ca', 'issue-worker', 'good', '--out', self.path('id-twin'))
        twin = RawWorker(self.workers_port, self.path('id-twin')).hello()
        self.addCleanup(twin.close)
        refused = twin.hear(REFUSED)[1]
        self.assertIn('with another certificate', refused['reason'])
        self.assertFalse(refused.get('for_good', False))
        # A real one says it, too, and goes on asking.
        real = self.start('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', self.path('id-twin'),
                          '--workspace', self.path('work-twin'))
        real.wait_for('another certificate', 1)
        self.healthy()

    def test_who_never_says_hello_is_sent_away(self):
        silent = [self.raw() for _ in range(4)]
        self.until(lambda: self.raw().is_closed(1), 'one too many to be sent away')
        for peer in silent:
            self.assertTrue(peer.is_closed())
        self.assertIn('did not say hello in time', self.log())
        self.bad()
        self.healthy()

    def test_a_clock_that_is_hours_away_and_the_worker_says_so(self):
        if not settings.clock:
            self.skipTest('without --clock')
        self.write('clock', struct.pack('<q', 7_210))
        away = self.start('worker', '--join', f'127.0.0.1:{self.workers_port}', '--identity', self.identity('late'),
                          '--workspace', self.path('work-late'), env={'LD_PRELOAD': settings.clock, 'MOVED_CLOCK': self.path('clock')})
        done = away.end()
        self.assertNotEqual(done.code, 0)
        self.assertIn('120 minutes apart', done.err)
        self.assertIn('NTP', done.err)
        self.assertIn('120 minutes apart', self.log())


class Claims(Hostile):
    def test_ends_that_are_not_its_own(self):
        hold = script(f'while [ ! -e {self.path("go")} ]; do sleep 0.02; done; echo mine', placement={'labels': {'good': True}},
                      sandbox={'write': [self.folder]})
        self.flow({'far': hold})
        run = self.begin()
        self.until(lambda: self.listed()['good']['attempts'], 'the attempt')
        peer = self.bad(attempts=[f'{run}/far/1', 'no/such/1'])
        for key in f'{run}/far/1', f'{run}/far/2', f'{run}/other/1', 'nonsense', '':
            peer.say(OUTCOME, {'key': key, 'report': success()})
            kept = peer.hear(OUTCOME_KEPT)[1]
            while kept['key'] != key:
                kept = peer.hear(OUTCOME_KEPT)[1]
            self.assertTrue(kept['fenced'])
            peer.say(PROGRESS, {'key': key, 'text': 'I was here'})
        self.write('go', '')
        self.hill('wait', run)
        peer.say(OUTCOME, {'key': f'{run}/far/1', 'report': success()})
        peer.hear(OUTCOME_KEPT)
        self.assertEqual(self.hill('result', run, 'far').out.strip(), 'mine')
        self.assertNotIn('I say so', json.dumps(self.events(run)))
        self.assertEqual([event['data']['made_by']['worker'] for event in self.events(run, 'node_completed')], ['good'])
        self.holds(run)

    def test_ends_that_no_honest_worker_tells(self):
        huge = '9' * 30
        for report, words in ((7, ''), ([], ''), ({}, ''), ({'ending': 'perhaps'}, ''), ({**success(), 'more': 1}, 'more'),
                              (success(result=None), 'without a result'),
                              ({**success(), 'ending': 'failed'}, 'without a reason'),
                              (success(usage={'input_tokens': 1 << 63, 'output_tokens': 0, 'cached_tokens': None,
                                              'reasoning_tokens': None, 'cost': 0, 'cache_write_tokens': None}), 'tokens'),
                              (success(usage={'input_tokens': 0, 'output_tokens': 0, 'cached_tokens': None,
                                              'reasoning_tokens': None, 'cost': (1 << 63) - 1, 'cache_write_tokens': None}), 'cost'),
                              (success(usage={'input_tokens': 0, 'output_tokens': 0, 'cached_tokens': None,
                                              'reasoning_tokens': None, 'cost': -1, 'cache_write_tokens': None}), 'cost')):
            self.told(report, 'failed', words)
        files = [{'path': path, 'sha256': 'a' * 64, 'bytes': size, 'executable': False} for path, size in
                 (('elsewhere', 1), ('../../escaped', 1), ('/etc/escaped', 1), ('out/../../escaped', 1), ('out/large', 1 << 50))]
        for file in files:
            self.told(success(files=[file]), 'failed', 'the worker brings a file', files_out=['out/*'])
        self.assertFalse(os.path.exists(self.path('..', 'escaped')))
        # What is only untrue is recorded as what this worker said.
        run = self.told(success(tests=[True] * 100), 'completed', '')
        self.assertEqual(self.events(run, 'node_completed')[0]['data']['made_by']['worker'], 'bad')
        self.hill('verify')
        self.healthy()

    def test_an_attempt_that_is_never_ended_ends_when_somebody_cancels_it(self):
        peer = self.bad()
        run, order = self.given(peer)
        self.hill('cancel', run, '-y')
        self.assertEqual(peer.hear(CANCEL)[1]['key'], order['key'])
        self.until(lambda: self.status(run)['status'] == 'cancelled', 'the run to end')
        peer.say(OUTCOME, {'key': order['key'], 'report': success()})
        self.healthy()
        self.assertEqual(self.events(run, 'node_completed'), [])
        self.holds(run)

    def value(self, name, size, at='/output'):
        return {'blobs': [{'at': at, 'bytes': size, 'binary': False, 'sha256': name}], 'json': {'output': None}}

    def test_a_blob_that_belongs_nowhere(self):
        for at in '', 'output', '/nowhere', '/output/deeper/~9', '/0':
            blob = b'y' * 1_000 + at.encode()
            name = hashlib.sha256(blob).hexdigest()
            peer = self.bad()
            self.flow({'far': self.placed('echo x', labels={'bad': True}), 'near': script('cat', source='{{ far.output }}')},
                      [('far', 'near')])
            run = self.begin()
            order = peer.hear(ATTEMPT)[1]
            peer.say(OUTCOME, {'key': order['key'], 'report': success(result=self.value(name, len(blob), at))})
            peer.hear(BLOB_WANT)
            peer.say(BLOB_CHUNK, {'sha256': name, 'from': 0, 'last': True, 'reason': ''}, blob)
            self.hill('wait', run, code=None)
            self.hill('result', run, 'far', code=None)
            self.assertIn(self.status(run)['status'], ('completed', 'failed'), at)
            peer.close()
        self.holds(run)
        self.healthy()

    def test_blobs_that_are_not_what_they_should_be(self):
        blob = b'y' * 100_000
        name = hashlib.sha256(blob).hexdigest()
        value = self.value(name, len(blob))
        for pieces, words in (([blob[:-1] + b'z'], 'another hash'), ([blob + b'more'], 'larger than it was said'), (None, 'cannot send')):
            peer = self.bad()
            run, order = self.given(peer)
            peer.say(OUTCOME, {'key': order['key'], 'report': success(result=value)})
            self.assertEqual(peer.hear(BLOB_WANT)[1]['sha256'], name)
            for data in pieces or []:
                peer.say(BLOB_CHUNK, {'sha256': name, 'from': 0, 'last': True, 'reason': ''}, data)
            if pieces is None:
                peer.say(BLOB_NONE, {'sha256': name, 'from': 0, 'last': False, 'reason': 'I will not'})
            self.hill('wait', run, code=None)
            self.assertIn(words, json.dumps(self.events(run, 'node_failed')))
            peer.close()
        # Wanted: what was never offered, and of it too much.
        peer = self.bad()
        self.flow({'near': script('head -c 100000 /dev/zero | tr "\\0" q')}, name='private.json')
        self.hill('run', 'private.json')
        private = hashlib.sha256(b'q' * 100_000).hexdigest()
        self.assertIn(private, json.dumps(self.events(kind='node_completed')))
        for wanted in name, private, 'a' * 64:
            peer.say(BLOB_WANT, {'sha256': wanted, 'from': 0, 'upto': 1 << 62})
            self.assertIn('not offered', peer.hear(BLOB_NONE)[1]['reason'])
        peer.say(BLOB_CHUNK, {'sha256': name, 'from': 0, 'last': False, 'reason': ''}, blob)  # nobody asked for it
        self.healthy()

    def test_a_blob_without_an_end(self):
        peer = self.bad()
        name = 'b' * 64
        run, order = self.given(peer)
        peer.say(OUTCOME, {'key': order['key'], 'report': success(result=self.value(name, 1 << 45))})
        self.hill('wait', run, code=None)
        self.assertIn('larger than any may be', json.dumps(self.events(run, 'node_failed')))
        peer.close()
        peer = self.bad()
        run, order = self.given(peer)
        peer.say(OUTCOME, {'key': order['key'], 'report': success(result=self.value(name, 8 << 20))})
        peer.hear(BLOB_WANT)
        data = b'z' * (256 << 10)
        for sent in range(0, 9 << 20, len(data)):
            peer.say(BLOB_CHUNK, {'sha256': name, 'from': sent, 'last': False, 'reason': ''}, data)
        self.hill('wait', run, code=None)
        self.assertIn('larger than it was said', json.dumps(self.events(run, 'node_failed')))
        # And one that begins, and does not go on: a person ends it.
        run, order = self.given(peer)
        peer.say(OUTCOME, {'key': order['key'], 'report': success(result=self.value('c' * 64, 8 << 20))})
        peer.hear(BLOB_WANT)
        self.hill('cancel', run, '-y')
        self.until(lambda: self.status(run)['status'] == 'cancelled', 'the run to end')
        self.healthy()


class Floods(Hostile):
    def pour(self, peer, count, kind, body, data=b'', patience=5):
        """Sends so many frames without ever reading; how many it could send. After one that it could not, nothing can be sent."""
        peer.socket.settimeout(patience)
        for i in range(count):
            try:
                peer.say(kind, body, data)
            except OSError:
                return i
        return count

    def test_one_that_asks_and_never_reads(self):
        asks = ((BEAT, {'number': 1, 'attempts': 0, 'load_percent': 0, 'memory_free_bytes': 0, 'disk_free_bytes': 0}),
                (OUTCOME, {'key': 'k' * 1_000, 'report': {}}), (BLOB_WANT, {'sha256': 'a' * 64, 'from': 0, 'upto': 1}))
        for kind, body in asks:
            peer = self.bad()
            self.assertLess(self.pour(peer, 400_000, kind, body), 400_000)
            peer.close()
            self.assertLess(self.memory(), MEMORY_MAX)
        self.assertIn('does not read what it asks for', self.log())
        self.healthy()

    def pours(self, peer, count, *frame):
        """All of them are taken, however long the host needs: it is shown now and then that this worker is alive."""
        for sent in range(0, count, 50):
            peer.say(BEAT, {'number': sent + 1, 'attempts': 0, 'load_percent': 0, 'memory_free_bytes': 0, 'disk_free_bytes': 0})
            self.assertEqual(self.pour(peer, min(50, count - sent), *frame, patience=harness.PATIENCE), min(50, count - sent))

    def test_endless_words(self):
        peer = self.bad()
        run, order = self.given(peer)
        self.pours(peer, 20_000, LOG, {'text': 'x' * 2_000 + '\n\x1b[2J'})
        self.pours(peer, 20_000, PROGRESS, {'key': order['key'], 'text': 'y' * 1_000})
        self.pours(peer, 300, PROGRESS, {'key': order['key'], 'text': 'y' * 900_000})
        self.pours(peer, 1_000, BLOB_CHUNK, {'sha256': 'a' * 64, 'from': 0, 'last': False, 'reason': ''}, b'x' * (200 << 10))
        self.healthy()
        self.assertNotIn('\x1b', self.log())
        self.assertLess(len(self.log()), 400_000)
        self.until(lambda: 'lines more' in self.log(), 'the lines that were left out to be counted')
        peer.say(OUTCOME, {'key': order['key'], 'report': success()})
        self.hill('wait', run)
        self.holds(run)

    def test_many_connections_and_many_sessions(self):
        for i in range(300):
            peer = self.raw().hello(session=f's{i}')
            peer.close()
        stop = threading.Event()

        def come_and_go():
            while not stop.is_set():
                try:
                    peer = RawWorker(self.workers_port, self.identity('bad'), timeout=3)
                    peer.say(HELLO, {'junk': 1})
                    peer.close()
                except (OSError, AssertionError):
                    pass

        threads = [threading.Thread(target=come_and_go) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            self.healthy()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertLess(self.log().count('\n'), 500)
        self.service.send(signal.SIGTERM).end(0)


if __name__ == '__main__':
    harness.main()

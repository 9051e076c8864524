#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host and two workers in network namespaces of their own: links that are cut, lose packets, come and go.

Needs root, iproute2 and nftables. Without them the tests are skipped.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import harness
from harness import is_alive, script
from workers_test import Holding

LOST_AFTER = 2
PATIENT = 15    # where nothing may be lost: longer than the machine is ever held up
GRACE = LOST_AFTER * 0.8


def run(*words, check=True):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.decode()}")
    return done.returncode == 0


def missing():
    """Why there can be no namespaces here; empty if there can be."""
    if os.geteuid() != 0:
        return 'needs root'
    for tool in 'ip', 'nft':
        if shutil.which(tool) is None:
            return f'needs {tool}'
    probe = f'hs{os.getpid()}p'
    try:
        run('ip', 'netns', 'add', probe)
        run('ip', 'netns', 'exec', probe, 'nft', 'add', 'table', 'inet', 'probe')
    except RuntimeError as error:
        return f'no network namespaces here: {error}'
    finally:
        run('ip', 'netns', 'del', probe, check=False)
    return ''


class Network(Holding):
    ADDRESSES = ('10.77.1.1', '10.77.2.1')
    LOST_AFTER = LOST_AFTER

    def setUp(self):
        why = missing()
        if why:
            self.skipTest(why)
        super().setUp()
        self.names = {name: f'hs{os.getpid()}{name}' for name in ('host', 'a', 'b')}
        for space in self.names.values():
            self.addCleanup(run, 'ip', 'netns', 'del', space, check=False)
            run('ip', 'netns', 'add', space)
            self.within(space, 'ip', 'link', 'set', 'lo', 'up')
        for number, name in (1, 'a'), (2, 'b'):
            host, worker = self.names['host'], self.names[name]
            self.within(host, 'ip', 'link', 'add', 'to-' + name, 'type', 'veth', 'peer', 'name', 'to-host', 'netns', worker)
            for space, link, last in (host, 'to-' + name, 1), (worker, 'to-host', 2):
                self.within(space, 'ip', 'addr', 'add', f'10.77.{number}.{last}/24', 'dev', link)
                self.within(space, 'ip', 'link', 'set', link, 'up')
            for words in ('table inet f', 'chain inet f in { type filter hook input priority 0; }',
                          'chain inet f out { type filter hook output priority 0; }'):
                self.within(worker, 'nft', 'add', *words.split())
        self.start_host()

    @staticmethod
    def within(space, *words, **more):
        return run('ip', 'netns', 'exec', space, *words, **more)

    def start_host(self):
        at = f"0.0.0.0:{getattr(self, 'workers_port', 0)}"
        self.service = self.host('--worker-lost-after', f'{self.LOST_AFTER}s', at=at,
                                 before=('ip', 'netns', 'exec', self.names['host']))
        return self.service

    def worker_at(self, name, *arguments):
        number = {'a': 1, 'b': 2}[name]
        return self.worker(name, *arguments, at=f'10.77.{number}.1', before=('ip', 'netns', 'exec', self.names[name]))

    # -- what happens to a link

    def drop(self, name, rule='drop', directions=('in', 'out')):
        for chain in directions:
            self.within(self.names[name], 'nft', 'add', 'rule', 'inet', 'f', chain, *rule.split())

    def heal(self, name):
        self.within(self.names[name], 'nft', 'flush', 'table', 'inet', 'f')

    def cable(self, name):
        """In place of the link: one with delay, loss and packets that overtake others."""
        number = {'a': 1, 'b': 2}[name]
        self.link(name, 'down')
        spaces = self.names['host'], self.names[name]
        device = 'cable-' + name
        program = os.path.join(os.path.dirname(__file__), 'bad_cable.py')
        cable = subprocess.Popen([sys.executable, '-B', program, device, *spaces], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        self.addCleanup(lambda: cable.poll() is None and cable.communicate(timeout=10))
        self.assertEqual(cable.stdout.readline(), b'ready\n')
        for last, space, link in (1, spaces[0], 'to-' + name), (2, spaces[1], 'to-host'):
            address = f'10.77.{number}.{last}/24'
            self.within(space, 'ip', 'addr', 'del', address, 'dev', link)
            self.within(space, 'ip', 'addr', 'add', address, 'dev', device)
            self.within(space, 'ip', 'link', 'set', device, 'up')
        return cable

    def link(self, name, state):
        self.within(self.names['host'], 'ip', 'link', 'set', 'to-' + name, state)

    # -- what must hold

    def keys(self, ledger):
        return self.read(ledger).split()

    def no_attempt_began_twice(self, ledger):
        keys = self.keys(ledger)
        self.assertEqual(len(keys), len(set(keys)), keys)


class Cuts(Network):
    def cut_for_long(self, cut, heal):
        self.worker_at('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        began = self.begin()
        pid = self.pid_of('far')
        os.unlink(self.path('far.pid'))
        before = time.monotonic()
        cut()
        # The worker gives up first, and the host after it.
        self.until(lambda: not is_alive(pid), 'the script to be stopped')
        self.assertLess(time.monotonic() - before, GRACE + LOST_AFTER)
        self.until(lambda: self.events(began, 'node_attempt_lost'), 'the attempt to be lost')
        self.worker_at('b')
        self.pid_of('far')
        heal()
        self.joined('a')
        self.go('far')
        self.hill('wait', began)
        lost = self.events(began, 'node_attempt_lost')
        self.assertEqual([(event['data']['attempt'], event['data']['made_by']['worker']) for event in lost], [(1, 'a')])
        done = [event['data'] for event in self.events(began, 'node_completed')]
        self.assertEqual([(data['attempt'], data['made_by']['worker']) for data in done], [(2, 'b')])
        self.holds(began)

    def test_packets_vanish_for_long(self):
        self.cut_for_long(lambda: self.drop('a'), lambda: self.heal('a'))

    def test_the_link_is_down_for_long(self):
        self.cut_for_long(lambda: self.link('a', 'down'), lambda: self.link('a', 'up'))

    def test_only_what_the_worker_says_vanishes(self):
        self.cut_for_long(lambda: self.drop('a', directions=('out',)), lambda: self.heal('a'))

    def test_only_what_the_host_says_vanishes(self):
        self.cut_for_long(lambda: self.drop('a', directions=('in',)), lambda: self.heal('a'))

    def test_an_effect_that_happens_once_waits_for_a_person(self):
        self.worker_at('a')
        self.worker_at('b')
        self.joined('a', 'b')
        self.flow({'far': self.hold('far', effect='once')})
        began = self.begin()
        pid = self.pid_of('far')
        name = self.listed()
        name = next(who for who in ('a', 'b') if name[who]['attempts'])
        self.drop(name)
        self.until(lambda: self.status(began)['status'] == 'paused', 'the run to ask')
        self.until(lambda: not is_alive(pid), 'the script to be stopped')
        self.heal(name)
        self.joined('a', 'b')
        self.assertEqual(len(self.attempts('far', began)), 1)
        self.go('far')
        self.hill('resume', began, '--settle', 'far=run-again', '--reason', 'looked')
        self.hill('wait', began)
        self.assertEqual([event['data']['attempt'] for event in self.events(began, 'node_completed')], [2])
        self.holds(began)


class ShortCuts(Network):
    LOST_AFTER = PATIENT

    def test_a_short_cut_loses_nothing(self):
        self.worker_at('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        began = self.begin()
        pid = self.pid_of('far')
        self.drop('a')
        self.go('far')
        self.until(lambda: not is_alive(pid), 'the script to end')
        time.sleep(0.5)
        self.heal('a')
        self.hill('wait', began)
        self.assertEqual(self.events(began, 'node_attempt_lost'), [])
        self.assertEqual(len(self.attempts('far', began)), 1)
        self.assertEqual(len(self.events(began, 'node_completed')), 1)
        self.holds(began)


class Bad(Network):
    def many(self, count=12):
        line = f'echo $HILLSTAR_ATTEMPT_KEY >> {self.path("ledger")}; head -c 90000 /dev/zero | tr "\\0" x'
        nodes = {f'n{i}': self.placed(line, sandbox={'write': [self.folder]}) for i in range(count)}
        nodes['end'] = self.placed('wc -c < data/in.bin', files_in=['data/*'])
        self.write('data/in.bin', os.urandom(1_000_000))
        self.flow(nodes, [(f'n{i}', 'end') for i in range(count)])

    def completes(self):
        done = self.run_flow()
        self.assertEqual(done.code, 0, done)
        self.assertEqual(len(self.events(kind='node_completed')), 13)
        self.no_attempt_began_twice('ledger')
        self.holds()

    def test_one_packet_in_ten_is_lost(self):
        self.worker_at('a', '--slots', '4')
        self.worker_at('b', '--slots', '4')
        self.joined('a', 'b')
        for name in 'a', 'b':
            self.drop(name, 'numgen random mod 100 < 10 drop')
        self.many()
        self.completes()

    def test_delay_loss_and_reordering(self):
        if not os.path.exists('/dev/net/tun'):
            self.skipTest('needs /dev/net/tun')
        cables = [self.cable(name) for name in ('a', 'b')]
        self.worker_at('a', '--slots', '4')
        self.worker_at('b', '--slots', '4')
        self.joined('a', 'b')
        self.many()
        self.completes()
        for cable in cables:
            seen = json.loads(cable.communicate(timeout=10)[0])
            self.assertGreater(seen['lost'], 0, seen)
            self.assertGreater(seen['overtaken'], 10, seen)

    def test_a_link_that_comes_and_goes(self):
        self.worker_at('a', '--slots', '2')
        self.joined('a')
        self.many()
        began = self.begin()
        for _ in range(6):
            self.link('a', 'down')
            time.sleep(0.4)
            self.link('a', 'up')
            time.sleep(0.5)
        self.hill('wait', began)
        self.assertEqual(self.status(began)['status'], 'completed')
        self.no_attempt_began_twice('ledger')
        self.holds(began)


class HalfOpen(Network):
    LOST_AFTER = PATIENT
    def test_the_host_is_gone_and_the_worker_did_not_see_it(self):
        self.worker_at('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        began = self.begin()
        pid = self.pid_of('far')
        self.drop('a')
        self.end_host(self.service, signal.SIGKILL).process.wait()
        self.start_host()
        self.heal('a')
        self.joined('a')
        self.assertTrue(is_alive(pid))
        self.go('far')
        self.hill('wait', began)
        self.assertEqual(self.events(began, 'node_attempt_lost'), [])
        self.assertEqual(len(self.attempts('far', began)), 1)
        self.holds(began)

    def test_the_worker_is_gone_and_the_host_did_not_see_it(self):
        first = self.worker_at('a')
        self.joined('a')
        self.flow({'far': self.hold('far')})
        began = self.begin()
        pid = self.pid_of('far')
        os.unlink(self.path('far.pid'))
        self.drop('a')
        first.send(signal.SIGKILL).process.wait()
        self.until(lambda: not is_alive(pid), 'the script to end with its worker')
        self.heal('a')
        self.worker_at('a')
        self.pid_of('far')
        self.go('far')
        self.hill('wait', began)
        self.assertEqual(len(self.events(began, 'node_attempt_lost')), 1)
        self.assertEqual([event['data']['attempt'] for event in self.events(began, 'node_completed')], [2])
        self.assertTrue(re.search('started anew|not heard of', self.service.read(1).decode()))
        self.holds(began)


if __name__ == '__main__':
    harness.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the host, of its workers, or of all, at random moments of runs whose nodes are made on the workers.

What must hold, whenever the kill comes:
  - a run that was accepted ends, once, and its history replays and verifies;
  - each node and item has one success, of an attempt that began once, on the machine that the history names;
  - an attempt that was given up has no other end later;
  - a node with the effect `once` begins again only if a person said so;
  - nothing is left on the workers: no process, no folder.
Usage: workers_kill_test.py --binary PROGRAM [--rounds N] [--seed N]
"""
import collections
import http.client
import json
import os
import random
import re
import signal
import time

import harness
from harness import script, settings
from workers_test import Workers

ROUNDS = 6
LOST_AFTER = 2
SCRIPT = ('echo "began $HILLSTAR_ATTEMPT_KEY $PWD" >> {ledger}; sleep 0.{pause}; {more}'
          'echo "ended $HILLSTAR_ATTEMPT_KEY" >> {ledger}; echo "by $HILLSTAR_ATTEMPT_KEY"')


def processes_of(run):
    """Of scripts of this run, and what they have started: pid and command."""
    mark, found = f'HILLSTAR_RUN_ID={run}'.encode(), []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/environ', 'rb') as file:
                if mark not in file.read().split(b'\0'):
                    continue
            with open(f'/proc/{pid}/cmdline', 'rb') as file:
                found.append((int(pid), file.read().replace(b'\0', b' ')[:80]))
        except OSError:
            continue
    return found


class Kills(Workers):
    def setUp(self):
        super().setUp()
        self.seed = settings.seed if settings.seed is not None else random.SystemRandom().randrange(1 << 30)
        self.dice = random.Random(self.seed)
        self.admin = self.hill('token', 'create', '--name', 'admin', '--scope', 'admin').out.strip()
        self.counts = collections.Counter()
        self.machines, self.stopped = {}, set()

    # -- the machines

    def start_host(self):
        at = f"127.0.0.1:{getattr(self, 'workers_port', 0)}"
        host = self.serve('--workers', at, '--worker-lost-after', f'{LOST_AFTER}s')
        host.wait_for('Workers join at port ', 1)
        self.workers_port = int(host.read(1).decode().split('Workers join at port ')[1].split('.')[0])
        self.machines['host'] = host

    def start_worker(self, name):
        self.machines[name] = self.worker(name, '--slots', '3')

    def kill(self, name):
        self.counts['killed ' + ('host' if name == 'host' else 'worker')] += 1
        machine = self.machines.pop(name)
        machine.send(signal.SIGKILL).process.wait()
        said = machine.read(1).decode('utf-8', 'replace')
        self.assertNotIn('terminate called', said)
        machine.close()

    def restore(self):
        for name in sorted(self.stopped):
            self.machines[name].send(signal.SIGCONT)
        self.stopped.clear()
        if 'host' not in self.machines:
            self.start_host()
        for name in 'a', 'b':
            if name not in self.machines:
                self.start_worker(name)
            self.assertIsNone(self.machines[name].process.poll(), self.machines[name].read(1))

    # -- the service

    def ask(self, method, target, body=None):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            connection.request(method, target, json.dumps(body) if body is not None else None,
                               {'Authorization': 'Bearer ' + self.admin, 'Content-Type': 'application/json'})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b'null')
        finally:
            connection.close()

    def history(self, run):
        status, events = self.ask('GET', f'/v1/runs/{run}/events?limit=1000')
        self.assertEqual(status, 200, events)
        return events

    def workflow(self):
        ledger = self.path('ledger')

        def node(effect, more='', **rest):
            line = SCRIPT.format(ledger=ledger, pause=self.dice.choice(['01', '1', '3', '6']), more=more)
            return script(line, effect=effect, placement={'labels': {}}, sandbox={'write': [self.folder]}, **rest)

        nodes = {
            'read': node('none'),
            'big': node('none', 'head -c 200000 /dev/zero | tr "\\0" x; '),
            'each': {**node('repeatable'), 'for_each': '["x","y","z"]', 'parallel': 3},
            'send': node('once'),
            'twice': node('repeatable', 'mkdir -p out; echo file > out/$HILLSTAR_RUN_ID.txt; ', files_out=['out/*']),
            'pay': node('once', source='{{ big.output }}'),
            'all': node('none', source='{{ pay.output }} {{ each.output }} {{ twice.output }}'),
        }
        edges = [('read', 'send'), ('read', 'twice'), ('read', 'each'), ('big', 'pay'), ('pay', 'all'), ('each', 'all'),
                 ('twice', 'all'), ('send', 'all')]
        return {'id': 'kills', 'graph': {'nodes': nodes, 'edges': [{'from': a, 'to': b} for a, b in edges]}}

    def accept(self):
        """The id of a run that the host has taken, or None: then nobody was told anything."""
        try:
            status, answer = self.ask('POST', '/v1/runs', {'workflow': self.workflow()})
        except (OSError, http.client.HTTPException):
            self.counts['starts without an answer'] += 1
            return None
        self.assertEqual(status, 202, answer)
        return answer['run']

    # -- what happens

    def disturb(self):
        what = self.dice.choice(['host', 'a', 'b', 'a b', 'host a', 'host a b', 'stop a', 'stop b', 'host twice', 'nothing'])
        time.sleep(self.dice.random() * 1.5)
        away = self.dice.choice([0, 0.2, 1, LOST_AFTER + 1])
        if what.startswith('stop'):
            name = what[-1]
            self.counts['stopped worker'] += 1
            self.machines[name].send(signal.SIGSTOP)
            self.stopped.add(name)
        elif what == 'host twice':
            self.kill('host')
            self.start_host()
            time.sleep(self.dice.random() * 0.3)
            self.kill('host')
        elif what != 'nothing':
            for name in what.split():
                self.kill(name)
        time.sleep(away)
        self.restore()
        return f'{what}, away for {away} s'

    def settle(self, run):
        """Until the run has ended; where it asks about an effect, a person says `run again`."""
        end = time.monotonic() + harness.PATIENCE
        while time.monotonic() < end:
            status, row = self.ask('GET', '/v1/runs/' + run)
            self.assertEqual(status, 200, row)
            if row['status'] in ('completed', 'failed', 'cancelled'):
                return row
            if row['status'] == 'paused':
                for node in 'send', 'pay':
                    if self.ask('POST', f'/v1/runs/{run}/settle', {'node': node, 'outcome': 'run_again'})[0] < 300:
                        self.counts['settled'] += 1
                        self.settled[run, node] += 1
                self.ask('POST', f'/v1/runs/{run}/resume', {})
            time.sleep(0.05)
        self.fail(f'run {run} does not end: {row} {self.history(run)[-5:]}')

    def ledger(self):
        began, where = collections.Counter(), {}
        if os.path.exists(self.path('ledger')):
            for line in self.read('ledger').splitlines():
                word, key, *rest = line.split(' ')
                if word == 'began':
                    began[key] += 1
                    where[key] = re.search(r'/work-(\w+)/', rest[0] + '/').group(1)
        return began, where

    def examine(self, run, row):
        events = self.history(run)
        began, where = self.ledger()
        self.assertEqual(row['status'], 'completed', events)
        self.assertEqual([event['type'] for event in events if re.fullmatch('run_(completed|failed|cancelled)', event['type'])],
                         ['run_completed'])
        self.assertEqual([event['seq'] for event in events], list(range(1, len(events) + 1)))
        ends, lost, successes = collections.Counter(), set(), collections.Counter()
        for event in events:
            data = event['data']
            if event['type'] not in ('node_completed', 'node_attempt_lost', 'node_attempt_failed', 'node_failed'):
                continue
            unit = data['node'] + (f"[{data['item']}]" if data.get('item') is not None else '')
            key = f"{run}/{unit}/{data['attempt']}"
            if event['type'] == 'node_attempt_lost':
                self.counts['lost'] += 1
                lost.add(key)
                continue
            ends[key] += 1
            self.assertNotIn(key, lost, 'an attempt that was given up ended')
            if event['type'] == 'node_completed' and 'made_by' in data:
                successes[unit] += 1
                self.assertEqual(began[key], 1, key)
                self.assertEqual(where[key], data['made_by']['worker'], key)
        self.assertEqual(dict(successes), {name: 1 for name in ('read', 'big', 'each[0]', 'each[1]', 'each[2]', 'send',
                                                                'twice', 'pay', 'all')})
        self.assertEqual([key for key, count in ends.items() if count != 1], [])
        for key, count in began.items():
            self.assertEqual(count, 1, f'{key} began more than once')
        for node in 'send', 'pay':
            tries = sum(count for key, count in began.items() if key.startswith(f'{run}/{node}/'))
            self.assertLessEqual(tries, 1 + self.settled[run, node], f'{node} ran again, and nobody said so')
        self.counts['attempts'] += sum(count for key, count in began.items() if key.startswith(run))

    def nothing_is_left(self, run):
        self.until(lambda: not processes_of(run), f'the end of {processes_of(run)}')
        for name in 'a', 'b':
            folder = self.path('work-' + name, 'attempts')
            self.until(lambda: not os.path.exists(folder) or not os.listdir(folder), f'{folder} to be empty')

    def test_kills_at_random_moments(self):
        rounds = settings.rounds or ROUNDS
        print(f'seed {self.seed}, {rounds} rounds', flush=True)
        self.settled = collections.Counter()
        self.start_host()
        self.start_worker('a')
        self.start_worker('b')
        for number in range(rounds):
            with self.subTest(round=number, seed=self.seed):
                before = time.monotonic()
                run = self.accept()
                what = self.disturb()
                if run is None:
                    continue
                row = self.settle(run)
                self.examine(run, row)
                self.nothing_is_left(run)
                self.counts['runs'] += 1
                if rounds > ROUNDS:
                    print(f'{number}: {what}; {time.monotonic() - before:.1f} s', flush=True)
        self.hill('verify')
        for row in self.runs()[:20]:
            self.hill('replay', row['run'])
        for name in 'a', 'b':
            self.machines[name].send(signal.SIGTERM).end(0)
        self.machines['host'].send(signal.SIGTERM).end(0)
        self.assertEqual(os.listdir(self.path('.hillstar/store/blobs/tmp')), [])
        print(', '.join(f'{count} {what}' for what, count in sorted(self.counts.items())))


if __name__ == '__main__':
    harness.main()

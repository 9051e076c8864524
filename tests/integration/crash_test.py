#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the program with SIGKILL at random moments of a mixed workflow, resumes it, and checks from outside.

What must hold, whenever the kill comes:
  - every event that was shown before the kill is in the history afterwards, unchanged;
  - no unit that completed is ever scheduled again;
  - every script that started was scheduled durably before (write before effect);
  - the outputs are those of an undisturbed run, and the history replays and verifies.
Usage: crash_test.py --binary PROGRAM [--kills N] [--seed N]
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

STEP = './step.sh'
STEP_TEXT = """#!/bin/sh
# Appends to the ledger when it starts and when it is done, and echoes its input in capitals.
echo "start $HILLSTAR_ATTEMPT_KEY" >> ledger
sleep 0.0$(( $(printf '%s' "$HILLSTAR_NODE_ID" | cksum | cut -c1-2) % 9 ))
tr a-z A-Z
echo "done $HILLSTAR_ATTEMPT_KEY" >> ledger
"""
REVIEW_TEXT = """#!/bin/sh
# Signs off on the third attempt of the loop.
echo "start $HILLSTAR_ATTEMPT_KEY" >> ledger
case "$HILLSTAR_NODE_ID" in *@3) echo "sign-off";; *) echo "not yet";; esac
echo "done $HILLSTAR_ATTEMPT_KEY" >> ledger
"""


def script(text, source=None, path=STEP):
    node = {'tool': 'script_run', 'parameters': {'script': path}}
    if source is not None:
        node['input'] = text
    return node


def workflow():
    """A chain, a fan-out, a loop, a map, files and scripts; every path ends in `report`."""
    nodes = {
        'read': {'tool': 'file_read', 'parameters': {'path': 'in.txt'}},
        'chain1': script('{{ read.output }}', True),
        'chain2': script('two {{ chain1.output }}', True),
        'each': {**script('item {{ item }}', True), 'for_each': '{{ read.output }}', 'parallel': 3},
        'draft': script('{{ chain2.output }} {{ prev.review.output }}', True),
        'review': script('{{ draft.output }}', True, './review.sh'),
        'report': {'tool': 'file_write', 'parameters': {'path': 'out/report.txt'},
                   'input': '{{ review.output }}{{ each.output }}{{ join.output }}'},
        'join': script('', True),
    }
    edges = [('read', 'chain1'), ('chain1', 'chain2'), ('chain2', 'draft'), ('draft', 'review'), ('read', 'each'),
             ('each', 'report'), ('review', 'report'), ('join', 'report')]
    wide = [f'fan{i}' for i in range(6)]
    for name in wide:
        nodes[name] = script('{{ chain1.output }}' + name, True)
        edges += [('chain1', name), (name, 'join')]
    nodes['join']['input'] = ' '.join('{{ %s.output }}' % name for name in wide)
    return {'id': 'mixed', 'max_concurrency': 4,
            'graph': {'nodes': nodes, 'edges': [{'from': a, 'to': b} for a, b in edges],
                      'loops': [{'id': 'fix', 'body': ['draft', 'review'], 'max_attempts': 4,
                                 'until': {'node': 'review', 'contains': 'sign-off'}}]},
            'state': {'checkpoints': ['join']}}


# A node that loses this many attempts fails (kLostMax in runtime/run/run.hpp): all kills of a run may hit the same one.
LOST_MAX = 5

class Round:
    """One run in a folder of its own, driven to its end through any number of kills."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.acknowledged = {}      # line -> None, in order
        self.kills = 0
        os.makedirs(folder)
        for name, text in (('step.sh', STEP_TEXT), ('review.sh', REVIEW_TEXT)):
            with open(os.path.join(folder, name), 'w') as file:
                file.write(text)
            os.chmod(file.name, 0o755)
        with open(os.path.join(folder, 'in.txt'), 'w') as file:
            file.write('alpha\nbeta\ngamma\ndelta\nepsilon\n')
        with open(os.path.join(folder, 'flow.json'), 'w') as file:
            json.dump(workflow(), file)

    def call(self, *arguments, kill_after=None):
        """Runs the program; returns (exit code or None if killed, stdout, stderr)."""
        process = subprocess.Popen([self.binary, *arguments], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        try:
            out, err = process.communicate(timeout=kill_after if kill_after is not None else 60)
            return process.returncode, out.decode(), err.decode()
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            out, err = process.communicate()
            if kill_after is None:
                raise AssertionError('no end within 60 s: ' + ' '.join(arguments) + '\n' + err.decode())
            self.kills += 1
            return None, out.decode(), err.decode()

    def acknowledge(self, out):
        # A line without its newline was not shown in whole.
        for line in out.split('\n')[:-1]:
            if line.startswith('{"at"'):
                self.acknowledged[line] = None

    def drive(self, delays):
        """Starts the run and resumes it until it ends; `delays` holds seconds until each kill."""
        started = False
        for delay in [*delays, None]:
            command = ['resume', 'latest'] if started else ['run', 'flow.json']
            code, out, err = self.call(*command, '-o', 'jsonl', kill_after=delay)
            self.acknowledge(out)
            if code is not None and code != 0:
                if b'already' in err.encode() or 'has ended' in err or 'is completed' in err:
                    return
                raise AssertionError(f'{command} ended with {code}: {err}')
            started = started or self.has_run()
            if code == 0:
                return

    def has_run(self):
        code, out, err = self.call('ls', '-o', 'jsonl')
        return code == 0 and '"run"' in out

    def history(self):
        code, out, err = self.call('events', 'latest', '-o', 'jsonl')
        assert code == 0, f'events ended with {code}: {err}'
        return [line for line in out.split('\n') if line]

    def check(self, undisturbed):
        lines = self.history()
        known = set(lines)
        for line in self.acknowledged:
            assert line in known, 'an event that was shown is gone: ' + line
        completed, scheduled = set(), set()
        for line in lines:
            event = json.loads(line)
            unit = (event['data'].get('node'), event['data'].get('item'))
            if event['type'] == 'node_completed':
                assert unit not in completed, f'{unit} completed twice'
                completed.add(unit)
            elif event['type'] == 'node_scheduled':
                assert unit not in completed, f'{unit} was scheduled after it had completed'
                scheduled.add((*unit, event['data']['attempt']))
        assert json.loads(lines[-1])['type'] == 'run_completed', lines[-1]
        with open(os.path.join(self.folder, 'ledger')) as file:
            starts = [line.split()[1] for line in file if line.startswith('start ')]
        assert len(starts) == len(set(starts)), 'one attempt started twice'
        assert len(starts) <= len(scheduled), 'a script started that was not scheduled'
        for command in (['replay', 'latest'], ['verify', 'latest']):
            code, out, err = self.call(*command)
            assert code == 0, f'{command} ended with {code}: {out}{err}'
        assert self.outputs() == undisturbed or undisturbed is None, 'the outputs differ from an undisturbed run'

    def outputs(self):
        with open(os.path.join(self.folder, 'out/report.txt')) as file:
            return file.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--binary', required=True)
    parser.add_argument('--kills', type=int, default=300)
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 32))
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    print(f'seed {arguments.seed}')
    work = tempfile.mkdtemp(prefix='hillstar-crash-')
    kills = rounds = acknowledged = 0
    try:
        calm = Round(arguments.binary, os.path.join(work, 'calm'))
        begin = time.monotonic()
        calm.drive([])
        length = time.monotonic() - begin
        calm.check(None)
        undisturbed = calm.outputs()
        while kills < arguments.kills:
            folder = os.path.join(work, f'round{rounds}')
            torn = Round(arguments.binary, folder)
            # Mostly somewhere in the run; sometimes in the opening of the store or the recovery.
            torn.drive([dice.uniform(0, 0.05 if dice.random() < 0.3 else length)
                        for _ in range(dice.randint(1, LOST_MAX - 1))])
            try:
                torn.check(undisturbed)
            except AssertionError as broken:
                print(f'round {rounds}, kept in {folder}: {broken}', file=sys.stderr)
                work = None
                print('0 passed, 1 failed')
                return 1
            kills += torn.kills
            acknowledged += len(torn.acknowledged)
            rounds += 1
            shutil.rmtree(folder)
        print(f'{kills} kills in {rounds} runs, {acknowledged} events shown before a kill: none lost, none repeated')
        return 0
    finally:
        if work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())

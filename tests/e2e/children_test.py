#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workflows that run other workflows: nested, over lists, stopped, paused, paid for, killed at any moment.

Usage: children_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

from harness import EndToEnd, main, script, settings

WAIT = 'echo here >> ran; for i in $(seq 3000); do [ -e go ] && exit 0; sleep 0.02; done; exit 1'


def runs(file, given=None, **more):
    node = {'tool': 'workflow_run', 'parameters': {'workflow': file}, **more}
    if given is not None:
        node['input'] = given
    return node


class Children(EndToEnd):
    def parts(self, run='latest'):
        return self.hill('ls', '--part-of', run, '-o', 'json').json

    def child(self, nodes, edges=(), name='sub.json', **top):
        top.setdefault('inputs', {})
        graph = {'nodes': nodes, 'edges': [{'from': a, 'to': b} for a, b in edges]}
        self.write(name, json.dumps({'id': os.path.splitext(os.path.basename(name))[0], 'graph': graph, **top}))

    def top(self):
        """The run that is a part of none."""
        return next(row['run'] for row in self.runs() if 'above' not in row)

    def test_a_run_gets_inputs_and_gives_its_result(self):
        self.child({'say': script('tr a-z A-Z', '{{ inputs.word }} {{ inputs.times }}')},
                   inputs={'word': {'type': 'string'}, 'times': {'type': 'integer', 'default': 2}})
        self.flow({'first': script('printf hello'),
                   'sub': runs('sub.json', {'word': '{{ first.output }}', 'times': 3}),
                   'last': script('cat', '{{ sub.output }}, {{ sub.status }}, {{ sub.outputs.say.return_code }}')})
        self.assertEqual(self.hill('run', 'flow.json').out.strip(), 'HELLO 3, completed, 0')
        top = self.top()
        parts = self.parts(top)
        self.assertEqual([(row['workflow'], row['status'], row['above']['run']) for row in parts],
                         [('sub', 'completed', top)])
        shown = self.status(top)
        self.assertEqual(shown['parts'], [{'run': parts[0]['run'], 'node': 'sub', 'workflow': 'sub',
                                           'status': 'completed'}])
        self.assertIn(parts[0]['run'], self.hill('show', top).out)
        self.assertIn('Part of', self.hill('show', parts[0]['run']).out)
        result = json.loads(self.hill('result', top, 'sub', '-o', 'json').out)
        self.assertEqual(result['run'], parts[0]['run'])
        started = self.events(parts[0]['run'], 'run_started')[0]['data']
        self.assertEqual(started['trigger']['kind'], 'workflow')
        self.assertEqual(started['trigger']['depth'], 1)
        scheduled = self.attempts('sub', top)[0]
        self.assertEqual(started['trigger']['cause'], {'run': top, 'seq': scheduled['seq']})
        self.holds(top)
        self.holds(parts[0]['run'])
        self.hill('replay', top, '--offline')
        self.hill('replay', '--all')

    def test_three_deep_and_from_other_folders(self):
        self.child({'leaf': script('printf leaf')}, name='lib/c.json')
        self.child({'inner': runs('../lib/c.json'), 'say': script('cat', 'b({{ inner.output }})')}, name='mid/b.json')
        self.child({'inner': runs('mid/b.json'), 'say': script('cat', 'a({{ inner.output }})')}, name='a.json')
        self.flow({'inner': runs('./a.json'), 'say': script('cat', 'top({{ inner.output }})')})
        self.assertEqual(self.hill('run', 'flow.json').out.strip(), 'top(a(b(leaf)))')
        rows = {row['workflow']: row for row in self.runs()}
        self.assertEqual(rows['c']['above']['run'], rows['b']['run'])
        self.assertEqual(rows['b']['above']['run'], rows['a']['run'])
        self.assertEqual(rows['a']['above']['run'], rows['flow']['run'])
        depths = [self.events(rows[name]['run'], 'run_started')[0]['data']['trigger']['depth'] for name in 'abc']
        self.assertEqual(depths, [1, 2, 3])
        self.hill('verify')

    def test_each_item_has_its_own_run(self):
        self.child({'say': script('cat', 'item {{ inputs.item }}')}, inputs={'item': {}})
        self.flow({'list': script('seq 7'),
                   'each': runs('sub.json', {'item': '{{ item }}'}, for_each='{{ list.output }}', parallel=3),
                   'all': script('cat', '{{ each.output }}')})
        out = self.hill('run', 'flow.json').out
        self.assertEqual(json.loads(out), [f'item {i}' for i in range(1, 8)])
        parts = self.parts(self.top())
        self.assertEqual(len({row['run'] for row in parts}), 7)
        self.assertEqual({part['node'] for part in self.status(self.top())['parts']}, {f'each[{i}]' for i in range(7)})

    def test_more_runs_wait_than_nodes_may_run(self):
        """Nodes that wait for runs take no turn: a width of one does not stop a tree of runs."""
        self.child({'leaf': script('printf x')}, name='c.json', max_concurrency=1)
        self.child({'x': runs('c.json'), 'y': runs('c.json')}, name='sub.json', max_concurrency=1)
        self.flow({str(i): runs('sub.json') for i in range(4)}, max_concurrency=1)
        self.hill('run', 'flow.json')
        self.assertEqual(len(self.hill('ls', '--limit', '100', '-o', 'json').json), 1 + 4 + 8)

    def test_what_fails_inside_fails_outside_and_is_tried_again(self):
        self.child({'try': script('n=$(cat count 2>/dev/null || echo 0); echo $((n+1)) > count; [ $n -ge 1 ]')})
        self.flow({'sub': runs('sub.json', retry={'attempts': 2, 'backoff': 0})})
        self.hill('run', 'flow.json')
        top = self.top()
        self.assertEqual(sorted(row['status'] for row in self.parts(top)), ['completed', 'failed'])
        failed = self.events(top, 'node_attempt_failed')[0]['data']
        self.assertEqual(failed['failure']['kind'], 'child_failed')
        self.assertIn("failed at 'try' (exit_code)", failed['failure']['message'])

        self.child({'bad': script('echo broken >&2; exit 3')})
        self.flow({'sub': runs('sub.json'), 'go_on': script('cat', '{{ sub.error }}')})
        self.hill('run', 'flow.json', code=1)
        self.assertIn("failed at 'bad'", self.hill('why').out)
        self.flow({'sub': runs('sub.json', on_error='continue'), 'go_on': script('cat', '{{ sub.error }}')})
        self.assertIn("failed at 'bad' (exit_code)", self.hill('run', 'flow.json').out)

    def test_a_file_that_changes_changes_no_run(self):
        self.child({'say': script('printf old')})
        self.flow({'wait': script(WAIT), 'sub': runs('sub.json')}, [('wait', 'sub')])
        running = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        self.child({'say': script('printf new')})
        self.write('go', '')
        self.assertIn('old', running.end(0).out)

    # -- files that are wrong ---------------------------------------------------------------------------

    def test_bad_files_are_told_with_their_place(self):
        def errors(code='flow.json'):
            done = self.hill('validate', 'flow.json', '-o', 'json', code=3)
            return [(one['file'], one['pointer'], one['message']) for one in done.json['diagnostics']
                    if one['severity'] == 'error']

        self.flow({'sub': runs('none.json')})
        self.assertEqual(errors()[0][:2], ('flow.json', '/graph/nodes/sub/parameters/workflow'))
        self.flow({'sub': runs('/etc/passwd')})
        self.assertIn('from the folder', errors()[0][2])
        self.flow({'sub': runs('flow.json')})
        self.assertIn('flow.json -> flow.json', errors()[0][2])
        self.child({'x': runs('../flow.json')}, name='in/sub.json')
        self.flow({'sub': runs('in/sub.json')})
        self.assertEqual(errors()[0][0], 'in/sub.json')
        self.assertIn('flow.json -> in/sub.json -> flow.json', errors()[0][2])
        self.write('sub.json', '{"id": "sub", "graph": {"nodes": {"a": {"tool": "scrpt_run"}}, "edges": []}}')
        self.flow({'sub': runs('sub.json')})
        self.assertEqual(errors()[0][:2], ('sub.json', '/graph/nodes/a/tool'))
        self.write('sub.json', '{"id": ')
        self.assertEqual(errors()[0][0], 'sub.json')
        self.flow({'sub': {'tool': 'workflow_run', 'parameters': {}}})
        self.assertIn("'workflow' is missing", errors()[0][2])
        self.flow({'sub': runs('sub.json', 'text')})
        self.assertIn('object', errors()[0][2])

    def test_inputs_are_checked_before_anything_runs(self):
        self.child({'say': script('cat', '{{ inputs.word }}')},
                   inputs={'word': {'type': 'string'}, 'count': {'type': 'integer', 'default': 1}})
        for given, place, word in (({}, '/graph/nodes/sub/input', "'word' is missing"),
                                   (None, '/graph/nodes/sub', "'word' is missing"),
                                   ({'word': 'a', 'wrod': 'b'}, '/graph/nodes/sub/input/wrod', "no input 'wrod'"),
                                   ({'word': 'a', 'count': [1]}, '/graph/nodes/sub/input/count', 'expected integer'),
                                   ({'word': 3}, '/graph/nodes/sub/input/word', 'expected string')):
            self.flow({'sub': runs('sub.json', given)})
            done = self.hill('validate', 'flow.json', '-o', 'json', code=3)
            found = done.json['diagnostics'][0]
            self.assertEqual(found['pointer'], place, done)
            self.assertIn(word, found['message'])
        self.flow({'n': script('echo many'), 'sub': runs('sub.json', {'word': 'a', 'count': '{{ n.output }}'})})
        self.hill('validate', 'flow.json')
        self.hill('run', 'flow.json', code=1)
        failed = self.events(self.top(), 'node_attempt_failed')[0]['data']['failure']
        self.assertEqual(failed['kind'], 'invalid_input')
        self.assertEqual(self.parts(self.top()), [])

    def test_too_deep(self):
        self.child({'leaf': script('printf leaf')}, name='c0.json')
        for i in range(1, 9):
            self.child({'in': runs(f'c{i - 1}.json')}, name=f'c{i}.json')
        self.flow({'in': runs('c7.json')})
        self.assertIn('leaf', self.hill('run', 'flow.json').out)
        self.assertEqual(len(self.runs()), 9)
        self.flow({'in': runs('c8.json')})
        self.assertIn('more than 8 deep', self.hill('validate', 'flow.json', code=3).err)

    # -- stop, pause, time ------------------------------------------------------------------------------

    def waiting(self, depth=1):
        """A tree of runs whose innermost script waits for a file."""
        self.child({'wait': script(WAIT), 'after': script('printf done', 'x')}, [('wait', 'after')], name='c0.json')
        for i in range(1, depth):
            self.child({'in': runs(f'c{i - 1}.json')}, name=f'c{i}.json')
        self.flow({'sub': runs(f'c{depth - 1}.json'), 'last': script('cat', '{{ sub.output }}')})
        running = self.start('run', 'flow.json')
        self.until(lambda: os.path.exists(self.path('ran')), 'the script to wait')
        return running

    def statuses(self):
        listed = self.hill('ls', '-o', 'json', code=None)
        return {row['workflow']: row['status'] for row in listed.json} if listed.code == 0 else {}

    def test_cancel_flows_down(self):
        running = self.waiting(3)
        self.hill('cancel', self.top())
        running.end()
        self.assertEqual(self.statuses(), {'flow': 'cancelled', 'c2': 'cancelled', 'c1': 'cancelled', 'c0': 'cancelled'})
        ends = {row['workflow']: row['updated_at'] for row in self.runs()}
        self.assertLessEqual(ends['c0'], ends['c1'])
        self.assertLessEqual(ends['c1'], ends['c2'])
        self.assertLessEqual(ends['c2'], ends['flow'])
        self.holds(self.top())

    def test_who_cancels_a_part_fails_the_node(self):
        running = self.waiting(1)
        self.hill('cancel', self.parts(self.top())[0]['run'], '--reason', 'not that one')
        running.end(1)
        failed = self.events(self.top(), 'node_attempt_failed')[0]['data']['failure']
        self.assertEqual(failed['kind'], 'rejected')
        self.assertIn('not that one', failed['message'])

    def test_pause_now_and_resume(self):
        running = self.waiting(2)
        top = self.top()
        self.hill('pause', '--now', top)
        self.until(lambda: set(self.statuses().values()) == {'paused'}, 'all to be paused')
        running.end()
        self.write('go', '')
        self.assertIn('done', self.hill('resume', top).out)
        self.assertEqual(set(self.statuses().values()), {'completed'})
        self.assertEqual(len(self.runs()), 3)
        self.holds(top)

    def test_pause_lets_nothing_new_start_inside(self):
        running = self.waiting(2)
        top = self.top()
        self.hill('pause', top)
        self.until(lambda: set(self.statuses().values()) == {'paused'}, 'all to be paused')
        self.write('go', '')
        inner = next(row['run'] for row in self.runs() if row['workflow'] == 'c0')
        self.until(lambda: self.node('wait', inner)['status'] == 'completed', 'the script to end')
        self.assertEqual(self.attempts('after', inner), [])
        resumed = self.start('resume', top)
        resumed.end(0)
        running.end()
        self.assertEqual(set(self.statuses().values()), {'completed'})

    def test_cancel_of_a_run_that_stands_still(self):
        running = self.waiting(2)
        top = self.top()
        self.hill('pause', '--now', top)
        running.end()
        self.hill('cancel', top)
        self.assertEqual(self.status(top)['status'], 'cancelled')
        # A part that nobody could tell any more goes on in no way but this.
        for name in ('c1', 'c0'):
            part = next(row for row in self.runs() if row['workflow'] == name)
            if part['status'] == 'paused':
                self.hill('resume', part['run'], code=None)
        self.assertEqual(set(self.statuses().values()), {'cancelled'})

    def test_time_is_over(self):
        self.child({'wait': script(WAIT)})
        self.flow({'sub': runs('sub.json', timeout=3)})
        self.hill('run', 'flow.json', code=124)
        self.assertEqual(self.statuses(), {'flow': 'failed', 'sub': 'timed_out'})
        self.assertEqual(self.events(self.top(), 'node_attempt_failed')[0]['data']['failure']['kind'], 'timeout')
        os.remove(self.path('ran'))
        self.flow({'sub': runs('sub.json', timeout={'schedule_to_close': 0.5})})
        self.hill('run', 'flow.json', code=124)
        self.assertIn(self.runs()[0]['status'], ('timed_out', 'cancelled', 'failed'))

    def test_who_waits_for_a_person_is_named(self):
        self.child({'ask': {'tool': 'input', 'parameters': {'prompt': 'Which one?'}}})
        self.flow({'sub': runs('sub.json'), 'last': script('cat', '{{ sub.output }}')})
        running = self.start('run', 'flow.json')
        self.until(lambda: self.statuses().get('sub') == 'waiting', 'the question')
        part = self.parts(self.top())[0]['run']
        why = self.hill('why', self.top()).out
        self.assertIn(part, why)
        self.assertIn('Which one?', why)
        self.hill('input', part, 'ask', '"blue"')
        self.assertEqual(running.end(0).out.strip(), 'blue')

    # -- money ------------------------------------------------------------------------------------------

    def money(self):
        server = subprocess.Popen([settings.server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (server.kill(), server.communicate()))
        address = 'http://127.0.0.1:' + server.stdout.readline().strip()
        prices = {'pricing': {'input_per_1m_usd': 1000, 'output_per_1m_usd': 2000}}
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {
            'lab': {'type': 'local', 'adapter': 'openai_compatible', 'endpoint': address, 'models': {'tiny': prices}}}}))
        return {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'one',
                'parameters': {'max_tokens': 50}}

    def test_money_flows_up_once(self):
        call = self.money()
        self.child({'ask': call})
        self.flow({'ask': call, 'sub': runs('sub.json'), 'two': runs('sub.json')})
        self.hill('run', 'flow.json')
        rows = {row['run']: row for row in self.runs()}
        top = self.top()
        cost = {run: row['cost'] for run, row in rows.items()}
        inside = sum(value for run, value in cost.items() if run != top)
        self.assertEqual(cost[top] - inside, inside // 2)
        self.assertEqual(rows[top]['below_cost'], inside)
        stats = self.hill('stats', '-o', 'json').json
        self.assertEqual(stats['cost'], cost[top])
        self.hill('verify')

    def test_a_budget_holds_inside(self):
        call = self.money()
        self.child({'ask': call})
        # One call may cost 0.632 USD.
        self.flow({'sub': runs('sub.json')}, model_config={'budget': {'max_workflow_usd': 0.6}})
        self.hill('run', 'flow.json', code=None)
        self.assertEqual(self.status(self.top())['status'], 'failed')
        part = self.parts(self.top())[0]['run']
        self.assertEqual(len(self.events(part, 'budget_exhausted')), 1)
        self.assertEqual(self.events(part, 'run_started')[0]['data']['budget'], 600_000)
        # Two at a time would be too much: one after the other they fit.
        self.flow({'a': runs('sub.json'), 'b': runs('sub.json'), 'c': runs('sub.json')},
                  model_config={'budget': {'max_workflow_usd': 0.7}})
        self.hill('run', 'flow.json')
        self.assertLessEqual(self.status(self.top())['cost'], 700_000)

    # -- death ------------------------------------------------------------------------------------------

    def test_killed_at_any_moment_each_part_is_run_once(self):
        seed = int(os.environ.get('SEED', random.randrange(1 << 30)))
        print('SEED', seed, flush=True)
        dice = random.Random(seed)
        self.flow({'first': script('true')})
        self.hill('run', 'flow.json')  # the store is there
        self.child({'leaf': script('echo "$HILLSTAR_RUN_ID" >> leaves; sleep 0.0$((RANDOM % 5)); printf x',
                                   'a', effect='repeatable')}, name='c.json')
        self.child({'in': runs('c.json'), 'say': script('cat', '{{ in.output }}')}, name='sub.json')
        for _ in range(24):
            self.flow({'list': script('seq 3'),
                       'each': runs('sub.json', for_each='{{ list.output }}'),
                       'all': script('cat', '{{ each.output }}')})
            before = {row['run'] for row in self.hill('ls', '--limit', '10000', '-o', 'json').json}
            running = self.start('run', 'flow.json')
            top = None
            for _ in range(dice.randrange(1, 4)):
                time.sleep(dice.random() * 0.35)
                running.process.send_signal(signal.SIGKILL)
                running.process.wait()
                rows = [row for row in self.hill('ls', '--limit', '10000', '-o', 'json').json
                        if row['run'] not in before and 'above' not in row]
                if not rows:
                    break
                top = rows[0]['run']
                if rows[0]['status'] == 'completed':
                    break
                running = self.start('resume', top)
            running.end()
            if top is None:
                continue
            if self.status(top)['status'] != 'completed':
                self.hill('resume', top)
            self.assertEqual(self.hill('result', top).out.strip(), '["x","x","x"]')
            new = [row for row in self.hill('ls', '--limit', '10000', '-o', 'json').json if row['run'] not in before]
            self.assertEqual(len(new), 1 + 3 + 3, new)
            self.assertEqual({row['status'] for row in new}, {'completed'})
            self.assertEqual(len(self.parts(top)), 3)
        self.hill('verify')

    # -- afterwards -------------------------------------------------------------------------------------

    def test_fork_keeps_what_is_taken_over(self):
        self.child({'say': script('printf x')})
        self.flow({'sub': runs('sub.json'), 'last': script('cat', '{{ sub.output }}')})
        self.hill('run', 'flow.json')
        top = self.top()
        part = self.parts(top)[0]['run']
        self.hill('fork', top, '--from', 'last')
        fork = next(row['run'] for row in self.runs() if row.get('parent', {}).get('run') == top)
        self.assertEqual(json.loads(self.hill('result', fork, 'sub', '-o', 'json').out)['run'], part)
        self.assertEqual(self.parts(fork), [])
        self.hill('fork', top, '--from', 'sub')
        again = next(row['run'] for row in self.runs()
                     if row.get('parent', {}).get('run') == top and row['run'] != fork)
        self.assertEqual(len(self.parts(again)), 1)
        self.assertNotEqual(self.parts(again)[0]['run'], part)


if __name__ == '__main__':
    sys.exit(main())

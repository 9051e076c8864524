#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plan looks ahead: where nodes are placed, and what the workflows cost that they run."""
import json

import harness
from harness import ACCEPTED, EndToEnd, script


class Plan(EndToEnd):
    def test_placement_is_shown(self):
        self.flow({'a': script('echo a'), 'b': script('echo b', placement={'labels': {'gpu': True, 'site': 'two'}, 'prefer': {'fast': True}})})
        shown = self.hill('plan', 'flow.json').out
        self.assertIn('Placed: b at a worker with gpu, site=two, rather with fast', shown)
        self.assertNotIn('Placed: a', shown)
        nodes = {node['node']: node for node in self.hill('plan', 'flow.json', '-o', 'json').json['nodes']}
        self.assertEqual(nodes['b']['placement']['labels'], {'gpu': '', 'site': 'two'})
        self.assertNotIn('placement', nodes['a'])

    def test_workflows_that_nodes_run_count(self):
        self.write('low.json', json.dumps({'id': 'low', 'inputs': {}, 'graph': {'nodes': {'x': script('echo x')}, 'edges': []}}))
        self.write('sub.json', json.dumps({'id': 'sub', 'inputs': {}, 'graph': {'nodes': {
            'ask': {'tool': 'model_call', 'provider': 'anthropic', 'model': 'claude-sonnet-4-6', 'input': 'Say yes.',
                    'parameters': {'max_tokens': 100}},
            'deeper': {'tool': 'workflow_run', 'parameters': {'workflow': 'low.json'}}}, 'edges': []}, 'provider_config': ACCEPTED}))
        self.flow({'one': script('echo a'), 'part': {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}}}, provider_config=ACCEPTED)
        plan = self.hill('plan', 'flow.json', '-o', 'json', code=None).json
        child = plan['children'][0]
        self.assertEqual((child['file'], child['nodes'], child['is_bound']), ('sub.json', ['part'], True))
        self.assertEqual(child['runs'], [{'node': 'part', 'low': 1, 'high': 1}])
        self.assertGreater(child['cost_high_micros'], 0)
        self.assertEqual(plan['total'], {'cost_low_micros': child['cost_low_micros'], 'cost_high_micros': child['cost_high_micros'],
                                         'is_bound': True, 'open': []})
        self.assertIn('part: runs sub.json 1 time, each time $', self.hill('plan', 'flow.json', code=None).out)
        alone = self.hill('plan', 'low.json', '-o', 'json').json
        self.assertEqual((alone['children'], alone['total']['is_bound']), ([], True))

    def test_how_often_a_workflow_runs_is_said_where_it_is_known(self):
        self.write('sub.json', json.dumps({'id': 'sub', 'inputs': {}, 'graph': {'nodes': {
            'ask': {'tool': 'model_call', 'provider': 'anthropic', 'model': 'claude-sonnet-4-6', 'input': 'Say yes.',
                    'parameters': {'max_tokens': 100}}}, 'edges': []}, 'provider_config': ACCEPTED}))
        child = {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}}
        self.flow({'list': script('echo x'), 'each': dict(child, for_each=['a', 'b', 'c'], retry={'attempts': 2}),
                   'named': dict(child, for_each='{{ inputs.names }}'), 'perhaps': dict(child, when={'node': 'list', 'status': 'failed'})},
                  [('list', 'each')], inputs={'names': {'type': 'array'}}, provider_config=ACCEPTED)
        once = self.hill('plan', 'sub.json', '-o', 'json', code=None).json['total']
        plan = self.hill('plan', 'flow.json', '-o', 'json', code=None).json
        runs = {run['node']: (run['low'], run['high']) for child in plan['children'] for run in child['runs']}
        self.assertEqual(runs, {'each': (3, 6), 'named': (0, None), 'perhaps': (0, 1)})
        self.assertFalse(plan['total']['is_bound'])
        self.assertEqual(len(plan['total']['open']), 1)
        self.assertTrue(plan['total']['open'][0].startswith('named: runs sub.json for each item of a list that only the run knows'))
        given = self.hill('plan', 'flow.json', '-p', 'names=["x","y"]', '-o', 'json', code=None).json
        runs = {run['node']: (run['low'], run['high']) for child in given['children'] for run in child['runs']}
        self.assertEqual(runs['named'], (2, 2))
        self.assertEqual(given['total'], {'cost_low_micros': 5 * once['cost_low_micros'], 'cost_high_micros': 9 * once['cost_high_micros'],
                                          'is_bound': True, 'open': []})


if __name__ == '__main__':
    harness.main()

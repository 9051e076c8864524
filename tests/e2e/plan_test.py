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
            'ask': {'tool': 'model_call', 'provider': 'anthropic', 'model': 'claude-sonnet-4-5', 'input': 'Say yes.',
                    'parameters': {'max_tokens': 100}},
            'deeper': {'tool': 'workflow_run', 'parameters': {'workflow': 'low.json'}}}, 'edges': []}, 'provider_config': ACCEPTED}))
        self.flow({'one': script('echo a'), 'part': {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}}}, provider_config=ACCEPTED)
        plan = self.hill('plan', 'flow.json', '-o', 'json', code=None).json
        self.assertEqual([(child['file'], child['nodes'], child['is_bound']) for child in plan['children']], [('sub.json', ['part'], False)])
        self.assertIn('runs low.json', plan['children'][0]['open'])
        self.assertFalse(plan['total']['is_bound'])
        self.assertTrue(plan['total']['open'][0].startswith('part: runs sub.json, each time $'), plan['total'])
        self.assertIn('part: runs sub.json', self.hill('plan', 'flow.json', code=None).out)
        alone = self.hill('plan', 'low.json', '-o', 'json').json
        self.assertEqual((alone['children'], alone['total']['is_bound']), ([], True))


if __name__ == '__main__':
    harness.main()

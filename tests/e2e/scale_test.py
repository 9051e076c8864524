#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Large graphs and long lists through the built program: every command ends, and every count is right.

Usage: scale_test.py --binary PROGRAM
"""
import json

from harness import EndToEnd, main

NODES = 10_000
ITEMS = 5_000


class Scale(EndToEnd):
    def check(self, edges):
        """A graph of checkpoints, through all commands that read a whole run."""
        nodes = {f'n{i}': {'tool': 'checkpoint'} for i in range(NODES)}
        self.flow(nodes, [(f'n{a}', f'n{b}') for a, b in edges], model_config={'max_concurrency': 64})
        self.hill('run', 'flow.json')
        status = self.status()
        self.assertEqual((status['status'], status['nodes'], status['nodes_done']), ('completed', NODES, NODES))
        # One completion a node, whatever the order.
        done = self.events(kind='node_completed')
        self.assertEqual(len(done), NODES)
        self.assertEqual(len({event['data']['node'] for event in done}), NODES)
        self.assertEqual(self.hill('show').out.count('completed'), NODES + 1)
        drawn = self.hill('graph', 'flow.json').out
        self.assertEqual(drawn.count('-->'), len(edges))
        self.assertIn('same state', self.hill('replay').out)
        self.hill('export')
        self.holds()

    def test_a_layered_graph(self):
        width = 100
        self.check([((layer - 1) * width + (place + k) % width, layer * width + place)
                    for layer in range(1, NODES // width) for place in range(width) for k in range(3)])

    def test_a_wide_fan(self):
        self.check([edge for i in range(1, NODES - 1) for edge in ((0, i), (i, NODES - 1))])

    def test_a_map_over_a_list_that_is_a_blob(self):
        self.write('list.txt', ''.join(f'item {i:06} of a long list\n' for i in range(ITEMS)))
        self.flow({'list': {'tool': 'file_read', 'parameters': {'path': 'list.txt'}},
                   'each': {'tool': 'file_write', 'parameters': {'path': 'last.txt'}, 'for_each': '{{ list.output }}',
                            'input': '{{ index }}: {{ item }}'},
                   'all': {'tool': 'file_write', 'parameters': {'path': 'all.json'}, 'input': '{{ each.results }}'}},
                  [('list', 'each'), ('each', 'all')], model_config={'max_concurrency': 8})
        self.hill('run', 'flow.json')
        items = {event['data']['item'] for event in self.events(kind='node_completed') if 'item' in event['data']}
        self.assertEqual(items - {None}, set(range(ITEMS)))
        self.assertEqual(len(json.loads(self.read('all.json'))), ITEMS)
        number, text = self.read('last.txt').split(': ')
        self.assertEqual(text, f'item {int(number):06} of a long list')
        self.holds()


if __name__ == '__main__':
    main()

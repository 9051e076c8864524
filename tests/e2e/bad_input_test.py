#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workflow files that are wrong: refused with a place, a number and the mend, and nothing is left on disk.

Usage: bad_input_test.py --binary PROGRAM
"""
import json
import os
import resource
import sys

from harness import EndToEnd, main, script

CHECK = {'tool': 'checkpoint'}


def graph(nodes, edges=(), **more):
    return {'id': 'bad', 'graph': {'nodes': nodes, 'edges': [{'from': a, 'to': b} for a, b in edges], **more}}


class BadInput(EndToEnd):
    def refused(self, text, *expected, strict=False):
        """`validate` and `run` end with 3, say each of `expected`, and leave nothing."""
        self.write('bad.json', text if isinstance(text, (str, bytes)) else json.dumps(text))
        for command in ('validate', 'run'):
            done = self.hill(command, 'bad.json', *(['--strict'] if strict else []), code=3)
            for part in expected:
                self.assertIn(part, done.err)
            self.assertRegex(done.err, r'bad\.json:\d+:\d+: error HS\d{3}')
            self.assertEqual(done.out, '', 'data only on stdout')
        self.assertEqual(os.listdir(self.folder), ['bad.json'], 'nothing was written')

    def test_broken_json_tells_line_and_column(self):
        self.refused('{\n  "id": "a",\n  "graph": }', 'bad.json:3:12: error HS100')
        self.refused('', 'bad.json:1:1: error HS100')
        self.refused('{"id": "a"} x', 'HS100')

    def test_ten_megabytes_of_nesting(self):
        self.refused('[' * 10_000_000, 'bad.json:1:65: error HS103', '64 levels')
        self.refused('{"a":' * 2_000_000, 'HS103')

    def test_duplicate_keys(self):
        self.refused('{"id": "a",\n "id": "b"}', 'bad.json:2:2: error HS101', "'id'", 'first at 1:2')

    def test_numbers_that_would_change(self):
        self.refused('{"id": "a", "x-n": 1e400}', 'bad.json:1:20: error HS102')
        self.refused('{"id": "a", "x-n": 18446744073709551617}', 'bad.json:1:20: error HS102', 'Write it as a string')
        self.refused('{"id": "a", "max_concurrency": -1, "graph": {"nodes": {"a": {"tool": "checkpoint"}}, '
                     '"edges": []}}', 'HS105 at /max_concurrency')

    def test_bytes_that_are_not_utf8(self):
        self.refused(b'{"id": "a\xff"}', 'bad.json:1:10: error HS104')
        self.refused(b'{"id": "\xed\xa0\x80"}', 'HS104')
        self.refused('{"id": "\\ud800"}', 'HS10')

    def test_ids_that_lead_out_or_cannot_be_shown(self):
        self.refused(graph({'x/y': CHECK, '..\\z': CHECK}), 'HS110 at /graph/nodes/x~1y', "'x/y'")
        self.refused(graph({'a\x01b': CHECK}), 'HS110 at /graph/nodes/', 'control characters')
        done = self.hill('validate', 'bad.json', code=3)
        self.assertNotIn('\x01', done.err)
        self.refused(graph({'n' * 200: CHECK}), 'HS110')
        self.refused({**graph({'a': CHECK}), 'id': '../../etc'}, 'HS110 at /id')
        self.refused({**graph({'a': CHECK}), 'id': 'a\nb'}, 'HS110 at /id')

    def test_cycles_name_their_nodes(self):
        self.refused(graph({'a': CHECK, 'b': CHECK, 'c': CHECK}, [('a', 'b'), ('b', 'c'), ('c', 'a')]),
                     'HS110', 'cycle: ', 'a -> b -> c -> a')
        self.refused(graph({'a': script('cat -', '{{ b.output }}'), 'b': script('cat -', '{{ a.output }}')}),
                     'cycle: ')
        self.refused(graph({'a': CHECK}, [('a', 'a')]), 'HS110')

    def test_edges_and_references_that_lead_nowhere(self):
        self.refused(graph({'draft': CHECK, 'b': CHECK}, [('draf', 'b')]), 'HS110 at /graph/edges/0/from',
                     "did you mean 'draft'?")
        self.refused(graph({'draft': script('true'), 'b': script('cat -', '{{ draf.output }}')}),
                     'HS112 at /graph/nodes/b/input', "did you mean 'draft'?")
        self.refused(graph({'a': script('true'), 'b': script('cat -', '{{ a.returncode }}')}), 'HS112',
                     "did you mean 'return_code'?")
        self.refused(graph({'b': script('cat -', '{{ inputs.topic }}')}), 'HS112')
        self.refused(graph({'b': script('cat -', '{{ item }}')}), 'HS112')

    def test_unknown_tools_and_fields(self):
        self.refused(graph({'a': {'tool': 'script_rum', 'parameters': {'script': 'true'}}}),
                     'HS501 at /graph/nodes/a/tool', "did you mean 'script_run'?")
        self.refused(graph({'a': {'tool': 'script_run', 'parameters': {}}}), 'HS', '/graph/nodes/a/parameters')
        self.refused(graph({'a': {**CHECK, 'retrys': 3}}), '/graph/nodes/a/retrys', "did you mean 'retry'?",
                     strict=True)

    def test_wrong_types_everywhere(self):
        for broken in ([], 'text', 7, None, {'id': 7}, {'id': 'a'}, {'id': 'a', 'graph': []},
                       {'id': 'a', 'graph': {'nodes': [], 'edges': {}}}, graph({'a': []}), graph({'a': {'tool': 7}}),
                       graph({'a': {**CHECK, 'retry': 'often'}}), graph({'a': {**CHECK, 'timeout': -1}}),
                       graph({'a': CHECK}, loops=[{'id': 'l', 'body': ['x']}]), graph({})):
            with self.subTest(broken=broken):
                self.refused(broken)

    def test_every_problem_is_told_at_once_also_as_json(self):
        self.write('bad.json', json.dumps(graph({'x/y': CHECK, 'b': {'tool': 'nope'}}, [('b', 'zz')]), indent=1))
        done = self.hill('validate', 'bad.json', '-o', 'json', code=3)
        self.assertFalse(done.json['valid'])
        self.assertGreaterEqual(len(done.json['diagnostics']), 3)
        for problem in done.json['diagnostics']:
            self.assertEqual(sorted(problem), ['code', 'column', 'file', 'hint', 'line', 'message', 'pointer',
                                               'severity'])
            self.assertGreater(problem['line'], 1)
        self.hill('explain', done.json['diagnostics'][0]['code'])

    def test_files_that_are_none(self):
        self.assertIn('There is no such workflow file', self.hill('validate', 'none.json', code=4).err)
        self.assertIn('HS701', self.hill('run', 'none.json', code=4).err)
        self.hill('validate', '.', code=3)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_file_beyond_the_limit(self):
        with open(self.path('big.json'), 'wb') as file:
            file.truncate((64 << 20) + 1)
        done = self.hill('validate', 'big.json', code=3)
        self.assertIn('larger than 67108864 bytes', done.err)

    def test_little_memory_is_enough_for_nesting(self):
        self.write('bad.json', '[' * 10_000_000)
        limit = 600 << 20
        limited = {'preexec_fn': lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))}
        # Sanitized code reserves terabytes; that it cannot is no finding of its own.
        own_words = {'ASAN_OPTIONS': '', 'TSAN_OPTIONS': ''}
        if self.hill('version', code=None, env=own_words, **limited).code != 0:
            self.skipTest('this build needs more address space for itself')
        self.hill('validate', 'bad.json', code=3, **limited)


class Inputs(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('cat -', '{{ inputs.topic }}:{{ inputs.limit }}:{{ inputs.list.1 }}')},
                  inputs={'topic': {'type': 'string'}, 'limit': {'type': 'integer', 'default': 10},
                          'list': {'type': 'array', 'default': ['a', 'b']}})

    def test_from_the_command_line_and_from_a_file(self):
        self.assertEqual(self.hill('run', 'flow.json', '-p', 'topic=1=2').out, '1=2:10:b\n')
        self.write('in.json', '{"topic": "file", "limit": 3}')
        done = self.hill('run', 'flow.json', '--params-file', 'in.json', '-p', 'topic=line', '-p', 'list=["x", "y"]')
        self.assertEqual(done.out, 'line:3:y\n')
        self.assertEqual(self.status()['inputs'], {'topic': 'line', 'limit': 3, 'list': ['x', 'y']})

    def refused(self, *arguments, code=3):
        done = self.hill('run', 'flow.json', *arguments, code=code)
        self.assertFalse(os.path.exists(self.path('.hillstar')), 'nothing was written')
        return done.err

    def test_missing_unknown_and_of_the_wrong_type(self):
        self.assertRegex(self.refused(), r'HS113.*topic')
        self.assertIn("did you mean 'topic'?", self.refused('-p', 'topik=x'))
        self.assertRegex(self.refused('-p', 'topic=x', '-p', 'limit=many'), r'HS113.*limit')
        self.assertRegex(self.refused('-p', 'topic=x', '-p', 'limit=1.5'), r'HS113.*limit')
        self.assertRegex(self.refused('-p', 'topic=x', '-p', 'list={}'), r'HS113.*list')
        self.refused('-p', 'topic', code=2)

    def test_files_that_hold_no_inputs(self):
        for text in ('[]', '{', '{"topic": 7}', '{"a": 1, "a": 2}'):
            with self.subTest(text=text):
                self.write('in.json', text)
                self.assertIn('HS113', self.refused('--params-file', 'in.json'))
        self.refused('--params-file', 'none.json', code=4)


if __name__ == '__main__':
    sys.exit(main())

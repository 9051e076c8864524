#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many runs: found by what they are, added up, and removed without a hole in the proof."""
import json
import os
import random
import shutil
import sys
import time

from harness import EndToEnd, main, script


class Retention(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('/bin/echo A')})
        self.flow({'b': script('/bin/false')}, name='bad.json', id='breaks')
        self.flow({'c': script('/bin/echo C')}, name='ask.json', id='asks', permissions={'c': 'ask'})
        self.ids = [self.run_of(file, code) for file, code in
                    (('flow.json', 0), ('bad.json', 1), ('flow.json', 0), ('ask.json', 8), ('flow.json', 0))]

    def run_of(self, file, code=0):
        return json.loads(self.hill('run', file, '-o', 'json', code=code).out)['run']

    def listed(self, *arguments, **more):
        return [row['run'] for row in self.hill('ls', *arguments, '-o', 'json', **more).json]

    def test_ls_finds_by_what_runs_are(self):
        newest = self.ids[::-1]
        self.assertEqual(self.listed(), newest)
        self.assertEqual(self.listed('--workflow', 'flow'), newest[0::2])
        self.assertEqual(self.listed('--status', 'failed', '--status', 'waiting'), [newest[1], newest[3]])
        self.assertEqual(self.listed('--status', 'completed', '--workflow', 'breaks'), [])
        for filters in (['--stream', 's'], ['--label', 'a=b'], ['--correlation', 'x'], ['--until', '1h'],
                        ['--since', '2099-01-01']):
            self.assertEqual(self.listed(*filters), [], filters)
        for since in ('1h', 'today', '2020-01-01', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00.5Z'):
            self.assertEqual(self.listed('--since', since), newest, since)
        for wrong in (['--since', 'soon'], ['--until', '5'], ['--label', 'x'], ['--before', '01J'],
                      ['--since', '-1h'], ['--since', '99999999999w']):
            self.assertIn('HS', self.hill('ls', *wrong, code=2).err)

    def test_pages(self):
        page = self.hill('ls', '--limit', '2')
        self.assertIn('--before ' + self.ids[3], page.err)
        self.assertEqual(self.listed('--limit', '2', '--before', self.ids[3]), [self.ids[2], self.ids[1]])
        last = self.hill('ls', '--before', self.ids[1])
        self.assertNotIn('--before', last.err)

    def test_stats(self):
        stats = self.hill('stats', '-o', 'json').json
        self.assertEqual(stats['runs'], 5)
        self.assertEqual(stats['by_status'], {'completed': 3, 'failed': 1, 'waiting': 1})
        self.assertEqual(stats['by_workflow'], {'asks': 1, 'breaks': 1, 'flow': 3})
        self.assertEqual(stats['failures'], {'exit_code': 1})
        self.assertEqual(stats['ended'], 4)
        self.assertLessEqual(stats['p50_ms'], stats['p95_ms'])
        self.assertEqual(self.hill('stats', '--workflow', 'asks', '-o', 'json').json['runs'], 1)
        self.assertEqual(self.hill('stats', '--since', '2099-01-01', '-o', 'json').json['p50_ms'], None)
        self.assertIn('exit_code', self.hill('stats').out)

    def test_gc(self):
        self.assertIn('HS', self.hill('gc', code=2).err)
        self.hill('gc', '--older-than', 'long', code=2)
        self.hill('gc', '--max-bytes', '5X', code=2)
        dry = self.hill('gc', '--keep-last', '2', '--dry-run', '-o', 'json').json
        self.assertEqual((dry['runs'], dry['dry_run']), (3, True))
        self.assertEqual(len(self.listed()), 5)
        self.assertEqual(self.hill('gc', '--older-than', '1h', '-o', 'json').json['runs'], 0)
        done = self.hill('gc', '--keep-last', '2', '-o', 'json').json
        self.assertEqual(done['runs'], 3)
        self.assertGreater(done['record_bytes'], 1000)
        self.assertGreater(done['blobs'], 0, 'the texts of `breaks`')
        self.assertEqual(self.listed(), [self.ids[4], self.ids[3]])
        gone = self.hill('show', self.ids[0], code=4)
        self.assertIn('removed by gc on 20', gone.err)
        self.assertIn('completed', gone.err)
        self.assertIn('removed by gc', self.hill('verify').out)
        told = self.hill('verify', '-o', 'json').json
        self.assertEqual((told['ok'], told['runs'], told['removed_runs']), (True, 2, 3))
        self.hill('replay', '--all')
        self.hill('approve', self.ids[3], 'c')
        self.run_of('bad.json', 1)
        self.hill('verify')
        self.hill('backup', 'copy')
        self.assertEqual(self.hill('gc', '--keep-last', '0', '-o', 'json').json['runs'], 3)
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.hill('verify', '-o', 'json').json['removed_runs'], 6)

    def test_gc_beside_a_host(self):
        self.flow({'a': script('./wait.sh')}, name='long.json')
        self.write('wait.sh', '#!/bin/sh\n: > up\nread x < gate\nexit 0\n', 0o755)
        os.mkfifo(self.path('gate'))
        host = self.start('run', 'long.json')
        self.until(lambda: os.path.exists(self.path('up')), 'the script to run')
        self.assertEqual(self.hill('gc', '--keep-last', '0', '-o', 'json').json['runs'], 4)
        with open(self.path('gate'), 'w'):
            pass
        host.end(0)
        self.assertEqual(self.hill('gc', '--keep-last', '0', '-o', 'json').json['runs'], 1)
        self.assertTrue(self.hill('verify', '-o', 'json').json['ok'])

    def test_killed_at_any_moment(self):
        seed = int(os.environ.get('SEED', random.randrange(1 << 32)))
        print('seed', seed, file=sys.stderr)
        dice = random.Random(seed)
        self.write('big.txt', 'x' * 3_000_000)
        self.flow({'a': script('/bin/cat big.txt')}, name='big.json', id='big')
        for _ in range(6):
            self.run_of('big.json')
        before = self.hill('verify', '-o', 'json').json
        began = time.monotonic()
        whole = self.path('whole')
        shutil.copytree(self.path('.hillstar/store'), whole)
        self.hill('gc', '--keep-last', '0', '--store', whole)
        length = time.monotonic() - began
        for round_ in range(12):
            copy = self.path(f'copy{round_}')
            shutil.copytree(self.path('.hillstar/store'), copy)
            gc = self.start('gc', '--keep-last', '0', '--store', copy)
            time.sleep(dice.random() * length)
            gc.process.kill()
            gc.process.wait()
            told = self.hill('verify', '--store', copy, '-o', 'json').json
            self.assertTrue(told['ok'])
            self.assertEqual(told['runs'] + told['removed_runs'], before['runs'], seed)
            self.assertEqual(told['records'] + told['removed_records'], before['records'], seed)
            self.hill('gc', '--keep-last', '0', '--store', copy)
            told = self.hill('verify', '--store', copy, '-o', 'json').json
            self.assertEqual((told['ok'], told['runs']), (True, 1))
            blobs = [name for _, _, names in os.walk(os.path.join(copy, 'blobs')) for name in names]
            self.assertEqual(blobs, [])


if __name__ == '__main__':
    raise SystemExit(main())

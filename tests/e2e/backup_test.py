#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backups of a store: made while it is written to and its host is killed, checked, damaged, put back.

Usage: backup_test.py --binary PROGRAM
"""
import json
import os
import resource
import shutil
import signal
import stat
import sys

from harness import EndToEnd, main, script

LARGE = 1_500_000       # a blob beyond a row of the database: a file of its own


class Backups(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'one': script('echo first'), 'two': script('cat -', '{{ one.output }}'),
                   'large': script(f'head -c {LARGE} /dev/zero | tr "\\0" x')})

    def ran(self, times=1):
        for _ in range(times):
            self.hill('run', 'flow.json', '-q')

    def refused(self, done, *words):
        self.assertEqual(len(done.err.strip().split('\n')), 1, done)
        self.assertTrue(done.err.startswith('error HS'), done)
        for word in words:
            self.assertIn(word, done.err)
        self.assertEqual(done.out, '')

    def files(self, folder):
        found = []
        for top, _, names in os.walk(self.path(folder)):
            found += [os.path.join(top, name) for name in names]
        return sorted(found)

    def names(self):
        return sorted(os.listdir(self.folder))


class There(Backups):
    def test_and_back(self):
        self.ran(2)
        done = self.hill('backup', 'kept/first')
        self.assertRegex(done.out, r'^backup made: \S+Z, 2 runs, 16 records, 3 blobs: all hold\n$')
        self.assertEqual(len(self.files('kept/first/store/blobs')), 1)
        for path in self.files('kept/first'):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600, path)
        for top, _, _ in os.walk(self.path('kept/first')):
            self.assertEqual(stat.S_IMODE(os.stat(top).st_mode), 0o700, top)
        self.assertEqual(os.listdir(self.path('kept')), ['first'])
        before = self.runs()
        result = self.hill('result', 'latest', 'large', '--key', 'output').raw
        shutil.rmtree(self.path('.hillstar'))
        self.hill('restore', 'kept/first')
        self.assertEqual(self.runs(), before)
        self.assertEqual(self.hill('result', 'latest', 'large', '--key', 'output').raw, result)
        self.holds()
        self.ran()
        self.holds()
        # Looking changes nothing, and it is a store to look into, too.
        self.hill('backup', 'kept/first', '--verify')
        self.assertEqual(len(self.hill('ls', '--store', 'kept/first/store', '-o', 'json').json), 2)
        found = self.hill('backup', 'kept/first', '--verify', '-o', 'json').json
        self.assertEqual((found['ok'], found['runs'], found['blobs']), (True, 2, 3))

    def test_what_is_in_the_way(self):
        self.ran()
        self.hill('backup', 'first')
        self.refused(self.hill('backup', 'first', code=2), 'HS700', 'overwrites nothing')
        self.refused(self.hill('backup', '.hillstar/store/in', code=2), 'HS700', 'in each other')
        self.refused(self.hill('backup', '.hillstar/store/../store/blobs/in', code=2), 'in each other')
        os.symlink(self.path('.hillstar/store'), self.path('link'))
        self.refused(self.hill('backup', 'link/in', code=2), 'in each other')
        self.refused(self.hill('backup', 'none', '--verify', code=4), 'HS701', 'no manifest.json')
        self.refused(self.hill('restore', '.hillstar/traces', code=2), 'HS700')
        self.refused(self.hill('restore', '.hillstar/traces', '--store', 'new', code=4), 'HS701')
        self.refused(self.hill('backup', 'b', '--store', 'nothing', code=4), 'HS701')
        self.hill('backup', code=2)
        self.write('mine/letter', 'dear')
        self.refused(self.hill('restore', 'first', '--store', 'mine', code=2), 'no store')
        self.refused(self.hill('restore', 'first', '--store', 'mine', '-y', code=2), 'no store')
        self.refused(self.hill('backup', 'mine', code=2), 'overwrites nothing')
        os.mkdir(self.path('second.partial'))
        self.write('second.partial/letter', 'dear')
        self.refused(self.hill('backup', 'second', code=2), 'something else', 'letter')
        self.assertEqual(self.read('second.partial/letter'), 'dear')
        self.assertEqual(self.names(), ['.hillstar', 'first', 'flow.json', 'link', 'mine', 'second.partial'])
        os.mkdir(self.path('empty'))
        self.hill('backup', 'empty')
        self.hill('backup', 'empty', '--verify')

    def test_a_store_with_runs_is_kept(self):
        self.ran()
        self.hill('backup', 'first')
        self.ran()
        self.refused(self.hill('restore', 'first', code=2), 'HS700', '-y')
        self.assertEqual(len(self.runs()), 2)
        done = self.hill('restore', 'first', '-y')
        self.assertIn('store.kept_1', done.err)
        self.assertEqual(len(self.runs()), 1)
        self.assertEqual(len(self.hill('ls', '--store', '.hillstar/store.kept_1', '-o', 'json').json), 2)
        self.ran()
        done = self.hill('restore', 'first', '-y', '-o', 'json').json
        self.assertEqual(done['kept'], self.path('.hillstar/store.kept_2'))
        self.holds()
        self.assertFalse([name for name in os.listdir(self.path('.hillstar')) if 'partial' in name])


class Beside(Backups):
    def writes(self):
        self.flow({'loop': script('echo > going; while [ ! -e stop ]; do sleep 0.01; done'),
                   'first': script('while [ ! -e b0 ]; do sleep 0.01; done'),
                   **{f'n{i}': script(f'head -c {LARGE if i % 100 == 0 else 300} /dev/urandom | base64')
                      for i in range(600)}}, [('first', f'n{i}') for i in range(300, 600)], name='long.json')
        return self.start('run', 'long.json', '-q')

    def test_a_host_that_goes_on_and_is_killed(self):
        host = self.writes()
        self.until(lambda: os.path.exists(self.path('going')), 'the run to go')
        counts = []
        for i in range(12):
            made = self.hill('backup', f'b{i}', '-o', 'json').json
            self.assertTrue(made['ok'])
            counts.append(made['records'])
        self.assertGreater(counts[-1], counts[0], 'the host went on meanwhile')
        self.assertEqual(counts, sorted(counts))
        # A store in use is not replaced.
        self.refused(self.hill('restore', 'b0', '-y', code=10), 'HS205')
        beside = [self.start('backup', f'c{i}') for i in range(3)]
        host.send(signal.SIGKILL).end()
        for one in beside:
            one.end(0)
        self.hill('backup', 'last')
        for name in [f'b{i}' for i in range(12)] + [f'c{i}' for i in range(3)] + ['last']:
            self.hill('backup', name, '--verify')
            self.hill('restore', name, '--store', f'put/{name}')
            self.hill('verify', '--store', f'put/{name}')
            self.hill('replay', 'latest', '--store', f'put/{name}')
        self.write('stop', '')
        self.hill('restore', 'b5', '-y')
        self.hill('resume', 'latest', '--settle', 'loop=run-again', '-q', code=None)
        self.holds()

    def test_a_backup_that_is_killed(self):
        self.ran(3)
        finished = 0
        for i in range(20):
            one = self.start('backup', 'b')
            # The first one is killed whatever it has done, however fast the disk is.
            if i > 0:
                self.until(lambda: os.path.exists(self.path('b.partial')) or os.path.exists(self.path('b')) or
                           one.process.poll() is not None, 'the backup to begin')
            for _ in range(i * 200):
                one.process.poll()
            one.send(signal.SIGKILL).end()
            if os.path.exists(self.path('b')):
                finished += 1
                self.hill('backup', 'b', '--verify')
                shutil.rmtree(self.path('b'))
        self.assertLess(finished, 20)
        self.hill('backup', 'b')
        self.hill('backup', 'b', '--verify')
        self.assertFalse(os.path.exists(self.path('b.partial')))

    def test_no_room(self):
        self.ran(2)
        self.hill('backup', 'whole')
        for limit in (64, 4 << 10, 1 << 20):
            def small(bytes_max=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))
            self.refused(self.hill('backup', 'b', code=74, preexec_fn=small), 'large')
            self.refused(self.hill('restore', 'whole', '--store', 'new', code=74, preexec_fn=small), 'large')
        self.assertEqual(self.names(), ['.hillstar', 'flow.json', 'whole'])


class Damaged(Backups):
    def test_one_byte_anywhere(self):
        self.ran()
        self.hill('backup', 'b')
        for path in self.files('b'):
            size = os.path.getsize(path)
            for at in sorted({0, size // 3, size // 2, size - 1} if size else ()):
                with self.subTest(path=path, at=at):
                    with open(path, 'r+b') as file:
                        file.seek(at)
                        byte = file.read(1)
                        file.seek(at)
                        file.write(bytes([byte[0] ^ 0x01]))
                    self.refused(self.hill('backup', 'b', '--verify', code=9), 'HS210', 'damaged')
                    self.refused(self.hill('restore', 'b', '--store', 'new', code=9), 'HS210', 'damaged')
                    with open(path, 'r+b') as file:
                        file.seek(at)
                        file.write(byte)
        self.assertEqual(self.names(), ['.hillstar', 'b', 'flow.json'])
        self.hill('backup', 'b', '--verify')

    def test_files_that_are_gone_or_came_by(self):
        self.ran()
        self.hill('backup', 'b')
        shutil.copytree(self.path('b'), self.path('good'))
        for path in self.files('good'):
            name = os.path.relpath(path, self.path('good'))
            shutil.rmtree(self.path('b'))
            shutil.copytree(self.path('good'), self.path('b'))
            os.unlink(self.path('b', name))
            with self.subTest(gone=name):
                self.refused(self.hill('backup', 'b', '--verify', code=4 if name == 'manifest.json' else 9))
                if name == 'manifest.json':
                    continue
                os.symlink(path, self.path('b', name))
                self.refused(self.hill('backup', 'b', '--verify', code=9), 'HS210')
        shutil.rmtree(self.path('b'))
        shutil.copytree(self.path('good'), self.path('b'))
        self.write('b/store/db/000999.log', 'x')
        self.refused(self.hill('restore', 'b', '--store', 'new', code=9), 'does not belong')
        os.unlink(self.path('b/store/db/000999.log'))
        for text in ('', '{', '[]', '{"backup_format":1}', '{"backup_format":"x"}', '\0' * 100):
            self.write('b/manifest.json', text)
            self.refused(self.hill('restore', 'b', '--store', 'new', code=9), 'HS210', 'manifest')
        manifest = json.loads(self.read('good/manifest.json'))
        self.write('b/manifest.json', json.dumps({**manifest, 'backup_format': 2}))
        self.refused(self.hill('restore', 'b', '--store', 'new', code=74), 'HS201', 'newer')
        self.assertFalse(os.path.exists(self.path('new')))

    def test_a_store_that_is_damaged(self):
        """A blob is gone: what is left is backed up all the same, and said."""
        self.ran()
        for path in self.files('.hillstar/store/blobs'):
            os.unlink(path)
        done = self.hill('backup', 'b', code=9)
        self.assertIn('NOT all hold', done.out)
        self.assertEqual(self.hill('backup', 'b', '--verify', code=9).out.split('\n')[1], done.out.split('\n')[1])
        self.hill('restore', 'b', '--store', 'new', code=9)
        self.assertEqual(len(self.hill('ls', '--store', 'new', '-o', 'json').json), 1)
        # What cannot be read at all cannot be backed up.
        for path in self.files('.hillstar/store/db'):
            if 'MANIFEST' in path:
                os.unlink(path)
        self.refused(self.hill('backup', 'c', code=74), 'HS200')
        self.assertFalse(os.path.exists(self.path('c')) or os.path.exists(self.path('c.partial')))


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stores that were damaged, are from another time, or whose disk is full: refused or ended in words, and mended.

Usage: damage_test.py --binary PROGRAM --tamper STORE_TAMPER
"""
import glob
import os
import resource
import shutil
import subprocess
import sys

from harness import EndToEnd, main, script, settings


class Damage(EndToEnd):
    def setUp(self):
        super().setUp()
        self.flow({'one': script('echo first'), 'two': script('cat -', '{{ one.output }}')})
        for _ in range(3):
            self.hill('run', 'flow.json', '-q')

    def newest_log(self):
        return max((path for path in glob.glob(self.path('.hillstar/store/db/*.log')) if os.path.getsize(path)),
                   key=lambda path: int(os.path.basename(path).split('.')[0]))

    def refused_everywhere(self, number, code):
        """Commands that read and commands that write refuse in one line that names what to do."""
        for command in (['ls'], ['show'], ['run', 'flow.json'], ['resume']):
            done = self.hill(*command, code=code)
            self.assertIn(number, done.err)
            self.assertIn('repair', done.err)
            self.assertEqual(len(done.err.strip().split('\n')), 1, done)
            self.assertEqual(done.out, '')

    def test_a_log_that_was_cut(self):
        log = self.newest_log()
        os.truncate(log, os.path.getsize(log) // 2)
        self.refused_everywhere('HS202', 9)
        done = self.hill('repair', code=None)
        self.assertIn(done.code, (0, 9), done)
        lost = int(done.out.split('at least ')[1].split()[0])
        self.assertGreater(lost, 0, done)
        kept = int(done.out.split()[0])
        self.assertEqual(kept + lost, 18, 'three runs with six events each')
        # What is whole goes on; what was cut off can be resumed; new runs start.
        runs = self.runs()
        self.assertGreater(len(runs), 0)
        self.assertEqual(runs[-1]['status'], 'completed')
        self.hill('replay', runs[-1]['run'])
        self.hill('run', 'flow.json', '-q')
        self.hill('verify')

    def test_a_flipped_byte_in_the_log(self):
        log = self.newest_log()
        with open(log, 'r+b') as file:
            file.seek(os.path.getsize(log) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x40]))
        for command in (['ls'], ['run', 'flow.json']):
            done = self.hill(*command, code=None)
            self.assertIn(done.code, (9, 74), done)
            self.assertIn('repair', done.err)
        self.hill('repair', code=None)
        self.assertGreater(len(self.runs()), 0)
        self.hill('run', 'flow.json', '-q')

    def test_a_log_that_is_gone(self):
        os.unlink(self.newest_log())
        self.refused_everywhere('HS202', 9)
        done = self.hill('repair', '-o', 'json', code=None)
        self.assertGreater(done.json['records_lost'], 0)
        self.assertEqual(done.json['log_count'] + done.json['records_lost'], 18, 'three runs with six events each')
        self.hill('run', 'flow.json', '-q')

    def test_the_whole_database_gone(self):
        for path in glob.glob(self.path('.hillstar/store/db/*')):
            os.unlink(path)
        done = self.hill('run', 'flow.json', code=9)
        self.assertIn('HS202', done.err)
        self.assertIn('backup', done.err)

    def test_files_of_the_database_that_are_damaged_or_gone(self):
        def each(pattern, change):
            for path in glob.glob(self.path('.hillstar/store', pattern)):
                change(path)

        def cut(path):
            os.truncate(path, os.path.getsize(path) // 2)

        def flip(path):
            with open(path, 'r+b') as file:
                file.seek(os.path.getsize(path) // 2)
                byte = file.read(1)
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte[0] ^ 0x40]))

        shutil.copytree(self.path('.hillstar'), self.path('kept'))
        for pattern, change in (('db/MANIFEST*', os.unlink), ('db/MANIFEST*', cut), ('db/MANIFEST*', flip),
                                ('db/CURRENT', os.unlink), ('db/CURRENT', lambda path: os.truncate(path, 0)),
                                ('db/*.sst', cut), ('db/*.sst', os.unlink), ('db/OPTIONS*', os.unlink),
                                ('head', os.unlink), ('head', flip), ('head', lambda path: os.truncate(path, 0)),
                                ('blobs', shutil.rmtree)):
            with self.subTest(pattern + ' ' + getattr(change, '__name__', '')):
                shutil.rmtree(self.path('.hillstar'))
                shutil.copytree(self.path('kept'), self.path('.hillstar'))
                each(pattern, change)
                for command in (['ls'], ['run', 'flow.json', '-q'], ['verify']):
                    done = self.hill(*command, code=None)
                    self.assertIn(done.code, (0, 9, 74), done)
                    if done.code == 74:
                        self.assertRegex(done.err, '^error HS2')
                first = self.hill('repair', code=None)
                again = self.hill('repair', code=None)
                self.assertEqual(first.code, again.code, again)
                self.assertIn(first.code, (0, 9, 74), first)
                if first.code in (9, 74) and not first.out:
                    self.assertIn('backup', first.err, 'repair does not send to itself')
                    self.assertEqual(first.err, again.err)
                elif first.code == 0:
                    self.hill('run', 'flow.json', '-q')
                    self.hill('verify')

    def tamper(self, *arguments):
        subprocess.run([settings.tamper, self.path('.hillstar/store'), *arguments], check=True, timeout=60)

    def test_a_store_of_a_newer_version(self):
        self.tamper('format', '99')
        before = self.newest_log(), os.path.getsize(self.newest_log())
        for command in (['ls'], ['run', 'flow.json'], ['repair']):
            done = self.hill(*command, code=74)
            self.assertIn('HS201', done.err)
            self.assertIn('99', done.err)
            self.assertEqual(len(done.err.strip().split('\n')), 1, done)
        self.tamper('format', '1')
        self.assertEqual(len(self.runs()), 3, before)

    def test_a_changed_record(self):
        broken, whole = self.runs()[0]['run'], self.runs()[1]['run']
        self.tamper('replace', f'"run":"{broken}","seq":3,', 'first', 'FIRST')
        done = self.hill('replay', broken, code=9)
        self.assertIn(broken, done.out + done.err)
        self.assertRegex(done.out + done.err, r'(event|seq|record|:) ?3\b')
        self.hill('replay', whole)
        self.hill('replay', '--all', code=9)
        self.hill('show', broken, code=9)
        done = self.hill('verify', '-o', 'json', code=9)
        self.assertEqual([damage['run'] for damage in done.json['damaged']], [broken])
        self.assertEqual(done.json['damaged'][0]['from_seq'], 3)
        self.hill('result', whole)
        # Others go on, beside it and after it.
        self.hill('run', 'flow.json', '-q')
        done = self.hill('repair', code=9)
        self.assertIn(broken, done.out)
        self.assertEqual(len(self.runs()), 4)

    def test_a_changed_export(self):
        export = self.hill('export', 'latest', '--jsonl').raw
        self.write('whole.jsonl', export)
        self.hill('verify', 'whole.jsonl')
        lines = export.splitlines(keepends=True)
        for name, text in (('changed', export.replace(b'first', b'FIRST', 1)),
                           ('removed', b''.join(lines[:2] + lines[3:])),
                           ('swapped', b''.join([lines[1], lines[0], *lines[2:]])),
                           ('torn', export[:-9]), ('empty', b'')):
            with self.subTest(name):
                self.write(name + '.jsonl', text)
                done = self.hill('verify', name + '.jsonl', code=9)
                self.assertIn(name + '.jsonl', done.err)
        self.hill('verify', 'none.jsonl', code=4)


class FullDisk(EndToEnd):
    def test_a_store_that_cannot_be_made(self):
        self.flow({'a': script('touch ran')})
        self.write('file', '')
        for place in (self.path('file'), self.path('file/store'), '/proc/store'):
            done = self.hill('run', 'flow.json', '--store', place, code=74)
            self.assertRegex(done.err, 'error HS20[03]')
            self.assertEqual(len(done.err.strip().split('\n')), 1, done)
        self.assertFalse(os.path.exists(self.path('ran')), 'no effect before the history')

    def test_an_output_folder_that_cannot_be_written(self):
        self.flow({'a': script('echo hi')})
        self.write('file', '')
        done = self.hill('run', 'flow.json', 'file')
        self.assertEqual(done.out, 'hi\n')
        self.assertEqual(done.err.count('warning: '), 1, done)
        self.hill('export', '--dir', 'file', code=74)
        self.hill('export', '--dir', 'elsewhere')
        self.holds()

    def test_a_file_size_limit(self):
        """The store may not grow beyond the limit in the middle of a run."""
        self.flow({f'n{i}': script(f'echo {i} >> ledger; head -c 30000 /dev/zero | tr "\\0" x',
                                   '{{ n%d.output }}' % (i - 1) if i else None) for i in range(12)})
        limit = 128 << 10
        done = self.hill('run', 'flow.json', code=74,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.ended_in_words(done)
        self.mended()

    def ended_in_words(self, done):
        told = [line for line in done.err.split('\n') if 'HS203' in line]
        self.assertEqual(len(told), 1, done)
        self.assertTrue(told[0].startswith('error HS203 at '), told)
        self.assertRegex(told[0], '(disk is full|size limit).*(Free some space|Raise the limit)')
        self.assertNotIn('terminate', done.err)

    def mended(self, folder='.'):
        done = self.hill('resume', cwd=self.path(folder))
        self.assertIn('Workflow completed', done.err)
        with open(self.path(folder, 'ledger')) as file:
            starts = file.read().split()
        self.assertEqual(sorted(set(starts), key=int), [str(i) for i in range(12)])
        self.assertLessEqual(len(starts), 12 + 1, 'only the last attempt may be repeated')
        self.hill('replay', cwd=self.path(folder))
        self.hill('verify', cwd=self.path(folder))

    def test_a_full_disk(self):
        disk = self.path('disk')
        os.mkdir(disk)
        mount = ['mount', '-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', disk]
        if os.geteuid() != 0 or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest('a small file system can be mounted by root only')
        self.addCleanup(subprocess.run, ['umount', '-l', disk], check=True)
        nodes = {f'n{i}': script(f'echo {i} >> ../ledger; head -c 200000 /dev/urandom | od -An -tx1 | head -c 400000; '
                                 'cat >/dev/null', '{{ n%d.output }}' % (i - 1) if i else None) for i in range(12)}
        self.flow(nodes, name='disk/flow.json')
        done = self.hill('run', 'flow.json', code=74, cwd=disk)
        self.ended_in_words(done)
        subprocess.run(['mount', '-o', 'remount,size=64m', disk], check=True)
        os.symlink('../ledger', self.path('disk/ledger'))
        self.mended('disk')


if __name__ == '__main__':
    sys.exit(main())

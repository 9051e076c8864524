#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scripts that misbehave, files that lie elsewhere, and commits.

Usage: scripts_test.py --binary PROGRAM
"""
import os
import subprocess
import sys

from harness import EndToEnd, is_alive, main, script


class Scripts(EndToEnd):
    def test_a_timeout_ends_the_whole_group(self):
        line = 'sh -c "trap : TERM; sleep 300 & echo \\$! >> pids; wait; wait" & echo $! >> pids; echo $$ >> pids; wait'
        self.flow({'a': script(line, timeout=3)})
        done = self.hill('run', 'flow.json', code=124)
        self.assertIn('timeout', done.err)
        self.assertEqual(self.node('a')['failure']['kind'], 'timeout')
        pids = self.read('pids').split()
        self.assertEqual(len(pids), 3)
        self.until(lambda: not any(is_alive(pid) for pid in pids), 'every process of the script to be gone')

    def test_output_beyond_the_cap(self):
        self.flow({'a': script('echo $$ > pid; yes'), 'b': script('touch ran', '{{ a.output }}')})
        done = self.hill('run', 'flow.json', code=1)
        self.assertEqual(self.node('a')['failure']['kind'], 'output_limit')
        self.assertIn('more than 67108864 bytes', done.err)
        self.assertFalse(is_alive(self.read('pid').strip()))
        self.assertFalse(os.path.exists(self.path('ran')))

    def test_death_by_signal(self):
        self.flow({'a': script('echo before; echo why >&2; kill -SEGV $$', on_error='continue'),
                   'b': script('cat -', '{{ a.return_code }} {{ a.output }} {{ a.error }}')})
        done = self.hill('run', 'flow.json')
        self.assertEqual(self.node('a')['failure']['kind'], 'signal')
        self.assertEqual(done.out.split(), ['-11', 'before', 'why'])

    def test_failing_codes_and_programs_that_are_none(self):
        self.flow({'a': script('echo partial; echo reason >&2; exit 7')})
        self.assertIn('reason', self.hill('run', 'flow.json', code=1).err)
        self.assertEqual(self.hill('result', 'latest', 'a', '--key', 'return_code', code=None).code, 0)
        self.flow({'a': script('./not_there')})
        done = self.hill('run', 'flow.json', code=1)
        self.assertEqual(self.node('a')['failure']['kind'], 'spawn', done)
        self.assertIn('not_there', done.err)

    def test_bytes_that_are_no_text_are_kept(self):
        data = bytes(range(256)) * 3
        self.write('data', data)
        self.flow({'a': script('cat data'), 'b': script('cat - > copy', '{{ a.output }}')})
        self.hill('run', 'flow.json')
        with open(self.path('copy'), 'rb') as file:
            self.assertEqual(file.read(), data)
        self.assertEqual(self.hill('result', 'latest', 'a', '--raw').raw, data)
        self.hill('show', 'latest')
        self.hill('logs', 'latest').out.encode()
        self.hill('result', 'latest', 'a', '-o', 'json').json
        self.holds()

    def test_a_megabyte_from_script_to_script(self):
        # Not random: in every twentieth megabyte of letters something looks like a credential, and is masked.
        self.flow({'a': script('seq 200000 | head -c 750000 | base64 -w0 | tee made'),
                   'b': script('tee passed | sha256sum', '{{ a.output }}')})
        self.hill('run', 'flow.json')
        self.assertEqual(self.read('passed'), self.read('made'))
        self.assertEqual(len(self.read('made')), 1_000_000)
        self.assertEqual(self.hill('result', 'latest', 'a', '--raw').out, self.read('made'))
        self.holds()

    def test_input_is_data_and_never_a_command(self):
        self.flow({'a': script('cat -', '{{ inputs.text }}')}, inputs={'text': {'type': 'string'}})
        nasty = '$(touch ran); `touch ran` "; touch ran; \' {{ a.output }}'
        self.assertEqual(self.hill('run', 'flow.json', '-p', 'text=' + nasty).out, nasty + '\n')
        self.assertFalse(os.path.exists(self.path('ran')))

    def test_escape_sequences_do_not_reach_a_reader_of_lines(self):
        self.flow({'a': script('printf "\\033[2J\\033]0;owned\\007 red" >&2; exit 1')})
        done = self.hill('run', 'flow.json', code=1)
        self.assertNotIn('\x1b', done.err)

    def test_what_a_script_is_told(self):
        self.flow({'a': script('echo $HILLSTAR_RUN_ID $HILLSTAR_WORKFLOW_ID $HILLSTAR_NODE_ID $HILLSTAR_ATTEMPT '
                               '$HILLSTAR_IDEMPOTENCY_KEY $HILLSTAR_ATTEMPT_KEY')})
        run, *rest = self.hill('run', 'flow.json').out.split()
        self.assertEqual(rest, ['flow', 'a', '1', f'{run}/a', f'{run}/a/1'])


class Files(EndToEnd):
    def setUp(self):
        super().setUp()
        self.outside = self.path('outside')
        os.mkdir(self.outside)
        os.mkdir(self.path('work'))
        self.write('outside/secret', 'secret')

    def run_with(self, path, *arguments, tool='file_read', code=0, **top):
        node = {'tool': tool, 'parameters': {'path': path}}
        if tool == 'file_write':
            node['input'] = 'text'
        self.flow({'a': node}, name='work/flow.json', **top)
        return self.hill('run', 'flow.json', *arguments, code=code, cwd=self.path('work'))

    def test_paths_outside_are_refused_with_the_advice(self):
        for path in ('../outside/secret', self.outside + '/secret'):
            done = self.run_with(path, code=6)
            self.assertIn('--allow-path', done.err)
            self.assertIn('"file_access"', done.err)
            self.assertIn(os.path.realpath(self.outside), done.err)
            self.run_with(path, tool='file_write', code=6)
        self.assertEqual(self.read('outside/secret'), 'secret')

    def test_the_advice_helps(self):
        path = self.outside + '/secret'
        self.assertEqual(self.run_with(path, '--allow-path', self.outside).out, 'secret\n')
        self.assertEqual(self.run_with(path, file_access=[self.outside]).out, 'secret\n')
        self.assertEqual(self.run_with(path, file_access=['../outside']).out, 'secret\n')
        self.run_with(self.outside + '/new/made', file_access=[self.outside], tool='file_write')
        self.assertEqual(self.read('outside/new/made'), 'text')

    def test_links_that_lead_out_are_refused(self):
        os.symlink(self.outside, self.path('work/link'))
        os.symlink(self.outside + '/secret', self.path('work/file'))
        self.run_with('link/secret', code=6)
        self.run_with('file', code=6)
        self.run_with('link/made', tool='file_write', code=6)
        self.run_with('link/../outside/secret', code=6)
        self.assertEqual(os.listdir(self.outside), ['secret'])

    def test_files_that_are_none(self):
        self.assertIn('nothing_here', self.run_with('nothing_here', code=1).err)
        detail = self.hill('show', '-o', 'json', cwd=self.path('work')).json['nodes_detail'][0]
        self.assertEqual(detail['failure']['kind'], 'not_found')
        self.run_with('.', code=1)
        os.mkfifo(self.path('work/pipe'))
        self.run_with('pipe', code=1)

    def test_written_whole(self):
        self.run_with('a/b/c.txt', tool='file_write')
        self.assertEqual(self.read('work/a/b/c.txt'), 'text')
        self.assertEqual(os.listdir(self.path('work/a/b')), ['c.txt'])


class Commits(EndToEnd):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path('repo'))
        self.git('init', '-q', '-b', 'main')
        self.git('config', 'user.name', 'Tester')
        self.git('config', 'user.email', 'tester@example.org')
        self.write('repo/.gitignore', '.hillstar\nflow.json\n')

    def git(self, *arguments):
        return subprocess.run(['git', *arguments], cwd=self.path('repo'), env=self.environment, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60).stdout.decode()

    def commit(self, code=0, **parameters):
        self.flow({'c': {'tool': 'git_commit', 'parameters': {'message': 'Results', **parameters}}},
                  name='repo/flow.json')
        return self.hill('run', 'flow.json', code=code, cwd=self.path('repo'))

    def test_a_commit_and_then_nothing_to_commit(self):
        self.write('repo/data.txt', '1\n')
        self.commit()
        told = self.hill('result', 'latest', 'c', '-o', 'json', cwd=self.path('repo')).json
        self.assertEqual(self.git('rev-parse', 'HEAD').strip(), told['commit'])
        self.assertIn('Results', self.git('log', '-1', '--format=%B'))
        self.assertIn('data.txt', self.git('show', '--name-only', '--format='))
        done = self.commit(code=1)
        self.assertIn('nothing', done.err)
        detail = self.hill('show', '-o', 'json', cwd=self.path('repo')).json['nodes_detail'][0]
        self.assertEqual(detail['failure']['kind'], 'nothing_to_commit')
        self.commit(if_nothing='ok')
        self.assertEqual(self.git('rev-list', '--count', 'HEAD').strip(), '1')

    def test_keys_are_refused(self):
        self.write('repo/.env', 'KEY=1')
        self.assertIn('.env', self.commit(code=6).err)
        self.assertEqual(self.git('status', '--porcelain', '--', '.env').strip()[:2], '??')

    def test_hooks_run(self):
        self.write('repo/.git/hooks/pre-commit', '#!/bin/sh\necho not today >&2\nexit 1\n', 0o755)
        self.write('repo/data.txt', '1\n')
        self.assertIn('not today', self.commit(code=1).err)
        self.commit(no_verify=True)

    def test_outside_of_a_repository(self):
        self.flow({'c': {'tool': 'git_commit', 'parameters': {'message': 'x'}}})
        self.assertIn('repository', self.hill('run', 'flow.json', code=1).err)


class Secrets(EndToEnd):
    """What a script prints of the keys it was given is recorded nowhere, however it prints them."""

    KEY = 'sk-canary-0aB/9x'
    GIVEN = {'env': ['LAB_API_KEY']}

    def hidden(self, *arguments, code=0, **options):
        done = self.hill(*arguments, code=code, env={**os.environ, 'LAB_API_KEY': self.KEY}, **options)
        self.assertNotIn(self.KEY, done.out + done.err)
        return done

    def nowhere(self):
        needle = self.KEY.encode()
        for folder, _, names in os.walk(self.path('.')):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, 'rb') as file:
                        self.assertNotIn(needle, file.read(), path)

    def test_a_key_that_a_script_prints_is_masked_everywhere(self):
        self.flow({'short': script('echo "key is $LAB_API_KEY."', sandbox=self.GIVEN),
                   'coded': script('printf %s "$LAB_API_KEY" | base64', sandbox=self.GIVEN),
                   'long': script('for i in $(seq 20000); do echo "line $i $LAB_API_KEY"; done', sandbox=self.GIVEN),
                   'read': script('cat', '{{ short.output }}')})
        self.hidden('run', 'flow.json')
        self.assertEqual(self.hill('result', 'latest', 'read').out, 'key is [REDACTED:known_secret].\n')
        self.assertNotIn('c2stY2Fu', self.hill('result', 'latest', 'coded').out)
        self.assertTrue(self.hill('result', 'latest', 'long').out.endswith('line 20000 [REDACTED:known_secret]\n'))
        self.hidden('export', 'latest', '--jsonl')
        self.nowhere()

    def test_a_key_in_an_error_is_masked(self):
        self.flow({'fails': script('echo "cannot log in with $LAB_API_KEY" >&2; exit 3', sandbox=self.GIVEN)})
        self.assertIn('cannot log in with [REDACTED', self.hidden('run', 'flow.json', code=1).err)
        self.nowhere()

    # In pieces, so that none stands here as a whole.
    LOOKALIKES = ('gh' + 'p_' + 'a7' * 18, 'sk-' + 'ant-api03-' + 'b8' * 20, 'AK' + 'IA' + 'Q7' * 8, 'c0rr3ct-h0rse')

    def nowhere_at_rest(self, said):
        """Also not in the store: what is compressed there is read through its own commands."""
        for key in self.LOOKALIKES:
            self.assertNotIn(key, said)
            for folder, _, names in os.walk(self.path('.')):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path) and name not in ('flow.json', 'keys.txt'):
                        with open(path, 'rb') as file:
                            self.assertNotIn(key.encode(), file.read(), path)

    def test_what_looks_like_a_credential_is_masked_at_every_door(self):
        # Not held by any variable: read from a file, as a stranger's output would bring it.
        github, model, cloud, password = self.LOOKALIKES
        with open(self.path('keys.txt'), 'w') as file:
            file.write(f'token {github}\nmodel {model}\ncloud {cloud}\ndb postgres://me:{password}@db/x\n')
        self.flow({'read': {'tool': 'file_read', 'parameters': {'path': 'keys.txt'}},
                   'print': script('cat keys.txt; cat keys.txt >&2'),
                   'long': script('for i in $(seq 3000); do echo "line $i"; cat keys.txt; done'),
                   'next': script('cat', '{{ print.output }}'),
                   'fails': script('cat keys.txt >&2; exit 3', on_error='continue')})
        done = self.hill('run', 'flow.json')
        said = done.out + done.err
        for command in (('events', 'latest'), ('logs', 'latest'), ('show', 'latest'),
                        ('export', 'latest', '--jsonl'), ('result', 'latest', 'long')):
            done = self.hill(*command)
            said += done.out + done.err
        masked = ('token [REDACTED:github_pat_classic]\nmodel [REDACTED:anthropic_key]\ncloud [REDACTED:aws_access_id]\n'
                  'db postgres://me:[REDACTED:url_password]@db/x\n')
        for node in ('read', 'print', 'next'):
            self.assertEqual(self.hill('result', 'latest', node).out, masked)
        self.nowhere_at_rest(said)

    def test_a_rule_is_switched_off_and_another_on(self):
        self.flow({'a': script(f'echo {self.LOOKALIKES[0]} ada@example.org')})
        environment = {**os.environ, 'HILLSTAR_REDACT_OFF': 'github_pat_classic', 'HILLSTAR_REDACT_ON': 'email_address'}
        self.hill('run', 'flow.json', env=environment)
        self.assertEqual(self.hill('result', 'latest', 'a').out, self.LOOKALIKES[0] + ' [REDACTED:email_address]\n')
        # A project, which may come from a stranger, switches none off.
        self.write('.env', 'HILLSTAR_REDACT_OFF=github_pat_classic\nHILLSTAR_REDACT_ON=email_address\n')
        with open(self.path('keys.txt'), 'w') as file:
            file.write(self.LOOKALIKES[0] + ' ada@example.org')
        self.flow({'a': script('cat keys.txt')})
        done = self.hill('run', 'flow.json')
        self.assertIn('HILLSTAR_REDACT_OFF of', done.err)
        self.assertEqual(self.hill('result', 'latest', 'a').out,
                         '[REDACTED:github_pat_classic] [REDACTED:email_address]\n')
        os.remove(self.path('.env'))
        for bad in ('nonsense', 'known_secret'):
            self.hill('run', 'flow.json', env={**os.environ, 'HILLSTAR_REDACT_OFF': bad}, code=2)

    def test_a_key_is_no_input(self):
        self.flow({'a': script('cat', '{{ inputs.key }}')}, inputs={'key': {'type': 'string'}})
        done = self.hidden('run', 'flow.json', '-p', 'key=' + self.KEY, code=6)
        self.assertIn('LAB_API_KEY', done.err)
        self.nowhere()


if __name__ == '__main__':
    sys.exit(main())

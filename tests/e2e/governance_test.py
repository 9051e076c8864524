# SPDX-License-Identifier: Apache-2.0
"""Commits need runs: the checks and the hook, with real repositories."""
import json
import os
import subprocess
import sys
import time
import unittest

import harness
from harness import EndToEnd, script


class Governed(EndToEnd):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path('bin'))
        os.symlink(harness.settings.binary, self.path('bin/hillstar-actors'))
        self.environment.update(PATH=self.path('bin') + ':/usr/bin:/bin', GIT_CONFIG_NOSYSTEM='1')
        self.write('.gitconfig', '[user]\nname = n\nemail = a@b\n[init]\ndefaultBranch = main\n'
                                 '[protocol "file"]\nallow = always\n')
        self.project = self.path('the project')     # a blank in the name: hooks must quote
        os.mkdir(self.project)

    def options(self, **more):
        return super().options(**{'cwd': self.project, **more})

    def git(self, *arguments, code=0, **more):
        done = subprocess.run(['git', *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=harness.PATIENCE, **self.options(**more))
        done = harness.Done(arguments, done.returncode, done.stdout, done.stderr)
        if code is not None:
            self.assertEqual(done.code, code, done)
        return done

    def put(self, name, text='x\n', mode=None, stage=True):
        self.write(os.path.join('the project', name), text, mode)
        if stage:
            self.git('add', '-f', name)

    def repository(self, install=True):
        """A repository with one commit, a workflow in it, and the hook."""
        self.git('init', '-q')
        self.put('.gitignore', '.hillstar/\n')
        self.put('flow.json', json.dumps({'id': 'flow', 'graph': {'nodes': {'a': script('echo hi')}, 'edges': []}}))
        self.git('commit', '-qm', 'begin')
        if install:
            self.hill('enforce', 'install')

    def run_flow(self, file='flow.json', **more):
        return self.hill('run', file, '-q', **more)

    def policy(self, text):
        self.put('.hillstar/governance_policy.json', text if isinstance(text, str) else json.dumps(text), stage=False)

    def commit(self, code=0, message='m', **more):
        return self.git('commit', '-m', message, code=code, **more)

    def refused(self, *words, **more):
        done = self.commit(code=1, **more)
        for word in words:
            self.assertIn(word, done.err, done)
        return done

    def check(self, code, word='', *options, **more):
        done = self.hill('enforce', 'check', *options, code=code, **more)
        self.assertIn(word, done.out, done)
        return done

    def marker(self, **change):
        path = os.path.join(self.project, '.hillstar/commit_ready.json')
        with open(path) as file:
            marker = json.load(file)
        marker.update(change)
        with open(path, 'w') as file:
            json.dump(marker, file)
        return marker

    def log(self):
        with open(os.path.join(self.project, '.hillstar/governance_log.jsonl')) as file:
            return [json.loads(line) for line in file]


class Checks(Governed):
    def test_without_a_repository_the_run_alone_counts(self):
        self.check(1, 'No workflow execution found')
        self.write('the project/flow.json', json.dumps({'id': 'w', 'graph': {'nodes': {'a': script('echo')}, 'edges': []}}))
        self.run_flow()
        self.check(0, "'w' (flow.json) completed")
        answer = self.hill('enforce', 'check', '-o', 'json').json
        self.assertEqual((answer['compliant'], answer['rule'], answer['bypass']), (True, 'run', None))
        self.git('init', '-q')
        self.check(1, 'no repository')

    def test_a_marker_that_does_not_fit_is_refused(self):
        self.repository()
        self.put('a.py')
        self.run_flow()
        good = self.marker()
        self.check(0)
        stamp = lambda seconds: time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime(time.time() + seconds))
        for change, words in (({'executed_at': stamp(60)}, 'future'),
                              ({'executed_at': stamp(-3700)}, 'stale'),
                              ({'executed_at': 'noon'}, 'is no time'),
                              ({'executed_at': None}, 'no executed_at'),
                              ({'workflow_id': ''}, 'missing workflow_id'),
                              ({'run': None}, 'names no run'),
                              ({'run': '01KAMV00000000000000000000'}, 'does not know run'),
                              ({'run': 'latest'}, 'run latest'),
                              ({'run': '../../x'}, 'run ../../x'),
                              ({'chain': '0' * 64}, 'differ'),
                              ({'seq': 999}, 'differ'),
                              ({'seq': 1}, 'differ'),
                              ({'workflow_sha256': '0' * 64}, 'has changed'),
                              ({'workflow_file': 'gone.json'}, 'cannot be read'),
                              ({'git': None}, 'no repository'),
                              ({'git': {'folder': good['git']['folder'], 'head': 'f' * 40}}, 'licenses one commit'),
                              ({'git': {'error': 'dubious'}}, 'could not be asked')):
            with self.subTest(change=change):
                self.marker(**{**good, **change})
                self.check(1, words)
        for text in ('', '{', '[]', '"x"', '\xff'):
            with self.subTest(text=text):
                self.put('.hillstar/commit_ready.json', text.encode('latin-1'), stage=False)
                self.check(1, 'Could not read commit_ready marker')

    def test_a_naive_time_is_utc_and_a_policy_may_ask_for_less(self):
        self.repository()
        self.put('a.py')
        self.run_flow()
        self.marker(executed_at=time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() - 100)), workflow_id='')
        self.check(1, 'missing workflow_id')
        self.policy({'require_workflow_id': False})
        self.check(0)
        self.policy({'require_workflow_id': False, 'max_age_seconds': 50})
        self.check(1, 'stale')

    def test_failed_and_cancelled_runs_license_nothing(self):
        self.repository()
        self.put('bad.json', json.dumps({'id': 'b', 'graph': {'nodes': {'a': script('exit 3')}, 'edges': []}}))
        self.hill('run', 'bad.json', '-q', code=1)
        self.refused('No workflow execution found')
        self.run_flow()
        self.hill('run', 'bad.json', '-q', code=1)
        self.commit()       # the earlier success still stands

    def test_the_workflow_that_ran_is_the_workflow_that_is_there(self):
        self.repository()
        self.run_flow()
        text = self.read('the project/flow.json')
        self.put('flow.json', text.replace('echo hi', 'echo ho'))
        self.refused('flow.json has changed since the run')
        self.put('flow.json', text)
        self.put('a.py')
        self.commit()

    def test_a_workflow_with_a_key_in_it_is_compared_without_it(self):
        self.repository()
        flow = json.loads(self.read('the project/flow.json'))
        flow['model_config'] = {'custom_providers': {'mine': {'base_url': 'http://127.0.0.1:9', 'api_key': 'k3y-of-mine-1'}}}
        self.put('flow.json', json.dumps(flow))
        self.run_flow()
        self.commit()

    def test_results_by_hand_and_runs_that_did_nothing_license_nothing(self):
        self.repository(install=False)
        self.put('two.json', json.dumps({'id': 'two', 'graph': {
            'nodes': {'a': script('echo a'), 'b': script('cat', '{{ a.output }}')}, 'edges': [{'from': 'a', 'to': 'b'}]},
            'state': {'checkpoints': ['a', 'b']}}))
        self.run_flow('two.json')
        self.check(0)
        self.hill('fork', 'latest', '--from', 'b', '-q')
        self.check(0)
        self.hill('fork', 'latest', '--from', 'b', '--set', 'a.output=fine', '-q')
        self.check(1, 'changed by hand')
        self.run_flow('two.json')
        self.hill('resume', 'latest', '-q')             # it has completed: nothing new is minted
        self.check(0)
        self.hill('run', 'two.json', '--resume-from', 'b', '-q')
        self.check(1, 'executed no node')
        checkpoints = os.path.join(self.project, '.hillstar/checkpoints')
        file = os.path.join(checkpoints, sorted(n for n in os.listdir(checkpoints) if '_a_' in n)[0])
        self.hill('run', 'two.json', '--resume-from', file, '-q')
        self.check(1, 'no run made')
        os.unlink(os.path.join(self.project, '.hillstar/commit_ready.json'))
        self.hill('execute-node', 'two.json', 'a', '-q')
        self.check(1, 'No workflow execution found')

    def test_the_record_is_looked_at_if_it_can_be(self):
        self.repository()
        self.put('a.py')
        self.run_flow('flow.json', env={'HILLSTAR_STORE': self.path('elsewhere')})
        self.check(0, 'not looked at: there is no store')
        self.policy({'require_record': True})
        self.check(1, 'cannot be looked at')
        self.check(0, 'completed', env={'HILLSTAR_STORE': self.path('elsewhere')})
        self.check(0, 'completed', '--store', self.path('elsewhere'))

    def test_status_never_fails(self):
        done = self.hill('enforce', 'status')
        self.assertIn('Hook installed:', done.out)
        self.repository()
        self.run_flow()
        status = self.hill('enforce', 'status', '-o', 'json').json
        self.assertTrue(status['hook_installed'])
        self.assertEqual(status['marker']['workflow_id'], 'flow')
        self.assertEqual(status['policy']['max_age_seconds'], 3600)
        self.policy('{')
        done = self.hill('enforce', 'status')
        self.assertIn('everything is refused', done.out)

    def test_wrong_use_is_2(self):
        for arguments in (('enforce',), ('enforce', 'nonsense'), ('mode',), ('mode', 'prod'), ('enforce', 'check', '--x')):
            with self.subTest(arguments=arguments):
                self.assertTrue(self.hill(*arguments, code=2).err)


class Policies(Governed):
    def test_paths_decide_whether_a_run_is_needed(self):
        self.repository()
        self.put('README.md')
        self.put('notes/day.txt')
        self.commit()
        self.put('README.md', 'y\n')
        self.put('tool', 'x\n')
        self.refused('No workflow')
        self.policy({'exempt_patterns': ['tool', '*.md'], 'blocked_patterns': ['reports/']})
        self.commit()
        self.put('reports/a.md')
        self.refused('No workflow')
        self.git('reset', '-q')
        self.git('rm', '-q', 'notes/day.txt')       # a removal counts like a change
        self.refused('No workflow')
        self.git('reset', '-q')
        self.policy({'exempt_patterns': ['*']})
        self.put('.hillstar/governance_policy.json', '{"exempt_patterns": ["*"], "max_age_seconds": 9999999}')
        self.refused('No workflow')                 # the policy itself is never exempt

    def test_a_policy_that_cannot_be_understood_refuses_everything(self):
        self.repository()
        self.put('README.md')
        self.run_flow()
        for text, words in (('{', 'governance_policy.json:1:'), ('[]', 'object'), ('', 'refused'),
                            ('{"max_age_seconds": "long"}', '/max_age_seconds'),
                            ('{"max_age_secs": 1}', "did you mean 'max_age_seconds'"),
                            ('{"exempt_patterns": ["!x"]}', '/exempt_patterns/0')):
            with self.subTest(text=text):
                self.policy(text)
                self.check(1, words)
                self.check(1, words, '--dev', env={'HILLSTAR_FORCE_COMMIT': '1'})
                self.refused('Who may write', env={'HILLSTAR_FORCE_COMMIT': '1', 'HILLSTAR_DEV_MODE': '1'})
                self.hill('mode', 'dev', code=6)
        os.unlink(os.path.join(self.project, '.hillstar/governance_policy.json'))
        os.symlink('nowhere', os.path.join(self.project, '.hillstar/governance_policy.json'))
        self.refused('cannot be read')
        os.unlink(os.path.join(self.project, '.hillstar/governance_policy.json'))
        self.policy({'sandbox': {'allow_non': True}})   # rules about runs are rules, too
        self.refused('sandbox')
        self.hill('run', 'flow.json', code=6)
        self.policy({'sandbox': {}, 'data': {}, 'air_gap': {}, 'allow_dev_mode': False, 'require_record': True,
                     'allow_force_override': False, 'exempt_patterns': [], '_note': 'for people'})
        self.run_flow()                                 # one file for both, read by both
        self.commit()

    def test_development_mode_works_and_is_recorded(self):
        self.repository()
        self.put('a.py')
        self.assertEqual(self.hill('mode', 'dev').out, 'Development mode enabled\n')
        self.check(0, 'Development mode active')
        self.commit()
        tree = self.git('rev-parse', 'HEAD^{tree}').out.strip()
        self.assertEqual(self.hill('mode', 'normal').out, 'Development mode disabled\n')
        self.assertEqual(self.hill('mode', 'normal', '-o', 'json').json, {'mode': 'normal'})
        self.put('b.py')
        self.refused('No workflow')
        self.commit(env={'HILLSTAR_DEV_MODE': '1'})
        self.put('c.py')
        self.check(0, '', '--dev')
        self.refused('HILLSTAR_DEV_MODE is \'yes\'', env={'HILLSTAR_DEV_MODE': 'yes'})
        log = self.log()
        self.assertEqual([(entry['bypass'], entry['hook']) for entry in log],
                         [('mode dev', False), ('mode dev', True), ('HILLSTAR_DEV_MODE=1', True), ('--dev', False)])
        self.assertEqual(log[1]['tree'], tree)
        self.assertEqual(log[0]['head'], log[1]['head'])
        self.assertTrue(all(entry['who'] and entry['at'] for entry in log))

    def test_a_policy_forbids_development_mode_and_force(self):
        self.repository()
        self.put('a.py')
        self.hill('mode', 'dev')
        self.policy({'allow_dev_mode': False, 'allow_force_override': False})
        self.refused('does not count', 'allow_dev_mode')
        self.refused('allow_force_override', env={'HILLSTAR_FORCE_COMMIT': '1', 'HILLSTAR_DEV_MODE': '1'})
        self.assertIn('allow_dev_mode', self.hill('mode', 'dev', code=6).err)
        self.assertFalse(os.path.exists(os.path.join(self.project, '.hillstar/governance_log.jsonl')))
        self.policy({'allow_dev_mode': False})
        self.commit(env={'HILLSTAR_FORCE_COMMIT': '1'})
        self.assertEqual(self.log()[0]['bypass'], 'HILLSTAR_FORCE_COMMIT=1')

    def test_the_operators_policy_holds_over_the_projects(self):
        self.repository()
        self.put('a.py')
        self.write('.config/hillstar/policy.json', '{"allow_force_override": false, "allow_dev_mode": false}')
        self.policy({'allow_force_override': True, 'allow_dev_mode': True})
        self.refused('.config/hillstar/policy.json says', env={'HILLSTAR_FORCE_COMMIT': '1', 'HILLSTAR_DEV_MODE': '1'})
        self.assertIn('.config/hillstar/policy.json', self.hill('mode', 'dev', code=6).err)
        self.assertEqual(self.hill('enforce', 'status', '-o', 'json').json['policy']['stated_by']['allow_dev_mode'],
                         self.path('.config/hillstar/policy.json'))
        self.write('.config/hillstar/policy.json', '{"allow_force": 1}')
        self.refused('.config/hillstar/policy.json')

    def test_what_cannot_be_recorded_does_not_pass(self):
        self.repository()
        self.put('a.py')
        os.makedirs(os.path.join(self.project, '.hillstar/governance_log.jsonl'))
        self.refused('must be recorded', env={'HILLSTAR_FORCE_COMMIT': '1'})


class Once(Governed):
    def test_a_run_licenses_one_commit(self):
        self.repository()
        self.put('a.py')
        self.refused('No workflow')
        self.run_flow()
        self.commit()
        self.put('b.py')
        self.refused('A run licenses one commit')
        self.run_flow()
        self.commit()

    def test_the_first_commit_of_a_repository(self):
        self.git('init', '-q')
        self.hill('enforce', 'install')
        self.put('flow.json', json.dumps({'id': 'flow', 'graph': {'nodes': {'a': script('echo hi')}, 'edges': []}}))
        self.refused('No workflow')
        self.run_flow()
        self.commit()
        self.put('a.py')
        self.refused('licenses one commit')

    def test_neither_a_reset_nor_another_branch_licenses_a_second(self):
        self.repository()
        self.git('branch', 'other')
        self.put('a.py')
        self.run_flow()
        self.commit()
        self.git('reset', '-q', '--soft', 'HEAD~1')
        self.refused('has been made since')
        self.git('reset', '-q', '--hard', 'HEAD')
        self.git('checkout', '-q', 'other')
        self.put('b.py')
        self.refused('has been made since')

    def test_amending(self):
        self.repository()
        self.put('a.py')
        self.run_flow()
        self.commit()
        self.git('commit', '--amend', '-m', 'better words')     # the content was licensed already
        self.put('a.py', 'more\n')
        self.assertIn('licenses one commit', self.git('commit', '--amend', '--no-edit', code=1).err)
        self.run_flow()
        self.git('commit', '--amend', '--no-edit')
        self.put('b.py')
        self.refused('licenses one commit')

    def test_a_commit_that_another_hook_stops_costs_nothing(self):
        self.repository()
        self.put('a.py')
        self.run_flow()
        hook = os.path.join(self.project, '.git/hooks/commit-msg')
        with open(hook, 'w') as file:
            file.write('#!/bin/sh\nexit 1\n')
        os.chmod(hook, 0o755)
        self.commit(code=1)
        self.commit(code=1)
        os.unlink(hook)
        self.commit()

    def test_what_is_committed_counts_and_not_what_is_staged(self):
        self.repository()
        self.put('a.md')
        self.put('b.py')
        self.commit(code=1)
        self.git('commit', '-m', 'only this', '--', 'a.md')
        self.run_flow()
        self.commit()
        self.put('b.py', 'y\n', stage=False)
        self.git('commit', '-am', 'all', code=1)
        self.put('a.md', 'y\n')
        self.git('checkout', '-q', 'HEAD', '--', 'b.py')
        self.git('commit', '-am', 'words')


class Hooks(Governed):
    def hook(self, name='pre-commit', folder='.git/hooks'):
        return os.path.join(self.project, folder, name)

    def foreign(self, text='#!/bin/sh\necho foreign >> ran\n', mode=0o755):
        os.makedirs(os.path.dirname(self.hook()), exist_ok=True)
        with open(self.hook(), 'w') as file:
            file.write(text)
        os.chmod(self.hook(), mode)

    def test_install_and_uninstall(self):
        self.assertIn('Not a git repository', self.hill('enforce', 'install', code=1).out)
        self.repository(install=False)
        self.assertIn('no pre-commit hook', self.hill('enforce', 'uninstall').out)
        self.assertIn('hook installed', self.hill('enforce', 'install').out)
        self.assertEqual(os.stat(self.hook()).st_mode & 0o777, 0o755)
        self.assertIn('already installed', self.hill('enforce', 'install').out)
        self.assertIn('uninstalled', self.hill('enforce', 'uninstall').out)
        self.assertFalse(os.path.exists(self.hook()))
        self.put('a.py')
        self.commit()

    def test_a_foreign_hook_is_kept_called_first_and_put_back(self):
        self.repository(install=False)
        self.foreign()
        before = self.read('the project/.git/hooks/pre-commit')
        done = self.hill('enforce', 'install', code=1)
        self.assertIn('--force', done.out)
        self.assertEqual(self.read('the project/.git/hooks/pre-commit'), before)
        self.assertIn('stays', self.hill('enforce', 'uninstall', code=1).out)
        self.put('a.py')
        with open(self.hook('pre-commit.kept_1'), 'w') as file:
            file.write('somebody else\'s')
        self.assertIn('pre-commit.kept_2', self.hill('enforce', 'install', '--force').out)
        self.refused('No workflow')
        self.assertEqual(self.read('the project/ran'), 'foreign\n')
        self.run_flow()
        self.hill('enforce', 'install', '--force')      # does not forget what it keeps
        self.commit()
        self.assertEqual(self.read('the project/ran'), 'foreign\n' * 2)
        os.rename(self.hook('pre-commit.kept_2'), self.hook('away'))
        self.put('b.py')
        self.refused('is gone or cannot be run')
        os.rename(self.hook('away'), self.hook('pre-commit.kept_2'))
        self.assertIn('is back', self.hill('enforce', 'uninstall').out)
        self.assertEqual(self.read('the project/.git/hooks/pre-commit'), before)
        self.assertFalse(os.path.exists(self.hook('pre-commit.kept_2')))

    def test_a_foreign_hook_that_refuses_refuses(self):
        self.repository(install=False)
        self.foreign('#!/bin/sh\necho not today >&2\nexit 7\n')
        self.hill('enforce', 'install', '--force')
        self.put('a.py')
        self.run_flow()
        self.refused('not today')

    def test_hooks_that_git_would_not_call_and_hillstars_own_are_not_called(self):
        for text, mode in (('#!/bin/sh\nexit 7\n', 0o644), ('#!/bin/bash\n# Hillstar governance\nexit 7\n', 0o755)):
            with self.subTest(mode=mode):
                self.project = self.path(f'p{mode}')
                os.mkdir(self.project)
                self.git('init', '-q')
                self.foreign(text, mode)
                self.hill('enforce', 'install', code=1)
                self.assertIn('not called', self.hill('enforce', 'install', '--force').out)
                self.git('commit', '--allow-empty', '-qm', 'x')

    def test_without_the_program_nothing_is_committed(self):
        self.repository()
        self.put('a.py')
        self.run_flow()
        bare = {'PATH': '/usr/bin:/bin'}
        self.refused('not in PATH', env=bare)
        self.refused('not in PATH', env={**bare, 'HILLSTAR_FORCE_COMMIT': '1'})
        self.commit()

    def test_work_trees_have_their_own_marker(self):
        self.repository()
        tree = self.path('second')
        self.git('worktree', 'add', '-q', tree)
        self.assertTrue(os.path.isfile(os.path.join(tree, '.git')))
        self.run_flow()
        self.put('a.py')
        with open(os.path.join(tree, 'b.py'), 'w') as file:
            file.write('b')
        self.git('add', 'b.py', cwd=tree)
        self.assertIn('No workflow', self.commit(code=1, cwd=tree).err)
        os.mkdir(os.path.join(tree, '.hillstar'))
        with open(os.path.join(tree, '.hillstar/commit_ready.json'), 'w') as file:
            json.dump(self.marker(), file)              # carried over by hand
        self.assertIn('The run ended in', self.commit(code=1, cwd=tree).err)
        self.run_flow(cwd=tree)
        self.commit(cwd=tree)
        self.commit()
        self.assertIn('already installed', self.hill('enforce', 'install', cwd=tree).out)

    def test_submodules(self):
        self.repository(install=False)
        outer = self.path('outer')
        os.mkdir(outer)
        self.git('init', '-q', cwd=outer)
        self.git('submodule', '--quiet', 'add', self.project, 'inner', cwd=outer)
        inner = os.path.join(outer, 'inner')
        self.hill('enforce', 'install', cwd=inner)
        with open(os.path.join(inner, 'a.py'), 'w') as file:
            file.write('a')
        self.git('add', 'a.py', cwd=inner)
        self.assertIn('No workflow', self.commit(code=1, cwd=inner).err)
        self.run_flow(cwd=inner)
        self.commit(cwd=inner)

    def test_a_hooks_path_of_ones_own(self):
        self.repository(install=False)
        self.git('config', 'core.hooksPath', 'tools/hooks')
        self.hill('enforce', 'install')
        self.assertTrue(os.path.exists(self.hook(folder='tools/hooks')))
        self.put('a.py')
        self.refused('No workflow')
        self.git('config', 'core.hooksPath', self.path('for all'))
        self.assertIn('other repositories', self.hill('enforce', 'install', code=1).out)
        self.hill('enforce', 'install', '--force')
        self.refused('No workflow')

    def test_husky_is_told_where_the_line_belongs(self):
        self.repository(install=False)
        self.git('config', 'core.hooksPath', '.husky/_')
        os.makedirs(os.path.join(self.project, '.husky/_'))
        self.put('.husky/_/pre-commit', '#!/bin/sh\n. "$(dirname "$0")/h"\n', 0o755, stage=False)
        for options in ([], ['--force']):
            done = self.hill('enforce', 'install', *options, code=1)
            self.assertIn('enforce check --hook || exit 1', done.out)
        self.assertEqual(os.listdir(os.path.join(self.project, '.husky/_')), ['pre-commit'])

    def test_a_project_below_the_top_of_its_repository(self):
        self.repository(install=False)
        sub = os.path.join(self.project, 'sub')
        os.mkdir(sub)
        os.rename(os.path.join(self.project, 'flow.json'), os.path.join(sub, 'flow.json'))
        self.hill('enforce', 'install', '--project-dir', 'sub')
        self.git('add', '-A')
        self.refused('No workflow')
        self.git('commit', '-am', 'm', code=1)
        self.run_flow(cwd=sub)
        self.git('commit', '-am', 'm')
        self.assertIn('already installed; it is now for ' + self.project, self.hill('enforce', 'install').out)
        self.hill('enforce', 'install', '--project-dir', 'sub')
        os.chmod(self.hook(), 0o644)                    # git would not call it
        self.assertFalse(self.hill('enforce', 'status', '-o', 'json').json['hook_installed'])
        self.hill('enforce', 'install', '--project-dir', 'sub')
        self.put('sub/x.py')
        self.refused('licenses one commit', cwd=sub)


if __name__ == '__main__':
    sys.exit(harness.main())

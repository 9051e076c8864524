# SPDX-License-Identifier: Apache-2.0
"""Verdicts that are promised to people who come from Hillstar: what is valid, what is refused, who is asked.

Each line of the table says what Hillstar's `validate` said, since docs/guides/coming-from-hillstar.md explains where
this program says something else.
"""
import json
import os
import subprocess
import sys

import harness
from harness import EndToEnd

OK, REFUSED = 0, 3


def node(tool='script_run', **more):
    if tool == 'script_run' and 'parameters' not in more:
        more['parameters'] = {'script': '/bin/true'}
    return {'tool': tool, **more}


def flow(nodes, edges=(), **top):
    return {'id': 'x', 'graph': {'nodes': nodes, 'edges': [{'from': a, 'to': b} for a, b in edges]}, **top}


def call(provider=None, model='m', **top):
    asked = {'input': 'hi', 'model': model} if provider is None else {'input': 'hi', 'model': model,
                                                                      'provider': provider}
    return flow({'a': node('model_call', **asked)}, **top)


def models(**config):
    return flow({'a': node()}, model_config=config)


ONE, TWO = {'a': node()}, {'a': node(), 'b': node()}
FOUR = {name: node() for name in 'abcd'}
ACCEPTED = {'tos_accepted': True, 'audit_enabled': True, 'restricted_use_acknowledged': True}

# name: (document, Hillstar's validate, ours, words of ours)
VERDICTS = {
    'ask': (flow(ONE, permissions={'a': 'ask'}), OK, OK, ''),
    'never': (flow(TWO, [('a', 'b')], permissions={'b': 'never'}), OK, OK, ''),
    'permission_bogus': (flow(ONE, permissions={'a': 'bogus'}), OK, REFUSED, "'bogus' is not one of"),
    'tool_unknown': (flow({'a': {'tool': 'nope'}}), OK, REFUSED, "no tool 'nope'"),
    'tool_checkpoint': (flow({'a': {'tool': 'checkpoint'}}), OK, OK, ''),
    'tool_missing': (flow({'a': {}}), REFUSED, REFUSED, "'tool' is missing"),
    'edges_missing': ({'id': 'x', 'graph': {'nodes': ONE}}, REFUSED, REFUSED, "'edges' is missing"),
    'graph_missing': ({'id': 'x'}, REFUSED, REFUSED, "'graph' is missing"),
    'id_missing': ({'graph': {'nodes': ONE, 'edges': []}}, REFUSED, REFUSED, "'id' is missing"),
    'top_is_array': ([], REFUSED, REFUSED, 'found an array'),
    'edge_to_nowhere': (flow(ONE, [('a', 'zz')]), REFUSED, REFUSED, "no node 'zz'"),
    'edge_twice': (flow(TWO, [('a', 'b'), ('a', 'b')]), OK, OK, ''),
    'edge_to_itself': (flow(ONE, [('a', 'a')]), OK, REFUSED, 'cycle: a -> a'),
    'cycle': (flow(TWO, [('a', 'b'), ('b', 'a')]), OK, REFUSED, 'cycle: a -> b -> a'),
    'no_nodes': (flow({}), OK, REFUSED, 'nothing to run'),
    'isolated': (flow(TWO), REFUSED, OK, ''),
    'two_components': (flow(FOUR, [('a', 'b'), ('c', 'd')]), OK, OK, ''),
    'concurrency_0': (models(max_concurrency=0), OK, REFUSED, '/model_config/max_concurrency'),
    'concurrency_true': (models(max_concurrency=True), OK, REFUSED, 'found true'),
    'budget_upside_down': (models(budget={'max_per_task_usd': 5, 'max_workflow_usd': 1}), REFUSED, REFUSED,
                           'more than the whole workflow'),
    'mode_bad': (models(mode='zzz'), REFUSED, REFUSED, "'zzz' is not one of"),
    'preset_missing': (models(mode='preset'), REFUSED, REFUSED, "'preset' is missing"),
    'preset_bad': (models(mode='preset', preset='cheap'), REFUSED, REFUSED, "'cheap' is not one of"),
    'preset_bad_unused': (models(preset='cheap'), OK, REFUSED, "'cheap' is not one of"),
    'lists_overlap': (models(provider_preferences={'allowlist': ['openai'], 'blocklist': ['openai']}), REFUSED,
                      REFUSED, 'both in'),
    'sampling_bad': (models(sampling_params={'temperature': 3, 'max_tokens': 0}), REFUSED, REFUSED, 'found 3'),
    'provider_unknown': (call('zzz'), REFUSED, REFUSED, "Unknown provider: 'zzz'"),
    'model_unknown': (call('mistral', provider_config={'mistral': ACCEPTED}), REFUSED, OK, "no known model 'm'"),
    'terms_anthropic': (call('anthropic', 'claude-opus-4-6'), REFUSED, REFUSED, 'HS304'),
    'terms_openai': (call('openai', 'gpt-5.2'), OK, REFUSED, 'HS304'),
    'terms_google': (call('google', 'gemini-2.5-pro'), OK, REFUSED, 'HS304'),
    'terms_accepted': (call('anthropic', 'claude-opus-4-6', provider_config={'anthropic': ACCEPTED}), OK, OK, ''),
    'router_without_seat': (call('router', 'router-reviewer'), OK, OK, ''),
    'local_only_cloud': (call('openai', 'gpt-5.2', model_config={'mode': 'preset', 'preset': 'local_only'}), OK,
                         REFUSED, 'local_only'),
}


class Verdicts(EndToEnd):
    def test_validate(self):
        for name, (document, hillstar, ours, words) in VERDICTS.items():
            with self.subTest(name):
                self.write(f'{name}.json', json.dumps(document))
                done = self.hill('validate', f'{name}.json', code=ours)
                self.assertIn(words, done.err)
                # migrate says so, too: an error is something that must be changed.
                changed = self.hill('migrate', f'{name}.json', '-o', 'json', code=None).json['must_change']
                self.assertEqual(changed > 0, ours == REFUSED)
        self.write('broken.json', '{nope')
        self.hill('validate', 'broken.json', code=REFUSED)
        self.hill('validate', 'nowhere.json', code=4)

    def test_what_is_refused_leaves_nothing_behind(self):
        for name, (document, _, ours, _) in VERDICTS.items():
            if ours == REFUSED:
                self.write(f'{name}.json', json.dumps(document))
                with self.subTest(name):
                    self.hill('run', f'{name}.json', f'out_{name}', code=REFUSED)
                    self.assertFalse(os.path.exists(self.path(f'out_{name}')))


class Registry(EndToEnd):
    def test_a_key_in_the_registry_takes_neither_models_nor_terms(self):
        # In Hillstar this entry replaced the provider: no model was known any more, and no terms were asked for.
        self.write('home/.hillstar/provider_registry.json',
                   json.dumps({'version': '9.9', 'providers': {'anthropic': {'api_key': 'sk-ant-canary-canary'}}}), 0o600)
        home = {'HOME': self.path('home')}
        self.write('w.json', json.dumps(call('anthropic', 'claude-opus-4-6')))
        self.assertIn('HS304', self.hill('validate', 'w.json', code=REFUSED, env=home).err)
        self.write('w.json', json.dumps(call('anthropic', 'claude-opus-4-6', provider_config={'anthropic': ACCEPTED})))
        done = self.hill('validate', 'w.json', env=home)
        self.assertNotIn('no known model', done.err)
        plan = self.hill('plan', 'w.json', '-o', 'json', env=home)
        self.assertIn('claude-opus-4-6', plan.out)
        self.assertNotIn('canary', plan.out + plan.err)


class Presets(EndToEnd):
    def asked(self, config):
        here = {name: {'endpoint': 'http://127.0.0.1:9', 'type': kind, 'model_name': name + '-model'}
                for name, kind in (('anthropic', 'custom'), ('openai', 'custom'), ('ollama', 'ollama'))}
        document = flow({'a': node('model_call', input='hi', complexity='critical')},
                        model_config={'custom_providers': here, **config})
        self.write('p.json', json.dumps(document))
        nodes = self.hill('plan', 'p.json', '-o', 'json').json['nodes']
        return json.dumps(nodes[0])

    def test_a_blocked_provider_is_not_asked(self):
        asked = self.asked({'mode': 'auto', 'provider_preference': ['anthropic', 'openai'],
                            'provider_preferences': {'blocklist': ['anthropic']}})
        self.assertIn('openai-model', asked)
        self.assertNotIn('anthropic-model', asked)

    def test_local_only_asks_nobody_in_the_cloud(self):
        asked = self.asked({'mode': 'preset', 'preset': 'local_only'})
        self.assertNotIn('https://', asked)

    def test_without_a_mode_nobody_is_guessed(self):
        for config in ({}, {'mode': 'explicit'}):
            self.write('p.json', json.dumps(flow({'a': node('model_call', input='hi')}, model_config=config)))
            self.assertIn('names no provider', self.hill('plan', 'p.json', code=1).out)
            self.assertIn('nobody-to-ask', self.hill('migrate', 'p.json', code=3).out)


class Addresses(EndToEnd):
    def test_the_person_says_where_a_local_server_is_and_a_project_does_not(self):
        self.write('w.json', json.dumps(call('ollama')))
        def asked(**more):
            return self.hill('plan', 'w.json', '-o', 'json', **more)
        self.assertIn('"http://127.0.0.1:11434"', asked().out)
        self.assertIn('"http://127.0.0.1:9"', asked(env={'OLLAMA_BASE_URL': 'http://127.0.0.1:9'}).out)
        self.write('.env', 'OLLAMA_BASE_URL=http://stranger.example\n')
        done = asked()
        self.assertIn('"http://127.0.0.1:11434"', done.out)
        self.assertIn('OLLAMA_BASE_URL of', done.err)


class Commits(EndToEnd):
    def git(self, *arguments):
        return subprocess.run(['git', *arguments], cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def test_nothing_to_commit_is_no_success(self):
        self.git('init', '-q')
        self.git('config', 'user.name', 'me')
        self.git('config', 'user.email', 'me@example.org')
        self.write('.gitignore', '.hillstar/\nw.json\nhome/\n')
        commit = node('git_commit', parameters={'message': 'one'})
        self.write('w.json', json.dumps(flow({'a': commit})))
        self.hill('run', 'w.json', '-q')
        self.assertEqual(self.git('log', '-1', '--format=%s'), 'one\n')
        self.hill('run', 'w.json', '-q', code=1)
        self.assertIn('nothing_to_commit', self.hill('show', 'latest').out)
        commit['parameters']['if_nothing'] = 'ok'
        self.write('w.json', json.dumps(flow({'a': commit})))
        self.hill('run', 'w.json', '-q')
        self.assertEqual(self.git('rev-list', '--count', 'HEAD'), '1\n')


if __name__ == '__main__':
    sys.exit(harness.main())

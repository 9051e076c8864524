#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who is asked, and what it costs: plan, providers, registries of one's own, rules of a workflow, prices in a history.

Usage: money_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import json
import subprocess
import sys

from harness import ACCEPTED, EndToEnd, main, script, settings

KEYS = ('ANTHROPIC', 'OPENAI', 'GOOGLE', 'GEMINI', 'MISTRAL')


def ask(provider='', model='', **more):
    return {'tool': 'model_call', 'input': 'four by four', **({'provider': provider} if provider else {}),
            **({'model': model} if model else {}), **more}


class Money(EndToEnd):
    def setUp(self):
        super().setUp()
        for name in list(self.environment):
            if name.startswith(KEYS):
                del self.environment[name]

    def flow(self, nodes, edges=(), **more):
        return super().flow(nodes, edges, **{'provider_config': ACCEPTED, **more})

    def plan(self, code=0, **more):
        return self.hill('plan', 'flow.json', '-o', 'json', code=code, **more).json

    def registry(self, document, name='.hillstar/provider_registry.json'):
        return self.write(name, document if isinstance(document, str) else json.dumps(document))

    def test_plan_says_who_why_and_how_much(self):
        self.flow({'a': ask('anthropic', 'opus', parameters={'max_tokens': 1000}, retry=1), 's': script('true'),
                   'b': ask('openai', 'gpt-5', input='{{ a.output }}')})
        done = self.plan(env={'ANTHROPIC_API_KEY': 'sk-canary-1', 'OPENAI_API_KEY': 'sk-canary-2'})
        a, = [node for node in done['nodes'] if node['node'] == 'a']
        self.assertEqual((a['backend']['provider'], a['backend']['model']), ('anthropic', 'claude-opus-4-6'))
        self.assertEqual(a['estimate']['cost_low_micros'], 15)            # 3 tokens at 5 USD per million
        self.assertEqual(a['estimate']['cost_high_micros'], 25_075)       # 12 at 6.25, 1000 at 25
        b, = [node for node in done['nodes'] if node['node'] == 'b']
        self.assertEqual(b['estimate']['input_tokens_high'], 1000)
        self.assertTrue(done['total']['is_bound'])
        self.assertEqual(done['total']['cost_high_micros'],
                         sum(node['estimate']['cost_high_micros'] for node in (a, b)))
        text = self.hill('plan', 'flow.json', env={'ANTHROPIC_API_KEY': 'sk-canary-1', 'OPENAI_API_KEY': 'k'}).out
        for part in ('anthropic/claude-opus-4-6', 'the node names it', 'Total $', 'requests a minute'):
            self.assertIn(part, text)
        self.assertNotIn('canary', json.dumps(done) + text)

    def test_plan_names_missing_keys_and_ends_with_1(self):
        self.flow({'a': ask('google', 'gemini-2.5-pro')})
        done = self.hill('plan', 'flow.json', code=1)
        for part in ('GOOGLE_API_KEY', 'GEMINI_API_KEY', 'google/gemini-2.5-pro'):
            self.assertIn(part, done.out)
        self.write('.env', 'GEMINI_API_KEY=canary\n')
        self.assertNotIn('canary', self.hill('plan', 'flow.json').out)

    def test_presets_choose_among_the_keys_that_are_set(self):
        for preset, grade, model in (('minimize_cost', 'simple', 'gpt-5-nano-2025-08-07'),
                                     ('balanced', 'complex', 'gpt-5-2025-08-07'),
                                     ('maximize_quality', 'simple', 'gpt-4.1-2025-04-14')):
            with self.subTest(preset):
                self.flow({'a': ask(complexity=grade)}, model_config={'mode': 'preset', 'preset': preset})
                node, = self.plan(env={'OPENAI_API_KEY': 'k'})['nodes']
                self.assertEqual(node['backend']['model'], model)
        both = self.plan(env={'OPENAI_API_KEY': 'k', 'ANTHROPIC_API_KEY': 'k'})['nodes'][0]
        self.assertEqual(len(both['fallbacks']), 1)
        self.assertEqual({one['provider'] for one in both['left_out']}, {'google', 'mistral'})

    def test_validate_speaks_before_anything_runs(self):
        for node, config, number in (
                (ask('opnai', 'x'), {}, 'HS400'),
                (ask('openai', 'gpt-5'), {'provider_preferences': {'blocklist': ['openai']}}, 'HS300'),
                (ask('anthropic', 'opus'), {'preset': 'local_only'}, 'HS300'),
                (ask('ollama', 'glm-5:cloud'), {'preset': 'local_only'}, 'HS300')):
            with self.subTest(node=node, config=config):
                self.flow({'n': node}, model_config=config)
                self.assertIn(number, self.hill('validate', 'flow.json', code=3).err)
                self.hill('run', 'flow.json', code=3)
        self.hill('ls', code=4)   # there is not even a store
        self.flow({'n': ask('openai', 'gpt-5', parameters={'temperature': 0.5})})
        self.assertIn('takes no temperature', self.hill('validate', 'flow.json').err)

    def test_the_run_itself_keeps_to_local_only(self):
        # A router's address comes from where the run is started: validate cannot know it.
        self.flow({'n': ask('router', 'router-planner')}, model_config={'preset': 'local_only'})
        self.hill('validate', 'flow.json')
        done = self.hill('run', 'flow.json', code=None, env={'HILLSTAR_ROUTER_URL': 'https://192.0.2.1:9'})
        self.assertEqual(done.code, 6, done)
        self.assertIn('local_only', done.err)

    def test_a_call_has_its_price(self):
        server = subprocess.Popen([settings.server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.registry({'providers': {'lab': {
                'type': 'local', 'adapter': 'openai_compatible',
                'endpoint': 'http://127.0.0.1:' + server.stdout.readline().strip(),
                'models': {'tiny': {'pricing': {'input_per_1m_usd': '1000', 'output_per_1m_usd': 2000}}}}}})
            self.flow({'a': ask('lab', 'tiny'), 'b': ask('lab', 'nobody-knows-its-price')})
            self.hill('run', 'flow.json')
            usage = {event['data']['node']: event['data']['usage'] for event in self.events(kind='node_completed')}
            a = usage['a']
            self.assertGreater(a['cost'], 0)
            self.assertEqual(a['cost'], 1000 * a['input_tokens'] + 2000 * a['output_tokens'])
            self.assertEqual(usage['b']['cost'], 0)
            self.assertIn('Cost', self.hill('show').out)
            self.holds()
        finally:
            server.kill()
            server.communicate()

    def test_providers_are_listed_without_their_keys(self):
        done = self.hill('providers', 'ls', env={'OPENAI_API_KEY': 'sk-canary'})
        for part in ('anthropic', 'missing (ANTHROPIC_API_KEY)', 'set (OPENAI_API_KEY)', 'none needed'):
            self.assertIn(part, done.out)
        listed = {one['name']: one for one in self.hill('providers', '-o', 'json', env={'OPENAI_API_KEY': 'k'}).json}
        self.assertTrue(listed['openai']['key_set'])
        self.assertTrue(listed['google']['requires_tos_acceptance'])
        self.assertFalse(listed['openai_mcp']['available'])
        self.assertNotIn('canary', done.out)
        models = {one['model']: one for one in self.hill('providers', 'models', 'anthropic', '-o', 'json').json}
        self.assertEqual(models['claude-opus-4-6']['usd_per_million_tokens']['output'], '25')
        self.assertIn("'anthropic'", self.hill('providers', 'models', 'antropic', code=4).err)

    def test_registries_of_ones_own(self):
        self.registry({'providers': {'openai': {'api_key': 'sk-canary', 'default_model': 'gpt-5.1'}}})
        named = self.registry({'providers': {'openai': {'limits': {'requests_per_minute': 7}}}}, 'mine.json')
        done = self.hill('providers', 'ls', 'openai', '-o', 'json', env={'HILLSTAR_REGISTRY': named})
        openai, = done.json
        self.assertEqual((openai['default_model'], openai['limits']['requests_per_minute']), ('gpt-5.1', 7))
        self.assertGreater(openai['models'], 5)
        self.assertIn('secrets move', done.err)
        self.assertNotIn('canary', done.out + done.err)
        # A project does not say where keys go.
        self.write('.env', 'HILLSTAR_REGISTRY=/nowhere.json\n')
        self.hill('providers', 'ls')

    def test_registries_that_are_wrong(self):
        self.flow({'s': script('true')})
        for text, where in (('{', 'provider_registry.json:1:'), ('[]', 'provider_registry.json'),
                            ('{"providers":{"openai":{"type":"moon"}}}', '/providers/openai/type')):
            with self.subTest(text):
                self.registry(text)
                for command in (['providers'], ['plan', 'flow.json'], ['run', 'flow.json'], ['validate', 'flow.json']):
                    done = self.hill(*command, code=1)
                    self.assertIn('HS401', done.err)
                    self.assertIn(where, done.err)
        self.registry('{}')
        self.hill('providers', code=4, env={'HILLSTAR_REGISTRY': 'nothing.json'})


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reports: what they say about real runs, and that the HTML page is one file that needs nothing else.

Usage: report_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import base64
import hashlib
import html.parser
import json
import os
import subprocess
import sys

from harness import EndToEnd, main, script, settings
from models_test import ANSWER, Server, reply

VOID = {'meta', 'br'}
# Where something of the run may stand in a tag: nowhere.
ATTRIBUTES = {'lang', 'charset', 'http-equiv', 'content', 'name', 'id', 'class', 'scope', 'open', 'href', 'role',
              'aria-label', 'viewbox', 'width', 'height', 'x', 'y', 'x1', 'y1', 'x2', 'y2', 'rx', 'd', 'text-anchor',
              'refx', 'refy', 'markerwidth', 'markerheight', 'orient', 'marker-end'}
HOSTILE = '</script><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)> | `a` "b" \x1b[2J \u202e x'


class Page(html.parser.HTMLParser):
    """Checks tags as they come; `text` is what a reader sees."""

    def __init__(self, test, source):
        super().__init__()
        self.test, self.open, self.text, self.style, self.policy = test, [], '', '', None
        self.ids, self.links, self.seen = set(), set(), []
        self.feed(source)
        self.close()
        test.assertEqual(self.open, [])
        test.assertLessEqual(self.links, self.ids)
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        test.assertIn(f"default-src 'none'; style-src 'sha256-{digest}'", self.policy)
        test.assertNotIn('url(', self.style)
        test.assertNotIn('@import', self.style)

    def handle_starttag(self, tag, attributes):
        self.check(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.check(tag, attributes)

    def check(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        self.test.assertNotIn(tag, ('script', 'img', 'link', 'iframe', 'object', 'embed', 'base', 'form', 'image', 'use'))
        for name, value in attributes:
            self.test.assertIn(name, ATTRIBUTES, tag)
            self.test.assertNotIn('//', value or '', tag)
            if name == 'http-equiv':
                self.policy = dict(attributes)['content']
            if name == 'href':
                self.test.assertTrue(value.startswith('#'), value)
                self.links.add(value[1:])
            if name == 'marker-end':
                self.test.assertEqual(value, 'url(#arrow)')
            if name == 'id':
                self.test.assertNotIn(value, self.ids)
                self.ids.add(value)

    def handle_endtag(self, tag):
        self.test.assertEqual(self.open.pop(), tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == 'style':
            self.style += data
        else:
            self.text += data

    def count(self, tag, name):
        return sum(tag == one and name in (attributes.get('class') or '').split() for one, attributes in self.seen)


class Reports(EndToEnd):
    def serve(self, *replies):
        self.server = Server(*replies)
        self.addCleanup(self.server.close)
        return {'custom_providers': {'lab': {'endpoint': self.server.address, 'type': 'custom'}}}

    def page(self, run='latest', **more):
        self.hill('report', run, '--to', 'report.html', **more)
        return Page(self, self.read('report.html'))

    def markdown(self, run='latest', **more):
        return self.hill('report', run, **more).out

    @staticmethod
    def ask(prompt='a question', **more):
        return {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': prompt,
                'retry': {'attempts': 3, 'backoff': 0.05, 'cap': 0.05}, **more}

    def run_everything(self):
        config = self.serve(reply({'error': {'message': 'later'}}, '503 Service Unavailable'), reply(ANSWER))
        self.flow({'list': script("printf 'red\\ngreen\\nblue\\n'"),
                   'each': self.ask('what is {{ item }}', for_each='{{ list.output }}', persona='painter'),
                   'try': script('echo x >> tries; wc -l < tries'),
                   'ship': script('cat', '{{ each.output }} {{ try.output }}')},
                  [('list', 'each'), ('each', 'try'), ('try', 'ship'), ('each', 'ship')],
                  loops=[{'id': 'w', 'body': ['try'], 'max_attempts': 4, 'until': {'node': 'try', 'equals': '2'}}],
                  permissions={'ship': 'ask'}, model_config=config, description='all there is')
        self.hill('run', 'flow.json', code=8)
        return self.status()['run']


class Told(Reports):
    def test_a_run_with_everything(self):
        run = self.run_everything()
        waiting = self.page()
        self.assertIn('not answered', waiting.text)
        self.assertIn('It has not ended (waiting)', waiting.text)
        self.hill('approve', run, 'ship', '--reason', 'colours are fine')
        self.hill('export', '--jsonl')
        self.write('run.jsonl', self.hill('export', '--jsonl').raw)
        last = self.hill('verify', 'run.jsonl', '-o', 'json').json
        for text in (self.page().text, self.markdown()):
            for word in (run, 'all there is', 'painter', last['hash'], self.status()['workflow_sha256'],
                         'colours are fine', 'each[1]', 'tiny-1', 'asked for as tiny', 'again after', '3 items, 3 succeeded', self.server.address, 'was run with hillstar-actors',
                         'It completed after', f'{last["records"]} events', 'It made 4 calls to'):
                self.assertIn(word.replace('[', '\\[').replace(']', '\\]') if text.startswith('# W') else word, text)
        page = self.page()
        self.assertIn('4 calls, 1 without an answer', page.text)
        self.assertIn('loop w, attempt 2 of 4', page.text)
        self.assertIn('what is green', page.text)
        self.assertIn('POST ' + self.server.address + '/v1/chat/completions', page.text)
        self.assertEqual(page.count('g', 'node'), len(self.status()['nodes_detail']))
        self.assertGreaterEqual(page.count('rect', 'ok'), 6)
        self.assertEqual(page.count('rect', 'bad'), 1)
        self.assertIn('36', page.text)      # tokens: three answers of twelve

    def test_markdown_has_the_sections_of_hillstar(self):
        self.flow({'a': script('echo hi')})
        self.hill('run', 'flow.json')
        text = self.markdown()
        sections = [line for line in text.splitlines() if line.startswith(('# ', '## '))]
        self.assertEqual(sections, ['# Workflow Report: flow', '## Workflow Structure', '## Nodes (1 nodes)',
                                    '## Model Selection Strategy', '## Cost Summary', '## Execution Results',
                                    '## Governance & Audit', '## Methods'])
        self.assertIn('```mermaid\ngraph TD\n', text)
        self.assertIn('| ID | Tool | Provider | Model | Persona | Est. Cost |', text)
        self.assertIn('```text\nhi\n```', text)

    def test_a_run_that_failed(self):
        self.flow({'a': script('echo out; echo broken >&2; exit 3'), 'b': script('true')}, [('a', 'b')])
        self.hill('run', 'flow.json', code=1)
        page = self.page()
        for word in ('failed', 'exit_code', 'broken', 'out', 'not_run'):
            self.assertIn(word, page.text)
        self.assertEqual(page.count('g', 's-failed'), 1)
        self.assertEqual(page.count('g', 's-not_run'), 1)
        self.assertIn('**a** failed: exit_code', self.markdown())

    def test_a_fork_names_its_parent_and_what_it_took_over(self):
        self.flow({'a': script('echo hi'), 'b': script('cat', '{{ a.output }}')}, [('a', 'b')])
        self.hill('run', 'flow.json')
        parent = self.status()['run']
        self.hill('fork', parent, '--from', 'b', '--set', 'a.output=changed')
        text = self.page().text
        self.assertIn(f'It is a fork of run {parent} at event', text)
        self.assertIn(f'of run {parent}, edited by a person', text)

    def test_data_that_a_person_let_go(self):
        self.write('.config/hillstar/policy.json', '{"data": {"clearance": {"near": "public"}}}')
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.ask('{{ inputs.patients }}', release='ask')}, model_config=config,
                  inputs={'patients': {'data': 'restricted', 'default': 'p1'}})
        self.hill('run', 'flow.json', code=8)
        self.hill('approve', 'latest', 'ask', '--reason', 'consent is there')
        for text in (self.page().text, self.markdown()):
            self.assertIn('inputs.patients', text)
            self.assertIn('restricted', text)
            self.assertIn('consent is there', text)
            self.assertIn('policy.json', text)

    def test_money_is_what_was_reserved_and_what_it_cost(self):
        server = Server(reply(ANSWER))
        self.addCleanup(server.close)
        prices = {'pricing': {'input_per_1m_usd': 1000, 'output_per_1m_usd': 2000}}
        self.write('.hillstar/provider_registry.json', json.dumps({'providers': {
            'shop': {'type': 'local', 'adapter': 'openai_compatible', 'endpoint': server.address,
                     'models': {'tiny': prices}}}}))
        self.flow({'ask': dict(self.ask(), provider='shop', parameters={'max_tokens': 100})},
                  model_config={'budget': {'max_workflow_usd': 2}})
        self.hill('run', 'flow.json')
        cost = 7 * 0.001 + 5 * 0.002
        reserved = self.events(kind='node_scheduled')[0]['data']['call']['cost'] / 1e6
        text = self.markdown()
        for word in (f'**Actual:** ${cost:.4f}', f'**Estimated:** at most ${reserved:.4f}', '| 100.0 % |',
                     f'**Variance:** {100 * (cost - reserved) / reserved:+.1f} %', 'the run: at most $2.0000',
                     f'cost ${cost:.4f} at the prices'):
            self.assertIn(word, text)
        self.assertIn(f'Actual${cost:.4f}', self.page().text)

    def test_an_air_gapped_run_says_whom_it_reached(self):
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.ask()}, model_config=config)
        self.hill('run', 'flow.json', '--air-gapped')
        address = self.server.address.split('//')[1]
        for text in (self.page().text, self.markdown()):
            self.assertIn('The run was air-gapped', text)
            self.assertIn(address, text)

    def test_a_run_that_still_goes_on_under_its_host(self):
        self.flow({'a': script('echo begun; while ! test -e go; do sleep 0.05; done')})
        running = self.start('run', 'flow.json')
        self.until(lambda: os.path.isdir(self.path('.hillstar/store')) and
                   b'node_scheduled' in self.hill('events', code=None).raw, 'the node to run')
        page = self.page()
        self.assertIn('It has not ended (running)', page.text)
        self.assertEqual(page.count('rect', 'open'), 1)
        self.write('go', '')
        running.end(0)
        self.assertIn('It completed after', self.page().text)

    def test_a_graph_that_is_too_large_to_draw_is_a_table(self):
        self.flow({f'n{i}': script('true') for i in range(301)}, max_concurrency=8)
        self.hill('run', 'flow.json', '-q')
        page = self.page()
        self.assertEqual(page.count('svg', 'graph'), 0)
        self.assertIn('too much to draw', page.text)
        self.assertIn('are too many to draw', self.markdown())

    def test_many_items_are_counted_and_not_all_told(self):
        self.flow({'each': script('test {{ item }} != 50', for_each=list(range(60)), on_error='continue',
                                  min_success=1)})
        self.hill('run', 'flow.json', '-q', code=None)
        text = self.page().text
        self.assertIn('each[19]', text)
        self.assertNotIn('each[30]\n', text)
        self.assertIn('more items are left out', text)


class Hostile(Reports):
    def test_what_a_run_produced_stays_text(self):
        self.write('hostile', HOSTILE)
        config = self.serve(reply(dict(ANSWER, model=HOSTILE, choices=[
            {'index': 0, 'finish_reason': 'stop', 'message': {'role': 'assistant', 'content': HOSTILE}}])))
        self.flow({'a': script('cat hostile; cat hostile >&2'), 'ask': self.ask('{{ a.output }}'),
                   'b': script('cat hostile >&2; exit 1', on_error='continue')},
                  [('a', 'ask')], model_config=config, description=HOSTILE, permissions={'b': 'ask'},
                  inputs={'x': {'default': HOSTILE}})
        self.hill('run', 'flow.json', code=8)
        self.hill('approve', 'latest', 'b', '--reason', HOSTILE.replace('\x1b', ''), code=None)
        page = self.page()
        self.assertIn('<script>alert(1)</script>', page.text)
        self.assertNotIn('\x1b', page.text)
        self.assertNotIn('\u202e', page.text)
        text = self.markdown()
        self.assertNotIn('\x1b', text)
        self.assertNotIn('\u202e', text)
        outside, fence = [], None
        for line in text.splitlines():
            if line.startswith('```'):
                fence = None if fence == line else fence or line.strip('abcdefghijklmnopqrstuvwxyz')
            elif fence is None:
                outside.append(line)
        self.assertNotIn('<script', '\n'.join(outside))

    def test_long_output_is_cut_and_its_hash_told(self):
        whole = ''.join(f'{i}\n' for i in range(30_000))
        self.flow({'a': script('seq 0 29999')})
        self.hill('run', 'flow.json', '-q')
        digest = hashlib.sha256(whole.encode()).hexdigest()
        for text in (self.page().text, self.markdown()):
            self.assertIn(f'of {len(whole):,} bytes; sha256 of all of it: {digest}', text)
            self.assertNotIn('\n29999\n', text)
            self.assertLess(len(text), 100_000)

    def test_a_long_request_is_cut_and_has_the_hash_of_its_record(self):
        config = self.serve(reply(ANSWER))
        self.flow({'ask': self.ask('long ' * 8000)}, model_config=config)
        self.hill('run', 'flow.json', '-q')
        record = self.hill('show', 'latest', '--node', 'ask', '--request', '-o', 'json').raw.rstrip(b'\n')
        text = self.page().text
        self.assertIn('sha256 of all of it: ' + hashlib.sha256(record).hexdigest(), text)
        self.assertIn('sha256 of all of it: ' + hashlib.sha256(b'long ' * 8000).hexdigest(), text)

    def test_bytes_that_are_no_text(self):
        self.flow({'a': script("head -c 300 /dev/urandom; printf '\\377\\000'")})
        self.hill('run', 'flow.json', '-q')
        self.page()
        self.markdown()

    def test_a_key_that_only_the_reader_has_is_masked_too(self):
        key = 'zebra-77-nobody-may-read-this'
        self.flow({'a': script(f'echo {key}; seq 1 3', f'it is {key}')})
        self.hill('run', 'flow.json')
        self.assertIn(key, self.markdown())
        for text in (self.markdown(env={'OPENAI_API_KEY': key}), self.page(env={'OPENAI_API_KEY': key}).text):
            self.assertNotIn(key, text)
            self.assertIn('[REDACTED:known_secret]', text)


class Files(Reports):
    def setUp(self):
        super().setUp()
        self.flow({'a': script('echo hi')})
        self.hill('run', 'flow.json')

    def test_the_format_is_what_is_asked_or_as_the_name_ends(self):
        page = self.hill('report', '--format', 'html').out
        self.assertTrue(page.startswith('<!DOCTYPE html>'))
        Page(self, page)
        self.hill('report', '--to', 'r.md')
        self.assertTrue(self.read('r.md').startswith('# Workflow Report: flow'))
        self.hill('report', '--to', 'r.html', '--format', 'markdown')
        self.assertTrue(self.read('r.html').startswith('# Workflow Report: flow'))

    def test_a_file_is_replaced_whole_and_nothing_else_is_left(self):
        self.write('r.html', 'old', 0o600)
        before = set(os.listdir(self.folder))
        done = self.hill('report', '--to', 'r.html')
        self.assertEqual(done.out, '')
        self.assertIn('wrote the report', done.err)
        self.assertEqual(set(os.listdir(self.folder)), before)
        self.assertEqual(os.stat(self.path('r.html')).st_mode & 0o777, 0o600)
        done = self.hill('report', '--to', 'r.html', '-o', 'json').json
        self.assertEqual(done['bytes'], os.path.getsize(self.path('r.html')))
        self.assertEqual(done['format'], 'html')
        self.assertTrue(self.hill('report', '-o', 'json').json['text'].startswith('# Workflow Report'))

    def test_bad_input(self):
        self.assertIn('HS220', self.hill('report', 'nobody', code=4).err)
        self.assertIn('--format', self.hill('report', '--format', 'pdf', code=2).err)
        self.assertIn('no/such', self.hill('report', '--to', 'no/such/r.html', code=None).err)
        self.assertNotEqual(self.hill('report', '--to', 'no/such/r.html', code=None).code, 0)
        self.assertIn('folder', self.hill('report', '--to', '.hillstar', code=None).err)
        self.assertNotEqual(self.hill('report', '--to', '.hillstar', code=None).code, 0)
        self.hill('report', '--store', 'nowhere', code=4)
        before = set(os.listdir('/dev'))
        self.assertNotEqual(self.hill('report', '--to', '/proc/r.html', code=None).code, 0)
        self.assertEqual(set(os.listdir('/dev')), before)
        with open('/dev/full', 'wb') as full:
            process = subprocess.run([settings.binary, 'report'], stdout=full, stderr=subprocess.PIPE,
                                     **self.options())
        self.assertEqual(process.returncode, 74)


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Traces, metrics and logs as a collector and an operator get them, from runs and from a service.

Usage: telemetry_test.py --binary PROGRAM --server MOCK_MODEL_SERVER
"""
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import harness
import otlp_collector
from otlp_collector import Collector, attributes
from serve_test import Served

TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
PARENT = '00f067aa0ba902b7'
TRACEPARENT = f'00-{TRACE}-{PARENT}-01'
ANSWER = {'id': 'x', 'object': 'chat.completion', 'model': 'tiny-1',
          'choices': [{'index': 0, 'finish_reason': 'stop', 'message': {'role': 'assistant', 'content': 'an answer'}}],
          'usage': {'prompt_tokens': 7, 'completion_tokens': 5, 'total_tokens': 12}}


def script(text):
    return {'tool': 'script_run', 'parameters': {'script': text}}


class Model:
    """Answers every call, and remembers with what headers it came."""

    def __init__(self):
        self.headers = []
        model = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers.get('content-length', '0')))
                model.headers.append({name.lower(): value for name, value in self.headers.items()})
                body = json.dumps(ANSWER).encode()
                self.send_response(200)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.address = 'http://127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Traced(Served):
    def collector(self, *arguments, **more):
        made = Collector(*arguments, **more)
        self.addCleanup(made.close)
        self.environment.update(OTEL_EXPORTER_OTLP_ENDPOINT=made.address, OTEL_BSP_SCHEDULE_DELAY='50')
        return made

    def model(self):
        made = Model()
        self.addCleanup(made.close)
        return made

    def workflow(self, model, name='flow.json', **top):
        """A workflow of a call and of a script that writes down what trace it is part of."""
        nodes = {'ask': {'tool': 'model_call', 'provider': 'lab', 'model': 'tiny', 'input': 'a question',
                         'parameters': {'max_tokens': 9}},
                 'note': script('printf %s "${TRACEPARENT-none}" >>traceparents; echo >>traceparents')}
        return self.flow(nodes, [('ask', 'note')], name,
                         model_config={'custom_providers': {'lab': {'endpoint': model.address, 'type': 'custom'}}},
                         **top)

    def check(self, collector):
        """Every span of every trace is good, told once, and hangs below one that was told."""
        self.assertEqual(collector.wrong, [])
        ids = [span['spanId'] for span in collector.spans]
        self.assertEqual(len(ids), len(set(ids)))
        for span in collector.spans:
            if 'parentSpanId' in span and span['parentSpanId'] != PARENT:
                self.assertIn(span['parentSpanId'], ids)

    def find(self, collector, name):
        found = [span for span in collector.spans if span['name'] == name]
        self.assertEqual(len(found), 1, [span['name'] for span in collector.spans])
        return found[0], attributes(found[0], name)


class Runs(Traced):
    def test_a_run_is_a_trace_and_what_it_calls_is_part_of_it(self):
        collector, model = self.collector(), self.model()
        self.environment.update(OTEL_SERVICE_NAME='nightly', OTEL_RESOURCE_ATTRIBUTES='team=blue%20one',
                                OTEL_EXPORTER_OTLP_HEADERS='X-Key=s3cr3t-of-the-collector')
        done = self.hill('run', self.workflow(model))
        self.check(collector)
        run, about = self.find(collector, 'invoke_workflow flow')
        call, said = self.find(collector, 'chat tiny')
        note, _ = self.find(collector, 'execute_tool script_run')
        self.assertNotIn('parentSpanId', run)
        self.assertEqual({call['parentSpanId'], note['parentSpanId']}, {run['spanId']})
        self.assertEqual({call['traceId'], note['traceId']}, {run['traceId']})
        self.assertEqual((run['kind'], call['kind'], note['kind']), (1, 3, 1))
        self.assertEqual(about['hillstar.run.status'], 'completed')
        self.assertEqual(about['hillstar.run.id'], self.status()['run'])
        for name, value in {'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'lab',
                            'gen_ai.request.model': 'tiny', 'gen_ai.response.model': 'tiny-1',
                            'gen_ai.usage.input_tokens': '7', 'gen_ai.usage.output_tokens': '5',
                            'gen_ai.request.max_tokens': '9', 'server.address': '127.0.0.1'}.items():
            self.assertEqual(said[name], value, name)
        self.assertEqual(model.headers[0]['traceparent'], f"00-{run['traceId']}-{call['spanId']}-01")
        self.assertEqual(self.read('traceparents').split(), [f"00-{run['traceId']}-{note['spanId']}-01"])
        about = collector.resources[0]
        self.assertEqual((about['service.name'], about['team']), ('nightly', 'blue one'))
        self.assertEqual(collector.requests[0][1]['x-key'], 's3cr3t-of-the-collector')
        # Contents and keys stay where they are.
        sent = b''.join(body for _, _, body in collector.requests)
        for secret in (b'a question', b'an answer', b's3cr3t'):
            self.assertNotIn(secret, sent)
        self.assertNotIn('s3cr3t', done.err + done.out)
        names = [metric['name'] for metrics in collector.metrics for metric in metrics]
        self.assertIn('gen_ai.client.token.usage', names)
        self.assertIn('gen_ai.client.operation.duration', names)

    def test_without_configuration_nothing_is_sent_and_nothing_is_handed_on(self):
        model = self.model()
        self.hill('run', self.workflow(model))
        self.assertNotIn('traceparent', model.headers[0])
        self.assertEqual(self.read('traceparents').split(), ['none'])

    def test_a_trace_can_be_exported_afterwards_with_the_same_ids(self):
        collector, model = self.collector(), self.model()
        self.hill('run', self.workflow(model))
        line = self.hill('export', 'latest', '--otlp').out
        about, spans = otlp_collector.read(json.loads(line), 'Spans', otlp_collector.span)
        self.assertEqual(about['service.name'], 'hillstar-actors')
        self.assertEqual(spans, collector.spans)
        self.hill('export', 'latest', '--otlp', '--jsonl', code=2)

    def test_contents_are_told_if_that_is_asked_for(self):
        collector, model = self.collector(), self.model()
        self.hill('run', self.workflow(model), env={'OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT': 'true'})
        _, said = self.find(collector, 'chat tiny')
        self.assertEqual(json.loads(said['gen_ai.input.messages']),
                         [{'role': 'user', 'parts': [{'type': 'text', 'content': 'a question'}]}])
        self.assertEqual(json.loads(said['gen_ai.output.messages'])[0]['parts'],
                         [{'type': 'text', 'content': 'an answer'}])

    def test_a_collector_that_is_not_there_or_does_not_answer_keeps_nobody(self):
        self.flow({'a': script('true')})
        began = time.monotonic()
        done = self.hill('run', 'flow.json', env={'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:9'})
        self.assertEqual(done.err.count('warning: telemetry:'), 1, done)
        self.assertLess(time.monotonic() - began, 30)
        collector = self.collector()
        collector.hold = threading.Event()
        self.hill('run', 'flow.json')
        self.assertLess(time.monotonic() - began, 50)
        for status in 400, 401, 500:
            refused = self.collector(status)
            done = self.hill('run', 'flow.json')
            self.assertIn(f'HTTP {status}', done.err)
            bodies = [body for _, _, body in refused.requests]
            self.assertEqual(len(bodies), len(set(bodies)), 'a refused body was sent again')

    def authority(self, name):
        """A certificate for this machine's address, and the authority that signed it: the files of both."""
        def openssl(*arguments):
            subprocess.run(['openssl', *arguments], check=True, capture_output=True, cwd=self.folder)

        new = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + name]
        openssl('req', '-x509', *new, '-keyout', name + '-ca.key', '-out', name + '-ca.pem', '-days', '2')
        openssl('req', *new, '-keyout', name + '.key', '-out', name + '.csr')
        self.write(name + '.ext', 'subjectAltName=IP:127.0.0.1')
        openssl('x509', '-req', '-in', name + '.csr', '-CA', name + '-ca.pem', '-CAkey', name + '-ca.key',
                '-set_serial', '7', '-days', '2', '-extfile', name + '.ext', '-out', name + '.pem')
        return self.path(name + '-ca.pem'), (self.path(name + '.pem'), self.path(name + '.key'))

    def test_a_collector_behind_tls_is_told_if_its_authority_is_trusted(self):
        trusted, files = self.authority('one')
        stranger, _ = self.authority('two')
        self.flow({'a': script('echo a')})
        for name in 'OTEL_EXPORTER_OTLP_CERTIFICATE', 'SSL_CERT_FILE':
            collector = self.collector(tls=files)
            self.assertTrue(collector.address.startswith('https://'))
            done = self.hill('run', 'flow.json', env={name: trusted})
            self.assertNotIn('warning', done.err)
            self.assertEqual(len(collector.spans), 2, name)
            self.check(collector)
        collector = self.collector(tls=files)
        for more in {}, {'OTEL_EXPORTER_OTLP_CERTIFICATE': stranger}, {'SSL_CERT_FILE': stranger}:
            began = time.monotonic()
            done = self.hill('run', 'flow.json', env=more)
            self.assertEqual(self.status()['status'], 'completed')
            self.assertEqual(done.err.count('warning'), 1, done)
            self.assertRegex(done.err, 'warning: telemetry: .*certificate')
            self.assertLess(time.monotonic() - began, 30)
        # One that is not there is told of before anything is sent.
        done = self.hill('run', 'flow.json', env={'OTEL_EXPORTER_OTLP_CERTIFICATE': self.path('none.pem')})
        self.assertEqual(done.err.count('warning'), 1, done)
        self.assertIn('none.pem', done.err)
        self.assertEqual(collector.requests, [])

    def test_a_run_inside_hangs_below_the_attempt_that_asked_for_it(self):
        collector = self.collector()
        self.flow({'leaf': script('echo "$TRACEPARENT" >>traceparents')}, name='sub.json',
                  id='sub', inputs={'n': {}})
        part = {'tool': 'workflow_run', 'parameters': {'workflow': 'sub.json'}, 'input': {'n': '{{ item }}'}}
        self.flow({'list': script('seq 2'), 'part': {**part, 'for_each': '{{ list.output }}'}})
        self.hill('run', 'flow.json')
        self.check(collector)
        self.assertEqual(len({span['traceId'] for span in collector.spans}), 1)
        name = {span['spanId']: span['name'] for span in collector.spans}
        below = [(span['name'], name.get(span.get('parentSpanId'))) for span in collector.spans]
        self.assertEqual(sorted(below, key=str), sorted([
            ('invoke_workflow flow', None), ('execute_tool script_run', 'invoke_workflow flow'),
            ('map part', 'invoke_workflow flow'), *2 * [('execute_tool workflow_run', 'map part'),
                                                        ('invoke_workflow sub', 'execute_tool workflow_run'),
                                                        ('execute_tool script_run', 'invoke_workflow sub')]], key=str))
        leaves = [span for span in collector.spans if name.get(span.get('parentSpanId')) == 'invoke_workflow sub']
        self.assertEqual(sorted(self.read('traceparents').split()),
                         sorted(f"00-{span['traceId']}-{span['spanId']}-01" for span in leaves))

    def test_a_collector_that_asks_for_time_is_asked_again(self):
        collector = self.collector(lambda before: 429 if before == 0 else 200, headers=(('Retry-After', '0'),))
        self.flow({'a': script('true'), 'b': script('while [ ! -e go ]; do sleep 0.02; done')}, [('a', 'b')])
        self.addCleanup(self.write, 'go', '')
        run = self.start('run', 'flow.json')
        self.until(lambda: collector.spans, 'the second try')
        self.write('go', '')
        run.end(0)
        self.assertEqual(sorted(span['name'] for span in collector.spans),
                         ['execute_tool script_run', 'execute_tool script_run', 'invoke_workflow flow'])
        self.check(collector)

    def test_what_is_wrong_with_the_variables_is_said_and_keeps_nobody(self):
        self.flow({'a': script('true')})
        for name, value in {'OTEL_EXPORTER_OTLP_ENDPOINT': 'collector:4318', 'OTEL_TRACES_SAMPLER': 'sometimes',
                            'OTEL_EXPORTER_OTLP_PROTOCOL': 'grpc', 'OTEL_EXPORTER_OTLP_HEADERS': 's3cr3t'}.items():
            environment = {'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:9', name: value}
            done = self.hill('run', 'flow.json', env=environment)
            self.assertIn(name, done.err)
            self.assertNotIn('s3cr3t', done.err)

    def test_air_gapped_runs_tell_only_endpoints_that_were_declared(self):
        self.write('.config/hillstar/policy.json', json.dumps({'air_gap': {'endpoints': ['127.0.0.1:1']}}))
        collector = self.collector()
        self.flow({'a': script('true')})
        done = self.hill('run', 'flow.json', '--air-gapped')
        self.assertIn('air-gapped runs are not exported', done.err)
        self.assertEqual(collector.spans, [])
        place = collector.address.split('//')[1]
        self.write('.config/hillstar/policy.json', json.dumps({'air_gap': {'endpoints': [place]}}))
        self.hill('run', 'flow.json', '--air-gapped')
        self.assertEqual(len(collector.spans), 2)
        self.check(collector)


class Service(Traced):
    def started(self, *arguments, **more):
        self.model_ = self.model()
        served = self.serve(self.workflow(self.model_), *arguments, **more)
        self.operator = self.token('op', 'operate')
        return served

    def begin(self, trace=None):
        fields = {'traceparent': trace} if trace else {}
        body = json.dumps({'workflow': 'flow'}).encode()
        answer = self.ask('/v1/runs', 'POST', self.operator, body, **fields)
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json['run']

    def ended(self, run):
        self.until(lambda: self.status(run)['status'] == 'completed', 'the end of the run')

    def test_a_request_with_a_trace_is_the_parent_of_its_run(self):
        collector = self.collector()
        serve = self.started()
        run = self.begin(TRACEPARENT)
        self.ended(run)
        serve.send(signal.SIGTERM).end(0)
        self.check(collector)
        span, about = self.find(collector, 'invoke_workflow flow')
        self.assertEqual((span['traceId'], span['parentSpanId']), (TRACE, PARENT))
        self.assertEqual(about['hillstar.run.id'], run)
        call, _ = self.find(collector, 'chat tiny')
        note, _ = self.find(collector, 'execute_tool script_run')
        self.assertEqual(self.model_.headers[0]['traceparent'], f"00-{TRACE}-{call['spanId']}-01")
        self.assertEqual(self.read('traceparents').split(), [f"00-{TRACE}-{note['spanId']}-01"])
        names = {metric['name'] for metrics in collector.metrics for metric in metrics}
        self.assertLessEqual({'hillstar_runs_started_total', 'hillstar_http_request_seconds', 'hillstar_ready',
                              'gen_ai.client.token.usage'}, names)

    def test_the_trace_of_a_webhook_goes_through_its_run(self):
        collector, model = self.collector(), self.model()
        file = self.workflow(model, inputs={'topic': {'type': 'string'}}, entry_points=[
            {'id': 'hook', 'webhook': {'scheme': 'generic', 'secrets': ['HOOK_SECRET']},
             'inputs': {'topic': '{{ trigger.body.topic }}'}}])
        serve = self.serve(file, env={'HOOK_SECRET': 'what-the-sender-knows'})

        def send(trace, key='what-the-sender-knows'):
            now, body = str(int(time.time())), json.dumps({'topic': 'plates'}).encode()
            proof = hmac.new(key.encode(), now.encode() + b'.' + body, hashlib.sha256).hexdigest()
            return self.ask('/hooks/flow/hook', 'POST', None, body, content_type='application/json',
                            x_hillstar_signature=f't={now},v1={proof}', traceparent=trace)

        self.assertEqual(send(TRACEPARENT, 'a guess').status, 401)
        answer = send(TRACEPARENT)
        self.assertEqual(answer.status, 202, answer.body)
        self.ended(answer.json['run'])
        # One that is no trace is no obstacle.
        bad = send('00-' + '0' * 32 + f'-{PARENT}-01')
        self.assertEqual(bad.status, 202, bad.body)
        self.ended(bad.json['run'])
        serve.send(signal.SIGTERM).end(0)
        self.check(collector)
        mine = [span for span in collector.spans if span['traceId'] == TRACE]
        spans = {span['name']: span for span in mine}
        self.assertEqual((len(mine), sorted(spans)),
                         (3, ['chat tiny', 'execute_tool script_run', 'invoke_workflow flow']))
        run = spans['invoke_workflow flow']
        self.assertEqual(run['parentSpanId'], PARENT)
        self.assertEqual(attributes(run, '')['hillstar.run.id'], answer.json['run'])
        self.assertEqual(self.read('traceparents').split()[0],
                         f"00-{TRACE}-{spans['execute_tool script_run']['spanId']}-01")
        self.assertEqual(model.headers[0]['traceparent'], f"00-{TRACE}-{spans['chat tiny']['spanId']}-01")
        others = {span['traceId'] for span in collector.spans} - {TRACE}
        self.assertEqual(len(others), 1)
        self.assertNotIn('0' * 32, others)

    def test_a_request_with_a_trace_hands_it_on_though_nothing_is_exported(self):
        self.started()
        self.ended(self.begin(TRACEPARENT))
        self.assertTrue(self.model_.headers[0]['traceparent'].startswith(f'00-{TRACE}-'))
        self.assertTrue(self.read('traceparents').startswith(f'00-{TRACE}-'))

    def test_a_process_that_is_killed_tells_no_span_twice(self):
        collector = self.collector()
        nodes = {'a': script('echo a'), 'b': script('while [ ! -e go ]; do sleep 0.02; done'), 'c': script('echo c')}
        self.flow(nodes, [('a', 'b'), ('b', 'c')])
        serve = self.serve('flow.json')
        self.operator = self.token('op', 'operate')
        run = self.begin()
        self.until(lambda: len(collector.spans) == 1, 'the span of a')
        serve.send(signal.SIGKILL).end()
        serve = self.serve('flow.json')
        self.write('go', '')
        self.ended(run)
        serve.send(signal.SIGTERM).end(0)
        self.check(collector)
        self.assertEqual([attributes(span, '').get('hillstar.node.id') for span in collector.spans].count('a'), 1)
        self.find(collector, 'invoke_workflow flow')
        line = self.hill('export', run, '--otlp').out
        _, spans = otlp_collector.read(json.loads(line), 'Spans', otlp_collector.span)
        self.assertEqual({span['spanId'] for span in spans}, {span['spanId'] for span in collector.spans})

    def test_logs_and_accesses_are_json_that_names_runs_and_traces(self):
        serve = self.started('--log-format', 'json', '--access-log', 'access.log')
        run = self.begin(TRACEPARENT)
        self.ended(run)
        self.ask('/v1/runs/' + run + '?secret=1', token=self.operator)
        self.ask('/nowhere')
        # A line is written after its answer was sent.
        self.until(lambda: '/v1/runs/{run}' in self.read('access.log') and '"status":404' in self.read('access.log'),
                   'the lines of what was asked')
        os.rename(self.path('access.log'), self.path('access.log.1'))
        serve.send(signal.SIGHUP)
        self.until(lambda: os.path.exists(self.path('access.log')), 'the new file')
        self.ask('/healthz')
        done = serve.send(signal.SIGTERM).end(0)
        for line in done.err.splitlines():
            said = json.loads(line)
            self.assertIn(said['level'], ('info', 'warning', 'error'))
            self.assertRegex(said['time'], r'^\d{4}-\d\d-\d\dT[\d:.]+Z$')
        old = [json.loads(line) for line in self.read('access.log.1').splitlines()]
        start = next(line for line in old if line['method'] == 'POST')
        self.assertEqual((start['route'], start['status'], start['token'], start['trace_id'], start['peer']),
                         ('/v1/runs', 202, 'op', TRACE, '127.0.0.1'))
        self.assertGreater(start['bytes'], 0)
        self.assertIn('/v1/runs/{run}', [line.get('route') for line in old])
        self.assertIn(404, [line['status'] for line in old])
        self.assertEqual([json.loads(line)['route'] for line in self.read('access.log').splitlines()], ['/healthz'])
        self.assertNotIn('secret', self.read('access.log.1'))
        self.assertNotIn(self.operator, self.read('access.log.1') + done.err)

    def test_logs_are_text_unless_that_is_asked_for(self):
        serve = self.serve('--access-log', '-')
        self.ask('/healthz')
        self.until(lambda: b'/healthz' in serve.read(0), 'the line of the request')
        line = serve.read(0).decode().splitlines()[-1]
        self.assertTrue(re.match(r'^\S+Z 127\.0\.0\.1 - "GET /healthz" 200 \d+ [\d.]+ -$', line), line)
        self.hill('serve', '--access-log', 'no/such/folder/file', '--listen', '127.0.0.1:0', code=74)
        self.hill('serve', '--log-format', 'xml', code=2)


if __name__ == '__main__':
    sys.exit(harness.main())

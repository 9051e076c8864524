#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A hostile page in a real browser, beside a service on the same machine: it can neither start runs nor read anything.

Skipped where there is no chromium."""
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading

import harness
from harness import EndToEnd, script

# What a page can try without the browser's consent. Each attempt says what it got to see.
PAGE = '''<!doctype html><meta charset="utf-8"><script>
const target = %(target)s, token = %(token)s;
const seen = [];
const tell = () => fetch('/told', {method: 'POST', body: JSON.stringify(seen)});
const attempt = async (name, what) => {
  try { seen.push([name, await what()]); } catch (error) { seen.push([name, 'refused']); }
};
const text = async (url, options) => { const reply = await fetch(url, options); return reply.type + ' ' + reply.status; };
const socket = () => new Promise((done, fail) => {
  const link = new WebSocket(target.replace('http', 'ws') + '/v1/events', ['bearer.' + token]);
  link.onopen = () => done('open');
  link.onerror = () => fail();
});
const stream = () => new Promise((done, fail) => {
  const source = new EventSource(target + '/v1/events');
  source.onopen = () => done('open');
  source.onerror = () => { source.close(); fail(); };
});
const form = () => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.name = 'frame';
  document.body.append(frame);
  const form = document.createElement('form');
  form.method = 'post';
  form.enctype = 'text/plain';
  form.target = 'frame';
  form.action = target + '/v1/streams/flow/api/trigger';
  const field = document.createElement('input');
  field.name = '{"inputs":{},"x":"';
  field.value = '"}';
  form.append(field);
  document.body.append(form);
  form.submit();
  setTimeout(() => { let inside = ''; try { inside = frame.contentDocument.body.innerText; } catch { } done('frame ' + inside); }, 500);
});
addEventListener('load', async () => {
  const bearer = {Authorization: 'Bearer ' + token};
  await attempt('read', () => text(target + '/v1/runs', {headers: bearer}));
  await attempt('read without a word', () => text(target + '/healthz'));
  await attempt('opaque', () => text(target + '/v1/runs', {mode: 'no-cors', credentials: 'include'}));
  await attempt('start', () => text(target + '/v1/streams/flow/api/trigger',
                                    {method: 'POST', headers: {...bearer, 'Content-Type': 'application/json'}, body: '{}'}));
  await attempt('simple start', () => text(target + '/v1/streams/flow/api/trigger', {method: 'POST', mode: 'no-cors', body: '{}'}));
  await attempt('hook', () => text(target + '/hooks/flow/hook', {method: 'POST', mode: 'no-cors', body: '{}'}));
  await attempt('socket', socket);
  await attempt('stream', stream);
  await attempt('form', form);
  await tell();
});
</script>'''


class Browser(EndToEnd):
    def setUp(self):
        super().setUp()
        self.chromium = shutil.which('chromium')
        if not self.chromium:
            self.skipTest('chromium is not installed')
        self.flow({'a': script('echo ran >> ran')}, entry_points=[
            {'id': 'api'}, {'id': 'hook', 'webhook': {'scheme': 'none'}}])
        self.token = self.hill('token', 'create', '--name', 'admin', '--scope', 'admin').out.strip()
        serve = self.start('serve', 'flow.json', '--listen', '127.0.0.1:0')
        serve.wait_for('Listening on ', 0)
        self.until(lambda: b'\n' in serve.read(0), 'the address')
        self.port = int(serve.read(0).decode().split()[2].rsplit(':', 1)[1])

    def visit(self, target, host):
        """What the page saw that `host` gives, about `target`."""
        told = threading.Event()
        seen = []
        page = (PAGE % {'target': json.dumps(target), 'token': json.dumps(self.token)}).encode()

        class Site(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                self.send_response(200)
                self.send_header('Content-Type', 'text/html')
                self.end_headers()
                self.wfile.write(page)

            def do_POST(self):  # pylint: disable=invalid-name
                seen.extend(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
                self.send_response(204)
                self.end_headers()
                told.set()

            def log_message(self, *_arguments):
                pass

        site = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Site)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [self.chromium, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions',
             '--disable-background-networking', '--user-data-dir=' + self.path('profile-' + host),
             '--host-resolver-rules=MAP *.test 127.0.0.1', '--remote-debugging-port=0',
             f'http://{host}:{site.server_port}/'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            self.assertTrue(told.wait(harness.PATIENCE), 'the page said nothing')
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
            site.shutdown()
            site.server_close()
        return dict(seen)

    def test_the_page_does_harm_where_nothing_stops_it(self):
        """Or the other tests would say nothing."""
        asked = []

        class Careless(http.server.BaseHTTPRequestHandler):
            def answer(self):
                asked.append(self.command + ' ' + self.path)
                self.send_response(200)
                for name in 'Origin', 'Headers', 'Methods':
                    self.send_header('Access-Control-Allow-' + name, '*')
                self.send_header('Access-Control-Allow-Headers', 'authorization, content-type')
                self.send_header('Content-Length', '0')
                self.end_headers()

            do_GET = do_POST = do_OPTIONS = answer

            def log_message(self, *_arguments):
                pass

        site = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Careless)
        threading.Thread(target=site.serve_forever, daemon=True).start()
        try:
            seen = self.visit(f'http://127.0.0.1:{site.server_port}', 'evil.test')
        finally:
            site.shutdown()
            site.server_close()
        self.assertEqual((seen['read'], seen['start']), ('cors 200', 'cors 200'))
        # Sent with the page's headers, as a simple request, and by the form.
        self.assertEqual(asked.count('POST /v1/streams/flow/api/trigger'), 3, asked)
        self.assertIn('POST /hooks/flow/hook', asked)

    def check(self, seen):
        self.assertEqual(len(seen), 9, seen)
        for name, got in seen.items():
            # An opaque answer is one that the page sees nothing of.
            self.assertIn(got, ('refused', 'opaque 0', 'frame '), (name, seen))
        self.assertFalse(os.path.exists(self.path('ran')))
        self.assertEqual(self.runs(), [])

    def test_a_page_of_another_origin(self):
        self.check(self.visit(f'http://127.0.0.1:{self.port}', 'evil.test'))

    def test_a_name_that_was_bound_anew_to_this_machine(self):
        self.check(self.visit(f'http://rebound.test:{self.port}', 'rebound.test'))


if __name__ == '__main__':
    raise SystemExit(harness.main())

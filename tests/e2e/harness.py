# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a folder for each test, the program as a child, and a look at its history."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PATIENCE = 60           # seconds that a command may take before the test gives up
settings = argparse.Namespace(binary=None, server=None, tamper=None, rounds=None, seed=None)


ACCEPTED = {name: {'tos_accepted': True, 'audit_enabled': True, 'restricted_use_acknowledged': True}
            for name in ('anthropic', 'openai', 'mistral', 'google')}


class Done:
    """What a command left behind."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.raw, self.err = arguments, code, out, err.decode('utf-8', 'replace')

    @property
    def out(self):
        return self.raw.decode('utf-8', 'replace')

    @property
    def json(self):
        return json.loads(self.raw)

    def __str__(self):
        return f'{self.arguments} ended with {self.code}\n--- stdout\n{self.out[:2000]}\n--- stderr\n{self.err[:2000]}'


class Started:
    """A command that still runs. What it says goes to files, so that no pipe can fill."""

    def __init__(self, test, arguments, before=(), **options):
        self.test, self.arguments = test, arguments
        self.files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        self.process = subprocess.Popen([*before, settings.binary, *arguments], stdin=subprocess.DEVNULL, stdout=self.files[0],
                                        stderr=self.files[1], **options)

    def read(self, which):
        # Not through the shared file offset: the child writes with it.
        return os.pread(self.files[which].fileno(), 1 << 24, 0)

    def wait_for(self, text, which=1):
        """Until the command has said `text` on stderr (1) or stdout (0)."""
        self.test.until(lambda: text.encode() in self.read(which) or self.process.poll() is not None,
                        f'{self.arguments} to say {text!r}: {self.read(1).decode()}')
        self.test.assertIn(text, self.read(which).decode('utf-8', 'replace'), self.arguments)
        return self

    def send(self, number):
        self.process.send_signal(number)
        return self

    def handles(self, number):
        """Until the command does something of its own about a signal."""
        self.test.until(lambda: self.process.poll() is not None or catches(self.process.pid, number),
                        f'{self.arguments} to handle signal {number}')
        return self

    def end(self, code=None):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.test.fail(f'{self.arguments} does not end: {self.read(1).decode()}')
        done = Done(self.arguments, self.process.returncode, self.read(0), self.read(1))
        if code is not None:
            self.test.assertEqual(done.code, code, done)
        return done

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for file in self.files:
            file.close()


class EndToEnd(unittest.TestCase):
    """A temporary folder to work in, in which `hill` runs the program."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='hillstar-e2e-')
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(('HILLSTAR', 'OPENAI', 'MISTRAL', 'GIT_', 'XDG_', 'DBUS_'))}
        self.environment.update(HOME=self.folder, LC_ALL='C.UTF-8', NO_COLOR='1')

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text, mode=None):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        if mode is not None:
            os.chmod(path, mode)
        return path

    def read(self, name):
        with open(self.path(name), 'rb') as file:
            return file.read().decode()

    def options(self, **more):
        environment = dict(self.environment, **more.pop('env', {}))
        return dict({'cwd': self.folder, 'env': environment}, **more)

    def hill(self, *arguments, code=0, stdin=b'', **more):
        """Runs the program to its end; checks its exit code unless `code` is None."""
        process = subprocess.run([settings.binary, *arguments], input=stdin, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, timeout=PATIENCE, **self.options(**more))
        done = Done(arguments, process.returncode, process.stdout, process.stderr)
        if code is not None:
            self.assertEqual(done.code, code, done)
        return done

    def start(self, *arguments, **more):
        started = Started(self, arguments, **self.options(**more))
        self.addCleanup(started.close)
        return started

    def until(self, true, what):
        end = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > end:
                self.fail('waited in vain for ' + what)
            time.sleep(0.01)

    def flow(self, nodes, edges=(), name='flow.json', **top):
        """Writes a workflow file; `edges` are pairs. `loops` belongs to the graph."""
        graph = {'nodes': nodes, 'edges': [{'from': a, 'to': b} for a, b in edges]}
        if 'loops' in top:
            graph['loops'] = top.pop('loops')
        self.write(name, json.dumps({'id': 'flow', 'graph': graph, **top}))
        return name

    def events(self, run='latest', kind=None):
        events = self.hill('events', run, '-o', 'json').json
        return events if kind is None else [event for event in events if event['type'] == kind]

    def attempts(self, node, run='latest'):
        return [event for event in self.events(run, 'node_scheduled') if event['data']['node'] == node]

    def status(self, run='latest'):
        return self.hill('show', run, '-o', 'json').json

    def node(self, name, run='latest'):
        return next(node for node in self.status(run)['nodes_detail'] if node['node'] == name)

    def runs(self):
        return self.hill('ls', '-o', 'json').json

    def holds(self, run='latest'):
        """The history replays and its hashes hold."""
        self.hill('replay', run)
        self.hill('verify')


def script(line, source=None, **more):
    node = {'tool': 'script_run', 'parameters': {'script': line}, **more}
    if source is not None:
        node['input'] = source
    return node


class Stalls:
    """How long this machine let a thread wait that wanted to go on: what must happen within a second cannot, if it did not."""

    def __enter__(self):
        self.longest, self.ended = 0.0, threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self):
        before = time.monotonic()
        while not self.ended.wait(0.01):
            now = time.monotonic()
            self.longest, before = max(self.longest, now - before - 0.01), now

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


class Held:
    """Beside EndToEnd: scripts that say who they are, and end when they may."""

    def holding(self, name):
        """The line of one."""
        pid, go = self.path(name + '.pid'), self.path(name + '.go')
        return f'echo $$ > {pid}; for i in $(seq 3000); do [ -e {go} ] && break; sleep 0.02; done; echo made'

    def pid_of(self, name):
        path = self.path(name + '.pid')
        self.until(lambda: os.path.exists(path) and self.read(name + '.pid').strip(), f'{name} to begin')
        return int(self.read(name + '.pid'))

    def go(self, name):
        self.write(name + '.go', '')

    def end_host(self, host, number):
        """The host, which was sent a signal; not before the terminal is gone that would take over from it."""
        self.running.close()
        return host.send(number)


def is_alive(pid):
    """Neither gone nor a zombie that nobody has reaped yet."""
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False


def catches(pid, number):
    """Whether a process handles a signal by now."""
    with open(f'/proc/{pid}/status') as file:
        caught = next((line for line in file if line.startswith('SigCgt:')), 'SigCgt: 0')
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--binary', required=True)
    parser.add_argument('--server', help='mock_model_server')
    parser.add_argument('--tamper', help='store_tamper')
    parser.add_argument('--clock', help='libmoved_clock')
    parser.add_argument('--rounds', type=int, help='of tests with rounds at random')
    parser.add_argument('--seed', type=int, help='of what is random in them')
    parser.add_argument('tests', nargs='*', help='Class.test_name')
    for name, value in vars(parser.parse_args()).items():
        setattr(settings, name, os.path.abspath(value) if isinstance(value, str) else value)
    loader = unittest.defaultTestLoader
    module = sys.modules['__main__']
    suite = loader.loadTestsFromNames(settings.tests, module) if settings.tests else loader.loadTestsFromModule(module)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    print(f'{result.testsRun - failed - skipped} passed, {failed} failed' + (f', {skipped} skipped' if skipped else ''))
    raise SystemExit(1 if failed else 0)  # also where the caller forgets to hand it on

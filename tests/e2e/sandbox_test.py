#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scripts that want out: through the program, as the user of this test and, if that is root, as nobody as well.

Usage: sandbox_test.py --binary PROGRAM
"""
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

from harness import EndToEnd, main, script, settings

NOBODY = 65534
PTRACE = 'import ctypes, os, sys; sys.exit(ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) != 0)'
CONNECT = 'python3 -c "import socket; socket.create_connection((\'127.0.0.1\', %d), 5)"'
SEND = 'python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b\'x\', (\'192.0.2.1\', 9))"'


def landlock():
    """Version that the kernel offers."""
    return max(0, ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1))


class Sandboxed(EndToEnd):
    """A person with a home, in which there are a project and things that are nobody's business."""

    user = None

    def setUp(self):
        super().setUp()
        # Not in /tmp, which scripts may use.
        base = next((place for place in ('/var/lib', os.path.expanduser('~'))
                     if os.access(place, os.W_OK) and not place.startswith('/tmp')), None)
        if base is None:
            self.skipTest('there is no place for a home beside /tmp')
        self.home = tempfile.mkdtemp(prefix='hillstar-home-', dir=base)
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        os.chmod(self.home, 0o755)
        self.folder = os.path.join(self.home, 'project')
        for folder in ('project', '.ssh', '.config/hillstar', 'figures'):
            os.makedirs(os.path.join(self.home, folder))
        self.environment.update(HOME=self.home, PATH='/usr/bin:/bin')
        self.put('.ssh/id_rsa', 'canary-of-ssh')
        self.put('figures/one', 'a figure')
        self.own()

    def put(self, name, text):
        with open(os.path.join(self.home, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def own(self):
        if self.user is not None:
            subprocess.run(['chown', '-R', str(self.user), self.home], check=True)

    def options(self, **more):
        options = super().options(**more)
        if self.user is not None:
            options.update(user=self.user, group=self.user, extra_groups=[])
        return options

    def rules(self, **rules):
        self.put('.config/hillstar/policy.json', json.dumps(rules))

    def go(self, line, code=0, flags=(), env=None, node=None, given=(), **sandbox):
        """Runs one script. Returns the finished command."""
        more = dict(node or {})
        if given:
            sandbox['env'] = list(given)
        if sandbox:
            more['sandbox'] = sandbox
        self.flow({'a': script(line, **more)})
        self.own()
        return self.hill('run', 'flow.json', *flags, code=code, env=env or {})

    def refused(self, line, **more):
        """The script fails, and the canary is nowhere in what it left."""
        done = self.go(line, code=1, **more)
        self.assertNotIn('canary', done.out + done.err)
        return done


class Escapes(Sandboxed):
    def setUp(self):
        if landlock() < 1:
            self.skipTest('this kernel has no Landlock')
        super().setUp()

    def test_keys_in_the_home(self):
        for line in ('cat ~/.ssh/id_rsa', 'cat ../.ssh/id_rsa', 'ls ~/.ssh ~', 'cp -r ~/.ssh .',
                     'ln -s ~/.ssh/id_rsa key; cat key', 'cat /proc/self/root$HOME/.ssh/id_rsa',
                     'cat /proc/$PPID/root$HOME/.ssh/id_rsa', 'ln ~/.ssh/id_rsa key',
                     'setsid -w cat ~/.ssh/id_rsa', 'sh -c "sh -c \\"cat ~/.ssh/id_rsa\\""'):
            with self.subTest(line):
                self.refused(line)
        self.go('test ! -r ~/.ssh/id_rsa || exec cat ~/.ssh/id_rsa; cat ~/.ssh/id_rsa', code=1)

    def test_writing_elsewhere(self):
        for line in ('echo x > ~/made', 'echo x > ../made', 'mkdir ~/made', 'touch /usr/made', 'mv flow.json ~/made',
                     'ln -s ~ out; echo x > out/made', 'echo x > /var/made', 'rm -rf ~/figures', 'rm ~/.ssh/id_rsa',
                     ': > ~/figures/one', 'echo "* * * * * root true" > /etc/cron.d/made'):
            with self.subTest(line):
                self.refused(line)
                self.assertFalse(os.path.exists(os.path.join(self.home, 'made')))
        self.assertTrue(os.path.exists(os.path.join(self.home, 'figures/one')))
        self.go('mkdir -p a/b; echo x > a/b/c; mv a/b/c d; T=$(mktemp); echo x > $T; rm $T; cat d')

    def test_keys_of_the_environment(self):
        env = {'LAB_KEY': 'canary-of-the-lab', 'DATA': 'plain', 'SSH_AUTH_SOCK': '/run/agent'}
        done = self.go('env; cat /proc/self/environ /proc/$PPID/environ | tr "\\0" "\\n"; true', env=env)
        self.assertIn('DATA=plain\n', done.out)
        self.assertNotIn('canary', done.out)
        self.assertNotIn('SSH_AUTH_SOCK', done.out)
        self.assertNotIn('REDACTED', done.out)  # it was not there, and not only masked
        for line in ('head -c 9 /proc/$PPID/environ', 'head -c 9 /proc/$PPID/maps', 'head -c 9 /proc/$PPID/mem',
                     'ls -l /proc/$PPID/fd/', 'ls -L /proc/$PPID/cwd/', 'readlink /proc/$PPID/exe'):
            with self.subTest(line):
                self.refused(line, env=env)
        # Named by the author it is there, and masked where it is printed.
        self.assertIn('REDACTED', self.go('echo $LAB_KEY', env=env, given=['LAB_KEY']).out)

    def test_a_missing_key_is_explained(self):
        done = self.refused('python3 -c "import os; os.environ[\'LAB_KEY\']"', env={'LAB_KEY': 'canary-canary'})
        self.assertIn('withheld from the script: LAB_KEY', done.err)
        self.assertNotIn('withheld', self.hill('result', 'latest', 'a', '--key', 'error', code=None).out)

    def test_the_engine_can_be_neither_debugged_nor_ended(self):
        self.put('project/trace.py', PTRACE)
        self.refused('exec python3 trace.py')
        if landlock() >= 6:
            self.go('kill -9 $PPID; kill -TERM $PPID; kill -9 -1; kill -9 -$PPID; echo alive', code=None)
            self.assertEqual(self.status()['status'], 'completed')

    def test_the_host_takes_nothing_but_pauses_from_scripts(self):
        """A run that a script starts at the host would not be shut in, and an answer would not be a person's."""
        shutil.copy(settings.binary, os.path.join(self.folder, 'hill'))
        inner = {'id': 'inner', 'graph': {'nodes': {'a': script('echo inner')}, 'edges': []}}
        self.put('project/inner.json', json.dumps(inner))
        asks = './hill run inner.json; ./hill approve latest gate; ./hill run inner.json --ephemeral; ./hill ls'
        self.flow({'a': script(f'({asks}) 2>&1; true'), 'gate': script('echo through')}, permissions={'gate': 'ask'})
        self.own()
        self.hill('run', 'flow.json', '--yes', code=8)
        said = self.hill('result', 'latest', 'a').out
        self.assertEqual(said.count('the rest is for people'), 2, said)
        self.assertIn('\ninner\n', said)
        self.assertEqual(self.node('gate')['status'], 'held')
        self.assertEqual(self.hill('approve', 'latest', 'gate').code, 0)

    def test_calls_about_the_machine(self):
        for line in ('unshare -Ur true', 'unshare -n true', 'mount -t tmpfs none .', 'chroot . /bin/sh', 'dmesg',
                     'mknod disk b 8 0', 'nsenter -t $PPID -n true'):
            with self.subTest(line):
                self.refused('PATH=$PATH:/sbin:/usr/sbin; ' + line)
        self.assertEqual(self.go('ulimit -c; ulimit -Hc; grep NoNew /proc/self/status').out.split(),
                         ['0', '0', 'NoNewPrivs:', '1'])

    def test_a_bomb_of_processes_ends(self):
        if self.user is None and os.getuid() == 0:
            self.skipTest('the number of processes is not limited for root')
        done = self.go('bomb() { bomb | bomb & wait; }; bomb', code=None, node={'timeout': 2}, processes=60)
        self.assertIn(done.code, (1, 124, 0), done)
        self.go('true')

    def test_ordinary_programs_work(self):
        self.go('git init -q -b main . && git config user.name a && git config user.email a@b && git add flow.json && '
                'git commit -qm x && git log --oneline | cat')
        self.go('python3 -c "import json, multiprocessing as m, sqlite3, subprocess, tempfile, threading\n'
                'subprocess.run([\'true\'], check=True); sqlite3.connect(\'x.db\').execute(\'create table t(x)\')\n'
                'print(m.get_context(\'fork\').Pool(2).map(abs, [-1]), tempfile.TemporaryFile())"')
        self.go('bash -c "diff <(echo a) <(echo a); cat <<< x" && find . | sort | xargs ls -d | tar -cf x.tar -T - && '
                'seq 3 | awk "{print}" && date && whoami && awk 1 /etc/passwd > users')


    def test_links_laid_for_the_next_script(self):
        self.flow({'lay': script('ln -s ~/.ssh sub; ln -s ~/.ssh/id_rsa run'),
                   'look': script('cat id_rsa', cwd='sub', on_error='continue'),
                   'more': script('cat sub/id_rsa run', on_error='continue',
                                  sandbox={'read': ['sub', 'run'], 'write': ['sub']})}, edges=[('lay', 'look'), ('look', 'more')])
        self.own()
        done = self.hill('run', 'flow.json', code=None)
        self.assertNotIn('canary', done.out + done.err + json.dumps(self.events()))
        for node in ('look', 'more'):
            self.assertEqual(self.node(node)['failure']['kind'], 'exit_code', node)
        self.assertEqual(os.listdir(os.path.join(self.home, '.ssh')), ['id_rsa'])

    def test_a_store_outside_the_workspace(self):
        place = tempfile.mkdtemp(prefix='hillstar-store-', dir='/var/lib' if os.access('/var/lib', os.W_OK) else self.home)
        self.addCleanup(shutil.rmtree, place, ignore_errors=True)
        if self.user is not None:
            os.chown(place, self.user, self.user)
        store = os.path.join(place, 'store')
        for line in (f'ls {store}', f'cat {store}/head', f'touch {store}/made', f'find {place}/store | grep db'):
            self.refused(line, flags=('--store', store))
        self.assertTrue(os.path.exists(os.path.join(store, 'head')))


class Opened(Sandboxed):
    def test_named_folders(self):
        if landlock() < 1:
            self.skipTest('this kernel has no Landlock')
        self.refused('cat ~/figures/one')
        self.assertEqual(self.go('cat ~/figures/one', read=['~/figures']).out, 'a figure\n')
        self.assertEqual(self.go('cat ../figures/one', read=['../figures/one']).out, 'a figure\n')
        self.refused('echo x > ~/figures/two', read=['~/figures'])
        self.go('echo x > ~/figures/two; cat ~/figures/one', write=['~/figures'])
        self.go('echo x > ~/figures/two', flags=('--allow-path', os.path.join(self.home, 'figures')))

    def test_an_output_folder_elsewhere(self):
        place = os.path.join(self.home, 'results')
        os.mkdir(place)
        self.own()
        self.go('mkdir -p $HILLSTAR_OUTPUT_DIR/mine && echo x > $HILLSTAR_OUTPUT_DIR/mine/file', flags=(place + '/new',))
        self.assertTrue(os.path.exists(place + '/new/mine/file'))

    def test_limits(self):
        self.assertEqual(self.go('ulimit -v; ulimit -Ht; ulimit -Hf', memory_mb=2048, cpu_seconds=30, file_mb=1).out,
                         '2000000\n30\n1953\n')
        done = self.go('trap "" XFSZ; head -c 3000000 /dev/zero > big', code=1, file_mb=1)
        self.assertIn('File too large', done.err)

    def test_plan_says_what_scripts_get(self):
        self.flow({'a': script('true', sandbox={'env': ['B_KEY'], 'network': False, 'write': ['out']}), 'b': script('true')})
        done = self.hill('plan', 'flow.json', env={'B_KEY': 'canary-1234', 'A_TOKEN': 'canary-1234', 'C': 'plain'})
        self.assertIn('Scripts do not see A_TOKEN, B_KEY; "sandbox": {"env": [...]}', done.out)
        self.assertIn('a: no network, sees B_KEY, writes out', done.out)
        self.assertNotIn('canary', done.out)

    def test_none_needs_the_rule(self):
        done = self.go('true', code=3, profile='none')
        for part in ('HS307', 'sandbox.allow_none', '/etc/hillstar/policy.json'):
            self.assertIn(part, done.err)
        os.makedirs(self.path('.hillstar'), exist_ok=True)
        self.rules(sandbox={'allow_none': True})
        self.assertIn('NoNewPrivs:\t0', self.go('grep NoNew /proc/self/status; cat ~/.ssh/id_rsa', profile='none').out)
        completed, = self.events(kind='node_completed')
        self.assertEqual(completed['data']['detail'], {'sandbox': {'profile': 'none'}})
        self.hill('replay', 'latest', '--offline')
        self.assertIn('not allowed', self.replayed_without_the_rule())
        self.holds()

    def replayed_without_the_rule(self):
        self.flow({'a': script('echo one two', sandbox='none')})
        self.own()
        self.hill('run', 'flow.json')
        self.hill('replay', 'latest', '--offline', '--run-tools')
        self.rules()
        return self.hill('replay', 'latest', '--offline', '--run-tools', code=9).out

    def test_bubblewrap(self):
        if not shutil.which('bwrap'):
            done = self.go('true', code=6, profile='bubblewrap')
            self.assertIn('Install the package bubblewrap', done.err)
            return
        done = self.go('echo $$; ls -A ~ ; ls .hillstar/store | wc -l; ls /tmp /home | grep -vc :; cat made 2>&1; echo x > made',
                       profile='bubblewrap')
        lines = done.out.split('\n')
        self.assertLess(int(lines[0]), 20)
        self.assertEqual(lines[1:3], ['project', '0'])
        self.assertEqual(self.read('made'), 'x\n')
        self.refused('cat ~/.ssh/id_rsa', profile='bubblewrap')
        self.refused('touch /usr/made ~/../made', profile='bubblewrap')
        self.refused('unshare -Ur true', profile='bubblewrap')
        self.refused(SEND, profile='bubblewrap', network=False)
        self.assertEqual(self.go('cat ~/figures/one', profile='bubblewrap', read=['~/figures']).out, 'a figure\n')
        self.assertEqual(self.go('exit 7', profile='bubblewrap', code=1).code, 1)
        self.holds()


class Network(Sandboxed):
    def setUp(self):
        super().setUp()
        self.server = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(self.server.close)
        self.port = self.server.getsockname()[1]

    def test_there_is_one_unless_somebody_says_no(self):
        self.go(CONNECT % self.port)
        done = self.refused(CONNECT % self.port, network=False)
        self.assertIn('node says "network": false' if 'nreachable' in done.err else 'refused', done.err)
        done = self.refused(SEND, network=False)
        self.assertIn('the script has no network: its node says "network": false', done.err)
        failed = self.events(kind='node_attempt_failed') or self.events(kind='node_failed')
        self.assertEqual(failed[0]['data']['detail'], {'sandbox': {'network': False}})

    def test_abstract_sockets_are_closed_with_it(self):
        name = f'hillstar-e2e-{os.getpid()}'
        with socket.socket(socket.AF_UNIX) as server:
            server.bind('\0' + name)
            server.listen()
            line = f'import socket; socket.socket(socket.AF_UNIX).connect(chr(0) + "{name}")'
            self.put('project/c.py', line)
            self.refused('exec python3 c.py', network=False)

    def test_own_loopback(self):
        self.go('python3 -c "import socket\nwith socket.create_server((\'127.0.0.1\', 0)) as s: '
                'socket.create_connection(s.getsockname())"', network=False)

    def test_the_air_gap_closes_it_too(self):
        done = self.refused(SEND, flags=('--air-gapped',))
        self.assertIn('the run is air-gapped', done.err)
        self.assertIn('allow_script_network', self.go(SEND, code=3, flags=('--air-gapped',), network=True).err)

    def test_a_rule_closes_it_too(self):
        self.rules(air_gap={'always': True})
        self.assertIn('the run is air-gapped', self.refused(SEND).err)
        self.rules(air_gap={'always': True, 'allow_script_network': True})
        self.go(CONNECT % self.port, network=True)
        self.refused(SEND)


ENOSYS, EPERM = 38, 1
CALLS = {'x86_64': {'landlock': 444, 'seccomp': 317, 'unshare': 272},
         'aarch64': {'landlock': 444, 'seccomp': 277, 'unshare': 97}}


def older_kernel(**answers):
    """To be called in a child: from then on these system calls give these errors."""
    numbers = CALLS[os.uname().machine]
    code = [struct.pack('HBBI', 0x20, 0, 0, 0)]  # load the number
    for name, error in answers.items():
        code += [struct.pack('HBBI', 0x15, 0, 1, numbers[name]), struct.pack('HBBI', 0x06, 0, 0, 0x50000 | error)]
    code.append(struct.pack('HBBI', 0x06, 0, 0, 0x7FFF0000))  # all others pass
    program = ctypes.create_string_buffer(b''.join(code), 8 * len(code))
    head = struct.pack('HxxxxxxP', len(code), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, head, 0, 0) != 0:
        os._exit(99)


class OlderKernels(Sandboxed):
    answers = {}

    def setUp(self):
        super().setUp()
        if os.uname().machine not in CALLS:
            self.skipTest('the numbers of the system calls are not known')

    def options(self, **more):
        return dict(super().options(**more), preexec_fn=lambda: older_kernel(**self.answers))

    def missing(self):
        completed, = self.events(kind='node_completed')
        return completed['data']['detail']['sandbox']

    def test_without_landlock_the_rest_holds_and_the_history_says_so(self):
        self.answers = {'landlock': ENOSYS}
        self.assertEqual(self.go('cat ~/figures/one').out, 'a figure\n')
        self.assertEqual(self.missing(), {'missing': ['files', 'signals']})
        self.refused('unshare -Ur true')
        self.assertNotIn('canary', self.go('env', env={'LAB_KEY': 'canary-of-the-lab'}).out)
        self.assertIn('offers no Landlock', self.hill('doctor', code=None).out)
        self.holds()

    def test_without_namespaces_no_network_means_no_sockets(self):
        self.answers = {'unshare': EPERM}
        done = self.refused(SEND, network=False)
        self.assertIn('the script has no network', done.err)
        self.assertIn('socket.socket', done.err)
        self.go('python3 -c "import socket; socket.socketpair()"', network=False)

    def test_where_nothing_closes_the_network_such_a_script_does_not_start(self):
        self.answers = {'unshare': EPERM, 'seccomp': ENOSYS}
        self.go('true')
        self.assertEqual(self.missing(), {'missing': ['calls']})
        done = self.go('touch started', code=6, network=False)
        for part in ('"network": false', 'not permitted', 'cannot be filtered'):
            self.assertIn(part, done.err)
        self.rules(air_gap={'always': True})
        self.assertIn('air_gap.allow_unconfined_scripts', self.go('touch started', code=6).err)
        self.assertFalse(os.path.exists(self.path('started')))
        self.rules(air_gap={'always': True, 'allow_unconfined_scripts': True})
        self.go('true')
        self.assertEqual(self.missing()['missing'], ['network', 'calls'])


if os.getuid() == 0:
    class OlderKernelsForNobody(OlderKernels):
        user = NOBODY

    class EscapesOfNobody(Escapes):
        user = NOBODY

    class OpenedForNobody(Opened):
        user = NOBODY

    class NetworkOfNobody(Network):
        user = NOBODY


if __name__ == '__main__':
    sys.exit(main())

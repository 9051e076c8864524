# SPDX-License-Identifier: Apache-2.0
"""A real cluster of one machine, for a test: munged, slurmctld and slurmd of Debian's slurm-wlm, with all they keep in one folder."""
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ('munged', 'slurmctld', 'slurmd', 'sbatch', 'squeue', 'scontrol', 'scancel')

CONFIGURATION = '''
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0
ReturnToService=2
KillWait=2
OverTimeLimit=0
MinJobAge=300
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
{accounting}
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=n1 Default=YES MaxTime=INFINITE State=UP
'''


def missing():
    """Why no cluster can be had here; empty if it can."""
    if os.geteuid() != 0:
        return 'slurmd starts for root alone'
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    return f'not installed: {", ".join(absent)} (Debian: slurm-wlm, munge)' if absent else ''


def free_ports(count):
    """Below those that the system gives to whoever asks for any: nobody else gets them before the daemons do."""
    ports = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as one:
            try:
                one.bind(('127.0.0.1', port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def end_with_parent():
    """A test that is killed leaves no daemon behind."""
    pdeathsig = 1
    ctypes.CDLL(None).prctl(pdeathsig, signal.SIGTERM)


class Cluster:
    """Ends only what it started, by its process id."""

    def __init__(self, folder, accounting='AccountingStorageType=accounting_storage/none', ports=()):
        self.folder, self.processes = folder, {}
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        for name in ('munge', 'state', 'spool'):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, 'munge.key'), 'wb') as file:
            file.write(os.urandom(1024))
        os.chmod(file.name, 0o600)
        controller, daemon = free_ports(2)
        self.conf = os.path.join(folder, 'slurm.conf')
        with open(self.conf, 'w') as file:
            file.write(CONFIGURATION.format(controller=controller, daemon=daemon, folder=folder, accounting=accounting))
        self.environment = dict(os.environ, SLURM_CONF=self.conf)

    def start(self):
        where = os.path.join(self.folder, 'munge')
        self.launch('munged', '-F', '-f', f'--socket={where}/socket', f'--key-file={self.folder}/munge.key', f'--log-file={where}/log',
                    f'--pid-file={where}/pid', f'--seed-file={where}/seed')
        self.wait_for(lambda: os.path.exists(f'{where}/socket'), 'munged')
        self.start_controller()
        self.launch('slurmd', '-D', '-f', self.conf, '-N', 'n1')
        self.wait_for(lambda: self.ask('sinfo', '-h', '-o', '%T').strip() in ('idle', 'mixed', 'allocated'), 'slurmd')

    def start_controller(self):
        self.launch('slurmctld', '-D', '-f', self.conf)
        self.wait_for(lambda: 'UP' in self.ask('scontrol', 'ping'), 'slurmctld')

    def launch(self, name, *arguments):
        with open(os.path.join(self.folder, name + '.out'), 'ab') as out:
            self.processes[name] = subprocess.Popen([name, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                                    env=self.environment, start_new_session=True, preexec_fn=end_with_parent)

    def wait_for(self, true, what):
        end = time.monotonic() + 60
        while not true():
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            if dead or time.monotonic() > end:
                raise RuntimeError(f'{what} does not start ({dead} ended): {self.said()}')
            time.sleep(0.05)

    def said(self):
        text = ''
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(('.log', '.out')):
                with open(os.path.join(self.folder, name), errors='replace') as file:
                    text += f'--- {name}\n' + file.read()[-1500:]
        return text

    def ask(self, *arguments):
        return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self.environment, timeout=30).stdout.decode()

    def jobs(self):
        """Id -> state of all jobs that the controller remembers."""
        lines = self.ask('squeue', '-h', '-a', '-t', 'all', '-o', '%i %T').split('\n')
        return {line.split()[0]: line.split()[1] for line in lines if line}

    def end(self, name):
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def close(self):
        try:
            for job, state in (self.jobs() if 'slurmctld' in self.processes else {}).items():
                if state in ('RUNNING', 'PENDING', 'COMPLETING'):
                    self.ask('scancel', job)
        finally:
            for name in ('slurmctld', 'slurmd', 'munged'):
                if name in self.processes:
                    self.end(name)

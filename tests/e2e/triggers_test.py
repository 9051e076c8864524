# SPDX-License-Identifier: Apache-2.0
"""Timers, folders and events start runs of a service, each once, whatever happens to the process."""
import json
import os
import signal

import harness
from harness import EndToEnd


def flow(name, entry, value):
    return {'id': name, 'inputs': {'what': {'type': 'string'}},
            'entry_points': [{'id': 'e', 'inputs': {'what': value}, **entry}],
            'graph': {'nodes': {'say': {'tool': 'script_run', 'input': '{{ inputs.what }}',
                                        'parameters': {'script': 'cat -'}}}, 'edges': []}}


TICK = flow('tick', {'timer': {'every': 1, 'catch_up': 'all'}, 'overlap': 'allow'}, '{{ trigger.due }}')
INTAKE = flow('intake', {'file': {'folder': 'in', 'pattern': '*.csv', 'settle': 0.1}}, '{{ trigger.file.name }}')
AFTER = flow('after', {'event': {'types': ['run_completed'], 'workflow': 'intake'}}, '{{ trigger.event.run }}')
LOOP = flow('loop', {'event': {'types': ['run_completed'], 'workflow': 'loop', 'depth': 2}}, '{{ trigger.event.run }}')


class Triggers(EndToEnd):
    def put(self, name, document):
        with open(self.path(name), 'w') as file:
            json.dump(document, file)
        return name

    def serve(self, *files):
        command = self.start('serve', '--listen', '127.0.0.1:0', *files)
        command.wait_for('Listening on ', 0)
        return command

    def runs(self, workflow):
        """Ids of completed runs, oldest first."""
        lines = [line.split() for line in self.hill('ls').out.splitlines()]
        return [line[0] for line in reversed(lines) if line[1:3] == [workflow, 'completed']]

    def said(self, run):
        return self.hill('result', run, 'say').out.strip()

    def test_a_timer_fires_each_time_once_though_the_process_is_killed(self):
        file = self.put('tick.json', TICK)
        command = self.serve(file)
        self.until(lambda: len(self.runs('tick')) >= 2, 'two firings')
        command.send(signal.SIGKILL)
        command.process.wait()
        before = len(self.runs('tick'))
        command = self.serve(file)
        self.until(lambda: len(self.runs('tick')) >= before + 3, 'firings after the restart')
        command.send(signal.SIGTERM).end(0)
        dues = [self.said(run) for run in self.runs('tick')]
        self.assertEqual(len(dues), len(set(dues)), dues)

    def put_whole(self, name, text):
        """However long it takes to write, nobody sees a half."""
        with open(self.path('in/.new'), 'w') as file:
            file.write(text)
        os.rename(self.path('in/.new'), self.path('in/' + name))

    def test_files_and_what_follows_from_them(self):
        os.mkdir(self.path('in'))
        files = self.put('intake.json', INTAKE), self.put('after.json', AFTER)
        command = self.serve(*files)
        for name, text in ('a.csv', 'one'), ('b.txt', 'two'):
            self.put_whole(name, text)
        self.until(lambda: len(self.runs('after')) == 1, 'the run after the first')
        self.assertEqual(self.said(self.runs('intake')[0]), 'a.csv')
        self.assertEqual(self.said(self.runs('after')[0]), self.runs('intake')[0])
        command.send(signal.SIGTERM).end(0)
        os.rename(self.path('in/a.csv'), self.path('in/renamed.csv'))
        self.put_whole('c.csv', 'three')
        command = self.serve(*files)
        self.until(lambda: len(self.runs('after')) == 2, 'the run after the second')
        self.assertEqual([self.said(run) for run in self.runs('intake')], ['a.csv', 'c.csv'])
        command.send(signal.SIGTERM).end(0)

    def test_runs_that_cause_themselves_end(self):
        command = self.serve(self.put('loop.json', LOOP))
        self.until(lambda: self.hill('ls').code == 0, 'the store')
        self.hill('run', self.put('first.json', LOOP), '-p', 'what=start')
        command.wait_for('HS809', 1)
        self.assertEqual(len(self.runs('loop')), 3)
        command.send(signal.SIGTERM).end(0)

    def test_a_zone_that_is_not_there_is_found_by_validate(self):
        flow_ = flow('z', {'timer': {'cron': '0 3 * * *', 'time_zone': 'Europe/Berln'}}, 'x')
        said = self.hill('validate', self.put('z.json', flow_), code=3)
        self.assertIn('/entry_points/0/timer/time_zone', said.out + said.err)
        self.assertIn('HS802', said.out + said.err)


if __name__ == '__main__':
    harness.main()

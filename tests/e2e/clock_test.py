#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The clock jumps while a service runs: no firing of a timer is lost or made twice, and what waits for a time gets it."""
import calendar
import json
import mmap
import struct
import time

import harness
from harness import EndToEnd, script, settings

CATCH_UP = 'all', 'once', 'skip'
# A firing that is a moment late is none that was missed.
START = calendar.timegm((2030, 1, 1, 10, 30, 0))


class Clock(EndToEnd):
    def setUp(self):
        super().setUp()
        if not settings.clock:
            self.skipTest('needs --clock')
        with open(self.path('clock'), 'wb') as file:
            file.write(bytes(8))
        file = open(self.path('clock'), 'r+b')  # pylint: disable=consider-using-with
        self.addCleanup(file.close)
        self.offset = mmap.mmap(file.fileno(), 8)
        self.addCleanup(self.offset.close)
        self.environment.update(LD_PRELOAD=settings.clock, MOVED_CLOCK=self.path('clock'))

    def set_clock(self, to):
        self.offset[:] = struct.pack('<q', to - int(time.time()))

    def dues(self, name):
        """Of the runs, oldest first."""
        rows = self.hill('ls', '--stream', f'{name}/hourly', '-o', 'json').json
        return [self.hill('result', row['run'], 'say').out.strip()[11:16] for row in reversed(rows)
                if row['status'] == 'completed']

    def serve(self):
        for name in CATCH_UP:
            self.write(f'{name}.json', json.dumps(
                {'id': name, 'inputs': {'due': {'type': 'string'}},
                 'entry_points': [{'id': 'hourly', 'timer': {'cron': '0 * * * *', 'catch_up': name},
                                   'inputs': {'due': '{{ trigger.due }}'}}],
                 'graph': {'nodes': {'say': script('cat', '{{ inputs.due }}')}, 'edges': []}}))
        serve = self.start('serve', '--listen', '127.0.0.1:0', *(f'{name}.json' for name in CATCH_UP))
        serve.wait_for('Listening on ', 0)
        return serve

    def test_timers_after_jumps_in_both_directions(self):
        self.set_clock(START)
        serve = self.serve()
        self.set_clock(START + 3 * 3600 + 900)  # 13:45
        self.until(lambda: len(self.dues('all')) == 3 and len(self.dues('once')) == 1, 'the firings that were jumped over')
        self.assertEqual(self.dues('all'), ['11:00', '12:00', '13:00'])
        self.assertEqual(self.dues('once'), ['13:00'])
        self.assertEqual(self.dues('skip'), [])
        self.set_clock(START + 3600)  # back to 11:30, over two firings
        serve.send(15).end(0)
        serve = self.serve()
        self.set_clock(START + 3 * 3600 + 1799)  # 13:59:59
        self.until(lambda: [self.dues(name)[-1:] for name in CATCH_UP] == [['14:00']] * 3, 'the next firing')
        self.assertEqual(self.dues('all'), ['11:00', '12:00', '13:00', '14:00'])
        self.assertEqual(self.dues('once'), ['13:00', '14:00'])
        self.assertEqual(self.dues('skip'), ['14:00'])
        serve.send(15).end(0)
        self.hill('verify')
        self.hill('replay', '--all')

    def test_a_retry_that_is_due_tomorrow_comes_with_the_jump(self):
        self.set_clock(START)
        self.flow({'a': script('[ -e tried ] && exit 0; : > tried; exit 1',
                               retry={'attempts': 2, 'backoff': 86_400, 'cap': 86_400, 'jitter': False,
                                      'on': ['exit_code']})})
        serve = self.serve()
        run = self.start('run', 'flow.json')
        run.wait_for('again in 24 h 00 m')
        self.set_clock(START + 86_401)
        run.end(0)
        serve.send(15).end(0)


if __name__ == '__main__':
    raise SystemExit(harness.main())

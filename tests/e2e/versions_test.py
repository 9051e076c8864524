#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A host and a worker of two versions: HILLSTAR_OLDER_BINARY names the older program. Skipped without it."""
import os
import unittest

import harness
from harness import script
from workers_test import Workers

OLDER = os.environ.get('HILLSTAR_OLDER_BINARY')


@unittest.skipUnless(OLDER, 'HILLSTAR_OLDER_BINARY names no program')
class Versions(Workers):
    # In the place of the program that is tested.
    older = ('sh', '-c', f'shift; exec {OLDER} "$@"', 'sh')

    def works(self, log):
        """A step after a rest, with files and large values both ways; the history is whole."""
        self.joined('a')
        self.write('data/in.bin', os.urandom(1_000_000))
        self.flow({'many': script('sleep 4; head -c 300000 /dev/zero | tr "\\0" x'),
                   'far': self.placed('cat > got.txt; cp data/in.bin out.bin; sleep 4; wc -c < got.txt', source='{{ many.output }}',
                                      labels={'gpu': True}, files_in=['data/*'], files_out=['out.bin'])}, [('many', 'far')])
        self.hill('run', 'flow.json')
        self.assertEqual(self.hill('result', 'latest', 'far', '--key', 'output').out.strip(), '300000')
        with open(self.path('data/in.bin'), 'rb') as sent, open(self.path('out.bin'), 'rb') as got:
            self.assertEqual(sent.read(), got.read())
        self.assertEqual(self.events(kind='node_completed')[1]['data']['made_by']['worker'], 'a')
        self.assertFalse(self.events(kind='node_attempt_lost'))
        self.assertNotIn('cannot be read', log())

    def test_an_older_worker_works_for_a_newer_host(self):
        host = self.host('--worker-lost-after', '2s')
        self.worker('a', '--label', 'gpu', before=self.older)
        self.works(lambda: host.read(1).decode())

    def test_a_newer_worker_works_for_an_older_host(self):
        self.host('--worker-lost-after', '2s', before=self.older)
        worker = self.worker('a', '--label', 'gpu')
        self.works(lambda: worker.read(1).decode())


if __name__ == '__main__':
    harness.main()

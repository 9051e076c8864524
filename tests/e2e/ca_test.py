#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ca: makes an authority, issues, lists and revokes; openssl is the independent judge.

Usage: ca_test.py --binary PROGRAM
"""
import os
import stat
import subprocess

from harness import EndToEnd, main


class Authority(EndToEnd):
    def setUp(self):
        super().setUp()
        self.ca = self.path('ca')

    def ca_does(self, *arguments, code=0):
        return self.hill('ca', *arguments, '--folder', self.ca, code=code)

    def openssl(self, *arguments, good=True):
        done = subprocess.run(['openssl', *arguments], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode == 0, good, done)
        return done.stdout + done.stderr

    def verify(self, certificate, purpose, good=True):
        return self.openssl('verify', '-crl_check', '-purpose', purpose, '-CAfile', self.ca + '/authority.pem',
                            '-CRLfile', self.ca + '/revoked.pem', certificate, good=good)

    def test_life(self):
        made = self.ca_does('init', '-o', 'json').json
        self.assertEqual(made['role'], 'authority')
        self.assertEqual(stat.S_IMODE(os.stat(self.ca).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.ca}/{made['serial']}.key").st_mode), 0o600)
        self.assertIn('already', self.ca_does('init', code=2).err)

        host = self.ca_does('issue-host', 'mill', '--address', 'localhost', '--address', '127.0.0.1').out.strip()
        self.assertEqual(host, self.ca + '/hosts/mill')
        self.assertEqual(stat.S_IMODE(os.stat(host + '/host.key').st_mode), 0o600)
        text = self.openssl('x509', '-in', host + '/host.pem', '-noout', '-text')
        for part in ('URI:hillstar:host:mill', 'DNS:localhost', 'IP Address:127.0.0.1', 'TLS Web Server', 'CA:FALSE',
                     'prime256v1'):
            self.assertIn(part, text)
        self.verify(host + '/host.pem', 'sslserver')
        self.verify(host + '/host.pem', 'sslclient', good=False)

        out = self.path('w1')
        worker = self.ca_does('issue-worker', 'w1', '--out', out, '--days', '2', '-o', 'json').json
        self.assertEqual((worker['name'], worker['role'], worker['folder']), ('w1', 'worker', out))
        text = self.openssl('x509', '-in', out + '/worker.pem', '-noout', '-text')
        self.assertIn('URI:hillstar:worker:w1', text)
        self.verify(out + '/worker.pem', 'sslclient')
        self.verify(out + '/worker.pem', 'sslserver', good=False)
        self.assertIn('already', self.ca_does('issue-worker', 'w1', '--out', out, code=2).err)

        rows = self.ca_does('ls', '-o', 'json').json
        self.assertEqual([(row['role'], row['status']) for row in rows],
                         [('authority', 'valid'), ('host', 'valid'), ('worker', 'valid')])
        self.assertIn('w1', self.ca_does('ls').out)
        self.assertNotIn('PRIVATE', self.ca_does('ls', '-o', 'json').out)

        self.ca_does('revoke', worker['serial'])
        self.assertIn('revoked', self.verify(out + '/worker.pem', 'sslclient', good=False))
        self.verify(host + '/host.pem', 'sslserver')
        self.assertEqual(self.ca_does('revoke', 'w1', '-o', 'json').json, [])

        self.ca_does('rotate')
        self.verify(host + '/host.pem', 'sslserver')
        self.verify(out + '/worker.pem', 'sslclient', good=False)
        self.ca_does('issue-worker', 'w2', '--out', self.path('w2'))
        self.verify(self.path('w2') + '/worker.pem', 'sslclient')
        self.assertEqual([row['role'] for row in self.ca_does('ls', '-o', 'json').json].count('authority'), 2)

    def test_token(self):
        self.ca_does('init')
        done = self.ca_does('issue-worker', 'w1', '--token', '--expires', '10m')
        token = done.out.strip()
        self.assertTrue(token.startswith('hsj1.'), token)
        self.assertNotIn(token, done.err)
        secret = token.split('.')[1]
        for name in os.listdir(self.ca):
            with open(os.path.join(self.ca, name), encoding='utf-8') as file:
                self.assertNotIn(secret, file.read(), name)
        self.assertEqual(stat.S_IMODE(os.stat(self.ca + '/tokens.jsonl').st_mode), 0o600)

    def test_what_is_wrong(self):
        self.assertIn('ca init', self.ca_does('ls', code=4).err)
        self.assertIn('ca init', self.ca_does('issue-worker', 'w1', '--token', code=4).err)
        self.ca_does('init')
        self.ca_does('revoke', 'nobody', code=4)
        self.ca_does('issue-host', 'mill', code=2)
        self.ca_does('issue-worker', 'w1', code=2)
        self.ca_does('issue-worker', 'w1', '--token', '--out', self.path('x'), code=2)
        self.ca_does('issue-worker', '--token', code=2)
        self.ca_does('issue-worker', 'w1', '--token', '--expires', 'soon', code=2)
        self.ca_does('issue-worker', '../up', '--token', code=2)
        for arguments in (('issue-host', 'mill', '--address', 'a,DNS:b'), ('issue-host', 'a b', '--address', 'x')):
            self.assertNotEqual(self.hill('ca', *arguments, '--folder', self.ca, code=None).code, 0)
        self.assertEqual(len(self.ca_does('ls', '-o', 'json').json), 1)
        with open(self.ca + '/index.jsonl', 'w', encoding='utf-8') as file:
            file.write('{"role":')
        self.assertIn('index.jsonl:1', self.hill('ca', 'ls', '--folder', self.ca, code=None).err)


if __name__ == '__main__':
    main()

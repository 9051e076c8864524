# SPDX-License-Identifier: Apache-2.0
"""A worker and a host that do as they like: good certificates, the real wire, and frames of the test's choice."""
import json
import socket
import ssl
import struct
from datetime import datetime, timezone

HELLO, WELCOME, REFUSED, BEAT, BEAT_SEEN, ATTEMPT, OUTCOME, OUTCOME_KEPT = 1, 2, 3, 4, 5, 6, 7, 8
CANCEL, PROGRESS, BLOB_WANT, BLOB_CHUNK, BLOB_NONE, DRAIN, LOG, CLAIMS, RENEW, RENEWED, ENDS_KEPT = range(9, 20)

SERVER_HANDSHAKE, CLIENT_HANDSHAKE, DIRECT = 0, 1, 2
BASP = 3
NORMAL = 0x1000000000000000
OURS = 77
PREFIX = b'\0\0\0\x12@<>+hillstar.frame'
NODE_BYTES, NETWORK = 32, b'\x01\x0fgeneric-caf-app'
PROGRAM = '0.1.0'  # only the first number counts


def number(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def part(data):
    """What stands behind its length, and the rest."""
    size = shift = at = 0
    while True:
        byte = data[at]
        size |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not byte & 0x80:
            return data[at:at + size], data[at + size:]


def frame(kind, body, data=b'', version=1):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return PREFIX + struct.pack('>HB', version, kind) + number(len(text)) + text + number(len(data)) + data


def now():
    return datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def success(**other):
    result = {'blobs': [], 'json': {'output': 'I say so'}}
    return {'ending': 'succeeded', 'result': result, 'tests': [], 'usage': None, 'detail': None, 'failure': None,
            'unsent': False, 'connections': [], 'files': [], **other}


class RawPeer:
    """One connection; `link` is the actor at its other end, `source` that of the last packet."""

    link = source = 0

    def __init__(self, connection):
        self.socket = connection

    def close(self):
        self.socket.close()

    def write(self, operation, payload, data, source, destination):
        self.socket.sendall(struct.pack('>BxxBIQQQ', operation, 0, len(payload), data, source, destination) + payload)

    def take(self, size):
        out = b''
        while len(out) < size:
            piece = self.socket.recv(size - len(out))
            if not piece:
                raise ConnectionError('closed')
            out += piece
        return out

    def packet(self):
        header = self.take(32)
        self.source = struct.unpack_from('>Q', header, 16)[0]
        return header[0], self.take(struct.unpack_from('>I', header, 4)[0])

    # -- frames

    def say(self, kind, body=None, data=b''):
        self.write(DIRECT, frame(kind, {} if body is None else body, data), NORMAL, 0, self.link)

    def hear(self, *kinds):
        """The next frame of one of these kinds: kind, what it says, bytes."""
        while True:
            operation, payload = self.packet()
            if operation != DIRECT:
                continue
            kind = payload[len(PREFIX) + 2]
            body, rest = part(payload[len(PREFIX) + 3:])
            data, _ = part(rest)
            if not kinds or kind in kinds:
                return kind, json.loads(body or b'null'), data

    def is_closed(self, timeout=15):
        self.socket.settimeout(timeout)
        try:
            while True:
                self.hear()
        except (TimeoutError, socket.timeout):
            return False
        except (ConnectionError, OSError):
            return True


class RawWorker(RawPeer):
    def __init__(self, port, identity, timeout=30):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(identity + '/authority.pem')
        context.load_cert_chain(identity + '/worker.pem', identity + '/worker.key')
        context.set_alpn_protocols(['hillstar-frames'])
        super().__init__(context.wrap_socket(socket.create_connection(('127.0.0.1', port), timeout=timeout)))
        _, payload = self.packet()
        self.link = struct.unpack_from('>Q', payload, NODE_BYTES + len(NETWORK))[0]
        self.write(CLIENT_HANDSHAKE, b'n' * NODE_BYTES, 0, 0, 0)
        self.write(DIRECT, frame(BEAT, b'', version=0), NORMAL, OURS, self.link)

    def hello(self, **other):
        self.say(HELLO, {'protocol': 1, 'oldest': 1, 'program': PROGRAM, 'session': 's', 'labels': {'bad': ''}, 'slots': 4,
                         'clock': now(), 'draining': False, 'attempts': [], **other})
        return self


class RawHost:
    """Listens with a host's certificate; `accept` gives the next worker that comes."""

    def __init__(self, identity, authority):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.load_verify_locations(authority)
        self.context.load_cert_chain(identity + '/host.pem', identity + '/host.key')
        self.context.set_alpn_protocols(['hillstar-frames'])
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]

    def close(self):
        self.listener.close()

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(30)
        peer = RawPeer(self.context.wrap_socket(connection, server_side=True))
        node = b'n' * NODE_BYTES + NETWORK + struct.pack('>Q', OURS) + b'\0'
        peer.write(SERVER_HANDSHAKE, node, BASP, 0, 0)
        peer.packet()
        while True:
            operation, _ = peer.packet()
            if operation == DIRECT:
                peer.link = peer.source
                return peer

    def welcome(self, peer, beat, grace):
        """What the worker said of itself; it is told in milliseconds how often to beat, and how long it may be unseen."""
        said = peer.hear(HELLO)[1]
        peer.say(WELCOME, {'protocol': 1, 'program': PROGRAM, 'beat': beat, 'grace': grace})
        return said

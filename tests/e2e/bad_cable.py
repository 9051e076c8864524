#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cable between two network namespaces that delays each packet by itself, so that some overtake others, and loses some.

Its ends are TUN devices, which every kernel has. Prints a line once both are there, and when its input ends a JSON object of
what it did: packets, lost, overtaken.
Usage: bad_cable.py DEVICE NAMESPACE NAMESPACE [--delay LEAST MOST] [--loss PERCENT] [--seed N]    (milliseconds)
"""
import argparse
import ctypes
import fcntl
import heapq
import itertools
import json
import os
import random
import selectors
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PACKET_MAX = 65536


def end_in(namespace, name):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f'/run/netns/{namespace}', 'rb') as space:
        if libc.setns(space.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f'cannot enter {namespace}')
    device = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Cable:
    def __init__(self, ends, settings):
        self.other = {ends[0]: ends[1], ends[1]: ends[0]}
        self.delay, self.loss = settings.delay, settings.loss
        self.dice = random.Random(settings.seed)
        self.number = itertools.count()
        self.under_way = []    # when it arrives, which one it is, where, what
        self.last = {}         # the latest to have arrived, at each end
        self.seen = {'packets': 0, 'lost': 0, 'overtaken': 0}

    def take(self, end):
        try:
            packet = os.read(end, PACKET_MAX)
        except BlockingIOError:
            return False
        self.seen['packets'] += 1
        if self.dice.random() * 100 < self.loss:
            self.seen['lost'] += 1
        else:
            due = time.monotonic() + self.dice.uniform(*self.delay) / 1000
            heapq.heappush(self.under_way, (due, next(self.number), self.other[end], packet))
        return True

    def deliver(self):
        """Seconds until the next one arrives; nothing: none is under way."""
        while self.under_way:
            left = self.under_way[0][0] - time.monotonic()
            if left > 0:
                return left
            _, number, end, packet = heapq.heappop(self.under_way)
            self.seen['overtaken'] += number < self.last.get(end, -1)
            self.last[end] = max(number, self.last.get(end, -1))
            try:
                os.write(end, packet)
            except (BlockingIOError, OSError):    # the other end is not up: lost, as on any cable
                self.seen['lost'] += 1
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('device')
    parser.add_argument('namespaces', nargs=2)
    parser.add_argument('--delay', nargs=2, type=float, default=(5, 35))
    parser.add_argument('--loss', type=float, default=2)
    parser.add_argument('--seed', type=int, default=1)
    settings = parser.parse_args()
    ends = [end_in(namespace, settings.device) for namespace in settings.namespaces]
    cable = Cable(ends, settings)
    ready = selectors.DefaultSelector()
    for source in (*ends, 0):
        ready.register(source, selectors.EVENT_READ)
    print('ready', flush=True)
    while True:
        for key, _ in ready.select(cable.deliver()):
            if key.fd == 0:
                if not os.read(0, 4096):
                    print(json.dumps(cable.seen), flush=True)
                    return
            else:
                while cable.take(key.fd):
                    pass


if __name__ == '__main__':
    sys.exit(main())

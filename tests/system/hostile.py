#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hostile: says what nobody should say, by the thousand. A program of its own (test_bad_input.py), so that its work does
not slow down the honest client that is measured. Each line of its input is a number: so many hostile inputs, then it
answers with how many it has sent of each kind."""
import argparse
import collections
import os
import random
import socket
import struct
import sys
import time

import msgpack
import zmq

from network import Network
from peer import new_uuid, referral_id
from people import People

AT_MOST_A_SECOND = 1500
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(512)
CONNECTIONS_AT_MOST = 20


class Hostile:

    def __init__(self, network, sender, hub, seed):
        self.random = random.Random(seed)
        self.people = People(seed)
        host, port = network.endpoint[6:].rsplit(":", 1)
        self.address = (host, int(port))
        self.mouths = [self.connect(network, sender), self.connect(network, hub)]
        self.plain = collections.deque()
        self.old = [msgpack.packb(self.people.submit()) for _ in range(20)]
        self.kinds = [self.noise, self.changed, self.cut, self.bomb, self.deep, self.frames, self.wrong_role,
                      self.nobodys, self.replayed, self.large, self.raw_noise, self.raw_http, self.raw_tls,
                      self.raw_greeting, self.raw_huge]
        self.sent = collections.Counter()

    @staticmethod
    def connect(network, party):
        mouth = zmq.Context.instance().socket(zmq.DEALER)
        mouth.linger, mouth.rcvhwm, mouth.sndtimeo = 0, 0, 5000
        keys = network.keys(party)
        mouth.curve_publickey, mouth.curve_secretkey, mouth.curve_serverkey = keys.public, keys.secret, keys.server
        mouth.connect(network.endpoint)
        mouth.send(msgpack.packb({"type": "hello", "request_id": new_uuid(), "protocol_version": 1}))
        return mouth

    # ---- what an enrolled party may say ----

    def say(self, *frames):
        mouth = self.random.choice(self.mouths)
        mouth.send_multipart(frames)
        while mouth.poll(0):
            mouth.recv()

    def noise(self):
        self.say(self.random.randbytes(self.random.randrange(200)))

    def changed(self):
        message = bytearray(self.random.choice(self.old))
        for _ in range(1 + self.random.randrange(8)):
            message[self.random.randrange(len(message))] = self.random.randrange(256)
        self.say(bytes(message))

    def cut(self):
        message = self.random.choice(self.old)
        self.say(message[:self.random.randrange(len(message))])

    def bomb(self):
        self.say(self.random.choice([b"\xdd", b"\xdf", b"\xdb", b"\xc6"]) + b"\xff\xff\xff\xff")

    def deep(self):
        self.say(self.random.choice([b"\x91", b"\x81\xa1a"]) * self.random.randrange(1, 5000))

    def frames(self):
        self.say(*[b"x"] * self.random.randrange(2, 50))

    def wrong_role(self):
        self.say(msgpack.packb({"type": self.random.choice(["overview", "hubs", "erase", "apply", "verify", "export"]),
                                "request_id": new_uuid(), "note": "x", "referral_id": referral_id(1), "draft": 1}))

    def nobodys(self):
        self.say(msgpack.packb({"type": self.random.choice(["accept", "start", "complete", "cancel", "status"]),
                                "request_id": new_uuid(), "offer_number": 1, "outcome": "got-help",
                                "referral_id": referral_id(self.random.randrange(1, 10 ** 9))}))

    def replayed(self):
        """What another party has said once, and what it has said itself, byte by byte."""
        self.say(self.old[0])

    def large(self):
        self.say(b"\xc4" + self.random.randbytes(64) * 1023)

    # ---- what anybody may send who finds the port ----

    def raw(self, data):
        while len(self.plain) >= CONNECTIONS_AT_MOST:
            self.plain.popleft().close()
        one = socket.create_connection(self.address, timeout=5)
        self.plain.append(one)
        try:
            one.sendall(data)
        except OSError:
            pass

    def raw_noise(self):
        self.raw(self.random.randbytes(self.random.randrange(1, 2000)))

    def raw_http(self):
        self.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    def raw_tls(self):
        self.raw(TLS_HELLO)

    def raw_greeting(self):
        """A good greeting, and then a handshake that is none."""
        self.raw(GREETING + b"\x04\xc8\x05HELLO" + self.random.randbytes(194))

    def raw_huge(self):
        """A frame of 2^63 bytes is announced."""
        self.raw(GREETING + b"\x06" + struct.pack(">Q", 1 << 63) + b"x" * 100)

    def go(self, count):
        for number in range(count):
            began = time.monotonic()
            kind = self.random.choice(self.kinds)
            kind()
            self.sent[kind.__name__] += 1
            time.sleep(max(0.0, 1 / AT_MOST_A_SECOND - (time.monotonic() - began)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.nice(10)
    network = Network.__new__(Network)  # only where its keys are: the daemon is not ours
    network.directory, network.endpoint = options.directory, options.endpoint
    hostile = Hostile(network, "libraries", "efford", options.seed)
    print("ready", flush=True)
    for line in sys.stdin:
        hostile.go(int(line))
        print(sum(hostile.sent.values()), len(hostile.sent), flush=True)


if __name__ == "__main__":
    main()

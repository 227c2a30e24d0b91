# SPDX-License-Identifier: MIT
"""A peer of CurveZMQ (RFC 26) that says each frame at once. libzmq itself sends a message only when its last frame is
there, and could not say one that never ends. The boxes are libsodium's."""
import ctypes
import os
import socket
import struct

from zmq.utils import z85

SODIUM = ctypes.CDLL("libsodium.so.23")
KEY, NONCE, TAG = 32, 24, 16


def new_keys():
    public, secret = ctypes.create_string_buffer(KEY), ctypes.create_string_buffer(KEY)
    SODIUM.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def box(text, nonce, public, secret):
    assert len(nonce) == NONCE
    boxed = ctypes.create_string_buffer(len(text) + TAG)
    assert SODIUM.crypto_box_easy(boxed, text, ctypes.c_ulonglong(len(text)), nonce, public, secret) == 0
    return boxed.raw


def unbox(boxed, nonce, public, secret):
    text = ctypes.create_string_buffer(len(boxed) - TAG)
    assert SODIUM.crypto_box_open_easy(text, boxed, ctypes.c_ulonglong(len(boxed)), nonce, public, secret) == 0
    return text.raw


class CurvePeer:
    """Has shaken hands as a DEALER. keys: of peer.Keys."""

    def __init__(self, endpoint, keys):
        host, port = endpoint[len("tcp://"):].rsplit(":", 1)
        self.public, self.secret, self.server = map(z85.decode, (keys.public, keys.secret, keys.server))
        self.short_public, self.short_secret = new_keys()
        self.count = 0
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32))
        self.read(64)
        self.shake_hands()

    def close(self):
        self.socket.close()

    def read(self, length):
        heard = b""
        while len(heard) < length:
            chunk = self.socket.recv(length - len(heard))
            assert chunk, "the door was closed"
            heard += chunk
        return heard

    def read_command(self, name):
        flags = self.read(1)[0]
        length = struct.unpack(">Q", self.read(8))[0] if flags & 2 else self.read(1)[0]
        body = self.read(length)
        assert body.startswith(name), body[:10]
        return body[len(name):]

    def next_nonce(self):
        self.count += 1
        return struct.pack(">Q", self.count)

    @staticmethod
    def framed(flags, body):
        return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body

    def shake_hands(self):
        number = self.next_nonce()
        signature = box(bytes(64), b"CurveZMQHELLO---" + number, self.server, self.short_secret)
        hello = b"\x05HELLO\x01\x00" + bytes(72) + self.short_public + number + signature
        self.socket.sendall(b"\x04" + bytes([len(hello)]) + hello)
        welcome = self.read_command(b"\x07WELCOME")
        opened = unbox(welcome[16:], b"WELCOME-" + welcome[:16], self.server, self.short_secret)
        self.short_server, cookie = opened[:KEY], opened[KEY:]
        number, vouch = self.next_nonce(), os.urandom(16)
        vouched = box(self.short_public + self.server, b"VOUCH---" + vouch, self.short_server, self.secret)
        metadata = b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        initiated = box(self.public + vouch + vouched + metadata, b"CurveZMQINITIATE" + number, self.short_server,
                        self.short_secret)
        self.socket.sendall(self.framed(4, b"\x08INITIATE" + cookie + number + initiated))
        self.read_command(b"\x05READY")

    def say(self, body, more):
        """One frame."""
        number = self.next_nonce()
        boxed = box(bytes([more]) + body, b"CurveZMQMESSAGEC" + number, self.short_server, self.short_secret)
        self.socket.sendall(self.framed(0, b"\x07MESSAGE" + number + boxed))

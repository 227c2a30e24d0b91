#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What happens around the daemon while senders and hubs go on: it is stopped for ten minutes, the clock goes back and
leaps, memory is refused, every sync of the disk takes long, another connection takes a party's routing id, and somebody
listens on the line. Afterwards everything acknowledged is there once."""
import contextlib
import datetime
import os
import resource
import select
import signal
import socket
import threading
import time
import unittest

import msgpack
import zmq

from bad_disk import BadDiskNetwork
from clock import PLYMOUTH_TIME
from harness import NO_PACE, OPTIONS, NetworkCase, changed, run
from load import Load, figures
from network import halt
from peer import new_uuid
from people import People

SANITIZER_BYTES = 1 << 40  # what AddressSanitizer sets aside is more than this


class Time(NetworkCase):
    changes = NO_PACE
    settings = {"party_rate": 0}

    @classmethod
    def setUpClass(cls):
        cls.began = datetime.datetime.now(PLYMOUTH_TIME).replace(tzinfo=None).isoformat()
        super().setUpClass()

    @classmethod
    def before_start(cls):
        cls.load = Load(cls.network, OPTIONS.seed)

    def move_clock(self, **much):
        self.network.clock.set(self.network.clock.now() + datetime.timedelta(**much))

    def test_what_the_clock_does(self):
        load = self.load
        load.serve_one()
        halt(self.network.process)
        self.move_clock(minutes=10)
        os.kill(self.network.process.pid, signal.SIGCONT)
        load.serve_one()
        self.move_clock(minutes=-10)
        self.move_clock(minutes=-4)  # what is said may be no more than five minutes ahead
        load.serve_one()
        times = [one["at"] for one in self.network.operator().ask({"type": "events"}) if one["type"] == "happened"]
        self.assertTrue(times)
        self.assertEqual(sorted(times), times, "the history goes back")
        self.network.kill()
        self.network.start()
        load.serve_one()
        self.move_clock(minutes=4)
        load.finish()
        counts = load.check(self)
        operator = self.network.operator()
        stored = operator.ask({"type": "overview"})[0]["stored"]
        self.move_clock(days=3650)
        late = load.senders[0].peer.ask(load.people.submit())[0]["referral_id"]
        self.assertGreater(operator.ask({"type": "status", "referral_id": late})[0]["submitted_at"], "2036", "no leap")
        self.assertEqual(stored + 1, operator.ask({"type": "overview"})[0]["stored"])
        referral = next(iter(load.senders[0].acknowledged.values()))
        operator.ask({"type": "reveal", "referral_id": referral, "note": "A test."})
        told = operator.ask({"type": "status", "referral_id": referral, "reveal": True})[0]
        self.assertIn("family_name", told, "erased by a leap of the clock")
        print(f"stopped for 10 minutes, 14 minutes back, 10 years on: {figures(counts)}", flush=True)


class Memory(NetworkCase):
    changes = NO_PACE
    settings = {"party_rate": 0}

    @classmethod
    def before_start(cls):
        cls.load = Load(cls.network, OPTIONS.seed)

    def virtual_bytes(self):
        with open(f"/proc/{self.network.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()

    def test_memory_is_refused(self):
        self.load.serve_one()
        if self.virtual_bytes() > SANITIZER_BYTES:
            self.skipTest("a sanitizer has a memory of its own")
        lives = []
        for _ in range(5):
            pid = self.network.process.pid
            resource.prlimit(pid, resource.RLIMIT_AS, (self.virtual_bytes(), resource.RLIM_INFINITY))
            self.load.go_on_for(0.5)
            ended = self.network.process.poll()
            lives.append("goes on" if ended is None else f"ends ({ended})")
            if ended is None:
                self.network.kill()
            self.network.start()
            self.load.serve_one()
        self.load.finish()
        self.assertTrue(any(life.startswith("ends") for life in lives) or "no_memory" in self.network.log(), "it had enough")
        print(f"memory refused: {', '.join(lives)}: {figures(self.load.check(self))}", flush=True)


class SlowDisk(unittest.TestCase):
    """Every sync takes 300 ms."""

    SYNC = 0.3

    def test_every_sync_takes_long(self):
        network = BadDiskNetwork(OPTIONS.build, store_limit="32MiB", settings={"party_rate": 0})
        self.addCleanup(network.close)
        network.write_network(changed(network.text, NO_PACE))
        network.fail_at("slow", int(self.SYNC * 1000))
        network.start()
        load = Load(network, OPTIONS.seed)
        operator = network.operator()
        load.serve_one()
        syncs, waits = network.seen().syncs, []
        while network.seen().syncs < syncs + 10:
            load.go_on_for(0.1)
            asked = time.monotonic()
            self.assertEqual("totals", operator.ask({"type": "overview"}, timeout=60)[0]["type"])
            waits.append(time.monotonic() - asked)
        network.fail_at("", 0)
        network.kill()
        network.start()
        load.finish()
        waits.sort()
        self.assertLess(waits[len(waits) // 4], self.SYNC / 2, "who reads waits for the disk")
        print(f"every sync takes {self.SYNC * 1000:.0f} ms: an operator waits {waits[len(waits) // 2] * 1000:.1f} ms "
              f"(median of {len(waits)}); {figures(load.check(self))}", flush=True)


class Listener:
    """Stands between a peer and the daemon, and keeps every byte that passes."""

    def __init__(self, endpoint):
        self.to = ("127.0.0.1", int(endpoint.rsplit(":", 1)[1]))
        self.heard = bytearray()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with self.server:
            near, _ = self.server.accept()
        far = socket.create_connection(self.to)
        other = {near: far, far: near}
        with near, far, contextlib.suppress(OSError):
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    self.heard += data
                    other[one].sendall(data)


class Line(NetworkCase):

    @classmethod
    def before_start(cls):
        for party in ("libraries", "community-builders"):
            cls.network.enrol(party, "sender")

    def dealer(self, party, endpoint=None, routing_id=None):
        keys = self.network.keys(party)
        dealer = zmq.Context.instance().socket(zmq.DEALER)
        self.addCleanup(dealer.close, 0)
        dealer.curve_publickey, dealer.curve_secretkey, dealer.curve_serverkey = keys.public, keys.secret, keys.server
        if routing_id:
            dealer.routing_id = routing_id
        with dealer.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED) as monitor:
            dealer.connect(endpoint or self.network.endpoint)
            self.assertTrue(monitor.poll(30000), "the door stays closed")
            dealer.disable_monitor()
        return dealer

    def ask(self, dealer, message):
        dealer.send(msgpack.packb(message))
        while True:
            self.assertTrue(dealer.poll(30000), f"no answer to {message['type']}")
            answer = msgpack.unpackb(dealer.recv())
            if answer.get("request_id") == message["request_id"]:
                return answer

    def hello(self, dealer):
        return self.ask(dealer, {"type": "hello", "request_id": new_uuid(), "protocol_version": 1})

    def test_who_listens_reads_nothing(self):
        listener = Listener(self.network.endpoint)
        dealer = self.dealer("libraries", listener.endpoint)
        self.hello(dealer)
        canary = People(5).submit(family_name="Canarybird-Zephyrine")
        self.assertEqual("committed", self.ask(dealer, canary)["type"])
        heard = bytes(listener.heard)
        self.assertGreater(len(heard), 1000, "nobody has spoken")
        self.assertIn(b"CURVE", heard)
        for secret in ("Canarybird", "submit", "committed", "family_name", canary["nhs_number"], canary["date_of_birth"]):
            self.assertNotIn(secret.encode(), heard)

    def test_the_routing_id_of_another_says_nothing(self):
        mine = self.dealer("libraries", routing_id=b"ABCD")
        self.hello(mine)
        stored = self.ask(mine, People(6).submit())["referral_id"]
        asked = {"type": "status", "request_id": new_uuid(), "referral_id": stored}
        other = self.dealer("community-builders", routing_id=b"libraries")
        self.assertEqual("community-builders", self.hello(other)["party"])
        self.assertEqual("REF-0203", self.ask(other, asked)["error"])
        thief = self.dealer("community-builders", routing_id=b"ABCD")
        thief.send(msgpack.packb({**asked, "request_id": new_uuid()}))
        for _ in range(50):  # long enough for what the thief has said
            again = self.ask(mine, {**asked, "request_id": new_uuid()})
            self.assertEqual("referral", again["type"], "who has the id is heard, and told")
        self.assertEqual(0, thief.poll(0), "who takes it is not")


if __name__ == "__main__":
    run()

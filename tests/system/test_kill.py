#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGKILL under load, again and again, now and then while it starts: senders and hubs go on through it, and afterwards
everything acknowledged is there once, and every mailbox is whole. The same when it ends itself by a signal."""
import os
import signal
import time

from harness import NO_PACE, NetworkCase, OPTIONS, run
from load import Load, figures

LIFE = (0.010, 0.090)     # seconds under load, once it serves
BIRTH = (0.000, 0.015)    # seconds that a start takes: some are killed in it
DIES_AT_BIRTH = 0.1
DEATH = (0.000, 0.003)    # seconds that a stop takes: some are killed in it
DIES_STOPPING = 0.1
STILLBORN_AT_MOST = 5     # in a row


class Kill(NetworkCase):

    changes = NO_PACE
    # The load is one party's whole city, not one party.
    settings = {"party_rate": 0}

    @classmethod
    def before_start(cls):
        cls.load = Load(cls.network, OPTIONS.seed)

    def start_again(self):
        """Returns how many starts were killed on the way."""
        died = 0
        while died < STILLBORN_AT_MOST and self.load.random.random() < DIES_AT_BIRTH:
            self.network.start(wait=False)
            self.load.go_on_for(self.load.random.uniform(*BIRTH))
            self.network.kill()
            died += 1
        self.network.start()
        return died

    def test_a_library_that_ends_the_program(self):
        """As abort() in libzmq or LMDB does."""
        self.load.serve_one()
        with open(f"/proc/{self.network.process.pid}/limits", encoding="ascii") as limits:
            self.assertRegex(limits.read(), r"Max core file size +0 +0 ", "its memory may be left in a file")
        os.kill(self.network.process.pid, signal.SIGABRT)
        self.assertEqual(-signal.SIGABRT, self.network.process.wait(60))
        self.assertIn(f"event=crashed signal={signal.SIGABRT:d}", self.network.log())
        self.network.start()
        self.load.serve_one()  # what was lost would be counted at the end of the load

    def test_killed_under_load(self):
        kills, at_birth, stopping, began = 0, 0, 0, time.monotonic()
        while kills < OPTIONS.kills:
            if kills % 20 == 0:
                self.load.serve_one()
            self.load.go_on_for(self.load.random.uniform(*LIFE))
            if self.load.random.random() < DIES_STOPPING:
                os.kill(self.network.process.pid, signal.SIGTERM)
                self.load.go_on_for(self.load.random.uniform(*DEATH))
                stopping += 1
            self.network.kill()
            died = self.start_again()
            kills += 1 + died
            at_birth += died
        took = time.monotonic() - began
        self.load.finish()
        counts = self.load.check(self)
        print(f"seed {OPTIONS.seed}: {kills} kills in {took:.0f} s, {at_birth} of them while starting, {stopping} while "
              f"stopping: {figures(counts)}", flush=True)


if __name__ == "__main__":
    run()

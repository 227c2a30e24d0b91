#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGKILL under load, again and again: senders and hubs go on through it, and afterwards every acknowledged referral is
there once, and every mailbox is whole."""
import random
import time

from harness import NO_PACE, NetworkCase, OPTIONS, run
from parties import Parties, Party, over_capacity
from people import People

SENDERS = ["social-prescribing", "adult-social-care-team", "community-builders"]
NEEDS = ["befriending", "food", "housing"]
IN_HAND = 2  # requests that one sender has out at once


class Kill(NetworkCase):

    changes = NO_PACE

    @classmethod
    def before_start(cls):
        cls.random = random.Random(50)
        cls.people = People(50)
        cls.closed = set()
        hubs = sorted({service.hub for service in cls.network.services if set(NEEDS) & set(service.needs)})
        cls.parties = Parties(cls.help_at_once)
        for name in SENDERS:
            cls.parties.add(name, Party(cls.network.peer(name, "sender"), name))
        for name in hubs:
            cls.parties.add(name, Party(cls.network.peer(name, "hub"), name))
        cls.senders = [cls.parties.by_name[name] for name in SENDERS]

    @staticmethod
    def help_at_once(hub, offer):
        hub.say("accept", offer)
        hub.say("start", offer)
        hub.say("complete", offer, outcome="got-help")

    def submit_more(self):
        for sender in self.senders:
            while len(sender.submits) - len(sender.acknowledged) < IN_HAND:
                sender.submit(self.people.submit(need=self.random.choice(NEEDS)))
                self.repeat_impatiently(sender)

    def repeat_impatiently(self, sender):
        """Now and then a sender says again what was acknowledged long ago."""
        if sender.acknowledged and self.random.random() < 0.1:
            sender.peer.post(sender.submits[self.random.choice(list(sender.acknowledged))])

    def load_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.submit_more()
            self.parties.round(0.002)

    def live_and_die(self):
        """A life in which the daemon has served somebody, then as much load as chance will have it."""
        before = self.acknowledged()
        self.parties.attend_until(lambda: self.submit_more() or self.acknowledged() > before, 120,
                                  "a life without any acknowledgement")
        self.load_for(self.random.uniform(0.030, 0.150))
        self.network.kill()
        self.network.start()

    def acknowledged(self):
        return sum(len(sender.acknowledged) for sender in self.senders)

    def all_closed(self):
        """Whom no hub can take, the sender withdraws; all others are driven to their end by the hubs."""
        found = self.parties.ask_status_of_all(but=self.closed)
        stands = {referral: one.get("business_status") for referral, one in found.items()}
        for sender in self.senders:
            for referral in sender.acknowledged.values():
                if stands.get(referral) == "awaiting-human":
                    sender.peer.post({"type": "cancel", "referral_id": referral, "status_reason": "26"})
        self.closed |= {referral for referral, status in stands.items() if status == "closed-acknowledged"}
        return len(self.closed) == self.acknowledged()

    def check_books(self):
        """Once each: as many in the daemon's books as requests were made, each under its own id."""
        submitted = sum(len(sender.submits) for sender in self.senders)
        ids = [referral for sender in self.senders for referral in sender.acknowledged.values()]
        operator = self.network.operator()
        stored = operator.ask({"type": "overview"}, timeout=60)[0]["stored"]
        found = self.parties.ask_status_of_all()
        lost = sum(found[one]["type"] != "referral" for one in ids) + max(0, submitted - stored)
        doubled = (sum(sender.doubled for sender in self.senders) + len(ids) - len(set(ids))
                   + max(0, stored - submitted))
        return lost, doubled

    def check_mailboxes(self):
        operator = self.network.operator()
        unconfirmed = {one["hub_id"]: one["unconfirmed"] for one in operator.ask({"type": "hubs"})}
        for party in self.parties.all():
            numbers = sorted(party.peer.history)
            self.assertEqual(list(range(1, len(numbers) + 1)), numbers, f"{party.label}: the mailbox has gaps")
            self.assertEqual(0, unconfirmed.get(party.label, 0), party.label)

    def test_killed_under_load(self):
        for _ in range(OPTIONS.kills):
            self.live_and_die()
        self.parties.attend_until(lambda: all(one.all_acknowledged() for one in self.senders), 120,
                                  "some requests were never answered")
        acknowledged = self.acknowledged()
        refused = [answer for one in self.parties.all() for answer in one.refusals]
        self.assertEqual([], refused)
        self.parties.attend_until(self.all_closed, 120, "not everything could be driven to closed")
        self.parties.attend_until(lambda: not any(one.peer.unanswered for one in self.parties.all()), 60,
                                  "requests stayed unanswered")
        lost, doubled = self.check_books()
        self.check_mailboxes()
        print(f"{OPTIONS.kills} kills, {acknowledged} acknowledged, {lost} lost, {doubled} doubled", flush=True)
        self.assertEqual((0, 0), (lost, doubled))
        self.assertEqual([], over_capacity(self.network.services, self.parties.all(), {}))


if __name__ == "__main__":
    run()

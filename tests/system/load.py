# SPDX-License-Identifier: MIT
"""load: senders and hubs that go on whatever happens to the daemon, and the books by which it is judged afterwards: what
was attempted, what was acknowledged, and what of it stands in the histories."""
import collections
import random
import time

from parties import Parties, Party, over_capacity
from people import People

SENDERS = ["social-prescribing", "adult-social-care-team", "community-builders"]
NEEDS = ["befriending", "food", "housing"]
IN_HAND = 2  # submits that one sender has out at once

# What a hub does with an offer, and how often of a hundred times. Each is said at once, without waiting for answers.
PLANS = [
    (40, [("accept", {}), ("start", {}), ("complete", {"outcome": "got-help"})]),
    (20, [("accept", {}), ("start", {}), ("progress", {"note": "It goes on."}),
          ("complete", {"outcome": "partly"})]),
    (20, [("accept", {}), ("start", {}), ("pause", {"note": "Waits for a key."}), ("resume", {}),
          ("complete", {"outcome": "got-help"})]),
    (8, [("accept", {}), ("start", {}), ("fail", {"status_reason": "FC"})]),
    (6, [("accept", {}), ("hand_back", {"status_reason": "23"})]),
    (6, [("reject", {"status_reason": "23"})]),
]

# The entry of the history that each request leaves, once.
EVENTS = {"submit": "submitted", "update": "updated", "accept": "accepted", "start": "started", "pause": "paused",
          "resume": "resumed", "progress": "progressed", "complete": "completed", "fail": "failed",
          "hand_back": "handed-back", "reject": "rejected", "cancel": "cancelled"}

# The story has gone on: said of an update that came too late, and of a repeat whose first answer was never heard.
GONE_ON = {"REF-0302", "REF-0303"}

Counts = collections.namedtuple("Counts", "attempts acknowledged ok lost doubled recovered")


class Load:

    def __init__(self, network, seed):
        self.network = network
        self.random = random.Random(seed)
        self.people = People(seed)
        self.closed = set()
        self.updated, self.withdrawn = set(), set()
        self.answered = set()                          # (referral_id, offer_number)
        self.said = {}                                 # request_id: (kind, referral_id)
        self.plans = {}                                # request_id: (peer, the steps of its plan that are not settled)
        self.overtook = set()                          # request_id: heard before the step in front of it
        self.done = collections.Counter()              # (referral_id, kind): so many were answered done
        self.recovered = 0                             # stored by a life that never said so
        self.refusals = []                             # those that nothing excuses
        hubs = sorted({service.hub for service in network.services if set(NEEDS) & set(service.needs)})
        self.parties = Parties(self.follow_plan)
        for name in SENDERS:
            self.parties.add(name, Party(network.peer(name, "sender"), name))
        for name in hubs:
            self.parties.add(name, Party(network.peer(name, "hub"), name))
        self.senders = [self.parties.by_name[name] for name in SENDERS]

    # ---- saying ----

    def follow_plan(self, hub, offer):
        """Once for each offer; an update brings it again, under its number."""
        if (offer["referral_id"], offer["offer_number"]) in self.answered:
            return
        self.answered.add((offer["referral_id"], offer["offer_number"]))
        plan = self.random.choices([plan for _, plan in PLANS], [share for share, _ in PLANS])[0]
        steps = {}  # request_id: the step
        for kind, fields in plan:
            request_id = hub.say(kind, offer, **fields)
            self.remember(request_id, kind, offer["referral_id"])
            steps[request_id] = hub.peer.unanswered[request_id][0]
            self.plans[request_id] = (hub.peer, steps)

    def remember(self, request_id, kind, referral_id):
        self.said[request_id] = (kind, referral_id)

    def say_more(self):
        for sender in self.senders:
            while len(sender.submits) - len(sender.acknowledged) < IN_HAND:
                sender.submit(self.people.submit(need=self.random.choice(NEEDS)))
                repeatable = [one for one, referral in sender.acknowledged.items() if referral not in self.updated]
                if repeatable and self.random.random() < 0.1:  # what was acknowledged long ago, once more
                    sender.peer.post(sender.submits[self.random.choice(repeatable)])
                if sender.acknowledged and self.random.random() < 0.2:
                    self.update_newest(sender)

    def update_newest(self, sender):
        referral = next(reversed(sender.acknowledged.values()))
        self.updated.add(referral)
        self.remember(sender.peer.post({"type": "update", "referral_id": referral, "phone": "01632960002",
                                        "note": "Has moved in with a friend."}), "update", referral)

    # ---- hearing ----

    def round(self, wait=0.02):
        self.parties.round(wait)
        for party in self.parties.all():
            for request_id in [one for one in party.peer.answered if one in self.said]:
                self.take_answer(request_id, party.peer.answered.pop(request_id)[0])

    def take_answer(self, request_id, answer):
        kind, referral = self.said[request_id]
        if self.has_overtaken(request_id, answer):
            return
        self.settle(request_id)
        if answer["type"] == "done":
            self.done[referral, kind] += 1
            self.recovered += answer["duplicate"]
        elif answer["error"] not in GONE_ON:
            self.refusals.append((kind, answer))

    def has_overtaken(self, request_id, answer):
        """Refused while a step in front of it had been told to come later: it is said again behind that one."""
        _, steps = self.plans.get(request_id, (None, {}))
        if answer["type"] == "done" or answer["error"] not in GONE_ON or next(iter(steps), request_id) == request_id:
            return False
        self.overtook.add(request_id)
        return True

    def settle(self, request_id):
        peer, steps = self.plans.pop(request_id, (None, {}))
        steps.pop(request_id, None)
        following = next(iter(steps), None)
        if following in self.overtook:
            self.overtook.remove(following)
            peer.post(steps[following])

    def go_on_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.say_more()
            self.round(0.002)

    def go_on_until(self, condition, timeout, what):
        until = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > until:
                raise TimeoutError(f"{what} ({timeout} s)")
            self.round()

    def serve_one(self):
        """Until somebody has been acknowledged something."""
        before = self.acknowledged()
        self.go_on_until(lambda: self.say_more() or self.acknowledged() > before, 60,
                         "a life without any acknowledgement")

    def acknowledged(self):
        return sum(len(sender.acknowledged) for sender in self.senders)

    # ---- the end of it ----

    def finish(self):
        """Everything is answered, and driven to its end."""
        self.go_on_until(lambda: all(one.all_acknowledged() for one in self.senders), 120,
                         "some submits were never answered")
        self.go_on_until(self.all_closed, 240, "not everything could be driven to closed")
        self.go_on_until(lambda: not any(one.peer.unanswered for one in self.parties.all()), 60,
                         "requests stayed unanswered")

    def all_closed(self):
        """Whom no hub can take, the sender withdraws; all others are driven to their end by the hubs."""
        stands = {referral: one.get("business_status")
                  for referral, one in self.parties.ask_status_of_all(but=self.closed).items()}
        for sender in self.senders:
            for referral in sender.acknowledged.values():
                if stands.get(referral) == "awaiting-human" and referral not in self.withdrawn:
                    self.withdrawn.add(referral)
                    self.remember(sender.peer.post({"type": "cancel", "referral_id": referral, "status_reason": "26"}),
                                  "cancel", referral)
        self.closed |= {referral for referral, status in stands.items() if status == "closed-acknowledged"}
        return len(self.closed) == self.acknowledged()

    def history_of_all(self):
        """(referral_id, event): how many entries; as the senders are told it."""
        found = collections.Counter()
        for sender in self.senders:
            asked = [sender.peer.post({"type": "history", "referral_id": referral})
                     for referral in sender.acknowledged.values()]
            self.go_on_until(lambda asked=asked, sender=sender: all(one in sender.peer.answered for one in asked), 120,
                             "histories without an answer")
            for request_id in asked:
                for one in sender.peer.answered.pop(request_id):
                    if one["type"] == "happened":
                        found[one["referral_id"], one["event"]] += 1
        return found

    def count(self):
        """Each acknowledged request stands in the histories, and none more often than it was made."""
        attempts = collections.Counter((referral, kind) for kind, referral in self.said.values())
        found = self.history_of_all()
        lost = sum(max(0, count - found[referral, EVENTS[kind]]) for (referral, kind), count in self.done.items())
        doubled = sum(max(0, found[referral, EVENTS[kind]] - count) for (referral, kind), count in attempts.items())
        ids = [referral for sender in self.senders for referral in sender.acknowledged.values()]
        submits = sum(len(sender.submits) for sender in self.senders)
        stored = self.network.operator().ask({"type": "overview"}, timeout=60)[0]["stored"]
        lost += sum(found[one, "submitted"] == 0 for one in ids)
        doubled += (sum(sender.doubled for sender in self.senders) + len(ids) - len(set(ids))
                    + sum(found[one, "submitted"] > 1 for one in ids) + max(0, stored - submits))
        acknowledged = len(ids) + sum(self.done.values())
        return Counts(submits + len(self.said), acknowledged, acknowledged - lost, lost, doubled,
                      self.recovered + sum(sender.duplicates_told for sender in self.senders))

    def check(self, case):
        """Judges the run in the name of a test case; returns its figures."""
        case.assertEqual([], self.refusals + [one for party in self.parties.all() for one in party.refusals])
        counts = self.count()
        for party in self.parties.all():
            numbers = sorted(party.peer.history)
            case.assertEqual(list(range(1, len(numbers) + 1)), numbers, f"{party.label}: the mailbox has gaps")
        for one in self.network.operator().ask({"type": "mailboxes"}):
            case.assertEqual(0, one["unconfirmed"], one["party"])
        case.assertEqual((0, 0), (counts.lost, counts.doubled), counts)
        case.assertEqual([], over_capacity(self.network.services, self.parties.all(), {}))
        findings = self.network.operator().ask({"type": "store_check"}, timeout=60)
        case.assertEqual(["end"], [one["type"] for one in findings], findings)
        return counts


def figures(counts):
    return ", ".join(f"{value} {name}" for name, value in counts._asdict().items())

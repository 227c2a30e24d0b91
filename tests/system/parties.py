# SPDX-License-Identifier: MIT
"""parties: senders and hubs with a memory of what they said and what they were told, as their own systems would keep.

Everything that a run is judged by is counted here, outside the daemon: what was acknowledged, what was pushed, and how
many places each hub saw taken.
"""
import collections
import time

from network import wait_for
from peer import step_all


def services_of(offer):
    """The services that an offer takes a place of: several when it is about several needs."""
    return offer.get("service_ids", [offer["service_id"]])


def parts_of(referral):
    """What became of each need: the parts of a referral, or the whole of it when all went one way."""
    return referral.get("parts") or [{**referral, "needs": [need["code"] for need in referral.get("needs", [])]}]


def over_capacity(services, parties, found):
    """Services that held more people than places: by what their hub ever saw, and by how every referral stands now.
    Those that share places count together in the second, where all is of one moment."""
    owners = {(one.hub, one.service): one.owner for one in services}
    places = {one.owner: one.places for one in services}
    held = collections.Counter()
    for referral in found.values():
        for part in parts_of(referral):
            if part.get("business_status") in ("offered", "hub-accepted", "contact-made"):
                held[owners[part["hub_id"], part["service_id"]]] += 1
    seen = {(party.peer.name, service): most for party in parties for service, most in party.taken_most.items()}
    return ([owner for owner, count in held.items() if count > places[owner]]
            + [key for key, most in seen.items() if most > places[owners[key]]])


class Party:
    """One sender or hub, on one connection."""

    def __init__(self, peer, label):
        self.peer, self.label = peer, label
        self.submits = {}                               # request_id: the submit
        self.acknowledged = {}                          # request_id: referral_id
        self.duplicates_told = 0
        self.refusals = []
        self.told = collections.defaultdict(list)       # referral_id or enquiry_id: pushes about it, in order
        self.heard = collections.Counter()              # referral_id: how many of them the story has told
        self.offers = {}                                # (referral_id, offer_number): offer
        self.holding = {}                               # (referral_id, offer_number): service ids
        self.taken_most = collections.Counter()         # service_id: most places held at once
        self.doubled = 0

    # ---- saying ----

    def submit(self, message):
        self.submits[message["request_id"]] = message
        self.peer.post(message)
        return message["request_id"]

    def say(self, kind, offer, **fields):
        """Answers an offer, or reports on it."""
        if kind in ("reject", "complete", "fail", "hand_back"):
            self.release(offer)
        return self.peer.post({"type": kind, "referral_id": offer["referral_id"],
                               "offer_number": offer["offer_number"], **fields})

    # ---- hearing ----

    def attend(self):
        """Takes in answers and pushes; returns the new pushes."""
        for request_id in [one for one in self.peer.answered if one in self.submits]:
            self.take_committed(request_id, self.peer.answered.pop(request_id)[0])
        pushes = self.peer.pushes()
        for push in pushes:
            self.told[push.get("referral_id") or push["enquiry_id"]].append(push)
            if push["type"] == "offer":
                self.take_offer(push)
            elif push["type"] == "withdrawn":
                self.release(push)
        return pushes

    def take_committed(self, request_id, answer):
        if answer["type"] != "committed":
            self.refusals.append(answer)
            return
        known = self.acknowledged.setdefault(request_id, answer["referral_id"])
        self.doubled += known != answer["referral_id"]
        self.duplicates_told += answer["duplicate"]

    def take_offer(self, offer):
        key = (offer["referral_id"], offer["offer_number"])
        if key in self.offers:  # after an update it comes again, perhaps when it has been answered
            self.offers[key] = offer
            return
        self.offers[key] = offer
        self.holding[key] = services_of(offer)
        now = collections.Counter(service for held in self.holding.values() for service in held)
        for service in self.holding[key]:
            self.taken_most[service] = max(now[service], self.taken_most[service])

    def release(self, offer):
        self.holding.pop((offer["referral_id"], offer["offer_number"]), None)

    def all_acknowledged(self):
        return len(self.acknowledged) + len(self.refusals) >= len(self.submits)


class Parties:
    """Many parties, attended together. `judge(party, offer)` answers every offer that nobody has set aside."""

    def __init__(self, judge):
        self.judge = judge
        self.by_name = {}
        self.set_aside = set()   # correlation ids that a story answers by hand

    def add(self, name, party):
        self.by_name[name] = party
        return party

    def all(self):
        return list(self.by_name.values())

    def round(self, wait=0.02):
        step_all([party.peer for party in self.all()], wait)
        for party in self.all():
            for push in party.attend():
                if push["type"] == "offer" and push["correlation_id"] not in self.set_aside:
                    self.judge(party, push)

    def attend_for(self, seconds):
        until = time.monotonic() + seconds
        while True:
            self.round(min(0.02, max(0.0, until - time.monotonic())))
            if time.monotonic() >= until:
                return

    def attend_until(self, condition, timeout=60.0, what="waited in vain"):
        return wait_for(condition, timeout, what, self.round)

    def hello_all(self):
        self.attend_until(lambda: all(party.peer.welcome for party in self.all()), what="not everybody was welcomed")

    def ask(self, party, request, timeout=60.0):
        """One question, while all others go on."""
        request_id = party.peer.post(request)
        self.attend_until(lambda: request_id in party.peer.answered, timeout, f"no answer to {request['type']}")
        answer = party.peer.answered.pop(request_id)
        return answer[:-1] if len(answer) > 1 else answer

    def ask_status_of_all(self, but=()):
        """Every acknowledged referral, asked about by its own sender: {referral_id: referral or refused}."""
        found = {}
        for party in self.all():
            asked = {party.peer.post({"type": "status", "referral_id": referral}): referral
                     for referral in party.acknowledged.values() if referral not in but}
            self.attend_until(lambda asked=asked, party=party: all(one in party.peer.answered for one in asked),
                              60.0, "status questions without an answer")
            for request_id, referral in asked.items():
                found[referral] = party.peer.answered.pop(request_id)[0]
        return found

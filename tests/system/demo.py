#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""demo: the main job, live: a city's wellbeing hubs, three kinds of senders, 200 invented people, and a kill -9.

usage: demo.py --build DIRECTORY [--keep] [--pace SECONDS]
"""
import argparse
import collections
import json
import os
import random
import re
import sys
import tempfile
import time

try:
    from network import Network, PLYMOUTH, shorten_deadlines
    from parties import Parties, Party, over_capacity
    from peer import PeerError
    from people import People
except ImportError as error:
    sys.exit(f"demo: {error}; the foreign peers need python3-zmq and python3-msgpack (Debian packages)")

SILENCE, GRACE = 3, 2  # seconds that a hub has for an offer in the demo, and after it was reminded
PRACTICE = "gp-L83651"
CROWD = 195
AT_A_HUB = {"accepted", "in-progress", "completed", "failed"}

REASONS = {"all-full": "every hub that could help is full", "no-hub": "no hub can take it",
           "unknown-locality": "the place could not be found", "safeguarding": "a safeguarding concern is recorded",
           "no-answer": "no answer in time", "40": "not eligible", "23": "not appropriate for this service",
           "41": "wants a home visit", "27": "the service could not be contacted"}


def short(name):
    """A hub's name without what stands after a comma or in brackets."""
    return re.split(r", | \(", name)[0]


def read_hub_names():
    """As the hubs are called now: those that were renamed have a second name."""
    with open(PLYMOUTH, encoding="utf-8") as file:
        entries = re.findall(r'^ {8}id = "([^"]+)";(.*?)^ {4}\}', file.read(), re.M | re.S)
    return {hub: short(re.findall(r'\bname = "([^"]+)"', entry)[-1]) for hub, entry in entries}


class Screen:
    """Chapters, and one line for each event; colour on a terminal only."""

    def __init__(self, pace):
        self.pace = pace
        self.colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.pause = time.sleep
        self.chapters = 0

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def chapter(self, heading, *words):
        self.chapters += 1
        print(f"\n{self.paint('1;36', f'{self.chapters}. {heading}')}")
        for line in words:
            print(self.paint("2", f"   {line}"))
        sys.stdout.flush()
        self.pause(self.pace * 2)

    def line(self, who, what, code="0"):
        print(f"   {self.paint('1', f'{who:<38.38}')} {self.paint(code, what)}", flush=True)
        self.pause(self.pace)

    def block(self, text, part=slice(0, None)):
        """What a program has said, or a part of its lines."""
        lines = text.rstrip("\n").split("\n")
        for line in lines[part]:
            print(f"   {self.paint('2', '|')} {line}")
        if part.stop and len(lines) > part.stop:
            print(f"   {self.paint('2', '|')} ... {len(lines) - part.stop} more lines")
        sys.stdout.flush()
        self.pause(self.pace * 3)


class Demo:
    """The whole evening, in order: run() is the programme."""

    def __init__(self, build, pace, keep):
        self.keep = keep
        self.screen = Screen(pace)
        self.random = random.Random(2026)
        self.people = People(2026)
        self.names = read_hub_names()
        self.silent_left = {"devonport": 2, "estover": 1}
        self.counts = collections.Counter()
        self.parties = Parties(self.judge)
        self.network = Network(build, directory=tempfile.mkdtemp(prefix="referrald-demo-"))
        self.network.write_network(self.shortened(self.network.plymouth))

    def run(self):
        began = time.monotonic()
        self.open_network()
        self.lonely_patient()
        self.two_needs()
        self.neighbours_call()
        self.full_hub()
        self.no_and_silence()
        self.whole_city()
        self.change_without_fear()
        self.look_inside()
        return self.count(began)

    # ---- helpers ----

    @staticmethod
    def shortened(text):
        return shorten_deadlines(text, SILENCE, GRACE)

    def say(self, who, what, code="0"):
        self.screen.line(who, what, code)

    def refer(self, party, words, **fields):
        """Submits by hand: the story answers the offers itself. Returns the referral id."""
        message = self.people.submit(**fields)
        self.parties.set_aside.add(message["correlation_id"])
        request_id = party.submit(message)
        self.parties.attend_until(lambda: request_id in party.acknowledged, what="no acknowledgement")
        referral = party.acknowledged[request_id]
        self.say(party.label, f"refers {words}: stored as {referral}")
        return referral

    def submit_of(self, party, referral):
        return next(party.submits[request] for request, one in party.acknowledged.items() if one == referral)

    def await_told(self, party, kind, about):
        """The newest push of the kind about a referral or an enquiry."""
        return self.parties.attend_until(
            lambda: next((push for push in reversed(party.told[about]) if push["type"] == kind), None),
            what=f"{party.label} was not told {kind}")

    def await_offer(self, referral, number=1):
        def find():
            return next(((party, party.offers[referral, number]) for party in self.parties.all()
                         if (referral, number) in party.offers), None)
        return self.parties.attend_until(find, what="no hub was asked")

    def hear(self, party, referral):
        """The next thing that a sender is told about its referral."""
        place = party.heard[referral]
        push = self.parties.attend_until(lambda: len(party.told[referral]) > place and party.told[referral][place],
                                         what="the sender was told nothing")
        party.heard[referral] += 1
        self.say(party.label, f"<- {referral}: {self.in_words(push)}", "32")
        return push

    def in_words(self, push):
        reason = REASONS.get(push.get("status_reason"), push.get("status_reason", ""))
        hub = short(push.get("hub_name", ""))
        if push["type"] == "routed" and "parts" in push:
            return "; ".join(f"{', '.join(part['needs'])}: offered to {short(part['hub_name'])}" if "hub_name" in part
                             else f"{', '.join(part['needs'])}: {part['business_status']}" for part in push["parts"])
        if push["type"] == "routed" and push["business_status"] == "offered":
            return f"offered to {hub}"
        if push["type"] == "routed" and push["business_status"] == "waitlisted":
            return f"waits, place {push['position']} in the queue: {reason}"
        if push["type"] == "routed":
            return f"needs a person: {reason}"
        if push["type"] == "answered":
            return f"{hub}: {push['state']}" + (f", {reason}" if reason else "")
        if push["type"] == "progressed":
            begun = f"{hub}: help has begun" if push["state"] == "in-progress" else f"{hub}: {push['state']}"
            return f'{hub}: "{push["note"]}"' if "note" in push else begun
        if push["type"] == "linked":
            return f"belongs to {push['linked_id']}: {push['link']}"
        return f"ended: {push.get('outcome', push['state'])}" + (f' "{push["note"]}"' if "note" in push else "")

    def answer(self, hub, kind, offer, **fields):
        request = hub.say(kind, offer, **fields)
        self.parties.attend_until(lambda: request in hub.peer.answered, what=f"no answer to {kind}")
        return hub.peer.answered.pop(request)[0]

    def status(self, party, referral):
        return self.parties.ask(party, {"type": "status", "referral_id": referral})[0]

    def judge(self, hub, offer):
        """How the hubs' agents answer when no story does it for them."""
        if self.silent_left.get(hub.peer.name, 0) > 0:
            self.silent_left[hub.peer.name] -= 1
            self.counts["silent"] += 1
        elif self.random.random() < 0.10:
            self.counts["rejected"] += 1
            hub.say("reject", offer, status_reason=self.random.choice(["23", "40", "41"]))
        else:
            self.counts["accepted"] += 1
            hub.say("accept", offer)

    # ---- the programme ----

    def open_network(self):
        self.screen.chapter("The network opens", "The real Plymouth hubs and postcodes; the people are invented.")
        sender_names = {"social-prescribing": ("sender", "GP social prescriber"),
                        "adult-social-care-team": ("sender", "Adult Social Care"),
                        PRACTICE: ("sender", "Adelaide Street Surgery")}
        hub_names = sorted({service.hub for service in self.network.services})
        for name in [*sender_names, *hub_names]:
            self.network.enrol(name, "hub" if name in hub_names else "sender")
        pid = self.network.start()
        self.say("referrald", f"serves at {self.network.endpoint} (pid {pid}), every connection encrypted")
        for name, (role, label) in sender_names.items():
            self.parties.add(name, Party(self.network.peer(name, role), label))
        for name in hub_names:
            self.parties.add(name, Party(self.network.peer(name, "hub"), self.names[name]))
        self.gp = self.parties.by_name["social-prescribing"]
        self.asc_team = self.parties.by_name["adult-social-care-team"]
        self.practice = self.parties.by_name[PRACTICE]
        self.calling_hub = self.parties.by_name["mount-gould"]
        self.parties.hello_all()
        self.screen.pause = self.parties.attend_for
        self.say("", f"{len(hub_names)} hubs with {len(self.network.services)} services and "
                     f"{sum({one.owner: one.places for one in self.network.services}.values())} places are connected")
        self.say("", f"the network file is the city's own, but a hub has {SILENCE} s for an offer instead of days, "
                     f"and {GRACE} s when it was reminded")

    def lonely_patient(self):
        self.screen.chapter("A lonely patient", "A link worker in a GP practice refers; weeks later the practice "
                            "wants to know what came of it.")
        referral = self.refer(self.gp, "a lonely patient, 78", need="befriending", age=78, neighbourhood="Stonehouse",
                              gp_practice_ods=PRACTICE[3:], consent_message_back=["referrer", "gp"])
        self.hear(self.gp, referral)
        hub, offer = self.await_offer(referral)
        self.say(hub.label, f"is asked: {offer['needs'][0]['code']}, {offer['age_band']}, "
                            f"{offer['neighbourhood_name']}; no name, no address")
        self.answer(hub, "accept", offer)
        person = self.parties.attend_until(
            lambda: next((push for push in hub.told[referral] if push["type"] == "person"), None))
        self.say(hub.label, f"accepts; only now it learns who it is ({len(person)} fields)")
        self.hear(self.gp, referral)
        self.answer(hub, "start", offer)
        self.hear(self.gp, referral)
        scores = [{"moment": moment, "measure": "WEMWBS", "total": total, "taken_on": "2026-01-05"}
                  for moment, total in (("before", 31), ("after", 47))]
        self.answer(hub, "complete", offer, outcome="got-help", outcome_scores=scores,
                    note="comes to the lunch club every week")
        self.hear(self.gp, referral)
        self.hear_message_back(referral)
        self.explained = referral

    def hear_message_back(self, referral):
        """It closes when the link worker and the practice both have it."""
        back = self.await_told(self.practice, "message_back", referral)
        before, after = (score["total"] for score in back["outcome_scores"])
        self.say(self.practice.label, f"<- {referral}, about its own patient: {back['outcome']}; wellbeing (WEMWBS) "
                                      f"{before} before, {after} now", "32")
        self.parties.attend_until(lambda: self.status(self.gp, referral)["business_status"] == "closed-acknowledged",
                                  what="the referral does not close")
        self.say("", "both have confirmed it: the referral is closed")

    def two_needs(self):
        self.screen.chapter("Two needs, two hubs", "No hub offers both: each is asked about its own need, and the "
                            "sender gets one outcome.")
        referral = self.refer(self.gp, "somebody for food and advocacy", need=["food", "advocacy"], age=45,
                              neighbourhood="Lipson")
        self.hear(self.gp, referral)
        asked = [self.await_offer(referral, number) for number in (1, 2)]
        for hub, offer in asked:
            self.say(hub.label, f"is asked about {', '.join(need['code'] for need in offer['needs'])}, and accepts")
            self.answer(hub, "accept", offer)
            self.hear(self.gp, referral)
        self.run_client("referral", "explain", referral, party="social-prescribing")
        for hub, offer in asked:
            self.answer(hub, "start", offer)
            self.hear(self.gp, referral)
            self.answer(hub, "complete", offer, outcome="got-help")
            self.hear(self.gp, referral)

    def neighbours_call(self):
        self.screen.chapter("The neighbour's call", "An 80-year-old man, going blind, no food in the house. "
                            "A neighbour phones a hub.")
        hub_sends = self.calling_hub
        fields = {"source": "wellbeing_hub", "priority": "urgent", "age": 80, "neighbourhood": "Lipson"}
        food = self.refer(hub_sends, "him, urgent, no food in the house", need="food",
                          risk_flags=["no-food", "falls", "self-neglect"], consent_to_share="best_interests", **fields)
        self.hear(hub_sends, food)
        hub, offer = self.await_offer(food)
        self.say(hub.label, f"sees {offer['priority']}, {', '.join(offer['risk_flags'])}")
        self.answer(hub, "accept", offer)
        self.hear(hub_sends, food)
        self.answer(hub, "start", offer)
        self.hear(hub_sends, food)
        self.parties.ask(hub_sends, {"type": "update", "referral_id": food, "note": "the neighbour has a key, flat 2"})
        updated = self.await_told(hub, "updated", food)
        self.say(hub.label, f'<- {food}, new from {hub_sends.label}: "{updated["note"]}"', "32")
        self.refer_on(hub, food, fields)

    def refer_on(self, hub, food, fields):
        """Is he known? He is not. Then the hub that has visited him refers him, in the same story."""
        him, care_hub = self.submit_of(self.calling_hub, food), self.parties.by_name["adult-social-care"]
        who = {name: him[name] for name in ("nhs_number", "family_name", "given_name", "date_of_birth", "postcode")}
        enquiry = self.parties.ask(hub, {"type": "enquire", "hub_id": care_hub.peer.name, "referral_id": food,
                                         **who})[0]["enquiry_id"]
        self.await_told(care_hub, "enquiry", enquiry)
        self.say(hub.label, f"asks {care_hub.label} whether he is known")
        self.parties.ask(care_hub, {"type": "answer_enquiry", "enquiry_id": enquiry, "known": "not-known"})
        answer = self.await_told(hub, "enquiry_answered", food)
        self.say(hub.label, f"<- {care_hub.label}: {answer['known']}", "32")
        care = self.refer(hub, "him on to Adult Social Care, same story", need="home-care", onward_from=food,
                          correlation_id=him["correlation_id"], consent_to_share="best_interests", **who, **fields)
        self.hear(self.calling_hub, food)
        asked, offer = self.await_offer(care)
        same = "the same" if offer["correlation_id"] == him["correlation_id"] else "ANOTHER"
        self.answer(asked, "accept", offer)
        self.say(asked.label, f"accepts {care}: home care; it carries {same} correlation_id as {food}")

    def full_hub(self):
        self.screen.chapter("A full hub", "Mannamead has two places for advocacy, and nobody else offers it.")
        mannamead = self.parties.by_name["mannamead"]
        self.parties.ask(mannamead, {"type": "capacity", "service_id": "advocacy", "places": 2})
        self.set_places("mannamead", "advocacy", 2)
        placed, waiting = [], []
        for number in range(4):
            referral = self.refer(self.asc_team, f"person {'ABCD'[number]} for advocacy", need="advocacy",
                                  source="adult_social_care", neighbourhood="Mutley")
            push = self.hear(self.asc_team, referral)
            (waiting if push["business_status"] == "waitlisted" else placed).append(referral)
            if referral in placed:
                self.answer(mannamead, "accept", self.await_offer(referral)[1])
        urgent = self.refer(self.gp, "person E for advocacy, urgent", need="advocacy", priority="urgent")
        self.hear(self.gp, urgent)
        self.show_positions([(self.gp, "E", urgent), (self.asc_team, "C", waiting[0]),
                             (self.asc_team, "D", waiting[1])])
        self.free_place(mannamead, placed[0], "A")
        self.hear(self.gp, urgent)
        self.answer(mannamead, "accept", self.await_offer(urgent)[1])
        self.show_positions([(self.asc_team, "C", waiting[0]), (self.asc_team, "D", waiting[1])])
        self.free_place(mannamead, placed[1], "B")
        self.hear(self.asc_team, waiting[0])
        self.answer(mannamead, "accept", self.await_offer(waiting[0])[1])
        self.show_positions([(self.asc_team, "D", waiting[1])])

    def set_places(self, hub, service, places):
        self.network.services = [one._replace(places=places) if (one.hub, one.service) == (hub, service) else one
                                 for one in self.network.services]

    def free_place(self, hub, referral, letter):
        self.answer(hub, "complete", hub.offers[referral, 1], outcome="got-help")
        self.say(hub.label, f"has helped person {letter}: a place is free")

    def show_positions(self, rows):
        positions = [f"{letter} is {self.status(party, referral)['position']}" for party, letter, referral in rows]
        self.say("the queue", ", ".join(positions), "33")

    def no_and_silence(self):
        self.screen.chapter("One says no, one says nothing", "A person is never turned away for want of a hub.")
        referral = self.refer(self.gp, "a carer who cannot go on", need="social-activity", age=61,
                              neighbourhood="Mutley", is_carer=True)
        self.hear(self.gp, referral)
        first, offer = self.await_offer(referral, 1)
        self.answer(first, "reject", offer, status_reason="40")
        self.say(first.label, "rejects: 40, not eligible")
        self.hear(self.gp, referral)
        self.hear(self.gp, referral)
        second, offer = self.await_offer(referral, 2)
        self.say(second.label, f"stays silent; its deadline is {offer['deadline'][11:19]}")
        reminder = self.await_told(second, "reminder", referral)
        self.say(second.label, f"<- is reminded: it has until {reminder['deadline'][11:19]}", "33")
        self.hear(self.gp, referral)
        third, offer = self.await_offer(referral, 3)
        withdrawn = any(push["type"] == "withdrawn" for push in second.told[referral])
        self.say(second.label, "is told that the offer has gone on" if withdrawn else "was NOT told")
        self.answer(third, "accept", offer)
        self.hear(self.gp, referral)
        self.explained = referral
        held = self.refer(self.gp, "somebody with a safeguarding concern", safeguarding_code="878071000000107")
        self.hear(self.gp, held)

    def whole_city(self):
        self.screen.chapter("The whole city at once, and a kill -9",
                            f"{CROWD} more people from three kinds of senders; the hubs' agents answer as they come.")
        senders = [(self.gp, "gp_link_worker"), (self.asc_team, "adult_social_care"),
                   (self.calling_hub, "wellbeing_hub")]
        priorities = ["routine", "routine", "urgent"]
        crowd = [(party, self.people.submit(source=source, priority=self.random.choice(priorities)))
                 for number in range(CROWD) for party, source in [senders[number % 3]]]
        before = self.acknowledged()
        self.submit_a_few_at_a_time(crowd[:100])
        for party, message in crowd[100:130]:
            party.submit(message)
        self.network.kill()
        self.say("referrald", f"is killed with SIGKILL: {self.acknowledged() - before} acknowledged until now, "
                              f"{self.unacknowledged()} on their way", "1;31")
        for party, message in crowd[130:]:
            party.submit(message)
        self.parties.attend_for(0.2)
        self.say("senders", f"go on: {self.unacknowledged()} referrals have no acknowledgement yet")
        began = time.monotonic()
        pid = self.network.start()
        self.say("referrald", f"serves again after {(time.monotonic() - began) * 1000:.0f} ms (pid {pid})", "1;32")
        self.parties.attend_until(lambda: not self.unacknowledged(), 60, "not everything was acknowledged")
        told = sum(party.duplicates_told for party in self.parties.all())
        self.say("senders", "have repeated what had no answer" + (f": {told} of it had been stored before the kill, "
                            "and was not stored twice" if told else ""))
        self.repeat_some(crowd)
        self.say("hubs", "have reconnected and been sent again what they had not confirmed")
        self.settle()
        self.say("hubs", "{accepted} accepted, {rejected} rejected with a reason, {silent} met with silence"
                 .format_map(self.counts))
        self.tell_longest_story(crowd)

    def submit_a_few_at_a_time(self, crowd):
        for number, (party, message) in enumerate(crowd):
            party.submit(message)
            if number % 5 == 0:
                self.parties.round(0.002)

    def tell_longest_story(self, crowd):
        """What one sender was told about one of the crowd, from the first push to the last."""
        stories = [(len(party.told[party.acknowledged[message["request_id"]]]), number)
                   for number, (party, message) in enumerate(crowd)]
        party, message = crowd[max(stories)[1]]
        referral = party.acknowledged[message["request_id"]]
        need = message["needs"][0]["code"]
        self.say(party.label, f"was told about {referral} ({message['priority']}, {need}):")
        for push in party.told[referral]:
            self.say("", f"<- {self.in_words(push)}", "32")

    def acknowledged(self):
        return sum(len(party.acknowledged) for party in self.parties.all())

    def unacknowledged(self):
        return sum(len(party.submits) for party in self.parties.all()) - self.acknowledged()

    def repeat_some(self, crowd):
        """Impatient senders: the same again, although it has been acknowledged."""
        told = sum(party.duplicates_told for party in self.parties.all())
        for party, message in crowd[::10]:
            party.peer.post(message)
        self.parties.attend_until(
            lambda: sum(party.duplicates_told for party in self.parties.all()) >= told + len(crowd[::10]),
            what="a repeat was not recognised")
        self.say("senders", f"repeat {len(crowd[::10])} more for good measure: the same answers, no second referral")

    def settle(self):
        """Until no offer is open: silent hubs have been passed over, everybody else has answered."""
        def all_settled():
            found = self.parties.ask_status_of_all()
            return all(one.get("business_status") not in ("offered", "committed") for one in found.values())
        self.parties.attend_until(all_settled, 60, "offers stayed open")

    def change_without_fear(self):
        self.screen.chapter("A change, looked at before it counts", "Efford must close for a while. What would that "
                            "mean, for whom? Nothing changes until `apply`.")
        text = self.network.plymouth.replace('id = "efford";', 'id = "efford";\n        status = "paused";', 1)
        path = self.network.path("new.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.shortened(text))
        self.operate("routing", "diff", path)
        self.what_if(path)
        self.operate("routing", "apply", path, "--reason", "building works", expect=1)
        referral = self.refer_in_efford("somebody in Efford")
        self.operate("routing", "apply", path, "--reason", "building works", "--allow-holes", part=slice(-2, None))
        self.say("", "whom Efford had accepted it keeps; who was only offered to it moves on at once:")
        self.hear(self.gp, referral)
        self.accept(referral, 2)
        self.operate("routing", "apply", "--version", "1", "--reason", "put off", part=slice(-2, None))
        self.accept(self.refer_in_efford("somebody else in Efford"), 1)

    def refer_in_efford(self, words):
        referral = self.refer(self.gp, words, need="befriending", age=66, neighbourhood="Efford, Laira & Crabtree")
        self.hear(self.gp, referral)
        return referral

    def accept(self, referral, number):
        hub, offer = self.await_offer(referral, number)
        self.answer(hub, "accept", offer)
        self.hear(self.gp, referral)

    def what_if(self, path):
        """The stored referrals decided again; the line of the whole network, in words."""
        done = self.network.client("referralctl", "routing", "simulate", path, "-o", "json")
        print(self.screen.paint("2", "   $ referralctl routing simulate new.conf"))
        if done.returncode != 0:
            self.counts["screens failed"] += 1
            return self.screen.block(f"FAILED ({done.returncode}) {done.stderr}")
        one = next(row for row in json.loads(done.stdout)["items"] if row["subject"] == "network")
        return self.say("what if", "{referrals} referrals, {moved} would have gone elsewhere; placed {placed_now}, not "
                        "{placed_then}; near home {local_now}, not {local_then}; unmet {unmet_now}, not {unmet_then}"
                        .format_map(one), "33")

    def operate(self, *arguments, **options):
        self.run_client("referralctl", *arguments, **options)

    def run_client(self, name, *arguments, expect=0, part=slice(0, 20), party=None):
        """Shows what one of the clients says, typed as a person would."""
        done = self.network.client(name, *arguments, party=party)
        typed = [os.path.basename(one) if os.path.isabs(one) else f'"{one}"' if " " in one else one
                 for one in arguments]
        print(self.screen.paint("2", f"   $ {name} {' '.join(typed)}"))
        said = (done.stdout + done.stderr).replace(self.network.directory + os.sep, "")
        self.screen.block(said if done.returncode == expect else f"FAILED ({done.returncode}) {said}", part)
        self.counts["screens failed"] += done.returncode != expect

    def look_inside(self):
        self.screen.chapter("What an operator sees")
        self.operate("status")
        self.operate("explain", self.explained)
        self.operate("routing", "coverage", part=slice(0, 8))

    # ---- the count ----

    def count(self, began):
        self.screen.chapter("The count", "By the senders and hubs themselves: what they were told, and a status "
                            "question for every referral.")
        parties = self.parties.all()
        submitted = sum(len(party.submits) for party in parties)
        found = self.parties.ask_status_of_all()
        stored = {referral for referral, one in found.items() if one["type"] == "referral"}
        waiting = sum(found[one]["business_status"] == "waitlisted" for one in stored)
        attention = sum(found[one]["business_status"] == "awaiting-human" for one in stored)
        placed = sum(found[one]["state"] in AT_A_HUB for one in stored)
        overview = self.ask_overview()
        lost = submitted - len(stored)
        duplicated = sum(party.doubled for party in parties) + max(0, overview["stored"] - len(stored))
        over = over_capacity(self.network.services, parties, found)
        unexplained = submitted - placed - waiting - attention
        self.say("over capacity", "nobody, ever" if not over else f"{over}")
        self.say("all in all", f"{time.monotonic() - began:.0f} s; {overview['stored']} referrals in the daemon's "
                               f"own books")
        if self.keep:
            self.leave_running()
        print(f"demo: {submitted} submitted, {len(stored)} stored, {placed} placed, {waiting} waiting, "
              f"{attention} attention, {lost} lost, {duplicated} duplicated", flush=True)
        good = submitted >= 200 and not (lost or duplicated or over or unexplained or self.counts["screens failed"])
        return 0 if good else 1

    def ask_overview(self):
        operator = self.network.operator()
        self.parties.add("operator", Party(operator, "operator"))
        totals = self.parties.ask(self.parties.by_name["operator"], {"type": "overview"})[0]
        del self.parties.by_name["operator"]
        return totals

    # ---- --keep ----

    def leave_running(self):
        for party in self.parties.all():
            party.peer.close()
        self.network.stop()
        self.network.stays = True
        self.network.write_network(self.network.plymouth)  # from now on with the city's own deadlines
        pid = self.network.start()
        person = self.people.submit(need="befriending", neighbourhood="Stonehouse", age=78)
        for name in ("type", "request_id", "correlation_id", "sent_at", "authored_on"):
            del person[name]
        with open(self.network.path("person.json"), "w", encoding="utf-8") as file:
            json.dump(person, file, indent=2)
        with open(self.network.path("client.conf"), "w", encoding="utf-8") as file:
            file.write(f'endpoint = "{self.network.endpoint}"\n'
                       f'key-file = "{self.network.path("keys", "social-prescribing.key")}"\n'
                       f'server-key = "{self.network.path("keys", "server.pub")}"\n')
        ctl = f"{self.program('referralctl')} -S {self.network.operator_socket}"
        print("\n   The network is still running, with the city's own deadlines. Type next:\n"
              f"     REFERRAL_CONFIG={self.network.path('client.conf')} {self.program('referral')} submit "
              f"--file {self.network.path('person.json')}\n"
              f"     {ctl} status\n"
              f"     {ctl} explain {self.explained}")
        print(f"   To stop it:  kill {pid}; rm -r {self.network.directory}\n")

    def program(self, name):
        """Its path as it is shortest to type from here."""
        path = self.network.program(name)
        return min(path, os.path.relpath(path), key=len)

    def clean_up(self, succeeded):
        for party in self.parties.all():
            party.peer.close()
        if not (self.keep and succeeded):
            self.network.close()


def main():
    parser = argparse.ArgumentParser(description="The main job of referrald, live.")
    parser.add_argument("--build", required=True, help="where referrald was built")
    parser.add_argument("--keep", action="store_true", help="leave the network running, and say how to go on")
    parser.add_argument("--pace", type=float, default=0.3, help="seconds for each line (0: as fast as it goes)")
    arguments = parser.parse_args()
    demo, code = None, 1
    try:
        demo = Demo(arguments.build, arguments.pace, arguments.keep)
        code = demo.run()
    except KeyboardInterrupt:
        print("\ndemo: stopped")
    except (PeerError, RuntimeError, TimeoutError) as error:
        print(f"\ndemo: FAILED: {error}")
    finally:
        if demo:
            demo.clean_up(code == 0)
    return code


if __name__ == "__main__":
    sys.exit(main())

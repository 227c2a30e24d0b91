#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Bad input, one test for each kind. After each the answer names code, field and remedy and repeats no content, nothing
has been stored, and an honest sender beside it is served."""
import contextlib
import itertools
import json
import os
import re
import resource
import select
import socket
import subprocess
import sys
import time
import unittest

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

from curve import CurvePeer
from harness import NO_PACE, NetworkCase, OPTIONS, run
from network import Network, die_with_parent, shorten_deadlines, wait_for
from parties import Parties, Party
from peer import Keys, new_uuid, referral_id, time_text
from people import People

CANARY = "Canarybird-Zephyrine"
HERE = os.path.dirname(os.path.abspath(__file__))


class Raw:
    """A connection that says exactly the bytes it is given."""

    def __init__(self, endpoint, keys=None, hello=True):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        if keys:
            self.socket.curve_publickey, self.socket.curve_secretkey = keys.public, keys.secret
            self.socket.curve_serverkey = keys.server
        self.monitor = self.socket.get_monitor_socket()
        self.socket.connect(endpoint)
        if hello:
            welcome = self.ask({"type": "hello", "request_id": new_uuid(), "protocol_version": 1})
            assert welcome["type"] == "welcome", welcome

    def close(self):
        self.socket.disable_monitor()
        self.socket.close()
        self.monitor.close()

    def say(self, *frames):
        self.socket.send_multipart([frame if isinstance(frame, bytes) else msgpack.packb(frame) for frame in frames])

    def ask(self, *frames, timeout=30):
        self.say(*frames)
        return msgpack.unpackb(self.hear(timeout))

    def hear(self, timeout=30):
        """The next answer; pushes are passed over."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.socket.poll(100):
                frame = self.socket.recv()
                if b"mailbox_number" not in frame or b"request_id" in frame:
                    return frame
        raise TimeoutError("no answer")

    def wait_event(self, *wanted, timeout=30):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.monitor.poll(100):
                event = recv_monitor_message(self.monitor)["event"]
                if event in wanted:
                    return event
        raise TimeoutError("the connection was not refused")


REFUSED_AT_THE_DOOR = (zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
                       zmq.EVENT_HANDSHAKE_FAILED_AUTH, zmq.EVENT_DISCONNECTED)


def without(message, *names):
    return {name: value for name, value in message.items() if name not in names}


class BadCase(NetworkCase):
    """An honest sender, an operator who counts, and somebody who says wrong things."""

    @classmethod
    def before_start(cls):
        cls.people = People(13)
        for name in ("social-prescribing", "adult-social-care-team", "community-builders", "libraries"):
            cls.network.enrol(name, "sender")
        for name in sorted({service.hub for service in cls.network.services}):
            cls.network.enrol(name, "hub")

    def setUp(self):
        self.honest = self.network.peer("social-prescribing", "sender")
        self.operator = self.network.operator()
        self.raws = []
        self.stored_before = self.stored()

    def tearDown(self):
        for raw in self.raws:
            raw.close()
        self.check_honest_is_served()
        for peer in self.network.peers:
            peer.close()
        self.network.peers.clear()

    def stored(self):
        return self.operator.ask({"type": "overview"})[0]["stored"]

    def memory(self):
        with open(f"/proc/{self.network.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s+(\d+) kB", file.read())[1]) << 10

    def raw(self, party="community-builders", **options):
        raw = Raw(self.network.endpoint, self.network.keys(party), **options)
        self.raws.append(raw)
        return raw

    def submit(self, **fields):
        return self.people.submit(family_name=CANARY, **fields)

    def check_honest_is_served(self):
        answer = self.honest.ask(self.people.submit(), timeout=60)[0]
        self.assertEqual("committed", answer["type"], answer)

    def check_refused(self, answer, error, field=None, code="REC_BAD_REQUEST"):
        self.assertEqual(("refused", error, code), (answer["type"], answer["error"], answer["code"]), answer)
        self.assertEqual(field, answer.get("field"))
        self.assertTrue(answer["sentence"] and answer["remedy"] and answer["issue"])
        self.assertEqual("CR" if "retry_after_ms" not in answer else "CE", answer["acknowledgement"])
        self.assertNotIn(CANARY, str(answer))
        self.assertEqual(self.stored_before, self.stored(), "something was stored")

    def hub_with_offer(self, **fields):
        """A referral of an honest second sender, and the hub that was asked."""
        sender = self.network.peer("adult-social-care-team", "sender")
        committed = sender.ask(self.people.submit(need="befriending", neighbourhood="Stonehouse", **fields))[0]
        self.stored_before += 1
        referral = committed["referral_id"]
        push = sender.wait_push(lambda one: one["referral_id"] == referral and one.get("hub_id"))
        hub = self.network.peer(push["hub_id"], "hub")
        return sender, hub, hub.wait_push(lambda one: one["type"] == "offer" and one["referral_id"] == referral)


class Frames(BadCase):

    def test_not_msgpack(self):
        self.check_refused(self.raw().ask(b"\xc1" + CANARY.encode()), "REF-0101")
        self.check_refused(self.raw().ask(CANARY.encode()), "REF-0101")

    def test_empty(self):
        self.check_refused(self.raw().ask(b""), "REF-0101")

    def test_trailing_bytes(self):
        self.check_refused(self.raw().ask(msgpack.packb(self.submit()) + b"\xc0"), "REF-0101")

    def test_cut_short(self):
        self.check_refused(self.raw().ask(msgpack.packb(self.submit())[:-3]), "REF-0101")

    def test_array_bomb_of_five_bytes(self):
        answer = self.raw().ask(b"\xdd\xff\xff\xff\xff")
        self.assertIn(answer["error"], ("REF-0101", "REF-0103"))
        self.check_refused(answer, answer["error"])

    def test_depth_100(self):
        self.check_refused(self.raw().ask(b"\x91" * 100 + b"\xc0"), "REF-0103")
        deep = msgpack.packb({"type": "submit"})
        deep = b"\x82" + deep[1:] + msgpack.packb("needs") + b"\x91" * 100 + b"\xc0"
        self.check_refused(self.raw().ask(deep), "REF-0103")

    def test_not_a_map(self):
        self.check_refused(self.raw().ask(["submit", CANARY]), "REF-0104")
        self.check_refused(self.raw().ask({1: CANARY}), "REF-0104")

    def test_frame_over_the_limit(self):
        self.check_refused(self.raw().ask(self.submit(what_matters="x" * 65536)), "REF-0102")

    def test_frame_far_over_the_limit_does_not_reach_the_daemon_whole(self):
        raw = self.raw()
        raw.say(b"\xc4" + b"x" * (64 << 20))
        try:
            self.check_refused(msgpack.unpackb(raw.hear(5)), "REF-0102")
        except TimeoutError:
            raw.wait_event(zmq.EVENT_DISCONNECTED)

    def test_many_frames(self):
        raw = self.raw()
        self.check_refused(raw.ask(*[self.submit()] * 3), "REF-0105")
        self.check_refused(raw.ask(*[b""] * 2000), "REF-0105")
        self.assertEqual("welcome", raw.ask({"type": "hello", "request_id": new_uuid(), "protocol_version": 1})["type"])

    def test_a_submit_over_63_KiB_of_good_fields(self):
        items = [{"element": f"element {number}", "value": "\u20ac" * 2000} for number in range(11)]
        answer = self.raw().ask(self.submit(further_information=items))
        self.assertEqual("REF-0102", answer["error"])
        self.check_refused(answer, "REF-0102", answer.get("field"))


class Fields(BadCase):

    def check(self, message, error, field, **more):
        answer = self.raw().ask(message)
        self.check_refused(answer, error, field, **more)
        if isinstance(message, dict):
            self.assertEqual(message.get("request_id"), answer.get("request_id"))

    def test_unknown_type(self):
        self.check({"type": "subnit", "request_id": new_uuid()}, "REF-0106", "type")
        self.check({"request_id": new_uuid()}, "REF-0106", "type")

    def test_an_answer_said_by_a_peer(self):
        self.check({"type": "committed", "request_id": new_uuid(), "correlation_id": new_uuid(), "referral_id": "R1-95",
                    "acknowledgement": "CA", "duplicate": False, "state": "received", "business_status": "offered",
                    "at": time_text()}, "REF-0106", None)

    def test_wrong_version(self):
        self.check({"type": "hello", "request_id": new_uuid(), "protocol_version": 2}, "REF-0123", "protocol_version",
                   code="REC_UNPROCESSABLE_ENTITY")

    def test_no_hello(self):
        raw = self.raw(hello=False)
        self.check_refused(raw.ask(self.submit()), "REF-0124")

    def test_missing_field(self):
        self.check(without(self.submit(), "family_name"), "REF-0107", "family_name")
        self.check(without(self.submit(), "needs"), "REF-0107", "needs")

    def test_unknown_field(self):
        self.check(self.submit(famly_name=CANARY), "REF-0108", "famly_name (did you mean family_name?)")

    def test_duplicate_field(self):
        packed = msgpack.packb(self.submit())
        self.assertEqual(0xde, packed[0])
        count = int.from_bytes(packed[1:3], "big") + 1
        twice = b"\xde" + count.to_bytes(2, "big") + packed[3:] + msgpack.packb("postcode") + msgpack.packb("PL1 1AE")
        self.check(twice, "REF-0109", "postcode")

    def test_over_long_field(self):
        self.check(self.submit(given_name=CANARY * 5), "REF-0111", "given_name")
        self.check(self.submit(needs=[{"code": "food", "is_primary": True, "detail": CANARY * 20}]), "REF-0111",
                   "needs[0].detail")

    def test_wrong_type(self):
        self.check(self.submit(given_name=7), "REF-0110", "given_name")
        self.check(self.submit(needs="food"), "REF-0110", "needs")
        self.check(self.submit(given_name=CANARY.encode()), "REF-0110", "given_name")
        self.check(self.submit(travel_limit_minutes=5.0), "REF-0110", "travel_limit_minutes")
        self.check(self.submit(travel_limit_minutes=10 ** 9), "REF-0115", "travel_limit_minutes")

    def test_bad_utf8(self):
        packed = msgpack.packb(self.submit(given_name="Utf8marker"))
        self.check(packed.replace(b"Utf8marker", b"\xc0\xaf\xed\xa0\x80arker"), "REF-0113", "given_name")
        self.check(self.submit(given_name="a\u0007b"), "REF-0113", "given_name")

    def test_unknown_code(self):
        self.check(self.submit(priority=CANARY), "REF-0114", "priority")

    def test_not_a_uuid(self):
        self.check_refused(self.raw().ask(self.submit(correlation_id=CANARY)), "REF-0116", "correlation_id")

    def test_nhs_number_with_a_wrong_check_digit(self):
        self.check(self.submit(nhs_number="9990000019"), "REF-0118", "nhs_number")

    def test_impossible_date(self):
        self.check(self.submit(date_of_birth="1947-02-29"), "REF-0117", "date_of_birth")
        self.check(self.submit(authored_on="2026-11-20T10:00:00"), "REF-0117", "authored_on")
        self.check(self.submit(date_of_birth="2126-01-01"), "REF-0115", "date_of_birth")

    def test_malformed_postcode(self):
        self.check(self.submit(postcode=CANARY[:7]), "REF-0119", "postcode")

    def test_contradicting_fields(self):
        self.check(self.submit(nhs_number_absent_reason="not-known"), "REF-0121", "nhs_number_absent_reason")
        self.check(self.submit(postcode=None), "REF-0107", "postcode")

    def test_withheld_consent(self):
        self.check(self.submit(consent_to_share="withheld"), "REF-0122", "consent_to_share",
                   code="REC_UNPROCESSABLE_ENTITY")

    def test_unknown_postcode_of_valid_form_is_never_refused(self):
        raw = self.raw()
        by_sector = raw.ask(self.people.submit(postcode="PL1 1ZZ"))
        elsewhere = raw.ask(self.people.submit(postcode="ZE3 9JW", need="food"))
        self.assertEqual(["committed"] * 2, [by_sector["type"], elsewhere["type"]])
        status = raw.ask({"type": "status", "request_id": new_uuid(), "referral_id": by_sector["referral_id"]})
        self.assertIn(status["locality"], ("sector", "district"))
        raw.hear()
        status = raw.ask({"type": "status", "request_id": new_uuid(), "referral_id": elsewhere["referral_id"]})
        self.assertEqual(("awaiting-human", "unknown-locality"), (status["business_status"], status["status_reason"]))


class Stories(BadCase):

    def test_the_same_request_id_with_other_content(self):
        raw = self.raw()
        message = self.submit()
        self.assertEqual("committed", raw.ask(message)["type"])
        self.stored_before += 1
        self.check_refused(raw.ask({**message, "reason_for_referral": "something else"}), "REF-0301", "request_id",
                           code="REC_CONFLICT")

    def test_the_request_id_of_another_sender_is_a_new_request(self):
        message = self.submit()
        first = self.raw().ask(message)
        second = self.raw("libraries").ask(message)
        self.assertNotEqual(first["referral_id"], second["referral_id"])

    def test_the_referral_of_another_sender(self):
        committed = self.honest.ask(self.people.submit())[0]
        self.stored_before += 1
        raw = self.raw()
        for message in ({"type": "status"}, {"type": "history"}, {"type": "explain"},
                        {"type": "cancel", "status_reason": "24"}):
            answer = raw.ask({**message, "request_id": new_uuid(), "referral_id": committed["referral_id"]})
            self.check_refused(answer, "REF-0203", "referral_id", code="REC_NOT_FOUND")
        missing = raw.ask({"type": "status", "request_id": new_uuid(), "referral_id": referral_id(99999)})
        self.check_refused(missing, "REF-0203", "referral_id", code="REC_NOT_FOUND")
        wrong_digit = raw.ask({"type": "status", "request_id": new_uuid(), "referral_id": "R99999-00"})
        self.check_refused(wrong_digit, "REF-0120", "referral_id")

    def test_an_offer_answered_twice(self):
        _, hub, offer = self.hub_with_offer()
        named = {"referral_id": offer["referral_id"], "offer_number": offer["offer_number"]}
        self.assertFalse(hub.ask({"type": "accept", **named})[0]["duplicate"])
        self.assertTrue(hub.ask({"type": "accept", **named})[0]["duplicate"])
        self.check_refused(hub.ask({"type": "reject", "status_reason": "23", **named})[0], "REF-0302", "offer_number",
                           code="REC_CONFLICT")

    def test_an_offer_answered_by_the_wrong_hub(self):
        _, hub, offer = self.hub_with_offer()
        other = self.network.peer("rees" if hub.name != "rees" else "efford", "hub")
        named = {"referral_id": offer["referral_id"], "offer_number": offer["offer_number"]}
        self.check_refused(other.ask({"type": "accept", **named})[0], "REF-0203", "referral_id", code="REC_NOT_FOUND")
        self.check_refused(hub.ask({"type": "accept", **named, "offer_number": 2})[0], "REF-0203", "referral_id",
                           code="REC_NOT_FOUND")
        self.assertEqual("done", hub.ask({"type": "accept", **named})[0]["type"])

    def test_a_number_that_was_never_pushed_cannot_be_confirmed(self):
        answer = self.raw().ask({"type": "confirm", "request_id": new_uuid(), "mailbox_number": 10 ** 9})
        self.check_refused(answer, "REF-0304", "mailbox_number")

    def test_a_service_of_somebody_else(self):
        raw = self.raw("efford")
        answer = raw.ask({"type": "capacity", "request_id": new_uuid(), "service_id": CANARY, "places": 3})
        self.check_refused(answer, "REF-0203", "service_id", code="REC_NOT_FOUND")


# What is wrong with a network: (a text of Plymouth's, what stands there instead, the text whose line is told when it is
# another one, what is told). A cycle is told at both of its hubs.
BAD_NETWORKS = {
    "a hub that stands twice":
        [('id = "rees";', 'id = "jan-cutting";', '{\n        id = "rees";', '"jan-cutting" stands twice')],
    "a satellite of nothing":
        [('satellite_of = "four-greens";', 'satellite_of = "nowhere";', None, 'no hub "nowhere"')],
    "an area that is not known":
        [('areas = [ "Crownhill" ];', 'areas = [ "Crown Hill" ];', None, 'did you mean "Crownhill"')],
    "negative places":
        [('{ id = "advocacy"; needs = [ "advocacy" ]; places = 12;',
          '{ id = "advocacy"; needs = [ "advocacy" ]; places = -12;', None, "places must be between 0")],
    "a need that nobody offers":
        [('needs = [ "clinical-link" ]', 'needs = [ "home-care" ]', '"clinical-link",', 'promises "clinical-link"')],
    "hours that end before they begin":
        [('"fri 09:00-16:00"', '"fri 16:00-09:00"', None, "ends before it begins")],
    "a bank holiday that is no day": [('"2026-12-28"', '"2026-12-32"', None, "a date that the calendar has")],
    "a closure that ends before it begins": [('to = "2027-01-01"', 'to = "2026-01-01"', None, "ends before it begins")],
    "an urgent case that may wait longer":
        [('routine = "5d"; urgent = "1d";', 'routine = "5d"; urgent = "6d";', None, "urgent is longer than routine")],
    "two mailboxes of one practice":
        [('practice = "L83008";', 'practice = "L83006";', None, '"L83006" is already that of sender "gp-L83006"')],
    "a cycle of parents":
        [('id = "central-park";', 'id = "central-park"; satellite_of = "manadon-sports-hub";', None,
          '"manadon-sports-hub" is itself a satellite'),
         ('satellite_of = "central-park";', 'satellite_of = "central-park";', None,
          '"central-park" is itself a satellite')],
}


class BadNetworks(BadCase):
    """A network with contradictions is refused whole, with every line; the rules in force stay."""

    def draft(self, faults):
        """A file with these faults; returns its path and what is to be told: {line: words}."""
        text, told = self.network.plymouth, {}
        for before, after, where, words in faults:
            told[text[:text.index(where or before)].count("\n") + 1] = words
            text = text.replace(before, after, 1)
        path = self.network.path("bad.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path, told

    def ctl(self, *arguments):
        done = self.network.client("referralctl", *arguments)
        self.assertNotIn("Sanitizer", done.stderr)
        return done

    def rules_in_force(self):
        """The version, and where somebody would go."""
        who = ["--need", "advocacy,food,befriending", "--age", "70", "--postcode", "PL1 1AE"]
        return (self.ctl("routing", "versions", "-o", "json").stdout,
                [row for row in json.loads(self.ctl("explain-profile", *who, "-o", "json").stdout)["items"]
                 if row["type"] == "considered" and row["chosen"]])

    def check_refused_whole(self, faults):
        path, told = self.draft(faults)
        before = self.rules_in_force()
        self.assertTrue(before[1])
        for command in (["check", path], ["apply", path, "--reason", "x", "--allow-holes"]):
            done = self.ctl("routing", *command)
            self.assertEqual(65, done.returncode, done.stdout + done.stderr)
            for line, words in told.items():
                self.assertRegex(done.stdout, rf"(?m)^{re.escape(path)}:{line}: .*{re.escape(words)}")
        self.assertEqual(before, self.rules_in_force())

    def test_each_contradiction_is_refused_with_its_line(self):
        for name, faults in BAD_NETWORKS.items():
            with self.subTest(name):
                self.check_refused_whole(faults)

    def test_all_at_once_are_told_at_once(self):
        self.check_refused_whole([fault for faults in BAD_NETWORKS.values() for fault in faults])

    def test_a_file_that_is_no_network(self):
        path = self.network.path("bad.conf")
        for content in (b"", b"\x00\xff\xfe", b'name = "x', b"hubs = (", b"x = { " * 2000, b"name = 1;\n" * 50000):
            with open(path, "wb") as file:
                file.write(content)
            for command in (["check", path], ["apply", path, "--reason", "x"]):
                self.assertIn(self.ctl("routing", *command).returncode, (65, 66), content[:20])


class LateAnswers(BadCase):
    """The same network, but a hub has one second for an offer."""

    @classmethod
    def make_network(cls):
        network = Network(OPTIONS.build)
        network.write_network(shorten_deadlines(network.plymouth, 1))
        return network

    def test_an_offer_answered_late(self):
        sender, hub, offer = self.hub_with_offer()
        sender.wait_push(lambda one: one["referral_id"] == offer["referral_id"] and one.get("hub_id") != hub.name)
        hub.wait_push(lambda one: one["type"] == "withdrawn" and one["referral_id"] == offer["referral_id"])
        named = {"referral_id": offer["referral_id"], "offer_number": offer["offer_number"]}
        self.check_refused(hub.ask({"type": "accept", **named})[0], "REF-0303", "offer_number", code="REC_CONFLICT")


class Keyholders(BadCase):

    def test_an_unknown_key(self):
        public, secret = zmq.curve_keypair()
        raw = Raw(self.network.endpoint, Keys(public, secret, self.network.keys("server").server), hello=False)
        self.raws.append(raw)
        raw.say({"type": "hello", "request_id": new_uuid(), "protocol_version": 1})
        raw.wait_event(*REFUSED_AT_THE_DOOR)
        self.assertEqual(0, raw.socket.poll(0))

    def test_a_revoked_key_is_refused_on_its_open_connection_within_five_seconds(self):
        raw = self.raw("libraries")
        began = time.monotonic()
        self.network.revoke("libraries")
        try:
            answer = {}
            while answer.get("type") != "refused" and time.monotonic() < began + 20:
                raw.say({"type": "hello", "request_id": new_uuid(), "protocol_version": 1})
                if raw.socket.poll(500):  # an answer that was on its way when the key was revoked is dropped
                    answer = msgpack.unpackb(raw.hear())
            self.assertLess(time.monotonic() - began, 5)
            self.check_refused(answer, "REF-0201", code="REC_UNAUTHORIZED")
            again = self.raw("libraries", hello=False)
            again.wait_event(*REFUSED_AT_THE_DOOR)
        finally:
            self.network.enrol("libraries", "sender")

    def test_the_wrong_role(self):
        for party, message in (("community-builders", {"type": "overview"}),
                               ("community-builders", {"type": "accept", "referral_id": "R1-95", "offer_number": 1}),
                               ("efford", {"type": "hubs"})):
            answer = self.raw(party).ask({**message, "request_id": new_uuid()})
            self.check_refused(answer, "REF-0202", "type" if answer.get("field") else None, code="REC_FORBIDDEN")
        answer = self.operator.ask({"type": "accept", "referral_id": "R1-95", "offer_number": 1})[0]
        self.assertEqual("REF-0202", answer["error"])

    def test_a_plain_text_peer(self):
        raw = Raw(self.network.endpoint, None, hello=False)
        self.raws.append(raw)
        raw.say({"type": "hello", "request_id": new_uuid(), "protocol_version": 1})
        raw.wait_event(*REFUSED_AT_THE_DOOR)
        self.assertEqual(0, raw.socket.poll(0))

    def test_a_peer_that_speaks_http(self):
        with self.connection() as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"x" * 4096)
            plain.settimeout(30)
            heard = b""
            try:
                while chunk := plain.recv(4096):
                    heard += chunk
            except ConnectionResetError:
                pass
            self.assertLess(len(heard), 200, "only the greeting of ZeroMQ may come back")

    def connection(self):
        return socket.create_connection(("127.0.0.1", int(self.network.endpoint.rsplit(":", 1)[1])))

    def test_silent_connections(self):
        silent = [self.connection() for _ in range(50)]
        try:
            for _ in range(5):
                self.check_honest_is_served()
        finally:
            for one in silent:
                one.close()


class ReadsNothing(BadCase):

    changes = NO_PACE
    QUESTIONS, AT_ONCE = 50, 50

    def test_a_party_that_reads_nothing(self):
        """It asks and asks and never reads; what the daemon owes it does not grow in memory."""
        asker = self.network.peer("libraries", "sender")
        for _ in range(100):
            asker.ask(self.people.submit())
        question = {"type": "list", "limit": 1000}
        rows = asker.ask(question)
        asker.close()
        deaf = CurvePeer(self.network.endpoint, self.network.keys("libraries"))
        self.addCleanup(deaf.close)
        deaf.say(msgpack.packb({"type": "hello", "request_id": new_uuid(), "protocol_version": 1}), more=False)
        before = self.memory()
        for _ in range(self.QUESTIONS):
            for _ in range(self.AT_ONCE):
                deaf.say(msgpack.packb({**question, "request_id": new_uuid()}), more=False)
            self.operator.ask({"type": "overview"})  # answered behind those
            self.check_honest_is_served()
        owed, grown = self.QUESTIONS * self.AT_ONCE * len(msgpack.packb(rows)), self.memory() - before
        print(f"a party that reads nothing: of {owed >> 20} MiB that it asked for, the daemon holds {grown >> 20} MiB",
              flush=True)
        self.assertLess(grown, owed / 3)

    def test_its_mailbox_waits_for_it(self):
        """Far more offers than the window: they are kept, others are served, and it gets each one when it reads."""
        sender = Parties(lambda *_: None)
        party = sender.add("adult-social-care-team",
                           Party(self.network.peer("adult-social-care-team", "sender"), "Adult Social Care"))
        for _ in range(100):
            party.submit(self.people.submit(need="home-care"))
        sender.attend_until(party.all_acknowledged, 60)
        self.assertEqual([], party.refusals)
        hub = self.network.peer("adult-social-care", "hub")
        hub.wait_until(lambda: hub.pushes() is None or len(hub.history) >= 100, 60)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Flood(BadCase):
    """Who knows the port, or holds a key, tries everything: whoever is honest is served as before."""

    changes = NO_PACE
    settings = {"party_rate": 100000}  # of the honest one, who is measured as fast as it can
    WINDOWS = 5      # each is judged by itself, and the one in the middle decides: what else the machine does comes and goes
    ROUNDS = 8       # of a window, quiet and hostile in turn
    ASKED = 25       # by the honest client in each quiet round
    CLOSED_WITHIN = 20   # seconds, the door to who does not shake hands; libzmq's own limit is 30
    UNHEARD, LOOKS_AFTER = 16, 0.025  # MiB without a whole message on one connection, and seconds
    GOOD_ENOUGH = 0.010  # the promise for an acknowledgement at normal load: below it, doubling is noise

    def ask_once(self):
        began = time.monotonic()
        answer = self.honest.ask(self.people.submit(), timeout=30)[0]
        self.assertEqual("committed", answer["type"], answer)
        return time.monotonic() - began

    def wait_of_best_window(self):
        """What nearly all of its asking waits, in the best of some windows: what else the machine does comes and goes."""
        return min(percentile([self.ask_once() for _ in range(20)], 0.9) for _ in range(5))

    def wants_of_a_core(self, seconds):
        """While nothing is asked: who spins wants all of it, however little a busy machine gives."""
        wanted, began = sum(self.scheduled()), time.monotonic()
        while time.monotonic() < began + seconds:
            self.honest.step(0.05)
        return (sum(self.scheduled()) - wanted) / (time.monotonic() - began)

    def cpu_seconds(self):
        return self.scheduled()[0]

    def scheduled(self):
        """How long all its threads have run, and have waited for a processor, by the nanosecond."""
        tasks = f"/proc/{self.network.process.pid}/task"
        ran = waited = 0
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/schedstat", encoding="ascii") as file:
                one = file.read().split()
            ran, waited = ran + int(one[0]), waited + int(one[1])
        return ran / 1e9, waited / 1e9

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.network.process.pid}/fd"))

    def connection(self):
        return socket.create_connection(("127.0.0.1", int(self.network.endpoint.rsplit(":", 1)[1])), timeout=10)

    @contextlib.contextmanager
    def hostile(self):
        with subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "hostile.py"), "--build", OPTIONS.build,
                               "--directory", self.network.directory, "--endpoint", self.network.endpoint,
                               "--seed", str(OPTIONS.seed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              preexec_fn=die_with_parent) as process:
            try:
                self.assertEqual("ready\n", process.stdout.readline())
                yield process
            finally:
                process.kill()

    def ask_beside(self, hostile, count):
        """What the honest client waits while so many are said, and what the hostile program tells of them."""
        beside = []
        hostile.stdin.write(f"{count}\n")
        hostile.stdin.flush()
        while not select.select([hostile.stdout], [], [], 0)[0]:
            beside.append(self.ask_once())
        return beside, hostile.stdout.readline()

    def test_hostile_inputs_beside_an_honest_client(self):
        """Two measures: what the honest client waits, and what an input costs the daemon beside what an honest submit costs
        it, which does not depend on what else the machine does."""
        ratios, all_quiet, all_beside, told = [], [], [], "0 0"
        each = -(-OPTIONS.hostile // (self.WINDOWS * self.ROUNDS))
        cpu_quiet = cpu_beside = 0
        with self.hostile() as hostile:
            before, descriptors = self.memory(), self.descriptors()
            for _ in range(self.WINDOWS):
                quiet, beside = [], []
                for _ in range(self.ROUNDS):
                    began = self.cpu_seconds()
                    quiet += [self.ask_once() for _ in range(self.ASKED)]
                    between = self.cpu_seconds()
                    heard, told = self.ask_beside(hostile, each)
                    beside += heard
                    cpu_quiet += between - began
                    cpu_beside += self.cpu_seconds() - between
                ratios.append(percentile(beside, 0.99) / max(percentile(quiet, 0.99), self.GOOD_ENOUGH / 2))
                all_quiet += quiet
                all_beside += beside
            grown = self.memory() - before
        sent, kinds = map(int, told.split())
        honest_cost = cpu_quiet / len(all_quiet)
        hostile_cost = (cpu_beside - len(all_beside) * honest_cost) / sent
        print(f"seed {OPTIONS.seed}: {sent} hostile inputs of {kinds} kinds; honest client p99 "
              f"{percentile(all_quiet, 0.99) * 1000:.1f} ms alone ({len(all_quiet)}), "
              f"{percentile(all_beside, 0.99) * 1000:.1f} ms beside them ({len(all_beside)}), windows "
              + ", ".join(f"{ratio:.2f}" for ratio in ratios)
              + f"; the daemon's CPU {honest_cost * 1e6:.0f} us for an honest submit, {hostile_cost * 1e6:.0f} us for a "
              f"hostile input; memory +{grown >> 10} KiB", flush=True)
        self.assertGreaterEqual(sent, OPTIONS.hostile)
        self.assertLess(percentile(ratios, 0.5), 2)
        self.assertLess(hostile_cost, honest_cost)
        self.assertLess(grown, 64 << 20)
        wait_for(lambda: self.descriptors() <= descriptors, 15, "descriptors of gone peers stay open")
        totals = self.operator.ask({"type": "overview"})[0]
        replayed = 20  # the hostile hub and sender hold one good submit each that they replay, and changed ones
        self.assertLessEqual(totals["stored"] - self.stored_before,
                             len(all_quiet) + len(all_beside) + sent // 15 + replayed)

    def test_a_flood_of_connections(self):
        """A thousand that say nothing."""
        alone = self.wait_of_best_window()
        flood = [self.connection() for _ in range(1000)]
        try:
            beside = self.wait_of_best_window()
            began = time.monotonic()
            for one in flood:
                one.settimeout(max(0.1, began + self.CLOSED_WITHIN - time.monotonic()))
                with contextlib.suppress(ConnectionResetError):
                    while one.recv(4096):
                        pass
            closed = time.monotonic() - began
        finally:
            for one in flood:
                one.close()
        print(f"1000 silent connections: honest p90 {alone * 1000:.1f} ms alone, {beside * 1000:.1f} ms beside; all closed "
              f"after {closed:.1f} s", flush=True)
        self.assertLess(beside, max(0.1, 3 * alone))

    def test_descriptors_run_out(self):
        """More connections than the daemon may have: it serves who is there, and comes to rest. (Meanwhile libzmq 4.3.4 tries
        again and again to accept them.)"""
        self.ask_once()
        limit = self.descriptors() + 40
        before = resource.prlimit(self.network.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.network.process.pid, resource.RLIMIT_NOFILE, (limit, before[1]))
        flood = []
        try:
            for _ in range(400):
                one = socket.socket()
                one.setblocking(False)
                flood.append(one)
                one.connect_ex(("127.0.0.1", int(self.network.endpoint.rsplit(":", 1)[1])))
            cpu, began = self.cpu_seconds(), time.monotonic()
            waits = [self.ask_once() for _ in range(20)]
            while time.monotonic() < began + 2:
                self.honest.step(0.05)
            spent = (self.cpu_seconds() - cpu) / (time.monotonic() - began)
        finally:
            for one in flood:
                one.close()
            resource.prlimit(self.network.process.pid, resource.RLIMIT_NOFILE, before)
        newcomer = self.raw()
        self.assertEqual("committed", newcomer.ask(self.people.submit())["type"])
        wait_for(lambda: self.wants_of_a_core(0.5) < 0.2, 30, "it spins")
        print(f"no descriptors left: honest client at worst {max(waits) * 1000:.1f} ms, {spent * 100:.0f} % of a core; "
              f"afterwards {self.wants_of_a_core(1) * 100:.0f} %", flush=True)
        self.assertLess(percentile(waits, 0.5), 1)

    def test_slow_peers(self):
        """A byte a moment of a greeting: the door closes."""
        slow = [self.connection() for _ in range(20)]
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)
        began, closed = time.monotonic(), set()
        try:
            for position in itertools.count():
                for number, one in enumerate(slow):
                    try:
                        one.sendall(greeting[position:position + 1])  # nothing, when all is said
                        one.settimeout(0.001)
                        if one.recv(4096) == b"":
                            closed.add(number)
                    except (BrokenPipeError, ConnectionResetError):
                        closed.add(number)
                    except socket.timeout:
                        pass
                self.ask_once()
                self.honest.step(0.1)
                if len(closed) == len(slow) or time.monotonic() > began + self.CLOSED_WITHIN:
                    break
        finally:
            for one in slow:
                one.close()
        print(f"{len(slow)} slow peers: {len(closed)} turned away within {time.monotonic() - began:.1f} s", flush=True)
        self.assertEqual(len(slow), len(closed))

    def check_is_cut_off(self, say_a_mebibyte):
        """Whoever never ends is cut off, and the honest one is served meanwhile. Returns what was said, in MiB, and how many
        of them in a second."""
        saying = 0
        for said in range(4096):
            began = time.monotonic()
            try:
                say_a_mebibyte()
            except (BrokenPipeError, ConnectionResetError):
                self.assertGreaterEqual(said, self.UNHEARD)
                return said, said / saying
            saying += time.monotonic() - began
            if said % 8 == 0:
                self.ask_once()
        return self.fail("it was not cut off")

    def test_a_message_that_never_ends(self):
        """Frame after frame, and never the last one. libzmq keeps what has come, without a limit, and shows nobody: the
        kernel counts it, and the daemon looks forty times a second. How much passes between two looks is the machine's."""
        before = self.memory()
        told, beyond = [], []
        for _ in range(4):
            endless = CurvePeer(self.network.endpoint, self.network.keys("libraries"))
            endless.say(msgpack.packb({"type": "hello", "request_id": new_uuid(), "protocol_version": 1}), more=False)
            said, pace = self.check_is_cut_off(lambda: [endless.say(bytes(65536), more=True) for _ in range(16)])
            endless.close()
            told.append((said, (self.memory() - before) >> 20))
            beyond.append(said - self.UNHEARD - 4 * pace * self.LOOKS_AFTER)
        print(f"a message that never ends, at {pace:.0f} MiB/s, cut off after (MiB, of memory +MiB): "
              + ", ".join(f"{said} (+{grown})" for said, grown in told), flush=True)
        self.assertLess(min(beyond), 16, "more than what passes in a few looks, and what sockets hold")
        self.assertLess(told[-1][1], max(128, 2 * max(said for said, _ in told)), "it is not given back")

    def say_without_end(self, megabytes):
        """To the operators, without encryption."""
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(10)
            raw.connect(self.network.operator_socket)
            raw.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
            ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
            raw.sendall(b"\x04" + bytes([len(ready)]) + ready)
            heard = b""
            while b"ROUTER" not in heard:
                heard += raw.recv(4096)
            frame = b"\x03" + (32768).to_bytes(8, "big") + bytes(32768)
            for number in range(megabytes * 32):
                raw.sendall(frame)
                if number % 256 == 0:
                    self.ask_once()
            return self.memory()

    def test_a_message_of_an_operator_that_never_ends(self):
        """On the unix socket nobody counts what comes: who is in the operators' group could fill the memory up to the
        service's MemoryMax. Who is honest is served, and what was kept is used again when the connection has gone."""
        before = self.memory()
        after = [self.say_without_end(64) for _ in range(4)]
        print("an operator's message that never ends, four times 64 MiB: memory "
              + ", ".join(f"+{(one - before) >> 20} MiB" for one in after), flush=True)
        self.assertLess(after[-1] - before, 128 << 20)


class FullMap(BadCase):
    """A small store, filled: new referrals are refused, open ones are finished."""

    store_limit = "16MiB"
    changes = NO_PACE

    def check_honest_is_served(self):
        answer = self.honest.ask({"type": "list", "limit": 1})
        self.assertNotEqual("refused", answer[0]["type"])

    def big_submit(self):
        items = [{"element": f"element {number}", "value": "x" * 2000} for number in range(16)]
        return self.people.submit(need="home-care", what_matters="y" * 2000, further_information=items)

    def test_a_full_map(self):
        sender = self.network.peer("adult-social-care-team", "sender")
        stored, answer = [], {"type": "committed"}
        while answer["type"] == "committed" and len(stored) < 2000:
            answer = sender.ask(self.big_submit(), timeout=60)[0]
            if answer["type"] == "committed":
                stored.append(answer["referral_id"])
        self.assertGreater(len(stored), 50)
        self.stored_before += len(stored)
        self.check_refused(answer, "REF-0402", code="REC_UNAVAILABLE")
        self.finish_open_ones(sender, stored)

    def finish_open_ones(self, sender, stored):
        hub = self.network.peer("adult-social-care", "hub")
        parties = Parties(self.help_at_once)
        parties.add("sender", Party(sender, "sender"))
        parties.add("hub", Party(hub, "hub"))

        def closed():
            answers = [parties.ask(parties.by_name["sender"], {"type": "status", "referral_id": referral})[0]
                       for referral in stored]
            return all(answer["business_status"] in ("closed-acknowledged", "awaiting-human") for answer in answers)
        parties.attend_until(closed, 120, "open referrals could not be finished in a full store")

    @staticmethod
    def help_at_once(hub, offer):
        hub.say("accept", offer)
        hub.say("complete", offer, outcome="got-help")


class DamagedRecord(unittest.TestCase):
    """Bytes of the stopped store are flipped in the middle of sealed content; it is never served as good."""

    def setUp(self):
        self.network = Network(OPTIONS.build)
        self.addCleanup(self.network.close)
        self.people = People(3)
        self.network.enrol("social-prescribing", "sender")
        self.network.enrol("adult-social-care", "hub")

    def submit_one(self, sender):
        items = [{"element": f"element {number}", "value": "x" * 2000} for number in range(16)]
        message = self.people.submit(need="home-care", further_information=items, family_name=CANARY)
        return message, sender.ask(message)[0]["referral_id"]

    def flip_inside_content(self):
        """The one content is far longer than a page: its pages have no header, and look like noise."""
        path = self.network.path("store", "data.mdb")
        with open(path, "r+b") as file:
            data = file.read()
            noisy = [page for page in range(2, len(data) // 4096)
                     if len(set(data[page * 4096:(page + 1) * 4096])) > 240]
            runs = [page for page in noisy if page - 1 in noisy and page + 1 in noisy]
            self.assertTrue(runs, "no sealed content found")
            for page in runs:
                file.seek(page * 4096 + 2048)
                file.write(bytes([data[page * 4096 + 2048] ^ 0x55]))

    def test_a_damaged_record(self):
        self.network.start()
        sender = self.network.peer("social-prescribing", "sender")
        message, referral = self.submit_one(sender)
        self.network.stop()
        self.flip_inside_content()
        self.network.start()
        sender.close()  # a new one: what it is told of the damaged referral may hold less than before
        sender = self.network.peer("social-prescribing", "sender")
        honest = sender.ask(self.people.submit(need="befriending"), timeout=60)[0]
        self.assertEqual("committed", honest["type"])
        self.check_never_served(sender, message, referral)
        self.assertEqual(0, self.network.stop(), self.network.log())
        self.assertNotIn(CANARY, self.network.log())

    def check_never_served(self, sender, message, referral):
        repeat = sender.ask(message)[0]
        self.assertTrue(repeat["type"] == "refused" or repeat["referral_id"] == referral, repeat)
        hub = self.network.peer("adult-social-care", "hub")
        hub.hello()
        answer = hub.ask({"type": "accept", "referral_id": referral, "offer_number": 1})[0]
        if answer["type"] == "done":
            self.assertNotIn(CANARY, str(list(hub.history.values())))
        operator = self.network.operator()
        shown = operator.ask({"type": "status", "referral_id": referral, "reveal": True})[0]
        self.assertTrue(shown.get("error") == "REF-0405" or "family_name" not in shown, shown)


class FullDisk(unittest.TestCase):

    def test_a_full_disk(self):
        """In a mount namespace of its own, on a small tmpfs: tests/system/full_disk.py."""
        as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
        done = subprocess.run(["unshare", *as_root, "--mount", sys.executable, "-B",
                               os.path.join(HERE, "full_disk.py"), "--build", OPTIONS.build], timeout=180,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            print("FULL DISK: NOT SHOWN HERE", done.stdout, sep="\n", flush=True)
        self.assertEqual(0, done.returncode, done.stdout)


if __name__ == "__main__":
    run()

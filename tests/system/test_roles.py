#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may say what: every type of message as every role on the live socket, by the tables themselves. What is not
somebody's own is as if it did not exist. A revoked key is cut off where it is connected, a second key of the party goes
on. Who asks too often is told when to come again, and loses nothing."""
import os
import pwd
import time
import unittest

import msgpack
import zmq

from harness import NO_PACE, NetworkCase, OPTIONS, run
from network import Network, wait_for
from peer import Keys, Peer, new_uuid
from people import People
from protocol import NOBODY, Protocol

WHOLE_ANSWERS = {"welcome", "committed", "done", "refused", "totals", "drafted", "verified", "end"}
UNKNOWN_TYPE, UNKNOWN_KEY, WRONG_ROLE, NOT_FOUND = "REF-0106", "REF-0201", "REF-0202", "REF-0203"
BUSY, TOO_OFTEN = "REF-0401", "REF-0406"
REVOKED_WITHIN = 5.0
PARTIES = {"sender": "social-prescribing", "hub": "four-greens", "operator": "an-operator", "auditor": "an-auditor",
           "privacy-officer": "a-privacy-officer"}


class Mouth:
    """A connection that says one thing at a time, and hears the whole answer to it. keys=None: on the unix socket."""

    def __init__(self, endpoint, keys=None):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        if keys:
            self.socket.curve_publickey, self.socket.curve_secretkey = keys.public, keys.secret
            self.socket.curve_serverkey = keys.server
        self.socket.connect(endpoint)
        self.pushed = []
        self.welcome = self.ask({"type": "hello", "request_id": new_uuid(), "protocol_version": 1})[-1]

    def close(self):
        self.socket.close()

    def hear(self, timeout=60):
        if not self.socket.poll(int(timeout * 1000)):
            raise TimeoutError("no answer")
        return msgpack.unpackb(self.socket.recv())

    def ask(self, message, timeout=60):
        """Every message of the answer. What is busy is asked again."""
        answer = []
        self.socket.send(msgpack.packb(message))
        while not answer or answer[-1]["type"] not in WHOLE_ANSWERS:
            one = self.hear(timeout)
            if "mailbox_number" in one and "request_id" not in one:
                self.pushed.append(one)
            else:
                answer.append(one)
        return self.ask(message, timeout) if answer[-1].get("error") == BUSY else answer


def is_forbidden(answer):
    return answer[-1].get("error") in (WRONG_ROLE, UNKNOWN_TYPE)


class MatrixCase(unittest.TestCase):
    protocol = Protocol(OPTIONS.build)

    def check_all_messages(self, mouth, role):
        """Returns how many were refused for the role."""
        refused = 0
        for message in self.protocol.messages:
            may = message.direction in ("request", "question", "study") and role in message.roles
            answer = mouth.ask(self.protocol.sample(message))
            with self.subTest(role=role, message=message.name, answer=answer[-1]):
                self.assertEqual(not may, is_forbidden(answer))
                if not may:
                    self.assertEqual(WRONG_ROLE if message.direction in ("request", "question", "study")
                                     else UNKNOWN_TYPE, answer[-1]["error"])
                    self.assertNotIn("field", answer[-1])
            refused += not may
        return refused


class RolesByKey(NetworkCase, MatrixCase):

    @classmethod
    def before_start(cls):
        for role, party in PARTIES.items():
            cls.network.enrol(party, role)

    def test_every_role_may_say_exactly_what_the_table_gives_it(self):
        refused = 0
        for role, party in PARTIES.items():
            mouth = Mouth(self.network.endpoint, self.network.keys(party))
            self.addCleanup(mouth.close)
            self.assertEqual(role, mouth.welcome["role"])
            self.assertEqual(party, mouth.welcome["party"])
            refused += self.check_all_messages(mouth, role)
        count = len(PARTIES) * len(self.protocol.messages)
        print(f"{count} cells: {refused} refused for the role, {count - refused} heard", end=" ", flush=True)
        self.assertEqual(set(PARTIES), set(self.protocol.roles), "a role without a test")
        self.assertEqual(0, self.network.operator().ask({"type": "overview"})[0]["stored"])


class RolesByUser(MatrixCase):
    """On the operators' socket this user is what the settings say."""

    def check_user(self, role, settings):
        network = Network(OPTIONS.build, settings=settings)
        self.addCleanup(network.close)
        network.start()
        mouth = Mouth(f"ipc://{network.operator_socket}")
        self.addCleanup(mouth.close)
        self.assertEqual(role, mouth.welcome["role"])
        self.assertEqual(f"uid-{os.geteuid()}", mouth.welcome["party"])
        self.check_all_messages(mouth, role)

    def test_who_is_not_named_is_an_operator(self):
        self.check_user("operator", {})

    def test_an_auditor_audits_and_does_nothing_else(self):
        self.check_user("auditor", {"auditors": pwd.getpwuid(os.geteuid()).pw_name})

    def test_a_privacy_officer_is_no_operator(self):
        self.check_user("privacy-officer", {"privacy_officers": pwd.getpwuid(os.geteuid()).pw_name})

    def test_a_user_that_this_machine_does_not_know_is_a_fault_of_the_settings(self):
        network = Network(OPTIONS.build, settings={"auditors": "no-such-user-here"})
        self.addCleanup(network.close)
        code, said = network.run_to_end()
        self.assertNotEqual(0, code)
        self.assertRegex(said, r"referrald\.conf:\d+: auditors: this machine has no user \"no-such-user-here\"")


class NotYours(NetworkCase, MatrixCase):
    """Another sender, and a hub that was not asked, learn nothing: not even that there is something."""

    changes = NO_PACE

    @classmethod
    def before_start(cls):
        cls.people = People(23)
        for party, role in [("social-prescribing", "sender"), ("libraries", "sender"), *((one.hub, "hub") for one in
                                                                                      cls.network.services)]:
            cls.network.enrol(party, role)

    def submit_one(self):
        """Its referral_id, the hub that was asked, and another one."""
        sender = self.network.peer("social-prescribing", "sender")
        committed = sender.ask(self.people.submit(age=70, neighbourhood="Stonehouse", need="befriending"))[0]
        routed = sender.wait_push(lambda push: push["type"] == "routed" and push.get("hub_id"))
        other = next(one.hub for one in self.network.services if one.hub != routed["hub_id"])
        return committed["referral_id"], routed["hub_id"], other

    def test_what_is_not_yours_is_as_if_it_did_not_exist(self):
        real, _, other_hub = self.submit_one()
        compared = 0
        for party, role in (("libraries", "sender"), (other_hub, "hub")):
            mouth = Mouth(self.network.endpoint, self.network.keys(party))
            self.addCleanup(mouth.close)
            for message in self.protocol.messages:
                fields = {field.name for field in message.fields if field.is_given}
                if role not in message.roles or message.direction == "push" or "referral_id" not in fields:
                    continue
                answers = []
                for asked in (real, NOBODY):
                    answer = mouth.ask(self.protocol.sample(message, referral_id=asked))
                    answers.append([{name: value for name, value in one.items() if name != "request_id"}
                                    for one in answer])
                with self.subTest(party=party, message=message.name):
                    self.assertEqual(answers[0], answers[1])
                    self.assertEqual(NOT_FOUND, answers[0][0].get("error"))
                compared += 1
            for kind in ("list", "events"):
                self.assertEqual(0, mouth.ask({"type": kind, "request_id": new_uuid()})[-1]["count"])
        print(f"{compared} compared", end=" ", flush=True)


class Revocation(NetworkCase):
    changes = NO_PACE

    @classmethod
    def before_start(cls):
        cls.people = People(29)
        cls.network.enrol("social-prescribing", "sender")
        for one in cls.network.services:
            cls.network.enrol(one.hub, "hub")

    def second_key(self, party, role):
        """As for a change of keys: another pair for the same party."""
        public, secret = zmq.curve_keypair()
        path = self.network.path("enrolled", f"{party}-second.pub")
        with open(path, "w", encoding="ascii") as file:
            file.write(f'party = "{party}"; role = "{role}"; public_key = "{public.decode()}";\n')
        return Keys(public, secret, self.network.keys(party).server)

    def enter(self, keys):
        """Knocks until the key has been read."""
        peer = Peer(self.network.endpoint, keys, "second key")
        self.network.peers.append(peer)
        peer.hello()
        return peer

    def submit(self, sender, count):
        for _ in range(count):
            sender.ask(self.people.submit(age=70, neighbourhood="Stonehouse", need="befriending"))

    def is_refused(self, mouth):
        """What was asked in the moment of the revocation is answered no more."""
        try:
            return mouth.ask({"type": "list", "request_id": new_uuid()}, timeout=1)[-1].get("error") == UNKNOWN_KEY
        except TimeoutError:
            return False

    def test_a_revoked_key_is_cut_off_and_the_second_key_goes_on(self):
        sender = self.network.peer("social-prescribing", "sender")
        self.submit(sender, 1)
        hub = sender.wait_push(lambda push: push.get("hub_id"))["hub_id"]
        old = Mouth(self.network.endpoint, self.network.keys(hub))
        self.addCleanup(old.close)
        wait_for(lambda: old.pushed or old.ask({"type": "list", "request_id": new_uuid()}) and old.pushed)
        new = self.enter(self.second_key(hub, "hub"))
        self.network.revoke(hub)
        revoked_at = time.monotonic()
        while not self.is_refused(old):
            self.assertLess(time.monotonic() - revoked_at, REVOKED_WITHIN)
        took = time.monotonic() - revoked_at
        pushed = len(old.pushed)
        self.submit(sender, 20)
        offered = [push for push in sender.history.values() if push["type"] == "routed" and push.get("hub_id") == hub]
        wait_for(lambda: new.step(0.02) or len(new.history) >= len(offered), what="all offers with the second key")
        self.assertEqual(UNKNOWN_KEY, old.ask({"type": "list", "request_id": new_uuid()})[-1]["error"])
        self.assertEqual(pushed, len(old.pushed), "something was pushed to a revoked key")
        print(f"cut off after {took:.1f} s", end=" ", flush=True)

    def test_a_silent_connection_of_a_revoked_key_is_pushed_nothing(self):
        party = "mannamead"
        silent = Mouth(self.network.endpoint, self.network.keys(party))
        self.addCleanup(silent.close)
        self.network.revoke(party)
        operator = self.network.operator()
        wait_for(lambda: not any(row["connected"] for row in operator.ask({"type": "hubs", "hub_id": party})
                                 if row["type"] == "hub"), timeout=REVOKED_WITHIN, what="the connection is cut off")
        silent.socket.send(msgpack.packb({"type": "list", "request_id": new_uuid()}))
        self.assertEqual(UNKNOWN_KEY, silent.hear()["error"])


class Flow(NetworkCase):
    changes = NO_PACE
    settings = {"party_rate": 100, "party_burst": 20}

    @classmethod
    def before_start(cls):
        cls.people = People(31)
        for party in ("social-prescribing", "libraries"):
            cls.network.enrol(party, "sender")

    def test_who_asks_too_often_is_told_when_to_come_again_and_loses_nothing(self):
        greedy, waits = Counting(self.network.endpoint, self.network.keys("social-prescribing"), "greedy"), []
        self.network.peers.append(greedy)
        greedy.hello()
        honest = self.network.peer("libraries", "sender")
        honest.hello()
        count = 200
        began = asked_at = time.monotonic()
        asked = [greedy.post(self.people.submit()) for _ in range(count)]
        while len([one for one in asked if one in greedy.answered]) < count:
            self.assertLess(time.monotonic() - began, 60)
            greedy.step(0.01)
            if time.monotonic() < asked_at + 0.05:
                continue
            asked_at = time.monotonic()
            self.assertEqual("end", honest.await_answer(honest.post({"type": "list"}))[-1]["type"])
            waits.append(time.monotonic() - asked_at)
        ids = {greedy.answered[one][0]["referral_id"] for one in asked}
        took = time.monotonic() - began
        self.assertEqual(count, len(ids))
        self.assertTrue(greedy.told and min(greedy.told) > 0)
        self.assertGreater(took, (count - 20) / 100 * 0.9)
        self.assertLess(len(greedy.told), 2 * count, "who comes when it was told finds room")
        operator = self.network.operator()
        self.assertEqual(count, operator.ask({"type": "overview"})[0]["stored"])
        waits.sort()
        print(f"{count} submits at 100 a second in {took:.1f} s, {len(greedy.told)} times told to come later; another "
              f"party beside it waited {waits[len(waits) // 2] * 1000:.1f} ms (median of {len(waits)})", end=" ",
              flush=True)


class Counting(Peer):
    """Remembers what it was told to wait."""

    def __init__(self, *arguments, **options):
        self.told = []
        super().__init__(*arguments, **options)

    def answered_later(self, request_id, message):
        assert message["error"] == TOO_OFTEN, message
        self.told.append(message["retry_after_ms"])
        super().answered_later(request_id, message)


if __name__ == "__main__":
    run()

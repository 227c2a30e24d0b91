#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A canary: after whole stories, refusals, a SIGKILL and a stop, nothing that belongs to a person stands in the log, in
the store's files, or in anything else that the daemon has written; nor have others' messages held it."""
import os

from harness import NetworkCase, run
from people import People

NAME, GIVEN, STREET = "Canarybird-Zephyrine", "Ottoline-Canary", "77 Canary Mews"
POSTCODE = "PL5 9ZY"  # of valid form; not in the postcode table, which the store holds in the clear
PHONE, EMAIL = "01632960077", "canary.zephyrine@example.org"
REASON, MATTERS, NOTE = "canary reason text", "canary what matters", "canary note of the hub"


class Canary(NetworkCase):

    @classmethod
    def before_start(cls):
        cls.people = People(33)
        cls.network.enrol("social-prescribing", "sender")
        cls.network.enrol("adult-social-care", "hub")

    def canary(self, **fields):
        return self.people.submit(need="home-care", family_name=NAME, given_name=GIVEN, address_lines=[STREET],
                                  postcode=POSTCODE, phone=PHONE, email=EMAIL, reason_for_referral=REASON,
                                  what_matters=MATTERS, **fields)

    def tell_a_story(self, sender, hub, message):
        referral = sender.ask(message)[0]["referral_id"]
        offer = hub.wait_push(lambda one: one["type"] == "offer" and one["referral_id"] == referral)
        named = {"referral_id": referral, "offer_number": offer["offer_number"]}
        hub.ask({"type": "accept", "note": NOTE, **named})
        person = hub.wait_push(lambda one: one["type"] == "person" and one["referral_id"] == referral)
        self.assertEqual(NAME, person["family_name"])
        hub.ask({"type": "complete", "outcome": "partly", "note": NOTE, **named})
        ended = sender.wait_push(lambda one: one["type"] == "ended" and one["referral_id"] == referral)
        self.assertEqual(NOTE, ended["note"])
        return offer

    def secrets(self, *messages):
        numbers = [value for message in messages for value in (message["nhs_number"], message["date_of_birth"])]
        return [NAME, GIVEN, STREET, POSTCODE, POSTCODE.replace(" ", ""), PHONE, EMAIL, REASON, MATTERS, NOTE, *numbers]

    def test_no_personal_data_outside_the_seal(self):
        sender = self.network.peer("social-prescribing", "sender")
        hub = self.network.peer("adult-social-care", "hub")
        first, second, bad = self.canary(), self.canary(priority="urgent"), self.canary(gender=NAME)
        offer = self.tell_a_story(sender, hub, first)
        self.assertEqual("refused", sender.ask(bad)[0]["type"])
        self.network.kill()
        self.network.start()
        self.tell_a_story(sender, hub, second)
        self.network.operator().ask({"type": "list"})
        self.network.stop()

        secrets = self.secrets(first, second)
        for secret in secrets:
            self.assertNotIn(secret, str(offer))
        self.assertTrue(self.network.log())
        checked = self.check_files(secrets)
        self.assertIn("data.mdb", checked)
        self.assertIn("referrald.log", checked)

    def check_files(self, secrets):
        """Every file in the daemon's directory; returns their names."""
        checked = []
        for folder, _, files in os.walk(self.network.directory):
            for name in files:
                if not os.path.isfile(os.path.join(folder, name)):
                    continue  # a socket
                with open(os.path.join(folder, name), "rb") as file:
                    data = file.read()
                found = [number for number, secret in enumerate(secrets) if secret.encode() in data]
                self.assertEqual([], found, f"{name} holds personal data (numbers of the list of secrets)")
                checked.append(name)
        return checked


if __name__ == "__main__":
    run()

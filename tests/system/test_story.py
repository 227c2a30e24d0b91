#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A foreign sender and a foreign hub live through a whole story, over a restart, to the confirmed outcome."""
from harness import NetworkCase, run
from people import People


class Story(NetworkCase):

    @classmethod
    def before_start(cls):
        cls.people = People(7)
        cls.hub_ids = sorted({service.hub for service in cls.network.services if "befriending" in service.needs})
        for name in ["social-prescribing", *cls.hub_ids]:
            cls.network.enrol(name, "hub" if name in cls.hub_ids else "sender")

    def setUp(self):
        self.sender = self.network.peer("social-prescribing", "sender")
        self.sender.hello()

    def tearDown(self):
        for peer in self.network.peers:
            peer.close()
        self.network.peers.clear()

    def submit(self, **fields):
        message = self.people.submit(need="befriending", neighbourhood="Stonehouse", **fields)
        return message, self.sender.ask(message)[0]

    def hub_that_is_asked(self, referral):
        push = self.sender.wait_push(lambda one: one["referral_id"] == referral and one.get("hub_id")
                                     and one["business_status"] == "offered")
        return self.network.peer(push["hub_id"], "hub")

    def status(self, referral):
        return self.sender.ask({"type": "status", "referral_id": referral})[0]

    def say(self, peer, kind, offer, **fields):
        answer = peer.ask({"type": kind, "referral_id": offer["referral_id"], "offer_number": offer["offer_number"],
                           **fields})[0]
        self.assertEqual("done", answer["type"], answer)
        return answer

    def test_a_referral_lives_through_its_whole_story_over_a_restart(self):
        message, committed = self.submit(age=78)
        self.assertEqual(("committed", "CA", False), (committed["type"], committed["acknowledgement"],
                                                      committed["duplicate"]))
        self.assertEqual(message["correlation_id"], committed["correlation_id"])
        referral = committed["referral_id"]

        hub = self.hub_that_is_asked(referral)
        offer = hub.wait_push(lambda one: one["type"] == "offer" and one["referral_id"] == referral)
        for private in ("family_name", "given_name", "nhs_number", "postcode", "date_of_birth", "reason_for_referral"):
            self.assertNotIn(private, offer)
        self.assertIn(offer["age_band"], ("75-79",))
        self.say(hub, "accept", offer)
        person = hub.wait_push(lambda one: one["type"] == "person" and one["referral_id"] == referral)
        for known in ("family_name", "given_name", "nhs_number", "postcode", "date_of_birth"):
            self.assertEqual(message[known], person[known])

        self.network.kill()
        self.network.start()

        self.say(hub, "start", offer)
        self.say(hub, "complete", offer, outcome="got-help", note="comes every week")
        ended = self.sender.wait_push(lambda one: one["type"] == "ended" and one["referral_id"] == referral)
        self.assertEqual(("got-help", "comes every week"), (ended["outcome"], ended["note"]))
        self.sender.wait_until(lambda: self.status(referral)["business_status"] == "closed-acknowledged")

        kinds = [push["type"] for _, push in sorted(self.sender.history.items()) if push["referral_id"] == referral]
        self.assertEqual(["routed", "answered", "progressed", "ended"], kinds)
        events = [one["event"] for one in self.sender.ask({"type": "history", "referral_id": referral})]
        self.assertEqual(["outcome-confirmed", "completed", "started", "accepted", "received", "submitted"], events)

    def test_what_was_not_confirmed_comes_again_under_the_same_number(self):
        self.sender.confirms = False
        _, committed = self.submit()
        first = self.sender.wait_push(lambda one: one["referral_id"] == committed["referral_id"])
        self.network.kill()
        self.network.start()
        again = self.network.peer("social-prescribing", "sender", confirms=False)
        repeated = again.wait_push(lambda one: one["referral_id"] == committed["referral_id"])
        self.assertEqual(first, repeated)
        again.confirm(repeated["mailbox_number"])
        again.wait_until(lambda: not again.unanswered)

    def test_the_same_request_is_never_done_twice(self):
        message, committed = self.submit()
        repeated = self.sender.ask(message)[0]
        self.assertTrue(repeated["duplicate"])
        self.assertEqual(committed["referral_id"], repeated["referral_id"])
        self.network.kill()
        self.network.start()
        after_restart = self.sender.ask(message)[0]
        self.assertTrue(after_restart["duplicate"])
        self.assertEqual(committed["referral_id"], after_restart["referral_id"])

    def test_a_rejected_offer_goes_to_the_next_hub_and_explain_says_why(self):
        _, committed = self.submit()
        referral = committed["referral_id"]
        hub = self.hub_that_is_asked(referral)
        offer = hub.wait_push(lambda one: one["type"] == "offer" and one["referral_id"] == referral)
        self.say(hub, "reject", offer, status_reason="23")
        second = self.sender.wait_push(lambda one: one["referral_id"] == referral and one["type"] == "routed"
                                       and one.get("hub_id") != hub.name)
        explained = self.sender.ask({"type": "explain", "referral_id": referral})
        self.assertEqual("decision", explained[0]["type"])
        self.assertTrue(explained[0]["replayed"])
        rules = {one["hub_id"]: one["rule"] for one in explained[1:]}
        self.assertEqual("already-asked", rules[hub.name])
        self.assertEqual("eligible", rules[second["hub_id"]])
        self.assertEqual(sorted(rules), sorted(self.all_hubs()))

    def all_hubs(self):
        return {one["hub_id"] for one in self.network.operator().ask({"type": "hubs"})}

    def test_a_sender_withdraws_and_the_hub_is_told(self):
        _, committed = self.submit()
        referral = committed["referral_id"]
        hub = self.hub_that_is_asked(referral)
        hub.wait_push(lambda one: one["type"] == "offer" and one["referral_id"] == referral)
        answer = self.sender.ask({"type": "cancel", "referral_id": referral, "status_reason": "no-longer-needed"})[0]
        self.assertEqual(("done", "cancelled"), (answer["type"], answer["state"]))
        withdrawn = hub.wait_push(lambda one: one["type"] == "withdrawn" and one["referral_id"] == referral)
        self.assertEqual("withdrawn-by-sender", withdrawn["status_reason"])


if __name__ == "__main__":
    run()

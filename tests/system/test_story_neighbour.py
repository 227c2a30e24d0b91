#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The neighbour's call: a neighbour phones a hub about an 80-year-old man who goes blind, has no food and no phone. The
hub asks Adult Social Care whether he is known (he is not), sees to it that he gets emergency food, and the hub that
visits him refers him on: home care, and good neighbours who clean his flat. All one story."""
from harness import run
from story import Story

CALLED, CARE, NEIGHBOURS = "mount-gould", "adult-social-care", "good-neighbour-scheme"
HIM = {"age": 80, "gender": "1", "neighbourhood": "Lipson", "source": "wellbeing_hub", "priority": "urgent",
       "contact_permissions": [], "risk_flags": ["no-food", "self-neglect", "falls"],
       "consent_to_share": "best_interests", "consent_message_back": ["referrer"]}
WHO = ("nhs_number", "family_name", "given_name", "date_of_birth", "postcode")


class TheNeighboursCall(Story):

    began = "2026-01-15 11:00"  # a Thursday
    hubs = ["central-park", "city-centre", "efford", "estover", "mannamead", "jan-cutting", CALLED, CARE, NEIGHBOURS]
    desks = hubs

    def test_an_old_man_without_food_is_fed_today_and_cared_for_after(self):
        # The hub enters it as it was told on the telephone.
        food = self.refer(CALLED, need="food", referrer_role="Receptionist",
                          reason_for_referral="A neighbour called: he goes blind, has no food and no phone.", **HIM)
        him, story = self.person, self.heard(CALLED, "routed", food)["correlation_id"]

        # Whether he is known: asked with a reason, answered the same day; what was asked is on record.
        enquiry = self.ask(self.at[CALLED], "enquire", hub_id=CARE, note="no food in the house, is he known to you?",
                           **{name: him[name] for name in WHO})["enquiry_id"]
        asked = self.heard(CARE, "enquiry")
        self.assertEqual((enquiry, CALLED, him["family_name"]),
                         tuple(asked[name] for name in ("enquiry_id", "asker_id", "family_name")))
        self.assertEqual("Mon 2026-01-19 11:00", self.on_the_wall(asked["deadline"]))
        self.after(hours=1)
        answer = self.ask(self.at[CARE], "answer_enquiry", enquiry_id=enquiry, known="not-known",
                          contact="duty desk, 01632 960300")
        self.assertEqual("done", answer["type"], answer)
        self.assertEqual(("not-known", "duty desk, 01632 960300"), tuple(
            self.heard(CALLED, "enquiry_answered")[name] for name in ("known", "contact")))

        # Urgent: a hub with food has four hours of its day. It sees the risks, and not who he is.
        feeds = self.offered_to(food)
        offer = self.heard(feeds, "offer", food)
        self.assertEqual(("Thu 2026-01-15 15:00", "urgent", HIM["risk_flags"]), (
            self.on_the_wall(offer["deadline"]), offer["priority"], offer["risk_flags"]))
        self.assertNotIn("family_name", offer)
        self.types(feeds, "accept", food)
        self.after(hours=1)
        self.says(feeds, "start", food, note="visited him with a food parcel")

        # The visitor asks on behalf of her case, and finds somebody who knows him.
        enquiry = self.ask(self.at[feeds], "enquire", hub_id=NEIGHBOURS, referral_id=food,
                           **{name: him[name] for name in WHO})["enquiry_id"]
        self.assertNotIn("referral_id", self.heard(NEIGHBOURS, "enquiry"))
        self.ask(self.at[NEIGHBOURS], "answer_enquiry", enquiry_id=enquiry, known="known", contact="01632 960400",
                 note="his wife sang in the choir")
        self.assertEqual((food, "known"), tuple(self.heard(feeds, "enquiry_answered")[name] for name in (
            "referral_id", "known")))

        # She finds more: referred on, in the same story. Two services, each asked for its own.
        onward = self.refer(feeds, need=["home-care", "good-neighbour"], onward_from=food, correlation_id=story,
                            reason_for_referral="Cannot keep house: meals, washing, and a deep clean.",
                            **HIM | {name: him[name] for name in (*WHO, "address_lines")})
        self.assertEqual([food], self.stands(onward)["linked_ids"])
        self.assertEqual(("referred-on", onward, feeds), tuple(
            self.heard(CALLED, "linked", food)[name] for name in ("link", "linked_id", "sender_id")))
        for hub, need in ((CARE, "home-care"), (NEIGHBOURS, "good-neighbour")):
            offer = self.heard(hub, "offer", onward)
            self.assertEqual((story, [need]), (offer["correlation_id"], [one["code"] for one in offer["needs"]]))
            self.types(hub, "accept", onward)
            self.assertEqual(him["given_name"], self.heard(hub, "person", onward)["given_name"])
        self.after(hours=22)
        self.says(CARE, "start", onward, note="home care twice a week")
        self.says(NEIGHBOURS, "start", onward, note="a deep clean on Saturday")

        # Six weeks of food; the clean is done; home care stays.
        for week in range(1, 7):
            self.after(days=6)
            self.says(feeds, "progress", food, note=f"food parcel {week} of 6", support_offered=["food"])
        self.says(NEIGHBOURS, "complete", onward, outcome="got-help", note="clean, and they look in on him")
        self.assertEqual("in-progress", self.stands(onward)["state"])
        self.says(CARE, "complete", onward, outcome="got-help", note="a care plan is in place")
        self.says(feeds, "complete", food, outcome="got-help", note="meals come with the home care now")
        self.assertEqual(["got-help", "got-help"], [self.heard(*one)["outcome"] for one in (
            (CALLED, "ended", food), (feeds, "ended", onward))])
        self.assertEqual({"closed-acknowledged"}, {self.status(food), self.status(onward)})
        self.assertNotIn("overdue", self.events(food), "who was a day late was reminded, and no more")

        self.check_who_was_told(food, onward, feeds, him)
        self.the_end()

    def check_who_was_told(self, food, onward, feeds, him):
        """And nobody else ever learnt of him: from the daemon's books, and from everybody's own."""
        def saw(referral):
            return {(row["actor"], row["told"]) for row in self.rows("who-saw", referral)}
        self.assertEqual({(feeds, "person"), (NEIGHBOURS, "enquiry")}, saw(food))
        self.assertEqual({(CARE, "person"), (NEIGHBOURS, "person")}, saw(onward))
        self.assertEqual({feeds, CARE, NEIGHBOURS}, {party for party, messages in self.told.items() if any(
            him["family_name"] in message.values() for message in messages.values())})


if __name__ == "__main__":
    run()

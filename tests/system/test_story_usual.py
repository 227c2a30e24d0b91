#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The usual story: a link worker refers a lonely person, and weeks later the practice wants to know what came of it.
Then: from client to volunteer."""
from harness import run
from story import LINK_WORKER, Story, wemwbs

PRACTICE = "gp-L83651"
LONELY = {"need": "befriending", "gp_practice_ods": "L83651", "consent_message_back": ["referrer", "gp"]}


class ALonelyPerson(Story):
    """It begins on the Friday before the May Day bank holiday."""

    began = "2026-05-01 15:00"
    senders = [PRACTICE]
    hubs = ["city-centre"]
    desks = ["city-centre", PRACTICE]

    def test_who_is_referred_on_a_friday_is_helped_and_the_practice_hears_of_it(self):
        referral = self.refer(neighbourhood="Stonehouse", age=45, baseline_scores=[wemwbs(31, "2026-04-30")], **LONELY)
        person = self.person
        self.assertEqual([("routed", "city-centre")], [(one["type"], one["hub_id"]) for one in self.reads()])

        # The hub knows what is asked of it, and not of whom. It works on Saturdays, not on Sunday, nor on May Day.
        offer = self.heard("city-centre", "offer", referral)
        self.assertEqual({}, {name: offer[name] for name in ("family_name", "nhs_number", "postcode", "phone")
                              if name in offer})
        self.assertEqual("Tue 2026-05-05 15:00", self.on_the_wall(offer["deadline"]))
        self.until("2026-05-05 10:00")
        self.not_heard("city-centre", "reminder", referral)
        self.types("city-centre", "accept", referral)
        self.assertEqual(person["family_name"], self.heard("city-centre", "person", referral)["family_name"])
        self.assertEqual(["answered"], [one["type"] for one in self.reads()])

        # A first meeting within five working days; then a word now and again.
        self.until("2026-05-08 14:00")
        self.types("city-centre", "start", referral, "--note", "met for tea")
        self.until("2026-05-26 11:00")
        self.says("city-centre", "progress", referral, note="comes to the lunch club")
        self.until("2026-06-12 11:00")
        self.says("city-centre", "progress", referral, note="brings a friend now", support_offered=["social-activity"])
        self.assertEqual(["met for tea", "comes to the lunch club", "brings a friend now"],
                         [one["note"] for one in self.reads()])
        self.not_heard("city-centre", "reminder", referral)

        # The message back says what was offered and what it did, to both, and both say that they have it.
        self.until("2026-06-26 16:00")
        scores = [wemwbs(31, "2026-05-08", moment="before"), wemwbs(47, "2026-06-26", moment="after")]
        self.says("city-centre", "complete", referral, outcome="got-help", outcome_scores=scores,
                  support_offered=["befriending", "social-activity"], note="has friends now")
        back = self.heard(PRACTICE, "message_back", referral)
        self.assertEqual((person["nhs_number"], person["family_name"], "got-help", scores),
                         (back["nhs_number"], back["family_name"], back["outcome"], back["outcome_scores"]))
        self.assertEqual(("got-help", LINK_WORKER), (self.status(referral), self.stands(referral)["deadline_owner"]))
        ended, = self.reads()
        self.assertEqual(("ended", True, ["befriending", "social-activity"], scores, "has friends now"), tuple(
            ended[name] for name in ("type", "gp_told", "support_offered", "outcome_scores", "note")))
        self.assertEqual("closed-acknowledged", self.status(referral))
        self.assertEqual(["submitted", "received", "accepted", "started", "progressed", "progressed", "completed"],
                         self.events(referral)[:7])
        self.the_end()


class APracticeThatDoesNotFetch(Story):
    """Over the end of summer time."""

    began = "2026-10-23 15:00"
    senders = [PRACTICE]
    hubs = ["jan-cutting"]
    desks = ["jan-cutting"]

    def test_what_the_practice_does_not_fetch_is_seen_and_nobody_forgets_it(self):
        referral = self.refer(neighbourhood="North Prospect", age=45, **LONELY)
        self.assertEqual("Tue 2026-10-27 15:00", self.on_the_wall(self.stands(referral)["deadline"]))
        self.until("2026-10-27 14:30")
        for command in (["accept"], ["start"], ["complete", "--outcome", "got-help"]):
            self.types("jan-cutting", command[0], referral, *command[1:])
        self.reads()
        self.assertEqual(("got-help", PRACTICE, "confirmation"), tuple(
            self.stands(referral)[name] for name in ("business_status", "deadline_owner", "deadline_stage")))

        self.until("2026-11-01 14:00")
        self.assertNotIn(referral, self.ctl("list", "--attention").stdout)
        self.until("2026-11-01 15:00")
        self.assertIn(referral, self.ctl("list", "--attention").stdout)
        self.assertEqual("gp-unconfirmed", self.stands(referral)["status_reason"])
        silent = next(row for row in self.rows("mailbox", "list", "--unconfirmed") if row["party"] == PRACTICE)
        self.assertEqual((0, 1), (silent["connections"], silent["unconfirmed"]))

        # It stays open, however long that takes, and closes when the practice reads it.
        self.until("2026-12-01 09:00")
        self.assertIn(referral, self.ctl("list", "--attention").stdout)
        back, = self.reads(PRACTICE)
        self.assertEqual(("message_back", self.person["nhs_number"]), (back["type"], back["nhs_number"]))
        self.assertEqual("closed-acknowledged", self.status(referral))
        self.assertNotIn(referral, self.ctl("list", "--attention").stdout)
        self.the_end()


class FromClientToVolunteer(Story):

    began = "2026-01-12 10:00"
    hubs = ["jan-cutting"]
    desks = ["jan-cutting"]

    def test_who_was_helped_helps_others(self):
        referral = self.refer(need="employment", neighbourhood="North Prospect", age=60,
                              reason_for_referral="Made redundant after thirty years.",
                              baseline_scores=[wemwbs(28, "2026-01-09")])
        self.types("jan-cutting", "accept", referral)
        self.after(days=2)
        self.says("jan-cutting", "start", referral, note="wants to be of use")
        for word in ("volunteers in the kitchen", "has learned to keep the books", "is asked to stay"):
            self.after(days=21)
            self.says("jan-cutting", "progress", referral, note=word)
        self.after(days=10)
        scores = [wemwbs(28, "2026-01-14", moment="before"), wemwbs(52, "2026-03-27", moment="after"),
                  {"measure": "ONS4", "moment": "after", "items": [8, 9, 7, 2], "taken_on": "2026-03-27"}]
        self.says("jan-cutting", "complete", referral, outcome="became-volunteer", outcome_scores=scores,
                  support_offered=["employment", "learning"], note="is employed by the hub from April")
        ended = self.reads()[-1]
        self.assertEqual(("ended", "became-volunteer", scores), (ended["type"], ended["outcome"],
                                                                 ended["outcome_scores"]))
        self.assertNotIn("gp_told", ended, "nobody said that the practice may be told")
        shown = self.stands(referral)
        self.assertEqual(("closed-acknowledged", "became-volunteer"), (shown["business_status"], shown["outcome"]))
        self.not_heard("jan-cutting", "reminder", referral)
        self.the_end()


if __name__ == "__main__":
    run()

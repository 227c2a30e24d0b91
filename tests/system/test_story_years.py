#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The long haul: one client, needs that follow one another over years; and, long after, the right to be forgotten."""
import json

from harness import run
from story import LINK_WORKER, OFFICER, Story

TEAM, CARE = "adult-social-care-team", "adult-social-care"
LIVES = {"neighbourhood": "Lipson", "age": 66}
SECRET = "told in confidence"


class TheLongHaul(Story):

    began = "2026-01-05 10:00"
    senders = [TEAM]
    hubs = ["mount-gould", "city-centre", "mannamead", "estover", "efford", CARE]
    desks = [*hubs, TEAM]

    def officer(self, *arguments, expect=0):
        return self.ctl("--endpoint", self.network.endpoint, "--key-file", self.network.path("keys", f"{OFFICER}.key"),
                        "--server-key", self.network.path("keys", "server.pub"), *arguments, expect=expect)

    def officer_rows(self, *arguments):
        return json.loads(self.officer(*arguments, "-o", "json").stdout)["items"]

    def verified(self, *arguments):
        return json.loads(self.ctl("audit", "verify", *arguments, "-o", "jsonl").stdout)

    def anchor(self):
        row = self.verified()
        return f'{row["audit_sequence"]}:{row["audit_head"]}'

    def works_on(self, hub, referral, weeks, note):
        """A word every second week."""
        for _ in range(weeks // 2):
            self.after(days=14)
            self.says(hub, "progress", referral, note=note)

    def test_one_client_over_years(self):
        # 2026: money. It rests while the tribunal sits, and goes on.
        money = self.refer(need="benefits", **LIVES)
        her = {name: self.person[name] for name in ("nhs_number", "family_name", "given_name", "date_of_birth",
                                                    "postcode", "address_lines", "gender")}
        adviser = self.offered_to(money)
        self.types(adviser, "accept", money)
        self.says(adviser, "start", money)
        self.works_on(adviser, money, 8, SECRET)
        self.says(adviser, "pause", money, note="waits for the tribunal")
        self.assertEqual(("paused", adviser, "pause"), tuple(self.stands(money)[name] for name in (
            "business_status", "deadline_owner", "deadline_stage")))
        self.after(days=24)
        self.assertNotIn(money, self.ctl("list", "--attention").stdout)
        self.says(adviser, "resume", money, note="the tribunal has decided")
        self.works_on(adviser, money, 26, "her letters are answered together")
        first_year = self.anchor()

        # The adviser cannot go on: the next hub takes her, and knows what was asked from the beginning.
        self.says(adviser, "hand_back", money, status_reason="21", note="she has moved across the city")
        second = self.offered_to(money)
        self.assertNotEqual(adviser, second)
        self.types(second, "accept", money)
        self.assertEqual(her["family_name"], self.heard(second, "person", money)["family_name"])
        self.says(second, "start", money)
        told = [one["type"] for one in self.reads() if one["referral_id"] == money]
        self.assertEqual(["progressed", "routed", "answered", "progressed"], told[-4:])

        # A need that follows: referred on by the hub that has her, in the same story.
        story = self.stands(money)["correlation_id"]
        online = self.refer(second, need="digital-inclusion", onward_from=money, correlation_id=story,
                            source="wellbeing_hub", **her)
        self.assertEqual([money], self.stands(online)["linked_ids"])
        self.is_helped(online)

        # 2027: another door. Adult Social Care refers the same woman; both sides hear of one another.
        self.works_on(second, money, 20, "still at it")
        self.network.kill()
        self.network.start()
        carer = self.refer(TEAM, need="carer-support", source="adult_social_care", **her)
        self.assertIn(money, self.stands(carer)["linked_ids"])
        self.assertIn(("same-person", money), [(one["link"], one["linked_id"])
                                               for one in self.all_heard(TEAM, "linked", carer)])
        self.assertEqual((carer, TEAM), tuple(self.heard(second, "linked", money)[name] for name in (
            "linked_id", "sender_id")))
        self.assertIn(carer, [one["linked_id"] for one in self.reads() if one["type"] == "linked"])

        # 2028: one after the other comes to its end.
        self.is_helped(carer)
        self.works_on(second, money, 52, "nearly there")
        self.assertEqual(2028, self.now().year)
        self.says(second, "complete", money, outcome="got-help", note="she manages alone")
        self.assertEqual("ended", self.reads()[-1]["type"])
        self.assertEqual({"closed-acknowledged"}, {self.status(one) for one in (money, online, carer)})

        self.asks_what_is_stored(money, her)
        self.is_forgotten([money, online, carer], her, (adviser, second))
        self.assertTrue(self.verified("--anchor", first_year)["matches"], "the history goes on from the first year's")
        self.the_end()

    def is_helped(self, referral):
        hub = self.offered_to(referral)
        self.types(hub, "accept", referral)
        self.says(hub, "start", referral)
        self.after(days=13)
        self.says(hub, "complete", referral, outcome="got-help")

    def asks_what_is_stored(self, referral, her):
        found = self.officer_rows("person", "find", "--nhs-number", her["nhs_number"])
        self.assertEqual(3, len(found))
        self.assertNotIn(SECRET, self.ctl("show", referral).stdout)
        exported = self.officer("person", "export", referral, "--reason", "she asks").stdout
        for stored in (her["family_name"], her["postcode"], SECRET, "waits for the tribunal"):
            self.assertIn(stored, exported)
        self.assertIn((OFFICER, "revealed"),
                      [(row["actor"], row["told"]) for row in self.rows("who-saw", referral)])

    def is_forgotten(self, referrals, her, advisers):
        """Eight years after it has ended; proposed by the network, agreed to by a person."""
        ended = self.now()
        self.assertEqual([], self.officer_rows("retention", "list"))
        self.clock.set(ended.replace(year=ended.year + 9))
        self.settle()
        self.assertEqual(set(referrals), {row["referral_id"] for row in self.officer_rows("retention", "list")})
        self.officer("retention", "approve", "--all", "--expect", "2", "--yes", "--reason", "kept for eight years",
                     expect=75)
        self.officer("retention", "approve", "--all", "--expect", "3", "--yes", "--reason", "kept for eight years")
        self.settle()
        self.reads()
        for party in (*advisers, LINK_WORKER):
            self.heard(party, "erased", referrals[0])
        self.assertEqual([], self.officer_rows("person", "find", "--nhs-number", her["nhs_number"]))
        self.officer("person", "export", referrals[0], "--reason", "she asks again", expect=1)
        self.assertTrue(self.stands(referrals[0])["is_erased"])
        events = self.events(referrals[0])
        self.assertEqual(("submitted", "erased"), (events[0], events[-1]))


if __name__ == "__main__":
    run()

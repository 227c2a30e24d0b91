#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The network is looked at, changed and taken back by its operators while it serves; several needs go several ways."""
import json
import re

from harness import OperatorCase, SENDER, run
from network import wait_for

CARE, VOICE = "adult-social-care", "mannamead"   # home-care, advocacy: nobody else has them


class Routing(OperatorCase):

    hubs = [CARE, VOICE]

    def places(self, hub, service):
        return next(one["places"] for one in self.rows("hub", "show", hub) if one["service_id"] == service)

    # ---- the network file ----

    def test_all_faults_are_told_with_their_lines_and_nothing_changes(self):
        version = self.in_force()
        path = self.draft(('places = 40; }', 'places = -4; }'), ('id = "four-greens";', 'id = "jan-cutting";'))
        done = self.ctl("routing", "check", path, expect=65)
        lines = [line for line in done.stdout.splitlines() if re.match(rf"{re.escape(path)}:\d+: \S", line)]
        self.assertGreaterEqual(len(lines), 2, done.stdout)
        for command in (["diff", path], ["coverage", path], ["simulate", path], ["apply", path, "--reason", "x"]):
            self.ctl("routing", *command, expect=65)
        self.assertEqual(version, self.in_force())

    def test_what_is_in_force_has_no_faults_and_no_difference(self):
        self.ctl("routing", "check", self.draft())
        self.assertEqual([], self.rows("routing", "diff", self.draft()))

    def test_a_change_is_looked_at_applied_and_taken_back(self):
        first = self.in_force()
        places = self.places("jan-cutting", "food")
        path = self.draft((f'{{ id = "food"; needs = [ "food" ]; places = {places}; }}',
                           f'{{ id = "food"; needs = [ "food" ]; places = {places + 15}; }}'))
        self.ctl("routing", "check", path)
        rows = self.rows("routing", "diff", path)
        self.assertEqual([("service", "jan-cutting/food", "changed", str(places), str(places + 15))],
                         [(row["subject"], row["item"], row["change"], row["before"], row["after"]) for row in rows])
        self.ctl("routing", "simulate", path, "--since", "30d")
        self.assertEqual(places, self.places("jan-cutting", "food"), "looking changes nothing")
        self.ctl("routing", "apply", path, "--reason", "more food")
        self.assertEqual(places + 15, self.places("jan-cutting", "food"))
        self.assertEqual(first + 1, self.in_force())
        self.ctl("routing", "apply", "--version", str(first), "--reason", "as it was")
        self.assertEqual(places, self.places("jan-cutting", "food"))
        self.assertEqual(first + 2, self.in_force())

    def test_new_holes_are_refused_until_they_are_allowed(self):
        first = self.in_force()
        path = self.draft(('needs = [ "advocacy" ];', 'needs = [ "advocacy" ]; age_from = 70;'))
        self.addCleanup(self.ctl, "routing", "apply", "--version", str(first), "--reason", "as it was")
        done = self.ctl("routing", "apply", path, "--reason", "x", expect=1)
        self.assertIn("advocacy", done.stdout)
        self.assertIn("--allow-holes", done.stderr)
        self.assertEqual(first, self.in_force())
        holes = self.rows("routing", "coverage", path)
        self.assertTrue(any(hole["need"] == "advocacy" and hole["is_new"] for hole in holes))
        self.ctl("routing", "apply", path, "--reason", "x", "--allow-holes")
        self.assertTrue(any(hole["need"] == "advocacy" for hole in self.rows("routing", "coverage")))
        self.assertFalse(any(hole["is_new"] for hole in self.rows("routing", "coverage", path)))

    def test_what_was_applied_is_in_force_after_a_restart(self):
        path = self.draft(('name = "Jan Cutting Healthy Living Centre";', 'name = "Jan Cutting Centre";'))
        self.ctl("routing", "apply", path, "--reason", "a shorter name")
        version = self.in_force()
        self.network.kill()
        self.network.start()
        self.assertEqual(version, self.in_force())
        self.assertEqual("Jan Cutting Centre", self.rows("hub", "show", "jan-cutting")[0]["hub_name"])

    # ---- a person who does not exist, and emergencies ----

    def test_a_profile_is_explained_for_every_need(self):
        rows = self.rows("explain-profile", "--need", "home-care,advocacy", "--age", "70", "--postcode", "PL1 1AE")
        self.assertEqual("decision", rows[0]["type"])
        chosen = {row["need"]: row["hub_id"] for row in rows[1:] if row["chosen"]}
        self.assertEqual({"home-care": CARE, "advocacy": VOICE}, chosen)
        self.ctl("explain-profile", "--need", "home-care", expect=64)

    def test_an_emergency_brings_other_rules_and_ends(self):
        def rules_for_food():
            rows = self.rows("explain-profile", "--need", "food", "--age", "70", "--postcode", "PL1 1AE")
            return {row.get("service_id"): row["rule"] for row in rows[1:]}

        self.ctl("emergency", "off", "--reason", "none was on")
        self.ctl("emergency", "on", "--until", "2h", "--reason", "snow")
        self.assertIn("emergency", self.ctl("status").stdout)
        self.assertEqual("eligible", rules_for_food().get("emergency-food"))
        self.ctl("emergency", "off", "--reason", "it has thawed")
        self.assertNotIn("emergency", self.ctl("status").stdout)
        self.assertNotEqual("eligible", rules_for_food().get("emergency-food"))

    def test_reports(self):
        for report in ("unmet", "equity"):
            self.rows("report", report, "--since", "30d")
            self.ctl("report", report)
        self.assertEqual([1, 2, 3, 4, 5], [row["fifth"] for row in self.rows("report", "equity") if "fifth" in row])

    # ---- several needs ----

    def updates_until_ended(self, referral):
        updates = []

        def ended():
            done = self.network.client("referral", "follow", "--once", "1", "-o", "jsonl", party=SENDER)
            update = json.loads(done.stdout.splitlines()[0])
            if update["referral_id"] == referral:
                updates.append(update)
            return update["referral_id"] == referral and update["type"] == "ended"
        wait_for(ended, 60, "no outcome")
        return updates

    def test_several_needs_go_several_ways_and_come_back_as_one_outcome(self):
        referral = self.submit(need=["home-care", "advocacy"])
        shown = self.sender("explain", referral).stdout
        self.assertIn("needs     home-care\n", shown)
        self.assertIn("needs     advocacy\n", shown)
        for hub in (CARE, VOICE):
            for command in (["accept"], ["start"], ["complete", "--outcome", "got-help"]):
                self.hub(hub, command[0], referral, *command[1:])
        ended = self.updates_until_ended(referral)[-1]
        self.assertEqual(("completed", "got-help"), (ended["state"], ended["outcome"]))
        self.assertEqual([["home-care"], ["advocacy"]], [part["needs"] for part in ended["parts"]])

    def test_low_need_is_signposted_and_no_hub_is_asked(self):
        referral = self.submit("--tier", "universal", need="advice-and-information")
        ended = self.updates_until_ended(referral)
        self.assertEqual(["ended"], [update["type"] for update in ended])
        self.assertEqual("signposted", ended[0]["business_status"])
        self.assertTrue(ended[0]["places_to_go"][0]["hub_name"])

    def test_consent_in_doubt_is_held_for_a_person(self):
        referral = self.submit("--consent", "in_doubt", need="food")
        shown = self.rows("show", referral, of=self.sender)[0]
        self.assertEqual(("awaiting-human", "consent-in-doubt"), (shown["business_status"], shown["status_reason"]))

    def test_who_has_no_fixed_abode_is_where_they_are_in_contact(self):
        referral = self.submit("--no-fixed-abode", "--contact-hub", "jan-cutting", need="food", postcode=None,
                               address_lines=None)
        rows = self.rows("explain", referral, of=self.sender)
        decision = next(row for row in rows if row["type"] == "decision")
        self.assertEqual(("hub-of-contact", "jan-cutting"), (decision["locality"], decision["hub_id"]))


if __name__ == "__main__":
    run()

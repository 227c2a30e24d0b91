#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Rules at work on people: where they live, what changes while their referrals are in flight, what is old, what ends by
itself, and what the reports say of it. A small city, so that it can be told who must go where."""
import datetime

from harness import OperatorCase, run
from network import wait_for

NORTH, ELSEWHERE = "Ernesettle", "Plympton St Mary"
CITY = """
name = "A small city";
neighbour_distance = "3km";
neighbourhoods = ( { code = "E02003125"; name = "Ernesettle"; easting = 245590; northing = 59889; },
                   { code = "E02006990"; name = "Stonehouse"; easting = 246873; northing = 54165; } );
practices = ( { ods = "L83651"; area = "Stonehouse"; easting = 246792; northing = 54518; } );
population = [ 20, 10, 10, 5, 5 ];
emergency = { needs = [ "food" ]; };
hubs =
(
    {
        id = "north"; name = "North Hub"; tier = "targeted"; easting = 245590; northing = 59889;
        areas = [ "Ernesettle" ];
        services = ( { id = "food"; needs = [ "food" ]; places = 1; } );
    },
    {
        id = "quay"; name = "Quay Hub"; tier = "targeted"; easting = 246873; northing = 54165; areas = [ "Stonehouse" ];
        services = ( { id = "friends"; needs = [ "befriending" ]; places = 50; },
                     { id = "homes"; needs = [ "housing" ]; places = 50; },
                     { id = "emergency-food"; needs = [ "food" ]; places = 50; citywide = true;
                       emergency_only = true; } );
    },
    {
        id = "harbour"; name = "Harbour Hub"; tier = "targeted"; easting = 250873; northing = 54165;
        areas = [ "Stonehouse" ];
        services = ( { id = "friends"; needs = [ "befriending" ]; places = 50; },
                     { id = "homes"; needs = [ "housing" ]; places = 50; },
                     { id = "advocacy"; needs = [ "advocacy" ]; places = 1; citywide = true; } );
    }
);
senders = ( { id = "social-prescribing"; name = "Social prescribers"; kind = "gp_link_worker"; } );
"""


class CityCase(OperatorCase):

    text = CITY
    hubs = ["north", "quay", "harbour"]

    def referral(self, referral):
        return self.rows("show", referral)[0]

    def stands(self, referral):
        one = self.referral(referral)
        return one["business_status"], one.get("hub_id") or one.get("status_reason")

    def rules_for(self, need):
        """{(hub, service): rule} for somebody in the north who does not exist."""
        rows = self.rows("explain-profile", "--need", need, "--age", "70", "--neighbourhood", "E02003125")
        return {(row["hub_id"], row.get("service_id")): row["rule"] for row in rows if row["type"] == "considered"}


class Rules(CityCase):

    # ---- where they live ----

    def test_who_lives_outside_is_held_for_a_person_with_the_reason(self):
        referral = self.submit(neighbourhood=ELSEWHERE, need="befriending")
        self.assertEqual(("awaiting-human", "outside-network"), self.stands(referral))
        self.assertIn(referral, self.ctl("list", "--attention").stdout)

    def test_the_practice_stands_in_for_a_missing_postcode(self):
        referral = self.submit(need="befriending", postcode=None, gp_practice_ods="L83651")
        self.assertEqual(("offered", "quay"), self.stands(referral))
        shown = self.referral(referral)
        self.assertEqual(("gp-practice", "E02006990"), (shown["locality"], shown["neighbourhood_code"]))
        self.assertIn("approximate", self.ctl("explain", referral).stdout)

    # ---- what changes in flight ----

    def test_a_hub_that_pauses_keeps_whom_it_accepted_and_the_others_move_on_by_themselves(self):
        first = self.in_force()
        accepted, asked = self.submit(need="befriending"), self.submit(need="befriending")
        self.assertEqual([("offered", "quay")] * 2, [self.stands(accepted), self.stands(asked)])
        self.hub("quay", "accept", accepted)
        path = self.draft(('id = "quay";', 'id = "quay"; status = "paused";'))
        row = next(row for row in self.rows("routing", "diff", path) if row["item"] == "quay")
        self.assertEqual(("hub", "changed", "status"), (row["subject"], row["change"], row["setting"]))
        self.assertGreaterEqual(row["affected"], 2)
        self.ctl("routing", "apply", path, "--reason", "a burst pipe", "--allow-holes")
        self.assertEqual(("hub-accepted", "quay"), self.stands(accepted))
        self.assertEqual(("offered", "harbour"), self.stands(asked))
        self.hub("quay", "accept", asked, "1", expect=1)
        self.ctl("routing", "apply", "--version", str(first), "--reason", "mended")
        self.assertEqual(("offered", "harbour"), self.stands(asked), "whom another hub has is not called back")
        self.assertEqual(("offered", "quay"), self.stands(self.submit(need="befriending")))
        self.check_explained_as_decided(accepted, first)

    def check_explained_as_decided(self, referral, version):
        decision, *considered = self.rows("explain", referral)
        self.assertEqual((version, "quay", True),
                         (decision["network_version"], decision["hub_id"], decision["replayed"]))
        self.assertLess(version, self.in_force())
        self.assertEqual(["quay"], [row["hub_id"] for row in considered if row["chosen"]])

    def test_a_raised_capacity_offers_to_who_waits_at_once(self):
        first = self.in_force()
        self.addCleanup(self.ctl, "routing", "apply", "--version", str(first), "--reason", "as it was")
        placed, waits = self.submit(need="advocacy"), self.submit(need="advocacy")
        self.assertEqual(("offered", "harbour"), self.stands(placed))
        self.assertEqual(("waitlisted", "all-full"), self.stands(waits))
        self.assertEqual(1, self.referral(waits)["position"])
        self.ctl("routing", "apply", self.draft(('"advocacy" ]; places = 1;', '"advocacy" ]; places = 2;')),
                 "--reason", "a second adviser")
        self.assertEqual(("offered", "harbour"), self.stands(waits))
        unmet = [row for row in self.rows("report", "unmet") if row["need"] == "advocacy"]
        self.assertEqual([("E02006990", "full", 1)],
                         [(row["neighbourhood_code"], row["cause"], row["count"]) for row in unmet])
        waits = self.submit(need="advocacy")
        self.assertEqual(("waitlisted", "all-full"), self.stands(waits))
        self.hub("harbour", "capacity", "advocacy", "3")
        self.assertEqual(("offered", "harbour"), self.stands(waits), "a figure that the hub states does the same")

    def test_what_if_tells_what_would_have_been_and_changes_nothing(self):
        referrals = [self.submit(need="housing") for _ in range(4)]
        for referral in referrals:
            self.assertEqual(("offered", "quay"), self.stands(referral))
            self.hub("quay", "accept", referral)
        before = self.rows("list", "--all"), self.rows("routing", "versions"), self.rows("hub", "list")
        path = self.draft(('{ id = "homes"; needs = [ "housing" ]; places = 50; },', ""))
        housing = next(row for row in self.rows("routing", "simulate", path, "--since", "1d")
                       if (row["subject"], row.get("item")) == ("need", "housing"))
        self.assertEqual((4, 4, 4, 4), (housing["referrals"], housing["placed_then"], housing["placed_now"],
                                        housing["moved"]))
        self.assertEqual(before, (self.rows("list", "--all"), self.rows("routing", "versions"),
                                  self.rows("hub", "list")))
        fifths = self.rows("report", "equity")
        self.assertGreaterEqual(sum(row["accepted"] for row in fifths), 4)
        self.assertEqual([20, 10, 10, 5, 5], [row["population"] for row in fifths if row.get("fifth")])

    # ---- emergencies ----

    def test_an_emergency_helps_who_waits_and_ends_by_itself(self):
        placed, waits = self.submit(neighbourhood=NORTH, need="food"), self.submit(neighbourhood=NORTH, need="food")
        self.assertEqual([("offered", "north"), ("waitlisted", "all-full")], [self.stands(placed), self.stands(waits)])
        self.assertEqual("emergency-only", self.rules_for("food")["quay", "emergency-food"])
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
        self.ctl("emergency", "on", "--until", until.strftime("%Y-%m-%dT%H:%M:%SZ"), "--reason", "snow")
        wait_for(lambda: self.stands(waits) == ("offered", "quay"), 60, "the emergency has not helped")
        wait_for(lambda: "emergency" not in self.ctl("status").stdout, 60, "the emergency has not ended")
        self.assertEqual("emergency-only", self.rules_for("food")["quay", "emergency-food"])
        self.assertEqual(("offered", "quay"), self.stands(waits), "what was offered stays offered")
        self.ctl("emergency", "on", "--until", "2000-01-01T00:00:00Z", "--reason", "too late", expect=65)


class OldFigures(CityCase):
    """Places that nobody has stated for two seconds are asked for first."""

    text = CITY.replace("population", 'fresh = "2s";\npopulation')

    def service(self):
        return next(row for row in self.rows("hub", "show", "north") if row["service_id"] == "food")

    def test_a_stale_figure_is_shown_and_asks_for_one_person_at_a_time(self):
        self.hub("north", "capacity", "food", "5")
        self.assertIn("places_stated_at", self.service())
        wait_for(lambda: self.service().get("stale"), 60, "the figure has not become old")
        first, second = self.submit(neighbourhood=NORTH, need="food"), self.submit(neighbourhood=NORTH, need="food")
        self.assertEqual(("offered", "north"), self.stands(first))
        self.assertEqual("waitlisted", self.stands(second)[0])
        self.assertEqual("ask-first", self.rules_for("food")["north", "food"])
        self.hub("north", "accept", first)
        self.assertEqual(("offered", "north"), self.stands(second))


class Restarts(CityCase):

    def places(self):
        return next(row["places"] for row in self.rows("hub", "show", "north") if row["service_id"] == "food")

    def restart(self):
        self.assertEqual(0, self.network.stop(), self.network.log())
        self.network.start()

    def test_what_was_applied_stays_in_force_until_the_file_itself_is_changed(self):
        one = '"food" ]; places = 1;'
        self.ctl("routing", "apply", self.draft((one, '"food" ]; places = 2;')), "--reason", "a second shelf")
        self.restart()
        self.assertEqual((2, 2), (self.in_force(), self.places()))
        self.network.write_network(self.text.replace(one, '"food" ]; places = 3;'))
        self.restart()
        self.assertEqual((3, 3), (self.in_force(), self.places()))
        self.ctl("routing", "apply", "--version", "2", "--reason", "as it was")
        self.restart()
        self.assertEqual((4, 2), (self.in_force(), self.places()))


class NoEmergency(CityCase):

    text = CITY.replace('emergency = { needs = [ "food" ]; };', "").replace("emergency_only = true; ", "")

    def test_a_network_without_emergency_rules_says_so(self):
        self.ctl("emergency", "on", "--until", "2h", "--reason", "snow", expect=1)


if __name__ == "__main__":
    run()

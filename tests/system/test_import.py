#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A new edition of the postcodes is imported while the daemon serves: one edition or the other is in force at every
moment, also when the daemon is killed or the file turns out bad in the middle."""
import os
import signal
import unittest

from harness import CRASH_WORDS, OPTIONS, run
from network import Network, wait_for
from people import People, read_postcodes

OLD, NEW = "E02003125", "E02003148"  # neighbourhoods: one edition puts everybody into one of them
ONLY_IN_NEW = "AB1 0AA"
LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
TWO_HUBS = f"""
name = "Two hubs";
rings = [ "home" ];
neighbourhoods = ( {{ code = "{OLD}"; name = "Old"; easting = 245000; northing = 59000; }},
                   {{ code = "{NEW}"; name = "New"; easting = 248000; northing = 55000; }} );
hubs = ( {{ id = "old-hub"; name = "Old hub"; tier = "targeted"; easting = 245000; northing = 59000; areas = [ "{OLD}" ];
            services = ( {{ id = "friends"; needs = [ "befriending" ]; places = 100000; }} ); }},
         {{ id = "new-hub"; name = "New hub"; tier = "targeted"; easting = 248000; northing = 55000; areas = [ "{NEW}" ];
            services = ( {{ id = "friends"; needs = [ "befriending" ]; places = 100000; }} ); }} );
senders = ( {{ id = "social-prescribing"; name = "Social prescribers"; kind = "gp_link_worker"; }} );
"""
HEADER = "postcode,easting,northing,msoa21_code,imd2025_decile\n"


def rows(postcodes, neighbourhood):
    return [f"{postcode},248000,55000,{neighbourhood},3\n" for postcode in postcodes]


def elsewhere(area):
    """Many postcodes, so that an import takes a while; in the order of the alphabet, as in the real files."""
    return [f"{area}{district} {sector}{first}{second}" for district in range(1, 10) for sector in range(10)
            for first in LETTERS for second in LETTERS]


class Import(unittest.TestCase):

    def setUp(self):
        self.plymouth = sorted(row["postcode"] for row in read_postcodes())
        self.people = People(3)
        self.network = Network(OPTIONS.build, network_text=TWO_HUBS)
        self.addCleanup(self.network.close)
        self.write("old.csv", rows(self.plymouth, OLD))
        self.set_edition("old")
        self.network.start()
        self.sender = self.network.peer("social-prescribing", "sender")
        self.sender.hello()

    def tearDown(self):
        self.assertIn(self.network.stop(), (0, None), self.network.log())
        for word in CRASH_WORDS:
            self.assertNotIn(word, self.network.log())

    def write(self, name, lines):
        with open(self.network.path(name), "w", encoding="ascii") as file:
            file.write(HEADER)
            file.writelines(lines)

    def write_new(self, bad=""):
        """The people's postcodes stand in the middle."""
        self.write("new.csv", rows(elsewhere("AB"), NEW) + rows(self.plymouth, NEW) + [bad]
                   + rows(elsewhere("YO") + elsewhere("ZE"), NEW))

    def set_edition(self, name, **settings):
        self.network.write_settings({"store_limit": "64MiB", "postcodes": self.network.path(f"{name}.csv"),
                                     "postcodes_edition": name, **settings})

    def read_again(self):
        os.kill(self.network.process.pid, signal.SIGHUP)

    def events(self, name):
        return self.network.log().count(f"event={name} ")

    def wait_for_event(self, name, times=1):
        wait_for(lambda: self.events(name) >= times, 120, f"{name} is not in the log:\n{self.network.log()}")

    def edition(self):
        return self.network.operator().ask({"type": "overview"})[0]["postcode_edition"]

    def status(self, referral):
        return self.sender.ask({"type": "status", "referral_id": referral})[0]

    def submit(self, **fields):
        return self.sender.ask(self.people.submit(need="befriending", **fields))[0]["referral_id"]

    def neighbourhood_of_one_more(self):
        stands = self.status(self.submit())
        self.assertEqual("postcode", stands["locality"])
        return stands["neighbourhood_code"]

    def submit_until(self, neighbourhood):
        """Returns the neighbourhoods that the people of this while were found in."""
        found = [self.neighbourhood_of_one_more()]
        while found[-1] != neighbourhood:
            self.assertLess(len(found), 100000)
            found.append(self.neighbourhood_of_one_more())
        return found

    def test_a_new_edition_comes_into_force_whole_while_submits_go_on(self):
        lost = self.submit(postcode=ONLY_IN_NEW)
        self.assertEqual(("awaiting-human", "unknown"),
                         (self.status(lost)["business_status"], self.status(lost)["locality"]))
        self.write_new()
        self.set_edition("new")
        self.read_again()
        found = self.submit_until(NEW)
        self.assertGreater(len(found), 10, "too short a while to have shown anything")
        self.assertEqual([OLD] * (len(found) - 1) + [NEW], found)
        self.assertEqual("new", self.edition())
        self.assertEqual([NEW] * 20, [self.neighbourhood_of_one_more() for _ in range(20)])
        self.sender.wait_until(lambda: self.status(lost)["business_status"] == "offered")
        self.assertEqual((NEW, "postcode"), (self.status(lost)["neighbourhood_code"], self.status(lost)["locality"]))
        self.network.stop()
        self.network.start()
        self.assertEqual("new", self.edition())
        self.assertEqual(NEW, self.neighbourhood_of_one_more())
        self.assertEqual(2, self.events("postcodes"), "an edition that is in force is not imported again")

    def test_killed_in_the_middle_the_old_edition_stays_and_the_import_begins_anew(self):
        self.write_new()
        self.set_edition("new")
        for kills in range(1, 4):
            self.read_again()
            self.wait_for_event("postcodes_begin", kills + 1)
            for _ in range(3 * kills):
                self.assertEqual(OLD, self.neighbourhood_of_one_more())
            self.network.kill()
            self.assertEqual(1, self.events("postcodes"), "killed too late to have shown anything")
            self.set_edition("old")
            self.network.start()
            self.assertEqual("old", self.edition())
            self.assertEqual([OLD] * 20, [self.neighbourhood_of_one_more() for _ in range(20)])
            self.set_edition("new")
        self.network.kill()
        self.network.start()
        found = self.submit_until(NEW)
        self.assertEqual([OLD] * (len(found) - 1) + [NEW], found)
        self.assertEqual("new", self.edition())

    def test_a_file_that_is_bad_in_the_middle_leaves_the_old_edition_and_says_where(self):
        self.write_new(bad="this is no row\n")
        self.set_edition("new")
        self.read_again()
        self.wait_for_event("postcodes_refused")
        line = 2 + len(elsewhere("AB")) + len(self.plymouth)
        self.assertIn(f"new.csv:{line}: this row has another number of columns than the header", self.network.log())
        self.assertEqual(("old", OLD), (self.edition(), self.neighbourhood_of_one_more()))
        self.write_new()
        self.read_again()
        self.assertEqual(NEW, self.submit_until(NEW)[-1])

    def test_settings_with_a_fault_are_not_taken(self):
        self.write_new()
        self.set_edition("new", window=-1)
        self.read_again()
        self.wait_for_event("settings_fault")
        self.assertEqual(("old", OLD), (self.edition(), self.neighbourhood_of_one_more()))
        self.assertEqual(1, self.events("postcodes_begin"))


if __name__ == "__main__":
    run()

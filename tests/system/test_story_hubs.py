#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The hub that moved, the hub that is full, the hub that says nothing, the hub that burns down, and the hub that is off
line for a month: the person must not notice."""
import json
import os
import signal
import subprocess

from clock import wall
from harness import run
from network import wait_for
from story import Story

BEFRIENDERS = ["city-centre", "efford", "estover", "four-greens", "jan-cutting", "mannamead", "mount-gould", "rees",
               "southway", "st-budeaux-barne-barton", "devonport"]


class HubStory(Story):

    hubs = BEFRIENDERS
    desks = hubs

    def lonely(self, neighbourhood, **fields):
        return self.refer(need="befriending", neighbourhood=neighbourhood, **{"age": 45, **fields})

    def helps(self, referral):
        """Whoever is asked takes them, and helps."""
        hub = self.offered_to(referral)
        self.says(hub, "accept", referral)
        self.is_helped(referral)
        return hub

    def is_helped(self, referral):
        hub = self.offered_to(referral)
        self.says(hub, "start", referral)
        self.says(hub, "complete", referral, outcome="got-help")


class TheHubThatMoved(HubStory):
    """St Budeaux, from the practice in Stirling Road to William Sutton Memorial Hall, as the city's own network file
    has it, in the first summer of the pandemic."""

    began = "2020-05-29 10:00"
    HUB = "st-budeaux-barne-barton"

    def test_nobody_notices(self):
        helped, asked = self.lonely("St Budeaux"), self.lonely("St Budeaux")
        self.assertEqual([self.HUB] * 2, [self.offered_to(helped), self.offered_to(asked)])
        self.types(self.HUB, "accept", helped)
        self.reads()
        self.until("2020-06-01 09:30")
        self.assertEqual([], self.reads())
        self.not_heard(self.HUB, "withdrawn", helped)
        self.not_heard(self.HUB, "withdrawn", asked)
        self.is_helped(helped)
        self.assertEqual(self.HUB, self.helps(asked))
        self.assertEqual(self.HUB, self.helps(self.lonely("St Budeaux")))
        self.assertEqual(self.HUB, self.helps(self.lonely("Keyham")), "its new area")
        self.reads()
        self.the_end()


class TheHubThatIsFull(HubStory):

    began = "2026-03-02 10:00"
    HUB = "mannamead"  # nobody else has advocacy

    def in_need(self, **fields):
        return self.refer(need="advocacy", neighbourhood="Mutley", **{"age": 45, **fields})

    def position(self, referral):
        return self.stands(referral).get("position")

    def test_who_waits_knows_their_place_and_gets_the_first_that_is_free(self):
        self.types(self.HUB, "capacity", "advocacy", "1")
        first, second, third = [self.in_need() for _ in range(3)]
        self.types(self.HUB, "accept", first)
        self.says(self.HUB, "start", first)
        self.reads()
        self.assertEqual([1, 2], [self.position(second), self.position(third)])
        for _ in range(2):
            self.after(days=20)
            self.says(self.HUB, "progress", first, note="goes well")
        urgent = self.in_need(priority="urgent")
        waits = self.reads()[-1]
        self.assertEqual(("waitlisted", 1), (waits["business_status"], waits["position"]))
        self.assertEqual([1, 2, 3], [self.position(one) for one in (urgent, second, third)])

        self.says(self.HUB, "complete", first, outcome="got-help")
        self.assertEqual([self.HUB, None, None], [self.offered_to(one) for one in (urgent, second, third)])
        self.helps(urgent)
        self.helps(second)
        self.types(self.HUB, "capacity", "advocacy", "3")
        self.helps(third)
        self.reads()
        self.assertEqual({"closed-acknowledged"}, {row["business_status"] for row in self.all_referrals()})
        self.the_end()


class TheHubThatSaysNothing(HubStory):

    began = "2026-03-27 15:00"  # a Friday; the clocks go forward on Sunday

    def test_it_is_reminded_in_its_own_time_and_then_the_next_is_asked(self):
        referral = self.lonely("Southway")
        self.assertEqual("southway", self.offered_to(referral))
        self.until("2026-03-31 14:59")
        self.not_heard("southway", "reminder", referral)
        self.clock.set(wall("2026-03-31 15:00:05"))  # and nobody asks: the network acts by itself
        self.at["southway"].wait_push(lambda one: one["type"] == "reminder")
        self.settle()
        reminder = self.heard("southway", "reminder", referral)
        self.assertEqual(("answer", "Thu 2026-04-02 15:00"),
                         (reminder["deadline_stage"], self.on_the_wall(reminder["deadline"])))
        self.reads()
        self.until("2026-04-02 14:59")
        self.assertEqual(([], "southway"), (self.reads(), self.offered_to(referral)))
        self.until("2026-04-02 15:01")
        self.assertEqual("no-answer", self.heard("southway", "withdrawn", referral)["status_reason"])
        late = self.ask(self.at["southway"], "accept", referral_id=referral, offer_number=1)
        self.assertEqual(("refused", "REF-0303"), (late["type"], late["error"]))
        self.assertNotEqual("southway", self.helps(referral))
        self.reads()
        self.the_end()


class TheHubThatBurnsDown(HubStory):

    began = "2026-11-03 11:00"

    def test_what_it_had_goes_to_others_at_once(self):
        cases = [self.lonely("Southway") for _ in range(3)]
        for case in cases:
            self.types("southway", "accept", case)
        self.says("southway", "start", cases[0])
        asked = self.lonely("Southway")
        self.reads()

        # In the night; the operators learn of it, and nobody is at the hub's desk any more.
        self.leave(self.at["southway"])
        self.until("2026-11-04 08:00")
        path = self.draft(('id = "southway";', 'id = "southway"; status = "paused";'))
        self.decides("routing", "apply", path, "--reason", "a fire", "--allow-holes")
        self.assertNotEqual("southway", self.offered_to(asked), "what it was asked went on by itself")
        self.assertEqual({"southway"}, {self.offered_to(case) for case in cases})
        for row in self.rows("list", "--hub", "southway", "--all"):
            if row["referral_id"] in cases:
                self.decides("reoffer", row["referral_id"], "--reason", "the hub has burnt down")
        for referral in (*cases, asked):
            self.assertNotEqual("southway", self.helps(referral))
        self.reads()
        self.assertEqual({"closed-acknowledged"}, {row["business_status"] for row in self.all_referrals()})

        # Months later it has another roof, and reads what it should have been told.
        self.until("2027-02-01 09:00")
        self.at["southway"] = self.sit_down("southway")
        self.settle()
        self.assertEqual({"moved"}, {self.heard("southway", "withdrawn", case)["status_reason"] for case in cases})
        self.assertEqual("hub-closed", self.heard("southway", "withdrawn", asked)["status_reason"])
        self.the_end()


class TheHubThatWasOffLine(HubStory):

    began = "2026-09-01 10:00"

    def test_a_month_later_it_catches_up_in_order_on_two_connections(self):
        case = self.lonely("Southway")
        self.types("southway", "accept", case)
        self.says("southway", "start", case)
        self.leave(self.at["southway"])
        before = len(self.told["southway"])

        # A month of referrals; nobody is lost, others help. What it does not store in time is seen by operators.
        asked = []
        for _ in range(8):
            asked.append(self.lonely("Southway"))
            self.after(days=4)
        self.assertEqual({"southway"}, {self.rows("history", one)[-1]["hub_id"] for one in asked})
        self.assertIn("overdue", self.events(asked[0]))
        silent = next(row for row in self.rows("mailbox", "list", "--unconfirmed") if row["party"] == "southway")
        self.assertEqual(0, silent["connections"])
        self.assertGreater(silent["unconfirmed"], 16)

        # Back: all of it, in order, shared by two programs.
        one, other = self.sit_down("southway", shares=True), self.sit_down("southway", shares=True)
        self.at["southway"] = one
        self.settle()
        numbers = sorted([*one.history, *other.history])
        self.assertEqual(list(range(before + 1, before + 1 + silent["unconfirmed"])), numbers)
        for desk in (one, other):
            self.assertEqual(sorted(desk.history), list(desk.history), "in order on each")
        for gone in asked[:2]:
            self.heard("southway", "offer", gone)
            self.assertEqual("no-answer", self.heard("southway", "withdrawn", gone)["status_reason"])

        # It states its places anew, and from now on both take their share, also when one of them falls.
        self.types("southway", "capacity", "befriending", "15")
        more = [self.lonely("Southway") for _ in range(4)]
        self.leave(other)
        more += [self.lonely("Southway") for _ in range(4)]
        for referral in more:
            self.heard("southway", "offer", referral)
        self.says("southway", "complete", case, outcome="got-help")
        for referral in (*asked, *more):
            self.helps_after_all(referral)
        self.reads()
        self.assertEqual({"closed-acknowledged"}, {row["business_status"] for row in self.all_referrals()})
        self.the_end()

    def helps_after_all(self, referral):
        """Where the others have said nothing either, an operator gives it to the hub that is back."""
        if self.status(referral) == "awaiting-human":
            self.decides("place", referral, "southway", "befriending", "--reason", "they are back, and have places")
        self.helps(referral)


class TheHubWhoseComputerWasOff(HubStory):
    """It works with files: referral-hub run --spool."""

    began = "2026-09-01 10:00"
    desks = [hub for hub in BEFRIENDERS if hub != "southway"]

    def switch_on(self):
        self.spool = self.network.path("spool")
        command = self.network.command("referral-hub", "run", "--spool", self.spool, party="southway")
        program = subprocess.Popen(command, env=self.network.environment(), stderr=subprocess.DEVNULL)
        self.addCleanup(self.switch_off, program)
        return program

    def switch_off(self, program):
        if program.poll() is None:
            program.send_signal(signal.SIGTERM)
            self.assertEqual(0, program.wait(30))

    def files(self):
        """Every file that it was handed, in the order of their names."""
        for name in sorted(os.listdir(os.path.join(self.spool, "new"))):
            with open(os.path.join(self.spool, "new", name), encoding="utf-8") as file:
                self.told["southway"][int(name.split(".")[0])] = json.load(file)
        return list(self.told["southway"].values())

    def wait_for_file(self, kind, referral):
        wait_for(lambda: os.path.isdir(os.path.join(self.spool, "new")) and any(
            (one["type"], one["referral_id"]) == (kind, referral) for one in self.files()), 30, f"no file with {kind}")

    def drop(self, **answer):
        path = os.path.join(self.spool, "outbox", f"{answer['type']}.json")
        with open(self.network.path("answer"), "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.rename(self.network.path("answer"), path)

    def test_the_files_of_a_month_come_in_order(self):
        program = self.switch_on()
        case = self.lonely("Southway")
        self.wait_for_file("offer", case)
        self.drop(type="accept", referral_id=case)
        self.wait_for_file("person", case)
        self.drop(type="start", referral_id=case)
        wait_for(lambda: self.status(case) == "contact-made", 60, "the file in the outbox was not said")
        self.switch_off(program)

        # Meanwhile: a new telephone number, three people more, and a month.
        self.sender("update", case, "--phone", "01632960009", "--note", "has moved in with his daughter")
        asked = [self.lonely("Southway") for _ in range(3)]
        self.until("2026-09-08 12:00")
        for referral in asked:
            self.helps(referral)
        self.reads()
        self.until("2026-10-08 10:00")
        self.assertIn(case, self.ctl("list", "--attention").stdout, "nobody has said how it goes")

        # It reads all of that, in order, and then what is new.
        program = self.switch_on()
        wait_for(lambda: not self.unconfirmed("southway"), 60, "it does not catch up")
        kinds = [one["type"] for one in self.files()]
        self.assertEqual(list(range(1, len(kinds) + 1)), sorted(self.told["southway"]))
        self.assertEqual(["offer", "person", "updated", "offer", "offer", "offer"], kinds[:6])
        self.assertEqual(3, kinds.count("withdrawn"))
        updated = self.heard("southway", "updated", case)
        self.assertEqual(("01632960009", "has moved in with his daughter"), (updated["phone"], updated["note"]))
        self.drop(type="complete", referral_id=case, outcome="got-help")
        wait_for(lambda: self.status(case) == "got-help", 60, "the outcome was not said")
        self.reads()
        self.switch_off(program)
        self.assertEqual({"closed-acknowledged"}, {row["business_status"] for row in self.all_referrals()})
        self.the_end()


if __name__ == "__main__":
    run()

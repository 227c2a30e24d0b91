#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What people do with the command line while referrals are on their way: operators decide, senders correct and send many
at once, auditors verify, privacy officers find, export and erase."""
import csv
import datetime
import json
import os
import pty
import shutil
import signal
import subprocess

from harness import OperatorCase, SENDER, run
from network import halt, wait_for

CITY = """
name = "A small city";
neighbourhoods = ( { code = "E02006990"; name = "Stonehouse"; easting = 246873; northing = 54165; } );
deadlines = { retention = "1s"; };
hubs =
(
    {
        id = "quay"; name = "Quay Hub"; tier = "targeted"; easting = 246873; northing = 54165; areas = [ "Stonehouse" ];
        services = ( { id = "friends"; needs = [ "befriending" ]; places = 5000; } );
    },
    {
        id = "harbour"; name = "Harbour Hub"; tier = "targeted"; easting = 250873; northing = 54165;
        areas = [ "Stonehouse" ];
        services = ( { id = "friends"; needs = [ "befriending" ]; places = 5000; },
                     { id = "homes"; needs = [ "housing" ]; places = 1; } );
    }
);
senders = ( { id = "social-prescribing"; name = "Social prescribers"; kind = "gp_link_worker"; } );
"""
CANARY = "Canarybird-Zephyrine"
OFFICER, AUDITOR = "officer", "auditor"
OF_EVERY_ROW = {
    "priority": "routine", "referral_source": "gp_link_worker", "referrer_name": "Rowan Example",
    "referrer_role": "Link worker", "referrer_phone": "01632960001", "ethnic_category": "Z", "contact_permissions": [],
    "consent_to_share": "given", "consent_recorded_at": "2026-11-01T09:00:00Z", "consent_recorded_by": "Rowan Example",
    "consent_message_back": ["referrer"], "authored_on": "2026-11-01T09:00:00Z", "reason_for_referral": "Company."}
COLUMNS = ["referral_identifier", "family_name", "given_name", "date_of_birth", "gender", "needs", "address_lines",
           "postcode", "nhs_number"]


class Case(OperatorCase):

    text = CITY
    hubs = ["quay", "harbour"]

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.network.enrol(OFFICER, "privacy-officer")
        cls.network.enrol(AUDITOR, "auditor")

    def refer(self, **fields):
        return self.submit(need="befriending", family_name=CANARY, **fields)

    def staff(self, party, *arguments, expect=0):
        """referralctl with a key of its own."""
        key = self.network.path("keys", f"{party}.key")
        return self.ctl("--endpoint", self.network.endpoint, "--key-file", key, "--server-key",
                        self.network.path("keys", "server.pub"), *arguments, expect=expect)

    def referral(self, referral):
        return self.rows("show", referral)[0]

    def stands(self, referral):
        one = self.referral(referral)
        return one["state"], one["business_status"]

    def events(self, referral):
        """Oldest first."""
        return [row["event"] for row in self.rows("history", referral)][::-1]

    def close(self, referral):
        """It ends, and the sender knows."""
        self.sender("retract", referral)
        self.sender("follow", "--once", str(self.waiting(SENDER)))
        self.assertEqual("closed-acknowledged", self.referral(referral)["business_status"])

    def waiting(self, party):
        return next((row["unconfirmed"] for row in self.rows("mailbox", "list") if row["party"] == party), 0)


class Operators(Case):

    def test_what_is_held_stays_until_it_is_released(self):
        referral = self.refer()
        self.ctl("hold", referral, "--reason", "the daughter is asked first")
        self.assertEqual(("on-hold", "held-by-operator"), self.stands(referral))
        self.assertEqual(("operators", "review"), tuple(self.referral(referral)[name] for name in (
            "deadline_owner", "deadline_stage")))
        again = self.rows("hold", referral, "--reason", "the daughter is asked first")
        self.assertTrue(again[0]["duplicate"])
        self.ctl("release", referral, "--reason", "she agrees")
        self.assertEqual(("received", "offered"), self.stands(referral))
        self.assertEqual(["submitted", "held", "released"], self.events(referral))

    def test_an_operator_chooses_the_hub_and_may_take_it_back(self):
        referral = self.refer()
        self.ctl("place", referral, "harbour", "friends", "--reason", "nearer to the daughter")
        self.assertEqual("harbour", self.referral(referral)["hub_id"])
        self.ctl("reoffer", referral, "--reason", "the hub has no volunteer now")
        self.assertEqual(("on-hold", "awaiting-human"), self.stands(referral), "both have been asked")
        self.ctl("place", referral, "harbour", "friends", "--reason", "now it has")
        self.assertEqual(("received", "offered"), self.stands(referral))
        self.ctl("place", referral, "nowhere", "friends", "--reason", "x", expect=67)
        self.assertEqual(["submitted", "placed", "offered", "reoffered", "placed"],
                         self.events(referral))

    def test_priority_and_notes(self):
        first, second = self.refer(), self.refer()
        done = self.ctl("prioritise", first, second, "--to", "urgent", "--reason", "winter")
        self.assertIn("2 done, 0 refused", done.stderr)
        self.assertEqual("urgent", self.referral(second)["priority"])
        self.ctl("annotate", first, "--reason", f"{CANARY} called")
        self.assertNotIn(CANARY, self.ctl("show", first).stdout, "a note may speak of the person")
        shown = self.ctl("show", first, "--reveal", "--reason", "to read the note").stdout
        self.assertIn(f"{CANARY} called", shown)

    def test_what_no_hub_has_accepted_may_be_turned_away(self):
        referral = self.refer()
        self.ctl("turn-away", referral, "--code", "40", "--reason", "lives with the family now")
        self.assertEqual(("rejected", "turned-away"), self.stands(referral))
        accepted = self.refer()
        self.hub(self.referral(accepted)["hub_id"], "accept", accepted)
        self.ctl("turn-away", accepted, "--code", "40", "--reason", "x", expect=1)
        self.ctl("cancel", accepted, "--code", "no-longer-needed", "--reason", "asked by the son")
        self.assertEqual("cancelled", self.stands(accepted)[0])

    def test_ids_go_from_one_command_to_the_next(self):
        self.refer()
        done = self.network.client("referralctl", "annotate", "-", "--reason", "seen", stdin="\n".join(
            row["referral_id"] for row in self.rows("list", "--limit", "3")))
        self.assertEqual(0, done.returncode, done.stderr)

    def test_who_saw_the_person(self):
        referral = self.refer()
        self.assertEqual([], self.rows("who-saw", referral))
        hub = self.referral(referral)["hub_id"]
        self.hub(hub, "accept", referral)
        self.ctl("show", referral, "--reveal", "--reason", "called by the son")
        self.assertEqual({(hub, "person"), ("uid-%d" % os.getuid(), "revealed")},
                         {(row["actor"], row["told"]) for row in self.rows("who-saw", referral)})

    def test_looking_on_takes_nothing_out_of_a_mailbox(self):
        referral = self.refer()
        before = self.waiting(SENDER)
        self.assertGreater(before, 0)
        lines = self.sender("follow", "--since", "1d", "--once", "1", "-o", "jsonl").stdout.splitlines()
        self.assertEqual("happened", json.loads(lines[0])["type"])
        self.assertEqual(before, self.waiting(SENDER))
        everything = self.ctl("follow", "--since", "1d", "--once", "1").stdout
        self.assertIn("submitted", everything)
        self.assertIn(referral, self.ctl("list", "--limit", "1000").stdout)

    def test_following_sees_what_happens_next(self):
        command = self.network.command("referral", "follow", "--look", "--once", "1", "-o", "jsonl", party=SENDER)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self.network.environment()) as follower:
            try:
                wait_for(lambda: self.refer() and follower.poll() is not None, 60, "nothing was seen")
                self.assertEqual("submitted", json.loads(follower.stdout.readline())["event"])
            finally:
                follower.kill()


class Overview(OperatorCase):
    """The screen that tells at a glance what needs a person."""

    text = CITY.replace("retention", "answer = { routine = \"2d\"; }; retention") + \
        'emergency = { needs = [ "befriending" ]; };\n'
    hubs = ["quay", "harbour"]
    began = "2026-11-03 11:00"

    def status(self):
        return self.ctl("status").stdout

    def move_clock(self, **much):
        self.network.clock.set(self.network.clock.now() + datetime.timedelta(**much))

    def test_what_needs_a_person_is_marked(self):
        quiet = self.status()
        self.assertNotIn("!", quiet)
        self.assertRegex(quiet, r"up \d+[ms]\b")
        self.assertRegex(quiet, r"(?m)^waiting +0 +oldest -$")
        self.submit(need="housing")
        self.submit(need="housing")
        self.hub("quay", "enquire", "harbour", "--nhs-number", "9990000018", "--note", "Is this person known?")
        self.ctl("emergency", "on", "--until", "2026-12-01T00:00:00Z", "--reason", "snow")
        self.move_clock(hours=4)
        shown = self.status()
        self.assertRegex(shown, r"up 4h \d\dm")
        self.assertRegex(shown, r"(?m)^waiting +1 +oldest 4h \d\dm$")
        self.assertRegex(shown, r"emergency +! the emergency rules are on until 2026-12-01")
        self.assertRegex(shown, r"enquiries +1 wait for an answer")
        self.move_clock(days=9)
        wait_for(lambda: "try: referralctl list --attention" in self.status(), 60, "nobody is called")
        self.assertRegex(self.status(), r"up 9d \d\dh")
        self.assertIn("mailboxes  ! 2 silent", self.status())


class Senders(Case):

    def test_what_is_new_reaches_the_hub_that_has_the_case(self):
        referral = self.refer()
        hub = self.referral(referral)["hub_id"]
        self.hub(hub, "accept", referral)
        self.sender("update", referral, "--phone", "01632960009", "--note", "new number")
        self.assertEqual("updated", self.events(referral)[-1])
        self.sender("update", referral, expect=65)
        self.sender("update", referral, "nhs_number=9990000018", expect=65)

    def test_what_should_not_have_been_sent_is_retracted_even_after_its_end(self):
        referral = self.refer()
        self.sender("cancel", referral, "--reason", "no-longer-needed")
        self.sender("update", referral, "--phone", "01632960009", expect=1)
        self.sender("retract", referral, "--note", "another person of the same name")
        self.assertEqual(("entered-in-error", "retracted"), self.stands(referral))


class Rights(Case):

    def test_each_role_may_do_its_own_and_no_more(self):
        referral = self.refer()
        self.staff(AUDITOR, "audit", "verify")
        self.staff(AUDITOR, "who-saw", referral)
        self.staff(AUDITOR, "history", referral)
        for arguments in (["show", referral], ["hold", referral, "--reason", "x"], ["person", "find", "--nhs-number",
                          "9990000018"], ["retention", "list"]):
            self.staff(AUDITOR, *arguments, expect=77)
        for arguments in (["erase", referral, "--reason", "x"], ["person", "export", referral, "--reason", "x"]):
            self.ctl(*arguments, expect=77)
        self.staff(OFFICER, "hold", referral, "--reason", "x", expect=77)

    def test_a_person_is_found_exported_and_erased(self):
        number = "9990000018"
        referral = self.refer(nhs_number=number)
        found = json.loads(self.staff(OFFICER, "person", "find", "--nhs-number", number, "-o", "json").stdout)["items"]
        self.assertEqual([referral], [row["referral_id"] for row in found])
        exported = self.staff(OFFICER, "person", "export", referral, "--reason", "asked by the person").stdout
        self.assertIn(f"family_name: {CANARY}", exported)
        self.staff(OFFICER, "erase", referral, "--reason", "asked by the person", expect=1)
        self.close(referral)
        self.staff(OFFICER, "erase", referral, "--reason", "asked by the person")
        self.assertTrue(self.referral(referral)["is_erased"])
        self.staff(OFFICER, "person", "find", "--nhs-number", number)
        self.staff(OFFICER, "person", "export", referral, "--reason", "x", expect=1)
        self.assertEqual("erased", self.events(referral)[-1])

    def test_what_was_kept_long_enough_is_erased_when_a_person_agrees(self):
        first, second = self.refer(), self.refer()
        self.close(first)
        self.close(second)

        def proposed():
            return {row["referral_id"] for row in json.loads(self.staff(
                OFFICER, "retention", "list", "-o", "json").stdout)["items"]}
        wait_for(lambda: {first, second} <= proposed(), 60, "they were not proposed")
        approve = ["retention", "approve", "--reason", "kept as long as needed"]
        self.staff(OFFICER, *approve, self.refer(), "--yes", expect=1)
        self.staff(OFFICER, *approve, first, "--yes")
        self.assertNotIn(first, proposed())
        count = len(proposed())
        self.staff(OFFICER, *approve, "--all", "--expect", str(count + 1), "--yes", expect=75)
        self.assertIn(f"{count} done" if count > 1 else second,
                      "".join(self.output(self.staff(OFFICER, *approve, "--all", "--yes"))))
        self.assertEqual(set(), proposed())

    @staticmethod
    def output(done):
        return done.stdout, done.stderr


class Proofs(Case):

    def head(self):
        row = json.loads(self.staff(AUDITOR, "audit", "verify", "-o", "jsonl").stdout)
        return f'{row["audit_sequence"]}:{row["audit_head"]}'

    def test_an_older_store_is_found_out(self):
        self.refer()
        early = self.head()
        self.network.stop()
        shutil.copytree(self.network.path("store"), self.network.path("older"))
        self.network.start()
        self.refer()
        late = self.head()
        for anchor in (early, late):
            self.ctl("audit", "verify", "--anchor", anchor)
        self.network.stop()
        shutil.rmtree(self.network.path("store"))
        os.rename(self.network.path("older"), self.network.path("store"))
        os.remove(self.network.path("store.anchor"))  # it is meant
        self.network.start()
        self.ctl("audit", "verify", "--anchor", early)
        done = self.ctl("audit", "verify", "--anchor", late, expect=1)
        self.assertIn("DOES NOT HOLD", done.stdout)
        self.assertEqual("0 findings\n", self.ctl("store", "check").stderr)

    def test_who_does_not_confirm_is_seen(self):
        referral = self.refer()
        hub = self.referral(referral)["hub_id"]
        row = next(row for row in self.rows("mailbox", "list", "--unconfirmed") if row["party"] == hub)
        self.assertEqual(0, row["connections"])
        self.assertIn("oldest_unconfirmed_at", row)


class Batch(Case):

    settings = {"party_rate": 400, "party_burst": 50}

    def setUp(self):
        self.file, self.defaults = self.network.path("people.csv"), self.network.path("defaults.json")
        with open(self.defaults, "w", encoding="utf-8") as file:
            json.dump(OF_EVERY_ROW, file)

    def write(self, first, count, **fields):
        with open(self.file, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            for number in range(first, first + count):
                self.people.random.seed(number)
                person = self.people.submit(need="befriending", neighbourhood="Stonehouse", **fields)
                writer.writerow({**person, "referral_identifier": f"gp-{number}", "needs": "befriending,housing",
                                 "address_lines": ",".join(person["address_lines"])})

    def arguments(self, *more):
        return ["submit", "--batch", self.file, "--file", self.defaults, *more]

    def batch(self, *more, expect=0):
        """{result: how many}, and the rows."""
        done = self.sender(*self.arguments("-o", "csv", *more), expect=expect)
        self.assertNotIn(CANARY, done.stdout + done.stderr)
        rows = list(csv.DictReader(done.stdout.splitlines()))
        results = [row["result"] for row in rows]
        return {result: results.count(result) for result in results}, rows

    def stored(self):
        return json.loads(self.ctl("status", "-o", "json").stdout)["stored"]

    def start_batch(self, *more):
        command = self.network.command("referral", *self.arguments("-o", "csv", *more), party=SENDER)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.network.environment())

    def test_a_batch_may_be_run_again_and_again(self):
        before = self.stored()
        self.write(1, 40, family_name=CANARY)
        self.assertEqual({"valid": 40}, self.batch("--dry-run")[0])
        self.assertEqual(before, self.stored())
        self.assertEqual({"stored": 40}, self.batch()[0])
        again, rows = self.batch()
        self.assertEqual({"stored-before": 40}, again)
        self.assertEqual([f"gp-{number}" for number in range(1, 41)], [row["referral_identifier"] for row in rows])
        self.assertEqual(before + 40, self.stored())

    def test_a_changed_row_is_a_conflict_until_it_is_sent_as_an_update(self):
        self.write(1001, 3)
        first = self.batch()[1][1]["referral_id"]
        with open(self.file, encoding="utf-8", newline="") as file:
            lines = file.read().split("\r\n")
        lines[2] = lines[2].replace("gp-1002,", "gp-1002,X")
        with open(self.file, "w", encoding="utf-8", newline="") as file:
            file.write("\r\n".join(lines))
        counts, rows = self.batch(expect=1)
        self.assertEqual({"stored-before": 2, "refused": 1}, counts)
        self.assertEqual(("REF-0301", ""), (rows[1]["error"], rows[1]["referral_id"]))
        self.assertEqual("received", self.referral(first)["state"])

    def test_a_batch_that_is_interrupted_goes_on(self):
        before = self.stored()
        self.write(20001, 4000)
        with self.start_batch() as running:
            wait_for(lambda: self.stored() > before + 20, 60, "nothing was stored")
            halt(self.network.process)  # else it might be at its end before the signal is seen
            running.send_signal(signal.SIGINT)
            os.kill(self.network.process.pid, signal.SIGCONT)
            out, err = running.communicate(timeout=60)
        self.assertEqual(75, running.returncode, err)
        self.assertIn("nothing is stored twice", err)
        done = [row for row in csv.DictReader(out.splitlines()) if row["result"] == "stored"]
        self.assertLess(len(done), 4000)
        counts = self.batch()[0]
        self.assertGreaterEqual(counts["stored-before"], len(done))
        self.assertEqual(4000, sum(counts[result] for result in ("stored", "stored-before")))
        self.assertEqual(before + 4000, self.stored())

    def test_a_batch_outlives_the_daemon(self):
        before = self.stored()
        self.write(3001, 400)
        with self.start_batch("--timeout", "2s") as running:
            wait_for(lambda: self.stored() > before + 20, 60, "nothing was stored")
            self.network.kill()
            self.network.start()
            out, err = running.communicate(timeout=100)
        self.assertEqual(0, running.returncode, err)
        rows = list(csv.DictReader(out.splitlines()))
        self.assertEqual(400, len({row["referral_id"] for row in rows}))
        self.assertEqual(before + 400, self.stored())

    def test_a_terminal_sees_how_far_it_is(self):
        self.write(4001, 200)
        ours, theirs = pty.openpty()
        command = self.network.command("referral", *self.arguments("-o", "csv"), party=SENDER)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False,
                              env=self.network.environment())
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertEqual(0, done.returncode, shown)
        self.assertRegex(shown, r"\[#+-+\] +\d+%  \d+ rows, 0 refused, \d+/s")
        self.assertNotIn("\033", shown)


if __name__ == "__main__":
    run()

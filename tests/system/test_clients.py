#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command-line clients against the live daemon: what they print, what they hide, and how they exit."""
import json
import os
import re
import subprocess
import unittest

from harness import NetworkCase, OPTIONS, run
from network import wait_for
from peer import referral_id
from people import People, ROOT

CANARY = "Canarybird-Zephyrine"
PROGRAMS = ["referral", "referral-hub", "referralctl", "referral-keygen"]
SENDER = "social-prescribing"
HUB = "adult-social-care"


class Clients(NetworkCase):

    @classmethod
    def before_start(cls):
        cls.people = People(21)
        cls.network.enrol(SENDER, "sender")
        cls.network.enrol("libraries", "sender")
        cls.network.enrol(HUB, "hub")

    def run_client(self, name, *arguments, expect=0, party=None, stdin=None):
        party = party or {"referral": SENDER, "referral-hub": HUB}.get(name)
        done = self.network.client(name, *arguments, party=party, stdin=stdin)
        self.assertEqual(expect, done.returncode, f"{name} {arguments}\n{done.stdout}{done.stderr}")
        self.assertNotIn("\033", done.stdout, "no colour where no terminal is")
        self.assertNotIn("Sanitizer", done.stderr)
        return done

    def json_of(self, name, *arguments, **options):
        done = self.run_client(name, *arguments, "-o", "json", **options)
        return json.loads(done.stdout)

    def person_file(self, **fields):
        person = self.people.submit(need="home-care", **{"family_name": CANARY, **fields})
        for name in ("type", "request_id", "correlation_id", "sent_at", "authored_on"):
            del person[name]
        path = self.network.path("person.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(person, file)
        return path

    def submit(self, **fields):
        referral = self.run_client("referral", "submit", "--file", self.person_file(**fields)).stdout.strip()
        self.assertRegex(referral, r"^R\d+-\d\d$")
        return referral

    # ---- senders ----

    def test_submit_and_show(self):
        referral = self.submit()
        shown = self.run_client("referral", "show", referral).stdout
        self.assertIn("offered", shown)
        self.assertNotIn(CANARY, shown)
        self.assertIn(referral, json.dumps(self.json_of("referral", "show", referral)))

    def test_submit_from_flags_and_operands(self):
        done = self.run_client("referral", "submit", "--file", self.person_file(), "--need", "befriending,housing",
                               "--priority", "urgent", "postcode=PL1 1AE", "phone=01632960002", "-o", "json")
        answer = json.loads(done.stdout)
        self.assertIn("R", json.dumps(answer))

    def test_submit_repeated_with_the_same_request_id_is_one_referral(self):
        fixed = ["request_id=6b623274-c26c-4312-89df-47d2d1844248",
                 "correlation_id=6b623274-c26c-4312-89df-47d2d1844249",
                 "sent_at=2026-11-20T10:00:00+00:00", "authored_on=2026-11-20T10:00:00+00:00",
                 "consent_recorded_at=2026-11-20T10:00:00+00:00"]
        path = self.person_file()
        first = self.run_client("referral", "submit", "--file", path, *fixed).stdout
        self.assertEqual(first, self.run_client("referral", "submit", "--file", path, *fixed).stdout)

    def test_a_refused_submit_names_the_field_and_repeats_no_content(self):
        done = self.run_client("referral", "submit", "--file", self.person_file(), "--nhs-number", "9990000019",
                               expect=65)
        self.assertIn("nhs_number", done.stderr)
        self.assertNotIn("9990000019", done.stderr + done.stdout)
        self.assertNotIn(CANARY, done.stderr + done.stdout)

    def test_cancel(self):
        referral = self.submit()
        self.run_client("referral", "cancel", referral, "--reason", "no-longer-needed")
        self.assertIn("cancelled", self.run_client("referral", "show", referral).stdout)
        self.run_client("referral", "cancel", referral, expect=64)

    def test_follow_confirms_what_it_has_written(self):
        self.submit()
        done = self.run_client("referral", "follow", "--once", "1", "-o", "jsonl")
        first = json.loads(done.stdout.splitlines()[0])
        self.assertIn("routed", json.dumps(first))
        self.submit()
        again = self.run_client("referral", "follow", "--once", "1", "-o", "jsonl")
        self.assertNotEqual(done.stdout, again.stdout)

    def test_doctor(self):
        done = self.run_client("referral", "doctor")
        self.assertNotIn("BAD", done.stdout)
        for stage in ("settings", "own key", "server key", "connection", "access", "protocol"):
            self.assertIn(stage, done.stdout)

    def test_list_history_explain_ping(self):
        referral = self.submit()
        self.assertIn(referral, json.dumps(self.json_of("referral", "list")))
        self.assertIn("submitted", json.dumps(self.json_of("referral", "history", referral)))
        self.assertIn(HUB, json.dumps(self.json_of("referral", "explain", referral)))
        self.run_client("referral", "ping")

    def test_exit_codes(self):
        self.run_client("referral", expect=64)
        self.run_client("referral", "submitt", expect=64)
        self.run_client("referral", "show", "R1-00", expect=64)
        self.run_client("referral", "show", referral_id(100000), expect=67)
        mine = self.submit()
        self.run_client("referral", "show", mine, expect=67, party="libraries")
        self.run_client("referral", "show", mine, "--key-file", "/nowhere", expect=78)
        self.run_client("referral-hub", "accept", mine, "1", expect=77, party=SENDER)
        nobody = self.network.client("referral", "ping", "--endpoint", "tcp://127.0.0.1:1", "--timeout", "500ms",
                                     party=SENDER)
        self.assertIn(nobody.returncode, (69, 75), nobody.stderr)

    def test_an_unknown_key_is_told_so(self):
        self.network.make_keys("--party", "stranger", "--role", "sender")
        done = self.network.client("referral", "ping", "--timeout", "2s", party="stranger")
        self.assertEqual(77, done.returncode, done.stderr)

    # ---- hubs ----

    def test_a_hub_by_hand(self):
        referral = self.submit()
        self.run_client("referral-hub", "accept", referral, "1")
        self.run_client("referral-hub", "start", referral, "1", "--note", "called")
        self.run_client("referral-hub", "complete", referral, "1", "--outcome", "got-help")
        self.run_client("referral-hub", "complete", referral, "1", "--outcome", "got-help")
        self.run_client("referral-hub", "fail", referral, "1", "--reason", "FC", expect=1)
        self.assertIn(referral, json.dumps(self.json_of("referral-hub", "list")))

    def test_a_hub_finds_the_offer_number_itself(self):
        referral = self.submit()
        self.run_client("referral-hub", "accept", referral)

    def test_reject_and_capacity(self):
        referral = self.submit()
        self.run_client("referral-hub", "reject", referral, "1", "--reason", "40")
        self.assertIn("awaiting-human", self.run_client("referral", "show", referral).stdout)
        self.run_client("referral-hub", "reject", referral, "1", "--reason", "nonsense", expect=64)
        self.run_client("referral-hub", "capacity", "home-care", "90")
        self.run_client("referral-hub", "capacity", "nothing-such", "9", expect=67)
        hubs = self.json_of("referralctl", "hub", "show", HUB)
        self.assertIn("90", json.dumps(hubs))

    def start_hub(self, *arguments):
        """referral-hub run, until the test ends."""
        process = subprocess.Popen(self.network.command("referral-hub", "run", *arguments, party=HUB),
                                   env=self.network.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def stop():
            process.terminate()
            try:
                _, said = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            self.assertNotIn(b"Sanitizer", said)
            self.assertNotIn(CANARY.encode(), said)
        self.addCleanup(stop)

    def test_run_exec_accepts_what_its_tool_accepts(self):
        directory = self.network.path("exec-state")
        os.makedirs(directory, exist_ok=True)
        seen = self.network.path("seen.jsonl")
        tool = self.network.path("tool.sh")
        with open(tool, "w", encoding="ascii") as file:
            file.write(f'cat >>"{seen}"; echo >>"{seen}"\n'
                       '[ "$REFERRAL_TYPE" = offer ] && echo \'{"type": "accept"}\' || true\n')
        referral = self.submit()
        self.start_hub("--exec", f"sh {tool}", "--state", directory)

        def person_seen():
            if not os.path.exists(seen):
                return False
            with open(seen, encoding="utf-8") as file:
                return any(referral in line and CANARY in line for line in file)
        wait_for(person_seen, 60, "the tool was not handed the person")
        self.assertIn("hub-accepted", self.run_client("referral", "show", referral).stdout)

    def test_run_spool_writes_offers_and_takes_answers(self):
        directory = self.network.path("spool")
        os.makedirs(directory, exist_ok=True)
        referral = self.submit()
        self.start_hub("--spool", directory)
        new = os.path.join(directory, "new")
        wait_for(lambda: os.path.isdir(new) and any(referral in name for name in os.listdir(new)), 60, "no offer file")
        answer = os.path.join(directory, "answer.tmp")
        with open(answer, "w", encoding="ascii") as file:
            json.dump({"type": "accept", "referral_id": referral, "offer_number": 1}, file)
        os.rename(answer, os.path.join(directory, "outbox", "answer.json"))
        wait_for(lambda: "answer.json" in os.listdir(os.path.join(directory, "sent")), 60, "the answer was not sent")
        wait_for(lambda: sum(referral in name for name in os.listdir(new)) >= 2, 60, "the person was not spooled")

    # ---- operators ----

    def test_an_operator_looks(self):
        referral = self.submit()
        for arguments in (["status"], ["list"], ["show", referral], ["explain", referral], ["hub", "list"],
                          ["hub", "show", HUB], ["list", "--state", "received", "--priority", "routine"]):
            table = self.run_client("referralctl", *arguments).stdout
            text = self.run_client("referralctl", *arguments, "-o", "json").stdout
            json.loads(text)
            self.assertTrue(table.strip())
            self.assertNotIn(CANARY, table + text)
        for line in self.run_client("referralctl", "list", "-o", "jsonl").stdout.splitlines():
            json.loads(line)

    def test_a_person_is_masked_until_revealed_and_revealing_is_recorded(self):
        referral = self.submit()
        self.assertNotIn(CANARY, self.run_client("referralctl", "show", referral).stdout)
        self.run_client("referralctl", "show", referral, "--reveal", expect=64)
        self.assertIn(CANARY, self.run_client("referralctl", "show", referral, "--reveal", "--reason", "asked by phone").stdout)
        self.assertIn("revealed", self.run_client("referralctl", "who-saw", referral).stdout)

    def test_what_is_not_there(self):
        self.run_client("referralctl", "show", referral_id(100000), expect=67)
        self.run_client("referralctl", "hub", "show", "nowhere", expect=67)
        missing = self.network.client("referralctl", "status", "--socket", self.network.path("no.sock"),
                                      "--timeout", "500ms")
        self.assertEqual(69, missing.returncode, missing.stderr)


class Words(unittest.TestCase):
    """Help and manual pages."""

    def program(self, name):
        return os.path.join(OPTIONS.build, name if name == "referrald" else os.path.join("clients", name))

    def run_program(self, name, *arguments):
        return subprocess.run([self.program(name), *arguments], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)

    def test_every_command_has_help(self):
        for name in PROGRAMS:
            top = self.run_program(name, "--help")
            self.assertEqual((0, ""), (top.returncode, top.stderr), name)
            commands = self.run_program(name, "commands").stdout.splitlines()
            self.assertTrue(commands, name)
            for command in commands:
                done = self.run_program(name, *command.split(), "--help")
                self.assertEqual(0, done.returncode, f"{name} {command}")
                self.assertTrue(done.stdout.startswith(f"usage: {name} {command}"), done.stdout)
                self.assertIn(command, top.stdout)

    def test_every_program_tells_its_version(self):
        for name in [*PROGRAMS, "referrald"]:
            done = self.run_program(name, "--version")
            self.assertEqual(0, done.returncode)
            self.assertRegex(done.stdout, rf"^{name} \d+\.\d+")

    def page(self, name):
        """The source of its manual page."""
        found = [os.path.join(folder, file) for folder, _, files in os.walk(ROOT) for file in files
                 if re.fullmatch(rf"{re.escape(name)}\.[1-8]\.scd", file) and "/build" not in folder]
        self.assertEqual(1, len(found), f"one manual page of {name}, found {found}")
        with open(found[0], encoding="utf-8") as file:
            return file.read()

    def test_every_program_has_a_manual_page_that_tells_its_exit_codes(self):
        codes = {"referral": [0, 1, 64, 65, 67, 69, 75, 76, 77, 78], "referral-hub": [0, 1, 64, 67, 69, 75, 77, 78],
                 "referralctl": [0, 1, 64, 65, 66, 67, 69, 75, 78], "referral-keygen": [0, 64, 66, 73],
                 "referrald": [0, 64, 69, 71, 74, 75, 78]}
        for name, listed in codes.items():
            with self.subTest(name):
                text = self.page(name)
                self.assertIn("EXIT STATUS", text)
                status = text[text.index("EXIT STATUS"):]
                for code in listed:
                    self.assertRegex(status, rf"\b{code}\b", f"{name}: exit code {code}")


if __name__ == "__main__":
    run()

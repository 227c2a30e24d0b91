#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command-line clients against the live daemon: what they print, what they hide, and how they exit."""
import json
import os
import pty
import re
import shutil
import stat
import subprocess
import tempfile
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

    def test_what_is_wrong_on_the_line_is_told_with_what_to_do(self):
        mine = self.submit()
        for arguments, words in [
                (["submit", "nonsense"], "NAME=VALUE"),
                (["submit", "favourite_colour=blue"], 'no field "favourite_colour"'),
                (["submit", "x" * 100 + "=blue"], "no field"),
                (["submit", "--in-flight", "3"], "--in-flight needs --batch"),
                (["submit", "--dry-run"], "--dry-run needs --batch"),
                (["submit", "--batch", "/nowhere.csv", "--in-flight", "many"], "in-flight"),
                (["update", "1042", "--note", "x"], "two check digits"),
                (["update", mine, "note"], "NAME=VALUE"),
                (["retract", "R1042"], "two check digits"),
                (["cancel", mine, "--reason", "because"], "status_reason"),
                (["explain", "R1-00"], "a digit of it is wrong"),
                (["follow", "--confirm"], "confirms anyway"),
                (["follow", "--once", "0"], "once"),
                (["list", "--output", "xml"], "-o jsonl")]:
            with self.subTest(arguments):
                self.assertIn(words, self.run_client("referral", *arguments, expect=64).stderr)
        self.assertIn("/nowhere.json", self.run_client("referral", "submit", "--file", "/nowhere.json", expect=66).stderr)
        for arguments, words in [
                (["submit", "--file", self.person_file(), "postcode=nonsense place"], "postcode"),
                (["submit", "--file", self.person_file(), "priority=at once"], "priority"),
                (["update", mine, "--file", self.person_file()], "does not belong into update")]:
            with self.subTest(arguments):
                done = self.run_client("referral", *arguments, expect=65)
                self.assertIn(words, done.stderr)
                self.assertNotIn(CANARY, done.stderr)

    def settings_file(self, text):
        path = self.network.path("client.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def run_alone(self, *arguments, expect, **environment):
        """referral with no more settings than these."""
        done = subprocess.run([self.network.program("referral"), *arguments], text=True, timeout=60, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**self.network.environment(), **environment})
        self.assertEqual(expect, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def good_settings(self):
        return {"REFERRAL_ENDPOINT": self.network.endpoint,
                "REFERRAL_KEY_FILE": self.network.path("keys", f"{SENDER}.key"),
                "REFERRAL_SERVER_KEY": self.network.path("keys", "server.pub")}

    def test_settings_come_from_a_file_the_environment_and_the_line(self):
        lines = [f'endpoint = "{self.network.endpoint}"', f'key-file = "{self.network.path("keys", SENDER)}.key"',
                 f'server-key = "{self.network.path("keys", "server.pub")}"', 'timeout = "5s"']
        good = self.settings_file(";\n".join(lines) + ";\n")
        self.run_alone("ping", REFERRAL_CONFIG=good, expect=0)
        self.run_alone("ping", REFERRAL_CONFIG=good, REFERRAL_ENDPOINT="tcp://127.0.0.1:1", REFERRAL_TIMEOUT="200ms",
                       expect=69)
        self.run_alone("ping", "--endpoint", self.network.endpoint, REFERRAL_CONFIG=good,
                       REFERRAL_ENDPOINT="tcp://127.0.0.1:1", expect=0)
        self.run_alone("ping", **self.good_settings(), expect=0)

    def test_settings_that_are_wrong_are_told_with_their_place(self):
        for text, words in [('colour = "blue";', 'client.conf:1: no setting is called "colour"'),
                            ('\nendpoint = blue;', "client.conf:2: not of the form"),
                            ('timeout = "soon";', 'client.conf:1: "timeout" is a time from 1ms to 60m'),
                            (f'endpoint = "tcp://{"x" * 2000}";', "client.conf:1: \"endpoint\" is longer than")]:
            with self.subTest(words):
                self.assertIn(words, self.run_alone("ping", REFERRAL_CONFIG=self.settings_file(text), expect=78))
        self.assertIn("REFERRAL_TIMEOUT:", self.run_alone("ping", **self.good_settings(), REFERRAL_TIMEOUT="-1s",
                                                          expect=78))
        self.assertIn("/nowhere", self.run_alone("ping", REFERRAL_CONFIG="/nowhere", expect=78))
        self.assertIn("no address is set", self.run_alone("ping", expect=78))

    def test_what_was_not_answered_can_be_repeated_with_what_it_says(self):
        path = self.person_file()
        nobody = ["--endpoint", "tcp://127.0.0.1:1", "--timeout", "200ms"]
        said = self.run_client("referral", "submit", "--file", path, *nobody, expect=69).stderr
        same = re.search(r"to repeat it safely, add: (.*)", said)[1].split()
        self.assertEqual(["request_id", "correlation_id", "sent_at", "authored_on"],
                         [pair.split("=")[0] for pair in same])
        self.assertNotIn(CANARY, said)
        self.assertEqual(*(self.run_client("referral", "submit", "--file", path, *same).stdout for _ in range(2)))
        said = self.run_client("referral", "show", "R1042-76", *nobody, expect=69).stderr
        self.assertNotIn("repeat it", said)
        self.assertIn("try: referral doctor", said)

    def test_explain_in_words_for_people(self):
        said = self.run_client("referral", "explain", self.submit()).stdout
        self.assertIn(f"offered to {HUB}", said)
        self.assertNotIn(CANARY, said)

    def test_an_update_that_could_not_be_written_is_not_confirmed(self):
        self.submit()
        before = self.first_unconfirmed()
        command = self.network.command("referral", "follow", "--once", "1", party=SENDER)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                                  env=self.network.environment())
        self.assertEqual(74, done.returncode, done.stderr)
        self.assertIn("the update is not confirmed", done.stderr)
        self.assertEqual(before, self.first_unconfirmed())

    def test_who_follows_is_told_that_the_daemon_is_away_and_goes_on_when_it_is_back(self):
        self.submit()
        self.network.stop()
        command = self.network.command("referral", "follow", "--once", "1", "--timeout", "300ms", party=SENDER)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=self.network.environment()) as follower:
            try:
                self.assertIn("no daemon answers", follower.stderr.readline())
                self.network.start()
                shown, said = follower.communicate(timeout=60)
            finally:
                follower.kill()
        self.assertEqual(0, follower.returncode, said)
        self.assertIn("mailbox_number: ", shown)

    def test_who_may_not_follow_is_told_so(self):
        self.network.make_keys("--party", "nobody", "--role", "sender")
        self.assertIn("enrol", self.run_client("referral", "follow", party="nobody", expect=77).stderr)
        self.run_client("referral", "follow", "--key-file", "/nowhere", expect=78)

    def first_unconfirmed(self):
        """The number of the first message in the sender's mailbox."""
        row = next(row for row in self.json_of("referralctl", "mailbox", "list")["items"] if row["party"] == SENDER)
        return row["mailbox_number"] - row["unconfirmed"] + 1

    def doctor(self, *arguments, expect):
        """{stage: whether it is good}, and all its words."""
        said = self.run_client("referral", "doctor", *arguments, expect=expect).stdout
        return {line[:10].strip(): line[11:15].strip() == "ok" for line in said.splitlines()}, said

    def test_the_doctor_finds_the_stage_that_is_bad(self):
        self.network.make_keys("--party", "unknown", "--role", "sender")
        public = self.network.path("keys", f"{SENDER}.pub")
        for arguments, stage, words, code in [
                (["--timeout", "soon"], "settings", "1ms to 60m", 78),
                (["--key-file", "/nowhere"], "own key", "/nowhere", 78),
                (["--key-file", public], "own key", "does not hold a public and a secret key", 78),
                (["--server-key", "/nowhere"], "server key", "/nowhere", 78),
                (["--endpoint", "localhost:7400"], "name", "tcp://HOST:PORT", 69),
                (["--endpoint", "tcp://127.0.0.1:nowhere"], "name", "cannot resolve", 69),
                (["--endpoint", "tcp://127.0.0.1:1"], "connection", "refused", 69),
                (["--endpoint", "tcp://[::1]:1"], "connection", "", 69),
                (["--key-file", self.network.path("keys", "unknown.key")], "access", "enrol", 77),
                (["--server-key", public], "access", "another key", 77)]:
            with self.subTest(arguments):
                stages, said = self.doctor("--timeout", "3s", *arguments, expect=code)
                self.assertEqual([stage], [name for name, good in stages.items() if not good], said)
                self.assertIn(words, said)
        self.assertIn("own key    BAD", self.run_alone("doctor", REFERRAL_ENDPOINT=self.network.endpoint, expect=78))
        self.assertIn("no endpoint", self.run_alone("doctor", expect=78))

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

    def watch(self, *arguments, expect=0, **options):
        return self.run_client("referralctl", "watch", *arguments, expect=expect, **options)

    def test_watching_shows_the_status_again_and_again(self):
        self.assertEqual(2, self.watch("1", "--count", "2").stdout.count("attention "))
        lines = self.watch("1", "--count", "2", "-o", "jsonl").stdout.splitlines()
        self.assertEqual(["totals"] * 2, [json.loads(line)["type"] for line in lines])
        self.assertIn("whole number of seconds", self.watch("soon", expect=64).stderr)
        self.watch("--count", "0", expect=64)
        self.watch("--socket", self.network.path("no.sock"), "--count", "1", "--timeout", "500ms", expect=69)

    def test_watching_on_a_terminal_keeps_to_one_screen(self):
        ours, theirs = pty.openpty()
        command = self.network.command("referralctl", "watch", "1", "--count", "1")
        done = subprocess.run(command, stdout=theirs, timeout=60, check=False, env=self.network.environment())
        os.close(theirs)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertEqual(0, done.returncode)
        self.assertTrue(shown.startswith("\033[H\033[2J"), shown)
        self.assertIn("referrald", shown)

    def test_what_is_not_there(self):
        self.run_client("referralctl", "show", referral_id(100000), expect=67)
        self.run_client("referralctl", "hub", "show", "nowhere", expect=67)
        missing = self.network.client("referralctl", "status", "--socket", self.network.path("no.sock"),
                                      "--timeout", "500ms")
        self.assertEqual(69, missing.returncode, missing.stderr)


class Programs(unittest.TestCase):

    def program(self, name):
        return os.path.join(OPTIONS.build, name if name == "referrald" else os.path.join("clients", name))

    def run_program(self, name, *arguments):
        return subprocess.run([self.program(name), *arguments], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)


class Keys(Programs):
    """referral-keygen."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="referral-keys-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def keygen(self, *arguments, expect=0):
        done = self.run_program("referral-keygen", *arguments)
        self.assertEqual(expect, done.returncode, f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout if expect == 0 else done.stderr

    def new(self, *arguments, expect=0):
        return self.keygen("new", "--out", self.directory, *arguments, expect=expect)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def secret(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return re.search(r'secret_key = "([^"]*)"', file.read())[1]

    def test_the_secret_goes_into_a_closed_file_and_nowhere_else(self):
        said = self.new("--party", "four-greens", "--role", "hub")
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.path("four-greens.key")).st_mode))
        self.assertNotIn(self.secret("four-greens.key"), said)
        with open(self.path("four-greens.pub"), encoding="ascii") as file:
            public = file.read()
        self.assertNotIn(self.secret("four-greens.key"), public)
        self.assertIn(public, said, "the block to paste is the file")

    def test_what_it_prints_can_be_pasted_into_a_shell(self):
        for arguments, name in [(["--party", "four-greens", "--role", "hub"], "four-greens.pub"),
                                (["--server"], "server.pub")]:
            said = self.new(*arguments)
            os.mkdir(self.path("pasted"))
            subprocess.run(["sh", "-eu"], input=said, text=True, cwd=self.path("pasted"), check=True, timeout=60)
            with open(self.path(name), encoding="ascii") as ours, \
                    open(self.path("pasted", name), encoding="ascii") as pasted:
                self.assertEqual(ours.read(), pasted.read())
            shutil.rmtree(self.path("pasted"))

    def test_a_key_that_exists_is_never_overwritten(self):
        self.new("--party", "four-greens", "--role", "hub")
        before = self.secret("four-greens.key")
        self.assertIn("never overwritten", self.new("--party", "four-greens", "--role", "hub", expect=73))
        os.remove(self.path("four-greens.pub"))
        self.assertIn("four-greens.key", self.new("--party", "four-greens", "--role", "hub", expect=73))
        self.assertEqual(before, self.secret("four-greens.key"))
        self.assertFalse(os.path.exists(self.path("four-greens.pub")), "half a pair is left")

    def test_a_directory_that_cannot_be_made_is_told(self):
        self.write("occupied", "")
        for out in ("occupied", "occupied/below", "nowhere/below"):
            self.assertIn(self.path(out), self.keygen("new", "--server", "--out", self.path(out), expect=73))
        self.assertIn("too long", self.keygen("new", "--server", "--out", "x" * 5000, expect=64))

    def test_who_it_is_for_is_named_well_or_not_at_all(self):
        for arguments, words in [([], "--party and --role, or --server"),
                                 (["--party", "four-greens"], "--party and --role"),
                                 (["--role", "hub"], "--party and --role"),
                                 (["--server", "--role", "hub"], "--server alone"),
                                 (["--party", "four greens", "--role", "hub"], "A-Z a-z 0-9"),
                                 (["--party", ".hidden", "--role", "hub"], "A-Z a-z 0-9"),
                                 (["--party", "../up", "--role", "hub"], "A-Z a-z 0-9"),
                                 (["--party", "x" * 65, "--role", "hub"], "at most"),
                                 (["--party", "four-greens", "--role", "pirate"], "a role is")]:
            with self.subTest(arguments):
                self.assertIn(words, self.new(*arguments, expect=64))
        self.assertEqual([], os.listdir(self.directory))

    def test_show_tells_all_but_the_secret(self):
        said = self.new("--party", "four-greens", "--role", "hub")
        fingerprint = re.search(r"# fingerprint +(\S+)", said)[1]
        for name in ("four-greens.key", "four-greens.pub"):
            shown = self.keygen("show", self.path(name))
            self.assertIn(fingerprint, shown)
            self.assertNotIn(self.secret("four-greens.key"), shown)
            self.assertEqual(f"{fingerprint}\n", self.keygen("fingerprint", self.path(name)))
        self.assertIn("four-greens", shown)
        self.assertRegex(self.keygen("show", self.path("four-greens.key")), r"(?m)^party +-$")
        self.assertRegex(self.keygen("show", self.path("four-greens.key")), r"(?m)^holds secret yes$")
        self.assertRegex(shown, r"(?m)^holds secret no$")

    def test_a_file_that_is_no_key_is_told_with_its_line(self):
        key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
        for text, words in [("", "does not hold a public key"),
                            (f'secret_key = "{key}";\n', "does not hold a public key"),
                            ('public_key = "short";\n', "file:1: public_key is not whole"),
                            (f'\npublic_key = "{"~" * 40}";\n', "file:2: public_key is not whole"),
                            (f'party = "{"x" * 300}";\n', "file:1: party is not whole"),
                            ('colour = "blue";\n', 'file:1: "colour" does not belong into a key file'),
                            ("nonsense", "file:1: not of the form")]:
            with self.subTest(words):
                self.assertIn(words, self.keygen("show", self.write("file", text), expect=66))
        self.assertIn("nowhere", self.keygen("show", self.path("nowhere"), expect=66))

    def test_a_secret_that_others_may_read_is_not_used(self):
        self.new("--party", "four-greens", "--role", "hub")
        path = self.path("four-greens.key")
        os.chmod(path, 0o640)
        self.assertIn(f"chmod 600 {path}", self.keygen("show", path, expect=66))


class Words(Programs):
    """Help and manual pages."""

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

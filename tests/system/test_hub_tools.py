#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a hub has in its hands: every command of referral-hub, its agent with --exec, --spool and --webhook, and the
examples, against the live daemon."""
import json
import os
import signal
import subprocess
import threading
import time

from harness import NO_PACE, NetworkCase, OPTIONS, OperatorCase, SENDER, run
from network import halt, shorten_deadlines, wait_for
from peer import time_text
from people import People, ROOT
from protocol import Protocol
from receiver import Receiver, make_certificate, make_secret

CARE = "adult-social-care"     # the only hub for home-care
OTHER = "jan-cutting"
CANARY = "Canarybird-Zephyrine"
BEFORE = "before:ONS4:3 4 3 8::2026-09-01"
AFTER = "after:ONS4:7 6 8 3::2026-11-20"
EXAMPLES = os.path.join(ROOT, "clients", "examples")


class Agent:
    """referral-hub run, in the background; what it says goes to a file."""

    def __init__(self, network, party, *arguments):
        self.log_path = network.path(f"agent-{party}.log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(network.command("referral-hub", "run", *arguments, party=party),
                                            env=network.environment(), stdout=subprocess.DEVNULL, stderr=log)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


class ToolCase(OperatorCase):
    hubs = [CARE, OTHER]
    changes = NO_PACE

    def tearDown(self):
        for name in os.listdir(self.network.directory):
            if name.startswith("agent-"):
                with open(self.network.path(name), encoding="utf-8", errors="replace") as file:
                    said = file.read()
                self.assertNotIn(CANARY, said, "the person stands in a log")
                self.assertNotIn("Sanitizer", said)

    def agent(self, party, *arguments):
        agent = Agent(self.network, party, *arguments)
        self.addCleanup(agent.stop)
        return agent

    def directory(self, name):
        path = self.network.path(f"{self._testMethodName}-{name}")
        os.makedirs(path, mode=0o700)
        return path

    def care(self, **fields):
        return self.submit(need="home-care", family_name=CANARY, **fields)

    def stands(self, referral):
        return json.loads(self.sender("show", referral, "-o", "json").stdout)["items"][0]

    def is_confirmed(self, referral):
        """The network knows that the hub has stored the offer."""
        return any(row["event"] == "received" for row in self.rows("history", referral, of=self.sender))

    def wait_stands(self, referral, business_status):
        wait_for(lambda: self.stands(referral)["business_status"] == business_status, 60,
                 f"{referral} does not become {business_status}")

    def file_with(self, *names, text):
        path = self.network.path(*names)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def told(self, party, role, kind, referral=None, timeout=60.0):
        """The first push of a kind that a fresh connection of the party is told."""
        peer = self.network.peer(party, role)
        try:
            return peer.wait_push(lambda push: push["type"] == kind and referral in (None, push.get("referral_id")),
                                  timeout)
        finally:
            peer.close()
            self.network.peers.remove(peer)


class Commands(ToolCase):
    """Every answer by hand."""

    def test_a_case_from_its_offer_to_its_outcome(self):
        referral = self.care()
        self.hub(CARE, "accept", referral)
        self.hub(CARE, "progress", referral, "--note", "too early", expect=1)
        self.hub(CARE, "start", referral, "1", "--note", "rang")
        self.hub(CARE, "pause", referral, expect=64)
        self.hub(CARE, "pause", referral, "--note", "in hospital")
        self.assertEqual("on-hold", self.stands(referral)["state"])
        self.hub(CARE, "resume", referral)
        self.hub(CARE, "progress", referral, "--note", "met twice", "--support", "home-care,befriending", "--scores",
                 BEFORE)
        self.hub(CARE, "complete", referral, "--outcome", "got-help", "--support", "home-care", "--scores",
                 f"{BEFORE},{AFTER}", "--note", "settled")
        ended = self.told(SENDER, "sender", "ended", referral)
        self.assertEqual(["home-care"], ended["support_offered"])
        self.assertEqual(["before", "after"], [one["moment"] for one in ended["outcome_scores"]])
        self.assertEqual("settled", ended["note"])

    def test_a_score_outside_of_its_range_is_told_before_it_is_sent(self):
        done = self.hub(CARE, "complete", self.care(), "1", "--outcome", "got-help", "--scores",
                        "after:ONS4:7 6 8 11::2026-11-20", expect=64)
        self.assertIn("outcome_scores", done.stderr)

    def test_fail_and_an_unknown_code_that_lists_them_all(self):
        referral = self.care()
        self.hub(CARE, "accept", referral)
        listed = self.hub(CARE, "fail", referral, "--reason", "nonsense", expect=64).stderr
        self.assertIn("FC", listed)
        self.hub(CARE, "fail", referral, "--reason", "FC", "--support", "home-care")
        self.assertEqual("failed", self.stands(referral)["state"])

    def test_hand_back_asks_the_next(self):
        referral = self.care()
        self.hub(CARE, "accept", referral)
        self.hub(CARE, "hand-back", referral, "--reason", "99", expect=64)
        self.hub(CARE, "hand-back", referral, "--reason", "40", "--note", "needs nursing")
        self.assertEqual("awaiting-human", self.stands(referral)["business_status"], "there is no other hub for it")

    def test_refer_on_keeps_the_story_together(self):
        referral = self.care()
        self.hub(CARE, "accept", referral)
        person = self.told(CARE, "hub", "person", referral)
        path = self.file_with("person-push.json", text=json.dumps(person))
        onward = self.hub(CARE, "refer-on", referral, "--file", path, "--need", "housing:about the damp", "--identifier",
                          "asc-17", "referrer_name=Sam Example", "referrer_role=Social worker",
                          "referrer_phone=01632960003").stdout.strip()
        self.assertRegex(onward, r"^R\d+-\d\d$")
        new = json.loads(self.hub(CARE, "show", onward, "-o", "json").stdout)["items"][0]
        self.assertEqual(person["correlation_id"], new["correlation_id"])
        self.assertEqual(["housing"], [need["code"] for need in new["needs"]])
        self.assertEqual(CARE, new["sender_id"])
        self.assertEqual(onward, self.told(SENDER, "sender", "linked", referral)["linked_id"])
        self.hub(OTHER, "refer-on", referral, "--need", "housing", expect=67)

    def test_an_enquiry_and_its_answer(self):
        self.hub(OTHER, "enquire", CARE, "--nhs-number", "9990000018", expect=64)
        enquiry = json.loads(self.hub(OTHER, "enquire", CARE, "--nhs-number", "9990000018", "--note",
                                      "discharged yesterday", "-o", "json").stdout)["enquiry_id"]
        asked = self.told(CARE, "hub", "enquiry")
        self.assertEqual(("9990000018", OTHER), (asked["nhs_number"], asked["asker_id"]))
        self.hub(CARE, "answer-enquiry", enquiry, "--known", "cannot-say", expect=64)
        self.hub(CARE, "answer-enquiry", enquiry, "--known", "known", "--contact", "Pat, 01632 960004")
        answer = self.told(OTHER, "hub", "enquiry_answered")
        self.assertEqual((enquiry, "known"), (answer["enquiry_id"], answer["known"]))
        self.hub(OTHER, "answer-enquiry", enquiry, "--known", "known", expect=67)

    def test_mailbox_tells_the_head_of_the_history(self):
        told = json.loads(self.hub(CARE, "mailbox", "-o", "json").stdout)
        self.assertEqual(CARE, told["party"])
        self.ctl("audit", "verify", "--anchor", f"{told['audit_sequence']}:{told['audit_head']}")
        self.hub(CARE, "anchor", "--state", self.directory("none"), expect=66)


class Tools(ToolCase):
    """The agent with --exec and --spool."""

    def exec_agent(self, script, party=CARE):
        state = self.directory("state")
        tool = self.file_with(f"{self._testMethodName}.sh", text=script)
        return self.agent(party, "--exec", f"sh {tool}", "--state", state), state

    def test_exec_accepts_starts_and_answers_an_enquiry(self):
        referral = self.care()
        self.hub(OTHER, "enquire", CARE, "--nhs-number", "9990000018", "--note", "discharged yesterday")
        agent, state = self.exec_agent('case "$REFERRAL_TYPE" in\n'
                                       'offer) echo \'{"state": "accepted"}\';;\n'
                                       'person) echo \'{"type": "start", "note": "rang"}\';;\n'
                                       "enquiry) exit 67;;\nesac\n")
        self.wait_stands(referral, "contact-made")
        self.assertEqual("not-known", self.told(OTHER, "hub", "enquiry_answered")["known"])
        self.assertEqual(0, agent.stop())
        anchor = self.hub(CARE, "anchor", "--state", state).stdout.strip()
        accepted = next(row for row in self.rows("history", referral, of=self.sender) if row["event"] == "accepted")
        self.assertGreater(int(anchor.split(":")[0]), accepted["sequence"], "not the one of the beginning")
        self.ctl("audit", "verify", "--anchor", anchor)
        self.ctl("audit", "verify", "--anchor", anchor[:-4] + "0000", expect=1)

    def test_a_history_that_has_gone_back_is_told_once_and_its_proof_is_kept(self):
        spool = self.directory("spool")
        proof = f"999999999:{'a' * 64}"
        with open(os.path.join(spool, "anchor"), "w", encoding="ascii") as file:
            file.write(f"{proof}\n")
        referral = self.care()
        agent = self.agent(CARE, "--spool", spool)
        wait_for(lambda: self.is_confirmed(referral), 60, "it was not confirmed")
        self.assertEqual(0, agent.stop())
        self.assertEqual(1, agent.log().count("history is shorter"))
        self.assertEqual(proof, self.hub(CARE, "anchor", "--spool", spool).stdout.strip())

    def test_spool_takes_every_answer_and_keeps_what_the_network_said(self):
        spool = self.directory("spool")
        referral = self.care()
        self.agent(CARE, "--spool", spool)
        answers = [{"type": "accept"}, {"type": "start"}, {"state": "on-hold", "note": "in hospital"}, {"type": "resume"},
                   {"type": "progress", "note": "met", "support_offered": ["home-care"]},
                   {"type": "complete", "outcome": "partly", "outcome_scores": [
                       {"moment": "after", "measure": "ONS4", "items": [7, 6, 8, 3], "taken_on": "2026-11-20"}]}]
        wait_for(lambda: self.spooled(spool, referral), 60, "no offer")
        for number, answer in enumerate(answers):
            self.drop(spool, f"{number}.json", {**answer, "referral_id": referral})
        self.drop(spool, "8.json", {"type": "enquire", "hub_id": OTHER, "nhs_number": "9990000018", "note": "a stay"})
        self.drop(spool, "9.json", {"type": "hold", "referral_id": referral})
        sent = os.path.join(spool, "sent")
        wait_for(lambda: "8.json" in os.listdir(sent), 60, "the answers were not sent")
        self.assertEqual("completed", self.stands(referral)["state"])
        with open(os.path.join(sent, "8.json.done"), encoding="utf-8") as file:
            self.assertRegex(json.load(file)["enquiry_id"], r"^R\d+-\d\d$")
        wait_for(lambda: "9.json" in os.listdir(os.path.join(spool, "failed")), 60, "a wrong answer was not set aside")
        self.assertEqual(len(answers) + 1, sum(name.endswith(".done") for name in os.listdir(sent)))

    @staticmethod
    def spooled(spool, referral):
        new = os.path.join(spool, "new")
        return [name for name in (os.listdir(new) if os.path.isdir(new) else []) if referral in name]

    @staticmethod
    def drop(spool, name, answer):
        path = os.path.join(spool, "outbox", f".{name}")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(answer, file)
        os.rename(path, os.path.join(spool, "outbox", name))

    def run_badly(self, *arguments, expect):
        return self.hub(CARE, "run", *arguments, expect=expect).stderr

    def test_an_agent_that_cannot_work_says_why_before_it_takes_anything(self):
        state = self.directory("state")
        for arguments in ([], ["--exec", "true", "--spool", state]):
            self.assertIn("one of --exec, --spool and --webhook", self.run_badly(*arguments, expect=64))
        for option in (["--tries", "0"], ["--tries", "many"], ["--time-limit", "0"]):
            self.assertIn(option[0][2:], self.run_badly("--exec", "true", "--state", state, *option, expect=64))
        file = self.file_with("occupied", text="")
        said = self.run_badly("--exec", "true", "--state", os.path.join(file, "state"), expect=73)
        self.assertIn("cannot make", said)
        self.assertIn("cannot work with", self.run_badly("--exec", "true", "--state", file, expect=74))
        self.file_with(os.path.join(state, "journal"), text="nonsense\n")
        said = self.run_badly("--exec", "true", "--state", state, expect=65)
        self.assertIn("journal is not a journal", said)
        self.file_with(os.path.join(state, "anchor"), text="nonsense\n")
        self.assertIn("is not an anchor", self.hub(CARE, "anchor", "--state", state, expect=65).stderr)

    def test_one_agent_works_with_one_directory(self):
        state = self.directory("state")
        agent = self.agent(CARE, "--exec", "true", "--state", state)
        wait_for(lambda: os.path.exists(os.path.join(state, "journal")), 60, "the agent does not begin")
        self.assertIn("another referral-hub works with", self.run_badly("--exec", "true", "--state", state, expect=75))
        self.assertEqual(0, agent.stop(), agent.log())

    def test_two_agents_share_the_mailbox_and_a_killed_one_loses_nothing(self):
        spools = [self.directory("one"), self.directory("two")]
        referrals = [self.care()]
        one = self.agent(CARE, "--spool", spools[0])
        wait_for(lambda: self.spooled(spools[0], "R"), 60, "the first takes no part")
        halt(one.process)  # It has what comes now in hand, and does not get to it.
        referrals += [self.care() for _ in range(10)]
        self.agent(CARE, "--spool", spools[1])

        def second_takes_part():
            referrals.append(self.care())
            return self.spooled(spools[1], "R")
        wait_for(second_takes_part, 60, "the second takes no part")
        one.kill()
        referrals += [self.care() for _ in range(10)]
        self.agent(CARE, "--spool", spools[0])

        def found():
            names = [name for spool in spools for name in self.spooled(spool, "R")]
            return names if all(any(referral in name for name in names) for referral in referrals) else None
        wait_for(found, 60, "an offer was lost")
        mine = [name for name in found() if any(referral in name for referral in referrals)]
        self.assertLessEqual(len(mine) - len(set(mine)), 1, "what the killed one had in hand, and nothing else, may be double")
        self.assertEqual(len(referrals), len(set(mine)))

    def test_a_restart_repeats_nothing(self):
        seen = self.network.path("seen")
        referrals = [self.care() for _ in range(20)]
        state = self.directory("state")
        command = f"sh -c 'echo $REFERRAL_ID $REFERRAL_TYPE >>{seen}'"

        def lines():
            with open(seen, encoding="ascii") as file:
                return file.read().splitlines()
        agent = self.agent(CARE, "--exec", command, "--state", state)
        for _ in range(3):
            count = len(lines()) if os.path.exists(seen) else 0
            wait_for(lambda count=count: os.path.exists(seen) and len(lines()) > count, 60, "nothing was handed over")
            agent.stop()
            agent = self.agent(CARE, "--exec", command, "--state", state)
        wait_for(lambda: set(lines()) >= {f"{one} offer" for one in referrals}, 60, "an offer was lost")
        agent.stop()
        self.assertEqual(len(lines()), len(set(lines())), "handed over twice")


class Webhook(ToolCase):
    """The agent with --webhook."""

    def setUp(self):
        self.state = self.directory("state")
        self.secret_path = self.network.path("hook.secret")
        self.secrets = make_secret(self.secret_path, 2)

    @classmethod
    def before_start(cls):
        super().before_start()
        cls.key, cls.certificate = make_certificate(cls.network.directory, "right", "DNS:localhost,IP:127.0.0.1")

    def receiver(self, answer=lambda post: 204, key=None, certificate=None, **options):
        receiver = Receiver(self.secrets[0], key or self.key, certificate or self.certificate, answer, **options)
        self.addCleanup(receiver.close)
        return receiver

    def hook(self, receiver, *arguments, trusted=None):
        return self.agent(CARE, "--webhook", receiver.url, "--webhook-secret", self.secret_path, "--ca-file",
                          trusted or self.certificate, "--state", self.state, *arguments)

    def test_each_push_is_posted_signed_and_answered_in_the_body(self):
        referral = self.care()
        receiver = self.receiver(lambda post: (200, {"Content-Type": "application/json"}, json.dumps(
            {"offer": {"state": "accepted"}, "person": {"type": "start"}}.get(post["body"]["type"], {"ok": True}))))
        agent = self.hook(receiver)
        self.wait_stands(referral, "contact-made")
        self.assertEqual([], receiver.forged)
        self.assertEqual(CANARY, receiver.about(referral, "person")[0]["body"]["family_name"])
        self.assertRegex(receiver.about(referral)[0]["id"], rf"^msg_{CARE}_\d+_{referral}_offer$")
        self.assertNotIn("family_name", receiver.about(referral)[0]["body"], "an offer names nobody")
        self.assertEqual(0, agent.stop())

    def test_another_secret_of_the_file_signs_too(self):
        referral = self.care()
        self.secrets.reverse()
        receiver = self.receiver()
        self.hook(receiver)
        receiver.wait(lambda posts: receiver.about(referral))
        self.assertEqual([], receiver.forged)

    def test_a_certificate_that_is_not_trusted_or_is_for_another_host_gets_nothing(self):
        self.care()
        _, other = make_certificate(self.network.directory, "other", "DNS:localhost")
        wrong_key, wrong = make_certificate(self.network.directory, "wrong", "DNS:elsewhere.example")
        for receiver, trusted in ((self.receiver(), other),
                                  (self.receiver(key=wrong_key, certificate=wrong), wrong)):
            agent = self.hook(receiver, trusted=trusted)
            wait_for(lambda agent=agent: agent.log().count("try 2:") > 0, 60, "it did not try again")
            self.assertRegex(agent.log(), r"try 1: .*(certificate|SSL)")
            agent.stop()
            self.assertEqual(([], []), (receiver.posts, receiver.forged))
            os.remove(agent.log_path)

    def test_a_failure_is_tried_again_under_the_same_id(self):
        referral = self.care()
        statuses = iter([500, 503, 302, 429])
        receiver = self.receiver(lambda post: next(statuses, 204) if post["body"]["referral_id"] == referral else 204)
        self.hook(receiver)
        receiver.wait(lambda posts: len(receiver.about(referral)) == 5, 90)
        self.assertEqual(1, len({post["id"] for post in receiver.about(referral)}))
        wait_for(lambda: self.is_confirmed(referral), 60, "it was not confirmed")

    def test_a_receiver_that_wants_to_be_left_alone_is(self):
        referral = self.care()
        times = []

        def answer(post):
            if post["body"]["referral_id"] == referral:
                times.append(time.monotonic())
            return (503, {"Retry-After": "3"}, "") if len(times) == 1 else 204
        receiver = self.receiver(answer)
        self.hook(receiver)
        receiver.wait(lambda posts: len(receiver.about(referral)) == 2)
        self.assertGreater(times[1] - times[0], 2.5, "else after one second")

    def test_what_is_refused_again_and_again_is_kept_aside_and_the_next_comes(self):
        bad, good = self.care(), self.care()
        receiver = self.receiver(lambda post: 422 if post["body"]["referral_id"] == bad else 204)
        self.hook(receiver, "--tries", "2")
        receiver.wait(lambda posts: receiver.about(good))
        self.assertEqual(2, len(receiver.about(bad)))
        self.assertTrue(any(bad in name for name in os.listdir(os.path.join(self.state, "kept"))))

    def test_gone_is_gone(self):
        referral = self.care()
        receiver = self.receiver(lambda post: 410)
        agent = self.hook(receiver)
        self.assertEqual(78, agent.process.wait(60), agent.log())
        self.assertFalse(self.is_confirmed(referral))

    def test_a_slow_receiver_meets_the_time_limit_and_is_asked_again(self):
        referral = self.care()
        slow = threading.Event()
        self.addCleanup(slow.set)

        def answer(post):
            if len(receiver.about(post["body"]["referral_id"])) == 1 and post["body"]["referral_id"] == referral:
                slow.wait(60)
            return 204
        receiver = self.receiver(answer)
        agent = self.hook(receiver, "--time-limit", "1")
        receiver.wait(lambda posts: len(receiver.about(referral)) == 2)
        self.assertRegex(agent.log(), "try 1: .*time")

    def test_a_redirect_is_not_followed(self):
        referral = self.care()
        elsewhere = self.receiver()
        receiver = self.receiver(lambda post: (307, {"Location": elsewhere.url}, ""))
        self.hook(receiver, "--tries", "2")
        wait_for(lambda: any(referral in name for name in self.kept()), 60, "it was not kept aside")
        self.assertEqual([], elsewhere.posts)

    def kept(self):
        path = os.path.join(self.state, "kept")
        return os.listdir(path) if os.path.isdir(path) else []

    def test_killed_before_the_answer_it_posts_again_under_the_same_id(self):
        referral = self.care()
        agents = []

        def answer(post):
            if post["body"]["referral_id"] == referral and len(receiver.about(referral)) == 1:
                agents[0].kill()
                return None
            return 204
        receiver = self.receiver(answer)
        agents.append(self.hook(receiver))
        receiver.wait(lambda posts: receiver.about(referral))
        agents[0].process.wait(60)
        self.hook(receiver)
        receiver.wait(lambda posts: len(receiver.about(referral)) == 2)
        self.assertEqual(1, len({post["id"] for post in receiver.about(referral)}))

    def test_killed_between_answer_and_confirmation_it_does_not_post_again(self):
        referral = self.care()

        def answer(post):
            if post["body"]["referral_id"] == referral:
                halt(self.network.process)
            return 204
        receiver = self.receiver(answer)
        agent = self.hook(receiver)
        receiver.wait(lambda posts: receiver.about(referral))
        wait_for(lambda: f"offer {referral}" in agent.log(), 60, "it was not handed over")
        agent.kill()
        self.network.kill()  # A confirmation may lie in its socket; who has stopped does not read it, nor ever will.
        self.network.start()
        again = self.hook(receiver)
        wait_for(lambda: "was handed over before; confirmed again" in again.log(), 60, "it did not come again")
        wait_for(lambda: self.is_confirmed(referral), 60, "it was not confirmed")
        self.assertEqual(1, len(receiver.about(referral)))

    def test_only_to_this_machine_without_encryption(self):
        referral = self.care()
        receiver = Receiver(self.secrets[0])
        self.addCleanup(receiver.close)
        agent = self.hook(receiver)
        receiver.wait(lambda posts: receiver.about(referral))
        self.assertIn("without encryption", agent.log())
        for url in ("http://example.org/", "http://127.example.org/", "https://name:word@localhost/", "ftp://localhost/"):
            self.hub(CARE, "run", "--webhook", url, "--webhook-secret", self.secret_path, "--state", self.state, expect=78)

    def test_a_secret_that_others_may_read_is_refused(self):
        os.chmod(self.secret_path, 0o640)
        for arguments, code in ((["--webhook-secret", self.secret_path], 78), ([], 64),
                                (["--webhook-secret", self.file_with("no.secret", text="hunter2\n")], 78)):
            done = self.hub(CARE, "run", "--webhook", "https://localhost/", *arguments, "--state", self.state, expect=code)
            self.assertNotIn("hunter2", done.stderr)


class Examples(ToolCase):
    """As somebody who copies them would run them."""

    def run_example(self, name, *arguments, party, stdin=None, timeout=60):
        if name.endswith(".py"):
            where = [self.network.endpoint, self.network.path("keys", f"{party}.key"),
                     self.network.path("keys", "server.pub")]
            command = ["/usr/bin/python3", "-B", os.path.join(EXAMPLES, name), *where, *arguments]
        else:
            command = ["stdbuf", "-oL", os.path.join(OPTIONS.build, "clients", name)]
        environment = {**self.network.environment(), "REFERRAL_ENDPOINT": self.network.endpoint,
                       "REFERRAL_KEY_FILE": self.network.path("keys", f"{party}.key"),
                       "REFERRAL_SERVER_KEY": self.network.path("keys", "server.pub")}
        with open(stdin or os.devnull, encoding="utf-8") as file:
            return subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                    env=environment)

    def said(self, *arguments, **options):
        process = self.run_example(*arguments, **options)
        said, _ = process.communicate(timeout=60)
        self.assertEqual(0, process.returncode, said)
        return said.strip()

    def test_they_are_short(self):
        for name in ("submit.c", "hub.c"):
            with open(os.path.join(EXAMPLES, name), encoding="utf-8") as file:
                self.assertLess(len(file.readlines()), 25, name)

    def test_in_c(self):
        referral = self.said("example_submit", party=SENDER, stdin=os.path.join(EXAMPLES, "person.txt"))
        self.assertRegex(referral, r"^R\d+-\d\d$")
        self.accept_with("example_hub", self.care())

    def test_in_python(self):
        referral = self.said("submit.py", party=SENDER, stdin=os.path.join(EXAMPLES, "person.json"))
        self.assertRegex(referral, r"^R\d+-\d\d$")
        self.accept_with("hub.py", self.care())

    def test_what_ends_an_example_is_told(self):
        """The key of the hub is revoked, and its connection lost."""
        referral = self.care()
        hub = self.run_example("example_hub", party=CARE)
        try:
            self.wait_stands(referral, "hub-accepted")
            self.network.revoke(CARE)
            self.network.stop()
            self.network.start()
            said, _ = hub.communicate(timeout=60)
        finally:
            hub.kill()
            self.network.enrol(CARE, "hub")
        self.assertEqual(3, hub.returncode, said)
        self.assertIn("ask the network's operators to enrol it", said)

    def accept_with(self, name, referral):
        hub = self.run_example(name, party=CARE)
        try:
            self.wait_stands(referral, "hub-accepted")
        finally:
            hub.terminate()
            said, _ = hub.communicate(timeout=60)
        self.assertIn(f"offer {referral}", said)


class EveryMessage(NetworkCase):
    """Peers in Python say every message that a sender and a hub may say, none of them refused, and are told every message
    that the network pushes."""

    changes = NO_PACE
    PRACTICE = "gp-L83006"

    @classmethod
    def make_network(cls):
        network = super().make_network()
        text = shorten_deadlines(network.text, 3)  # by the clock on the wall, and with grace: hubs are reminded
        network.write_network(text.replace('grace_routine = "0s"', 'grace_routine = "10d"', 1))
        return network

    @classmethod
    def before_start(cls):
        cls.people = People(43)
        cls.protocol = Protocol(OPTIONS.build)

    def setUp(self):
        self.said = set()
        self.sender = self.network.peer(SENDER, "sender")
        self.practice = self.network.peer(self.PRACTICE, "sender")
        self.care, self.other = self.network.peer(CARE, "hub"), self.network.peer(OTHER, "hub")
        self.privacy = self.network.peer("data-protection", "privacy-officer")
        for peer in self.network.peers:
            peer.hello()
        self.said |= {(role, kind) for role in ("sender", "hub") for kind in ("hello", "confirm")}  # the peers do it

    def say(self, peer, kind, about=None, **fields):
        answer = peer.say(kind, about, **fields)
        for other in self.network.peers:
            other.step()
            other.pushes()
        self.assertNotEqual("refused", answer["type"], answer)
        self.said.add(("sender" if peer is self.sender else "hub", kind))
        return answer

    def submit(self, peer=None, **fields):
        person = {"neighbourhood": "North Prospect", "age": 70, "need": "home-care", **fields}
        submit = self.people.submit(**person)
        return submit, self.say(peer or self.sender, **{"kind": submit.pop("type"), **submit})

    def told(self, peer, kind, about):
        return peer.wait_push(lambda push: push["type"] == kind and push.get("referral_id") == about["referral_id"])

    def accepted(self, **fields):
        submit, committed = self.submit(**fields)
        self.say(self.care, "accept", self.told(self.care, "offer", committed))
        return submit, self.told(self.care, "person", committed)

    def test_all_is_said_and_all_is_told(self):
        _, person = self.accepted(consent_message_back=["referrer", "gp"], gp_practice_ods="L83006")
        self.go_on(person)
        self.share_a_person(person)
        self.end_badly()
        self.enquire()
        self.refer_on(person)
        self.ask()
        self.finish(person)
        self.assertEqual(set(), self.may_say("sender") - self.said, "was not said")
        self.assertEqual(set(), self.may_say("hub") - self.said, "was not said")
        for role, peers in (("sender", (self.sender, self.practice)), ("hub", (self.care, self.other))):
            heard = {push["type"] for peer in peers for push in peer.history.values()}
            pushes = {message.name for message in self.protocol.messages
                      if message.direction == "push" and role in message.roles}
            self.assertEqual(set(), pushes - heard, f"a {role} was not told")

    def may_say(self, role):
        return {(role, message.name) for message in self.protocol.messages
                if role in message.roles and message.direction in ("request", "question", "study")}

    def go_on(self, person):
        self.say(self.care, "capacity", service_id="home-care", places=90)
        self.say(self.sender, "update", person, phone="01632960009", note="a new number")
        self.assertEqual("01632960009", self.told(self.care, "updated", person)["phone"])
        for kind, fields in (("start", {}), ("pause", {"note": "in hospital"}), ("resume", {}),
                             ("progress", {"note": "met twice", "support_offered": ["home-care"]})):
            self.say(self.care, kind, person, **fields)

    def share_a_person(self, person):
        same = {name: person[name] for name in ("nhs_number", "family_name", "given_name", "date_of_birth", "postcode")}
        _, second = self.submit(**same)
        for peer in (self.sender, self.care):
            self.told(peer, "linked", person)
        self.say(self.sender, "cancel", second, status_reason="no-longer-needed")
        self.told(self.care, "withdrawn", second)

    def end_badly(self):
        _, refused = self.submit()
        self.say(self.care, "reject", self.told(self.care, "offer", refused), status_reason="40")
        self.told(self.sender, "answered", refused)
        self.say(self.care, "hand_back", self.accepted()[1], status_reason="40")
        self.say(self.care, "fail", self.accepted()[1], status_reason="FC")

    def enquire(self):
        done = self.say(self.other, "enquire", hub_id=CARE, nhs_number="9990000018", note="discharged yesterday")
        asked = self.care.wait_push(lambda push: push.get("enquiry_id") == done["enquiry_id"])
        self.say(self.care, "answer_enquiry", asked, known="not-known")
        self.other.wait_push(lambda push: push["type"] == "enquiry_answered")

    def refer_on(self, person):
        """The hub as a sender: to another hub, changed, ended; and withdrawn."""
        _, onward = self.submit(self.care, need="befriending", preferred_hub_id=OTHER, onward_from=person["referral_id"],
                                correlation_id=person["correlation_id"], referral_source="adult_social_care")
        offer = self.told(self.other, "offer", onward)
        self.say(self.other, "accept", offer)
        self.say(self.care, "update", onward, note="prefers mornings")
        self.say(self.other, "start", offer)
        self.say(self.other, "complete", offer, outcome="got-help", outcome_scores=[
            {"moment": "after", "measure": "ONS4", "total": 24, "taken_on": time_text()[:10]}])
        for kind in ("routed", "answered", "progressed", "ended"):
            self.told(self.care, kind, onward)
        _, again = self.submit(self.care, need="befriending", referral_source="adult_social_care")
        self.say(self.care, "cancel", again, status_reason="no-longer-needed")

    def ask(self):
        _, waits = self.submit()
        self.told(self.care, "reminder", waits)
        for peer in (self.sender, self.care):
            for kind in ("status", "history"):
                self.say(peer, kind, waits)
            for kind in ("list", "events"):
                self.say(peer, kind)
        self.say(self.sender, "explain", waits)
        own = next(push for push in self.care.history.values() if push["type"] == "routed")
        self.say(self.care, "explain", own)

    def finish(self, person):
        self.say(self.care, "complete", person, outcome="got-help", support_offered=["home-care"])
        self.told(self.sender, "ended", person)
        self.assertEqual(person["family_name"], self.told(self.practice, "message_back", person)["family_name"])
        self.sender.wait_until(lambda: self.is_closed(person))
        self.assertEqual("done", self.privacy.say("erase", person, note="asked for it")["type"])
        for peer in (self.sender, self.practice, self.care):
            self.told(peer, "erased", person)

    def is_closed(self, person):
        self.practice.step()
        return self.sender.say("status", person)["business_status"] == "closed-acknowledged"


if __name__ == "__main__":
    run()

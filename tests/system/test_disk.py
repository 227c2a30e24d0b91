#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Disks that fail: power cuts under load; a write or a sync that fails, at every place of a conversation; a short write;
a disk that lies (which no software survives: it shows that the power cuts are real); bits that flip; an old store that
is put back. What was acknowledged is there afterwards, and what is damaged is never told as good."""
import collections
import contextlib
import copy
import filecmp
import os
import random
import re
import shutil
import tempfile
import time
import unittest

from bad_disk import BadDiskNetwork, Drive, own_mounts, run_or_say_why, what_is_missing_for_power_cuts
from harness import CRASH_WORDS, NO_PACE, OPTIONS, changed, run
from load import Load, figures
from network import Network
from peer import PeerError
from people import POSTCODES, People

EX_UNAVAILABLE, EX_IOERR = 69, 74  # the store cannot be opened; it can no longer be written, or not be read
ENDED_BY_DISK = (EX_UNAVAILABLE, EX_IOERR)
LIFE = (0.010, 0.090)
SENDER = "social-prescribing"
HUB = "adult-social-care"


def few_postcodes(case):
    """A file of so few postcodes that the store is small."""
    directory = tempfile.mkdtemp(prefix="referrald-postcodes-")
    case.addCleanup(shutil.rmtree, directory)
    path = os.path.join(directory, "postcodes.csv")
    with open(POSTCODES, encoding="utf-8") as whole, open(path, "w", encoding="utf-8") as part:
        part.writelines(line for number, line in enumerate(whole) if number % 400 == 0)
    return path


class PowerCuts(unittest.TestCase):
    """The file system of the store is shut down under load: what was not synced is gone."""

    def setUp(self):
        run_or_say_why(self, "power-cuts", what_is_missing_for_power_cuts())
        own_mounts()
        self.drive = Drive(64)
        self.addCleanup(self.drive.close)
        self.network = BadDiskNetwork(OPTIONS.build, store_limit="32MiB",
                                      settings={"store": os.path.join(self.drive.path, "store"), "party_rate": 0})
        self.addCleanup(self.network.close)
        type(self.network).store = property(lambda network: os.path.join(self.drive.path, "store"))
        self.network.write_network(changed(self.network.text, NO_PACE))
        self.load = Load(self.network, OPTIONS.seed)

    def live_and_lose_power(self):
        self.load.go_on_for(self.load.random.uniform(*LIFE))
        self.drive.cut_power()
        self.load.go_on_until(lambda: self.load.say_more() or self.network.has_ended(), 60,
                              "referrald went on after its disk was gone")
        self.assertIn(self.network.process.returncode, ENDED_BY_DISK, self.network.log()[-2000:])
        self.drive.unmount()
        self.drive.mount()

    def test_power_cuts_under_load(self):
        began = time.monotonic()
        self.network.start()
        for cut in range(OPTIONS.cuts):
            if cut % 20 == 0:
                self.load.serve_one()
            self.live_and_lose_power()
            self.network.start()
        took = time.monotonic() - began
        self.load.finish()
        counts = self.load.check(self)
        print(f"seed {OPTIONS.seed}: {OPTIONS.cuts} power cuts in {took:.0f} s: {figures(counts)}", flush=True)

    def test_a_disk_that_lies_is_seen_to_lose(self):
        """Without syncs the same cut must lose what was acknowledged, or else it proves nothing."""
        self.network.fail_at("lie", 1)
        self.network.start()
        self.load.serve_one()
        self.load.go_on_for(0.3)
        acknowledged = {referral for sender in self.load.senders for referral in sender.acknowledged.values()}
        self.drive.cut_power()
        self.network.kill()
        self.drive.unmount()
        self.drive.mount()
        self.network.fail_at("", 0)
        kept = set()
        try:
            self.network.start()
            kept = {one["referral_id"] for one in self.network.operator().ask({"type": "list", "limit": 1000})
                    if one["type"] == "referral"}
            end = "starts with what it has"
        except RuntimeError:
            end = f"does not start ({self.network.process.returncode})"
        lost = len(acknowledged - kept)
        print(f"a disk that lies: {len(acknowledged)} acknowledged, {lost} lost; the daemon {end}", flush=True)
        self.assertGreater(lost, 0)


class Conversation:
    """One referral's life, step by step: each is said once, and repeated by its peer until it is answered, through
    restarts too."""

    def __init__(self, network, people):
        self.network = network
        self.sender = network.peer(SENDER, "sender")
        self.hub = network.peer(HUB, "hub")
        self.submit = people.submit(need="home-care")
        self.steps = self.all_steps()

    def of_offer(self, kind, **fields):
        return {"type": kind, "referral_id": self.referral, "offer_number": 1, **fields}

    def all_steps(self):
        committed = yield from self.say(self.sender, self.submit)
        self.referral = committed["referral_id"]
        yield from self.hear(self.hub, "offer")
        yield from self.say(self.hub, self.of_offer("accept"))
        yield from self.hear(self.hub, "person")
        yield from self.say(self.hub, self.of_offer("start"))
        yield from self.say(self.sender, {"type": "update", "referral_id": self.referral, "phone": "01632960002"})
        yield from self.hear(self.hub, "updated")
        yield from self.say(self.hub, self.of_offer("pause", note="Waits."))
        yield from self.say(self.hub, self.of_offer("resume"))
        yield from self.say(self.hub, self.of_offer("progress", note="It goes on."))
        yield from self.say(self.hub, self.of_offer("complete", outcome="got-help"))
        yield from self.hear(self.sender, "ended")
        while any(self.unanswered()):
            yield
        # Who reads waits until the store is settled: no write is left for afterwards.
        yield from self.say(self.sender, {"type": "history", "referral_id": self.referral})

    def unanswered(self):
        for peer in (self.sender, self.hub):
            peer.pushes()
            yield peer.unanswered

    def say(self, peer, request):
        request_id = peer.post(request)
        while request_id not in peer.answered:
            yield
        answer = peer.answered.pop(request_id)[0]
        assert answer["type"] != "refused" or answer["error"] in ("REF-0302", "REF-0303"), answer
        return answer

    def hear(self, peer, kind):
        while peer.pushes() is None or not any(push["type"] == kind for push in peer.history.values()):
            yield
        while peer.unanswered:  # what confirms it
            yield

    def go_on(self, timeout=60.0):
        """To the end of it (True), or of the daemon (False)."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.network.has_ended():
                return False
            if self.network.seen().faults and self.network.fault in ("write", "sync", "short"):
                self.network.wait_end()
                return False
            self.sender.step(0.001)
            self.hub.step(0.001)
            if next(self.steps, "end") == "end":
                return True
        raise TimeoutError("the conversation stands still")

    def close(self):
        self.sender.close()
        self.hub.close()


STORY = ["submitted", "received", "accepted", "started", "updated", "paused", "resumed", "progressed", "completed",
         "outcome-confirmed"]


class EveryPlace(unittest.TestCase):
    """The n-th write or sync fails, for each n of a whole conversation."""

    def setUp(self):
        self.network = BadDiskNetwork(OPTIONS.build, store_limit="16MiB", settings={"postcodes": few_postcodes(self)})
        self.addCleanup(self.network.close)
        self.network.enrol(SENDER, "sender")
        self.network.enrol(HUB, "hub")
        self.people = People(7)

    def forget(self):
        """A new store."""
        shutil.rmtree(self.network.path("store"), ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.network.path("store.anchor"))

    def start(self):
        """False: it has not started, and said why."""
        try:
            self.network.start()
        except RuntimeError:
            self.assertIn(self.network.process.returncode, ENDED_BY_DISK, self.network.log()[-2000:])
            return False
        return True

    def check_story(self, conversation):
        history = conversation.sender.ask({"type": "history", "referral_id": conversation.referral})
        events = collections.Counter(one["event"] for one in history)
        self.assertEqual({event: 1 for event in STORY}, {event: events[event] for event in STORY})
        operator = self.network.operator()
        self.assertEqual(1, operator.ask({"type": "overview"})[0]["stored"])
        self.assertEqual(["end"], [one["type"] for one in operator.ask({"type": "store_check"})])
        operator.close()

    def live_once(self, fault, at):
        """Returns what was seen of the life that the fault was for."""
        self.forget()
        self.network.fail_at(fault, at)
        conversation = None
        log_before = os.path.getsize(self.network.log_path) if os.path.exists(self.network.log_path) else 0
        ended = not self.start()
        conversation = Conversation(self.network, self.people)
        if not ended:
            ended = not conversation.go_on()
        seen = self.network.seen()
        if seen.faults:
            self.assertTrue(ended, "the daemon went on")
            self.assertIn(self.network.wait_end(), ENDED_BY_DISK)
            self.assertEqual(0, seen.sent_after, f"said after {fault} {at} had failed")
            with open(self.network.log_path, encoding="utf-8") as log:
                log.seek(log_before)
                self.assertRegex(log.read(), "stor|disk|data.mdb", f"no sentence about {fault} {at}")
        if ended:
            self.network.fail_at("", 0)
            self.network.start()
            self.assertTrue(conversation.go_on())
        self.check_story(conversation)
        conversation.close()
        self.network.kill()
        return seen

    def check_every_place(self, fault, of):
        began = time.monotonic()
        places = getattr(self.live_once("", 0), of)
        tried = range(1, places + 1, OPTIONS.stride)
        fired = sum(self.live_once(fault, at).faults for at in tried)
        print(f"{fault}: {places} places, {len(tried)} tried, {fired} failed, 0 lost, nothing said afterwards "
              f"({time.monotonic() - began:.0f} s)", flush=True)
        self.assertGreaterEqual(fired, len(tried) * 0.8)

    def test_a_write_fails(self):
        self.check_every_place("write", "writes")

    def test_a_sync_fails(self):
        self.check_every_place("sync", "syncs")

    def test_a_write_is_short(self):
        self.check_every_place("short", "writes")


PERSON = ["family_name", "given_name", "date_of_birth", "nhs_number", "postcode"]
FIRM = PERSON + ["correlation_id", "sender_id", "submitted_at", "needs", "priority", "referral_identifier"]
PAGE = 4096  # of the store's file
REDO = ("redo.0", "redo.1")
DAMAGED, NOT_FOUND = "REF-0405", "REF-0203"
RECORD_DAMAGED = "record-damaged"
ENDED_BY_SIGNAL = "ended by a signal"  # LMDB trusts the flags of its pages


class FlippedBits(unittest.TestCase):
    """One bit of the stopped store is another, anywhere: nothing damaged is told as good, and somebody is told."""

    REFERRALS = 12

    def setUp(self):
        self.network = Network(OPTIONS.build, store_limit="16MiB", settings={"postcodes": few_postcodes(self)})
        self.addCleanup(self.network.close)
        self.people = People(9)
        self.random = random.Random(OPTIONS.seed)
        self.data = self.network.path("store", "data.mdb")

    def make_store(self):
        """Some referrals in many states; returns what is told about each."""
        self.network.start()
        sender, hub = self.network.peer(SENDER, "sender"), self.network.peer(HUB, "hub")
        self.ids = [sender.ask(self.people.submit(need="home-care"))[0]["referral_id"] for _ in range(self.REFERRALS)]
        hub.wait_until(lambda: hub.pushes() is None or len(hub.history) >= self.REFERRALS)
        for number, referral in enumerate(self.ids):
            for kind, fields in [("accept", {}), ("start", {}), ("complete", {"outcome": "got-help"})][:number % 4]:
                hub.ask({"type": kind, "referral_id": referral, "offer_number": 1, **fields})
        sender.wait_until(lambda: sender.pushes() is None or not sender.unanswered)
        hub.wait_until(lambda: hub.pushes() is None or not hub.unanswered)
        told = self.ask_all(self.network.operator())
        self.assertEqual(0, self.network.stop())
        for peer in self.network.peers:
            peer.close()
        self.network.peers.clear()
        shutil.copy(self.network.path("store.anchor"), self.network.path("anchor"))
        with open(self.data, "rb") as file:
            self.pristine = file.read()
        for name in REDO:
            shutil.copy(self.network.path("store", name), self.network.path(name))
        self.used = len(self.pristine.rstrip(b"\0"))
        return told

    def ask_all(self, operator):
        """What an operator is told of each referral: how it stands, its person, its history."""
        told = {}
        for referral in self.ids:
            operator.ask({"type": "reveal", "referral_id": referral, "note": "A test."})  # before the person is asked for
            asked = {kind: operator.post({"type": kind, "referral_id": referral, **more})
                     for kind, more in (("status", {"reveal": True}), ("history", {}), ("explain", {}))}
            operator.wait_until(lambda asked=asked: all(one in operator.answered for one in asked.values()))
            told[referral] = {kind: operator.answered.pop(one) for kind, one in asked.items()}
        return told

    # ---- what is told of the damaged store ----

    def differences(self, good, now):
        """What is told as good and is not: [(referral, where, field, before, now)]; whether anything was refused as damaged;
        and whether a referral cannot be found, which is only right when somebody is told that something is damaged."""
        wrong, noticed, missing = [], False, False
        for referral in self.ids:
            for kind in ("status", "history", "explain"):
                before = {self.name(one): one for one in good[referral][kind]}
                for one in now[referral][kind]:
                    if one["type"] == "refused":
                        noticed = noticed or one["error"] == DAMAGED
                        missing = missing or one["error"] == NOT_FOUND
                        self.assertIn(one["error"], (DAMAGED, NOT_FOUND), one)
                        continue
                    noticed = noticed or one.get("status_reason") == RECORD_DAMAGED
                    known = before.get(self.name(one))
                    if known:
                        wrong += [(referral, kind, name, known.get(name), one[name]) for name in self.firm_fields(one)
                                  if name in one and one[name] != known.get(name)]
        return wrong, noticed, missing

    @staticmethod
    def name(one):
        return one["type"], one.get("sequence"), one.get("hub_id") if one["type"] == "considered" else None, \
            one.get("need")

    @staticmethod
    def firm_fields(one):
        """What no damage may change without a word. (How a referral stands may change: it is then taken away.)"""
        if one["type"] == "happened":
            return set(one) - {"request_id", "network_version"}  # that of now, when nothing was decided
        return set(FIRM)

    def told_by_checks(self, operator):
        """Whether the two checks that operators have find something."""
        verified = operator.ask({"type": "verify"}, timeout=60)[0]
        found = operator.ask({"type": "store_check"}, timeout=60)
        return "first_bad" in verified or verified["type"] == "refused" or found[0]["type"] in ("finding", "refused")

    def page(self, number):
        return bytearray(self.pristine[number * PAGE:][:PAGE])

    def put(self, number, page):
        with open(self.data, "r+b") as file:
            file.write(self.pristine[:self.used + 65536])  # what the life before has written is gone
            file.seek(number * PAGE)
            file.write(page)
        for name in REDO:
            shutil.copy(self.network.path(name), self.network.path("store", name))
        shutil.copy(self.network.path("anchor"), self.network.path("store.anchor"))

    def flip(self, bit):
        page = self.page(bit // 8 // PAGE)
        page[bit // 8 % PAGE] ^= 1 << bit % 8
        self.put(bit // 8 // PAGE, page)

    def live_with(self, good):
        """Returns what came of it, in a word."""
        log_before = os.path.getsize(self.network.log_path)
        operator = None
        try:
            self.network.start()
            operator = self.network.operator()
            now = self.ask_all(operator)
            wrong, noticed, missing = self.differences(good, now)
            noticed = noticed or self.told_by_checks(operator)
            noticed = noticed or bool(operator.ask({"type": "overview"})[0]["damaged"])
            self.assertEqual([], wrong)
            self.assertTrue(noticed or not missing, "a referral is gone, and nobody is told")
            word = "noticed" if noticed else "nothing changed"
        except (RuntimeError, PeerError):
            self.assertIsNotNone(self.network.process.poll(), "the daemon does not answer")
            code = self.network.process.returncode
            with open(self.network.log_path, encoding="utf-8") as log:
                log.seek(log_before)
                said = log.read()
            if "event=crashed" in said or "liblmdb" in said:  # a sanitizer has its own words for it
                return ENDED_BY_SIGNAL
            self.assertRegex(said, "damaged|restore|cannot be read|or empty|event=commit_failed",
                             f"it ended with {code} without a sentence")
            self.assertIn(code, ENDED_BY_DISK, said)
            word = "ended with a sentence"
        finally:
            if operator:
                operator.close()
                self.network.peers.remove(operator)
            if self.network.process.poll() is None:
                self.network.kill()
        return word

    def test_any_bit(self):
        good = self.make_store()
        words = collections.Counter()
        for flip in range(OPTIONS.flips):
            bit = self.random.randrange(self.used * 8)
            with self.subTest(flip=flip, page=bit // 8 // PAGE, byte=bit // 8 % PAGE, bit=bit % 8):
                self.flip(bit)
                words[self.live_with(good)] += 1
        print(f"seed {OPTIONS.seed}: {OPTIONS.flips} flipped bits in {self.used >> 10} KiB: "
              + ", ".join(f"{count} {word}" for word, count in sorted(words.items())) + ", 0 told as good", flush=True)
        self.assertEqual(OPTIONS.flips, sum(words.values()))
        self.assertLess(words[ENDED_BY_SIGNAL], 3 + OPTIONS.flips // 100)


    def test_any_page(self):
        """A whole page is zeros, noise, or a copy of another page."""
        good = self.make_store()
        words, pages = collections.Counter(), range(self.used // PAGE + 1)
        for number in pages[::OPTIONS.stride]:
            other = self.random.choice([page for page in pages if page != number])
            for kind, page in (("zeros", bytes(PAGE)), ("noise", self.random.randbytes(PAGE)),
                               ("another", self.page(other))):
                with self.subTest(page=number, kind=kind, other=other):
                    self.put(number, page)
                    words[self.live_with(good)] += 1
        print(f"seed {OPTIONS.seed}: {sum(words.values())} damaged pages: "
              + ", ".join(f"{count} {word}" for word, count in sorted(words.items())) + ", 0 told as good", flush=True)
        self.assertEqual(3 * len(pages[::OPTIONS.stride]), sum(words.values()))

    def test_any_bit_of_the_redo_log(self):
        """Of a daemon that was killed: it starts with all that was acknowledged, but for the newest, which a torn write
        would leave the same way; or it says that it is damaged."""
        self.network.start()
        sender = self.network.peer(SENDER, "sender")
        sender.ask(self.people.submit())
        ids = [sender.ask(self.people.submit())[0]["referral_id"] for _ in range(self.REFERRALS)]
        self.network.kill()
        kept = self.network.path("kept")
        shutil.copytree(self.network.path("store"), kept)
        shutil.copy(self.network.path("store.anchor"), self.network.path("anchor"))
        written = {name: open(os.path.join(kept, name), "rb").read().rstrip(b"\0") for name in REDO}
        words = collections.Counter()
        for flip in range(OPTIONS.flips):
            name = self.random.choice([name for name in REDO if written[name]])
            bit = self.random.randrange(len(written[name]) * 8)
            with self.subTest(flip=flip, name=name, byte=bit // 8, bit=bit % 8):
                shutil.rmtree(self.network.path("store"))
                shutil.copytree(kept, self.network.path("store"))
                shutil.copy(self.network.path("anchor"), self.network.path("store.anchor"))
                with open(self.network.path("store", name), "r+b") as file:
                    file.seek(bit // 8)
                    file.write(bytes([written[name][bit // 8] ^ 1 << bit % 8]))
                words[self.start_with(sender, ids)] += 1
        print(f"seed {OPTIONS.seed}: {OPTIONS.flips} flipped bits of the redo log: "
              + ", ".join(f"{count} {word}" for word, count in sorted(words.items())), flush=True)
        self.assertEqual(OPTIONS.flips, sum(words.values()))
        self.assertGreater(words["ended with a sentence"], 0)

    def start_with(self, sender, ids):
        try:
            self.network.start()
        except RuntimeError:
            self.assertEqual(EX_UNAVAILABLE, self.network.process.returncode)
            self.assertIn("damaged", self.network.log()[-1000:])
            return "ended with a sentence"
        missing = [one for one in ids if sender.ask({"type": "status", "referral_id": one})[0]["type"] != "referral"]
        self.network.kill()
        self.assertIn(missing, ([], ids[-1:]))
        return "without the newest" if missing else "nothing changed"

    def test_what_is_told_wrongly_is_seen(self):
        """The judge of the two above: each firm field that is another counts, and each referral that is not found."""
        good = self.make_store()
        now = copy.deepcopy(good)
        self.assertEqual(([], False, False), self.differences(good, now))
        changed = 0
        for referral, answers in now.items():
            for one in answers["status"] + answers["history"]:
                for field in self.firm_fields(one) & set(one) - {"type", "sequence", "need"}:
                    before, one[field] = one[field], "another"
                    self.assertEqual(1, len(self.differences(good, now)[0]), field)
                    one[field] = before
                    changed += 1
            answers["status"] = [{"type": "refused", "error": NOT_FOUND}]
            self.assertEqual(([], False, True), self.differences(good, now))
            answers["status"] = good[referral]["status"]
        self.assertGreater(changed, 10 * self.REFERRALS)


class OldStore(unittest.TestCase):
    """Yesterday's copy of the store is put back by mistake: the start notices it by the redo log, or by the file that
    stands beside the store; and whoever kept the head of the audit is told."""

    def setUp(self):
        self.network = Network(OPTIONS.build, store_limit="16MiB", settings={"postcodes": few_postcodes(self)})
        self.addCleanup(self.network.close)
        self.people = People(11)
        self.sender = self.network.peer(SENDER, "sender")
        self.store = self.network.path("store")
        self.anchor = self.network.path("store.anchor")

    def verify(self, *anchor):
        done = self.network.client("referralctl", "audit", "verify", *anchor)
        return done.returncode, done.stdout + done.stderr

    def copy_store(self, name):
        """As a backup of a stopped daemon."""
        copy = self.network.path(name)
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.store, copy)
        return copy

    def put_back(self, copy):
        shutil.rmtree(self.store)
        shutil.copytree(copy, self.store)

    def copy_then_submit(self, end):
        """Returns the copy, and the referral that it does not hold."""
        self.network.start()
        self.sender.ask(self.people.submit())
        self.network.stop()
        copy = self.copy_store("copy")
        self.network.start()
        newer = self.sender.ask(self.people.submit())[0]["referral_id"]
        end()
        return copy, newer

    def check_refused(self):
        for _ in range(3):  # also by the starts that follow
            code, said = self.network.run_to_end()
            self.assertEqual(EX_IOERR, code, said)
            self.assertIn("the store is older than the one that was here, or empty", said)
        return said

    def test_an_old_store_is_not_started(self):
        for end in (self.network.stop, self.network.kill):
            copy, newer = self.copy_then_submit(end)
            newest = self.copy_store("newest")
            self.put_back(copy)
            said = self.check_refused()
            for name in ("data.mdb", "redo.0", "redo.1"):
                self.assertTrue(filecmp.cmp(os.path.join(copy, name), os.path.join(self.store, name), shallow=False),
                                f"a start that is refused has written {name}")
            self.put_back(newest)
            self.network.start()
            self.assertEqual("referral", self.sender.ask({"type": "status", "referral_id": newer})[0]["type"])
            self.network.stop()
        print(f"old store: {said.strip().splitlines()[-1]!r}", flush=True)

    def test_an_old_data_file_beside_a_newer_redo_log_is_not_started(self):
        """Unless the redo log goes back as far: then nothing is missing."""
        copy, newer = self.copy_then_submit(self.network.stop)
        shutil.copy(os.path.join(copy, "data.mdb"), self.store)
        for _ in range(3):
            self.network.start()
            self.assertEqual("referral", self.sender.ask({"type": "status", "referral_id": newer})[0]["type"])
            newer = self.sender.ask(self.people.submit())[0]["referral_id"]
            self.network.stop()
        newest = self.copy_store("newest")
        shutil.copy(os.path.join(copy, "data.mdb"), self.store)
        code, said = self.network.run_to_end()
        self.assertEqual(EX_UNAVAILABLE, code, said)
        self.assertIn("data.mdb is older than redo.0 and redo.1", said)
        self.assertTrue(filecmp.cmp(os.path.join(copy, "data.mdb"), os.path.join(self.store, "data.mdb"), shallow=False))
        shutil.copy(os.path.join(newest, "data.mdb"), self.store)
        self.network.start()
        self.assertEqual("referral", self.sender.ask({"type": "status", "referral_id": newer})[0]["type"])

    def test_an_empty_store_where_there_was_one_is_not_started(self):
        """As when the disk of the store is not mounted."""
        self.network.start()
        self.network.stop()
        os.rename(self.store, self.network.path("away"))
        self.check_refused()
        shutil.rmtree(self.store)
        os.rename(self.network.path("away"), self.store)
        self.network.start()

    def test_an_old_store_is_noticed_by_its_anchor(self):
        """It was meant, and the file removed: the heads that parties keep tell what it lacks."""
        copy, newer = self.copy_then_submit(lambda: None)
        code, said = self.verify()
        self.assertEqual(0, code, said)
        anchor = re.search(r"\b\d+:[0-9a-f]{16,}", said)[0]
        self.assertEqual(0, self.verify("--anchor", anchor)[0])
        self.network.stop()
        self.put_back(copy)
        os.remove(self.anchor)
        self.network.start()
        lost = self.sender.ask({"type": "status", "referral_id": newer})[0]
        self.assertEqual("refused", lost["type"], "the copy is not old")
        self.assertEqual(0, self.verify()[0], "an old store is whole in itself")
        code, said = self.verify("--anchor", anchor)
        print(f"old store: without the anchor 0, with it {code}: {said.strip()[:200]!r}", flush=True)
        self.assertEqual(1, code, said)


if __name__ == "__main__":
    run()

# SPDX-License-Identifier: MIT
"""harness: what the system tests share. Each runs as: test_x.py --build DIRECTORY [options of unittest]."""
import argparse
import json
import os
import sys
import unittest


def take_options():
    """The options of these tests; what is left in sys.argv is for unittest."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--build", required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--flips", type=int, default=50)
    parser.add_argument("--stride", type=int, default=1)  # of many places, each how-manieth is tried
    parser.add_argument("--hostile", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("REFERRALD_SEED", "50")))
    options, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    referrald = os.path.join(options.build, "referrald")
    if not os.access(referrald, os.X_OK):
        sys.exit(f"{referrald} is missing: build first")
    return options


OPTIONS = take_options()


def run():
    unittest.main(verbosity=2)


# For `changes`: one sender may send as many people to one hub in a day as it likes.
NO_PACE = [("\npace = 20;", "\npace = 0;")]

# What sanitizers and asserts print; the daemon's log never holds it.
CRASH_WORDS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion")

SENDER = "social-prescribing"


def changed(text, changes):
    """Each first text of the changes is replaced by the second, once."""
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


class NetworkCase(unittest.TestCase):
    """A test class that shares one daemon; afterwards the daemon has stopped well and has not complained."""

    settings = {}
    store_limit = "64MiB"
    text = None  # of the network; None: that of Plymouth
    changes = []  # to it: (text, what stands there instead)
    began = None  # what the clock on the wall shows when the daemon starts; None: it shows the real time

    @classmethod
    def make_network(cls):
        from network import Network
        network = Network(OPTIONS.build, cls.text, store_limit=cls.store_limit, settings=cls.settings,
                          began=cls.began)
        network.write_network(changed(network.text, cls.changes))
        return network

    @classmethod
    def setUpClass(cls):
        cls.network = cls.make_network()
        cls.addClassCleanup(cls.network.close)
        cls.before_start()
        cls.network.start()

    @classmethod
    def before_start(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        code = cls.network.stop()
        log = cls.network.log()
        assert code == 0, f"referrald ended with {code}:\n{log}"
        for word in CRASH_WORDS:
            assert word not in log, log


class OperatorCase(NetworkCase):
    """Everything is done with the command-line clients, by operators, one sender and some hubs."""

    hubs = []

    @classmethod
    def before_start(cls):
        from people import People
        cls.people = People(41, cls.network.clock)
        cls.network.enrol(SENDER, "sender")
        for hub in cls.hubs:
            cls.network.enrol(hub, "hub")

    def run_client(self, name, *arguments, expect=0, party=None):
        done = self.network.client(name, *arguments, party=party)
        self.assertEqual(expect, done.returncode, f"{name} {arguments}\n{done.stdout}{done.stderr}")
        return done

    def ctl(self, *arguments, **options):
        return self.run_client("referralctl", *arguments, **options)

    def sender(self, *arguments, **options):
        return self.run_client("referral", *arguments, party=SENDER, **options)

    def hub(self, party, *arguments, **options):
        return self.run_client("referral-hub", *arguments, party=party, **options)

    def rows(self, *arguments, of=None):
        """What the operator is shown, or, with of=self.sender, the sender."""
        return json.loads((of or self.ctl)(*arguments, "-o", "json").stdout)["items"]

    def submit(self, *arguments, neighbourhood="Stonehouse", **fields):
        person = self.people.submit(age=70, neighbourhood=neighbourhood, **fields)
        for name in ("type", "request_id", "correlation_id", "sent_at", "authored_on"):
            del person[name]
        path = self.network.path("person.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(person, file)
        return self.sender("submit", "--file", path, *arguments).stdout.strip()

    def draft(self, *changes):
        """A file with the network as it was written, but for the changes."""
        path = self.network.path("draft.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed(self.network.text, changes))
        return path

    def in_force(self):
        return next(one["network_version"] for one in self.rows("routing", "versions") if one["chosen"])

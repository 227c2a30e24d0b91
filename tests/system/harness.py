# SPDX-License-Identifier: MIT
"""harness: what the system tests share. Each runs as: test_x.py --build DIRECTORY [options of unittest]."""
import argparse
import os
import sys
import unittest


def take_options():
    """The options of these tests; what is left in sys.argv is for unittest."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--build", required=True)
    parser.add_argument("--kills", type=int, default=50)
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


class NetworkCase(unittest.TestCase):
    """A test class that shares one daemon; afterwards the daemon has stopped well and has not complained."""

    settings = {}
    store_limit = "64MiB"
    changes = []  # to the network of Plymouth: (text, what stands there instead)

    @classmethod
    def make_network(cls):
        from network import Network, PLYMOUTH
        with open(PLYMOUTH, encoding="utf-8") as file:
            text = file.read()
        for before, after in cls.changes:
            assert before in text, before
            text = text.replace(before, after, 1)
        return Network(OPTIONS.build, text, store_limit=cls.store_limit, settings=cls.settings)

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
        assert code in (0, None), f"referrald ended with {code}:\n{log}"
        for word in CRASH_WORDS:
            assert word not in log, log

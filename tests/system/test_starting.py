#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How the daemon starts and stops: what it says to whom, what it does not start with, and how it ends."""
import os
import re
import signal
import socket
import subprocess
import unittest

from harness import OPTIONS, run
from network import Network, free_port, halt
from people import POSTCODES, People

SENDER = "social-prescribing"


class StartingCase(unittest.TestCase):

    def setUp(self):
        self.network = Network(OPTIONS.build)
        self.addCleanup(self.network.close)

    def write(self, text, *names, mode=0o600):
        path = self.network.path(*names)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def settings(self, *changes):
        """The text of the settings, each first text of the changes replaced by the second."""
        with open(self.network.path("referrald.conf"), encoding="utf-8") as file:
            text = file.read()
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        return text

    def referrald(self, *arguments, expect):
        """Runs it to its end."""
        done = subprocess.run([self.network.program("referrald"), *arguments], timeout=60, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(expect, done.returncode, done.stdout)
        self.assertNotIn("Sanitizer", done.stdout)
        return done.stdout

    def does_not_start(self, expect, *words):
        """With the settings as they are; what it says holds these words."""
        said = self.referrald("--config", self.network.path("referrald.conf"), expect=expect)
        for word in words:
            self.assertIn(word, said)
        return said


class CommandLine(StartingCase):

    def test_help_names_every_option_and_exit_code(self):
        said = self.referrald("--help", expect=0)
        for word in ("--config", "--check-config", "--version", "SIGHUP", "64 usage", "78"):
            self.assertIn(word, said)

    def test_what_it_does_not_know_is_not_guessed(self):
        self.assertIn("referrald --help", self.referrald("--conifg", "x", expect=64))
        self.assertIn('nothing to do with "start"', self.referrald("start", expect=64))
        self.assertIn("referrald --help", self.referrald("--config", expect=64))

    def test_good_settings_are_said_to_be_good_and_nothing_is_made(self):
        before = sorted(os.listdir(self.network.directory))
        self.assertEqual("0 errors\n", self.referrald("--check-config", "-c", self.network.path("referrald.conf"),
                                                      expect=0))
        self.assertEqual(before, sorted(os.listdir(self.network.directory)))

    def test_every_file_is_looked_at_and_all_faults_are_told_at_once(self):
        self.write("name = 7;\n", "network.conf")
        os.chmod(self.network.path("keys", "server.key"), 0o644)
        self.write('party = "x"; role = "pirate"; public_key = "short";\n', "enrolled", "x.pub")
        with open(self.network.path("referrald.conf"), encoding="utf-8") as settings:
            others = [line for line in settings if not re.match("postcodes|window", line)]
        self.write("".join(others) + 'postcodes = "places.csv";\npostcodes_edition = "1";\nwindow = 0;\n',
                   "referrald.conf")
        self.write("postcode,easting,northing\nPL1 1AA,here,54321\n", "places.csv")
        said = self.referrald("--check-config", "-c", self.network.path("referrald.conf"), expect=78)
        for word in ("network.conf:1:", "x.pub:1:", "chmod 0600", "places.csv:2:", "window"):
            self.assertIn(word, said)
        self.assertRegex(said, r"\n\d+ errors\n$")

    def test_a_file_that_is_not_there_is_told_with_the_setting_that_names_it(self):
        self.write('network = "none.conf";\nenrolled = "none";\nsecret_key = "none.key";\npostcodes = "none.csv";\n'
                   'postcodes_edition = "1";\n', "referrald.conf")
        said = self.referrald("--check-config", "-c", self.network.path("referrald.conf"), expect=78)
        self.assertEqual(5, len(said.splitlines()), said)
        for setting, file in (("network", "none.conf"), ("enrolled", "none"), ("secret_key", "none.key"),
                              ("postcodes", "none.csv")):
            self.assertRegex(said, rf"(?m)^.*\b{setting}\b.*$")
            self.assertIn(self.network.path(file) + ":" if setting == "enrolled" else file, said)


class Serving(StartingCase):

    def notified(self, notify, word):
        """Waits until the daemon has told the service manager so."""
        notify.settimeout(60)
        told = b""
        while word not in told:
            told = notify.recv(4096)
        return told.decode()

    def test_the_service_manager_is_told_when_it_serves_and_when_it_stops(self):
        path = self.network.path("manager.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            with open(self.network.log_path, "ab") as log, subprocess.Popen(
                    [self.network.program("referrald"), "-c", self.network.path("referrald.conf")], stdout=log,
                    stderr=log, env={**os.environ, "NOTIFY_SOCKET": path}) as process:
                try:
                    self.assertIn("STATUS=Serving", self.notified(notify, b"READY=1"))
                    process.terminate()
                    self.assertIn("STATUS=Finishing", self.notified(notify, b"STOPPING=1"))
                    self.assertEqual(0, process.wait(60), self.network.log())
                finally:
                    process.kill()

    def test_a_crash_is_told_before_it_ends(self):
        self.network.start()
        os.kill(self.network.process.pid, signal.SIGABRT)
        self.assertEqual(-signal.SIGABRT, self.network.process.wait(60))
        self.assertIn(f"event=crashed signal={int(signal.SIGABRT)}", self.network.log())
        self.network.start()

    def test_a_second_signal_does_not_wait_for_what_is_in_hand(self):
        self.network.start()
        pid = self.network.process.pid
        halt(self.network.process)
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(75, self.network.process.wait(60), self.network.log())
        self.assertIn("event=killed", self.network.log())
        self.network.start()

    def test_an_anchor_that_cannot_be_written_stops_nothing(self):
        os.mkdir(self.network.path("store.anchor.new"))
        self.network.enrol(SENDER, "sender")
        self.network.start()
        self.assertEqual("committed", self.network.peer(SENDER, "sender").ask(People(1).submit())[0]["type"])
        self.assertEqual(0, self.network.stop())
        self.assertIn("event=anchor_failed", self.network.log())

    def test_without_postcodes_it_serves_too(self):
        self.write("\n".join(line for line in self.settings().splitlines() if not line.startswith("postcodes")) + "\n",
                   "referrald.conf")
        self.network.start()
        self.assertIn("postcodes none", self.network.client("referralctl", "status").stdout)


class Starting(StartingCase):
    """What the daemon does not start with."""

    def second_settings(self, *changes):
        """The settings of another daemon."""
        return self.write(self.settings(*changes), "second.conf")

    def test_two_daemons_on_one_store(self):
        self.network.enrol(SENDER, "sender")
        pid = self.network.start()
        second = self.second_settings((self.network.endpoint, f"tcp://127.0.0.1:{free_port()}"), ("ops.", "ops2."))
        self.assertIn(str(pid), self.referrald("-c", second, expect=69))
        sender = self.network.peer(SENDER, "sender")
        self.assertEqual("committed", sender.ask(People(1).submit())[0]["type"])

    def test_two_daemons_at_one_address(self):
        self.network.start()
        second = self.second_settings((self.network.path("store"), self.network.path("other")), ("ops.", "ops2."))
        self.assertIn("is another daemon running there?", self.referrald("-c", second, expect=69))
        second = self.second_settings((self.network.path("store"), self.network.path("other")),
                                      (self.network.endpoint, f"tcp://127.0.0.1:{free_port()}"))
        self.assertIn("another daemon has it", self.referrald("-c", second, expect=69))

    def test_a_configuration_with_ten_faults(self):
        self.write('listn = "tcp://127.0.0.1:7400";\n'
                       'operator_socket = 7;\n'
                       'store_limit = "8 bananas";\n'
                       'window = 0;\n'
                       'in_flight = "many";\n'
                       'retry_after = "2 fortnights";\n'
                       'push_again = "1ms";\n'
                       'postcodes_edition = "' + "x" * 50 + '";\n'
                       'colour = "blue";\n'
                       'enrolled = "";\n', "referrald.conf")
        said = self.does_not_start(78)
        lines = [line for line in said.splitlines() if re.match(r".*referrald\.conf:\d+: ", line)]
        self.assertEqual(10, len(lines), said)
        self.assertEqual(sorted(range(1, 11)), sorted(int(re.search(r"conf:(\d+):", line)[1]) for line in lines))
        self.assertIn('listen', lines[0])
        self.assertIn("10 errors", self.referrald("-c", self.network.path("referrald.conf"), "--check-config",
                                                  expect=78))

    def test_another_master_key(self):
        self.network.start()
        self.network.stop()
        self.write("ab" * 32 + "\n", "master.key")
        self.does_not_start(74, "master key")

    def test_an_open_secret_key(self):
        os.chmod(self.network.path("keys", "server.key"), 0o644)
        self.does_not_start(78, "chmod 0600")

    def test_a_master_key_that_is_none(self):
        self.write("not a key\n", "master.key")
        self.does_not_start(78, "master.key")

    def test_files_that_are_not_there(self):
        self.referrald("-c", self.network.path("nowhere.conf"), expect=78)
        os.remove(self.network.path("network.conf"))
        self.does_not_start(78, "network.conf", "No such file or directory")

    def test_postcodes_that_are_none(self):
        self.write(self.settings((POSTCODES, self.write("nonsense\n", "nonsense.csv"))), "referrald.conf")
        self.does_not_start(78, "nonsense.csv")

    def test_a_store_where_no_directory_can_be_made(self):
        self.write("", "occupied")
        self.write(self.settings((self.network.path("store"), self.network.path("occupied", "store"))),
                   "referrald.conf")
        self.does_not_start(69, "occupied/store")

    def test_an_anchor_that_is_none(self):
        self.network.start()
        self.network.stop()
        self.write("nonsense\n", "store.anchor")
        self.does_not_start(74, "store.anchor")


if __name__ == "__main__":
    run()

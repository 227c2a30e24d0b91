#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""full_disk: a daemon whose store lies on a full disk. Runs in a mount namespace of its own (test_bad_input.py), where
it may mount a small tmpfs that nobody else sees."""
import contextlib
import os
import subprocess
import sys
import tempfile

from harness import OPTIONS
from network import Network
from people import People

EX_UNAVAILABLE = 69


@contextlib.contextmanager
def small_disk(megabytes):
    directory = tempfile.mkdtemp(prefix="referrald-disk-")
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", directory], check=True)
        yield directory
        subprocess.run(["umount", directory], check=True)
    finally:
        os.rmdir(directory)


def network_on(disk):
    return Network(OPTIONS.build, store_limit="32MiB", settings={"store": os.path.join(disk, "store")})


def fill(directory):
    with open(os.path.join(directory, "filler"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65536)
        except OSError:
            pass


def check(condition, words):
    print(("ok   " if condition else "BAD  ") + words, flush=True)
    if not condition:
        sys.exit(1)


def a_disk_that_fills_up_beside_the_store():
    """The store was set aside at the first start, so commits go on."""
    with small_disk(48) as disk, network_on(disk) as network:
        network.enrol("social-prescribing", "sender")
        network.start()
        sender = network.peer("social-prescribing", "sender")
        people = People(4)
        fill(disk)
        answers = [sender.ask(people.submit())[0] for _ in range(100)]
        check(all(one["type"] == "committed" for one in answers), "100 referrals are stored on a full disk")
        network.kill()
        network.start()
        again = [sender.ask({"type": "status", "referral_id": one["referral_id"]})[0]["type"] for one in answers]
        check(again == ["referral"] * 100, "and are there after a SIGKILL")
        check(network.stop() == 0, "the daemon stops well")


def a_disk_without_room_for_the_store():
    """The first start says so, instead of some later commit."""
    with small_disk(8) as disk, network_on(disk) as network:
        code, said = network.run_to_end()
        check(code not in (0, -6, -7, -11), f"no start without room for the store (exit {code})")
        check("store" in said and "space" in said.lower(), "and the sentence says what is missing: " + said.strip())


def a_disk_that_may_only_be_read():
    """No start, and no damage: when it may be written again, everything is there."""
    with small_disk(48) as disk, network_on(disk) as network:
        network.enrol("social-prescribing", "sender")
        network.start()
        sender = network.peer("social-prescribing", "sender")
        stored = sender.ask(People(4).submit())[0]["referral_id"]
        check(network.stop() == 0, "the daemon stops well")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        code, said = network.run_to_end()
        check(code == EX_UNAVAILABLE, f"no start on a read-only file system (exit {code})")
        check("Read-only" in said, "and the sentence says so: " + said.strip().splitlines()[-1])
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        network.start()
        check(sender.ask({"type": "status", "referral_id": stored})[0]["type"] == "referral", "all is there afterwards")


if __name__ == "__main__":
    a_disk_that_fills_up_beside_the_store()
    a_disk_without_room_for_the_store()
    a_disk_that_may_only_be_read()

# SPDX-License-Identifier: MIT
"""bad_disk: a daemon whose disk fails at a chosen write or sync (tests/crash/bad_disk.c is loaded into it), a file
system of one's own that loses its power, and what a machine must have for that."""
import collections
import contextlib
import ctypes
import fcntl
import mmap
import os
import shutil
import struct
import subprocess
import tempfile

from network import LIBC, Network, wait_for

SEEN = struct.Struct("=QQQQ")
Seen = collections.namedtuple("Seen", "writes syncs faults sent_after")
EXT4_SHUTDOWN, WITHOUT_FLUSHING = 0x8004587D, struct.pack("=I", 2)
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
ENDS_WITHIN = 60.0


class BadDiskNetwork(Network):
    """Its daemon counts what it writes to its store; fail_at() chooses what fails in the next life."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.fault, self.at = "", 0
        with open(self.path("seen"), "w+b") as file:
            file.write(bytes(SEEN.size))
            file.flush()
            self.seen_bytes = mmap.mmap(file.fileno(), SEEN.size)

    def fail_at(self, fault, at):
        self.fault, self.at = fault, at
        self.seen_bytes[:] = bytes(SEEN.size)

    def seen(self):
        return Seen(*SEEN.unpack(self.seen_bytes[:]))

    def time_environment(self):
        asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return super().time_environment() | {
            "LD_PRELOAD": os.path.join(self.build, "tests", "crash", "libbad_disk.so"), "ASAN_OPTIONS": asan,
            "BAD_DISK_STORE": self.store, "BAD_DISK_SEEN": self.path("seen"),
            "BAD_DISK_FAULT": self.fault, "BAD_DISK_AT": str(self.at)}

    @property
    def store(self):
        return self.path("store")

    def environment(self):
        return {name: value for name, value in super().environment().items()
                if not name.startswith("BAD_DISK") and name != "LD_PRELOAD"}

    def has_ended(self):
        return self.process.poll() is not None

    def wait_end(self):
        """It ends by itself; returns its exit code."""
        wait_for(self.has_ended, ENDS_WITHIN, "referrald went on after its disk had failed")
        return self.process.returncode


# ---- a file system that loses its power ----

def own_mounts():
    """What this program mounts from now on, nobody else sees, and nothing of it is left when it ends."""
    if LIBC.unshare(CLONE_NEWNS) != 0 or LIBC.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None) != 0:
        raise OSError("no mount namespace of one's own")


class Drive:
    """An ext4 in a file; its image is set aside whole, so that it does not lie."""

    def __init__(self, megabytes):
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = tempfile.mkdtemp(prefix="referrald-drive-", dir=memory)
        self.image = os.path.join(self.directory, "image")
        self.path = os.path.join(self.directory, "mounted")
        os.mkdir(self.path)
        with open(self.image, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, megabytes << 20)
        self.run("mkfs.ext4", "-q", "-F", self.image)
        self.mount()

    @staticmethod
    def run(*command):
        subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"})

    def mount(self, *options):
        self.run("mount", "-o", ",".join(["loop", *options]), self.image, self.path)

    def unmount(self):
        self.run("umount", self.path)

    def cut_power(self):
        """From now on nothing reaches the drive, and what was not synced is lost."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, EXT4_SHUTDOWN, WITHOUT_FLUSHING)
        finally:
            os.close(directory)

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.unmount()
        shutil.rmtree(self.directory, ignore_errors=True)


def what_is_missing_for_power_cuts():
    """Tries it. None: nothing is missing."""
    if os.geteuid() != 0:
        return f"root (this is user {os.geteuid()})"
    try:
        own_mounts()
        drive = Drive(8)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"loop devices with ext4: {getattr(error, 'stdout', None) or error}".strip()
    try:
        drive.cut_power()
    except OSError as error:
        return f"the shutdown of a file system (EXT4_IOC_SHUTDOWN): {error}"
    finally:
        drive.close()
    return None


def run_or_say_why(case, step, missing):
    """A step that this machine lacks something for fails, unless whoever runs the tests knows the machine for it."""
    if not missing:
        return
    print(f"not run here: {step}: missing is {missing}", flush=True)
    if step in os.environ.get("REFERRALD_NOT_HERE", "").split():
        case.skipTest(f"{step}: this machine is known to lack {missing}")
    case.fail(f"{step} cannot run here: missing is {missing}. Where that is known, say REFERRALD_NOT_HERE={step}")

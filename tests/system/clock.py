# SPDX-License-Identifier: MIT
"""clock: the time of day that the daemon and the clients are told (clock.c), so that weekends pass in milliseconds.

It runs as fast as the real one, and is moved on while they run. What they measure with the monotonic clock (time-outs,
waits) stays real. (Not libfaketime: its clock_gettime allocates, and hangs below AddressSanitizer, whose allocator asks
for the time with its lock held.)
"""
import datetime
import mmap
import os
import time
import zoneinfo

PLYMOUTH_TIME = zoneinfo.ZoneInfo("Europe/London")


def wall(text):
    """The moment at which the clock on the wall in Plymouth shows that: 2026-12-18 15:00."""
    return datetime.datetime.fromisoformat(text).replace(tzinfo=PLYMOUTH_TIME)


class Clock:

    def __init__(self, build, path, began):
        self.library = os.path.join(build, "tests", "libclock.so")
        self.path = path
        with open(path, "wb") as file:
            file.write(bytes(8))
        with open(path, "r+b") as file:
            self.file = mmap.mmap(file.fileno(), 8)
        self.set(wall(began))

    def now(self):
        ahead = memoryview(self.file).cast("q")[0]
        return datetime.datetime.fromtimestamp((time.time_ns() + ahead) / 1e9, PLYMOUTH_TIME)

    def set(self, moment):
        memoryview(self.file).cast("q")[0] = int(moment.timestamp() * 1e9) - time.time_ns()

    def environment(self):
        """For programs that are to be told this time. (AddressSanitizer wants to come first, and need not.)"""
        asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        return {"LD_PRELOAD": self.library, "CLOCK_FILE": self.path, "ASAN_OPTIONS": asan}

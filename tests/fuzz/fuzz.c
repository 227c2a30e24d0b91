/* SPDX-License-Identifier: MIT
 * fuzz: messages as callers of encode make them, and a file in memory. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

bool fuzz_is_whole(const struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].obligation == MANDATORY && !message_has(message, spec->members[i].field))
            return false;
    return true;
}

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static char path[40];
    static int file = -1;

    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        REQUIRE(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    REQUIRE(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    return path;
}

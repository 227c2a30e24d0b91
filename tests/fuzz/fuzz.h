/* SPDX-License-Identifier: MIT
 * fuzz: what all fuzz targets share. A target is one function of bytes: libFuzzer calls it, and replay.c with the kept
 * corpus. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true whatever the bytes are. */
#define REQUIRE(fact)                                                                                                  \
    do {                                                                                                               \
        if (!(fact))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

/* Whether all is there that encode expects of its callers. */
bool fuzz_is_whole(const struct message *);

/* The bytes as a file, for what reads by path; the path stays the same, the file is made anew with each call. */
const char *fuzz_file(const uint8_t *data, size_t size);

#endif

/* SPDX-License-Identifier: MIT
 * Stored records: whatever a reader takes is written and read back as the same bytes. The first byte says which record
 * the rest is read as. Nothing may crash, whatever a damaged disk and a broken seal would let through. */
#include <string.h>

#include "daemon/io/record.h"
#include "tests/fuzz/fuzz.h"

enum { BYTES_MAX = 2 * (RECORD_BYTES_MAX + MESSAGE_BYTES_MAX) };

static uint8_t first[BYTES_MAX];
static uint8_t second[BYTES_MAX];

/* Read, written, read and written again: the two writings are the same. */
#define ROUND_TRIP(type, name)                                                                                         \
    static void try_##name(const uint8_t *data, size_t size)                                                           \
    {                                                                                                                  \
        static type record;                                                                                            \
        memset(&record, 0, sizeof record);                                                                             \
        if (!record_read_##name(data, size, &record))                                                                  \
            return;                                                                                                    \
        size_t length = record_write_##name(&record, first);                                                           \
        memset(&record, 0, sizeof record);                                                                             \
        REQUIRE(record_read_##name(first, length, &record));                                                           \
        REQUIRE(record_write_##name(&record, second) == length && memcmp(first, second, length) == 0);                 \
    }

ROUND_TRIP(struct head, head)
ROUND_TRIP(struct party_record, party)
ROUND_TRIP(struct places, places)
ROUND_TRIP(struct unmet_record, unmet)
ROUND_TRIP(struct referral, referral)
ROUND_TRIP(struct request_record, request)
ROUND_TRIP(struct enquiry, enquiry)
ROUND_TRIP(struct owed, owed)

static void try_entry(const uint8_t *data, size_t size)
{
    static struct entry entry;
    const void *said = NULL;
    size_t said_length = 0;

    memset(&entry, 0, sizeof entry);
    if (!record_read_entry(data, size, &entry, &said, &said_length))
        return;
    size_t length = record_write_entry(&entry, said, said_length, first);
    memset(&entry, 0, sizeof entry);
    REQUIRE(record_read_entry(first, length, &entry, &said, &said_length));
    REQUIRE(record_write_entry(&entry, said, said_length, second) == length && memcmp(first, second, length) == 0);
}

static void try_network(const uint8_t *data, size_t size)
{
    struct network_record record = {0};
    const char *text = NULL;
    size_t text_length = 0;

    if (!record_read_network(data, size, &record, &text, &text_length))
        return;
    size_t length = record_write_network(&record, text, text_length, first);
    REQUIRE(record_read_network(first, length, &record, &text, &text_length));
    REQUIRE(record_write_network(&record, text, text_length, second) == length && memcmp(first, second, length) == 0);
}

static void try_message(const uint8_t *data, size_t size)
{
    static struct message message;
    static uint8_t room[2][MESSAGE_BYTES_MAX];

    if (!record_read_message(data, size, &message, room[0], sizeof room[0]))
        return;
    size_t length = record_write_message(&message, first, sizeof first);
    REQUIRE(record_read_message(first, length, &message, room[1], sizeof room[1]));
    REQUIRE(record_write_message(&message, second, sizeof second) == length && memcmp(first, second, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const trials[])(const uint8_t *, size_t) = {try_head,     try_party,   try_places,  try_unmet,
                                                              try_referral, try_request, try_enquiry, try_owed,
                                                              try_entry,    try_network, try_message};
    if (size > 0 && size - 1 <= MESSAGE_BYTES_MAX)
        trials[data[0] % (sizeof trials / sizeof trials[0])](data + 1, size - 1);
    return 0;
}

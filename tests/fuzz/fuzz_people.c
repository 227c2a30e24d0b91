/* SPDX-License-Identifier: MIT
 * A CSV of people, as a sender's batch: it is refused with a sentence, or each row is a submit, good or refused by the
 * same checks as the daemon's. Nothing may crash, and an encoded row is read back. */
#include <string.h>

#include "clients/people_file.h"
#include "proto/check.h"
#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"

#define NOW_MS INT64_C(1793523600000)

static bool take(void *context, struct people_row *row)
{
    static const uint8_t id[UUID_BYTES] = {1};
    static struct decoder *decoder;
    static struct message message, decoded;
    static unsigned char bytes[MESSAGE_BYTES_MAX];
    int64_t *rows = context;
    struct fault fault;
    char why[300];

    if (!decoder)
        decoder = decoder_open();
    REQUIRE(decoder && row->number == ++*rows + 1);
    message_init(&message, MESSAGE_submit);
    message_set_uuid(&message, FIELD_request_id, id);
    if (row->is_whole && record_texts_fill(&row->texts, &message, why, sizeof why) && fuzz_is_whole(&message)) {
        size_t length = encode(&message, bytes, sizeof bytes);
        if (length > 0 && decode(decoder, bytes, length, &decoded, &fault))
            check_request(&decoded, NOW_MS, &fault);
    }
    return *rows < 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct record_texts none = {{0}};
    bool is_unreadable;
    int64_t rows = 0;
    char why[300] = "";

    bool is_read = people_file_read(fuzz_file(data, size), &none, take, &rows, &is_unreadable, why, sizeof why);
    REQUIRE(!is_unreadable);
    REQUIRE(is_read == (why[0] == '\0'));
    return 0;
}

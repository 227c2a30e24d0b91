/* SPDX-License-Identifier: MIT
 * frames: one run of memory. No two persons are the same by chance, however many there are. */
#include "tests/bench/frames.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "tests/bench/peek.h"
#include "tests/bench/rig.h"
#include "tests/people.h"

#define FRAME_MOST 4096
#define FRAME_USUAL 2048
#define PEOPLE_WITH_NUMBER 500000

static const char *const postcodes[] = {"PL1 1AE", "PL6 5AN", "PL1 4DP", "PL3 6JQ", "PL6 8UN", "PL2 2ND",
                                        "PL3 4QF", "PL7 2AS", "PL6 6QR", "PL5 1RQ", "PL5 2LJ", "PL4 7PY"};

/* NHS numbers for tests are used up by then: each is a person of its own all the same. */
static void go_without_number(struct message *message)
{
    struct text identifier = message_text(message, FIELD_referral_identifier);

    message_unset(message, FIELD_nhs_number);
    message_set_number(message, FIELD_nhs_number_absent_reason, NHS_ABSENT_NOT_KNOWN);
    message_set_text(message, FIELD_local_person_id, identifier.bytes, identifier.length);
}

static void name_person(struct message *message, unsigned seed)
{
    static char name[] = "Testcase-aaaaaaa";

    for (size_t i = sizeof name - 2; i > 8; i--, seed /= 26)
        name[i] = (char)('a' + seed % 26);
    message_set_string(message, FIELD_family_name, name);
}

static void make_person(struct message *message, unsigned seed, enum frames_need wanted)
{
    uint8_t id[UUID_BYTES];
    enum need code = wanted == FRAMES_WAITING ? NEED_COUNSELLING : seed % 3 ? NEED_BEFRIENDING : NEED_ADVICE;

    person_submit(message, seed, postcodes[seed % (sizeof postcodes / sizeof postcodes[0])]);
    if (seed >= PEOPLE_WITH_NUMBER)
        go_without_number(message);
    name_person(message, seed);
    peek_make_id(id, seed, 0);
    message_set_uuid(message, FIELD_request_id, id);
    message_set_uuid(message, FIELD_correlation_id, id);
    struct value *need = message_set_list(message, FIELD_needs, 1);
    need[MEMBER_code].present = true;
    need[MEMBER_code].number = code;
}

static void make_room(struct frames *frames, unsigned count)
{
    frames->size = (size_t)count * FRAME_USUAL + FRAME_MOST;
    frames->bytes = realloc(frames->bytes, frames->size);
    frames->starts = realloc(frames->starts, (count + 1) * sizeof frames->starts[0]);
    if (!frames->bytes || !frames->starts)
        rig_fail("memory");
}

void frames_make(struct frames *frames, unsigned first, unsigned count, enum frames_need wanted)
{
    size_t used = 0;

    if (!frames->bytes || count > frames->count)
        make_room(frames, count);
    frames->first = first;
    frames->count = count;
    for (unsigned i = 0; i < count; i++) {
        make_person(&frames->message, first + i, wanted);
        frames->starts[i] = used;
        size_t length = encode(&frames->message, frames->bytes + used, FRAME_MOST);
        if (length == 0 || length > FRAME_USUAL)
            rig_fail("a frame is too large");
        used += length;
    }
    frames->starts[count] = used;
}

void frames_free(struct frames *frames)
{
    free(frames->bytes);
    free(frames->starts);
    *frames = (struct frames){0};
}

/* SPDX-License-Identifier: MIT
 * peek: fields come in the order of the message's table, so that what is looked for stands in front, before any list.
 */
#include "tests/bench/peek.h"

#include <string.h>

#define PAIRS_MAX 32

struct place {
    const uint8_t *at, *end;
};

struct scalar {
    struct text text;
    int64_t number;
};

/* How many pairs of a message hold what is looked for. */
static const struct {
    const char *name;
    enum message_type type;
    unsigned pairs;
} known[] = {
    {"committed", MESSAGE_committed, 4},
    {"offer", MESSAGE_offer, 5},
    {"routed", MESSAGE_routed, 4},
    {"done", MESSAGE_done, 2},
    {"referral", MESSAGE_referral, 1},
    {"welcome", MESSAGE_welcome, 6},
    {"end", MESSAGE_end, 4},
    {"refused", MESSAGE_refused, PAIRS_MAX},
    {"answered", MESSAGE_answered, 2},
    {"progressed", MESSAGE_progressed, 2},
    {"ended", MESSAGE_ended, 4},
    {"person", MESSAGE_person, 2},
    {"linked", MESSAGE_linked, 2},
    {"unmet_need", MESSAGE_unmet_need, 1},
    {"fifth", MESSAGE_fifth, 1},
    {"totals", MESSAGE_totals, 1},
};

static uint64_t read_bytes(struct place *place, size_t count)
{
    uint64_t value = 0;

    while (count-- > 0 && place->at < place->end)
        value = value << 8 | *place->at++;
    return value;
}

static bool read_text(struct place *place, size_t length, struct scalar *scalar)
{
    if (length > (size_t)(place->end - place->at))
        return false;
    scalar->text = (struct text){(const char *)place->at, (uint32_t)length};
    place->at += length;
    return true;
}

/* False for lists and maps, and for what is cut off. */
static bool read_scalar(struct place *place, struct scalar *scalar)
{
    if (place->at == place->end)
        return false;
    uint8_t head = *place->at++;
    *scalar = (struct scalar){0};
    if (head < 0x80)
        scalar->number = head;
    else if (head >= 0xa0 && head < 0xc0)
        return read_text(place, head & 31, scalar);
    else if (head >= 0xd9 && head <= 0xdb)
        return read_text(place, read_bytes(place, (size_t)1 << (head - 0xd9)), scalar);
    else if (head >= 0xcc && head <= 0xcf)
        scalar->number = (int64_t)read_bytes(place, (size_t)1 << (head - 0xcc));
    else if (head >= 0xd0 && head <= 0xd3)
        scalar->number = (int64_t)read_bytes(place, (size_t)1 << (head - 0xd0));
    else
        return head == 0xc2 || head == 0xc3;
    return true;
}

static bool is(struct text text, const char *name)
{
    return text.length == strlen(name) && memcmp(text.bytes, name, text.length) == 0;
}

static unsigned seed_of(struct text uuid)
{
    unsigned seed = 0;

    for (uint32_t i = 0; i < 8 && i < uuid.length; i++)
        seed = seed << 4 | (unsigned)(uuid.bytes[i] <= '9' ? uuid.bytes[i] - '0' : uuid.bytes[i] - 'a' + 10);
    return seed;
}

/* Returns how many pairs to read. */
static unsigned take_type(struct text name, struct peek *peek)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (is(name, known[i].name)) {
            peek->type = known[i].type;
            return known[i].pairs;
        }
    return 0;
}

static void take(struct text key, const struct scalar *value, struct peek *peek)
{
    if (is(key, "mailbox_number"))
        peek->mailbox_number = value->number;
    else if (is(key, "request_id") || is(key, "correlation_id"))
        peek->seed = seed_of(value->text);
    else if (is(key, "referral_id"))
        peek->referral_id = value->text;
    else if (is(key, "offer_number"))
        peek->offer_number = value->number;
    else if (is(key, "retry_after_ms"))
        peek->retry_after_ms = value->number;
    else if (is(key, "sentence"))
        peek->sentence = value->text;
    else if (is(key, "next"))
        peek->next = value->text;
}

bool peek(const void *frame, size_t length, struct peek *peek)
{
    struct place place = {frame, (const uint8_t *)frame + length};
    struct scalar key, value;
    unsigned pairs = 1;

    *peek = (struct peek){.type = MESSAGE_NONE};
    if (length < 3)
        return false;
    uint8_t head = *place.at++;
    unsigned all = head == 0xde ? (unsigned)read_bytes(&place, 2) : head & 15;
    for (unsigned i = 0; i < pairs && i < all; i++) {
        if (!read_scalar(&place, &key) || !read_scalar(&place, &value))
            return false;
        if (i == 0)
            pairs = take_type(value.text, peek);
        else
            take(key.text, &value, peek);
    }
    return true;
}

void peek_make_id(uint8_t id[UUID_BYTES], unsigned seed, uint8_t kind)
{
    memset(id, 0, UUID_BYTES);
    for (int i = 0; i < 4; i++)
        id[i] = (uint8_t)(seed >> (24 - 8 * i));
    id[4] = kind;
}

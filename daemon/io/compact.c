/* SPDX-License-Identifier: MIT
 * compact: writing and reading, side by side. */
#include "daemon/io/compact.h"

#include <string.h>

#include "daemon/io/prose.h"

enum { GROUP = 8 };

static uint8_t *take(struct writing *writing, size_t size)
{
    if (writing->overflow || size > writing->size - writing->length) {
        writing->overflow = true;
        return NULL;
    }
    uint8_t *at = writing->bytes + writing->length;
    writing->length += size;
    return at;
}

/* True when the next number is not zero, and so is to be written. */
static bool open_number(struct writing *writing, bool is_zero)
{
    unsigned place = writing->grouped++ % GROUP;

    if (place == 0) {
        writing->group = take(writing, 1);
        if (writing->group)
            *writing->group = 0;
    }
    if (is_zero || writing->overflow)
        return false;
    *writing->group |= (uint8_t)(1u << place);
    return true;
}

void writing_init(struct writing *writing, void *bytes, size_t size)
{
    *writing = (struct writing){.bytes = bytes, .size = size};
}

void put_number(struct writing *writing, uint64_t number)
{
    if (!open_number(writing, number == 0))
        return;
    unsigned bits = 64 - (unsigned)__builtin_clzll(number);
    uint8_t *at = take(writing, (bits + 6) / 7);
    if (!at)
        return;
    for (; number > 0x7f; number >>= 7)
        *at++ = (uint8_t)(number | 0x80);
    *at = (uint8_t)number;
}

/* 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
static uint64_t fold(int64_t number)
{
    return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

static int64_t unfold(uint64_t folded)
{
    return (int64_t)(folded >> 1 ^ (folded & 1 ? UINT64_MAX : 0));
}

void put_signed(struct writing *writing, int64_t number)
{
    put_number(writing, fold(number));
}

/* The difference goes round; zero has the place that the farthest difference would have. */
void put_near(struct writing *writing, int64_t number, int64_t base)
{
    put_number(writing, number ? fold((int64_t)((uint64_t)number - (uint64_t)base)) + 1 : 0);
}

void put_word(struct writing *writing, uint64_t word)
{
    uint8_t bytes[sizeof word];

    if (!open_number(writing, word == 0))
        return;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(word >> 8 * i);
    put_fixed(writing, bytes, sizeof bytes);
}

void put_fixed(struct writing *writing, const void *bytes, size_t size)
{
    uint8_t *at = take(writing, size);

    if (at && size)
        memcpy(at, bytes, size);
}

void put_bytes(struct writing *writing, const void *bytes, size_t length)
{
    put_number(writing, length);
    put_fixed(writing, bytes, length);
}

/* Twice the length, and one more when it stands in bits. */
void put_text(struct writing *writing, const char *text, size_t length)
{
    size_t size = prose_size(text, length);
    bool is_shorter = size < length;
    uint8_t *at = NULL;

    put_number(writing, 2 * (uint64_t)length + is_shorter);
    if (!is_shorter)
        put_fixed(writing, text, length);
    else if ((at = take(writing, size)))
        prose_write(text, length, at);
}

/* ---- reading ---- */

static const uint8_t *pass(struct reading *reading, size_t size)
{
    const uint8_t *at = reading->at;

    reading->good = reading->good && size <= (size_t)(reading->end - at);
    if (!reading->good)
        return NULL;
    reading->at += size;
    return at;
}

/* True when the next number is not zero, and so stands here. Inlined: a start reads 30 for each referral. */
__attribute__((always_inline)) static inline bool next_is_there(struct reading *reading)
{
    unsigned place = reading->grouped++ % GROUP;

    if (place == 0) {
        const uint8_t *group = pass(reading, 1);
        reading->group = group ? *group : 0;
    }
    return reading->good && reading->group >> place & 1;
}

void reading_init(struct reading *reading, const void *bytes, size_t length)
{
    *reading = (struct reading){.at = bytes, .end = (const uint8_t *)bytes + length, .good = true};
}

/* The last byte has no mark, and is not zero: each number has one form. */
uint64_t get_number(struct reading *reading)
{
    uint64_t number = 0;
    unsigned shift = 0;
    uint8_t byte;

    if (!next_is_there(reading))
        return 0;
    const uint8_t *at = reading->at;
    do {
        reading->good = at < reading->end && (shift < 63 || (shift == 63 && *at == 1));
        if (!reading->good)
            return 0;
        byte = *at++;
        number |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    reading->at = at;
    reading->good = byte != 0;
    return reading->good ? number : 0;
}

int64_t get_signed(struct reading *reading)
{
    return unfold(get_number(reading));
}

int64_t get_near(struct reading *reading, int64_t base)
{
    uint64_t number = get_number(reading);

    return number ? (int64_t)((uint64_t)unfold(number - 1) + (uint64_t)base) : 0;
}

uint64_t get_word(struct reading *reading)
{
    uint8_t bytes[sizeof(uint64_t)];
    uint64_t word = 0;

    if (!next_is_there(reading))
        return 0;
    get_fixed(reading, bytes, sizeof bytes);
    for (size_t i = sizeof bytes; i-- > 0;)
        word = word << 8 | bytes[i];
    return word;
}

void get_fixed(struct reading *reading, void *bytes, size_t size)
{
    const uint8_t *at = pass(reading, size);

    if (at && size)
        memcpy(bytes, at, size);
    else
        memset(bytes, 0, size);
}

const void *get_bytes(struct reading *reading, size_t *length)
{
    uint64_t size = get_number(reading);
    const uint8_t *at = pass(reading, size);

    *length = at ? size : 0;
    return *length ? at : NULL;
}

static const char *read_prose(struct reading *reading, uint64_t length, char **room, const char *room_end)
{
    char *text = *room;
    size_t size = 0;

    if (reading->good && length <= (size_t)(room_end - text))
        size = prose_read(reading->at, (size_t)(reading->end - reading->at), text, length);
    reading->good = size > 0;
    reading->at += size;
    *room += size ? length : 0;
    return text;
}

const char *get_text(struct reading *reading, char **room, const char *room_end, size_t *length)
{
    uint64_t number = get_number(reading);
    const char *text = NULL;

    if (number & 1)
        text = read_prose(reading, number / 2, room, room_end);
    else
        text = (const char *)pass(reading, number / 2);
    *length = reading->good ? number / 2 : 0;
    return *length ? text : "";
}

/* What a last group says of numbers that nobody asked for must be nothing. */
bool reading_ends(const struct reading *reading)
{
    unsigned asked = reading->grouped % GROUP;

    return reading->good && reading->at == reading->end && (asked == 0 || reading->group >> asked == 0);
}

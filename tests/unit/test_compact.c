/* SPDX-License-Identifier: MIT
 * compact: what is put is got, in few bytes; what is damaged is noticed, and nothing is read past the end. */
#include "daemon/io/compact.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 2000, THINGS = 40, BYTES = 2048 };

/* One thing after another, of all kinds, as the seed says: put, or got and compared. */
static void put_things(uint64_t random, struct writing *writing)
{
    for (int i = 0; i < THINGS; i++) {
        uint64_t number = random_below(&random, 2) ? 0 : random_next(&random) >> random_below(&random, 64);
        switch (random_below(&random, 6)) {
        case 0:
            put_signed(writing, (int64_t)number);
            break;
        case 1:
            put_near(writing, (int64_t)(number >> 1), INT64_C(1793523600000));
            break;
        case 2:
            put_word(writing, number);
            break;
        case 3:
            put_fixed(writing, &number, sizeof number);
            break;
        case 4:
            put_bytes(writing, &number, number % 9);
            break;
        default:
            put_number(writing, number);
        }
    }
}

static void get_things(uint64_t random, struct reading *reading)
{
    for (int i = 0; i < THINGS; i++) {
        uint64_t number = random_below(&random, 2) ? 0 : random_next(&random) >> random_below(&random, 64);
        uint64_t again = number;
        size_t length = number % 9;
        const void *bytes = &number;
        switch (random_below(&random, 6)) {
        case 0:
            again = (uint64_t)get_signed(reading);
            break;
        case 1:
            number >>= 1;
            again = (uint64_t)get_near(reading, INT64_C(1793523600000));
            break;
        case 2:
            again = get_word(reading);
            break;
        case 3:
            get_fixed(reading, &again, sizeof again);
            break;
        case 4:
            bytes = get_bytes(reading, &length);
            cr_assert(!reading->good || length == number % 9);
            cr_assert(length == 0 || memcmp(bytes, &number, length) == 0);
            break;
        default:
            again = get_number(reading);
        }
        cr_assert(!reading->good || again == number, "thing %d", i);
    }
}

Test(compact, what_is_put_is_got)
{
    uint8_t bytes[BYTES];

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run);
        struct writing writing;
        struct reading reading;
        writing_init(&writing, bytes, sizeof bytes);
        put_things(seed, &writing);
        cr_assert_not(writing.overflow);
        reading_init(&reading, bytes, writing.length);
        get_things(seed, &reading);
        cr_assert(reading_ends(&reading), "seed %lu", seed);
    }
}

Test(compact, what_is_cut_short_is_noticed_and_nothing_is_read_past_the_end)
{
    uint8_t bytes[BYTES];
    uint64_t seed = random_seed(7);
    struct writing writing;

    writing_init(&writing, bytes, sizeof bytes);
    put_things(seed, &writing);
    for (size_t cut = 0; cut < writing.length; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        struct reading reading;
        memcpy(part, bytes, cut);
        reading_init(&reading, part, cut);
        get_things(seed, &reading);
        cr_assert_not(reading_ends(&reading));
        free(part);
    }
}

Test(compact, a_buffer_that_is_too_small_is_not_written_past)
{
    uint8_t bytes[BYTES];
    uint64_t seed = random_seed(7);
    struct writing writing;

    writing_init(&writing, bytes, sizeof bytes);
    put_things(seed, &writing);
    for (size_t size = 0; size < writing.length; size++) {
        struct writing small;
        memset(bytes, 0xee, sizeof bytes);
        writing_init(&small, bytes, size);
        put_things(seed, &small);
        cr_assert(small.overflow && small.length <= size);
        cr_assert_eq(bytes[size], 0xee);
    }
}

Test(compact, numbers_that_are_zero_take_a_bit)
{
    uint8_t bytes[BYTES];
    struct writing writing;

    writing_init(&writing, bytes, sizeof bytes);
    for (int i = 0; i < 24; i++)
        put_number(&writing, i == 5 ? 127 : 0);
    cr_assert_eq(writing.length, 4);
}

Test(compact, another_form_of_a_number_and_a_number_that_nobody_asked_for_are_refused)
{
    static const uint8_t longer[] = {1, 0x85, 0x00}, zero[] = {1, 0}, unasked[] = {3, 1, 1},
                         huge[] = {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const struct {
        const uint8_t *bytes;
        size_t length;
    } bad[] = {
        {longer, sizeof longer}, {zero, sizeof zero}, {unasked, sizeof unasked}, {unasked, 2}, {huge, sizeof huge}};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reading reading;
        reading_init(&reading, bad[i].bytes, bad[i].length);
        get_number(&reading);
        cr_assert_not(reading_ends(&reading), "%zu", i);
    }
}

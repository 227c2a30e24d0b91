/* SPDX-License-Identifier: MIT
 * prose: every text comes back, and what people write is shorter. */
#include "daemon/io/prose.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 5000, LETTERS = 60 };

/* Written into exactly its bytes, so that a sanitizer sees a step past the end. */
static void assert_comes_back(const char *text, size_t length)
{
    size_t size = prose_size(text, length);
    uint8_t *bytes = malloc(size ? size : 1);
    char *again = malloc(length ? length : 1);

    prose_write(text, length, bytes);
    cr_assert_eq(prose_read(bytes, size, again, length), size);
    cr_assert(length == 0 || memcmp(again, text, length) == 0);
    cr_assert(size == 0 || prose_read(bytes, size - 1, again, length) == 0, "a byte is missing");
    free(bytes);
    free(again);
}

Test(prose, every_byte_and_every_row_of_bytes_comes_back)
{
    char text[LETTERS];

    assert_comes_back("", 0);
    for (int byte = 0; byte < 256; byte++)
        for (size_t length = 1; length <= 9; length++) {
            memset(text, byte, length);
            assert_comes_back(text, length);
        }
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t random = random_seed(run);
        size_t length = random_below(&random, LETTERS + 1);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)random_next(&random);
        assert_comes_back(text, length);
    }
}

Test(prose, what_people_write_takes_about_six_tenths)
{
    static const char text[] = "Lives alone since the summer, has stopped going out, and asks for a group nearby.\n"
                               "Would come in the mornings; a first visit together would help.";

    assert_comes_back(text, sizeof text - 1);
    cr_assert_leq(prose_size(text, sizeof text - 1), (sizeof text - 1) * 6 / 10);
}

/* Whoever changes a code makes every store unreadable: this was written once. */
Test(prose, what_was_written_once_is_read)
{
    static const uint8_t bytes[] = {0xfb, 0x9b, 0xfc, 0x4f, 0xeb, 0x07, 0xab, 0xa3, 0xc8, 0x96, 0x42, 0x32, 0xe8, 0x1b,
                                    0xf8, 0x7c, 0x63, 0x56, 0xbd, 0xdd, 0x7d, 0x43, 0x8e, 0xed, 0x5a, 0xb5, 0x75, 0x00};
    static const char text[] = "Zo\xc3\xab O'Fiction, 78: 01632 960002";
    char again[sizeof text] = "";

    cr_assert_eq(prose_size(text, sizeof text - 1), sizeof bytes);
    cr_assert_eq(prose_read(bytes, sizeof bytes, again, sizeof text - 1), sizeof bytes);
    cr_assert_str_eq(again, text);
}

/* SPDX-License-Identifier: MIT
 * recent: what is found is what was kept, and nothing else is. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/recent.h"
#include "proto/codec.h"

static struct recent *recent;

static void begin(void)
{
    recent = recent_open();
}

static void finish(void)
{
    recent_close(&recent);
}

TestSuite(recent, .init = begin, .fini = finish);

Test(recent, a_referral_is_found_as_it_was_kept_last)
{
    struct referral kept = {.number = 7, .parts_count = 1, .offers_count = OFFERS_MAX, .sender = 3};
    struct referral found;

    kept.parts[0].deadline = 11;
    kept.offers[OFFERS_MAX - 1].hub = 5;
    recent_keep(recent, &kept);
    kept.offers_count = 1;
    kept.offers[OFFERS_MAX - 1].hub = 0;
    kept.offers[0].hub = 6;
    recent_keep(recent, &kept);
    memset(&found, 0xff, sizeof found);
    cr_assert(recent_find(recent, 7, &found));
    cr_assert_eq(memcmp(&found, &kept, sizeof found), 0);
}

Test(recent, a_referral_that_was_never_kept_is_not_found)
{
    struct referral kept = {.number = 7};
    struct referral found;

    cr_assert_not(recent_find(recent, 0, &found));
    cr_assert_not(recent_find(recent, 7, &found));
    recent_keep(recent, &kept);
    cr_assert_not(recent_find(recent, 8, &found));
    for (uint64_t number = 1; number < 20000; number++)
        cr_assert_eq(recent_find(recent, number, &found), number == 7);
}

Test(recent, a_newer_referral_takes_the_slot_of_an_older_one)
{
    struct referral kept = {.number = 1};
    struct referral found;
    uint64_t number = 2;

    recent_keep(recent, &kept);
    for (; number < 100000 && recent_find(recent, 1, &found); number++) {
        kept.number = number;
        recent_keep(recent, &kept);
        cr_assert(recent_find(recent, number, &found));
        cr_assert_eq(found.number, number);
    }
    cr_assert_lt(number, 100000, "memory is bounded");
}

/* Any message will do. */
static void letter_of(struct message *letter, int64_t referral, const char *note, size_t length)
{
    message_init(letter, MESSAGE_annotate);
    message_set_uuid(letter, FIELD_request_id, (const uint8_t[UUID_BYTES]){1});
    message_set_number(letter, FIELD_referral_id, referral);
    message_set_text(letter, FIELD_note, note, length);
}

/* Found as encode writes it; or not found at all, when expected is NULL. */
static void expect_letter(uint32_t party, uint64_t number, const struct message *expected)
{
    uint8_t bytes[4096];
    size_t length = expected ? encode(expected, bytes, sizeof bytes) : 0;
    size_t found_length = 0;
    const void *found = recent_find_letter(recent, party, number, &found_length);

    cr_assert_eq(found != NULL, expected != NULL);
    cr_assert(!found || (found_length == length && memcmp(found, bytes, length) == 0));
}

Test(recent, a_letter_is_found_by_party_and_number)
{
    struct message first;
    struct message second;

    letter_of(&first, 1, "Short.", 6);
    letter_of(&second, 2, "Short.", 6);
    recent_keep_letter(recent, 4, 1, &first);
    recent_keep_letter(recent, 5, 1, &second);
    expect_letter(4, 1, &first);
    expect_letter(5, 1, &second);
    expect_letter(4, 2, NULL);
    for (uint64_t number = 0; number < RECENT_LETTERS; number++)
        expect_letter(6, number, NULL);
    recent_keep_letter(recent, 4, 1 + RECENT_LETTERS, &second);
    expect_letter(4, 1, NULL);
    expect_letter(4, 1 + RECENT_LETTERS, &second);
}

Test(recent, a_letter_that_is_too_long_is_not_kept_and_leaves_no_older_one)
{
    static char text[3000];
    struct message letter;
    struct message note;

    memset(text, 'x', sizeof text);
    letter_of(&letter, 1, "Short.", 6);
    recent_keep_letter(recent, 4, 1, &letter);
    letter_of(&note, 1, text, sizeof text);
    recent_keep_letter(recent, 4, 1, &note);
    expect_letter(4, 1, NULL);
}

Test(recent, nothing_is_found_after_it_was_forgotten)
{
    struct referral kept = {.number = 7};
    struct referral found;
    struct message letter;

    letter_of(&letter, 1, "Short.", 6);
    recent_keep(recent, &kept);
    recent_keep_letter(recent, 4, 1, &letter);
    recent_forget(recent);
    cr_assert_not(recent_find(recent, 7, &found));
    expect_letter(4, 1, NULL);
}

/* SPDX-License-Identifier: MIT
 * shelf: drafts that arrive in pieces, and what is remembered of them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/shelf.h"

static struct shelf *shelf;

static void set_up(void)
{
    shelf = shelf_open();
}

static void tear_down(void)
{
    shelf_close(&shelf);
}

TestSuite(shelf, .init = set_up, .fini = tear_down);

static uint32_t add(uint64_t connection, size_t first_byte, const char *text, bool last)
{
    size_t bytes = 0;
    uint32_t number = shelf_add(shelf, connection, first_byte, text, strlen(text), last, &bytes);

    cr_assert(!number || bytes == first_byte + strlen(text));
    return number;
}

static void assert_draft(uint32_t number, const char *expected)
{
    size_t length = 0;
    char *text = shelf_text(shelf, number, &length);

    cr_assert(text);
    cr_expect_str_eq(text, expected);
    cr_expect_eq(length, strlen(expected));
    free(text);
}

static void assert_no_draft(uint32_t number)
{
    size_t length = 0;

    cr_assert_null(shelf_text(shelf, number, &length));
}

Test(shelf, pieces_come_together_to_one_draft)
{
    uint32_t number = add(7, 0, "hubs = ", false);

    cr_assert_gt(number, 0);
    assert_no_draft(number);
    cr_assert_eq(add(7, 7, "(", false), number);
    cr_assert_eq(add(7, 8, ");", true), number);
    assert_draft(number, "hubs = ();");
}

Test(shelf, a_piece_that_leaves_a_gap_or_comes_twice_does_not_fit)
{
    uint32_t number = add(7, 0, "abc", false);

    cr_expect_eq(add(7, 4, "e", true), 0);
    cr_expect_eq(add(7, 2, "c", true), 0);
    cr_expect_eq(add(7, 3, "d", true), number);
    cr_expect_eq(add(7, 4, "e", true), 0);
    assert_draft(number, "abcd");
}

Test(shelf, numbers_go_on_from_where_they_are_told_to)
{
    uint32_t before = add(7, 0, "before", true);

    shelf_count_from(shelf, 70003);
    cr_expect_eq(add(7, 0, "after", true), 70004);
    assert_draft(before, "before");
    assert_draft(70004, "after");
}

Test(shelf, a_piece_belongs_to_the_newest_draft_of_its_connection_wherever_that_stands)
{
    uint32_t newest = 0;

    for (unsigned i = 0; i <= SHELF_DRAFTS; i++)
        newest = add(7, 0, "hubs", false);
    cr_expect_eq(add(7, 4, " = ();", true), newest);
    assert_draft(newest, "hubs = ();");
}

Test(shelf, connections_do_not_write_into_each_others_drafts)
{
    uint32_t one = add(7, 0, "abc", false);
    uint32_t two = add(8, 0, "xyz", false);

    cr_assert_neq(one, two);
    cr_expect_eq(add(9, 3, "?", true), 0);
    cr_expect_eq(add(7, 3, "d", true), one);
    cr_expect_eq(add(8, 3, "!", true), two);
    assert_draft(one, "abcd");
    assert_draft(two, "xyz!");
}

Test(shelf, a_draft_goes_when_enough_newer_ones_have_begun)
{
    uint32_t first = add(7, 0, "first", true);

    for (int i = 1; i < SHELF_DRAFTS; i++)
        add(8, 0, "newer", true);
    assert_draft(first, "first");
    add(8, 0, "newer", true);
    assert_no_draft(first);
    assert_no_draft(0);
    assert_no_draft(first + SHELF_DRAFTS + 1);
}

Test(shelf, a_draft_that_is_too_large_is_not_taken)
{
    size_t half = SHELF_BYTES_MAX / 2;
    char *text = calloc(1, half + 1);
    size_t bytes = 0;

    memset(text, ' ', half);
    cr_expect_gt(shelf_add(shelf, 7, 0, text, half, false, &bytes), 0);
    cr_expect_gt(shelf_add(shelf, 7, half, text, half, false, &bytes), 0);
    cr_expect_eq(bytes, SHELF_BYTES_MAX);
    cr_expect_eq(shelf_add(shelf, 7, 2 * half, " ", 1, true, &bytes), 0);
    free(text);
}

Test(shelf, a_comparison_holds_for_the_version_that_it_was_made_with)
{
    uint32_t number = add(7, 0, "abc", true);
    uint32_t holes = 0;

    cr_expect_not(shelf_new_holes(shelf, number, 3, &holes));
    cr_expect_not(shelf_new_holes(shelf, number, 0, &holes), "none is no version");
    shelf_compared(shelf, number, 3, 12);
    cr_expect(shelf_new_holes(shelf, number, 3, &holes));
    cr_expect_eq(holes, 12);
    cr_expect_not(shelf_new_holes(shelf, number, 4, &holes));
    cr_expect_not(shelf_new_holes(shelf, number + 1, 3, &holes));
    add(7, 0, "a later one", true);
    cr_expect(shelf_new_holes(shelf, number, 3, &holes));
    shelf_compared(shelf, number + 2, 5, 0);
    cr_expect_not(shelf_new_holes(shelf, number + 2, 5, &holes), "there is no such draft");
}

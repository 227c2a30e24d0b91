/* SPDX-License-Identifier: MIT
 * ask: what a client says again and when, without a clock. */
#include "clients/ask.h"

#include <criterion/criterion.h>

Test(ask, nothing_is_said_without_a_connection)
{
    struct ask ask = {0};

    ask_begin(&ask, 10);
    cr_assert_eq(ask_next(&ask, 10), ASK_NOTHING);
    cr_assert_eq(ask_due(&ask), ASK_NEVER);
}

Test(ask, hello_comes_first_and_again_after_a_second)
{
    struct ask ask = {0};

    ask_begin(&ask, 0);
    ask_connected(&ask, 100);
    cr_assert_eq(ask_next(&ask, 100), ASK_SAY_HELLO);
    cr_assert_eq(ask_next(&ask, 100), ASK_NOTHING);
    cr_assert_eq(ask_next(&ask, 1099), ASK_NOTHING);
    cr_assert_eq(ask_due(&ask), 1100);
    cr_assert_eq(ask_next(&ask, 1100), ASK_SAY_HELLO);
}

Test(ask, a_request_is_said_again_every_two_seconds_until_it_ends)
{
    struct ask ask = {0};

    ask_connected(&ask, 0);
    ask_welcomed(&ask, 0, 0);
    cr_assert_eq(ask_next(&ask, 0), ASK_NOTHING);
    ask_begin(&ask, 5);
    cr_assert_eq(ask_next(&ask, 5), ASK_SAY_REQUEST);
    cr_assert_eq(ask_next(&ask, 2004), ASK_NOTHING);
    cr_assert_eq(ask_next(&ask, 2005), ASK_SAY_REQUEST);
    ask_end(&ask);
    cr_assert_eq(ask_due(&ask), ASK_NEVER);
}

Test(ask, what_takes_long_is_said_again_when_it_says_or_after_a_reconnect)
{
    struct ask ask = {.again_ms = ASK_STUDY_AGAIN_MS};

    ask_connected(&ask, 0);
    ask_welcomed(&ask, 0, 0);
    ask_begin(&ask, 0);
    cr_assert_eq(ask_next(&ask, 0), ASK_SAY_REQUEST);
    cr_assert_eq(ask_next(&ask, ASK_STUDY_AGAIN_MS - 1), ASK_NOTHING);
    cr_assert_eq(ask_next(&ask, ASK_STUDY_AGAIN_MS), ASK_SAY_REQUEST);
    ask_disconnected(&ask);
    ask_connected(&ask, ASK_STUDY_AGAIN_MS + 10);
    ask_welcomed(&ask, 0, ASK_STUDY_AGAIN_MS + 10);
    cr_assert_eq(ask_next(&ask, ASK_STUDY_AGAIN_MS + 10), ASK_SAY_REQUEST);
}

Test(ask, after_a_reconnect_hello_comes_before_the_unanswered_request)
{
    struct ask ask = {0};

    ask_connected(&ask, 0);
    ask_welcomed(&ask, 0, 0);
    ask_begin(&ask, 0);
    ask_next(&ask, 0);
    ask_disconnected(&ask);
    cr_assert_eq(ask_next(&ask, 9000), ASK_NOTHING);
    ask_connected(&ask, 9000);
    cr_assert_eq(ask_next(&ask, 9000), ASK_SAY_HELLO);
    ask_welcomed(&ask, 0, 9001);
    cr_assert_eq(ask_next(&ask, 9001), ASK_SAY_REQUEST, "at once: an answer on the old connection cannot come");
}

Test(ask, busy_delays_the_repeat)
{
    struct ask ask = {0};

    ask_connected(&ask, 0);
    ask_welcomed(&ask, 0, 0);
    ask_begin(&ask, 0);
    ask_next(&ask, 0);
    ask_wait(&ask, 10, 30000);
    cr_assert_eq(ask_next(&ask, 30009), ASK_NOTHING);
    cr_assert_eq(ask_next(&ask, 30010), ASK_SAY_REQUEST);
}

Test(ask, a_second_welcome_does_not_hurry_a_request)
{
    struct ask ask = {0};

    ask_connected(&ask, 0);
    ask_welcomed(&ask, 0, 0);
    ask_begin(&ask, 0);
    ask_next(&ask, 0);
    ask_welcomed(&ask, 0, 5);
    cr_assert_eq(ask_next(&ask, 5), ASK_NOTHING);
}

/* A client that was welcomed, with everything up to a number confirmed. */
static struct ask welcomed(int64_t confirmed)
{
    struct ask ask = {0};

    ask_connected(&ask, 0);
    cr_assert_not(ask_welcomed(&ask, confirmed, 0));
    return ask;
}

static void take_and_give(struct ask *ask, int64_t number)
{
    cr_assert(ask_take(ask, number));
    cr_assert(ask_give(ask, number));
}

Test(ask, a_push_is_taken_once_and_a_gap_may_be)
{
    struct ask fresh = {0}, ask = welcomed(7);

    cr_assert_not(ask_take(&fresh, 1), "before hello is answered it is not known where the mailbox stands");
    cr_assert_not(ask_take(&ask, 7));
    cr_assert(ask_take(&ask, 8));
    cr_assert_not(ask_take(&ask, 8), "a repeat");
    cr_assert(ask_take(&ask, 10), "another connection has 9");
    cr_assert(ask_take(&ask, 9), "or had it");
}

Test(ask, what_was_taken_but_not_confirmed_is_not_taken_again_after_a_reconnect)
{
    struct ask ask = welcomed(0);

    take_and_give(&ask, 1);
    take_and_give(&ask, 2);
    cr_assert_eq(ask_store(&ask, 1), 1);
    ask_confirmed(&ask, 1, 1);
    ask_disconnected(&ask);
    ask_connected(&ask, 0);
    ask_welcomed(&ask, 1, 0);
    cr_assert_not(ask_take(&ask, 2));
    cr_assert(ask_take(&ask, 3));
}

Test(ask, what_another_program_of_the_party_has_confirmed_is_passed_over)
{
    struct ask ask = welcomed(0);

    ask_take(&ask, 1);
    ask_take(&ask, 6);
    ask_welcomed(&ask, 5, 0);
    cr_assert_not(ask_give(&ask, 1));
    cr_assert(ask_give(&ask, 6));
    cr_assert(ask_take(&ask, 7));
}

Test(ask, nothing_is_confirmed_that_the_caller_has_not_stored)
{
    struct ask ask = welcomed(0);

    take_and_give(&ask, 5);
    cr_assert(ask_take(&ask, 3), "another connection gave it back");
    cr_assert_eq(ask_store(&ask, 5), 0, "to confirm 5 would confirm 3");
    cr_assert(ask_give(&ask, 3));
    cr_assert_eq(ask_store(&ask, 3), 5, "now both");
    ask_confirmed(&ask, 5, 2);
    cr_assert_eq(ask.held_count, 0);
    cr_assert(ask_take(&ask, 5), "it was confirmed by nobody: it is given again");
}

Test(ask, what_was_given_before_with_a_lower_number_is_stored_too)
{
    struct ask ask = welcomed(0);

    take_and_give(&ask, 1);
    take_and_give(&ask, 2);
    ask_take(&ask, 3);
    cr_assert_eq(ask_store(&ask, 2), 2);
    ask_confirmed(&ask, 2, 2);
    cr_assert_eq(ask.held_count, 1);
}

Test(ask, what_could_not_be_kept_is_not_confirmed_and_comes_first_again)
{
    struct ask ask = welcomed(0);

    take_and_give(&ask, 1);
    cr_assert(ask_take(&ask, 2));
    ask_lose(&ask, 2);
    cr_assert_not(ask_take(&ask, 3), "else it would confirm 2");
    cr_assert_eq(ask_store(&ask, 1), 1);
    cr_assert(ask_take(&ask, 2));
    cr_assert(ask_take(&ask, 3));
}

Test(ask, there_is_a_bound_for_what_is_held)
{
    struct ask ask = welcomed(0);

    for (int64_t number = 1; number <= ASK_HELD_MAX; number++)
        cr_assert(ask_take(&ask, number));
    cr_assert_not(ask_take(&ask, ASK_HELD_MAX + 1));
    ask_give(&ask, 1);
    cr_assert_eq(ask_store(&ask, 1), 1);
    ask_confirmed(&ask, 1, 1);
    cr_assert_not(ask_take(&ask, ASK_HELD_MAX + 2), "what had no room comes before it");
    cr_assert(ask_take(&ask, ASK_HELD_MAX + 1));
}

Test(ask, what_was_lost_to_another_connection_does_not_hold_up_the_rest)
{
    struct ask ask = welcomed(0);

    cr_assert(ask_take(&ask, 2));
    ask_lose(&ask, 2);
    ask_welcomed(&ask, 0, 0);
    cr_assert(ask_take(&ask, 3), "behind the welcome 2 would have come first");
    ask_lose(&ask, 3);
    ask_welcomed(&ask, 0, 0);
    cr_assert(ask_take(&ask, 3));
    cr_assert(ask_take(&ask, 4));
}

Test(ask, what_is_kept_and_forgotten_is_taken_again)
{
    struct ask ask = welcomed(0);

    take_and_give(&ask, 5);
    ask_take(&ask, 3);
    cr_assert_not(ask_forget_kept(&ask), "to confirm 5 would confirm 3");
    ask_give(&ask, 3);
    ask_confirmed(&ask, ask_store(&ask, 5), 5);
    ask_take(&ask, 6);
    cr_assert(ask_forget_kept(&ask));
    cr_assert(ask_take(&ask, 6));
}

Test(ask, a_mailbox_that_has_gone_back_is_taken_from_there)
{
    struct ask ask = welcomed(10);

    take_and_give(&ask, 11);
    take_and_give(&ask, 13);
    cr_assert_eq(ask_store(&ask, 13), 13);
    ask_confirmed(&ask, 13, 11);
    cr_assert_not(ask_welcomed(&ask, 11, 0), "12 is with another connection");
    cr_assert(ask_welcomed(&ask, 4, 0));
    cr_assert(ask_take(&ask, 5));
}

Test(ask, who_waits_for_pushes_greets_again_from_time_to_time)
{
    struct ask ask = {0};

    ask_connected(&ask, 0);
    ask_welcomed(&ask, 0, 0);
    cr_assert_eq(ask_due(&ask), ASK_NEVER, "who only asks does not take the mailbox from others");
    ask_listen(&ask, true);
    cr_assert_eq(ask_due(&ask), ASK_LISTEN_AGAIN_MS);
    cr_assert_eq(ask_next(&ask, ASK_LISTEN_AGAIN_MS), ASK_SAY_HELLO);
    cr_assert_eq(ask_next(&ask, ASK_LISTEN_AGAIN_MS), ASK_NOTHING);
    ask_begin(&ask, ASK_LISTEN_AGAIN_MS);
    cr_assert_eq(ask_next(&ask, ASK_LISTEN_AGAIN_MS), ASK_SAY_REQUEST, "the request does not wait for that welcome");
}

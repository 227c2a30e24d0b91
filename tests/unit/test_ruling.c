/* SPDX-License-Identifier: MIT
 * ruling: another network while the daemon serves, and the emergency rules, told as conversations. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/talk.h"

#define HOUR INT64_C(3600000)
#define HEAD                                                                                                           \
    "name = \"Test\"; neighbour_distance = \"2km\"; deadlines = { attention_review = \"90d\"; };\n"                    \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"                                      \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"
#define HUB(id, services)                                                                                              \
    "{ id = \"" id "\"; name = \"" id "\"; tier = \"targeted\"; easting = 248100; northing = 56000;"                   \
    " areas = [ \"north\" ]; services = (" services "); }"
#define SERVICE(id, need, more) "{ id = \"" id "\"; needs = [ \"" need "\" ]; " more " }"
#define FRIENDS(places) SERVICE("friends", "befriending", "places = " places ";")
#define MEALS SERVICE("meals", "food", "places = 3;")

static const char oak[] = HEAD "hubs = (" HUB("oak", FRIENDS("1")) ");\n";
static const char oak_with_two[] = HEAD "hubs = (" HUB("oak", FRIENDS("2")) ");\n";
static const char oak_and_elm[] = HEAD "hubs = (" HUB("elm", MEALS) "," HUB("oak", FRIENDS("1")) ");\n";
static const char only_elm[] = HEAD "hubs = (" HUB("elm", FRIENDS("1")) ");\n";
static const char with_emergency[] =
    HEAD "emergency = { needs = [ \"food\" ]; answer_routine = \"5h\"; };\n"
         "hubs = (" HUB("oak", FRIENDS("1")) "," HUB(
             "elm", SERVICE("parcels", "food", "places = 2; emergency_only = true;")) ");\n";

static void begin(const char *text)
{
    talk_begin(text);
    talk_hello("gp");
    talk_hello("oak");
    talk_hello("elm");
}

TestSuite(ruling, .fini = talk_end);

static bool is_offered(int64_t referral)
{
    return talk_referral(referral).state == STATE_RECEIVED;
}

/* ---- what is refused ---- */

static void assert_refused(enum refusal refusal)
{
    cr_assert_eq(talk_refused(TALK_OPERATOR), refusal);
    cr_assert(talk_text_is(talk_heard(TALK_OPERATOR, MESSAGE_refused, 0), FIELD_field, "draft"));
    cr_assert_eq(talk_head().network, 1, "the rules that run stay");
}

Test(ruling, a_draft_that_is_missing_or_faulty_is_not_applied)
{
    begin(oak);
    talk_apply(1, false);
    assert_refused(REFUSAL_NOT_FOUND);
    size_t bytes = 0;
    uint32_t draft = shelf_add(talk_shelf, 1, 0, oak_with_two, 20, false, &bytes);
    talk_apply(draft, false);
    assert_refused(REFUSAL_NOT_FOUND);
    talk_apply(talk_draft("name = \"Test\"; hubs = ( );\n", 0), true);
    assert_refused(REFUSAL_FAULTY);
}

Test(ruling, a_draft_is_applied_only_when_its_holes_are_known_and_new_ones_are_meant)
{
    begin(oak);
    size_t bytes = 0;
    uint32_t unseen = shelf_add(talk_shelf, 1, 0, oak_with_two, sizeof oak_with_two - 1, true, &bytes);
    talk_apply(unseen, true);
    assert_refused(REFUSAL_NOT_CHECKED);
    uint32_t draft = talk_draft(oak_with_two, 3);
    talk_apply(draft, false);
    assert_refused(REFUSAL_HOLES);
    talk_apply(draft, true);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE);
    cr_assert_eq(talk_head().network, 2);
    uint32_t looked_at_before = talk_draft(oak_and_elm, 0);
    talk_change(oak);
    talk_apply(looked_at_before, false);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NOT_CHECKED, "compared with what is no longer in force");
}

Test(ruling, the_number_of_a_draft_names_no_other_draft_after_a_restart)
{
    begin(oak);
    uint32_t before = talk_draft(oak_and_elm, 0);
    shelf_close(&talk_shelf);
    talk_shelf = shelf_open();
    talk_restart(oak);
    uint32_t after = talk_draft(oak_with_two, 0);
    talk_apply(before, false);
    assert_refused(REFUSAL_NOT_FOUND);
    talk_apply(after, false);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE);
}

/* ---- what is done ---- */

Test(ruling, who_applied_it_and_why_stands_in_the_history)
{
    struct entry entry;
    char note[256], id[ID_BYTES_MAX + 1];

    begin(oak);
    talk_change(oak_with_two);
    cr_assert(talk_entry(EVENT_NETWORK_CHANGED, &entry, note));
    turn_party_id(talk_turn, entry.actor, id);
    cr_assert_str_eq(id, TALK_OPERATOR);
    cr_assert_str_eq(note, "a test");
    cr_assert_eq(entry.decision.network_version, 2);
    talk_apply(talk_draft(oak_with_two, 0), false);
    cr_assert_eq(message_number(talk_heard(TALK_OPERATOR, MESSAGE_done, 0), FIELD_duplicate), 1);
    cr_assert_eq(talk_head().network, 2);
}

Test(ruling, who_waits_is_offered_to_in_the_turn_that_brings_another_place)
{
    begin(oak);
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_change(oak_with_two);
    cr_assert(talk_about("oak", MESSAGE_offer, 2));
    cr_assert_eq(talk_figures("oak", "friends").places.used, 2);
    talk_change(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 2, "what was offered stays");
    talk_answer("oak", MESSAGE_accept, 2, 1);
    cr_assert_eq(talk_head().network, 3);
}

Test(ruling, who_is_held_is_judged_anew_and_what_was_offered_to_a_hub_that_is_gone_goes_on)
{
    begin(oak);
    talk_submit(1, NEED_FOOD);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_eq(talk_totals().attention, 1);
    talk_change(oak_and_elm);
    cr_assert(talk_about("elm", MESSAGE_offer, 1));
    cr_assert(is_offered(2), "the oak's row has changed, and its offer stays");
    cr_assert_eq(talk_figures("oak", "friends").places.used, 1);
    talk_change(only_elm);
    cr_assert(talk_about("oak", MESSAGE_withdrawn, 2));
    cr_assert(talk_about("elm", MESSAGE_offer, 2));
    talk_restart(only_elm);
    cr_assert_eq(talk_figures("elm", "friends").places.used, 1);
}

Test(ruling, what_a_hub_has_stated_holds_again_when_its_service_comes_back)
{
    begin(oak);
    talk_capacity("oak", "friends", 0);
    talk_change(only_elm);
    talk_restart(only_elm);
    talk_change(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 0);
    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(talk_totals().waiting, 1);
}

Test(ruling, what_was_accepted_is_counted_for_the_same_service_in_another_row)
{
    begin(oak);
    talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    talk_change(oak_and_elm);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 1);
    cr_assert_eq(talk_figures("oak", "friends").cases_open, 1);
    cr_assert_eq(talk_figures("elm", "meals").places.used, 0);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_not(is_offered(2), "never over capacity");
}

Test(ruling, what_was_accepted_stays_with_a_hub_that_is_gone)
{
    begin(oak);
    talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    talk_change(only_elm);
    cr_assert_eq(talk_totals().placed, 1);
    talk_answer("oak", MESSAGE_complete, 1, 1);
    cr_assert_eq(talk_count("gp", MESSAGE_ended), 1);
    talk_change(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 0);
}

Test(ruling, what_a_hub_stated_about_its_places_holds_as_long_as_the_files_own_figure_is_the_same)
{
    begin(oak);
    talk_capacity("oak", "friends", 7);
    talk_change(oak_and_elm);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 7);
    cr_assert_eq(talk_figures("oak", "friends").places.stated_at, TALK_NOW);
    talk_change(oak_with_two);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 2);
    talk_change(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 1);
    talk_restart(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 1, "a restart remembers no more");
}

Test(ruling, of_a_service_that_has_left_there_are_no_figures)
{
    begin(oak);
    talk_submit(1, NEED_BEFRIENDING);
    talk_change(only_elm);
    struct hub_figures figures = talk_figures("oak", "friends");
    cr_assert_eq(figures.places.total, 0);
    cr_assert_eq(figures.offers_open, 0);
    cr_assert_not(figures.connected);
}

Test(ruling, a_daemon_without_a_shelf_has_no_draft_to_apply)
{
    begin(oak);
    shelf_close(&talk_shelf);
    talk_restart(oak);
    talk_apply(1, false);
    assert_refused(REFUSAL_NOT_FOUND);
}

/* ---- over restarts ---- */

Test(ruling, what_was_applied_stays_in_force_until_the_file_changes)
{
    begin(oak);
    talk_change(oak_with_two);
    talk_restart(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 2);
    cr_assert_eq(talk_head().network, 2);
    talk_restart(oak_and_elm);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 1);
    cr_assert_eq(talk_head().network, 3);
    talk_change(oak_with_two);
    talk_restart(oak_with_two);
    cr_assert_eq(talk_head().network, 4, "the file has caught up");
    talk_restart(oak);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 1);
    cr_assert_eq(talk_head().network, 5);
}

Test(ruling, the_age_of_a_version_outlives_a_restart)
{
    begin(oak);
    talk_now += HOUR;
    talk_change(oak_with_two);
    talk_now += HOUR;
    talk_restart(oak);
    const struct network *network = turn_hold_network(talk_turn);
    cr_assert_eq(network->applied_at, TALK_NOW + HOUR);
    cr_assert_eq(network->version, 2);
    turn_release_network(talk_turn, &network);
}

/* ---- readers ---- */

Test(ruling, who_reads_a_network_may_read_on_when_another_is_in_force)
{
    begin(oak);
    const struct network *first = turn_hold_network(talk_turn);
    const struct network *again = turn_hold_network(talk_turn);
    talk_change(oak_and_elm);
    const struct network *second = turn_hold_network(talk_turn);
    talk_change(oak_with_two);
    cr_assert_eq(first->hubs_count, 1);
    cr_assert_eq(second->hubs_count, 2);
    cr_assert_null(turn_copy_places(talk_turn, first));
    turn_release_network(talk_turn, &first);
    cr_assert_null(first);
    cr_assert_eq(again->hubs_count, 1, "somebody else still reads it");
    turn_release_network(talk_turn, &second);
    turn_release_network(talk_turn, &again);
    const struct network *now = turn_hold_network(talk_turn);
    struct places *places = turn_copy_places(talk_turn, now);
    cr_assert_eq(places[0].total, 2);
    free(places);
    turn_release_network(talk_turn, &now);
}

Test(ruling, who_has_read_longest_may_be_the_first_to_end)
{
    begin(oak);
    const struct network *first = turn_hold_network(talk_turn);
    talk_change(oak_and_elm);
    const struct network *second = turn_hold_network(talk_turn);
    talk_change(oak_with_two);
    turn_release_network(talk_turn, &first);
    cr_assert_eq(second->hubs_count, 2);
    turn_release_network(talk_turn, &second);
}

/* ---- emergency ---- */

Test(ruling, a_network_that_is_still_read_when_the_daemon_ends_goes_with_it)
{
    begin(oak);
    const struct network *read = turn_hold_network(talk_turn);
    talk_change(oak_with_two);
    cr_expect_neq(turn_hold_network(talk_turn), read);
}

Test(ruling, a_store_that_is_nearly_full_takes_no_other_network)
{
    begin(oak);
    uint32_t draft = talk_draft(oak_with_two, 0);
    uint64_t used, limit;
    store_usage(talk_store, &used, &limit);
    talk_faults.limit_bytes = used + used / 20;
    talk_apply(draft, false);
    cr_expect_eq(talk_refused(TALK_OPERATOR), REFUSAL_FULL);
    cr_expect_eq(talk_head().network, 1);
    talk_faults.limit_bytes = 0;
    talk_apply(draft, false);
    cr_expect_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE);
}

Test(ruling, a_network_without_emergency_rules_has_no_emergency)
{
    begin(oak);
    talk_emergency(TALK_NOW + HOUR);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NO_EMERGENCY);
    cr_assert_eq(turn_emergency_until(talk_turn), 0);
}

Test(ruling, an_emergency_begins_with_a_reason_and_ends_by_itself)
{
    struct entry entry;
    char note[256], id[ID_BYTES_MAX + 1];

    begin(with_emergency);
    talk_submit(1, NEED_FOOD);
    cr_assert_eq(talk_totals().attention, 1);
    talk_emergency(TALK_NOW - 1);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_OUT_OF_RANGE);
    talk_emergency(TALK_NOW + 2 * HOUR);
    cr_assert(talk_about("elm", MESSAGE_offer, 1), "who was held is offered to at once");
    cr_assert_eq(turn_emergency_until(talk_turn), TALK_NOW + 2 * HOUR);
    cr_assert(talk_entry(EVENT_EMERGENCY_BEGAN, &entry, note));
    turn_party_id(talk_turn, entry.actor, id);
    cr_assert_str_eq(id, TALK_OPERATOR);
    cr_assert_str_eq(note, "snow");
    cr_assert_eq(entry.deadline, TALK_NOW + 2 * HOUR);
    talk_emergency(TALK_NOW + 2 * HOUR);
    cr_assert_eq(message_number(talk_heard(TALK_OPERATOR, MESSAGE_done, 0), FIELD_duplicate), 1);
    talk_answer("elm", MESSAGE_accept, 1, 1);
    for (int i = 0; i < 1000 && turn_emergency_until(talk_turn); i++) /* pushes go out again meanwhile */
        talk_wait_until_due();
    cr_assert_eq(turn_emergency_until(talk_turn), 0);
    cr_assert_eq(talk_now, TALK_NOW + 2 * HOUR);
    cr_assert(talk_entry(EVENT_EMERGENCY_ENDED, &entry, NULL));
    cr_assert_eq(entry.actor, PARTY_NONE);
    talk_submit(2, NEED_FOOD);
    cr_assert_not(is_offered(2));
    cr_assert_eq(talk_totals().placed, 1, "what was accepted stays");
}

Test(ruling, an_emergency_outlives_a_restart_and_ends_while_the_daemon_is_down)
{
    begin(with_emergency);
    talk_emergency(TALK_NOW + 2 * HOUR);
    talk_now += HOUR;
    talk_restart(with_emergency);
    talk_submit(1, NEED_FOOD);
    cr_assert(is_offered(1));
    talk_submit(2, NEED_FOOD);
    talk_submit(3, NEED_FOOD);
    cr_assert_eq(talk_totals().waiting, 1);
    talk_now += 2 * HOUR;
    talk_restart(with_emergency);
    talk_wait(0);
    cr_assert_eq(turn_emergency_until(talk_turn), 0);
    cr_assert_eq(talk_totals().waiting, 0, "nobody could take the third now");
    struct entry entry;
    cr_assert(talk_entry(EVENT_EMERGENCY_ENDED, &entry, NULL));
}

Test(ruling, an_operator_ends_an_emergency_or_gives_it_another_end)
{
    struct entry entry;
    char note[256];

    begin(with_emergency);
    talk_emergency(0);
    cr_assert_eq(message_number(talk_heard(TALK_OPERATOR, MESSAGE_done, 0), FIELD_duplicate), 1);
    talk_emergency(TALK_NOW + HOUR);
    talk_emergency(TALK_NOW + 5 * HOUR);
    cr_assert_eq(turn_emergency_until(talk_turn), TALK_NOW + 5 * HOUR);
    cr_assert_eq(turn_next_due(talk_turn), TALK_NOW + 5 * HOUR);
    talk_wait(2 * HOUR);
    talk_submit(1, NEED_FOOD);
    cr_assert(is_offered(1));
    talk_emergency(0);
    cr_assert_eq(turn_emergency_until(talk_turn), 0);
    cr_assert(talk_entry(EVENT_EMERGENCY_ENDED, &entry, note));
    cr_assert_str_eq(note, "snow");
    cr_assert_neq(entry.actor, PARTY_NONE);
    talk_submit(2, NEED_FOOD);
    cr_assert_not(is_offered(2));
}

Test(ruling, an_emergency_ends_with_the_network_that_has_rules_for_it)
{
    begin(with_emergency);
    talk_emergency(TALK_NOW + 5 * HOUR);
    talk_change(oak);
    cr_assert_eq(turn_emergency_until(talk_turn), 0);
    talk_change(with_emergency);
    talk_emergency(TALK_NOW + 5 * HOUR);
    talk_restart(oak_and_elm);
    talk_wait(0);
    cr_assert_eq(turn_emergency_until(talk_turn), 0);
}

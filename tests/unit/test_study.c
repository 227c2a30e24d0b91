/* SPDX-License-Identifier: MIT
 * study: drafts of a network, and what a study says of them and of what is stored. */
#include <stdio.h>

#include "daemon/io/config.h"
#include "daemon/profile.h"
#include "tests/asking.h"

#define HOUR INT64_C(3600000)
#define HEAD                                                                                                           \
    "name = \"Test\"; neighbour_distance = \"1km\";\n"                                                                 \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"                                      \
    "neighbourhoods = ( { code = \"north\"; name = \"The North\"; easting = 248000; northing = 56000; },\n"            \
    " { code = \"south\"; name = \"The South\"; easting = 258000; northing = 56000; } );\n"
#define HUB(id, area, services)                                                                                        \
    "{ id = \"" id "\"; name = \"The " id                                                                              \
    "\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [ \"" area "\" ]; services = ( " services    \
    " ); }"
#define FRIENDS(places) "{ id = \"friends\"; needs = [ \"befriending\" ]; places = " places "; }"
#define MEALS "{ id = \"meals\"; needs = [ \"food\" ]; places = 1; age_from = 65; }"

/* Ten kilometres away. */
#define ELM(services)                                                                                                  \
    "{ id = \"elm\"; name = \"The elm\"; tier = \"targeted\"; easting = 258000; northing = 56000; "                    \
    "areas = [ \"south\" ]; services = ( " services " ); }"

static const char usual[] = HEAD "hubs = (" HUB("oak", "north", FRIENDS("1")) "," ELM(FRIENDS("1") "," MEALS) ");";

static void begin(void)
{
    talk_begin(usual);
    asking_open();
}

TestSuite(study, .init = begin, .fini = asking_end);

/* The row about this item and setting; NULL: there is none. */
static const struct message *row_of(const char *item, const char *setting)
{
    for (size_t i = 0; i + 1 < asking_count; i++)
        if (talk_text_is(&asking_answers[i], FIELD_item, item) &&
            talk_text_is(&asking_answers[i], FIELD_setting, setting))
            return &asking_answers[i];
    return NULL;
}

static int64_t rows_told(void)
{
    cr_assert_eq(asking_answers[asking_count - 1].type, MESSAGE_end);
    cr_assert_eq(message_number(&asking_answers[asking_count - 1], FIELD_count), (int64_t)asking_count - 1);
    return (int64_t)asking_count - 1;
}

/* ---- drafts ---- */

Test(study, a_draft_of_many_pieces_is_checked_and_every_fault_told_with_its_line)
{
    size_t length = 3 * ASKING_DRAFT_PIECE;
    char *text = malloc(length + sizeof usual + 200);

    memset(text, '\n', length);
    strcpy(text + length, HEAD "hubs = (" HUB("oak", "nowhere", FRIENDS("1")) ");\nnaem = \"x\";");
    asking_study_of(MESSAGE_check, asking_draft(text));
    cr_assert_eq(rows_told(), 2);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(asking_answers[i].type, MESSAGE_fault);
        cr_expect_eq(message_number(&asking_answers[i], FIELD_line), (int64_t)length + 5 + i);
        cr_expect_null(memchr(message_text(&asking_answers[i], FIELD_fault).bytes, ':', 10), "no file and line");
    }
    free(text);
    asking_study_of(MESSAGE_check, asking_draft(usual));
    cr_expect_eq(rows_told(), 0);
}

Test(study, a_draft_that_is_not_there_or_is_faulty_is_not_studied)
{
    static const enum message_type about[] = {MESSAGE_diff, MESSAGE_coverage, MESSAGE_simulate};

    for (size_t i = 0; i < sizeof about / sizeof about[0]; i++) {
        asking_study_of(about[i], 99);
        cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
        asking_study_of(about[i], asking_draft("name = \"No hubs\";"));
        cr_expect_eq(asking_refused(), REFUSAL_FAULTY);
    }
}

Test(study, of_more_faults_than_are_told_the_number_of_the_rest_is_told)
{
    static char text[30000];
    size_t length = (size_t)snprintf(text, sizeof text, "%s\n", usual);

    for (int i = 0; i < CONFIG_FAULTS_MAX + 7; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "nothing_%d = 1;\n", i);
    asking_study_of(MESSAGE_check, asking_draft(text));
    cr_assert_eq(rows_told(), CONFIG_FAULTS_MAX + 1);
    cr_expect(talk_text_is(&asking_answers[CONFIG_FAULTS_MAX], FIELD_fault, "and 7 more"));
    cr_expect_not(message_has(&asking_answers[CONFIG_FAULTS_MAX], FIELD_line));
}

Test(study, a_fault_that_quotes_half_a_character_is_told_in_whole_ones)
{
    static const char *const quoted[] = {"\xc3", "\xff\x01", "\x07"};
    static char text[3000];

    for (size_t i = 0; i < sizeof quoted / sizeof quoted[0]; i++) {
        snprintf(text, sizeof text, HEAD "hubs = (" HUB("oak", "%s", FRIENDS("1")) ");", quoted[i]);
        asking_study_of(MESSAGE_check, asking_draft(text));
        cr_assert_gt(rows_told(), 0);
        struct text fault = message_text(&asking_answers[0], FIELD_fault);
        cr_expect(memchr(fault.bytes, '?', fault.length), "%.*s", (int)fault.length, fault.bytes);
        cr_expect_not(memchr(fault.bytes, quoted[i][0], fault.length));
    }
}

Test(study, a_draft_may_have_a_sender_that_nobody_knows_yet)
{
    struct message compare;
    int64_t draft = asking_draft(
        "name = \"Test\"; neighbour_distance = \"1km\";\n"
        "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"
        " { id = \"school\"; name = \"School\"; kind = \"other\"; } );\n"
        "neighbourhoods = ( { code = \"north\"; name = \"The North\"; easting = 248000; northing = 56000; },\n"
        " { code = \"south\"; name = \"The South\"; easting = 258000; northing = 56000; } );\n"
        "hubs = (" HUB("oak", "north", FRIENDS("1")) "," ELM(FRIENDS("1") "," MEALS) ");");

    asking_begin(&compare, MESSAGE_diff);
    message_set_number(&compare, FIELD_draft, draft);
    asking(&compare);
    cr_assert_eq(rows_told(), 1);
    cr_expect(talk_text_is(&asking_answers[0], FIELD_item, "school"));
    cr_expect(talk_text_is(&asking_answers[0], FIELD_after, "School"));
}

static enum message_type answer_to_piece(int64_t first_byte)
{
    struct message message;

    asking_begin(&message, MESSAGE_draft);
    message_set_number(&message, FIELD_first_byte, first_byte);
    message_set_string(&message, FIELD_draft_text, "name");
    return asking(&message)->type;
}

Test(study, a_piece_that_does_not_fit_is_refused)
{
    answer_to_piece(7);
    cr_expect_eq(asking_refused(), REFUSAL_OUT_OF_RANGE, "there is no draft that it could go on");
    cr_expect_eq(answer_to_piece(0), MESSAGE_drafted);
    answer_to_piece(3);
    cr_expect_eq(asking_refused(), REFUSAL_OUT_OF_RANGE, "a part of it stands there already");
    answer_to_piece(5);
    cr_expect_eq(asking_refused(), REFUSAL_OUT_OF_RANGE, "a part in front of it is missing");
    cr_expect_eq(answer_to_piece(4), MESSAGE_drafted);
}

Test(study, a_stored_version_becomes_a_draft_that_can_be_applied_again)
{
    struct message message;

    talk_change(HEAD "hubs = (" HUB("oak", "north", FRIENDS("9")) "," ELM(FRIENDS("1") "," MEALS) ");");
    cr_assert_eq(talk_figures("oak", "friends").places.total, 9);
    asking_begin(&message, MESSAGE_draft);
    message_set_number(&message, FIELD_network_version, 1);
    cr_assert_eq(asking(&message)->type, MESSAGE_drafted);
    int64_t draft = message_number(&asking_answers[0], FIELD_draft);
    asking_study_of(MESSAGE_diff, draft);
    cr_assert(talk_text_is(row_of("oak/friends", "places"), FIELD_after, "1"));
    asking_study_of(MESSAGE_coverage, draft);
    talk_apply((uint32_t)draft, false);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE);
    cr_assert_eq(talk_figures("oak", "friends").places.total, 1);
    asking_begin(&message, MESSAGE_draft);
    message_set_number(&message, FIELD_network_version, 77);
    asking(&message);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
}

Test(study, a_study_that_is_told_to_stop_says_to_come_later)
{
    study_stop(asking_study);
    asking_study_of(MESSAGE_coverage, 0);
    cr_assert_eq(asking_count, 1);
    cr_expect_eq(asking_refused(), REFUSAL_DRAINING);
}

/* ---- what differs ---- */

Test(study, an_unchanged_draft_has_no_differences)
{
    asking_study_of(MESSAGE_diff, asking_draft(usual));
    cr_expect_eq(rows_told(), 0);
}

Test(study, every_setting_that_differs_is_told_with_its_texts_and_whom_it_concerns)
{
    talk_submit(1, NEED_BEFRIENDING); /* the oak's only place */
    talk_submit(2, NEED_BEFRIENDING); /* waits for it */
    asking_study_of(
        MESSAGE_diff,
        asking_draft(
            "name = \"Test\"; neighbour_distance = \"2km\"; deadlines = { answer = { stat = \"30m\"; }; };\n"
            "senders = ( { id = \"gp\"; name = \"The GP\"; kind = \"gp_link_worker\"; } );\n"
            "neighbourhoods = ( { code = \"north\"; name = \"Upper North\"; easting = 248000; northing = 56000; },\n"
            " { code = \"west\"; name = \"The West\"; easting = 268000; northing = 56000; } );\n"
            "hubs = (" HUB("oak", "north", FRIENDS("1") "," MEALS) "," HUB("ash", "north", FRIENDS("3")) ");"));
    const struct message *distance = row_of("", "neighbour_distance");
    cr_assert(distance);
    cr_expect(talk_text_is(distance, FIELD_before, "1000m") && talk_text_is(distance, FIELD_after, "2000m"));
    cr_expect_not(message_has(distance, FIELD_affected));
    cr_expect(talk_text_is(row_of("", "deadlines.answer.stat"), FIELD_after, "30m"));
    cr_expect(talk_text_is(row_of("gp", "name"), FIELD_after, "The GP"));
    cr_expect_eq(message_number(row_of("north", "name"), FIELD_affected), 2, "who lives there");
    cr_expect_eq(message_number(row_of("south", ""), FIELD_change), CHANGE_REMOVED);
    cr_expect_eq(message_number(row_of("west", ""), FIELD_change), CHANGE_ADDED);
    cr_expect_eq(message_number(row_of("elm", ""), FIELD_change), CHANGE_REMOVED);
    cr_expect_eq(message_number(row_of("elm/meals", ""), FIELD_change), CHANGE_REMOVED);
    const struct message *meals = row_of("oak/meals", "");
    cr_expect_eq(message_number(meals, FIELD_change), CHANGE_ADDED);
    cr_expect_eq(message_number(meals, FIELD_affected), 0);
    const struct message *ash = row_of("ash", "");
    cr_expect_eq(message_number(ash, FIELD_change), CHANGE_ADDED);
    cr_expect_eq(message_number(ash, FIELD_affected), 1, "who waits could be helped there");
}

Test(study, a_service_that_changes_concerns_those_who_have_it_and_those_who_wait_for_it)
{
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_FOOD); /* before a person: nobody in the north offers it */
    asking_study_of(MESSAGE_diff, asking_draft(HEAD "hubs = (" HUB("oak", "north",
                                                                   FRIENDS("2")) "," ELM(FRIENDS("1") "," MEALS) ");"));
    cr_assert_eq(rows_told(), 1);
    cr_expect(talk_text_is(row_of("oak/friends", "places"), FIELD_before, "1"));
    cr_expect(talk_text_is(row_of("oak/friends", "places"), FIELD_after, "2"));
    cr_expect_eq(message_number(row_of("oak/friends", "places"), FIELD_affected), 2);
}

/* ---- coverage ---- */

static const struct message *hole_of(const char *code, enum need need, const char *band)
{
    for (size_t i = 0; i + 1 < asking_count; i++) {
        const struct message *hole = &asking_answers[i];
        if (talk_text_is(hole, FIELD_neighbourhood_code, code) && message_number(hole, FIELD_need) == (int64_t)need &&
            talk_text_is(hole, FIELD_age_band, band))
            return hole;
    }
    return NULL;
}

Test(study, coverage_lists_every_hole_of_the_network_in_force_with_its_cause)
{
    asking_study_of(MESSAGE_coverage, 0);
    cr_assert_eq(rows_told(), 3);
    cr_expect_eq(message_number(hole_of("north", NEED_FOOD, "0-64"), FIELD_cause), CAUSE_NOT_ELIGIBLE);
    cr_expect_eq(message_number(hole_of("north", NEED_FOOD, "65+"), FIELD_cause), CAUSE_TOO_FAR);
    cr_expect_eq(message_number(hole_of("south", NEED_FOOD, "0-64"), FIELD_cause), CAUSE_NOT_ELIGIBLE);
    cr_expect_not(message_has(hole_of("south", NEED_FOOD, "0-64"), FIELD_is_new));
}

Test(study, a_draft_with_new_holes_is_not_applied_unless_they_are_allowed)
{
    static const char without[] = HEAD "hubs = (" ELM(MEALS) ");";
    int64_t draft = asking_draft(without);
    uint32_t new_holes = 0;

    talk_apply((uint32_t)draft, false);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NOT_CHECKED);
    asking_study_of(MESSAGE_coverage, draft);
    cr_assert(message_number(&asking_answers[0], FIELD_is_new), "the new ones come first");
    cr_expect_eq(message_number(hole_of("north", NEED_BEFRIENDING, "65+"), FIELD_cause), CAUSE_NO_SERVICE);
    cr_expect(message_number(hole_of("south", NEED_BEFRIENDING, "0-64"), FIELD_is_new));
    cr_expect_not(message_number(hole_of("north", NEED_FOOD, "65+"), FIELD_is_new));
    cr_assert(shelf_new_holes(talk_shelf, (uint32_t)draft, 1, &new_holes));
    cr_expect_eq(new_holes, 4);
    talk_apply((uint32_t)draft, false);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_HOLES);
    talk_apply((uint32_t)draft, true);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE);
}

Test(study, a_neighbourhood_that_a_draft_drops_is_a_hole_for_all_it_had)
{
    int64_t draft = asking_draft(
        "name = \"Test\"; neighbour_distance = \"1km\";\n"
        "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"
        "neighbourhoods = ( { code = \"south\"; name = \"The South\"; easting = 258000; northing = 56000; } );\n"
        "hubs = (" ELM(FRIENDS("1") "," MEALS) ");");

    asking_study_of(MESSAGE_coverage, draft);
    cr_expect(message_number(hole_of("north", NEED_BEFRIENDING, "0-64"), FIELD_is_new));
    cr_expect_eq(message_number(hole_of("north", NEED_BEFRIENDING, "0-64"), FIELD_cause), CAUSE_TOO_FAR);
    cr_expect_null(hole_of("north", NEED_FOOD, "65+"), "it had none before");
}

/* ---- reports ---- */

Test(study, unmet_needs_are_told_by_week_neighbourhood_need_and_cause)
{
    struct message message;

    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    talk_wait(8 * TALK_DAY);
    talk_submit(4, NEED_FOOD);
    asking_begin(&message, MESSAGE_unmet);
    asking(&message);
    cr_assert_eq(rows_told(), 2);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_need), NEED_FOOD, "the newest week first");
    cr_expect(talk_text_is(&asking_answers[0], FIELD_neighbourhood_name, "The North"));
    cr_expect_eq(message_number(&asking_answers[1], FIELD_cause), CAUSE_FULL);
    cr_expect_eq(message_number(&asking_answers[1], FIELD_count), 2);
    message_set_number(&message, FIELD_since, hours_day(talk_now));
    asking(&message);
    cr_assert_eq(rows_told(), 1);
}

Test(study, equity_counts_those_of_unknown_deprivation_apart)
{
    struct message message;

    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    talk_wait(10 * TALK_DAY);
    talk_answer("oak", MESSAGE_complete, 1, 1);
    talk_answer("oak", MESSAGE_accept, 2, 1);
    int64_t third = talk_submit(3, NEED_BEFRIENDING);
    talk_capacity("oak", "friends", 2);
    talk_answer("oak", MESSAGE_reject, third, 1);
    asking_begin(&message, MESSAGE_equity);
    asking(&message);
    cr_assert_eq(rows_told(), 6);
    const struct message *unknown = &asking_answers[5];
    cr_expect_not(message_has(unknown, FIELD_fifth));
    cr_expect_eq(message_number(unknown, FIELD_referrals), 3);
    cr_expect_eq(message_number(unknown, FIELD_accepted), 2);
    cr_expect_eq(message_number(unknown, FIELD_rejected), 1);
    cr_expect_eq(message_number(unknown, FIELD_waited), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referrals), 0);
    message_set_number(&message, FIELD_since, hours_day(talk_now));
    asking(&message);
    cr_expect_eq(message_number(&asking_answers[5], FIELD_referrals), 1);
}

/* Of `since`, all referrals that equity tells of. */
static int64_t counted_since(int64_t day)
{
    struct message message;
    int64_t referrals = 0;

    asking_begin(&message, MESSAGE_equity);
    message_set_number(&message, FIELD_since, day);
    asking(&message);
    for (int64_t i = 0; i < rows_told(); i++)
        referrals += message_number(&asking_answers[i], FIELD_referrals);
    return referrals;
}

Test(study, equity_is_counted_anew_when_it_is_older_than_its_referrals_allow)
{
    enum { COUNTED = 120 };
    const int64_t day = hours_day(talk_now);

    for (unsigned seed = 0; seed < COUNTED; seed++)
        talk_submit(seed, NEED_BEFRIENDING);
    cr_assert_eq(counted_since(day), COUNTED);
    talk_submit(COUNTED, NEED_BEFRIENDING);
    talk_now += 1;
    cr_expect_eq(counted_since(day), COUNTED, "good for six milliseconds");
    cr_expect_eq(counted_since(day + 1), 0, "another question");
    cr_expect_eq(counted_since(day), COUNTED + 1, "only the newest is kept");
    talk_submit(COUNTED + 1, NEED_BEFRIENDING);
    talk_now += 5;
    cr_expect_eq(counted_since(day), COUNTED + 1);
    talk_now += 1;
    cr_expect_eq(counted_since(day), COUNTED + 2);
    talk_submit(COUNTED + 2, NEED_BEFRIENDING);
    talk_change(HEAD "hubs = (" HUB("ash", "north", FRIENDS("1")) ");");
    cr_expect_eq(counted_since(day), COUNTED + 3, "another network");
}

Test(study, equity_is_not_counted_anew_when_nothing_was_stored)
{
    const int64_t day = hours_day(talk_now);

    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(counted_since(day), 1);
    struct transaction *transaction = store_begin(talk_store, true, NULL); /* behind the turn's back */
    cr_assert_eq(store_del(talk_store, transaction, TABLE_REFERRAL, 1), STORE_OK);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
    talk_now += 1000;
    cr_expect_eq(counted_since(day), 1, "as it was counted");
    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING);
    cr_expect_eq(counted_since(day), 2, "the second and the third");
}

Test(study, who_was_offered_in_time_and_accepted_late_has_waited)
{
    struct message message;

    talk_change(HEAD "hubs = (" HUB("oak", "north", FRIENDS("1")) "," HUB("ash", "north", FRIENDS("1")) ");");
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    talk_wait(47 * HOUR); /* of two days that a hub has to answer */
    talk_answer("oak", MESSAGE_reject, number, 1);
    talk_wait(HOUR / 2);
    asking_begin(&message, MESSAGE_equity);
    asking(&message);
    cr_expect_eq(message_number(&asking_answers[5], FIELD_waited), 0);
    talk_wait(HOUR);
    talk_answer("ash", MESSAGE_accept, number, 2);
    asking(&message);
    cr_expect_eq(message_number(&asking_answers[5], FIELD_waited), 1);
}

Test(study, a_hub_has_as_long_to_answer_as_its_hours_give)
{
    struct message message;

    talk_change(HEAD
                "hubs = ({ id = \"oak\"; name = \"The oak\"; tier = \"targeted\"; easting = 248100; "
                "northing = 56000; areas = [ \"north\" ]; hours = [ \"mon-fri 09:00-17:00\" ]; services = ( " FRIENDS(
                    "1") " ); }," HUB("ash", "north", FRIENDS("1")) ");");
    int64_t number = talk_submit(1, NEED_BEFRIENDING); /* on a Sunday: two days end on Tuesday at 17:00 */
    talk_wait(47 * HOUR);
    talk_answer("oak", MESSAGE_reject, number, 1);
    talk_wait(3 * HOUR);
    talk_answer("ash", MESSAGE_accept, number, 2);
    asking_begin(&message, MESSAGE_equity);
    asking(&message);
    cr_expect_eq(message_number(&asking_answers[5], FIELD_waited), 0);
}

/* The figures of a simulation over everything: the row about all. */
static const struct message *simulated(const char *text)
{
    asking_study_of(MESSAGE_simulate, asking_draft(text));
    cr_assert_eq(asking_answers[0].type, MESSAGE_simulated);
    return &asking_answers[0];
}

static const char adults[] = HEAD "hubs = (" HUB(
    "oak", "north", "{ id = \"friends\"; needs = [ \"befriending\" ]; places = 1; age_from = 18; }") ");";

Test(study, a_simulation_leaves_out_who_was_erased_and_keeps_the_place_that_they_had)
{
    struct mailbox_figures figures;
    struct message message;

    talk_change(adults);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_wait(HOUR);
    talk_submit(2, NEED_BEFRIENDING);
    talk_wait(5 * HOUR);
    talk_answer("oak", MESSAGE_complete, number, 1);
    talk_answer("oak", MESSAGE_accept, 2, 1);
    talk_wait(HOUR);
    cr_expect_eq(message_number(simulated(adults), FIELD_referrals), 2);
    cr_assert(turn_mailbox_figures(talk_turn, turn_party_number(talk_turn, "gp"), &figures));
    talk_confirm("gp", (int64_t)figures.last);
    talk_begin_request(&message, MESSAGE_erase);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_string(&message, FIELD_note, "asked for");
    talk_say("privacy", &message);
    cr_assert(talk_referral(number).erased);
    cr_assert_eq(talk_referral(number).profile.age, 0);
    cr_expect_eq(message_number(simulated(adults), FIELD_referrals), 1);
    cr_expect_gt(message_number(simulated(adults), FIELD_wait_hours_then), 0);
    cr_expect_eq(message_number(simulated(adults), FIELD_wait_hours_now),
                 message_number(simulated(adults), FIELD_wait_hours_then));
}

static const char two_hubs[] =
    HEAD "hubs = (" HUB("oak", "north", FRIENDS("2")) "," HUB("ash", "north", FRIENDS("2")) ");";

Test(study, a_simulation_goes_on_when_a_case_was_handed_back_or_taken_back)
{
    struct message message;

    talk_change(two_hubs);
    for (int64_t number = 1; number <= 2; number++) {
        talk_submit((unsigned)number, NEED_BEFRIENDING);
        struct text hub = {0};
        asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_status, number);
        hub = message_text(&asking_answers[0], FIELD_hub_id);
        char first[4], second[4];
        snprintf(first, sizeof first, "%.*s", (int)hub.length, hub.bytes);
        strcpy(second, strcmp(first, "oak") == 0 ? "ash" : "oak");
        talk_answer(first, MESSAGE_accept, number, 1);
        talk_wait(HOUR);
        talk_begin_request(&message, number == 1 ? MESSAGE_hand_back : MESSAGE_reoffer);
        message_set_number(&message, FIELD_referral_id, number);
        message_set_number(&message, FIELD_offer_number, 1);
        if (number == 1)
            message_set_number(&message, FIELD_status_reason, REASON_TRANSPORT);
        else
            message_set_string(&message, FIELD_note, "the hub asked for it");
        talk_say(number == 1 ? first : TALK_OPERATOR, &message);
        cr_assert_eq(talk_refused(number == 1 ? first : TALK_OPERATOR), REFUSAL_NONE);
        talk_wait(HOUR);
        talk_answer(second, MESSAGE_accept, number, 2);
        talk_wait(HOUR);
    }
    const struct message *all = simulated(two_hubs);
    cr_expect_eq(message_number(all, FIELD_referrals), 2);
    cr_expect_eq(message_number(all, FIELD_moved), 0);
}

Test(study, who_was_turned_away_takes_no_place_in_a_simulation)
{
    struct message message;

    talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    talk_submit(2, NEED_BEFRIENDING); /* waits */
    talk_wait(HOUR);
    talk_begin_request(&message, MESSAGE_turn_away);
    message_set_number(&message, FIELD_referral_id, 2);
    message_set_number(&message, FIELD_status_reason, REASON_DECLINED);
    message_set_string(&message, FIELD_note, "moved to another town");
    talk_say(TALK_OPERATOR, &message);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE);
    talk_wait(HOUR);
    talk_answer("oak", MESSAGE_complete, 1, 1);
    talk_wait(HOUR);
    cr_expect_eq(message_number(simulated(usual), FIELD_placed_then), 1);
    cr_expect_eq(message_number(simulated(usual), FIELD_placed_now), 1);
}

Test(study, a_simulation_without_referrals_says_so)
{
    asking_study_of(MESSAGE_simulate, asking_draft(usual));
    cr_assert_eq(rows_told(), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referrals), 0);
}

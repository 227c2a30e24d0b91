/* SPDX-License-Identifier: MIT
 * enquiry: a hub asks Adult Social Care, and others, whether a person is known; told as conversations. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/talk.h"

#define HOUR INT64_C(3600000)
#define MONDAY_AT_FIVE (TALK_NOW + 31 * HOUR) /* TALK_NOW is a Sunday, at ten */

#define HEAD(deadlines)                                                                                                \
    "name = \"Test\"; neighbour_distance = \"2km\"; deadlines = { " deadlines " };\n"                                  \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"                                      \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"
#define HUB(id, name, need, more)                                                                                      \
    "{ id = \"" id "\"; name = \"" name "\"; tier = \"targeted\"; easting = 248100; northing = 56000;"                 \
    " areas = [ \"north\" ]; " more " services = ( { id = \"help\"; needs = [ \"" need                                 \
    "\" ]; places = 9; citywide = true; } ); }"
#define OAK HUB("oak", "Oak", "befriending", "")
#define ELM HUB("elm", "Elm", "food", "")
#define SOCIAL_CARE HUB("asc", "Adult Social Care", "home-care", "hours = [ \"mon-fri 09:00-17:00\" ];")
#define FOR_A_DAY HEAD("enquiry = \"1d\"; contact = { routine = \"200d\"; };")

static const char all[] = FOR_A_DAY "hubs = (" OAK "," ELM "," SOCIAL_CARE ");\n";
static const char without_social_care[] = FOR_A_DAY "hubs = (" OAK "," ELM ");\n";
static const char with_closed_elm[] =
    FOR_A_DAY "hubs = (" OAK "," HUB("elm", "Elm", "food", "status = \"closed\";") "," SOCIAL_CARE ");\n";

static const char with_planned_elm[] =
    FOR_A_DAY "hubs = (" OAK "," HUB("elm", "Elm", "food", "opens_on = \"2027-01-04\";") "," SOCIAL_CARE ");\n";
static const char for_sixty_days[] =
    HEAD("enquiry = \"60d\"; contact = { routine = \"200d\"; };") "hubs = (" OAK "," ELM "," SOCIAL_CARE ");\n";

static void hello_all(void)
{
    talk_hello("gp");
    talk_hello("oak");
    talk_hello("elm");
    talk_hello("asc");
}

static void begin(void)
{
    talk_begin(all);
    hello_all();
}

TestSuite(enquiry, .init = begin, .fini = talk_end);

/* A case of oak. */
static int64_t begin_case(unsigned seed)
{
    int64_t referral = talk_submit(seed, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, referral, 1);
    return referral;
}

/* "Do you know Mrs Testcase?"; for a case, or else for a reason. */
static void make_enquiry(struct message *message, const char *asked, int64_t referral)
{
    talk_begin_request(message, MESSAGE_enquire);
    message_set_string(message, FIELD_hub_id, asked);
    if (referral)
        message_set_number(message, FIELD_referral_id, referral);
    else
        message_set_string(message, FIELD_note, "a neighbour called: he has no food");
    message_set_string(message, FIELD_nhs_number, "9990000018");
    message_set_string(message, FIELD_family_name, "Testcase");
    message_set_string(message, FIELD_given_name, "Harper");
    message_set_number(message, FIELD_date_of_birth, -9000);
    message_set_string(message, FIELD_postcode, "PL1 1AE");
}

/* Its number, as the asker is answered. */
static int64_t ask(const char *asker, const char *asked, int64_t referral)
{
    struct message message;

    make_enquiry(&message, asked, referral);
    talk_say(asker, &message);
    return message_number(talk_heard(asker, MESSAGE_done, 0), FIELD_enquiry_id);
}

static enum refusal ask_in_vain(const char *asker, const char *asked, int64_t referral, const char *field)
{
    struct message message;

    make_enquiry(&message, asked, referral);
    talk_say(asker, &message);
    cr_assert_eq(talk_count(asker, MESSAGE_done), 0);
    cr_assert(talk_text_is(talk_heard(asker, MESSAGE_refused, 0), FIELD_field, field));
    return talk_refused(asker);
}

static void make_answer(struct message *message, int64_t enquiry, enum known known)
{
    talk_begin_request(message, MESSAGE_answer_enquiry);
    message_set_number(message, FIELD_enquiry_id, enquiry);
    message_set_number(message, FIELD_known, known);
    message_set_string(message, FIELD_contact, "duty desk, 01632 960003");
    message_set_string(message, FIELD_note, "closed last year");
}

static enum refusal answer(const char *hub, int64_t enquiry, enum known known)
{
    struct message message;

    make_answer(&message, enquiry, known);
    talk_say(hub, &message);
    return talk_refused(hub);
}

static bool tells_person(const struct message *message)
{
    return message_has(message, FIELD_family_name) || message_has(message, FIELD_given_name) ||
           message_has(message, FIELD_nhs_number) || message_has(message, FIELD_date_of_birth) ||
           message_has(message, FIELD_postcode) || message_has(message, FIELD_note);
}

static uint64_t open_enquiries(void)
{
    return talk_totals().enquiries_open;
}

/* ---- asked and answered ---- */

Test(enquiry, the_asked_hub_is_told_who_is_asked_about_and_by_whom)
{
    int64_t referral = begin_case(1);
    int64_t enquiry = ask("oak", "asc", referral);
    const struct message *heard = talk_heard("asc", MESSAGE_enquiry, 0);

    cr_assert_eq(message_number(heard, FIELD_enquiry_id), enquiry);
    cr_assert_neq(enquiry, referral);
    cr_assert(talk_text_is(heard, FIELD_asker_id, "oak"));
    cr_assert(talk_text_is(heard, FIELD_asker_name, "Oak"));
    cr_assert(talk_text_is(heard, FIELD_family_name, "Testcase"));
    cr_assert(talk_text_is(heard, FIELD_given_name, "Harper"));
    cr_assert(talk_text_is(heard, FIELD_nhs_number, "9990000018"));
    cr_assert(talk_text_is(heard, FIELD_postcode, "PL1 1AE"));
    cr_assert_eq(message_number(heard, FIELD_date_of_birth), -9000);
    cr_assert(!message_has(heard, FIELD_referral_id), "which case it is for is not for who is asked");
    cr_assert_eq(talk_count("elm", MESSAGE_enquiry), 0);
    cr_assert_eq(open_enquiries(), 1);
}

Test(enquiry, the_answer_comes_back_to_the_asker)
{
    int64_t referral = begin_case(1);
    int64_t enquiry = ask("oak", "asc", referral);

    talk_wait(HOUR);
    cr_assert_eq(answer("asc", enquiry, KNOWN_YES), REFUSAL_NONE);
    cr_assert_eq(message_number(talk_heard("asc", MESSAGE_done, 0), FIELD_enquiry_id), enquiry);
    const struct message *heard = talk_heard("oak", MESSAGE_enquiry_answered, 0);
    cr_assert_eq(message_number(heard, FIELD_enquiry_id), enquiry);
    cr_assert_eq(message_number(heard, FIELD_referral_id), referral);
    cr_assert(talk_text_is(heard, FIELD_hub_id, "asc"));
    cr_assert(talk_text_is(heard, FIELD_hub_name, "Adult Social Care"));
    cr_assert_eq(message_number(heard, FIELD_known), KNOWN_YES);
    cr_assert(talk_text_is(heard, FIELD_contact, "duty desk, 01632 960003"));
    cr_assert(talk_text_is(heard, FIELD_note, "closed last year"));
    cr_assert(!message_has(heard, FIELD_status_reason));
    cr_assert_eq(open_enquiries(), 0);
}

Test(enquiry, all_of_it_stands_in_the_history)
{
    int64_t referral = begin_case(1);
    struct entry entry;

    int64_t enquiry = ask("oak", "asc", referral);
    cr_assert(talk_entry(EVENT_ENQUIRED, &entry, NULL));
    cr_assert_eq(entry.referral, (uint64_t)enquiry);
    cr_assert_eq(entry.linked, (uint64_t)referral);
    cr_assert_eq(entry.actor, turn_party_number(talk_turn, "oak"));
    cr_assert_eq(entry.hub, turn_party_number(talk_turn, "asc"));
    cr_assert_eq(entry.previous, 0);
    cr_assert_eq(entry.at, talk_now);
    uint64_t asked = entry.sequence;
    cr_assert_eq(answer("asc", enquiry, KNOWN_NO), REFUSAL_NONE);
    cr_assert(talk_entry(EVENT_ENQUIRY_ANSWERED, &entry, NULL));
    cr_assert_eq(entry.referral, (uint64_t)enquiry);
    cr_assert_eq(entry.linked, (uint64_t)referral);
    cr_assert_eq(entry.actor, turn_party_number(talk_turn, "asc"));
    cr_assert_eq(entry.known, KNOWN_NO);
    cr_assert_eq(entry.previous, asked);
}

Test(enquiry, a_hub_without_a_case_says_why_it_asks)
{
    int64_t enquiry = ask("elm", "asc", 0);

    cr_assert(talk_text_is(talk_heard("asc", MESSAGE_enquiry, 0), FIELD_note, "a neighbour called: he has no food"));
    cr_assert_eq(answer("asc", enquiry, KNOWN_NO), REFUSAL_NONE);
    const struct message *heard = talk_heard("elm", MESSAGE_enquiry_answered, 0);
    cr_assert_eq(message_number(heard, FIELD_known), KNOWN_NO);
    cr_assert(!message_has(heard, FIELD_referral_id));
}

Test(enquiry, adult_social_care_asks_too)
{
    int64_t enquiry = ask("asc", "oak", 0);

    cr_assert(talk_text_is(talk_heard("oak", MESSAGE_enquiry, 0), FIELD_asker_name, "Adult Social Care"));
    cr_assert_eq(answer("oak", enquiry, KNOWN_YES), REFUSAL_NONE);
    cr_assert(talk_heard("asc", MESSAGE_enquiry_answered, 0));
}

Test(enquiry, it_is_no_referral)
{
    int64_t enquiry = ask("elm", "asc", 0);
    struct message message;

    talk_begin_request(&message, MESSAGE_accept);
    message_set_number(&message, FIELD_referral_id, enquiry);
    message_set_number(&message, FIELD_offer_number, 1);
    talk_say("asc", &message);
    cr_assert_eq(talk_refused("asc"), REFUSAL_NOT_FOUND);
    cr_assert_eq(talk_totals().stored, 0);
    cr_assert_eq(talk_submit(1, NEED_BEFRIENDING), enquiry + 1, "both are numbered in one row");
}

/* ---- who may ask for what ---- */

Test(enquiry, only_for_a_case_of_its_own)
{
    int64_t referral = begin_case(1);

    cr_assert_eq(ask_in_vain("elm", "asc", referral, "referral_id"), REFUSAL_NOT_FOUND);
    cr_assert_eq(ask_in_vain("elm", "asc", 999, "referral_id"), REFUSAL_NOT_FOUND, "the same as if there were none");
    int64_t offered = talk_submit(2, NEED_BEFRIENDING);
    cr_assert_eq(ask_in_vain("oak", "asc", offered, "referral_id"), REFUSAL_NOT_FOUND, "an offer is no case yet");
    cr_assert_eq(talk_count("asc", MESSAGE_enquiry), 0);
    cr_assert_eq(open_enquiries(), 0);
}

Test(enquiry, not_for_a_case_that_has_ended)
{
    int64_t referral = begin_case(1);

    talk_answer("oak", MESSAGE_complete, referral, 1);
    cr_assert_eq(ask_in_vain("oak", "asc", referral, "referral_id"), REFUSAL_NOT_CURRENT);
}

Test(enquiry, for_a_case_that_another_hub_declined_and_as_long_as_it_lasts)
{
    static const enum message_type steps[] = {MESSAGE_accept, MESSAGE_start, MESSAGE_pause, MESSAGE_complete};
    int64_t referral = talk_submit_all(1, (const enum need[]){NEED_BEFRIENDING, NEED_FOOD, 0});
    int64_t offer = message_number(talk_about("elm", MESSAGE_offer, referral), FIELD_offer_number);

    talk_answer("oak", MESSAGE_accept, referral, 3 - offer);
    for (size_t i = 0; i < 3; i++) {
        talk_answer("elm", steps[i], referral, offer);
        cr_assert_gt(ask("elm", "asc", referral), referral);
    }
    talk_answer("elm", MESSAGE_resume, referral, offer);
    talk_answer("elm", steps[3], referral, offer);
    cr_assert_eq(ask_in_vain("elm", "asc", referral, "referral_id"), REFUSAL_NOT_CURRENT);
}

Test(enquiry, nobody_asks_a_hub_that_has_not_opened)
{
    talk_change(with_planned_elm);
    cr_assert_eq(ask_in_vain("oak", "elm", 0, "hub_id"), REFUSAL_NOT_FOUND);
}

Test(enquiry, nobody_asks_themselves_nor_who_is_not_there)
{
    talk_end();
    talk_begin(with_closed_elm);
    talk_hello("oak");
    cr_assert_eq(ask_in_vain("oak", "oak", 0, "hub_id"), REFUSAL_NOT_FOUND);
    cr_assert_eq(ask_in_vain("oak", "nowhere", 0, "hub_id"), REFUSAL_NOT_FOUND);
    cr_assert_eq(ask_in_vain("oak", "gp", 0, "hub_id"), REFUSAL_NOT_FOUND, "a sender is no hub");
    cr_assert_eq(ask_in_vain("oak", "elm", 0, "hub_id"), REFUSAL_NOT_FOUND, "it has closed for good");
    cr_assert_eq(talk_head().referral, 0);
}

Test(enquiry, a_store_that_is_nearly_full_takes_none)
{
    uint64_t used = 0;
    uint64_t limit = 0;

    store_usage(talk_store, &used, &limit);
    talk_faults.limit_bytes = used + used / 20;
    cr_assert_eq(ask_in_vain("elm", "asc", 0, ""), REFUSAL_FULL);
    talk_faults.limit_bytes = 0;
}

/* ---- once ---- */

Test(enquiry, the_same_request_twice_asks_once)
{
    struct message message;

    make_enquiry(&message, "asc", 0);
    talk_say("elm", &message);
    int64_t first = message_number(talk_heard("elm", MESSAGE_done, 0), FIELD_enquiry_id);
    talk_restart(all);
    hello_all();
    talk_say("elm", &message);
    const struct message *again = talk_heard("elm", MESSAGE_done, 0);
    cr_assert_eq(message_number(again, FIELD_enquiry_id), first);
    cr_assert_eq(message_number(again, FIELD_duplicate), 1);
    cr_assert_eq(talk_count("asc", MESSAGE_enquiry), 0);
    cr_assert_eq(talk_head().referral, (uint64_t)first);
    message_set_string(&message, FIELD_hub_id, "oak");
    talk_say("elm", &message);
    cr_assert_eq(talk_refused("elm"), REFUSAL_CONFLICT);
}

Test(enquiry, it_is_answered_once)
{
    int64_t enquiry = ask("elm", "asc", 0);
    struct message message;

    make_answer(&message, enquiry, KNOWN_YES);
    talk_say("asc", &message);
    cr_assert_eq(talk_count("elm", MESSAGE_enquiry_answered), 1);
    talk_say("asc", &message);
    cr_assert_eq(message_number(talk_heard("asc", MESSAGE_done, 0), FIELD_duplicate), 1);
    cr_assert_eq(talk_count("elm", MESSAGE_enquiry_answered), 0);
    cr_assert_eq(answer("asc", enquiry, KNOWN_NO), REFUSAL_OFFER_ENDED);
}

Test(enquiry, only_who_is_asked_answers)
{
    int64_t enquiry = ask("elm", "asc", 0);

    cr_assert_eq(answer("oak", enquiry, KNOWN_NO), REFUSAL_NOT_FOUND);
    cr_assert_eq(answer("elm", enquiry, KNOWN_NO), REFUSAL_NOT_FOUND);
    cr_assert_eq(answer("asc", enquiry + 1, KNOWN_NO), REFUSAL_NOT_FOUND);
    cr_assert_eq(answer("asc", begin_case(1), KNOWN_NO), REFUSAL_NOT_FOUND, "a referral is no enquiry");
    cr_assert_eq(open_enquiries(), 1);
}

/* ---- silence ---- */

Test(enquiry, silence_is_told_when_the_asked_hubs_own_time_has_passed)
{
    int64_t referral = begin_case(1);
    int64_t enquiry = ask("oak", "asc", referral);
    struct entry entry;

    cr_assert_eq(message_number(talk_heard("asc", MESSAGE_enquiry, 0), FIELD_deadline), MONDAY_AT_FIVE);
    while (turn_next_due(talk_turn) < MONDAY_AT_FIVE)
        talk_wait_until_due();
    cr_assert_eq(open_enquiries(), 1);
    cr_assert_eq(talk_count("oak", MESSAGE_enquiry_answered), 0);
    talk_wait_until_due();
    cr_assert_eq(talk_now, MONDAY_AT_FIVE, "the turn wakes by itself");
    const struct message *heard = talk_heard("oak", MESSAGE_enquiry_answered, 0);
    cr_assert_eq(message_number(heard, FIELD_enquiry_id), enquiry);
    cr_assert_eq(message_number(heard, FIELD_known), KNOWN_CANNOT_SAY);
    cr_assert_eq(message_number(heard, FIELD_status_reason), REASON_SILENCE);
    cr_assert(talk_text_is(heard, FIELD_hub_name, "Adult Social Care"));
    cr_assert_eq(open_enquiries(), 0);
    cr_assert(talk_entry(EVENT_ENQUIRY_EXPIRED, &entry, NULL));
    cr_assert_eq(entry.actor, PARTY_NONE);
    cr_assert_eq(answer("asc", enquiry, KNOWN_YES), REFUSAL_OFFER_ENDED, "it is too late");
}

Test(enquiry, an_answer_counts_until_silence_has_been_told)
{
    int64_t enquiry = ask("elm", "asc", 0);

    talk_now = MONDAY_AT_FIVE + HOUR; /* in the turn in which it falls due, requests come first */
    cr_assert_eq(answer("asc", enquiry, KNOWN_YES), REFUSAL_NONE);
    cr_assert_eq(talk_count("elm", MESSAGE_enquiry_answered), 1);
    cr_assert_eq(message_number(talk_heard("elm", MESSAGE_enquiry_answered, 0), FIELD_known), KNOWN_YES);
}

Test(enquiry, who_fetches_it_too_late_is_not_told_the_person)
{
    talk_end();
    talk_begin(all);
    talk_hello("elm");
    int64_t enquiry = ask("elm", "asc", 0);
    talk_wait(MONDAY_AT_FIVE + HOUR - talk_now);
    cr_assert_eq(talk_count("elm", MESSAGE_enquiry_answered), 1);
    talk_hello("asc");
    const struct message *late = talk_heard("asc", MESSAGE_enquiry, 0);
    cr_assert_eq(message_number(late, FIELD_enquiry_id), enquiry);
    cr_assert(!tells_person(late));
}

/* ---- many at once ---- */

Test(enquiry, those_whose_time_has_passed_at_once_end_a_thousand_in_a_turn)
{
    for (int i = 0; i <= 1000; i++)
        ask("elm", "asc", 0);
    talk_wait(MONDAY_AT_FIVE - talk_now);
    cr_assert_eq(open_enquiries(), 1);
    cr_assert_leq(turn_next_due(talk_turn), talk_now);
    talk_wait(0);
    cr_assert_eq(open_enquiries(), 0);
}

/* ---- the asked hub goes ---- */

Test(enquiry, a_hub_that_leaves_the_network_may_still_answer)
{
    int64_t enquiry = ask("elm", "asc", 0);

    talk_change(without_social_care);
    cr_assert_eq(answer("asc", enquiry, KNOWN_YES), REFUSAL_NONE);
    const struct message *heard = talk_heard("elm", MESSAGE_enquiry_answered, 0);
    cr_assert(talk_text_is(heard, FIELD_hub_id, "asc"));
    cr_assert(!message_has(heard, FIELD_hub_name));
}

Test(enquiry, a_hub_that_leaves_the_network_without_an_answer_is_silent)
{
    ask("elm", "asc", 0);
    talk_change(without_social_care);
    talk_wait(MONDAY_AT_FIVE - talk_now);
    const struct message *heard = talk_heard("elm", MESSAGE_enquiry_answered, 0);
    cr_assert_eq(message_number(heard, FIELD_status_reason), REASON_SILENCE);
    cr_assert(talk_text_is(heard, FIELD_hub_id, "asc"));
}

/* ---- restarts ---- */

Test(enquiry, a_restart_forgets_neither_question_nor_deadline)
{
    talk_end();
    talk_begin(all);
    talk_hello("elm");
    int64_t enquiry = ask("elm", "asc", 0);
    talk_restart(all);
    cr_assert_eq(open_enquiries(), 1);
    hello_all();
    talk_hello("asc");
    cr_assert(talk_text_is(talk_heard("asc", MESSAGE_enquiry, 0), FIELD_family_name, "Testcase"));
    talk_restart(all);
    talk_hello("elm");
    talk_wait(MONDAY_AT_FIVE - talk_now);
    cr_assert_eq(message_number(talk_heard("elm", MESSAGE_enquiry_answered, 0), FIELD_enquiry_id), enquiry);
    talk_restart(all);
    talk_hello("elm");
    cr_assert_eq(message_number(talk_heard("elm", MESSAGE_enquiry_answered, 0), FIELD_status_reason), REASON_SILENCE,
                 "it is told again, as it was not confirmed");
    cr_assert_eq(open_enquiries(), 0);
}

Test(enquiry, an_answer_is_told_after_a_restart)
{
    int64_t enquiry = ask("elm", "asc", 0);

    talk_gone((connection_t)'e');
    cr_assert_eq(answer("asc", enquiry, KNOWN_YES), REFUSAL_NONE);
    talk_restart(all);
    talk_hello("elm");
    const struct message *heard = talk_heard("elm", MESSAGE_enquiry_answered, 0);
    cr_assert(talk_text_is(heard, FIELD_contact, "duty desk, 01632 960003"));
    cr_assert(talk_text_is(heard, FIELD_note, "closed last year"));
}

/* ---- what is kept ---- */

static bool has_content(int64_t number)
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *bytes = NULL;
    size_t length = 0;
    bool has = store_get(talk_store, transaction, TABLE_CONTENT, (uint64_t)number, &bytes, &length) == STORE_OK;

    store_abort(talk_store, &transaction);
    return has;
}

Test(enquiry, what_was_asked_for_no_case_is_removed_thirty_days_after_its_end)
{
    int64_t answered = ask("elm", "asc", 0);
    int64_t silent = ask("elm", "asc", 0);
    struct entry entry;

    cr_assert_eq(answer("asc", answered, KNOWN_NO), REFUSAL_NONE);
    talk_wait(MONDAY_AT_FIVE - talk_now);
    talk_wait(TALK_NOW + 30 * TALK_DAY - HOUR - talk_now);
    cr_assert(has_content(answered));
    talk_restart(all);
    talk_wait(HOUR);
    cr_assert(!has_content(answered));
    cr_assert(has_content(silent), "it ended a day later");
    cr_assert(talk_entry(EVENT_ERASED, &entry, NULL));
    cr_assert_eq(entry.referral, (uint64_t)answered);
    cr_assert_eq(entry.letters_count, 0, "nobody is told of what just runs out");
    talk_wait(3 * TALK_DAY);
    cr_assert(!has_content(silent));
    cr_assert_eq(answer("asc", silent, KNOWN_NO), REFUSAL_ERASED);
}

Test(enquiry, it_is_removed_without_a_restart_too)
{
    int64_t enquiry = ask("elm", "asc", 0);

    cr_assert_eq(answer("asc", enquiry, KNOWN_NO), REFUSAL_NONE);
    cr_assert(has_content(enquiry));
    while (has_content(enquiry))
        talk_wait_until_due();
    cr_assert_eq(talk_now, TALK_NOW + 30 * TALK_DAY);
}

Test(enquiry, what_was_removed_before_its_deadline_is_not_removed_again)
{
    struct entry first, last;

    talk_end();
    talk_begin(for_sixty_days);
    hello_all();
    int64_t enquiry = ask("elm", "oak", 0);
    cr_assert_eq(answer("oak", enquiry, KNOWN_NO), REFUSAL_NONE);
    talk_wait(31 * TALK_DAY);
    cr_assert(talk_entry(EVENT_ERASED, &first, NULL));
    talk_wait(40 * TALK_DAY);
    talk_restart(for_sixty_days);
    talk_wait(31 * TALK_DAY);
    cr_assert(talk_entry(EVENT_ERASED, &last, NULL));
    cr_assert_eq(last.sequence, first.sequence);
}

Test(enquiry, what_was_asked_for_a_case_stays_with_the_case)
{
    int64_t enquiry = ask("oak", "asc", begin_case(1));

    cr_assert_eq(answer("asc", enquiry, KNOWN_NO), REFUSAL_NONE);
    talk_wait(200 * TALK_DAY);
    cr_assert(has_content(enquiry));
}

Test(enquiry, one_that_cannot_be_read_is_asked_without_the_person)
{
    talk_end();
    talk_begin(all);
    talk_hello("elm");
    int64_t enquiry = ask("elm", "asc", 0);
    cr_assert(store_memory_flip_bit(talk_store, TABLE_CONTENT, (uint64_t)enquiry, 900));
    talk_restart(all);
    talk_hello("asc");
    const struct message *heard = talk_heard("asc", MESSAGE_enquiry, 0);
    cr_assert(talk_text_is(heard, FIELD_asker_name, "Elm"), "whom to call");
    cr_assert(!tells_person(heard));
    talk_hello("elm");
    cr_assert_eq(answer("asc", enquiry, KNOWN_CANNOT_SAY), REFUSAL_NONE);
    heard = talk_heard("elm", MESSAGE_enquiry_answered, 0);
    cr_assert_eq(message_number(heard, FIELD_known), KNOWN_CANNOT_SAY);
    cr_assert(message_has(heard, FIELD_contact), "at once, though there is no key to keep it under");
}

Test(enquiry, a_record_that_cannot_be_read_is_counted_and_not_served)
{
    int64_t enquiry = ask("elm", "asc", 0);

    cr_assert(store_memory_flip_bit(talk_store, TABLE_ENQUIRY, (uint64_t)enquiry, 300));
    talk_restart(all);
    hello_all();
    cr_assert_eq(talk_totals().damaged, 1);
    cr_assert_eq(open_enquiries(), 0);
    cr_assert_eq(answer("asc", enquiry, KNOWN_YES), REFUSAL_NOT_FOUND);
    talk_wait(10 * TALK_DAY);
}

/* SPDX-License-Identifier: MIT
 * reader: what each may see of a referral with several needs, hubs and their places, and why somebody is where they
 * are. */
#include <stdio.h>

#include "tests/asking.h"

#define HOUR INT64_C(3600000)
#define HEAD                                                                                                           \
    "name = \"Test\"; neighbour_distance = \"1km\"; fresh = \"3d\"; hops_max = 4;\n"                                   \
    "emergency = { needs = [ \"food\" ]; neighbour_distance = \"30km\"; };\n"                                          \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"                                      \
    "neighbourhoods = ( { code = \"north\"; name = \"The North\"; easting = 248000; northing = 56000; },\n"            \
    " { code = \"south\"; name = \"The South\"; easting = 258000; northing = 56000; } );\n"
#define OAK(more)                                                                                                      \
    "{ id = \"oak\"; name = \"The Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000; "                    \
    "areas = [ \"north\" ]; hours = [ \"mon-tue 09:00-17:00\" ]; services = ( " more " ); }"
#define ELM(more)                                                                                                      \
    "{ id = \"elm\"; name = \"The Elm\"; tier = \"targeted\"; easting = 258000; northing = 56000; "                    \
    "areas = [ \"south\" ]; services = ( " more " ); }"
#define ASH                                                                                                            \
    "{ id = \"ash\"; name = \"The Ash\"; tier = \"targeted\"; easting = 248200; northing = 56000; "                    \
    "areas = [ ]; satellite_of = \"oak\"; services = ( { id = \"outreach\"; needs = [ \"befriending\" ]; "             \
    "shares = \"oak/friends\"; per_week = 5; } ); }"
#define LIBRARY                                                                                                        \
    "{ id = \"library\"; name = \"Library\"; tier = \"universal\"; easting = 248300; northing = 56000; "               \
    "areas = [ \"north\" ]; services = ( { id = \"desk\"; needs = [ \"advice-and-information\" ]; } ); }"
#define FRIENDS "{ id = \"friends\"; needs = [ \"befriending\" ]; places = 1; }"
#define MEALS "{ id = \"meals\"; needs = [ \"food\" ]; places = 3; citywide = true; }"
#define OVER_65 "{ id = \"lunch\"; needs = [ \"food\" ]; places = 3; age_from = 90; }"
#define NO_RISK                                                                                                        \
    "{ id = \"walks\"; needs = [ \"physical-activity\" ]; places = 3; "                                                \
    "conditions = ( { fact = \"age\"; at_most = 120; }, { fact = \"risk_flags\"; none_of = [ \"lone-visit\" ]; } ); }"

static const char usual[] =
    HEAD "hubs = (" OAK(FRIENDS "," OVER_65 "," NO_RISK) "," ELM(MEALS) "," ASH "," LIBRARY ");";
static const char without_oak[] = HEAD "hubs = (" ELM(MEALS) ");";
static const char both_befriend[] = HEAD "hubs = (" OAK(FRIENDS) "," ELM(
    MEALS ", { id = \"friends\"; needs = [ \"befriending\" ]; places = 1; citywide = true; }") ");";
static const enum need two_needs[] = {NEED_BEFRIENDING, NEED_FOOD, 0};

static void begin(void)
{
    talk_begin(usual);
    asking_open();
}

TestSuite(reader, .init = begin, .fini = asking_end);

static const struct message *status(const char *party, enum role role, int64_t referral)
{
    return asking_about(party, role, MESSAGE_status, referral);
}

static const struct value *part_of(const struct message *answer, size_t i, size_t member)
{
    return message_member(answer, FIELD_parts, i, member);
}

/* The row of considered hubs about this hub and need. */
static const struct message *considered(const char *hub, enum need need)
{
    for (size_t i = 0; i < asking_count; i++)
        if (asking_answers[i].type == MESSAGE_considered && talk_text_is(&asking_answers[i], FIELD_hub_id, hub) &&
            message_number(&asking_answers[i], FIELD_need) == (int64_t)need)
            return &asking_answers[i];
    cr_assert(false, "%s is not considered", hub);
    return NULL;
}

static void assert_needed(const struct message *row, enum rule rule, const char *needed)
{
    struct text text = message_text(row, FIELD_needed);

    cr_expect_eq(message_number(row, FIELD_rule), rule, "%s",
                 code_text(LIST_rule, (int)message_number(row, FIELD_rule)));
    cr_expect(talk_text_is(row, FIELD_needed, needed), "%.*s", (int)text.length, text.bytes);
}

/* ---- several needs ---- */

Test(reader, the_sender_sees_every_part_of_a_referral)
{
    int64_t number = talk_submit_all(1, two_needs);
    const struct message *answer = status("gp", ROLE_SENDER, number);

    cr_assert_eq(answer->type, MESSAGE_referral);
    cr_assert_eq(message_list_count(answer, FIELD_parts), 2);
    cr_expect_eq(message_list_count(answer, FIELD_needs), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct value *hub = part_of(answer, i, MEMBER_part_hub_name);
        cr_assert(hub->present);
        cr_expect_eq(memcmp(hub->text.bytes, i ? "The Elm" : "The Oak", 7), 0);
        cr_expect_eq(part_of(answer, i, MEMBER_part_offer_number)->number, (int64_t)i + 1);
        cr_expect_eq(part_of(answer, i, MEMBER_part_state)->number, STATE_RECEIVED);
        cr_expect(part_of(answer, i, MEMBER_part_deadline)->present);
    }
}

Test(reader, a_part_that_waits_has_its_position)
{
    talk_submit(1, NEED_BEFRIENDING);
    int64_t number = talk_submit_all(2, two_needs);
    const struct message *answer = status("gp", ROLE_SENDER, number);

    cr_assert_eq(message_list_count(answer, FIELD_parts), 2);
    cr_expect_eq(message_number(answer, FIELD_position), 1);
    bool waits = part_of(answer, 0, MEMBER_part_position)->present;
    const struct value *position = part_of(answer, waits ? 0 : 1, MEMBER_part_position);
    cr_assert(position->present);
    cr_expect_eq(position->number, 1);
    cr_expect_not(part_of(answer, waits ? 0 : 1, MEMBER_part_hub_id)->present);
}

Test(reader, a_hub_sees_its_own_needs_and_state_and_nothing_of_the_others)
{
    int64_t number = talk_submit_all(1, two_needs);
    talk_answer("elm", MESSAGE_accept, number, 2);
    const struct message *answer = status("oak", ROLE_HUB, number);

    cr_assert_eq(answer->type, MESSAGE_referral);
    cr_assert_eq(message_list_count(answer, FIELD_needs), 1);
    cr_expect_eq(message_member(answer, FIELD_needs, 0, MEMBER_code)->number, NEED_BEFRIENDING);
    cr_expect_not(message_has(answer, FIELD_parts));
    cr_expect_eq(message_number(answer, FIELD_offer_number), 1);
    cr_expect_eq(message_number(answer, FIELD_state), STATE_RECEIVED, "the other hub has accepted, not this one");
    cr_expect(talk_text_is(answer, FIELD_hub_id, "oak"));
    asking_about("oak", ROLE_HUB, MESSAGE_history, number);
    cr_assert_eq(asking_count, 2, "its offer, and the end");
    cr_expect(talk_text_is(&asking_answers[0], FIELD_hub_id, "oak"));
    status("elm", ROLE_HUB, number);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_state), STATE_ACCEPTED);
}

Test(reader, a_part_that_is_held_after_a_hub_declined_names_that_hub_no_more)
{
    int64_t number = talk_submit_all(1, two_needs);
    talk_answer("oak", MESSAGE_reject, number, 1);
    talk_answer("ash", MESSAGE_reject, number, 3);
    const struct message *answer = status("gp", ROLE_SENDER, number);

    cr_assert_eq(message_list_count(answer, FIELD_parts), 2);
    for (size_t i = 0; i < 2; i++) {
        bool held = part_of(answer, i, MEMBER_part_state)->number == STATE_ON_HOLD;
        cr_expect_eq(part_of(answer, i, MEMBER_part_hub_id)->present, !held);
        cr_expect_eq(part_of(answer, i, MEMBER_part_offer_number)->present, !held);
    }
}

/* The newest row of the event in the answer. */
static const struct message *happened(enum event event)
{
    for (size_t i = 0; i < asking_count; i++)
        if (asking_answers[i].type == MESSAGE_happened &&
            message_number(&asking_answers[i], FIELD_event) == (int64_t)event)
            return &asking_answers[i];
    cr_assert(false);
    return NULL;
}

static void assert_happened(enum event event, enum state state, enum business_status business_status, int64_t deadline)
{
    const struct message *row = happened(event);

    cr_expect_eq(message_number(row, FIELD_state), state);
    cr_expect_eq(message_number(row, FIELD_business_status), business_status);
    cr_expect_eq(message_number(row, FIELD_deadline), deadline);
    cr_expect_not(message_has(row, FIELD_outcome));
}

Test(reader, the_history_of_a_hub_tells_nothing_of_how_the_others_stand)
{
    int64_t number = talk_submit_all(1, two_needs);
    talk_answer("elm", MESSAGE_accept, number, 2);
    talk_answer("elm", MESSAGE_start, number, 2);
    talk_confirm("oak", 1);
    talk_answer("oak", MESSAGE_accept, number, 1);
    int64_t deadline = talk_referral(number).parts[0].deadline;
    talk_answer("elm", MESSAGE_complete, number, 2);
    talk_answer("oak", MESSAGE_fail, number, 1);
    cr_assert_eq(talk_referral(number).outcome, OUTCOME_PARTLY);
    asking_about("oak", ROLE_HUB, MESSAGE_history, number);
    assert_happened(EVENT_RECEIVED, STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_happened(EVENT_ACCEPTED, STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, deadline);
    assert_happened(EVENT_FAILED, STATE_FAILED, BUSINESS_NOT_HELPED, 0);
    asking_about("gp", ROLE_SENDER, MESSAGE_history, number);
    cr_expect_eq(message_number(happened(EVENT_RECEIVED), FIELD_state), STATE_IN_PROGRESS);
    cr_expect_eq(message_number(happened(EVENT_FAILED), FIELD_outcome), OUTCOME_PARTLY);
}

Test(reader, a_hub_sees_an_offer_that_it_fetched_too_late_as_it_stood_then)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_wait(32 * HOUR); /* the oak's system had until Monday at five to fetch it */
    talk_answer("oak", MESSAGE_accept, number, 1);
    asking_about("oak", ROLE_HUB, MESSAGE_history, number);
    cr_expect_eq(message_number(happened(EVENT_OVERDUE), FIELD_state), STATE_REQUESTED);
    cr_expect_eq(message_number(happened(EVENT_ACCEPTED), FIELD_state), STATE_ACCEPTED);
}

Test(reader, a_history_tells_every_offer_that_was_made)
{
    int64_t number = talk_submit_all(1, two_needs);

    asking_about("gp", ROLE_SENDER, MESSAGE_history, number);
    cr_assert_eq(asking_count, 3);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_event), EVENT_OFFERED);
    cr_expect(talk_text_is(&asking_answers[0], FIELD_hub_id, "elm"));
    cr_expect_eq(message_number(&asking_answers[1], FIELD_event), EVENT_SUBMITTED);
    cr_expect(talk_text_is(&asking_answers[1], FIELD_hub_id, "oak"));
}

Test(reader, a_list_by_hub_finds_a_hub_that_has_but_one_part)
{
    struct message message;

    talk_submit_all(1, two_needs);
    talk_submit(2, NEED_BEFRIENDING);
    asking_begin(&message, MESSAGE_list);
    message_set_string(&message, FIELD_hub_id, "elm");
    asking(&message);
    cr_expect_eq(asking_count, 2);
    message_set_string(&message, FIELD_hub_id, "ash");
    asking(&message);
    cr_expect_eq(asking_count, 1);
}

/* ---- deadlines, and who has gone on ---- */

Test(reader, a_referral_tells_its_deadline_whose_it_is_and_what_for)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    const struct message *answer = status("gp", ROLE_SENDER, number);

    cr_expect_eq(message_number(answer, FIELD_deadline), talk_referral(number).deadline);
    cr_expect(talk_text_is(answer, FIELD_deadline_owner, "oak"));
    cr_expect_eq(message_number(answer, FIELD_deadline_stage), talk_referral(number).stage);
    cr_expect(message_number(answer, FIELD_deadline_stage));
    talk_answer("oak", MESSAGE_accept, number, 1);
    cr_expect_eq(message_number(status("gp", ROLE_SENDER, number), FIELD_deadline_stage), STAGE_CONTACT);
    answer = status("oak", ROLE_HUB, number);
    cr_expect_eq(message_number(answer, FIELD_deadline_stage), STAGE_CONTACT);
    cr_expect(talk_text_is(answer, FIELD_deadline_owner, "oak"));
    talk_submit(2, NEED_BEFRIENDING); /* waits */
    answer = status("gp", ROLE_SENDER, 2);
    cr_expect_eq(message_number(answer, FIELD_deadline_stage), STAGE_REVIEW);
    cr_expect(talk_text_is(answer, FIELD_deadline_owner, "network"));
    cr_expect_not(message_has(answer, FIELD_is_erased));
    cr_expect_not(message_has(answer, FIELD_linked_ids));
}

static void hand_back(const char *hub, int64_t referral, int64_t offer)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_hand_back);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_offer_number, offer);
    message_set_number(&message, FIELD_status_reason, REASON_TRANSPORT);
    talk_say(hub, &message);
    cr_assert_eq(talk_refused(hub), REFUSAL_NONE);
}

Test(reader, a_hub_that_handed_back_sees_how_its_offer_ended_and_nothing_of_what_followed)
{
    talk_change(both_befriend);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, number, 1);
    hand_back("oak", number, 1);
    talk_answer("elm", MESSAGE_accept, number, 2);
    const struct message *answer = status("oak", ROLE_HUB, number);
    cr_assert_eq(answer->type, MESSAGE_referral);
    cr_expect_eq(message_number(answer, FIELD_state), STATE_FAILED);
    cr_expect_eq(message_number(answer, FIELD_business_status), BUSINESS_NOT_HELPED);
    cr_expect_eq(message_number(answer, FIELD_status_reason), REASON_TRANSPORT);
    cr_expect_eq(message_number(answer, FIELD_offer_number), 1);
    cr_expect(talk_text_is(answer, FIELD_hub_id, "oak"));
    cr_expect_not(message_has(answer, FIELD_deadline));
    asking_about("oak", ROLE_HUB, MESSAGE_history, number);
    for (size_t i = 0; i + 1 < asking_count; i++)
        cr_expect(talk_text_is(&asking_answers[i], FIELD_hub_id, "oak"), "nothing about the other hub");
    cr_expect_eq(message_number(happened(EVENT_HANDED_BACK), FIELD_state), STATE_FAILED);
    answer = status("gp", ROLE_SENDER, number);
    cr_expect_eq(message_number(answer, FIELD_state), STATE_ACCEPTED);
    cr_expect(talk_text_is(answer, FIELD_hub_id, "elm"));
}

/* Number of referrals that the hub is shown when it asks for one value. */
static size_t list_of(const char *hub, enum state state, const char *at_hub)
{
    struct message message;

    asking_begin(&message, MESSAGE_list);
    if (state)
        message_set_list(&message, FIELD_states, 1)[0] = (struct value){.present = true, .number = state};
    else
        message_set_string(&message, FIELD_hub_id, at_hub);
    asking_as(hub, ROLE_HUB, &message);
    return asking_count - 1;
}

Test(reader, a_hub_that_handed_back_learns_nothing_by_what_it_asks_a_list_for)
{
    talk_change(both_befriend);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, number, 1);
    cr_expect_eq(list_of("oak", STATE_ACCEPTED, NULL), 1);
    cr_expect_eq(list_of("oak", 0, "oak"), 1);
    hand_back("oak", number, 1);
    talk_answer("elm", MESSAGE_accept, number, 2);
    cr_expect_eq(list_of("oak", STATE_ACCEPTED, NULL), 0);
    cr_expect_eq(list_of("oak", STATE_FAILED, NULL), 1);
    cr_expect_eq(list_of("oak", 0, "elm"), 0);
    cr_expect_eq(list_of("elm", STATE_ACCEPTED, NULL), 1);
    cr_expect_eq(list_of("elm", 0, "elm"), 1);
}

Test(reader, a_hub_that_handed_back_sees_nothing_of_the_waiting_that_followed)
{
    talk_change(both_befriend);
    talk_capacity("elm", "friends", 0);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, number, 1);
    hand_back("oak", number, 1);
    cr_assert_eq(talk_referral(number).state, STATE_ON_HOLD);
    const struct message *answer = status("oak", ROLE_HUB, number);
    cr_expect_eq(message_number(answer, FIELD_state), STATE_FAILED);
    cr_expect_eq(message_number(answer, FIELD_business_status), BUSINESS_NOT_HELPED);
    cr_expect_not(message_has(answer, FIELD_position));
}

Test(reader, a_paused_case_is_on_hold_with_its_hub)
{
    struct message message;
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_begin_request(&message, MESSAGE_pause);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_number(&message, FIELD_offer_number, 1);
    message_set_string(&message, FIELD_note, "in hospital");
    talk_say("oak", &message);
    const struct message *answer = status("oak", ROLE_HUB, number);
    cr_expect_eq(message_number(answer, FIELD_state), STATE_ON_HOLD);
    cr_expect_eq(message_number(answer, FIELD_business_status), BUSINESS_PAUSED);
    cr_expect_eq(message_number(answer, FIELD_deadline_stage), STAGE_PAUSE);
    cr_expect(talk_text_is(status("gp", ROLE_SENDER, number), FIELD_hub_id, "oak"));
    asking_about("oak", ROLE_HUB, MESSAGE_history, number);
    cr_expect_eq(message_number(happened(EVENT_PAUSED), FIELD_business_status), BUSINESS_PAUSED);
}

/* ---- mailboxes ---- */

static const struct message *mailbox_of(const char *party)
{
    struct message message;

    asking_begin(&message, MESSAGE_mailboxes);
    asking(&message);
    for (size_t i = 0; i + 1 < asking_count; i++)
        if (talk_text_is(&asking_answers[i], FIELD_party, party))
            return &asking_answers[i];
    return NULL;
}

Test(reader, a_mailbox_shows_what_waits_in_it_since_when_and_who_reads_it)
{
    int64_t began = talk_now;

    cr_expect_null(mailbox_of("oak"), "it was never told anything");
    talk_submit(1, NEED_BEFRIENDING);
    talk_wait(HOUR);
    talk_submit(2, NEED_PHYSICAL_ACTIVITY);
    const struct message *mailbox = mailbox_of("oak");
    cr_assert(mailbox);
    cr_expect_eq(message_number(mailbox, FIELD_mailbox_number), 2);
    cr_expect_eq(message_number(mailbox, FIELD_unconfirmed), 2);
    cr_expect_eq(message_number(mailbox, FIELD_connections), 0);
    cr_expect_eq(message_number(mailbox, FIELD_oldest_unconfirmed_at), began);
    cr_expect_not(message_has(mailbox, FIELD_confirmed_at));
    talk_hello("oak");
    talk_confirm("oak", 1);
    mailbox = mailbox_of("oak");
    cr_expect_eq(message_number(mailbox, FIELD_unconfirmed), 1);
    cr_expect_eq(message_number(mailbox, FIELD_connections), 1);
    cr_expect_eq(message_number(mailbox, FIELD_oldest_unconfirmed_at), began + HOUR);
    cr_expect_eq(message_number(mailbox, FIELD_confirmed_at), talk_now);
    talk_confirm("oak", 2);
    mailbox = mailbox_of("oak");
    cr_expect_eq(message_number(mailbox, FIELD_unconfirmed), 0);
    cr_expect_not(message_has(mailbox, FIELD_oldest_unconfirmed_at));
}

/* ---- hubs, totals, versions ---- */

static const struct message *hub_row(const char *hub, const char *service)
{
    struct message message;

    asking_begin(&message, MESSAGE_hubs);
    asking(&message);
    for (size_t i = 0; i < asking_count; i++)
        if (talk_text_is(&asking_answers[i], FIELD_hub_id, hub) &&
            talk_text_is(&asking_answers[i], FIELD_service_id, service))
            return &asking_answers[i];
    cr_assert(false);
    return NULL;
}

Test(reader, a_service_shows_whose_places_it_uses_its_intake_hours_and_age)
{
    talk_submit(1, NEED_BEFRIENDING);
    const struct message *row = hub_row("ash", "outreach");
    cr_expect(talk_text_is(row, FIELD_shared_with, "oak/friends"));
    cr_expect_eq(message_number(row, FIELD_places), 1);
    cr_expect_eq(message_number(row, FIELD_places_free), 0);
    cr_expect_eq(message_number(row, FIELD_per_week), 5);
    cr_expect(message_has(row, FIELD_taken_this_week));
    cr_expect_eq(message_number(row, FIELD_taken_this_week), 0);
    row = hub_row("oak", "friends");
    cr_expect(talk_text_is(row, FIELD_opening_hours, "Mon-Tue 09:00-17:00"));
    cr_expect_not(message_has(row, FIELD_stale));
    cr_expect_not(message_has(row, FIELD_shared_with));
    talk_wait(4 * TALK_DAY);
    cr_expect(message_number(hub_row("oak", "friends"), FIELD_stale));
    talk_capacity("oak", "friends", 2);
    row = hub_row("ash", "outreach");
    cr_expect_not(message_has(row, FIELD_stale));
    cr_expect_eq(message_number(row, FIELD_places_stated_at), talk_now);
}

Test(reader, totals_count_the_open_hubs_that_take_referrals)
{
    struct message message;

    asking_begin(&message, MESSAGE_overview);
    cr_expect_eq(message_number(asking(&message), FIELD_hubs_open), 3, "not the library");
}

Test(reader, totals_count_mailboxes_that_nobody_reads)
{
    struct message message;

    asking_begin(&message, MESSAGE_overview);
    talk_submit(1, NEED_BEFRIENDING);
    cr_expect_eq(message_number(asking(&message), FIELD_mailboxes_silent), 0);
    talk_wait(6 * TALK_DAY);
    cr_expect_geq(message_number(asking(&message), FIELD_mailboxes_silent), 2, "the hub's and the sender's");
    cr_expect_eq(message_number(asking(&message), FIELD_enquiries_open), 0);
}

Test(reader, totals_tell_until_when_the_emergency_rules_are_on)
{
    struct message message;

    asking_begin(&message, MESSAGE_overview);
    cr_expect_not(message_has(asking(&message), FIELD_emergency_until));
    talk_emergency(talk_now + HOUR);
    cr_expect_eq(message_number(asking(&message), FIELD_emergency_until), talk_now + HOUR);
}

Test(reader, versions_are_told_from_the_newest)
{
    struct message message;

    talk_wait(HOUR);
    talk_change(without_oak);
    asking_begin(&message, MESSAGE_versions);
    asking(&message);
    cr_assert_eq(asking_count, 3);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_network_version), 2);
    cr_expect(message_number(&asking_answers[0], FIELD_chosen));
    cr_expect_eq(message_number(&asking_answers[0], FIELD_at), talk_now);
    cr_expect_eq(message_number(&asking_answers[1], FIELD_network_version), 1);
    cr_expect_not(message_number(&asking_answers[1], FIELD_chosen));
}

/* ---- explain ---- */

Test(reader, a_decision_about_several_needs_shows_every_hub_for_each_of_them)
{
    int64_t number = talk_submit_all(1, two_needs);
    const struct message *decision = asking_about("gp", ROLE_SENDER, MESSAGE_explain, number);

    cr_assert_eq(decision->type, MESSAGE_decision);
    cr_expect(message_number(decision, FIELD_replayed));
    cr_expect_eq(asking_count, 1 + 2 * 4 + 1);
    cr_expect(talk_text_is(decision, FIELD_hub_id, "oak"));
    cr_assert_eq(message_list_count(decision, FIELD_hub_ids), 2);
    cr_expect_eq(memcmp(message_element(decision, FIELD_hub_ids, 0)->text.bytes, "oak", 3), 0);
    cr_expect_eq(memcmp(message_element(decision, FIELD_hub_ids, 1)->text.bytes, "elm", 3), 0);
    cr_expect(message_number(considered("oak", NEED_BEFRIENDING), FIELD_chosen));
    cr_expect_not(message_number(considered("elm", NEED_BEFRIENDING), FIELD_chosen));
    cr_expect(message_number(considered("elm", NEED_FOOD), FIELD_chosen));
    cr_expect_eq(message_number(considered("elm", NEED_FOOD), FIELD_rank), 1);
    cr_expect_eq(message_number(considered("library", NEED_FOOD), FIELD_rule), RULE_TIER);
    assert_needed(considered("library", NEED_FOOD), RULE_TIER, "targeted, specialist; seen: universal");
}

Test(reader, a_decision_stays_explained_and_replayed_when_the_network_has_changed)
{
    int64_t number = talk_submit_all(1, two_needs);

    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_answer("elm", MESSAGE_accept, number, 2);
    talk_change(without_oak);
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect_eq(message_number(decision, FIELD_network_version), 1);
    cr_expect(message_number(decision, FIELD_replayed));
    cr_expect(message_number(considered("oak", NEED_BEFRIENDING), FIELD_chosen));
}

Test(reader, a_decision_for_want_of_places_is_replayed_with_the_places_of_then)
{
    talk_submit(1, NEED_BEFRIENDING);
    int64_t number = talk_submit(2, NEED_BEFRIENDING);

    talk_capacity("oak", "friends", 1); /* as before: it goes on waiting */
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect(message_number(decision, FIELD_replayed));
    cr_expect_eq(message_number(decision, FIELD_status_reason), REASON_ALL_FULL);
    assert_needed(considered("oak", NEED_BEFRIENDING), RULE_FULL, "a free place");
    assert_needed(considered("ash", NEED_BEFRIENDING), RULE_FULL, "a free place of friends");
}

Test(reader, a_hub_that_declined_is_shown_as_asked_already)
{
    talk_capacity("oak", "friends", 2);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_reject, number, 1);
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect(message_number(decision, FIELD_replayed));
    cr_expect(talk_text_is(decision, FIELD_hub_id, "ash"));
    cr_expect_eq(message_number(considered("oak", NEED_BEFRIENDING), FIELD_rule), RULE_ALREADY_ASKED);
    cr_expect(message_number(considered("ash", NEED_BEFRIENDING), FIELD_chosen));
}

static void say_to(enum message_type type, int64_t referral, void (*fill)(struct message *))
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_note, "a reason");
    if (fill)
        fill(&message);
    talk_say(type == MESSAGE_update ? "gp" : TALK_OPERATOR, &message);
    cr_assert_eq(talk_refused(type == MESSAGE_update ? "gp" : TALK_OPERATOR), REFUSAL_NONE);
}

static void fill_risk(struct message *message)
{
    message_set_list(message, FIELD_risk_flags, 1)[0] = (struct value){.present = true, .number = RISK_LONE_VISIT};
}

static void fill_phone(struct message *message)
{
    message_set_string(message, FIELD_phone, "+441632960009");
}

static void fill_elm(struct message *message)
{
    message_set_string(message, FIELD_hub_id, "elm");
    message_set_string(message, FIELD_service_id, "friends");
}

/* The risk keeps the person from the walks that they were offered, and accepted. */
Test(reader, a_decision_about_who_has_changed_since_is_told_without_its_reasons)
{
    struct message person;

    talk_person(&person, 1, (const enum need[]){NEED_PHYSICAL_ACTIVITY, 0});
    message_unset(&person, FIELD_risk_flags);
    int64_t number = talk_say_submit("gp", &person);
    talk_answer("oak", MESSAGE_accept, number, 1);
    say_to(MESSAGE_update, number, fill_phone);
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect(message_number(decision, FIELD_replayed), "nothing that rules look at has changed");
    cr_expect_gt(asking_count, 2);
    say_to(MESSAGE_update, number, fill_risk);
    decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_assert_eq(decision->type, MESSAGE_decision);
    cr_expect_not(message_number(decision, FIELD_replayed));
    cr_expect(talk_text_is(decision, FIELD_hub_id, "oak"));
    cr_expect_eq(asking_count, 2, "by what is known now, the oak would not have been asked");
}

Test(reader, a_choice_of_an_operator_is_told_as_the_reason)
{
    talk_change(both_befriend);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    say_to(MESSAGE_place, number, fill_elm);
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect_eq(message_number(decision, FIELD_event), EVENT_PLACED);
    cr_expect(talk_text_is(decision, FIELD_hub_id, "elm"));
    cr_expect(message_number(decision, FIELD_replayed));
    cr_expect_eq(asking_count, 2);
    say_to(MESSAGE_hold, number, NULL);
    decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect_eq(message_number(decision, FIELD_event), EVENT_HELD);
    cr_expect_eq(message_number(decision, FIELD_status_reason), REASON_HELD);
    cr_expect_not(message_has(decision, FIELD_hub_id));
    say_to(MESSAGE_release, number, NULL);
    decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect_eq(message_number(decision, FIELD_event), EVENT_RELEASED);
    cr_expect(message_number(decision, FIELD_replayed));
    cr_expect(message_has(decision, FIELD_hub_id));
}

static const char without_elm[] = HEAD "hubs = (" OAK(FRIENDS "," MEALS) ");";

Test(reader, a_choice_of_an_operator_is_told_when_the_hub_has_left_the_network)
{
    talk_change(both_befriend);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    say_to(MESSAGE_place, number, fill_elm);
    talk_answer("elm", MESSAGE_accept, number, 2);
    talk_change(without_elm);
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_expect_eq(message_number(decision, FIELD_event), EVENT_PLACED);
    cr_expect_eq(asking_refused(), REFUSAL_NONE);
}

Test(reader, events_pass_over_a_record_that_is_older_than_they_are)
{
    static struct talk_record older;
    struct message message;
    size_t told;

    talk_change(both_befriend);
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    talk_keep_record(number, &older);
    talk_answer("oak", MESSAGE_reject, number, 1);
    cr_assert_eq(talk_referral(number).offers_count, 2);
    asking_begin(&message, MESSAGE_events);
    asking(&message);
    told = asking_count;
    talk_put_back(number, &older);
    asking(&message);
    cr_expect_eq(asking_refused(), REFUSAL_NONE);
    cr_expect_eq(asking_count, told - 2, "the rejection, and the offer made by it");
}

/* ---- somebody who does not exist ---- */

static void ask_profile(struct message *message, enum need need, int64_t age)
{
    asking_begin(message, MESSAGE_profile);
    message_set_string(message, FIELD_neighbourhood_code, "north");
    message_set_number(message, FIELD_age, age);
    struct value *needs = message_set_list(message, FIELD_needs, 1);
    needs[MEMBER_code] = (struct value){.present = true, .number = (int64_t)need};
}

Test(reader, a_profile_is_decided_with_the_places_of_now_and_nothing_is_stored)
{
    struct message message;
    struct head before = talk_head();

    ask_profile(&message, NEED_BEFRIENDING, 40);
    cr_expect(talk_text_is(asking(&message), FIELD_hub_id, "oak"));
    cr_expect(message_number(considered("oak", NEED_BEFRIENDING), FIELD_chosen));
    cr_expect_eq(talk_head().batch, before.batch);
    talk_submit(1, NEED_BEFRIENDING);
    cr_expect_eq(message_number(asking(&message), FIELD_status_reason), REASON_ALL_FULL);
    assert_needed(considered("oak", NEED_BEFRIENDING), RULE_FULL, "a free place; seen: 1 of 1 taken");
}

Test(reader, each_failed_rule_says_what_it_asks_for_and_what_was_seen)
{
    struct message message;

    ask_profile(&message, NEED_FOOD, 40);
    asking(&message);
    assert_needed(considered("oak", NEED_FOOD), RULE_TOO_YOUNG, "age 90 or more; seen: 40");
    ask_profile(&message, NEED_PHYSICAL_ACTIVITY, 40);
    message_set_list(&message, FIELD_risk_flags, 1)[0] = (struct value){.present = true, .number = RISK_LONE_VISIT};
    cr_expect_eq(message_number(asking(&message), FIELD_status_reason), REASON_NO_HUB);
    assert_needed(considered("oak", NEED_PHYSICAL_ACTIVITY), RULE_CONDITION, "risk_flags none_of lone-visit");
    ask_profile(&message, NEED_BEFRIENDING, 40);
    message_set_string(&message, FIELD_neighbourhood_code, "south");
    asking(&message);
    cr_expect_eq(message_number(considered("oak", NEED_BEFRIENDING), FIELD_rule), RULE_OUT_OF_AREA);
    cr_expect(message_text(considered("oak", NEED_BEFRIENDING), FIELD_needed).length > 20);
}

/* One hub whose services are for few people each, by need. */
static const char choosy[] =
    HEAD "rings = [ \"home\" ]; plus_groups = [ \"migrants\" ];\n"
         "hubs = (" OAK(
             "{ id = \"old\"; needs = [ \"food\" ]; places = 1; age_to = 30; },"
             "{ id = \"women\"; needs = [ \"housing\" ]; places = 1; genders = [ \"2\", \"9\" ]; },"
             "{ id = \"carers\"; needs = [ \"benefits\" ]; places = 1; carers_only = true; },"
             "{ id = \"social\"; needs = [ \"debt-advice\" ]; places = 1;"
             "  senders = [ \"adult_social_care\" ]; },"
             "{ id = \"soon\"; needs = [ \"advocacy\" ]; places = 1; from = \"2027-01-01\"; },"
             "{ id = \"while\"; needs = [ \"learning\" ]; places = 1; from = \"2027-01-01\"; to = \"2027-02-01\"; },"
             "{ id = \"past\"; needs = [ \"employment\" ]; places = 1; to = \"2026-10-01\"; },"
             "{ id = \"groups\"; needs = [ \"counselling\" ]; places = 1;"
             "  conditions = ( { fact = \"plus_groups\"; any_of = [ \"migrants\" ]; } ); },"
             "{ id = \"is\"; needs = [ \"peer-support\" ]; places = 1;"
             "  conditions = ( { fact = \"is_carer\"; is = true; } ); },"
             "{ id = \"is-not\"; needs = [ \"carer-support\" ]; places = 1;"
             "  conditions = ( { fact = \"age\"; at_least = 18; }, { fact = \"no_fixed_abode\"; is = false; } ); },"
             "{ id = \"number\"; needs = [ \"social-activity\" ]; places = 1;"
             "  conditions = ( { fact = \"age\"; at_least = 18; }, { fact = \"age\"; at_least = 70; } ); }") ");";

Test(reader, each_rule_about_a_person_says_whom_the_service_is_for)
{
    static const struct {
        enum need need;
        enum rule rule;
        const char *needed;
    } cases[] = {{NEED_FOOD, RULE_TOO_OLD, "age 30 or less; seen: 40"},
                 {NEED_HOUSING, RULE_GENDER, "female, indeterminate; seen: male"},
                 {NEED_BENEFITS, RULE_CARERS_ONLY, "a carer"},
                 {NEED_DEBT_ADVICE, RULE_SENDER_KIND, "adult_social_care; seen: gp_link_worker"},
                 {NEED_ADVOCACY, RULE_NOT_RUNNING, "from 2027-01-01; seen: 2026-11-01"},
                 {NEED_LEARNING, RULE_NOT_RUNNING, "from 2027-01-01 to 2027-02-01; seen: 2026-11-01"},
                 {NEED_EMPLOYMENT, RULE_NOT_RUNNING, "until 2026-10-01; seen: 2026-11-01"},
                 {NEED_COUNSELLING, RULE_CONDITION, "plus_groups any_of the groups of the network file"},
                 {NEED_PEER_SUPPORT, RULE_CONDITION, "is_carer is true"},
                 {NEED_CARER_SUPPORT, RULE_CONDITION, "no_fixed_abode is false"},
                 {NEED_SOCIAL_ACTIVITY, RULE_CONDITION, "age at_least 70"}};
    struct message message;

    talk_restart(choosy);
    asking_close();
    asking_open();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ask_profile(&message, cases[i].need, 40);
        message_set_number(&message, FIELD_gender, GENDER_MALE);
        message_set_number(&message, FIELD_referral_source, SOURCE_GP_LINK_WORKER);
        message_set_number(&message, FIELD_no_fixed_abode, true);
        asking(&message);
        assert_needed(considered("oak", cases[i].need), cases[i].rule, cases[i].needed);
    }
    ask_profile(&message, NEED_HOUSING, 40);
    asking(&message);
    assert_needed(considered("oak", NEED_HOUSING), RULE_GENDER, "female, indeterminate; seen: not stated or not known");
    ask_profile(&message, NEED_DEBT_ADVICE, 40);
    asking(&message);
    assert_needed(considered("oak", NEED_DEBT_ADVICE), RULE_SENDER_KIND, "adult_social_care; seen: other");
    ask_profile(&message, NEED_FOOD, 20);
    message_set_string(&message, FIELD_neighbourhood_code, "south");
    asking(&message);
    assert_needed(considered("oak", NEED_FOOD), RULE_OUT_OF_AREA, "in its areas; seen: 9900 m");
}

Test(reader, a_profile_that_excludes_a_hub_that_is_not_there_is_refused)
{
    struct message message;

    ask_profile(&message, NEED_FOOD, 40);
    message_set_list(&message, FIELD_excluded_hub_ids, 1)[0] = (struct value){.present = true, .text = {"oka", 3}};
    asking(&message);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
    cr_expect(talk_text_is(&asking_answers[0], FIELD_field, "excluded_hub_ids"));
    message_set_list(&message, FIELD_excluded_hub_ids, 1)[0] = (struct value){.present = true, .text = {"elm", 3}};
    asking(&message);
    cr_expect_eq(asking_refused(), REFUSAL_NONE);
    cr_expect_eq(message_number(considered("elm", NEED_FOOD), FIELD_rule), RULE_EXCLUDED);
}

Test(reader, an_old_figure_asks_first_and_says_how_old_it_is)
{
    struct message message;

    talk_capacity("oak", "friends", 5);
    talk_wait(4 * TALK_DAY);
    talk_submit(1, NEED_BEFRIENDING);
    ask_profile(&message, NEED_BEFRIENDING, 40);
    asking(&message);
    assert_needed(considered("oak", NEED_BEFRIENDING), RULE_ASK_FIRST,
                  "a figure at most 72 h old, or no offer open; seen: 96 h");
    cr_expect(message_number(considered("oak", NEED_BEFRIENDING), FIELD_stale));
    cr_expect_eq(message_number(considered("oak", NEED_BEFRIENDING), FIELD_places_stated_at), talk_now - 4 * TALK_DAY);
}

Test(reader, a_profile_whose_need_is_low_is_told_where_to_go)
{
    struct message message;

    ask_profile(&message, NEED_ADVICE, 40);
    message_set_number(&message, FIELD_tier_needed, TIER_UNIVERSAL);
    cr_expect_eq(message_number(asking(&message), FIELD_event), EVENT_SIGNPOSTED);
    cr_assert_eq(asking_count, 3);
    cr_expect(message_number(considered("library", NEED_ADVICE), FIELD_chosen));
}

Test(reader, a_profile_with_a_wish_for_a_hub_that_is_not_there_is_refused)
{
    struct message message;

    ask_profile(&message, NEED_ADVICE, 40);
    message_set_string(&message, FIELD_preferred_hub_id, "oka");
    asking(&message);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
    cr_expect(talk_text_is(&asking_answers[0], FIELD_field, "preferred_hub_id"));
}

/* ---- lists and hubs ---- */

static const struct message *list_with(enum field field, int64_t number)
{
    struct message message;

    asking_begin(&message, MESSAGE_list);
    message_set_number(&message, field, number);
    return asking(&message);
}

static size_t rows_listed(void)
{
    cr_assert_eq(asking_answers[asking_count - 1].type, MESSAGE_end);
    cr_assert_eq(message_number(&asking_answers[asking_count - 1], FIELD_count), (int64_t)asking_count - 1);
    return asking_count - 1;
}

Test(reader, a_list_pages_on_until_each_was_told_once)
{
    struct message message;
    char next[20] = "";
    int64_t expected = 5;

    for (unsigned i = 1; i <= 5; i++)
        talk_submit(i, NEED_FOOD);
    do {
        asking_begin(&message, MESSAGE_list);
        message_set_number(&message, FIELD_limit, 2);
        if (next[0])
            message_set_string(&message, FIELD_from, next);
        asking(&message);
        cr_assert_leq(rows_listed(), 2);
        for (size_t i = 0; i < rows_listed(); i++)
            cr_assert_eq(message_number(&asking_answers[i], FIELD_referral_id), expected--, "the newest first");
        struct text from = message_text(&asking_answers[asking_count - 1], FIELD_next);
        snprintf(next, sizeof next, "%.*s", (int)from.length, from.bytes);
    } while (next[0]);
    cr_assert_eq(expected, 0);
}

static int64_t waited_ms;

static void note_wait(struct store *store, int64_t most_ms)
{
    (void)store;
    waited_ms = most_ms;
}

static int64_t wait_of(enum message_type type, const char *from)
{
    struct message message;

    asking_begin(&message, type);
    if (from)
        message_set_string(&message, FIELD_from, from);
    waited_ms = 0;
    asking(&message);
    return waited_ms;
}

Test(reader, what_happened_to_somebody_waits_for_the_store_a_list_a_moment_and_its_next_page_not_at_all)
{
    const struct store_engine *engine = talk_store->engine;
    struct store_engine noting = *engine;

    talk_submit(0, NEED_BEFRIENDING);
    noting.catch_up = note_wait;
    talk_store->engine = &noting;
    cr_expect_gt(wait_of(MESSAGE_events, NULL), 3600000);
    cr_expect_gt(wait_of(MESSAGE_events, "1"), 3600000);
    int64_t of_list = wait_of(MESSAGE_list, NULL);
    cr_expect(of_list > 0 && of_list <= 100);
    cr_expect_eq(wait_of(MESSAGE_list, "1"), 0);
    talk_store->engine = engine;
}

Test(reader, a_page_that_begins_at_what_is_no_number_is_refused)
{
    static const char *const none[] = {"x", "12a", "1 ", "-1", "/", ":", "1234567890123456789"};
    static const enum message_type paged[] = {MESSAGE_list, MESSAGE_events};
    struct message message;

    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        for (size_t type = 0; type < 2; type++) {
            asking_begin(&message, paged[type]);
            message_set_string(&message, FIELD_from, none[i]);
            asking(&message);
            cr_expect_eq(asking_refused(), REFUSAL_MALFORMED, "%s", none[i]);
            cr_expect(talk_text_is(&asking_answers[0], FIELD_field, "from"));
        }
}

Test(reader, a_list_of_one_sender_or_of_one_hub_has_those_alone)
{
    static const struct {
        enum field field;
        const char *party;
        size_t rows;
    } lists[] = {
        {FIELD_sender_id, "gp", 2}, {FIELD_sender_id, "gx", 0}, {FIELD_hub_id, "elm", 2}, {FIELD_hub_id, "oak", 0}};
    struct message message;

    talk_submit(1, NEED_FOOD);
    talk_submit(2, NEED_FOOD);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        asking_begin(&message, MESSAGE_list);
        message_set_string(&message, lists[i].field, lists[i].party);
        asking(&message);
        cr_expect_eq(rows_listed(), lists[i].rows, "%s", lists[i].party);
    }
}

Test(reader, a_history_ends_after_a_thousand_rows)
{
    struct message message;
    int64_t referral = talk_submit(1, NEED_FOOD);

    for (int i = 0; i < 1000; i++) {
        talk_begin_request(&message, MESSAGE_annotate);
        message_set_number(&message, FIELD_referral_id, referral);
        message_set_string(&message, FIELD_note, "a test");
        talk_say(TALK_OPERATOR, &message);
    }
    asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_history, referral);
    cr_expect_eq(rows_listed(), 1000);
}

Test(reader, of_more_than_a_thousand_versions_the_newest_are_told)
{
    struct message message;

    for (int i = 0; i < 1001; i++)
        talk_change(i % 2 ? without_oak : both_befriend);
    asking_begin(&message, MESSAGE_versions);
    asking(&message);
    cr_expect_eq(rows_listed(), 1000);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_network_version), 1002);
}

Test(reader, who_is_connected_has_a_mailbox_although_it_was_told_nothing)
{
    struct message message;

    asking_begin(&message, MESSAGE_mailboxes);
    asking(&message);
    cr_expect_eq(rows_listed(), 0);
    talk_hello("gp");
    asking(&message);
    cr_expect_eq(rows_listed(), 1);
}

Test(reader, whoever_is_closed_can_be_closed_again)
{
    asking_close();
    cr_expect_null(asking_reader);
    cr_expect_null(asking_study);
}

Test(reader, a_list_of_one_priority_or_of_what_needs_a_person_has_those_alone)
{
    struct message urgent;

    talk_submit(1, NEED_FOOD);
    talk_person(&urgent, 2, (const enum need[]){NEED_FOOD, 0});
    message_set_number(&urgent, FIELD_priority, PRIORITY_URGENT);
    talk_say_submit("gp", &urgent);
    talk_submit(3, NEED_HOUSING); /* nobody offers it */
    list_with(FIELD_priority, PRIORITY_URGENT);
    cr_assert_eq(rows_listed(), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referral_id), 2);
    list_with(FIELD_only_attention, 1);
    cr_assert_eq(rows_listed(), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referral_id), 3);
    list_with(FIELD_only_attention, 0);
    cr_expect_eq(rows_listed(), 3);
}

Test(reader, a_hub_has_in_its_list_of_attention_what_it_let_pass)
{
    struct message message;

    talk_submit(1, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    asking_begin(&message, MESSAGE_list);
    message_set_number(&message, FIELD_only_attention, 1);
    asking_as("oak", ROLE_HUB, &message);
    cr_expect_eq(rows_listed(), 0);
    for (int day = 0; day < 60 && !talk_referral(1).parts[0].overdue; day++)
        talk_wait(TALK_DAY);
    cr_assert(talk_referral(1).parts[0].overdue);
    asking_as("oak", ROLE_HUB, &message);
    cr_expect_eq(rows_listed(), 1);
    asking_as("elm", ROLE_HUB, &message);
    cr_expect_eq(rows_listed(), 0);
}

Test(reader, hubs_are_told_one_by_one_and_one_without_services_too)
{
    struct message message;

    talk_change(HEAD
                "hubs = (" OAK(FRIENDS) "," ELM(MEALS) ","
                                                       "{ id = \"desk\"; name = \"Desk\"; tier = \"targeted\"; status "
                                                       "= \"planned\"; easting = 248100; northing = 56000; } );");
    talk_submit(1, NEED_BEFRIENDING);
    asking_begin(&message, MESSAGE_hubs);
    asking(&message);
    cr_assert_eq(rows_listed(), 3);
    cr_expect(talk_text_is(&asking_answers[2], FIELD_hub_id, "desk"));
    cr_expect_not(message_has(&asking_answers[2], FIELD_service_id));
    cr_expect_eq(message_number(&asking_answers[2], FIELD_offers_open), 0);
    cr_expect_eq(message_number(&asking_answers[2], FIELD_connected), 0);
    message_set_string(&message, FIELD_hub_id, "oak");
    asking(&message);
    cr_assert_eq(rows_listed(), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_offers_open), 1);
    message_set_string(&message, FIELD_hub_id, "aok");
    asking(&message);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
    cr_expect(talk_text_is(&asking_answers[0], FIELD_field, "hub_id"));
}

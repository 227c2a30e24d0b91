/* SPDX-License-Identifier: MIT
 * reader_rights: who is shown who a person is, who has been told, what is stored about them; and who learns of which
 * events. */
#include <stdio.h>

#include "tests/asking.h"

#define MINUTE INT64_C(60000)
#define OFFICER "privacy"
#define HUB(id, services)                                                                                              \
    "{ id = \"" id "\"; name = \"The " id                                                                              \
    "\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [ \"north\" ]; services = ( " services       \
    " ); }"

static const char usual[] =
    "name = \"Test\"; neighbour_distance = \"1km\";\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"
    " { id = \"clinic\"; name = \"Clinic\"; kind = \"gp_link_worker\"; } );\n"
    "neighbourhoods = ( { code = \"north\"; name = \"The North\"; easting = 248000; northing = 56000; } );\n"
    "hubs = (" HUB("oak", "{ id = \"friends\"; needs = [ \"befriending\" ]; places = 9; }") "," HUB(
        "elm", "{ id = \"meals\"; needs = [ \"food\" ]; places = 9; }") "," HUB("ash", "{ id = \"friends\"; needs = [ "
                                                                                       "\"befriending\" ]; places = 9; "
                                                                                       "citywide = true; }") ");";
static const enum need two_needs[] = {NEED_BEFRIENDING, NEED_FOOD, 0};

static void begin(void)
{
    talk_begin(usual);
    asking_open();
}

TestSuite(reader_rights, .init = begin, .fini = asking_end);

/* ---- saying ---- */

/* A request about a referral, with a note. */
static void say_about(const char *party, enum message_type type, int64_t referral, const char *note)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_note, note);
    talk_say(party, &message);
    cr_assert_eq(talk_refused(party), REFUSAL_NONE);
}

static void reveal(const char *party, int64_t referral)
{
    say_about(party, MESSAGE_reveal, referral, "a complaint");
}

static enum role role_of(const char *party)
{
    static const struct {
        const char *party;
        enum role role;
    } roles[] = {{TALK_OPERATOR, ROLE_OPERATOR},
                 {"uid-4000", ROLE_OPERATOR},
                 {OFFICER, ROLE_PRIVACY_OFFICER},
                 {"gp", ROLE_SENDER},
                 {"clinic", ROLE_SENDER}};

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].party, party) == 0)
            return roles[i].role;
    return ROLE_HUB;
}

static const struct message *status_with_reveal(const char *party, int64_t referral)
{
    struct message message;

    asking_begin(&message, MESSAGE_status);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_reveal, 1);
    return asking_as(party, role_of(party), &message);
}

/* Everything that the party was told is confirmed. */
static void confirm_all(const char *party)
{
    struct mailbox_figures figures;

    cr_assert(turn_mailbox_figures(talk_turn, turn_party_number(talk_turn, party), &figures));
    talk_hello(party);
    talk_confirm(party, (int64_t)figures.last);
}

/* Somebody who was helped by the oak, and whose sender knows. */
static int64_t closed_referral(unsigned seed)
{
    struct message message;
    int64_t number = talk_submit(seed, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_answer("oak", MESSAGE_start, number, 1);
    talk_begin_request(&message, MESSAGE_complete);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_number(&message, FIELD_offer_number, 1);
    message_set_number(&message, FIELD_outcome, OUTCOME_GOT_HELP);
    message_set_string(&message, FIELD_note, "goes to the garden now");
    message_set_list(&message, FIELD_support_offered, 1)[0] =
        (struct value){.present = true, .number = NEED_BEFRIENDING};
    talk_say("oak", &message);
    confirm_all("gp");
    cr_assert_eq(talk_referral(number).business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
    return number;
}

/* The newest row of the event in the answer; NULL: there is none. */
static const struct message *happened(enum event event)
{
    for (size_t i = 0; i < asking_count; i++)
        if (asking_answers[i].type == MESSAGE_happened &&
            message_number(&asking_answers[i], FIELD_event) == (int64_t)event)
            return &asking_answers[i];
    return NULL;
}

static void assert_seen(size_t i, const char *actor, const char *told)
{
    cr_assert_lt(i, asking_count);
    cr_assert_eq(asking_answers[i].type, MESSAGE_seen);
    cr_expect(talk_text_is(&asking_answers[i], FIELD_actor, actor), "%s", actor);
    cr_expect(talk_text_is(&asking_answers[i], FIELD_told, told), "%s", told);
}

/* ---- status with reveal ---- */

Test(reader_rights, an_operator_is_shown_a_person_only_after_saying_why)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    status_with_reveal(TALK_OPERATOR, number);
    cr_assert_eq(asking_refused(), REFUSAL_REASON_FIRST);
    cr_assert_eq(asking_count, 1);
    reveal(TALK_OPERATOR, number);
    cr_expect(message_has(status_with_reveal(TALK_OPERATOR, number), FIELD_family_name));
    const struct message *plain = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_status, number);
    cr_expect_not(message_has(plain, FIELD_family_name), "who does not ask to see is not shown");
}

Test(reader_rights, a_reason_holds_for_fifteen_minutes)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    reveal(TALK_OPERATOR, number);
    talk_wait(15 * MINUTE);
    cr_expect(message_has(status_with_reveal(TALK_OPERATOR, number), FIELD_family_name));
    talk_wait(1);
    status_with_reveal(TALK_OPERATOR, number);
    cr_expect_eq(asking_refused(), REFUSAL_REASON_FIRST);
}

Test(reader_rights, a_reason_stays_known_when_more_has_happened_since)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    reveal(TALK_OPERATOR, number);
    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_wait(MINUTE);
    cr_expect(message_has(status_with_reveal(TALK_OPERATOR, number), FIELD_family_name));
}

Test(reader_rights, the_reason_of_another_operator_or_for_another_referral_does_not_count)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    int64_t other = talk_submit(2, NEED_BEFRIENDING);

    reveal("uid-2000", number);
    reveal(TALK_OPERATOR, other);
    status_with_reveal(TALK_OPERATOR, number);
    cr_expect_eq(asking_refused(), REFUSAL_REASON_FIRST);
    status_with_reveal("uid-4000", number); /* the daemon has never heard of it */
    cr_expect_eq(asking_refused(), REFUSAL_REASON_FIRST);
}

Test(reader_rights, a_sender_sees_its_own_without_a_reason_and_a_hub_is_shown_nobody)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    cr_expect(message_has(status_with_reveal("gp", number), FIELD_family_name));
    talk_answer("oak", MESSAGE_accept, number, 1);
    const struct message *answer = status_with_reveal("oak", number);
    cr_assert_eq(answer->type, MESSAGE_referral);
    cr_expect_not(message_has(answer, FIELD_family_name), "it was told by the message person");
    status_with_reveal("elm", number);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
    status_with_reveal("clinic", number);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
    status_with_reveal("clinic", 99);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND, "the same answer for what does not exist");
}

Test(reader_rights, a_history_tells_what_was_said_only_to_staff_who_have_said_why)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    say_about(TALK_OPERATOR, MESSAGE_annotate, number, "her son called");
    asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_history, number);
    cr_assert(happened(EVENT_ANNOTATED));
    cr_expect_not(message_has(happened(EVENT_ANNOTATED), FIELD_note));
    asking_about("gp", ROLE_SENDER, MESSAGE_history, number);
    cr_expect_not(message_has(happened(EVENT_ANNOTATED), FIELD_note));
    reveal(TALK_OPERATOR, number);
    asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_history, number);
    cr_expect(talk_text_is(happened(EVENT_ANNOTATED), FIELD_note, "her son called"));
    cr_expect(talk_text_is(happened(EVENT_REVEALED), FIELD_note, "a complaint"));
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_history, number);
    cr_assert(happened(EVENT_REVEALED));
    cr_expect_not(message_has(happened(EVENT_REVEALED), FIELD_note));
}

/* Whose person agreed to that being told to whom. */
static int64_t submit_with(enum message_back back)
{
    struct message message;

    talk_person(&message, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_list(&message, FIELD_consent_message_back, 1)[0] =
        (struct value){.present = true, .number = (int64_t)back};
    return talk_say_submit("gp", &message);
}

Test(reader_rights, a_sender_is_told_what_came_of_it_only_when_the_person_agreed)
{
    for (enum message_back back = BACK_GP; back <= BACK_NONE; back++) {
        bool told = back == BACK_REFERRER;
        int64_t number = submit_with(back);
        talk_answer("oak", MESSAGE_accept, number, 1);
        talk_answer("oak", MESSAGE_fail, number, 1);
        const struct message *answer = asking_about("gp", ROLE_SENDER, MESSAGE_status, number);
        cr_expect_eq(message_number(answer, FIELD_state), STATE_FAILED, "that it ended is told in any case");
        cr_expect_eq(message_has(answer, FIELD_status_reason), told, "%s", code_text(LIST_message_back, (int)back));
        asking_about("gp", ROLE_SENDER, MESSAGE_history, number);
        cr_expect_eq(message_has(happened(EVENT_FAILED), FIELD_status_reason), told);
        asking_about("oak", ROLE_HUB, MESSAGE_history, number);
        cr_expect(message_has(happened(EVENT_FAILED), FIELD_status_reason), "it has said so itself");
        answer = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_status, number);
        cr_expect(message_has(answer, FIELD_status_reason));
        asking_end();
        begin();
    }
    int64_t number = submit_with(BACK_NONE);
    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_answer("oak", MESSAGE_complete, number, 1);
    cr_expect_not(message_has(asking_about("gp", ROLE_SENDER, MESSAGE_status, number), FIELD_outcome));
    asking_about("gp", ROLE_SENDER, MESSAGE_history, number);
    cr_expect_not(message_has(happened(EVENT_COMPLETED), FIELD_outcome));
}

Test(reader_rights, what_came_of_a_part_is_told_like_the_rest)
{
    struct message message;

    for (enum message_back back = BACK_REFERRER; back <= BACK_NONE; back++) {
        if (back != BACK_REFERRER && back != BACK_NONE)
            continue;
        talk_person(&message, 1 + (unsigned)back, (const enum need[]){NEED_BEFRIENDING, NEED_HOUSING, 0});
        message_set_list(&message, FIELD_consent_message_back, 1)[0] =
            (struct value){.present = true, .number = (int64_t)back};
        int64_t number = talk_say_submit("gp", &message);
        talk_answer("oak", MESSAGE_accept, number, 1);
        talk_answer("oak", MESSAGE_complete, number, 1);
        const struct message *answer = asking_about("gp", ROLE_SENDER, MESSAGE_status, number);
        bool told = message_member(answer, FIELD_parts, 0, MEMBER_part_outcome)->present ||
                    message_member(answer, FIELD_parts, 1, MEMBER_part_outcome)->present;
        cr_expect_eq(told, back == BACK_REFERRER);
    }
}

/* ---- who saw ---- */

Test(reader_rights, who_saw_names_everybody_who_was_told_or_shown_the_person_and_nobody_else)
{
    int64_t number = talk_submit_all(1, two_needs);

    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_who_saw, number);
    cr_assert_eq(asking_count, 1, "two hubs were asked and told nobody's name");
    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_wait(MINUTE);
    reveal(TALK_OPERATOR, number);
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_who_saw, number);
    cr_assert_eq(asking_count, 3);
    assert_seen(0, TALK_OPERATOR, "revealed");
    assert_seen(1, "oak", "person");
    cr_expect_eq(message_number(&asking_answers[1], FIELD_at), talk_now - MINUTE);
    cr_expect_eq(message_number(&asking_answers[2], FIELD_count), 2);
}

Test(reader_rights, an_update_is_one_more_time_that_the_hub_with_the_case_is_told)
{
    struct message message;
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, number, 1);
    talk_begin_request(&message, MESSAGE_update);
    message_set_number(&message, FIELD_referral_id, number);
    message_set_string(&message, FIELD_phone, "+441632960001");
    talk_say("gp", &message);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NONE);
    asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_who_saw, number);
    cr_assert_eq(asking_count, 3);
    assert_seen(0, "oak", "updated");
    assert_seen(1, "oak", "person");
}

static int64_t enquire(int64_t referral)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_enquire);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_string(&message, FIELD_hub_id, "elm");
    message_set_string(&message, FIELD_nhs_number, "9990000018");
    message_set_string(&message, FIELD_note, "is anybody cooking for her?");
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NONE);
    return message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_enquiry_id);
}

Test(reader_rights, who_was_asked_about_the_person_of_a_case_has_seen_them)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, number, 1);
    int64_t enquiry = enquire(number);
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_who_saw, number);
    cr_assert_eq(asking_count, 3);
    assert_seen(0, "oak", "person");
    assert_seen(1, "elm", "enquiry");
    cr_expect_eq(message_number(&asking_answers[1], FIELD_referral_id), enquiry);
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_who_saw, enquiry);
    cr_assert_eq(asking_count, 2);
    assert_seen(0, "elm", "enquiry");
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_history, enquiry);
    cr_assert(happened(EVENT_ENQUIRED));
    cr_expect_eq(message_number(happened(EVENT_ENQUIRED), FIELD_linked_id), number);
    cr_expect(talk_text_is(happened(EVENT_ENQUIRED), FIELD_hub_id, "elm"));
    asking_about("elm", ROLE_HUB, MESSAGE_history, enquiry);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND, "it is no referral of anybody");
    asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_status, enquiry);
    cr_expect_eq(asking_refused(), REFUSAL_NOT_FOUND);
}

Test(reader_rights, who_was_asked_about_the_person_without_a_case_has_seen_them_too)
{
    struct message message, submit;
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_begin_request(&message, MESSAGE_enquire);
    person_submit(&submit, 1, PEOPLE_POSTCODE);
    message_copy(&message, &submit, FIELD_nhs_number);
    message_set_string(&message, FIELD_hub_id, "elm");
    message_set_string(&message, FIELD_note, "found at the door");
    talk_say("ash", &message);
    cr_assert_eq(talk_refused("ash"), REFUSAL_NONE);
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_who_saw, number);
    cr_assert_eq(asking_count, 2);
    assert_seen(0, "elm", "enquiry");
    talk_submit(2, NEED_BEFRIENDING);
    asking_about("uid-7000", ROLE_AUDITOR, MESSAGE_who_saw, number + 2);
    cr_expect_eq(asking_count, 1, "not of another person");
}

/* ---- export ---- */

Test(reader_rights, an_export_tells_all_that_was_sent_and_said_to_who_has_said_why)
{
    int64_t number = closed_referral(1);

    asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_export, number);
    cr_assert_eq(asking_refused(), REFUSAL_REASON_FIRST);
    reveal(OFFICER, number);
    const struct message *exported = asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_export, number);
    cr_assert_eq(exported->type, MESSAGE_exported);
    cr_expect_eq(message_number(exported, FIELD_referral_id), number);
    cr_expect(talk_text_is(exported, FIELD_sender_id, "gp"));
    cr_expect(message_has(exported, FIELD_family_name) && message_has(exported, FIELD_reason_for_referral));
    cr_assert(happened(EVENT_COMPLETED));
    cr_expect(talk_text_is(happened(EVENT_COMPLETED), FIELD_note, "goes to the garden now"));
    cr_expect_eq(message_list_count(happened(EVENT_COMPLETED), FIELD_support_offered), 1);
    cr_assert_eq(asking_answers[asking_count - 1].type, MESSAGE_end);
    cr_expect_eq(message_number(&asking_answers[asking_count - 1], FIELD_count), (int64_t)asking_count - 1);
}

Test(reader_rights, an_export_of_a_case_holds_what_was_asked_about_the_person)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, number, 1);
    int64_t enquiry = enquire(number);
    reveal(OFFICER, number);
    asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_export, number);
    cr_assert(happened(EVENT_ENQUIRED));
    cr_expect_eq(message_number(happened(EVENT_ENQUIRED), FIELD_referral_id), enquiry);
    cr_expect(talk_text_is(happened(EVENT_ENQUIRED), FIELD_note, "is anybody cooking for her?"));
}

/* ---- who was erased ---- */

Test(reader_rights, an_erased_referral_is_shown_without_the_person_and_its_history_stays)
{
    int64_t number = closed_referral(1);

    say_about(OFFICER, MESSAGE_erase, number, "she asked for it");
    cr_assert(talk_referral(number).erased);
    const struct message *answer = status_with_reveal(OFFICER, number);
    cr_assert_eq(answer->type, MESSAGE_referral);
    cr_expect(message_number(answer, FIELD_is_erased));
    cr_expect_not(message_has(answer, FIELD_family_name));
    cr_assert_eq(message_list_count(answer, FIELD_needs), 1, "what was needed is known from the record");
    cr_expect_eq(message_member(answer, FIELD_needs, 0, MEMBER_code)->number, NEED_BEFRIENDING);
    status_with_reveal("gp", number);
    cr_expect_not(message_has(&asking_answers[0], FIELD_family_name));
    asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_export, number);
    cr_expect_eq(asking_refused(), REFUSAL_ERASED);
    asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_history, number);
    cr_assert(happened(EVENT_ERASED) && happened(EVENT_COMPLETED));
    cr_expect_not(message_has(happened(EVENT_COMPLETED), FIELD_note), "the key is gone");
    cr_expect(talk_text_is(happened(EVENT_ERASED), FIELD_note, "she asked for it"));
    asking_about(OFFICER, ROLE_PRIVACY_OFFICER, MESSAGE_who_saw, number);
    cr_expect_gt(asking_count, 1);
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, number);
    cr_assert_eq(decision->type, MESSAGE_decision);
    cr_expect(talk_text_is(decision, FIELD_hub_id, "oak"));
    cr_expect_not(message_number(decision, FIELD_replayed), "too little is known to decide again");
    cr_expect_eq(asking_count, 2, "the decision, and the end");
}

/* ---- events ---- */

static size_t events_of(const char *party, enum role role, const char *from, int64_t since, int64_t limit)
{
    struct message message;

    asking_begin(&message, MESSAGE_events);
    if (from)
        message_set_string(&message, FIELD_from, from);
    if (since)
        message_set_number(&message, FIELD_since, since);
    if (limit)
        message_set_number(&message, FIELD_limit, limit);
    asking_as(party, role, &message);
    cr_assert_eq(asking_answers[asking_count - 1].type, MESSAGE_end);
    return asking_count - 1;
}

Test(reader_rights, events_are_told_from_the_oldest_each_party_its_own)
{
    struct message message;
    int64_t first = talk_submit_all(1, two_needs); /* oak and elm */

    talk_person(&message, 2, (const enum need[]){NEED_FOOD, 0});
    int64_t second = talk_say_submit("clinic", &message); /* elm */
    talk_answer("oak", MESSAGE_accept, first, 1);
    cr_assert_eq(events_of("oak", ROLE_HUB, NULL, 0, 0), 2);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_event), EVENT_SUBMITTED);
    cr_expect_eq(message_number(&asking_answers[1], FIELD_event), EVENT_ACCEPTED);
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(message_number(&asking_answers[i], FIELD_referral_id), first);
        cr_expect(talk_text_is(&asking_answers[i], FIELD_hub_id, "oak"));
    }
    cr_assert_eq(events_of("elm", ROLE_HUB, NULL, 0, 0), 2);
    cr_expect_eq(message_number(&asking_answers[1], FIELD_referral_id), second);
    cr_assert_eq(events_of("ash", ROLE_HUB, NULL, 0, 0), 0, "nobody has asked it");
    cr_assert_eq(events_of("nobody", ROLE_HUB, NULL, 0, 0), 0);
    cr_assert_eq(events_of("clinic", ROLE_SENDER, NULL, 0, 0), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referral_id), second);
    cr_assert_eq(events_of("gp", ROLE_SENDER, NULL, 0, 0), 3, "submitted, offered to the second, accepted");
    cr_assert_eq(events_of(TALK_OPERATOR, ROLE_OPERATOR, NULL, 0, 0), 4);
    for (size_t i = 1; i < 4; i++)
        cr_expect_geq(message_number(&asking_answers[i], FIELD_sequence),
                      message_number(&asking_answers[i - 1], FIELD_sequence));
}

Test(reader_rights, a_hub_that_declined_hears_no_more_of_it)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_reject, number, 1);
    cr_assert_eq(events_of("oak", ROLE_HUB, NULL, 0, 0), 0);
    cr_assert_eq(events_of("ash", ROLE_HUB, NULL, 0, 0), 1);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_state), STATE_RECEIVED);
    cr_expect_not(message_has(&asking_answers[0], FIELD_status_reason), "not why the other declined");
}

Test(reader_rights, pages_of_events_follow_one_another_without_gap_or_repeat)
{
    char from[24] = "";
    int64_t newest = 0;
    size_t pages = 0, rows = 0;

    for (unsigned seed = 1; seed <= 7; seed++)
        talk_submit(seed, NEED_BEFRIENDING);
    do {
        size_t count = events_of("gp", ROLE_SENDER, from[0] ? from : NULL, 0, 3);
        for (size_t i = 0; i < count; i++) {
            cr_assert_gt(message_number(&asking_answers[i], FIELD_sequence), newest);
            newest = message_number(&asking_answers[i], FIELD_sequence);
        }
        struct text next = message_text(&asking_answers[count], FIELD_next);
        snprintf(from, sizeof from, "%.*s", (int)next.length, next.bytes);
        rows += count;
        cr_assert_lt(++pages, 10);
    } while (from[0]);
    cr_expect_eq(rows, 7);
    cr_expect_eq(pages, 3);
    snprintf(from, sizeof from, "%lld", (long long)newest + 1);
    cr_expect_eq(events_of("gp", ROLE_SENDER, from, 0, 3), 0, "nothing has happened since");
    talk_submit(8, NEED_BEFRIENDING);
    cr_expect_eq(events_of("gp", ROLE_SENDER, from, 0, 3), 1);
    cr_expect_eq(events_of("gp", ROLE_SENDER, from, hours_day(talk_now), 3), 1, "a page goes on where it was");
}

Test(reader_rights, events_since_a_day_begin_with_the_first_of_that_day)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        talk_submit(seed, NEED_FOOD);
        talk_wait(TALK_DAY / 2);
    }
    for (int64_t day = hours_day(TALK_NOW) - 1; day <= hours_day(talk_now) + 1; day++) {
        size_t rows = events_of("gp", ROLE_SENDER, NULL, day, 1000);
        size_t expected = 0;
        events_of("gp", ROLE_SENDER, NULL, 0, 1000);
        for (size_t i = 0; i + 1 < asking_count; i++)
            expected += hours_day(message_number(&asking_answers[i], FIELD_at)) >= day;
        cr_expect_eq(rows, expected, "day %lld: %zu, not %zu", (long long)day, rows, expected);
    }
}

Test(reader_rights, a_page_ends_in_bounded_time_although_there_is_nothing_for_who_asks)
{
    char from[24];

    for (unsigned i = 0; i < 50001; i++)
        talk_capacity("elm", "meals", 2 + i % 2);
    talk_submit(1, NEED_BEFRIENDING);
    cr_assert_eq(events_of("gp", ROLE_SENDER, NULL, 0, 0), 0);
    struct text next = message_text(&asking_answers[0], FIELD_next);
    cr_assert_gt(next.length, 0);
    snprintf(from, sizeof from, "%.*s", (int)next.length, next.bytes);
    cr_assert_eq(events_of("gp", ROLE_SENDER, from, 0, 0), 1);
    cr_expect_not(message_has(&asking_answers[1], FIELD_next), "the newest was reached");
}

Test(reader_rights, a_page_that_begins_with_no_number_is_refused)
{
    struct message message;

    asking_begin(&message, MESSAGE_events);
    message_set_string(&message, FIELD_from, "R1");
    asking_as("gp", ROLE_SENDER, &message);
    cr_expect_eq(asking_refused(), REFUSAL_MALFORMED);
}

/* ---- links ---- */

static size_t links_shown(const char *party, enum role role, int64_t referral)
{
    asking_about(party, role, MESSAGE_status, referral);
    cr_assert_eq(asking_answers[0].type, MESSAGE_referral);
    return message_list_count(&asking_answers[0], FIELD_linked_ids);
}

/* The same person twice, by two senders. Returns the second; the first is the one before. */
static int64_t submit_twice(enum consent consent)
{
    struct message message;

    talk_person(&message, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_number(&message, FIELD_consent_to_share, consent);
    message_set_string(&message, FIELD_nhs_number, "9990000018");
    talk_say_submit("gp", &message);
    talk_person(&message, 2, (const enum need[]){NEED_FOOD, 0});
    message_set_number(&message, FIELD_consent_to_share, CONSENT_GIVEN);
    message_set_string(&message, FIELD_nhs_number, "9990000018");
    return talk_say_submit("clinic", &message);
}

Test(reader_rights, senders_see_the_link_that_they_were_told_of)
{
    int64_t second = submit_twice(CONSENT_GIVEN);

    cr_expect_eq(links_shown(TALK_OPERATOR, ROLE_OPERATOR, second), 1);
    cr_expect_eq(links_shown("clinic", ROLE_SENDER, second), 1);
    cr_expect_eq(links_shown("gp", ROLE_SENDER, second - 1), 1);
    asking_about("gp", ROLE_SENDER, MESSAGE_history, second - 1);
    cr_assert(happened(EVENT_LINKED));
    cr_expect_eq(message_number(happened(EVENT_LINKED), FIELD_linked_id), second);
    cr_expect_eq(message_number(happened(EVENT_LINKED), FIELD_link), LINK_SAME_PERSON);
}

Test(reader_rights, a_link_that_the_consent_does_not_cover_is_for_staff_alone)
{
    int64_t second = submit_twice(CONSENT_IN_DOUBT);

    cr_expect_eq(links_shown(TALK_OPERATOR, ROLE_OPERATOR, second), 1);
    cr_expect_eq(links_shown("clinic", ROLE_SENDER, second), 0);
    cr_expect_eq(links_shown("gp", ROLE_SENDER, second - 1), 0);
    asking_about("clinic", ROLE_SENDER, MESSAGE_history, second);
    cr_expect_null(happened(EVENT_LINKED));
    events_of("clinic", ROLE_SENDER, NULL, 0, 0);
    cr_expect_null(happened(EVENT_LINKED));
    asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_history, second);
    cr_expect(happened(EVENT_LINKED));
}

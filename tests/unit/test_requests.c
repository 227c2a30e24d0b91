/* SPDX-License-Identifier: MIT
 * requests: everything that is asked about one referral and that its state alone cannot tell from a repeat: done once,
 * whatever is repeated and whenever the daemon dies, and answered to nobody else. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/talk.h"

#define HOUR INT64_C(3600000)

static const char network_text[] =
    "name = \"Test\"; neighbour_distance = \"3km\";\n"
    "neighbourhoods = (\n"
    " { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; },\n"
    " { code = \"south\"; name = \"South\"; easting = 248000; northing = 54500; } );\n"
    "hubs = (\n"
    " { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [ \"north\" ];\n"
    "   services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 1; } ); },\n"
    " { id = \"elm\"; name = \"Elm\"; tier = \"targeted\"; easting = 249000; northing = 56000; areas = [ \"south\" ];\n"
    "   services = ( { id = \"company\"; needs = [ \"befriending\", \"food\" ]; places = 1; } ); } );\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"
    "            { id = \"clinic\"; name = \"Clinic\"; kind = \"gp_link_worker\"; } );\n";

static char another_text[sizeof network_text + 10];

static void begin(void)
{
    snprintf(another_text, sizeof another_text, "%s# later\n", network_text);
    talk_begin(network_text);
    talk_hello("gp");
    talk_hello("oak");
    talk_hello("elm");
}

TestSuite(requests, .init = begin, .fini = talk_end);

/* ---- what is asked ---- */

/* What must have been said before a request is allowed, in order; up to MESSAGE_NONE. */
#define BEFORE_MAX 3

static const struct asked {
    enum message_type type;
    const char *party;     /* that may ask */
    const char *foreigner; /* that may not */
    enum event event;
    enum message_type before[BEFORE_MAX];
} all_asked[] = {
    {MESSAGE_update, "gp", "clinic", EVENT_UPDATED, {0}},
    {MESSAGE_pause, "oak", "elm", EVENT_PAUSED, {MESSAGE_accept, MESSAGE_start}},
    {MESSAGE_resume, "oak", "elm", EVENT_RESUMED, {MESSAGE_accept, MESSAGE_start, MESSAGE_pause}},
    {MESSAGE_hand_back, "oak", "elm", EVENT_HANDED_BACK, {MESSAGE_accept}},
    {MESSAGE_progress, "oak", "elm", EVENT_PROGRESSED, {MESSAGE_accept, MESSAGE_start}},
    {MESSAGE_hold, TALK_OPERATOR, "elm", EVENT_HELD, {0}},
    {MESSAGE_release, TALK_OPERATOR, "elm", EVENT_RELEASED, {MESSAGE_hold}},
    {MESSAGE_place, TALK_OPERATOR, "elm", EVENT_PLACED, {0}},
    {MESSAGE_reoffer, TALK_OPERATOR, "elm", EVENT_REOFFERED, {0}},
    {MESSAGE_prioritise, TALK_OPERATOR, "elm", EVENT_PRIORITISED, {0}},
    {MESSAGE_annotate, TALK_OPERATOR, "elm", EVENT_ANNOTATED, {0}},
    {MESSAGE_turn_away, TALK_OPERATOR, "elm", EVENT_TURNED_AWAY, {0}},
};

#define ASKED (sizeof all_asked / sizeof all_asked[0])

static void fill(struct message *message, int64_t referral)
{
    enum message_type type = message->type;

    message_set_number(message, FIELD_referral_id, referral);
    message_set_string(message, FIELD_note, "for a test");
    if (type == MESSAGE_accept || type == MESSAGE_start || type == MESSAGE_pause || type == MESSAGE_resume ||
        type == MESSAGE_hand_back || type == MESSAGE_progress || type == MESSAGE_reoffer)
        message_set_number(message, FIELD_offer_number, 1);
    if (type == MESSAGE_hand_back || type == MESSAGE_turn_away)
        message_set_number(message, FIELD_status_reason, REASON_NOT_ELIGIBLE);
    if (type == MESSAGE_prioritise)
        message_set_number(message, FIELD_priority, PRIORITY_URGENT);
    if (type == MESSAGE_place) {
        message_set_string(message, FIELD_hub_id, "elm");
        message_set_string(message, FIELD_service_id, "company");
    }
    if (type == MESSAGE_update)
        message_set_string(message, FIELD_phone, "01632960111");
}

static void request(struct message *message, enum message_type type, int64_t referral)
{
    talk_begin_request(message, type);
    fill(message, referral);
}

static const char *who_says(enum message_type type)
{
    return type == MESSAGE_hold ? TALK_OPERATOR : "oak";
}

/* Somebody who has been offered to oak, brought to where the request is allowed. */
static int64_t brought_to(const struct asked *asked)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    for (int i = 0; i < BEFORE_MAX && asked->before[i]; i++) {
        request(&message, asked->before[i], referral);
        talk_say(who_says(asked->before[i]), &message);
        cr_assert_eq(talk_refused(who_says(asked->before[i])), REFUSAL_NONE, "before %s",
                     message_spec(asked->type)->name);
    }
    return referral;
}

/* Says it and expects done, which tells whether it had been done before. */
static void expect_done(const char *party, const struct message *message, bool duplicate)
{
    const char *name = message_spec(message->type)->name;

    talk_say(party, message);
    cr_assert_eq(talk_refused(party), REFUSAL_NONE, "%s: %d", name, talk_refused(party));
    cr_assert_eq(message_number(talk_heard(party, MESSAGE_done, 0), FIELD_duplicate), duplicate, "%s", name);
}

static void expect_refused(const char *party, const struct message *message, enum refusal refusal, const char *field)
{
    uint64_t sequence = talk_head().sequence;

    talk_say(party, message);
    cr_assert_eq(talk_refused(party), refusal, "%s: %d", message_spec(message->type)->name, talk_refused(party));
    cr_assert(talk_text_is(talk_heard(party, MESSAGE_refused, 0), FIELD_field, field), "%s",
              message_spec(message->type)->name);
    cr_assert_eq(talk_head().sequence, sequence, "%s", message_spec(message->type)->name);
}

/* ---- each of them ---- */

static void with_each(void (*check)(const struct asked *))
{
    for (size_t i = 0; i < ASKED; i++) {
        if (i) {
            talk_end();
            begin();
        }
        check(&all_asked[i]);
    }
}

static void is_done(const struct asked *asked)
{
    int64_t referral = brought_to(asked);
    struct message message;
    struct entry entry;

    request(&message, asked->type, referral);
    expect_done(asked->party, &message, false);
    cr_assert(talk_entry(asked->event, &entry, NULL), "%s", message_spec(asked->type)->name);
    cr_assert_eq(entry.referral, (uint64_t)referral);
    cr_assert_eq(entry.actor, turn_party_number(talk_turn, asked->party));
}

Test(requests, each_is_done_and_stands_in_the_history_with_who_asked)
{
    with_each(is_done);
}

static void is_done_once(const struct asked *asked)
{
    int64_t referral = brought_to(asked);
    struct message message;

    request(&message, asked->type, referral);
    expect_done(asked->party, &message, false);
    uint64_t sequence = talk_head().sequence;
    expect_done(asked->party, &message, true);
    talk_restart(network_text);
    expect_done(asked->party, &message, true);
    cr_assert_eq(talk_head().sequence, sequence, "%s", message_spec(asked->type)->name);
}

Test(requests, a_repeat_is_done_only_once_also_after_the_daemon_has_died)
{
    with_each(is_done_once);
}

static void is_not_done_late(const struct asked *asked)
{
    int64_t referral = brought_to(asked);
    struct message message, cancel;

    request(&message, asked->type, referral);
    expect_done(asked->party, &message, false);
    talk_begin_request(&cancel, MESSAGE_cancel);
    message_set_number(&cancel, FIELD_referral_id, referral);
    message_set_number(&cancel, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    talk_say("gp", &cancel);
    uint64_t sequence = talk_head().sequence;
    expect_done(asked->party, &message, true);
    cr_assert_eq(talk_head().sequence, sequence, "%s", message_spec(asked->type)->name);
}

Test(requests, a_repeat_is_answered_as_done_when_the_referral_has_moved_on)
{
    with_each(is_not_done_late);
}

static void conflicts(const struct asked *asked)
{
    int64_t referral = brought_to(asked);
    struct message message;

    request(&message, asked->type, referral);
    expect_done(asked->party, &message, false);
    message_set_string(&message, FIELD_note, "for another reason");
    expect_refused(asked->party, &message, REFUSAL_CONFLICT, "request_id");
}

Test(requests, the_same_request_id_with_other_content_is_a_conflict)
{
    with_each(conflicts);
}

static void is_refused_to_others(const struct asked *asked)
{
    int64_t referral = brought_to(asked);
    struct message message;

    request(&message, asked->type, referral);
    talk_say(asked->foreigner, &message);
    cr_assert_eq(talk_refused(asked->foreigner), REFUSAL_NOT_FOUND, "%s", message_spec(asked->type)->name);
    message_set_number(&message, FIELD_referral_id, 999);
    expect_refused(asked->party, &message, REFUSAL_NOT_FOUND, "referral_id");
    /* What was refused is not remembered: nobody can spoil an id for somebody else, or for themselves. */
    message_set_number(&message, FIELD_referral_id, referral);
    expect_done(asked->party, &message, false);
}

Test(requests, who_is_no_party_to_it_is_told_that_there_is_none)
{
    with_each(is_refused_to_others);
}

static void is_refused_when_ended(const struct asked *asked)
{
    int64_t referral = brought_to(asked);
    struct message message;

    talk_cancel("gp", referral);
    request(&message, asked->type, referral);
    talk_say(asked->party, &message);
    if (asked->type == MESSAGE_annotate)
        cr_assert_eq(talk_refused(asked->party), REFUSAL_NONE);
    else
        cr_assert_neq(talk_refused(asked->party), REFUSAL_NONE, "%s", message_spec(asked->type)->name);
}

Test(requests, what_has_ended_can_only_be_annotated)
{
    with_each(is_refused_when_ended);
}

/* ---- updates ---- */

/* The newest person that a hub was told. */
static const struct message *person_of(const char *hub, int64_t referral)
{
    const struct message *person = talk_about(hub, MESSAGE_person, referral);

    cr_assert(person, "%s was told of nobody", hub);
    return person;
}

Test(requests, an_update_reaches_the_hub_that_has_the_case)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message update;

    talk_answer("oak", MESSAGE_accept, referral, 1);
    request(&update, MESSAGE_update, referral);
    expect_done("gp", &update, false);
    const struct message *updated = talk_about("oak", MESSAGE_updated, referral);
    cr_assert(updated);
    cr_assert(talk_text_is(updated, FIELD_phone, "01632960111"));
    cr_assert(talk_text_is(updated, FIELD_note, "for a test"));
}

Test(requests, an_update_is_part_of_the_person_from_then_on)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message update, submitted;
    struct text name;

    person_submit(&submitted, 1, "ZE1 9ZZ");
    name = message_text(&submitted, FIELD_family_name);
    request(&update, MESSAGE_update, referral);
    expect_done("gp", &update, false);
    talk_restart(network_text);
    talk_hello("oak");
    talk_answer("oak", MESSAGE_accept, referral, 1);
    const struct message *person = person_of("oak", referral);
    cr_assert(talk_text_is(person, FIELD_phone, "01632960111"));
    cr_assert_eq(message_text(person, FIELD_family_name).length, name.length);
    cr_assert_arr_eq(message_text(person, FIELD_family_name).bytes, name.bytes, name.length);
}

/* The submit again: the same, or with another telephone number. */
static void expect_submit_again(const struct message *submit, const char *phone, bool is_the_same)
{
    struct message again = *submit;

    message_set_number(&again, FIELD_sent_at, message_number(submit, FIELD_sent_at) + 1000);
    if (phone)
        message_set_string(&again, FIELD_phone, phone);
    talk_say("gp", &again);
    cr_assert_eq(talk_count("gp", MESSAGE_committed), is_the_same);
    cr_assert_eq(talk_refused("gp"), is_the_same ? REFUSAL_NONE : REFUSAL_CONFLICT);
}

Test(requests, a_submit_that_was_updated_since_is_repeated_as_it_was)
{
    static const enum need needs[] = {NEED_BEFRIENDING, 0};
    struct message submit, update;

    talk_person(&submit, 1, needs);
    int64_t referral = talk_say_submit("gp", &submit);
    for (int i = 0; i < 2; i++) {
        request(&update, MESSAGE_update, referral);
        expect_done("gp", &update, false);
        expect_submit_again(&submit, NULL, true);
        expect_submit_again(&submit, "01632960222", false);
        expect_submit_again(&submit, "01632960111", false); /* as the update has made it */
    }
    talk_restart(network_text);
    expect_submit_again(&submit, NULL, true);
    expect_submit_again(&submit, "01632960111", false);
    cr_assert_eq(talk_totals().stored, 1);
}

Test(requests, an_update_leaves_what_it_does_not_name)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct referral before = talk_referral(referral);
    struct message prioritise, update;

    request(&prioritise, MESSAGE_prioritise, referral);
    expect_done(TALK_OPERATOR, &prioritise, false);
    request(&update, MESSAGE_update, referral);
    expect_done("gp", &update, false);
    struct referral after = talk_referral(referral);
    cr_assert_eq(after.profile.priority, PRIORITY_URGENT);
    cr_assert_eq(after.profile.age, before.profile.age);
    cr_assert_eq(after.profile.locality, before.profile.locality);
    cr_assert_eq(after.profile.risks, before.profile.risks);
    cr_assert_eq(after.profile.consent_until, before.profile.consent_until);
    cr_assert_str_eq(after.neighbourhood_code, before.neighbourhood_code);
    cr_assert_eq(after.message_back, before.message_back);
}

Test(requests, an_update_changes_what_rules_look_at)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message update;

    request(&update, MESSAGE_update, referral);
    message_set_number(&update, FIELD_is_carer, 1);
    message_set_number(&update, FIELD_interpreter_needed, 1);
    message_set_list(&update, FIELD_risk_flags, 1)[0] = (struct value){.present = true, .number = RISK_FALLS};
    message_set_list(&update, FIELD_consent_message_back, 1)[0] = (struct value){.present = true, .number = BACK_NONE};
    expect_done("gp", &update, false);
    struct referral after = talk_referral(referral);
    cr_assert(after.profile.is_carer && after.profile.interpreter_needed);
    cr_assert_eq(after.profile.risks, CODE_BIT(RISK_FALLS));
    cr_assert_eq(after.message_back, CODE_BIT(BACK_NONE));
}

static void set_consent(struct message *update, enum consent consent)
{
    message_set_number(update, FIELD_consent_to_share, consent);
    message_set_number(update, FIELD_consent_recorded_at, TALK_NOW);
    message_set_string(update, FIELD_consent_recorded_by, "A. Nurse");
}

Test(requests, a_new_consent_stands_alone)
{
    struct message submit, update;

    talk_person(&submit, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_number(&submit, FIELD_consent_expires_on, talk_now / TALK_DAY + 2);
    int64_t referral = talk_say_submit("gp", &submit);
    cr_assert_eq(talk_referral(referral).profile.consent_until, talk_now / TALK_DAY + 2);
    request(&update, MESSAGE_update, referral);
    set_consent(&update, CONSENT_GIVEN);
    expect_done("gp", &update, false);
    cr_assert_eq(talk_referral(referral).profile.consent_until, 0);
}

Test(requests, who_was_held_for_a_doubtful_consent_is_placed_when_it_is_given)
{
    struct message submit, update;

    talk_person(&submit, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_number(&submit, FIELD_consent_to_share, CONSENT_IN_DOUBT);
    int64_t referral = talk_say_submit("gp", &submit);
    cr_assert_eq(talk_referral(referral).offers_count, 0);
    request(&update, MESSAGE_update, referral);
    set_consent(&update, CONSENT_GIVEN);
    expect_done("gp", &update, false);
    cr_assert_eq(talk_referral(referral).state, STATE_RECEIVED);
    cr_assert(talk_about("oak", MESSAGE_offer, referral));
}

Test(requests, an_update_that_makes_the_referral_too_large_changes_nothing)
{
    static char long_text[6000]; /* 2000 characters */
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message update;

    for (size_t i = 0; i < sizeof long_text; i += 3)
        memcpy(long_text + i, "\xe2\x82\xac", 3);
    request(&update, MESSAGE_update, referral);
    struct value *list = message_set_list(&update, FIELD_further_information, 8);
    for (int i = 0; i < 8; i++) {
        struct value *item = &list[i * PRSB_ITEM_MEMBER_COUNT];
        item[MEMBER_prsb_element] = (struct value){.present = true, .text = {"Social context", 14}};
        item[MEMBER_prsb_value] = (struct value){.present = true, .text = {long_text, sizeof long_text}};
    }
    message_set_text(&update, FIELD_what_matters, long_text, sizeof long_text);
    expect_refused("gp", &update, REFUSAL_TOO_LARGE, "referral_id");
    talk_answer("oak", MESSAGE_accept, referral, 1);
    cr_assert_lt(message_list_count(person_of("oak", referral), FIELD_further_information), 8);
    cr_assert_lt(message_text(person_of("oak", referral), FIELD_what_matters).length, sizeof long_text);
}

/* ---- operators ---- */

Test(requests, operators_who_cancel_say_why)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message cancel;

    talk_begin_request(&cancel, MESSAGE_cancel);
    message_set_number(&cancel, FIELD_referral_id, referral);
    message_set_number(&cancel, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    expect_refused(TALK_OPERATOR, &cancel, REFUSAL_REQUIRED, "note");
    message_set_string(&cancel, FIELD_note, "the family has moved away");
    expect_done(TALK_OPERATOR, &cancel, false);
    cr_assert_eq(talk_referral(referral).state, STATE_CANCELLED);
    cr_assert(talk_about("gp", MESSAGE_ended, referral));
}

Test(requests, a_hub_that_does_not_exist_or_has_no_such_service_is_refused_by_name)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message place;

    request(&place, MESSAGE_place, referral);
    message_set_string(&place, FIELD_hub_id, "ash");
    expect_refused(TALK_OPERATOR, &place, REFUSAL_NOT_FOUND, "hub_id");
    message_set_string(&place, FIELD_hub_id, "elm");
    message_set_string(&place, FIELD_service_id, "friends");
    expect_refused(TALK_OPERATOR, &place, REFUSAL_NOT_FOUND, "service_id");
}

Test(requests, who_is_placed_by_hand_takes_the_place_and_leaves_the_other)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message place;

    cr_assert_eq(talk_figures("oak", "friends").places.used, 1);
    request(&place, MESSAGE_place, referral);
    expect_done(TALK_OPERATOR, &place, false);
    cr_assert_eq(talk_figures("oak", "friends").places.used, 0);
    cr_assert_eq(talk_figures("elm", "company").places.used, 1);
    cr_assert(talk_about("elm", MESSAGE_offer, referral));
    cr_assert(talk_about("oak", MESSAGE_withdrawn, referral));
}

Test(requests, only_the_need_that_is_named_is_placed_by_hand)
{
    int64_t referral = talk_submit_all(1, (const enum need[]){NEED_BEFRIENDING, NEED_FOOD, 0});
    struct message hold, place;

    request(&hold, MESSAGE_hold, referral);
    expect_done(TALK_OPERATOR, &hold, false);
    request(&place, MESSAGE_place, referral);
    message_set_number(&place, FIELD_need, NEED_FOOD);
    expect_done(TALK_OPERATOR, &place, false);
    struct referral after = talk_referral(referral);
    cr_assert_eq(after.offers[after.offers_count - 1].needs, NEED_BIT(NEED_FOOD));
    cr_assert_eq(talk_about("elm", MESSAGE_offer, referral)->type, MESSAGE_offer);
    int held = referral_part_of_need(&after, NEED_BEFRIENDING);
    cr_assert_eq(after.parts[held].business_status, BUSINESS_HELD);
}

/* Both places are taken; the third waits behind the second. */
static void fill_all(int64_t waiting[2])
{
    talk_submit(1, NEED_BEFRIENDING);
    talk_submit(2, NEED_BEFRIENDING);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    waiting[0] = talk_submit(3, NEED_BEFRIENDING);
    waiting[1] = talk_submit(4, NEED_BEFRIENDING);
    cr_assert_eq(talk_referral(waiting[0]).business_status, BUSINESS_WAITLISTED);
    cr_assert_eq(talk_referral(waiting[1]).business_status, BUSINESS_WAITLISTED);
}

static uint32_t position(int64_t number)
{
    struct referral referral = talk_referral(number);
    uint32_t expected_days;

    return turn_position(talk_turn, &referral, NEED_BEFRIENDING, &expected_days);
}

Test(requests, who_is_prioritised_goes_before_those_who_came_earlier)
{
    struct message prioritise;
    int64_t waiting[2];

    fill_all(waiting);
    cr_assert_eq(position(waiting[1]), 2);
    request(&prioritise, MESSAGE_prioritise, waiting[1]);
    expect_done(TALK_OPERATOR, &prioritise, false);
    cr_assert_eq(position(waiting[1]), 1);
    cr_assert_eq(position(waiting[0]), 2);
    talk_restart(network_text);
    talk_hello("oak");
    cr_assert_eq(position(waiting[1]), 1);
    talk_answer("oak", MESSAGE_complete, 1, 1);
    cr_assert(talk_about("oak", MESSAGE_offer, waiting[1]));
}

Test(requests, who_is_held_is_placed_by_nothing_but_a_release)
{
    struct message hold, release;
    int64_t waiting[2];

    fill_all(waiting);
    request(&hold, MESSAGE_hold, waiting[0]);
    expect_done(TALK_OPERATOR, &hold, false);
    talk_answer("oak", MESSAGE_complete, 1, 1);
    cr_assert(talk_about("oak", MESSAGE_offer, waiting[1]), "the next in turn is asked");
    talk_capacity("oak", "friends", 5);
    talk_wait(2 * TALK_DAY);
    talk_change(another_text);
    cr_assert_eq(talk_referral(waiting[0]).business_status, BUSINESS_HELD);
    talk_restart(network_text);
    talk_wait(TALK_DAY);
    struct referral held = talk_referral(waiting[0]);
    cr_assert_eq(held.business_status, BUSINESS_HELD);
    cr_assert_gt(held.deadline, talk_now);
    request(&release, MESSAGE_release, waiting[0]);
    expect_done(TALK_OPERATOR, &release, false);
    cr_assert_eq(talk_referral(waiting[0]).business_status, BUSINESS_OFFERED);
}

Test(requests, of_who_was_erased_nothing_is_kept_any_more)
{
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct message message;

    talk_cancel("gp", referral);
    const struct message *ended = talk_about("gp", MESSAGE_ended, referral);
    talk_confirm("gp", message_number(ended, FIELD_mailbox_number));
    request(&message, MESSAGE_erase, referral);
    expect_done("privacy", &message, false);
    request(&message, MESSAGE_annotate, referral);
    expect_refused(TALK_OPERATOR, &message, REFUSAL_ERASED, "referral_id");
    request(&message, MESSAGE_cancel, referral);
    message_set_number(&message, FIELD_status_reason, REASON_ENTERED_IN_ERROR);
    expect_refused("gp", &message, REFUSAL_ERASED, "referral_id");
    request(&message, MESSAGE_update, referral);
    expect_refused("gp", &message, REFUSAL_NOT_CURRENT, "referral_id");
}

/* ---- what is kept ---- */

Test(requests, the_same_person_is_recognised_at_another_door)
{
    struct message submit;

    talk_person(&submit, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    int64_t first = talk_say_submit("gp", &submit);
    int64_t second = talk_say_submit("clinic", &submit);
    cr_assert_neq(first, second);
    cr_assert_eq(talk_referral(first).links_count, 1);
    cr_assert_eq(talk_referral(second).links[0].number, (uint64_t)first);
    talk_submit(2, NEED_BEFRIENDING);
    cr_assert_eq(talk_referral(first).links_count, 1, "somebody else");
}

Test(requests, what_was_said_is_told_after_a_restart_too)
{
    struct message submit, progress;

    talk_person(&submit, 1, (const enum need[]){NEED_BEFRIENDING, 0});
    message_set_list(&submit, FIELD_consent_message_back, 1)[0] =
        (struct value){.present = true, .number = BACK_REFERRER};
    int64_t referral = talk_say_submit("gp", &submit);
    talk_answer("oak", MESSAGE_accept, referral, 1);
    talk_answer("oak", MESSAGE_start, referral, 1);
    request(&progress, MESSAGE_progress, referral);
    expect_done("oak", &progress, false);
    talk_restart(network_text);
    talk_hello("gp");
    const struct message *newest = NULL;
    for (size_t i = 0; i < talk_count("gp", MESSAGE_progressed); i++)
        newest = talk_heard("gp", MESSAGE_progressed, i);
    cr_assert(newest);
    cr_assert(talk_text_is(newest, FIELD_note, "for a test"));
}

/* ---- the head of the history ---- */

static struct text welcomed(const char *party)
{
    talk_hello(party);
    return message_text(talk_heard(party, MESSAGE_welcome, 0), FIELD_audit_head);
}

Test(requests, who_greets_is_told_the_head_of_the_history)
{
    char before[65] = "";

    memcpy(before, welcomed("gp").bytes, 64);
    struct head head = talk_head();
    for (size_t i = 0; i < SEAL_HASH_BYTES; i++) {
        unsigned byte = 0;
        cr_assert_eq(sscanf(before + 2 * i, "%2x", &byte), 1);
        cr_assert_eq(byte, head.chain[i]);
    }
    talk_submit(1, NEED_BEFRIENDING);
    talk_hello("gp");
    const struct message *welcome = talk_heard("gp", MESSAGE_welcome, 0);
    cr_assert_neq(memcmp(before, message_text(welcome, FIELD_audit_head).bytes, 64), 0);
    cr_assert_eq((uint64_t)message_number(welcome, FIELD_audit_sequence), talk_head().sequence);
}

Test(requests, operators_greet_and_have_no_mailbox)
{
    talk_hello(TALK_OPERATOR);
    cr_assert_eq(message_number(talk_heard(TALK_OPERATOR, MESSAGE_welcome, 0), FIELD_mailbox_number), 0);
    cr_assert_eq(turn_party_number(talk_turn, TALK_OPERATOR), 0);
}

Test(requests, the_request_id_of_a_submit_is_taken)
{
    static const enum need needs[] = {NEED_BEFRIENDING, 0};
    struct message submit, update;

    talk_person(&submit, 1, needs);
    int64_t number = talk_say_submit("gp", &submit);
    request(&update, MESSAGE_update, number);
    message_set_uuid(&update, FIELD_request_id, message_uuid(&submit, FIELD_request_id));
    expect_refused("gp", &update, REFUSAL_CONFLICT, "request_id");
    request(&update, MESSAGE_update, number);
    expect_done("gp", &update, false);
    message_set_uuid(&update, FIELD_request_id, message_uuid(&submit, FIELD_request_id));
    expect_refused("gp", &update, REFUSAL_CONFLICT, "request_id");
    talk_say("gp", &submit);
    cr_expect(message_number(talk_heard("gp", MESSAGE_committed, 0), FIELD_duplicate));
}

/* ---- what a hub is told of it ---- */

static const struct message *answer_to(const char *hub, enum message_type type, int64_t referral, int64_t offer)
{
    talk_answer(hub, type, referral, offer);
    return talk_heard(hub, MESSAGE_done, 0);
}

Test(requests, a_hub_is_answered_with_how_its_own_offer_stands)
{
    int64_t number = talk_submit(1, NEED_BEFRIENDING);
    const struct message *answer = answer_to("oak", MESSAGE_reject, number, 1);

    cr_expect_eq(message_number(answer, FIELD_state), STATE_REJECTED);
    cr_expect_not(message_has(answer, FIELD_business_status));
    answer = answer_to("elm", MESSAGE_accept, number, 2);
    cr_expect_eq(message_number(answer, FIELD_state), STATE_ACCEPTED);
    cr_expect_eq(message_number(answer, FIELD_business_status), BUSINESS_HUB_ACCEPTED);
    answer = answer_to("oak", MESSAGE_reject, number, 1);
    cr_expect(message_number(answer, FIELD_duplicate));
    cr_expect_eq(message_number(answer, FIELD_state), STATE_REJECTED, "nothing of what followed");
}

/* ---- a submit ---- */

static void expect_not_found(const struct message *submit, const char *field)
{
    talk_say("gp", submit);
    cr_assert_eq(talk_refused("gp"), REFUSAL_NOT_FOUND, "%s", field);
    cr_expect(talk_text_is(talk_heard("gp", MESSAGE_refused, 0), FIELD_field, field));
    cr_expect_eq(talk_totals().stored, 0);
}

Test(requests, a_wish_that_names_no_hub_is_refused_and_nothing_is_stored)
{
    static const enum need needs[] = {NEED_BEFRIENDING, 0};
    struct message submit;

    talk_person(&submit, 1, needs);
    message_set_string(&submit, FIELD_preferred_hub_id, "aok");
    expect_not_found(&submit, "preferred_hub_id");
    talk_person(&submit, 1, needs);
    message_set_string(&submit, FIELD_contact_hub_id, "aok");
    expect_not_found(&submit, "contact_hub_id");
    talk_person(&submit, 1, needs);
    message_set_list(&submit, FIELD_excluded_hub_ids, 1)[0] = (struct value){.present = true, .text = {"aok", 3}};
    expect_not_found(&submit, "excluded_hub_ids");
    message_set_list(&submit, FIELD_excluded_hub_ids, 1)[0] = (struct value){.present = true, .text = {"oak", 3}};
    message_set_string(&submit, FIELD_preferred_hub_id, "elm");
    message_set_string(&submit, FIELD_contact_hub_id, "elm");
    cr_expect_gt(talk_say_submit("gp", &submit), 0);
    cr_expect(talk_about("elm", MESSAGE_offer, 1));
}

Test(requests, who_takes_no_pushes_is_welcome_and_is_sent_nothing)
{
    struct message hello;

    talk_gone('o');
    talk_begin_request(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&hello, FIELD_takes_pushes, 0);
    talk_say("oak", &hello);
    cr_assert(talk_heard("oak", MESSAGE_welcome, 0));
    talk_submit(1, NEED_BEFRIENDING);
    cr_expect_eq(talk_count("oak", MESSAGE_offer), 0);
    talk_begin_request(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&hello, FIELD_takes_pushes, 1);
    talk_say("oak", &hello);
    cr_expect_eq(talk_count("oak", MESSAGE_offer), 1);
}

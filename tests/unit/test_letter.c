/* SPDX-License-Identifier: MIT
 * letter: each letter has exactly the fields of its table, and nothing about a person is in an offer. */
#include "daemon/core/letter.h"

#include "daemon/core/decide.h"
#include "proto/check.h"
#include "tests/networks.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define CANARY "7777777"
#define BUT(...)                                                                                                       \
    (enum field[])                                                                                                     \
    {                                                                                                                  \
        __VA_ARGS__, FIELD_COUNT                                                                                       \
    }
#define SAID FIELD_note, FIELD_support_offered, FIELD_outcome_scores
#define ONE_PART FIELD_needs, FIELD_offer_number /* what is told only when needs have gone several ways */
#define NO_FIELDS                                                                                                      \
    (enum field[])                                                                                                     \
    {                                                                                                                  \
        FIELD_COUNT                                                                                                    \
    }

static struct invented invented;
static struct referral referral;
static struct outcome_of outcome;
static struct message submit;
static struct message letter;
static struct message said;
static bool nobody_said;
static struct letter_texts texts;
static bool linked_is_known;
static int64_t now;
static uint8_t bytes[MESSAGE_BYTES_MAX];
static size_t length;

static void set_by_holding(struct value *value, const struct field_spec *spec)
{
    static const char text[] = "x";

    value->present = true;
    if (spec->kind == KIND_CODE || spec->kind == KIND_BOOL || spec->kind == KIND_DATE || spec->kind == KIND_DATETIME)
        value->number = 1;
    else
        value->text = (struct text){text, 1};
}

/* Sets what person_submit leaves out: then every field of the table is there. */
static void fill_submit(void)
{
    const struct message_spec *spec = message_spec(MESSAGE_submit);

    person_submit(&submit, 5, PEOPLE_POSTCODE);
    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;
        bool is_list = fields[field].kind == KIND_IDS || fields[field].kind == KIND_CODES;
        if (message_has(&submit, field))
            continue;
        struct value *value = is_list ? message_set_list(&submit, field, 1) : message_value(&submit, field);
        set_by_holding(value, &fields[field]);
    }
}

static void happens(struct cause cause)
{
    struct facts facts = {
        .network = &invented.network, .places = invented.places, .now = now, .covers = invented.covers};

    decide(&facts, &cause, &referral, &outcome);
    cr_assert(outcome.recorded);
}

static void says(uint32_t hub, enum event event, uint8_t offer_number)
{
    happens((struct cause){
        .event = event,
        .role = ROLE_HUB,
        .actor = hub,
        .offer_number = offer_number,
        .reason = event == EVENT_REJECTED || event == EVENT_FAILED || event == EVENT_HANDED_BACK ? REASON_OTHER : 0,
        .outcome = event == EVENT_COMPLETED ? OUTCOME_PARTLY : 0});
}

static void surgery_cancels(enum status_reason reason)
{
    happens((struct cause){.event = EVENT_CANCELLED, .role = ROLE_SENDER, .actor = PARTY_SURGERY, .reason = reason});
}

static void hub_says(enum event event)
{
    says(PARTY_HOME, event, 1);
}

/* Which needs the submit names, the first of them the primary one; each with a detail of its own. */
static void needs_are(size_t count, const enum need *needs)
{
    static const char details[NETWORK_NEEDS][12] = {[NEED_ADVICE] = "detail 1",
                                                    [NEED_HOUSING] = "detail 10",
                                                    [NEED_FOOD] = "detail 19",
                                                    [NEED_BEFRIENDING] = "detail 3"};
    struct value *values = message_set_list(&submit, FIELD_needs, count);

    referral.profile.need = needs[0];
    referral.profile.needs = 0;
    for (size_t i = 0; i < count; i++, values += NEED_OF_PERSON_MEMBER_COUNT) {
        referral.profile.needs |= NEED_BIT(needs[i]);
        values[MEMBER_code] = (struct value){.present = true, .number = needs[i]};
        values[MEMBER_is_primary] = (struct value){.present = true, .number = i == 0};
        values[MEMBER_detail] =
            (struct value){.present = true, .text = {details[needs[i]], (uint32_t)strlen(details[needs[i]])}};
    }
}
#define NEEDS_ARE(...) needs_are(sizeof((enum need[]){__VA_ARGS__}) / sizeof(enum need), (enum need[]){__VA_ARGS__})

/* What a hub may say of how it goes; whoever says something else says less. */
static void say_everything(void)
{
    nobody_said = false;
    message_init(&said, MESSAGE_complete);
    message_set_string(&said, FIELD_note, "a note");
    *message_set_list(&said, FIELD_support_offered, 1) = (struct value){.present = true, .number = NEED_ADVICE};
    struct value *score = message_set_list(&said, FIELD_outcome_scores, 1);
    for (size_t m = 0; m < OUTCOME_SCORE_MEMBER_COUNT; m++) {
        const struct field_spec *member = &records[RECORD_outcome_score].members[m];
        struct value *values = member->kind == KIND_INTS ? message_set_member_list(&said, &score[m], 1) : &score[m];
        *values = (struct value){.present = true, .number = 1};
    }
}

static void submit_is_written(void)
{
    fill_submit();
    now = NETWORKS_NOW_MS;
    say_everything();
    referral = (struct referral){.number = 7,
                                 .sender = PARTY_SURGERY,
                                 .state = STATE_REQUESTED,
                                 .message_back = CODE_BIT(BACK_REFERRER) | CODE_BIT(BACK_GP)};
    referral.profile = profile_at_home();
    strcpy(referral.neighbourhood_code, "E02000000");
    memset(referral.correlation_id, 0xc0, UUID_BYTES);
}

static void submitted(void)
{
    happens((struct cause){.event = EVENT_SUBMITTED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
}

static void surgery_submits(void)
{
    network_of_four(&invented);
    linked_is_known = false;
    submit_is_written();
    NEEDS_ARE(NEED_BEFRIENDING);
    submitted();
}

TestSuite(letter, .init = surgery_submits);

static void write_with(const struct message *known, const struct letter *to)
{
    struct letter_facts facts = {.network = &invented.network,
                                 .referral = &referral,
                                 .entry = &outcome.entry,
                                 .submit = known,
                                 .said = nobody_said ? NULL : &said,
                                 .sender = "surgery",
                                 .linked_sender = linked_is_known ? "clinic" : NULL};

    letter_write(&facts, to, &texts, &letter);
    length = encode(&letter, bytes, sizeof bytes);
    cr_assert_gt(length, 0);
}

/* Writes letter i of the last event, which must be of this type. */
static void write_letter(uint8_t i, enum message_type type)
{
    struct letter to = outcome.entry.letters[i];

    cr_assert_eq(to.type, type);
    to.mailbox_number = 3;
    write_with(&submit, &to);
}

static bool stands_in(const enum field *list, enum field field)
{
    while (*list != FIELD_COUNT && *list != field)
        list++;
    return *list == field && field != FIELD_COUNT;
}

/* All fields of its table but those, and none that its table does not have. */
static void assert_has_all_but(const enum field *missing)
{
    const struct message_spec *spec = message_spec(letter.type);

    for (int field = 0; field < FIELD_COUNT; field++) {
        bool in_table = false;
        for (size_t i = 0; i < spec->count; i++)
            in_table |= (int)spec->members[i].field == field;
        bool expected = in_table && !stands_in(missing, (enum field)field);
        cr_assert_eq(message_has(&letter, (enum field)field), expected, "%s of %s", fields[field].name, spec->name);
    }
}

static void assert_text(enum field field, const char *expected)
{
    struct text text = message_text(&letter, field);

    cr_assert(text.length == strlen(expected) && memcmp(text.bytes, expected, text.length) == 0, "%s is %.*s",
              fields[field].name, (int)text.length, text.bytes);
}

static void assert_number(enum field field, int64_t expected)
{
    cr_assert_eq(message_number(&letter, field), expected, "%s is %ld", fields[field].name,
                 message_number(&letter, field));
}

static void assert_states(enum state state, enum business_status business, enum status_reason reason)
{
    assert_number(FIELD_state, state);
    assert_number(FIELD_business_status, business);
    assert_number(FIELD_status_reason, reason);
}

Test(letter, an_offer_has_what_a_hub_needs_to_decide)
{
    write_letter(1, MESSAGE_offer);
    assert_has_all_but(BUT(FIELD_service_ids, FIELD_ask_first));
    assert_number(FIELD_offer_number, 1);
    assert_number(FIELD_deadline, outcome.entry.deadline);
    assert_number(FIELD_mailbox_number, 3);
    assert_number(FIELD_referral_id, 7);
    assert_number(FIELD_at, now);
    assert_text(FIELD_service_id, "service-0");
    assert_text(FIELD_neighbourhood_code, "E02000000");
    assert_text(FIELD_neighbourhood_name, "Quarter 0");
    cr_assert_arr_eq(message_uuid(&letter, FIELD_correlation_id), referral.correlation_id, UUID_BYTES);
}

Test(letter, the_sender_is_told_which_hub_is_asked)
{
    write_letter(0, MESSAGE_routed);
    assert_has_all_but(
        BUT(FIELD_status_reason, FIELD_position, FIELD_expected_wait_days, FIELD_expires_at, FIELD_parts));
    assert_states(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_number(FIELD_acknowledgement, ACK_AA);
    assert_number(FIELD_deadline, outcome.entry.deadline);
    assert_text(FIELD_hub_id, "home");
    assert_text(FIELD_hub_name, "The home hub");
    cr_assert(message_has(&letter, FIELD_referral_identifier), "the sender knows it by its own number");
}

static void everybody_is_full_for(int first)
{
    for (int hub = first; hub <= FAR; hub++)
        invented.places[hub].total = 0;
}

Test(letter, the_sender_is_told_the_place_in_the_waiting_list_and_no_hub)
{
    everybody_is_full_for(NEAR);
    hub_says(EVENT_REJECTED);
    outcome.entry.parts[0].position = 12;
    outcome.entry.parts[0].expected_days = 9;
    write_letter(1, MESSAGE_routed);
    assert_has_all_but(BUT(FIELD_hub_id, FIELD_hub_name, FIELD_service_id, FIELD_parts));
    assert_states(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_number(FIELD_acknowledgement, ACK_AE);
    assert_number(FIELD_position, 12);
    assert_number(FIELD_expected_wait_days, 8);
    assert_number(FIELD_expires_at, referral.submitted_at + invented.network.deadlines.waiting_expiry_ms);
    assert_number(FIELD_deadline, outcome.entry.deadline);
}

Test(letter, who_waits_again_after_it_has_expired_is_told_no_expiry)
{
    invented.network.deadlines.waiting_expiry_ms = 1;
    everybody_is_full_for(NEAR);
    now += DAY_MS;
    hub_says(EVENT_REJECTED);
    write_letter(1, MESSAGE_routed);
    cr_assert_not(message_has(&letter, FIELD_expires_at));
}

Test(letter, who_accepts_is_told_everything_but_what_is_the_networks_own)
{
    hub_says(EVENT_ACCEPTED);
    write_letter(1, MESSAGE_person);
    assert_has_all_but(BUT(FIELD_service_ids));
    assert_number(FIELD_offer_number, 1);
    assert_text(FIELD_sender_id, "surgery");
    assert_text(FIELD_service_id, "service-0");
    cr_assert_eq(message_list_count(&letter, FIELD_baseline_scores), 2);
    write_letter(0, MESSAGE_answered);
    assert_has_all_but(BUT(FIELD_status_reason, ONE_PART));
    assert_states(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_text(FIELD_note, "a note");
}

Test(letter, a_rejection_is_told_with_its_reason_and_then_who_is_asked_next)
{
    hub_says(EVENT_REJECTED);
    write_letter(0, MESSAGE_answered);
    assert_has_all_but(BUT(ONE_PART));
    assert_states(STATE_REJECTED, BUSINESS_OFFERED, REASON_OTHER);
    assert_text(FIELD_hub_id, "home");
    write_letter(1, MESSAGE_routed);
    assert_states(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_text(FIELD_hub_id, "near");
    write_letter(2, MESSAGE_offer);
    assert_number(FIELD_offer_number, 2);
    assert_text(FIELD_service_id, "service-1");
}

Test(letter, progress_and_outcome_are_told_with_their_hub)
{
    hub_says(EVENT_ACCEPTED);
    hub_says(EVENT_STARTED);
    write_letter(0, MESSAGE_progressed);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_outcome, ONE_PART));
    assert_states(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    assert_text(FIELD_hub_id, "home");
    hub_says(EVENT_COMPLETED);
    write_letter(0, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_parts, FIELD_places_to_go));
    assert_states(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    assert_number(FIELD_outcome, OUTCOME_PARTLY);
    assert_text(FIELD_hub_id, "home");
}

Test(letter, when_help_is_late_the_sender_is_told_whose)
{
    hub_says(EVENT_ACCEPTED);
    now = referral.deadline;
    nobody_said = true;
    happens((struct cause){.event = EVENT_OVERDUE});
    write_letter(0, MESSAGE_progressed);
    assert_has_all_but(BUT(SAID, FIELD_outcome, ONE_PART));
    assert_states(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, REASON_OVERDUE);
    assert_text(FIELD_hub_id, "home");
}

Test(letter, who_is_silent_is_told_that_the_offer_is_withdrawn)
{
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
    write_letter(0, MESSAGE_withdrawn);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_offer_number, 1);
    assert_number(FIELD_state, STATE_CANCELLED);
    assert_number(FIELD_status_reason, REASON_SILENCE);
    write_letter(1, MESSAGE_routed);
    assert_text(FIELD_hub_id, "near");
}

Test(letter, what_the_sender_withdraws_is_withdrawn_from_the_hub)
{
    surgery_cancels(REASON_NO_LONGER_NEEDED);
    write_letter(0, MESSAGE_withdrawn);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_offer_number, 1);
    assert_number(FIELD_status_reason, REASON_WITHDRAWN_BY_SENDER);
    write_letter(1, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_outcome, FIELD_parts, FIELD_places_to_go));
    assert_states(STATE_CANCELLED, BUSINESS_REVOKED, REASON_NO_LONGER_NEEDED);
}

/* ---- what cannot be told ---- */

/* The daemon sends such an offer, and such a person, as withdrawn. */
static void withdraw_damaged(uint8_t i, int64_t offer_number)
{
    struct letter to = outcome.entry.letters[i];

    cr_assert(to.type == MESSAGE_offer || to.type == MESSAGE_person);
    to.type = MESSAGE_withdrawn;
    write_with(NULL, &to);
    assert_number(FIELD_offer_number, offer_number);
    assert_number(FIELD_status_reason, REASON_RECORD_DAMAGED);
}

Test(letter, a_damaged_first_offer_is_withdrawn)
{
    withdraw_damaged(1, 1);
}

Test(letter, a_damaged_offer_after_a_rejection_is_withdrawn_by_its_own_number)
{
    hub_says(EVENT_REJECTED);
    withdraw_damaged(2, 2);
}

Test(letter, a_damaged_offer_after_silence_is_withdrawn_as_damaged)
{
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
    withdraw_damaged(2, 2);
}

Test(letter, a_damaged_person_is_withdrawn)
{
    hub_says(EVENT_ACCEPTED);
    withdraw_damaged(1, 1);
}

Test(letter, of_an_erased_person_only_the_course_is_told)
{
    nobody_said = true;
    hub_says(EVENT_ACCEPTED);
    write_with(NULL, &outcome.entry.letters[0]);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_referral_identifier, FIELD_note, ONE_PART));
}

Test(letter, a_hub_that_has_left_the_network_still_has_a_name)
{
    hub_says(EVENT_ACCEPTED);
    invented.network.hubs_count = 0;
    write_letter(0, MESSAGE_answered);
    assert_text(FIELD_hub_id, "former-hub");
    write_letter(1, MESSAGE_person);
    assert_text(FIELD_service_id, "former-service");
}

/* ---- hubs change ---- */

Test(letter, a_hub_is_called_as_it_was_on_the_day)
{
    struct era *eras = &invented.eras[NETWORKS_ERAS_MAX - 2];

    eras[0] = invented.eras[invented.hubs[HOME].eras_first];
    eras[1] = eras[0];
    eras[1].from_day = NETWORKS_DAY + 1;
    strcpy(eras[1].name, "The house formerly called home");
    invented.hubs[HOME].eras_first = NETWORKS_ERAS_MAX - 2;
    invented.hubs[HOME].eras_count = 2;
    write_letter(0, MESSAGE_routed);
    assert_text(FIELD_hub_name, "The home hub");
    outcome.entry.at += DAY_MS;
    write_letter(0, MESSAGE_routed);
    assert_text(FIELD_hub_name, "The house formerly called home");
}

Test(letter, a_hub_with_an_old_figure_of_places_is_asked_to_state_it)
{
    invented.network.fresh_ms = 1;
    submit_is_written();
    NEEDS_ARE(NEED_BEFRIENDING);
    submitted();
    write_letter(1, MESSAGE_offer);
    assert_has_all_but(BUT(FIELD_service_ids));
    assert_number(FIELD_ask_first, true);
}

/* ---- places to go ---- */

static void library_opens(void)
{
    static struct span spans[] = {{WEEKDAY_MONDAY, 540, 1020}};
    struct era *era = &invented.eras[invented.hubs[HOME].eras_first];

    invented.hubs[HOME].tier = TIER_UNIVERSAL;
    invented.hubs[HOME].hours = (struct hours){0, 1};
    invented.network.spans = spans;
    strcpy(era->address, "1 High Street");
    strcpy(era->phone, "01752000000");
    invented.hubs[FAR].tier = TIER_UNIVERSAL;
    submit_is_written();
    NEEDS_ARE(NEED_BEFRIENDING);
    referral.profile.tier = TIER_UNIVERSAL;
    submitted();
}

static void assert_place(size_t i, enum place_to_go_member member, const char *expected)
{
    const struct value *value = message_member(&letter, FIELD_places_to_go, i, member);

    cr_assert_eq(value->present, expected[0] != 0, "%zu %d", i, (int)member);
    cr_assert(!value->present || (value->text.length == strlen(expected) &&
                                  memcmp(value->text.bytes, expected, strlen(expected)) == 0),
              "%.*s", (int)value->text.length, value->text.bytes);
}

Test(letter, where_to_go_is_told_with_address_and_hours_the_nearest_first)
{
    library_opens();
    write_letter(0, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_hub_id, FIELD_hub_name, FIELD_parts));
    assert_states(STATE_COMPLETED, BUSINESS_SIGNPOSTED, 0);
    assert_number(FIELD_outcome, OUTCOME_SIGNPOSTED);
    cr_assert_eq(message_list_count(&letter, FIELD_places_to_go), 2);
    assert_place(0, MEMBER_place_hub_id, "home");
    assert_place(0, MEMBER_place_hub_name, "The home hub");
    assert_place(0, MEMBER_place_service_id, "service-0");
    assert_place(0, MEMBER_place_address, "1 High Street");
    assert_place(0, MEMBER_place_phone, "01752000000");
    assert_place(0, MEMBER_place_opening_hours, "Mon 09:00-17:00");
    cr_assert_eq(message_member(&letter, FIELD_places_to_go, 0, MEMBER_place_distance_m)->number, 500);
    assert_place(1, MEMBER_place_hub_id, "far");
    assert_place(1, MEMBER_place_address, "");
    assert_place(1, MEMBER_place_phone, "");
    assert_place(1, MEMBER_place_opening_hours, "");
    cr_assert_eq(message_member(&letter, FIELD_places_to_go, 1, MEMBER_place_distance_m)->number, 20000);
}

Test(letter, no_distance_is_told_from_an_unknown_place)
{
    library_opens();
    referral.profile.position = (struct position){0};
    write_letter(0, MESSAGE_ended);
    cr_assert_not(message_member(&letter, FIELD_places_to_go, 0, MEMBER_place_distance_m)->present);
}

Test(letter, no_distance_is_told_to_a_place_that_is_not_known)
{
    library_opens();
    invented.eras[invented.hubs[HOME].eras_first].position = (struct position){0};
    write_letter(0, MESSAGE_ended);
    assert_place(0, MEMBER_place_hub_id, "home");
    cr_assert_not(message_member(&letter, FIELD_places_to_go, 0, MEMBER_place_distance_m)->present);
    cr_assert(message_member(&letter, FIELD_places_to_go, 1, MEMBER_place_distance_m)->present);
}

Test(letter, a_place_to_go_that_has_left_the_network_still_has_a_name)
{
    library_opens();
    invented.network.hubs_count = 0;
    write_letter(0, MESSAGE_ended);
    assert_place(0, MEMBER_place_hub_id, "former-hub");
    assert_place(0, MEMBER_place_service_id, "former-service");
    assert_place(0, MEMBER_place_address, "");
}

/* ---- several needs ---- */

enum { TOWN_HOME, TOWN_NEAR, TOWN_NEAR_HOUSING, TOWN_CITY }; /* rows of services */

/* Advice and befriending at home; befriending and housing near, by two services; food for the whole city. */
static void town(void)
{
    network_begin(&invented);
    network_add_hub(&invented, "home", (struct position){10300, 10400}, 0);
    network_add_service(&invented, NEED_BIT(NEED_BEFRIENDING) | NEED_BIT(NEED_ADVICE), 2, false);
    network_add_hub(&invented, "near", (struct position){11000, 10000}, 1);
    network_add_service(&invented, NEED_BIT(NEED_BEFRIENDING), 2, false);
    network_add_service(&invented, NEED_BIT(NEED_HOUSING), 2, false);
    network_add_hub(&invented, "city", (struct position){20000, 10000}, 2);
    network_add_service(&invented, NEED_BIT(NEED_FOOD), 2, true);
    network_ready(&invented);
    submit_is_written();
}

static bool bytes_hold(const char *text)
{
    return memmem(bytes, length, text, strlen(text)) != NULL;
}

/* The needs of the letter, in this order and no others. */
static void assert_needs(size_t count, const enum need *needs)
{
    cr_assert_eq(message_list_count(&letter, FIELD_needs), count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(message_member(&letter, FIELD_needs, i, MEMBER_code)->number, (int64_t)needs[i]);
}
#define HAS_NEEDS(...) assert_needs(sizeof((enum need[]){__VA_ARGS__}) / sizeof(enum need), (enum need[]){__VA_ARGS__})

static void assert_part(size_t i, enum part_of_referral_member member, int64_t expected)
{
    const struct value *value = message_member(&letter, FIELD_parts, i, member);

    cr_assert_eq(value->present, expected != 0, "part %zu member %d", i, (int)member);
    cr_assert(!expected || value->number == expected, "part %zu member %d: %ld", i, (int)member, value->number);
}

static void assert_part_is_of(size_t i, enum need need)
{
    const struct value *needs = message_member(&letter, FIELD_parts, i, MEMBER_part_needs);

    cr_assert_eq(needs->list.count, 1);
    cr_assert_eq(letter.values[needs->list.first].number, (int64_t)need);
}

static void assert_part_at(size_t i, const char *hub)
{
    const struct value *id = message_member(&letter, FIELD_parts, i, MEMBER_part_hub_id);

    cr_assert_eq(id->present, hub[0] != 0);
    cr_assert(!id->present || memcmp(id->text.bytes, hub, strlen(hub)) == 0);
    cr_assert_eq(message_member(&letter, FIELD_parts, i, MEMBER_part_service_id)->present, id->present);
    cr_assert_eq(message_member(&letter, FIELD_parts, i, MEMBER_part_hub_name)->present, id->present);
}

Test(letter, a_hub_that_is_asked_about_all_needs_sees_all_and_which_services_they_take)
{
    town();
    NEEDS_ARE(NEED_HOUSING, NEED_BEFRIENDING);
    submitted();
    write_letter(1, MESSAGE_offer);
    assert_has_all_but(BUT(FIELD_ask_first));
    HAS_NEEDS(NEED_HOUSING, NEED_BEFRIENDING);
    cr_assert(bytes_hold("detail 10") && bytes_hold("detail 3"));
    cr_assert_eq(message_list_count(&letter, FIELD_service_ids), 2);
    cr_assert_eq(memcmp(message_element(&letter, FIELD_service_ids, 0)->text.bytes, "service-2", 9), 0);
    cr_assert_eq(memcmp(message_element(&letter, FIELD_service_ids, 1)->text.bytes, "service-1", 9), 0);
    assert_text(FIELD_service_id, "service-2");
    write_letter(0, MESSAGE_routed);
    cr_assert_not(message_has(&letter, FIELD_parts));
}

/* Advice at home is offer 1, housing near is offer 2, and food waits. */
static void three_ways(void)
{
    town();
    NEEDS_ARE(NEED_HOUSING, NEED_ADVICE, NEED_FOOD);
    invented.places[TOWN_CITY].total = 0;
    submitted();
}

static uint8_t offer_at(uint32_t hub)
{
    for (uint8_t i = 0; i < referral.offers_count; i++)
        if (referral.offers[i].hub == hub)
            return (uint8_t)(i + 1);
    cr_assert_fail("no offer to hub %u", hub);
    return 0;
}

Test(letter, a_hub_sees_the_needs_that_it_is_asked_about_and_nothing_of_the_others)
{
    three_ways();
    for (uint8_t i = 1; i <= 2; i++) {
        write_letter(i, MESSAGE_offer);
        assert_has_all_but(BUT(FIELD_service_ids, FIELD_ask_first));
        bool at_home = outcome.entry.letters[i].party == PARTY_HOME;
        cr_assert_eq(message_list_count(&letter, FIELD_needs), 1);
        assert_needs(1, (const enum need[]){at_home ? NEED_ADVICE : NEED_HOUSING});
        cr_assert(bytes_hold(at_home ? "detail 1" : "detail 10"));
        cr_assert_not(bytes_hold(at_home ? "detail 10" : "advice"));
        cr_assert_not(bytes_hold("food") || bytes_hold("detail 19"));
        cr_assert_not(bytes_hold(at_home ? "housing" : "befriending"));
        assert_number(FIELD_deadline, referral.parts[referral_part_of_offer(&referral, i)].deadline);
        assert_number(FIELD_offer_number, i);
    }
    says(PARTY_HOME, EVENT_ACCEPTED, offer_at(PARTY_HOME));
    write_letter(1, MESSAGE_person);
    HAS_NEEDS(NEED_ADVICE);
    cr_assert_not(bytes_hold("detail 10") || bytes_hold("detail 19"));
}

Test(letter, the_sender_is_told_where_each_need_stands)
{
    three_ways();
    outcome.entry.parts[2].position = 4;
    outcome.entry.parts[2].expected_days = 1;
    write_letter(0, MESSAGE_routed);
    assert_states(STATE_RECEIVED, BUSINESS_OFFERED, 0);
    assert_number(FIELD_acknowledgement, ACK_AE);
    cr_assert_not(message_has(&letter, FIELD_position) || message_has(&letter, FIELD_expires_at));
    cr_assert_eq(message_list_count(&letter, FIELD_parts), 3);
    assert_part_is_of(0, NEED_ADVICE);
    assert_part_at(0, "home");
    assert_part(0, MEMBER_part_state, STATE_RECEIVED);
    assert_part(0, MEMBER_part_offer_number, 1);
    assert_part(0, MEMBER_part_deadline, referral.parts[0].deadline);
    assert_part(0, MEMBER_part_position, 0);
    assert_part_is_of(1, NEED_HOUSING);
    assert_part_at(1, "near");
    assert_part(1, MEMBER_part_offer_number, 2);
    assert_part_is_of(2, NEED_FOOD);
    assert_part_at(2, "");
    assert_part(2, MEMBER_part_state, STATE_ON_HOLD);
    assert_part(2, MEMBER_part_business_status, BUSINESS_WAITLISTED);
    assert_part(2, MEMBER_part_status_reason, REASON_ALL_FULL);
    assert_part(2, MEMBER_part_position, 4);
    cr_assert(message_member(&letter, FIELD_parts, 2, MEMBER_part_expected_wait_days)->present, "today");
    cr_assert_eq(message_member(&letter, FIELD_parts, 2, MEMBER_part_expected_wait_days)->number, 0);
}

Test(letter, when_every_need_is_offered_that_is_said)
{
    town();
    NEEDS_ARE(NEED_HOUSING, NEED_ADVICE);
    submitted();
    write_letter(0, MESSAGE_routed);
    assert_number(FIELD_acknowledgement, ACK_AA);
}

Test(letter, the_part_that_speaks_for_all_is_the_one_that_is_told_at_the_top)
{
    three_ways();
    says(PARTY_HOME, EVENT_ACCEPTED, offer_at(PARTY_HOME));
    invented.places[TOWN_CITY].total = 1;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_FOOD});
    write_letter(0, MESSAGE_routed);
    assert_states(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_text(FIELD_hub_id, "home");
    assert_number(FIELD_deadline, referral.parts[referral_part_of_need(&referral, NEED_ADVICE)].deadline);
    write_letter(1, MESSAGE_offer);
    HAS_NEEDS(NEED_FOOD);
    assert_number(FIELD_offer_number, 3);
}

Test(letter, a_case_that_is_paused_speaks_before_what_only_waits)
{
    three_ways();
    uint8_t near = offer_at(PARTY_NEAR);
    says(PARTY_NEAR, EVENT_ACCEPTED, near);
    says(PARTY_NEAR, EVENT_PAUSED, near);
    says(PARTY_HOME, EVENT_REJECTED, offer_at(PARTY_HOME));
    cr_assert_eq(referral.parts[0].business_status, BUSINESS_ATTENTION);
    write_letter(1, MESSAGE_routed);
    assert_states(STATE_ON_HOLD, BUSINESS_PAUSED, REASON_PAUSED);
    assert_text(FIELD_hub_id, "near");
    assert_number(FIELD_deadline, referral.parts[1].deadline);
}

Test(letter, an_answer_names_the_needs_and_the_offer_that_it_is_about)
{
    uint8_t home, near;

    three_ways();
    home = offer_at(PARTY_HOME);
    near = offer_at(PARTY_NEAR);
    says(PARTY_HOME, EVENT_ACCEPTED, home);
    says(PARTY_HOME, EVENT_STARTED, home);
    write_letter(0, MESSAGE_progressed);
    HAS_NEEDS(NEED_ADVICE);
    assert_states(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    says(PARTY_NEAR, EVENT_ACCEPTED, near);
    write_letter(0, MESSAGE_answered);
    assert_states(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_number(FIELD_offer_number, near);
    assert_text(FIELD_hub_id, "near");
    HAS_NEEDS(NEED_HOUSING);
    cr_assert_not(bytes_hold("detail"));
    says(PARTY_HOME, EVENT_COMPLETED, home);
    write_letter(0, MESSAGE_progressed);
    assert_states(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    HAS_NEEDS(NEED_ADVICE);
    says(PARTY_NEAR, EVENT_FAILED, near);
    write_letter(0, MESSAGE_progressed);
    assert_states(STATE_FAILED, BUSINESS_NOT_HELPED, REASON_OTHER);
    HAS_NEEDS(NEED_HOUSING);
}

Test(letter, a_rejection_that_splits_names_what_was_asked)
{
    town();
    NEEDS_ARE(NEED_HOUSING, NEED_BEFRIENDING);
    submitted();
    says(PARTY_NEAR, EVENT_REJECTED, 1);
    cr_assert_eq(referral.parts_count, 2);
    write_letter(0, MESSAGE_answered);
    HAS_NEEDS(NEED_BEFRIENDING, NEED_HOUSING);
    assert_number(FIELD_offer_number, 1);
    assert_states(STATE_REJECTED, BUSINESS_OFFERED, REASON_OTHER);
    write_letter(1, MESSAGE_routed);
    cr_assert_eq(message_list_count(&letter, FIELD_parts), 2);
    assert_part_at(0, "home");
    assert_part_at(1, "");
}

Test(letter, a_need_that_is_withdrawn_after_a_hub_has_declined_it_names_that_hub_no_more)
{
    town();
    NEEDS_ARE(NEED_HOUSING, NEED_BEFRIENDING);
    submitted();
    says(PARTY_NEAR, EVENT_REJECTED, 1);
    surgery_cancels(REASON_NO_LONGER_NEEDED);
    write_letter(1, MESSAGE_ended);
    assert_part_at(0, "home");
    assert_part(1, MEMBER_part_state, STATE_CANCELLED);
    assert_part_at(1, "");
}

Test(letter, who_has_waited_too_long_is_told_with_the_need_and_no_hub)
{
    three_ways();
    now = referral.submitted_at + invented.network.deadlines.waiting_expiry_ms;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_FOOD});
    cr_assert_eq(outcome.entry.event, EVENT_OVERDUE);
    nobody_said = true;
    write_letter(0, MESSAGE_progressed);
    assert_has_all_but(BUT(FIELD_hub_id, FIELD_hub_name, FIELD_offer_number, SAID, FIELD_outcome));
    assert_states(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_WAITED_TOO_LONG);
    HAS_NEEDS(NEED_FOOD);
}

Test(letter, the_outcome_of_all_needs_is_told_in_one)
{
    town();
    NEEDS_ARE(NEED_HOUSING, NEED_ADVICE);
    submitted();
    uint8_t home = offer_at(PARTY_HOME), near = offer_at(PARTY_NEAR);
    says(PARTY_HOME, EVENT_ACCEPTED, home);
    says(PARTY_NEAR, EVENT_ACCEPTED, near);
    says(PARTY_HOME, EVENT_COMPLETED, home);
    says(PARTY_NEAR, EVENT_FAILED, near);
    write_letter(0, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_hub_id, FIELD_hub_name, FIELD_places_to_go));
    assert_states(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    assert_number(FIELD_outcome, OUTCOME_PARTLY);
    assert_part_is_of(0, NEED_ADVICE);
    assert_part(0, MEMBER_part_state, STATE_COMPLETED);
    assert_part(0, MEMBER_part_outcome, OUTCOME_PARTLY);
    assert_part(0, MEMBER_part_deadline, 0);
    assert_part_at(0, "home");
    assert_part_is_of(1, NEED_HOUSING);
    assert_part(1, MEMBER_part_state, STATE_FAILED);
    assert_part(1, MEMBER_part_status_reason, REASON_OTHER);
    assert_part(1, MEMBER_part_outcome, 0);
    assert_part_at(1, "near");
}

Test(letter, what_is_withdrawn_from_several_hubs_names_each_offer)
{
    three_ways();
    surgery_cancels(REASON_NO_LONGER_NEEDED);
    for (uint8_t i = 0; i < 2; i++) {
        write_letter(i, MESSAGE_withdrawn);
        assert_has_all_but(NO_FIELDS);
        assert_number(FIELD_offer_number, i + 1);
        assert_number(FIELD_status_reason, REASON_WITHDRAWN_BY_SENDER);
    }
    write_letter(2, MESSAGE_ended);
    assert_states(STATE_CANCELLED, BUSINESS_REVOKED, REASON_NO_LONGER_NEEDED);
    cr_assert_eq(message_list_count(&letter, FIELD_parts), 3);
}

Test(letter, a_letter_can_be_written_again_when_much_else_has_happened)
{
    static uint8_t first[3][MESSAGE_BYTES_MAX];
    size_t lengths[3];
    struct entry past;

    three_ways();
    past = outcome.entry;
    cr_assert_eq(past.letters_count, 3);
    for (uint8_t i = 0; i < 3; i++) {
        write_letter(i, past.letters[i].type);
        lengths[i] = length;
        memcpy(first[i], bytes, length);
    }
    says(PARTY_NEAR, EVENT_REJECTED, offer_at(PARTY_NEAR));
    invented.places[TOWN_CITY].total = 1;
    happens((struct cause){.event = EVENT_OFFERED, .need = NEED_FOOD});
    says(PARTY_HOME, EVENT_ACCEPTED, offer_at(PARTY_HOME));
    surgery_cancels(REASON_DECLINED);
    outcome.entry = past;
    for (uint8_t i = 0; i < 3; i++) {
        write_letter(i, past.letters[i].type);
        cr_assert(length == lengths[i] && memcmp(bytes, first[i], length) == 0, "letter %d", i);
    }
}

Test(letter, of_an_erased_person_the_needs_are_told_by_their_codes)
{
    three_ways();
    says(PARTY_HOME, EVENT_ACCEPTED, offer_at(PARTY_HOME));
    write_with(NULL, &outcome.entry.letters[0]);
    HAS_NEEDS(NEED_ADVICE);
}

Test(letter, the_fullest_letters_fit_a_message)
{
    referral = (struct referral){.number = 7, .sender = PARTY_SURGERY, .submitted_at = now};
    outcome.entry = (struct entry){.referral = 7,
                                   .at = now,
                                   .event = EVENT_SUBMITTED,
                                   .state = STATE_RECEIVED,
                                   .business_status = BUSINESS_OFFERED};
    for (uint8_t i = 0; i < NEEDS_MAX; i++) {
        referral.offers[i] = (struct offer){.hub = PARTY_HOME, .needs = NEED_BIT(i + 1), .services_count = NEEDS_MAX};
        for (int s = 0; s < NEEDS_MAX; s++)
            referral.offers[i].services[s] = invented.services[HOME].number;
        outcome.entry.parts[outcome.entry.parts_count++] = (struct standing){.needs = NEED_BIT(i + 1),
                                                                             .state = STATE_RECEIVED,
                                                                             .business_status = BUSINESS_OFFERED,
                                                                             .reason = REASON_OTHER,
                                                                             .outcome = OUTCOME_PARTLY,
                                                                             .offer = (uint8_t)(i + 1),
                                                                             .position = 1,
                                                                             .expected_days = 1,
                                                                             .deadline = now};
    }
    referral.offers_count = NEEDS_MAX;
    for (outcome.entry.signposts_count = 0; outcome.entry.signposts_count < SIGNPOSTS_MAX;)
        outcome.entry.signposts[outcome.entry.signposts_count++] =
            (struct candidate){.hub = PARTY_HOME, .service = invented.services[HOME].number};
    write_with(&submit, &(struct letter){.party = PARTY_SURGERY, .type = MESSAGE_routed, .mailbox_number = 1});
    write_with(&submit, &(struct letter){.party = PARTY_SURGERY, .type = MESSAGE_ended, .mailbox_number = 1});
    cr_assert(message_has(&letter, FIELD_parts) && message_has(&letter, FIELD_places_to_go));
    write_with(&submit, &(struct letter){PARTY_HOME, MESSAGE_person, 8, 1});
    cr_assert_eq(message_list_count(&letter, FIELD_service_ids), NEEDS_MAX);
}

/* ---- what may not be told ---- */

static bool is_personal(enum field field)
{
    return fields[field].audience == AUDIENCE_CASE || fields[field].audience == AUDIENCE_NETWORK;
}

static void plant(struct value *value, const struct field_spec *spec)
{
    static const char canary[] = CANARY;

    switch (spec->kind) {
    case KIND_TEXT:
    case KIND_ID:
    case KIND_PHONE:
    case KIND_EMAIL:
    case KIND_ODS:
    case KIND_SNOMED:
    case KIND_POSTCODE:
    case KIND_NHS_NUMBER:
        value->text = (struct text){canary, sizeof canary - 1};
        break;
    default:
        break;
    }
}

/* A canary in every text of every field that no hub may see before it has accepted. Codes, dates and numbers are
 * looked for by the names of their fields. */
static void plant_canaries(void)
{
    for (int field = 0; field < FIELD_COUNT; field++) {
        const struct field_spec *spec = &fields[field];
        if (!is_personal((enum field)field) || !message_has(&submit, (enum field)field))
            continue;
        plant(&submit.values[submit.places[field]], spec);
        size_t width = spec->kind == KIND_RECORDS ? records[spec->of].count : 1;
        bool is_list = spec->kind == KIND_RECORDS || spec->kind == KIND_IDS || spec->kind == KIND_TEXTS;
        for (size_t i = 0; is_list && i < message_value_of(&submit, field)->list.count * width; i++) {
            struct field_spec element = {.kind = KIND_TEXT};
            if (spec->kind == KIND_RECORDS)
                element = records[spec->of].members[i % width];
            plant(&submit.values[message_value_of(&submit, field)->list.first + i], &element);
        }
    }
}

Test(letter, an_offer_holds_no_byte_of_what_a_hub_may_not_see)
{
    char born[11];

    plant_canaries();
    date_format(message_number(&submit, FIELD_date_of_birth), born);
    write_letter(1, MESSAGE_offer);
    cr_assert_not(bytes_hold(CANARY));
    cr_assert_not(bytes_hold(born));
    cr_assert_not(bytes_hold("a note"));
    for (int field = 0; field < FIELD_COUNT; field++)
        cr_assert_not(is_personal((enum field)field) && bytes_hold(fields[field].name), "%s", fields[field].name);
}

Test(letter, the_hub_that_accepts_sees_the_person_so_the_canaries_can_sing)
{
    unsigned sung = 0;

    plant_canaries();
    hub_says(EVENT_ACCEPTED);
    write_letter(1, MESSAGE_person);
    for (size_t i = 0; i + strlen(CANARY) <= length; i++)
        sung += memcmp(bytes + i, CANARY, strlen(CANARY)) == 0;
    cr_assert_gt(sung, 18);
    for (int field = 0; field < FIELD_COUNT; field++)
        cr_assert_not(fields[field].audience == AUDIENCE_NETWORK && message_has(&letter, (enum field)field), "%s",
                      fields[field].name);
}

Test(letter, what_the_sender_is_told_holds_nothing_of_the_person)
{
    plant_canaries();
    message_set_string(&submit, FIELD_referral_identifier, "its own number");
    hub_says(EVENT_ACCEPTED);
    write_letter(0, MESSAGE_answered);
    cr_assert_not(bytes_hold(CANARY));
    hub_says(EVENT_COMPLETED);
    write_letter(0, MESSAGE_ended);
    cr_assert_not(bytes_hold(CANARY));
}

/* ---- the closed loop ---- */

static struct cause by_operator(enum event event)
{
    return (struct cause){.event = event, .role = ROLE_OPERATOR, .actor = 90};
}

Test(letter, a_reminder_says_for_what_it_was_waited_and_until_when_it_is_now)
{
    invented.network.deadlines.stages.clocks[STAGE_ANSWER].grace_ms[PRIORITY_ROUTINE] = DAY_MS;
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
    write_letter(0, MESSAGE_reminder);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_offer_number, 1);
    assert_number(FIELD_deadline_stage, STAGE_ANSWER);
    assert_number(FIELD_deadline, now + DAY_MS);
}

Test(letter, an_update_is_told_like_the_person_with_the_senders_note)
{
    hub_says(EVENT_ACCEPTED);
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
    said.type = MESSAGE_update;
    write_letter(0, MESSAGE_updated);
    assert_has_all_but(BUT(FIELD_service_ids));
    assert_text(FIELD_note, "a note");
    HAS_NEEDS(NEED_BEFRIENDING);
}

Test(letter, what_a_sender_says_with_an_update_is_not_told_as_what_came_of_it)
{
    hub_says(EVENT_ACCEPTED);
    hub_says(EVENT_COMPLETED);
    said.type = MESSAGE_update;
    write_letter(0, MESSAGE_ended);
    cr_assert_not(message_has(&letter, FIELD_note));
}

Test(letter, an_operators_reason_is_not_for_hubs_and_the_priority_is_the_one_that_holds)
{
    hub_says(EVENT_ACCEPTED);
    struct cause cause = by_operator(EVENT_PRIORITISED);
    cause.priority = PRIORITY_STAT;
    happens(cause);
    write_letter(0, MESSAGE_updated);
    assert_has_all_but(BUT(FIELD_service_ids, FIELD_note));
    assert_number(FIELD_priority, PRIORITY_STAT);
}

Test(letter, an_offer_is_told_again_under_its_number_with_the_deadline_that_runs)
{
    int64_t deadline = referral.deadline;

    now += DAY_MS / 24;
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
    write_letter(0, MESSAGE_offer);
    assert_has_all_but(BUT(FIELD_service_ids, FIELD_ask_first));
    assert_number(FIELD_offer_number, 1);
    assert_number(FIELD_deadline, deadline);
}

/* The clinic is the person's practice. */
static void help_ends(uint8_t scope)
{
    surgery_submits();
    referral.practice = PARTY_CLINIC;
    referral.message_back = scope;
    hub_says(EVENT_ACCEPTED);
    hub_says(EVENT_STARTED);
    hub_says(EVENT_COMPLETED);
}

Test(letter, the_practice_is_told_whose_patient_it_is_and_what_came_of_it)
{
    help_ends(CODE_BIT(BACK_GP));
    write_letter(1, MESSAGE_message_back);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_parts, FIELD_places_to_go));
    assert_states(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    assert_number(FIELD_outcome, OUTCOME_PARTLY);
    assert_text(FIELD_note, "a note");
    assert_text(FIELD_sender_id, "surgery");
    HAS_NEEDS(NEED_BEFRIENDING);
    cr_assert_not(message_member(&letter, FIELD_needs, 0, MEMBER_detail)->present);
}

Test(letter, the_sender_is_told_what_came_of_it_only_if_the_person_agreed)
{
    static const uint8_t scopes[] = {CODE_BIT(BACK_REFERRER), CODE_BIT(BACK_GP),
                                     CODE_BIT(BACK_REFERRER) | CODE_BIT(BACK_GP), CODE_BIT(BACK_NONE)};

    for (size_t i = 0; i < sizeof scopes; i++) {
        bool agreed = scopes[i] & CODE_BIT(BACK_REFERRER);
        help_ends(scopes[i]);
        write_letter(0, MESSAGE_ended);
        assert_number(FIELD_state, STATE_COMPLETED);
        assert_number(FIELD_business_status, BUSINESS_PARTLY);
        const enum field fields_of_outcome[] = {SAID, FIELD_outcome};
        for (size_t f = 0; f < sizeof fields_of_outcome / sizeof fields_of_outcome[0]; f++)
            cr_assert_eq(message_has(&letter, fields_of_outcome[f]), agreed, "%s", fields[fields_of_outcome[f]].name);
        surgery_submits();
        referral.message_back = scopes[i];
        hub_says(EVENT_ACCEPTED);
        hub_says(EVENT_STARTED);
        hub_says(EVENT_PAUSED);
        write_letter(0, MESSAGE_progressed);
        assert_states(STATE_ON_HOLD, BUSINESS_PAUSED, agreed ? REASON_PAUSED : 0);
        cr_assert_eq(message_has(&letter, FIELD_note), agreed);
        hub_says(EVENT_FAILED);
        write_letter(0, MESSAGE_ended);
        assert_states(STATE_FAILED, BUSINESS_NOT_HELPED, agreed ? REASON_OTHER : 0);
    }
}

Test(letter, what_the_network_itself_says_needs_no_such_consent)
{
    referral.message_back = CODE_BIT(BACK_NONE);
    hub_says(EVENT_ACCEPTED);
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
    write_letter(0, MESSAGE_progressed);
    assert_number(FIELD_status_reason, REASON_OVERDUE);
}

Test(letter, of_several_needs_no_part_tells_its_outcome_without_consent)
{
    for (int agreed = 0; agreed < 2; agreed++) {
        three_ways();
        referral.message_back = agreed ? CODE_BIT(BACK_REFERRER) : CODE_BIT(BACK_NONE);
        uint8_t home = offer_at(PARTY_HOME);
        says(PARTY_HOME, EVENT_ACCEPTED, home);
        says(PARTY_HOME, EVENT_COMPLETED, home);
        invented.places[TOWN_CITY].total = 1;
        happens((struct cause){.event = EVENT_OFFERED, .need = NEED_FOOD});
        write_letter(0, MESSAGE_routed);
        assert_part(0, MEMBER_part_state, STATE_COMPLETED);
        assert_part(0, MEMBER_part_outcome, agreed ? OUTCOME_PARTLY : 0);
    }
}

Test(letter, the_sender_learns_whether_the_practice_is_told)
{
    help_ends(CODE_BIT(BACK_GP) | CODE_BIT(BACK_REFERRER));
    write_letter(0, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_parts, FIELD_places_to_go));
    assert_number(FIELD_gp_told, true);
    referral.practice = PARTY_NONE;
    write_letter(0, MESSAGE_ended);
    cr_assert(message_has(&letter, FIELD_gp_told));
    assert_number(FIELD_gp_told, false);
    referral.message_back = CODE_BIT(BACK_REFERRER);
    write_letter(0, MESSAGE_ended);
    cr_assert_not(message_has(&letter, FIELD_gp_told));
}

Test(letter, what_is_handed_back_is_told_with_its_reason_and_then_who_is_asked_next)
{
    hub_says(EVENT_ACCEPTED);
    hub_says(EVENT_HANDED_BACK);
    write_letter(0, MESSAGE_progressed);
    assert_states(STATE_RECEIVED, BUSINESS_OFFERED, REASON_OTHER);
    assert_text(FIELD_hub_id, "home");
    assert_text(FIELD_note, "a note");
    write_letter(1, MESSAGE_routed);
    assert_text(FIELD_hub_id, "near");
}

/* Two referrals belong together; the clinic made the other, and the hub of the whole city has it. */
static void link_is_made(void)
{
    linked_is_known = true;
    hub_says(EVENT_ACCEPTED);
    referral.links[referral.links_count++] = (struct linked){9, LINK_SAME_PERSON};
    happens((struct cause){.event = EVENT_LINKED, .linked_hub = PARTY_CITY, .tell_link = true});
}

Test(letter, a_link_says_which_referral_from_whom_and_who_has_it)
{
    link_is_made();
    write_letter(0, MESSAGE_linked);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_referral_id, 7);
    assert_number(FIELD_linked_id, 9);
    assert_number(FIELD_link, LINK_SAME_PERSON);
    assert_text(FIELD_sender_id, "clinic");
    assert_text(FIELD_hub_id, "city");
    assert_text(FIELD_hub_name, "The city hub");
    write_letter(1, MESSAGE_linked);
    assert_has_all_but(BUT(FIELD_referral_identifier));
    linked_is_known = false;
    write_letter(0, MESSAGE_linked);
    assert_has_all_but(BUT(FIELD_sender_id));
}

Test(letter, of_who_is_erased_it_is_told_that_they_are)
{
    help_ends(CODE_BIT(BACK_REFERRER));
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
    happens((struct cause){.event = EVENT_ERASED, .role = ROLE_PRIVACY_OFFICER, .actor = 91});
    write_letter(0, MESSAGE_erased);
    assert_has_all_but(BUT(FIELD_enquiry_id));
    write_letter(1, MESSAGE_erased);
    assert_has_all_but(BUT(FIELD_enquiry_id));
    write_with(NULL, &outcome.entry.letters[1]);
    assert_has_all_but(BUT(FIELD_enquiry_id));
}

static void assert_withdrawn_for(enum status_reason reason)
{
    write_letter(0, MESSAGE_withdrawn);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_state, STATE_CANCELLED);
    assert_number(FIELD_status_reason, reason);
}

Test(letter, a_hub_is_told_why_an_offer_is_its_own_no_more)
{
    struct cause cause = {.event = EVENT_HUB_CLOSED, .offer_number = 1};

    happens(cause);
    assert_withdrawn_for(REASON_HUB_CLOSED);
    surgery_submits();
    happens(by_operator(EVENT_HELD));
    assert_withdrawn_for(REASON_HELD);
    surgery_submits();
    cause = by_operator(EVENT_REOFFERED);
    cause.offer_number = 1;
    happens(cause);
    assert_withdrawn_for(REASON_MOVED);
    surgery_submits();
    cause = by_operator(EVENT_PLACED);
    cause.hub = cause.row = FAR;
    happens(cause);
    assert_withdrawn_for(REASON_MOVED);
    surgery_submits();
    cause = by_operator(EVENT_TURNED_AWAY);
    cause.reason = REASON_NOT_ELIGIBLE;
    happens(cause);
    assert_withdrawn_for(REASON_NOT_ELIGIBLE);
    surgery_submits();
    referral.profile.consent_in_doubt = true;
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
    assert_withdrawn_for(REASON_CONSENT_IN_DOUBT);
    help_ends(CODE_BIT(BACK_REFERRER));
    surgery_cancels(REASON_ENTERED_IN_ERROR);
    assert_withdrawn_for(REASON_ENTERED_IN_ERROR);
}

/* ---- least knowledge: a marker of its own in every field ---- */

static char markers[2][FIELD_COUNT][16]; /* of the submit, of what was said */

static bool is_text(enum kind kind)
{
    static const enum kind kinds[] = {KIND_TEXT, KIND_ID,     KIND_PHONE,    KIND_EMAIL,
                                      KIND_ODS,  KIND_SNOMED, KIND_POSTCODE, KIND_NHS_NUMBER};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i] == kind)
            return true;
    return false;
}

static void mark(struct value *value, const char *marker)
{
    *value = (struct value){.present = true, .text = {marker, (uint32_t)strlen(marker)}};
}

/* Puts the marker into every text of the field; true when it has any. */
static bool mark_field(struct message *message, enum field field, const char *marker)
{
    const struct field_spec *spec = &fields[field];
    size_t width = spec->kind == KIND_RECORDS ? records[spec->of].count : 1;
    bool marked = is_text(spec->kind);

    if (marked)
        mark(message_value(message, field), marker);
    bool has_texts = spec->kind == KIND_RECORDS || spec->kind == KIND_IDS || spec->kind == KIND_TEXTS;
    for (size_t i = 0; has_texts && i < message_list_count(message, field) * width; i++) {
        struct value *value = &message->values[message_value_of(message, field)->list.first + i];
        bool takes_text = spec->kind != KIND_RECORDS || is_text(records[spec->of].members[i % width].kind);
        if (takes_text)
            mark(value, marker);
        marked = marked || takes_text;
    }
    return marked;
}

/* Every field that there is says something, whatever a request may say. */
static void mark_everything(void)
{
    for (int field = 0; field < FIELD_COUNT; field++) {
        snprintf(markers[0][field], sizeof markers[0][field], "q%03dw", field);
        snprintf(markers[1][field], sizeof markers[1][field], "z%03dk", field);
        if (message_has(&submit, (enum field)field) && !mark_field(&submit, (enum field)field, markers[0][field]))
            markers[0][field][0] = 0;
        if (!mark_field(&said, (enum field)field, markers[1][field]))
            markers[1][field][0] = 0;
    }
}

#define OF_OFFER                                                                                                       \
    FIELD_tier_needed, FIELD_respond_by, FIELD_referral_source, FIELD_requested_service_id, FIELD_no_fixed_abode,      \
        FIELD_neighbourhood_code, FIELD_language, FIELD_interpreter_needed, FIELD_reasonable_adjustments, FIELD_needs, \
        FIELD_risk_flags, FIELD_travel_limit_minutes, FIELD_transport_mode, FIELD_availability, FIELD_is_carer,        \
        FIELD_priority
#define OF_PERSON                                                                                                      \
    OF_OFFER, FIELD_authored_on, FIELD_referral_code, FIELD_sender_organisation_ods, FIELD_referrer_name,              \
        FIELD_referrer_role, FIELD_referrer_phone, FIELD_referrer_email, FIELD_gp_practice_ods, FIELD_nhs_number,      \
        FIELD_nhs_number_absent_reason, FIELD_local_person_id, FIELD_family_name, FIELD_given_name,                    \
        FIELD_date_of_birth, FIELD_gender, FIELD_ethnic_category, FIELD_address_lines, FIELD_postcode, FIELD_phone,    \
        FIELD_email, FIELD_contact_permissions, FIELD_reason_for_referral, FIELD_what_matters, FIELD_cares_for,        \
        FIELD_consent_to_share, FIELD_consent_recorded_at, FIELD_consent_recorded_by, FIELD_consent_expires_on,        \
        FIELD_consent_message_back, FIELD_baseline_scores, FIELD_further_information
#define OF_BACK                                                                                                        \
    FIELD_authored_on, FIELD_referrer_name, FIELD_referrer_role, FIELD_gp_practice_ods, FIELD_nhs_number,              \
        FIELD_family_name, FIELD_given_name, FIELD_date_of_birth

enum listener { TO_SENDER, TO_HUB, TO_PRACTICE };

/* Who may learn what of the submit, and of what somebody said; the letters that say more do not exist. */
static const struct {
    enum message_type type;
    enum listener listener;
    enum field of_submit[FIELD_COUNT];
    enum field of_said[5];
} audiences[] = {
    {MESSAGE_routed, TO_SENDER, {FIELD_referral_identifier, FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_answered, TO_SENDER, {FIELD_referral_identifier, FIELD_COUNT}, {FIELD_note, FIELD_COUNT}},
    {MESSAGE_progressed, TO_SENDER, {FIELD_referral_identifier, FIELD_COUNT}, {SAID, FIELD_COUNT}},
    {MESSAGE_ended, TO_SENDER, {FIELD_referral_identifier, FIELD_COUNT}, {SAID, FIELD_COUNT}},
    {MESSAGE_linked, TO_SENDER, {FIELD_referral_identifier, FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_erased, TO_SENDER, {FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_offer, TO_HUB, {OF_OFFER, FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_person, TO_HUB, {OF_PERSON, FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_updated, TO_HUB, {OF_PERSON, FIELD_COUNT}, {FIELD_note, FIELD_COUNT}},
    {MESSAGE_withdrawn, TO_HUB, {FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_reminder, TO_HUB, {FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_linked, TO_HUB, {FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_erased, TO_HUB, {FIELD_COUNT}, {FIELD_COUNT}},
    {MESSAGE_message_back, TO_PRACTICE, {OF_BACK, FIELD_COUNT}, {SAID, FIELD_COUNT}},
    {MESSAGE_erased, TO_PRACTICE, {FIELD_COUNT}, {FIELD_COUNT}},
};

/* What the network itself says under the name of a field of the submit. */
static bool is_networks_own(enum field field)
{
    return field == FIELD_correlation_id || field == FIELD_needs || field == FIELD_neighbourhood_code ||
           field == FIELD_priority || field < FIELD_referral_identifier;
}

static void assert_least_knowledge(size_t row)
{
    const char *name = message_spec(audiences[row].type)->name;

    for (int f = 0; f < FIELD_COUNT; f++) {
        enum field field = (enum field)f;
        bool of_submit = stands_in(audiences[row].of_submit, field);
        bool of_said = stands_in(audiences[row].of_said, field);
        bool overwritten = is_networks_own(field) && field != FIELD_needs;
        if (markers[0][f][0] && !(overwritten && of_submit))
            cr_assert_eq(bytes_hold(markers[0][f]), of_submit && message_has(&submit, field), "%s of %s",
                         fields[f].name, name);
        if (markers[1][f][0])
            cr_assert_eq(bytes_hold(markers[1][f]), of_said, "%s, said, of %s", fields[f].name, name);
        if (field >= FIELD_referral_identifier && field <= FIELD_further_information && !is_networks_own(field))
            cr_assert_eq(message_has(&letter, field), of_submit, "%s of %s", fields[f].name, name);
    }
    for (int field = 0; field < FIELD_COUNT; field++)
        if (message_has(&letter, (enum field)field)) {
            bool in_table = false;
            for (size_t i = 0; i < message_spec(letter.type)->count; i++)
                in_table = in_table || (int)message_spec(letter.type)->members[i].field == field;
            cr_assert(in_table, "%s of %s", fields[field].name, name);
        }
}

/* Whatever has just happened: of everything that is told, nobody learns more than they may. */
static void nobody_learns_more(unsigned *written)
{
    for (uint8_t i = 0; i < outcome.entry.letters_count; i++) {
        const struct letter *to = &outcome.entry.letters[i];
        enum listener listener = to->party == PARTY_SURGERY  ? TO_SENDER
                                 : to->party == PARTY_CLINIC ? TO_PRACTICE
                                                             : TO_HUB;
        size_t row = 0;
        while (row < sizeof audiences / sizeof audiences[0] &&
               (audiences[row].type != to->type || audiences[row].listener != listener))
            row++;
        cr_assert_lt(row, sizeof audiences / sizeof audiences[0], "%s is for nobody like that",
                     message_spec(to->type)->name);
        bool says_nothing = to->type == MESSAGE_updated && outcome.entry.event != EVENT_UPDATED;
        said.type = outcome.entry.event == EVENT_UPDATED ? MESSAGE_update : MESSAGE_complete;
        write_with(&submit, to);
        if (!says_nothing)
            assert_least_knowledge(row);
        *written |= 1u << row;
    }
}

Test(letter, every_message_that_is_pushed_has_its_audience)
{
    for (size_t m = 0; m < messages_count; m++) {
        bool of_enquiry = messages[m].type == MESSAGE_enquiry || messages[m].type == MESSAGE_enquiry_answered;
        bool has_row = false;
        for (size_t row = 0; row < sizeof audiences / sizeof audiences[0]; row++)
            has_row = has_row || audiences[row].type == messages[m].type;
        cr_assert_eq(has_row, messages[m].direction == PUSH && !of_enquiry, "%s", messages[m].name);
    }
}

/* A story with every letter that there is. */
static void whole_story(void (*then)(unsigned *), unsigned *written)
{
    const uint32_t practice = PARTY_CLINIC;

    surgery_submits();
    mark_everything();
    referral.practice = practice;
    invented.network.deadlines.stages.clocks[STAGE_ANSWER].grace_ms[PRIORITY_ROUTINE] = DAY_MS;
    then(written);
    now = referral.deadline;
    happens((struct cause){.event = EVENT_OVERDUE});
    then(written);
    hub_says(EVENT_REJECTED);
    then(written);
    says(PARTY_NEAR, EVENT_ACCEPTED, 2);
    then(written);
    happens((struct cause){.event = EVENT_UPDATED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
    then(written);
    says(PARTY_NEAR, EVENT_STARTED, 2);
    then(written);
    referral.links[referral.links_count++] = (struct linked){9, LINK_SAME_PERSON};
    happens((struct cause){.event = EVENT_LINKED, .tell_link = true});
    then(written);
    says(PARTY_NEAR, EVENT_HANDED_BACK, 2);
    then(written);
    says(PARTY_CITY, EVENT_ACCEPTED, 3);
    then(written);
    says(PARTY_CITY, EVENT_COMPLETED, 3);
    then(written);
    surgery_cancels(REASON_ENTERED_IN_ERROR);
    then(written);
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = PARTY_SURGERY});
    happens((struct cause){.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER, .actor = practice});
    happens((struct cause){.event = EVENT_ERASED, .role = ROLE_PRIVACY_OFFICER, .actor = 91});
    then(written);
}

Test(letter, no_byte_of_a_field_leaves_to_whom_it_is_not_for)
{
    const size_t rows = sizeof audiences / sizeof audiences[0];
    unsigned written = 0;

    whole_story(nobody_learns_more, &written);
    cr_assert_eq(written, (1u << rows) - 1, "%x: every letter was written", written);
}

/* ---- age bands ---- */

static int64_t day(const char *date)
{
    int64_t days = 0;

    cr_assert(date_parse((struct text){date, (uint32_t)strlen(date)}, &days));
    return days;
}

/* clang-format off */
static const struct {
    const char *born, *today, *band;
} ages[] = {
    {"2026-11-22", "2026-11-22", "0-4"},     {"2027-01-01", "2026-11-22", "0-4"},
    {"2021-11-23", "2026-11-22", "0-4"},     {"2021-11-22", "2026-11-22", "5-9"},
    {"2021-03-01", "2026-03-01", "5-9"},     {"2021-03-02", "2026-03-01", "0-4"},
    {"2016-11-23", "2026-11-22", "5-9"},     {"2016-11-22", "2026-11-22", "10-14"},
    {"1946-11-23", "2026-11-22", "75-79"},   {"1946-11-22", "2026-11-22", "80-84"},
    {"1941-11-23", "2026-11-22", "80-84"},   {"1941-11-22", "2026-11-22", "85-89"},
    {"1926-11-23", "2026-11-22", "95-99"},   {"1926-11-22", "2026-11-22", "100-104"},
    {"1921-11-23", "2026-11-22", "100-104"}, {"1921-11-22", "2026-11-22", "105-109"},
    {"1900-01-01", "2026-11-22", "125-129"}, {"2020-02-29", "2025-02-28", "0-4"},
    {"2020-02-29", "2025-03-01", "5-9"},     {"1944-02-29", "2024-02-29", "80-84"},
};
/* clang-format on */

Test(letter, an_age_band_changes_on_the_birthday)
{
    for (size_t i = 0; i < sizeof ages / sizeof ages[0]; i++) {
        message_set_number(&submit, FIELD_date_of_birth, day(ages[i].born));
        for (int64_t ms = 0; ms < DAY_MS; ms += DAY_MS - 1) {
            outcome.entry.at = day(ages[i].today) * DAY_MS + ms;
            write_letter(1, MESSAGE_offer);
            assert_text(FIELD_age_band, ages[i].band);
        }
    }
}

Test(letter, the_age_band_is_right_for_every_birthday)
{
    for (int64_t born = day("1919-12-31"); born < day("1925-01-02"); born++) {
        char date[11], birthday[24], expected[24];

        date_format(born, date);
        if (strcmp(date + 4, "-02-29") == 0)
            continue;
        message_set_number(&submit, FIELD_date_of_birth, born);
        for (int age = 5; age <= 100; age += 5) {
            snprintf(birthday, sizeof birthday, "%04d%s", atoi(date) + age, date + 4);
            for (int before = 0; before < 2; before++) {
                snprintf(expected, sizeof expected, "%d-%d", age - 5 * before, age + 4 - 5 * before);
                outcome.entry.at = (day(birthday) - before) * DAY_MS;
                write_letter(1, MESSAGE_offer);
                assert_text(FIELD_age_band, expected);
            }
        }
    }
}

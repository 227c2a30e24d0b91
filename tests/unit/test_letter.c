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
#define NO_FIELDS                                                                                                      \
    (enum field[])                                                                                                     \
    {                                                                                                                  \
        FIELD_COUNT                                                                                                    \
    }

static struct invented four;
static struct referral referral;
static struct outcome_of outcome;
static struct message submit;
static struct message letter;
static struct text note;
static char band[12];
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
        struct value *value = is_list ? message_set_list(&submit, field, 1) : &submit.values[field];
        set_by_holding(value, &fields[field]);
    }
}

static void happens(struct cause cause)
{
    struct facts facts = {.network = &four.network, .places = four.places, .now = now, .verdicts = four.verdicts};

    decide(&facts, &cause, &referral, &outcome);
    cr_assert(outcome.recorded);
}

static void hub_says(enum event event)
{
    happens((struct cause){.event = event,
                           .actor = PARTY_HOME,
                           .offer_number = 1,
                           .reason = event == EVENT_REJECTED ? REASON_OTHER : 0,
                           .outcome = event == EVENT_COMPLETED ? OUTCOME_PARTLY : 0});
}

static void surgery_submits(void)
{
    network_of_four(&four);
    fill_submit();
    now = NETWORKS_NOW_MS;
    note = (struct text){"a note", 6};
    referral = (struct referral){.number = 7, .sender = PARTY_SURGERY, .state = STATE_REQUESTED};
    referral.profile = profile_at_home();
    strcpy(referral.neighbourhood_code, "E02000000");
    memset(referral.correlation_id, 0xc0, UUID_BYTES);
    happens((struct cause){.event = EVENT_SUBMITTED, .actor = PARTY_SURGERY});
}

TestSuite(letter, .init = surgery_submits);

static void write_with(const struct message *known, const struct letter *to)
{
    struct letter_facts facts = {.network = &four.network,
                                 .referral = &referral,
                                 .entry = &outcome.entry,
                                 .submit = known,
                                 .note = note,
                                 .sender = "surgery"};

    letter_write(&facts, to, band, &letter);
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
    assert_has_all_but(NO_FIELDS);
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
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_position));
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
        four.places[hub].total = 0;
}

Test(letter, the_sender_is_told_the_place_in_the_waiting_list_and_no_hub)
{
    everybody_is_full_for(NEAR);
    hub_says(EVENT_REJECTED);
    outcome.entry.position = 12;
    write_letter(1, MESSAGE_routed);
    assert_has_all_but(BUT(FIELD_hub_id, FIELD_hub_name, FIELD_service_id));
    assert_states(STATE_ON_HOLD, BUSINESS_WAITLISTED, REASON_ALL_FULL);
    assert_number(FIELD_acknowledgement, ACK_AE);
    assert_number(FIELD_position, 12);
}

Test(letter, who_accepts_is_told_everything_but_what_is_the_networks_own)
{
    hub_says(EVENT_ACCEPTED);
    write_letter(1, MESSAGE_person);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_offer_number, 1);
    assert_text(FIELD_sender_id, "surgery");
    assert_text(FIELD_service_id, "service-0");
    cr_assert_eq(message_list_count(&letter, FIELD_baseline_scores), 2);
    write_letter(0, MESSAGE_answered);
    assert_has_all_but(BUT(FIELD_status_reason));
    assert_states(STATE_ACCEPTED, BUSINESS_HUB_ACCEPTED, 0);
    assert_text(FIELD_note, "a note");
}

Test(letter, a_rejection_is_told_with_its_reason_and_then_who_is_asked_next)
{
    hub_says(EVENT_REJECTED);
    write_letter(0, MESSAGE_answered);
    assert_has_all_but(NO_FIELDS);
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
    assert_has_all_but(BUT(FIELD_status_reason));
    assert_states(STATE_IN_PROGRESS, BUSINESS_CONTACT_MADE, 0);
    assert_text(FIELD_hub_id, "home");
    hub_says(EVENT_COMPLETED);
    write_letter(0, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_status_reason));
    assert_states(STATE_COMPLETED, BUSINESS_PARTLY, 0);
    assert_number(FIELD_outcome, OUTCOME_PARTLY);
    assert_text(FIELD_hub_id, "home");
}

Test(letter, when_help_is_late_the_sender_is_told_whose)
{
    hub_says(EVENT_ACCEPTED);
    now = referral.deadline;
    note = (struct text){0};
    happens((struct cause){.event = EVENT_OVERDUE});
    write_letter(0, MESSAGE_progressed);
    assert_has_all_but(BUT(FIELD_note));
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
    happens((struct cause){.event = EVENT_CANCELLED, .actor = PARTY_SURGERY, .reason = REASON_NO_LONGER_NEEDED});
    write_letter(0, MESSAGE_withdrawn);
    assert_has_all_but(NO_FIELDS);
    assert_number(FIELD_offer_number, 1);
    assert_number(FIELD_status_reason, REASON_WITHDRAWN_BY_SENDER);
    write_letter(1, MESSAGE_ended);
    assert_has_all_but(BUT(FIELD_outcome));
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
    note = (struct text){0};
    hub_says(EVENT_ACCEPTED);
    write_with(NULL, &outcome.entry.letters[0]);
    assert_has_all_but(BUT(FIELD_status_reason, FIELD_referral_identifier, FIELD_note));
}

Test(letter, a_hub_that_has_left_the_network_still_has_a_name)
{
    hub_says(EVENT_ACCEPTED);
    four.network.hubs_count = 0;
    write_letter(0, MESSAGE_answered);
    assert_text(FIELD_hub_id, "former-hub");
    write_letter(1, MESSAGE_person);
    assert_text(FIELD_service_id, "former-service");
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
        if (!is_personal((enum field)field) || !submit.values[field].present)
            continue;
        plant(&submit.values[field], spec);
        size_t width = spec->kind == KIND_RECORDS ? records[spec->of].count : 1;
        bool is_list = spec->kind == KIND_RECORDS || spec->kind == KIND_IDS || spec->kind == KIND_TEXTS;
        for (size_t i = 0; is_list && i < submit.values[field].list.count * width; i++) {
            struct field_spec element = {.kind = KIND_TEXT};
            if (spec->kind == KIND_RECORDS)
                element = records[spec->of].members[i % width];
            plant(&submit.elements[submit.values[field].list.first + i], &element);
        }
    }
}

static bool bytes_hold(const char *text)
{
    return memmem(bytes, length, text, strlen(text)) != NULL;
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

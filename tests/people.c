/* SPDX-License-Identifier: MIT
 * people: one seed, one person. */
#include "tests/people.h"

#include "proto/check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define IDENTIFIERS 256
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

static const char *const family_names[] = {"Example", "Testcase", "Sampleton", "Mockford", "Placeholder",
                                           "Trialby", "Specimen", "O'Fiction", "Dummett",  "Imagine-Ary"};
static const char *const given_names[] = {"Avery", "Blair",  "Casey",  "Devon", "Ellis", "Frankie",
                                          "Gray",  "Harper", "Indigo", "Zoë",   "Kit"};
static const char *const streets[] = {"1 Nowhere Street", "22 Made-up Lane", "303 Fable Road", "4 Invention Terrace"};

/* Spreads a seed over 64 bits (splitmix64). */
static uint64_t spread(uint64_t seed)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ seed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    seed = (seed ^ seed >> 27) * UINT64_C(0x94d049bb133111eb);
    return seed ^ seed >> 31;
}

static void set_id(struct message *message, enum field field, uint64_t seed)
{
    uint64_t halves[2] = {spread(2 * seed), spread(2 * seed + 1)};
    uint8_t uuid[UUID_BYTES];

    memcpy(uuid, halves, sizeof uuid);
    uuid[6] = (uint8_t)(0x40 | (uuid[6] & 0x0f));
    uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f));
    message_set_uuid(message, field, uuid);
}

static void set_identifier(struct message *message, unsigned seed)
{
    static _Thread_local char identifiers[IDENTIFIERS][24];
    static _Thread_local unsigned next;
    char *identifier = identifiers[next++ % IDENTIFIERS];

    snprintf(identifier, sizeof identifiers[0], "CASE-%010u", seed);
    message_set_string(message, FIELD_referral_identifier, identifier);
}

/* 999, five digits, one digit that lets a check digit exist, the check digit. */
static void set_nhs_number(struct message *message, unsigned seed)
{
    char digits[11];
    bool exists = false;

    for (unsigned spare = 0; spare < 2 && !exists; spare++) {
        for (unsigned check = 0; check < 10 && !exists; check++) {
            snprintf(digits, sizeof digits, "999%05u%u%u", seed % 100000, seed / 100000 % 5 * 2 + spare, check);
            exists = check_nhs_number((struct text){digits, 10}, message->nhs_number);
        }
    }
    assert(exists);
    message_set_text(message, FIELD_nhs_number, message->nhs_number, 10);
}

static void set_text_value(struct value *value, const char *string)
{
    value->present = true;
    value->text = (struct text){string, (uint32_t)strlen(string)};
}

static void set_number_value(struct value *value, int64_t number)
{
    value->present = true;
    value->number = number;
}

static void set_codes(struct message *message, enum field field, size_t count, const int codes[])
{
    struct value *list = message_set_list(message, field, count);

    assert(list);
    for (size_t i = 0; i < count; i++)
        set_number_value(&list[i], codes[i]);
}

static void set_envelope(struct message *message, unsigned seed)
{
    int64_t authored_ms = PEOPLE_AUTHORED_MS + seed % 1000;

    set_id(message, FIELD_request_id, 2 * (uint64_t)seed);
    set_id(message, FIELD_correlation_id, 2 * (uint64_t)seed + 1);
    set_identifier(message, seed);
    message_set_number(message, FIELD_sent_at, authored_ms + 60000);
    message_set_number(message, FIELD_authored_on, authored_ms);
    message_set_number(message, FIELD_respond_by, authored_ms + INT64_C(14) * 86400000);
    message_set_number(message, FIELD_priority, seed % 10 == 0 ? PRIORITY_URGENT : PRIORITY_ROUTINE);
    message_set_string(message, FIELD_referral_code, "871731000000106");
    message_set_number(message, FIELD_referral_source, SOURCE_GP_LINK_WORKER);
    message_set_string(message, FIELD_sender_organisation_ods, "Y9999");
    message_set_string(message, FIELD_referrer_name, "Robin Referrer");
    message_set_string(message, FIELD_referrer_role, "Social prescribing link worker");
    message_set_string(message, FIELD_referrer_phone, "+441632960001");
    message_set_string(message, FIELD_referrer_email, "robin.referrer@example.org");
    message_set_string(message, FIELD_gp_practice_ods, "Y99999");
}

static void set_person(struct message *message, unsigned seed, const char *postcode)
{
    static const int permissions[] = {CONTACT_PHONE, CONTACT_POST};
    struct value *lines;

    set_nhs_number(message, seed);
    message_set_string(message, FIELD_family_name, family_names[seed % COUNT_OF(family_names)]);
    message_set_string(message, FIELD_given_name, given_names[seed % COUNT_OF(given_names)]);
    message_set_number(message, FIELD_date_of_birth, (int64_t)(spread(seed) % 25000) - 18000);
    message_set_number(message, FIELD_gender, 1 + seed % 4);
    message_set_number(message, FIELD_ethnic_category, 1 + seed % 18);
    lines = message_set_list(message, FIELD_address_lines, 2);
    assert(lines);
    set_text_value(&lines[0], streets[seed % COUNT_OF(streets)]);
    set_text_value(&lines[1], "Plymouth");
    assert(strlen(postcode) < sizeof message->postcode);
    strcpy(message->postcode, postcode);
    message_set_string(message, FIELD_postcode, message->postcode);
    message_set_number(message, FIELD_no_fixed_abode, false);
    message_set_string(message, FIELD_phone, "01632960002");
    message_set_string(message, FIELD_email, "nobody@example.org");
    set_codes(message, FIELD_contact_permissions, COUNT_OF(permissions), permissions);
    message_set_string(message, FIELD_language, "en-GB");
    message_set_number(message, FIELD_interpreter_needed, false);
    message_set_number(message, FIELD_is_carer, seed % 5 == 0);
    if (seed % 5 == 0)
        message_set_string(message, FIELD_cares_for, "a parent");
}

static void set_needs(struct message *message, unsigned seed)
{
    size_t count = 1 + seed % 3;
    struct value *need = message_set_list(message, FIELD_needs, count);

    assert(need);
    for (size_t i = 0; i < count; i++, need += NEED_OF_PERSON_MEMBER_COUNT) {
        set_number_value(&need[MEMBER_code], (int64_t)(1 + (seed + i * 7) % lists[LIST_need].count));
        set_number_value(&need[MEMBER_is_primary], i == 0);
        set_text_value(&need[MEMBER_detail], "Has been alone since the move and would like company in the week.");
    }
}

static void set_scores(struct message *message, unsigned seed)
{
    struct value *score = message_set_list(message, FIELD_baseline_scores, 2);
    struct value *items;

    assert(score);
    set_number_value(&score[MEMBER_score_measure], MEASURE_ONS4);
    set_number_value(&score[MEMBER_score_taken_on], PEOPLE_AUTHORED_MS / 86400000 - 3);
    items = message_set_member_list(message, &score[MEMBER_score_items], 4);
    assert(items);
    for (unsigned i = 0; i < 4; i++)
        set_number_value(&items[i], (seed + i) % 11);
    score += SCORE_MEMBER_COUNT;
    set_number_value(&score[MEMBER_score_measure], MEASURE_SWEMWBS);
    set_number_value(&score[MEMBER_score_total], 7 + seed % 29);
    set_number_value(&score[MEMBER_score_taken_on], PEOPLE_AUTHORED_MS / 86400000 - 3);
}

static void set_story(struct message *message, unsigned seed)
{
    static const int adjustments[] = {ADJUST_LONGER_TIME, ADJUST_LARGE_PRINT};
    static const int risks[] = {RISK_FALLS};
    struct value *span;
    struct value *item;

    set_codes(message, FIELD_reasonable_adjustments, COUNT_OF(adjustments), adjustments);
    set_needs(message, seed);
    message_set_string(message, FIELD_reason_for_referral,
                       "Lives alone since the summer, has stopped going out, and asks for a group nearby.\n"
                       "Would come in the mornings; a first visit together would help.");
    message_set_string(message, FIELD_what_matters, "Seeing people again, the garden, and not being a burden.");
    message_set_string(message, FIELD_safeguarding_code, "861931000000100");
    set_codes(message, FIELD_risk_flags, COUNT_OF(risks), risks);
    message_set_number(message, FIELD_travel_limit_minutes, 30);
    message_set_number(message, FIELD_transport_mode, TRANSPORT_BUS);
    span = message_set_list(message, FIELD_availability, 1);
    assert(span);
    set_number_value(&span[MEMBER_span_weekday], 1 + seed % 7);
    set_number_value(&span[MEMBER_span_opens_at], 9 * 60);
    set_number_value(&span[MEMBER_span_closes_at], 12 * 60 + 30);
    set_scores(message, seed);
    item = message_set_list(message, FIELD_further_information, 1);
    assert(item);
    set_text_value(&item[MEMBER_prsb_element], "Social context / Household composition");
    set_text_value(&item[MEMBER_prsb_value], "Lives alone.");
}

static void set_consent(struct message *message)
{
    static const int back[] = {BACK_GP, BACK_REFERRER};

    message_set_number(message, FIELD_consent_to_share, CONSENT_GIVEN);
    message_set_number(message, FIELD_consent_recorded_at, PEOPLE_AUTHORED_MS - 3600000);
    message_set_string(message, FIELD_consent_recorded_by, "Robin Referrer");
    message_set_number(message, FIELD_consent_expires_on, PEOPLE_AUTHORED_MS / 86400000 + 365);
    set_codes(message, FIELD_consent_message_back, COUNT_OF(back), back);
}

void person_submit(struct message *message, unsigned seed, const char *postcode)
{
    message_init(message, MESSAGE_submit);
    set_envelope(message, seed);
    set_person(message, seed, postcode);
    set_story(message, seed);
    set_consent(message);
}

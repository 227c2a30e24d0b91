/* SPDX-License-Identifier: MIT
 * profile: one function for each thing that a message tells about a person, and the sources of where they are. */
#include "daemon/profile.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/hours.h"

#define NONE_IDENTIFIED "861931000000100" /* SNOMED CT: no safeguarding concern identified */

/* ---- where the person is ---- */

static bool lives_in(const struct network *network, uint16_t neighbourhood, enum locality locality,
                     struct position position, struct referral *referral)
{
    struct profile *profile = &referral->profile;

    if (neighbourhood == NEIGHBOURHOOD_NONE)
        return false;
    profile->neighbourhood = neighbourhood;
    profile->locality = locality;
    profile->position = position;
    memcpy(referral->neighbourhood_code, network->neighbourhoods[neighbourhood].code,
           sizeof referral->neighbourhood_code);
    referral->neighbourhood_code[sizeof referral->neighbourhood_code - 1] = 0;
    return true;
}

static uint16_t find_neighbourhood(const struct network *network, const char *code, size_t length)
{
    int found = length ? network_find_neighbourhood(network, code, length) : -1;

    return found < 0 ? NEIGHBOURHOOD_NONE : (uint16_t)found;
}

/* A place that the table names a neighbourhood for is there, even when that is none of the network's: outside. */
static bool by_postcode(const struct network *network, const struct place *place, struct referral *referral)
{
    struct profile *profile = &referral->profile;

    if (!place || place->locality == LOCALITY_UNKNOWN)
        return false;
    profile->locality = place->locality;
    profile->position = place->position;
    profile->decile = place->decile;
    memcpy(referral->neighbourhood_code, place->neighbourhood_code, sizeof referral->neighbourhood_code);
    profile->neighbourhood = find_neighbourhood(network, place->neighbourhood_code, strlen(place->neighbourhood_code));
    if (!place->neighbourhood_code[0])
        lives_in(network, network_nearest_neighbourhood(network, place->position), LOCALITY_NEAREST, place->position,
                 referral);
    return true;
}

static bool by_statement(const struct network *network, const struct message *message, struct referral *referral)
{
    struct text code = message_text(message, FIELD_neighbourhood_code);
    uint16_t found = find_neighbourhood(network, code.bytes, code.length);

    if (found == NEIGHBOURHOOD_NONE)
        return false;
    return lives_in(network, found, LOCALITY_STATED, network->neighbourhoods[found].centre, referral);
}

static bool by_hub_of_contact(const struct network *network, const struct message *message, int64_t day,
                              struct referral *referral)
{
    struct text id = message_text(message, FIELD_contact_hub_id);
    int hub = id.length ? network_find_hub_by_id(network, id.bytes, id.length) : -1;

    if (hub < 0)
        return false;
    const struct era *era = hub_on(network, &network->hubs[hub], day);
    uint16_t found = era->areas_count ? era->areas[0] : network_nearest_neighbourhood(network, era->position);
    return lives_in(network, found, LOCALITY_CONTACT, era->position, referral);
}

static bool by_practice(const struct network *network, const struct message *message, struct referral *referral)
{
    struct text ods = message_text(message, FIELD_gp_practice_ods);
    int found = ods.length ? network_find_practice(network, ods.bytes, ods.length) : -1;

    if (found < 0)
        return false;
    const struct practice *practice = &network->practices[found];
    return lives_in(network, practice->neighbourhood, LOCALITY_PRACTICE, practice->position, referral);
}

void profile_locate(const struct network *network, const struct place *place, const struct message *message,
                    int64_t day, struct referral *referral)
{
    referral->profile.neighbourhood = NEIGHBOURHOOD_NONE;
    referral->profile.locality = LOCALITY_UNKNOWN;
    (void)(by_postcode(network, place, referral) || by_statement(network, message, referral) ||
           by_hub_of_contact(network, message, day, referral) || by_practice(network, message, referral));
}

/* A code that the postcode table gave, and that is none of the network's, is outside, however near it is. */
void profile_settle(const struct network *network, struct referral *referral)
{
    struct profile *profile = &referral->profile;
    const char *code = referral->neighbourhood_code;
    bool from_table = profile->locality == LOCALITY_EXACT || profile->locality == LOCALITY_SECTOR ||
                      profile->locality == LOCALITY_DISTRICT;

    profile->neighbourhood = find_neighbourhood(network, code, strlen(code));
    if (profile->neighbourhood == NEIGHBOURHOOD_NONE && (!from_table || !code[0]) && position_known(profile->position))
        profile->neighbourhood = network_nearest_neighbourhood(network, profile->position);
}

/* ---- what the person needs and wishes ---- */

uint32_t profile_hub(const struct network *network, struct text id)
{
    int hub = network_find_hub_by_id(network, id.bytes, id.length);

    return hub < 0 ? PARTY_NONE : network->hubs[hub].party;
}

static bool text_is(struct text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.bytes, string, text.length) == 0;
}

static int64_t number_or(const struct message *message, enum field field, int64_t otherwise)
{
    return message_has(message, field) ? message_number(message, field) : otherwise;
}

static uint64_t codes_of(const struct message *message, enum field field)
{
    uint64_t codes = 0;

    for (size_t i = 0; i < message_list_count(message, field); i++)
        codes |= CODE_BIT(message_element(message, field, i)->number);
    return codes;
}

static void take_needs(const struct message *message, struct profile *profile)
{
    profile->need = message_primary_need(message);
    for (size_t i = 0; i < message_list_count(message, FIELD_needs); i++)
        profile->needs |= NEED_BIT(message_member(message, FIELD_needs, i, MEMBER_code)->number);
    profile->tier = (enum tier)number_or(message, FIELD_tier_needed, TIER_TARGETED);
    profile->priority = (enum priority)number_or(message, FIELD_priority, PRIORITY_ROUTINE);
}

static void take_person(const struct message *message, int64_t day, struct profile *profile)
{
    int64_t age = message_has(message, FIELD_age) ? message_number(message, FIELD_age)
                                                  : hours_age(message_number(message, FIELD_date_of_birth), day);

    /* Who was born on a day that has not begun everywhere is not older than a newborn. */
    assert(age <= UINT8_MAX);
    profile->age = age < 0 ? 0 : (uint8_t)age;
    profile->gender = (enum gender)number_or(message, FIELD_gender, GENDER_NOT_STATED);
    profile->source = (enum referral_source)number_or(message, FIELD_referral_source, SOURCE_OTHER);
    profile->no_fixed_abode = message_number(message, FIELD_no_fixed_abode) != 0;
    assert(message_list_count(message, FIELD_plus_groups) <= PLUS_MAX);
    for (size_t i = 0; i < message_list_count(message, FIELD_plus_groups); i++) {
        struct text group = message_element(message, FIELD_plus_groups, i)->text;
        profile->plus[profile->plus_count++] = network_service_number(group.bytes, group.length);
    }
}

/* What may change of a person. */
static void take_circumstances(const struct message *message, struct profile *profile)
{
    profile->is_carer = message_number(message, FIELD_is_carer) != 0;
    profile->interpreter_needed = message_number(message, FIELD_interpreter_needed) != 0;
    profile->risks = codes_of(message, FIELD_risk_flags);
    profile->adjustments = codes_of(message, FIELD_reasonable_adjustments);
}

/* Minutes become metres by the network's own figures; who does not say how travels by bus. */
static void take_travel(const struct network *network, const struct message *message, struct profile *profile)
{
    int64_t minutes = message_number(message, FIELD_travel_limit_minutes);

    profile->transport = (enum transport)message_number(message, FIELD_transport_mode);
    profile->travel_m = (uint32_t)minutes * network->travel_m[profile->transport ? profile->transport : TRANSPORT_BUS];
}

static void take_wishes(const struct network *network, const struct message *message, struct profile *profile)
{
    profile->preferred_hub = profile_hub(network, message_text(message, FIELD_preferred_hub_id));
    assert(message_list_count(message, FIELD_excluded_hub_ids) <= EXCLUDED_MAX);
    for (size_t i = 0; i < message_list_count(message, FIELD_excluded_hub_ids); i++)
        profile->excluded[profile->excluded_count++] =
            profile_hub(network, message_element(message, FIELD_excluded_hub_ids, i)->text);
}

static void take_consent(const struct message *message, struct profile *profile)
{
    profile->consent_in_doubt = message_number(message, FIELD_consent_to_share) == CONSENT_IN_DOUBT;
    profile->consent_until = message_number(message, FIELD_consent_expires_on);
    if (message_has(message, FIELD_consent_expires_on) && profile->consent_until < 1) /* 0 is for no end */
        profile->consent_in_doubt = true;
}

/* What lets a person decide and no rule. */
static void take_doubts(const struct message *message, struct profile *profile)
{
    profile->safeguarding = message_has(message, FIELD_safeguarding_code) &&
                            !text_is(message_text(message, FIELD_safeguarding_code), NONE_IDENTIFIED);
    take_consent(message, profile);
}

/* Who is told what came of it; the practice only when the person agreed to that, and when it has a mailbox. */
static void take_message_back(const struct network *network, const struct message *message, struct referral *referral)
{
    struct text ods = message_text(message, FIELD_gp_practice_ods);

    referral->message_back = (uint8_t)codes_of(message, FIELD_consent_message_back);
    referral->practice = referral->message_back & CODE_BIT(BACK_GP) && ods.length
                             ? network_practice_party(network, ods.bytes, ods.length)
                             : PARTY_NONE;
}

void profile_from_message(const struct network *network, const struct place *place, const struct message *message,
                          int64_t day, struct referral *referral)
{
    struct profile *profile = &referral->profile;

    profile_locate(network, place, message, day, referral);
    take_needs(message, profile);
    take_person(message, day, profile);
    take_circumstances(message, profile);
    take_travel(network, message, profile);
    take_wishes(network, message, profile);
    take_doubts(message, profile);
    take_message_back(network, message, referral);
}

void profile_update(const struct network *network, const struct place *place, const struct message *submit,
                    const struct message *update, int64_t day, struct referral *referral)
{
    struct profile *profile = &referral->profile;

    take_circumstances(submit, profile);
    take_travel(network, submit, profile);
    if (message_has(update, FIELD_consent_to_share))
        take_consent(submit, profile);
    if (message_has(update, FIELD_consent_message_back))
        take_message_back(network, submit, referral);
    if (!message_has(update, FIELD_postcode))
        return;
    profile->position = (struct position){0, 0};
    profile->decile = 0;
    memset(referral->neighbourhood_code, 0, sizeof referral->neighbourhood_code);
    profile_locate(network, place, submit, day, referral);
}

/* Whether the update says it; else it is as it was submitted. */
static const struct message *newest(const struct message *submit, const struct message *update, enum field field)
{
    if (message_has(update, field))
        return update;
    /* A consent is one: that the new one has no end is said by leaving it out. */
    return field == FIELD_consent_expires_on && message_has(update, FIELD_consent_to_share) ? NULL : submit;
}

void profile_merge(const struct message *submit, const struct message *update, struct message *merged)
{
    const struct message_spec *spec = message_spec(MESSAGE_submit);

    message_init(merged, MESSAGE_submit);
    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;
        const struct message *from =
            field == FIELD_request_id ? submit : newest(submit, update, field); /* the update has one of its own */
        if (from && message_has(from, field))
            message_copy(merged, from, field);
    }
}

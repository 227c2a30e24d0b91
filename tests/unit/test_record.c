/* SPDX-License-Identifier: MIT
 * record: what is written is read back; what is not whole is refused, or at least lies within its bounds. */
#include "daemon/io/record.h"

#include "proto/codec.h"
#include "tests/networks.h"
#include "tests/people.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 300
#define FLIPS 4000
#define SAID_BYTES 200

/* Small, large and largest ones. */
static uint64_t any(uint64_t *random, uint64_t most)
{
    uint64_t number = random_next(random) >> random_below(random, 64);

    return random_below(random, 10) == 0 || number > most ? most : number;
}

static int64_t any_time(uint64_t *random)
{
    return (int64_t)any(random, INT64_MAX);
}

static void fill_bytes(uint64_t *random, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_next(random);
}

static void fill_text(uint64_t *random, char *text, size_t size)
{
    size_t length = random_below(random, 4) ? random_below(random, (uint32_t)size) : size - 1;

    memset(text, 0, size);
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + random_below(random, 26));
}

static struct profile any_profile(uint64_t *random)
{
    struct profile profile = {.neighbourhood = NEIGHBOURHOOD_NONE};

    profile.locality = random_below(random, LOCALITY_PRACTICE + 1);
    profile.position = (struct position){(int32_t)any(random, INT32_MAX), -(int32_t)any(random, INT32_MAX)};
    profile.decile = (uint8_t)random_below(random, 11);
    profile.need = 1 + random_below(random, NEED_MEDICINES);
    profile.needs = any(random, UINT64_MAX);
    profile.tier = random_below(random, TIER_SPECIALIST + 1);
    profile.priority = 1 + random_below(random, PRIORITY_STAT);
    profile.preferred_hub = (uint32_t)any(random, UINT32_MAX);
    profile.safeguarding = random_below(random, 2);
    profile.consent_in_doubt = random_below(random, 2);
    profile.consent_until = random_below(random, 30000);
    profile.age = (uint8_t)random_below(random, 120);
    profile.gender = (enum gender)(1 + random_below(random, 4));
    profile.source = (enum referral_source)(1 + random_below(random, 4));
    profile.is_carer = random_below(random, 2);
    profile.interpreter_needed = random_below(random, 2);
    profile.no_fixed_abode = random_below(random, 2);
    profile.risks = any(random, UINT64_MAX);
    profile.adjustments = any(random, UINT64_MAX);
    profile.transport = random_below(random, TRANSPORT_NONE + 1);
    profile.travel_m = random_below(random, 50000);
    profile.excluded_count = (uint8_t)any(random, EXCLUDED_MAX);
    for (int i = 0; i < profile.excluded_count; i++)
        profile.excluded[i] = (uint32_t)any(random, UINT32_MAX);
    profile.plus_count = (uint8_t)any(random, PLUS_MAX);
    for (int i = 0; i < profile.plus_count; i++)
        profile.plus[i] = (uint32_t)any(random, UINT32_MAX);
    return profile;
}

/* Often all the needs of the referral, and its deadline. */
static uint64_t any_needs(uint64_t *random, const struct referral *referral)
{
    uint64_t needs = any(random, UINT64_MAX);

    return random_below(random, 2) || !needs ? referral->profile.needs : needs;
}

static struct part any_part(uint64_t *random, const struct referral *referral)
{
    return (struct part){.needs = any_needs(random, referral),
                         .state = random_below(random, STATE_ENTERED_IN_ERROR + 1),
                         .business_status = random_below(random, BUSINESS_RETRACTED + 1),
                         .reason = random_below(random, REASON_GP_UNCONFIRMED + 1),
                         .outcome = random_below(random, OUTCOME_BECAME_VOLUNTEER + 1),
                         .overdue = random_below(random, 2),
                         .deadline = random_below(random, 2) ? referral->deadline : any_time(random),
                         .deadline_owner = (uint32_t)any(random, UINT32_MAX),
                         .stage = random_below(random, STAGE_ENQUIRY + 1),
                         .nudged = random_below(random, 2),
                         .answer_by = any_time(random),
                         .offer = (uint8_t)any(random, OFFERS_MAX)};
}

static struct offer any_offer(uint64_t *random, const struct referral *referral)
{
    struct offer offer = {.hub = (uint32_t)any(random, UINT32_MAX),
                          .needs = any_needs(random, referral),
                          .services_count = (uint8_t)any(random, NEEDS_MAX),
                          .state = 1 + random_below(random, STATE_FAILED),
                          .reason = random_below(random, REASON_GP_UNCONFIRMED + 1),
                          .accepted = random_below(random, 2),
                          .made_at = any_time(random)};

    for (int i = 0; i < offer.services_count; i++)
        offer.services[i] = (uint32_t)any(random, UINT32_MAX);
    return offer;
}

static struct decision any_decision(uint64_t *random)
{
    struct decision decision = {.made = random_below(random, 2)};

    decision.network_version = (uint32_t)any(random, UINT32_MAX);
    if (!decision.made && !decision.network_version)
        return decision;
    decision.emergency = random_below(random, 2);
    decision.needs = any(random, UINT64_MAX);
    decision.offers_before = (uint8_t)any(random, OFFERS_MAX);
    decision.comparison = random_below(random, COMPARISON_FRESH + 1);
    decision.eligible = (uint32_t)any(random, UINT32_MAX);
    decision.candidates_count = (uint8_t)any(random, CANDIDATES_MAX);
    for (int i = 0; i < decision.candidates_count; i++)
        decision.candidates[i] = (struct candidate){.hub = (uint32_t)any(random, UINT32_MAX),
                                                    .service = (uint32_t)any(random, UINT32_MAX),
                                                    .places_free = (uint32_t)any(random, UINT32_MAX),
                                                    .rule = random_below(random, RULE_PACE + 1),
                                                    .stale = random_below(random, 2)};
    return decision;
}

static struct standing any_standing(uint64_t *random)
{
    return (struct standing){.needs = any(random, UINT64_MAX),
                             .state = random_below(random, STATE_ENTERED_IN_ERROR + 1),
                             .business_status = random_below(random, BUSINESS_RETRACTED + 1),
                             .reason = random_below(random, REASON_GP_UNCONFIRMED + 1),
                             .outcome = random_below(random, OUTCOME_BECAME_VOLUNTEER + 1),
                             .offer = (uint8_t)any(random, OFFERS_MAX),
                             .position = (uint32_t)any(random, UINT32_MAX),
                             .expected_days = (uint32_t)any(random, UINT32_MAX),
                             .deadline = any_time(random)};
}

static struct referral any_referral(uint64_t *random)
{
    struct referral referral = {.number = any(random, INT64_MAX), .sender = (uint32_t)any(random, UINT32_MAX)};

    fill_bytes(random, referral.request_id, UUID_BYTES);
    fill_bytes(random, referral.correlation_id, UUID_BYTES);
    referral.state = 1 + random_below(random, STATE_ENTERED_IN_ERROR);
    referral.business_status = random_below(random, BUSINESS_RETRACTED + 1);
    referral.reason = random_below(random, REASON_GP_UNCONFIRMED + 1);
    referral.outcome = random_below(random, OUTCOME_BECAME_VOLUNTEER + 1);
    referral.overdue = random_below(random, 2);
    referral.submitted_at = any_time(random);
    referral.changed_at = any_time(random);
    referral.deadline = any_time(random);
    referral.deadline_owner = (uint32_t)any(random, UINT32_MAX);
    referral.history = any(random, INT64_MAX);
    referral.stage = random_below(random, STAGE_ENQUIRY + 1);
    referral.ended_at = any_time(random);
    referral.persons[0] = any(random, UINT64_MAX);
    referral.persons[1] = any(random, UINT64_MAX);
    referral.message_back = (uint8_t)any(random, UINT8_MAX);
    referral.practice = (uint32_t)any(random, UINT32_MAX);
    referral.sender_knows = random_below(random, 2);
    referral.practice_knows = random_below(random, 2);
    referral.consent_ended = random_below(random, 2);
    referral.erased = random_below(random, 2);
    referral.released = random_below(random, 2);
    referral.hops_from = (uint8_t)any(random, OFFERS_MAX);
    referral.links_count = (uint8_t)any(random, LINKS_MAX);
    for (int i = 0; i < referral.links_count; i++)
        referral.links[i] = (struct linked){any(random, INT64_MAX), 1 + random_below(random, LINK_ORIGIN)};
    fill_text(random, referral.neighbourhood_code, sizeof referral.neighbourhood_code);
    referral.profile = any_profile(random);
    referral.parts_count = (uint8_t)any(random, NEEDS_MAX);
    for (int i = 0; i < referral.parts_count; i++)
        referral.parts[i] = any_part(random, &referral);
    referral.offers_count = (uint8_t)any(random, OFFERS_MAX);
    for (int i = 0; i < referral.offers_count; i++)
        referral.offers[i] = any_offer(random, &referral);
    return referral;
}

static struct entry any_entry(uint64_t *random)
{
    struct entry entry = {.sequence = any(random, INT64_MAX), .previous = any(random, INT64_MAX)};

    entry.referral = any(random, INT64_MAX);
    entry.at = any_time(random);
    entry.event = 1 + random_below(random, EVENT_ENQUIRY_EXPIRED);
    entry.linked = any(random, INT64_MAX);
    entry.link = random_below(random, LINK_ORIGIN + 1);
    entry.stage = random_below(random, STAGE_ENQUIRY + 1);
    entry.known = random_below(random, KNOWN_CANNOT_SAY + 1);
    entry.actor = (uint32_t)any(random, UINT32_MAX);
    entry.offer_number = (uint8_t)any(random, OFFERS_MAX);
    entry.reason = random_below(random, REASON_GP_UNCONFIRMED + 1);
    entry.outcome = random_below(random, OUTCOME_BECAME_VOLUNTEER + 1);
    entry.state = random_below(random, STATE_ENTERED_IN_ERROR + 1);
    entry.business_status = random_below(random, BUSINESS_RETRACTED + 1);
    entry.status_reason = random_below(random, REASON_GP_UNCONFIRMED + 1);
    entry.deadline = any_time(random);
    entry.figure = (uint32_t)any(random, UINT32_MAX);
    entry.placed_first = (uint8_t)any(random, OFFERS_MAX);
    entry.placed_count = (uint8_t)any(random, NEEDS_MAX);
    entry.hub = (uint32_t)any(random, UINT32_MAX);
    entry.service = (uint32_t)any(random, UINT32_MAX);
    entry.decision = any_decision(random);
    entry.parts_count = (uint8_t)any(random, NEEDS_MAX);
    for (int i = 0; i < entry.parts_count; i++)
        entry.parts[i] = any_standing(random);
    entry.signposts_count = (uint8_t)any(random, SIGNPOSTS_MAX);
    for (int i = 0; i < entry.signposts_count; i++)
        entry.signposts[i] =
            (struct candidate){.hub = (uint32_t)any(random, UINT32_MAX), .service = (uint32_t)any(random, UINT32_MAX)};
    entry.letters_count = (uint8_t)any(random, ENTRY_LETTERS_MAX);
    for (int i = 0; i < entry.letters_count; i++)
        entry.letters[i] = (struct letter){.party = (uint32_t)any(random, UINT32_MAX),
                                           .type = MESSAGE_routed + random_below(random, 4),
                                           .offer_number = (uint8_t)any(random, OFFERS_MAX),
                                           .mailbox_number = any(random, INT64_MAX)};
    return entry;
}

#define SAME(member) cr_assert_eq(again.member, before.member, "seed %lu: " #member, seed)

/* clang-format off */
static void assert_same_profile(struct profile again, struct profile before, uint64_t seed)
{
    SAME(neighbourhood); SAME(locality); SAME(position.easting); SAME(position.northing); SAME(decile); SAME(need);
    SAME(needs); SAME(tier); SAME(priority); SAME(preferred_hub); SAME(safeguarding); SAME(consent_in_doubt); SAME(consent_until); SAME(age);
    SAME(gender); SAME(source); SAME(is_carer); SAME(interpreter_needed); SAME(no_fixed_abode); SAME(risks);
    SAME(adjustments); SAME(transport); SAME(travel_m); SAME(excluded_count); SAME(plus_count);
    for (int i = 0; i < EXCLUDED_MAX; i++)
        SAME(excluded[i]);
    for (int i = 0; i < PLUS_MAX; i++)
        SAME(plus[i]);
}

static void assert_same_referral(struct referral again, struct referral before, uint64_t seed)
{
    cr_assert_arr_eq(again.request_id, before.request_id, UUID_BYTES);
    cr_assert_arr_eq(again.correlation_id, before.correlation_id, UUID_BYTES);
    cr_assert_str_eq(again.neighbourhood_code, before.neighbourhood_code);
    SAME(number); SAME(sender); SAME(state); SAME(business_status); SAME(reason); SAME(outcome); SAME(submitted_at);
    SAME(changed_at); SAME(deadline); SAME(deadline_owner); SAME(history); SAME(overdue); SAME(parts_count);
    SAME(offers_count); SAME(stage); SAME(ended_at); SAME(persons[0]); SAME(persons[1]); SAME(message_back);
    SAME(practice); SAME(sender_knows); SAME(practice_knows); SAME(consent_ended); SAME(erased); SAME(released);
    SAME(hops_from); SAME(links_count);
    for (int i = 0; i < LINKS_MAX; i++) {
        SAME(links[i].number); SAME(links[i].link);
    }
    assert_same_profile(again.profile, before.profile, seed);
    for (int i = 0; i < NEEDS_MAX; i++) {
        SAME(parts[i].needs); SAME(parts[i].state); SAME(parts[i].business_status); SAME(parts[i].reason);
        SAME(parts[i].outcome); SAME(parts[i].overdue); SAME(parts[i].deadline); SAME(parts[i].deadline_owner);
        SAME(parts[i].offer); SAME(parts[i].stage); SAME(parts[i].nudged); SAME(parts[i].answer_by);
    }
    for (int i = 0; i < OFFERS_MAX; i++) {
        SAME(offers[i].hub); SAME(offers[i].needs); SAME(offers[i].services_count); SAME(offers[i].state);
        SAME(offers[i].reason); SAME(offers[i].accepted); SAME(offers[i].made_at);
        for (int j = 0; j < NEEDS_MAX; j++)
            SAME(offers[i].services[j]);
    }
}

static void assert_same_entry(struct entry again, struct entry before, uint64_t seed)
{
    SAME(sequence); SAME(previous); SAME(referral); SAME(at); SAME(event); SAME(actor); SAME(offer_number);
    SAME(reason); SAME(outcome); SAME(state); SAME(business_status); SAME(status_reason); SAME(deadline);
    SAME(figure); SAME(linked); SAME(link); SAME(stage); SAME(known); SAME(placed_first); SAME(placed_count); SAME(hub); SAME(service); SAME(parts_count);
    SAME(signposts_count); SAME(letters_count); SAME(decision.made); SAME(decision.emergency); SAME(decision.needs);
    SAME(decision.network_version); SAME(decision.offers_before); SAME(decision.comparison);
    SAME(decision.candidates_count); SAME(decision.eligible);
    for (int i = 0; i < CANDIDATES_MAX; i++) {
        SAME(decision.candidates[i].hub); SAME(decision.candidates[i].service);
        SAME(decision.candidates[i].places_free); SAME(decision.candidates[i].rule); SAME(decision.candidates[i].stale);
    }
    for (int i = 0; i < NEEDS_MAX; i++) {
        SAME(parts[i].needs); SAME(parts[i].state); SAME(parts[i].business_status); SAME(parts[i].reason);
        SAME(parts[i].outcome); SAME(parts[i].offer); SAME(parts[i].position); SAME(parts[i].expected_days);
        SAME(parts[i].deadline);
    }
    for (int i = 0; i < SIGNPOSTS_MAX; i++) {
        SAME(signposts[i].hub); SAME(signposts[i].service);
    }
    for (int i = 0; i < ENTRY_LETTERS_MAX; i++) {
        SAME(letters[i].party); SAME(letters[i].type); SAME(letters[i].offer_number); SAME(letters[i].mailbox_number);
    }
}
/* clang-format on */

/* ---- messages ---- */

static uint8_t room[MESSAGE_BYTES_MAX]; /* for texts */

/* Both wrote the same on the wire. */
static void assert_same_message(const struct message *again, const struct message *before)
{
    static uint8_t bytes[2][MESSAGE_BYTES_MAX];
    size_t length = encode(before, bytes[0], MESSAGE_BYTES_MAX);

    cr_assert(length > 0);
    cr_assert_eq(encode(again, bytes[1], MESSAGE_BYTES_MAX), length);
    cr_assert_arr_eq(bytes[1], bytes[0], length);
}

static void set_any_value(struct message *message, const struct field_spec *spec, struct value *value);

static void set_any_list(struct message *message, const struct field_spec *spec, struct value *value)
{
    const struct record_spec *record = spec->kind == KIND_RECORDS ? &records[spec->of] : NULL;
    struct value *run = message_set_member_list(message, value, 2 * (record ? record->count : 1));

    value->list.count = 2;
    for (size_t i = 0; record && i < 2 * record->count; i++)
        set_any_value(message, &record->members[i % record->count], &run[i]);
    for (size_t i = 0; !record && i < 2; i++) {
        run[i].present = true;
        run[i].text = (struct text){"two", 3};
        if (spec->kind == KIND_CODES || spec->kind == KIND_INTS)
            run[i].number = (int64_t)(1 + i);
    }
}

static void set_any_value(struct message *message, const struct field_spec *spec, struct value *value)
{
    value->present = true;
    if (spec->kind == KIND_UUID)
        memcpy(value->uuid, "sixteen bytes...", UUID_BYTES);
    else if (spec->kind == KIND_CODE || spec->kind == KIND_BOOL || spec->kind == KIND_REFERRAL_ID)
        value->number = 1;
    else if (spec->kind == KIND_DATETIME || spec->kind == KIND_DATE)
        value->number = spec->kind == KIND_DATE ? NETWORKS_DAY : NETWORKS_NOW_MS;
    else if (spec->kind == KIND_INT)
        value->number = spec->most;
    else if (spec->kind >= KIND_CODES)
        set_any_list(message, spec, value);
    else
        value->text = (struct text){"text", 4};
}

static void set_any(struct message *message, enum field field)
{
    set_any_value(message, &fields[field], message_value(message, field));
}

/* ---- round trips ---- */

Test(record, a_head_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct head before = {.epoch = any(&random, INT64_MAX), .batch = any(&random, INT64_MAX)}, again;
        uint8_t bytes[RECORD_BYTES_MAX];

        before.referral = any(&random, INT64_MAX);
        before.sequence = any(&random, INT64_MAX);
        before.party = (uint32_t)any(&random, UINT32_MAX);
        before.network = (uint32_t)any(&random, UINT32_MAX);
        before.file = (uint32_t)any(&random, UINT32_MAX);
        before.judged = (uint32_t)any(&random, UINT32_MAX);
        before.judged_day = any_time(&random);
        before.emergency_until = any_time(&random);
        fill_bytes(&random, before.chain, sizeof before.chain);
        size_t length = record_write_head(&before, bytes);
        cr_assert(record_read_head(bytes, length, &again), "seed %lu", seed);
        SAME(epoch);
        SAME(batch);
        SAME(referral);
        SAME(sequence);
        SAME(party);
        SAME(network);
        SAME(file);
        SAME(judged);
        SAME(judged_day);
        SAME(emergency_until);
        cr_assert_arr_eq(again.chain, before.chain, sizeof before.chain);
    }
}

Test(record, a_party_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct party_record before = {.confirmed = any(&random, INT64_MAX)}, again;
        uint8_t bytes[RECORD_BYTES_MAX];

        before.first_unconfirmed = any(&random, INT64_MAX);
        fill_text(&random, before.id, sizeof before.id);
        size_t length = record_write_party(&before, bytes);
        cr_assert(record_read_party(bytes, length, &again), "seed %lu", seed);
        SAME(confirmed);
        SAME(first_unconfirmed);
        cr_assert_str_eq(again.id, before.id);
    }
}

Test(record, places_are_read_back_without_what_is_counted_anew)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct places before = {.total = (uint32_t)any(&random, UINT32_MAX), .used = 5}, again = {.used = 0};
        uint8_t bytes[RECORD_BYTES_MAX];

        before.stated_at = any_time(&random);
        size_t length = record_write_places(&before, bytes);
        cr_assert(record_read_places(bytes, length, &again), "seed %lu", seed);
        SAME(total);
        SAME(stated_at);
        cr_assert_eq(again.used, 0);
    }
}

Test(record, unmet_needs_are_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct unmet_record before = {.week = any_time(&random), .count = any(&random, INT64_MAX)}, again;
        uint8_t bytes[RECORD_BYTES_MAX];

        before.need = 1 + random_below(&random, NEED_MEDICINES);
        before.cause = 1 + random_below(&random, CAUSE_HELD);
        fill_text(&random, before.neighbourhood_code, sizeof before.neighbourhood_code);
        size_t length = record_write_unmet(&before, bytes);
        cr_assert(record_read_unmet(bytes, length, &again), "seed %lu", seed);
        SAME(week);
        SAME(need);
        SAME(cause);
        SAME(count);
        cr_assert_str_eq(again.neighbourhood_code, before.neighbourhood_code);
    }
}

Test(record, a_version_of_the_network_is_read_back_however_long_its_text_is)
{
    static char text[70000];
    static uint8_t bytes[RECORD_BYTES_MAX + sizeof text];

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct network_record before = {.applied_at = any_time(&random)}, again;
        size_t text_length = any(&random, sizeof text - 1), length_again;
        const char *text_again;

        fill_text(&random, text, text_length + 1);
        text_length = strlen(text);
        fill_text(&random, before.edition, sizeof before.edition);
        size_t length = record_write_network(&before, text, text_length, bytes);
        cr_assert(record_read_network(bytes, length, &again, &text_again, &length_again), "seed %lu", seed);
        SAME(applied_at);
        cr_assert_str_eq(again.edition, before.edition);
        cr_assert_eq(length_again, text_length);
        cr_assert_arr_eq(text_again, text, text_length);
    }
}

Test(record, a_request_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct request_record before = {.party = (uint32_t)any(&random, UINT32_MAX)}, again;
        uint8_t bytes[RECORD_BYTES_MAX];

        before.referral = any(&random, INT64_MAX);
        fill_bytes(&random, before.request_id, sizeof before.request_id);
        fill_bytes(&random, before.digest, sizeof before.digest);
        size_t length = record_write_request(&before, bytes);
        cr_assert(record_read_request(bytes, length, &again), "seed %lu", seed);
        SAME(party);
        SAME(referral);
        cr_assert_arr_eq(again.request_id, before.request_id, sizeof before.request_id);
        cr_assert_arr_eq(again.digest, before.digest, sizeof before.digest);
    }
}

static struct enquiry any_enquiry(uint64_t *random)
{
    return (struct enquiry){.number = any(random, INT64_MAX),
                            .asker = (uint32_t)any(random, UINT32_MAX),
                            .asked = (uint32_t)any(random, UINT32_MAX),
                            .referral = any(random, INT64_MAX),
                            .asked_at = any_time(random),
                            .deadline = any_time(random),
                            .ended_at = any_time(random),
                            .known = random_below(random, KNOWN_CANNOT_SAY + 1),
                            .expired = random_below(random, 2),
                            .erased = random_below(random, 2),
                            .history = any(random, INT64_MAX)};
}

Test(record, an_enquiry_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct enquiry before = any_enquiry(&random), again;
        uint8_t bytes[RECORD_BYTES_MAX];
        size_t length = record_write_enquiry(&before, bytes);

        cr_assert(record_read_enquiry(bytes, length, &again), "seed %lu", seed);
        /* clang-format off */
        SAME(number); SAME(asker); SAME(asked); SAME(referral); SAME(asked_at); SAME(deadline);
        SAME(ended_at); SAME(known); SAME(expired); SAME(erased); SAME(history);
        /* clang-format on */
    }
}

static struct owed any_owed(uint64_t *random)
{
    struct owed owed = {.sequence = any(random, INT64_MAX) & 0xffffffffffff};

    owed.letter = (uint8_t)random_below(random, ENTRY_LETTERS_MAX);
    owed.type = (uint8_t)(1 + random_below(random, 255));
    owed.referral = any(random, INT64_MAX) & 0xffffffffffffff;
    owed.offer = (uint8_t)any(random, OFFERS_MAX);
    return owed;
}

Test(record, what_is_owed_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct owed before = any_owed(&random), again;
        uint8_t bytes[RECORD_BYTES_MAX];
        size_t length = record_write_owed(&before, bytes);

        cr_assert(record_read_owed(bytes, length, &again), "seed %lu", seed);
        /* clang-format off */
        SAME(sequence); SAME(letter); SAME(type); SAME(referral); SAME(offer);
        /* clang-format on */
    }
}

Test(record, a_referral_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct referral before = any_referral(&random), again;
        uint8_t bytes[RECORD_BYTES_MAX];
        size_t length = record_write_referral(&before, bytes);

        cr_assert(record_read_referral(bytes, length, &again), "seed %lu", seed);
        assert_same_referral(again, before, seed);
    }
}

Test(record, an_entry_is_read_back_with_what_was_said)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct entry before = any_entry(&random), again;
        uint8_t note[SAID_BYTES], bytes[RECORD_BYTES_MAX + SAID_BYTES];
        bool has_note = random_below(&random, 2);
        const void *note_again = note;
        size_t note_length = 0;

        fill_bytes(&random, note, sizeof note);
        size_t length = record_write_entry(&before, has_note ? note : NULL, has_note ? sizeof note : 0, bytes);
        cr_assert(record_read_entry(bytes, length, &again, &note_again, &note_length), "seed %lu", seed);
        assert_same_entry(again, before, seed);
        cr_assert_eq(note_length, has_note ? sizeof note : 0);
        if (has_note)
            cr_assert_arr_eq(note_again, note, sizeof note);
        else
            cr_assert_null(note_again);
    }
}

/* ---- the largest ---- */

/* Numbers of the largest size that also differ from what may be left out. */
static struct referral largest_referral(void)
{
    struct referral referral;

    memset(&referral, 0x7f, sizeof referral);
    referral.sender = referral.deadline_owner = UINT32_MAX;
    referral.number = referral.history = INT64_MAX;
    referral.submitted_at = referral.changed_at = referral.deadline = INT64_MIN;
    referral.neighbourhood_code[sizeof referral.neighbourhood_code - 1] = 0;
    referral.state = STATE_ENTERED_IN_ERROR;
    referral.business_status = (enum business_status)63;
    referral.reason = (enum status_reason)63;
    referral.outcome = (enum outcome)63;
    referral.overdue = referral.sender_knows = referral.practice_knows = true;
    referral.consent_ended = referral.erased = referral.released = true;
    referral.stage = STAGE_ENQUIRY;
    referral.ended_at = INT64_MIN;
    referral.persons[0] = referral.persons[1] = UINT64_C(1) << 63;
    referral.message_back = UINT8_MAX;
    referral.practice = UINT32_MAX;
    referral.hops_from = OFFERS_MAX;
    referral.links_count = LINKS_MAX;
    for (int i = 0; i < LINKS_MAX; i++)
        referral.links[i] = (struct linked){INT64_MAX, LINK_ORIGIN};
    referral.profile = (struct profile){.neighbourhood = NEIGHBOURHOOD_NONE,
                                        .position = {INT32_MIN, INT32_MIN},
                                        .locality = 63,
                                        .need = 63,
                                        .needs = UINT64_C(1) << 63,
                                        .tier = 63,
                                        .priority = PRIORITY_STAT,
                                        .preferred_hub = UINT32_MAX,
                                        .decile = 10,
                                        .safeguarding = true,
                                        .consent_in_doubt = true,
                                        .consent_until = INT64_MAX,
                                        .is_carer = true,
                                        .interpreter_needed = true,
                                        .no_fixed_abode = true,
                                        .age = UINT8_MAX,
                                        .gender = 63,
                                        .source = 63,
                                        .risks = UINT64_C(1) << 63,
                                        .adjustments = UINT64_C(1) << 63,
                                        .transport = TRANSPORT_NONE,
                                        .travel_m = UINT32_MAX,
                                        .excluded_count = EXCLUDED_MAX,
                                        .plus_count = PLUS_MAX};
    memset(referral.profile.excluded, 0xff, sizeof referral.profile.excluded);
    memset(referral.profile.plus, 0xff, sizeof referral.profile.plus);
    referral.parts_count = NEEDS_MAX;
    for (int i = 0; i < NEEDS_MAX; i++)
        referral.parts[i] =
            (struct part){INT64_MAX,  STATE_ENTERED_IN_ERROR, 63,   63,        63,        true, INT64_MAX,
                          UINT32_MAX, STAGE_ENQUIRY,          true, INT64_MAX, OFFERS_MAX};
    referral.offers_count = OFFERS_MAX;
    for (int i = 0; i < OFFERS_MAX; i++) {
        struct offer *offer = &referral.offers[i];
        *offer = (struct offer){.hub = UINT32_MAX, .needs = INT64_MAX, .services_count = NEEDS_MAX};
        memset(offer->services, 0xff, sizeof offer->services);
        offer->state = STATE_ENTERED_IN_ERROR;
        offer->reason = (enum status_reason)63;
        offer->accepted = true;
        offer->made_at = INT64_MIN;
    }
    return referral;
}

static struct entry largest_entry(void)
{
    struct entry entry = {.sequence = INT64_MAX, .previous = INT64_MAX, .referral = INT64_MAX, .at = INT64_MIN};
    const struct candidate candidate = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 63, true};

    entry.event = (enum event)63;
    entry.outcome = (enum outcome)63;
    entry.reason = entry.status_reason = (enum status_reason)63;
    entry.state = STATE_ENTERED_IN_ERROR;
    entry.business_status = (enum business_status)63;
    entry.actor = entry.figure = entry.hub = entry.service = UINT32_MAX;
    entry.offer_number = entry.placed_first = OFFERS_MAX;
    entry.placed_count = NEEDS_MAX;
    entry.linked = INT64_MAX;
    entry.link = LINK_ORIGIN;
    entry.stage = STAGE_ENQUIRY;
    entry.known = KNOWN_CANNOT_SAY;
    entry.deadline = INT64_MIN;
    entry.parts_count = NEEDS_MAX;
    for (int i = 0; i < NEEDS_MAX; i++)
        entry.parts[i] = (struct standing){
            UINT64_C(1) << 63, STATE_ENTERED_IN_ERROR, 63, 63, 63, OFFERS_MAX, UINT32_MAX, UINT32_MAX, INT64_MIN};
    entry.signposts_count = SIGNPOSTS_MAX;
    for (int i = 0; i < SIGNPOSTS_MAX; i++)
        entry.signposts[i] = (struct candidate){.hub = UINT32_MAX, .service = UINT32_MAX};
    entry.decision = (struct decision){.made = true,
                                       .emergency = true,
                                       .network_version = UINT32_MAX,
                                       .needs = UINT64_C(1) << 63,
                                       .offers_before = OFFERS_MAX,
                                       .comparison = 63,
                                       .eligible = UINT32_MAX,
                                       .candidates_count = CANDIDATES_MAX};
    for (int i = 0; i < CANDIDATES_MAX; i++)
        entry.decision.candidates[i] = candidate;
    entry.letters_count = ENTRY_LETTERS_MAX;
    for (int i = 0; i < ENTRY_LETTERS_MAX; i++)
        entry.letters[i] = (struct letter){UINT32_MAX, 255, OFFERS_MAX, INT64_MAX};
    return entry;
}

Test(record, the_largest_of_each_fit)
{
    static uint8_t bytes[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX], note[RECORD_SAID_BYTES_MAX];
    struct referral referral = largest_referral(), referral_again;
    struct entry entry = largest_entry(), entry_again;
    const void *note_again;
    size_t note_length;

    size_t length = record_write_referral(&referral, bytes);
    cr_assert_leq(length, RECORD_BYTES_MAX);
    cr_assert(record_read_referral(bytes, length, &referral_again));
    assert_same_referral(referral_again, referral, 0);
    length = record_write_entry(&entry, NULL, 0, bytes);
    cr_assert_leq(length, RECORD_BYTES_MAX);
    length = record_write_entry(&entry, note, sizeof note, bytes);
    cr_assert(record_read_entry(bytes, length, &entry_again, &note_again, &note_length));
    assert_same_entry(entry_again, entry, 0);
    cr_assert_eq(note_length, sizeof note);
}

/* Of every kind of message that a party may be quoted with, with every field that it may have. */
Test(record, every_field_of_a_request_has_a_number_in_the_store)
{
    static struct message message, again;
    static uint8_t bytes[MESSAGE_BYTES_MAX];

    for (size_t i = 0; i < messages_count; i++) {
        if (messages[i].direction != REQUEST)
            continue;
        message_init(&message, messages[i].type);
        for (size_t m = 0; m < messages[i].count; m++)
            set_any(&message, messages[i].members[m].field);
        size_t length = record_write_message(&message, bytes, sizeof bytes);
        cr_assert(record_read_message(bytes, length, &again, room, sizeof room), "%s", messages[i].name);
        assert_same_message(&again, &message);
    }
}

Test(record, what_was_submitted_is_read_back_and_takes_less_than_a_third_of_its_bytes)
{
    static struct message submit, again;
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    static uint8_t frame[MESSAGE_BYTES_MAX];

    for (unsigned seed = 0; seed < RUNS; seed++) {
        person_submit(&submit, seed, PEOPLE_POSTCODE);
        size_t length = record_write_message(&submit, bytes, sizeof bytes);
        cr_assert(record_read_message(bytes, length, &again, room, sizeof room), "seed %u", seed);
        assert_same_message(&again, &submit);
        cr_assert_lt(3 * length, encode(&submit, frame, sizeof frame), "seed %u: %zu bytes", seed, length);
    }
}

Test(record, a_message_is_read_up_to_a_field_whatever_stands_behind_it)
{
    static struct message submit, again;
    static uint8_t bytes[MESSAGE_BYTES_MAX];

    person_submit(&submit, 3, PEOPLE_POSTCODE);
    size_t length = record_write_message(&submit, bytes, sizeof bytes);
    cr_assert(record_read_message_until(bytes, length, FIELD_needs, &again, room, sizeof room));
    cr_expect(message_has(&again, FIELD_referral_identifier) && message_has(&again, FIELD_nhs_number) &&
              message_has(&again, FIELD_needs));
    cr_expect_not(message_has(&again, FIELD_reason_for_referral), "it stands behind the needs");
    cr_expect_not(record_read_message_until(bytes, length / 4, FIELD_needs, &again, room, sizeof room), "cut short");
    memset(bytes + length - 20, 0xff, 20);
    cr_assert_not(record_read_message(bytes, length, &again, room, sizeof room));
    cr_assert(record_read_message_until(bytes, length, FIELD_needs, &again, room, sizeof room));
    for (size_t m = 0; m < message_spec(MESSAGE_submit)->count; m++) {
        enum field field = message_spec(MESSAGE_submit)->members[m].field;
        if (!message_has(&again, field) && message_has(&submit, field))
            message_copy(&again, &submit, field);
    }
    assert_same_message(&again, &submit);
}

Test(record, a_message_that_is_cut_short_or_damaged_is_refused_or_can_be_said)
{
    static struct message submit, again;
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    static uint8_t frame[2 * MESSAGE_BYTES_MAX];
    unsigned refused = 0;

    person_submit(&submit, 3, PEOPLE_POSTCODE);
    size_t length = record_write_message(&submit, bytes, sizeof bytes);
    for (size_t cut = 0; cut < length; cut++) {
        uint8_t *part = malloc(cut + 1); /* a sanitizer sees a step past its end */
        memcpy(part, bytes, cut);
        part[cut] = 0;
        cr_assert_not(record_read_message(part, cut, &again, room, sizeof room), "%zu of %zu", cut, length);
        free(part);
    }
    cr_assert_not(record_read_message(bytes, length + 1, &again, room, sizeof room));
    for (unsigned run = 0; run < FLIPS; run++) {
        uint64_t random = random_seed(run);
        size_t at = random_below(&random, (uint32_t)length);
        uint8_t flip = (uint8_t)(1 + random_below(&random, 255));
        bytes[at] ^= flip;
        if (record_read_message(bytes, length, &again, room, sizeof room))
            encode(&again, frame, sizeof frame);
        else
            refused++;
        bytes[at] ^= flip;
    }
    cr_assert(refused > FLIPS / 20 && refused < FLIPS, "%u refused", refused);
}

/* One need, one hub, as most are. */
Test(record, a_plain_referral_stays_small)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    struct referral referral = {.number = 1000000, .sender = 12, .state = STATE_RECEIVED, .history = 4000000};

    referral.business_status = BUSINESS_OFFERED;
    referral.submitted_at = referral.changed_at = NETWORKS_NOW_MS;
    referral.deadline = NETWORKS_NOW_MS + 86400000;
    referral.deadline_owner = 4;
    strcpy(referral.neighbourhood_code, "E02003123");
    referral.profile = profile_at_home();
    referral.stage = STAGE_RECEIPT;
    referral.persons[0] = referral.persons[1] = INT64_MAX;
    referral.message_back = CODE_BIT(BACK_GP) | CODE_BIT(BACK_REFERRER);
    referral.practice = 12;
    referral.parts_count = referral.offers_count = 1;
    referral.parts[0] = (struct part){.needs = referral.profile.needs,
                                      .state = STATE_RECEIVED,
                                      .business_status = BUSINESS_OFFERED,
                                      .deadline = referral.deadline,
                                      .deadline_owner = 4,
                                      .stage = STAGE_RECEIPT,
                                      .answer_by = referral.deadline + 86400000,
                                      .offer = 1};
    referral.offers[0] = (struct offer){.hub = 4,
                                        .needs = referral.profile.needs,
                                        .services = {0x12345678},
                                        .services_count = 1,
                                        .state = STATE_REQUESTED,
                                        .made_at = NETWORKS_NOW_MS};
    cr_assert_leq(record_write_referral(&referral, bytes), 200);
}

/* ---- damage ---- */

static void assert_within(const struct referral *referral)
{
    cr_assert(code_exists(LIST_state, referral->state));
    cr_assert(referral->business_status < 64 && referral->reason < 64 && referral->outcome < 64);
    cr_assert(referral->number <= INT64_MAX && referral->history <= INT64_MAX);
    cr_assert_lt(strnlen(referral->neighbourhood_code, 16), 16);
    cr_assert(referral->profile.need > 0 && referral->profile.need < 64);
    cr_assert(code_exists(LIST_priority, referral->profile.priority));
    cr_assert(referral->profile.locality < 64 && referral->profile.decile <= 10 && referral->profile.tier < 64);
    cr_assert(referral->profile.excluded_count <= EXCLUDED_MAX && referral->profile.plus_count <= PLUS_MAX);
    cr_assert(referral->profile.transport <= TRANSPORT_NONE);
    cr_assert(referral->parts_count <= NEEDS_MAX && referral->offers_count <= OFFERS_MAX);
    cr_assert(referral->links_count <= LINKS_MAX && referral->hops_from <= OFFERS_MAX);
    cr_assert(referral->stage <= STAGE_ENQUIRY);
    for (int i = 0; i < referral->links_count; i++)
        cr_assert(code_exists(LIST_link, referral->links[i].link) && referral->links[i].number <= INT64_MAX);
    for (int i = 0; i < referral->parts_count; i++) {
        cr_assert(referral->parts[i].state <= STATE_ENTERED_IN_ERROR && referral->parts[i].offer <= OFFERS_MAX);
        cr_assert(referral->parts[i].stage <= STAGE_ENQUIRY);
    }
    for (int i = 0; i < referral->offers_count; i++) {
        cr_assert(code_exists(LIST_state, referral->offers[i].state) && referral->offers[i].reason < 64);
        cr_assert(referral->offers[i].services_count <= NEEDS_MAX);
    }
}

static void assert_entry_within(const struct entry *entry, const uint8_t *bytes, size_t length, const uint8_t *note,
                                size_t note_length)
{
    cr_assert(entry->event > 0 && entry->event < 64 && entry->reason < 64 && entry->outcome < 64);
    cr_assert(entry->state <= STATE_ENTERED_IN_ERROR && entry->business_status < 64);
    cr_assert(entry->status_reason < 64 && entry->decision.comparison < 64);
    cr_assert(entry->link <= LINK_ORIGIN && entry->stage <= STAGE_ENQUIRY && entry->known <= KNOWN_CANNOT_SAY);
    cr_assert(entry->offer_number <= OFFERS_MAX && entry->placed_first <= OFFERS_MAX);
    cr_assert(entry->placed_count <= NEEDS_MAX && entry->decision.offers_before <= OFFERS_MAX);
    cr_assert(entry->parts_count <= NEEDS_MAX && entry->signposts_count <= SIGNPOSTS_MAX);
    cr_assert(entry->decision.candidates_count <= CANDIDATES_MAX && entry->letters_count <= ENTRY_LETTERS_MAX);
    for (int i = 0; i < entry->letters_count; i++) {
        cr_assert(entry->letters[i].type > 0 && entry->letters[i].type <= 255);
        cr_assert(entry->letters[i].offer_number <= OFFERS_MAX);
    }
    for (int i = 0; i < entry->parts_count; i++)
        cr_assert(entry->parts[i].state <= STATE_ENTERED_IN_ERROR && entry->parts[i].offer <= OFFERS_MAX);
    cr_assert(!note || (note >= bytes && note + note_length <= bytes + length));
}

/* Reads a copy of exactly this length, so that a sanitizer sees a step past its end, as every kind of record. Returns
 * how many kinds took it. */
static int read_all(const uint8_t *source, size_t length)
{
    uint8_t *bytes = malloc(length ? length : 1);
    struct head head;
    struct party_record party;
    struct places places;
    struct unmet_record unmet;
    struct network_record network;
    struct request_record request;
    struct enquiry enquiry;
    struct owed owed;
    struct referral referral;
    struct entry entry;
    const char *text;
    const void *note;
    size_t note_length, text_length;
    int taken = 0;

    memcpy(bytes, source, length);
    taken += record_read_head(bytes, length, &head);
    if (record_read_party(bytes, length, &party)) {
        taken++;
        cr_assert_leq(strnlen(party.id, sizeof party.id), ID_BYTES_MAX);
    }
    taken += record_read_places(bytes, length, &places);
    if (record_read_unmet(bytes, length, &unmet)) {
        taken++;
        cr_assert(unmet.need > 0 && unmet.need < 64 && unmet.cause > 0 && unmet.cause < 64);
        cr_assert_lt(strnlen(unmet.neighbourhood_code, 16), 16);
    }
    if (record_read_network(bytes, length, &network, &text, &text_length)) {
        taken++;
        cr_assert_leq(strnlen(network.edition, sizeof network.edition), 40);
        cr_assert(text_length == 0 ||
                  ((const uint8_t *)text >= bytes && (const uint8_t *)text + text_length <= bytes + length));
    }
    taken += record_read_request(bytes, length, &request);
    if (record_read_enquiry(bytes, length, &enquiry)) {
        taken++;
        cr_assert(enquiry.number <= INT64_MAX && enquiry.referral <= INT64_MAX && enquiry.known <= KNOWN_CANNOT_SAY);
    }
    if (record_read_owed(bytes, length, &owed)) {
        taken++;
        cr_assert(owed.letter < ENTRY_LETTERS_MAX && owed.type && owed.offer <= OFFERS_MAX);
    }
    if (record_read_referral(bytes, length, &referral)) {
        taken++;
        assert_within(&referral);
    }
    if (record_read_entry(bytes, length, &entry, &note, &note_length)) {
        taken++;
        assert_entry_within(&entry, bytes, length, note, note_length);
    }
    free(bytes);
    return taken;
}

static size_t write_kind(int kind, uint64_t *random, uint8_t *bytes)
{
    struct referral referral = any_referral(random);
    struct entry entry = any_entry(random);
    struct enquiry enquiry = any_enquiry(random);
    struct owed owed = any_owed(random);
    uint8_t note[16] = {0};

    switch (kind) {
    case 0:
        return record_write_head(&(struct head){.epoch = 3, .batch = 70000, .referral = 9, .network = 1}, bytes);
    case 1:
        return record_write_party(&(struct party_record){"surgery", 5, 300}, bytes);
    case 2:
        return record_write_places(&(struct places){.total = 12, .stated_at = NETWORKS_NOW_MS}, bytes);
    case 3:
        return record_write_referral(&referral, bytes);
    case 4:
        return record_write_unmet(&(struct unmet_record){20776, "E02003123", NEED_FOOD, CAUSE_FULL, 3}, bytes);
    case 5:
        return record_write_network(&(struct network_record){NETWORKS_NOW_MS, "2025-11"}, "name = 1;", 9, bytes);
    case 6:
        return record_write_request(&(struct request_record){.party = 7, .digest = {1, 2}, .referral = 300}, bytes);
    case 7:
        return record_write_enquiry(&enquiry, bytes);
    case 8:
        return record_write_owed(&owed, bytes);
    default:
        return record_write_entry(&entry, note, sizeof note, bytes);
    }
}
enum { KINDS = 10 };

Test(record, a_record_that_is_cut_short_or_has_more_behind_it_is_refused)
{
    uint8_t bytes[RECORD_BYTES_MAX + 64];

    for (unsigned run = 0; run < 20; run++) {
        uint64_t seed = random_seed(run), random = seed;
        for (int kind = 0; kind < KINDS; kind++) {
            size_t length = write_kind(kind, &random, bytes);
            cr_assert_eq(read_all(bytes, length), 1, "seed %lu: no other kind takes it", seed);
            for (size_t cut = 0; cut < length; cut++)
                cr_assert_eq(read_all(bytes, cut), 0, "seed %lu: %zu of %zu bytes", seed, cut, length);
            bytes[length] = 0;
            cr_assert_eq(read_all(bytes, length + 1), 0, "seed %lu", seed);
        }
    }
}

Test(record, damage_is_refused_or_stays_within_bounds)
{
    uint8_t bytes[RECORD_BYTES_MAX + 64];
    unsigned refused = 0;

    for (unsigned run = 0; run < FLIPS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        size_t length = write_kind((int)(run % KINDS), &random, bytes);
        for (uint32_t flips = 1 + random_below(&random, 3); flips > 0; flips--)
            bytes[random_below(&random, (uint32_t)length)] ^= (uint8_t)(1 + random_below(&random, 255));
        refused += read_all(bytes, length) == 0;
    }
    cr_assert(refused > FLIPS / 20 && refused < FLIPS, "%u refused", refused);
}

Test(record, a_decision_without_its_mark_is_refused)
{
    uint64_t random = random_seed(0);
    struct entry one = any_entry(&random), again;
    one.decision = (struct decision){.network_version = 1, .made = true};
    struct entry other = one;
    other.decision = (struct decision){.network_version = 1, .emergency = true};
    uint8_t bytes[RECORD_BYTES_MAX], others[RECORD_BYTES_MAX];
    size_t length = record_write_entry(&one, NULL, 0, bytes), note_length, at = 0;
    const void *note;

    cr_assert_eq(record_write_entry(&other, NULL, 0, others), length);
    while (bytes[at] == others[at])
        at++;
    uint8_t mark = bytes[at] & others[at], made = bytes[at] ^ mark;
    bytes[at] = mark;
    cr_assert(record_read_entry(bytes, length, &again, &note, &note_length) && !again.decision.made);
    bytes[at] = made;
    cr_assert_not(record_read_entry(bytes, length, &again, &note, &note_length));
}

Test(record, another_form_is_refused)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    struct places places = {.total = 1};
    size_t length = record_write_places(&places, bytes);

    cr_assert_eq(bytes[0], 3, "what it is, and in which form, comes first");
    bytes[0] = 99;
    cr_assert_not(record_read_places(bytes, length, &places));
}

/* SPDX-License-Identifier: MIT
 * record: what is written is read back; what is not whole is refused, or at least lies within its bounds. */
#include "daemon/io/record.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define RUNS 300
#define FLIPS 4000
#define NOTE_BYTES 200

static struct unpacker *unpacker;

static void begin(void)
{
    unpacker = unpacker_open();
}

static void finish(void)
{
    unpacker_close(&unpacker);
}

TestSuite(record, .init = begin, .fini = finish);

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

static struct referral any_referral(uint64_t *random)
{
    struct referral referral = {.number = any(random, INT64_MAX), .sender = (uint32_t)any(random, UINT32_MAX)};
    struct profile *profile = &referral.profile;

    fill_bytes(random, referral.request_id, UUID_BYTES);
    fill_bytes(random, referral.correlation_id, UUID_BYTES);
    referral.state = 1 + random_below(random, STATE_ENTERED_IN_ERROR);
    referral.business_status = random_below(random, BUSINESS_CLOSED_ACKNOWLEDGED + 1);
    referral.reason = random_below(random, REASON_RECORD_DAMAGED + 1);
    referral.outcome = random_below(random, OUTCOME_BECAME_VOLUNTEER + 1);
    referral.overdue = random_below(random, 2);
    referral.submitted_at = any_time(random);
    referral.changed_at = any_time(random);
    referral.deadline = any_time(random);
    referral.deadline_owner = (uint32_t)any(random, UINT32_MAX);
    referral.history = any(random, INT64_MAX);
    fill_text(random, referral.neighbourhood_code, sizeof referral.neighbourhood_code);
    *profile = (struct profile){.neighbourhood = NEIGHBOURHOOD_NONE, .decile = random_below(random, 11)};
    profile->locality = random_below(random, LOCALITY_UNKNOWN + 1);
    profile->position = (struct position){(int32_t)any(random, INT32_MAX), -(int32_t)any(random, INT32_MAX)};
    profile->need = 1 + random_below(random, NEED_WOMENS_HEALTH);
    profile->priority = 1 + random_below(random, PRIORITY_STAT);
    profile->preferred_hub = (uint32_t)any(random, UINT32_MAX);
    profile->safeguarding = random_below(random, 2);
    profile->age = (uint8_t)random_below(random, 120);
    profile->gender = (enum gender)(1 + random_below(random, 4));
    profile->source = (enum referral_source)(1 + random_below(random, 4));
    profile->is_carer = random_below(random, 2);
    profile->travel_m = random_below(random, 50000);
    profile->excluded_count = (uint8_t)any(random, EXCLUDED_MAX);
    for (int i = 0; i < profile->excluded_count; i++)
        profile->excluded[i] = (uint32_t)any(random, UINT32_MAX);
    referral.offers_count = (uint8_t)any(random, OFFERS_MAX);
    for (int i = 0; i < referral.offers_count; i++)
        referral.offers[i] = (struct offer){.hub = (uint32_t)any(random, UINT32_MAX),
                                            .service = (uint32_t)any(random, UINT32_MAX),
                                            .state = 1 + random_below(random, STATE_FAILED),
                                            .reason = random_below(random, REASON_RECORD_DAMAGED + 1),
                                            .made_at = any_time(random)};
    return referral;
}

static struct entry any_entry(uint64_t *random)
{
    struct entry entry = {.sequence = any(random, INT64_MAX), .previous = any(random, INT64_MAX)};
    struct decision *decision = &entry.decision;

    entry.referral = any(random, INT64_MAX);
    entry.at = any_time(random);
    entry.event = 1 + random_below(random, EVENT_NETWORK_CHANGED);
    entry.actor = (uint32_t)any(random, UINT32_MAX);
    entry.offer_number = (uint8_t)any(random, OFFERS_MAX);
    entry.reason = random_below(random, REASON_RECORD_DAMAGED + 1);
    entry.outcome = random_below(random, OUTCOME_BECAME_VOLUNTEER + 1);
    entry.state = random_below(random, STATE_ENTERED_IN_ERROR + 1);
    entry.business_status = random_below(random, BUSINESS_CLOSED_ACKNOWLEDGED + 1);
    entry.status_reason = random_below(random, REASON_RECORD_DAMAGED + 1);
    entry.deadline = any_time(random);
    entry.position = (uint32_t)any(random, UINT32_MAX);
    entry.placed_offer = (uint8_t)any(random, OFFERS_MAX);
    entry.hub = (uint32_t)any(random, UINT32_MAX);
    entry.service = (uint32_t)any(random, UINT32_MAX);
    decision->made = random_below(random, 2);
    decision->network_version = (uint32_t)any(random, UINT32_MAX);
    decision->offers_before = (uint8_t)any(random, OFFERS_MAX);
    decision->comparison = random_below(random, COMPARISON_ORDER + 1);
    decision->eligible = (uint32_t)any(random, UINT32_MAX);
    decision->candidates_count = (uint8_t)any(random, ENTRY_CANDIDATES_MAX);
    for (int i = 0; i < decision->candidates_count; i++)
        decision->candidates[i] =
            (struct candidate){(uint32_t)any(random, UINT32_MAX), (uint32_t)any(random, UINT32_MAX)};
    entry.letters_count = (uint8_t)any(random, ENTRY_LETTERS_MAX);
    for (int i = 0; i < entry.letters_count; i++)
        entry.letters[i] = (struct letter){.party = (uint32_t)any(random, UINT32_MAX),
                                           .type = MESSAGE_routed + random_below(random, 4),
                                           .mailbox_number = any(random, INT64_MAX)};
    return entry;
}

#define SAME(member) cr_assert_eq(again.member, before.member, "seed %lu: " #member, seed)

/* clang-format off */
static void assert_same_referral(struct referral again, struct referral before, uint64_t seed)
{
    cr_assert_arr_eq(again.request_id, before.request_id, UUID_BYTES);
    cr_assert_arr_eq(again.correlation_id, before.correlation_id, UUID_BYTES);
    cr_assert_str_eq(again.neighbourhood_code, before.neighbourhood_code);
    SAME(number); SAME(sender); SAME(state); SAME(business_status); SAME(reason); SAME(outcome); SAME(submitted_at);
    SAME(changed_at); SAME(deadline); SAME(deadline_owner); SAME(history); SAME(offers_count);
    SAME(profile.neighbourhood); SAME(profile.locality); SAME(profile.position.easting);
    SAME(profile.position.northing); SAME(profile.decile); SAME(profile.need); SAME(profile.priority);
    SAME(profile.preferred_hub); SAME(profile.excluded_count); SAME(profile.safeguarding); SAME(profile.age); SAME(profile.gender);
    SAME(profile.source); SAME(profile.is_carer); SAME(profile.travel_m); SAME(overdue);
    for (int i = 0; i < EXCLUDED_MAX; i++)
        SAME(profile.excluded[i]);
    for (int i = 0; i < OFFERS_MAX; i++) {
        SAME(offers[i].hub); SAME(offers[i].service); SAME(offers[i].state); SAME(offers[i].reason);
        SAME(offers[i].made_at);
    }
}

static void assert_same_entry(struct entry again, struct entry before, uint64_t seed)
{
    SAME(sequence); SAME(previous); SAME(referral); SAME(at); SAME(event); SAME(actor); SAME(offer_number);
    SAME(reason); SAME(outcome); SAME(state); SAME(business_status); SAME(status_reason); SAME(deadline);
    SAME(position); SAME(placed_offer); SAME(hub); SAME(service); SAME(letters_count);
    SAME(decision.made); SAME(decision.network_version); SAME(decision.offers_before); SAME(decision.comparison);
    SAME(decision.candidates_count); SAME(decision.eligible);
    for (int i = 0; i < ENTRY_CANDIDATES_MAX; i++) {
        SAME(decision.candidates[i].hub); SAME(decision.candidates[i].places_free);
    }
    for (int i = 0; i < ENTRY_LETTERS_MAX; i++) {
        SAME(letters[i].party); SAME(letters[i].type); SAME(letters[i].mailbox_number);
    }
}
/* clang-format on */

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
        before.judged = (uint32_t)any(&random, UINT32_MAX);
        fill_bytes(&random, before.chain, sizeof before.chain);
        size_t length = record_write_head(&before, bytes);
        cr_assert(record_read_head(unpacker, bytes, length, &again), "seed %lu", seed);
        SAME(epoch);
        SAME(batch);
        SAME(referral);
        SAME(sequence);
        SAME(party);
        SAME(network);
        SAME(judged);
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
        cr_assert(record_read_party(unpacker, bytes, length, &again), "seed %lu", seed);
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
        cr_assert(record_read_places(unpacker, bytes, length, &again), "seed %lu", seed);
        SAME(total);
        SAME(stated_at);
        cr_assert_eq(again.used, 0);
    }
}

Test(record, a_referral_is_read_back)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct referral before = any_referral(&random), again;
        uint8_t bytes[RECORD_BYTES_MAX];
        size_t length = record_write_referral(&before, bytes);

        cr_assert(record_read_referral(unpacker, bytes, length, &again), "seed %lu", seed);
        assert_same_referral(again, before, seed);
    }
}

Test(record, an_entry_is_read_back_with_its_note)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct entry before = any_entry(&random), again;
        uint8_t note[NOTE_BYTES], bytes[RECORD_BYTES_MAX + NOTE_BYTES];
        bool has_note = random_below(&random, 2);
        const void *note_again = note;
        size_t note_length = 0;

        fill_bytes(&random, note, sizeof note);
        size_t length = record_write_entry(&before, has_note ? note : NULL, has_note ? sizeof note : 0, bytes);
        cr_assert(record_read_entry(unpacker, bytes, length, &again, &note_again, &note_length), "seed %lu", seed);
        assert_same_entry(again, before, seed);
        cr_assert_eq(note_length, has_note ? sizeof note : 0);
        if (has_note)
            cr_assert_arr_eq(note_again, note, sizeof note);
        else
            cr_assert_null(note_again);
    }
}

/* ---- the largest ---- */

static struct referral largest_referral(void)
{
    struct referral referral;

    memset(&referral, 0x7f, sizeof referral);
    referral.sender = referral.deadline_owner = referral.profile.preferred_hub = UINT32_MAX;
    referral.number = referral.history = INT64_MAX;
    referral.submitted_at = referral.changed_at = referral.deadline = INT64_MIN;
    referral.neighbourhood_code[sizeof referral.neighbourhood_code - 1] = 0;
    referral.state = STATE_ENTERED_IN_ERROR;
    referral.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    referral.reason = (enum status_reason)63;
    referral.outcome = (enum outcome)63;
    referral.profile.neighbourhood = NEIGHBOURHOOD_NONE;
    referral.profile.position = (struct position){INT32_MIN, INT32_MIN};
    referral.profile.locality = LOCALITY_UNKNOWN;
    referral.profile.need = 63;
    referral.profile.priority = PRIORITY_STAT;
    referral.profile.decile = 10;
    referral.profile.safeguarding = referral.profile.is_carer = true;
    referral.profile.gender = (enum gender)63;
    referral.profile.source = (enum referral_source)63;
    referral.profile.travel_m = UINT32_MAX;
    referral.overdue = true;
    referral.profile.excluded_count = EXCLUDED_MAX;
    memset(referral.profile.excluded, 0xff, sizeof referral.profile.excluded);
    referral.offers_count = OFFERS_MAX;
    for (int i = 0; i < OFFERS_MAX; i++)
        referral.offers[i] = (struct offer){UINT32_MAX, UINT32_MAX, STATE_ENTERED_IN_ERROR, 63, INT64_MIN};
    return referral;
}

static struct entry largest_entry(void)
{
    struct entry entry = {.sequence = INT64_MAX, .previous = INT64_MAX, .referral = INT64_MAX, .at = INT64_MIN};

    entry.event = (enum event)63;
    entry.outcome = (enum outcome)63;
    entry.reason = entry.status_reason = (enum status_reason)63;
    entry.state = STATE_ENTERED_IN_ERROR;
    entry.business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    entry.actor = entry.position = entry.hub = entry.service = UINT32_MAX;
    entry.offer_number = entry.placed_offer = OFFERS_MAX;
    entry.deadline = INT64_MIN;
    entry.decision = (struct decision){true, UINT32_MAX, OFFERS_MAX, 63, ENTRY_CANDIDATES_MAX, UINT32_MAX, {{0}}};
    memset(entry.decision.candidates, 0xff, sizeof entry.decision.candidates);
    entry.letters_count = ENTRY_LETTERS_MAX;
    for (int i = 0; i < ENTRY_LETTERS_MAX; i++)
        entry.letters[i] = (struct letter){UINT32_MAX, 255, INT64_MAX};
    return entry;
}

Test(record, the_largest_of_each_fit)
{
    static uint8_t bytes[RECORD_BYTES_MAX + RECORD_NOTE_BYTES_MAX], note[RECORD_NOTE_BYTES_MAX];
    struct referral referral = largest_referral(), referral_again;
    struct entry entry = largest_entry(), entry_again;
    const void *note_again;
    size_t note_length;

    size_t length = record_write_referral(&referral, bytes);
    cr_assert_leq(length, RECORD_BYTES_MAX);
    cr_assert(record_read_referral(unpacker, bytes, length, &referral_again));
    assert_same_referral(referral_again, referral, 0);
    length = record_write_entry(&entry, NULL, 0, bytes);
    cr_assert_leq(length, RECORD_BYTES_MAX);
    length = record_write_entry(&entry, note, sizeof note, bytes);
    cr_assert(record_read_entry(unpacker, bytes, length, &entry_again, &note_again, &note_length));
    assert_same_entry(entry_again, entry, 0);
    cr_assert_eq(note_length, sizeof note);
}

/* ---- damage ---- */

static void assert_within(const struct referral *referral)
{
    cr_assert(code_exists(LIST_state, referral->state));
    cr_assert(referral->business_status >= 0 && referral->business_status <= BUSINESS_CLOSED_ACKNOWLEDGED);
    cr_assert(referral->reason >= 0 && referral->reason < 64 && referral->outcome >= 0 && referral->outcome < 64);
    cr_assert(referral->number <= INT64_MAX && referral->history <= INT64_MAX);
    cr_assert_lt(strnlen(referral->neighbourhood_code, 16), 16);
    cr_assert(referral->profile.need > 0 && referral->profile.need < 64);
    cr_assert(code_exists(LIST_priority, referral->profile.priority));
    cr_assert(referral->profile.locality <= LOCALITY_UNKNOWN && referral->profile.decile <= 10);
    cr_assert(referral->profile.excluded_count <= EXCLUDED_MAX && referral->offers_count <= OFFERS_MAX);
    for (int i = 0; i < referral->offers_count; i++)
        cr_assert(code_exists(LIST_state, referral->offers[i].state) && referral->offers[i].reason < 64);
}

static void assert_entry_within(const struct entry *entry, const uint8_t *bytes, size_t length, const uint8_t *note,
                                size_t note_length)
{
    cr_assert(entry->event > 0 && entry->event < 64 && entry->reason < 64 && entry->outcome < 64);
    cr_assert(entry->state <= STATE_ENTERED_IN_ERROR && entry->business_status <= BUSINESS_CLOSED_ACKNOWLEDGED);
    cr_assert(entry->status_reason < 64 && entry->decision.comparison < 64);
    cr_assert(entry->offer_number <= OFFERS_MAX && entry->placed_offer <= OFFERS_MAX);
    cr_assert(entry->decision.offers_before <= OFFERS_MAX);
    cr_assert(entry->decision.candidates_count <= ENTRY_CANDIDATES_MAX && entry->letters_count <= ENTRY_LETTERS_MAX);
    for (int i = 0; i < entry->letters_count; i++)
        cr_assert(entry->letters[i].type > 0 && entry->letters[i].type <= 255);
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
    struct referral referral;
    struct entry entry;
    const void *note;
    size_t note_length;
    int taken = 0;

    memcpy(bytes, source, length);
    taken += record_read_head(unpacker, bytes, length, &head);
    if (record_read_party(unpacker, bytes, length, &party)) {
        taken++;
        cr_assert_leq(strnlen(party.id, sizeof party.id), ID_BYTES_MAX);
    }
    taken += record_read_places(unpacker, bytes, length, &places);
    if (record_read_referral(unpacker, bytes, length, &referral)) {
        taken++;
        assert_within(&referral);
    }
    if (record_read_entry(unpacker, bytes, length, &entry, &note, &note_length)) {
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
    default:
        return record_write_entry(&entry, note, sizeof note, bytes);
    }
}
enum { KINDS = 5 };

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

Test(record, another_version_is_refused)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    struct places places = {.total = 1};
    size_t length = record_write_places(&places, bytes);

    cr_assert_eq(bytes[1], 1, "the version comes first");
    bytes[1] = 2;
    cr_assert_not(record_read_places(unpacker, bytes, length, &places));
}

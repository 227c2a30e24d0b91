/* SPDX-License-Identifier: MIT
 * record: one writer and one reader for each stored thing, side by side. */
#include "daemon/io/record.h"

#include <assert.h>
#include <string.h>

#include "proto/pack.h"

enum { HEAD_VERSION = 1, PARTY_VERSION = 1, PLACES_VERSION = 1, REFERRAL_VERSION = 1, ENTRY_VERSION = 1 };

/* Reads the elements of one array in order; the first fault sticks. */
struct reading {
    const struct node *array;
    uint32_t next;
    bool good;
};

static int64_t read_int(struct reading *reading)
{
    int64_t number = 0;

    reading->good = reading->good && reading->next < node_count(reading->array) &&
                    node_int(node_at(reading->array, reading->next++), &number);
    return reading->good ? number : 0;
}

static int64_t read_within(struct reading *reading, int64_t least, int64_t most)
{
    int64_t number = read_int(reading);

    reading->good = reading->good && number >= least && number <= most;
    return reading->good ? number : least;
}

static uint64_t read_u64(struct reading *reading)
{
    return (uint64_t)read_within(reading, 0, INT64_MAX);
}

static uint32_t read_u32(struct reading *reading)
{
    return (uint32_t)read_within(reading, 0, UINT32_MAX);
}

static bool read_bool(struct reading *reading)
{
    bool value = false;

    reading->good = reading->good && reading->next < node_count(reading->array) &&
                    node_bool(node_at(reading->array, reading->next++), &value);
    return reading->good && value;
}

static void read_fixed(struct reading *reading, void *out, size_t size)
{
    const void *bytes = NULL;
    uint32_t length = 0;

    reading->good = reading->good && reading->next < node_count(reading->array) &&
                    node_bytes(node_at(reading->array, reading->next++), &bytes, &length) && length == size;
    if (reading->good)
        memcpy(out, bytes, size);
}

static void read_string(struct reading *reading, char *out, size_t size)
{
    const char *bytes = NULL;
    uint32_t length = 0;

    reading->good = reading->good && reading->next < node_count(reading->array) &&
                    node_text(node_at(reading->array, reading->next++), &bytes, &length) && length < size;
    /* An empty text has no bytes to point to. */
    if (reading->good && length > 0)
        memcpy(out, bytes, length);
    out[reading->good ? length : 0] = 0;
}

static struct reading read_array(struct unpacker *unpacker, const void *bytes, size_t length, int64_t version)
{
    struct reading reading = {0};

    reading.good =
        unpack(unpacker, bytes, length, &reading.array) == UNPACK_OK && node_kind(reading.array) == NODE_ARRAY;
    if (read_int(&reading) != version)
        reading.good = false;
    return reading;
}

static bool read_whole(const struct reading *reading)
{
    return reading->good && reading->next == node_count(reading->array);
}

static void pack_u64(struct packer *packer, uint64_t number)
{
    assert(number <= INT64_MAX);
    pack_int(packer, (int64_t)number);
}

static size_t written(const struct packer *packer)
{
    assert(!packer->overflow);
    return packer->length;
}

size_t record_write_head(const struct head *head, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 9);
    pack_int(&packer, HEAD_VERSION);
    pack_u64(&packer, head->epoch);
    pack_u64(&packer, head->batch);
    pack_u64(&packer, head->referral);
    pack_u64(&packer, head->sequence);
    pack_u64(&packer, head->party);
    pack_u64(&packer, head->network);
    pack_u64(&packer, head->judged);
    pack_bytes(&packer, head->chain, sizeof head->chain);
    return written(&packer);
}

bool record_read_head(struct unpacker *unpacker, const void *bytes, size_t length, struct head *head)
{
    struct reading reading = read_array(unpacker, bytes, length, HEAD_VERSION);

    head->epoch = read_u64(&reading);
    head->batch = read_u64(&reading);
    head->referral = read_u64(&reading);
    head->sequence = read_u64(&reading);
    head->party = read_u32(&reading);
    head->network = read_u32(&reading);
    head->judged = read_u32(&reading);
    read_fixed(&reading, head->chain, sizeof head->chain);
    return read_whole(&reading);
}

size_t record_write_party(const struct party_record *party, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 4);
    pack_int(&packer, PARTY_VERSION);
    pack_text(&packer, party->id, strlen(party->id));
    pack_u64(&packer, party->confirmed);
    pack_u64(&packer, party->first_unconfirmed);
    return written(&packer);
}

bool record_read_party(struct unpacker *unpacker, const void *bytes, size_t length, struct party_record *party)
{
    struct reading reading = read_array(unpacker, bytes, length, PARTY_VERSION);

    read_string(&reading, party->id, sizeof party->id);
    party->confirmed = read_u64(&reading);
    party->first_unconfirmed = read_u64(&reading);
    return read_whole(&reading);
}

size_t record_write_places(const struct places *places, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 4);
    pack_int(&packer, PLACES_VERSION);
    pack_u64(&packer, places->total);
    pack_int(&packer, places->stated_at);
    pack_u64(&packer, places->in_file);
    return written(&packer);
}

bool record_read_places(struct unpacker *unpacker, const void *bytes, size_t length, struct places *places)
{
    struct reading reading = read_array(unpacker, bytes, length, PLACES_VERSION);

    *places = (struct places){.total = read_u32(&reading)};
    places->stated_at = read_int(&reading);
    places->in_file = read_u32(&reading);
    return read_whole(&reading);
}

static void pack_profile(struct packer *packer, const struct profile *profile)
{
    pack_int(packer, profile->locality);
    pack_int(packer, profile->position.easting);
    pack_int(packer, profile->position.northing);
    pack_int(packer, profile->decile);
    pack_int(packer, profile->need);
    pack_int(packer, profile->priority);
    pack_u64(packer, profile->preferred_hub);
    pack_bool(packer, profile->safeguarding);
    pack_int(packer, profile->age);
    pack_int(packer, profile->gender);
    pack_int(packer, profile->source);
    pack_bool(packer, profile->is_carer);
    pack_u64(packer, profile->travel_m);
    pack_int(packer, profile->excluded_count);
    for (uint8_t i = 0; i < profile->excluded_count; i++)
        pack_u64(packer, profile->excluded[i]);
}

static void read_profile(struct reading *reading, struct profile *profile)
{
    profile->neighbourhood = NEIGHBOURHOOD_NONE;
    profile->locality = (enum locality)read_within(reading, 0, LOCALITY_UNKNOWN);
    profile->position.easting = (int32_t)read_within(reading, INT32_MIN, INT32_MAX);
    profile->position.northing = (int32_t)read_within(reading, INT32_MIN, INT32_MAX);
    profile->decile = (uint8_t)read_within(reading, 0, 10);
    profile->need = (enum need)read_within(reading, 1, 63);
    profile->priority = (enum priority)read_within(reading, PRIORITY_ROUTINE, PRIORITY_STAT);
    profile->preferred_hub = read_u32(reading);
    profile->safeguarding = read_bool(reading);
    profile->age = (uint8_t)read_within(reading, 0, UINT8_MAX);
    profile->gender = (enum gender)read_within(reading, 0, 63);
    profile->source = (enum referral_source)read_within(reading, 0, 63);
    profile->is_carer = read_bool(reading);
    profile->travel_m = read_u32(reading);
    profile->excluded_count = (uint8_t)read_within(reading, 0, EXCLUDED_MAX);
    for (uint8_t i = 0; i < profile->excluded_count; i++)
        profile->excluded[i] = read_u32(reading);
}

static const uint32_t referral_elements = 17, profile_elements = 14, offer_elements = 5;

size_t record_write_referral(const struct referral *referral, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, referral_elements + profile_elements + referral->profile.excluded_count +
                            offer_elements * referral->offers_count);
    pack_int(&packer, REFERRAL_VERSION);
    pack_u64(&packer, referral->number);
    pack_u64(&packer, referral->sender);
    pack_bytes(&packer, referral->request_id, sizeof referral->request_id);
    pack_bytes(&packer, referral->correlation_id, sizeof referral->correlation_id);
    pack_int(&packer, referral->state);
    pack_int(&packer, referral->business_status);
    pack_int(&packer, referral->reason);
    pack_int(&packer, referral->outcome);
    pack_bool(&packer, referral->overdue);
    pack_int(&packer, referral->submitted_at);
    pack_int(&packer, referral->changed_at);
    pack_int(&packer, referral->deadline);
    pack_u64(&packer, referral->deadline_owner);
    pack_u64(&packer, referral->history);
    pack_text(&packer, referral->neighbourhood_code, strlen(referral->neighbourhood_code));
    pack_profile(&packer, &referral->profile);
    pack_int(&packer, referral->offers_count);
    for (uint8_t i = 0; i < referral->offers_count; i++) {
        pack_u64(&packer, referral->offers[i].hub);
        pack_u64(&packer, referral->offers[i].service);
        pack_int(&packer, referral->offers[i].state);
        pack_int(&packer, referral->offers[i].reason);
        pack_int(&packer, referral->offers[i].made_at);
    }
    return written(&packer);
}

static void read_offers(struct reading *reading, struct referral *referral)
{
    referral->offers_count = (uint8_t)read_within(reading, 0, OFFERS_MAX);
    for (uint8_t i = 0; i < referral->offers_count; i++) {
        referral->offers[i].hub = read_u32(reading);
        referral->offers[i].service = read_u32(reading);
        referral->offers[i].state = (enum state)read_within(reading, 1, STATE_ENTERED_IN_ERROR);
        referral->offers[i].reason = (enum status_reason)read_within(reading, 0, 63);
        referral->offers[i].made_at = read_int(reading);
    }
}

bool record_read_referral(struct unpacker *unpacker, const void *bytes, size_t length, struct referral *referral)
{
    struct reading reading = read_array(unpacker, bytes, length, REFERRAL_VERSION);

    *referral = (struct referral){.number = read_u64(&reading)};
    referral->sender = read_u32(&reading);
    read_fixed(&reading, referral->request_id, sizeof referral->request_id);
    read_fixed(&reading, referral->correlation_id, sizeof referral->correlation_id);
    referral->state = (enum state)read_within(&reading, 1, STATE_ENTERED_IN_ERROR);
    referral->business_status = (enum business_status)read_within(&reading, 0, BUSINESS_CLOSED_ACKNOWLEDGED);
    referral->reason = (enum status_reason)read_within(&reading, 0, 63);
    referral->outcome = (enum outcome)read_within(&reading, 0, 63);
    referral->overdue = read_bool(&reading);
    referral->submitted_at = read_int(&reading);
    referral->changed_at = read_int(&reading);
    referral->deadline = read_int(&reading);
    referral->deadline_owner = read_u32(&reading);
    referral->history = read_u64(&reading);
    read_string(&reading, referral->neighbourhood_code, sizeof referral->neighbourhood_code);
    read_profile(&reading, &referral->profile);
    read_offers(&reading, referral);
    return read_whole(&reading);
}

static const uint32_t entry_elements = 26, candidate_elements = 2, letter_elements = 3;

size_t record_write_entry(const struct entry *entry, const void *note, size_t note_length, void *buffer)
{
    const struct decision *decision = &entry->decision;
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX + note_length);
    pack_array(&packer, entry_elements + candidate_elements * decision->candidates_count +
                            letter_elements * entry->letters_count);
    pack_int(&packer, ENTRY_VERSION);
    pack_u64(&packer, entry->sequence);
    pack_u64(&packer, entry->previous);
    pack_u64(&packer, entry->referral);
    pack_int(&packer, entry->at);
    pack_int(&packer, entry->event);
    pack_u64(&packer, entry->actor);
    pack_int(&packer, entry->offer_number);
    pack_int(&packer, entry->reason);
    pack_int(&packer, entry->outcome);
    pack_int(&packer, entry->state);
    pack_int(&packer, entry->business_status);
    pack_int(&packer, entry->status_reason);
    pack_int(&packer, entry->deadline);
    pack_u64(&packer, entry->position);
    pack_int(&packer, entry->placed_offer);
    pack_u64(&packer, entry->hub);
    pack_u64(&packer, entry->service);
    pack_bool(&packer, decision->made);
    pack_u64(&packer, decision->network_version);
    pack_int(&packer, decision->offers_before);
    pack_int(&packer, decision->comparison);
    pack_u64(&packer, decision->eligible);
    pack_int(&packer, decision->candidates_count);
    for (uint8_t i = 0; i < decision->candidates_count; i++) {
        pack_u64(&packer, decision->candidates[i].hub);
        pack_u64(&packer, decision->candidates[i].places_free);
    }
    pack_int(&packer, entry->letters_count);
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        pack_u64(&packer, entry->letters[i].party);
        pack_int(&packer, entry->letters[i].type);
        pack_u64(&packer, entry->letters[i].mailbox_number);
    }
    if (note)
        pack_bytes(&packer, note, note_length);
    else
        pack_nil(&packer);
    return written(&packer);
}

static void read_decision(struct reading *reading, struct decision *decision)
{
    decision->made = read_bool(reading);
    decision->network_version = read_u32(reading);
    decision->offers_before = (uint8_t)read_within(reading, 0, OFFERS_MAX);
    decision->comparison = (enum comparison)read_within(reading, 0, 63);
    decision->eligible = read_u32(reading);
    decision->candidates_count = (uint8_t)read_within(reading, 0, ENTRY_CANDIDATES_MAX);
    for (uint8_t i = 0; i < decision->candidates_count; i++) {
        decision->candidates[i].hub = read_u32(reading);
        decision->candidates[i].places_free = read_u32(reading);
    }
}

static void read_letters(struct reading *reading, struct entry *entry)
{
    entry->letters_count = (uint8_t)read_within(reading, 0, ENTRY_LETTERS_MAX);
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        entry->letters[i].party = read_u32(reading);
        entry->letters[i].type = (enum message_type)read_within(reading, 1, 255);
        entry->letters[i].mailbox_number = read_u64(reading);
    }
}

static void read_note(struct reading *reading, const void **note, size_t *note_length)
{
    uint32_t length = 0;

    *note = NULL;
    *note_length = 0;
    reading->good = reading->good && reading->next < node_count(reading->array);
    if (!reading->good)
        return;
    const struct node *node = node_at(reading->array, reading->next++);
    if (node_kind(node) == NODE_NIL)
        return;
    reading->good = node_bytes(node, note, &length);
    *note_length = length;
}

bool record_read_entry(struct unpacker *unpacker, const void *bytes, size_t length, struct entry *entry,
                       const void **note, size_t *note_length)
{
    struct reading reading = read_array(unpacker, bytes, length, ENTRY_VERSION);

    *entry = (struct entry){.sequence = read_u64(&reading)};
    entry->previous = read_u64(&reading);
    entry->referral = read_u64(&reading);
    entry->at = read_int(&reading);
    entry->event = (enum event)read_within(&reading, 1, 63);
    entry->actor = read_u32(&reading);
    entry->offer_number = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    entry->reason = (enum status_reason)read_within(&reading, 0, 63);
    entry->outcome = (enum outcome)read_within(&reading, 0, 63);
    entry->state = (enum state)read_within(&reading, 0, STATE_ENTERED_IN_ERROR);
    entry->business_status = (enum business_status)read_within(&reading, 0, BUSINESS_CLOSED_ACKNOWLEDGED);
    entry->status_reason = (enum status_reason)read_within(&reading, 0, 63);
    entry->deadline = read_int(&reading);
    entry->position = read_u32(&reading);
    entry->placed_offer = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    entry->hub = read_u32(&reading);
    entry->service = read_u32(&reading);
    read_decision(&reading, &entry->decision);
    read_letters(&reading, entry);
    read_note(&reading, note, note_length);
    return read_whole(&reading);
}

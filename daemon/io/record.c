/* SPDX-License-Identifier: MIT
 * record: one writer and one reader for each stored thing, side by side. */
#include "daemon/io/record.h"

#include <assert.h>
#include <string.h>

#include "proto/pack.h"

enum {
    HEAD_VERSION = 1,
    PARTY_VERSION = 1,
    PLACES_VERSION = 1,
    UNMET_VERSION = 1,
    NETWORK_VERSION = 1,
    REQUEST_VERSION = 1,
    ENQUIRY_VERSION = 1,
    OWED_VERSION = 1,
    REFERRAL_VERSION = 1,
    ENTRY_VERSION = 1
};

enum { CODES_MAX = 63 }; /* of every code list */

/* Reads the elements of one array in order; the first fault sticks. */
struct reading {
    const struct node *array;
    uint32_t count;
    uint32_t next;
    bool good;
};

/* The next element; NULL: there is none, or there was a fault before it. */
static const struct node *next_node(struct reading *reading)
{
    reading->good = reading->good && reading->next < reading->count;
    return reading->good ? node_at(reading->array, reading->next++) : NULL;
}

static int64_t read_int(struct reading *reading)
{
    const struct node *node = next_node(reading);
    int64_t number = 0;

    reading->good = node && node_int(node, &number);
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

/* A set of codes uses all 64 bits. */
static uint64_t read_bits(struct reading *reading)
{
    return (uint64_t)read_int(reading);
}

static bool read_bool(struct reading *reading)
{
    const struct node *node = next_node(reading);
    bool value = false;

    reading->good = node && node_bool(node, &value);
    return reading->good && value;
}

static void read_fixed(struct reading *reading, void *out, size_t size)
{
    const struct node *node = next_node(reading);
    const void *bytes = NULL;
    uint32_t length = 0;

    reading->good = node && node_bytes(node, &bytes, &length) && length == size;
    if (reading->good)
        memcpy(out, bytes, size);
}

static void read_string(struct reading *reading, char *out, size_t size)
{
    const struct node *node = next_node(reading);
    const char *bytes = NULL;
    uint32_t length = 0;

    reading->good = node && node_text(node, &bytes, &length) && length < size;
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
    if (reading.good)
        reading.count = node_count(reading.array);
    if (read_int(&reading) != version)
        reading.good = false;
    return reading;
}

static bool read_whole(const struct reading *reading)
{
    return reading->good && reading->next == reading->count;
}

static void pack_u64(struct packer *packer, uint64_t number)
{
    assert(number <= INT64_MAX);
    pack_int(packer, (int64_t)number);
}

static void pack_bits(struct packer *packer, uint64_t bits)
{
    pack_int(packer, (int64_t)bits);
}

static void pack_string(struct packer *packer, const char *string)
{
    pack_text(packer, string, strlen(string));
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
    pack_array(&packer, 12);
    pack_int(&packer, HEAD_VERSION);
    pack_u64(&packer, head->epoch);
    pack_u64(&packer, head->batch);
    pack_u64(&packer, head->referral);
    pack_u64(&packer, head->sequence);
    pack_u64(&packer, head->party);
    pack_u64(&packer, head->network);
    pack_u64(&packer, head->file);
    pack_u64(&packer, head->judged);
    pack_int(&packer, head->judged_day);
    pack_int(&packer, head->emergency_until);
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
    head->file = read_u32(&reading);
    head->judged = read_u32(&reading);
    head->judged_day = read_int(&reading);
    head->emergency_until = read_int(&reading);
    read_fixed(&reading, head->chain, sizeof head->chain);
    return read_whole(&reading);
}

size_t record_write_party(const struct party_record *party, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 4);
    pack_int(&packer, PARTY_VERSION);
    pack_string(&packer, party->id);
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

size_t record_write_unmet(const struct unmet_record *unmet, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 6);
    pack_int(&packer, UNMET_VERSION);
    pack_int(&packer, unmet->week);
    pack_string(&packer, unmet->neighbourhood_code);
    pack_int(&packer, unmet->need);
    pack_int(&packer, unmet->cause);
    pack_u64(&packer, unmet->count);
    return written(&packer);
}

bool record_read_unmet(struct unpacker *unpacker, const void *bytes, size_t length, struct unmet_record *unmet)
{
    struct reading reading = read_array(unpacker, bytes, length, UNMET_VERSION);

    unmet->week = read_int(&reading);
    read_string(&reading, unmet->neighbourhood_code, sizeof unmet->neighbourhood_code);
    unmet->need = (enum need)read_within(&reading, 1, CODES_MAX);
    unmet->cause = (enum unmet_cause)read_within(&reading, 1, CODES_MAX);
    unmet->count = read_u64(&reading);
    return read_whole(&reading);
}

size_t record_write_request(const struct request_record *request, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 5);
    pack_int(&packer, REQUEST_VERSION);
    pack_u64(&packer, request->party);
    pack_bytes(&packer, request->request_id, sizeof request->request_id);
    pack_bytes(&packer, request->digest, sizeof request->digest);
    pack_u64(&packer, request->referral);
    return written(&packer);
}

bool record_read_request(struct unpacker *unpacker, const void *bytes, size_t length, struct request_record *request)
{
    struct reading reading = read_array(unpacker, bytes, length, REQUEST_VERSION);

    *request = (struct request_record){.party = read_u32(&reading)};
    read_fixed(&reading, request->request_id, sizeof request->request_id);
    read_fixed(&reading, request->digest, sizeof request->digest);
    request->referral = read_u64(&reading);
    return read_whole(&reading);
}

size_t record_write_enquiry(const struct enquiry *enquiry, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 12);
    pack_int(&packer, ENQUIRY_VERSION);
    pack_u64(&packer, enquiry->number);
    pack_u64(&packer, enquiry->asker);
    pack_u64(&packer, enquiry->asked);
    pack_u64(&packer, enquiry->referral);
    pack_int(&packer, enquiry->asked_at);
    pack_int(&packer, enquiry->deadline);
    pack_int(&packer, enquiry->ended_at);
    pack_int(&packer, enquiry->known);
    pack_bool(&packer, enquiry->expired);
    pack_bool(&packer, enquiry->erased);
    pack_u64(&packer, enquiry->history);
    return written(&packer);
}

bool record_read_enquiry(struct unpacker *unpacker, const void *bytes, size_t length, struct enquiry *enquiry)
{
    struct reading reading = read_array(unpacker, bytes, length, ENQUIRY_VERSION);

    *enquiry = (struct enquiry){.number = read_u64(&reading)};
    enquiry->asker = read_u32(&reading);
    enquiry->asked = read_u32(&reading);
    enquiry->referral = read_u64(&reading);
    enquiry->asked_at = read_int(&reading);
    enquiry->deadline = read_int(&reading);
    enquiry->ended_at = read_int(&reading);
    enquiry->known = (enum known)read_within(&reading, 0, KNOWN_CANNOT_SAY);
    enquiry->expired = read_bool(&reading);
    enquiry->erased = read_bool(&reading);
    enquiry->history = read_u64(&reading);
    return read_whole(&reading);
}

size_t record_write_owed(const struct owed *owed, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, 6);
    pack_int(&packer, OWED_VERSION);
    pack_u64(&packer, owed->sequence);
    pack_int(&packer, owed->letter);
    pack_int(&packer, owed->type);
    pack_u64(&packer, owed->referral);
    pack_int(&packer, owed->offer);
    return written(&packer);
}

bool record_read_owed(struct unpacker *unpacker, const void *bytes, size_t length, struct owed *owed)
{
    struct reading reading = read_array(unpacker, bytes, length, OWED_VERSION);

    *owed = (struct owed){.sequence = read_u64(&reading) & 0xffffffffffff};
    owed->letter = (uint8_t)read_within(&reading, 0, ENTRY_LETTERS_MAX - 1);
    owed->type = (uint8_t)read_within(&reading, 1, UINT8_MAX);
    owed->referral = read_u64(&reading) & 0xffffffffffffff;
    owed->offer = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    return read_whole(&reading);
}

size_t record_write_network(const struct network_record *network, const char *text, size_t text_length, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX + text_length);
    pack_array(&packer, 4);
    pack_int(&packer, NETWORK_VERSION);
    pack_int(&packer, network->applied_at);
    pack_string(&packer, network->edition);
    pack_text(&packer, text, text_length);
    return written(&packer);
}

bool record_read_network(struct unpacker *unpacker, const void *bytes, size_t length, struct network_record *network,
                         const char **text, size_t *text_length)
{
    struct reading reading = read_array(unpacker, bytes, length, NETWORK_VERSION);
    uint32_t found = 0;

    network->applied_at = read_int(&reading);
    read_string(&reading, network->edition, sizeof network->edition);
    const struct node *node = next_node(&reading);
    reading.good = node && node_text(node, text, &found);
    *text_length = found;
    return read_whole(&reading);
}

enum flag { FLAG_SAFEGUARDING = 1, FLAG_CONSENT = 2, FLAG_CARER = 4, FLAG_INTERPRETER = 8, FLAG_NO_ABODE = 16 };

static int flags_of(const struct profile *profile)
{
    return (profile->safeguarding ? FLAG_SAFEGUARDING : 0) | (profile->consent_in_doubt ? FLAG_CONSENT : 0) |
           (profile->is_carer ? FLAG_CARER : 0) | (profile->interpreter_needed ? FLAG_INTERPRETER : 0) |
           (profile->no_fixed_abode ? FLAG_NO_ABODE : 0);
}

static void read_flags(struct reading *reading, struct profile *profile)
{
    int64_t flags = read_within(reading, 0, 2 * FLAG_NO_ABODE - 1);

    profile->safeguarding = flags & FLAG_SAFEGUARDING;
    profile->consent_in_doubt = flags & FLAG_CONSENT;
    profile->is_carer = flags & FLAG_CARER;
    profile->interpreter_needed = flags & FLAG_INTERPRETER;
    profile->no_fixed_abode = flags & FLAG_NO_ABODE;
}

static void pack_numbers(struct packer *packer, const uint32_t *numbers, uint8_t count)
{
    pack_int(packer, count);
    for (uint8_t i = 0; i < count; i++)
        pack_u64(packer, numbers[i]);
}

static uint8_t read_numbers(struct reading *reading, uint32_t *numbers, uint8_t most)
{
    uint8_t count = (uint8_t)read_within(reading, 0, most);

    for (uint8_t i = 0; i < count; i++)
        numbers[i] = read_u32(reading);
    return count;
}

static const uint32_t profile_elements = 20;

static uint32_t count_profile(const struct profile *profile)
{
    return profile_elements + profile->excluded_count + profile->plus_count;
}

static void pack_profile(struct packer *packer, const struct profile *profile)
{
    pack_int(packer, profile->locality);
    pack_int(packer, profile->position.easting);
    pack_int(packer, profile->position.northing);
    pack_int(packer, profile->decile);
    pack_int(packer, profile->need);
    pack_bits(packer, profile->needs);
    pack_int(packer, profile->tier);
    pack_int(packer, profile->priority);
    pack_u64(packer, profile->preferred_hub);
    pack_int(packer, flags_of(profile));
    pack_int(packer, profile->consent_until);
    pack_int(packer, profile->age);
    pack_int(packer, profile->gender);
    pack_int(packer, profile->source);
    pack_bits(packer, profile->risks);
    pack_bits(packer, profile->adjustments);
    pack_int(packer, profile->transport);
    pack_u64(packer, profile->travel_m);
    pack_numbers(packer, profile->excluded, profile->excluded_count);
    pack_numbers(packer, profile->plus, profile->plus_count);
}

static void read_profile(struct reading *reading, struct profile *profile)
{
    profile->neighbourhood = NEIGHBOURHOOD_NONE;
    profile->locality = (enum locality)read_within(reading, 0, CODES_MAX);
    profile->position.easting = (int32_t)read_within(reading, INT32_MIN, INT32_MAX);
    profile->position.northing = (int32_t)read_within(reading, INT32_MIN, INT32_MAX);
    profile->decile = (uint8_t)read_within(reading, 0, 10);
    profile->need = (enum need)read_within(reading, 1, CODES_MAX);
    profile->needs = read_bits(reading);
    profile->tier = (enum tier)read_within(reading, 0, CODES_MAX);
    profile->priority = (enum priority)read_within(reading, PRIORITY_ROUTINE, PRIORITY_STAT);
    profile->preferred_hub = read_u32(reading);
    read_flags(reading, profile);
    profile->consent_until = read_int(reading);
    profile->age = (uint8_t)read_within(reading, 0, UINT8_MAX);
    profile->gender = (enum gender)read_within(reading, 0, CODES_MAX);
    profile->source = (enum referral_source)read_within(reading, 0, CODES_MAX);
    profile->risks = read_bits(reading);
    profile->adjustments = read_bits(reading);
    profile->transport = (enum transport)read_within(reading, 0, TRANSPORT_NONE);
    profile->travel_m = read_u32(reading);
    profile->excluded_count = read_numbers(reading, profile->excluded, EXCLUDED_MAX);
    profile->plus_count = read_numbers(reading, profile->plus, PLUS_MAX);
}

/* Most referrals have one part, one offer and one service: needs that are all of the referral's, and a deadline that is
 * the referral's own, are left out. */
static void pack_needs(struct packer *packer, uint64_t needs, const struct referral *referral)
{
    pack_bits(packer, needs == referral->profile.needs ? 0 : needs);
}

static uint64_t read_needs(struct reading *reading, const struct referral *referral)
{
    uint64_t needs = read_bits(reading);

    return needs ? needs : referral->profile.needs;
}

static void pack_deadline(struct packer *packer, int64_t deadline, const struct referral *referral)
{
    if (deadline == referral->deadline)
        pack_nil(packer);
    else
        pack_int(packer, deadline);
}

static int64_t read_deadline(struct reading *reading, const struct referral *referral)
{
    const struct node *node = next_node(reading);
    int64_t deadline = referral->deadline;

    if (node && node_kind(node) != NODE_NIL)
        reading->good = node_int(node, &deadline);
    return deadline;
}

static const uint32_t referral_elements = 27, part_elements = 12, offer_elements = 7, link_elements = 2;

static void pack_part(struct packer *packer, const struct part *part, const struct referral *referral)
{
    pack_needs(packer, part->needs, referral);
    pack_int(packer, part->state);
    pack_int(packer, part->business_status);
    pack_int(packer, part->reason);
    pack_int(packer, part->outcome);
    pack_bool(packer, part->overdue);
    pack_deadline(packer, part->deadline, referral);
    pack_u64(packer, part->deadline_owner);
    pack_int(packer, part->stage);
    pack_bool(packer, part->nudged);
    pack_int(packer, part->answer_by);
    pack_int(packer, part->offer);
}

static void read_part(struct reading *reading, const struct referral *referral, struct part *part)
{
    part->needs = read_needs(reading, referral);
    part->state = (enum state)read_within(reading, 0, STATE_ENTERED_IN_ERROR);
    part->business_status = (enum business_status)read_within(reading, 0, CODES_MAX);
    part->reason = (enum status_reason)read_within(reading, 0, CODES_MAX);
    part->outcome = (enum outcome)read_within(reading, 0, CODES_MAX);
    part->overdue = read_bool(reading);
    part->deadline = read_deadline(reading, referral);
    part->deadline_owner = read_u32(reading);
    part->stage = (enum stage)read_within(reading, 0, STAGE_ENQUIRY);
    part->nudged = read_bool(reading);
    part->answer_by = read_int(reading);
    part->offer = (uint8_t)read_within(reading, 0, OFFERS_MAX);
}

static void pack_offer(struct packer *packer, const struct offer *offer, const struct referral *referral)
{
    pack_u64(packer, offer->hub);
    pack_needs(packer, offer->needs, referral);
    pack_numbers(packer, offer->services, offer->services_count);
    pack_int(packer, offer->state);
    pack_int(packer, offer->reason);
    pack_bool(packer, offer->accepted);
    pack_int(packer, offer->made_at);
}

static void read_offer(struct reading *reading, const struct referral *referral, struct offer *offer)
{
    offer->hub = read_u32(reading);
    offer->needs = read_needs(reading, referral);
    offer->services_count = read_numbers(reading, offer->services, NEEDS_MAX);
    offer->state = (enum state)read_within(reading, 1, STATE_ENTERED_IN_ERROR);
    offer->reason = (enum status_reason)read_within(reading, 0, CODES_MAX);
    offer->accepted = read_bool(reading);
    offer->made_at = read_int(reading);
}

enum course_flag {
    FLAG_SENDER_KNOWS = 1,
    FLAG_PRACTICE_KNOWS = 2,
    FLAG_CONSENT_ENDED = 4,
    FLAG_ERASED = 8,
    FLAG_RELEASED = 16
};

/* What is known of the person, who is told, and what has become of the consent. */
static void pack_rights(struct packer *packer, const struct referral *referral)
{
    pack_bits(packer, referral->persons[0]);
    pack_bits(packer, referral->persons[1]);
    pack_int(packer, referral->message_back);
    pack_u64(packer, referral->practice);
    pack_int(packer, (referral->sender_knows ? FLAG_SENDER_KNOWS : 0) |
                         (referral->practice_knows ? FLAG_PRACTICE_KNOWS : 0) |
                         (referral->consent_ended ? FLAG_CONSENT_ENDED : 0) | (referral->erased ? FLAG_ERASED : 0) |
                         (referral->released ? FLAG_RELEASED : 0));
}

static void read_rights(struct reading *reading, struct referral *referral)
{
    referral->persons[0] = read_bits(reading);
    referral->persons[1] = read_bits(reading);
    referral->message_back = (uint8_t)read_within(reading, 0, UINT8_MAX);
    referral->practice = read_u32(reading);
    int64_t flags = read_within(reading, 0, 2 * FLAG_RELEASED - 1);
    referral->sender_knows = flags & FLAG_SENDER_KNOWS;
    referral->practice_knows = flags & FLAG_PRACTICE_KNOWS;
    referral->consent_ended = flags & FLAG_CONSENT_ENDED;
    referral->erased = flags & FLAG_ERASED;
    referral->released = flags & FLAG_RELEASED;
}

static void pack_links(struct packer *packer, const struct referral *referral)
{
    pack_int(packer, referral->links_count);
    for (uint8_t i = 0; i < referral->links_count; i++) {
        pack_u64(packer, referral->links[i].number);
        pack_int(packer, referral->links[i].link);
    }
}

static void read_links(struct reading *reading, struct referral *referral)
{
    referral->links_count = (uint8_t)read_within(reading, 0, LINKS_MAX);
    for (uint8_t i = 0; i < referral->links_count; i++) {
        referral->links[i].number = read_u64(reading);
        referral->links[i].link = (enum link)read_within(reading, 1, LINK_ORIGIN);
    }
}

static uint32_t count_referral(const struct referral *referral)
{
    uint32_t count = referral_elements + count_profile(&referral->profile) + part_elements * referral->parts_count +
                     offer_elements * referral->offers_count + link_elements * referral->links_count;

    for (uint8_t i = 0; i < referral->offers_count; i++)
        count += referral->offers[i].services_count;
    return count;
}

size_t record_write_referral(const struct referral *referral, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX);
    pack_array(&packer, count_referral(referral));
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
    pack_int(&packer, referral->stage);
    pack_int(&packer, referral->ended_at);
    pack_int(&packer, referral->hops_from);
    pack_u64(&packer, referral->history);
    pack_rights(&packer, referral);
    pack_links(&packer, referral);
    pack_string(&packer, referral->neighbourhood_code);
    pack_profile(&packer, &referral->profile);
    pack_int(&packer, referral->parts_count);
    for (uint8_t i = 0; i < referral->parts_count; i++)
        pack_part(&packer, &referral->parts[i], referral);
    pack_int(&packer, referral->offers_count);
    for (uint8_t i = 0; i < referral->offers_count; i++)
        pack_offer(&packer, &referral->offers[i], referral);
    return written(&packer);
}

bool record_read_referral(struct unpacker *unpacker, const void *bytes, size_t length, struct referral *referral)
{
    struct reading reading = read_array(unpacker, bytes, length, REFERRAL_VERSION);

    *referral = (struct referral){.number = read_u64(&reading)};
    referral->sender = read_u32(&reading);
    read_fixed(&reading, referral->request_id, sizeof referral->request_id);
    read_fixed(&reading, referral->correlation_id, sizeof referral->correlation_id);
    referral->state = (enum state)read_within(&reading, 1, STATE_ENTERED_IN_ERROR);
    referral->business_status = (enum business_status)read_within(&reading, 0, CODES_MAX);
    referral->reason = (enum status_reason)read_within(&reading, 0, CODES_MAX);
    referral->outcome = (enum outcome)read_within(&reading, 0, CODES_MAX);
    referral->overdue = read_bool(&reading);
    referral->submitted_at = read_int(&reading);
    referral->changed_at = read_int(&reading);
    referral->deadline = read_int(&reading);
    referral->deadline_owner = read_u32(&reading);
    referral->stage = (enum stage)read_within(&reading, 0, STAGE_ENQUIRY);
    referral->ended_at = read_int(&reading);
    referral->hops_from = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    referral->history = read_u64(&reading);
    read_rights(&reading, referral);
    read_links(&reading, referral);
    read_string(&reading, referral->neighbourhood_code, sizeof referral->neighbourhood_code);
    read_profile(&reading, &referral->profile);
    referral->parts_count = (uint8_t)read_within(&reading, 0, NEEDS_MAX);
    for (uint8_t i = 0; i < referral->parts_count; i++)
        read_part(&reading, referral, &referral->parts[i]);
    referral->offers_count = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    for (uint8_t i = 0; i < referral->offers_count; i++)
        read_offer(&reading, referral, &referral->offers[i]);
    return read_whole(&reading);
}

static const uint32_t entry_elements = 28, decision_elements = 7, standing_elements = 9, candidate_elements = 4,
                      signpost_elements = 2, letter_elements = 4;

static void pack_standing(struct packer *packer, const struct standing *standing)
{
    pack_bits(packer, standing->needs);
    pack_int(packer, standing->state);
    pack_int(packer, standing->business_status);
    pack_int(packer, standing->reason);
    pack_int(packer, standing->outcome);
    pack_int(packer, standing->offer);
    pack_u64(packer, standing->position);
    pack_u64(packer, standing->expected_days);
    pack_int(packer, standing->deadline);
}

static void read_standing(struct reading *reading, struct standing *standing)
{
    standing->needs = read_bits(reading);
    standing->state = (enum state)read_within(reading, 0, STATE_ENTERED_IN_ERROR);
    standing->business_status = (enum business_status)read_within(reading, 0, CODES_MAX);
    standing->reason = (enum status_reason)read_within(reading, 0, CODES_MAX);
    standing->outcome = (enum outcome)read_within(reading, 0, CODES_MAX);
    standing->offer = (uint8_t)read_within(reading, 0, OFFERS_MAX);
    standing->position = read_u32(reading);
    standing->expected_days = read_u32(reading);
    standing->deadline = read_int(reading);
}

/* The rule and whether the figure is stale are one number. */
static void pack_candidate(struct packer *packer, const struct candidate *candidate)
{
    pack_u64(packer, candidate->hub);
    pack_u64(packer, candidate->service);
    pack_u64(packer, candidate->places_free);
    pack_int(packer, 2 * (int)candidate->rule + (candidate->stale ? 1 : 0));
}

static void read_candidate(struct reading *reading, struct candidate *candidate)
{
    candidate->hub = read_u32(reading);
    candidate->service = read_u32(reading);
    candidate->places_free = read_u32(reading);
    int64_t both = read_within(reading, 0, 2 * CODES_MAX + 1);
    candidate->rule = (enum rule)(both / 2);
    candidate->stale = both % 2;
}

/* Most events decide nothing: then one nil stands for all. */
static bool has_decision(const struct decision *decision)
{
    return decision->made || decision->network_version;
}

static void pack_decision(struct packer *packer, const struct decision *decision)
{
    if (!has_decision(decision)) {
        pack_nil(packer);
        return;
    }
    pack_bool(packer, decision->made);
    pack_bool(packer, decision->emergency);
    pack_u64(packer, decision->network_version);
    pack_bits(packer, decision->needs);
    pack_int(packer, decision->offers_before);
    pack_int(packer, decision->comparison);
    pack_u64(packer, decision->eligible);
    pack_int(packer, decision->candidates_count);
    for (uint8_t i = 0; i < decision->candidates_count; i++)
        pack_candidate(packer, &decision->candidates[i]);
}

static void read_decision(struct reading *reading, struct decision *decision)
{
    const struct node *node = next_node(reading);

    if (!node || node_kind(node) == NODE_NIL)
        return;
    reading->good = node_bool(node, &decision->made);
    decision->emergency = read_bool(reading);
    decision->network_version = read_u32(reading);
    decision->needs = read_bits(reading);
    decision->offers_before = (uint8_t)read_within(reading, 0, OFFERS_MAX);
    decision->comparison = (enum comparison)read_within(reading, 0, CODES_MAX);
    decision->eligible = read_u32(reading);
    decision->candidates_count = (uint8_t)read_within(reading, 0, CANDIDATES_MAX);
    for (uint8_t i = 0; i < decision->candidates_count; i++)
        read_candidate(reading, &decision->candidates[i]);
}

static void pack_signposts(struct packer *packer, const struct entry *entry)
{
    pack_int(packer, entry->signposts_count);
    for (uint8_t i = 0; i < entry->signposts_count; i++) {
        pack_u64(packer, entry->signposts[i].hub);
        pack_u64(packer, entry->signposts[i].service);
    }
}

static void read_signposts(struct reading *reading, struct entry *entry)
{
    entry->signposts_count = (uint8_t)read_within(reading, 0, SIGNPOSTS_MAX);
    for (uint8_t i = 0; i < entry->signposts_count; i++) {
        entry->signposts[i].hub = read_u32(reading);
        entry->signposts[i].service = read_u32(reading);
    }
}

static void pack_letters(struct packer *packer, const struct entry *entry)
{
    pack_int(packer, entry->letters_count);
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        pack_u64(packer, entry->letters[i].party);
        pack_int(packer, entry->letters[i].type);
        pack_int(packer, entry->letters[i].offer_number);
        pack_u64(packer, entry->letters[i].mailbox_number);
    }
}

static void read_letters(struct reading *reading, struct entry *entry)
{
    entry->letters_count = (uint8_t)read_within(reading, 0, ENTRY_LETTERS_MAX);
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        entry->letters[i].party = read_u32(reading);
        entry->letters[i].type = (enum message_type)read_within(reading, 1, 255);
        entry->letters[i].offer_number = (uint8_t)read_within(reading, 0, OFFERS_MAX);
        entry->letters[i].mailbox_number = read_u64(reading);
    }
}

static uint32_t count_entry(const struct entry *entry)
{
    return entry_elements + (has_decision(&entry->decision) ? decision_elements : 0) +
           standing_elements * entry->parts_count + signpost_elements * entry->signposts_count +
           candidate_elements * entry->decision.candidates_count + letter_elements * entry->letters_count;
}

size_t record_write_entry(const struct entry *entry, const void *said, size_t said_length, void *buffer)
{
    struct packer packer;

    packer_init(&packer, buffer, RECORD_BYTES_MAX + said_length);
    pack_array(&packer, count_entry(entry));
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
    pack_u64(&packer, entry->figure);
    pack_u64(&packer, entry->linked);
    pack_int(&packer, entry->link);
    pack_int(&packer, entry->stage);
    pack_int(&packer, entry->known);
    pack_int(&packer, entry->placed_first);
    pack_int(&packer, entry->placed_count);
    pack_u64(&packer, entry->hub);
    pack_u64(&packer, entry->service);
    pack_int(&packer, entry->parts_count);
    for (uint8_t i = 0; i < entry->parts_count; i++)
        pack_standing(&packer, &entry->parts[i]);
    pack_signposts(&packer, entry);
    pack_decision(&packer, &entry->decision);
    pack_letters(&packer, entry);
    if (said)
        pack_bytes(&packer, said, said_length);
    else
        pack_nil(&packer);
    return written(&packer);
}

static void read_said(struct reading *reading, const void **said, size_t *said_length)
{
    uint32_t length = 0;

    *said = NULL;
    *said_length = 0;
    const struct node *node = next_node(reading);
    if (!node || node_kind(node) == NODE_NIL)
        return;
    reading->good = node_bytes(node, said, &length);
    *said_length = length;
}

bool record_read_entry(struct unpacker *unpacker, const void *bytes, size_t length, struct entry *entry,
                       const void **said, size_t *said_length)
{
    struct reading reading = read_array(unpacker, bytes, length, ENTRY_VERSION);

    *entry = (struct entry){.sequence = read_u64(&reading)};
    entry->previous = read_u64(&reading);
    entry->referral = read_u64(&reading);
    entry->at = read_int(&reading);
    entry->event = (enum event)read_within(&reading, 1, CODES_MAX);
    entry->actor = read_u32(&reading);
    entry->offer_number = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    entry->reason = (enum status_reason)read_within(&reading, 0, CODES_MAX);
    entry->outcome = (enum outcome)read_within(&reading, 0, CODES_MAX);
    entry->state = (enum state)read_within(&reading, 0, STATE_ENTERED_IN_ERROR);
    entry->business_status = (enum business_status)read_within(&reading, 0, CODES_MAX);
    entry->status_reason = (enum status_reason)read_within(&reading, 0, CODES_MAX);
    entry->deadline = read_int(&reading);
    entry->figure = read_u32(&reading);
    entry->linked = read_u64(&reading);
    entry->link = (enum link)read_within(&reading, 0, LINK_ORIGIN);
    entry->stage = (enum stage)read_within(&reading, 0, STAGE_ENQUIRY);
    entry->known = (enum known)read_within(&reading, 0, KNOWN_CANNOT_SAY);
    entry->placed_first = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    entry->placed_count = (uint8_t)read_within(&reading, 0, NEEDS_MAX);
    entry->hub = read_u32(&reading);
    entry->service = read_u32(&reading);
    entry->parts_count = (uint8_t)read_within(&reading, 0, NEEDS_MAX);
    for (uint8_t i = 0; i < entry->parts_count; i++)
        read_standing(&reading, &entry->parts[i]);
    read_signposts(&reading, entry);
    read_decision(&reading, &entry->decision);
    read_letters(&reading, entry);
    read_said(&reading, said, said_length);
    return read_whole(&reading);
}

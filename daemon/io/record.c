/* SPDX-License-Identifier: MIT
 * record: one writer and one reader for each stored thing, side by side. */
#include "daemon/io/record.h"

#include <assert.h>
#include <string.h>

#include "daemon/io/compact.h"

/* The first byte of each record: what it is, and in which form. Never reused; a new form of a thing has a new one. */
enum form {
    FORM_HEAD = 1,
    FORM_PARTY,
    FORM_PLACES,
    FORM_UNMET,
    FORM_NETWORK,
    FORM_REQUEST,
    FORM_ENQUIRY,
    FORM_OWED,
    FORM_REFERRAL,
    FORM_ENTRY
};

enum { CODES_MAX = 63 }; /* of every code list */

static uint64_t read_within(struct reading *reading, uint64_t least, uint64_t most)
{
    uint64_t number = get_number(reading);

    reading->good = reading->good && number >= least && number <= most;
    return reading->good ? number : least;
}

static uint64_t read_u64(struct reading *reading)
{
    return read_within(reading, 0, INT64_MAX);
}

static uint32_t read_u32(struct reading *reading)
{
    return (uint32_t)read_within(reading, 0, UINT32_MAX);
}

static int32_t read_i32(struct reading *reading)
{
    int64_t number = get_signed(reading);

    reading->good = reading->good && number == (int32_t)number;
    return reading->good ? (int32_t)number : 0;
}

static bool read_bool(struct reading *reading)
{
    return read_within(reading, 0, 1);
}

static void read_string(struct reading *reading, char *out, size_t size)
{
    size_t length = 0;
    const void *bytes = get_bytes(reading, &length);

    reading->good = reading->good && length < size;
    if (reading->good && length > 0)
        memcpy(out, bytes, length);
    out[reading->good ? length : 0] = 0;
}

static struct reading begin_reading(const void *bytes, size_t length, enum form form)
{
    const uint8_t *first = bytes;
    struct reading reading = {0};

    if (length > 0 && *first == form)
        reading_init(&reading, first + 1, length - 1);
    return reading;
}

static void put_string(struct writing *writing, const char *string)
{
    put_bytes(writing, string, strlen(string));
}

static struct writing begin_writing(void *buffer, size_t size, enum form form)
{
    const uint8_t first = (uint8_t)form;
    struct writing writing;

    writing_init(&writing, buffer, size);
    put_fixed(&writing, &first, 1);
    return writing;
}

static size_t written(const struct writing *writing)
{
    assert(!writing->overflow);
    return writing->length;
}

size_t record_write_head(const struct head *head, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_HEAD);

    put_number(&writing, head->epoch);
    put_number(&writing, head->batch);
    put_number(&writing, head->referral);
    put_number(&writing, head->sequence);
    put_number(&writing, head->party);
    put_number(&writing, head->network);
    put_number(&writing, head->file);
    put_number(&writing, head->judged);
    put_signed(&writing, head->judged_day);
    put_signed(&writing, head->emergency_until);
    put_fixed(&writing, head->chain, sizeof head->chain);
    return written(&writing);
}

bool record_read_head(const void *bytes, size_t length, struct head *head)
{
    struct reading reading = begin_reading(bytes, length, FORM_HEAD);

    head->epoch = read_u64(&reading);
    head->batch = read_u64(&reading);
    head->referral = read_u64(&reading);
    head->sequence = read_u64(&reading);
    head->party = read_u32(&reading);
    head->network = read_u32(&reading);
    head->file = read_u32(&reading);
    head->judged = read_u32(&reading);
    head->judged_day = get_signed(&reading);
    head->emergency_until = get_signed(&reading);
    get_fixed(&reading, head->chain, sizeof head->chain);
    return reading_ends(&reading);
}

size_t record_write_party(const struct party_record *party, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_PARTY);

    put_string(&writing, party->id);
    put_number(&writing, party->confirmed);
    put_number(&writing, party->first_unconfirmed);
    return written(&writing);
}

bool record_read_party(const void *bytes, size_t length, struct party_record *party)
{
    struct reading reading = begin_reading(bytes, length, FORM_PARTY);

    read_string(&reading, party->id, sizeof party->id);
    party->confirmed = read_u64(&reading);
    party->first_unconfirmed = read_u64(&reading);
    return reading_ends(&reading);
}

size_t record_write_places(const struct places *places, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_PLACES);

    put_number(&writing, places->total);
    put_signed(&writing, places->stated_at);
    put_number(&writing, places->in_file);
    return written(&writing);
}

bool record_read_places(const void *bytes, size_t length, struct places *places)
{
    struct reading reading = begin_reading(bytes, length, FORM_PLACES);

    *places = (struct places){.total = read_u32(&reading)};
    places->stated_at = get_signed(&reading);
    places->in_file = read_u32(&reading);
    return reading_ends(&reading);
}

size_t record_write_unmet(const struct unmet_record *unmet, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_UNMET);

    put_signed(&writing, unmet->week);
    put_string(&writing, unmet->neighbourhood_code);
    put_number(&writing, unmet->need);
    put_number(&writing, unmet->cause);
    put_number(&writing, unmet->count);
    return written(&writing);
}

bool record_read_unmet(const void *bytes, size_t length, struct unmet_record *unmet)
{
    struct reading reading = begin_reading(bytes, length, FORM_UNMET);

    unmet->week = get_signed(&reading);
    read_string(&reading, unmet->neighbourhood_code, sizeof unmet->neighbourhood_code);
    unmet->need = (enum need)read_within(&reading, 1, CODES_MAX);
    unmet->cause = (enum unmet_cause)read_within(&reading, 1, CODES_MAX);
    unmet->count = read_u64(&reading);
    return reading_ends(&reading);
}

size_t record_write_request(const struct request_record *request, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_REQUEST);

    put_number(&writing, request->party);
    put_fixed(&writing, request->request_id, sizeof request->request_id);
    put_fixed(&writing, request->digest, sizeof request->digest);
    put_number(&writing, request->referral);
    return written(&writing);
}

bool record_read_request(const void *bytes, size_t length, struct request_record *request)
{
    struct reading reading = begin_reading(bytes, length, FORM_REQUEST);

    *request = (struct request_record){.party = read_u32(&reading)};
    get_fixed(&reading, request->request_id, sizeof request->request_id);
    get_fixed(&reading, request->digest, sizeof request->digest);
    request->referral = read_u64(&reading);
    return reading_ends(&reading);
}

size_t record_write_enquiry(const struct enquiry *enquiry, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_ENQUIRY);

    put_number(&writing, enquiry->number);
    put_number(&writing, enquiry->asker);
    put_number(&writing, enquiry->asked);
    put_number(&writing, enquiry->referral);
    put_signed(&writing, enquiry->asked_at);
    put_near(&writing, enquiry->deadline, enquiry->asked_at);
    put_near(&writing, enquiry->ended_at, enquiry->asked_at);
    put_number(&writing, enquiry->known);
    put_number(&writing, enquiry->expired);
    put_number(&writing, enquiry->erased);
    put_number(&writing, enquiry->history);
    return written(&writing);
}

bool record_read_enquiry(const void *bytes, size_t length, struct enquiry *enquiry)
{
    struct reading reading = begin_reading(bytes, length, FORM_ENQUIRY);

    *enquiry = (struct enquiry){.number = read_u64(&reading)};
    enquiry->asker = read_u32(&reading);
    enquiry->asked = read_u32(&reading);
    enquiry->referral = read_u64(&reading);
    enquiry->asked_at = get_signed(&reading);
    enquiry->deadline = get_near(&reading, enquiry->asked_at);
    enquiry->ended_at = get_near(&reading, enquiry->asked_at);
    enquiry->known = (enum known)read_within(&reading, 0, KNOWN_CANNOT_SAY);
    enquiry->expired = read_bool(&reading);
    enquiry->erased = read_bool(&reading);
    enquiry->history = read_u64(&reading);
    return reading_ends(&reading);
}

size_t record_write_owed(const struct owed *owed, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_OWED);

    put_number(&writing, owed->sequence);
    put_number(&writing, owed->letter);
    put_number(&writing, owed->type);
    put_number(&writing, owed->referral);
    put_number(&writing, owed->offer);
    return written(&writing);
}

bool record_read_owed(const void *bytes, size_t length, struct owed *owed)
{
    struct reading reading = begin_reading(bytes, length, FORM_OWED);

    *owed = (struct owed){.sequence = read_u64(&reading) & 0xffffffffffff};
    owed->letter = (uint8_t)read_within(&reading, 0, ENTRY_LETTERS_MAX - 1);
    owed->type = (uint8_t)read_within(&reading, 1, UINT8_MAX);
    owed->referral = read_u64(&reading) & 0xffffffffffffff;
    owed->offer = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    return reading_ends(&reading);
}

size_t record_write_network(const struct network_record *network, const char *text, size_t text_length, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX + text_length, FORM_NETWORK);

    put_signed(&writing, network->applied_at);
    put_string(&writing, network->edition);
    put_bytes(&writing, text, text_length);
    return written(&writing);
}

bool record_read_network(const void *bytes, size_t length, struct network_record *network, const char **text,
                         size_t *text_length)
{
    struct reading reading = begin_reading(bytes, length, FORM_NETWORK);

    network->applied_at = get_signed(&reading);
    read_string(&reading, network->edition, sizeof network->edition);
    const char *found = get_bytes(&reading, text_length);
    *text = found ? found : "";
    return reading_ends(&reading);
}

enum flag { FLAG_SAFEGUARDING = 1, FLAG_CONSENT = 2, FLAG_CARER = 4, FLAG_INTERPRETER = 8, FLAG_NO_ABODE = 16 };

static uint64_t flags_of(const struct profile *profile)
{
    return (profile->safeguarding ? FLAG_SAFEGUARDING : 0) | (profile->consent_in_doubt ? FLAG_CONSENT : 0) |
           (profile->is_carer ? FLAG_CARER : 0) | (profile->interpreter_needed ? FLAG_INTERPRETER : 0) |
           (profile->no_fixed_abode ? FLAG_NO_ABODE : 0);
}

static void read_flags(struct reading *reading, struct profile *profile)
{
    uint64_t flags = read_within(reading, 0, 2 * FLAG_NO_ABODE - 1);

    profile->safeguarding = flags & FLAG_SAFEGUARDING;
    profile->consent_in_doubt = flags & FLAG_CONSENT;
    profile->is_carer = flags & FLAG_CARER;
    profile->interpreter_needed = flags & FLAG_INTERPRETER;
    profile->no_fixed_abode = flags & FLAG_NO_ABODE;
}

static void put_numbers(struct writing *writing, const uint32_t *numbers, uint8_t count)
{
    put_number(writing, count);
    for (uint8_t i = 0; i < count; i++)
        put_number(writing, numbers[i]);
}

static uint8_t read_numbers(struct reading *reading, uint32_t *numbers, uint8_t most)
{
    uint8_t count = (uint8_t)read_within(reading, 0, most);

    for (uint8_t i = 0; i < count; i++)
        numbers[i] = read_u32(reading);
    return count;
}

static void put_profile(struct writing *writing, const struct profile *profile)
{
    put_number(writing, profile->locality);
    put_signed(writing, profile->position.easting);
    put_signed(writing, profile->position.northing);
    put_number(writing, profile->decile);
    put_number(writing, profile->need);
    put_number(writing, profile->needs ^ NEED_BIT(profile->need));
    put_number(writing, profile->tier);
    put_number(writing, profile->priority);
    put_number(writing, profile->preferred_hub);
    put_number(writing, flags_of(profile));
    put_signed(writing, profile->consent_until);
    put_number(writing, profile->age);
    put_number(writing, profile->gender);
    put_number(writing, profile->source);
    put_number(writing, profile->risks);
    put_number(writing, profile->adjustments);
    put_number(writing, profile->transport);
    put_number(writing, profile->travel_m);
    put_numbers(writing, profile->excluded, profile->excluded_count);
    put_numbers(writing, profile->plus, profile->plus_count);
}

static void read_profile(struct reading *reading, struct profile *profile)
{
    profile->neighbourhood = NEIGHBOURHOOD_NONE;
    profile->locality = (enum locality)read_within(reading, 0, CODES_MAX);
    profile->position.easting = read_i32(reading);
    profile->position.northing = read_i32(reading);
    profile->decile = (uint8_t)read_within(reading, 0, 10);
    profile->need = (enum need)read_within(reading, 1, CODES_MAX);
    profile->needs = get_number(reading) ^ NEED_BIT(profile->need);
    profile->tier = (enum tier)read_within(reading, 0, CODES_MAX);
    profile->priority = (enum priority)read_within(reading, PRIORITY_ROUTINE, PRIORITY_STAT);
    profile->preferred_hub = read_u32(reading);
    read_flags(reading, profile);
    profile->consent_until = get_signed(reading);
    profile->age = (uint8_t)read_within(reading, 0, UINT8_MAX);
    profile->gender = (enum gender)read_within(reading, 0, CODES_MAX);
    profile->source = (enum referral_source)read_within(reading, 0, CODES_MAX);
    profile->risks = get_number(reading);
    profile->adjustments = get_number(reading);
    profile->transport = (enum transport)read_within(reading, 0, TRANSPORT_NONE);
    profile->travel_m = read_u32(reading);
    profile->excluded_count = read_numbers(reading, profile->excluded, EXCLUDED_MAX);
    profile->plus_count = read_numbers(reading, profile->plus, PLUS_MAX);
}

/* Most referrals have one part, one offer and one service: needs that are all of the referral's, and times that are its
 * own, take nothing or little. */
static void put_part(struct writing *writing, const struct part *part, const struct referral *referral)
{
    put_number(writing, part->needs ^ referral->profile.needs);
    put_number(writing, part->state);
    put_number(writing, part->business_status);
    put_number(writing, part->reason);
    put_number(writing, part->outcome);
    put_number(writing, part->overdue);
    put_near(writing, part->deadline, referral->deadline);
    put_number(writing, part->deadline_owner);
    put_number(writing, part->stage);
    put_number(writing, part->nudged);
    put_near(writing, part->answer_by, referral->submitted_at);
    put_number(writing, part->offer);
}

static void read_part(struct reading *reading, const struct referral *referral, struct part *part)
{
    part->needs = get_number(reading) ^ referral->profile.needs;
    part->state = (enum state)read_within(reading, 0, STATE_ENTERED_IN_ERROR);
    part->business_status = (enum business_status)read_within(reading, 0, CODES_MAX);
    part->reason = (enum status_reason)read_within(reading, 0, CODES_MAX);
    part->outcome = (enum outcome)read_within(reading, 0, CODES_MAX);
    part->overdue = read_bool(reading);
    part->deadline = get_near(reading, referral->deadline);
    part->deadline_owner = read_u32(reading);
    part->stage = (enum stage)read_within(reading, 0, STAGE_ENQUIRY);
    part->nudged = read_bool(reading);
    part->answer_by = get_near(reading, referral->submitted_at);
    part->offer = (uint8_t)read_within(reading, 0, OFFERS_MAX);
}

static void put_offer(struct writing *writing, const struct offer *offer, const struct referral *referral)
{
    put_number(writing, offer->hub);
    put_number(writing, offer->needs ^ referral->profile.needs);
    put_numbers(writing, offer->services, offer->services_count);
    put_number(writing, offer->state);
    put_number(writing, offer->reason);
    put_number(writing, offer->accepted);
    put_near(writing, offer->made_at, referral->submitted_at);
}

static void read_offer(struct reading *reading, const struct referral *referral, struct offer *offer)
{
    offer->hub = read_u32(reading);
    offer->needs = get_number(reading) ^ referral->profile.needs;
    offer->services_count = read_numbers(reading, offer->services, NEEDS_MAX);
    offer->state = (enum state)read_within(reading, 1, STATE_ENTERED_IN_ERROR);
    offer->reason = (enum status_reason)read_within(reading, 0, CODES_MAX);
    offer->accepted = read_bool(reading);
    offer->made_at = get_near(reading, referral->submitted_at);
}

enum course_flag {
    FLAG_SENDER_KNOWS = 1,
    FLAG_PRACTICE_KNOWS = 2,
    FLAG_CONSENT_ENDED = 4,
    FLAG_ERASED = 8,
    FLAG_RELEASED = 16
};

/* What is known of the person, who is told, and what has become of the consent. */
static void put_rights(struct writing *writing, const struct referral *referral)
{
    put_word(writing, referral->persons[0]);
    put_word(writing, referral->persons[1]);
    put_number(writing, referral->message_back);
    put_number(writing, referral->practice);
    put_number(writing, (referral->sender_knows ? FLAG_SENDER_KNOWS : 0) |
                            (referral->practice_knows ? FLAG_PRACTICE_KNOWS : 0) |
                            (referral->consent_ended ? FLAG_CONSENT_ENDED : 0) | (referral->erased ? FLAG_ERASED : 0) |
                            (referral->released ? FLAG_RELEASED : 0));
}

static void read_rights(struct reading *reading, struct referral *referral)
{
    referral->persons[0] = get_word(reading);
    referral->persons[1] = get_word(reading);
    referral->message_back = (uint8_t)read_within(reading, 0, UINT8_MAX);
    referral->practice = read_u32(reading);
    uint64_t flags = read_within(reading, 0, 2 * FLAG_RELEASED - 1);
    referral->sender_knows = flags & FLAG_SENDER_KNOWS;
    referral->practice_knows = flags & FLAG_PRACTICE_KNOWS;
    referral->consent_ended = flags & FLAG_CONSENT_ENDED;
    referral->erased = flags & FLAG_ERASED;
    referral->released = flags & FLAG_RELEASED;
}

static void put_links(struct writing *writing, const struct referral *referral)
{
    put_number(writing, referral->links_count);
    for (uint8_t i = 0; i < referral->links_count; i++) {
        put_number(writing, referral->links[i].number);
        put_number(writing, referral->links[i].link);
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

size_t record_write_referral(const struct referral *referral, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX, FORM_REFERRAL);

    put_number(&writing, referral->number);
    put_number(&writing, referral->sender);
    put_fixed(&writing, referral->request_id, sizeof referral->request_id);
    put_fixed(&writing, referral->correlation_id, sizeof referral->correlation_id);
    put_number(&writing, referral->state);
    put_number(&writing, referral->business_status);
    put_number(&writing, referral->reason);
    put_number(&writing, referral->outcome);
    put_number(&writing, referral->overdue);
    put_signed(&writing, referral->submitted_at);
    put_near(&writing, referral->changed_at, referral->submitted_at);
    put_near(&writing, referral->deadline, referral->submitted_at);
    put_number(&writing, referral->deadline_owner);
    put_number(&writing, referral->stage);
    put_near(&writing, referral->ended_at, referral->submitted_at);
    put_number(&writing, referral->hops_from);
    put_number(&writing, referral->history);
    put_rights(&writing, referral);
    put_links(&writing, referral);
    put_string(&writing, referral->neighbourhood_code);
    put_profile(&writing, &referral->profile);
    put_number(&writing, referral->parts_count);
    for (uint8_t i = 0; i < referral->parts_count; i++)
        put_part(&writing, &referral->parts[i], referral);
    put_number(&writing, referral->offers_count);
    for (uint8_t i = 0; i < referral->offers_count; i++)
        put_offer(&writing, &referral->offers[i], referral);
    return written(&writing);
}

bool record_read_referral(const void *bytes, size_t length, struct referral *referral)
{
    struct reading reading = begin_reading(bytes, length, FORM_REFERRAL);

    *referral = (struct referral){.number = read_u64(&reading)};
    referral->sender = read_u32(&reading);
    get_fixed(&reading, referral->request_id, sizeof referral->request_id);
    get_fixed(&reading, referral->correlation_id, sizeof referral->correlation_id);
    referral->state = (enum state)read_within(&reading, 1, STATE_ENTERED_IN_ERROR);
    referral->business_status = (enum business_status)read_within(&reading, 0, CODES_MAX);
    referral->reason = (enum status_reason)read_within(&reading, 0, CODES_MAX);
    referral->outcome = (enum outcome)read_within(&reading, 0, CODES_MAX);
    referral->overdue = read_bool(&reading);
    referral->submitted_at = get_signed(&reading);
    referral->changed_at = get_near(&reading, referral->submitted_at);
    referral->deadline = get_near(&reading, referral->submitted_at);
    referral->deadline_owner = read_u32(&reading);
    referral->stage = (enum stage)read_within(&reading, 0, STAGE_ENQUIRY);
    referral->ended_at = get_near(&reading, referral->submitted_at);
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
    return reading_ends(&reading);
}

static void put_standing(struct writing *writing, const struct standing *standing, const struct entry *entry)
{
    put_number(writing, standing->needs);
    put_number(writing, standing->state);
    put_number(writing, standing->business_status);
    put_number(writing, standing->reason);
    put_number(writing, standing->outcome);
    put_number(writing, standing->offer);
    put_number(writing, standing->position);
    put_number(writing, standing->expected_days);
    put_near(writing, standing->deadline, entry->deadline);
}

static void read_standing(struct reading *reading, const struct entry *entry, struct standing *standing)
{
    standing->needs = get_number(reading);
    standing->state = (enum state)read_within(reading, 0, STATE_ENTERED_IN_ERROR);
    standing->business_status = (enum business_status)read_within(reading, 0, CODES_MAX);
    standing->reason = (enum status_reason)read_within(reading, 0, CODES_MAX);
    standing->outcome = (enum outcome)read_within(reading, 0, CODES_MAX);
    standing->offer = (uint8_t)read_within(reading, 0, OFFERS_MAX);
    standing->position = read_u32(reading);
    standing->expected_days = read_u32(reading);
    standing->deadline = get_near(reading, entry->deadline);
}

/* The rule and whether the figure is stale are one number. Services of one kind often have one id, and so one number,
 * at all hubs, and as many places. */
static void put_candidate(struct writing *writing, const struct candidate *candidate, const struct candidate *before)
{
    put_number(writing, candidate->hub);
    put_number(writing, candidate->service ^ before->service);
    put_number(writing, candidate->places_free ^ before->places_free);
    put_number(writing, 2 * (uint64_t)candidate->rule + candidate->stale);
}

static void read_candidate(struct reading *reading, struct candidate *candidate, const struct candidate *before)
{
    candidate->hub = read_u32(reading);
    candidate->service = read_u32(reading) ^ before->service;
    candidate->places_free = read_u32(reading) ^ before->places_free;
    uint64_t both = read_within(reading, 0, 2 * CODES_MAX + 1);
    candidate->rule = (enum rule)(both / 2);
    candidate->stale = both % 2;
}

/* Most often about all the needs of the only part. */
static uint64_t usual_needs(const struct entry *entry)
{
    return entry->parts_count ? entry->parts[0].needs : 0;
}

/* Most events decide nothing. */
static bool has_decision(const struct decision *decision)
{
    return decision->made || decision->network_version;
}

enum decision_flag { FLAG_DECISION = 1, FLAG_MADE = 2, FLAG_EMERGENCY = 4 };

static void put_decision(struct writing *writing, const struct decision *decision, uint64_t needs)
{
    const struct candidate none = {0};

    if (!has_decision(decision)) {
        put_number(writing, 0);
        return;
    }
    put_number(writing,
               FLAG_DECISION | (decision->made ? FLAG_MADE : 0u) | (decision->emergency ? FLAG_EMERGENCY : 0u));
    put_number(writing, decision->network_version);
    put_number(writing, decision->needs ^ needs);
    put_number(writing, decision->offers_before);
    put_number(writing, decision->comparison);
    put_number(writing, decision->eligible);
    put_number(writing, decision->candidates_count);
    for (uint8_t i = 0; i < decision->candidates_count; i++)
        put_candidate(writing, &decision->candidates[i], i ? &decision->candidates[i - 1] : &none);
}

static void read_decision(struct reading *reading, struct decision *decision, uint64_t needs)
{
    const struct candidate none = {0};
    uint64_t flags = read_within(reading, 0, 2 * FLAG_EMERGENCY - 1);

    if (!flags)
        return;
    reading->good = flags & FLAG_DECISION;
    decision->made = flags & FLAG_MADE;
    decision->emergency = flags & FLAG_EMERGENCY;
    decision->network_version = read_u32(reading);
    decision->needs = get_number(reading) ^ needs;
    decision->offers_before = (uint8_t)read_within(reading, 0, OFFERS_MAX);
    decision->comparison = (enum comparison)read_within(reading, 0, CODES_MAX);
    decision->eligible = read_u32(reading);
    decision->candidates_count = (uint8_t)read_within(reading, 0, CANDIDATES_MAX);
    for (uint8_t i = 0; i < decision->candidates_count; i++)
        read_candidate(reading, &decision->candidates[i], i ? &decision->candidates[i - 1] : &none);
}

static void put_signposts(struct writing *writing, const struct entry *entry)
{
    put_number(writing, entry->signposts_count);
    for (uint8_t i = 0; i < entry->signposts_count; i++) {
        put_number(writing, entry->signposts[i].hub);
        put_number(writing, entry->signposts[i].service);
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

static void put_letters(struct writing *writing, const struct entry *entry)
{
    put_number(writing, entry->letters_count);
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        put_number(writing, entry->letters[i].party);
        put_number(writing, entry->letters[i].type);
        put_number(writing, entry->letters[i].offer_number);
        put_number(writing, entry->letters[i].mailbox_number);
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

size_t record_write_entry(const struct entry *entry, const void *said, size_t said_length, void *buffer)
{
    struct writing writing = begin_writing(buffer, RECORD_BYTES_MAX + said_length, FORM_ENTRY);

    put_number(&writing, entry->sequence);
    put_near(&writing, (int64_t)entry->previous, (int64_t)entry->sequence);
    put_number(&writing, entry->referral);
    put_signed(&writing, entry->at);
    put_number(&writing, entry->event);
    put_number(&writing, entry->actor);
    put_number(&writing, entry->offer_number);
    put_number(&writing, entry->reason);
    put_number(&writing, entry->outcome);
    put_number(&writing, entry->state);
    put_number(&writing, entry->business_status);
    put_number(&writing, entry->status_reason);
    put_near(&writing, entry->deadline, entry->at);
    put_number(&writing, entry->figure);
    put_number(&writing, entry->linked);
    put_number(&writing, entry->link);
    put_number(&writing, entry->stage);
    put_number(&writing, entry->known);
    put_number(&writing, entry->placed_first);
    put_number(&writing, entry->placed_count);
    put_number(&writing, entry->hub);
    put_number(&writing, entry->service);
    put_number(&writing, entry->parts_count);
    for (uint8_t i = 0; i < entry->parts_count; i++)
        put_standing(&writing, &entry->parts[i], entry);
    put_signposts(&writing, entry);
    put_decision(&writing, &entry->decision, usual_needs(entry));
    put_letters(&writing, entry);
    put_bytes(&writing, said, said_length);
    return written(&writing);
}

bool record_read_entry(const void *bytes, size_t length, struct entry *entry, const void **said, size_t *said_length)
{
    struct reading reading = begin_reading(bytes, length, FORM_ENTRY);

    *entry = (struct entry){.sequence = read_u64(&reading)};
    entry->previous = (uint64_t)get_near(&reading, (int64_t)entry->sequence);
    reading.good = reading.good && entry->previous <= INT64_MAX;
    entry->referral = read_u64(&reading);
    entry->at = get_signed(&reading);
    entry->event = (enum event)read_within(&reading, 1, CODES_MAX);
    entry->actor = read_u32(&reading);
    entry->offer_number = (uint8_t)read_within(&reading, 0, OFFERS_MAX);
    entry->reason = (enum status_reason)read_within(&reading, 0, CODES_MAX);
    entry->outcome = (enum outcome)read_within(&reading, 0, CODES_MAX);
    entry->state = (enum state)read_within(&reading, 0, STATE_ENTERED_IN_ERROR);
    entry->business_status = (enum business_status)read_within(&reading, 0, CODES_MAX);
    entry->status_reason = (enum status_reason)read_within(&reading, 0, CODES_MAX);
    entry->deadline = get_near(&reading, entry->at);
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
        read_standing(&reading, entry, &entry->parts[i]);
    read_signposts(&reading, entry);
    read_decision(&reading, &entry->decision, usual_needs(entry));
    read_letters(&reading, entry);
    *said = get_bytes(&reading, said_length);
    return reading_ends(&reading);
}

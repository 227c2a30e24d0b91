/* SPDX-License-Identifier: MIT
 * letter: the table of a message says which fields it has; this fills them. */
#include "daemon/core/letter.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/age.h"
#include "daemon/core/planted.h"

#define DAY_MS INT64_C(86400000)

static bool tells(const struct message *message, enum field field)
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field == field)
            return true;
    return false;
}

/* What of the submit the table of this message has; of the needs only some are told. */
static void copy_from_submit(const struct message *submit, struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;
        bool about_person = field >= FIELD_referral_identifier && field <= FIELD_further_information;
        if (about_person && field != FIELD_needs && message_has(submit, field))
            message_copy(message, submit, field);
    }
}

static void set_text(struct message *message, enum field field, const char *text)
{
    if (text[0] && tells(message, field))
        message_set_string(message, field, text);
}

static void set_code(struct message *message, enum field field, int64_t number)
{
    if (number && tells(message, field))
        message_set_number(message, field, number);
}

static void put_text(struct value *value, const char *text)
{
    if (text[0])
        *value = (struct value){.present = true, .text = {text, (uint32_t)strlen(text)}};
}

static void put_number(struct value *value, int64_t number)
{
    if (number)
        *value = (struct value){.present = true, .number = number};
}

/* ---- hubs: a letter may be sent again after its hub or service has left the network ---- */

static const char *hub_id(const struct network *network, uint32_t party)
{
    int hub = network_find_hub(network, party);

    return hub >= 0 ? network->hubs[hub].id : "former-hub";
}

/* As it was called then. */
static const char *hub_name(const struct network *network, uint32_t party, int64_t at)
{
    int hub = network_find_hub(network, party);

    return hub >= 0 ? hub_on(network, &network->hubs[hub], hours_day(at))->name : "a hub that has left the network";
}

static const char *service_id(const struct network *network, uint32_t party, uint32_t service)
{
    int row = network_find_service(network, party, service);

    return row >= 0 ? network->services[row].id : "former-service";
}

/* The hub of an offer, and the services that the offer takes a place of. */
static void name_hub(const struct letter_facts *facts, const struct offer *offer, struct message *message)
{
    const struct network *network = facts->network;

    set_text(message, FIELD_hub_id, hub_id(network, offer->hub));
    set_text(message, FIELD_hub_name, hub_name(network, offer->hub, facts->entry->at));
    set_text(message, FIELD_service_id, service_id(network, offer->hub, offer->services[0]));
    if (offer->services_count < 2 || !tells(message, FIELD_service_ids))
        return;
    struct value *ids = message_set_list(message, FIELD_service_ids, offer->services_count);
    assert(ids);
    for (uint8_t i = 0; i < offer->services_count; i++)
        put_text(&ids[i], service_id(network, offer->hub, offer->services[i]));
}

/* True when the figure of a service was too old when the hub was chosen. */
static bool was_stale(const struct decision *decision, const struct offer *offer)
{
    for (uint8_t c = 0; c < decision->candidates_count; c++)
        for (uint8_t i = 0; i < offer->services_count; i++)
            if (decision->candidates[c].hub == offer->hub && decision->candidates[c].service == offer->services[i] &&
                decision->candidates[c].stale)
                return true;
    return false;
}

static void name_neighbourhood(const struct letter_facts *facts, struct message *message)
{
    const char *code = facts->referral->neighbourhood_code;
    int i = network_find_neighbourhood(facts->network, code, strlen(code));

    set_text(message, FIELD_neighbourhood_code, code);
    if (i >= 0)
        set_text(message, FIELD_neighbourhood_name, facts->network->neighbourhoods[i].name);
}

/* "80-84"; five years keep a person from being known by age alone. */
static void set_age_band(const struct letter_facts *facts, char band[12], struct message *message)
{
    int64_t years = age_in_years(message_number(facts->submit, FIELD_date_of_birth), facts->entry->at / DAY_MS);
    int64_t from = years - years % 5;
    size_t n = 0;

    if (!tells(message, FIELD_age_band))
        return;
    for (int part = 0; part < 2; part++) {
        int64_t number = part ? from + 4 : from;
        if (part)
            band[n++] = '-';
        if (number >= 100)
            band[n++] = (char)('0' + number / 100 % 10);
        if (number >= 10)
            band[n++] = (char)('0' + number / 10 % 10);
        band[n++] = (char)('0' + number % 10);
    }
    band[n] = 0;
    message_set_text(message, FIELD_age_band, band, n);
}

/* ---- needs: a hub is told of those that it is asked about, and of no others ---- */

static uint64_t code_bit(const struct value *need)
{
    return NEED_BIT(need[MEMBER_code].number);
}

static void copy_needs(const struct message *submit, uint64_t needs, struct message *message)
{
    const struct value *all = &submit->elements[submit->values[FIELD_needs].list.first];
    size_t width = NEED_OF_PERSON_MEMBER_COUNT;
    size_t count = 0;

    for (size_t i = 0; i < message_list_count(submit, FIELD_needs); i++)
        count += (code_bit(&all[i * width]) & needs) != 0;
    struct value *told = message_set_list(message, FIELD_needs, count);
    assert(told);
    for (size_t i = 0; i < message_list_count(submit, FIELD_needs); i++)
        if (code_bit(&all[i * width]) & needs) {
            memcpy(told, &all[i * width], width * sizeof *told);
            told += width;
        }
}

/* Their codes alone, one every `width` values. */
static void put_needs(uint64_t needs, struct value *values, size_t width)
{
    for (uint64_t left = needs; left; left &= left - 1, values += width)
        put_number(values, __builtin_ctzll(left));
}

/* ---- parts ---- */

/* The part that the letter is about; NULL: the referral as a whole, or an offer that its part has left behind. */
static const struct standing *standing_of(const struct entry *entry, const struct letter *letter)
{
    for (uint8_t i = 0; i < entry->parts_count; i++) {
        const struct standing *standing = &entry->parts[i];
        bool is_meant = letter->type == MESSAGE_routed       ? standing->state == entry->state
                        : letter->offer_number               ? standing->offer == letter->offer_number
                        : letter->type == MESSAGE_progressed ? standing->needs == entry->decision.needs
                                                             : false;
        if (is_meant)
            return standing;
    }
    return NULL;
}

static bool has_several_parts(const struct entry *entry)
{
    return entry->parts_count > 1;
}

static void put_part(const struct letter_facts *facts, const struct standing *standing, struct message *message,
                     struct value *part)
{
    struct value *needs = message_set_member_list(message, &part[MEMBER_part_needs], needs_count(standing->needs));

    assert(needs);
    put_needs(standing->needs, needs, 1);
    put_number(&part[MEMBER_part_state], standing->state);
    put_number(&part[MEMBER_part_business_status], standing->business_status);
    put_number(&part[MEMBER_part_status_reason], standing->reason);
    put_number(&part[MEMBER_part_outcome], standing->outcome);
    put_number(&part[MEMBER_part_position], standing->position);
    if (standing->expected_days)
        part[MEMBER_part_expected_wait_days] = (struct value){.present = true, .number = standing->expected_days - 1};
    put_number(&part[MEMBER_part_deadline], standing->deadline);
    if (!referral_is_with_hub(facts->referral, standing->state, standing->offer))
        return;
    const struct offer *offer = &facts->referral->offers[standing->offer - 1];
    put_text(&part[MEMBER_part_hub_id], hub_id(facts->network, offer->hub));
    put_text(&part[MEMBER_part_hub_name], hub_name(facts->network, offer->hub, facts->entry->at));
    put_text(&part[MEMBER_part_service_id], service_id(facts->network, offer->hub, offer->services[0]));
    put_number(&part[MEMBER_part_offer_number], standing->offer);
}

static void set_parts(const struct letter_facts *facts, struct message *message)
{
    const struct entry *entry = facts->entry;

    if (!has_several_parts(entry) || !tells(message, FIELD_parts))
        return;
    struct value *parts = message_set_list(message, FIELD_parts, entry->parts_count);
    assert(parts);
    for (uint8_t i = 0; i < entry->parts_count; i++)
        put_part(facts, &entry->parts[i], message, parts + i * (size_t)PART_OF_REFERRAL_MEMBER_COUNT);
}

static bool any_is_held(const struct entry *entry)
{
    for (uint8_t i = 0; i < entry->parts_count; i++)
        if (entry->parts[i].state == STATE_ON_HOLD)
            return true;
    return false;
}

/* Where the part stands that speaks for all. */
static void set_standing(const struct letter_facts *facts, const struct standing *standing, struct message *message)
{
    int64_t expires_at = facts->referral->submitted_at + facts->network->deadlines.waiting_expiry_ms;

    message_set_number(message, FIELD_acknowledgement, any_is_held(facts->entry) ? ACK_AE : ACK_AA);
    set_code(message, FIELD_position, standing->position);
    if (standing->expected_days)
        message_set_number(message, FIELD_expected_wait_days, standing->expected_days - 1);
    set_code(message, FIELD_deadline, standing->deadline);
    if (standing->business_status == BUSINESS_WAITLISTED && expires_at > facts->entry->at)
        message_set_number(message, FIELD_expires_at, expires_at);
}

/* ---- places to go ---- */

static void put_place(const struct letter_facts *facts, const struct candidate *place, char hours[OPENING_BYTES],
                      struct value *values)
{
    const struct network *network = facts->network;
    int hub = network_find_hub(network, place->hub);
    int row = network_find_service(network, place->hub, place->service);
    struct position home = facts->referral->profile.position;

    put_text(&values[MEMBER_place_hub_id], hub_id(network, place->hub));
    put_text(&values[MEMBER_place_hub_name], hub_name(network, place->hub, facts->entry->at));
    put_text(&values[MEMBER_place_service_id], service_id(network, place->hub, place->service));
    if (row >= 0) {
        opening_write(network->spans, service_hours(network, (uint32_t)row), hours);
        put_text(&values[MEMBER_place_opening_hours], hours);
    }
    if (hub < 0)
        return;
    const struct era *era = hub_on(network, &network->hubs[hub], hours_day(facts->entry->at));
    put_text(&values[MEMBER_place_address], era->address);
    put_text(&values[MEMBER_place_phone], era->phone);
    if (position_known(home) && position_known(era->position))
        values[MEMBER_place_distance_m] = (struct value){.present = true, .number = distance_m(home, era->position)};
}

static void set_places_to_go(const struct letter_facts *facts, struct letter_texts *texts, struct message *message)
{
    const struct entry *entry = facts->entry;

    if (!entry->signposts_count || !tells(message, FIELD_places_to_go))
        return;
    struct value *places = message_set_list(message, FIELD_places_to_go, entry->signposts_count);
    assert(places);
    for (uint8_t i = 0; i < entry->signposts_count; i++)
        put_place(facts, &entry->signposts[i], texts->opening_hours[i], places + i * (size_t)PLACE_TO_GO_MEMBER_COUNT);
}

/* ---- states ---- */

/* An offer that cannot be written because its record is damaged goes out as withdrawn. */
static bool was_just_made(const struct entry *entry, uint8_t number)
{
    return number >= entry->placed_first && number < entry->placed_first + entry->placed_count;
}

static enum status_reason why_withdrawn(const struct entry *entry, const struct letter *letter)
{
    if (entry->event == EVENT_CANCELLED)
        return REASON_WITHDRAWN_BY_SENDER;
    if (was_just_made(entry, letter->offer_number))
        return REASON_RECORD_DAMAGED;
    if (entry->event == EVENT_HUB_CLOSED)
        return REASON_HUB_CLOSED;
    return entry->event == EVENT_OFFER_EXPIRED ? REASON_SILENCE : REASON_RECORD_DAMAGED;
}

/* The state of what the message is about: the offer's for withdrawn, the part's, else the referral's. After a rejection
 * the sender is told both: the hub's answer, and where the referral stands now. */
static void set_states(const struct entry *entry, const struct letter *letter, const struct standing *standing,
                       struct message *message)
{
    bool about_event = message->type == MESSAGE_answered && entry->event == EVENT_REJECTED;
    bool event_says_why = about_event || entry->event == EVENT_OVERDUE;

    if (message->type == MESSAGE_withdrawn) {
        set_code(message, FIELD_state, STATE_CANCELLED);
        set_code(message, FIELD_status_reason, why_withdrawn(entry, letter));
        return;
    }
    set_code(message, FIELD_state, about_event ? STATE_REJECTED : standing ? standing->state : entry->state);
    set_code(message, FIELD_business_status,
             about_event ? BUSINESS_OFFERED
             : standing  ? standing->business_status
                         : entry->business_status);
    set_code(message, FIELD_status_reason,
             event_says_why ? entry->reason
             : standing     ? standing->reason
                            : entry->status_reason);
    set_code(message, FIELD_outcome, entry->outcome);
}

/* What a hub is asked about, or what a sender is told of when not all needs went one way. */
static void set_needs(const struct letter_facts *facts, uint64_t needs, struct message *message)
{
    bool to_hub = message->type == MESSAGE_offer || message->type == MESSAGE_person;

    if (!tells(message, FIELD_needs) || (!to_hub && !has_several_parts(facts->entry)))
        return;
    if (to_hub) {
        if (facts->submit)
            copy_needs(facts->submit, PLANTED(62) ? UINT64_MAX : needs, message);
        return;
    }
    struct value *told = message_set_list(message, FIELD_needs, needs_count(needs));
    assert(told);
    put_needs(needs, told, NEED_OF_PERSON_MEMBER_COUNT);
}

/* The offer that the letter is about. */
static void set_offer(const struct letter_facts *facts, const struct letter *letter, const struct standing *standing,
                      struct message *message)
{
    bool to_sender = message->type == MESSAGE_answered || message->type == MESSAGE_progressed;
    uint8_t number = letter->offer_number;

    if (message->type == MESSAGE_routed)
        number =
            standing && referral_is_with_hub(facts->referral, standing->state, standing->offer) ? standing->offer : 0;
    if (!to_sender || has_several_parts(facts->entry))
        set_code(message, FIELD_offer_number, number);
    if (!number) {
        set_needs(facts, facts->entry->decision.needs, message);
        return;
    }
    assert(number <= facts->referral->offers_count);
    const struct offer *offer = &facts->referral->offers[number - 1];
    name_hub(facts, offer, message);
    set_needs(facts, offer->needs, message);
    if (message->type == MESSAGE_offer && standing)
        set_code(message, FIELD_deadline, standing->deadline);
    if (tells(message, FIELD_ask_first) && was_stale(&facts->entry->decision, offer))
        message_set_number(message, FIELD_ask_first, true);
}

void letter_write(const struct letter_facts *facts, const struct letter *letter, struct letter_texts *texts,
                  struct message *message)
{
    const struct entry *entry = facts->entry;
    const struct standing *standing = standing_of(entry, letter);

    message_init(message, letter->type);
    if (facts->submit) {
        copy_from_submit(facts->submit, message);
        set_age_band(facts, texts->age_band, message);
    }
    message_set_number(message, FIELD_mailbox_number, (int64_t)letter->mailbox_number);
    message_set_number(message, FIELD_referral_id, (int64_t)entry->referral);
    message_set_uuid(message, FIELD_correlation_id, facts->referral->correlation_id);
    message_set_number(message, FIELD_at, entry->at);
    set_states(entry, letter, standing, message);
    if (message->type == MESSAGE_routed && standing)
        set_standing(facts, standing, message);
    set_offer(facts, letter, standing, message);
    set_parts(facts, message);
    set_places_to_go(facts, texts, message);
    name_neighbourhood(facts, message);
    if (PLANTED(14) && facts->submit && message->type == MESSAGE_offer)
        message->values[FIELD_neighbourhood_name] = facts->submit->values[FIELD_given_name];
    set_text(message, FIELD_sender_id, facts->sender);
    if (facts->note.length && tells(message, FIELD_note))
        message_set_text(message, FIELD_note, facts->note.bytes, facts->note.length);
}

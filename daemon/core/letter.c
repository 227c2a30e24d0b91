/* SPDX-License-Identifier: MIT
 * letter: the table of a message says which fields it has; this fills them. */
#include "daemon/core/letter.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/hours.h"
#include "daemon/core/planted.h"

#define DAY_MS INT64_C(86400000)

static bool tells(const struct message *message, enum field field)
{
    return field_set_has(&message_spec(message->type)->fields, field);
}

/* What of the submit the table of this message has; of the needs only some are told, and what is between the sender and
 * the network goes to nobody but the sender. */
static void copy_from_submit(const struct letter_facts *facts, uint32_t party, struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;
        bool about_person = field >= FIELD_referral_identifier && field <= FIELD_further_information;
        bool is_senders_own = fields[field].audience == AUDIENCE_NETWORK;
        if (about_person && field != FIELD_needs && message_has(facts->submit, field) &&
            (!is_senders_own || party == facts->referral->sender))
            message_copy(message, facts->submit, field);
    }
}

/* What came of it is told as far as the person agreed; that it ended is told in any case. */
static bool tells_outcome(const struct letter_facts *facts, enum message_type type)
{
    return type == MESSAGE_message_back || (facts->referral->message_back & CODE_BIT(BACK_REFERRER)) || PLANTED(102);
}

/* Whether what somebody said with the event is for this letter: what a hub answers to an offer, what came of it, and
 * the sender's own words about an update, which are for hubs alone, whatever the update brings about. */
static bool tells_said(const struct letter_facts *facts, enum message_type type)
{
    switch (type) {
    case MESSAGE_answered:
        return true;
    case MESSAGE_updated:
        return facts->said->type == MESSAGE_update;
    case MESSAGE_progressed:
    case MESSAGE_ended:
    case MESSAGE_message_back:
        return facts->said->type != MESSAGE_update && tells_outcome(facts, type);
    default:
        return false;
    }
}

static void copy_from_said(const struct letter_facts *facts, struct message *message)
{
    static const enum field said[] = {FIELD_note, FIELD_support_offered, FIELD_outcome_scores};

    if (!facts->said || !tells_said(facts, message->type))
        return;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (tells(message, said[i]) && message_has(facts->said, said[i]))
            message_copy(message, facts->said, said[i]);
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
    int64_t years = hours_age(message_number(facts->submit, FIELD_date_of_birth), facts->entry->at / DAY_MS);
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
    const struct value *all = &submit->values[message_value_of(submit, FIELD_needs)->list.first];
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

/* Where what the letter is about stands. What was handed back stands where its needs have gone. */
static bool is_meant(const struct letter_facts *facts, const struct letter *letter, const struct standing *standing)
{
    const struct entry *entry = facts->entry;
    uint8_t number = letter->offer_number;

    if (letter->type == MESSAGE_routed)
        return standing->state == entry->state && standing->business_status == entry->business_status;
    if (number && letter->type == MESSAGE_progressed && entry->event == EVENT_HANDED_BACK)
        return (standing->needs & facts->referral->offers[number - 1].needs) != 0;
    if (number)
        return standing->offer == number;
    return letter->type == MESSAGE_progressed && standing->needs == entry->decision.needs;
}

/* The part that the letter is about; NULL: the referral as a whole, or an offer that its part has left behind. */
static const struct standing *standing_of(const struct letter_facts *facts, const struct letter *letter)
{
    for (uint8_t i = 0; i < facts->entry->parts_count; i++)
        if (is_meant(facts, letter, &facts->entry->parts[i]))
            return &facts->entry->parts[i];
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
    if (tells_outcome(facts, message->type) || !part_has_ended(&(struct part){.state = standing->state})) {
        put_number(&part[MEMBER_part_status_reason], standing->reason);
        put_number(&part[MEMBER_part_outcome], standing->outcome);
    }
    put_number(&part[MEMBER_part_position], standing->position);
    if (standing->expected_days)
        part[MEMBER_part_expected_wait_days] = (struct value){.present = true, .number = standing->expected_days - 1};
    put_number(&part[MEMBER_part_deadline], standing->deadline);
    if (!referral_is_with_hub(facts->referral, standing->state, standing->business_status, standing->offer))
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

/* What is withdrawn by no event is what cannot be written, because its record is damaged. */
static enum status_reason why_withdrawn(const struct letter_facts *facts, const struct letter *letter)
{
    const struct entry *entry = facts->entry;

    for (uint8_t i = 0; i < entry->letters_count; i++)
        if (entry->letters[i].type == MESSAGE_withdrawn && entry->letters[i].offer_number == letter->offer_number)
            return entry->event == EVENT_ENTERED_IN_ERROR ? REASON_ENTERED_IN_ERROR
                                                          : facts->referral->offers[letter->offer_number - 1].reason;
    return REASON_RECORD_DAMAGED;
}

/* After a rejection the sender is told both: the hub's answer, and where the referral stands now. Why a hub gave it
 * back, and why the network looks at it, is the reason of the event. */
static enum status_reason reason_of(const struct letter_facts *facts, const struct standing *standing,
                                    enum message_type type)
{
    const struct entry *entry = facts->entry;
    bool of_event = (type == MESSAGE_answered && entry->event == EVENT_REJECTED) ||
                    (type == MESSAGE_progressed && (entry->event == EVENT_HANDED_BACK || entry->actor == PARTY_NONE));
    bool is_outcome = type == MESSAGE_ended || (type == MESSAGE_progressed && entry->actor != PARTY_NONE);

    if (is_outcome && !tells_outcome(facts, type))
        return 0;
    return of_event ? entry->reason : standing ? standing->reason : entry->status_reason;
}

/* The state of what the message is about: the offer's for withdrawn and for the answer that ends it, the part's, else
 * the referral's. */
static void set_states(const struct letter_facts *facts, const struct letter *letter, const struct standing *standing,
                       struct message *message)
{
    const struct entry *entry = facts->entry;
    bool is_rejection = message->type == MESSAGE_answered && entry->event == EVENT_REJECTED;

    if (message->type == MESSAGE_withdrawn) {
        set_code(message, FIELD_state, STATE_CANCELLED);
        set_code(message, FIELD_status_reason, why_withdrawn(facts, letter));
        return;
    }
    set_code(message, FIELD_state, is_rejection ? STATE_REJECTED : standing ? standing->state : entry->state);
    set_code(message, FIELD_business_status,
             is_rejection ? BUSINESS_OFFERED
             : standing   ? standing->business_status
                          : entry->business_status);
    set_code(message, FIELD_status_reason, reason_of(facts, standing, message->type));
    if (tells_outcome(facts, message->type))
        set_code(message, FIELD_outcome, entry->outcome);
}

/* What a hub is asked about, or what a sender is told of when not all needs went one way. */
static void set_needs(const struct letter_facts *facts, uint64_t needs, struct message *message)
{
    bool to_hub = message->type == MESSAGE_offer || message->type == MESSAGE_person || message->type == MESSAGE_updated;
    bool to_practice = message->type == MESSAGE_message_back;

    if (!tells(message, FIELD_needs) || (!to_hub && !to_practice && !has_several_parts(facts->entry)))
        return;
    if (to_hub) {
        assert(facts->submit && "what a hub is asked can be read");
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

    if (message->type == MESSAGE_routed &&
        referral_is_with_hub(facts->referral, standing->state, standing->business_status, standing->offer))
        number = standing->offer;
    if (!to_sender || has_several_parts(facts->entry))
        set_code(message, FIELD_offer_number, number);
    if (!number) {
        set_needs(facts,
                  message->type == MESSAGE_message_back ? facts->referral->profile.needs : facts->entry->decision.needs,
                  message);
        return;
    }
    assert(number <= facts->referral->offers_count);
    const struct offer *offer = &facts->referral->offers[number - 1];
    name_hub(facts, offer, message);
    set_needs(facts, offer->needs, message);
    if (message->type == MESSAGE_offer || message->type == MESSAGE_reminder)
        set_code(message, FIELD_deadline, standing->deadline);
    if (tells(message, FIELD_ask_first) && was_stale(&facts->entry->decision, offer))
        message_set_number(message, FIELD_ask_first, true);
}

/* Whom the other referral comes from, and who had it then. */
static void set_linked(const struct letter_facts *facts, struct message *message)
{
    const struct entry *entry = facts->entry;

    message_set_number(message, FIELD_link, entry->link);
    message_set_number(message, FIELD_linked_id, (int64_t)entry->linked);
    if (facts->linked_sender)
        set_text(message, FIELD_sender_id, facts->linked_sender);
    if (entry->hub == PARTY_NONE)
        return;
    set_text(message, FIELD_hub_id, hub_id(facts->network, entry->hub));
    set_text(message, FIELD_hub_name, hub_name(facts->network, entry->hub, entry->at));
}

/* Whether the sender is to pass the outcome on to the GP: the person agreed, and the practice has no mailbox. */
static void set_gp_told(const struct referral *referral, struct message *message)
{
    if (tells(message, FIELD_gp_told) && (referral->message_back & CODE_BIT(BACK_GP)))
        message_set_number(message, FIELD_gp_told, referral_tells_practice(referral));
}

static void set_about_referral(const struct letter_facts *facts, const struct letter *letter,
                               struct letter_texts *texts, struct message *message)
{
    const struct standing *standing = standing_of(facts, letter);

    assert(standing ||
           (message->type != MESSAGE_routed && message->type != MESSAGE_offer && message->type != MESSAGE_reminder));
    set_states(facts, letter, standing, message);
    if (message->type == MESSAGE_routed)
        set_standing(facts, standing, message);
    set_offer(facts, letter, standing, message);
    set_parts(facts, message);
    set_places_to_go(facts, texts, message);
    set_gp_told(facts->referral, message);
    set_code(message, FIELD_deadline_stage, facts->entry->stage);
    name_neighbourhood(facts, message);
    set_text(message, FIELD_sender_id, facts->sender);
}

void letter_write(const struct letter_facts *facts, const struct letter *letter, struct letter_texts *texts,
                  struct message *message)
{
    message_init(message, letter->type);
    if (facts->submit) {
        copy_from_submit(facts, letter->party, message);
        set_code(message, FIELD_priority, facts->referral->profile.priority);
        set_age_band(facts, texts->age_band, message);
    }
    copy_from_said(facts, message);
    message_set_number(message, FIELD_mailbox_number, (int64_t)letter->mailbox_number);
    message_set_number(message, FIELD_referral_id, (int64_t)facts->entry->referral);
    message_set_uuid(message, FIELD_correlation_id, facts->referral->correlation_id);
    message_set_number(message, FIELD_at, facts->entry->at);
    if (message->type == MESSAGE_linked)
        set_linked(facts, message);
    else
        set_about_referral(facts, letter, texts, message);
    if (PLANTED(14) && facts->submit && message->type == MESSAGE_offer)
        *message_value(message, FIELD_neighbourhood_name) = *message_value_of(facts->submit, FIELD_given_name);
}

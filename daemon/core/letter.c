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

/* What of the submit the table of this message has. */
static void copy_from_submit(const struct message *submit, struct message *message)
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;
        bool about_person = field >= FIELD_referral_identifier && field <= FIELD_further_information;
        if (about_person && message_has(submit, field))
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

static void name_hub(const struct network *network, uint32_t party, uint32_t service, struct message *message)
{
    int hub = network_find_hub(network, party);
    int row = network_find_service(network, party, service);

    /* A letter may be sent again after its hub or service has left the network. */
    set_text(message, FIELD_hub_id, hub >= 0 ? network->hubs[hub].id : "former-hub");
    set_text(message, FIELD_hub_name, hub >= 0 ? network->hubs[hub].name : "a hub that has left the network");
    set_text(message, FIELD_service_id, row >= 0 ? network->services[row].id : "former-service");
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

/* Whether the letter is about the offer that the event led to, not the one it was about. An offer that cannot be
 * written because its record is damaged goes out as withdrawn, to the hub of that offer. */
static bool about_placed_offer(const struct entry *entry, const struct letter *letter)
{
    return letter->type == MESSAGE_offer || letter->type == MESSAGE_routed ||
           (letter->type == MESSAGE_withdrawn && entry->placed_offer && letter->party == entry->hub);
}

static enum status_reason why_withdrawn(const struct entry *entry, const struct letter *letter)
{
    if (entry->event == EVENT_CANCELLED)
        return REASON_WITHDRAWN_BY_SENDER;
    if (about_placed_offer(entry, letter))
        return REASON_RECORD_DAMAGED;
    if (entry->event == EVENT_HUB_CLOSED)
        return REASON_HUB_CLOSED;
    return entry->event == EVENT_OFFER_EXPIRED ? REASON_SILENCE : REASON_RECORD_DAMAGED;
}

/* The state of what the message is about: the offer's for withdrawn, else the referral's. After a rejection the sender
 * is told both: the hub's answer, and where the referral stands now. */
static void set_states(const struct entry *entry, const struct letter *letter, struct message *message)
{
    bool about_event = message->type == MESSAGE_answered && entry->event == EVENT_REJECTED;
    bool event_says_why = about_event || entry->event == EVENT_OVERDUE;

    if (message->type == MESSAGE_withdrawn) {
        set_code(message, FIELD_state, STATE_CANCELLED);
        set_code(message, FIELD_status_reason, why_withdrawn(entry, letter));
        return;
    }
    set_code(message, FIELD_state, about_event ? STATE_REJECTED : entry->state);
    set_code(message, FIELD_business_status, about_event ? BUSINESS_OFFERED : entry->business_status);
    set_code(message, FIELD_status_reason, event_says_why ? entry->reason : entry->status_reason);
    set_code(message, FIELD_outcome, entry->outcome);
}

void letter_write(const struct letter_facts *facts, const struct letter *letter, char age_band[12],
                  struct message *message)
{
    const struct entry *entry = facts->entry;
    const struct referral *referral = facts->referral;
    uint8_t number = about_placed_offer(entry, letter) ? entry->placed_offer : entry->offer_number;

    message_init(message, letter->type);
    if (facts->submit) {
        copy_from_submit(facts->submit, message);
        set_age_band(facts, age_band, message);
    }
    message_set_number(message, FIELD_mailbox_number, (int64_t)letter->mailbox_number);
    message_set_number(message, FIELD_referral_id, (int64_t)entry->referral);
    message_set_uuid(message, FIELD_correlation_id, referral->correlation_id);
    message_set_number(message, FIELD_at, entry->at);
    set_states(entry, letter, message);
    if (tells(message, FIELD_acknowledgement))
        set_code(message, FIELD_acknowledgement, entry->placed_offer ? ACK_AA : ACK_AE);
    set_code(message, FIELD_offer_number, number);
    set_code(message, FIELD_position, entry->position);
    if (letter->type == MESSAGE_offer || letter->type == MESSAGE_routed)
        set_code(message, FIELD_deadline, entry->deadline);
    if (number > 0 && number <= referral->offers_count)
        name_hub(facts->network, referral->offers[number - 1].hub, referral->offers[number - 1].service, message);
    name_neighbourhood(facts, message);
    if (PLANTED(14) && facts->submit && message->type == MESSAGE_offer)
        message->values[FIELD_neighbourhood_name] = facts->submit->values[FIELD_given_name];
    set_text(message, FIELD_sender_id, facts->sender);
    if (facts->note.length && tells(message, FIELD_note))
        message_set_text(message, FIELD_note, facts->note.bytes, facts->note.length);
}

/* SPDX-License-Identifier: MIT
 * reader_history: what happened, to one referral or in the order of the whole history; each sees its own part of it. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/reader_inside.h"

#define HISTORY_ROWS_MAX 1000
#define EVENTS_LOOKED_AT_MAX 50000 /* entries looked at for one page, so that a question ends in bounded time */

/* What is kept of parts only when somebody is told, and what a hub knows of an offer that its part has left. */
static const struct {
    enum event event;
    enum state state;
    enum business_status business_status;
} own_standings[] = {
    {EVENT_RECEIVED, STATE_RECEIVED, BUSINESS_OFFERED},
    {EVENT_OVERDUE, STATE_REQUESTED, BUSINESS_OFFERED}, /* it has not been fetched; else somebody is told */
    {EVENT_REJECTED, STATE_REJECTED, BUSINESS_COMMITTED},
    {EVENT_OFFER_EXPIRED, STATE_CANCELLED, BUSINESS_COMMITTED},
    {EVENT_HUB_CLOSED, STATE_CANCELLED, BUSINESS_COMMITTED},
    {EVENT_ENQUIRED, STATE_REQUESTED, BUSINESS_OFFERED},
    {EVENT_ENQUIRY_ANSWERED, STATE_COMPLETED, BUSINESS_COMMITTED},
    {EVENT_ENQUIRY_EXPIRED, STATE_FAILED, BUSINESS_NOT_HELPED},
};

static struct standing standing_of_event(enum event event, enum state otherwise)
{
    for (size_t i = 0; i < sizeof own_standings / sizeof own_standings[0]; i++)
        if (own_standings[i].event == event)
            return (struct standing){.state = own_standings[i].state,
                                     .business_status = own_standings[i].business_status};
    return (struct standing){.state = otherwise, .business_status = BUSINESS_COMMITTED};
}

/* How its own offer stood for a hub: nothing of other hubs, nor of what the network did next. */
static struct standing own_standing(const struct referral *referral, const struct entry *entry, uint8_t offer_number)
{
    for (uint8_t i = 0; i < entry->parts_count; i++)
        if (entry->parts[i].offer == offer_number &&
            referral_is_with_hub(referral, entry->parts[i].state, entry->parts[i].business_status, offer_number))
            return entry->parts[i];
    return standing_of_event(entry->event, referral->offers[offer_number - 1].state);
}

/* What a hub says about its case, and whatever is known after the end, is told as far as the person agreed. */
static bool is_outcome(const struct entry *entry)
{
    static const enum event of_case[] = {EVENT_STARTED,     EVENT_PAUSED,    EVENT_RESUMED, EVENT_PROGRESSED,
                                         EVENT_HANDED_BACK, EVENT_COMPLETED, EVENT_FAILED};

    for (size_t i = 0; i < sizeof of_case / sizeof of_case[0]; i++)
        if (entry->event == of_case[i])
            return true;
    return part_has_ended(&(struct part){.state = entry->state});
}

/* How the whole stood after the entry; for a hub, its own offer. */
static struct standing standing_after(const struct reader *reader, const struct referral *referral,
                                      const struct entry *entry, uint8_t offer_number)
{
    if (!reader_sees_all(reader, referral))
        return own_standing(referral, entry, offer_number);
    return (struct standing){.state = entry->state,
                             .business_status = entry->business_status,
                             .reason = entry->status_reason,
                             .outcome = entry->outcome,
                             .deadline = entry->deadline};
}

static void set_said(struct reader *reader, const struct message *said)
{
    static const enum field told[] = {FIELD_note, FIELD_support_offered, FIELD_outcome_scores};

    for (size_t i = 0; said && i < sizeof told / sizeof told[0]; i++)
        if (message_has(said, told[i]))
            message_copy(&reader->answer, said, told[i]);
}

static void begin_happened(struct reader *reader, const struct entry *entry, enum event event, uint32_t actor,
                           const struct standing *standing)
{
    answer_begin(reader, MESSAGE_happened);
    answer_set(reader, FIELD_sequence, (int64_t)entry->sequence);
    answer_set(reader, FIELD_referral_id, (int64_t)entry->referral);
    answer_set(reader, FIELD_event, event);
    answer_set_party(reader, FIELD_actor, actor, 0);
    answer_set(reader, FIELD_at, entry->at);
    answer_set(reader, FIELD_state, standing->state);
    answer_set(reader, FIELD_business_status, standing->business_status);
    answer_set_some(reader, FIELD_deadline, standing->deadline);
    answer_set_some(reader, FIELD_linked_id, (int64_t)entry->linked);
    answer_set(reader, FIELD_network_version,
               entry->decision.made ? entry->decision.network_version : reader->network->version);
}

/* One row of a history: the entry's event, or, of an offer that was made along with it, that it was made. */
static void send_happened(struct reader *reader, const struct referral *referral, const struct entry *entry,
                          enum event event, uint8_t offer_number, const struct message *said)
{
    struct standing standing = standing_after(reader, referral, entry, offer_number);
    bool compared = reader_sees_all(reader, referral) || offer_number == entry->placed_first;
    bool own = event == entry->event;
    bool tells = reader_may_know_outcome(reader, referral) || !is_outcome(entry);
    const struct offer *offer = offer_number ? &referral->offers[offer_number - 1] : NULL;

    assert(offer_number <= referral->offers_count);
    begin_happened(reader, entry, event, own ? entry->actor : PARTY_NONE, &standing);
    if (tells)
        answer_set_some(reader, FIELD_status_reason, own && entry->reason ? entry->reason : standing.reason);
    answer_set_some(reader, FIELD_offer_number, offer_number);
    if (offer) {
        answer_set_party(reader, FIELD_hub_id, offer->hub, 1);
        answer_set_string(reader, FIELD_service_id, reader_service_of(reader, offer));
    }
    answer_set_some(reader, FIELD_outcome, own && tells ? standing.outcome : 0);
    answer_set_some(reader, FIELD_comparison, compared ? entry->decision.comparison : 0);
    answer_set_some(reader, FIELD_link, entry->link);
    if (own)
        set_said(reader, said);
    answer_send(reader);
}

void reader_send_enquiry(struct reader *reader, const struct enquiry *enquiry, const struct entry *entry,
                         const struct message *said)
{
    struct standing standing = standing_of_event(entry->event, STATE_REQUESTED);

    begin_happened(reader, entry, entry->event, entry->actor, &standing);
    answer_set_party(reader, FIELD_hub_id, enquiry->asked, 1);
    answer_set_some(reader, FIELD_known, entry->known);
    set_said(reader, said);
    answer_send(reader);
}

static bool is_told(const struct entry *entry, uint32_t party)
{
    for (uint8_t i = 0; i < entry->letters_count; i++)
        if (entry->letters[i].party == party)
            return true;
    return false;
}

/* That another referral is about the same person is told within consent only; who made the one from the other knows. */
static bool may_know_of_link(const struct reader *reader, const struct entry *entry)
{
    return reader_is_staff(reader) || entry->link == LINK_ORIGIN || is_told(entry, reader->party);
}

bool reader_may_know_link(struct reader *reader, const struct referral *referral, const struct linked *linked)
{
    struct entry entry;

    if (reader_is_staff(reader))
        return true;
    for (uint64_t at = referral->history; at && reader_load_entry(reader, at, &entry); at = entry.previous)
        if (entry.event == EVENT_LINKED && entry.linked == linked->number && entry.link == linked->link &&
            may_know_of_link(reader, &entry))
            return true;
    return false;
}

int64_t reader_send_entry(struct reader *reader, const struct referral *referral, const struct entry *entry,
                          const struct message *said)
{
    bool all = reader_sees_all(reader, referral);
    uint8_t about = entry->offer_number ? entry->offer_number : entry->placed_first;
    int64_t count = 0;

    if (entry->event == EVENT_LINKED && !may_know_of_link(reader, entry))
        return 0;
    for (uint8_t i = entry->placed_count; i > 0; i--) {
        uint8_t number = (uint8_t)(entry->placed_first + i - 1);
        assert(number <= referral->offers_count);
        if (number == about || (!all && referral->offers[number - 1].hub != reader->party))
            continue;
        send_happened(reader, referral, entry, EVENT_OFFERED, number, NULL);
        count++;
    }
    assert(about <= referral->offers_count);
    if (all || (about && referral->offers[about - 1].hub == reader->party)) {
        send_happened(reader, referral, entry, entry->event, about, said);
        count++;
    }
    return count;
}

/* ---- of one referral, or of one enquiry ---- */

bool reader_load_enquiry(struct reader *reader, uint64_t number, struct enquiry *enquiry)
{
    uint8_t plain[RECORD_BYTES_MAX];
    const void *sealed = NULL;
    size_t length = 0;

    return store_get(reader->store, reader->transaction, TABLE_ENQUIRY, number, &sealed, &length) == STORE_OK &&
           reader_unseal(reader, TABLE_ENQUIRY, number, sealed, length, plain, sizeof plain) &&
           record_read_enquiry(plain, length - SEAL_OVERHEAD, enquiry);
}

static void answer_enquiry(struct reader *reader, const struct enquiry *enquiry)
{
    struct entry entry;
    int64_t count = 0;

    for (uint64_t at = enquiry->history; at; at = entry.previous, count++) {
        if (!reader_load_entry(reader, at, &entry)) {
            answer_refused(reader, REFUSAL_DAMAGED, "history");
            return;
        }
        reader_send_enquiry(reader, enquiry, &entry, NULL);
    }
    answer_end(reader, count, "");
}

/* What was said stays sealed, but for staff who have said why they look at the person; why somebody was erased is about
 * nobody any more. */
static void answer_referral(struct reader *reader, const struct referral *referral)
{
    bool staff = reader_is_staff(reader);
    bool told = staff && reader_has_said_why(reader, referral);
    struct entry entry;
    int64_t count = 0;

    for (uint64_t at = referral->history; at && count < HISTORY_ROWS_MAX; at = entry.previous) {
        if (!reader_load_entry(reader, at, &entry)) {
            answer_refused(reader, REFUSAL_DAMAGED, "history");
            return;
        }
        bool tells = told || (staff && entry.event == EVENT_ERASED);
        count += reader_send_entry(reader, referral, &entry, tells ? reader_open_said(reader, &entry) : NULL);
    }
    answer_end(reader, count, "");
}

void reader_history(struct reader *reader)
{
    uint64_t number = (uint64_t)message_number(reader->request->message, FIELD_referral_id);
    struct referral referral;
    struct enquiry enquiry;

    if (reader_is_staff(reader) && reader_load_enquiry(reader, number, &enquiry))
        answer_enquiry(reader, &enquiry);
    else if (reader_named_referral(reader, &referral))
        answer_referral(reader, &referral);
}

/* ---- of everything ---- */

static uint64_t newest_entry(struct reader *reader)
{
    uint64_t newest = UINT64_MAX;
    const void *sealed = NULL;
    size_t length = 0;

    return store_seek(reader->store, reader->transaction, TABLE_HISTORY, true, &newest, &sealed, &length) == STORE_OK
               ? newest
               : 0;
}

/* The first entry of the day or after it: entries' times ascend. One that cannot be read is passed over. */
static uint64_t first_since(struct reader *reader, int64_t day)
{
    uint64_t low = 1, high = newest_entry(reader) + 1;
    struct entry entry;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        uint64_t at = middle;
        while (at < high && !reader_load_entry(reader, at, &entry))
            at++;
        if (at < high && hours_day(entry.at) < day)
            low = at + 1;
        else
            high = middle;
    }
    return low;
}

/* Not of one that a lost page has brought back: the entry may tell of offers that came after it. */
static bool knows_offers_of(const struct referral *referral, const struct entry *entry)
{
    unsigned last = entry->placed_count ? entry->placed_first + entry->placed_count - 1u : 0;

    return entry->offer_number <= referral->offers_count && last <= referral->offers_count;
}

static int64_t send_event(struct reader *reader, const struct entry *entry)
{
    struct referral referral;
    struct enquiry enquiry;

    if (!entry->referral) /* about no referral: places, the network */
        return 0;
    if (reader_load_referral(reader, entry->referral, &referral))
        return knows_offers_of(&referral, entry) && reader_may_see(reader, &referral)
                   ? reader_send_entry(reader, &referral, entry, NULL)
                   : 0;
    if (!reader_is_staff(reader) || !reader_load_enquiry(reader, entry->referral, &enquiry))
        return 0;
    reader_send_enquiry(reader, &enquiry, entry, NULL);
    return 1;
}

/* An entry's rows stay together: a page may have a few more than asked for. */
void reader_events(struct reader *reader)
{
    const struct message *question = reader->request->message;
    int64_t limit = reader_limit(question);
    const void *sealed = NULL;
    struct entry entry;
    uint64_t sequence = 1;
    size_t length = 0;
    int64_t count = 0;
    char next[24] = "";

    if (!reader_page_start(question, &sequence)) {
        answer_refused(reader, REFUSAL_MALFORMED, "from");
        return;
    }
    if (message_has(question, FIELD_since) && !message_has(question, FIELD_from))
        sequence = first_since(reader, message_number(question, FIELD_since));
    for (int looked_at = 0;
         store_seek(reader->store, reader->transaction, TABLE_HISTORY, false, &sequence, &sealed, &length) == STORE_OK;
         sequence++) {
        if (count >= limit || looked_at++ == EVENTS_LOOKED_AT_MAX) {
            snprintf(next, sizeof next, "%llu", (unsigned long long)sequence);
            break;
        }
        if (reader_read_entry(reader, sequence, sealed, length, &entry))
            count += send_event(reader, &entry);
    }
    answer_end(reader, count, next);
}

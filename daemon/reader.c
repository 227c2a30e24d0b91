/* SPDX-License-Identifier: MIT
 * reader: one function for each question; each reads in one transaction of its own and writes its answer. */
#include "daemon/reader_inside.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/log.h"
#include "daemon/io/postcodes.h"
#include "proto/check.h"

#define LIST_ROWS_DEFAULT 100
#define LIST_LOOKED_AT_MAX 200000 /* records looked at for one page, so that a question ends in bounded time */
#define HISTORY_ROWS_MAX 1000

struct reader *reader_open(struct turn *turn, struct store *store, struct seal *seal, const char *version)
{
    struct reader *reader = calloc(1, sizeof *reader);

    assert(reader);
    reader->turn = turn;
    reader->store = store;
    reader->seal = seal;
    reader->version = version;
    reader->unpacker = unpacker_open();
    reader->decoder = decoder_open();
    assert(reader->unpacker && reader->decoder);
    return reader;
}

void reader_close(struct reader **reader)
{
    if (!*reader)
        return;
    unpacker_close(&(*reader)->unpacker);
    decoder_close(&(*reader)->decoder);
    seal_wipe(*reader, sizeof **reader);
    free(*reader);
    *reader = NULL;
}

/* ---- writing ---- */

void answer_begin(struct reader *reader, enum message_type type)
{
    message_init(&reader->answer, type);
    message_set_uuid(&reader->answer, FIELD_request_id, message_uuid(&reader->request->message, FIELD_request_id));
}

void answer_set(struct reader *reader, enum field field, int64_t number)
{
    message_set_number(&reader->answer, field, number);
}

void answer_set_some(struct reader *reader, enum field field, int64_t number)
{
    if (number)
        answer_set(reader, field, number);
}

void answer_set_string(struct reader *reader, enum field field, const char *string)
{
    if (string[0])
        message_set_string(&reader->answer, field, string);
}

void answer_set_party(struct reader *reader, enum field field, uint32_t party, int slot)
{
    turn_party_id(reader->turn, party, reader->names[slot]);
    answer_set_string(reader, field, reader->names[slot]);
}

void answer_send(struct reader *reader)
{
    outbox_add(reader->outbox, reader->request->connection, &reader->answer);
}

void answer_end(struct reader *reader, int64_t count, const char *next)
{
    answer_begin(reader, MESSAGE_end);
    answer_set(reader, FIELD_count, count);
    answer_set_string(reader, FIELD_next, next);
    answer_send(reader);
}

void answer_refused(struct reader *reader, enum refusal refusal, const char *field)
{
    struct fault fault = {.refusal = refusal};

    strncpy(fault.field, field, sizeof fault.field - 1);
    refuse(&reader->answer, &reader->request->message, &fault, 1000);
    answer_send(reader);
}

/* ---- reading ---- */

static bool unsealed(struct reader *reader, enum table table, uint64_t key, const void *sealed, size_t length,
                     uint8_t *plain, size_t size)
{
    return length >= SEAL_OVERHEAD && length - SEAL_OVERHEAD <= size &&
           unseal_bytes(reader->seal, (int)table, key, sealed, length, plain);
}

static bool read_referral(struct reader *reader, uint64_t number, const void *sealed, size_t length,
                          struct referral *referral)
{
    uint8_t plain[RECORD_BYTES_MAX];

    if (!unsealed(reader, TABLE_REFERRAL, number, sealed, length, plain, sizeof plain) ||
        !record_read_referral(reader->unpacker, plain, length - SEAL_OVERHEAD, referral))
        return false;
    const struct network *network = turn_network(reader->turn);
    int found = network_find_neighbourhood(network, referral->neighbourhood_code, strlen(referral->neighbourhood_code));
    referral->profile.neighbourhood = found < 0 ? NEIGHBOURHOOD_NONE : (uint16_t)found;
    return true;
}

static bool load_referral(struct reader *reader, uint64_t number, struct referral *referral)
{
    const void *sealed = NULL;
    size_t length = 0;

    return store_get(reader->store, reader->transaction, TABLE_REFERRAL, number, &sealed, &length) == STORE_OK &&
           read_referral(reader, number, sealed, length, referral);
}

bool reader_load_entry(struct reader *reader, uint64_t sequence, struct entry *entry)
{
    uint8_t plain[RECORD_BYTES_MAX + RECORD_NOTE_BYTES_MAX + SEAL_OVERHEAD];
    const void *sealed = NULL;
    const void *note = NULL;
    size_t length = 0;
    size_t note_length = 0;

    return store_get(reader->store, reader->transaction, TABLE_HISTORY, sequence, &sealed, &length) == STORE_OK &&
           unsealed(reader, TABLE_HISTORY, sequence, sealed, length, plain, sizeof plain) &&
           record_read_entry(reader->unpacker, plain, length - SEAL_OVERHEAD, entry, &note, &note_length);
}

bool reader_load_submit(struct reader *reader, uint64_t number)
{
    uint8_t key[SEAL_KEY_BYTES];
    const void *stored = NULL;
    struct fault fault;
    size_t length = 0;

    if (store_get(reader->store, reader->transaction, TABLE_CONTENT, number, &stored, &length) != STORE_OK ||
        length < SEAL_WRAPPED_BYTES + SEAL_OVERHEAD ||
        length - SEAL_WRAPPED_BYTES - SEAL_OVERHEAD > sizeof reader->content)
        return false;
    const uint8_t *bytes = stored;
    bool good =
        seal_unwrap_key(reader->seal, number, bytes, key) &&
        unseal_bytes_with(key, TABLE_CONTENT, number, bytes + SEAL_WRAPPED_BYTES, length - SEAL_WRAPPED_BYTES,
                          reader->content) &&
        decode(reader->decoder, reader->content, length - SEAL_WRAPPED_BYTES - SEAL_OVERHEAD, &reader->submit, &fault);
    seal_wipe(key, sizeof key);
    return good;
}

/* ---- rights ---- */

/* An offer that was declined or withdrawn is no longer the hub's business. */
static bool is_or_was_with_hub(const struct offer *offer)
{
    return offer_holds_place(offer) || offer->state == STATE_COMPLETED || offer->state == STATE_FAILED;
}

static bool asks_as_hub_of(const struct reader *reader, const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if (referral->offers[i].hub == reader->party && is_or_was_with_hub(&referral->offers[i]))
            return true;
    return false;
}

/* A sender sees what it sent, a hub also what it is asked about or helps with, an operator everything. */
static bool may_see(const struct reader *reader, const struct referral *referral)
{
    return reader->request->role == ROLE_OPERATOR ||
           (reader->party != PARTY_NONE && (referral->sender == reader->party || asks_as_hub_of(reader, referral)));
}

bool reader_named_referral(struct reader *reader, struct referral *referral)
{
    uint64_t number = (uint64_t)message_number(&reader->request->message, FIELD_referral_id);

    if (load_referral(reader, number, referral) && may_see(reader, referral))
        return true;
    answer_refused(reader, REFUSAL_NOT_FOUND, "referral_id");
    return false;
}

/* ---- one referral ---- */

static void set_offer(struct reader *reader, const struct referral *referral)
{
    const struct network *network = turn_network(reader->turn);
    uint8_t number = referral_current_offer(referral) ? referral_current_offer(referral) : referral->offers_count;

    if (!number)
        return;
    const struct offer *offer = &referral->offers[number - 1];
    int row = network_find_service(network, offer->hub, offer->service);
    answer_set(reader, FIELD_offer_number, number);
    answer_set_party(reader, FIELD_hub_id, offer->hub, 0);
    if (row >= 0)
        answer_set_string(reader, FIELD_service_id, network->services[row].id);
}

void answer_set_place(struct reader *reader, const struct referral *referral)
{
    const struct network *network = turn_network(reader->turn);
    const char *code = referral->neighbourhood_code;
    int found = network_find_neighbourhood(network, code, strlen(code)); /* the profile's may be of an older network */

    answer_set_string(reader, FIELD_neighbourhood_code, code);
    if (found >= 0)
        answer_set_string(reader, FIELD_neighbourhood_name, network->neighbourhoods[found].name);
}

/* What only the sender itself, and an operator who asks to see it, is shown. */
static void set_person(struct reader *reader)
{
    static const enum field person[] = {FIELD_family_name, FIELD_given_name, FIELD_date_of_birth, FIELD_nhs_number,
                                        FIELD_postcode};

    for (size_t i = 0; i < sizeof person / sizeof person[0]; i++)
        if (message_has(&reader->submit, person[i]))
            message_copy(&reader->answer, &reader->submit, person[i]);
}

static void send_referral(struct reader *reader, const struct referral *referral, bool reveal)
{
    bool own = reader->party != PARTY_NONE && referral->sender == reader->party;
    bool read = reader_load_submit(reader, referral->number);

    answer_begin(reader, MESSAGE_referral);
    answer_set(reader, FIELD_referral_id, (int64_t)referral->number);
    message_set_uuid(&reader->answer, FIELD_correlation_id, referral->correlation_id);
    answer_set_party(reader, FIELD_sender_id, referral->sender, 1);
    answer_set(reader, FIELD_priority, referral->profile.priority);
    answer_set(reader, FIELD_state, referral->state);
    answer_set(reader, FIELD_business_status, referral->business_status);
    answer_set_some(reader, FIELD_status_reason,
                    referral->overdue ? referral_overdue_reason(referral) : referral->reason);
    answer_set_some(reader, FIELD_outcome, referral->outcome);
    if (reader->request->role == ROLE_OPERATOR) /* finer than the neighbourhood that an offer tells */
        answer_set_some(reader, FIELD_deprivation_decile, referral->profile.decile);
    answer_set_some(reader, FIELD_locality, referral->profile.locality);
    answer_set_place(reader, referral);
    set_offer(reader, referral);
    answer_set_some(reader, FIELD_position, turn_position(reader->turn, referral));
    answer_set(reader, FIELD_submitted_at, referral->submitted_at);
    answer_set(reader, FIELD_at, referral->changed_at);
    if (referral->deadline) {
        answer_set(reader, FIELD_deadline, referral->deadline);
        answer_set_party(reader, FIELD_deadline_owner, referral->deadline_owner, 2);
    }
    if (read) {
        message_copy(&reader->answer, &reader->submit, FIELD_needs);
        if (own || reader->request->role == ROLE_OPERATOR)
            message_copy(&reader->answer, &reader->submit, FIELD_referral_identifier);
        if (reveal)
            set_person(reader);
    }
    answer_send(reader);
}

static void log_revealed(const struct reader *reader, const struct referral *referral)
{
    char id[REFERRAL_ID_BYTES_MAX];

    referral_id_format(referral->number, id);
    LOG(LOGGED_REVEALED, {"party", .text = reader->request->party}, {"referral", .text = id});
}

static void answer_status(struct reader *reader)
{
    struct referral referral;

    if (!reader_named_referral(reader, &referral))
        return;
    bool wants = message_number(&reader->request->message, FIELD_reveal) != 0;
    bool may = reader->request->role == ROLE_OPERATOR || referral.sender == reader->party;
    if (wants && may)
        log_revealed(reader, &referral);
    send_referral(reader, &referral, wants && may);
    answer_end(reader, 1, "");
}

static void send_happened(struct reader *reader, const struct entry *entry)
{
    const struct network *network = turn_network(reader->turn);
    int row = network_find_service(network, entry->hub, entry->service);

    answer_begin(reader, MESSAGE_happened);
    answer_set(reader, FIELD_sequence, (int64_t)entry->sequence);
    answer_set(reader, FIELD_referral_id, (int64_t)entry->referral);
    answer_set(reader, FIELD_event, entry->event);
    answer_set_party(reader, FIELD_actor, entry->actor, 0);
    answer_set(reader, FIELD_at, entry->at);
    answer_set(reader, FIELD_state, entry->state);
    answer_set(reader, FIELD_business_status, entry->business_status);
    answer_set_some(reader, FIELD_status_reason, entry->reason ? entry->reason : entry->status_reason);
    answer_set_some(reader, FIELD_offer_number, entry->placed_offer ? entry->placed_offer : entry->offer_number);
    if (entry->hub)
        answer_set_party(reader, FIELD_hub_id, entry->hub, 1);
    if (row >= 0)
        answer_set_string(reader, FIELD_service_id, network->services[row].id);
    answer_set_some(reader, FIELD_outcome, entry->outcome);
    answer_set_some(reader, FIELD_deadline, entry->deadline);
    answer_set_some(reader, FIELD_comparison, entry->decision.comparison);
    answer_set(reader, FIELD_network_version,
               entry->decision.made ? entry->decision.network_version : network->version);
    answer_send(reader);
}

/* The same entry tells how the hub before declined and that this one was asked: which hub and why is not shown. */
static void hide_other_hub(struct entry *entry)
{
    if (!entry->placed_offer || entry->event == EVENT_SUBMITTED)
        return;
    entry->event = EVENT_OFFERED;
    entry->actor = PARTY_NONE;
    entry->reason = 0;
}

/* A hub sees of a referral's history only what it is part of. */
static void answer_history(struct reader *reader)
{
    struct referral referral;
    struct entry entry;
    int64_t count = 0;

    if (!reader_named_referral(reader, &referral))
        return;
    bool all = reader->request->role == ROLE_OPERATOR || referral.sender == reader->party;
    for (uint64_t at = referral.history; at && count < HISTORY_ROWS_MAX; at = entry.previous) {
        if (!reader_load_entry(reader, at, &entry)) {
            answer_refused(reader, REFUSAL_DAMAGED, "history");
            return;
        }
        if (!all && entry.hub != reader->party)
            continue;
        if (!all)
            hide_other_hub(&entry);
        send_happened(reader, &entry);
        count++;
    }
    answer_end(reader, count, "");
}

/* ---- lists ---- */

static bool listed_state(const struct message *question, enum state state)
{
    size_t count = message_list_count(question, FIELD_states);

    for (size_t i = 0; i < count; i++)
        if (message_element(question, FIELD_states, i)->number == (int64_t)state)
            return true;
    return count == 0;
}

static bool is_party(struct reader *reader, enum field field, uint32_t party)
{
    struct text wanted = message_text(&reader->request->message, field);
    char id[ID_BYTES_MAX + 1];

    if (!wanted.length)
        return true;
    turn_party_id(reader->turn, party, id);
    return strlen(id) == wanted.length && memcmp(id, wanted.bytes, wanted.length) == 0;
}

static uint32_t hub_of(const struct referral *referral)
{
    uint8_t number = referral_current_offer(referral);

    return number ? referral->offers[number - 1].hub : PARTY_NONE;
}

static bool listed(struct reader *reader, const struct referral *referral)
{
    const struct message *question = &reader->request->message;
    int64_t priority = message_number(question, FIELD_priority);

    return may_see(reader, referral) && listed_state(question, referral->state) &&
           (!priority || priority == (int64_t)referral->profile.priority) &&
           (!message_number(question, FIELD_only_attention) || referral_needs_person(referral)) &&
           is_party(reader, FIELD_hub_id, hub_of(referral)) && is_party(reader, FIELD_sender_id, referral->sender);
}

/* Where a page begins: a referral number in decimal, as `next` gave it. */
static bool page_start(const struct message *question, uint64_t *from)
{
    struct text text = message_text(question, FIELD_from);

    *from = text.length ? 0 : UINT64_MAX;
    if (text.length > 18)
        return false;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        *from = *from * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    return true;
}

static void answer_list(struct reader *reader)
{
    const struct message *question = &reader->request->message;
    int64_t limit = message_has(question, FIELD_limit) ? message_number(question, FIELD_limit) : LIST_ROWS_DEFAULT;
    struct referral referral;
    const void *sealed = NULL;
    size_t length = 0;
    int64_t count = 0;
    char next[24] = "";
    uint64_t key;

    if (!page_start(question, &key)) {
        answer_refused(reader, REFUSAL_MALFORMED, "from");
        return;
    }
    for (int looked_at = 0;
         store_seek(reader->store, reader->transaction, TABLE_REFERRAL, true, &key, &sealed, &length) == STORE_OK;
         key--) {
        if (count == limit || looked_at++ == LIST_LOOKED_AT_MAX) {
            snprintf(next, sizeof next, "%llu", (unsigned long long)key);
            break;
        }
        if (read_referral(reader, key, sealed, length, &referral) && listed(reader, &referral)) {
            send_referral(reader, &referral, false);
            count++;
        }
        if (key == 0)
            break;
    }
    answer_end(reader, count, next);
}

/* ---- hubs and totals ---- */

static void send_hub(struct reader *reader, uint32_t index, int64_t row)
{
    const struct network *network = turn_network(reader->turn);
    const struct hub *hub = &network->hubs[index];
    struct hub_figures figures;

    if (row >= 0)
        turn_hub_figures(reader->turn, (uint32_t)row, &figures);
    else
        turn_party_figures(reader->turn, hub->party, &figures);
    answer_begin(reader, MESSAGE_hub);
    answer_set_string(reader, FIELD_hub_id, hub->id);
    answer_set_string(reader, FIELD_hub_name, hub->name);
    answer_set(reader, FIELD_tier, hub->tier);
    answer_set(reader, FIELD_hub_status, hub_status_on(hub, reader->now / DAY_MS));
    if (row >= 0) {
        const struct places *places = &figures.places;
        answer_set_string(reader, FIELD_service_id, network->services[row].id);
        answer_set(reader, FIELD_places, places->total);
        answer_set(reader, FIELD_places_free, places->total > places->used ? places->total - places->used : 0);
        answer_set_some(reader, FIELD_places_stated_at, places->stated_at);
    }
    answer_set(reader, FIELD_offers_open, figures.offers_open);
    answer_set(reader, FIELD_cases_open, figures.cases_open);
    answer_set(reader, FIELD_connected, figures.connected);
    answer_set(reader, FIELD_unconfirmed, (int64_t)figures.unconfirmed);
    answer_send(reader);
}

static void answer_hubs(struct reader *reader)
{
    const struct network *network = turn_network(reader->turn);
    struct text wanted = message_text(&reader->request->message, FIELD_hub_id);
    int only = wanted.length ? network_find_hub_by_id(network, wanted.bytes, wanted.length) : -1;
    int64_t count = 0;

    if (wanted.length && only < 0) {
        answer_refused(reader, REFUSAL_NOT_FOUND, "hub_id");
        return;
    }
    for (uint32_t i = 0; i < network->hubs_count; i++) {
        const struct hub *hub = &network->hubs[i];
        if (only >= 0 && i != (uint32_t)only)
            continue;
        for (uint32_t j = 0; j < hub->services_count; j++, count++)
            send_hub(reader, i, hub->services_first + j);
        if (!hub->services_count) {
            send_hub(reader, i, -1);
            count++;
        }
    }
    answer_end(reader, count, "");
}

static int64_t hubs_open(struct reader *reader)
{
    const struct network *network = turn_network(reader->turn);
    int64_t open = 0;

    for (uint32_t i = 0; i < network->hubs_count; i++)
        open += hub_status_on(&network->hubs[i], reader->now / DAY_MS) == HUB_OPEN;
    return open;
}

static void answer_overview(struct reader *reader)
{
    struct totals totals;
    struct referral oldest;
    uint64_t used = 0;
    uint64_t limit = 0;

    turn_totals(reader->turn, &totals);
    store_usage(reader->store, &used, &limit);
    postcodes_edition(reader->store, reader->transaction, reader->edition);
    answer_begin(reader, MESSAGE_totals);
    message_set_string(&reader->answer, FIELD_version, reader->version);
    answer_set(reader, FIELD_at, reader->now);
    answer_set(reader, FIELD_started_at, totals.started_at);
    answer_set(reader, FIELD_network_version, turn_network(reader->turn)->version);
    answer_set_string(reader, FIELD_postcode_edition, reader->edition);
    answer_set(reader, FIELD_stored, (int64_t)totals.stored);
    answer_set(reader, FIELD_open, (int64_t)totals.open);
    answer_set(reader, FIELD_offered, (int64_t)totals.offered);
    answer_set(reader, FIELD_placed, (int64_t)totals.placed);
    answer_set(reader, FIELD_waiting, (int64_t)totals.waiting);
    answer_set(reader, FIELD_attention, (int64_t)totals.attention);
    answer_set(reader, FIELD_closed, (int64_t)totals.closed);
    answer_set(reader, FIELD_overdue, (int64_t)totals.overdue);
    answer_set(reader, FIELD_damaged, (int64_t)totals.damaged);
    if (totals.oldest_waiting && load_referral(reader, totals.oldest_waiting, &oldest))
        answer_set(reader, FIELD_oldest_waiting_at, oldest.submitted_at);
    answer_set(reader, FIELD_hubs_open, hubs_open(reader));
    answer_set(reader, FIELD_store_used_bytes, (int64_t)used);
    answer_set(reader, FIELD_store_limit_bytes, (int64_t)limit);
    answer_send(reader);
}

/* ---- the question ---- */

static const struct {
    enum message_type type;
    void (*answer)(struct reader *);
} questions[] = {
    {MESSAGE_status, answer_status}, {MESSAGE_history, answer_history}, {MESSAGE_explain, explain_answer},
    {MESSAGE_list, answer_list},     {MESSAGE_hubs, answer_hubs},       {MESSAGE_overview, answer_overview},
};

void reader_answer(struct reader *reader, int64_t now_ms, const struct request *request, struct outbox *outbox)
{
    reader->now = now_ms;
    reader->request = request;
    reader->outbox = outbox;
    reader->party = turn_party_number(reader->turn, request->party);
    reader->transaction = store_begin(reader->store, false, NULL);
    if (!reader->transaction) {
        answer_refused(reader, REFUSAL_BUSY, "");
        return;
    }
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
        if (questions[i].type == request->message.type)
            questions[i].answer(reader);
    store_abort(reader->store, &reader->transaction);
}

/* SPDX-License-Identifier: MIT
 * reader: one function for each question; each reads in one transaction of its own and writes its answer. */
#include "daemon/reader_inside.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/opening.h"
#include "daemon/io/log.h"
#include "daemon/io/postcodes.h"
#include "daemon/profile.h"
#include "proto/check.h"

#define ROWS_DEFAULT 100
#define LIST_WAIT_MS 100
#define LIST_LOOKED_AT_MAX 200000 /* records looked at for one page, so that a question ends in bounded time */
#define VERSIONS_MAX 1000
#define MAILBOXES_MAX 10000 /* of one answer: fewer than a connection may have unread */

struct reader *reader_open(struct turn *turn, struct store *store, struct seal *seal, const char *version)
{
    struct reader *reader = calloc(1, sizeof *reader);

    assert(reader);
    reader->turn = turn;
    reader->store = store;
    reader->seal = seal;
    reader->version = version;
    return reader;
}

void reader_close(struct reader **reader)
{
    if (!*reader)
        return;
    seal_wipe(*reader, sizeof **reader);
    free(*reader);
    *reader = NULL;
}

/* ---- writing ---- */

void answer_begin(struct reader *reader, enum message_type type)
{
    message_init(&reader->answer, type);
    message_set_uuid(&reader->answer, FIELD_request_id, message_uuid(reader->request->message, FIELD_request_id));
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
    refuse(&reader->answer, reader->request->message, &fault, 1000);
    answer_send(reader);
}

/* ---- reading ---- */

bool reader_unseal(struct reader *reader, enum table table, uint64_t key, const void *sealed, size_t length,
                   uint8_t *plain, size_t size)
{
    return length >= SEAL_OVERHEAD && length - SEAL_OVERHEAD <= size &&
           unseal_bytes(reader->seal, (int)table, key, sealed, length, plain);
}

bool reader_read_referral(struct reader *reader, uint64_t number, const void *sealed, size_t length,
                          struct referral *referral)
{
    uint8_t plain[RECORD_BYTES_MAX];

    if (!reader_unseal(reader, TABLE_REFERRAL, number, sealed, length, plain, sizeof plain) ||
        !record_read_referral(plain, length - SEAL_OVERHEAD, referral))
        return false;
    profile_settle(reader->network, referral);
    return true;
}

bool reader_load_referral(struct reader *reader, uint64_t number, struct referral *referral)
{
    const void *sealed = NULL;
    size_t length = 0;

    return store_get(reader->store, reader->transaction, TABLE_REFERRAL, number, &sealed, &length) == STORE_OK &&
           reader_read_referral(reader, number, sealed, length, referral);
}

bool reader_read_entry(struct reader *reader, uint64_t sequence, const void *sealed, size_t length, struct entry *entry)
{
    reader->said = NULL;
    reader->said_length = 0;
    return reader_unseal(reader, TABLE_HISTORY, sequence, sealed, length, reader->entry, sizeof reader->entry) &&
           record_read_entry(reader->entry, length - SEAL_OVERHEAD, entry, &reader->said, &reader->said_length);
}

bool reader_load_entry(struct reader *reader, uint64_t sequence, struct entry *entry)
{
    const void *sealed = NULL;
    size_t length = 0;

    return store_get(reader->store, reader->transaction, TABLE_HISTORY, sequence, &sealed, &length) == STORE_OK &&
           reader_read_entry(reader, sequence, sealed, length, entry);
}

/* The content of a referral or an enquiry into plain, which has room for any: its own key, and what was submitted. 0:
 * there is none that can be read. */
static size_t open_content(struct reader *reader, uint64_t number, uint8_t *plain)
{
    const void *sealed = NULL;
    size_t length = 0;

    if (store_get(reader->store, reader->transaction, TABLE_CONTENT, number, &sealed, &length) != STORE_OK ||
        !reader_unseal(reader, TABLE_CONTENT, number, sealed, length, plain, sizeof reader->content) ||
        length < SEAL_KEY_BYTES + SEAL_OVERHEAD)
        return 0;
    return length - SEAL_OVERHEAD;
}

bool reader_load_submit(struct reader *reader, uint64_t number)
{
    size_t length = open_content(reader, number, reader->content);
    bool good = length && record_read_message(reader->content + SEAL_KEY_BYTES, length - SEAL_KEY_BYTES,
                                              &reader->submit, reader->content_texts, sizeof reader->content_texts);

    seal_wipe(reader->content, SEAL_KEY_BYTES);
    return good;
}

/* As far as a row shows it: the person and the needs, and nothing of the long texts behind them. */
static bool load_shown(struct reader *reader, uint64_t number)
{
    size_t length = open_content(reader, number, reader->content);
    bool good =
        length && record_read_message_until(reader->content + SEAL_KEY_BYTES, length - SEAL_KEY_BYTES, FIELD_needs,
                                            &reader->submit, reader->content_texts, sizeof reader->content_texts);

    seal_wipe(reader->content, SEAL_KEY_BYTES);
    return good;
}

const struct message *reader_open_said(struct reader *reader, const struct entry *entry)
{
    uint8_t key[SEAL_KEY_BYTES];
    bool good = entry->referral && entry->event != EVENT_ERASED && reader->said_length >= SEAL_OVERHEAD &&
                open_content(reader, entry->referral, reader->said_bytes);

    assert(reader->said_length <= RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD);
    memcpy(key, reader->said_bytes, sizeof key);
    good =
        good &&
        unseal_bytes_with(key, TABLE_HISTORY, entry->sequence, reader->said, reader->said_length, reader->said_bytes) &&
        record_read_message(reader->said_bytes, reader->said_length - SEAL_OVERHEAD, &reader->said_message,
                            reader->said_texts, sizeof reader->said_texts);
    seal_wipe(key, sizeof key);
    if (entry->event == EVENT_ERASED) { /* why outlives the key, as it is */
        message_init(&reader->said_message, MESSAGE_erase);
        message_set_text(&reader->said_message, FIELD_note, reader->said, reader->said_length);
        good = true;
    }
    return good ? &reader->said_message : NULL;
}

/* ---- rights ---- */

/* An offer that was declined or withdrawn is no longer the hub's business. */
static bool is_or_was_with(const struct offer *offer, uint32_t hub)
{
    return offer->hub == hub &&
           (offer_holds_place(offer) || offer->state == STATE_COMPLETED || offer->state == STATE_FAILED);
}

/* Number of the newest offer that is the hub's business; 0: none is. */
static uint8_t offer_with(const struct referral *referral, uint32_t hub)
{
    for (uint8_t number = referral->offers_count; number; number--)
        if (is_or_was_with(&referral->offers[number - 1], hub))
            return number;
    return 0;
}

static bool asks_as_hub_of(const struct reader *reader, const struct referral *referral)
{
    return offer_with(referral, reader->party) != 0;
}

bool reader_is_staff(const struct reader *reader)
{
    return reader->request->role != ROLE_SENDER && reader->request->role != ROLE_HUB;
}

bool reader_sees_all(const struct reader *reader, const struct referral *referral)
{
    return reader_is_staff(reader) || referral->sender == reader->party;
}

bool reader_may_see(const struct reader *reader, const struct referral *referral)
{
    return reader_is_staff(reader) ||
           (reader->party != PARTY_NONE && (referral->sender == reader->party || asks_as_hub_of(reader, referral)));
}

bool reader_may_know_outcome(const struct reader *reader, const struct referral *referral)
{
    return reader_is_staff(reader) || referral->sender != reader->party ||
           (referral->message_back & CODE_BIT(BACK_REFERRER));
}

bool reader_named_referral(struct reader *reader, struct referral *referral)
{
    uint64_t number = (uint64_t)message_number(reader->request->message, FIELD_referral_id);

    if (reader_load_referral(reader, number, referral) && reader_may_see(reader, referral))
        return true;
    answer_refused(reader, REFUSAL_NOT_FOUND, "referral_id");
    return false;
}

/* ---- one referral ---- */

const char *reader_service_of(const struct reader *reader, const struct offer *offer)
{
    int row = network_find_service(reader->network, offer->hub, offer->services[0]);

    return row < 0 ? "" : reader->network->services[row].id;
}

/* The offer that the answer is about: a hub's own, else the newest; 0: none was made. */
static uint8_t offer_shown(const struct reader *reader, const struct referral *referral)
{
    return reader_sees_all(reader, referral) ? referral->offers_count : offer_with(referral, reader->party);
}

/* The part that a hub's offer still has; NULL: the part has gone on, to another hub or to wait for one. */
static const struct part *part_with(const struct referral *referral, uint8_t offer_number)
{
    int i = referral_part_of_offer(referral, offer_number);
    const struct part *part = i < 0 ? NULL : &referral->parts[i];

    return part && referral_is_with_hub(referral, part->state, part->business_status, offer_number) ? part : NULL;
}

/* Of the part that is with the hub that asks; when that has gone on, how its offer ended. */
static enum state own_state(const struct reader *reader, const struct referral *referral)
{
    uint8_t number = offer_with(referral, reader->party);
    const struct part *part = part_with(referral, number);

    return part ? part->state : referral->offers[number - 1].state;
}

static void set_offer(struct reader *reader, const struct referral *referral)
{
    uint8_t number = offer_shown(reader, referral);

    if (!number)
        return;
    const struct offer *offer = &referral->offers[number - 1];
    answer_set(reader, FIELD_offer_number, number);
    answer_set_party(reader, FIELD_hub_id, offer->hub, 0);
    answer_set_string(reader, FIELD_service_id, reader_service_of(reader, offer));
}

void answer_set_place(struct reader *reader, const struct referral *referral)
{
    const struct network *network = reader->network;
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

/* A hub sees the needs that it was asked about, and no others. */
static uint64_t needs_shown(const struct reader *reader, const struct referral *referral)
{
    uint64_t needs = 0;

    if (reader_sees_all(reader, referral))
        return referral->profile.needs;
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if (is_or_was_with(&referral->offers[i], reader->party))
            needs |= referral->offers[i].needs;
    return needs;
}

/* As the sender wrote them. */
static void copy_needs(struct reader *reader, uint64_t needs)
{
    size_t count = message_list_count(&reader->submit, FIELD_needs);
    size_t shown = 0;

    for (size_t i = 0; i < count; i++)
        if (needs & NEED_BIT(message_member(&reader->submit, FIELD_needs, i, MEMBER_code)->number))
            shown++;
    struct value *values = message_set_list(&reader->answer, FIELD_needs, shown);
    assert(values);
    for (size_t i = 0; i < count; i++) {
        if (!(needs & NEED_BIT(message_member(&reader->submit, FIELD_needs, i, MEMBER_code)->number)))
            continue;
        for (size_t member = 0; member < NEED_OF_PERSON_MEMBER_COUNT; member++)
            values[member] = *message_member(&reader->submit, FIELD_needs, i, member);
        values += NEED_OF_PERSON_MEMBER_COUNT;
    }
}

void answer_set_needs(struct reader *reader, const struct profile *profile, uint64_t needs)
{
    struct value *values = message_set_list(&reader->answer, FIELD_needs, needs_count(needs));

    assert(values);
    for (int need = 1; need < NETWORK_NEEDS; need++) {
        if (!(needs & NEED_BIT(need)))
            continue;
        values[MEMBER_code] = (struct value){.present = true, .number = need};
        if (need == (int)profile->need)
            values[MEMBER_is_primary] = (struct value){.present = true, .number = true};
        values += NEED_OF_PERSON_MEMBER_COUNT;
    }
}

static void set_member(struct value *value, int64_t number)
{
    value->present = number != 0;
    value->number = number;
}

static void set_member_string(struct value *value, const char *string)
{
    value->present = string[0] != '\0';
    value->text = (struct text){string, (uint32_t)strlen(string)};
}

static void set_part_offer(struct reader *reader, const struct referral *referral, const struct part *part,
                           struct value *values, size_t slot)
{
    const struct offer *offer = &referral->offers[part->offer - 1];
    int hub = network_find_hub(reader->network, offer->hub);

    turn_party_id(reader->turn, offer->hub, reader->hubs[slot]);
    set_member_string(&values[MEMBER_part_hub_id], reader->hubs[slot]);
    if (hub >= 0)
        set_member_string(&values[MEMBER_part_hub_name],
                          hub_on(reader->network, &reader->network->hubs[hub], hours_day(reader->now))->name);
    set_member_string(&values[MEMBER_part_service_id], reader_service_of(reader, offer));
    set_member(&values[MEMBER_part_offer_number], part->offer);
}

static void set_part(struct reader *reader, const struct referral *referral, const struct part *part,
                     struct value *values, size_t slot)
{
    struct value *needs =
        message_set_member_list(&reader->answer, &values[MEMBER_part_needs], needs_count(part->needs));
    uint32_t expected_days = 0;

    assert(needs);
    for (int need = 1; need < NETWORK_NEEDS; need++)
        if (part->needs & NEED_BIT(need))
            set_member(needs++, need);
    set_member(&values[MEMBER_part_state], part->state);
    set_member(&values[MEMBER_part_business_status], part->business_status);
    if (!part_has_ended(part) || reader_may_know_outcome(reader, referral)) {
        set_member(&values[MEMBER_part_status_reason], part->reason);
        set_member(&values[MEMBER_part_outcome], part->outcome);
    }
    set_member(&values[MEMBER_part_deadline], part->deadline);
    if (referral_is_with_hub(referral, part->state, part->business_status, part->offer))
        set_part_offer(reader, referral, part, values, slot);
    if (!part_waits(part))
        return;
    enum need need = (enum need)__builtin_ctzll(part->needs);
    set_member(&values[MEMBER_part_position], turn_position(reader->turn, referral, need, &expected_days));
    set_member(&values[MEMBER_part_expected_wait_days], expected_days ? expected_days - 1 : 0);
    values[MEMBER_part_expected_wait_days].present = expected_days != 0;
}

/* What became of each need, when they went several ways; not for a hub, which sees its own alone. */
static void set_parts(struct reader *reader, const struct referral *referral)
{
    if (referral->parts_count < 2 || !reader_sees_all(reader, referral))
        return;
    struct value *values = message_set_list(&reader->answer, FIELD_parts, referral->parts_count);
    assert(values);
    for (uint8_t i = 0; i < referral->parts_count; i++)
        set_part(reader, referral, &referral->parts[i], values + (size_t)i * PART_OF_REFERRAL_MEMBER_COUNT, i);
}

/* Nobody's is the operators', but for who waits: the network itself looks at the waiting list again. */
static void set_deadline(struct reader *reader, int64_t deadline, uint32_t owner, enum stage stage, bool waits)
{
    if (!deadline)
        return;
    answer_set(reader, FIELD_deadline, deadline);
    if (owner == PARTY_NONE)
        message_set_string(&reader->answer, FIELD_deadline_owner, waits ? "network" : "operators");
    else
        answer_set_party(reader, FIELD_deadline_owner, owner, 2);
    answer_set_some(reader, FIELD_deadline_stage, stage);
}

static void set_whole_standing(struct reader *reader, const struct referral *referral)
{
    bool tells = !referral_has_ended(referral) || reader_may_know_outcome(reader, referral);

    answer_set(reader, FIELD_state, referral->state);
    answer_set(reader, FIELD_business_status, referral->business_status);
    answer_set_some(reader, FIELD_status_reason,
                    referral->overdue ? referral_overdue_reason(referral)
                    : tells           ? referral->reason
                                      : 0);
    answer_set_some(reader, FIELD_outcome, tells ? referral->outcome : 0);
    set_deadline(reader, referral->deadline, referral->deadline_owner, referral->stage,
                 referral->business_status == BUSINESS_WAITLISTED && !referral->overdue);
}

/* Where its own part stands for a hub; when that has gone on, how its offer ended, and nothing of what followed. */
static void set_own_standing(struct reader *reader, const struct referral *referral)
{
    uint8_t number = offer_with(referral, reader->party);
    const struct offer *offer = &referral->offers[number - 1];
    const struct part *part = part_with(referral, number);

    answer_set(reader, FIELD_state, own_state(reader, referral));
    answer_set(reader, FIELD_business_status, part ? part->business_status : BUSINESS_NOT_HELPED);
    answer_set_some(reader, FIELD_status_reason, part ? part->reason : offer->reason);
    answer_set_some(reader, FIELD_outcome, part ? part->outcome : 0);
    if (part)
        set_deadline(reader, part->deadline, part->deadline_owner, part->stage, false);
}

/* Of the first need that waits, in the order of the parts. */
static uint32_t position_of(struct reader *reader, const struct referral *referral)
{
    uint32_t expected_days = 0;

    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_waits(&referral->parts[i]))
            return turn_position(reader->turn, referral, (enum need)__builtin_ctzll(referral->parts[i].needs),
                                 &expected_days);
    return 0;
}

/* The other referrals that belong to it, as far as who asks may know of them. */
static void set_links(struct reader *reader, const struct referral *referral)
{
    size_t count = 0;

    for (uint8_t i = 0; i < referral->links_count; i++)
        if (reader_may_know_link(reader, referral, &referral->links[i]))
            referral_id_format(referral->links[i].number, reader->links[count++]);
    struct value *values = count ? message_set_list(&reader->answer, FIELD_linked_ids, count) : NULL;
    for (size_t i = 0; values && i < count; i++)
        set_member_string(&values[i], reader->links[i]);
}

static void set_content(struct reader *reader, const struct referral *referral, bool reveal)
{
    uint64_t needs = needs_shown(reader, referral);

    if (!load_shown(reader, referral->number)) {
        answer_set_needs(reader, &referral->profile, needs);
        return;
    }
    copy_needs(reader, needs);
    if (reader_sees_all(reader, referral))
        message_copy(&reader->answer, &reader->submit, FIELD_referral_identifier);
    if (reveal)
        set_person(reader);
}

void reader_send_referral(struct reader *reader, const struct referral *referral, bool reveal)
{
    bool all = reader_sees_all(reader, referral);

    answer_begin(reader, MESSAGE_referral);
    answer_set(reader, FIELD_referral_id, (int64_t)referral->number);
    message_set_uuid(&reader->answer, FIELD_correlation_id, referral->correlation_id);
    answer_set_party(reader, FIELD_sender_id, referral->sender, 1);
    answer_set(reader, FIELD_priority, referral->profile.priority);
    if (all)
        set_whole_standing(reader, referral);
    else
        set_own_standing(reader, referral);
    if (reader_is_staff(reader)) /* finer than the neighbourhood that an offer tells */
        answer_set_some(reader, FIELD_deprivation_decile, referral->profile.decile);
    answer_set_some(reader, FIELD_locality, referral->profile.locality);
    answer_set_place(reader, referral);
    set_offer(reader, referral);
    if (all)
        answer_set_some(reader, FIELD_position, position_of(reader, referral));
    set_parts(reader, referral);
    set_links(reader, referral);
    answer_set_some(reader, FIELD_is_erased, referral->erased);
    answer_set(reader, FIELD_submitted_at, referral->submitted_at);
    answer_set(reader, FIELD_at, referral->changed_at);
    set_content(reader, referral, reveal);
    answer_send(reader);
}

static void answer_status(struct reader *reader)
{
    struct referral referral;

    if (!reader_named_referral(reader, &referral))
        return;
    bool reveal = message_number(reader->request->message, FIELD_reveal) && !referral.erased &&
                  reader_sees_all(reader, &referral);
    if (reveal && reader_is_staff(reader) && !reader_has_said_why(reader, &referral)) {
        answer_refused(reader, REFUSAL_REASON_FIRST, "reveal");
        return;
    }
    if (reveal)
        reader_log_shown(reader, LOGGED_REVEALED, &referral);
    reader_send_referral(reader, &referral, reveal);
    answer_end(reader, 1, "");
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
    struct text wanted = message_text(reader->request->message, field);
    char id[ID_BYTES_MAX + 1];

    if (!wanted.length)
        return true;
    turn_party_id(reader->turn, party, id);
    return strlen(id) == wanted.length && memcmp(id, wanted.bytes, wanted.length) == 0;
}

/* Whether the hub that the question names, if it names one, has a part of the referral now. Who sees only its own part
 * learns of no other hub by asking for it. */
static bool is_at_hub(struct reader *reader, const struct referral *referral)
{
    bool all = reader_sees_all(reader, referral);

    if (!message_has(reader->request->message, FIELD_hub_id))
        return true;
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if (offer_holds_place(&referral->offers[i]) && is_party(reader, FIELD_hub_id, referral->offers[i].hub) &&
            (all || referral->offers[i].hub == reader->party))
            return true;
    return false;
}

/* What a question may ask for is what it is answered with: for a hub, how its own part stands. */
static bool listed_as_it_stands(const struct reader *reader, const struct referral *referral)
{
    const struct message *question = reader->request->message;
    bool all = reader_sees_all(reader, referral);
    const struct part *part = all ? NULL : part_with(referral, offer_with(referral, reader->party));
    bool attention = all ? referral_needs_person(referral) : part && part->overdue;

    return listed_state(question, all ? referral->state : own_state(reader, referral)) &&
           (!message_number(question, FIELD_only_attention) || attention);
}

static bool listed(struct reader *reader, const struct referral *referral)
{
    const struct message *question = reader->request->message;
    int64_t priority = message_number(question, FIELD_priority);

    return reader_may_see(reader, referral) && listed_as_it_stands(reader, referral) &&
           (!priority || priority == (int64_t)referral->profile.priority) && is_at_hub(reader, referral) &&
           is_party(reader, FIELD_sender_id, referral->sender);
}

bool reader_page_start(const struct message *question, uint64_t *from)
{
    struct text text = message_text(question, FIELD_from);

    if (text.length)
        *from = 0;
    if (text.length > 18)
        return false;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < '0' || text.bytes[i] > '9')
            return false;
        *from = *from * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    return true;
}

int64_t reader_limit(const struct message *question)
{
    return message_has(question, FIELD_limit) ? message_number(question, FIELD_limit) : ROWS_DEFAULT;
}

static void answer_list(struct reader *reader)
{
    const struct message *question = reader->request->message;
    int64_t limit = reader_limit(question);
    struct referral referral;
    const void *sealed = NULL;
    size_t length = 0;
    int64_t count = 0;
    char next[24] = "";
    uint64_t key = UINT64_MAX;

    if (!reader_page_start(question, &key)) {
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
        if (reader_read_referral(reader, key, sealed, length, &referral) && listed(reader, &referral)) {
            reader_send_referral(reader, &referral, false);
            count++;
        }
    }
    answer_end(reader, count, next);
}

/* ---- hubs and totals ---- */

/* The places of the service, or of the one that it shares with, and its own intake. */
static void set_places(struct reader *reader, uint32_t row, const struct hub_figures *own)
{
    const struct network *network = reader->network;
    const struct service *service = &network->services[row];
    const struct service *owner = &network->services[service->owner];
    struct hub_figures figures = *own;

    if (service->owner != row) {
        turn_hub_figures(reader->turn, network->hubs[owner->hub].party, owner->number, &figures);
        snprintf(reader->shared_with, sizeof reader->shared_with, "%s/%s", network->hubs[owner->hub].id, owner->id);
        answer_set_string(reader, FIELD_shared_with, reader->shared_with);
    }
    const struct places *places = &figures.places;
    answer_set_string(reader, FIELD_service_id, service->id);
    answer_set(reader, FIELD_places, places->total);
    answer_set(reader, FIELD_places_free, places->total > places->used ? places->total - places->used : 0);
    answer_set_some(reader, FIELD_places_stated_at, places->stated_at);
    answer_set_some(reader, FIELD_stale, places_are_stale(network, places, reader->now));
    answer_set_some(reader, FIELD_per_week, service->per_week);
    if (service->per_week)
        answer_set(reader, FIELD_taken_this_week, own->places.taken_in_week);
    opening_write(network->spans, service_hours(network, row), reader->hours);
    answer_set_string(reader, FIELD_opening_hours, reader->hours);
}

static void send_hub(struct reader *reader, uint32_t index, int64_t row)
{
    const struct network *network = reader->network;
    const struct hub *hub = &network->hubs[index];
    int64_t today = hours_day(reader->now);
    struct hub_figures figures;

    if (row >= 0)
        turn_hub_figures(reader->turn, hub->party, network->services[row].number, &figures);
    else
        turn_party_figures(reader->turn, hub->party, &figures);
    answer_begin(reader, MESSAGE_hub);
    answer_set_string(reader, FIELD_hub_id, hub->id);
    answer_set_string(reader, FIELD_hub_name, hub_on(network, hub, today)->name);
    answer_set(reader, FIELD_tier, hub->tier);
    answer_set(reader, FIELD_hub_status, hub_status_on(hub, today));
    if (row >= 0)
        set_places(reader, (uint32_t)row, &figures);
    answer_set(reader, FIELD_offers_open, figures.offers_open);
    answer_set(reader, FIELD_cases_open, figures.cases_open);
    answer_set(reader, FIELD_connected, figures.connected);
    answer_set(reader, FIELD_unconfirmed, (int64_t)figures.unconfirmed);
    answer_send(reader);
}

static void answer_hubs(struct reader *reader)
{
    const struct network *network = reader->network;
    struct text wanted = message_text(reader->request->message, FIELD_hub_id);
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

/* Universal hubs take no referrals: people are told where they are. */
static int64_t hubs_open(struct reader *reader)
{
    const struct network *network = reader->network;
    int64_t open = 0;

    for (uint32_t i = 0; i < network->hubs_count; i++)
        open += network->hubs[i].tier != TIER_UNIVERSAL &&
                hub_status_on(&network->hubs[i], hours_day(reader->now)) == HUB_OPEN;
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
    answer_set(reader, FIELD_network_version, reader->network->version);
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
    if (totals.oldest_waiting && reader_load_referral(reader, totals.oldest_waiting, &oldest))
        answer_set(reader, FIELD_oldest_waiting_at, oldest.submitted_at);
    answer_set(reader, FIELD_enquiries_open, (int64_t)totals.enquiries_open);
    answer_set(reader, FIELD_mailboxes_silent, (int64_t)totals.mailboxes_silent);
    answer_set_some(reader, FIELD_emergency_until, turn_emergency_until(reader->turn));
    answer_set(reader, FIELD_hubs_open, hubs_open(reader));
    answer_set(reader, FIELD_store_used_bytes, (int64_t)used);
    answer_set(reader, FIELD_store_limit_bytes, (int64_t)limit);
    answer_send(reader);
}

/* ---- mailboxes ---- */

static void send_mailbox(struct reader *reader, const struct mailbox_figures *figures)
{
    struct entry entry;

    answer_begin(reader, MESSAGE_mailbox);
    answer_set_string(reader, FIELD_party, figures->party);
    answer_set(reader, FIELD_connections, figures->connections);
    answer_set(reader, FIELD_mailbox_number, (int64_t)figures->last);
    answer_set(reader, FIELD_unconfirmed, (int64_t)figures->unconfirmed);
    if (figures->oldest_unconfirmed && reader_load_entry(reader, figures->oldest_unconfirmed, &entry))
        answer_set(reader, FIELD_oldest_unconfirmed_at, entry.at);
    answer_set_some(reader, FIELD_confirmed_at, figures->confirmed_at);
    answer_send(reader);
}

/* Who has never been told anything, and is not connected to be told, has no mailbox to speak of. */
static void answer_mailboxes(struct reader *reader)
{
    struct mailbox_figures figures;
    int64_t count = 0;

    for (uint32_t party = 1; count < MAILBOXES_MAX && turn_mailbox_figures(reader->turn, party, &figures); party++)
        if (figures.last || figures.connections) {
            send_mailbox(reader, &figures);
            count++;
        }
    answer_end(reader, count, "");
}

/* ---- versions of the network ---- */

char *reader_network_text(struct reader *reader, uint32_t version, struct network_record *record, size_t *length)
{
    const void *sealed = NULL;
    size_t sealed_length = 0;
    const char *text = NULL;

    if (store_get(reader->store, reader->transaction, TABLE_NETWORK, version, &sealed, &sealed_length) != STORE_OK)
        return NULL;
    uint8_t *plain = malloc(sealed_length + 1);
    char *copy = NULL;
    assert(plain);
    if (reader_unseal(reader, TABLE_NETWORK, version, sealed, sealed_length, plain, sealed_length) &&
        record_read_network(plain, sealed_length - SEAL_OVERHEAD, record, &text, length)) {
        copy = malloc(*length + 1);
        assert(copy);
        memcpy(copy, text, *length);
        copy[*length] = '\0';
    }
    free(plain);
    return copy;
}

static bool send_version(struct reader *reader, uint32_t version)
{
    struct network_record record;
    size_t length = 0;
    char *text = reader_network_text(reader, version, &record, &length);

    if (!text)
        return false;
    free(text);
    answer_begin(reader, MESSAGE_network);
    answer_set(reader, FIELD_network_version, version);
    answer_set(reader, FIELD_at, record.applied_at);
    answer_set_string(reader, FIELD_postcode_edition, record.edition);
    answer_set(reader, FIELD_chosen, version == reader->network->version);
    answer_send(reader);
    return true;
}

static void answer_versions(struct reader *reader)
{
    const void *sealed = NULL;
    size_t length = 0;
    int64_t count = 0;

    for (uint64_t version = reader->network->version;
         version && count < VERSIONS_MAX &&
         store_seek(reader->store, reader->transaction, TABLE_NETWORK, true, &version, &sealed, &length) == STORE_OK;
         version--)
        count += send_version(reader, (uint32_t)version);
    answer_end(reader, count, "");
}

/* ---- the question ---- */

/* What happened to somebody is told to the newest, and when it is on the disk. Lists and figures do not wait for a slow
 * disk: they may lack what was stored in this moment. A page that goes on does not wait at all: the store would be
 * settled for each page of a long list. */
static const struct {
    enum message_type type;
    bool waits;
    void (*answer)(struct reader *);
} questions[] = {
    {MESSAGE_status, true, answer_status},        {MESSAGE_history, true, reader_history},
    {MESSAGE_explain, true, explain_answer},      {MESSAGE_events, true, reader_events},
    {MESSAGE_who_saw, true, reader_who_saw},      {MESSAGE_export, true, reader_export},
    {MESSAGE_list, false, answer_list},           {MESSAGE_hubs, false, answer_hubs},
    {MESSAGE_overview, false, answer_overview},   {MESSAGE_profile, false, explain_profile},
    {MESSAGE_mailboxes, false, answer_mailboxes}, {MESSAGE_versions, false, answer_versions},
};

void reader_begin(struct reader *reader, int64_t now_ms, const struct request *request, struct outbox *outbox)
{
    reader->now = now_ms;
    reader->request = request;
    reader->outbox = outbox;
    reader->party = turn_party_number(reader->turn, request->party);
    reader->network = turn_hold_network(reader->turn);
}

void reader_finish(struct reader *reader)
{
    turn_release_network(reader->turn, &reader->network);
}

static void answer_from_store(struct reader *reader, void (*answer)(struct reader *))
{
    struct outbox *outbox = reader->outbox;
    size_t count = outbox->count, used = outbox->used;

    reader->transaction = store_begin(reader->store, false, NULL);
    if (!reader->transaction) {
        answer_refused(reader, REFUSAL_BUSY, "");
        return;
    }
    answer(reader);
    if (store_commit(reader->store, &reader->transaction) != STORE_OK) { /* what it has not read it has left out */
        outbox->count = count;
        outbox->used = used;
        answer_refused(reader, REFUSAL_DAMAGED, "");
    }
}

enum store_result reader_answer(struct reader *reader, int64_t now_ms, const struct request *request,
                                struct outbox *outbox)
{
    size_t question = 0;

    for (; questions[question].type != request->message->type; question++)
        assert(question + 1 < sizeof questions / sizeof questions[0]);
    bool waits = questions[question].waits;
    if (waits || !message_has(request->message, FIELD_from))
        store_catch_up(reader->store, waits ? INT_MAX : LIST_WAIT_MS);
    reader_begin(reader, now_ms, request, outbox);
    if (network_admits(reader->network, request->role, request->party))
        answer_from_store(reader, questions[question].answer);
    else
        answer_refused(reader, REFUSAL_ROLE, "");
    reader_finish(reader);
    return waits ? store_sync(reader->store) : STORE_OK;
}

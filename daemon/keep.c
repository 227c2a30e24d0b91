/* SPDX-License-Identifier: MIT
 * keep: load and save. What a turn changes goes through here, sealed, into the turn's one transaction. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/turn_inside.h"

/* ---- sealed records ---- */

bool keep_get(struct turn *turn, enum table table, uint64_t key, void *plain, size_t size, size_t *length)
{
    const void *bytes = NULL;
    size_t sealed = 0;

    if (store_get(turn->store, turn->transaction, table, key, &bytes, &sealed) != STORE_OK)
        return false;
    if (sealed < SEAL_OVERHEAD || sealed - SEAL_OVERHEAD > size)
        return false;
    *length = sealed - SEAL_OVERHEAD;
    return unseal_bytes(turn->seal, (int)table, key, bytes, sealed, plain);
}

static void put(struct turn *turn, enum table table, uint64_t key, const void *bytes, size_t length)
{
    store_put(turn->store, turn->transaction, table, key, bytes, length);
    turn->written += length;
    turn->changed = true;
}

void keep_put(struct turn *turn, enum table table, uint64_t key, const void *plain, size_t length)
{
    assert(length + SEAL_OVERHEAD <= sizeof turn->sealed);
    seal_bytes(turn->seal, (int)table, key, plain, length, turn->sealed);
    put(turn, table, key, turn->sealed, length + SEAL_OVERHEAD);
}

void keep_del(struct turn *turn, enum table table, uint64_t key)
{
    store_del(turn->store, turn->transaction, table, key);
    turn->changed = true;
}

/* ---- referrals, and who they are about ---- */

static bool read_referral(struct turn *turn, uint64_t number, struct referral *referral)
{
    uint8_t plain[RECORD_BYTES_MAX];
    size_t length = 0;

    return keep_get(turn, TABLE_REFERRAL, number, plain, sizeof plain, &length) &&
           record_read_referral(plain, length, referral);
}

bool keep_load(struct turn *turn, uint64_t number, struct referral *referral)
{
    if (!(turn->recent && recent_find(turn->recent, number, referral)) &&
        (ledger_misses(&turn->ledger, number) || !read_referral(turn, number, referral)))
        return false;
    profile_settle(turn->ledger.network, referral);
    return true;
}

bool keep_load_content(struct turn *turn, uint64_t number)
{
    struct content *content = &turn->content;
    size_t length = 0;

    if (content->referral == number)
        return content->good;
    content->referral = number;
    content->submit = &content->read;
    content->good = keep_get(turn, TABLE_CONTENT, number, content->bytes, sizeof content->bytes, &length) &&
                    length > SEAL_KEY_BYTES &&
                    record_read_message(content->bytes + SEAL_KEY_BYTES, length - SEAL_KEY_BYTES, &content->read,
                                        content->texts, sizeof content->texts);
    return content->good;
}

/* Behind the key of the content that is loaded. */
static void put_content(struct turn *turn, uint64_t number, const struct message *message)
{
    size_t length = SEAL_KEY_BYTES;

    memcpy(turn->said, turn->content.bytes, SEAL_KEY_BYTES);
    length += record_write_message(message, turn->said + length, sizeof turn->said - length);
    keep_put(turn, TABLE_CONTENT, number, turn->said, length);
    seal_wipe(turn->said, SEAL_KEY_BYTES);
}

void keep_new_content(struct turn *turn, uint64_t number, const struct request *request)
{
    struct content *content = &turn->content;

    content->referral = number;
    content->good = true;
    content->submit = request->message;
    seal_new_key(turn->seal, content->bytes);
    put_content(turn, number, request->message);
}

/* The message may point into the content that was loaded: it is written before that is given up. */
bool keep_changed_content(struct turn *turn, uint64_t number, const struct message *message)
{
    assert(turn->content.referral == number && turn->content.good);
    if (!encode(message, turn->said, SUBMIT_BYTES_MAX)) /* who gets the case is told all of it */
        return false;
    if (PLANTED(111))
        memset(turn->content.bytes, 0, SEAL_KEY_BYTES);
    put_content(turn, number, message);
    turn->content.referral = 0;
    return true;
}

void keep_no_content(struct turn *turn, uint64_t number)
{
    keep_del(turn, TABLE_CONTENT, number);
    seal_wipe(&turn->content, sizeof turn->content);
    recent_forget(turn->recent);
}

/* ---- parties, places, networks ---- */

void keep_party(struct turn *turn, struct party *party)
{
    struct party_record record = {.confirmed = party->mailbox.confirmed,
                                  .first_unconfirmed = delivery_first_unconfirmed(turn, party)};
    uint8_t bytes[RECORD_BYTES_MAX];

    party->start_from = record.first_unconfirmed;
    memcpy(record.id, party->id, sizeof record.id);
    keep_put(turn, TABLE_PARTY, party->number, bytes, record_write_party(&record, bytes));
}

struct party *keep_find_party(struct turn *turn, const char *id)
{
    struct party *party = ledger_party(&turn->ledger, id);

    if (!party) {
        party = ledger_add_party(&turn->ledger, id, ++turn->head.party, 0);
        keep_party(turn, party);
    }
    return party;
}

void keep_places(struct turn *turn, uint32_t row)
{
    const struct service *service = &turn->ledger.network->services[row];
    uint64_t key = (uint64_t)turn->ledger.network->hubs[service->hub].party << 32 | service->number;
    uint8_t bytes[RECORD_BYTES_MAX];

    keep_put(turn, TABLE_CAPACITY, key, bytes, record_write_places(&turn->ledger.places[row], bytes));
}

/* A statement holds as long as the service has places of its own, and the file's own figure for it is the same. */
static bool still_holds(const struct network *network, uint32_t row, const struct places *stated)
{
    return network->services[row].owner == row && network->services[row].places == stated->in_file;
}

bool keep_load_places(struct turn *turn)
{
    const struct network *network = turn->ledger.network;
    uint8_t plain[RECORD_BYTES_MAX];
    const void *bytes = NULL;
    struct places stated;
    size_t length = 0;
    size_t sealed = 0;

    for (uint64_t key = 0;
         store_seek(turn->store, turn->transaction, TABLE_CAPACITY, false, &key, &bytes, &sealed) == STORE_OK; key++) {
        int row = network_find_service(network, (uint32_t)(key >> 32), (uint32_t)key);
        if (!keep_get(turn, TABLE_CAPACITY, key, plain, sizeof plain, &length) ||
            !record_read_places(plain, length, &stated))
            return false;
        if (row < 0) /* kept: the service may come back, with an earlier version of the network */
            continue;
        if (!still_holds(network, (uint32_t)row, &stated)) {
            store_del(turn->store, turn->transaction, TABLE_CAPACITY, key);
        } else if (!PLANTED(19)) {
            turn->ledger.places[row].total = stated.total;
            turn->ledger.places[row].stated_at = stated.stated_at;
        }
    }
    return true;
}

void *keep_load_network(struct turn *turn, uint32_t version, struct network_record *record, const char **text,
                        size_t *length)
{
    const void *bytes = NULL;
    size_t sealed = 0;

    if (!version || store_get(turn->store, turn->transaction, TABLE_NETWORK, version, &bytes, &sealed) != STORE_OK ||
        sealed < SEAL_OVERHEAD)
        return NULL;
    uint8_t *plain = malloc(sealed);
    assert(plain);
    if (unseal_bytes(turn->seal, TABLE_NETWORK, version, bytes, sealed, plain) &&
        record_read_network(plain, sealed - SEAL_OVERHEAD, record, text, length))
        return plain;
    free(plain);
    return NULL;
}

void keep_network(struct turn *turn, uint32_t version, const struct network_record *record, const char *text,
                  size_t length)
{
    size_t most = RECORD_BYTES_MAX + length;
    uint8_t *plain = malloc(2 * most + SEAL_OVERHEAD);
    uint8_t *sealed = plain + most;

    assert(plain);
    size_t written = record_write_network(record, text, length, plain);
    seal_bytes(turn->seal, TABLE_NETWORK, version, plain, written, sealed);
    put(turn, TABLE_NETWORK, version, sealed, written + SEAL_OVERHEAD);
    free(plain);
}

void keep_head(struct turn *turn)
{
    uint8_t bytes[RECORD_BYTES_MAX];

    turn->head.batch++;
    if (!PLANTED(142) || turn->head.batch % 8)
        keep_put(turn, TABLE_META, META_HEAD, bytes, record_write_head(&turn->head, bytes));
}

/* ---- history ---- */

/* True when the request says something that the entry does not hold: a note, scores, support, an update, an answer.
 * What was submitted and asked stands in the table of contents. */
static bool says_more(const struct message *said)
{
    assert(said->type != MESSAGE_submit && said->type != MESSAGE_enquire);
    return said->type == MESSAGE_update || said->type == MESSAGE_answer_enquiry || message_has(said, FIELD_note) ||
           message_has(said, FIELD_support_offered) || message_has(said, FIELD_outcome_scores);
}

/* Into turn->said, sealed under the key of whom the entry is about. NULL: there is nobody left to know it. */
static const void *seal_said(struct turn *turn, const struct entry *entry, const struct message *said, size_t *length)
{
    uint8_t *plain = turn->record; /* the entry is written there only after this */

    if (!keep_load_content(turn, entry->referral))
        return NULL;
    size_t written = record_write_message(said, plain, RECORD_SAID_BYTES_MAX);
    seal_bytes_with(turn->seal, turn->content.bytes, TABLE_HISTORY, entry->sequence, plain, written, turn->said);
    *length = written + SEAL_OVERHEAD;
    return turn->said;
}

/* The chain runs over the bytes as they are before sealing; what was said about a person is already sealed in them
 * under its referral's key, so that the chain can be verified after the person has been erased. A note that is about no
 * referral stands in the entry as it is. */
static void put_entry(struct turn *turn, const struct entry *entry, const struct message *said)
{
    const void *kept = NULL;
    size_t kept_length = 0;

    if (said && (!entry->referral || entry->event == EVENT_ERASED)) {
        kept = message_text(said, FIELD_note).bytes;
        kept_length = message_text(said, FIELD_note).length;
    } else if (said && says_more(said) && !PLANTED(119)) {
        kept = seal_said(turn, entry, said, &kept_length);
    }
    size_t length = record_write_entry(entry, kept, kept_length, turn->record);
    if (!PLANTED(141) || entry->sequence % 16)
        seal_chain(turn->head.chain, turn->record, length, turn->head.chain);
    keep_put(turn, TABLE_HISTORY, entry->sequence, turn->record, length);
}

void keep_entry(struct turn *turn, struct entry *entry, const struct message *said)
{
    entry->sequence = ++turn->head.sequence;
    delivery_owe(turn, NULL, entry, said);
    put_entry(turn, entry, said);
}

bool keep_load_entry(struct turn *turn, uint64_t sequence, struct entry *entry, struct message *said)
{
    const void *kept = NULL;
    size_t length = 0;
    size_t kept_length = 0;

    message_init(said, MESSAGE_NONE);
    if (!keep_get(turn, TABLE_HISTORY, sequence, turn->record, sizeof turn->record, &length) ||
        !record_read_entry(turn->record, length, entry, &kept, &kept_length))
        return false;
    if (!kept || entry->event == EVENT_ERASED) /* the reason of that stands there as it is */
        return true;
    assert(entry->referral && kept_length <= sizeof turn->said);
    if (!keep_load_content(turn, entry->referral) ||
        !unseal_bytes_with(turn->content.bytes, TABLE_HISTORY, sequence, kept, kept_length, turn->said) ||
        !record_read_message(turn->said, kept_length - SEAL_OVERHEAD, said, turn->said_texts, sizeof turn->said_texts))
        message_init(said, MESSAGE_NONE);
    return true;
}

/* ---- a change ---- */

/* Where each part that waits stands, now that it is in the list. */
static void fill_positions(const struct turn *turn, const struct referral *referral, struct entry *entry)
{
    for (uint8_t i = 0; i < entry->parts_count; i++) {
        struct standing *standing = &entry->parts[i];
        if (standing->state != STATE_ON_HOLD || standing->business_status != BUSINESS_WAITLISTED)
            continue;
        enum need need = (enum need)__builtin_ctzll(standing->needs);
        standing->position = ledger_position(&turn->ledger, referral, need, turn->now);
        standing->expected_days = flow_expected_days(&turn->ledger.flow, need, standing->position);
    }
}

/* FNV-1a over what tells one count from another. */
static uint64_t unmet_key(const struct unmet_record *unmet)
{
    const int64_t numbers[3] = {unmet->week, (int64_t)unmet->need, (int64_t)unmet->cause};
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < 3; i++)
        for (int shift = 0; shift < 64; shift += 8)
            hash = (hash ^ ((uint64_t)numbers[i] >> shift & 0xff)) * UINT64_C(1099511628211);
    for (const char *at = unmet->neighbourhood_code; *at; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
    return hash;
}

static bool same_count(const struct unmet_record *a, const struct unmet_record *b)
{
    return a->week == b->week && a->need == b->need && a->cause == b->cause &&
           strcmp(a->neighbourhood_code, b->neighbourhood_code) == 0;
}

/* Counts of another thing under the same hash make the next key free; one that cannot be read begins anew. */
static void count_unmet(struct turn *turn, const struct referral *referral, struct unmet unmet)
{
    struct unmet_record count = {.week = turn->ledger.week, .need = unmet.need, .cause = unmet.cause};
    struct unmet_record stored;
    uint8_t bytes[RECORD_BYTES_MAX];
    size_t length = 0;

    memcpy(count.neighbourhood_code, referral->neighbourhood_code, sizeof count.neighbourhood_code);
    uint64_t key = unmet_key(&count);
    while (keep_get(turn, TABLE_UNMET, key, bytes, sizeof bytes, &length) &&
           record_read_unmet(bytes, length, &stored)) {
        if (same_count(&stored, &count)) {
            count.count = stored.count;
            break;
        }
        key++;
    }
    count.count += PLANTED(80) ? 2 : 1;
    keep_put(turn, TABLE_UNMET, key, bytes, record_write_unmet(&count, bytes));
}

static void end_places(struct turn *turn, uint32_t owner)
{
    turn->ledger.places[owner].total = 0;
    turn->ledger.places[owner].stated_at = turn->now;
    keep_places(turn, owner);
}

void keep_change(struct turn *turn, const struct referral *before, struct referral *after, struct outcome_of *outcome,
                 const struct message *said)
{
    struct entry *entry = &outcome->entry;
    uint8_t bytes[RECORD_BYTES_MAX];

    assert(outcome->changed);
    if (PLANTED(113) && before && before->profile.priority != after->profile.priority)
        after->profile.priority = before->profile.priority;
    if (before)
        ledger_change(&turn->ledger, before, after);
    else
        ledger_add(&turn->ledger, after);
    ledger_count_offers(&turn->ledger, after, before ? before->offers_count : 0);
    if (outcome->recorded) {
        fill_positions(turn, after, entry);
        entry->sequence = ++turn->head.sequence;
        after->history = entry->sequence;
        delivery_owe(turn, after, entry, said);
        put_entry(turn, entry, said);
    }
    if (!PLANTED(143) || entry->sequence % 16)
        keep_put(turn, TABLE_REFERRAL, after->number, bytes, record_write_referral(after, bytes));
    if (turn->recent)
        recent_keep(turn->recent, after);
    for (uint8_t i = 0; i < outcome->places_none_count; i++)
        end_places(turn, outcome->places_none[i]);
    for (uint8_t i = 0; i < outcome->unmet_count; i++)
        count_unmet(turn, after, outcome->unmet[i]);
}

/* ---- enquiries ---- */

bool keep_load_enquiry(struct turn *turn, uint64_t number, struct enquiry *enquiry)
{
    uint8_t plain[RECORD_BYTES_MAX];
    size_t length = 0;

    return keep_get(turn, TABLE_ENQUIRY, number, plain, sizeof plain, &length) &&
           record_read_enquiry(plain, length, enquiry);
}

void keep_enquiry(struct turn *turn, const struct enquiry *enquiry)
{
    uint8_t bytes[RECORD_BYTES_MAX];

    keep_put(turn, TABLE_ENQUIRY, enquiry->number, bytes, record_write_enquiry(enquiry, bytes));
}

/* ---- requests ---- */

uint64_t keep_request_hash(struct turn *turn, uint32_t party, const uint8_t request_id[UUID_BYTES])
{
    uint8_t bytes[UUID_BYTES + sizeof party];

    memcpy(bytes, request_id, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, &party, sizeof party);
    return seal_short_hash(turn->seal, bytes, sizeof bytes);
}

/* Another request under the same hash makes the next key free. *key: where the request stands, or would. */
static bool find_request(struct turn *turn, uint32_t party, const uint8_t request_id[UUID_BYTES], uint64_t *key,
                         struct request_record *record)
{
    uint8_t plain[RECORD_BYTES_MAX];
    size_t length = 0;

    for (*key = keep_request_hash(turn, party, request_id);
         keep_get(turn, TABLE_REQUEST, *key, plain, sizeof plain, &length) &&
         record_read_request(plain, length, record);
         ++*key)
        if (record->party == party && memcmp(record->request_id, request_id, UUID_BYTES) == 0)
            return true;
    return false;
}

bool keep_find_request(struct turn *turn, uint32_t party, const uint8_t request_id[UUID_BYTES],
                       struct request_record *record)
{
    uint64_t key = 0;

    return find_request(turn, party, request_id, &key, record);
}

void keep_request(struct turn *turn, const struct request_record *record)
{
    uint8_t bytes[RECORD_BYTES_MAX];
    struct request_record stored;
    uint64_t key = 0;

    bool known = find_request(turn, record->party, record->request_id, &key, &stored);
    assert(!known);
    if (!PLANTED(112))
        keep_put(turn, TABLE_REQUEST, key, bytes, record_write_request(record, bytes));
}

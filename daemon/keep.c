/* SPDX-License-Identifier: MIT
 * keep: load and save. What a turn changes goes through here, sealed, into the turn's one transaction; what a party is
 * told about it is written here too, from what was just saved. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/turn_inside.h"

/* Sealed bytes under a key of their own table; unsealed into plain. */
static bool get_unsealed(struct turn *turn, enum table table, uint64_t key, uint8_t *plain, size_t size, size_t *length)
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

static void put_sealed(struct turn *turn, enum table table, uint64_t key, const void *plain, size_t length)
{
    uint8_t sealed[RECORD_BYTES_MAX + RECORD_NOTE_BYTES_MAX + 2 * SEAL_OVERHEAD];

    assert(length + SEAL_OVERHEAD <= sizeof sealed);
    seal_bytes(turn->seal, (int)table, key, plain, length, sealed);
    store_put(turn->store, turn->transaction, table, key, sealed, length + SEAL_OVERHEAD);
    turn->written += length + SEAL_OVERHEAD;
    turn->changed = true;
}

bool keep_load(struct turn *turn, uint64_t number, struct referral *referral)
{
    uint8_t plain[RECORD_BYTES_MAX];
    size_t length = 0;

    if (!get_unsealed(turn, TABLE_REFERRAL, number, plain, sizeof plain, &length) ||
        !record_read_referral(turn->unpacker, plain, length, referral))
        return false;
    profile_settle(turn->ledger.network, referral);
    return true;
}

static bool unseal_content(struct turn *turn, uint64_t number, const uint8_t *bytes, size_t length)
{
    struct content *content = &turn->content;
    struct fault fault;

    if (length < SEAL_WRAPPED_BYTES + SEAL_OVERHEAD ||
        length - SEAL_WRAPPED_BYTES - SEAL_OVERHEAD > sizeof content->bytes)
        return false;
    if (!seal_unwrap_key(turn->seal, number, bytes, content->key) ||
        !unseal_bytes_with(content->key, TABLE_CONTENT, number, bytes + SEAL_WRAPPED_BYTES, length - SEAL_WRAPPED_BYTES,
                           content->bytes))
        return false;
    content->submit = &content->decoded;
    return decode(turn->decoder, content->bytes, length - SEAL_WRAPPED_BYTES - SEAL_OVERHEAD, &content->decoded,
                  &fault);
}

bool keep_load_content(struct turn *turn, uint64_t number)
{
    struct content *content = &turn->content;
    const void *bytes = NULL;
    size_t length = 0;

    if (content->referral == number)
        return content->good;
    content->referral = number;
    content->good = store_get(turn->store, turn->transaction, TABLE_CONTENT, number, &bytes, &length) == STORE_OK &&
                    unseal_content(turn, number, bytes, length);
    return content->good;
}

void keep_new_content(struct turn *turn, uint64_t number, const struct request *request)
{
    struct content *content = &turn->content;
    static_assert(SEAL_WRAPPED_BYTES + SEAL_OVERHEAD + MESSAGE_BYTES_MAX < 70000, "fits the stack");
    uint8_t stored[SEAL_WRAPPED_BYTES + SEAL_OVERHEAD + MESSAGE_BYTES_MAX];

    content->referral = number;
    content->good = true;
    content->submit = &request->message;
    seal_new_key(turn->seal, number, content->key, stored);
    seal_bytes_with(turn->seal, content->key, TABLE_CONTENT, number, request->frame, request->frame_length,
                    stored + SEAL_WRAPPED_BYTES);
    store_put(turn->store, turn->transaction, TABLE_CONTENT, number, stored,
              SEAL_WRAPPED_BYTES + SEAL_OVERHEAD + request->frame_length);
    turn->written += SEAL_WRAPPED_BYTES + SEAL_OVERHEAD + request->frame_length;
    turn->changed = true;
}

/* Where a rebuild has to begin so that it finds everything that this party has not confirmed. */
static uint64_t first_unconfirmed(const struct turn *turn, const struct party *party)
{
    const struct mailbox *mailbox = &party->mailbox;

    return mailbox_unconfirmed(mailbox) ? mailbox_at(mailbox, mailbox->confirmed + 1).sequence
                                        : turn->head.sequence + 1;
}

void keep_party(struct turn *turn, const struct party *party)
{
    struct party_record record = {.confirmed = party->mailbox.confirmed,
                                  .first_unconfirmed = first_unconfirmed(turn, party)};
    uint8_t bytes[RECORD_BYTES_MAX];

    memcpy(record.id, party->id, sizeof record.id);
    put_sealed(turn, TABLE_PARTY, party->number, bytes, record_write_party(&record, bytes));
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

    put_sealed(turn, TABLE_CAPACITY, key, bytes, record_write_places(&turn->ledger.places[row], bytes));
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
        if (!get_unsealed(turn, TABLE_CAPACITY, key, plain, sizeof plain, &length) ||
            !record_read_places(turn->unpacker, plain, length, &stated))
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
        record_read_network(turn->unpacker, plain, sealed - SEAL_OVERHEAD, record, text, length))
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
    store_put(turn->store, turn->transaction, TABLE_NETWORK, version, sealed, written + SEAL_OVERHEAD);
    turn->written += written + SEAL_OVERHEAD;
    turn->changed = true;
    free(plain);
}

void keep_head(struct turn *turn)
{
    uint8_t bytes[RECORD_BYTES_MAX];

    turn->head.batch++;
    put_sealed(turn, TABLE_META, META_HEAD, bytes, record_write_head(&turn->head, bytes));
}

/* The chain runs over the bytes as they are before sealing; a note about a person is already sealed in them under its
 * referral's key, so that the chain can be verified after the person has been erased. A note that is about no referral
 * stands in the entry as it is. */
static void put_entry(struct turn *turn, const struct entry *entry, struct text note)
{
    uint8_t sealed_note[RECORD_NOTE_BYTES_MAX + SEAL_OVERHEAD];
    uint8_t bytes[RECORD_BYTES_MAX + sizeof sealed_note];
    const void *kept = NULL;
    size_t note_length = 0;
    size_t length;

    assert(note.length <= RECORD_NOTE_BYTES_MAX);
    if (note.length && !entry->referral) {
        kept = note.bytes;
        note_length = note.length;
    } else if (note.length && keep_load_content(turn, entry->referral)) {
        seal_bytes_with(turn->seal, turn->content.key, TABLE_HISTORY, entry->sequence, note.bytes, note.length,
                        sealed_note);
        kept = sealed_note;
        note_length = note.length + SEAL_OVERHEAD;
    }
    length = record_write_entry(entry, kept, note_length, bytes);
    seal_chain(turn->head.chain, bytes, length, turn->head.chain);
    put_sealed(turn, TABLE_HISTORY, entry->sequence, bytes, length);
}

void keep_entry(struct turn *turn, struct entry *entry, struct text note)
{
    entry->sequence = ++turn->head.sequence;
    put_entry(turn, entry, note);
}

/* A letter whose referral's content cannot be read goes out as `withdrawn`: the mailbox has no gaps. */
static void write_letter(struct turn *turn, struct party *party, const struct referral *referral,
                         const struct entry *entry, struct letter letter, struct text note)
{
    bool good = keep_load_content(turn, referral->number);
    struct letter_facts facts = {.network = turn->ledger.network,
                                 .referral = referral,
                                 .entry = entry,
                                 .submit = good ? turn->content.submit : NULL,
                                 .note = note,
                                 .sender = ledger_party_at(&turn->ledger, referral->sender)->id};

    if (!good && (letter.type == MESSAGE_offer || letter.type == MESSAGE_person))
        letter.type = MESSAGE_withdrawn;
    letter_write(&facts, &letter, &turn->texts, &turn->answer);
    outbox_add(turn->outbox, party->connection, &turn->answer);
    party->mailbox.sent = letter.mailbox_number;
    party->pushed_at = turn->now;
    if (turn->push_check_at > turn->now + turn->options.push_again_ms)
        turn->push_check_at = turn->now + turn->options.push_again_ms;
}

/* Who is connected and has room in the window is told at once; the others when they have. */
static void tell_or_remember(struct turn *turn, const struct referral *referral, const struct entry *entry,
                             struct text note)
{
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        struct party *party = ledger_party_at(&turn->ledger, entry->letters[i].party);
        if (!party->connection)
            continue;
        if (mailbox_next_to_send(&party->mailbox, turn->options.window) == entry->letters[i].mailbox_number)
            write_letter(turn, party, referral, entry, entry->letters[i], note);
        else
            ledger_to_push(&turn->ledger, party);
    }
}

static void owe_letters(struct turn *turn, struct entry *entry)
{
    for (uint8_t i = 0; i < entry->letters_count; i++) {
        struct letter *letter = &entry->letters[i];
        if (PLANTED(5) && letter->type == MESSAGE_answered)
            letter->party = letter->party > 1 ? letter->party - 1 : letter->party + 1;
        struct party *party = ledger_party_at(&turn->ledger, letter->party);
        struct owed owed = {.sequence = entry->sequence & 0xffffffffffff,
                            .letter = i,
                            .type = letter->type & 0xff,
                            .referral = entry->referral & 0xffffffffffffff,
                            .offer = letter->offer_number};
        assert(party);
        letter->mailbox_number = ledger_owe(&turn->ledger, party, owed);
    }
}

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
    while (get_unsealed(turn, TABLE_UNMET, key, bytes, sizeof bytes, &length) &&
           record_read_unmet(turn->unpacker, bytes, length, &stored)) {
        if (same_count(&stored, &count)) {
            count.count = stored.count;
            break;
        }
        key++;
    }
    count.count += PLANTED(80) ? 2 : 1;
    put_sealed(turn, TABLE_UNMET, key, bytes, record_write_unmet(&count, bytes));
}

static void end_places(struct turn *turn, uint32_t owner)
{
    turn->ledger.places[owner].total = 0;
    turn->ledger.places[owner].stated_at = turn->now;
    keep_places(turn, owner);
}

void keep_change(struct turn *turn, const struct referral *before, struct referral *after, struct outcome_of *outcome,
                 struct text note)
{
    struct entry *entry = &outcome->entry;
    uint8_t bytes[RECORD_BYTES_MAX];

    assert(outcome->changed);
    if (before)
        ledger_remove(&turn->ledger, before);
    ledger_add(&turn->ledger, after);
    ledger_count_offers(&turn->ledger, after, before ? before->offers_count : 0);
    if (outcome->recorded) {
        fill_positions(turn, after, entry);
        entry->sequence = ++turn->head.sequence;
        after->history = entry->sequence;
        owe_letters(turn, entry);
        put_entry(turn, entry, note);
    }
    put_sealed(turn, TABLE_REFERRAL, after->number, bytes, record_write_referral(after, bytes));
    if (outcome->recorded)
        tell_or_remember(turn, after, entry, note);
    for (uint8_t i = 0; i < outcome->places_none_count; i++)
        end_places(turn, outcome->places_none[i]);
    for (uint8_t i = 0; i < outcome->unmet_count; i++)
        count_unmet(turn, after, outcome->unmet[i]);
}

/* A stored entry, with its note unsealed into note_bytes. */
static bool load_entry(struct turn *turn, uint64_t sequence, struct entry *entry, struct text *note,
                       char note_bytes[RECORD_NOTE_BYTES_MAX])
{
    uint8_t plain[RECORD_BYTES_MAX + RECORD_NOTE_BYTES_MAX + SEAL_OVERHEAD];
    const void *sealed = NULL;
    size_t length = 0;
    size_t sealed_length = 0;

    *note = (struct text){0};
    if (!get_unsealed(turn, TABLE_HISTORY, sequence, plain, sizeof plain, &length) ||
        !record_read_entry(turn->unpacker, plain, length, entry, &sealed, &sealed_length))
        return false;
    if (sealed && entry->referral && sealed_length > SEAL_OVERHEAD && keep_load_content(turn, entry->referral) &&
        unseal_bytes_with(turn->content.key, TABLE_HISTORY, sequence, sealed, sealed_length, note_bytes))
        *note = (struct text){note_bytes, (uint32_t)(sealed_length - SEAL_OVERHEAD)};
    return true;
}

void keep_push(struct turn *turn, struct party *party)
{
    char note_bytes[RECORD_NOTE_BYTES_MAX];
    struct referral referral;
    struct entry entry;
    struct text note;
    uint64_t number;

    while (party->connection && (number = mailbox_next_to_send(&party->mailbox, turn->options.window))) {
        struct owed owed = mailbox_at(&party->mailbox, number);
        /* A damaged entry stops this mailbox, and only this one: nothing is told that cannot be read. */
        if (!load_entry(turn, owed.sequence, &entry, &note, note_bytes) || owed.letter >= entry.letters_count ||
            !keep_load(turn, entry.referral, &referral))
            return;
        write_letter(turn, party, &referral, &entry, entry.letters[owed.letter], note);
    }
}

uint64_t keep_request_hash(struct turn *turn, uint32_t party, const uint8_t request_id[UUID_BYTES])
{
    uint8_t bytes[UUID_BYTES + sizeof party];

    memcpy(bytes, request_id, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, &party, sizeof party);
    return seal_short_hash(turn->seal, bytes, sizeof bytes);
}

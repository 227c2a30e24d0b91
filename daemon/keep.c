/* SPDX-License-Identifier: MIT
 * keep: load and save. What a turn changes goes through here, sealed, into the turn's one transaction; what a party is
 * told about it is written here too, from what was just saved. */
#include <assert.h>
#include <string.h>

#include "daemon/core/letter.h"
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
    int found = network_find_neighbourhood(turn->ledger.network, referral->neighbourhood_code,
                                           strlen(referral->neighbourhood_code));
    referral->profile.neighbourhood = found < 0 ? NEIGHBOURHOOD_NONE : (uint16_t)found;
    return true;
}

bool keep_next(struct turn *turn, uint64_t *number, struct referral *referral)
{
    const void *bytes = NULL;
    size_t length = 0;

    for (;; ++*number) {
        if (store_seek(turn->store, turn->transaction, TABLE_REFERRAL, false, number, &bytes, &length) != STORE_OK)
            return false;
        if (keep_load(turn, *number, referral))
            return true;
    }
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

void keep_head(struct turn *turn)
{
    uint8_t bytes[RECORD_BYTES_MAX];

    turn->head.batch++;
    put_sealed(turn, TABLE_META, META_HEAD, bytes, record_write_head(&turn->head, bytes));
}

/* The chain runs over the bytes as they are before sealing; a note in them is already sealed under its referral's key,
 * so that the chain can be verified after the person has been erased. */
static void put_entry(struct turn *turn, const struct entry *entry, struct text note)
{
    uint8_t sealed_note[RECORD_NOTE_BYTES_MAX + SEAL_OVERHEAD];
    uint8_t bytes[RECORD_BYTES_MAX + sizeof sealed_note];
    size_t note_length = 0;
    size_t length;

    assert(note.length <= RECORD_NOTE_BYTES_MAX);
    if (note.length && keep_load_content(turn, entry->referral)) {
        seal_bytes_with(turn->seal, turn->content.key, TABLE_HISTORY, entry->sequence, note.bytes, note.length,
                        sealed_note);
        note_length = note.length + SEAL_OVERHEAD;
    }
    length = record_write_entry(entry, note_length ? sealed_note : NULL, note_length, bytes);
    seal_chain(turn->head.chain, bytes, length, turn->head.chain);
    put_sealed(turn, TABLE_HISTORY, entry->sequence, bytes, length);
}

void keep_entry(struct turn *turn, struct entry *entry)
{
    entry->sequence = ++turn->head.sequence;
    put_entry(turn, entry, (struct text){0});
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
    letter_write(&facts, &letter, turn->age_band, &turn->answer);
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
                            .referral = entry->referral};
        assert(party);
        letter->mailbox_number = ledger_owe(&turn->ledger, party, owed);
    }
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
    if (outcome->recorded) {
        entry->position = outcome->waits ? ledger_position(&turn->ledger, after) : 0;
        entry->sequence = ++turn->head.sequence;
        after->history = entry->sequence;
        owe_letters(turn, entry);
        put_entry(turn, entry, note);
    }
    put_sealed(turn, TABLE_REFERRAL, after->number, bytes, record_write_referral(after, bytes));
    if (outcome->recorded)
        tell_or_remember(turn, after, entry, note);
    if (outcome->places_none >= 0) {
        turn->ledger.places[outcome->places_none].total = 0;
        turn->ledger.places[outcome->places_none].stated_at = turn->now;
        keep_places(turn, (uint32_t)outcome->places_none);
    }
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
    if (sealed && sealed_length > SEAL_OVERHEAD && keep_load_content(turn, entry->referral) &&
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

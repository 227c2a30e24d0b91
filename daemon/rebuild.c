/* SPDX-License-Identifier: MIT
 * rebuild: from the store to a turn that can run. Claims the next epoch, keeps a new network version, and derives
 * places, waiting lists, due times, request ids and mailboxes from the records. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/core/planted.h"
#include "daemon/io/postcodes.h"
#include "daemon/turn_inside.h"

static const char format_mark[] = "referrald store, format 1";

static bool fail(char *why, size_t why_size, const char *sentence)
{
    snprintf(why, why_size, "%s", sentence);
    return false;
}

/* The next record of a table, unsealed. 1: there is one; 0: the end; -1: damaged. */
static int next_record(struct turn *turn, enum table table, uint64_t *key, uint8_t *plain, size_t size, size_t *length)
{
    const void *bytes = NULL;
    size_t sealed = 0;
    enum store_result result = store_seek(turn->store, turn->transaction, table, false, key, &bytes, &sealed);

    if (result == STORE_NOT_FOUND)
        return 0;
    if (result != STORE_OK || sealed < SEAL_OVERHEAD || sealed - SEAL_OVERHEAD > size)
        return -1;
    *length = sealed - SEAL_OVERHEAD;
    return unseal_bytes(turn->seal, (int)table, *key, bytes, sealed, plain) ? 1 : -1;
}

/* A new store gets its mark; an old one must open with this master key. */
static bool check_format(struct turn *turn, char *why, size_t why_size)
{
    uint8_t sealed[sizeof format_mark + SEAL_OVERHEAD];
    uint8_t plain[sizeof format_mark];
    const void *bytes = NULL;
    size_t length = 0;
    enum store_result result = store_get(turn->store, turn->transaction, TABLE_META, META_FORMAT, &bytes, &length);

    if (result == STORE_NOT_FOUND) {
        seal_bytes(turn->seal, TABLE_META, META_FORMAT, format_mark, sizeof format_mark, sealed);
        store_put(turn->store, turn->transaction, TABLE_META, META_FORMAT, sealed, sizeof sealed);
        return true;
    }
    if (result != STORE_OK)
        return fail(why, why_size, "the store cannot be read: restore the last backup");
    if (length != sizeof sealed || !unseal_bytes(turn->seal, TABLE_META, META_FORMAT, bytes, length, plain))
        return fail(why, why_size, "the store was not sealed with this master key: use the key that it was made with");
    if (memcmp(plain, format_mark, sizeof format_mark) != 0)
        return fail(why, why_size, "the store has another format: use the version of referrald that wrote it");
    return true;
}

static bool load_head(struct turn *turn, char *why, size_t why_size)
{
    uint8_t plain[RECORD_BYTES_MAX];
    const void *bytes = NULL;
    size_t length = 0;
    enum store_result result = store_get(turn->store, turn->transaction, TABLE_META, META_HEAD, &bytes, &length);

    if (result == STORE_NOT_FOUND) {
        turn->head = (struct head){.epoch = 1};
        return true;
    }
    if (result != STORE_OK || length < SEAL_OVERHEAD || length - SEAL_OVERHEAD > sizeof plain ||
        !unseal_bytes(turn->seal, TABLE_META, META_HEAD, bytes, length, plain) ||
        !record_read_head(turn->unpacker, plain, length - SEAL_OVERHEAD, &turn->head))
        return fail(why, why_size, "the head of the store is damaged: restore the last backup");
    turn->head.epoch++;
    return true;
}

static bool load_parties(struct turn *turn, uint64_t *history_from, char *why, size_t why_size)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct party_record record;
    size_t length = 0;
    int found;

    *history_from = turn->head.sequence + 1;
    for (uint64_t key = 1; (found = next_record(turn, TABLE_PARTY, &key, plain, sizeof plain, &length)) > 0; key++) {
        if (!record_read_party(turn->unpacker, plain, length, &record) || key > turn->head.party)
            return fail(why, why_size, "a party's record is damaged: restore the last backup");
        if (PLANTED(6) && record.confirmed)
            record.confirmed--;
        ledger_add_party(&turn->ledger, record.id, (uint32_t)key, record.confirmed);
        if (record.first_unconfirmed < *history_from)
            *history_from = record.first_unconfirmed;
    }
    return found == 0 || fail(why, why_size, "a party's record is damaged: restore the last backup");
}

/* Hubs and senders of the file get their numbers: the old ones where they are known. */
static void number_parties(struct turn *turn)
{
    struct network *network = turn->ledger.network;

    for (uint32_t i = 0; i < network->hubs_count; i++)
        network->hubs[i].party = keep_find_party(turn, network->hubs[i].id)->number;
    for (uint32_t i = 0; i < network->senders_count; i++)
        network->senders[i].party = keep_find_party(turn, network->senders[i].id)->number;
}

/* True when the text or the edition of the postcodes is new: then they are kept as a version, so that past decisions
 * stay explainable. Stored: the edition, NUL-padded, and the text. */
static bool keep_network(struct turn *turn, const char *text, size_t text_length)
{
    size_t length = sizeof turn->edition + text_length;
    uint8_t *version = malloc(2 * (length + SEAL_OVERHEAD));
    uint8_t *scratch = version + length + SEAL_OVERHEAD;
    const void *bytes = NULL;
    size_t sealed_length = 0;
    bool same = false;

    assert(version);
    memcpy(version, turn->edition, sizeof turn->edition);
    memcpy(version + sizeof turn->edition, text, text_length);
    if (turn->head.network && store_get(turn->store, turn->transaction, TABLE_NETWORK, turn->head.network, &bytes,
                                        &sealed_length) == STORE_OK)
        same = sealed_length == length + SEAL_OVERHEAD &&
               unseal_bytes(turn->seal, TABLE_NETWORK, turn->head.network, bytes, sealed_length, scratch) &&
               memcmp(scratch, version, length) == 0;
    if (!same) {
        turn->head.network++;
        seal_bytes(turn->seal, TABLE_NETWORK, turn->head.network, version, length, scratch);
        store_put(turn->store, turn->transaction, TABLE_NETWORK, turn->head.network, scratch, length + SEAL_OVERHEAD);
    }
    free(version);
    turn->ledger.network->version = turn->head.network;
    return !same;
}

static void record_network_change(struct turn *turn)
{
    struct entry entry = {.at = turn->now,
                          .event = EVENT_NETWORK_CHANGED,
                          .decision = {.network_version = turn->ledger.network->version}};

    keep_entry(turn, &entry);
}

/* What hubs stated about their places outlives a restart, and a new version of the network too, as long as the file's
 * own figure for the service is the same. */
static bool load_places(struct turn *turn, char *why, size_t why_size)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct places stated;
    size_t length = 0;
    int found;

    for (uint64_t key = 0; (found = next_record(turn, TABLE_CAPACITY, &key, plain, sizeof plain, &length)) > 0; key++) {
        int row = network_find_service(turn->ledger.network, (uint32_t)(key >> 32), (uint32_t)key);
        if (!record_read_places(turn->unpacker, plain, length, &stated))
            return fail(why, why_size, "a record of places is damaged: restore the last backup");
        if (row < 0 || turn->ledger.network->services[row].places != stated.in_file)
            store_del(turn->store, turn->transaction, TABLE_CAPACITY, key);
        else if (!PLANTED(19))
            turn->ledger.places[row] = stated;
    }
    return found == 0 || fail(why, why_size, "a record of places is damaged: restore the last backup");
}

static void remember_to_place_again(struct turn *turn, uint64_t number)
{
    if (turn->again_count % 1024 == 0) {
        turn->again = realloc(turn->again, (turn->again_count + 1024) * sizeof turn->again[0]);
        assert(turn->again);
    }
    turn->again[turn->again_count++] = number;
}

/* A damaged referral is not served and counts for nothing but as damaged; the others go on. */
static void load_referrals(struct turn *turn)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct referral referral;
    size_t length = 0;
    int found;

    for (uint64_t key = 1; (found = next_record(turn, TABLE_REFERRAL, &key, plain, sizeof plain, &length)); key++) {
        if (found < 0 || !record_read_referral(turn->unpacker, plain, length, &referral) || referral.number != key) {
            turn->ledger.totals.damaged++;
            if (key > turn->head.referral)
                return;
            continue;
        }
        if (!PLANTED(20) || referral.state != STATE_ACCEPTED)
            ledger_add(&turn->ledger, &referral);
        ledger_take_request(&turn->ledger, keep_request_hash(turn, referral.sender, referral.request_id), key);
        if (turn->head.judged != turn->head.network && referral.state == STATE_ON_HOLD)
            remember_to_place_again(turn, key);
    }
}

/* What each party has not confirmed stands in the history from `from` on. */
static bool load_mailboxes(struct turn *turn, uint64_t from, char *why, size_t why_size)
{
    uint8_t plain[RECORD_BYTES_MAX + RECORD_NOTE_BYTES_MAX + SEAL_OVERHEAD];
    const void *note = NULL;
    struct entry entry;
    size_t note_length = 0;
    size_t length = 0;

    for (uint64_t key = from; key <= turn->head.sequence && !PLANTED(7); key++) {
        uint64_t expected = key;
        if (next_record(turn, TABLE_HISTORY, &key, plain, sizeof plain, &length) <= 0 || key != expected ||
            !record_read_entry(turn->unpacker, plain, length, &entry, &note, &note_length))
            return fail(why, why_size, "an entry of the history is damaged: restore the last backup");
        for (uint8_t i = 0; i < entry.letters_count; i++) {
            struct party *party = ledger_party_at(&turn->ledger, entry.letters[i].party);
            struct owed owed = {.sequence = key & 0xffffffffffff,
                                .letter = i,
                                .type = entry.letters[i].type & 0xff,
                                .referral = entry.referral};
            if (party && entry.letters[i].mailbox_number == party->mailbox.last + 1)
                ledger_owe(&turn->ledger, party, owed);
        }
    }
    return true;
}

static bool rebuild(struct turn *turn, const char *text, size_t text_length, char *why, size_t why_size)
{
    uint64_t history_from = 0;

    if (!check_format(turn, why, why_size) || !load_head(turn, why, why_size) ||
        !load_parties(turn, &history_from, why, why_size))
        return false;
    number_parties(turn);
    postcodes_edition(turn->store, turn->transaction, turn->edition);
    bool new_network = keep_network(turn, text, text_length);
    if (!load_places(turn, why, why_size))
        return false;
    load_referrals(turn);
    if (!load_mailboxes(turn, history_from, why, why_size))
        return false;
    if (new_network)
        record_network_change(turn);
    /* Who has been told nothing for long would have the next start read all the history since. */
    for (uint32_t i = 1; i < turn->ledger.parties_count; i++)
        if (turn->ledger.parties[i])
            keep_party(turn, turn->ledger.parties[i]);
    keep_head(turn);
    return true;
}

static struct turn *new_turn(struct store *store, struct seal *seal, struct network **network,
                             const struct turn_options *options, int64_t now_ms)
{
    struct turn *turn = calloc(1, sizeof *turn);

    assert(turn);
    turn->store = store;
    turn->seal = seal;
    turn->options = *options;
    turn->unpacker = unpacker_open();
    turn->decoder = decoder_open();
    turn->verdicts = calloc((*network)->hubs_count + 1, sizeof turn->verdicts[0]);
    assert(turn->unpacker && turn->decoder && turn->verdicts);
    pthread_mutex_init(&turn->lock, NULL);
    ledger_init(&turn->ledger, network);
    turn->now = now_ms;
    turn->push_check_at = INT64_MAX;
    turn->look_at_all = true;
    turn->ledger.totals.started_at = now_ms;
    return turn;
}

struct turn *turn_open(struct store *store, struct seal *seal, struct network **network, const char *network_text,
                       size_t network_length, const struct turn_options *options, int64_t now_ms, char *why,
                       size_t why_size)
{
    struct turn *turn = new_turn(store, seal, network, options, now_ms);
    enum store_result result = STORE_OK;

    turn->transaction = store_begin(store, true, &result);
    if (!turn->transaction) {
        snprintf(why, why_size, "the store cannot be written: %s", store_result_text(result));
        turn_close(&turn);
        return NULL;
    }
    if (!rebuild(turn, network_text, network_length, why, why_size)) {
        store_abort(store, &turn->transaction);
        turn_close(&turn);
        return NULL;
    }
    result = store_commit(store, &turn->transaction);
    if (result != STORE_OK) {
        snprintf(why, why_size, "the store cannot be written: %s", store_result_text(result));
        turn_close(&turn);
    }
    return turn;
}

void turn_close(struct turn **turn)
{
    if (!*turn)
        return;
    network_free(&(*turn)->ledger.network);
    ledger_free(&(*turn)->ledger);
    pthread_mutex_destroy(&(*turn)->lock);
    unpacker_close(&(*turn)->unpacker);
    decoder_close(&(*turn)->decoder);
    free((*turn)->verdicts);
    free((*turn)->again);
    seal_wipe(&(*turn)->content, sizeof(*turn)->content);
    free(*turn);
    *turn = NULL;
}

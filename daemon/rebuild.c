/* SPDX-License-Identifier: MIT
 * rebuild: from the store to a turn that can run. Claims the next epoch, chooses the network that is in force, and
 * derives places, waiting lists, due times, request ids and mailboxes from the records. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/io/log.h"
#include "daemon/io/network_file.h"
#include "daemon/io/postcodes.h"
#include "daemon/shelf.h"
#include "daemon/turn_inside.h"

#define DRAFTS_OF_A_START 10000 /* numbers of drafts that each start has for itself */
#define STARTS_NUMBERED 100000  /* then they come again: the number of a draft has its limit */

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
    seal_expect(turn->seal, bytes);
    return unseal_bytes(turn->seal, (int)table, *key, bytes, sealed, plain) ? 1 : -1;
}

/* Whether the head opens: then the master key is the right one. */
static bool head_opens(struct turn *turn)
{
    uint8_t plain[RECORD_BYTES_MAX];
    size_t length = 0;

    return keep_get(turn, TABLE_META, META_HEAD, plain, sizeof plain, &length);
}

/* A new store gets its mark; an old one must open with this master key. */
static bool check_format(struct turn *turn, bool *is_new, char *why, size_t why_size)
{
    uint8_t sealed[sizeof format_mark + SEAL_OVERHEAD];
    uint8_t plain[sizeof format_mark];
    const void *bytes = NULL;
    size_t length = 0;
    enum store_result result = store_get(turn->store, turn->transaction, TABLE_META, META_FORMAT, &bytes, &length);

    *is_new = result == STORE_NOT_FOUND && !head_opens(turn);
    if (*is_new) {
        seal_bytes(turn->seal, TABLE_META, META_FORMAT, format_mark, sizeof format_mark, sealed);
        store_put(turn->store, turn->transaction, TABLE_META, META_FORMAT, sealed, sizeof sealed);
        return true;
    }
    if (result != STORE_OK && result != STORE_NOT_FOUND)
        return fail(why, why_size, "the store cannot be read: restore the last backup");
    if (length != sizeof sealed || !unseal_bytes(turn->seal, TABLE_META, META_FORMAT, bytes, length, plain))
        return fail(why, why_size,
                    head_opens(turn)
                        ? "the mark of the store is damaged: restore the last backup"
                        : "the store was not sealed with this master key: use the key that it was made with");
    if (memcmp(plain, format_mark, sizeof format_mark) != 0)
        return fail(why, why_size, "the store has another format: use the version of referrald that wrote it");
    return true;
}

static bool load_head(struct turn *turn, bool is_new, char *why, size_t why_size)
{
    uint8_t plain[RECORD_BYTES_MAX];
    size_t length = 0;

    if (!is_new && (!keep_get(turn, TABLE_META, META_HEAD, plain, sizeof plain, &length) ||
                    !record_read_head(plain, length, &turn->head)))
        return fail(why, why_size, "the head of the store is damaged: restore the last backup");
    if (turn->head.batch < turn->options.batch_least)
        return fail(why, why_size,
                    "the store is older than the one that was here, or empty: put that one back; if this one is meant, "
                    "remove the file beside it that ends in .anchor");
    turn->head.epoch++;
    return true;
}

static bool load_parties(struct turn *turn, uint64_t *history_from, char *why, size_t why_size)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct party_record record;
    uint64_t number = 0;
    size_t length = 0;
    int found;

    *history_from = turn->head.sequence + 1;
    for (uint64_t key = 1; (found = next_record(turn, TABLE_PARTY, &key, plain, sizeof plain, &length)) > 0; key++) {
        if (!record_read_party(plain, length, &record) || key != ++number)
            return fail(why, why_size, "a party's record is damaged: restore the last backup");
        if (PLANTED(6) && record.confirmed)
            record.confirmed--;
        struct party *party = ledger_add_party(&turn->ledger, record.id, (uint32_t)key, record.confirmed);
        party->start_from = record.first_unconfirmed;
        if (record.first_unconfirmed < *history_from)
            *history_from = record.first_unconfirmed;
    }
    if (found < 0 || number != turn->head.party)
        return fail(why, why_size, "a party's record is damaged: restore the last backup");
    return true;
}

/* ---- which network ---- */

/* The text of a version, and what it was kept with. */
struct stored {
    void *memory; /* NULL: there is none, or it is damaged */
    struct network_record record;
    const char *text;
    size_t length;
};

static struct stored load_version(struct turn *turn, uint32_t version)
{
    struct stored stored = {.memory = NULL};

    stored.memory = keep_load_network(turn, version, &stored.record, &stored.text, &stored.length);
    return stored;
}

static bool has_text(const struct stored *stored, const char *text, size_t length)
{
    return stored->memory && stored->length == length && memcmp(stored->text, text, length) == 0;
}

/* The file is as it was when it was last read: what an operator has applied since stays in force. */
static bool take_applied_network(struct turn *turn, const struct stored *newest, char *why, size_t why_size)
{
    struct config_faults *faults = calloc(1, sizeof *faults);

    assert(faults);
    struct network *network = network_parse("applied network", newest->text, newest->length, faults);
    free(faults);
    if (!network)
        return fail(why, why_size,
                    "the network that an operator applied cannot be read by this version of referrald: change the "
                    "network file, and it comes into force instead");
    ledger_take_network(&turn->ledger, &network);
    network_free(&network);
    LOG(LOGGED_NETWORK_STORED, {"version", .number = turn->head.network});
    return true;
}

/* False: what an operator had applied cannot be read any more, and nothing else is meant to be in force. */
static bool check_versions(const struct turn *turn, const struct stored *newest, const struct stored *file,
                           bool file_is_new, char *why, size_t why_size)
{
    if (turn->head.network && !newest->memory)
        LOG(LOGGED_NETWORK_DAMAGED, {"version", .number = turn->head.network});
    if (turn->head.file && turn->head.file != turn->head.network && !file->memory)
        LOG(LOGGED_NETWORK_DAMAGED, {"version", .number = turn->head.file});
    if (newest->memory || turn->head.file == turn->head.network || file_is_new)
        return true;
    return fail(why, why_size,
                "the network that an operator applied is damaged in the store: restore the last backup, or change the "
                "network file, and it comes into force instead");
}

/* Puts the newest version in force, or makes a new one: when the text of the file is new, or the edition of the
 * postcodes, so that past decisions stay explainable. *is_new: a new version was made. Where nobody can tell any more
 * whether the file has changed, what an operator has applied stays. */
static bool choose_network(struct turn *turn, const char *text, size_t length, bool *is_new, char *why, size_t why_size)
{
    struct stored newest = load_version(turn, turn->head.network);
    struct stored file = load_version(turn, turn->head.file);
    bool file_is_known = file.memory || turn->head.file == turn->head.network;
    bool file_is_new = file_is_known && !has_text(&file, text, length);
    bool applied = newest.memory && !file_is_new && !has_text(&newest, text, length);
    bool same_text = applied || has_text(&newest, text, length);
    bool same_edition = newest.memory && strcmp(newest.record.edition, turn->edition) == 0;
    bool good = check_versions(turn, &newest, &file, file_is_new, why, why_size) &&
                (!applied || take_applied_network(turn, &newest, why, why_size));

    *is_new = !same_edition || (file_is_new && !same_text);
    ruling_number_parties(turn, turn->ledger.network);
    if (*is_new) {
        ruling_keep_version(turn, turn->ledger.network, same_text ? newest.record.applied_at : turn->now,
                            applied ? newest.text : text, applied ? newest.length : length);
    } else {
        turn->ledger.network->version = turn->head.network;
        turn->ledger.network->applied_at = newest.record.applied_at;
    }
    if (!applied)
        turn->head.file = turn->head.network;
    free(newest.memory);
    free(file.memory);
    return good;
}

static void record_network_change(struct turn *turn)
{
    struct entry entry = {.at = turn->now,
                          .event = EVENT_NETWORK_CHANGED,
                          .decision = {.network_version = turn->ledger.network->version}};

    keep_entry(turn, &entry, NULL);
}

/* ---- what is derived ---- */

static uint64_t request_hash(struct turn *turn, const struct referral *referral)
{
    return keep_request_hash(turn, referral->sender, referral->request_id);
}

static void count_referral(struct turn *turn, struct referral *referral)
{
    profile_settle(turn->ledger.network, referral);
    if (!PLANTED(20) || referral->state != STATE_ACCEPTED)
        ledger_add(&turn->ledger, referral);
    ledger_count_offers(&turn->ledger, referral, 0);
    ledger_take_request(&turn->ledger, request_hash(turn, referral), referral->number);
    placing_notice(turn, referral);
}

static bool is_enquiry(struct turn *turn, uint64_t number)
{
    const void *bytes = NULL;
    size_t length = 0;

    return store_get(turn->store, turn->transaction, TABLE_ENQUIRY, number, &bytes, &length) == STORE_OK;
}

/* A damaged referral is not served and counts for nothing but as damaged; the others go on. Every number that was given
 * is a referral's or an enquiry's: one that is neither is damaged too. Each is counted when the next has been read:
 * most of the time would pass in waiting for the memory of its hashes. */
static void load_referrals(struct turn *turn)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct referral referrals[2];
    struct referral *read = &referrals[0], *before = NULL;
    size_t length = 0;
    uint64_t key = 0;
    int found = 1;

    ledger_expect_requests(&turn->ledger, turn->head.referral);
    for (uint64_t number = 1; number <= turn->head.referral; number++) {
        if (found && key < number) {
            key = number;
            found = next_record(turn, TABLE_REFERRAL, &key, plain, sizeof plain, &length);
        }
        if (found > 0 && key == number && record_read_referral(plain, length, read)) {
            ledger_foresee(&turn->ledger, read, request_hash(turn, read));
            if (before)
                count_referral(turn, before);
            before = read;
            read = &referrals[read == &referrals[0]];
        } else if ((found && key == number) || !is_enquiry(turn, number)) {
            ledger_miss(&turn->ledger, number);
        }
    }
    if (before)
        count_referral(turn, before);
}

static bool rebuild(struct turn *turn, const char *text, size_t text_length, char *why, size_t why_size)
{
    uint64_t history_from = 0;
    bool new_network = false;
    bool is_new = false;

    if (!check_format(turn, &is_new, why, why_size) || !load_head(turn, is_new, why, why_size) ||
        !load_parties(turn, &history_from, why, why_size))
        return false;
    postcodes_edition(turn->store, turn->transaction, turn->edition);
    if (turn->options.shelf)
        shelf_count_from(turn->options.shelf, (uint32_t)(turn->head.epoch % STARTS_NUMBERED) * DRAFTS_OF_A_START);
    if (!choose_network(turn, text, text_length, &new_network, why, why_size))
        return false;
    ruling_make_scratch(turn);
    if (!keep_load_places(turn))
        return fail(why, why_size, "a record of places is damaged: restore the last backup");
    load_referrals(turn);
    enquiry_rebuild(turn);
    turn->gathered = true;
    if (!delivery_rebuild(turn, history_from))
        return fail(why, why_size, "an entry of the history is damaged: restore the last backup");
    if (new_network)
        record_network_change(turn);
    /* Who has been told nothing for long would have the next start read all the history since. */
    for (uint32_t i = 1; i < turn->ledger.parties_count; i++)
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
    if (!turn->options.waiting_max)
        turn->options.waiting_max = WAITING_MAX;
    pthread_mutex_init(&turn->lock, NULL);
    places_open(turn);
    turn->recent = recent_open();
    ledger_init(&turn->ledger, network, now_ms);
    turn->now = now_ms;
    turn->push_check_at = INT64_MAX;
    turn->starts = true;
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
        return NULL;
    }
    turn->batch = turn->head.batch;
    return turn;
}

void turn_close(struct turn **turn)
{
    if (!*turn)
        return;
    places_close(*turn);
    recent_close(&(*turn)->recent);
    ledger_free(&(*turn)->ledger);
    network_free(&(*turn)->ledger.network);
    while ((*turn)->formers) {
        struct former *former = (*turn)->formers;
        (*turn)->formers = former->next;
        network_free(&former->network);
        free(former);
    }
    placing_forget(*turn);
    pthread_mutex_destroy(&(*turn)->lock);
    free((*turn)->covers);
    free((*turn)->full);
    seal_wipe(&(*turn)->content, sizeof(*turn)->content);
    free(*turn);
    *turn = NULL;
}

/* SPDX-License-Identifier: MIT
 * study: the questions and who answers them; drafts, and reading in short transactions. */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/study_inside.h"
#include "proto/check.h"

#define READ_AT_ONCE 1000 /* records in one transaction */

static const char draft_name[] = "draft"; /* in the faults of a draft, before the line */

struct study *study_open(struct turn *turn, struct store *store, struct seal *seal, const char *version,
                         struct shelf *shelf)
{
    struct study *study = calloc(1, sizeof *study);

    assert(study);
    study->reader = reader_open(turn, store, seal, version);
    study->shelf = shelf;
    atomic_init(&study->stopping, false);
    return study;
}

void study_close(struct study **study)
{
    if (!*study)
        return;
    reader_close(&(*study)->reader);
    free(*study);
    *study = NULL;
}

void study_stop(struct study *study)
{
    atomic_store(&study->stopping, true);
}

bool study_is_stopping(const struct study *study)
{
    return atomic_load(&study->stopping) || study->failed;
}

/* ---- reading ---- */

void study_begin_reading(struct study *study)
{
    study->reader->transaction = store_begin(study->reader->store, false, NULL);
    if (!study->reader->transaction)
        study->failed = REFUSAL_BUSY;
    study->read = 0;
}

void study_end_reading(struct study *study)
{
    if (study->reader->transaction && store_commit(study->reader->store, &study->reader->transaction) != STORE_OK)
        study->failed = REFUSAL_DAMAGED;
}

bool study_next(struct study *study, enum table table, uint64_t *key, const void **sealed, size_t *length)
{
    struct reader *reader = study->reader;

    if (study_is_stopping(study))
        return false;
    if (study->read++ == READ_AT_ONCE) {
        study_end_reading(study);
        study_begin_reading(study);
    }
    return reader->transaction &&
           store_seek(reader->store, reader->transaction, table, false, key, sealed, length) == STORE_OK;
}

bool study_next_referral(struct study *study, uint64_t *number, struct referral *referral)
{
    const void *sealed = NULL;
    size_t length = 0;

    for (; study_next(study, TABLE_REFERRAL, number, &sealed, &length); ++*number)
        if (reader_read_referral(study->reader, *number, sealed, length, referral))
            return true;
    return false;
}

/* ---- drafts ---- */

static void answer_drafted(struct study *study, uint32_t draft, size_t bytes)
{
    answer_begin(study->reader, MESSAGE_drafted);
    answer_set(study->reader, FIELD_draft, draft);
    answer_set(study->reader, FIELD_bytes, (int64_t)bytes);
    answer_send(study->reader);
}

/* A stored version becomes a draft, to be looked at and applied like any other. */
static void draft_from_version(struct study *study)
{
    struct reader *reader = study->reader;
    uint32_t version = (uint32_t)message_number(reader->request->message, FIELD_network_version);
    struct network_record record;
    size_t length = 0;
    size_t bytes = 0;

    study_begin_reading(study);
    char *text = reader->transaction ? reader_network_text(reader, version, &record, &length) : NULL;
    study_end_reading(study);
    uint32_t draft = text ? shelf_add(study->shelf, reader->request->connection, 0, text, length, true, &bytes) : 0;
    free(text);
    if (draft)
        answer_drafted(study, draft, bytes);
    else
        answer_refused(reader, REFUSAL_NOT_FOUND, "network_version");
}

static void answer_draft(struct study *study)
{
    const struct message *message = study->reader->request->message;
    struct text piece = message_text(message, FIELD_draft_text);
    size_t bytes = 0;

    if (message_has(message, FIELD_network_version)) {
        draft_from_version(study);
        return;
    }
    uint32_t draft =
        shelf_add(study->shelf, study->reader->request->connection, (size_t)message_number(message, FIELD_first_byte),
                  piece.bytes, piece.length, message_number(message, FIELD_is_last) != 0, &bytes);
    if (draft)
        answer_drafted(study, draft, bytes);
    else
        answer_refused(study->reader, REFUSAL_OUT_OF_RANGE, "first_byte");
}

/* NULL: refused. The caller frees. */
static char *take_text(struct study *study, size_t *length)
{
    uint32_t number = (uint32_t)message_number(study->reader->request->message, FIELD_draft);
    char *text = shelf_text(study->shelf, number, length);

    if (!text)
        answer_refused(study->reader, REFUSAL_NOT_FOUND, "draft");
    return text;
}

/* A fault line without the name of the file and the line, which the message tells by itself; and in whole characters,
 * although it may quote a cut-off one. */
static const char *fault_text(char *line)
{
    char *colon = strstr(line, ": ");
    size_t characters;

    assert(colon);
    char *text = colon + 2;
    if (!check_utf8((struct text){text, (uint32_t)strlen(text)}, false, &characters))
        for (char *at = text; *at; at++)
            if ((unsigned char)*at >= 0x80 || (unsigned char)*at < ' ')
                *at = '?';
    return text;
}

static void send_fault(struct study *study, int line, const char *text)
{
    answer_begin(study->reader, MESSAGE_fault);
    answer_set_some(study->reader, FIELD_line, line);
    message_set_string(&study->reader->answer, FIELD_fault, text);
    answer_send(study->reader);
}

static void answer_check(struct study *study)
{
    struct config_faults *faults = calloc(1, sizeof *faults);
    size_t length = 0;
    char *text = take_text(study, &length);
    char more[60];

    assert(faults);
    if (text) {
        struct network *network = network_parse(draft_name, text, length, faults);
        size_t kept = faults->count < CONFIG_FAULTS_MAX ? faults->count : CONFIG_FAULTS_MAX;
        network_free(&network);
        for (size_t i = 0; i < kept; i++)
            send_fault(study, faults->line[i], fault_text(faults->lines[i]));
        if (faults->count > kept) {
            snprintf(more, sizeof more, "and %zu more", faults->count - kept);
            send_fault(study, 0, more);
        }
        answer_end(study->reader, (int64_t)(kept + (faults->count > kept)), "");
    }
    free(text);
    free(faults);
}

/* The largest number that a party has. */
static uint32_t newest_party(struct study *study)
{
    uint64_t key = UINT32_MAX;
    const void *bytes = NULL;
    size_t length = 0;

    study_begin_reading(study);
    if (!study->reader->transaction || store_seek(study->reader->store, study->reader->transaction, TABLE_PARTY, true,
                                                  &key, &bytes, &length) != STORE_OK)
        key = 0;
    study_end_reading(study);
    return (uint32_t)key;
}

static void number_parties(struct study *study, struct network *network)
{
    struct turn *turn = study->reader->turn;
    uint32_t newest = newest_party(study);

    for (uint32_t i = 0; i < network->hubs_count; i++) {
        network->hubs[i].party = turn_party_number(turn, network->hubs[i].id);
        if (network->hubs[i].party == PARTY_NONE)
            network->hubs[i].party = ++newest;
    }
    for (uint32_t i = 0; i < network->senders_count; i++) {
        network->senders[i].party = turn_party_number(turn, network->senders[i].id);
        if (network->senders[i].party == PARTY_NONE)
            network->senders[i].party = ++newest;
    }
    network_index(network);
}

struct network *study_take_draft(struct study *study)
{
    struct config_faults *faults = calloc(1, sizeof *faults);
    struct network *network = NULL;
    size_t length = 0;
    char *text = take_text(study, &length);

    assert(faults);
    if (text && !(network = network_parse(draft_name, text, length, faults)))
        answer_refused(study->reader, REFUSAL_FAULTY, "draft");
    if (network) {
        number_parties(study, network);
        network->version = study->reader->network->version + 1;
        network->applied_at = study->reader->now;
    }
    free(text);
    free(faults);
    return network;
}

/* ---- the question ---- */

static const struct {
    enum message_type type;
    void (*answer)(struct study *);
} studies[] = {
    {MESSAGE_draft, answer_draft},
    {MESSAGE_check, answer_check},
    {MESSAGE_diff, study_diff},
    {MESSAGE_coverage, study_coverage},
    {MESSAGE_simulate, study_simulate},
    {MESSAGE_unmet, study_unmet},
    {MESSAGE_equity, study_equity},
    {MESSAGE_verify, study_verify},
    {MESSAGE_store_check, study_store_check},
    {MESSAGE_retention, study_retention},
    {MESSAGE_find_person, study_find_person},
};

void study_answer(struct study *study, int64_t now_ms, const struct request *request, struct outbox *outbox)
{
    struct reader *reader = study->reader;
    size_t count = outbox->count, used = outbox->used;

    store_catch_up(reader->store, INT_MAX);
    reader_begin(reader, now_ms, request, outbox);
    study->failed = REFUSAL_NONE;
    for (size_t i = 0; i < sizeof studies / sizeof studies[0] && !study_is_stopping(study); i++)
        if (studies[i].type == request->message->type)
            studies[i].answer(study);
    if (study_is_stopping(study)) { /* half an answer is none */
        outbox->count = count;
        outbox->used = used;
        answer_refused(reader, study->failed ? study->failed : REFUSAL_DRAINING, "");
    }
    reader_finish(reader);
}

/* SPDX-License-Identifier: MIT
 * study_audit: is what is stored what was written, and is it whole? The chain over the history, and a look at every
 * record. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger.h"
#include "daemon/study_inside.h"

#define ACTS_WITHIN_MS INT64_C(3600000) /* so long after a deadline the network has acted, also on a bad day */

static bool load_head(struct study *study, struct head *head)
{
    struct reader *reader = study->reader;
    uint8_t plain[RECORD_BYTES_MAX];
    const void *sealed = NULL;
    size_t length = 0;

    return reader->transaction &&
           store_get(reader->store, reader->transaction, TABLE_META, META_HEAD, &sealed, &length) == STORE_OK &&
           reader_unseal(reader, TABLE_META, META_HEAD, sealed, length, plain, sizeof plain) &&
           record_read_head(plain, length - SEAL_OVERHEAD, head);
}

/* ---- the chain ---- */

/* What somebody has kept: the hash over the history up to an entry. */
struct anchor {
    uint64_t sequence;
    char hash[SEAL_HASH_TEXT_BYTES];
    bool matches;
};

struct verifying {
    struct study *study;
    struct head head;
    struct anchor anchor;
    uint8_t chain[SEAL_HASH_BYTES];
    uint64_t entries; /* that are good */
    uint64_t first_bad;
};

static void compare_anchor(struct verifying *verifying)
{
    char text[SEAL_HASH_TEXT_BYTES];

    if (verifying->entries != verifying->anchor.sequence)
        return;
    seal_hash_text(verifying->chain, text);
    verifying->anchor.matches = strcmp(text, verifying->anchor.hash) == 0;
}

/* An entry behind the head was not written by a turn. In the transaction that the head was read in. */
static bool goes_beyond(struct study *study, uint64_t newest)
{
    uint64_t beyond = newest + 1;
    const void *sealed = NULL;
    size_t length = 0;

    return study_next(study, TABLE_HISTORY, &beyond, &sealed, &length);
}

/* Up to the entry that the head was at in the beginning: what is written meanwhile is not looked at. */
static void verify_entries(struct verifying *verifying)
{
    struct study *study = verifying->study;
    const void *sealed = NULL;
    struct entry entry;
    size_t length = 0;

    compare_anchor(verifying);
    for (uint64_t next = 1, at = 1; next <= verifying->head.sequence && !verifying->first_bad; at = ++next) {
        if (!study_next(study, TABLE_HISTORY, &at, &sealed, &length) || at != next ||
            !reader_read_entry(study->reader, at, sealed, length, &entry)) {
            verifying->first_bad = next;
            return;
        }
        seal_chain(verifying->chain, study->reader->entry, length - SEAL_OVERHEAD, verifying->chain);
        verifying->entries++;
        compare_anchor(verifying);
    }
    /* Each can be read, and they are not what was written: which of them it is, only who kept an anchor can tell. */
    if (memcmp(verifying->chain, verifying->head.chain, sizeof verifying->chain) != 0)
        verifying->first_bad = verifying->head.sequence ? verifying->head.sequence : 1;
}

static void answer_verified(struct verifying *verifying)
{
    struct reader *reader = verifying->study->reader;
    char text[SEAL_HASH_TEXT_BYTES];

    seal_hash_text(verifying->head.chain, text);
    answer_begin(reader, MESSAGE_verified);
    answer_set(reader, FIELD_entries, (int64_t)verifying->entries);
    answer_set(reader, FIELD_audit_sequence, (int64_t)verifying->head.sequence);
    answer_set_string(reader, FIELD_audit_head, text);
    if (message_has(reader->request->message, FIELD_audit_head))
        answer_set(reader, FIELD_matches, verifying->anchor.matches);
    answer_set_some(reader, FIELD_first_bad, (int64_t)verifying->first_bad);
    answer_send(reader);
}

void study_verify(struct study *study)
{
    const struct message *question = study->reader->request->message;
    struct text kept = message_text(question, FIELD_audit_head);
    struct verifying verifying = {.study = study, .anchor.sequence = UINT64_MAX};

    if (kept.length == SEAL_HASH_TEXT_BYTES - 1) {
        verifying.anchor.sequence = (uint64_t)message_number(question, FIELD_audit_sequence);
        memcpy(verifying.anchor.hash, kept.bytes, kept.length);
    }
    study_begin_reading(study);
    if (!load_head(study, &verifying.head)) {
        answer_refused(study->reader, REFUSAL_DAMAGED, "audit_head");
    } else {
        bool beyond = goes_beyond(study, verifying.head.sequence);
        verify_entries(&verifying);
        if (beyond && !verifying.first_bad)
            verifying.first_bad = verifying.head.sequence + 1;
        answer_verified(&verifying);
    }
    study_end_reading(study);
}

/* ---- every record ---- */

struct checking {
    struct study *study;
    struct totals counted;
    int64_t findings;
};

static void find_fault(struct checking *checking, uint64_t referral, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void find_fault(struct checking *checking, uint64_t referral, const char *format, ...)
{
    struct reader *reader = checking->study->reader;
    char fault[200];
    va_list arguments;

    if (checking->findings >= STUDY_ROWS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(fault, sizeof fault, format, arguments);
    va_end(arguments);
    answer_begin(reader, MESSAGE_finding);
    answer_set_some(reader, FIELD_referral_id, (int64_t)referral);
    message_set_string(&reader->answer, FIELD_fault, fault);
    answer_send(reader);
    checking->findings++;
}

static bool has_content(struct reader *reader, uint64_t number)
{
    const void *stored = NULL;
    size_t length = 0;

    return store_get(reader->store, reader->transaction, TABLE_CONTENT, number, &stored, &length) == STORE_OK;
}

static void check_content(struct checking *checking, uint64_t number, bool erased)
{
    struct reader *reader = checking->study->reader;

    if (erased && has_content(reader, number))
        find_fault(checking, number,
                   "its person was erased, and is stored again: an older store was put back; restore a backup from "
                   "after the erasure");
    else if (!erased && !reader_load_submit(reader, number))
        find_fault(checking, number, "its person cannot be read: restore the last backup");
}

static void check_newest_entry(struct checking *checking, uint64_t number, uint64_t sequence)
{
    struct entry entry;

    if (!reader_load_entry(checking->study->reader, sequence, &entry) || entry.referral != number)
        find_fault(checking, number, "its history cannot be read: restore the last backup");
}

/* Nobody waits for ever: each step has an end, somebody who is to act, and a name. */
static void check_deadline(struct checking *checking, const struct referral *referral, int64_t deadline, uint32_t owner,
                           enum stage stage)
{
    struct mailbox_figures figures;

    if (!deadline)
        find_fault(checking, referral->number, "it is open and has no deadline: nobody will look at it");
    else if (deadline < checking->study->reader->now - ACTS_WITHIN_MS)
        find_fault(checking, referral->number, "its deadline has passed and the network did not act");
    if (!stage)
        find_fault(checking, referral->number, "it is open and nobody knows what it waits for");
    if (owner != PARTY_NONE && !turn_mailbox_figures(checking->study->reader->turn, owner, &figures))
        find_fault(checking, referral->number, "its deadline belongs to a party that does not exist");
}

static void check_open(struct checking *checking, const struct referral *referral)
{
    if (!referral_is_open(referral))
        return;
    check_deadline(checking, referral, referral->deadline, referral->deadline_owner, referral->stage);
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        if (!part_has_ended(part) && (!part->deadline || !part->stage))
            find_fault(checking, referral->number, "one of its needs has no deadline: nobody will look at it");
    }
}

static void check_referrals(struct checking *checking)
{
    struct study *study = checking->study;
    struct referral referral;
    const void *sealed = NULL;
    size_t length = 0;

    for (uint64_t number = 1; study_next(study, TABLE_REFERRAL, &number, &sealed, &length); number++) {
        if (!reader_read_referral(study->reader, number, sealed, length, &referral)) {
            find_fault(checking, number, "its record cannot be read: restore the last backup");
            continue;
        }
        ledger_count_totals(&checking->counted, &referral, 1);
        check_open(checking, &referral);
        check_content(checking, number, referral.erased);
        check_newest_entry(checking, number, referral.history);
    }
}

static void check_enquiries(struct checking *checking)
{
    struct study *study = checking->study;
    struct enquiry enquiry;
    const void *sealed = NULL;
    size_t length = 0;

    for (uint64_t number = 1; study_next(study, TABLE_ENQUIRY, &number, &sealed, &length); number++) {
        if (!reader_load_enquiry(study->reader, number, &enquiry)) {
            find_fault(checking, number, "the enquiry's record cannot be read: restore the last backup");
            continue;
        }
        checking->counted.enquiries_open += enquiry.deadline != 0;
        if (!enquiry.deadline && !enquiry.known && !enquiry.expired && !enquiry.erased)
            find_fault(checking, number, "the enquiry is open and has no deadline");
        check_content(checking, number, enquiry.erased);
        check_newest_entry(checking, number, enquiry.history);
    }
}

/* Tables of which it is enough that each row opens: the tag of the seal is its checksum. */
static const struct {
    enum table table;
    const char *what;
} others[] = {
    {TABLE_PARTY, "a party's record"},           {TABLE_CAPACITY, "a record of places"},
    {TABLE_NETWORK, "a version of the network"}, {TABLE_UNMET, "a count of unmet needs"},
    {TABLE_REQUEST, "a request that was done"},
};

static void check_others(struct checking *checking, enum table table, const char *what)
{
    struct study *study = checking->study;
    const void *sealed = NULL;
    size_t length = 0;

    for (uint64_t key = 0; study_next(study, table, &key, &sealed, &length); key++) {
        uint8_t *plain = malloc(length + 1);
        assert(plain);
        if (!reader_unseal(study->reader, table, key, sealed, length, plain, length))
            find_fault(checking, 0, "%s (key %llx) cannot be read: restore the last backup", what,
                       (unsigned long long)key);
        free(plain);
        if (key == UINT64_MAX)
            break;
    }
}

/* What is owed to who is far behind: the letter is there, and is for them. */
static bool is_owed(struct reader *reader, uint64_t key, const struct owed *owed)
{
    struct entry entry;

    return reader_load_entry(reader, owed->sequence, &entry) && owed->letter < entry.letters_count &&
           entry.letters[owed->letter].party == key >> 40 &&
           entry.letters[owed->letter].mailbox_number == (key & ((UINT64_C(1) << 40) - 1));
}

static void check_owed(struct checking *checking)
{
    struct study *study = checking->study;
    struct reader *reader = study->reader;
    uint8_t plain[RECORD_BYTES_MAX];
    const void *sealed = NULL;
    struct owed owed;
    size_t length = 0;

    for (uint64_t key = 0; study_next(study, TABLE_OWED, &key, &sealed, &length); key++)
        if (!reader_unseal(reader, TABLE_OWED, key, sealed, length, plain, sizeof plain) ||
            !record_read_owed(plain, length - SEAL_OVERHEAD, &owed) || !is_owed(reader, key, &owed))
            find_fault(checking, 0, "message %llu of party %llu's mailbox cannot be read: restore the last backup",
                       (unsigned long long)(key & ((UINT64_C(1) << 40) - 1)), (unsigned long long)(key >> 40));
}

static const struct {
    const char *name;
    size_t offset;
} counts[] = {
    {"stored", offsetof(struct totals, stored)},
    {"open", offsetof(struct totals, open)},
    {"offered", offsetof(struct totals, offered)},
    {"placed", offsetof(struct totals, placed)},
    {"waiting", offsetof(struct totals, waiting)},
    {"attention", offsetof(struct totals, attention)},
    {"closed", offsetof(struct totals, closed)},
    {"overdue", offsetof(struct totals, overdue)},
    {"enquiries", offsetof(struct totals, enquiries_open)},
};

static uint64_t count_of(const struct totals *totals, size_t i)
{
    uint64_t count;

    memcpy(&count, (const char *)totals + counts[i].offset, sizeof count);
    return count;
}

/* What happened while the records were read may be counted on one side alone; each event concerns one referral. */
static void compare_counts(struct checking *checking, uint64_t sequence)
{
    struct totals now;

    turn_totals(checking->study->reader->turn, &now);
    uint64_t happened = now.sequence > sequence ? now.sequence - sequence : 0;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint64_t held = count_of(&now, i), read = count_of(&checking->counted, i);
        if (held > read + happened || read > held + happened)
            find_fault(checking, 0, "%s: the daemon counts %llu, the records say %llu: restart the daemon",
                       counts[i].name, (unsigned long long)held, (unsigned long long)read);
    }
}

void study_store_check(struct study *study)
{
    struct checking checking = {.study = study};
    struct head head;

    study_begin_reading(study);
    if (!load_head(study, &head)) {
        answer_refused(study->reader, REFUSAL_DAMAGED, "audit_head");
        study_end_reading(study);
        return;
    }
    check_referrals(&checking);
    check_enquiries(&checking);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        check_others(&checking, others[i].table, others[i].what);
    check_owed(&checking);
    study_end_reading(study);
    if (!study_is_stopping(study))
        compare_counts(&checking, head.sequence);
    answer_end(study->reader, checking.findings, "");
}

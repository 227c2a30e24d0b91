/* SPDX-License-Identifier: MIT
 * reader_rights: who knows who the person of a referral is, who may be shown it, and everything that is stored about
 * them. */
#include <string.h>

#include "daemon/person.h"
#include "daemon/reader_inside.h"
#include "proto/check.h"

#define SHOWN_MS (INT64_C(15) * 60000) /* so long after the reason was given it holds */
#define SEEN_ROWS_MAX 10000

/* Messages that tell who the person is. */
static const enum message_type telling[] = {MESSAGE_person, MESSAGE_updated, MESSAGE_message_back, MESSAGE_enquiry};

bool reader_has_said_why(struct reader *reader, const struct referral *referral)
{
    struct entry entry;

    for (uint64_t at = referral->history; at && reader_load_entry(reader, at, &entry); at = entry.previous) {
        if (entry.at < reader->now - SHOWN_MS)
            return false;
        if (entry.event == EVENT_REVEALED && entry.actor == reader->party)
            return true;
    }
    return false;
}

void reader_log_shown(const struct reader *reader, enum log_event event, const struct referral *referral)
{
    char id[REFERRAL_ID_BYTES_MAX];

    referral_id_format(referral->number, id);
    LOG(event, {"party", .text = reader->request->party}, {"referral", .text = id});
}

/* ---- enquiries about the person of a referral ---- */

/* For the case; or for none, and about the same person. */
static bool is_about(struct reader *reader, const struct enquiry *enquiry, const struct referral *referral)
{
    uint64_t persons[2];

    if (enquiry->referral || !reader_load_submit(reader, enquiry->number))
        return enquiry->referral == referral->number;
    person_hash(reader->seal, &reader->submit, persons);
    return (persons[0] && persons[0] == referral->persons[0]) || (persons[1] && persons[1] == referral->persons[1]);
}

/* The next one at or after *number; false: there is none. All are looked at: hubs ask one another now and then, not all
 * day. */
static bool next_enquiry(struct reader *reader, const struct referral *referral, uint64_t *number,
                         struct enquiry *enquiry)
{
    const void *sealed = NULL;
    size_t length = 0;

    for (; store_seek(reader->store, reader->transaction, TABLE_ENQUIRY, false, number, &sealed, &length) == STORE_OK;
         ++*number)
        if (reader_load_enquiry(reader, *number, enquiry) && is_about(reader, enquiry, referral))
            return true;
    return false;
}

/* ---- who saw ---- */

static void send_seen(struct reader *reader, const struct entry *entry, uint32_t who, const char *told)
{
    answer_begin(reader, MESSAGE_seen);
    answer_set(reader, FIELD_referral_id, (int64_t)entry->referral);
    answer_set_party(reader, FIELD_actor, who, 0);
    answer_set_string(reader, FIELD_told, told);
    answer_set(reader, FIELD_at, entry->at);
    answer_set(reader, FIELD_sequence, (int64_t)entry->sequence);
    answer_send(reader);
}

static int64_t send_seen_of(struct reader *reader, const struct entry *entry)
{
    int64_t count = 0;

    if (entry->event == EVENT_REVEALED) {
        send_seen(reader, entry, entry->actor, code_text(LIST_event, EVENT_REVEALED));
        count++;
    }
    for (uint8_t i = 0; i < entry->letters_count; i++)
        for (size_t j = 0; j < sizeof telling / sizeof telling[0]; j++)
            if (entry->letters[i].type == telling[j]) {
                send_seen(reader, entry, entry->letters[i].party, message_spec(telling[j])->name);
                count++;
            }
    return count;
}

/* The rows of a history, from its newest entry on; false: it cannot be read. */
static bool send_seen_from(struct reader *reader, uint64_t newest, int64_t *count)
{
    struct entry entry;

    for (uint64_t at = newest; at && *count < SEEN_ROWS_MAX; at = entry.previous) {
        if (!reader_load_entry(reader, at, &entry)) {
            answer_refused(reader, REFUSAL_DAMAGED, "history");
            return false;
        }
        *count += send_seen_of(reader, &entry);
    }
    return true;
}

void reader_who_saw(struct reader *reader)
{
    uint64_t number = (uint64_t)message_number(reader->request->message, FIELD_referral_id);
    struct referral referral;
    struct enquiry enquiry;
    int64_t count = 0;

    if (reader_load_enquiry(reader, number, &enquiry)) {
        if (send_seen_from(reader, enquiry.history, &count))
            answer_end(reader, count, "");
        return;
    }
    if (!reader_named_referral(reader, &referral) || !send_seen_from(reader, referral.history, &count))
        return;
    for (number = 1; next_enquiry(reader, &referral, &number, &enquiry); number++)
        if (!send_seen_from(reader, enquiry.history, &count))
            return;
    answer_end(reader, count, "");
}

/* ---- export ---- */

/* Everything that the sender sent, as updates have made it; the request_id is the question's. */
static void send_exported(struct reader *reader, const struct referral *referral)
{
    const struct message_spec *submit = message_spec(MESSAGE_submit);

    answer_begin(reader, MESSAGE_exported);
    answer_set(reader, FIELD_referral_id, (int64_t)referral->number);
    answer_set_party(reader, FIELD_sender_id, referral->sender, 0);
    answer_set(reader, FIELD_submitted_at, referral->submitted_at);
    for (size_t i = 0; i < submit->count; i++)
        if (submit->members[i].field != FIELD_request_id && message_has(&reader->submit, submit->members[i].field))
            message_copy(&reader->answer, &reader->submit, submit->members[i].field);
    answer_send(reader);
}

static bool send_history(struct reader *reader, const struct referral *referral, int64_t *count)
{
    struct entry entry;

    for (uint64_t at = referral->history; at && *count < SEEN_ROWS_MAX; at = entry.previous) {
        if (!reader_load_entry(reader, at, &entry)) {
            answer_refused(reader, REFUSAL_DAMAGED, "history");
            return false;
        }
        *count += reader_send_entry(reader, referral, &entry, reader_open_said(reader, &entry));
    }
    return true;
}

/* What was asked, and what was answered. The enquiry itself stands in its content. */
static bool send_enquiry(struct reader *reader, const struct enquiry *enquiry, int64_t *count)
{
    struct entry entry;

    for (uint64_t at = enquiry->history; at && *count < SEEN_ROWS_MAX; at = entry.previous, ++*count) {
        if (!reader_load_entry(reader, at, &entry)) {
            answer_refused(reader, REFUSAL_DAMAGED, "history");
            return false;
        }
        const struct message *said = reader_open_said(reader, &entry);
        if (!said && entry.event == EVENT_ENQUIRED && reader_load_submit(reader, enquiry->number))
            said = &reader->submit;
        reader_send_enquiry(reader, enquiry, &entry, said);
    }
    return true;
}

void reader_export(struct reader *reader)
{
    struct referral referral;
    struct enquiry enquiry;
    int64_t count = 1;

    if (!reader_named_referral(reader, &referral))
        return;
    if (referral.erased) {
        answer_refused(reader, REFUSAL_ERASED, "referral_id");
        return;
    }
    if (!reader_has_said_why(reader, &referral)) {
        answer_refused(reader, REFUSAL_REASON_FIRST, "referral_id");
        return;
    }
    if (!reader_load_submit(reader, referral.number)) {
        answer_refused(reader, REFUSAL_DAMAGED, "referral_id");
        return;
    }
    reader_log_shown(reader, LOGGED_EXPORTED, &referral);
    send_exported(reader, &referral);
    if (!send_history(reader, &referral, &count))
        return;
    for (uint64_t number = 1; next_enquiry(reader, &referral, &number, &enquiry); number++)
        if (!send_enquiry(reader, &enquiry, &count))
            return;
    answer_end(reader, count, "");
}

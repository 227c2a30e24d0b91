/* SPDX-License-Identifier: MIT
 * study_reports: needs that could not be met at once, and what became of people by fifth of deprivation. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/study_inside.h"

#define COUNTED_IN_A_MS 20 /* so many that were counted are good for a millisecond, while others are stored */

/* ---- unmet needs ---- */

struct unmet_rows {
    struct unmet_record *rows;
    size_t count, room;
};

static void keep_row(struct unmet_rows *rows, const struct unmet_record *row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room ? 2 * rows->room : 16;
        rows->rows = realloc(rows->rows, rows->room * sizeof rows->rows[0]);
        assert(rows->rows);
    }
    rows->rows[rows->count++] = *row;
}

/* The newest week first. */
static int compare_rows(const void *a, const void *b)
{
    const struct unmet_record *left = a, *right = b;

    if (left->week != right->week)
        return left->week > right->week ? -1 : 1;
    int order = strcmp(left->neighbourhood_code, right->neighbourhood_code);
    if (order)
        return order;
    if (left->need != right->need)
        return left->need < right->need ? -1 : 1;
    return (left->cause > right->cause) - (left->cause < right->cause);
}

static void read_unmet(struct study *study, int64_t since, struct unmet_rows *rows)
{
    struct reader *reader = study->reader;
    uint8_t plain[RECORD_BYTES_MAX];
    struct unmet_record row;
    const void *sealed = NULL;
    size_t length = 0;

    study_begin_reading(study);
    for (uint64_t key = 0; study_next(study, TABLE_UNMET, &key, &sealed, &length); key++) {
        if (reader_unseal(reader, TABLE_UNMET, key, sealed, length, plain, sizeof plain) &&
            record_read_unmet(plain, length - SEAL_OVERHEAD, &row) && row.week >= since)
            keep_row(rows, &row);
        if (key == UINT64_MAX)
            break;
    }
    study_end_reading(study);
}

static void send_unmet(struct reader *reader, const struct unmet_record *row)
{
    int found = network_find_neighbourhood(reader->network, row->neighbourhood_code, strlen(row->neighbourhood_code));

    answer_begin(reader, MESSAGE_unmet_need);
    answer_set(reader, FIELD_week, row->week);
    answer_set_string(reader, FIELD_neighbourhood_code, row->neighbourhood_code);
    if (found >= 0)
        answer_set_string(reader, FIELD_neighbourhood_name, reader->network->neighbourhoods[found].name);
    answer_set(reader, FIELD_need, row->need);
    answer_set(reader, FIELD_cause, row->cause);
    answer_set(reader, FIELD_count, (int64_t)row->count);
    answer_send(reader);
}

static int64_t since_day(const struct reader *reader)
{
    return message_has(reader->request->message, FIELD_since) ? message_number(reader->request->message, FIELD_since)
                                                              : INT64_MIN;
}

void study_unmet(struct study *study)
{
    int64_t day = since_day(study->reader);
    struct unmet_rows rows = {0};

    read_unmet(study, day == INT64_MIN ? day : hours_monday(day), &rows);
    if (rows.count)
        qsort(rows.rows, rows.count, sizeof rows.rows[0], compare_rows);
    if (rows.count > STUDY_ROWS_MAX)
        rows.count = STUDY_ROWS_MAX;
    for (size_t i = 0; i < rows.count; i++)
        send_unmet(study->reader, &rows.rows[i]);
    answer_end(study->reader, (int64_t)rows.count, "");
    free(rows.rows);
}

/* ---- fifths ---- */

/* When the offer was accepted, as the history tells; 0: that cannot be read. */
static int64_t accepted_at(struct reader *reader, const struct referral *referral, uint8_t offer_number)
{
    struct entry entry;

    for (uint64_t at = referral->history; at && reader_load_entry(reader, at, &entry); at = entry.previous)
        if (entry.event == EVENT_ACCEPTED && entry.offer_number == offer_number)
            return entry.at;
    return 0;
}

/* When the first hub that was asked had to answer, in its own hours. */
static int64_t first_answer_by(const struct reader *reader, const struct referral *referral)
{
    const struct network *network = reader->network;
    int index = referral->offers_count ? network_find_hub(network, referral->offers[0].hub) : -1;
    const struct hub *hub = index < 0 ? NULL : &network->hubs[index];
    struct calendar calendar = hub ? network_hub_calendar(network, hub) : network_office_calendar(network);
    const struct stages *stages = hub && hub->stages >= 0 ? &network->stages[hub->stages] : &network->deadlines.stages;

    return calendar_after(&calendar, referral->submitted_at,
                          stages->clocks[STAGE_ANSWER].ms[referral->profile.priority]);
}

/* Waiting now, or accepted later than the first hub had time to answer. What was offered at once is never late: the
 * hub answered in time. */
static bool has_waited(struct reader *reader, const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++)
        if (part_waits(&referral->parts[i]))
            return true;
    for (uint8_t i = 0; i < referral->offers_count; i++) {
        const struct offer *offer = &referral->offers[i];
        if (!offer->accepted || offer->made_at == referral->submitted_at)
            continue;
        int64_t in_time = first_answer_by(reader, referral);
        if (offer->made_at > in_time || accepted_at(reader, referral, i + 1) > in_time)
            return true;
    }
    return false;
}

static void count_fifth(struct reader *reader, const struct referral *referral, struct fifth *fifth)
{
    bool accepted = false, rejected = false;

    for (uint8_t i = 0; i < referral->offers_count; i++) {
        accepted = accepted || referral->offers[i].accepted;
        rejected = rejected || referral->offers[i].state == STATE_REJECTED;
    }
    fifth->referrals++;
    fifth->accepted += accepted;
    fifth->rejected += rejected;
    fifth->waited += has_waited(reader, referral);
}

static void send_fifth(struct reader *reader, int number, const struct fifth *fifth)
{
    answer_begin(reader, MESSAGE_fifth);
    answer_set_some(reader, FIELD_fifth, number);
    if (number)
        answer_set_some(reader, FIELD_population, reader->network->population[number - 1]);
    answer_set(reader, FIELD_referrals, fifth->referrals);
    answer_set(reader, FIELD_accepted, fifth->accepted);
    answer_set(reader, FIELD_waited, fifth->waited);
    answer_set(reader, FIELD_rejected, fifth->rejected);
    answer_send(reader);
}

static void count_fifths(struct study *study, int64_t since)
{
    struct reader *reader = study->reader;
    struct counted *counted = &study->counted;
    struct referral referral;

    *counted = (struct counted){.since = since,
                                .at = reader->now,
                                .batch = turn_batch(reader->turn),
                                .network_version = reader->network->version};
    study_begin_reading(study);
    for (uint64_t number = 1; study_next_referral(study, &number, &referral); number++, counted->referrals++)
        if (hours_day(referral.submitted_at) >= since)
            count_fifth(reader, &referral, &counted->fifths[(referral.profile.decile + 1) / 2]);
    study_end_reading(study);
    if (study_is_stopping(study))
        counted->referrals = 0;
}

/* Whoever asks again and again does not have all referrals read each time. */
static bool is_counted(const struct study *study, int64_t since)
{
    const struct reader *reader = study->reader;
    const struct counted *counted = &study->counted;

    return counted->referrals && counted->since == since && counted->network_version == reader->network->version &&
           (counted->batch == turn_batch(reader->turn) ||
            reader->now - counted->at < (int64_t)(counted->referrals / COUNTED_IN_A_MS));
}

void study_equity(struct study *study)
{
    struct reader *reader = study->reader;
    int64_t since = since_day(reader);
    int64_t rows = 0;

    if (!is_counted(study, since))
        count_fifths(study, since);
    const struct fifth *fifths = study->counted.fifths;
    for (int i = 1; i <= 5; i++, rows++)
        send_fifth(reader, i, &fifths[i]);
    if (fifths[0].referrals) {
        send_fifth(reader, 0, &fifths[0]);
        rows++;
    }
    answer_end(reader, rows, "");
}

/* SPDX-License-Identifier: MIT
 * study_rights: whose referrals are kept longer than needed, and which are one person's. */
#include <string.h>

#include "daemon/person.h"
#include "daemon/study_inside.h"

/* ---- retention ---- */

static bool is_erasable(const struct reader *reader, const struct referral *referral)
{
    int64_t keep_ms = reader->network->deadlines.retention_ms;

    return keep_ms && !referral_is_open(referral) && !referral->erased && referral->ended_at + keep_ms <= reader->now;
}

static void send_erasable(struct reader *reader, const struct referral *referral)
{
    answer_begin(reader, MESSAGE_erasable);
    answer_set(reader, FIELD_referral_id, (int64_t)referral->number);
    answer_set_party(reader, FIELD_sender_id, referral->sender, 0);
    answer_set(reader, FIELD_state, referral->state);
    answer_set(reader, FIELD_submitted_at, referral->submitted_at);
    answer_set(reader, FIELD_ended_at, referral->ended_at);
    answer_send(reader);
}

/* The oldest first; who has erased these asks again. */
void study_retention(struct study *study)
{
    struct referral referral;
    int64_t count = 0;

    study_begin_reading(study);
    for (uint64_t number = 1; count < STUDY_ROWS_MAX && study_next_referral(study, &number, &referral); number++)
        if (is_erasable(study->reader, &referral)) {
            send_erasable(study->reader, &referral);
            count++;
        }
    study_end_reading(study);
    answer_end(study->reader, count, "");
}

/* ---- one person ---- */

static bool is_person(const struct referral *referral, const uint64_t persons[2])
{
    return (persons[0] && referral->persons[0] == persons[0]) || (persons[1] && referral->persons[1] == persons[1]);
}

void study_find_person(struct study *study)
{
    struct reader *reader = study->reader;
    struct referral referral;
    uint64_t persons[2];
    int64_t count = 0;

    person_hash(reader->seal, reader->request->message, persons);
    if (!persons[0] && !persons[1]) { /* a name and a day of birth alone are not enough */
        answer_refused(reader, REFUSAL_REQUIRED, "postcode");
        return;
    }
    study_begin_reading(study);
    for (uint64_t number = 1; count < STUDY_ROWS_MAX && study_next_referral(study, &number, &referral); number++)
        if (is_person(&referral, persons)) {
            reader_send_referral(reader, &referral, false);
            count++;
        }
    study_end_reading(study);
    answer_end(reader, count, "");
}

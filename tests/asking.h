/* SPDX-License-Identifier: MIT
 * asking: questions to a reader and to a study beside the conversations of talk.h, for tests. Every answer is decoded,
 * as its peer would. */
#ifndef TESTS_ASKING_H
#define TESTS_ASKING_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/reader.h"
#include "daemon/study.h"
#include "tests/talk.h"

#define ASKING_DRAFT_PIECE 30000

static struct reader *asking_reader;
static struct study *asking_study;
static struct message *asking_answers; /* to the newest question */
static size_t asking_count;
static struct outbox asking_outbox;

static inline void asking_open(void)
{
    asking_reader = reader_open(talk_turn, talk_store, talk_seal, "test");
    asking_study = study_open(talk_turn, talk_store, talk_seal, "test", talk_shelf);
}

static inline void asking_close(void)
{
    reader_close(&asking_reader);
    study_close(&asking_study);
    outbox_free(&asking_outbox);
    free(asking_answers);
    asking_answers = NULL;
}

static inline void asking_end(void)
{
    asking_close();
    talk_end();
}

static inline void asking_begin(struct message *message, enum message_type type)
{
    message_init(message, type);
    message_set_uuid(message, FIELD_request_id, (const uint8_t *)"a question's id");
}

static inline void asking_decode(void)
{
    static struct decoder *decoder;
    struct fault fault;

    decoder = decoder ? decoder : decoder_open();
    asking_count = asking_outbox.count;
    asking_answers = realloc(asking_answers, (asking_count + 1) * sizeof asking_answers[0]);
    for (size_t i = 0; i < asking_count; i++)
        cr_assert(decode(decoder, asking_outbox.bytes + asking_outbox.dispatches[i].offset,
                         asking_outbox.dispatches[i].length, &asking_answers[i], &fault),
                  "%s %s", refusal_spec(fault.refusal)->constant, fault.field);
}

/* Asks as a party ("uid-1000" is an operator) and returns the first answer. */
static inline const struct message *asking_as(const char *party, enum role role, const struct message *message)
{
    struct request request = {.kind = REQUEST_MESSAGE, .connection = 77, .role = role, .message = message};

    strcpy(request.party, party);
    outbox_clear(&asking_outbox);
    if (message_spec(message->type)->direction == STUDY)
        study_answer(asking_study, talk_now, &request, &asking_outbox);
    else
        reader_answer(asking_reader, talk_now, &request, &asking_outbox);
    asking_decode();
    cr_assert_gt(asking_count, 0);
    return &asking_answers[0];
}

static inline const struct message *asking(const struct message *message)
{
    return asking_as(TALK_OPERATOR, ROLE_OPERATOR, message);
}

/* A question about a referral. */
static inline const struct message *asking_about(const char *party, enum role role, enum message_type type,
                                                 int64_t referral)
{
    struct message message;

    asking_begin(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    return asking_as(party, role, &message);
}

/* The refusal that was answered; REFUSAL_NONE: none was. */
static inline enum refusal asking_refused(void)
{
    if (asking_answers[0].type != MESSAGE_refused)
        return REFUSAL_NONE;
    return (enum refusal)atoi(message_text(&asking_answers[0], FIELD_error).bytes + 4);
}

/* Sends a network file in pieces; returns the draft's number. */
static inline int64_t asking_draft(const char *text)
{
    size_t length = strlen(text), at = 0;
    const struct message *answer;
    struct message message;

    do {
        size_t piece = length - at < ASKING_DRAFT_PIECE ? length - at : ASKING_DRAFT_PIECE;
        asking_begin(&message, MESSAGE_draft);
        message_set_number(&message, FIELD_first_byte, (int64_t)at);
        message_set_text(&message, FIELD_draft_text, text + at, piece);
        message_set_number(&message, FIELD_is_last, at + piece == length);
        answer = asking(&message);
        cr_assert_eq(answer->type, MESSAGE_drafted);
        at += piece;
        cr_assert_eq(message_number(answer, FIELD_bytes), (int64_t)at);
    } while (at < length);
    return message_number(answer, FIELD_draft);
}

/* A study of a draft. */
static inline const struct message *asking_study_of(enum message_type type, int64_t draft)
{
    struct message message;

    asking_begin(&message, type);
    if (draft)
        message_set_number(&message, FIELD_draft, draft);
    return asking(&message);
}

#endif

/* SPDX-License-Identifier: MIT
 * hub_answer: texts by field, and a message made of them by the tables of the protocol. */
#include "clients/hub_answer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "clients/print.h"
#include "clients/reply.h"
#include "clients/text.h"
#include "proto/check.h"

/* Requests that are answers, and the pushes that they may be said about at once. */
enum about { ABOUT_NOTHING, ABOUT_OFFER, ABOUT_CASE, ABOUT_ENQUIRY };
static const struct {
    enum message_type type;
    enum about about;
} answer_types[] = {
    {MESSAGE_accept, ABOUT_OFFER},
    {MESSAGE_reject, ABOUT_OFFER},
    {MESSAGE_start, ABOUT_CASE},
    {MESSAGE_pause, ABOUT_CASE},
    {MESSAGE_resume, ABOUT_CASE},
    {MESSAGE_progress, ABOUT_CASE},
    {MESSAGE_hand_back, ABOUT_CASE},
    {MESSAGE_complete, ABOUT_CASE},
    {MESSAGE_fail, ABOUT_CASE},
    {MESSAGE_capacity, ABOUT_NOTHING},
    {MESSAGE_answer_enquiry, ABOUT_ENQUIRY},
    {MESSAGE_enquire, ABOUT_NOTHING},
    {MESSAGE_submit, ABOUT_NOTHING},
    {MESSAGE_update, ABOUT_NOTHING},
    {MESSAGE_cancel, ABOUT_NOTHING},
};

static bool is_answer(enum message_type type, enum about *about)
{
    for (size_t i = 0; i < sizeof answer_types / sizeof answer_types[0]; i++) {
        if (answer_types[i].type != type)
            continue;
        *about = answer_types[i].about;
        return true;
    }
    return false;
}

static enum about about_of(const struct message *push)
{
    if (push->type == MESSAGE_enquiry)
        return ABOUT_ENQUIRY;
    return push->type == MESSAGE_offer             ? ABOUT_OFFER
           : message_has(push, FIELD_offer_number) ? ABOUT_CASE
                                                   : ABOUT_NOTHING;
}

/* The type is told by its name, or by the state that follows from it. */
static bool take_type(struct answer *answer, const char *type, char why[ANSWER_WHY_BYTES])
{
    const struct message_spec *spec = message_spec_by_name(type, strlen(type));
    const struct reply *reply = reply_by_state(answer->texts.of[FIELD_state]);
    enum message_type said = type[0] ? (spec ? spec->type : MESSAGE_NONE) : reply ? reply->type : MESSAGE_NONE;
    enum about about;

    free(answer->texts.of[FIELD_state]);
    answer->texts.of[FIELD_state] = NULL;
    if (said != MESSAGE_NONE)
        answer->type = said;
    if (said == MESSAGE_NONE && answer->type != MESSAGE_NONE && !type[0])
        return true;
    if (is_answer(said, &about))
        return true;
    snprintf(why, ANSWER_WHY_BYTES,
             "type is missing, or is not what a hub answers (accept, reject, start, complete ...)");
    return false;
}

static bool takes_only_its_fields(const struct answer *answer, char why[ANSWER_WHY_BYTES])
{
    const struct message_spec *spec = message_spec(answer->type);

    for (int field = 0; field < FIELD_COUNT; field++) {
        if (!answer->texts.of[field] || text_belongs(spec, (enum field)field))
            continue;
        snprintf(why, ANSWER_WHY_BYTES, "%s does not belong into %s", fields[field].name, spec->name);
        return false;
    }
    return true;
}

bool answer_parse(const char *json, size_t length, struct answer *answer, char why[ANSWER_WHY_BYTES])
{
    char type[ID_BYTES_MAX + 1];

    return record_json_parse(json, length, &answer->texts, type, sizeof type, why, ANSWER_WHY_BYTES) &&
           take_type(answer, type, why) && takes_only_its_fields(answer, why);
}

static bool is_same(const struct answer *said, enum field field, const struct message *push)
{
    char text[64];

    text_write(push, field, text, sizeof text);
    return !said->texts.of[field] || strcmp(said->texts.of[field], text) == 0;
}

/* What the push says of itself, where the answer's type has it. */
static bool complete_from(struct answer *answer, const struct message *push)
{
    static const enum field taken[] = {FIELD_referral_id, FIELD_offer_number, FIELD_enquiry_id};

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        char text[64];

        if (!is_same(answer, taken[i], push))
            return false;
        text_write(push, taken[i], text, sizeof text);
        if (text[0] && answer_has_field(answer, taken[i]) && !answer_set_text(answer, taken[i], text))
            return false;
    }
    return true;
}

bool answer_parse_about(const char *json, size_t length, const struct message *push, struct answer *answer,
                        char why[ANSWER_WHY_BYTES])
{
    enum about about = ABOUT_NOTHING;

    if (!answer_parse(json, length, answer, why))
        return false;
    if (!is_answer(answer->type, &about) || about == ABOUT_NOTHING || about != about_of(push) ||
        !complete_from(answer, push)) {
        snprintf(why, ANSWER_WHY_BYTES, "%s cannot be said at once about this %s", message_spec(answer->type)->name,
                 message_spec(push->type)->name);
        return false;
    }
    answer_new_request_id(answer);
    return answer_is_whole(answer, why);
}

/* The network would say the same, and then the push would have been answered wrongly for good. */
static bool obeys_protocol(const struct message *message, char why[ANSWER_WHY_BYTES])
{
    unsigned char *frame = malloc(MESSAGE_BYTES_MAX);
    struct message *read = malloc(sizeof *read);
    struct decoder *decoder = decoder_open();
    struct timespec now;
    struct fault fault = {0};
    size_t length;
    bool is_good = false;

    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(why, ANSWER_WHY_BYTES, "out of memory");
    if (!frame || !read || !decoder)
        goto out;
    length = encode(message, frame, MESSAGE_BYTES_MAX);
    is_good = length > 0 && decode(decoder, frame, length, read, &fault) &&
              check_request(read, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, &fault);
    if (!is_good)
        snprintf(why, ANSWER_WHY_BYTES, "%.60s: %.80s", fault.field[0] ? fault.field : "the answer",
                 refusal_spec(fault.refusal) ? refusal_spec(fault.refusal)->sentence : "it is too large");
    explicit_bzero(frame, MESSAGE_BYTES_MAX);
out:
    free(frame);
    free(read);
    decoder_close(&decoder);
    return is_good;
}

static bool has_mandatory(const struct message *message, char why[ANSWER_WHY_BYTES])
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++) {
        if (spec->members[i].obligation != MANDATORY || message_has(message, spec->members[i].field))
            continue;
        snprintf(why, ANSWER_WHY_BYTES, "%s is missing", fields[spec->members[i].field].name);
        return false;
    }
    return true;
}

/* A submit says when it is sent, which may differ from try to try. */
static void set_sent_at(struct answer *answer)
{
    struct timespec now;
    char text[25];

    clock_gettime(CLOCK_REALTIME, &now);
    datetime_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, text);
    record_texts_set(&answer->sent, FIELD_sent_at, text);
}

static bool fill_message(struct answer *answer, struct message *message, char why[ANSWER_WHY_BYTES])
{
    message_init(message, answer->type);
    record_texts_clear(&answer->sent);
    if (answer->type == MESSAGE_NONE) {
        snprintf(why, ANSWER_WHY_BYTES, "type is missing");
        return false;
    }
    if (!record_texts_copy(&answer->sent, &answer->texts)) {
        snprintf(why, ANSWER_WHY_BYTES, "out of memory");
        return false;
    }
    if (answer->type == MESSAGE_submit)
        set_sent_at(answer);
    return takes_only_its_fields(answer, why) && record_texts_fill(&answer->sent, message, why, ANSWER_WHY_BYTES);
}

bool answer_message(struct answer *answer, struct message *message, char why[ANSWER_WHY_BYTES])
{
    return fill_message(answer, message, why) && has_mandatory(message, why) && obeys_protocol(message, why);
}

bool answer_is_whole(struct answer *answer, char why[ANSWER_WHY_BYTES])
{
    static const uint8_t none[UUID_BYTES];
    struct message *message = malloc(sizeof *message);
    bool is_whole = message && fill_message(answer, message, why);

    if (is_whole && !message_has(message, FIELD_request_id))
        message_set_uuid(message, FIELD_request_id, none);
    if (is_whole && answer_has_field(answer, FIELD_offer_number) && !message_has(message, FIELD_offer_number))
        message_set_number(message, FIELD_offer_number, 1);
    is_whole = is_whole && has_mandatory(message, why) && obeys_protocol(message, why);
    free(message);
    return is_whole;
}

/* The line without its end, and with the request_id, which people are not shown. */
static bool write_line(const struct answer *answer, const char *line, size_t length, char *json, size_t size)
{
    const char *request_id = answer->texts.of[FIELD_request_id];
    int written =
        snprintf(json, size, "{\"request_id\":\"%s\",%.*s", request_id ? request_id : "", (int)length - 2, line + 1);

    return request_id && written > 0 && (size_t)written < size;
}

bool answer_format(struct answer *answer, char *json, size_t size)
{
    struct message *message = malloc(sizeof *message);
    char why[ANSWER_WHY_BYTES];
    size_t length = 0;
    char *line = NULL;
    FILE *out = open_memstream(&line, &length);
    bool fits = message && out && fill_message(answer, message, why);

    if (fits)
        print_one(PRINT_JSONL, "referral.answer/1", message, true, out);
    if (out && fclose(out))
        fits = false;
    fits = fits && length > 2 && write_line(answer, line, length, json, size);
    if (line)
        explicit_bzero(line, length);
    free(line);
    free(message);
    return fits;
}

bool answer_set_text(struct answer *answer, enum field field, const char *text)
{
    return record_texts_set(&answer->texts, field, text);
}

bool answer_set_referral(struct answer *answer, enum field field, uint64_t number)
{
    char text[REFERRAL_ID_BYTES_MAX];

    referral_id_format(number, text);
    return answer_set_text(answer, field, text);
}

bool answer_set_number(struct answer *answer, enum field field, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    return answer_set_text(answer, field, text);
}

void answer_new_request_id(struct answer *answer)
{
    uint8_t uuid[UUID_BYTES];
    char text[UUID_TEXT_BYTES + 1];
    ssize_t length = getrandom(uuid, sizeof uuid, 0);

    assert(length == (ssize_t)sizeof uuid);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
    uuid_format(uuid, text);
    if (!answer->texts.of[FIELD_request_id])
        answer_set_text(answer, FIELD_request_id, text);
}

bool answer_has_field(const struct answer *answer, enum field field)
{
    const struct message_spec *spec = message_spec(answer->type);

    return spec && text_belongs(spec, field);
}

void answer_clear(struct answer *answer)
{
    record_texts_clear(&answer->texts);
    record_texts_clear(&answer->sent);
    answer->type = MESSAGE_NONE;
}

uint64_t push_subject(const struct message *push)
{
    return (uint64_t)message_number(push, message_has(push, FIELD_referral_id) ? FIELD_referral_id : FIELD_enquiry_id);
}

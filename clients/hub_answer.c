/* SPDX-License-Identifier: MIT
 * hub_answer: one table of members serves reading, writing and the request. */
#include "clients/hub_answer.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "proto/check.h"

static const enum message_type answer_types[] = {MESSAGE_accept,   MESSAGE_reject, MESSAGE_start,
                                                 MESSAGE_complete, MESSAGE_fail,   MESSAGE_capacity};
#define ANSWER_TYPES_COUNT (sizeof answer_types / sizeof answer_types[0])

static bool read_type(const json_t *value, struct answer *answer)
{
    const char *text = json_string_value(value);
    const struct message_spec *spec = text ? message_spec_by_name(text, strlen(text)) : NULL;

    for (size_t i = 0; spec && i < ANSWER_TYPES_COUNT; i++) {
        if (answer_types[i] != spec->type)
            continue;
        answer->type = spec->type;
        return true;
    }
    return false;
}

static bool read_request_id(const json_t *value, struct answer *answer)
{
    const char *text = json_string_value(value);

    answer->has_request_id = text && uuid_parse((struct text){text, (uint32_t)strlen(text)}, answer->request_id);
    return answer->has_request_id;
}

static bool read_referral(const json_t *value, struct answer *answer)
{
    const char *text = json_string_value(value);

    return text && referral_id_parse((struct text){text, (uint32_t)strlen(text)}, &answer->referral);
}

static bool read_number(const json_t *value, enum field field, int64_t *number)
{
    if (!json_is_integer(value))
        return false;
    *number = json_integer_value(value);
    return *number >= fields[field].least && *number <= fields[field].most;
}

static bool read_offer(const json_t *value, struct answer *answer)
{
    return read_number(value, FIELD_offer_number, &answer->offer);
}

static bool read_places(const json_t *value, struct answer *answer)
{
    return read_number(value, FIELD_places, &answer->places);
}

static int read_code(const json_t *value, enum code_list list)
{
    const char *text = json_string_value(value);

    return text ? code_number(list, text, strlen(text)) : 0;
}

static bool read_reason(const json_t *value, struct answer *answer)
{
    answer->reason = (enum status_reason)read_code(value, LIST_status_reason);
    return answer->reason != 0;
}

static bool read_outcome(const json_t *value, struct answer *answer)
{
    answer->outcome = (enum outcome)read_code(value, LIST_outcome);
    return answer->outcome != 0;
}

static bool read_text(const json_t *value, char *text, size_t size)
{
    size_t length = json_string_length(value);

    if (!json_is_string(value) || length == 0 || length >= size)
        return false;
    memcpy(text, json_string_value(value), length + 1);
    return strlen(text) == length;
}

static bool read_service(const json_t *value, struct answer *answer)
{
    return read_text(value, answer->service, sizeof answer->service);
}

static bool read_note(const json_t *value, struct answer *answer)
{
    return read_text(value, answer->note, sizeof answer->note);
}

static const struct {
    const char *name;
    bool (*read)(const json_t *, struct answer *);
} members[] = {
    {"type", read_type},          {"request_id", read_request_id}, {"referral_id", read_referral},
    {"offer_number", read_offer}, {"status_reason", read_reason},  {"outcome", read_outcome},
    {"service_id", read_service}, {"places", read_places},         {"note", read_note},
};
#define MEMBERS_COUNT (sizeof members / sizeof members[0])

static bool read_member(const char *name, const json_t *value, struct answer *answer, char why[ANSWER_WHY_BYTES])
{
    for (size_t i = 0; i < MEMBERS_COUNT; i++) {
        if (strcmp(members[i].name, name) != 0)
            continue;
        if (members[i].read(value, answer))
            return true;
        snprintf(why, ANSWER_WHY_BYTES, "%s does not have the form or is not in the list that PROTOCOL.md gives", name);
        return false;
    }
    snprintf(why, ANSWER_WHY_BYTES,
             "a member is unknown: only type, request_id, referral_id, offer_number, "
             "status_reason, outcome, service_id, places and note are read");
    return false;
}

bool answer_parse(const char *json, size_t length, struct answer *answer, char why[ANSWER_WHY_BYTES])
{
    json_error_t error;
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
    bool ok = json_is_object(root);
    const char *name;
    json_t *value;

    if (!ok)
        snprintf(why, ANSWER_WHY_BYTES, "not one whole JSON object (line %d, column %d)", error.line, error.column);
    json_object_foreach(root, name, value)
    {
        if (!ok)
            break;
        ok = read_member(name, value, answer, why);
    }
    json_decref(root);
    return ok;
}

static void put_text(json_t *root, const char *name, const char *text)
{
    if (text[0])
        json_object_set_new(root, name, json_string(text));
}

bool answer_format(const struct answer *answer, char *json, size_t size)
{
    json_t *root = json_object();
    char text[UUID_TEXT_BYTES + 1];
    size_t length;

    assert(answer->type != MESSAGE_NONE);
    put_text(root, "type", message_spec(answer->type)->name);
    uuid_format(answer->request_id, text);
    put_text(root, "request_id", answer->has_request_id ? text : "");
    referral_id_format(answer->referral, text);
    put_text(root, "referral_id", answer->referral ? text : "");
    if (answer->offer)
        json_object_set_new(root, "offer_number", json_integer(answer->offer));
    put_text(root, "status_reason", code_text(LIST_status_reason, (int)answer->reason));
    put_text(root, "outcome", code_text(LIST_outcome, (int)answer->outcome));
    put_text(root, "service_id", answer->service);
    if (answer->type == MESSAGE_capacity)
        json_object_set_new(root, "places", json_integer(answer->places));
    put_text(root, "note", answer->note);
    length = json_dumpb(root, json, size - 1, JSON_COMPACT);
    json_decref(root);
    if (length == 0 || length >= size)
        return false;
    json[length] = '\0';
    return true;
}

bool answer_is_whole(const struct answer *answer, char why[ANSWER_WHY_BYTES])
{
    bool declines = answer->type == MESSAGE_reject || answer->type == MESSAGE_fail;
    const char *missing = NULL;

    if (answer->type == MESSAGE_NONE)
        missing = "type";
    else if (answer->type == MESSAGE_capacity && !answer->service[0])
        missing = "service_id";
    else if (answer->type != MESSAGE_capacity && !answer->referral)
        missing = "referral_id";
    else if (declines && !answer->reason)
        missing = "status_reason";
    else if (declines && answer->reason == REASON_OTHER && !answer->note[0])
        missing = "note (status_reason 99 needs one)";
    else if (answer->type == MESSAGE_complete && !answer->outcome)
        missing = "outcome";
    if (missing)
        snprintf(why, ANSWER_WHY_BYTES, "%s is missing", missing);
    return missing == NULL;
}

void answer_message(const struct answer *answer, struct message *message)
{
    message_init(message, answer->type);
    if (answer->has_request_id)
        message_set_uuid(message, FIELD_request_id, answer->request_id);
    if (answer->type == MESSAGE_capacity) {
        message_set_string(message, FIELD_service_id, answer->service);
        message_set_number(message, FIELD_places, answer->places);
        return;
    }
    message_set_number(message, FIELD_referral_id, (int64_t)answer->referral);
    message_set_number(message, FIELD_offer_number, answer->offer);
    if (answer->type == MESSAGE_reject || answer->type == MESSAGE_fail)
        message_set_number(message, FIELD_status_reason, answer->reason);
    if (answer->type == MESSAGE_complete)
        message_set_number(message, FIELD_outcome, answer->outcome);
    if (answer->note[0])
        message_set_string(message, FIELD_note, answer->note);
}

void answer_new_request_id(struct answer *answer)
{
    ssize_t length = getrandom(answer->request_id, UUID_BYTES, 0);

    assert(length == UUID_BYTES);
    answer->request_id[6] = (uint8_t)((answer->request_id[6] & 0x0f) | 0x40); /* version 4 */
    answer->request_id[8] = (uint8_t)((answer->request_id[8] & 0x3f) | 0x80);
    answer->has_request_id = true;
}

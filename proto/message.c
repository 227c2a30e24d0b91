/* SPDX-License-Identifier: MIT
 * message: access to the values of one message. */
#include "proto/message.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* How a value of each kind is held. */
enum holding { HELD_TEXT, HELD_NUMBER, HELD_UUID, HELD_LIST };

static const enum holding holdings[KIND_COUNT] = {
    [KIND_UUID] = HELD_UUID,  [KIND_REFERRAL_ID] = HELD_NUMBER, [KIND_CODE] = HELD_NUMBER, [KIND_BOOL] = HELD_NUMBER,
    [KIND_INT] = HELD_NUMBER, [KIND_DATETIME] = HELD_NUMBER,    [KIND_DATE] = HELD_NUMBER, [KIND_CODES] = HELD_LIST,
    [KIND_IDS] = HELD_LIST,   [KIND_TEXTS] = HELD_LIST,         [KIND_INTS] = HELD_LIST,   [KIND_RECORDS] = HELD_LIST,
};

static size_t list_width(enum field field)
{
    return fields[field].kind == KIND_RECORDS ? records[fields[field].of].count : 1;
}

static const struct value *list_value(const struct message *message, enum field field)
{
    assert(holdings[fields[field].kind] == HELD_LIST);
    return message_value_of(message, field);
}

static struct value *take_values(struct message *message, size_t count)
{
    struct value *first = &message->values[message->values_count];

    assert(count <= sizeof message->values / sizeof message->values[0] - message->values_count);
    memset(first, 0, count * sizeof *first);
    message->values_count = (uint16_t)(message->values_count + count);
    return first;
}

/* NULL when there is no room. */
static struct value *set_list(struct message *message, struct value *value, size_t count, size_t width)
{
    if (count * width > (size_t)MESSAGE_LIST_VALUES_MAX - message->list_values)
        return NULL;
    value->list.first = message->values_count;
    value->list.count = (uint16_t)count;
    value->present = true;
    message->list_values = (uint16_t)(message->list_values + count * width);
    return take_values(message, count * width);
}

/* Normal forms live in the message itself, so a copy brings its own. */
static void copy_normal(struct value *value, char *normal, size_t size)
{
    if (value->text.length >= size)
        return;
    memcpy(normal, value->text.bytes, value->text.length);
    normal[value->text.length] = '\0';
    value->text.bytes = normal;
}

static void copy_list(struct message *to, const struct message *from, enum field field)
{
    const struct value *source = message_value_of(from, field);
    size_t width = list_width(field);
    const struct value *old = &from->values[source->list.first];
    struct value *copy = message_set_list(to, field, source->list.count);

    assert(copy);
    for (size_t i = 0; i < source->list.count * width; i++) {
        copy[i] = old[i];
        if (width == 1 || !old[i].present || holdings[records[fields[field].of].members[i % width].kind] != HELD_LIST)
            continue;
        struct value *inner = set_list(to, &copy[i], old[i].list.count, 1);

        assert(inner);
        memcpy(inner, &from->values[old[i].list.first], old[i].list.count * sizeof *inner);
    }
}

size_t message_bytes(const struct message *message)
{
    return offsetof(struct message, values) + message->values_count * sizeof message->values[0];
}

void message_init(struct message *message, enum message_type type)
{
    message->type = type;
    message->values_count = message->list_values = 0;
    message->postcode[0] = '\0';
    message->nhs_number[0] = '\0';
    message->set = (struct field_set){0};
}

bool message_has(const struct message *message, enum field field)
{
    return field_set_has(&message->set, field) && message->values[message->places[field]].present;
}

const struct value *message_value_of(const struct message *message, enum field field)
{
    assert(message_has(message, field));
    return &message->values[message->places[field]];
}

struct value *message_value(struct message *message, enum field field)
{
    if (!field_set_has(&message->set, field)) {
        message->places[field] = message->values_count;
        message->set.words[field / 64] |= UINT64_C(1) << field % 64;
        take_values(message, 1);
    }
    struct value *value = &message->values[message->places[field]];
    *value = (struct value){.present = true};
    return value;
}

void message_unset(struct message *message, enum field field)
{
    if (field_set_has(&message->set, field))
        message->values[message->places[field]].present = false;
}

struct text message_text(const struct message *message, enum field field)
{
    assert(holdings[fields[field].kind] == HELD_TEXT);
    return message_has(message, field) ? message_value_of(message, field)->text : (struct text){"", 0};
}

int64_t message_number(const struct message *message, enum field field)
{
    assert(holdings[fields[field].kind] == HELD_NUMBER);
    return message_has(message, field) ? message_value_of(message, field)->number : 0;
}

const uint8_t *message_uuid(const struct message *message, enum field field)
{
    assert(holdings[fields[field].kind] == HELD_UUID);
    return message_has(message, field) ? message_value_of(message, field)->uuid : NULL;
}

void message_set_text(struct message *message, enum field field, const char *bytes, size_t length)
{
    assert(holdings[fields[field].kind] == HELD_TEXT);
    assert(length <= MESSAGE_BYTES_MAX);
    message_value(message, field)->text = (struct text){bytes, (uint32_t)length};
}

void message_set_string(struct message *message, enum field field, const char *string)
{
    message_set_text(message, field, string, strlen(string));
}

void message_set_number(struct message *message, enum field field, int64_t number)
{
    assert(holdings[fields[field].kind] == HELD_NUMBER);
    message_value(message, field)->number = number;
}

void message_set_uuid(struct message *message, enum field field, const uint8_t uuid[UUID_BYTES])
{
    assert(holdings[fields[field].kind] == HELD_UUID);
    memcpy(message_value(message, field)->uuid, uuid, UUID_BYTES);
}

void message_copy(struct message *to, const struct message *from, enum field field)
{
    if (!message_has(from, field)) {
        message_unset(to, field);
        return;
    }
    struct value *copy = message_value(to, field);
    *copy = *message_value_of(from, field);
    if (holdings[fields[field].kind] == HELD_LIST)
        copy_list(to, from, field);
    else if (fields[field].kind == KIND_POSTCODE)
        copy_normal(copy, to->postcode, sizeof to->postcode);
    else if (fields[field].kind == KIND_NHS_NUMBER)
        copy_normal(copy, to->nhs_number, sizeof to->nhs_number);
}

size_t message_list_count(const struct message *message, enum field field)
{
    return message_has(message, field) ? list_value(message, field)->list.count : 0;
}

const struct value *message_element(const struct message *message, enum field field, size_t i)
{
    assert(fields[field].kind != KIND_RECORDS);
    assert(i < message_list_count(message, field));
    return &message->values[list_value(message, field)->list.first + i];
}

const struct value *message_member(const struct message *message, enum field field, size_t i, size_t m)
{
    assert(fields[field].kind == KIND_RECORDS);
    assert(i < message_list_count(message, field));
    assert(m < list_width(field));
    return &message->values[list_value(message, field)->list.first + i * list_width(field) + m];
}

struct value *message_set_list(struct message *message, enum field field, size_t count)
{
    struct value *value = message_value(message, field);

    assert(holdings[fields[field].kind] == HELD_LIST);
    value->present = false; /* until there is room for it */
    return set_list(message, value, count, list_width(field));
}

struct value *message_set_member_list(struct message *message, struct value *member, size_t count)
{
    return set_list(message, member, count, 1);
}

enum need message_primary_need(const struct message *message)
{
    size_t count = message_list_count(message, FIELD_needs);

    for (size_t i = 0; i < count; i++) {
        const struct value *is_primary = message_member(message, FIELD_needs, i, MEMBER_is_primary);

        if (count == 1 || (is_primary->present && is_primary->number))
            return (enum need)message_member(message, FIELD_needs, i, MEMBER_code)->number;
    }
    return (enum need)0;
}

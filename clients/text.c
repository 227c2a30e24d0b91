/* SPDX-License-Identifier: MIT
 * text: values of the wire as text. */
#include "clients/text.h"

#include "proto/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_list(enum kind kind)
{
    return kind >= KIND_CODES;
}

/* Cuts the next part off at a separator that has no backslash before it; NULL when there is no more. */
static char *next_part(char **rest, char separator)
{
    char *part = *rest, *at = part;

    if (part == NULL)
        return NULL;
    while (*at != '\0' && *at != separator)
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    *rest = *at == '\0' ? NULL : at + 1;
    *at = '\0';
    return part;
}

static size_t count_parts(const char *text, char separator)
{
    size_t count = *text != '\0';

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] != '\0')
            text++;
        else
            count += *text == separator;
    }
    return count;
}

static void drop_backslashes(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] != '\0')
            text++;
        *to++ = *text;
    }
    *to = '\0';
}

static bool read_int(const char *text, int64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool read_bool(const char *text, int64_t *number)
{
    *number = strcmp(text, "true") == 0;
    return *number || strcmp(text, "false") == 0;
}

static bool read_value(enum kind kind, int of, char *text, struct value *value)
{
    struct text whole = {text, (uint32_t)strlen(text)};
    uint64_t referral = 0;

    value->present = true;
    switch (kind) {
    case KIND_CODE:
        value->number = code_number((enum code_list)of, text, whole.length);
        return value->number != 0;
    case KIND_BOOL:
        return read_bool(text, &value->number);
    case KIND_INT:
        return read_int(text, &value->number);
    case KIND_DATETIME:
        return datetime_parse(whole, &value->number);
    case KIND_DATE:
        return date_parse(whole, &value->number);
    case KIND_UUID:
        return uuid_parse(whole, value->uuid);
    case KIND_REFERRAL_ID:
        if (!referral_id_parse(whole, &referral))
            return false;
        value->number = (int64_t)referral;
        return true;
    default:
        value->text = whole;
        return true;
    }
}

/* A member that is a list: its elements by spaces. */
static bool read_elements(struct message *message, enum kind kind, int of, char *text, struct value *value)
{
    size_t count = count_parts(text, ' ');
    struct value *elements = message_set_member_list(message, value, count);

    for (size_t i = 0; elements != NULL && i < count; i++)
        if (!read_value(kind, of, next_part(&text, ' '), &elements[i]))
            return false;
    return elements != NULL;
}

/* One record: members by colons. A BOOL member says which record is the primary one and has no place in the text. */
static bool read_record(struct message *message, const struct record_spec *record, char *text, bool is_first,
                        struct value *row)
{
    for (size_t m = 0; m < record->count; m++) {
        const struct field_spec *member = &record->members[m];
        bool is_read = true;

        if (member->kind == KIND_BOOL) {
            row[m].present = is_first;
            row[m].number = is_first;
            continue;
        }
        char *part = next_part(&text, ':');
        if (part == NULL || *part == '\0')
            is_read = member->obligation != MANDATORY;
        else if (is_list(member->kind))
            is_read = read_elements(message, text_element_kind(member->kind), member->of, part, &row[m]);
        else {
            drop_backslashes(part);
            is_read = read_value(member->kind, member->of, part, &row[m]);
        }
        if (!is_read)
            return false;
    }
    return text == NULL;
}

static bool read_list(struct message *message, enum field field, char *text)
{
    const struct field_spec *spec = &fields[field];
    const struct record_spec *record = spec->kind == KIND_RECORDS ? &records[spec->of] : NULL;
    size_t count = count_parts(text, ',');
    struct value *values = count <= MESSAGE_LIST_VALUES_MAX ? message_set_list(message, field, count) : NULL;
    bool is_read = values != NULL || count == 0;

    for (size_t i = 0; is_read && i < count; i++) {
        char *part = next_part(&text, ',');

        if (record != NULL) {
            is_read = read_record(message, record, part, i == 0, values + i * record->count);
            continue;
        }
        drop_backslashes(part);
        is_read = read_value(text_element_kind(spec->kind), spec->of, part, &values[i]);
    }
    return is_read;
}

struct writer {
    char *buffer;
    size_t size;
    size_t length;
};

static void write_char(struct writer *writer, char c)
{
    if (writer->length + 1 < writer->size) {
        writer->buffer[writer->length] = c;
        writer->buffer[writer->length + 1] = '\0';
    }
    writer->length++;
}

static void write_escaped(struct writer *writer, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == ',' || bytes[i] == ':' || bytes[i] == '\\')
            write_char(writer, '\\');
        write_char(writer, bytes[i]);
    }
}

static bool is_text(enum kind kind)
{
    switch (kind) {
    case KIND_UUID:
    case KIND_REFERRAL_ID:
    case KIND_CODE:
    case KIND_BOOL:
    case KIND_INT:
    case KIND_DATETIME:
    case KIND_DATE:
        return false;
    default:
        return !is_list(kind);
    }
}

/* An element or member: texts get backslashes, the other kinds cannot hold a separator that matters. */
static void write_part(struct writer *writer, enum kind kind, int of, const struct value *value)
{
    char small[64];

    if (!value->present)
        return;
    if (is_text(kind)) {
        write_escaped(writer, value->text.bytes, value->text.length);
        return;
    }
    text_write_value(kind, of, value, small, sizeof small);
    for (const char *at = small; *at != '\0'; at++)
        write_char(writer, *at);
}

static void write_elements(struct writer *writer, const struct message *message, const struct field_spec *member,
                           const struct value *value)
{
    for (size_t i = 0; value->present && i < value->list.count; i++) {
        if (i > 0)
            write_char(writer, ' ');
        write_part(writer, text_element_kind(member->kind), member->of, &message->values[value->list.first + i]);
    }
}

static void write_record(struct writer *writer, const struct message *message, enum field field, size_t i)
{
    const struct record_spec *record = &records[fields[field].of];
    size_t last = record->count, written = 0;

    while (last > 0 && !message_member(message, field, i, last - 1)->present)
        last--;
    for (size_t m = 0; m < last; m++) {
        const struct value *value = message_member(message, field, i, m);

        if (record->members[m].kind == KIND_BOOL)
            continue;
        if (written++ > 0)
            write_char(writer, ':');
        if (is_list(record->members[m].kind))
            write_elements(writer, message, &record->members[m], value);
        else
            write_part(writer, record->members[m].kind, record->members[m].of, value);
    }
}

/* The record whose BOOL member is true stands first in the text. */
static size_t primary_record(const struct message *message, enum field field)
{
    const struct record_spec *record = &records[fields[field].of];

    for (size_t i = 0; i < message_list_count(message, field); i++)
        for (size_t m = 0; m < record->count; m++) {
            const struct value *value = message_member(message, field, i, m);

            if (record->members[m].kind == KIND_BOOL && value->present && value->number)
                return i;
        }
    return 0;
}

static void write_records(struct writer *writer, const struct message *message, enum field field)
{
    size_t count = message_list_count(message, field), primary = primary_record(message, field);

    if (count > 0)
        write_record(writer, message, field, primary);
    for (size_t i = 0; i < count; i++) {
        if (i == primary)
            continue;
        write_char(writer, ',');
        write_record(writer, message, field, i);
    }
}

static void write_list(struct writer *writer, const struct message *message, enum field field)
{
    for (size_t i = 0; i < message_list_count(message, field); i++) {
        if (i > 0)
            write_char(writer, ',');
        write_part(writer, text_element_kind(fields[field].kind), fields[field].of, message_element(message, field, i));
    }
}

enum kind text_element_kind(enum kind list)
{
    switch (list) {
    case KIND_CODES:
        return KIND_CODE;
    case KIND_IDS:
        return KIND_ID;
    case KIND_INTS:
        return KIND_INT;
    default:
        return KIND_TEXT;
    }
}

enum field text_find_field(const char *name)
{
    for (int field = 0; field < FIELD_COUNT; field++)
        if (strcmp(fields[field].name, name) == 0)
            return (enum field)field;
    return FIELD_COUNT;
}

bool text_belongs(const struct message_spec *spec, enum field field)
{
    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field == field)
            return true;
    return false;
}

/* The list that a field takes codes of; of records, their first member. */
enum code_list text_code_list(enum field field)
{
    const struct field_spec *spec = &fields[field];
    const struct field_spec *coded = spec->kind == KIND_RECORDS ? &records[spec->of].members[0] : spec;

    return coded->kind == KIND_CODE || coded->kind == KIND_CODES ? (enum code_list)coded->of : LIST_none;
}

bool text_read(struct message *message, enum field field, char *text, char *why, size_t why_size)
{
    const struct field_spec *spec = &fields[field];
    struct value *value = message_value(message, field);
    bool is_read;

    value->present = false;
    is_read = is_list(spec->kind) ? read_list(message, field, text) : read_value(spec->kind, spec->of, text, value);
    if (!is_read) {
        enum code_list list = text_code_list(field);

        memset(value, 0, sizeof *value);
        snprintf(why, why_size, "%s does not have the form of its kind%s%s", spec->name,
                 list != LIST_none ? ": it takes a code of the list " : "", list != LIST_none ? lists[list].name : "");
    }
    return is_read;
}

size_t text_write_value(enum kind kind, int of, const struct value *value, char *buffer, size_t size)
{
    char small[64] = "";
    int length;

    switch (kind) {
    case KIND_UUID:
        uuid_format(value->uuid, small);
        break;
    case KIND_REFERRAL_ID:
        referral_id_format((uint64_t)value->number, small);
        break;
    case KIND_CODE:
        snprintf(small, sizeof small, "%s", code_text((enum code_list)of, (int)value->number));
        break;
    case KIND_BOOL:
        strcpy(small, value->number ? "true" : "false");
        break;
    case KIND_INT:
        snprintf(small, sizeof small, "%" PRId64, value->number);
        break;
    case KIND_DATETIME:
        datetime_format(value->number, small);
        break;
    case KIND_DATE:
        date_format(value->number, small);
        break;
    default:
        length = snprintf(buffer, size, "%.*s", (int)value->text.length, value->text.bytes);
        return (size_t)length;
    }
    length = snprintf(buffer, size, "%s", small);
    return (size_t)length;
}

size_t text_write_member(const struct message *message, enum field field, size_t i, size_t m, char *buffer, size_t size)
{
    const struct field_spec *member = &records[fields[field].of].members[m];
    const struct value *value = message_member(message, field, i, m);
    struct writer writer = {buffer, size, 0};

    if (size > 0)
        buffer[0] = '\0';
    if (!value->present)
        return 0;
    if (!is_list(member->kind))
        return text_write_value(member->kind, member->of, value, buffer, size);
    write_elements(&writer, message, member, value);
    return writer.length;
}

size_t text_write(const struct message *message, enum field field, char *buffer, size_t size)
{
    const struct field_spec *spec = &fields[field];
    struct writer writer = {buffer, size, 0};

    if (size > 0)
        buffer[0] = '\0';
    if (!message_has(message, field))
        return 0;
    if (spec->kind == KIND_RECORDS)
        write_records(&writer, message, field);
    else if (is_list(spec->kind))
        write_list(&writer, message, field);
    else
        return text_write_value(spec->kind, spec->of, message_value_of(message, field), buffer, size);
    return writer.length;
}

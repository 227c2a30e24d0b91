/* SPDX-License-Identifier: MIT
 * record_json: JSON, or lines, to named texts. */
#include "clients/record_json.h"

#include "clients/text.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct writer {
    char buffer[2 * MESSAGE_BYTES_MAX];
    size_t length;
    bool overflow;
};

static void write_char(struct writer *writer, char c)
{
    if (writer->length + 1 < sizeof writer->buffer)
        writer->buffer[writer->length++] = c;
    else
        writer->overflow = true;
    writer->buffer[writer->length] = '\0';
}

/* A string, number or truth; in a list, separators get backslashes. */
static bool write_scalar(struct writer *writer, const json_t *json, bool is_in_list)
{
    char number[32];
    const char *text = json_is_string(json) ? json_string_value(json) : number;

    if (json_is_integer(json))
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    else if (json_is_boolean(json))
        strcpy(number, json_is_true(json) ? "true" : "false");
    else if (!json_is_string(json))
        return false;
    for (; *text != '\0'; text++) {
        if (is_in_list && strchr(",:\\", *text) != NULL)
            write_char(writer, '\\');
        write_char(writer, *text);
    }
    return !writer->overflow;
}

static bool write_ints(struct writer *writer, const json_t *array)
{
    size_t i;
    json_t *element;

    json_array_foreach(array, i, element)
    {
        if (i > 0)
            write_char(writer, ' ');
        if (!json_is_integer(element) || !write_scalar(writer, element, true))
            return false;
    }
    return true;
}

static bool write_record(struct writer *writer, const struct record_spec *record, const json_t *object)
{
    size_t known = 0, written = 0;

    for (size_t m = 0; m < record->count; m++) {
        const json_t *member = json_object_get(object, record->members[m].name);

        known += member != NULL;
        if (record->members[m].kind == KIND_BOOL)
            continue;
        if (written++ > 0)
            write_char(writer, ':');
        if (member != NULL &&
            !(json_is_array(member) ? write_ints(writer, member) : write_scalar(writer, member, true)))
            return false;
    }
    while (writer->length > 0 && writer->buffer[writer->length - 1] == ':' &&
           !(writer->length > 1 && writer->buffer[writer->length - 2] == '\\'))
        writer->buffer[--writer->length] = '\0';
    return json_is_object(object) && known == json_object_size(object);
}

/* The primary record stands first in the text. */
static size_t primary_of(const struct record_spec *record, const json_t *array)
{
    for (size_t i = 0; i < json_array_size(array); i++)
        for (size_t m = 0; m < record->count; m++)
            if (record->members[m].kind == KIND_BOOL &&
                json_is_true(json_object_get(json_array_get(array, i), record->members[m].name)))
                return i;
    return 0;
}

static bool write_records(struct writer *writer, const struct record_spec *record, const json_t *array)
{
    size_t primary = primary_of(record, array), count = json_array_size(array);

    for (size_t i = 0; i < count; i++) {
        size_t from = i == 0 ? primary : i <= primary ? i - 1 : i;

        if (i > 0)
            write_char(writer, ',');
        if (!write_record(writer, record, json_array_get(array, from)))
            return false;
    }
    return true;
}

static bool write_field(struct writer *writer, enum field field, const json_t *json)
{
    size_t i;
    json_t *element;

    writer->length = 0;
    writer->overflow = false;
    writer->buffer[0] = '\0';
    if (fields[field].kind < KIND_CODES)
        return write_scalar(writer, json, false);
    if (!json_is_array(json))
        return false;
    if (fields[field].kind == KIND_RECORDS)
        return write_records(writer, &records[fields[field].of], json) && !writer->overflow;
    json_array_foreach(json, i, element)
    {
        if (i > 0)
            write_char(writer, ',');
        if (!write_scalar(writer, element, true))
            return false;
    }
    return true;
}

static bool take_object(const json_t *object, struct writer *writer, struct record_texts *texts, char *why,
                        size_t why_size)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        enum field field = text_find_field(name);

        if (strcmp(name, "type") == 0 || strcmp(name, "schema") == 0)
            continue;
        if (field == FIELD_COUNT) {
            snprintf(why, why_size, "there is no field \"%.40s\"", name);
            return false;
        }
        if (!write_field(writer, field, value) || !record_texts_set(texts, field, writer->buffer)) {
            snprintf(why, why_size, "%s does not have the form of its kind", name);
            return false;
        }
    }
    return true;
}

/* NAME=VALUE, one a line; empty lines and those that begin with # say nothing. */
static bool take_lines(FILE *file, struct writer *writer, struct record_texts *texts, int *line)
{
    while (fgets(writer->buffer, sizeof writer->buffer, file) != NULL) {
        char *equals = strchr(writer->buffer, '=');
        enum field field;

        ++*line;
        writer->buffer[strcspn(writer->buffer, "\r\n")] = '\0';
        if (writer->buffer[0] == '\0' || writer->buffer[0] == '#')
            continue;
        if (equals == NULL)
            return false;
        *equals = '\0';
        field = text_find_field(writer->buffer);
        if (field == FIELD_COUNT || !record_texts_set(texts, field, equals + 1))
            return false;
    }
    return ferror(file) == 0;
}

/* The parser's own words may repeat content: they are not used. */
static bool read_json(const char *path, FILE *file, struct writer *writer, struct record_texts *texts, char *why,
                      size_t why_size)
{
    json_error_t error;
    json_t *object = json_loadf(file, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
    bool is_read = json_is_object(object);
    char problem[160];

    snprintf(why, why_size, "%s:%d: not one JSON object", path, object ? 1 : error.line);
    if (is_read && !take_object(object, writer, texts, problem, sizeof problem)) {
        snprintf(why, why_size, "%s: %s", path, problem);
        is_read = false;
    }
    json_decref(object);
    return is_read;
}

int record_json_read(const char *path, struct record_texts *texts, char *why, size_t why_size)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    struct writer *writer = calloc(1, sizeof *writer);
    bool is_read = false;
    int code = EX_NOINPUT, first, line = 0;

    snprintf(why, why_size, "cannot open %s: %s", path, strerror(errno));
    if (file == NULL || writer == NULL)
        goto out;
    first = ungetc(fgetc(file), file);
    if (first != EOF && (first == '#' || (first >= 'a' && first <= 'z'))) {
        is_read = take_lines(file, writer, texts, &line);
        snprintf(why, why_size, "%s:%d: not NAME=VALUE with the name of a field", path, line);
    } else {
        is_read = read_json(path, file, writer, texts, why, why_size);
    }
    code = is_read ? EX_OK : EX_DATAERR;
out:
    if (writer != NULL)
        explicit_bzero(writer, sizeof *writer);
    free(writer);
    if (file != NULL && file != stdin)
        fclose(file);
    return code;
}

bool record_json_parse(const char *json, size_t length, struct record_texts *texts, char *type, size_t type_size,
                       char *why, size_t why_size)
{
    json_error_t error = {0};
    json_t *object = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
    struct writer *writer = calloc(1, sizeof *writer);
    const char *said = json_string_value(json_object_get(object, "type"));
    bool is_read = false;

    snprintf(type, type_size, "%s", said ? said : "");
    if (!json_is_object(object))
        snprintf(why, why_size, "not one whole JSON object (line %d, column %d)", error.line, error.column);
    else if (writer != NULL)
        is_read = take_object(object, writer, texts, why, why_size);
    if (writer != NULL)
        explicit_bzero(writer, sizeof *writer);
    free(writer);
    json_decref(object);
    return is_read;
}

bool record_texts_set(struct record_texts *texts, enum field field, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL)
        return false;
    if (texts->of[field] != NULL)
        explicit_bzero(texts->of[field], strlen(texts->of[field]));
    free(texts->of[field]);
    texts->of[field] = copy;
    return true;
}

bool record_texts_fill(struct record_texts *texts, struct message *message, char *why, size_t why_size)
{
    for (int field = 0; field < FIELD_COUNT; field++)
        if (texts->of[field] != NULL && !text_read(message, (enum field)field, texts->of[field], why, why_size))
            return false;
    return true;
}

bool record_texts_copy(struct record_texts *to, const struct record_texts *from)
{
    bool is_copied = true;

    for (int field = 0; is_copied && field < FIELD_COUNT; field++)
        if (from->of[field] != NULL)
            is_copied = record_texts_set(to, (enum field)field, from->of[field]);
    return is_copied;
}

void record_texts_clear(struct record_texts *texts)
{
    for (int field = 0; field < FIELD_COUNT; field++) {
        if (texts->of[field] != NULL)
            explicit_bzero(texts->of[field], strlen(texts->of[field]));
        free(texts->of[field]);
        texts->of[field] = NULL;
    }
}

/* SPDX-License-Identifier: MIT
 * codec: walks the tables of proto/vocabulary.h over an unpacked map, and back. One reader and one writer for each
 * kind of field; nothing here knows a message by name, except where its size is bounded. */
#include "proto/codec.h"
#include "proto/check.h"
#include "proto/pack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 40
#define DATE_TEXT_BYTES 10
#define DATETIME_TEXT_BYTES 24
#define TEXT_OF_LINES 200 /* a TEXT that may be longer than this may have lines */
/* How much longer the normal form may be than what came: times get their milliseconds, a postcode its space. */
#define GROWTH_MAX 128

struct decoder {
    struct unpacker *unpacker;
    unsigned char normal[MESSAGE_BYTES_MAX];
};

/* Where decoding is, so that a fault can name the place. */
struct reading {
    struct message *message;
    struct fault *fault;
    const char *field;
    int index; /* -1: not in a list */
    const char *member;
    int element; /* -1: not in a member that is a list */
};

static bool refuse_here(struct reading *at, enum refusal refusal)
{
    char index[16] = "";
    char element[16] = "";

    if (at->index >= 0)
        snprintf(index, sizeof index, "[%d]", at->index);
    if (at->element >= 0)
        snprintf(element, sizeof element, "[%d]", at->element);
    at->fault->refusal = refusal;
    snprintf(at->fault->field, sizeof at->fault->field, "%s%s%s%s%s", at->field ? at->field : "", index,
             at->member ? "." : "", at->member ? at->member : "", element);
    return false;
}

static bool is_name(struct text key)
{
    if (key.length == 0 || key.length > NAME_BYTES_MAX)
        return false;
    for (uint32_t i = 0; i < key.length; i++)
        if (key.bytes[i] != '_' && (key.bytes[i] < 'a' || key.bytes[i] > 'z'))
            return false;
    return true;
}

/* How many letters must be changed, added or left out. */
static size_t edit_distance(struct text key, const char *name)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t length = key.length;

    for (size_t k = 0; k <= length; k++)
        row[k] = k;
    for (size_t i = 1; name[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= length; k++) {
            size_t best = diagonal + (key.bytes[k - 1] != name[i - 1]);

            diagonal = row[k];
            best = row[k] + 1 < best ? row[k] + 1 : best;
            row[k] = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
        }
    }
    return row[length];
}

/* Keeps in *near the name that is nearest so far: at most two letters away, and not another word altogether. */
static void consider_name(struct text key, const char *name, const char **near, size_t *distance)
{
    size_t away = edit_distance(key, name);

    if (away <= 2 && away < key.length && away < *distance) {
        *near = name;
        *distance = away;
    }
}

/* A key without the form of a name may be content, so it is not repeated. */
static bool refuse_key(struct reading *at, struct text key, const char *near)
{
    size_t used;

    refuse_here(at, REFUSAL_UNKNOWN_FIELD);
    if (!is_name(key))
        return false;
    used = strlen(at->fault->field);
    snprintf(at->fault->field + used, sizeof at->fault->field - used, "%s%.*s%s%s%s", used > 0 ? "." : "",
             (int)key.length, key.bytes, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    return false;
}

static bool refuse_field(struct reading *at, const struct message_spec *message, struct text key)
{
    const char *near = NULL;
    size_t distance = SIZE_MAX;

    for (size_t m = 0; is_name(key) && m < message->count; m++)
        consider_name(key, fields[message->members[m].field].name, &near, &distance);
    return refuse_key(at, key, near);
}

static bool refuse_member(struct reading *at, const struct record_spec *record, struct text key)
{
    const char *near = NULL;
    size_t distance = SIZE_MAX;

    for (size_t m = 0; is_name(key) && m < record->count; m++)
        consider_name(key, record->members[m].name, &near, &distance);
    return refuse_key(at, key, near);
}

static bool text_of(const struct node *node, struct text *text)
{
    return node_text(node, &text->bytes, &text->length);
}

static bool text_is(struct text text, const char *ours)
{
    return text.length > 0 && text.bytes[0] == ours[0] && text.length == strlen(ours) &&
           memcmp(text.bytes, ours, text.length) == 0;
}

static bool count_fits(struct reading *at, const struct field_spec *spec, size_t count)
{
    if ((int64_t)count < spec->least)
        return refuse_here(at, REFUSAL_TOO_SHORT);
    if ((int64_t)count > spec->most)
        return refuse_here(at, REFUSAL_TOO_LONG);
    return true;
}

static bool read_uuid(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    struct text text;

    (void)spec;
    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!uuid_parse(text, value->uuid))
        return refuse_here(at, REFUSAL_NOT_A_UUID);
    return true;
}

/* Texts of one form, counted in bytes: ID, PHONE, EMAIL, ODS, SNOMED. */
static bool read_form(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    static bool (*const checks[KIND_COUNT])(struct text) = {
        [KIND_ID] = check_id,   [KIND_PHONE] = check_phone,   [KIND_EMAIL] = check_email,
        [KIND_ODS] = check_ods, [KIND_SNOMED] = check_digits,
    };
    struct text text;
    size_t count;

    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    count = text.length;
    if (spec->kind == KIND_PHONE && count > 0 && text.bytes[0] == '+')
        count--;
    if (!count_fits(at, spec, count))
        return false;
    value->text = text;
    if (!checks[spec->kind](text))
        return refuse_here(at, REFUSAL_MALFORMED);
    return true;
}

static bool read_text(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    size_t characters;

    if (!text_of(node, &value->text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!check_utf8(value->text, spec->most > TEXT_OF_LINES, &characters))
        return refuse_here(at, REFUSAL_NOT_UTF8);
    return count_fits(at, spec, characters);
}

static bool read_code(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    struct text text;

    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    value->number = code_number((enum code_list)spec->of, text.bytes, text.length);
    if (value->number == 0)
        return refuse_here(at, REFUSAL_NOT_A_CODE);
    return true;
}

static bool read_bool(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    bool truth;

    (void)spec;
    if (!node_bool(node, &truth))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    value->number = truth;
    return true;
}

static bool read_int(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    if (node_kind(node) != NODE_INT)
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!node_int(node, &value->number) || value->number < spec->least || value->number > spec->most)
        return refuse_here(at, REFUSAL_OUT_OF_RANGE);
    return true;
}

static bool read_time(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    struct text text;
    bool exists;

    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    exists = spec->kind == KIND_DATE ? date_parse(text, &value->number) : datetime_parse(text, &value->number);
    if (!exists)
        return refuse_here(at, REFUSAL_NOT_A_TIME);
    return true;
}

static bool read_referral_id(struct reading *at, const struct field_spec *spec, const struct node *node,
                             struct value *value)
{
    struct text text;
    uint64_t number;

    (void)spec;
    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!referral_id_parse(text, &number))
        return refuse_here(at, REFUSAL_MALFORMED);
    value->number = (int64_t)number;
    return true;
}

static bool read_postcode(struct reading *at, const struct field_spec *spec, const struct node *node,
                          struct value *value)
{
    char *normal = at->message->postcode;
    struct text text;

    (void)spec;
    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!check_postcode(text, normal))
        return refuse_here(at, REFUSAL_POSTCODE);
    value->text = (struct text){normal, (uint32_t)strlen(normal)};
    return true;
}

static bool read_nhs_number(struct reading *at, const struct field_spec *spec, const struct node *node,
                            struct value *value)
{
    char *normal = at->message->nhs_number;
    struct text text;

    (void)spec;
    if (!text_of(node, &text))
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!check_nhs_number(text, normal))
        return refuse_here(at, REFUSAL_NHS_NUMBER);
    value->text = (struct text){normal, (uint32_t)strlen(normal)};
    return true;
}

static bool read_value(struct reading *, const struct field_spec *, const struct node *, struct value *);

/* The field that one element of a list of single values is. */
static struct field_spec element_spec(const struct field_spec *list)
{
    struct field_spec element = {.kind = KIND_INT, .least = INT64_MIN, .most = INT64_MAX};

    if (list->kind == KIND_CODES)
        element = (struct field_spec){.kind = KIND_CODE, .of = list->of};
    else if (list->kind == KIND_IDS)
        element = (struct field_spec){.kind = KIND_ID, .least = 1, .most = ID_BYTES_MAX};
    else if (list->kind == KIND_TEXTS)
        element = (struct field_spec){.kind = KIND_TEXT, .least = 1, .most = list->of};
    return element;
}

static bool read_list(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    const struct field_spec element = element_spec(spec);
    int *index = at->member ? &at->element : &at->index;
    uint32_t count = node_count(node);
    uint64_t seen = 0; /* codes are at most 63 */
    struct value *run;

    if (node_kind(node) != NODE_ARRAY)
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!count_fits(at, spec, count))
        return false;
    run = message_set_member_list(at->message, value, count);
    if (!run)
        return refuse_here(at, REFUSAL_TOO_LONG);
    for (uint32_t i = 0; i < count; i++) {
        *index = (int)i;
        if (!read_value(at, &element, node_at(node, i), &run[i]))
            return false;
        if (spec->kind == KIND_CODES && seen & UINT64_C(1) << run[i].number)
            return refuse_here(at, REFUSAL_DUPLICATE_FIELD);
        if (spec->kind == KIND_CODES)
            seen |= UINT64_C(1) << run[i].number;
    }
    *index = -1;
    return true;
}

static const struct field_spec *find_member(const struct record_spec *record, struct text key)
{
    for (size_t m = 0; m < record->count; m++)
        if (record->members[m].name_length == key.length && memcmp(record->members[m].name, key.bytes, key.length) == 0)
            return &record->members[m];
    return NULL;
}

static bool read_record(struct reading *at, const struct record_spec *record, const struct node *node,
                        struct value *values)
{
    if (node_kind(node) != NODE_MAP)
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    for (uint32_t i = 0; i < node_count(node); i++) {
        const struct field_spec *member;
        struct value *value;
        struct text key;

        if (!text_of(node_key(node, i), &key))
            return refuse_here(at, REFUSAL_WRONG_TYPE);
        member = find_member(record, key);
        if (!member)
            return refuse_member(at, record, key);
        value = &values[member - record->members];
        at->member = member->name;
        if (value->present)
            return refuse_here(at, REFUSAL_DUPLICATE_FIELD);
        if (!read_value(at, member, node_value(node, i), value))
            return false;
        at->member = NULL;
    }
    for (size_t m = 0; m < record->count; m++) {
        if (record->members[m].obligation != MANDATORY || values[m].present)
            continue;
        at->member = record->members[m].name;
        return refuse_here(at, REFUSAL_REQUIRED);
    }
    return true;
}

static bool read_records(struct reading *at, const struct field_spec *spec, const struct node *node,
                         struct value *value)
{
    const struct record_spec *record = &records[spec->of];
    struct value *run;

    if (node_kind(node) != NODE_ARRAY)
        return refuse_here(at, REFUSAL_WRONG_TYPE);
    if (!count_fits(at, spec, node_count(node)))
        return false;
    run = message_set_member_list(at->message, value, node_count(node) * record->count);
    if (!run)
        return refuse_here(at, REFUSAL_TOO_LONG);
    value->list.count = (uint16_t)node_count(node);
    for (uint32_t i = 0; i < node_count(node); i++) {
        at->index = (int)i;
        if (!read_record(at, record, node_at(node, i), &run[i * record->count]))
            return false;
    }
    at->index = -1;
    return true;
}

static bool read_value(struct reading *at, const struct field_spec *spec, const struct node *node, struct value *value)
{
    static bool (*const readers[KIND_COUNT])(struct reading *, const struct field_spec *, const struct node *,
                                             struct value *) = {
        [KIND_UUID] = read_uuid,  [KIND_ID] = read_form,       [KIND_REFERRAL_ID] = read_referral_id,
        [KIND_TEXT] = read_text,  [KIND_CODE] = read_code,     [KIND_BOOL] = read_bool,
        [KIND_INT] = read_int,    [KIND_DATETIME] = read_time, [KIND_DATE] = read_time,
        [KIND_PHONE] = read_form, [KIND_EMAIL] = read_form,    [KIND_POSTCODE] = read_postcode,
        [KIND_ODS] = read_form,   [KIND_SNOMED] = read_form,   [KIND_NHS_NUMBER] = read_nhs_number,
        [KIND_CODES] = read_list, [KIND_IDS] = read_list,      [KIND_RECORDS] = read_records,
        [KIND_TEXTS] = read_list, [KIND_INTS] = read_list,
    };

    value->present = true;
    return readers[spec->kind](at, spec, node, value);
}

/* Senders write fields in the order of the table, so the search begins after the last one found. */
static bool find_field(const struct message_spec *message, struct text key, size_t *next, enum field *field)
{
    size_t m = *next;

    for (size_t tried = 0; tried < message->count; tried++, m++) {
        if (m >= message->count)
            m = 0;
        *field = message->members[m].field;
        if (fields[*field].name_length == key.length && memcmp(fields[*field].name, key.bytes, key.length) == 0) {
            *next = m + 1;
            return true;
        }
    }
    return false;
}

/* The place of the first `type` in the map; its count when there is none. False: a key before it is no text. */
static bool find_type(const struct node *root, uint32_t *place)
{
    uint32_t count = node_count(root);

    for (*place = 0; *place < count; ++*place) {
        struct text key;

        if (!text_of(node_key(root, *place), &key))
            return false;
        if (text_is(key, "type"))
            return true;
    }
    return true;
}

static bool read_fields(struct reading *at, const struct message_spec *message, const struct node *root,
                        uint32_t type_place)
{
    uint32_t count = node_count(root);
    size_t next = 0;

    for (uint32_t i = 0; i < count; i++) {
        struct text key;
        enum field field;

        if (i == type_place)
            continue;
        at->field = NULL;
        if (!text_of(node_key(root, i), &key))
            return refuse_here(at, REFUSAL_NOT_A_MAP);
        if (!find_field(message, key, &next, &field)) {
            if (!text_is(key, "type"))
                return refuse_field(at, message, key);
            at->field = "type";
            return refuse_here(at, REFUSAL_DUPLICATE_FIELD);
        }
        at->field = fields[field].name;
        if (message_has(at->message, field))
            return refuse_here(at, REFUSAL_DUPLICATE_FIELD);
        if (!read_value(at, &fields[field], node_value(root, i), message_value(at->message, field)))
            return false;
    }
    for (size_t m = 0; m < message->count; m++) {
        if (message->members[m].obligation != MANDATORY || message_has(at->message, message->members[m].field))
            continue;
        at->field = fields[message->members[m].field].name;
        return refuse_here(at, REFUSAL_REQUIRED);
    }
    return true;
}

static bool read_message(struct reading *at, const struct node *root)
{
    const struct message_spec *message;
    struct text type;
    uint32_t place;

    if (node_kind(root) != NODE_MAP || !find_type(root, &place))
        return refuse_here(at, REFUSAL_NOT_A_MAP);
    at->field = "type";
    if (place == node_count(root) || !text_of(node_value(root, place), &type))
        return refuse_here(at, REFUSAL_UNKNOWN_TYPE);
    message = message_spec_by_name(type.bytes, type.length);
    if (!message)
        return refuse_here(at, REFUSAL_UNKNOWN_TYPE);
    at->message->type = message->type;
    return read_fields(at, message, root, place);
}

/* After a fault, whatever stands before or behind it: the request_id, so that the refusal can name its request. */
static void keep_request_id(struct message *message, const struct node *root)
{
    message_init(message, message->type);
    for (uint32_t i = 0; node_kind(root) == NODE_MAP && i < node_count(root); i++) {
        uint8_t uuid[UUID_BYTES];
        struct text text;

        if (!text_of(node_key(root, i), &text) || !text_is(text, fields[FIELD_request_id].name))
            continue;
        if (text_of(node_value(root, i), &text) && uuid_parse(text, uuid))
            message_set_uuid(message, FIELD_request_id, uuid);
        return;
    }
}

/* What is passed on is the normal form, so that is what must fit. */
static bool normal_form_fits(struct decoder *decoder, const struct message *message, size_t length)
{
    size_t limit = message->type == MESSAGE_submit ? SUBMIT_BYTES_MAX : MESSAGE_BYTES_MAX;

    return length + GROWTH_MAX <= limit || encode(message, decoder->normal, limit) > 0;
}

static enum refusal refusal_of(enum unpack_result result)
{
    return result == UNPACK_TOO_DEEP ? REFUSAL_TOO_DEEP : REFUSAL_NOT_MSGPACK;
}

struct decoder *decoder_open(void)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);

    if (!decoder)
        return NULL;
    decoder->unpacker = unpacker_open();
    if (!decoder->unpacker) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_close(struct decoder **decoder)
{
    if (!*decoder)
        return;
    unpacker_close(&(*decoder)->unpacker);
    free(*decoder);
    *decoder = NULL;
}

bool decode(struct decoder *decoder, const void *frame, size_t length, struct message *message, struct fault *fault)
{
    struct reading at = {.message = message, .fault = fault, .index = -1, .element = -1};
    const struct node *root = NULL;
    enum unpack_result result;

    message_init(message, MESSAGE_NONE);
    fault->refusal = REFUSAL_NONE;
    fault->field[0] = '\0';
    if (length > MESSAGE_BYTES_MAX)
        return refuse_here(&at, REFUSAL_TOO_LARGE);
    result = unpack(decoder->unpacker, frame, length, &root);
    if (result != UNPACK_OK)
        return refuse_here(&at, refusal_of(result));
    if (read_message(&at, root)) {
        if (normal_form_fits(decoder, message, length))
            return true;
        at.field = NULL;
        refuse_here(&at, REFUSAL_TOO_LARGE);
    }
    keep_request_id(message, root);
    return false;
}

static void write_string(struct packer *packer, const char *string)
{
    pack_text(packer, string, strlen(string));
}

static void write_code(struct packer *packer, int list, int64_t number)
{
    const char *text = code_text((enum code_list)list, (int)number);

    assert(text[0] != '\0');
    write_string(packer, text);
}

static void write_value(struct packer *, const struct message *, const struct field_spec *, const struct value *);

static void write_record(struct packer *packer, const struct message *message, const struct record_spec *record,
                         const struct value *values)
{
    uint32_t pairs = 0;

    for (size_t m = 0; m < record->count; m++) {
        assert(values[m].present || record->members[m].obligation != MANDATORY);
        pairs += values[m].present;
    }
    pack_map(packer, pairs);
    for (size_t m = 0; m < record->count; m++) {
        if (!values[m].present)
            continue;
        pack_text(packer, record->members[m].name, record->members[m].name_length);
        write_value(packer, message, &record->members[m], &values[m]);
    }
}

static void write_list(struct packer *packer, const struct message *message, const struct field_spec *spec,
                       const struct value *value)
{
    const struct value *run = &message->values[value->list.first];
    const struct field_spec element = element_spec(spec);

    pack_array(packer, value->list.count);
    for (size_t i = 0; i < value->list.count; i++) {
        if (spec->kind == KIND_RECORDS)
            write_record(packer, message, &records[spec->of], &run[i * records[spec->of].count]);
        else
            write_value(packer, message, &element, &run[i]);
    }
}

static void write_value(struct packer *packer, const struct message *message, const struct field_spec *spec,
                        const struct value *value)
{
    char text[UUID_TEXT_BYTES + 1]; /* the longest of the forms below */

    switch (spec->kind) {
    case KIND_UUID:
        uuid_format(value->uuid, text);
        pack_text(packer, text, UUID_TEXT_BYTES);
        break;
    case KIND_REFERRAL_ID:
        referral_id_format((uint64_t)value->number, text);
        write_string(packer, text);
        break;
    case KIND_DATETIME:
        datetime_format(value->number, text);
        pack_text(packer, text, DATETIME_TEXT_BYTES);
        break;
    case KIND_DATE:
        date_format(value->number, text);
        pack_text(packer, text, DATE_TEXT_BYTES);
        break;
    case KIND_CODE:
        write_code(packer, spec->of, value->number);
        break;
    case KIND_BOOL:
        pack_bool(packer, value->number != 0);
        break;
    case KIND_INT:
        pack_int(packer, value->number);
        break;
    case KIND_CODES:
    case KIND_IDS:
    case KIND_TEXTS:
    case KIND_INTS:
    case KIND_RECORDS:
        write_list(packer, message, spec, value);
        break;
    default:
        pack_text(packer, value->text.bytes, value->text.length);
        break;
    }
}

static uint32_t count_fields(const struct message *message)
{
    uint32_t count = 0;

    for (size_t i = 0; i < FIELD_WORDS; i++)
        for (uint64_t left = message->set.words[i]; left; left &= left - 1)
            count += message_has(message, (enum field)(64 * i + (size_t)__builtin_ctzll(left)));
    return count;
}

size_t encode(const struct message *message, void *buffer, size_t size)
{
    const struct message_spec *spec = message_spec(message->type);
    uint32_t pairs = count_fields(message);
    struct packer packer;

    assert(spec);
    packer_init(&packer, buffer, size);
    pack_map(&packer, pairs + 1);
    write_string(&packer, "type");
    write_string(&packer, spec->name);
    for (size_t m = 0; m < spec->count; m++) {
        enum field field = spec->members[m].field;

        assert(message_has(message, field) || spec->members[m].obligation != MANDATORY);
        if (!message_has(message, field))
            continue;
        pack_text(&packer, fields[field].name, fields[field].name_length);
        write_value(&packer, message, &fields[field], message_value_of(message, field));
        pairs--;
    }
    /* Whatever is left is set but does not belong to this message. */
    assert(pairs == 0);
    return packer.overflow ? 0 : packer.length;
}

void refuse(struct message *refused, const struct message *request, const struct fault *fault, int64_t retry_after_ms)
{
    const struct refusal_spec *spec = refusal_spec(fault->refusal);

    assert(spec);
    message_init(refused, MESSAGE_refused);
    message_copy(refused, request, FIELD_request_id);
    message_set_number(refused, FIELD_acknowledgement, spec->retry == LATER ? ACK_CE : ACK_CR);
    message_set_string(refused, FIELD_code, spec->code);
    message_set_string(refused, FIELD_issue, spec->issue);
    message_set_string(refused, FIELD_error, spec->error);
    if (fault->field[0] != '\0')
        message_set_string(refused, FIELD_field, fault->field);
    message_set_string(refused, FIELD_sentence, spec->sentence);
    message_set_string(refused, FIELD_remedy, spec->remedy);
    if (spec->retry == LATER)
        message_set_number(refused, FIELD_retry_after_ms, retry_after_ms);
}

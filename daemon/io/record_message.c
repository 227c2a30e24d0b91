/* SPDX-License-Identifier: MIT
 * record_message: what a party said, as it stands in the store: a bit for each field, by the numbers of
 * record_fields.def, and the values in the order of these numbers. What is read was checked when it came. */
#include <assert.h>

#include "daemon/io/compact.h"
#include "daemon/io/record.h"
#include "daemon/io/record_fields.def"

enum { FORM_MESSAGE = 1 }; /* the first byte; a new form has another */

#define AS_COUNT(number, name) +1
enum { NUMBERS = 0 RECORD_FIELDS(AS_COUNT), BITS_BYTES = NUMBERS / 8 + 1 };
#undef AS_COUNT

#define AS_FIELD(number, name) [number] = FIELD_##name,
static const enum field numbered[NUMBERS + 1] = {RECORD_FIELDS(AS_FIELD)};
#undef AS_FIELD
#define AS_NUMBER(number, name) [FIELD_##name] = (number),
static const uint8_t numbers[FIELD_COUNT] = {RECORD_FIELDS(AS_NUMBER)};
#undef AS_NUMBER

#define DAYS_MIN INT64_C(-25567) /* 1900-01-01 to 9999-12-31: what can be written as a date */
#define DAYS_MAX INT64_C(2932896)
#define DAY_MS INT64_C(86400000)

/* What one element of a list is; RECORDS: each member is of its own kind. */
static const enum kind elements[KIND_COUNT] = {[KIND_CODES] = KIND_CODE,
                                               [KIND_IDS] = KIND_ID,
                                               [KIND_TEXTS] = KIND_TEXT,
                                               [KIND_INTS] = KIND_INT,
                                               [KIND_RECORDS] = KIND_RECORDS};

static struct field_spec element_of(const struct field_spec *list)
{
    return (struct field_spec){.kind = elements[list->kind], .of = list->of};
}

/* ---- writing ---- */

struct saying {
    struct writing writing;
    const struct message *message;
    int64_t time; /* the last one: the next is near */
};

static void put_value(struct saying *, const struct field_spec *, const struct value *);

static void put_members(struct saying *saying, const struct record_spec *record, const struct value *values)
{
    uint64_t present = 0;

    for (size_t m = 0; m < record->count; m++)
        present |= (uint64_t)values[m].present << m;
    put_number(&saying->writing, present);
    for (size_t m = 0; m < record->count; m++)
        if (values[m].present)
            put_value(saying, &record->members[m], &values[m]);
}

static void put_list(struct saying *saying, const struct field_spec *spec, const struct value *value)
{
    const struct value *run = &saying->message->values[value->list.first];
    const struct field_spec element = element_of(spec);

    put_number(&saying->writing, value->list.count);
    for (size_t i = 0; i < value->list.count; i++) {
        if (spec->kind == KIND_RECORDS)
            put_members(saying, &records[spec->of], &run[i * records[spec->of].count]);
        else
            put_value(saying, &element, &run[i]);
    }
}

static void put_value(struct saying *saying, const struct field_spec *spec, const struct value *value)
{
    struct writing *writing = &saying->writing;

    switch (spec->kind) {
    case KIND_UUID:
        put_fixed(writing, value->uuid, UUID_BYTES);
        break;
    case KIND_REFERRAL_ID:
    case KIND_CODE:
    case KIND_BOOL:
        put_number(writing, (uint64_t)value->number);
        break;
    case KIND_INT:
    case KIND_DATE:
        put_signed(writing, value->number);
        break;
    case KIND_DATETIME:
        put_near(writing, value->number, saying->time);
        saying->time = value->number;
        break;
    case KIND_CODES:
    case KIND_IDS:
    case KIND_TEXTS:
    case KIND_INTS:
    case KIND_RECORDS:
        put_list(saying, spec, value);
        break;
    default:
        put_text(writing, value->text.bytes, value->text.length);
        break;
    }
}

/* Bytes of bits, up to the last that is not zero. */
static size_t mark_present(const struct message *message, uint8_t bits[BITS_BYTES])
{
    const struct message_spec *spec = message_spec(message->type);
    size_t length = 0;

    for (size_t m = 0; m < spec->count; m++) {
        size_t n = numbers[spec->members[m].field];
        if (!message_has(message, spec->members[m].field))
            continue;
        assert(n); /* every field of a request has a number */
        bits[n / 8] |= (uint8_t)(1u << n % 8);
        length = n / 8 + 1 > length ? n / 8 + 1 : length;
    }
    return length;
}

static bool is_marked(const uint8_t *bits, size_t n)
{
    return bits[n / 8] >> n % 8 & 1;
}

size_t record_write_message(const struct message *message, void *buffer, size_t size)
{
    const uint8_t first[2] = {FORM_MESSAGE, (uint8_t)message->type};
    struct saying saying = {.message = message};
    uint8_t bits[BITS_BYTES] = {0};

    writing_init(&saying.writing, buffer, size);
    put_fixed(&saying.writing, first, sizeof first);
    put_bytes(&saying.writing, bits, mark_present(message, bits));
    for (size_t n = 1; n <= NUMBERS; n++)
        if (is_marked(bits, n))
            put_value(&saying, &fields[numbered[n]], message_value_of(message, numbered[n]));
    assert(!saying.writing.overflow);
    return saying.writing.length;
}

/* ---- reading ---- */

struct hearing {
    struct reading reading;
    struct message *message;
    int64_t time;
    char *room; /* for texts that cannot stay where they are */
    const char *room_end;
};

static void get_value(struct hearing *, const struct field_spec *, struct value *);

static void get_members(struct hearing *hearing, const struct record_spec *record, struct value *values)
{
    uint64_t present = get_number(&hearing->reading);

    hearing->reading.good = hearing->reading.good && present >> record->count == 0;
    for (size_t m = 0; m < record->count && hearing->reading.good; m++) {
        if (present >> m & 1)
            get_value(hearing, &record->members[m], &values[m]);
        else if (record->members[m].obligation == MANDATORY)
            hearing->reading.good = false;
    }
}

static void get_list(struct hearing *hearing, const struct field_spec *spec, struct value *value)
{
    const size_t width = spec->kind == KIND_RECORDS ? records[spec->of].count : 1;
    const struct field_spec element = element_of(spec);
    uint64_t count = get_number(&hearing->reading);
    struct value *run = NULL;

    if (count <= MESSAGE_LIST_VALUES_MAX)
        run = message_set_member_list(hearing->message, value, count * width);
    if (!run) {
        hearing->reading.good = false;
        return;
    }
    value->list.count = (uint16_t)count;
    for (size_t i = 0; i < count && hearing->reading.good; i++) {
        if (spec->kind == KIND_RECORDS)
            get_members(hearing, &records[spec->of], &run[i * width]);
        else
            get_value(hearing, &element, &run[i]);
    }
}

static int64_t get_within(struct hearing *hearing, int64_t number, int64_t least, int64_t most)
{
    hearing->reading.good = hearing->reading.good && number >= least && number <= most;
    return number;
}

static int64_t get_code(struct hearing *hearing, int list)
{
    uint64_t number = get_number(&hearing->reading);

    hearing->reading.good = hearing->reading.good && number < 64 && code_exists((enum code_list)list, (int)number);
    return (int64_t)number;
}

static struct text hear_text(struct hearing *hearing)
{
    size_t length = 0;
    const char *bytes = get_text(&hearing->reading, &hearing->room, hearing->room_end, &length);

    return (struct text){bytes, (uint32_t)length};
}

static void get_value(struct hearing *hearing, const struct field_spec *spec, struct value *value)
{
    struct reading *reading = &hearing->reading;

    value->present = true;
    switch (spec->kind) {
    case KIND_UUID:
        get_fixed(reading, value->uuid, UUID_BYTES);
        break;
    case KIND_REFERRAL_ID:
        value->number = get_within(hearing, (int64_t)get_number(reading), 1, INT64_MAX);
        break;
    case KIND_CODE:
        value->number = get_code(hearing, spec->of);
        break;
    case KIND_BOOL:
        value->number = get_within(hearing, (int64_t)get_number(reading), 0, 1);
        break;
    case KIND_INT:
        value->number = get_signed(reading);
        break;
    case KIND_DATE:
        value->number = get_within(hearing, get_signed(reading), DAYS_MIN, DAYS_MAX);
        break;
    case KIND_DATETIME:
        value->number = get_within(hearing, get_near(reading, hearing->time), DAYS_MIN * DAY_MS, DAYS_MAX * DAY_MS);
        hearing->time = value->number;
        break;
    case KIND_CODES:
    case KIND_IDS:
    case KIND_TEXTS:
    case KIND_INTS:
    case KIND_RECORDS:
        get_list(hearing, spec, value);
        break;
    default:
        value->text = hear_text(hearing);
        break;
    }
}

/* What must be there is there, and all of the fields that are there belong to it. */
static bool belongs(const struct message *message, size_t present)
{
    const struct message_spec *spec = message_spec(message->type);

    for (size_t m = 0; spec && m < spec->count; m++) {
        if (message_has(message, spec->members[m].field))
            present--;
        else if (spec->members[m].obligation == MANDATORY)
            return false;
    }
    return spec && present == 0;
}

/* The fields up to the number `last`. False: another form, or damaged. */
static bool hear(struct hearing *hearing, const void *bytes, size_t length, size_t last, size_t *present)
{
    uint8_t first[2];
    size_t bits_length = 0;

    reading_init(&hearing->reading, bytes, length);
    get_fixed(&hearing->reading, first, sizeof first);
    message_init(hearing->message, first[1]);
    const uint8_t *bits = get_bytes(&hearing->reading, &bits_length);
    if (first[0] != FORM_MESSAGE || bits_length > BITS_BYTES)
        return false;
    for (size_t n = 1; n <= last && n / 8 < bits_length; n++)
        if (is_marked(bits, n)) {
            get_value(hearing, &fields[numbered[n]], message_value(hearing->message, numbered[n]));
            ++*present;
        }
    return hearing->reading.good;
}

bool record_read_message(const void *bytes, size_t length, struct message *message, void *room, size_t room_size)
{
    struct hearing hearing = {.message = message, .room = room, .room_end = (char *)room + room_size};
    size_t present = 0;

    return hear(&hearing, bytes, length, NUMBERS, &present) && reading_ends(&hearing.reading) &&
           belongs(message, present);
}

bool record_read_message_until(const void *bytes, size_t length, enum field last, struct message *message, void *room,
                               size_t room_size)
{
    struct hearing hearing = {.message = message, .room = room, .room_end = (char *)room + room_size};
    size_t present = 0;

    return hear(&hearing, bytes, length, numbers[last], &present);
}

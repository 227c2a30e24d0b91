/* SPDX-License-Identifier: MIT
 * vocabulary: the tables as data. */
#include "proto/vocabulary.h"

#include <assert.h>
#include <string.h>

/* What the column `of` may hold besides the name of a list or record. */
enum {
    OF_0 = 0,
    OF_100 = 100,
#define AS_OF_LIST(name, codes) OF_##name = LIST_##name,
    CODE_LISTS(AS_OF_LIST)
#undef AS_OF_LIST
#define AS_OF_RECORD(name, members) OF_##name = RECORD_##name,
        RECORDS(AS_OF_RECORD)
#undef AS_OF_RECORD
};

/* clang-format off */
#define AS_CODE(constant, number, text, meaning) {number, sizeof text - 1, text, meaning},
#define AS_CODES(name, codes) static const struct code_spec name##_codes[] = {codes(AS_CODE)};
CODE_LISTS(AS_CODES)

const struct list_spec lists[LIST_COUNT] = {
#define AS_LIST(name, codes) [LIST_##name] = {#name, name##_codes, sizeof name##_codes / sizeof name##_codes[0]},
    CODE_LISTS(AS_LIST)
};

#define M MANDATORY
#define O OPTIONAL
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) \
    {#name, sizeof #name - 1, KIND_##kind, least, most, OF_##of, AUDIENCE_ENVELOPE, obligation, standard, meaning},
#define AS_MEMBERS(name, members) static const struct field_spec name##_members[] = {members(AS_MEMBER)};
RECORDS(AS_MEMBERS)
#undef M
#undef O

const struct record_spec records[RECORD_COUNT] = {
#define AS_RECORD(name, members) [RECORD_##name] = {#name, name##_members, sizeof name##_members / sizeof name##_members[0]},
    RECORDS(AS_RECORD)
};

const struct field_spec fields[FIELD_COUNT] = {
#define AS_FIELD(name, kind, least, most, of, audience, standard, meaning) \
    [FIELD_##name] = {#name, sizeof #name - 1, KIND_##kind, least, most, OF_##of, AUDIENCE_##audience, OPTIONAL, standard, meaning},
    FIELDS(AS_FIELD)
};

#define M(field, obligation) {FIELD_##field, obligation},
#define AS_MESSAGE_MEMBERS(number, name, direction, roles, members, standard, meaning) \
    static const struct member_spec name##_message[] = {members(M)};
MESSAGES(AS_MESSAGE_MEMBERS)
#undef M

#define BIT_OF(field, word) ((field) / 64 == (word) ? UINT64_C(1) << (field) % 64 : 0)
#define M0(field, obligation) | BIT_OF(FIELD_##field, 0)
#define M1(field, obligation) | BIT_OF(FIELD_##field, 1)
#define M2(field, obligation) | BIT_OF(FIELD_##field, 2)
#define M3(field, obligation) | BIT_OF(FIELD_##field, 3)
static_assert(FIELD_WORDS == 4, "a line above for each word");

const struct message_spec messages[] = {
#define AS_MESSAGE(number, name, direction, roles, members, standard, meaning) \
    {MESSAGE_##name, #name, direction, roles, name##_message, sizeof name##_message / sizeof name##_message[0], \
     {{0 members(M0), 0 members(M1), 0 members(M2), 0 members(M3)}}, standard, meaning},
    MESSAGES(AS_MESSAGE)
};
const size_t messages_count = sizeof messages / sizeof messages[0];

const struct refusal_spec refusals[] = {
#define AS_REFUSAL(constant, number, code, issue, retry, sentence, remedy) {constant, #constant, "REF-0" #number, code, issue, retry, sentence, remedy},
    REFUSALS(AS_REFUSAL)
};
const size_t refusals_count = sizeof refusals / sizeof refusals[0];
/* clang-format on */

static bool text_is(const char *ours, const char *theirs, size_t length)
{
    /* The first byte settles most comparisons of a search. */
    return length > 0 && ours[0] == theirs[0] && strlen(ours) == length && memcmp(ours, theirs, length) == 0;
}

const struct message_spec *message_spec(enum message_type type)
{
    /* Asked for each message several times: by number, not by search. */
    enum {
#define AS_PLACE(number, name, direction, roles, members, standard, meaning) PLACE_##name,
        MESSAGES(AS_PLACE)
    };
    static const uint8_t place_and_one[] = {
#define AS_ENTRY(number, name, direction, roles, members, standard, meaning) [number] = PLACE_##name + 1,
        MESSAGES(AS_ENTRY)};

    if ((unsigned)type >= sizeof place_and_one || !place_and_one[type])
        return NULL;
    return &messages[place_and_one[type] - 1];
}

const struct message_spec *message_spec_by_name(const char *name, size_t length)
{
    for (size_t i = 0; i < messages_count; i++)
        if (text_is(messages[i].name, name, length))
            return &messages[i];
    return NULL;
}

const struct refusal_spec *refusal_spec(enum refusal refusal)
{
    for (size_t i = 0; i < refusals_count; i++)
        if (refusals[i].refusal == refusal)
            return &refusals[i];
    return NULL;
}

static const struct code_spec *find_number(enum code_list list, int number)
{
    /* Most lists are numbered from 1 without gaps. */
    if (number >= 1 && (size_t)number <= lists[list].count && lists[list].codes[number - 1].number == number)
        return &lists[list].codes[number - 1];
    for (size_t i = 0; i < lists[list].count; i++)
        if (lists[list].codes[i].number == number)
            return &lists[list].codes[i];
    return NULL;
}

bool field_set_has(const struct field_set *set, enum field field)
{
    return set->words[field / 64] >> field % 64 & 1;
}

const char *code_text(enum code_list list, int number)
{
    const struct code_spec *code = find_number(list, number);

    return code ? code->text : "";
}

int code_number(enum code_list list, const char *text, size_t length)
{
    for (size_t i = 0; i < lists[list].count; i++)
        if (lists[list].codes[i].text_length == length && memcmp(lists[list].codes[i].text, text, length) == 0)
            return lists[list].codes[i].number;
    return 0;
}

bool code_exists(enum code_list list, int number)
{
    return find_number(list, number) != NULL;
}

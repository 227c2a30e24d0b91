/* SPDX-License-Identifier: MIT
 * vocabulary: enums and descriptors derived from the .def tables. Plain data; ordinary code walks it.
 * Nothing here allocates or fails; every pointer is to static data. */
#ifndef PROTO_VOCABULARY_H
#define PROTO_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/codes.def"
#include "proto/fields.def"
#include "proto/messages.def"
#include "proto/refusals.def"

/* clang-format off */
#define AS_CONSTANT(constant, number, text, meaning) constant = number,
#define AS_ENUM(name, codes) enum name { codes(AS_CONSTANT) };
CODE_LISTS(AS_ENUM)
#undef AS_ENUM
#undef AS_CONSTANT

enum code_list {
    LIST_none,
#define AS_LIST(name, codes) LIST_##name,
    CODE_LISTS(AS_LIST)
#undef AS_LIST
    LIST_COUNT
};

enum record {
    RECORD_none,
#define AS_RECORD(name, members) RECORD_##name,
    RECORDS(AS_RECORD)
#undef AS_RECORD
    RECORD_COUNT
};

enum field {
#define AS_FIELD(name, kind, least, most, of, audience, standard, meaning) FIELD_##name,
    FIELDS(AS_FIELD)
#undef AS_FIELD
    FIELD_COUNT
};

/* The place of a member inside its record: MEMBER_code, of a need of a person, is 0; MEMBER_part_state, and so on. */
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_##name,
enum need_of_person_member { NEED_OF_PERSON_MEMBERS(AS_MEMBER) NEED_OF_PERSON_MEMBER_COUNT };
#undef AS_MEMBER
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_span_##name,
enum availability_span_member { AVAILABILITY_SPAN_MEMBERS(AS_MEMBER) AVAILABILITY_SPAN_MEMBER_COUNT };
#undef AS_MEMBER
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_score_##name,
enum score_member { SCORE_MEMBERS(AS_MEMBER) SCORE_MEMBER_COUNT };
#undef AS_MEMBER
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_prsb_##name,
enum prsb_item_member { PRSB_ITEM_MEMBERS(AS_MEMBER) PRSB_ITEM_MEMBER_COUNT };
#undef AS_MEMBER
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_part_##name,
enum part_of_referral_member { PART_OF_REFERRAL_MEMBERS(AS_MEMBER) PART_OF_REFERRAL_MEMBER_COUNT };
#undef AS_MEMBER
#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_place_##name,
enum place_to_go_member { PLACE_TO_GO_MEMBERS(AS_MEMBER) PLACE_TO_GO_MEMBER_COUNT };
#undef AS_MEMBER

#define AS_MEMBER(name, kind, least, most, of, obligation, standard, meaning) MEMBER_outcome_##name,
enum outcome_score_member { OUTCOME_SCORE_MEMBERS(AS_MEMBER) OUTCOME_SCORE_MEMBER_COUNT };
#undef AS_MEMBER

enum message_type {
    MESSAGE_NONE = 0,
#define AS_TYPE(number, name, direction, roles, members, standard, meaning) MESSAGE_##name = number,
    MESSAGES(AS_TYPE)
#undef AS_TYPE
};

enum refusal {
    REFUSAL_NONE = 0,
#define AS_REFUSAL(constant, number, code, issue, retry, sentence, remedy) constant = number,
    REFUSALS(AS_REFUSAL)
#undef AS_REFUSAL
};
/* clang-format on */

enum kind {
    KIND_UUID,
    KIND_ID,
    KIND_REFERRAL_ID,
    KIND_TEXT,
    KIND_CODE,
    KIND_BOOL,
    KIND_INT,
    KIND_DATETIME,
    KIND_DATE,
    KIND_POSTCODE,
    KIND_NHS_NUMBER,
    KIND_PHONE,
    KIND_EMAIL,
    KIND_ODS,
    KIND_SNOMED,
    KIND_CODES,
    KIND_IDS,
    KIND_TEXTS,
    KIND_INTS,
    KIND_RECORDS,
    KIND_COUNT
};

enum audience { AUDIENCE_ENVELOPE, AUDIENCE_OFFER, AUDIENCE_CASE, AUDIENCE_NETWORK };
enum obligation { OPTIONAL, MANDATORY, CONDITIONAL };
enum direction { REQUEST, QUESTION, STUDY, ANSWER, PUSH };
enum retry { NEVER, LATER };

#define ROLE_BIT(role) (1u << (role))

struct code_spec {
    int number;
    uint8_t text_length;
    const char *text;
    const char *meaning;
};

/* One code list, in the order of its table. */
struct list_spec {
    const char *name;
    const struct code_spec *codes;
    size_t count;
};

/* One field of the dictionary, or one member of a record (then `obligation` is set and audience is not). */
struct field_spec {
    const char *name;
    uint8_t name_length;
    enum kind kind;
    int64_t least;
    int64_t most;
    int of; /* enum code_list, enum record, or a number, by kind */
    enum audience audience;
    enum obligation obligation;
    const char *standard;
    const char *meaning;
};

struct record_spec {
    const char *name;
    const struct field_spec *members;
    size_t count;
};

struct member_spec {
    enum field field;
    enum obligation obligation;
};

enum { FIELD_WORDS = (FIELD_COUNT + 63) / 64 };

/* A set of fields. */
struct field_set {
    uint64_t words[FIELD_WORDS];
};

struct message_spec {
    enum message_type type;
    const char *name;
    enum direction direction;
    unsigned roles; /* ROLE_BITs of who may say it (REQUEST, QUESTION, STUDY) or is told it (PUSH) */
    const struct member_spec *members;
    size_t count;
    struct field_set fields; /* of its members */
    const char *standard;
    const char *meaning;
};

struct refusal_spec {
    enum refusal refusal;
    const char *constant;
    const char *error; /* the number as people quote it: REF-0101 */
    const char *code;
    const char *issue;
    enum retry retry;
    const char *sentence;
    const char *remedy;
};

extern const struct list_spec lists[LIST_COUNT];
extern const struct record_spec records[RECORD_COUNT];
extern const struct field_spec fields[FIELD_COUNT];
extern const struct message_spec messages[];
extern const size_t messages_count;
extern const struct refusal_spec refusals[];
extern const size_t refusals_count;

/* NULL when there is no such type (or refusal). */
const struct message_spec *message_spec(enum message_type type);
const struct refusal_spec *refusal_spec(enum refusal refusal);
const struct message_spec *message_spec_by_name(const char *name, size_t length);

/* Whether the field stands in the set. */
bool field_set_has(const struct field_set *, enum field);

/* The text of a code; "" for 0 and for a number that the list does not hold. */
const char *code_text(enum code_list list, int number);
/* The number of a text; 0 when the list does not hold it. */
int code_number(enum code_list list, const char *text, size_t length);

/* Whether a priority, state, ... stands in the list. */
bool code_exists(enum code_list list, int number);

#endif

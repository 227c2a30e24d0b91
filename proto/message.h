/* SPDX-License-Identifier: MIT
 * message: one message in memory, decoded or to be encoded. Texts are borrowed: they point into the frame that was
 * decoded, or into memory of whoever set them, and live no longer than that. Nothing here allocates. */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include "proto/limits.h"
#include "proto/vocabulary.h"

/* UTF-8, not NUL-terminated. */
struct text {
    const char *bytes;
    uint32_t length;
};

/* Which part of a value is set follows from the kind of its field:
 *   text    ID TEXT PHONE EMAIL ODS SNOMED, and POSTCODE and NHS_NUMBER in normal form
 *           (POSTCODE: upper case, one space; NHS_NUMBER: ten digits; point into `normal`)
 *   number  CODE (the code's number), BOOL, INT, REFERRAL_ID (the referral's number),
 *           DATETIME (milliseconds since 1970 UTC), DATE (days since 1970-01-01)
 *   uuid    UUID
 *   list    CODES IDS TEXTS INTS (one value each), RECORDS (member count values each): a run in `values` */
struct value {
    bool present;
    union {
        struct text text;
        int64_t number;
        uint8_t uuid[UUID_BYTES];
        struct {
            uint16_t first;
            uint16_t count;
        } list;
    };
};

/* Values stand one behind the other as they came, so that a message of few fields takes little memory. */
struct message {
    enum message_type type;
    uint16_t values_count;
    uint16_t list_values; /* how many of them are in lists */
    struct field_set set; /* fields that have a place, also when their value is no longer present */
    char postcode[10];    /* the normal forms that values point to */
    char nhs_number[11];
    uint16_t places[FIELD_COUNT]; /* where in `values` such a field has its own */
    struct value values[FIELD_COUNT + MESSAGE_LIST_VALUES_MAX];
};

/* The bytes that it uses, from its start: memory as long as that holds it, as long as nothing is set in it. */
size_t message_bytes(const struct message *);

/* Empties the message and gives it a type. */
void message_init(struct message *, enum message_type);

/* True when the field is set. */
bool message_has(const struct message *, enum field);
/* The value; an empty text, or 0, when the field is not set. */
struct text message_text(const struct message *, enum field);
int64_t message_number(const struct message *, enum field);
/* NULL when the field is not set. */
const uint8_t *message_uuid(const struct message *, enum field);
/* The value as it is held, of a field that is set. */
const struct value *message_value_of(const struct message *, enum field);

/* Begins a value that is filled in by hand: present, and all zero. */
struct value *message_value(struct message *, enum field);

void message_set_text(struct message *, enum field, const char *bytes, size_t length);
void message_set_string(struct message *, enum field, const char *string); /* NUL-terminated, borrowed */
void message_set_number(struct message *, enum field, int64_t);
void message_set_uuid(struct message *, enum field, const uint8_t[UUID_BYTES]);
void message_unset(struct message *, enum field);
/* Copies one field, its list too, from another message (texts stay borrowed from where that one borrowed them). */
void message_copy(struct message *to, const struct message *from, enum field);

/* Lists. Elements of a RECORDS field are rows of `records[of].count` values. */
size_t message_list_count(const struct message *, enum field);
/* Element i of a CODES, IDS, TEXTS or INTS field; member m of element i of a RECORDS field. */
const struct value *message_element(const struct message *, enum field, size_t i);
const struct value *message_member(const struct message *, enum field, size_t i, size_t m);
/* Sets a list of `count` elements and returns its zeroed first value (for RECORDS: count x members values) to be
 * filled in; NULL when MESSAGE_LIST_VALUES_MAX would be passed. */
struct value *message_set_list(struct message *, enum field, size_t count);
/* The same for a member of a record that is itself a list (its run stands in `values` too). */
struct value *message_set_member_list(struct message *, struct value *member, size_t count);

/* The code of the primary need, 0 when there is none. */
enum need message_primary_need(const struct message *);

#endif

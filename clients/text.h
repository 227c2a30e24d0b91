/* SPDX-License-Identifier: MIT
 * text: values of the wire as text, both ways, for people and for callers that know no msgpack.
 *
 * A value is written as on the wire: a code by its text, true and false, times as ISO 8601. A list separates its
 * elements by commas, the members of a record by colons in the order of the record's table, the elements of a list
 * inside a member by spaces; a backslash before a comma, colon or backslash makes it part of the text. Of the needs,
 * the first is the primary one:
 *     needs            befriending:since the move,housing
 *     availability     monday:540:720,friday:540:720
 *     baseline_scores  ONS4:7 6 8 3::2026-11-20
 *     parts            food housing:accepted:hub-accepted:::oak:Oak Hub */
#ifndef CLIENTS_TEXT_H
#define CLIENTS_TEXT_H

#include "proto/message.h"

/* FIELD_COUNT: there is none of this name. */
enum field text_find_field(const char *name);
/* Whether a message of this type may have the field. */
bool text_belongs(const struct message_spec *, enum field);
/* Sets a field from its text. The text is changed (backslashes go) and borrowed as long as the message. False with a
 * sentence in why, which never repeats the text. */
bool text_read(struct message *, enum field, char *text, char *why, size_t why_size);
/* The list whose codes the field, or the first member of its records, takes; LIST_none. */
enum code_list text_code_list(enum field);
/* Writes a field, cut to size, with a NUL; empty when it is not set. Returns the whole length, as snprintf does. */
size_t text_write(const struct message *, enum field, char *buffer, size_t size);
/* One value that is no list, without backslashes, likewise. */
size_t text_write_value(enum kind, int of, const struct value *, char *buffer, size_t size);
/* Member m of element i of a RECORDS field, likewise. */
size_t text_write_member(const struct message *, enum field, size_t i, size_t m, char *buffer, size_t size);
/* What a list of this kind holds. */
enum kind text_element_kind(enum kind list);

#endif

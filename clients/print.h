/* SPDX-License-Identifier: MIT
 * print: one printer for all command-line clients. Data on stdout, words on stderr. Tables for people (libsmartcols),
 * JSON for programs (jansson), CSV for spreadsheets: derived from the field table, so that names are those of the wire.
 */
#ifndef CLIENTS_PRINT_H
#define CLIENTS_PRINT_H

#include <stdio.h>

#include "proto/message.h"

enum print_format { PRINT_TABLE, PRINT_JSON, PRINT_JSONL, PRINT_CSV };

/* "table", "json", "jsonl", "csv"; false: none of them. */
bool print_format_parse(const char *, enum print_format *);

struct printer;

/* schema names the JSON document ("referral.list/1"); columns are the fields of a table, ended by FIELD_COUNT. */
struct printer *print_open(enum print_format, const char *schema, const enum field *columns, FILE *out);
/* A row. Personal data (audience CASE) is masked unless reveal. */
void print_row(struct printer *, const struct message *, bool reveal);
/* Writes what is not yet written; JSON gets its end ("next" page when not NULL). */
void print_close(struct printer **, const char *next);

/* Rows that are no messages, or that are told as they come. For people each is a line at once, its columns padded to
 * their width; the last has none. */
struct print_column {
    const char *name;
    int width;
    bool is_number;
};

/* columns ended by an entry without a name. */
struct printer *print_open_lines(enum print_format, const char *schema, const struct print_column *columns, FILE *out);
/* One text for each column; "" is left out of JSON. */
void print_line(struct printer *, const char *const *texts);

/* One message as `name: value` lines, one JSON object, or, as CSV, a line of names and a line of values. */
void print_one(enum print_format, const char *schema, const struct message *, bool reveal, FILE *out);

/* The text of one value, as on the wire, masked unless reveal. Returns buffer. */
const char *print_value(const struct message *, enum field, bool reveal, char *buffer, size_t size);

/* sysexits for a result of exchange (0, 65, 67, 69, 75, 76, 77 ...), reference: every program's manual page. */
int exit_code(int exchange_result);

#endif

/* SPDX-License-Identifier: MIT
 * config: the only door to libconfig. Reads a text whole, then walks it by a table of rows; every fault becomes one
 * line "file:line: what is wrong, what to do", all of them in one go. Sizes and times are texts with units. */
#ifndef IO_CONFIG_H
#define IO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/vocabulary.h"

#define CONFIG_FAULTS_MAX 200
#define CONFIG_FAULT_BYTES 256
#define CONFIG_FILE_BYTES_MAX (8 * 1024 * 1024)

/* Collected faults, in the order of the lines. */
struct config_faults {
    size_t count;                /* may be more than are kept */
    int line[CONFIG_FAULTS_MAX]; /* 0: the file as a whole */
    char lines[CONFIG_FAULTS_MAX][CONFIG_FAULT_BYTES];
};

void config_fault(struct config_faults *, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads a whole file of at most CONFIG_FILE_BYTES_MAX; NULL with *why on failure. The caller frees; a NUL stands after
 * the last byte. */
char *config_load_file(const char *path, size_t *length, char *why, size_t why_size);

struct config_tree; /* a text that was read; keeps the name and the faults that it was given, borrowed */
struct config_node; /* one setting of it; lives as long as the tree */

/* NULL, with faults, when the text cannot be read at all. Numbers that libconfig would bend are faults of their own. */
struct config_tree *config_parse(const char *name, const char *text, size_t length, struct config_faults *);
void config_free(struct config_tree **);

const struct config_node *config_root(const struct config_tree *);
size_t config_count(const struct config_node *); /* elements; 0 for NULL */
const struct config_node *config_at(const struct config_node *, size_t i);
int config_line(const struct config_node *);
const char *config_text(const struct config_node *); /* NULL: not a text */
int64_t config_number(const struct config_node *);   /* of an element of CONFIG_NUMBERS */
const struct config_node *config_member(const struct config_node *group, const char *name); /* NULL: not there */

/* What a setting must be, and the type of the member that takes it. */
enum config_kind {
    CONFIG_TEXT,     /* char[]: one line of UTF-8; least and most are bytes */
    CONFIG_PATH,     /* the same */
    CONFIG_ID,       /* char[]: letters, digits, ".", "_" and "-"; at most `most` bytes */
    CONFIG_CODE,     /* enum: a code of `list` */
    CONFIG_NUMBER,   /* whole number between least and most: int32_t, uint32_t, int64_t or uint64_t */
    CONFIG_BOOL,     /* bool */
    CONFIG_SIZE,     /* "8GiB", in bytes; integers as for CONFIG_NUMBER */
    CONFIG_TIME,     /* "36h", in milliseconds */
    CONFIG_DISTANCE, /* "3km", in metres */
    CONFIG_DATE,     /* "2025-09-01", in days since 1970 */
    CONFIG_TEXTS,    /* const struct config_node *: [ "a", "b" ], each a text; least and most count them */
    CONFIG_NUMBERS,  /* const struct config_node *: [ 1, 2 ], each a whole number; least and most count them */
    CONFIG_GROUP,    /* const struct config_node *: { ... } */
    CONFIG_GROUPS    /* const struct config_node *: ( { ... }, { ... } ); least and most count them */
};

struct config_row {
    const char *name;
    enum config_kind kind;
    size_t offset; /* of the member in the struct, and its size */
    size_t size;
    int64_t least, most;
    enum code_list list;
    const char *standard; /* when the setting is missing: this text; "" leaves the member as it is; NULL: mandatory */
};

#define CONFIG_ROW(in, member, name, kind, least, most, list, standard)                                                \
    {                                                                                                                  \
        name, kind, offsetof(struct in, member), sizeof(((struct in *)0)->member), least, most, list, standard         \
    }

/* Reads one group into a struct by the table: unknown names, wrong kinds and ranges, and what is missing become
 * faults. A group of NULL is an empty one. what names the group in them ("a hub"). Members whose setting is at fault
 * stay as they are. */
void config_take(const struct config_tree *, const struct config_node *group, const char *what,
                 const struct config_row *rows, size_t count, void *into);

/* "did you mean": keeps the nearest of the candidates offered. Begin with {.word = ...}. */
struct config_guess {
    const char *word;
    const char *nearest; /* NULL: none is near */
    size_t distance;
};
void config_guess(struct config_guess *, const char *candidate);
/* Writes ", did you mean "x"?" or nothing into out, and returns out. */
const char *config_guess_text(const struct config_guess *, char *out, size_t size);

#endif

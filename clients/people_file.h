/* SPDX-License-Identifier: MIT
 * people_file: many people in one file: CSV (RFC 4180, UTF-8) with a header of field names of submit, a referral a row,
 * a value in the form of text.h a cell. The names in the header may stand in any order; an empty cell is no value. */
#ifndef CLIENTS_PEOPLE_FILE_H
#define CLIENTS_PEOPLE_FILE_H

#include "clients/record_json.h"

struct people_row {
    int64_t number;            /* as spreadsheets count: the header is row 1; rows without any cell do not count */
    double share;              /* of the file that has been read so far; negative: nobody knows */
    bool is_whole;             /* it has as many cells as the header */
    struct record_texts texts; /* the callback takes them over */
};

/* False: enough, the rest is not looked at. */
typedef bool (*people_file_take)(void *context, struct people_row *);

/* Each row begins as the defaults and goes to the callback. path "-" is standard input. False with a sentence in why,
 * which repeats no content but a wrong name of the header: the file cannot be read (*is_unreadable), its header is
 * wrong (then no row has been taken), or it is not CSV from a row on. */
bool people_file_read(const char *path, const struct record_texts *defaults, people_file_take, void *context,
                      bool *is_unreadable, char *why, size_t why_size);

#endif

/* SPDX-License-Identifier: MIT
 * people_file: libcsv's cells into named texts. */
#include "clients/people_file.h"

#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clients/options.h"
#include "clients/text.h"

#define CHUNK_BYTES 1024 /* small, so that the share that has been read tells something */
#define CELL_BYTES_MAX (2 * MESSAGE_BYTES_MAX)
#define COLUMNS_MAX 128

struct people_file {
    const struct record_texts *defaults;
    people_file_take take;
    void *context;
    char *why;
    size_t why_size;
    enum field columns[COLUMNS_MAX];
    size_t columns_count;
    size_t cells; /* of the row that is being read */
    struct people_row row;
    bool is_over;   /* nothing more is looked at */
    bool is_faulty; /* and why says so */
};

static void complain(struct people_file *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct people_file *file, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(file->why, file->why_size, format, arguments);
    va_end(arguments);
    file->is_over = file->is_faulty = true;
}

/* A name that nobody knows may be somebody's name, in a file without a header: it is told only when it looks like one
 * of a field. */
static void complain_of_name(struct people_file *file, const char *name)
{
    const struct message_spec *submit = message_spec(MESSAGE_submit);
    const char *names[FIELD_COUNT + 1] = {NULL};
    const char *nearest;

    for (size_t i = 0; i < submit->count; i++)
        names[i] = fields[submit->members[i].field].name;
    nearest = options_nearest(name, names);
    if (nearest)
        complain(file, "column %zu of the header is no field of submit. Did you mean \"%s\"?", file->cells, nearest);
    else
        complain(file, "column %zu of the header is no field of submit", file->cells);
}

static bool is_there(const struct people_file *file, enum field field)
{
    for (size_t i = 0; i < file->columns_count; i++)
        if (file->columns[i] == field)
            return true;
    return false;
}

static void take_name(struct people_file *file, const char *name)
{
    enum field field = text_find_field(name);

    file->cells++;
    if (file->cells > COLUMNS_MAX)
        complain(file, "the header has more than %d columns", COLUMNS_MAX);
    else if (field == FIELD_request_id)
        complain(file, "a batch makes request_id itself, from referral_identifier: take the column out");
    else if (field == FIELD_COUNT || !text_belongs(message_spec(MESSAGE_submit), field))
        complain_of_name(file, name);
    else if (is_there(file, field))
        complain(file, "%s stands twice in the header", name);
    else
        file->columns[file->columns_count++] = field;
}

/* libcsv puts a NUL after each cell. */
static void take_cell(void *cell, size_t length, void *context)
{
    struct people_file *file = context;

    if (file->is_over)
        return;
    if (memchr(cell, '\0', length)) {
        complain(file, "row %" PRId64 " holds a NUL: not text", file->row.number);
    } else if (file->row.number == 1) {
        take_name(file, cell);
    } else if (file->cells++ < file->columns_count && length > 0) {
        if (!record_texts_set(&file->row.texts, file->columns[file->cells - 1], cell))
            complain(file, "out of memory");
    }
}

/* Rows begin as the defaults. */
static void begin_row(struct people_file *file)
{
    file->row.number++;
    file->cells = 0;
    for (int field = 0; field < FIELD_COUNT; field++)
        if (file->defaults->of[field] &&
            !record_texts_set(&file->row.texts, (enum field)field, file->defaults->of[field]))
            complain(file, "out of memory");
}

static void check_header(struct people_file *file)
{
    if (!is_there(file, FIELD_referral_identifier))
        complain(file,
                 "the header has no referral_identifier: it tells one row from another when the batch is repeated");
}

static void end_row(void *context)
{
    struct people_file *file = context;

    if (file->is_over)
        return;
    if (file->row.number == 1) {
        check_header(file);
    } else {
        file->row.is_whole = file->cells == file->columns_count;
        file->is_over = !file->take(file->context, &file->row);
        record_texts_clear(&file->row.texts);
    }
    begin_row(file);
}

static void take_end(int character, void *context)
{
    (void)character;
    end_row(context);
}

/* Bytes of the file; 0: nobody knows, as of a pipe. */
static double size_of(FILE *in)
{
    struct stat about;

    return fstat(fileno(in), &about) == 0 && S_ISREG(about.st_mode) ? (double)about.st_size : 0;
}

static void read_rows(struct people_file *file, FILE *in, struct csv_parser *parser)
{
    static const char mark[] = "\xef\xbb\xbf"; /* spreadsheets begin their UTF-8 with it */
    char chunk[CHUNK_BYTES];
    double size = size_of(in), done = 0;
    size_t length;

    while (!file->is_over && (length = fread(chunk, 1, sizeof chunk, in)) > 0) {
        size_t skip = done == 0 && length >= 3 && memcmp(chunk, mark, 3) == 0 ? 3 : 0;

        done += (double)length;
        file->row.share = size > 0 ? done / size : -1;
        if (csv_parse(parser, chunk + skip, length - skip, take_cell, take_end, file) != length - skip)
            complain(file, "row %" PRId64 " is not CSV: a quotation mark stands where none may", file->row.number);
        else if (!file->is_over && csv_get_buffer_size(parser) > CELL_BYTES_MAX)
            complain(file, "row %" PRId64 " has a cell that is too long, or a quotation mark is never closed",
                     file->row.number);
    }
    explicit_bzero(chunk, sizeof chunk);
    if (!file->is_over && ferror(in))
        complain(file, "cannot be read further than row %" PRId64, file->row.number);
    if (!file->is_over && csv_fini(parser, take_cell, take_end, file) != 0)
        complain(file, "row %" PRId64 " is not CSV: a quotation mark is never closed", file->row.number);
    if (!file->is_over && file->row.number == 1)
        complain(file, "is empty");
}

bool people_file_read(const char *path, const struct record_texts *defaults, people_file_take take, void *context,
                      bool *is_unreadable, char *why, size_t why_size)
{
    struct people_file file = {
        .defaults = defaults, .take = take, .context = context, .why = why, .why_size = why_size};
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    struct csv_parser parser;

    *is_unreadable = in == NULL;
    if (in == NULL) {
        snprintf(why, why_size, "cannot be read: %s", strerror(errno));
        return false;
    }
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        complain(&file, "out of memory");
    } else {
        begin_row(&file);
        read_rows(&file, in, &parser);
        if (parser.entry_buf != NULL)
            explicit_bzero(parser.entry_buf, parser.entry_size);
        csv_free(&parser);
    }
    record_texts_clear(&file.row.texts);
    if (in != stdin)
        fclose(in);
    return !file.is_faulty;
}

/* SPDX-License-Identifier: MIT
 * print: one printer for all command-line clients. Writes no escape codes, on a terminal neither. */
#include "clients/print.h"

#include "clients/exchange.h"
#include "clients/text.h"

#include <assert.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define MASK "***"
#define VALUE_BYTES (2 * MESSAGE_BYTES_MAX)
#define RECORD_MEMBERS_OF_A_LINE 4
#define PRINT_COLUMNS_MAX 16

struct printer {
    enum print_format format;
    FILE *out;
    const enum field *columns;        /* of rows that are messages */
    const struct print_column *lines; /* of rows that are told as they come */
    struct libscols_table *table;
    json_t *items;
    char schema[80];
};

static bool is_masked(enum field field, bool reveal)
{
    return !reveal && fields[field].audience == AUDIENCE_CASE;
}

static json_t *json_of_value(const struct message *message, enum kind kind, int of, const struct value *value)
{
    char small[64];
    json_t *array;

    switch (kind) {
    case KIND_INT:
        return json_integer(value->number);
    case KIND_BOOL:
        return json_boolean(value->number != 0);
    case KIND_CODES:
    case KIND_INTS:
        array = json_array();
        for (size_t i = 0; i < value->list.count; i++)
            json_array_append_new(
                array, json_of_value(message, text_element_kind(kind), of, &message->values[value->list.first + i]));
        return array;
    case KIND_UUID:
    case KIND_REFERRAL_ID:
    case KIND_CODE:
    case KIND_DATETIME:
    case KIND_DATE:
        text_write_value(kind, of, value, small, sizeof small);
        return json_string(small);
    default:
        return json_stringn(value->text.bytes, value->text.length);
    }
}

static json_t *json_of_record(const struct message *message, enum field field, size_t i)
{
    const struct record_spec *record = &records[fields[field].of];
    json_t *object = json_object();

    for (size_t m = 0; m < record->count; m++) {
        const struct value *value = message_member(message, field, i, m);
        const struct field_spec *spec = &record->members[m];

        if (value->present)
            json_object_set_new(object, spec->name, json_of_value(message, spec->kind, spec->of, value));
    }
    return object;
}

static json_t *json_of_field(const struct message *message, enum field field, bool reveal)
{
    const struct field_spec *spec = &fields[field];
    json_t *array;

    if (is_masked(field, reveal))
        return json_string(MASK);
    if (spec->kind < KIND_CODES)
        return json_of_value(message, spec->kind, spec->of, message_value_of(message, field));
    array = json_array();
    for (size_t i = 0; i < message_list_count(message, field); i++)
        json_array_append_new(array, spec->kind == KIND_RECORDS
                                         ? json_of_record(message, field, i)
                                         : json_of_value(message, text_element_kind(spec->kind), spec->of,
                                                         message_element(message, field, i)));
    return array;
}

/* Puts the message's fields into the object, in the order of its table; request_id says nothing to a reader. */
static void fill_object(json_t *object, const struct message *message, bool reveal)
{
    const struct message_spec *spec = message_spec(message->type);

    assert(spec != NULL);
    json_object_set_new(object, "type", json_string(spec->name));
    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;

        if (field != FIELD_request_id && message_has(message, field))
            json_object_set_new(object, fields[field].name, json_of_field(message, field, reveal));
    }
}

/* Control characters would be escape codes; UTF-8 stays. */
static char plain(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
}

static void make_plain(char *text)
{
    for (; *text != '\0'; text++)
        *text = plain(*text);
}

static char *value_text(const struct message *message, enum field field, bool reveal, char *buffer, size_t size)
{
    print_value(message, field, reveal, buffer, size);
    make_plain(buffer);
    return buffer;
}

static bool is_number(enum field field)
{
    return fields[field].kind == KIND_INT;
}

/* RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe, as spreadsheets write one. */
static void write_csv_text(FILE *out, const char *text, bool is_number)
{
    bool is_formula = !is_number && text[0] != '\0' && strchr("=+-@", text[0]) != NULL;
    bool is_quoted = is_formula || text[strcspn(text, ",\"\n")] != '\0';

    fputs(is_formula ? "\"'" : is_quoted ? "\"" : "", out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(plain(*text), out);
    }
    if (is_quoted)
        fputc('"', out);
}

static void write_csv_names(FILE *out, const enum field *columns)
{
    for (size_t i = 0; columns[i] != FIELD_COUNT; i++)
        fprintf(out, "%s%s", i > 0 ? "," : "", fields[columns[i]].name);
    fputs("\r\n", out);
}

static void write_csv_line(FILE *out, const struct print_column *columns, const char *const *texts)
{
    for (size_t i = 0; columns[i].name != NULL; i++) {
        if (i > 0)
            fputc(',', out);
        write_csv_text(out, texts[i], columns[i].is_number);
    }
    fputs("\r\n", out);
    fflush(out);
}

static void write_csv_row(FILE *out, const enum field *columns, const struct message *message, bool reveal)
{
    static char buffer[VALUE_BYTES];

    for (size_t i = 0; columns[i] != FIELD_COUNT; i++) {
        if (i > 0)
            fputc(',', out);
        write_csv_text(out, value_text(message, columns[i], reveal, buffer, sizeof buffer), is_number(columns[i]));
    }
    fputs("\r\n", out);
    explicit_bzero(buffer, sizeof buffer);
}

/* The fields that a message may have, as columns. */
static void write_csv_one(FILE *out, const struct message *message, bool reveal)
{
    const struct message_spec *spec = message_spec(message->type);
    enum field columns[FIELD_COUNT + 1];
    size_t count = 0;

    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field != FIELD_request_id)
            columns[count++] = spec->members[i].field;
    columns[count] = FIELD_COUNT;
    write_csv_names(out, columns);
    write_csv_row(out, columns, message, reveal);
    fflush(out);
}

static void write_json(FILE *out, const json_t *object, size_t flags)
{
    json_dumpf(object, out, flags);
    fputc('\n', out);
    fflush(out);
}

static void open_table(struct printer *printer)
{
    setlocale(LC_ALL, "");
    printer->table = scols_new_table();
    assert(printer->table != NULL);
    scols_table_set_stream(printer->table, printer->out);
    for (const enum field *column = printer->columns; *column != FIELD_COUNT; column++)
        scols_table_new_column(printer->table, fields[*column].name, 0,
                               is_number(*column) ? SCOLS_FL_RIGHT : SCOLS_FL_TRUNC);
    /* A line that goes to a file or a pipe is never cut. */
    if (!isatty(fileno(printer->out)))
        scols_table_set_termforce(printer->table, SCOLS_TERMFORCE_NEVER);
}

/* Bytes of characters that begin in the text: what UTF-8 goes on with takes no column. */
static int columns_of(const char *text)
{
    int count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void write_padded(FILE *out, const char *text, int width, bool is_number)
{
    int padding = width > columns_of(text) ? width - columns_of(text) : 0;

    fprintf(out, "%*s", is_number ? padding : 0, "");
    for (; *text != '\0'; text++)
        fputc(plain(*text), out);
    fprintf(out, "%*s", is_number ? 0 : padding, "");
}

static void write_table_line(FILE *out, const struct print_column *columns, const char *const *texts)
{
    size_t last = 0;

    for (size_t i = 0; columns[i].name != NULL; i++)
        if (texts[i][0] != '\0')
            last = i;
    for (size_t i = 0; i <= last; i++) {
        if (i > 0)
            fputs("  ", out);
        write_padded(out, texts[i], i == last ? 0 : columns[i].width, columns[i].is_number);
    }
    fputc('\n', out);
    fflush(out);
}

static json_t *json_of_line(const struct print_column *columns, const char *const *texts)
{
    json_t *object = json_object();

    for (size_t i = 0; columns[i].name != NULL; i++)
        if (texts[i][0] != '\0')
            json_object_set_new(object, columns[i].name,
                                columns[i].is_number ? json_integer(strtoll(texts[i], NULL, 10))
                                                     : json_string(texts[i]));
    return object;
}

static void add_row(struct printer *printer, const struct message *message, bool reveal)
{
    static char buffer[VALUE_BYTES];
    struct libscols_line *line = scols_table_new_line(printer->table, NULL);

    assert(line != NULL);
    for (size_t i = 0; printer->columns[i] != FIELD_COUNT; i++)
        scols_line_set_data(line, i, value_text(message, printer->columns[i], reveal, buffer, sizeof buffer));
    explicit_bzero(buffer, sizeof buffer);
}

/* A record that says more than a few words, on lines of its own. */
static void print_record(const struct message *message, enum field field, size_t i, char *buffer, size_t size,
                         FILE *out)
{
    const struct record_spec *record = &records[fields[field].of];
    const char *before = "  - ";

    for (size_t m = 0; m < record->count; m++) {
        if (!message_member(message, field, i, m)->present)
            continue;
        text_write_member(message, field, i, m, buffer, size);
        make_plain(buffer);
        fprintf(out, "%s%s: %s\n", before, record->members[m].name, buffer);
        before = "    ";
    }
}

static bool has_lines(enum field field)
{
    return fields[field].kind == KIND_RECORDS && records[fields[field].of].count > RECORD_MEMBERS_OF_A_LINE;
}

static void print_lines(const struct message *message, bool reveal, FILE *out)
{
    static char buffer[VALUE_BYTES];
    const struct message_spec *spec = message_spec(message->type);

    for (size_t i = 0; i < spec->count; i++) {
        enum field field = spec->members[i].field;

        if (field == FIELD_request_id || !message_has(message, field))
            continue;
        if (!has_lines(field) || is_masked(field, reveal)) {
            fprintf(out, "%s: %s\n", fields[field].name, value_text(message, field, reveal, buffer, sizeof buffer));
            continue;
        }
        fprintf(out, "%s:\n", fields[field].name);
        for (size_t k = 0; k < message_list_count(message, field); k++)
            print_record(message, field, k, buffer, sizeof buffer, out);
    }
    explicit_bzero(buffer, sizeof buffer);
    fflush(out);
}

bool print_format_parse(const char *text, enum print_format *format)
{
    static const char *const names[] = {
        [PRINT_TABLE] = "table", [PRINT_JSON] = "json", [PRINT_JSONL] = "jsonl", [PRINT_CSV] = "csv"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) != 0)
            continue;
        *format = (enum print_format)i;
        return true;
    }
    return false;
}

static struct printer *open_printer(enum print_format format, const char *schema, FILE *out)
{
    struct printer *printer = calloc(1, sizeof *printer);

    assert(printer != NULL && strlen(schema) < sizeof printer->schema);
    printer->format = format;
    printer->out = out;
    strcpy(printer->schema, schema);
    if (format == PRINT_JSON)
        printer->items = json_array();
    return printer;
}

struct printer *print_open(enum print_format format, const char *schema, const enum field *columns, FILE *out)
{
    struct printer *printer = open_printer(format, schema, out);

    printer->columns = columns;
    if (format == PRINT_TABLE)
        open_table(printer);
    if (format == PRINT_CSV)
        write_csv_names(out, columns);
    return printer;
}

/* For people, what is empty in every row is left out. */
static void hide_empty_columns(struct libscols_table *table)
{
    size_t rows = scols_table_get_nlines(table);

    for (size_t i = 0; i < scols_table_get_ncols(table); i++) {
        struct libscols_column *column = scols_table_get_column(table, i);
        bool is_empty = rows > 0;

        for (size_t row = 0; is_empty && row < rows; row++) {
            const char *data = scols_cell_get_data(scols_line_get_cell(scols_table_get_line(table, row), i));
            is_empty = data == NULL || data[0] == '\0';
        }
        if (is_empty)
            scols_column_set_flags(column, scols_column_get_flags(column) | SCOLS_FL_HIDDEN);
    }
}

struct printer *print_open_lines(enum print_format format, const char *schema, const struct print_column *columns,
                                 FILE *out)
{
    struct printer *printer = open_printer(format, schema, out);
    const char *names[PRINT_COLUMNS_MAX] = {NULL};

    printer->lines = columns;
    for (size_t i = 0; columns[i].name != NULL; i++) {
        assert(i < PRINT_COLUMNS_MAX);
        names[i] = columns[i].name;
    }
    if (format == PRINT_TABLE)
        write_table_line(out, columns, names);
    if (format == PRINT_CSV)
        write_csv_line(out, columns, names);
    return printer;
}

/* Into the document, or on a line of its own. */
static void put_object(struct printer *printer, json_t *object)
{
    if (printer->format == PRINT_JSON) {
        json_array_append_new(printer->items, object);
        return;
    }
    write_json(printer->out, object, JSON_COMPACT);
    json_decref(object);
}

void print_line(struct printer *printer, const char *const *texts)
{
    if (printer->format == PRINT_TABLE)
        write_table_line(printer->out, printer->lines, texts);
    else if (printer->format == PRINT_CSV)
        write_csv_line(printer->out, printer->lines, texts);
    else
        put_object(printer, json_of_line(printer->lines, texts));
}

void print_row(struct printer *printer, const struct message *message, bool reveal)
{
    json_t *object;

    if (printer->format == PRINT_TABLE) {
        add_row(printer, message, reveal);
        return;
    }
    if (printer->format == PRINT_CSV) {
        write_csv_row(printer->out, printer->columns, message, reveal);
        return;
    }
    object = json_object();
    fill_object(object, message, reveal);
    put_object(printer, object);
}

void print_close(struct printer **printer, const char *next)
{
    struct printer *closing = *printer;

    *printer = NULL;
    if (closing->table != NULL) {
        hide_empty_columns(closing->table);
        scols_print_table(closing->table);
        scols_unref_table(closing->table);
    }
    if (closing->format == PRINT_JSON) {
        json_t *document = json_object();

        json_object_set_new(document, "schema", json_string(closing->schema));
        json_object_set_new(document, "items", closing->items);
        if (next != NULL)
            json_object_set_new(document, "next", json_string(next));
        write_json(closing->out, document, JSON_INDENT(2));
        json_decref(document);
    }
    fflush(closing->out);
    free(closing);
}

void print_one(enum print_format format, const char *schema, const struct message *message, bool reveal, FILE *out)
{
    json_t *object;

    if (format == PRINT_TABLE) {
        print_lines(message, reveal, out);
        return;
    }
    if (format == PRINT_CSV) {
        write_csv_one(out, message, reveal);
        return;
    }
    object = json_object();
    json_object_set_new(object, "schema", json_string(schema));
    fill_object(object, message, reveal);
    write_json(out, object, format == PRINT_JSON ? JSON_INDENT(2) : JSON_COMPACT);
    json_decref(object);
}

const char *print_value(const struct message *message, enum field field, bool reveal, char *buffer, size_t size)
{
    if (!message_has(message, field) || !is_masked(field, reveal))
        text_write(message, field, buffer, size);
    else
        snprintf(buffer, size, "%s", MASK);
    return buffer;
}

int exit_code(int exchange_result)
{
    static const int codes[] = {
        [EXCHANGE_OK] = EX_OK,
        [EXCHANGE_TIMEOUT] = EX_TEMPFAIL,
        [EXCHANGE_UNREACHABLE] = EX_UNAVAILABLE,
        [EXCHANGE_DENIED] = EX_NOPERM,
        [EXCHANGE_VERSION] = EX_PROTOCOL,
        [EXCHANGE_INVALID] = EX_DATAERR,
        [EXCHANGE_NOT_FOUND] = EX_NOUSER,
        [EXCHANGE_CONFLICT] = 1, /* the answer is no */
        [EXCHANGE_BUSY] = EX_TEMPFAIL,
        [EXCHANGE_NOMEM] = EX_OSERR,
        [EXCHANGE_MISUSE] = EX_CONFIG,
    };

    if (exchange_result < 0 || (size_t)exchange_result >= sizeof codes / sizeof codes[0])
        return EX_SOFTWARE;
    return codes[exchange_result];
}

/* SPDX-License-Identifier: MIT
 * postcodes: CSV -> place table. The table has two halves: one holds the edition in force while the next one grows in
 * the other, and the record of the edition changes with the last row. Each row carries the number of the import that
 * wrote it; rows of other imports count as not there, so that rows are only ever written over. */
#include "daemon/io/postcodes.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION HASH_FNV
#define uthash_nonfatal_oom(element) ((element)->out_of_memory = true)

#include <assert.h>
#include <csv.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "proto/check.h"

#define ROW_VERSION 1
#define ROW_BYTES_MAX 64
#define ROW_FIXED_BYTES 14 /* in front of the text */
#define EDITION_FIXED_BYTES 9
#define KEY_BYTES 10        /* of a postcode, its sector or its district, with a NUL */
#define ROW_STORED_BYTES 80 /* what a row comes to in the store, at most */
#define BATCH_ROWS 1000
#define LINE_BYTES 4096
#define FIELD_BYTES_MAX 65536
#define COLUMNS_MAX 256
#define VALUE_BYTES 32
#define EDITION_BYTES 41
#define DECILES 11
#define VOTES_MAX 256 /* neighbourhoods of one district that are counted */

enum column { COLUMN_POSTCODE, COLUMN_EASTING, COLUMN_NORTHING, COLUMN_NEIGHBOURHOOD, COLUMN_DECILE, COLUMN_COUNT };

/* The names of the columns; the first that the header holds is taken. */
static const char *const columns[COLUMN_COUNT][4] = {
    [COLUMN_POSTCODE] = {"postcode"},
    [COLUMN_EASTING] = {"easting"},
    [COLUMN_NORTHING] = {"northing"},
    [COLUMN_NEIGHBOURHOOD] = {"msoa21_code"},
    [COLUMN_DECILE] = {"imd2025_decile", "imd2019_decile", "imd_decile"},
};

struct vote {
    char code[16];
    uint32_t count;
};

struct row {
    char key[KEY_BYTES];
    bool is_area;
    struct place place;
};

struct place_batch {
    bool begins; /* an import: what an earlier one has left behind counts no more */
    bool ends;   /* it: from now on its edition is in force */
    char edition[EDITION_BYTES];
    size_t count;
    struct row rows[BATCH_ROWS];
};

/* A sector or district: what its postcodes come to. */
struct area {
    char key[KEY_BYTES];
    int64_t eastings, northings;
    uint32_t placed; /* postcodes with a position */
    uint32_t deciles[DECILES];
    struct vote *votes;
    size_t votes_count;
    bool out_of_memory;
    UT_hash_handle hh;
};

/* The record of the edition under META_EDITION. */
struct edition {
    uint64_t import; /* whose rows are in force; 0: none */
    uint64_t begun;  /* the newest import */
    char name[EDITION_BYTES];
};

struct import {
    struct store *store;
    const struct place_sink *sink;
    const char *edition;
    bool has_begun; /* a batch has been handed on */
    struct place_batch *batch;
    struct area *areas;
    int64_t postcodes;
    /* Reading: which column of the file is which of ours (-1: none), and the values of the row at hand. */
    const char *path;
    int64_t line;
    bool has_header;
    size_t header_columns;
    char header[COLUMNS_MAX][VALUE_BYTES];
    int place_of[COLUMN_COUNT];
    size_t column;
    char values[COLUMN_COUNT][VALUE_BYTES];
    bool value_too_long;
    bool failed;
    char *why;
    size_t why_size;
};

/* Rows of the place table, and the record of the edition: a version, numbers of four bytes, the highest first, and a
 * text to the end. A row is read for each submit. */

static unsigned char *put_number(unsigned char *at, uint64_t number)
{
    assert(number <= UINT32_MAX);
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (unsigned char)(number >> shift);
    return at;
}

static uint32_t get_number(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Everything behind `fixed` bytes. False: it does not fit. */
static bool get_text(const unsigned char *bytes, size_t length, size_t fixed, char *text, size_t size)
{
    if (length < fixed || length - fixed >= size)
        return false;
    memcpy(text, bytes + fixed, length - fixed);
    text[length - fixed] = '\0';
    return true;
}

static size_t pack_row(unsigned char bytes[ROW_BYTES_MAX], uint64_t import, const struct place *place)
{
    size_t length = strlen(place->neighbourhood_code);
    unsigned char *at = bytes;

    *at++ = ROW_VERSION;
    at = put_number(at, import);
    at = put_number(at, (uint32_t)place->position.easting);
    at = put_number(at, (uint32_t)place->position.northing);
    *at++ = place->decile;
    memcpy(at, place->neighbourhood_code, length);
    return ROW_FIXED_BYTES + length;
}

static enum store_result unpack_row(const unsigned char *bytes, size_t length, uint64_t import, struct place *place,
                                    bool *found)
{
    if (!get_text(bytes, length, ROW_FIXED_BYTES, place->neighbourhood_code, sizeof place->neighbourhood_code) ||
        bytes[0] != ROW_VERSION || get_number(bytes + 5) > INT32_MAX || get_number(bytes + 9) > INT32_MAX ||
        bytes[13] >= DECILES)
        return STORE_DAMAGED;
    place->position = (struct position){(int32_t)get_number(bytes + 5), (int32_t)get_number(bytes + 9)};
    place->decile = bytes[13];
    *found = get_number(bytes + 1) == import;
    return STORE_OK;
}

static size_t pack_edition(unsigned char bytes[ROW_BYTES_MAX], const struct edition *edition)
{
    size_t length = strlen(edition->name);

    bytes[0] = ROW_VERSION;
    put_number(bytes + 1, edition->import);
    put_number(bytes + 5, edition->begun);
    memcpy(bytes + EDITION_FIXED_BYTES, edition->name, length);
    return EDITION_FIXED_BYTES + length;
}

static bool unpack_edition(const unsigned char *bytes, size_t length, struct edition *edition)
{
    if (!get_text(bytes, length, EDITION_FIXED_BYTES, edition->name, sizeof edition->name) || bytes[0] != ROW_VERSION)
        return false;
    edition->import = get_number(bytes + 1);
    edition->begun = get_number(bytes + 5);
    return edition->import <= edition->begun;
}

/* Import 0 and no name when there is none. */
static enum store_result get_edition(struct store *store, struct transaction *transaction, struct edition *edition)
{
    const void *bytes;
    size_t length;
    enum store_result result = store_get(store, transaction, TABLE_META, META_EDITION, &bytes, &length);

    memset(edition, 0, sizeof *edition);
    if (result == STORE_NOT_FOUND)
        return STORE_OK;
    if (result == STORE_OK && !unpack_edition(bytes, length, edition))
        result = STORE_DAMAGED;
    return result;
}

static void put_edition(struct store *store, struct transaction *transaction, const struct edition *edition)
{
    unsigned char bytes[ROW_BYTES_MAX];

    (void)store_put(store, transaction, TABLE_META, META_EDITION, bytes, pack_edition(bytes, edition));
}

/* Odd imports have one half of the table, even ones the other. Areas stand apart from the postcodes, because they are
 * written last: among the postcodes each would touch a page of its own. They stand in front, so that the first import
 * into each half only appends, which fills the pages. */
static size_t make_key(char bytes[KEY_BYTES + 1], uint64_t import, bool is_area, const char *key, size_t length)
{
    assert(length < KEY_BYTES);
    bytes[0] = is_area ? "10"[import % 2] : "BA"[import % 2];
    memcpy(bytes + 1, key, length);
    return length + 1;
}

static void put_row(struct store *store, struct transaction *transaction, uint64_t import, const struct row *row)
{
    unsigned char bytes[ROW_BYTES_MAX];
    char key[KEY_BYTES + 1];
    size_t length = make_key(key, import, row->is_area, row->key, strlen(row->key));

    (void)store_place_put(store, transaction, key, length, bytes, pack_row(bytes, import, &row->place));
}

/* Batches */

/* Of the file as a whole. */
static void fail_all(struct import *import, const char *sentence)
{
    if (!import->failed)
        (void)snprintf(import->why, import->why_size, "%s cannot be imported: %s", import->path, sentence);
    import->failed = true;
}

/* Of a line. */
static void fail(struct import *import, const char *sentence)
{
    if (!import->failed)
        (void)snprintf(import->why, import->why_size, "%s:%" PRId64 ": %s", import->path, import->line, sentence);
    import->failed = true;
}

/* The last fifth of the store is not for postcodes, so that they never keep a referral out. Without a store nothing is
 * kept. */
static bool has_room(const struct import *import)
{
    uint64_t used = 0;
    uint64_t limit = 0;

    if (import->store == NULL)
        return true;
    store_usage(import->store, &used, &limit);
    return used + import->batch->count * ROW_STORED_BYTES < limit - limit / 5;
}

static void hand_on(struct import *import)
{
    struct place_batch *batch = import->batch;

    batch->begins = !import->has_begun;
    import->has_begun = true;
    if (!has_room(import)) {
        fail_all(import, "four fifths of the store are used: stop the daemon and raise store_limit");
        return;
    }
    import->batch = NULL;
    if (!import->sink->take(import->sink->argument, &batch))
        import->failed = true;
}

static bool begin_batch(struct import *import)
{
    import->batch = malloc(sizeof *import->batch);
    if (import->batch == NULL) {
        fail_all(import, "out of memory");
        return false;
    }
    import->batch->count = 0;
    import->batch->ends = false;
    (void)snprintf(import->batch->edition, EDITION_BYTES, "%s", import->edition);
    return true;
}

static void add_row(struct import *import, const char *key, bool is_area, const struct place *place)
{
    if (import->batch == NULL && !begin_batch(import))
        return;
    struct row *row = &import->batch->rows[import->batch->count++];
    (void)snprintf(row->key, sizeof row->key, "%s", key);
    row->is_area = is_area;
    row->place = *place;
    if (import->batch->count == BATCH_ROWS)
        hand_on(import);
}

static void end_import(struct import *import)
{
    if (import->failed || (import->batch == NULL && !begin_batch(import)))
        return;
    import->batch->ends = true;
    hand_on(import);
}

/* Sectors and districts */

static struct area *area_of(struct import *import, const char *key, size_t length)
{
    struct area *area = NULL;

    HASH_FIND(hh, import->areas, key, length, area);
    if (area)
        return area;
    area = calloc(1, sizeof *area);
    if (area == NULL)
        return NULL;
    memcpy(area->key, key, length);
    HASH_ADD(hh, import->areas, key, length, area);
    if (area->out_of_memory) {
        free(area);
        return NULL;
    }
    return area;
}

static bool vote(struct area *area, const char *code)
{
    for (size_t i = 0; i < area->votes_count; i++)
        if (strcmp(area->votes[i].code, code) == 0) {
            area->votes[i].count++;
            return true;
        }
    if (area->votes_count == VOTES_MAX)
        return true;
    struct vote *votes = realloc(area->votes, (area->votes_count + 1) * sizeof *votes);
    if (votes == NULL)
        return false;
    area->votes = votes;
    votes[area->votes_count].count = 1;
    (void)snprintf(votes[area->votes_count++].code, sizeof votes->code, "%s", code);
    return true;
}

static void add_to_area(struct import *import, const char *key, size_t length, const struct place *place)
{
    struct area *area = area_of(import, key, length);

    if (area == NULL || (place->neighbourhood_code[0] != '\0' && !vote(area, place->neighbourhood_code))) {
        fail_all(import, "out of memory");
        return;
    }
    area->deciles[place->decile]++;
    if (place->position.easting == 0)
        return;
    area->placed++;
    area->eastings += place->position.easting;
    area->northings += place->position.northing;
}

/* Ties go to the smaller decile and code, so that every import comes to the same. */
static void sum_up(const struct area *area, struct place *place)
{
    uint32_t most = 0;
    const struct vote *best = NULL;

    memset(place, 0, sizeof *place);
    if (area->placed > 0)
        place->position =
            (struct position){(int32_t)(area->eastings / area->placed), (int32_t)(area->northings / area->placed)};
    for (uint8_t decile = 1; decile < DECILES; decile++)
        if (area->deciles[decile] > most) {
            most = area->deciles[decile];
            place->decile = decile;
        }
    for (const struct vote *at = area->votes; at && at < area->votes + area->votes_count; at++)
        if (best == NULL || at->count > best->count || (at->count == best->count && strcmp(at->code, best->code) < 0))
            best = at;
    if (best)
        memcpy(place->neighbourhood_code, best->code, sizeof place->neighbourhood_code);
}

static void put_areas(struct import *import)
{
    struct place place;

    for (const struct area *area = import->areas; area && !import->failed; area = area->hh.next) {
        sum_up(area, &place);
        add_row(import, area->key, true, &place);
    }
}

static void free_areas(struct import *import)
{
    struct area *area, *next;

    HASH_ITER(hh, import->areas, area, next)
    {
        HASH_DEL(import->areas, area);
        free(area->votes);
        free(area);
    }
}

/* Reading */

/* An empty value, and one with a fraction of zero ("248005.0"), are common in such files; the first counts as 0. */
static bool parse_number(const char *text, int32_t most, int32_t *number)
{
    char *rest;

    errno = 0;
    long value = strtol(text, &rest, 10);
    if (errno != 0 || value < 0 || value > most || (*rest != '\0' && strspn(rest, ".0") != strlen(rest)))
        return false;
    *number = (int32_t)value;
    return true;
}

static bool parse_row(struct import *import, char postcode[KEY_BYTES], struct place *place)
{
    const char *code = import->values[COLUMN_NEIGHBOURHOOD];
    struct text text = {import->values[COLUMN_POSTCODE], (uint32_t)strlen(import->values[COLUMN_POSTCODE])};
    int32_t decile = 0;

    memset(place, 0, sizeof *place);
    if (import->value_too_long || !check_postcode(text, postcode))
        fail(import, "this is no postcode");
    else if (!parse_number(import->values[COLUMN_EASTING], 700000, &place->position.easting) ||
             !parse_number(import->values[COLUMN_NORTHING], 1300000, &place->position.northing))
        fail(import, "easting and northing must be metres of the British grid");
    else if (!parse_number(import->values[COLUMN_DECILE], 10, &decile))
        fail(import, "the decile must be between 1 and 10");
    else if (strlen(code) >= sizeof place->neighbourhood_code)
        fail(import, "the neighbourhood code is longer than 15 characters");
    else
        memcpy(place->neighbourhood_code, code, strlen(code) + 1);
    place->decile = (uint8_t)decile;
    return !import->failed;
}

static void take_row(struct import *import)
{
    char postcode[KEY_BYTES];
    struct place place;

    if (import->column != import->header_columns) {
        fail(import, "this row has another number of columns than the header");
        return;
    }
    if (!parse_row(import, postcode, &place))
        return;
    /* Code-Point Open gives some postcodes without a position (quality 90): nothing is known about them. */
    if (place.position.easting == 0 && place.neighbourhood_code[0] == '\0')
        return;
    add_row(import, postcode, false, &place);
    add_to_area(import, postcode, strlen(postcode) - 2, &place);
    add_to_area(import, postcode, strcspn(postcode, " "), &place);
    import->postcodes++;
}

static int find_column(const struct import *import, const char *const names[4])
{
    for (size_t i = 0; i < 4 && names[i]; i++)
        for (size_t j = 0; j < import->header_columns; j++)
            if (strcasecmp(import->header[j], names[i]) == 0)
                return (int)j;
    return -1;
}

static void take_header(struct import *import)
{
    import->header_columns = import->column;
    import->has_header = true;
    for (int column = 0; column < COLUMN_COUNT; column++)
        import->place_of[column] = find_column(import, columns[column]);
    if (import->place_of[COLUMN_POSTCODE] < 0 || import->place_of[COLUMN_EASTING] < 0 ||
        import->place_of[COLUMN_NORTHING] < 0)
        fail(import, "the header must name the columns postcode, easting and northing");
}

static void keep_value(struct import *import, char kept[VALUE_BYTES], const char *value, size_t length)
{
    if (length >= VALUE_BYTES)
        import->value_too_long = true;
    else
        memcpy(kept, value, length + 1);
}

/* libcsv calls this for each field; it has put a NUL after it. */
static void on_field(void *field, size_t length, void *argument)
{
    struct import *import = argument;
    size_t column = import->column++;

    if (import->failed)
        return;
    if (!import->has_header) {
        if (column >= COLUMNS_MAX)
            fail(import, "too many columns");
        else if (length < VALUE_BYTES)
            memcpy(import->header[column], field, length + 1);
        return;
    }
    for (int ours = 0; ours < COLUMN_COUNT; ours++)
        if (import->place_of[ours] == (int)column)
            keep_value(import, import->values[ours], field, length);
}

static void on_row(int terminator, void *argument)
{
    struct import *import = argument;

    (void)terminator;
    if (!import->failed && import->has_header)
        take_row(import);
    else if (!import->failed)
        take_header(import);
    import->column = 0;
    import->value_too_long = false;
    memset(import->values, 0, sizeof import->values);
}

/* By lines, so that a fault can name its line. */
static void read_lines(struct import *import, FILE *file, struct csv_parser *parser)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    char line[LINE_BYTES];
    bool begins = true;

    while (!import->failed && fgets(line, sizeof line, file)) {
        size_t length = strlen(line);
        size_t skip = import->line == 0 && strncmp(line, byte_order_mark, 3) == 0 ? 3 : 0;
        import->line += begins;
        begins = length > 0 && line[length - 1] == '\n';
        if (csv_parse(parser, line + skip, length - skip, on_field, on_row, import) != length - skip)
            fail(import, csv_strerror(csv_error(parser)));
        else if (csv_get_buffer_size(parser) > FIELD_BYTES_MAX)
            fail(import, "a quoted value is not closed");
    }
    if (ferror(file))
        fail_all(import, "it cannot be read to its end");
    else if (!import->failed && csv_fini(parser, on_field, on_row, import) != 0)
        fail(import, "a quoted value is not closed");
    if (!import->has_header)
        fail_all(import, "the file is empty");
}

static void read_file(struct import *import)
{
    struct csv_parser parser;
    FILE *file = fopen(import->path, "re");

    if (file == NULL) {
        fail_all(import, strerror(errno));
        return;
    }
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        fail_all(import, "out of memory");
    } else {
        read_lines(import, file, &parser);
        csv_free(&parser);
    }
    (void)fclose(file);
}

/* Straight into the store, each batch in a transaction of its own. */
struct direct {
    struct store *store;
    enum store_result result;
};

static bool write_direct(void *argument, struct place_batch **batch)
{
    struct direct *direct = argument;
    struct transaction *transaction = store_begin(direct->store, true, &direct->result);

    if (transaction != NULL) {
        direct->result = postcodes_write(direct->store, transaction, *batch);
        if (direct->result == STORE_OK)
            direct->result = store_commit(direct->store, &transaction);
        else
            store_abort(direct->store, &transaction);
    }
    place_batch_free(batch);
    return direct->result == STORE_OK;
}

static void run_import(struct import *import)
{
    read_file(import);
    if (!import->failed)
        put_areas(import);
    end_import(import);
    place_batch_free(&import->batch);
    free_areas(import);
}

int64_t postcodes_import(struct store *store, const char *path, const char *edition, const struct place_sink *sink,
                         char *why, size_t why_size)
{
    struct direct direct = {.store = store};
    const struct place_sink into_store = {write_direct, &direct};
    struct import *import = calloc(1, sizeof *import);

    why[0] = '\0';
    if (import == NULL) {
        (void)snprintf(why, why_size, "%s cannot be imported: out of memory", path);
        return -1;
    }
    *import = (struct import){.store = store,
                              .sink = sink ? sink : &into_store,
                              .edition = edition,
                              .path = path,
                              .why = why,
                              .why_size = why_size};
    run_import(import);
    int64_t postcodes = import->failed ? -1 : import->postcodes;
    free(import);
    if (direct.result != STORE_OK)
        (void)snprintf(why, why_size, "%s cannot be imported: the store says: %s", path,
                       store_result_text(direct.result));
    return postcodes;
}

static bool drop(void *argument, struct place_batch **batch)
{
    (void)argument;
    place_batch_free(batch);
    return true;
}

bool postcodes_check(const char *path, char *why, size_t why_size)
{
    const struct place_sink nowhere = {drop, NULL};

    return postcodes_import(NULL, path, "", &nowhere, why, why_size) >= 0;
}

enum store_result postcodes_write(struct store *store, struct transaction *transaction, const struct place_batch *batch)
{
    struct edition edition;
    enum store_result result = get_edition(store, transaction, &edition);

    if (result != STORE_OK)
        return result;
    if (batch->begins)
        edition.begun += (edition.begun - edition.import) % 2 == 0 ? 1 : 2; /* never the half that is in force */
    for (size_t i = 0; i < batch->count; i++)
        put_row(store, transaction, edition.begun, &batch->rows[i]);
    if (batch->ends) {
        edition.import = edition.begun;
        memcpy(edition.name, batch->edition, EDITION_BYTES);
    }
    if (batch->begins || batch->ends)
        put_edition(store, transaction, &edition);
    return STORE_OK;
}

const char *place_batch_edition(const struct place_batch *batch)
{
    return batch->ends ? batch->edition : NULL;
}

size_t place_batch_bytes(const struct place_batch *batch)
{
    return batch->count * ROW_STORED_BYTES;
}

void place_batch_free(struct place_batch **batch)
{
    free(*batch);
    *batch = NULL;
}

void postcodes_edition(struct store *store, struct transaction *transaction, char name[EDITION_BYTES])
{
    struct edition edition;

    if (get_edition(store, transaction, &edition) != STORE_OK)
        edition.name[0] = '\0';
    memcpy(name, edition.name, EDITION_BYTES);
}

static enum store_result find_key(struct store *store, struct transaction *transaction, uint64_t import, bool is_area,
                                  struct text text, struct place *place, bool *found)
{
    const void *bytes;
    size_t length;
    char key[KEY_BYTES + 1];
    size_t key_length = make_key(key, import, is_area, text.bytes, text.length);
    enum store_result result = store_place_get(store, transaction, key, key_length, &bytes, &length);

    if (result == STORE_NOT_FOUND)
        return STORE_OK;
    return result == STORE_OK ? unpack_row(bytes, length, import, place, found) : result;
}

enum store_result postcodes_find(struct store *store, struct transaction *transaction, struct text postcode,
                                 struct place *place)
{
    static const enum locality localities[] = {LOCALITY_EXACT, LOCALITY_SECTOR, LOCALITY_DISTRICT};
    const char *space = memchr(postcode.bytes, ' ', postcode.length);
    struct edition edition;
    bool found = false;
    enum store_result result = get_edition(store, transaction, &edition);

    memset(place, 0, sizeof *place);
    place->locality = LOCALITY_UNKNOWN;
    if (edition.import == 0 || space == NULL || postcode.length < 5 || postcode.length >= KEY_BYTES)
        return result;
    const uint32_t lengths[] = {postcode.length, postcode.length - 2, (uint32_t)(space - postcode.bytes)};
    for (size_t i = 0; i < 3 && result == STORE_OK && !found; i++) {
        result = find_key(store, transaction, edition.import, i > 0, (struct text){postcode.bytes, lengths[i]}, place,
                          &found);
        if (found)
            place->locality = localities[i];
        else
            *place = (struct place){.locality = LOCALITY_UNKNOWN};
    }
    return result;
}

/* SPDX-License-Identifier: MIT
 * postcodes: the shipped file imports, look-ups fall back to sector and district, a bad file changes nothing, and one
 * edition or the other is in force at every moment of an import. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/io/postcodes.h"
#include "tests/sim/store_memory.h"

#define HEADER "postcode,easting,northing,msoa21_code,imd2025_decile\n"

static struct store *store;
static struct store_memory_faults memory_faults;
static char why[300];

static void open_store(void)
{
    memset(&memory_faults, 0, sizeof memory_faults);
    store = store_memory_open(&memory_faults);
}

static void close_store(void)
{
    store_close(&store);
}

TestSuite(postcodes, .init = open_store, .fini = close_store);

static int64_t import_through(const struct place_sink *sink, const char *text, const char *edition)
{
    char path[] = "/tmp/postcodes-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");

    fputs(text, file);
    fclose(file);
    int64_t postcodes = postcodes_import(store, path, edition, sink, why, sizeof why);
    unlink(path);
    return postcodes;
}

static int64_t import_text(const char *text, const char *edition)
{
    return import_through(NULL, text, edition);
}

static void import_all(const char *text, const char *edition)
{
    cr_assert(gt(i64, import_text(text, edition), 0), "%s", why);
}

static struct place find(const char *postcode)
{
    struct place place;
    struct transaction *transaction = store_begin(store, false, NULL);

    cr_assert(eq(int, postcodes_find(store, transaction, (struct text){postcode, strlen(postcode)}, &place), STORE_OK));
    store_abort(store, &transaction);
    return place;
}

static void expect_edition(const char *expected)
{
    char edition[41];
    struct transaction *transaction = store_begin(store, false, NULL);

    postcodes_edition(store, transaction, edition);
    store_abort(store, &transaction);
    cr_assert_str_eq(edition, expected);
}

static void expect_refused(const char *text, const char *words)
{
    cr_assert(eq(i64, import_text(text, "bad"), -1), "accepted: %s", text);
    cr_assert(strstr(why, words) != NULL, "%s", why);
    expect_edition("");
}

Test(postcodes, the_shipped_file_imports_whole)
{
    expect_edition("");
    cr_assert(
        eq(i64,
           postcodes_import(store, SOURCE_DIR "/etc/data/postcodes_plymouth.csv", "2025-11", NULL, why, sizeof why),
           6293),
        "%s", why);
    expect_edition("2025-11");
    struct place place = find("PL1 1AE");
    cr_assert(eq(int, place.locality, LOCALITY_EXACT));
    cr_assert_str_eq(place.neighbourhood_code, "E02003148");
    cr_assert(eq(i32, place.position.easting, 248005));
    cr_assert(eq(i32, place.position.northing, 54543));
    cr_assert(eq(u8, place.decile, 2));
}

Test(postcodes, an_unknown_postcode_falls_back_to_its_sector_then_its_district)
{
    import_all(HEADER "PL1 1AA,100,1000,E1,2\nPL1 1AB,201,1001,E2,2\nPL1 1AD,299,1002,E2,5\n"
                      "PL1 2AA,1000,9000,E1,1\nPL1 2AB,1000,9000,E1,1\n",
               "1");
    struct place place = find("PL1 1ZZ");
    cr_assert(eq(int, place.locality, LOCALITY_SECTOR));
    cr_assert_str_eq(place.neighbourhood_code, "E2");
    cr_assert(eq(i32, place.position.easting, 200));
    cr_assert(eq(i32, place.position.northing, 1001));
    cr_assert(eq(u8, place.decile, 2));
    place = find("PL1 9ZZ");
    cr_assert(eq(int, place.locality, LOCALITY_DISTRICT));
    cr_assert_str_eq(place.neighbourhood_code, "E1");
    cr_assert(eq(i32, place.position.easting, 520));
    cr_assert(eq(u8, place.decile, 1));
    place = find("EX1 1AA");
    cr_assert(eq(int, place.locality, LOCALITY_UNKNOWN));
    cr_assert_str_eq(place.neighbourhood_code, "");
    cr_assert(eq(int, find("PL11 1ZZ").locality, LOCALITY_UNKNOWN));
    cr_assert(eq(int, find("PL1").locality, LOCALITY_UNKNOWN));
}

Test(postcodes, a_new_edition_replaces_the_old_one)
{
    import_all(HEADER "PL1 1AA,100,1000,E1,2\nPL2 2AA,100,1000,E1,2\n", "1");
    import_all(HEADER "PL1 1AA,300,1000,E9,3\n", "2");
    expect_edition("2");
    cr_assert_str_eq(find("PL1 1AA").neighbourhood_code, "E9");
    cr_assert(eq(int, find("PL2 2AA").locality, LOCALITY_UNKNOWN));
}

Test(postcodes, columns_may_stand_in_any_order_and_deciles_may_be_older_or_missing)
{
    cr_assert(
        eq(i64, import_text("imd2019_decile,name,northing,POSTCODE,easting\r\n7,\"a, b\",1000,pl11aa,100\r\n\r\n", "1"),
           1),
        "%s", why);
    cr_assert(eq(u8, find("PL1 1AA").decile, 7));
    cr_assert(eq(i64, import_text("\xef\xbb\xbfpostcode,easting,northing\nPL1 1AB,100,1000", "2"), 1), "%s", why);
    cr_assert(eq(u8, find("PL1 1AB").decile, 0));
    cr_assert_str_eq(find("PL1 1AB").neighbourhood_code, "");
}

Test(postcodes, a_postcode_of_which_nothing_is_known_is_left_out)
{
    cr_assert(eq(i64, import_text("postcode,easting,northing\nPL1 1AA,0,0\nPL1 1AB,100,1000\n", "1"), 1), "%s", why);
    cr_assert(eq(int, find("PL1 1AA").locality, LOCALITY_SECTOR));
    cr_assert(eq(i32, find("PL1 1AA").position.easting, 100));
}

Test(postcodes, a_bad_row_is_named_with_its_line)
{
    expect_refused("", "the file is empty");
    expect_refused("postcode,x,y\nPL1 1AA,1,1\n",
                   ":1: the header must name the columns postcode, easting and northing");
    expect_refused(HEADER "PL1 1AA,100,1000,E1,2\n\nPL11AA1A,100,1000,E1,2\n", ":4: this is no postcode");
    expect_refused(HEADER "PL1 1AA,-5,1000,E1,2\n", ":2: easting and northing must be metres");
    expect_refused(HEADER "PL1 1AA,5x,1000,E1,2\n", ":2: easting and northing must be metres");
    expect_refused(HEADER "PL1 1AA,99999999999999999999,1000,E1,2\n", ":2: easting and northing must be metres");
    expect_refused(HEADER "PL1 1AA,100,1000,E1,11\n", ":2: the decile must be between 1 and 10");
    expect_refused(HEADER "PL1 1AA,100,1000,E123456789012345,1\n", ":2: the neighbourhood code is longer");
    expect_refused(HEADER "PL1 1AA,100,1000\n", ":2: this row has another number of columns than the header");
    expect_refused(HEADER "\"PL1 1AA,100,1000,E1,1\n", "a quoted value is not closed");
    expect_refused(HEADER "PL1 \"1AA,100,1000,E1,1\n", ":2: ");
}

Test(postcodes, a_long_line_counts_as_one)
{
    char text[6000];

    snprintf(text, sizeof text, "postcode,easting,northing,name\nPL1 1AA,1,1,%05000d\nbad,1,1,x\n", 0);
    cr_assert(eq(i64, import_text(text, "1"), -1));
    cr_assert(strstr(why, ":3: this is no postcode") != NULL, "%s", why);
}

Test(postcodes, a_postcode_without_a_position_counts_for_the_neighbourhood_of_its_sector_only)
{
    import_all(HEADER "PL1 1AA,0,0,E2,3\nPL1 1AB,0,0,E2,3\nPL1 1AD,100,1000,E1,2\n", "1");
    struct place place = find("PL1 1ZZ");
    cr_assert_str_eq(place.neighbourhood_code, "E2");
    cr_assert(eq(i32, place.position.easting, 100));
    cr_assert(eq(i32, find("PL1 1AA").position.easting, 0));
}

static const struct store_engine *engine;
static int puts_at_once, puts_at_once_most;

static enum store_result count_put(struct transaction *transaction, const char *key, size_t key_length,
                                   const void *bytes, size_t length)
{
    if (++puts_at_once > puts_at_once_most)
        puts_at_once_most = puts_at_once;
    return engine->place_put(transaction, key, key_length, bytes, length);
}

static enum store_result count_commit(struct transaction **transaction)
{
    puts_at_once = 0;
    return engine->commit(transaction);
}

Test(postcodes, a_transaction_never_holds_more_than_a_thousand_rows)
{
    struct store_engine counting = *store->engine;

    engine = store->engine;
    counting.place_put = count_put;
    counting.commit = count_commit;
    store->engine = &counting;
    cr_assert(
        gt(i64, postcodes_import(store, SOURCE_DIR "/etc/data/postcodes_plymouth.csv", "1", NULL, why, sizeof why), 0));
    store->engine = engine;
    cr_assert(eq(int, puts_at_once_most, 1000));
}

Test(postcodes, a_missing_file_is_told)
{
    cr_assert(eq(i64, postcodes_import(store, "/nowhere.csv", "1", NULL, why, sizeof why), -1));
    cr_assert_str_eq(why, "/nowhere.csv cannot be imported: No such file or directory");
}

Test(postcodes, a_quoted_value_that_never_ends_does_not_take_the_whole_file_into_memory)
{
    char *text = malloc(1200000), *at = text + sprintf(text, HEADER "\"");

    for (int i = 0; i < 100000; i++)
        at += sprintf(at, "PL1 1AA,1\n");
    cr_assert(eq(i64, import_text(text, "1"), -1));
    cr_assert(strstr(why, ":100001: ") == NULL && strstr(why, "a quoted value is not closed") != NULL, "%s", why);
    free(text);
}

Test(postcodes, an_import_that_fails_leaves_the_edition_in_force_and_the_next_one_starts_afresh)
{
    import_all(HEADER "PL1 1AA,100,1000,E1,2\n", "1");
    cr_assert(eq(i64, import_text(HEADER "PL1 1AB,100,1000,E1,2\nbad\n", "2"), -1));
    expect_edition("1");
    cr_assert(eq(int, find("PL1 1AA").locality, LOCALITY_EXACT));
    import_all(HEADER "PL3 3AA,100,1000,E3,2\n", "3");
    expect_edition("3");
    cr_assert(eq(int, find("PL1 1AA").locality, LOCALITY_UNKNOWN));
    cr_assert(eq(int, find("PL1 1AB").locality, LOCALITY_UNKNOWN));
    cr_assert(eq(int, find("PL3 3AA").locality, LOCALITY_EXACT));
}

Test(postcodes, a_file_without_neighbourhood_codes_gives_positions)
{
    import_all("postcode,positional_quality,easting,northing,country_code,district_code,ward_code\n"
               "PL1 1AA,10,248005,54543,E92000001,E06000026,E05013981\nPL1 1AB,10,248007,54545,E92000001,,\n",
               "1");
    struct place place = find("PL1 1AA");
    cr_assert(eq(int, place.locality, LOCALITY_EXACT));
    cr_assert_str_eq(place.neighbourhood_code, "");
    cr_assert(eq(i32, place.position.northing, 54543));
    place = find("PL1 1ZZ");
    cr_assert(eq(int, place.locality, LOCALITY_SECTOR));
    cr_assert_str_eq(place.neighbourhood_code, "");
    cr_assert(eq(i32, place.position.easting, 248006));
}

/* Postcodes of PL1 to PL9, all in one neighbourhood; the caller frees. */
static char *many(int count, const char *code)
{
    static const char letters[] = "ABDEFGHJLNPQRSTUWXYZ";
    char *text = malloc((size_t)count * 40 + sizeof HEADER), *at = text + sprintf(text, HEADER);

    for (int i = 0; i < count; i++)
        at += sprintf(at, "PL%d %d%c%c,%d,1000,%s,2\n", 1 + i % 9, i / 9 % 10, letters[i / 90 / 20],
                      letters[i / 90 % 20], 1000 + i, code);
    return text;
}

static int64_t import_many(const struct place_sink *sink, int count, const char *code, const char *edition)
{
    char *text = many(count, code);
    int64_t postcodes = import_through(sink, text, edition);

    free(text);
    return postcodes;
}

/* A sink that writes each batch and looks around before and after each commit; stops after so many. */
struct watch {
    const char *before, *after; /* neighbourhoods of the old and the new edition */
    int batches, most;
};

static bool holds(struct transaction *transaction, const char *postcode, enum locality locality, const char *code)
{
    struct place place;

    cr_assert(eq(int, postcodes_find(store, transaction, (struct text){postcode, strlen(postcode)}, &place), STORE_OK));
    return strcmp(place.neighbourhood_code, code) == 0 &&
           place.locality == (code[0] == '\0' ? LOCALITY_UNKNOWN : locality);
}

static void expect_all_of(struct transaction *transaction, const char *code)
{
    static const struct {
        const char *postcode;
        enum locality locality;
    } known[] = {
        {"PL1 0AA", LOCALITY_EXACT},  {"PL5 3AB", LOCALITY_EXACT},  {"PL9 9AW", LOCALITY_EXACT},
        {"PL1 0ZZ", LOCALITY_SECTOR}, {"PL9 0ZZ", LOCALITY_SECTOR},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        cr_assert(holds(transaction, known[i].postcode, known[i].locality, code), "%s is not in %s", known[i].postcode,
                  code);
}

static bool write_and_look(void *argument, struct place_batch **batch)
{
    struct watch *watch = argument;
    struct transaction *transaction = store_begin(store, true, NULL);
    const char *code = place_batch_edition(*batch) ? watch->after : watch->before;

    expect_all_of(transaction, watch->before);
    cr_assert(eq(int, postcodes_write(store, transaction, *batch), STORE_OK));
    expect_all_of(transaction, code);
    cr_assert(eq(int, store_commit(store, &transaction), STORE_OK));
    place_batch_free(batch);
    transaction = store_begin(store, false, NULL);
    expect_all_of(transaction, code);
    store_abort(store, &transaction);
    return ++watch->batches != watch->most;
}

Test(postcodes, one_edition_is_in_force_until_the_last_row_of_the_next_one_is_written)
{
    static const char *const codes[] = {"", "E1", "E2", "E3", "E4"};

    for (int i = 1; i <= 4; i++) {
        struct watch watch = {.before = codes[i - 1], .after = codes[i]};
        const struct place_sink sink = {write_and_look, &watch};
        cr_assert(eq(i64, import_many(&sink, 2500, codes[i], codes[i]), 2500), "%s", why);
        cr_assert(eq(int, watch.batches, 3));
        expect_edition(codes[i]);
    }
}

Test(postcodes, what_an_import_that_was_cut_off_left_behind_counts_for_no_later_one)
{
    struct watch watch = {.before = "E1", .after = "E2", .most = 2};
    const struct place_sink sink = {write_and_look, &watch};

    cr_assert(eq(i64, import_many(NULL, 2500, "E1", "1"), 2500));
    for (int cut_off = 0; cut_off < 3; cut_off++) {
        watch.batches = 0;
        cr_assert(eq(i64, import_many(&sink, 3500, "E2", "2"), -1));
        cr_assert_str_eq(why, "", "who stops an import knows why");
        expect_edition("1");
    }
    for (int again = 0; again < 2; again++) {
        import_all(HEADER "PL3 3AA,100,1000,E3,2\n", "3");
        cr_assert(eq(int, find("PL1 0AA").locality, LOCALITY_UNKNOWN));
        cr_assert(eq(int, find("PL3 3AA").locality, LOCALITY_EXACT));
    }
}

Test(postcodes, a_store_without_room_is_told_and_keeps_a_fifth_for_referrals)
{
    uint64_t used, limit;

    memory_faults.limit_bytes = 600000;
    cr_assert(eq(i64, import_many(NULL, 30000, "E1", "1"), -1));
    cr_assert(strstr(why, "raise store_limit") != NULL, "%s", why);
    store_usage(store, &used, &limit);
    cr_assert(lt(u64, used, 480000));
    expect_edition("");
}

Test(postcodes, a_store_that_does_not_commit_is_told)
{
    memory_faults.next_commit = MEMORY_FAULT_UNAVAILABLE;
    cr_assert(eq(i64, import_text(HEADER "PL1 1AA,100,1000,E1,2\n", "1"), -1));
    cr_assert(strstr(why, "the store says") != NULL, "%s", why);
    expect_edition("");
}

Test(postcodes, a_damaged_edition_record_is_told_and_not_taken_for_none)
{
    import_all(HEADER "PL1 1AA,100,1000,E1,2\n", "1");
    cr_assert(store_memory_flip_bit(store, TABLE_META, META_EDITION, 0));
    struct place place;
    struct transaction *transaction = store_begin(store, false, NULL);
    cr_assert(eq(int, postcodes_find(store, transaction, (struct text){"PL1 1AA", 7}, &place), STORE_DAMAGED));
    store_abort(store, &transaction);
}

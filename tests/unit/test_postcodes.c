/* SPDX-License-Identifier: MIT
 * postcodes: the shipped file imports, look-ups fall back to sector and district, and a bad file changes nothing. */
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

static int64_t import_text(const char *text, const char *edition)
{
    char path[] = "/tmp/postcodes-XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");

    fputs(text, file);
    fclose(file);
    why[0] = '\0';
    int64_t postcodes = postcodes_import(store, path, edition, why, sizeof why);
    unlink(path);
    return postcodes;
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
    cr_assert(eq(i64,
                 postcodes_import(store, SOURCE_DIR "/etc/data/postcodes_plymouth.csv", "2025-11", why, sizeof why),
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

Test(postcodes, a_transaction_never_holds_more_than_five_thousand_rows)
{
    struct store_engine counting = *store->engine;

    engine = store->engine;
    counting.place_put = count_put;
    counting.commit = count_commit;
    store->engine = &counting;
    cr_assert(gt(i64, postcodes_import(store, SOURCE_DIR "/etc/data/postcodes_plymouth.csv", "1", why, sizeof why), 0));
    store->engine = engine;
    cr_assert(eq(int, puts_at_once_most, 5000));
}

Test(postcodes, a_missing_file_is_told)
{
    cr_assert(eq(i64, postcodes_import(store, "/nowhere.csv", "1", why, sizeof why), -1));
    cr_assert(strstr(why, "No such file") != NULL, "%s", why);
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

Test(postcodes, an_import_that_fails_names_no_edition_and_the_next_one_starts_afresh)
{
    import_all(HEADER "PL1 1AA,100,1000,E1,2\n", "1");
    cr_assert(eq(i64, import_text(HEADER "PL1 1AB,100,1000,E1,2\nbad\n", "2"), -1));
    expect_edition("");
    import_all(HEADER "PL3 3AA,100,1000,E3,2\n", "3");
    expect_edition("3");
    cr_assert(eq(int, find("PL1 1AB").locality, LOCALITY_UNKNOWN));
    cr_assert(eq(int, find("PL3 3AA").locality, LOCALITY_EXACT));
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

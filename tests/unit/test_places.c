/* SPDX-License-Identifier: MIT
 * places: an import while the daemon serves: the turn writes what the importing thread reads, everybody who is held is
 * judged by the new edition, and the thread itself does what it is asked. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/importer.h"
#include "daemon/io/network_file.h"
#include "daemon/io/postcodes.h"
#include "daemon/io/record.h"
#include "daemon/io/store_lmdb.h"
#include "daemon/shelf.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"
#include "tests/spoken.h"

#define NOW (PEOPLE_AUTHORED_MS + 3600000)
#define HEADER "postcode,easting,northing,msoa21_code\n"

#define NETWORK(name)                                                                                                  \
    "name = \"" name "\"; rings = [ \"home\" ]; nearest = \"1km\";\n"                                                  \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; },\n"                \
    "                   { code = \"south\"; name = \"South\"; easting = 248000; northing = 54000; } );\n"              \
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000;\n"              \
    "   areas = [ \"north\" ]; services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 9; } ); } );\n"  \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"

static const char network_text[] = NETWORK("Test");
static const char other_text[] = NETWORK("Other");

static struct turn_options options = {.window = 100, .retry_after_ms = 500, .push_again_ms = 10000, .version = "test"};
static struct store_memory_faults faults;
static struct store *store;
static struct seal *seal;
static struct turn *turn;
static struct outbox outbox;
static struct decoder *decoder;
static char directory[] = "/tmp/test-places-XXXXXX"; /* of a store on the disk, and of files */
static char why[300];
static int64_t clock_ms;

static void open_turn(void)
{
    static struct config_faults config;
    static uint8_t seed[32];
    const uint8_t master[SEAL_KEY_BYTES] = {1};
    struct network *network = network_parse("test", network_text, strlen(network_text), &config);

    cr_assert(network != NULL, "%s", config.lines[0]);
    seed[0]++;
    seal = seal_open(master, seed);
    turn = turn_open(store, seal, &network, network_text, strlen(network_text), &options, clock_ms, why, sizeof why);
    cr_assert(turn != NULL, "%s", why);
}

static void close_turn(void)
{
    turn_close(&turn);
    seal_close(&seal);
}

static void remove_file(const char *name)
{
    char path[100];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    unlink(path);
}

static void open_directory(void)
{
    cr_assert(mkdtemp(directory) != NULL);
    clock_ms = NOW;
    decoder = decoder_open();
}

static void close_all(void)
{
    close_turn();
    store_close(&store);
    outbox_free(&outbox);
    decoder_close(&decoder);
    remove_file("data.mdb");
    remove_file("lock.mdb");
    remove_file("lock");
    remove_file("redo.0");
    remove_file("redo.1");
    remove_file("old.csv");
    remove_file("new.csv");
    cr_assert(eq(int, rmdir(directory), 0));
}

static void open_in_memory(void)
{
    open_directory();
    store = store_memory_open(&faults);
    open_turn();
}

static void wake_nobody(void *none)
{
    (void)none;
}

static void open_on_disk(void)
{
    open_directory();
    store = store_lmdb_open(directory, 64 << 20, why, sizeof why);
    cr_assert(store != NULL, "%s", why);
    open_turn();
    cr_assert(eq(int, store_settle(store), STORE_OK)); /* the importer's thread reads */
    store_when_wanted(store, wake_nobody, NULL);       /* the turns of these tests come without */
}

TestSuite(places, .init = open_in_memory, .fini = close_all);
TestSuite(importer, .init = open_on_disk, .fini = close_all);

/* Postcodes of the neighbourhood: so many, then the one where the people of these tests live, and a bad row if wanted.
 * The path stays until the next but one. */
static const char *write_file(const char *name, int count, const char *neighbourhood, const char *bad)
{
    static const char letters[] = "ABDEFGHJLNPQRSTUWXYZ";
    static char paths[2][100];
    static unsigned next;
    char *path = paths[next++ % 2];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    fputs(HEADER, file);
    for (int i = 0; i < count; i++)
        fprintf(file, "AB%d %d%c%c,300000,800000,%s\n", 1 + i % 9, i / 9 % 10, letters[i / 90 / 20],
                letters[i / 90 % 20], neighbourhood);
    fprintf(file, PEOPLE_POSTCODE ",248000,56000,%s\n%s", neighbourhood, bad);
    fclose(file);
    return path;
}

static enum store_result run_turn(void)
{
    outbox_clear(&outbox);
    enum store_result result = turn_run(turn, clock_ms, NULL, 0, &outbox);
    return result == STORE_OK ? store_settle(store) : result;
}

static bool is_in_force(const char *edition)
{
    char in_force[41];
    struct transaction *transaction = store_begin(store, false, NULL);

    postcodes_edition(store, transaction, in_force);
    store_abort(store, &transaction);
    return strcmp(in_force, edition) == 0;
}

static void expect_edition(const char *edition)
{
    cr_assert(is_in_force(edition), "not %s", edition);
}

static int fails_at; /* the commit of this batch comes to the fault; 0: none */
static enum memory_fault fails_with;

/* The importing thread and the turn in one: each batch is laid down, written and committed. */
static bool lay_down_and_run(void *argument, struct place_batch **batch)
{
    int *batches = argument;
    struct place_batch *none = NULL;

    if (!turn_take_places(turn, batch))
        return false;
    cr_assert_null(*batch, "it is taken");
    if (++*batches == fails_at)
        faults.next_commit = fails_with;
    if (fails_at < 0)
        faults.fail_call = (uint64_t)-fails_at;
    return run_turn() == STORE_OK && turn_take_places(turn, &none);
}

static int64_t import(const char *path, const char *edition, int *batches)
{
    const struct place_sink sink = {lay_down_and_run, batches};

    *batches = 0;
    return postcodes_import(store, path, edition, &sink, why, sizeof why);
}

static bool write_at_once(void *argument, struct place_batch **batch)
{
    struct transaction *transaction = store_begin(store, true, NULL);

    (void)argument;
    cr_assert(eq(int, postcodes_write(store, transaction, *batch), STORE_OK));
    place_batch_free(batch);
    return store_commit(store, &transaction) == STORE_OK;
}

/* As before the daemon serves. */
static void import_behind_its_back(const char *path, const char *edition)
{
    const struct place_sink sink = {write_at_once, NULL};

    cr_assert(eq(i64, postcodes_import(store, path, edition, &sink, why, sizeof why), 11), "%s", why);
}

static void make_submit(struct message *message, unsigned seed)
{
    person_submit(message, seed, PEOPLE_POSTCODE);
    struct value *need = message_set_list(message, FIELD_needs, 1);
    need[MEMBER_code].present = true;
    need[MEMBER_code].number = NEED_BEFRIENDING;
    message_set_string(message, FIELD_safeguarding_code, "861931000000100");
    message_set_string(message, FIELD_neighbourhood_code, "elsewhere");
}

static void say_as(const char *party, enum role role, const struct message *message)
{
    static struct spoken spoken;
    struct fault fault;

    cr_assert(speak(&spoken, decoder, 1, role, party, message, &fault), "%s", fault.field);
    outbox_clear(&outbox);
    cr_assert(eq(int, turn_run(turn, clock_ms, &spoken.request, 1, &outbox), STORE_OK));
}

static void say(const struct message *message)
{
    say_as("gp", ROLE_SENDER, message);
}

static void submit(unsigned seed)
{
    struct message message;

    make_submit(&message, seed);
    say(&message);
}

static struct referral stored(uint64_t number)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct transaction *transaction = store_begin(store, false, NULL);
    struct referral referral;
    const void *bytes = NULL;
    size_t length = 0;

    cr_assert(eq(int, store_get(store, transaction, TABLE_REFERRAL, number, &bytes, &length), STORE_OK));
    cr_assert(unseal_bytes(seal, TABLE_REFERRAL, number, bytes, length, plain));
    cr_assert(record_read_referral(plain, length - SEAL_OVERHEAD, &referral));
    store_abort(store, &transaction);
    return referral;
}

static struct totals totals(void)
{
    struct totals all;

    turn_totals(turn, &all);
    return all;
}

Test(places, a_batch_is_written_by_the_next_turn_and_the_last_one_puts_the_edition_in_force)
{
    int batches;

    cr_assert(eq(i64, import(write_file("new.csv", 2500, "north", ""), "1", &batches), 2501), "%s", why);
    cr_assert(eq(int, batches, 3));
    expect_edition("1");
    submit(1);
    cr_assert(eq(u64, totals().offered, 1));
}

Test(places, who_could_not_be_found_is_looked_up_in_the_new_edition_and_judged_anew)
{
    int batches;

    submit(1);
    submit(2);
    cr_assert(eq(u64, totals().attention, 2));
    cr_assert(eq(i64, import(write_file("new.csv", 10, "north", ""), "1", &batches), 11), "%s", why);
    cr_assert(eq(u64, totals().attention, 0));
    cr_assert(eq(u64, totals().offered, 2));
}

static const char *write_rows_of(const char *name, const char *header, const char *rows)
{
    static char path[100];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    fprintf(file, "%s%s", header, rows);
    fclose(file);
    return path;
}

/* A file of these rows alone. */
static const char *write_rows(const char *name, const char *rows)
{
    return write_rows_of(name, HEADER, rows);
}

/* The person of the tests lives in a sector, or a district, of which the edition has another postcode. */
static void expect_found_better(const char *roughly, enum locality expected)
{
    int batches;
    const char *south = write_rows("old.csv", roughly);

    cr_assert(eq(i64, import(south, "1", &batches), 1), "%s", why);
    submit(1);
    cr_assert(eq(u64, totals().attention, 1), "no hub is for the south");
    cr_assert(eq(int, stored(1).profile.locality, expected));
    import(write_file("new.csv", 10, "north", ""), "2", &batches);
    cr_assert(eq(u64, totals().attention, 0));
    cr_assert(eq(u64, totals().offered, 1));
}

Test(places, who_was_found_by_the_sector_alone_is_looked_up_again)
{
    expect_found_better("PL1 1ZZ,248000,54000,south\n", LOCALITY_SECTOR);
}

Test(places, who_was_found_by_the_district_alone_is_looked_up_again)
{
    expect_found_better("PL1 9ZZ,248000,54000,south\n", LOCALITY_DISTRICT);
}

Test(places, who_was_found_by_the_nearest_neighbourhood_is_looked_up_again)
{
    expect_found_better(PEOPLE_POSTCODE ",248000,54000,\n", LOCALITY_NEAREST);
}

Test(places, who_was_found_roughly_stays_there_when_the_new_edition_does_not_know_them)
{
    int batches;

    import(write_rows("old.csv", "PL1 1ZZ,248000,54000,south\n"), "1", &batches);
    submit(1);
    import(write_rows("new.csv", "AB1 1ZZ,248000,56000,north\n"), "2", &batches);
    cr_assert(eq(u64, totals().attention, 1));
    cr_assert(eq(int, stored(1).profile.locality, LOCALITY_SECTOR));
    cr_assert_str_eq(stored(1).neighbourhood_code, "south");
}

Test(places, who_was_found_exactly_stays_there_whatever_the_new_edition_says)
{
    int batches;

    import(write_rows("old.csv", PEOPLE_POSTCODE ",248000,54000,south\n"), "1", &batches);
    submit(1);
    import(write_rows("new.csv", PEOPLE_POSTCODE ",248000,56000,north\n"), "2", &batches);
    cr_assert(eq(u64, totals().attention, 1));
    cr_assert_str_eq(stored(1).neighbourhood_code, "south");
}

Test(places, who_was_found_roughly_is_found_otherwise_although_no_hub_is_there)
{
    static const char header[] = "postcode,easting,northing,msoa21_code,imd_decile\n";
    static const char *const rows[] = {"248000,54000,south,3",  "248001,54000,south,3",  "248001,54001,south,3",
                                       "248001,54001,beyond,3", "248001,54001,yonder,3", "248001,54001,yonder,3"};
    char row[100];
    int batches;

    import(write_rows("old.csv", "PL1 1ZZ,248000,54000,south\n"), "1", &batches);
    submit(1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(row, sizeof row, "PL1 1ZZ,%s\n", rows[i]);
        import(write_rows_of("new.csv", header, row), (const char[]){(char)('2' + i), 0}, &batches);
        struct referral referral = stored(1);
        snprintf(row, sizeof row, "%u,%u,%s,%u", referral.profile.position.easting, referral.profile.position.northing,
                 referral.neighbourhood_code, referral.profile.decile);
        cr_expect_str_eq(row, rows[i]);
        cr_expect(eq(u64, totals().attention, 1));
    }
    import(write_rows_of("new.csv", header, PEOPLE_POSTCODE ",248001,54001,yonder,3\n"), "9", &batches);
    cr_expect(eq(int, stored(1).profile.locality, LOCALITY_EXACT), "at the same place, and known to be");
}

Test(places, whose_content_cannot_be_read_is_not_looked_up_again)
{
    int batches;

    submit(1);
    submit(2); /* not where the one before them lives */
    cr_assert(store_memory_flip_bit(store, TABLE_CONTENT, 2, 300));
    import(write_file("new.csv", 10, "north", ""), "1", &batches);
    cr_expect(eq(u64, totals().attention, 1));
    cr_expect(eq(u64, totals().offered, 1));
}

Test(places, who_told_no_postcode_is_known_by_the_rest_of_what_they_told)
{
    struct message message;
    int batches;

    make_submit(&message, 1);
    message_unset(&message, FIELD_postcode);
    message_set_string(&message, FIELD_gp_practice_ods, "Y99999");
    say(&message);
    import(write_file("new.csv", 10, "north", ""), "1", &batches);
    cr_expect(eq(u64, totals().attention, 1));
    cr_expect(eq(int, stored(1).profile.locality, LOCALITY_UNKNOWN));
}

Test(places, what_an_operator_applied_is_kept_as_it_is_when_the_first_edition_comes)
{
    struct shelf *shelf = shelf_open();
    size_t bytes = 0;
    struct message message;

    close_turn();
    options.shelf = shelf;
    open_turn();
    uint32_t number = shelf_add(shelf, 1, 0, other_text, strlen(other_text), true, &bytes);
    shelf_compared(shelf, number, 1, 0);
    message_init(&message, MESSAGE_apply);
    message_set_uuid(&message, FIELD_request_id, (const uint8_t[UUID_BYTES]){4});
    message_set_number(&message, FIELD_draft, number);
    message_set_string(&message, FIELD_note, "a test");
    say_as("uid-1000", ROLE_OPERATOR, &message);
    import_behind_its_back(write_file("new.csv", 10, "north", ""), "1");
    close_turn();
    open_turn();
    const struct network *network = turn_hold_network(turn);
    cr_expect_str_eq(network->name, "Other");
    cr_expect(eq(u32, network->version, 3));
    cr_expect(eq(i64, network->applied_at, NOW));
    turn_release_network(turn, &network);
    close_turn();
    options.shelf = NULL;
    open_turn();
    shelf_close(&shelf);
}

Test(places, a_new_edition_waits_for_a_network_that_can_be_read)
{
    int batches;

    cr_assert(store_memory_flip_bit(store, TABLE_NETWORK, 1, 300));
    cr_expect(eq(i64, import(write_file("new.csv", 10, "north", ""), "1", &batches), -1));
    expect_edition("");
    cr_assert(store_memory_flip_bit(store, TABLE_NETWORK, 1, 300));
    turn_refuse_places(turn);
}

Test(places, a_batch_that_cannot_be_written_ends_the_import)
{
    struct place_batch *none = NULL;
    int batches;

    fails_at = -1;
    cr_expect(eq(i64, import(write_file("new.csv", 10, "north", ""), "1", &batches), -1));
    cr_expect(not(turn_take_places(turn, &none)));
    expect_edition("");
    fails_at = 0;
}

Test(places, a_new_edition_leaves_places_and_the_age_of_their_figures_as_they_are)
{
    const struct network *before = turn_hold_network(turn);
    int batches;

    import(write_file("old.csv", 10, "north", ""), "1", &batches);
    submit(1);
    clock_ms += 3600000;
    import(write_file("new.csv", 10, "south", ""), "2", &batches);
    const struct network *after = turn_hold_network(turn);
    struct places *places = turn_copy_places(turn, after);
    cr_assert(eq(i64, after->applied_at, NOW));
    cr_assert(eq(i64, before->applied_at, NOW), "who reads the network before may read on");
    cr_assert(eq(u32, before->version, 1));
    cr_assert(eq(u32, after->version, 3));
    cr_assert(eq(u32, places[0].used, 1));
    cr_assert(eq(u32, places[0].total, 9));
    free(places);
    turn_release_network(turn, &before);
    turn_release_network(turn, &after);
    close_turn();
    open_turn();
    after = turn_hold_network(turn);
    cr_assert(eq(i64, after->applied_at, NOW));
    turn_release_network(turn, &after);
}

Test(places, a_daemon_that_dies_before_it_has_judged_by_a_new_edition_does_so_after_the_restart)
{
    int batches;

    submit(1);
    import_behind_its_back(write_file("new.csv", 10, "north", ""), "1");
    for (int i = 0; i < 2; i++) { /* the first start keeps the version and dies */
        close_turn();
        open_turn();
    }
    run_turn();
    cr_assert(eq(u64, totals().attention, 0));
    cr_assert(eq(u64, totals().offered, 1));
    import(write_file("old.csv", 10, "north", ""), "2", &batches);
    cr_assert(eq(u64, totals().offered, 1));
}

Test(places, who_was_found_stays_where_they_were_found_and_new_people_are_found_by_the_new_edition)
{
    int batches;

    import(write_file("new.csv", 10, "north", ""), "1", &batches);
    submit(1);
    cr_assert(eq(u64, totals().offered, 1));
    import(write_file("new.csv", 10, "south", ""), "2", &batches);
    submit(2);
    cr_assert(eq(u64, totals().offered, 1));
    cr_assert(eq(u64, totals().attention, 1));
}

Test(places, the_decision_of_a_new_edition_is_another_version_of_the_network)
{
    int batches;
    const struct network *before = turn_hold_network(turn);
    uint32_t version = before->version;

    turn_release_network(turn, &before);
    import(write_file("new.csv", 10, "north", ""), "1", &batches);
    const struct network *after = turn_hold_network(turn);
    cr_assert(eq(u32, after->version, version + 1));
    turn_release_network(turn, &after);
    close_turn();
    open_turn();
    after = turn_hold_network(turn);
    cr_assert(eq(u32, after->version, version + 1), "a restart by the same edition makes no other version");
    turn_release_network(turn, &after);
}

static void die_at_batch(int batch, enum memory_fault fault)
{
    int batches;

    fails_at = batch;
    fails_with = fault;
    cr_assert(eq(i64, import(write_file("new.csv", 2500, "south", ""), "2", &batches), -1));
    fails_at = 0;
    close_turn();
    store_memory_crash(store);
    store_memory_reopen(store);
    open_turn();
}

Test(places, whichever_commit_of_an_import_kills_the_daemon_one_edition_is_in_force_after_the_restart)
{
    int batches;

    import(write_file("new.csv", 10, "north", ""), "1", &batches);
    for (int batch = 1; batch <= 3; batch++) {
        die_at_batch(batch, MEMORY_FAULT_UNKNOWN_LOST);
        expect_edition("1");
    }
    submit(1);
    cr_assert(eq(u64, totals().offered, 1));
    for (int batch = 1; batch <= 3; batch++) {
        die_at_batch(batch, MEMORY_FAULT_UNKNOWN_STORED);
        expect_edition(batch < 3 ? "1" : "2");
    }
    submit(2);
    cr_assert(eq(u64, totals().attention, 1));
}

Test(places, a_turn_that_refuses_them_lets_nobody_wait)
{
    struct place_batch *none = NULL;
    int batches;

    turn_refuse_places(turn);
    cr_assert(not(turn_take_places(turn, &none)));
    cr_assert(eq(i64, import(write_file("new.csv", 10, "north", ""), "1", &batches), -1));
    cr_assert_str_eq(why, "");
    expect_edition("");
}

/* The importing thread. */

static sem_t wakes;

static void wake(void *argument)
{
    sem_post(argument);
}

static struct importer *begin(void)
{
    sem_init(&wakes, 0, 0);
    struct importer *importer = importer_open(store, turn, wake, &wakes);
    cr_assert(importer != NULL);
    return importer;
}

/* Returns how many turns the thread has asked for. */
static int serve_until(const char *edition)
{
    int turns = 0;

    while (!is_in_force(edition)) {
        sem_wait(&wakes);
        cr_assert(eq(int, run_turn(), STORE_OK));
        turns++;
    }
    return turns;
}

Test(importer, the_thread_reads_and_the_turn_writes)
{
    struct importer *importer = begin();

    importer_want(importer, write_file("new.csv", 2500, "north", ""), "1");
    cr_assert(eq(int, serve_until("1"), 3));
    importer_close(&importer);
    submit(1);
    cr_assert(eq(u64, totals().offered, 1));
}

Test(importer, a_bad_file_is_given_up_and_the_next_wish_is_heard)
{
    struct importer *importer = begin();

    importer_want(importer, write_file("old.csv", 2500, "north", "bad\n"), "1");
    for (int i = 0; i < 2; i++) {
        sem_wait(&wakes);
        cr_assert(eq(int, run_turn(), STORE_OK));
    }
    importer_want(importer, write_file("new.csv", 500, "north", ""), "2");
    cr_assert(eq(int, serve_until("2"), 1));
    importer_close(&importer);
}

Test(importer, closing_ends_an_import_in_the_middle_and_the_next_one_begins_anew)
{
    struct importer *importer = begin();

    importer_want(importer, write_file("old.csv", 2500, "north", ""), "1");
    sem_wait(&wakes);
    cr_assert(eq(int, run_turn(), STORE_OK));
    sem_wait(&wakes);
    importer_close(&importer);
    cr_assert(eq(int, run_turn(), STORE_OK), "what was laid down may still be written");
    expect_edition("");
    close_turn();
    open_turn();
    importer = begin();
    importer_want(importer, write_file("new.csv", 10, "south", ""), "2");
    serve_until("2");
    importer_close(&importer);
    submit(1);
    cr_assert(eq(u64, totals().offered, 0));
}

/* A file that its reader waits for, and that tells when it is opened. */
static const char *make_pipe(const char *name)
{
    static char paths[2][100];
    static unsigned next;
    char *path = paths[next++ % 2];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    cr_assert(eq(int, mkfifo(path, 0600), 0));
    return path;
}

static void fill_pipe(const char *path)
{
    FILE *file = fopen(path, "w");

    cr_assert(file != NULL);
    fputs(HEADER PEOPLE_POSTCODE ",248000,56000,north\n", file);
    fclose(file);
}

Test(importer, what_a_turn_refuses_is_given_up_and_the_next_wish_is_heard)
{
    struct importer *importer = begin();
    const char *first = make_pipe("old.csv"), *second = make_pipe("new.csv");

    turn_refuse_places(turn);
    importer_want(importer, first, "1");
    fill_pipe(first);
    importer_want(importer, second, "2");
    fill_pipe(second); /* it is opened when the first is done with */
    importer_close(&importer);
    expect_edition("");
}

Test(importer, an_edition_that_cannot_be_asked_for_is_imported)
{
    struct importer *importer = begin();
    const char *path = make_pipe("old.csv");
    struct store *disk = store;

    turn_refuse_places(turn);
    importer_close(&importer);
    store = store_memory_open(NULL);
    store_memory_crash(store);
    importer = begin();
    importer_want(importer, path, "1");
    fill_pipe(path);
    importer_close(&importer);
    store_close(&store);
    store = disk;
}

Test(importer, without_a_thread_there_is_none)
{
    pthread_attr_t attributes;
    struct importer *importer;

    pthread_attr_init(&attributes);
    cr_assert(eq(int, pthread_attr_setstacksize(&attributes, (size_t)1 << 47), 0)); /* more than there is */
    cr_assert(eq(int, pthread_setattr_default_np(&attributes), 0));
    importer = importer_open(store, turn, wake, &wakes);
    cr_expect(importer == NULL);
    importer_close(&importer);
    pthread_attr_destroy(&attributes);
}

/* SPDX-License-Identifier: MIT
 * A start from a damaged store: what is damaged is told as what it is, and is not served as long as the daemon runs;
 * the rest goes on. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "tests/talk.h"

#define TOWN(name)                                                                                                     \
    "name = \"" name "\"; neighbour_distance = \"2km\";\n"                                                             \
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"                                      \
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"              \
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000;"                \
    " areas = [ \"north\" ]; services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 9; } ); } );\n"

static const char town[] = TOWN("Town");
static const char renamed[] = TOWN("Renamed");
static const char applied[] = TOWN("Applied");

static char why[300];

static void begin(void)
{
    talk_begin(town);
    talk_hello("gp");
    talk_hello("oak");
}

TestSuite(damage, .init = begin, .fini = talk_end);

/* The daemon dies, and is started with this network file and master key. */
static bool starts(const char *text, uint8_t key)
{
    static struct config_faults faults;
    const uint8_t master[SEAL_KEY_BYTES] = {key};
    struct network *network = network_parse("test", text, strlen(text), &faults);

    cr_assert(network, "%s", faults.lines[0]);
    turn_close(&talk_turn);
    seal_close(&talk_seal);
    store_memory_crash(talk_store);
    store_memory_reopen(talk_store);
    why[0] = '\0';
    talk_seal = seal_open(master, (const uint8_t[32]){99});
    talk_turn =
        turn_open(talk_store, talk_seal, &network, text, strlen(text), &talk_options, talk_now, why, sizeof why);
    network_free(&network);
    return talk_turn != NULL;
}

static void expect_refused(const char *text, uint8_t key, const char *words)
{
    cr_assert_not(starts(text, key), "it starts");
    cr_assert(strstr(why, words), "%s", why);
}

static void take_away(enum table table, uint64_t key)
{
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    cr_assert_eq(store_del(talk_store, transaction, table, key), STORE_OK);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

static void flip(enum table table, uint64_t key)
{
    cr_assert(store_memory_flip_bit(talk_store, table, key, 300));
}

static bool is_in_force(const char *name)
{
    const struct network *network = turn_hold_network(talk_turn);
    bool is = strcmp(network->name, name) == 0;

    turn_release_network(talk_turn, &network);
    return is;
}

static enum refusal answer_to(const char *party, enum message_type type, int64_t referral)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    if (type == MESSAGE_accept)
        message_set_number(&message, FIELD_offer_number, 1);
    else
        message_set_number(&message, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    talk_say(party, &message);
    return talk_refused(party);
}

/* A page that has changed since the start, or a key that is found in one way and not in another. */
Test(damage, a_referral_that_the_start_could_not_read_stays_refused_when_it_can_be_read_again)
{
    for (unsigned i = 1; i <= 3; i++)
        talk_submit(i, NEED_BEFRIENDING);
    flip(TABLE_REFERRAL, 2);
    talk_restart(town);
    struct totals before = talk_totals();
    cr_assert_eq(before.damaged, 1);
    cr_assert_eq(before.stored, 2);
    flip(TABLE_REFERRAL, 2);
    cr_expect_eq(answer_to("oak", MESSAGE_accept, 2), REFUSAL_NOT_FOUND);
    cr_expect_eq(answer_to("gp", MESSAGE_cancel, 2), REFUSAL_NOT_FOUND);
    cr_expect_eq(answer_to("oak", MESSAGE_accept, 3), REFUSAL_NONE);
    cr_expect_eq(talk_totals().open, before.open);
    talk_restart(town);
    cr_expect_eq(talk_totals().damaged, 0);
    cr_expect_eq(talk_totals().stored, 3);
}

Test(damage, a_referral_that_is_missing_counts_as_damaged)
{
    for (unsigned i = 1; i <= 3; i++)
        talk_submit(i, NEED_BEFRIENDING);
    take_away(TABLE_REFERRAL, 1);
    take_away(TABLE_REFERRAL, 3);
    talk_restart(town);
    cr_expect_eq(talk_totals().damaged, 2);
    cr_expect_eq(talk_totals().stored, 1);
    cr_expect_eq(answer_to("oak", MESSAGE_accept, 2), REFUSAL_NONE);
    cr_expect_eq(talk_submit(4, NEED_BEFRIENDING), 4, "its number is not given again");
}

Test(damage, a_party_that_is_missing_stops_the_start)
{
    talk_submit(1, NEED_BEFRIENDING);
    take_away(TABLE_PARTY, 1);
    expect_refused(town, 1, "a party's record is damaged");
}

Test(damage, the_newest_party_that_is_missing_stops_the_start)
{
    take_away(TABLE_PARTY, talk_head().party);
    expect_refused(town, 1, "a party's record is damaged");
}

Test(damage, a_party_that_is_damaged_stops_the_start)
{
    flip(TABLE_PARTY, 1);
    expect_refused(town, 1, "a party's record is damaged");
}

Test(damage, a_damaged_mark_is_not_told_as_another_master_key)
{
    expect_refused(town, 2, "not sealed with this master key");
    cr_assert(starts(town, 1), "%s", why);
    flip(TABLE_META, META_FORMAT);
    expect_refused(town, 1, "the mark of the store is damaged");
    flip(TABLE_META, META_FORMAT);
    take_away(TABLE_META, META_FORMAT);
    expect_refused(town, 1, "the mark of the store is damaged");
}

Test(damage, a_store_without_its_head_is_not_taken_for_a_new_one)
{
    talk_submit(1, NEED_BEFRIENDING);
    take_away(TABLE_META, META_HEAD);
    expect_refused(town, 1, "the head of the store is damaged");
}

Test(damage, an_older_store_than_the_one_that_was_here_is_refused_and_stays_as_it_is)
{
    talk_submit(1, NEED_BEFRIENDING);
    talk_options.batch_least = turn_batch(talk_turn);
    cr_assert(starts(town, 1), "%s", why);
    talk_options.batch_least = turn_batch(talk_turn) + 1;
    uint64_t epoch = talk_head().epoch;
    for (int i = 0; i < 3; i++)
        expect_refused(town, 1, "the store is older than the one that was here");
    cr_assert_eq(talk_head().epoch, epoch, "a start that is refused leaves nothing behind");
    talk_options.batch_least = 0;
    cr_assert(starts(town, 1), "%s", why);
}

Test(damage, an_empty_store_where_there_was_one_is_refused)
{
    talk_options.batch_least = 1;
    talk_restart(town);
    store_close(&talk_store);
    talk_store = store_memory_open(&talk_faults);
    expect_refused(town, 1, "or empty");
}

Test(damage, the_file_stands_in_for_its_own_damaged_version)
{
    flip(TABLE_NETWORK, 1);
    cr_assert(starts(town, 1), "%s", why);
    cr_assert(is_in_force("Town"));
    cr_assert_eq(talk_head().network, 2, "a new version, for what is decided from now on");
}

Test(damage, a_damaged_version_that_an_operator_applied_is_not_replaced_by_an_old_file)
{
    talk_change(applied);
    flip(TABLE_NETWORK, 2);
    expect_refused(town, 1, "the network that an operator applied is damaged in the store");
    cr_assert(starts(renamed, 1), "%s", why);
    cr_assert(is_in_force("Renamed"));
}

Test(damage, what_an_operator_applied_stays_when_the_version_of_the_file_is_damaged)
{
    talk_change(applied);
    flip(TABLE_NETWORK, 1);
    cr_assert(starts(town, 1), "%s", why);
    cr_assert(is_in_force("Applied"));
}

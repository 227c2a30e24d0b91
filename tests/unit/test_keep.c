/* SPDX-License-Identifier: MIT
 * keep: records that have the wrong length or say nothing that can be read, although they open, and two things under
 * one hash. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/talk.h"

static const char town[] =
    "name = \"Town\"; neighbour_distance = \"2km\";\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );\n"
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; } );\n"
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; easting = 248100; northing = 56000;\n"
    "   areas = [ \"north\" ]; services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 9; } ); } );\n";

static void begin(void)
{
    talk_begin(town);
    talk_hello("gp");
    talk_hello("oak");
}

TestSuite(keep, .init = begin, .fini = talk_end);

/* ---- the store behind the turn's back ---- */

static void put_as_it_is(enum table table, uint64_t key, const void *bytes, size_t length)
{
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    cr_assert_eq(store_put(talk_store, transaction, table, key, bytes, length), STORE_OK);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

static void put(enum table table, uint64_t key, const void *plain, size_t length)
{
    static uint8_t sealed[2 * RECORD_BYTES_MAX];

    seal_bytes(talk_seal, (int)table, key, plain, length, sealed);
    put_as_it_is(table, key, sealed, length + SEAL_OVERHEAD);
}

/* The first record at the key or behind it; its length, or 0. */
static size_t get(enum table table, uint64_t *key, uint8_t plain[MESSAGE_BYTES_MAX])
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *bytes = NULL;
    size_t length = SEAL_OVERHEAD;

    if (store_seek(talk_store, transaction, table, false, key, &bytes, &length) == STORE_OK)
        cr_assert(unseal_bytes(talk_seal, (int)table, *key, bytes, length, plain));
    store_abort(talk_store, &transaction);
    return length - SEAL_OVERHEAD;
}

static enum refusal cancel(int64_t referral)
{
    struct message message;

    talk_begin_request(&message, MESSAGE_cancel);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    talk_say("gp", &message);
    return talk_refused("gp");
}

/* ---- what cannot be read ---- */

Test(keep, a_record_that_is_too_short_or_too_long_or_says_nothing_is_damaged)
{
    static const uint8_t bytes[2 * RECORD_BYTES_MAX] = {1};

    for (unsigned i = 1; i <= 4; i++)
        talk_submit(i, NEED_BEFRIENDING);
    talk_restart(town);
    put_as_it_is(TABLE_REFERRAL, 1, bytes, 3);
    put_as_it_is(TABLE_REFERRAL, 2, bytes, sizeof bytes);
    put(TABLE_REFERRAL, 3, bytes, 3);
    for (int64_t referral = 1; referral <= 3; referral++)
        cr_expect_eq(cancel(referral), REFUSAL_NOT_FOUND);
    cr_expect_eq(cancel(4), REFUSAL_NONE);
    talk_restart(town);
    cr_expect_eq(talk_totals().damaged, 3);
    cr_expect_eq(talk_totals().stored, 1);
}

Test(keep, the_file_stands_in_for_a_version_that_is_too_short)
{
    put_as_it_is(TABLE_NETWORK, 1, "abc", 3);
    talk_restart(town);
    cr_expect_eq(talk_head().network, 2);
}

static void expect_nobody_to_hand_over(int64_t referral)
{
    struct message message;

    talk_restart(town);
    talk_begin_request(&message, MESSAGE_accept);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_offer_number, 1);
    talk_say("oak", &message);
    cr_expect_eq(talk_refused("oak"), REFUSAL_DAMAGED);
}

Test(keep, of_a_content_that_says_nothing_nobody_is_handed_over)
{
    static const uint8_t bytes[SEAL_KEY_BYTES + 20] = {0xc1};
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);

    put(TABLE_CONTENT, (uint64_t)referral, bytes, SEAL_KEY_BYTES);
    expect_nobody_to_hand_over(referral);
    put(TABLE_CONTENT, (uint64_t)referral, bytes, sizeof bytes);
    expect_nobody_to_hand_over(referral);
}

/* The entry about the event says this, sealed or not; the sender is told after a restart. */
static const struct message *told_with(const struct entry *entry, const void *said, size_t length)
{
    uint8_t plain[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX];

    put(TABLE_HISTORY, entry->sequence, plain, record_write_entry(entry, said, length, plain));
    talk_restart(town);
    talk_hello("gp");
    return talk_heard("gp", MESSAGE_progressed, 0);
}

Test(keep, what_was_said_and_cannot_be_read_is_left_out_of_the_letter)
{
    uint8_t content[MESSAGE_BYTES_MAX], sealed[100] = {0};
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    struct entry entry;

    talk_answer("oak", MESSAGE_accept, referral, 1);
    talk_answer("oak", MESSAGE_start, referral, 1);
    talk_answer("oak", MESSAGE_progress, referral, 1);
    cr_assert(message_has(talk_heard("gp", MESSAGE_progressed, 0), FIELD_note));
    cr_assert(talk_entry(EVENT_PROGRESSED, &entry, NULL));
    uint64_t key = (uint64_t)referral;
    cr_assert(get(TABLE_CONTENT, &key, content));
    seal_bytes_with(talk_seal, content, TABLE_HISTORY, entry.sequence, "\xc1", 1, sealed);
    cr_expect_not(message_has(told_with(&entry, sealed, 1 + SEAL_OVERHEAD), FIELD_note));
    sealed[SEAL_OVERHEAD] ^= 1;
    cr_expect_not(message_has(told_with(&entry, sealed, 1 + SEAL_OVERHEAD), FIELD_note));
}

/* ---- what is kept of what was said ---- */

/* Of a case that ends so, as the sender is told it after a restart. */
static const struct message *ended_with(unsigned seed, enum field field)
{
    struct message message;
    int64_t referral = talk_submit(seed, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, referral, 1);
    talk_begin_request(&message, MESSAGE_complete);
    message_set_number(&message, FIELD_referral_id, referral);
    message_set_number(&message, FIELD_offer_number, 1);
    message_set_number(&message, FIELD_outcome, OUTCOME_GOT_HELP);
    struct value *list = message_set_list(&message, field, 1);
    if (field == FIELD_support_offered) {
        list[0] = (struct value){.present = true, .number = NEED_BEFRIENDING};
    } else {
        list[MEMBER_outcome_moment] = (struct value){.present = true, .number = MOMENT_BEFORE};
        list[MEMBER_outcome_measure] = (struct value){.present = true, .number = MEASURE_SWEMWBS};
        list[MEMBER_outcome_taken_on] = (struct value){.present = true, .number = talk_now / TALK_DAY};
        list[MEMBER_outcome_total] = (struct value){.present = true, .number = 20};
    }
    talk_say("oak", &message);
    cr_assert_eq(talk_refused("oak"), REFUSAL_NONE, "%d", talk_refused("oak"));
    talk_restart(town);
    talk_hello("gp");
    talk_hello("oak");
    talk_hello("gp");
    return talk_about("gp", MESSAGE_ended, referral);
}

Test(keep, what_was_offered_and_measured_is_kept_also_without_a_note)
{
    cr_expect(message_has(ended_with(1, FIELD_support_offered), FIELD_support_offered));
    cr_expect(message_has(ended_with(2, FIELD_outcome_scores), FIELD_outcome_scores));
}

/* ---- one hash, several things ---- */

static struct unmet_record unmet_at(uint64_t key)
{
    uint8_t plain[MESSAGE_BYTES_MAX];
    struct unmet_record unmet;
    uint64_t at = key;

    cr_assert(record_read_unmet(plain, get(TABLE_UNMET, &at, plain), &unmet));
    cr_assert_eq(at, key);
    return unmet;
}

static void put_unmet(uint64_t key, const struct unmet_record *unmet)
{
    uint8_t plain[RECORD_BYTES_MAX];

    put(TABLE_UNMET, key, plain, record_write_unmet(unmet, plain));
}

Test(keep, other_needs_under_the_same_hash_are_counted_for_themselves)
{
    uint8_t plain[MESSAGE_BYTES_MAX];
    uint64_t key = 0;

    talk_submit(1, NEED_HOUSING);
    cr_assert(get(TABLE_UNMET, &key, plain));
    const struct unmet_record first = unmet_at(key);
    struct unmet_record others[4] = {first, first, first, first};
    others[0].week -= 7;
    others[1].need = NEED_FOOD;
    others[2].cause = CAUSE_FULL;
    strcpy(others[3].neighbourhood_code, "south");
    for (uint64_t i = 0; i < 4; i++)
        put_unmet(key + i, &others[i]);
    talk_submit(2, NEED_HOUSING);
    talk_submit(3, NEED_HOUSING);
    cr_expect_eq(unmet_at(key + 4).count, 2);
    for (uint64_t i = 0; i < 4; i++)
        cr_expect_eq(unmet_at(key + i).count, 1, "%u", (unsigned)i);
}

Test(keep, a_count_that_cannot_be_read_begins_anew)
{
    uint8_t plain[MESSAGE_BYTES_MAX];
    uint64_t key = 0;

    talk_submit(1, NEED_HOUSING);
    talk_submit(2, NEED_HOUSING);
    cr_assert(get(TABLE_UNMET, &key, plain));
    put(TABLE_UNMET, key, "nothing", 7);
    talk_submit(3, NEED_HOUSING);
    cr_expect_eq(unmet_at(key).count, 1);
}

static uint64_t key_of(const uint8_t id[UUID_BYTES], uint32_t party)
{
    uint8_t bytes[UUID_BYTES + sizeof party];

    memcpy(bytes, id, UUID_BYTES);
    memcpy(bytes + UUID_BYTES, &party, sizeof party);
    return seal_short_hash(talk_seal, bytes, sizeof bytes);
}

static void make_pause(struct message *message, int64_t referral)
{
    talk_begin_request(message, MESSAGE_pause);
    message_set_number(message, FIELD_referral_id, referral);
    message_set_number(message, FIELD_offer_number, 1);
    message_set_string(message, FIELD_note, "a test");
}

static void expect_done_once(const struct message *message)
{
    for (int again = 0; again <= 1; again++) {
        talk_say("oak", message);
        cr_expect_eq(message_number(talk_heard("oak", MESSAGE_done, 0), FIELD_duplicate), again);
    }
}

Test(keep, other_requests_under_the_same_hash_are_told_apart)
{
    uint8_t plain[RECORD_BYTES_MAX];
    struct message message;
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);
    uint32_t oak = turn_party_number(talk_turn, "oak");

    talk_answer("oak", MESSAGE_accept, referral, 1);
    make_pause(&message, referral);
    const uint8_t *id = message_uuid(&message, FIELD_request_id);
    struct request_record of_another = {.party = oak + 1, .referral = 7}, another = {.party = oak, .referral = 7};
    memcpy(of_another.request_id, id, UUID_BYTES);
    put(TABLE_REQUEST, key_of(id, oak), plain, record_write_request(&of_another, plain));
    put(TABLE_REQUEST, key_of(id, oak) + 1, plain, record_write_request(&another, plain));
    expect_done_once(&message);
}

Test(keep, the_record_of_a_request_that_cannot_be_read_gives_way)
{
    uint8_t plain[MESSAGE_BYTES_MAX];
    struct message message;
    struct request_record record;
    int64_t referral = talk_submit(1, NEED_BEFRIENDING);

    talk_answer("oak", MESSAGE_accept, referral, 1);
    make_pause(&message, referral);
    uint64_t key = key_of(message_uuid(&message, FIELD_request_id), turn_party_number(talk_turn, "oak"));
    put(TABLE_REQUEST, key, "x", 1);
    expect_done_once(&message);
    cr_expect(record_read_request(plain, get(TABLE_REQUEST, &key, plain), &record), "another stands in its place");
}

/* A request id by its number, and the hash of it and its party. */
struct hashed {
    uint64_t hash;
    uint32_t number;
    uint32_t party;
};

static int by_lower_half(const void *a, const void *b)
{
    uint32_t left = (uint32_t)((const struct hashed *)a)->hash, right = (uint32_t)((const struct hashed *)b)->hash;

    return left < right ? -1 : left > right;
}

static void id_of_number(uint32_t number, uint8_t id[UUID_BYTES])
{
    memset(id, 9, UUID_BYTES);
    memcpy(id, &number, sizeof number);
}

/* Request ids of the parties whose hashes have the half in common that memory holds. */
static void find_pair(const uint32_t parties[2], struct hashed pair[2])
{
    enum { COUNT = 400000 };
    static struct hashed all[COUNT];
    uint8_t id[UUID_BYTES];

    for (uint32_t i = 0; i < COUNT; i++) {
        id_of_number(i, id);
        all[i] = (struct hashed){key_of(id, parties[i % 2]), i, parties[i % 2]};
    }
    qsort(all, COUNT, sizeof all[0], by_lower_half);
    for (uint32_t i = 1; i < COUNT; i++)
        if ((uint32_t)all[i].hash == (uint32_t)all[i - 1].hash &&
            (all[i].party != all[i - 1].party) == (parties[0] != parties[1])) {
            pair[0] = all[i - 1];
            pair[1] = all[i];
            return;
        }
    cr_assert(false, "no two of them");
}

static void expect_two_referrals(const uint32_t parties[2], int64_t first)
{
    struct hashed pair[2];
    struct message message;
    uint8_t id[UUID_BYTES];
    char name[ID_BYTES_MAX + 1];

    find_pair(parties, pair);
    for (int again = 0; again <= 1; again++)
        for (unsigned i = 0; i < 2; i++) {
            talk_person(&message, i, (const enum need[]){NEED_BEFRIENDING, 0});
            id_of_number(pair[i].number, id);
            message_set_uuid(&message, FIELD_request_id, id);
            turn_party_id(talk_turn, pair[i].party, name);
            cr_expect_eq(talk_say_submit(name, &message), first + i);
            cr_expect_eq(message_number(talk_heard(name, MESSAGE_committed, 0), FIELD_duplicate), again);
        }
}

Test(keep, submits_whose_ids_have_half_a_hash_in_common_are_told_apart)
{
    talk_hello("clinic");
    uint32_t gp = turn_party_number(talk_turn, "gp"), clinic = turn_party_number(talk_turn, "clinic");

    expect_two_referrals((const uint32_t[]){gp, gp}, 1);
    expect_two_referrals((const uint32_t[]){gp, clinic}, 3);
}

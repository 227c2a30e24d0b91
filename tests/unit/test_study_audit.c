/* SPDX-License-Identifier: MIT
 * study_audit, study_rights: a store that is whole is found whole, each thing that is wrong with it is named, and what
 * is kept too long, or is one person's, is found. */
#include <stdio.h>

#include "tests/asking.h"

#define MINUTE INT64_C(60000)
#define OFFICER "privacy"
#define HUB(id, services)                                                                                              \
    "{ id = \"" id "\"; name = \"The " id                                                                              \
    "\"; tier = \"targeted\"; easting = 248100; northing = 56000; areas = [ \"north\" ]; services = ( " services       \
    " ); }"

static const char usual[] =
    "name = \"Test\"; neighbour_distance = \"1km\"; deadlines = { retention = \"100d\"; };\n"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"
    " { id = \"clinic\"; name = \"Clinic\"; kind = \"gp_link_worker\"; } );\n"
    "neighbourhoods = ( { code = \"north\"; name = \"The North\"; easting = 248000; northing = 56000; } );\n"
    "hubs = (" HUB("oak", "{ id = \"friends\"; needs = [ \"befriending\" ]; places = 2; }") "," HUB(
        "elm", "{ id = \"meals\"; needs = [ \"food\" ]; places = 9; }") ");";

static void begin(void)
{
    talk_begin(usual);
    asking_open();
}

TestSuite(study_audit, .init = begin, .fini = asking_end);

/* Some of everything: offered, waiting, placed, before a person, closed. */
static void live_a_while(void)
{
    struct mailbox_figures figures;
    int64_t first = talk_submit(1, NEED_BEFRIENDING);

    talk_submit(2, NEED_BEFRIENDING);
    talk_submit(3, NEED_BEFRIENDING); /* waits */
    talk_submit(4, NEED_FOOD);
    talk_submit(5, NEED_HOUSING); /* nobody offers it */
    talk_answer("elm", MESSAGE_accept, 4, 1);
    talk_wait(MINUTE);
    talk_answer("oak", MESSAGE_accept, first, 1);
    talk_answer("oak", MESSAGE_start, first, 1);
    talk_answer("oak", MESSAGE_complete, first, 1);
    cr_assert(turn_mailbox_figures(talk_turn, turn_party_number(talk_turn, "gp"), &figures));
    talk_hello("gp");
    talk_confirm("gp", (int64_t)figures.last);
    cr_assert_eq(talk_referral(first).business_status, BUSINESS_CLOSED_ACKNOWLEDGED);
}

/* ---- what is stored is spoiled ---- */

static void write_row(enum table table, uint64_t key, const void *bytes, size_t length)
{
    struct transaction *transaction = store_begin(talk_store, true, NULL);

    cr_assert(transaction);
    if (bytes)
        store_put(talk_store, transaction, table, key, bytes, length);
    else
        store_del(talk_store, transaction, table, key);
    cr_assert_eq(store_commit(talk_store, &transaction), STORE_OK);
}

/* The row as it is before sealing; returns its length. */
static size_t read_row(enum table table, uint64_t key, uint8_t *plain, size_t size)
{
    struct transaction *transaction = store_begin(talk_store, false, NULL);
    const void *sealed = NULL;
    size_t length = 0;

    cr_assert_eq(store_get(talk_store, transaction, table, key, &sealed, &length), STORE_OK);
    cr_assert_leq(length, size);
    cr_assert(unseal_bytes(talk_seal, (int)table, key, sealed, length, plain));
    store_abort(talk_store, &transaction);
    return length - SEAL_OVERHEAD;
}

static void write_sealed(enum table table, uint64_t key, const uint8_t *plain, size_t length)
{
    static uint8_t sealed[MESSAGE_BYTES_MAX];

    seal_bytes(talk_seal, (int)table, key, plain, length, sealed);
    write_row(table, key, sealed, length + SEAL_OVERHEAD);
}

static void write_referral(const struct referral *referral)
{
    uint8_t plain[RECORD_BYTES_MAX];

    write_sealed(TABLE_REFERRAL, referral->number, plain, record_write_referral(referral, plain));
}

static void spoil(enum table table, uint64_t key)
{
    write_row(table, key, "not what was written, and long enough to be a sealed thing of some kind", 70);
}

/* ---- verify ---- */

static const struct message *verify(int64_t sequence, const char *hash)
{
    struct message message;

    asking_begin(&message, MESSAGE_verify);
    if (hash) {
        message_set_number(&message, FIELD_audit_sequence, sequence);
        message_set_string(&message, FIELD_audit_head, hash);
    }
    asking_as("uid-7000", ROLE_AUDITOR, &message);
    cr_assert_eq(asking_answers[0].type, MESSAGE_verified);
    return &asking_answers[0];
}

static void keep_head(int64_t *sequence, char hash[65])
{
    const struct message *answer = verify(0, NULL);
    struct text head = message_text(answer, FIELD_audit_head);

    *sequence = message_number(answer, FIELD_audit_sequence);
    cr_assert_eq(head.length, 64);
    snprintf(hash, 65, "%.*s", 64, head.bytes);
}

Test(study_audit, a_history_as_it_was_written_is_verified_to_its_head)
{
    const struct message *answer = verify(0, NULL);
    struct head head = talk_head();

    cr_expect_eq(message_number(answer, FIELD_entries), (int64_t)head.sequence, "also of a new store");
    cr_expect(
        message_number(verify(0, "0000000000000000000000000000000000000000000000000000000000000000"), FIELD_matches),
        "before the first entry there is nothing");
    live_a_while();
    answer = verify(0, NULL);
    head = talk_head();
    cr_expect_eq(message_number(answer, FIELD_entries), (int64_t)head.sequence);
    cr_expect_eq(message_number(answer, FIELD_audit_sequence), (int64_t)head.sequence);
    cr_expect_not(message_has(answer, FIELD_first_bad));
    cr_expect_not(message_has(answer, FIELD_matches), "nothing was asked about");
    char first[3];
    snprintf(first, sizeof first, "%02x", head.chain[0]);
    cr_expect_eq(memcmp(message_text(answer, FIELD_audit_head).bytes, first, 2), 0);
}

Test(study_audit, the_head_that_a_party_has_kept_is_found_in_the_history)
{
    int64_t sequence;
    char hash[65];

    talk_submit(1, NEED_BEFRIENDING);
    talk_hello("gp"); /* is told the head */
    struct text told = message_text(talk_heard("gp", MESSAGE_welcome, 0), FIELD_audit_head);
    snprintf(hash, sizeof hash, "%.*s", (int)told.length, told.bytes);
    sequence = message_number(talk_heard("gp", MESSAGE_welcome, 0), FIELD_audit_sequence);
    live_a_while();
    const struct message *answer = verify(sequence, hash);
    cr_expect(message_number(answer, FIELD_matches));
    cr_expect_not(message_has(answer, FIELD_first_bad));
    hash[0] = hash[0] == '0' ? '1' : '0';
    cr_expect_not(message_number(verify(sequence, hash), FIELD_matches));
    cr_expect(message_has(verify(sequence, hash), FIELD_matches));
}

Test(study_audit, a_store_that_was_rolled_back_does_not_hold_the_head_that_was_kept)
{
    int64_t sequence;
    char hash[65];

    talk_submit(1, NEED_BEFRIENDING);
    keep_head(&sequence, hash);
    const struct message *answer = verify(sequence + 1, hash);
    cr_expect(message_has(answer, FIELD_matches));
    cr_expect_not(message_number(answer, FIELD_matches));
    cr_expect_not(message_has(answer, FIELD_first_bad), "what there is, is whole");
}

Test(study_audit, the_first_entry_that_is_damaged_is_named)
{
    int64_t sequence;
    char hash[65];

    talk_submit(1, NEED_BEFRIENDING);
    keep_head(&sequence, hash);
    live_a_while();
    spoil(TABLE_HISTORY, (uint64_t)sequence + 2);
    spoil(TABLE_HISTORY, (uint64_t)sequence + 4);
    const struct message *answer = verify(sequence, hash);
    cr_expect_eq(message_number(answer, FIELD_first_bad), sequence + 2);
    cr_expect_eq(message_number(answer, FIELD_entries), sequence + 1);
    cr_expect(message_number(answer, FIELD_matches), "before it all is as it was");
    keep_head(&sequence, hash);
    cr_expect_not(message_number(verify(sequence, hash), FIELD_matches), "behind it nothing can be shown");
}

Test(study_audit, an_entry_that_is_missing_is_named_also_when_it_is_the_newest)
{
    live_a_while();
    int64_t newest = (int64_t)talk_head().sequence;

    write_row(TABLE_HISTORY, (uint64_t)newest, NULL, 0);
    cr_expect_eq(message_number(verify(0, NULL), FIELD_first_bad), newest);
    write_row(TABLE_HISTORY, 1, NULL, 0);
    cr_expect_eq(message_number(verify(0, NULL), FIELD_first_bad), 1);
}

Test(study_audit, an_entry_behind_the_head_is_named)
{
    static uint8_t plain[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD];

    live_a_while();
    uint64_t newest = talk_head().sequence;
    size_t length = read_row(TABLE_HISTORY, newest, plain, sizeof plain);
    write_sealed(TABLE_HISTORY, newest + 1, plain, length);
    cr_expect_eq(message_number(verify(0, NULL), FIELD_first_bad), (int64_t)newest + 1);
}

/* Who has the master key can seal another entry in its place; the chain tells, and an anchor says since when. */
Test(study_audit, a_history_that_was_written_anew_breaks_the_chain)
{
    static uint8_t plain[RECORD_BYTES_MAX + RECORD_SAID_BYTES_MAX + SEAL_OVERHEAD];
    int64_t before, after;
    char hash_before[65], hash_after[65];
    const void *said = NULL;
    struct entry entry;
    size_t said_length = 0;

    talk_submit(1, NEED_BEFRIENDING);
    keep_head(&before, hash_before);
    talk_answer("oak", MESSAGE_accept, 1, 1);
    keep_head(&after, hash_after);
    live_a_while();
    size_t length = read_row(TABLE_HISTORY, (uint64_t)before + 1, plain, sizeof plain);
    cr_assert(record_read_entry(plain, length, &entry, &said, &said_length));
    entry.at++;
    static uint8_t changed[sizeof plain];
    length = record_write_entry(&entry, said, said_length, changed);
    write_sealed(TABLE_HISTORY, entry.sequence, changed, length);
    cr_expect_eq(message_number(verify(0, NULL), FIELD_first_bad), (int64_t)talk_head().sequence);
    cr_expect(message_number(verify(before, hash_before), FIELD_matches));
    cr_expect_not(message_number(verify(after, hash_after), FIELD_matches));
}

Test(study_audit, a_history_of_more_entries_than_one_transaction_reads_is_verified)
{
    for (unsigned i = 0; i < 1100; i++)
        talk_capacity("oak", "friends", 2 + i % 2);
    cr_assert_gt(talk_head().sequence, 1000);
    cr_expect_not(message_has(verify(0, NULL), FIELD_first_bad));
    cr_expect_eq(message_number(verify(0, NULL), FIELD_entries), (int64_t)talk_head().sequence);
}

/* ---- store check ---- */

static size_t check(void)
{
    struct message message;

    asking_begin(&message, MESSAGE_store_check);
    asking_as("uid-7000", ROLE_AUDITOR, &message);
    cr_assert_eq(asking_answers[asking_count - 1].type, MESSAGE_end);
    cr_assert_eq(message_number(&asking_answers[asking_count - 1], FIELD_count), (int64_t)asking_count - 1);
    return asking_count - 1;
}

/* Exactly one finding, about this referral, with these words in it. */
static void assert_found(int64_t referral, const char *words)
{
    size_t count = check();

    for (size_t i = 0; i < count; i++) {
        struct text fault = message_text(&asking_answers[i], FIELD_fault);
        if (message_number(&asking_answers[i], FIELD_referral_id) == referral &&
            memmem(fault.bytes, fault.length, words, strlen(words)))
            return;
    }
    cr_assert(false, "\"%s\" about %lld was not found; the first of %zu: %.*s", words, (long long)referral, count,
              count ? (int)message_text(&asking_answers[0], FIELD_fault).length : 0,
              count ? message_text(&asking_answers[0], FIELD_fault).bytes : "");
}

Test(study_audit, a_store_that_is_whole_has_nothing_to_find)
{
    cr_assert_eq(check(), 0);
    live_a_while();
    cr_expect_eq(check(), 0, "%.*s", (int)message_text(&asking_answers[0], FIELD_fault).length,
                 message_text(&asking_answers[0], FIELD_fault).bytes);
    talk_restart(usual);
    asking_close();
    asking_open();
    cr_expect_eq(check(), 0);
}

Test(study_audit, an_open_referral_without_deadline_stage_or_owner_is_found)
{
    live_a_while();
    struct referral good = talk_referral(2), bad = good;

    bad.deadline = 0;
    write_referral(&bad);
    assert_found(2, "has no deadline");
    bad = good;
    bad.parts[0].deadline = 0;
    write_referral(&bad);
    assert_found(2, "one of its needs has no deadline");
    bad = good;
    bad.stage = 0;
    write_referral(&bad);
    assert_found(2, "what it waits for");
    bad = good;
    bad.deadline_owner = 999;
    write_referral(&bad);
    assert_found(2, "a party that does not exist");
    bad = good;
    bad.deadline = talk_now - 2 * 60 * MINUTE;
    write_referral(&bad);
    assert_found(2, "did not act");
    write_referral(&good);
    cr_expect_eq(check(), 0);
}

Test(study_audit, what_cannot_be_read_is_found)
{
    live_a_while();
    spoil(TABLE_CONTENT, 3);
    assert_found(3, "its person cannot be read");
    spoil(TABLE_HISTORY, talk_referral(4).history);
    assert_found(4, "its history cannot be read");
    spoil(TABLE_REFERRAL, 5);
    assert_found(5, "its record cannot be read");
    assert_found(0, "stored: the daemon counts 5, the records say 4");
    spoil(TABLE_PARTY, turn_party_number(talk_turn, "oak"));
    assert_found(0, "a party's record");
    spoil(TABLE_OWED, UINT64_C(1) << 40 | 7);
    assert_found(0, "message 7 of party 1's mailbox");
    spoil(TABLE_REQUEST, UINT64_MAX);
    assert_found(0, "a request that was done");
}

Test(study_audit, counts_that_differ_from_the_records_are_found)
{
    live_a_while();
    struct referral waiting = talk_referral(3);

    waiting.parts[0].business_status = waiting.business_status = BUSINESS_ATTENTION;
    write_referral(&waiting);
    assert_found(0, "attention: the daemon counts 1, the records say 2");
    write_row(TABLE_REFERRAL, 3, NULL, 0);
    assert_found(0, "stored: the daemon counts 5, the records say 4");
}

Test(study_audit, what_happens_meanwhile_is_no_difference)
{
    live_a_while();
    struct referral waiting = talk_referral(3);

    waiting.parts[0].business_status = waiting.business_status = BUSINESS_ATTENTION;
    write_referral(&waiting);
    talk_faults.next_commit = MEMORY_FAULT_UNAVAILABLE; /* memory is ahead of the store */
    outbox_clear(&talk_outbox);
    talk_now += 100 * TALK_DAY;
    cr_assert_eq(turn_run(talk_turn, talk_now, NULL, 0, &talk_outbox), STORE_UNAVAILABLE);
    struct message message;
    asking_begin(&message, MESSAGE_store_check);
    asking(&message);
    for (size_t i = 0; i < asking_count; i++)
        cr_expect_not(message_has(&asking_answers[i], FIELD_fault) &&
                      strncmp(message_text(&asking_answers[i], FIELD_fault).bytes, "attention", 9) == 0);
}

/* ---- retention ---- */

static size_t erasable(void)
{
    struct message message;

    asking_begin(&message, MESSAGE_retention);
    asking_as(OFFICER, ROLE_PRIVACY_OFFICER, &message);
    cr_assert_eq(asking_answers[asking_count - 1].type, MESSAGE_end);
    return asking_count - 1;
}

Test(study_audit, what_was_closed_long_enough_ago_is_proposed_for_erasure_until_it_is_erased)
{
    static uint8_t content[MESSAGE_BYTES_MAX];
    struct message message;

    live_a_while();
    size_t length = read_row(TABLE_CONTENT, 1, content, sizeof content);
    cr_expect_eq(erasable(), 0);
    talk_wait(99 * TALK_DAY);
    cr_expect_eq(erasable(), 0);
    talk_wait(TALK_DAY);
    cr_assert_eq(erasable(), 1, "not those that are open, however old");
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referral_id), 1);
    cr_expect(talk_text_is(&asking_answers[0], FIELD_sender_id, "gp"));
    cr_expect_eq(message_number(&asking_answers[0], FIELD_state), STATE_COMPLETED);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_ended_at), talk_referral(1).ended_at);
    talk_begin_request(&message, MESSAGE_erase);
    message_set_number(&message, FIELD_referral_id, 1);
    message_set_string(&message, FIELD_note, "kept long enough");
    talk_say(OFFICER, &message);
    cr_assert_eq(talk_refused(OFFICER), REFUSAL_NONE);
    cr_expect_eq(erasable(), 0);
    cr_expect_eq(check(), 0);
    cr_expect_not(message_has(verify(0, NULL), FIELD_first_bad), "the chain does not need what was said");
    write_sealed(TABLE_CONTENT, 1, content, length);
    assert_found(1, "its person was erased, and is stored again");
}

/* ---- one person ---- */

static size_t find(const struct message *submit, bool by_number, bool with_postcode)
{
    static const enum field name[] = {FIELD_family_name, FIELD_given_name, FIELD_date_of_birth};
    struct message message;

    asking_begin(&message, MESSAGE_find_person);
    for (size_t i = 0; !by_number && i < sizeof name / sizeof name[0]; i++)
        message_copy(&message, submit, name[i]);
    if (by_number)
        message_copy(&message, submit, FIELD_nhs_number);
    if (with_postcode)
        message_copy(&message, submit, FIELD_postcode);
    asking_as(OFFICER, ROLE_PRIVACY_OFFICER, &message);
    return asking_count - 1;
}

Test(study_audit, all_referrals_of_a_person_are_found_closed_ones_too_and_nobody_elses)
{
    struct message submit, erase;

    live_a_while(); /* of five persons; the first is closed */
    talk_person(&submit, 1, (const enum need[]){NEED_FOOD, 0});
    uint8_t id[UUID_BYTES] = "another request";
    message_set_uuid(&submit, FIELD_request_id, id);
    int64_t again = talk_say_submit("clinic", &submit);
    cr_assert_eq(find(&submit, true, false), 2);
    cr_expect_eq(message_number(&asking_answers[0], FIELD_referral_id), 1);
    cr_expect_eq(message_number(&asking_answers[1], FIELD_referral_id), again);
    cr_expect_not(message_has(&asking_answers[0], FIELD_family_name));
    cr_assert_eq(find(&submit, false, true), 2);
    find(&submit, false, false);
    cr_expect_eq(asking_refused(), REFUSAL_REQUIRED, "a name and a birthday alone find nobody");
    talk_begin_request(&erase, MESSAGE_erase);
    message_set_number(&erase, FIELD_referral_id, 1);
    message_set_string(&erase, FIELD_note, "asked for");
    talk_say(OFFICER, &erase);
    cr_assert_eq(talk_refused(OFFICER), REFUSAL_NONE);
    cr_assert_eq(find(&submit, true, false), 1, "who is erased is nobody");
    message_set_string(&submit, FIELD_nhs_number, "9990000018");
    cr_expect_eq(find(&submit, true, false), 0);
}

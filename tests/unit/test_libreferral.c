/* SPDX-License-Identifier: MIT
 * libreferral, by its public header and its shared library, against a peer in this program. */
#include <referral.h>

#include "tests/peer.h"

#include <criterion/criterion.h>

/* The peer listens, and a client is there for it. */
static referral_client *open_to(struct peer *peer)
{
    referral_client *client = NULL;

    peer_bind(peer, NULL, true);
    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    cr_assert_eq(referral_open(&client, peer->endpoint), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_eq(referral_set(client, "key-file", peer->key_file), REFERRAL_OK);
    cr_assert_eq(referral_set(client, "server-key", peer->server_key), REFERRAL_OK);
    cr_assert_eq(referral_set(client, "timeout", "3s"), REFERRAL_OK);
    return client;
}

static void close_both(referral_client *client, struct peer *peer)
{
    referral_close(client);
    peer_close(peer);
}

/* The example's person, from its file. */
static referral_record *read_example(void)
{
    referral_record *record = referral_record_new();
    FILE *file = fopen(SOURCE_DIR "/clients/examples/person.txt", "r");
    char line[512];

    while (fgets(line, sizeof line, file)) {
        char *equals = strchr(line, '=');

        line[strcspn(line, "\n")] = '\0';
        *equals = '\0';
        cr_assert_eq(referral_record_set(record, line, equals + 1), REFERRAL_OK, "%s", line);
    }
    fclose(file);
    return record;
}

static void commit_valid(struct peer *peer, const struct message *message)
{
    struct message committed;
    struct fault fault;

    if (message->type == MESSAGE_hello) {
        peer_welcome(peer, message, 0);
        return;
    }
    if (!check_request(message, message_number(message, FIELD_sent_at), &fault)) {
        peer_refuse(peer, message, fault.refusal, fault.field);
        return;
    }
    peer_answer(&committed, MESSAGE_committed, message);
    message_copy(&committed, message, FIELD_correlation_id);
    message_set_number(&committed, FIELD_referral_id, 1042);
    message_set_number(&committed, FIELD_acknowledgement, ACK_CA);
    message_set_number(&committed, FIELD_duplicate, false);
    message_set_number(&committed, FIELD_state, STATE_RECEIVED);
    message_set_number(&committed, FIELD_business_status, BUSINESS_COMMITTED);
    message_set_number(&committed, FIELD_at, PEER_AT);
    if (!atomic_load(&peer->loses_answers))
        peer_send(peer, &committed);
}

Test(libreferral, a_record_is_submitted_and_gets_its_id)
{
    struct peer *peer = peer_open(commit_valid);
    char id[REFERRAL_ID_MAX] = "";
    referral_client *client = open_to(peer);

    referral_record *record = read_example();
    cr_assert_eq(referral_submit(client, record, id), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_str_eq(id, "R1042-76");
    referral_record_free(record);
    close_both(client, peer);
}

Test(libreferral, a_record_that_is_submitted_again_is_the_same_request)
{
    struct peer *peer = peer_open(commit_valid);
    referral_client *client = open_to(peer);

    referral_record *record = read_example();
    atomic_store(&peer->loses_answers, true);
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_TIMEOUT, "%s", referral_errmsg(client));
    atomic_store(&peer->loses_answers, false);
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_eq(atomic_load(&peer->other_ids), 0);
    cr_assert_geq(atomic_load(&peer->count[MESSAGE_submit]), 2);
    referral_record_free(record);
    close_both(client, peer);
}

Test(libreferral, what_is_wrong_in_a_record_is_named_and_not_repeated)
{
    struct peer *peer = peer_open(commit_valid);
    referral_client *client = open_to(peer);

    referral_record *record = read_example();
    cr_assert_eq(referral_record_set(record, "no_such_field", "x"), REFERRAL_INVALID);
    referral_record_set(record, "priority", "secretly");
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "priority"));
    cr_assert_null(strstr(referral_errmsg(client), "secretly"));
    referral_record_set(record, "priority", NULL);
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "submit needs the field priority"));
    referral_record_set(record, "priority", "asap");
    referral_record_set(record, "window", "5");
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "window does not belong into submit"));
    referral_record_set(record, "window", NULL);
    referral_record_set(record, "nhs_number", NULL);
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "nhs_number"), "%s", referral_errmsg(client));
    referral_record_free(record);
    close_both(client, peer);
}

static void push_on_hello(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello) {
        peer_welcome(peer, message, 0);
        peer_push(peer, 1);
        peer_push(peer, 2);
    } else if (!atomic_load(&peer->loses_answers)) {
        peer_done(peer, message);
    }
}

Test(libreferral, updates_are_read_confirmed_and_replied_to)
{
    struct peer *peer = peer_open(push_on_hello);
    referral_record *update = NULL;
    referral_client *client = open_to(peer);

    for (int i = 1; i <= 2; i++) {
        referral_record_free(update);
        cr_assert_eq(referral_next(client, &update, 5000), REFERRAL_OK, "%s", referral_errmsg(client));
        cr_assert_str_eq(referral_record_get(update, "type"), "withdrawn");
        cr_assert_str_eq(referral_record_get(update, "mailbox_number"), i == 1 ? "1" : "2");
        cr_assert_str_eq(referral_record_get(update, "referral_id"), "R1042-76");
        cr_assert_eq(atomic_load(&peer->count[MESSAGE_confirm]), i - 1, "nothing is confirmed by itself");
        cr_assert_eq(referral_confirm(client, update), REFERRAL_OK, "%s", referral_errmsg(client));
    }
    cr_assert_eq(referral_reply(client, update, "rejected", NULL, NULL), REFERRAL_INVALID);
    cr_assert_eq(referral_reply(client, update, "maybe", NULL, NULL), REFERRAL_INVALID);
    cr_assert_eq(referral_reply(client, update, "rejected", "22", "full"), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_eq(referral_reply(client, update, "completed", "got-help", NULL), REFERRAL_OK);
    referral_record_free(update);
    close_both(client, peer);
}

static void push_parts(struct peer *peer, const struct message *message)
{
    static const uint8_t correlation[UUID_BYTES] = {1};
    struct message ended;
    struct value *part;

    if (message->type != MESSAGE_hello) {
        peer_done(peer, message);
        return;
    }
    peer_welcome(peer, message, 0);
    message_init(&ended, MESSAGE_ended);
    message_set_number(&ended, FIELD_mailbox_number, 1);
    message_set_number(&ended, FIELD_referral_id, 1042);
    message_set_uuid(&ended, FIELD_correlation_id, correlation);
    message_set_number(&ended, FIELD_state, STATE_COMPLETED);
    message_set_number(&ended, FIELD_business_status, BUSINESS_PARTLY);
    message_set_number(&ended, FIELD_at, PEER_AT);
    part = message_set_list(&ended, FIELD_parts, 2);
    for (int i = 0; i < 2; i++, part += PART_OF_REFERRAL_MEMBER_COUNT) {
        struct value *needs = message_set_member_list(&ended, &part[MEMBER_part_needs], 2 - (size_t)i);

        needs[0] = (struct value){.present = true, .number = i == 0 ? NEED_FOOD : NEED_MEDICINES};
        if (i == 0)
            needs[1] = (struct value){.present = true, .number = NEED_HOUSING};
        part[MEMBER_part_state] = (struct value){.present = true, .number = i == 0 ? STATE_COMPLETED : STATE_FAILED};
        part[MEMBER_part_business_status] =
            (struct value){.present = true, .number = i == 0 ? BUSINESS_GOT_HELP : BUSINESS_NOT_HELPED};
    }
    peer_send(peer, &ended);
}

Test(libreferral, what_became_of_several_needs_comes_as_text)
{
    struct peer *peer = peer_open(push_parts);
    referral_record *update = NULL;
    referral_client *client = open_to(peer);

    cr_assert_eq(referral_next(client, &update, 5000), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_str_eq(referral_record_get(update, "parts"),
                     "food housing:completed:got-help,medicines:failed:not-helped");
    referral_record_free(update);
    close_both(client, peer);
}

Test(libreferral, what_a_universal_need_without_fixed_abode_takes_is_submitted)
{
    static const char *const fields[][2] = {{"address_lines", NULL},         {"postcode", NULL},
                                            {"no_fixed_abode", "true"},      {"contact_hub_id", "oak"},
                                            {"tier_needed", "universal"},    {"needs", "food,housing,benefits"},
                                            {"consent_to_share", "in_doubt"}};
    struct peer *peer = peer_open(commit_valid);
    referral_client *client = open_to(peer);

    referral_record *record = read_example();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        cr_assert_eq(referral_record_set(record, fields[i][0], fields[i][1]), REFERRAL_OK);
    cr_assert_eq(referral_submit(client, record, NULL), REFERRAL_OK, "%s", referral_errmsg(client));
    referral_record_free(record);
    close_both(client, peer);
}

Test(libreferral, a_reply_that_is_made_again_after_a_timeout_is_the_same_request)
{
    struct peer *peer = peer_open(push_on_hello);
    referral_record *record = referral_record_new();
    referral_client *client = open_to(peer);

    referral_record_set(record, "referral_id", "R1042-76");
    referral_record_set(record, "offer_number", "1");
    atomic_store(&peer->loses_answers, true);
    cr_assert_eq(referral_reply(client, record, "accepted", NULL, NULL), REFERRAL_TIMEOUT);
    atomic_store(&peer->loses_answers, false);
    cr_assert_eq(referral_reply(client, record, "accepted", NULL, NULL), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_eq(atomic_load(&peer->other_ids), 0);
    cr_assert_eq(referral_reply(client, record, "accepted", NULL, NULL), REFERRAL_OK);
    cr_assert_eq(atomic_load(&peer->other_ids), 1, "after an answer it is a new request");
    referral_record_free(record);
    close_both(client, peer);
}

static atomic_int scores_said;

static void see_what_is_said(struct peer *peer, const struct message *message)
{
    struct fault fault;

    atomic_fetch_add(&scores_said, (int)message_list_count(message, FIELD_outcome_scores));
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else if (!check_request(message, PEER_AT, &fault))
        peer_refuse(peer, message, fault.refusal, fault.field);
    else if (!atomic_load(&peer->loses_answers))
        peer_done(peer, message);
}

Test(libreferral, a_hub_can_say_all_that_becomes_of_a_case)
{
    static const struct {
        const char *state, *code, *note;
        enum message_type type;
    } rows[] = {
        {"accepted", NULL, NULL, MESSAGE_accept},          {"in-progress", NULL, "rang", MESSAGE_start},
        {"on-hold", NULL, "in hospital", MESSAGE_pause},   {"resumed", NULL, NULL, MESSAGE_resume},
        {"progressed", NULL, "met", MESSAGE_progress},     {"handed-back", "40", NULL, MESSAGE_hand_back},
        {"rejected", "22", NULL, MESSAGE_reject},          {"failed", "FC", NULL, MESSAGE_fail},
        {"completed", "got-help", NULL, MESSAGE_complete},
    };
    struct peer *peer = peer_open(see_what_is_said);
    referral_record *record = referral_record_new();
    referral_client *client = open_to(peer);

    referral_record_set(record, "referral_id", "R1042-76");
    cr_assert_eq(referral_reply(client, record, "accepted", NULL, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "offer_number"), "%s", referral_errmsg(client));
    referral_record_set(record, "offer_number", "1");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_assert_eq(referral_reply(client, record, rows[i].state, rows[i].code, rows[i].note), REFERRAL_OK, "%s: %s",
                     rows[i].state, referral_errmsg(client));
        cr_assert_eq(atomic_load(&peer->count[rows[i].type]), 1, "%s", rows[i].state);
    }
    cr_assert_eq(referral_reply(client, record, "on-hold", NULL, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "note"), "%s", referral_errmsg(client));
    referral_record_set(record, "support_offered", "befriending,housing");
    referral_record_set(record, "outcome_scores", "before:ONS4:3 4 3 8::2026-09-01,after:ONS4:7 6 8 3::2026-11-01");
    cr_assert_eq(referral_reply(client, record, "completed", "got-help", NULL), REFERRAL_OK, "%s",
                 referral_errmsg(client));
    cr_assert_eq(atomic_load(&scores_said), 2);
    cr_assert_eq(referral_reply(client, record, "accepted", NULL, NULL), REFERRAL_INVALID,
                 "what an answer cannot tell is not left out in silence");
    referral_record_free(record);
    close_both(client, peer);
}

Test(libreferral, any_request_is_said_with_a_record_of_its_own)
{
    struct peer *peer = peer_open(see_what_is_said);
    referral_record *record = referral_record_new(), *answer = NULL;
    referral_client *client = open_to(peer);

    referral_record_set(record, "hub_id", "oak");
    referral_record_set(record, "nhs_number", "9990000018");
    cr_assert_eq(referral_say(client, "enquire", record, NULL), REFERRAL_INVALID, "without a reason");
    cr_assert(strstr(referral_errmsg(client), "note"), "%s", referral_errmsg(client));
    referral_record_set(record, "note", "discharged yesterday");
    cr_assert_eq(referral_say(client, "enquire", record, &answer), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_str_eq(referral_record_get(answer, "type"), "done");
    cr_assert_eq(referral_say(client, "capacity", answer, NULL), REFERRAL_MISUSE, "it was received");
    cr_assert_eq(referral_say(client, "update", record, NULL), REFERRAL_INVALID);
    cr_assert(strstr(referral_errmsg(client), "does not belong into update"), "%s", referral_errmsg(client));
    cr_assert_eq(referral_say(client, "hello", record, NULL), REFERRAL_INVALID);
    cr_assert_eq(referral_say(client, "list", record, NULL), REFERRAL_INVALID);
    referral_record_free(answer);
    referral_record_free(record);
    close_both(client, peer);
}

Test(libreferral, what_is_said_again_after_a_timeout_is_the_same_request)
{
    struct peer *peer = peer_open(see_what_is_said);
    referral_record *record = referral_record_new();
    referral_client *client = open_to(peer);

    referral_record_set(record, "referral_id", "R1042-76");
    referral_record_set(record, "phone", "01632960009");
    atomic_store(&peer->loses_answers, true);
    cr_assert_eq(referral_say(client, "update", record, NULL), REFERRAL_TIMEOUT);
    atomic_store(&peer->loses_answers, false);
    cr_assert_eq(referral_say(client, "update", record, NULL), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_assert_eq(atomic_load(&peer->other_ids), 0);
    referral_record_free(record);
    close_both(client, peer);
}

Test(libreferral, wrong_settings_are_told_by_name)
{
    referral_client *client = NULL;

    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    unsetenv("REFERRAL_ENDPOINT");
    cr_assert_eq(referral_open(&client, NULL), REFERRAL_OK);
    cr_assert_eq(referral_set(client, "timeot", "5s"), REFERRAL_MISUSE);
    cr_assert(strstr(referral_errmsg(client), "timeot"));
    cr_assert_eq(referral_set(client, "timeout", "5 parsecs"), REFERRAL_MISUSE);
    cr_assert_eq(referral_ping(client), REFERRAL_MISUSE);
    cr_assert(strstr(referral_errmsg(client), "no address is set"));
    cr_assert_eq(referral_fd(client), -1);
    referral_close(client);
    referral_close(NULL);
    referral_record_free(NULL);
    cr_assert_not_null(referral_errmsg(NULL));
    cr_assert_str_eq(referral_strerror(99), "unknown result");
}

/* Knows one referral, in state received. */
static void tell_standing(struct peer *peer, const struct message *message)
{
    struct message referral, end;

    if (message->type == MESSAGE_hello) {
        peer_welcome(peer, message, 0);
    } else if (message_number(message, FIELD_referral_id) != 1042) {
        peer_refuse(peer, message, REFUSAL_NOT_FOUND, "referral_id");
    } else if (message->type == MESSAGE_status) {
        peer_answer(&referral, MESSAGE_referral, message);
        message_set_number(&referral, FIELD_referral_id, 1042);
        message_set_number(&referral, FIELD_state, STATE_RECEIVED);
        message_set_number(&referral, FIELD_business_status, BUSINESS_COMMITTED);
        message_set_uuid(&referral, FIELD_correlation_id, message_uuid(message, FIELD_request_id));
        message_set_string(&referral, FIELD_sender_id, "surgery-12");
        message_set_number(&referral, FIELD_priority, PRIORITY_ROUTINE);
        message_set_number(&referral, FIELD_submitted_at, PEER_AT);
        message_set_number(&referral, FIELD_at, PEER_AT);
        peer_send(peer, &referral);
        peer_answer(&end, MESSAGE_end, message);
        message_set_number(&end, FIELD_count, 1);
        peer_send(peer, &end);
    } else {
        peer_done(peer, message);
    }
}

Test(libreferral, where_a_referral_stands_is_asked_by_its_id)
{
    struct peer *peer = peer_open(tell_standing);
    referral_record *standing;
    referral_client *client = open_to(peer);

    cr_assert_eq(referral_status(client, "R1042-76", &standing), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_expect_str_eq(referral_record_get(standing, "type"), "referral");
    cr_expect_str_eq(referral_record_get(standing, "state"), "received");
    cr_expect_null(referral_record_get(standing, "no_such_field"));
    referral_record_free(standing);
    cr_expect_eq(referral_status(client, "R42-69", &standing), REFERRAL_NOT_FOUND);
    cr_expect_null(standing);
    cr_expect_eq(referral_status(client, NULL, &standing), REFERRAL_INVALID);
    cr_expect_eq(referral_status(client, "R1042-77", &standing), REFERRAL_INVALID, "its check digits are wrong");
    cr_expect(strstr(referral_errmsg(client), "R1042-76"), "%s", referral_errmsg(client));
    cr_expect_eq(atomic_load(&peer->count[MESSAGE_status]), 2, "what is no id is not asked about");
    close_both(client, peer);
}

Test(libreferral, a_referral_is_withdrawn_with_a_reason_of_the_list)
{
    struct peer *peer = peer_open(tell_standing);
    referral_client *client = open_to(peer);

    cr_expect_eq(referral_cancel(client, "R1042-76", "because", NULL), REFERRAL_INVALID);
    cr_expect(strstr(referral_errmsg(client), "status_reason"), "%s", referral_errmsg(client));
    cr_expect_eq(referral_cancel(client, "1042", "26", NULL), REFERRAL_INVALID);
    cr_expect_eq(atomic_load(&peer->count[MESSAGE_cancel]), 0);
    cr_expect_eq(referral_cancel(client, "R1042-76", "26", "rang us"), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_expect_eq(referral_cancel(client, "R42-69", "26", NULL), REFERRAL_NOT_FOUND);
    cr_expect_eq(atomic_load(&peer->count[MESSAGE_cancel]), 2);
    close_both(client, peer);
}

Test(libreferral, what_a_program_does_in_the_wrong_order_is_told)
{
    struct peer *peer = peer_open(tell_standing);
    referral_record *own = referral_record_new();
    referral_client *client = open_to(peer);

    cr_expect_eq(referral_ping(client), REFERRAL_OK, "%s", referral_errmsg(client));
    cr_expect_eq(referral_set(client, "timeout", "1s"), REFERRAL_MISUSE);
    cr_expect(strstr(referral_errmsg(client), "before the first call"), "%s", referral_errmsg(client));
    cr_expect_eq(referral_confirm(client, own), REFERRAL_MISUSE);
    cr_expect(strstr(referral_errmsg(client), "referral_next"), "%s", referral_errmsg(client));
    cr_expect_gt(strlen(referral_version()), 0u);
    referral_record_free(own);
    close_both(client, peer);
}

Test(libreferral, what_is_too_long_for_one_message_is_not_sent)
{
    static char note[MESSAGE_BYTES_MAX + 1];
    struct peer *peer = peer_open(tell_standing);
    referral_client *client = open_to(peer);

    memset(note, 'x', sizeof note - 1);
    cr_expect_eq(referral_cancel(client, "R1042-76", "26", note), REFERRAL_INVALID);
    cr_expect(strstr(referral_errmsg(client), "64 KiB"), "%s", referral_errmsg(client));
    cr_expect_eq(atomic_load(&peer->count[MESSAGE_cancel]), 0);
    close_both(client, peer);
}

Test(libreferral, settings_of_the_environment_are_looked_at_when_it_is_opened)
{
    referral_client *client;
    referral_record *update;

    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    setenv("REFERRAL_TIMEOUT", "soon", 1);
    cr_expect_eq(referral_open(&client, NULL), REFERRAL_MISUSE);
    cr_expect(strstr(referral_errmsg(client), "REFERRAL_TIMEOUT"), "%s", referral_errmsg(client));
    cr_expect_eq(referral_ping(client), REFERRAL_MISUSE);
    cr_expect_eq(referral_next(client, &update, 0), REFERRAL_MISUSE);
    cr_expect(strstr(referral_errmsg(client), "REFERRAL_TIMEOUT"), "it stays told: %s", referral_errmsg(client));
    referral_close(client);
    unsetenv("REFERRAL_TIMEOUT");
    setenv("REFERRAL_CONFIG", "/nowhere/client.conf", 1);
    cr_expect_eq(referral_open(&client, NULL), REFERRAL_MISUSE);
    cr_expect(strstr(referral_errmsg(client), "/nowhere/client.conf"), "%s", referral_errmsg(client));
    referral_close(client);
}

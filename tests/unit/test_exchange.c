/* SPDX-License-Identifier: MIT
 * exchange against a peer in this program: what it says when ZeroMQ is silent, what it repeats, which pushes it takes.
 */
#include "clients/ask.h"
#include "clients/exchange.h"
#include "tests/peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct exchange *open_to(struct peer *peer, const char *endpoint, int timeout_ms)
{
    struct exchange_options options = {.endpoint = endpoint ? endpoint : peer->endpoint,
                                       .key_file = peer->key_file,
                                       .server_key = peer->server_key,
                                       .client = "test",
                                       .timeout_ms = timeout_ms};
    struct exchange *exchange = NULL;

    cr_assert_eq(exchange_open(&exchange, &options), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    return exchange;
}

static void count_answers(void *context, const struct message *answer)
{
    (void)answer;
    (*(int *)context)++;
}

static enum exchange_result ask_cancel(struct exchange *exchange, int *answers)
{
    struct message cancel;

    message_init(&cancel, MESSAGE_cancel);
    message_set_number(&cancel, FIELD_referral_id, 1042);
    message_set_number(&cancel, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    return exchange_ask(exchange, &cancel, answers ? count_answers : NULL, answers);
}

static enum exchange_result ask_list(struct exchange *exchange, int *answers)
{
    struct message list;

    message_init(&list, MESSAGE_list);
    return exchange_ask(exchange, &list, count_answers, answers);
}

static void expect_words(const struct exchange *exchange, const char *words)
{
    cr_assert(strstr(exchange_sentence(exchange), words), "\"%s\" is not in: %s", words, exchange_sentence(exchange));
}

static void say_nothing(struct peer *peer, const struct message *message)
{
    (void)peer;
    (void)message;
}

static void answer_all(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else
        peer_done(peer, message);
}

/* A port that was free a moment ago, and that nobody listens on. */
static void take_dead_endpoint(char endpoint[64], int *file)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;

    *file = socket(AF_INET, SOCK_STREAM, 0);
    bind(*file, (struct sockaddr *)&address, sizeof address);
    getsockname(*file, (struct sockaddr *)&address, &length);
    snprintf(endpoint, 64, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

Test(exchange, a_refused_connection_is_told_with_address_and_reason)
{
    struct peer *peer = peer_open(say_nothing);
    char endpoint[64];
    int file;

    take_dead_endpoint(endpoint, &file);
    struct exchange *exchange = open_to(peer, endpoint, 700);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_UNREACHABLE);
    expect_words(exchange, "no daemon answers at tcp://127.0.0.1:");
    expect_words(exchange, "times in 0.7 s): Connection refused");
    exchange_close(&exchange);
    close(file);
    peer_close(peer);
}

Test(exchange, a_name_that_does_not_resolve_is_told)
{
    struct peer *peer = peer_open(say_nothing);
    struct exchange *exchange = open_to(peer, "tcp://no-such-host.invalid:5570", 300);

    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_UNREACHABLE);
    expect_words(exchange, "cannot resolve \"no-such-host.invalid\"");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_unix_socket_that_is_not_there_is_told)
{
    struct exchange_options options = {.endpoint = "ipc:///tmp/no-such-directory/socket", .timeout_ms = 300};
    struct exchange *exchange;

    cr_assert_eq(exchange_open(&exchange, &options), EXCHANGE_OK);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_UNREACHABLE);
    expect_words(exchange, "No such file or directory");
    exchange_close(&exchange);
}

Test(exchange, another_server_key_is_told_before_the_time_is_over)
{
    struct peer *peer = peer_open(answer_all);
    char other_public[41], other_secret[41];

    peer_bind(peer, NULL, true);
    zmq_curve_keypair(other_public, other_secret);
    peer_write_keys(peer->server_key, other_public, NULL);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    int64_t began = now_ms();
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_DENIED);
    expect_words(exchange, "has another key than \"server-key\" names (fingerprint ");
    cr_assert_lt(now_ms() - began, 15000);
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_peer_that_does_not_encrypt_is_told)
{
    struct peer *peer = peer_open(answer_all);

    peer_bind(peer, NULL, false);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_DENIED);
    expect_words(exchange, "does not encrypt");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_peer_that_expects_encryption_is_told)
{
    struct peer *peer = peer_open(answer_all);
    struct exchange_options options = {.timeout_ms = 20000, .endpoint = peer->endpoint};
    struct exchange *exchange;
    char address[128];

    snprintf(address, sizeof address, "ipc://%s/socket", peer->directory);
    peer_bind(peer, address, true);
    cr_assert_eq(exchange_open(&exchange, &options), EXCHANGE_OK);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_DENIED);
    expect_words(exchange, "expects encrypted connections; set \"key-file\"");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_key_that_is_not_enrolled_is_told_and_tried_again)
{
    struct peer *peer = peer_open(answer_all);

    atomic_store(&peer->access, 400);
    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_DENIED);
    expect_words(exchange, "refused key \"surgery-12.key\" (fingerprint ");
    atomic_store(&peer->access, 200); /* it is enrolled: the same handle connects */
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_broken_access_check_is_told)
{
    struct peer *peer = peer_open(answer_all);

    atomic_store(&peer->access, 500);
    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_UNREACHABLE);
    expect_words(exchange, "could not check our key");
    exchange_close(&exchange);
    peer_close(peer);
}

static void greet_only(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
}

Test(exchange, a_daemon_that_does_not_answer_is_told)
{
    struct peer *peer = peer_open(greet_only);

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 500);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_TIMEOUT);
    expect_words(exchange, "no answer to \"cancel\" in 0.5 s; repeating is safe");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_study_is_not_asked_twice_while_it_is_waited_for)
{
    struct peer *peer = peer_open(greet_only);
    struct message study;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, ASK_REQUEST_AGAIN_MS + 700);
    message_init(&study, MESSAGE_coverage);
    cr_assert_eq(exchange_ask(exchange, &study, NULL, NULL), EXCHANGE_TIMEOUT);
    cr_assert_eq(atomic_load(&peer->count[MESSAGE_coverage]), 1);
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, keys_are_not_optional_on_the_network)
{
    struct exchange_options options = {.endpoint = "tcp://127.0.0.1:1", .timeout_ms = 100};
    struct exchange *exchange;

    cr_assert_eq(exchange_open(&exchange, &options), EXCHANGE_MISUSE);
    expect_words(exchange, "set \"key-file\" and \"server-key\"");
    exchange_close(&exchange);
}

Test(exchange, a_secret_key_that_others_may_read_is_refused)
{
    struct peer *peer = peer_open(say_nothing);
    struct exchange_options options = {
        .endpoint = "tcp://127.0.0.1:1", .key_file = peer->key_file, .server_key = peer->server_key};
    struct exchange *exchange;

    chmod(peer->key_file, 0640);
    cr_assert_eq(exchange_open(&exchange, &options), EXCHANGE_MISUSE);
    expect_words(exchange, "chmod 600");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, the_operators_socket_needs_no_keys)
{
    struct peer *peer = peer_open(answer_all);
    struct exchange_options options = {.timeout_ms = 5000, .endpoint = peer->endpoint};
    struct exchange *exchange;
    char address[128];

    snprintf(address, sizeof address, "ipc://%s/socket", peer->directory);
    peer_bind(peer, address, false);
    cr_assert_eq(exchange_open(&exchange, &options), EXCHANGE_OK);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    exchange_close(&exchange);
    peer_close(peer);
}

static void answer_the_second(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else if (atomic_load(&peer->count[message->type]) >= 2)
        peer_done(peer, message);
}

Test(exchange, a_request_is_repeated_with_the_same_id_until_it_is_answered)
{
    struct peer *peer = peer_open(answer_the_second);
    int answers = 0;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(ask_cancel(exchange, &answers), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    cr_assert_eq(atomic_load(&peer->count[MESSAGE_cancel]), 2);
    cr_assert_eq(atomic_load(&peer->other_ids), 0);
    cr_assert_eq(answers, 1);
    exchange_close(&exchange);
    peer_close(peer);
}

static void be_busy_twice(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else if (atomic_load(&peer->count[message->type]) <= 2)
        peer_refuse(peer, message, REFUSAL_BUSY, "");
    else
        peer_done(peer, message);
}

Test(exchange, busy_is_waited_for)
{
    struct peer *peer = peer_open(be_busy_twice);
    int answers = 0;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 1500); /* shorter than the repeat without an answer */
    cr_assert_eq(ask_cancel(exchange, &answers), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    cr_assert_eq(atomic_load(&peer->other_ids), 0);
    cr_assert_eq(answers, 1);
    exchange_close(&exchange);
    peer_close(peer);
}

static void be_busy(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else
        peer_refuse(peer, message, REFUSAL_BUSY, "");
}

Test(exchange, a_daemon_that_stays_busy_is_told)
{
    struct peer *peer = peer_open(be_busy);

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 400);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_BUSY);
    cr_assert_eq(exchange_refusal(exchange), REFUSAL_BUSY);
    exchange_close(&exchange);
    peer_close(peer);
}

static void refuse_content(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else
        peer_refuse(peer, message, REFUSAL_NOT_CURRENT, "referral_id");
}

Test(exchange, a_refusal_gives_field_number_and_remedy)
{
    struct peer *peer = peer_open(refuse_content);
    int answers = 0;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 5000);
    cr_assert_eq(ask_cancel(exchange, &answers), EXCHANGE_CONFLICT);
    cr_assert_eq(answers, 1);
    expect_words(exchange, "referral_id (REF-0302) Try: Ask for its status.");
    exchange_close(&exchange);
    peer_close(peer);
}

static void speak_another_version(struct peer *peer, const struct message *message)
{
    peer_refuse(peer, message, REFUSAL_VERSION, "protocol_version");
}

Test(exchange, another_protocol_version_is_told)
{
    struct peer *peer = peer_open(speak_another_version);

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_VERSION);
    cr_assert_eq(exchange_refusal(exchange), REFUSAL_VERSION);
    exchange_close(&exchange);
    peer_close(peer);
}

static void send_rows(struct peer *peer, const struct message *request, int rows, int count)
{
    static const uint8_t correlation[UUID_BYTES] = {1};
    struct message row, end;

    for (int i = 0; i < rows; i++) {
        peer_answer(&row, MESSAGE_referral, request);
        message_set_number(&row, FIELD_referral_id, 1042 + i);
        message_set_uuid(&row, FIELD_correlation_id, correlation);
        message_set_string(&row, FIELD_sender_id, "surgery-12");
        message_set_number(&row, FIELD_priority, PRIORITY_ROUTINE);
        message_set_number(&row, FIELD_state, STATE_RECEIVED);
        message_set_number(&row, FIELD_business_status, BUSINESS_COMMITTED);
        message_set_number(&row, FIELD_submitted_at, PEER_AT);
        message_set_number(&row, FIELD_at, PEER_AT);
        peer_send(peer, &row);
    }
    peer_answer(&end, MESSAGE_end, request);
    message_set_number(&end, FIELD_count, count);
    peer_send(peer, &end);
}

/* The first answer has lost a row on its way. */
static void lose_a_row(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else
        send_rows(peer, message, atomic_load(&peer->count[message->type]) == 1 ? 2 : 3, 3);
}

Test(exchange, an_answer_with_a_lost_part_is_asked_for_again)
{
    struct peer *peer = peer_open(lose_a_row);
    int answers = 0;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(ask_list(exchange, &answers), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    cr_assert_eq(answers, 4, "%d", answers);
    exchange_close(&exchange);
    peer_close(peer);
}

static void push_in_disorder(struct peer *peer, const struct message *message)
{
    static const int order[] = {6, 6, 8, 8, 9, 6, 9};

    if (message->type != MESSAGE_hello) {
        peer_done(peer, message);
        return;
    }
    peer_welcome(peer, message, 5);
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        peer_push(peer, order[i]);
}

/* 7 is with another connection of the party. */
Test(exchange, pushes_come_in_order_and_once)
{
    struct peer *peer = peer_open(push_in_disorder);
    const struct message *push;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 5000);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_OK); /* those that come meanwhile are kept */
    for (int64_t number = 6; number <= 9; number += number == 6 ? 2 : 1) {
        cr_assert_eq(exchange_next(exchange, &push, 5000), EXCHANGE_OK, "%s", exchange_sentence(exchange));
        cr_assert_eq(message_number(push, FIELD_mailbox_number), number);
        cr_assert_eq(exchange_confirm(exchange, number), EXCHANGE_OK);
    }
    cr_assert_eq(exchange_next(exchange, &push, 100), EXCHANGE_TIMEOUT);
    cr_assert_eq(atomic_load(&peer->count[MESSAGE_confirm]), 3);
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, the_descriptor_is_readable_when_a_push_has_come)
{
    struct peer *peer = peer_open(push_in_disorder);
    const struct message *push;
    enum exchange_result result = EXCHANGE_TIMEOUT;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 5000);
    struct pollfd wait = {.fd = exchange_fd(exchange), .events = POLLIN};
    for (int i = 0; i < 100 && result != EXCHANGE_OK; i++) {
        cr_assert_eq(poll(&wait, 1, 5000), 1);
        result = exchange_next(exchange, &push, 0);
    }
    cr_assert_eq(result, EXCHANGE_OK);
    cr_assert_eq(poll(&wait, 1, 5000), 1, "two more are kept");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, after_a_restart_of_the_daemon_it_greets_and_asks_again)
{
    struct peer *peer = peer_open(push_in_disorder);
    const struct message *push;
    char endpoint[128];

    peer_bind(peer, NULL, true);
    strcpy(endpoint, peer->endpoint);
    struct exchange *exchange = open_to(peer, NULL, 20000);
    cr_assert_eq(exchange_next(exchange, &push, 5000), EXCHANGE_OK);
    peer_unbind(peer);
    peer_bind(peer, endpoint, true);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    cr_assert_geq(atomic_load(&peer->count[MESSAGE_hello]), 2);
    cr_assert_eq(exchange_next(exchange, &push, 5000), EXCHANGE_OK);
    cr_assert_eq(message_number(push, FIELD_mailbox_number), 8, "the one that was delivered is not delivered again");
    exchange_close(&exchange);
    peer_close(peer);
}

static void forget_hello(struct peer *peer, const struct message *message)
{
    if (message->type == MESSAGE_hello)
        peer_welcome(peer, message, 0);
    else if (atomic_load(&peer->count[MESSAGE_hello]) < 2)
        peer_refuse(peer, message, REFUSAL_NO_HELLO, "");
    else
        peer_done(peer, message);
}

Test(exchange, a_forgotten_hello_is_said_again)
{
    struct peer *peer = peer_open(forget_hello);

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 5000);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_OK, "%s", exchange_sentence(exchange));
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, a_request_without_a_mandatory_field_is_not_sent)
{
    struct peer *peer = peer_open(answer_all);
    struct message cancel;

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 5000);
    message_init(&cancel, MESSAGE_cancel);
    cr_assert_eq(exchange_ask(exchange, &cancel, NULL, NULL), EXCHANGE_INVALID);
    expect_words(exchange, "cancel needs the field referral_id");
    exchange_close(&exchange);
    peer_close(peer);
}

Test(exchange, closing_is_bounded)
{
    struct peer *peer = peer_open(greet_only);

    peer_bind(peer, NULL, true);
    struct exchange *exchange = open_to(peer, NULL, 200);
    cr_assert_eq(ask_cancel(exchange, NULL), EXCHANGE_TIMEOUT);
    int64_t began = now_ms();
    exchange_close(&exchange);
    cr_assert_null(exchange);
    cr_assert_leq(now_ms() - began, 15000);
    peer_close(peer);
}

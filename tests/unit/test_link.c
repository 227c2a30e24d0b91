/* SPDX-License-Identifier: MIT
 * Real sockets on the loopback; the test is the turn and the reader itself, so nothing has to be waited for by time. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/clock.h"
#include "daemon/io/link.h"
#include "proto/pack.h"

#define PATIENCE_MS 30000

struct key {
    char public_key[KEY_TEXT_BYTES + 1];
    char secret_key[KEY_TEXT_BYTES + 1];
};

static char directory[] = "/tmp/test-link-XXXXXX";
static struct key daemon_key, hub_key, sender_key;
static struct settings settings;
static struct gate *link_under_test;
static pthread_t link_thread;
static void *context;
static struct decoder *decoder;
static uint8_t received[MESSAGE_BYTES_MAX];
static struct message answer;
static int64_t last_done; /* answers are numbered, so that their order shows */

static void write_file(const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

static void enrol(const char *name, const char *party, const char *role, struct key *key)
{
    char text[256];

    cr_assert_eq(zmq_curve_keypair(key->public_key, key->secret_key), 0);
    snprintf(text, sizeof text, "party = \"%s\"; role = \"%s\"; public_key = \"%s\";\n", party, role, key->public_key);
    write_file(name, text);
}

static void *run_link(void *argument)
{
    link_run(argument);
    return NULL;
}

static void prepare(uint32_t in_flight)
{
    char path[256], text[256];

    cr_assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/enrolled", directory);
    mkdir(path, 0700);
    enrol("enrolled/hub.pub", "four-greens", "hub", &hub_key);
    enrol("enrolled/sender.pub", "a-practice", "sender", &sender_key);
    zmq_curve_keypair(daemon_key.public_key, daemon_key.secret_key);
    snprintf(text, sizeof text, "public_key = \"%s\";\nsecret_key = \"%s\";\n", daemon_key.public_key,
             daemon_key.secret_key);
    write_file("daemon.key", text);
    settings = (struct settings){.listen = "tcp://127.0.0.1:*",
                                 .in_flight = in_flight,
                                 .party_in_flight = 1000,
                                 .party_burst = 1,
                                 .retry_after_ms = 700};
    snprintf(settings.operator_socket, sizeof settings.operator_socket, "%s/ops", directory);
    snprintf(settings.secret_key, sizeof settings.secret_key, "%s/daemon.key", directory);
    snprintf(settings.enrolled, sizeof settings.enrolled, "%s/enrolled", directory);
}

static void open_link(void)
{
    char why[512] = "";

    link_under_test = link_open(&settings, why, sizeof why);
    cr_assert(link_under_test, "%s", why);
    pthread_create(&link_thread, NULL, run_link, link_under_test);
    context = zmq_ctx_new();
    decoder = decoder_open();
}

static void start_with(uint32_t in_flight)
{
    prepare(in_flight);
    open_link();
}

static void start(void)
{
    start_with(64);
}

static void remove_directory(void)
{
    char command[64];

    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_assert_eq(system(command), 0);
}

static ptrdiff_t take_until(enum worker worker, int64_t until_ms, const struct request **requests)
{
    return queue_take(link_queue(link_under_test, worker), until_ms, requests);
}

static void finish_worker(enum worker worker)
{
    const struct request *requests;

    while (take_until(worker, INT64_MAX, &requests) >= 0)
        continue;
    queue_leave(link_queue(link_under_test, worker));
}

static void stop(void)
{
    link_stop(link_under_test);
    finish_worker(WORKER_TURN);
    finish_worker(WORKER_READER);
    finish_worker(WORKER_STUDY);
    pthread_join(link_thread, NULL);
    link_close(&link_under_test);
    zmq_ctx_term(context);
    decoder_close(&decoder);
    remove_directory();
}

static void set_number(void *socket, int option, int value)
{
    zmq_setsockopt(socket, option, &value, sizeof value);
}

static void *new_dealer(void)
{
    void *peer = zmq_socket(context, ZMQ_DEALER);

    set_number(peer, ZMQ_LINGER, 0);
    set_number(peer, ZMQ_RCVTIMEO, PATIENCE_MS);
    return peer;
}

static void use_curve(void *peer, const struct key *key)
{
    zmq_setsockopt(peer, ZMQ_CURVE_SERVERKEY, daemon_key.public_key, KEY_TEXT_BYTES + 1);
    zmq_setsockopt(peer, ZMQ_CURVE_PUBLICKEY, key->public_key, KEY_TEXT_BYTES + 1);
    zmq_setsockopt(peer, ZMQ_CURVE_SECRETKEY, key->secret_key, KEY_TEXT_BYTES + 1);
}

static void *connect_as(const struct key *key)
{
    void *peer = new_dealer();

    use_curve(peer, key);
    cr_assert_eq(zmq_connect(peer, link_endpoint(link_under_test)), 0);
    return peer;
}

static void *connect_as_operator(void)
{
    char endpoint[sizeof settings.operator_socket + 8];
    void *peer = new_dealer();

    snprintf(endpoint, sizeof endpoint, "ipc://%s", settings.operator_socket);
    cr_assert_eq(zmq_connect(peer, endpoint), 0);
    return peer;
}

static void make(struct message *message, enum message_type type)
{
    message_init(message, type);
    message_set_uuid(message, FIELD_request_id, (const uint8_t *)"0123456789abcde");
    if (type == MESSAGE_hello)
        message_set_number(message, FIELD_protocol_version, PROTOCOL_VERSION);
    if (type == MESSAGE_confirm)
        message_set_number(message, FIELD_mailbox_number, 0);
    if (type == MESSAGE_check)
        message_set_number(message, FIELD_draft, 1);
    if (type == MESSAGE_done) {
        message_set_number(message, FIELD_duplicate, false);
        message_set_number(message, FIELD_at, 0);
    }
    if (type == MESSAGE_capacity) {
        message_set_string(message, FIELD_service_id, "lunch");
        message_set_number(message, FIELD_places, 3);
    }
}

/* Something of that type that nobody would admit, whoever says it: a field that no message has. */
static void say_nonsense(void *peer, const char *type)
{
    uint8_t bytes[256];
    struct packer packer;

    packer_init(&packer, bytes, sizeof bytes);
    pack_map(&packer, 2);
    pack_text(&packer, "type", 4);
    pack_text(&packer, type, strlen(type));
    pack_text(&packer, "nonsense", 8);
    pack_int(&packer, 1);
    cr_assert_gt(zmq_send(peer, bytes, packer.length, 0), 0);
}

static void say(void *peer, enum message_type type)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    struct message message;
    size_t length;

    make(&message, type);
    length = encode(&message, bytes, sizeof bytes);
    cr_assert_gt(length, 0);
    cr_assert_gt(zmq_send(peer, bytes, length, 0), 0);
}

/* The next answer's type; MESSAGE_NONE when none came. */
static enum message_type hear(void *peer)
{
    struct fault fault;
    int length = zmq_recv(peer, received, sizeof received, 0);

    if (length < 0)
        return MESSAGE_NONE;
    cr_assert(decode(decoder, received, (size_t)length, &answer, &fault), "%s", fault.field);
    return answer.type;
}

/* The refusal that the next answer tells. */
static enum refusal hear_refusal(void *peer)
{
    struct text error;

    cr_assert_eq(hear(peer), MESSAGE_refused);
    error = message_text(&answer, FIELD_error);
    cr_assert_gt(error.length, 4);
    return (enum refusal)atoi(error.bytes + 4);
}

/* Takes the next requests of a worker; there must be some in time. */
static ptrdiff_t take(enum worker worker, const struct request **requests)
{
    ptrdiff_t count = take_until(worker, clock_now_ms() + PATIENCE_MS, requests);

    cr_assert_gt(count, 0, "nothing has come");
    return count;
}

/* Sends one `done` to each of the connections. */
static void send_done(enum worker worker, const struct request *requests, ptrdiff_t count)
{
    struct outbox outbox = {0};
    struct message done;

    outbox.size = 4096 * (size_t)count;
    outbox.bytes = malloc(outbox.size);
    outbox.capacity = (size_t)count;
    outbox.dispatches = calloc(outbox.capacity, sizeof *outbox.dispatches);
    for (ptrdiff_t i = 0; i < count; i++) {
        size_t length;

        make(&done, MESSAGE_done);
        message_set_number(&done, FIELD_mailbox_number, ++last_done);
        length = encode(&done, outbox.bytes + outbox.used, outbox.size - outbox.used);
        outbox.dispatches[outbox.count++] = (struct dispatch){requests[i].connection, outbox.used, length};
        outbox.used += length;
    }
    queue_send(link_queue(link_under_test, worker), &outbox);
    free(outbox.bytes);
    free(outbox.dispatches);
}

/* The turn has done what it has in hand, and the link has noticed at its next round. */
static void finish_turn(void)
{
    queue_finish(link_queue(link_under_test, WORKER_TURN));
}

static void serve_one(void)
{
    const struct request *requests;
    ptrdiff_t count = take(WORKER_TURN, &requests);

    send_done(WORKER_TURN, requests, count);
}

static void greet(void *peer)
{
    say(peer, MESSAGE_hello);
    serve_one();
    cr_assert_eq(hear(peer), MESSAGE_done);
}

/* A link and a hub that is connected to it. */
static void *start_and_greet(void)
{
    start();
    void *peer = connect_as(&hub_key);
    greet(peer);
    return peer;
}

static void close_and_stop(void *peer)
{
    zmq_close(peer);
    stop();
}

/* The outcome of a peer's handshake. */
static int handshake_of(void *peer)
{
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    static unsigned calls;
    char frame[256], address[32];
    uint16_t event = 0;

    snprintf(address, sizeof address, "inproc://watch-%u", ++calls);
    zmq_socket_monitor(peer, address,
                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                           ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                           ZMQ_EVENT_DISCONNECTED);
    set_number(monitor, ZMQ_RCVTIMEO, PATIENCE_MS);
    set_number(monitor, ZMQ_LINGER, 0);
    zmq_connect(monitor, address);
    zmq_connect(peer, link_endpoint(link_under_test));
    if (zmq_recv(monitor, frame, sizeof frame, 0) >= 2)
        memcpy(&event, frame, sizeof event);
    zmq_close(monitor);
    zmq_socket_monitor(peer, NULL, 0);
    return event;
}

Test(link, a_request_reaches_the_turn_with_its_party_and_the_answer_comes_back)
{
    const struct request *requests;
    void *peer;

    start();
    peer = connect_as(&hub_key);
    say(peer, MESSAGE_hello);
    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    cr_expect_eq(requests[0].kind, REQUEST_MESSAGE);
    cr_expect_eq(requests[0].message->type, MESSAGE_hello);
    cr_expect_str_eq(requests[0].party, "four-greens");
    cr_expect_eq(requests[0].role, ROLE_HUB);
    cr_expect_neq(requests[0].connection, 0);
    send_done(WORKER_TURN, requests, 1);
    cr_expect_eq(hear(peer), MESSAGE_done);
    close_and_stop(peer);
}

Test(link, a_question_goes_to_the_reader)
{
    const struct request *requests;
    void *peer = start_and_greet();

    say(peer, MESSAGE_list);
    cr_assert_eq(take(WORKER_READER, &requests), 1);
    cr_expect_eq(requests[0].message->type, MESSAGE_list);
    send_done(WORKER_READER, requests, 1);
    cr_expect_eq(hear(peer), MESSAGE_done);
    close_and_stop(peer);
}

Test(link, two_outboxes_at_once_arrive_in_order)
{
    const struct request *requests;
    void *peer;

    start();
    peer = connect_as(&hub_key);
    say(peer, MESSAGE_hello);
    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    for (int i = 0; i < 50; i++)
        send_done(WORKER_TURN, requests, 1);
    for (int i = 1; i <= 50; i++) {
        cr_assert_eq(hear(peer), MESSAGE_done);
        cr_assert_eq(message_number(&answer, FIELD_mailbox_number), i);
    }
    close_and_stop(peer);
}

Test(link, a_key_that_is_not_enrolled_is_refused)
{
    struct key stranger;
    void *peer;

    start();
    zmq_curve_keypair(stranger.public_key, stranger.secret_key);
    peer = new_dealer();
    use_curve(peer, &stranger);
    cr_expect_eq(handshake_of(peer), ZMQ_EVENT_HANDSHAKE_FAILED_AUTH);
    close_and_stop(peer);
}

Test(link, a_peer_without_encryption_gets_nowhere)
{
    void *peer;
    int event;

    start();
    peer = new_dealer();
    event = handshake_of(peer);
    cr_expect_neq(event, 0);
    cr_expect_neq(event, ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    close_and_stop(peer);
}

Test(link, a_revoked_key_is_refused_on_its_open_connection)
{
    int64_t deadline;
    enum refusal refusal = REFUSAL_NONE;
    char path[256];
    void *peer = start_and_greet();

    snprintf(path, sizeof path, "%s/enrolled/hub.pub", directory);
    unlink(path);
    deadline = clock_now_ms() + PATIENCE_MS;
    /* An operator may not be said by a hub: link answers by itself, before and after. */
    while (refusal != REFUSAL_UNKNOWN_KEY && clock_now_ms() < deadline) {
        say(peer, MESSAGE_overview);
        refusal = hear_refusal(peer);
    }
    cr_expect_eq(refusal, REFUSAL_UNKNOWN_KEY);
    close_and_stop(peer);
}

Test(link, nothing_is_sent_to_a_key_that_has_been_revoked)
{
    const struct request *requests;
    struct request hello;
    int64_t deadline = clock_now_ms() + PATIENCE_MS;
    char path[256];
    void *peer;

    start();
    peer = connect_as(&hub_key);
    say(peer, MESSAGE_hello);
    take(WORKER_TURN, &requests);
    hello = requests[0];
    snprintf(path, sizeof path, "%s/enrolled/hub.pub", directory);
    unlink(path);
    link_reload_keys(link_under_test);
    /* Pushes go on until the turn is told that the connection has gone. */
    do
        send_done(WORKER_TURN, &hello, 1);
    while (take_until(WORKER_TURN, clock_now_ms() + 5, &requests) == 0 && clock_now_ms() < deadline);
    cr_expect_eq(requests[0].kind, REQUEST_GONE);
    cr_expect_eq(requests[0].connection, hello.connection);
    close_and_stop(peer);
}

static void remove_key(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/enrolled/%s", directory, name);
    unlink(path);
    link_reload_keys(link_under_test);
}

/* The next thing that the turn is told must be that this connection has gone. */
static void assert_gone(connection_t connection)
{
    const struct request *requests;

    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    cr_assert_eq(requests[0].kind, REQUEST_GONE);
    cr_assert_eq(requests[0].connection, connection);
}

/* The connection that has said hello and was answered. */
static connection_t greet_and_remember(void *peer)
{
    const struct request *requests;
    connection_t connection;

    say(peer, MESSAGE_hello);
    take(WORKER_TURN, &requests);
    connection = requests[0].connection;
    send_done(WORKER_TURN, requests, 1);
    cr_assert_eq(hear(peer), MESSAGE_done);
    return connection;
}

Test(link, an_open_connection_is_lost_with_its_key_although_nobody_says_anything)
{
    connection_t connection;
    void *peer;

    start();
    peer = connect_as(&hub_key);
    connection = greet_and_remember(peer);
    remove_key("hub.pub");
    assert_gone(connection);
    say(peer, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(peer), REFUSAL_UNKNOWN_KEY);
    close_and_stop(peer);
}

Test(link, of_two_keys_of_a_party_one_can_be_revoked)
{
    const struct request *requests;
    struct key second_key;
    connection_t first, second;
    void *old, *new;

    prepare(64);
    enrol("enrolled/hub-2.pub", "four-greens", "hub", &second_key);
    open_link();
    old = connect_as(&hub_key);
    new = connect_as(&second_key);
    first = greet_and_remember(old);
    second = greet_and_remember(new);
    remove_key("hub.pub");
    assert_gone(first);
    say(old, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(old), REFUSAL_UNKNOWN_KEY);
    say(new, MESSAGE_confirm);
    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    cr_expect_eq(requests[0].connection, second);
    cr_expect_str_eq(requests[0].party, "four-greens");
    zmq_close(old);
    zmq_close(new);
    stop();
}

Test(link, a_key_is_revoked_although_another_file_has_a_fault)
{
    connection_t connection;
    void *peer;

    start();
    peer = connect_as(&hub_key);
    connection = greet_and_remember(peer);
    write_file("enrolled/broken.pub", "party = ");
    remove_key("hub.pub");
    assert_gone(connection);
    close_and_stop(peer);
}

Test(link, who_is_revoked_is_not_told_so_without_end)
{
    connection_t connection;
    void *peer;
    int told = 0;

    start();
    peer = connect_as(&hub_key);
    connection = greet_and_remember(peer);
    remove_key("hub.pub");
    assert_gone(connection);
    set_number(peer, ZMQ_RCVTIMEO, 200);
    for (int i = 0; i < 1000; i++)
        say(peer, MESSAGE_confirm);
    while (hear(peer) == MESSAGE_refused)
        told++;
    cr_expect(told >= 100 && told < 300, "%d", told);
    close_and_stop(peer);
}

Test(link, a_key_that_is_enrolled_later_gets_in)
{
    struct key late;
    void *peer;

    start();
    enrol("enrolled/late.pub", "late-hub", "hub", &late);
    link_reload_keys(link_under_test);
    /* A refusal is final for a socket, so a new one is tried. */
    for (int64_t deadline = clock_now_ms() + PATIENCE_MS;; zmq_close(peer)) {
        peer = new_dealer();
        use_curve(peer, &late);
        if (handshake_of(peer) == ZMQ_EVENT_HANDSHAKE_SUCCEEDED || clock_now_ms() > deadline)
            break;
    }
    greet(peer);
    close_and_stop(peer);
}

Test(link, a_role_may_say_only_what_the_table_gives_it)
{
    void *peer;

    start();
    peer = connect_as(&sender_key);
    greet(peer);
    say(peer, MESSAGE_capacity);
    cr_expect_eq(hear_refusal(peer), REFUSAL_ROLE);
    cr_expect(message_has(&answer, FIELD_request_id));
    say(peer, MESSAGE_done);
    cr_expect_eq(hear_refusal(peer), REFUSAL_UNKNOWN_TYPE);
    say_nonsense(peer, "capacitty");
    cr_expect_eq(hear_refusal(peer), REFUSAL_UNKNOWN_TYPE);
    cr_expect(message_has(&answer, FIELD_field), "the type is what is wrong");
    close_and_stop(peer);
}

/* True: it is refused for the role, or because nobody may say it to the daemon; false: for what it says. */
static bool is_forbidden(void *peer, const char *name)
{
    enum refusal refusal;

    say_nonsense(peer, name);
    refusal = hear_refusal(peer);
    cr_assert(refusal == REFUSAL_ROLE || refusal == REFUSAL_UNKNOWN_TYPE || refusal == REFUSAL_UNKNOWN_FIELD);
    cr_assert_eq(message_has(&answer, FIELD_field), refusal == REFUSAL_UNKNOWN_FIELD);
    return refusal != REFUSAL_UNKNOWN_FIELD;
}

Test(link, each_role_is_refused_exactly_what_the_table_does_not_give_it)
{
    const struct list_spec *roles = &lists[LIST_role];
    struct key keys[8];
    void *peers[8];
    int refused = 0;

    prepare(8);
    for (size_t i = 0; i < roles->count; i++) {
        char name[64];

        snprintf(name, sizeof name, "enrolled/as-%s.pub", roles->codes[i].text);
        enrol(name, roles->codes[i].text, roles->codes[i].text, &keys[i]);
    }
    open_link();
    for (size_t i = 0; i < roles->count; i++) {
        void *peer = peers[i] = connect_as(&keys[i]);

        greet(peer);
        for (size_t m = 0; m < messages_count; m++) {
            const struct message_spec *spec = &messages[m];
            bool may = spec->direction <= STUDY && (spec->roles & ROLE_BIT(roles->codes[i].number)) != 0;

            cr_assert_eq(is_forbidden(peer, spec->name), !may, "%s says %s", roles->codes[i].text, spec->name);
            refused += !may;
        }
    }
    for (size_t i = 0; i < roles->count; i++)
        zmq_close(peers[i]);
    cr_expect_gt(refused, 100);
    stop();
}

Test(link, on_the_unix_socket_the_settings_say_who_is_what)
{
    static const enum role are[] = {ROLE_AUDITOR, ROLE_PRIVACY_OFFICER};

    for (size_t i = 0; i < 2; i++) {
        void *peer;

        strcpy(directory, "/tmp/test-link-XXXXXX");
        prepare(8);
        settings.staff[0] = (struct staff){geteuid(), are[i]};
        settings.staff_count = 1;
        open_link();
        peer = connect_as_operator();
        cr_expect(is_forbidden(peer, "apply"));
        cr_expect_eq(is_forbidden(peer, "erase"), are[i] == ROLE_AUDITOR);
        cr_expect_eq(is_forbidden(peer, "store_check"), are[i] == ROLE_PRIVACY_OFFICER);
        zmq_close(peer);
        stop();
    }
}

Test(link, hello_comes_first)
{
    void *peer;

    start();
    peer = connect_as(&hub_key);
    say(peer, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(peer), REFUSAL_NO_HELLO);
    greet(peer);
    say(peer, MESSAGE_confirm);
    serve_one();
    cr_expect_eq(hear(peer), MESSAGE_done);
    close_and_stop(peer);
}

Test(link, one_study_runs_at_a_time_and_whoever_asks_meanwhile_is_told_to_come_later)
{
    const struct request *requests;
    void *peer;

    start();
    peer = connect_as_operator();
    say(peer, MESSAGE_check);
    cr_assert_eq(take(WORKER_STUDY, &requests), 1);
    cr_expect_eq(requests[0].message->type, MESSAGE_check);
    say(peer, MESSAGE_check);
    cr_expect_eq(hear_refusal(peer), REFUSAL_BUSY);
    say(peer, MESSAGE_overview); /* the reader goes on meanwhile */
    cr_assert_eq(take(WORKER_READER, &requests), 1);
    queue_finish(link_queue(link_under_test, WORKER_STUDY));
    send_done(WORKER_READER, requests, 1);
    cr_expect_eq(hear(peer), MESSAGE_done);
    say(peer, MESSAGE_check);
    cr_assert_eq(take(WORKER_STUDY, &requests), 1);
    close_and_stop(peer);
}

static void *wake_turn(void *argument)
{
    queue_wake(argument);
    return NULL;
}

Test(link, a_worker_that_waits_can_be_woken)
{
    const struct request *requests;
    pthread_t thread;

    start();
    pthread_create(&thread, NULL, wake_turn, link_queue(link_under_test, WORKER_TURN));
    cr_expect_eq(take_until(WORKER_TURN, INT64_MAX, &requests), 0);
    pthread_join(thread, NULL);
    stop();
}

Test(link, operators_on_the_unix_socket_need_no_hello)
{
    const struct request *requests;
    char endpoint[16];
    struct stat file;
    void *peer;

    start();
    peer = connect_as_operator();
    say(peer, MESSAGE_overview);
    cr_assert_eq(take(WORKER_READER, &requests), 1);
    cr_expect_eq(requests[0].role, ROLE_OPERATOR);
    snprintf(endpoint, sizeof endpoint, "uid-%u", (unsigned)geteuid());
    cr_expect_str_eq(requests[0].party, endpoint);
    send_done(WORKER_READER, requests, 1);
    cr_expect_eq(hear(peer), MESSAGE_done);
    cr_expect_eq(stat(settings.operator_socket, &file), 0);
    cr_expect_eq(file.st_mode & 0777, 0660);
    close_and_stop(peer);
}

Test(link, a_message_of_more_frames_is_refused_once_and_the_next_is_heard)
{
    const struct request *requests;
    void *peer = start_and_greet();

    for (int i = 0; i < 600; i++)
        zmq_send(peer, "x", 1, ZMQ_SNDMORE);
    say(peer, MESSAGE_hello); /* the last two frames look like a routing id and a message */
    cr_expect_eq(hear_refusal(peer), REFUSAL_MANY_FRAMES);
    say(peer, MESSAGE_confirm);
    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    cr_expect_eq(requests[0].message->type, MESSAGE_confirm);
    close_and_stop(peer);
}

Test(link, a_frame_of_the_greatest_length_is_heard_and_a_longer_one_ends_the_connection)
{
    static uint8_t bytes[2 * MESSAGE_BYTES_MAX];
    void *peer = start_and_greet();

    zmq_send(peer, bytes, MESSAGE_BYTES_MAX, 0);
    cr_expect_eq(hear_refusal(peer), REFUSAL_NOT_MSGPACK);
    zmq_send(peer, bytes, MESSAGE_BYTES_MAX + 1, 0);
    cr_expect_eq(hear_refusal(peer), REFUSAL_TOO_LARGE);
    zmq_send(peer, bytes, sizeof bytes, 0);
    /* libzmq connects again: a new connection, which has not said hello. */
    say(peer, MESSAGE_confirm);
    set_number(peer, ZMQ_RCVTIMEO, 200);
    for (int i = 0; hear(peer) == MESSAGE_NONE && i < 20; i++)
        say(peer, MESSAGE_confirm);
    cr_expect_eq(answer.type, MESSAGE_refused);
    cr_expect_eq(atoi(message_text(&answer, FIELD_error).bytes + 4), REFUSAL_NO_HELLO);
    close_and_stop(peer);
}

Test(link, busy_is_answered_while_the_turn_has_as_much_as_it_may)
{
    const struct request *requests;
    void *peer;

    start_with(3);
    peer = connect_as(&hub_key);
    say(peer, MESSAGE_hello);
    say(peer, MESSAGE_confirm);
    cr_assert_gt(take(WORKER_TURN, &requests), 0); /* in hand counts too */
    say(peer, MESSAGE_confirm);
    say(peer, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(peer), REFUSAL_BUSY);
    cr_expect_eq(message_number(&answer, FIELD_retry_after_ms), 700);
    cr_expect(message_has(&answer, FIELD_request_id));
    while (take_until(WORKER_TURN, 0, &requests) > 0)
        continue;
    say(peer, MESSAGE_confirm);
    serve_one();
    cr_expect_eq(hear(peer), MESSAGE_done);
    close_and_stop(peer);
}

static void say_many(void *peer, enum message_type type, int count)
{
    for (int i = 0; i < count; i++)
        say(peer, type);
}

Test(link, a_party_has_so_many_in_flight_and_others_as_many)
{
    const struct request *requests;
    void *greedy, *again, *other;

    prepare(64);
    settings.party_in_flight = 3;
    open_link();
    greedy = connect_as(&hub_key);
    again = connect_as(&hub_key);
    other = connect_as(&sender_key);
    greet(greedy);
    greet(again);
    greet(other);
    finish_turn();
    say_many(greedy, MESSAGE_confirm, 2);
    cr_expect(is_forbidden(greedy, "done"), "those before have been admitted now");
    say_many(again, MESSAGE_confirm, 2);
    cr_expect_eq(hear_refusal(again), REFUSAL_RATE, "one party, whatever number of connections");
    say(greedy, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(greedy), REFUSAL_RATE);
    cr_expect_eq(message_number(&answer, FIELD_retry_after_ms), 700);
    cr_expect(message_has(&answer, FIELD_request_id));
    say_many(other, MESSAGE_confirm, 3);
    for (ptrdiff_t seen = 0; seen < 6;)
        seen += take(WORKER_TURN, &requests);
    finish_turn();
    say(greedy, MESSAGE_confirm);
    serve_one();
    zmq_close(greedy);
    zmq_close(again);
    zmq_close(other);
    stop();
}

Test(link, a_greedy_party_leaves_room_for_who_has_nothing_in_hand)
{
    const struct request *requests;
    void *greedy, *other;

    start_with(10);
    greedy = connect_as(&hub_key);
    other = connect_as(&sender_key);
    greet(greedy);
    greet(other);
    finish_turn();
    say_many(greedy, MESSAGE_confirm, 20);
    for (int i = 0; i < 12; i++)
        cr_assert_eq(hear_refusal(greedy), REFUSAL_RATE);
    say(other, MESSAGE_confirm);
    for (ptrdiff_t seen = 0; seen < 9;)
        seen += take(WORKER_TURN, &requests);
    zmq_close(greedy);
    zmq_close(other);
    stop();
}

Test(link, a_party_that_asks_too_often_is_told_when_to_come_again_and_its_answers_are_always_heard)
{
    const struct request *requests;
    void *greedy, *other;

    prepare(64);
    settings.party_rate = 1;
    settings.party_burst = 4;
    open_link();
    greedy = connect_as(&hub_key);
    other = connect_as(&sender_key);
    greet(greedy);
    greet(other);
    finish_turn();
    say_many(greedy, MESSAGE_capacity, 6);
    cr_expect_eq(hear_refusal(greedy), REFUSAL_RATE);
    cr_expect(message_number(&answer, FIELD_retry_after_ms) > 900 &&
              message_number(&answer, FIELD_retry_after_ms) <= 1000);
    cr_expect_eq(hear_refusal(greedy), REFUSAL_RATE);
    cr_expect(message_number(&answer, FIELD_retry_after_ms) > 1900 &&
              message_number(&answer, FIELD_retry_after_ms) <= 2000);
    say(greedy, MESSAGE_list);
    cr_expect_eq(hear_refusal(greedy), REFUSAL_RATE, "what is asked of the reader counts too");
    say_many(greedy, MESSAGE_confirm, 10);
    say(other, MESSAGE_list);
    cr_assert_eq(take(WORKER_READER, &requests), 1);
    for (ptrdiff_t seen = 0; seen < 14;)
        seen += take(WORKER_TURN, &requests);
    zmq_close(greedy);
    zmq_close(other);
    stop();
}

Test(link, the_turn_is_told_at_once_when_a_connection_has_gone)
{
    const struct request *requests;

    start();
    for (int i = 0; i < 20; i++) {
        void *peer = connect_as(&hub_key);
        connection_t gone = greet_and_remember(peer);

        zmq_close(peer);
        assert_gone(gone);
    }
    cr_expect_eq(take_until(WORKER_TURN, clock_now_ms() + 50, &requests), 0, "it is told once");
    stop();
}

Test(link, who_connects_again_is_heard_after_the_turn_has_been_told_that_it_had_gone)
{
    const struct request *requests;
    void *peer;

    start();
    peer = connect_as(&hub_key);
    for (int i = 0; i < 20; i++) {
        connection_t gone = greet_and_remember(peer);
        ptrdiff_t count;

        zmq_close(peer);
        zmq_ctx_term(context); /* returns when the connection is closed; zmq_close returns before */
        context = zmq_ctx_new();
        peer = connect_as(&hub_key);
        say(peer, MESSAGE_confirm);
        cr_assert_eq(hear_refusal(peer), REFUSAL_NO_HELLO);
        say(peer, MESSAGE_hello);
        count = take(WORKER_TURN, &requests);
        cr_assert_eq(requests[0].kind, REQUEST_GONE);
        cr_assert_eq(requests[0].connection, gone);
        if (count == 1)
            serve_one();
        else
            send_done(WORKER_TURN, requests + 1, 1);
        cr_assert_eq(hear(peer), MESSAGE_done);
    }
    close_and_stop(peer);
}

Test(link, while_draining_new_requests_are_told_so_and_what_is_in_hand_is_answered)
{
    const struct request *requests;
    void *peer = start_and_greet();

    say(peer, MESSAGE_confirm);
    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    link_stop(link_under_test);
    finish_worker(WORKER_READER);
    say(peer, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(peer), REFUSAL_DRAINING);
    send_done(WORKER_TURN, requests, 1);
    cr_expect_eq(take_until(WORKER_TURN, INT64_MAX, &requests), -1);
    cr_expect_eq(hear(peer), MESSAGE_done);
    close_and_stop(peer);
}

Test(link, who_has_found_nothing_left_may_still_send_until_it_leaves)
{
    static struct request asked;
    const struct request *requests;
    void *peer = start_and_greet();

    say(peer, MESSAGE_confirm);
    cr_assert_eq(take(WORKER_TURN, &requests), 1);
    asked = *requests;
    link_stop(link_under_test);
    finish_worker(WORKER_READER);
    finish_worker(WORKER_STUDY);
    cr_expect_eq(take_until(WORKER_TURN, INT64_MAX, &requests), -1);
    say(peer, MESSAGE_confirm);
    cr_expect_eq(hear_refusal(peer), REFUSAL_DRAINING);
    send_done(WORKER_TURN, &asked, 1);
    cr_expect_eq(hear(peer), MESSAGE_done);
    close_and_stop(peer);
}

Test(link, a_second_daemon_cannot_take_the_sockets)
{
    char why[512] = "";
    struct gate *second;

    start();
    second = link_open(&settings, why, sizeof why);
    cr_expect_null(second);
    cr_expect(strstr(why, "another daemon"), "%s", why);
    cr_expect_eq(access(settings.operator_socket, F_OK), 0);
    stop();
}

Test(link, a_secret_key_that_others_may_read_is_refused)
{
    char why[512] = "";

    prepare(8);
    chmod(settings.secret_key, 0644);
    link_under_test = link_open(&settings, why, sizeof why);
    cr_expect_null(link_under_test);
    cr_expect(strstr(why, "0600"), "%s", why);
    remove_directory();
}

/* SPDX-License-Identifier: MIT
 * link: see link.h. Uses libzmq with doors (how the sockets are opened) and zap
 * (who may come in). */
#include "daemon/io/link.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/connections.h"
#include "daemon/io/doors.h"
#include "daemon/io/log.h"
#include "daemon/io/queue.h"
#include "daemon/io/secret_key.h"
#include "daemon/io/zap.h"
#include "proto/check.h"

#define FRAMES_A_ROUND 256 /* read from one socket before answers are looked at */
#define READER_IN_FLIGHT 256
#define STUDY_IN_FLIGHT 1 /* who asks while another study runs is told to come later */
#define CONNECTIONS_MAX 65536
#define GONE_AGAIN_MS 20 /* the turn had no room to be told that a connection has gone */

struct door {
    void *socket;  /* a ROUTER */
    bool skipping; /* inside a message that was refused: its other frames are dropped as they come */
};

struct link {
    void *context;
    struct zap *zap;
    struct door doors[ENTRANCE_COUNT];
    struct queue *queues[WORKER_COUNT];
    struct outbox outboxes[WORKER_COUNT]; /* being sent */
    struct connections *connections;
    struct decoder *decoder;
    struct request *scratch; /* decodes what finds no room, to tell it so by its request_id */
    int wake;                /* eventfd: a worker has sent, or link_stop */
    int lock;                /* held while the operators' socket is ours */
    atomic_bool stopping;
    bool draining;
    int64_t retry_after_ms;
    char endpoint[ENDPOINT_BYTES];
    char operator_socket[SETTINGS_PATH_BYTES];
    uint8_t encoded[MESSAGE_BYTES_MAX];
};

/* One message as it came. */
struct arrival {
    enum entrance entrance;
    uint8_t routing_id[ROUTING_ID_BYTES_MAX];
    size_t routing_id_length;
    zmq_msg_t body;
    bool many_frames;
    bool is_known; /* principal is set */
    struct principal principal;
    struct connection *connection; /* NULL until it is known */
};

/* ---- opening --------------------------------------------------------------------------------------------------- */

/* libzmq's automatic routing ids start from rand(): unseeded, a peer could foresee them and abort the daemon. */
static bool seed_routing_ids(void)
{
    unsigned seed;

    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return false;
    srand(seed);
    return true;
}

static void wake_link(void *argument)
{
    const struct link *link = argument;
    const uint64_t one = 1;
    ssize_t written = write(link->wake, &one, sizeof one); /* full: it is awake anyway */

    (void)written;
}

static bool allocate(struct link *link, const struct settings *settings)
{
    link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    link->queues[WORKER_TURN] = queue_open(settings->in_flight, wake_link, link);
    link->queues[WORKER_READER] = queue_open(READER_IN_FLIGHT, wake_link, link);
    link->queues[WORKER_STUDY] = queue_open(STUDY_IN_FLIGHT, wake_link, link);
    link->connections = connections_open(CONNECTIONS_MAX);
    link->decoder = decoder_open();
    link->scratch = calloc(1, sizeof *link->scratch);
    link->context = zmq_ctx_new();
    return link->wake >= 0 && link->queues[WORKER_TURN] && link->queues[WORKER_READER] && link->queues[WORKER_STUDY] &&
           link->connections && link->decoder && link->scratch && link->context;
}

/* The handler of keys first: until it answers, nobody may find a door. */
static bool open_doors(struct link *link, const struct settings *settings, const struct key_pair *keys, char *why,
                       size_t why_size)
{
    link->zap = zap_open(link->context, settings->enrolled, settings->operator_socket, why, why_size);
    return link->zap &&
           doors_open_parties(link->context, settings->listen, keys, &link->doors[ENTRANCE_PARTIES].socket,
                              link->endpoint, why, why_size) &&
           (link->lock = doors_lock_operators(settings->operator_socket, why, why_size)) >= 0 &&
           doors_open_operators(link->context, settings->operator_socket, &link->doors[ENTRANCE_OPERATORS].socket, why,
                                why_size) &&
           doors_refuse_stranger(link->context, link->endpoint, keys->public_key, why, why_size);
}

/* ---- answering ------------------------------------------------------------------------------------------------- */

/* Never waits: a peer that is gone or does not read gives an error at once, since the socket is mandatory. */
static bool send_frame(struct link *link, enum entrance entrance, const void *routing_id, size_t routing_id_length,
                       const void *bytes, size_t length)
{
    void *socket = link->doors[entrance].socket;

    if (zmq_send(socket, routing_id, routing_id_length, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() != EHOSTUNREACH && zmq_errno() != EAGAIN)
            LOG(LOGGED_SOCKET_FAILED, {"why", .text = zmq_strerror(zmq_errno())});
        return false;
    }
    return zmq_send(socket, bytes, length, ZMQ_DONTWAIT) >= 0;
}

static void lose_connection(struct link *link, struct connection *connection)
{
    LOG(LOGGED_CONNECTION_LOST, {"party", .text = connection->principal.party});
    connections_drop(link->connections, connection);
}

static void answer_refused(struct link *link, struct arrival *arrival, const struct message *request,
                           const struct fault *fault)
{
    const struct refusal_spec *spec = refusal_spec(fault->refusal);
    struct message *answer = &link->scratch->message;
    struct message asked;
    size_t length;

    LOG_KIND(LOGGED_REFUSED, (unsigned)(spec - refusals) % LOG_KINDS_MAX, {"refusal", .text = spec->constant},
             {"party", .text = arrival->is_known ? arrival->principal.party : ""});
    /* The request may stand in the scratch that the answer is made in. */
    message_init(&asked, request ? request->type : MESSAGE_NONE);
    if (request)
        message_copy(&asked, request, FIELD_request_id);
    refuse(answer, &asked, fault, link->retry_after_ms);
    length = encode(answer, link->encoded, sizeof link->encoded);
    assert(length > 0);
    if (!send_frame(link, arrival->entrance, arrival->routing_id, arrival->routing_id_length, link->encoded, length) &&
        arrival->connection) {
        lose_connection(link, arrival->connection);
        arrival->connection = NULL;
    }
}

/* What leaves is for the principal that was there when it was asked for, and only while its key is enrolled. */
static void send_one(struct link *link, const struct outbox *outbox, const struct dispatch *dispatch)
{
    struct connection *connection = connections_find_handle(link->connections, dispatch->connection);
    struct principal now;

    if (!connection)
        return;
    if (!zap_find(link->zap, connection->principal.key, &now) || now.role != connection->principal.role ||
        strcmp(now.party, connection->principal.party) != 0) {
        LOG(LOGGED_REVOKED, {"party", .text = connection->principal.party});
        connections_drop(link->connections, connection);
    } else if (!send_frame(link, connection->entrance, connection->routing_id, connection->routing_id_length,
                           outbox->bytes + dispatch->offset, dispatch->length)) {
        lose_connection(link, connection);
    }
}

static void send_outbox(struct link *link, enum worker worker)
{
    struct outbox *outbox = &link->outboxes[worker];

    queue_collect(link->queues[worker], outbox);
    for (size_t i = 0; i < outbox->count; i++)
        send_one(link, outbox, &outbox->dispatches[i]);
    outbox_clear(outbox);
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

/* The principal of the moment, so that a revoked key loses its open connections too. The routing id's frame has no
 * User-Id after zmq_poll; the body's has. */
static bool find_principal(struct link *link, struct arrival *arrival)
{
    const char *user_id = zmq_msg_gets(&arrival->body, "User-Id");

    arrival->is_known = user_id && zap_find(link->zap, user_id, &arrival->principal) &&
                        (strlen(user_id) == KEY_TEXT_BYTES) == (arrival->entrance == ENTRANCE_PARTIES);
    return arrival->is_known;
}

static bool same_principal(const struct principal *a, const struct principal *b)
{
    return a->role == b->role && strcmp(a->key, b->key) == 0 && strcmp(a->party, b->party) == 0;
}

/* Sets arrival->connection; NULL with a refusal when the peer may not speak. */
static enum refusal find_connection(struct link *link, struct arrival *arrival)
{
    struct connection *connection =
        connections_find(link->connections, arrival->entrance, arrival->routing_id, arrival->routing_id_length);

    if (!find_principal(link, arrival)) {
        if (connection) {
            LOG(LOGGED_REVOKED, {"party", .text = connection->principal.party});
            connections_drop(link->connections, connection);
        }
        return REFUSAL_UNKNOWN_KEY;
    }
    if (connection && !same_principal(&connection->principal, &arrival->principal)) {
        connections_drop(link->connections, connection);
        connection = NULL;
    }
    if (!connection)
        connection = connections_add(link->connections, arrival->entrance, arrival->routing_id,
                                     arrival->routing_id_length, &arrival->principal);
    arrival->connection = connection;
    return connection ? REFUSAL_NONE : REFUSAL_BUSY;
}

/* Who answers; WORKER_COUNT: nobody, it is not said to the daemon. */
static enum worker worker_for(enum direction direction)
{
    static const enum worker workers[] = {[REQUEST] = WORKER_TURN,
                                          [QUESTION] = WORKER_READER,
                                          [STUDY] = WORKER_STUDY,
                                          [ANSWER] = WORKER_COUNT,
                                          [PUSH] = WORKER_COUNT};

    return workers[direction];
}

/* Whether this peer may say this now. */
static enum refusal judge(const struct link *link, const struct arrival *arrival, const struct message_spec *spec)
{
    if (worker_for(spec->direction) == WORKER_COUNT)
        return REFUSAL_UNKNOWN_TYPE;
    if ((spec->roles & ROLE_BIT(arrival->principal.role)) == 0)
        return REFUSAL_ROLE;
    if (link->draining)
        return REFUSAL_DRAINING;
    if (!arrival->connection->said_hello && spec->type != MESSAGE_hello && arrival->entrance == ENTRANCE_PARTIES)
        return REFUSAL_NO_HELLO;
    return REFUSAL_NONE;
}

static void fill_request(struct request *request, const struct arrival *arrival, const void *frame, size_t length)
{
    request->kind = REQUEST_MESSAGE;
    request->connection = arrival->connection->handle;
    request->role = arrival->principal.role;
    snprintf(request->party, sizeof request->party, "%s", arrival->principal.party);
    request->frame = frame;
    request->frame_length = length;
}

static void note_admitted(struct arrival *arrival, const struct message *message)
{
    if (message->type == MESSAGE_hello && !arrival->connection->said_hello) {
        arrival->connection->said_hello = true;
        LOG(LOGGED_HELLO, {"party", .text = arrival->principal.party});
    }
}

/* Decodes the frame straight into a slot of the turn, since most messages go there; what is for another worker is
 * decoded again into a slot of that one. True: admitted, and the frame belongs to the worker. */
static bool admit(struct link *link, struct arrival *arrival, const void *frame, size_t length)
{
    struct request *slot = queue_slot(link->queues[WORKER_TURN]);
    struct message *message = slot ? &slot->message : &link->scratch->message;
    enum worker worker = WORKER_TURN;
    struct fault fault = {0};

    if (decode(link->decoder, frame, length, message, &fault)) {
        fault.refusal = judge(link, arrival, message_spec(message->type));
        if (fault.refusal == REFUSAL_NONE)
            check_request(message, link_now_ms(), &fault);
    }
    if (fault.refusal == REFUSAL_NONE)
        worker = worker_for(message_spec(message->type)->direction);
    if (worker != WORKER_TURN) {
        slot = queue_slot(link->queues[worker]);
        if (slot && !decode(link->decoder, frame, length, &slot->message, &fault))
            slot = NULL;
    }
    if (fault.refusal == REFUSAL_NONE && !slot)
        fault.refusal = REFUSAL_BUSY;
    if (fault.refusal != REFUSAL_NONE) {
        answer_refused(link, arrival, message, &fault);
        return false;
    }
    fill_request(slot, arrival, frame, length);
    if (worker == WORKER_TURN)
        arrival->connection->known_to_turn = true;
    note_admitted(arrival, &slot->message);
    queue_keep(link->queues[worker]);
    return true;
}

/* The bytes are copied out of libzmq's message: that one may hold a whole read buffer of its connection, and belongs
 * to this thread. */
static void take_body(struct link *link, struct arrival *arrival)
{
    size_t length = zmq_msg_size(&arrival->body);
    void *frame = malloc(length + 1);

    if (!frame) {
        LOG(LOGGED_NO_MEMORY, {"bytes", .number = (int64_t)length});
        return;
    }
    memcpy(frame, zmq_msg_data(&arrival->body), length);
    if (!admit(link, arrival, frame, length))
        free(frame);
}

static void handle(struct link *link, struct arrival *arrival)
{
    struct fault fault = {.refusal = find_connection(link, arrival)};

    if (fault.refusal == REFUSAL_NONE && arrival->many_frames)
        fault.refusal = REFUSAL_MANY_FRAMES;
    if (fault.refusal == REFUSAL_NONE && zmq_msg_size(&arrival->body) > MESSAGE_BYTES_MAX)
        fault.refusal = REFUSAL_TOO_LARGE;
    if (fault.refusal == REFUSAL_NONE)
        take_body(link, arrival);
    else
        answer_refused(link, arrival, NULL, &fault);
}

/* One frame; false when there is none now. */
static bool receive_frame(void *socket, zmq_msg_t *frame)
{
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) >= 0)
        return true;
    if (zmq_errno() != EAGAIN && zmq_errno() != EINTR)
        LOG(LOGGED_SOCKET_FAILED, {"why", .text = zmq_strerror(zmq_errno())});
    zmq_msg_close(frame);
    return false;
}

/* Reads a message's routing id and body; more frames than that are left to be skipped. */
static void receive_message(struct link *link, enum entrance entrance, zmq_msg_t *first)
{
    struct door *door = &link->doors[entrance];
    struct arrival arrival = {.entrance = entrance};

    if (!zmq_msg_more(first) || zmq_msg_size(first) > ROUTING_ID_BYTES_MAX)
        return;
    arrival.routing_id_length = zmq_msg_size(first);
    memcpy(arrival.routing_id, zmq_msg_data(first), arrival.routing_id_length);
    if (!receive_frame(door->socket, &arrival.body))
        return;
    arrival.many_frames = door->skipping = zmq_msg_more(&arrival.body);
    handle(link, &arrival);
    zmq_msg_close(&arrival.body);
}

/* Bounded, so that one socket does not keep answers or the other one waiting; so is the skipping of a message of very
 * many frames, which goes on in the next round. */
static void drain_door(struct link *link, enum entrance entrance)
{
    struct door *door = &link->doors[entrance];

    for (int i = 0; i < FRAMES_A_ROUND; i++) {
        zmq_msg_t frame;

        if (!receive_frame(door->socket, &frame))
            return;
        if (door->skipping)
            door->skipping = zmq_msg_more(&frame);
        else
            receive_message(link, entrance, &frame);
        zmq_msg_close(&frame);
    }
}

/* As many as there is room for; the rest waits for the next round. */
static void tell_turn_who_has_gone(struct link *link)
{
    struct request *slot;

    while (connections_next_gone(link->connections) && (slot = queue_slot(link->queues[WORKER_TURN]))) {
        slot->kind = REQUEST_GONE;
        slot->connection = connections_next_gone(link->connections);
        slot->role = (enum role)0;
        slot->party[0] = '\0';
        slot->frame = NULL;
        slot->frame_length = 0;
        queue_keep(link->queues[WORKER_TURN]);
        connections_forget_gone(link->connections);
    }
}

static void run_round(struct link *link)
{
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        queue_begin(link->queues[worker]);
    for (enum entrance entrance = 0; entrance < ENTRANCE_COUNT; entrance++)
        drain_door(link, entrance);
    tell_turn_who_has_gone(link);
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        queue_publish(link->queues[worker]);
}

static void wait_for_work(struct link *link)
{
    zmq_pollitem_t items[] = {
        {link->doors[ENTRANCE_PARTIES].socket, 0, ZMQ_POLLIN, 0},
        {link->doors[ENTRANCE_OPERATORS].socket, 0, ZMQ_POLLIN, 0},
        {NULL, link->wake, ZMQ_POLLIN, 0},
    };
    uint64_t wakes;
    ssize_t length;

    zmq_poll(items, 3, connections_next_gone(link->connections) ? GONE_AGAIN_MS : -1);
    length = read(link->wake, &wakes, sizeof wakes);
    (void)length;
}

/* True: the workers have done what was in hand, and all their answers have been sent. */
static bool has_drained(struct link *link)
{
    bool ended = true;

    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        ended = queue_has_ended(link->queues[worker]) && ended;
    return ended;
}

/* ---- what others may use --------------------------------------------------------------------------------------- */

struct link *link_open(const struct settings *settings, char *why, size_t why_size)
{
    struct link *link = calloc(1, sizeof *link);
    struct key_pair keys = {0};
    bool opened;

    if (!link) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    link->wake = link->lock = -1;
    link->retry_after_ms = settings->retry_after_ms;
    snprintf(link->operator_socket, sizeof link->operator_socket, "%s", settings->operator_socket);
    snprintf(why, why_size, "out of memory");
    opened = seed_routing_ids() && allocate(link, settings) && doors_load_keys(settings, &keys, why, why_size) &&
             open_doors(link, settings, &keys, why, why_size);
    explicit_bzero(&keys, sizeof keys);
    if (!opened)
        link_close(&link);
    return link;
}

void link_close(struct link **taken)
{
    struct link *link = *taken;

    *taken = NULL;
    if (!link)
        return;
    /* The handler last: without it a key that connects meanwhile would not be judged. */
    for (enum entrance entrance = 0; entrance < ENTRANCE_COUNT; entrance++)
        if (link->doors[entrance].socket)
            zmq_close(link->doors[entrance].socket);
    zap_close(&link->zap);
    if (link->context)
        zmq_ctx_term(link->context);
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++) {
        queue_close(&link->queues[worker]);
        outbox_free(&link->outboxes[worker]);
    }
    connections_close(&link->connections);
    decoder_close(&link->decoder);
    free(link->scratch);
    if (link->lock >= 0) {
        unlink(link->operator_socket); /* ours, as long as the lock is held */
        close(link->lock);
    }
    if (link->wake >= 0)
        close(link->wake);
    free(link);
}

const char *link_endpoint(const struct link *link)
{
    return link->endpoint;
}

void link_run(struct link *link)
{
    for (;;) {
        wait_for_work(link);
        if (atomic_load(&link->stopping) && !link->draining) {
            link->draining = true;
            for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
                queue_end(link->queues[worker]);
        }
        /* Looked at before the answers are collected: who has ended sends nothing after. */
        bool drained = link->draining && has_drained(link);

        run_round(link);
        for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
            send_outbox(link, worker);
        if (drained)
            return;
    }
}

void link_stop(struct link *link)
{
    atomic_store(&link->stopping, true);
    wake_link(link);
}

void link_reload_keys(struct link *link)
{
    zap_reload(link->zap);
}

ptrdiff_t link_take(struct link *link, enum worker worker, int64_t until_ms, const struct request **requests)
{
    return queue_take(link->queues[worker], until_ms, link_now_ms, requests);
}

void link_finish(struct link *link, enum worker worker)
{
    queue_finish(link->queues[worker]);
}

void link_wake(struct link *link, enum worker worker)
{
    queue_wake(link->queues[worker]);
}

void link_send(struct link *link, enum worker worker, struct outbox *outbox)
{
    queue_send(link->queues[worker], outbox);
}

int64_t link_now_ms(void)
{
    static _Atomic int64_t newest;
    struct timespec now;
    int64_t ms, seen = atomic_load(&newest);

    clock_gettime(CLOCK_REALTIME, &now);
    ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    while (ms > seen)
        if (atomic_compare_exchange_weak(&newest, &seen, ms))
            return ms;
    return seen;
}

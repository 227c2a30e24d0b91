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
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/clock.h"
#include "daemon/io/connections.h"
#include "daemon/io/doors.h"
#include "daemon/io/log.h"
#include "daemon/io/queue.h"
#include "daemon/io/secret_key.h"
#include "daemon/io/unheard.h"
#include "daemon/io/zap.h"
#include "proto/check.h"

#define FRAMES_A_ROUND 64 /* read from one socket before answers are looked at */
#define READER_IN_FLIGHT 256
#define STUDY_IN_FLIGHT 1 /* who asks while another study runs is told to come later */
#define CONNECTIONS_MAX 65536
#define CONNECTIONS_OF_PARTY_MAX 1024
#define PARTIES_MAX 16384             /* more than keys that can be enrolled, and users */
#define FRAMES_BYTES_MAX (64ul << 20) /* of one queue's requests; longer ones than usual are told to come later */
#define DESCRIPTORS_MAX 131072        /* connections with higher ones are noticed to have gone when a send fails */
#define ROOM_SHARE 4                  /* a party may have so many times as much in a queue as there is room left */
#define GONE_AGAIN_MS 20              /* the turn had no room to be told that a connection has gone */

struct door {
    void *socket;  /* a ROUTER */
    void *watch;   /* tells of its connections that have gone */
    bool skipping; /* inside a message that was refused: its other frames are dropped as they come */
};

struct gate {
    void *context;
    struct zap *zap;
    struct door doors[ENTRANCE_COUNT];
    struct queue *queues[WORKER_COUNT];
    struct outbox outboxes[WORKER_COUNT]; /* being sent */
    struct connections *connections;
    connection_t *by_descriptor; /* DESCRIPTORS_MAX */
    struct unheard *unheard;     /* of the parties' connections */
    struct decoder *decoder;
    int wake; /* eventfd: a worker has sent, or link_stop */
    int lock; /* held while the operators' socket is ours */
    atomic_bool stopping;
    bool draining;
    int64_t retry_after_ms;
    uint32_t party_in_flight;
    struct bucket_limit party_limit;
    struct bucket strangers; /* refusals to those who are nobody any more */
    uint64_t keys_generation;
    char endpoint[ENDPOINT_BYTES];
    char operator_socket[SETTINGS_PATH_BYTES];
    struct message answer; /* a refusal, as it is encoded */
    uint8_t encoded[MESSAGE_BYTES_MAX];
};

/* One message as it came. */
struct arrival {
    enum entrance entrance;
    uint8_t routing_id[ROUTING_ID_BYTES_MAX];
    size_t routing_id_length;
    zmq_msg_t body;
    bool many_frames;
    struct connection *connection; /* NULL until it is known */
    int64_t retry_after_ms;        /* what a refusal tells that says to come later */
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
    const struct gate *link = argument;
    const uint64_t one = 1;
    ssize_t written = write(link->wake, &one, sizeof one); /* full: it is awake anyway */

    (void)written;
}

/* In flight is counted by party and worker: the owner of a request is the count. */
static void count_done(void *owner)
{
    uint32_t *in_flight = owner;

    assert(*in_flight > 0);
    --*in_flight;
}

static bool open_queues(struct gate *link, const struct settings *settings)
{
    const size_t most[WORKER_COUNT] = {
        [WORKER_TURN] = settings->in_flight, [WORKER_READER] = READER_IN_FLIGHT, [WORKER_STUDY] = STUDY_IN_FLIGHT};

    for (enum worker worker = 0; worker < WORKER_COUNT; worker++) {
        link->queues[worker] = queue_open(most[worker], wake_link, link, count_done);
        if (!link->queues[worker])
            return false;
    }
    return true;
}

/* libzmq's header tells the name only to who builds with its drafts; the library has it since 4.2.4. */
#ifndef ZMQ_ZERO_COPY_RECV
#define ZMQ_ZERO_COPY_RECV 10
#endif

/* A message that has not been read yet has its own memory: by itself it holds its connection's whole read buffer, 18
 * KiB. NULL: out of memory. */
static void *open_context(void)
{
    void *context = zmq_ctx_new();

    if (context) {
        int result = zmq_ctx_set(context, ZMQ_ZERO_COPY_RECV, 0);
        assert(result == 0);
    }
    return context;
}

static bool allocate(struct gate *link, const struct settings *settings)
{
    link->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    link->connections = connections_open(CONNECTIONS_MAX, CONNECTIONS_OF_PARTY_MAX, PARTIES_MAX);
    link->by_descriptor = calloc(DESCRIPTORS_MAX, sizeof *link->by_descriptor);
    link->unheard = unheard_open();
    link->decoder = decoder_open();
    link->context = open_context();
    return link->wake >= 0 && open_queues(link, settings) && link->connections && link->by_descriptor &&
           link->unheard && link->decoder && link->context;
}

/* The handler of keys first: until it answers, nobody may find a door. */
static bool open_doors(struct gate *link, const struct settings *settings, const struct key_pair *keys, char *why,
                       size_t why_size)
{
    link->zap = zap_open(link->context, settings, wake_link, link, why, why_size);
    return link->zap &&
           doors_open_parties(link->context, settings->listen, keys, &link->doors[ENTRANCE_PARTIES].socket,
                              link->endpoint, why, why_size) &&
           (link->lock = doors_lock_operators(settings->operator_socket, why, why_size)) >= 0 &&
           doors_open_operators(link->context, settings->operator_socket, &link->doors[ENTRANCE_OPERATORS].socket, why,
                                why_size) &&
           doors_watch(link->context, link->doors[ENTRANCE_PARTIES].socket, "parties",
                       &link->doors[ENTRANCE_PARTIES].watch, why, why_size) &&
           doors_watch(link->context, link->doors[ENTRANCE_OPERATORS].socket, "operators",
                       &link->doors[ENTRANCE_OPERATORS].watch, why, why_size) &&
           doors_refuse_stranger(link->context, link->endpoint, keys->public_key, why, why_size);
}

/* ---- answering ------------------------------------------------------------------------------------------------- */

/* Never waits: a peer that is gone or does not read gives an error at once, since the socket is mandatory. */
static bool send_frame(struct gate *link, enum entrance entrance, const void *routing_id, size_t routing_id_length,
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

static void lose_connection(struct gate *link, struct connection *connection)
{
    LOG(LOGGED_CONNECTION_LOST, {"party", .text = connection->principal.party});
    connections_drop(link->connections, connection);
}

static void answer_refused(struct gate *link, struct arrival *arrival, const struct message *request,
                           const struct fault *fault)
{
    const struct refusal_spec *spec = refusal_spec(fault->refusal);
    static const struct message unread = {.type = MESSAGE_NONE};
    size_t length;

    LOG_KIND(LOGGED_REFUSED, (unsigned)(spec - refusals) % LOG_KINDS_MAX, {"refusal", .text = spec->constant},
             {"party", .text = arrival->connection ? arrival->connection->principal.party : ""});
    refuse(&link->answer, request ? request : &unread, fault, arrival->retry_after_ms);
    length = encode(&link->answer, link->encoded, sizeof link->encoded);
    assert(length > 0);
    if (!send_frame(link, arrival->entrance, arrival->routing_id, arrival->routing_id_length, link->encoded, length) &&
        arrival->connection) {
        lose_connection(link, arrival->connection);
        arrival->connection = NULL;
    }
}

/* What leaves is for the principal that was there when it was asked for. */
static void send_one(struct gate *link, const struct outbox *outbox, const struct dispatch *dispatch)
{
    struct connection *connection = connections_find_handle(link->connections, dispatch->connection);

    if (connection && !send_frame(link, connection->entrance, connection->routing_id, connection->routing_id_length,
                                  outbox->bytes + dispatch->offset, dispatch->length))
        lose_connection(link, connection);
}

static void send_outbox(struct gate *link, enum worker worker)
{
    struct outbox *outbox = &link->outboxes[worker];

    queue_collect(link->queues[worker], outbox);
    for (size_t i = 0; i < outbox->count; i++)
        send_one(link, outbox, &outbox->dispatches[i]);
    outbox_clear(outbox);
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

static bool is_in_force(void *argument, const struct principal *principal)
{
    struct principal now;

    if (zap_find(argument, principal->key, &now) && now.role == principal->role &&
        strcmp(now.party, principal->party) == 0)
        return true;
    LOG(LOGGED_REVOKED, {"party", .text = principal->party});
    return false;
}

/* Connections in the table are those of keys in force: whoever is revoked loses them before anything more is received
 * or sent. */
static void drop_revoked(struct gate *link)
{
    uint64_t generation = zap_generation(link->zap);

    if (generation == link->keys_generation)
        return;
    link->keys_generation = generation;
    connections_review(link->connections, is_in_force, link->zap);
}

/* As many as there is room for; the rest waits for the next round. */
static void tell_turn_who_has_gone(struct gate *link)
{
    struct request *slot;

    while (connections_next_gone(link->connections) && queue_room(link->queues[WORKER_TURN]) > 0 &&
           (slot = queue_slot(link->queues[WORKER_TURN], NULL, 0))) {
        slot->kind = REQUEST_GONE;
        slot->connection = connections_next_gone(link->connections);
        slot->role = (enum role)0;
        slot->party[0] = '\0';
        queue_keep(link->queues[WORKER_TURN], NULL);
        connections_forget_gone(link->connections);
    }
}

/* libzmq has let go of the descriptor. */
static void forget_descriptor(struct gate *link, int descriptor)
{
    struct connection *connection = descriptor < DESCRIPTORS_MAX
                                        ? connections_find_handle(link->connections, link->by_descriptor[descriptor])
                                        : NULL;

    if (connection)
        lose_connection(link, connection);
    unheard_gone(link->unheard, descriptor);
}

static void notice_events(struct gate *link)
{
    for (enum entrance entrance = 0; entrance < ENTRANCE_COUNT; entrance++) {
        bool has_gone;
        int descriptor;

        while ((descriptor = doors_next_event(link->doors[entrance].watch, &has_gone)) >= 0)
            if (has_gone)
                forget_descriptor(link, descriptor);
            else if (entrance == ENTRANCE_PARTIES)
                unheard_come(link->unheard, descriptor);
    }
    tell_turn_who_has_gone(link);
}

/* A descriptor is used again when its connection has gone. libzmq tells that before anything of the new one comes, so
 * what it has told by now is about the old one; and the turn, too, hears of that first. */
static struct connection *add_connection(struct gate *link, const struct arrival *arrival,
                                         const struct principal *principal)
{
    int descriptor = zmq_msg_get(&arrival->body, ZMQ_SRCFD);
    struct connection *connection;

    notice_events(link);
    connection = connections_add(link->connections, arrival->entrance, arrival->routing_id, arrival->routing_id_length,
                                 principal);
    if (connection && descriptor >= 0 && descriptor < DESCRIPTORS_MAX) {
        connection->descriptor = descriptor;
        link->by_descriptor[descriptor] = connection->handle;
    }
    return connection;
}

/* Sets arrival->connection; NULL with a refusal when the peer may not speak. A routing id may have come to another peer
 * since. The routing id's frame has no User-Id after zmq_poll; the body's has. */
static enum refusal find_connection(struct gate *link, struct arrival *arrival)
{
    const char *user_id = zmq_msg_gets(&arrival->body, "User-Id");
    struct connection *connection =
        connections_find(link->connections, arrival->entrance, arrival->routing_id, arrival->routing_id_length);
    struct principal principal;

    if (connection && (!user_id || strcmp(connection->principal.key, user_id) != 0)) {
        connections_drop(link->connections, connection);
        connection = NULL;
    }
    if (!connection) {
        if (!user_id || (strlen(user_id) == KEY_TEXT_BYTES) != (arrival->entrance == ENTRANCE_PARTIES) ||
            !zap_find(link->zap, user_id, &principal))
            return REFUSAL_UNKNOWN_KEY;
        connection = add_connection(link, arrival, &principal);
    }
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
static enum refusal judge(const struct gate *link, const struct arrival *arrival, const struct message_spec *spec)
{
    if (worker_for(spec->direction) == WORKER_COUNT)
        return REFUSAL_UNKNOWN_TYPE;
    if ((spec->roles & ROLE_BIT(arrival->connection->principal.role)) == 0)
        return REFUSAL_ROLE;
    if (link->draining)
        return REFUSAL_DRAINING;
    if (!arrival->connection->said_hello && spec->type != MESSAGE_hello && arrival->entrance == ENTRANCE_PARTIES)
        return REFUSAL_NO_HELLO;
    return REFUSAL_NONE;
}

/* What hubs answer to offers and enquiries, what ends an offer's wait, and what opens a conversation: never too often,
 * since the network waits for it. */
static bool is_waited_for(enum message_type type)
{
    static const enum message_type types[] = {
        MESSAGE_hello, MESSAGE_confirm, MESSAGE_accept,    MESSAGE_reject,   MESSAGE_start,          MESSAGE_complete,
        MESSAGE_fail,  MESSAGE_pause,   MESSAGE_hand_back, MESSAGE_progress, MESSAGE_answer_enquiry, MESSAGE_resume};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* Whether there is room for one request more, in all and of this party. While others have much in hand too, each may
 * have less, so that there is always room for who has nothing. */
static enum refusal judge_flow(struct gate *link, struct arrival *arrival, enum message_type type, enum worker worker)
{
    const struct queue *queue = link->queues[worker];
    struct party *party = arrival->connection->party;

    if (queue_room(queue) == 0 || queue_bytes(queue) > FRAMES_BYTES_MAX)
        return REFUSAL_BUSY;
    if (party->in_flight[worker] >= link->party_in_flight || party->in_flight[worker] >= ROOM_SHARE * queue_room(queue))
        return REFUSAL_RATE;
    if (!is_waited_for(type) &&
        !bucket_take(&party->bucket, &link->party_limit, clock_now_ms(), &arrival->retry_after_ms))
        return REFUSAL_RATE;
    return REFUSAL_NONE;
}

static void fill_request(struct request *request, const struct arrival *arrival)
{
    request->kind = REQUEST_MESSAGE;
    request->connection = arrival->connection->handle;
    request->role = arrival->connection->principal.role;
    memcpy(request->party, arrival->connection->principal.party, sizeof request->party);
}

static void note_admitted(struct arrival *arrival, const struct message *message)
{
    if (message->type == MESSAGE_hello && !arrival->connection->said_hello) {
        arrival->connection->said_hello = true;
        LOG(LOGGED_HELLO, {"party", .text = arrival->connection->principal.party});
    }
}

/* Who may say it is asked before what it says is looked at: that is nobody else's business. */
static enum worker judge_message(struct gate *link, struct arrival *arrival, bool is_decoded,
                                 const struct message *message, struct fault *fault)
{
    const struct message_spec *spec = message_spec(message->type);
    enum refusal refusal = spec ? judge(link, arrival, spec) : REFUSAL_NONE;

    if (refusal != REFUSAL_NONE)
        *fault = (struct fault){.refusal = refusal};
    else if (is_decoded && check_request(message, clock_now_ms(), fault))
        fault->refusal = judge_flow(link, arrival, message->type, worker_for(spec->direction));
    return fault->refusal == REFUSAL_NONE ? worker_for(spec->direction) : WORKER_COUNT;
}

/* NULL: out of memory; the peer asks again. */
static struct request *take_slot(struct gate *link, enum worker worker, const void *frame, size_t length)
{
    struct request *slot = queue_slot(link->queues[worker], frame, length);

    if (!slot)
        LOG(LOGGED_NO_MEMORY, {"bytes", .number = (int64_t)length});
    return slot;
}

/* The slot of another worker than the turn, with a copy of the frame and of what it says. */
static struct request *move_to(struct gate *link, enum worker worker, const struct request *from)
{
    struct request *slot = take_slot(link, worker, from->frame, from->frame_length);
    struct fault fault;

    if (slot) {
        bool is_decoded =
            decode(link->decoder, slot->frame, slot->frame_length, queue_message(link->queues[worker]), &fault);
        assert(is_decoded);
    }
    return slot;
}

static void admit(struct gate *link, struct arrival *arrival, enum worker worker, struct request *slot)
{
    fill_request(slot, arrival);
    if (worker == WORKER_TURN)
        arrival->connection->known_to_turn = true;
    note_admitted(arrival, slot->message);
    arrival->connection->party->in_flight[worker]++;
    queue_keep(link->queues[worker], &arrival->connection->party->in_flight[worker]);
}

/* Decoded straight into a slot of the turn, since most messages go there. The bytes are copied out of libzmq's message,
 * which belongs to this thread. */
static void take_body(struct gate *link, struct arrival *arrival)
{
    struct request *slot = take_slot(link, WORKER_TURN, zmq_msg_data(&arrival->body), zmq_msg_size(&arrival->body));
    struct fault fault = {0};

    if (!slot)
        return;
    struct message *message = queue_message(link->queues[WORKER_TURN]);
    bool is_decoded = decode(link->decoder, slot->frame, slot->frame_length, message, &fault);
    enum worker worker = judge_message(link, arrival, is_decoded, message, &fault);
    if (worker == WORKER_COUNT)
        answer_refused(link, arrival, message, &fault);
    else if (worker == WORKER_TURN || (slot = move_to(link, worker, slot)))
        admit(link, arrival, worker, slot);
}

/* Who is nobody any more need not be told without end. */
static bool is_told(struct gate *link, enum refusal refusal)
{
    static const struct bucket_limit limit = {.rate = 100, .burst = 100};
    int64_t wait_ms;

    return refusal != REFUSAL_UNKNOWN_KEY || bucket_take(&link->strangers, &limit, clock_now_ms(), &wait_ms);
}

static void handle(struct gate *link, struct arrival *arrival)
{
    struct fault fault = {.refusal = find_connection(link, arrival)};

    if (arrival->connection)
        unheard_heard(link->unheard, arrival->connection->descriptor);
    if (fault.refusal == REFUSAL_NONE && arrival->many_frames)
        fault.refusal = REFUSAL_MANY_FRAMES;
    if (fault.refusal == REFUSAL_NONE && zmq_msg_size(&arrival->body) > MESSAGE_BYTES_MAX)
        fault.refusal = REFUSAL_TOO_LARGE;
    if (fault.refusal == REFUSAL_NONE)
        take_body(link, arrival);
    else if (is_told(link, fault.refusal))
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
static void receive_message(struct gate *link, enum entrance entrance, zmq_msg_t *first)
{
    struct door *door = &link->doors[entrance];
    struct arrival arrival = {.entrance = entrance, .retry_after_ms = link->retry_after_ms};

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
static void drain_door(struct gate *link, enum entrance entrance)
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

static void end_unheard(struct gate *link)
{
    uint32_t ended = unheard_look(link->unheard, clock_steady_ms());

    if (ended > 0)
        LOG(LOGGED_UNHEARD, {"connections", .number = ended}, {"bytes", .number = UNHEARD_BYTES_MAX});
}

static void run_round(struct gate *link)
{
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        queue_begin(link->queues[worker]);
    notice_events(link);
    for (enum entrance entrance = 0; entrance < ENTRANCE_COUNT; entrance++)
        drain_door(link, entrance);
    end_unheard(link);
    tell_turn_who_has_gone(link);
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        queue_publish(link->queues[worker]);
}

static long patience_ms(const struct gate *link)
{
    int64_t look = unheard_next_look(link->unheard), now = clock_steady_ms();

    if (connections_next_gone(link->connections))
        return GONE_AGAIN_MS;
    return look == INT64_MAX ? -1 : look <= now ? 0 : (long)(look - now);
}

static void wait_for_work(struct gate *link)
{
    zmq_pollitem_t items[] = {
        {link->doors[ENTRANCE_PARTIES].socket, 0, ZMQ_POLLIN, 0},
        {link->doors[ENTRANCE_OPERATORS].socket, 0, ZMQ_POLLIN, 0},
        {link->doors[ENTRANCE_PARTIES].watch, 0, ZMQ_POLLIN, 0},
        {link->doors[ENTRANCE_OPERATORS].watch, 0, ZMQ_POLLIN, 0},
        {NULL, link->wake, ZMQ_POLLIN, 0},
    };
    uint64_t wakes;
    ssize_t length;

    zmq_poll(items, sizeof items / sizeof items[0], patience_ms(link));
    length = read(link->wake, &wakes, sizeof wakes);
    (void)length;
}

/* True: the workers have done what was in hand, and all their answers have been sent. */
static bool has_drained(struct gate *link)
{
    bool ended = true;

    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        ended = queue_has_ended(link->queues[worker]) && ended;
    return ended;
}

/* The socket stops telling before nobody listens: libzmq's own thread would wait. */
static void close_door(struct door *door)
{
    if (door->socket)
        zmq_socket_monitor(door->socket, NULL, 0);
    if (door->watch)
        zmq_close(door->watch);
    if (door->socket)
        zmq_close(door->socket);
}

/* ---- what others may use --------------------------------------------------------------------------------------- */

struct gate *link_open(const struct settings *settings, char *why, size_t why_size)
{
    struct gate *link = calloc(1, sizeof *link);
    struct key_pair keys = {0};
    bool opened;

    if (!link) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    link->wake = link->lock = -1;
    link->retry_after_ms = settings->retry_after_ms;
    link->party_in_flight = settings->party_in_flight;
    link->party_limit = (struct bucket_limit){settings->party_rate, settings->party_burst};
    snprintf(link->operator_socket, sizeof link->operator_socket, "%s", settings->operator_socket);
    snprintf(why, why_size, "out of memory");
    opened = seed_routing_ids() && allocate(link, settings) && doors_load_keys(settings, &keys, why, why_size) &&
             open_doors(link, settings, &keys, why, why_size);
    explicit_bzero(&keys, sizeof keys);
    if (!opened)
        link_close(&link);
    return link;
}

void link_close(struct gate **taken)
{
    struct gate *link = *taken;

    *taken = NULL;
    if (!link)
        return;
    /* The handler last: without it a key that connects meanwhile would not be judged. */
    for (enum entrance entrance = 0; entrance < ENTRANCE_COUNT; entrance++)
        close_door(&link->doors[entrance]);
    zap_close(&link->zap);
    if (link->context)
        zmq_ctx_term(link->context);
    for (enum worker worker = 0; worker < WORKER_COUNT; worker++) {
        queue_close(&link->queues[worker]);
        outbox_free(&link->outboxes[worker]);
    }
    connections_close(&link->connections);
    free(link->by_descriptor);
    unheard_close(&link->unheard);
    decoder_close(&link->decoder);
    if (link->lock >= 0) {
        unlink(link->operator_socket); /* ours, as long as the lock is held */
        close(link->lock);
    }
    if (link->wake >= 0)
        close(link->wake);
    free(link);
}

const char *link_endpoint(const struct gate *link)
{
    return link->endpoint;
}

void link_run(struct gate *link)
{
    for (;;) {
        wait_for_work(link);
        if (atomic_load(&link->stopping) && !link->draining) {
            link->draining = true;
            for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
                queue_end(link->queues[worker]);
        }
        /* Looked at before the answers are collected: of who has left there are no others. */
        bool drained = link->draining && has_drained(link);

        drop_revoked(link);
        run_round(link);
        for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
            send_outbox(link, worker);
        if (drained)
            return;
    }
}

void link_stop(struct gate *link)
{
    atomic_store(&link->stopping, true);
    wake_link(link);
}

void link_reload_keys(struct gate *link)
{
    zap_reload(link->zap);
}

struct queue *link_queue(const struct gate *link, enum worker worker)
{
    return link->queues[worker];
}

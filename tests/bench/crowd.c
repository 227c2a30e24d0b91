/* SPDX-License-Identifier: MIT
 * crowd: libzmq's poll looks at every socket each time; epoll on what each tells its news with does not. */
#include "tests/bench/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/codec.h"

#define CONFIRM_EVERY 64
#define CONNECT_AT_ONCE 50 /* the daemon has room for so many that have not shaken hands */
#define EVENTS 64
#define PATIENCE_MS 60000
#define QUIET_MS 200
#define OWN_REQUEST 1 /* the kind of id */

static void *memory(size_t count, size_t size)
{
    void *block = calloc(count, size);

    if (!block)
        rig_fail("memory");
    return block;
}

void crowd_send(struct crowd *crowd, struct peer *peer, const void *frame, size_t length)
{
    if (zmq_send(peer->socket, frame, length, 0) < 0)
        rig_fail("send");
    if (!peer->is_stirred) {
        peer->is_stirred = true;
        crowd->stirred[crowd->stirred_count++] = (unsigned)(peer - crowd->peers);
    }
}

void crowd_say(struct crowd *crowd, struct peer *peer, struct message *message)
{
    uint8_t frame[1024];
    uint8_t id[UUID_BYTES];

    peek_make_id(id, peer->requests++, OWN_REQUEST);
    memcpy(id + 8, &crowd->rig->crowds, sizeof crowd->rig->crowds);
    message_set_uuid(message, FIELD_request_id, id);
    size_t length = encode(message, frame, sizeof frame);
    if (length == 0)
        rig_fail("a request is too large");
    crowd_send(crowd, peer, frame, length);
}

void crowd_confirm(struct crowd *crowd, struct peer *peer)
{
    struct message message;

    if (peer->confirmed == peer->pushed)
        return;
    message_init(&message, MESSAGE_confirm);
    message_set_number(&message, FIELD_mailbox_number, peer->pushed);
    crowd_say(crowd, peer, &message);
    peer->confirmed = peer->pushed;
}

static void note(struct crowd *crowd, struct peer *peer, const struct peek *answer)
{
    if (answer->type == MESSAGE_welcome) {
        peer->pushed = peer->confirmed = answer->mailbox_number;
        crowd->welcomed += !peer->is_welcome;
        peer->is_welcome = true;
    } else if (answer->mailbox_number > 0) {
        if (answer->mailbox_number == peer->pushed + 1)
            peer->pushed = answer->mailbox_number;
        if (peer->pushed - peer->confirmed >= CONFIRM_EVERY)
            crowd_confirm(crowd, peer);
    } else if (answer->type == MESSAGE_refused && !answer->retry_after_ms) {
        fprintf(stderr, "bench: refused: %.*s\n", (int)answer->sentence.length, answer->sentence.bytes);
        exit(70);
    }
}

static bool drain(struct crowd *crowd, struct peer *peer, crowd_answer *take, void *context)
{
    zmq_msg_t frame;
    struct peek answer;
    bool any = false;

    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, peer->socket, ZMQ_DONTWAIT) >= 0) {
        any = true;
        if (!peek(zmq_msg_data(&frame), zmq_msg_size(&frame), &answer))
            rig_fail("an answer cannot be read");
        note(crowd, peer, &answer);
        if (take)
            take(context, peer, &answer);
    }
    zmq_msg_close(&frame);
    return any;
}

static bool drain_stirred(struct crowd *crowd, crowd_answer *take, void *context)
{
    bool any = false;

    while (crowd->stirred_count > 0) {
        struct peer *peer = &crowd->peers[crowd->stirred[--crowd->stirred_count]];

        peer->is_stirred = false;
        any = drain(crowd, peer, take, context) || any;
    }
    return any;
}

bool crowd_hear(struct crowd *crowd, int wait_ms, crowd_answer *take, void *context)
{
    struct epoll_event events[EVENTS];
    bool any = drain_stirred(crowd, take, context);
    int ready = epoll_wait(crowd->epoll, events, EVENTS, any ? 0 : wait_ms);

    for (int i = 0; i < ready; i++)
        any = drain(crowd, &crowd->peers[events[i].data.u32], take, context) || any;
    return any;
}

static void connect_one(struct crowd *crowd, unsigned i)
{
    struct rig *rig = crowd->rig;
    struct peer *peer = &crowd->peers[i];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    struct message message;
    int file;
    size_t size = sizeof file;

    peer->socket =
        rig_connect(rig, i < crowd->senders ? &rig->senders[crowd->first + i] : &rig->hubs[i - crowd->senders]);
    if (zmq_getsockopt(peer->socket, ZMQ_FD, &file, &size) != 0 ||
        epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, file, &event) != 0)
        rig_fail("epoll");
    message_init(&message, MESSAGE_hello);
    message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
    crowd_say(crowd, peer, &message);
}

static void connect_all(struct crowd *crowd)
{
    crowd->peers = memory(crowd->count, sizeof crowd->peers[0]);
    crowd->stirred = memory(crowd->count, sizeof crowd->stirred[0]);
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (crowd->epoll < 0)
        rig_fail("epoll");
    crowd->rig->crowds++;
    for (unsigned asked = 0; crowd->welcomed < crowd->count;) {
        while (asked < crowd->count && asked - crowd->welcomed < CONNECT_AT_ONCE)
            connect_one(crowd, asked++);
        if (!crowd_hear(crowd, PATIENCE_MS, NULL, NULL))
            rig_fail("not all parties are welcome");
    }
}

void crowd_open(struct crowd *crowd, struct rig *rig, unsigned senders)
{
    *crowd = (struct crowd){.rig = rig, .senders = senders, .count = senders + rig->hubs_count};
    connect_all(crowd);
}

void crowd_open_senders(struct crowd *crowd, struct rig *rig, unsigned first, unsigned senders)
{
    *crowd = (struct crowd){.rig = rig, .first = first, .senders = senders, .count = senders};
    connect_all(crowd);
}

void crowd_rest(struct crowd *crowd)
{
    do {
        for (unsigned i = 0; i < crowd->count; i++)
            crowd_confirm(crowd, &crowd->peers[i]);
    } while (crowd->count > 0 && crowd_hear(crowd, QUIET_MS, NULL, NULL));
}

void crowd_close(struct crowd *crowd)
{
    crowd_rest(crowd);
    for (unsigned i = 0; i < crowd->count; i++)
        zmq_close(crowd->peers[i].socket);
    if (crowd->count > 0)
        close(crowd->epoll);
    free(crowd->peers);
    free(crowd->stirred);
    *crowd = (struct crowd){.rig = crowd->rig};
}

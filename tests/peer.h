/* SPDX-License-Identifier: MIT
 * peer: a tiny daemon for tests of clients: a ROUTER on a wildcard port with an access check, in a thread of its own.
 * What it answers is a function of the test. Included by one file of each test program. */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include "proto/check.h"
#include "proto/codec.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define PEER_AT INT64_C(1795000000000)
#define PEER_AUDIT_HEAD "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct peer {
    void *context, *router, *zap;
    pthread_t thread;
    char endpoint[128], directory[64], key_file[128], server_key[128];
    char public_key[41], secret_key[41];
    atomic_bool is_stopping;
    atomic_int access;         /* what the access check says */
    atomic_bool loses_answers; /* for the test's answer function */
    atomic_int count[128];     /* of messages by type */
    uint8_t first_id[UUID_BYTES];
    atomic_int other_ids; /* requests, hello apart, with another request_id than the first */
    void (*answer)(struct peer *, const struct message *);
    struct decoder *decoder;
    char address[256];
    size_t address_length;
};

static void peer_send(struct peer *peer, const struct message *message)
{
    static unsigned char bytes[MESSAGE_BYTES_MAX];
    size_t length = encode(message, bytes, sizeof bytes);

    zmq_send(peer->router, peer->address, peer->address_length, ZMQ_SNDMORE);
    zmq_send(peer->router, bytes, length, ZMQ_DONTWAIT);
}

static void peer_answer(struct message *answer, enum message_type type, const struct message *request)
{
    message_init(answer, type);
    message_set_uuid(answer, FIELD_request_id, message_uuid(request, FIELD_request_id));
}

static void peer_welcome(struct peer *peer, const struct message *hello, int64_t confirmed)
{
    struct message welcome;

    peer_answer(&welcome, MESSAGE_welcome, hello);
    message_set_number(&welcome, FIELD_protocol_version, 1);
    message_set_string(&welcome, FIELD_party, "surgery-12");
    message_set_number(&welcome, FIELD_role, ROLE_SENDER);
    message_set_number(&welcome, FIELD_mailbox_number, confirmed);
    message_set_number(&welcome, FIELD_window, 10);
    message_set_string(&welcome, FIELD_version, "test");
    message_set_number(&welcome, FIELD_audit_sequence, 7);
    message_set_string(&welcome, FIELD_audit_head, PEER_AUDIT_HEAD);
    message_set_number(&welcome, FIELD_at, PEER_AT);
    peer_send(peer, &welcome);
}

__attribute__((unused)) static void peer_done(struct peer *peer, const struct message *request)
{
    struct message done;

    peer_answer(&done, MESSAGE_done, request);
    message_set_number(&done, FIELD_duplicate, false);
    message_set_number(&done, FIELD_at, PEER_AT);
    peer_send(peer, &done);
}

__attribute__((unused)) static void peer_refuse(struct peer *peer, const struct message *request, enum refusal refusal,
                                                const char *field)
{
    struct fault fault = {.refusal = refusal};
    struct message refused;

    snprintf(fault.field, sizeof fault.field, "%s", field);
    refuse(&refused, request, &fault, 20);
    peer_send(peer, &refused);
}

__attribute__((unused)) static void peer_push(struct peer *peer, int64_t number)
{
    static const uint8_t correlation[UUID_BYTES] = {1};
    struct message push;

    message_init(&push, MESSAGE_withdrawn);
    message_set_number(&push, FIELD_mailbox_number, number);
    message_set_number(&push, FIELD_referral_id, 1042);
    message_set_uuid(&push, FIELD_correlation_id, correlation);
    message_set_number(&push, FIELD_offer_number, 1);
    message_set_number(&push, FIELD_state, STATE_CANCELLED);
    message_set_number(&push, FIELD_status_reason, REASON_SILENCE);
    message_set_number(&push, FIELD_at, PEER_AT);
    peer_send(peer, &push);
}

static void peer_receive(struct peer *peer)
{
    unsigned char bytes[MESSAGE_BYTES_MAX];
    struct message message;
    struct fault fault;
    int length = zmq_recv(peer->router, peer->address, sizeof peer->address, ZMQ_DONTWAIT);

    if (length < 0)
        return;
    peer->address_length = (size_t)length;
    length = zmq_recv(peer->router, bytes, sizeof bytes, 0);
    if (length < 0 || !decode(peer->decoder, bytes, (size_t)length, &message, &fault))
        return;
    if (message.type != MESSAGE_hello && atomic_load(&peer->count[message.type]) == 0)
        memcpy(peer->first_id, message_uuid(&message, FIELD_request_id), UUID_BYTES);
    else if (message.type != MESSAGE_hello &&
             memcmp(peer->first_id, message_uuid(&message, FIELD_request_id), UUID_BYTES) != 0)
        atomic_fetch_add(&peer->other_ids, 1);
    atomic_fetch_add(&peer->count[message.type], 1);
    if (peer->answer)
        peer->answer(peer, &message);
}

/* version, request id, domain, address, identity, mechanism, credentials: only the request id matters here. */
static void peer_check_access(struct peer *peer)
{
    char frames[8][64], status[8];
    int lengths[8] = {0}, count = 0, more = 1;
    size_t size = sizeof more;

    for (; more && count < 8; count++) {
        lengths[count] = zmq_recv(peer->zap, frames[count], sizeof frames[count], count == 0 ? ZMQ_DONTWAIT : 0);
        if (lengths[count] < 0)
            return;
        zmq_getsockopt(peer->zap, ZMQ_RCVMORE, &more, &size);
    }
    snprintf(status, sizeof status, "%d", atomic_load(&peer->access));
    zmq_send(peer->zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(peer->zap, frames[1], (size_t)lengths[1], ZMQ_SNDMORE);
    zmq_send(peer->zap, status, 3, ZMQ_SNDMORE);
    zmq_send(peer->zap, "", 0, ZMQ_SNDMORE);
    zmq_send(peer->zap, "user", 4, ZMQ_SNDMORE);
    zmq_send(peer->zap, "", 0, 0);
}

static void *peer_run(void *context)
{
    struct peer *peer = context;
    zmq_pollitem_t items[] = {{peer->router, 0, ZMQ_POLLIN, 0}, {peer->zap, 0, ZMQ_POLLIN, 0}};

    while (!atomic_load(&peer->is_stopping)) {
        zmq_poll(items, 2, 20);
        peer_check_access(peer);
        peer_receive(peer);
    }
    return NULL;
}

static void peer_write_keys(const char *path, const char *public_key, const char *secret_key)
{
    FILE *file = fopen(path, "w");

    assert(file);
    chmod(path, 0600);
    fprintf(file, "public_key = \"%s\";\n", public_key);
    if (secret_key)
        fprintf(file, "secret_key = \"%s\";\n", secret_key);
    fclose(file);
}

/* address NULL: a wildcard port of the loopback. is_curve: encrypts. The test sets `answer` before. */
static void peer_bind(struct peer *peer, const char *address, bool is_curve)
{
    int on = 1, off = 0;
    size_t size = sizeof peer->endpoint;

    peer->router = zmq_socket(peer->context, ZMQ_ROUTER);
    zmq_setsockopt(peer->router, ZMQ_LINGER, &off, sizeof off);
    if (is_curve) {
        zmq_setsockopt(peer->router, ZMQ_CURVE_SERVER, &on, sizeof on);
        zmq_setsockopt(peer->router, ZMQ_CURVE_SECRETKEY, peer->secret_key, 41);
        zmq_setsockopt(peer->router, ZMQ_ZAP_DOMAIN, "test", 4);
    }
    while (zmq_bind(peer->router, address ? address : "tcp://127.0.0.1:*") != 0)
        assert(errno == EADDRINUSE);
    zmq_getsockopt(peer->router, ZMQ_LAST_ENDPOINT, peer->endpoint, &size);
    atomic_store(&peer->is_stopping, false);
    pthread_create(&peer->thread, NULL, peer_run, peer);
}

static void peer_unbind(struct peer *peer)
{
    atomic_store(&peer->is_stopping, true);
    pthread_join(peer->thread, NULL);
    zmq_close(peer->router);
}

static struct peer *peer_open(void (*answer)(struct peer *, const struct message *))
{
    struct peer *peer = calloc(1, sizeof *peer);
    char public_key[41], secret_key[41];
    int off = 0;

    peer->context = zmq_ctx_new();
    peer->decoder = decoder_open();
    peer->answer = answer;
    atomic_store(&peer->access, 200);
    strcpy(peer->directory, "/tmp/peer-XXXXXX");
    assert(mkdtemp(peer->directory));
    snprintf(peer->key_file, sizeof peer->key_file, "%s/surgery-12.key", peer->directory);
    snprintf(peer->server_key, sizeof peer->server_key, "%s/server.pub", peer->directory);
    zmq_curve_keypair(public_key, secret_key);
    peer_write_keys(peer->key_file, public_key, secret_key);
    zmq_curve_keypair(peer->public_key, peer->secret_key);
    peer_write_keys(peer->server_key, peer->public_key, NULL);
    peer->zap = zmq_socket(peer->context, ZMQ_REP);
    zmq_setsockopt(peer->zap, ZMQ_LINGER, &off, sizeof off);
    zmq_bind(peer->zap, "inproc://zeromq.zap.01");
    return peer;
}

static void peer_close(struct peer *peer)
{
    char path[160];

    if (peer->router)
        peer_unbind(peer);
    zmq_close(peer->zap);
    zmq_ctx_term(peer->context);
    decoder_close(&peer->decoder);
    unlink(peer->key_file);
    unlink(peer->server_key);
    snprintf(path, sizeof path, "%s/socket", peer->directory);
    unlink(path);
    rmdir(peer->directory);
    free(peer);
}

#endif

/* SPDX-License-Identifier: MIT
 * batch: what link and its workers hand one another: requests one way, encoded messages the other. */
#ifndef IO_BATCH_H
#define IO_BATCH_H

#include "proto/codec.h"

/* A handle for the connection that a request came from and its answer goes to. Never 0 for a real one. */
typedef uint64_t connection_t;

/* Who does what link admits: the turn (REQUEST), the reader (QUESTION), the study (STUDY). */
enum worker { WORKER_TURN, WORKER_READER, WORKER_STUDY, WORKER_COUNT };

enum request_kind {
    REQUEST_MESSAGE, /* a decoded, checked message */
    REQUEST_GONE     /* the connection has gone, or could not be sent to */
};

/* One thing that link hands over. Owned by link until it gets the batch back; texts of message live as long. */
struct request {
    enum request_kind kind;
    connection_t connection;
    enum role role;
    char party[ID_BYTES_MAX + 1];
    const void *frame; /* the bytes that message was decoded from */
    size_t frame_length;
    const struct message *message; /* its memory ends behind its last value; empty when the connection has gone */
};

/* Encoded messages to send, in order. Grows; reused from turn to turn. */
struct dispatch {
    connection_t connection;
    size_t offset; /* in bytes */
    size_t length;
};
struct outbox {
    struct dispatch *dispatches;
    size_t count, capacity;
    uint8_t *bytes;
    size_t used, size;
};
void outbox_clear(struct outbox *);
void outbox_free(struct outbox *);
/* Encodes the message to the connection. */
void outbox_add(struct outbox *, connection_t, const struct message *);
/* Adds what encode has written. */
void outbox_add_encoded(struct outbox *, connection_t, const void *bytes, size_t length);

#endif

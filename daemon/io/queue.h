/* SPDX-License-Identifier: MIT
 * queue: between the link thread and one worker. Requests go down in two batches, one gathering and one in hand;
 * answers come up in an outbox. Everything has room from the start; the link's side never waits.
 *
 * The link fills in rounds: it owns the gathering batch from queue_begin to queue_publish, and a worker that asks
 * meanwhile gets it at the end of the round. So a request is decoded where it stays, without a lock for each. */
#ifndef IO_QUEUE_H
#define IO_QUEUE_H

#include "daemon/io/batch.h"

struct queue;

/* most: requests gathering and in hand together. wake is called when a worker has sent or has left; done, by the
 * link's own thread in queue_begin, for each owner of a request that the worker has done since. NULL: out of memory. */
struct queue *queue_open(size_t most, void (*wake)(void *), void *wake_argument, void (*done)(void *owner));
void queue_close(struct queue **);

/* The link's side. */
void queue_begin(struct queue *);
/* The request that may be kept next, the same one until queue_keep, also while there is no room. It has a copy of the
 * frame (at most MESSAGE_BYTES_MAX bytes) and an empty message, which queue_message gives to be decoded into; both live
 * as long as the request. Between begin and publish. NULL: out of memory. */
struct request *queue_slot(struct queue *, const void *frame, size_t length);
struct message *queue_message(struct queue *);
/* How many more may be kept; and the bytes of all frames that wait or are in hand. */
size_t queue_room(const struct queue *);
size_t queue_bytes(const struct queue *);
/* The slot is admitted, with its frame and message; there must be room. owner: NULL for nobody's. */
void queue_keep(struct queue *, void *owner);
void queue_publish(struct queue *);
/* Nothing more comes: the worker's queue_take returns -1 when all that has gathered is done. */
void queue_end(struct queue *);
/* The worker has left: what it had to say has been sent. */
bool queue_has_ended(struct queue *);
/* Changes the (emptied) outbox for the one that has been sent. */
void queue_collect(struct queue *, struct outbox *);

/* From any thread: the worker's queue_take returns at the end of the round, as if its time had passed. Takes what is
 * a queue as who wakes by such a function has it. */
void queue_wake(void *queue);

/* The worker's side. Waits until something has gathered or until_ms (clock_now_ms) has passed; returns how many
 * requests there are, all that have gathered (0 when time has passed), or -1 when the link has stopped and nothing is
 * left. The requests stay valid until the next queue_take. */
ptrdiff_t queue_take(struct queue *, int64_t until_ms, const struct request **);
/* The worker is done with the requests in hand, before its next queue_take: there is room for others from now on. */
void queue_finish(struct queue *);
/* Hands an outbox over to be sent and gives back an empty one; never waits for a peer. */
void queue_send(struct queue *, struct outbox *);
/* After -1: what the worker had to say has been sent. link_run returns when all have said so. */
void queue_leave(struct queue *);

#endif

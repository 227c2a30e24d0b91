/* SPDX-License-Identifier: MIT
 * crowd: connected parties, from a handful to ten thousand, each with a key and a CURVE connection of its own, all in
 * one thread. It takes their mailboxes and confirms them as it goes; everything else is told to whoever uses it. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "tests/bench/peek.h"
#include "tests/bench/rig.h"

struct peer {
    void *socket;
    int64_t pushed, confirmed; /* newest mailbox number in order */
    bool is_welcome;
    bool is_stirred; /* it has sent: what came meanwhile gives no signal any more */
    uint32_t requests;
};

/* The senders come first, then the hubs. */
struct crowd {
    struct rig *rig;
    struct peer *peers;
    unsigned first, senders, count, welcomed; /* first: of the rig's senders */
    unsigned *stirred;                        /* those peers */
    unsigned stirred_count;
    int epoll;
};

typedef void crowd_answer(void *context, struct peer *, const struct peek *);

/* Connects the first so many senders of the rig, and all its hubs; returns when all are welcome. */
void crowd_open(struct crowd *, struct rig *, unsigned senders);
/* The same with the senders from one on, and without hubs. */
void crowd_open_senders(struct crowd *, struct rig *, unsigned first, unsigned senders);
/* Confirms everything until nothing comes any more: what is not confirmed would come again in the middle of what is
 * measured next. */
void crowd_rest(struct crowd *);
/* The same, and disconnects; nothing when that is done. */
void crowd_close(struct crowd *);
void crowd_send(struct crowd *, struct peer *, const void *frame, size_t length);
/* Encodes and sends a request; its request_id is filled in. */
void crowd_say(struct crowd *, struct peer *, struct message *);
/* Confirms what is not confirmed yet. */
void crowd_confirm(struct crowd *, struct peer *);
/* Takes what there is and tells it; when there is nothing, waits for it. False: nothing came. A refusal other than
 * "come later" ends the program. */
bool crowd_hear(struct crowd *, int wait_ms, crowd_answer *, void *context);

#endif

/* SPDX-License-Identifier: MIT
 * greedy_part: what an honest sender gets while a greedy one beside it sends as fast as it can over four connections
 * and listens to nobody: alone, beside it with the limits of the shipped settings, and without limits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/codec.h"
#include "tests/bench/beside.h"
#include "tests/bench/figures.h"
#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"
#include "tests/people.h"

#define CONNECTIONS 4
#define AT_ONCE 32          /* frames of one connection before the next */
#define GREEDY_PEOPLE 20000 /* whose frames are made before */
#define FRAME_BYTES 4096
#define HONEST_PAUSE_NS 2000000
#define HONEST_SEED 400000
#define REFERRALS 400000 /* that the store has room for */

/* What one run gave. */
struct figures {
    unsigned asked;
    double p50_us, p99_us, most_us;
    double committed, refused; /* of the greedy one, a second */
    double rss_mib;
};

struct greed {
    uint64_t sent, committed, refused;
};

static size_t make_hello(uint8_t *frame)
{
    struct message hello;

    message_init(&hello, MESSAGE_hello);
    message_set_uuid(&hello, FIELD_request_id, (const uint8_t[UUID_BYTES]){1});
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    return encode(&hello, frame, FRAME_BYTES);
}

static size_t make_submit(uint8_t *frame, unsigned seed)
{
    static struct message submit;

    person_submit(&submit, seed, "PL1 1AE");
    return encode(&submit, frame, FRAME_BYTES);
}

/* ---- the greedy one -------------------------------------------------------------------------------------------- */

struct made {
    uint8_t bytes[FRAME_BYTES];
    size_t length;
    char *id; /* where the last digits of its request_id stand */
};

static void make_frames(struct made *made)
{
    for (unsigned i = 0; i < GREEDY_PEOPLE; i++) {
        static const char key[] = "request_id";

        made[i].length = make_submit(made[i].bytes, i);
        /* Behind the key stand two bytes of msgpack and 36 characters. */
        made[i].id = (char *)memmem(made[i].bytes, made[i].length, key, sizeof key - 1) + sizeof key - 1 + 2 + 24;
    }
}

static void send_some(void *socket, struct made *made, struct greed *greed)
{
    for (int i = 0; i < AT_ONCE; i++) {
        struct made *frame = &made[greed->sent % GREEDY_PEOPLE];
        char digits[13];

        snprintf(digits, sizeof digits, "%012llx", (unsigned long long)greed->sent);
        memcpy(frame->id, digits, 12);
        if (zmq_send(socket, frame->bytes, frame->length, ZMQ_DONTWAIT) < 0)
            return;
        greed->sent++;
    }
}

static void hear_all(void *socket, struct greed *greed)
{
    uint8_t frame[FRAME_BYTES];
    int length;

    while ((length = zmq_recv(socket, frame, sizeof frame, ZMQ_DONTWAIT)) > 0) {
        size_t size = (size_t)length < sizeof frame ? (size_t)length : sizeof frame;

        greed->committed += memmem(frame, size, "committed", 9) != NULL;
        greed->refused += memmem(frame, size, "refused", 7) != NULL;
    }
}

static void be_greedy(struct rig *rig, void *counts)
{
    static struct made made[GREEDY_PEOPLE];
    void *sockets[CONNECTIONS];
    struct greed *greed = counts;
    uint8_t hello[FRAME_BYTES];
    size_t length = make_hello(hello);
    int most = 1000;

    rig->context = zmq_ctx_new();
    make_frames(made);
    for (int i = 0; i < CONNECTIONS; i++) {
        sockets[i] = rig_connect(rig, &rig->senders[0]);
        zmq_setsockopt(sockets[i], ZMQ_SNDHWM, &most, sizeof most);
        zmq_send(sockets[i], hello, length, 0);
    }
    while (!beside_is_over()) {
        for (int i = 0; i < CONNECTIONS; i++) {
            send_some(sockets[i], made, greed);
            hear_all(sockets[i], greed);
        }
    }
}

/* ---- the honest one -------------------------------------------------------------------------------------------- */

/* Returns when the answer to the last request is there; pushes are passed over. */
static void hear_answer(void *socket, const char *answer)
{
    uint8_t frame[FRAME_BYTES];
    int length;

    do {
        length = zmq_recv(socket, frame, sizeof frame, 0);
        if (length < 0 || memmem(frame, (size_t)length, "refused", 7))
            rig_fail("the honest one was not served");
    } while (!memmem(frame, (size_t)length, answer, strlen(answer)));
}

static unsigned be_honest(void *socket, double seconds, unsigned first, float *waits, unsigned most)
{
    static const struct timespec pause = {.tv_nsec = HONEST_PAUSE_NS};
    double until = rig_now_us() + seconds * 1e6;
    uint8_t frame[FRAME_BYTES];
    unsigned count = 0;

    for (; rig_now_us() < until && count < most; count++) {
        size_t length = make_submit(frame, first + count);
        double sent_at = rig_now_us();

        if (zmq_send(socket, frame, length, 0) < 0)
            rig_fail("send");
        hear_answer(socket, "committed");
        waits[count] = (float)(rig_now_us() - sent_at);
        nanosleep(&pause, NULL);
    }
    return count;
}

static void *connect_honest(struct rig *rig)
{
    void *socket = rig_connect(rig, &rig->senders[1]);
    uint8_t frame[FRAME_BYTES];
    int patience = 20000;

    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_send(socket, frame, make_hello(frame), 0);
    hear_answer(socket, "welcome");
    return socket;
}

/* Warms up for a second, with the greedy one when there is one, so that its burst is over. */
static struct figures run(const struct rig_options *options, bool with_greed, double seconds)
{
    static float waits[50000];
    const unsigned most = sizeof waits / sizeof waits[0];
    struct rig *rig = rig_start(options);
    void *socket = connect_honest(rig);
    double began = rig_now_us();
    struct greed greed = {0};
    struct beside beside = {0};
    struct figures figures;

    if (with_greed)
        beside = beside_start(rig, be_greedy, &greed, sizeof greed);
    figures.asked = be_honest(socket, 1, HONEST_SEED, waits, most);
    figures.asked = be_honest(socket, seconds, HONEST_SEED + figures.asked, waits, most);
    if (with_greed)
        beside_stop(&beside, &greed, sizeof greed);
    began = (rig_now_us() - began) / 1e6;
    figures.p50_us = percentile(waits, figures.asked, 0.5);
    figures.p99_us = percentile(waits, figures.asked, 0.99);
    figures.most_us = percentile(waits, figures.asked, 1);
    figures.committed = (double)greed.committed / began;
    figures.refused = (double)greed.refused / began;
    figures.rss_mib = rig_memory_mib(rig, "RssAnon");
    zmq_close(socket);
    rig_stop(&rig);
    return figures;
}

static void print(const struct bench *bench, const char *label, bool limited, bool with_greed)
{
    const struct rig_options options = {
        .daemon = bench->daemon, .senders = 2, .referrals = REFERRALS, .limited = limited};
    struct figures figures = run(&options, with_greed, bench->sizes.greedy_seconds);

    sheet_row(label, (double[]){figures.asked, figures.p50_us, figures.p99_us, figures.most_us, figures.committed,
                                figures.refused, figures.rss_mib});
}

void greedy_part(const struct bench *bench)
{
    static const struct column columns[] = {{"submits", 0},     {"p50 us", 0},    {"p99 us", 0},     {"most us", 0},
                                            {"greedy in/s", 0}, {"refused/s", 0}, {"RssAnon MiB", 0}};

    sheet_table("greedy", "An honest sender, one submit at a time, beside a greedy one on four connections",
                "the honest one", columns, 7);
    print(bench, "alone", true, false);
    print(bench, "beside it, limits as shipped", true, true);
    print(bench, "beside it, no limits for a party", false, true);
}

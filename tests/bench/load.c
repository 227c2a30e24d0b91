/* SPDX-License-Identifier: MIT
 * load: frames are made before the clock runs; answers are read by the wire codec. */
#include "tests/bench/load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "proto/codec.h"
#include "tests/people.h"

#define CHUNK 20000 /* frames made at once */
#define CONFIRM_EVERY 64
#define PEOPLE_WITH_NUMBER 500000
#define SILENCE_MS 20000 /* then something is wrong */

static const char *const postcodes[] = {"PL1 1AE", "PL6 5AN", "PL1 4DP", "PL3 6JQ", "PL6 8UN", "PL2 2ND",
                                        "PL3 4QF", "PL7 2AS", "PL6 6QR", "PL5 1RQ", "PL5 2LJ", "PL4 7PY"};

/* A connected party, as far as its mailbox goes. */
struct peer {
    void *socket;
    int64_t pushed; /* newest mailbox number seen in order */
    int64_t confirmed;
    uint32_t requests;
};

struct run {
    struct rig *rig;
    struct peer sender, hubs[RIG_HUBS_MAX];
    struct decoder *decoder;
    unsigned first, count;
    double *sent_us;
    float *ack_us, *offer_us;
    unsigned sent, acked, offered;
    struct message message;
    uint8_t *frames;
    size_t *lengths;
    unsigned frames_from, frames_count;
};

static void say(struct peer *peer, struct message *message)
{
    uint8_t frame[512];
    uint8_t id[UUID_BYTES] = {0xb0};

    memcpy(id + 4, &peer, sizeof peer);
    memcpy(id + 12, &peer->requests, sizeof peer->requests);
    peer->requests++;
    message_set_uuid(message, FIELD_request_id, id);
    size_t length = encode(message, frame, sizeof frame);
    if (zmq_send(peer->socket, frame, length, 0) < 0)
        rig_fail("send");
}

static void hello(struct peer *peer)
{
    struct message message;

    message_init(&message, MESSAGE_hello);
    message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
    say(peer, &message);
}

static void confirm(struct peer *peer)
{
    struct message message;

    message_init(&message, MESSAGE_confirm);
    message_set_number(&message, FIELD_mailbox_number, peer->pushed);
    say(peer, &message);
    peer->confirmed = peer->pushed;
}

/* NHS numbers for tests are used up by then: each is a person of its own all the same. */
static void go_without_number(struct message *message)
{
    struct text identifier = message_text(message, FIELD_referral_identifier);

    message->values[FIELD_nhs_number].present = false;
    message_set_number(message, FIELD_nhs_number_absent_reason, NHS_ABSENT_NOT_KNOWN);
    message_set_text(message, FIELD_local_person_id, identifier.bytes, identifier.length);
}

/* Makes the next frames; the clock does not run. */
static void make_frames(struct run *run)
{
    run->frames_from = run->sent;
    run->frames_count = run->count - run->sent < CHUNK ? run->count - run->sent : CHUNK;
    for (unsigned i = 0; i < run->frames_count; i++) {
        unsigned seed = run->first + run->frames_from + i; /* one for each referral of this daemon */
        person_submit(&run->message, seed, postcodes[seed % (sizeof postcodes / sizeof postcodes[0])]);
        if (seed >= PEOPLE_WITH_NUMBER)
            go_without_number(&run->message);
        uint8_t id[UUID_BYTES] = {0};
        memcpy(id, &seed, sizeof seed);
        message_set_uuid(&run->message, FIELD_request_id, id);
        struct value *need = message_set_list(&run->message, FIELD_needs, 1);
        need[MEMBER_code].present = true;
        need[MEMBER_code].number = seed % 3 ? NEED_BEFRIENDING : NEED_ADVICE;
        message_set_string(&run->message, FIELD_safeguarding_code, "861931000000100");
        run->lengths[i] = encode(&run->message, run->frames + (size_t)i * 4096, 4096);
        if (!run->lengths[i])
            rig_fail("a frame is too large");
    }
}

static void submit_next(struct run *run)
{
    unsigned i = run->sent - run->frames_from;

    run->sent_us[run->sent] = rig_now_us();
    if (zmq_send(run->sender.socket, run->frames + (size_t)i * 4096, run->lengths[i], 0) < 0)
        rig_fail("send");
    run->sent++;
}

/* Referral numbers run on without gaps, so that the k-th one of this run is the k-th after those stored before. */
static void note_offer(struct run *run)
{
    uint64_t k = (uint64_t)message_number(&run->message, FIELD_referral_id) - run->rig->stored - 1;

    if (k < run->count && run->offer_us[k] == 0) {
        run->offer_us[k] = (float)(rig_now_us() - run->sent_us[k]);
        run->offered++;
    }
}

static void note_committed(struct run *run)
{
    unsigned seed;

    memcpy(&seed, message_uuid(&run->message, FIELD_request_id), sizeof seed);
    if (seed - run->first >= run->count)
        rig_fail("an acknowledgement of nothing");
    run->ack_us[seed - run->first] = (float)(rig_now_us() - run->sent_us[seed - run->first]);
    run->acked++;
}

static void note_push(struct peer *peer, const struct message *message)
{
    int64_t number = message_number(message, FIELD_mailbox_number);

    if (number == peer->pushed + 1)
        peer->pushed = number;
    if (peer->pushed - peer->confirmed >= CONFIRM_EVERY)
        confirm(peer);
}

static void note(struct run *run, struct peer *peer)
{
    switch ((int)run->message.type) {
    case MESSAGE_committed:
        note_committed(run);
        break;
    case MESSAGE_offer:
        note_offer(run);
        note_push(peer, &run->message);
        break;
    case MESSAGE_routed:
    case MESSAGE_linked: /* a few invented people are the same by chance */
        note_push(peer, &run->message);
        break;
    case MESSAGE_welcome:
        peer->pushed = peer->confirmed = message_number(&run->message, FIELD_mailbox_number);
        break;
    case MESSAGE_done:
        break;
    default:
        fprintf(stderr, "bench: unexpected %s %.*s\n", message_spec(run->message.type)->name,
                (int)message_text(&run->message, FIELD_sentence).length,
                message_text(&run->message, FIELD_sentence).bytes);
        exit(70);
    }
}

/* Reads what a peer has; true when there was anything. */
static bool drain(struct run *run, struct peer *peer)
{
    zmq_msg_t frame;
    struct fault fault;
    bool any = false;

    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, peer->socket, ZMQ_DONTWAIT) >= 0) {
        any = true;
        if (!decode(run->decoder, zmq_msg_data(&frame), zmq_msg_size(&frame), &run->message, &fault))
            rig_fail("an answer cannot be read");
        note(run, peer);
    }
    zmq_msg_close(&frame);
    return any;
}

static bool drain_all(struct run *run)
{
    bool any = drain(run, &run->sender);

    for (unsigned i = 0; i < run->rig->hubs_count; i++)
        any = drain(run, &run->hubs[i]) || any;
    return any;
}

static void wait_for_any(struct run *run)
{
    zmq_pollitem_t items[RIG_HUBS_MAX + 1] = {{.socket = run->sender.socket, .events = ZMQ_POLLIN}};

    for (unsigned i = 0; i < run->rig->hubs_count; i++)
        items[i + 1] = (zmq_pollitem_t){.socket = run->hubs[i].socket, .events = ZMQ_POLLIN};
    if (zmq_poll(items, (int)run->rig->hubs_count + 1, SILENCE_MS) == 0) {
        fprintf(stderr, "bench: silence for %d s: %u sent, %u acknowledged, %u offered\n", SILENCE_MS / 1000, run->sent,
                run->acked, run->offered);
        exit(70);
    }
}

static void connect_all(struct run *run)
{
    run->sender.socket = rig_connect(run->rig, &run->rig->sender);
    hello(&run->sender);
    for (unsigned i = 0; i < run->rig->hubs_count; i++) {
        run->hubs[i].socket = rig_connect(run->rig, &run->rig->hubs[i]);
        hello(&run->hubs[i]);
    }
    for (unsigned welcomed = 0; welcomed <= run->rig->hubs_count;) {
        wait_for_any(run);
        if (drain(run, &run->sender))
            welcomed++;
        for (unsigned i = 0; i < run->rig->hubs_count; i++)
            if (drain(run, &run->hubs[i]))
                welcomed++;
    }
}

static void close_all(struct run *run)
{
    confirm(&run->sender);
    for (unsigned i = 0; i < run->rig->hubs_count; i++)
        confirm(&run->hubs[i]);
    struct timespec moment = {.tv_nsec = 200000000};
    nanosleep(&moment, NULL); /* the confirmations leave; nothing is measured any more */
    zmq_close(run->sender.socket);
    for (unsigned i = 0; i < run->rig->hubs_count; i++)
        zmq_close(run->hubs[i].socket);
}

/* Returns the seconds on the clock. */
static double run_load(struct run *run, unsigned outstanding)
{
    double clock_us = 0;

    while (run->acked < run->count || run->offered < run->count) {
        if (run->sent < run->count && run->sent == run->frames_from + run->frames_count)
            make_frames(run);
        double from = rig_now_us();
        /* The clock stops only while frames are made, with nothing outstanding. */
        for (;;) {
            unsigned ready = run->frames_from + run->frames_count;
            while (run->sent < ready && run->sent - run->acked < outstanding)
                submit_next(run);
            if (run->acked == run->sent && run->offered == run->sent && run->sent == ready)
                break;
            if (!drain_all(run))
                wait_for_any(run);
        }
        clock_us += rig_now_us() - from;
    }
    return clock_us / 1e6;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;

    return (x > y) - (x < y);
}

static double percentile(float *values, unsigned count, double share)
{
    qsort(values, count, sizeof values[0], by_size);
    return (double)values[(unsigned)((double)(count - 1) * share)];
}

static void *memory(size_t bytes)
{
    void *block = calloc(1, bytes);

    if (!block)
        rig_fail("memory");
    return block;
}

/* Bytes in use of the store, as the operators' socket tells. */
static double store_bytes(struct run *run)
{
    void *socket = zmq_socket(run->rig->context, ZMQ_DEALER);
    char endpoint[128];
    uint8_t frame[4096];
    struct message message;
    struct fault fault;
    struct peer operator_peer = {.socket = socket};
    int zero = 0;
    int limit = SILENCE_MS;

    snprintf(endpoint, sizeof endpoint, "ipc://%s", run->rig->operators);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &limit, sizeof limit);
    if (zmq_connect(socket, endpoint) != 0)
        rig_fail(endpoint);
    message_init(&message, MESSAGE_overview);
    say(&operator_peer, &message);
    int length = zmq_recv(socket, frame, sizeof frame, 0);
    if (length <= 0 || !decode(run->decoder, frame, (size_t)length, &run->message, &fault) ||
        run->message.type != MESSAGE_totals)
        rig_fail("no overview");
    zmq_close(socket);
    return (double)message_number(&run->message, FIELD_store_used_bytes);
}

static void prepare(struct run *run, struct rig *rig, unsigned count)
{
    *run = (struct run){.rig = rig, .first = (unsigned)rig->stored, .count = count, .decoder = decoder_open()};
    run->sent_us = memory(count * sizeof run->sent_us[0]);
    run->ack_us = memory(count * sizeof run->ack_us[0]);
    run->offer_us = memory(count * sizeof run->offer_us[0]);
    run->frames = memory((size_t)CHUNK * 4096);
    run->lengths = memory(CHUNK * sizeof run->lengths[0]);
    connect_all(run);
}

static void release(struct run *run)
{
    close_all(run);
    decoder_close(&run->decoder);
    free(run->sent_us);
    free(run->ack_us);
    free(run->offer_us);
    free(run->frames);
    free(run->lengths);
    run->rig->stored += run->count;
}

struct load_result load_run(struct rig *rig, unsigned outstanding, unsigned referrals)
{
    static struct run run;
    struct load_result result = {.outstanding = outstanding, .stored = rig->stored};

    prepare(&run, rig, referrals);
    double daemon_us = rig_daemon_cpu_us(rig);
    double own_us = rig_own_cpu_us();
    double seconds = run_load(&run, outstanding);
    daemon_us = rig_daemon_cpu_us(rig) - daemon_us;
    own_us = rig_own_cpu_us() - own_us;
    result.per_second = referrals / seconds;
    result.ack_p50_us = percentile(run.ack_us, referrals, 0.5);
    result.ack_p99_us = percentile(run.ack_us, referrals, 0.99);
    result.offer_p50_us = percentile(run.offer_us, referrals, 0.5);
    result.offer_p99_us = percentile(run.offer_us, referrals, 0.99);
    result.daemon_cpu_us = daemon_us / referrals;
    result.all_cpu_us = (daemon_us + own_us) / referrals;
    result.peak_rss_mib = rig_memory_mib(rig, "VmHWM");
    result.rss_mib = rig_memory_mib(rig, "RssAnon");
    result.store_bytes = store_bytes(&run) / (double)(rig->stored + referrals);
    release(&run);
    return result;
}

void load_store(struct rig *rig, unsigned referrals)
{
    static struct run run;

    prepare(&run, rig, referrals);
    run_load(&run, 1024);
    release(&run);
}

/* SPDX-License-Identifier: MIT
 * load: one thread for all senders and hubs. */
#include "tests/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "tests/bench/figures.h"
#include "tests/bench/frames.h"

#define CHUNK 200000 /* frames made at once: all of a run that is measured */
#define STORE_CHUNK 50000
#define PATIENCE_MS 60000 /* then something is wrong */

struct run {
    struct crowd *crowd;
    const struct load *load;
    struct frames frames;
    unsigned first;
    double *sent_us;
    float *ack_us, *offer_us;
    unsigned sent, acked, routed, offered, ended;
    double most_behind;
};

static void submit_next(struct run *run)
{
    unsigned i = run->first + run->sent - run->frames.first;
    size_t start = run->frames.starts[i];

    run->sent_us[run->sent] = rig_now_us();
    crowd_send(run->crowd, &run->crowd->peers[run->sent % run->crowd->senders], run->frames.bytes + start,
               run->frames.starts[i + 1] - start);
    run->sent++;
}

static unsigned place_of(const struct run *run, const struct peek *answer)
{
    if (answer->seed - run->first >= run->load->referrals)
        rig_fail("an answer about nothing");
    return answer->seed - run->first;
}

static void move(struct run *run, struct peer *hub, const struct peek *offer, enum message_type type)
{
    struct message message;

    message_init(&message, type);
    message_set_number(&message, FIELD_referral_id, strtoll(offer->referral_id.bytes + 1, NULL, 10));
    message_set_number(&message, FIELD_offer_number, offer->offer_number);
    if (type == MESSAGE_progress)
        message_set_string(&message, FIELD_note, "Came to the group twice and means to go on.");
    if (type == MESSAGE_complete)
        message_set_number(&message, FIELD_outcome, OUTCOME_GOT_HELP);
    crowd_say(run->crowd, hub, &message);
}

/* The hub's moves at once: the daemon takes them in their order. */
static void live(struct run *run, struct peer *hub, const struct peek *offer)
{
    crowd_confirm(run->crowd, hub);
    move(run, hub, offer, MESSAGE_accept);
    move(run, hub, offer, MESSAGE_start);
    if (run->load->moves > 3)
        move(run, hub, offer, MESSAGE_progress);
    move(run, hub, offer, MESSAGE_complete);
}

static void take(void *context, struct peer *peer, const struct peek *answer)
{
    struct run *run = context;

    if (answer->type == MESSAGE_committed) {
        unsigned i = place_of(run, answer);
        run->ack_us[i] = (float)(rig_now_us() - run->sent_us[i]);
        if (i == 0)
            snprintf(run->crowd->rig->referral_id, sizeof run->crowd->rig->referral_id, "%.*s",
                     (int)answer->referral_id.length, answer->referral_id.bytes);
        run->acked++;
    } else if (answer->type == MESSAGE_offer && !run->load->waiting) {
        unsigned i = place_of(run, answer);
        if (run->offer_us[i] > 0)
            return; /* it comes again */
        run->offer_us[i] = (float)(rig_now_us() - run->sent_us[i]);
        run->offered++;
        if (run->load->moves)
            live(run, peer, answer);
    } else if (answer->type == MESSAGE_routed) {
        run->routed++;
        run->most_behind = larger(run->most_behind, (double)run->acked - run->routed);
    } else if (answer->type == MESSAGE_ended) {
        run->ended++;
    } else if (answer->type == MESSAGE_refused) {
        rig_fail("the daemon is busy");
    }
}

static bool is_done(const struct run *run)
{
    return run->acked == run->sent && (run->load->waiting || run->offered == run->sent) &&
           (!run->load->moves || run->ended == run->sent);
}

/* How many are on their way. */
static unsigned outstanding(const struct run *run)
{
    return run->sent - (run->load->moves ? run->ended : run->acked);
}

static void run_chunk(struct run *run, unsigned until)
{
    while (run->sent < until || !is_done(run)) {
        while (run->sent < until && outstanding(run) < run->load->outstanding)
            submit_next(run);
        if (!crowd_hear(run->crowd, PATIENCE_MS, take, run)) {
            fprintf(stderr, "bench: silence: %u sent, %u acknowledged, %u offered, %u ended\n", run->sent, run->acked,
                    run->offered, run->ended);
            exit(70);
        }
    }
}

/* The clock stops while frames are made, with nothing outstanding. */
static void run_all(struct run *run, unsigned chunk, struct load_result *result)
{
    double seconds = 0, clients = 0;
    struct rig_usage before = rig_usage(run->crowd->rig);

    while (run->sent < run->load->referrals) {
        unsigned rest = run->load->referrals - run->sent;
        unsigned count = rest < chunk ? rest : chunk;
        frames_make(&run->frames, run->first + run->sent, count, run->load->waiting ? FRAMES_WAITING : FRAMES_PLACED);
        double from = rig_now_us(), own = rig_own_cpu_us();
        run_chunk(run, run->sent + count);
        seconds += (rig_now_us() - from) / 1e6;
        clients += rig_own_cpu_us() - own;
    }
    struct rig_usage after = rig_usage(run->crowd->rig);
    result->per_second = run->load->referrals / seconds;
    result->clients_us = clients / run->load->referrals;
    result->daemon_us = (after.cpu_us - before.cpu_us) / run->load->referrals;
    result->turn_us = (after.turn_us - before.turn_us) / run->load->referrals;
    result->turn_wait_us = (after.turn_wait_us - before.turn_wait_us) / run->load->referrals;
}

static void *memory(size_t bytes)
{
    void *block = calloc(1, bytes);

    if (!block)
        rig_fail("memory");
    return block;
}

static struct load_result run_load(struct crowd *crowd, const struct load *load, unsigned chunk)
{
    struct rig *rig = crowd->rig;
    unsigned count = load->referrals;
    struct load_result result = {0};
    struct run run = {.crowd = crowd, .load = load, .first = (unsigned)rig->stored};

    run.sent_us = memory(count * sizeof run.sent_us[0]);
    run.ack_us = memory(count * sizeof run.ack_us[0]);
    run.offer_us = memory(count * sizeof run.offer_us[0]);
    run_all(&run, chunk, &result);
    crowd_rest(crowd);
    result.ack_p50_us = percentile(run.ack_us, count, 0.5);
    result.ack_p99_us = percentile(run.ack_us, count, 0.99);
    result.offer_p50_us = percentile(run.offer_us, count, 0.5);
    result.offer_p99_us = percentile(run.offer_us, count, 0.99);
    result.routed_behind = run.most_behind;
    frames_free(&run.frames);
    free(run.sent_us);
    free(run.ack_us);
    free(run.offer_us);
    rig->stored += count;
    return result;
}

struct load_result load_run(struct crowd *crowd, const struct load *load)
{
    return run_load(crowd, load, CHUNK);
}

void load_store(struct crowd *crowd, uint64_t referrals)
{
    const struct load load = {.outstanding = 1024, .referrals = (unsigned)referrals};

    if (referrals > 0)
        run_load(crowd, &load, STORE_CHUNK);
}

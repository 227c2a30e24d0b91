/* SPDX-License-Identifier: MIT
 * burst_part: fifty senders have a morning's referrals at once, under the limits of the shipped settings. Each heeds
 * "come later" as long as `referral submit --batch` does. */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/crowd.h"
#include "tests/bench/figures.h"
#include "tests/bench/frames.h"
#include "tests/bench/memory.h"
#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"

#define SENDERS 50
#define PATIENCE_US 600e6
#define LOOK_EVERY_US 50000

/* One that was told to come later. */
struct later {
    double due_us;
    unsigned referral;
};

struct burst {
    struct rig *rig;
    struct crowd crowd;
    struct frames frames;
    unsigned count, window;
    unsigned next[SENDERS]; /* the next referral of each: its own number, then one for each sender further */
    unsigned in_hand[SENDERS];
    double *first_us;
    float *waited_us;
    unsigned char *tries;
    struct later *heap; /* the earliest first */
    unsigned heap_count;
    unsigned stored, given_up, busy;
    double most_mib, looked_us;
};

static const struct column columns[] = {
    {"seconds", 1},     {"stored", 0},      {"given up", 0}, {"busy answers", 0}, {"most for one", 0},
    {"wait p50 ms", 0}, {"wait p99 ms", 0}, {"most ms", 0},  {"RssAnon MiB", 0},  {"allowed MiB", 0}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void heap_put(struct burst *burst, struct later later)
{
    unsigned i = burst->heap_count++;

    for (; i > 0 && burst->heap[(i - 1) / 2].due_us > later.due_us; i = (i - 1) / 2)
        burst->heap[i] = burst->heap[(i - 1) / 2];
    burst->heap[i] = later;
}

static struct later heap_take(struct burst *burst)
{
    struct later first = burst->heap[0], last = burst->heap[--burst->heap_count];
    unsigned i = 0;

    for (unsigned child; (child = 2 * i + 1) < burst->heap_count; i = child) {
        if (child + 1 < burst->heap_count && burst->heap[child + 1].due_us < burst->heap[child].due_us)
            child++;
        if (burst->heap[child].due_us >= last.due_us)
            break;
        burst->heap[i] = burst->heap[child];
    }
    burst->heap[i] = last;
    return first;
}

static void submit(struct burst *burst, unsigned referral)
{
    const struct frames *frames = &burst->frames;
    size_t start = frames->starts[referral];

    if (burst->tries[referral] < 255)
        burst->tries[referral]++;
    crowd_send(&burst->crowd, &burst->crowd.peers[referral % SENDERS], frames->bytes + start,
               frames->starts[referral + 1] - start);
}

static void submit_first(struct burst *burst, unsigned sender)
{
    while (burst->in_hand[sender] < burst->window && burst->next[sender] < burst->count) {
        burst->first_us[burst->next[sender]] = rig_now_us();
        burst->in_hand[sender]++;
        submit(burst, burst->next[sender]);
        burst->next[sender] += SENDERS;
    }
}

static void submit_again(struct burst *burst)
{
    double now = rig_now_us();

    while (burst->heap_count > 0 && burst->heap[0].due_us <= now)
        submit(burst, heap_take(burst).referral);
}

static void take(void *context, struct peer *peer, const struct peek *answer)
{
    struct burst *burst = context;
    unsigned sender = (unsigned)(peer - burst->crowd.peers);
    double now = rig_now_us();

    if (answer->type == MESSAGE_refused && sender < SENDERS && answer->seed < burst->count) {
        burst->busy++;
        if (now - burst->first_us[answer->seed] < PATIENCE_US) {
            heap_put(burst, (struct later){now + 1e3 * (double)answer->retry_after_ms, answer->seed});
            return;
        }
        burst->given_up++;
    } else if (answer->type == MESSAGE_committed) {
        burst->waited_us[answer->seed] = (float)(now - burst->first_us[answer->seed]);
        burst->stored++;
    } else {
        return;
    }
    burst->in_hand[sender]--;
    submit_first(burst, sender);
}

static int wait_ms(const struct burst *burst)
{
    double left = burst->heap_count > 0 ? (burst->heap[0].due_us - rig_now_us()) / 1e3 : 100;

    return left < 0 ? 0 : left > 20 ? 20 : (int)left + 1;
}

static void look(struct burst *burst)
{
    if (rig_now_us() - burst->looked_us < LOOK_EVERY_US)
        return;
    burst->looked_us = rig_now_us();
    burst->most_mib = larger(burst->most_mib, rig_memory_mib(burst->rig, "RssAnon"));
}

static void prepare(struct burst *burst, unsigned count, unsigned window)
{
    burst->count = count;
    burst->window = window;
    burst->first_us = calloc(count, sizeof burst->first_us[0]);
    burst->waited_us = calloc(count, sizeof burst->waited_us[0]);
    burst->tries = calloc(count, 1);
    burst->heap = calloc(count, sizeof burst->heap[0]);
    if (!burst->first_us || !burst->waited_us || !burst->tries || !burst->heap)
        rig_fail("memory");
    frames_make(&burst->frames, 0, count, FRAMES_PLACED);
    crowd_open(&burst->crowd, burst->rig, SENDERS);
    for (unsigned i = 0; i < SENDERS; i++)
        burst->next[i] = i;
}

static void release(struct burst *burst)
{
    crowd_close(&burst->crowd);
    frames_free(&burst->frames);
    free(burst->first_us);
    free(burst->waited_us);
    free(burst->tries);
    free(burst->heap);
}

static double run(const struct bench *bench, const char *label, unsigned window, double *memory)
{
    const struct rig_options options = {
        .daemon = bench->daemon, .senders = SENDERS, .referrals = bench->sizes.burst, .limited = true};
    struct burst burst = {.rig = rig_start(&options)};
    unsigned most_tries = 0;

    prepare(&burst, bench->sizes.burst, window);
    double from = rig_now_us();
    for (unsigned i = 0; i < SENDERS; i++)
        submit_first(&burst, i);
    while (burst.stored + burst.given_up < burst.count) {
        submit_again(&burst);
        crowd_hear(&burst.crowd, wait_ms(&burst), take, &burst);
        look(&burst);
    }
    double seconds = (rig_now_us() - from) / 1e6;
    struct rig_totals totals = rig_totals(burst.rig);
    if (totals.stored != burst.stored)
        rig_fail("not as many are stored as were acknowledged");
    double allowed = memory_allowed_mib(totals.open, totals.stored);
    for (unsigned i = 0; i < burst.count; i++)
        most_tries = burst.tries[i] > most_tries ? burst.tries[i] : most_tries;
    double p99 = percentile(burst.waited_us, burst.count, 0.99);
    sheet_row(label, (double[COLUMNS]){seconds, burst.stored, burst.given_up, burst.busy, most_tries - 1,
                                       percentile(burst.waited_us, burst.count, 0.5) / 1e3, p99 / 1e3,
                                       percentile(burst.waited_us, burst.count, 1) / 1e3, burst.most_mib, allowed});
    *memory = larger(*memory, 100 * burst.most_mib / allowed);
    release(&burst);
    rig_stop(&burst.rig);
    return burst.given_up;
}

void burst_part(const struct bench *bench)
{
    double memory = 0;

    sheet_table("burst", "A burst from 50 senders, limits as shipped", "how each sends its share", columns, COLUMNS);
    double given_up = run(bench, "8 at once, as referral submit --batch", 8, &memory);
    given_up += run(bench, "all at once", bench->sizes.burst, &memory);
    sheet_goal(GOAL_BURST, given_up);
    sheet_goal(GOAL_BURST_MEMORY, memory);
}

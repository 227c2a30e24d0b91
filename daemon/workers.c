/* SPDX-License-Identifier: MIT
 * workers: see workers.h. */
#include "daemon/workers.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/io/clock.h"
#include "daemon/io/log.h"

#define STUDY_NICE 10
#define REST_AFTER_MS 100 /* without a request: then the store is settled */
#define THREADS_COUNT 4

/* From the turn to the thread that waits for the disk and sends. */
struct handover {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct outbox *outbox; /* NULL: the one before has been sent */
    bool ended;
};

struct workers {
    struct workplace at;
    struct handover handover;
    pthread_t threads[THREADS_COUNT];
};

void workers_end_unless(enum store_result result)
{
    if (result == STORE_OK)
        return;
    LOG(LOGGED_COMMIT_FAILED, {"result", .text = store_result_text(result)});
    _exit(EX_IOERR);
}

/* ---- the turn, and its outbound -------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* NULL: no more turns. */
static void hand_over(struct handover *handover, struct outbox *outbox)
{
    pthread_mutex_lock(&handover->lock);
    while (handover->outbox)
        pthread_cond_wait(&handover->changed, &handover->lock);
    handover->outbox = outbox;
    handover->ended = !outbox;
    pthread_cond_broadcast(&handover->changed);
    pthread_mutex_unlock(&handover->lock);
}

/* Two outboxes: while one waits for the disk and is sent, the next turn fills the other. */
static void *run_turn(void *argument)
{
    struct workers *workers = argument;
    struct turn *turn = workers->at.turn;
    struct queue *queue = workers->at.queues[WORKER_TURN];
    struct outbox outboxes[2] = {0};
    const struct request *requests;
    int64_t until = INT64_MAX;
    ptrdiff_t count;

    for (int i = 0; (count = queue_take(queue, earlier(until, turn_next_due(turn)), &requests)) >= 0;) {
        workers_end_unless(turn_run(turn, clock_now_ms(), requests, (size_t)count, &outboxes[i]));
        if (outboxes[i].count > 0) {
            hand_over(&workers->handover, &outboxes[i]);
            i = 1 - i;
        }
        if (count == 0)
            workers_end_unless(store_settle(workers->at.store));
        until = count == 0 ? INT64_MAX : clock_now_ms() + REST_AFTER_MS;
    }
    workers_end_unless(store_settle(workers->at.store));
    hand_over(&workers->handover, NULL);
    queue_leave(queue);
    outbox_free(&outboxes[0]);
    outbox_free(&outboxes[1]);
    return NULL;
}

/* What a turn has said leaves when that turn is on the disk. */
static void *run_outbound(void *argument)
{
    struct workers *workers = argument;
    struct handover *handover = &workers->handover;

    pthread_mutex_lock(&handover->lock);
    for (;;) {
        while (!handover->outbox && !handover->ended)
            pthread_cond_wait(&handover->changed, &handover->lock);
        if (handover->ended)
            break;
        pthread_mutex_unlock(&handover->lock);
        workers_end_unless(store_sync(workers->at.store));
        queue_send(workers->at.queues[WORKER_TURN], handover->outbox);
        pthread_mutex_lock(&handover->lock);
        handover->outbox = NULL;
        pthread_cond_broadcast(&handover->changed);
    }
    pthread_mutex_unlock(&handover->lock);
    return NULL;
}

/* ---- who reads ------------------------------------------------------------------------------------------------- */

static void *run_reader(void *argument)
{
    const struct workers *workers = argument;
    struct queue *queue = workers->at.queues[WORKER_READER];
    struct outbox outbox = {0};
    const struct request *requests;
    ptrdiff_t count;

    while ((count = queue_take(queue, INT64_MAX, &requests)) >= 0)
        for (ptrdiff_t i = 0; i < count; i++) {
            workers_end_unless(reader_answer(workers->at.reader, clock_now_ms(), &requests[i], &outbox));
            queue_send(queue, &outbox);
        }
    queue_leave(queue);
    outbox_free(&outbox);
    return NULL;
}

/* It may compute for a minute: the others go first. There is room for the next question before this one's answer
 * leaves, so that who has it may ask on at once. */
static void *run_study(void *argument)
{
    const struct workers *workers = argument;
    struct queue *queue = workers->at.queues[WORKER_STUDY];
    struct outbox outbox = {0};
    const struct request *requests;
    ptrdiff_t count;

    setpriority(PRIO_PROCESS, (id_t)gettid(), STUDY_NICE); /* of this thread alone; else it is as the others */
    while ((count = queue_take(queue, INT64_MAX, &requests)) >= 0) {
        for (ptrdiff_t i = 0; i < count; i++)
            study_answer(workers->at.study, clock_now_ms(), &requests[i], &outbox);
        workers_end_unless(store_sync(workers->at.store)); /* what it vouches for is kept */
        queue_finish(queue);
        if (outbox.count > 0)
            queue_send(queue, &outbox);
    }
    queue_leave(queue);
    outbox_free(&outbox);
    return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------------------------- */

struct workers *workers_start(const struct workplace *at)
{
    static const struct {
        const char *name; /* as top and perf show it */
        void *(*run)(void *);
    } runs[THREADS_COUNT] = {
        {"turn", run_turn}, {"outbound", run_outbound}, {"reader", run_reader}, {"study", run_study}};
    struct workers *workers = calloc(1, sizeof *workers);

    assert(workers);
    workers->at = *at;
    pthread_mutex_init(&workers->handover.lock, NULL);
    pthread_cond_init(&workers->handover.changed, NULL);
    workers_end_unless(store_settle(at->store));
    store_when_wanted(at->store, queue_wake, at->queues[WORKER_TURN]);
    for (int i = 0; i < THREADS_COUNT; i++) {
        errno = pthread_create(&workers->threads[i], NULL, runs[i].run, workers);
        if (errno != 0)
            return NULL;
        pthread_setname_np(workers->threads[i], runs[i].name);
    }
    return workers;
}

void workers_join(struct workers **taken)
{
    struct workers *workers = *taken;

    *taken = NULL;
    for (int i = 0; i < THREADS_COUNT; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_cond_destroy(&workers->handover.changed);
    pthread_mutex_destroy(&workers->handover.lock);
    free(workers);
}

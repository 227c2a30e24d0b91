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
/* Requests in one turn: a quarter of what has gathered, within these. */
#define PARTS 4
#define AT_ONCE_LEAST 16
#define AT_ONCE_MOST 128

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
    struct outbox outboxes[2]; /* one waits for the disk and is sent while the next turns fill the other */
    int filled;
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

/* NULL: no more turns. False: the one before has not been sent yet, and that was not waited for. */
static bool hand_over(struct handover *handover, struct outbox *outbox, bool wait)
{
    pthread_mutex_lock(&handover->lock);
    while (wait && handover->outbox)
        pthread_cond_wait(&handover->changed, &handover->lock);
    bool done = !handover->outbox;
    if (done) {
        handover->outbox = outbox;
        handover->ended = !outbox;
        pthread_cond_broadcast(&handover->changed);
    }
    pthread_mutex_unlock(&handover->lock);
    return done;
}

static size_t at_once(size_t count)
{
    size_t part = count / PARTS;

    return part < AT_ONCE_LEAST ? AT_ONCE_LEAST : part > AT_ONCE_MOST ? AT_ONCE_MOST : part;
}

/* What has gathered is done in several turns, so that the first answers leave while the last are decided: if all left
 * together, link and senders would wait for the turn, and then the turn for them. */
static void run_turns(struct workers *workers, const struct request *requests, size_t count)
{
    size_t most = at_once(count), done = 0;

    do {
        size_t some = count - done < most ? count - done : most;
        struct outbox *outbox = &workers->outboxes[workers->filled];

        workers_end_unless(turn_run(workers->at.turn, clock_now_ms(), requests + done, some, outbox));
        done += some;
        if (outbox->count > 0 && hand_over(&workers->handover, outbox, done == count))
            workers->filled = 1 - workers->filled;
    } while (done < count);
}

static void *run_turn(void *argument)
{
    struct workers *workers = argument;
    struct turn *turn = workers->at.turn;
    struct queue *queue = workers->at.queues[WORKER_TURN];
    const struct request *requests;
    int64_t rest_at = INT64_MAX, due = turn_next_due(turn);
    ptrdiff_t count;

    while ((count = queue_take(queue, due < rest_at ? due : rest_at, &requests)) >= 0) {
        run_turns(workers, requests, (size_t)count);
        if (count == 0)
            workers_end_unless(store_settle(workers->at.store));
        rest_at = count == 0 ? INT64_MAX : clock_now_ms() + REST_AFTER_MS;
        due = turn_next_due(turn);
    }
    workers_end_unless(store_settle(workers->at.store));
    hand_over(&workers->handover, NULL, true);
    queue_leave(queue);
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
    outbox_free(&workers->outboxes[0]);
    outbox_free(&workers->outboxes[1]);
    pthread_cond_destroy(&workers->handover.changed);
    pthread_mutex_destroy(&workers->handover.lock);
    free(workers);
}

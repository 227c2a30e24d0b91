/* SPDX-License-Identifier: MIT
 * queue: see queue.h. */
#include "daemon/io/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/clock.h"
#include "daemon/io/log.h"

/* A wait is cut into pieces of this length, so that a clock that is set forward is noticed. */
#define WAIT_MS_MAX 1000

enum { BLOCK_BYTES = 256 * 1024, BLOCKS_KEPT = 8 }; /* one large batch's need is not kept for ever */
static_assert(BLOCK_BYTES >= MESSAGE_BYTES_MAX + sizeof(struct message) + 2 * alignof(max_align_t),
              "a frame and its message fit into a block");

struct block {
    struct block *next;
    size_t used;
    alignas(max_align_t) uint8_t bytes[BLOCK_BYTES];
};

struct batch {
    struct request *requests; /* room for `most`, and for one that is refused */
    size_t count;
    /* Frames and messages of the requests, one behind the other. The link's alone. */
    struct block *blocks;
    struct block *block;     /* that is being filled */
    struct message *message; /* of the request that may be kept next */
    /* The link's alone: whose they are, until it has noticed that the worker has done them. */
    void **owners;
    size_t owned;
    size_t bytes;
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t most;
    struct batch batches[2];
    struct batch *gathering; /* the link's while filling */
    struct batch *in_hand;   /* the worker's between its takes */
    bool filling;
    bool ending;
    bool ended;  /* the worker has left */
    bool woken;  /* the worker is to return from its take */
    bool held;   /* the worker waits for the end of the round */
    size_t room; /* the link's: slots left in this round */
    struct outbox outgoing;
    void (*wake)(void *);
    void *wake_argument;
    void (*done)(void *owner);
};

static void free_blocks(struct block **from)
{
    while (*from) {
        struct block *block = *from;

        *from = block->next;
        free(block);
    }
}

/* The block behind this one, or the first; NULL: out of memory. */
static struct block *next_block(struct block **next)
{
    if (!*next) {
        *next = malloc(sizeof **next);
        if (!*next)
            return NULL;
        (*next)->next = NULL;
    }
    (*next)->used = 0;
    return *next;
}

/* No request of the batch is needed any more. */
static void empty_blocks(struct batch *batch)
{
    struct block *last = batch->blocks;

    batch->block = NULL;
    for (size_t i = 1; last && i < BLOCKS_KEPT; i++)
        last = last->next;
    if (last)
        free_blocks(&last->next);
}

/* The array with room for `needed` elements of `size` bytes; NULL: out of memory, the array is as it was. */
static void *reserve(void *array, size_t *capacity, size_t needed, size_t size)
{
    size_t wanted = *capacity ? *capacity : 256;
    void *grown;

    if (array && needed <= *capacity)
        return array;
    while (wanted < needed)
        wanted *= 2;
    grown = realloc(array, wanted * size);
    if (grown)
        *capacity = wanted;
    return grown;
}

/* Adds from's messages behind to's, with the lock held. False: out of memory, nothing was added. */
static bool append(struct outbox *to, const struct outbox *from)
{
    struct dispatch *dispatches =
        reserve(to->dispatches, &to->capacity, to->count + from->count, sizeof *to->dispatches);
    uint8_t *bytes = reserve(to->bytes, &to->size, to->used + from->used, 1);

    if (dispatches)
        to->dispatches = dispatches;
    if (bytes)
        to->bytes = bytes;
    if (!dispatches || !bytes)
        return false;
    for (size_t i = 0; i < from->count; i++) {
        to->dispatches[to->count + i] = from->dispatches[i];
        to->dispatches[to->count + i].offset += to->used;
    }
    to->count += from->count;
    memcpy(to->bytes + to->used, from->bytes, from->used);
    to->used += from->used;
    return true;
}

static void swap_outboxes(struct outbox *a, struct outbox *b)
{
    struct outbox kept = *a;

    *a = *b;
    *b = kept;
}

static void free_batches(struct queue *queue)
{
    for (size_t i = 0; i < 2; i++) {
        free_blocks(&queue->batches[i].blocks);
        free(queue->batches[i].requests);
        free(queue->batches[i].owners);
    }
}

struct queue *queue_open(size_t most, void (*wake)(void *), void *wake_argument, void (*done)(void *owner))
{
    struct queue *queue = calloc(1, sizeof *queue);

    assert(most > 0);
    if (!queue)
        return NULL;
    for (size_t i = 0; i < 2; i++) {
        queue->batches[i].requests = calloc(most + 1, sizeof(struct request));
        queue->batches[i].owners = calloc(most, sizeof(void *));
    }
    if (!queue->batches[0].requests || !queue->batches[1].requests || !queue->batches[0].owners ||
        !queue->batches[1].owners) {
        free_batches(queue);
        free(queue);
        return NULL;
    }
    pthread_mutex_init(&queue->lock, NULL);
    clock_open_condition(&queue->changed);
    queue->most = most;
    queue->gathering = &queue->batches[0];
    queue->in_hand = &queue->batches[1];
    queue->wake = wake;
    queue->wake_argument = wake_argument;
    queue->done = done;
    return queue;
}

void queue_close(struct queue **taken)
{
    struct queue *queue = *taken;

    *taken = NULL;
    if (!queue)
        return;
    free_batches(queue);
    outbox_free(&queue->outgoing);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

static void notice_done(struct queue *queue, struct batch *batch)
{
    for (size_t i = 0; i < batch->owned; i++)
        if (batch->owners[i])
            queue->done(batch->owners[i]);
    batch->owned = 0;
    batch->bytes = 0;
    empty_blocks(batch);
}

/* A batch that has owners and no requests any more has been done: only the link puts new ones in. */
void queue_begin(struct queue *queue)
{
    bool is_done[2];

    pthread_mutex_lock(&queue->lock);
    assert(!queue->filling);
    queue->filling = true;
    queue->room = queue->most - queue->in_hand->count - queue->gathering->count;
    for (size_t i = 0; i < 2; i++)
        is_done[i] = queue->batches[i].count == 0;
    pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < 2; i++)
        if (is_done[i])
            notice_done(queue, &queue->batches[i]);
}

static size_t aligned(size_t length)
{
    return (length + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

/* Memory of the next request; NULL: out of memory. */
static uint8_t *find_room(struct batch *batch, size_t needed)
{
    assert(needed <= BLOCK_BYTES);
    if (!batch->block || BLOCK_BYTES - batch->block->used < needed) {
        struct block *next = next_block(batch->block ? &batch->block->next : &batch->blocks);

        if (!next)
            return NULL;
        batch->block = next;
    }
    return batch->block->bytes + batch->block->used;
}

struct request *queue_slot(struct queue *queue, const void *frame, size_t length)
{
    struct batch *batch = queue->gathering;
    struct request *slot = &batch->requests[batch->count];
    uint8_t *room = find_room(batch, aligned(length) + aligned(sizeof(struct message)));

    if (!room)
        return NULL;
    if (length > 0)
        memcpy(room, frame, length);
    batch->message = (struct message *)(room + aligned(length));
    message_init(batch->message, MESSAGE_NONE);
    slot->frame = room;
    slot->frame_length = length;
    slot->message = batch->message;
    return slot;
}

struct message *queue_message(struct queue *queue)
{
    return queue->gathering->message;
}

size_t queue_room(const struct queue *queue)
{
    return queue->room;
}

size_t queue_bytes(const struct queue *queue)
{
    return queue->batches[0].bytes + queue->batches[1].bytes;
}

void queue_keep(struct queue *queue, void *owner)
{
    struct batch *batch = queue->gathering;
    size_t length = batch->requests[batch->count].frame_length;

    assert(queue->room > 0);
    assert(batch->owned == batch->count);
    batch->bytes += length;
    batch->block->used += aligned(length) + aligned(message_bytes(batch->message));
    batch->owners[batch->owned++] = owner;
    queue->room--;
    batch->count++;
}

void queue_publish(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->filling = false;
    if (queue->gathering->count > 0 || queue->held) /* who would only look and wait on sleeps on */
        pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

void queue_end(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->ending = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

bool queue_has_ended(struct queue *queue)
{
    bool ended;

    pthread_mutex_lock(&queue->lock);
    ended = queue->ended;
    pthread_mutex_unlock(&queue->lock);
    return ended;
}

void queue_collect(struct queue *queue, struct outbox *outbox)
{
    assert(outbox->count == 0);
    pthread_mutex_lock(&queue->lock);
    swap_outboxes(&queue->outgoing, outbox);
    pthread_mutex_unlock(&queue->lock);
}

/* With the lock held: waits until there is something to take, the time has passed, or all is done. While the link
 * fills, its round is waited for even past the time: it is short, and the worker then gets all of it. */
static void wait_for_requests(struct queue *queue, int64_t until_ms)
{
    for (;;) {
        int64_t rest = until_ms - clock_now_ms();

        if (!queue->filling && (queue->gathering->count > 0 || queue->ending || queue->woken || rest <= 0))
            return;
        queue->held = queue->filling;
        const struct timespec until = clock_steady_in(queue->filling || rest > WAIT_MS_MAX ? WAIT_MS_MAX : rest);
        pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
    }
}

void queue_wake(void *argument)
{
    struct queue *queue = argument;

    pthread_mutex_lock(&queue->lock);
    queue->woken = true;
    pthread_cond_signal(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

void queue_finish(struct queue *queue)
{
    /* The batch in hand is this worker's; the link looks at its count alone. */
    pthread_mutex_lock(&queue->lock);
    queue->in_hand->count = 0;
    pthread_mutex_unlock(&queue->lock);
}

ptrdiff_t queue_take(struct queue *queue, int64_t until_ms, const struct request **requests)
{
    struct batch *taken;
    bool is_over;

    queue_finish(queue);
    pthread_mutex_lock(&queue->lock);
    wait_for_requests(queue, until_ms);
    queue->woken = false;
    taken = queue->gathering;
    queue->gathering = queue->in_hand;
    queue->in_hand = taken;
    is_over = taken->count == 0 && queue->ending;
    pthread_mutex_unlock(&queue->lock);
    *requests = taken->requests;
    return is_over ? -1 : (ptrdiff_t)taken->count;
}

void queue_leave(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    pthread_mutex_unlock(&queue->lock);
    queue->wake(queue->wake_argument);
}

void queue_send(struct queue *queue, struct outbox *outbox)
{
    size_t lost = 0;

    pthread_mutex_lock(&queue->lock);
    if (queue->outgoing.count == 0)
        swap_outboxes(&queue->outgoing, outbox);
    else if (!append(&queue->outgoing, outbox))
        lost = outbox->count;
    pthread_mutex_unlock(&queue->lock);
    /* What is owed stands in the store, and who gets no answer asks again. */
    if (lost > 0)
        LOG(LOGGED_NO_MEMORY, {"messages", .number = (int64_t)lost});
    outbox_clear(outbox);
    queue->wake(queue->wake_argument);
}

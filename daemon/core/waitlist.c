/* SPDX-License-Identifier: MIT
 * waitlist: sorted queues, searched by halves. Who has waited long stands at the head of each queue, because numbers
 * grow with age. */
#include "daemon/core/waitlist.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/planted.h"

/* Index of the first whose number is not smaller. */
static uint32_t lower_bound(const struct waiting_queue *queue, uint64_t number)
{
    uint32_t low = 0;
    uint32_t high = queue->count;

    if (high && queue->people[high - 1]->number < number)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (queue->people[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds_at(const struct waiting_queue *queue, uint32_t i, uint64_t number)
{
    return i < queue->count && queue->people[i]->number == number;
}

static bool has_waited_long(const struct waiting *waiting, int64_t now, int64_t overtaken_ms)
{
    return now - waiting->submitted_at > overtaken_ms && !PLANTED(64);
}

/* How many at the head of the queue have waited long. */
static uint32_t count_long(const struct waiting_queue *queue, int64_t now, int64_t overtaken_ms)
{
    uint32_t low = 0;
    uint32_t high = queue->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (has_waited_long(queue->people[middle], now, overtaken_ms))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct waiting_queue *queue_of(struct waitlist *list, const struct waiting *waiting)
{
    return waitlist_queue(list, waiting->need, waiting->profile.priority, waiting->weight);
}

struct waiting_queue *waitlist_queue(struct waitlist *list, enum need need, enum priority priority, uint8_t weight)
{
    assert(need > 0 && need < NETWORK_NEEDS && priority >= PRIORITY_ROUTINE && priority <= PRIORITY_STAT);
    assert(weight <= NETWORK_WEIGHT_MAX);
    return &list->queues[need][priority][weight];
}

void waitlist_insert(struct waitlist *list, struct waiting *waiting)
{
    struct waiting_queue *queue = queue_of(list, waiting);
    uint32_t i = lower_bound(queue, waiting->number);

    assert(queue->count < queue->capacity);
    assert(!holds_at(queue, i, waiting->number));
    memmove(&queue->people[i + 1], &queue->people[i], (queue->count - i) * sizeof queue->people[0]);
    queue->people[i] = waiting;
    queue->count++;
    list->count++;
}

struct waiting *waitlist_find(const struct waitlist *list, enum need need, enum priority priority, uint64_t number)
{
    for (int weight = 0; weight <= NETWORK_WEIGHT_MAX; weight++) {
        const struct waiting_queue *queue = &list->queues[need][priority][weight];
        uint32_t i = lower_bound(queue, number);
        if (holds_at(queue, i, number))
            return queue->people[i];
    }
    return NULL;
}

void waitlist_remove(struct waitlist *list, const struct waiting *waiting)
{
    struct waiting_queue *queue = queue_of(list, waiting);
    uint32_t i = lower_bound(queue, waiting->number);

    assert(holds_at(queue, i, waiting->number));
    queue->count--;
    memmove(&queue->people[i], &queue->people[i + 1], (queue->count - i) * sizeof queue->people[0]);
    list->count--;
}

/* Who of the queue comes before somebody whose own queue is another one, or the same. */
static uint32_t count_before(const struct waiting_queue *queue, int ahead, const struct waiting *waiting, int64_t now,
                             int64_t overtaken_ms)
{
    if (ahead == 0 || has_waited_long(waiting, now, overtaken_ms))
        return lower_bound(queue, waiting->number);
    return ahead > 0 ? queue->count : count_long(queue, now, overtaken_ms);
}

uint32_t waitlist_position(const struct waitlist *list, const struct waiting *waiting, int64_t now,
                           int64_t overtaken_ms)
{
    uint32_t before = 0;

    for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++)
        for (int weight = 0; weight <= NETWORK_WEIGHT_MAX; weight++) {
            int higher = priority - (int)waiting->profile.priority;
            before += count_before(&list->queues[waiting->need][priority][weight],
                                   higher ? higher : weight - (int)waiting->weight, waiting, now, overtaken_ms);
        }
    return before + 1;
}

/* The next of one queue; NULL: none, or, as long as those who have waited long have their turn, none of them. */
static const struct waiting *head_of(const struct waiting_queue *queue, uint32_t next,
                                     const struct waitlist_cursor *cursor)
{
    const struct waiting *head;

    if (next >= queue->count)
        return NULL;
    head = queue->people[PLANTED(16) ? queue->count - 1 - next : next];
    return cursor->long_done || has_waited_long(head, cursor->now, cursor->overtaken_ms) ? head : NULL;
}

/* The oldest of those not yet seen with this priority and weight; of two needs of one referral, the first. */
static const struct waiting *oldest_of(const struct waitlist *list, uint64_t needs, int priority, int weight,
                                       const struct waitlist_cursor *cursor)
{
    const struct waiting *oldest = NULL;

    for (uint64_t left = needs; left; left &= left - 1) {
        int need = __builtin_ctzll(left);
        const struct waiting *head =
            head_of(&list->queues[need][priority][weight], cursor->next[need][priority][weight], cursor);
        if (head && (!oldest || head->number < oldest->number))
            oldest = head;
    }
    return oldest;
}

/* The oldest of those who have waited long. */
static const struct waiting *oldest_long(const struct waitlist *list, uint64_t needs,
                                         const struct waitlist_cursor *cursor)
{
    const struct waiting *oldest = NULL;

    for (int priority = PRIORITY_STAT; priority >= PRIORITY_ROUTINE; priority--)
        for (int weight = NETWORK_WEIGHT_MAX; weight >= 0; weight--) {
            const struct waiting *head = oldest_of(list, needs, priority, weight, cursor);
            if (head && (!oldest || head->number < oldest->number))
                oldest = head;
        }
    return oldest;
}

/* The next of the others; the cursor goes down through priorities and weights. */
static const struct waiting *next_in_order(const struct waitlist *list, uint64_t needs, struct waitlist_cursor *cursor)
{
    for (;;) {
        const struct waiting *next = oldest_of(list, needs, (int)cursor->priority, cursor->weight, cursor);
        if (next || (cursor->priority == PRIORITY_ROUTINE && cursor->weight == 0))
            return next;
        if (cursor->weight > 0) {
            cursor->weight--;
        } else {
            cursor->weight = NETWORK_WEIGHT_MAX;
            cursor->priority--;
        }
    }
}

const struct waiting *waitlist_next(const struct waitlist *list, uint64_t needs, struct waitlist_cursor *cursor)
{
    const struct waiting *next = NULL;

    if (!cursor->begun) {
        cursor->begun = true;
        cursor->priority = PRIORITY_STAT;
        cursor->weight = NETWORK_WEIGHT_MAX;
    }
    if (!cursor->long_done) {
        next = oldest_long(list, needs, cursor);
        cursor->long_done = !next;
    }
    if (!next)
        next = next_in_order(list, needs, cursor);
    if (next)
        cursor->next[next->need][next->profile.priority][next->weight]++;
    return next;
}

void waitlist_left(struct waitlist_cursor *cursor, enum need need, enum priority priority, uint8_t weight)
{
    uint32_t *next = &cursor->next[need][priority][weight];

    assert(*next > 0);
    --*next; /* the others have moved up */
}

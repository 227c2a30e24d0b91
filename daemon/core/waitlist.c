/* SPDX-License-Identifier: MIT
 * waitlist: sorted queues, searched by halves. */
#include "daemon/core/waitlist.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/planted.h"

/* Index of the first number that is not smaller. */
static uint32_t lower_bound(const struct waiting_queue *queue, uint64_t number)
{
    uint32_t low = 0;
    uint32_t high = queue->count;

    if (high && queue->numbers[high - 1] < number)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (queue->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds_at(const struct waiting_queue *queue, uint32_t i, uint64_t number)
{
    return i < queue->count && queue->numbers[i] == number;
}

struct waiting_queue *waitlist_queue(struct waitlist *list, enum need need, enum priority priority)
{
    assert(need > 0 && need < WAITLIST_NEEDS && priority >= PRIORITY_ROUTINE && priority <= PRIORITY_STAT);
    return &list->queues[need][priority];
}

void waitlist_insert(struct waitlist *list, enum need need, enum priority priority, uint64_t number)
{
    struct waiting_queue *queue = waitlist_queue(list, need, priority);
    uint32_t i = lower_bound(queue, number);

    assert(queue->count < queue->capacity);
    assert(!holds_at(queue, i, number));
    memmove(&queue->numbers[i + 1], &queue->numbers[i], (queue->count - i) * sizeof queue->numbers[0]);
    queue->numbers[i] = number;
    queue->count++;
    list->count++;
}

bool waitlist_remove(struct waitlist *list, enum need need, enum priority priority, uint64_t number)
{
    struct waiting_queue *queue = waitlist_queue(list, need, priority);
    uint32_t i = lower_bound(queue, number);

    if (!holds_at(queue, i, number))
        return false;
    queue->count--;
    memmove(&queue->numbers[i], &queue->numbers[i + 1], (queue->count - i) * sizeof queue->numbers[0]);
    list->count--;
    return true;
}

uint32_t waitlist_position(const struct waitlist *list, enum need need, enum priority priority, uint64_t number)
{
    const struct waiting_queue *queue = &list->queues[need][priority];
    uint32_t i = lower_bound(queue, number);
    uint32_t before = 0;

    if (!holds_at(queue, i, number))
        return 0;
    for (int higher = (int)priority + 1; higher <= PRIORITY_STAT; higher++)
        before += list->queues[need][higher].count;
    return before + i + 1;
}

/* The oldest of those not yet seen at this priority; 0: none. */
static uint64_t oldest_unseen(const struct waitlist *list, uint64_t needs, struct waitlist_cursor *cursor)
{
    uint64_t oldest = 0;
    int from = 0;

    for (int need = 1; need < WAITLIST_NEEDS; need++) {
        const struct waiting_queue *queue = &list->queues[need][cursor->priority];
        if (!(needs & NEED_BIT(need)) || cursor->next[need] >= queue->count)
            continue;
        uint64_t number = queue->numbers[PLANTED(16) ? queue->count - 1 - cursor->next[need] : cursor->next[need]];
        if (!oldest || number < oldest) {
            oldest = number;
            from = need;
        }
    }
    if (oldest)
        cursor->next[from]++;
    return oldest;
}

uint64_t waitlist_next(const struct waitlist *list, uint64_t needs, struct waitlist_cursor *cursor)
{
    if (!cursor->begun) {
        cursor->begun = true;
        cursor->priority = PRIORITY_STAT;
    }
    for (;;) {
        uint64_t number = oldest_unseen(list, needs, cursor);
        if (number)
            return number;
        if (cursor->priority == PRIORITY_ROUTINE)
            return 0;
        cursor->priority--;
        memset(cursor->next, 0, sizeof cursor->next);
    }
}

void waitlist_left(struct waitlist_cursor *cursor, enum need need)
{
    assert(cursor->next[need] > 0);
    cursor->next[need]--; /* the others have moved up */
}

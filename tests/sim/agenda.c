/* SPDX-License-Identifier: MIT
 * agenda: a heap. */
#include "tests/sim/agenda.h"

#include <string.h>

#include "tests/sim/array.h"

static bool sooner(const struct planned *a, const struct planned *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

uint8_t *agenda_copy(const void *frame, size_t length)
{
    uint8_t *copy = malloc(length);

    assert(copy);
    memcpy(copy, frame, length);
    return copy;
}

void agenda_add(struct agenda *agenda, struct planned planned)
{
    uint32_t i = agenda->count;

    agenda->heap = array_grow(agenda->heap, agenda->count, &agenda->room, sizeof agenda->heap[0]);
    agenda->count++;
    planned.order = ++agenda->order;
    for (; i > 0 && sooner(&planned, &agenda->heap[(i - 1) / 2]); i = (i - 1) / 2)
        agenda->heap[i] = agenda->heap[(i - 1) / 2];
    agenda->heap[i] = planned;
}

int64_t agenda_next_at(const struct agenda *agenda)
{
    return agenda->count ? agenda->heap[0].at : INT64_MAX;
}

struct planned agenda_take(struct agenda *agenda)
{
    struct planned first = agenda->heap[0], last = agenda->heap[--agenda->count];
    uint32_t i = 0;

    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child + 1 < agenda->count && sooner(&agenda->heap[child + 1], &agenda->heap[child]))
            child++;
        if (child >= agenda->count || !sooner(&agenda->heap[child], &last))
            break;
        agenda->heap[i] = agenda->heap[child];
        i = child;
    }
    agenda->heap[i] = last;
    return first;
}

void agenda_clear(struct agenda *agenda)
{
    for (uint32_t i = 0; i < agenda->count; i++)
        free(agenda->heap[i].frame);
    free(agenda->heap);
    *agenda = (struct agenda){0};
}

/* SPDX-License-Identifier: MIT
 * pace: open addressing with linear probes; nothing is ever taken out before everything is forgotten. */
#include "daemon/core/pace.h"

#include <assert.h>
#include <string.h>

/* The entry of the pair, or the empty one where it would stand. Half of the table is empty: the search ends. */
static struct pace_entry *find(const struct pace *pace, uint32_t sender, uint32_t hub)
{
    uint64_t hash = ((uint64_t)sender << 32 | hub) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & (pace->capacity - 1);

    while (pace->entries[i].sender && (pace->entries[i].sender != sender || pace->entries[i].hub != hub))
        i = (i + 1) & (pace->capacity - 1);
    return &pace->entries[i];
}

uint32_t pace_count(const struct pace *pace, uint32_t sender, uint32_t hub)
{
    return pace && pace->capacity ? find(pace, sender, hub)->count : 0;
}

void pace_add(struct pace *pace, uint32_t sender, uint32_t hub, int32_t offers)
{
    assert(sender && 2 * (pace->count + 1) <= pace->capacity);
    struct pace_entry *entry = find(pace, sender, hub);
    if (!entry->sender) {
        *entry = (struct pace_entry){.sender = sender, .hub = hub};
        pace->count++;
    }
    assert(offers >= 0 || entry->count >= (uint32_t)-offers);
    entry->count += (uint32_t)offers;
}

void pace_begin(struct pace *pace, int64_t day)
{
    if (pace->capacity)
        memset(pace->entries, 0, pace->capacity * sizeof *pace->entries);
    pace->count = 0;
    pace->day = day;
}

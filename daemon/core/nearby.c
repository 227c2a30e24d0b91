/* SPDX-License-Identifier: MIT
 * nearby: hubs by neighbourhood, by place, and by the needs for which they are open to all. */
#include "daemon/core/nearby.h"

#include <assert.h>
#include <string.h>

#define BAND_M 4096 /* of northing: hubs are sorted by band, then by easting */

/* ---- By neighbourhood ---- */

typedef void note_area(struct network *, uint16_t area, uint32_t hub);

static void note_areas(struct network *network, const uint16_t *areas, uint16_t count, uint32_t hub, note_area *note)
{
    for (uint16_t i = 0; i < count; i++)
        if (areas[i] < network->neighbourhoods_count)
            note(network, areas[i], hub);
}

static void note_hub(struct network *network, uint32_t index, note_area *note)
{
    const struct hub *hub = &network->hubs[index];
    const struct hub *parent = hub->parent < 0 ? NULL : &network->hubs[hub->parent];

    for (uint32_t i = 0; i < hub->eras_count; i++) {
        const struct era *era = &network->eras[hub->eras_first + i];
        note_areas(network, era->areas, era->areas_count, index, note);
        note_areas(network, era->also, era->also_count, index, note);
    }
    for (uint32_t i = 0; parent && i < parent->eras_count; i++) {
        const struct era *era = &network->eras[parent->eras_first + i];
        note_areas(network, era->areas, era->areas_count, index, note);
    }
}

static void count_area(struct network *network, uint16_t area, uint32_t hub)
{
    (void)hub;
    network->by_area_first[area]++;
}

/* From the end of its run down to its beginning. */
static void put_area(struct network *network, uint16_t area, uint32_t hub)
{
    network->by_area[--network->by_area_first[area]] = hub;
}

static void index_by_area(struct network *network)
{
    uint32_t end = 0;

    memset(network->by_area_first, 0, ((size_t)network->neighbourhoods_count + 1) * sizeof network->by_area_first[0]);
    for (uint32_t i = 0; i < network->hubs_count; i++)
        note_hub(network, i, count_area);
    for (uint32_t area = 0; area <= network->neighbourhoods_count; area++)
        network->by_area_first[area] = end += network->by_area_first[area];
    for (uint32_t i = network->hubs_count; i > 0; i--)
        note_hub(network, i - 1, put_area);
}

uint32_t nearby_areas_count(const struct network *network)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < network->hubs_count; i++) {
        const struct hub *hub = &network->hubs[i];
        const struct hub *parent = hub->parent < 0 ? NULL : &network->hubs[hub->parent];
        for (uint32_t era = hub->eras_first; era < hub->eras_first + hub->eras_count; era++)
            count += network->eras[era].areas_count + network->eras[era].also_count;
        for (uint32_t era = 0; parent && era < parent->eras_count; era++)
            count += network->eras[parent->eras_first + era].areas_count;
    }
    return count;
}

/* ---- By place ---- */

static int64_t band_of(struct position position)
{
    return position.northing / BAND_M;
}

static bool is_before(struct position a, int64_t band, int64_t easting)
{
    return band_of(a) != band ? band_of(a) < band : a.easting < easting;
}

/* Shell's sort: no memory of its own. */
static void sort_stands(struct stand *stands, uint32_t count)
{
    uint32_t gap = 1;

    while (gap < count / 3)
        gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3)
        for (uint32_t i = gap; i < count; i++) {
            struct stand stand = stands[i];
            uint32_t at = i;
            for (; at >= gap &&
                   is_before(stand.position, band_of(stands[at - gap].position), stands[at - gap].position.easting);
                 at -= gap)
                stands[at] = stands[at - gap];
            stands[at] = stand;
        }
}

static void index_stands(struct network *network)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < network->hubs_count; i++)
        for (uint32_t era = 0; era < network->hubs[i].eras_count; era++)
            network->stands[count++] = (struct stand){network->eras[network->hubs[i].eras_first + era].position, i};
    assert(count == network->eras_count);
    sort_stands(network->stands, count);
}

/* The first in this band or a later one that is not west of the easting in that band. */
static uint32_t first_stand(const struct network *network, int64_t band, int64_t easting)
{
    uint32_t low = 0, high = network->eras_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (is_before(network->stands[middle].position, band, easting))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- For everybody ---- */

static void index_wide(struct network *network)
{
    for (size_t need = 0; need < NETWORK_NEEDS; need++) {
        network->wide_count[need] = 0;
        for (uint32_t i = network->by_need_first[need]; i < network->by_need_first[need + 1]; i++) {
            uint32_t hub = network->by_need_hub[i];
            if (network->services[network->by_need[i]].citywide || network->hubs[hub].tier == TIER_SPECIALIST)
                network->wide[network->by_need_first[need] + network->wide_count[need]++] = hub;
        }
    }
}

void nearby_index(struct network *network)
{
    assert(network->hubs_count <= NETWORK_HUBS_MAX);
    index_by_area(network);
    index_stands(network);
    index_wide(network);
}

/* ---- Sets ---- */

static void add(struct nearby *nearby, uint32_t hub)
{
    nearby->words[hub / 64] |= CODE_BIT(hub % 64);
}

void nearby_clear(const struct network *network, struct nearby *nearby)
{
    memset(nearby->words, 0, (network->hubs_count + 63) / 64 * sizeof nearby->words[0]);
}

void nearby_add_area(const struct network *network, uint16_t neighbourhood, struct nearby *nearby)
{
    if (neighbourhood >= network->neighbourhoods_count)
        return;
    for (uint32_t i = network->by_area_first[neighbourhood]; i < network->by_area_first[neighbourhood + 1]; i++)
        add(nearby, network->by_area[i]);
}

/* Band by band, past what lies west or east, and over bands in which nobody stands. */
void nearby_add_within(const struct network *network, struct position position, uint32_t metres, struct nearby *nearby)
{
    int64_t west = (int64_t)position.easting - metres, east = (int64_t)position.easting + metres;
    int64_t south = (int64_t)position.northing - metres, north = (int64_t)position.northing + metres;

    if (!position_known(position))
        return;
    for (uint32_t at = first_stand(network, south / BAND_M, west); at < network->eras_count;) {
        struct position there = network->stands[at].position;
        if (band_of(there) > north / BAND_M)
            return;
        if (there.easting < west)
            at = first_stand(network, band_of(there), west);
        else if (there.easting > east)
            at = first_stand(network, band_of(there) + 1, west);
        else if (there.northing < south || there.northing > north)
            at++;
        else
            add(nearby, network->stands[at++].hub);
    }
}

void nearby_add_wide(const struct network *network, enum need need, struct nearby *nearby)
{
    const uint32_t *hubs = &network->wide[network->by_need_first[need]];

    for (uint32_t i = 0; i < network->wide_count[need]; i++)
        add(nearby, hubs[i]);
}

uint32_t nearby_next(const struct network *network, const struct nearby *nearby, uint32_t from)
{
    uint64_t before = CODE_BIT(from % 64) - 1; /* in the first word */

    for (uint32_t word = from / 64; word < (network->hubs_count + 63) / 64; word++, before = 0)
        if (nearby->words[word] & ~before)
            return 64 * word + (uint32_t)__builtin_ctzll(nearby->words[word] & ~before);
    return UINT32_MAX;
}

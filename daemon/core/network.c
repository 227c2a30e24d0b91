/* SPDX-License-Identifier: MIT
 * network: look-ups in the network, and distances. */
#include "daemon/core/network.h"

#include <string.h>

static bool id_is(const char *id, const char *text, size_t length)
{
    return strlen(id) == length && memcmp(id, text, length) == 0;
}

int network_find_hub(const struct network *network, uint32_t party)
{
    for (uint32_t i = 0; i < network->hubs_count; i++)
        if (network->hubs[i].party == party)
            return (int)i;
    return -1;
}

int network_find_hub_by_id(const struct network *network, const char *id, size_t length)
{
    for (uint32_t i = 0; i < network->hubs_count; i++)
        if (id_is(network->hubs[i].id, id, length))
            return (int)i;
    return -1;
}

int network_find_neighbourhood(const struct network *network, const char *code, size_t length)
{
    for (uint32_t i = 0; i < network->neighbourhoods_count; i++)
        if (id_is(network->neighbourhoods[i].code, code, length))
            return (int)i;
    return -1;
}

int network_find_service(const struct network *network, uint32_t hub_party, uint32_t service_number)
{
    int hub = network_find_hub(network, hub_party);

    if (hub < 0)
        return -1;
    for (uint32_t i = 0; i < network->hubs[hub].services_count; i++) {
        uint32_t row = network->hubs[hub].services_first + i;
        if (network->services[row].number == service_number)
            return (int)row;
    }
    return -1;
}

uint32_t network_service_number(const char *id, size_t length)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)id[i]) * 16777619u;
    return hash;
}

enum hub_status hub_status_on(const struct hub *hub, int64_t day)
{
    if (hub->status == HUB_CLOSED || (hub->closes_on && day >= hub->closes_on))
        return HUB_CLOSED;
    if (hub->opens_on && day < hub->opens_on)
        return HUB_PLANNED;
    /* A planned hub with an opening day opens by itself. */
    if (hub->status == HUB_PLANNED && !hub->opens_on)
        return HUB_PLANNED;
    return hub->status == HUB_PAUSED ? HUB_PAUSED : HUB_OPEN;
}

/* Integer square root by bits: core links no maths library. */
static uint32_t square_root(uint64_t n)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 62; bit; bit >>= 2) {
        if (n >= root + bit) {
            n -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

bool position_known(struct position position)
{
    return position.easting || position.northing;
}

uint32_t distance_m(struct position a, struct position b)
{
    int64_t east = (int64_t)a.easting - b.easting;
    int64_t north = (int64_t)a.northing - b.northing;

    if (!position_known(a) || !position_known(b))
        return 0;
    return square_root((uint64_t)(east * east) + (uint64_t)(north * north));
}

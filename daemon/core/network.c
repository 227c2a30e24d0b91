/* SPDX-License-Identifier: MIT
 * network: look-ups in the network by its indices, what is true of hubs and services on a day, and distances. */
#include "daemon/core/network.h"

#include <assert.h>
#include <string.h>

#include "daemon/core/nearby.h"

/* Indices */

typedef int compare_rows(const struct network *, uint32_t a, uint32_t b);

static int compare_texts(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Several hubs have the same number only before they are given theirs. */
static int compare_parties(const struct network *network, uint32_t a, uint32_t b)
{
    uint32_t left = network->hubs[a].party, right = network->hubs[b].party;

    return left != right ? (left > right) - (left < right) : (a > b) - (a < b);
}

/* The same id stands twice only in a file that is refused. */
static int compare_ids(const struct network *network, uint32_t a, uint32_t b)
{
    const char *left = network->hubs[a].id, *right = network->hubs[b].id;
    int order = compare_texts(left, strlen(left), right, strlen(right));

    return order != 0 ? order : (a > b) - (a < b);
}

static int compare_codes(const struct network *network, uint32_t a, uint32_t b)
{
    const char *left = network->neighbourhoods[a].code, *right = network->neighbourhoods[b].code;

    return compare_texts(left, strlen(left), right, strlen(right));
}

static int compare_practices(const struct network *network, uint32_t a, uint32_t b)
{
    const char *left = network->senders[a].practice, *right = network->senders[b].practice;

    return compare_texts(left, strlen(left), right, strlen(right));
}

/* Lets the row at `at` sink to where no row below it is greater. */
static void sink(const struct network *network, uint32_t *rows, uint32_t at, uint32_t count, compare_rows *compare)
{
    uint32_t row = rows[at];

    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(network, rows[child], rows[child + 1]) < 0)
            child++;
        if (compare(network, row, rows[child]) >= 0)
            break;
        rows[at] = rows[child];
    }
    rows[at] = row;
}

/* Heapsort: no memory of its own, no bad cases. */
static void sort_rows(const struct network *network, uint32_t *rows, uint32_t count, compare_rows *compare)
{
    for (uint32_t i = count / 2; i > 0; i--)
        sink(network, rows, i - 1, count, compare);
    for (uint32_t i = count; i > 1; i--) {
        uint32_t greatest = rows[0];
        rows[0] = rows[i - 1];
        rows[i - 1] = greatest;
        sink(network, rows, 0, i - 1, compare);
    }
}

uint32_t needs_count(uint64_t needs)
{
    uint32_t count = 0;

    for (uint64_t left = needs; left; left &= left - 1)
        count++;
    return count;
}

uint32_t network_needs_count(const struct network *network)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < network->services_count; i++)
        for (uint64_t needs = network->services[i].needs; needs != 0; needs &= needs - 1)
            count++;
    return count;
}

static void add_by_need(struct network *network, uint32_t next[NETWORK_NEEDS], uint32_t index)
{
    const struct hub *hub = &network->hubs[index];

    for (uint32_t row = hub->services_first; row < hub->services_first + hub->services_count; row++)
        for (uint64_t needs = network->services[row].needs; needs != 0; needs &= needs - 1) {
            uint32_t at = next[__builtin_ctzll(needs)]++;
            network->by_need[at] = row;
            network->by_need_hub[at] = index;
        }
}

static void index_by_need(struct network *network)
{
    uint32_t next[NETWORK_NEEDS];

    memset(network->by_need_first, 0, sizeof network->by_need_first);
    for (uint32_t i = 0; i < network->services_count; i++)
        for (uint64_t needs = network->services[i].needs; needs != 0; needs &= needs - 1)
            network->by_need_first[__builtin_ctzll(needs) + 1]++;
    for (size_t need = 0; need < NETWORK_NEEDS; need++) {
        next[need] = network->by_need_first[need];
        network->by_need_first[need + 1] += next[need];
    }
    for (uint32_t i = 0; i < network->hubs_count; i++)
        add_by_need(network, next, i);
}

static void sort_all(const struct network *network, uint32_t *rows, uint32_t count, compare_rows *compare)
{
    for (uint32_t i = 0; i < count; i++)
        rows[i] = i;
    sort_rows(network, rows, count, compare);
}

static void index_by_practice(struct network *network)
{
    network->by_practice_count = 0;
    for (uint32_t i = 0; i < network->senders_count; i++)
        if (network->senders[i].practice[0] != '\0')
            network->by_practice[network->by_practice_count++] = i;
    sort_rows(network, network->by_practice, network->by_practice_count, compare_practices);
}

void network_index_ids(struct network *network)
{
    sort_all(network, network->by_id, network->hubs_count, compare_ids);
}

void network_index(struct network *network)
{
    index_by_need(network);
    network_index_ids(network);
    sort_all(network, network->by_party, network->hubs_count, compare_parties);
    sort_all(network, network->by_code, network->neighbourhoods_count, compare_codes);
    index_by_practice(network);
    nearby_index(network);
}

/* Look-ups */

int network_find_hub(const struct network *network, uint32_t party)
{
    uint32_t low = 0, high = network->hubs_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (network->hubs[network->by_party[middle]].party < party)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == network->hubs_count || network->hubs[network->by_party[low]].party != party)
        return -1;
    return (int)network->by_party[low];
}

int network_find_hub_by_id(const struct network *network, const char *id, size_t length)
{
    uint32_t low = 0, high = length ? network->hubs_count : 0; /* most have no wish */

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *here = network->hubs[network->by_id[middle]].id;
        int order = compare_texts(here, strlen(here), id, length);
        if (order == 0)
            return (int)network->by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

bool network_admits(const struct network *network, enum role role, const char *party)
{
    return role != ROLE_SENDER || network_find_hub_by_id(network, party, strlen(party)) < 0;
}

int network_find_neighbourhood(const struct network *network, const char *code, size_t length)
{
    uint32_t low = 0, high = network->neighbourhoods_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *here = network->neighbourhoods[network->by_code[middle]].code;
        int order = compare_texts(here, strlen(here), code, length);
        if (order == 0)
            return (int)network->by_code[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

int network_find_practice(const struct network *network, const char *ods, size_t length)
{
    uint32_t low = 0, high = network->practices_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const char *here = network->practices[middle].ods;
        int order = compare_texts(here, strlen(here), ods, length);
        if (order == 0)
            return (int)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

uint32_t network_practice_party(const struct network *network, const char *ods, size_t length)
{
    uint32_t low = 0, high = network->by_practice_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct sender *sender = &network->senders[network->by_practice[middle]];
        int order = compare_texts(sender->practice, strlen(sender->practice), ods, length);
        if (order == 0)
            return sender->party;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return PARTY_NONE;
}

uint16_t network_nearest_neighbourhood(const struct network *network, struct position position)
{
    uint16_t nearest = NEIGHBOURHOOD_NONE;
    uint32_t least = network->nearest_m;

    if (network->nearest_m == 0 || !position_known(position))
        return NEIGHBOURHOOD_NONE;
    for (uint32_t i = 0; i < network->neighbourhoods_count; i++) {
        struct position centre = network->neighbourhoods[i].centre;
        uint32_t distance = distance_m(centre, position);
        bool is_nearer = nearest == NEIGHBOURHOOD_NONE ? distance <= least : distance < least;
        if (position_known(centre) && is_nearer) {
            nearest = (uint16_t)i;
            least = distance;
        }
    }
    return nearest;
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

/* Days */

enum hub_status hub_status_on(const struct hub *hub, int64_t day)
{
    if (hub->status == HUB_CLOSED || (hub->closes_on && day >= hub->closes_on))
        return HUB_CLOSED;
    if (hub->opens_on && day < hub->opens_on)
        return HUB_PLANNED;
    /* A planned hub with an opening day opens by itself. */
    if (hub->status == HUB_PLANNED)
        return hub->opens_on ? HUB_OPEN : HUB_PLANNED;
    return hub->status;
}

const struct era *hub_on(const struct network *network, const struct hub *hub, int64_t day)
{
    uint32_t era = hub->eras_first;

    assert(hub->eras_count > 0);
    while (era + 1 < hub->eras_first + hub->eras_count && network->eras[era + 1].from_day <= day)
        era++;
    return &network->eras[era];
}

bool service_runs_on(const struct service *service, int64_t day)
{
    return (service->from_day == 0 || day >= service->from_day) && (service->to_day == 0 || day <= service->to_day);
}

bool network_changes_on(const struct network *network, int64_t day)
{
    for (uint32_t i = 0; i < network->hubs_count; i++) {
        const struct hub *hub = &network->hubs[i];
        if (hub_status_on(hub, day) != hub_status_on(hub, day - 1) ||
            hub_on(network, hub, day) != hub_on(network, hub, day - 1))
            return true;
    }
    for (uint32_t i = 0; i < network->services_count; i++)
        if (service_runs_on(&network->services[i], day) != service_runs_on(&network->services[i], day - 1))
            return true;
    return false;
}

struct hours service_hours(const struct network *network, uint32_t row)
{
    const struct service *service = &network->services[row];

    return service->hours.count > 0 ? service->hours : network->hubs[service->hub].hours;
}

struct calendar network_office_calendar(const struct network *network)
{
    return (struct calendar){.spans = network->spans,
                             .hours = network->office,
                             .holidays = network->holidays,
                             .holidays_count = network->holidays_count};
}

struct calendar network_hub_calendar(const struct network *network, const struct hub *hub)
{
    struct calendar calendar = network_office_calendar(network);

    if (hub->hours.count > 0)
        calendar.hours = hub->hours;
    if (hub->closures_count > 0)
        calendar.closures = &network->closures[hub->closures_first];
    calendar.closures_count = hub->closures_count;
    return calendar;
}

const struct stage_clock *network_stage(const struct network *network, const struct hub *hub, enum stage stage)
{
    const struct stages *stages = hub->stages < 0 ? &network->deadlines.stages : &network->stages[hub->stages];

    assert(stage >= STAGE_RECEIPT && stage <= STAGE_PROGRESS);
    return &stages->clocks[stage];
}

/* Persons and places */

static bool is_plus_group(const struct network *network, uint32_t group)
{
    for (uint32_t i = 0; i < network->plus_count; i++)
        if (network->plus_groups[i] == group)
            return true;
    return false;
}

uint8_t network_weight(const struct network *network, uint8_t decile, const uint32_t *plus, uint8_t plus_count)
{
    unsigned weight = decile == 1 || decile == 2 ? network->fairness.core20 : 0;

    for (uint8_t i = 0; i < plus_count; i++)
        if (is_plus_group(network, plus[i])) {
            weight += network->fairness.plus;
            break;
        }
    assert(weight <= NETWORK_WEIGHT_MAX);
    return (uint8_t)weight;
}

bool position_known(struct position position)
{
    return position.easting || position.northing;
}

/* The root of the machine is exact for numbers below 2^53, as all squares of distances on the grid are; the two lines
 * after it hold for all. */
static uint32_t square_root(uint64_t n)
{
    uint64_t root = (uint64_t)__builtin_sqrt((double)n);

    root -= root * root > n;
    root += (root + 1) * (root + 1) <= n;
    return (uint32_t)root;
}

uint32_t distance_m(struct position a, struct position b)
{
    int64_t east = (int64_t)a.easting - b.easting;
    int64_t north = (int64_t)a.northing - b.northing;

    if (!position_known(a) || !position_known(b))
        return 0;
    return square_root((uint64_t)(east * east) + (uint64_t)(north * north));
}

/* SPDX-License-Identifier: MIT
 * network_file: the text of network.conf -> struct network, by tables; then what only the whole can tell: what stands
 * twice, what is named but not there, what contradicts itself. */
#include "daemon/io/network_file.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/referral.h"

#define NEIGHBOURHOODS_MAX 60000 /* below NEIGHBOURHOOD_NONE */
#define HUBS_MAX 10000
#define SENDERS_MAX 100000
#define CODE_BYTES_MAX 15   /* as in stored records */
#define PLACES_MAX 10000000 /* as on the wire */
#define EASTING_MAX 700000
#define NORTHING_MAX 1300000
#define SECOND INT64_C(1000)
#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

/* What the file as a whole holds. */
struct file {
    struct network network;
    const struct config_node *deadlines, *rings, *travel, *neighbourhoods, *hubs, *senders;
};

struct hub_entry {
    struct hub hub;
    char parent[ID_BYTES_MAX + 1];
    const struct config_node *areas, *also, *services;
};

struct service_entry {
    struct service service;
    const struct config_node *needs, *genders, *sources;
};

/* One id that the file gives, to find those that stand twice. */
struct name {
    const char *text;
    const char *what;
    int line;
};

struct names {
    struct name *all;
    size_t count;
};

/* The hub that a hub says it is a satellite of; "": none. */
struct parent {
    char id[ID_BYTES_MAX + 1];
    int line;
};

/* What building a network goes about with. */
struct building {
    const struct config_tree *tree;
    const char *name;
    struct config_faults *faults;
    struct network *network;
    struct names parties, places;
    struct parent *parents; /* of each hub */
};

/* clang-format off */
#define PLAIN(in, member, name, kind, least, most, standard) \
    CONFIG_ROW(in, member, name, kind, least, most, LIST_none, standard)

static const struct config_row file_rows[] = {
    PLAIN(file, network.name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    PLAIN(file, network.neighbour_distance_m, "neighbour_distance", CONFIG_DISTANCE, 0, 100000, "3km"),
    PLAIN(file, network.hops_max, "hops_max", CONFIG_NUMBER, 1, OFFERS_MAX, "5"),
    PLAIN(file, deadlines, "deadlines", CONFIG_GROUP, 0, 0, ""),
    PLAIN(file, rings, "rings", CONFIG_TEXTS, 1, RING_SATELLITE, ""),
    PLAIN(file, travel, "travel", CONFIG_GROUP, 0, 0, ""),
    PLAIN(file, neighbourhoods, "neighbourhoods", CONFIG_GROUPS, 1, NEIGHBOURHOODS_MAX, NULL),
    PLAIN(file, hubs, "hubs", CONFIG_GROUPS, 1, HUBS_MAX, NULL),
    PLAIN(file, senders, "senders", CONFIG_GROUPS, 0, SENDERS_MAX, ""),
};

#define WAIT(member, name, standard) PLAIN(deadlines, member, name, CONFIG_TIME, SECOND, 366 * DAY, standard)
static const struct config_row deadline_rows[] = {
    WAIT(offer_ms[PRIORITY_ROUTINE], "offer_routine", "2d"), WAIT(offer_ms[PRIORITY_URGENT], "offer_urgent", "4h"),
    WAIT(offer_ms[PRIORITY_ASAP], "offer_asap", "2h"),       WAIT(offer_ms[PRIORITY_STAT], "offer_stat", "1h"),
    WAIT(accepted_ms[PRIORITY_ROUTINE], "accepted_routine", "7d"),
    WAIT(accepted_ms[PRIORITY_URGENT], "accepted_urgent", "2d"),
    WAIT(accepted_ms[PRIORITY_ASAP], "accepted_asap", "1d"), WAIT(accepted_ms[PRIORITY_STAT], "accepted_stat", "12h"),
    WAIT(progress_ms, "progress", "28d"),                    WAIT(waiting_review_ms, "waiting_review", "7d"),
    WAIT(attention_review_ms, "attention_review", "1d"),     WAIT(outcome_confirm_ms, "outcome_confirm", "5d"),
};

static const struct config_row travel_rows[] = {
    PLAIN(network, travel_m[TRANSPORT_WALK], "walk", CONFIG_DISTANCE, 1, 10000, "65m"),
    PLAIN(network, travel_m[TRANSPORT_BUS], "bus", CONFIG_DISTANCE, 1, 10000, "150m"),
    PLAIN(network, travel_m[TRANSPORT_CAR], "car", CONFIG_DISTANCE, 1, 10000, "350m"),
};

static const struct config_row neighbourhood_rows[] = {
    PLAIN(neighbourhood, code, "code", CONFIG_ID, 1, CODE_BYTES_MAX, NULL),
    PLAIN(neighbourhood, name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    PLAIN(neighbourhood, centre.easting, "easting", CONFIG_NUMBER, 1, EASTING_MAX, NULL),
    PLAIN(neighbourhood, centre.northing, "northing", CONFIG_NUMBER, 1, NORTHING_MAX, NULL),
};

static const struct config_row hub_rows[] = {
    PLAIN(hub_entry, hub.id, "id", CONFIG_ID, 1, ID_BYTES_MAX, NULL),
    PLAIN(hub_entry, hub.name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    CONFIG_ROW(hub_entry, hub.tier, "tier", CONFIG_CODE, 0, 0, LIST_tier, NULL),
    CONFIG_ROW(hub_entry, hub.status, "status", CONFIG_CODE, 0, 0, LIST_hub_status, "open"),
    PLAIN(hub_entry, hub.opens_on, "opens_on", CONFIG_DATE, 0, 0, ""),
    PLAIN(hub_entry, hub.closes_on, "closes_on", CONFIG_DATE, 0, 0, ""),
    PLAIN(hub_entry, hub.position.easting, "easting", CONFIG_NUMBER, 1, EASTING_MAX, NULL),
    PLAIN(hub_entry, hub.position.northing, "northing", CONFIG_NUMBER, 1, NORTHING_MAX, NULL),
    PLAIN(hub_entry, areas, "areas", CONFIG_TEXTS, 0, NETWORK_AREAS_MAX, ""),
    PLAIN(hub_entry, also, "also_serves", CONFIG_TEXTS, 0, NETWORK_AREAS_MAX, ""),
    PLAIN(hub_entry, parent, "satellite_of", CONFIG_ID, 1, ID_BYTES_MAX, ""),
    PLAIN(hub_entry, services, "services", CONFIG_GROUPS, 0, NETWORK_SERVICES_MAX, ""),
};

static const struct config_row service_rows[] = {
    PLAIN(service_entry, service.id, "id", CONFIG_ID, 1, ID_BYTES_MAX, NULL),
    PLAIN(service_entry, needs, "needs", CONFIG_TEXTS, 1, 63, NULL),
    PLAIN(service_entry, service.places, "places", CONFIG_NUMBER, 0, PLACES_MAX, NULL),
    PLAIN(service_entry, service.citywide, "citywide", CONFIG_BOOL, 0, 0, "false"),
    PLAIN(service_entry, service.age_from, "age_from", CONFIG_NUMBER, 0, 120, "0"),
    PLAIN(service_entry, service.age_to, "age_to", CONFIG_NUMBER, 0, 120, "0"),
    PLAIN(service_entry, genders, "genders", CONFIG_TEXTS, 1, 4, ""),
    PLAIN(service_entry, sources, "senders", CONFIG_TEXTS, 1, 4, ""),
    PLAIN(service_entry, service.carers_only, "carers_only", CONFIG_BOOL, 0, 0, "false"),
};

static const struct config_row sender_rows[] = {
    PLAIN(sender, id, "id", CONFIG_ID, 1, ID_BYTES_MAX, NULL),
    PLAIN(sender, name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    CONFIG_ROW(sender, kind, "kind", CONFIG_CODE, 0, 0, LIST_referral_source, NULL),
};
/* clang-format on */

#define TAKE(building, node, what, rows, into)                                                                         \
    config_take((building)->tree, node, what, rows, sizeof rows / sizeof rows[0], into)

/* What stands twice */

static void note_name(struct names *names, const char *text, const char *what, int line)
{
    if (text[0] != '\0')
        names->all[names->count++] = (struct name){text, what, line};
}

static int compare_names(const void *a, const void *b)
{
    const struct name *left = a, *right = b;
    int order = strcmp(left->text, right->text);

    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static void check_twice(const struct building *building, const struct names *names)
{
    qsort(names->all, names->count, sizeof names->all[0], compare_names);
    for (size_t i = 1; i < names->count; i++) {
        const struct name *first = &names->all[i - 1], *second = &names->all[i];
        if (strcmp(first->text, second->text) != 0)
            continue;
        if (strcmp(first->what, second->what) == 0)
            config_fault(building->faults, building->name, second->line, "%s \"%s\" stands twice, first on line %d",
                         second->what, second->text, first->line);
        else
            config_fault(building->faults, building->name, second->line,
                         "\"%s\" is %s here and %s on line %d, give one of them another name", second->text,
                         second->what, first->what, first->line);
    }
}

/* Services */

/* A list of codes as a set of bits; what names one of them in the faults ("need"). */
static uint64_t read_codes(const struct building *building, enum code_list codes, const char *what,
                           const struct config_node *texts)
{
    const struct list_spec *list = &lists[codes];
    uint64_t bits = 0;
    char hint[100];

    for (size_t i = 0; i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        int code = code_number(codes, text, strlen(text));
        struct config_guess guess = {.word = text};
        for (size_t j = 0; code == 0 && j < list->count; j++)
            config_guess(&guess, list->codes[j].text);
        if (code == 0)
            config_fault(building->faults, building->name, config_line(config_at(texts, i)),
                         "there is no %s \"%.60s\"%s", what, text, config_guess_text(&guess, hint, sizeof hint));
        else if (bits & CODE_BIT(code))
            config_fault(building->faults, building->name, config_line(config_at(texts, i)),
                         "%s \"%s\" stands twice in this service", what, text);
        bits |= code ? CODE_BIT(code) : 0;
    }
    return bits;
}

static void check_ages(const struct building *building, const struct service *service, int line)
{
    if (service->age_to && service->age_from > service->age_to)
        config_fault(building->faults, building->name, line, "service \"%s\" ends at age %u before it begins at %u",
                     service->id, service->age_to, service->age_from);
}

static void check_service_twice(const struct building *building, const struct hub *hub, const struct service *service,
                                int line)
{
    const struct service *others = building->network->services + hub->services_first;

    for (uint32_t i = 0; service->id[0] != '\0' && i < hub->services_count; i++)
        if (strcmp(others[i].id, service->id) == 0)
            config_fault(building->faults, building->name, line, "hub \"%s\" has service \"%s\" twice", hub->id,
                         service->id);
        else if (others[i].id[0] != '\0' && others[i].number == service->number)
            config_fault(building->faults, building->name, line,
                         "services \"%s\" and \"%s\" come to the same number, change one id a little", others[i].id,
                         service->id);
}

static bool make_room_for_services(struct network *network, size_t count)
{
    size_t bytes = (network->services_count + count) * sizeof network->services[0];
    struct service *services = bytes > 0 ? realloc(network->services, bytes) : NULL;

    if (services)
        network->services = services;
    return services || bytes == 0;
}

static void read_services(const struct building *building, uint32_t hub_index, const struct config_node *services)
{
    struct network *network = building->network;
    struct hub *hub = &network->hubs[hub_index];

    hub->services_first = network->services_count;
    if (!make_room_for_services(network, config_count(services))) {
        config_fault(building->faults, building->name, 0, "cannot be read: out of memory");
        return;
    }
    for (size_t i = 0; i < config_count(services); i++) {
        struct service_entry entry = {.service.hub = hub_index};
        TAKE(building, config_at(services, i), "a service", service_rows, &entry);
        entry.service.needs = read_codes(building, LIST_need, "need", entry.needs);
        entry.service.genders = read_codes(building, LIST_gender, "gender", entry.genders);
        entry.service.sources = read_codes(building, LIST_referral_source, "kind of sender", entry.sources);
        check_ages(building, &entry.service, config_line(config_at(services, i)));
        entry.service.number = network_service_number(entry.service.id, strlen(entry.service.id));
        check_service_twice(building, hub, &entry.service, config_line(config_at(services, i)));
        network->services[network->services_count++] = entry.service;
        hub->services_count++;
    }
}

/* Hubs */

/* Areas are named by code or by name, so that people can read the file. */
static int find_area(const struct network *network, const char *text)
{
    for (uint32_t i = 0; i < network->neighbourhoods_count; i++)
        if (strcmp(network->neighbourhoods[i].code, text) == 0 || strcmp(network->neighbourhoods[i].name, text) == 0)
            return (int)i;
    return -1;
}

static void fault_area(const struct building *building, int line, const char *text)
{
    struct config_guess guess = {.word = text};
    char hint[100];

    for (uint32_t i = 0; i < building->network->neighbourhoods_count; i++) {
        config_guess(&guess, building->network->neighbourhoods[i].code);
        config_guess(&guess, building->network->neighbourhoods[i].name);
    }
    config_fault(building->faults, building->name, line, "there is no neighbourhood \"%.60s\"%s", text,
                 config_guess_text(&guess, hint, sizeof hint));
}

static bool has_area(const uint16_t *areas, uint16_t count, int area)
{
    for (uint16_t i = 0; i < count; i++)
        if (areas[i] == area)
            return true;
    return false;
}

/* Reads neighbourhoods into areas; returns how many. */
static uint16_t read_areas(const struct building *building, const struct hub *hub, const struct config_node *texts,
                           uint16_t areas[NETWORK_AREAS_MAX])
{
    uint16_t count = 0;

    for (size_t i = 0; i < config_count(texts); i++) {
        const struct config_node *node = config_at(texts, i);
        int area = find_area(building->network, config_text(node));
        if (area < 0)
            fault_area(building, config_line(node), config_text(node));
        else if (has_area(areas, count, area))
            config_fault(building->faults, building->name, config_line(node),
                         "neighbourhood \"%.60s\" stands twice in hub \"%s\"", config_text(node), hub->id);
        else
            areas[count++] = (uint16_t)area;
    }
    return count;
}

static void fault_parent(const struct building *building, const struct parent *parent)
{
    struct config_guess guess = {.word = parent->id};
    char hint[100];

    for (uint32_t i = 0; i < building->network->hubs_count; i++)
        config_guess(&guess, building->network->hubs[i].id);
    config_fault(building->faults, building->name, parent->line, "there is no hub \"%s\" to be a satellite of%s",
                 parent->id, config_guess_text(&guess, hint, sizeof hint));
}

/* A satellite has no satellites of its own: so parents cannot go round in a circle. */
static void find_parents(const struct building *building)
{
    struct network *network = building->network;

    for (uint32_t i = 0; i < network->hubs_count; i++) {
        const struct parent *parent = &building->parents[i];
        network->hubs[i].parent = -1;
        if (parent->id[0] == '\0')
            continue;
        int found = network_find_hub_by_id(network, parent->id, strlen(parent->id));
        if (found < 0)
            fault_parent(building, parent);
        else if ((uint32_t)found == i || building->parents[found].id[0] != '\0')
            config_fault(building->faults, building->name, parent->line,
                         "\"%s\" is itself a satellite, name the hub that it belongs to", parent->id);
        network->hubs[i].parent = found;
    }
}

static void check_hub(const struct building *building, const struct hub *hub, int line)
{
    if (strcmp(hub->id, "network") == 0)
        config_fault(building->faults, building->name, line,
                     "\"network\" is the network itself, name the hub otherwise");
    if (hub->opens_on && hub->closes_on && hub->opens_on >= hub->closes_on)
        config_fault(building->faults, building->name, line, "hub \"%s\" closes before it opens", hub->id);
    if (hub->services_count == 0 && (hub->status == HUB_OPEN || hub->status == HUB_PAUSED))
        config_fault(building->faults, building->name, line,
                     "hub \"%s\" has no services; give it some, or status = \"planned\"", hub->id);
}

static void read_hubs(struct building *building, const struct config_node *hubs)
{
    for (size_t i = 0; i < config_count(hubs); i++) {
        const struct config_node *node = config_at(hubs, i);
        struct hub_entry entry = {0};
        uint32_t index = building->network->hubs_count++;
        struct hub *hub = &building->network->hubs[index];
        TAKE(building, node, "a hub", hub_rows, &entry);
        *hub = entry.hub;
        note_name(&building->parties, hub->id, "a hub", config_line(node));
        hub->areas_count = read_areas(building, hub, entry.areas, hub->areas);
        hub->also_count = read_areas(building, hub, entry.also, hub->also);
        building->parents[index].line = config_line(node);
        memcpy(building->parents[index].id, entry.parent, sizeof entry.parent);
        read_services(building, index, entry.services);
        check_hub(building, hub, config_line(node));
    }
}

/* The rest */

static void read_neighbourhoods(struct building *building, const struct config_node *neighbourhoods)
{
    struct network *network = building->network;

    for (size_t i = 0; i < config_count(neighbourhoods); i++) {
        const struct config_node *node = config_at(neighbourhoods, i);
        struct neighbourhood *neighbourhood = &network->neighbourhoods[network->neighbourhoods_count++];
        TAKE(building, node, "a neighbourhood", neighbourhood_rows, neighbourhood);
        note_name(&building->places, neighbourhood->code, "a neighbourhood", config_line(node));
        if (strcmp(neighbourhood->code, neighbourhood->name) != 0)
            note_name(&building->places, neighbourhood->name, "a neighbourhood", config_line(node));
    }
}

static void read_senders(struct building *building, const struct config_node *senders)
{
    for (size_t i = 0; i < config_count(senders); i++) {
        struct sender *sender = &building->network->senders[building->network->senders_count++];
        TAKE(building, config_at(senders, i), "a sender", sender_rows, sender);
        note_name(&building->parties, sender->id, "a sender", config_line(config_at(senders, i)));
        if (strcmp(sender->id, "network") == 0)
            config_fault(building->faults, building->name, config_line(config_at(senders, i)),
                         "\"network\" is the network itself, name the sender otherwise");
    }
}

/* The rings that are used, in their order; all of them, the nearest first, unless the file says otherwise. */
static void read_rings(const struct building *building, const struct config_node *texts)
{
    static const enum ring usual[] = {RING_HOME, RING_SATELLITE, RING_NEIGHBOUR, RING_CITYWIDE};
    uint8_t *rank = building->network->ring_rank;

    for (size_t i = 0; texts == NULL && i < sizeof usual / sizeof usual[0]; i++)
        rank[usual[i]] = (uint8_t)(i + 1);
    for (size_t i = 0; i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        int ring = code_number(LIST_ring, text, strlen(text));
        if (ring == 0)
            config_fault(building->faults, building->name, config_line(config_at(texts, i)),
                         "there is no ring \"%.60s\", only home, satellite, neighbouring and citywide", text);
        else if (rank[ring])
            config_fault(building->faults, building->name, config_line(config_at(texts, i)), "ring \"%s\" stands twice",
                         text);
        else
            rank[ring] = (uint8_t)(i + 1);
    }
}

/* The more pressing may not wait longer. */
static void check_pressing(const struct building *building, const int64_t *wait, const char *what, int line)
{
    for (int priority = PRIORITY_ROUTINE; priority < PRIORITY_STAT; priority++)
        if (wait[priority] != 0 && wait[priority + 1] > wait[priority])
            config_fault(building->faults, building->name, line, "%s_%s is longer than %s_%s", what,
                         code_text(LIST_priority, priority + 1), what, code_text(LIST_priority, priority));
}

static void read_deadlines(const struct building *building, const struct config_node *node)
{
    struct deadlines *deadlines = &building->network->deadlines;

    TAKE(building, node, "deadlines", deadline_rows, deadlines);
    if (node == NULL)
        return;
    check_pressing(building, deadlines->offer_ms, "offer", config_line(node));
    check_pressing(building, deadlines->accepted_ms, "accepted", config_line(node));
}

static bool allocate(struct building *building, const struct file *file)
{
    struct network *network = building->network;
    size_t neighbourhoods = config_count(file->neighbourhoods);
    size_t hubs = config_count(file->hubs), senders = config_count(file->senders);

    /* One more than needed, so that nothing asks for zero bytes. */
    network->neighbourhoods = calloc(neighbourhoods + 1, sizeof network->neighbourhoods[0]);
    network->hubs = calloc(hubs + 1, sizeof network->hubs[0]);
    network->senders = calloc(senders + 1, sizeof network->senders[0]);
    building->parents = calloc(hubs + 1, sizeof building->parents[0]);
    building->parties.all = calloc(hubs + senders + 1, sizeof building->parties.all[0]);
    building->places.all = calloc(2 * neighbourhoods + 1, sizeof building->places.all[0]);
    return network->neighbourhoods && network->hubs && network->senders && building->parents && building->parties.all &&
           building->places.all;
}

static void build(struct building *building)
{
    struct file file = {0};

    TAKE(building, config_root(building->tree), "the file", file_rows, &file);
    *building->network = file.network;
    if (!allocate(building, &file)) {
        config_fault(building->faults, building->name, 0, "cannot be read: out of memory");
        return;
    }
    read_deadlines(building, file.deadlines);
    read_rings(building, file.rings);
    TAKE(building, file.travel, "travel", travel_rows, building->network);
    read_neighbourhoods(building, file.neighbourhoods);
    read_hubs(building, file.hubs);
    find_parents(building);
    read_senders(building, file.senders);
    check_twice(building, &building->places);
    check_twice(building, &building->parties);
}

struct network *network_parse(const char *name, const char *text, size_t length, struct config_faults *faults)
{
    size_t faults_before = faults->count;
    struct network *network = calloc(1, sizeof *network);
    struct config_tree *tree = network ? config_parse(name, text, length, faults) : NULL;

    if (network == NULL)
        config_fault(faults, name, 0, "cannot be read: out of memory");
    if (tree) {
        struct building building = {.tree = tree, .name = name, .faults = faults, .network = network};
        build(&building);
        free(building.parents);
        free(building.parties.all);
        free(building.places.all);
    }
    config_free(&tree);
    if (faults->count > faults_before)
        network_free(&network);
    return network;
}

void network_free(struct network **network)
{
    if (*network == NULL)
        return;
    free((*network)->neighbourhoods);
    free((*network)->hubs);
    free((*network)->services);
    free((*network)->senders);
    free(*network);
    *network = NULL;
}

/* SPDX-License-Identifier: MIT
 * network_hubs: the part of network.conf that says which hubs there are, how they change, and what they offer to
 * whom. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_build.h"

#define CHANGES_MAX 100
#define CLOSURES_MAX 64
#define CONDITIONS_MAX 16
#define AGE_MAX 120

struct hub_entry {
    struct hub hub;
    struct era era;
    char parent[ID_BYTES_MAX + 1];
    const struct config_node *areas, *also, *hours, *closures, *deadlines, *changes, *services;
};

struct change_entry {
    struct era era;
    const struct config_node *areas, *also;
};

struct service_entry {
    struct service service;
    uint32_t seats;
    char shares[2 * ID_BYTES_MAX + 2];
    const struct config_node *needs, *genders, *sources, *hours, *conditions;
};

struct condition_entry {
    enum fact fact;
    const struct config_node *any_of, *all_of, *none_of, *only;
    uint32_t at_least, at_most;
    bool is;
};

/* clang-format off */
static const struct config_row hub_rows[] = {
    PLAIN(hub_entry, hub.id, "id", CONFIG_ID, 1, ID_BYTES_MAX, NULL),
    PLAIN(hub_entry, era.name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    CONFIG_ROW(hub_entry, hub.tier, "tier", CONFIG_CODE, 0, 0, LIST_tier, NULL),
    CONFIG_ROW(hub_entry, hub.status, "status", CONFIG_CODE, 0, 0, LIST_hub_status, "open"),
    PLAIN(hub_entry, hub.opens_on, "opens_on", CONFIG_DATE, 0, 0, ""),
    PLAIN(hub_entry, hub.closes_on, "closes_on", CONFIG_DATE, 0, 0, ""),
    PLAIN(hub_entry, hub.ask_again, "ask_again", CONFIG_BOOL, 0, 0, "false"),
    PLAIN(hub_entry, era.address, "address", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, ""),
    PLAIN(hub_entry, era.phone, "phone", CONFIG_TEXT, 1, NETWORK_PHONE_BYTES - 1, ""),
    PLAIN(hub_entry, era.position.easting, "easting", CONFIG_NUMBER, 1, EASTING_MAX, NULL),
    PLAIN(hub_entry, era.position.northing, "northing", CONFIG_NUMBER, 1, NORTHING_MAX, NULL),
    PLAIN(hub_entry, areas, "areas", CONFIG_TEXTS, 0, NETWORK_AREAS_MAX, ""),
    PLAIN(hub_entry, also, "also_serves", CONFIG_TEXTS, 0, NETWORK_AREAS_MAX, ""),
    PLAIN(hub_entry, parent, "satellite_of", CONFIG_ID, 1, ID_BYTES_MAX, ""),
    PLAIN(hub_entry, hours, "hours", CONFIG_TEXTS, 1, HOURS_MAX, ""),
    PLAIN(hub_entry, closures, "closures", CONFIG_GROUPS, 0, CLOSURES_MAX, ""),
    PLAIN(hub_entry, deadlines, "deadlines", CONFIG_GROUP, 0, 0, ""),
    PLAIN(hub_entry, changes, "changes", CONFIG_GROUPS, 0, CHANGES_MAX, ""),
    PLAIN(hub_entry, services, "services", CONFIG_GROUPS, 0, NETWORK_SERVICES_MAX, ""),
};

static const struct config_row change_rows[] = {
    PLAIN(change_entry, era.from_day, "from", CONFIG_DATE, 0, 0, NULL),
    PLAIN(change_entry, era.name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, ""),
    PLAIN(change_entry, era.address, "address", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, ""),
    PLAIN(change_entry, era.phone, "phone", CONFIG_TEXT, 1, NETWORK_PHONE_BYTES - 1, ""),
    PLAIN(change_entry, era.position.easting, "easting", CONFIG_NUMBER, 1, EASTING_MAX, ""),
    PLAIN(change_entry, era.position.northing, "northing", CONFIG_NUMBER, 1, NORTHING_MAX, ""),
    PLAIN(change_entry, areas, "areas", CONFIG_TEXTS, 0, NETWORK_AREAS_MAX, ""),
    PLAIN(change_entry, also, "also_serves", CONFIG_TEXTS, 0, NETWORK_AREAS_MAX, ""),
};

static const struct config_row service_rows[] = {
    PLAIN(service_entry, service.id, "id", CONFIG_ID, 1, ID_BYTES_MAX, NULL),
    PLAIN(service_entry, needs, "needs", CONFIG_TEXTS, 1, 63, NULL),
    PLAIN(service_entry, service.places, "places", CONFIG_NUMBER, 0, PLACES_MAX, ""),
    PLAIN(service_entry, seats, "seats", CONFIG_NUMBER, 0, PLACES_MAX, ""),
    PLAIN(service_entry, shares, "shares", CONFIG_TEXT, 3, 2 * ID_BYTES_MAX + 1, ""),
    PLAIN(service_entry, service.per_week, "per_week", CONFIG_NUMBER, 0, PLACES_MAX, "0"),
    PLAIN(service_entry, service.citywide, "citywide", CONFIG_BOOL, 0, 0, "false"),
    PLAIN(service_entry, service.emergency_only, "emergency_only", CONFIG_BOOL, 0, 0, "false"),
    PLAIN(service_entry, service.from_day, "from", CONFIG_DATE, 0, 0, ""),
    PLAIN(service_entry, service.to_day, "to", CONFIG_DATE, 0, 0, ""),
    PLAIN(service_entry, service.age_from, "age_from", CONFIG_NUMBER, 0, AGE_MAX, "0"),
    PLAIN(service_entry, service.age_to, "age_to", CONFIG_NUMBER, 0, AGE_MAX, "0"),
    PLAIN(service_entry, genders, "genders", CONFIG_TEXTS, 1, 4, ""),
    PLAIN(service_entry, sources, "senders", CONFIG_TEXTS, 1, 4, ""),
    PLAIN(service_entry, service.carers_only, "carers_only", CONFIG_BOOL, 0, 0, "false"),
    PLAIN(service_entry, conditions, "conditions", CONFIG_GROUPS, 0, CONDITIONS_MAX, ""),
    PLAIN(service_entry, hours, "hours", CONFIG_TEXTS, 1, HOURS_MAX, ""),
};

static const struct config_row condition_rows[] = {
    CONFIG_ROW(condition_entry, fact, "fact", CONFIG_CODE, 0, 0, LIST_fact, NULL),
    PLAIN(condition_entry, any_of, "any_of", CONFIG_TEXTS, 1, 63, ""),
    PLAIN(condition_entry, all_of, "all_of", CONFIG_TEXTS, 1, 63, ""),
    PLAIN(condition_entry, none_of, "none_of", CONFIG_TEXTS, 1, 63, ""),
    PLAIN(condition_entry, only, "only", CONFIG_TEXTS, 1, 63, ""),
    PLAIN(condition_entry, at_least, "at_least", CONFIG_NUMBER, 0, INT32_MAX, ""),
    PLAIN(condition_entry, at_most, "at_most", CONFIG_NUMBER, 0, INT32_MAX, ""),
    PLAIN(condition_entry, is, "is", CONFIG_BOOL, 0, 0, ""),
};

#define OF_SEVERAL (CODE_BIT(TEST_ANY_OF) | CODE_BIT(TEST_ALL_OF) | CODE_BIT(TEST_NONE_OF) | CODE_BIT(TEST_ONLY))
#define OF_ONE (CODE_BIT(TEST_ANY_OF) | CODE_BIT(TEST_NONE_OF) | CODE_BIT(TEST_ONLY))
#define OF_NUMBER (CODE_BIT(TEST_AT_LEAST) | CODE_BIT(TEST_AT_MOST))

/* How each fact can be tested, of which list its codes are, or between what its number lies. */
static const struct {
    uint64_t tests;
    enum code_list codes;
    uint32_t least, most;
    const char *how;
} facts[] = {
    [FACT_DECILE] = {OF_NUMBER, LIST_none, 1, 10, "at_least or at_most"},
    [FACT_RISKS] = {OF_SEVERAL, LIST_risk, 0, 0, "any_of, all_of, none_of or only"},
    [FACT_ADJUSTMENTS] = {OF_SEVERAL, LIST_adjustment, 0, 0, "any_of, all_of, none_of or only"},
    [FACT_PLUS_GROUPS] = {OF_SEVERAL, LIST_none, 0, 0, "any_of, all_of, none_of or only"},
    [FACT_PRIORITY] = {OF_ONE, LIST_priority, 0, 0, "any_of, none_of or only"},
    [FACT_TRANSPORT] = {OF_ONE, LIST_transport, 0, 0, "any_of, none_of or only"},
    [FACT_INTERPRETER] = {CODE_BIT(TEST_IS), LIST_none, 0, 1, "is"},
    [FACT_NO_ABODE] = {CODE_BIT(TEST_IS), LIST_none, 0, 1, "is"},
    [FACT_CARER] = {CODE_BIT(TEST_IS), LIST_none, 0, 1, "is"},
    [FACT_AGE] = {OF_NUMBER, LIST_none, 0, AGE_MAX, "at_least or at_most"},
};
/* clang-format on */

/* Conditions */

/* The one test that the condition holds; 0, with a fault, when there is none, or more. */
static enum test find_test(const struct building *building, const struct config_node *node)
{
    int found = 0;
    size_t count = 0;

    for (size_t i = 0; i < lists[LIST_test].count; i++)
        if (config_member(node, lists[LIST_test].codes[i].text)) {
            found = lists[LIST_test].codes[i].number;
            count++;
        }
    if (count == 1)
        return (enum test)found;
    FAULT(building, config_line(node),
          "a condition has exactly one test: any_of, all_of, none_of, only, at_least, "
          "at_most or is");
    return (enum test)0;
}

static void take_number(const struct building *building, const struct config_node *node, uint32_t number,
                        struct condition *condition)
{
    uint32_t least = facts[condition->fact].least, most = facts[condition->fact].most;

    condition->number = number;
    if (number < least || number > most)
        FAULT(building, building_line(node, code_text(LIST_test, (int)condition->test)),
              "%s must be between %u and %u, not %u", code_text(LIST_fact, (int)condition->fact), least, most, number);
}

static void take_codes(const struct building *building, const struct config_node *texts, struct condition *condition)
{
    if (condition->fact == FACT_PLUS_GROUPS)
        condition->codes = building_plus_groups(building, texts);
    else
        condition->codes = building_codes(building, facts[condition->fact].codes,
                                          code_text(LIST_fact, (int)condition->fact), "this condition", texts);
}

static void take_test(const struct building *building, const struct config_node *node,
                      const struct condition_entry *entry, struct condition *condition)
{
    switch (condition->test) {
    case TEST_ANY_OF:
        take_codes(building, entry->any_of, condition);
        break;
    case TEST_ALL_OF:
        take_codes(building, entry->all_of, condition);
        break;
    case TEST_NONE_OF:
        take_codes(building, entry->none_of, condition);
        break;
    case TEST_ONLY:
        take_codes(building, entry->only, condition);
        break;
    case TEST_AT_LEAST:
        take_number(building, node, entry->at_least, condition);
        break;
    case TEST_AT_MOST:
        take_number(building, node, entry->at_most, condition);
        break;
    case TEST_IS:
        condition->number = entry->is;
        break;
    }
}

static void read_condition(const struct building *building, const struct config_node *node, struct condition *condition)
{
    struct condition_entry entry = {0};

    TAKE(building, node, "a condition", condition_rows, &entry);
    condition->fact = entry.fact;
    condition->test = find_test(building, node);
    if (condition->fact == 0 || condition->test == 0)
        return;
    if (facts[condition->fact].tests & CODE_BIT(condition->test))
        take_test(building, node, &entry, condition);
    else
        FAULT(building, config_line(node), "%s is tested by %s, not by %s", code_text(LIST_fact, (int)condition->fact),
              facts[condition->fact].how, code_text(LIST_test, (int)condition->test));
}

static void read_conditions(const struct building *building, struct service *service, const struct config_node *groups)
{
    struct network *network = building->network;
    struct condition *conditions = building_room(building, network->conditions, network->conditions_count,
                                                 config_count(groups), sizeof conditions[0]);

    service->conditions_first = network->conditions_count;
    if (conditions == NULL)
        return;
    network->conditions = conditions;
    for (size_t i = 0; i < config_count(groups); i++) {
        struct condition *condition = &network->conditions[network->conditions_count++];
        *condition = (struct condition){0};
        read_condition(building, config_at(groups, i), condition);
        service->conditions_count++;
    }
}

/* Services */

static void check_service_twice(const struct building *building, const struct hub *hub, const struct service *service,
                                int line)
{
    const struct service *others = building->network->services + hub->services_first;

    for (uint32_t i = 0; service->id[0] != '\0' && i < hub->services_count; i++)
        if (strcmp(others[i].id, service->id) == 0)
            FAULT(building, line, "hub \"%s\" has service \"%s\" twice", hub->id, service->id);
        else if (others[i].id[0] != '\0' && others[i].number == service->number)
            FAULT(building, line, "services \"%s\" and \"%s\" come to the same number, change one id a little",
                  others[i].id, service->id);
}

/* Where the places of a service come from: exactly one of three settings says it. Universal hubs get no cases. */
static void check_places(const struct building *building, const struct hub *hub, const struct service *service,
                         const struct config_node *node)
{
    static const char *const settings[] = {"places", "seats", "shares", "per_week"};
    int given = 0;

    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct config_node *setting = config_member(node, settings[i]);
        if (setting == NULL)
            continue;
        given += i < 3;
        if (hub->tier == TIER_UNIVERSAL)
            FAULT(building, config_line(setting),
                  "people are only told of a universal hub and take no place there: remove %s, or change its tier",
                  settings[i]);
    }
    if (hub->tier == TIER_TARGETED || hub->tier == TIER_SPECIALIST) {
        if (given != 1)
            FAULT(building, config_line(node), "service \"%s\" needs %s places, seats and shares", service->id,
                  given == 0 ? "one of" : "exactly one of");
    }
}

static void check_service(const struct building *building, const struct service *service,
                          const struct config_node *node)
{
    if (service->age_to && service->age_from > service->age_to)
        FAULT(building, config_line(node), "service \"%s\" ends at age %u before it begins at %u", service->id,
              service->age_to, service->age_from);
    if (service->from_day && service->to_day && service->to_day < service->from_day)
        FAULT(building, building_line(node, "to"), "service \"%s\" ends before it begins", service->id);
    if (service->emergency_only && building->network->emergency_needs == 0)
        FAULT(building, building_line(node, "emergency_only"),
              "service \"%s\" is for emergencies only, but the file has no emergency rules", service->id);
}

static void read_service(const struct building *building, const struct hub *hub, const struct config_node *node,
                         struct service_entry *entry)
{
    struct service *service = &entry->service;

    TAKE(building, node, "a service", service_rows, entry);
    service->number = network_service_number(service->id, strlen(service->id));
    service->needs = building_codes(building, LIST_need, "need", "this service", entry->needs);
    service->genders = building_codes(building, LIST_gender, "gender", "this service", entry->genders);
    service->sources = building_codes(building, LIST_referral_source, "kind of sender", "this service", entry->sources);
    service->seats = config_member(node, "seats") != NULL;
    if (service->seats)
        service->places = entry->seats;
    service->citywide |= hub->tier == TIER_SPECIALIST;
    service->hours = building_read_hours(building, entry->hours);
    read_conditions(building, service, entry->conditions);
    check_service(building, service, node);
    check_service_twice(building, hub, service, config_line(node));
    check_places(building, hub, service, node);
}

static bool make_room_for_services(struct building *building, size_t more)
{
    struct network *network = building->network;
    struct service *services =
        building_room(building, network->services, network->services_count, more, sizeof services[0]);

    if (services == NULL)
        return false;
    network->services = services;
    struct pointer *shares = building_room(building, building->shares, network->services_count, more, sizeof shares[0]);
    if (shares == NULL)
        return false;
    building->shares = shares;
    return true;
}

static void read_services(struct building *building, uint32_t hub_index, const struct config_node *services)
{
    struct network *network = building->network;
    struct hub *hub = &network->hubs[hub_index];

    hub->services_first = network->services_count;
    if (!make_room_for_services(building, config_count(services)))
        return;
    for (size_t i = 0; i < config_count(services); i++) {
        const struct config_node *node = config_at(services, i);
        const struct config_node *shares = config_member(node, "shares");
        struct service_entry entry = {.service = {.hub = hub_index, .owner = network->services_count}};
        read_service(building, hub, node, &entry);
        building->shares[network->services_count] =
            (struct pointer){shares ? config_text(shares) : NULL, shares ? config_line(shares) : 0};
        network->services[network->services_count++] = entry.service;
        hub->services_count++;
    }
}

/* Hubs */

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
        int area = building_area(building, config_text(node), config_line(node));
        if (area >= 0 && has_area(areas, count, area))
            FAULT(building, config_line(node), "neighbourhood \"%.60s\" stands twice in hub \"%s\"", config_text(node),
                  hub->id);
        else if (area >= 0)
            areas[count++] = (uint16_t)area;
    }
    return count;
}

/* What a change does not name stays as it was before. */
static void read_change(const struct building *building, const struct hub *hub, const struct config_node *node,
                        const struct era *before, struct era *era)
{
    struct change_entry entry = {.era = *before};
    int64_t *from_day = &entry.era.from_day;
    bool has_easting = config_member(node, "easting") != NULL;
    bool has_northing = config_member(node, "northing") != NULL;

    *from_day = INT64_MAX;
    TAKE(building, node, "a change", change_rows, &entry);
    if (*from_day == INT64_MAX)
        *from_day = before->from_day;
    else if (*from_day <= before->from_day)
        FAULT(building, building_line(node, "from"), "the changes of hub \"%s\" do not follow each other in time",
              hub->id);
    if (has_easting != has_northing)
        FAULT(building, config_line(node), "hub \"%s\" moves by easting and northing together", hub->id);
    if (entry.areas)
        entry.era.areas_count = read_areas(building, hub, entry.areas, entry.era.areas);
    if (entry.also)
        entry.era.also_count = read_areas(building, hub, entry.also, entry.era.also);
    *era = entry.era;
}

static void read_eras(const struct building *building, struct hub *hub, struct hub_entry *entry)
{
    struct network *network = building->network;
    struct era *eras =
        building_room(building, network->eras, network->eras_count, 1 + config_count(entry->changes), sizeof eras[0]);

    if (eras == NULL)
        return;
    network->eras = eras;
    hub->eras_first = network->eras_count;
    entry->era.areas_count = read_areas(building, hub, entry->areas, entry->era.areas);
    entry->era.also_count = read_areas(building, hub, entry->also, entry->era.also);
    network->eras[network->eras_count++] = entry->era;
    for (size_t i = 0; i < config_count(entry->changes); i++) {
        struct era *era = &network->eras[network->eras_count++];
        read_change(building, hub, config_at(entry->changes, i), era - 1, era);
    }
    hub->eras_count = network->eras_count - hub->eras_first;
}

static void check_hub(const struct building *building, const struct hub *hub, const struct config_node *node)
{
    int line = config_line(node);

    if (strcmp(hub->id, "network") == 0)
        FAULT(building, line, "\"network\" is the network itself, name the hub otherwise");
    if (hub->opens_on && hub->closes_on && hub->opens_on >= hub->closes_on)
        FAULT(building, line, "hub \"%s\" closes before it opens", hub->id);
    if (hub->services_count == 0 && (hub->status == HUB_OPEN || hub->status == HUB_PAUSED))
        FAULT(building, line, "hub \"%s\" has no services; give it some, or status = \"planned\"", hub->id);
}

static void read_hub(struct building *building, const struct config_node *node)
{
    struct hub_entry entry = {.hub = {.parent = -1}};
    uint32_t index = building->network->hubs_count++;
    struct hub *hub = &building->network->hubs[index];
    const struct config_node *parent = config_member(node, "satellite_of");

    TAKE(building, node, "a hub", hub_rows, &entry);
    *hub = entry.hub;
    building_note(&building->parties, hub->id, "a hub", config_line(node));
    building->parents[index] =
        (struct pointer){parent ? config_text(parent) : NULL, building_line(node, "satellite_of")};
    hub->hours = building_read_hours(building, entry.hours);
    building_read_closures(building, hub, entry.closures);
    building_read_stages(building, hub, entry.deadlines, config_line(node));
    read_eras(building, hub, &entry);
    read_services(building, index, entry.services);
    check_hub(building, hub, node);
}

void building_read_hubs(struct building *building, const struct config_node *hubs)
{
    for (size_t i = 0; i < config_count(hubs); i++)
        read_hub(building, config_at(hubs, i));
}

/* What points to another entry */

static void guess_hub(const struct network *network, const char *id, char hint[100])
{
    struct config_guess guess = {.word = id};

    for (uint32_t i = 0; i < network->hubs_count; i++)
        config_guess(&guess, network->hubs[i].id);
    config_guess_text(&guess, hint, 100);
}

/* A satellite has no satellites of its own: so parents cannot go round in a circle. */
static void follow_parent(const struct building *building, uint32_t hub)
{
    const struct pointer *parent = &building->parents[hub];
    char hint[100];

    if (parent->to == NULL || parent->to[0] == '\0')
        return;
    int found = network_find_hub_by_id(building->network, parent->to, strlen(parent->to));
    if (found < 0) {
        guess_hub(building->network, parent->to, hint);
        FAULT(building, parent->line, "there is no hub \"%.64s\" to be a satellite of%s", parent->to, hint);
    } else if (building->parents[found].to) {
        FAULT(building, parent->line, "\"%s\" is itself a satellite, name the hub that it belongs to", parent->to);
    }
    building->network->hubs[hub].parent = found;
}

static int find_service_by_id(const struct network *network, const struct hub *hub, const char *id)
{
    for (uint32_t row = hub->services_first; row < hub->services_first + hub->services_count; row++)
        if (strcmp(network->services[row].id, id) == 0)
            return (int)row;
    return -1;
}

static void fault_shares(const struct building *building, const struct pointer *shares, int hub)
{
    const char *slash = strchr(shares->to, '/');
    struct config_guess guess = {.word = slash ? slash + 1 : ""};
    char hint[100];

    if (slash == NULL) {
        FAULT(building, shares->line, "shares names a hub and its service, like \"four-greens/advice\", not \"%.60s\"",
              shares->to);
    } else if (hub < 0) {
        char id[ID_BYTES_MAX + 1];
        (void)snprintf(id, sizeof id, "%.*s", (int)(slash - shares->to), shares->to);
        guess_hub(building->network, id, hint);
        FAULT(building, shares->line, "there is no hub \"%s\" to share places with%s", id, hint);
    } else {
        const struct hub *owner = &building->network->hubs[hub];
        for (uint32_t i = 0; i < owner->services_count; i++)
            config_guess(&guess, building->network->services[owner->services_first + i].id);
        FAULT(building, shares->line, "hub \"%s\" has no service \"%.64s\"%s", owner->id, slash + 1,
              config_guess_text(&guess, hint, sizeof hint));
    }
}

/* Who shares takes the places of one that has its own: so shares cannot go round in a circle. */
static void follow_shares(const struct building *building, uint32_t row)
{
    struct network *network = building->network;
    const struct pointer *shares = &building->shares[row];

    if (shares->to == NULL)
        return;
    const char *slash = strchr(shares->to, '/');
    int hub = slash ? network_find_hub_by_id(network, shares->to, (size_t)(slash - shares->to)) : -1;
    int found = hub < 0 ? -1 : find_service_by_id(network, &network->hubs[hub], slash + 1);
    if (found < 0)
        fault_shares(building, shares, hub);
    else if ((uint32_t)found == row)
        FAULT(building, shares->line, "a service cannot share its own places");
    else if (building->shares[found].to)
        FAULT(building, shares->line, "\"%.129s\" itself shares the places of \"%.129s\": name one that has its own",
              shares->to, building->shares[found].to);
    else if (network->hubs[hub].tier == TIER_UNIVERSAL)
        FAULT(building, shares->line, "\"%.129s\" has no places: its hub is universal", shares->to);
    if (found >= 0) {
        network->services[row].owner = (uint32_t)found;
        network->services[row].seats = network->services[found].seats;
    }
}

void building_follow_pointers(const struct building *building)
{
    for (uint32_t i = 0; i < building->network->hubs_count; i++)
        follow_parent(building, i);
    for (uint32_t i = 0; i < building->network->services_count; i++)
        follow_shares(building, i);
}

uint64_t building_offered(const struct network *network, bool in_emergency)
{
    uint64_t needs = 0;

    for (uint32_t i = 0; i < network->services_count; i++) {
        const struct service *service = &network->services[i];
        const struct hub *hub = &network->hubs[service->hub];
        bool comes_never = hub->status == HUB_CLOSED || (hub->status == HUB_PLANNED && hub->opens_on == 0);
        if (hub->tier != TIER_UNIVERSAL && !comes_never && (in_emergency || !service->emergency_only))
            needs |= service->needs;
    }
    return needs;
}

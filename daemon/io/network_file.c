/* SPDX-License-Identifier: MIT
 * network_file: the text of network.conf -> struct network, by tables; then what only the whole can tell: what stands
 * twice, what is named but not there, what contradicts itself. Hubs and their services: network_hubs.c; who works when
 * and how long the network waits: network_times.c. */
#include "daemon/io/network_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/nearby.h"
#include "daemon/core/referral.h"
#include "daemon/io/network_build.h"
#include "proto/check.h"

#define NEIGHBOURHOODS_MAX 60000 /* below NEIGHBOURHOOD_NONE */
#define SENDERS_MAX 100000
#define PRACTICES_MAX 20000
#define HOLIDAYS_MAX 1000
#define PEOPLE_MAX 100000000
#define CODE_BYTES_MAX 15 /* as in stored records */
#define SECOND INT64_C(1000)
#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

/* What the file as a whole holds. */
struct file {
    struct network network;
    uint32_t core20, plus;
    const struct config_node *office, *holidays, *deadlines, *rings, *travel, *neighbourhoods, *practices, *hubs,
        *senders, *plus_groups, *population, *promises, *emergency;
};

struct practice_entry {
    struct practice practice;
    char area[NETWORK_NAME_BYTES];
};

struct emergency_entry {
    struct nearness nearness;
    const struct config_node *needs, *rings;
};

/* clang-format off */
static const struct config_row file_rows[] = {
    PLAIN(file, network.name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    PLAIN(file, network.usual.neighbour_distance_m, "neighbour_distance", CONFIG_DISTANCE, 0, 100000, "3km"),
    PLAIN(file, network.nearest_m, "nearest", CONFIG_DISTANCE, 0, 100000, "0m"),
    PLAIN(file, network.hops_max, "hops_max", CONFIG_NUMBER, 1, OFFERS_MAX, "5"),
    PLAIN(file, network.pace, "pace", CONFIG_NUMBER, 0, 1000000, "0"),
    PLAIN(file, network.fresh_ms, "fresh", CONFIG_TIME, 0, 3660 * DAY, "0d"),
    PLAIN(file, network.fairness.overtaken_ms, "overtaken_after", CONFIG_TIME, 0, 3660 * DAY, "84d"),
    PLAIN(file, core20, "core20_weight", CONFIG_NUMBER, 0, NETWORK_WEIGHT_MAX, "0"),
    PLAIN(file, plus, "plus_weight", CONFIG_NUMBER, 0, NETWORK_WEIGHT_MAX, "0"),
    PLAIN(file, plus_groups, "plus_groups", CONFIG_TEXTS, 0, NETWORK_PLUS_MAX, ""),
    PLAIN(file, population, "population", CONFIG_NUMBERS, 5, 5, ""),
    PLAIN(file, promises, "promises", CONFIG_TEXTS, 0, 63, ""),
    PLAIN(file, office, "office_hours", CONFIG_TEXTS, 1, HOURS_MAX, ""),
    PLAIN(file, holidays, "bank_holidays", CONFIG_TEXTS, 0, HOLIDAYS_MAX, ""),
    PLAIN(file, deadlines, "deadlines", CONFIG_GROUP, 0, 0, ""),
    PLAIN(file, rings, "rings", CONFIG_TEXTS, 1, RING_SATELLITE, ""),
    PLAIN(file, travel, "travel", CONFIG_GROUP, 0, 0, ""),
    PLAIN(file, emergency, "emergency", CONFIG_GROUP, 0, 0, ""),
    PLAIN(file, neighbourhoods, "neighbourhoods", CONFIG_GROUPS, 1, NEIGHBOURHOODS_MAX, NULL),
    PLAIN(file, practices, "practices", CONFIG_GROUPS, 0, PRACTICES_MAX, ""),
    PLAIN(file, hubs, "hubs", CONFIG_GROUPS, 1, NETWORK_HUBS_MAX, NULL),
    PLAIN(file, senders, "senders", CONFIG_GROUPS, 0, SENDERS_MAX, ""),
};

#define ANSWER(priority, name)                                                                                         \
    PLAIN(emergency_entry, nearness.answer_ms[priority], name, CONFIG_TIME, SECOND, 200 * DAY, "")
static const struct config_row emergency_rows[] = {
    PLAIN(emergency_entry, needs, "needs", CONFIG_TEXTS, 1, 63, NULL),
    PLAIN(emergency_entry, rings, "rings", CONFIG_TEXTS, 1, RING_SATELLITE, ""),
    PLAIN(emergency_entry, nearness.neighbour_distance_m, "neighbour_distance", CONFIG_DISTANCE, 0, 100000, ""),
    ANSWER(PRIORITY_ROUTINE, "answer_routine"),
    ANSWER(PRIORITY_URGENT, "answer_urgent"),
    ANSWER(PRIORITY_ASAP, "answer_asap"),
    ANSWER(PRIORITY_STAT, "answer_stat"),
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

static const struct config_row practice_rows[] = {
    PLAIN(practice_entry, practice.ods, "ods", CONFIG_ID, 3, 12, NULL),
    PLAIN(practice_entry, area, "area", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    PLAIN(practice_entry, practice.position.easting, "easting", CONFIG_NUMBER, 1, EASTING_MAX, NULL),
    PLAIN(practice_entry, practice.position.northing, "northing", CONFIG_NUMBER, 1, NORTHING_MAX, NULL),
};

static const struct config_row sender_rows[] = {
    PLAIN(sender, id, "id", CONFIG_ID, 1, ID_BYTES_MAX, NULL),
    PLAIN(sender, name, "name", CONFIG_TEXT, 1, NETWORK_NAME_BYTES - 1, NULL),
    CONFIG_ROW(sender, kind, "kind", CONFIG_CODE, 0, 0, LIST_referral_source, NULL),
    PLAIN(sender, practice, "practice", CONFIG_ID, 3, 12, ""),
};
/* clang-format on */

/* What the readers of hubs use as well */

void building_note(struct names *names, const char *text, const char *what, int line)
{
    if (text[0] != '\0')
        names->all[names->count++] = (struct name){text, what, line};
}

int building_line(const struct config_node *group, const char *name)
{
    const struct config_node *setting = config_member(group, name);

    return config_line(setting ? setting : group);
}

uint64_t building_codes(const struct building *building, enum code_list codes, const char *what, const char *in,
                        const struct config_node *texts)
{
    const struct list_spec *list = &lists[codes];
    uint64_t bits = 0;
    char hint[100];

    for (size_t i = 0; i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        int line = config_line(config_at(texts, i));
        int code = code_number(codes, text, strlen(text));
        struct config_guess guess = {.word = text};
        for (size_t j = 0; code == 0 && j < list->count; j++)
            config_guess(&guess, list->codes[j].text);
        if (code == 0)
            FAULT(building, line, "there is no %s \"%.60s\"%s", what, text,
                  config_guess_text(&guess, hint, sizeof hint));
        else if (bits & CODE_BIT(code))
            FAULT(building, line, "%s \"%s\" stands twice in %s", what, text, in);
        bits |= code ? CODE_BIT(code) : 0;
    }
    return bits;
}

uint64_t building_plus_groups(const struct building *building, const struct config_node *texts)
{
    uint64_t bits = 0;
    char hint[100];

    for (size_t i = 0; i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        struct config_guess guess = {.word = text};
        size_t group = 0;
        while (group < config_count(building->plus_groups) &&
               strcmp(config_text(config_at(building->plus_groups, group)), text) != 0)
            config_guess(&guess, config_text(config_at(building->plus_groups, group++)));
        if (group == config_count(building->plus_groups))
            FAULT(building, config_line(config_at(texts, i)), "\"%.60s\" is not in the list plus_groups%s", text,
                  config_guess_text(&guess, hint, sizeof hint));
        else
            bits |= CODE_BIT(group);
    }
    return bits;
}

/* Areas are named by code or by name, so that people can read the file. */
int building_area(const struct building *building, const char *text, int line)
{
    const struct network *network = building->network;
    struct config_guess guess = {.word = text};
    char hint[100];

    for (uint32_t i = 0; i < network->neighbourhoods_count; i++)
        if (strcmp(network->neighbourhoods[i].code, text) == 0 || strcmp(network->neighbourhoods[i].name, text) == 0)
            return (int)i;
    for (uint32_t i = 0; i < network->neighbourhoods_count; i++) {
        config_guess(&guess, network->neighbourhoods[i].code);
        config_guess(&guess, network->neighbourhoods[i].name);
    }
    FAULT(building, line, "there is no neighbourhood \"%.60s\"%s", text, config_guess_text(&guess, hint, sizeof hint));
    return -1;
}

void *building_room(const struct building *building, void *array, size_t count, size_t more, size_t size)
{
    /* One more than needed, so that nothing asks for zero bytes. */
    void *room = realloc(array, (count + more + 1) * size);

    if (room == NULL)
        FAULT(building, 0, "cannot be read: out of memory");
    return room;
}

/* What stands twice */

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
            FAULT(building, second->line, "%s \"%s\" stands twice, first on line %d", second->what, second->text,
                  first->line);
        else
            FAULT(building, second->line, "\"%s\" is %s here and %s on line %d, give one of them another name",
                  second->text, second->what, first->what, first->line);
    }
}

/* The lists of the file */

static void read_neighbourhoods(struct building *building, const struct config_node *neighbourhoods)
{
    struct network *network = building->network;

    for (size_t i = 0; i < config_count(neighbourhoods); i++) {
        const struct config_node *node = config_at(neighbourhoods, i);
        struct neighbourhood *neighbourhood = &network->neighbourhoods[network->neighbourhoods_count++];
        TAKE(building, node, "a neighbourhood", neighbourhood_rows, neighbourhood);
        building_note(&building->places, neighbourhood->code, "a neighbourhood", config_line(node));
        if (strcmp(neighbourhood->code, neighbourhood->name) != 0)
            building_note(&building->places, neighbourhood->name, "a neighbourhood", config_line(node));
    }
}

static int compare_practices(const void *a, const void *b)
{
    const struct practice *left = a, *right = b;

    return strcmp(left->ods, right->ods);
}

static void check_code(const struct building *building, const char *ods, int line)
{
    if (ods[0] != '\0' && !check_ods((struct text){ods, (uint32_t)strlen(ods)}))
        FAULT(building, line, "\"%s\" is no ODS code: 3 to 12 capital letters and digits", ods);
}

static void read_practices(struct building *building, const struct config_node *practices)
{
    struct network *network = building->network;

    for (size_t i = 0; i < config_count(practices); i++) {
        const struct config_node *node = config_at(practices, i);
        struct practice_entry entry = {0};
        TAKE(building, node, "a practice", practice_rows, &entry);
        check_code(building, entry.practice.ods, building_line(node, "ods"));
        if (entry.area[0] != '\0')
            entry.practice.neighbourhood = (uint16_t)building_area(building, entry.area, building_line(node, "area"));
        network->practices[network->practices_count++] = entry.practice;
        const struct config_node *text = config_member(node, "ods");
        if (text && config_text(text))
            building_note(&building->practices, config_text(text), "practice", config_line(node));
    }
    qsort(network->practices, network->practices_count, sizeof network->practices[0], compare_practices);
}

static void read_sender(struct building *building, const struct config_node *node)
{
    struct sender *sender = &building->network->senders[building->network->senders_count++];

    TAKE(building, node, "a sender", sender_rows, sender);
    building_note(&building->parties, sender->id, "a sender", config_line(node));
    if (strcmp(sender->id, "network") == 0)
        FAULT(building, config_line(node), "\"network\" is the network itself, name the sender otherwise");
    check_code(building, sender->practice, building_line(node, "practice"));
    building_note(&building->mailboxes, sender->practice, sender->id, building_line(node, "practice"));
}

static void read_senders(struct building *building, const struct config_node *senders)
{
    for (size_t i = 0; i < config_count(senders); i++)
        read_sender(building, config_at(senders, i));
}

/* The message back of a practice goes to one mailbox. */
static void check_mailboxes(const struct building *building)
{
    const struct names *names = &building->mailboxes;

    qsort(names->all, names->count, sizeof names->all[0], compare_names);
    for (size_t i = 1; i < names->count; i++) {
        const struct name *first = &names->all[i - 1], *second = &names->all[i];
        if (strcmp(first->text, second->text) == 0)
            FAULT(building, second->line,
                  "practice \"%s\" is already that of sender \"%s\" on line %d: its messages go to one mailbox",
                  second->text, first->what, first->line);
    }
}

/* What holds for the whole */

/* The rings that are used, in their order. */
static void read_rings(const struct building *building, const struct config_node *texts,
                       uint8_t rank[RING_SATELLITE + 1])
{
    memset(rank, 0, RING_SATELLITE + 1);
    for (size_t i = 0; i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        int ring = code_number(LIST_ring, text, strlen(text));
        if (ring == 0)
            FAULT(building, config_line(config_at(texts, i)),
                  "there is no ring \"%.60s\", only home, satellite, neighbouring and citywide", text);
        else if (rank[ring])
            FAULT(building, config_line(config_at(texts, i)), "ring \"%s\" stands twice", text);
        else
            rank[ring] = (uint8_t)(i + 1);
    }
}

/* All rings, the nearest first, unless the file says otherwise. */
static void read_usual_rings(const struct building *building, const struct config_node *texts)
{
    static const enum ring usual[] = {RING_HOME, RING_SATELLITE, RING_NEIGHBOUR, RING_CITYWIDE};
    uint8_t *rank = building->network->usual.ring_rank;

    if (texts)
        read_rings(building, texts, rank);
    for (size_t i = 0; texts == NULL && i < sizeof usual / sizeof usual[0]; i++)
        rank[usual[i]] = (uint8_t)(i + 1);
}

/* The more pressing may not wait longer, those for whom the file says nothing as in the deadlines. */
static void check_answers(const struct building *building, const int64_t *answer_ms, const struct config_node *node)
{
    const int64_t *usual_ms = building->network->deadlines.stages.clocks[STAGE_ANSWER].ms;

    for (int other = PRIORITY_ROUTINE; other < PRIORITY_STAT; other++) {
        int64_t less = answer_ms[other] ? answer_ms[other] : usual_ms[other];
        int64_t more = answer_ms[other + 1] ? answer_ms[other + 1] : usual_ms[other + 1];
        if (more > less)
            FAULT(building, config_line(node), "answer_%s is longer than answer_%s",
                  code_text(LIST_priority, other + 1), code_text(LIST_priority, other));
    }
}

/* What the emergency rules do not name is as usual. */
static void read_emergency(const struct building *building, const struct config_node *node)
{
    struct network *network = building->network;
    struct emergency_entry entry = {.nearness = network->usual};

    if (node == NULL)
        return;
    TAKE(building, node, "emergency", emergency_rows, &entry);
    network->emergency_needs = building_codes(building, LIST_need, "need", "emergency", entry.needs);
    if (entry.rings)
        read_rings(building, entry.rings, entry.nearness.ring_rank);
    check_answers(building, entry.nearness.answer_ms, node);
    network->emergency = entry.nearness;
}

static void read_plus_groups(const struct building *building)
{
    struct network *network = building->network;

    for (size_t i = 0; i < config_count(building->plus_groups); i++) {
        const struct config_node *node = config_at(building->plus_groups, i);
        const char *text = config_text(node);
        size_t length = strlen(text);
        uint32_t number = network_service_number(text, length);
        if (length > ID_BYTES_MAX || !check_id((struct text){text, (uint32_t)length}))
            FAULT(building, config_line(node),
                  "plus group \"%.60s\" may hold 1 to 64 letters, digits, dots, hyphens and underscores", text);
        for (uint32_t j = 0; j < network->plus_count; j++)
            if (network->plus_groups[j] == number)
                FAULT(building, config_line(node), "plus group \"%.60s\" stands twice", text);
        network->plus_groups[network->plus_count++] = number;
    }
}

static void read_population(const struct building *building, const struct config_node *numbers)
{
    for (size_t i = 0; i < config_count(numbers); i++) {
        int64_t people = config_number(config_at(numbers, i));
        if (people < 0 || people > PEOPLE_MAX)
            FAULT(building, config_line(config_at(numbers, i)), "population must be between 0 and %d, not %lld",
                  PEOPLE_MAX, (long long)people);
        else
            building->network->population[i] = (uint32_t)people;
    }
}

static void read_fairness(const struct building *building, const struct file *file)
{
    const struct config_node *root = config_root(building->tree);

    if (file->core20 + file->plus > NETWORK_WEIGHT_MAX)
        FAULT(building, building_line(root, "plus_weight"), "core20_weight and plus_weight are %u together, at most %d",
              file->core20 + file->plus, NETWORK_WEIGHT_MAX);
    building->network->fairness.core20 = (uint8_t)file->core20;
    building->network->fairness.plus = (uint8_t)file->plus;
}

/* Each need must be among those that some hub offers. */
static void check_offered(const struct building *building, const struct config_node *texts, uint64_t offered,
                          const char *why)
{
    for (size_t i = 0; i < config_count(texts); i++) {
        const char *text = config_text(config_at(texts, i));
        int need = code_number(LIST_need, text, strlen(text));
        if (need != 0 && !(offered & NEED_BIT(need)))
            FAULT(building, config_line(config_at(texts, i)), "%s \"%s\", but no hub takes cases for it", why, text);
    }
}

static void check_needs(const struct building *building, const struct file *file)
{
    const struct config_node *in_emergency = file->emergency ? config_member(file->emergency, "needs") : NULL;

    (void)building_codes(building, LIST_need, "need", "promises", file->promises);
    check_offered(building, file->promises, building_offered(building->network, false), "the network promises");
    if (building->network->emergency_needs)
        check_offered(building, in_emergency, building_offered(building->network, true),
                      "the emergency rules are about");
}

static bool allocate(struct building *building, const struct file *file)
{
    struct network *network = building->network;
    size_t neighbourhoods = config_count(file->neighbourhoods), practices = config_count(file->practices);
    size_t hubs = config_count(file->hubs), senders = config_count(file->senders);

    /* One more than needed, so that nothing asks for zero bytes. */
    network->neighbourhoods = calloc(neighbourhoods + 1, sizeof network->neighbourhoods[0]);
    network->by_code = calloc(neighbourhoods + 1, sizeof network->by_code[0]);
    network->practices = calloc(practices + 1, sizeof network->practices[0]);
    network->hubs = calloc(hubs + 1, sizeof network->hubs[0]);
    network->by_party = calloc(hubs + 1, sizeof network->by_party[0]);
    network->by_id = calloc(hubs + 1, sizeof network->by_id[0]);
    network->senders = calloc(senders + 1, sizeof network->senders[0]);
    network->by_practice = calloc(senders + 1, sizeof network->by_practice[0]);
    building->parents = calloc(hubs + 1, sizeof building->parents[0]);
    building->parties.all = calloc(hubs + senders + 1, sizeof building->parties.all[0]);
    building->places.all = calloc(2 * neighbourhoods + 1, sizeof building->places.all[0]);
    building->practices.all = calloc(practices + 1, sizeof building->practices.all[0]);
    building->mailboxes.all = calloc(senders + 1, sizeof building->mailboxes.all[0]);
    return network->neighbourhoods && network->by_code && network->practices && network->hubs && network->by_party &&
           network->by_id && network->senders && network->by_practice && building->parents && building->parties.all &&
           building->places.all && building->practices.all && building->mailboxes.all;
}

static void build(struct building *building)
{
    struct file file = {0};

    TAKE(building, config_root(building->tree), "the file", file_rows, &file);
    *building->network = file.network;
    building->plus_groups = file.plus_groups;
    if (!allocate(building, &file)) {
        FAULT(building, 0, "cannot be read: out of memory");
        return;
    }
    building->network->office = building_read_hours(building, file.office);
    building_read_holidays(building, file.holidays);
    building_read_deadlines(building, file.deadlines);
    read_usual_rings(building, file.rings);
    read_emergency(building, file.emergency);
    read_plus_groups(building);
    read_population(building, file.population);
    read_fairness(building, &file);
    TAKE(building, file.travel, "travel", travel_rows, building->network);
    read_neighbourhoods(building, file.neighbourhoods);
    read_practices(building, file.practices);
    building_read_hubs(building, file.hubs);
    network_index_ids(building->network);
    building_follow_pointers(building);
    read_senders(building, file.senders);
    check_twice(building, &building->places);
    check_twice(building, &building->parties);
    check_twice(building, &building->practices);
    check_mailboxes(building);
    check_needs(building, &file);
}

static void index_network(const struct building *building)
{
    struct network *network = building->network;

    network->by_need = calloc((size_t)network_needs_count(network) + 1, sizeof network->by_need[0]);
    network->by_need_hub = calloc((size_t)network_needs_count(network) + 1, sizeof network->by_need_hub[0]);
    network->wide = calloc((size_t)network_needs_count(network) + 1, sizeof network->wide[0]);
    network->by_area = calloc((size_t)nearby_areas_count(network) + 1, sizeof network->by_area[0]);
    network->by_area_first = calloc((size_t)network->neighbourhoods_count + 1, sizeof network->by_area_first[0]);
    network->stands = calloc((size_t)network->eras_count + 1, sizeof network->stands[0]);
    if (network->by_need && network->by_need_hub && network->wide && network->by_area && network->by_area_first &&
        network->stands)
        network_index(network);
    else
        FAULT(building, 0, "cannot be read: out of memory");
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
        if (faults->count == faults_before)
            index_network(&building);
        free(building.parents);
        free(building.shares);
        free(building.parties.all);
        free(building.places.all);
        free(building.practices.all);
        free(building.mailboxes.all);
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
    free((*network)->practices);
    free((*network)->hubs);
    free((*network)->eras);
    free((*network)->services);
    free((*network)->conditions);
    free((*network)->spans);
    free((*network)->stages);
    free((*network)->closures);
    free((*network)->holidays);
    free((*network)->senders);
    free((*network)->by_need);
    free((*network)->by_need_hub);
    free((*network)->wide);
    free((*network)->by_area);
    free((*network)->by_area_first);
    free((*network)->stands);
    free((*network)->by_party);
    free((*network)->by_id);
    free((*network)->by_code);
    free((*network)->by_practice);
    free(*network);
    *network = NULL;
}

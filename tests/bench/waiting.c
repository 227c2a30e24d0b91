/* SPDX-License-Identifier: MIT
 * waiting: the real turn over the memory store, all its places taken; submits make the waiting list, one by one. Then
 * places are freed in the ledger, as the end of a case frees them, and the search that follows is measured: until the
 * place is offered and saved, or it is certain that nobody fits. */
#include "tests/bench/waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/turn_inside.h"
#include "tests/bench/sheet.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"
#include "tests/spoken.h"

#define PEOPLE 10000
#define NEED NEED_BEFRIENDING
#define SERVICES 200 /* whose places are freed */
#define OLD 110      /* years; nobody is */

struct scene {
    struct store *store;
    struct seal *seal;
    struct turn *turn;
    struct outbox outbox;
    int64_t now;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static void begin(struct scene *scene, struct city *city)
{
    static const char text[] = "invented";
    static const uint8_t master[SEAL_KEY_BYTES] = {1}, seed[32] = {1};
    const struct turn_options options = {
        .window = 100, .retry_after_ms = 500, .push_again_ms = 10000, .version = "bench"};
    char why[300] = "";

    for (uint32_t row = 0; row < city->network->services_count; row++)
        city->network->services[row].places = 0;
    *scene = (struct scene){.store = store_memory_open(NULL), .seal = seal_open(master, seed), .now = NETWORKS_NOW_MS};
    scene->turn = turn_open(scene->store, scene->seal, &city->network, text, sizeof text - 1, &options, scene->now, why,
                            sizeof why);
    if (!scene->turn)
        fail(why);
}

static void end(struct scene *scene)
{
    turn_close(&scene->turn);
    seal_close(&scene->seal);
    store_close(&scene->store);
    outbox_free(&scene->outbox);
}

static void make_person(struct message *message, unsigned seed)
{
    char code[16];

    person_submit(message, seed, "ZE1 9ZZ"); /* no edition has it */
    snprintf(code, sizeof code, "n-%u", seed % CITY_NEIGHBOURHOODS);
    message_set_string(message, FIELD_neighbourhood_code, code);
    message_set_string(message, FIELD_safeguarding_code, "861931000000100");
    message_unset(message, FIELD_travel_limit_minutes);
    struct value *need = message_set_list(message, FIELD_needs, 1);
    need[MEMBER_code] = (struct value){.present = true, .number = NEED};
    need[MEMBER_is_primary] = (struct value){.present = true, .number = true};
}

static void submit_one(struct scene *scene, struct decoder *decoder, unsigned seed)
{
    static struct message message;
    static struct spoken spoken;
    struct fault fault;

    make_person(&message, seed);
    if (!speak(&spoken, decoder, 1, ROLE_SENDER, CITY_SENDER, &message, &fault))
        fail("a submit cannot be read");
    outbox_clear(&scene->outbox);
    if (turn_run(scene->turn, scene->now += 1000, &spoken.request, 1, &scene->outbox) != STORE_OK)
        fail("a turn was not stored");
}

static void fill_list(struct scene *scene)
{
    struct decoder *decoder = decoder_open();

    for (unsigned i = 0; i < PEOPLE; i++)
        submit_one(scene, decoder, i);
    decoder_close(&decoder);
    if (scene->turn->ledger.waitlist.count != PEOPLE)
        fail("not all of them wait");
}

/* Frees one place and looks for whom it is; returns the time. */
static int64_t free_one(struct scene *scene, uint32_t row)
{
    struct turn *turn = scene->turn;
    enum store_result result;

    turn->transaction = store_begin(scene->store, true, &result);
    if (!turn->transaction)
        fail("the store cannot be written");
    outbox_clear(&scene->outbox);
    turn->outbox = &scene->outbox;
    turn->ledger.places[row].total = turn->ledger.places[row].used + 1;
    int64_t begun = city_now_ns();
    placing_fill(turn, row);
    int64_t time = city_now_ns() - begun;
    turn->ledger.places[row].total = turn->ledger.places[row].used;
    turn->content.referral = 0;
    if (store_commit(scene->store, &turn->transaction) != STORE_OK)
        fail("a turn was not stored");
    return time;
}

/* Frees places of services that are meant, one after another: of at most so many services, `times` times each. */
static void search(struct scene *scene, const char *what, bool (*is_meant)(const struct service *), uint32_t services,
                   uint32_t rounds)
{
    const struct network *network = scene->turn->ledger.network;
    uint32_t first = network->by_need_first[NEED];
    uint32_t count = network->by_need_first[NEED + 1] - first;
    int64_t *times = city_table((size_t)services * rounds, sizeof *times);
    uint64_t waited = scene->turn->ledger.waitlist.count;
    size_t found = 0;
    char line[80];

    for (uint32_t round = 0; round < rounds; round++)
        for (uint32_t i = 0, meant = 0; i < count && meant < services; i++) {
            uint32_t row = network->by_need[first + i];
            if (network->services[row].owner != row || !is_meant(&network->services[row]))
                continue;
            times[found++] = free_one(scene, row);
            meant++;
        }
    snprintf(line, sizeof line, "%u hubs, %s", network->hubs_count, what);
    qsort(times, found, sizeof *times, city_compare_times);
    if (found)
        sheet_row(line, (double[]){(double)times[found / 2] / 1e3, (double)times[found * 99 / 100] / 1e3,
                                   (double)(waited - scene->turn->ledger.waitlist.count), (double)found});
    free(times);
}

static bool is_for_all(const struct service *service)
{
    return service->citywide && !service->age_from && !service->genders && !service->conditions_count;
}

static bool is_for_some(const struct service *service)
{
    return service->age_from < OLD;
}

static bool is_for_nobody(const struct service *service)
{
    return service->age_from == OLD;
}

void waiting_measure(struct city *city)
{
    struct scene scene;

    for (uint32_t row = 0; row < city->network->services_count; row++)
        if (row / CITY_SERVICES % 7 == 3)
            city->network->services[row].age_from = OLD;
    begin(&scene, city);
    fill_list(&scene);
    search(&scene, "for all", is_for_all, SERVICES, 2);
    search(&scene, "for some", is_for_some, SERVICES, 2);
    search(&scene, "for nobody", is_for_nobody, SERVICES, 1);
    search(&scene, "the same again", is_for_nobody, SERVICES, 2);
    end(&scene);
}

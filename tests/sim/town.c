/* SPDX-License-Identifier: MIT
 * town: drawing it, and writing it down. */
#include "tests/sim/town.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/check.h"

const enum need town_needs[TOWN_NEEDS] = {NEED_BEFRIENDING, NEED_HOUSING, NEED_FOOD};

struct writer {
    char *text;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void write_text(struct writer *writer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(writer->text + writer->used, writer->size - writer->used, format, arguments);
    va_end(arguments);
    assert(length >= 0 && writer->used + (size_t)length < writer->size);
    writer->used += (size_t)length;
}

static void draw_services(struct town_party *hub, struct random *random)
{
    hub->services_count = (int)random_between(random, 1, TOWN_SERVICES_MAX);
    for (int i = 0; i < hub->services_count; i++) {
        struct town_service *service = &hub->services[i];
        snprintf(service->id, sizeof service->id, "service-%d", i);
        service->needs = UINT64_C(1) << town_needs[random_between(random, 0, TOWN_NEEDS - 1)];
        if (random_chance(random, 40))
            service->needs |= UINT64_C(1) << town_needs[random_between(random, 0, TOWN_NEEDS - 1)];
        service->places = (uint32_t)random_between(random, random_chance(random, 15) ? 0 : 1, 4);
        service->citywide = random_chance(random, 40);
    }
}

static void draw_hub(struct town *town, struct town_party *hub, struct random *random)
{
    static const enum hub_status statuses[] = {HUB_OPEN, HUB_OPEN, HUB_OPEN,   HUB_OPEN,    HUB_OPEN,
                                               HUB_OPEN, HUB_OPEN, HUB_PAUSED, HUB_PLANNED, HUB_CLOSED};

    hub->status = statuses[random_between(random, 0, 9)];
    hub->easting = (int32_t)random_between(random, 240000, 250000);
    hub->northing = (int32_t)random_between(random, 50000, 60000);
    if (random_chance(random, 20))
        hub->opens_on = town->starts_on + random_between(random, 1, 3);
    if (random_chance(random, 15))
        hub->closes_on = town->starts_on + random_between(random, 4, 6);
    for (int i = 0; i < town->areas_count; i++)
        hub->home[i] = random_chance(random, 30);
    draw_services(hub, random);
}

static void draw_parties(struct town *town, struct random *random)
{
    int senders = (int)random_between(random, 1, 4);
    int hubs = (int)random_between(random, 1, 8);

    town->parties_count = senders + hubs;
    for (int i = 0; i < town->parties_count; i++) {
        struct town_party *party = &town->parties[i];
        party->role = i < senders ? ROLE_SENDER : ROLE_HUB;
        snprintf(party->id, sizeof party->id, "%s-%d", i < senders ? "sender" : "hub", i);
        if (party->role == ROLE_HUB)
            draw_hub(town, party, random);
    }
}

static void write_wait(struct writer *writer, struct random *random, const char *name, int least, int most)
{
    write_text(writer, " %s = \"%dm\";", name, (int)random_between(random, least, most));
}

static void draw_deadlines(struct town *town, struct random *random)
{
    struct writer deadlines = {.text = town->deadlines, .size = sizeof town->deadlines};
    struct writer *writer = &deadlines;
    static const char *const names[] = {"routine", "urgent", "asap", "stat"};
    int64_t offer = random_between(random, 120, 600);
    int64_t accepted = random_between(random, 300, 1500);

    write_text(writer, "deadlines = {");
    for (int i = 0; i < 4; i++)
        write_text(writer, " offer_%s = \"%dm\"; accepted_%s = \"%dm\";", names[i], (int)(offer >> i), names[i],
                   (int)(accepted >> i));
    write_wait(writer, random, "progress", 600, 3000);
    write_wait(writer, random, "waiting_review", 200, 1500);
    write_wait(writer, random, "attention_review", 200, 1500);
    write_wait(writer, random, "outcome_confirm", 60, 600);
    write_text(writer, " };\n");
}

static void write_services(struct writer *writer, const struct town_party *hub)
{
    write_text(writer, "services = (");
    for (int i = 0; i < hub->services_count; i++) {
        const struct town_service *service = &hub->services[i];
        const char *separator = "";
        write_text(writer, "%s{ id = \"%s\"; places = %u; citywide = %s; needs = [", i ? ", " : "", service->id,
                   service->places, service->citywide ? "true" : "false");
        for (int j = 0; j < TOWN_NEEDS; j++)
            if (service->needs >> town_needs[j] & 1) {
                write_text(writer, "%s\"%s\"", separator, code_text(LIST_need, (int)town_needs[j]));
                separator = ", ";
            }
        write_text(writer, "]; }");
    }
    write_text(writer, ");");
}

static void write_hub(struct writer *writer, const struct town *town, const struct town_party *hub)
{
    const char *separator = "";
    char day[11];

    write_text(writer,
               "{ id = \"%s\"; name = \"Hub %s\"; tier = \"targeted\"; status = \"%s\"; easting = %d; "
               "northing = %d; ",
               hub->id, hub->id, code_text(LIST_hub_status, (int)hub->status), (int)hub->easting, (int)hub->northing);
    if (hub->opens_on) {
        date_format(hub->opens_on, day);
        write_text(writer, "opens_on = \"%s\"; ", day);
    }
    if (hub->closes_on) {
        date_format(hub->closes_on, day);
        write_text(writer, "closes_on = \"%s\"; ", day);
    }
    write_text(writer, "areas = [");
    for (int i = 0; i < town->areas_count; i++)
        if (hub->home[i]) {
            write_text(writer, "%s\"%s\"", separator, town->areas[i].code);
            separator = ", ";
        }
    write_text(writer, "]; ");
    write_services(writer, hub);
    write_text(writer, " }");
}

static void write_town(struct town *town)
{
    struct writer writer = {.text = town->text, .size = sizeof town->text};
    const char *separator = "";

    write_text(&writer, "name = \"A drawn town\"; neighbour_distance = \"%dm\"; hops_max = %d;\n",
               (int)town->neighbour_distance_m, town->hops_max);
    write_text(&writer, "%s", town->deadlines);
    write_text(&writer, "neighbourhoods = (");
    for (int i = 0; i < town->areas_count; i++)
        write_text(&writer, "%s{ code = \"%s\"; name = \"Area %d\"; easting = %d; northing = %d; }", i ? ", " : "",
                   town->areas[i].code, i, (int)town->areas[i].easting, (int)town->areas[i].northing);
    write_text(&writer, ");\nhubs = (");
    for (int i = 0; i < town->parties_count; i++)
        if (town->parties[i].role == ROLE_HUB) {
            write_text(&writer, "%s", separator);
            write_hub(&writer, town, &town->parties[i]);
            separator = ",\n";
        }
    write_text(&writer, ");\nsenders = (");
    for (int i = 0; i < town->parties_count && town->parties[i].role == ROLE_SENDER; i++)
        write_text(&writer, "%s{ id = \"%s\"; name = \"Sender %d\"; kind = \"gp_link_worker\"; }", i ? ", " : "",
                   town->parties[i].id, i);
    write_text(&writer, ");\n");
}

void town_draw(struct town *town, struct random *random, int64_t starts_on)
{
    memset(town, 0, sizeof *town);
    town->starts_on = starts_on;
    town->areas_count = (int)random_between(random, 1, TOWN_AREAS_MAX);
    town->hops_max = (int)random_between(random, 2, 6);
    town->neighbour_distance_m = (int32_t)random_between(random, 0, 6000);
    for (int i = 0; i < town->areas_count; i++) {
        snprintf(town->areas[i].code, sizeof town->areas[i].code, "area-%d", i);
        town->areas[i].easting = (int32_t)random_between(random, 240000, 250000);
        town->areas[i].northing = (int32_t)random_between(random, 50000, 60000);
    }
    draw_parties(town, random);
    draw_deadlines(town, random);
    town->hops_most = town->hops_max;
    write_town(town);
}

void town_redraw(struct town *town, struct random *random)
{
    town->hops_max = (int)random_between(random, 1, 6);
    town->hops_most = town->hops_max > town->hops_most ? town->hops_max : town->hops_most;
    for (int i = 0; i < town->parties_count; i++) {
        struct town_party *hub = &town->parties[i];
        if (hub->status == HUB_OPEN || hub->status == HUB_PAUSED)
            hub->status = random_chance(random, 80) ? HUB_OPEN : HUB_PAUSED;
        for (int j = 0; j < hub->services_count; j++)
            hub->services[j].places = (uint32_t)random_between(random, 0, 4);
    }
    write_town(town);
}

static bool is(const char *id, const char *bytes, size_t length)
{
    return strlen(id) == length && memcmp(id, bytes, length) == 0;
}

int town_find_party(const struct town *town, const char *id, size_t length)
{
    for (int i = 0; i < town->parties_count; i++)
        if (is(town->parties[i].id, id, length))
            return i;
    return -1;
}

int town_find_area(const struct town *town, const char *code, size_t length)
{
    for (int i = 0; i < town->areas_count; i++)
        if (is(town->areas[i].code, code, length))
            return i;
    return -1;
}

int town_find_service(const struct town_party *hub, const char *id, size_t length)
{
    for (int i = 0; i < hub->services_count; i++)
        if (is(hub->services[i].id, id, length))
            return i;
    return -1;
}

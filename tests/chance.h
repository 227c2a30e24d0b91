/* SPDX-License-Identifier: MIT
 * chance: what a seed chooses, for tests: numbers, and network files of up to six hubs with every rule of capacity and
 * every stage of a hub's life in them. */
#ifndef TESTS_CHANCE_H
#define TESTS_CHANCE_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/vocabulary.h"
#include "tests/networks.h"

enum { HUBS = 6, SERVICES = 3, NEEDS = 8 };

/* The connections of tests/talk.h are first letters: those of gp, clinic and uid-1000 are taken. */
static const char *const hubs[HUBS] = {"oak", "elm", "ash", "yew", "fir", "bay"};
static const enum need needs[NEEDS] = {NEED_BEFRIENDING, NEED_ADVICE,      NEED_FOOD,     NEED_HOUSING,
                                       NEED_BENEFITS,    NEED_DEBT_ADVICE, NEED_ADVOCACY, NEED_COUNSELLING};

static uint64_t luck; /* the state that every choice is drawn from */

static inline uint32_t below(uint32_t bound)
{
    return random_below(&luck, bound);
}

static inline bool one_in(uint32_t bound)
{
    return below(bound) == 0;
}

static inline const char *any_hub(void)
{
    return hubs[below(HUBS)];
}

/* ---- a network file ---- */

static char network[1 << 14];
static size_t network_length;
static bool has_north, has_emergency; /* of the network that is being made */
static uint64_t built_from;           /* the luck that its hubs are drawn from, */
static uint64_t fate;                 /* and that of what becomes of them */

/* The arguments of one call draw at most once: their order is the compiler's choice. */
__attribute__((format(printf, 1, 2))) static inline void add(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    network_length += vsnprintf(network + network_length, sizeof network - network_length, format, arguments);
    va_end(arguments);
    cr_assert_lt(network_length, sizeof network);
}

static inline void add_rules(void)
{
    add("name = \"Storm\"; neighbour_distance = \"%ukm\"; ", below(20));
    add("hops_max = %u; ", 1 + below(24));
    add("pace = %u; ", one_in(3) ? 1 + below(3) : 0);
    add("fresh = \"%uh\"; ", 6 * below(2));
    add("overtaken_after = \"%ud\";\n", below(30));
    add("deadlines = { waiting_review = \"2d\"; waiting_expiry = \"5d\"; };\n");
    if (has_emergency)
        add("emergency = { needs = [ \"befriending\" ]; rings = [ \"citywide\", \"home\", \"neighbouring\" ];\n"
            "  answer_routine = \"1h\"; answer_urgent = \"1h\"; answer_asap = \"1h\"; answer_stat = \"1h\"; };\n");
    add("senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; },\n"
        "  { id = \"clinic\"; name = \"Clinic\"; kind = \"other\"; } );\n");
}

static inline void add_neighbourhoods(void)
{
    add("neighbourhoods = ( ");
    if (has_north)
        add("{ code = \"north\"; name = \"North\"; easting = 248000; northing = 56000; },\n  ");
    add("{ code = \"south\"; name = \"South\"; easting = 258000; northing = 56000; } );\n");
}

static inline void add_needs(uint32_t always)
{
    add("needs = [ \"%s\"", code_text(LIST_need, needs[always]));
    for (uint32_t i = 0; i < NEEDS; i++)
        if (i != always && one_in(3))
            add(", \"%s\"", code_text(LIST_need, needs[i]));
    add(" ]; ");
}

/* Its own places, or those of the first service of all. */
static inline void add_places(bool owns)
{
    if (!owns)
        add("shares = \"oak/s0\"; ");
    else if (one_in(6))
        add("seats = %u; ", below(4));
    else
        add("places = %u; ", below(5));
    if (one_in(4))
        add("per_week = %u; ", 1 + below(3));
}

static inline void add_service(int hub, int service, bool universal)
{
    bool first_of_all = hub == 0 && service == 0;

    add("%s{ id = \"s%d\"; ", service ? ",\n    " : "", service);
    add_needs(first_of_all ? 0 : below(NEEDS));
    if (!universal)
        add_places(first_of_all || one_in(2));
    if (one_in(2))
        add("citywide = true; ");
    if (has_emergency && one_in(5))
        add("emergency_only = true; ");
    if (one_in(10))
        add("to = \"2026-11-%02u\"; ", 1 + below(12));
    add("}");
}

/* The first hub, whose places others share, and which serves emergencies, takes referrals at any time. */
static inline void add_life(int hub)
{
    static const char *const status[] = {"paused", "draining", "closed"};

    if (hub && random_below(&fate, 4) == 0)
        add("status = \"%s\"; ", status[random_below(&fate, 3)]);
    if (hub && random_below(&fate, 4) == 0)
        add("closes_on = \"2026-11-%02u\"; ", 1 + random_below(&fate, 12));
}

static inline void add_hub(int hub)
{
    bool universal = hub == HUBS - 1 && one_in(2);
    const char *tier = universal ? "universal" : one_in(10) ? "specialist" : "targeted";
    int services = 1 + (int)below(SERVICES);

    add("%s{ id = \"%s\"; name = \"Hub\"; tier = \"%s\"; northing = 56000; ", hub ? ",\n  " : "", hubs[hub], tier);
    add("easting = %u; ", 248000 + 500 * below(20));
    if (!one_in(3))
        add("areas = [ \"%s\" ]; ", has_north && !one_in(3) ? "north" : "south");
    if (one_in(6))
        add("ask_again = true; ");
    add_life(hub);
    add("services = ( ");
    for (int service = 0; service < services; service++)
        add_service(hub, service, universal);
    add(" ); }");
}

static inline const char *build(uint64_t from)
{
    fate = random_next(&luck);
    uint64_t afterwards = luck;

    luck = built_from = from;
    network_length = 0;
    has_north = !one_in(8);
    has_emergency = one_in(2);
    add_rules();
    add_neighbourhoods();
    add("hubs = ( ");
    for (int hub = 0; hub < HUBS; hub++)
        if (hub == 0 || !one_in(6))
            add_hub(hub);
    add(" );\n");
    luck = afterwards;
    return network;
}

/* The text stays until the next is made. */
static inline const char *any_network(void)
{
    return build(random_next(&luck));
}

/* The one made last, but other hubs of it have closed. */
static inline const char *same_network_later(void)
{
    return build(built_from);
}

#endif

/* SPDX-License-Identifier: MIT
 * network_file: the shipped networks load, and a network that contradicts itself is refused line by line. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/referral.h"
#include "daemon/io/network_file.h"

#define DAY_20261122 20779

static struct config_faults faults;

static struct network *load(const char *path)
{
    char why[CONFIG_FAULT_BYTES];
    size_t length;
    char *text = config_load_file(path, &length, why, sizeof why);

    cr_assert(text != NULL);
    memset(&faults, 0, sizeof faults);
    struct network *network = network_parse("network.conf", text, length, &faults);
    cr_assert(network != NULL, "%s", faults.lines[0]);
    free(text);
    return network;
}

/* A small network: hubs and senders are what the test says, from line 4 on. */
static struct network *parse(const char *hubs, const char *senders)
{
    char text[4096];

    snprintf(text, sizeof text,
             "name = \"Test\";\n"
             "neighbourhoods = ( { code = \"east\"; name = \"East End\"; easting = 1000; northing = 1000; },\n"
             "  { code = \"west\"; name = \"West Side\"; easting = 2000; northing = 1000; } );\n"
             "hubs = ( %s );\n"
             "senders = ( %s );\n",
             hubs, senders);
    memset(&faults, 0, sizeof faults);
    return network_parse("n.conf", text, strlen(text), &faults);
}

static void expect(const char *hubs, const char *senders, const char *fault)
{
    struct network *network = parse(hubs, senders);

    cr_assert(network == NULL, "accepted, expected: %s", fault);
    cr_assert(eq(sz, faults.count, 1), "%s | %s", faults.lines[0], faults.lines[1]);
    cr_assert_str_eq(faults.lines[0], fault);
}

#define SERVICE "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; } );"
#define PLACE "easting = 1000; northing = 1000;"
#define HUB(id, rest) "{ id = \"" id "\"; name = \"A hub\"; tier = \"targeted\"; " PLACE rest " }"

static const struct hub *find(const struct network *network, const char *id)
{
    int hub = network_find_hub_by_id(network, id, strlen(id));

    cr_assert(hub >= 0, "no hub %s", id);
    return &network->hubs[hub];
}

static const struct service *find_service(const struct network *network, const char *hub_id, const char *id)
{
    const struct hub *hub = find(network, hub_id);

    for (uint32_t i = 0; i < hub->services_count; i++)
        if (strcmp(network->services[hub->services_first + i].id, id) == 0)
            return &network->services[hub->services_first + i];
    cr_fatal("no service %s", id);
}

Test(network_file, the_network_of_plymouth_loads)
{
    struct network *network = load(SOURCE_DIR "/etc/networks/plymouth.conf");
    const char *const open[] = {"jan-cutting",
                                "four-greens",
                                "mannamead",
                                "city-centre",
                                "manadon-sports-hub",
                                "rees",
                                "central-park",
                                "mount-gould",
                                "estover",
                                "southway",
                                "devonport",
                                "efford",
                                "st-budeaux-barne-barton"};

    cr_assert(eq(u32, network->neighbourhoods_count, 33));
    cr_assert(eq(u32, network->hubs_count, 25));
    cr_assert(eq(u32, network->senders_count, 29));
    cr_assert(eq(u32, network->neighbour_distance_m, 3000));
    cr_assert(eq(u32, network->hops_max, 5));
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++)
        cr_assert(eq(int, hub_status_on(find(network, open[i]), DAY_20261122), HUB_OPEN), "%s", open[i]);
    cr_assert(eq(int, hub_status_on(find(network, "cumberland-centre"), DAY_20261122), HUB_CLOSED));
    cr_assert(eq(int, hub_status_on(find(network, "ymca-plymouth"), DAY_20261122), HUB_PLANNED));
    cr_assert(eq(int, hub_status_on(find(network, "devonport"), DAY_20261122 - 700), HUB_PLANNED));
    cr_assert(eq(u32, find_service(network, "good-neighbour-scheme", "good-neighbour")->places, 50));
    cr_assert(eq(u32, find_service(network, "jan-cutting", "womens-health")->places, 70));
    cr_assert(eq(u32, find_service(network, "mannamead", "my-health-my-way")->places, 65));
    cr_assert(eq(u32, find_service(network, "mount-gould", "telephone-befriending")->places, 44));
    cr_assert(find_service(network, "adult-social-care", "home-care")->citywide);
    network_free(&network);
    cr_assert(network == NULL);
}

Test(network_file, in_plymouth_every_need_is_met_by_an_open_hub_and_most_neighbourhoods_have_a_home_hub)
{
    struct network *network = load(SOURCE_DIR "/etc/networks/plymouth.conf");
    uint64_t needs = 0;
    bool has_home[33] = {false};
    size_t homes = 0;

    for (uint32_t i = 0; i < network->services_count; i++)
        if (hub_status_on(&network->hubs[network->services[i].hub], DAY_20261122) == HUB_OPEN)
            needs |= network->services[i].needs;
    for (size_t i = 0; i < lists[LIST_need].count; i++)
        cr_assert(0 != (needs & NEED_BIT(lists[LIST_need].codes[i].number)), "%s", lists[LIST_need].codes[i].text);
    for (uint32_t i = 0; i < network->hubs_count; i++)
        for (uint16_t j = 0; j < network->hubs[i].areas_count; j++)
            has_home[network->hubs[i].areas[j]] = true;
    for (size_t i = 0; i < 33; i++)
        homes += has_home[i];
    cr_assert(eq(sz, homes, 30));
    network_free(&network);
}

Test(network_file, the_small_network_loads_with_the_default_deadlines)
{
    struct network *network = load(SOURCE_DIR "/etc/network.conf");

    cr_assert(eq(u32, network->hubs_count, 1));
    cr_assert(eq(u32, network->services_count, 2));
    cr_assert(eq(i64, network->deadlines.offer_ms[PRIORITY_ROUTINE], INT64_C(2) * 86400000));
    cr_assert(eq(i64, network->deadlines.offer_ms[PRIORITY_URGENT], INT64_C(4) * 3600000));
    cr_assert(eq(i64, network->deadlines.offer_ms[PRIORITY_STAT], INT64_C(3600000)));
    cr_assert(eq(i64, network->deadlines.accepted_ms[PRIORITY_ASAP], INT64_C(86400000)));
    cr_assert(eq(i64, network->deadlines.progress_ms, INT64_C(28) * 86400000));
    cr_assert(eq(i64, network->deadlines.waiting_review_ms, INT64_C(7) * 86400000));
    cr_assert(eq(i64, network->deadlines.attention_review_ms, INT64_C(86400000)));
    cr_assert(eq(i64, network->deadlines.outcome_confirm_ms, INT64_C(5) * 86400000));
    cr_assert(eq(u32, network->services[1].number, network_service_number("friends", 7)));
    cr_assert(eq(u64, network->services[0].needs, NEED_BIT(NEED_ADVICE) | NEED_BIT(NEED_BENEFITS)));
    network_free(&network);
}

Test(network_file, areas_are_taken_by_code_and_by_name)
{
    struct network *network = parse(HUB("a", "areas = [ \"west\", \"East End\" ]; " SERVICE), "");

    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(eq(u32, network->hubs[0].areas_count, 2));
    cr_assert(eq(u32, network->hubs[0].areas[0], 1));
    cr_assert(eq(u32, network->hubs[0].areas[1], 0));
    network_free(&network);
}

Test(network_file, what_stands_twice_is_refused)
{
    expect(HUB("a", SERVICE) ",\n" HUB("a", SERVICE), "", "n.conf:5: a hub \"a\" stands twice, first on line 4");
    expect(HUB("a", SERVICE),
           "{ id = \"s\"; name = \"S\"; kind = \"other\"; },\n{ id = \"s\"; name = \"S\"; kind = \"other\"; }",
           "n.conf:6: a sender \"s\" stands twice, first on line 5");
    expect(HUB("a", SERVICE), "{ id = \"a\"; name = \"S\"; kind = \"other\"; }",
           "n.conf:5: \"a\" is a sender here and a hub on line 4, give one of them another name");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; },\n"
                    "{ id = \"s\"; needs = [ \"food\" ]; places = 1; } );"),
           "", "n.conf:5: hub \"a\" has service \"s\" twice");
    expect(HUB("a", SERVICE "areas = [ \"east\",\n\"East End\" ];"), "",
           "n.conf:5: neighbourhood \"East End\" stands twice in hub \"a\"");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\", \"food\" ]; places = 1; } );"), "",
           "n.conf:4: need \"food\" stands twice in this service");
}

Test(network_file, a_neighbourhood_that_stands_twice_is_refused)
{
    static const char text[] = "name = \"T\";\n"
                               "neighbourhoods = ( { code = \"e\"; name = \"East\"; easting = 1; northing = 1; },\n"
                               "{ code = \"e\"; name = \"West\"; easting = 1; northing = 1; } );\n"
                               "hubs = ( " HUB("a", SERVICE) " );";

    memset(&faults, 0, sizeof faults);
    cr_assert(network_parse("n.conf", text, sizeof text - 1, &faults) == NULL);
    cr_assert_str_eq(faults.lines[0], "n.conf:3: a neighbourhood \"e\" stands twice, first on line 2");
}

Test(network_file, what_is_named_but_not_there_is_refused_with_what_was_meant)
{
    expect(HUB("a", SERVICE "areas = [ \"wets\" ];"), "",
           "n.conf:4: there is no neighbourhood \"wets\", did you mean \"west\"?");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"befrending\" ]; places = 1; } );"), "",
           "n.conf:4: there is no need \"befrending\", did you mean \"befriending\"?");
    expect(HUB("a", SERVICE), "{ id = \"s\"; name = \"S\"; kind = \"gp_linkworker\"; }",
           "n.conf:5: there is no kind \"gp_linkworker\", did you mean \"gp_link_worker\"?");
    expect(HUB("a", SERVICE "status = \"oppen\";"), "",
           "n.conf:4: there is no status \"oppen\", did you mean \"open\"?");
    expect(HUB("a", SERVICE "servces = ( );"), "",
           "n.conf:4: a hub has no setting \"servces\", did you mean \"services\"?");
}

Test(network_file, figures_out_of_range_are_refused)
{
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = -1; } );"), "",
           "n.conf:4: places must be between 0 and 10000000, not -1");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 10000001; } );"), "",
           "n.conf:4: places must be between 0 and 10000000, not 10000001");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 4294967297; } );"), "",
           "n.conf:4: the number 4294967297 is far too large");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ ]; places = 1; } );"), "",
           "n.conf:4: needs must have 1 to 63 entries, not 0");
}

Test(network_file, hubs_that_contradict_themselves_are_refused)
{
    expect(HUB("a", SERVICE "opens_on = \"2025-09-01\"; closes_on = \"2025-09-01\";"), "",
           "n.conf:4: hub \"a\" closes before it opens");
    expect(HUB("a", ""), "", "n.conf:4: hub \"a\" has no services; give it some, or status = \"planned\"");
    expect(HUB("network", SERVICE), "", "n.conf:4: \"network\" is the network itself, name the hub otherwise");
    expect(HUB("a", SERVICE), "{ id = \"network\"; name = \"S\"; kind = \"other\"; }",
           "n.conf:5: \"network\" is the network itself, name the sender otherwise");
    expect(HUB("a b", SERVICE), "", "n.conf:4: id \"a b\" may hold letters, digits, dot, hyphen and underscore only");
}

Test(network_file, whom_a_service_is_for_is_taken)
{
    struct network *network =
        parse(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; age_from = 50;"
                       " age_to = 65; genders = [ \"1\", \"2\" ]; carers_only = true;"
                       " senders = [ \"adult_social_care\" ]; } );"),
              "");

    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(eq(u32, network->services[0].age_from, 50));
    cr_assert(eq(u32, network->services[0].age_to, 65));
    cr_assert(network->services[0].genders == (CODE_BIT(GENDER_MALE) | CODE_BIT(GENDER_FEMALE)));
    cr_assert(network->services[0].sources == CODE_BIT(SOURCE_ADULT_SOCIAL_CARE));
    cr_assert(network->services[0].carers_only);
    network_free(&network);
}

Test(network_file, services_for_nobody_are_refused)
{
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; age_from = 66; age_to = 65; } );"),
           "", "n.conf:4: service \"s\" ends at age 65 before it begins at 66");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; genders = [ \"female\" ]; } );"), "",
           "n.conf:4: there is no gender \"female\"");
    expect(HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; senders = [ \"gp\" ]; } );"), "",
           "n.conf:4: there is no kind of sender \"gp\"");
}

Test(network_file, satellites_name_a_hub_that_is_none)
{
    struct network *network = parse(HUB("a", SERVICE) ", " HUB("b", SERVICE "satellite_of = \"a\";"), "");

    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(network->hubs[0].parent == -1);
    cr_assert(network->hubs[1].parent == 0);
    network_free(&network);
    expect(HUB("hub", SERVICE) ", " HUB("b", SERVICE "satellite_of = \"hubb\";"), "",
           "n.conf:4: there is no hub \"hubb\" to be a satellite of, did you mean \"hub\"?");
    expect(HUB("a", SERVICE "satellite_of = \"a\";"), "",
           "n.conf:4: \"a\" is itself a satellite, name the hub that it belongs to");
    expect(
        HUB("a", SERVICE "satellite_of = \"b\";") ", " HUB("b", SERVICE "satellite_of = \"c\";") ", " HUB("c", SERVICE),
        "", "n.conf:4: \"b\" is itself a satellite, name the hub that it belongs to");
}

Test(network_file, rings_stand_in_the_order_of_the_file_or_all_in_the_usual_one)
{
    static const char text[] = "name = \"T\";\nrings = [ \"citywide\", \"home\" ];\n"
                               "neighbourhoods = ( { code = \"e\"; name = \"East\"; easting = 1; northing = 1; } );\n"
                               "hubs = ( " HUB("a", SERVICE) " );";
    struct network *network = parse(HUB("a", SERVICE), "");

    cr_assert(network->ring_rank[RING_HOME] == 1 && network->ring_rank[RING_SATELLITE] == 2 &&
              network->ring_rank[RING_NEIGHBOUR] == 3 && network->ring_rank[RING_CITYWIDE] == 4);
    cr_assert(eq(u32, network->travel_m[TRANSPORT_WALK], 65));
    cr_assert(eq(u32, network->travel_m[TRANSPORT_NONE], 0));
    network_free(&network);
    network = network_parse("n.conf", text, sizeof text - 1, &faults);
    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(network->ring_rank[RING_CITYWIDE] == 1 && network->ring_rank[RING_HOME] == 2 &&
              network->ring_rank[RING_NEIGHBOUR] == 0 && network->ring_rank[RING_SATELLITE] == 0);
    network_free(&network);
}

Test(network_file, a_planned_hub_needs_no_services)
{
    struct network *network = parse(HUB("a", "status = \"planned\";"), "");

    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(eq(u32, network->services_count, 0));
    network_free(&network);
}

Test(network_file, the_more_pressing_may_not_wait_longer)
{
    static const char text[] = "name = \"T\";\n"
                               "deadlines = { offer_urgent = \"3d\"; };\n"
                               "neighbourhoods = ( { code = \"e\"; name = \"East\"; easting = 1; northing = 1; } );\n"
                               "hubs = ( " HUB("a", SERVICE) " );";

    memset(&faults, 0, sizeof faults);
    cr_assert(network_parse("n.conf", text, sizeof text - 1, &faults) == NULL);
    cr_assert_str_eq(faults.lines[0], "n.conf:2: offer_urgent is longer than offer_routine");
}

Test(network_file, all_faults_are_told_at_once)
{
    struct network *network = parse(HUB("a", "areas = [ \"north\" ]; colour = \"red\";") ",\n" HUB(
                                        "a", "services = ( { id = \"\"; needs = [ \"foood\" ]; } );"),
                                    "{ id = \"a\"; name = \"S\"; kind = \"oter\"; colour = \"red\"; }");

    cr_assert(network == NULL);
    cr_assert(eq(sz, faults.count, 10), "%zu", faults.count);
    for (size_t i = 1; i < faults.count; i++)
        cr_assert(le(int, faults.line[i - 1], faults.line[i]));
}

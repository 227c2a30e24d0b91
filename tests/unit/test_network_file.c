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

/* A file whose line 4 is settings of the whole, and line 5 is hubs. */
static struct network *parse_whole(const char *settings, const char *hubs)
{
    char text[8192];

    snprintf(text, sizeof text,
             "name = \"Test\";\n"
             "neighbourhoods = ( { code = \"east\"; name = \"East End\"; easting = 1000; northing = 1000; },\n"
             "  { code = \"west\"; name = \"West Side\"; easting = 2000; northing = 1000; } );\n"
             "%s\n"
             "hubs = ( %s );\n",
             settings, hubs);
    memset(&faults, 0, sizeof faults);
    return network_parse("n.conf", text, strlen(text), &faults);
}

static struct network *accept(const char *settings, const char *hubs)
{
    struct network *network = parse_whole(settings, hubs);

    cr_assert(network != NULL, "%s", faults.lines[0]);
    return network;
}

static void refuse(const char *settings, const char *hubs, const char *fault)
{
    struct network *network = parse_whole(settings, hubs);

    cr_assert(network == NULL, "accepted, expected: %s", fault);
    cr_assert(eq(sz, faults.count, 1), "%s | %s", faults.lines[0], faults.lines[1]);
    cr_assert_str_eq(faults.lines[0], fault);
}

#define SERVICE "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; } );"
#define PLACE "easting = 1000; northing = 1000;"
#define SERVES(rest) "services = ( { id = \"s\"; needs = [ \"food\" ]; " rest " } );"
#define HUB(id, rest) "{ id = \"" id "\"; name = \"A hub\"; tier = \"targeted\"; " PLACE rest " }"

static const struct hub *find(const struct network *network, const char *id)
{
    int hub = network_find_hub_by_id(network, id, strlen(id));

    cr_assert(hub >= 0, "no hub %s", id);
    return &network->hubs[hub];
}

static const struct era *today(const struct network *network, const struct hub *hub)
{
    return hub_on(network, hub, DAY_20261122);
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
    cr_assert(eq(u32, network->hubs_count, 42));
    cr_assert(eq(u32, network->senders_count, 29));
    cr_assert(eq(u32, network->usual.neighbour_distance_m, 3000));
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

    for (uint32_t i = 0; i < network->services_count; i++) {
        const struct hub *hub = &network->hubs[network->services[i].hub];
        if (hub_status_on(hub, DAY_20261122) == HUB_OPEN && hub->tier != TIER_UNIVERSAL &&
            !network->services[i].emergency_only)
            needs |= network->services[i].needs;
    }
    for (size_t i = 0; i < lists[LIST_need].count; i++)
        cr_assert(0 != (needs & NEED_BIT(lists[LIST_need].codes[i].number)), "%s", lists[LIST_need].codes[i].text);
    for (uint32_t i = 0; i < network->hubs_count; i++)
        for (uint16_t j = 0;
             network->hubs[i].tier == TIER_TARGETED && j < today(network, &network->hubs[i])->areas_count; j++)
            has_home[today(network, &network->hubs[i])->areas[j]] = true;
    for (size_t i = 0; i < 33; i++)
        homes += has_home[i];
    cr_assert(eq(sz, homes, 30)); /* all but Plymstock's three */
    network_free(&network);
}

/* Minutes in a week. */
static uint32_t open_minutes(const struct network *network, struct hours hours)
{
    uint32_t minutes = 0;

    for (uint32_t i = hours.first; i < hours.first + hours.count; i++)
        minutes += (uint32_t)(network->spans[i].closes_at - network->spans[i].opens_at);
    return minutes;
}

Test(network_file, in_plymouth_every_hub_is_open_37_hours_a_week_and_four_crisis_cafes_out_of_hours)
{
    struct network *network = load(SOURCE_DIR "/etc/networks/plymouth.conf");
    int64_t sunday_evening = DAY_20261122 * INT64_C(86400000) + 20 * INT64_C(3600000);
    int cafes = 0, open_now = 0;

    for (uint32_t i = 0; i < network->hubs_count; i++) {
        const struct hub *hub = &network->hubs[i];
        bool is_hub = hub->tier != TIER_UNIVERSAL && strncmp(today(network, hub)->name, "Four Greens at", 14) != 0 &&
                      hub_status_on(hub, DAY_20261122) == HUB_OPEN;
        cr_assert(not(is_hub && open_minutes(network, hub->hours) < 37 * 60), "%s", hub->id);
    }
    for (uint32_t row = 0; row < network->services_count; row++) {
        bool is_cafe = network->services[row].needs == NEED_BIT(NEED_CRISIS_SUPPORT);
        bool is_open = hours_open_on(network->spans, service_hours(network, row), hours_day(sunday_evening),
                                     hours_minute(sunday_evening));
        cafes += is_cafe;
        open_now += is_open;
        cr_assert(eq(int, is_cafe, is_open), "%s", network->services[row].id);
    }
    cr_assert(cafes == 4 && open_now == 4);
    network_free(&network);
}

Test(network_file, in_plymouth_hubs_have_moved_and_been_renamed)
{
    struct network *network = load(SOURCE_DIR "/etc/networks/plymouth.conf");
    const struct hub *moved = find(network, "st-budeaux-barne-barton"), *renamed = find(network, "mannamead");
    const struct era *before = hub_on(network, moved, 18292), *after = today(network, moved); /* 2020-01-31 */

    cr_assert(strstr(before->address, "Stirling Road") != NULL);
    cr_assert(strstr(after->address, "William Sutton") != NULL);
    cr_assert(distance_m(before->position, after->position) > 0);
    cr_assert(before->areas_count == 2 && after->areas_count == 3);
    cr_assert_str_eq(before->name, after->name);
    cr_assert_str_eq(hub_on(network, renamed, 18292)->name, "Guild House Wellbeing Hub");
    cr_assert_str_eq(today(network, renamed)->name, "Mannamead Wellbeing Hub");
    network_free(&network);
}

Test(network_file, plymouth_shares_caps_seats_and_an_emergency_as_the_papers_tell)
{
    struct network *network = load(SOURCE_DIR "/etc/networks/plymouth.conf");
    const struct service *cap = find_service(network, "good-neighbour-scheme", "good-neighbour");
    const struct service *medicines = find_service(network, "good-neighbour-scheme", "medicines");
    const struct service *outreach = find_service(network, "space-centre-ernesettle", "advice");
    size_t homes = 0;

    cr_assert(find_service(network, "jan-cutting", "womens-health")->seats);
    cr_assert(cap == &network->services[medicines->owner]);
    cr_assert(find_service(network, "four-greens", "advice") == &network->services[outreach->owner]);
    cr_assert(network->emergency_needs ==
              (NEED_BIT(NEED_FOOD) | NEED_BIT(NEED_MEDICINES) | NEED_BIT(NEED_BEFRIENDING)));
    cr_assert(eq(u32, network->practices_count, 22));
    cr_assert(eq(u32,
                 network->population[0] + network->population[1] + network->population[2] + network->population[3] +
                     network->population[4],
                 164));
    for (uint32_t i = 0; i < network->hubs_count; i++)
        homes += network->hubs[i].tier == TIER_UNIVERSAL;
    cr_assert(eq(sz, homes, 15)); /* twelve libraries, and three that stand for many */
    network_free(&network);
}

/* By priority, in hours. */
static void expect_waits(const struct stage_clock *clock, const int64_t hours[4], const int64_t grace[4], int silence)
{
    for (int i = 0; i < 4; i++) {
        cr_expect(eq(i64, clock->ms[PRIORITY_ROUTINE + i], hours[i] * 3600000), "priority %d", i);
        cr_expect(eq(i64, clock->grace_ms[PRIORITY_ROUTINE + i], grace[i] * 3600000), "grace of priority %d", i);
    }
    cr_expect(eq(int, (int)clock->silence, silence));
}

Test(network_file, the_small_network_loads_with_the_default_deadlines)
{
    struct network *network = load(SOURCE_DIR "/etc/network.conf");

    cr_assert(eq(u32, network->hubs_count, 1));
    cr_assert(eq(u32, network->services_count, 2));
    expect_waits(network_stage(network, network->hubs, STAGE_RECEIPT), (const int64_t[]){24, 1, 1, 1},
                 (const int64_t[]){0, 0, 0, 0}, 0);
    expect_waits(network_stage(network, network->hubs, STAGE_ANSWER), (const int64_t[]){48, 4, 2, 1},
                 (const int64_t[]){48, 0, 0, 0}, 0);
    expect_waits(network_stage(network, network->hubs, STAGE_CONTACT), (const int64_t[]){120, 24, 24, 24},
                 (const int64_t[]){24, 2, 2, 2}, SILENCE_ATTENTION);
    expect_waits(network_stage(network, network->hubs, STAGE_PROGRESS), (const int64_t[]){480, 120, 120, 120},
                 (const int64_t[]){120, 24, 24, 24}, SILENCE_ATTENTION);
    cr_assert(eq(i64, network->deadlines.pause_ms, INT64_C(20) * 86400000));
    cr_assert(eq(i64, network->deadlines.enquiry_ms, INT64_C(2) * 86400000));
    cr_assert(eq(i64, network->deadlines.waiting_review_ms, INT64_C(7) * 86400000));
    cr_assert(eq(i64, network->deadlines.waiting_expiry_ms, INT64_C(84) * 86400000));
    cr_assert(eq(i64, network->deadlines.attention_review_ms, INT64_C(86400000)));
    cr_assert(eq(i64, network->deadlines.outcome_confirm_ms, INT64_C(5) * 86400000));
    cr_assert(eq(i64, network->deadlines.retention_ms, 0));
    cr_assert(eq(u32, network->services[1].number, network_service_number("friends", 7)));
    cr_assert(eq(u64, network->services[0].needs, NEED_BIT(NEED_ADVICE) | NEED_BIT(NEED_BENEFITS)));
    network_free(&network);
}

Test(network_file, areas_are_taken_by_code_and_by_name)
{
    struct network *network = parse(HUB("a", "areas = [ \"west\", \"East End\" ]; " SERVICE), "");

    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(eq(u32, network->eras[0].areas_count, 2));
    cr_assert(eq(u32, network->eras[0].areas[0], 1));
    cr_assert(eq(u32, network->eras[0].areas[1], 0));
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

    cr_assert(network->usual.ring_rank[RING_HOME] == 1 && network->usual.ring_rank[RING_SATELLITE] == 2 &&
              network->usual.ring_rank[RING_NEIGHBOUR] == 3 && network->usual.ring_rank[RING_CITYWIDE] == 4);
    cr_assert(eq(u32, network->travel_m[TRANSPORT_WALK], 65));
    cr_assert(eq(u32, network->travel_m[TRANSPORT_NONE], 0));
    network_free(&network);
    network = network_parse("n.conf", text, sizeof text - 1, &faults);
    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(network->usual.ring_rank[RING_CITYWIDE] == 1 && network->usual.ring_rank[RING_HOME] == 2 &&
              network->usual.ring_rank[RING_NEIGHBOUR] == 0 && network->usual.ring_rank[RING_SATELLITE] == 0);
    network_free(&network);
}

Test(network_file, a_planned_hub_needs_no_services)
{
    struct network *network = parse(HUB("a", "status = \"planned\";"), "");

    cr_assert(network != NULL, "%s", faults.lines[0]);
    cr_assert(eq(u32, network->services_count, 0));
    network_free(&network);
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

/* What holds for the whole */

#define DAY_MS INT64_C(86400000)

Test(network_file, what_the_file_leaves_out_is_off)
{
    struct network *network = accept("", HUB("a", SERVICE));

    cr_assert(network->nearest_m == 0 && network->pace == 0 && network->fresh_ms == 0 && network->plus_count == 0);
    cr_assert(network->fairness.core20 == 0 && network->fairness.plus == 0 && network->emergency_needs == 0);
    cr_assert(eq(i64, network->fairness.overtaken_ms, 84 * DAY_MS));
    cr_assert(eq(i64, network->deadlines.waiting_expiry_ms, 84 * DAY_MS));
    cr_assert(network->population[0] == 0 && network->practices_count == 0 && network->spans_count == 0);
    cr_assert(eq(u32, network->eras_count, 1));
    cr_assert(eq(i64, network->eras[0].from_day, 0));
    cr_assert_str_eq(network->eras[0].address, "");
    cr_assert(eq(u32, network->services[0].owner, 0));
    cr_assert(not(network->services[0].seats));
    network_free(&network);
}

Test(network_file, settings_of_the_whole_are_taken)
{
    struct network *network =
        accept("nearest = \"2km\"; pace = 20; fresh = \"30d\"; plus_groups = [ \"veterans\", \"carers.young\" ];"
               " core20_weight = 1; plus_weight = 2; overtaken_after = \"12w\"; population = [ 50, 40, 30, 20, 10 ];"
               " hops_max = 24; promises = [ \"food\" ];",
               HUB("a", SERVICE));

    cr_assert(eq(u32, network->nearest_m, 2000));
    cr_assert(eq(u32, network->pace, 20));
    cr_assert(eq(i64, network->fresh_ms, 30 * DAY_MS));
    cr_assert(eq(u32, network->plus_count, 2));
    cr_assert(eq(u32, network->plus_groups[1], network_service_number("carers.young", 12)));
    cr_assert(eq(u8, network->fairness.core20, 1));
    cr_assert(eq(u8, network->fairness.plus, 2));
    cr_assert(eq(i64, network->fairness.overtaken_ms, 84 * DAY_MS));
    cr_assert(eq(u32, network->population[0], 50));
    cr_assert(eq(u32, network->population[4], 10));
    cr_assert(eq(u32, network->hops_max, 24));
    network_free(&network);
}

Test(network_file, settings_of_the_whole_that_cannot_be_are_refused)
{
    const char *hub = HUB("a", SERVICE);

    refuse("nearest = \"101km\";", hub, "n.conf:4: nearest must be between 0m and 100km, not 101km");
    refuse("pace = -1;", hub, "n.conf:4: pace must be between 0 and 1000000, not -1");
    refuse("hops_max = 25;", hub, "n.conf:4: hops_max must be between 1 and 24, not 25");
    refuse("fresh = \"often\";", hub,
           "n.conf:4: fresh must be a time in quotes, like \"36h\" (ms, s, m, h, d, w), not \"often\"");
    refuse("core20_weight = 4;", hub, "n.conf:4: core20_weight must be between 0 and 3, not 4");
    refuse("core20_weight = 2; plus_weight = 2;", hub,
           "n.conf:4: core20_weight and plus_weight are 4 together, at most 3");
    refuse("overtaken_after = \"12\";", hub,
           "n.conf:4: overtaken_after must be a time in quotes, like \"36h\" (ms, s, m, h, d, w), not \"12\"");
    refuse("plus_groups = [ \"a b\" ];", hub,
           "n.conf:4: plus group \"a b\" may hold 1 to 64 letters, digits, dots, hyphens and underscores");
    refuse("plus_groups = [ \"a\", \"a\" ];", hub, "n.conf:4: plus group \"a\" stands twice");
    refuse("population = [ 1, 2, 3, 4 ];", hub, "n.conf:4: population must have 5 to 5 entries, not 4");
    refuse("population = [ 1, 2, 3, 4, -5 ];", hub, "n.conf:4: population must be between 0 and 100000000, not -5");
    refuse("population = [ \"1\", \"2\", \"3\", \"4\", \"5\" ];", hub,
           "n.conf:4: population must be whole numbers in square brackets, like [ 1, 2 ]");
    refuse("deadlines = { waiting_review = \"8d\";\nwaiting_expiry = \"7d\"; };", hub,
           "n.conf:5: waiting_expiry is shorter than waiting_review");
}

Test(network_file, a_promise_that_no_hub_keeps_is_refused)
{
    const char *fault = "n.conf:4: the network promises \"food\", but no hub takes cases for it";
    const char *promise = "promises = [ \"food\" ];";
    struct network *network = accept(promise, HUB("a", SERVICE "status = \"planned\"; opens_on = \"2030-01-01\";"));

    network_free(&network);
    refuse(promise, HUB("a", SERVICE "status = \"closed\";"), fault);
    refuse(promise, HUB("a", SERVICE "status = \"planned\";"), fault);
    refuse(promise, HUB("a", "services = ( { id = \"s\"; needs = [ \"benefits\" ]; places = 1; } );"), fault);
    refuse("promises = [ \"foood\" ];", HUB("a", SERVICE),
           "n.conf:4: there is no need \"foood\", did you mean \"food\"?");
    refuse("promises = [ \"food\", \"food\" ];", HUB("a", SERVICE), "n.conf:4: need \"food\" stands twice in promises");
    refuse(promise,
           "{ id = \"a\"; name = \"A hub\"; tier = \"universal\"; " PLACE " services = ( { id = \"s\"; needs = [ "
           "\"food\" ]; } ); }",
           fault);
}

Test(network_file, practices_are_taken_in_the_order_of_their_codes)
{
    struct network *network = accept("practices = ( { ods = \"L83147\"; area = \"west\"; " PLACE " },\n"
                                     " { ods = \"L83006\"; area = \"East End\"; easting = 7; northing = 8; } );",
                                     HUB("a", SERVICE));

    cr_assert(eq(u32, network->practices_count, 2));
    cr_assert_str_eq(network->practices[0].ods, "L83006");
    cr_assert(eq(u32, network->practices[0].neighbourhood, 0));
    cr_assert(eq(int, network->practices[0].position.northing, 8));
    cr_assert(eq(u32, network->practices[1].neighbourhood, 1));
    cr_assert(eq(int, network_find_practice(network, "L83147", 6), 1));
    network_free(&network);
    refuse("practices = ( { ods = \"L83147\"; area = \"west\"; " PLACE " },\n"
           "{ ods = \"L83147\"; area = \"west\"; " PLACE " } );",
           HUB("a", SERVICE), "n.conf:5: practice \"L83147\" stands twice, first on line 4");
    refuse("practices = ( { ods = \"L83147\"; area = \"north\"; " PLACE " } );", HUB("a", SERVICE),
           "n.conf:4: there is no neighbourhood \"north\"");
    refuse("practices = ( { ods = \"l-47\"; area = \"west\"; " PLACE " } );", HUB("a", SERVICE),
           "n.conf:4: \"l-47\" is no ODS code: 3 to 12 capital letters and digits");
    refuse("practices = ( { ods = \"L8\"; area = \"west\"; " PLACE " } );", HUB("a", SERVICE),
           "n.conf:4: ods must have 3 to 12 characters, not 2");
}

Test(network_file, emergency_rules_are_as_usual_where_they_say_nothing)
{
    struct network *network = accept("neighbour_distance = \"4km\"; rings = [ \"home\" ];"
                                     " emergency = { needs = [ \"food\" ]; };",
                                     HUB("a", SERVICE));

    cr_assert(network->emergency_needs == NEED_BIT(NEED_FOOD));
    cr_assert(eq(u32, network->emergency.neighbour_distance_m, 4000));
    cr_assert(network->emergency.ring_rank[RING_HOME] == 1 && network->emergency.ring_rank[RING_CITYWIDE] == 0);
    cr_assert(network->emergency.answer_ms[PRIORITY_STAT] == 0 && network->usual.answer_ms[PRIORITY_STAT] == 0);
    network_free(&network);
    network = accept("emergency = { needs = [ \"food\" ]; rings = [ \"citywide\", \"home\" ];"
                     " neighbour_distance = \"10km\"; answer_urgent = \"1h\";"
                     " answer_asap = \"1h\"; };",
                     HUB("a", SERVICE));
    cr_assert(eq(u32, network->emergency.neighbour_distance_m, 10000));
    cr_assert(eq(u32, network->usual.neighbour_distance_m, 3000));
    cr_assert(network->emergency.ring_rank[RING_CITYWIDE] == 1 && network->emergency.ring_rank[RING_HOME] == 2);
    cr_assert(eq(i64, network->emergency.answer_ms[PRIORITY_URGENT], INT64_C(3600000)));
    cr_assert(eq(i64, network->emergency.answer_ms[PRIORITY_ROUTINE], 0));
    network_free(&network);
}

Test(network_file, emergency_rules_that_contradict_themselves_are_refused)
{
    refuse("emergency = { };", HUB("a", SERVICE),
           "n.conf:4: emergency needs a setting needs: texts in square brackets, like [ \"a\", \"b\" ]");
    refuse("emergency = { needs = [\n\"medicines\" ]; };", HUB("a", SERVICE),
           "n.conf:5: the emergency rules are about \"medicines\", but no hub takes cases for it");
    refuse("emergency = { needs = [ \"food\" ]; rings = [ \"near\" ]; };", HUB("a", SERVICE),
           "n.conf:4: there is no ring \"near\", only home, satellite, neighbouring and citywide");
    refuse("emergency = { needs = [ \"food\" ]; answer_urgent = \"3d\"; };", HUB("a", SERVICE),
           "n.conf:4: answer_urgent is longer than answer_routine");
    refuse("emergency = { needs = [ \"food\" ]; neighbour_distance = \"200km\"; };", HUB("a", SERVICE),
           "n.conf:4: neighbour_distance must be between 0m and 100km, not 200km");
    refuse("", HUB("a", SERVES("places = 1;\nemergency_only = true;")),
           "n.conf:6: service \"s\" is for emergencies only, but the file has no emergency rules");
    struct network *network =
        accept("emergency = { needs = [ \"food\" ]; };", HUB("a", SERVES("places = 1; emergency_only = true;")));
    cr_assert(network->services[0].emergency_only);
    network_free(&network);
    refuse("promises = [ \"food\" ]; emergency = { needs = [ \"food\" ]; };",
           HUB("a", SERVES("places = 1; emergency_only = true;")),
           "n.conf:4: the network promises \"food\", but no hub takes cases for it");
}

/* Hubs */

Test(network_file, a_hub_says_where_it_is_and_when_its_doors_are_open)
{
    struct network *network =
        accept("", HUB("a", SERVICE "address = \"1 High Street\"; phone = \"01752 000000\";"
                                    " ask_again = true; status = \"draining\";"
                                    " hours = [ \"mon-fri 09:00-17:00\", \"sat 10:00-24:00\" ];"));

    cr_assert_str_eq(network->eras[0].address, "1 High Street");
    cr_assert_str_eq(network->eras[0].phone, "01752 000000");
    cr_assert(network->hubs[0].ask_again);
    cr_assert(eq(int, network->hubs[0].status, HUB_DRAINING));
    cr_assert(eq(u32, network->hubs[0].hours.count, 6));
    cr_assert(eq(u32, service_hours(network, 0).count, 6));
    const struct span *spans = network->spans + network->hubs[0].hours.first;
    cr_assert(spans[4].weekday == WEEKDAY_FRIDAY && spans[4].opens_at == 540 && spans[4].closes_at == 1020);
    cr_assert(spans[5].weekday == WEEKDAY_SATURDAY && spans[5].opens_at == 600 && spans[5].closes_at == 1440);
    network_free(&network);
}

Test(network_file, a_service_may_have_hours_of_its_own)
{
    struct network *network = accept(
        "", HUB("a", SERVES("places = 1; hours = [ \"fri-sun 18:00-23:00\" ];") "hours = [ \"mon 09:00-17:00\" ];"));

    cr_assert(eq(u32, network->hubs[0].hours.count, 1));
    cr_assert(eq(u32, service_hours(network, 0).count, 3));
    cr_assert(eq(int, network->spans[service_hours(network, 0).first].weekday, WEEKDAY_FRIDAY));
    cr_assert(eq(int, network->spans[network->hubs[0].hours.first].weekday, WEEKDAY_MONDAY));
    network_free(&network);
}

Test(network_file, hours_that_cannot_be_are_refused)
{
    static const struct {
        const char *hours, *fault;
    } cases[] = {
        {"\"mon-fri 17:00-09:00\"", "\"mon-fri 17:00-09:00\" ends before it begins; after midnight it is the next day"},
        {"\"mon 09:00-09:00\"", "\"mon 09:00-09:00\" ends before it begins; after midnight it is the next day"},
        {"\"fri-mon 09:00-17:00\"", "\"fri-mon 09:00-17:00\" ends before it begins; a week goes from mon to sun"},
        {"\"mon-fri 09:00-17:00\", \"wed 16:59-18:00\"", "\"wed 16:59-18:00\" overlaps other hours that stand here"},
    };
    static const char *const forms[] = {"mon",
                                        "monday 09:00-17:00",
                                        "mon 9:00-17:00",
                                        "mon 09:00 - 17:00",
                                        "mon 0900-1700",
                                        "mon 09:00-24:01",
                                        "mon 09:60-17:00",
                                        "mon 09:00-17:00 ",
                                        "",
                                        "mon-xyz 09:00-17:00",
                                        "Mon 09:00-17:00"};
    char hub[500], fault[200];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(hub, sizeof hub, HUB("a", SERVICE "hours = [ %s ];"), cases[i].hours);
        snprintf(fault, sizeof fault, "n.conf:5: %s", cases[i].fault);
        refuse("", hub, fault);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        snprintf(hub, sizeof hub, HUB("a", SERVICE "hours = [ \"%s\" ];"), forms[i]);
        snprintf(fault, sizeof fault,
                 "n.conf:5: hours are like \"mon-fri 09:00-17:00\" or \"sat 10:00-14:00\", not \"%s\"", forms[i]);
        refuse("", hub, fault);
    }
    struct network *network = accept(
        "", HUB("a", SERVICE "hours = [ \"mon-fri 09:00-12:00\", \"mon-sun 12:00-17:00\", \"tue 07:00-09:00\" ];"));
    network_free(&network);
}

Test(network_file, a_change_of_a_hub_leaves_what_it_does_not_name)
{
    struct network *network = accept(
        "", HUB("a", SERVICE "address = \"Old\"; areas = [ \"east\" ]; also_serves = [ \"west\" ];"
                             "changes = ( { from = \"2020-04-01\"; address = \"New\"; easting = 5; northing = 6; },\n"
                             " { from = \"2021-01-01\"; name = \"B hub\"; phone = \"1\"; areas = [ \"west\" ];"
                             " also_serves = [ ]; } );"));
    const struct era *before = hub_on(network, &network->hubs[0], 18352), *moved = before + 1, *renamed = before + 2;

    cr_assert(eq(u32, network->hubs[0].eras_count, 3));
    cr_assert(before == network->eras);
    cr_assert(hub_on(network, &network->hubs[0], 18353) == moved);
    cr_assert_str_eq(moved->name, "A hub");
    cr_assert_str_eq(moved->address, "New");
    cr_assert(moved->position.easting == 5 && moved->position.northing == 6);
    cr_assert(moved->areas_count == 1 && moved->areas[0] == 0 && moved->also_count == 1);
    cr_assert_str_eq(renamed->name, "B hub");
    cr_assert_str_eq(renamed->address, "New");
    cr_assert(renamed->position.easting == 5);
    cr_assert(renamed->areas_count == 1 && renamed->areas[0] == 1 && renamed->also_count == 0);
    cr_assert(network_changes_on(network, 18353));
    network_free(&network);
}

Test(network_file, changes_of_a_hub_that_cannot_be_are_refused)
{
    const char *order = "n.conf:6: the changes of hub \"a\" do not follow each other in time";

    refuse("",
           HUB("a", SERVICE "changes = ( { from = \"2021-01-01\"; name = \"B\"; },\n"
                            "{ from = \"2021-01-01\"; name = \"C\"; } );"),
           order);
    refuse("",
           HUB("a", SERVICE "changes = ( { from = \"2021-01-01\"; name = \"B\"; },\n"
                            "{ from = \"2020-12-31\"; name = \"C\"; } );"),
           order);
    refuse("", HUB("a", SERVICE "changes = ( {\nfrom = \"1970-01-01\"; name = \"B\"; } );"), order);
    refuse("", HUB("a", SERVICE "changes = ( { name = \"B\"; } );"),
           "n.conf:5: a change needs a setting from: a date in quotes, like \"2025-09-01\"");
    refuse("", HUB("a", SERVICE "changes = ( { from = \"2021-02-29\"; name = \"B\"; } );"),
           "n.conf:5: from must be a date in quotes, like \"2025-09-01\" that the calendar has, not \"2021-02-29\"");
    refuse("", HUB("a", SERVICE "changes = ( { from = \"2021-01-01\"; easting = 5; } );"),
           "n.conf:5: hub \"a\" moves by easting and northing together");
    refuse("", HUB("a", SERVICE "changes = ( { from = \"2021-01-01\"; areas = [ \"north\" ]; } );"),
           "n.conf:5: there is no neighbourhood \"north\"");
    refuse("", HUB("a", SERVICE "changes = ( { from = \"2021-01-01\"; status = \"closed\"; } );"),
           "n.conf:5: a change has no setting \"status\"");
}

Test(network_file, parents_in_a_circle_are_refused_each_with_its_line)
{
    struct network *network =
        parse_whole("", HUB("a", SERVICE "satellite_of = \"b\";") ",\n" HUB("b", SERVICE "satellite_of = \"a\";"));

    cr_assert(network == NULL);
    cr_assert(eq(sz, faults.count, 2));
    cr_assert_str_eq(faults.lines[0], "n.conf:5: \"b\" is itself a satellite, name the hub that it belongs to");
    cr_assert_str_eq(faults.lines[1], "n.conf:6: \"a\" is itself a satellite, name the hub that it belongs to");
}

/* Services */

Test(network_file, places_come_from_exactly_one_of_three)
{
    refuse("", HUB("a", SERVES("")), "n.conf:5: service \"s\" needs one of places, seats and shares");
    refuse("", HUB("a", SERVES("places = 1; seats = 1;")),
           "n.conf:5: service \"s\" needs exactly one of places, seats and shares");
    refuse("", HUB("a", SERVES("places = 1; shares = \"b/s\";")) ", " HUB("b", SERVICE),
           "n.conf:5: service \"s\" needs exactly one of places, seats and shares");
    refuse("", HUB("a", SERVES("seats = -70;")), "n.conf:5: seats must be between 0 and 10000000, not -70");
    struct network *network = accept("", HUB("a", SERVES("seats = 70; per_week = 9;")));
    cr_assert(network->services[0].seats);
    cr_assert(eq(u32, network->services[0].places, 70));
    cr_assert(eq(u32, network->services[0].per_week, 9));
    network_free(&network);
    network = accept("", HUB("a", SERVES("places = 0;")));
    cr_assert(eq(u32, network->services[0].places, 0));
    cr_assert(eq(u32, network->services[0].per_week, 0));
    network_free(&network);
}

Test(network_file, a_service_may_share_the_places_of_one_that_stands_further_down)
{
    struct network *network = accept("", HUB("a", SERVES("shares = \"b/s\";")) ", " HUB("b", SERVES("seats = 7;")));

    cr_assert(eq(u32, network->services[0].owner, 1));
    cr_assert(eq(u32, network->services[0].places, 0));
    cr_assert(network->services[0].seats);
    cr_assert(eq(u32, network->services[1].owner, 1));
    network_free(&network);
}

Test(network_file, shares_of_what_is_not_there_are_refused)
{
    refuse("", HUB("a", SERVES("\nshares = \"bb/s\";")) ", " HUB("bbb", SERVICE),
           "n.conf:6: there is no hub \"bb\" to share places with, did you mean \"bbb\"?");
    refuse("", HUB("a", SERVES("shares = \"b/ss\";")) ", " HUB("b", SERVICE),
           "n.conf:5: hub \"b\" has no service \"ss\", did you mean \"s\"?");
    refuse("", HUB("a", SERVES("shares = \"food\";")) ", " HUB("b", SERVICE),
           "n.conf:5: shares names a hub and its service, like \"four-greens/advice\", not \"food\"");
    refuse("", HUB("a", SERVES("shares = \"a/s\";")), "n.conf:5: a service cannot share its own places");
    refuse("",
           HUB("a", SERVES("shares = \"b/s\";")) ",\n" HUB("b", SERVES("shares = \"c/s\";")) ",\n" HUB("c", SERVICE),
           "n.conf:5: \"b/s\" itself shares the places of \"c/s\": name one that has its own");
    refuse("",
           HUB("a", SERVES("shares = \"b/s\";")) ", { id = \"b\"; name = \"B\"; tier = \"universal\"; " PLACE SERVES(
               "") " }",
           "n.conf:5: \"b/s\" has no places: its hub is universal");
}

Test(network_file, shares_in_a_circle_are_refused_each_with_its_line)
{
    struct network *network =
        parse_whole("", HUB("a", SERVES("shares = \"b/s\";")) ",\n" HUB("b", SERVES("shares = \"a/s\";")));

    cr_assert(network == NULL);
    cr_assert(eq(sz, faults.count, 2));
    cr_assert(eq(int, faults.line[0], 5));
    cr_assert(eq(int, faults.line[1], 6));
}

#define UNIVERSAL(rest) "{ id = \"a\"; name = \"A hub\"; tier = \"universal\"; " PLACE SERVES(rest) " }"

Test(network_file, a_universal_hub_has_no_places)
{
    struct network *network = accept("", UNIVERSAL(""));

    cr_assert(eq(u32, network->services[0].places, 0));
    cr_assert(eq(u32, network->services[0].owner, 0));
    network_free(&network);
    refuse(
        "", UNIVERSAL("\nplaces = 5;"),
        "n.conf:6: people are only told of a universal hub and take no place there: remove places, or change its tier");
    refuse("", UNIVERSAL("per_week = 5;"),
           "n.conf:5: people are only told of a universal hub and take no place there: remove per_week, or change its "
           "tier");
}

Test(network_file, the_services_of_a_specialist_hub_are_citywide)
{
    struct network *network = accept("", "{ id = \"a\"; name = \"A hub\"; tier = \"specialist\"; " PLACE SERVICE " }");

    cr_assert(network->services[0].citywide);
    network_free(&network);
    network = accept("", HUB("a", SERVICE));
    cr_assert(not(network->services[0].citywide));
    network_free(&network);
}

Test(network_file, a_service_runs_from_a_day_to_a_day)
{
    struct network *network = accept("", HUB("a", SERVES("places = 1; from = \"2026-11-22\"; to = \"2026-11-22\";")));

    cr_assert(eq(i64, network->services[0].from_day, DAY_20261122));
    cr_assert(eq(i64, network->services[0].to_day, DAY_20261122));
    network_free(&network);
    refuse("", HUB("a", SERVES("places = 1; from = \"2026-11-22\";\nto = \"2026-11-21\";")),
           "n.conf:6: service \"s\" ends before it begins");
}

Test(network_file, every_fact_is_tested_as_it_can_be)
{
    static const struct {
        const char *text;
        struct condition condition;
    } cases[] = {
        {"fact = \"risk_flags\"; none_of = [ \"lone-visit\", \"animal\" ];",
         {FACT_RISKS, TEST_NONE_OF, CODE_BIT(RISK_LONE_VISIT) | CODE_BIT(RISK_ANIMAL), 0}},
        {"fact = \"reasonable_adjustments\"; only = [ \"wheelchairaccess\" ];",
         {FACT_ADJUSTMENTS, TEST_ONLY, CODE_BIT(ADJUST_WHEELCHAIR), 0}},
        {"fact = \"plus_groups\"; any_of = [ \"veterans\" ];", {FACT_PLUS_GROUPS, TEST_ANY_OF, CODE_BIT(1), 0}},
        {"fact = \"plus_groups\"; all_of = [ \"migrants\", \"veterans\" ];", {FACT_PLUS_GROUPS, TEST_ALL_OF, 3, 0}},
        {"fact = \"priority\"; any_of = [ \"asap\", \"stat\" ];",
         {FACT_PRIORITY, TEST_ANY_OF, CODE_BIT(PRIORITY_ASAP) | CODE_BIT(PRIORITY_STAT), 0}},
        {"fact = \"transport_mode\"; none_of = [ \"none\" ];",
         {FACT_TRANSPORT, TEST_NONE_OF, CODE_BIT(TRANSPORT_NONE), 0}},
        {"fact = \"deprivation_decile\"; at_most = 2;", {FACT_DECILE, TEST_AT_MOST, 0, 2}},
        {"fact = \"deprivation_decile\"; at_least = 10;", {FACT_DECILE, TEST_AT_LEAST, 0, 10}},
        {"fact = \"age\"; at_least = 0;", {FACT_AGE, TEST_AT_LEAST, 0, 0}},
        {"fact = \"interpreter_needed\"; is = false;", {FACT_INTERPRETER, TEST_IS, 0, 0}},
        {"fact = \"no_fixed_abode\"; is = true;", {FACT_NO_ABODE, TEST_IS, 0, 1}},
        {"fact = \"is_carer\"; is = true;", {FACT_CARER, TEST_IS, 0, 1}},
    };
    char hub[500];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(hub, sizeof hub, HUB("a", SERVES("places = 1; conditions = ( { %s } );")), cases[i].text);
        struct network *network = accept("plus_groups = [ \"migrants\", \"veterans\" ];", hub);
        const struct condition *read = &network->conditions[network->services[0].conditions_first];
        cr_assert(eq(u32, network->services[0].conditions_count, 1));
        cr_assert(read->fact == cases[i].condition.fact && read->test == cases[i].condition.test &&
                      read->codes == cases[i].condition.codes && read->number == cases[i].condition.number,
                  "%s", cases[i].text);
        network_free(&network);
    }
}

Test(network_file, conditions_that_cannot_be_are_refused)
{
    static const struct {
        const char *text, *fault;
    } cases[] = {
        {"fact = \"risks\"; none_of = [ \"falls\" ];", "there is no fact \"risks\""},
        {"fact = \"risk_flags\";",
         "a condition has exactly one test: any_of, all_of, none_of, only, at_least, at_most or is"},
        {"fact = \"age\"; at_least = 1; at_most = 2;",
         "a condition has exactly one test: any_of, all_of, none_of, only, at_least, at_most or is"},
        {"fact = \"risk_flags\"; at_least = 1;",
         "risk_flags is tested by any_of, all_of, none_of or only, not by at_least"},
        {"fact = \"priority\"; all_of = [ \"stat\" ];", "priority is tested by any_of, none_of or only, not by all_of"},
        {"fact = \"age\"; is = true;", "age is tested by at_least or at_most, not by is"},
        {"fact = \"is_carer\"; any_of = [ \"true\" ];", "is_carer is tested by is, not by any_of"},
        {"fact = \"is_carer\"; is = \"true\";", "is must be true or false, without quotes"},
        {"fact = \"risk_flags\"; none_of = [ \"lone-visits\" ];",
         "there is no risk_flags \"lone-visits\", did you mean \"lone-visit\"?"},
        {"fact = \"risk_flags\"; none_of = [ \"falls\", \"falls\" ];",
         "risk_flags \"falls\" stands twice in this condition"},
        {"fact = \"risk_flags\"; none_of = [ ];", "none_of must have 1 to 63 entries, not 0"},
        {"fact = \"plus_groups\"; any_of = [ \"veteran\" ];",
         "\"veteran\" is not in the list plus_groups, did you mean \"veterans\"?"},
        {"fact = \"deprivation_decile\"; at_most = 11;", "deprivation_decile must be between 1 and 10, not 11"},
        {"fact = \"deprivation_decile\"; at_least = 0;", "deprivation_decile must be between 1 and 10, not 0"},
        {"fact = \"age\"; at_least = 121;", "age must be between 0 and 120, not 121"},
    };
    char hub[500], fault[200];

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(hub, sizeof hub, HUB("a", SERVES("places = 1; conditions = (\n{ %s } );")), cases[i].text);
        snprintf(fault, sizeof fault, "n.conf:6: %s", cases[i].fault);
        refuse("plus_groups = [ \"migrants\", \"veterans\" ];", hub, fault);
    }
}

Test(network_file, conditions_of_several_services_stay_apart)
{
    struct network *network = accept(
        "", HUB("a", "services = ( { id = \"s\"; needs = [ \"food\" ]; places = 1; conditions = ( { fact = \"age\"; "
                     "at_least = 5; }, { fact = \"age\"; at_most = 9; } ); },"
                     " { id = \"t\"; needs = [ \"food\" ]; places = 1; },"
                     " { id = \"u\"; needs = [ \"food\" ]; places = 1; conditions = ( { fact = \"is_carer\"; is = "
                     "true; } ); } );"));

    cr_assert(eq(u32, network->conditions_count, 3));
    cr_assert(eq(u32, network->services[0].conditions_count, 2));
    cr_assert(eq(u32, network->services[1].conditions_count, 0));
    cr_assert(eq(u32, network->services[2].conditions_first, 2));
    cr_assert(eq(u32, network->services[2].conditions_count, 1));
    network_free(&network);
}

Test(network_file, what_was_read_is_indexed)
{
    struct network *network =
        accept("", HUB("a", SERVICE) ", " HUB("b", "services = ( { id = \"t\"; needs = [ \"benefits\", "
                                                   "\"food\" ]; places = 1; } );"));

    cr_assert(eq(u32, network->by_need_first[NEED_FOOD + 1] - network->by_need_first[NEED_FOOD], 2));
    cr_assert(eq(u32, network->by_need[network->by_need_first[NEED_BENEFITS]], 1));
    cr_assert(eq(int, network_find_neighbourhood(network, "west", 4), 1));
    network_free(&network);
}

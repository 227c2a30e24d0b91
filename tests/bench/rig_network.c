/* SPDX-License-Identifier: MIT
 * rig_network: all of them are made from etc/networks/plymouth.conf. */
#include "tests/bench/rig_network.h"

#include <string.h>

#define PLYMOUTH "etc/networks/plymouth.conf"
#define MANY 10000000
#define IN_A_ROW 100

/* Hubs that stand at home in the postcodes of the load, in metres of the grid; areas are the MSOAs nearest to each. */
static const struct {
    const char *id;
    int easting, northing;
    const char *areas;
} city[] = {
    {"whitleigh", 247300, 59900, "\"E02003124\", \"E02003128\", \"E02003127\""},
    {"southway", 248600, 60800, "\"E02003123\", \"E02003122\""},
    {"estover", 250600, 59300, "\"E02003126\", \"E02003131\""},
    {"mannamead", 248700, 56900, "\"E02003137\", \"E02003133\", \"E02003138\", \"E02003129\""},
    {"city-centre", 247900, 54600, "\"E02003148\", \"E02006989\", \"E02006990\", \"E02003144\""},
    {"st-budeaux", 244600, 58200, "\"E02003130\", \"E02003125\", \"E02003135\", \"E02003141\""},
    {"rees", 253800, 56300, "\"E02003136\", \"E02003139\", \"E02003140\", \"E02003143\""},
    {"mount-gould", 249400, 55000, "\"E02003146\", \"E02003149\", \"E02003143\", \"E02003142\""},
    {"jan-cutting", 246300, 56000, "\"E02003134\", \"E02003132\", \"E02003147\""},
};
enum { CITY_HUBS = sizeof city / sizeof city[0] };

static const char *const plymouth_hubs[] = {
    "jan-cutting", "four-greens",  "mannamead", "city-centre", "st-budeaux-barne-barton",
    "rees",        "mount-gould",  "estover",   "southway",    "devonport",
    "efford",      "ymca-plymouth"};
enum { PLYMOUTH_HUBS = sizeof plymouth_hubs / sizeof plymouth_hubs[0] };

/* Where the hubs beyond those of the city stand: 5 km apart, which is more than how far a neighbour may be, far north
 * of the city; or 150 m apart all over the city. */
static const struct {
    unsigned apart_m, easting, northing;
} grids[] = {[RIG_TOWNS] = {5000, 5000, 200000}, [RIG_NEIGHBOURS] = {150, 240000, 50000}};

static FILE *open_plymouth(void)
{
    FILE *from = fopen(PLYMOUTH, "r");

    if (!from)
        rig_fail(PLYMOUTH);
    return from;
}

/* Puts a line of the network file with another number after `word`; false: it does not stand there. */
static bool write_with_many(FILE *file, const char *line, const char *word)
{
    const char *at = strstr(line, word);

    if (!at)
        return false;
    at += strlen(word);
    fprintf(file, "%.*s%d%s", (int)(at - line), line, MANY, at + strspn(at, "0123456789"));
    return true;
}

static bool is_scarce(const struct rig_options *options, const char *line)
{
    return options->counselling_is_scarce && strstr(line, "\"counselling\"");
}

/* One sender sends all the load: the pace of a sender is off. */
static void write_plymouth(FILE *file, const struct rig_options *options)
{
    FILE *from = open_plymouth();
    char line[1024];

    while (fgets(line, sizeof line, from))
        if (strncmp(line, "pace =", 6) != 0 &&
            (is_scarce(options, line) ||
             (!write_with_many(file, line, "places = ") && !write_with_many(file, line, "seats = ") &&
              !write_with_many(file, line, "per_week = "))))
            fputs(line, file);
    fclose(from);
}

/* Everything in front of the neighbourhoods: what holds for the whole network. What it promises takes more services
 * than the hubs of the towns have. */
static void write_rules(FILE *file, const struct rig_options *options)
{
    FILE *from = open_plymouth();
    char line[1024];
    bool is_promise = false;

    while (fgets(line, sizeof line, from) && strncmp(line, "neighbourhoods", 14) != 0) {
        is_promise = is_promise || strncmp(line, "promises", 8) == 0;
        if (strncmp(line, "neighbour_distance", 18) == 0 && options->network == RIG_NEIGHBOURS)
            fputs("neighbour_distance = \"30km\";\n", file);
        else if (strncmp(line, "pace =", 6) != 0 && !is_promise)
            fputs(line, file);
        is_promise = is_promise && !strchr(line, ']');
    }
    fclose(from);
}

static void write_position(FILE *file, const struct rig_options *options, unsigned i)
{
    fprintf(file, "easting = %u; northing = %u;",
            grids[options->network].easting + grids[options->network].apart_m * (i % IN_A_ROW),
            grids[options->network].northing + grids[options->network].apart_m * (i / IN_A_ROW));
}

static void write_neighbourhoods(FILE *file, const struct rig_options *options)
{
    static const char *const codes[] = {"E02003122", "E02003123", "E02003124", "E02003125", "E02003126", "E02003127",
                                        "E02003128", "E02003129", "E02003130", "E02003131", "E02003132", "E02003133",
                                        "E02003134", "E02003135", "E02003136", "E02003137", "E02003138", "E02003139",
                                        "E02003140", "E02003141", "E02003142", "E02003143", "E02003144", "E02003145",
                                        "E02003146", "E02003147", "E02003148", "E02003149", "E02006989", "E02006990"};

    fprintf(file, "neighbourhoods = (\n");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        fprintf(file, "%s { code = \"%s\"; name = \"%s\"; easting = 248000; northing = 56000; }", i ? ",\n" : "",
                codes[i], codes[i]);
    for (unsigned i = CITY_HUBS; i < options->hubs; i++) {
        fprintf(file, ",\n { code = \"town-%u\"; name = \"Town %u\"; ", i, i);
        write_position(file, options, i);
        fprintf(file, " }");
    }
    fprintf(file, ");\n");
}

static void write_hub(FILE *file, const struct rig_options *options, unsigned i)
{
    if (i < CITY_HUBS) {
        fprintf(file, "%s { id = \"%s\"; name = \"%s\"; easting = %d; northing = %d; areas = [ %s ];", i ? ",\n" : "",
                city[i].id, city[i].id, city[i].easting, city[i].northing, city[i].areas);
    } else {
        fprintf(file, ",\n { id = \"hub-%u\"; name = \"Hub %u\"; areas = [ \"town-%u\" ]; ", i, i, i);
        write_position(file, options, i);
    }
    fprintf(file,
            " tier = \"targeted\"; hours = [ \"mon-fri 09:00-17:00\" ];\n  services = (\n"
            "   { id = \"friends\"; needs = [ \"befriending\" ]; places = %d; },\n"
            "   { id = \"advice\"; needs = [ \"advice-and-information\", \"debt-advice\" ]; places = %d; },\n"
            "   { id = \"groups\"; needs = [ \"social-activity\", \"peer-support\" ]; places = %d; },\n"
            "   { id = \"relief\"; needs = [ \"food\", \"medicines\" ]; places = %d; emergency_only = true; } ); }",
            MANY, MANY, MANY, MANY);
}

static void write_towns(FILE *file, const struct rig_options *options)
{
    write_rules(file, options);
    write_neighbourhoods(file, options);
    fprintf(file, "hubs = (\n");
    for (unsigned i = 0; i < options->hubs; i++)
        write_hub(file, options, i);
    fprintf(file, ");\nsenders = ( { id = \"sender\"; name = \"Sender\"; kind = \"gp_link_worker\"; } );\n");
}

void rig_network_write(FILE *file, const struct rig_options *options)
{
    if (options->network == RIG_PLYMOUTH)
        write_plymouth(file, options);
    else
        write_towns(file, options);
}

const char *rig_network_sender(const struct rig_options *options)
{
    return options->network == RIG_PLYMOUTH ? "social-prescribing" : "sender";
}

unsigned rig_network_hubs(const struct rig_options *options, const char *hubs[RIG_HUBS_MAX])
{
    unsigned count = options->network == RIG_PLYMOUTH ? PLYMOUTH_HUBS : CITY_HUBS;

    for (unsigned i = 0; i < count; i++)
        hubs[i] = options->network == RIG_PLYMOUTH ? plymouth_hubs[i] : city[i].id;
    return count;
}

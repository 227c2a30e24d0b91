/* SPDX-License-Identifier: MIT
 * A network file, as an operator writes it or sends it as a draft: it is refused with a line and a sentence, or it is a
 * network by which people are routed. Nothing may crash, and what is accepted keeps its own limits. */
#include <string.h>

#include "daemon/core/route.h"
#include "daemon/io/network_file.h"
#include "tests/fuzz/fuzz.h"

enum { NOW_DAY = 20759 }; /* 2026-11-02 */

static void route_somebody(const struct network *network, const uint8_t *data, size_t size)
{
    struct profile profile = {.tier = TIER_TARGETED, .priority = PRIORITY_ROUTINE, .age = size ? data[size / 2] : 40};
    struct places *places = calloc(network->services_count + 1, sizeof *places);
    struct cover *covers = calloc(network->hubs_count + 1, sizeof *covers);
    static struct plan plan;

    REQUIRE(places && covers);
    for (uint32_t i = 0; i < network->services_count; i++)
        places[i].total = network->services[i].places;
    profile.need = NEED_FOOD;
    profile.needs = NEED_BIT(NEED_FOOD) | NEED_BIT(NEED_BEFRIENDING);
    profile.neighbourhood = network->neighbourhoods_count ? 0 : NEIGHBOURHOOD_NONE;
    struct question question = {
        .profile = &profile, .needs = profile.needs, .now = hours_midnight(NOW_DAY) + 36000000, .places = places};
    route_plan(network, &question, covers, &plan);
    REQUIRE(plan.shares_count <= 2);
    free(covers);
    free(places);
}

static void look_at_hours(const struct network *network)
{
    int64_t now = hours_midnight(NOW_DAY);

    for (uint32_t i = 0; i < network->hubs_count; i++) {
        struct calendar calendar = network_hub_calendar(network, &network->hubs[i]);
        REQUIRE(calendar_after(&calendar, now, 90061000) >= now);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config_faults faults;
    char *text = malloc(size + 1);

    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = '\0';
    faults.count = 0;
    struct network *network = network_parse("fuzz", text, size, &faults);
    REQUIRE((network != NULL) == (faults.count == 0));
    if (network) {
        for (uint32_t i = 0; i < network->hubs_count; i++)
            network->hubs[i].party = i + 1;
        network_index(network);
        route_somebody(network, data, size);
        look_at_hours(network);
    }
    network_free(&network);
    free(text);
    return 0;
}

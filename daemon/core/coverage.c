/* SPDX-License-Identifier: MIT
 * coverage: see coverage.h. */
#include "daemon/core/coverage.h"

#include <assert.h>
#include <string.h>

uint64_t coverage_needs(const struct network *network)
{
    uint64_t needs = 0;

    for (uint32_t row = 0; row < network->services_count; row++)
        needs |= network->services[row].needs;
    return needs;
}

static void note_age(bool begins[COVERAGE_AGE_MAX + 2], uint64_t age)
{
    if (age <= COVERAGE_AGE_MAX)
        begins[age] = true;
}

static void note_ages(const struct network *network, bool begins[COVERAGE_AGE_MAX + 2])
{
    for (uint32_t row = 0; row < network->services_count; row++) {
        note_age(begins, network->services[row].age_from);
        if (network->services[row].age_to)
            note_age(begins, (uint64_t)network->services[row].age_to + 1);
    }
    for (uint32_t i = 0; i < network->conditions_count; i++) {
        const struct condition *condition = &network->conditions[i];
        if (condition->fact == FACT_AGE) /* at least, or at most */
            note_age(begins, (uint64_t)condition->number + (condition->test == TEST_AT_MOST));
    }
}

void coverage_bands(const struct network *network, const struct network *other, struct coverage_bands *bands)
{
    bool begins[COVERAGE_AGE_MAX + 2] = {true};

    note_ages(network, begins);
    if (other)
        note_ages(other, begins);
    bands->count = 0;
    for (int age = 0; age <= COVERAGE_AGE_MAX; age++)
        if (begins[age])
            bands->from[bands->count++] = (uint8_t)age;
}

static char *write_number(char *out, unsigned number)
{
    if (number >= 100)
        *out++ = (char)('0' + number / 100);
    if (number >= 10)
        *out++ = (char)('0' + number / 10 % 10);
    *out++ = (char)('0' + number % 10);
    return out;
}

void coverage_band_write(const struct coverage_bands *bands, uint8_t band, char out[COVERAGE_BAND_BYTES])
{
    static const char all[COVERAGE_BAND_BYTES] = "all ages";

    assert(band < bands->count);
    if (bands->count == 1) {
        memcpy(out, all, sizeof all);
        return;
    }
    out = write_number(out, bands->from[band]);
    if (band + 1 == bands->count) {
        *out++ = '+';
    } else if (bands->from[band + 1] - 1 > bands->from[band]) {
        *out++ = '-';
        out = write_number(out, bands->from[band + 1] - 1u);
    }
    *out = '\0';
}

struct profile coverage_person(const struct network *network, enum need need)
{
    struct profile person = {.need = need,
                             .needs = NEED_BIT(need),
                             .tier = TIER_TARGETED,
                             .priority = PRIORITY_ROUTINE,
                             .gender = GENDER_NOT_STATED,
                             .source = SOURCE_GP_LINK_WORKER};
    uint64_t genders = 0, sources = 0;
    bool any = false, only_carers = true, only_genders = true, only_sources = true;

    for (uint32_t i = network->by_need_first[need]; i < network->by_need_first[need + 1]; i++) {
        const struct service *service = &network->services[network->by_need[i]];
        if (network->hubs[service->hub].tier == TIER_UNIVERSAL) /* people are told to go there, and not referred */
            continue;
        any = true;
        only_carers = only_carers && service->carers_only;
        only_genders = only_genders && service->genders && !(service->genders & CODE_BIT(GENDER_NOT_STATED));
        only_sources = only_sources && service->sources && !(service->sources & CODE_BIT(SOURCE_GP_LINK_WORKER));
        genders |= service->genders;
        sources |= service->sources;
    }
    person.is_carer = any && only_carers;
    if (any && only_genders)
        person.gender = (enum gender)__builtin_ctzll(genders);
    if (any && only_sources)
        person.source = (enum referral_source)__builtin_ctzll(sources);
    return person;
}

enum unmet_cause coverage_judge(const struct network *network, const struct places *places,
                                const struct profile *person, enum need need, int64_t now)
{
    const struct question question = {.profile = person, .needs = NEED_BIT(need), .now = now, .places = places};
    enum rule farthest = RULE_NO_SERVICE;
    uint32_t judged = UINT32_MAX;
    bool offered = false;

    for (uint32_t i = network->by_need_first[need]; i < network->by_need_first[need + 1]; i++) {
        uint32_t hub = network->services[network->by_need[i]].hub;
        struct verdict verdict;
        if (hub == judged)
            continue;
        judged = hub;
        route_judge(network, &question, hub, need, &verdict);
        if (verdict.rule == RULE_NONE_FAILED)
            return (enum unmet_cause)0;
        if (!offered || rule_rank(verdict.rule) > rule_rank(farthest))
            farthest = verdict.rule;
        offered = true;
    }
    return rule_cause(farthest);
}

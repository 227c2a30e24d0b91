/* SPDX-License-Identifier: MIT
 * study_changes: what a draft of the network changes, and what it leaves without a hub. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/coverage.h"
#include "daemon/differences.h"
#include "daemon/io/network_file.h"
#include "daemon/profile.h"
#include "daemon/study_inside.h"

/* ---- open referrals that a hub or a service concerns ---- */

/* Hubs and services of both networks under one number each: as in the network in force, and what only the draft has
 * after those. */
struct concern {
    const struct network *before, *after;
    uint32_t *hubs; /* counts */
    uint32_t *rows;
    uint32_t *neighbourhoods; /* of the network in force */
    uint64_t *hub_seen;       /* the referral that was counted last */
    uint64_t *row_seen;
    struct places *no_places; /* enough for either network */
};

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    assert(memory);
    return memory;
}

static void open_concern(struct concern *concern, const struct network *before, const struct network *after)
{
    size_t hubs = (size_t)before->hubs_count + after->hubs_count;
    size_t rows = (size_t)before->services_count + after->services_count;

    *concern =
        (struct concern){.before = before,
                         .after = after,
                         .hubs = zeroed(hubs, sizeof concern->hubs[0]),
                         .rows = zeroed(rows, sizeof concern->rows[0]),
                         .neighbourhoods = zeroed(before->neighbourhoods_count, sizeof concern->neighbourhoods[0]),
                         .hub_seen = zeroed(hubs, sizeof concern->hub_seen[0]),
                         .row_seen = zeroed(rows, sizeof concern->row_seen[0]),
                         .no_places = zeroed(rows, sizeof concern->no_places[0])};
}

static void close_concern(struct concern *concern)
{
    free(concern->hubs);
    free(concern->rows);
    free(concern->neighbourhoods);
    free(concern->hub_seen);
    free(concern->row_seen);
    free(concern->no_places);
}

static uint32_t hub_of_both(const struct concern *concern, const struct network *network, uint32_t hub)
{
    int before = network_find_hub(concern->before, network->hubs[hub].party);

    return before >= 0 ? (uint32_t)before : concern->before->hubs_count + hub;
}

static uint32_t row_of_both(const struct concern *concern, const struct network *network, uint32_t row)
{
    const struct service *service = &network->services[row];
    int before = network_find_service(concern->before, network->hubs[service->hub].party, service->number);

    return before >= 0 ? (uint32_t)before : concern->before->services_count + row;
}

static void count_hub(struct concern *concern, const struct network *network, uint32_t hub, uint64_t number)
{
    uint32_t at = hub_of_both(concern, network, hub);

    concern->hubs[at] += concern->hub_seen[at] != number;
    concern->hub_seen[at] = number;
}

static void count_row(struct concern *concern, const struct network *network, uint32_t row, uint64_t number)
{
    uint32_t at = row_of_both(concern, network, row);

    concern->rows[at] += concern->row_seen[at] != number;
    concern->row_seen[at] = number;
    count_hub(concern, network, network->services[row].hub, number);
}

/* It is at a hub, or asked of one. */
static void count_offers(struct concern *concern, const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->offers_count; i++) {
        const struct offer *offer = &referral->offers[i];
        int hub = network_find_hub(concern->before, offer->hub);
        if (!offer_holds_place(offer) || hub < 0)
            continue;
        count_hub(concern, concern->before, (uint32_t)hub, referral->number);
        for (uint8_t j = 0; j < offer->services_count; j++) {
            int row = network_find_service(concern->before, offer->hub, offer->services[j]);
            if (row >= 0)
                count_row(concern, concern->before, (uint32_t)row, referral->number);
        }
    }
}

/* It waits for what the service gives, when it has room. */
static void count_waiting(struct concern *concern, const struct network *network, const struct referral *referral,
                          enum need need, int64_t now)
{
    struct referral settled = *referral;
    const struct question question = {.profile = &settled.profile,
                                      .needs = NEED_BIT(need),
                                      .sender = referral->sender,
                                      .offers = referral->offers,
                                      .offers_count = referral->offers_count,
                                      .now = now,
                                      .places = concern->no_places};
    uint32_t judged = UINT32_MAX;

    profile_settle(network, &settled);
    for (uint32_t i = network->by_need_first[need]; i < network->by_need_first[need + 1]; i++) {
        uint32_t hub = network->services[network->by_need[i]].hub;
        struct verdict verdict;
        if (hub == judged)
            continue;
        judged = hub;
        route_judge(network, &question, hub, need, &verdict);
        if (rule_waits(verdict.rule))
            count_row(concern, network, (uint32_t)verdict.service, referral->number);
    }
}

static void count_referral(struct concern *concern, const struct referral *referral, int64_t now)
{
    uint16_t neighbourhood = referral->profile.neighbourhood;

    if (neighbourhood != NEIGHBOURHOOD_NONE)
        concern->neighbourhoods[neighbourhood]++;
    count_offers(concern, referral);
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        if (!part_waits(&referral->parts[i]))
            continue;
        enum need need = (enum need)__builtin_ctzll(referral->parts[i].needs);
        count_waiting(concern, concern->before, referral, need, now);
        count_waiting(concern, concern->after, referral, need, now);
    }
}

static void count_open(struct study *study, struct concern *concern)
{
    struct referral referral;

    study_begin_reading(study);
    for (uint64_t number = 1; study_next_referral(study, &number, &referral); number++)
        if (referral_is_open(&referral))
            count_referral(concern, &referral, study->reader->now);
    study_end_reading(study);
}

/* -1: it is not said. */
static int64_t affected(const struct concern *concern, const struct difference *difference)
{
    if (difference->subject == SUBJECT_SERVICE)
        return concern
            ->rows[difference->row_before >= 0 ? row_of_both(concern, concern->before, (uint32_t)difference->row_before)
                                               : row_of_both(concern, concern->after, (uint32_t)difference->row_after)];
    if (difference->subject == SUBJECT_HUB)
        return concern
            ->hubs[difference->hub_before >= 0 ? hub_of_both(concern, concern->before, (uint32_t)difference->hub_before)
                                               : hub_of_both(concern, concern->after, (uint32_t)difference->hub_after)];
    if (difference->subject == SUBJECT_NEIGHBOURHOOD && difference->change != CHANGE_ADDED) {
        int found = network_find_neighbourhood(concern->before, difference->item, strlen(difference->item));
        return found < 0 ? -1 : (int64_t)concern->neighbourhoods[found];
    }
    return -1;
}

struct telling {
    struct study *study;
    const struct concern *concern;
    int64_t rows;
};

static void send_difference(void *argument, const struct difference *difference)
{
    struct telling *telling = argument;
    struct reader *reader = telling->study->reader;
    int64_t count = affected(telling->concern, difference);

    if (telling->rows == STUDY_ROWS_MAX)
        return;
    answer_begin(reader, MESSAGE_difference);
    answer_set(reader, FIELD_subject, difference->subject);
    answer_set_string(reader, FIELD_item, difference->item);
    answer_set(reader, FIELD_change, difference->change);
    answer_set_string(reader, FIELD_setting, difference->setting);
    answer_set_string(reader, FIELD_before, difference->before);
    answer_set_string(reader, FIELD_after, difference->after);
    if (count >= 0)
        answer_set(reader, FIELD_affected, count);
    answer_send(reader);
    telling->rows++;
}

void study_diff(struct study *study)
{
    struct network *draft = study_take_draft(study);
    struct concern concern;

    if (!draft)
        return;
    struct telling telling = {.study = study, .concern = &concern};
    open_concern(&concern, study->reader->network, draft);
    count_open(study, &concern);
    differences_find(study->reader->network, draft, send_difference, &telling);
    answer_end(study->reader, telling.rows, "");
    close_concern(&concern);
    network_free(&draft);
}

/* ---- coverage ---- */

struct hole {
    uint16_t neighbourhood; /* in the network that is looked at; of one that the draft drops: in the one in force */
    uint8_t need, band, cause;
    bool is_new, is_dropped;
};

struct covering {
    struct study *study;
    const struct network *network;
    const struct network *in_force; /* NULL: that is what is looked at */
    struct places *places;          /* as in the file, none used */
    struct places *places_in_force;
    struct coverage_bands bands;
    struct hole *holes; /* the first STUDY_ROWS_MAX new ones, and as many of the others */
    uint32_t kept[2];
    uint32_t new_holes;
};

static struct places *empty_places(const struct network *network)
{
    struct places *places = zeroed(network->services_count, sizeof places[0]);

    for (uint32_t row = 0; row < network->services_count; row++)
        places[row].total = places[row].in_file = network->services[row].places;
    return places;
}

static void keep_hole(struct covering *covering, struct hole hole)
{
    covering->new_holes += hole.is_new;
    if (covering->kept[hole.is_new] < STUDY_ROWS_MAX)
        covering->holes[(hole.is_new ? 0 : STUDY_ROWS_MAX) + covering->kept[hole.is_new]++] = hole;
}

static enum unmet_cause judge(const struct network *network, const struct places *places, struct profile person,
                              uint32_t neighbourhood, int64_t now)
{
    person.neighbourhood = (uint16_t)neighbourhood;
    person.locality = LOCALITY_STATED;
    person.position = network->neighbourhoods[neighbourhood].centre;
    return coverage_judge(network, places, &person, person.need, now);
}

/* The same person in both networks: the one whom the network in force has services for. */
static struct profile person_for(const struct covering *covering, enum need need)
{
    const struct network *in_force = covering->in_force;
    bool offered = in_force && in_force->by_need_first[need] < in_force->by_need_first[need + 1];

    return coverage_person(offered ? in_force : covering->network, need);
}

/* Every band of one need in one neighbourhood. before: the same neighbourhood in the network in force, -1: none. */
static void cover_need(struct covering *covering, uint32_t neighbourhood, int before, enum need need)
{
    int64_t now = covering->study->reader->now;
    struct profile person = person_for(covering, need);

    for (uint8_t band = 0; band < covering->bands.count; band++) {
        person.age = covering->bands.from[band];
        enum unmet_cause cause = judge(covering->network, covering->places, person, neighbourhood, now);
        if (!cause)
            continue;
        bool is_new =
            before >= 0 && !judge(covering->in_force, covering->places_in_force, person, (uint32_t)before, now);
        keep_hole(covering, (struct hole){(uint16_t)neighbourhood, (uint8_t)need, band, (uint8_t)cause, is_new, false});
    }
}

/* A neighbourhood that the draft drops: whoever had a hub there has none. */
static void cover_dropped(struct covering *covering, uint32_t neighbourhood, enum need need)
{
    int64_t now = covering->study->reader->now;
    struct profile person = person_for(covering, need);

    for (uint8_t band = 0; band < covering->bands.count; band++) {
        person.age = covering->bands.from[band];
        if (!judge(covering->in_force, covering->places_in_force, person, neighbourhood, now))
            keep_hole(covering, (struct hole){(uint16_t)neighbourhood, (uint8_t)need, band, CAUSE_TOO_FAR, true, true});
    }
}

static int find_in(const struct network *network, const struct network *from, uint32_t neighbourhood)
{
    const char *code = from->neighbourhoods[neighbourhood].code;

    return network ? network_find_neighbourhood(network, code, strlen(code)) : -1;
}

static void cover_all(struct covering *covering)
{
    const struct network *network = covering->network, *in_force = covering->in_force;
    uint64_t needs = coverage_needs(network) | (in_force ? coverage_needs(in_force) : 0);
    const struct study *study = covering->study;

    for (uint32_t i = 0; i < network->neighbourhoods_count && !study_is_stopping(study); i++)
        for (int need = 1; need < NETWORK_NEEDS; need++)
            if (needs & NEED_BIT(need))
                cover_need(covering, i, find_in(in_force, network, i), (enum need)need);
    for (uint32_t i = 0; in_force && i < in_force->neighbourhoods_count && !study_is_stopping(study); i++)
        for (int need = 1; need < NETWORK_NEEDS && find_in(network, in_force, i) < 0; need++)
            if (needs & NEED_BIT(need))
                cover_dropped(covering, i, (enum need)need);
}

static void send_hole(const struct covering *covering, const struct hole *hole)
{
    struct reader *reader = covering->study->reader;
    const struct network *network = hole->is_dropped ? covering->in_force : covering->network;
    const struct neighbourhood *neighbourhood = &network->neighbourhoods[hole->neighbourhood];
    char band[COVERAGE_BAND_BYTES];

    coverage_band_write(&covering->bands, hole->band, band);
    answer_begin(reader, MESSAGE_hole);
    answer_set_string(reader, FIELD_neighbourhood_code, neighbourhood->code);
    answer_set_string(reader, FIELD_neighbourhood_name, neighbourhood->name);
    answer_set(reader, FIELD_need, hole->need);
    answer_set_string(reader, FIELD_age_band, band);
    answer_set(reader, FIELD_cause, hole->cause);
    if (covering->in_force)
        answer_set(reader, FIELD_is_new, hole->is_new);
    answer_send(reader);
}

/* The new ones first, as far as there is room. */
static void send_holes(const struct covering *covering)
{
    int64_t rows = 0;

    for (uint32_t i = 0; i < covering->kept[true]; i++, rows++)
        send_hole(covering, &covering->holes[i]);
    for (uint32_t i = 0; i < covering->kept[false] && rows < STUDY_ROWS_MAX; i++, rows++)
        send_hole(covering, &covering->holes[STUDY_ROWS_MAX + i]);
    answer_end(covering->study->reader, rows, "");
}

void study_coverage(struct study *study)
{
    struct reader *reader = study->reader;
    bool of_draft = message_has(reader->request->message, FIELD_draft);
    struct network *draft = of_draft ? study_take_draft(study) : NULL;

    if (of_draft && !draft)
        return;
    struct covering covering = {.study = study,
                                .network = draft ? draft : reader->network,
                                .in_force = draft ? reader->network : NULL,
                                .holes = zeroed((size_t)2 * STUDY_ROWS_MAX, sizeof covering.holes[0])};
    covering.places = empty_places(covering.network);
    covering.places_in_force = empty_places(reader->network);
    coverage_bands(covering.network, covering.in_force, &covering.bands);
    cover_all(&covering);
    if (draft && !study_is_stopping(study))
        shelf_compared(study->shelf, (uint32_t)message_number(reader->request->message, FIELD_draft),
                       reader->network->version, covering.new_holes);
    send_holes(&covering);
    free(covering.holes);
    free(covering.places);
    free(covering.places_in_force);
    network_free(&draft);
}

/* SPDX-License-Identifier: MIT
 * explain: why a referral is where it is. The decision is made once more from what was recorded, and compared. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/reader_inside.h"

/* The network as it was, with the edition of the postcodes then; *own is set when it is to be freed. */
static const struct network *network_of(struct reader *reader, uint32_t version, struct network **own)
{
    const struct network *now = turn_network(reader->turn);
    const size_t before_text = sizeof reader->edition;
    struct config_faults *faults = NULL;
    const void *sealed = NULL;
    size_t length = 0;

    *own = NULL;
    if (store_get(reader->store, reader->transaction, TABLE_NETWORK, version, &sealed, &length) != STORE_OK ||
        length < SEAL_OVERHEAD + before_text)
        return NULL;
    uint8_t *plain = malloc(length);
    faults = calloc(1, sizeof *faults);
    assert(plain && faults);
    bool good = unseal_bytes(reader->seal, TABLE_NETWORK, version, sealed, length, plain);
    if (good)
        memcpy(reader->edition, plain, before_text);
    if (good && version != now->version)
        *own = network_parse("stored network", (const char *)plain + before_text, length - SEAL_OVERHEAD - before_text,
                             faults);
    free(plain);
    free(faults);
    if (good && version == now->version)
        return now;
    if (!*own)
        return NULL;
    (*own)->version = version;
    for (uint32_t i = 0; i < (*own)->hubs_count; i++)
        (*own)->hubs[i].party = turn_party_number(reader->turn, (*own)->hubs[i].id);
    for (uint32_t i = 0; i < (*own)->senders_count; i++)
        (*own)->senders[i].party = turn_party_number(reader->turn, (*own)->senders[i].id);
    return *own;
}

/* The newest entry that decided something; false: none did. */
static bool newest_decision(struct reader *reader, const struct referral *referral, struct entry *entry)
{
    for (uint64_t at = referral->history; at; at = entry->previous)
        if (!reader_load_entry(reader, at, entry))
            return false;
        else if (entry->decision.made || entry->event == EVENT_SUBMITTED)
            return true;
    return false;
}

/* Free places as the decision saw them: recorded for each hub that met the other rules. */
static struct places *recorded_places(const struct network *network, const struct decision *decision)
{
    struct places *places = calloc(network->services_count + 1, sizeof places[0]);

    assert(places);
    for (uint8_t i = 0; i < decision->candidates_count; i++) {
        int hub = network_find_hub(network, decision->candidates[i].hub);
        for (uint32_t j = 0; hub >= 0 && j < network->hubs[hub].services_count; j++)
            places[network->hubs[hub].services_first + j].total = decision->candidates[i].places_free;
    }
    return places;
}

static bool comes_before(const struct network *network, const struct question *question, const struct verdict *a,
                         const struct verdict *b)
{
    enum comparison comparison;
    bool a_free = a->rule == RULE_NONE_FAILED;
    bool b_free = b->rule == RULE_NONE_FAILED;

    if (a_free != b_free)
        return a_free;
    return route_compare(network, question, a, b, &comparison) < 0;
}

static bool is_candidate(const struct verdict *verdict)
{
    return verdict->rule == RULE_NONE_FAILED || verdict->rule == RULE_FULL;
}

/* Place in the order of those who met the rules but, perhaps, a free place. */
static int64_t rank_of(const struct network *network, const struct question *question, const struct verdict *verdicts,
                       uint32_t hub)
{
    int64_t rank = 1;

    for (uint32_t i = 0; i < network->hubs_count; i++)
        if (i != hub && is_candidate(&verdicts[i]) && comes_before(network, question, &verdicts[i], &verdicts[hub]))
            rank++;
    return rank;
}

/* The texts of a set of codes, with commas. */
static void describe_codes(enum code_list list, uint64_t codes, char *out, size_t size)
{
    size_t length = 0;

    out[0] = 0;
    for (size_t i = 0; i < lists[list].count; i++)
        if (codes & CODE_BIT(lists[list].codes[i].number) && length < size)
            length += (size_t)snprintf(out + length, size - length, "%s%s", length ? ", " : "",
                                       list == LIST_gender ? lists[list].codes[i].meaning : lists[list].codes[i].text);
}

/* What the rule that failed asks for; nothing where the rule says it all. */
static void describe_needed(const struct network *network, const struct profile *profile, const struct verdict *verdict,
                            char *out, size_t size)
{
    const struct service *service = verdict->service < 0 ? NULL : &network->services[verdict->service];
    char codes[64];

    if (verdict->rule == RULE_TOO_FAR)
        snprintf(out, size, "at most %u m", profile->travel_m);
    if (!service)
        return;
    if (verdict->rule == RULE_TOO_YOUNG)
        snprintf(out, size, "age %u or more", service->age_from);
    if (verdict->rule == RULE_TOO_OLD)
        snprintf(out, size, "age %u or less", service->age_to);
    describe_codes(verdict->rule == RULE_GENDER ? LIST_gender : LIST_referral_source,
                   verdict->rule == RULE_GENDER ? service->genders : service->sources, codes, sizeof codes);
    if (verdict->rule == RULE_GENDER || verdict->rule == RULE_SENDER_KIND)
        snprintf(out, size, "%s", codes);
}

static void send_considered(struct reader *reader, const struct network *network, const struct question *question,
                            const struct verdict *verdicts, uint32_t hub, uint32_t chosen)
{
    const struct verdict *verdict = &verdicts[hub];

    answer_begin(reader, MESSAGE_considered);
    answer_set_string(reader, FIELD_hub_id, network->hubs[hub].id);
    answer_set_string(reader, FIELD_hub_name, network->hubs[hub].name);
    answer_set(reader, FIELD_rule, verdict->rule);
    answer_set(reader, FIELD_chosen, chosen != PARTY_NONE && network->hubs[hub].party == chosen);
    char needed[81] = "";
    describe_needed(network, question->profile, verdict, needed, sizeof needed);
    answer_set_string(reader, FIELD_needed, needed);
    if (verdict->service >= 0) {
        answer_set_string(reader, FIELD_service_id, network->services[verdict->service].id);
        answer_set_some(reader, FIELD_ring, verdict->ring);
    }
    if (verdict->distance_m)
        answer_set(reader, FIELD_distance_m, verdict->distance_m);
    if (is_candidate(verdict)) {
        answer_set(reader, FIELD_places_free, verdict->places_free);
        answer_set(reader, FIELD_rank, rank_of(network, question, verdicts, hub));
    }
    answer_send(reader);
}

static void send_decision(struct reader *reader, const struct referral *referral, const struct entry *entry,
                          uint32_t version, bool replayed)
{
    answer_begin(reader, MESSAGE_decision);
    answer_set(reader, FIELD_referral_id, (int64_t)referral->number);
    answer_set(reader, FIELD_at, entry->at);
    answer_set(reader, FIELD_priority, referral->profile.priority);
    if (reader_load_submit(reader, referral->number)) {
        message_copy(&reader->answer, &reader->submit, FIELD_needs);
    } else {
        struct value *need = message_set_list(&reader->answer, FIELD_needs, 1);
        need[MEMBER_code].present = true;
        need[MEMBER_code].number = referral->profile.need;
    }
    answer_set_place(reader, referral);
    answer_set(reader, FIELD_locality, referral->profile.locality);
    if (reader->request->role == ROLE_OPERATOR)
        answer_set_some(reader, FIELD_deprivation_decile, referral->profile.decile);
    answer_set(reader, FIELD_network_version, version);
    answer_set_string(reader, FIELD_postcode_edition, reader->edition);
    answer_set(reader, FIELD_event, entry->event);
    answer_set_some(reader, FIELD_status_reason, entry->status_reason);
    answer_set_some(reader, FIELD_comparison, entry->decision.comparison);
    if (entry->placed_offer)
        answer_set_party(reader, FIELD_hub_id, entry->hub, 0);
    answer_set(reader, FIELD_replayed, replayed);
    answer_send(reader);
}

static void explain_decision(struct reader *reader, const struct referral *referral, const struct entry *entry,
                             const struct network *network)
{
    struct places *places = recorded_places(network, &entry->decision);
    struct verdict *verdicts = calloc(network->hubs_count + 1, sizeof verdicts[0]);
    struct question question = {.profile = &referral->profile,
                                .sender = referral->sender,
                                .offers = referral->offers,
                                .offers_count = entry->decision.offers_before,
                                .day = entry->at / DAY_MS,
                                .places = places};
    uint32_t chosen = entry->placed_offer ? entry->hub : PARTY_NONE;
    struct route route;

    assert(verdicts);
    route_choose(network, &question, &route, verdicts);
    uint32_t again = route.service < 0 ? PARTY_NONE : network->hubs[route.chosen.hub].party;
    send_decision(reader, referral, entry, network->version, again == chosen);
    for (uint32_t i = 0; i < network->hubs_count; i++)
        send_considered(reader, network, &question, verdicts, i, chosen);
    answer_end(reader, (int64_t)network->hubs_count + 1, "");
    free(verdicts);
    free(places);
}

void explain_answer(struct reader *reader)
{
    struct referral referral;
    struct entry entry;
    struct network *own = NULL;

    if (!reader_named_referral(reader, &referral))
        return;
    if (reader->request->role != ROLE_OPERATOR && referral.sender != reader->party) {
        answer_refused(reader, REFUSAL_NOT_FOUND, "referral_id");
        return;
    }
    if (!newest_decision(reader, &referral, &entry)) {
        answer_refused(reader, REFUSAL_DAMAGED, "history");
        return;
    }
    if (!entry.decision.made) { /* held for a person before any hub was looked at */
        reader->edition[0] = 0;
        send_decision(reader, &referral, &entry, turn_network(reader->turn)->version, true);
        answer_end(reader, 1, "");
        return;
    }
    const struct network *network = network_of(reader, entry.decision.network_version, &own);
    if (network) {
        int found =
            network_find_neighbourhood(network, referral.neighbourhood_code, strlen(referral.neighbourhood_code));
        referral.profile.neighbourhood = found < 0 ? NEIGHBOURHOOD_NONE : (uint16_t)found;
        explain_decision(reader, &referral, &entry, network);
    } else {
        answer_refused(reader, REFUSAL_DAMAGED, "network_version");
    }
    network_free(&own);
}

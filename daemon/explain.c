/* SPDX-License-Identifier: MIT
 * explain: why a referral is where it is. The decision is made once more from what was recorded, and compared; or, for
 * a person who does not exist, it is made with the places of now. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/network_file.h"
#include "daemon/io/postcodes.h"
#include "daemon/profile.h"
#include "daemon/reader_inside.h"
#include "proto/check.h"

#define ROWS_MAX 10000 /* of one answer; in a network so large, hubs that offer nothing for a need are left out */
#define HOUR_MS INT64_C(3600000)

/* One decision to be explained. */
struct explained {
    struct reader *reader;
    const struct network *network;
    const struct referral *referral; /* as far as it exists */
    struct question question;
    const struct places *places_now; /* NULL: it is not of now */
    struct share asked[NEEDS_MAX];   /* who was asked: the hub of the verdict, and needs */
    uint8_t asked_count;
    enum comparison comparison;
    enum event event; /* 0: nothing has happened */
    enum status_reason reason;
    int64_t at;
    int64_t emergency_until;
    bool changed; /* since then: what is known of the person now is not what was known */
    bool replayed;
    int64_t rows;
};

/* ---- what a rule asks for ---- */

/* Writes texts one after the other as far as there is room. */
struct line {
    char *out;
    size_t size;
    size_t length;
};

static void write_line(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void write_line(struct line *line, const char *format, ...)
{
    va_list arguments;

    if (line->length >= line->size)
        return;
    va_start(arguments, format);
    line->length += (size_t)vsnprintf(line->out + line->length, line->size - line->length, format, arguments);
    va_end(arguments);
}

/* The texts of a set of codes, with commas. */
static void write_codes(struct line *line, enum code_list list, uint64_t codes)
{
    const char *comma = "";

    for (size_t i = 0; i < lists[list].count; i++) {
        const struct code_spec *code = &lists[list].codes[i];
        if (!(codes & CODE_BIT(code->number)))
            continue;
        write_line(line, "%s%s", comma, list == LIST_gender ? code->meaning : code->text);
        comma = ", ";
    }
}

static void write_day(struct line *line, const char *before, int64_t day)
{
    char text[11];

    date_format(day, text);
    write_line(line, "%s%s", before, text);
}

static void write_code(struct line *line, enum code_list list, int code)
{
    write_line(line, "; seen: %s", code_text(list, code));
}

static void need_open(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct hub *hub = &explained->network->hubs[verdict->hub];
    int64_t day = hours_day(explained->question.now);

    write_line(line, "an open hub");
    if (hub->opens_on > day)
        write_day(line, ", from ", hub->opens_on);
    if (hub->closes_on)
        write_day(line, ", until before ", hub->closes_on);
    write_code(line, LIST_hub_status, (int)hub_status_on(hub, day));
}

static void need_running(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct service *service = &explained->network->services[verdict->service];

    if (service->from_day)
        write_day(line, "from ", service->from_day);
    if (service->to_day)
        write_day(line, service->from_day ? " to " : "until ", service->to_day);
    write_day(line, "; seen: ", hours_day(explained->question.now));
}

static void need_tier(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    bool specialist = explained->question.profile->tier == TIER_SPECIALIST;

    write_line(line, "%s", specialist ? "specialist" : "targeted, specialist");
    write_code(line, LIST_tier, (int)explained->network->hubs[verdict->hub].tier);
}

static void need_sender(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    write_codes(line, LIST_referral_source, explained->network->services[verdict->service].sources);
    write_code(line, LIST_referral_source, (int)explained->question.profile->source);
}

static void need_older(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    write_line(line, "age %u or more; seen: %u", explained->network->services[verdict->service].age_from,
               explained->question.profile->age);
}

static void need_younger(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    write_line(line, "age %u or less; seen: %u", explained->network->services[verdict->service].age_to,
               explained->question.profile->age);
}

static void need_gender(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    write_codes(line, LIST_gender, explained->network->services[verdict->service].genders);
    write_line(line, "; seen: ");
    write_codes(line, LIST_gender, CODE_BIT(explained->question.profile->gender));
}

static void need_carer(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    (void)explained;
    (void)verdict;
    write_line(line, "a carer");
}

static void need_emergency(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    (void)explained;
    (void)verdict;
    write_line(line, "the emergency rules on");
}

static void need_area(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct nearness *nearness = route_nearness(explained->network, verdict->need, explained->question.emergency);

    if (nearness->ring_rank[RING_NEIGHBOUR])
        write_line(line, "in its areas, or within %u m", nearness->neighbour_distance_m);
    else
        write_line(line, "in its areas");
    if (verdict->distance_m)
        write_line(line, "; seen: %u m", verdict->distance_m);
}

static void need_distance(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    write_line(line, "at most %u m; seen: %u m", explained->question.profile->travel_m, verdict->distance_m);
}

static void need_place(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct service *service = &explained->network->services[verdict->service];
    const struct service *owner = &explained->network->services[service->owner];

    write_line(line, "a free place");
    if (owner != service)
        write_line(line, " of %s", owner->id);
    if (explained->places_now)
        write_line(line, "; seen: %u of %u taken", explained->places_now[service->owner].used,
                   explained->places_now[service->owner].total);
}

/* Its own limit, or that of the service whose places it shares. */
static void need_intake(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct service *service = &explained->network->services[verdict->service];
    const struct service *owner = &explained->network->services[service->owner];
    const struct service *limit = service->per_week ? service : owner;

    write_line(line, "fewer than %u this week", limit->per_week);
    if (explained->places_now)
        write_line(line, "; seen: %u", explained->places_now[limit - explained->network->services].taken_in_week);
}

static void need_fresh(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct network *network = explained->network;
    uint32_t owner = network->services[verdict->service].owner;

    write_line(line, "a figure at most %lld h old, or no offer open", (long long)(network->fresh_ms / HOUR_MS));
    if (explained->places_now) {
        int64_t age_ms = places_age_ms(network, &explained->places_now[owner], explained->question.now);
        write_line(line, "; seen: %lld h", (long long)(age_ms / HOUR_MS));
    }
}

static void need_pace(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    (void)verdict;
    write_line(line, "fewer than %u offers of this sender in a day", explained->network->pace);
}

/* How a fact of a condition is written: by the codes of a list, else as a number. */
static enum code_list list_of(enum fact fact)
{
    static const struct {
        enum fact fact;
        enum code_list list;
    } rows[] = {{FACT_RISKS, LIST_risk},
                {FACT_ADJUSTMENTS, LIST_adjustment},
                {FACT_PRIORITY, LIST_priority},
                {FACT_TRANSPORT, LIST_transport}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].fact == fact)
            return rows[i].list;
    return LIST_none;
}

/* The first condition that is not met. */
static void need_condition(struct line *line, const struct explained *explained, const struct verdict *verdict)
{
    const struct network *network = explained->network;
    const struct service *service = &network->services[verdict->service];
    const struct condition *condition = &network->conditions[service->conditions_first];
    uint32_t last = service->conditions_count - 1;

    while (last-- && route_condition_met(network, explained->question.profile, condition))
        condition++;
    enum code_list list = list_of(condition->fact);
    write_line(line, "%s %s ", code_text(LIST_fact, (int)condition->fact), code_text(LIST_test, (int)condition->test));
    if (list != LIST_none)
        write_codes(line, list, condition->codes);
    else if (condition->fact == FACT_PLUS_GROUPS)
        write_line(line, "the groups of the network file");
    else if (condition->test == TEST_IS)
        write_line(line, "%s", condition->number ? "true" : "false");
    else
        write_line(line, "%u", condition->number);
}

static const struct {
    enum rule rule;
    void (*write)(struct line *, const struct explained *, const struct verdict *);
    bool of_service;
} needed_texts[] = {
    {RULE_NOT_OPEN, need_open, false},
    {RULE_TIER, need_tier, false},
    {RULE_EMERGENCY_ONLY, need_emergency, true},
    {RULE_NOT_RUNNING, need_running, true},
    {RULE_SENDER_KIND, need_sender, true},
    {RULE_TOO_YOUNG, need_older, true},
    {RULE_TOO_OLD, need_younger, true},
    {RULE_GENDER, need_gender, true},
    {RULE_CARERS_ONLY, need_carer, true},
    {RULE_CONDITION, need_condition, true},
    {RULE_OUT_OF_AREA, need_area, true},
    {RULE_TOO_FAR, need_distance, true},
    {RULE_FULL, need_place, true},
    {RULE_INTAKE, need_intake, true},
    {RULE_ASK_FIRST, need_fresh, true},
    {RULE_PACE, need_pace, true},
};

/* What the rule that failed asks for, and what was seen; nothing where the rule says it all. */
static void describe_needed(const struct explained *explained, const struct verdict *verdict, char out[81])
{
    struct line line = {out, 81, 0};

    out[0] = '\0';
    for (size_t i = 0; i < sizeof needed_texts / sizeof needed_texts[0]; i++)
        if (needed_texts[i].rule == verdict->rule && (verdict->service >= 0 || !needed_texts[i].of_service))
            needed_texts[i].write(&line, explained, verdict);
}

/* ---- one hub ---- */

/* Who fails but one of the last rules stands in the order, behind those who fail none. */
static bool is_candidate(const struct verdict *verdict)
{
    return verdict->rule == RULE_NONE_FAILED || rule_waits(verdict->rule);
}

static int compare_candidates(const void *a, const void *b, void *argument)
{
    const struct explained *explained = argument;
    const struct verdict *left = a, *right = b;
    bool left_free = left->rule == RULE_NONE_FAILED;
    bool right_free = right->rule == RULE_NONE_FAILED;
    enum comparison comparison;

    if (left->hub == right->hub) /* a sort may compare an element with itself */
        return 0;
    if (left_free != right_free)
        return left_free ? -1 : 1;
    return route_compare(explained->network, &explained->question, left, right, &comparison);
}

static bool was_asked(const struct explained *explained, const struct verdict *verdict)
{
    for (uint8_t i = 0; i < explained->asked_count; i++)
        if (explained->asked[i].verdict.hub == verdict->hub && explained->asked[i].needs & NEED_BIT(verdict->need))
            return true;
    return false;
}

/* rank: place in the order of those who meet the rules but, perhaps, have no room; 0: it does not. */
static void send_considered(struct explained *explained, const struct verdict *verdict, int64_t rank)
{
    struct reader *reader = explained->reader;
    const struct network *network = explained->network;
    const struct hub *hub = &network->hubs[verdict->hub];
    char needed[81];

    answer_begin(reader, MESSAGE_considered);
    answer_set_string(reader, FIELD_hub_id, hub->id);
    answer_set_string(reader, FIELD_hub_name, hub_on(network, hub, hours_day(explained->question.now))->name);
    answer_set(reader, FIELD_need, verdict->need);
    answer_set(reader, FIELD_rule, verdict->rule);
    describe_needed(explained, verdict, needed);
    answer_set_string(reader, FIELD_needed, needed);
    answer_set(reader, FIELD_chosen, was_asked(explained, verdict));
    if (verdict->service >= 0) {
        const struct service *service = &network->services[verdict->service];
        answer_set_string(reader, FIELD_service_id, service->id);
        answer_set_some(reader, FIELD_stale, verdict->stale);
        if (explained->places_now)
            answer_set_some(reader, FIELD_places_stated_at, explained->places_now[service->owner].stated_at);
        answer_set_some(reader, FIELD_ring, verdict->ring);
    }
    answer_set_some(reader, FIELD_distance_m, verdict->distance_m);
    if (is_candidate(verdict))
        answer_set(reader, FIELD_places_free, verdict->places_free);
    answer_set_some(reader, FIELD_rank, rank);
    answer_send(reader);
    explained->rows++;
}

/* Every hub for one need: those who could help in their order, then the others in the order of the network. */
static void send_need(struct explained *explained, enum need need)
{
    const struct network *network = explained->network;
    bool leaves_out = (uint64_t)network->hubs_count * NEEDS_MAX > ROWS_MAX;
    struct verdict *verdicts = calloc(network->hubs_count + 1, sizeof verdicts[0]);
    struct verdict *candidates = calloc(network->hubs_count + 1, sizeof candidates[0]);
    size_t count = 0;

    assert(verdicts && candidates);
    for (uint32_t hub = 0; hub < network->hubs_count; hub++) {
        route_judge(network, &explained->question, hub, need, &verdicts[hub]);
        if (is_candidate(&verdicts[hub]))
            candidates[count++] = verdicts[hub];
    }
    qsort_r(candidates, count, sizeof candidates[0], compare_candidates, explained);
    for (size_t i = 0; i < count && explained->rows < ROWS_MAX; i++)
        send_considered(explained, &candidates[i], (int64_t)i + 1);
    for (uint32_t hub = 0; hub < network->hubs_count && explained->rows < ROWS_MAX; hub++)
        if (!is_candidate(&verdicts[hub]) && !(leaves_out && verdicts[hub].rule == RULE_NO_SERVICE))
            send_considered(explained, &verdicts[hub], 0);
    free(candidates);
    free(verdicts);
}

/* ---- the decision ---- */

/* As the sender wrote them, when that can still be read. */
static void set_needs(struct reader *reader, const struct referral *referral, uint64_t needs)
{
    if (referral->number && reader_load_submit(reader, referral->number) && needs == referral->profile.needs)
        message_copy(&reader->answer, &reader->submit, FIELD_needs);
    else
        answer_set_needs(reader, &referral->profile, needs);
}

/* The first, and all of them when they are several. */
static void set_asked(const struct explained *explained)
{
    struct message *answer = &explained->reader->answer;
    const struct hub *hubs = explained->network->hubs;
    struct value *ids;

    if (!explained->asked_count)
        return;
    message_set_string(answer, FIELD_hub_id, hubs[explained->asked[0].verdict.hub].id);
    ids = explained->asked_count > 1 ? message_set_list(answer, FIELD_hub_ids, explained->asked_count) : NULL;
    for (uint8_t i = 0; ids && i < explained->asked_count; i++) {
        const char *id = hubs[explained->asked[i].verdict.hub].id;
        ids[i] = (struct value){.present = true, .text = {id, (uint32_t)strlen(id)}};
    }
}

static void send_decision(struct explained *explained)
{
    struct reader *reader = explained->reader;
    const struct referral *referral = explained->referral;

    answer_begin(reader, MESSAGE_decision);
    answer_set_some(reader, FIELD_referral_id, (int64_t)referral->number);
    answer_set(reader, FIELD_at, explained->at);
    answer_set(reader, FIELD_priority, referral->profile.priority);
    set_needs(reader, referral, explained->question.needs);
    answer_set_place(reader, referral);
    answer_set(reader, FIELD_locality, referral->profile.locality);
    if (reader->request->role == ROLE_OPERATOR)
        answer_set_some(reader, FIELD_deprivation_decile, referral->profile.decile);
    answer_set(reader, FIELD_network_version, explained->network->version);
    answer_set_string(reader, FIELD_postcode_edition, reader->edition);
    answer_set_some(reader, FIELD_emergency_until, explained->emergency_until);
    answer_set_some(reader, FIELD_event, explained->event);
    answer_set_some(reader, FIELD_status_reason, explained->reason);
    answer_set_some(reader, FIELD_comparison, explained->comparison);
    set_asked(explained);
    answer_set(reader, FIELD_replayed, explained->replayed);
    answer_send(reader);
    explained->rows++;
}

static void send_explained(struct explained *explained, bool with_hubs)
{
    send_decision(explained);
    for (int need = 1; with_hubs && need < NETWORK_NEEDS; need++)
        if (explained->question.needs & NEED_BIT(need))
            send_need(explained, (enum need)need);
    answer_end(explained->reader, explained->rows, "");
}

/* ---- of a referral ---- */

/* The network as it was, with the edition of the postcodes then; *own is set when it is to be freed. */
static const struct network *network_of(struct reader *reader, uint32_t version, struct network **own)
{
    struct network_record record;
    size_t length = 0;
    char *text = reader_network_text(reader, version, &record, &length);
    struct config_faults *faults;

    *own = NULL;
    if (!text)
        return NULL;
    memcpy(reader->edition, record.edition, sizeof reader->edition);
    if (version == reader->network->version) {
        free(text);
        return reader->network;
    }
    faults = calloc(1, sizeof *faults);
    assert(faults);
    *own = network_parse("stored network", text, length, faults);
    free(text);
    free(faults);
    if (!*own)
        return NULL;
    (*own)->version = version;
    (*own)->applied_at = record.applied_at;
    for (uint32_t i = 0; i < (*own)->hubs_count; i++)
        (*own)->hubs[i].party = turn_party_number(reader->turn, (*own)->hubs[i].id);
    for (uint32_t i = 0; i < (*own)->senders_count; i++)
        (*own)->senders[i].party = turn_party_number(reader->turn, (*own)->senders[i].id);
    network_index(*own);
    return *own;
}

/* Where the referral is follows from the entry: by the rules, or because an operator said so. */
static bool has_decided(const struct entry *entry)
{
    switch (entry->event) {
    case EVENT_SUBMITTED:
    case EVENT_SIGNPOSTED:
    case EVENT_PLACED:
    case EVENT_TURNED_AWAY:
        return true;
    case EVENT_HELD:
    case EVENT_CONSENT_EXPIRED:
        return entry->decision.made || entry->state == STATE_ON_HOLD;
    default:
        return entry->decision.made;
    }
}

/* The newest entry that decided something; false: none did. *changed: what rules look at has changed since. */
static bool newest_decision(struct reader *reader, const struct referral *referral, struct entry *entry, bool *changed)
{
    *changed = false;
    for (uint64_t at = referral->history; at; at = entry->previous) {
        if (!reader_load_entry(reader, at, entry))
            return false;
        if (has_decided(entry))
            return true;
        *changed = *changed || entry->event == EVENT_UPDATED || entry->event == EVENT_PRIORITISED ||
                   entry->event == EVENT_RELEASED;
    }
    return false;
}

/* The hubs that the entry's offers went to, by their indices in the network of then. */
static void take_asked(struct explained *explained, const struct entry *entry)
{
    const struct referral *referral = explained->referral;

    for (uint8_t i = 0; i < entry->placed_count; i++) {
        const struct offer *offer = &referral->offers[entry->placed_first + i - 1];
        int hub = network_find_hub(explained->network, offer->hub);
        assert((hub >= 0 || !entry->decision.made) && explained->asked_count < NEEDS_MAX);
        if (hub < 0) /* a person chose it, and it has left the network since */
            continue;
        explained->asked[explained->asked_count++] =
            (struct share){.needs = offer->needs, .verdict.hub = (uint32_t)hub};
    }
}

/* Whether deciding once more asks the same hubs about the same needs. */
static bool replay(const struct explained *explained)
{
    struct cover *covers = calloc(explained->network->hubs_count + 1, sizeof covers[0]);
    struct plan *plan = calloc(1, sizeof *plan);
    bool same;

    assert(covers && plan);
    route_plan(explained->network, &explained->question, covers, plan);
    same = plan->shares_count == explained->asked_count;
    for (uint8_t i = 0; same && i < plan->shares_count; i++)
        same = plan->shares[i].verdict.hub == explained->asked[i].verdict.hub &&
               plan->shares[i].needs == explained->asked[i].needs;
    free(plan);
    free(covers);
    return same;
}

static void explain_entry(struct explained *explained, const struct entry *entry)
{
    const struct decision *decision = &entry->decision;
    struct places *none = calloc(explained->network->services_count + 1, sizeof none[0]);

    assert(none);
    explained->question.needs = decision->made ? decision->needs : explained->referral->profile.needs;
    explained->question.offers = explained->referral->offers;
    explained->question.offers_count = decision->offers_before;
    explained->question.now = entry->at;
    explained->question.emergency = decision->emergency;
    explained->question.places = none;
    explained->question.recorded = decision->candidates;
    explained->question.recorded_count = decision->candidates_count;
    explained->comparison = decision->comparison;
    explained->event = entry->event;
    explained->reason = entry->status_reason;
    explained->at = entry->at;
    if (decision->emergency) {
        int64_t until = turn_emergency_until(explained->reader->turn);
        explained->emergency_until = until > entry->at ? until : entry->at;
    }
    take_asked(explained, entry);
    /* When too little is known of then to decide anew, it is told what was decided, and not why. */
    bool erased = explained->referral->erased;
    explained->replayed = !decision->made || (!erased && replay(explained));
    send_explained(explained, decision->made && !erased && (explained->replayed || !explained->changed));
    free(none);
}

void explain_answer(struct reader *reader)
{
    struct explained explained = {.reader = reader, .network = reader->network};
    struct referral referral;
    struct entry entry;
    struct network *own = NULL;

    if (!reader_named_referral(reader, &referral))
        return;
    if (!reader_sees_all(reader, &referral)) {
        answer_refused(reader, REFUSAL_NOT_FOUND, "referral_id");
        return;
    }
    if (!newest_decision(reader, &referral, &entry, &explained.changed)) {
        answer_refused(reader, REFUSAL_DAMAGED, "history");
        return;
    }
    reader->edition[0] = '\0';
    if (entry.decision.made) /* else it was held for a person, or signposted, before any hub was asked */
        explained.network = network_of(reader, entry.decision.network_version, &own);
    if (explained.network) {
        profile_settle(explained.network, &referral);
        explained.referral = &referral;
        explained.question.profile = &referral.profile;
        explained.question.sender = referral.sender;
        explain_entry(&explained, &entry);
    } else {
        answer_refused(reader, REFUSAL_DAMAGED, "network_version");
    }
    network_free(&own);
}

/* ---- of a person who does not exist ---- */

static bool find_place(struct reader *reader, struct place *place)
{
    struct text postcode = message_text(reader->request->message, FIELD_postcode);

    *place = (struct place){.locality = LOCALITY_UNKNOWN};
    if (!postcode.length)
        return true;
    enum store_result result = postcodes_find(reader->store, reader->transaction, postcode, place);
    return result == STORE_OK || result == STORE_NOT_FOUND;
}

/* A wish must name something that exists, as in a submit. */
static const char *unknown_hub(const struct network *network, const struct message *message)
{
    static const enum field wishes[] = {FIELD_preferred_hub_id, FIELD_contact_hub_id};

    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++)
        if (message_has(message, wishes[i]) && profile_hub(network, message_text(message, wishes[i])) == PARTY_NONE)
            return fields[wishes[i]].name;
    for (size_t i = 0; i < message_list_count(message, FIELD_excluded_hub_ids); i++)
        if (profile_hub(network, message_element(message, FIELD_excluded_hub_ids, i)->text) == PARTY_NONE)
            return "excluded_hub_ids";
    return NULL;
}

/* Where the plan puts the person: at hubs, in the waiting list, or before a person. */
static void take_plan(struct explained *explained, const struct plan *plan)
{
    const struct profile *profile = explained->question.profile;

    explained->asked_count = plan->shares_count;
    memcpy(explained->asked, plan->shares, sizeof plan->shares);
    explained->comparison = plan->shares_count ? plan->shares[0].comparison : 0;
    if (plan->unmet)
        explained->reason = profile->locality == LOCALITY_UNKNOWN ? REASON_UNKNOWN_LOCALITY : REASON_NO_HUB;
    else if (plan->waiting)
        explained->reason = REASON_ALL_FULL;
}

/* True: information is enough, and there are places to go to, which have been told. */
static bool signpost(struct explained *explained)
{
    struct verdict signposts[SIGNPOSTS_MAX];
    uint8_t count = route_signpost(explained->network, &explained->question, signposts);

    if (!count)
        return false;
    explained->event = EVENT_SIGNPOSTED;
    send_decision(explained);
    for (uint8_t i = 0; i < count; i++) {
        explained->asked[0] = (struct share){.needs = UINT64_MAX, .verdict = signposts[i]};
        explained->asked_count = 1;
        send_considered(explained, &signposts[i], i + 1);
    }
    answer_end(explained->reader, explained->rows, "");
    return true;
}

static void explain_plan(struct explained *explained)
{
    struct cover *covers = calloc(explained->network->hubs_count + 1, sizeof covers[0]);
    struct plan *plan = calloc(1, sizeof *plan);

    assert(covers && plan);
    route_plan(explained->network, &explained->question, covers, plan);
    take_plan(explained, plan);
    send_explained(explained, true);
    free(plan);
    free(covers);
}

/* Who lives outside of the network's area is held for a person; what the hubs would say is shown all the same. */
static void explain_person(struct explained *explained, struct referral *referral)
{
    struct profile *profile = &referral->profile;

    explained->referral = referral;
    explained->question.profile = profile;
    explained->question.needs = profile->needs;
    if (profile->tier == TIER_UNIVERSAL && signpost(explained))
        return;
    if (profile->tier == TIER_UNIVERSAL)
        profile->tier = TIER_TARGETED; /* no wrong door */
    if (profile_is_outside(profile)) {
        explained->reason = REASON_OUTSIDE;
        send_explained(explained, true);
    } else {
        explain_plan(explained);
    }
}

void explain_profile(struct reader *reader)
{
    const struct message *message = reader->request->message;
    struct places *places = turn_copy_places(reader->turn, reader->network);
    int64_t emergency_until = turn_emergency_until(reader->turn);
    const char *unknown = unknown_hub(reader->network, message);
    struct referral referral = {0};
    struct place place;

    if (unknown) {
        answer_refused(reader, REFUSAL_NOT_FOUND, unknown);
    } else if (!places || !find_place(reader, &place)) {
        answer_refused(reader, REFUSAL_BUSY, "");
    } else {
        struct explained explained = {
            .reader = reader,
            .network = reader->network,
            .places_now = places,
            .at = reader->now,
            .emergency_until = emergency_until,
            .replayed = true,
            .question = {.now = reader->now, .emergency = emergency_until > reader->now, .places = places}};
        profile_from_message(reader->network, &place, message, hours_day(reader->now), &referral);
        postcodes_edition(reader->store, reader->transaction, reader->edition);
        explain_person(&explained, &referral);
    }
    free(places);
}

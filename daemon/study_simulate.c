/* SPDX-License-Identifier: MIT
 * study_simulate: collects what happened, has it decided again under a draft, and adds up the difference. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/profile.h"
#include "daemon/study_inside.h"
#include "daemon/whatif.h"

#define MS_IN_HOUR INT64_C(3600000)
#define LOOK_BACK 200000 /* entries of the history before the begin that are searched for what hubs had stated */
#define HOURS_MAX 87600  /* as on the wire */
/* Who was submitted so long before the day that the question names is decided again, too, and not counted: people stand
 * in line on that day as they would have done. Those before them stay where they were. */
#define WARM_UP_DAYS 84

/* Sequences are doubled, so that what a decision found stands before it. */
#define AT_ENTRY(sequence) (2 * (sequence))
#define BEFORE_ENTRY(sequence) (2 * (sequence)-1)

/* When a statement was last kept about the age of a figure, and which. */
struct noted {
    int64_t at;
    bool stale;
};

struct collecting {
    struct study *study;
    struct story story;
    size_t pasts_room, offers_room, statements_room;
    const struct network *draft;
    struct noted *noted; /* by row of the network in force */
};

/* Room for one more element. */
static void *room(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 1024;
    array = realloc(array, *capacity * size);
    assert(array);
    return array;
}

/* ---- referrals ---- */

static bool takes_seat(const struct network *network, const struct offer *offer)
{
    for (uint8_t i = 0; offer->accepted && i < offer->services_count; i++) {
        int row = network_find_service(network, offer->hub, offer->services[i]);
        if (row >= 0 && network->services[network->services[row].owner].seats)
            return true;
    }
    return false;
}

/* One that was submitted before the begin counts when anything of it reached beyond that. */
static bool reaches_in(const struct collecting *collecting, const struct referral *referral)
{
    if (referral->changed_at >= collecting->story.from)
        return true;
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if (offer_holds_place(&referral->offers[i]) || takes_seat(collecting->draft, &referral->offers[i]))
            return true;
    return false;
}

static void keep_offer(struct collecting *collecting, const struct offer *offer)
{
    struct story *story = &collecting->story;

    story->offers = room(story->offers, story->offers_count, &collecting->offers_room, sizeof story->offers[0]);
    struct past_offer *kept = &story->offers[story->offers_count++];
    *kept = (struct past_offer){.hub = offer->hub,
                                .needs = offer->needs,
                                .services_count = offer->services_count,
                                .made_at = offer->made_at,
                                .withdrawn_ms = -1,
                                .is_over = !offer_holds_place(offer)};
    memcpy(kept->services, offer->services, sizeof kept->services);
    if (offer->accepted) /* when, the history tells */
        kept->answer = EVENT_ACCEPTED;
}

static void keep_past(struct collecting *collecting, const struct referral *referral, bool fixed, bool counted)
{
    struct story *story = &collecting->story;

    story->pasts = room(story->pasts, story->pasts_count, &collecting->pasts_room, sizeof story->pasts[0]);
    struct past *past = &story->pasts[story->pasts_count++];
    *past = (struct past){.number = referral->number,
                          .sender = referral->sender,
                          .submitted_at = referral->submitted_at,
                          .profile = referral->profile,
                          .fixed = fixed,
                          .counted = counted,
                          .signposted_then = !referral->offers_count && referral->outcome == OUTCOME_SIGNPOSTED,
                          .offers_first = (uint32_t)story->offers_count,
                          .offers_count = referral->offers_count};
    memcpy(past->neighbourhood_code, referral->neighbourhood_code, sizeof past->neighbourhood_code);
    for (uint8_t i = 0; i < referral->offers_count; i++)
        keep_offer(collecting, &referral->offers[i]);
}

static void collect_referrals(struct collecting *collecting, int64_t since)
{
    struct study *study = collecting->study;
    struct referral referral;

    study_begin_reading(study);
    for (uint64_t number = 1; study_next_referral(study, &number, &referral); number++) {
        int64_t day = hours_day(referral.submitted_at);
        /* Of who was erased too little is known to decide again. */
        bool fixed = day < since - WARM_UP_DAYS || referral.erased;
        if (!fixed || reaches_in(collecting, &referral))
            keep_past(collecting, &referral, fixed, day >= since && !referral.erased);
    }
    study_end_reading(study);
}

static struct past *find_past(const struct story *story, uint64_t number)
{
    size_t low = 0, high = story->pasts_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (story->pasts[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < story->pasts_count && story->pasts[low].number == number ? &story->pasts[low] : NULL;
}

/* ---- the history ---- */

static void keep_statement(struct collecting *collecting, const struct statement *statement)
{
    struct story *story = &collecting->story;

    story->statements =
        room(story->statements, story->statements_count, &collecting->statements_room, sizeof story->statements[0]);
    story->statements[story->statements_count++] = *statement;
}

/* Row of the service whose places it uses, in the network in force; -1: none. */
static int owner_of(const struct network *network, uint32_t hub, uint32_t service)
{
    int row = network_find_service(network, hub, service);

    return row < 0 ? -1 : (int)network->services[row].owner;
}

static void keep_places(struct collecting *collecting, const struct entry *entry, uint32_t figure)
{
    const struct network *network = collecting->study->reader->network;
    int owner = owner_of(network, entry->hub, entry->service);

    if (owner < 0)
        return;
    const struct service *service = &network->services[owner];
    keep_statement(collecting, &(struct statement){.kind = STATEMENT_PLACES,
                                                   .at = entry->at,
                                                   .sequence = AT_ENTRY(entry->sequence),
                                                   .hub = network->hubs[service->hub].party,
                                                   .service = service->number,
                                                   .figure = figure});
}

/* How old a decision found figures: hubs may have stated them again, which the history does not tell. */
static void keep_ages(struct collecting *collecting, const struct entry *entry)
{
    const struct network *network = collecting->study->reader->network;

    for (uint8_t i = 0; network->fresh_ms && i < entry->decision.candidates_count; i++) {
        const struct candidate *candidate = &entry->decision.candidates[i];
        /* Of what is full the age does not matter, and may not have been looked at. */
        int owner = candidate->rule == RULE_FULL ? -1 : owner_of(network, candidate->hub, candidate->service);
        struct noted *noted = owner < 0 ? NULL : &collecting->noted[owner];
        if (!noted || (noted->stale == candidate->stale && entry->at < noted->at + network->fresh_ms / 8))
            continue;
        const struct service *service = &network->services[owner];
        *noted = (struct noted){entry->at, candidate->stale};
        keep_statement(collecting, &(struct statement){.kind = candidate->stale ? STATEMENT_STALE : STATEMENT_FRESH,
                                                       .at = entry->at,
                                                       .sequence = BEFORE_ENTRY(entry->sequence),
                                                       .hub = network->hubs[service->hub].party,
                                                       .service = service->number});
    }
}

static void keep_answer(struct past_offer *offer, const struct entry *entry)
{
    offer->answer = entry->event;
    offer->answered_ms = entry->at - offer->made_at;
    offer->answered_sequence = AT_ENTRY(entry->sequence);
    offer->reason = entry->reason;
}

static void keep_end(struct past_offer *offer, const struct entry *entry, enum event event)
{
    offer->end = event;
    offer->ended_ms = entry->at - offer->made_at;
    offer->ended_sequence = AT_ENTRY(entry->sequence);
    offer->end_reason = entry->reason;
    offer->outcome = entry->outcome;
}

static void keep_cancelled(struct collecting *collecting, struct past *past, const struct entry *entry)
{
    past->cancelled_at = entry->at;
    past->cancelled_sequence = AT_ENTRY(entry->sequence);
    past->cancel_reason = entry->reason;
    for (uint8_t i = 0; past->fixed && i < past->offers_count; i++) {
        struct past_offer *offer = &collecting->story.offers[past->offers_first + i];
        if (!offer->end && offer->answer != EVENT_REJECTED)
            keep_end(offer, entry, EVENT_CANCELLED);
    }
}

/* A case that was taken back, by an operator or because its hub was silent, goes on as one that the hub gave back. */
static void keep_offer_event(const struct past *past, struct past_offer *offer, const struct entry *entry)
{
    bool is_over = entry->event == EVENT_REOFFERED || entry->event == EVENT_OFFER_EXPIRED;

    if (entry->event == EVENT_ACCEPTED || entry->event == EVENT_REJECTED)
        keep_answer(offer, entry);
    else if (entry->event == EVENT_COMPLETED || entry->event == EVENT_FAILED)
        keep_end(offer, entry, entry->event);
    else if (entry->event == EVENT_HANDED_BACK || (is_over && offer->answer == EVENT_ACCEPTED))
        keep_end(offer, entry, EVENT_HANDED_BACK);
    else if (entry->event == EVENT_HUB_CLOSED || entry->event == EVENT_REOFFERED)
        offer->withdrawn_ms = entry->at - offer->made_at;
    if (past->fixed && (entry->event == EVENT_HUB_CLOSED || is_over))
        keep_end(offer, entry, EVENT_CANCELLED);
}

static bool is_withdrawal(enum event event)
{
    return event == EVENT_CANCELLED || event == EVENT_ENTERED_IN_ERROR || event == EVENT_TURNED_AWAY;
}

static void keep_event(struct collecting *collecting, struct past *past, const struct entry *entry)
{
    struct past_offer *offers = past->offers_count ? &collecting->story.offers[past->offers_first] : NULL;

    if (entry->event == EVENT_SUBMITTED || entry->event == EVENT_SIGNPOSTED)
        past->submitted_sequence = AT_ENTRY(entry->sequence);
    else if (is_withdrawal(entry->event))
        keep_cancelled(collecting, past, entry);
    else if (entry->offer_number && entry->offer_number <= past->offers_count)
        keep_offer_event(past, &offers[entry->offer_number - 1], entry);
    for (unsigned i = 0; i < entry->placed_count; i++)
        if (entry->placed_first + i - 1 < past->offers_count)
            offers[entry->placed_first + i - 1].made_sequence = AT_ENTRY(entry->sequence);
}

static void keep_entry(struct collecting *collecting, const struct entry *entry)
{
    struct past *past = entry->referral ? find_past(&collecting->story, entry->referral) : NULL;

    if (entry->event == EVENT_CAPACITY_CHANGED)
        keep_places(collecting, entry, entry->figure);
    else if (entry->event == EVENT_EMERGENCY_BEGAN || entry->event == EVENT_EMERGENCY_ENDED)
        keep_statement(collecting,
                       &(struct statement){.kind = STATEMENT_EMERGENCY,
                                           .at = entry->at,
                                           .sequence = AT_ENTRY(entry->sequence),
                                           .until = entry->event == EVENT_EMERGENCY_BEGAN ? entry->deadline : 0});
    else if (entry->event == EVENT_REJECTED && entry->reason == REASON_CAPACITY && (!past || past->fixed))
        keep_places(collecting, entry, 0); /* of who is decided again, the decision does it */
    keep_ages(collecting, entry);
    if (past)
        keep_event(collecting, past, entry);
}

/* The first entry that is not before the begin. */
static uint64_t find_begin(struct collecting *collecting, uint64_t newest)
{
    struct entry entry;
    uint64_t low = 1, high = newest + 1;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (reader_load_entry(collecting->study->reader, middle, &entry) && entry.at < collecting->story.from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void collect_history(struct collecting *collecting)
{
    struct study *study = collecting->study;
    struct reader *reader = study->reader;
    uint64_t newest = UINT64_MAX;
    const void *sealed = NULL;
    size_t length = 0;
    struct entry entry;

    study_begin_reading(study);
    if (reader->transaction &&
        store_seek(reader->store, reader->transaction, TABLE_HISTORY, true, &newest, &sealed, &length) == STORE_OK) {
        uint64_t begin = find_begin(collecting, newest);
        uint64_t sequence = begin > LOOK_BACK ? begin - LOOK_BACK : 1;
        for (; study_next(study, TABLE_HISTORY, &sequence, &sealed, &length); sequence++)
            if (reader_read_entry(reader, sequence, sealed, length, &entry) && entry.at <= collecting->story.to)
                keep_entry(collecting, &entry);
    }
    study_end_reading(study);
}

/* ---- what it came to ---- */

/* Where each need was placed, as it happened. */
static void place_then(const struct collecting *collecting, struct past *past)
{
    const struct network *network = collecting->study->reader->network;
    struct referral referral = {.profile = past->profile};
    uint8_t n = 0;

    memcpy(referral.neighbourhood_code, past->neighbourhood_code, sizeof referral.neighbourhood_code);
    profile_settle(network, &referral);
    for (uint64_t needs = past->profile.needs; needs; needs &= needs - 1, n++)
        for (uint8_t i = 0; i < past->offers_count; i++) {
            const struct past_offer *offer = &collecting->story.offers[past->offers_first + i];
            int64_t at = offer->made_at + offer->answered_ms;
            if (offer->answer == EVENT_ACCEPTED && (offer->needs & needs & -needs))
                past->then[n] = (struct placed){
                    offer->hub, at, whatif_is_local(network, offer->hub, referral.profile.neighbourhood, at)};
        }
}

/* One row of the answer. */
struct tally {
    char item[16];
    int64_t referrals, moved;
    struct {
        int64_t placed, local, unmet, wait_ms;
    } sides[2]; /* then, now */
};

/* All needs of one referral, or one of them. */
static void count_side(struct tally *tally, int side, const struct past *past, const struct placed *placed,
                       uint8_t count, bool signposted)
{
    bool all = count > 0, local = true;
    int64_t at = 0;

    for (uint8_t i = 0; i < count; i++) {
        all = all && placed[i].hub != PARTY_NONE;
        local = local && placed[i].is_local;
        at = placed[i].at > at ? placed[i].at : at;
    }
    tally->sides[side].placed += all;
    tally->sides[side].local += all && local;
    tally->sides[side].unmet += !all && !signposted;
    tally->sides[side].wait_ms += all ? at - past->submitted_at : 0;
}

static void count_past(struct tally *tally, const struct past *past, uint8_t first, uint8_t count)
{
    bool moved = false;

    tally->referrals++;
    count_side(tally, 0, past, past->then + first, count, past->signposted_then);
    count_side(tally, 1, past, past->now + first, count, past->signposted_now);
    for (uint8_t i = first; i < first + count; i++)
        moved = moved || (past->then[i].hub && past->now[i].hub && past->then[i].hub != past->now[i].hub);
    tally->moved += moved;
}

struct tallies {
    struct tally all;
    struct tally fifths[6]; /* 0: the deprivation is not known */
    struct tally needs[NETWORK_NEEDS];
    struct tally *places; /* neighbourhoods, by code */
    size_t places_count, places_room;
};

static struct tally *tally_of_place(struct tallies *tallies, const char *code)
{
    size_t low = 0, high = tallies->places_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tallies->places[middle].item, code);
        if (order == 0)
            return &tallies->places[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    tallies->places = room(tallies->places, tallies->places_count, &tallies->places_room, sizeof tallies->places[0]);
    memmove(&tallies->places[low + 1], &tallies->places[low],
            (tallies->places_count++ - low) * sizeof tallies->places[0]);
    tallies->places[low] = (struct tally){0};
    snprintf(tallies->places[low].item, sizeof tallies->places[low].item, "%s", code);
    return &tallies->places[low];
}

static void add_up(struct tallies *tallies, const struct past *past)
{
    uint8_t count = (uint8_t)needs_count(past->profile.needs);
    uint8_t n = 0;

    count_past(&tallies->all, past, 0, count);
    count_past(&tallies->fifths[(past->profile.decile + 1) / 2], past, 0, count);
    count_past(tally_of_place(tallies, past->neighbourhood_code), past, 0, count);
    for (uint64_t needs = past->profile.needs; needs; needs &= needs - 1, n++)
        count_past(&tallies->needs[__builtin_ctzll(needs)], past, n, 1);
}

static void set_wait(struct reader *reader, enum field field, int64_t wait_ms, int64_t placed)
{
    int64_t hours = placed ? (wait_ms / placed + MS_IN_HOUR / 2) / MS_IN_HOUR : 0;

    if (placed)
        answer_set(reader, field, hours < HOURS_MAX ? hours : HOURS_MAX);
}

static void send_tally(struct reader *reader, enum subject subject, const char *item, const struct tally *tally)
{
    answer_begin(reader, MESSAGE_simulated);
    answer_set(reader, FIELD_subject, subject);
    answer_set_string(reader, FIELD_item, item);
    answer_set(reader, FIELD_referrals, tally->referrals);
    answer_set(reader, FIELD_placed_then, tally->sides[0].placed);
    answer_set(reader, FIELD_placed_now, tally->sides[1].placed);
    answer_set(reader, FIELD_local_then, tally->sides[0].local);
    answer_set(reader, FIELD_local_now, tally->sides[1].local);
    answer_set(reader, FIELD_unmet_then, tally->sides[0].unmet);
    answer_set(reader, FIELD_unmet_now, tally->sides[1].unmet);
    set_wait(reader, FIELD_wait_hours_then, tally->sides[0].wait_ms, tally->sides[0].placed);
    set_wait(reader, FIELD_wait_hours_now, tally->sides[1].wait_ms, tally->sides[1].placed);
    answer_set(reader, FIELD_moved, tally->moved);
    answer_send(reader);
}

static void send_tallies(struct reader *reader, const struct tallies *tallies)
{
    static const char *const fifths[] = {"not-known", "1", "2", "3", "4", "5"};
    int64_t rows = 1;

    send_tally(reader, SUBJECT_NETWORK, "", &tallies->all);
    for (size_t i = 0; i < tallies->places_count && rows < STUDY_ROWS_MAX; i++, rows++)
        send_tally(reader, SUBJECT_NEIGHBOURHOOD, tallies->places[i].item[0] ? tallies->places[i].item : "not-known",
                   &tallies->places[i]);
    for (int need = 1; need < NETWORK_NEEDS; need++)
        if (tallies->needs[need].referrals) {
            send_tally(reader, SUBJECT_NEED, code_text(LIST_need, need), &tallies->needs[need]);
            rows++;
        }
    for (int fifth = 0; fifth <= 5; fifth++)
        if (tallies->fifths[fifth].referrals) {
            send_tally(reader, SUBJECT_FIFTH, fifths[fifth], &tallies->fifths[fifth]);
            rows++;
        }
    answer_end(reader, rows, "");
}

/* ---- the question ---- */

/* By row of the draft: whether its file gives the same figure as the network in force. */
static bool *compare_figures(const struct network *draft, const struct network *in_force)
{
    bool *kept = calloc(draft->services_count + 1, sizeof kept[0]);

    assert(kept);
    for (uint32_t row = 0; row < draft->services_count; row++) {
        const struct service *service = &draft->services[row];
        int before = network_find_service(in_force, draft->hubs[service->hub].party, service->number);
        kept[row] = before >= 0 && in_force->services[before].places == service->places;
    }
    return kept;
}

static void tell(struct collecting *collecting)
{
    struct story *story = &collecting->story;
    struct tallies *tallies = calloc(1, sizeof *tallies);

    assert(tallies);
    for (size_t i = 0; i < story->pasts_count; i++)
        if (story->pasts[i].counted) {
            place_then(collecting, &story->pasts[i]);
            add_up(tallies, &story->pasts[i]);
        }
    send_tallies(collecting->study->reader, tallies);
    free(tallies->places);
    free(tallies);
}

void study_simulate(struct study *study)
{
    struct reader *reader = study->reader;
    const struct message *message = reader->request->message;
    int64_t since = message_has(message, FIELD_since) ? message_number(message, FIELD_since) : 0;
    struct network *draft = study_take_draft(study);

    if (!draft)
        return;
    struct collecting collecting = {.study = study,
                                    .story = {.from = hours_midnight(since - WARM_UP_DAYS), .to = reader->now},
                                    .draft = draft,
                                    .noted = calloc(reader->network->services_count + 1, sizeof(struct noted))};
    struct story *story = &collecting.story;
    bool *figure_kept = compare_figures(draft, reader->network);
    assert(collecting.noted);
    draft->applied_at = reader->network->applied_at;
    collect_referrals(&collecting, since);
    collect_history(&collecting);
    if (!story->pasts_count)
        story->from = story->to;
    else if (!story->pasts[0].fixed)
        story->from = story->pasts[0].submitted_at;
    if (whatif_run(story, &draft, figure_kept, &study->stopping))
        tell(&collecting);
    free(figure_kept);
    free(collecting.noted);
    free(story->pasts);
    free(story->offers);
    free(story->statements);
}

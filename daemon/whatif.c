/* SPDX-License-Identifier: MIT
 * whatif: see whatif.h. One loop takes what comes next: a new day, something that happened, an answer, a deadline. */
#include "daemon/whatif.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/scratch.h"
#include "daemon/turn_inside.h"

#define HOUR_MS INT64_C(3600000)
#define ALWAYS_FRESH (INT64_MAX / 2) /* stated so late that it never grows old */

/* What a hub does next about an offer. */
struct answer {
    int64_t at;
    uint64_t sequence; /* as it was in the history; UINT64_MAX: it did not happen */
    uint32_t past;
    uint32_t offer; /* index of the past offer that it repeats; UINT32_MAX: none */
    uint8_t offer_number;
    enum event event;
};

/* Half of a hub's answers took less, half more. */
struct habit {
    int64_t accept_ms; /* until it accepts */
    int64_t help_ms;   /* from then until it ends; -1: nothing has ended */
};

struct whatif {
    struct story *story;
    struct turn *turn;
    const bool *figure_kept;
    size_t next_submitted, next_statement;
    struct answer *answers; /* a heap, the earliest first */
    size_t answers_count, answers_room;
    struct habit *habits;    /* by index of the hub */
    struct habit usual;      /* of all hubs */
    uint8_t *offers_seen;    /* by past: how many of its offers have been looked at */
    struct referral **fixed; /* by past: those that stay as they were, as long as they count */
    uint64_t first_number;
    uint32_t *past_of_number; /* index + 1 */
    size_t numbers;
};

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);

    assert(memory);
    return memory;
}

/* ---- answers to come ---- */

static bool comes_first(const struct answer *a, const struct answer *b)
{
    if (a->at != b->at)
        return a->at < b->at;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence;
    return a->past != b->past ? a->past < b->past : a->offer_number < b->offer_number;
}

static void add_answer(struct whatif *whatif, struct answer answer)
{
    if (answer.at > whatif->story->to)
        return;
    if (whatif->answers_count == whatif->answers_room) {
        whatif->answers_room = whatif->answers_room ? 2 * whatif->answers_room : 16;
        whatif->answers = realloc(whatif->answers, whatif->answers_room * sizeof whatif->answers[0]);
        assert(whatif->answers);
    }
    size_t i = whatif->answers_count++;
    for (; i && comes_first(&answer, &whatif->answers[(i - 1) / 2]); i = (i - 1) / 2)
        whatif->answers[i] = whatif->answers[(i - 1) / 2];
    whatif->answers[i] = answer;
}

static struct answer take_answer(struct whatif *whatif)
{
    struct answer *heap = whatif->answers;
    struct answer taken = heap[0];
    struct answer last = heap[--whatif->answers_count];
    size_t i = 0;

    for (size_t child; (child = 2 * i + 1) < whatif->answers_count; i = child) {
        if (child + 1 < whatif->answers_count && comes_first(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_first(&heap[child], &last))
            break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return taken;
}

/* ---- habits of hubs ---- */

struct duration {
    uint32_t hub;
    int64_t ms;
};

static int compare_durations(const void *a, const void *b)
{
    const struct duration *left = a, *right = b;

    if (left->hub != right->hub)
        return left->hub < right->hub ? -1 : 1;
    return (left->ms > right->ms) - (left->ms < right->ms);
}

static int compare_ms(const void *a, const void *b)
{
    const struct duration *left = a, *right = b;

    return (left->ms > right->ms) - (left->ms < right->ms);
}

static struct habit *habit_of(struct whatif *whatif, const struct network *network, uint32_t hub)
{
    int index = network_find_hub(network, hub);

    return index < 0 ? &whatif->usual : &whatif->habits[index];
}

/* Calls keep for each hub with its median, and once with that of all. */
static void find_medians(struct whatif *whatif, const struct network *network, struct duration *durations, size_t count,
                         void (*keep)(struct habit *, int64_t ms))
{
    qsort(durations, count, sizeof durations[0], compare_durations);
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first; next < count && durations[next].hub == durations[first].hub; next++)
            continue;
        struct habit *habit = habit_of(whatif, network, durations[first].hub);
        if (habit != &whatif->usual)
            keep(habit, durations[first + (next - first) / 2].ms);
    }
    qsort(durations, count, sizeof durations[0], compare_ms);
    if (count)
        keep(&whatif->usual, durations[count / 2].ms);
}

static void keep_accept(struct habit *habit, int64_t ms)
{
    habit->accept_ms = ms;
}

static void keep_help(struct habit *habit, int64_t ms)
{
    habit->help_ms = ms;
}

/* One habit for each hub of the network; where its own is not known, that of all. */
static void learn_habits(struct whatif *whatif, const struct network *network)
{
    const struct story *story = whatif->story;
    struct duration *accepts = zeroed(story->offers_count, sizeof accepts[0]);
    struct duration *helps = zeroed(story->offers_count, sizeof helps[0]);
    size_t accepts_count = 0, helps_count = 0;

    whatif->usual = (struct habit){.accept_ms = HOUR_MS, .help_ms = -1};
    whatif->habits = zeroed(network->hubs_count, sizeof whatif->habits[0]);
    for (uint32_t i = 0; i < network->hubs_count; i++)
        whatif->habits[i] = (struct habit){.accept_ms = -1, .help_ms = -1};
    for (size_t i = 0; i < story->offers_count; i++) {
        const struct past_offer *offer = &story->offers[i];
        if (offer->answer != EVENT_ACCEPTED || !offer->answered_sequence)
            continue;
        accepts[accepts_count++] = (struct duration){offer->hub, offer->answered_ms};
        if (offer->end == EVENT_COMPLETED || offer->end == EVENT_FAILED)
            helps[helps_count++] = (struct duration){offer->hub, offer->ended_ms - offer->answered_ms};
    }
    find_medians(whatif, network, accepts, accepts_count, keep_accept);
    find_medians(whatif, network, helps, helps_count, keep_help);
    for (uint32_t i = 0; i < network->hubs_count; i++) {
        struct habit *habit = &whatif->habits[i];
        habit->accept_ms = habit->accept_ms < 0 ? whatif->usual.accept_ms : habit->accept_ms;
        habit->help_ms = habit->help_ms < 0 ? whatif->usual.help_ms : habit->help_ms;
    }
    free(accepts);
    free(helps);
}

/* ---- how a hub answers ---- */

/* The same hub asked about the same person: each answer once, in their order, the last one again if need be. */
static struct past_offer *find_past(struct whatif *whatif, const struct past *past, uint32_t hub)
{
    struct past_offer *last = NULL;

    for (uint8_t i = 0; i < past->offers_count; i++) {
        struct past_offer *offer = &whatif->story->offers[past->offers_first + i];
        if (offer->hub != hub)
            continue;
        last = offer;
        if (!offer->used)
            break;
    }
    return last;
}

/* Whether its answer holds: not when it had no room, and the network gives it another figure. */
static bool still_applies(const struct whatif *whatif, const struct past_offer *offer)
{
    const struct network *network = whatif->turn->ledger.network;

    if (offer->answer != EVENT_REJECTED || offer->reason != REASON_CAPACITY)
        return true;
    for (uint8_t i = 0; i < offer->services_count; i++) {
        int row = network_find_service(network, offer->hub, offer->services[i]);
        if (row < 0 || !whatif->figure_kept[network->services[row].owner])
            return false;
    }
    return true;
}

static void answer_by_habit(struct whatif *whatif, uint32_t past, uint8_t offer_number, const struct offer *made,
                            int64_t not_before_ms)
{
    const struct habit *habit = habit_of(whatif, whatif->turn->ledger.network, made->hub);

    add_answer(whatif, (struct answer){.at = made->made_at + not_before_ms + habit->accept_ms,
                                       .sequence = UINT64_MAX,
                                       .past = past,
                                       .offer = UINT32_MAX,
                                       .offer_number = offer_number,
                                       .event = EVENT_ACCEPTED});
}

/* An offer has been made: what will its hub say? */
static void expect_answer(struct whatif *whatif, uint32_t index, uint8_t offer_number, const struct offer *made)
{
    const struct past *past = &whatif->story->pasts[index];
    struct past_offer *offer = find_past(whatif, past, made->hub);

    if (!offer || !still_applies(whatif, offer)) {
        answer_by_habit(whatif, index, offer_number, made, 0);
    } else if (offer->answer) {
        add_answer(whatif, (struct answer){.at = made->made_at + offer->answered_ms,
                                           .sequence = offer->answered_sequence,
                                           .past = index,
                                           .offer = (uint32_t)(offer - whatif->story->offers),
                                           .offer_number = offer_number,
                                           .event = offer->answer});
    } else if (offer->withdrawn_ms >= 0) {
        answer_by_habit(whatif, index, offer_number, made, offer->withdrawn_ms);
    }
    if (offer)
        offer->used = true;
}

/* A hub has accepted: when will its help end? */
static void expect_end(struct whatif *whatif, const struct answer *accepted, uint32_t hub)
{
    struct answer end = *accepted;

    if (accepted->offer == UINT32_MAX) {
        const struct habit *habit = habit_of(whatif, whatif->turn->ledger.network, hub);
        end.event = habit->help_ms < 0 ? (enum event)0 : EVENT_COMPLETED;
        end.at += habit->help_ms;
    } else {
        const struct past_offer *offer = &whatif->story->offers[accepted->offer];
        end.event = offer->end;
        end.at += offer->ended_ms - offer->answered_ms;
        end.sequence = offer->ended_sequence;
    }
    if (end.event)
        add_answer(whatif, end);
}

/* ---- one referral ---- */

static uint32_t index_of(const struct whatif *whatif, uint64_t number)
{
    return whatif->past_of_number[number - whatif->first_number] - 1;
}

/* Looks at everything that has been stored: new offers get their answers, and what has ended is closed. */
static void look_at_changed(struct whatif *whatif)
{
    const struct cause confirmed = {.event = EVENT_OUTCOME_CONFIRMED, .role = ROLE_SENDER};
    struct referral referral;
    struct outcome_of outcome;
    uint64_t number;

    while (scratch_next_changed(whatif->turn, &number)) {
        uint32_t index = index_of(whatif, number);
        if (!keep_load(whatif->turn, number, &referral))
            continue;
        for (uint8_t *seen = &whatif->offers_seen[index]; *seen < referral.offers_count; ++*seen)
            expect_answer(whatif, index, (uint8_t)(*seen + 1), &referral.offers[*seen]);
        if (!referral_has_ended(&referral) || !referral_is_open(&referral))
            continue;
        whatif->story->pasts[index].signposted_now = referral.business_status == BUSINESS_SIGNPOSTED;
        struct cause cause = confirmed;
        cause.actor = referral.sender;
        placing_step(whatif->turn, &cause, &referral, &outcome, NULL);
        scratch_forget(whatif->turn, number);
    }
}

static void submit(struct whatif *whatif, const struct past *past)
{
    const struct cause cause = {.event = EVENT_SUBMITTED, .role = ROLE_SENDER, .actor = past->sender};
    struct referral referral = {
        .number = past->number, .sender = past->sender, .state = STATE_REQUESTED, .profile = past->profile};
    struct outcome_of outcome;

    memcpy(referral.neighbourhood_code, past->neighbourhood_code, sizeof referral.neighbourhood_code);
    profile_settle(whatif->turn->ledger.network, &referral);
    placing_decide(whatif->turn, &cause, &referral, &outcome);
    assert(outcome.changed);
    keep_change(whatif->turn, NULL, &referral, &outcome, NULL);
}

static bool holds(const uint16_t *areas, uint16_t count, uint16_t neighbourhood)
{
    for (uint16_t i = 0; i < count; i++)
        if (areas[i] == neighbourhood)
            return true;
    return false;
}

bool whatif_is_local(const struct network *network, uint32_t hub, uint16_t neighbourhood, int64_t at)
{
    int index = network_find_hub(network, hub);

    if (index < 0 || neighbourhood == NEIGHBOURHOOD_NONE)
        return false;
    int32_t parent = network->hubs[index].parent;
    const struct era *era = hub_on(network, &network->hubs[index], hours_day(at));
    if (holds(era->areas, era->areas_count, neighbourhood))
        return true;
    if (parent < 0)
        return false;
    era = hub_on(network, &network->hubs[parent], hours_day(at));
    return holds(era->areas, era->areas_count, neighbourhood);
}

static void note_accepted(struct whatif *whatif, struct past *past, uint16_t neighbourhood, const struct offer *offer)
{
    const struct turn *turn = whatif->turn;
    const struct placed placed = {offer->hub, turn->now,
                                  whatif_is_local(turn->ledger.network, offer->hub, neighbourhood, turn->now)};
    uint8_t i = 0;

    for (uint64_t needs = past->profile.needs; needs; needs &= needs - 1, i++)
        if (offer->needs & needs & -needs)
            past->now[i] = placed;
}

/* An answer that comes too late, or to an offer that has been taken back, changes nothing. */
static void answer(struct whatif *whatif, const struct answer *answer)
{
    struct past *past = &whatif->story->pasts[answer->past];
    struct referral referral;
    struct outcome_of outcome;

    if (!keep_load(whatif->turn, past->number, &referral))
        return;
    const struct offer *offer = &referral.offers[answer->offer_number - 1];
    struct cause cause = {
        .event = answer->event, .role = ROLE_HUB, .actor = offer->hub, .offer_number = answer->offer_number};
    if (answer->offer != UINT32_MAX) {
        const struct past_offer *was = &whatif->story->offers[answer->offer];
        cause.reason = answer->event == was->answer ? was->reason : was->end_reason;
        cause.outcome = answer->event == EVENT_COMPLETED ? was->outcome : (enum outcome)0;
    } else if (answer->event == EVENT_COMPLETED) {
        cause.outcome = OUTCOME_GOT_HELP;
    }
    if (!placing_step(whatif->turn, &cause, &referral, &outcome, NULL) || answer->event != EVENT_ACCEPTED)
        return;
    note_accepted(whatif, past, referral.profile.neighbourhood, offer);
    expect_end(whatif, answer, offer->hub);
}

static void cancel(struct whatif *whatif, const struct past *past)
{
    const struct cause cause = {
        .event = EVENT_CANCELLED, .role = ROLE_SENDER, .actor = past->sender, .reason = past->cancel_reason};
    struct referral referral;
    struct outcome_of outcome;

    if (keep_load(whatif->turn, past->number, &referral))
        placing_step(whatif->turn, &cause, &referral, &outcome, NULL);
}

/* ---- referrals that stay as they were ---- */

/* What happens to a fixed one stands in the heap of answers, with the offer's own number, and this instead of an offer
 * that it repeats. */
#define IS_FIXED (UINT32_MAX - 1)

static const struct offer *fill_offer(const struct past_offer *was, struct offer *offer)
{
    *offer = (struct offer){.hub = was->hub,
                            .needs = was->needs,
                            .services_count = was->services_count,
                            .state = STATE_RECEIVED,
                            .made_at = was->made_at};
    memcpy(offer->services, was->services, sizeof offer->services);
    return offer;
}

/* Counted without a deadline, and in no waiting list. */
static void change_fixed(struct whatif *whatif, uint32_t index, uint8_t offer_number, enum event event)
{
    const struct past *past = &whatif->story->pasts[index];
    const struct past_offer *was = &whatif->story->offers[past->offers_first + offer_number - 1];
    struct referral **fixed = &whatif->fixed[index];
    struct ledger *ledger = &whatif->turn->ledger;
    bool is_new = !*fixed;

    if (is_new)
        *fixed = zeroed(1, sizeof **fixed);
    else
        ledger_remove(ledger, *fixed);
    struct referral *referral = *fixed;
    referral->number = past->number;
    referral->sender = past->sender;
    referral->business_status = BUSINESS_CLOSED_ACKNOWLEDGED;
    referral->offers_count = past->offers_count;
    struct offer *offer = &referral->offers[offer_number - 1];
    if (event == EVENT_OFFERED) {
        const struct referral counted = {
            .sender = past->sender, .offers_count = 1, .offers = {*fill_offer(was, offer)}};
        ledger_count_offers(ledger, &counted, 0);
    } else if (event == EVENT_ACCEPTED) {
        offer->accepted = true;
    }
    offer->state = event == EVENT_OFFERED    ? STATE_RECEIVED
                   : event == EVENT_ACCEPTED ? STATE_ACCEPTED
                   : offer->accepted         ? STATE_COMPLETED
                                             : STATE_CANCELLED;
    ledger_add(ledger, referral);
    for (uint8_t i = 0; event != EVENT_OFFERED && i < was->services_count; i++) {
        int row = network_find_service(ledger->network, was->hub, was->services[i]);
        if (row >= 0)
            placing_fill(whatif->turn, ledger->network->services[row].owner);
    }
}

static void expect_fixed(struct whatif *whatif, uint32_t past, uint8_t offer_number, int64_t at, uint64_t sequence,
                         enum event event)
{
    add_answer(whatif, (struct answer){.at = at,
                                       .sequence = sequence,
                                       .past = past,
                                       .offer = IS_FIXED,
                                       .offer_number = offer_number,
                                       .event = event});
}

/* What was before the reading began comes in its order all the same. */
static uint64_t later(uint64_t sequence, uint64_t than)
{
    return sequence > than ? sequence : than + 1;
}

static int64_t no_earlier(int64_t at, int64_t than)
{
    return at > than ? at : than;
}

/* Everything that happened to its offers; what happened before the begin has happened at it. */
static void expect_all_of_fixed(struct whatif *whatif, uint32_t index)
{
    const struct past *past = &whatif->story->pasts[index];
    int64_t from = whatif->story->from;

    for (uint8_t i = 0; i < past->offers_count; i++) {
        const struct past_offer *offer = &whatif->story->offers[past->offers_first + i];
        uint64_t sequence = offer->made_sequence;
        int64_t at = no_earlier(offer->made_at, from);
        /* Before all else of that moment: a place that becomes free is taken by whom it was given to then. */
        expect_fixed(whatif, index, i + 1, at, 0, EVENT_OFFERED);
        if (offer->answer) {
            sequence = later(offer->answered_sequence, sequence);
            at = no_earlier(offer->made_at + offer->answered_ms, at);
            expect_fixed(whatif, index, i + 1, at, sequence, offer->answer);
        }
        sequence = later(offer->ended_sequence, sequence);
        if (offer->end)
            expect_fixed(whatif, index, i + 1, no_earlier(offer->made_at + offer->ended_ms, at), sequence, offer->end);
        else if (offer->is_over && offer->answer != EVENT_REJECTED)
            expect_fixed(whatif, index, i + 1, at, sequence, EVENT_CANCELLED);
    }
}

/* ---- what is stated ---- */

static void state(struct whatif *whatif, const struct statement *statement)
{
    struct ledger *ledger = &whatif->turn->ledger;

    if (statement->kind == STATEMENT_EMERGENCY) {
        bool is_on = statement->until != 0 && ledger->network->emergency_needs;
        bool was_on = ruling_emergency_is_on(whatif->turn);
        whatif->turn->head.emergency_until = is_on ? INT64_MAX : 0; /* its end is a statement, too */
        if (is_on != was_on)
            placing_anew(whatif->turn, true);
        return;
    }
    int row = network_find_service(ledger->network, statement->hub, statement->service);
    if (row < 0 || ledger->network->services[row].owner != (uint32_t)row)
        return;
    if (!whatif->figure_kept[row])
        return;
    struct places *places = &ledger->places[row];
    bool stale = places_are_stale(ledger->network, places, whatif->turn->now);
    if (statement->kind == STATEMENT_PLACES)
        places->total = statement->figure;
    if (statement->kind == STATEMENT_PLACES || (statement->kind == STATEMENT_FRESH && stale)) {
        places->stated_at = whatif->turn->now;
        placing_fill(whatif->turn, (uint32_t)row);
    } else if (statement->kind == STATEMENT_STALE && !stale) {
        places->stated_at = whatif->turn->now - ledger->network->fresh_ms - 1;
    }
}

/* ---- the loop ---- */

static void begin_day(struct whatif *whatif)
{
    struct turn *turn = whatif->turn;
    int64_t before = turn->ledger.day;

    ledger_begin_day(&turn->ledger, turn->now);
    assert(turn->ledger.day == before + 1);
    if (network_changes_on(turn->ledger.network, turn->ledger.day))
        placing_anew(turn, true);
    else
        placing_fill_all(turn);
}

/* A hub that has accepted and is late changes nothing about places: only who waits is looked at. */
static bool matters(const struct referral *referral)
{
    for (uint8_t i = 0; i < referral->parts_count; i++) {
        enum state state = referral->parts[i].state;
        if (!part_has_ended(&referral->parts[i]) && state != STATE_ACCEPTED && state != STATE_IN_PROGRESS)
            return true;
    }
    return false;
}

static void run_due(struct whatif *whatif)
{
    const struct cause cause = {.event = EVENT_OVERDUE, .actor = PARTY_NONE};
    struct turn *turn = whatif->turn;
    struct referral referral;
    struct outcome_of outcome;
    struct timer timer;

    while (timers_take_due(&turn->ledger.timers, turn->now, &timer))
        if (keep_load(turn, timer.referral, &referral) && matters(&referral))
            placing_step(turn, &cause, &referral, &outcome, NULL);
}

/* What happened, or answers what happened, in the order of time and of the history. */
enum source { SOURCE_NONE, SOURCE_SUBMITTED, SOURCE_STATEMENT, SOURCE_ANSWER };

static enum source next_event(const struct whatif *whatif, int64_t *at)
{
    const struct story *story = whatif->story;
    enum source source = SOURCE_NONE;
    uint64_t sequence = 0;

    *at = INT64_MAX;
    if (whatif->next_submitted < story->pasts_count) {
        source = SOURCE_SUBMITTED;
        *at = story->pasts[whatif->next_submitted].submitted_at;
        sequence = story->pasts[whatif->next_submitted].submitted_sequence;
    }
    if (whatif->next_statement < story->statements_count) {
        const struct statement *statement = &story->statements[whatif->next_statement];
        if (statement->at < *at || (statement->at == *at && statement->sequence < sequence)) {
            source = SOURCE_STATEMENT;
            *at = statement->at;
            sequence = statement->sequence;
        }
    }
    if (whatif->answers_count) {
        const struct answer *first = &whatif->answers[0];
        if (first->at < *at || (first->at == *at && first->sequence < sequence)) {
            source = SOURCE_ANSWER;
            *at = first->at;
        }
    }
    return source;
}

static void skip_fixed(struct whatif *whatif)
{
    const struct story *story = whatif->story;

    while (whatif->next_submitted < story->pasts_count && story->pasts[whatif->next_submitted].fixed)
        whatif->next_submitted++;
}

static void run_submitted(struct whatif *whatif)
{
    uint32_t index = (uint32_t)whatif->next_submitted++;
    const struct past *past = &whatif->story->pasts[index];

    submit(whatif, past);
    if (past->cancelled_at)
        add_answer(whatif, (struct answer){.at = past->cancelled_at,
                                           .sequence = past->cancelled_sequence,
                                           .past = index,
                                           .event = EVENT_CANCELLED});
    skip_fixed(whatif);
}

static void run_answer(struct whatif *whatif)
{
    struct answer next = take_answer(whatif);

    if (next.offer == IS_FIXED)
        change_fixed(whatif, next.past, next.offer_number, next.event);
    else if (next.event == EVENT_CANCELLED)
        cancel(whatif, &whatif->story->pasts[next.past]);
    else
        answer(whatif, &next);
}

static void run_event(struct whatif *whatif, enum source source)
{
    if (source == SOURCE_SUBMITTED)
        run_submitted(whatif);
    else if (source == SOURCE_STATEMENT)
        state(whatif, &whatif->story->statements[whatif->next_statement++]);
    else
        run_answer(whatif);
}

static bool run(struct whatif *whatif, const atomic_bool *stopping)
{
    struct turn *turn = whatif->turn;
    int64_t day_at = hours_midnight(hours_day(turn->now) + 1);
    int64_t event_at;

    skip_fixed(whatif);
    while (!atomic_load(stopping)) {
        enum source source = next_event(whatif, &event_at);
        int64_t due_at = timers_next(&turn->ledger.timers);
        int64_t at = event_at < due_at ? event_at : due_at;

        if ((source == SOURCE_NONE && due_at > whatif->story->to) || at > whatif->story->to)
            return true;
        if (day_at <= at) {
            turn->now = day_at;
            day_at = hours_midnight(hours_day(day_at) + 1);
            begin_day(whatif);
        } else if (event_at <= due_at) {
            turn->now = event_at > turn->now ? event_at : turn->now;
            run_event(whatif, source);
        } else {
            turn->now = due_at > turn->now ? due_at : turn->now;
            run_due(whatif);
        }
        look_at_changed(whatif);
    }
    return false;
}

/* ---- begin and end ---- */

static void number_pasts(struct whatif *whatif)
{
    const struct story *story = whatif->story;

    whatif->first_number = story->pasts_count ? story->pasts[0].number : 1;
    whatif->numbers =
        story->pasts_count ? (size_t)(story->pasts[story->pasts_count - 1].number - whatif->first_number + 1) : 0;
    whatif->past_of_number = zeroed(whatif->numbers, sizeof whatif->past_of_number[0]);
    for (size_t i = 0; i < story->pasts_count; i++)
        whatif->past_of_number[story->pasts[i].number - whatif->first_number] = (uint32_t)i + 1;
}

static void add_parties(struct whatif *whatif)
{
    const struct story *story = whatif->story;

    for (size_t i = 0; i < story->pasts_count; i++)
        scratch_add_party(whatif->turn, story->pasts[i].sender);
}

static void free_whatif(struct whatif *whatif)
{
    for (size_t i = 0; i < whatif->story->pasts_count; i++)
        free(whatif->fixed[i]);
    free(whatif->fixed);
    free(whatif->offers_seen);
    free(whatif->past_of_number);
    free(whatif->habits);
    free(whatif->answers);
    scratch_close(&whatif->turn);
}

bool whatif_run(struct story *story, struct network **network, const bool *figure_kept, const atomic_bool *stopping)
{
    struct whatif whatif = {.story = story, .figure_kept = figure_kept};

    learn_habits(&whatif, *network);
    number_pasts(&whatif);
    whatif.offers_seen = zeroed(story->pasts_count, sizeof whatif.offers_seen[0]);
    whatif.fixed = zeroed(story->pasts_count, sizeof whatif.fixed[0]);
    whatif.turn = scratch_open(network, whatif.first_number, whatif.numbers, story->from);
    for (uint32_t row = 0; row < whatif.turn->ledger.network->services_count; row++)
        if (!figure_kept[row])
            whatif.turn->ledger.places[row].stated_at = ALWAYS_FRESH;
    add_parties(&whatif);
    for (uint32_t i = 0; i < story->pasts_count; i++)
        if (story->pasts[i].fixed)
            expect_all_of_fixed(&whatif, i);
    bool finished = run(&whatif, stopping);
    free_whatif(&whatif);
    return finished;
}

/* SPDX-License-Identifier: MIT
 * turn: the order of things. For each request: load what it concerns, decide, save; then what is due; then one commit.
 * Answers are written on the way and leave only after it. */
#include "daemon/turn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/planted.h"
#include "daemon/io/log.h"
#include "daemon/turn_inside.h"

#define DAY_MS INT64_C(86400000)
#define DUE_IN_ONE_TURN_MAX 1000

/* ---- answers ---- */

static void answer_begin(struct turn *turn, const struct request *request, enum message_type type)
{
    message_init(&turn->answer, type);
    message_set_uuid(&turn->answer, FIELD_request_id, message_uuid(&request->message, FIELD_request_id));
    message_set_number(&turn->answer, FIELD_at, turn->now);
}

static void answer_refused(struct turn *turn, const struct request *request, enum refusal refusal, const char *field)
{
    struct fault fault = {.refusal = refusal};

    strncpy(fault.field, field, sizeof fault.field - 1);
    refuse(&turn->answer, &request->message, &fault, turn->options.retry_after_ms);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

static void answer_done(struct turn *turn, const struct request *request, const struct referral *referral,
                        bool duplicate)
{
    answer_begin(turn, request, MESSAGE_done);
    message_set_number(&turn->answer, FIELD_duplicate, duplicate);
    if (referral) {
        message_set_number(&turn->answer, FIELD_referral_id, (int64_t)referral->number);
        message_set_number(&turn->answer, FIELD_state, referral->state);
        message_set_number(&turn->answer, FIELD_business_status, referral->business_status);
    }
    if (message_has(&request->message, FIELD_offer_number))
        message_copy(&turn->answer, &request->message, FIELD_offer_number);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

static void answer_committed(struct turn *turn, const struct request *request, const struct referral *referral,
                             bool duplicate)
{
    answer_begin(turn, request, MESSAGE_committed);
    message_set_uuid(&turn->answer, FIELD_correlation_id, referral->correlation_id);
    message_set_number(&turn->answer, FIELD_referral_id, (int64_t)referral->number);
    message_set_number(&turn->answer, FIELD_acknowledgement, ACK_CA);
    message_set_number(&turn->answer, FIELD_duplicate, duplicate);
    message_set_number(&turn->answer, FIELD_state, referral->state);
    message_set_number(&turn->answer, FIELD_business_status, referral->business_status);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

/* ---- deciding ---- */

static void decide_with(struct turn *turn, const struct places *places, const struct cause *cause,
                        struct referral *referral, struct outcome_of *outcome)
{
    struct facts facts = {
        .network = turn->ledger.network, .places = places, .now = turn->now, .verdicts = turn->verdicts};

    decide(&facts, cause, referral, outcome);
}

static void decide_now(struct turn *turn, const struct cause *cause, struct referral *referral,
                       struct outcome_of *outcome)
{
    decide_with(turn, turn->ledger.places, cause, referral, outcome);
}

static struct question question_about(const struct turn *turn, const struct referral *referral)
{
    return (struct question){.profile = &referral->profile,
                             .sender = referral->sender,
                             .offers = referral->offers,
                             .offers_count = referral->offers_count,
                             .day = turn->now / DAY_MS,
                             .places = turn->ledger.places};
}

/* True when the service could take this waiting referral into a free place. */
static bool could_take(struct turn *turn, const struct referral *referral, uint32_t row)
{
    const struct network *network = turn->ledger.network;
    struct question question = question_about(turn, referral);
    struct verdict verdict;

    if (referral->offers_count >= network->hops_max) /* a new version of the network allows fewer */
        return false;
    route_judge(network, &question, network->services[row].hub, &verdict);
    return verdict.rule == RULE_NONE_FAILED;
}

/* The first in turn whom the service could take; false: nobody waits for it. */
static bool next_in_turn(struct turn *turn, uint32_t row, struct referral *referral)
{
    struct waitlist_cursor cursor = {0};
    uint64_t number;

    while ((number = waitlist_next(&turn->ledger.waitlist, turn->ledger.network->services[row].needs, &cursor)))
        if (!(PLANTED(11) && number % 2) && keep_load(turn, number, referral) && could_take(turn, referral, row))
            return true;
    return false;
}

/* True when any hub could take this waiting referral into a free place. */
static bool could_be_placed(struct turn *turn, const struct referral *referral)
{
    struct question question = question_about(turn, referral);
    struct route route;

    if (referral->offers_count >= turn->ledger.network->hops_max)
        return false;
    route_choose(turn->ledger.network, &question, &route, NULL);
    return route.service >= 0;
}

/* Gives all free places to all who wait, in their turn. Service by service would not do: the first in turn for one
 * service may be given a place of another, for which somebody else comes first. */
static void fill_all_places(struct turn *turn)
{
    const struct cause cause = {.event = EVENT_OFFERED, .actor = PARTY_NONE};
    struct waitlist_cursor cursor = {0};
    struct referral referral;
    struct outcome_of outcome;
    uint64_t number;

    while ((number = waitlist_next(&turn->ledger.waitlist, UINT64_MAX, &cursor))) {
        if (!keep_load(turn, number, &referral) || !could_be_placed(turn, &referral))
            continue;
        struct referral before = referral;
        decide_now(turn, &cause, &referral, &outcome);
        assert(outcome.changed && outcome.place_taken >= 0);
        keep_change(turn, &before, &referral, &outcome, (struct text){0});
        waitlist_left(&cursor, referral.profile.need);
    }
}

/* Gives free places of a service to those whose turn it is. */
static void fill_places(struct turn *turn, uint32_t row)
{
    const struct places *places = &turn->ledger.places[row];
    const struct cause cause = {.event = EVENT_OFFERED, .actor = PARTY_NONE};
    struct referral referral;
    struct outcome_of outcome;

    while (turn->ledger.waitlist.count && places->used < places->total && next_in_turn(turn, row, &referral)) {
        struct referral before = referral;
        decide_now(turn, &cause, &referral, &outcome);
        assert(outcome.changed);
        keep_change(turn, &before, &referral, &outcome, (struct text){0});
        /* The rules may hold it for a person now, and the next in turn comes; it cannot be left waiting as before. */
        assert(outcome.place_taken >= 0 || !outcome.waits);
    }
}

/* One step of one referral: decide, save, and pass a freed place on. False when nothing changed. */
static bool step(struct turn *turn, const struct cause *cause, struct referral *referral, struct outcome_of *outcome,
                 struct text note)
{
    struct referral before = *referral;

    decide_now(turn, cause, referral, outcome);
    if (!outcome->changed)
        return false;
    keep_change(turn, &before, referral, outcome, note);
    if (outcome->place_freed >= 0)
        fill_places(turn, (uint32_t)outcome->place_freed);
    return true;
}

/* ---- requests ---- */

static void handle_hello(struct turn *turn, const struct request *request)
{
    struct party *party = NULL;
    bool takes_pushes = false;

    if (request->role != ROLE_OPERATOR) {
        party = keep_find_party(turn, request->party);
        takes_pushes = !message_has(&request->message, FIELD_takes_pushes) ||
                       message_number(&request->message, FIELD_takes_pushes);
    }
    if (takes_pushes) {
        party->connection = request->connection;
        party->mailbox.sent = party->mailbox.confirmed;
        party->pushed_at = turn->now;
    }
    answer_begin(turn, request, MESSAGE_welcome);
    message_set_number(&turn->answer, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_string(&turn->answer, FIELD_party, request->party);
    message_set_number(&turn->answer, FIELD_role, request->role);
    message_set_number(&turn->answer, FIELD_mailbox_number, party ? (int64_t)party->mailbox.confirmed : 0);
    message_set_number(&turn->answer, FIELD_window, turn->options.window);
    message_set_string(&turn->answer, FIELD_version, turn->options.version);
    outbox_add(turn->outbox, request->connection, &turn->answer);
    if (takes_pushes)
        ledger_to_push(&turn->ledger, party);
}

/* Whether a repeated submit is the same as the stored one; sent_at may differ from try to try. */
static bool same_submit(struct turn *turn, const struct message *message, uint64_t number)
{
    static _Thread_local uint8_t ours[MESSAGE_BYTES_MAX], theirs[MESSAGE_BYTES_MAX];
    struct message stored;
    struct message repeated = *message;

    if (!keep_load_content(turn, number) || PLANTED(13))
        return true; /* erased: what it was can no longer be compared */
    stored = *turn->content.submit;
    message_set_number(&stored, FIELD_sent_at, 0);
    message_set_number(&repeated, FIELD_sent_at, 0);
    size_t length = encode(&stored, ours, sizeof ours);
    return length == encode(&repeated, theirs, sizeof theirs) && memcmp(ours, theirs, length) == 0;
}

/* True when the request id is taken: then the answer has been given. */
static bool answer_repeat(struct turn *turn, const struct request *request, uint32_t party)
{
    const uint8_t *id = message_uuid(&request->message, FIELD_request_id);
    uint64_t hash = keep_request_hash(turn, party, id);
    struct referral referral;
    uint64_t at = 0;
    uint64_t number;

    while ((number = ledger_find_request(&turn->ledger, hash, &at))) {
        if (PLANTED(12) && number % 4 == 0)
            continue;
        if (!keep_load(turn, number, &referral) || referral.sender != party ||
            memcmp(referral.request_id, id, UUID_BYTES) != 0)
            continue;
        if (same_submit(turn, &request->message, number))
            answer_committed(turn, request, &referral, true);
        else
            answer_refused(turn, request, REFUSAL_CONFLICT, "request_id");
        return true;
    }
    return false;
}

/* A tenth of the store is kept for finishing what is open. What is used is that of the last commit, so that what this
 * turn has written is added. */
static bool has_room(struct turn *turn)
{
    uint64_t used = 0;
    uint64_t limit = 0;

    store_usage(turn->store, &used, &limit);
    return used + turn->written < limit - limit / 10;
}

/* A wish must name something that exists: a misspelt exclusion could do harm. */
static bool check_hubs(struct turn *turn, const struct request *request)
{
    const struct message *message = &request->message;
    const struct network *network = turn->ledger.network;

    for (size_t i = 0; i < message_list_count(message, FIELD_excluded_hub_ids); i++)
        if (profile_hub(network, message_element(message, FIELD_excluded_hub_ids, i)->text) == PARTY_NONE) {
            answer_refused(turn, request, REFUSAL_NOT_FOUND, "excluded_hub_ids");
            return false;
        }
    if (message_has(message, FIELD_preferred_hub_id) &&
        profile_hub(network, message_text(message, FIELD_preferred_hub_id)) == PARTY_NONE) {
        answer_refused(turn, request, REFUSAL_NOT_FOUND, "preferred_hub_id");
        return false;
    }
    return true;
}

static void handle_submit(struct turn *turn, const struct request *request)
{
    const struct cause cause = {.event = EVENT_SUBMITTED};
    struct party *sender = keep_find_party(turn, request->party);
    struct referral referral = {.sender = sender->number, .state = STATE_REQUESTED};
    struct outcome_of outcome;
    struct cause by_sender = cause;

    if (answer_repeat(turn, request, sender->number) || !check_hubs(turn, request))
        return;
    if (!has_room(turn)) {
        LOG(LOGGED_STORE_FULL, {"refused", .number = 1});
        answer_refused(turn, request, REFUSAL_FULL, "");
        return;
    }
    memcpy(referral.request_id, message_uuid(&request->message, FIELD_request_id), UUID_BYTES);
    memcpy(referral.correlation_id, message_uuid(&request->message, FIELD_correlation_id), UUID_BYTES);
    profile_from_submit(turn, &request->message, &referral);
    referral.number = ++turn->head.referral;
    by_sender.actor = sender->number;
    decide_now(turn, &by_sender, &referral, &outcome);
    assert(outcome.changed);
    keep_new_content(turn, referral.number, request);
    ledger_take_request(&turn->ledger, keep_request_hash(turn, sender->number, referral.request_id), referral.number);
    answer_committed(turn, request, &referral, false);
    keep_change(turn, NULL, &referral, &outcome, (struct text){0});
}

/* Requests about one referral: a row says which event the message is. */
static const struct {
    enum message_type type;
    enum event event;
} events_of_requests[] = {
    {MESSAGE_cancel, EVENT_CANCELLED}, {MESSAGE_accept, EVENT_ACCEPTED}, {MESSAGE_reject, EVENT_REJECTED},
    {MESSAGE_start, EVENT_STARTED},    {MESSAGE_fail, EVENT_FAILED},     {MESSAGE_complete, EVENT_COMPLETED},
};

static enum event event_of(enum message_type type)
{
    for (size_t i = 0; i < sizeof events_of_requests / sizeof events_of_requests[0]; i++)
        if (events_of_requests[i].type == type)
            return events_of_requests[i].event;
    assert(false && "the message is about a referral");
    return 0;
}

/* No hub is asked twice about one referral. */
static uint8_t offer_to(const struct referral *referral, uint32_t hub)
{
    for (uint8_t i = 0; i < referral->offers_count; i++)
        if (referral->offers[i].hub == hub)
            return i + 1;
    return 0;
}

static void handle_about_referral(struct turn *turn, const struct request *request)
{
    const struct message *message = &request->message;
    struct party *party = keep_find_party(turn, request->party);
    struct cause cause = {.event = event_of(message->type),
                          .actor = party->number,
                          .offer_number = (uint8_t)message_number(message, FIELD_offer_number),
                          .reason = (enum status_reason)message_number(message, FIELD_status_reason),
                          .outcome = (enum outcome)message_number(message, FIELD_outcome)};
    struct referral referral;
    struct outcome_of outcome;

    if (!keep_load(turn, (uint64_t)message_number(message, FIELD_referral_id), &referral)) {
        answer_refused(turn, request, REFUSAL_NOT_FOUND, "referral_id");
        return;
    }
    if (cause.event == EVENT_ACCEPTED && offer_to(&referral, party->number) &&
        !keep_load_content(turn, referral.number)) {
        answer_refused(turn, request, REFUSAL_DAMAGED, "referral_id"); /* there is nobody to hand over */
        return;
    }
    step(turn, &cause, &referral, &outcome, message_text(message, FIELD_note));
    if (outcome.refusal)
        answer_refused(turn, request, outcome.refusal,
                       outcome.refusal == REFUSAL_NOT_FOUND || !cause.offer_number ? "referral_id" : "offer_number");
    else
        answer_done(turn, request, &referral, outcome.repeated);
}

/* A confirmed offer has been received by its hub; a confirmed outcome closes its referral. */
static void confirm_letter(struct turn *turn, struct party *party, struct owed owed)
{
    struct cause cause = {.actor = party->number};
    struct referral referral;
    struct outcome_of outcome;

    if (owed.type == MESSAGE_offer)
        cause.event = EVENT_RECEIVED;
    else if (owed.type == MESSAGE_ended && !PLANTED(15))
        cause.event = EVENT_OUTCOME_CONFIRMED;
    else
        return;
    if (!keep_load(turn, owed.referral, &referral))
        return;
    if (owed.type == MESSAGE_offer)
        cause.offer_number = offer_to(&referral, party->number);
    step(turn, &cause, &referral, &outcome, (struct text){0});
}

static void handle_confirm(struct turn *turn, const struct request *request)
{
    struct party *party = keep_find_party(turn, request->party);
    uint64_t number = (uint64_t)message_number(&request->message, FIELD_mailbox_number);

    if (number > party->mailbox.last) {
        answer_refused(turn, request, REFUSAL_NOT_PUSHED, "mailbox_number");
        return;
    }
    bool repeated = number <= party->mailbox.confirmed;
    while (party->mailbox.confirmed < number) {
        struct owed owed = mailbox_at(&party->mailbox, party->mailbox.confirmed + 1);
        mailbox_confirm(&party->mailbox, party->mailbox.confirmed + 1);
        confirm_letter(turn, party, owed);
    }
    if (!repeated && !PLANTED(22))
        keep_party(turn, party);
    party->pushed_at = turn->now;
    if (party->connection)
        ledger_to_push(&turn->ledger, party);
    answer_begin(turn, request, MESSAGE_done);
    message_set_number(&turn->answer, FIELD_duplicate, repeated);
    message_set_number(&turn->answer, FIELD_mailbox_number, (int64_t)party->mailbox.confirmed);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

static int service_row(const struct network *network, uint32_t party, struct text id)
{
    return network_find_service(network, party, network_service_number(id.bytes, id.length));
}

static void handle_capacity(struct turn *turn, const struct request *request)
{
    struct party *party = keep_find_party(turn, request->party);
    int row = service_row(turn->ledger.network, party->number, message_text(&request->message, FIELD_service_id));

    if (row < 0) {
        answer_refused(turn, request, REFUSAL_NOT_FOUND, "service_id");
        return;
    }
    struct places *places = &turn->ledger.places[row];
    uint32_t total = (uint32_t)message_number(&request->message, FIELD_places);
    bool same = places->total == total && places->stated_at;
    struct entry entry = {.at = turn->now,
                          .event = EVENT_CAPACITY_CHANGED,
                          .actor = party->number,
                          .hub = party->number,
                          .service = turn->ledger.network->services[row].number,
                          .position = total};
    places->total = total;
    places->stated_at = turn->now;
    keep_places(turn, (uint32_t)row);
    if (!same) /* a figure that is stated again only becomes younger: the history grows by changes alone */
        keep_entry(turn, &entry);
    answer_done(turn, request, NULL, same);
    fill_places(turn, (uint32_t)row);
}

static const struct {
    enum message_type type;
    void (*handle)(struct turn *, const struct request *);
} handlers[] = {
    {MESSAGE_submit, handle_submit},         {MESSAGE_confirm, handle_confirm},
    {MESSAGE_accept, handle_about_referral}, {MESSAGE_reject, handle_about_referral},
    {MESSAGE_start, handle_about_referral},  {MESSAGE_complete, handle_about_referral},
    {MESSAGE_fail, handle_about_referral},   {MESSAGE_cancel, handle_about_referral},
    {MESSAGE_capacity, handle_capacity},     {MESSAGE_hello, handle_hello},
};

static void handle_gone(struct turn *turn, const struct request *request)
{
    for (uint32_t i = 1; i < turn->ledger.parties_count; i++)
        if (turn->ledger.parties[i] && turn->ledger.parties[i]->connection == request->connection)
            turn->ledger.parties[i]->connection = 0;
}

static void handle(struct turn *turn, const struct request *request)
{
    if (request->kind == REQUEST_GONE) {
        handle_gone(turn, request);
        return;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i].type == request->message.type) {
            handlers[i].handle(turn, request);
            return;
        }
    assert(false && "link passes requests only");
}

/* ---- what is due ---- */

static void run_due(struct turn *turn)
{
    const struct cause cause = {.event = EVENT_OVERDUE, .actor = PARTY_NONE};
    struct referral referral;
    struct outcome_of outcome;
    struct timer timer;

    for (int i = 0; i < DUE_IN_ONE_TURN_MAX && timers_take_due(&turn->ledger.timers, turn->now, &timer); i++)
        if (keep_load(turn, timer.referral, &referral) && !(PLANTED(4) && referral.state == STATE_RECEIVED))
            step(turn, &cause, &referral, &outcome, (struct text){0});
}

/* After a change of the rules, everybody who is held is judged anew as if every place were taken: who can be helped now
 * waits, who cannot is held for a person. Free places then go to all who wait, in their turn. */
static void run_again(struct turn *turn)
{
    const struct cause cause = {.event = EVENT_OFFERED, .actor = PARTY_NONE};
    struct referral referral;
    struct outcome_of outcome;

    if (turn->head.judged == turn->head.network)
        return;
    struct places *none = calloc(turn->ledger.network->services_count + 1, sizeof none[0]);
    assert(none);
    for (size_t i = 0; i < turn->again_count; i++) {
        if (!keep_load(turn, turn->again[i], &referral) || referral.state != STATE_ON_HOLD)
            continue;
        struct referral before = referral;
        decide_with(turn, none, &cause, &referral, &outcome);
        assert(outcome.changed && outcome.place_taken < 0);
        keep_change(turn, &before, &referral, &outcome, (struct text){0});
    }
    turn->again_count = 0;
    /* In the commit of this turn: after a crash before it they are judged again. */
    turn->head.judged = turn->head.network;
    turn->changed = true;
    free(none);
}

/* True when the hub that was asked takes no referrals today, or has left the network. */
static bool asked_in_vain(const struct turn *turn, const struct referral *referral)
{
    uint8_t number = referral_current_offer(referral);
    const struct network *network = turn->ledger.network;

    if (referral->state != STATE_RECEIVED || !number)
        return false;
    int hub = network_find_hub(network, referral->offers[number - 1].hub);
    return hub < 0 || hub_status_on(&network->hubs[hub], turn->day) != HUB_OPEN;
}

/* What was offered to a hub that has closed is offered to the next. */
static void move_on_from_closed_hubs(struct turn *turn)
{
    const struct cause cause = {.event = EVENT_HUB_CLOSED, .actor = PARTY_NONE};
    struct referral referral;
    struct outcome_of outcome;

    for (uint64_t number = 1; keep_next(turn, &number, &referral); number++)
        if (asked_in_vain(turn, &referral))
            step(turn, &cause, &referral, &outcome, (struct text){0});
}

static bool hub_closes_today(const struct turn *turn)
{
    for (uint32_t i = 0; i < turn->ledger.network->hubs_count; i++)
        if (turn->ledger.network->hubs[i].closes_on == turn->day)
            return true;
    return false;
}

/* At the start, and on each new day (hubs open and close by date), every free place is offered, and nobody is left with
 * a hub that does not take referrals. */
static void run_new_day(struct turn *turn)
{
    bool starts = turn->look_at_all;

    if (turn->now / DAY_MS == turn->day && !starts)
        return;
    turn->day = turn->now / DAY_MS;
    turn->look_at_all = false;
    fill_all_places(turn);
    if (starts || hub_closes_today(turn))
        move_on_from_closed_hubs(turn);
}

/* What was pushed and not confirmed in time goes out again, from the first unconfirmed on. */
static void run_push_again(struct turn *turn)
{
    int64_t wait = turn->options.push_again_ms;

    if (turn->now < turn->push_check_at)
        return;
    turn->push_check_at = INT64_MAX;
    for (uint32_t i = 1; i < turn->ledger.parties_count; i++) {
        struct party *party = turn->ledger.parties[i];
        if (!party || !party->connection || party->mailbox.sent == party->mailbox.confirmed)
            continue;
        if (turn->now - party->pushed_at >= wait) {
            if (!PLANTED(21))
                party->mailbox.sent = party->mailbox.confirmed;
            party->pushed_at = turn->now;
            ledger_to_push(&turn->ledger, party);
        }
        if (party->pushed_at + wait < turn->push_check_at)
            turn->push_check_at = party->pushed_at + wait;
    }
}

static void run_pushes(struct turn *turn)
{
    for (uint32_t i = 0; i < turn->ledger.to_push_count; i++) {
        struct party *party = ledger_party_at(&turn->ledger, turn->ledger.to_push[i]);
        party->to_push = false;
        keep_push(turn, party);
    }
    turn->ledger.to_push_count = 0;
}

/* ---- the turn ---- */

static void run_in_order(struct turn *turn, const struct request *requests, size_t count)
{
    run_again(turn);
    run_new_day(turn); /* before anything else: nobody overtakes those who wait */
    for (size_t i = 0; i < count; i++)
        handle(turn, &requests[i]);
    run_due(turn);
    run_push_again(turn);
    run_pushes(turn);
    if (turn->changed)
        keep_head(turn);
}

enum store_result turn_run(struct turn *turn, int64_t now_ms, const struct request *requests, size_t count,
                           struct outbox *outbox)
{
    enum store_result result = STORE_UNAVAILABLE;

    if (now_ms > turn->now)
        turn->now = now_ms;
    turn->transaction = store_begin(turn->store, true, &result);
    if (!turn->transaction)
        return result;
    turn->outbox = outbox;
    turn->changed = false;
    turn->written = 0;
    pthread_mutex_lock(&turn->lock);
    run_in_order(turn, requests, count);
    pthread_mutex_unlock(&turn->lock);
    turn->content.referral = 0; /* it may have pointed into a request */
    if (turn->changed) {
        enum store_result committed = store_commit(turn->store, &turn->transaction);
        return PLANTED(1) ? STORE_OK : committed;
    }
    store_abort(turn->store, &turn->transaction);
    return STORE_OK;
}

int64_t turn_next_due(const struct turn *turn)
{
    int64_t next = PLANTED(28) ? INT64_MAX : timers_next(&turn->ledger.timers);
    int64_t midnight = (turn->now / DAY_MS + 1) * DAY_MS;

    if (turn->look_at_all)
        return turn->now;
    if (turn->push_check_at < next)
        next = turn->push_check_at;
    return midnight < next ? midnight : next;
}

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

#define DUE_IN_ONE_TURN_MAX 1000
#define DAYS_LOOKED_BACK_MAX 400

/* ---- answers ---- */

static void answer_begin(struct turn *turn, const struct request *request, enum message_type type)
{
    message_init(&turn->answer, type);
    message_set_uuid(&turn->answer, FIELD_request_id, message_uuid(&request->message, FIELD_request_id));
    message_set_number(&turn->answer, FIELD_at, turn->now);
}

void turn_answer_refused(struct turn *turn, const struct request *request, enum refusal refusal, const char *field)
{
    struct fault fault = {.refusal = refusal};

    strncpy(fault.field, field, sizeof fault.field - 1);
    refuse(&turn->answer, &request->message, &fault, turn->options.retry_after_ms);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

void turn_answer_done(struct turn *turn, const struct request *request, const struct referral *referral, bool duplicate)
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
            turn_answer_refused(turn, request, REFUSAL_CONFLICT, "request_id");
        return true;
    }
    return false;
}

/* A tenth of the store is kept for finishing what is open. What is used is that of the last commit, so that what this
 * turn has written is added. */
bool turn_has_room(struct turn *turn)
{
    uint64_t used = 0;
    uint64_t limit = 0;

    store_usage(turn->store, &used, &limit);
    return used + turn->written < limit - limit / 10;
}

static bool names_hub(struct turn *turn, const struct request *request, enum field field)
{
    if (!message_has(&request->message, field) ||
        profile_hub(turn->ledger.network, message_text(&request->message, field)) != PARTY_NONE)
        return true;
    turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, fields[field].name);
    return false;
}

/* A wish must name something that exists: a misspelt exclusion could do harm. */
static bool check_hubs(struct turn *turn, const struct request *request)
{
    const struct message *message = &request->message;

    for (size_t i = 0; i < message_list_count(message, FIELD_excluded_hub_ids); i++)
        if (profile_hub(turn->ledger.network, message_element(message, FIELD_excluded_hub_ids, i)->text) ==
            PARTY_NONE) {
            turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, "excluded_hub_ids");
            return false;
        }
    return names_hub(turn, request, FIELD_preferred_hub_id) && names_hub(turn, request, FIELD_contact_hub_id);
}

/* Memory and disk are bounded; who is told so can send it again. */
static bool check_room(struct turn *turn, const struct request *request)
{
    if (!turn_has_room(turn)) {
        LOG(LOGGED_STORE_FULL, {"refused", .number = 1});
        turn_answer_refused(turn, request, REFUSAL_FULL, "");
        return false;
    }
    if (turn->ledger.waitlist.count >= turn->options.waiting_max) {
        turn_answer_refused(turn, request, REFUSAL_BUSY, "");
        return false;
    }
    return true;
}

static void take_profile(struct turn *turn, const struct message *message, struct referral *referral)
{
    struct place place = {.locality = LOCALITY_UNKNOWN};

    if (message_has(message, FIELD_postcode))
        postcodes_find(turn->store, turn->transaction, message_text(message, FIELD_postcode), &place);
    profile_from_message(turn->ledger.network, &place, message, turn->ledger.day, referral);
}

static void handle_submit(struct turn *turn, const struct request *request)
{
    const struct party *sender = keep_find_party(turn, request->party);
    const struct cause cause = {.event = EVENT_SUBMITTED, .actor = sender->number};
    struct referral referral = {.sender = sender->number, .state = STATE_REQUESTED};
    struct outcome_of outcome;

    if (answer_repeat(turn, request, sender->number) || !check_hubs(turn, request) || !check_room(turn, request))
        return;
    memcpy(referral.request_id, message_uuid(&request->message, FIELD_request_id), UUID_BYTES);
    memcpy(referral.correlation_id, message_uuid(&request->message, FIELD_correlation_id), UUID_BYTES);
    take_profile(turn, &request->message, &referral);
    referral.number = ++turn->head.referral;
    placing_decide(turn, &cause, &referral, &outcome);
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

/* Whether that offer was made to that hub. */
static bool was_offered(const struct referral *referral, uint8_t offer_number, uint32_t hub)
{
    return offer_number >= 1 && offer_number <= referral->offers_count && referral->offers[offer_number - 1].hub == hub;
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
        turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, "referral_id");
        return;
    }
    if (cause.event == EVENT_ACCEPTED && was_offered(&referral, cause.offer_number, party->number) &&
        !keep_load_content(turn, referral.number)) {
        turn_answer_refused(turn, request, REFUSAL_DAMAGED, "referral_id"); /* there is nobody to hand over */
        return;
    }
    placing_step(turn, &cause, &referral, &outcome, message_text(message, FIELD_note));
    if (outcome.refusal)
        turn_answer_refused(turn, request, outcome.refusal,
                            outcome.refusal == REFUSAL_NOT_FOUND || !cause.offer_number ? "referral_id"
                                                                                        : "offer_number");
    else
        turn_answer_done(turn, request, &referral, outcome.repeated);
}

/* A confirmed offer has been received by its hub; a confirmed outcome closes its referral. */
static void confirm_letter(struct turn *turn, struct party *party, struct owed owed)
{
    struct cause cause = {.actor = party->number, .offer_number = (uint8_t)owed.offer};
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
    placing_step(turn, &cause, &referral, &outcome, (struct text){0});
}

static void handle_confirm(struct turn *turn, const struct request *request)
{
    struct party *party = keep_find_party(turn, request->party);
    uint64_t number = (uint64_t)message_number(&request->message, FIELD_mailbox_number);

    if (number > party->mailbox.last) {
        turn_answer_refused(turn, request, REFUSAL_NOT_PUSHED, "mailbox_number");
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

/* The row of the service that the message names; -1: refused. */
static int own_service(struct turn *turn, const struct request *request, uint32_t party)
{
    const struct network *network = turn->ledger.network;
    struct text id = message_text(&request->message, FIELD_service_id);
    int row = network_find_service(network, party, network_service_number(id.bytes, id.length));

    if (row >= 0 && network->services[row].owner == (uint32_t)row)
        return row;
    turn_answer_refused(turn, request, row < 0 ? REFUSAL_NOT_FOUND : REFUSAL_SHARED, "service_id");
    return -1;
}

static void handle_capacity(struct turn *turn, const struct request *request)
{
    const struct party *party = keep_find_party(turn, request->party);
    int row = own_service(turn, request, party->number);

    if (row < 0)
        return;
    struct places *places = &turn->ledger.places[row];
    uint32_t total = (uint32_t)message_number(&request->message, FIELD_places);
    bool same = places->total == total && places->stated_at;
    struct entry entry = {.at = turn->now,
                          .event = EVENT_CAPACITY_CHANGED,
                          .actor = party->number,
                          .hub = party->number,
                          .service = turn->ledger.network->services[row].number,
                          .figure = total};
    places->total = total;
    places->stated_at = turn->now;
    keep_places(turn, (uint32_t)row);
    if (!same) /* a figure that is stated again only becomes younger: the history grows by changes alone */
        keep_entry(turn, &entry, (struct text){0});
    turn_answer_done(turn, request, NULL, same);
    placing_fill(turn, (uint32_t)row);
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
    {MESSAGE_apply, ruling_apply},           {MESSAGE_emergency, ruling_emergency},
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
            placing_step(turn, &cause, &referral, &outcome, (struct text){0});
}

/* By date alone the network differs from what it was on that day. */
static bool dates_have_passed(const struct turn *turn, int64_t since)
{
    if (turn->ledger.day - since > DAYS_LOOKED_BACK_MAX)
        return true;
    for (int64_t day = since + 1; day <= turn->ledger.day; day++)
        if (network_changes_on(turn->ledger.network, day))
            return true;
    return false;
}

/* At the start, and on each new day, every free place is offered: hubs open and close by date, a sender has its share
 * of a hub again, and in a new week there is room again. Nobody is left with a hub that does not take referrals. */
static void run_new_day(struct turn *turn)
{
    int64_t before = turn->ledger.day;

    ledger_begin_day(&turn->ledger, turn->now);
    if (turn->starts && turn->ledger.day != before)
        placing_forget(turn); /* gathered for the day before */
    if (turn->starts)
        before = turn->head.judged_day ? turn->head.judged_day : turn->ledger.day;
    bool judge = dates_have_passed(turn, before) || turn->head.judged != turn->head.network;
    if (turn->starts || judge)
        placing_anew(turn, judge);
    else if (turn->ledger.day != before)
        placing_fill_all(turn);
    turn->starts = false;
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
    run_new_day(turn); /* before anything else: nobody overtakes those who wait */
    ruling_run(turn);
    places_take(turn);
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
        if (committed == STORE_OK)
            places_done(turn);
        return PLANTED(1) ? STORE_OK : committed;
    }
    store_abort(turn->store, &turn->transaction);
    return STORE_OK;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t turn_next_due(const struct turn *turn)
{
    int64_t next = PLANTED(28) ? INT64_MAX : timers_next(&turn->ledger.timers);

    if (turn->starts)
        return turn->now;
    if (turn->head.emergency_until)
        next = earlier(next, turn->head.emergency_until);
    next = earlier(next, turn->push_check_at);
    return earlier(next, turn->ledger.day_ends);
}

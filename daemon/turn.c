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
/* Not inlined: what it needs of the stack would be probed at each request, and few requests need it. */
#define APART __attribute__((noinline))

/* ---- answers ---- */

void turn_begin_answer(struct turn *turn, const struct request *request, enum message_type type)
{
    message_init(&turn->answer, type);
    message_set_uuid(&turn->answer, FIELD_request_id, message_uuid(request->message, FIELD_request_id));
    message_set_number(&turn->answer, FIELD_at, turn->now);
}

void turn_answer_refused(struct turn *turn, const struct request *request, enum refusal refusal, const char *field)
{
    struct fault fault = {.refusal = refusal};

    strncpy(fault.field, field, sizeof fault.field - 1);
    refuse(&turn->answer, request->message, &fault, turn->options.retry_after_ms);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

/* A hub that speaks of its offer is told how that stands: of the rest of the referral nothing is its to know. */
static void set_standing(struct turn *turn, const struct request *request, const struct referral *referral)
{
    uint8_t number = (uint8_t)message_number(request->message, FIELD_offer_number);
    bool whole = request->role != ROLE_HUB || !number;
    int index = whole ? -1 : referral_part_of_offer(referral, number);
    const struct part *part = index < 0 ? NULL : &referral->parts[index];

    message_set_number(&turn->answer, FIELD_referral_id, (int64_t)referral->number);
    if (whole) {
        message_set_number(&turn->answer, FIELD_state, referral->state);
        message_set_number(&turn->answer, FIELD_business_status, referral->business_status);
    } else if (part && referral_is_with_hub(referral, part->state, part->business_status, number)) {
        message_set_number(&turn->answer, FIELD_state, part->state);
        message_set_number(&turn->answer, FIELD_business_status, part->business_status);
    } else {
        message_set_number(&turn->answer, FIELD_state, referral->offers[number - 1].state);
    }
}

void turn_answer_done(struct turn *turn, const struct request *request, const struct referral *referral, bool duplicate)
{
    turn_begin_answer(turn, request, MESSAGE_done);
    message_set_number(&turn->answer, FIELD_duplicate, duplicate);
    if (referral)
        set_standing(turn, request, referral);
    if (message_has(request->message, FIELD_offer_number))
        message_copy(&turn->answer, request->message, FIELD_offer_number);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

void turn_answer_enquiry(struct turn *turn, const struct request *request, uint64_t enquiry, bool duplicate)
{
    turn_begin_answer(turn, request, MESSAGE_done);
    message_set_number(&turn->answer, FIELD_duplicate, duplicate);
    message_set_number(&turn->answer, FIELD_enquiry_id, (int64_t)enquiry);
    outbox_add(turn->outbox, request->connection, &turn->answer);
}

void turn_add_audit(struct turn *turn, char hash[SEAL_HASH_TEXT_BYTES])
{
    static const uint8_t none[SEAL_HASH_BYTES];

    seal_hash_text(PLANTED(118) ? none : turn->head.chain, hash);
    message_set_number(&turn->answer, FIELD_audit_sequence, (int64_t)turn->head.sequence);
    message_set_string(&turn->answer, FIELD_audit_head, hash);
}

/* What the request came to, when it was done before: the state is that of now. */
static void answer_done_before(struct turn *turn, const struct request *request, const struct request_record *record)
{
    enum message_type type = request->message->type;
    struct referral referral;

    if (type == MESSAGE_enquire || type == MESSAGE_answer_enquiry)
        turn_answer_enquiry(turn, request, record->referral, true);
    else
        turn_answer_done(turn, request, keep_load(turn, record->referral, &referral) ? &referral : NULL, true);
}

/* The referral that the party has submitted with that request id. */
static bool find_submit(struct turn *turn, uint32_t party, const uint8_t id[UUID_BYTES], struct referral *referral)
{
    uint64_t hash = keep_request_hash(turn, party, id);
    uint64_t at = 0;
    uint64_t number;

    while ((number = ledger_find_request(&turn->ledger, hash, &at)))
        if (!(PLANTED(12) && number % 4 == 0) && keep_load(turn, number, referral) && referral->sender == party &&
            memcmp(referral->request_id, id, UUID_BYTES) == 0)
            return true;
    return false;
}

/* Two requests of a party never have one id: what is kept of them stands under it. */
bool turn_answer_repeat(struct turn *turn, const struct request *request, uint32_t party)
{
    const uint8_t *id = message_uuid(request->message, FIELD_request_id);
    struct request_record record;
    struct referral submitted;
    uint8_t digest[sizeof record.digest];

    if (find_submit(turn, party, id, &submitted)) {
        turn_answer_refused(turn, request, REFUSAL_CONFLICT, "request_id");
        return true;
    }
    if (!keep_find_request(turn, party, id, &record) || (PLANTED(110) && request->message->type == MESSAGE_pause))
        return false;
    seal_digest(turn->seal, request->frame, request->frame_length, digest);
    if (memcmp(digest, record.digest, sizeof digest) == 0)
        answer_done_before(turn, request, &record);
    else
        turn_answer_refused(turn, request, REFUSAL_CONFLICT, "request_id");
    return true;
}

void turn_remember(struct turn *turn, const struct request *request, uint32_t party, uint64_t referral)
{
    struct request_record record = {.party = party, .referral = referral};

    memcpy(record.request_id, message_uuid(request->message, FIELD_request_id), UUID_BYTES);
    seal_digest(turn->seal, request->frame, request->frame_length, record.digest);
    keep_request(turn, &record);
}

static void answer_committed(struct turn *turn, const struct request *request, const struct referral *referral,
                             bool duplicate)
{
    turn_begin_answer(turn, request, MESSAGE_committed);
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
    bool has_mailbox = request->role == ROLE_SENDER || request->role == ROLE_HUB;
    struct party *party = has_mailbox ? keep_find_party(turn, request->party) : NULL;
    char hash[SEAL_HASH_TEXT_BYTES];

    turn_begin_answer(turn, request, MESSAGE_welcome);
    message_set_number(&turn->answer, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_string(&turn->answer, FIELD_party, request->party);
    message_set_number(&turn->answer, FIELD_role, request->role);
    message_set_number(&turn->answer, FIELD_mailbox_number, party ? (int64_t)party->mailbox.confirmed : 0);
    message_set_number(&turn->answer, FIELD_window, turn->options.window);
    message_set_string(&turn->answer, FIELD_version, turn->options.version);
    turn_add_audit(turn, hash);
    outbox_add(turn->outbox, request->connection, &turn->answer);
    if (party &&
        (!message_has(request->message, FIELD_takes_pushes) || message_number(request->message, FIELD_takes_pushes)))
        delivery_hello(turn, party, request->connection);
}

/* What a submit said; sent_at may differ from try to try. */
APART static void digest_submit(const struct turn *turn, const struct message *submit, uint8_t digest[16])
{
    static _Thread_local uint8_t bytes[MESSAGE_BYTES_MAX];
    struct message timeless;

    memcpy(&timeless, submit, message_bytes(submit));
    message_set_number(&timeless, FIELD_sent_at, 0);
    seal_digest(turn->seal, bytes, encode(&timeless, bytes, sizeof bytes), digest);
}

/* Whether a repeated submit is the one that was stored, as it was before updates changed it. */
static bool same_submit(struct turn *turn, const struct message *message, const struct referral *referral)
{
    struct request_record first;
    uint8_t digest[sizeof first.digest];

    if (!keep_load_content(turn, referral->number) || PLANTED(13))
        return true; /* erased: what it was can no longer be compared */
    if (!keep_find_request(turn, referral->sender, referral->request_id, &first))
        digest_submit(turn, turn->content.submit, first.digest);
    digest_submit(turn, message, digest);
    return memcmp(digest, first.digest, sizeof digest) == 0;
}

/* Before the first update: what the submit said is known for ever, so that it can be repeated. */
static void remember_submit(struct turn *turn, const struct referral *referral)
{
    struct request_record first = {.party = referral->sender, .referral = referral->number};
    struct request_record stored;

    if (keep_find_request(turn, referral->sender, referral->request_id, &stored))
        return;
    memcpy(first.request_id, referral->request_id, sizeof first.request_id);
    digest_submit(turn, turn->content.submit, first.digest);
    keep_request(turn, &first);
}

/* True when the request id is taken: then the answer has been given. */
static bool answer_repeat(struct turn *turn, const struct request *request, uint32_t party)
{
    struct referral referral;

    if (!find_submit(turn, party, message_uuid(request->message, FIELD_request_id), &referral))
        return false;
    if (same_submit(turn, request->message, &referral))
        answer_committed(turn, request, &referral, true);
    else
        turn_answer_refused(turn, request, REFUSAL_CONFLICT, "request_id");
    return true;
}

/* A tenth of the store is kept for finishing what is open. What is used is that of the last commit, so that what this
 * turn has written is added. */
static void look_at_room(struct turn *turn)
{
    uint64_t used = 0;
    uint64_t limit = 0;

    store_usage(turn->store, &used, &limit);
    limit -= limit / 10;
    turn->room = used < limit ? limit - used : 0;
}

bool turn_has_room(const struct turn *turn)
{
    return turn->written < turn->room;
}

static bool names_hub(struct turn *turn, const struct request *request, enum field field)
{
    if (!message_has(request->message, field) ||
        profile_hub(turn->ledger.network, message_text(request->message, field)) != PARTY_NONE)
        return true;
    turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, fields[field].name);
    return false;
}

/* A wish must name something that exists: a misspelt exclusion could do harm. */
static bool check_hubs(struct turn *turn, const struct request *request)
{
    const struct message *message = request->message;

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

/* What the table of postcodes says of the message's. */
static struct place find_place(struct turn *turn, const struct message *message)
{
    struct place place = {.locality = LOCALITY_UNKNOWN};

    if (message_has(message, FIELD_postcode))
        postcodes_find(turn->store, turn->transaction, message_text(message, FIELD_postcode), &place);
    return place;
}

static void take_submit(struct turn *turn, const struct message *message, struct referral *referral)
{
    struct place place = find_place(turn, message);

    memcpy(referral->request_id, message_uuid(message, FIELD_request_id), UUID_BYTES);
    memcpy(referral->correlation_id, message_uuid(message, FIELD_correlation_id), UUID_BYTES);
    profile_from_message(turn->ledger.network, &place, message, turn->ledger.day, referral);
    if (!PLANTED(117))
        rights_hash_person(turn, message, referral->persons);
}

static void handle_submit(struct turn *turn, const struct request *request)
{
    const struct party *sender = keep_find_party(turn, request->party);
    const struct cause cause = {.event = EVENT_SUBMITTED, .role = request->role, .actor = sender->number};
    struct referral referral = {.sender = sender->number, .state = STATE_REQUESTED};
    struct outcome_of outcome;

    if (answer_repeat(turn, request, sender->number) || !check_hubs(turn, request) ||
        !rights_check_onward(turn, request) || !check_room(turn, request))
        return;
    take_submit(turn, request->message, &referral);
    referral.number = ++turn->head.referral;
    placing_decide(turn, &cause, &referral, &outcome);
    assert(outcome.changed);
    keep_new_content(turn, referral.number, request);
    ledger_take_request(&turn->ledger, keep_request_hash(turn, sender->number, referral.request_id), referral.number);
    answer_committed(turn, request, &referral, false);
    keep_change(turn, NULL, &referral, &outcome, NULL);
    rights_link(turn, &referral, request->message);
}

/* ---- requests about one referral ---- */

/* A row says which event the message is, and whether the state tells that it was done before; else it is remembered. */
static const struct about {
    enum message_type type;
    enum event event;
    bool by_state;
} abouts[] = {
    {MESSAGE_accept, EVENT_ACCEPTED, true},      {MESSAGE_reject, EVENT_REJECTED, true},
    {MESSAGE_start, EVENT_STARTED, true},        {MESSAGE_complete, EVENT_COMPLETED, true},
    {MESSAGE_fail, EVENT_FAILED, true},          {MESSAGE_cancel, EVENT_CANCELLED, true},
    {MESSAGE_update, EVENT_UPDATED, false},      {MESSAGE_pause, EVENT_PAUSED, false},
    {MESSAGE_resume, EVENT_RESUMED, false},      {MESSAGE_hand_back, EVENT_HANDED_BACK, false},
    {MESSAGE_progress, EVENT_PROGRESSED, false}, {MESSAGE_hold, EVENT_HELD, false},
    {MESSAGE_release, EVENT_RELEASED, false},    {MESSAGE_place, EVENT_PLACED, false},
    {MESSAGE_reoffer, EVENT_REOFFERED, false},   {MESSAGE_prioritise, EVENT_PRIORITISED, false},
    {MESSAGE_annotate, EVENT_ANNOTATED, false},  {MESSAGE_turn_away, EVENT_TURNED_AWAY, false},
};

static const struct about *about_of(enum message_type type)
{
    const struct about *about = abouts;

    while (about->type != type) {
        about++;
        assert(about < abouts + sizeof abouts / sizeof abouts[0]);
    }
    return about;
}

/* Whether that offer was made to that hub. */
static bool was_offered(const struct referral *referral, uint8_t offer_number, uint32_t hub)
{
    assert(offer_number); /* its field begins with 1 */
    return offer_number <= referral->offers_count && referral->offers[offer_number - 1].hub == hub;
}

static struct cause cause_of(const struct request *request, enum event event, uint32_t actor)
{
    const struct message *message = request->message;
    struct cause cause = {.event = event,
                          .role = request->role,
                          .actor = actor,
                          .offer_number = (uint8_t)message_number(message, FIELD_offer_number),
                          .reason = (enum status_reason)message_number(message, FIELD_status_reason),
                          .outcome = (enum outcome)message_number(message, FIELD_outcome),
                          .priority = (enum priority)message_number(message, FIELD_priority)};

    if (event == EVENT_CANCELLED && cause.reason == REASON_ENTERED_IN_ERROR)
        cause.event = EVENT_ENTERED_IN_ERROR;
    return cause;
}

/* The hub and the service that an operator chose, as the network in force has them. */
static enum refusal find_chosen(const struct turn *turn, const struct message *message, struct cause *cause,
                                enum field *field)
{
    const struct network *network = turn->ledger.network;
    struct text hub_id = message_text(message, FIELD_hub_id);
    struct text id = message_text(message, FIELD_service_id);
    int hub = network_find_hub_by_id(network, hub_id.bytes, hub_id.length);

    *field = FIELD_hub_id;
    if (hub < 0)
        return REFUSAL_NOT_FOUND;
    int row = network_find_service(network, network->hubs[hub].party, network_service_number(id.bytes, id.length));
    *field = FIELD_service_id;
    if (row < 0)
        return REFUSAL_NOT_FOUND;
    cause->hub = (uint32_t)hub;
    cause->row = (uint32_t)row;
    if (message_has(message, FIELD_need) && !PLANTED(114))
        cause->needs = NEED_BIT(message_number(message, FIELD_need));
    return REFUSAL_NONE;
}

/* The referral as the update makes it, when its sender may: only then it is stored. The message points into the request
 * and into the content that is loaded. */
APART static enum refusal take_update(struct turn *turn, const struct message *update, const struct cause *cause,
                                      struct referral *referral)
{
    struct message merged;
    struct referral decided;
    struct outcome_of outcome;

    if (referral->sender != cause->actor)
        return REFUSAL_NOT_FOUND;
    if (!keep_load_content(turn, referral->number))
        return REFUSAL_DAMAGED;
    profile_merge(turn->content.submit, update, &merged);
    struct place place = find_place(turn, &merged);
    if (!PLANTED(115))
        profile_update(turn->ledger.network, &place, &merged, update, hours_day(referral->submitted_at), referral);
    decided = *referral;
    placing_decide(turn, cause, &decided, &outcome);
    if (outcome.refusal)
        return outcome.refusal;
    remember_submit(turn, referral);
    if (!keep_changed_content(turn, referral->number, &merged))
        return REFUSAL_TOO_LARGE;
    rights_hash_person(turn, &merged, referral->persons);
    return REFUSAL_NONE;
}

/* What must be true before it is decided, and what the decision needs besides the request. */
static enum refusal prepare(struct turn *turn, const struct request *request, struct cause *cause,
                            struct referral *referral, enum field *field)
{
    const struct message *message = request->message;

    *field = FIELD_referral_id;
    if (referral->erased) /* it is closed: nothing of it changes any more */
        return REFUSAL_NONE;
    if (cause->event == EVENT_ACCEPTED && was_offered(referral, cause->offer_number, cause->actor) &&
        !keep_load_content(turn, referral->number))
        return REFUSAL_DAMAGED; /* there is nobody to hand over */
    if (message->type == MESSAGE_cancel && request->role == ROLE_OPERATOR && !message_has(message, FIELD_note) &&
        !PLANTED(116)) {
        *field = FIELD_note;
        return REFUSAL_REQUIRED;
    }
    if (cause->event == EVENT_PLACED)
        return find_chosen(turn, message, cause, field);
    if (cause->event == EVENT_UPDATED)
        return take_update(turn, message, cause, referral);
    return REFUSAL_NONE;
}

static void decide_about(struct turn *turn, const struct request *request, const struct about *about, uint32_t party,
                         struct referral *referral)
{
    struct cause cause = cause_of(request, about->event, party);
    struct referral before = *referral;
    struct outcome_of outcome;
    enum field field;

    enum refusal refusal = prepare(turn, request, &cause, referral, &field);
    if (!refusal) {
        placing_step_from(turn, &cause, &before, referral, &outcome, request->message);
        refusal = outcome.refusal;
        field = refusal == REFUSAL_NOT_FOUND || !cause.offer_number ? FIELD_referral_id : FIELD_offer_number;
    }
    if (refusal) {
        turn_answer_refused(turn, request, refusal, fields[field].name);
        return;
    }
    if (cause.event == EVENT_ACCEPTED && !outcome.repeated)
        rights_link_accepted(turn, referral->number, cause.offer_number);
    if (!about->by_state)
        turn_remember(turn, request, party, referral->number);
    turn_answer_done(turn, request, referral, outcome.repeated);
}

static void handle_about_referral(struct turn *turn, const struct request *request)
{
    const struct about *about = about_of(request->message->type);
    struct party *party = keep_find_party(turn, request->party);
    struct referral referral;

    if (!about->by_state && turn_answer_repeat(turn, request, party->number))
        return;
    if (keep_load(turn, (uint64_t)message_number(request->message, FIELD_referral_id), &referral))
        decide_about(turn, request, about, party->number, &referral);
    else
        turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, "referral_id");
}

/* ---- the others ---- */

/* The row of the service that the message names; -1: refused. */
static int own_service(struct turn *turn, const struct request *request, uint32_t party)
{
    const struct network *network = turn->ledger.network;
    struct text id = message_text(request->message, FIELD_service_id);
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
    uint32_t total = (uint32_t)message_number(request->message, FIELD_places);
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
        keep_entry(turn, &entry, NULL);
    turn_answer_done(turn, request, NULL, same);
    placing_fill(turn, (uint32_t)row);
}

static const struct {
    enum message_type type;
    void (*handle)(struct turn *, const struct request *);
} handlers[] = {
    {MESSAGE_submit, handle_submit},     {MESSAGE_confirm, delivery_confirm},
    {MESSAGE_capacity, handle_capacity}, {MESSAGE_hello, handle_hello},
    {MESSAGE_enquire, enquiry_ask},      {MESSAGE_answer_enquiry, enquiry_answer},
    {MESSAGE_reveal, rights_reveal},     {MESSAGE_erase, rights_erase},
    {MESSAGE_apply, ruling_apply},       {MESSAGE_emergency, ruling_emergency},
};

/* What has no handler of its own is about a referral. */
static void handle(struct turn *turn, const struct request *request)
{
    if (request->kind == REQUEST_GONE) {
        delivery_gone(turn, request->connection);
        return;
    }
    if (!network_admits(turn->ledger.network, request->role, request->party)) {
        turn_answer_refused(turn, request, REFUSAL_ROLE, "");
        return;
    }
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++)
        if (handlers[i].type == request->message->type) {
            handlers[i].handle(turn, request);
            return;
        }
    handle_about_referral(turn, request);
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
            placing_step(turn, &cause, &referral, &outcome, NULL);
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

/* ---- the turn ---- */

static void run_in_order(struct turn *turn, const struct request *requests, size_t count)
{
    run_new_day(turn); /* before anything else: nobody overtakes those who wait */
    ruling_run(turn);
    places_take(turn);
    for (size_t i = 0; i < count; i++)
        handle(turn, &requests[i]);
    run_due(turn);
    enquiry_run_due(turn);
    delivery_run(turn);
    if (turn->changed)
        keep_head(turn);
}

enum store_result turn_run(struct turn *turn, int64_t now_ms, const struct request *requests, size_t count,
                           struct outbox *outbox)
{
    enum store_result result = STORE_UNAVAILABLE;

    turn->transaction = store_begin(turn->store, true, &result);
    if (!turn->transaction)
        return result;
    turn->outbox = outbox;
    turn->changed = false;
    turn->unreadable = false;
    turn->written = 0;
    look_at_room(turn);
    pthread_mutex_lock(&turn->lock);
    if (now_ms > turn->now)
        turn->now = now_ms;
    run_in_order(turn, requests, count);
    pthread_mutex_unlock(&turn->lock);
    turn->content.referral = 0; /* it may have pointed into a request */
    if (turn->unreadable) {
        store_abort(turn->store, &turn->transaction);
        return STORE_DAMAGED;
    }
    /* Also of a turn that changed nothing: where it could not read, what it says is not true. */
    enum store_result committed = store_commit(turn->store, &turn->transaction);
    if (turn->changed && committed == STORE_OK) {
        turn->batch = turn->head.batch;
        places_done(turn);
    }
    return PLANTED(1) ? STORE_OK : committed;
}

uint64_t turn_batch(const struct turn *turn)
{
    return turn->batch;
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
    next = earlier(next, timers_next(&turn->ledger.enquiries));
    next = earlier(next, delivery_next_due(turn));
    return earlier(next, turn->ledger.day_ends);
}

/* SPDX-License-Identifier: MIT
 * enquiry: a hub asks another whether it knows a person. What was asked stands in the content under the enquiry's
 * number and key; who asked whom for which case, and the answer's code, in its record and in the history. */
#include <assert.h>

#include "daemon/core/planted.h"
#include "daemon/turn_inside.h"

#define DUE_IN_ONE_TURN_MAX 1000
/* What was asked for no case is kept so long after it has ended, for who has to ask back; the rest goes with its case.
 */
#define KEPT_MS (30 * INT64_C(86400000))

static bool is_open(const struct enquiry *enquiry)
{
    return !enquiry->ended_at;
}

/* Puts the entry into the history, and the enquiry with it. */
static void record(struct turn *turn, struct enquiry *enquiry, struct entry *entry, const struct message *said)
{
    entry->referral = enquiry->number;
    entry->previous = enquiry->history;
    entry->linked = enquiry->referral;
    entry->at = turn->now;
    entry->hub = enquiry->asked;
    enquiry->history = turn->head.sequence + 1;
    keep_enquiry(turn, enquiry);
    keep_entry(turn, entry, said);
    assert(entry->sequence == enquiry->history);
}

/* ---- asking ---- */

/* Of the asker now; what has ended, or was handed back, is no reason to ask any more. */
static bool has_case(const struct referral *referral, uint32_t hub)
{
    for (uint8_t i = 0; i < referral->offers_count; i++) {
        enum state state = referral->offers[i].state;
        if (referral->offers[i].hub == hub &&
            (state == STATE_ACCEPTED || state == STATE_IN_PROGRESS || state == STATE_ON_HOLD))
            return true;
    }
    return false;
}

/* Why the asker may not ask for that case; it need not name one. */
static enum refusal refuses_case(struct turn *turn, const struct message *message, uint32_t asker)
{
    struct referral referral;

    if (!message_has(message, FIELD_referral_id) || PLANTED(133))
        return REFUSAL_NONE;
    if (!keep_load(turn, (uint64_t)message_number(message, FIELD_referral_id), &referral) ||
        !rights_had_case(&referral, asker))
        return REFUSAL_NOT_FOUND;
    if (referral.erased)
        return REFUSAL_ERASED;
    return has_case(&referral, asker) ? REFUSAL_NONE : REFUSAL_NOT_CURRENT;
}

/* The hub that is asked: another one, which has opened and not closed for good. NULL: there is none. */
static const struct hub *find_asked(const struct turn *turn, const struct message *message, uint32_t asker)
{
    const struct network *network = turn->ledger.network;
    struct text id = message_text(message, FIELD_hub_id);
    int i = network_find_hub_by_id(network, id.bytes, id.length);

    if (i < 0 || network->hubs[i].party == asker)
        return NULL;
    enum hub_status status = hub_status_on(&network->hubs[i], turn->ledger.day);
    return status == HUB_PLANNED || status == HUB_CLOSED ? NULL : &network->hubs[i];
}

static void open_enquiry(struct turn *turn, const struct request *request, uint32_t asker, const struct hub *asked)
{
    const struct network *network = turn->ledger.network;
    struct calendar calendar = network_hub_calendar(network, asked);
    struct enquiry enquiry = {.number = ++turn->head.referral,
                              .asker = asker,
                              .asked = asked->party,
                              .referral = (uint64_t)message_number(request->message, FIELD_referral_id),
                              .asked_at = turn->now,
                              .deadline = calendar_after(&calendar, turn->now, network->deadlines.enquiry_ms)};
    struct entry entry = {.event = EVENT_ENQUIRED,
                          .actor = asker,
                          .deadline = enquiry.deadline,
                          .stage = STAGE_ENQUIRY,
                          .letters = {{.party = asked->party, .type = MESSAGE_enquiry}},
                          .letters_count = 1};

    keep_new_content(turn, enquiry.number, request);
    record(turn, &enquiry, &entry, NULL);
    ledger_open_enquiry(&turn->ledger, enquiry.number, enquiry.deadline);
    turn_remember(turn, request, asker, enquiry.number);
    turn_answer_enquiry(turn, request, enquiry.number, false);
}

void enquiry_ask(struct turn *turn, const struct request *request)
{
    const struct party *asker = keep_find_party(turn, request->party);
    const struct hub *asked = find_asked(turn, request->message, asker->number);

    if (turn_answer_repeat(turn, request, asker->number))
        return;
    enum refusal refusal = refuses_case(turn, request->message, asker->number);
    if (!asked)
        turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, "hub_id");
    else if (refusal)
        turn_answer_refused(turn, request, refusal, "referral_id");
    else if (!turn_has_room(turn))
        turn_answer_refused(turn, request, REFUSAL_FULL, "");
    else
        open_enquiry(turn, request, asker->number, asked);
}

/* ---- its end ---- */

/* The asker is told. */
static void end(struct turn *turn, struct enquiry *enquiry, struct entry *entry, const struct message *said)
{
    enquiry->deadline = 0;
    enquiry->ended_at = turn->now;
    entry->letters[entry->letters_count++] = (struct letter){.party = enquiry->asker, .type = MESSAGE_enquiry_answered};
    record(turn, enquiry, entry, said);
    ledger_end_enquiry(&turn->ledger);
    if (!enquiry->referral)
        ledger_look_at_enquiry(&turn->ledger, enquiry->number, turn->now + KEPT_MS);
}

void enquiry_answer(struct turn *turn, const struct request *request)
{
    const struct message *message = request->message;
    const struct party *asked = keep_find_party(turn, request->party);
    struct entry entry = {.event = EVENT_ENQUIRY_ANSWERED,
                          .actor = asked->number,
                          .known = (enum known)message_number(message, FIELD_known)};
    struct enquiry enquiry;

    if (turn_answer_repeat(turn, request, asked->number))
        return;
    if (!keep_load_enquiry(turn, (uint64_t)message_number(message, FIELD_enquiry_id), &enquiry) ||
        (enquiry.asked != asked->number && !PLANTED(136))) {
        turn_answer_refused(turn, request, REFUSAL_NOT_FOUND, "enquiry_id");
        return;
    }
    if (!is_open(&enquiry) && !(PLANTED(134) && enquiry.expired)) {
        turn_answer_refused(turn, request, enquiry.erased ? REFUSAL_ERASED : REFUSAL_OFFER_ENDED, "enquiry_id");
        return;
    }
    enquiry.known = entry.known;
    end(turn, &enquiry, &entry, message);
    turn_remember(turn, request, asked->number, enquiry.number);
    turn_answer_enquiry(turn, request, enquiry.number, false);
}

static void expire(struct turn *turn, struct enquiry *enquiry)
{
    struct entry entry = {.event = EVENT_ENQUIRY_EXPIRED,
                          .actor = PARTY_NONE,
                          .reason = REASON_SILENCE,
                          .known = KNOWN_CANNOT_SAY,
                          .stage = STAGE_ENQUIRY};

    enquiry->expired = true;
    end(turn, enquiry, &entry, NULL);
}

/* When somebody erased the person, who was asked about them is told. What is still owed goes out without the person. */
static void erase(struct turn *turn, struct enquiry *enquiry, uint32_t actor)
{
    struct entry entry = {.event = EVENT_ERASED,
                          .actor = actor,
                          .letters = {{.party = enquiry->asked, .type = MESSAGE_erased}},
                          .letters_count = actor != PARTY_NONE};

    if (is_open(enquiry)) {
        enquiry->deadline = 0;
        enquiry->ended_at = turn->now;
        ledger_end_enquiry(&turn->ledger);
    }
    enquiry->erased = true;
    keep_no_content(turn, enquiry->number);
    record(turn, enquiry, &entry, NULL);
}

void enquiry_erase(struct turn *turn, uint64_t referral, const struct request *request)
{
    const struct party *actor = keep_find_party(turn, request->party);
    const void *bytes = NULL;
    struct enquiry enquiry;
    size_t length = 0;

    /* One that was made for the case has a larger number. */
    for (uint64_t number = referral + 1;
         store_seek(turn->store, turn->transaction, TABLE_ENQUIRY, false, &number, &bytes, &length) == STORE_OK;
         number++)
        if (keep_load_enquiry(turn, number, &enquiry) && enquiry.referral == referral)
            erase(turn, &enquiry, actor->number);
}

static void remove_when_old(struct turn *turn, struct enquiry *enquiry)
{
    if (!enquiry->referral && !enquiry->erased && turn->now - enquiry->ended_at >= KEPT_MS)
        erase(turn, enquiry, PARTY_NONE);
}

void enquiry_run_due(struct turn *turn)
{
    struct enquiry enquiry;
    struct timer timer;

    for (int i = 0; i < DUE_IN_ONE_TURN_MAX && timers_take_due(&turn->ledger.enquiries, turn->now, &timer); i++) {
        if (!keep_load_enquiry(turn, timer.referral, &enquiry))
            continue;
        if (!is_open(&enquiry))
            remove_when_old(turn, &enquiry);
        else if (!PLANTED(137))
            expire(turn, &enquiry);
    }
}

static void rebuild_one(struct turn *turn, const struct enquiry *enquiry)
{
    if (is_open(enquiry)) {
        if (!PLANTED(139))
            ledger_open_enquiry(&turn->ledger, enquiry->number, enquiry->deadline);
    } else if (!enquiry->referral && !enquiry->erased) {
        ledger_look_at_enquiry(&turn->ledger, enquiry->number, enquiry->ended_at + KEPT_MS);
    }
}

void enquiry_rebuild(struct turn *turn)
{
    const void *bytes = NULL;
    struct enquiry enquiry;
    size_t length = 0;

    for (uint64_t number = 1;
         store_seek(turn->store, turn->transaction, TABLE_ENQUIRY, false, &number, &bytes, &length) == STORE_OK;
         number++) {
        if (keep_load_enquiry(turn, number, &enquiry))
            rebuild_one(turn, &enquiry);
        else
            turn->ledger.totals.damaged++;
    }
}

/* ---- its letters ---- */

static void name_hub(struct turn *turn, uint32_t party, int64_t at, enum field id, enum field name)
{
    const struct network *network = turn->ledger.network;
    int hub = network_find_hub(network, party);

    message_set_string(&turn->answer, id, ledger_party_at(&turn->ledger, party)->id);
    if (hub >= 0)
        message_set_string(&turn->answer, name, hub_on(network, &network->hubs[hub], hours_day(at))->name);
}

static void copy(struct turn *turn, const struct message *from, const enum field *told, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (message_has(from, told[i]))
            message_copy(&turn->answer, from, told[i]);
}

/* Who the person is, only as long as the answer is waited for. */
static void write_question(struct turn *turn, const struct entry *entry)
{
    static const enum field asked[] = {FIELD_note,       FIELD_nhs_number,    FIELD_family_name,
                                       FIELD_given_name, FIELD_date_of_birth, FIELD_postcode};
    struct enquiry enquiry;
    bool known = keep_load_enquiry(turn, entry->referral, &enquiry);

    if (known && enquiry.erased) {
        turn->answer.type = MESSAGE_erased;
        return;
    }
    name_hub(turn, entry->actor, entry->at, FIELD_asker_id, FIELD_asker_name);
    message_set_number(&turn->answer, FIELD_deadline, entry->deadline);
    if (known && is_open(&enquiry) && keep_load_content(turn, entry->referral))
        copy(turn, turn->content.submit, asked, sizeof asked / sizeof asked[0]);
}

static void write_answer(struct turn *turn, const struct entry *entry, const struct message *said)
{
    static const enum field answered[] = {FIELD_contact, FIELD_note};

    if (entry->linked)
        message_set_number(&turn->answer, FIELD_referral_id, (int64_t)entry->linked);
    name_hub(turn, entry->hub, entry->at, FIELD_hub_id, FIELD_hub_name);
    message_set_number(&turn->answer, FIELD_known, entry->known);
    if (entry->reason)
        message_set_number(&turn->answer, FIELD_status_reason, entry->reason);
    if (said)
        copy(turn, said, answered, sizeof answered / sizeof answered[0]);
}

void enquiry_letter(struct turn *turn, const struct entry *entry, const struct letter *letter,
                    const struct message *said)
{
    message_init(&turn->answer, letter->type);
    message_set_number(&turn->answer, FIELD_mailbox_number, (int64_t)letter->mailbox_number);
    message_set_number(&turn->answer, FIELD_enquiry_id, (int64_t)entry->referral);
    message_set_number(&turn->answer, FIELD_at, entry->at);
    if (letter->type == MESSAGE_enquiry)
        write_question(turn, entry);
    else if (letter->type == MESSAGE_enquiry_answered)
        write_answer(turn, entry, said);
}

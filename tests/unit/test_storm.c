/* SPDX-License-Identifier: MIT
 * A storm: everybody says anything at any time, while operators change the network at will. After every step the
 * accounts in memory are what the stored records come to, every question has an answer, and a restart changes nothing.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/accounts.h"
#include "tests/asking.h"
#include "tests/chance.h"

#define HOUR_MS INT64_C(3600000)

/* Many short ones: what goes wrong only among few people comes up at the beginning of each. */
enum { STORMS = 80, STEPS = 100, ROWS = ACCOUNTS_ROWS };

static uint64_t seed;
static int step;
static bool updated[STEPS + 2]; /* by number: what rules look at is not what it was when they decided */

/* For messages of assertions: the seed is REFERRALD_SEED of a run whose first storm is this one. */
static const char *here(void)
{
    static char text[64];

    snprintf(text, sizeof text, "seed %" PRIu64 ", step %d", seed, step);
    return text;
}

/* ---- steps ---- */

static int64_t newest(void)
{
    return (int64_t)talk_turn->head.referral;
}

/* One that is stored; there is one from the first step on. */
static struct referral any_referral(void)
{
    int64_t number = 1 + below((uint32_t)newest());

    while (!talk_is_referral(number)) /* it is that of an enquiry; the first number is none */
        number--;
    return talk_referral(number);
}

/* What all storms together have come to. */
static struct {
    uint64_t referrals, accepted, several, networks, closed;
    uint64_t done[256]; /* requests, by type */
} reached;

static char first_network[sizeof network];

static void everybody_greets(void)
{
    talk_hello("gp");
    talk_hello("clinic");
    for (int hub = 0; hub < HUBS; hub++)
        talk_hello(hubs[hub]);
}

static void the_daemon_dies(void)
{
    struct accounts before = held_in_memory();

    talk_restart(first_network);
    struct accounts after = held_in_memory();
    assert_accounts(&before, &after, here());
    assert_mailboxes(&before, &after, here());
    for (int row = 0; row < ROWS; row++) {
        cr_assert_eq(after.places[row].total, before.places[row].total, "%s: row %d", here(), row);
        cr_assert_eq(after.places[row].stated_at, before.places[row].stated_at, "%s: row %d", here(), row);
    }
    everybody_greets();
}

/* Whether anybody may repeat it: what the state tells is not remembered, and may have been undone since. */
static bool is_remembered(enum message_type type)
{
    static const enum message_type by_state[] = {MESSAGE_accept,   MESSAGE_reject, MESSAGE_start,
                                                 MESSAGE_complete, MESSAGE_fail,   MESSAGE_cancel};

    for (size_t i = 0; i < sizeof by_state / sizeof by_state[0]; i++)
        if (by_state[i] == type)
            return false;
    return true;
}

/* What was done is not done again, now or after the daemon has died. */
static void repeat(const char *party, const struct message *message)
{
    if (one_in(8))
        the_daemon_dies();
    uint64_t sequence = talk_head().sequence;
    talk_say(party, message);
    cr_assert_eq(talk_refused(party), REFUSAL_NONE, "%s: %s", here(), message_spec(message->type)->name);
    cr_assert(message_number(talk_heard(party, MESSAGE_done, 0), FIELD_duplicate), "%s", here());
    cr_assert(talk_turn->starts || talk_head().sequence == sequence, "%s: %s was done twice", here(),
              message_spec(message->type)->name);
}

static void say_and_repeat(const char *party, const struct message *message)
{
    talk_say(party, message);
    if (talk_refused(party) == REFUSAL_NONE) {
        reached.done[message->type]++;
        if (is_remembered(message->type) && one_in(4))
            repeat(party, message);
    }
}

static enum status_reason any_reason(enum message_type type)
{
    if (type == MESSAGE_cancel)
        return one_in(5) ? REASON_ENTERED_IN_ERROR : REASON_NO_LONGER_NEEDED;
    if (type == MESSAGE_turn_away)
        return REASON_NOT_ELIGIBLE;
    return one_in(3) ? REASON_CAPACITY : REASON_OTHER;
}

static void choose_place(struct message *message)
{
    message_set_string(message, FIELD_hub_id, any_hub());
    message_set_string(message, FIELD_service_id, (const char *const[SERVICES]){"s0", "s1", "s2"}[below(SERVICES)]);
    if (one_in(3))
        message_set_number(message, FIELD_need, needs[below(NEEDS)]);
}

static void say_about(const char *party, enum message_type type, const struct referral *referral, int64_t offer)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, (int64_t)referral->number);
    if (offer)
        message_set_number(&message, FIELD_offer_number, offer);
    if (type == MESSAGE_cancel || type == MESSAGE_reject || type == MESSAGE_fail || type == MESSAGE_hand_back ||
        type == MESSAGE_turn_away)
        message_set_number(&message, FIELD_status_reason, any_reason(type));
    if (type == MESSAGE_complete)
        message_set_number(&message, FIELD_outcome, one_in(4) ? OUTCOME_PARTLY : OUTCOME_GOT_HELP);
    if (type == MESSAGE_prioritise)
        message_set_number(&message, FIELD_priority, 1 + below(PRIORITY_STAT));
    if (type == MESSAGE_place)
        choose_place(&message);
    if (is_remembered(type) || one_in(3))
        message_set_string(&message, FIELD_note, "a storm");
    say_and_repeat(party, &message);
}

static void somebody_is_referred(void)
{
    enum need wanted[NEEDS + 1] = {needs[below(NEEDS)]};
    uint32_t much = below(NEEDS);
    struct message submit;

    for (int i = 0, count = 1; i < NEEDS; i++)
        if (needs[i] != wanted[0] && below(NEEDS) < much)
            wanted[count++] = needs[i];
    talk_person(&submit, (unsigned)newest() + 1, wanted);
    message_set_number(&submit, FIELD_priority, 1 + below(PRIORITY_STAT));
    if (one_in(3))
        message_set_string(&submit, FIELD_neighbourhood_code, one_in(2) ? "south" : "nowhere");
    if (one_in(8))
        message_set_number(&submit, FIELD_tier_needed, 1 + below(TIER_SPECIALIST));
    if (one_in(20))
        message_set_number(&submit, FIELD_consent_to_share, CONSENT_IN_DOUBT);
    if (one_in(10))
        message_set_number(&submit, FIELD_consent_expires_on, hours_day(talk_now) + 1 + below(3));
    if (one_in(20))
        message_set_string(&submit, FIELD_safeguarding_code, "878111000000109");
    talk_say_submit(one_in(6) ? "elm" : one_in(3) ? "clinic" : "gp", &submit);
}

/* What a hub says about an offer in a state; anything about what is over. */
static enum message_type any_answer(enum state state)
{
    static const enum message_type to_offer[] = {MESSAGE_accept, MESSAGE_accept, MESSAGE_reject, MESSAGE_reject};
    static const enum message_type accepted[] = {MESSAGE_start, MESSAGE_start, MESSAGE_pause, MESSAGE_hand_back};
    static const enum message_type begun[] = {MESSAGE_progress, MESSAGE_pause, MESSAGE_complete, MESSAGE_hand_back};
    static const enum message_type paused[] = {MESSAGE_resume, MESSAGE_resume, MESSAGE_fail, MESSAGE_hand_back};
    static const enum message_type over[] = {MESSAGE_accept, MESSAGE_complete, MESSAGE_resume, MESSAGE_fail};
    const enum message_type *answers = state == STATE_REQUESTED || state == STATE_RECEIVED ? to_offer
                                       : state == STATE_ACCEPTED                           ? accepted
                                       : state == STATE_IN_PROGRESS                        ? begun
                                       : state == STATE_ON_HOLD                            ? paused
                                                                                           : over;

    return answers[below(4)];
}

/* Mostly the hub that was asked, and often about what is over. */
static void a_hub_answers(void)
{
    struct referral referral = any_referral();
    char hub[ID_BYTES_MAX + 1];
    uint32_t offer = 0;

    strcpy(hub, any_hub());
    if (referral.offers_count)
        offer = one_in(3) ? below(referral.offers_count) : referral.offers_count - 1u;
    enum message_type answer = any_answer(one_in(6) ? below(STATE_FAILED) : referral.offers[offer].state);
    if (referral.offers_count && !one_in(10))
        turn_party_id(talk_turn, referral.offers[offer].hub, hub);
    say_about(hub, answer, &referral, offer + 1);
}

static void a_sender_cancels(void)
{
    struct referral referral = any_referral();
    char sender[ID_BYTES_MAX + 1];

    turn_party_id(talk_turn, referral.sender, sender);
    say_about(sender, MESSAGE_cancel, &referral, 0);
}

/* Of what may change: what rules look at, and what they do not. */
static void a_sender_knows_more(void)
{
    struct referral referral = any_referral();
    char sender[ID_BYTES_MAX + 1];
    struct message update;

    turn_party_id(talk_turn, referral.sender, sender);
    talk_begin_request(&update, MESSAGE_update);
    message_set_number(&update, FIELD_referral_id, (int64_t)referral.number);
    message_set_string(&update, FIELD_phone, "01632960111");
    if (one_in(2))
        message_set_number(&update, FIELD_is_carer, below(2));
    if (one_in(3))
        message_set_string(&update, FIELD_postcode, "ZE1 9ZX");
    if (one_in(2)) {
        message_set_number(&update, FIELD_consent_to_share, one_in(4) ? CONSENT_IN_DOUBT : CONSENT_GIVEN);
        message_set_number(&update, FIELD_consent_recorded_at, talk_now);
        message_set_string(&update, FIELD_consent_recorded_by, "A. Nurse");
    }
    if (message_has(&update, FIELD_consent_to_share) && one_in(3))
        message_set_number(&update, FIELD_consent_expires_on, hours_day(talk_now) + 1 + below(3));
    updated[referral.number] = true;
    say_and_repeat(one_in(10) ? "clinic" : sender, &update);
}

static void an_operator_acts(void)
{
    static const enum message_type acts[] = {MESSAGE_hold,       MESSAGE_hold,     MESSAGE_release,   MESSAGE_release,
                                             MESSAGE_place,      MESSAGE_place,    MESSAGE_reoffer,   MESSAGE_reoffer,
                                             MESSAGE_prioritise, MESSAGE_annotate, MESSAGE_turn_away, MESSAGE_cancel,
                                             MESSAGE_reveal};
    enum message_type act = acts[below(sizeof acts / sizeof acts[0])];
    struct referral referral = any_referral();
    int64_t offer = act == MESSAGE_reoffer ? 1 + below(referral.offers_count + 1u) : 0;

    say_about(TALK_OPERATOR, act, &referral, offer);
}

static void a_person_is_erased(void)
{
    struct referral referral = any_referral();

    for (int64_t number = newest(); referral_is_open(&referral) && number > 0; number--)
        if (talk_is_referral(number))
            referral = talk_referral(number);
    say_about("privacy", MESSAGE_erase, &referral, 0);
}

static void a_hub_enquires(void)
{
    struct message enquire;

    talk_begin_request(&enquire, MESSAGE_enquire);
    message_set_string(&enquire, FIELD_hub_id, any_hub());
    message_set_string(&enquire, FIELD_note, "a storm");
    message_set_string(&enquire, FIELD_nhs_number, "9990000018");
    if (one_in(2))
        message_set_number(&enquire, FIELD_referral_id, (int64_t)any_referral().number);
    say_and_repeat(any_hub(), &enquire);
}

static void a_hub_answers_an_enquiry(void)
{
    int64_t number = 1 + below((uint32_t)newest());
    char hub[ID_BYTES_MAX + 1];
    struct enquiry enquiry;
    struct message answer;

    while (number <= newest() && !talk_enquiry(number, &enquiry))
        number++;
    if (number > newest())
        return;
    turn_party_id(talk_turn, enquiry.asked, hub);
    talk_begin_request(&answer, MESSAGE_answer_enquiry);
    message_set_number(&answer, FIELD_enquiry_id, number);
    message_set_number(&answer, FIELD_known, 1 + below(KNOWN_CANNOT_SAY));
    message_set_string(&answer, FIELD_contact, "The duty desk");
    say_and_repeat(one_in(10) ? any_hub() : hub, &answer);
}

static void a_hub_states_its_places(void)
{
    const char *hub = any_hub();
    const char *service = (const char *const[SERVICES]){"s0", "s1", "s2"}[below(SERVICES)];

    talk_capacity(hub, service, below(5));
}

static void a_party_confirms(void)
{
    const char *id = one_in(2) ? "gp" : any_hub();
    const struct mailbox *mailbox = &ledger_party(&talk_turn->ledger, id)->mailbox;
    struct message message;

    talk_begin_request(&message, MESSAGE_confirm);
    message_set_number(&message, FIELD_mailbox_number,
                       mailbox->confirmed + below((uint32_t)mailbox_unconfirmed(mailbox) + 1));
    talk_say(id, &message);
}

static void a_party_greets(void)
{
    talk_hello(one_in(2) ? "gp" : any_hub());
}

static void hours_pass(void)
{
    talk_wait(below(30) * HOUR_MS);
}

static void an_operator_changes_the_network(void)
{
    uint32_t draft = talk_draft(one_in(3) ? any_network() : same_network_later(), 0);

    talk_apply(draft, false);
    cr_assert_eq(talk_refused(TALK_OPERATOR), REFUSAL_NONE, "%s:\n%s", here(), network);
}

static void an_operator_switches_the_emergency(void)
{
    talk_emergency(one_in(2) ? talk_now + (1 + below(100)) * HOUR_MS : 0);
}

/* ---- what holds at any time ---- */

static bool is_with_hub(const struct part *part)
{
    return part->state == STATE_RECEIVED || part->state == STATE_ACCEPTED || part->state == STATE_IN_PROGRESS ||
           (part->state == STATE_ON_HOLD && part->business_status == BUSINESS_PAUSED);
}

/* Nobody ends in silence: somebody is waited for, for something, until a deadline. */
static void assert_expected(const struct referral *referral)
{
    const char *where = here();

    cr_assert(referral->deadline > 0 && referral->stage, "%s: referral %" PRIu64, where, referral->number);
    cr_assert_gt(referral_next_due(referral), 0, "%s: referral %" PRIu64, where, referral->number);
    cr_assert(!referral->deadline_owner || ledger_party_at(&talk_turn->ledger, referral->deadline_owner), "%s", where);
}

/* Every need is in one part; what goes on has a deadline; and who is with a hub holds the places of one offer. */
static void assert_whole(const struct referral *referral)
{
    uint64_t met = 0;
    int with_hubs = 0, holding = 0;

    for (int i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        cr_assert(part->needs && !(met & part->needs), "%s: referral %" PRIu64, here(), referral->number);
        cr_assert(part_has_ended(part) || (part->deadline > 0 && part->stage), "%s: referral %" PRIu64, here(),
                  referral->number);
        if (is_with_hub(part))
            cr_assert_eq(referral->offers[part->offer - 1].needs, part->needs, "%s", here());
        met |= part->needs;
        with_hubs += is_with_hub(part);
    }
    if (referral_is_open(referral))
        assert_expected(referral);
    for (int i = 0; i < referral->offers_count; i++)
        holding += offer_holds_place(&referral->offers[i]);
    cr_assert_eq(met, referral->profile.needs, "%s: referral %" PRIu64, here(), referral->number);
    cr_assert_eq(holding, with_hubs, "%s: referral %" PRIu64, here(), referral->number);
}

static void assert_records_and_memory_agree(void)
{
    static struct accounts counted, held;

    counted = (struct accounts){0};
    for (int64_t number = 1; number <= newest(); number++) {
        struct enquiry enquiry;
        if (talk_enquiry(number, &enquiry)) {
            counted.totals.enquiries_open += enquiry.deadline != 0;
            continue;
        }
        struct referral referral = talk_referral(number);
        assert_whole(&referral);
        count_referral(&counted, &referral);
    }
    held = held_in_memory();
    assert_accounts(&counted, &held, here());
}

static void ask_why(int64_t referral)
{
    const struct message *decision = asking_about(TALK_OPERATOR, ROLE_OPERATOR, MESSAGE_explain, referral);

    cr_assert_eq(decision->type, MESSAGE_decision, "%s: referral %" PRId64, here(), referral);
    /* Of an erased person too little is known to decide it again. */
    cr_assert(message_number(decision, FIELD_replayed) || talk_referral(referral).erased || updated[referral],
              "%s: referral %" PRId64 " decided anew", here(), referral);
}

static void ask_about(const struct referral *referral)
{
    static const enum message_type questions[] = {MESSAGE_status, MESSAGE_history, MESSAGE_explain};
    enum message_type question = questions[below(3)];
    int64_t number = (int64_t)referral->number;
    char sender[ID_BYTES_MAX + 1];

    ask_why(number);
    asking_about(TALK_OPERATOR, ROLE_OPERATOR, question, number);
    cr_assert_eq(asking_refused(), REFUSAL_NONE, "%s: referral %" PRId64, here(), number);
    turn_party_id(talk_turn, referral->sender, sender);
    asking_about(sender, ROLE_SENDER, question, number);
    asking_about(any_hub(), ROLE_HUB, question, number);
}

static void ask_about_nobody(void)
{
    struct message profile;
    uint32_t count = 1 + below(NEEDS);

    asking_begin(&profile, MESSAGE_profile);
    struct value *list = message_set_list(&profile, FIELD_needs, count);
    for (uint32_t i = 0; i < count; i++) {
        list[i * NEED_OF_PERSON_MEMBER_COUNT + MEMBER_code] = (struct value){.present = true, .number = needs[i]};
        list[i * NEED_OF_PERSON_MEMBER_COUNT + MEMBER_is_primary] = (struct value){.present = true, .number = !i};
    }
    message_set_number(&profile, FIELD_age, below(121));
    message_set_number(&profile, FIELD_tier_needed, 1 + below(TIER_SPECIALIST));
    if (!one_in(4))
        message_set_string(&profile, FIELD_neighbourhood_code, one_in(4) ? "nowhere" : "south");
    if (one_in(4))
        message_set_number(&profile, FIELD_travel_limit_minutes, 5 + below(116));
    asking(&profile);
}

static void ask_about_the_network(void)
{
    static const enum message_type questions[] = {MESSAGE_list,     MESSAGE_hubs,  MESSAGE_overview,
                                                  MESSAGE_versions, MESSAGE_unmet, MESSAGE_equity};
    struct message message;

    asking_begin(&message, questions[below(sizeof questions / sizeof questions[0])]);
    asking(&message);
    cr_assert_eq(asking_refused(), REFUSAL_NONE, "%s", here());
}

static void ask_about_a_draft(void)
{
    static const enum message_type studies[] = {MESSAGE_check, MESSAGE_diff, MESSAGE_coverage, MESSAGE_simulate};
    int64_t draft = asking_draft(same_network_later());

    for (size_t i = 0; i < sizeof studies / sizeof studies[0]; i++) {
        asking_study_of(studies[i], draft);
        cr_assert_eq(asking_refused(), REFUSAL_NONE, "%s: study %zu:\n%s", here(), i, network);
    }
}

static void ask(void)
{
    struct referral referral = any_referral();

    asking_open();
    ask_about(&referral);
    ask_about_nobody();
    ask_about_the_network();
    if (one_in(20))
        ask_about_a_draft();
    asking_close();
}

/* ---- the storm ---- */

static const struct {
    uint32_t weight;
    void (*happens)(void);
} kinds[] = {{20, somebody_is_referred},
             {28, a_hub_answers},
             {4, a_sender_knows_more},
             {2, a_sender_cancels},
             {10, an_operator_acts},
             {2, a_person_is_erased},
             {2, a_hub_enquires},
             {2, a_hub_answers_an_enquiry},
             {5, a_hub_states_its_places},
             {7, a_party_confirms},
             {2, a_party_greets},
             {4, hours_pass},
             {3, talk_wait_until_due},
             {5, an_operator_changes_the_network},
             {2, an_operator_switches_the_emergency},
             {2, the_daemon_dies}};

static void anything_happens(void)
{
    uint32_t drawn = below(100);
    size_t kind = 0;

    while (drawn >= kinds[kind].weight)
        drawn -= kinds[kind++].weight;
    kinds[kind].happens();
}

static void count_reached(void)
{
    reached.networks += talk_turn->head.network - 1;
    for (int64_t number = 1; number <= newest(); number++) {
        if (!talk_is_referral(number))
            continue;
        struct referral referral = talk_referral(number);
        reached.referrals++;
        reached.several += referral.parts_count > 1;
        reached.closed += !referral_is_open(&referral);
        for (uint8_t i = 0; i < referral.offers_count; i++)
            reached.accepted += referral.offers[i].accepted;
    }
}

static void rage(void)
{
    memset(updated, 0, sizeof updated);
    strcpy(first_network, any_network());
    talk_begin(first_network);
    talk_options.held_max = one_in(2) ? 0 : 1 + below(20); /* of who is farther behind, the rest is on disk */
    talk_restart(first_network);
    talk_wait(below(7 * 24) * HOUR_MS); /* to any hour of the week */
    everybody_greets();
    somebody_is_referred();
    for (step = 0; step < STEPS; step++) {
        struct accounts before = held_in_memory();
        uint32_t version = talk_turn->head.network;

        anything_happens();
        talk_hear_all();
        assert_records_and_memory_agree();
        if (talk_turn->head.network == version)
            assert_never_over(&before, here());
        ask();
    }
    asking_open();
    for (int64_t number = 1; number <= newest(); number++)
        if (talk_is_referral(number))
            ask_why(number);
    asking_close();
    count_reached();
    talk_end();
}

static bool is_said_about_somebody(enum message_type type)
{
    return type != MESSAGE_hello && type != MESSAGE_submit && type != MESSAGE_confirm && type != MESSAGE_capacity &&
           type != MESSAGE_apply && type != MESSAGE_emergency;
}

Test(storm, whatever_happens_memory_says_what_the_records_say_and_every_question_has_an_answer)
{
    for (uint64_t run = 0; run < STORMS; run++) {
        seed = luck = random_seed(run);
        fprintf(stderr, "storm of seed %" PRIu64 "\n", seed); /* also seen when the daemon's own asserts stop it */
        rage();
    }
    /* A storm in which everything is refused would show nothing. */
    cr_assert_gt(reached.referrals, 10 * STORMS);
    cr_assert_gt(reached.several, 5 * STORMS);
    cr_assert_gt(reached.networks, 2 * STORMS);
    cr_assert_gt(reached.accepted, STORMS);
    cr_assert_gt(reached.closed, STORMS / 4);
    for (size_t i = 0; i < messages_count; i++)
        if (messages[i].direction == REQUEST && is_said_about_somebody(messages[i].type))
            cr_assert_gt(reached.done[messages[i].type], 0, "nobody could %s", messages[i].name);
}

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
    return talk_referral(1 + below((uint32_t)newest()));
}

static void say_about(const char *party, enum message_type type, const struct referral *referral, int64_t offer)
{
    struct message message;

    talk_begin_request(&message, type);
    message_set_number(&message, FIELD_referral_id, (int64_t)referral->number);
    if (offer)
        message_set_number(&message, FIELD_offer_number, offer);
    if (type == MESSAGE_cancel)
        message_set_number(&message, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    if (type == MESSAGE_reject || type == MESSAGE_fail)
        message_set_number(&message, FIELD_status_reason, one_in(3) ? REASON_CAPACITY : REASON_DECLINED);
    if (type == MESSAGE_complete)
        message_set_number(&message, FIELD_outcome, one_in(4) ? OUTCOME_PARTLY : OUTCOME_GOT_HELP);
    talk_say(party, &message);
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

/* Mostly the hub that was asked, and often about what is over. */
static void a_hub_answers(void)
{
    static const enum message_type answers[] = {MESSAGE_accept, MESSAGE_accept,   MESSAGE_reject, MESSAGE_reject,
                                                MESSAGE_start,  MESSAGE_complete, MESSAGE_fail};
    enum message_type answer = answers[below(sizeof answers / sizeof answers[0])];
    struct referral referral = any_referral();
    char hub[ID_BYTES_MAX + 1];
    uint32_t offer = referral.offers_count ? below(referral.offers_count) : 0;

    strcpy(hub, any_hub());
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
    for (int row = 0; row < ROWS; row++) {
        cr_assert_eq(after.places[row].total, before.places[row].total, "%s: row %d", here(), row);
        cr_assert_eq(after.places[row].stated_at, before.places[row].stated_at, "%s: row %d", here(), row);
    }
    everybody_greets();
}

/* ---- what holds at any time ---- */

static bool is_with_hub(const struct part *part)
{
    return part->state == STATE_RECEIVED || part->state == STATE_ACCEPTED || part->state == STATE_IN_PROGRESS;
}

/* Every need is in one part; what goes on has a deadline; and who is with a hub holds the places of one offer. */
static void assert_whole(const struct referral *referral)
{
    uint64_t met = 0;
    int with_hubs = 0, holding = 0;

    for (int i = 0; i < referral->parts_count; i++) {
        const struct part *part = &referral->parts[i];
        cr_assert(part->needs && !(met & part->needs), "%s: referral %" PRIu64, here(), referral->number);
        cr_assert(part_has_ended(part) || part->deadline > 0, "%s: referral %" PRIu64, here(), referral->number);
        if (is_with_hub(part))
            cr_assert_eq(referral->offers[part->offer - 1].needs, part->needs, "%s", here());
        met |= part->needs;
        with_hubs += is_with_hub(part);
    }
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
    cr_assert(message_number(decision, FIELD_replayed), "%s: referral %" PRId64 " decided anew", here(), referral);
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
} kinds[] = {{25, somebody_is_referred},
             {36, a_hub_answers},
             {4, a_sender_cancels},
             {6, a_hub_states_its_places},
             {6, a_party_confirms},
             {3, a_party_greets},
             {5, hours_pass},
             {3, talk_wait_until_due},
             {8, an_operator_changes_the_network},
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

/* What all storms together have come to. */
static struct {
    uint64_t referrals, accepted, several, networks, closed;
} reached;

static void count_reached(void)
{
    reached.networks += talk_turn->head.network - 1;
    for (int64_t number = 1; number <= newest(); number++) {
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
    strcpy(first_network, any_network());
    talk_begin(first_network);
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
        ask_why(number);
    asking_close();
    count_reached();
    talk_end();
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
}

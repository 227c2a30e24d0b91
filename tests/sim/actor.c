/* SPDX-License-Identifier: MIT
 * actor: what parties do, rightly and wrongly. */
#include "tests/sim/actor.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/ask.h"
#include "proto/codec.h"
#include "tests/people.h"
#include "tests/sim/array.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define NEVER INT64_MAX

/* Something to ask the daemon, until it has been answered. */
struct task {
    uint8_t id[UUID_BYTES];
    enum message_type type;
    int door;
    int64_t not_before; /* NEVER: done */
    bool repeated;
    uint64_t mailbox_number;
    uint8_t *frame;
    size_t length;
};

/* How far a hub is with an offer. */
enum holding { ASKED, ANSWERED, WITH_US, OVER };

struct held {
    uint64_t referral;
    int offer_number;
    enum holding stage;
};

/* A program of the party: the first asks, all take what is pushed. */
struct door {
    struct ask ask;
    int64_t newest;    /* mailbox number of what came last of what is stored */
    int64_t confirmed; /* and of what was confirmed of that */
    int64_t confirm_at;
    int64_t deaf_until; /* it hangs */
    int32_t open;       /* the task that it asks; -1: none */
};

struct actor {
    struct world *world;
    int party;
    struct door doors[WORLD_DOORS];
    int doors_count;
    bool *stored; /* by mailbox number: the party has it */
    uint32_t stored_room;
    struct task *tasks;
    uint32_t tasks_count, tasks_room;
    struct held *held;
    uint32_t held_count, held_room;
    int64_t confirm_delay_max;
    int64_t wake_at;
    int silence; /* percent of offers that are never answered */
};

static struct message scratch;

static struct random *dice(struct actor *actor)
{
    return &actor->world->random;
}

struct actor *actor_open(struct world *world, int party)
{
    struct actor *actor = calloc(1, sizeof *actor);

    assert(actor);
    actor->world = world;
    actor->party = party;
    actor->wake_at = NEVER;
    actor->doors_count = 1;
    if (world->town.parties[party].role == ROLE_HUB || world->town.parties[party].role == ROLE_SENDER)
        actor->doors_count += random_chance(dice(actor), 35);
    for (int i = 0; i < WORLD_DOORS; i++) {
        actor->doors[i].open = -1;
        actor->doors[i].confirm_at = NEVER;
    }
    actor->confirm_delay_max = random_chance(dice(actor), 20) ? 20 * MINUTE : 5 * SECOND;
    actor->silence = random_chance(dice(actor), 20) ? 60 : 8;
    return actor;
}

void actor_close(struct actor **actor)
{
    for (uint32_t i = 0; i < (*actor)->tasks_count; i++)
        free((*actor)->tasks[i].frame);
    free((*actor)->tasks);
    free((*actor)->held);
    free((*actor)->stored);
    free(*actor);
    *actor = NULL;
}

/* ---- making requests ---- */

static void set_new_uuid(struct actor *actor, struct message *message, enum field field)
{
    uint64_t halves[2];
    uint8_t id[UUID_BYTES];

    halves[0] = random_next(dice(actor));
    halves[1] = random_next(dice(actor));
    memcpy(id, halves, sizeof id);
    id[6] = (uint8_t)(0x40 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
    message_set_uuid(message, field, id);
}

static void set_new_id(struct actor *actor, struct message *message)
{
    set_new_uuid(actor, message, FIELD_request_id);
}

static void add_task_of(struct actor *actor, int door, const struct message *message, int64_t at)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    struct task task = {.type = message->type,
                        .door = door,
                        .not_before = at,
                        .mailbox_number = (uint64_t)message_number(message, FIELD_mailbox_number)};

    memcpy(task.id, message_uuid(message, FIELD_request_id), UUID_BYTES);
    task.length = encode(message, bytes, sizeof bytes);
    assert(task.length);
    task.frame = malloc(task.length);
    assert(task.frame);
    memcpy(task.frame, bytes, task.length);
    actor->tasks = array_grow(actor->tasks, actor->tasks_count, &actor->tasks_room, sizeof actor->tasks[0]);
    actor->tasks[actor->tasks_count++] = task;
    world_wake(actor->world, actor->party, at);
}

static void add_task(struct actor *actor, const struct message *message, int64_t at)
{
    add_task_of(actor, 0, message, at);
}

/* Said once, without waiting for an answer: what a party says out of turn. */
static void say_aside(struct actor *actor, const struct message *message)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];

    if (actor->doors[0].ask.is_welcome)
        world_send(actor->world, actor->party, 0, bytes, encode(message, bytes, sizeof bytes));
}

static struct text one_of_hubs(struct actor *actor)
{
    const struct town *town = &actor->world->town;
    int64_t i;

    do
        i = random_between(dice(actor), 0, town->parties_count - 1);
    while (town->parties[i].role != ROLE_HUB);
    return (struct text){town->parties[i].id, (uint32_t)strlen(town->parties[i].id)};
}

/* Holds its referral for a person. */
static void set_doubts(struct actor *actor, struct message *message)
{
    if (random_chance(dice(actor), 4))
        message_set_string(message, FIELD_safeguarding_code, "1364631000000107");
    if (!town_has(&actor->world->town, TOWN_HOLDS))
        return;
    if (random_chance(dice(actor), 5))
        message_set_number(message, FIELD_consent_to_share, CONSENT_IN_DOUBT);
    if (random_chance(dice(actor), 5))
        message_set_number(message, FIELD_consent_expires_on, actor->world->town.starts_on - 1);
}

static void set_wishes(struct actor *actor, struct message *message)
{
    if (random_chance(dice(actor), 20)) {
        struct text hub = one_of_hubs(actor);
        message_set_text(message, FIELD_preferred_hub_id, hub.bytes, hub.length);
    }
    if (random_chance(dice(actor), 25)) {
        struct value *value = message_set_list(message, FIELD_excluded_hub_ids, 1);
        value->present = true;
        value->text = one_of_hubs(actor);
    }
    if (town_has(&actor->world->town, TOWN_TIERS) && random_chance(dice(actor), 40))
        message_set_number(message, FIELD_tier_needed,
                           random_chance(dice(actor), 50) ? TIER_UNIVERSAL : TIER_SPECIALIST);
}

/* The detail of a need is for hubs that are asked about it. */
static void set_needs(struct actor *actor, struct message *message)
{
    static const char *const details[TOWN_NEEDS] = {"DETAIL-0.", "DETAIL-1.", "DETAIL-2.", "DETAIL-3.", "DETAIL-4."};
    const struct town *town = &actor->world->town;
    int64_t count = town_has(town, TOWN_SEVERAL_NEEDS) ? random_between(dice(actor), 1, 4) : 1;
    int64_t first = random_between(dice(actor), 0, town->needs_count - 1);
    int64_t step = 1 + random_between(dice(actor), 0, town->needs_count == 4 ? 0 : town->needs_count - 2);

    count = count > town->needs_count ? town->needs_count : count;
    struct value *need = message_set_list(message, FIELD_needs, (size_t)count);
    for (int64_t i = 0; i < count; i++, need += NEED_OF_PERSON_MEMBER_COUNT) {
        int64_t which = (first + i * step) % town->needs_count;
        need[MEMBER_code].present = need[MEMBER_detail].present = need[MEMBER_is_primary].present = true;
        need[MEMBER_code].number = (int64_t)town_needs[which];
        need[MEMBER_is_primary].number = i == 0;
        need[MEMBER_detail].text = (struct text){details[which], (uint32_t)strlen(details[which])};
    }
}

static void state_area(struct actor *actor, struct message *message)
{
    const struct town *town = &actor->world->town;

    message_set_number(message, FIELD_no_fixed_abode, true);
    message_set_string(message, FIELD_neighbourhood_code,
                       town->areas[random_between(dice(actor), 0, town->areas_count - 1)].code);
}

/* Hubs that move are no help to the auditor, nor are those without an area. */
static bool state_hub_of_contact(struct actor *actor, struct message *message)
{
    const struct town *town = &actor->world->town;
    struct text id = one_of_hubs(actor);
    const struct town_party *hub = &town->parties[town_find_party(town, id.bytes, id.length)];
    bool has_area = false;

    for (int i = 0; i < town->areas_count; i++)
        has_area = has_area || hub->eras[0].home[i];
    if (!has_area || town_has(town, TOWN_LIVES))
        return false;
    message_set_number(message, FIELD_no_fixed_abode, true);
    message_set_text(message, FIELD_contact_hub_id, id.bytes, id.length);
    return true;
}

static void set_where(struct actor *actor, struct message *message)
{
    const struct town *town = &actor->world->town;
    int64_t how = town_has(town, TOWN_PLACES) ? random_between(dice(actor), 0, 9) : 9;

    if (random_chance(dice(actor), 6))
        return; /* their postcode is in no table */
    if (how < 4) {
        struct town_postcode postcode = town_postcode_at((int)random_between(dice(actor), 0, TOWN_POSTCODES - 1));
        strcpy(message->postcode, postcode.text);
        message_set_string(message, FIELD_postcode, message->postcode);
    } else if (how == 4) {
        message_set_string(message, FIELD_gp_practice_ods, town_practice);
    } else if (how > 6 || !state_hub_of_contact(actor, message)) {
        state_area(actor, message);
    }
}

static void set_codes(struct actor *actor, struct message *message, enum field field, int64_t most)
{
    int64_t first = random_between(dice(actor), 1, most);
    int64_t count = random_between(dice(actor), 1, 2);
    struct value *codes = message_set_list(message, field, (size_t)count);

    for (int64_t i = 0; i < count; i++) {
        codes[i].present = true;
        codes[i].number = (first + i - 1) % most + 1;
    }
}

/* Whom services may be for. */
static void set_facts(struct actor *actor, struct message *message)
{
    static const char *const groups[TOWN_GROUPS] = {"group-0", "group-1"};
    const struct town *town = &actor->world->town;

    if (random_chance(dice(actor), 30)) {
        struct value *group = message_set_list(message, FIELD_plus_groups, 1);
        const char *id = groups[random_between(dice(actor), 0, TOWN_GROUPS - 1)];
        group->present = true;
        group->text = (struct text){id, (uint32_t)strlen(id)};
    }
    message_unset(message, FIELD_travel_limit_minutes);
    if (!town_has(town, TOWN_PERSONS))
        return;
    message_set_number(message, FIELD_referral_source,
                       random_between(dice(actor), SOURCE_GP_LINK_WORKER, SOURCE_WELLBEING_HUB));
    message_set_number(message, FIELD_interpreter_needed, random_chance(dice(actor), 30));
    set_codes(actor, message, FIELD_reasonable_adjustments, ADJUST_QUIET);
    set_codes(actor, message, FIELD_risk_flags, RISK_ANIMAL);
    if (random_chance(dice(actor), 40)) {
        message_set_number(message, FIELD_travel_limit_minutes, random_between(dice(actor), 5, 60));
        message_set_number(message, FIELD_transport_mode, random_between(dice(actor), TRANSPORT_WALK, TRANSPORT_CAR));
    }
}

static void set_practice(struct actor *actor, struct message *message)
{
    const struct town *town = &actor->world->town;
    int64_t i = random_between(dice(actor), 0, town->parties_count - 1);

    if (town->parties[i].practice[0])
        message_set_string(message, FIELD_gp_practice_ods, town->parties[i].practice);
}

/* Who is told what came of it. */
static void set_back(struct actor *actor, struct message *message)
{
    static const enum message_back choices[][2] = {
        {BACK_GP, BACK_REFERRER}, {BACK_GP, 0}, {BACK_REFERRER, 0}, {BACK_NONE, 0}};
    int64_t choice = random_between(dice(actor), 0, 3);
    size_t count = choices[choice][1] ? 2 : 1;
    struct value *codes = message_set_list(message, FIELD_consent_message_back, count);

    for (size_t i = 0; i < count; i++)
        codes[i] = (struct value){.present = true, .number = (int64_t)choices[choice][i]};
}

/* The consent lasts for some days. */
static void set_consent_end(struct actor *actor, struct message *message)
{
    message_set_number(message, FIELD_consent_expires_on,
                       actor->world->town.starts_on + random_between(dice(actor), 0, 6));
}

/* Who the person is: the same for the same number. */
static void set_person(struct message *message, unsigned number)
{
    static char family_name[24];

    snprintf(family_name, sizeof family_name, "CANARY-%u", number);
    message_set_string(message, FIELD_family_name, family_name);
    message_set_string(message, FIELD_given_name, "CANARY");
    message_set_string(message, FIELD_reason_for_referral, "CANARY would like company.");
    message_set_string(message, FIELD_what_matters, "CANARY");
    message_set_string(message, FIELD_referrer_name, "CANARY Referrer");
}

/* Some come a second time, with a request of its own. */
static unsigned draw_person(struct actor *actor)
{
    unsigned number = ++actor->world->submits;
    unsigned person = number;

    if (town_has(&actor->world->town, TOWN_SAME) && number > 1 && random_chance(dice(actor), 25))
        person = (unsigned)random_between(dice(actor), number > 8 ? number - 8 : 1, number - 1);
    person_submit(&scratch, person, PEOPLE_POSTCODE);
    if (person != number) {
        set_new_id(actor, &scratch);
        set_new_uuid(actor, &scratch, FIELD_correlation_id);
    }
    return person;
}

/* Everything about a person that no hub may see before it has accepted holds the word CANARY. */
void actor_plan_submit(struct actor *actor, int64_t at)
{
    const struct town *town = &actor->world->town;
    static const enum priority priorities[] = {PRIORITY_ROUTINE, PRIORITY_ROUTINE, PRIORITY_ROUTINE,
                                               PRIORITY_URGENT,  PRIORITY_ASAP,    PRIORITY_STAT};

    set_person(&scratch, draw_person(actor));
    message_set_number(&scratch, FIELD_priority, (int64_t)priorities[random_between(dice(actor), 0, 5)]);
    set_needs(actor, &scratch);
    set_where(actor, &scratch);
    set_facts(actor, &scratch);
    set_wishes(actor, &scratch);
    set_doubts(actor, &scratch);
    if (town_has(town, TOWN_PRACTICES)) {
        set_practice(actor, &scratch);
        set_back(actor, &scratch);
    }
    if (town_has(town, TOWN_CONSENT) && random_chance(dice(actor), 30))
        set_consent_end(actor, &scratch);
    add_task(actor, &scratch, at);
}

void actor_plan_capacity(struct actor *actor, int64_t at)
{
    const struct town_party *hub = &actor->world->town.parties[actor->party];

    if (!hub->services_count || hub->tier == TIER_UNIVERSAL)
        return;
    message_init(&scratch, MESSAGE_capacity);
    set_new_id(actor, &scratch);
    message_set_string(&scratch, FIELD_service_id,
                       hub->services[random_between(dice(actor), 0, hub->services_count - 1)].id);
    message_set_number(&scratch, FIELD_places, random_between(dice(actor), 0, 4));
    add_task(actor, &scratch, at);
}

/* ---- an operator's work ---- */

void actor_plan_emergency(struct actor *actor, int64_t at, bool on)
{
    message_init(&scratch, MESSAGE_emergency);
    set_new_id(actor, &scratch);
    message_set_string(&scratch, FIELD_note, "The river has risen.");
    if (on)
        message_set_number(&scratch, FIELD_until, at + random_between(dice(actor), 35, 70) * HOUR);
    add_task(actor, &scratch, at);
}

void actor_apply(struct actor *actor, uint32_t draft, bool holes_allowed)
{
    message_init(&scratch, MESSAGE_apply);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_draft, draft);
    message_set_string(&scratch, FIELD_note, "As agreed.");
    if (holes_allowed)
        message_set_number(&scratch, FIELD_holes_allowed, true);
    add_task(actor, &scratch, actor->world->now);
}

void actor_ask_unmet(struct actor *actor)
{
    message_init(&scratch, MESSAGE_unmet);
    set_new_id(actor, &scratch);
    add_task(actor, &scratch, actor->world->now);
}

void actor_ask_check(struct actor *actor, int64_t sequence, const char *hash)
{
    message_init(&scratch, MESSAGE_store_check);
    set_new_id(actor, &scratch);
    add_task(actor, &scratch, actor->world->now);
    message_init(&scratch, MESSAGE_verify);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_audit_sequence, sequence);
    message_set_string(&scratch, FIELD_audit_head, hash);
    add_task(actor, &scratch, actor->world->now);
}

static bool is_about_offer(enum message_type type)
{
    const struct message_spec *spec = message_spec(type);

    for (size_t i = 0; i < spec->count; i++)
        if (spec->members[i].field == FIELD_offer_number)
            return true;
    return false;
}

static void set_reason(struct actor *actor, struct message *message)
{
    static const enum status_reason reasons[][3] = {
        {0},
        {REASON_CAPACITY, REASON_NOT_ELIGIBLE, REASON_DISTANCE},                     /* reject, hand_back */
        {REASON_DID_NOT_ATTEND, REASON_NO_LONGER_NEEDED, REASON_FAILED_CONTACT},     /* fail */
        {REASON_NO_LONGER_NEEDED, REASON_NO_LONGER_NEEDED, REASON_ENTERED_IN_ERROR}, /* cancel */
        {REASON_NO_HUB, REASON_NOT_ELIGIBLE, REASON_DECLINED}};                      /* turn_away */
    int row = message->type == MESSAGE_reject || message->type == MESSAGE_hand_back ? 1
              : message->type == MESSAGE_fail                                       ? 2
              : message->type == MESSAGE_cancel                                     ? 3
              : message->type == MESSAGE_turn_away                                  ? 4
                                                                                    : 0;
    int64_t most = row == 3 && !town_has(&actor->world->town, TOWN_UPDATES) ? 1 : 2;

    if (row)
        message_set_number(message, FIELD_status_reason, (int64_t)reasons[row][random_between(dice(actor), 0, most)]);
}

/* What came of it so far. */
static void set_support(struct actor *actor, struct message *message)
{
    struct value *support = message_set_list(message, FIELD_support_offered, 1);
    struct value *score = message_set_list(message, FIELD_outcome_scores, 1);

    support[0] = (struct value){.present = true, .number = NEED_BEFRIENDING};
    score[MEMBER_outcome_moment] = (struct value){.present = true, .number = MOMENT_AFTER};
    score[MEMBER_outcome_measure] = (struct value){.present = true, .number = MEASURE_ONS4};
    score[MEMBER_outcome_total] = (struct value){.present = true, .number = random_between(dice(actor), 0, 40)};
    score[MEMBER_outcome_taken_on] = (struct value){.present = true, .number = actor->world->town.starts_on - 1};
}

static void begin_about(struct actor *actor, enum message_type type, const struct held *held)
{
    bool tells = type == MESSAGE_progress || type == MESSAGE_complete || type == MESSAGE_fail;
    bool by_staff = actor->world->town.parties[actor->party].role > ROLE_HUB;

    message_init(&scratch, type);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_referral_id, (int64_t)held->referral);
    if (is_about_offer(type))
        message_set_number(&scratch, FIELD_offer_number, held->offer_number);
    set_reason(actor, &scratch);
    if (type == MESSAGE_complete)
        message_set_number(&scratch, FIELD_outcome, random_chance(dice(actor), 30) ? OUTCOME_PARTLY : OUTCOME_GOT_HELP);
    if (tells && town_has(&actor->world->town, TOWN_CASES) && random_chance(dice(actor), 50))
        set_support(actor, &scratch);
    if (type == MESSAGE_pause || type == MESSAGE_progress || by_staff ||
        (random_chance(dice(actor), 20) && is_about_offer(type)))
        message_set_string(&scratch, FIELD_note, by_staff ? "A note of the staff." : "A note of the hub.");
}

static int64_t after(struct actor *actor, int64_t least, int64_t most)
{
    if (actor->world->quiet) {
        least = SECOND;
        most = 5 * MINUTE;
    }
    return actor->world->now + random_between(dice(actor), least, most);
}

static void plan_about(struct actor *actor, enum message_type type, const struct held *held, int64_t at)
{
    begin_about(actor, type, held);
    add_task(actor, &scratch, at);
}

/* ---- a hub's work ---- */

static void plan_answer(struct actor *actor, struct held *held)
{
    bool late = random_chance(dice(actor), 15);
    int64_t at = late ? after(actor, 2 * HOUR, 20 * HOUR) : after(actor, SECOND, HOUR);

    held->stage = ANSWERED;
    plan_about(actor, random_chance(dice(actor), 70) ? MESSAGE_accept : MESSAGE_reject, held, at);
}

static void plan_end(struct actor *actor, const struct held *held, int64_t at)
{
    bool hands_back =
        town_has(&actor->world->town, TOWN_CASES) && !actor->world->quiet && random_chance(dice(actor), 20);

    plan_about(actor,
               hands_back                       ? MESSAGE_hand_back
               : random_chance(dice(actor), 75) ? MESSAGE_complete
                                                : MESSAGE_fail,
               held, at);
}

/* How it goes, until then. Returns when the last of it is said. */
static int64_t plan_course(struct actor *actor, const struct held *held, int64_t at)
{
    if (!town_has(&actor->world->town, TOWN_CASES))
        return at;
    for (int64_t n = random_between(dice(actor), 0, 3); n > 0; n--) {
        at += random_between(dice(actor), MINUTE, 20 * HOUR);
        plan_about(actor, MESSAGE_progress, held, at);
    }
    if (random_chance(dice(actor), actor->world->trouble.rough ? 60 : 30)) {
        at += random_between(dice(actor), MINUTE, 5 * HOUR);
        plan_about(actor, MESSAGE_pause, held, at);
        at += random_between(dice(actor), HOUR, 80 * HOUR);
        if (random_chance(dice(actor), 70))
            plan_about(actor, MESSAGE_resume, held, at);
    }
    return at;
}

/* The hub refers the person on for another need that it has found. */
static void refer_on(struct actor *actor, const struct held *held, const struct message *person)
{
    struct noticed *known = world_know(actor->world, held->referral);

    if (known->referred_on)
        return;
    known->referred_on = true;
    person_submit(&scratch, ++actor->world->submits, PEOPLE_POSTCODE);
    set_person(&scratch, 0);
    set_new_id(actor, &scratch);
    message_set_uuid(&scratch, FIELD_correlation_id, message_uuid(person, FIELD_correlation_id));
    message_set_number(&scratch, FIELD_onward_from, (int64_t)held->referral);
    message_copy(&scratch, person, FIELD_nhs_number);
    message_copy(&scratch, person, FIELD_family_name);
    message_copy(&scratch, person, FIELD_date_of_birth);
    set_needs(actor, &scratch);
    state_area(actor, &scratch);
    set_facts(actor, &scratch);
    add_task(actor, &scratch, after(actor, SECOND, 5 * HOUR));
}

/* Whether another hub knows the person of a case, or somebody who came in. */
static void enquire(struct actor *actor, const struct held *held, const struct message *person)
{
    struct text hub = one_of_hubs(actor);

    message_init(&scratch, MESSAGE_enquire);
    set_new_id(actor, &scratch);
    message_set_text(&scratch, FIELD_hub_id, hub.bytes, hub.length);
    if (random_chance(dice(actor), 80))
        message_set_number(&scratch, FIELD_referral_id, (int64_t)held->referral);
    else
        message_set_string(&scratch, FIELD_note, "CANARY came in without a letter.");
    if (random_chance(dice(actor), 10)) /* not a case of this hub */
        message_set_number(&scratch, FIELD_referral_id, (int64_t)held->referral + 1);
    message_copy(&scratch, person, FIELD_nhs_number);
    message_copy(&scratch, person, FIELD_family_name);
    message_copy(&scratch, person, FIELD_given_name);
    message_copy(&scratch, person, FIELD_date_of_birth);
    add_task(actor, &scratch, after(actor, SECOND, 5 * HOUR));
}

static void answer(struct actor *actor, uint64_t enquiry, int64_t at)
{
    int64_t known = random_between(dice(actor), KNOWN_YES, KNOWN_CANNOT_SAY);

    message_init(&scratch, MESSAGE_answer_enquiry);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_enquiry_id, (int64_t)enquiry);
    message_set_number(&scratch, FIELD_known, known);
    if (known == KNOWN_CANNOT_SAY || random_chance(dice(actor), 50))
        message_set_string(&scratch, FIELD_contact, "CONTACT Example, 01632 960009");
    add_task(actor, &scratch, at);
}

/* Some answer late, or not at all, and some what another hub was asked. */
static void answer_enquiry(struct actor *actor, const struct message *message)
{
    uint64_t other = actor->world->enquiry;
    bool late = random_chance(dice(actor), 25);

    actor->world->enquiry = (uint64_t)message_number(message, FIELD_enquiry_id);
    if (other && random_chance(dice(actor), 30))
        answer(actor, other, after(actor, SECOND, MINUTE));
    if (!random_chance(dice(actor), 20))
        answer(actor, actor->world->enquiry,
               late ? after(actor, 10 * HOUR, 100 * HOUR) : after(actor, SECOND, 3 * HOUR));
}

/* The hub knows the person now. Some cases lie about until somebody looks. */
static void plan_help(struct actor *actor, struct held *held, const struct message *person)
{
    const struct town *town = &actor->world->town;
    int64_t at = after(actor, MINUTE, 20 * HOUR);

    held->stage = WITH_US;
    if (random_chance(dice(actor), 70)) {
        plan_about(actor, MESSAGE_start, held, at);
        at = plan_course(actor, held, at);
    }
    if (actor->world->quiet || random_chance(dice(actor), 85))
        plan_end(actor, held, at + random_between(dice(actor), 0, 10 * HOUR));
    if (town_has(town, TOWN_SAME) && !actor->world->quiet && random_chance(dice(actor), 25))
        refer_on(actor, held, person);
    if (town_has(town, TOWN_ENQUIRIES) && random_chance(dice(actor), 40))
        enquire(actor, held, person);
}

static void misbehave(struct actor *actor, const struct held *held)
{
    static const enum message_type types[] = {MESSAGE_accept, MESSAGE_reject,   MESSAGE_start,    MESSAGE_complete,
                                              MESSAGE_fail,   MESSAGE_cancel,   MESSAGE_pause,    MESSAGE_resume,
                                              MESSAGE_update, MESSAGE_progress, MESSAGE_hand_back};
    int64_t most = town_has(&actor->world->town, TOWN_CASES) ? 10 : 5;
    struct held wrong = *held;

    if (random_chance(dice(actor), 25))
        wrong.offer_number++;
    if (random_chance(dice(actor), 10))
        wrong.referral += 1;
    if (random_chance(dice(actor), 20)) {
        begin_about(actor, MESSAGE_status, &wrong);
        say_aside(actor, &scratch);
        return;
    }
    begin_about(actor, types[random_between(dice(actor), 0, most)], &wrong);
    if (scratch.type == MESSAGE_update)
        message_set_string(&scratch, FIELD_note, "CANARY");
    say_aside(actor, &scratch);
}

static struct held *find_held(struct actor *actor, uint64_t referral, int offer_number)
{
    for (uint32_t i = 0; i < actor->held_count; i++)
        if (actor->held[i].referral == referral && actor->held[i].offer_number == offer_number)
            return &actor->held[i];
    return NULL;
}

static void take_push(struct actor *actor, const struct message *message)
{
    struct held fresh = {.referral = (uint64_t)message_number(message, FIELD_referral_id),
                         .offer_number = (int)message_number(message, FIELD_offer_number)};

    if (message->type == MESSAGE_enquiry)
        answer_enquiry(actor, message);
    if (message->type != MESSAGE_offer && message->type != MESSAGE_person && message->type != MESSAGE_withdrawn)
        return;
    struct held *held = find_held(actor, fresh.referral, fresh.offer_number);
    if (!held) {
        actor->held = array_grow(actor->held, actor->held_count, &actor->held_room, sizeof actor->held[0]);
        held = &actor->held[actor->held_count++];
        *held = fresh;
    }
    if (message->type == MESSAGE_offer && held->stage != ASKED)
        return; /* told again: its answer is under way */
    if (message->type == MESSAGE_offer && !random_chance(dice(actor), actor->silence))
        plan_answer(actor, held);
    else if (message->type == MESSAGE_person)
        plan_help(actor, held, message);
    else if (message->type == MESSAGE_withdrawn)
        held->stage = OVER;
    if (!actor->world->quiet && random_chance(dice(actor), 10))
        misbehave(actor, held);
}

/* ---- a sender's whims ---- */

static bool decode_task(const struct task *task, struct message *message)
{
    static struct decoder *decoder;
    struct fault fault;

    if (!decoder)
        decoder = decoder_open();
    return decode(decoder, task->frame, task->length, message, &fault);
}

/* New information: of a kind that changes nothing, of the consent, and of what rules look at. */
static void plan_update(struct actor *actor, const struct held *held)
{
    int64_t what = random_between(dice(actor), 0, 5);

    message_init(&scratch, MESSAGE_update);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_referral_id, (int64_t)held->referral);
    message_set_string(&scratch, FIELD_note, "CANARY has told us more.");
    if (what < 2) {
        message_set_number(&scratch, FIELD_consent_to_share,
                           random_chance(dice(actor), 25) ? CONSENT_IN_DOUBT : CONSENT_GIVEN);
        message_set_number(&scratch, FIELD_consent_recorded_at, PEOPLE_AUTHORED_MS);
        message_set_string(&scratch, FIELD_consent_recorded_by, "CANARY Referrer");
        if (random_chance(dice(actor), 50))
            set_consent_end(actor, &scratch);
    } else if (what == 2 && town_has(&actor->world->town, TOWN_PLACES)) {
        struct town_postcode postcode = town_postcode_at((int)random_between(dice(actor), 0, TOWN_POSTCODES - 1));
        strcpy(scratch.postcode, postcode.text);
        message_set_string(&scratch, FIELD_postcode, scratch.postcode);
    } else if (what == 3 && town_has(&actor->world->town, TOWN_PERSONS)) {
        message_set_number(&scratch, FIELD_interpreter_needed, random_chance(dice(actor), 50));
        set_codes(actor, &scratch, FIELD_risk_flags, RISK_ANIMAL);
    } else {
        message_set_string(&scratch, FIELD_what_matters, "CANARY and the garden");
    }
    add_task(actor, &scratch, after(actor, SECOND, 90 * HOUR));
}

static void plan_updates(struct actor *actor, const struct held *held)
{
    if (!town_has(&actor->world->town, TOWN_UPDATES))
        return;
    for (int64_t n = random_between(dice(actor), -1, 2); n > 0; n--)
        plan_update(actor, held);
}

/* What an operator does past the rules. */
static void plan_by_hand(struct actor *actor, const struct held *held, int64_t at)
{
    static const enum message_type types[] = {MESSAGE_hold,      MESSAGE_release, MESSAGE_release,    MESSAGE_place,
                                              MESSAGE_place,     MESSAGE_reoffer, MESSAGE_prioritise, MESSAGE_annotate,
                                              MESSAGE_turn_away, MESSAGE_cancel};
    enum message_type type = types[random_between(dice(actor), 0, 9)];

    begin_about(actor, type, held);
    if (type == MESSAGE_cancel && random_chance(dice(actor), 30))
        message_unset(&scratch, FIELD_note); /* and does not say why */
    if (type == MESSAGE_prioritise)
        message_set_number(&scratch, FIELD_priority, random_between(dice(actor), PRIORITY_ROUTINE, PRIORITY_STAT));
    if (type == MESSAGE_place) {
        struct text id = one_of_hubs(actor);
        const struct town_party *hub =
            &actor->world->town.parties[town_find_party(&actor->world->town, id.bytes, id.length)];
        message_set_text(&scratch, FIELD_hub_id, id.bytes, id.length);
        message_set_string(&scratch, FIELD_service_id,
                           hub->services[random_between(dice(actor), 0, hub->services_count - 1)].id);
        if (random_chance(dice(actor), 20))
            message_set_number(&scratch, FIELD_need, (int64_t)town_needs[random_between(dice(actor), 0, 2)]);
    }
    add_task(actor, &scratch, at);
    if (type == MESSAGE_hold && random_chance(dice(actor), 60)) {
        begin_about(actor, MESSAGE_release, held);
        add_task(actor, &scratch, at + random_between(dice(actor), MINUTE, 40 * HOUR));
    }
}

/* Why somebody is looked at, and then who it is; some forget to say why. */
static void plan_look(struct actor *actor, const struct held *held, int64_t at)
{
    if (random_chance(dice(actor), 75)) {
        begin_about(actor, MESSAGE_reveal, held);
        add_task(actor, &scratch, at);
    }
    begin_about(actor, MESSAGE_status, held);
    message_set_number(&scratch, FIELD_reveal, true);
    message_unset(&scratch, FIELD_note);
    add_task(actor, &scratch, at + random_between(dice(actor), 1, 20 * MINUTE));
}

static void plan_staff(struct world *world, uint64_t referral)
{
    struct actor *watcher = world->actors[town_operator(&world->town)];
    struct actor *officer = world->actors[town_privacy(&world->town)];
    struct held held = {.referral = referral, .offer_number = (int)random_between(&world->random, 1, 2)};

    if (town_has(&world->town, TOWN_DESK))
        for (int64_t n = random_between(&world->random, -1, world->trouble.rough ? 9 : 3); n > 0; n--)
            plan_by_hand(watcher, &held, after(watcher, MINUTE, 90 * HOUR));
    if (!town_has(&world->town, TOWN_RIGHTS))
        return;
    if (random_chance(&world->random, 30)) {
        int64_t at = after(watcher, MINUTE, 60 * HOUR);
        plan_look(random_chance(&world->random, 50) ? watcher : officer, &held, at);
    }
    for (int64_t n = random_between(&world->random, 0, 2); n > 0; n--)
        plan_about(officer, MESSAGE_erase, &held, after(officer, HOUR, 120 * HOUR));
}

static void after_acknowledgement(struct actor *actor, uint32_t index, uint64_t referral)
{
    static struct message message;
    struct held held = {.referral = referral};

    world_know(actor->world, referral);
    plan_about(actor, MESSAGE_status, &held, actor->world->now);
    if (!actor->world->quiet) {
        plan_updates(actor, &held);
        plan_staff(actor->world, referral);
    }
    if (random_chance(dice(actor), 20))
        plan_about(actor, MESSAGE_explain, &held, after(actor, SECOND, 60 * HOUR));
    if (actor->world->quiet)
        return;
    if (random_chance(dice(actor), 12))
        plan_about(actor, MESSAGE_cancel, &held, after(actor, SECOND, 30 * HOUR));
    if (random_chance(dice(actor), 10))
        plan_about(actor, MESSAGE_cancel, &held, after(actor, SECOND, 60 * HOUR));
    bool decoded = decode_task(&actor->tasks[index], &message);
    assert(decoded);
    if (random_chance(dice(actor), 15)) { /* the same, said again much later by another clock */
        message_set_number(&message, FIELD_sent_at, actor->world->now);
        add_task(actor, &message, after(actor, HOUR, 40 * HOUR));
    }
}

/* The same request_id with other content, when nothing of the original can be under way any more. */
static void contradict(struct actor *actor)
{
    static struct message message;
    uint32_t i = (uint32_t)random_between(dice(actor), 0, actor->tasks_count - 1);
    const struct task *task = &actor->tasks[i];

    if (task->type != MESSAGE_submit || task->not_before != NEVER)
        return;
    for (uint32_t j = 0; j < actor->tasks_count; j++)
        if ((int32_t)j == actor->doors[0].open && memcmp(actor->tasks[j].id, task->id, UUID_BYTES) == 0)
            return;
    bool decoded = decode_task(task, &message);
    assert(decoded);
    message_set_string(&message, FIELD_what_matters, "CANARY changed its mind");
    say_aside(actor, &message);
}

bool actor_is_idle(const struct actor *actor)
{
    for (uint32_t i = 0; i < actor->tasks_count; i++)
        if (actor->tasks[i].not_before != NEVER)
            return false;
    return true;
}

void actor_repeat_submits(struct actor *actor)
{
    static struct message message;
    uint32_t count = actor->tasks_count;

    for (uint32_t i = 0; i < count; i++)
        if (actor->tasks[i].type == MESSAGE_submit && decode_task(&actor->tasks[i], &message))
            add_task(actor, &message, actor->world->now);
}

void actor_hurry(struct actor *actor)
{
    struct world *world = actor->world;

    actor->confirm_delay_max = SECOND;
    for (int i = 0; i < actor->doors_count; i++)
        actor->doors[i].deaf_until = 0;
    for (uint32_t i = 0; i < actor->tasks_count; i++)
        if (actor->tasks[i].not_before != NEVER && actor->tasks[i].not_before > world->now) {
            actor->tasks[i].not_before = after(actor, 0, 0);
            world_wake(world, actor->party, actor->tasks[i].not_before);
        }
    for (uint32_t i = 0; i < actor->held_count; i++)
        if (actor->held[i].stage == WITH_US)
            plan_end(actor, &actor->held[i], after(actor, 0, 0) + 10 * MINUTE);
}

/* ---- asking ---- */

int actor_doors(const struct actor *actor)
{
    return actor->doors_count;
}

static void say_hello(struct actor *actor, int door)
{
    static uint8_t bytes[1024];

    message_init(&scratch, MESSAGE_hello);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_protocol_version, PROTOCOL_VERSION);
    world_send(actor->world, actor->party, door, bytes, encode(&scratch, bytes, sizeof bytes));
}

static void add_confirm(struct actor *actor, int door)
{
    message_init(&scratch, MESSAGE_confirm);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_mailbox_number, actor->doors[door].newest);
    add_task_of(actor, door, &scratch, actor->world->now);
}

static void begin_next(struct actor *actor, int number)
{
    struct door *door = &actor->doors[number];
    int64_t now = actor->world->now;

    if (door->ask.is_open)
        return;
    if (door->confirm_at <= now) {
        door->confirm_at = NEVER;
        if (door->newest != door->confirmed)
            add_confirm(actor, number);
    }
    for (uint32_t i = 0; i < actor->tasks_count && !door->ask.is_open; i++)
        if (actor->tasks[i].door == number && actor->tasks[i].not_before <= now) {
            door->open = (int32_t)i;
            ask_begin(&door->ask, now);
        }
}

static int64_t next_due(const struct actor *actor, int number)
{
    const struct door *door = &actor->doors[number];
    int64_t due = ask_due(&door->ask);

    if (actor->world->now < door->deaf_until)
        return door->deaf_until;
    if (door->ask.is_open || !door->ask.is_welcome)
        return due;
    for (uint32_t i = 0; i < actor->tasks_count; i++)
        if (actor->tasks[i].door == number && actor->tasks[i].not_before < due)
            due = actor->tasks[i].not_before;
    return door->confirm_at < due ? door->confirm_at : due;
}

static void ask_all(struct actor *actor, int number)
{
    struct door *door = &actor->doors[number];
    enum ask_action action;

    begin_next(actor, number);
    while ((action = ask_next(&door->ask, actor->world->now)) != ASK_NOTHING) {
        if (action == ASK_SAY_HELLO)
            say_hello(actor, number);
        else
            world_send(actor->world, actor->party, number, actor->tasks[door->open].frame,
                       actor->tasks[door->open].length);
    }
}

void actor_wake(struct actor *actor)
{
    int64_t due = NEVER;

    for (int i = 0; i < actor->doors_count; i++) {
        if (actor->world->now >= actor->doors[i].deaf_until)
            ask_all(actor, i);
        int64_t next = next_due(actor, i);
        due = next < due ? next : due;
    }
    if (due != NEVER && (actor->wake_at <= actor->world->now || due < actor->wake_at)) {
        actor->wake_at = due > actor->world->now ? due : actor->world->now + 1;
        world_wake(actor->world, actor->party, actor->wake_at);
    }
}

void actor_connected(struct actor *actor, int door)
{
    ask_connected(&actor->doors[door].ask, actor->world->now);
    actor_wake(actor);
}

void actor_disconnected(struct actor *actor, int door)
{
    ask_disconnected(&actor->doors[door].ask);
}

static void confirm_later(struct actor *actor, struct door *door)
{
    int64_t at = actor->world->now + random_between(dice(actor), 0, actor->confirm_delay_max);

    if (door->confirm_at == NEVER)
        door->confirm_at = at;
}

/* What parties say that they should not. */
static void wander(struct actor *actor, const struct door *door)
{
    if (actor->world->quiet)
        return;
    if (random_chance(dice(actor), 3))
        contradict(actor);
    if (random_chance(dice(actor), 1)) {
        message_init(&scratch, MESSAGE_confirm);
        set_new_id(actor, &scratch);
        message_set_number(&scratch, FIELD_mailbox_number, door->newest + 100000);
        say_aside(actor, &scratch);
    }
    if (actor->held_count && random_chance(dice(actor), 5))
        misbehave(actor, &actor->held[random_between(dice(actor), 0, actor->held_count - 1)]);
}

static void hear_end(struct actor *actor, struct door *door, const struct message *message)
{
    uint32_t index = (uint32_t)door->open;
    struct task *task = &actor->tasks[index];

    task->not_before = NEVER;
    ask_end(&door->ask);
    door->open = -1;
    if (task->type == MESSAGE_confirm && message->type == MESSAGE_done)
        door->confirmed = (int64_t)task->mailbox_number;
    if (door->newest != door->confirmed)
        confirm_later(actor, door);
    bool is_about_person = task->type >= MESSAGE_update && task->type <= MESSAGE_answer_enquiry;
    if (message->type == MESSAGE_done && is_about_person && !actor->world->quiet && !task->repeated &&
        random_chance(dice(actor), 10)) {
        task->not_before = after(actor, MINUTE, 30 * HOUR); /* all of it once more, as if it had been forgotten */
        task->repeated = true;
        world_wake(actor->world, actor->party, task->not_before);
    }
    if (message->type == MESSAGE_committed)
        after_acknowledgement(actor, index, (uint64_t)message_number(message, FIELD_referral_id));
    wander(actor, door);
}

static bool is_one_of_several(enum message_type type)
{
    return type == MESSAGE_referral || type == MESSAGE_decision || type == MESSAGE_considered ||
           type == MESSAGE_unmet_need || type == MESSAGE_finding;
}

static void hear_answer(struct actor *actor, struct door *door, const struct message *message)
{
    const uint8_t *id = message_uuid(message, FIELD_request_id);
    bool ours = door->open >= 0 && id && memcmp(actor->tasks[door->open].id, id, UUID_BYTES) == 0;

    if (message->type == MESSAGE_welcome)
        ask_welcomed(&door->ask, message_number(message, FIELD_mailbox_number), actor->world->now);
    else if (!ours || is_one_of_several(message->type)) /* their end follows */
        return;
    else if (message->type == MESSAGE_refused && message_has(message, FIELD_retry_after_ms))
        ask_wait(&door->ask, actor->world->now, message_number(message, FIELD_retry_after_ms));
    else if (message->type == MESSAGE_refused && message_text(message, FIELD_error).length == 8 &&
             memcmp(message_text(message, FIELD_error).bytes, "REF-0124", 8) == 0)
        ask_greet_again(&door->ask, actor->world->now, SECOND);
    else
        hear_end(actor, door, message);
}

/* True when the party did not have it. Whatever comes through a door is confirmed through that door. */
static bool store(struct actor *actor, struct door *door, int64_t number)
{
    uint32_t room = actor->stored_room;

    while ((uint32_t)number >= actor->stored_room)
        actor->stored = array_grow(actor->stored, actor->stored_room, &actor->stored_room, sizeof actor->stored[0]);
    if (actor->stored_room > room)
        memset(actor->stored + room, 0, (actor->stored_room - room) * sizeof actor->stored[0]);
    bool is_new = !actor->stored[number];
    actor->stored[number] = true;
    door->newest = number;
    door->confirmed = 0;
    confirm_later(actor, door);
    return is_new;
}

/* A program hangs for a while now and then: what comes through its door is not taken, and nothing is said. */
static bool hangs(struct actor *actor, struct door *door)
{
    if (!actor->world->quiet && door != &actor->doors[0] && random_chance(dice(actor), 2))
        door->deaf_until = actor->world->now + random_between(dice(actor), MINUTE, 8 * HOUR);
    return actor->world->now < door->deaf_until;
}

void actor_receive(struct actor *actor, int number, const struct message *message)
{
    struct door *door = &actor->doors[number];

    if (hangs(actor, door))
        return;
    if (message_spec(message->type)->direction != PUSH)
        hear_answer(actor, door, message);
    else if (store(actor, door, message_number(message, FIELD_mailbox_number)))
        take_push(actor, message);
    actor_wake(actor);
}

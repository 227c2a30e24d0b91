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
    int64_t not_before; /* NEVER: done */
    uint64_t mailbox_number;
    uint8_t *frame;
    size_t length;
};

enum stage { ASKED, ANSWERED, WITH_US, OVER };

struct held {
    uint64_t referral;
    int offer_number;
    enum stage stage;
};

struct actor {
    struct world *world;
    int party;
    struct ask ask;
    struct task *tasks;
    uint32_t tasks_count, tasks_room;
    int32_t open; /* the task that is being asked; -1: none */
    struct held *held;
    uint32_t held_count, held_room;
    int64_t confirm_at;
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
    actor->open = -1;
    actor->confirm_at = NEVER;
    actor->wake_at = NEVER;
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
    free(*actor);
    *actor = NULL;
}

/* ---- making requests ---- */

static void set_new_id(struct actor *actor, struct message *message)
{
    uint64_t halves[2];
    uint8_t id[UUID_BYTES];

    halves[0] = random_next(dice(actor));
    halves[1] = random_next(dice(actor));
    memcpy(id, halves, sizeof id);
    id[6] = (uint8_t)(0x40 | (id[6] & 0x0f));
    id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
    message_set_uuid(message, FIELD_request_id, id);
}

static void add_task(struct actor *actor, const struct message *message, int64_t at)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    struct task task = {.type = message->type,
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

/* Said once, without waiting for an answer: what a party says out of turn. */
static void say_aside(struct actor *actor, const struct message *message)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];

    if (actor->ask.is_welcome)
        world_send(actor->world, actor->party, bytes, encode(message, bytes, sizeof bytes));
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
    message->values[FIELD_travel_limit_minutes].present = false;
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

/* Everything about a person that no hub may see before it has accepted holds the word CANARY. */
void actor_plan_submit(struct actor *actor, int64_t at)
{
    static const enum priority priorities[] = {PRIORITY_ROUTINE, PRIORITY_ROUTINE, PRIORITY_ROUTINE,
                                               PRIORITY_URGENT,  PRIORITY_ASAP,    PRIORITY_STAT};
    char family_name[24];
    unsigned number = ++actor->world->submits;

    person_submit(&scratch, number, PEOPLE_POSTCODE);
    snprintf(family_name, sizeof family_name, "CANARY-%u", number);
    message_set_string(&scratch, FIELD_family_name, family_name);
    message_set_string(&scratch, FIELD_given_name, "CANARY");
    message_set_string(&scratch, FIELD_reason_for_referral, "CANARY would like company.");
    message_set_string(&scratch, FIELD_what_matters, "CANARY");
    message_set_string(&scratch, FIELD_referrer_name, "CANARY Referrer");
    message_set_number(&scratch, FIELD_priority, (int64_t)priorities[random_between(dice(actor), 0, 5)]);
    set_needs(actor, &scratch);
    set_where(actor, &scratch);
    set_facts(actor, &scratch);
    set_wishes(actor, &scratch);
    set_doubts(actor, &scratch);
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

static void begin_about(struct actor *actor, enum message_type type, const struct held *held)
{
    static const enum status_reason rejections[] = {REASON_CAPACITY, REASON_NOT_ELIGIBLE, REASON_DISTANCE};
    static const enum status_reason failures[] = {REASON_DID_NOT_ATTEND, REASON_NO_LONGER_NEEDED};

    message_init(&scratch, type);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_referral_id, (int64_t)held->referral);
    if (type != MESSAGE_cancel && type != MESSAGE_status && type != MESSAGE_explain)
        message_set_number(&scratch, FIELD_offer_number, held->offer_number);
    if (type == MESSAGE_reject)
        message_set_number(&scratch, FIELD_status_reason, (int64_t)rejections[random_between(dice(actor), 0, 2)]);
    if (type == MESSAGE_fail)
        message_set_number(&scratch, FIELD_status_reason, (int64_t)failures[random_between(dice(actor), 0, 1)]);
    if (type == MESSAGE_cancel)
        message_set_number(&scratch, FIELD_status_reason, REASON_NO_LONGER_NEEDED);
    if (type == MESSAGE_complete)
        message_set_number(&scratch, FIELD_outcome, random_chance(dice(actor), 30) ? OUTCOME_PARTLY : OUTCOME_GOT_HELP);
    if (random_chance(dice(actor), 20) && message_has(&scratch, FIELD_offer_number))
        message_set_string(&scratch, FIELD_note, "A note of the hub.");
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
    plan_about(actor, random_chance(dice(actor), 75) ? MESSAGE_complete : MESSAGE_fail, held, at);
}

/* The hub knows the person now. Some cases lie about until somebody looks. */
static void plan_help(struct actor *actor, struct held *held)
{
    int64_t at = after(actor, MINUTE, 20 * HOUR);

    held->stage = WITH_US;
    if (random_chance(dice(actor), 70))
        plan_about(actor, MESSAGE_start, held, at);
    if (actor->world->quiet || random_chance(dice(actor), 85))
        plan_end(actor, held, at + random_between(dice(actor), 0, 10 * HOUR));
}

static void misbehave(struct actor *actor, const struct held *held)
{
    static const enum message_type types[] = {MESSAGE_accept,   MESSAGE_reject, MESSAGE_start,
                                              MESSAGE_complete, MESSAGE_fail,   MESSAGE_cancel};
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
    begin_about(actor, types[random_between(dice(actor), 0, 5)], &wrong);
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

    if (message->type < MESSAGE_offer)
        return;
    struct held *held = find_held(actor, fresh.referral, fresh.offer_number);
    if (!held) {
        actor->held = array_grow(actor->held, actor->held_count, &actor->held_room, sizeof actor->held[0]);
        held = &actor->held[actor->held_count++];
        *held = fresh;
    }
    if (message->type == MESSAGE_offer && !random_chance(dice(actor), actor->silence))
        plan_answer(actor, held);
    else if (message->type == MESSAGE_person)
        plan_help(actor, held);
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

static void after_acknowledgement(struct actor *actor, uint32_t index, uint64_t referral)
{
    static struct message message;
    struct held held = {.referral = referral};

    plan_about(actor, MESSAGE_status, &held, actor->world->now);
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
        if ((int32_t)j == actor->open && memcmp(actor->tasks[j].id, task->id, UUID_BYTES) == 0)
            return;
    bool decoded = decode_task(task, &message);
    assert(decoded);
    message_set_string(&message, FIELD_what_matters, "CANARY changed its mind");
    say_aside(actor, &message);
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

static void say_hello(struct actor *actor)
{
    static uint8_t bytes[1024];

    message_init(&scratch, MESSAGE_hello);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_protocol_version, PROTOCOL_VERSION);
    world_send(actor->world, actor->party, bytes, encode(&scratch, bytes, sizeof bytes));
}

static void add_confirm(struct actor *actor)
{
    message_init(&scratch, MESSAGE_confirm);
    set_new_id(actor, &scratch);
    message_set_number(&scratch, FIELD_mailbox_number, actor->ask.taken);
    add_task(actor, &scratch, actor->world->now);
}

static void begin_next(struct actor *actor)
{
    int64_t now = actor->world->now;

    if (actor->ask.is_open)
        return;
    if (actor->confirm_at <= now) {
        actor->confirm_at = NEVER;
        if (actor->ask.taken > actor->ask.confirmed)
            add_confirm(actor);
    }
    for (uint32_t i = 0; i < actor->tasks_count && !actor->ask.is_open; i++)
        if (actor->tasks[i].not_before <= now) {
            actor->open = (int32_t)i;
            ask_begin(&actor->ask, now);
        }
}

static int64_t next_due(const struct actor *actor)
{
    int64_t due = ask_due(&actor->ask);

    if (actor->ask.is_open || !actor->ask.is_welcome)
        return due;
    for (uint32_t i = 0; i < actor->tasks_count; i++)
        due = actor->tasks[i].not_before < due ? actor->tasks[i].not_before : due;
    return actor->confirm_at < due ? actor->confirm_at : due;
}

void actor_wake(struct actor *actor)
{
    enum ask_action action;

    begin_next(actor);
    while ((action = ask_next(&actor->ask, actor->world->now)) != ASK_NOTHING) {
        if (action == ASK_SAY_HELLO)
            say_hello(actor);
        else
            world_send(actor->world, actor->party, actor->tasks[actor->open].frame, actor->tasks[actor->open].length);
    }
    int64_t due = next_due(actor);
    if (due != NEVER && (actor->wake_at <= actor->world->now || due < actor->wake_at)) {
        actor->wake_at = due > actor->world->now ? due : actor->world->now + 1;
        world_wake(actor->world, actor->party, actor->wake_at);
    }
}

void actor_connected(struct actor *actor)
{
    ask_connected(&actor->ask, actor->world->now);
    actor_wake(actor);
}

void actor_disconnected(struct actor *actor)
{
    ask_disconnected(&actor->ask);
}

static void confirm_later(struct actor *actor)
{
    int64_t at = actor->world->now + random_between(dice(actor), 0, actor->confirm_delay_max);

    if (actor->confirm_at == NEVER)
        actor->confirm_at = at;
}

static void hear_end(struct actor *actor, const struct message *message)
{
    uint32_t index = (uint32_t)actor->open;
    struct task *task = &actor->tasks[index];

    task->not_before = NEVER;
    ask_end(&actor->ask);
    actor->open = -1;
    if (task->type == MESSAGE_confirm && message->type == MESSAGE_done)
        ask_confirmed(&actor->ask, (int64_t)task->mailbox_number);
    if (actor->ask.taken > actor->ask.confirmed)
        confirm_later(actor);
    if (message->type == MESSAGE_committed)
        after_acknowledgement(actor, index, (uint64_t)message_number(message, FIELD_referral_id));
    if (actor->world->quiet)
        return;
    if (random_chance(dice(actor), 3))
        contradict(actor);
    if (random_chance(dice(actor), 1)) {
        message_init(&scratch, MESSAGE_confirm);
        set_new_id(actor, &scratch);
        message_set_number(&scratch, FIELD_mailbox_number, actor->ask.taken + 1000);
        say_aside(actor, &scratch);
    }
    if (actor->held_count && random_chance(dice(actor), 5))
        misbehave(actor, &actor->held[random_between(dice(actor), 0, actor->held_count - 1)]);
}

static bool is_one_of_several(enum message_type type)
{
    return type == MESSAGE_referral || type == MESSAGE_decision || type == MESSAGE_considered ||
           type == MESSAGE_unmet_need;
}

static void hear_answer(struct actor *actor, const struct message *message)
{
    const uint8_t *id = message_uuid(message, FIELD_request_id);
    bool ours = actor->open >= 0 && id && memcmp(actor->tasks[actor->open].id, id, UUID_BYTES) == 0;

    if (message->type == MESSAGE_welcome)
        ask_welcomed(&actor->ask, message_number(message, FIELD_mailbox_number), actor->world->now);
    else if (!ours || is_one_of_several(message->type)) /* their end follows */
        return;
    else if (message->type == MESSAGE_refused && message_has(message, FIELD_retry_after_ms))
        ask_wait(&actor->ask, actor->world->now, message_number(message, FIELD_retry_after_ms));
    else if (message->type == MESSAGE_refused && message_text(message, FIELD_error).length == 8 &&
             memcmp(message_text(message, FIELD_error).bytes, "REF-0124", 8) == 0)
        ask_greet_again(&actor->ask, actor->world->now, SECOND);
    else
        hear_end(actor, message);
}

void actor_receive(struct actor *actor, const struct message *message)
{
    if (message_spec(message->type)->direction != PUSH) {
        hear_answer(actor, message);
    } else if (ask_take(&actor->ask, message_number(message, FIELD_mailbox_number))) {
        confirm_later(actor);
        take_push(actor, message);
    } else if (actor->ask.is_welcome && message_number(message, FIELD_mailbox_number) > actor->ask.taken + 1) {
        /* A gap: an old welcome came late. Clients greet again every few seconds anyway; here that would be long. */
        ask_greet_again(&actor->ask, actor->world->now, SECOND);
    }
    actor_wake(actor);
}

/* SPDX-License-Identifier: MIT
 * auditor_clock: whether the network reminds a hub, and acts, when its time is over, in the hub's own hours, and not
 * before. Put together from what the hub and the sender were told of one offer. */
#include "tests/sim/auditor_inside.h"

#define PUNCTUAL_MS 1000 /* what a turn may take, and more */

/* What runs for an offer now. */
struct running {
    enum stage stage;
    int64_t since;
    bool reminded, overdue;
    int64_t grace_ends;
};

bool clock_is_late(const struct auditor *auditor, int64_t deadline, int64_t at)
{
    int64_t due = deadline;

    for (uint32_t i = 0; i < auditor->lives_count && auditor->lives[i].from <= at; i++)
        due = auditor->lives[i].from > due ? auditor->lives[i].from : due;
    return due < at && at - due > PUNCTUAL_MS;
}

void clock_tick(struct lease *lease, struct tick tick)
{
    lease->ticks = array_grow(lease->ticks, lease->ticks_count, &lease->ticks_room, sizeof lease->ticks[0]);
    lease->ticks[lease->ticks_count++] = tick;
}

/* When the network acts. A time that runs is not changed by another priority. */
static struct moments due(const struct judgement *judgement, const struct lease *lease, const struct running *running)
{
    if (running->overdue)
        return (struct moments){INT64_MAX, INT64_MAX};
    if (running->reminded)
        return (struct moments){running->grace_ends, running->grace_ends};
    return law_due(judgement->auditor, lease->hub, running->stage,
                   law_priorities(judgement->auditor, lease->asked, running->since), running->since);
}

static void judge_reminder(struct judgement *judgement, const struct lease *lease, const struct running *running,
                           const struct tick *tick)
{
    uint32_t priorities = law_priorities(judgement->auditor, lease->asked, tick->at);
    struct moments ends = law_grace(judgement->auditor, lease->hub, running->stage, priorities, tick->at);

    if (running->reminded || running->overdue || running->stage == STAGE_PAUSE)
        BLAME(judgement, lease->referral, "the hub of offer %d is reminded once too often", lease->number);
    else if (tick->stage != running->stage)
        BLAME(judgement, lease->referral, "the hub of offer %d is reminded of %s, and its time for %s is over",
              lease->number, code_text(LIST_stage, (int)tick->stage), code_text(LIST_stage, (int)running->stage));
    else if (tick->deadline <= tick->at || tick->deadline < ends.least || tick->deadline > ends.most)
        BLAME(judgement, lease->referral, "the grace of offer %d, of %lld, ends at %lld", lease->number,
              (long long)tick->at, (long long)tick->deadline);
}

/* Silence has its consequence: after the grace, or at once where there is none. */
static void judge_consequence(struct judgement *judgement, const struct lease *lease, const struct running *running,
                              const struct tick *tick)
{
    const struct auditor *auditor = judgement->auditor;
    uint32_t priorities = law_priorities(judgement->auditor, lease->asked, tick->at);
    enum silence silence = tick->kind == TICK_OVERDUE ? SILENCE_ATTENTION : SILENCE_NEXT_HUB;

    if (running->overdue)
        BLAME(judgement, lease->referral, "offer %d is overdue twice", lease->number);
    if (!running->reminded && running->stage != STAGE_PAUSE &&
        law_grace(auditor, lease->hub, running->stage, priorities, tick->at).least > tick->at)
        BLAME(judgement, lease->referral, "the hub of offer %d was not reminded first", lease->number);
    if (running->stage == STAGE_ANSWER  ? tick->kind == TICK_OVERDUE
        : running->stage == STAGE_PAUSE ? tick->kind != TICK_OVERDUE
                                        : !law_may_follow(auditor, running->stage, silence, tick->at))
        BLAME(judgement, lease->referral, "silence about offer %d has another consequence", lease->number);
}

static void judge_tick(struct judgement *judgement, const struct lease *lease, struct running *running,
                       const struct tick *tick)
{
    struct moments when = due(judgement, lease, running);
    bool acts = tick->kind == TICK_REMINDED || tick->kind == TICK_OVERDUE || tick->kind == TICK_SILENCE;

    if (clock_is_late(judgement->auditor, when.most, tick->at))
        BLAME(judgement, lease->referral,
              "the time of offer %d for %s was over at %lld, and nothing happened until %lld", lease->number,
              code_text(LIST_stage, (int)running->stage), (long long)when.most, (long long)tick->at);
    if (acts && tick->at < when.least)
        BLAME(judgement, lease->referral, "the network acts on offer %d at %lld, before %lld", lease->number,
              (long long)tick->at, (long long)when.least);
    if (tick->kind == TICK_REMINDED)
        judge_reminder(judgement, lease, running, tick);
    else if (acts)
        judge_consequence(judgement, lease, running, tick);
}

void clock_judge(struct judgement *judgement, const struct lease *lease)
{
    struct running running = {.stage = STAGE_ANSWER, .since = lease->at};
    struct tick end = {.kind = TICK_ENDS, .at = lease->end == OPEN ? judgement->now : lease->ended_at};

    for (uint32_t i = 0; i < lease->ticks_count; i++) {
        const struct tick *tick = &lease->ticks[i];
        judge_tick(judgement, lease, &running, tick);
        if (tick->kind == TICK_BEGINS)
            running = (struct running){.stage = tick->stage, .since = tick->at};
        running.overdue = running.overdue || tick->kind == TICK_OVERDUE;
        if (tick->kind == TICK_REMINDED) {
            running.reminded = true;
            running.grace_ends = tick->deadline;
        }
        if (tick->kind == TICK_SILENCE)
            return;
    }
    judge_tick(judgement, lease, &running, &end);
}

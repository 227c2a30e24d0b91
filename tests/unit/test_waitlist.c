/* SPDX-License-Identifier: MIT
 * waitlist: against a heap of unsorted rows that are searched from end to end. */
#include "daemon/core/waitlist.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define RUNS 200
#define STEPS 200
#define WAITING_MAX 64

struct waiting {
    enum need need;
    enum priority priority;
    uint64_t number;
};

static struct waitlist list;
static uint64_t memory[WAITLIST_NEEDS][PRIORITY_STAT + 1][WAITING_MAX];
static struct waiting model[WAITING_MAX];
static uint32_t model_count;

static void begin(void)
{
    memset(&list, 0, sizeof list);
    model_count = 0;
    for (int need = 0; need < WAITLIST_NEEDS; need++)
        for (int priority = 0; priority <= PRIORITY_STAT; priority++) {
            list.queues[need][priority].numbers = memory[need][priority];
            list.queues[need][priority].capacity = WAITING_MAX;
        }
}

TestSuite(waitlist, .init = begin);

static void insert(enum need need, enum priority priority, uint64_t number)
{
    waitlist_insert(&list, need, priority, number);
    model[model_count++] = (struct waiting){need, priority, number};
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->number < b->number;
}

static uint32_t slow_position(const struct waiting *who)
{
    uint32_t before = 0;

    for (uint32_t i = 0; i < model_count; i++)
        before += model[i].need == who->need && is_before(&model[i], who);
    return before + 1;
}

/* The first in turn after `last` among those with the needs; NULL: none. */
static const struct waiting *slow_next(uint64_t needs, const struct waiting *last)
{
    const struct waiting *best = NULL;

    for (uint32_t i = 0; i < model_count; i++)
        if (needs & NEED_BIT(model[i].need) && (!last || is_before(last, &model[i])) &&
            (!best || is_before(&model[i], best)))
            best = &model[i];
    return best;
}

static void assert_same(uint64_t needs, uint64_t seed)
{
    struct waitlist_cursor cursor = {0};
    const struct waiting *next = NULL;

    cr_assert_eq(list.count, model_count, "seed %lu", seed);
    for (uint32_t i = 0; i < model_count; i++)
        cr_assert_eq(waitlist_position(&list, model[i].need, model[i].priority, model[i].number),
                     slow_position(&model[i]), "seed %lu", seed);
    while ((next = slow_next(needs, next)))
        cr_assert_eq(waitlist_next(&list, needs, &cursor), next->number, "seed %lu", seed);
    cr_assert_eq(waitlist_next(&list, needs, &cursor), 0, "seed %lu", seed);
    cr_assert_eq(waitlist_next(&list, needs, &cursor), 0, "seed %lu", seed);
}

static void step(uint64_t *random, uint64_t seed)
{
    enum need need = random_below(random, 8) ? (enum need)(1 + random_below(random, 4)) : WAITLIST_NEEDS - 1;
    enum priority priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    uint64_t number = 1 + random_below(random, 1000);
    uint32_t at = 0;

    while (at < model_count && model[at].number != number)
        at++;
    if (at < model_count) {
        struct waiting gone = model[at];
        model[at] = model[--model_count];
        cr_assert(waitlist_remove(&list, gone.need, gone.priority, number), "seed %lu", seed);
        cr_assert_eq(waitlist_position(&list, gone.need, gone.priority, number), 0, "seed %lu", seed);
        cr_assert_not(waitlist_remove(&list, gone.need, gone.priority, number), "seed %lu", seed);
    } else if (model_count < WAITING_MAX && random_below(random, 3)) {
        insert(need, priority, number);
    } else if (model_count) {
        struct waiting gone = model[--model_count];
        cr_assert(waitlist_remove(&list, gone.need, gone.priority, gone.number), "seed %lu", seed);
    }
}

Test(waitlist, random_lists_have_the_order_of_a_slow_model)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;

        begin();
        for (int i = 0; i < STEPS; i++) {
            step(&random, seed);
            if (i % 10 == 0)
                assert_same(random_next(&random) | random_next(&random), seed);
        }
        assert_same(UINT64_MAX, seed);
    }
}

Test(waitlist, the_more_pressing_come_before_the_older)
{
    struct waitlist_cursor cursor = {0};

    insert(NEED_FOOD, PRIORITY_ROUTINE, 1);
    insert(NEED_FOOD, PRIORITY_STAT, 9);
    insert(NEED_HOUSING, PRIORITY_STAT, 5);
    insert(NEED_ADVICE, PRIORITY_STAT, 2);
    cr_assert_eq(waitlist_position(&list, NEED_FOOD, PRIORITY_ROUTINE, 1), 2);
    cr_assert_eq(waitlist_position(&list, NEED_FOOD, PRIORITY_STAT, 9), 1);
    cr_assert_eq(waitlist_position(&list, NEED_FOOD, PRIORITY_URGENT, 9), 0);
    uint64_t needs = NEED_BIT(NEED_FOOD) | NEED_BIT(NEED_HOUSING);
    cr_assert_eq(waitlist_next(&list, needs, &cursor), 5);
    cr_assert_eq(waitlist_next(&list, needs, &cursor), 9);
    cr_assert_eq(waitlist_next(&list, needs, &cursor), 1);
    cr_assert_eq(waitlist_next(&list, needs, &cursor), 0);
}

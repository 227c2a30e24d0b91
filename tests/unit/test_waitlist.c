/* SPDX-License-Identifier: MIT
 * waitlist: against a heap of unsorted rows that are searched from end to end; and the promise that nobody is overtaken
 * for ever. */
#include "daemon/core/waitlist.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define RUNS 100
#define STEPS 200
#define WAITING_MAX 64
#define HOUR_MS INT64_C(3600000)
#define BOUND_MS (100 * HOUR_MS)

static struct waitlist list;
static struct waiting *memory[NETWORK_NEEDS][PRIORITY_STAT + 1][NETWORK_WEIGHT_MAX + 1][WAITING_MAX];
static struct waiting people[WAITING_MAX]; /* the heap; a number of 0: free */
static uint64_t last_number;
static int64_t now;

static void begin(void)
{
    memset(&list, 0, sizeof list);
    memset(people, 0, sizeof people);
    last_number = 0;
    now = NETWORKS_NOW_MS;
    for (int need = 1; need < NETWORK_NEEDS; need++)
        for (int priority = PRIORITY_ROUTINE; priority <= PRIORITY_STAT; priority++)
            for (int weight = 0; weight <= NETWORK_WEIGHT_MAX; weight++) {
                struct waiting_queue *queue =
                    waitlist_queue(&list, (enum need)need, (enum priority)priority, (uint8_t)weight);
                queue->people = memory[need][priority][weight];
                queue->capacity = WAITING_MAX;
            }
}

TestSuite(waitlist, .init = begin);

static uint32_t count_people(void)
{
    uint32_t count = 0;

    for (int i = 0; i < WAITING_MAX; i++)
        count += people[i].number != 0;
    return count;
}

/* Somebody begins to wait now; NULL: the heap is full. */
static struct waiting *arrives(uint64_t number, enum need need, enum priority priority, uint8_t weight)
{
    for (int i = 0; i < WAITING_MAX; i++) {
        if (people[i].number)
            continue;
        people[i] = (struct waiting){.number = number, .submitted_at = now, .need = need, .weight = weight};
        people[i].profile.priority = priority;
        waitlist_insert(&list, &people[i]);
        return &people[i];
    }
    return NULL;
}

static void leaves(struct waiting *who)
{
    waitlist_remove(&list, who);
    cr_assert_null(waitlist_find(&list, who->need, who->profile.priority, who->number));
    *who = (struct waiting){0};
}

static bool is_long(const struct waiting *who)
{
    return now - who->submitted_at > BOUND_MS;
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    if (is_long(a) != is_long(b))
        return is_long(a);
    if (!is_long(a) && a->profile.priority != b->profile.priority)
        return a->profile.priority > b->profile.priority;
    if (!is_long(a) && a->weight != b->weight)
        return a->weight > b->weight;
    return a->number != b->number ? a->number < b->number : a->need < b->need;
}

static uint32_t slow_position(const struct waiting *who)
{
    uint32_t before = 0;

    for (int i = 0; i < WAITING_MAX; i++)
        before += people[i].number && people[i].need == who->need && is_before(&people[i], who);
    return before + 1;
}

/* The first in turn after `last` among those with the needs; NULL: none. */
static struct waiting *slow_next(uint64_t needs, const struct waiting *last)
{
    struct waiting *best = NULL;

    for (int i = 0; i < WAITING_MAX; i++)
        if (people[i].number && needs & NEED_BIT(people[i].need) && (!last || is_before(last, &people[i])) &&
            (!best || is_before(&people[i], best)))
            best = &people[i];
    return best;
}

static struct waitlist_cursor from_the_first(void)
{
    return (struct waitlist_cursor){.now = now, .overtaken_ms = BOUND_MS};
}

static void assert_same(uint64_t needs, uint64_t seed)
{
    struct waitlist_cursor cursor = from_the_first();
    const struct waiting *next = NULL;

    cr_assert_eq(list.count, count_people(), "seed %lu", seed);
    for (int i = 0; i < WAITING_MAX; i++) {
        if (!people[i].number)
            continue;
        cr_assert_eq(waitlist_find(&list, people[i].need, people[i].profile.priority, people[i].number), &people[i],
                     "seed %lu", seed);
        cr_assert_eq(waitlist_position(&list, &people[i], now, BOUND_MS), slow_position(&people[i]), "seed %lu", seed);
    }
    while ((next = slow_next(needs, next)))
        cr_assert_eq(waitlist_next(&list, needs, &cursor), next, "seed %lu", seed);
    cr_assert_null(waitlist_next(&list, needs, &cursor), "seed %lu", seed);
    cr_assert_null(waitlist_next(&list, needs, &cursor), "seed %lu", seed);
}

/* One referral may wait for several needs; its weight and priority are the same for all. */
static void somebody_arrives(uint64_t *random)
{
    enum priority priority = (enum priority)(1 + random_below(random, PRIORITY_STAT));
    uint8_t weight = (uint8_t)random_below(random, NETWORK_WEIGHT_MAX + 1);
    uint64_t number = ++last_number;

    for (int need = NEED_ADVICE; need <= NEED_HEALTH_IMPROVEMENT; need++)
        if (random_below(random, 3) == 0)
            arrives(number, (enum need)need, priority, weight);
    if (random_below(random, 8) == 0)
        arrives(number, (enum need)(NETWORK_NEEDS - 1), priority, weight);
}

static void step(uint64_t *random)
{
    struct waiting *who = &people[random_below(random, WAITING_MAX)];

    now += random_below(random, 4) ? 0 : (int64_t)random_below(random, 20) * HOUR_MS;
    if (who->number)
        leaves(who);
    else if (random_below(random, 3))
        somebody_arrives(random);
}

Test(waitlist, random_lists_have_the_order_of_a_slow_model)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;

        begin();
        for (int i = 0; i < STEPS; i++) {
            step(&random);
            if (i % 10 == 0)
                assert_same(random_next(&random) | random_next(&random), seed);
        }
        assert_same(UINT64_MAX, seed);
    }
}

Test(waitlist, who_was_returned_last_may_leave_on_the_way)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct waitlist_cursor cursor;

        begin();
        for (int i = 0; i < STEPS; i++)
            step(&random);
        cursor = from_the_first();
        for (struct waiting *next = slow_next(UINT64_MAX, NULL); next;) {
            struct waiting *after = slow_next(UINT64_MAX, next);
            cr_assert_eq(waitlist_next(&list, UINT64_MAX, &cursor), next, "seed %lu", seed);
            if (random_below(&random, 2)) {
                waitlist_left(&cursor, next->need, next->profile.priority, next->weight);
                leaves(next);
            }
            next = after;
        }
        cr_assert_null(waitlist_next(&list, UINT64_MAX, &cursor), "seed %lu", seed);
    }
}

/* ---- the order, in examples ---- */

static void assert_turns(size_t count, const uint64_t *numbers)
{
    struct waitlist_cursor cursor = from_the_first();

    for (size_t i = 0; i < count; i++) {
        const struct waiting *next = waitlist_next(&list, UINT64_MAX, &cursor);
        cr_assert(next && next->number == numbers[i], "turn %zu is of %lu", i, next ? next->number : 0);
    }
    cr_assert_null(waitlist_next(&list, UINT64_MAX, &cursor));
}
#define TURNS(...) assert_turns(sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (uint64_t[]){__VA_ARGS__})

Test(waitlist, without_weights_the_more_pressing_come_before_the_older)
{
    struct waitlist_cursor cursor = from_the_first();
    const struct waiting *routine = arrives(1, NEED_FOOD, PRIORITY_ROUTINE, 0);

    arrives(2, NEED_ADVICE, PRIORITY_STAT, 0);
    arrives(5, NEED_HOUSING, PRIORITY_STAT, 0);
    const struct waiting *pressing = arrives(9, NEED_FOOD, PRIORITY_STAT, 0);
    cr_assert_eq(waitlist_position(&list, routine, now, BOUND_MS), 2);
    cr_assert_eq(waitlist_position(&list, pressing, now, BOUND_MS), 1);
    cr_assert_null(waitlist_find(&list, NEED_FOOD, PRIORITY_URGENT, 9));
    uint64_t needs = NEED_BIT(NEED_FOOD) | NEED_BIT(NEED_HOUSING);
    cr_assert_eq(waitlist_next(&list, needs, &cursor)->number, 5);
    cr_assert_eq(waitlist_next(&list, needs, &cursor)->number, 9);
    cr_assert_eq(waitlist_next(&list, needs, &cursor)->number, 1);
    cr_assert_null(waitlist_next(&list, needs, &cursor));
    TURNS(2, 5, 9, 1);
}

Test(waitlist, among_equally_pressing_the_heavier_come_first_but_not_before_the_more_pressing)
{
    arrives(1, NEED_FOOD, PRIORITY_ROUTINE, 0);
    arrives(2, NEED_FOOD, PRIORITY_ROUTINE, 2);
    arrives(3, NEED_FOOD, PRIORITY_ROUTINE, 1);
    arrives(4, NEED_FOOD, PRIORITY_ROUTINE, 2);
    arrives(5, NEED_FOOD, PRIORITY_URGENT, 0);
    TURNS(5, 2, 4, 3, 1);
}

Test(waitlist, who_has_waited_longer_than_the_bound_comes_first_and_one_who_has_waited_just_so_long_does_not)
{
    const struct waiting *first = arrives(1, NEED_FOOD, PRIORITY_ROUTINE, 0);

    now += HOUR_MS;
    arrives(2, NEED_FOOD, PRIORITY_ROUTINE, 1);
    arrives(3, NEED_FOOD, PRIORITY_STAT, 3);
    now = first->submitted_at + BOUND_MS;
    TURNS(3, 2, 1);
    cr_assert_eq(waitlist_position(&list, first, now, BOUND_MS), 3);
    now++;
    TURNS(1, 3, 2);
    cr_assert_eq(waitlist_position(&list, first, now, BOUND_MS), 1);
    now += HOUR_MS;
    TURNS(1, 2, 3);
}

/* ---- nobody is overtaken for ever ---- */

/* Whom a place is for: people of some needs, and of those every second, every third, or all. */
struct place {
    uint64_t needs;
    uint32_t every;
};

static bool fits(const struct place *place, const struct waiting *who)
{
    return place->needs & NEED_BIT(who->need) && who->number % place->every == 0;
}

static const struct waiting *given_to(const struct place *place)
{
    struct waitlist_cursor cursor = from_the_first();
    const struct waiting *next;

    while ((next = waitlist_next(&list, place->needs, &cursor)) && !fits(place, next))
        continue;
    return next;
}

/* Somebody who fits the place, came earlier than who got it, and has waited longer than the bound; NULL: nobody. */
static const struct waiting *overtaken_by(const struct place *place, const struct waiting *who)
{
    for (int i = 0; i < WAITING_MAX; i++)
        if (people[i].number && people[i].number < who->number && fits(place, &people[i]) && is_long(&people[i]))
            return &people[i];
    return NULL;
}

Test(waitlist, who_has_waited_longer_than_the_bound_is_overtaken_by_nobody_who_came_later)
{
    unsigned overtakings = 0, late = 0;

    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;

        begin();
        for (int i = 0; i < 5 * STEPS; i++) {
            struct place place = {random_next(&random) | NEED_BIT(NEED_ADVICE), 1 + random_below(&random, 3)};
            now += (int64_t)random_below(&random, 8) * HOUR_MS;
            if (random_below(&random, 2))
                somebody_arrives(&random);
            const struct waiting *who = random_below(&random, 2) ? given_to(&place) : NULL;
            if (!who)
                continue;
            cr_assert_null(overtaken_by(&place, who), "seed %lu", seed);
            late += is_long(who);
            for (int other = 0; other < WAITING_MAX; other++)
                overtakings += people[other].number && people[other].number < who->number;
            leaves(&people[who - people]);
        }
    }
    cr_assert_gt(overtakings, 1000, "before the bound, the more pressing do overtake");
    cr_assert_gt(late, 1000, "and some have to wait for it");
}

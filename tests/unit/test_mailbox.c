/* SPDX-License-Identifier: MIT
 * mailbox: against a slow model in which nothing is ever forgotten, and against what a party must be able to rely on.
 */
#include "daemon/core/mailbox.h"

#include "tests/networks.h"

#include <criterion/criterion.h>
#include <string.h>

#define RUNS 400
#define STEPS 600
#define NUMBERS 700
#define CAPACITY_MAX 24
#define WAIT 50

static struct owed owed_of(uint64_t number)
{
    return (struct owed){.sequence = number * 7919 & 0xffffffffffff, .letter = number % 4, .type = 60 + number % 13};
}

static bool is_owed_of(struct owed owed, uint64_t number)
{
    struct owed expected = owed_of(number);

    return owed.sequence == expected.sequence && owed.letter == expected.letter && owed.type == expected.type;
}

/* ---- a slow model ---- */

struct peer {
    bool open, silent;
    int64_t heard_at, spoke_at;
};

struct world {
    uint64_t seed, random;
    int64_t now;
    struct mailbox mailbox;
    struct owed ring[CAPACITY_MAX];
    uint8_t with[CAPACITY_MAX];
    uint64_t begun, last, held; /* numbers begun + 1 .. last */
    int holder[NUMBERS];        /* by number - begun; as in the mailbox */
    bool seen[NUMBERS];         /* somebody was sent it while it lived, or the party said so itself */
    struct peer peers[MAILBOX_CONNECTIONS_MAX + 1];
    uint64_t confirmations;
};

static int *holder(struct world *world, uint64_t number)
{
    cr_assert(number > world->begun && number <= world->last);
    return &world->holder[number - world->begun];
}

static uint64_t confirmed(struct world *world)
{
    uint64_t number = world->begun;

    while (number < world->held && *holder(world, number + 1) == WITH_CONFIRMED)
        number++;
    return number;
}

static uint32_t in_hand(struct world *world, int slot, uint64_t *newest)
{
    uint32_t count = 0;

    *newest = 0;
    for (uint64_t number = world->begun + 1; number <= world->held; number++)
        if (*holder(world, number) == slot) {
            count++;
            *newest = number;
        }
    return count;
}

static bool any_open(const struct world *world, bool lively)
{
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++)
        if (world->peers[slot].open && !(lively && world->peers[slot].silent))
            return true;
    return false;
}

/* Of those that are open, of several the last. */
static int spoke_last(const struct world *world)
{
    int last = 0;

    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++)
        if (world->peers[slot].open && (!last || world->peers[slot].spoke_at >= world->peers[last].spoke_at))
            last = slot;
    return last;
}

static uint64_t next_by_hand(struct world *world, uint32_t window, int *slot)
{
    uint64_t number = world->begun + 1, newest = 0;
    uint32_t least = UINT32_MAX;

    *slot = 0;
    while (number <= world->held && *holder(world, number) != WITH_NOBODY)
        number++;
    if (number > world->held)
        return 0;
    for (int i = 1; i <= MAILBOX_CONNECTIONS_MAX; i++) {
        uint32_t count = in_hand(world, i, &newest);
        bool stands_back = world->peers[i].silent && (any_open(world, true) || i != spoke_last(world));
        if (!world->peers[i].open || stands_back || count >= window || (count && newest > number) || count >= least)
            continue;
        *slot = i;
        least = count;
    }
    return *slot ? number : 0;
}

static void give_back(struct world *world, int slot)
{
    for (uint64_t number = world->begun + 1; number <= world->held; number++)
        if (*holder(world, number) == slot)
            *holder(world, number) = WITH_NOBODY;
}

/* ---- one step of both ---- */

static void owe(struct world *world)
{
    if (world->last - world->begun + 1 >= NUMBERS)
        return;
    world->last++;
    *holder(world, world->last) = WITH_NOBODY;
    if (world->mailbox.held == world->mailbox.last && mailbox_unconfirmed(&world->mailbox) < world->mailbox.capacity) {
        cr_assert_eq(mailbox_append(&world->mailbox, owed_of(world->last)), world->last, "seed %lu", world->seed);
        world->held++;
    } else {
        world->mailbox.last++; /* it stands in the store */
    }
}

static void take_back(struct world *world)
{
    while (world->held < world->last && world->held - confirmed(world) < world->mailbox.capacity) {
        mailbox_take_held(&world->mailbox, owed_of(world->held + 1));
        world->held++;
    }
}

static void open_or_close(struct world *world)
{
    int slot = 1 + (int)random_below(&world->random, 3);

    if (world->peers[slot].open && random_below(&world->random, 3) == 0) {
        mailbox_greeted(&world->mailbox, slot, world->now);
        world->peers[slot].spoke_at = world->now;
        return;
    }
    give_back(world, slot);
    if (random_below(&world->random, 3)) {
        mailbox_open(&world->mailbox, slot, world->now);
        world->peers[slot] = (struct peer){.open = true, .heard_at = world->now, .spoke_at = world->now};
    } else {
        mailbox_close(&world->mailbox, slot);
        world->peers[slot] = (struct peer){.open = false};
    }
}

static void send(struct world *world)
{
    uint32_t window = random_below(&world->random, 7);
    uint64_t newest = 0;
    int slot = 0, expected_slot = 0;
    uint64_t expected = next_by_hand(world, window, &expected_slot);
    uint64_t number = mailbox_next_to_send(&world->mailbox, window, &slot);

    cr_assert(number == expected && slot == expected_slot, "seed %lu: %lu to %d, not %lu to %d", world->seed, expected,
              expected_slot, number, slot);
    if (!number)
        return;
    cr_assert(is_owed_of(mailbox_at(&world->mailbox, number), number), "seed %lu", world->seed);
    cr_assert_eq(*holder(world, number), WITH_NOBODY, "seed %lu: two living ones have %lu", world->seed, number);
    if (!in_hand(world, slot, &newest))
        world->peers[slot].heard_at = world->now;
    cr_assert_lt(newest, number, "seed %lu: what one has always ascends", world->seed);
    mailbox_sent(&world->mailbox, number, slot, world->now);
    *holder(world, number) = slot;
    world->seen[number - world->begun] = true;
}

/* What the party says that it has stored: mostly one of the numbers that the connection has, now and then another. */
static uint64_t number_to_confirm(struct world *world, int slot)
{
    uint64_t number = world->begun + 1 + random_below(&world->random, (uint32_t)(world->last - world->begun) + 2);

    for (int i = 0; i < 20 && slot && number <= world->last && *holder(world, number) != slot; i++)
        number = world->begun + 1 + random_below(&world->random, (uint32_t)(world->last - world->begun) + 1);
    return number;
}

static bool covers(struct world *world, int slot, uint64_t number, uint64_t limit)
{
    if (number > world->held || number > limit)
        return false;
    if (!slot)
        return !any_open(world, false) && *holder(world, number) == WITH_NOBODY;
    return limit <= world->held && *holder(world, limit) == slot && *holder(world, number) == slot;
}

static void confirm(struct world *world)
{
    int slot = (int)random_below(&world->random, 4);
    uint64_t limit, expected;
    struct owed owed;

    if (world->last == world->begun || (slot && !world->peers[slot].open))
        return;
    limit = number_to_confirm(world, slot);
    if (slot) {
        world->peers[slot].silent = false;
        world->peers[slot].spoke_at = world->now;
    }
    for (expected = world->begun + 1; expected <= world->held; expected++) {
        if (!covers(world, slot, expected, limit))
            continue;
        cr_assert_eq(mailbox_confirm_next(&world->mailbox, slot, limit, world->now, &owed), expected, "seed %lu",
                     world->seed);
        cr_assert(is_owed_of(owed, expected), "seed %lu", world->seed);
        cr_assert(world->seen[expected - world->begun] || !slot, "seed %lu: nobody has seen %lu", world->seed,
                  expected);
        *holder(world, expected) = WITH_CONFIRMED;
        world->confirmations++;
        world->peers[slot].heard_at = world->now;
    }
    cr_assert_eq(mailbox_confirm_next(&world->mailbox, slot, limit, world->now, &owed), 0, "seed %lu", world->seed);
}

static void let_time_pass(struct world *world)
{
    int64_t next = INT64_MAX;
    uint64_t newest = 0;
    bool any = false, expected_any = false;

    world->now += random_below(&world->random, WAIT);
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++) {
        struct peer *peer = &world->peers[slot];
        if (!in_hand(world, slot, &newest))
            continue;
        if (world->now - peer->heard_at >= WAIT) {
            give_back(world, slot);
            peer->silent = expected_any = true;
        } else if (peer->heard_at + WAIT < next) {
            next = peer->heard_at + WAIT;
        }
    }
    cr_assert_eq(mailbox_fall_silent(&world->mailbox, world->now, WAIT, &any), next, "seed %lu", world->seed);
    cr_assert_eq(any, expected_any, "seed %lu", world->seed);
}

static void assert_alike(struct world *world)
{
    const struct mailbox *mailbox = &world->mailbox;
    uint64_t newest = 0;

    cr_assert(mailbox->confirmed == confirmed(world) && mailbox->held == world->held && mailbox->last == world->last,
              "seed %lu", world->seed);
    cr_assert_eq(mailbox_unconfirmed(mailbox), world->last - mailbox->confirmed, "seed %lu", world->seed);
    cr_assert_eq(mailbox_is_open(mailbox), any_open(world, false), "seed %lu", world->seed);
    for (uint64_t number = mailbox->confirmed + 1; number <= mailbox->held; number++)
        cr_assert(is_owed_of(mailbox_at(mailbox, number), number), "seed %lu", world->seed);
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++) {
        cr_assert_eq(mailbox->connections[slot].unconfirmed, in_hand(world, slot, &newest), "seed %lu", world->seed);
        cr_assert_eq(mailbox->connections[slot].silent, world->peers[slot].silent, "seed %lu", world->seed);
    }
}

/* Somebody who behaves takes all that is left. */
static void drain(struct world *world)
{
    struct owed owed;
    int slot = 0;

    for (int i = 1; i <= MAILBOX_CONNECTIONS_MAX; i++)
        mailbox_close(&world->mailbox, i);
    mailbox_open(&world->mailbox, 1, world->now);
    while (world->mailbox.confirmed < world->mailbox.last) {
        uint64_t number = mailbox_next_to_send(&world->mailbox, 5, &slot);
        cr_assert_neq(number, 0, "seed %lu: something is never sent", world->seed);
        mailbox_sent(&world->mailbox, number, slot, world->now);
        cr_assert_eq(mailbox_confirm_next(&world->mailbox, slot, number, world->now, &owed), number);
        cr_assert(is_owed_of(owed, number), "seed %lu", world->seed);
        cr_assert_neq(*holder(world, number), WITH_CONFIRMED, "seed %lu: twice", world->seed);
        *holder(world, number) = WITH_CONFIRMED;
        world->confirmations++;
        take_back(world);
    }
    cr_assert_eq(world->confirmations, world->last - world->begun, "seed %lu: every message once", world->seed);
}

Test(mailbox, random_parties_of_several_connections_have_every_message_once_and_in_order)
{
    static struct world world;
    static void (*const steps[])(struct world *) = {owe,     owe,     owe,       send, send,          send,
                                                    confirm, confirm, take_back, send, let_time_pass, open_or_close};
    uint64_t sum = 0;

    for (unsigned run = 0; run < RUNS; run++) {
        memset(&world, 0, sizeof world);
        world.seed = world.random = random_seed(run);
        world.begun = random_below(&world.random, 3) * 1000;
        world.held = world.last = world.begun;
        mailbox_begin(&world.mailbox, world.begun);
        mailbox_move(&world.mailbox, world.ring, world.with, 1 + random_below(&world.random, CAPACITY_MAX));
        for (int i = 0; i < STEPS; i++) {
            steps[random_below(&world.random, sizeof steps / sizeof steps[0])](&world);
            assert_alike(&world);
        }
        take_back(&world);
        drain(&world);
        sum += world.confirmations;
    }
    cr_assert_gt(sum, RUNS * 50, "something has been lived through");
}

/* ---- one thing at a time ---- */

static struct owed ring[64];
static uint8_t with[64];
static struct mailbox mailbox;

static void begin(void)
{
    mailbox_begin(&mailbox, 0);
    mailbox_move(&mailbox, ring, with, 64);
}

TestSuite(mailbox, .init = begin);

static void owe_many(int count)
{
    while (count-- > 0)
        mailbox_append(&mailbox, owed_of(mailbox.last + 1));
}

/* Sends what there is room for; returns how many. */
static int send_all(uint32_t window, int64_t now)
{
    uint64_t number;
    int count = 0, slot = 0;

    for (; (number = mailbox_next_to_send(&mailbox, window, &slot)); count++)
        mailbox_sent(&mailbox, number, slot, now);
    return count;
}

static int confirm_all(int slot, uint64_t number, int64_t now)
{
    struct owed owed;
    int count = 0;

    while (mailbox_confirm_next(&mailbox, slot, number, now, &owed))
        count++;
    return count;
}

Test(mailbox, an_empty_one_has_nothing_to_send_and_nothing_to_confirm)
{
    mailbox_begin(&mailbox, 5);
    mailbox_open(&mailbox, 1, 0);
    cr_assert_eq(mailbox_unconfirmed(&mailbox), 0);
    cr_assert_eq(send_all(10, 0), 0);
    cr_assert_eq(confirm_all(1, 5, 0), 0);
    mailbox_close(&mailbox, 1);
    cr_assert_eq(confirm_all(0, 5, 0), 0);
    cr_assert_eq(mailbox.confirmed, 5);
}

Test(mailbox, the_window_moves_on_with_what_is_confirmed)
{
    owe_many(4);
    cr_assert_eq(send_all(2, 0), 0, "nobody takes anything");
    mailbox_open(&mailbox, 1, 0);
    cr_assert_eq(send_all(2, 0), 2);
    cr_assert_eq(confirm_all(1, 1, 0), 1);
    cr_assert_eq(send_all(2, 0), 1);
    cr_assert_eq(confirm_all(1, 3, 0), 2);
    cr_assert_eq(mailbox.confirmed, 3);
    cr_assert_eq(confirm_all(1, 3, 0), 0, "a repeat confirms nothing");
}

Test(mailbox, two_connections_share_and_what_one_had_goes_to_the_other_when_it_dies)
{
    owe_many(6);
    mailbox_open(&mailbox, 1, 0);
    mailbox_open(&mailbox, 2, 0);
    cr_assert_eq(send_all(3, 0), 6);
    cr_assert_eq(mailbox.connections[1].unconfirmed, 3);
    cr_assert_eq(confirm_all(2, 6, 0), 3, "2, 4 and 6, and nothing of the other's");
    cr_assert_eq(mailbox.confirmed, 0);
    mailbox_close(&mailbox, 1);
    cr_assert_eq(send_all(3, 0), 3);
    cr_assert_eq(confirm_all(2, 6, 0), 0, "this was said before 1, 3 and 5 were sent");
    cr_assert_eq(confirm_all(2, 5, 0), 3);
    cr_assert_eq(mailbox.confirmed, 6);
}

Test(mailbox, what_nobody_has_seen_is_not_confirmed_by_who_has_higher_numbers)
{
    owe_many(4);
    mailbox_open(&mailbox, 1, 0);
    cr_assert_eq(send_all(2, 0), 2);
    mailbox_open(&mailbox, 2, 0);
    cr_assert_eq(send_all(2, 0), 2);
    mailbox_close(&mailbox, 1);
    cr_assert_eq(send_all(4, 0), 0, "1 and 2 wait until 3 and 4 are confirmed");
    cr_assert_eq(confirm_all(2, 4, 0), 2);
    cr_assert_eq(mailbox.confirmed, 0);
    cr_assert_eq(send_all(4, 0), 2);
    cr_assert_eq(confirm_all(2, 2, 0), 2);
    cr_assert_eq(mailbox.confirmed, 4);
}

Test(mailbox, a_silent_connection_stands_back_until_it_speaks)
{
    bool any = false;

    owe_many(4);
    mailbox_open(&mailbox, 1, 0);
    cr_assert_eq(send_all(2, 0), 2);
    mailbox_open(&mailbox, 2, 0);
    cr_assert_eq(mailbox_fall_silent(&mailbox, 9, 10, &any), 10);
    cr_assert_not(any);
    cr_assert_eq(mailbox_fall_silent(&mailbox, 10, 10, &any), INT64_MAX);
    cr_assert(any);
    cr_assert_eq(send_all(8, 10), 4);
    cr_assert_eq(mailbox.connections[2].unconfirmed, 4, "the other has them all");
    cr_assert_eq(confirm_all(1, 2, 11), 0, "too late: the other has them now");
    owe_many(1);
    cr_assert_eq(send_all(8, 11), 1);
    cr_assert_eq(mailbox.connections[1].unconfirmed, 1, "but it has spoken");
}

Test(mailbox, when_all_are_silent_the_one_that_spoke_last_is_sent_everything)
{
    bool any = false;

    owe_many(6);
    mailbox_open(&mailbox, 1, 0); /* which is dead, but nobody knows */
    mailbox_open(&mailbox, 2, 0);
    cr_assert_eq(send_all(3, 0), 6);
    mailbox_greeted(&mailbox, 2, 5);
    mailbox_fall_silent(&mailbox, 10, 10, &any);
    cr_assert_eq(send_all(3, 10), 3);
    cr_assert_eq(mailbox_next_with(&mailbox, 2, 0), 1);
    cr_assert_eq(mailbox_next_with(&mailbox, 2, 1), 2);
    cr_assert_eq(confirm_all(2, 3, 11), 3);
    cr_assert_eq(send_all(3, 11), 3);
    cr_assert_eq(mailbox.connections[2].unconfirmed, 3, "without gaps");
}

Test(mailbox, a_silent_connection_that_is_alone_is_sent_the_same_again)
{
    bool any = false;

    owe_many(2);
    mailbox_open(&mailbox, 1, 0);
    cr_assert_eq(send_all(8, 0), 2);
    mailbox_fall_silent(&mailbox, 10, 10, &any);
    cr_assert_eq(send_all(8, 10), 2);
    cr_assert_eq(mailbox_fall_silent(&mailbox, 12, 10, &any), 20);
    cr_assert_eq(confirm_all(1, 2, 12), 2);
    cr_assert_not(mailbox.connections[1].silent);
}

Test(mailbox, one_that_takes_nothing_confirms_only_while_nobody_takes_anything)
{
    owe_many(3);
    mailbox_open(&mailbox, 1, 0);
    cr_assert_eq(confirm_all(0, 2, 0), 0);
    mailbox_close(&mailbox, 1);
    cr_assert_eq(confirm_all(0, 2, 0), 2);
    cr_assert_eq(mailbox.confirmed, 2);
}

Test(mailbox, a_ninth_connection_takes_the_slot_of_the_one_unheard_for_longest)
{
    bool any = false;

    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++) {
        cr_assert_eq(mailbox_slot_to_open(&mailbox), slot);
        mailbox_open(&mailbox, slot, slot == 3 ? 1 : 10 + slot);
    }
    cr_assert_eq(mailbox_slot_to_open(&mailbox), 3);
    owe_many(5);
    send_all(1, 20);
    for (int slot = 1; slot <= 4; slot++)
        cr_assert_eq(confirm_all(slot, (uint64_t)slot, 25), 1);
    mailbox_fall_silent(&mailbox, 50, 10, &any);
    cr_assert_eq(mailbox_slot_to_open(&mailbox), 5, "the silent one");
}

/* SPDX-License-Identifier: MIT
 * mailbox: against a long array in which nothing is ever forgotten. */
#include "daemon/core/mailbox.h"

#include "tests/networks.h"

#include <criterion/criterion.h>

#define RUNS 300
#define STEPS 500

static struct owed owed_of(uint64_t number)
{
    return (struct owed){.sequence = number * 7919 & 0xffffffffffff, .letter = number % 4, .type = 60 + number % 13};
}

static void assert_owes(const struct mailbox *mailbox, uint64_t number, uint64_t seed)
{
    struct owed owed = mailbox_at(mailbox, number);
    struct owed expected = owed_of(number);

    cr_assert(owed.sequence == expected.sequence && owed.letter == expected.letter && owed.type == expected.type,
              "seed %lu: number %lu", seed, number);
}

/* Confirmed, sent and last as a slow model keeps them. */
struct model {
    uint64_t confirmed, sent, last;
};

static void step(struct mailbox *mailbox, struct model *model, uint64_t *random, uint64_t seed)
{
    uint32_t window = random_below(random, 6);
    uint64_t next = model->sent + 1;

    switch (random_below(random, 3)) {
    case 0:
        if (mailbox_unconfirmed(mailbox) == mailbox->capacity)
            return;
        cr_assert_eq(mailbox_append(mailbox, owed_of(model->last + 1)), model->last + 1, "seed %lu", seed);
        model->last++;
        break;
    case 1:
        if (next > model->last || next > model->confirmed + window)
            next = 0;
        cr_assert_eq(mailbox_next_to_send(mailbox, window), next, "seed %lu", seed);
        if (next)
            mailbox->sent = model->sent = next;
        break;
    default:
        model->confirmed += random_below(random, (uint32_t)(model->last - model->confirmed) + 1);
        mailbox_confirm(mailbox, model->confirmed);
        if (model->sent < model->confirmed)
            model->sent = model->confirmed;
    }
}

Test(mailbox, random_mailboxes_keep_number_order_and_window)
{
    for (unsigned run = 0; run < RUNS; run++) {
        uint64_t seed = random_seed(run), random = seed;
        struct owed ring[16];
        uint64_t begun = random_below(&random, 3) * 1000;
        struct mailbox mailbox = {.confirmed = begun, .sent = begun, .last = begun, .ring = ring};
        struct model model = {begun, begun, begun};

        mailbox.capacity = 1 + random_below(&random, 16);
        for (int i = 0; i < STEPS; i++) {
            step(&mailbox, &model, &random, seed);
            cr_assert(mailbox.confirmed == model.confirmed && mailbox.sent == model.sent && mailbox.last == model.last,
                      "seed %lu", seed);
            cr_assert_eq(mailbox_unconfirmed(&mailbox), model.last - model.confirmed, "seed %lu", seed);
            for (uint64_t number = model.confirmed + 1; number <= model.last; number++)
                assert_owes(&mailbox, number, seed);
        }
    }
}

Test(mailbox, an_empty_one_has_nothing_to_send_and_nothing_to_confirm)
{
    struct mailbox mailbox = {.confirmed = 5, .sent = 5, .last = 5};

    cr_assert_eq(mailbox_unconfirmed(&mailbox), 0);
    cr_assert_eq(mailbox_next_to_send(&mailbox, 10), 0);
    mailbox_confirm(&mailbox, 5);
    cr_assert_eq(mailbox.confirmed, 5);
}

Test(mailbox, the_window_moves_on_with_what_is_confirmed)
{
    struct owed ring[4];
    struct mailbox mailbox = {.ring = ring, .capacity = 4};

    for (int i = 1; i <= 4; i++)
        mailbox_append(&mailbox, owed_of((uint64_t)i));
    mailbox.sent = 2;
    cr_assert_eq(mailbox_next_to_send(&mailbox, 2), 0, "two are on their way");
    mailbox_confirm(&mailbox, 1);
    cr_assert_eq(mailbox_next_to_send(&mailbox, 2), 3);
    mailbox_confirm(&mailbox, 4);
    cr_assert_eq(mailbox.sent, 4, "what is confirmed has been sent");
    cr_assert_eq(mailbox_next_to_send(&mailbox, 2), 0);
}

/* SPDX-License-Identifier: MIT
 * The two batches between link and a worker, as both sides see them; both sides are this test. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "daemon/io/queue.h"

static struct queue *queue;
static int done[3]; /* by owner */

static void wake(void *argument)
{
    (void)argument;
}

static void count_done(void *owner)
{
    ++*(int *)owner;
}

static void open_queue(void)
{
    queue = queue_open(10, wake, NULL, count_done);
    cr_assert(queue);
}

static void close_queue(void)
{
    queue_close(&queue);
}

TestSuite(queue, .init = open_queue, .fini = close_queue);

static void keep(int *owner, size_t bytes)
{
    struct request *slot = queue_slot(queue);

    slot->kind = REQUEST_MESSAGE;
    slot->frame = queue_frame(queue, bytes);
    cr_assert(slot->frame);
    slot->frame_length = bytes;
    queue_keep(queue, owner);
}

static ptrdiff_t take(void)
{
    const struct request *requests;

    return queue_take(queue, 0, &requests);
}

Test(queue, owners_are_told_at_the_next_round_when_the_worker_is_done)
{
    queue_begin(queue);
    keep(&done[0], 100);
    keep(&done[0], 100);
    keep(NULL, 50);
    queue_publish(queue);
    queue_begin(queue);
    keep(&done[1], 7);
    cr_expect_eq(queue_bytes(queue), 257);
    cr_expect_eq(queue_room(queue), 6);
    queue_publish(queue);
    cr_expect_eq(take(), 4);
    queue_begin(queue);
    cr_expect_eq(done[0] + done[1], 0, "in hand is not done");
    keep(&done[2], 1);
    cr_expect_eq(queue_bytes(queue), 258);
    queue_publish(queue);
    queue_finish(queue);
    cr_expect_eq(done[0] + done[1], 0, "the link counts by itself");
    queue_begin(queue);
    cr_expect_eq(done[0], 2);
    cr_expect_eq(done[1], 1);
    cr_expect_eq(queue_bytes(queue), 1);
    cr_expect_eq(queue_room(queue), 9);
    queue_publish(queue);
}

Test(queue, what_is_done_in_two_batches_between_two_rounds_is_counted_once)
{
    for (int round = 1; round <= 20; round++) {
        queue_begin(queue);
        keep(&done[0], 1);
        queue_publish(queue);
        cr_expect_eq(take(), 1);
        cr_expect_eq(take(), 0);
        cr_expect_eq(take(), 0);
        queue_begin(queue);
        cr_expect_eq(done[0], round);
        cr_expect_eq(queue_bytes(queue), 0);
        queue_publish(queue);
    }
}

Test(queue, when_it_is_full_there_is_no_slot)
{
    queue_begin(queue);
    for (int i = 0; i < 10; i++)
        keep(&done[0], 1);
    cr_expect_null(queue_slot(queue));
    cr_expect_eq(queue_room(queue), 0);
    queue_publish(queue);
    take();
    queue_begin(queue);
    cr_expect_null(queue_slot(queue), "in hand counts");
    queue_publish(queue);
    queue_finish(queue);
    queue_begin(queue);
    cr_expect_eq(queue_room(queue), 10);
    queue_publish(queue);
}

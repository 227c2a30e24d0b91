/* SPDX-License-Identifier: MIT
 * The two batches between link and a worker, as both sides see them; both sides are this test. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

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
    static const uint8_t frame[MESSAGE_BYTES_MAX];

    cr_assert(queue_slot(queue, frame, bytes));
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

/* A frame all of one byte, and a message of so many values. */
static void keep_marked(uint8_t mark, size_t length, enum field values)
{
    static uint8_t frame[MESSAGE_BYTES_MAX];

    memset(frame, mark, length);
    cr_assert(queue_slot(queue, frame, length));
    message_init(queue_message(queue), MESSAGE_submit);
    for (enum field field = 0; field < values; field++)
        if (fields[field].kind == KIND_INT)
            message_set_number(queue_message(queue), field, mark);
    queue_keep(queue, NULL);
}

static void expect_marked(const struct request *request, uint8_t mark, size_t length, enum field values)
{
    const uint8_t *frame = request->frame;

    cr_expect_eq(request->frame_length, length);
    cr_expect(frame[0] == mark && frame[length - 1] == mark);
    cr_expect_eq(request->message->type, MESSAGE_submit);
    for (enum field field = 0; field < values; field++)
        if (fields[field].kind == KIND_INT)
            cr_expect_eq(message_number(request->message, field), mark);
}

Test(queue, each_request_keeps_its_own_frame_and_message)
{
    static const size_t lengths[] = {1, 17, MESSAGE_BYTES_MAX, 500, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX, 16, 3};
    const struct request *requests;

    for (int round = 0; round < 3; round++) {
        queue_begin(queue);
        for (uint8_t i = 0; i < 8; i++)
            keep_marked((uint8_t)(i + 1), lengths[i], FIELD_COUNT * i / 7);
        cr_assert(queue_slot(queue, "refused", 7), "also when it is not kept");
        queue_publish(queue);
        cr_assert_eq(queue_take(queue, 0, &requests), 8);
        for (uint8_t i = 0; i < 8; i++)
            expect_marked(&requests[i], (uint8_t)(i + 1), lengths[i], FIELD_COUNT * i / 7);
        queue_finish(queue);
    }
}

Test(queue, when_it_is_full_there_is_no_room)
{
    queue_begin(queue);
    for (int i = 0; i < 10; i++)
        keep(&done[0], 1);
    cr_expect_eq(queue_room(queue), 0);
    queue_publish(queue);
    take();
    queue_begin(queue);
    cr_expect_eq(queue_room(queue), 0, "in hand counts");
    queue_publish(queue);
    queue_finish(queue);
    queue_begin(queue);
    cr_expect_eq(queue_room(queue), 10);
    queue_publish(queue);
}

/* SPDX-License-Identifier: MIT
 * outbox: encoded messages in one growing run of bytes. Reused, so that a steady daemon allocates nothing. */
#include "daemon/io/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES_MAX (16 << 20) /* one large turn's need is not kept for ever */

/* Running out of memory here would mean to lose an answer that is due: the daemon stops and restarts from the store. */
static void *grown(void *memory, size_t bytes)
{
    void *larger = realloc(memory, bytes);

    assert(larger);
    return larger;
}

void outbox_clear(struct outbox *outbox)
{
    outbox->count = 0;
    outbox->used = 0;
    if (outbox->size > KEPT_BYTES_MAX)
        outbox_free(outbox);
}

void outbox_free(struct outbox *outbox)
{
    free(outbox->dispatches);
    free(outbox->bytes);
    *outbox = (struct outbox){0};
}

/* Makes room for one more message of any length. */
static void make_room(struct outbox *outbox)
{
    if (outbox->count == outbox->capacity) {
        outbox->capacity = outbox->capacity ? 2 * outbox->capacity : 256;
        outbox->dispatches = grown(outbox->dispatches, outbox->capacity * sizeof outbox->dispatches[0]);
    }
    if (outbox->size - outbox->used < MESSAGE_BYTES_MAX) {
        outbox->size = 2 * outbox->size + 4 * MESSAGE_BYTES_MAX;
        outbox->bytes = grown(outbox->bytes, outbox->size);
    }
}

static void added(struct outbox *outbox, connection_t connection, size_t length)
{
    outbox->dispatches[outbox->count++] = (struct dispatch){connection, outbox->used, length};
    outbox->used += length;
}

void outbox_add(struct outbox *outbox, connection_t connection, const struct message *message)
{
    make_room(outbox);
    size_t length = encode(message, outbox->bytes + outbox->used, MESSAGE_BYTES_MAX);
    assert(length > 0);
    added(outbox, connection, length);
}

void outbox_add_encoded(struct outbox *outbox, connection_t connection, const void *bytes, size_t length)
{
    assert(length <= MESSAGE_BYTES_MAX);
    make_room(outbox);
    memcpy(outbox->bytes + outbox->used, bytes, length);
    added(outbox, connection, length);
}

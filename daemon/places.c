/* SPDX-License-Identifier: MIT
 * places: the turn's side of an import of postcodes. The importing thread lays a batch down here, the next turn writes
 * it in its own transaction: there is one door to the store. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/log.h"
#include "daemon/io/postcodes.h"
#include "daemon/turn_inside.h"

struct incoming {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct place_batch *waiting; /* laid down for the next turn */
    struct place_batch *written; /* by the running turn, and not yet committed */
    bool refused;
};

void places_open(struct turn *turn)
{
    struct incoming *incoming = calloc(1, sizeof *incoming);

    assert(incoming);
    pthread_mutex_init(&incoming->lock, NULL);
    pthread_cond_init(&incoming->changed, NULL);
    turn->incoming = incoming;
}

void places_close(struct turn *turn)
{
    struct incoming *incoming = turn->incoming;

    if (!incoming)
        return;
    place_batch_free(&incoming->waiting);
    place_batch_free(&incoming->written);
    pthread_cond_destroy(&incoming->changed);
    pthread_mutex_destroy(&incoming->lock);
    free(incoming);
    turn->incoming = NULL;
}

/* The batch stays where a new one would go until its commit: who lays down the next one knows that it is stored. */
static const struct place_batch *pick_up(struct incoming *incoming)
{
    pthread_mutex_lock(&incoming->lock);
    incoming->written = incoming->waiting;
    incoming->waiting = NULL;
    pthread_mutex_unlock(&incoming->lock);
    return incoming->written;
}

void places_take(struct turn *turn)
{
    const struct place_batch *batch = pick_up(turn->incoming);

    if (!batch)
        return;
    turn->changed = true;
    enum store_result result = postcodes_write(turn->store, turn->transaction, batch);
    if (result != STORE_OK) {
        LOG(LOGGED_POSTCODES_REFUSED, {"why", .text = store_result_text(result)});
        turn_refuse_places(turn);
        return;
    }
    turn->written += place_batch_bytes(batch);
    if (place_batch_edition(batch)) {
        memcpy(turn->edition, place_batch_edition(batch), sizeof turn->edition);
        turn_new_edition(turn);
    }
}

void places_done(struct turn *turn)
{
    struct incoming *incoming = turn->incoming;

    if (!incoming->written)
        return;
    pthread_mutex_lock(&incoming->lock);
    place_batch_free(&incoming->written);
    pthread_cond_broadcast(&incoming->changed);
    pthread_mutex_unlock(&incoming->lock);
}

bool turn_take_places(struct turn *turn, struct place_batch **batch)
{
    struct incoming *incoming = turn->incoming;

    pthread_mutex_lock(&incoming->lock);
    while ((incoming->waiting || incoming->written) && !incoming->refused)
        pthread_cond_wait(&incoming->changed, &incoming->lock);
    bool taken = !incoming->refused;
    if (taken) {
        incoming->waiting = *batch;
        *batch = NULL;
    }
    pthread_mutex_unlock(&incoming->lock);
    place_batch_free(batch);
    return taken;
}

void turn_refuse_places(struct turn *turn)
{
    struct incoming *incoming = turn->incoming;

    pthread_mutex_lock(&incoming->lock);
    incoming->refused = true;
    pthread_cond_broadcast(&incoming->changed);
    pthread_mutex_unlock(&incoming->lock);
}

/* SPDX-License-Identifier: MIT
 * importer: see importer.h. */
#include "daemon/importer.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/io/clock.h"
#include "daemon/io/log.h"
#include "daemon/io/postcodes.h"

#define PATH_BYTES 1024
#define EDITION_BYTES 41
#define WHY_BYTES 1200
#define PAUSE_MS 10 /* between two batches: requests come first */

struct importer {
    struct store *store;
    struct turn *turn;
    void (*wake)(void *);
    void *wake_argument;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool closing;
    bool wanted; /* path and edition: of the newest wish */
    char path[PATH_BYTES];
    char edition[EDITION_BYTES];
};

/* ---- the thread ------------------------------------------------------------------------------------------------ */

static void pause_between_batches(struct importer *importer)
{
    const struct timespec until = clock_steady_in(PAUSE_MS);

    pthread_mutex_lock(&importer->lock);
    while (!importer->closing && pthread_cond_timedwait(&importer->changed, &importer->lock, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&importer->lock);
}

/* Waits until the batch has been committed. */
static bool take_batch(void *argument, struct place_batch **batch)
{
    struct importer *importer = argument;
    struct place_batch *none = NULL;

    if (!turn_take_places(importer->turn, batch))
        return false;
    importer->wake(importer->wake_argument);
    if (!turn_take_places(importer->turn, &none))
        return false;
    pause_between_batches(importer);
    return true;
}

static bool is_in_force(struct importer *importer, const char *edition)
{
    char in_force[EDITION_BYTES];

    store_catch_up(importer->store, INT_MAX);
    struct transaction *transaction = store_begin(importer->store, false, NULL);

    if (!transaction)
        return false;
    postcodes_edition(importer->store, transaction, in_force);
    store_abort(importer->store, &transaction);
    return strcmp(in_force, edition) == 0;
}

static void import(struct importer *importer, const char *path, const char *edition)
{
    const struct place_sink sink = {take_batch, importer};
    char why[WHY_BYTES];

    if (is_in_force(importer, edition))
        return;
    LOG(LOGGED_POSTCODES_BEGIN, {"edition", .text = edition});
    int64_t count = postcodes_import(importer->store, path, edition, &sink, why, sizeof why);
    if (count >= 0)
        LOG(LOGGED_POSTCODES, {"edition", .text = edition}, {"count", .number = count});
    else if (why[0] != '\0')
        LOG(LOGGED_POSTCODES_REFUSED, {"edition", .text = edition}, {"why", .text = why});
}

/* False: the importer is being closed. */
static bool wait_for_wish(struct importer *importer, char path[PATH_BYTES], char edition[EDITION_BYTES])
{
    pthread_mutex_lock(&importer->lock);
    while (!importer->wanted && !importer->closing)
        pthread_cond_wait(&importer->changed, &importer->lock);
    bool goes_on = !importer->closing;
    importer->wanted = false;
    memcpy(path, importer->path, PATH_BYTES);
    memcpy(edition, importer->edition, EDITION_BYTES);
    pthread_mutex_unlock(&importer->lock);
    return goes_on;
}

static void *run(void *argument)
{
    struct importer *importer = argument;
    char path[PATH_BYTES];
    char edition[EDITION_BYTES];

    while (wait_for_wish(importer, path, edition))
        import(importer, path, edition);
    return NULL;
}

/* ---- what others may use --------------------------------------------------------------------------------------- */

struct importer *importer_open(struct store *store, struct turn *turn, void (*wake)(void *), void *wake_argument)
{
    struct importer *importer = calloc(1, sizeof *importer);

    assert(importer);
    *importer = (struct importer){.store = store, .turn = turn, .wake = wake, .wake_argument = wake_argument};
    pthread_mutex_init(&importer->lock, NULL);
    clock_open_condition(&importer->changed);
    if (pthread_create(&importer->thread, NULL, run, importer) != 0) {
        free(importer);
        return NULL;
    }
    pthread_setname_np(importer->thread, "importer");
    return importer;
}

void importer_want(struct importer *importer, const char *path, const char *edition)
{
    pthread_mutex_lock(&importer->lock);
    snprintf(importer->path, sizeof importer->path, "%s", path);
    snprintf(importer->edition, sizeof importer->edition, "%s", edition);
    importer->wanted = true;
    pthread_cond_broadcast(&importer->changed);
    pthread_mutex_unlock(&importer->lock);
}

void importer_close(struct importer **taken)
{
    struct importer *importer = *taken;

    *taken = NULL;
    if (!importer)
        return;
    pthread_mutex_lock(&importer->lock);
    importer->closing = true;
    pthread_cond_broadcast(&importer->changed);
    pthread_mutex_unlock(&importer->lock);
    turn_refuse_places(importer->turn);
    pthread_join(importer->thread, NULL);
    pthread_cond_destroy(&importer->changed);
    pthread_mutex_destroy(&importer->lock);
    free(importer);
}

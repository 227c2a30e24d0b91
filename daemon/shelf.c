/* SPDX-License-Identifier: MIT
 * shelf: see shelf.h. */
#include "daemon/shelf.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct draft {
    uint32_t number; /* 0: nothing stands here */
    uint64_t connection;
    char *text;
    size_t length, room;
    bool whole;
    uint32_t compared; /* version of the network that its coverage was compared with; 0: none */
    uint32_t new_holes;
};

struct shelf {
    pthread_mutex_t lock;
    uint32_t newest;
    struct draft drafts[SHELF_DRAFTS]; /* number n stands at n % SHELF_DRAFTS */
};

struct shelf *shelf_open(void)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);

    assert(shelf);
    pthread_mutex_init(&shelf->lock, NULL);
    return shelf;
}

void shelf_close(struct shelf **shelf)
{
    if (!*shelf)
        return;
    for (size_t i = 0; i < SHELF_DRAFTS; i++)
        free((*shelf)->drafts[i].text);
    pthread_mutex_destroy(&(*shelf)->lock);
    free(*shelf);
    *shelf = NULL;
}

void shelf_count_from(struct shelf *shelf, uint32_t number)
{
    pthread_mutex_lock(&shelf->lock);
    shelf->newest = number;
    pthread_mutex_unlock(&shelf->lock);
}

static struct draft *begin_draft(struct shelf *shelf, uint64_t connection)
{
    uint32_t number = ++shelf->newest;
    struct draft *draft = &shelf->drafts[number % SHELF_DRAFTS];

    free(draft->text);
    *draft = (struct draft){.number = number, .connection = connection};
    return draft;
}

/* The newest one of the connection, when it is not whole; NULL: there is none. */
static struct draft *arriving_draft(struct shelf *shelf, uint64_t connection)
{
    struct draft *newest = NULL;

    for (size_t i = 0; i < SHELF_DRAFTS; i++) {
        struct draft *draft = &shelf->drafts[i];
        if (draft->number && draft->connection == connection && (!newest || draft->number > newest->number))
            newest = draft;
    }
    return newest && !newest->whole ? newest : NULL;
}

/* Room for more bytes and a NUL. */
static void make_room(struct draft *draft, size_t more)
{
    size_t needed = draft->length + more + 1;
    size_t larger = needed > 2 * draft->room ? needed : 2 * draft->room;
    char *text = needed > draft->room ? realloc(draft->text, larger) : draft->text;

    assert(text);
    if (needed > draft->room)
        draft->room = larger;
    draft->text = text;
}

static bool append(struct draft *draft, const char *text, size_t length)
{
    if (length > SHELF_BYTES_MAX - draft->length)
        return false;
    make_room(draft, length);
    memcpy(draft->text + draft->length, text, length);
    draft->length += length;
    draft->text[draft->length] = '\0';
    return true;
}

uint32_t shelf_add(struct shelf *shelf, uint64_t connection, size_t first_byte, const char *text, size_t length,
                   bool last, size_t *bytes)
{
    uint32_t number = 0;

    pthread_mutex_lock(&shelf->lock);
    struct draft *draft = first_byte ? arriving_draft(shelf, connection) : begin_draft(shelf, connection);
    if (draft && draft->length == first_byte && append(draft, text, length)) {
        draft->whole = last;
        number = draft->number;
        *bytes = draft->length;
    }
    pthread_mutex_unlock(&shelf->lock);
    return number;
}

/* With the lock held. NULL: there is no such whole draft. */
static struct draft *whole_draft(struct shelf *shelf, uint32_t number)
{
    struct draft *draft = &shelf->drafts[number % SHELF_DRAFTS];

    return number && draft->number == number && draft->whole ? draft : NULL;
}

char *shelf_text(struct shelf *shelf, uint32_t number, size_t *length)
{
    char *copy = NULL;

    pthread_mutex_lock(&shelf->lock);
    const struct draft *draft = whole_draft(shelf, number);
    if (draft)
        copy = malloc(draft->length + 1);
    if (copy) {
        memcpy(copy, draft->text, draft->length + 1);
        *length = draft->length;
    }
    pthread_mutex_unlock(&shelf->lock);
    return copy;
}

void shelf_compared(struct shelf *shelf, uint32_t number, uint32_t network_version, uint32_t new_holes)
{
    pthread_mutex_lock(&shelf->lock);
    struct draft *draft = whole_draft(shelf, number);
    if (draft) {
        draft->compared = network_version;
        draft->new_holes = new_holes;
    }
    pthread_mutex_unlock(&shelf->lock);
}

bool shelf_new_holes(struct shelf *shelf, uint32_t number, uint32_t network_version, uint32_t *new_holes)
{
    pthread_mutex_lock(&shelf->lock);
    const struct draft *draft = whole_draft(shelf, number);
    bool compared = draft && draft->compared == network_version && network_version;
    if (compared)
        *new_holes = draft->new_holes;
    pthread_mutex_unlock(&shelf->lock);
    return compared;
}

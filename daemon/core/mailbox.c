/* SPDX-License-Identifier: MIT
 * mailbox: a ring of what is owed, and beside it who has what. Every connection remembers the lowest and the highest
 * number that it has, and the mailbox the lowest that nobody has, so that nothing looks through the whole ring. */
#include "daemon/core/mailbox.h"

#include <assert.h>

#include "daemon/core/planted.h"

void mailbox_begin(struct mailbox *mailbox, uint64_t confirmed)
{
    *mailbox = (struct mailbox){.confirmed = confirmed, .held = confirmed, .last = confirmed, .unsent = confirmed + 1};
}

uint64_t mailbox_unconfirmed(const struct mailbox *mailbox)
{
    return mailbox->last - mailbox->confirmed;
}

static uint64_t index_of(const struct mailbox *mailbox, uint64_t number)
{
    assert(number > mailbox->confirmed && number <= mailbox->held);
    return (mailbox->first + (number - mailbox->confirmed - 1)) % mailbox->capacity;
}

static uint8_t *with(const struct mailbox *mailbox, uint64_t number)
{
    return &mailbox->with[index_of(mailbox, number)];
}

static void put(struct mailbox *mailbox, struct owed owed)
{
    assert(mailbox->held - mailbox->confirmed < mailbox->capacity);
    mailbox->held++;
    mailbox->ring[index_of(mailbox, mailbox->held)] = owed;
    *with(mailbox, mailbox->held) = WITH_NOBODY;
}

uint64_t mailbox_append(struct mailbox *mailbox, struct owed owed)
{
    assert(mailbox->held == mailbox->last);
    mailbox->last++;
    put(mailbox, owed);
    return mailbox->last;
}

void mailbox_take_held(struct mailbox *mailbox, struct owed owed)
{
    assert(mailbox->held < mailbox->last);
    put(mailbox, owed);
}

struct owed mailbox_at(const struct mailbox *mailbox, uint64_t number)
{
    return mailbox->ring[index_of(mailbox, number)];
}

void mailbox_move(struct mailbox *mailbox, struct owed *ring, uint8_t *who, uint32_t capacity)
{
    uint64_t count = mailbox->held - mailbox->confirmed;

    assert(count <= capacity);
    for (uint64_t i = 0; i < count; i++) {
        ring[i] = mailbox_at(mailbox, mailbox->confirmed + 1 + i);
        who[i] = *with(mailbox, mailbox->confirmed + 1 + i);
    }
    mailbox->ring = ring;
    mailbox->with = who;
    mailbox->first = 0;
    mailbox->capacity = capacity;
}

/* ---- connections ---- */

static struct mailbox_connection *connection_of(struct mailbox *mailbox, int slot)
{
    assert(slot >= 1 && slot <= MAILBOX_CONNECTIONS_MAX);
    return &mailbox->connections[slot];
}

/* The lowest number that the connection of the slot has; it has one. */
static uint64_t lowest_with(const struct mailbox *mailbox, int slot)
{
    const struct mailbox_connection *connection = &mailbox->connections[slot];
    uint64_t number = connection->oldest > mailbox->confirmed ? connection->oldest : mailbox->confirmed + 1;

    while (*with(mailbox, number) != slot)
        number++;
    return number;
}

static void give_back(struct mailbox *mailbox, int slot)
{
    struct mailbox_connection *connection = connection_of(mailbox, slot);

    while (connection->unconfirmed) {
        uint64_t number = lowest_with(mailbox, slot);
        *with(mailbox, number) = WITH_NOBODY;
        if (number < mailbox->unsent)
            mailbox->unsent = number;
        connection->oldest = number + 1;
        connection->unconfirmed--;
    }
}

void mailbox_open(struct mailbox *mailbox, int slot, int64_t now)
{
    give_back(mailbox, slot);
    *connection_of(mailbox, slot) = (struct mailbox_connection){.open = true, .heard_at = now, .spoke_at = now};
}

void mailbox_greeted(struct mailbox *mailbox, int slot, int64_t now)
{
    connection_of(mailbox, slot)->spoke_at = now;
}

void mailbox_close(struct mailbox *mailbox, int slot)
{
    if (!PLANTED(122))
        give_back(mailbox, slot);
    *connection_of(mailbox, slot) = (struct mailbox_connection){.open = false};
}

bool mailbox_is_open(const struct mailbox *mailbox)
{
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++)
        if (mailbox->connections[slot].open)
            return true;
    return false;
}

/* Whether the slot of a is to be given away before that of b. */
static bool is_needed_less(const struct mailbox_connection *a, const struct mailbox_connection *b)
{
    if (a->open != b->open)
        return !a->open;
    if (a->silent != b->silent)
        return a->silent;
    return a->heard_at < b->heard_at;
}

int mailbox_slot_to_open(const struct mailbox *mailbox)
{
    int best = 1;

    for (int slot = 2; slot <= MAILBOX_CONNECTIONS_MAX; slot++)
        if (is_needed_less(&mailbox->connections[slot], &mailbox->connections[best]))
            best = slot;
    return best;
}

/* ---- sending ---- */

/* Whether it is silent and another one is not, or spoke later. */
static bool stands_back(const struct mailbox *mailbox, int slot)
{
    const struct mailbox_connection *one = &mailbox->connections[slot];

    for (int i = 1; i <= MAILBOX_CONNECTIONS_MAX && one->silent; i++) {
        const struct mailbox_connection *other = &mailbox->connections[i];
        if (other->open &&
            (!other->silent || other->spoke_at > one->spoke_at || (other->spoke_at == one->spoke_at && i > slot)))
            return true;
    }
    return false;
}

static bool may_take(const struct mailbox_connection *connection, uint64_t number, uint32_t window)
{
    return connection->open && (connection->unconfirmed < window || PLANTED(140)) &&
           (!connection->unconfirmed || connection->newest < number);
}

uint64_t mailbox_next_to_send(const struct mailbox *mailbox, uint32_t window, int *slot)
{
    *slot = 0;
    if (mailbox->unsent > mailbox->held)
        return 0;
    for (int i = 1; i <= MAILBOX_CONNECTIONS_MAX; i++) {
        const struct mailbox_connection *connection = &mailbox->connections[i];
        if (may_take(connection, mailbox->unsent, window) && !stands_back(mailbox, i) &&
            (!*slot || connection->unconfirmed < mailbox->connections[*slot].unconfirmed))
            *slot = i;
    }
    return *slot ? mailbox->unsent : 0;
}

/* Somebody has the number that nobody had: on to the next. */
static void move_unsent(struct mailbox *mailbox)
{
    while (mailbox->unsent <= mailbox->held && *with(mailbox, mailbox->unsent) != WITH_NOBODY)
        mailbox->unsent++;
}

void mailbox_sent(struct mailbox *mailbox, uint64_t number, int slot, int64_t now)
{
    struct mailbox_connection *connection = connection_of(mailbox, slot);

    assert(connection->open && number == mailbox->unsent);
    assert(!connection->unconfirmed || connection->newest < number);
    if (!connection->unconfirmed) {
        connection->oldest = number;
        connection->heard_at = now;
    }
    connection->newest = number;
    connection->unconfirmed++;
    *with(mailbox, number) = (uint8_t)slot;
    move_unsent(mailbox);
}

uint64_t mailbox_next_with(const struct mailbox *mailbox, int slot, uint64_t number)
{
    const struct mailbox_connection *connection = &mailbox->connections[slot];

    if (!connection->unconfirmed)
        return 0;
    if (number < lowest_with(mailbox, slot))
        return lowest_with(mailbox, slot);
    while (++number <= connection->newest)
        if (*with(mailbox, number) == slot)
            return number;
    return 0;
}

int64_t mailbox_fall_silent(struct mailbox *mailbox, int64_t now, int64_t wait, bool *any)
{
    int64_t next = INT64_MAX;

    *any = false;
    for (int slot = 1; slot <= MAILBOX_CONNECTIONS_MAX; slot++) {
        struct mailbox_connection *connection = connection_of(mailbox, slot);
        if (!connection->unconfirmed)
            continue;
        if (now - connection->heard_at >= wait && !PLANTED(121)) {
            connection->silent = true;
            give_back(mailbox, slot);
            *any = true;
        } else if (connection->heard_at + wait < next) {
            next = connection->heard_at + wait;
        }
    }
    return next;
}

/* ---- confirming ---- */

/* The lowest number up to this one that a connection has, and thereby confirms; 0: none. */
static uint64_t lowest_covered(struct mailbox *mailbox, int slot, uint64_t number, int64_t now)
{
    struct mailbox_connection *connection = connection_of(mailbox, slot);

    connection->silent = false; /* whatever it confirms, it lives */
    connection->spoke_at = now;
    if (number <= mailbox->confirmed || number > mailbox->held)
        return 0;
    if (PLANTED(120))
        return mailbox->confirmed + 1;
    if (*with(mailbox, number) != slot)
        return 0;
    uint64_t lowest = lowest_with(mailbox, slot);
    connection->oldest = lowest + 1;
    return lowest;
}

/* The same for one that takes nothing. */
static uint64_t lowest_unclaimed(const struct mailbox *mailbox, uint64_t number)
{
    bool any = mailbox->unsent <= number && mailbox->unsent <= mailbox->held;

    return any && !mailbox_is_open(mailbox) ? mailbox->unsent : 0;
}

static void move_confirmed(struct mailbox *mailbox)
{
    while (mailbox->confirmed < mailbox->held && *with(mailbox, mailbox->confirmed + 1) == WITH_CONFIRMED) {
        mailbox->first = (mailbox->first + 1) % mailbox->capacity;
        mailbox->confirmed++;
    }
}

uint64_t mailbox_confirm_next(struct mailbox *mailbox, int slot, uint64_t number, int64_t now, struct owed *owed)
{
    uint64_t lowest = slot ? lowest_covered(mailbox, slot, number, now) : lowest_unclaimed(mailbox, number);

    if (!lowest)
        return 0;
    uint8_t *who = with(mailbox, lowest);
    if (*who != WITH_NOBODY) {
        mailbox->connections[*who].unconfirmed--;
        mailbox->connections[*who].heard_at = now;
    }
    *owed = mailbox_at(mailbox, lowest);
    *who = WITH_CONFIRMED;
    move_unsent(mailbox);
    move_confirmed(mailbox);
    return lowest;
}

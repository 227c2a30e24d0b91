/* SPDX-License-Identifier: MIT
 * mailbox: what the network owes one party, in order, and which of the party's connections has which of it. Numbers run
 * from 1 without gaps; those up to `confirmed` are done, those up to `last` are stored. The letters themselves stand in
 * the history; here is only where. Of a party that is far behind only those up to `held` are here; the others stand in
 * the store until there is room. Memory belongs to the caller. Pure. */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "proto/vocabulary.h"

#define MAILBOX_CONNECTIONS_MAX 8
#define MAILBOX_HELD_MAX 16384

/* One owed message: letter number `letter` of history entry `sequence`, about a referral or an enquiry. */
struct owed {
    uint64_t sequence : 48;
    uint64_t letter : 8;
    uint64_t type : 8; /* enum message_type */
    uint64_t referral : 56;
    uint64_t offer : 8; /* number of the offer that it is about; 0: none */
};

/* Who has a message: nobody yet, the connection of a slot (from 1), or it is confirmed before one of lower number. */
enum { WITH_NOBODY = 0, WITH_CONFIRMED = 255 };

struct mailbox_connection {
    bool open;
    bool silent;          /* it let the time to confirm pass; others go first until it confirms something */
    uint32_t unconfirmed; /* messages that it has */
    uint64_t oldest;      /* it has nothing below this number */
    uint64_t newest;      /* nor above this one */
    int64_t heard_at;     /* when it was last sent something with nothing in hand, or confirmed something */
    int64_t spoke_at;     /* when it last greeted or confirmed, whatever came of it */
};

struct mailbox {
    uint64_t confirmed;
    uint64_t held; /* the newest number in the ring; at least confirmed */
    uint64_t last;
    uint64_t unsent;   /* the lowest number that is with nobody; held + 1: there is none */
    struct owed *ring; /* number n is ring[(first + n - confirmed - 1) % capacity] */
    uint8_t *with;     /* the same, who has it */
    uint32_t first;
    uint32_t capacity;
    struct mailbox_connection connections[MAILBOX_CONNECTIONS_MAX + 1]; /* by slot; [0] is not used */
};

/* Empty, with everything up to a number confirmed. */
void mailbox_begin(struct mailbox *, uint64_t confirmed);
uint64_t mailbox_unconfirmed(const struct mailbox *);
/* Takes the next number into the ring; the caller makes sure that held == last and that there is room. */
uint64_t mailbox_append(struct mailbox *, struct owed);
/* The same for number held + 1, which stood in the store. */
void mailbox_take_held(struct mailbox *, struct owed);
/* The owed message of a number in confirmed + 1 .. held. */
struct owed mailbox_at(const struct mailbox *, uint64_t number);
/* Moves the ring to other memory, which has room for what it holds. */
void mailbox_move(struct mailbox *, struct owed *ring, uint8_t *with, uint32_t capacity);

/* A connection begins to take messages in a slot; it has none. What another one had in it is with nobody. */
void mailbox_open(struct mailbox *, int slot, int64_t now);
/* It greets again; it has what it had. */
void mailbox_greeted(struct mailbox *, int slot, int64_t now);
/* It has gone: what it had is with nobody. */
void mailbox_close(struct mailbox *, int slot);
bool mailbox_is_open(const struct mailbox *); /* any is */
/* The slot for one more connection: a free one, else that of a silent one, else of the one unheard for longest. */
int mailbox_slot_to_open(const struct mailbox *);

/* The lowest number that nobody has, and the slot that it goes to: of the open connections that are not silent, or,
 * when all are, the one that spoke last (the others may be dead), the one with fewest messages, if it has fewer than
 * window. What a connection has always ascends: a number that another has given back waits until the connection has
 * confirmed everything above it. 0: nothing can be sent. */
uint64_t mailbox_next_to_send(const struct mailbox *, uint32_t window, int *slot);
void mailbox_sent(struct mailbox *, uint64_t number, int slot, int64_t now);
/* The next number above this one that the connection has; 0: none. */
uint64_t mailbox_next_with(const struct mailbox *, int slot, uint64_t number);
/* Connections that have had something for `wait` and confirmed nothing fall silent: what they had is with nobody.
 * Returns when this is to be looked at next; INT64_MAX: nobody has anything. *any: somebody fell silent now. */
int64_t mailbox_fall_silent(struct mailbox *, int64_t now, int64_t wait, bool *any);

/* A connection that has a number confirms what it has up to it: that was all sent to it before. A number that it does
 * not have, because that is confirmed, or another has it now, confirms nothing, so that nothing is confirmed that the
 * party has not seen. Slot 0, one that takes nothing, confirms what is with nobody, as long as none is open.
 * One step: confirms the lowest such message and returns its number; 0: there is none (left). */
uint64_t mailbox_confirm_next(struct mailbox *, int slot, uint64_t number, int64_t now, struct owed *owed);

#endif

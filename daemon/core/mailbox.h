/* SPDX-License-Identifier: MIT
 * mailbox: what the network owes one party, in order. Numbers run from 1 without gaps; those up to `confirmed` are
 * done, those up to `sent` are on their way, those up to `last` are stored. The letters themselves stand in the
 * history; here is only where. Memory belongs to the caller. */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "proto/vocabulary.h"

/* One owed message: letter number `letter` of history entry `sequence`, about a referral. */
struct owed {
    uint64_t sequence : 48;
    uint64_t letter : 8;
    uint64_t type : 8; /* enum message_type */
    uint64_t referral : 56;
    uint64_t offer : 8; /* number of the offer that it is about; 0: none */
};

struct mailbox {
    uint64_t confirmed;
    uint64_t sent;
    uint64_t last;
    struct owed *ring; /* number n is ring[(first + n - confirmed - 1) % capacity] */
    uint32_t first;
    uint32_t capacity;
};

uint64_t mailbox_unconfirmed(const struct mailbox *);
/* Takes the next number; the caller makes sure that mailbox_unconfirmed < capacity. Returns the number. */
uint64_t mailbox_append(struct mailbox *, struct owed);
/* The owed message of a number in confirmed + 1 .. last. */
struct owed mailbox_at(const struct mailbox *, uint64_t number);
/* Forgets everything up to the number; those not sent count as sent. */
void mailbox_confirm(struct mailbox *, uint64_t number);
/* The next number to send within the window; 0: none. */
uint64_t mailbox_next_to_send(const struct mailbox *, uint32_t window);

#endif

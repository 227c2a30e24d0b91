/* SPDX-License-Identifier: MIT
 * talk: conversations with a turn over the memory store, for tests: who says what, what is answered and pushed, and
 * what a restart remembers. One conversation at a time; whatever goes wrong fails the test. */
#ifndef TESTS_TALK_H
#define TESTS_TALK_H

#include "daemon/io/record.h"
#include "daemon/shelf.h"
#include "daemon/turn.h"
#include "tests/people.h"
#include "tests/sim/store_memory.h"

#define TALK_NOW (PEOPLE_AUTHORED_MS + 3600000) /* Sunday 2026-11-01, at ten, in winter */
#define TALK_DAY INT64_C(86400000)
#define TALK_OPERATOR "uid-1000"

extern struct store *talk_store;
extern struct seal *talk_seal;
extern struct turn *talk_turn;
extern struct outbox talk_outbox;
extern struct shelf *talk_shelf;
extern struct store_memory_faults talk_faults;
extern int64_t talk_now;
extern struct turn_options talk_options; /* of the next start; talk_begin makes them the usual ones */
extern connection_t talk_connection;     /* that speaks and hears for everybody; 0: each party's own */

/* Runs a turn; the usual one is turn_run. */
extern enum store_result (*talk_run)(struct turn *, int64_t now_ms, const struct request *, size_t count,
                                     struct outbox *);

/* A new store; the daemon is started with this network file. */
void talk_begin(const char *network_text);
void talk_end(void);
/* The daemon dies and is started again. */
void talk_restart(const char *network_text);
/* The parties are gp and clinic, senders; uid-..., an operator; privacy, the privacy officer; all others are hubs.
 * Their connection is the first letter of their name. */
void talk_say(const char *party, const struct message *);
/* The connection has gone. */
void talk_gone(connection_t);
/* One turn without a request, after that time. */
void talk_wait(int64_t ms);
/* One turn at the next time that it asks for. */
void talk_wait_until_due(void);

/* Decodes everything that the newest turn has sent, as its peers would. */
void talk_hear_all(void);
/* How many messages of the type the newest turn has sent to the party, and the i-th of them. */
size_t talk_count(const char *party, enum message_type);
const struct message *talk_heard(const char *party, enum message_type, size_t i);
/* The same about one referral; NULL: there is none. */
const struct message *talk_about(const char *party, enum message_type, int64_t referral);
bool talk_text_is(const struct message *, enum field, const char *expected);
/* Which refusal the newest turn has answered; REFUSAL_NONE: none. */
enum refusal talk_refused(const char *party);

/* With a request id of its own. */
void talk_begin_request(struct message *, enum message_type);
void talk_hello(const char *party);
void talk_confirm(const char *party, int64_t mailbox_number);
/* A person in "north" with these needs, 0 at the end, the first of them primary; to be changed before it is said. */
void talk_person(struct message *, unsigned seed, const enum need needs[]);
/* The same said by gp; returns the referral's number. */
int64_t talk_submit(unsigned seed, enum need);
int64_t talk_submit_all(unsigned seed, const enum need needs[]);
int64_t talk_say_submit(const char *party, const struct message *);
void talk_answer(const char *hub, enum message_type, int64_t referral, int64_t offer);
void talk_cancel(const char *sender, int64_t referral);
void talk_capacity(const char *hub, const char *service, int64_t places);
/* until: 0 says off. */
void talk_emergency(int64_t until);
/* A draft whose coverage has been compared with the network in force; returns its number. */
uint32_t talk_draft(const char *network_text, uint32_t new_holes);
void talk_apply(uint32_t draft, bool holes_allowed);
/* Drafts and applies it, and insists that it is done. */
void talk_change(const char *network_text);

struct hub_figures talk_figures(const char *hub, const char *service);
struct totals talk_totals(void);
/* As stored. */
struct referral talk_referral(int64_t number);
/* The record as it is sealed in the store, and as it is put back later: a page that the disk has lost may do so. */
struct talk_record {
    uint8_t bytes[4096];
    size_t length;
};
void talk_keep_record(int64_t number, struct talk_record *);
void talk_put_back(int64_t number, const struct talk_record *);
/* False: it is the number of an enquiry. */
bool talk_is_referral(int64_t number);
/* False: it is that of a referral. */
bool talk_enquiry(int64_t number, struct enquiry *);
struct head talk_head(void);
/* The newest entry of the history that is about the event; false: there is none. note may be NULL. */
bool talk_entry(enum event, struct entry *, char note[256]);
/* What the account of unmet needs says: of all weeks and neighbourhoods when code is NULL. */
uint64_t talk_unmet(const char *code, enum need, enum unmet_cause);

#endif

/* SPDX-License-Identifier: MIT
 * ask: what a client says again and when, and which pushed messages it takes. Pure: no clock, no sockets; time comes
 * in with each call, in milliseconds of any clock that does not go back. */
#ifndef CLIENTS_ASK_H
#define CLIENTS_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASK_HELLO_AGAIN_MS 1000
#define ASK_REQUEST_AGAIN_MS 2000
#define ASK_STUDY_AGAIN_MS 3600000 /* a question that takes long, so that it is not asked twice meanwhile */
#define ASK_LISTEN_AGAIN_MS 60000
#define ASK_HELD_MAX 1024 /* no daemon sends more ahead of a confirmation */
#define ASK_NEVER INT64_MAX

/* A push that has come and is not confirmed: kept for the caller, in the caller's hands, or stored by the caller. */
enum ask_hold { ASK_KEPT, ASK_GIVEN, ASK_STORED };

struct ask_held {
    int64_t number;
    enum ask_hold hold;
};

/*   connected ──hello──► welcome ──request──► answer
 *       ▲                   │ every ASK_REQUEST_AGAIN_MS without an answer: the same request again
 *       └── connection lost ┘ then hello and the unanswered request are said again on the next connection */
struct ask {
    bool is_connected;
    bool is_welcome;   /* hello has been answered on this connection */
    bool is_open;      /* a request waits for its answer */
    bool is_listening; /* pushes are waited for */
    int64_t hello_due_ms;
    int64_t request_due_ms;
    int64_t again_ms;  /* after which the request is said again; 0: ASK_REQUEST_AGAIN_MS */
    int64_t confirmed; /* the daemon has said that everything up to this mailbox number is confirmed */
    int64_t lost;      /* a push for which there was no room; 0: none */
    bool is_anew;      /* no push has come since the last welcome */
    size_t held_count;
    struct ask_held held[ASK_HELD_MAX]; /* in the order in which they came */
};

enum ask_action { ASK_NOTHING, ASK_SAY_HELLO, ASK_SAY_REQUEST };

/* All zero is a client that has not connected and asks nothing. */

void ask_connected(struct ask *, int64_t now_ms);
void ask_disconnected(struct ask *);
/* Hello was answered; confirmed is what the answer says. True: the mailbox has gone back behind what was confirmed, it
 * is one of an older backup and gives its numbers to other messages: nothing that was taken counts any more. */
bool ask_welcomed(struct ask *, int64_t confirmed, int64_t now_ms);
/* Hello was refused, or the daemon does not remember it: say it again after the delay. */
void ask_greet_again(struct ask *, int64_t now_ms, int64_t delay_ms);

/* While pushes are waited for, hello is said again from time to time: the daemon pushes to some connections of a party
 * only, and another may have taken this one's place. */
void ask_listen(struct ask *, bool is_listening);

void ask_begin(struct ask *, int64_t now_ms);
/* Part of the answer has come, or the daemon is busy: not again before the delay is over. */
void ask_wait(struct ask *, int64_t now_ms, int64_t delay_ms);
void ask_end(struct ask *);

/* What to say now; it counts as said. Call until it is ASK_NOTHING. */
enum ask_action ask_next(struct ask *, int64_t now_ms);
/* When ask_next has something again without anything else happening; ASK_NEVER. */
int64_t ask_due(const struct ask *);

/* Several connections share a mailbox: numbers that are missing here have gone to another one, or come later.
 * True: this push is new, and now kept. False: a repeat, or there is no room; the daemon sends it again. */
bool ask_take(struct ask *, int64_t mailbox_number);
/* What was taken could not be kept after all. */
void ask_lose(struct ask *, int64_t mailbox_number);
/* True: the push is still kept, and now given to the caller. False: another program has confirmed it meanwhile. */
bool ask_give(struct ask *, int64_t mailbox_number);
/* What is kept and was not given counts as not come: the daemon is asked what of it is still meant for this connection.
 * False, and nothing is forgotten, while the caller has anything in hand: to confirm that could confirm what was
 * forgotten. */
bool ask_forget_kept(struct ask *);
/* The caller has stored this push, and every one that it was given before with a lower number. Returns the number to
 * confirm; 0: not now, because to confirm it would confirm a lower one that is not stored. */
int64_t ask_store(struct ask *, int64_t mailbox_number);
/* The number was confirmed; the daemon says that everything up to all is. */
void ask_confirmed(struct ask *, int64_t mailbox_number, int64_t all);

#endif

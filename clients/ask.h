/* SPDX-License-Identifier: MIT
 * ask: what a client says again and when, and which pushed messages it takes. Pure: no clock, no sockets; time comes
 * in with each call, in milliseconds of any clock that does not go back. */
#ifndef CLIENTS_ASK_H
#define CLIENTS_ASK_H

#include <stdbool.h>
#include <stdint.h>

#define ASK_HELLO_AGAIN_MS 1000
#define ASK_REQUEST_AGAIN_MS 2000
#define ASK_STUDY_AGAIN_MS 3600000 /* a question that takes long, so that it is not asked twice meanwhile */
#define ASK_LISTEN_AGAIN_MS 15000
#define ASK_NEVER INT64_MAX

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
    int64_t confirmed; /* last mailbox number that the daemon knows to be confirmed */
    int64_t taken;     /* last mailbox number that was taken */
};

enum ask_action { ASK_NOTHING, ASK_SAY_HELLO, ASK_SAY_REQUEST };

/* All zero is a client that has not connected and asks nothing. */

void ask_connected(struct ask *, int64_t now_ms);
void ask_disconnected(struct ask *);
/* Hello was answered; confirmed is what the answer says. A mailbox that has gone back behind what was confirmed is
 * one of an older backup: it is taken from its beginning. */
void ask_welcomed(struct ask *, int64_t confirmed, int64_t now_ms);
/* Hello was refused, or the daemon does not remember it: say it again after the delay. */
void ask_greet_again(struct ask *, int64_t now_ms, int64_t delay_ms);

/* While pushes are waited for, hello is said again from time to time: the daemon pushes to the connection of a party
 * that greeted last, and that may have been another program of the same party. */
void ask_listen(struct ask *, bool is_listening);

void ask_begin(struct ask *, int64_t now_ms);
/* Part of the answer has come, or the daemon is busy: not again before the delay is over. */
void ask_wait(struct ask *, int64_t now_ms, int64_t delay_ms);
void ask_end(struct ask *);

/* What to say now; it counts as said. Call until it is ASK_NOTHING. */
enum ask_action ask_next(struct ask *, int64_t now_ms);
/* When ask_next has something again without anything else happening; ASK_NEVER. */
int64_t ask_due(const struct ask *);

/* True: this push is the next one, and now counts as taken. False: a repeat, or a gap; the daemon sends it again. */
bool ask_take(struct ask *, int64_t mailbox_number);
void ask_confirmed(struct ask *, int64_t mailbox_number);

#endif

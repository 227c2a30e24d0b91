/* SPDX-License-Identifier: MIT
 * ask: what a client says again and when. */
#include "clients/ask.h"

static int64_t hello_due(const struct ask *ask)
{
    return !ask->is_connected || (ask->is_welcome && !ask->is_listening) ? ASK_NEVER : ask->hello_due_ms;
}

static int64_t request_due(const struct ask *ask)
{
    return ask->is_connected && ask->is_welcome && ask->is_open ? ask->request_due_ms : ASK_NEVER;
}

void ask_connected(struct ask *ask, int64_t now_ms)
{
    ask->is_connected = true;
    ask->is_welcome = false;
    ask->hello_due_ms = now_ms;
}

void ask_disconnected(struct ask *ask)
{
    ask->is_connected = false;
    ask->is_welcome = false;
}

/* Leaves only what has a number above this one; of what is stored, only what has a number above that one. */
static void release(struct ask *ask, int64_t all, int64_t stored)
{
    size_t left = 0;

    for (size_t i = 0; i < ask->held_count; i++)
        if (ask->held[i].number > (ask->held[i].hold == ASK_STORED ? stored : all))
            ask->held[left++] = ask->held[i];
    ask->held_count = left;
}

bool ask_welcomed(struct ask *ask, int64_t confirmed, int64_t now_ms)
{
    bool was_welcome = ask->is_welcome;
    bool has_gone_back = confirmed < ask->confirmed;

    ask->is_welcome = true;
    if (has_gone_back)
        ask->held_count = 0;
    release(ask, confirmed, confirmed);
    ask->confirmed = confirmed;
    ask->is_anew = true;
    ask->hello_due_ms = now_ms + ASK_LISTEN_AGAIN_MS;
    /* The answer to what was asked on an earlier connection cannot come any more. */
    if (!was_welcome)
        ask->request_due_ms = now_ms;
    return has_gone_back;
}

void ask_greet_again(struct ask *ask, int64_t now_ms, int64_t delay_ms)
{
    ask->is_welcome = false;
    ask->hello_due_ms = now_ms + delay_ms;
}

void ask_begin(struct ask *ask, int64_t now_ms)
{
    ask->is_open = true;
    ask->request_due_ms = now_ms;
}

void ask_wait(struct ask *ask, int64_t now_ms, int64_t delay_ms)
{
    ask->request_due_ms = now_ms + delay_ms;
}

void ask_end(struct ask *ask)
{
    ask->is_open = false;
}

void ask_listen(struct ask *ask, bool is_listening)
{
    ask->is_listening = is_listening;
}

enum ask_action ask_next(struct ask *ask, int64_t now_ms)
{
    if (hello_due(ask) <= now_ms) {
        ask->hello_due_ms = now_ms + ASK_HELLO_AGAIN_MS;
        return ASK_SAY_HELLO;
    }
    if (request_due(ask) <= now_ms) {
        ask->request_due_ms = now_ms + (ask->again_ms ? ask->again_ms : ASK_REQUEST_AGAIN_MS);
        return ASK_SAY_REQUEST;
    }
    return ASK_NOTHING;
}

int64_t ask_due(const struct ask *ask)
{
    return hello_due(ask) < request_due(ask) ? hello_due(ask) : request_due(ask);
}

static struct ask_held *find_held(struct ask *ask, int64_t number)
{
    for (size_t i = 0; i < ask->held_count; i++)
        if (ask->held[i].number == number)
            return &ask->held[i];
    return NULL;
}

bool ask_take(struct ask *ask, int64_t mailbox_number)
{
    bool is_beyond;

    /* Behind a welcome everything that is meant for this connection comes again in order, so the first tells whether
     * what was lost is still meant for it. */
    if (ask->is_anew && mailbox_number > ask->lost)
        ask->lost = 0;
    ask->is_anew = false;
    is_beyond = ask->lost != 0 && mailbox_number > ask->lost;
    if (!ask->is_welcome || mailbox_number <= ask->confirmed || is_beyond || find_held(ask, mailbox_number))
        return false;
    if (ask->held_count == ASK_HELD_MAX) {
        ask->lost = mailbox_number;
        return false;
    }
    if (mailbox_number == ask->lost)
        ask->lost = 0;
    ask->held[ask->held_count++] = (struct ask_held){mailbox_number, ASK_KEPT};
    return true;
}

void ask_lose(struct ask *ask, int64_t mailbox_number)
{
    struct ask_held *held = find_held(ask, mailbox_number);

    if (held)
        *held = ask->held[--ask->held_count];
    ask->lost = mailbox_number;
}

bool ask_give(struct ask *ask, int64_t mailbox_number)
{
    struct ask_held *held = find_held(ask, mailbox_number);

    if (held)
        held->hold = ASK_GIVEN;
    return held != NULL;
}

bool ask_forget_kept(struct ask *ask)
{
    for (size_t i = 0; i < ask->held_count; i++)
        if (ask->held[i].hold != ASK_KEPT)
            return false;
    ask->held_count = 0;
    return true;
}

int64_t ask_store(struct ask *ask, int64_t mailbox_number)
{
    int64_t least = ask->lost ? ask->lost : INT64_MAX; /* of what is not stored */
    int64_t most = mailbox_number;

    for (size_t i = 0; i < ask->held_count; i++) {
        struct ask_held *held = &ask->held[i];

        if (held->hold == ASK_GIVEN && held->number <= mailbox_number)
            held->hold = ASK_STORED;
        if (held->hold != ASK_STORED && held->number < least)
            least = held->number;
    }
    if (most >= least)
        most = 0;
    for (size_t i = 0; i < ask->held_count; i++)
        if (ask->held[i].hold == ASK_STORED && ask->held[i].number < least && ask->held[i].number > most)
            most = ask->held[i].number;
    return most;
}

void ask_confirmed(struct ask *ask, int64_t mailbox_number, int64_t all)
{
    release(ask, all, mailbox_number > all ? mailbox_number : all);
    if (ask->confirmed < all)
        ask->confirmed = all;
}

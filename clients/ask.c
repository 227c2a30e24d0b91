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

void ask_welcomed(struct ask *ask, int64_t confirmed, int64_t now_ms)
{
    bool was_welcome = ask->is_welcome;

    ask->is_welcome = true;
    if (confirmed < ask->confirmed || ask->taken < confirmed)
        ask->taken = confirmed;
    ask->confirmed = confirmed;
    ask->hello_due_ms = now_ms + ASK_LISTEN_AGAIN_MS;
    /* The answer to what was asked on an earlier connection cannot come any more. */
    if (!was_welcome)
        ask->request_due_ms = now_ms;
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

bool ask_take(struct ask *ask, int64_t mailbox_number)
{
    if (!ask->is_welcome || mailbox_number != ask->taken + 1)
        return false;
    ask->taken = mailbox_number;
    return true;
}

void ask_confirmed(struct ask *ask, int64_t mailbox_number)
{
    if (ask->confirmed < mailbox_number)
        ask->confirmed = mailbox_number;
}

/* SPDX-License-Identifier: MIT
 * `referral follow`: taking the mailbox, and looking on without touching it, against a peer in this program. */
#include "clients/events.h"
#include "clients/sender.h"
#include "tests/peer.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <sysexits.h>
#include <time.h>

#include "tests/client_line.h"

#define EVENTS_MAX 8

/* What the peer knows, and what it was asked. */
static struct {
    int64_t at[EVENTS_MAX]; /* of the events, whose sequences are 10, 20, 30 ... */
    int count;
    int page;            /* how many it tells at once */
    bool always_tells;   /* the next page's begin, also after the newest */
    int later;           /* events that are there from the second question on */
    int64_t later_after; /* milliseconds from the first question, if that is later */
    int64_t first_ms;
    int refusals;        /* questions that are refused first */
    int64_t since, from; /* of the last question; -1: not said */
    bool takes_pushes;
} state;

static struct peer *peer;

static int64_t now_ms(void)
{
    return (int64_t)time(NULL) * 1000;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void send_event(const struct message *question, int i)
{
    struct message happened;

    peer_answer(&happened, MESSAGE_happened, question);
    message_set_number(&happened, FIELD_sequence, 10 * (i + 1));
    message_set_number(&happened, FIELD_referral_id, 1042);
    message_set_number(&happened, FIELD_event, EVENT_HELD);
    message_set_string(&happened, FIELD_actor, "uid-7");
    message_set_number(&happened, FIELD_at, state.at[i]);
    message_set_number(&happened, FIELD_state, STATE_ON_HOLD);
    message_set_number(&happened, FIELD_business_status, BUSINESS_HELD);
    message_set_number(&happened, FIELD_network_version, 1);
    peer_send(peer, &happened);
}

static void answer_events(const struct message *question)
{
    struct text from = message_text(question, FIELD_from);
    struct message end;
    char next[24];
    int told = 0, i = 0;

    state.since = message_has(question, FIELD_since) ? message_number(question, FIELD_since) : -1;
    state.from = from.length ? strtoll(from.bytes, NULL, 10) : -1;
    if (state.refusals-- > 0) {
        peer_refuse(peer, question, REFUSAL_ROLE, "");
        return;
    }
    while (i < state.count && 10 * (i + 1) < state.from)
        i++;
    for (; i < state.count && told < state.page; i++, told++)
        send_event(question, i);
    peer_answer(&end, MESSAGE_end, question);
    message_set_number(&end, FIELD_count, told);
    snprintf(next, sizeof next, "%d", 10 * i + 1);
    if (i < state.count || state.always_tells)
        message_set_string(&end, FIELD_next, next);
    peer_send(peer, &end);
    if (!state.first_ms)
        state.first_ms = monotonic_ms();
    if (monotonic_ms() - state.first_ms < state.later_after)
        return;
    state.count += state.later;
    state.later = 0;
}

static void answer(struct peer *which, const struct message *message)
{
    if (message->type == MESSAGE_hello) {
        state.takes_pushes |= !message_has(message, FIELD_takes_pushes) || message_number(message, FIELD_takes_pushes);
        peer_welcome(which, message, 0);
        for (int i = 1; state.takes_pushes && i <= 3; i++)
            peer_push(which, i);
    }
    if (message->type == MESSAGE_events)
        answer_events(message);
    if (message->type == MESSAGE_confirm)
        peer_done(which, message);
}

static void open_peer(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    setenv("REFERRAL_CONFIG", "/dev/null", 1);
    memset(&state, 0, sizeof state);
    state.page = EVENTS_MAX;
    for (int i = 0; i < EVENTS_MAX; i++)
        state.at[i] = now_ms() + i;
    peer = peer_open(answer);
    peer_bind(peer, NULL, true);
}

static void close_peer(void)
{
    peer_close(peer);
}

TestSuite(follow, .init = open_peer, .fini = close_peer);

/* The pause of the program is too long for a test. */
static int look_on(const struct invocation *invocation)
{
    int64_t count = 3;

    return events_follow(invocation, &count, 1);
}

static int look_on_slowly(const struct invocation *invocation)
{
    int64_t count = 3;

    return events_follow(invocation, &count, 50);
}

static int run(const char *line)
{
    static const struct option_spec program_options[] = {OPTIONS_OF_ALL, OPTIONS_OF_PARTY, {0}};
    static const struct command commands[] = {{"follow", "", "", sender_follow_options, 0, 0, sender_follow},
                                              {"look", "", "", sender_follow_options, 0, 0, look_on},
                                              {"slowly", "", "", sender_follow_options, 0, 0, look_on_slowly},
                                              {0}};
    static const struct program program = {"referral", "", program_options, commands};
    char whole[LINE_BYTES];

    snprintf(whole, sizeof whole, "referral -e %s -k %s -K %s --timeout 20s %s", peer->endpoint, peer->key_file,
             peer->server_key, line);
    return line_run(&program, whole);
}

static int asked(enum message_type type)
{
    return atomic_load(&peer->count[type]);
}

/* Lines of standard output that hold the part. */
static int lines_with(const char *part)
{
    const char *text = line_printed(cr_get_redirected_stdout());
    int count = 0;

    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

Test(follow, each_update_is_confirmed_when_it_has_been_written)
{
    cr_assert_eq(run("follow --once 3 -o jsonl"), EX_OK);
    cr_assert_eq(asked(MESSAGE_confirm), 3);
    cr_assert_eq(asked(MESSAGE_events), 0);
    cr_assert_eq(lines_with("\"type\":\"withdrawn\""), 3);
}

Test(follow, looking_on_takes_no_updates_and_confirms_nothing)
{
    state.count = 3;
    cr_assert_eq(run("follow --since 2026-09-01 --once 3"), EX_OK);
    cr_assert_not(state.takes_pushes);
    cr_assert_eq(asked(MESSAGE_confirm), 0);
    cr_assert_eq(state.since, 20697);
    cr_assert_eq(lines_with("R1042-76"), 3);
}

Test(follow, what_happens_later_is_asked_for_after_what_was_seen)
{
    state.count = 2;
    state.later = 1;
    cr_assert_eq(run("look --since 1d"), EX_OK);
    cr_assert_eq(state.from, 21);
    cr_assert_eq(asked(MESSAGE_events), 2);
    cr_assert_eq(lines_with("held"), 3);
}

Test(follow, pages_are_put_together)
{
    state.count = 3;
    state.page = 2;
    cr_assert_eq(run("look --since 1d -o csv"), EX_OK);
    cr_assert_eq(asked(MESSAGE_events), 2);
    cr_assert_eq(state.from, 21);
    cr_assert_eq(lines_with("R1042-76"), 3);
}

Test(follow, a_network_that_always_tells_where_to_go_on_is_not_asked_without_pause)
{
    state.count = 2;
    state.later = 1;
    state.always_tells = true;
    state.later_after = 300;
    cr_assert_eq(run("slowly --since 1d -o jsonl"), EX_OK);
    cr_assert_leq(asked(MESSAGE_events), 12);
    cr_assert_eq(lines_with("\"sequence\""), 3);
}

Test(follow, without_a_day_only_what_happens_from_now_on_is_told)
{
    state.count = 5;
    state.at[0] = state.at[1] = now_ms() - 5000;
    for (int i = 2; i < 5; i++)
        state.at[i] = now_ms() + 60000;
    cr_assert_eq(run("look -o jsonl"), EX_OK);
    cr_assert_eq(state.since, now_ms() / 86400000);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(!strstr(text, "\"sequence\":20,") && strstr(text, "\"sequence\":30,"), "%s", text);
}

Test(follow, one_may_look_at_the_past_and_then_take_the_mailbox)
{
    state.count = 2;
    cr_assert_eq(run("follow --since 1d --confirm --once 4 -o jsonl"), EX_OK);
    cr_assert_eq(asked(MESSAGE_events), 1);
    cr_assert_eq(asked(MESSAGE_confirm), 2);
    const char *text = line_printed(cr_get_redirected_stdout());
    cr_assert(strstr(text, "\"type\":\"happened\"") && strstr(text, "\"type\":\"withdrawn\""), "%s", text);
}

Test(follow, a_refusal_ends_it)
{
    state.refusals = 1;
    cr_assert_eq(run("follow --since 1d"), EX_NOPERM);
    cr_assert_eq(run("follow --since lately"), EX_USAGE);
    cr_assert_eq(run("follow --confirm"), EX_USAGE);
    cr_assert_eq(run("follow --once 0"), EX_USAGE);
    cr_assert_eq(asked(MESSAGE_events), 1);
}

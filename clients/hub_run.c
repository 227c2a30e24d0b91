/* SPDX-License-Identifier: MIT
 * hub_run: one loop. What is owed to the network comes before what the network pushes next:
 *
 *   push ─► hand over ─► journal (synced) ─► confirm ─► answer of the tool, if any ─► files of outbox/ ─► next push */
#include "clients/hub_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>

#include "clients/hub_exec.h"
#include "clients/hub_spool.h"
#include "proto/check.h"

#define PUSH_WAIT_MS 500 /* how often outbox/ is looked at when nothing comes */
#define BACK_OFF_SECONDS_MAX 64
#define OUTBOX_AT_ONCE_MAX 100 /* files told before the mailbox is looked at again */
#define TRIES_DEFAULT 8
#define EXEC_SECONDS_DEFAULT 60

struct run {
    const struct invocation *invocation;
    struct exchange *exchange;
    struct journal *journal;
    struct spool *spool;
    const char *command; /* NULL: the spool is the hand-over */
    int64_t tries_max;
    int64_t exec_seconds;
    int64_t confirm_owed; /* mailbox number; 0: none */
    bool answer_owed;     /* the answer of the journal's last line */
    char complaint[256];  /* the last one about the connection, so that it is said once */
};

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void say(const struct run *run, const struct message *push, const char *what)
{
    char referral[REFERRAL_ID_BYTES_MAX];

    referral_id_format((uint64_t)message_number(push, FIELD_referral_id), referral);
    fprintf(stderr, "%s: %s %s, mailbox number %" PRId64 ": %s\n", run->invocation->program->name,
            message_spec(push->type)->name, referral, message_number(push, FIELD_mailbox_number), what);
}

static void say_handed_over(const struct run *run, const struct message *push)
{
    say(run, push,
        message_number(push, FIELD_ask_first)
            ? "handed over; our figure of places is old: state it again (referral-hub capacity)"
            : "handed over");
}

static bool is_final(const struct exchange *exchange, enum exchange_result result)
{
    const struct refusal_spec *spec = refusal_spec(exchange_refusal(exchange));

    if (result == EXCHANGE_MISUSE)
        return true;
    return spec && spec->retry == NEVER && spec->refusal != REFUSAL_UNKNOWN_KEY && spec->refusal != REFUSAL_NO_HELLO;
}

static void take_offer_number(void *context, const struct message *answer)
{
    struct answer *ours = context;

    if (answer->type == MESSAGE_referral)
        ours->offer = message_number(answer, FIELD_offer_number);
}

static enum exchange_result find_offer(struct exchange *exchange, struct answer *answer)
{
    struct message request;

    message_init(&request, MESSAGE_status);
    message_set_number(&request, FIELD_referral_id, (int64_t)answer->referral);
    return exchange_ask(exchange, &request, take_offer_number, answer);
}

enum told hub_tell(struct exchange *exchange, struct answer *answer, exchange_answer take, void *context,
                   char why[HUB_WHY_BYTES], int *code)
{
    bool needs_offer = answer->type != MESSAGE_capacity && answer->offer == 0;
    enum exchange_result result = needs_offer ? find_offer(exchange, answer) : EXCHANGE_OK;
    struct message request;

    if (result == EXCHANGE_OK && needs_offer && answer->offer == 0) {
        snprintf(why, HUB_WHY_BYTES, "No offer of this referral is open here: it is with another hub, or has ended.");
        *code = exit_code(EXCHANGE_NOT_FOUND);
        return TOLD_REFUSED;
    }
    if (result == EXCHANGE_OK) {
        answer_message(answer, &request);
        result = exchange_ask(exchange, &request, take, context);
    }
    *code = exit_code((int)result);
    snprintf(why, HUB_WHY_BYTES, "%s", result == EXCHANGE_OK ? "" : exchange_sentence(exchange));
    if (result == EXCHANGE_OK)
        return TOLD;
    return is_final(exchange, result) ? TOLD_REFUSED : TOLD_LATER;
}

static void complain_once(struct run *run, const char *sentence)
{
    if (strncmp(run->complaint, sentence, sizeof run->complaint - 1) == 0)
        return;
    snprintf(run->complaint, sizeof run->complaint, "%s", sentence);
    fprintf(stderr, "%s: %s\n", run->invocation->program->name, sentence);
}

static void sleep_one_second(void)
{
    struct timespec second = {.tv_sec = 1};

    nanosleep(&second, NULL); /* a signal ends it early, which is what is wanted */
}

/* One file of outbox/. False: the network cannot be told now. */
static bool tell_file(struct run *run, const struct outbox_file *file)
{
    struct answer answer = {0};
    char why[HUB_WHY_BYTES] = "";
    enum told told = TOLD_REFUSED;
    size_t length = 0;
    char *text = spool_read_answer(run->spool, file, &length);
    int code;

    if (!text)
        snprintf(why, sizeof why, "it cannot be read: %s", strerror(errno));
    else if (answer_parse(text, length, &answer, why) && answer_is_whole(&answer, why)) {
        if (!answer.has_request_id)
            memcpy(answer.request_id, file->request_id, UUID_BYTES);
        answer.has_request_id = true;
        told = hub_tell(run->exchange, &answer, NULL, NULL, why, &code);
    }
    free(text);
    if (told == TOLD_LATER)
        complain_once(run, why);
    else if (told == TOLD && !spool_answer_sent(run->spool, file))
        complain_once(run, "a told answer could not be moved to sent/; it is told again, which is harmless");
    else if (told == TOLD_REFUSED) {
        fprintf(stderr, "%s: an answer was moved to failed/: %s\n", run->invocation->program->name, why);
        if (!spool_answer_failed(run->spool, file, why))
            return false;
    }
    return told != TOLD_LATER;
}

static void tell_outbox(struct run *run)
{
    struct outbox_file file;

    for (int i = 0; i < OUTBOX_AT_ONCE_MAX && !stopping && spool_next_answer(run->spool, &file); i++)
        if (!tell_file(run, &file))
            return;
}

/* The answer that the tool gave when the last push was handed to it. */
static void tell_owed_answer(struct run *run)
{
    const char *json = journal_answer(run->journal);
    struct answer answer = {0};
    char why[HUB_WHY_BYTES];
    int code;

    if (answer_parse(json, strlen(json), &answer, why)) {
        enum told told = hub_tell(run->exchange, &answer, NULL, NULL, why, &code);
        if (told != TOLD)
            complain_once(run, why);
        run->answer_owed = told == TOLD_LATER;
    } else {
        complain_once(run, "the journal's last answer cannot be read and is not told");
        run->answer_owed = false;
    }
}

/* False: something is still owed and cannot be told now. */
static bool settle(struct run *run)
{
    if (run->confirm_owed && exchange_confirm(run->exchange, run->confirm_owed) != EXCHANGE_OK) {
        complain_once(run, exchange_sentence(run->exchange));
        return false;
    }
    run->confirm_owed = 0;
    if (run->answer_owed)
        tell_owed_answer(run);
    return !run->answer_owed;
}

/* Back-off between two tries; answers go on meanwhile. */
static void wait_before_try(struct run *run, int try_number)
{
    int seconds = try_number < 7 ? 1 << (try_number - 1) : BACK_OFF_SECONDS_MAX;

    for (int i = 0; i < seconds && !stopping; i++) {
        tell_outbox(run);
        sleep_one_second();
    }
}

static bool keep(struct run *run, const struct message *push, const char *json, size_t length)
{
    say(run, push, "WARNING: the hub's command did not take it; it is in kept/ and needs a person");
    return spool_keep(run->spool, push, json, length) && journal_add(run->journal, push, NULL) == JOURNAL_OK;
}

static void say_try(const struct run *run, const struct message *push, const struct exec_result *result, int try_number)
{
    char what[EXEC_WORDS_BYTES_MAX + 96];

    if (result->status < 0)
        snprintf(what, sizeof what, "try %d: the command %s", try_number,
                 result->status == -1 ? "was ended at its time limit" : "could not be run");
    else
        snprintf(what, sizeof what, "try %d: the command ended with status %d", try_number, result->status);
    say(run, push, what);
}

static bool record(struct run *run, const struct message *push, const char *answer)
{
    bool ok = journal_add(run->journal, push, answer) == JOURNAL_OK;

    if (ok)
        say_handed_over(run, push);
    return ok;
}

/* False: not handed over (stopping, or errno says why). */
static bool hand_to_command(struct run *run, const struct message *push, const char *json, size_t length)
{
    struct exec_result result;
    struct answer answer;
    char said[JOURNAL_ANSWER_BYTES_MAX];
    int unknown = 0;

    errno = 0;
    for (int try_number = 1; !stopping; try_number++) {
        enum exec_verdict verdict;

        exec_run(run->command, push, json, length, try_number, (int)run->exec_seconds * 1000, &result);
        verdict = exec_judge(push, &result, &answer);
        if (verdict == EXEC_STORED)
            return record(run, push, NULL);
        if (verdict == EXEC_ANSWER && answer_format(&answer, said, sizeof said))
            return record(run, push, said);
        say_try(run, push, &result, try_number);
        unknown += verdict != EXEC_LATER;
        if (unknown >= run->tries_max)
            return keep(run, push, json, length);
        wait_before_try(run, try_number);
    }
    return false;
}

/* The push as the hub's tool sees it: one JSON object on one line. NULL: out of memory. */
static char *render(const struct message *push, size_t *length)
{
    char *json = NULL;
    FILE *out = open_memstream(&json, length);

    if (!out)
        return NULL;
    print_one(PRINT_JSONL, "referral.push/1", push, true, out);
    if (fclose(out)) {
        free(json);
        return NULL;
    }
    return json;
}

static bool hand_over(struct run *run, const struct message *push)
{
    size_t length = 0;
    char *json = render(push, &length);
    bool ok = false;

    if (json && run->command)
        ok = hand_to_command(run, push, json, length);
    else if (json) {
        ok = spool_push(run->spool, run->journal, push, json, length);
        if (ok)
            say_handed_over(run, push);
    }
    free(json);
    return ok;
}

/* Returns an exit code; EX_OK to go on. */
static int take_push(struct run *run, const struct message *push)
{
    if (journal_has(run->journal, push))
        say(run, push, "was handed over before; confirmed again");
    else if (!hand_over(run, push)) {
        if (stopping)
            return EX_OK;
        say(run, push, "NOT handed over");
        return options_complain(run->invocation, EX_IOERR, "is the disk full, or the directory's owner another?",
                                "the spool or the journal cannot be written: %s", strerror(errno));
    } else
        run->answer_owed = journal_answer(run->journal)[0] != '\0';
    run->confirm_owed = message_number(push, FIELD_mailbox_number);
    return EX_OK;
}

static int serve(struct run *run)
{
    int code = EX_OK;

    while (!stopping && code == EX_OK) {
        const struct message *push;
        enum exchange_result result;

        if (!settle(run)) {
            sleep_one_second();
            continue;
        }
        tell_outbox(run);
        result = exchange_next(run->exchange, &push, PUSH_WAIT_MS);
        if (result == EXCHANGE_OK)
            code = take_push(run, push);
        else if (result == EXCHANGE_MISUSE || result == EXCHANGE_NOMEM)
            code = options_complain_of(run->invocation, run->exchange, result);
        else if (result != EXCHANGE_TIMEOUT) {
            complain_once(run, exchange_sentence(run->exchange));
            sleep_one_second();
        } else
            run->complaint[0] = '\0';
    }
    return code;
}

static int open_journal(struct run *run, const char *directory)
{
    enum journal_result result;

    if (mkdir(directory, 0700) && errno != EEXIST)
        return options_complain(run->invocation, EX_CANTCREAT, "mkdir -p its parent, or another --state",
                                "cannot make %s: %s", directory, strerror(errno));
    result = journal_open(&run->journal, directory);
    if (result == JOURNAL_LOCKED)
        return options_complain(run->invocation, EX_TEMPFAIL, NULL, "another referral-hub works with %s", directory);
    if (result == JOURNAL_DAMAGED)
        return options_complain(run->invocation, EX_DATAERR,
                                "look at it; when it is moved away, pushes that were not confirmed come again",
                                "%s/journal is not a journal", directory);
    if (result != JOURNAL_OK || !spool_open(&run->spool, directory, run->journal))
        return options_complain(run->invocation, EX_IOERR, NULL, "cannot work with %s: %s", directory, strerror(errno));
    run->answer_owed = journal_answer(run->journal)[0] != '\0';
    return EX_OK;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int read_options(struct run *run, const char **directory)
{
    const struct invocation *invocation = run->invocation;
    const char *spool = options_value(invocation, "spool");

    run->command = options_value(invocation, "exec");
    run->tries_max = TRIES_DEFAULT;
    run->exec_seconds = EXEC_SECONDS_DEFAULT;
    *directory = spool ? spool : options_value(invocation, "state");
    if ((run->command == NULL) == (spool == NULL))
        return options_complain(invocation, EX_USAGE, "referral-hub run --spool DIR", "give either --exec or --spool");
    if (!options_number(invocation, "tries", 1, 1000, &run->tries_max) ||
        !options_number(invocation, "time-limit", 1, 3600, &run->exec_seconds))
        return EX_USAGE;
    return EX_OK;
}

int hub_run(const struct invocation *invocation)
{
    struct run run = {.invocation = invocation};
    const char *directory;
    int code = read_options(&run, &directory);

    if (code == EX_OK)
        code = open_journal(&run, directory);
    if (code == EX_OK)
        run.exchange = options_connect(invocation, &code);
    if (run.exchange) {
        catch_signals();
        code = serve(&run);
    }
    exchange_close(&run.exchange);
    spool_close(&run.spool);
    journal_close(&run.journal);
    return code;
}

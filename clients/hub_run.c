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
#include "clients/hub_webhook.h"
#include "proto/check.h"

#define PUSH_WAIT_MS 500 /* how often outbox/ is looked at when nothing comes */
#define BACK_OFF_SECONDS_MAX 64
#define OUTBOX_AT_ONCE_MAX 100 /* files told before the mailbox is looked at again */
#define TRIES_DEFAULT 8
#define WEBHOOK_TRIES_DEFAULT 20 /* a web service may be away for some minutes */
#define TOOL_SECONDS_DEFAULT 60
#define ANCHOR_SECONDS 60 /* how old the kept anchor may be */
#define DONE_BYTES_MAX 4096

/* What one try to hand a push over came to. */
struct attempt {
    enum verdict verdict;
    struct answer answer;
    char words[EXEC_WORDS_BYTES_MAX + 96]; /* what to say of it when it failed */
    int64_t wait_seconds;                  /* told by the tool; 0: it did not say */
};

struct run {
    const struct invocation *invocation;
    struct exchange *exchange;
    struct journal *journal;
    struct spool *spool;
    const char *command;     /* the hand-over is this command, */
    struct webhook *webhook; /* or this web service; both NULL: the spool */
    int64_t tries_max;
    int64_t tool_seconds;
    int64_t confirm_owed;          /* mailbox number; 0: none */
    bool answer_owed;              /* the answer of the journal's last line */
    bool is_gone;                  /* the webhook said so */
    struct exchange_anchor anchor; /* as it is kept */
    time_t anchor_kept_at;
    bool is_history_short; /* it has been said */
    char complaint[256];   /* the last one about the connection, so that it is said once */
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

    referral_id_format(push_subject(push), referral);
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

    if (result == EXCHANGE_MISUSE || result == EXCHANGE_INVALID || result == EXCHANGE_NOT_FOUND)
        return true;
    return spec && spec->retry == NEVER && spec->refusal != REFUSAL_UNKNOWN_KEY && spec->refusal != REFUSAL_NO_HELLO;
}

static void take_offer_number(void *context, const struct message *answer)
{
    int64_t *offer = context;

    if (answer->type == MESSAGE_referral)
        *offer = message_number(answer, FIELD_offer_number);
}

/* The offer that is open here goes into the answer; a sentence goes to why when it cannot. */
static enum exchange_result find_offer(struct exchange *exchange, struct answer *answer, char why[HUB_WHY_BYTES])
{
    const char *referral = answer->texts.of[FIELD_referral_id];
    struct message request;
    enum exchange_result result;
    uint64_t number = 0;
    int64_t offer = 0;

    if (!referral || !referral_id_parse((struct text){referral, (uint32_t)strlen(referral)}, &number)) {
        snprintf(why, HUB_WHY_BYTES, "referral_id is missing");
        return EXCHANGE_INVALID;
    }
    message_init(&request, MESSAGE_status);
    message_set_number(&request, FIELD_referral_id, (int64_t)number);
    result = exchange_ask(exchange, &request, take_offer_number, &offer);
    snprintf(why, HUB_WHY_BYTES, "%s", result == EXCHANGE_OK ? "" : exchange_sentence(exchange));
    if (result == EXCHANGE_OK && offer == 0) {
        snprintf(why, HUB_WHY_BYTES, "No offer of this referral is open here: it is with another hub, or has ended.");
        return EXCHANGE_NOT_FOUND;
    }
    if (result == EXCHANGE_OK)
        answer_set_number(answer, FIELD_offer_number, offer);
    return result;
}

enum told hub_tell(struct exchange *exchange, struct answer *answer, exchange_answer take, void *context,
                   char why[HUB_WHY_BYTES], int *code)
{
    bool needs_offer = answer_has_field(answer, FIELD_offer_number) && !answer->texts.of[FIELD_offer_number];
    enum exchange_result result = EXCHANGE_OK;
    struct message request;

    why[0] = '\0';
    if (needs_offer)
        result = find_offer(exchange, answer, why);
    if (result == EXCHANGE_OK && !answer_message(answer, &request, why))
        result = EXCHANGE_INVALID;
    else if (result == EXCHANGE_OK) {
        result = exchange_ask(exchange, &request, take, context);
        snprintf(why, HUB_WHY_BYTES, "%s", result == EXCHANGE_OK ? "" : exchange_sentence(exchange));
    }
    *code = exit_code((int)result);
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

/* What the network says to an answer, as JSON, for the tool. */
static void take_done(void *context, const struct message *answer)
{
    char *json = context;
    FILE *out = answer->type == MESSAGE_refused ? NULL : fmemopen(json, DONE_BYTES_MAX, "w");

    if (!out)
        return;
    print_one(PRINT_JSONL, "referral.done/1", answer, false, out);
    fclose(out);
}

static enum told tell_text(struct run *run, const char *text, size_t length, const char *request_id, char *done,
                           char why[HUB_WHY_BYTES])
{
    struct answer answer = {0};
    enum told told = TOLD_REFUSED;
    int code;

    if (answer_parse(text, length, &answer, why)) {
        if (!answer.texts.of[FIELD_request_id] && request_id)
            answer_set_text(&answer, FIELD_request_id, request_id);
        if (answer_is_whole(&answer, why))
            told = hub_tell(run->exchange, &answer, take_done, done, why, &code);
    }
    answer_clear(&answer);
    return told;
}

/* One file of outbox/. False: the network cannot be told now. */
static bool tell_file(struct run *run, const struct outbox_file *file)
{
    char why[HUB_WHY_BYTES] = "";
    char done[DONE_BYTES_MAX] = "";
    enum told told = TOLD_REFUSED;
    size_t length = 0;
    char *text = spool_read_answer(run->spool, file, &length);

    if (text)
        told = tell_text(run, text, length, file->request_id, done, why);
    else
        snprintf(why, sizeof why, "it cannot be read: %s", strerror(errno));
    free(text);
    if (told == TOLD_LATER)
        complain_once(run, why);
    else if (told == TOLD && !spool_answer_sent(run->spool, file, done))
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
    char why[HUB_WHY_BYTES] = "";
    char done[DONE_BYTES_MAX];
    enum told told = tell_text(run, json, strlen(json), NULL, done, why);

    if (told != TOLD)
        complain_once(run, why);
    run->answer_owed = told == TOLD_LATER;
}

/* The newest head of the history is kept, so that a daemon whose history was rolled back can be found out. */
static void keep_anchor(struct run *run, bool is_urgent)
{
    const struct exchange_anchor *told = exchange_anchor(run->exchange);

    if (!told || told->sequence == run->anchor.sequence ||
        (!is_urgent && time(NULL) < run->anchor_kept_at + ANCHOR_SECONDS))
        return;
    if (told->sequence < run->anchor.sequence) {
        if (run->is_history_short)
            return;
        run->is_history_short = true;
        complain_once(run,
                      "WARNING: the network's history is shorter than it was; ask its operators (referral-hub anchor)");
        return;
    }
    if (journal_keep_anchor(run->journal, told) != JOURNAL_OK) {
        complain_once(run, "the anchor cannot be written");
        return;
    }
    run->anchor = *told;
    run->anchor_kept_at = time(NULL);
}

/* False: something is still owed and cannot be told now. */
static bool settle(struct run *run)
{
    if (run->confirm_owed && exchange_confirm(run->exchange, run->confirm_owed) != EXCHANGE_OK) {
        complain_once(run, exchange_sentence(run->exchange));
        return false;
    }
    run->confirm_owed = 0;
    keep_anchor(run, false);
    if (run->answer_owed)
        tell_owed_answer(run);
    return !run->answer_owed;
}

/* Back-off between two tries, or what the tool asked for; answers go on meanwhile. */
static void wait_before_try(struct run *run, int try_number, int64_t told_seconds)
{
    int64_t seconds = try_number < 7 ? 1 << (try_number - 1) : BACK_OFF_SECONDS_MAX;

    if (told_seconds > 0)
        seconds = told_seconds;
    for (int64_t i = 0; i < seconds && !stopping; i++) {
        tell_outbox(run);
        sleep_one_second();
    }
}

static bool keep(struct run *run, const struct message *push, const char *json, size_t length)
{
    say(run, push, "WARNING: the hub's tool did not take it; it is in kept/ and needs a person");
    return spool_keep(run->spool, push, json, length) && journal_add(run->journal, push, NULL) == JOURNAL_OK;
}

static void try_command(struct run *run, const struct message *push, const char *json, size_t length, int try_number,
                        struct attempt *attempt)
{
    static struct exec_result result;

    exec_run(run->command, push, json, length, try_number, (int)run->tool_seconds * 1000, &result);
    attempt->verdict = exec_judge(push, &result, &attempt->answer);
    if (result.status < 0)
        snprintf(attempt->words, sizeof attempt->words, "try %d: the command %s", try_number,
                 result.status == -1 ? "was ended at its time limit" : "could not be run");
    else
        snprintf(attempt->words, sizeof attempt->words, "try %d: the command ended with status %d", try_number,
                 result.status);
}

static void try_webhook(struct run *run, const struct message *push, const char *json, size_t length, int try_number,
                        struct attempt *attempt)
{
    static struct webhook_result result;
    char id[WEBHOOK_ID_BYTES];

    webhook_id(id, exchange_party(run->exchange), push);
    webhook_post(run->webhook, id, json, length, &result);
    attempt->verdict = webhook_judge(push, &result, &attempt->answer);
    attempt->wait_seconds = result.wait_ms / 1000;
    if (result.status)
        snprintf(attempt->words, sizeof attempt->words, "try %d: the webhook answered %d %s", try_number, result.status,
                 result.words);
    else
        snprintf(attempt->words, sizeof attempt->words, "try %d: %s", try_number, result.words);
}

static bool record(struct run *run, const struct message *push, const char *answer)
{
    bool ok = journal_add(run->journal, push, answer) == JOURNAL_OK;

    if (ok)
        say_handed_over(run, push);
    return ok;
}

/* False: not handed over (stopping, the webhook is gone, or errno says why). */
static bool hand_to_tool(struct run *run, const struct message *push, const char *json, size_t length)
{
    char said[JOURNAL_ANSWER_BYTES_MAX];
    int unknown = 0;

    errno = 0;
    for (int try_number = 1; !stopping; try_number++) {
        struct attempt attempt = {0};
        bool fits;

        (run->webhook ? try_webhook : try_command)(run, push, json, length, try_number, &attempt);
        fits = attempt.verdict == VERDICT_ANSWER && answer_format(&attempt.answer, said, sizeof said);
        answer_clear(&attempt.answer);
        if (attempt.verdict == VERDICT_STORED || fits)
            return record(run, push, fits ? said : NULL);
        if (stopping)
            break;
        say(run, push, attempt.words);
        run->is_gone = attempt.verdict == VERDICT_GONE;
        if (run->is_gone)
            return false;
        unknown += attempt.verdict != VERDICT_LATER;
        if (unknown >= run->tries_max)
            return keep(run, push, json, length);
        wait_before_try(run, try_number, attempt.wait_seconds);
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

    if (json && (run->command || run->webhook))
        ok = hand_to_tool(run, push, json, length);
    else if (json) {
        ok = spool_push(run->spool, run->journal, push, json, length);
        if (ok)
            say_handed_over(run, push);
    }
    if (json)
        explicit_bzero(json, length);
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
        if (run->is_gone)
            return options_complain(run->invocation, EX_CONFIG, "another --webhook",
                                    "the webhook is gone for good (410); nothing is confirmed");
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
    if (settle(run))
        keep_anchor(run, true);
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
    journal_read_anchor(directory, &run->anchor);
    return EX_OK;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = stop};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int open_webhook(struct run *run)
{
    const struct invocation *invocation = run->invocation;
    struct webhook_options options = {.url = options_value(invocation, "webhook"),
                                      .secret_file = options_value(invocation, "webhook-secret"),
                                      .ca_file = options_value(invocation, "ca-file"),
                                      .limit_ms = run->tool_seconds * 1000,
                                      .stopping = &stopping};
    char why[512];

    if (!options.url)
        return EX_OK;
    if (!options.secret_file)
        return options_complain(invocation, EX_USAGE, "referral-hub run --webhook URL --webhook-secret FILE",
                                "--webhook needs --webhook-secret");
    if (!webhook_open(&run->webhook, &options, why, sizeof why))
        return options_complain(invocation, EX_CONFIG, NULL, "%s", why);
    if (webhook_is_plain(run->webhook))
        fprintf(stderr, "%s: http:// without encryption, to this machine only\n", invocation->program->name);
    return EX_OK;
}

static int read_options(struct run *run, const char **directory)
{
    const struct invocation *invocation = run->invocation;
    const char *spool = options_value(invocation, "spool");
    bool is_webhook = options_given(invocation, "webhook");

    run->command = options_value(invocation, "exec");
    run->tries_max = is_webhook ? WEBHOOK_TRIES_DEFAULT : TRIES_DEFAULT;
    run->tool_seconds = TOOL_SECONDS_DEFAULT;
    *directory = spool ? spool : options_value(invocation, "state");
    if ((run->command != NULL) + (spool != NULL) + is_webhook != 1)
        return options_complain(invocation, EX_USAGE, "referral-hub run --spool DIR",
                                "give one of --exec, --spool and --webhook");
    if (!options_number(invocation, "tries", 1, 1000, &run->tries_max) ||
        !options_number(invocation, "time-limit", 1, 3600, &run->tool_seconds))
        return EX_USAGE;
    return open_webhook(run);
}

int hub_run(const struct invocation *invocation)
{
    struct run run = {.invocation = invocation};
    const char *directory;
    int code = read_options(&run, &directory);

    catch_signals();
    if (code == EX_OK)
        code = open_journal(&run, directory);
    if (code == EX_OK)
        run.exchange = options_connect(invocation, &code);
    if (run.exchange)
        code = serve(&run);
    exchange_close(&run.exchange);
    webhook_close(&run.webhook);
    spool_close(&run.spool);
    journal_close(&run.journal);
    return code;
}

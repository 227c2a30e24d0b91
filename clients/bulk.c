/* SPDX-License-Identifier: MIT
 * bulk: one thread reads rows and prints results in their order, the others each submit one row at a time:
 *
 *   FREE ──read──► READY ──worker──► SENT ──answer──► DONE ──printed──► FREE */
#include "clients/bulk.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clients/people_file.h"
#include "clients/text.h"
#include "proto/check.h"

#define WHY_BYTES 512
#define IDENTIFIER_BYTES 257 /* 64 characters */
#define LOOK_AGAIN_MS 250    /* at the signals, and for the bar */
#define DRAW_AGAIN_MS 100
#define BAR_WIDTH 30
#define BAR_LINE_WIDTH 78

enum step { FREE, READY, SENT, DONE };

/* What became of a row; the texts are those of the result line. */
enum end { STORED, STORED_BEFORE, VALID, REFUSED, UNANSWERED, END_COUNT };

static const char *const end_texts[END_COUNT] = {[STORED] = "stored",
                                                 [STORED_BEFORE] = "stored-before",
                                                 [VALID] = "valid",
                                                 [REFUSED] = "refused",
                                                 [UNANSWERED] = "unanswered"};

struct job {
    enum step step;
    int64_t row;
    struct record_texts texts;
    char identifier[IDENTIFIER_BYTES];
    enum end end;
    char referral[REFERRAL_ID_BYTES_MAX];
    char error[16];
    char field[81];
    char sentence[WHY_BYTES];
};

struct bulk {
    const struct invocation *invocation;
    const struct bulk_options *options;
    char party[ID_BYTES_MAX + 1];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job jobs[BULK_IN_FLIGHT_MAX];     /* row number n of the batch in n % in_flight */
    size_t jobs_read, jobs_sent, jobs_ended; /* how many rows have come so far; printed ones have ended */
    bool is_read;                            /* no more rows come */
    atomic_bool is_stopping;                 /* what is not answered is not tried again */
    int stop_code;                           /* why, when it was no signal; 0 */
    void *seen;                              /* request ids of earlier rows, and which row: tsearch */
    struct printer *printer;
    int64_t counts[END_COUNT];
    double share;
    bool has_bar;
    size_t bar_length;
    int64_t began_ms, drawn_ms;
};

static atomic_bool is_interrupted;

static const struct print_column columns[] = {{"row", 6, true},       {"referral_identifier", 20, false},
                                              {"result", 13, false},  {"referral_id", 14, false},
                                              {"error", 8, false},    {"field", 16, false},
                                              {"sentence", 0, false}, {0}};

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void bulk_uuid(const char *purpose, const char *party, const char *identifier, uint8_t uuid[UUID_BYTES])
{
    const char *parts[] = {"referral submit --batch", purpose, party, identifier};
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, UUID_BYTES);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        crypto_generichash_update(&state, (const unsigned char *)parts[i], strlen(parts[i]) + 1);
    crypto_generichash_final(&state, uuid, UUID_BYTES);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80); /* version 8: a hash of one's own choice */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

/* A request id and its row, as tsearch keeps them. */
struct seen {
    uint8_t uuid[UUID_BYTES];
    int64_t row;
};

static int compare_seen(const void *a, const void *b)
{
    return memcmp(((const struct seen *)a)->uuid, ((const struct seen *)b)->uuid, UUID_BYTES);
}

/* The row before that has the same request id; 0: there is none. */
static int64_t find_earlier(struct bulk *bulk, const uint8_t uuid[UUID_BYTES], int64_t row)
{
    struct seen *ours = malloc(sizeof *ours);
    struct seen **found;

    assert(ours);
    memcpy(ours->uuid, uuid, UUID_BYTES);
    ours->row = row;
    found = tsearch(ours, &bulk->seen, compare_seen);
    assert(found);
    if (*found == ours)
        return 0;
    free(ours);
    return (*found)->row;
}

static void refuse_row(struct job *job, const char *field, const char *sentence)
{
    job->end = REFUSED;
    snprintf(job->field, sizeof job->field, "%s", field);
    snprintf(job->sentence, sizeof job->sentence, "%s", sentence);
}

static void set_uuid(struct record_texts *texts, enum field field, const uint8_t uuid[UUID_BYTES])
{
    char text[UUID_TEXT_BYTES + 1];

    uuid_format(uuid, text);
    record_texts_set(texts, field, text);
}

/* What the network needs around a row. False: the row says too little for it. */
static bool fill_envelope(struct bulk *bulk, struct job *job)
{
    uint8_t uuid[UUID_BYTES];
    char text[WHY_BYTES];
    int64_t earlier;

    if (!job->identifier[0]) {
        refuse_row(job, "referral_identifier",
                   "It is missing: it tells one row from another when the batch is repeated.");
        return false;
    }
    if (!job->texts.of[FIELD_authored_on]) {
        refuse_row(job, "authored_on", "It is missing: in a batch it must be given, so that a repeat has the same.");
        return false;
    }
    bulk_uuid("correlation", bulk->party, job->identifier, uuid);
    if (!job->texts.of[FIELD_correlation_id])
        set_uuid(&job->texts, FIELD_correlation_id, uuid);
    bulk_uuid("request", bulk->party, job->identifier, uuid);
    set_uuid(&job->texts, FIELD_request_id, uuid);
    datetime_format(now_ms(CLOCK_REALTIME), text);
    if (!job->texts.of[FIELD_sent_at])
        record_texts_set(&job->texts, FIELD_sent_at, text);
    earlier = find_earlier(bulk, uuid, job->row);
    if (earlier) {
        snprintf(text, sizeof text, "Row %" PRId64 " has the same.", earlier);
        refuse_row(job, "referral_identifier", text);
    }
    return earlier == 0;
}

static void take_answer(void *context, const struct message *answer)
{
    struct job *job = context;

    if (answer->type == MESSAGE_committed) {
        job->end = message_number(answer, FIELD_duplicate) ? STORED_BEFORE : STORED;
        text_write(answer, FIELD_referral_id, job->referral, sizeof job->referral);
    }
    if (answer->type == MESSAGE_refused) {
        text_write(answer, FIELD_error, job->error, sizeof job->error);
        text_write(answer, FIELD_field, job->field, sizeof job->field);
        text_write(answer, FIELD_sentence, job->sentence, sizeof job->sentence);
    }
}

/* A refusal of this row; the next may fare better. What has no sentence of the network was seen on this side. */
static void take_refusal(struct job *job, const struct exchange *exchange)
{
    job->end = REFUSED;
    if (exchange_refusal(exchange) == REFUSAL_CONFLICT)
        refuse_row(job, fields[FIELD_referral_identifier].name,
                   "It was stored before, and the network has other content: send what is new with referral update.");
    else if (!job->sentence[0])
        snprintf(job->sentence, sizeof job->sentence, "%s", exchange_sentence(exchange));
}

/* MISUSE: it is larger than a message may be. */
static bool is_about_row(enum exchange_result result)
{
    return result == EXCHANGE_INVALID || result == EXCHANGE_CONFLICT || result == EXCHANGE_NOT_FOUND ||
           result == EXCHANGE_MISUSE;
}

static bool is_worth_waiting(enum exchange_result result)
{
    return result == EXCHANGE_TIMEOUT || result == EXCHANGE_UNREACHABLE || result == EXCHANGE_BUSY;
}

static void wipe_bar(struct bulk *bulk)
{
    if (bulk->bar_length > 0)
        fprintf(stderr, "\r%*s\r", (int)bulk->bar_length, "");
    bulk->bar_length = 0;
}

/* Says once why the batch ends before its end. */
static void stop(struct bulk *bulk, struct exchange *exchange, enum exchange_result result)
{
    if (!atomic_exchange(&bulk->is_stopping, true)) {
        pthread_mutex_lock(&bulk->lock);
        wipe_bar(bulk);
        bulk->stop_code = options_complain_of(bulk->invocation, exchange, result);
        pthread_mutex_unlock(&bulk->lock);
    }
}

static void submit(struct bulk *bulk, struct exchange *exchange, struct job *job, struct message *message)
{
    int64_t until = now_ms(CLOCK_MONOTONIC) + bulk->options->patience_ms;
    enum exchange_result result;

    do {
        job->error[0] = job->field[0] = job->sentence[0] = '\0';
        result = exchange_ask(exchange, message, take_answer, job);
    } while (is_worth_waiting(result) && !atomic_load(&bulk->is_stopping) && !atomic_load(&is_interrupted) &&
             now_ms(CLOCK_MONOTONIC) < until);
    if (result == EXCHANGE_OK)
        return;
    if (is_about_row(result)) {
        take_refusal(job, exchange);
        return;
    }
    job->end = UNANSWERED;
    if (!atomic_load(&is_interrupted))
        stop(bulk, exchange, result);
}

/* What the network would say about the form of a row, as far as it can be told without the network. */
static void rehearse(struct job *job, const struct message *message)
{
    static _Thread_local unsigned char bytes[MESSAGE_BYTES_MAX];
    const struct message_spec *spec = message_spec(MESSAGE_submit);
    struct decoder *decoder = decoder_open();
    struct message decoded;
    struct fault fault = {.refusal = REFUSAL_TOO_LARGE};
    size_t length = 0;

    assert(decoder);
    job->end = VALID;
    for (size_t i = 0; job->end == VALID && i < spec->count; i++)
        if (spec->members[i].obligation == MANDATORY && !message_has(message, spec->members[i].field))
            refuse_row(job, fields[spec->members[i].field].name, refusal_spec(REFUSAL_REQUIRED)->sentence);
    if (job->end == VALID)
        length = encode(message, bytes, sizeof bytes);
    if (job->end == VALID && (length == 0 || !decode(decoder, bytes, length, &decoded, &fault) ||
                              !check_request(&decoded, now_ms(CLOCK_REALTIME), &fault))) {
        refuse_row(job, fault.field, refusal_spec(fault.refusal)->sentence);
        snprintf(job->error, sizeof job->error, "REF-%04d", (int)fault.refusal);
    }
    explicit_bzero(bytes, sizeof bytes);
    decoder_close(&decoder);
}

static void work_on(struct bulk *bulk, struct exchange *exchange, struct job *job)
{
    struct message message;
    char why[WHY_BYTES];

    message_init(&message, MESSAGE_submit);
    if (!record_texts_fill(&job->texts, &message, why, sizeof why))
        refuse_row(job, "", why);
    else if (bulk->options->is_rehearsal)
        rehearse(job, &message);
    else
        submit(bulk, exchange, job, &message);
    explicit_bzero(&message, sizeof message);
}

/* A worker: rows in their order, until there are no more. What has not been begun when the batch stops is not sent. */
static void *work(void *context)
{
    struct bulk *bulk = context;
    struct exchange *exchange = NULL;
    int code;

    if (!bulk->options->is_rehearsal)
        exchange = options_connect(bulk->invocation, &code);
    pthread_mutex_lock(&bulk->lock);
    for (;;) {
        struct job *job = &bulk->jobs[bulk->jobs_sent % bulk->options->in_flight];

        if (bulk->jobs_sent == bulk->jobs_read) {
            if (bulk->is_read)
                break;
            pthread_cond_wait(&bulk->changed, &bulk->lock);
            continue;
        }
        bulk->jobs_sent++;
        if (job->step != READY) /* it was refused while it was read */
            continue;
        job->step = SENT;
        pthread_mutex_unlock(&bulk->lock);
        if (atomic_load(&bulk->is_stopping) || atomic_load(&is_interrupted) ||
            (!exchange && !bulk->options->is_rehearsal))
            job->end = UNANSWERED;
        else
            work_on(bulk, exchange, job);
        pthread_mutex_lock(&bulk->lock);
        job->step = DONE;
        pthread_cond_broadcast(&bulk->changed);
    }
    pthread_mutex_unlock(&bulk->lock);
    exchange_close(&exchange);
    return NULL;
}

/* 42%, or how many when nobody knows of how many. */
static void draw_bar(struct bulk *bulk)
{
    static const char full[] = "##############################", none[] = "------------------------------";
    int64_t ended = (int64_t)bulk->jobs_ended;
    int64_t now = now_ms(CLOCK_MONOTONIC);
    double seconds = (double)(now - bulk->began_ms) / 1000;
    int done = bulk->share > 0 ? (int)(bulk->share * BAR_WIDTH) : 0;
    char line[BAR_LINE_WIDTH + 1];
    int length = 0;

    if (!bulk->has_bar || now - bulk->drawn_ms < DRAW_AGAIN_MS)
        return;
    bulk->drawn_ms = now;
    if (bulk->share >= 0)
        length =
            snprintf(line, sizeof line, "[%.*s%.*s] %3.0f%%  ", done, full, BAR_WIDTH - done, none, bulk->share * 100);
    snprintf(line + length, sizeof line - (size_t)length, "%" PRId64 " rows, %" PRId64 " refused, %.0f/s", ended,
             bulk->counts[REFUSED], seconds > 0 ? (double)ended / seconds : 0);
    wipe_bar(bulk);
    bulk->bar_length = strlen(line);
    fputs(line, stderr);
    fflush(stderr);
}

static void print_job(struct bulk *bulk, struct job *job)
{
    char row[24];
    const char *texts[] = {row,        job->identifier, end_texts[job->end], job->referral,
                           job->error, job->field,      job->sentence};

    snprintf(row, sizeof row, "%" PRId64, job->row);
    if (isatty(STDOUT_FILENO))
        wipe_bar(bulk);
    bulk->counts[job->end]++;
    print_line(bulk->printer, texts);
    if (ferror(stdout)) {
        atomic_store(&bulk->is_stopping, true);
        bulk->stop_code = EX_IOERR;
    }
    record_texts_clear(&job->texts);
    *job = (struct job){.step = FREE};
}

/* Prints what is done, in the order of the rows; waits for the next until at most so many have not ended. Called with
 * the lock held. */
static void print_until(struct bulk *bulk, size_t left)
{
    struct timespec until;

    for (;;) {
        struct job *next = &bulk->jobs[bulk->jobs_ended % bulk->options->in_flight];

        if (bulk->jobs_ended < bulk->jobs_read && next->step == DONE) {
            bulk->jobs_ended++;
            print_job(bulk, next);
            continue;
        }
        if (bulk->jobs_read - bulk->jobs_ended <= left)
            return;
        draw_bar(bulk);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_AGAIN_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&bulk->changed, &bulk->lock, &until);
    }
}

/* A row has been read: it waits until one of those in flight is done. */
static bool take_row(void *context, struct people_row *row)
{
    struct bulk *bulk = context;
    struct job *job;

    pthread_mutex_lock(&bulk->lock);
    print_until(bulk, bulk->options->in_flight - 1);
    if (atomic_load(&bulk->is_stopping) || atomic_load(&is_interrupted)) {
        pthread_mutex_unlock(&bulk->lock);
        return false;
    }
    bulk->share = row->share;
    job = &bulk->jobs[bulk->jobs_read % bulk->options->in_flight];
    assert(job->step == FREE);
    *job = (struct job){.step = READY, .row = row->number, .texts = row->texts};
    row->texts = (struct record_texts){{0}};
    if (job->texts.of[FIELD_referral_identifier])
        snprintf(job->identifier, sizeof job->identifier, "%s", job->texts.of[FIELD_referral_identifier]);
    if (!row->is_whole)
        refuse_row(job, "", "The row has not as many cells as the header.");
    if (!row->is_whole || !fill_envelope(bulk, job))
        job->step = DONE;
    bulk->jobs_read++;
    pthread_cond_broadcast(&bulk->changed);
    pthread_mutex_unlock(&bulk->lock);
    return true;
}

static void take_signal(int signal)
{
    (void)signal;
    atomic_store(&is_interrupted, true);
}

/* The first signal ends the batch in order, a second one at once. Threads that are made now leave signals to this. */
static void watch_signals(sigset_t *before)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = take_signal, .sa_flags = (int)SA_RESETHAND};
    sigset_t all;

    atomic_store(&is_interrupted, false);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

static void take_welcome(void *context, const struct message *answer)
{
    struct bulk *bulk = context;

    if (answer->type == MESSAGE_welcome)
        text_write(answer, FIELD_party, bulk->party, sizeof bulk->party);
}

/* Who we are, as the network knows it: a part of what makes a row the same request for ever. */
static int ask_party(struct bulk *bulk)
{
    struct exchange *exchange;
    struct message hello;
    enum exchange_result result;
    int code;

    if (bulk->options->is_rehearsal)
        return EX_OK;
    exchange = options_connect(bulk->invocation, &code);
    if (!exchange)
        return code;
    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&hello, FIELD_takes_pushes, false);
    result = exchange_ask(exchange, &hello, take_welcome, bulk);
    code = result == EXCHANGE_OK ? EX_OK : options_complain_of(bulk->invocation, exchange, result);
    exchange_close(&exchange);
    return code;
}

/* How it ended, in words. Returns the exit code. */
static int sum_up(struct bulk *bulk, bool is_read, bool is_unreadable, const char *why)
{
    const int64_t *counts = bulk->counts;
    int64_t well = counts[STORED] + counts[STORED_BEFORE] + counts[VALID];
    int code = counts[REFUSED] > 0 ? 1 : EX_OK;

    if (!is_read && !atomic_load(&is_interrupted))
        code = options_complain(bulk->invocation, is_unreadable ? EX_NOINPUT : EX_DATAERR, NULL, "%s: %s",
                                bulk->options->path, why);
    if (!is_read && bulk->jobs_read == 0)
        return code;
    if (bulk->options->is_rehearsal)
        fprintf(stderr, "%" PRId64 " rows: %" PRId64 " can be sent, %" PRId64 " not; nothing was sent\n",
                (int64_t)bulk->jobs_ended, well, counts[REFUSED]);
    else
        fprintf(stderr,
                "%" PRId64 " rows: %" PRId64 " stored, %" PRId64 " stored before, %" PRId64 " refused, %" PRId64
                " without an answer\n",
                (int64_t)bulk->jobs_ended, counts[STORED], counts[STORED_BEFORE], counts[REFUSED], counts[UNANSWERED]);
    if (!atomic_load(&is_interrupted) && !atomic_load(&bulk->is_stopping))
        return code;
    fputs("  it has stopped before the end; the same command goes on, nothing is stored twice\n", stderr);
    return bulk->stop_code ? bulk->stop_code : EX_TEMPFAIL;
}

/* Reads the whole file, while the workers work. */
static int run_batch(struct bulk *bulk)
{
    pthread_t workers[BULK_IN_FLIGHT_MAX];
    sigset_t before;
    bool is_unreadable = false, is_read;
    char why[WHY_BYTES] = "";
    size_t count = 0;

    watch_signals(&before);
    while (count < bulk->options->in_flight && pthread_create(&workers[count], NULL, work, bulk) == 0)
        count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    is_read = count > 0 && people_file_read(bulk->options->path, bulk->options->defaults, take_row, bulk,
                                            &is_unreadable, why, sizeof why);
    pthread_mutex_lock(&bulk->lock);
    bulk->is_read = true;
    pthread_cond_broadcast(&bulk->changed);
    print_until(bulk, 0);
    pthread_mutex_unlock(&bulk->lock);
    for (size_t i = 0; i < count; i++)
        pthread_join(workers[i], NULL);
    wipe_bar(bulk);
    print_close(&bulk->printer, NULL);
    tdestroy(bulk->seen, free);
    return sum_up(bulk, is_read, is_unreadable, why);
}

int bulk_run(const struct invocation *invocation, const struct bulk_options *options)
{
    struct bulk *bulk = calloc(1, sizeof *bulk);
    int code;

    if (!bulk || sodium_init() < 0) {
        free(bulk);
        return options_complain(invocation, EX_OSERR, NULL, "out of memory");
    }
    assert(options->in_flight > 0 && options->in_flight <= BULK_IN_FLIGHT_MAX);
    bulk->invocation = invocation;
    bulk->options = options;
    bulk->has_bar = isatty(STDERR_FILENO);
    bulk->share = -1;
    pthread_mutex_init(&bulk->lock, NULL);
    pthread_cond_init(&bulk->changed, NULL);
    bulk->began_ms = now_ms(CLOCK_MONOTONIC);
    code = ask_party(bulk);
    if (code == EX_OK) {
        bulk->printer = print_open_lines(invocation->format, "referral.submit-batch/1", columns, stdout);
        code = run_batch(bulk);
    }
    pthread_cond_destroy(&bulk->changed);
    pthread_mutex_destroy(&bulk->lock);
    free(bulk);
    return code;
}

/* SPDX-License-Identifier: MIT
 * exchange: one connection to the daemon. One turn of the loop: read what the socket's monitor reports, read what has
 * come, say what is due, wait. What to say again and when is decided in ask.c. */
#include "clients/exchange.h"

#include "clients/ask.h"
#include "clients/evidence.h"
#include "clients/keys.h"
#include "proto/check.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define LINGER_MS 500
#define SEND_QUEUE_MAX 1000
#define RECONNECT_MS 200
#define RECONNECT_MS_MAX 30000
#define REMAKE_MS 1000
#define KEPT_PUSHES_MAX ASK_HELD_MAX
#define KEPT_MS 10000          /* from then on the daemon may have sent what is kept to another connection */
#define ANSWER_PARTS_MAX 65536 /* a page holds at most 1000, a study many times that */
#define SENTENCE_BYTES 1024

struct frame {
    int64_t taken_ms;
    size_t length;
    unsigned char bytes[];
};

/* Received frames, in order. */
struct frames {
    struct frame **all;
    size_t first, count, room;
};

struct exchange {
    char *endpoint, *key_file, *client;
    struct keys keys, server; /* empty on the operators' socket */
    int timeout_ms;

    void *context, *socket, *monitor;
    unsigned sockets_made;
    int poll, timer, wake; /* one epoll set over all; wake says that something is kept for the caller */
    int64_t made_ms, remake_ms, remake_delay_ms; /* remake_ms: ASK_NEVER unless the socket is dead */
    struct evidence evidence;
    bool verdict_is_fresh; /* a failure that waiting does not mend was seen and has not been reported */

    struct ask ask;
    bool takes_pushes; /* false as long as nobody has asked for a push: then another program keeps the mailbox */
    uint8_t hello_id[UUID_BYTES], request_id[UUID_BYTES];
    unsigned char request[MESSAGE_BYTES_MAX];
    size_t request_length;
    struct frames answer, pushes;
    bool answer_is_whole;
    enum refusal refusal, hello_refusal;
    struct exchange_anchor anchor; /* the newest that the daemon has told */
    char party[ID_BYTES_MAX + 1];

    struct decoder *decoder;
    struct message message;  /* what is being decoded */
    struct frame *delivered; /* the push that the caller holds */
    struct message push;
    char sentence[SENTENCE_BYTES];
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void make_uuid(uint8_t uuid[UUID_BYTES])
{
    ssize_t count = getrandom(uuid, UUID_BYTES, 0);

    assert(count == UUID_BYTES);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

/* Up to a tenth more, so that many clients do not come back at the same moment. */
static int64_t with_jitter(int64_t ms)
{
    uint16_t random = 0;

    (void)!getrandom(&random, sizeof random, 0);
    return ms + ms * random / (10 * UINT16_MAX);
}

static bool frames_add(struct frames *frames, size_t limit, const void *bytes, size_t length)
{
    struct frame *frame;

    if (frames->first == frames->count)
        frames->first = frames->count = 0;
    if (frames->count - frames->first >= limit)
        return false;
    if (frames->first > 0 && frames->count == frames->room) {
        frames->count -= frames->first;
        memmove(frames->all, frames->all + frames->first, frames->count * sizeof *frames->all);
        frames->first = 0;
    }
    if (frames->count == frames->room) {
        size_t room = frames->room ? frames->room * 2 : 16;
        struct frame **all = realloc(frames->all, room * sizeof *all);

        if (all == NULL)
            return false;
        frames->all = all;
        frames->room = room;
    }
    frame = malloc(sizeof *frame + length);
    if (frame == NULL)
        return false;
    frame->taken_ms = now_ms();
    frame->length = length;
    memcpy(frame->bytes, bytes, length);
    frames->all[frames->count++] = frame;
    return true;
}

/* Messages hold personal data: memory is overwritten before it is given back. */
static void frame_free(struct frame **frame)
{
    if (*frame != NULL)
        explicit_bzero((*frame)->bytes, (*frame)->length);
    free(*frame);
    *frame = NULL;
}

static void frames_clear(struct frames *frames)
{
    for (size_t i = frames->first; i < frames->count; i++)
        frame_free(&frames->all[i]);
    frames->first = frames->count = 0;
}

static void set_int(void *socket, int option, int value)
{
    int result = zmq_setsockopt(socket, option, &value, sizeof value);

    assert(result == 0);
}

static void set_options(struct exchange *exchange)
{
    static const struct {
        int option, value;
    } options[] = {{ZMQ_RCVHWM, 0},
                   {ZMQ_SNDHWM, SEND_QUEUE_MAX},
                   {ZMQ_IMMEDIATE, 1},
                   {ZMQ_LINGER, LINGER_MS},
                   {ZMQ_SNDTIMEO, 0},
                   {ZMQ_RECONNECT_IVL, RECONNECT_MS},
                   {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MS_MAX},
                   {ZMQ_TCP_KEEPALIVE, 1},
                   {ZMQ_TCP_KEEPALIVE_IDLE, 60},
                   {ZMQ_TCP_KEEPALIVE_INTVL, 10},
                   {ZMQ_TCP_KEEPALIVE_CNT, 3}};
    int64_t most = MESSAGE_BYTES_MAX;

    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        set_int(exchange->socket, options[i].option, options[i].value);
    zmq_setsockopt(exchange->socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
    if (strchr(exchange->endpoint, '[') != NULL)
        set_int(exchange->socket, ZMQ_IPV6, 1);
    if (exchange->keys.secret_key[0] == '\0')
        return;
    zmq_setsockopt(exchange->socket, ZMQ_CURVE_PUBLICKEY, exchange->keys.public_key, KEYS_TEXT_BYTES + 1);
    zmq_setsockopt(exchange->socket, ZMQ_CURVE_SECRETKEY, exchange->keys.secret_key, KEYS_TEXT_BYTES + 1);
    zmq_setsockopt(exchange->socket, ZMQ_CURVE_SERVERKEY, exchange->server.public_key, KEYS_TEXT_BYTES + 1);
}

static void watch(struct exchange *exchange, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    epoll_ctl(exchange->poll, EPOLL_CTL_ADD, fd, &event);
}

static void watch_socket(struct exchange *exchange, void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;

    zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    watch(exchange, fd);
}

/* Closed descriptors leave the epoll set by themselves, but ZeroMQ closes its own later: they are taken out here. */
static void unmake_socket(struct exchange *exchange)
{
    void *sockets[] = {exchange->monitor, exchange->socket};

    if (exchange->socket != NULL)
        zmq_socket_monitor(exchange->socket, NULL, 0);
    for (size_t i = 0; i < 2; i++) {
        int fd = -1;
        size_t size = sizeof fd;

        if (sockets[i] == NULL)
            continue;
        if (zmq_getsockopt(sockets[i], ZMQ_FD, &fd, &size) == 0)
            epoll_ctl(exchange->poll, EPOLL_CTL_DEL, fd, NULL);
        zmq_close(sockets[i]);
    }
    exchange->socket = exchange->monitor = NULL;
    ask_disconnected(&exchange->ask);
}

/* False: the endpoint or the keys are not of the form that ZeroMQ takes, or the system gives no socket. */
static bool make_socket(struct exchange *exchange)
{
    char address[64];

    /* The monitor of the socket before may still be closing, so each has a name of its own. */
    snprintf(address, sizeof address, "inproc://monitor-%u", ++exchange->sockets_made);
    exchange->made_ms = now_ms();
    exchange->remake_ms = ASK_NEVER;
    exchange->socket = zmq_socket(exchange->context, ZMQ_DEALER);
    exchange->monitor = zmq_socket(exchange->context, ZMQ_PAIR);
    if (exchange->socket == NULL || exchange->monitor == NULL)
        return false;
    set_options(exchange);
    set_int(exchange->monitor, ZMQ_LINGER, 0);
    if (zmq_socket_monitor(exchange->socket, address, ZMQ_EVENT_ALL) != 0 ||
        zmq_connect(exchange->monitor, address) != 0)
        return false;
    watch_socket(exchange, exchange->monitor);
    watch_socket(exchange, exchange->socket);
    return zmq_connect(exchange->socket, exchange->endpoint) == 0;
}

/* After a refused key ZeroMQ never connects again with this socket. */
static void remake_later(struct exchange *exchange)
{
    int64_t delay = exchange->remake_delay_ms;

    exchange->verdict_is_fresh = true;
    exchange->remake_ms = now_ms() + with_jitter(delay);
    exchange->remake_delay_ms = delay * 2 < RECONNECT_MS_MAX ? delay * 2 : RECONNECT_MS_MAX;
}

static void take_event(struct exchange *exchange, int event, int value)
{
    evidence_add(&exchange->evidence, event, value);
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        make_uuid(exchange->hello_id);
        exchange->remake_delay_ms = REMAKE_MS;
        exchange->remake_ms = ASK_NEVER;
        exchange->hello_refusal = REFUSAL_NONE;
        frames_clear(&exchange->answer);
        ask_connected(&exchange->ask, now_ms());
    }
    if (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CLOSED)
        ask_disconnected(&exchange->ask);
    if (evidence_is_final(&exchange->evidence) && exchange->remake_ms == ASK_NEVER)
        remake_later(exchange);
}

/* One event: a frame of 16 bits event and 32 bits value, and a frame with the address. */
static bool read_event(struct exchange *exchange)
{
    unsigned char bytes[6] = {0}, address[256];
    uint16_t event;
    uint32_t value;

    if (exchange->monitor == NULL || zmq_recv(exchange->monitor, bytes, sizeof bytes, ZMQ_DONTWAIT) != sizeof bytes)
        return false;
    zmq_recv(exchange->monitor, address, sizeof address, ZMQ_DONTWAIT);
    memcpy(&event, bytes, sizeof event);
    memcpy(&value, bytes + sizeof event, sizeof value);
    take_event(exchange, event, (int)value);
    return true;
}

static bool is_id(const struct message *message, const uint8_t id[UUID_BYTES])
{
    const uint8_t *theirs = message_uuid(message, FIELD_request_id);

    return theirs != NULL && memcmp(theirs, id, UUID_BYTES) == 0;
}

/* "REF-0107" */
static enum refusal refusal_of(const struct message *refused)
{
    struct text text = message_text(refused, FIELD_error);
    int number = 0;

    for (uint32_t i = 0; i < text.length; i++)
        if (text.bytes[i] >= '0' && text.bytes[i] <= '9')
            number = number * 10 + text.bytes[i] - '0';
    return refusal_spec((enum refusal)number) ? (enum refusal)number : REFUSAL_NONE;
}

static const char *name_of(const struct exchange *exchange)
{
    const char *slash;

    if (exchange->keys.party[0] != '\0')
        return exchange->keys.party;
    slash = exchange->key_file ? strrchr(exchange->key_file, '/') : NULL;
    return slash ? slash + 1 : exchange->key_file ? exchange->key_file : "";
}

static void say_refused(struct exchange *exchange, const struct message *refused)
{
    struct text sentence = message_text(refused, FIELD_sentence), remedy = message_text(refused, FIELD_remedy);
    struct text field = message_text(refused, FIELD_field), error = message_text(refused, FIELD_error);

    snprintf(exchange->sentence, sizeof exchange->sentence, "%.*s%s%.*s (%.*s) Try: %.*s", (int)sentence.length,
             sentence.bytes, field.length ? " Field: " : "", (int)field.length, field.bytes ? field.bytes : "",
             (int)error.length, error.bytes, (int)remedy.length, remedy.bytes);
}

static void take_hello_refused(struct exchange *exchange, const struct message *refused)
{
    enum refusal refusal = refusal_of(refused);
    const struct refusal_spec *spec = refusal_spec(refusal);
    bool is_later = spec != NULL && spec->retry == LATER;

    exchange->hello_refusal = refusal;
    say_refused(exchange, refused);
    if (!is_later)
        exchange->verdict_is_fresh = true;
    ask_greet_again(&exchange->ask, now_ms(),
                    is_later ? message_number(refused, FIELD_retry_after_ms) : RECONNECT_MS_MAX);
}

/* True: the refusal is the answer. Busy, and a forgotten hello, are not: the same request is sent again. */
static bool is_last_word(struct exchange *exchange, const struct message *refused)
{
    const struct refusal_spec *spec = refusal_spec(exchange->refusal);

    if (exchange->refusal == REFUSAL_NO_HELLO) {
        ask_greet_again(&exchange->ask, now_ms(), 0);
        return false;
    }
    if (spec == NULL || spec->retry == NEVER)
        return true;
    ask_wait(&exchange->ask, now_ms(), message_number(refused, FIELD_retry_after_ms));
    return false;
}

static bool is_part(enum message_type type)
{
    static const enum message_type parts[] = {
        MESSAGE_referral,   MESSAGE_happened, MESSAGE_decision,  MESSAGE_considered, MESSAGE_hub,      MESSAGE_fault,
        MESSAGE_difference, MESSAGE_hole,     MESSAGE_simulated, MESSAGE_unmet_need, MESSAGE_fifth,    MESSAGE_network,
        MESSAGE_mailbox,    MESSAGE_seen,     MESSAGE_finding,   MESSAGE_erasable,   MESSAGE_exported,
    };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i] == type)
            return true;
    return false;
}

/* A part that was lost on the way shows in the count of `end`: the gathered parts are then worth nothing. */
static void take_answer(struct exchange *exchange, const struct message *answer, const void *bytes, size_t length)
{
    size_t gathered = exchange->answer.count - exchange->answer.first;
    bool is_lost = answer->type == MESSAGE_end && message_number(answer, FIELD_count) != (int64_t)gathered;

    exchange->refusal = REFUSAL_NONE;
    if (answer->type == MESSAGE_refused) {
        exchange->refusal = refusal_of(answer);
        say_refused(exchange, answer);
        if (!is_last_word(exchange, answer))
            return;
    }
    if (is_lost || !frames_add(&exchange->answer, ANSWER_PARTS_MAX, bytes, length)) {
        frames_clear(&exchange->answer);
        ask_wait(&exchange->ask, now_ms(), ASK_REQUEST_AGAIN_MS);
        return;
    }
    ask_wait(&exchange->ask, now_ms(), exchange->ask.again_ms);
    if (is_part(answer->type))
        return;
    exchange->answer_is_whole = true;
    ask_end(&exchange->ask);
}

static void take_push(struct exchange *exchange, const struct message *push, const void *bytes, size_t length)
{
    int64_t number = message_number(push, FIELD_mailbox_number);

    if (!ask_take(&exchange->ask, number) || frames_add(&exchange->pushes, KEPT_PUSHES_MAX, bytes, length))
        return;
    ask_lose(&exchange->ask, number); /* no memory: it is asked for again */
    ask_greet_again(&exchange->ask, now_ms(), RECONNECT_MS);
}

/* The newest head of the history, which proves later that it was not rewritten. */
static void take_anchor(struct exchange *exchange, const struct message *answer)
{
    struct text head = message_text(answer, FIELD_audit_head);

    if (!message_has(answer, FIELD_audit_sequence) || head.length >= sizeof exchange->anchor.head)
        return;
    exchange->anchor.sequence = message_number(answer, FIELD_audit_sequence);
    snprintf(exchange->anchor.head, sizeof exchange->anchor.head, "%.*s", (int)head.length, head.bytes);
}

static void take_welcome(struct exchange *exchange, const struct message *welcome)
{
    struct text party = message_text(welcome, FIELD_party);

    snprintf(exchange->party, sizeof exchange->party, "%.*s", (int)party.length, party.bytes);
    exchange->hello_refusal = REFUSAL_NONE;
    if (ask_welcomed(&exchange->ask, message_number(welcome, FIELD_mailbox_number), now_ms()))
        frames_clear(&exchange->pushes);
}

static void take_frame(struct exchange *exchange, const void *bytes, size_t length)
{
    struct message *message = &exchange->message;
    struct fault fault;
    bool is_read = decode(exchange->decoder, bytes, length, message, &fault);
    bool is_ours = exchange->ask.is_open && is_id(message, exchange->request_id);
    const struct message_spec *spec = is_read ? message_spec(message->type) : NULL;

    if (!is_read && is_ours) {
        snprintf(exchange->sentence, sizeof exchange->sentence,
                 "the daemon at %s answered what this version cannot read (%s); try: update this program",
                 exchange->endpoint, fault.field[0] ? fault.field : "structure");
        exchange->hello_refusal = REFUSAL_VERSION;
        exchange->verdict_is_fresh = true;
    }
    if (spec == NULL)
        return;
    if (message->type == MESSAGE_welcome)
        take_welcome(exchange, message);
    if (message->type == MESSAGE_welcome || message->type == MESSAGE_done)
        take_anchor(exchange, message);
    if (message->type == MESSAGE_refused && is_id(message, exchange->hello_id))
        take_hello_refused(exchange, message);
    else if (spec->direction == PUSH)
        take_push(exchange, message, bytes, length);
    else if (spec->direction == ANSWER && is_ours)
        take_answer(exchange, message, bytes, length);
}

/* Reads one message; those of more than one frame are none of ours. */
static bool read_message(struct exchange *exchange)
{
    zmq_msg_t frame;
    size_t frames = 0;
    bool is_there, has_more = true;

    if (exchange->socket == NULL)
        return false;
    zmq_msg_init(&frame);
    for (is_there = true; is_there && has_more; frames++) {
        is_there = zmq_msg_recv(&frame, exchange->socket, ZMQ_DONTWAIT) >= 0;
        has_more = is_there && zmq_msg_more(&frame);
    }
    is_there = is_there || frames > 1;
    if (is_there && frames == 1 && zmq_msg_size(&frame) <= MESSAGE_BYTES_MAX)
        take_frame(exchange, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
    return is_there;
}

static void send_bytes(struct exchange *exchange, const void *bytes, size_t length)
{
    int events;
    size_t size = sizeof events;

    /* Asking for the events makes ZeroMQ look at a connection that has just been made. A message that cannot be sent
     * is said again, as one that was lost. */
    zmq_getsockopt(exchange->socket, ZMQ_EVENTS, &events, &size);
    zmq_send(exchange->socket, bytes, length, ZMQ_DONTWAIT);
}

static void say_hello(struct exchange *exchange)
{
    unsigned char bytes[512];
    struct message hello;

    message_init(&hello, MESSAGE_hello);
    message_set_uuid(&hello, FIELD_request_id, exchange->hello_id);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&hello, FIELD_takes_pushes, exchange->takes_pushes);
    if (exchange->client != NULL)
        message_set_string(&hello, FIELD_client, exchange->client);
    send_bytes(exchange, bytes, encode(&hello, bytes, sizeof bytes));
}

static bool say_what_is_due(struct exchange *exchange)
{
    enum ask_action action = exchange->socket ? ask_next(&exchange->ask, now_ms()) : ASK_NOTHING;

    if (action == ASK_SAY_HELLO)
        say_hello(exchange);
    if (action == ASK_SAY_REQUEST) {
        frames_clear(&exchange->answer);
        send_bytes(exchange, exchange->request, exchange->request_length);
    }
    return action != ASK_NOTHING;
}

static void remake_when_due(struct exchange *exchange)
{
    if (exchange->remake_ms > now_ms())
        return;
    unmake_socket(exchange);
    evidence_clear(&exchange->evidence);
    if (!make_socket(exchange)) {
        unmake_socket(exchange);
        remake_later(exchange);
    }
}

/* Everything that can be done without waiting. Sending may swallow the sign that something has come, so reading has
 * the last turn. */
static void work(struct exchange *exchange)
{
    bool is_busy = true;

    remake_when_due(exchange);
    for (int rounds = 0; is_busy && rounds < 1000; rounds++) {
        is_busy = false;
        while (read_event(exchange))
            is_busy = true;
        while (read_message(exchange))
            is_busy = true;
        is_busy = say_what_is_due(exchange) || is_busy;
    }
}

/* Makes the descriptor readable when something is kept, and at the time when something is due. */
static void arm(struct exchange *exchange)
{
    int64_t due = ask_due(&exchange->ask);
    struct itimerspec at = {0};
    uint64_t count = 1;

    if (exchange->remake_ms < due)
        due = exchange->remake_ms;
    if (due != ASK_NEVER) {
        at.it_value.tv_sec = due / 1000;
        at.it_value.tv_nsec = due % 1000 * 1000000 + 1;
    }
    timerfd_settime(exchange->timer, TFD_TIMER_ABSTIME, &at, NULL);
    if (exchange->pushes.first < exchange->pushes.count || exchange->verdict_is_fresh)
        (void)!write(exchange->wake, &count, sizeof count);
    else
        (void)!read(exchange->wake, &count, sizeof count);
}

/* Works, and waits at most until the given time for something to happen. */
static void turn(struct exchange *exchange, int64_t until_ms)
{
    struct epoll_event events[4];
    int64_t left = until_ms - now_ms();

    arm(exchange);
    epoll_wait(exchange->poll, events, 4, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
    work(exchange);
}

static enum exchange_result result_of(enum refusal refusal)
{
    static const struct {
        enum refusal refusal;
        enum exchange_result result;
    } results[] = {
        {REFUSAL_VERSION, EXCHANGE_VERSION},       {REFUSAL_UNKNOWN_KEY, EXCHANGE_DENIED},
        {REFUSAL_ROLE, EXCHANGE_DENIED},           {REFUSAL_NOT_FOUND, EXCHANGE_NOT_FOUND},
        {REFUSAL_CONFLICT, EXCHANGE_CONFLICT},     {REFUSAL_NOT_CURRENT, EXCHANGE_CONFLICT},
        {REFUSAL_OFFER_ENDED, EXCHANGE_CONFLICT},  {REFUSAL_SHARED, EXCHANGE_CONFLICT},
        {REFUSAL_NOT_CHECKED, EXCHANGE_CONFLICT},  {REFUSAL_HOLES, EXCHANGE_CONFLICT},
        {REFUSAL_NO_EMERGENCY, EXCHANGE_CONFLICT}, {REFUSAL_NO_PLACE, EXCHANGE_CONFLICT},
        {REFUSAL_STILL_OPEN, EXCHANGE_CONFLICT},   {REFUSAL_ERASED, EXCHANGE_CONFLICT},
        {REFUSAL_REASON_FIRST, EXCHANGE_DENIED},
    };
    const struct refusal_spec *spec = refusal_spec(refusal);

    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (results[i].refusal == refusal)
            return results[i].result;
    return spec != NULL && spec->retry == LATER ? EXCHANGE_BUSY : EXCHANGE_INVALID;
}

/* Why there is no answer. A refusal has already set the sentence. */
static enum exchange_result explain_silence(struct exchange *exchange, const char *asked)
{
    struct evidence_words words = {.endpoint = exchange->endpoint,
                                   .key_name = name_of(exchange),
                                   .public_key = exchange->keys.public_key,
                                   .server_key = exchange->server.public_key,
                                   .asked = asked,
                                   .seconds = exchange->timeout_ms / 1000.0};

    exchange->verdict_is_fresh = false;
    if (exchange->hello_refusal != REFUSAL_NONE) {
        exchange->refusal = exchange->hello_refusal;
        return result_of(exchange->hello_refusal);
    }
    if (exchange->refusal != REFUSAL_NONE && exchange->ask.is_connected)
        return result_of(exchange->refusal);
    return evidence_explain(&exchange->evidence, &words, exchange->sentence, sizeof exchange->sentence);
}

static enum exchange_result misuse(struct exchange *exchange, const char *sentence)
{
    snprintf(exchange->sentence, sizeof exchange->sentence, "%s", sentence);
    return EXCHANGE_MISUSE;
}

static bool copy_text(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return text == NULL || *to != NULL;
}

static bool open_resources(struct exchange *exchange, const struct exchange_options *options)
{
    exchange->context = zmq_ctx_new();
    exchange->decoder = decoder_open();
    exchange->poll = epoll_create1(EPOLL_CLOEXEC);
    exchange->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    exchange->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (exchange->context == NULL || exchange->decoder == NULL || exchange->poll < 0 || exchange->timer < 0 ||
        exchange->wake < 0)
        return false;
    watch(exchange, exchange->timer);
    watch(exchange, exchange->wake);
    return copy_text(&exchange->endpoint, options->endpoint) && copy_text(&exchange->key_file, options->key_file) &&
           copy_text(&exchange->client, options->client);
}

/* Without keys there is no encryption, so only a unix socket may go without. */
static enum exchange_result read_keys(struct exchange *exchange, const struct exchange_options *options)
{
    char *why = exchange->sentence;

    if (options->key_file == NULL && strncmp(exchange->endpoint, "ipc://", 6) == 0)
        return EXCHANGE_OK;
    if (options->key_file == NULL || options->server_key == NULL) {
        snprintf(why, SENTENCE_BYTES,
                 "connections to %s are encrypted: set \"key-file\" and \"server-key\" (referral-keygen makes keys)",
                 exchange->endpoint);
        return EXCHANGE_MISUSE;
    }
    if (!keys_read_pair(options->key_file, &exchange->keys, why, SENTENCE_BYTES) ||
        !keys_read_public(options->server_key, &exchange->server, why, SENTENCE_BYTES))
        return EXCHANGE_MISUSE;
    return EXCHANGE_OK;
}

enum exchange_result exchange_open(struct exchange **out, const struct exchange_options *options)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    enum exchange_result result;

    *out = exchange;
    if (exchange == NULL)
        return EXCHANGE_NOMEM;
    exchange->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : 5000;
    exchange->remake_ms = ASK_NEVER;
    exchange->remake_delay_ms = REMAKE_MS;
    exchange->poll = exchange->timer = exchange->wake = -1;
    if (!open_resources(exchange, options)) {
        exchange_close(out);
        return EXCHANGE_NOMEM;
    }
    if (exchange->endpoint == NULL)
        return misuse(exchange, "no address is set; try: endpoint = \"tcp://127.0.0.1:7400\"");
    if (strncmp(exchange->endpoint, "tcp://", 6) != 0 && strncmp(exchange->endpoint, "ipc://", 6) != 0)
        return misuse(exchange, "the address must begin with tcp:// or ipc://");
    result = read_keys(exchange, options);
    if (result != EXCHANGE_OK)
        return result;
    if (!make_socket(exchange)) {
        snprintf(exchange->sentence, sizeof exchange->sentence, "cannot connect to \"%s\": %s", exchange->endpoint,
                 zmq_strerror(errno));
        unmake_socket(exchange);
        return EXCHANGE_MISUSE;
    }
    arm(exchange);
    return EXCHANGE_OK;
}

void exchange_close(struct exchange **exchange)
{
    struct exchange *closing = *exchange;
    int *descriptors[] = {NULL, NULL, NULL};

    *exchange = NULL;
    if (closing == NULL)
        return;
    unmake_socket(closing);
    if (closing->context != NULL)
        zmq_ctx_term(closing->context);
    descriptors[0] = &closing->poll;
    descriptors[1] = &closing->timer;
    descriptors[2] = &closing->wake;
    for (size_t i = 0; i < 3; i++)
        if (*descriptors[i] >= 0)
            close(*descriptors[i]);
    frames_clear(&closing->answer);
    frames_clear(&closing->pushes);
    free(closing->answer.all);
    free(closing->pushes.all);
    frame_free(&closing->delivered);
    decoder_close(&closing->decoder);
    free(closing->endpoint);
    free(closing->key_file);
    free(closing->client);
    explicit_bzero(closing, sizeof *closing);
    free(closing);
}

/* encode asserts what a caller can get wrong: it is looked at here. */
static bool is_complete(struct exchange *exchange, const struct message *request)
{
    const struct message_spec *spec = message_spec(request->type);

    for (size_t i = 0; spec != NULL && i < spec->count; i++) {
        if (spec->members[i].obligation != MANDATORY || message_has(request, spec->members[i].field))
            continue;
        exchange->refusal = REFUSAL_REQUIRED;
        snprintf(exchange->sentence, sizeof exchange->sentence, "%s needs the field %s", spec->name,
                 fields[spec->members[i].field].name);
        return false;
    }
    return spec != NULL;
}

static void deliver(struct exchange *exchange, exchange_answer take, void *context)
{
    struct frames *answer = &exchange->answer;
    struct fault fault;

    for (size_t i = answer->first; take != NULL && i < answer->count; i++)
        if (decode(exchange->decoder, answer->all[i]->bytes, answer->all[i]->length, &exchange->message, &fault))
            take(context, &exchange->message);
    frames_clear(answer);
}

/* A caller who asks should not have to wait for the end of a long back-off. */
static void hurry(struct exchange *exchange)
{
    int64_t soon = exchange->made_ms + REMAKE_MS;

    exchange->verdict_is_fresh = false;
    if (exchange->remake_ms != ASK_NEVER && soon < exchange->remake_ms)
        exchange->remake_ms = soon;
}

enum exchange_result exchange_ask(struct exchange *exchange, struct message *request, exchange_answer take,
                                  void *context)
{
    const struct message_spec *spec = message_spec(request->type);
    int64_t until = now_ms() + exchange->timeout_ms;

    exchange->refusal = REFUSAL_NONE;
    if (exchange->socket == NULL && exchange->remake_ms == ASK_NEVER)
        return EXCHANGE_MISUSE; /* open has failed, and said why */
    if (!message_has(request, FIELD_request_id)) {
        make_uuid(exchange->request_id);
        message_set_uuid(request, FIELD_request_id, exchange->request_id);
    }
    memcpy(exchange->request_id, message_uuid(request, FIELD_request_id), UUID_BYTES);
    if (!is_complete(exchange, request))
        return EXCHANGE_INVALID;
    exchange->request_length = encode(request, exchange->request, sizeof exchange->request);
    if (exchange->request_length == 0)
        return misuse(exchange, "the message is larger than 64 KiB");

    hurry(exchange);
    exchange->answer_is_whole = false;
    frames_clear(&exchange->answer);
    exchange->ask.again_ms = spec->direction == STUDY ? ASK_STUDY_AGAIN_MS : ASK_REQUEST_AGAIN_MS;
    ask_begin(&exchange->ask, now_ms());
    work(exchange);
    while (!exchange->answer_is_whole && !exchange->verdict_is_fresh && now_ms() < until)
        turn(exchange, until);
    ask_end(&exchange->ask);
    explicit_bzero(exchange->request, exchange->request_length);
    arm(exchange);
    if (!exchange->answer_is_whole)
        return explain_silence(exchange, spec->name);
    deliver(exchange, take, context);
    return exchange->refusal == REFUSAL_NONE ? EXCHANGE_OK : result_of(exchange->refusal);
}

/* From now on the mailbox is asked for, by another hello if one has been said. */
static void take_pushes(struct exchange *exchange)
{
    if (!exchange->takes_pushes && exchange->ask.is_welcome)
        ask_greet_again(&exchange->ask, now_ms(), 0);
    exchange->takes_pushes = true;
    ask_listen(&exchange->ask, true);
}

/* The caller was busy for long: what is kept may be another connection's by now, so the daemon says again what is not.
 */
static void renew_kept(struct exchange *exchange)
{
    struct frames *pushes = &exchange->pushes;

    if (pushes->first == pushes->count || pushes->all[pushes->first]->taken_ms + KEPT_MS > now_ms() ||
        !ask_forget_kept(&exchange->ask))
        return;
    frames_clear(pushes);
    if (exchange->ask.is_welcome)
        ask_greet_again(&exchange->ask, now_ms(), 0);
}

/* Takes the next push that nobody has confirmed meanwhile out of what is kept. */
static bool give_next(struct exchange *exchange)
{
    struct frames *pushes = &exchange->pushes;
    struct fault fault;
    bool is_read;

    while (pushes->first < pushes->count) {
        frame_free(&exchange->delivered);
        exchange->delivered = pushes->all[pushes->first++];
        is_read =
            decode(exchange->decoder, exchange->delivered->bytes, exchange->delivered->length, &exchange->push, &fault);
        assert(is_read);
        if (ask_give(&exchange->ask, message_number(&exchange->push, FIELD_mailbox_number)))
            return true;
    }
    return false;
}

enum exchange_result exchange_next(struct exchange *exchange, const struct message **message, int timeout_ms)
{
    int64_t until = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
    bool is_given;

    *message = NULL;
    frame_free(&exchange->delivered);
    exchange->refusal = REFUSAL_NONE;
    if (exchange->socket == NULL && exchange->remake_ms == ASK_NEVER)
        return EXCHANGE_MISUSE;
    take_pushes(exchange);
    renew_kept(exchange);
    work(exchange);
    while (!(is_given = give_next(exchange)) && !exchange->verdict_is_fresh && now_ms() < until)
        turn(exchange, until);
    if (!is_given) {
        bool is_quiet = exchange->ask.is_welcome && !exchange->verdict_is_fresh;
        enum exchange_result result;

        if (is_quiet)
            snprintf(exchange->sentence, sizeof exchange->sentence, "nothing has come from %s", exchange->endpoint);
        result = is_quiet ? EXCHANGE_TIMEOUT : explain_silence(exchange, "hello");
        arm(exchange);
        return result;
    }
    arm(exchange);
    *message = &exchange->push;
    return EXCHANGE_OK;
}

static void take_all_confirmed(void *context, const struct message *answer)
{
    int64_t *all = context;

    if (answer->type == MESSAGE_done)
        *all = message_number(answer, FIELD_mailbox_number);
}

enum exchange_result exchange_confirm(struct exchange *exchange, int64_t mailbox_number)
{
    int64_t number = ask_store(&exchange->ask, mailbox_number);
    int64_t all = 0;
    struct message confirm;
    enum exchange_result result;

    if (number == 0)
        return EXCHANGE_OK;
    message_init(&confirm, MESSAGE_confirm);
    message_set_number(&confirm, FIELD_mailbox_number, number);
    result = exchange_ask(exchange, &confirm, take_all_confirmed, &all);
    if (result == EXCHANGE_OK)
        ask_confirmed(&exchange->ask, number, all);
    return result;
}

const struct exchange_anchor *exchange_anchor(const struct exchange *exchange)
{
    return exchange->anchor.head[0] ? &exchange->anchor : NULL;
}

const char *exchange_party(const struct exchange *exchange)
{
    return exchange->party;
}

int exchange_fd(struct exchange *exchange)
{
    take_pushes(exchange);
    return exchange->poll;
}

const char *exchange_sentence(const struct exchange *exchange)
{
    return exchange->sentence;
}

enum refusal exchange_refusal(const struct exchange *exchange)
{
    return exchange->refusal;
}

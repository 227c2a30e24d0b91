/* SPDX-License-Identifier: MIT
 * threads: the daemon's workers, and here the link's side of their queues, without sockets, for ThreadSanitizer (libzmq
 * is not built with it, and would be all that it speaks of). People are submitted, offered, accepted and helped while
 * the reader and the study are asked all that they can be asked, and operators change the network; each request has an
 * answer. Usage: threads [PEOPLE] */
#include <assert.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/io/clock.h"
#include "daemon/io/network_file.h"
#include "daemon/io/store_lmdb.h"
#include "daemon/shelf.h"
#include "daemon/workers.h"
#include "tests/people.h"

enum { IN_HAND = 256, STORE_BYTES = 64 << 20 };

static const char network_text[] =
    "name = \"threads\"; neighbour_distance = \"5km\"; hops_max = 3;"
    "neighbourhoods = ( { code = \"north\"; name = \"North\"; easting = 247000; northing = 56000; } );"
    "hubs = ( { id = \"oak\"; name = \"Oak\"; tier = \"targeted\"; areas = [ \"North\" ]; easting = 247000;"
    "  northing = 56000; services = ( { id = \"food\"; needs = [ \"food\", \"befriending\" ]; places = 20; } ); } );"
    "senders = ( { id = \"gp\"; name = \"GP\"; kind = \"gp_link_worker\"; } );";

enum { GP = 1, OAK, OPERATOR };
static const struct {
    const char *name;
    enum role role;
} parties[] = {[GP] = {"gp", ROLE_SENDER}, [OAK] = {"oak", ROLE_HUB}, [OPERATOR] = {"uid-1", ROLE_OPERATOR}};

static struct {
    struct workplace at;
    struct seal *seal;
    struct shelf *shelf;
    uint64_t asked[WORKER_COUNT], answered[WORKER_COUNT], pushed;
    uint32_t last_id;
} all;

/* ---- the link's side ------------------------------------------------------------------------------------------- */

static sem_t woken;

static void wake(void *none)
{
    (void)none;
    sem_post(&woken);
}

/* Until a worker has sent something, or a hundredth of a second: it may have taken what it had without a word. */
static void await_room(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 10000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    sem_timedwait(&woken, &until);
}

static void done(void *none)
{
    (void)none;
}

/* Answers are counted at their last message; letters to the hub are confirmed by what is asked next. */
static void collect(enum worker worker)
{
    static struct outbox outbox;
    static struct decoder *decoder;
    static struct message message;
    struct fault fault;

    if (!decoder)
        decoder = decoder_open();
    assert(decoder);
    outbox_clear(&outbox);
    queue_collect(all.at.queues[worker], &outbox);
    for (size_t i = 0; i < outbox.count; i++) {
        bool is_read =
            decode(decoder, outbox.bytes + outbox.dispatches[i].offset, outbox.dispatches[i].length, &message, &fault);
        assert(is_read);
        if (message.type != MESSAGE_welcome && message_has(&message, FIELD_mailbox_number))
            all.pushed++;
        else if (message_has(&message, FIELD_request_id))
            all.answered[worker]++; /* of several messages each counts: at least one for each request is asked for */
    }
}

static void ask(enum worker worker, int party, struct message *message)
{
    static uint8_t bytes[MESSAGE_BYTES_MAX];
    uint8_t id[UUID_BYTES] = {[6] = 0x40, [8] = 0x80};
    struct fault fault;
    static struct decoder *decoder;

    if (!decoder)
        decoder = decoder_open();
    all.last_id++;
    memcpy(id, &all.last_id, sizeof all.last_id);
    message_set_uuid(message, FIELD_request_id, id);
    size_t length = encode(message, bytes, sizeof bytes);
    assert(decoder && length > 0);
    struct queue *queue = all.at.queues[worker];
    for (queue_begin(queue); queue_room(queue) == 0; queue_begin(queue)) {
        queue_publish(queue);
        collect(worker);
        await_room();
    }
    struct request *slot = queue_slot(queue, bytes, length);
    assert(slot);
    slot->kind = REQUEST_MESSAGE;
    slot->connection = (connection_t)party;
    slot->role = parties[party].role;
    strcpy(slot->party, parties[party].name);
    bool is_read = decode(decoder, slot->frame, length, queue_message(queue), &fault);
    assert(is_read);
    queue_keep(queue, NULL);
    all.asked[worker]++;
    queue_publish(queue);
    collect(worker);
}

static void ask_plain(enum worker worker, int party, enum message_type type)
{
    static struct message message;

    message_init(&message, type);
    ask(worker, party, &message);
}

static void ask_about(enum worker worker, int party, enum message_type type, int64_t referral)
{
    static struct message message;

    message_init(&message, type);
    message_set_number(&message, FIELD_referral_id, referral);
    if (type == MESSAGE_accept || type == MESSAGE_start || type == MESSAGE_complete)
        message_set_number(&message, FIELD_offer_number, 1);
    if (type == MESSAGE_complete)
        message_set_number(&message, FIELD_outcome, OUTCOME_GOT_HELP);
    if (type == MESSAGE_hold || type == MESSAGE_release)
        message_set_string(&message, FIELD_note, "for a look");
    ask(worker, party, &message);
}

static void greet(int party)
{
    static struct message message;

    message_init(&message, MESSAGE_hello);
    message_set_number(&message, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&message, FIELD_takes_pushes, 1);
    ask(WORKER_TURN, party, &message);
}

static void study_something(uint32_t person)
{
    static struct message message;
    static const enum message_type types[] = {MESSAGE_verify, MESSAGE_store_check, MESSAGE_coverage, MESSAGE_unmet,
                                              MESSAGE_equity};

    message_init(&message, types[person % (sizeof types / sizeof types[0])]);
    ask(WORKER_STUDY, OPERATOR, &message);
}

static void live(uint32_t people)
{
    static struct message message;

    greet(GP);
    greet(OAK);
    for (uint32_t i = 0; i < people; i++) {
        person_submit(&message, i, PEOPLE_POSTCODE);
        ask(WORKER_TURN, GP, &message);
        ask_about(WORKER_READER, GP, MESSAGE_status, i + 1);
        ask_about(WORKER_TURN, OAK, MESSAGE_accept, 1 + i / 2);
        ask_about(WORKER_READER, OPERATOR, MESSAGE_explain, 1 + i / 2);
        ask_about(WORKER_TURN, OAK, MESSAGE_start, 1 + i / 2);
        ask_about(WORKER_READER, OPERATOR, MESSAGE_history, 1 + i / 3);
        ask_about(WORKER_TURN, OAK, MESSAGE_complete, 1 + i / 3);
        ask_about(WORKER_TURN, OPERATOR, i % 2 ? MESSAGE_hold : MESSAGE_release, i + 1);
        ask_plain(WORKER_READER, OPERATOR, MESSAGE_list);
        ask_plain(WORKER_READER, OPERATOR, MESSAGE_hubs);
        ask_plain(WORKER_READER, OPERATOR, MESSAGE_overview);
        ask_plain(WORKER_READER, OPERATOR, MESSAGE_mailboxes);
        study_something(i);
        if (i % 16 == 15)
            greet(OAK);
    }
}

static void open_all(const char *directory)
{
    static struct config_faults faults;
    static const uint8_t master[SEAL_KEY_BYTES] = {1}, seed[32] = {2};
    struct turn_options options = {
        .window = 16, .retry_after_ms = 500, .push_again_ms = 10000, .version = "threads", .unfetched_ms = 86400000};
    char why[300] = "";

    all.at.store = store_lmdb_open(directory, STORE_BYTES, why, sizeof why);
    assert(all.at.store);
    all.seal = seal_open(master, seed);
    all.shelf = shelf_open();
    struct network *network = network_parse("threads", network_text, sizeof network_text - 1, &faults);
    assert(network && all.seal && all.shelf);
    options.shelf = all.shelf;
    all.at.turn = turn_open(all.at.store, all.seal, &network, network_text, sizeof network_text - 1, &options,
                            clock_now_ms(), why, sizeof why);
    assert(all.at.turn);
    all.at.reader = reader_open(all.at.turn, all.at.store, all.seal, "threads");
    all.at.study = study_open(all.at.turn, all.at.store, all.seal, "threads", all.shelf);
    assert(all.at.reader && all.at.study);
    for (int worker = 0; worker < WORKER_COUNT; worker++) {
        all.at.queues[worker] = queue_open(IN_HAND, wake, NULL, done);
        assert(all.at.queues[worker]);
    }
}

static void close_all(void)
{
    for (int worker = 0; worker < WORKER_COUNT; worker++)
        queue_close(&all.at.queues[worker]);
    study_close(&all.at.study);
    reader_close(&all.at.reader);
    turn_close(&all.at.turn);
    shelf_close(&all.shelf);
    seal_close(&all.seal);
    store_close(&all.at.store);
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/threads-XXXXXX", path[sizeof directory + 16];
    uint32_t people = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 300;
    bool is_whole = mkdtemp(directory) != NULL;

    assert(is_whole && sem_init(&woken, 0, 0) == 0);
    open_all(directory);
    struct workers *workers = workers_start(&all.at);
    assert(workers);
    live(people);
    study_stop(all.at.study);
    for (int worker = 0; worker < WORKER_COUNT; worker++)
        queue_end(all.at.queues[worker]);
    workers_join(&workers);
    for (int worker = 0; worker < WORKER_COUNT; worker++) {
        collect((enum worker)worker);
        printf("worker %d: %llu asked, %llu messages of answers\n", worker, (unsigned long long)all.asked[worker],
               (unsigned long long)all.answered[worker]);
        is_whole = is_whole && all.asked[worker] > people / 2 && all.answered[worker] >= all.asked[worker];
    }
    printf("%llu letters\n", (unsigned long long)all.pushed);
    close_all();
    for (const char *const *name = (const char *const[]){"data.mdb", "lock.mdb", "lock", "redo.0", "redo.1", NULL};
         *name; name++) {
        snprintf(path, sizeof path, "%s/%s", directory, *name);
        unlink(path);
    }
    rmdir(directory);
    return is_whole && all.pushed > 0 ? 0 : 1;
}

/* SPDX-License-Identifier: MIT
 * world: events in the order of their time; frames that are late, lost, doubled or overtaken; a daemon that loses its
 * power or its disk at any moment. */
#include "tests/sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/io/log.h"
#include "daemon/io/network_file.h"
#include "daemon/io/postcodes.h"
#include "daemon/reader.h"
#include "daemon/shelf.h"
#include "daemon/study.h"
#include "daemon/turn.h"
#include "proto/check.h"
#include "tests/people.h"
#include "tests/sim/actor.h"
#include "tests/sim/agenda.h"
#include "tests/sim/array.h"
#include "tests/sim/coverage.h"
#include "tests/sim/store_memory.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define BATCH_MAX 64
#define WINDOW 8
#define DELAY_LIMIT_MS (4 * SECOND)
#define SETTLE_DAYS 60

enum event_kind {
    TO_DAEMON,
    TO_PARTY,
    WAKE,
    CONNECT,
    PARTY_NOTICES,
    DAEMON_NOTICES,
    MISFORTUNE,
    POWER_ON,
    ROOM_AGAIN,
    NEW_DRAFT
};

struct link_end {
    int party, door;
    bool daemon_side, party_side; /* thinks that it is connected */
    bool dead;                    /* nothing passes any more, and nobody has noticed */
    bool greeted;
    int64_t last_to_daemon, last_to_party; /* arrivals: what comes later arrives later, unless it is reordered */
    int64_t last_push;                     /* the order of pushes is that in which they were sent */
};

struct events {
    struct agenda agenda;
    struct link_end *links; /* by connection; 0 is none */
    uint32_t links_count, links_room;
    connection_t current[TOWN_PARTIES_MAX][WORLD_DOORS]; /* the party's own; 0: none */
};

struct daemon {
    struct store *store;
    struct store_memory_faults faults;
    struct seal *seal;
    struct shelf *shelf;
    struct turn *turn; /* NULL: no power */
    struct reader *reader;
    struct study *study;
    struct outbox outbox;
    struct decoder *decoder;
    struct request *requests, *questions;
    struct message *messages; /* of both, by their place in the inbox */
    int questions_count;
    struct planned inbox[BATCH_MAX];
    int inbox_count;
    int64_t busy_until;
    int crash_after; /* percent of the next outbox that leaves before the power goes; -1: it stays */
    uint64_t mishaps, crashes;
    bool started; /* the last start succeeded */
};

static const char *const mishap_names[MISHAP_COUNT] = {
    [MISHAP_LOSS] = "a frame is lost",
    [MISHAP_REPETITION] = "a frame arrives twice",
    [MISHAP_REORDERING] = "a frame overtakes another",
    [MISHAP_DISCONNECT] = "a connection breaks",
    [MISHAP_HALF_OPEN] = "a connection is dead and nobody notices",
    [MISHAP_AWAY] = "a party is away for long",
    [MISHAP_CRASH_IDLE] = "power loss between turns",
    [MISHAP_COMMIT_FULL] = "the store is full at a commit",
    [MISHAP_COMMIT_UNAVAILABLE] = "a commit fails",
    [MISHAP_COMMIT_FENCED] = "a commit is fenced",
    [MISHAP_COMMIT_UNKNOWN_STORED] = "power loss in a commit that is stored",
    [MISHAP_COMMIT_UNKNOWN_LOST] = "power loss in a commit that is lost",
    [MISHAP_CRASH_BEFORE_SENDING] = "power loss after a commit, before sending",
    [MISHAP_CRASH_WHILE_SENDING] = "power loss while sending",
    [MISHAP_CRASH_AT_START] = "a commit fails at the start",
    [MISHAP_NEW_NETWORK] = "the network file has changed at a start",
    [MISHAP_APPLIED] = "a new network is applied while it runs",
    [MISHAP_EMERGENCY] = "the emergency rules are switched on",
    [MISHAP_NEARLY_FULL] = "the store is nearly full",
};

/* In place of io/log: what the daemon would tell its journal is not what the parties see. */
void log_write(enum log_event event, unsigned kind, const struct log_pair *pairs)
{
    (void)event;
    (void)kind;
    (void)pairs;
}

static void trace_line(struct world *world, const char *who, const char *what)
{
    char line[WORLD_LINE_BYTES];

    if (!world->trace)
        return;
    snprintf(line, sizeof line, "%lld  %-9s %s", (long long)world->now, who, what);
    strcpy(world->last_lines[world->lines++ % WORLD_LAST_LINES], line);
    if (world->trace == TRACE_ALL)
        puts(line);
}

static void print_last_lines(const struct world *world)
{
    uint64_t from = world->lines > WORLD_LAST_LINES ? world->lines - WORLD_LAST_LINES : 0;

    for (uint64_t i = from; i < world->lines; i++)
        puts(world->last_lines[i % WORLD_LAST_LINES]);
}

static void happens(struct world *world, enum mishap mishap)
{
    coverage_count(COVER_FAULTS + (int)mishap);
    world->daemon->mishaps++;
    trace_line(world, "!!", mishap_names[mishap]);
}

/* It may go wrong in this run. */
static bool may(const struct world *world, enum mishap mishap)
{
    return !world->quiet && !(world->trouble.left_out >> mishap & 1);
}

const char *world_mishap_name(enum mishap mishap)
{
    return mishap_names[mishap];
}

int world_print_missing(void)
{
    int missing = 0;

    for (int i = 0; i < MISHAP_COUNT; i++)
        if (!coverage_of(COVER_FAULTS + i)) {
            printf("sim: never happened: %s\n", mishap_names[i]);
            missing++;
        }
    return missing;
}

/* ---- time ---- */

static void plan(struct world *world, struct planned event)
{
    agenda_add(&world->events->agenda, event);
}

void world_wake(struct world *world, int party, int64_t at)
{
    plan(world, (struct planned){.at = at > world->now ? at : world->now, .kind = WAKE, .party = party});
}

struct noticed *world_know(struct world *world, uint64_t referral)
{
    for (uint32_t i = 0; i < world->known_count; i++)
        if (world->known[i].referral == referral)
            return &world->known[i];
    world->known = array_grow(world->known, world->known_count, &world->known_room, sizeof world->known[0]);
    world->known[world->known_count] = (struct noticed){.referral = referral};
    return &world->known[world->known_count++];
}

/* ---- network ---- */

/* No content: what kind of message, about what. */
static void trace_frame(struct world *world, const char *way, connection_t connection, const struct message *message)
{
    int party = world->events->links[connection].party;
    static const enum field numbers[] = {FIELD_mailbox_number, FIELD_referral_id, FIELD_offer_number,
                                         FIELD_places,         FIELD_at,          FIELD_deadline};
    static const char *const names[] = {"#", "referral ", "offer ", "places ", "at ", "until "};
    char what[100];
    size_t used = (size_t)snprintf(what, sizeof what, "%llu %s %s", (unsigned long long)connection, way,
                                   message_spec(message->type)->name);

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (message_has(message, numbers[i]) && used < sizeof what)
            used += (size_t)snprintf(what + used, sizeof what - used, " %s%lld", names[i],
                                     (long long)message_number(message, numbers[i]));
    if (used < sizeof what)
        snprintf(what + used, sizeof what - used, " %s %s %.8s",
                 code_text(LIST_business_status, (int)message_number(message, FIELD_business_status)),
                 code_text(LIST_status_reason, (int)message_number(message, FIELD_status_reason)),
                 message_has(message, FIELD_error) ? message_text(message, FIELD_error).bytes : "");
    trace_line(world, world->town.parties[party].id, what);
}

static void note_frame(struct world *world, const char *way, connection_t connection, const struct message *message,
                       const void *frame, size_t length)
{
    int party = world->events->links[connection].party;
    const uint8_t *byte = frame;

    for (size_t i = 0; i < length; i++)
        world->digest = (world->digest ^ byte[i]) * UINT64_C(1099511628211);
    world->digest = (world->digest ^ (uint64_t)world->now ^ (uint64_t)party) * UINT64_C(1099511628211);
    if (world->trace)
        trace_frame(world, way, connection, message);
}

static void cut(struct world *world, connection_t connection, int64_t notice_max, int64_t away);

static void put_under_way(struct world *world, enum event_kind kind, connection_t connection, int64_t at,
                          const void *frame, size_t length)
{
    plan(world, (struct planned){.at = at,
                                 .kind = kind,
                                 .party = world->events->links[connection].party,
                                 .connection = connection,
                                 .frame = agenda_copy(frame, length),
                                 .length = length});
}

static int64_t arrival(struct world *world, int64_t *last)
{
    int64_t at = world->now + random_between(&world->random, 1, world->trouble.delay_max_ms);

    if (at < *last && !(world->trouble.reordering && may(world, MISHAP_REORDERING)))
        at = *last;
    else if (at < *last)
        happens(world, MISHAP_REORDERING);
    *last = at > *last ? at : *last;
    return at;
}

/* Puts a frame under way, once, twice or not at all. */
static void carry(struct world *world, enum event_kind kind, connection_t connection, const void *frame, size_t length)
{
    struct link_end *link = &world->events->links[connection];
    int64_t *last = kind == TO_DAEMON ? &link->last_to_daemon : &link->last_to_party;
    int copies = 1;

    if (may(world, MISHAP_LOSS) && random_chance(&world->random, world->trouble.loss)) {
        happens(world, MISHAP_LOSS);
        return;
    }
    if (may(world, MISHAP_REPETITION) && random_chance(&world->random, world->trouble.repetition)) {
        happens(world, MISHAP_REPETITION);
        copies = 2;
    }
    for (; copies > 0; copies--)
        put_under_way(world, kind, connection, arrival(world, last), frame, length);
}

/* Nothing gets lost on a connection but by its end, and the order stays: a confirmation covers what came before. */
static void carry_push(struct world *world, connection_t connection, const void *frame, size_t length)
{
    struct link_end *link = &world->events->links[connection];
    int64_t at = world->now + random_between(&world->random, 1, world->trouble.delay_max_ms);

    if (may(world, MISHAP_LOSS) && random_chance(&world->random, world->trouble.loss / 4)) {
        happens(world, MISHAP_LOSS);
        cut(world, connection, 2 * SECOND, random_between(&world->random, 0, MINUTE));
        return;
    }
    link->last_push = at > link->last_push ? at : link->last_push;
    put_under_way(world, TO_PARTY, connection, link->last_push, frame, length);
}

void world_send(struct world *world, int party, int door, const void *frame, size_t length)
{
    static struct message message;
    connection_t connection = world->events->current[party][door];
    struct fault fault;

    if (!connection)
        return;
    bool decoded = decode(world->daemon->decoder, frame, length, &message, &fault);
    assert(decoded);
    note_frame(world, "says", connection, &message, frame, length);
    auditor_said(world->auditor, world->now, party, connection, &message);
    carry(world, TO_DAEMON, connection, frame, length);
}

static void connect(struct world *world, int party, int door)
{
    struct events *events = world->events;

    if (events->current[party][door])
        return;
    if (!world->daemon->turn) {
        plan(world, (struct planned){.at = world->now + random_between(&world->random, SECOND, 10 * SECOND),
                                     .kind = CONNECT,
                                     .party = party,
                                     .door = door});
        return;
    }
    if (events->links_count + 1 >= events->links_room) {
        events->links_room = events->links_room ? 2 * events->links_room : 64;
        events->links = realloc(events->links, events->links_room * sizeof events->links[0]);
        assert(events->links);
    }
    if (!events->links_count)
        events->links[events->links_count++] = (struct link_end){0};
    events->current[party][door] = events->links_count;
    events->links[events->links_count++] =
        (struct link_end){.party = party, .door = door, .daemon_side = true, .party_side = true};
    actor_connected(world->actors[party], door);
}

/* Nothing passes from now on; each side notices in its time, and the party comes back. */
static void cut(struct world *world, connection_t connection, int64_t notice_max, int64_t away)
{
    struct link_end *link = &world->events->links[connection];

    link->dead = true;
    int64_t noticed = world->now + random_between(&world->random, 1, notice_max);
    plan(world, (struct planned){.at = noticed, .kind = PARTY_NOTICES, .party = link->party, .connection = connection});
    plan(world, (struct planned){.at = world->now + random_between(&world->random, 1, notice_max),
                                 .kind = DAEMON_NOTICES,
                                 .party = link->party,
                                 .connection = connection});
    plan(world, (struct planned){.at = noticed + 1 + away, .kind = CONNECT, .party = link->party, .door = link->door});
}

static void party_notices(struct world *world, const struct planned *event)
{
    int door = world->events->links[event->connection].door;

    if (world->events->current[event->party][door] != event->connection)
        return;
    world->events->current[event->party][door] = 0;
    actor_disconnected(world->actors[event->party], door);
}

static void arrive_at_party(struct world *world, const struct planned *event)
{
    static struct message message;
    struct link_end *link = &world->events->links[event->connection];
    struct fault fault;

    if (link->dead || world->events->current[event->party][link->door] != event->connection)
        return;
    /* What cannot be decoded was objected to when it was sent. */
    if (decode(world->daemon->decoder, event->frame, event->length, &message, &fault))
        actor_receive(world->actors[event->party], link->door, &message);
}

/* ---- daemon ---- */

/* Which town the daemon goes by; its number stands in the name of its network. Another one than before must be the one
 * of the file that it was started with, or one that an operator wanted applied. */
static void note_in_force(struct world *world)
{
    const struct network *network = turn_hold_network(world->daemon->turn);
    int number = atoi(network->name + strlen("Town "));
    int64_t at = network->applied_at;

    turn_release_network(world->daemon->turn, &network);
    if (number == world->in_force)
        return;
    bool wanted =
        number >= 0 && number < world->towns_count && (world->towns[number].wanted || number == world->on_disk);
    if (!wanted)
        auditor_object(world->auditor, world->now, "a network is in force that nobody wanted");
    else if (at > world->now || at < world->in_force_since)
        auditor_object(world->auditor, world->now, "a network has come into force at another time");
    else
        auditor_note_town(world->auditor, at, &world->towns[number].town);
    if (number != world->on_disk)
        happens(world, MISHAP_APPLIED);
    world->in_force = number;
    world->in_force_since = at;
    world->is_applying = false;
    if (random_chance(&world->random, 50)) /* some operators keep the file of what they have applied */
        world->on_disk = number;
}

static struct wanted_town *new_town(struct world *world)
{
    world->towns = realloc(world->towns, ((size_t)world->towns_count + 1) * sizeof world->towns[0]);
    assert(world->towns);
    struct wanted_town *town = &world->towns[world->towns_count];
    *town = world->towns[world->in_force];
    town_redraw(&town->town, &world->random);
    town->town.number = world->towns_count++;
    town->wanted = false;
    return town;
}

static void lose_power(struct world *world)
{
    struct daemon *daemon = world->daemon;

    for (int i = 0; i < daemon->inbox_count; i++)
        free(daemon->inbox[i].frame);
    daemon->inbox_count = 0;
    auditor_note_stop(world->auditor, world->now);
    study_close(&daemon->study);
    reader_close(&daemon->reader);
    turn_close(&daemon->turn);
    shelf_close(&daemon->shelf);
    seal_close(&daemon->seal);
    store_memory_crash(daemon->store);
    store_memory_reopen(daemon->store);
    daemon->crashes++;
    daemon->crash_after = -1;
    daemon->faults.next_commit = MEMORY_FAULT_NONE;
    for (uint32_t i = 1; i < world->events->links_count; i++)
        if (world->events->links[i].daemon_side) {
            world->events->links[i].daemon_side = false;
            cut(world, i, 10 * SECOND, random_between(&world->random, 0, 5 * SECOND));
        }
    plan(world, (struct planned){.at = world->now + random_between(&world->random, 100, 5 * MINUTE), .kind = POWER_ON});
}

/* False: the daemon does not start. */
static bool start_daemon(struct world *world, char *why, size_t why_size)
{
    static const uint8_t master[SEAL_KEY_BYTES] = "only for the simulator";
    struct daemon *daemon = world->daemon;
    struct config_faults *faults = calloc(1, sizeof *faults);
    uint64_t seed[SEAL_KEY_BYTES / 8];
    char text[TOWN_TEXT_BYTES];

    assert(faults);
    for (size_t i = 0; i < sizeof seed / sizeof seed[0]; i++)
        seed[i] = random_next(&world->random);
    daemon->seal = seal_open(master, (const uint8_t *)seed);
    daemon->shelf = shelf_open();
    assert(daemon->seal && daemon->shelf);
    const struct turn_options options = {.window = WINDOW,
                                         .retry_after_ms = 5 * SECOND,
                                         .push_again_ms = 30 * SECOND,
                                         .version = "simulated",
                                         .shelf = daemon->shelf,
                                         .held_max = world->trouble.held_max,
                                         .start_entries = world->trouble.held_max * 2};
    town_write(&world->towns[world->on_disk].town, text);
    struct network *network = network_parse("town", text, strlen(text), faults);
    if (!network)
        fprintf(stderr, "%s\n%s\n", faults->lines[0], text);
    assert(network);
    free(faults);
    daemon->turn =
        turn_open(daemon->store, daemon->seal, &network, text, strlen(text), &options, world->now, why, why_size);
    if (!daemon->turn)
        return false;
    return true;
}

static void power_on(struct world *world)
{
    struct daemon *daemon = world->daemon;
    char why[200] = "";
    char what[300];

    if (may(world, MISHAP_CRASH_AT_START) && daemon->crashes && random_chance(&world->random, 10))
        daemon->faults.next_commit =
            (enum memory_fault)random_between(&world->random, MEMORY_FAULT_FULL, MEMORY_FAULT_UNKNOWN_LOST);
    /* One new network at a time: whether a start or a turn that failed took one up is not known from outside. */
    if (may(world, MISHAP_NEW_NETWORK) && daemon->crashes && daemon->started && !world->is_applying &&
        random_chance(&world->random, world->trouble.new_network)) {
        happens(world, MISHAP_NEW_NETWORK);
        world->on_disk = new_town(world)->town.number;
    }
    bool may_fail = daemon->faults.next_commit != MEMORY_FAULT_NONE || daemon->faults.limit_bytes;
    daemon->started = start_daemon(world, why, sizeof why);
    if (daemon->started) {
        auditor_note_start(world->auditor, world->now);
        note_in_force(world);
        return;
    }
    if (!may_fail) {
        snprintf(what, sizeof what, "the daemon does not start: %s", why);
        auditor_object(world->auditor, world->now, what);
        return;
    }
    happens(world, MISHAP_CRASH_AT_START);
    lose_power(world);
}

/* An operator sends a new version of the file, has it looked at, and wants it applied: some with faults, some that were
 * not compared with what is in force, some with holes that nobody has allowed. */
static void send_draft(struct world *world)
{
    struct daemon *daemon = world->daemon;
    size_t bytes = 0;
    char text[TOWN_TEXT_BYTES];

    if (!daemon->turn)
        return;
    bool faulty = random_chance(&world->random, 10), compared = random_chance(&world->random, 85);
    uint32_t holes = random_chance(&world->random, 30) ? 2 : 0;
    struct wanted_town *wanted = new_town(world);
    town_write(&wanted->town, text);
    if (faulty)
        memcpy(text, "what", 4);
    size_t half = strlen(text) / 2;
    uint32_t draft = shelf_add(daemon->shelf, 1, 0, text, half, false, &bytes);
    draft = shelf_add(daemon->shelf, 1, half, text + half, strlen(text) - half, true, &bytes);
    assert(draft && bytes == strlen(text));
    const struct network *network = turn_hold_network(daemon->turn);
    if (compared)
        shelf_compared(daemon->shelf, draft, network->version, holes);
    turn_release_network(daemon->turn, &network);
    bool good = !faulty && compared && (!holes || world->trouble.holes_allowed);
    wanted->wanted = good;
    world->is_applying = world->is_applying || good;
    auditor_note_draft(world->auditor, draft, good);
    actor_apply(world->actors[town_operator(&world->town)], draft, world->trouble.holes_allowed);
}

/* What link does: answers by itself who has not said hello. */
static bool admit(struct world *world, const struct planned *event, struct request *request, struct message *message)
{
    struct link_end *link = &world->events->links[event->connection];
    static uint8_t bytes[4096];
    static struct message answer;
    struct fault fault = {0};

    message_init(message, MESSAGE_NONE);
    *request = (struct request){.kind = REQUEST_GONE,
                                .connection = event->connection,
                                .role = world->town.parties[event->party].role,
                                .frame = event->frame,
                                .frame_length = event->length,
                                .message = message};
    strcpy(request->party, world->town.parties[event->party].id);
    if (event->kind == DAEMON_NOTICES)
        return true;
    request->kind = REQUEST_MESSAGE;
    bool good = decode(world->daemon->decoder, event->frame, event->length, message, &fault) &&
                check_request(message, world->now, &fault);
    assert(good);
    link->greeted = link->greeted || message->type == MESSAGE_hello;
    if (link->greeted)
        return true;
    fault.refusal = REFUSAL_NO_HELLO;
    refuse(&answer, message, &fault, 0);
    carry(world, TO_PARTY, event->connection, bytes, encode(&answer, bytes, sizeof bytes));
    return false;
}

static void send_out(struct world *world, size_t count)
{
    const struct outbox *outbox = &world->daemon->outbox;
    static struct message message;
    struct fault fault;

    for (size_t i = 0; i < count; i++) {
        const struct dispatch *dispatch = &outbox->dispatches[i];
        const uint8_t *frame = outbox->bytes + dispatch->offset;
        if (!dispatch->connection || dispatch->connection >= world->events->links_count) {
            auditor_object(world->auditor, world->now, "a message goes to nobody");
            return;
        }
        struct link_end *link = &world->events->links[dispatch->connection];
        if (!decode(world->daemon->decoder, frame, dispatch->length, &message, &fault)) {
            auditor_object(world->auditor, world->now, "the daemon sends what cannot be decoded");
            return;
        }
        note_frame(world, "     hears", dispatch->connection, &message, frame, dispatch->length);
        auditor_told(world->auditor, world->now, link->party, dispatch->connection, &message, frame, dispatch->length);
        if (link->daemon_side && !link->dead && message_spec(message.type)->direction == PUSH)
            carry_push(world, dispatch->connection, frame, dispatch->length);
        else if (link->daemon_side && !link->dead)
            carry(world, TO_PARTY, dispatch->connection, frame, dispatch->length);
    }
}

static enum mishap mishap_of(enum memory_fault fault)
{
    return (enum mishap)(MISHAP_COMMIT_FULL + (int)(fault - MEMORY_FAULT_FULL));
}

static void after_turn(struct world *world, enum store_result result, enum memory_fault planned)
{
    struct daemon *daemon = world->daemon;

    /* A turn that changed nothing has committed nothing: the fault is still to come. */
    if (planned && daemon->faults.next_commit == MEMORY_FAULT_NONE)
        happens(world, mishap_of(planned));
    if (result != STORE_OK) {
        lose_power(world);
        return;
    }
    note_in_force(world);
    size_t leaves = daemon->outbox.count;
    if (daemon->crash_after >= 0)
        leaves = leaves * (size_t)daemon->crash_after / 100;
    send_out(world, leaves);
    if (daemon->crash_after >= 0) {
        happens(world, daemon->crash_after ? MISHAP_CRASH_WHILE_SENDING : MISHAP_CRASH_BEFORE_SENDING);
        lose_power(world);
    }
}

/* Questions are for the reader and for the study: they see what is committed. */
static bool keep_question(struct daemon *daemon, const struct request *request)
{
    bool is_question = request->kind == REQUEST_MESSAGE && message_spec(request->message->type)->direction != REQUEST;

    if (is_question)
        daemon->questions[daemon->questions_count++] = *request;
    return is_question;
}

/* Reader and study know nothing but the store: many a life of the daemon ends before anybody asks them. */
static void answer_question(struct world *world, const struct request *question)
{
    struct daemon *daemon = world->daemon;

    if (message_spec(question->message->type)->direction == STUDY) {
        if (!daemon->study)
            daemon->study = study_open(daemon->turn, daemon->store, daemon->seal, "simulated", daemon->shelf);
        study_answer(daemon->study, world->now, question, &daemon->outbox);
    } else {
        if (!daemon->reader)
            daemon->reader = reader_open(daemon->turn, daemon->store, daemon->seal, "simulated");
        reader_answer(daemon->reader, world->now, question, &daemon->outbox);
    }
}

static void run_turn(struct world *world)
{
    struct daemon *daemon = world->daemon;
    struct planned batch[BATCH_MAX];
    int batch_count = daemon->inbox_count;
    enum memory_fault planned = daemon->faults.next_commit;
    size_t count = 0;

    memcpy(batch, daemon->inbox, sizeof batch);
    daemon->inbox_count = 0;
    for (int i = 0; i < batch_count; i++)
        if (admit(world, &batch[i], &daemon->requests[count], &daemon->messages[i]) &&
            !keep_question(daemon, &daemon->requests[count]))
            count++;
    outbox_clear(&daemon->outbox);
    enum store_result result = turn_run(daemon->turn, world->now, daemon->requests, count, &daemon->outbox);
    for (int i = 0; i < daemon->questions_count && result == STORE_OK; i++)
        answer_question(world, &daemon->questions[i]);
    daemon->questions_count = 0;
    daemon->busy_until = world->now + random_between(&world->random, 1, 30);
    after_turn(world, result, planned);
    for (int i = 0; i < batch_count; i++)
        free(batch[i].frame);
}

/* When the daemon runs next; never: INT64_MAX. */
static int64_t daemon_due(const struct world *world)
{
    const struct daemon *daemon = world->daemon;

    if (!daemon->turn)
        return INT64_MAX;
    int64_t due = daemon->inbox_count ? world->now : turn_next_due(daemon->turn);
    return due < daemon->busy_until ? daemon->busy_until : due;
}

/* True when the frame is kept. */
static bool arrive_at_daemon(struct world *world, const struct planned *event)
{
    struct daemon *daemon = world->daemon;
    struct link_end *link = &world->events->links[event->connection];
    bool passes = link->daemon_side && (!link->dead || event->kind == DAEMON_NOTICES);

    if (event->kind == DAEMON_NOTICES)
        link->daemon_side = false;
    if (!daemon->turn || !passes)
        return false;
    if (daemon->inbox_count == BATCH_MAX) {
        happens(world, MISHAP_LOSS);
        return false;
    }
    daemon->inbox[daemon->inbox_count++] = *event;
    return true;
}

/* ---- misfortune ---- */

static void break_one(struct world *world, enum mishap mishap)
{
    int party = (int)random_between(&world->random, 0, world->town.parties_count - 1);
    int door = (int)random_between(&world->random, 0, WORLD_DOORS - 1);
    connection_t connection = world->events->current[party][door];
    int64_t away = random_between(&world->random, 0, MINUTE);

    if (!connection || world->events->links[connection].dead || !may(world, mishap))
        return;
    happens(world, mishap);
    if (mishap == MISHAP_AWAY)
        away = random_between(&world->random, HOUR, 30 * HOUR);
    cut(world, connection, mishap == MISHAP_HALF_OPEN ? 10 * MINUTE : 2 * SECOND, away);
}

static void nearly_fill(struct world *world)
{
    uint64_t used = 0;
    uint64_t limit = 0;

    if (!may(world, MISHAP_NEARLY_FULL))
        return;
    store_usage(world->daemon->store, &used, &limit);
    world->daemon->faults.limit_bytes = used + used / 20;
    happens(world, MISHAP_NEARLY_FULL);
    plan(world,
         (struct planned){.at = world->now + random_between(&world->random, MINUTE, 2 * HOUR), .kind = ROOM_AGAIN});
}

static void fail_next_commit(struct world *world)
{
    enum memory_fault fault =
        (enum memory_fault)random_between(&world->random, MEMORY_FAULT_FULL, MEMORY_FAULT_UNKNOWN_LOST);

    if (may(world, mishap_of(fault)))
        world->daemon->faults.next_commit = fault;
}

static void strike(struct world *world)
{
    struct daemon *daemon = world->daemon;
    int percent;

    if (world->quiet)
        return;
    plan(world, (struct planned){.at = world->now + random_between(&world->random, 1, world->trouble.fault_every_ms),
                                 .kind = MISFORTUNE});
    switch (random_between(&world->random, 0, 9)) {
    case 0:
    case 1:
        break_one(world, MISHAP_DISCONNECT);
        break;
    case 2:
        break_one(world, MISHAP_HALF_OPEN);
        break;
    case 3:
        break_one(world, MISHAP_AWAY);
        break;
    case 4:
        if (daemon->turn && may(world, MISHAP_CRASH_IDLE)) {
            happens(world, MISHAP_CRASH_IDLE);
            lose_power(world);
        }
        break;
    case 5:
    case 6:
        fail_next_commit(world);
        break;
    case 7:
        if (may(world, MISHAP_CRASH_BEFORE_SENDING))
            daemon->crash_after = 0;
        break;
    case 8:
        percent = (int)random_between(&world->random, 1, 99);
        if (may(world, MISHAP_CRASH_WHILE_SENDING))
            daemon->crash_after = percent;
        break;
    default:
        if (random_chance(&world->random, 30))
            nearly_fill(world);
        break;
    }
}

/* ---- the run ---- */

static void happen(struct world *world, struct planned *event)
{
    switch ((enum event_kind)event->kind) {
    case TO_DAEMON:
    case DAEMON_NOTICES:
        if (arrive_at_daemon(world, event))
            event->frame = NULL;
        break;
    case TO_PARTY:
        arrive_at_party(world, event);
        break;
    case WAKE:
        actor_wake(world->actors[event->party]);
        break;
    case CONNECT:
        connect(world, event->party, event->door);
        break;
    case PARTY_NOTICES:
        party_notices(world, event);
        break;
    case MISFORTUNE:
        strike(world);
        break;
    case POWER_ON:
        power_on(world);
        break;
    case ROOM_AGAIN:
        world->daemon->faults.limit_bytes = 0;
        break;
    case NEW_DRAFT:
        send_draft(world);
        break;
    }
}

static void run_until(struct world *world, int64_t until)
{
    struct events *events = world->events;

    while (!auditor_violation(world->auditor)) {
        int64_t event_at = agenda_next_at(&events->agenda);
        int64_t due = daemon_due(world);
        if ((due < event_at ? due : event_at) > until)
            break;
        if (due <= event_at) {
            world->now = due > world->now ? due : world->now;
            run_turn(world);
            continue;
        }
        struct planned event = agenda_take(&events->agenda);
        world->now = event.at;
        happen(world, &event);
        free(event.frame);
    }
    world->now = until > world->now ? until : world->now;
}

static void draw_trouble(struct world *world)
{
    struct random *random = &world->random;

    /* One draw in each statement: compilers may evaluate several in any order. */
    world->trouble.loss = (int)random_between(random, -15, 15);
    world->trouble.repetition = (int)random_between(random, -15, 15);
    world->trouble.delay_max_ms = (int)random_between(random, 2, random_chance(random, 30) ? DELAY_LIMIT_MS : 200);
    world->trouble.reordering = random_chance(random, 50);
    world->trouble.new_network = (int)random_between(random, -15, 15);
    world->trouble.holes_allowed = random_chance(random, 30);
    world->trouble.fault_every_ms = random_between(random, 10 * MINUTE, 8 * HOUR);
    world->trouble.held_max = random_chance(random, 40) ? 4 : 0;
}

/* Most runs are short, for many towns; some are long, and in some much more goes wrong than in the others. */
static unsigned draw_size(struct world *world, const struct world_choice *choice)
{
    struct random random = {.state = choice->seed ^ UINT64_C(0x6c6f6e6772756e73)};
    int64_t length = random_between(&random, 1, 100);

    if (random_chance(&random, 50) && !choice->plain) {
        world->trouble.loss = (int)random_between(&random, 10, 30);
        world->trouble.repetition = (int)random_between(&random, 10, 60);
        world->trouble.reordering = world->trouble.rough = true;
        world->trouble.fault_every_ms = random_between(&random, 5 * MINUTE, HOUR);
    }
    if (choice->referrals)
        return choice->referrals;
    return length <= 50 ? 30 : length <= 80 ? 100 : length <= 95 ? 300 : 1000;
}

static void plan_operator(struct world *world, int64_t phase)
{
    struct actor *watcher = world->actors[town_operator(&world->town)];

    if (town_has(&world->town, TOWN_APPLY) && may(world, MISHAP_APPLIED))
        for (int64_t n = random_between(&world->random, 1, 4); n > 0; n--)
            plan(world, (struct planned){.at = world->starts_at + random_between(&world->random, 0, phase),
                                         .kind = NEW_DRAFT});
    if (town_has(&world->town, TOWN_EMERGENCY) && may(world, MISHAP_EMERGENCY))
        for (int64_t n = random_between(&world->random, 1, 3); n > 0; n--) {
            bool on = random_chance(&world->random, 75);
            actor_plan_emergency(watcher, world->starts_at + random_between(&world->random, 0, phase), on);
            if (on && world->town.emergency_needs)
                happens(world, MISHAP_EMERGENCY);
        }
}

static void plan_work(struct world *world, unsigned referrals)
{
    int64_t phase = world->quiet_at - world->starts_at;

    for (int i = 0; i < world->town.parties_count; i++) {
        world->actors[i] = actor_open(world, i);
        for (int door = 0; door < actor_doors(world->actors[i]); door++)
            plan(world, (struct planned){.at = world->now + i, .kind = CONNECT, .party = i, .door = door});
    }
    for (unsigned i = 0; i < referrals; i++) {
        int64_t at = world->starts_at + random_between(&world->random, 0, phase * 7 / 10);
        if (random_chance(&world->random, 40)) /* many at once */
            at -= at % (6 * HOUR);
        actor_plan_submit(world->actors[random_between(&world->random, 0, town_operator(&world->town) - 1)], at);
    }
    plan_operator(world, phase);
    for (int i = 0; i < world->town.parties_count; i++)
        for (int64_t n = random_between(&world->random, 0, 4); n > 0; n--)
            actor_plan_capacity(world->actors[i], world->starts_at + random_between(&world->random, 0, phase));
}

static void begin_quiet(struct world *world)
{
    if (town_has(&world->town, TOWN_EMERGENCY))
        actor_plan_emergency(world->actors[town_operator(&world->town)], world->now + HOUR, false);
    world->quiet = true;
    world->daemon->faults = (struct store_memory_faults){0};
    world->daemon->crash_after = -1;
    world->trouble.reordering = false;
    for (int i = 0; i < world->town.parties_count; i++) {
        actor_hurry(world->actors[i]);
        actor_plan_capacity(world->actors[i], world->now);
        for (int door = 0; door < actor_doors(world->actors[i]); door++)
            plan(world, (struct planned){.at = world->now + 20 * MINUTE, .kind = CONNECT, .party = i, .door = door});
    }
}

static void settle(struct world *world)
{
    for (int hours = 0; hours < SETTLE_DAYS * 24 && !auditor_settled(world->auditor); hours++)
        run_until(world, world->now + HOUR);
}

static bool is_idle(const struct world *world)
{
    for (int i = 0; i < world->town.parties_count; i++)
        if (!actor_is_idle(world->actors[i]))
            return false;
    return true;
}

/* All that anybody wanted to say is said and answered, and what came of it has come to its end. */
static void hear_all(struct world *world)
{
    settle(world);
    for (int hours = 0; hours < SETTLE_DAYS * 24 && !is_idle(world); hours++)
        run_until(world, world->now + HOUR);
    settle(world);
}

static void run_phases(struct world *world)
{
    run_until(world, world->quiet_at);
    begin_quiet(world);
    run_until(world, world->now + HOUR);
    hear_all(world);
    for (int i = 0; i < world->town.parties_count; i++) {
        actor_repeat_submits(world->actors[i]);
        world_wake(world, i, world->now);
    }
    actor_ask_unmet(world->actors[town_operator(&world->town)]);
    int64_t sequence = 0;
    const char *hash = NULL;
    if (auditor_first_head(world->auditor, &sequence, &hash))
        actor_ask_check(world->actors[town_operator(&world->town)], sequence, hash);
    run_until(world, world->now + HOUR);
    hear_all(world);
    auditor_finish(world->auditor, world->now);
}

/* The postcodes that every town knows, as a file in memory. */
static int write_postcodes(void)
{
    int descriptor = memfd_create("postcodes", 0);
    FILE *file = fdopen(dup(descriptor), "w");

    assert(file);
    fputs("postcode,easting,northing,msoa21_code,imd2025_decile\n", file);
    for (int i = 0; i < TOWN_POSTCODES; i++) {
        struct town_postcode postcode = town_postcode_at(i);
        fprintf(file, "%s,%d,%d,%s,%d\n", postcode.text, (int)postcode.easting, (int)postcode.northing, postcode.area,
                postcode.decile);
    }
    fclose(file);
    return descriptor;
}

static void import_places(struct world *world)
{
    static int descriptor;
    char path[40];
    char why[200] = "";

    if (!descriptor)
        descriptor = write_postcodes();
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (postcodes_import(world->daemon->store, path, "drawn", NULL, why, sizeof why) != TOWN_POSTCODES)
        auditor_object(world->auditor, world->now, why);
}

static void world_open(struct world *world, const struct world_choice *choice)
{
    world->random.state = choice->seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
    world->starts_at = PEOPLE_AUTHORED_MS + 20 * DAY + random_between(&world->random, 0, DAY);
    world->now = world->starts_at;
    world->quiet_at = world->starts_at + random_between(&world->random, DAY, 6 * DAY);
    if (choice->hours && world->quiet_at > world->starts_at + (int64_t)choice->hours * HOUR)
        world->quiet_at = world->starts_at + (int64_t)choice->hours * HOUR;
    town_draw(&world->town, &world->random, world->starts_at / DAY, choice->features_left_out);
    world->towns = calloc(1, sizeof world->towns[0]);
    assert(world->towns);
    world->towns[world->towns_count++] = (struct wanted_town){.town = world->town, .wanted = true};
    draw_trouble(world);
    world->trouble.left_out = choice->mishaps_left_out;
    unsigned referrals = draw_size(world, choice);
    world->auditor = auditor_open(&world->town, WINDOW);
    world->events = calloc(1, sizeof *world->events);
    world->daemon = calloc(1, sizeof *world->daemon);
    assert(world->events && world->daemon);
    world->daemon->crash_after = -1;
    world->daemon->store = store_memory_open(&world->daemon->faults);
    world->daemon->decoder = decoder_open();
    world->daemon->requests = calloc(BATCH_MAX, sizeof world->daemon->requests[0]);
    world->daemon->questions = calloc(BATCH_MAX, sizeof world->daemon->questions[0]);
    world->daemon->messages = calloc(BATCH_MAX, sizeof world->daemon->messages[0]);
    assert(world->daemon->decoder && world->daemon->requests && world->daemon->questions && world->daemon->messages);
    if (town_has(&world->town, TOWN_PLACES))
        import_places(world);
    power_on(world);
    plan_work(world, referrals);
    plan(world, (struct planned){.at = world->now + world->trouble.fault_every_ms, .kind = MISFORTUNE});
}

static void world_close(struct world *world)
{
    struct daemon *daemon = world->daemon;

    for (int i = 0; i < world->town.parties_count; i++)
        actor_close(&world->actors[i]);
    for (int i = 0; i < daemon->inbox_count; i++)
        free(daemon->inbox[i].frame);
    study_close(&daemon->study);
    reader_close(&daemon->reader);
    turn_close(&daemon->turn);
    shelf_close(&daemon->shelf);
    seal_close(&daemon->seal);
    store_close(&daemon->store);
    decoder_close(&daemon->decoder);
    outbox_free(&daemon->outbox);
    free(daemon->requests);
    free(daemon->questions);
    free(daemon->messages);
    free(daemon);
    agenda_clear(&world->events->agenda);
    free(world->events->links);
    free(world->events);
    auditor_close(&world->auditor);
    free(world->towns);
    free(world->known);
}

void world_run(const struct world_choice *choice, enum trace trace, struct world_result *result)
{
    struct world *world = calloc(1, sizeof *world);

    assert(world);
    world->trace = trace;
    world_open(world, choice);
    run_phases(world);
    *result = (struct world_result){.referrals = auditor_referrals(world->auditor),
                                    .messages = auditor_messages(world->auditor),
                                    .faults = world->daemon->mishaps,
                                    .crashes = world->daemon->crashes,
                                    .digest = world->digest};
    if (auditor_violation(world->auditor))
        snprintf(result->violation, sizeof result->violation, "%s", auditor_violation(world->auditor));
    if (trace == TRACE_LAST)
        print_last_lines(world);
    world_close(world);
    free(world);
}

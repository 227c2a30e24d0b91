/* SPDX-License-Identifier: MIT
 * operators_part: how fast the command-line programs answer while very many wait, and what operators who look at all of
 * them take from the senders. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/codec.h"
#include "tests/bench/beside.h"
#include "tests/bench/compare.h"
#include "tests/bench/figures.h"
#include "tests/bench/parts.h"
#include "tests/bench/peek.h"
#include "tests/bench/sheet.h"

#define WORDS_MAX 6
#define COMMANDS_MAX 50
#define PAGE 1000
#define LIST_KIND 2 /* of a request id */
#define SCREEN 100
#define TICKS_PER_SECOND 10
#define LONGER 2 /* are the rounds than elsewhere: about a second */

/* ---- commands ---- */

/* ID: of a referral that waits. */
static const struct command {
    const char *program;
    const char *words[WORDS_MAX];
} commands[] = {
    {"referralctl", {"status"}},
    {"referralctl", {"list"}},
    {"referralctl", {"list", "--attention"}},
    {"referralctl", {"show", "ID"}},
    {"referralctl", {"history", "ID"}},
    {"referralctl", {"explain", "ID"}},
    {"referralctl", {"hub", "list"}},
    {"referralctl", {"mailbox", "list"}},
    {"referralctl", {"routing", "versions"}},
    {"referral", {"list"}},
    {"referral", {"show", "ID"}},
    {"referral", {"history", "ID"}},
    {"referral", {"explain", "ID"}},
    {"referral", {"ping"}},
};

static void write_public_key(const struct rig *rig)
{
    char path[160];

    snprintf(path, sizeof path, "%s/server.pub", rig->directory);
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "public_key = \"%s\";\n", rig->server.public_key) < 0 || fclose(file) != 0)
        rig_fail(path);
}

static void use_rig(const struct rig *rig)
{
    char key[160], server[160];

    snprintf(key, sizeof key, "%s/sender.key", rig->directory);
    snprintf(server, sizeof server, "%s/server.pub", rig->directory);
    setenv("HOME", rig->directory, 1); /* no settings of who runs the bench */
    unsetenv("REFERRAL_CONFIG");
    unsetenv("XDG_CONFIG_HOME");
    setenv("REFERRAL_ENDPOINT", rig->endpoint, 1);
    setenv("REFERRAL_KEY_FILE", key, 1);
    setenv("REFERRAL_SERVER_KEY", server, 1);
    setenv("REFERRALCTL_SOCKET", rig->operators, 1);
}

/* In the child. */
static void be_command(const struct rig *rig, const struct command *command)
{
    char path[512], id[sizeof rig->referral_id];
    char *words[WORDS_MAX + 2] = {path};
    int nowhere = open("/dev/null", O_WRONLY);

    snprintf(path, sizeof path, "%s/%s", CLIENTS, command->program);
    strcpy(id, rig->referral_id);
    for (size_t i = 0; i < WORDS_MAX && command->words[i]; i++)
        words[i + 1] = strcmp(command->words[i], "ID") == 0 ? id : strdup(command->words[i]);
    use_rig(rig);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0 || dup2(nowhere, STDERR_FILENO) < 0)
        _exit(1);
    execv(path, words);
    _exit(127);
}

static double time_command(const struct rig *rig, const struct command *command)
{
    int status;
    double from = rig_now_us();
    pid_t pid = rig_fork();

    if (pid == 0)
        be_command(rig, command);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        rig_fail(command->words[0]);
    return (rig_now_us() - from) / 1e3;
}

static void print_commands(const struct bench *bench, const struct rig *rig)
{
    static const struct column columns[] = {{"median ms", 1}, {"most ms", 1}};
    double slowest = 0;
    char title[80];

    snprintf(title, sizeof title, "From the start of a program until its end, while %u wait", bench->sizes.waiting);
    sheet_table("commands", title, "command", columns, 2);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        double times[COMMANDS_MAX];
        char label[64];
        for (unsigned k = 0; k < bench->sizes.commands; k++)
            times[k] = time_command(rig, &commands[i]);
        double middle = median(times, bench->sizes.commands);
        snprintf(label, sizeof label, "%s %s%s%s", commands[i].program, commands[i].words[0],
                 commands[i].words[1] ? " " : "", commands[i].words[1] ? commands[i].words[1] : "");
        sheet_row(label, (double[]){middle, times[bench->sizes.commands - 1]});
        slowest = larger(slowest, middle);
    }
    sheet_goal(GOAL_COMMANDS, slowest);
}

/* ---- queries beside the load ---- */

struct looking {
    bool without_end;
    uint64_t rows, reports;
};

/* Asks, and reads all that is answered; the id of the next page comes back in `next`. */
static void ask(void *socket, struct message *request, struct looking *looking, char next[64])
{
    static unsigned asked;
    uint8_t frame[1024], id[UUID_BYTES];
    struct peek answer = {.type = MESSAGE_NONE};
    zmq_msg_t came;

    peek_make_id(id, asked++, LIST_KIND);
    message_set_uuid(request, FIELD_request_id, id);
    zmq_send(socket, frame, encode(request, frame, sizeof frame), 0);
    next[0] = '\0';
    zmq_msg_init(&came);
    while (answer.type != MESSAGE_end && answer.type != MESSAGE_totals && answer.type != MESSAGE_refused &&
           zmq_msg_recv(&came, socket, 0) >= 0 && peek(zmq_msg_data(&came), zmq_msg_size(&came), &answer))
        looking->rows += answer.type == MESSAGE_referral;
    if (answer.type == MESSAGE_end)
        snprintf(next, 64, "%.*s", (int)answer.next.length, answer.next.length ? answer.next.bytes : "");
    zmq_msg_close(&came);
}

static void ask_page(void *socket, struct looking *looking, unsigned limit, char from[64])
{
    struct message request;
    char last[64];

    message_init(&request, MESSAGE_list);
    struct value *state = message_set_list(&request, FIELD_states, 1);
    state->present = true;
    state->number = STATE_RECEIVED;
    message_set_number(&request, FIELD_limit, limit);
    memcpy(last, from, sizeof last);
    if (last[0])
        message_set_string(&request, FIELD_from, last);
    ask(socket, &request, looking, from);
}

static void ask_reports(void *socket, struct looking *looking)
{
    static const enum message_type reports[] = {MESSAGE_overview, MESSAGE_unmet, MESSAGE_equity};
    struct message request;
    char next[64];

    for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
        message_init(&request, reports[i]);
        ask(socket, &request, looking, next);
        looking->reports++;
    }
}

/* Every tenth of a second the first page of a screen and one of the whole list, and once a second the reports. */
static void ask_at_a_pace(void *socket, struct looking *looking, unsigned tick, char from[64])
{
    char screen[64] = "";

    if (tick % TICKS_PER_SECOND == 0)
        ask_reports(socket, looking);
    ask_page(socket, looking, SCREEN, screen);
    ask_page(socket, looking, PAGE, from);
}

/* The reports come first: many a list does not end before the round does. */
static void ask_on(void *socket, struct looking *looking, char from[64])
{
    if (!from[0])
        ask_reports(socket, looking);
    ask_page(socket, looking, PAGE, from);
}

static void be_operator(struct rig *rig, void *counts)
{
    struct looking *looking = counts;
    char endpoint[160], from[64] = "";
    double began = rig_now_us();

    void *context = zmq_ctx_new();
    void *socket = zmq_socket(context, ZMQ_DEALER);
    snprintf(endpoint, sizeof endpoint, "ipc://%s", rig->operators);
    if (zmq_connect(socket, endpoint) != 0)
        rig_fail(endpoint);
    for (unsigned tick = 0; !beside_is_over(); tick++) {
        if (looking->without_end) {
            ask_on(socket, looking, from);
            continue;
        }
        ask_at_a_pace(socket, looking, tick, from);
        double rest_us = began + (tick + 1) * 1e6 / TICKS_PER_SECOND - rig_now_us();
        if (rest_us > 0)
            usleep((useconds_t)rest_us);
    }
}

enum asking { ALONE, AT_A_PACE, WITHOUT_END, ASKINGS };

struct besides {
    double per_second[ROUNDS_MAX], turn_us[ROUNDS_MAX], turn_wait_us[ROUNDS_MAX], daemon_us[ROUNDS_MAX];
    double rows[ROUNDS_MAX], reports[ROUNDS_MAX];
};

static void run_beside(const struct bench *bench, struct crowd *crowd, enum asking asking, unsigned round,
                       struct besides *figures)
{
    const struct load load = {.outstanding = 1024, .referrals = LONGER * bench->sizes.of_round};
    struct looking looking = {.without_end = asking == WITHOUT_END};
    struct beside beside = {0};
    double from = rig_now_us();

    if (asking != ALONE)
        beside = beside_start(crowd->rig, be_operator, &looking, sizeof looking);
    struct load_result result = load_run(crowd, &load);
    if (asking != ALONE)
        beside_stop(&beside, &looking, sizeof looking);
    if (asking == WITHOUT_END && looking.rows == 0)
        rig_fail("the operator sees nobody wait");
    double seconds = (rig_now_us() - from) / 1e6;
    figures->per_second[round] = result.per_second;
    figures->turn_us[round] = result.turn_us;
    figures->turn_wait_us[round] = result.turn_wait_us;
    figures->daemon_us[round] = result.daemon_us;
    figures->rows[round] = (double)looking.rows / seconds;
    figures->reports[round] = (double)looking.reports / seconds;
}

static void print_beside(const struct bench *bench, struct crowd *crowd)
{
    static const char *const labels[ASKINGS] = {"nobody asks", "ten screens, three reports, ten pages a second",
                                                "lists and reports without end"};
    static const struct column columns[] = {{"referrals/s", 0},   {"% of first", 0},    {"daemon us", 1},
                                            {"of it turn us", 1}, {"turn waits us", 1}, {"rows/s", 0},
                                            {"reports/s", 1}};
    static struct besides figures[ASKINGS];
    const unsigned rounds = bench->sizes.rounds;
    double rates[ASKINGS];

    for (unsigned round = 0; round < rounds; round++)
        for (enum asking asking = ALONE; asking < ASKINGS; asking++)
            run_beside(bench, crowd, asking, round, &figures[asking]);
    sheet_table("queries", "The main job at 1,024 outstanding beside operators who look at all who wait", "operators",
                columns, 7);
    for (enum asking asking = ALONE; asking < ASKINGS; asking++) {
        struct besides *row = &figures[asking];
        rates[asking] = median(row->per_second, rounds);
        sheet_row(labels[asking],
                  (double[]){rates[asking], 100 * rates[asking] / rates[ALONE], median(row->daemon_us, rounds),
                             median(row->turn_us, rounds), median(row->turn_wait_us, rounds), median(row->rows, rounds),
                             median(row->reports, rounds)});
    }
    sheet_goal(GOAL_QUERIES, fall(rates[ALONE], rates[AT_A_PACE]));
}

void operators_part(const struct bench *bench)
{
    const struct sizes *sizes = &bench->sizes;
    const struct rig_options options = {.daemon = bench->daemon,
                                        .referrals =
                                            2 * sizes->waiting + 3 * LONGER * (uint64_t)sizes->rounds * sizes->of_round,
                                        .counselling_is_scarce = true};
    const struct load waiting = {.outstanding = 1024, .referrals = sizes->waiting * 5 / 4, .waiting = true};
    struct rig *rig = rig_start(&options);
    struct crowd crowd;

    crowd_open(&crowd, rig, 1);
    load_run(&crowd, &waiting);
    if (rig_totals(rig).waiting < sizes->waiting)
        rig_fail("not enough of them wait");
    write_public_key(rig);
    print_commands(bench, rig);
    print_beside(bench, &crowd);
    crowd_close(&crowd);
    rig_stop(&rig);
}

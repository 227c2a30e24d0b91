/* SPDX-License-Identifier: MIT
 * hub_exec: one child at a time, watched by poll: its input, its two outputs, its end, and the time limit. */
#include "clients/hub_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "clients/text.h"
#include "proto/check.h"

#define SERVICES_BYTES (8 * (ID_BYTES_MAX + 1))
#define STATUS_TIME_LIMIT (-1)
#define STATUS_NOT_RUN (-2)
#define GRACE_MS 2000 /* from SIGTERM to SIGKILL */

/* What a status answers to an offer or an enquiry; to other pushes nothing can be answered by a status. */
static const struct {
    int status;
    enum message_type push;
    enum message_type answer;
    enum field field;
    const char *code;
    const char *note; /* when the tool gives none; NULL: the code needs none */
} exit_answers[] = {
    {EX_UNAVAILABLE, MESSAGE_offer, MESSAGE_reject, FIELD_status_reason, "22", NULL},
    {EX_NOPERM, MESSAGE_offer, MESSAGE_reject, FIELD_status_reason, "40", NULL},
    {EX_DATAERR, MESSAGE_offer, MESSAGE_reject, FIELD_status_reason, "99",
     "the hub's system could not read the referral"},
    {EX_NOUSER, MESSAGE_enquiry, MESSAGE_answer_enquiry, FIELD_known, "not-known", NULL},
};

struct child {
    pid_t pid;
    int end;   /* pidfd */
    int input; /* socket: a pipe would raise SIGPIPE in this program */
    int output;
    int words;
    const char *json;
    size_t json_left;
    size_t words_length;
};

static int64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void set_number(const char *name, int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    setenv(name, text, 1);
}

/* The services that an offer takes a place of, the first one first. */
static void set_services(const struct message *push)
{
    char services[SERVICES_BYTES];
    enum field field = message_has(push, FIELD_service_ids) ? FIELD_service_ids : FIELD_service_id;

    text_write(push, field, services, sizeof services);
    setenv("REFERRAL_SERVICES", services, 1);
}

static void set_environment(const struct message *push, int try_number)
{
    char referral[REFERRAL_ID_BYTES_MAX];

    referral_id_format(push_subject(push), referral);
    setenv("REFERRAL_ID", referral, 1);
    setenv("REFERRAL_TYPE", message_spec(push->type)->name, 1);
    setenv("REFERRAL_PRIORITY", code_text(LIST_priority, (int)message_number(push, FIELD_priority)), 1);
    set_number("REFERRAL_OFFER", message_number(push, FIELD_offer_number));
    set_number("REFERRAL_TRY", try_number);
    set_services(push);
    setenv("REFERRAL_ASK_FIRST", message_number(push, FIELD_ask_first) ? "true" : "", 1);
}

static void become_command(const char *command, int input, int output, int words)
{
    sigset_t none;

    setpgid(0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(words, 2) < 0)
        _exit(EX_OSERR);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(EX_OSERR);
}

static void close_one(int *file)
{
    if (*file >= 0)
        close(*file);
    *file = -1;
}

/* The three channels, [0] ours, [1] the child's. */
static bool make_channels(int channels[3][2])
{
    for (int i = 0; i < 3; i++)
        channels[i][0] = channels[i][1] = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels[0]))
        return false;
    for (int i = 1; i < 3; i++)
        if (pipe2(channels[i], O_CLOEXEC))
            return false;
    for (int i = 0; i < 3; i++)
        if (fcntl(channels[i][0], F_SETFL, O_NONBLOCK))
            return false;
    return true;
}

static bool start_child(struct child *child, const char *command, const struct message *push, int try_number)
{
    int channels[3][2];
    bool ok = make_channels(channels);

    set_environment(push, try_number); /* before fork: other threads may hold locks that the child cannot open */
    child->pid = ok ? fork() : -1;
    if (child->pid == 0)
        become_command(command, channels[0][1], channels[1][1], channels[2][1]);
    if (child->pid > 0) {
        setpgid(child->pid, child->pid); /* in both, so that it is done whoever comes first */
        child->end = (int)syscall(SYS_pidfd_open, child->pid, 0);
    }
    for (int i = 0; i < 3; i++) {
        close_one(&channels[i][1]);
        if (child->pid <= 0)
            close_one(&channels[i][0]);
    }
    child->input = channels[0][0];
    child->output = channels[1][0];
    child->words = channels[2][0];
    return child->pid > 0;
}

static void write_input(struct child *child)
{
    ssize_t sent = send(child->input, child->json, child->json_left, MSG_NOSIGNAL);

    if (sent > 0) {
        child->json += sent;
        child->json_left -= (size_t)sent;
    }
    /* A command that does not read its input is not wrong: the exit status alone tells. */
    if (child->json_left == 0 || (sent < 0 && errno != EAGAIN && errno != EINTR))
        close_one(&child->input);
}

/* Takes what fits into the buffer and drops the rest. */
static void read_into(int *file, char *buffer, size_t size, size_t *length)
{
    char scratch[4096];
    ssize_t got;

    while ((got = read(*file, scratch, sizeof scratch)) > 0) {
        size_t room = size - 1 - *length;
        size_t taken = (size_t)got < room ? (size_t)got : room;
        memcpy(buffer + *length, scratch, taken);
        *length += taken;
        buffer[*length] = '\0';
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        close_one(file);
}

static void read_outputs(struct child *child, struct exec_result *result)
{
    if (child->output >= 0)
        read_into(&child->output, result->output, sizeof result->output, &result->output_length);
    if (child->words >= 0)
        read_into(&child->words, result->words, sizeof result->words, &child->words_length);
}

/* Until the child has ended; false: the deadline came first. */
static bool attend_child(struct child *child, struct exec_result *result, int64_t deadline)
{
    for (;;) {
        struct pollfd files[] = {
            {child->end, POLLIN, 0}, {child->output, POLLIN, 0}, {child->words, POLLIN, 0}, {child->input, POLLOUT, 0}};
        int64_t left = deadline - clock_ms();

        if (left <= 0)
            return false;
        if (poll(files, 4, (int)left) < 0 && errno != EINTR)
            return false;
        if (child->input >= 0 && files[3].revents)
            write_input(child);
        read_outputs(child, result);
        if (files[0].revents)
            return true;
    }
}

/* What stays has neither a line end nor half a character. */
static void cut_first_line(char *words)
{
    for (size_t length = strlen(words); length > 0; words[--length] = '\0') {
        struct text text = {words, (uint32_t)length};
        size_t characters;
        if (check_utf8(text, false, &characters))
            return;
    }
}

static int status_of(int waited)
{
    return WIFSIGNALED(waited) ? 128 + WTERMSIG(waited) : WEXITSTATUS(waited);
}

void exec_run(const char *command, const struct message *push, const char *json, size_t length, int try_number,
              int limit_ms, struct exec_result *result)
{
    struct child child = {.json = json, .json_left = length, .end = -1};
    bool ended;
    int waited = 0;

    memset(result, 0, sizeof *result);
    result->status = STATUS_NOT_RUN;
    if (!start_child(&child, command, push, try_number))
        return;
    ended = child.end >= 0 && attend_child(&child, result, clock_ms() + limit_ms);
    if (!ended) {
        kill(-child.pid, SIGTERM);
        if (child.end < 0 || !attend_child(&child, result, clock_ms() + GRACE_MS))
            kill(-child.pid, SIGKILL);
    }
    while (waitpid(child.pid, &waited, 0) < 0 && errno == EINTR)
        ;
    read_outputs(&child, result);
    close_one(&child.end);
    close_one(&child.input);
    close_one(&child.output);
    close_one(&child.words);
    result->status = ended ? status_of(waited) : STATUS_TIME_LIMIT;
    cut_first_line(result->words);
}

static enum verdict judge_stored(const struct message *push, struct exec_result *result, struct answer *answer)
{
    char why[ANSWER_WHY_BYTES];

    if (result->output[strspn(result->output, " \t\r\n")] == '\0')
        return VERDICT_STORED;
    if (answer_parse_about(result->output, strcspn(result->output, "\n"), push, answer, why))
        return VERDICT_ANSWER;
    snprintf(result->words, sizeof result->words, "its line on stdout: %s", why);
    return VERDICT_UNKNOWN;
}

enum verdict exec_judge(const struct message *push, struct exec_result *result, struct answer *answer)
{
    answer_clear(answer);
    if (result->status == EX_OK)
        return judge_stored(push, result, answer);
    if (result->status == EX_TEMPFAIL)
        return VERDICT_LATER;
    for (size_t i = 0; i < sizeof exit_answers / sizeof exit_answers[0]; i++) {
        bool is_meant = exit_answers[i].status == result->status && exit_answers[i].push == push->type;
        const char *note = result->words[0] ? result->words : exit_answers[i].note;

        if (!is_meant)
            continue;
        answer->type = exit_answers[i].answer;
        answer_set_text(answer, exit_answers[i].field, exit_answers[i].code);
        if (note)
            answer_set_text(answer, FIELD_note, note);
        if (push->type == MESSAGE_offer)
            answer_set_number(answer, FIELD_offer_number, message_number(push, FIELD_offer_number));
        answer_set_referral(answer, push->type == MESSAGE_offer ? FIELD_referral_id : FIELD_enquiry_id,
                            push_subject(push));
        answer_new_request_id(answer);
        return VERDICT_ANSWER;
    }
    return VERDICT_UNKNOWN;
}

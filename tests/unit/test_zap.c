/* SPDX-License-Identifier: MIT
 * Who may come in: the questions of libzmq, and others, put to the handler by hand. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/zap.h"

#define STRANGER_UID 3999999991u /* of nobody on this machine */
#define AUDITOR_UID 3999999992u

static char directory[] = "/tmp/test-zap-XXXXXX";
static struct settings settings;
static void *context, *asker;
static struct zap *zap;
static uint8_t enrolled_key[32], other_key[32];
static char enrolled_text[KEY_TEXT_BYTES + 1];
static char user_id[256];
static char why[CONFIG_FAULT_BYTES];

static void make_key(uint8_t key[32], char text[KEY_TEXT_BYTES + 1])
{
    char secret[KEY_TEXT_BYTES + 1];

    cr_assert_eq(zmq_curve_keypair(text, secret), 0);
    zmq_z85_decode(key, text);
}

static void prepare(void)
{
    char path[128], other_text[KEY_TEXT_BYTES + 1];
    FILE *file;

    cr_assert(mkdtemp(directory));
    make_key(enrolled_key, enrolled_text);
    make_key(other_key, other_text);
    snprintf(path, sizeof path, "%s/hub.pub", directory);
    file = fopen(path, "w");
    fprintf(file, "party = \"four-greens\"; role = \"hub\"; public_key = \"%s\";\n", enrolled_text);
    fclose(file);
    snprintf(settings.enrolled, sizeof settings.enrolled, "%s", directory);
    snprintf(settings.operator_socket, sizeof settings.operator_socket, "%s/ops", directory);
    settings.staff[0] = (struct staff){AUDITOR_UID, ROLE_AUDITOR};
    settings.staff_count = 1;
    context = zmq_ctx_new();
}

static void changed(void *argument)
{
    (void)argument;
}

static void open_zap(void)
{
    int patience = 20000, linger = 0;

    prepare();
    zap = zap_open(context, &settings, changed, NULL, why, sizeof why);
    cr_assert(zap, "%s", why);
    asker = zmq_socket(context, ZMQ_REQ);
    zmq_setsockopt(asker, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(asker, ZMQ_LINGER, &linger, sizeof linger);
    cr_assert_eq(zmq_connect(asker, "inproc://zeromq.zap.01"), 0);
}

static void clean(void)
{
    char command[128];

    if (asker)
        zmq_close(asker);
    zap_close(&zap);
    zmq_ctx_term(context);
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_expect_eq(system(command), 0);
}

struct frame {
    const void *bytes;
    size_t length;
};
#define TEXT(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static int receive_number(void)
{
    char frame[256] = "";

    return zmq_recv(asker, frame, sizeof frame - 1, 0) < 0 ? -1 : atoi(frame);
}

/* The status of the answer; the user id stays in user_id. */
static int ask(const struct frame *frames, size_t count)
{
    int status, length;

    for (size_t i = 0; i < count; i++)
        zmq_send(asker, frames[i].bytes, frames[i].length, i + 1 < count ? ZMQ_SNDMORE : 0);
    cr_assert_eq(receive_number(), 1, "the version");
    receive_number(); /* the question's id */
    status = receive_number();
    receive_number(); /* words for the peer: none */
    length = zmq_recv(asker, user_id, sizeof user_id - 1, 0);
    cr_assert(length >= 0 && (status == 200 || length == 0), "who is refused is nobody");
    user_id[length] = '\0';
    cr_assert_eq(receive_number(), 0, "the last frame");
    return status;
}

static int ask_for_key(const char *version, const char *domain, const char *mechanism, const void *key, size_t length)
{
    const struct frame frames[] = {
        {version, strlen(version)},     TEXT("id"),   {domain, strlen(domain)}, TEXT("127.0.0.1"), TEXT(""),
        {mechanism, strlen(mechanism)}, {key, length}};

    return ask(frames, 7);
}

static int ask_for_user(const char *mechanism, const char *address)
{
    const struct frame frames[] = {TEXT("1.0"),
                                   TEXT("id"),
                                   TEXT(ZAP_DOMAIN_OPERATORS),
                                   {address, strlen(address)},
                                   TEXT(""),
                                   {mechanism, strlen(mechanism)}};

    return ask(frames, 6);
}

static int ask_for_uid(unsigned long uid)
{
    char address[64];

    snprintf(address, sizeof address, "localhost:%lu:7:4242", uid);
    return ask_for_user("NULL", address);
}

Test(zap, an_enrolled_key_comes_in_by_its_own_name_and_no_other_does, .init = open_zap, .fini = clean)
{
    struct principal principal;

    cr_expect_eq(ask_for_key("1.0", ZAP_DOMAIN_PARTIES, "CURVE", enrolled_key, 32), 200);
    cr_expect_str_eq(user_id, enrolled_text);
    cr_assert(zap_find(zap, user_id, &principal));
    cr_expect_str_eq(principal.party, "four-greens");
    cr_expect_eq(ask_for_key("1.0", ZAP_DOMAIN_PARTIES, "CURVE", other_key, 32), 400);
}

Test(zap, a_question_that_is_not_of_the_book_lets_nobody_in, .init = open_zap, .fini = clean)
{
    static const char too_long[300];
    const struct frame many[] = {TEXT("1.0"),        TEXT("id"), TEXT(ZAP_DOMAIN_PARTIES),
                                 TEXT(""),           TEXT(""),   TEXT("CURVE"),
                                 {enrolled_key, 32}, TEXT(""),   TEXT("")};
    const struct frame long_address[] = {TEXT("1.0"), TEXT("id"),    TEXT(ZAP_DOMAIN_PARTIES), {too_long, 300},
                                         TEXT(""),    TEXT("CURVE"), {enrolled_key, 32}};

    cr_expect_eq(ask_for_key("2.0", ZAP_DOMAIN_PARTIES, "CURVE", enrolled_key, 32), 400);
    cr_expect_eq(ask_for_key("1.0", "", "CURVE", enrolled_key, 32), 400);
    cr_expect_eq(ask_for_key("1.0", "other", "CURVE", enrolled_key, 32), 400);
    cr_expect_eq(ask_for_key("1.0", ZAP_DOMAIN_OPERATORS, "CURVE", enrolled_key, 32), 400);
    cr_expect_eq(ask_for_key("1.0", ZAP_DOMAIN_PARTIES, "PLAIN", enrolled_key, 32), 400);
    cr_expect_eq(ask_for_key("1.0", ZAP_DOMAIN_PARTIES, "CURVE", enrolled_key, 31), 400);
    for (size_t count = 1; count <= 9; count++)
        if (count != 7)
            cr_expect_eq(ask(many, count), 400, "%zu frames", count);
    cr_expect_eq(ask(long_address, 7), 400);
    cr_expect_eq(ask_for_key("1.0", ZAP_DOMAIN_PARTIES, "CURVE", enrolled_key, 32), 200, "and then it goes on");
}

Test(zap, on_the_operators_socket_the_kernels_word_counts, .init = open_zap, .fini = clean)
{
    static const char *const refused[] = {"",
                                          "localhost",
                                          "localhost:",
                                          "localhost::0:1",
                                          "localhost:-1:0:1",
                                          "localhost:0x:0:1",
                                          "localhost:4294967295:0:1",
                                          "localhost:99999999999999999999:0:1",
                                          "127.0.0.1:0:0:1"};
    struct principal principal;

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_expect_eq(ask_for_user("NULL", refused[i]), 400, "%s", refused[i]);
    cr_expect_eq(ask_for_user("CURVE", "localhost:0:0:1"), 400);
    cr_expect_eq(ask_for_uid(0), 200);
    cr_assert(zap_find(zap, user_id, &principal));
    cr_expect_eq(principal.role, ROLE_OPERATOR);
    cr_expect_eq(ask_for_uid(geteuid()), 200);
    cr_expect_eq(ask_for_uid(AUDITOR_UID), 200, "whom the settings name");
    cr_assert(zap_find(zap, user_id, &principal));
    cr_expect_eq(principal.role, ROLE_AUDITOR);
    cr_expect_eq(ask_for_uid(STRANGER_UID), 400);
}

/* A user who is neither root nor this one; NULL: this machine has none. */
static const struct passwd *find_user(void)
{
    const struct passwd *user;

    setpwent();
    while ((user = getpwent()) && (user->pw_uid == 0 || user->pw_uid == geteuid() || user->pw_gid == getegid()))
        ;
    return user;
}

Test(zap, who_is_in_the_sockets_group_is_an_operator_and_who_is_not_stays_outside, .init = open_zap, .fini = clean)
{
    const struct passwd *user = find_user();

    if (!user)
        cr_skip_test("this machine has no other user");
    cr_expect_eq(ask_for_uid(user->pw_uid), 400, "without a socket there is no group");
    cr_assert_eq(mkdir(settings.operator_socket, 0700), 0);
    cr_expect_eq(ask_for_uid(user->pw_uid), 400);
    if (chown(settings.operator_socket, (uid_t)-1, user->pw_gid) != 0)
        cr_skip_test("only root may give a file to another group");
    cr_expect_eq(ask_for_uid(user->pw_uid), 200);
    cr_expect_eq(ask_for_uid(STRANGER_UID), 400);
}

Test(zap, a_name_that_it_never_gave_is_nobody, .init = open_zap, .fini = clean)
{
    static const char *const names[] = {"", "uid:", "uid:x", "uid", "root", "four-greens"};
    char stranger[KEY_TEXT_BYTES + 1];
    struct principal principal;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        cr_expect_not(zap_find(zap, names[i], &principal), "%s", names[i]);
    zmq_z85_encode(stranger, other_key, 32);
    cr_expect_not(zap_find(zap, stranger, &principal));
}

Test(zap, without_its_keys_or_its_place_it_does_not_open, .init = prepare, .fini = clean)
{
    strcat(settings.enrolled, "/nowhere");
    cr_expect_null(zap_open(context, &settings, changed, NULL, why, sizeof why));
    cr_expect(strstr(why, "nowhere"), "%s", why);
    strcpy(settings.enrolled, directory);
    zap = zap_open(context, &settings, changed, NULL, why, sizeof why);
    cr_assert(zap, "%s", why);
    cr_expect_null(zap_open(context, &settings, changed, NULL, why, sizeof why), "there can be one alone");
    cr_expect(strstr(why, "cannot bind"), "%s", why);
}

/* SPDX-License-Identifier: MIT
 * The server sockets: what keeps them shut, and the proof that a stranger stays outside. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/doors.h"
#include "daemon/io/zap.h"

static char directory[] = "/tmp/test-doors-XXXXXX";
static struct settings settings;
static struct key_pair keys;
static void *context, *door;
static struct zap *zap;
static char endpoint[ENDPOINT_BYTES];
static char why[1024];

static void changed(void *argument)
{
    (void)argument;
}

static void prepare(void)
{
    cr_assert(mkdtemp(directory));
    snprintf(settings.enrolled, sizeof settings.enrolled, "%s", directory);
    snprintf(settings.operator_socket, sizeof settings.operator_socket, "%s/ops", directory);
    snprintf(settings.secret_key, sizeof settings.secret_key, "%s/server.key", directory);
    zmq_curve_keypair(keys.public_key, keys.secret_key);
    context = zmq_ctx_new();
}

static void prepare_guarded(void)
{
    prepare();
    zap = zap_open(context, &settings, changed, NULL, why, sizeof why);
    cr_assert(zap, "%s", why);
}

static void clean(void)
{
    char command[128];

    if (door)
        zmq_close(door);
    zap_close(&zap);
    zmq_ctx_term(context);
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_expect_eq(system(command), 0);
}

static void expect_why(const char *part)
{
    cr_expect(strstr(why, part), "\"%s\" is not in: %s", part, why);
}

static bool open_parties(const char *listen)
{
    return doors_open_parties(context, listen, &keys, &door, endpoint, why, sizeof why);
}

static bool refuse_stranger(const char *at)
{
    return doors_refuse_stranger(context, at, keys.public_key, why, sizeof why);
}

static void write_keys(const char *public_key, const char *secret_key)
{
    FILE *file = fopen(settings.secret_key, "w");

    fprintf(file, "public_key = \"%s\";\nsecret_key = \"%s\";\n", public_key, secret_key);
    fclose(file);
    chmod(settings.secret_key, 0600);
}

Test(doors, halves_of_two_pairs_are_not_taken_for_a_key, .init = prepare, .fini = clean)
{
    struct key_pair other, loaded;

    zmq_curve_keypair(other.public_key, other.secret_key);
    write_keys(keys.public_key, other.secret_key);
    cr_expect_not(doors_load_keys(&settings, &loaded, why, sizeof why));
    expect_why("public_key does not belong to secret_key");
    expect_why(settings.secret_key);
    write_keys(other.public_key, other.secret_key);
    cr_expect(doors_load_keys(&settings, &loaded, why, sizeof why), "%s", why);
}

Test(doors, a_place_where_nobody_can_listen_is_told, .init = prepare_guarded, .fini = clean)
{
    static const char *const places[] = {"ipc:///tmp/no-door", "tcp://192.0.2.1:7400", "tcp://nonsense", ""};
    char taken[ENDPOINT_BYTES];
    void *first;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        cr_expect_not(open_parties(places[i]), "%s", places[i]);
        expect_why("cannot listen on");
        expect_why(places[i]);
        zmq_close(door);
    }
    cr_assert(open_parties("tcp://127.0.0.1:*"), "%s", why);
    strcpy(taken, endpoint);
    first = door;
    cr_expect_not(open_parties(taken));
    expect_why("is another daemon running there?");
    zmq_close(first);
}

Test(doors, a_key_that_is_none_opens_no_door, .init = prepare_guarded, .fini = clean)
{
    memset(keys.secret_key, ' ', KEY_TEXT_BYTES);
    cr_expect_not(open_parties("tcp://127.0.0.1:*"));
    expect_why("cannot prepare the parties' socket");
}

Test(doors, when_there_are_no_sockets_left_it_is_told, .init = prepare, .fini = clean)
{
    void *watch;

    zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 1);
    door = zmq_socket(context, ZMQ_PAIR);
    cr_expect_not(doors_watch(context, door, "test", &watch, why, sizeof why));
    expect_why("cannot watch the connections");
    cr_expect_null(watch);
    cr_expect_not(doors_open_operators(context, settings.operator_socket, &watch, why, sizeof why));
    expect_why("cannot prepare the operators' socket");
}

Test(doors, a_path_that_cannot_hold_the_operators_socket_is_told, .init = prepare_guarded, .fini = clean)
{
    char path[SETTINGS_PATH_BYTES];

    snprintf(path, sizeof path, "%s/%0100d", directory, 7);
    cr_expect_not(doors_open_operators(context, path, &door, why, sizeof why));
    expect_why("at most 107 bytes");
    zmq_close(door);
    snprintf(path, sizeof path, "%s/nowhere/ops", directory);
    cr_expect_not(doors_open_operators(context, path, &door, why, sizeof why));
    expect_why("cannot listen on");
    cr_expect_eq(doors_lock_operators(path, why, sizeof why), -1);
    expect_why("No such file or directory");
}

Test(doors, a_door_with_a_guard_refuses_a_stranger_also_where_it_listens_everywhere, .init = prepare_guarded,
     .fini = clean)
{
    char everywhere[ENDPOINT_BYTES];

    cr_assert(open_parties("tcp://127.0.0.1:*"), "%s", why);
    snprintf(everywhere, sizeof everywhere, "tcp://0.0.0.0:%s", strrchr(endpoint, ':') + 1);
    cr_expect(refuse_stranger(everywhere), "%s", why);
}

Test(doors, a_door_of_the_newer_internet_refuses_a_stranger_too, .init = prepare_guarded, .fini = clean)
{
    char everywhere[ENDPOINT_BYTES];

    if (!open_parties("tcp://[::1]:*"))
        cr_skip_test("this machine has no IPv6");
    snprintf(everywhere, sizeof everywhere, "tcp://[::]:%s", strrchr(endpoint, ':') + 1);
    cr_expect(refuse_stranger(everywhere), "%s", why);
}

static void listen_badly(bool is_curve)
{
    int on = 1;
    size_t size = sizeof endpoint;

    door = zmq_socket(context, ZMQ_ROUTER);
    if (is_curve) {
        zmq_setsockopt(door, ZMQ_CURVE_SERVER, &on, sizeof on);
        zmq_setsockopt(door, ZMQ_CURVE_SECRETKEY, keys.secret_key, KEY_TEXT_BYTES + 1);
    }
    cr_assert_eq(zmq_bind(door, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(door, ZMQ_LAST_ENDPOINT, endpoint, &size);
}

Test(doors, a_door_without_a_guard_is_found_out, .init = prepare, .fini = clean)
{
    listen_badly(true);
    cr_expect_not(refuse_stranger(endpoint));
    expect_why("was let in; not safe to serve");
}

Test(doors, a_door_without_encryption_is_found_out, .init = prepare, .fini = clean)
{
    listen_badly(false);
    cr_expect_not(refuse_stranger(endpoint));
    expect_why("was not refused as it should be; not safe to serve");
}

/* SPDX-License-Identifier: MIT
 * floors: three small loops. */
#include "tests/bench/floors.h"

#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/bench/rig.h"

enum { IN_BYTES = 1100, ACK_BYTES = 200, PUSH_BYTES = 600, MESSAGES = 100000, OUTSTANDING = 1024 };

struct curve {
    void *context;
    void *router;
    struct rig_keys server, client;
    char endpoint[64];
};

static void must(int good, const char *what)
{
    if (!good)
        rig_fail(what);
}

/* The bare server: for each message one short answer, and one longer message to the party that came second. */
static void *serve(void *argument)
{
    struct curve *curve = argument;
    char hub[256];
    char sender[256];
    char body[IN_BYTES];
    int hub_length = zmq_recv(curve->router, hub, sizeof hub, 0);

    zmq_recv(curve->router, body, sizeof body, 0);
    for (int i = 0; i < MESSAGES; i++) {
        int length = zmq_recv(curve->router, sender, sizeof sender, 0);
        zmq_recv(curve->router, body, sizeof body, 0);
        zmq_send(curve->router, sender, (size_t)length, ZMQ_SNDMORE);
        zmq_send(curve->router, body, ACK_BYTES, 0);
        zmq_send(curve->router, hub, (size_t)hub_length, ZMQ_SNDMORE);
        zmq_send(curve->router, body, PUSH_BYTES, 0);
    }
    return NULL;
}

static void *dealer(struct curve *curve)
{
    void *socket = zmq_socket(curve->context, ZMQ_DEALER);
    int zero = 0;

    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, curve->server.public_key, 41);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, curve->client.public_key, 41);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, curve->client.secret_key, 41);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    must(zmq_connect(socket, curve->endpoint) == 0, "connect");
    return socket;
}

static int drained(void *socket)
{
    char body[IN_BYTES];
    int count = 0;

    while (zmq_recv(socket, body, sizeof body, ZMQ_DONTWAIT) >= 0)
        count++;
    return count;
}

static double drive(void *sender, void *hub)
{
    char body[IN_BYTES] = {1};
    int sent = 0;
    int acked = 0;
    int pushed = 0;
    double from = rig_now_us();

    while (acked < MESSAGES || pushed < MESSAGES) {
        while (sent < MESSAGES && sent - acked < OUTSTANDING) {
            zmq_send(sender, body, sizeof body, 0);
            sent++;
        }
        int more_acks = drained(sender);
        int more_pushes = drained(hub);
        acked += more_acks;
        pushed += more_pushes;
        if (!more_acks && !more_pushes) {
            zmq_pollitem_t items[] = {{.socket = sender, .events = ZMQ_POLLIN}, {.socket = hub, .events = ZMQ_POLLIN}};
            must(zmq_poll(items, 2, 20000) > 0, "bare CURVE loop");
        }
    }
    return MESSAGES / ((rig_now_us() - from) / 1e6);
}

static double curve_floor(void)
{
    struct curve curve = {.context = zmq_ctx_new()};
    size_t length = sizeof curve.endpoint;
    pthread_t thread;
    int zero = 0;
    int one = 1;

    must(zmq_curve_keypair(curve.server.public_key, curve.server.secret_key) == 0 &&
             zmq_curve_keypair(curve.client.public_key, curve.client.secret_key) == 0,
         "keys");
    curve.router = zmq_socket(curve.context, ZMQ_ROUTER);
    zmq_setsockopt(curve.router, ZMQ_CURVE_SERVER, &one, sizeof one);
    zmq_setsockopt(curve.router, ZMQ_CURVE_SECRETKEY, curve.server.secret_key, 41);
    zmq_setsockopt(curve.router, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(curve.router, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(curve.router, ZMQ_LINGER, &zero, sizeof zero);
    must(zmq_bind(curve.router, "tcp://127.0.0.1:*") == 0, "bind");
    zmq_getsockopt(curve.router, ZMQ_LAST_ENDPOINT, curve.endpoint, &length);
    must(pthread_create(&thread, NULL, serve, &curve) == 0, "thread");
    void *hub = dealer(&curve);
    zmq_send(hub, "hub", 3, 0);
    void *sender = dealer(&curve);
    /* The hub's message must come first: it tells where pushes go. */
    usleep(200000);
    double rate = drive(sender, hub);
    pthread_join(thread, NULL);
    zmq_close(sender);
    zmq_close(hub);
    zmq_close(curve.router);
    zmq_ctx_term(curve.context);
    return rate;
}

static void append(MDB_txn *txn, MDB_dbi dbi, uint64_t number, size_t length)
{
    static char bytes[2048];
    uint64_t big = __builtin_bswap64(number);
    MDB_val key = {sizeof big, &big};
    MDB_val value = {length, bytes};

    must(mdb_put(txn, dbi, &key, &value, MDB_APPEND) == 0, "mdb_put");
}

static double lmdb_floor(const char *directory, int batch)
{
    static const char *const names[] = {"content", "referral", "history"};
    static const size_t bytes[] = {IN_BYTES + 112, 250, 240};
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi[3];
    uint64_t number = 0;

    must(mkdir(directory, 0700) == 0, directory);
    must(mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 3) == 0 &&
             mdb_env_set_mapsize(env, (size_t)2 << 30) == 0 && mdb_env_open(env, directory, 0, 0600) == 0,
         "mdb_env_open");
    must(mdb_txn_begin(env, NULL, 0, &txn) == 0, "mdb_txn_begin");
    for (int i = 0; i < 3; i++)
        must(mdb_dbi_open(txn, names[i], MDB_CREATE, &dbi[i]) == 0, "mdb_dbi_open");
    must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
    double from = rig_now_us();
    while (number < 100000) {
        must(mdb_txn_begin(env, NULL, 0, &txn) == 0, "mdb_txn_begin");
        for (int i = 0; i < batch; i++) {
            number++;
            for (int table = 0; table < 3; table++)
                append(txn, dbi[table], number, bytes[table]);
        }
        must(mdb_txn_commit(txn) == 0, "mdb_txn_commit");
    }
    double rate = (double)number / ((rig_now_us() - from) / 1e6);
    mdb_env_close(env);
    return rate;
}

static double sync_floor(const char *directory)
{
    char path[128];
    char page[4096] = {1};

    snprintf(path, sizeof path, "%s/sync", directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    must(fd >= 0, path);
    double from = rig_now_us();
    for (int i = 0; i < 1000; i++)
        must(write(fd, page, sizeof page) == (ssize_t)sizeof page && fdatasync(fd) == 0, "fdatasync");
    double rate = 1000 / ((rig_now_us() - from) / 1e6);
    close(fd);
    return rate;
}

static void remove_all(const char *directory)
{
    static const char *const names[] = {"sync", "a/data.mdb", "a/lock.mdb", "a", "b/data.mdb", "b/lock.mdb", "b", "."};
    char path[128];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        remove(i + 1 < sizeof names / sizeof names[0] ? path : directory);
    }
}

struct floors floors_measure(void)
{
    char directory[] = "/tmp/referrald-floor-XXXXXX";
    char path[64];
    struct floors floors;

    must(mkdtemp(directory) != NULL, directory);
    floors.curve_per_second = curve_floor();
    snprintf(path, sizeof path, "%s/a", directory);
    floors.lmdb_per_second_64 = lmdb_floor(path, 64);
    snprintf(path, sizeof path, "%s/b", directory);
    floors.lmdb_per_second_1024 = lmdb_floor(path, 1024);
    floors.syncs_per_second = sync_floor(directory);
    remove_all(directory);
    return floors;
}

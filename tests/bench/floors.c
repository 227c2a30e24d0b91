/* SPDX-License-Identifier: MIT
 * floors: four small loops. */
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

#include "tests/bench/figures.h"
#include "tests/bench/rig.h"

enum { BODY_BYTES_MAX = 4096, ACK_BYTES = 200, PUSH_BYTES = 600, OUTSTANDING = 1024, ALONE = 2000, SYNCS = 1000 };

struct curve {
    void *context, *of_clients; /* with an I/O thread each, as the daemon and its clients */
    void *router;
    struct rig_keys server, client;
    char endpoint[64];
    size_t submit_bytes;
    unsigned messages;
};

static void must(int good, const char *what)
{
    if (!good)
        rig_fail(what);
}

static size_t receive(struct curve *curve, char *from, size_t size, char body[BODY_BYTES_MAX])
{
    int length = zmq_recv(curve->router, from, size, 0);

    must(length > 0 && zmq_recv(curve->router, body, BODY_BYTES_MAX, 0) > 0, "bare CURVE receive");
    return (size_t)length;
}

/* The bare server: a short answer to each of the first messages; then to each a short answer, and one longer message to
 * the party that came first of all. */
static void *serve(void *argument)
{
    struct curve *curve = argument;
    char hub[256], sender[256];
    char body[BODY_BYTES_MAX];
    size_t hub_length = receive(curve, hub, sizeof hub, body);

    for (unsigned i = 0; i < ALONE + curve->messages; i++) {
        size_t length = receive(curve, sender, sizeof sender, body);
        zmq_send(curve->router, sender, length, ZMQ_SNDMORE);
        zmq_send(curve->router, body, ACK_BYTES, 0);
        if (i < ALONE)
            continue;
        zmq_send(curve->router, hub, hub_length, ZMQ_SNDMORE);
        zmq_send(curve->router, body, PUSH_BYTES, 0);
    }
    return NULL;
}

static void *dealer(struct curve *curve)
{
    void *socket = zmq_socket(curve->of_clients, ZMQ_DEALER);
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

static unsigned drained(void *socket)
{
    char body[BODY_BYTES_MAX];
    unsigned count = 0;

    while (zmq_recv(socket, body, sizeof body, ZMQ_DONTWAIT) >= 0)
        count++;
    return count;
}

static double echo(struct curve *curve, void *sender)
{
    static float times[ALONE];
    char body[BODY_BYTES_MAX] = {1};

    for (int i = 0; i < ALONE; i++) {
        double from = rig_now_us();
        zmq_send(sender, body, curve->submit_bytes, 0);
        must(zmq_recv(sender, body, sizeof body, 0) > 0, "bare CURVE echo");
        times[i] = (float)(rig_now_us() - from);
    }
    return percentile(times, ALONE, 0.5);
}

static double drive(struct curve *curve, void *sender, void *hub)
{
    char body[BODY_BYTES_MAX] = {1};
    unsigned sent = 0, acked = 0, pushed = 0;
    double from = rig_now_us();

    while (acked < curve->messages || pushed < curve->messages) {
        while (sent < curve->messages && sent - acked < OUTSTANDING) {
            zmq_send(sender, body, curve->submit_bytes, 0);
            sent++;
        }
        unsigned more_acks = drained(sender), more_pushes = drained(hub);
        acked += more_acks;
        pushed += more_pushes;
        if (!more_acks && !more_pushes) {
            zmq_pollitem_t items[] = {{.socket = sender, .events = ZMQ_POLLIN}, {.socket = hub, .events = ZMQ_POLLIN}};
            must(zmq_poll(items, 2, 20000) > 0, "bare CURVE loop");
        }
    }
    return curve->messages / ((rig_now_us() - from) / 1e6);
}

static void open_router(struct curve *curve)
{
    size_t length = sizeof curve->endpoint;
    int zero = 0;
    int one = 1;

    must(zmq_curve_keypair(curve->server.public_key, curve->server.secret_key) == 0 &&
             zmq_curve_keypair(curve->client.public_key, curve->client.secret_key) == 0,
         "keys");
    curve->router = zmq_socket(curve->context, ZMQ_ROUTER);
    zmq_setsockopt(curve->router, ZMQ_CURVE_SERVER, &one, sizeof one);
    zmq_setsockopt(curve->router, ZMQ_CURVE_SECRETKEY, curve->server.secret_key, 41);
    zmq_setsockopt(curve->router, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(curve->router, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(curve->router, ZMQ_LINGER, &zero, sizeof zero);
    must(zmq_bind(curve->router, "tcp://127.0.0.1:*") == 0, "bind");
    zmq_getsockopt(curve->router, ZMQ_LAST_ENDPOINT, curve->endpoint, &length);
}

static void measure_curve(struct floors *floors, size_t submit_bytes, unsigned messages)
{
    struct curve curve = {
        .context = zmq_ctx_new(), .of_clients = zmq_ctx_new(), .submit_bytes = submit_bytes, .messages = messages};
    pthread_t thread;

    open_router(&curve);
    must(pthread_create(&thread, NULL, serve, &curve) == 0, "thread");
    void *hub = dealer(&curve);
    zmq_send(hub, "hub", 3, 0);
    /* The hub's message must come first: it tells where pushes go. */
    usleep(200000);
    void *sender = dealer(&curve);
    floors->echo_p50_us = echo(&curve, sender);
    double cpu_us = rig_own_cpu_us();
    floors->curve_per_second = drive(&curve, sender, hub);
    floors->curve_cpu_us = (rig_own_cpu_us() - cpu_us) / messages;
    pthread_join(thread, NULL);
    zmq_close(sender);
    zmq_close(hub);
    zmq_close(curve.router);
    zmq_ctx_term(curve.of_clients);
    zmq_ctx_term(curve.context);
}

static void append(MDB_txn *txn, MDB_dbi dbi, uint64_t number, size_t length)
{
    static char bytes[BODY_BYTES_MAX + 112];
    uint64_t big = __builtin_bswap64(number);
    MDB_val key = {sizeof big, &big};
    MDB_val value = {length, bytes};

    must(mdb_put(txn, dbi, &key, &value, MDB_APPEND) == 0, "mdb_put");
}

static double lmdb_floor(const char *directory, size_t submit_bytes, unsigned messages, int batch)
{
    static const char *const names[] = {"content", "referral", "history"};
    const size_t bytes[] = {submit_bytes + 112, 250, 240};
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
    while (number < messages) {
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

static struct sync_floor measure_syncs(int file)
{
    static float times[SYNCS];
    char page[4096] = {1};
    double whole = 0;

    for (int i = 0; i < SYNCS; i++) {
        double from = rig_now_us();
        must(write(file, page, sizeof page) == (ssize_t)sizeof page && fdatasync(file) == 0, "fdatasync");
        times[i] = (float)(rig_now_us() - from);
        whole += (double)times[i];
    }
    return (struct sync_floor){percentile(times, SYNCS, 0.5), SYNCS / (whole / 1e6)};
}

static void measure_both_syncs(struct floors *floors, const char *directory)
{
    char path[128];

    snprintf(path, sizeof path, "%s/sync", directory);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    must(file >= 0, path);
    floors->append = measure_syncs(file);
    must(lseek(file, 0, SEEK_SET) == 0, path);
    floors->overwrite = measure_syncs(file);
    close(file);
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

struct floors floors_measure(size_t submit_bytes, unsigned messages)
{
    char directory[96];
    char path[128];
    struct floors floors;

    rig_make_directory(directory, sizeof directory);
    measure_curve(&floors, submit_bytes, messages);
    snprintf(path, sizeof path, "%s/a", directory);
    floors.lmdb_per_second_64 = lmdb_floor(path, submit_bytes, messages, 64);
    snprintf(path, sizeof path, "%s/b", directory);
    floors.lmdb_per_second_1024 = lmdb_floor(path, submit_bytes, messages, 1024);
    measure_both_syncs(&floors, directory);
    remove_all(directory);
    return floors;
}

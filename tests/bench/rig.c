/* SPDX-License-Identifier: MIT
 * rig: files, keys, a child process. */
#include "tests/bench/rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/codec.h"
#include "tests/bench/rig_network.h"

#define STORE_MIB 512UL /* and for each referral: */
#define STORE_BYTES 2500UL
#define DESCRIPTORS_OF_PARTY 2 /* in this process: libzmq's own and the connection's */
#define DESCRIPTORS_BESIDE 500
#define PATIENCE_MS 120000
#define LOG_BYTES 1000 /* that are shown when something goes wrong */

static struct rig *rigs; /* that run */

static void print_end_of_log(const struct rig *rig)
{
    char path[128];
    char line[512];

    snprintf(path, sizeof path, "%s/log", rig->directory);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    if (fseek(file, -LOG_BYTES, SEEK_END) == 0 && !fgets(line, sizeof line, file))
        line[0] = '\0'; /* the rest of some line */
    while (fgets(line, sizeof line, file))
        fputs(line, stderr);
    fclose(file);
}

void rig_fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    for (const struct rig *rig = rigs; rig; rig = rig->next)
        print_end_of_log(rig);
    exit(71);
}

static void write_file(const struct rig *rig, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", rig->directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        rig_fail(path);
}

static void write_keys(const struct rig *rig, const char *name, const struct rig_keys *keys)
{
    char text[256];

    snprintf(text, sizeof text, "public_key = \"%s\";\nsecret_key = \"%s\";\n", keys->public_key, keys->secret_key);
    write_file(rig, name, text);
}

static void new_keys(struct rig_keys *keys)
{
    if (zmq_curve_keypair(keys->public_key, keys->secret_key) != 0)
        rig_fail("zmq_curve_keypair");
}

static void enrol(struct rig *rig, const char *party, const char *role, struct rig_keys *keys)
{
    char name[80];
    char text[256];

    new_keys(keys);
    snprintf(name, sizeof name, "enrolled/%s.pub", party);
    snprintf(text, sizeof text, "party = \"%s\";\nrole = \"%s\";\npublic_key = \"%s\";\n", party, role,
             keys->public_key);
    write_file(rig, name, text);
}

/* The first one is whom the network file knows; clients find its key in sender.key. */
static void enrol_senders(struct rig *rig)
{
    char name[32];

    rig->senders_count = rig->options.senders ? rig->options.senders : 1;
    rig->senders = calloc(rig->senders_count, sizeof rig->senders[0]);
    if (!rig->senders)
        rig_fail("memory");
    enrol(rig, rig_network_sender(&rig->options), "sender", &rig->senders[0]);
    write_keys(rig, "sender.key", &rig->senders[0]);
    for (unsigned i = 1; i < rig->senders_count; i++) {
        snprintf(name, sizeof name, "sender-%u", i);
        enrol(rig, name, "sender", &rig->senders[i]);
    }
}

static void enrol_hubs(struct rig *rig)
{
    const char *hubs[RIG_HUBS_MAX];

    rig->hubs_count = rig_network_hubs(&rig->options, hubs);
    for (unsigned i = 0; i < rig->hubs_count; i++)
        enrol(rig, hubs[i], "hub", &rig->hubs[i]);
}

static void write_network(struct rig *rig)
{
    char path[256];

    snprintf(path, sizeof path, "%s/network.conf", rig->directory);
    FILE *file = fopen(path, "w");
    if (!file)
        rig_fail(path);
    rig_network_write(file, &rig->options);
    if (ferror(file) || fclose(file) != 0)
        rig_fail(path);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        rig_fail("free port");
    close(fd);
    return ntohs(address.sin_port);
}

static uint64_t store_mib(uint64_t referrals)
{
    return STORE_MIB + (referrals * STORE_BYTES >> 20);
}

static void write_settings(struct rig *rig)
{
    char text[2048 + PATH_MAX];
    char postcodes[PATH_MAX];

    if (!realpath("etc/data/postcodes_plymouth.csv", postcodes))
        rig_fail("etc/data/postcodes_plymouth.csv");
    snprintf(rig->endpoint, sizeof rig->endpoint, "tcp://127.0.0.1:%d", free_port());
    snprintf(rig->operators, sizeof rig->operators, "%s/operators.sock", rig->directory);
    snprintf(text, sizeof text,
             "listen = \"%s\";\noperator_socket = \"operators.sock\";\nstore = \"store\";\nstore_limit = \"%lluMiB\";\n"
             "network = \"network.conf\";\npostcodes = \"%s\";\npostcodes_edition = \"2025-11\";\n"
             "secret_key = \"server.key\";\nmaster_key = \"master.key\";\nenrolled = \"enrolled\";\n%s",
             rig->endpoint, (unsigned long long)store_mib(rig->options.referrals), postcodes,
             rig->options.limited ? ""
                                  : "window = 1024;\nin_flight = 4096;\nparty_in_flight = 4096;\nparty_rate = 0;\n");
    write_file(rig, "referrald.conf", text);
    new_keys(&rig->server);
    write_keys(rig, "server.key", &rig->server);
}

/* In the child. */
static void be_daemon(const struct rig *rig)
{
    char config[160], path[128];

    snprintf(config, sizeof config, "%s/referrald.conf", rig->directory);
    snprintf(path, sizeof path, "%s/log", rig->directory);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log < 0 || dup2(log, STDERR_FILENO) < 0)
        rig_fail(path);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (rig->options.slow_syncs)
        setenv("LD_PRELOAD", SLOW_SYNC, 1);
    execl(rig->options.daemon, rig->options.daemon, "--config", config, (char *)NULL);
    fprintf(stderr, "bench: %s: %s\n", rig->options.daemon, strerror(errno));
    _exit(127);
}

static void start_daemon(struct rig *rig)
{
    rig->pid = rig_fork();
    if (rig->pid < 0)
        rig_fail("fork");
    if (rig->pid == 0)
        be_daemon(rig);
}

static void stop_daemon(struct rig *rig)
{
    int status;

    kill(rig->pid, SIGTERM);
    if (waitpid(rig->pid, &status, 0) != rig->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        rig_fail("the daemon did not end well");
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static pid_t owner; /* children end without removing anything */

/* Stores are large: nothing is left on disk when the bench ends early. */
static void remove_all(void)
{
    if (getpid() != owner)
        return;
    for (const struct rig *rig = rigs; rig; rig = rig->next)
        nftw(rig->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void forget(const struct rig *rig)
{
    struct rig **at = &rigs;

    while (*at != rig)
        at = &(*at)->next;
    *at = rig->next;
}

void rig_make_directory(char *path, size_t size)
{
    const char *where = getenv("TMPDIR");

    snprintf(path, size, "%s/referrald-bench-XXXXXX", where && *where ? where : "/tmp");
    if (!mkdtemp(path))
        rig_fail(path);
}

/* Who is told to end, ends as otherwise. */
static void *end_when_told(void *signals)
{
    int which;

    sigwait(signals, &which);
    exit(128 + which);
}

static void prepare_to_end(void)
{
    static sigset_t signals;
    pthread_t thread;

    if (owner == getpid())
        return;
    owner = getpid();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    signal(SIGPIPE, SIG_IGN); /* who reads no further is noticed by who writes */
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0 || atexit(remove_all) != 0 ||
        pthread_create(&thread, NULL, end_when_told, &signals) != 0)
        rig_fail("signals");
    pthread_detach(thread);
}

pid_t rig_fork(void)
{
    sigset_t none;
    pid_t pid = fork();

    sigemptyset(&none);
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        pthread_sigmask(SIG_SETMASK, &none, NULL);
    }
    return pid;
}

static void make_directory(struct rig *rig)
{
    char path[128];

    prepare_to_end();
    rig_make_directory(rig->directory, sizeof rig->directory);
    rig->next = rigs;
    rigs = rig;
    snprintf(path, sizeof path, "%s/enrolled", rig->directory);
    if (mkdir(path, 0700) != 0)
        rig_fail(path);
}

struct rig *rig_start(const struct rig_options *options)
{
    struct rig *rig = calloc(1, sizeof *rig);

    if (!rig)
        rig_fail("memory");
    rig->options = *options;
    make_directory(rig);
    write_network(rig);
    write_settings(rig);
    enrol_senders(rig);
    enrol_hubs(rig);
    start_daemon(rig);
    rig->context = zmq_ctx_new();
    zmq_ctx_set(rig->context, ZMQ_MAX_SOCKETS, (int)(rig->senders_count + RIG_HUBS_MAX + 64));
    return rig;
}

void rig_stop(struct rig **rig)
{
    zmq_ctx_term((*rig)->context);
    stop_daemon(*rig);
    nftw((*rig)->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    forget(*rig);
    free((*rig)->senders);
    free(*rig);
    *rig = NULL;
}

/* Asks one thing and returns its answer, whoever the socket is. */
static size_t ask(void *socket, struct message *request, uint8_t *frame, size_t size)
{
    static unsigned asked;
    uint8_t id[UUID_BYTES] = {0xaa};
    int zero = 0, limit = PATIENCE_MS;

    memcpy(id + 8, &asked, sizeof asked);
    asked++;
    message_set_uuid(request, FIELD_request_id, id);
    size_t length = encode(request, frame, size);
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &limit, sizeof limit);
    if (zmq_send(socket, frame, length, 0) < 0)
        rig_fail("send");
    int got = zmq_recv(socket, frame, size, 0);
    if (got <= 0 || (size_t)got > size)
        rig_fail("no answer");
    return (size_t)got;
}

static void wait_until_ready(struct rig *rig)
{
    struct message hello;
    uint8_t frame[1024];
    void *socket = rig_connect(rig, &rig->senders[0]);

    message_init(&hello, MESSAGE_hello);
    message_set_number(&hello, FIELD_protocol_version, PROTOCOL_VERSION);
    message_set_number(&hello, FIELD_takes_pushes, false);
    ask(socket, &hello, frame, sizeof frame);
    zmq_close(socket);
}

static void forget_pages(const struct rig *rig)
{
    char path[256];

    snprintf(path, sizeof path, "%s/store/data.mdb", rig->directory);
    int file = open(path, O_RDONLY);
    if (file < 0 || fsync(file) != 0 || posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0)
        rig_fail(path);
    close(file);
}

double rig_restart(struct rig *rig, bool cold)
{
    stop_daemon(rig);
    if (cold)
        forget_pages(rig);
    double from = rig_now_us();
    start_daemon(rig);
    wait_until_ready(rig);
    return (rig_now_us() - from) / 1e6;
}

void *rig_connect(struct rig *rig, const struct rig_keys *keys)
{
    void *socket = zmq_socket(rig->context, ZMQ_DEALER);
    int zero = 0;
    int interval = 10;

    if (!socket || zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, rig->server.public_key, 41) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, 41) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, 41) != 0)
        rig_fail("socket");
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &interval, sizeof interval);
    if (zmq_connect(socket, rig->endpoint) != 0)
        rig_fail(rig->endpoint);
    return socket;
}

struct rig_totals rig_totals(struct rig *rig)
{
    static struct message totals;
    struct message request;
    struct decoder *decoder = decoder_open();
    struct fault fault;
    char endpoint[160];
    uint8_t frame[4096];
    void *socket = zmq_socket(rig->context, ZMQ_DEALER);

    snprintf(endpoint, sizeof endpoint, "ipc://%s", rig->operators);
    if (!decoder || zmq_connect(socket, endpoint) != 0)
        rig_fail(endpoint);
    message_init(&request, MESSAGE_overview);
    size_t length = ask(socket, &request, frame, sizeof frame);
    if (!decode(decoder, frame, length, &totals, &fault) || totals.type != MESSAGE_totals)
        rig_fail("no overview");
    zmq_close(socket);
    decoder_close(&decoder);
    return (struct rig_totals){.stored = (uint64_t)message_number(&totals, FIELD_stored),
                               .open = (uint64_t)message_number(&totals, FIELD_open),
                               .waiting = (uint64_t)message_number(&totals, FIELD_waiting),
                               .closed = (uint64_t)message_number(&totals, FIELD_closed),
                               .store_bytes = (uint64_t)message_number(&totals, FIELD_store_used_bytes)};
}

bool rig_has_room(uint64_t referrals, unsigned *gibibytes)
{
    struct statvfs room;
    const char *where = getenv("TMPDIR");
    uint64_t needed = store_mib(referrals) + 1024;

    *gibibytes = (unsigned)(needed / 1024 + 1);
    return statvfs(where && *where ? where : "/tmp", &room) == 0 &&
           (uint64_t)room.f_bavail * room.f_frsize >> 20 >= needed;
}

bool rig_has_descriptors(unsigned parties)
{
    rlim_t needed = (rlim_t)parties * DESCRIPTORS_OF_PARTY + DESCRIPTORS_BESIDE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < needed)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static double ticks_us(const char *path)
{
    unsigned long user = 0;
    unsigned long system = 0;
    FILE *file = fopen(path, "r");

    if (!file || fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        rig_fail(path);
    fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* Of one of the turn's threads. schedstat: nanoseconds on a processor, nanoseconds of waiting for one. */
static void add_turn(const char *task, struct rig_usage *usage)
{
    char path[160], name[32] = "";
    double on = 0, waiting = 0;

    snprintf(path, sizeof path, "%s/comm", task);
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    bool is_turn = fgets(name, sizeof name, file) && strcmp(name, "turn\n") == 0;
    fclose(file);
    snprintf(path, sizeof path, "%s/schedstat", task);
    file = is_turn ? fopen(path, "r") : NULL;
    if (!file)
        return;
    if (fscanf(file, "%lf %lf", &on, &waiting) != 2)
        on = waiting = 0;
    fclose(file);
    usage->turn_us += on / 1e3;
    usage->turn_wait_us += waiting / 1e3;
}

struct rig_usage rig_usage(const struct rig *rig)
{
    struct rig_usage usage = {0};
    char path[64], task[128];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)rig->pid);
    usage.cpu_us = ticks_us(path);
    snprintf(path, sizeof path, "/proc/%d/task", (int)rig->pid);
    DIR *tasks = opendir(path);
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        snprintf(task, sizeof task, "%s/%.20s", path, entry->d_name);
        add_turn(task, &usage);
    }
    if (tasks)
        closedir(tasks);
    return usage;
}

double rig_own_cpu_us(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

double rig_memory_mib(const struct rig *rig, const char *line)
{
    char path[64];
    char text[256];
    double kib = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)rig->pid);
    FILE *file = fopen(path, "r");
    if (!file)
        rig_fail(path);
    while (fgets(text, sizeof text, file))
        if (strncmp(text, line, strlen(line)) == 0)
            kib = strtod(text + strlen(line) + 1, NULL);
    fclose(file);
    return kib / 1024;
}

double rig_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

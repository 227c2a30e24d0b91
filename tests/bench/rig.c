/* SPDX-License-Identifier: MIT
 * rig: files, keys, a child process. */
#include "tests/bench/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* Places of the nine hubs of Plymouth, in metres of the grid; areas are the MSOAs nearest to each. */
static const struct {
    const char *id;
    int easting, northing;
    const char *areas;
} hubs[RIG_HUBS] = {
    {"whitleigh", 247300, 59900, "\"E02003124\", \"E02003128\", \"E02003127\""},
    {"southway", 248600, 60800, "\"E02003123\", \"E02003122\""},
    {"estover", 250600, 59300, "\"E02003126\", \"E02003131\""},
    {"mannamead", 248700, 56900, "\"E02003137\", \"E02003133\", \"E02003138\", \"E02003129\""},
    {"city-centre", 247900, 54600, "\"E02003148\", \"E02006989\", \"E02006990\", \"E02003144\""},
    {"st-budeaux", 244600, 58200, "\"E02003130\", \"E02003125\", \"E02003135\", \"E02003141\""},
    {"rees", 253800, 56300, "\"E02003136\", \"E02003139\", \"E02003140\", \"E02003143\""},
    {"mount-gould", 249400, 55000, "\"E02003146\", \"E02003149\", \"E02003143\", \"E02003142\""},
    {"jan-cutting", 246300, 56000, "\"E02003134\", \"E02003132\", \"E02003147\""},
};

void rig_fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(71);
}

static void write_file(const struct rig *rig, const char *name, const char *text)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", rig->directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) != 0)
        rig_fail(path);
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

static void write_network(struct rig *rig)
{
    static char text[16384];
    static const char *const codes[] = {"E02003122", "E02003123", "E02003124", "E02003125", "E02003126", "E02003127",
                                        "E02003128", "E02003129", "E02003130", "E02003131", "E02003132", "E02003133",
                                        "E02003134", "E02003135", "E02003136", "E02003137", "E02003138", "E02003139",
                                        "E02003140", "E02003141", "E02003142", "E02003143", "E02003144", "E02003145",
                                        "E02003146", "E02003147", "E02003148", "E02003149", "E02006989", "E02006990"};
    size_t n = 0;

    n += (size_t)snprintf(text + n, sizeof text - n,
                          "name = \"Bench\";\nneighbour_distance = \"30km\";\nneighbourhoods = (\n");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "%s { code = \"%s\"; name = \"%s\"; easting = 248000; northing = 56000; }",
                              i ? ",\n" : "", codes[i], codes[i]);
    n += (size_t)snprintf(text + n, sizeof text - n, ");\nhubs = (\n");
    for (int i = 0; i < RIG_HUBS; i++)
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "%s { id = \"%s\"; name = \"%s\"; tier = \"targeted\"; easting = %d; northing = %d; areas = [ %s ];\n"
            "   services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 10000000; },\n"
            "                { id = \"advice\"; needs = [ \"advice-and-information\", \"debt-advice\" ]; "
            "places = 10000000; } ); }",
            i ? ",\n" : "", hubs[i].id, hubs[i].id, hubs[i].easting, hubs[i].northing, hubs[i].areas);
    n += (size_t)snprintf(text + n, sizeof text - n,
                          ");\nsenders = ( { id = \"sender\"; name = \"Sender\"; kind = \"gp_link_worker\"; } );\n");
    write_file(rig, "network.conf", text);
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

static void write_settings(struct rig *rig)
{
    char text[2048 + PATH_MAX];
    char postcodes[PATH_MAX];

    if (!realpath("etc/data/postcodes_plymouth.csv", postcodes))
        rig_fail("etc/data/postcodes_plymouth.csv");
    snprintf(rig->endpoint, sizeof rig->endpoint, "tcp://127.0.0.1:%d", free_port());
    snprintf(rig->operators, sizeof rig->operators, "%s/operators.sock", rig->directory);
    snprintf(text, sizeof text,
             "listen = \"%s\";\noperator_socket = \"operators.sock\";\nstore = \"store\";\nstore_limit = \"16GiB\";\n"
             "network = \"network.conf\";\npostcodes = \"%s\";\npostcodes_edition = \"2025-11\";\n"
             "secret_key = \"server.key\";\nmaster_key = \"master.key\";\nenrolled = \"enrolled\";\n"
             "window = 1024;\nin_flight = 4096;\n",
             rig->endpoint, postcodes);
    write_file(rig, "referrald.conf", text);
    new_keys(&rig->server);
    snprintf(text, sizeof text, "public_key = \"%s\";\nsecret_key = \"%s\";\n", rig->server.public_key,
             rig->server.secret_key);
    write_file(rig, "server.key", text);
}

static void start_daemon(struct rig *rig, const char *daemon)
{
    char config[160];

    snprintf(config, sizeof config, "%s/referrald.conf", rig->directory);
    rig->pid = fork();
    if (rig->pid < 0)
        rig_fail("fork");
    if (rig->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(daemon, daemon, "--config", config, (char *)NULL);
        rig_fail(daemon);
    }
}

struct rig *rig_start(const char *daemon)
{
    struct rig *rig = calloc(1, sizeof *rig);
    char path[128];

    if (!rig)
        rig_fail("memory");
    snprintf(rig->directory, sizeof rig->directory, "/tmp/referrald-bench-XXXXXX");
    if (!mkdtemp(rig->directory))
        rig_fail("mkdtemp");
    snprintf(path, sizeof path, "%s/enrolled", rig->directory);
    if (mkdir(path, 0700) != 0)
        rig_fail(path);
    write_network(rig);
    write_settings(rig);
    enrol(rig, "sender", "sender", &rig->sender);
    for (int i = 0; i < RIG_HUBS; i++)
        enrol(rig, hubs[i].id, "hub", &rig->hubs[i]);
    start_daemon(rig, daemon);
    rig->context = zmq_ctx_new();
    return rig;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

void rig_stop(struct rig **rig)
{
    zmq_ctx_term((*rig)->context);
    kill((*rig)->pid, SIGTERM);
    waitpid((*rig)->pid, NULL, 0);
    nftw((*rig)->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(*rig);
    *rig = NULL;
}

void *rig_connect(struct rig *rig, const struct rig_keys *keys)
{
    void *socket = zmq_socket(rig->context, ZMQ_DEALER);
    int zero = 0;
    int interval = 50;

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

double rig_daemon_cpu_us(const struct rig *rig)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)rig->pid);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        rig_fail(path);
    fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
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

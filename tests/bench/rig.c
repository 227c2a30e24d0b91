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

/* The hubs of the plain network that stand at home in the postcodes of the load, in metres of the grid; areas are the
 * MSOAs nearest to each. */
static const struct {
    const char *id;
    int easting, northing;
    const char *areas;
} plain_hubs[] = {
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
enum { PLAIN_HUBS = sizeof plain_hubs / sizeof plain_hubs[0] };

/* Those of etc/networks/plymouth.conf that get offers in the load. */
static const char *const plymouth_hubs[] = {
    "jan-cutting", "four-greens",  "mannamead", "city-centre", "st-budeaux-barne-barton",
    "rees",        "mount-gould",  "estover",   "southway",    "devonport",
    "efford",      "ymca-plymouth"};
enum { PLYMOUTH_HUBS = sizeof plymouth_hubs / sizeof plymouth_hubs[0] };

#define STORE_MIB 512UL /* and for each referral: */
#define STORE_BYTES 5000UL

#define PLYMOUTH "etc/networks/plymouth.conf"
#define PLYMOUTH_SENDER "social-prescribing"

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

static FILE *open_file(const struct rig *rig, const char *name)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", rig->directory, name);
    FILE *file = fopen(path, "w");
    if (!file)
        rig_fail(path);
    return file;
}

static void close_file(FILE *file)
{
    if (ferror(file) || fclose(file) != 0)
        rig_fail("the network file");
}

static void write_neighbourhoods(FILE *file)
{
    static const char *const codes[] = {"E02003122", "E02003123", "E02003124", "E02003125", "E02003126", "E02003127",
                                        "E02003128", "E02003129", "E02003130", "E02003131", "E02003132", "E02003133",
                                        "E02003134", "E02003135", "E02003136", "E02003137", "E02003138", "E02003139",
                                        "E02003140", "E02003141", "E02003142", "E02003143", "E02003144", "E02003145",
                                        "E02003146", "E02003147", "E02003148", "E02003149", "E02006989", "E02006990"};

    fprintf(file, "neighbourhoods = (\n");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        fprintf(file, "%s { code = \"%s\"; name = \"%s\"; easting = 248000; northing = 56000; }", i ? ",\n" : "",
                codes[i], codes[i]);
    fprintf(file, ");\n");
}

/* The others stand in a grid over the city and are neighbours of everybody: routing looks at them all, and whoever has
 * a home hub goes there. */
static void write_plain(const struct rig *rig, unsigned hubs)
{
    FILE *file = open_file(rig, "network.conf");

    fprintf(file, "name = \"Bench\";\nneighbour_distance = \"30km\";\n");
    write_neighbourhoods(file);
    fprintf(file, "hubs = (\n");
    for (unsigned i = 0; i < hubs; i++) {
        if (i < PLAIN_HUBS)
            fprintf(file, "%s { id = \"%s\"; name = \"%s\"; easting = %d; northing = %d; areas = [ %s ];",
                    i ? ",\n" : "", plain_hubs[i].id, plain_hubs[i].id, plain_hubs[i].easting, plain_hubs[i].northing,
                    plain_hubs[i].areas);
        else
            fprintf(file, ",\n { id = \"hub-%u\"; name = \"Hub %u\"; easting = %u; northing = %u; areas = [ ];", i, i,
                    240000 + 150 * (i % 100), 50000 + 120 * (i / 100 % 100));
        fprintf(file, " tier = \"targeted\";\n"
                      "   services = ( { id = \"friends\"; needs = [ \"befriending\" ]; places = 10000000; },\n"
                      "                { id = \"advice\"; needs = [ \"advice-and-information\", \"debt-advice\" ]; "
                      "places = 10000000; } ); }");
    }
    fprintf(file, ");\nsenders = ( { id = \"sender\"; name = \"Sender\"; kind = \"gp_link_worker\"; } );\n");
    close_file(file);
}

/* Puts a line of the network file with another number after `word`; false: it does not stand there. */
static bool write_with_many(FILE *file, const char *line, const char *word)
{
    const char *at = strstr(line, word);

    if (!at)
        return false;
    at += strlen(word);
    fprintf(file, "%.*s%d%s", (int)(at - line), line, 10000000, at + strspn(at, "0123456789"));
    return true;
}

/* The real network with all its rules; only that its places and weeks never run out, and that one sender may send all
 * the load. */
static void write_plymouth(const struct rig *rig)
{
    FILE *file = open_file(rig, "network.conf");
    FILE *from = fopen(PLYMOUTH, "r");
    char line[1024];

    if (!from)
        rig_fail(PLYMOUTH);
    while (fgets(line, sizeof line, from))
        if (strncmp(line, "pace =", 6) != 0 && !write_with_many(file, line, "places = ") &&
            !write_with_many(file, line, "seats = ") && !write_with_many(file, line, "per_week = "))
            fputs(line, file);
    fclose(from);
    close_file(file);
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

static void write_settings(struct rig *rig, const struct rig_options *options)
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
             "secret_key = \"server.key\";\nmaster_key = \"master.key\";\nenrolled = \"enrolled\";\n"
             "window = 1024;\nin_flight = 4096;\n%s",
             rig->endpoint, STORE_MIB + (unsigned long long)(options->referrals * STORE_BYTES >> 20), postcodes,
             options->limited ? "" : "party_in_flight = 4096;\nparty_rate = 0;\n");
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

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status, (void)kind, (void)where;
    return remove(path);
}

static struct rig *rigs; /* that run */

/* Stores are large: nothing is left on disk when the bench ends early. */
static void remove_all(void)
{
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

static void make_directory(struct rig *rig)
{
    static bool is_registered;
    char path[128];

    if (!is_registered)
        is_registered = atexit(remove_all) == 0;
    snprintf(rig->directory, sizeof rig->directory, "/tmp/referrald-bench-XXXXXX");
    if (!mkdtemp(rig->directory))
        rig_fail("mkdtemp");
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
    make_directory(rig);
    if (options->plymouth)
        write_plymouth(rig);
    else
        write_plain(rig, options->hubs);
    write_settings(rig, options);
    enrol(rig, options->plymouth ? PLYMOUTH_SENDER : "sender", "sender", &rig->sender);
    enrol(rig, "honest", "sender", &rig->honest);
    rig->hubs_count = options->plymouth ? PLYMOUTH_HUBS : PLAIN_HUBS;
    for (unsigned i = 0; i < rig->hubs_count; i++)
        enrol(rig, options->plymouth ? plymouth_hubs[i] : plain_hubs[i].id, "hub", &rig->hubs[i]);
    start_daemon(rig, options->daemon);
    rig->context = zmq_ctx_new();
    return rig;
}

void rig_stop(struct rig **rig)
{
    zmq_ctx_term((*rig)->context);
    kill((*rig)->pid, SIGTERM);
    waitpid((*rig)->pid, NULL, 0);
    nftw((*rig)->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    forget(*rig);
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

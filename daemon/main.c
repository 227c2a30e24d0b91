/* SPDX-License-Identifier: MIT
 * main: what comes before serving and after it. Reads the settings, opens everything from the store outward to the
 * sockets, starts the threads, takes the signals, and closes in the other order. */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/importer.h"
#include "daemon/io/anchor.h"
#include "daemon/io/clock.h"
#include "daemon/io/enrolled.h"
#include "daemon/io/link.h"
#include "daemon/io/log.h"
#include "daemon/io/network_file.h"
#include "daemon/io/postcodes.h"
#include "daemon/io/secret_key.h"
#include "daemon/io/service.h"
#include "daemon/io/store_lmdb.h"
#include "daemon/workers.h"

#define DEFAULT_CONFIG "/etc/referrald/referrald.conf"
#define WHY_BYTES 1200 /* a path, and a sentence about it */
#define ANCHOR_EVERY_MS 60000

struct daemon {
    const char *path; /* of the settings */
    struct settings settings;
    struct config_faults faults;
    char *network_text;
    size_t network_length;
    struct network *network;
    struct store *store;
    struct seal *seal;
    struct shelf *shelf;
    struct turn *turn;
    struct reader *reader;
    struct study *study;
    struct gate *link;
    struct importer *importer;
    uint64_t anchored;  /* how far the store had come when its anchor was written */
    bool anchor_failed; /* the newest attempt */
    int finished;       /* eventfd: the link has sent its last answer */
    struct workers *workers;
    pthread_t link_thread;
    bool has_threads;
    char why[WHY_BYTES];
};

/* ---- before serving -------------------------------------------------------------------------------------------- */

/* Nobody may look into this process or find it in a core file; what it makes is its own. */
static void close_to_others(void)
{
    const struct rlimit none = {0, 0};

    umask(0077);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
    if (geteuid() == 0)
        LOG(LOGGED_AS_ROOT, {"uid", .number = 0});
}

static void tell_crash(int number)
{
    log_crashed(number);
    raise(number); /* the handler is gone: now it ends the process */
}

/* LMDB trusts the pages of its file: one that has changed on the disk may end the process by a signal. Where a
 * sanitizer has a handler, that one stays. */
static void tell_crashes(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    const struct sigaction tell = {.sa_handler = tell_crash, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before;

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(numbers[i], &tell, NULL);
}

/* Before any thread starts, so that every thread inherits it. */
static int take_signals(void)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0)
        return -1;
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void load_network(struct daemon *daemon)
{
    const char *path = daemon->settings.network;

    daemon->network_text = config_load_file(path, &daemon->network_length, daemon->why, WHY_BYTES);
    if (!daemon->network_text)
        config_fault(&daemon->faults, "network", 0, "%s: %s", path, daemon->why);
    else
        daemon->network = network_parse(path, daemon->network_text, daemon->network_length, &daemon->faults);
}

static void check_enrolled(struct daemon *daemon)
{
    struct enrolled *enrolled = enrolled_load(daemon->settings.enrolled, &daemon->faults);

    enrolled_free(&enrolled);
}

static void check_secret_key(struct daemon *daemon)
{
    struct key_pair keys;

    if (!secret_key_load(daemon->settings.secret_key, &keys, daemon->why, WHY_BYTES))
        config_fault(&daemon->faults, "secret_key", 0, "%s", daemon->why); /* which names the file */
    explicit_bzero(&keys, sizeof keys);
}

static void check_postcodes(struct daemon *daemon)
{
    const char *path = daemon->settings.postcodes;

    if (path[0] != '\0' && !postcodes_check(path, daemon->why, WHY_BYTES))
        config_fault(&daemon->faults, "postcodes", 0, "%s", daemon->why);
}

/* Every file that people write, as far as the settings name them; all faults in one go. False when there are any. */
static bool read_configuration(struct daemon *daemon)
{
    const struct settings *settings = &daemon->settings;

    settings_load(daemon->path, &daemon->settings, &daemon->faults);
    if (settings->network[0] != '\0')
        load_network(daemon);
    if (settings->enrolled[0] != '\0')
        check_enrolled(daemon);
    if (settings->secret_key[0] != '\0')
        check_secret_key(daemon);
    return daemon->faults.count == 0;
}

static int print_faults(const struct config_faults *faults, FILE *out)
{
    for (size_t i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        fprintf(out, "%s\n", faults->lines[i]);
    fprintf(out, "%zu error%s\n", faults->count, faults->count == 1 ? "" : "s");
    return faults->count == 0 ? EX_OK : EX_CONFIG;
}

static bool open_store(struct daemon *daemon)
{
    daemon->store = store_lmdb_open(daemon->settings.store, daemon->settings.store_limit_bytes, daemon->why, WHY_BYTES);
    return daemon->store != NULL;
}

static bool open_seal(struct daemon *daemon)
{
    uint8_t master[SEAL_KEY_BYTES];

    if (!seal_master_load(daemon->settings.master_key, true, master, daemon->why, WHY_BYTES))
        return false;
    daemon->seal = seal_open(master, NULL);
    seal_wipe(master, sizeof master);
    if (!daemon->seal)
        snprintf(daemon->why, WHY_BYTES, "out of memory (locked memory for keys)");
    return daemon->seal != NULL;
}

/* Before serving only when there are none at all; a new edition is imported beside the work. */
static bool import_first_postcodes(struct daemon *daemon)
{
    const struct settings *settings = &daemon->settings;
    struct transaction *transaction;
    char edition[41];
    int64_t count;

    if (settings->postcodes[0] == '\0')
        return true;
    transaction = store_begin(daemon->store, false, NULL);
    if (!transaction) {
        snprintf(daemon->why, WHY_BYTES, "%s: cannot be read", settings->store);
        return false;
    }
    postcodes_edition(daemon->store, transaction, edition);
    store_abort(daemon->store, &transaction);
    if (edition[0] != '\0')
        return true;
    LOG(LOGGED_POSTCODES_BEGIN, {"edition", .text = settings->postcodes_edition});
    count =
        postcodes_import(daemon->store, settings->postcodes, settings->postcodes_edition, NULL, daemon->why, WHY_BYTES);
    if (count >= 0)
        LOG(LOGGED_POSTCODES, {"edition", .text = settings->postcodes_edition}, {"count", .number = count});
    return count >= 0;
}

static bool open_shelf(struct daemon *daemon)
{
    daemon->shelf = shelf_open();
    if (!daemon->shelf)
        snprintf(daemon->why, WHY_BYTES, "out of memory");
    return daemon->shelf != NULL;
}

/* Where it cannot be written the daemon goes on: an older store is then noticed from where the file stands. */
static void write_anchor(struct daemon *daemon)
{
    uint64_t batch = turn_batch(daemon->turn);
    char why[WHY_BYTES];

    if (batch == daemon->anchored)
        return;
    workers_end_unless(store_sync(daemon->store));
    bool written = anchor_write(daemon->settings.store, batch, why, sizeof why);
    if (written)
        daemon->anchored = batch;
    else if (!daemon->anchor_failed)
        LOG(LOGGED_ANCHOR_FAILED, {"why", .text = why});
    daemon->anchor_failed = !written;
}

static bool open_turn(struct daemon *daemon)
{
    struct turn_options options = {.window = daemon->settings.window,
                                   .retry_after_ms = daemon->settings.retry_after_ms,
                                   .push_again_ms = daemon->settings.push_again_ms,
                                   .unfetched_ms = daemon->settings.unfetched_ms,
                                   .version = REFERRALD_VERSION,
                                   .shelf = daemon->shelf};

    if (!anchor_read(daemon->settings.store, &options.batch_least, daemon->why, WHY_BYTES))
        return false;
    daemon->turn = turn_open(daemon->store, daemon->seal, &daemon->network, daemon->network_text,
                             daemon->network_length, &options, clock_now_ms(), daemon->why, WHY_BYTES);
    if (!daemon->turn)
        return false;
    if (!options.batch_least && turn_batch(daemon->turn) > 1)
        LOG(LOGGED_ANCHOR_MISSING, {"batch", .number = (int64_t)turn_batch(daemon->turn)});
    write_anchor(daemon);
    struct totals totals;
    turn_totals(daemon->turn, &totals);
    if (totals.damaged)
        LOG(LOGGED_DAMAGED, {"count", .number = (int64_t)totals.damaged});
    return true;
}

static bool open_reader(struct daemon *daemon)
{
    daemon->reader = reader_open(daemon->turn, daemon->store, daemon->seal, REFERRALD_VERSION);
    if (!daemon->reader)
        snprintf(daemon->why, WHY_BYTES, "out of memory");
    return daemon->reader != NULL;
}

static bool open_study(struct daemon *daemon)
{
    daemon->study = study_open(daemon->turn, daemon->store, daemon->seal, REFERRALD_VERSION, daemon->shelf);
    if (!daemon->study)
        snprintf(daemon->why, WHY_BYTES, "out of memory");
    return daemon->study != NULL;
}

static bool open_link(struct daemon *daemon)
{
    daemon->link = link_open(&daemon->settings, daemon->why, WHY_BYTES);
    return daemon->link != NULL;
}

static void want_postcodes(struct daemon *daemon, const struct settings *settings)
{
    if (settings->postcodes[0] != '\0')
        importer_want(daemon->importer, settings->postcodes, settings->postcodes_edition);
}

static bool open_importer(struct daemon *daemon)
{
    daemon->importer = importer_open(daemon->store, daemon->turn, queue_wake, link_queue(daemon->link, WORKER_TURN));
    if (daemon->importer)
        want_postcodes(daemon, &daemon->settings);
    else
        snprintf(daemon->why, WHY_BYTES, "cannot start the thread that imports postcodes");
    return daemon->importer != NULL;
}

/* ---- serving --------------------------------------------------------------------------------------------------- */

static void *run_link(void *argument)
{
    const struct daemon *daemon = argument;
    const uint64_t one = 1;
    ssize_t written;

    link_run(daemon->link);
    written = write(daemon->finished, &one, sizeof one);
    assert(written == (ssize_t)sizeof one);
    return NULL;
}

static bool start_threads(struct daemon *daemon)
{
    struct workplace at = {daemon->store, daemon->turn, daemon->reader, daemon->study, {0}};
    int error;

    for (enum worker worker = 0; worker < WORKER_COUNT; worker++)
        at.queues[worker] = link_queue(daemon->link, worker);
    daemon->has_threads = true;
    daemon->workers = workers_start(&at);
    error = daemon->workers ? pthread_create(&daemon->link_thread, NULL, run_link, daemon) : errno;
    if (error == 0)
        pthread_setname_np(daemon->link_thread, "link");
    else
        snprintf(daemon->why, WHY_BYTES, "cannot start a thread: %s", strerror(error));
    return error == 0;
}

/* The first signal to stop lets what is in hand be finished; the second does not wait for it. */
static void stop(struct daemon *daemon, bool *stopping, uint32_t number)
{
    if (*stopping) {
        LOG(LOGGED_KILLED, {"signal", .number = number});
        _exit(EX_TEMPFAIL);
    }
    *stopping = true;
    LOG(LOGGED_STOPPING, {"signal", .number = number});
    service_stopping();
    study_stop(daemon->study);
    link_stop(daemon->link);
}

/* The keys, and a new edition of the postcodes; everything else needs a restart. */
static void read_again(struct daemon *daemon)
{
    static struct settings settings; /* large, as are the lines of all faults */
    struct config_faults *faults = &daemon->faults;

    link_reload_keys(daemon->link);
    faults->count = 0;
    if (settings_load(daemon->path, &settings, faults))
        want_postcodes(daemon, &settings);
    for (size_t i = 0; i < faults->count && i < CONFIG_FAULTS_MAX; i++)
        LOG(LOGGED_SETTINGS_FAULT, {"why", .text = faults->lines[i]});
}

static void take_signal(struct daemon *daemon, int signals, bool *stopping)
{
    struct signalfd_siginfo taken;

    while (read(signals, &taken, sizeof taken) == (ssize_t)sizeof taken) {
        if (taken.ssi_signo == SIGHUP)
            read_again(daemon);
        else
            stop(daemon, stopping, taken.ssi_signo);
    }
}

static void serve(struct daemon *daemon, int signals)
{
    struct pollfd events[] = {{signals, POLLIN, 0}, {daemon->finished, POLLIN, 0}};
    bool stopping = false;

    service_ready();
    LOG(LOGGED_STARTED, {"address", .text = link_endpoint(daemon->link)}, {"version", .text = REFERRALD_VERSION});
    while (events[1].revents == 0) {
        if (poll(events, 2, ANCHOR_EVERY_MS) < 0 && errno != EINTR)
            break;
        write_anchor(daemon);
        take_signal(daemon, signals, &stopping);
    }
    pthread_join(daemon->link_thread, NULL);
    workers_join(&daemon->workers);
    write_anchor(daemon);
    LOG(LOGGED_STOPPED, {"version", .text = REFERRALD_VERSION});
}

/* ---- after serving --------------------------------------------------------------------------------------------- */

static void close_all(struct daemon *daemon)
{
    importer_close(&daemon->importer);
    link_close(&daemon->link);
    if (daemon->study)
        study_close(&daemon->study);
    if (daemon->reader)
        reader_close(&daemon->reader);
    if (daemon->turn)
        turn_close(&daemon->turn);
    shelf_close(&daemon->shelf);
    network_free(&daemon->network);
    seal_close(&daemon->seal);
    store_close(&daemon->store);
    free(daemon->network_text);
    daemon->network_text = NULL;
}

/* ---- the whole ------------------------------------------------------------------------------------------------- */

/* From the store outward: the sockets come last, when everything behind them stands. */
static const struct step {
    bool (*open)(struct daemon *);
    int exit_code;
} steps[] = {
    {open_store, EX_UNAVAILABLE}, {open_seal, EX_CONFIG},      {import_first_postcodes, EX_CONFIG},
    {open_shelf, EX_OSERR},       {open_turn, EX_IOERR},       {open_reader, EX_OSERR},
    {open_study, EX_OSERR},       {open_link, EX_UNAVAILABLE}, {start_threads, EX_OSERR},
    {open_importer, EX_OSERR},
};

/* A store that has ended is no fault of the settings, whatever it was needed for: the next start may go well. */
static int exit_code_of(const struct daemon *daemon, int of_step)
{
    struct transaction *transaction = daemon->store ? store_begin(daemon->store, false, NULL) : NULL;

    if (daemon->store && !transaction)
        return EX_IOERR;
    if (transaction)
        store_abort(daemon->store, &transaction);
    return of_step;
}

static int run(struct daemon *daemon)
{
    int signals = take_signals();

    daemon->finished = eventfd(0, EFD_CLOEXEC);
    if (signals < 0 || daemon->finished < 0)
        return EX_OSERR;
    if (!read_configuration(daemon))
        return print_faults(&daemon->faults, stderr);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (!steps[i].open(daemon)) {
            LOG(LOGGED_CANNOT_START, {"why", .text = daemon->why});
            /* Threads that run already may use what would be closed. */
            if (daemon->has_threads)
                _exit(steps[i].exit_code);
            return exit_code_of(daemon, steps[i].exit_code);
        }
    serve(daemon, signals);
    return EX_OK;
}

static void print_help(void)
{
    printf("Usage: referrald [--config FILE] [--check-config]\n"
           "Routes referrals between senders and hubs; each is stored before it is acknowledged.\n\n"
           "  -c, --config FILE   settings (default " DEFAULT_CONFIG ")\n"
           "  -t, --check-config  read every file of settings, say all that is wrong with them, and end\n"
           "  -V, --version       print the versions of the daemon and of the protocol\n"
           "  -h, --help          print this\n\n"
           "SIGTERM finishes what is in hand and stops; SIGHUP reads the keys again, and a new edition of postcodes.\n"
           "Exit codes: 0 stopped, 64 usage, 69 address or store taken, 71 system, 74 store, 75 stopped at once,\n"
           "78 settings.\n");
}

static int print_usage_error(void)
{
    fprintf(stderr, "Try 'referrald --help'.\n");
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 't'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct daemon daemon = {.path = DEFAULT_CONFIG}; /* large: it holds the lines of all faults */
    bool only_check = false;
    int option, code;

    while ((option = getopt_long(argc, argv, "c:tVh", options, NULL)) != -1)
        switch (option) {
        case 'c':
            daemon.path = optarg;
            break;
        case 't':
            only_check = true;
            break;
        case 'V':
            printf("referrald %s, protocol %d\n", REFERRALD_VERSION, PROTOCOL_VERSION);
            return EX_OK;
        case 'h':
            print_help();
            return EX_OK;
        default:
            return print_usage_error();
        }
    if (optind < argc) {
        fprintf(stderr, "referrald: there is nothing to do with \"%s\"\n", argv[optind]);
        return print_usage_error();
    }
    if (only_check) {
        read_configuration(&daemon);
        check_postcodes(&daemon); /* a daemon that serves reads them when it imports them */
        code = print_faults(&daemon.faults, stdout);
    } else {
        close_to_others();
        tell_crashes();
        code = run(&daemon);
    }
    close_all(&daemon);
    return code;
}

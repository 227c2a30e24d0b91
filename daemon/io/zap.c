/* SPDX-License-Identifier: MIT
 * zap: see zap.h. Parties are known by their CURVE key; who comes over the operators' unix socket, by the user that the
 * kernel names. Everything else is refused. */
#include "daemon/io/zap.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/clock.h"
#include "daemon/io/log.h"

#define ENDPOINT "inproc://zeromq.zap.01"
#define FRAMES_MAX 8
#define FRAME_BYTES_MAX 255
#define PERIOD_MS 100 /* how soon the thread sees that it shall stop or read the keys again */
#define LOOK_EVERY_MS 1000
#define GROUPS_MAX 256
#define CURVE_KEY_BYTES 32
#define USER_PREFIX "uid:"

struct zap {
    void *socket;
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool reload;
    char directory[SETTINGS_PATH_BYTES];
    char operator_socket[SETTINGS_PATH_BYTES];
    struct staff staff[SETTINGS_STAFF_MAX];
    uint32_t staff_count;
    void (*changed)(void *);
    void *changed_argument;
    _Atomic uint64_t generation;
    uint64_t fingerprint;
    pthread_mutex_t lock; /* guards the pointer below */
    struct enrolled *enrolled;
    struct config_faults faults; /* of the last reading; too large for a stack */
};

/* One question, by RFC 27. Frames are NUL-terminated for the ones that are texts. */
enum { VERSION, REQUEST_ID, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIAL, QUESTION_FRAMES };
struct question_frame {
    char bytes[FRAME_BYTES_MAX + 1];
    size_t length;
};

/* Before the files: a change while they are read is then noticed next time. */
static void look(struct zap *zap)
{
    zap->fingerprint = enrolled_fingerprint(zap->directory);
    memset(&zap->faults, 0, sizeof zap->faults);
}

static void put_in_force(struct zap *zap, struct enrolled *fresh)
{
    struct enrolled *old;

    pthread_mutex_lock(&zap->lock);
    old = zap->enrolled;
    zap->enrolled = fresh;
    pthread_mutex_unlock(&zap->lock);
    enrolled_free(&old);
    LOG(LOGGED_KEYS_LOADED, {"keys", .number = (int64_t)enrolled_count(fresh)});
}

static bool load(struct zap *zap)
{
    struct enrolled *fresh;

    look(zap);
    fresh = enrolled_load(zap->directory, &zap->faults);
    if (fresh)
        put_in_force(zap, fresh);
    return fresh != NULL;
}

static void load_again(struct zap *zap)
{
    struct enrolled *fresh;

    look(zap);
    fresh = enrolled_load_again(zap->enrolled, zap->directory, &zap->faults);
    if (zap->faults.count > 0)
        LOG(LOGGED_KEYS_REFUSED, {"faults", .number = (int64_t)zap->faults.count});
    for (size_t i = 0; i < zap->faults.count && i < CONFIG_FAULTS_MAX; i++)
        LOG(LOGGED_KEYS_FAULT, {"fault", .text = zap->faults.lines[i]});
    if (!fresh)
        return;
    put_in_force(zap, fresh);
    atomic_fetch_add(&zap->generation, 1);
    zap->changed(zap->changed_argument);
}

/* The number in "...:UID:..."; false when there is none. */
static bool parse_uid(const char *text, uid_t *uid)
{
    char *end;
    unsigned long number;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    number = strtoul(text, &end, 10);
    *uid = (uid_t)number;
    return errno == 0 && number < UINT32_MAX && (*end == ':' || *end == '\0');
}

static bool user_is_in_group(uid_t uid, gid_t group)
{
    char buffer[4096];
    struct passwd user, *found = NULL;
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (getpwuid_r(uid, &user, buffer, sizeof buffer, &found) != 0 || !found ||
        getgrouplist(user.pw_name, user.pw_gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

/* What the settings say about a user; an operator when they say nothing. */
static enum role role_of_user(const struct zap *zap, uid_t uid)
{
    for (uint32_t i = 0; i < zap->staff_count; i++)
        if (zap->staff[i].uid == uid)
            return zap->staff[i].role;
    return ROLE_OPERATOR;
}

/* The file's mode keeps others out already; this holds if somebody loosens it. */
static bool user_may_come_in(const struct zap *zap, uid_t uid)
{
    struct stat file;

    if (uid == 0 || uid == geteuid() || role_of_user(zap, uid) != ROLE_OPERATOR)
        return true;
    return stat(zap->operator_socket, &file) == 0 && user_is_in_group(uid, file.st_gid);
}

/* The user id of a key that is enrolled. */
static bool judge_key(struct zap *zap, const struct question_frame *frames, size_t count, char *user_id)
{
    struct principal principal;

    if (count != QUESTION_FRAMES || strcmp(frames[MECHANISM].bytes, "CURVE") != 0 ||
        frames[CREDENTIAL].length != CURVE_KEY_BYTES) {
        LOG(LOGGED_HANDSHAKE_REFUSED, {"address", .text = frames[ADDRESS].bytes});
        return false;
    }
    zmq_z85_encode(user_id, (const uint8_t *)frames[CREDENTIAL].bytes, CURVE_KEY_BYTES);
    if (zap_find(zap, user_id, &principal))
        return true;
    LOG(LOGGED_KEY_REFUSED, {"address", .text = frames[ADDRESS].bytes}, {"key", .text = user_id});
    return false;
}

/* libzmq gives the peer's credentials as "localhost:UID:GID:PID". */
static bool judge_user(struct zap *zap, const struct question_frame *frames, size_t count, char *user_id)
{
    static const char prefix[] = "localhost:";
    uid_t uid;

    if (count != QUESTION_FRAMES - 1 || strcmp(frames[MECHANISM].bytes, "NULL") != 0 ||
        strncmp(frames[ADDRESS].bytes, prefix, sizeof prefix - 1) != 0 ||
        !parse_uid(frames[ADDRESS].bytes + sizeof prefix - 1, &uid) || !user_may_come_in(zap, uid)) {
        LOG(LOGGED_USER_REFUSED, {"address", .text = frames[ADDRESS].bytes});
        return false;
    }
    snprintf(user_id, KEY_TEXT_BYTES + 1, USER_PREFIX "%lu", (unsigned long)uid);
    return true;
}

static bool judge(struct zap *zap, const struct question_frame *frames, size_t count, char *user_id)
{
    if (count <= MECHANISM || strcmp(frames[VERSION].bytes, "1.0") != 0)
        return false;
    if (strcmp(frames[DOMAIN].bytes, ZAP_DOMAIN_PARTIES) == 0)
        return judge_key(zap, frames, count, user_id);
    if (strcmp(frames[DOMAIN].bytes, ZAP_DOMAIN_OPERATORS) == 0)
        return judge_user(zap, frames, count, user_id);
    return false;
}

/* Reads a whole question, every frame of it. False: none came, or it is not one that libzmq asks. */
static bool receive(struct zap *zap, struct question_frame frames[FRAMES_MAX], size_t *count)
{
    int more = 1;
    size_t size = sizeof more;
    bool sound = true;

    for (*count = 0; more; ++*count) {
        struct question_frame *frame = &frames[*count < FRAMES_MAX ? *count : FRAMES_MAX - 1];
        int length = zmq_recv(zap->socket, frame->bytes, FRAME_BYTES_MAX, 0);

        if (length < 0)
            return false;
        sound = sound && length <= FRAME_BYTES_MAX;
        frame->length = length <= FRAME_BYTES_MAX ? (size_t)length : FRAME_BYTES_MAX;
        frame->bytes[frame->length] = '\0';
        if (zmq_getsockopt(zap->socket, ZMQ_RCVMORE, &more, &size) != 0)
            return false;
    }
    if (!sound || *count > FRAMES_MAX)
        *count = 0;
    return true;
}

/* Always one well-formed answer. 400 is final for the client; nothing here is ever refused for now alone. */
static void reply(struct zap *zap, const struct question_frame *id, bool allowed, const char *user_id)
{
    const char *status = allowed ? "200" : "400";

    zmq_send(zap->socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(zap->socket, id->bytes, id->length, ZMQ_SNDMORE);
    zmq_send(zap->socket, status, 3, ZMQ_SNDMORE);
    zmq_send(zap->socket, "", 0, ZMQ_SNDMORE);
    zmq_send(zap->socket, user_id, allowed ? strlen(user_id) : 0, ZMQ_SNDMORE);
    zmq_send(zap->socket, "", 0, 0);
}

static void answer_one(struct zap *zap)
{
    struct question_frame frames[FRAMES_MAX] = {0};
    char user_id[KEY_TEXT_BYTES + 1] = "";
    size_t count;

    if (receive(zap, frames, &count))
        reply(zap, &frames[REQUEST_ID], judge(zap, frames, count, user_id), user_id);
}

static void *run(void *argument)
{
    struct zap *zap = argument;
    int64_t look_at = clock_steady_ms() + LOOK_EVERY_MS;

    while (!atomic_load(&zap->stopping)) {
        answer_one(zap);
        if (atomic_exchange(&zap->reload, false)) {
            load_again(zap);
        } else if (clock_steady_ms() >= look_at) {
            look_at = clock_steady_ms() + LOOK_EVERY_MS;
            if (enrolled_fingerprint(zap->directory) != zap->fingerprint)
                load_again(zap);
        }
    }
    return NULL;
}

static bool bind_socket(struct zap *zap, void *context)
{
    int period = PERIOD_MS, linger = 0;

    zap->socket = zmq_socket(context, ZMQ_REP);
    return zap->socket && zmq_setsockopt(zap->socket, ZMQ_RCVTIMEO, &period, sizeof period) == 0 &&
           zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof linger) == 0 && zmq_bind(zap->socket, ENDPOINT) == 0;
}

struct zap *zap_open(void *context, const struct settings *settings, void (*changed)(void *), void *argument, char *why,
                     size_t why_size)
{
    struct zap *zap = calloc(1, sizeof *zap);

    if (!zap) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&zap->lock, NULL);
    snprintf(zap->directory, sizeof zap->directory, "%s", settings->enrolled);
    snprintf(zap->operator_socket, sizeof zap->operator_socket, "%s", settings->operator_socket);
    memcpy(zap->staff, settings->staff, sizeof zap->staff);
    zap->staff_count = settings->staff_count;
    zap->changed = changed;
    zap->changed_argument = argument;
    if (!load(zap))
        snprintf(why, why_size, "%s", zap->faults.count > 0 ? zap->faults.lines[0] : settings->enrolled);
    else if (!bind_socket(zap, context))
        snprintf(why, why_size, "cannot bind " ENDPOINT ": %s", zmq_strerror(zmq_errno()));
    else if (pthread_create(&zap->thread, NULL, run, zap) != 0)
        snprintf(why, why_size, "cannot start the thread that checks keys");
    else
        return zap;
    if (zap->socket)
        zmq_close(zap->socket);
    enrolled_free(&zap->enrolled);
    free(zap);
    return NULL;
}

void zap_close(struct zap **taken)
{
    struct zap *zap = *taken;

    *taken = NULL;
    if (!zap)
        return;
    atomic_store(&zap->stopping, true);
    pthread_join(zap->thread, NULL);
    zmq_close(zap->socket);
    enrolled_free(&zap->enrolled);
    pthread_mutex_destroy(&zap->lock);
    free(zap);
}

/* A user keeps its role for as long as the connection lasts: the kernel let it in. */
static bool find_user(const struct zap *zap, const char *user_id, struct principal *principal)
{
    uid_t uid;

    if (strncmp(user_id, USER_PREFIX, sizeof USER_PREFIX - 1) != 0 ||
        !parse_uid(user_id + sizeof USER_PREFIX - 1, &uid))
        return false;
    *principal = (struct principal){.role = role_of_user(zap, uid)};
    snprintf(principal->key, sizeof principal->key, "%s", user_id);
    snprintf(principal->party, sizeof principal->party, "uid-%lu", (unsigned long)uid);
    return true;
}

bool zap_find(struct zap *zap, const char *user_id, struct principal *principal)
{
    const struct principal *found;

    if (strlen(user_id) != KEY_TEXT_BYTES)
        return find_user(zap, user_id, principal);
    pthread_mutex_lock(&zap->lock);
    found = enrolled_find(zap->enrolled, user_id);
    if (found)
        *principal = *found;
    pthread_mutex_unlock(&zap->lock);
    return found != NULL;
}

uint64_t zap_generation(const struct zap *zap)
{
    return atomic_load(&zap->generation);
}

void zap_reload(struct zap *zap)
{
    atomic_store(&zap->reload, true);
}

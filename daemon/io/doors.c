/* SPDX-License-Identifier: MIT
 * doors: see doors.h. What follows from libzmq's pitfalls is said where it is obeyed: several of them abort the process
 * or let anyone in. */
#include "daemon/io/doors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/io/zap.h"
#include "proto/limits.h"

#define SELF_TEST_MS 5000
#define FRAME_BYTES_MAX (2 * MESSAGE_BYTES_MAX) /* so far a message that is too long is told so; beyond, cut off */
#define PATH_BYTES_MAX 107                      /* of a unix socket */

/* The option's name is a draft one, absent from Debian's header; its number works. Without it a dead handler thread
 * means that every key is let in. */
#define OPTION_ZAP_ENFORCE_DOMAIN 93

static bool set_number(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool number_is(void *socket, int option, int value)
{
    int found = -1;
    size_t size = sizeof found;

    return zmq_getsockopt(socket, option, &found, &size) == 0 && found == value;
}

/* Answers and pushes that one peer may leave unread: more than the largest window and the largest number of requests
 * that a sender keeps outstanding; a peer that reads nothing is then given up. */
#define UNREAD_MAX 16384

/* No receive limit and no heartbeats: a full pipe, a peer that leaves and a ping together abort libzmq 4.3.4. No
 * handover: a newcomer would get what is meant for another. */
static bool set_common_options(void *socket)
{
    return set_number(socket, ZMQ_RCVHWM, 0) && set_number(socket, ZMQ_SNDHWM, UNREAD_MAX) &&
           set_number(socket, ZMQ_ROUTER_MANDATORY, 1) && set_number(socket, ZMQ_ROUTER_HANDOVER, 0) &&
           set_number(socket, ZMQ_LINGER, 1000) && set_number(socket, ZMQ_HANDSHAKE_IVL, 3000) &&
           set_number(socket, ZMQ_BACKLOG, 512);
}

static bool set_keepalive(void *socket)
{
    return set_number(socket, ZMQ_TCP_KEEPALIVE, 1) && set_number(socket, ZMQ_TCP_KEEPALIVE_IDLE, 60) &&
           set_number(socket, ZMQ_TCP_KEEPALIVE_INTVL, 10) && set_number(socket, ZMQ_TCP_KEEPALIVE_CNT, 3) &&
           set_number(socket, ZMQ_TCP_MAXRT, 90000);
}

static bool set_size_limit(void *socket, int64_t bytes)
{
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes, sizeof bytes) == 0;
}

/* Both are read back: an empty domain, or one that is not enforced, would let every key in. */
static bool enforce_domain(void *socket, const char *domain)
{
    char found[16] = "";
    size_t size = sizeof found;

    return zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0 &&
           set_number(socket, OPTION_ZAP_ENFORCE_DOMAIN, 1) && number_is(socket, OPTION_ZAP_ENFORCE_DOMAIN, 1) &&
           zmq_getsockopt(socket, ZMQ_ZAP_DOMAIN, found, &size) == 0 && domain[0] != '\0' && strcmp(found, domain) == 0;
}

static bool serve_curve(void *socket, const struct key_pair *keys)
{
    return set_number(socket, ZMQ_CURVE_SERVER, 1) &&
           zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_TEXT_BYTES + 1) == 0 &&
           number_is(socket, ZMQ_MECHANISM, ZMQ_CURVE);
}

/* The address by which this machine reaches what is bound to every address. */
static void local_endpoint(const char *bound, char *local, size_t size)
{
    static const char any4[] = "tcp://0.0.0.0:", any6[] = "tcp://[::]:";

    if (strncmp(bound, any4, sizeof any4 - 1) == 0)
        snprintf(local, size, "tcp://127.0.0.1:%s", bound + sizeof any4 - 1);
    else if (strncmp(bound, any6, sizeof any6 - 1) == 0)
        snprintf(local, size, "tcp://[::1]:%s", bound + sizeof any6 - 1);
    else
        snprintf(local, size, "%s", bound);
}

/* The first event of the handshake; 0 when none came in time. The monitor's events have two frames. */
static uint16_t handshake_event(void *monitor)
{
    uint16_t event = 0;
    char frame[256];
    int length = zmq_recv(monitor, frame, sizeof frame, 0);

    if (length >= (int)sizeof event)
        memcpy(&event, frame, sizeof event);
    zmq_recv(monitor, frame, sizeof frame, 0);
    return event;
}

static bool prepare_stranger(void *stranger, const char *server_key)
{
    char public_key[KEY_TEXT_BYTES + 1], secret_key[KEY_TEXT_BYTES + 1];
    bool done = zmq_curve_keypair(public_key, secret_key) == 0 &&
                zmq_setsockopt(stranger, ZMQ_CURVE_SERVERKEY, server_key, KEY_TEXT_BYTES + 1) == 0 &&
                zmq_setsockopt(stranger, ZMQ_CURVE_PUBLICKEY, public_key, KEY_TEXT_BYTES + 1) == 0 &&
                zmq_setsockopt(stranger, ZMQ_CURVE_SECRETKEY, secret_key, KEY_TEXT_BYTES + 1) == 0 &&
                set_number(stranger, ZMQ_LINGER, 0) && set_number(stranger, ZMQ_RCVHWM, 0) &&
                set_number(stranger, ZMQ_IPV6, 1);

    explicit_bzero(secret_key, sizeof secret_key);
    return done;
}

bool doors_load_keys(const struct settings *settings, struct key_pair *keys, char *why, size_t why_size)
{
    char derived[KEY_TEXT_BYTES + 1];

    if (!secret_key_load(settings->secret_key, keys, why, why_size))
        return false;
    if (zmq_curve_public(derived, keys->secret_key) == 0 && strcmp(derived, keys->public_key) == 0)
        return true;
    snprintf(why, why_size, "%s: public_key does not belong to secret_key; make a new pair with referral-keygen",
             settings->secret_key);
    return false;
}

bool doors_open_parties(void *context, const char *listen, const struct key_pair *keys, void **opened,
                        char endpoint[ENDPOINT_BYTES], char *why, size_t why_size)
{
    void *socket = *opened = zmq_socket(context, ZMQ_ROUTER);
    size_t size = ENDPOINT_BYTES;

    if (!socket || !set_common_options(socket) || !set_keepalive(socket) ||
        !set_number(socket, ZMQ_IPV6, strchr(listen, '[') != NULL) || !set_size_limit(socket, FRAME_BYTES_MAX) ||
        !enforce_domain(socket, ZAP_DOMAIN_PARTIES) || !serve_curve(socket, keys)) {
        snprintf(why, why_size, "cannot prepare the parties' socket: %s", zmq_strerror(zmq_errno()));
        return false;
    }
    if (strncmp(listen, "tcp://", 6) != 0 || zmq_bind(socket, listen) != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) {
        snprintf(why, why_size, "cannot listen on %s: %s; is another daemon running there?", listen,
                 zmq_strerror(zmq_errno()));
        return false;
    }
    return true;
}

/* libzmq takes a unix socket over from whoever holds it without a word; the lock file does not. */
int doors_lock_operators(const char *path_of_socket, char *why, size_t why_size)
{
    char path[SETTINGS_PATH_BYTES + 8];
    int lock;

    snprintf(path, sizeof path, "%s.lock", path_of_socket);
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    snprintf(why, why_size, "cannot lock %s: %s", path,
             errno == EWOULDBLOCK ? "another daemon has it; stop that one first" : strerror(errno));
    if (lock >= 0)
        close(lock);
    return -1;
}

bool doors_open_operators(void *context, const char *path, void **opened, char *why, size_t why_size)
{
    void *socket = *opened = zmq_socket(context, ZMQ_ROUTER);
    char endpoint[SETTINGS_PATH_BYTES + 8];

    if (strlen(path) > PATH_BYTES_MAX) {
        snprintf(why, why_size, "%s: the path of a unix socket has at most %d bytes", path, PATH_BYTES_MAX);
        return false;
    }
    if (!socket || !set_common_options(socket) || !set_size_limit(socket, FRAME_BYTES_MAX) ||
        !enforce_domain(socket, ZAP_DOMAIN_OPERATORS)) {
        snprintf(why, why_size, "cannot prepare the operators' socket: %s", zmq_strerror(zmq_errno()));
        return false;
    }
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    if (zmq_bind(socket, endpoint) != 0 || chmod(path, 0660) != 0) {
        snprintf(why, why_size, "cannot listen on %s: %s", endpoint, zmq_strerror(zmq_errno()));
        return false;
    }
    return true;
}

/* Without a limit: libzmq's own thread would wait for room. */
bool doors_watch(void *context, void *socket, const char *name, void **watch, char *why, size_t why_size)
{
    char endpoint[64];

    *watch = zmq_socket(context, ZMQ_PAIR);
    snprintf(endpoint, sizeof endpoint, "inproc://gone-%s", name);
    if (*watch && set_number(*watch, ZMQ_RCVHWM, 0) && set_number(*watch, ZMQ_LINGER, 0) &&
        zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) == 0 &&
        zmq_connect(*watch, endpoint) == 0)
        return true;
    snprintf(why, why_size, "cannot watch the connections: %s", zmq_strerror(zmq_errno()));
    return false;
}

/* An event has two frames: its number and a value, which is the descriptor here; and an address. */
int doors_next_event(void *watch, bool *has_gone)
{
    uint8_t event[sizeof(uint16_t) + sizeof(int32_t)];
    char address[256];
    uint16_t number;
    int32_t descriptor = -1;

    if (zmq_recv(watch, event, sizeof event, ZMQ_DONTWAIT) < (int)sizeof event)
        return -1;
    memcpy(&number, event, sizeof number);
    memcpy(&descriptor, event + sizeof number, sizeof descriptor);
    *has_gone = number == ZMQ_EVENT_DISCONNECTED;
    (void)zmq_recv(watch, address, sizeof address, 0);
    return descriptor;
}

/* Proves that a key that nobody has enrolled is turned away by the very socket that will serve. */
bool doors_refuse_stranger(void *context, const char *endpoint, const char *server_key, char *why, size_t why_size)
{
    static const char watch[] = "inproc://link-self-test";
    void *stranger = zmq_socket(context, ZMQ_DEALER);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    char address[ENDPOINT_BYTES];
    uint16_t event = 0;

    local_endpoint(endpoint, address, sizeof address);
    if (stranger && monitor && prepare_stranger(stranger, server_key) &&
        zmq_socket_monitor(stranger, watch,
                           ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) == 0 &&
        set_number(monitor, ZMQ_RCVTIMEO, SELF_TEST_MS) && set_number(monitor, ZMQ_LINGER, 0) &&
        zmq_connect(monitor, watch) == 0 && zmq_connect(stranger, address) == 0)
        event = handshake_event(monitor);
    if (stranger)
        zmq_close(stranger);
    if (monitor)
        zmq_close(monitor);
    if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
        return true;
    snprintf(why, why_size, "%s: a key that is not enrolled was %s; not safe to serve", address,
             event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? "let in" : "not refused as it should be");
    return false;
}

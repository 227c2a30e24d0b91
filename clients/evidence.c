/* SPDX-License-Identifier: MIT
 * evidence: why there is no connection. Measured with libzmq 4.3.4:
 *
 *   refused or filtered      delayed, closed, retried, again and again
 *   name does not resolve    retried only
 *   other server key         connected, handshake failed without detail, retried
 *   one side only encrypts   connected, handshake failed by protocol, and never again; when the other side is faster
 *                            to hang up, as with another server key
 *   key not enrolled         connected, handshake refused with 400, and never again
 *   access check broken      the same with 500 */
#include "clients/evidence.h"

#include "clients/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define BROKEN_OFF_IS_FINAL 3
#define CONFIRM_MS 1000

void evidence_clear(struct evidence *evidence)
{
    memset(evidence, 0, sizeof *evidence);
}

void evidence_add(struct evidence *evidence, int event, int value)
{
    switch (event) {
    case ZMQ_EVENT_CONNECT_DELAYED:
        evidence->tried++;
        break;
    case ZMQ_EVENT_CONNECT_RETRIED:
        evidence->retried++;
        break;
    case ZMQ_EVENT_CONNECTED:
        evidence->connected++;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        evidence->broken_off++;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        evidence->is_one_sided = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        evidence->status = value;
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        evidence_clear(evidence);
        evidence->is_shaken = true;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        evidence->is_shaken = false;
        break;
    default:
        break;
    }
}

bool evidence_is_final(const struct evidence *evidence)
{
    return evidence->status == 400 || evidence->status == 500 || evidence->is_one_sided ||
           evidence->broken_off >= BROKEN_OFF_IS_FINAL;
}

/* Whether the address takes connections: 0, or an errno. Never waits longer than CONFIRM_MS. */
static int try_connect(const struct sockaddr *address, socklen_t length)
{
    int file = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;
    socklen_t size = sizeof error;

    if (file < 0)
        return errno;
    if (connect(file, address, length) != 0)
        error = errno;
    if (error == EINPROGRESS) {
        struct pollfd wait = {.fd = file, .events = POLLOUT};

        error = ETIMEDOUT;
        if (poll(&wait, 1, CONFIRM_MS) > 0)
            getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    close(file);
    return error;
}

static int try_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return ENAMETOOLONG;
    strcpy(address.sun_path, path);
    return try_connect((const struct sockaddr *)&address, sizeof address);
}

/* "tcp://host:port" or "tcp://[address]:port" */
static bool split_endpoint(const char *endpoint, char host[256], char port[8])
{
    bool is_tcp = strncmp(endpoint, "tcp://", 6) == 0;
    const char *begin = is_tcp ? endpoint + 6 : endpoint;
    const char *colon = strrchr(begin, ':');
    size_t length = is_tcp && colon ? (size_t)(colon - begin) : 0;

    if (length == 0 || length >= 256 || strlen(colon + 1) >= 8)
        return false;
    if (begin[0] == '[' && length > 2) {
        begin++;
        length -= 2;
    }
    memcpy(host, begin, length);
    host[length] = '\0';
    strcpy(port, colon + 1);
    return true;
}

/* As evidence_reach; *error is an errno, 0 when it answers. */
static enum evidence_reach reach(const char *endpoint, int *error, char *why, size_t why_size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[256] = "", port[8] = "";

    *error = 0;
    if (strncmp(endpoint, "ipc://", 6) == 0) {
        *error = try_unix(endpoint + strlen("ipc://"));
    } else if (!split_endpoint(endpoint, host, port)) {
        snprintf(why, why_size, "\"%s\" is not of the form tcp://HOST:PORT or ipc://PATH", endpoint);
        return REACH_NO_NAME;
    } else {
        int result = getaddrinfo(host, port, &hints, &found);

        if (result != 0) {
            snprintf(why, why_size, "cannot resolve \"%s\": %s", host, gai_strerror(result));
            return REACH_NO_NAME;
        }
        *error = try_connect(found->ai_addr, found->ai_addrlen);
        freeaddrinfo(found);
    }
    snprintf(why, why_size, "%s", *error ? strerror(*error) : "");
    return *error ? REACH_NO_ANSWER : REACH_ANSWERS;
}

static enum exchange_result explain_unreachable(const struct evidence *evidence, const struct evidence_words *words,
                                                char *sentence, size_t size)
{
    char why[512];
    int error;
    enum evidence_reach reached = reach(words->endpoint, &error, why, sizeof why);

    if (reached == REACH_NO_NAME) {
        snprintf(sentence, size, "%s", why);
    } else if (error == EACCES || error == EPERM) {
        snprintf(sentence, size, "this user may not connect to %s: %s", words->endpoint, why);
        return EXCHANGE_DENIED;
    } else {
        int tries = evidence->tried > evidence->retried ? evidence->tried : evidence->retried;

        snprintf(sentence, size, "no daemon answers at %s (tried %d time%s in %.1f s)%s%s", words->endpoint, tries,
                 tries == 1 ? "" : "s", words->seconds, error ? ": " : "", why);
    }
    return EXCHANGE_UNREACHABLE;
}

static enum exchange_result explain_keys(const struct evidence *evidence, const struct evidence_words *words,
                                         char *sentence, size_t size)
{
    char fingerprint[KEYS_FINGERPRINT_BYTES];

    if (evidence->status == 400 && words->public_key[0] == '\0') {
        snprintf(sentence, size, "the daemon at %s refused this user; ask the network's operators", words->endpoint);
    } else if (evidence->status == 400) {
        keys_fingerprint(words->public_key, fingerprint);
        snprintf(sentence, size,
                 "the daemon at %s refused key \"%s\" (fingerprint %s): ask the network's operators to enrol it",
                 words->endpoint, words->key_name, fingerprint);
    } else if (words->public_key[0] == '\0') {
        snprintf(sentence, size, "the daemon at %s expects encrypted connections; set \"key-file\"", words->endpoint);
    } else if (evidence->is_one_sided) {
        snprintf(sentence, size,
                 "what answers at %s does not encrypt, so it is not the daemon that \"server-key\" names",
                 words->endpoint);
    } else {
        keys_fingerprint(words->server_key, fingerprint);
        snprintf(
            sentence, size,
            "the daemon at %s has another key than \"server-key\" names (fingerprint %s), or does not encrypt; ask "
            "the operators for the daemon's public key",
            words->endpoint, fingerprint);
    }
    return EXCHANGE_DENIED;
}

enum exchange_result evidence_explain(const struct evidence *evidence, const struct evidence_words *words,
                                      char *sentence, size_t size)
{
    if (evidence->status == 500) {
        snprintf(sentence, size, "the daemon at %s could not check our key; its log says why", words->endpoint);
        return EXCHANGE_UNREACHABLE;
    }
    if (evidence->status == 400 || evidence->is_one_sided || evidence->broken_off > 0)
        return explain_keys(evidence, words, sentence, size);
    if (evidence->is_shaken) {
        snprintf(sentence, size, "connected to %s, no answer to \"%s\" in %.1f s; repeating is safe", words->endpoint,
                 words->asked, words->seconds);
        return EXCHANGE_TIMEOUT;
    }
    if (evidence->connected > 0) {
        snprintf(sentence, size, "connected to %s, but it did not greet in %.1f s; repeating is safe", words->endpoint,
                 words->seconds);
        return EXCHANGE_TIMEOUT;
    }
    return explain_unreachable(evidence, words, sentence, size);
}

enum evidence_reach evidence_reach(const char *endpoint, char *why, size_t why_size)
{
    int error;

    return reach(endpoint, &error, why, why_size);
}

/* SPDX-License-Identifier: MIT
 * zap: who may come in, and who that is. Answers libzmq's questions about connecting keys (RFC 27) on a thread of its
 * own, and holds the enrolled keys, which it reads again when their directory changes. Without it libzmq would let
 * every key in. On the operators' socket it knows users: auditors and privacy officers by the settings, who else may
 * come in is an operator. */
#ifndef IO_ZAP_H
#define IO_ZAP_H

#include "daemon/io/enrolled.h"
#include "daemon/io/settings.h"

#define ZAP_DOMAIN_PARTIES "ref"
#define ZAP_DOMAIN_OPERATORS "ops"

struct zap;

/* Reads the keys, binds the handler's socket and starts its thread. Call it before any other socket of the context is
 * bound. Besides root and the daemon's own user, members of the operators' socket's group may come in there, and those
 * whom the settings name. changed is called from the handler's thread when other keys are in force. */
struct zap *zap_open(void *context, const struct settings *, void (*changed)(void *), void *argument, char *why,
                     size_t why_size);
/* After every other socket of the context has been closed. */
void zap_close(struct zap **);

/* Who a User-Id of libzmq is now; from any thread. False: nobody, or no longer. */
bool zap_find(struct zap *, const char *user_id, struct principal *);
/* A number that grows when other keys are in force; from any thread. */
uint64_t zap_generation(const struct zap *);
/* The keys are read again within a fraction of a second; else a change is noticed within a second. */
void zap_reload(struct zap *);

#endif

/* SPDX-License-Identifier: MIT
 * bucket: how much one party may ask for. Requests flow in at a rate, up to a burst; each that is made takes one out.
 * Who finds none is told when to come again, each a little later than the one before, so that all who come when they
 * were told find one. */
#ifndef CORE_BUCKET_H
#define CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_WAIT_MS_MAX 10000 /* nobody is told to come later than this, unless one request takes longer */

struct bucket_limit {
    int64_t rate;  /* requests a second; 0: no limit */
    int64_t burst; /* at least 1 */
};

/* A bucket of zeros is full at its first use. In thousandths of requests. */
struct bucket {
    int64_t taken;    /* out of the burst, not yet flown in again */
    int64_t promised; /* will be taken by those who were told to come again */
    int64_t at_ms;    /* when this was so */
};

/* Takes one. False: there is none; *wait_ms says when to come again. A clock that goes back counts as standing. */
bool bucket_take(struct bucket *, const struct bucket_limit *, int64_t now_ms, int64_t *wait_ms);

#endif

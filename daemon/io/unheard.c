/* SPDX-License-Identifier: MIT
 * unheard: the kernel counts what comes. */
#include "daemon/io/unheard.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "proto/limits.h"

/* A look costs about a microsecond for each silent connection: it may take a hundredth of the time. What comes between
 * two looks comes on top of the limits: at the speed of loopback a MiB a millisecond. */
enum { DESCRIPTORS_MAX = 131072, LOOK_MS = 25, CONNECTIONS_A_MS = 10 };

#define UNHEARD_MESSAGE_BYTES (4 * MESSAGE_BYTES_MAX)

struct line {
    bool is_open;
    bool is_heard;    /* since the last look */
    uint64_t before;  /* what had come at the last look before which it was */
    uint64_t unheard; /* and since then */
};

struct unheard {
    struct line lines[DESCRIPTORS_MAX];
    int end; /* one more than the highest that was ever open */
    uint32_t open;
    bool is_over; /* all together had more than they may */
    int64_t next_look;
};

static struct line *find(struct unheard *unheard, int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS_MAX ? &unheard->lines[descriptor] : NULL;
}

static uint64_t bytes_received(int descriptor)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    return getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

static uint64_t look_at(struct line *line, int descriptor)
{
    uint64_t received = bytes_received(descriptor);

    if (line->is_heard)
        line->before = received;
    line->is_heard = false;
    return line->unheard = received > line->before ? received - line->before : 0;
}

/* With a reset: of a mere end, a peer that waits for room to send more would hear after a minute. */
static bool cut_off(int descriptor)
{
    const struct linger none = {.l_onoff = 1};

    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    return shutdown(descriptor, SHUT_RDWR) == 0;
}

struct unheard *unheard_open(void)
{
    return calloc(1, sizeof(struct unheard)); /* pages that are not used cost nothing */
}

void unheard_close(struct unheard **unheard)
{
    free(*unheard);
    *unheard = NULL;
}

void unheard_come(struct unheard *unheard, int descriptor)
{
    struct line *line = find(unheard, descriptor);

    if (!line)
        return;
    unheard->open += !line->is_open;
    *line = (struct line){.is_open = true};
    if (descriptor >= unheard->end)
        unheard->end = descriptor + 1;
}

void unheard_gone(struct unheard *unheard, int descriptor)
{
    struct line *line = find(unheard, descriptor);

    if (!line || !line->is_open)
        return;
    line->is_open = false;
    unheard->open--;
}

void unheard_heard(struct unheard *unheard, int descriptor)
{
    struct line *line = find(unheard, descriptor);

    if (line)
        line->is_heard = true;
}

int64_t unheard_next_look(const struct unheard *unheard)
{
    return unheard->open ? unheard->next_look : INT64_MAX;
}

/* All together may have much for a moment in which nobody could listen: that is looked at twice. Who closes one
 * meanwhile, so that another has its number, loses nothing that a network does not lose. */
uint32_t unheard_look(struct unheard *unheard, int64_t now_ms)
{
    uint64_t all = 0;
    uint32_t ended = 0;

    if (now_ms < unheard_next_look(unheard))
        return 0;
    for (int descriptor = 0; descriptor < unheard->end; descriptor++)
        if (unheard->lines[descriptor].is_open)
            all += look_at(&unheard->lines[descriptor], descriptor);
    bool was_over = unheard->is_over;
    unheard->is_over = all > UNHEARD_BYTES_OF_ALL;
    uint64_t most = was_over && unheard->is_over ? UNHEARD_MESSAGE_BYTES : UNHEARD_BYTES_MAX;
    for (int descriptor = 0; all > most && descriptor < unheard->end; descriptor++)
        if (unheard->lines[descriptor].is_open && unheard->lines[descriptor].unheard > most)
            ended += cut_off(descriptor);
    unheard->next_look = now_ms + LOOK_MS + unheard->open / CONNECTIONS_A_MS;
    return ended;
}

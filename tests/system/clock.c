/* SPDX-License-Identifier: MIT
 * clock: loaded before the daemon and the clients by the system tests (LD_PRELOAD), it tells them another time of day:
 * the real one and so many nanoseconds, read from the file CLOCK_FILE, which a test may change while they run.
 * The monotonic clock stays real. It neither allocates nor takes locks: sanitizers ask it from inside their allocator.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000

static const _Atomic int64_t *ahead;

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped = file >= 0 ? mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;

    if (file >= 0)
        close(file);
    if (mapped == MAP_FAILED)
        abort();
    ahead = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock == CLOCK_REALTIME && ahead) {
        int64_t sum = now->tv_nsec + atomic_load(ahead) % SECOND + SECOND;
        now->tv_sec += atomic_load(ahead) / SECOND + sum / SECOND - 1;
        now->tv_nsec = sum % SECOND;
    }
    return result;
}

/* SPDX-License-Identifier: MIT
 * main_part: the main job at 1, 64 and 1,024 outstanding, beside what the machine itself can do; then the same with
 * slower syncs. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/floors.h"
#include "tests/bench/frames.h"
#include "tests/bench/load.h"
#include "tests/bench/parts.h"
#include "tests/bench/sheet.h"

#define SLOWER_US 2000

static const struct column floor_columns[] = {{"a second", 0}, {"p50 us", 0}, {"CPU us", 1}};
static const struct column columns[] = {
    {"referrals/s", 0},  {"ack p50 us", 0}, {"ack p99 us", 0},    {"p99/p50", 1},    {"offer p50 us", 0},
    {"offer p99 us", 0}, {"daemon us", 1},  {"of it turn us", 1}, {"clients us", 1}, {"routed behind", 0}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static struct floors print_floors(const struct bench *bench)
{
    struct frames frames = {0};
    char label[64];

    frames_make(&frames, 0, 1000, FRAMES_PLACED);
    size_t submit_bytes = frames.starts[1000] / 1000;
    frames_free(&frames);
    struct floors floors = floors_measure(submit_bytes, bench->sizes.many);
    sheet_table("floors", "What the machine can do without the daemon's work", "floor", floor_columns, 3);
    snprintf(label, sizeof label, "CURVE, %zu B in + 200 back + 600 on, 1,024", submit_bytes);
    sheet_row(label, (double[]){floors.curve_per_second, NAN, floors.curve_cpu_us});
    sheet_row("CURVE echo, one at a time", (double[]){1e6 / floors.echo_p50_us, floors.echo_p50_us, NAN});
    sheet_row("LMDB, the same bytes, 64 in a commit", (double[]){floors.lmdb_per_second_64, NAN, NAN});
    sheet_row("LMDB, the same bytes, 1,024 in a commit", (double[]){floors.lmdb_per_second_1024, NAN, NAN});
    sheet_row("syncs of 4 KiB appended", (double[]){floors.append.per_second, floors.append.p50_us, NAN});
    sheet_row("syncs of 4 KiB over what is there",
              (double[]){floors.overwrite.per_second, floors.overwrite.p50_us, NAN});
    return floors;
}

static struct load_result run(struct crowd *crowd, const char *label, unsigned outstanding, unsigned referrals)
{
    struct load load = {.outstanding = outstanding, .referrals = referrals};
    struct load_result result = load_run(crowd, &load);

    sheet_row(label, (double[COLUMNS]){result.per_second, result.ack_p50_us, result.ack_p99_us,
                                       result.ack_p99_us / result.ack_p50_us, result.offer_p50_us, result.offer_p99_us,
                                       result.daemon_us, result.turn_us, result.clients_us, result.routed_behind});
    return result;
}

static pid_t start_perf(const struct bench *bench, const struct rig *rig)
{
    char of[16];

    if (!bench->profile)
        return 0;
    snprintf(of, sizeof of, "%d", (int)rig->pid);
    pid_t pid = rig_fork();
    if (pid == 0) {
        execlp("perf", "perf", "record", "--quiet", "-e", "cpu-clock", "-F", "1999", "--call-graph", "fp", "-o",
               bench->profile, "-p", of, (char *)NULL);
        rig_fail("perf");
    }
    sleep(1); /* until it looks */
    return pid;
}

static void end_perf(pid_t pid)
{
    int status;

    if (pid == 0)
        return;
    kill(pid, SIGINT);
    if (waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status) != 0))
        rig_fail("perf");
}

static struct rig *start(const struct bench *bench, bool slow_syncs, struct crowd *crowd)
{
    const struct sizes *sizes = &bench->sizes;
    const struct rig_options options = {.daemon = bench->daemon,
                                        .referrals = sizes->alone + sizes->some + 2 * (uint64_t)sizes->many,
                                        .slow_syncs = slow_syncs};

    struct rig *rig = rig_start(&options);
    crowd_open(crowd, rig, 1);
    return rig;
}

static void run_usual(const struct bench *bench, const struct floors *floors)
{
    struct crowd crowd;
    struct rig *rig = start(bench, false, &crowd);

    sheet_table("main", "The main job, on an empty store", "outstanding", columns, COLUMNS);
    struct load_result alone = run(&crowd, "1", 1, bench->sizes.alone);
    struct load_result some = run(&crowd, "64", 64, bench->sizes.some);
    pid_t perf = start_perf(bench, rig);
    struct load_result many = run(&crowd, "1,024", 1024, bench->sizes.many);
    end_perf(perf);
    crowd_close(&crowd);
    rig_stop(&rig);
    sheet_goal(GOAL_RATE_1024, many.per_second);
    sheet_goal(GOAL_FLOOR_SHARE, 100 * many.per_second / floors->curve_per_second);
    sheet_goal(GOAL_RATE_64, some.per_second);
    sheet_goal(GOAL_RATIO_64, some.ack_p99_us / some.ack_p50_us);
    /* The quicker sync: a store that is set aside at the first start is written over. */
    double sync_us = fmin(floors->append.p50_us, floors->overwrite.p50_us);
    sheet_goal(GOAL_ALONE, alone.ack_p50_us / (sync_us + floors->echo_p50_us));
}

static void run_slow(const struct bench *bench)
{
    struct crowd crowd;
    struct rig *rig = start(bench, true, &crowd);

    sheet_table("slow", "The same, 2 ms added to every sync", "outstanding", columns, COLUMNS);
    struct load_result alone = run(&crowd, "1", 1, bench->sizes.slow_alone);
    run(&crowd, "64", 64, bench->sizes.some / 4);
    sheet_goal(GOAL_SLOW_1024, run(&crowd, "1,024", 1024, bench->sizes.many).per_second);
    crowd_close(&crowd);
    rig_stop(&rig);
    if (alone.ack_p50_us < SLOWER_US)
        rig_fail("the syncs of the daemon are not slower");
}

void main_part(const struct bench *bench)
{
    struct floors floors = print_floors(bench);

    run_usual(bench, &floors);
    if (bench->profile)
        sheet_goal_not_here(GOAL_SLOW_1024, "not with --profile");
    else
        run_slow(bench);
}

/* SPDX-License-Identifier: MIT
 * compare: one daemon works at a time; the others wait for messages. */
#include "tests/bench/compare.h"

#include "tests/bench/figures.h"
#include "tests/bench/sheet.h"

static const struct column columns[] = {
    {"referrals/s", 0}, {"% of first", 0}, {"daemon us", 1}, {"of it turn us", 1}, {"clients us", 1}};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static void run_round(struct compared *compared, unsigned round, unsigned referrals)
{
    struct load load = {.outstanding = 1024, .referrals = referrals};
    struct load_result result = load_run(&compared->crowd, &load);

    compared->per_second[round] = result.per_second;
    compared->daemon_us[round] = result.daemon_us;
    compared->turn_us[round] = result.turn_us;
    compared->clients_us[round] = result.clients_us;
}

static void print(struct compared *compared, unsigned count, unsigned rounds)
{
    for (unsigned i = 0; i < count; i++) {
        struct compared *one = &compared[i];
        one->median = median(one->per_second, rounds);
        sheet_row(one->label,
                  (double[COLUMNS]){one->median, 100 * one->median / compared[0].median, median(one->daemon_us, rounds),
                                    median(one->turn_us, rounds), median(one->clients_us, rounds)});
    }
}

void compare(const struct bench *bench, struct compared *compared, unsigned count, const char *name, const char *title,
             const char *rows)
{
    const struct sizes *sizes = &bench->sizes;

    sheet_table(name, title, rows, columns, COLUMNS);
    for (unsigned i = 0; i < count; i++) {
        if (!compared[i].options.daemon)
            compared[i].options.daemon = bench->daemon;
        compared[i].options.senders = (compared[i].senders ? compared[i].senders : 1) + compared[i].idle;
        compared[i].options.referrals = compared[i].stored + (sizes->rounds + 1) * (uint64_t)sizes->of_round;
        compared[i].rig = rig_start(&compared[i].options);
        crowd_open(&compared[i].crowd, compared[i].rig, compared[i].senders ? compared[i].senders : 1);
        idlers_start(&compared[i].idlers, compared[i].rig, compared[i].crowd.senders, compared[i].idle);
        load_store(&compared[i].crowd, compared[i].stored);
    }
    for (unsigned round = 0; round < sizes->rounds; round++)
        for (unsigned i = 0; i < count; i++)
            run_round(&compared[i], round, sizes->of_round);
    print(compared, count, sizes->rounds);
}

void compare_end(struct compared *compared, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        idlers_stop(&compared[i].idlers);
        crowd_close(&compared[i].crowd);
        rig_stop(&compared[i].rig);
    }
}

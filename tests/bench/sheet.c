/* SPDX-License-Identifier: MIT
 * sheet: JSON is written as the figures come, into memory. */
#include "tests/bench/sheet.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/rig.h"

#define COLUMNS_MAX 12
#define LABEL_WIDTH 46

struct goal_spec {
    const char *name;
    enum bench_part part;
    bool at_least;
    double limit;
    const char *unit, *what;
};

#define IS_LEAST true
#define IS_MOST false
#define AS_SPEC(constant, name, part, direction, limit, unit, what)                                                    \
    [GOAL_##constant] = {name, PART_##part, IS_##direction, limit, unit, what},
static const struct goal_spec goals[GOAL_COUNT] = {GOALS(AS_SPEC)};
#undef AS_SPEC

#define AS_NAME(constant, name) [PART_##constant] = name,
static const char *const part_names[PART_COUNT] = {PARTS(AS_NAME)};
#undef AS_NAME

static struct {
    FILE *json; /* the tables so far */
    char *text;
    size_t length;
    struct column columns[COLUMNS_MAX];
    unsigned columns_count, tables, rows;
    bool has_figure[GOAL_COUNT];
    double figures[GOAL_COUNT];
    const char *reasons[GOAL_COUNT];
} sheet;

const char *sheet_part_name(enum bench_part part)
{
    return part_names[part];
}

static int width_of(const struct column *column)
{
    int length = (int)strlen(column->title);

    return (length > 9 ? length : 9) + 2;
}

static void show(void)
{
    if (fflush(stdout) != 0)
        rig_fail("standard output");
}

/* "1,234,567" or "12.3". */
static void write_number(char *out, size_t size, double value, int decimals)
{
    char plain[64];
    size_t used = 0;

    snprintf(plain, sizeof plain, "%.*f", decimals, value);
    size_t whole = strcspn(plain, ".");
    for (size_t i = 0; plain[i] != '\0' && used + 2 < size; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0 && plain[i - 1] != '-')
            out[used++] = ',';
        out[used++] = plain[i];
    }
    out[used] = '\0';
}

static void end_table(void)
{
    if (sheet.tables > 0)
        fputs("]}", sheet.json);
}

void sheet_table(const char *name, const char *title, const char *rows, const struct column *columns, unsigned count)
{
    if (!sheet.json)
        sheet.json = open_memstream(&sheet.text, &sheet.length);
    if (!sheet.json || count > COLUMNS_MAX)
        rig_fail("the sheet");
    end_table();
    fprintf(sheet.json, "%s\n  {\"name\": \"%s\", \"title\": \"%s\", \"columns\": [\"%s\"", sheet.tables ? "," : "",
            name, title, rows);
    printf("\n%s\n%-*s", title, LABEL_WIDTH, rows);
    for (unsigned i = 0; i < count; i++) {
        sheet.columns[i] = columns[i];
        fprintf(sheet.json, ", \"%s\"", columns[i].title);
        printf("%*s", width_of(&columns[i]), columns[i].title);
    }
    fputs("], \"rows\": [", sheet.json);
    putchar('\n');
    sheet.columns_count = count;
    sheet.tables++;
    sheet.rows = 0;
}

void sheet_row(const char *label, const double *values)
{
    fprintf(sheet.json, "%s\n    [\"%s\"", sheet.rows++ ? "," : "", label);
    printf("%-*s", LABEL_WIDTH, label);
    for (unsigned i = 0; i < sheet.columns_count; i++) {
        char text[64] = "-";
        int decimals = sheet.columns[i].decimals;
        if (isfinite(values[i])) {
            write_number(text, sizeof text, values[i], decimals);
            fprintf(sheet.json, ", %.*f", decimals, values[i]);
        } else {
            fputs(", null", sheet.json);
        }
        printf("%*s", width_of(&sheet.columns[i]), text);
    }
    fputc(']', sheet.json);
    putchar('\n');
    show();
}

static bool is_met(enum goal goal)
{
    double figure = sheet.figures[goal];

    return goals[goal].at_least ? figure >= goals[goal].limit : figure <= goals[goal].limit;
}

static void print_goal(enum goal goal)
{
    const struct goal_spec *spec = &goals[goal];
    char limit[32], figure[32];

    write_number(limit, sizeof limit, spec->limit, spec->limit < 10 && fmod(spec->limit, 1) != 0);
    printf("goal %s %s%s: ", spec->at_least ? "at least" : "at most", limit, spec->unit);
    if (sheet.has_figure[goal]) {
        write_number(figure, sizeof figure, sheet.figures[goal], fabs(sheet.figures[goal]) < 100 ? 2 : 0);
        printf("%s (%s%s)", is_met(goal) ? "met" : "not met", figure, spec->unit);
    } else {
        printf("not run here: %s", sheet.reasons[goal] ? sheet.reasons[goal] : "NO FIGURE");
    }
    printf(" - %s\n", spec->what);
    show();
}

void sheet_goal(enum goal goal, double figure)
{
    sheet.has_figure[goal] = isfinite(figure);
    sheet.figures[goal] = figure;
    print_goal(goal);
}

void sheet_goal_not_here(enum goal goal, const char *why)
{
    sheet.reasons[goal] = why;
    print_goal(goal);
}

static void write_machine(FILE *file)
{
    struct utsname name;

    uname(&name);
    fprintf(file, "{\"machine\": {\"cores\": %ld, \"memory_mib\": %ld, \"kernel\": \"%s\"},\n",
            sysconf(_SC_NPROCESSORS_ONLN), sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024, name.release);
}

static void write_goals(FILE *file, const bool parts[PART_COUNT])
{
    const char *between = "";

    fprintf(file, " \"goals\": [");
    for (enum goal goal = 0; goal < GOAL_COUNT; goal++) {
        const struct goal_spec *spec = &goals[goal];
        if (!parts[spec->part])
            continue;
        fprintf(file, "%s\n  {\"name\": \"%s\", \"what\": \"%s\", \"%s\": %g, \"unit\": \"%s\", ", between, spec->name,
                spec->what, spec->at_least ? "at_least" : "at_most", spec->limit, spec->unit);
        if (sheet.has_figure[goal])
            fprintf(file, "\"figure\": %.3f, \"met\": %s}", sheet.figures[goal], is_met(goal) ? "true" : "false");
        else
            fprintf(file, "\"figure\": null, \"not_run_here\": \"%s\"}",
                    sheet.reasons[goal] ? sheet.reasons[goal] : "no figure");
        between = ",";
    }
    fputs("]}\n", file);
}

static bool print_goals(const bool parts[PART_COUNT])
{
    bool complete = true;

    puts("\nThe goals");
    for (enum goal goal = 0; goal < GOAL_COUNT; goal++)
        if (parts[goals[goal].part]) {
            print_goal(goal);
            complete = complete && (sheet.has_figure[goal] || sheet.reasons[goal]);
        }
    return complete;
}

bool sheet_close(const char *path, const bool parts[PART_COUNT])
{
    FILE *file = fopen(path, "w");

    if (!file)
        rig_fail(path);
    end_table();
    fclose(sheet.json);
    write_machine(file);
    fprintf(file, " \"tables\": [%s],\n", sheet.text);
    write_goals(file, parts);
    if (ferror(file) || fclose(file) != 0)
        rig_fail(path);
    free(sheet.text);
    return print_goals(parts);
}

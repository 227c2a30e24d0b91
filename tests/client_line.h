/* SPDX-License-Identifier: MIT
 * client_line: runs one command line of a client inside a test, against a peer of tests/peer.h, and looks at what it
 * printed. Included by one file of each test program, after criterion. */
#ifndef TESTS_CLIENT_LINE_H
#define TESTS_CLIENT_LINE_H

#include "clients/options.h"

#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 1024
#define LINE_WORDS_MAX 48

/* A line of words, _ standing for a blank. Returns the exit code. */
__attribute__((unused)) static int line_run(const struct program *program, const char *line)
{
    char copy[LINE_BYTES];
    char *words[LINE_WORDS_MAX];
    char *rest;
    int count = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok_r(copy, " ", &rest); word && count < LINE_WORDS_MAX - 1;
         word = strtok_r(NULL, " ", &rest)) {
        for (char *blank = word; (blank = strchr(blank, '_'));)
            *blank = ' ';
        words[count++] = word;
    }
    words[count] = NULL;
    return options_run(program, count, words);
}

/* All that was printed since it was last looked at. */
static const char *line_printed(FILE *redirected)
{
    static char text[1 << 16];
    size_t length;

    fflush(stdout);
    fflush(stderr);
    length = fread(text, 1, sizeof text - 1, redirected);
    text[length] = '\0';
    return text;
}

__attribute__((unused)) static void expect_out(const char *part)
{
    const char *text = line_printed(cr_get_redirected_stdout());

    cr_assert(strstr(text, part), "\"%s\" is not in: %s", part, text);
}

__attribute__((unused)) static void expect_err(const char *part)
{
    const char *text = line_printed(cr_get_redirected_stderr());

    cr_assert(strstr(text, part), "\"%s\" is not in: %s", part, text);
}

#endif

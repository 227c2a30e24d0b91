/* SPDX-License-Identifier: MIT
 * replay: a fuzz target without a fuzzer: each file of the kept corpus once, so that what was found stays found in
 * every build. Usage: replay_TARGET DIRECTORY. A directory without files is a fault. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>

#define BYTES_MAX (1 << 20)

static void replay(const char *directory, const char *name)
{
    static uint8_t bytes[BYTES_MAX];
    char path[4096];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    fprintf(stderr, "%s\n", path); /* stands last when this one ends the program */
    FILE *file = fopen(path, "rbe");
    REQUIRE(file);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    REQUIRE(length < sizeof bytes);
    fclose(file);
    uint8_t *copy = malloc(length + !length); /* of its exact size, so that a step past its end is seen */
    REQUIRE(copy);
    for (size_t i = 0; i < length; i++)
        copy[i] = bytes[i];
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

int main(int argc, char **argv)
{
    struct dirent **files;
    int count = argc == 2 ? scandir(argv[1], &files, NULL, alphasort) : -1;
    int replayed = 0;

    if (count < 0) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < count; i++) {
        if (files[i]->d_name[0] != '.') {
            replay(argv[1], files[i]->d_name);
            replayed++;
        }
        free(files[i]);
    }
    free(files);
    printf("%d inputs\n", replayed);
    return replayed == 0;
}

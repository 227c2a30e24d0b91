#!/bin/sh
# SPDX-License-Identifier: MIT
# No layer has less of its lines and branches reached than coverage_least.txt says. Usage: check_coverage.sh CSV LEAST,
# the first as gcovr --csv writes it.
set -eu
awk -F, '
    FILENAME == ARGV[1] {
        if ($0 !~ /^#/ && split($0, word, " ") == 4) {
            layers[++count] = word[1]
            pattern[word[1]] = word[2]
            least_lines[word[1]] = word[3]
            least_branches[word[1]] = word[4]
        }
        next
    }
    FNR > 1 {
        for (i = 1; i <= count; i++)
            if ($1 ~ pattern[layers[i]]) {
                lines[i] += $2; lines_reached[i] += $3
                branches[i] += $5; branches_reached[i] += $6
            }
    }
    END {
        printf "%-8s %16s %22s\n", "layer", "lines", "branches"
        for (i = 1; i <= count; i++) {
            layer = layers[i]
            l = lines[i] ? 100 * lines_reached[i] / lines[i] : 0
            b = branches[i] ? 100 * branches_reached[i] / branches[i] : 0
            printf "%-8s %6.2f %% of %5d %8.2f %% of %6d", layer, l, lines[i], b, branches[i]
            if (l < least_lines[layer] || b < least_branches[layer]) {
                printf "  LESS than %s and %s", least_lines[layer], least_branches[layer]
                failed = 1
            }
            print ""
        }
        exit failed
    }' "$2" "$1"

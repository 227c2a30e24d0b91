#!/bin/sh
# SPDX-License-Identifier: MIT
# cppcheck finds no fault in what is shipped but what cppcheck_known.txt argues. Its matters of style are clang-tidy's
# here. Usage: check_cppcheck.sh SOURCE_DIR
set -eu
cd "$1"
exec cppcheck --quiet -j 2 --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --suppressions-list=tests/cppcheck_known.txt --suppress=missingIncludeSystem -D_GNU_SOURCE \
    '-DREFERRALD_VERSION="0"' -I . proto daemon clients

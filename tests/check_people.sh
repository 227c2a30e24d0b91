#!/bin/sh
# SPDX-License-Identifier: MIT
# No NHS number stands anywhere that could be somebody's, in files of bytes neither: ten digits with the right last one
# begin with 999, the range that is never issued. Telephone numbers (they begin with 0) and digits inside longer words do
# not count.
# Usage: check_people.sh SOURCE_DIR
set -eu
cd "$1"
LC_ALL=C grep -arnoE '(^|[^0-9A-Za-z.])[1-9][0-9]{2}[ -]?[0-9]{3}[ -]?[0-9]{4}([^0-9A-Za-z]|$)' --include='*' \
    --exclude-dir=.git --exclude-dir=build . | awk '
    {
        count++
        digits = $0
        sub(/^[^:]*:[0-9]*:/, "", digits)
        gsub(/[^0-9]/, "", digits)
        if (length(digits) != 10 || digits ~ /^999/ || digits == "2147483648") # two to the power of 31
            next
        sum = 0
        for (i = 1; i <= 9; i++)
            sum += substr(digits, i, 1) * (11 - i)
        check = (11 - sum % 11) % 11
        if (check < 10 && check == substr(digits, 10, 1)) {
            print "could be the NHS number of a person: " $0
            found = 1
        }
    }
    END {
        if (count < 50) {
            print "only " count + 0 " numbers of ten digits were found: has anything been looked at?"
            exit 2
        }
        exit found
    }'

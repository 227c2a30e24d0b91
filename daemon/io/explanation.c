/* SPDX-License-Identifier: MIT
 * explanation: see explanation.h. */
#include "daemon/io/explanation.h"

#include <stdarg.h>
#include <stdio.h>

bool refuse_with(struct explanation explanation, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(explanation.why, explanation.why_size, format, arguments);
    va_end(arguments);
    return false;
}

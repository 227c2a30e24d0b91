/* SPDX-License-Identifier: MIT
 * check: the forms of single values, and the rules of proto/rules.def between the fields of one request. */
#include "proto/check.h"
#include "proto/rules.def"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define CLOCK_AHEAD_MS (5 * MINUTE_MS)
#define YEAR_LEAST 1900
#define YEAR_MOST 9999

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_upper(char byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_id_byte(char byte)
{
    return is_digit(byte) || is_upper(byte) || is_lower(byte) || byte == '.' || byte == '_' || byte == '-';
}

static bool is_ods_byte(char byte)
{
    return is_digit(byte) || is_upper(byte);
}

static bool is_domain_byte(char byte)
{
    return is_digit(byte) || is_upper(byte) || is_lower(byte) || byte == '.' || byte == '-';
}

static bool one_of(const char *set, char byte)
{
    for (; *set != '\0'; set++)
        if (*set == byte)
            return true;
    return false;
}

static bool is_mailbox_byte(char byte)
{
    return byte > ' ' && byte < 0x7f && !one_of("\"(),:;<>@[\\]", byte);
}

/* Not empty, and each byte is one that the form allows. */
static bool all_bytes(const char *bytes, size_t length, bool (*allows)(char))
{
    for (size_t i = 0; i < length; i++)
        if (!allows(bytes[i]))
            return false;
    return length > 0;
}

/* Reads exactly `count` digits. */
static bool read_digits(const char *bytes, unsigned count, int *number)
{
    *number = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!is_digit(bytes[i]))
            return false;
        *number = *number * 10 + (bytes[i] - '0');
    }
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Years are counted from March here, so that the leap day is the last of its year. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return 365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t of_era = z % 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int64_t floor_divide(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

static bool read_date(const char *bytes, int64_t *days)
{
    int year;
    int month;
    int day;

    if (!read_digits(bytes, 4, &year) || bytes[4] != '-' || !read_digits(bytes + 5, 2, &month) || bytes[7] != '-' ||
        !read_digits(bytes + 8, 2, &day))
        return false;
    if (year < YEAR_LEAST || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_of_date(year, month, day);
    return true;
}

/* "T14:02:31"; a sixtieth second counts as the one before, and *leap says that it stood there. */
static bool read_clock(const char *bytes, int64_t *ms, bool *leap)
{
    int hour;
    int minute;
    int second;

    if (bytes[0] != 'T' || !read_digits(bytes + 1, 2, &hour) || bytes[3] != ':' ||
        !read_digits(bytes + 4, 2, &minute) || bytes[6] != ':' || !read_digits(bytes + 7, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *leap = second == 60;
    *ms = hour * HOUR_MS + minute * MINUTE_MS + (*leap ? 59 : second) * 1000;
    return true;
}

/* ".5", ".123", ".123456789" or nothing, and something after it; what is finer than a millisecond is cut off. *length
 * is what was read. */
static bool read_fraction(const char *bytes, size_t left, int *ms, size_t *length)
{
    int weight = 100;

    *ms = 0;
    *length = 0;
    if (bytes[0] != '.')
        return true;
    for (*length = 1; *length < left && is_digit(bytes[*length]); ++*length) {
        *ms += (bytes[*length] - '0') * weight;
        weight /= 10;
    }
    return *length >= 2 && *length <= 10;
}

/* "Z" or "+01:00", to the end of the text. */
static bool read_offset(const char *bytes, size_t left, int64_t *ms)
{
    int hours;
    int minutes;

    *ms = 0;
    if (left == 1)
        return bytes[0] == 'Z';
    if (left != 6 || (bytes[0] != '+' && bytes[0] != '-') || !read_digits(bytes + 1, 2, &hours) || bytes[3] != ':' ||
        !read_digits(bytes + 4, 2, &minutes) || hours > 14 || minutes > 59)
        return false;
    *ms = (hours * HOUR_MS + minutes * MINUTE_MS) * (bytes[0] == '-' ? -1 : 1);
    return true;
}

/* Of at least two characters. */
static bool is_outward(const char *code, size_t length)
{
    size_t letters = is_upper(code[1]) ? 2 : 1;

    if (length == 3 && memcmp(code, "GIR", 3) == 0)
        return true;
    if (length <= letters || length > letters + 2 || !is_upper(code[0]) || one_of("QVX", code[0]))
        return false;
    if (letters == 2 && one_of("IJZ", code[1]))
        return false;
    if (!is_digit(code[letters]))
        return false;
    return length == letters + 1 || is_digit(code[letters + 1]) || is_upper(code[letters + 1]);
}

static bool is_inward(const char *code)
{
    return is_digit(code[0]) && is_upper(code[1]) && is_upper(code[2]) && !one_of("CIKMOV", code[1]) &&
           !one_of("CIKMOV", code[2]);
}

static int hex_digit(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

static bool hyphen_stands_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static unsigned referral_check(uint64_t number)
{
    return (unsigned)(98 - number % 97 * 100 % 97);
}

/* Eight bytes of plain printable ASCII at once. */
static bool is_plain_word(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return ((word | (word - 0x20 * ones) | (word + ones)) & (0x80 * ones)) == 0;
}

/* The length of the valid, printable character at `bytes`; 0 when there is none. */
static size_t character_length(const unsigned char *bytes, size_t left, bool lines)
{
    static const uint32_t smallest[] = {0, 0, 0xa0, 0x800, 0x10000}; /* U+0080 to U+009F are control characters */
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
    uint32_t point;

    if (length == 1) {
        bool is_line = lines && (bytes[0] == '\n' || bytes[0] == '\t');

        return is_line || (bytes[0] >= 0x20 && bytes[0] != 0x7f);
    }
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || length > left)
        return 0;
    point = bytes[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3fu);
    }
    if (point < smallest[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    return length;
}

bool check_nhs_number(struct text text, char normal[11])
{
    size_t count = 0;
    int sum = 0;
    int check;

    if (text.length != 10 && text.length != 12)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (text.length == 12 && (i == 3 || i == 7)) {
            if (text.bytes[i] != ' ')
                return false;
            continue;
        }
        if (!is_digit(text.bytes[i]))
            return false;
        normal[count++] = text.bytes[i];
    }
    normal[10] = '\0';
    for (int i = 0; i < 9; i++)
        sum += (normal[i] - '0') * (10 - i);
    check = (11 - sum % 11) % 11;
    /* Ten zeros pass the arithmetic, are never issued, and would make one person of many. */
    return check == normal[9] - '0' && strcmp(normal, "0000000000") != 0;
}

bool check_postcode(struct text text, char normal[10])
{
    char code[8];
    size_t length = 0;
    size_t outward;

    if (text.length < 5 || text.length > 8)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        char byte = text.bytes[i];

        if (byte == ' ' && i == text.length - 4)
            continue;
        if (length == sizeof code - 1)
            return false;
        code[length++] = is_lower(byte) ? (char)(byte - 'a' + 'A') : byte;
    }
    if (length < 5)
        return false;
    outward = length - 3;
    if (!is_outward(code, outward) || !is_inward(code + outward))
        return false;
    memcpy(normal, code, outward);
    normal[outward] = ' ';
    memcpy(normal + outward + 1, code + outward, 3);
    normal[length + 1] = '\0';
    return true;
}

bool check_id(struct text text)
{
    return all_bytes(text.bytes, text.length, is_id_byte);
}

bool check_phone(struct text text)
{
    size_t plus = text.length > 0 && text.bytes[0] == '+';

    return all_bytes(text.bytes + plus, text.length - plus, is_digit);
}

bool check_email(struct text text)
{
    const char *at = text.length > 0 ? memchr(text.bytes, '@', text.length) : NULL;
    size_t mailbox = at ? (size_t)(at - text.bytes) : 0;
    size_t domain = at ? text.length - mailbox - 1 : 0;

    if (!at || mailbox > 64 || !all_bytes(text.bytes, mailbox, is_mailbox_byte) ||
        !all_bytes(at + 1, domain, is_domain_byte))
        return false;
    return at[1] != '.' && at[domain] != '.' && !memmem(at + 1, domain, "..", 2);
}

bool check_ods(struct text text)
{
    return all_bytes(text.bytes, text.length, is_ods_byte);
}

bool check_digits(struct text text)
{
    return all_bytes(text.bytes, text.length, is_digit);
}

bool check_utf8(struct text text, bool lines, size_t *characters)
{
    size_t i = 0;

    *characters = 0;
    while (i < text.length) {
        size_t length;

        if (text.length - i >= 8 && is_plain_word(text.bytes + i)) {
            i += 8;
            *characters += 8;
            continue;
        }
        length = character_length((const unsigned char *)text.bytes + i, text.length - i, lines);
        if (length == 0)
            return false;
        i += length;
        ++*characters;
    }
    return true;
}

bool uuid_parse(struct text text, uint8_t uuid[UUID_BYTES])
{
    size_t at = 0;

    if (text.length != UUID_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < UUID_TEXT_BYTES;) {
        int high;
        int low;

        if (hyphen_stands_at(i)) {
            if (text.bytes[i++] != '-')
                return false;
            continue;
        }
        high = hex_digit(text.bytes[i]);
        low = hex_digit(text.bytes[i + 1]);
        if (high < 0 || low < 0)
            return false;
        uuid[at++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return true;
}

void uuid_format(const uint8_t uuid[UUID_BYTES], char out[UUID_TEXT_BYTES + 1])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (hyphen_stands_at(at))
            out[at++] = '-';
        out[at++] = digits[uuid[i] >> 4];
        out[at++] = digits[uuid[i] & 15];
    }
    out[at] = '\0';
}

bool referral_id_parse(struct text text, uint64_t *number)
{
    int check;

    *number = 0;
    /* "R1-95" is the shortest; 19 digits cannot pass the range of uint64. */
    if (text.length < 5 || text.length >= REFERRAL_ID_BYTES_MAX || text.bytes[0] != 'R' || text.bytes[1] == '0' ||
        text.bytes[text.length - 3] != '-' || !read_digits(text.bytes + text.length - 2, 2, &check))
        return false;
    for (size_t i = 1; i < text.length - 3; i++) {
        if (!is_digit(text.bytes[i]))
            return false;
        *number = *number * 10 + (uint64_t)(text.bytes[i] - '0');
    }
    return *number <= INT64_MAX && (unsigned)check == referral_check(*number);
}

static void put_digits(char *out, unsigned count, int number)
{
    for (unsigned i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
}

void referral_id_format(uint64_t number, char out[REFERRAL_ID_BYTES_MAX])
{
    char digits[20];
    size_t count = 0;

    assert(number > 0 && number <= INT64_MAX);
    for (uint64_t left = number; left; left /= 10)
        digits[count++] = (char)('0' + left % 10);
    *out++ = 'R';
    while (count)
        *out++ = digits[--count];
    *out++ = '-';
    put_digits(out, 2, (int)referral_check(number));
    out[2] = '\0';
}

bool date_parse(struct text text, int64_t *days)
{
    return text.length == 10 && read_date(text.bytes, days);
}

void date_format(int64_t days, char out[11])
{
    int year;
    int month;
    int day;

    date_of_days(days, &year, &month, &day);
    assert(year >= YEAR_LEAST && year <= YEAR_MOST);
    memcpy(out, "0000-00-00", 11);
    put_digits(out, 4, year);
    put_digits(out + 5, 2, month);
    put_digits(out + 8, 2, day);
}

bool datetime_parse(struct text text, int64_t *ms)
{
    const size_t to_the_second = 19;
    int64_t days;
    int64_t clock;
    int64_t offset;
    int fraction;
    size_t length;
    bool leap;

    if (text.length <= to_the_second || !read_date(text.bytes, &days) || !read_clock(text.bytes + 10, &clock, &leap) ||
        !read_fraction(text.bytes + to_the_second, text.length - to_the_second, &fraction, &length) ||
        !read_offset(text.bytes + to_the_second + length, text.length - to_the_second - length, &offset))
        return false;
    *ms = days * DAY_MS + clock + fraction - offset;
    if (*ms < days_of_date(YEAR_LEAST, 1, 1) * DAY_MS || *ms >= days_of_date(YEAR_MOST + 1, 1, 1) * DAY_MS)
        return false;
    /* Leap seconds are only ever the last of a day in UTC. */
    return !leap || *ms - floor_divide(*ms, DAY_MS) * DAY_MS >= DAY_MS - 1000;
}

void datetime_format(int64_t ms, char out[25])
{
    int64_t days = floor_divide(ms, DAY_MS);
    int rest = (int)(ms - days * DAY_MS);

    date_format(days, out);
    memcpy(out + 10, "T00:00:00.000Z", 15);
    put_digits(out + 11, 2, rest / (int)HOUR_MS);
    put_digits(out + 14, 2, rest / (int)MINUTE_MS % 60);
    put_digits(out + 17, 2, rest / 1000 % 60);
    put_digits(out + 20, 3, rest % 1000);
}

/* Dates are those of the United Kingdom, whose summer day begins an hour before UTC's. */
static int64_t today(int64_t now_ms)
{
    return floor_divide(now_ms + HOUR_MS, DAY_MS);
}

static bool is_true(const struct message *message, enum field field)
{
    return message_number(message, field) != 0;
}

static bool codes_hold(const struct message *message, enum field field, int code)
{
    for (size_t i = 0; i < message_list_count(message, field); i++)
        if (message_element(message, field, i)->number == code)
            return true;
    return false;
}

/* Refines the refusal that the table of rules gives. */
static bool broken(struct fault *fault, enum refusal refusal, enum field field)
{
    fault->refusal = refusal;
    snprintf(fault->field, sizeof fault->field, "%s", fields[field].name);
    return false;
}

static bool broken_in(struct fault *fault, enum refusal refusal, enum field field, size_t i, const char *member)
{
    fault->refusal = refusal;
    snprintf(fault->field, sizeof fault->field, "%s[%zu].%s", fields[field].name, i, member);
    return false;
}

/* The rules. Each returns true when it holds; *fault already says what the table says. */

static bool version_is_spoken(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_number(message, FIELD_protocol_version) == PROTOCOL_VERSION;
}

static bool consent_is_not_withheld(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_number(message, FIELD_consent_to_share) != CONSENT_WITHHELD;
}

static bool referrer_is_reachable(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_has(message, FIELD_referrer_phone) || message_has(message, FIELD_referrer_email);
}

static bool nhs_number_or_reason(const struct message *message, int64_t now_ms, struct fault *fault)
{
    bool has_number = message_has(message, FIELD_nhs_number);

    (void)now_ms;
    if (has_number && message_has(message, FIELD_nhs_number_absent_reason))
        return broken(fault, REFUSAL_INVARIANT, FIELD_nhs_number_absent_reason);
    return has_number || message_has(message, FIELD_nhs_number_absent_reason);
}

static bool person_has_a_number(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_has(message, FIELD_nhs_number) || message_has(message, FIELD_local_person_id);
}

static bool home_is_known(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    if (is_true(message, FIELD_no_fixed_abode))
        return true;
    if (!message_has(message, FIELD_postcode) && !message_has(message, FIELD_gp_practice_ods))
        return false;
    if (!message_has(message, FIELD_address_lines))
        return broken(fault, REFUSAL_REQUIRED, FIELD_address_lines);
    return true;
}

static bool whereabouts_are_known(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return !is_true(message, FIELD_no_fixed_abode) || message_has(message, FIELD_neighbourhood_code) ||
           message_has(message, FIELD_contact_hub_id);
}

static bool one_need_is_primary(const struct message *message, int64_t now_ms, struct fault *fault)
{
    size_t count = message_list_count(message, FIELD_needs);
    size_t primaries = 0;
    uint64_t seen = 0;

    (void)now_ms;
    for (size_t i = 0; i < count; i++) {
        const struct value *is_primary = message_member(message, FIELD_needs, i, MEMBER_is_primary);
        uint64_t need = UINT64_C(1) << message_member(message, FIELD_needs, i, MEMBER_code)->number;

        if (seen & need)
            return broken_in(fault, REFUSAL_INVARIANT, FIELD_needs, i, "code");
        seen |= need;
        primaries += is_primary->present ? is_primary->number != 0 : count == 1;
        if (primaries > 1)
            return broken_in(fault, REFUSAL_INVARIANT, FIELD_needs, i, "is_primary");
    }
    return primaries == 1;
}

static bool none_stands_alone(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return !codes_hold(message, FIELD_consent_message_back, BACK_NONE) ||
           message_list_count(message, FIELD_consent_message_back) == 1;
}

static bool gp_is_known(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return !codes_hold(message, FIELD_consent_message_back, BACK_GP) || message_has(message, FIELD_gp_practice_ods);
}

static bool sent_by_now(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)fault;
    return message_number(message, FIELD_sent_at) <= now_ms + CLOCK_AHEAD_MS;
}

static bool authored_before_sent(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_number(message, FIELD_authored_on) <= message_number(message, FIELD_sent_at);
}

static bool answer_after_question(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return !message_has(message, FIELD_respond_by) ||
           message_number(message, FIELD_respond_by) > message_number(message, FIELD_authored_on);
}

static bool born_by_today(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)fault;
    return message_number(message, FIELD_date_of_birth) <= today(now_ms);
}

static bool spans_have_a_length(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    for (size_t i = 0; i < message_list_count(message, FIELD_availability); i++)
        if (message_member(message, FIELD_availability, i, MEMBER_span_closes_at)->number <=
            message_member(message, FIELD_availability, i, MEMBER_span_opens_at)->number)
            return broken_in(fault, REFUSAL_INVARIANT, FIELD_availability, i, "closes_at");
    return true;
}

/* Items of each measure, and the range of each. */
static const struct measure_range {
    int items;
    int least;
    int most;
} measure_ranges[] = {
    [MEASURE_ONS4] = {4, 0, 10},
    [MEASURE_SWEMWBS] = {7, 1, 5},
    [MEASURE_WEMWBS] = {14, 1, 5},
};

/* The members of a score, as they stand in baseline_scores and, behind the moment, in outcome_scores. */
static const struct value *score_member(const struct message *message, enum field field, size_t i,
                                        enum score_member member)
{
    size_t before = field == FIELD_outcome_scores ? MEMBER_outcome_measure : MEMBER_score_measure;

    return message_member(message, field, i, before + member);
}

static bool items_fit(const struct message *message, enum field field, size_t i, struct fault *fault)
{
    const struct measure_range *range = &measure_ranges[score_member(message, field, i, MEMBER_score_measure)->number];
    const struct value *items = score_member(message, field, i, MEMBER_score_items);

    if (items->list.count != range->items)
        return broken_in(fault, REFUSAL_INVARIANT, field, i, "items");
    for (size_t k = 0; k < items->list.count; k++) {
        int64_t item = message->values[items->list.first + k].number;

        if (item < range->least || item > range->most)
            return broken_in(fault, REFUSAL_OUT_OF_RANGE, field, i, "items");
    }
    return true;
}

static bool score_fits(const struct message *message, enum field field, size_t i, int64_t now_ms, struct fault *fault)
{
    const struct measure_range *range = &measure_ranges[score_member(message, field, i, MEMBER_score_measure)->number];
    const struct value *items = score_member(message, field, i, MEMBER_score_items);
    const struct value *total = score_member(message, field, i, MEMBER_score_total);

    if (score_member(message, field, i, MEMBER_score_taken_on)->number > today(now_ms))
        return broken_in(fault, REFUSAL_OUT_OF_RANGE, field, i, "taken_on");
    if (!items->present && !total->present)
        return broken_in(fault, REFUSAL_REQUIRED, field, i, "items");
    if (items->present && total->present)
        return broken_in(fault, REFUSAL_INVARIANT, field, i, "total");
    if (items->present)
        return items_fit(message, field, i, fault);
    if (total->number < range->items * range->least || total->number > range->items * range->most)
        return broken_in(fault, REFUSAL_OUT_OF_RANGE, field, i, "total");
    return true;
}

static bool scores_fit_their_measure(const struct message *message, int64_t now_ms, struct fault *fault)
{
    static const enum field of_scores[] = {FIELD_baseline_scores, FIELD_outcome_scores};

    for (size_t f = 0; f < sizeof of_scores / sizeof of_scores[0]; f++)
        for (size_t i = 0; i < message_list_count(message, of_scores[f]); i++)
            if (!score_fits(message, of_scores[f], i, now_ms, fault))
                return false;
    return true;
}

static bool consent_by_now(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)fault;
    return message_number(message, FIELD_consent_recorded_at) <= now_ms + CLOCK_AHEAD_MS;
}

static bool reason_is_allowed(const struct message *message, int64_t now_ms, struct fault *fault)
{
#define AS_ALLOWED(name, reason) {MESSAGE_##name, reason},
    static const struct {
        enum message_type type;
        enum status_reason reason;
    } allowed[] = {ALLOWED_REASONS(AS_ALLOWED)};
#undef AS_ALLOWED

    (void)now_ms;
    (void)fault;
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        if (allowed[i].type == message->type && allowed[i].reason == message_number(message, FIELD_status_reason))
            return true;
    return false;
}

static bool other_is_explained(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_number(message, FIELD_status_reason) != REASON_OTHER || message_has(message, FIELD_note);
}

static bool piece_or_version(const struct message *message, int64_t now_ms, struct fault *fault)
{
    static const enum field of_a_piece[] = {FIELD_draft_text, FIELD_first_byte, FIELD_is_last};

    (void)now_ms;
    if (message_has(message, FIELD_network_version)) {
        for (size_t i = 0; i < sizeof of_a_piece / sizeof of_a_piece[0]; i++)
            if (message_has(message, of_a_piece[i]))
                return broken(fault, REFUSAL_INVARIANT, of_a_piece[i]);
        return true;
    }
    if (message_has(message, FIELD_draft_text) && !message_has(message, FIELD_first_byte))
        return broken(fault, REFUSAL_REQUIRED, FIELD_first_byte);
    return message_has(message, FIELD_draft_text);
}

static bool ends_after_now(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)fault;
    return !message_has(message, FIELD_until) || message_number(message, FIELD_until) > now_ms;
}

static bool something_is_new(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (i != FIELD_request_id && i != FIELD_referral_id && message_has(message, (enum field)i))
            return true;
    return false;
}

/* A consent is recorded anew as a whole, or stays as it is. */
static bool consent_is_whole(const struct message *message, int64_t now_ms, struct fault *fault)
{
    static const enum field of_consent[] = {FIELD_consent_to_share, FIELD_consent_recorded_at,
                                            FIELD_consent_recorded_by, FIELD_consent_expires_on};
    const size_t mandatory = 3;
    bool any = false;

    (void)now_ms;
    for (size_t i = 0; i < sizeof of_consent / sizeof of_consent[0]; i++)
        any = any || message_has(message, of_consent[i]);
    for (size_t i = 0; any && i < mandatory; i++)
        if (!message_has(message, of_consent[i]))
            return broken(fault, REFUSAL_REQUIRED, of_consent[i]);
    return true;
}

static bool person_is_named(const struct message *message, int64_t now_ms, struct fault *fault)
{
    static const enum field of_name[] = {FIELD_family_name, FIELD_given_name, FIELD_date_of_birth};
    bool any = !message_has(message, FIELD_nhs_number);

    (void)now_ms;
    for (size_t i = 0; i < sizeof of_name / sizeof of_name[0]; i++)
        any = any || message_has(message, of_name[i]);
    for (size_t i = 0; any && i < sizeof of_name / sizeof of_name[0]; i++)
        if (!message_has(message, of_name[i]))
            return broken(fault, REFUSAL_REQUIRED, of_name[i]);
    return true;
}

static bool case_or_reason(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_has(message, FIELD_referral_id) || message_has(message, FIELD_note);
}

static bool contact_is_given(const struct message *message, int64_t now_ms, struct fault *fault)
{
    (void)now_ms;
    (void)fault;
    return message_number(message, FIELD_known) != KNOWN_CANNOT_SAY || message_has(message, FIELD_contact);
}

static bool anchor_is_whole(const struct message *message, int64_t now_ms, struct fault *fault)
{
    bool has_head = message_has(message, FIELD_audit_head);

    (void)now_ms;
    if (has_head && !message_has(message, FIELD_audit_sequence))
        return broken(fault, REFUSAL_REQUIRED, FIELD_audit_sequence);
    return has_head || !message_has(message, FIELD_audit_sequence);
}

bool check_request(const struct message *message, int64_t now_ms, struct fault *fault)
{
#define AS_RULE(name, field, refusal, holds, sentence) {MESSAGE_##name, FIELD_##field, refusal, holds},
    static const struct {
        enum message_type type;
        enum field field;
        enum refusal refusal;
        bool (*holds)(const struct message *, int64_t, struct fault *);
    } rules[] = {FIELD_RULES(AS_RULE)};
#undef AS_RULE

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].type != message->type)
            continue;
        /* A rule that holds may leave the fault as it found it: nobody reads it then. */
        fault->refusal = rules[i].refusal;
        fault->field[0] = '\0';
        if (rules[i].holds(message, now_ms, fault))
            continue;
        if (fault->field[0] == '\0')
            broken(fault, rules[i].refusal, rules[i].field);
        return false;
    }
    fault->refusal = REFUSAL_NONE;
    return true;
}

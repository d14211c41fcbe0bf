/* base/timefmt.c: RFC 3339 points in time and durations as text. */
#include "base/timefmt.h"

#include <math.h>
#include <stdio.h>

#include "base/ascii.h"

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar, and back (Hinnant's era arithmetic).
 */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era = 0;
    int64_t yoe = 0;
    int64_t doy = 0;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (int64_t)(m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t z, int64_t *ret_y, unsigned *ret_m, unsigned *ret_d)
{
    int64_t era = 0;
    int64_t doe = 0;
    int64_t yoe = 0;
    int64_t doy = 0;
    int64_t mp = 0;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *ret_d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *ret_m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *ret_y = yoe + era * 400 + (*ret_m <= 2);
}

const char *rfc3339_format(int64_t unix_ms, char *ret)
{
    int64_t days = unix_ms / 86400000;
    int64_t ms = unix_ms % 86400000;
    int64_t y = 0;
    unsigned m = 0;
    unsigned d = 0;

    if (ms < 0) {
        ms += 86400000;
        days--;
    }
    civil_from_days(days, &y, &m, &d);
    snprintf(ret, RFC3339_SIZE, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", (int)(y % 10000), m % 100, d % 100,
             (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
    return ret;
}

/* @n digits at the front of @s; false when there are fewer. */
static bool digits(struct str *s, size_t n, int *ret)
{
    int value = 0;

    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!ascii_is_digit(s->ptr[i]))
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    *s = str_sub(*s, n, s->len);
    *ret = value;
    return true;
}

static bool fraction(struct str *s, int *ret_ms)
{
    struct str all = str_take_digits(s);
    int scale = 100;

    for (size_t i = 0; i < all.len; i++) {
        *ret_ms += (all.ptr[i] - '0') * scale;
        scale /= 10;
    }
    return all.len > 0 && all.len <= 9;
}

static bool zone(struct str *s, int64_t *ret_offset_ms)
{
    bool west = str_take(s, '-');
    int h = 0;
    int m = 0;

    if (!west && (str_take(s, 'Z') || str_take(s, 'z')))
        return true;
    if ((!west && !str_take(s, '+')) || !digits(s, 2, &h) || !str_take(s, ':') || !digits(s, 2, &m) ||
        h > 23 || m > 59)
        return false;
    *ret_offset_ms = (int64_t)(h * 60 + m) * 60000 * (west ? -1 : 1);
    return true;
}

static bool month_has(int y, int m, int d)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m >= 1 && m <= 12 && d >= 1 && d <= lengths[m - 1] + (m == 2 && leap);
}

/* "2026-01-02" */
static bool date(struct str *s, int64_t *ret_days)
{
    int y = 0;
    int m = 0;
    int d = 0;

    if (!digits(s, 4, &y) || !str_take(s, '-') || !digits(s, 2, &m) || !str_take(s, '-') ||
        !digits(s, 2, &d) || !month_has(y, m, d))
        return false;
    *ret_days = days_from_civil(y, (unsigned)m, (unsigned)d);
    return true;
}

/* "03:04:05.678", since midnight; second 60 is a leap second. */
static bool time_of_day(struct str *s, int64_t *ret_ms)
{
    int h = 0;
    int m = 0;
    int sec = 0;
    int ms = 0;

    if (!digits(s, 2, &h) || !str_take(s, ':') || !digits(s, 2, &m) || !str_take(s, ':') ||
        !digits(s, 2, &sec) || h > 23 || m > 59 || sec > 60)
        return false;
    if (str_take(s, '.') && !fraction(s, &ms))
        return false;
    *ret_ms = ((h * 60LL + m) * 60 + sec) * 1000 + ms;
    return true;
}

bool rfc3339_parse(struct str s, int64_t *ret_unix_ms)
{
    int64_t days = 0;
    int64_t ms = 0;
    int64_t offset_ms = 0;

    if (!date(&s, &days) || !(str_take(&s, 'T') || str_take(&s, 't') || str_take(&s, ' ')) ||
        !time_of_day(&s, &ms) || !zone(&s, &offset_ms) || s.len)
        return false;
    *ret_unix_ms = days * 86400000 + ms - offset_ms;
    return true;
}

bool duration_parse_proto(struct str s, int64_t *ret_ms)
{
    double seconds = 0;

    if (s.len < 2 || s.ptr[s.len - 1] != 's' || s.ptr[0] == '+')
        return false;
    for (size_t i = 0; i + 1 < s.len; i++)
        if (!(ascii_is_digit(s.ptr[i]) || s.ptr[i] == '.' || (i == 0 && s.ptr[i] == '-')))
            return false;
    if (!str_to_double(str_sub(s, 0, s.len - 1), &seconds) || fabs(seconds) > 315576000000.0)
        return false;
    *ret_ms = (int64_t)llround(seconds * 1000);
    return true;
}

static double unit_ms(struct str u)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
                  { "h", 3600000 }, { "d", 86400000 }, { "", 1000 } };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (str_is(u, units[i].name))
            return units[i].ms;
    return 0;
}

bool duration_parse_human(struct str s, int64_t *ret_ms)
{
    double total = 0;

    if (s.len == 0)
        return false;
    while (s.len) {
        size_t n = 0;
        size_t u = 0;
        double value = 0;
        double unit = 0;

        while (n < s.len && (ascii_is_digit(s.ptr[n]) || s.ptr[n] == '.'))
            n++;
        while (n + u < s.len && ascii_is_lower(s.ptr[n + u]))
            u++;
        unit = unit_ms(str_sub(s, n, n + u));
        if (unit == 0 || (n + u == 0) || !str_to_double(str_sub(s, 0, n), &value))
            return false;
        total += value * unit;
        s = str_sub(s, n + u, s.len);
    }
    if (total > 1e15)
        return false;
    *ret_ms = (int64_t)llround(total);
    return true;
}

const char *duration_human(int64_t ms, char *ret)
{
    enum { SIZE = 32 };
    long long s = ms / 1000;

    if (ms < 1000)
        snprintf(ret, SIZE, "%lld ms", (long long)ms);
    else if (s < 60)
        snprintf(ret, SIZE, "%lld.%lld s", s, (long long)(ms % 1000 / 100));
    else if (s < 3600)
        snprintf(ret, SIZE, "%lld min %lld s", s / 60, s % 60);
    else
        snprintf(ret, SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
    return ret;
}

/* model/fault.c: see fault.h. */
#include "model/fault.h"

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

enum { P = 0, C = 1 };

const struct fault_info fault_table[] = {
#define X(number, NAME, name, blame, who, text) \
    {RLV_F_##NAME, name, RLV_BLAME_##blame, (who) == C, text},
    RLV_FAULT_MAP(X)
#undef X
};

const size_t fault_count = ARRAY_LEN(fault_table);

const char *const phase_names[RLV_PH_COUNT] = {
    [RLV_PH_DNS] = "dns",         [RLV_PH_CONNECT] = "connect",
    [RLV_PH_TLS] = "tls",         [RLV_PH_AUTH] = "auth",
    [RLV_PH_SEND] = "send",       [RLV_PH_WAIT] = "wait",
    [RLV_PH_RECEIVE] = "receive", [RLV_PH_SUBSCRIBE] = "subscribe",
    [RLV_PH_PUBLISH] = "publish", [RLV_PH_DELIVER] = "deliver",
};

static const struct fault_info *by_number(unsigned number)
{
    for (size_t i = 0; i < fault_count; i++)
        if ((unsigned)fault_table[i].number == number)
            return &fault_table[i];
    return NULL;
}

const struct fault_info *fault_info(enum rlv_fault number)
{
    const struct fault_info *info = by_number(number);
    return info ? info : by_number(RLV_F_PLUGIN);
}

enum rlv_fault fault_checked(unsigned number)
{
    return by_number(number) ? (enum rlv_fault)number : RLV_F_PLUGIN;
}

const struct fault_info *fault_by_name(const char *name)
{
    for (size_t i = 0; i < fault_count; i++)
        if (str_eq(fault_table[i].name, name))
            return &fault_table[i];
    return NULL;
}

const char *fault_name(enum rlv_fault number)
{
    return fault_info(number)->name;
}

void fault_set_add(struct fault_set *set, enum rlv_fault number)
{
    must((unsigned)number < 128);
    set->bits[(unsigned)number / 64] |= (uint64_t)1 << (unsigned)number % 64;
}

bool fault_set_has(const struct fault_set *set, enum rlv_fault number)
{
    return (unsigned)number < 128 &&
           (set->bits[(unsigned)number / 64] >> (unsigned)number % 64 & 1) != 0;
}

static const char *nth_name(const void *arg, size_t i)
{
    (void)arg;
    return i < fault_count ? fault_table[i].name : NULL;
}

const char *fault_suggest(const char *name)
{
    return str_nearest(name, nth_name, NULL);
}

const char *blame_name(enum rlv_blame blame)
{
    static const char *const names[] = {"none", "target", "path", "self"};
    return names[blame];
}

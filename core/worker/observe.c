/* worker/observe.c: what a plugin reports about a probe. See probe.h.
 *
 * Two sorts of mistakes. What a target can cause (a long text, many headers, a
 * number that is none) is cut or left out: no plugin is blamed. What only a
 * plugin can cause (a field that it does not have, a value of another type, a
 * fault that is not its to set) is the fault `plugin`. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "model/fault.h"
#include "worker/probe.h"
#include "worker/tell.h"

/* -------------------------------------------------------------- faults --- */

bool probe_is_shortage(int sys)
{
    return sys == EMFILE || sys == ENFILE || sys == ENOMEM || sys == ENOBUFS ||
           sys == ENOSPC;
}

static const char *message_of(struct rlv_probe *p, const char *fmt, va_list ap)
{
    char raw[1024] = "", clean[PROBE_MESSAGE];
    if (fmt != NULL)
        vsnprintf(raw, sizeof raw, fmt, ap);
    str_clean(clean, sizeof clean, raw, strlen(raw));
    return arena_strdup(p->result->arena, clean);
}

static void set_code(char code[RESULT_CODE], const char *text, int sys)
{
    if (text == NULL && sys != 0)
        text = strerrorname_np(sys);
    if (text != NULL)
        str_clean(code, RESULT_CODE, text, strlen(text));
}

static void breachv(struct rlv_probe *p, const char *fmt, va_list ap)
{
    if (p->faulted && p->result->fault == RLV_F_PLUGIN)
        return;
    p->faulted = true;
    p->result->fault = RLV_F_PLUGIN;
    p->result->sys_errno = 0;
    p->result->code[0] = '\0';
    const char *what = message_of(p, fmt, ap);
    p->result->message =
        arena_printf(p->result->arena, "plugin %s broke its contract: %s",
                     plugin_name(p->check->plugin), what);
    tell_log(LOG_LEVEL_ERROR, p->check->id, p->result->message);
}

void probe_breach(struct rlv_probe *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    breachv(p, fmt, ap);
    va_end(ap);
}

void probe_faultv(struct rlv_probe *p, enum rlv_fault fault, const char *code,
                  int sys, const char *fmt, va_list ap)
{
    struct result *r = p->result;
    if (p->faulted)
        return;
    p->faulted = true;
    bool shortage =
        probe_is_shortage(sys) && fault_info(fault)->blame != RLV_BLAME_SELF;
    r->fault = shortage ? RLV_F_RESOURCE : fault;
    r->sys_errno = sys;
    set_code(r->code, code, sys);
    r->message = message_of(p, fmt, ap);
    if (*r->message == '\0')
        r->message = fault_info(r->fault)->text;
}

void probe_fault(struct rlv_probe *p, enum rlv_fault fault, const char *code,
                 int sys, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    probe_faultv(p, fault, code, sys, fmt, ap);
    va_end(ap);
}

void probe_hintv(struct rlv_probe *p, enum rlv_fault fault, const char *code,
                 const char *fmt, va_list ap)
{
    if (p->hinted)
        return;
    p->hinted = true;
    p->hint = fault;
    set_code(p->hint_code, code, 0);
    p->hint_text = message_of(p, fmt, ap);
}

void probe_hint(struct rlv_probe *p, enum rlv_fault fault, const char *code,
                const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    probe_hintv(p, fault, code, fmt, ap);
    va_end(ap);
}

/* -------------------------------------------------------- observations --- */

static const char *const type_names[] = {
    [0] = "nothing",
    [RLV_T_BOOL] = "BOOL",
    [RLV_T_INT] = "INT",
    [RLV_T_REAL] = "REAL",
    [RLV_T_DURATION] = "DURATION",
    [RLV_T_SIZE] = "SIZE",
    [RLV_T_PERCENT] = "PERCENT",
    [RLV_T_TIME] = "TIME",
    [RLV_T_TEXT] = "TEXT",
    [RLV_T_BODY] = "BODY",
    [RLV_T_MAP] = "MAP",
    [RLV_T_ANY] = "ANY",
};

static const char *type_name(unsigned type)
{
    return type < ARRAY_LEN(type_names) ? type_names[type] : "no type";
}

static bool is_scalar(unsigned type)
{
    return type >= RLV_T_BOOL && type <= RLV_T_TEXT;
}

/* The value has what the field takes. A PERCENT has no constructor of its own
 * in plugin.h: a REAL is one, where one is expected. */
static bool fits(const struct rlv_field *field, bool keyed,
                 struct rlv_value *value)
{
    if (keyed != (field->type == RLV_T_MAP))
        return false;
    if (keyed || field->type == RLV_T_ANY)
        return is_scalar(value->type);
    if (field->type == RLV_T_PERCENT && value->type == RLV_T_REAL)
        value->type = RLV_T_PERCENT;
    return value->type == field->type;
}

/* Texts are copied, bodies borrowed. false: there is nothing to keep. */
static bool own(struct rlv_probe *p, struct rlv_value *v)
{
    if (v->type == RLV_T_REAL || v->type == RLV_T_PERCENT)
        return isfinite(v->as.d);
    if (v->type == RLV_T_BOOL)
        v->as.i = v->as.i != 0;
    if (v->type != RLV_T_TEXT && v->type != RLV_T_BODY)
        return true;
    if (v->as.s == NULL)
        *v = (struct rlv_value){v->type, 0, {.s = ""}};
    if (v->type == RLV_T_TEXT) {
        v->len = v->len < PROBE_TEXT ? v->len : PROBE_TEXT;
        v->as.s = arena_strndup(p->result->arena, v->as.s, v->len);
    }
    return true;
}

static bool same_key(const struct rlv_field *field, const char *a,
                     const char *b)
{
    return (field->flags & RLV_NOCASE ? strcasecmp(a, b) : strcmp(a, b)) == 0;
}

/* The last value of a key counts. */
static void keep_keyed(struct rlv_probe *p, const struct rlv_field *field,
                       unsigned number, const char *key,
                       const struct rlv_value *v)
{
    for (struct keyed *k = p->keyed; k != NULL; k = k->next)
        if (k->field == number && same_key(field, k->key, key)) {
            k->value = *v;
            return;
        }
    if (p->keyed_count >= PROBE_KEYS || strlen(key) > PROBE_KEY)
        return;
    struct keyed *k = arena_alloc(p->result->arena, sizeof *k);
    *k = (struct keyed){NULL, number, arena_strdup(p->result->arena, key), *v};
    *p->keyed_end = k;
    p->keyed_end = &k->next;
    p->keyed_count++;
}

void probe_observe(struct rlv_probe *p, unsigned number, const char *key,
                   struct rlv_value v)
{
    const struct catalog *c = p->check->plugin->catalog;
    if (number >= c->own_field_count) {
        probe_breach(p, "it observed field %u and has %zu", number,
                     c->own_field_count);
        return;
    }
    const struct rlv_field *field = &c->fields[number];
    if (!fits(field, key != NULL, &v)) {
        probe_breach(p, "field %s is %s, and it observed %s%s", field->name,
                     type_name(field->type), type_name(v.type),
                     key != NULL ? " with a key" : "");
        return;
    }
    if (!own(p, &v))
        return;
    if (key != NULL)
        keep_keyed(p, field, number, key, &v);
    else
        p->plain[number] = v;
}

/* ------------------------------------------------------------ evidence --- */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

void probe_evidence(struct rlv_probe *p, const char *label, const void *bytes,
                    size_t len)
{
    char clean[64];
    struct arena *arena = p->result->arena;
    if (bytes == NULL)
        len = 0;
    size_t each = least((size_t)p->check->evidence_bytes, PROBE_PIECE);
    size_t kept = least(least(len, each), PROBE_EVIDENCE - p->evidence_bytes);
    str_clean(clean, sizeof clean, label, strlen(label));
    struct piece *piece = arena_alloc(arena, sizeof *piece);
    piece->evidence = (struct evidence){
        .label = arena_strdup(arena, clean),
        .bytes = kept == 0 ? "" : arena_strndup(arena, bytes, kept),
        .len = kept,
        .dropped = len - kept};
    p->evidence_bytes += kept;
    p->piece_count++;
    *p->pieces_end = piece;
    p->pieces_end = &piece->next;
}

/* Its memory goes with the probe. */
void probe_forget(struct rlv_probe *p)
{
    size_t fields = p->check->plugin->catalog->field_count;
    memset(p->plain, 0, fields * sizeof *p->plain);
    p->keyed = NULL;
    p->keyed_end = &p->keyed;
    p->keyed_count = 0;
    p->pieces = NULL;
    p->pieces_end = &p->pieces;
    p->piece_count = p->evidence_bytes = 0;
    p->hinted = false;
}

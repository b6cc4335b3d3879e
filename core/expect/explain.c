/* expect/explain.c: what an expression saw, for the line in a report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/str.h"
#include "expect/tree.h"

enum {
    MOST_SHOWN = 16,  /* operands */
    TEXT_BYTES = 120, /* of a text, before it is cut */
    NAME_BYTES = 60
};

struct seen {
    const struct expect *expect;
    const struct node *nodes[MOST_SHOWN];
    size_t count;
};

static bool same_source(const struct expect *e, const struct node *a,
                        const struct node *b)
{
    return a->end - a->at == b->end - b->at &&
           memcmp(e->text + a->at, e->text + b->at, a->end - a->at) == 0;
}

static void gather(struct seen *seen, const struct node *n)
{
    if (n == NULL)
        return;
    if (n->range != NULL) { /* what stands in it says more than true or false */
        gather(seen, n->items[0]);
        return;
    }
    if (n->kind == NODE_NAME || n->kind == NODE_KEY ||
        n->kind == NODE_FUNCTION) {
        for (size_t i = 0; i < seen->count; i++)
            if (same_source(seen->expect, seen->nodes[i], n))
                return;
        if (seen->count < MOST_SHOWN)
            seen->nodes[seen->count++] = n;
        return;
    }
    gather(seen, n->left);
    gather(seen, n->right);
    for (size_t i = 0; i < n->item_count; i++)
        gather(seen, n->items[i]);
}

/* Quoted and cut at a whole character, with its true size where cut. */
static void show_text(struct buf *out, const char *s, size_t n)
{
    size_t keep = n;
    if (n > TEXT_BYTES)
        for (keep = TEXT_BYTES; keep > TEXT_BYTES - 4; keep--)
            if ((s[keep] & 0xc0) != 0x80)
                break;
    buf_addc(out, '\'');
    str_clean_buf(out, s, keep, false);
    buf_adds(out, keep < n ? "…'" : "'");
    if (keep < n)
        buf_addf(out, " of %zu bytes", n);
}

static void show_tree(struct buf *out, const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t n = text == NULL ? 0 : strlen(text);
    str_clean_buf(out, text, n < TEXT_BYTES ? n : TEXT_BYTES, false);
    if (n > TEXT_BYTES)
        buf_adds(out, "…");
    free(text);
}

static void show_value(struct buf *out, const struct value *v)
{
    char text[HUMAN_TEXT], time[CLOCK_TEXT];
    switch (v->type) {
    case TYPE_BOOL: buf_adds(out, v->as.i != 0 ? "true" : "false"); return;
    case TYPE_INT:
    case TYPE_COUNT: buf_addf(out, "%lld", (long long)v->as.i); return;
    case TYPE_REAL: buf_addf(out, "%.10g", v->as.d); return;
    case TYPE_PERCENT: buf_addf(out, "%.4g%%", v->as.d); return;
    case TYPE_DURATION: buf_adds(out, human_duration(v->as.i, text)); return;
    case TYPE_SIZE: buf_adds(out, human_size(v->as.i, text)); return;
    case TYPE_TIME: buf_adds(out, clock_format(v->as.i, time)); return;
    case TYPE_TEXT:
    case TYPE_BODY: show_text(out, v->as.s, v->len); return;
    case TYPE_TREE: show_tree(out, v->as.tree); return;
    default: buf_adds(out, "(of an unknown type)"); return;
    }
}

static bool looks_into_json(const struct node *n)
{
    return n->function != NULL &&
           (n->function->kind == FUNCTION_JSON ||
            (n->item_count > 0 && looks_into_json(n->items[0])));
}

static unsigned body_of(const struct node *n)
{
    return n->function->kind == FUNCTION_JSON ? n->field : body_of(n->items[0]);
}

static void show_operand(struct run *r, const struct node *n, struct buf *out)
{
    struct value v;
    if (run_operand(r, n, &v)) {
        show_value(out, &v);
        return;
    }
    buf_adds(out, "(absent)");
    if (looks_into_json(n) && run_json(r, body_of(n)) == NULL &&
        r->in->get(r->in->arg, body_of(n), NULL) != NULL)
        buf_adds(out, ": the body is not JSON");
}

void expect_explain(const struct expect *e, const struct expect_input *in,
                    struct buf *out)
{
    struct seen seen = {.expect = e};
    struct run r = {.in = in};
    gather(&seen, e->root);
    for (size_t i = 0; i < seen.count; i++) {
        const struct node *n = seen.nodes[i];
        size_t length = n->end - n->at;
        if (i > 0)
            buf_adds(out, ", ");
        if (seen.count > 1) {
            str_clean_buf(out, e->text + n->at,
                          length < NAME_BYTES ? length : NAME_BYTES, false);
            buf_adds(out, length > NAME_BYTES ? "… " : " ");
        }
        show_operand(&r, n, out);
    }
    run_end(&r);
}

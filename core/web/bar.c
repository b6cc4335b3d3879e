/* web/bar.c: how a check fared over a stretch of time, as a bar of slots. See
 * page.h.
 *
 * Each slot is one dash of a stroked path, all slots of one kind are one path:
 * a bar without trouble is some sixty bytes, which matters to a page with a
 * thousand of them. Kinds differ in height, not only in colour: the worse the
 * taller; a slot without results is a thin line. */
#include "web/page.h"

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"

enum kind { BAR_NONE, BAR_UNKNOWN, BAR_GOOD, BAR_WARN, BAR_SOME, BAR_FAIL };
enum { KINDS = BAR_FAIL + 1, SLOT = 4 /* units wide, the gap included */ };
enum { HEIGHT = 14 };

static const struct {
    const char *name;
    int height;
    enum word word;
} kinds[KINDS] = {
    [BAR_NONE] = {"none", 1, W_BAR_NONE},
    [BAR_UNKNOWN] = {"unsure", 4, W_BAR_UNKNOWN},
    [BAR_GOOD] = {"good", 7, W_BAR_GOOD},
    [BAR_WARN] = {"warn", 9, W_BAR_WARN},
    [BAR_SOME] = {"some", 12, W_BAR_SOME},
    [BAR_FAIL] = {"fail", HEIGHT, W_BAR_FAIL},
};

static enum kind kind_of(const uint64_t counts[OUTCOME_COUNT])
{
    uint64_t good = counts[OUTCOME_OK] + counts[OUTCOME_WARN];
    if (counts[OUTCOME_FAIL] > good)
        return BAR_FAIL;
    if (counts[OUTCOME_FAIL] > 0)
        return BAR_SOME;
    if (counts[OUTCOME_WARN] > 0)
        return BAR_WARN;
    if (good > 0)
        return BAR_GOOD;
    return counts[OUTCOME_UNKNOWN] > 0 ? BAR_UNKNOWN : BAR_NONE;
}

static void sort_into_slots(const struct bar *b, unsigned char *slots)
{
    size_t i = 0;
    while (i < b->count && b->items[i].from_us < b->since_us)
        i++;
    for (size_t k = 0; k < b->slots; k++) {
        uint64_t counts[OUTCOME_COUNT] = {0};
        int64_t end_us = b->since_us + (int64_t)(k + 1) * b->slot_us;
        for (; i < b->count && b->items[i].from_us < end_us; i++)
            for (int o = 0; o < OUTCOME_COUNT; o++)
                counts[o] += b->items[i].counts[o];
        slots[k] = (unsigned char)kind_of(counts);
    }
}

static void put_kind(struct html *h, const unsigned char *slots, size_t count,
                     enum kind kind)
{
    bool any = false;
    for (size_t i = 0; i < count;) {
        size_t run = i;
        while (run < count && slots[run] == kind)
            run++;
        if (run == i) {
            i++;
            continue;
        }
        if (!any) {
            html_markup(h, "<path class=\"");
            html_attr_value(h, kinds[kind].name);
            html_markup(h, "\" d=\"");
        }
        any = true;
        html_attr_valuef(h, "M%zu %gh%zu", i * SLOT,
                         HEIGHT - kinds[kind].height / 2.0, (run - i) * SLOT);
        i = run;
    }
    if (any)
        html_markup(h, "\"/>");
}

static void put_label(struct page *p, const struct bar *b,
                      const unsigned char *slots)
{
    size_t failing = 0, none = 0;
    char share[HUMAN_TEXT];
    struct rollup sum = {.sketch.arena = p->arena};
    for (size_t i = 0; i < b->slots; i++) {
        failing += slots[i] >= BAR_SOME;
        none += slots[i] == BAR_NONE;
    }
    for (size_t i = 0; i < b->count; i++)
        for (int o = 0; o < OUTCOME_COUNT; o++)
            sum.counts[o] += b->items[i].counts[o];
    const char *span = say(p, b->span);
    rollup_share(&sum, share);
    const char *label =
        share[0] == '\0'
            ? FILL(p, W_BAR_LABEL_NONE, span)
            : FILL(p, W_BAR_LABEL, span, share, text_number(p, failing),
                   text_number(p, b->slots), text_number(p, none));
    html_attr(p->html, "aria-label", label);
}

void put_bar(struct page *p, const struct bar *b)
{
    struct html *h = p->html;
    unsigned char *slots = arena_alloc(p->arena, b->slots + 1);
    sort_into_slots(b, slots);
    html_markup(h, "<svg class=\"bar\" role=\"img\" viewBox=\"0 0 ");
    html_attr_valuef(h, "%zu %d", b->slots * SLOT, HEIGHT);
    html_markup(h, "\" preserveAspectRatio=\"none\"");
    put_label(p, b, slots);
    html_markup(h, ">");
    for (unsigned k = 0; k < KINDS; k++)
        put_kind(h, slots, b->slots, (enum kind)k);
    html_markup(h, "</svg>");
}

void put_bar_legend(struct page *p)
{
    struct html *h = p->html;
    html_markup(h, "<p class=\"legend\">");
    put_word(p, W_LEGEND);
    for (unsigned k = KINDS; k-- > 0;) {
        unsigned char one = (unsigned char)k;
        html_markup(h, " <span><svg class=\"bar one\" aria-hidden=\"true\""
                       " viewBox=\"0 0 4 14\">");
        put_kind(h, &one, 1, (enum kind)k);
        html_markup(h, "</svg>");
        put_word(p, kinds[k].word);
        html_markup(h, "</span>");
    }
    html_markup(h, "</p>\n");
}

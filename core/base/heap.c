/* base/heap.c: see heap.h. A binary heap (Williams 1964). */
#include "base/heap.h"

#include <stdlib.h>

#include "base/mem.h"

void heap_free(struct heap *h)
{
    free(h->nodes);
    *h = (struct heap){0};
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void place(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->index = i + 1;
}

static void sift_up(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];
    while (i > 0 && before(n, h->nodes[(i - 1) / 2])) {
        place(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(h, i, n);
}

static void sift_down(struct heap *h, size_t i)
{
    struct heap_node *n = h->nodes[i];
    for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count &&
            before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!before(h->nodes[child], n))
            break;
        place(h, i, h->nodes[child]);
    }
    place(h, i, n);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
    if (n->index == 0)
        return;
    size_t i = n->index - 1;
    struct heap_node *last = h->nodes[--h->count];
    n->index = 0;
    if (last == n)
        return;
    place(h, i, last);
    sift_up(h, i);
    sift_down(h, last->index - 1);
}

void heap_set(struct heap *h, struct heap_node *n, int64_t due)
{
    heap_remove(h, n);
    n->due = due;
    n->order = ++h->order;
    h->nodes = xgrow(h->nodes, h->count, &h->cap, sizeof(struct heap_node *));
    place(h, h->count, n);
    sift_up(h, h->count++);
}

struct heap_node *heap_first(const struct heap *h)
{
    return h->count > 0 ? h->nodes[0] : NULL;
}

bool heap_has(const struct heap_node *n) { return n->index != 0; }

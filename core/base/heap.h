/* base/heap.h: a min-heap of nodes that live inside the caller's structs,
 * ordered by (due, insertion), so that equal dues keep their order. */
#ifndef RELEVO_BASE_HEAP_H
#define RELEVO_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t due;
    uint64_t order;
    size_t index; /* position + 1; 0: not in a heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count, cap;
    uint64_t order;
};

void heap_free(struct heap *); /* nodes are the caller's */
/* Puts the node in, or moves it, to be due then. */
void heap_set(struct heap *, struct heap_node *, int64_t due);
void heap_remove(struct heap *, struct heap_node *); /* absent is fine */
struct heap_node *heap_first(const struct heap *);   /* NULL when empty */
bool heap_has(const struct heap_node *);

#endif

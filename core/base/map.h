/* base/map.h: text to pointer, in the order of insertion.
 *
 * Keys are copied, values borrowed. Iterate with map_at over 0..map_count. */
#ifndef RELEVO_BASE_MAP_H
#define RELEVO_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void);
void map_free(struct map *); /* NULL is fine; values are not touched */
void *map_get(const struct map *, const char *key); /* NULL: absent */
bool map_has(const struct map *, const char *key);
/* Replaces; returns the value that was there before, or NULL. */
void *map_set(struct map *, const char *key, void *value);
size_t map_count(const struct map *);
const char *map_key(const struct map *, size_t i);
void *map_at(const struct map *, size_t i);

#endif

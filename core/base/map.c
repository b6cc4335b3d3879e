/* base/map.c: see map.h. Open addressing over an array of entries; nothing is
 * ever removed, so there are no tombstones. */
#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct entry {
    char *key;
    void *value;
    uint64_t hash;
};

struct map {
    struct entry *entries;
    size_t count, cap;
    uint32_t *slots; /* index + 1 of an entry; 0 is free */
    size_t slot_count;
};

struct map *map_new(void) { return xcalloc(1, sizeof(struct map)); }

void map_free(struct map *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->count; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
    free(m);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct map *m, const char *key, uint64_t hash)
{
    size_t mask = m->slot_count - 1, i = (size_t)hash & mask;
    for (;; i = (i + 1) & mask) {
        if (m->slots[i] == 0)
            return i;
        const struct entry *e = &m->entries[m->slots[i] - 1];
        if (e->hash == hash && strcmp(e->key, key) == 0)
            return i;
    }
}

static const struct entry *find(const struct map *m, const char *key)
{
    if (m == NULL || m->slot_count == 0)
        return NULL;
    size_t i = find_slot(m, key, str_hash(key, strlen(key)));
    return m->slots[i] ? &m->entries[m->slots[i] - 1] : NULL;
}

void *map_get(const struct map *m, const char *key)
{
    const struct entry *e = find(m, key);
    return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
    return find(m, key) != NULL;
}

/* Keeps the table at most half full. */
static void rehash(struct map *m)
{
    m->slot_count = m->slot_count ? m->slot_count * 2 : 16;
    free(m->slots);
    m->slots = xcalloc(m->slot_count, sizeof *m->slots);
    for (size_t i = 0; i < m->count; i++) {
        const struct entry *e = &m->entries[i];
        m->slots[find_slot(m, e->key, e->hash)] = (uint32_t)i + 1;
    }
}

void *map_set(struct map *m, const char *key, void *value)
{
    if ((m->count + 1) * 2 > m->slot_count)
        rehash(m);
    uint64_t hash = str_hash(key, strlen(key));
    size_t slot = find_slot(m, key, hash);
    if (m->slots[slot] != 0) {
        struct entry *e = &m->entries[m->slots[slot] - 1];
        void *old = e->value;
        e->value = value;
        return old;
    }
    m->entries = xgrow(m->entries, m->count, &m->cap, sizeof *m->entries);
    m->entries[m->count++] = (struct entry){xstrdup(key), value, hash};
    m->slots[slot] = (uint32_t)m->count;
    return NULL;
}

size_t map_count(const struct map *m) { return m ? m->count : 0; }

const char *map_key(const struct map *m, size_t i) { return m->entries[i].key; }

void *map_at(const struct map *m, size_t i) { return m->entries[i].value; }

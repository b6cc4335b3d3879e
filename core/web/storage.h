/* web/storage.c: the history, opened once it is there, read-only. */
#ifndef RELEVO_WEB_STORAGE_H
#define RELEVO_WEB_STORAGE_H

void storage_close(void);

#endif

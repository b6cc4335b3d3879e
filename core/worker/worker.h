/* worker/worker.h: the role that runs probes.
 *
 * A worker opens plugins, keeps what checks keep between probes, starts each
 * probe when it is due, ends it when its time is over, judges what it observed
 * and reports one result for each. Asynchronous plugins share it; a blocking
 * one has it to itself for the length of a probe. Main feeds it over
 * ROLE_FD_CHAN and looks at the page behind ROLE_FD_BLACKBOX when it dies.
 *
 *   worker.c   the process, messages in and out
 *   loop.c     events and timers, at nanoseconds
 *   load.c     plugins and checks of a generation
 *   view.c     which files they reach
 *   names.c    what their lines may name
 *   probe.c    the life of one probe
 *   host.c     the functions that a plugin calls
 *   scope.c    lifetimes; watch.c what they watch; resolve.c names
 *   judge.c    from observations to a result
 *   box.c      what is being done at the moment, for main */
#ifndef RELEVO_WORKER_WORKER_H
#define RELEVO_WORKER_WORKER_H

/* Returns the exit status: 0 when main closed the channel. */
int worker_main(void);

#endif

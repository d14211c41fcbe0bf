/* io/real.h: the implementation on this machine. One per process. */
#pragma once

#include "io/io.h"

/**
 * io_real_run() - make the world, run @fn on a first fiber, return when it has ended and all fibers are done.
 * @fn gets @arg through its struct; its result is returned. SIGPIPE is ignored; TERM, INT and HUP go to
 * io_signal_wait() while a fiber waits there, and keep their default action otherwise. -ERR_OS when the loop
 * cannot be made.
 */
typedef int (*io_main_fn)(struct io *io, void *arg, struct err *e);
NODISCARD int io_real_run(io_main_fn fn, void *arg, struct err *e);

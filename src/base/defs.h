/* base/defs.h: the whole macro dialect of the tree: attributes and scope ownership. */
#pragma once

#include <stddef.h>

#define NODISCARD    __attribute__((warn_unused_result))
#define NORETURN     __attribute__((noreturn))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* AUTO_PTR(store) s = NULL; is freed at the end of its scope, on every path. Always initialise it. */
#define DEFINE_AUTO(T, free_fn)                                                                              \
    static inline void T##_auto(struct T **p)                                                                \
    {                                                                                                        \
        free_fn(*p);                                                                                         \
    }
#define AUTO_PTR(T) __attribute__((cleanup(T##_auto), unused)) struct T *

/* Give a scope-owned pointer to a new owner; the scope is left with NULL. */
#define TAKE(p)                                                                                              \
    __extension__({                                                                                          \
        __auto_type take_ = (p);                                                                             \
        (p) = NULL;                                                                                          \
        take_;                                                                                               \
    })

/* AUTO_FD int fd = -1; closes the descriptor at the end of its scope. */
void fd_auto_close(int *fd);
#define AUTO_FD __attribute__((cleanup(fd_auto_close), unused))

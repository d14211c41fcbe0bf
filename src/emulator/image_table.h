/*
 * emulator/image_table.h: what stands for the entry points of images. No image is ever pulled: a container is
 * a local process or a built-in program (emulator/builtin.h), so an image that is used without a command
 * needs an entry here.
 *
 * YAML, examples/images.yaml:
 *   images:
 *     - image: "us-docker.pkg.dev/my-project/repo/train:*"   # '*' is any run of characters; first match wins
 *       command: [python3, train.py]                          # the image's ENTRYPOINT
 *       args: [--epochs, "3"]                                 # its CMD
 *       folder: training                                      # its WORKDIR, relative to this file
 *       env: { DATA: small }                                  # its ENV
 */
#pragma once

#include "io/io.h"

struct image {
    struct str pattern;
    const struct jval *command, *args, *env; /* lists of strings; object of strings; NULL when not given */
    const char *folder;                      /* absolute or relative to the process; NULL none */
};
struct image_table {
    struct image *items;
    size_t len;
};

/**
 * image_table_parse() - @folder is that of the file, for relative folders; everything lives in @a.
 * -ERR_CONFIG with every problem's place: unknown keys, wrong types, no image.
 */
NODISCARD int image_table_parse(struct arena *a, struct str text, const char *name, const char *folder,
                                struct image_table *ret, struct err *e);
/** image_table_load() - the same from a file. */
NODISCARD int image_table_load(struct io *io, struct arena *a, const char *path, struct image_table *ret,
                               struct err *e);
/** image_find() - first entry whose pattern matches, or NULL. */
const struct image *image_find(const struct image_table *t, struct str image_uri);

/* tests/fuzz/replay.c: feeds every file of a corpus folder to a fuzz target, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_INPUT_BYTES = 16 * 1024 * 1024, PATH_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Copied to a block of its exact size, so that the sanitizers see a read past its end. */
static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = f ? malloc(MAX_INPUT_BYTES) : NULL;
    size_t len = data ? fread(data, 1, MAX_INPUT_BYTES, f) : 0;
    uint8_t *exact = data ? realloc(data, len ? len : 1) : NULL;

    if (f)
        fclose(f);
    if (!exact) {
        perror(path);
        free(data);
        return 1;
    }
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *dir = argc > 1 ? opendir(argv[1]) : NULL;
    int failed = 0, files = 0;
    char path[PATH_BYTES];

    if (!dir) {
        fprintf(stderr, "usage: replay FOLDER\n");
        return 2;
    }
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        if (d->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", argv[1], d->d_name);
        failed += replay_file(path);
        files++;
    }
    closedir(dir);
    printf("%d inputs replayed\n", files);
    return failed || files == 0;
}

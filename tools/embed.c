/*
 * tools/embed.c: turns files into C arrays at build time: embed OUT.c NAME=FILE...
 *
 * Each becomes `const char NAME[]` (NUL-terminated) and `const size_t NAME_len`. A program of our own rather
 * than .incbin, so that the build knows the files it depends on, and every compiler can build the result.
 */
#include <stdio.h>
#include <string.h>

static int embed(FILE *out, const char *name, size_t name_len, const char *path)
{
    FILE *in = fopen(path, "rb");
    size_t total = 0;

    if (!in) {
        perror(path);
        return 1;
    }
    fprintf(out, "extern const char %.*s[];\nextern const size_t %.*s_len;\nconst char %.*s[] = {",
            (int)name_len, name, (int)name_len, name, (int)name_len, name);
    for (int c = fgetc(in); c != EOF; c = fgetc(in), total++)
        fprintf(out, "%s%d,", total % 20 ? " " : "\n    ", c > 127 ? c - 256 : c);
    fprintf(out, " 0\n};\nconst size_t %.*s_len = %zu;\n", (int)name_len, name, total);
    fclose(in);
    return 0;
}

int main(int argc, char **argv)
{
    FILE *out = argc > 1 ? fopen(argv[1], "w") : NULL;

    if (!out) {
        fprintf(stderr, "usage: embed OUT.c NAME=FILE...\n");
        return 2;
    }
    fprintf(out, "/* Made by tools/embed. */\n#include <stddef.h>\n\n");
    for (int i = 2; i < argc; i++) {
        const char *eq = strchr(argv[i], '=');

        if (!eq || embed(out, argv[i], (size_t)(eq - argv[i]), eq + 1))
            return 1;
    }
    return fclose(out) ? 1 : 0;
}

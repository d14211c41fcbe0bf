/* cli/main.c: the one binary's entry point. */
#include <stdio.h>

int main(void)
{
    puts("slipway " SLIPWAY_VERSION);
    return 0;
}

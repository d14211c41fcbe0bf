/* Replaced by the first source of this folder. */
extern int emulator_placeholder_;
int emulator_placeholder_;

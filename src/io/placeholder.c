/* Replaced by the first source of this folder. */
extern int io_placeholder_;
int io_placeholder_;

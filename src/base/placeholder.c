/* Replaced by the first source of this folder. */
extern int base_placeholder_;
int base_placeholder_;

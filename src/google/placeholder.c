/* Replaced by the first source of this folder. */
extern int google_placeholder_;
int google_placeholder_;

/* Replaced by the first source of this folder. */
extern int launch_placeholder_;
int launch_placeholder_;

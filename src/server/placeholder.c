/* Replaced by the first source of this folder. */
extern int server_placeholder_;
int server_placeholder_;

/* Replaced by the first source of this folder. */
extern int agent_placeholder_;
int agent_placeholder_;

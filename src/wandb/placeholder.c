/* Replaced by the first source of this folder. */
extern int wandb_placeholder_;
int wandb_placeholder_;

"""What every snippet that runs against the real wandb package begins with."""

PRELUDE = """
import json, os
import wandb
api = wandb.Api(overrides={"base_url": os.environ["WANDB_BASE_URL"]})
"""

"""The tools of the small agents, and their task."""

import os
import subprocess

BASE_URL = os.environ["SKEIN_URL"] + "/v1"
TASK = os.environ["SKEIN_TASK"]
MODEL = "coder"


def read_file(path: str) -> str:
    """Reads a file."""
    with open(path) as file:
        return file.read()


def edit_file(path: str, old: str, new: str) -> str:
    """Replaces a text in a file."""
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace(old, new))
    return "edited"


def run_command(command: str) -> str:
    """Runs a command."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    return done.stdout + done.stderr


FUNCTIONS = {f.__name__: f for f in (read_file, edit_file, run_command)}

"""``autom completion``: the script that teaches a shell to complete commands."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Which shell.")],
) -> None:
    """Print what makes the shell complete verbs, options and what is in the database.

    $ eval "$(autom completion bash)"
    $ eval "$(autom completion zsh)"
    $ autom completion fish > ~/.config/fish/completions/autom.fish

    The first belongs into ~/.bashrc, the second into ~/.zshrc below compinit.
    """
    from cli.main import COMPLETING, command

    os.environ[COMPLETING] = f"source_{shell}"
    command().main([], prog_name="autom")

"""Prompts are files, versioned by name; a sent prompt never changes, it gets a successor.

`{id}.v{version}.md` is front matter (`front_matter.py`), `# system` and, where there is one,
`# user`. `released.toml` lists every file with its SHA-256, and since when it may be used.
"""

from ai_svc.prompts.files import (
    Prompt,
    PromptBroken,
    Rendered,
    prompt_ids,
    read_prompt,
    versions_of,
)
from ai_svc.prompts.front_matter import ModelHints
from ai_svc.prompts.released import newest_version

__all__ = [
    "ModelHints",
    "Prompt",
    "PromptBroken",
    "Rendered",
    "newest_version",
    "prompt_ids",
    "read_prompt",
    "versions_of",
]

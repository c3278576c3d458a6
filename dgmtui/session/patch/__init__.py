"""The edits that stand, as changes of the user's code: a unified diff where the place is certain, words elsewhere."""

from dgmtui.session.patch.document import Patch, patch_of

__all__ = ["Patch", "patch_of"]

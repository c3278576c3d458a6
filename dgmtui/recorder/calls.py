"""Which calls of modules are under way, the innermost last."""


class Calls:
    """Entered and left at every call of every module, so each does as little as it can."""

    def __init__(self) -> None:
        self.under_way: list[tuple[int, bool]] = []
        """The module's id, and whether the call is followed."""
        self.followed = 0
        """How many of those under way are followed."""

    def enter(self, module: object, *, followed: bool) -> bool:
        """A call begins; whether it is followed and none around it is."""
        self.under_way.append((id(module), followed))
        self.followed += followed
        return followed and self.followed == 1

    def leave(self, module: object) -> tuple[bool, int]:
        """A call of ``module`` is over, and with it those within it that never ended.

        Returns:
            Whether it was followed, and how many that were followed never ended.
        """
        key, under_way = id(module), self.under_way
        if under_way and under_way[-1][0] == key:
            followed = under_way.pop()[1]
            self.followed -= followed
            return followed, 0
        if all(known != key for known, _ in under_way):
            return False, 0
        lost = 0
        while under_way[-1][0] != key:
            lost += under_way.pop()[1]
        followed = under_way.pop()[1]
        self.followed -= followed + lost
        return followed, lost

    def forget(self) -> None:
        """What was under way has ended unheard, or belongs to another thread."""
        self.under_way.clear()
        self.followed = 0

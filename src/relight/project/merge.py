"""The changes from one template to the next, made to a file that has changes of its own.

Three versions of the same nested mappings and lists: `base` was written, `own` is what has become of it, `new` is the
template of today. What is still as in `base` becomes as in `new`; what differs from `base` is an own change, and stays.
"""

from copy import deepcopy
from typing import Any

MAX_VALUE_LETTERS = 60


def merge(own: Any, base: dict[str, Any], new: Any, at: str = "") -> list[str]:
    """Bring a mapping up to date in place; return a note for each own change that was in the way of a new one.

    Args:
        own, new: of ruamel, loaded for a round trip: what is taken from `new` brings its layout with it.
        at: the dotted key of the mapping, for the notes.
    """
    notes: list[str] = []
    for key in {**base, **new}:
        path = f"{at}.{key}" if at else str(key)
        if key in own and key in new:
            notes += _merge_value(own, key, base.get(key), new[key], path)
        elif key in own and plain(own[key]) == plain(base[key]):
            del own[key]
        elif key in own:
            notes.append(f"{path}: Relight has it no longer; it was changed here, and is kept")
        elif key in new and key not in base:  # otherwise it was removed here
            own.insert(_position(list(own), list(new), key), key, deepcopy(new[key]))
    return notes


def _merge_value(own: Any, key: Any, base: Any, new: Any, at: str) -> list[str]:
    """Bring the value of a key, or of the index of a list, up to date in place; return the notes."""
    if isinstance(own[key], dict) and isinstance(new, dict):
        return merge(own[key], base if isinstance(base, dict) else {}, new, at)
    if isinstance(own[key], list) and isinstance(new, list):
        return _merge_list(own[key], base if isinstance(base, list) else [], new, at)
    if plain(own[key]) == plain(new) or plain(base) == plain(new):
        return []
    if plain(own[key]) != plain(base):
        return [f"{at}: was changed here, and is kept; Relight's is now {str(plain(new))[:MAX_VALUE_LETTERS]}"]
    own[key] = deepcopy(new)
    return []


def _merge_list(own: Any, base: list[Any], new: Any, at: str) -> list[str]:
    """Bring a list up to date in place; an item is known by its text, or by the key of a mapping."""
    notes: list[str] = []
    before, wanted = ({item_name(item): item for item in items} for items in (base, new))
    for index in reversed(range(len(own))):
        name = item_name(own[index])
        if name in before and name not in wanted and plain(own[index]) == plain(before[name]):
            _delete_item(own, index)
    for name, item in wanted.items():
        names = [item_name(each) for each in own]
        if name in names:
            notes += _merge_value(own, names.index(name), before.get(name), item, at)
        elif name not in before:
            own.insert(_position(names, list(wanted), name), deepcopy(item))
    return notes


def item_name(item: Any) -> str:
    """Return what an item of a list is known by."""
    return str(next(iter(item), "")) if isinstance(item, dict) else str(item)


def _position(names: list[str], wanted: list[str], name: str) -> int:
    """Return where a name goes: after the nearest of those before it in the template.

    It is never the end: ruamel keeps the lines between two sections as a comment after the last item.
    """
    before = wanted[: wanted.index(name)]
    after_nearest = max((index + 1 for index, each in enumerate(names) if each in before), default=0)
    return min(after_nearest, max(len(names) - 1, 0))


def _delete_item(items: Any, index: int) -> None:
    """Delete an item; the lines below the last one are kept below the one before it."""
    comment = items.ca.items.get(index)
    del items[index]
    if comment and comment[0] and index == len(items) and index > 0:
        _, line_end, below = comment[0].value.partition("\n")
        previous = items.ca.items.get(index - 1)
        if previous and previous[0]:
            previous[0].value += below
        else:
            comment[0].value = line_end + below
            items.ca.items[index - 1] = comment


def plain(value: Any) -> Any:
    """Return nested mappings and lists without layout and comments."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value

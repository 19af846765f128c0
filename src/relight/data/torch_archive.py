"""Files that `torch.save` wrote, read with suspicion: the only place in which `torch.load` is called.

`torch.load` does not notice bit flips (2884 of 3000 single flips gave a wrong tensor), unpacks a 195 KB file to 200 MB,
and reads beyond the memory of a storage whose size the pickle misstates. So the members are looked at first: their
names, their sizes, that they are not compressed, and that no other reader of zip files would find other ones; then the
pickle (see pickle_check.py). Nothing that a file claims is believed before the file holds it.
"""

import io
import re
import struct
import zipfile
from typing import Any

import torch

from relight.data.pickle_check import ForeignError, check_pickle

FOLDER_ATTRIBUTE = 0x10  # in the attributes of a zip member
MEMBER = re.compile(
    r"([^/\0]+)/(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|\.data/serialization_id|data/\d+)"
)
END, END_64, LOCATOR_64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"  # of a zip file
END_SIZE, END_64_SIZE, LOCATOR_SIZE = 22, 56, 20
SEE_64 = 2**32 - 1  # the offset stands in the 64-bit end


def load_archive(file: io.BytesIO, *, checks_sums: bool = False) -> Any:
    """Return what `torch.save` wrote: tensors on the CPU, numbers, texts, lists, tuples and dicts of them.

    Args:
        checks_sums: whether the checksum of each member is compared; without it the caller knows the bytes.

    Raises:
        ForeignError: if `torch.save` does not write such a file.
        Exception: whatever torch and zipfile raise for damaged bytes.
    """
    with zipfile.ZipFile(file) as archive:
        members = _members(archive, file.getbuffer())
        if checks_sums and (bad := archive.testzip()) is not None:
            raise ForeignError(f"the checksum of {bad} does not match")
        sizes = {name.removeprefix("data/"): member.file_size for name, member in members.items()}
        check_pickle(archive.read(members["data.pkl"]), sizes)
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def _members(archive: zipfile.ZipFile, content: memoryview) -> dict[str, zipfile.ZipInfo]:
    """Return the members by their names in the archive's folder."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ForeignError("its members are compressed, as PyTorch never writes them")
    if any(member.external_attr & FOLDER_ATTRIBUTE for member in members):
        # PyTorch does not read a member that is marked as a folder: the tensor would hold uninitialized memory.
        raise ForeignError("its members are marked as folders, as PyTorch never writes them")
    if sum(max(member.file_size, member.compress_size) for member in members) > len(content):
        raise ForeignError("its members claim more bytes than the file has")
    if not _has_one_directory(archive, content):
        raise ForeignError("its list of members is ambiguous, as PyTorch never writes it")
    names = [MEMBER.fullmatch(member.orig_filename) for member in members]
    found = {name[2]: member for name, member in zip(names, members, strict=True) if name}
    if "data.pkl" not in found:
        raise ValueError("it holds no pickle, as every file of torch.save does")
    if len(found) != len(members) or len({name[1] for name in names if name}) != 1:
        raise ForeignError("its members have other names, or the same one twice")
    return found


def _has_one_directory(archive: zipfile.ZipFile, content: memoryview) -> bool:
    """Return whether the list of members starts and ends where all readers look for it.

    Python's zipfile forgives bytes before the archive and PyTorch does not, so that they could see different members.
    """
    start, end = archive.start_dir, len(content) - END_SIZE
    if bytes(content[end : end + 4]) != END or bytes(content[-2:]) != b"\0\0":
        return False
    locator = end - LOCATOR_SIZE
    (offset,) = struct.unpack("<I", content[-6:-2])
    if bytes(content[max(locator, 0) : end][:4]) != LOCATOR_64:
        return bool(offset == start)
    (end_64,) = struct.unpack("<Q", content[locator + 8 : locator + 16])
    if end_64 != locator - END_64_SIZE or bytes(content[end_64 : end_64 + 4]) != END_64:
        return False
    (offset_64,) = struct.unpack("<Q", content[end_64 + 48 : end_64 + 56])
    return bool(offset_64 == start and offset in (start, SEE_64))

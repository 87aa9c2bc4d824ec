"""Copies of the keyset: one to keep beside backups, and one that comes back with a backup."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncConnection

from catflap.errors import BadRequest, OperatorMustAct
from catflap.vault.encryption import TokenCipher
from catflap.vault.keyset import EnvironmentKeyset, Keyset, KeysetFile, KeysetSource, read_keyset
from catflap.vault.sealed_columns import foreign_keys_in_transaction, keys_in_transaction


def save_copy(source: KeysetSource, file: Path) -> None:
    """Write the keyset to a file with mode 0600; one that is there already must have the same content.

    Raises:
        BadRequest: `file_exists`.
        OperatorMustAct: `keyset_missing`, `keyset_unreadable` or `file_unwritable`.
    """
    text = source.read()
    read_keyset(text)
    try:
        # Not through a symbolic link either.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        _refuse_other(file, text)
        return
    except OSError as error:
        raise _unwritable(file, error) from None
    try:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        file.unlink()
        raise _unwritable(file, error) from None


def _refuse_other(file: Path, text: str) -> None:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if file.read_text() == text:
            return
    raise BadRequest(
        "file_exists",
        f"{file} exists, with other content. Backups from before a rotation of keys need the keyset of that "
        "time, so it is not overwritten; name another file.",
    )


def _unwritable(file: Path, error: OSError) -> OperatorMustAct:
    return OperatorMustAct("file_unwritable", f"{file} can't be written: {error.strerror}.")


class RestoredKeyset:
    """The keyset for a backup that is being restored.

    Args:
        source: The keyset of this installation.
        given: A file with the one that belongs to the backup; None where this installation has it.
    """

    def __init__(self, source: KeysetSource, given: Path | None) -> None:
        if given is not None and not isinstance(source, KeysetFile):
            raise BadRequest(
                "keyset_in_environment",
                "CATFLAP_VAULT_KEYSET holds the keyset of this installation: set it to the one that belongs "
                "to the backup, and leave --keyset out.",
            )
        self._source = source
        self._given = None if given is None else KeysetFile(given).read()
        self._name = "CATFLAP_VAULT_KEYSET" if given is None else str(given)
        if given is None and isinstance(source, KeysetFile):
            self._name = str(source.file)
        if given is not None:
            # Also where nothing needs its keys: it becomes the keyset of this installation.
            self._cipher()

    def check_ids(self, needed: set[int]) -> None:
        """Check that there is a keyset with all keys that a backup names.

        Raises:
            OperatorMustAct: `keyset_missing`, `keyset_lacks_key` or `keyset_unreadable`.
        """
        if not needed:
            return
        if self._given is None and isinstance(self._source, KeysetFile) and not self._source.exists():
            raise OperatorMustAct(
                "keyset_missing",
                f"The tokens in this backup are encrypted with {_keys(needed)}, and there is no keyset at "
                f"{self._name}. Name the copy that belongs to the backup: --keyset FILE. {_WITHOUT}",
            )
        if lacking := needed - set(self._cipher().keyset.ids):
            raise self._lacks(lacking)

    async def check(self, connection: AsyncConnection) -> None:
        """Check that the keyset decrypts what this transaction has restored.

        Raises:
            OperatorMustAct: `keyset_missing`, `keyset_lacks_key` or `keyset_unreadable`.
        """
        used = await keys_in_transaction(connection)
        self.check_ids(used)
        if used and (foreign := await foreign_keys_in_transaction(connection, self._cipher())):
            raise self._lacks(foreign)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the given keyset in its place; an error in the context puts the former one back.

        It keeps the keys of the former one: older backups need them, and the present rows if the process is
        killed now. `catflap keys rotate` retires them.
        """
        if self._given is None or not isinstance(self._source, KeysetFile):
            yield
            return
        former = self._source.read() if self._source.exists() else None
        self._source.write(self._given if former is None else _with_keys_of(self._given, former))
        try:
            yield
        except BaseException:
            if former is None:
                self._source.file.unlink(missing_ok=True)
            else:
                self._source.write(former)
            raise

    def _cipher(self) -> TokenCipher:
        source = self._source if self._given is None else EnvironmentKeyset(self._given)
        return TokenCipher(Keyset(source))

    def _lacks(self, keys: set[int]) -> OperatorMustAct:
        return OperatorMustAct(
            "keyset_lacks_key",
            f"The tokens in this backup are encrypted with {_keys(keys)}, which the keyset in {self._name} "
            f"lacks or has otherwise. Name the copy that belongs to the backup: --keyset FILE. {_WITHOUT}",
        )


_WITHOUT = (
    "Nothing was changed. If it is lost for good, --without-keyset restores everything else, and users "
    "consent again."
)


def _keys(ids: set[int]) -> str:
    return f"{'key' if len(ids) == 1 else 'the keys'} {', '.join(map(str, sorted(ids)))}"


def _with_keys_of(text: str, other: str) -> str:
    keyset = json.loads(text)
    known = {key["keyId"] for key in keyset["key"]}
    keyset["key"] += [key for key in json.loads(other)["key"] if key["keyId"] not in known]
    return json.dumps(keyset)

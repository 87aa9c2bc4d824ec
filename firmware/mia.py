"""Mia on an ESP32: pairs itself, follows its schedule, and speaks each announcement at its time.

For MicroPython 1.24 or newer on ESP32 and ESP32-S3 with a MAX98357A on I2S; docs/devices.md has parts, wiring
and flashing. Written in what MicroPython and CPython have in common, so that tests run it on a computer.
Sounds are streamed to flash and from flash: no sound and no schedule is held in memory as a whole.

On flash, beside this file:
    config.json     what `catflap device firmware` wrote; this file only reads it
    state.json      Wi-Fi chosen in the portal, tokens, the device's id
    journal         what was begun, what became of it, and what the server does not know yet
    schedule.json   the latest schedule document
    cache/          sounds of coming announcements, named by their SHA-256
    sounds/         what is said without a server: problems, and digits of pairing codes
    certificates/   certificate authorities that are trusted, as DER
"""

import asyncio
import binascii
import gc
import hashlib
import json
import os
import random
import socket
import struct
import time

import machine
import micropython
import network

try:
    import neopixel
except ImportError:  # A board without a ring.
    neopixel = None

try:
    import ssl
except ImportError:  # A MicroPython built without TLS.
    ssl = None

VERSION = "1"
MAX_HEADERS = 64  # lines of a head
PIECE = 1024  # bytes read, hashed, stored or played at once
MAX_DOCUMENT = 256 * 1024  # bytes of a schedule document
MAX_ITEMS = 64  # announcements held in memory: the next ones
RESERVE = 48 * 1024  # bytes of flash that are kept free for state, journal and schedule
READ_SECONDS = 20  # for an answer
SILENCE_SECONDS = 45  # for a stream, whose server sends something every 15 seconds
HEARTBEAT_MS = 20_000
PREPARE_MS = 15_000  # before an announcement its sound is checked, early enough to fetch it again
OPEN_MS = 600  # before an announcement I2S is opened: it sends silence, so that the first sample is on time
CALM_MS = 4_000  # before an announcement nothing is begun that may block, such as a TLS handshake
DAY_MS = 86_400_000
BEGIN_OF_2025 = 1_735_689_600_000
# ESP32 boards count from 2000, others from 1970.
EPOCH_MS = 946_684_800_000 if time.gmtime(0)[0] == 2000 else 0


class Trouble(Exception):
    """What keeps the device from its server; `name` is the sound that says so."""

    def __init__(self, name, detail=""):
        super().__init__(name, detail)
        self.name = name
        self.detail = detail


class Refused(Exception):
    """The server does not know the token of this device."""


def log(event, **fields):
    """Write an event to the serial console; never a token, an address of a sound or a text."""
    fields["event"] = event
    print(json.dumps(fields))


# --- Time -------------------------------------------------------------------------------------------------


def days_since_1970(year, month, day):
    """Return the days from 1970-01-01 to a date of the Gregorian calendar."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def parse_time(text):
    """Return an RFC 3339 time in UTC, with or without a fraction, as milliseconds since 1970."""
    if len(text) < 20 or text[10] != "T" or text[-1] != "Z":
        raise ValueError("not a time in UTC")
    days = days_since_1970(int(text[0:4]), int(text[5:7]), int(text[8:10]))
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    fraction = int((text[20:-1] + "000")[:3]) if text[19] == "." else 0
    return (days * 86400 + seconds) * 1000 + fraction


def format_time(ms):
    """Return milliseconds since 1970 as RFC 3339, with milliseconds."""
    parts = time.gmtime(ms // 1000 - EPOCH_MS // 1000)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (tuple(parts)[:6] + (ms % 1000,))  # noqa: RUF005 (MicroPython)


class Clock:
    """The time of day, ticks that never go back, and waiting; all in milliseconds."""

    def __init__(self):
        self.source = None  # "rtc", "ntp" or "server"
        self._offset = 0
        self._ticks = 0
        self._last = self._raw_ticks()
        if self.system_ms() > BEGIN_OF_2025:
            self.source = "rtc"

    def _raw_ticks(self):
        return time.ticks_ms() if hasattr(time, "ticks_ms") else time.monotonic_ns() // 1_000_000

    def ticks(self):
        """Return the milliseconds since the start."""
        raw = self._raw_ticks()
        # MicroPython's ticks begin again after some days.
        self._ticks += time.ticks_diff(raw, self._last) if hasattr(time, "ticks_diff") else raw - self._last
        self._last = raw
        return self._ticks

    def system_ms(self):
        """Return the time of the chip, right or not, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + EPOCH_MS

    def now(self):
        """Return the time in milliseconds since 1970, or None while it is not known."""
        return self.system_ms() + self._offset if self.source else None

    def set(self, ms, source):
        """Set the time; the chip's is set too, because certificates are checked against it."""
        self._set_chip(ms)
        self._offset = ms - self.system_ms()
        self.source = source

    def _set_chip(self, ms):
        if hasattr(machine, "RTC"):
            parts = time.gmtime(ms // 1000 - EPOCH_MS // 1000)
            machine.RTC().datetime(
                (parts[0], parts[1], parts[2], parts[6], parts[3], parts[4], parts[5], ms % 1000 * 1000)
            )

    async def sleep(self, ms):
        """Wait."""
        await asyncio.sleep(ms / 1000)

    async def tick(self, ms):
        """Wait at most `ms`, at most as long as a button may go unseen."""
        await asyncio.sleep(min(ms, 10) / 1000)


async def ask_ntp(clock, host, port):
    """Return the time of an SNTP server (RFC 4330) in ms since 1970; None without a valid answer."""
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1]
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        asking.setblocking(False)
        asking.sendto(b"\x1b" + bytes(47), address)
        began = clock.ticks()
        for _ in range(250):
            try:
                answer = asking.recv(48)
            except OSError as error:
                if error.args[0] != 11:  # EAGAIN: nothing has come yet.
                    return None
                await asyncio.sleep(0.02)
                continue
            if len(answer) < 48 or answer[0] & 7 != 4 or not 1 <= answer[1] <= 15:
                return None
            seconds, fraction = struct.unpack("!II", answer[40:48])
            if seconds < 0x80000000:
                seconds += 0x100000000  # The count began again in 2036.
            sent = (seconds - 2_208_988_800) * 1000 + (fraction * 1000 >> 32)
            return sent + (clock.ticks() - began) // 2
        return None
    finally:
        asking.close()


# --- Flash ------------------------------------------------------------------------------------------------


def exists(path):
    """Return whether there is such a file or folder."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def remove(path):
    """Remove a file if it is there."""
    try:
        os.remove(path)
    except OSError:
        pass


def replace(source, target):
    """Rename a file to another, which it replaces; atomic on LittleFS, MicroPython's on ESP32."""
    try:
        os.rename(source, target)
    except (
        OSError
    ):  # FAT does not replace; `load_json` reads the new file when power fails between these two.
        remove(target)
        os.rename(source, target)


def store_json(path, value):
    """Replace a JSON file as a whole, so that a power cut leaves the old or the new one."""
    with open(path + ".new", "w") as file:
        json.dump(value, file)
    replace(path + ".new", path)


def load_json(path, default):
    """Read a JSON file; `default` if there is none that can be read."""
    for name in (path, path + ".new"):
        try:
            with open(name) as file:
                return json.load(file)
        except (OSError, ValueError):
            pass
    return default


def free_flash():
    """Return the free bytes of the file system."""
    found = os.statvfs(".")
    return found[1] * found[4]


def hash_pieces(path):
    """Hash a file; yields (bytes so far, None) after each piece, and at the end (bytes, SHA-256 as hex)."""
    digest = hashlib.sha256()
    count = 0
    buffer = bytearray(PIECE)
    view = memoryview(buffer)
    with open(path, "rb") as file:
        while True:
            size = file.readinto(buffer)
            if not size:
                break
            digest.update(view[:size])
            count += size
            yield count, None
    yield count, binascii.hexlify(digest.digest()).decode()


class Journal:
    """What was begun and what became of it, so that nothing is said or reported twice; one append-only file.

    Lines are JSON: ["begun", id, keep_until, at] before the first sample; ["ack", id, keep_until, state, at,
    detail] after the last; ["sent"] when the server has the oldest one; ["done", id, keep_until] after that.
    A line that a power cut tore is ignored.
    """

    def __init__(self, path):
        self.path = path
        self.unsent = []
        self._reported = {}
        self._done = {}
        self._lines = 0
        begun = {}
        for line in self._read():
            self._replay(line, begun)
        for name in begun:
            # It was cut off in the middle: said again it might be heard twice.
            until, at = begun[name]
            self._note(name, until, "failed", at, "power failed")
        self.compact(None)

    def _read(self):
        try:
            with open(self.path if exists(self.path) else self.path + ".new") as file:
                for text in file:
                    try:
                        line = json.loads(text) if text.endswith("\n") else None
                    except ValueError:
                        line = None
                    if isinstance(line, list) and line:
                        yield line
        except OSError:
            pass

    def _replay(self, line, begun):
        if line[0] == "begun":
            begun[line[1]] = (line[2], line[3])
            self._done[line[1]] = line[2]
        elif line[0] == "ack":
            begun.pop(line[1], None)
            self._note(line[1], line[2], line[3], line[4], line[5])
        elif line[0] == "sent" and self.unsent:
            self.unsent.pop(0)
        elif line[0] == "done":
            self._done[line[1]] = line[2]

    def _note(self, name, until, state, at, detail):
        self._done[name] = until
        self.unsent.append((name, until, state, at, detail))

    def _append(self, *line):
        with open(self.path, "a") as file:
            file.write(json.dumps(line) + "\n")
        self._lines += 1

    def __contains__(self, name):
        return name in self._done

    def begin(self, name, until, at):
        """Note that an announcement is begun, before its first sample."""
        self._done[name] = until
        self._append("begun", name, until, at)

    def finish(self, name, until, state, at, detail=None):
        """Note what became of an announcement, to be reported."""
        self._note(name, until, state, at, detail)
        self._append("ack", name, until, state, at, detail)

    def sent(self, ack):
        """Note that the server, or the broker, has the oldest report."""
        if self.unsent and self.unsent[0] is ack:
            self.unsent.pop(0)
            self._append("sent")
            self._reported[ack[0]] = ack

    def report_again(self, name):
        """Report what the server has not heard of, as when a broker was restarted that kept nothing."""
        if name in self._reported:
            ack = self._reported.pop(name)
            self._append("ack", *ack)
            self.unsent.append(ack)

    def compact(self, now):
        """Write the file anew, without what is over since a day; every few hundred lines."""
        if now is not None:
            if self._lines < 200:
                return
            self._done = {name: until for name, until in self._done.items() if until > now}
            self._reported = {name: ack for name, ack in self._reported.items() if name in self._done}
        waiting = {ack[0] for ack in self.unsent}
        with open(self.path + ".new", "w") as file:
            for name, until in self._done.items():
                if name not in waiting:
                    file.write(json.dumps(("done", name, until)) + "\n")
            for name, until, state, at, detail in self.unsent:
                file.write(json.dumps(("ack", name, until, state, at, detail)) + "\n")
        replace(self.path + ".new", self.path)
        self._lines = 0


# --- The schedule -----------------------------------------------------------------------------------------


class Item:
    """An announcement of the schedule; times are in milliseconds since 1970."""

    def __init__(self, made):
        self.id = str(made["id"])
        self.play_at = parse_time(made["play_at"])
        self.expires_at = parse_time(made["expires_at"])
        audio = made.get("audio") or {}
        self.sha256 = str(audio.get("sha256", ""))
        self.bytes = int(audio.get("bytes", 0))
        self.url = str(audio.get("url", ""))
        self.usable = str(audio.get("type", "")).split(";")[0] in ("audio/wav", "audio/x-wav", "audio/wave")
        if self.sha256 and (len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef")):
            raise ValueError("not a SHA-256")

    def path(self):
        """Return the name of its sound on flash."""
        return "cache/" + self.sha256[:32] + ".wav"


@micropython.viper
def next_bracket(text, at: int, size: int, inside) -> int:
    """Return where the next bracket of JSON is that is no part of a string; `size` if there is none.

    `inside` has two bytes, kept from piece to piece: whether a string is open, and whether it has just a
    backslash.
    """
    source = ptr8(text)  # noqa: F821 (a builtin of Viper code)
    flags = ptr8(inside)  # noqa: F821
    while at < size:
        byte = int(source[at])
        if flags[0]:
            if flags[1]:
                flags[1] = 0
            elif byte == 92:
                flags[1] = 1
            elif byte == 34:
                flags[0] = 0
        elif byte == 34:
            flags[0] = 1
        elif byte == 123 or byte == 91 or byte == 125 or byte == 93:
            return at
        at += 1
    return size


def read_document(path):
    """Read a schedule document, one announcement at a time.

    Returns:
        its other members, and its next announcements in the order of `play_at`, without their texts.

    Raises:
        ValueError: it is no schedule document.
    """
    outer, element, items = [], None, []
    depth, inside = 0, bytearray(2)
    with open(path, "rb") as file:
        while True:
            piece = file.read(256)
            if not piece:
                break
            start, at = 0, next_bracket(piece, 0, len(piece), inside)
            while at < len(piece):
                if piece[at] in b"{[":
                    depth += 1
                    if depth == 3 and element is None and piece[at] == 123:
                        outer.append(piece[start:at])
                        start, element = at, []
                else:
                    depth -= 1
                    if depth == 2 and element is not None:
                        element.append(piece[start : at + 1])
                        items.append(Item(_object(b"".join(element))))
                        outer.append(b"0")
                        start, element = at + 1, None
                        items.sort(key=lambda one: one.play_at)
                        if len(items) > MAX_ITEMS:
                            items.pop()
                at = next_bracket(piece, at + 1, len(piece), inside)
            (outer if element is None else element).append(piece[start:])
    document = _object(b"".join(outer))
    if depth or not isinstance(document.get("announcements"), list):
        raise ValueError("no schedule")
    return document, items


def _object(content):
    try:
        made = json.loads(content.decode())
    except UnicodeError:
        raise ValueError("not UTF-8") from None
    except RuntimeError:  # MicroPython and CPython raise it, or a kind of it, for what is nested too deep.
        raise ValueError("nested too deep") from None
    if not isinstance(made, dict):
        raise ValueError("not an object")
    return made


class Document:
    """A schedule document that arrives in pieces; written to flash, adopted when it is whole and valid."""

    def __init__(self, adopt, make_room):
        self._adopt = adopt
        self._make_room = make_room
        self._file = None
        self._size = 0

    def write(self, piece):
        """Take the next bytes; beyond the limit they are dropped, and so is the document."""
        if self._file is None:
            self._size = 0
            self._make_room(RESERVE // 2)
            self._file = open("schedule.new", "wb")
        self._size += len(piece)
        if self._size <= MAX_DOCUMENT:
            self._file.write(piece)

    def abandon(self):
        """Forget what came so far."""
        if self._file:
            self._file.close()
        self._file = None
        remove("schedule.new")

    def finish(self):
        """Adopt the document; one that is too large or not valid changes nothing."""
        size, file, self._file = self._size, self._file, None
        if file is None:
            return
        file.close()
        if size > MAX_DOCUMENT:
            log("document_too_large", bytes=size)
        else:
            try:
                document, items = read_document("schedule.new")
                self._adopt(document, items)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                log("document_invalid", bytes=size)
            else:
                replace("schedule.new", "schedule.json")
        remove("schedule.new")
        gc.collect()


class EventStream:
    """Parser of Server-Sent Events that passes on the data of `schedule` events in pieces."""

    def __init__(self, document):
        self._document = document
        self._event = ""
        self._data = False  # whether the line is one of data, whose name and space are read
        self._line = b""

    def feed(self, piece):
        """Take the next bytes of the stream; return whether the event `end` was among them."""
        ended = False
        while piece:
            at = piece.find(b"\n")
            part, whole = (piece, False) if at < 0 else (piece[:at], True)
            piece = b"" if at < 0 else piece[at + 1 :]
            self._take(part)
            if whole:
                ended = self._end_of_line() or ended
        return ended

    def _take(self, part):
        if self._data:
            self._pass_on(part)
            return
        self._line = (self._line + part)[:PIECE] if len(self._line) < 64 else self._line
        if self._line.startswith(b"data:") and len(self._line) > 5:
            self._data = True
            rest, self._line = self._line[5:], b""
            self._pass_on(rest[1:] if rest[:1] == b" " else rest)

    def _pass_on(self, part):
        # The server sends the name of an event before its data.
        if self._event == "schedule":
            self._document.write(part.replace(b"\r", b""))

    def _end_of_line(self):
        line, self._line = self._line.strip(), b""
        if self._data:
            self._data = False
        elif line.startswith(b"event:"):
            self._event = {b"schedule": "schedule", b"end": "end"}.get(line[6:].strip(), "")
        elif not line:
            event, self._event = self._event, ""
            if event == "schedule":
                self._document.finish()
            return event == "end"
        return False


# --- The network ------------------------------------------------------------------------------------------


def split_url(url):
    """Return (secure, host, port, path) of an address."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("http", "https"):
        raise ValueError("not an http address")
    netloc, slash, path = rest.partition("/")
    host, _, port = netloc.partition(":")
    return scheme == "https", host, int(port or (443 if scheme == "https" else 80)), slash + path


def tls_context():
    """Return a context that checks certificate, name and dates against the authorities on flash."""
    if ssl is None:
        raise Trouble("certificate", "no TLS")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for name in sorted(os.listdir("certificates")) if exists("certificates") else []:
        with open("certificates/" + name, "rb") as file:
            context.load_verify_locations(cadata=file.read())
    return context


async def _within(work, seconds):
    """Await something; OSError if it takes longer: MicroPython's own error is none."""
    try:
        return await asyncio.wait_for(work, seconds)
    except asyncio.TimeoutError:
        raise OSError("silence") from None


async def open_socket(host, port, secure):
    """Connect to a server.

    Raises:
        OSError: it cannot be reached.
        Trouble: `certificate`: it is expired, of another host, or of an unknown authority.
    """
    gc.collect()
    if not secure:
        return await _within(asyncio.open_connection(host, port), READ_SECONDS)
    context = tls_context()
    try:
        opening = asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        reader, writer = await _within(opening, READ_SECONDS)
    except (OSError, ValueError) as error:
        raise _tls_problem(error) from None
    return reader, writer


def _tls_problem(error):
    """Return what to raise for a failed handshake; both Pythons name failed verification in their own way."""
    text = str(error)
    if isinstance(error, ValueError) or "CERT" in text.upper() or -9984 in error.args:
        return Trouble("certificate", text[:120])
    return error


async def close_socket(writer):
    """Close a connection, whatever state it is in."""
    try:
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), 2)
    except (OSError, EOFError, ValueError, asyncio.TimeoutError):
        pass


class Link:
    """A connection with a read buffer; every wait for bytes has a limit."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self._buffer = b""

    @staticmethod
    async def open(host, port, secure):
        """Connect; errors as of `open_socket`."""
        reader, writer = await open_socket(host, port, secure)
        return Link(reader, writer)

    async def send(self, *parts):
        """Send bytes."""
        try:
            for part in parts:
                self._writer.write(part)
            await _within(self._writer.drain(), READ_SECONDS)
        except (
            ValueError
        ) as error:  # MicroPython shakes hands at the first bytes, and names what it finds wrong.
            raise _tls_problem(error) from None
        except OSError as error:
            raise _tls_problem(error) from None

    async def read(self, limit, seconds=READ_SECONDS):
        """Return at least one and at most `limit` bytes.

        Raises:
            EOFError: the other side closed.
            OSError: it broke, or nothing came within `seconds`.
        """
        if not self._buffer:
            try:
                self._buffer = await _within(self._reader.read(PIECE), seconds)
            except (OSError, ValueError) as error:
                raise _tls_problem(error) from None
            if not self._buffer:
                raise EOFError
        piece, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return piece

    async def exactly(self, count, seconds=READ_SECONDS):
        """Return `count` bytes; for small counts."""
        found = b""
        while len(found) < count:
            found += await self.read(count - len(found), seconds)
        return found

    async def line(self, seconds=READ_SECONDS):
        """Return the next line, without its end.

        Raises:
            OSError: it is longer than any line of HTTP that this file expects.
        """
        found = b""
        while True:
            piece = await self.read(PIECE, seconds)
            at = piece.find(b"\n")
            if at >= 0:
                self._buffer = piece[at + 1 :] + self._buffer
                return (found + piece[:at]).rstrip(b"\r")
            found += piece
            if len(found) > 4 * PIECE:
                raise OSError("line too long")

    async def close(self):
        """Close it."""
        await close_socket(self._writer)


class Answer:
    """An HTTP answer whose body is read in pieces, with a length or chunked (RFC 9112 section 7.1)."""

    def __init__(self, link, status, headers):
        self.status = status
        self.headers = headers
        self._link = link
        self._chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self._left = 0 if self._chunked else int(headers.get("content-length", 0))
        if self._left < 0:
            raise ValueError("length")
        self._first = True
        self.finished = not self._chunked and not self._left

    async def read(self, seconds=READ_SECONDS):
        """Return the next piece of the body, b"" after the last."""
        if self._chunked and not self._left and not self.finished:
            if not self._first:
                await self._link.line(seconds)
            self._first = False
            try:
                self._left = int((await self._link.line(seconds)).split(b";")[0], 16)
                if self._left < 0:
                    raise ValueError("length")
            except ValueError:
                raise OSError("not a chunk") from None
            if not self._left:
                for _ in range(MAX_HEADERS):
                    if not await self._link.line(seconds):
                        break
                else:
                    raise OSError("too many headers")
                self.finished = True
        if self.finished:
            return b""
        piece = await self._link.read(min(self._left, PIECE), seconds)
        self._left -= len(piece)
        self.finished = not self._chunked and not self._left
        return piece

    async def json(self):
        """Return the whole body as JSON; {} if it is too long or no JSON object."""
        content, size = b"", 0
        while True:
            piece = await self.read()
            if not piece:
                break
            size += len(piece)
            if size <= 8 * PIECE:
                content += piece
        try:
            return _object(content)
        except ValueError:
            return {}


class Http:
    """HTTP/1.1 with one connection that is kept open between requests."""

    def __init__(self):
        self._link = None
        self._to = None
        self._answer = None

    @property
    def is_open(self):
        """Whether there is a connection that was not found closed."""
        return self._link is not None

    async def ask(self, method, url, token=None, body=None, **headers):
        """Send a request and return the head of its answer; the rest of an earlier answer is dropped.

        Raises:
            OSError, EOFError: the server cannot be reached, or the connection broke.
            Trouble: `certificate`.
        """
        secure, host, port, path = split_url(url)
        to = (secure, host, port)
        fresh = self._link is None or to != self._to or not (self._answer and self._answer.finished)
        if fresh:
            await self.close()
            self._link, self._to = await Link.open(host, port, secure), to
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            "%s %s HTTP/1.1" % (method, path or "/"),
            "Host: %s:%d" % (host, port),
            "User-Agent: mia/" + VERSION,
        ]
        if token:
            lines.append("Authorization: Bearer " + token)
        if body is not None:
            lines.append("Content-Type: application/json")
        if method != "GET":
            lines.append("Content-Length: %d" % len(content))
        lines += [name + ": " + value for name, value in headers.items()]
        try:
            await self._link.send(("\r\n".join(lines) + "\r\n\r\n").encode() + content)
            return await self._head()
        except (OSError, EOFError, Trouble):
            await self.close()
            if fresh:
                raise
        # The server had closed the connection meanwhile. All requests of this file can be repeated.
        return await self.ask(method, url, token, body, **headers)

    async def _head(self):
        status = (await self._link.line()).split(b" ")
        if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
            raise OSError("not HTTP")
        headers = {}
        for _ in range(MAX_HEADERS):
            line = await self._link.line()
            if not line:
                break
            name, _, value = line.partition(b":")
            if name.lower() in (b"content-length", b"transfer-encoding", b"connection"):
                headers[str(name, "utf-8").lower()] = value.strip()
        else:
            raise OSError("too many headers")
        try:
            for name in headers:
                headers[name] = headers[name].decode()
            self._answer = Answer(self._link, int(status[1]), headers)
        except ValueError:
            raise OSError("not HTTP") from None
        if headers.get("connection", "").lower() == "close":
            self._to = None
        return self._answer

    async def close(self):
        """Close the connection."""
        link, self._link = self._link, None
        self._answer = None
        if link:
            await link.close()


class Mqtt:
    """A client of MQTT 3.1.1 with one subscription; payloads are passed on in pieces."""

    KEEPALIVE = 30

    def __init__(self, link, topics):
        self._link = link
        self._topics = topics
        self._packet = 0
        self._acked = {}

    @staticmethod
    async def open(access, clock):
        """Connect with a last will, and subscribe to the schedule.

        Args:
            access: host, port, tls, user, password and topics (the prefix of the device's topics).

        Raises:
            OSError, EOFError: the broker cannot be reached.
            Refused: the broker refuses this user.
            Trouble: `certificate`.
        """
        link = await Link.open(access["host"], int(access["port"]), bool(access.get("tls")))
        try:
            client = Mqtt(link, access["topics"])
            topic, will = access["topics"] + "/state", b'{"state":"offline"}'
            # Flags: user name, password, will retained, will with QoS 1, will, clean session.
            body = _text("MQTT") + bytes((4, 0xEE)) + client.KEEPALIVE.to_bytes(2, "big")
            body += _text(access["user"]) + _text(topic) + _text(will)
            body += _text(access["user"]) + _text(access["password"])
            await client._send(0x10, body)
            kind, answer = await client._packet_in()
            if kind != 0x20 or len(answer) != 2:
                raise OSError("no CONNACK")
            if answer[1]:
                log("broker_refused", code=answer[1])
                if answer[1] in (4, 5):
                    raise Refused
                raise OSError("broker refused")
            await client._send(0x82, b"\x00\x01" + _text(access["topics"] + "/schedule") + b"\x01")
        except Exception:
            await link.close()
            raise
        return client

    async def _send(self, kind, body):
        size, length = len(body), b""
        while True:
            size, low = size >> 7, size & 127
            length += bytes((low | 128 if size else low,))
            if not size:
                break
        await self._link.send(bytes((kind,)) + length + body)

    async def _head(self):
        kind = (await self._link.exactly(1, SILENCE_SECONDS))[0]
        size = shift = 0
        while True:
            byte = (await self._link.exactly(1))[0]
            size |= (byte & 127) << shift
            if not byte & 128:
                return kind, size
            shift += 7
            if shift > 21:
                raise OSError("not MQTT")

    async def _packet_in(self):
        kind, size = await self._head()
        if size > PIECE:
            raise OSError("packet too long")
        return kind, await self._link.exactly(size)

    async def publish(self, name, payload, retain=False, qos=1):
        """Publish to a topic of this device; with QoS 1 return the packet's number, for `acked`."""
        head = _text(self._topics + "/" + name)
        if qos:
            self._packet = self._packet % 65535 + 1
            head += self._packet.to_bytes(2, "big")
        await self._send(0x30 | qos << 1 | bool(retain), head + payload)
        return self._packet

    def acked(self, packet):
        """Return whether the broker has a publication."""
        return self._acked.pop(packet, False)

    async def ping(self):
        """Keep the connection alive; it is closed when the broker hears nothing for long."""
        await self._send(0xC0, b"")

    async def follow(self, document):
        """Read packets until the connection ends; payloads of the schedule go to the document."""
        while True:
            kind, size = await self._head()
            if kind & 0xF0 == 0x30:
                await self._publication(kind, size, document)
                continue
            if size > PIECE:
                raise OSError("packet too long")
            body = await self._link.exactly(size)
            if kind == 0x40 and size >= 2:
                self._acked[int.from_bytes(body[:2], "big")] = True
            elif kind == 0x90 and size >= 3 and body[2] > 2:
                raise Refused

    async def _publication(self, kind, size, document):
        length = int.from_bytes(await self._link.exactly(2), "big")
        if length > 256 or length + 2 + (2 if kind & 6 else 0) > size:
            raise OSError("not MQTT")
        topic = await self._link.exactly(length)
        size -= 2 + length
        number = b""
        if kind & 6:
            number = await self._link.exactly(2)
            size -= 2
        ours = topic == (self._topics + "/schedule").encode() and size > 0
        try:
            while size:
                piece = await self._link.read(min(size, PIECE))
                size -= len(piece)
                if ours:
                    document.write(piece)
        except (OSError, EOFError):
            document.abandon()
            raise
        if ours:
            document.finish()
        if number:
            await self._send(0x40, number)

    async def close(self):
        """Say goodbye, so that the last will stays unsent, and close."""
        try:
            await self.publish("state", b'{"state":"offline"}', retain=True, qos=0)
            await self._send(0xE0, b"")
        except (OSError, EOFError, Trouble):
            pass
        await self._link.close()


def _text(text):
    """Return a text or bytes with the length in front, counted in bytes."""
    content = text if isinstance(text, bytes) else text.encode()
    return len(content).to_bytes(2, "big") + content


# --- Sound ------------------------------------------------------------------------------------------------


@micropython.viper
def scale(buffer, samples: int, volume: int):
    """Multiply 16-bit samples by volume/256, in place; compiled to machine code on the chip."""
    words = ptr16(buffer)  # noqa: F821 (a builtin of Viper code)
    for at in range(samples):
        sample = int(words[at])
        if sample & 0x8000:
            sample -= 65536
        words[at] = ((sample * volume) >> 8) & 0xFFFF


STEPS = (
    b"\x07\x00\x08\x00\x09\x00\x0a\x00\x0b\x00\x0c\x00\x0d\x00\x0e\x00\x10\x00\x11\x00\x13\x00\x15\x00\x17\x00"
    b"\x19\x00\x1c\x00\x1f\x00\x22\x00\x25\x00\x29\x00\x2d\x00\x32\x00\x37\x00\x3c\x00\x42\x00\x49\x00\x50\x00"
    b"\x58\x00\x61\x00\x6b\x00\x76\x00\x82\x00\x8f\x00\x9d\x00\xad\x00\xbe\x00\xd1\x00\xe6\x00\xfd\x00\x17\x01"
    b"\x33\x01\x51\x01\x73\x01\x98\x01\xc1\x01\xee\x01\x20\x02\x56\x02\x92\x02\xd4\x02\x1c\x03\x6c\x03\xc3\x03"
    b"\x24\x04\x8e\x04\x02\x05\x83\x05\x10\x06\xab\x06\x56\x07\x12\x08\xe0\x08\xc3\x09\xbd\x0a\xd0\x0b\xff\x0c"
    b"\x4c\x0e\xba\x0f\x4c\x11\x07\x13\xee\x14\x06\x17\x54\x19\xdc\x1b\xa5\x1e\xb6\x21\x15\x25\xca\x28\xdf\x2c"
    b"\x5b\x31\x4b\x36\xb9\x3b\xb2\x41\x44\x48\x7e\x4f\x71\x57\x2f\x60\xce\x69\x62\x74\xff\x7f"
)  # the step sizes of IMA ADPCM, as 16-bit numbers


@micropython.viper
def decode_adpcm(block, size: int, samples, steps) -> int:
    """Decode one block of mono IMA ADPCM into 16-bit samples; return how many there are."""
    source = ptr8(block)  # noqa: F821
    target = ptr16(samples)  # noqa: F821
    table = ptr16(steps)  # noqa: F821
    value = int(source[0]) | (int(source[1]) << 8)
    if value & 0x8000:
        value -= 65536
    index = int(source[2])
    target[0] = value & 0xFFFF
    count = 1
    for at in range(4, size):
        for half in range(2):
            code = (int(source[at]) >> (4 * half)) & 15
            step = int(table[index])
            change = step >> 3
            if code & 1:
                change += step >> 2
            if code & 2:
                change += step >> 1
            if code & 4:
                change += step
            value = value - change if code & 8 else value + change
            if value > 32767:
                value = 32767
            if value < -32768:
                value = -32768
            if code & 4:
                index += ((code & 3) + 1) * 2
            else:
                index -= 1
            if index < 0:
                index = 0
            if index > 88:
                index = 88
            target[count] = value & 0xFFFF
            count += 1
    return count


class Wav:
    """A mono WAV file that is read in pieces: 16-bit PCM, or IMA ADPCM, which is a quarter of the size."""

    def __init__(self, path):
        self._file = open(path, "rb")
        try:
            self._read_head()
        except Exception:
            self._file.close()
            raise

    def _read_head(self):
        head = self._file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            raise ValueError("not WAV")
        self.rate = 0
        while True:
            head = self._file.read(8)
            if len(head) < 8:
                raise ValueError("no samples")
            name, size = struct.unpack("<4sI", head)
            if name == b"data":
                break
            content = self._file.read(min(size + size % 2, PIECE))
            if name == b"fmt ":
                form, channels, self.rate, _, self._block, bits = struct.unpack("<HHIIHH", content[:16])
                if channels != 1 or (form, bits) not in ((1, 16), (17, 4)) or not 8000 <= self.rate <= 48000:
                    raise ValueError("format")
        if not self.rate:
            raise ValueError("no format")
        self._left = size
        self._adpcm = form == 17
        self._buffer = bytearray(self._block if self._adpcm else PIECE)
        self._samples = bytearray(self._block * 4) if self._adpcm else self._buffer

    def read(self):
        """Return the next samples, as a view that the next call overwrites; empty after the last."""
        if self._left <= 0:
            return b""
        view = memoryview(self._buffer)[: min(self._left, len(self._buffer))]
        size = self._file.readinto(view)
        if not size:
            raise ValueError("truncated")
        self._left -= size
        if not self._adpcm:
            return view[: size & ~1]
        if size < 5:
            return b""
        return memoryview(self._samples)[: 2 * decode_adpcm(self._buffer, size, self._samples, STEPS)]

    def close(self):
        """Close the file."""
        self._file.close()


class Speaker:
    """The amplifier on I2S."""

    BUFFER = 8192  # bytes of the driver: 256 ms at 16 kHz
    DELAY_MS = 32  # that the driver's next two buffers take before a new sample is heard

    def __init__(self, pins, clock):
        self._pins = pins
        self._clock = clock
        self._out = None

    def open(self, rate):
        """Begin to send silence."""
        self.close()
        self._out = machine.I2S(
            self._pins.get("i2s", 0),
            sck=machine.Pin(self._pins["bclk"]),
            ws=machine.Pin(self._pins["lrc"]),
            sd=machine.Pin(self._pins["din"]),
            mode=machine.I2S.TX,
            bits=16,
            format=machine.I2S.MONO,
            rate=rate,
            ibuf=self.BUFFER,
        )

    async def play(self, wav, volume, tick):
        """Play a sound; return when its last sample has left.

        Writing never waits, because no more is written than the driver has room for.
        """
        factor = volume * 256 // 100
        began, played = self._clock.ticks(), 0
        ahead = (self.BUFFER - 2 * PIECE) * 1000 // (2 * wav.rate)
        while True:
            piece = wav.read()
            if not len(piece):
                break
            if factor != 256:
                scale(piece, len(piece) // 2, factor)
            self._out.write(piece)
            played += len(piece) // 2
            until = began + played * 1000 // wav.rate - ahead
            while self._clock.ticks() < until:
                await tick(until - self._clock.ticks())
        until = began + played * 1000 // wav.rate + self.DELAY_MS + 1
        while self._clock.ticks() < until:
            await tick(until - self._clock.ticks())

    def close(self):
        """End sending."""
        if self._out:
            self._out.deinit()
        self._out = None


# --- What is seen and pressed -----------------------------------------------------------------------------


class Button:
    """A button to ground: a tap, a hold of a second, or one of ten seconds."""

    HOLD_MS, RESET_MS, BOUNCE_MS = 1000, 10_000, 30

    def __init__(self, number):
        self._pin = None if number is None else machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP)
        self._since = None

    @property
    def pressed(self):
        """Whether it is held down."""
        return self._since is not None

    def poll(self, ticks):
        """Return "tap", "hold" or "reset" when it was released, else None."""
        if self._pin is None:
            return None
        if not self._pin.value():
            if self._since is None:
                self._since = ticks
            return None
        if self._since is None:
            return None
        held, self._since = ticks - self._since, None
        if held >= self.RESET_MS:
            return "reset"
        if held >= self.HOLD_MS:
            return "hold"
        return "tap" if held >= self.BOUNCE_MS else None


class Lights:
    """A light-emitting diode and a ring of NeoPixels; each may be absent."""

    # For each mode: period in ms, when in it the diode is lit (from, to), and the ring's colour.
    MODES = {  # noqa: RUF012 (MicroPython has no typing.ClassVar)
        "setup": (200, ((0, 100),), (0, 0, 40)),
        "pairing": (1000, ((0, 500),), (0, 0, 40)),
        "trouble": (3000, ((0, 150), (300, 450)), (40, 0, 0)),
        "offline": (3000, ((0, 150),), (30, 18, 0)),
        "muted": (6000, ((0, 60),), (8, 0, 12)),
        "online": (1000, ((0, 1000),), (0, 30, 6)),
    }
    FULL_MS = 3_600_000  # that a full disc stands for

    def __init__(self, pins):
        led, ring = pins.get("led"), pins.get("ring")
        self._led = None if led is None else machine.Pin(led, machine.Pin.OUT)
        self._ring = None
        self._shown = None
        if ring is not None:
            self._ring = neopixel.NeoPixel(machine.Pin(ring, machine.Pin.OUT), pins.get("ring_count", 12))

    def update(self, ticks, mode, left):
        """Show a mode, and the milliseconds that are left until the next announcement as a shrinking disc."""
        period, lit, colour = self.MODES[mode]
        at = ticks % period
        if self._led:
            self._led.value(1 if any(begin <= at < end for begin, end in lit) else 0)
        if self._ring is None:
            return
        if mode in ("setup", "pairing"):
            left = self.FULL_MS if any(begin <= at < end for begin, end in lit) else None
        sixteenths = 0 if left is None else self._sixteenths(left)
        if self._shown == (mode, sixteenths):
            return
        self._shown = mode, sixteenths
        for pixel in range(len(self._ring)):
            part = min(max(sixteenths - 16 * pixel, 0), 16)
            self._ring[pixel] = tuple(value * part // 16 for value in colour)
        self._ring.write()

    def _sixteenths(self, left):
        """Return how much of the ring is lit, in sixteenths of a pixel; something until the very moment."""
        share = min(max(left, 0), self.FULL_MS) * 16 * len(self._ring) // self.FULL_MS
        return max(share, 1)


# --- Wi-Fi ------------------------------------------------------------------------------------------------

PAGE = """<!doctype html><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>Mia</title><style>body{font:18px sans-serif;max-width:22em;margin:2em auto}
input,button{font:inherit;width:100%%;margin:.3em 0 1em;padding:.5em;box-sizing:border-box}</style>
<h1>Mia</h1><p>%s</p><form method=post action=/wifi>
<label>Wi-Fi<input name=name list=seen required maxlength=32>
</label><datalist id=seen>%s</datalist><label>Password<input name=password type=password maxlength=63></label>
<button>OK</button></form>"""


def decode_form(content):
    """Return the fields of a form, decoded (application/x-www-form-urlencoded)."""
    fields = {}
    for pair in content.split(b"&"):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        parts = value.split(b"%")
        decoded = parts[0]
        for part in parts[1:]:
            try:
                decoded += bytes((int(part[:2], 16),)) + part[2:]
            except ValueError:
                decoded += b"%" + part
        try:
            fields[name.decode()] = decoded.decode()
        except UnicodeError:
            pass
    return fields


def readable_names(networks):
    """Return the names of networks that a scan found; one that is no text hides no others."""
    names = set()
    for one in networks:
        try:
            if one[0]:
                names.add(one[0].decode())
        except UnicodeError:
            pass
    return names


class Portal:
    """An open Wi-Fi with one page, where a phone chooses the Wi-Fi of the home."""

    def __init__(self, config):
        chosen = config.get("portal") or {}
        self._address = chosen.get("address", "192.168.4.1")
        self._http_port = chosen.get("http_port", 80)
        self._dns_port = chosen.get("dns_port", 53)
        self._seen = ""
        self._chosen = None

    async def ask(self, clock):
        """Open the network and wait; return the (name, password) that somebody chose."""
        station = network.WLAN(network.STA_IF)
        station.active(True)
        try:
            names = sorted(readable_names(station.scan()))
        except OSError:
            names = []
        self._seen = "".join("<option value='%s'>" % _escape(name) for name in names[:20])
        point = network.WLAN(network.AP_IF)
        point.active(True)
        point.config(essid="Mia-Setup")
        self._chosen = None
        server = await asyncio.start_server(self._answer, "0.0.0.0", self._http_port)  # noqa: S104 (its own Wi-Fi)
        names_answer = asyncio.create_task(self._answer_names())
        log("portal_open")
        try:
            while self._chosen is None:
                await clock.sleep(200)
            await asyncio.sleep(1)  # The page is still being sent.
        finally:
            names_answer.cancel()
            server.close()
            point.active(False)
        return self._chosen

    async def _answer(self, reader, writer):
        link = Link(reader, writer)
        try:
            request = (await link.line()).split(b" ")
            size = 0
            while True:
                line = await link.line()
                if not line:
                    break
                if line.lower().startswith(b"content-length:"):
                    size = int(line[15:])
            said = "Which Wi-Fi shall I use?"
            if request[0] == b"POST" and size <= PIECE:
                fields = decode_form(await link.exactly(size))
                name = fields.get("name", "")
                if name:
                    self._chosen = (name, fields.get("password", ""))
                    said = "Thank you! I try %s, and come back here if it fails." % _escape(name)
            page = (PAGE % (said, self._seen)).encode()
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
            await link.send((head % len(page)).encode(), page)
        except (OSError, EOFError, ValueError):
            pass
        await link.close()

    async def _answer_names(self):
        """Answer each question of DNS with the own address: phones then show the page by themselves."""
        here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            here.setblocking(False)
            here.bind(socket.getaddrinfo("0.0.0.0", self._dns_port, 0, socket.SOCK_DGRAM)[0][-1])  # noqa: S104
            address = bytes(int(part) for part in self._address.split("."))
            while True:
                try:
                    question, to = here.recvfrom(512)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                if len(question) > 12:
                    head = question[:2] + b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"
                    answer = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + address
                    here.sendto(head + question[12:] + answer, to)
        finally:
            here.close()


def _escape(text):
    """Return a text for HTML."""
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&quot;")):
        text = text.replace(sign, name)
    return text


# --- The device -------------------------------------------------------------------------------------------


def new_token():
    """Return 32 random bytes as text."""
    return binascii.hexlify(os.urandom(32)).decode()


def token_sha256(token):
    """Return the hash by which the server knows a token."""
    return binascii.hexlify(hashlib.sha256(token.encode()).digest()).decode()


class Mia:
    """The device: its state, and the tasks that speak, follow the schedule and send what happened."""

    def __init__(self, config, clock):
        self.config = config
        self.clock = clock
        self.server = config.get("server", "").rstrip("/")
        pins = config.get("pins") or {}
        self.speaker = Speaker(pins, clock)
        self.button = Button(pins.get("button"))
        self.lights = Lights(pins)
        self.state = load_json("state.json", {})
        for folder in ("cache", "sounds"):
            if not exists(folder):
                os.mkdir(folder)
        for name in os.listdir("cache"):
            if name.endswith(".part"):
                remove("cache/" + name)
        self.journal = Journal("journal")
        self.items = []
        self.volume = 60
        self.muted_until = 0
        self.online = False
        self.speaking = False
        self.mode = "offline"
        self.troubles = {}  # name -> ticks since when
        self.prompts = []  # lists of files that are said when there is time
        self.http = Http()
        self.mqtt = None
        self.document = Document(self._adopt, self._make_room)
        self.watchdog = None
        self._said = {}
        self._checked = {}  # name of a file -> ticks at which its hash was right
        self._retry = {}  # hash -> (failures, ticks of the next attempt)
        self._actions = []
        self._last = None  # (file, time) of what was said last
        self._work = asyncio.Event()
        self._heartbeat_at = 0
        self._ntp_at = None
        self._ntp_wrong = False
        self._online_at = 0
        self._tapped = False
        self._reset = False

    async def run(self):
        """Run for ever."""
        log("start", version=VERSION)
        try:
            document, items = read_document("schedule.json")
            self._adopt(document, items, fresh=False)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        self.watchdog = machine.WDT(timeout=60_000)
        self._tasks = [
            asyncio.create_task(self._repeat("network", self._be_online)),
            asyncio.create_task(self._repeat("outbox", self._exchange)),
        ]
        await self._repeat("speech", self._speak)

    async def _repeat(self, name, step):
        """Run a step again and again; an error in it is logged and does not end the others."""
        while True:
            try:
                await step()
            except MemoryError:
                gc.collect()
                log("memory", task=name)
                await self.clock.sleep(1000)
            except Exception as error:
                log("error", task=name, type=type(error).__name__, detail=str(error)[:100])
                await self.clock.sleep(1000)

    # Speaking.

    async def _tick(self, ms):
        """Wait at most `ms`; feeds the watchdog, and looks after button and lights."""
        if self.watchdog:
            self.watchdog.feed()
        ticks = self.clock.ticks()
        pressed = self.button.poll(ticks)
        if pressed:
            self._press(pressed)
        now, coming = self.clock.now(), self._coming()
        left = coming.play_at - now if coming and now is not None else None
        self.lights.update(ticks, self._mode(now), left)
        await self.clock.tick(min(ms, 10) if self.button.pressed else ms)

    def _mode(self, now):
        """Return what the lights show."""
        if self.mode in ("setup", "pairing"):
            return self.mode
        if self.troubles:
            return "trouble"
        if not self.online:
            return "offline"
        return "muted" if now is not None and self.muted_until > now else "online"

    def _coming(self):
        """Return the next announcement that is to be said."""
        for item in self.items:
            if item.id not in self.journal:
                return item
        return None

    def _ready(self, item):
        """Return whether the sound of an announcement is on flash, with its length."""
        try:
            return bool(item.sha256) and item.usable and os.stat(item.path())[6] == item.bytes
        except OSError:
            return False

    async def _speak(self):
        """Say what is due, or check the sound of what will be, or say a prompt, or wait a little."""
        now, wait = self.clock.now(), 1000
        item = self._due(now) if now is not None else None
        if item:
            left = item.play_at - now
            if left <= 0 and self.muted_until > now:
                self._finish(item, "held", now)
                return
            checked = self._checked.get(item.path())
            fresh = checked is not None and self.clock.ticks() - checked < 4 * PREPARE_MS
            if left <= PREPARE_MS and not fresh and self._ready(item):
                await self._check(item)
                return
            if left <= OPEN_MS and fresh and self.muted_until <= item.play_at:
                await self._announce(item)
                return
            wait = min(wait, max(left - (OPEN_MS if fresh else PREPARE_MS), 10))
            if left > 0:
                wait = min(wait, left)
        if self.prompts and (item is None or item.play_at - now > PREPARE_MS):
            await self._prompt(self.prompts.pop(0))
            return
        await self._tick(wait)

    def _due(self, now):
        """Return the first announcement that can be said, now or later; note as missed what is over."""
        found = None
        for item in self.items:
            if item.id in self.journal:
                continue
            if now >= item.expires_at:
                self._finish(item, "missed", now, "no sound" if not self._ready(item) else "too late")
            elif found is None and (item.play_at > now or self.muted_until > now or self._ready(item)):
                found = item
        return found

    async def _check(self, item):
        """Hash a sound that is due soon; one that is not what the schedule says is fetched again."""
        found = (0, None)
        for number, found in enumerate(hash_pieces(item.path())):  # noqa: B007 (the last is the result)
            if number % 16 == 15:
                await self._tick(0)
        if found == (item.bytes, item.sha256):
            self._checked[item.path()] = self.clock.ticks()
            return
        log("sound_broken", announcement=item.id, bytes=found[0])
        remove(item.path())
        self._work.set()

    def _is_planned(self, item):
        """Return whether the schedule still has this announcement, at this time and with this sound."""
        return any(
            (one.id, one.play_at, one.sha256) == (item.id, item.play_at, item.sha256) for one in self.items
        )

    async def _announce(self, item):
        """Say an announcement at its time, unless it is withdrawn or muted until then."""
        try:
            wav = Wav(item.path())
        except (OSError, ValueError) as error:
            self._finish(item, "failed", self.clock.now(), str(error)[:60])
            return
        self.speaking = True
        try:
            self.speaker.open(wav.rate)
            while True:
                now = self.clock.now()
                if not self._is_planned(item):
                    log("withdrawn", announcement=item.id)
                    return
                if now >= item.play_at:
                    break
                await self._tick(min(item.play_at - now, 5))
            if self.muted_until > now:
                self._finish(item, "held", now)
                return
            self._begin(item, now)
            log("speak", announcement=item.id, late_ms=now - item.play_at)
            await self.speaker.play(wav, self.volume, self._tick)
            self._finish(item, "played", now)
            self._last = (item.path(), now)
        except (OSError, ValueError) as error:
            self._finish(item, "failed", self.clock.now(), str(error)[:60])
        finally:
            self.speaking = False
            self.speaker.close()
            wav.close()
            self._work.set()

    def _keep_until(self, item):
        return max(item.expires_at, item.play_at) + DAY_MS

    def _begin(self, item, now):
        try:
            self.journal.begin(item.id, self._keep_until(item), now)
        except OSError:  # Flash is full. It counts as begun in memory, and may be stored after this.
            self._make_room(RESERVE)
            self.journal.begin(item.id, self._keep_until(item), now)

    def _finish(self, item, state, now, detail=None):
        log("done", announcement=item.id, state=state, detail=detail)
        try:
            self.journal.finish(item.id, self._keep_until(item), state, format_time(now), detail)
        except OSError:
            self._make_room(RESERVE)
        self._work.set()

    async def _prompt(self, names):
        """Say sounds that are held on flash, one after the other."""
        self.speaking = True
        try:
            for name in names:
                try:
                    wav = Wav(name)
                except (OSError, ValueError):
                    log("prompt_missing", name=name)
                    continue
                try:
                    self.speaker.open(wav.rate)
                    log("prompt", name=name)
                    await self.speaker.play(wav, max(self.volume, 30), self._tick)
                finally:
                    wav.close()
        finally:
            self.speaking = False
            self.speaker.close()

    def _say(self, *names):
        """Have sounds of the folder `sounds` said when there is time."""
        prompt = ["sounds/" + name + ".wav" for name in names]
        if prompt not in self.prompts:
            self.prompts.append(prompt)

    def _complain(self, name, **fields):
        """Note what is wrong, and say it once in a day; a muted device only shows it."""
        log("trouble", name=name, **fields)
        ticks, now = self.clock.ticks(), self.clock.now()
        self.troubles.setdefault(name, ticks)
        if now is not None and self.muted_until > now:
            return
        if name not in self._said or ticks - self._said[name] >= DAY_MS:
            self._said[name] = ticks
            self._say(name)

    # The button.

    def _press(self, how):
        log("button", how=how)
        if how == "reset":
            self._reset = True
        elif how == "hold":
            self._toggle_mute()
        elif self.mode == "pairing":
            self._tapped = True
        elif self.online:
            self._actions.append({"action": "repeat"})
        elif self._heard_lately():
            self.prompts.append([self._last[0]])
        elif self.troubles:
            for name in sorted(self.troubles):
                self._say(name)
        else:
            self._say("nothing")
        self._work.set()

    def _heard_lately(self):
        now = self.clock.now()
        return self._last is not None and now is not None and now - self._last[1] < 1_800_000

    def _toggle_mute(self):
        now = self.clock.now()
        if now is None:
            return
        muted = self.muted_until > now
        self.muted_until = 0 if muted else now + 3_600_000
        self.state["mute"] = self.muted_until  # The server does not know it yet.
        self._save()
        self._say("unmuted" if muted else "muted")

    def _save(self):
        try:
            store_json("state.json", self.state)
        except OSError:
            self._make_room(RESERVE)
            store_json("state.json", self.state)

    # The schedule.

    def _adopt(self, document, items, fresh=True):
        """Follow another document; cancelled announcements are gone with the old one."""
        volume, until = int(document["volume"]), document["muted_until"]
        muted_until = parse_time(until) if until else 0
        if fresh and document.get("now"):
            self._compare_clock(parse_time(document["now"]))
        self.items = items
        if self.mqtt:
            # An announcement that was reported is in no later schedule, if the server has the report.
            for item in items:
                self.journal.report_again(item.id)
        self.volume = min(max(volume, 0), 100)
        if "mute" not in self.state:
            self.muted_until = muted_until
        log("schedule", version=document.get("version"), announcements=len(items), muted=bool(muted_until))
        self._work.set()

    def _compare_clock(self, server_ms):
        """Use the server's time if the own is unknown or over two seconds off; say so if it was wrong."""
        now = self.clock.now()
        if now is not None and abs(server_ms - now) <= 2000:
            self.troubles.pop("clock", None)
            return
        if now is not None and abs(server_ms - now) > 600_000:
            self._ntp_wrong = True
            self._complain("clock", seconds=(server_ms - now) // 1000)
        self.clock.set(server_ms, "server")
        log("clock_set", source="server")

    # Sounds.

    def _wanted(self):
        """Return the announcements whose sounds shall be on flash: the next ones, within the budget."""
        budget = self.config.get("sound_budget", 2_000_000)
        now = self.clock.now()
        wanted, seen = [], set()
        for item in self.items:
            if item.id in self.journal or not item.sha256 or not item.usable:
                continue
            if now is not None and now >= item.expires_at:
                continue
            if item.sha256 not in seen:
                budget -= item.bytes
                seen.add(item.sha256)
            if budget < 0:
                break
            wanted.append(item)
        return wanted

    def _tidy(self, wanted):
        """Remove sounds that nobody needs any more."""
        keep = {item.path() for item in wanted}
        if self._last and self._heard_lately():
            keep.add(self._last[0])
        for name in os.listdir("cache"):
            if "cache/" + name not in keep:
                remove("cache/" + name)
                self._checked.pop("cache/" + name, None)

    def _make_room(self, size, before=None):
        """Remove the sounds that are needed last until `size` bytes are free; those after `before` only."""
        held = [item for item in self.items if self._ready(item)]
        while free_flash() < size:
            if not held or (before and held[-1].play_at <= before.play_at):
                return False
            item = held.pop()
            log("sound_dropped", announcement=item.id)
            remove(item.path())
        return True

    async def _fetch_next(self):
        """Fetch the sound that is needed first; return whether there was one to fetch."""
        wanted = self._wanted()
        self._tidy(wanted)
        ticks = self.clock.ticks()
        for item in wanted:
            failures, not_before = self._retry.get(item.sha256, (0, 0))
            if self._ready(item) or ticks < not_before:
                continue
            if not self._make_room(item.bytes + RESERVE, item):
                if item is wanted[0]:
                    self._complain("full")
                return False
            if await self._fetch(item):
                self.troubles.pop("full", None)
                self._retry.pop(item.sha256, None)
            else:
                wait = min(1000 * 2**failures, 300_000)
                self._retry[item.sha256] = (failures + 1, self.clock.ticks() + wait)
            return True
        return False

    async def _fetch(self, item):
        """Fetch a sound into flash; return whether it is what the schedule says, else nothing is kept."""
        part = "cache/" + item.sha256[:32] + ".part"
        answer = await self.http.ask("GET", item.url)
        if answer.status != 200:
            log("sound_refused", announcement=item.id, status=answer.status)
            return False
        digest, size = hashlib.sha256(), 0
        try:
            with open(part, "wb") as file:
                while True:
                    piece = await answer.read()
                    if not piece:
                        break
                    size += len(piece)
                    if size > item.bytes:
                        break
                    digest.update(piece)
                    file.write(piece)
                    while self.speaking:  # Erasing flash stops the chip for up to 50 ms.
                        await self.clock.sleep(20)
        except (OSError, EOFError) as error:
            remove(part)
            if isinstance(error, OSError) and error.args and error.args[0] == 28:  # ENOSPC
                log("flash_full", announcement=item.id)
                await self.http.close()
                self._make_room(item.bytes + RESERVE + free_flash(), item)
                return False
            raise
        if size != item.bytes or binascii.hexlify(digest.digest()).decode() != item.sha256:
            log("sound_broken", announcement=item.id, bytes=size)
            remove(part)
            return False
        replace(part, item.path())
        self._checked[item.path()] = self.clock.ticks()
        log("sound_held", announcement=item.id, bytes=size)
        gc.collect()
        return True

    # The server.

    async def _calm(self):
        """Wait while something is said, or will be within seconds: connecting may stop everything else."""
        while True:
            item, now = self._coming(), self.clock.now()
            soon = item is not None and now is not None and 0 <= item.play_at - now <= CALM_MS
            if not self.speaking and not (soon and self._ready(item)):
                return
            await self.clock.sleep(50)

    async def _ask(self, method, path, body=None, http=None, **headers):
        """Ask the server as this device.

        Raises:
            Refused: it knows neither the token nor the next one.
            OSError, EOFError, Trouble: as of `Http.ask`, and for answers that ask to try again.
        """
        http = http or self.http
        answer = await http.ask(method, self.server + path, self.state["token"], body, **headers)
        if answer.status == 401 and self.state.get("next_token"):
            answer = await http.ask(method, self.server + path, self.state["next_token"], body, **headers)
            if answer.status < 300:
                self._promote()
        if answer.status == 401 and (await answer.json()).get("code") == "unauthenticated":
            raise Refused
        if answer.status >= 500 or answer.status in (401, 429) or 300 <= answer.status < 400:
            raise OSError("try again: %d" % answer.status)
        return answer

    def _promote(self):
        """Use the next token from here on."""
        self.state["token"] = self.state.pop("next_token")
        self.state["token_at"] = self.clock.now() or 0
        self.state.pop("mqtt", None)  # Its password belongs to the token.
        self._save()
        log("token_rotated")

    async def _be_online(self):
        """Connect to Wi-Fi and server and follow the schedule; wait a while after each failure."""
        failures = 0
        while True:
            try:
                await self._once_online()
                failures = 0
            except Refused:
                await self._forget_if_refused()
            except Trouble as trouble:
                name = (
                    "clock" if trouble.name == "certificate" and self.clock.source is None else trouble.name
                )
                self._complain(name, detail=trouble.detail)
            except (OSError, EOFError) as error:
                log("offline", type=type(error).__name__, detail=str(error)[:60])
                if self.clock.ticks() - self._online_at >= DAY_MS:
                    self._complain("server")
            if self.online:
                failures = 0
                self._online_at = self.clock.ticks()
            self.online = False
            self.mqtt = None
            self.document.abandon()
            await self.http.close()
            if self._reset:
                self._forget_all()
            # Different for each device, so that not all of them come back at one moment.
            await self.clock.sleep(min(1000 * 2**failures, 60_000) * (50 + random.getrandbits(8) % 51) // 100)
            failures = min(failures + 1, 6)

    async def _once_online(self):
        await self._calm()
        await self._join_wifi()
        await self._set_clock()
        if "token" not in self.state:
            await self._pair()
        self.mode = "offline"
        await self._calm()
        if self.config.get("channel") == "mqtt":
            await self._follow_mqtt()
        else:
            await self._follow_https()

    async def _join_wifi(self):
        """Connect to the chosen Wi-Fi, or have one chosen in the portal."""
        station = network.WLAN(network.STA_IF)
        station.active(True)
        attempts = 0
        while not station.isconnected():
            wifi = self.state.get("wifi") or self.config.get("wifi") or {}
            worked = self.state.get("worked") == wifi.get("name")
            if not wifi.get("name") or (attempts >= 3 and not worked):
                await self._open_portal()
                attempts = 0
                continue
            await self._calm()
            try:
                station.connect(wifi["name"], wifi.get("password", ""))
            except OSError:  # An attempt is under way.
                pass
            until = self.clock.ticks() + 20_000
            while not station.isconnected() and self.clock.ticks() < until:
                await self.clock.sleep(200)
            attempts += 1
            if station.isconnected():
                if not worked:
                    self.state["worked"] = wifi["name"]
                    self._save()
            elif attempts >= 3:
                self._complain("no_wifi")
                if self._reset:
                    self._forget_all()
        self.troubles.pop("no_wifi", None)

    async def _open_portal(self):
        self.mode = "setup"
        self._say("setup")
        name, password = await Portal(self.config).ask(self.clock)
        self.state["wifi"] = {"name": name, "password": password}
        self._save()
        self._said.pop("no_wifi", None)
        self.mode = "offline"

    async def _set_clock(self):
        """Ask an NTP server, unless its time was found wrong; twice a day."""
        ticks = self.clock.ticks()
        if self._ntp_wrong or (self._ntp_at is not None and ticks - self._ntp_at < DAY_MS // 2):
            return
        try:
            found = await ask_ntp(
                self.clock, self.config.get("ntp", "pool.ntp.org"), self.config.get("ntp_port", 123)
            )
        except OSError:
            found = None
        if found is None or found < BEGIN_OF_2025:
            log("ntp_silent")
            return
        self._ntp_at = ticks
        self.clock.set(found, "ntp")
        log("clock_set", source="ntp")

    async def _pair(self):
        """Say a code until a user claims this device; after ten minutes only when the button is tapped."""
        self.mode = "pairing"
        self._tapped = True
        while "token" not in self.state:
            pairing = self.state.get("pairing")
            if pairing is None:
                while not self._tapped:
                    await self.clock.sleep(200)
                self._tapped = False
                pairing = await self._begin_pairing()
            await self._await_claim(pairing)
        self.mode = "offline"

    async def _begin_pairing(self):
        token = new_token()
        body = {
            "token_sha256": token_sha256(token),
            "model": self.config.get("model", "Mia ESP32"),
            "channel": self.config.get("channel", "https"),
            "code": "digits",
        }
        answer = await self.http.ask("POST", self.server + "/v1/pairings", None, body)
        made = await answer.json()
        if answer.status != 201 or "code" not in made:
            raise OSError("pairing: %d" % answer.status)
        # Stored, because a user may claim it while the power is cut.
        pairing = {"token": token, "handle": made["handle"], "interval": made.get("interval", 5)}
        self.state["pairing"] = pairing
        self._save()
        log("pairing", interval=pairing["interval"])
        self._code = [one for one in made["code"] if one in "0123456789"]
        return pairing

    async def _await_claim(self, pairing):
        """Ask whether somebody claimed it, until it is claimed or over."""
        said_at = None
        while True:
            code = getattr(self, "_code", None)
            if code and (said_at is None or self._tapped or self.clock.ticks() - said_at > 30_000):
                self._tapped = False
                said_at = self.clock.ticks()
                self._say("pair", *code)
            answer = await self.http.ask("GET", self.server + "/v1/pairings/" + pairing["handle"])
            made = await answer.json()
            if answer.status == 200 and made.get("status") == "claimed":
                self.state["token"] = pairing["token"]
                self.state["device"] = made.get("device")
                self.state["token_at"] = self.clock.now() or 0
                del self.state["pairing"]
                self._save()
                self.troubles.pop("unpaired", None)
                self.prompts = []
                log("paired", device=made.get("device"))
                return
            if 400 <= answer.status < 500 and made.get("code") in ("expired", "not_found", "invalid_request"):
                del self.state["pairing"]
                self._save()
                return
            if self._reset:
                raise OSError("reset")
            await self.clock.sleep(1000 * pairing["interval"])

    async def _forget_if_refused(self):
        """Forget token and schedule if the server refuses the token once more."""
        await self.clock.sleep(5000)
        try:
            await self._ask("POST", "/v1/device/heartbeat")
        except Refused:
            self._forget_pairing()
            self._complain("unpaired")
        except (OSError, EOFError, Trouble):
            pass

    def _forget_pairing(self):
        for name in ("token", "next_token", "device", "mqtt", "mute", "pairing"):
            self.state.pop(name, None)
        self._save()
        self.items = []
        remove("schedule.json")
        self._tidy([])

    def _forget_all(self):
        """Forget Wi-Fi and pairing, because the button was held for ten seconds, and start again."""
        self._forget_pairing()
        self.state = {}
        self._save()
        machine.reset()

    def _is_online(self):
        self.online = True
        self.troubles.pop("certificate", None)
        self.troubles.pop("server", None)
        self._heartbeat_at = self.clock.ticks()
        self._online_at = self.clock.ticks()
        self._work.set()
        log("online")

    async def _follow_https(self):
        """Follow the schedule as Server-Sent Events."""
        # Before the server hears of this device: what was due and not reported counts as missed then.
        await self._send_acks()
        stream = Http()
        try:
            answer = await self._ask("GET", "/v1/device/schedule", None, stream, Accept="text/event-stream")
            if answer.status == 404:
                raise Refused
            if answer.status != 200:
                raise OSError("schedule: %d" % answer.status)
            events = EventStream(self.document)
            while not self._reset:
                piece = await answer.read(SILENCE_SECONDS)
                if not self.online:
                    self._is_online()
                if not piece or events.feed(piece):
                    return
        finally:
            await stream.close()

    async def _follow_mqtt(self):
        """Follow the schedule as a retained message of the broker."""
        access = self.state.get("mqtt")
        if not access:
            access = await self._mqtt_access()
        try:
            self.mqtt = client = await Mqtt.open(access, self.clock)
        except Refused:
            self.state.pop("mqtt", None)
            await self._mqtt_access()
            raise OSError("broker refused") from None
        try:
            # Before it is online, because what was due until then and is not reported counts as missed.
            for ack in list(self.journal.unsent):
                await client.publish("ack", json.dumps(_ack_body(ack)).encode())
            await client.publish("state", b'{"state":"online"}', retain=True, qos=0)
            self._is_online()
            await client.follow(self.document)
        finally:
            self.mqtt = None
            await client.close()

    async def _mqtt_access(self):
        answer = await self._ask("GET", "/v1/device/mqtt")
        made = await answer.json()
        if answer.status != 200 or "host" not in made:
            raise OSError("mqtt: %d" % answer.status)
        self.state["mqtt"] = made
        self._save()
        return made

    # What the server is told.

    async def _exchange(self):
        """While online: send reports, then a heartbeat when it is time, then actions; fetch sounds."""
        if not self.online:
            await self.clock.sleep(100)
            return
        self._work.clear()
        try:
            if not self.http.is_open:
                await self._calm()
            await self._send_acks()
            await self._send_heartbeat()
            await self._send_actions()
            await self._rotate_token()
            if await self._fetch_next():
                return
            now = self.clock.now()
            if now is not None and not self.journal.unsent:
                self.journal.compact(now)
        except Refused:
            log("refused")
            await self.clock.sleep(5000)
        except (OSError, EOFError, Trouble) as error:
            log("exchange_failed", type=type(error).__name__, detail=str(error)[:60])
            await self.http.close()
            await self.clock.sleep(2000)
        for _ in range(20):
            if self._work.is_set() or self.clock.ticks() >= self._heartbeat_at:
                return
            await self.clock.sleep(50)

    async def _send_acks(self):
        """Send what became of announcements, in order; the oldest again until the server has it."""
        while self.journal.unsent:
            ack = self.journal.unsent[0]
            body = _ack_body(ack)
            if self.config.get("channel") == "mqtt":
                if not await self._publish_ack(body):
                    return
            else:
                answer = await self._ask("POST", "/v1/device/acks", body)
                refusal = await answer.json()
                # A refusal of the server is final too: the announcement is gone.
                if answer.status != 204 and (answer.status < 400 or "code" not in refusal):
                    raise OSError("ack: %d" % answer.status)
                log("ack_sent", announcement=ack[0], state=ack[2], status=answer.status)
            self.journal.sent(ack)

    async def _publish_ack(self, body):
        client = self.mqtt
        if client is None:
            return False
        packet = await client.publish("ack", json.dumps(body).encode())
        for _ in range(READ_SECONDS * 50):
            if client.acked(packet):
                log("ack_sent", announcement=body["announcement"], state=body["state"])
                return True
            if self.mqtt is not client:
                return False
            await asyncio.sleep(0.02)
        raise OSError("no PUBACK")

    async def _send_heartbeat(self):
        if self.clock.ticks() < self._heartbeat_at:
            return
        self._heartbeat_at = self.clock.ticks() + HEARTBEAT_MS
        if self.mqtt:
            await self.mqtt.ping()
        else:
            await self._ask("POST", "/v1/device/heartbeat")

    async def _send_actions(self):
        """Send taps and mutes; a mute that began without a network is sent with what is left of it."""
        while self._actions:
            answer = await self._ask("POST", "/v1/device/actions", self._actions.pop(0))
            await answer.json()
            log("action", status=answer.status)
            if answer.status == 404:
                self._say("nothing")
        if "mute" in self.state:
            until, now = self.state["mute"], self.clock.now()
            minutes = max((until - now + 59_999) // 60_000, 0) if now is not None else 0
            answer = await self._ask("POST", "/v1/device/actions", {"action": "mute", "minutes": minutes})
            await answer.json()
            log("action", status=answer.status)
            if self.state.get("mute") == until:
                del self.state["mute"]
                self._save()

    async def _rotate_token(self):
        """Replace the token once in a while; the next one is stored before the server is asked to take it."""
        now, days = self.clock.now(), self.config.get("rotate_days", 30)
        if now is None or not days or now - self.state.get("token_at", 0) < days * DAY_MS:
            return
        if not self.state.get("next_token"):
            self.state["next_token"] = new_token()
            self._save()
        body = {"token_sha256": token_sha256(self.state["next_token"])}
        answer = await self._ask("POST", "/v1/device/token", body)
        await answer.json()
        if answer.status == 204 and self.state.get("next_token"):
            self._promote()
        elif answer.status != 204:
            self.state.pop("next_token", None)
            self.state["token_at"] = now
            self._save()


def _ack_body(ack):
    """Return a report of the journal as the server takes it."""
    body = {"announcement": ack[0], "state": ack[2], "at": _as_time(ack[3])}
    if ack[4]:
        body["detail"] = ack[4]
    return body


def _as_time(at):
    return at if isinstance(at, str) else format_time(at)


def main():
    """Run the device; what ends it restarts the chip."""
    asyncio.run(Mia(load_json("config.json", {}), Clock()).run())

"""Mutations of a configuration's text, from a seed: what fingers, editors, full
disks and bad merges do to a file, and worse.

    mutate(random.Random(7), b"checks = { … };")  →  (b"…", "a line dropped")
"""
import re

WORDS = [b"unknown_word", b"true", b"5", b'"5s"', b"[1, 2]", b"{ }", b"( )",
         b"-1", b"9223372036854775808", b"1.5e999", b'"${nowhere}"', b"0x",
         b'{ env = "RELEVO_NOT_SET"; }', b'"\xff\xfe"', b'"5 parsecs"']


def flip(r, text):
    out = bytearray(text)
    for _ in range(r.randint(1, 8)):
        out[r.randrange(len(out))] ^= 1 << r.randrange(8)
    return bytes(out)


def lines(change):
    def of(r, text):
        all_ = text.split(b"\n")
        change(r, all_)
        return b"\n".join(all_)
    return of


def drop(r, all_):
    del all_[r.randrange(len(all_))]


def swap(r, all_):
    i, k = r.randrange(len(all_)), r.randrange(len(all_))
    all_[i], all_[k] = all_[k], all_[i]


def double(r, all_):
    i = r.randrange(len(all_))
    all_.insert(i, all_[i])


def sign(r, text):
    """One of the language's own signs goes, or comes."""
    places = [m.start() for m in re.finditer(rb'[{}()\[\];,="$]', text)]
    at = r.choice(places)
    if r.random() < 0.5:
        return text[:at] + text[at + 1:]
    return text[:at] + bytes([r.choice(b'{}()[];,="$\\#/*')]) + text[at:]


def value(r, text):
    """A value of another type, or of none."""
    found = r.choice(list(re.finditer(rb"= *([^;{}\n]+);", text)))
    return text[:found.start(1)] + r.choice(WORDS) + text[found.end(1):]


def word(r, text):
    """A letter of a name is another."""
    found = r.choice(list(re.finditer(rb"\w+(?= *=)", text)))
    at = r.randrange(found.start(), found.end())
    return text[:at] + b"x" + text[at + 1:]


def insert(piece):
    def of(r, text):
        at = r.randrange(len(text))
        return text[:at] + piece + text[at:]
    return of


def cut(r, text):
    return text[:r.randrange(len(text))]


def append(piece):
    return lambda r, text: text + piece


def many_errors(_, text):
    return text + b"more = {\n" + b"".join(
        b"  c%d = { url = 5; intervall = true; };\n" % i
        for i in range(10000)) + b"};\n"


def needs(r, text):
    """A check needs itself, or all of them: a circle."""
    found = list(re.finditer(rb"(\w+) = \{ url", text))
    one = r.choice(found)
    names = [one] if r.random() < 0.5 else found
    need = b", ".join(b'"%s"' % m.group(1) for m in names)
    at = one.end() - len(b"url")
    return text[:at] + b"depends_on = [" + need + b"]; " + text[at:]


KINDS = [
    ("bytes flipped", flip), ("a line dropped", lines(drop)),
    ("two lines swapped", lines(swap)), ("a line doubled", lines(double)),
    ("a sign more or less", sign), ("another value", value),
    ("a name misspelt", word), ("cut off", cut),
    ("a NUL", insert(b"\0")), ("no UTF-8", insert(b"\xc3\x28\xff")),
    ("an escape sequence", insert(b"\x1b]0;x\x07\x1b[31m")),
    ("an include of itself", append(b'@include "relevo.cfg"\n')),
    ("an include of nothing", append(b'@include "nothing.cfg"\n')),
    ("nested without end", insert(b"a = { " * 5000)),
    ("a long line", insert(b"x" * 300000)),
    ("10,000 errors", many_errors),
    ("its own parent", needs),
    ("nothing", lambda r, text: b""),
    ("noise", lambda r, text: r.randbytes(2000)),
    ("only blanks", lambda r, text: b" " * 70000),
]


def mutate(r, text):
    name, change = r.choice(KINDS)
    return change(r, text), name

"""Which letters follow each other in names: the table `FOLLOWS` of `visavis.documents.mrz.spelling`.

    pip install faker
    python benchmarks/spelling.py

Counted are the first and the last names that Faker has for each language or country, as words of a
machine-readable zone. Those with 50 words or fewer, or in a script that Doc 9303's tables lack, are left out;
each of the others has the same weight. A little of all letters alike is added to every row, so that nothing
is impossible. A later Faker may have other names.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import numpy as np

from visavis.documents.mrz.layout import FILLER, LETTERS
from visavis.documents.mrz.names import transliterate

FEWEST = 50  # words of a language or country
LONGEST = 30  # letters of a name
ADDED = 0.07  # of a row, half of it by how frequent a letter is in general and half of it evenly
EDGE = len(LETTERS)  # the beginning of a word as the letter before, its end as the letter behind
ROWS = len(LETTERS) + 1
DEAREST = 9


def main() -> None:
    shares = [counts / counts.sum() for counts in map(_pairs, _languages()) if counts is not None]
    share = np.mean(shares, axis=0)
    rows = (1 - ADDED) * share / share.sum(axis=1, keepdims=True) + ADDED * (share.sum(axis=0) + 1 / ROWS) / 2
    rows[EDGE, EDGE] = np.exp(-DEAREST)
    rows /= rows.sum(axis=1, keepdims=True)
    costs = np.minimum(np.round(-np.log(rows)), DEAREST).astype(int)
    print(f"{len(shares)} languages and countries")
    for letter, row in zip((*LETTERS, "at the beginning"), costs, strict=True):
        print(f'    "{"".join(map(str, row))}",  # {letter}')


def _languages() -> Iterator[set[str]]:
    """The words in the names of each language or country."""
    people = importlib.import_module("faker.providers.person")
    for module in pkgutil.iter_modules(people.__path__):
        provider = importlib.import_module(f"{people.__name__}.{module.name}").Provider
        words: set[str] = set()
        for attribute in dir(provider):
            if attribute.startswith(("first_name", "last_name")):
                words.update(_words(getattr(provider, attribute)))
        yield words


def _words(names: object) -> Iterator[str]:
    """The words of a collection of names, some of which come with their frequency."""
    if not isinstance(names, (tuple, list, dict)):
        return
    for entry in names:
        name = entry[0] if isinstance(entry, tuple) else entry
        written = transliterate(name) if isinstance(name, str) else None
        if written and len(written.replace(FILLER, "")) <= LONGEST:
            yield from filter(None, written.split(FILLER))


def _pairs(words: set[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]] | None:
    """How often each letter follows each other one; None where there are too few words."""
    if len(words) <= FEWEST:
        return None
    counts = np.zeros((ROWS, ROWS))
    for word in words:
        letters = [EDGE, *(LETTERS.index(letter) for letter in word), EDGE]
        np.add.at(counts, (letters[:-1], letters[1:]), 1)
    return counts


if __name__ == "__main__":
    main()

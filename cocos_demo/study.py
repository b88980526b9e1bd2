"""A blind comparison, as in the papers' user studies: pictures without names, in an order drawn by a seed, ranked twice.

Each judgement is a row of a CSV file that tells all: whoever has the file can draw the order again and count again.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

QUESTIONS = {"quality": "image quality", "closeness": "closeness to the exemplar"}  # what is ranked, in words
FIELDS = ("time", "seed", "pair", "photo", "exemplar", "order", *QUESTIONS)
BETWEEN = "|"  # names in one cell: no checkpoint's name may hold it
LETTERS = "ABCDEFGH"
MOST = len(LETTERS)  # pictures in one round


class StudyError(ValueError):
    """A ranking or a file that does not add up; the message says where."""


def drawn(seed: int, number: int, names: Iterable[str]) -> tuple[str, ...]:
    """The order in which round `number` shows these systems: sorted by SHA-256 of "seed number name", the same everywhere."""
    return tuple(sorted(names, key=lambda name: _digest(seed, number, name)))


def pairing(seed: int, number: int, photos: Sequence[str], exemplars: Sequence[str]) -> tuple[str, str]:
    """Photo and exemplar of round `number`, from 1: every pair once, in an order drawn by the seed, then again."""
    pairs = [(photo, exemplar) for photo in photos for exemplar in exemplars if photo != exemplar]
    if not pairs:
        raise StudyError("there is no pair of a photo and an exemplar to show")
    return sorted(pairs, key=lambda pair: _digest(seed, "pair", *pair))[(number - 1) % len(pairs)]


def _digest(*parts) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()


@dataclass(frozen=True)
class Judgement:
    """One round as it was judged. Raises StudyError where the ranks do not add up."""

    time: str  # ISO 8601, UTC
    seed: int
    number: int  # of the round, from 1
    photo: str  # names of the files
    exemplar: str
    order: tuple[str, ...]  # the systems as shown: A, B, C, ...
    quality: tuple[int, ...]  # the places that A, B, C, ... were given; 1 is the best
    closeness: tuple[int, ...]

    def __post_init__(self):
        if len(set(self.order)) != len(self.order) or len(self.order) < 2:
            raise StudyError("a round shows two systems or more, each once")
        for question in QUESTIONS:
            ranks = getattr(self, question)
            if len(ranks) != len(self.order):
                raise StudyError(f"{len(self.order)} pictures were shown, and {len(ranks)} places given for {question}")
            if words := unfinished(ranks):
                raise StudyError(f"{question}: {words}")


def unfinished(ranks: Sequence[int | None]) -> str:
    """What is missing until ranks are each of 1 to n once; "" if nothing is."""
    n = len(ranks)
    for i, rank in enumerate(ranks):
        if rank is not None and not 1 <= rank <= n:
            return f"{LETTERS[i]} has place {rank} of {n}"
        if rank is not None and rank in ranks[:i]:
            return f"place {rank} is given to {LETTERS[ranks.index(rank)]} and {LETTERS[i]}"
    left = [LETTERS[i] for i, rank in enumerate(ranks) if rank is None]
    return f"{', '.join(left)} {'has' if len(left) == 1 else 'have'} no place yet" if left else ""


def now() -> str:
    """The present time as it is written."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def written(judgements: Iterable[Judgement]) -> str:
    """The text of a CSV file, a row a judgement."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(FIELDS)
    for j in judgements:
        cells = (BETWEEN.join(map(str, getattr(j, name))) for name in ("order", *QUESTIONS))
        table.writerow((j.time, j.seed, j.number, j.photo, j.exemplar, *cells))
    return file.getvalue()


def read(text: str, name: str = "the file") -> list[Judgement]:
    """The judgements in the text of such a file. Raises StudyError, which names the line."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    if next(rows, None) != list(FIELDS):
        raise StudyError(f"{name} is no record of a blind comparison: its first line must be {','.join(FIELDS)}")
    found = []
    for row in rows:
        if not row:
            continue
        where = f"{name}, line {rows.line_num}"
        if len(row) != len(FIELDS):
            raise StudyError(f"{where}: {len(row)} cells, and there must be {len(FIELDS)}")
        time, seed, number, photo, exemplar, order, *ranks = row
        try:
            numbers = int(seed), int(number), *(tuple(map(int, cell.split(BETWEEN))) for cell in ranks)
        except ValueError:
            raise StudyError(f"{where}: seed, pair and places must be whole numbers") from None
        try:
            found.append(Judgement(time, *numbers[:2], photo, exemplar, tuple(order.split(BETWEEN)), *numbers[2:]))
        except StudyError as error:
            raise StudyError(f"{where}: {error}") from None
    return found


Tally = dict[str, dict[str, list[int]]]


def tally(judgements: Iterable[Judgement]) -> Tally:
    """Question -> system -> how often it had place 1, 2, ...; the systems sorted by their mean place, best first."""
    judgements = list(judgements)
    most = max((len(j.order) for j in judgements), default=0)
    counted: Tally = {}
    for question in QUESTIONS:
        places: dict[str, list[int]] = {}
        for j in judgements:
            for name, place in zip(j.order, getattr(j, question)):
                places.setdefault(name, [0] * most)[place - 1] += 1
        counted[question] = dict(sorted(places.items(), key=lambda item: (mean_place(item[1]), item[0])))
    return counted


def mean_place(counts: Sequence[int]) -> float:
    """The mean of places that were given so often."""
    return sum(place * count for place, count in enumerate(counts, 1)) / sum(counts)


def table(counted: Tally) -> str:
    """The tally in words: for each question a row a system, how often each place, and the share of the first."""
    blocks = []
    for question, places in counted.items():
        wide = max(map(len, (QUESTIONS[question], *places)))
        most = max(map(len, places.values()), default=0)
        head = "".join(f"{f'place {i}':>9}" for i in range(1, most + 1)) + f"{'first':>9}{'mean place':>12}"
        rows = [f"{name:<{wide}}{''.join(f'{count:>9}' for count in counts)}"
                f"{counts[0] / sum(counts):>9.1%}{mean_place(counts):>12.2f}" for name, counts in places.items()]
        blocks.append("\n".join([f"{QUESTIONS[question]:<{wide}}{head}", *rows]))
    return "\n\n".join(blocks)


def checked(files: Iterable[tuple[str, str]]) -> list[Judgement]:
    """The judgements in files, (name, text) each. Raises StudyError as `read` does, and where an order is not the one that its
    seed draws, or a round is there twice."""
    found, rounds = [], set()
    for name, text in files:
        for j in read(text, name):
            where = f"{name}: round {j.number} of seed {j.seed}"
            order = drawn(j.seed, j.number, j.order)
            if j.order != order:
                raise StudyError(f"{where} was not shown in this order: its seed draws {', '.join(order)}")
            if (j.seed, j.number) in rounds:
                raise StudyError(f"{where} is there twice")
            rounds.add((j.seed, j.number))
            found.append(j)
    if not found:
        raise StudyError("there is no judgement to count")
    return found

import polars as pl
import pytest
import torch

from relight.model.networks.tower import hash_ngrams, ngrams
from relight.split.pairs import N_BUCKETS, N_LETTERS, code_points

LAST = chr(0x10FFFF)


def by_hand(text: str) -> list[str]:
    """Pairs and triples of ` text ` from left to right, the first 48 of them."""
    padded = f" {text.lower()} "
    return [padded[at : at + n] for at in range(len(padded)) for n in (2, 3) if at + n <= len(padded)][:48]


def spelled(number: int) -> str:
    """The bucket of an n-gram."""
    points = [number // 0x110000**2, number // 0x110000 % 0x110000, number % 0x110000]
    return "".join(map(chr, points)).rstrip("\0")


@pytest.mark.parametrize("text", ["a", "Ab", "anna maria", "x" * 23, "y" * 24, "z" * 25, "w" * 99, f"é😀{LAST}{LAST}"])
def test_pairs_and_triples_of_a_padded_text_each_a_number_of_its_own(text: str) -> None:
    (numbers,) = ngrams(torch.from_numpy(code_points(pl.Series([text])))).tolist()
    assert len(numbers) == 2 * (N_LETTERS - 1)
    assert sorted(spelled(number) for number in numbers if number) == sorted(by_hand(text))


def test_a_gap_has_none() -> None:
    assert ngrams(torch.zeros(2, 3, 5, dtype=torch.int32)).tolist() == torch.zeros(2, 3, 8).tolist()


def test_codes_are_buckets_from_1_and_0_for_none() -> None:
    """` a` is (32 * 0x110000 + 97) * 0x110000 = 39,719,965,622,272; modulo 1,000,003 that is 462,734."""
    number = (32 * 0x110000 + 97) * 0x110000
    largest = 0x10FFFF * (0x110000**2 + 0x110000 + 1)
    codes = hash_ngrams(torch.tensor([0, number, largest]), 100)
    assert codes.tolist() == [0, 35, 1 + largest % 1_000_003 % 100]


def test_few_n_grams_share_a_bucket() -> None:
    """Each bucket has about four of the 26³ trigrams, and none more than chance would give it."""
    letters = torch.cartesian_prod(*[torch.arange(97, 123)] * 3)
    numbers = ngrams(torch.nn.functional.pad(letters, (0, 1)))  # ` abc `
    triples = numbers[:, 4]
    counts = torch.bincount(hash_ngrams(triples, N_BUCKETS), minlength=N_BUCKETS + 1)[1:]
    assert len(triples.unique()) == 26**3
    assert int(counts.max()) <= 14
    assert int((counts == 0).sum()) <= 0.02 * N_BUCKETS  # by chance 1.4 % would have none

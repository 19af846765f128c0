from relight.train.distributed.group import process_seed


def test_the_first_process_has_the_seed_of_a_process_alone() -> None:
    assert process_seed(42, 0) == 42


def test_no_two_processes_draw_alike() -> None:
    # torch takes only the last 32 bits of a seed
    seeds = [process_seed(seed, rank) for seed in range(20) for rank in range(1, 20)]
    assert len({seed % 2**32 for seed in seeds}) == len(seeds)
